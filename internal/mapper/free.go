package mapper

import (
	"math"
	"slices"

	"streamdse/loopnest"
)

// placing is the search for the best order and allocation under one spatial
// unrolling. It builds orders from the inside out and says where the boundaries
// between the memories of an operand lie, each as soon as it is reached.
type placing struct {
	*branching
	cuts loopnest.Allocation // of each operand, the boundaries that are placed
	full loopnest.Allocation // of a complete order
	// last is the operand whose boundary was placed last, if no loop followed: of
	// boundaries at the same place, those of earlier operands come first.
	last int
	next [][]step
}

// step is a loop that may come next, or a boundary of an operand.
type step struct {
	factor, operand int // one of them is -1
	bound           value
}

// place finds the best order of the prime factors with the best allocation.
func (s *search) place(p *Problem, model *loopnest.Model, e *loopnest.Evaluator, rank int) error {
	sizes := e.TemporalSizes()
	given, err := givenOrder(p, sizes)
	if err != nil {
		return err
	}
	fixed, factors := given.positions, given.complete
	if factors != nil {
		fixed = factors
	} else if factors, _, err = split(p.Layer, sizes, math.MaxInt, fixed); err != nil {
		return err
	}
	if len(factors) < len(fixed) {
		return nil // Loma may have orders of coarser factors, which the entries cover
	}
	b := &placing{branching: newBranching(s, e, rank, factors, fixed), last: -1, full: model.NewAllocation(), cuts: model.NewAllocation()}
	steps := len(factors)
	for x := range b.cuts {
		steps += len(b.cuts[x])
		b.cuts[x] = b.cuts[x][:0]
	}
	b.next = make([][]step, steps+1)
	return b.start()
}

// start searches all orders and allocations, or what the effort allows.
func (b *placing) start() error {
	if b.outlook = b.e.NewFreeOutlook(b.factors, slices.Clone(b.left)); b.outlook == nil {
		cycles := 1.0
		for f, n := range b.left {
			cycles *= math.Pow(float64(b.factors[f].Size), float64(n))
		}
		b.open = append(b.open, value{latency: cycles})
		return nil
	}
	if bound, open := b.look(); open {
		if b.effort <= 0 {
			b.open = append(b.open, bound)
			return nil
		}
		return b.branch(0)
	}
	return nil
}

// branch goes through the steps that may come next, the most promising first.
func (b *placing) branch(depth int) error {
	if err := b.ctx.Err(); err != nil {
		return err
	}
	if len(b.inner) == len(b.order) {
		b.finish()
		return nil
	}
	next := b.next[depth][:0]
	propose := func(s step) {
		last := b.last
		b.take(s)
		bound, open := b.look()
		b.undo(s, last)
		if open {
			s.bound = bound
			next = append(next, s)
		}
	}
	for x := range b.cuts {
		if x >= b.last && len(b.cuts[x]) < len(b.full[x]) {
			propose(step{factor: -1, operand: x})
		}
	}
	for f := range b.factors {
		if b.left[f] > 0 && b.allowed(len(b.inner), f) && b.moves(f) {
			propose(step{factor: f, operand: -1})
		}
	}
	b.next[depth] = next
	slices.SortStableFunc(next, func(x, y step) int {
		switch {
		case b.objective.less(x.bound, y.bound):
			return -1
		case b.objective.less(y.bound, x.bound):
			return 1
		}
		return 0
	})
	for _, s := range next {
		if b.cut(s.bound) {
			b.result.Pruned++
			continue
		}
		if b.effort <= 0 {
			b.open = append(b.open, s.bound)
			continue
		}
		last := b.last
		b.take(s)
		err := b.branch(depth + 1)
		b.undo(s, last)
		if err != nil {
			return err
		}
	}
	return nil
}

// moves tells whether a loop may follow the boundaries at the end of the inner
// loops: it would not settle below one of them.
func (b *placing) moves(f int) bool {
	n := len(b.inner)
	for x, cuts := range b.cuts {
		if len(cuts) > 0 && cuts[len(cuts)-1] == n && b.e.Settles(x, b.factors[f]) {
			return false
		}
	}
	return true
}

func (b *placing) take(s step) {
	if s.factor >= 0 {
		b.inner = append(b.inner, s.factor)
		b.left[s.factor]--
		b.last = -1
		return
	}
	b.cuts[s.operand] = append(b.cuts[s.operand], len(b.inner))
	b.last = s.operand
}

func (b *placing) undo(s step, last int) {
	b.last = last
	if s.factor >= 0 {
		b.inner = b.inner[:len(b.inner)-1]
		b.left[s.factor]++
		return
	}
	b.cuts[s.operand] = b.cuts[s.operand][:len(b.cuts[s.operand])-1]
}

// look judges what begins with the inner loops and boundaries.
func (b *placing) look() (bound value, open bool) {
	b.result.Examined++
	b.effort--
	if !b.outlook.LookAllocated(b.inner, b.cuts) {
		b.result.Unfit++
		return value{}, false
	}
	return b.judge(byte(b.last + 1))
}

// finish evaluates a complete order: boundaries that are not placed enclose it.
func (b *placing) finish() {
	for i, f := range b.inner {
		b.order[i] = b.factors[f]
	}
	for x := range b.full {
		n := copy(b.full[x], b.cuts[x])
		for ; n < len(b.full[x]); n++ {
			b.full[x][n] = len(b.order)
		}
	}
	b.tryAllocated(b.e, b.order, b.full, b.rank)
}
