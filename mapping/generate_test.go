package mapping_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"streamdse/hardware"
	hardwarezoo "streamdse/hardware/zoo"
	"streamdse/mapping"
	"streamdse/mapping/zoo"
	"streamdse/workload"
)

// generated parses what is generated for an accelerator.
func generated(t rapid.TB, acc *hardware.Accelerator) *mapping.Mapping {
	t.Helper()
	text, err := mapping.Generate(acc)
	if err != nil {
		t.Fatal(err)
	}
	m, err := mapping.Parse(mapping.Generated, text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if p := m.Check(acc); len(p) > 0 || len(m.Warnings) > 0 || m.Name != "generated" {
		t.Fatalf("mapping %q: %v %v\n%s", m.Name, p, m.Warnings, text)
	}
	return m
}

// TestGenerateZoo generates the mapping of every built-in accelerator: the layers of
// each type may run on the cores that the built-in mapping allows.
func TestGenerateZoo(t *testing.T) {
	for _, name := range hardwarezoo.Names() {
		acc, err := hardwarezoo.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		ours, err := zoo.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		m := generated(t, acc)
		for _, kind := range []string{"Conv", "Gemm", "MatMul", "MaxPool", "AveragePool", "GlobalAveragePool", "Add"} {
			l := &workload.Layer{Name: "layer", Type: kind}
			want, got := ours.Lookup(l).Candidates(acc, l, 0), m.Lookup(l).Candidates(acc, l, 0)
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s, %s (-built-in +generated):\n%s", name, kind, d)
			}
		}
	}
}

// core is a core of the given name, array and accepted operators.
func core(name string, sizes []int, operators ...string) hardware.Core {
	c := hardware.Core{Name: name, Array: hardware.Array{Sizes: sizes}}
	if len(operators) > 0 {
		c.OperatorTypes = operators
	}
	return c
}

func TestGenerateRoles(t *testing.T) {
	off := core("off", []int{0, 0})
	for _, c := range []struct {
		what  string
		cores []hardware.Core
		want  map[string][]int
	}{
		{"one core does all", []hardware.Core{core("a", []int{8}), off},
			map[string][]int{"Conv": {0}, "MaxPool": {0}, "Add": {0}}},
		{"vector cores pool where nothing else does", []hardware.Core{core("array", []int{8, 8}), core("my_SIMD", []int{4, 4}), off},
			map[string][]int{"Conv": {0}, "Gemm": {0}, "MaxPool": {1}, "Add": {1}, "Softmax": {1}}},
		{"arrays add where there is only a pooling core", []hardware.Core{core("array", []int{8, 8}), core("MaxPooler", []int{3, 3}), off},
			map[string][]int{"Conv": {0}, "MaxPool": {1}, "Add": {0, 1}}},
		{"a row of units beside an array", []hardware.Core{core("array", []int{8, 8}), core("b", []int{64, 1}), off},
			map[string][]int{"Conv": {0}, "Add": {1}, "GlobalMaxPool": {1}}},
		{"rows of units among themselves", []hardware.Core{core("a", []int{64}), core("b", []int{64}), off},
			map[string][]int{"Conv": {0, 1}, "Add": {0, 1}}},
		{"helpers alone do everything", []hardware.Core{core("simd", []int{64}), core("pool", []int{9}), off},
			map[string][]int{"Conv": {0, 1}, "Add": {0}, "MaxPool": {1}}},
		{"operator types count more than names", []hardware.Core{core("simd", []int{8, 8}, "Conv", "MatMul"), core("array", []int{8, 8}, "Add", "Relu", "Gemm"), off},
			map[string][]int{"Conv": {0}, "MatMul": {0}, "Gemm": {1}, "Add": {1}}},
		{"a core that takes only pooling", []hardware.Core{core("a", []int{8, 8}), core("b", []int{8, 8}, "MaxPool"), off},
			map[string][]int{"Conv": {0}, "MaxPool": {1}, "AveragePool": {0}, "Add": {0}}},
		{"a core that stores is left out", []hardware.Core{core("a", []int{8, 8}), core("scratchpad", []int{0}), off},
			map[string][]int{"Conv": {0}, "Add": {0}}},
	} {
		for i := range c.cores {
			c.cores[i].ID = i
		}
		acc := &hardware.Accelerator{Name: "test", Cores: c.cores, Offchip: len(c.cores) - 1}
		m := generated(t, acc)
		for kind, want := range c.want {
			l := &workload.Layer{Name: "layer", Type: kind}
			if d := cmp.Diff(want, m.Lookup(l).Candidates(acc, l, 0)); d != "" {
				t.Errorf("%s, %s (-want +got):\n%s", c.what, kind, d)
			}
		}
	}
}

