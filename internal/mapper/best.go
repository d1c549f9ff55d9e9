package mapper

import (
	"math"
	"slices"

	"streamdse/loopnest"
)

// branching is the search for the best order under one spatial unrolling. It
// builds orders from the inside out.
type branching struct {
	*search
	e       *loopnest.Evaluator
	rank    int
	outlook *loopnest.Outlook
	factors []loopnest.Loop // distinct
	left    []int           // how often each is still to be placed
	inner   []int           // factors placed so far, the innermost first
	fixed   []loopnest.Loop // what the user wants innermost
	order   []loopnest.Loop
	next    [][]branch // by number of loops placed
}

// value is a cost or a bound as objectives see it.
type value struct{ latency, energy float64 }

// branch is a loop that may come next, with a bound on what it leads to.
type branch struct {
	factor int
	bound  value
}

const (
	// rounding is the relative difference up to which latencies are the same sums
	// added up in another order.
	rounding = 1e-13
	// maxSeen bounds the memory that remembers beginnings, in bytes.
	maxSeen = 32 << 20
	// figuresPerBeginning is how many figures of an outlook are tabulated in the time
	// that a beginning takes. Where there are hundreds of unrollings, most of the effort
	// goes there.
	figuresPerBeginning = 1024
)

// proveBest searches the space of Best under the unrollings that Loma tried and,
// where array dimensions are open, under all others. It returns all unrollings.
// Filling memories is one of the free allocations, and searched on its own only if
// the search of those has not come to an end.
func (s *search) proveBest(p *Problem, model *loopnest.Model, tried []unrolling, opt Options) ([]unrolling, error) {
	if opt.Allocation != Free {
		tried, err := s.prove(p, model, tried, opt, s.filled(p)...)
		s.conclude()
		return tried, err
	}
	tried, err := s.prove(p, model, tried, opt, func(e *loopnest.Evaluator, rank, _ int) error {
		return s.place(p, model, e, rank)
	})
	if s.conclude(); err != nil || s.result.ProvenOptimal && !s.result.OpenTie {
		return tried, err
	}
	open := s.open
	tried, err = s.prove(p, model, tried, opt, s.filled(p)...)
	s.open = open
	s.conclude()
	return tried, err
}

// filled are the explorers of the nests in which memories are filled. Under an
// unrolling that Loma did not try, all prime factors come first, and coarser sets
// of them after those of all other unrollings: they seldom give the best nest.
func (s *search) filled(p *Problem) []explorer {
	return []explorer{
		func(e *loopnest.Evaluator, rank, evaluated int) error {
			if rank < s.seeds {
				return s.explore(p, e, rank, evaluated, 1)
			}
			return s.explore(p, e, rank, 0, math.MaxInt)
		},
		func(e *loopnest.Evaluator, rank, _ int) error { return s.explore(p, e, rank, math.MaxInt, 1) },
	}
}

// explorer searches the orders under the unrolling of a rank. Loma has evaluated
// those with a number of factors, if that is not 0.
type explorer func(e *loopnest.Evaluator, rank, evaluated int) error

// unfinished is an unrolling whose search ran out of its share of the effort.
type unfinished struct {
	e         *loopnest.Evaluator
	rank      int
	evaluated int
	explore   explorer
	least     value // what no nest under it beats
	open      []value
}

// share is the part of the effort that the search under one of several unrollings
// may take before the others have had theirs.
const share = 8

