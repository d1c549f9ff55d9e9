package mapper

import (
	"slices"

	"streamdse/loopnest"
)

// ranking goes through all combinations of what may be laid on the open array
// dimensions and keeps the few with the highest indicator. Of equals, those that
// come first in the order of enumeration (the last dimension varies fastest) stay.
type ranking struct {
	space   *spatialSpace
	choices [][]choice
	// most[i] is the largest product of factors of the dimensions i, i+1, ...
	most   []int
	sizes  []int // of the loops
	totals []int // product of the factors of each loop so far
	pick   []int
	keep   int
	best   []pickedUnrolling // descending
}

// choice is what is laid on one array dimension.
type choice struct {
	axis    loopnest.Axis
	product int
	factors []loopnest.Loop
}

type pickedUnrolling struct {
	pick      []int
	indicator float64
}

// rank returns the best combinations of choices, each with what is given.
func (s *spatialSpace) rank(given loopnest.Spatial, open [][]loopnest.Axis, keep int) []unrolling {
	if !s.valid(given) {
		return nil
	}
	r := ranking{space: s, keep: keep, most: make([]int, len(open)+1), pick: make([]int, len(open))}
	busy := 1
	for _, a := range given {
		busy *= product(a.Loops)
	}
	for _, d := range s.layer.Dims {
		r.sizes = append(r.sizes, d.Size)
		r.totals = append(r.totals, s.total(given, string(d.Dim)))
	}
	r.most[len(open)] = 1
	r.choices = make([][]choice, len(open))
	for i := len(open) - 1; i >= 0; i-- {
		largest := 0
		for _, axis := range open[i] {
			if !s.valid(loopnest.Spatial{axis}) {
				continue
			}
			c := choice{axis: axis, product: product(axis.Loops)}
			for _, l := range axis.Loops {
				c.factors = append(c.factors, loopnest.Loop{Dim: s.dim(l.Dim), Size: l.Factor})
			}
			r.choices[i] = append(r.choices[i], c)
			largest = max(largest, c.product)
		}
		r.most[i] = r.most[i+1] * largest
	}
	r.extend(0, busy)
	all := make([]unrolling, len(r.best))
	for k, b := range r.best {
		u := slices.Clone(given)
		for i, c := range b.pick {
			u = append(u, r.choices[i][c].axis)
		}
		all[k] = unrolling{u, b.indicator}
	}
	return all
}

// extend adds a choice for array dimension i and the following ones.
func (r *ranking) extend(i, busy int) {
	// The number of busy elements can at best become this, and the largest factor
	// of a loop does not shrink, so that the indicator cannot exceed the bound.
	bound := score(busy*r.most[i], slices.Max(r.totals))
	if len(r.best) == r.keep && bound <= r.best[r.keep-1].indicator {
		return
	}
	if i == len(r.choices) {
		at := len(r.best)
		for at > 0 && r.best[at-1].indicator < bound {
			at--
		}
		r.best = slices.Insert(r.best, at, pickedUnrolling{slices.Clone(r.pick), bound})
		r.best = r.best[:min(len(r.best), r.keep)]
		return
	}
next:
	for c := range r.choices[i] {
		x := &r.choices[i][c]
		for k, f := range x.factors {
			r.totals[f.Dim] *= f.Size
			if r.totals[f.Dim] > r.sizes[f.Dim] {
				r.undo(x.factors[:k+1])
				continue next
			}
		}
		r.pick[i] = c
		r.extend(i+1, busy*x.product)
		r.undo(x.factors)
	}
}

func (r *ranking) undo(factors []loopnest.Loop) {
	for _, f := range factors {
		r.totals[f.Dim] /= f.Size
	}
}

// score is the indicator of an unrolling: the number of busy elements and, far
// behind, how well they are spread over loops.
func score(busy, most int) float64 {
	return float64(busy) + (float64(busy)/float64(max(1, most)) - 1)
}