// TestGenerateTilings looks at what a layer is cut into.
func TestGenerateTilings(t *testing.T) {
	m := generated(t, &hardware.Accelerator{Cores: []hardware.Core{core("a", []int{2, 2}), core("off", []int{0})}, Offchip: 1})
	for kind, dim := range map[string]workload.Dim{"Conv": "OY", "MaxPool": "OY", "Gemm": "D", "MatMul": "D", "Add": "D"} {
		e := m.Lookup(&workload.Layer{Type: kind})
		if d := cmp.Diff([]mapping.Tiling{{Dim: dim, Parts: mapping.All}}, e.Intra); d != "" {
			t.Errorf("%s, within a core: %s", kind, d)
		}
		if d := cmp.Diff([]mapping.Tiling{{Dim: "K", Parts: mapping.Free}}, e.Inter); d != "" {
			t.Errorf("%s, over cores: %s", kind, d)
		}
	}
}

func TestGenerateNothingComputes(t *testing.T) {
	acc := &hardware.Accelerator{Name: "stores", Cores: []hardware.Core{core("a", []int{0}), core("off", []int{0})}, Offchip: 1}
	if _, err := mapping.Generate(acc); err == nil || !strings.Contains(err.Error(), `"stores": none of its cores has processing elements`) {
		t.Errorf("error %v", err)
	}
}

// TestGenerateAny generates mappings for random cores: they can always be read, fit
// the accelerator, and allow every operator that some core takes.
func TestGenerateAny(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var cores []hardware.Core
		types := []string{"Conv", "Gemm", "MatMul", "MaxPool", "GlobalAveragePool", "Add", "Mul", "Softmax"}
		for i := range rapid.IntRange(1, 6).Draw(t, "cores") {
			c := core(rapid.SampledFrom([]string{"array", "simd", "pool", "vpu", "odd: name\n# of a \"core\""}).Draw(t, "name"),
				rapid.SliceOfN(rapid.IntRange(1, 4), 1, 3).Draw(t, "sizes"))
			if rapid.Bool().Draw(t, "typed") {
				c.OperatorTypes = rapid.SliceOfNDistinct(rapid.SampledFrom(types), 1, 4, rapid.ID[string]).Draw(t, "types")
			}
			c.ID = i
			cores = append(cores, c)
		}
		cores = append(cores, core("off", []int{0}))
		acc := &hardware.Accelerator{Name: rapid.SampledFrom([]string{"chip", "a\nb: #"}).Draw(t, "accelerator"), Cores: cores, Offchip: len(cores) - 1}
		m := generated(t, acc)
		for _, kind := range types {
			l := &workload.Layer{Name: "layer", Type: kind}
			some := false
			for i := range cores[:len(cores)-1] {
				all := mapping.Entry{Cores: []int{i}}
				some = some || len(all.Candidates(acc, l, 0)) > 0
			}
			if got := m.Lookup(l).Candidates(acc, l, 0); some != (len(got) > 0) {
				t.Errorf("%s may run on %v", kind, got)
			}
		}
	})
}