// prove searches all orders under the unrollings that Loma tried and, where the
// array dimensions are open, under all others, and then goes on with those that it
// has not finished. Explorers after the first are for these others, one after the
// other. It returns all unrollings.
func (s *search) prove(p *Problem, model *loopnest.Model, tried []unrolling, opt Options, explorers ...explorer) ([]unrolling, error) {
	s.effort, s.open, s.seeds = opt.Effort, nil, len(tried)
	if s.effort == 0 {
		s.effort = math.MaxInt64
	}
	operations := float64(p.Layer.MACs()) * float64(p.Core.UnitEnergy)
	if p.Core.IMC != nil {
		operations = 0 // it depends on the unrolling
	}
	var left []unfinished
	most := s.effort
	if _, open := newSpatialSpace(p).given(p); len(open) > 0 {
		most = max(most/share, firstTurn)
	}
	for rank := range tried {
		e, err := s.evaluator(model, tried[rank].spatial)
		if err != nil {
			continue // Loma's search has noted it
		}
		u, err := s.part(unfinished{e: e, rank: rank, evaluated: opt.FactorLimit, explore: explorers[0]}, most)
		if err != nil {
			return nil, err
		}
		left = append(left, u...)
	}
	more, complete := otherUnrollings(p, tried, s.cyclesToBeat(operations))
	if !complete {
		s.open = append(s.open, value{math.Ceil(float64(p.Layer.MACs()) / float64(p.Core.Units())), operations})
	}
	var others []unfinished
	for _, u := range more {
		if s.closed(value{u.cycles, operations}) {
			continue
		}
		e, err := s.evaluator(model, u.spatial)
		if err != nil {
			continue // it leaves the array idle or exceeds a loop once it is shrunk to fit
		}
		other := unfinished{e: e, rank: len(tried), explore: explorers[0], least: value{u.cycles, operations}}
		part, err := s.part(other, most)
		switch {
		case s.ctx.Err() != nil: // even if this part was finished
			return nil, s.ctx.Err()
		case err != nil:
			continue // it leaves no loop for the user's order
		}
		tried, left, others = append(tried, unrolling{spatial: u.spatial}), append(left, part...), append(others, other)
	}
	for _, explore := range explorers[1:] {
		for _, u := range others {
			if s.closed(u.least) {
				continue
			}
			u.explore = explore
			part, err := s.part(u, most)
			if err != nil {
				return nil, err
			}
			left = append(left, part...)
		}
	}
	return tried, s.resume(left)
}

// resume goes on with the unrollings that are not finished, as far as the effort goes.
func (s *search) resume(left []unfinished) error {
	for _, u := range left {
		again := []unfinished{u}
		if s.effort > 0 && slices.ContainsFunc(u.open, func(bound value) bool { return !s.cut(bound) }) {
			var err error
			if again, err = s.part(u, s.effort); err != nil {
				return err
			}
		}
		for _, a := range again {
			if s.gapOf(a.open) > s.gapOf(u.open) {
				a = u
			}
			s.open = append(s.open, a.open...)
		}
	}
	return nil
}

// part searches under one unrolling with some of the effort, and returns it if that
// was not enough.
func (s *search) part(u unfinished, effort int64) ([]unfinished, error) {
	elsewhere, rest := s.open, max(0, s.effort-effort)
	s.open, s.effort = nil, min(s.effort, effort)
	err := u.explore(u.e, u.rank, u.evaluated)
	u.open, s.open, s.effort = s.open, elsewhere, rest+max(0, s.effort)
	if err != nil || len(u.open) == 0 {
		return nil, err
	}
	return []unfinished{u}, nil
}

// cyclesToBeat is the number of cycles from which on no nest can be better than
// the best so far, if its energy is at least a given one.
func (s *search) cyclesToBeat(energy float64) float64 {
	switch {
	case s.best == nil || s.objective == Energy:
		return math.Inf(1)
	case s.objective == EDP:
		return s.cost.Total() * float64(s.cost.Energy) / energy
	}
	return s.cost.Total()
}

