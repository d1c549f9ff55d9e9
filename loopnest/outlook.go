package loopnest

import (
	"encoding/binary"
	"math"
)

// Outlook looks ahead from the innermost loops of an order, a beginning: what no
// completion of them can beat (Bound), and what of them a completion can still
// feel (Key). It works on the buffers of its Evaluator and belongs to the same
// goroutine.
//
// # Boundaries
//
// The cost of a nest depends on its order only through the boundaries of its
// levels: for every operand and level, which loops lie within. Given that set,
// the data below the boundary, its period, the number of transfers over it, their
// precision, and whether partial sums cross it are all fixed, because they are
// products over the set and over the rest. Besides, the order tells by the runs
// of loops of one class at the outer end of each level how much of its data is
// alive, and by the innermost run how long inputs stay at the array.
//
// All sets of loops form a lattice of few points (the multiplicities of the
// factors, plus one, multiplied), so that the traffic over a boundary is
// tabulated once for every point.
//
// # Equal futures
//
// Allocation visits memories from the lowest, and each choice depends on loops
// within or at the one that overflows. It is therefore known for a beginning as
// soon as some loop of it is too much, and the same for all completions. Until
// then, an operand alone in its memory takes the slice of least traffic, the last
// of equals: if all inner loops are the best slice so far, no smaller slice will
// ever be chosen. Otherwise, and where operands compete for a shared memory, the
// loops from the first possible boundary on are part of the key one by one. A
// memory that has room for everything, with no slice causing less traffic than
// the whole, takes everything.
//
// The key holds, for every operand, the values of all decided boundaries, the
// runs that may go on, the precision that the next memory reserves, and how many
// of each factor lie within. So two beginnings with equal keys give the same
// boundaries, with the same values, under every completion: they cost the same.
// Sizes must not depend on the order of multiplication for that. They do not if
// all unrollings are multiples of 2^-20 and no size of an index dimension lies
// half way between integers; otherwise there is no key.
//
// # Bounds
//
// Energy is the sum of the energy of the operations and of what crosses each
// boundary. Where the beginning decides a boundary, its term is known. Elsewhere
// the boundary lies at one of the places that the beginning leaves open or
// further out, so that the least term over these points of the lattice that fit
// the memory is a lower bound. A memory of one operand goes on taking loops while
// traffic does not grow, so that points are left out which no loop outside could
// end.
//
// Latency is bounded from the same tables. With T for the computation phase:
//
//   - Stall. A port with transfers of time r in n periods of length p, each with an
//     allowed time a of at most p, stalls by the positive ones of (r-a)(n-1), plus
//     what the sum of windows and slack exceeds the union of windows by. The first
//     part is at least the sum of (r-p)(n-1) over those with r > p. All in all it
//     is at least the sum of r(n-1) less the union, which is at most the number of
//     iterations. Both sums are over boundaries, each at its least.
//   - Links that transfer repeatedly take one transfer before or after the phase.
//   - Links that transfer once take no less than if their port lends as much as it
//     can use: one fill of the lowest memory, less what later, shorter links pull
//     them down by (function reduce).
//   - Onload and offload rise with the time of each link, by at most as much, and
//     what a port lends grows by at most as much as T. So T + onload + offload is
//     least for the least T, with the links of one port as they are after lending
//     no more than that T and all others as above.
//   - A link whose transfers together take longer than T delays the end by the
//     rest: if it transfers once, because the port lends no more than T; if it
//     transfers repeatedly, because of the stall. The same holds for the transfers
//     of an input and an output on one port together with what others take there.
//
// What a port lends is the part of T that the average bandwidth of its repeated
// transfers leaves. In the physical model it lends of the iterations only, and shares
// out without going below least values, so that a link is bounded by what it has left
// if only those links share with it that certainly transfer once.
//
// If the array computes in memory, an iteration takes several cycles, and so do
// periods and windows; the bound of energy leaves precharges out.
//
// # Chosen boundaries
//
// Where boundaries are chosen (LookAllocated), loops are placed from either end, and
// boundaries when they are reached. A boundary that is placed has its term in all
// sums. One that is not encloses at least the loops that are placed from the inside
// out, or at most those that are not placed from the outside in, so that the least
// term over these points of the lattice is a lower bound; nothing else is assumed of
// it but that its data fits. Memories whose placed boundaries, with the least that
// open ones take, exceed them are given up.
//
// The key holds the values of placed boundaries and the room that they take, the
// lattice point that is reached, for each operand the runs of relevant and irrelevant
// loops at the outer ends of its levels with whether they may go on, the innermost
// run, and whether a boundary may lie here or which loop may come next. Nothing else
// enters the cost of a completion, as there is no rule of allocation that could look
// at single loops.
//
// A bound never exceeds the cost of a completion; where the beginning decides
// everything that the latency depends on, it often equals it.
type Outlook struct {
	*figures
	factors []Loop
	counts  []int
	way     way
	// combinations are those of the factors. The figures of one are at the point that
	// within gives for it; at holds such points, own those among the combinations.
	combinations combinations
	within       []int32
	best         [maxOperands][]best
	// placed, rest and points describe the loops and boundaries that are chosen: how
	// many loops, the lattice point behind the last of them, and those of boundaries.
	placed  int
	rest    int
	points  [maxOperands][]int
	roomy   []bool           // by memory: all of its operands fit at once
	whole   [maxOperands]int // lowest level whose memory always takes all loops, else a level that is none
	singles [][]single       // by port
	loops   []Loop           // the inner loops, then the others in any order
	at, own []int            // the points of the innermost i loops
	inner   int              // how many of loops are the inner ones
	left    []int
	seen    [maxOperands]progress
	path    int // first position whose loops may matter one by one
	key     []byte
	floor   floorScratch
}

