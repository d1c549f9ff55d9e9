package loopnest

import "slices"

// Tables holds what the outlooks of one evaluator have in common: the figures of all
// combinations of the prime factors, among which are those of their products. It also
// is the memory that outlooks lie in which are used one after another: a new one takes
// that of the one before. Tables belong to one goroutine.
type Tables struct {
	evaluator *Evaluator
	finest    []Loop
	common    *figures // nil until it is needed
	unlike    bool     // there are no figures in common
	// kept and passing are what figures in common and the rest lie in.
	kept, passing memory64
}

// For makes the tables serve an evaluator and outlooks on the given factors or on
// products of them.
func (t *Tables) For(e *Evaluator, finest []Loop) {
	t.evaluator, t.finest, t.common, t.unlike = e, finest, nil, false
	t.kept.reset()
}

// figures are those of the combinations of some factors. The figures of a combination
// are at the point that at gives for it.
func (t *Tables) figures(e *Evaluator, factors []Loop, c combinations) (f *figures, at []int32) {
	t.passing.reset()
	if t.evaluator == e && t.common == nil && !t.unlike {
		finest, counts := distinct(t.finest)
		if all := newCombinations(counts); all.points > 0 && e.energy.dyadic() && e.timing.dyadic() {
			t.common = newFigures(e, finest, all, &t.kept)
		}
		t.unlike = t.common == nil || !t.common.exact
	}
	if t.evaluator == e && !t.unlike {
		return t.common, t.common.lattice.within(c, factors, t.common.factors)
	}
	f = newFigures(e, factors, c, &t.passing)
	at = make([]int32, c.points)
	for s := range at {
		at[s] = int32(s)
	}
	return f, at
}

// memory64 hands out parts of some memory, and of more where that is not enough.
type memory64 struct {
	integers stock[int64]
	floats   stock[float64]
}

func (m *memory64) reset() { m.integers.used, m.floats.used = 0, 0 }

type stock[T any] struct {
	block []T
	used  int
}

// take returns n values, whatever they are.
func (p *stock[T]) take(n int) []T {
	if p.used+n > len(p.block) {
		p.block, p.used = make([]T, max(n, 2*len(p.block))), 0
	}
	p.used += n
	return p.block[p.used-n : p.used : p.used]
}

// distinct lists loops without repetition, and how often each occurs.
func distinct(loops []Loop) (factors []Loop, counts []int) {
	for _, l := range loops {
		if i := slices.Index(factors, l); i >= 0 {
			counts[i]++
		} else {
			factors, counts = append(factors, l), append(counts, 1)
		}
	}
	return factors, counts
}
