package loopnest

import (
	"encoding/binary"
	"math"
)

// way is how an Outlook comes to the boundaries of levels.
type way uint8

const (
	filled  way = iota // by the allocation rule, from the inside out
	outward            // they are chosen, from the inside out
	inward             // they are chosen, from the outside in
)

// NewFreeOutlook prepares the view on all orders of the given factors with all
// allocations that fit, from the inside out or from the outside in. It is nil with
// more than MaxCombinations combinations of factors.
func (e *Evaluator) NewFreeOutlook(factors []Loop, counts []int, fromOutside bool, t *Tables) *Outlook {
	w := outward
	if fromOutside {
		w = inward
	}
	o := e.newOutlook(factors, counts, w, t)
	if o == nil {
		return nil
	}
	for x := range o.points {
		o.points[x] = make([]int, len(e.model.operands[x].levels))
	}
	return o
}

// LookAllocated takes up the innermost or the outermost loops of an order, given
// as indices of factors from that end on, and the boundaries among them and right
// behind the last: cuts[x] are the numbers of these loops at the boundaries of
// operand x, from that end on. All other boundaries of the operand lie behind the
// last of these loops or further away. The loop right outside a boundary is not
// irrelevant to the operand, since it would settle below. LookAllocated is false if
// no completion fits.
func (o *Outlook) LookAllocated(placed []int, cuts Allocation) bool {
	o.placed = len(placed)
	o.own[0] = 0
	if o.way == inward {
		o.own[0] = o.combinations.points - 1
	}
	o.at[0] = int(o.within[o.own[0]])
	for i, f := range placed {
		o.loops[i] = o.factors[f]
		o.own[i+1] = o.own[i] + o.combinations.stride[f]
		if o.way == inward {
			o.own[i+1] = o.own[i] - o.combinations.stride[f]
		}
		o.at[i+1] = int(o.within[o.own[i+1]])
	}
	o.rest = o.at[o.placed]
	for x := range o.e.model.operands {
		o.seen[x] = progress{known: len(cuts[x])}
		for i, n := range cuts[x] {
			o.points[x][o.level(x, i)] = o.at[n]
		}
		if o.way == outward {
			o.seen[x].closed = o.irrelevantRun(x)
		}
	}
	for i := range o.e.model.memories {
		if !o.mayFit(i) {
			return false
		}
	}
	return true
}

// level is the level below boundary i of an operand, counted from where the search
// began.
func (o *Outlook) level(x, i int) int {
	if o.way == inward {
		return len(o.e.model.operands[x].levels) - 1 - i
	}
	return i + 1
}

// decided tells whether a boundary has its place.
func (o *Outlook) decided(x, l int) bool {
	if o.way == inward {
		return l >= len(o.e.model.operands[x].levels)-o.seen[x].known
	}
	return l <= o.seen[x].known
}

// irrelevantRun is the number of innermost loops that do not concern an operand,
// as far as they are placed.
func (o *Outlook) irrelevantRun(x int) int {
	n := 0
	for n < o.placed && o.e.model.operands[x].class[o.loops[n].Dim] == irrelevant {
		n++
	}
	return n
}

// leastFree is least where boundaries are chosen.
func (o *Outlook) leastFree(x, l int) (row []float64, single occurrence, point int) {
	b := &o.bounds[x][l]
	s := undecided
	switch {
	case l == 0:
		s = o.innermost(x)
	case o.decided(x, l):
		s = o.points[x][l]
	case o.placed == len(o.loops):
		s = o.rest
	}
	if s != undecided {
		if o.cycle(x, l, s) == o.lattice.total {
			single = always
		}
		return b.cost[s*b.width : (s+1)*b.width], single, s
	}
	if b.fullFits && (o.way == outward || o.placed == 0) {
		single = maybe
	}
	return o.best[x][l].row(o.own[o.placed], b.width), single, undecided
}

