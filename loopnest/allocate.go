package loopnest

import (
	"math"
	"slices"

	"streamdse/hardware"
	"streamdse/unit"
)

// allocator holds the state of the allocation of loops to memories.
type allocator struct {
	operands [maxOperands]allocating
	trial    []float64
	none     allocating // stands for an operand that a memory does not store
}

// allocating is the state of one operand: the innermost done loops and the
// spatial loops below level are allocated.
type allocating struct {
	initial []float64 // sizes of what the array holds, by loop dimension
	sizes   []float64 // the same for what is allocated so far
	done    int
	level   int
	// Candidates: base, base+1, ... more loops might go into the memory at hand.
	// Slice i takes bits[i] bits there and cost[i] traffic from above.
	base       int
	bits, cost []float64
}

func newAllocator(m *Model, a *analysis) allocator {
	s := allocator{none: allocating{bits: []float64{0}, cost: []float64{0}}}
	s.trial = make([]float64, len(m.problem.Layer.Dims))
	for x := range m.operands {
		o := &s.operands[x]
		o.initial = make([]float64, len(s.trial))
		o.sizes = make([]float64, len(s.trial))
		for d := range o.initial {
			o.initial[d] = 1
		}
		for _, f := range a.unrolled[x].loops[0] {
			o.initial[f.dim] *= f.size
		}
	}
	return s
}

// allocate gives every memory, from the lowest up, as many of the innermost
// loops as lead to the least traffic from above. How many may differ by operand
// (uneven allocation). Among equally good choices the one with more loops wins.
func (e *Evaluator) allocate() bool {
	e.restart()
	for i := range e.model.memories {
		m := &e.model.memories[i]
		for _, r := range m.stored {
			if !e.slices(r, m) {
				return false
			}
		}
		choice, ok := e.choose(m)
		if !ok || !e.complete(m, choice) {
			return false
		}
		for k, r := range m.stored {
			e.take(r, choice[k])
		}
	}
	return true
}

// restart empties the memories.
func (e *Evaluator) restart() {
	for x := range e.model.operands {
		a := &e.alloc.operands[x]
		copy(a.sizes, a.initial)
		a.done, a.level = 0, 1
		e.nests[x].taken[0] = 0
	}
}

// slices lists how much of an operand may go into a memory, and at which size.
func (e *Evaluator) slices(r resident, m *memory) bool {
	o, a := &e.model.operands[r.operand], &e.alloc.operands[r.operand]
	left := e.order[a.done:]
	bits := float64(e.allocationBits(o, a, r.operand))
	z := e.alloc.trial
	copy(z, a.sizes)
	a.base = 0
	a.bits, a.cost = a.bits[:0], a.cost[:0]
	total := float64(e.cycles[len(e.order)])
	size := o.size(z, e.model.relations) * bits
	for i := 0; ; i++ {
		if e.exceeds(m.index, size) {
			e.misfit = misfit{kind: TooSmall, at: r, asked: size}
			break
		}
		if e.model.problem.Bounded && !e.roomAbove(r, z, bits) {
			break
		}
		a.bits = append(a.bits, size)
		a.cost = append(a.cost, total/float64(e.cycles[a.done+i])*size)
		if i == len(left) {
			break
		}
		d := left[i].Dim
		z[d] *= float64(left[i].Size)
		if c := o.class[d]; c == relevant || c == partial {
			size = o.size(z, e.model.relations) * bits
		}
	}
	top := r.level == len(o.levels)-1
	switch {
	case len(a.bits) == 0 && top:
		e.misfit = misfit{kind: Overflow, at: r, asked: e.whole(r)}
		return false
	case len(a.bits) == 0:
		return false
	case top: // the highest memory has to take all
		a.base = len(a.bits) - 1
		a.bits[0], a.cost[0] = a.bits[a.base], 0
		a.bits, a.cost = a.bits[:1], a.cost[:1]
	}
	return true
}

// exceeds tells whether some bits are more than a memory has.
func (e *Evaluator) exceeds(memory int, bits float64) bool {
	more := bits > e.model.memories[memory].size
	e.sizes.see(memory, bits, more)
	return more
}

