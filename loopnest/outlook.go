package loopnest

import (
	"encoding/binary"
	"math"
)

// Outlook looks ahead from the innermost loops of an order: what no completion
// of them can beat, and what of them a completion can still feel. It works on
// the buffers of its Evaluator and belongs to the same goroutine.
type Outlook struct {
	e       *Evaluator
	factors []Loop
	counts  []int
	lattice lattice
	// exact tells that sizes do not depend on the order of multiplication.
	exact   bool
	roomy   []bool           // by memory: all of its operands fit at once
	whole   [maxOperands]int // lowest level whose memory always takes all loops, else a level that is none
	bounds  [maxOperands][]boundary
	singles [][]single // by port
	loops   []Loop     // the inner loops, then the others in any order
	at      []int      // at[i] is the lattice point of the innermost i loops
	inner   int        // how many of loops are the inner ones
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
// combinations of them; with more than MaxCombinations it is nil.
func (e *Evaluator) NewOutlook(factors []Loop, counts []int) *Outlook {
	o := &Outlook{e: e, factors: factors, counts: counts, exact: e.energy.dyadic() && e.timing.dyadic()}
	n := 0
	for _, c := range counts {
		n += c
	}
	o.loops, o.at, o.left = make([]Loop, n), make([]int, n+1), make([]int, len(counts))
	if o.lattice = newLattice(e.model, factors, counts); o.lattice.points == 0 {
		return nil
	}
	for x := range e.model.operands {
		o.bounds[x] = make([]boundary, len(e.model.operands[x].levels))
		for l := range o.bounds[x] {
			o.bounds[x][l] = o.newBoundary(x, l)
		}
	}
	o.singles = o.newSingles()
	o.takeWhole()
	o.floor = newFloorScratch(e.model)
	return o
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
	if !o.exact {
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
			for s := 0; all && !top && s < o.lattice.points; s++ {
				all = float64(o.lattice.total/o.lattice.cycles[s])*o.size(r.operand, r.level+1, s) >= full
			}
		}
		if room > m.memories[i].size {
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
	o.inner = len(inner)
	copy(o.left, o.counts)
	for i, f := range inner {
		o.left[f]--
		o.loops[i] = o.factors[f]
		o.at[i+1] = o.at[i] + o.lattice.stride[f]
	}
	n := len(inner)
	for f, c := range o.left {
		for range c {
			o.loops[n] = o.factors[f]
			n++
		}
	}
	o.e.start(o.loops)
	return o.allocate()
}

// allocate follows the allocation of loops to memories as far as it is the same
// for all completions.
func (o *Outlook) allocate() bool {
	e, m := o.e, o.e.model
	o.path = o.inner
	for x := range m.operands {
		a := &e.alloc.operands[x]
		copy(a.sizes, a.initial)
		a.done, a.level = 0, 1
		e.nests[x].taken[0] = 0
		o.seen[x] = progress{}
	}
	for i := range m.memories {
		mem := &m.memories[i]
		ready := true
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
		default:
			decided, fits := o.decide(mem)
			if !fits {
				return false
			}
			if !decided {
				o.keepCandidates(i)
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
			closed = others > 0 && a.bits[i]+others > mem.size*(1+1e-9)
		}
		if !closed {
			if least > mem.size*(1+1e-9) {
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
		if !e.take(r, choice[k]) {
			return false, false
		}
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
		if len(mem.stored) > 1 && !o.roomy[i] || !e.slices(r, mem) {
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
	put(int64(o.at[o.inner]))
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