// innermost is the point of the innermost run of irrelevant loops, if it is known.
func (o *Outlook) innermost(x int) int {
	op := &o.e.model.operands[x]
	if o.way == outward {
		n := o.seen[x].closed
		ends := n < o.placed || o.placed == len(o.loops) || o.seen[x].known > 0 && o.points[x][1] == o.at[n]
		if !ends {
			return undecided
		}
		return o.at[n]
	}
	if o.lattice.reuse[x][o.rest] != o.lattice.cycles[o.rest] {
		return undecided
	}
	i := o.placed // all loops within are irrelevant
	for i > 0 && op.class[o.loops[i-1].Dim] == irrelevant {
		i--
	}
	return o.at[i]
}

// mayFit tells whether what is within the boundaries of a memory fits. Those that
// are open enclose at least the inner loops that are placed.
func (o *Outlook) mayFit(i int) bool {
	m := o.e.model
	used := 0.0
	for _, r := range m.memories[i].stored {
		op, l := &m.operands[r.operand], r.level+1
		bits := float64(min(op.bits, op.final))
		if o.reservesSums(r.operand, l) {
			bits = float64(op.bits)
		}
		switch {
		case l == len(op.levels):
			used += float64(op.elements) * bits
		case o.decided(r.operand, l):
			used += o.bounds[r.operand][l].room[o.points[r.operand][l]] * bits
		case o.way == outward:
			used += o.bounds[r.operand][l].room[o.rest] * bits
		default:
			used += o.bounds[r.operand][l].room[0] * bits
		}
	}
	return !o.e.exceedsRounded(i, used)
}

// reservesSums tells whether the memory below boundary l certainly reserves room
// at the precision of partial sums: something is to be added up outside the
// boundary below.
func (o *Outlook) reservesSums(x, l int) bool {
	if !o.e.model.operands[x].output || o.e.energy.unrolled[x].reduces[l] {
		return true
	}
	full := o.lattice.points - 1
	s := full
	switch {
	case l == 1:
		s = 0
	case o.decided(x, l-1):
		s = o.points[x][l-1]
	case o.way == inward:
		s = o.rest
	}
	return o.lattice.reuse[x][s] < o.lattice.reuse[x][full]
}

// KeyAllocated is Key for the loops and boundaries that LookAllocated took up;
// last is what else a completion depends on.
func (o *Outlook) KeyAllocated(cuts Allocation, last int) []byte {
	if !o.exact {
		return nil
	}
	o.key = o.key[:0]
	put := func(n int64) { o.key = binary.AppendVarint(o.key, n) }
	put(int64(last))
	put(int64(o.own[o.placed]))
	for x := range o.e.model.operands {
		op := &o.e.model.operands[x]
		put(int64(len(cuts[x])))
		from := 0
		for i, to := range cuts[x] {
			l := o.level(x, i)
			b, s := &o.bounds[x][l], o.at[to]
			put(b.energy.elements[s])
			put(b.timing.elements[s])
			put(o.lattice.cycles[s])
			put(o.lattice.reuse[x][s])
			o.key = binary.BigEndian.AppendUint64(o.key, math.Float64bits(b.room[s]))
			o.keyRuns(op, from, to, put)
			from = to
		}
		open := o.keyRuns(op, from, o.placed, put)
		if o.way == outward {
			put(int64(len(cuts[x]))<<1 | bit(len(cuts[x]) > 0 && from == o.placed)) // no irrelevant loop may follow
		} else {
			put(open<<1 | bit(o.placed > 0 && op.class[o.loops[max(0, o.placed-1)].Dim] == irrelevant)) // no boundary may follow
		}
		if !op.output {
			still := int64(0)
			if s := o.innermost(x); s != undecided {
				still = o.lattice.cycles[s]
			}
			put(still)
		}
	}
	return o.key
}

func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// keyRuns puts the products of the outermost relevant and irrelevant loops among
// the loops from, from+1, ... to-1 that are placed. From the outside in, it returns
// which of these runs may go on.
func (o *Outlook) keyRuns(op *operand, from, to int, put func(int64)) (open int64) {
	for k, c := range [...]class{relevant, irrelevant} {
		product := int64(1)
		n := 0
		for ; n < to-from; n++ {
			loop := o.loops[to-1-n]
			if o.way == inward {
				loop = o.loops[from+n]
			}
			if op.class[loop.Dim] != c {
				break
			}
			product *= int64(loop.Size)
		}
		put(product)
		open |= bit(n == to-from) << k
	}
	return open
}
