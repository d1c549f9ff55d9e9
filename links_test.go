package stream

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	markdownLink = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading      = regexp.MustCompile(`(?m)^#+ +(.*)$`)
	fenced       = regexp.MustCompile("(?ms)^```.*?^```$")
	notInAnchor  = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// anchors are the fragments that the headings of a page can be linked by.
func anchors(text string) []string {
	var list []string
	for _, m := range heading.FindAllStringSubmatch(text, -1) {
		name := notInAnchor.ReplaceAllString(strings.ToLower(m[1]), "")
		list = append(list, strings.ReplaceAll(name, " ", "-"))
	}
	return list
}

// TestLinks follows the links between the pages of the project: each leads to a file
// and, with a fragment, to a heading of it. The table of docs/README.md leads to every
// page, and no picture is left that no page shows.
func TestLinks(t *testing.T) {
	pages, err := filepath.Glob("docs/*.md")
	if err != nil || len(pages) < 10 {
		t.Fatal(len(pages), err)
	}
	read := func(page string) string {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		return fenced.ReplaceAllString(string(text), "")
	}
	linked := map[string][]string{} // pages by what they link to
	for _, page := range append(slices.Clone(pages), "README.md", "ARCHITECTURE.md") {
		for _, m := range markdownLink.FindAllStringSubmatch(read(page), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			file, fragment, _ := strings.Cut(m[1], "#")
			to := page
			if file != "" {
				to = filepath.Join(filepath.Dir(page), filepath.FromSlash(file))
			}
			linked[to] = append(linked[to], page)
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s: the link %s leads nowhere", page, m[1])
			} else if fragment != "" && !slices.Contains(anchors(read(to)), fragment) {
				t.Errorf("%s: the link %s leads to no heading of %s: it has %q", page, m[1], to, anchors(read(to)))
			}
		}
	}
	index := filepath.Join("docs", "README.md")
	for _, page := range pages {
		if page != index && !slices.Contains(linked[page], index) {
			t.Errorf("%s is not in the table of %s", page, index)
		}
	}
	pictures, err := filepath.Glob("docs/images/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, picture := range pictures {
		if len(linked[picture]) == 0 {
			t.Errorf("no page shows %s", picture)
		}
	}
}
