package report

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"streamdse/internal/diag"
	"streamdse/schedule"
)

func TestAllocationRoundTrip(t *testing.T) {
	d := network(20, 40)
	rapid.Check(t, func(t *rapid.T) {
		want := &schedule.Allocation{}
		for l := range d.Graph.Layers {
			groups := rapid.IntRange(1, 4).Draw(t, "groups")
			d.Graph.Layers[l].Groups = groups
			cores := make([]int, groups)
			for g := range cores {
				cores[g] = rapid.IntRange(0, 5).Draw(t, "core")
			}
			want.Cores = append(want.Cores, cores)
		}
		var b bytes.Buffer
		if err := WriteAllocation(&b, d.Graph, want); err != nil {
			t.Fatal(err)
		}
		got, err := ReadAllocation("allocation.json", b.Bytes(), d.Graph, d.Accelerator)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

// The number of a layer may be given beside its name.
func TestReadAllocationWithID(t *testing.T) {
	d := small()
	src := `[{"id": 0, "layer": "/conv1/Conv", "group": 0, "core": 1},
		{"layer": "/fc, \"last\"/Gemm", "group": 1, "core": 0}, {"id": 2, "layer": "/fc, \"last\"/Gemm", "group": 0, "core": 1}]`
	got, err := ReadAllocation("a.json", []byte(src), d.Graph, d.Accelerator)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]int{{1}, {1, 0}, {0}}, got.Cores); diff != "" {
		t.Error(diff)
	}
}

func TestReadAllocationProblems(t *testing.T) {
	d := small()
	for _, c := range []struct {
		name, src string
		want      []string // each problem's first line
	}{
		{"all kinds at once", `[
  {"layer": "/conv1/Conv", "group": 0, "core": 2},
  {"layer": "/conv2/Conv", "group": 0, "core": 0},
  {"layer": "/fc, \"last\"/Gemm", "group": 2, "core": 0}, {"layer": "/fc, \"last\"/Gemm", "group": 0, "core": 9},
  {"layer": "/fc, \"last\"/Gemm", "group": 0, "core": 1},
  {"group": 0, "core": 1},
  {"layer": "/conv1/Conv", "core": 1},
  {"layer": "/conv1/Conv", "group": 0},
  {"layer": "/conv1/Conv", "group": 0.5, "core": 1},
  {"layer": "/conv1/Conv", "group": 0, "core": 1, "colour": 3},
  {"layer": "/conv1/Conv", "id": 5, "group": 0, "core": 1},
  7
]`, []string{
			`a.json:2:3: layer "/conv1/Conv", group 0: there is no core 2 to compute on`,
			`a.json:3:3: unknown layer "/conv2/Conv"`,
			`a.json:4:3: layer "/fc, \"last\"/Gemm" has no group 2`,
			`a.json:4:59: layer "/fc, \"last\"/Gemm", group 0: there is no core 9 to compute on`,
			`a.json:5:3: layer "/fc, \"last\"/Gemm", group 0 has a core already, in line 4`,
			`a.json:6:3: the entry lacks its layer`,
			`a.json:7:3: the entry for layer "/conv1/Conv" lacks its group`,
			`a.json:8:3: the entry for layer "/conv1/Conv" lacks its core`,
			`a.json:9:3: the entry's group is of the wrong kind: number 0.5`,
			`a.json:10:3: the entry has a key "colour" that means nothing`,
			`a.json:11:3: layer "/conv1/Conv" does not have id 5`,
			`a.json:11:3: layer "/conv1/Conv", group 0 has a core already, in line 2`,
			`a.json:12:3: the entry is not of the right form`,
			`a.json:1:1: layers without a core: /fc, "last"/Gemm (1 of 2 groups)`,
		}},
		{"nothing", ``, []string{`a.json:1:1: not JSON`}},
		{"no list", `{}`, []string{`a.json:1:1: not a saved allocation`}},
		{"empty list", `[]`, []string{
			`a.json:1:1: layers without a core: /conv1/Conv, /fc, "last"/Gemm (2 of 2 groups)`,
		}},
		{"broken off", "[\n{\"layer\": ", []string{`a.json:2:11: not JSON`}},
		{"something behind the list", "[]\n\n{", []string{`a.json:3:1: not JSON`}},
		{"bad syntax", "[\n{\"layer\": x}]", []string{`a.json:2:11: not JSON`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ReadAllocation("a.json", []byte(c.src), d.Graph, d.Accelerator)
			var list diag.List
			if !errors.As(err, &list) {
				t.Fatalf("got %v", err)
			}
			var got []string
			for i, p := range list {
				line, _, _ := strings.Cut(p.String(), "\n")
				if i < len(c.want) && strings.HasPrefix(line, c.want[i]) {
					line = c.want[i]
				}
				got = append(got, line)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// Whatever is in the file, reading it gives an allocation that is whole, or
// problems.
func FuzzReadAllocation(f *testing.F) {
	d := small()
	var b bytes.Buffer
	if err := WriteAllocation(&b, d.Graph, d.Allocation); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte(`[{"layer": "/conv1/Conv", "group": -1, "core": 1e3}, [`))
	f.Add([]byte(`[1,]`))
	f.Fuzz(func(t *testing.T, src []byte) {
		a, err := ReadAllocation("a.json", src, d.Graph, d.Accelerator)
		var list diag.List
		if err != nil && (!errors.As(err, &list) || len(list) == 0) {
			t.Fatalf("error without problems: %v", err)
		}
		for _, p := range list {
			if p.Line < 0 || p.Message == "" {
				t.Fatalf("problem %+v", p)
			}
		}
		if err == nil {
			for l, cores := range a.Cores {
				if len(cores) != d.Graph.Layers[l].Groups {
					t.Fatalf("layer %d has cores %v", l, cores)
				}
				for _, c := range cores {
					if c < 0 || c >= d.Accelerator.Offchip {
						t.Fatalf("layer %d runs on core %d", l, c)
					}
				}
			}
		}
	})
}