// progress is what the inner loops decide for one operand.
type progress struct {
	known   int  // boundaries 1..known have their place
	running bool // the last of them may still move out with irrelevant loops
	start   int  // the next boundary lies here or further out
	closed  int  // length of the innermost run of irrelevant loops
}

// NewOutlook prepares the view on the orders of the given factors, each of which
// occurs counts times in every order. Its size grows with the number of
// combinations of them; with more than MaxCombinations it is nil. It lies in the
// memory of the outlook that was made with the same tables before.
func (e *Evaluator) NewOutlook(factors []Loop, counts []int, t *Tables) *Outlook {
	return e.newOutlook(factors, counts, filled, t)
}

func (e *Evaluator) newOutlook(factors []Loop, counts []int, w way, t *Tables) *Outlook {
	o := &Outlook{factors: factors, counts: counts, way: w}
	n := 0
	for _, c := range counts {
		n += c
	}
	o.loops, o.at, o.own, o.left = make([]Loop, n), make([]int, n+1), make([]int, n+1), make([]int, len(counts))
	if o.combinations = newCombinations(counts); o.combinations.points == 0 {
		return nil
	}
	o.figures, o.within = t.figures(e, factors, o.combinations)
	for x := range e.model.operands {
		o.best[x] = make([]best, len(e.model.operands[x].levels))
		for l := range o.best[x] {
			o.best[x][l] = o.newBest(x, l, &t.passing)
		}
	}
	o.singles = o.newSingles()
	o.takeWhole()
	o.floor = newFloorScratch(e.model)
	return o
}

// Figures is the number of figures that the outlook has tabulated.
func (o *Outlook) Figures() int {
	n := 0
	for x := range o.best {
		for l := range o.best[x] {
			n += len(o.best[x][l])
		}
	}
	return n
}

// dyadic tells whether every unrolling is a multiple of 2^-20, so that products
// with other sizes are exact.
func (a *analysis) dyadic() bool {
	for x := range a.unrolled {
		for _, level := range a.unrolled[x].loops {
			for _, f := range level {
				if scaled := f.size * (1 << 20); scaled != math.Trunc(scaled) {
					return false
				}
			}
		}
	}
	return true
}

// takeWhole finds the memories that take all loops of their operands whatever
// the order: everything fits, and nothing less causes as little traffic.
func (o *Outlook) takeWhole() {
	m := o.e.model
	for x := range m.operands {
		o.whole[x] = len(m.operands[x].levels)
	}
	o.roomy = make([]bool, len(m.memories))
	if !o.exact || o.way != filled || m.problem.Bounded {
		return
	}
	for i := range m.memories {
		room := 0.0
		all := true
		for _, r := range m.memories[i].stored {
			op := &m.operands[r.operand]
			top := r.level == len(op.levels)-1
			full := o.size(r.operand, r.level+1, o.lattice.points-1)
			room += full * float64(max(op.bits, op.final))
			for i := 0; all && !top && i < len(o.within); i++ {
				s := int(o.within[i])
				all = float64(o.lattice.total/o.lattice.cycles[s])*o.bounds[r.operand][r.level+1].room[s] >= full
			}
		}
		if o.e.exceeds(i, room) {
			continue
		}
		o.roomy[i] = !m.problem.Even && room*float64(o.lattice.total) < 1<<50
		if !all {
			continue
		}
		for _, r := range m.memories[i].stored {
			o.whole[r.operand] = min(o.whole[r.operand], r.level+1)
		}
	}
}

