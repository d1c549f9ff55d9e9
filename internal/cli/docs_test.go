package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// A page of the documentation holds, in fenced blocks,
//
//	```console        commands that follow `$ `, with what they print below; a line
//	                  `...` stands for any lines, `...` in a line for any text
//	```console slow   the same, too slow for a test
//	```yaml FILE      a file that later commands find
//	```go FILE        a source file to add to the program
//	```diff FILE      changes to one: lines that go (-), come (+) and stay ( ), with
//	                  @@ between places
//
// TestDocs runs the commands of each page in a folder of its own.

// document is a Markdown file.
type document struct {
	name  string
	lines []string
}

// block is a fenced block: lines [from, to) of its document.
type block struct {
	info     string
	from, to int
}

var fence = regexp.MustCompile("^```(.*)$")

func pages(t *testing.T) []document {
	files, err := filepath.Glob(filepath.Join("..", "..", "docs", "*.md"))
	if err != nil || len(files) < 5 {
		t.Fatal(len(files), err)
	}
	var list []document
	for _, file := range append(files, filepath.Join("..", "..", "README.md")) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, document{file, strings.Split(string(text), "\n")})
	}
	return list
}

func (p *document) blocks() []block {
	var list []block
	for i := 0; i < len(p.lines); i++ {
		m := fence.FindStringSubmatch(p.lines[i])
		if m == nil {
			continue
		}
		from := i + 1
		for i = from; i < len(p.lines) && !fence.MatchString(p.lines[i]); i++ {
		}
		list = append(list, block{strings.TrimSpace(m[1]), from, min(i, len(p.lines))})
	}
	return list
}

// TestDocs runs the commands of the documentation and compares what they print.
// With -update, a line that has changed is replaced by the one that begins alike.
func TestDocs(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("the commands are run by a shell")
	}
	bin := t.TempDir() // where TestMain's command has its name
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(bin, "stream")); err != nil {
		t.Skip(err)
	}
	for _, p := range pages(t) {
		t.Run(filepath.Base(filepath.Dir(p.name))+"/"+filepath.Base(p.name), func(t *testing.T) {
			t.Parallel()
			dir, changed, bin := t.TempDir(), false, bin
			if overlay := p.overlay(t); len(overlay) > 0 {
				bin = build(t, overlay)
			}
			for _, b := range p.blocks() {
				kind, file, _ := strings.Cut(b.info, " ")
				switch {
				case kind == "yaml" && file != "":
					text := strings.Join(p.lines[b.from:b.to], "\n") + "\n"
					if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o666); err != nil {
						t.Fatal(err)
					}
				case b.info == "console":
					changed = p.run(t, b, dir, bin) || changed
				}
			}
			if changed {
				if err := os.WriteFile(p.name, []byte(strings.Join(p.lines, "\n")), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			if p.name == filepath.Join("..", "..", "README.md") {
				comparePictures(t, filepath.Join(dir, "outputs"))
			}
		})
	}
}