// explore finds the best order under a spatial unrolling: of all prime factors,
// and of every coarser set of factors that Loma has at some limit. The coarser
// ones are part of the space because memories take as much as fits, so that a
// loop which is not divided can lead to a better nest. Loma has evaluated all
// orders at the limit evaluated, if that is not 0. Sets of fewer than least
// factors are left out.
func (s *search) explore(p *Problem, e *loopnest.Evaluator, rank, evaluated, least int) error {
	sizes := e.TemporalSizes()
	given, err := givenOrder(p, sizes)
	if err != nil {
		return err
	}
	if given.complete != nil {
		if evaluated == 0 {
			s.try(e, given.complete, rank, 0)
		}
		return nil
	}
	primes, _, err := split(p.Layer, sizes, math.MaxInt, given.positions)
	if err != nil {
		return err
	}
	if evaluated > 0 {
		factors, _, err := split(p.Layer, sizes, evaluated, given.positions)
		if err != nil {
			return err
		}
		evaluated = len(factors)
	}
	s.tables.For(e, primes)
	for n := max(1, min(least, len(primes))); n <= len(primes); n++ {
		factors, _, err := split(p.Layer, sizes, n, given.positions)
		if err != nil {
			return err
		}
		n = max(n, len(factors))
		if n == evaluated || n < len(given.positions) {
			continue
		}
		if err := newBranching(s, e, rank, factors, given.positions).start(); err != nil {
			return err
		}
	}
	return nil
}

func newBranching(s *search, e *loopnest.Evaluator, rank int, factors, fixed []loopnest.Loop) *branching {
	b := &branching{search: s, e: e, rank: rank, fixed: fixed}
	s.seen.clear()
	for _, f := range factors {
		if i := slices.Index(b.factors, f); i >= 0 {
			b.left[i]++
		} else {
			b.factors, b.left = append(b.factors, f), append(b.left, 1)
		}
	}
	b.order = make([]loopnest.Loop, len(factors))
	b.next = make([][]branch, len(factors))
	return b
}

// start searches all orders, or what the effort allows.
func (b *branching) start() error {
	if b.outlook = b.e.NewOutlook(b.factors, slices.Clone(b.left), &b.tables); b.outlook == nil {
		// too many combinations of factors to look ahead
		cycles := 1.0
		for f, n := range b.left {
			cycles *= math.Pow(float64(b.factors[f].Size), float64(n))
		}
		b.open = append(b.open, value{latency: cycles})
		return nil
	}
	if b.rank >= b.seeds {
		b.effort -= int64(b.outlook.Figures() / figuresPerBeginning)
	}
	if bound, open := b.look(); open {
		if b.effort <= 0 {
			b.open = append(b.open, bound)
			return nil
		}
		return b.branch()
	}
	return nil
}

// branch goes through the loops that may come next, the most promising first.
func (b *branching) branch() error {
	if err := b.ctx.Err(); err != nil {
		return err
	}
	depth := len(b.inner)
	kinds, last := 0, -1
	for f, n := range b.left {
		if n > 0 {
			kinds++
			last = f
		}
	}
	if kinds == 1 {
		b.finish(last)
		return nil
	}
	next := b.next[depth][:0]
	for f := range b.factors {
		if b.left[f] == 0 || !b.allowed(depth, f) {
			continue
		}
		b.inner = append(b.inner, f)
		if bound, open := b.look(); open {
			next = append(next, branch{f, bound})
		}
		b.inner = b.inner[:depth]
	}
	b.next[depth] = next
	slices.SortStableFunc(next, func(x, y branch) int { return b.objective.compare(x.bound, y.bound) })
	for _, x := range next {
		if b.closed(x.bound) {
			continue
		}
		b.inner = append(b.inner, x.factor)
		b.left[x.factor]--
		err := b.branch()
		b.left[x.factor]++
		b.inner = b.inner[:depth]
		if err != nil {
			return err
		}
	}
	return nil
}

// allowed tells whether the user's order has room for a factor at a place.
func (b *branching) allowed(place, f int) bool {
	if place >= len(b.fixed) {
		return true
	}
	want := b.fixed[place]
	return want.Dim == b.factors[f].Dim && (want.Size == 0 || want.Size == b.factors[f].Size)
}