// Look takes up the innermost loops of an order, given as indices of factors.
// It is false if no completion fits.
func (o *Outlook) Look(inner []int) bool {
	o.begin(inner)
	return o.allocate()
}

// begin takes up the inner loops.
func (o *Outlook) begin(inner []int) {
	o.inner = len(inner)
	copy(o.left, o.counts)
	for i, f := range inner {
		o.left[f]--
		o.loops[i] = o.factors[f]
		o.own[i+1] = o.own[i] + o.combinations.stride[f]
		o.at[i+1] = int(o.within[o.own[i+1]])
	}
	n := len(inner)
	for f, c := range o.left {
		for range c {
			o.loops[n] = o.factors[f]
			n++
		}
	}
	o.e.start(o.loops)
}

// allocate follows the allocation of loops to memories as far as it is the same
// for all completions.
func (o *Outlook) allocate() bool {
	e, m := o.e, o.e.model
	o.path = o.inner
	e.restart()
	for x := range m.operands {
		o.seen[x] = progress{}
	}
	known := true // what all memories so far take
	for i := range m.memories {
		mem := &m.memories[i]
		ready := known || !m.problem.Bounded // which looks at what the others have taken
		for _, r := range mem.stored {
			ready = ready && (o.seen[r.operand].known == r.level || o.whole[r.operand] <= r.level)
		}
		whole := len(mem.stored) > 0
		for _, r := range mem.stored {
			whole = whole && o.whole[r.operand] <= r.level+1
		}
		switch {
		case whole:
		case !ready || o.roomy[i]:
			o.keepCandidates(i)
			known = false
		default:
			decided, fits := o.decide(mem)
			if !fits {
				return false
			}
			if !decided {
				o.keepCandidates(i)
				known = false
			}
		}
	}
	o.settle()
	return true
}

// decide fills a memory if every completion fills it alike.
func (o *Outlook) decide(mem *memory) (decided, fits bool) {
	e, m := o.e, o.e.model
	least := 0.0
	for _, r := range mem.stored {
		if o.whole[r.operand] <= r.level {
			return false, true
		}
		if !e.slices(r, mem) {
			return false, false
		}
		least += e.alloc.operands[r.operand].bits[0]
	}
	for _, r := range mem.stored {
		a := &e.alloc.operands[r.operand]
		if r.level == len(m.operands[r.operand].levels)-1 {
			if end := a.done + a.base; end < o.inner || end < len(o.loops) && o.exact {
				return false, false // the highest memory has to take all
			}
			continue
		}
		closed := a.done+len(a.bits) <= o.inner
		others := least - a.bits[0]
		for i := 0; !closed && i < len(a.bits) && a.done+i <= o.inner; i++ {
			closed = others > 0 && e.exceedsRounded(mem.index, a.bits[i]+others)
		}
		if !closed {
			if e.exceedsRounded(mem.index, least) {
				return false, false
			}
			return false, true
		}
	}
	choice, ok := e.choose(mem)
	if !ok {
		return false, false
	}
	for k, r := range mem.stored {
		if r.level == len(m.operands[r.operand].levels)-1 {
			continue
		}
		e.take(r, choice[k])
		o.seen[r.operand].known++
		o.seen[r.operand].start = e.alloc.operands[r.operand].done
	}
	return true, true
}

// keepCandidates notes from where on the inner loops may still become the upper
// end of what an undecided memory takes. Alone in a memory, or if all fits, an
// operand takes the slice of least traffic, the largest of equals, so that the
// inner loops matter no more if all of them are the best slice so far.
func (o *Outlook) keepCandidates(i int) {
	e, m := o.e, o.e.model
	mem := &m.memories[i]
	for _, r := range mem.stored {
		p := &o.seen[r.operand]
		if o.whole[r.operand] <= r.level || r.level == len(m.operands[r.operand].levels)-1 || p.known != r.level {
			continue
		}
		if len(mem.stored) > 1 && !o.roomy[i] || m.problem.Bounded || !e.slices(r, mem) {
			o.path = min(o.path, p.start)
			continue
		}
		a := &e.alloc.operands[r.operand]
		best := 0
		for i := 1; i < len(a.bits) && a.done+i <= o.inner; i++ {
			if a.cost[i] <= a.cost[best] {
				best = i
			}
		}
		p.start = a.done + best
		o.path = min(o.path, p.start)
	}
}