// exceedsRounded is exceeds for bits whose factors may have been multiplied in another
// order.
func (e *Evaluator) exceedsRounded(memory int, bits float64) bool {
	more := bits > e.model.memories[memory].size*(1+1e-9)
	e.sizes.see(memory, bits, more)
	return more
}

// all gives the loop sizes of an operand in a memory that takes all loops that are left,
// and the precision.
func (e *Evaluator) all(r resident) (sizes []float64, bits float64) {
	o, a := &e.model.operands[r.operand], &e.alloc.operands[r.operand]
	z := slices.Clone(a.sizes)
	for _, l := range e.order[a.done:] {
		z[l.Dim] *= float64(l.Size)
	}
	return z, float64(e.allocationBits(o, a, r.operand))
}

// whole is what an operand takes in a memory that takes all loops that are left.
func (e *Evaluator) whole(r resident) float64 {
	z, bits := e.all(r)
	return e.model.operands[r.operand].size(z, e.model.relations) * bits
}

// roomAbove tells whether the memories above can hold what a slice of the given loop
// sizes makes there, the data of all instances below, for which other loops are
// unrolled, beside what has been allocated of the other operands so far. If
// one cannot, it is noted as the misfit.
func (e *Evaluator) roomAbove(r resident, sizes []float64, bits float64) bool {
	o := &e.model.operands[r.operand]
	z := slices.Clone(sizes)
	for l := r.level + 1; l < len(o.levels); l++ {
		for _, f := range e.energy.unrolled[r.operand].loops[l] {
			z[f.dim] *= f.size
		}
		taken := o.size(z, e.model.relations) * bits
		above := resident{r.operand, l}
		if e.exceeds(o.levels[l].memory, taken) {
			e.misfit = misfit{kind: TooSmall, at: above, asked: taken}
			return false
		}
		for _, other := range e.model.memories[o.levels[l].memory].stored {
			if other.operand != r.operand {
				taken += e.least(other)
			}
		}
		if e.exceeds(o.levels[l].memory, taken) {
			e.misfit = misfit{kind: Crowded, at: above, asked: taken}
			return false
		}
	}
	return true
}

// least is what an operand takes in a memory that takes no loop of its own on top of
// what the memories below have been given.
func (e *Evaluator) least(r resident) float64 {
	o, a := &e.model.operands[r.operand], &e.alloc.operands[r.operand]
	z := slices.Clone(a.sizes)
	for l := a.level; l <= r.level; l++ {
		for _, f := range e.energy.unrolled[r.operand].loops[l] {
			z[f.dim] *= f.size
		}
	}
	return o.size(z, e.model.relations) * float64(e.allocationBits(o, a, r.operand))
}

// allocationBits is the precision that room is reserved at. An output is
// reserved at the precision of partial sums as long as something is still to be
// added up when the memory is considered, even if the memory completes the sum.
func (e *Evaluator) allocationBits(o *operand, a *allocating, x int) int64 {
	if !o.output {
		return o.bits
	}
	if e.energy.unrolled[x].reduces[a.level] {
		return o.bits
	}
	for _, l := range e.order[a.done:] {
		if o.class[l.Dim] == irrelevant {
			return o.bits
		}
	}
	return o.final
}

// choose picks a slice for every operand of a memory.
func (e *Evaluator) choose(m *memory) (choice [maxOperands]int, ok bool) {
	if len(m.stored) == 0 {
		return choice, true
	}
	first, most, leastIsMost := 0.0, 0.0, true
	for k, r := range m.stored {
		a := &e.alloc.operands[r.operand]
		last := len(a.bits) - 1
		choice[k] = a.base + last
		first += a.bits[0]
		most += a.bits[last]
		for _, c := range a.cost {
			leastIsMost = leastIsMost && a.cost[last] <= c
		}
	}
	if e.exceeds(m.index, first) {
		e.misfit = misfit{kind: Crowded, at: m.stored[0], asked: first}
		return choice, false
	}
	if leastIsMost && !e.model.problem.Even && !e.exceeds(m.index, most) {
		return choice, true // the last combination of all, and none is cheaper
	}
	return e.combine(m), true
}

