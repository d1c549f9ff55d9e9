package mapper

import (
	"cmp"
	"fmt"
	"slices"

	"streamdse/hardware"
	"streamdse/loopnest"
)

// maxUnrollings is the number of spatial unrollings that Best considers for a
// layer.
const maxUnrollings = 1 << 16

// bounded is an unrolling with the cycles that it takes at least.
type bounded struct {
	spatial loopnest.Spatial
	cycles  float64
}

// otherUnrollings lists all legal spatial unrollings but those that are done, the ones
// with the fewest cycles first: on each array dimension left open every
// combination of loops whose factors divide the largest that the array, the
// loop and the bandwidth of the inner memories allow. Those that take more than
// a number of cycles are left out. The list is not complete if there are more
// than maxUnrollings.
func otherUnrollings(p *Problem, done []unrolling, limit float64) (list []bounded, complete bool) {
	s := newSpatialSpace(p)
	start, open := s.given(p)
	if len(open) == 0 {
		return nil, true
	}
	choices := make([][]loopnest.Axis, len(open))
	for i, a := range open {
		choices[i] = []loopnest.Axis{{Array: a}}
		for _, c := range s.choices(a, p, true) {
			if !slices.ContainsFunc(c.Loops, func(l hardware.Unrolling) bool { return l.Factor == 1 }) {
				choices[i] = append(choices[i], c)
			}
		}
	}
	seen := map[string]bool{}
	for _, u := range done {
		seen[busyLoops(u.spatial)] = true
	}
	complete = true
	// least[i] is the number of cycles if the array dimensions before open[i] were idle
	least := make([]float64, len(open)+1)
	least[len(open)] = float64(p.Layer.MACs())
	for i := len(open) - 1; i >= 0; i-- {
		least[i] = least[i+1] / float64(p.Core.Sizes[open[i]])
	}
	var extend func(u loopnest.Spatial, i int)
	extend = func(u loopnest.Spatial, i int) {
		busy := 1.0
		for _, a := range u {
			busy *= float64(product(a.Loops))
		}
		switch {
		case !complete || least[i] > limit*busy || !s.valid(u):
		case i < len(open):
			for _, c := range choices[i] {
				extend(append(u[:len(u):len(u)], c), i+1)
			}
		case len(list) == maxUnrollings:
			complete = false
		default:
			u = clone(u)
			s.fit(u)
			key, cycles := busyLoops(u), s.cycles(u)
			if !seen[key] && cycles <= limit {
				seen[key] = true
				list = append(list, bounded{u, cycles})
			}
		}
	}
	extend(start, 0)
	slices.SortStableFunc(list, func(a, b bounded) int { return cmp.Compare(a.cycles, b.cycles) })
	return list, complete
}

// busyLoops spells an unrolling out, without loops of factor 1.
func busyLoops(u loopnest.Spatial) string {
	var b []byte
	for _, a := range u {
		for _, l := range a.Loops {
			if l.Factor > 1 {
				b = fmt.Appendf(b, "%d %s %d,", a.Array, l.Dim, l.Factor)
			}
		}
	}
	return string(b)
}

// cycles is the number of temporal iterations that an unrolling leaves at least.
func (s *spatialSpace) cycles(u loopnest.Spatial) float64 {
	n := 1.0
	for _, d := range s.layer.Dims {
		t := s.total(u, string(d.Dim))
		n *= float64((d.Size + t - 1) / t)
	}
	return n
}
