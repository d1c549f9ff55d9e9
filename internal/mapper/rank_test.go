package mapper

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"streamdse/hardware"
	"streamdse/loopnest"
	"streamdse/loopnest/nesttest"
	"streamdse/workload"
)

// enumerated is the ranking of all combinations, one after another.
func enumerated(s *spatialSpace, given loopnest.Spatial, choices [][]loopnest.Axis, keep int) []unrolling {
	all := []unrolling{{spatial: given}}
	for _, axes := range choices {
		var longer []unrolling
		for _, u := range all {
			for _, a := range axes {
				longer = append(longer, unrolling{spatial: append(slices.Clone(u.spatial), a)})
			}
		}
		all = longer
	}
	all = slices.DeleteFunc(all, func(u unrolling) bool { return !s.valid(u.spatial) })
	for i := range all {
		all[i].indicator = s.indicator(all[i].spatial)
	}
	slices.SortStableFunc(all, func(a, b unrolling) int {
		switch {
		case a.indicator > b.indicator:
			return -1
		case a.indicator < b.indicator:
			return 1
		}
		return 0
	})
	return all[:min(keep, len(all))]
}

// TestRankAgainstEnumeration: leaving out what cannot be among the best changes
// nothing, ties included.
func TestRankAgainstEnumeration(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		core := nesttest.TPULike()
		core.Dims = []string{"D1", "D2", "D3"}
		core.Sizes = nil
		for range core.Dims {
			core.Sizes = append(core.Sizes, rapid.SampledFrom([]int{2, 3, 4, 6, 8}).Draw(t, "array"))
		}
		l := &workload.Layer{Name: "product", Operands: []workload.Operand{
			{Name: "O", Dims: []workload.Dim{"D", "K"}, Bits: 16, FinalBits: 8},
			{Name: "I", Dims: []workload.Dim{"D", "C"}, Bits: 8, FinalBits: 8},
			{Name: "W", Dims: []workload.Dim{"C", "K"}, Bits: 8, FinalBits: 8},
		}}
		for _, d := range []workload.Dim{"C", "D", "K"} {
			l.Dims = append(l.Dims, workload.LoopDim{Dim: d, Size: rapid.IntRange(1, 12).Draw(t, string(d))})
		}
		p := &Problem{Problem: loopnest.Problem{Layer: l, Core: core, Links: nesttest.Links(l)}}
		s := newSpatialSpace(p)
		var given loopnest.Spatial
		first := 0
		if rapid.Bool().Draw(t, "first given") {
			first = 1
			given = loopnest.Spatial{s.reduced(0, []hardware.Unrolling{{Dim: "K", Factor: rapid.IntRange(1, 9).Draw(t, "factor")}})}
		}
		var choices [][]loopnest.Axis
		for a := first; a < 3; a++ {
			choices = append(choices, s.choices(a, p, rapid.Bool().Draw(t, "mixed")))
		}
		keep := rapid.IntRange(1, 5).Draw(t, "keep")
		got, want := s.rank(given, choices, keep), enumerated(s, given, choices, keep)
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("got %v\nwant %v", got, want)
		}
	})
}
