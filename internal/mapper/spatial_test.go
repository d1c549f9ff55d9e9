package mapper

import (
	"math"
	"slices"
	"testing"

	"streamdse/hardware"
	"streamdse/loopnest"
	"streamdse/loopnest/nesttest"
	"streamdse/mapping"
)

// TestSpatialCandidates compares limits, hints and the kept unrollings with the
// published generator.
func TestSpatialCandidates(t *testing.T) {
	table := readTable(t)
	for i, c := range table.Spatial {
		core := nesttest.Core(t, c.Core)
		layer := table.Layers[c.Layer].Layer(c.Layer)
		p := Problem{
			Problem: loopnest.Problem{Layer: layer, Core: core, Links: nesttest.Links(layer)},
			Entry:   &mapping.Entry{Spatial: map[string][]hardware.Unrolling{}, Hint: c.Hint},
		}
		for array, loops := range c.Given {
			for _, l := range loops {
				p.Entry.Spatial[array] = append(p.Entry.Spatial[array], hardware.Unrolling{Dim: string(l.Dim), Factor: l.Size})
			}
		}
		s := newSpatialSpace(&p)
		for a, name := range core.Dims {
			for d, x := range layer.Dims {
				if got, want := s.limit[a][d], c.Limits[name][string(x.Dim)]; got != want {
					t.Errorf("case %d: limit of %s on %s is %d, want %d", i, x.Dim, name, got, want)
				}
			}
			if len(c.Given[name]) > 0 {
				continue
			}
			for k, d := range s.hints(a, &p) {
				if got, want := layer.Dims[d].Dim, c.HintOrder[name][k]; got != want {
					t.Errorf("case %d: hint %d for %s is %s, want %s", i, k, name, got, want)
				}
			}
		}
		got, err := candidates(&p, Options{MaxSpatial: 3, Mixed: c.Mixed})
		if err != nil {
			t.Errorf("case %d: %v", i, err)
			continue
		}
		if len(got) != len(c.Mappings) {
			t.Errorf("case %d: %d candidates, want %d", i, len(got), len(c.Mappings))
			continue
		}
		for k := range got {
			var rows []nesttest.Axis
			for _, a := range got[k].spatial {
				row := nesttest.Axis{Array: core.Dims[a.Array]}
				for _, l := range a.Loops {
					row.Loops = append(row.Loops, nesttest.Loop{Dim: layer.Dims[s.dim(l.Dim)].Dim, Size: l.Factor})
				}
				rows = append(rows, row)
			}
			if !slices.EqualFunc(rows, c.Mappings[k], func(a, b nesttest.Axis) bool { return a.Array == b.Array && slices.Equal(a.Loops, b.Loops) }) {
				t.Errorf("case %d (%s on %s): candidate %d is %v, want %v", i, c.Layer, c.Core, k, rows, c.Mappings[k])
			}
			if math.Abs(got[k].indicator-c.Indicator[k]) > 1e-9*c.Indicator[k] {
				t.Errorf("case %d: indicator %v, want %v", i, got[k].indicator, c.Indicator[k])
			}
		}
	}
}

// TestReduceGiven: what the user gives is capped, and dropped where it cannot fit.
func TestReduceGiven(t *testing.T) {
	table := readTable(t)
	layer := table.Layers["exA"].Layer("exA") // K 48, C 40, OX 6, OY 6, FX 3, FY 3
	core := nesttest.TPULike()
	for _, c := range []struct {
		name string
		d1   []hardware.Unrolling
		d2   []hardware.Unrolling
		want [2][]hardware.Unrolling
	}{
		{"capped to the array and the loop", []hardware.Unrolling{{Dim: "K", Factor: 64}}, []hardware.Unrolling{{Dim: "FX", Factor: 7}},
			[2][]hardware.Unrolling{{{Dim: "K", Factor: 32}}, {{Dim: "FX", Factor: 3}}}},
		{"a loop that the layer lacks", []hardware.Unrolling{{Dim: "G", Factor: 4}}, []hardware.Unrolling{{Dim: "C", Factor: 8}},
			[2][]hardware.Unrolling{nil, {{Dim: "C", Factor: 8}}}},
		{"too many on one axis", []hardware.Unrolling{{Dim: "C", Factor: 16}, {Dim: "FX", Factor: 3}}, []hardware.Unrolling{{Dim: "K", Factor: 8}},
			[2][]hardware.Unrolling{{{Dim: "C", Factor: 16}}, {{Dim: "K", Factor: 8}}}},
		{"more than the loop over both axes", []hardware.Unrolling{{Dim: "K", Factor: 32}}, []hardware.Unrolling{{Dim: "K", Factor: 2}},
			[2][]hardware.Unrolling{nil, {{Dim: "K", Factor: 2}}}},
	} {
		p := Problem{
			Problem: loopnest.Problem{Layer: layer, Core: core, Links: nesttest.Links(layer)},
			Entry:   &mapping.Entry{Spatial: map[string][]hardware.Unrolling{"D1": c.d1, "D2": c.d2}},
		}
		got, err := candidates(&p, DefaultOptions())
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if len(got) != 1 || len(got[0].spatial) != 2 {
			t.Errorf("%s: %v", c.name, got)
			continue
		}
		for a := range c.want {
			if !slices.Equal(got[0].spatial[a].Loops, c.want[a]) {
				t.Errorf("%s: axis %d runs %v, want %v", c.name, a, got[0].spatial[a].Loops, c.want[a])
			}
		}
	}
}

// TestFitInnerMemory: on an axis that one small memory serves, the unrolling is
// cut to what the memory holds.
func TestFitInnerMemory(t *testing.T) {
	table := readTable(t)
	layer := table.Layers["exA"].Layer("exA")
	core := nesttest.TPULike()
	rf := &core.Memories[0]
	rf.Served, rf.Size = []int{0}, 64 // 8 weights
	rf.Ports[0].Read = hardware.Bandwidth{Min: 8, Max: 1024}
	p := Problem{
		Problem: loopnest.Problem{Layer: layer, Core: core, Links: nesttest.Links(layer)},
		Entry:   &mapping.Entry{Spatial: map[string][]hardware.Unrolling{"D1": {{Dim: "K", Factor: 32}}, "D2": {{Dim: "C", Factor: 32}}}},
	}
	got, err := candidates(&p, DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	if f := got[0].spatial[0].Loops[0].Factor; f != 8 {
		t.Errorf("K is unrolled by %d, want 8", f)
	}
	if f := got[0].spatial[1].Loops[0].Factor; f != 32 {
		t.Errorf("C is unrolled by %d, want 32", f)
	}
}
