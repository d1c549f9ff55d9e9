package mapper

import (
	"fmt"
	"slices"

	"streamdse/loopnest"
	"streamdse/workload"
)

// given is what the user says about the loop order.
type given struct {
	complete  []loopnest.Loop // the whole order, or nil
	positions []loopnest.Loop // else: the innermost loops; Size 0 leaves the size open
}

// givenOrder reads the entry's temporal order. Entries for loops that the layer
// does not have are left out, as one entry may serve different layers. An order
// with all sizes that covers the loops exactly is complete.
func givenOrder(p *Problem, sizes []loopnest.Loop) (given, error) {
	if p.Entry == nil {
		return given{}, nil
	}
	var g given
	complete := true
	left := make([]int, len(p.Layer.Dims))
	for i := range left {
		left[i] = 1
	}
	for _, s := range sizes {
		left[s.Dim] = s.Size
	}
	for _, t := range p.Entry.Temporal {
		d := slices.IndexFunc(p.Layer.Dims, func(x workload.LoopDim) bool { return x.Dim == t.Dim })
		if d < 0 {
			continue
		}
		if t.Size < 0 {
			return given{}, fmt.Errorf("layer %s: loop %s of the given order has size %d", p.Layer.Name, t.Dim, t.Size)
		}
		g.positions = append(g.positions, loopnest.Loop{Dim: d, Size: t.Size})
		switch {
		case t.Size == 0 || left[d]%t.Size != 0:
			complete = false
		default:
			left[d] /= t.Size
		}
	}
	for _, n := range left {
		complete = complete && n == 1
	}
	if !complete || len(g.positions) == 0 {
		return g, nil
	}
	for _, l := range g.positions {
		if l.Size > 1 {
			g.complete = append(g.complete, l)
		}
	}
	if g.complete == nil {
		g.complete = g.positions[:1]
	}
	return g, nil
}