// look judges the orders that begin with inner.
func (b *branching) look() (bound value, open bool) {
	b.result.Examined++
	b.effort--
	if !b.outlook.Look(b.inner) {
		b.result.Unfit++
		return value{}, false
	}
	return b.judge(b.outlook.Key())
}

// judge tells whether what the outlook has seen was met before, or is too
// expensive.
func (b *branching) judge(key []byte) (bound value, open bool) {
	if key != nil {
		hash, at, found := b.seen.find(key)
		if found {
			b.result.Merged++
			return value{}, false
		}
		if b.seen.size < maxSeen {
			b.seen.add(key, hash, at)
		}
	}
	bound.latency, bound.energy = b.outlook.Bound()
	if math.IsInf(bound.energy, 1) {
		b.result.Unfit++
		return value{}, false
	}
	if b.cut(bound) {
		b.result.Pruned++
		return value{}, false
	}
	return bound, true
}

// cut tells whether nothing within a bound can beat the best so far. Latencies
// that differ by less than rounding are taken as equal.
func (s *search) cut(bound value) bool {
	if s.best == nil {
		return false
	}
	best := value{s.cost.Total(), float64(s.cost.Energy)}
	if math.Abs(bound.latency-best.latency) <= rounding*best.latency {
		bound.latency = best.latency
	}
	return !s.objective.less(bound, best)
}

// closed tells whether what lies within a bound is left out: it cannot beat the best so
// far, or the effort is used up and it stays open.
func (s *search) closed(bound value) bool {
	switch {
	case s.cut(bound):
		s.result.Pruned++
		return true
	case s.effort <= 0:
		s.open = append(s.open, bound)
		return true
	}
	return false
}

// conclude says how good the result is, given bounds of what was not examined.
func (s *search) conclude() {
	if s.best == nil {
		return
	}
	s.result.Gap = s.gapOf(s.open)
	s.result.ProvenOptimal = s.result.Gap <= 0
	s.result.OpenTie = s.result.ProvenOptimal && slices.ContainsFunc(s.open, func(bound value) bool { return !s.cut(bound) })
}

// gapOf is the part of the first figure by which something within the bounds could
// at most be better than the best so far.
func (s *search) gapOf(open []value) float64 {
	if s.best == nil {
		return 1
	}
	best := s.objective.first(value{s.cost.Total(), float64(s.cost.Energy)})
	gap := 0.0
	for _, bound := range open {
		if !s.cut(bound) {
			gap = max(gap, 1-s.objective.first(bound)/best)
		}
	}
	return gap
}

// first is the figure that the objective looks at before others.
func (o Objective) first(v value) float64 {
	switch o {
	case Energy:
		return v.energy
	case EDP:
		return max(0, v.latency) * v.energy
	}
	return v.latency
}

// finish evaluates the order in which only copies of one factor are left.
func (b *branching) finish(last int) {
	for i, f := range b.inner {
		b.order[i] = b.factors[f]
	}
	for i := len(b.inner); i < len(b.fixed); i++ {
		if !b.allowed(i, last) {
			return
		}
	}
	for i := len(b.inner); i < len(b.order); i++ {
		b.order[i] = b.factors[last]
	}
	b.try(b.e, b.order, b.rank, b.result.Evaluated+b.result.Unfit)
}

// compare is negative if a is better, 0 if they are the same.
func (o Objective) compare(a, b value) int {
	switch {
	case o.less(a, b):
		return -1
	case o.less(b, a):
		return 1
	}
	return 0
}

// less tells whether a is strictly better than b.
func (o Objective) less(a, b value) bool {
	switch o {
	case Energy:
		return a.energy < b.energy || a.energy == b.energy && a.latency < b.latency
	case EDP:
		return o.first(a) < o.first(b)
	}
	return a.latency < b.latency || a.latency == b.latency && a.energy < b.energy
}