// comparePictures compares the pictures docs/images/run-MODE-NAME.png with those that
// stream run has written, or replaces them with -update.
func comparePictures(t *testing.T, outputs string) {
	shown, err := filepath.Glob(filepath.Join("..", "..", "docs", "images", "run-*.png"))
	if err != nil || len(shown) == 0 {
		t.Fatal(len(shown), err)
	}
	for _, file := range shown {
		name := strings.TrimPrefix(filepath.Base(file), "run-")
		cut := strings.LastIndex(name, "-")
		drawn, err := os.ReadFile(filepath.Join(outputs, "resnet18-tpu_like_quad_core-"+name[:cut], name[cut+1:]))
		if err != nil {
			t.Error(err)
			continue
		}
		if *update {
			if err := os.WriteFile(file, drawn, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		if was, err := os.ReadFile(file); err != nil || !bytes.Equal(was, drawn) {
			t.Errorf("%s is not what stream run draws; `go test ./internal/cli -run TestDocs -args -update` replaces it", file)
		}
	}
}

// run runs the commands of a block and tells whether lines of the page were updated.
func (p *document) run(t *testing.T, b block, dir, bin string) (edited bool) {
	for i := b.from; i < b.to; {
		command, ok := strings.CutPrefix(p.lines[i], "$ ")
		if !ok {
			t.Errorf("%s:%d: a block of commands begins with one", p.name, i+1)
			return edited
		}
		at := i
		for i++; strings.HasSuffix(command, `\`) && i < b.to; i++ {
			command = strings.TrimSuffix(command, `\`) + p.lines[i]
		}
		from := i
		for i < b.to && !strings.HasPrefix(p.lines[i], "$ ") {
			i++
		}
		c := exec.Command("sh", "-c", command)
		c.Dir = dir
		c.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
		output, err := c.CombinedOutput()
		var exit *exec.ExitError
		if err != nil && (!errors.As(err, &exit) || from == i) {
			t.Errorf("%s:%d: %s: %v\n%s", p.name, at+1, command, err, output)
			continue
		}
		if from == i {
			continue
		}
		got := strings.Split(strings.TrimRight(string(output), "\n"), "\n")
		shown := p.lines[from:i]
		if matches(shown, got) {
			continue
		}
		if *update && renew(shown, got) {
			edited = true
			continue
		}
		t.Errorf("%s:%d: %s prints\n%s\nwant\n%s", p.name, at+1, command, output, strings.Join(shown, "\n"))
	}
	return edited
}

// overlay is what a page adds to the sources and changes of them, by path.
func (p *document) overlay(t *testing.T) map[string]string {
	files := map[string]string{}
	for _, b := range p.blocks() {
		kind, file, _ := strings.Cut(b.info, " ")
		if file == "" || kind != "go" && kind != "diff" {
			continue
		}
		path, err := filepath.Abs(filepath.Join("..", "..", filepath.FromSlash(file)))
		if err != nil {
			t.Fatal(err)
		}
		lines := p.lines[b.from:b.to]
		if kind == "go" {
			files[path] = strings.Join(lines, "\n") + "\n"
			continue
		}
		text := files[path]
		if text == "" {
			source, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			text = string(source)
		}
		for _, place := range strings.Split(strings.Join(lines, "\n"), "\n@@\n") {
			var before, after string
			for line := range strings.Lines(place + "\n") {
				if line[0] != '+' {
					before += line[1:]
				}
				if line[0] != '-' {
					after += line[1:]
				}
			}
			if n := strings.Count(text, "\n"+before); n != 1 {
				t.Fatalf("%s:%d: %s has these lines %d times:\n%s", p.name, b.from, file, n, before)
			}
			text = strings.Replace(text, "\n"+before, "\n"+after, 1)
		}
		files[path] = text
	}
	return files
}

// build builds the program with other sources and returns the folder that it is in.
func build(t *testing.T, overlay map[string]string) string {
	compiler, err := exec.LookPath("go")
	if err != nil {
		t.Skip("no compiler")
	}
	dir := t.TempDir()
	replace := map[string]string{}
	for path, text := range overlay {
		file := filepath.Join(dir, fmt.Sprintf("%d.go", len(replace)))
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		replace[path] = file
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "overlay.json"), list, 0o666); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(compiler, "build", "-overlay", filepath.Join(dir, "overlay.json"), "-o", filepath.Join(dir, "stream"), "./cmd/stream")
	c.Dir = filepath.Join("..", "..")
	if output, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	return dir
}

// matches compares printed lines with those that a page shows.
func matches(shown, got []string) bool {
	if len(shown) == 0 {
		return len(got) == 0
	}
	if shown[0] == "..." {
		for skip := range len(got) + 1 {
			if matches(shown[1:], got[skip:]) {
				return true
			}
		}
		return false
	}
	return len(got) > 0 && matchesLine(shown[0], got[0]) && matches(shown[1:], got[1:])
}

func matchesLine(shown, got string) bool {
	shown, got = strings.Join(strings.Fields(shown), " "), strings.Join(strings.Fields(got), " ") // widths of columns do not matter
	if !strings.Contains(shown, "...") {
		return shown == got
	}
	parts := strings.Split(shown, "...")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return regexp.MustCompile("^" + strings.Join(parts, ".*") + "$").MatchString(got)
}

// renew replaces the lines that are not printed any more by printed ones that begin
// with the same words.
func renew(shown, got []string) bool {
	words := regexp.MustCompile(`^\s*[^\d]*?(?:\s\s|\d|$)`)
	for i, line := range shown {
		if line == "..." || slices.ContainsFunc(got, func(g string) bool { return matchesLine(line, g) }) {
			continue
		}
		like := slices.IndexFunc(got, func(g string) bool { return words.FindString(g) == words.FindString(line) })
		if like < 0 {
			return false
		}
		shown[i] = strings.TrimRight(got[like], " ")
	}
	return matches(shown, got)
}

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		shown, got string
		want       bool
	}{
		{"a|b", "a|b", true}, {"a|b", "a", false}, {"a", "a|b", false}, {"a|...", "a|b|c", true}, {"...|c", "a|b|c", true},
		{"a|...|c", "a|c", true}, {"a|...|d", "a|b|c", false}, {"in ... s", "in 0.5 s", true}, {"in ... s", "in 0.5 m", false}, {"a  b", "a b ", true},
	} {
		if got := matches(strings.Split(c.shown, "|"), strings.Split(c.got, "|")); got != c.want {
			t.Errorf("%s and %s: %t", c.shown, c.got, got)
		}
	}
	shown := []string{"latency  5  6", "...", "energy  3"}
	if !renew(shown, []string{"latency  7  8", "x", "energy  3"}) || shown[0] != "latency  7  8" {
		t.Errorf("renewed to %q", shown)
	}
}

// codeSpan finds commands in running text, codeLine those in a block.
var (
	codeSpan = regexp.MustCompile("`(stream(?: [^`]*)?)`")
	codeLine = regexp.MustCompile(`^(?:    +)?(?:\$ )?(?:\./|go run \./cmd/)?(stream(?: .*)?)$`)
	gap      = regexp.MustCompile(`   +.*$`) // an explanation beside a command
)

// TestDocsCommands: every command that the documentation names exists, with the flags
// that it is given.
func TestDocsCommands(t *testing.T) {
	named := 0
	for _, p := range pages(t) {
		fenced, console := false, false
		for i, line := range p.lines {
			if m := fence.FindStringSubmatch(line); m != nil {
				fenced, console = !fenced, strings.HasPrefix(m[1], "console")
				continue
			}
			var commands []string
			if fenced && console && !strings.HasPrefix(line, "$ ") {
				continue // what a command prints
			}
			if m := codeLine.FindStringSubmatch(line); m != nil && (fenced || strings.HasPrefix(line, "    ")) {
				commands = append(commands, m[1])
			} else if !fenced {
				for _, m := range codeSpan.FindAllStringSubmatch(line, -1) {
					commands = append(commands, m[1])
				}
			}
			for _, command := range commands {
				named++
				if err := exists(gap.ReplaceAllString(command, "")); err != nil {
					t.Errorf("%s:%d: %s: %v", p.name, i+1, command, err)
				}
			}
		}
	}
	if named < 50 {
		t.Errorf("only %d commands are named", named)
	}
}

// TestDocsExamples: the Go code that the documentation shows is that of the examples
// of package stream, which run.
func TestDocsExamples(t *testing.T) {
	source, err := os.ReadFile(filepath.Join("..", "..", "example_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	shown := 0
	for _, p := range pages(t) {
		for _, b := range p.blocks() {
			if b.info != "go" {
				continue
			}
			shown++
			var code strings.Builder
			for _, line := range p.lines[b.from:b.to] {
				if line != "" {
					line = "\t" + line
				}
				code.WriteString(line + "\n")
			}
			if !strings.Contains(string(source), "() {\n"+code.String()+"}\n") {
				t.Errorf("%s:%d: no example of package stream is like this", p.name, b.from)
			}
		}
	}
	if shown < 5 {
		t.Errorf("only %d examples are shown", shown)
	}
}

// exists tells what is wrong with the names of a command and of its flags.
func exists(command string) error {
	command, _, _ = strings.Cut(command, " > ")
	command, _, _ = strings.Cut(command, " | ")
	command, _, _ = strings.Cut(command, " && ")
	args := strings.Fields(command)[1:]
	root := rootCommand()
	root.InitDefaultCompletionCmd()
	root.SetContext(context.Background())
	root.SetOut(io.Discard)
	c, rest, err := root.Find(args)
	if err != nil {
		return err
	}
	c.InitDefaultHelpFlag()
	if c.HasSubCommands() && len(rest) > 0 && !strings.HasPrefix(rest[0], "-") {
		return fmt.Errorf("%s has no command %q", c.CommandPath(), rest[0])
	}
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return err })
	var unknown *pflag.NotExistError
	if err := c.ParseFlags(rest); errors.As(err, &unknown) {
		return err
	}
	return nil
}

func TestExists(t *testing.T) {
	for command, want := range map[string]bool{
		"stream": true, "stream run --mode fused": true, "stream run --seed N": true, "stream zoo export NAME": true,
		"stream rum": false, "stream run --mod fused": false, "stream zoo lst": false,
	} {
		if err := exists(command); (err == nil) != want {
			t.Errorf("%s: %v", command, err)
		}
	}
}