// settle moves decided boundaries out over irrelevant loops, as far as the inner
// loops tell.
func (o *Outlook) settle() {
	e := o.e
	for x := range e.model.operands {
		op, t, p := &e.model.operands[x], &e.nests[x], &o.seen[x]
		for p.closed < o.inner && op.class[o.loops[p.closed].Dim] == irrelevant {
			p.closed++
		}
		t.below[0] = 0
		for l := 1; l <= p.known; l++ {
			i := min(max(t.taken[l], t.below[l-1]), o.inner)
			for i < o.inner && op.class[o.loops[i].Dim] == irrelevant {
				i++
			}
			t.below[l] = i
		}
		p.running = p.known > 0 && t.below[p.known] == o.inner && o.irrelevantLeft(x)
		if p.known > 0 {
			p.start = max(p.start, min(t.taken[p.known], o.inner))
		}
	}
}

// irrelevantLeft tells whether some loop outside does not concern the operand.
func (o *Outlook) irrelevantLeft(x int) bool {
	for f, n := range o.left {
		if n > 0 && o.e.model.operands[x].class[o.factors[f].Dim] == irrelevant {
			return true
		}
	}
	return false
}

// onlyLeft tells whether all loops outside are of a class.
func (o *Outlook) onlyLeft(x int, c class) bool {
	for f, n := range o.left {
		if n > 0 && o.e.model.operands[x].class[o.factors[f].Dim] != c {
			return false
		}
	}
	return true
}

// Key identifies what a completion can feel of the inner loops that were looked
// at last: two beginnings with equal keys have the same cost under every
// completion. It is nil if no other beginning is like it, and valid until the
// next call.
func (o *Outlook) Key() []byte {
	path := o.path
	if path == 0 || !o.exact {
		return nil
	}
	o.key = o.key[:0]
	put := func(n int64) { o.key = binary.AppendVarint(o.key, n) }
	put(int64(o.own[o.inner]))
	put(int64(o.inner - path))
	for _, l := range o.loops[path:o.inner] {
		put(int64(l.Dim))
		put(int64(l.Size))
	}
	for x := range o.e.model.operands {
		o.keyOperand(x, path, put)
	}
	return o.key
}

func (o *Outlook) keyOperand(x, path int, put func(int64)) {
	e := o.e
	op, t, p := &e.model.operands[x], &e.nests[x], &o.seen[x]
	if !op.output {
		// how long the innermost data stays, and whether that may still change
		put(e.cycles[p.closed])
		if p.closed == o.inner {
			put(1)
		} else {
			put(0)
		}
	}
	if e.model.array != nil && p.known > 0 { // precharges depend on the loops that are taken
		put(e.cycles[min(p.closed, t.taken[1])])
	}
	put(int64(p.known))
	for l := 1; l <= p.known; l++ {
		last := l == p.known
		if !last || !p.running {
			b, s := &o.bounds[x][l], o.at[t.below[l]]
			put(b.energy.elements[s])
			put(b.timing.elements[s])
			put(o.lattice.cycles[s])
			put(o.lattice.reuse[x][s])
		}
		put(e.outer(op, relevant, t.below[l-1], t.below[l]))
		put(e.outer(op, irrelevant, t.below[l-1], t.below[l]))
	}
	if p.running {
		put(-1)
	}
	top := len(op.levels)
	from := t.below[p.known]
	switch {
	case p.known >= top-1 || o.whole[x] == p.known+1:
		// the next boundary is the end: a run at the end of the inner loops matters
		// only if all the others continue it
		if o.onlyLeft(x, relevant) {
			put(e.outer(op, relevant, from, o.inner))
		}
		if o.whole[x] < top && o.onlyLeft(x, irrelevant) {
			put(e.outer(op, irrelevant, from, o.inner))
		}
	default:
		put(int64(max(0, o.inner-max(p.start, path))))
		put(e.outer(op, relevant, min(from, path), path))
		put(e.outer(op, irrelevant, min(from, path), path))
		put(int64(max(0, from-path)))
		put(e.allocationBits(op, &e.alloc.operands[x], x))
	}
}