// complete tells whether the operands that have no higher memory leave all their loops
// in this one.
func (e *Evaluator) complete(m *memory, choice [maxOperands]int) bool {
	for k, r := range m.stored {
		a := &e.alloc.operands[r.operand]
		left := len(e.order) - a.done
		switch {
		case r.level < len(e.model.operands[r.operand].levels)-1 || choice[k] == left:
			continue
		case a.base < left:
			e.misfit = misfit{kind: Overflow, at: r, asked: e.whole(r)}
		default:
			e.uneven(m)
		}
		return false
	}
	return true
}

// uneven notes why no combination is even: an operand has to leave all its loops in the
// memory, since it has no higher one, and the others cannot have them there too.
func (e *Evaluator) uneven(m *memory) {
	together := 0.0
	for _, r := range m.stored {
		together += e.whole(r)
	}
	if e.exceeds(m.index, together) {
		e.misfit = misfit{kind: Crowded, at: m.stored[0], asked: together}
		return
	}
	for _, r := range m.stored { // a memory above has no room for all of an operand
		if z, bits := e.all(r); !e.roomAbove(r, z, bits) {
			return
		}
	}
}

// combine goes through all combinations of slices.
func (e *Evaluator) combine(m *memory) (choice [maxOperands]int) {
	var a [maxOperands]*allocating
	for k := range a {
		a[k] = &e.alloc.none
		if k < len(m.stored) {
			a[k] = &e.alloc.operands[m.stored[k].operand]
		}
	}
	found, least := false, 0.0
	seen := e.sizes.ranges[m.index]
	for i, bitsI := range a[0].bits {
		for j, bitsJ := range a[1].bits {
			bits, cost := bitsI+bitsJ, a[0].cost[i]+a[1].cost[j]
			if bits > m.size {
				seen.exceeds = min(seen.exceeds, bits)
				continue
			}
			for k, bitsK := range a[2].bits {
				c := cost + a[2].cost[k]
				if bits+bitsK > m.size {
					seen.exceeds = min(seen.exceeds, bits+bitsK)
					continue
				}
				seen.fits = max(seen.fits, bits+bitsK)
				if found && c > least {
					continue
				}
				pick := [maxOperands]int{a[0].base + i, a[1].base + j, a[2].base + k}
				if e.model.problem.Even && !even(a, pick, len(m.stored)) {
					continue
				}
				found, least, choice = true, c, pick
			}
		}
	}
	e.sizes.ranges[m.index] = seen
	return choice
}

// even tells whether no loop that one operand takes stays above for another.
func even(a [maxOperands]*allocating, pick [maxOperands]int, n int) bool {
	for i := range n {
		for j := range n {
			if pick[i] > 0 && a[i].done+pick[i] > a[j].done+pick[j] {
				return false
			}
		}
	}
	return true
}

// take allocates the next n loops of an operand to the memory at hand.
func (e *Evaluator) take(r resident, n int) {
	a := &e.alloc.operands[r.operand]
	for _, l := range e.order[a.done : a.done+n] {
		a.sizes[l.Dim] *= float64(l.Size)
	}
	a.done += n
	e.nests[r.operand].taken[r.level+1] = a.done
	for _, f := range e.energy.unrolled[r.operand].loops[a.level] {
		a.sizes[f.dim] *= f.size
	}
	a.level++
}

// misfit is a Misfit before names and numbers are filled in.
type misfit struct {
	kind      MisfitKind
	at        resident
	direction hardware.Direction
	asked     float64
}

// Gap is the number of bits that the last order lacks, +Inf if a port is missing.
func (e *Evaluator) Gap() float64 {
	f := &e.misfit
	if f.kind == Unconnected {
		return math.Inf(1)
	}
	return f.asked - e.model.operands[f.at.operand].levels[f.at.level].size
}

// Misfit tells why the last order that was evaluated does not fit.
func (e *Evaluator) Misfit() *Misfit {
	f, m := &e.misfit, e.model
	o := &m.operands[f.at.operand]
	mem := o.levels[f.at.level].memory
	out := &Misfit{
		Kind: f.kind, Operand: o.name, Level: f.at.level, Direction: f.direction,
		Memory: m.problem.Core.Memories[mem].Name, Capacity: m.problem.Core.Memories[mem].Size, Asked: unit.Bits(math.Ceil(f.asked)),
	}
	if f.kind == Crowded {
		out.Operand = m.names(m.memories[mem].stored)
	}
	return out
}
