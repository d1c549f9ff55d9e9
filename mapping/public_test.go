package mapping_test

import (
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"streamdse/internal/golden"
	"streamdse/mapping"
)

func TestPublicFiles(t *testing.T) {
	root := golden.Shared(t, "data")
	n := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".yaml" || !strings.Contains(filepath.ToSlash(path), "/mapping/") {
			return err
		}
		n++
		m, err := mapping.Load(path)
		if err != nil {
			t.Error(err)
			return nil
		}
		if len(m.Entries) == 0 {
			t.Errorf("%s: no entries", path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n != 35 {
		t.Errorf("%d files", n)
	}
}

// TestGoldenMappings reads the mappings of the measured cases, which are JSON.
func TestGoldenMappings(t *testing.T) {
	f := golden.Load(t)
	if len(f.Mappings) == 0 {
		t.Fatal("no mappings")
	}
	for name, text := range f.Mappings {
		m, err := mapping.Parse(name, text)
		if err != nil {
			t.Error(err)
			continue
		}
		if m.Name != name || m.Entries[0].Name != "default" {
			t.Errorf("%s: mapping %q, first entry %q", name, m.Name, m.Entries[0].Name)
		}
	}
	res, err := mapping.Parse("k3", f.Mappings["k3"])
	if err != nil {
		t.Fatal(err)
	}
	if e := res.Entries[1]; len(e.Cores) != 3 || e.Cores[2] != 0 || !e.Fixed || e.Inter[0] != (mapping.Tiling{Dim: "K", Parts: 3}) {
		t.Errorf("entry %+v", e)
	}
}
