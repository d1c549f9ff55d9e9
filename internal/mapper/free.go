package mapper

import (
	"math"
	"slices"

	"streamdse/loopnest"
)

// placing is the search for the best order and allocation under one spatial
// unrolling. It builds orders from one end on and says where the boundaries between
// the memories of an operand lie, each as soon as it is reached. The factors in
// branching.inner are those that are placed, from that end on.
type placing struct {
	*branching
	fromOutside bool
	cuts        loopnest.Allocation // of each operand, the numbers of loops placed at its boundaries
	full        loopnest.Allocation // of a complete order
	// last is the operand whose boundary was placed last, if no loop followed: of
	// boundaries at the same place, those of earlier operands come first.
	last     int
	next     [][]step
	proposed []step
}

// step is a loop that may come next, or a boundary of an operand.
type step struct {
	factor, operand int // one of them is -1
	bound           value
}

// firstTurn is the effort of the first turn of a free search.
const firstTurn = 1 << 15

// place finds the best order of the prime factors with the best allocation. It
// searches from the outside in and from the inside out in turns, with twice the
// effort in every second turn, until one of them has finished: the highest
// boundaries decide about some layers, the lowest about others.
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
		return nil // the given order needs a split that does not exist
	}
	s.tables.For(e, factors)
	var least []value // the bounds of what is open, from the search that came closer
	for turn := 0; ; turn++ {
		all := s.effort
		s.effort = min(s.effort, firstTurn<<min(turn/2, 30))
		left := all - s.effort
		s.open = nil
		if err := newPlacing(s, model, e, rank, factors, fixed, turn%2 == 0).start(); err != nil {
			return err
		}
		s.effort = left + max(0, s.effort)
		if len(s.open) == 0 {
			return nil
		}
		if turn == 0 || s.gapOf(s.open) < s.gapOf(least) {
			least = s.open
		}
		if s.effort <= 0 {
			s.open = least
			return nil
		}
	}
}

func newPlacing(s *search, model *loopnest.Model, e *loopnest.Evaluator, rank int, factors, fixed []loopnest.Loop, fromOutside bool) *placing {
	b := &placing{branching: newBranching(s, e, rank, factors, fixed), fromOutside: fromOutside, last: -1,
		full: model.NewAllocation(), cuts: model.NewAllocation()}
	depth := len(factors)
	for x := range b.cuts {
		depth += len(b.cuts[x])
		b.cuts[x] = b.cuts[x][:0]
	}
	b.next, b.proposed = make([][]step, depth+1), make([]step, 0, len(factors)+len(b.cuts))
	return b
}

// start searches all orders and allocations, or what the effort allows.
func (b *placing) start() error {
	if b.outlook = b.e.NewFreeOutlook(b.factors, slices.Clone(b.left), b.fromOutside, &b.tables); b.outlook == nil {
		cycles := 1.0
		for f, n := range b.left {
			cycles *= math.Pow(float64(b.factors[f].Size), float64(n))
		}
		b.open = append(b.open, value{latency: cycles})
		b.effort = 0
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
		if b.complete() {
			b.tryAllocated(b.e, b.order, b.full, b.rank)
		}
		return nil
	}
	next := b.next[depth][:0]
	for _, s := range b.steps(b.proposed[:0]) {
		last := b.last
		b.take(s)
		bound, open := b.look()
		b.undo(s, last)
		if open {
			s.bound = bound
			next = append(next, s)
		}
	}
	b.next[depth] = next
	slices.SortStableFunc(next, func(x, y step) int { return b.objective.compare(x.bound, y.bound) })
	for _, s := range next {
		if b.closed(s.bound) {
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

// steps appends what may come next.
func (b *placing) steps(to []step) []step {
	for x := range b.cuts {
		if x >= b.last && len(b.cuts[x]) < len(b.full[x]) && (!b.fromOutside || b.ends(x)) {
			to = append(to, step{factor: -1, operand: x})
		}
	}
	place := len(b.inner)
	if b.fromOutside {
		place = len(b.order) - 1 - place
	}
	for f := range b.factors {
		if b.left[f] > 0 && b.allowed(place, f) && (b.fromOutside || b.moves(f)) {
			to = append(to, step{factor: f, operand: -1})
		}
	}
	return to
}

// ends tells whether a boundary of an operand may lie within the loops that are
// placed from the outside in: the last of them would not settle below it.
func (b *placing) ends(x int) bool {
	n := len(b.inner)
	return n == 0 || !b.e.Settles(x, b.factors[b.inner[n-1]])
}

// moves tells whether a loop may follow the boundaries that are placed from the
// inside out: it would not settle below one of them.
func (b *placing) moves(f int) bool {
	for x, cuts := range b.cuts {
		if len(cuts) > 0 && cuts[len(cuts)-1] == len(b.inner) && b.e.Settles(x, b.factors[f]) {
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

// look judges what has the loops and boundaries that are placed.
func (b *placing) look() (bound value, open bool) {
	b.result.Examined++
	b.effort--
	if !b.outlook.LookAllocated(b.inner, b.cuts) {
		b.result.Unfit++
		return value{}, false
	}
	return b.judge(b.outlook.KeyAllocated(b.cuts, b.last))
}

// complete spells the order and the allocation out. Boundaries that are not placed
// lie at the other end. It is false if one of them would settle further out, which
// is the same as placing it there.
func (b *placing) complete() bool {
	n := len(b.order)
	for i, f := range b.inner {
		if b.fromOutside {
			i = n - 1 - i
		}
		b.order[i] = b.factors[f]
	}
	for x, full := range b.full {
		last := len(full) - 1
		for i := range full {
			switch cuts := b.cuts[x]; {
			case !b.fromOutside && i < len(cuts):
				full[i] = cuts[i]
			case !b.fromOutside:
				full[i] = n
			case last-i < len(cuts):
				full[i] = n - cuts[last-i]
			case !b.ends(x):
				return false
			default:
				full[i] = 0
			}
		}
	}
	return true
}
