package zoo_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	hardwarezoo "streamdse/hardware/zoo"
	"streamdse/internal/golden"
	"streamdse/mapping"
	"streamdse/mapping/zoo"
)

// TestFits loads every mapping and checks it against the accelerator of its name.
func TestFits(t *testing.T) {
	for _, name := range zoo.Names() {
		m, err := zoo.Load(name)
		if err != nil {
			t.Error(err)
			continue
		}
		acc, err := hardwarezoo.Load(name)
		if err != nil {
			t.Error(err)
			continue
		}
		if m.Name != name {
			t.Errorf("mapping %q is called %q", name, m.Name)
		}
		if p := m.Check(acc); len(p) > 0 || len(m.Warnings) > 0 {
			t.Errorf("%s: %v %v", name, p, m.Warnings)
		}
	}
}

// TestPublic compares with the public mappings for the same chips.
func TestPublic(t *testing.T) {
	for name, file := range map[string]string{
		"tpu_like_quad_core": "tpu_like_quad_core",
		"simba_small":        "simba_small",
		"simba":              "simba",
		"fusemax":            "array_and_vec",
	} {
		t.Run(name, func(t *testing.T) {
			path := golden.Shared(t, "data/stream-2024/examples/mapping/"+file+".yaml")
			want, err := mapping.Load(path)
			if err != nil {
				t.Fatal(err)
			}
			want.Entries = slices.DeleteFunc(want.Entries, func(e mapping.Entry) bool { return e.Name == "Pool" }) // no operator type
			got, err := zoo.Load(name)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, got,
				cmpopts.IgnoreFields(mapping.Mapping{}, "Name"),
				cmpopts.IgnoreFields(mapping.Entry{}, "File", "Line"),
				cmpopts.IgnoreUnexported(mapping.Entry{}),
				cmpopts.SortSlices(func(a, b mapping.Entry) bool { return a.Name < b.Name })); d != "" {
				t.Errorf("(-public +ours):\n%s", d)
			}
		})
	}
}

func TestUnknown(t *testing.T) {
	_, err := zoo.Load("tpu_like_quad_cor")
	if err == nil || !strings.Contains(err.Error(), "did you mean `tpu_like_quad_core`?") {
		t.Errorf("error %v", err)
	}
	if _, err := zoo.Load("../files/tpu_like_quad_core"); err == nil {
		t.Error("a path is no name")
	}
}
