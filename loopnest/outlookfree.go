package loopnest

import (
	"encoding/binary"
	"math"
)

// NewFreeOutlook prepares the view on all orders of the given factors with all
// allocations that fit. It is nil with more than MaxCombinations combinations of
// factors.
func (e *Evaluator) NewFreeOutlook(factors []Loop, counts []int) *Outlook {
	return e.newOutlook(factors, counts, true)
}

// LookAllocated takes up the innermost loops of an order, given as indices of
// factors, and the boundaries that lie within or at their end: cuts[x] are the
// first entries of the allocation of operand x. All other boundaries of the
// operand lie at the end of the inner loops or further out. No irrelevant loop of
// an operand follows its last boundary. LookAllocated is false if no completion
// fits.
func (o *Outlook) LookAllocated(inner []int, cuts Allocation) bool {
	o.begin(inner)
	o.path = 0
	for x := range o.e.model.operands {
		op, t, p := &o.e.model.operands[x], &o.e.nests[x], &o.seen[x]
		*p = progress{known: len(cuts[x]), start: o.inner}
		t.taken[0], t.below[0] = 0, 0
		for l, n := range cuts[x] {
			t.taken[l+1], t.below[l+1] = n, n
		}
		for p.closed < o.inner && op.class[o.loops[p.closed].Dim] == irrelevant {
			p.closed++
		}
	}
	for i := range o.e.model.memories {
		if !o.mayFit(i) {
			return false
		}
	}
	return true
}

// mayFit tells whether what is within the boundaries of a memory fits: of those
// that are open, what lies within the inner loops.
func (o *Outlook) mayFit(i int) bool {
	m := o.e.model
	used := 0.0
	for _, r := range m.memories[i].stored {
		op, t, p := &m.operands[r.operand], &o.e.nests[r.operand], &o.seen[r.operand]
		l := r.level + 1
		bits := float64(min(op.bits, op.final))
		if p.known >= r.level && o.sumsAbove(r.operand, r.level) {
			bits = float64(op.bits)
		}
		switch {
		case l == len(op.levels):
			used += float64(op.elements) * bits
		case l <= p.known:
			used += o.bounds[r.operand][l].room[o.at[t.below[l]]] * bits
		default:
			used += o.bounds[r.operand][l].room[o.at[o.inner]] * bits
		}
	}
	return used <= m.memories[i].size*(1+1e-9)
}

// sumsAbove tells whether a memory level reserves room for partial sums.
func (o *Outlook) sumsAbove(x, level int) bool {
	op := &o.e.model.operands[x]
	if !op.output {
		return true
	}
	if o.e.energy.unrolled[x].reduces[level+1] {
		return true
	}
	full := o.lattice.points - 1
	return o.lattice.reuse[x][o.at[o.e.nests[x].below[level]]] < o.lattice.reuse[x][full]
}

// freeKey is Key where boundaries are chosen.
func (o *Outlook) freeKey() []byte {
	e := o.e
	o.key = o.key[:0]
	put := func(n int64) { o.key = binary.AppendVarint(o.key, n) }
	put(int64(o.at[o.inner]))
	for x := range e.model.operands {
		op, t, p := &e.model.operands[x], &e.nests[x], &o.seen[x]
		if !op.output {
			put(e.cycles[p.closed])
			if p.closed == o.inner && (p.known == 0 || t.below[1] < o.inner) {
				put(1) // it may go on
			} else {
				put(0)
			}
		}
		put(int64(p.known))
		for l := 1; l <= p.known; l++ {
			b, s := &o.bounds[x][l], o.at[t.below[l]]
			put(b.energy.elements[s])
			put(b.timing.elements[s])
			put(o.lattice.cycles[s])
			put(o.lattice.reuse[x][s])
			put(e.outer(op, relevant, t.below[l-1], t.below[l]))
			put(e.outer(op, irrelevant, t.below[l-1], t.below[l]))
			o.key = binary.BigEndian.AppendUint64(o.key, math.Float64bits(b.room[s]))
		}
		from := t.below[p.known]
		if p.known > 0 && from == o.inner {
			put(-1) // no irrelevant loop may follow
			continue
		}
		put(e.outer(op, relevant, from, o.inner))
		put(e.outer(op, irrelevant, from, o.inner))
	}
	return o.key
}
