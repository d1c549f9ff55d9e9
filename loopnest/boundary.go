package loopnest

import (
	"math"

	"streamdse/hardware"
)

// figures are what all combinations of some factors lead to, whatever the order. They
// are filled once and then read only.
type figures struct {
	e       *Evaluator
	factors []Loop
	lattice lattice
	// exact tells that sizes do not depend on the order of multiplication.
	exact  bool
	bounds [maxOperands][]boundary
	memory *memory64
}

func newFigures(e *Evaluator, factors []Loop, c combinations, memory *memory64) *figures {
	o := &figures{e: e, factors: factors, memory: memory, exact: e.energy.dyadic() && e.timing.dyadic()}
	o.lattice = newLattice(e.model, factors, c, memory)
	for x := range e.model.operands {
		o.bounds[x] = make([]boundary, len(e.model.operands[x].levels))
		for l := range o.bounds[x] {
			o.bounds[x][l] = o.newBoundary(x, l)
		}
	}
	return o
}

// boundary is the upper end of a level of one operand, with what crosses it if
// the loops of a point of the lattice lie within. Level 0 is the array.
type boundary struct {
	energy, timing reading
	// cost has for each point a row of what the traffic over the boundary costs at
	// least.
	width    int
	cost     []float64
	ports    []int // ports that serve the boundary
	exact    bool  // as figures.exact, as far as the figures went then
	fullFits bool  // the boundary may enclose all loops
	// room is the data below the boundary, for the memory that holds it, in elements.
	room []float64
}

// reading is the data of one instance below a boundary in one reading of the
// spatial unrolling: the elements that the evaluation finds, and as few as
// rounding in another order may give.
type reading struct {
	elements []int64
	least    []int64
}

// Columns of a row of costs. After them come groups, one for each port.
const (
	columnEnergy = iota
	columnLow    // time of the first or last transfer at the lower end, if there are several
	columnHigh   // the same at the higher end
	columnBits   // bits below the boundary
	columnBusy   // time until the last transfer, at the slower end
	columnPorts
)

// Columns of a port.
const (
	columnTime   = iota // of all transfers but one
	columnExcess        // the part of it that exceeds the time between transfers
	columnShare         // time that the port cannot lend, but for the first transfer
	columnTotal         // time that the port cannot lend
	columnNeed          // what is taken off the time that the port may lend
	portColumns
)

// size is the number of elements of an operand below level l at a point of the
// lattice, in the fractional reading.
func (o *figures) size(x, l, s int) float64 { return o.sizeIn(&o.e.energy, x, l, s, 1) }

func (o *figures) sizeIn(a *analysis, x, l, s int, scale float64) float64 {
	op := &o.e.model.operands[x]
	z := o.e.alloc.trial
	for d := range z {
		z[d] = o.lattice.sizes[d][s]
	}
	for _, level := range a.unrolled[x].loops[:l] {
		for _, f := range level {
			z[f.dim] *= f.size
		}
	}
	if scale != 1 {
		for d := range z {
			if z[d] > 1 {
				z[d] *= scale
			}
		}
	}
	return op.size(z, o.e.model.relations)
}

func (o *figures) newReading(a *analysis, x, l int) reading {
	op := &o.e.model.operands[x]
	n := o.lattice.points
	r := reading{elements: o.memory.integers.take(n), least: o.memory.integers.take(n)}
	for s := range n {
		if l == 0 {
			r.elements[s], r.least[s] = 1, 1
			continue
		}
		size := o.sizeIn(a, x, l, s, 1)
		r.elements[s] = int64(math.RoundToEven(size))
		scale := 1.0
		if !o.exact {
			scale = 1 - 1e-9
		}
		r.least[s] = int64(math.RoundToEven(o.sizeIn(a, x, l, s, scale) * (1 - 1e-9)))
		if op.relations && math.Abs(size-math.Floor(size)-0.5) < 1e-6 {
			o.exact = false // which way it is rounded may depend on the order
		}
	}
	return r
}

// newBoundary tabulates what crosses the upper end of level l of operand x.
func (o *figures) newBoundary(x, l int) boundary {
	e, m := o.e, o.e.model
	b := boundary{energy: o.newReading(&e.energy, x, l)}
	b.timing = b.energy
	if !e.same {
		b.timing = o.newReading(&e.timing, x, l)
	}
	for i := range m.ports {
		for _, s := range m.ports[i].services {
			if s.operand == x && crosses(s, l) {
				b.ports = append(b.ports, i)
				break
			}
		}
	}
	b.width = columnPorts + portColumns*len(b.ports)
	b.cost = o.memory.floats.take(o.lattice.points * b.width)
	clear(b.cost)
	for s := range o.lattice.points {
		o.fillRow(b.cost[s*b.width:(s+1)*b.width], &b, x, l, s)
	}
	if l > 0 {
		b.room = o.memory.floats.take(o.lattice.points)
		for s := range b.room {
			b.room[s] = o.size(x, l, s)
		}
	}
	b.exact = o.exact
	b.fullFits = l == 0 || o.fits(&b, x, l, o.lattice.points-1)
	return b
}

// crosses tells whether a service moves data over the upper end of level l.
func crosses(s service, l int) bool {
	if s.direction == hardware.ToLow || s.direction == hardware.FromLow {
		return s.level == l
	}
	return s.level == l-1
}

// fits tells whether the memory below the upper end of level l may hold the
// loops of a point. Irrelevant loops that only settle there do not count, but
// they do not enlarge the data either.
func (o *figures) fits(b *boundary, x, l, s int) bool {
	op := &o.e.model.operands[x]
	size := b.room[s]
	if !b.exact {
		size = o.sizeIn(&o.e.energy, x, l, s, 1-1e-9)
	}
	return !o.e.exceedsRounded(op.levels[l-1].memory, size*float64(min(op.bits, op.final)))
}

// fillRow computes the costs of a point: the traffic as the analysis describes
// it, of the least data that rounding may give.
func (o *figures) fillRow(row []float64, b *boundary, x, l, s int) {
	e, m := o.e, o.e.model
	op := &m.operands[x]
	cycle := o.cycle(x, l, s)
	timing := o.timing()
	row[columnBits] = o.bitsAt(timing, b.timing.least[s], x, l, s)
	for i := range m.ports {
		for _, v := range m.ports[i].services {
			if v.operand != x || !crosses(v, l) {
				continue
			}
			real := o.transferAt(timing, b.timing.least[s], v, l, s)
			if real < 0 {
				continue
			}
			count := float64(o.lattice.total / cycle)
			first := o.fillAt(timing, b.timing.least[s], v, l, s)
			for k, p := range b.ports {
				if p == i {
					port := row[columnPorts+portColumns*k:]
					port[columnTime] += real * (count - 1)
					port[columnExcess] += max(0, real-m.stretch(cycle)) * (count - 1)
					if !o.returns(v) {
						need := o.averageAt(timing, b, v, x, l, s) / m.ports[i].limit * float64(o.lattice.total)
						if count > 1 {
							port[columnNeed] += need
						}
						share := min(real*(count-1), need)
						port[columnShare] += share
						port[columnTotal] += share + first
					}
				}
			}
			o.loadingAt(row, v, l, count, real, first)
		}
	}
	for mem := l - 1; mem <= l; mem++ {
		if mem < 0 {
			continue
		}
		level := &op.levels[mem]
		for d := range level.moves {
			v := service{x, mem, hardware.Direction(d)}
			if !crosses(v, l) {
				continue
			}
			amount, bits, moves := o.moveAt(&e.energy, b.energy.least[s], v, l, s)
			if !moves || amount == 0 || bits == 0 {
				continue
			}
			port := &level.moves[d]
			if port.port < 0 {
				row[columnEnergy] = math.Inf(1) // no nest with such traffic exists
				continue
			}
			instances := float64(e.energy.unrolled[x].instance[mem+1])
			row[columnEnergy] += math.Trunc(math.Ceil(float64(amount*bits)/port.min)*port.unitShare*float64(o.lattice.total/cycle)*instances) * port.cost
		}
	}
}

// moveAt is the amount and the precision of one transfer over the upper end of
// level l if the loops of point s lie within; moves is false if there is none.
func (o *figures) moveAt(a *analysis, elements int64, v service, l, s int) (amount, bits int64, moves bool) {
	op := &o.e.model.operands[v.operand]
	u := &a.unrolled[v.operand]
	amount = elements
	if v.level == l {
		amount *= u.boost[l]
	}
	down := v.direction == hardware.ToLow || v.direction == hardware.FromHigh
	if !op.output {
		return amount, op.bits, down
	}
	x := v.operand
	above := o.lattice.reuse[x][o.lattice.points-1] / o.lattice.reuse[x][s]
	if l == 0 {
		above = o.lattice.reuse[x][o.lattice.points-1]
	}
	if down && above == 1 && !u.reused[l+1] {
		return 0, 0, false
	}
	reuse := float64(above)
	for _, r := range u.reuse[l+1:] {
		reuse *= r
	}
	switch {
	case float64(op.elements)*(reuse-1) >= 1:
		bits = op.bits
	case !down:
		bits = op.final
	}
	return amount, bits, true
}

// bitsAt is the data of one instance below the upper end of level l.
func (o *figures) bitsAt(a *analysis, elements int64, x, l, s int) float64 {
	op := &o.e.model.operands[x]
	if !op.output {
		return float64(elements * op.bits)
	}
	above := o.lattice.reuse[x][o.lattice.points-1] / o.lattice.reuse[x][s]
	if above > 1 || a.unrolled[x].reused[l+1] {
		return float64(elements * op.bits)
	}
	return float64(elements * op.final)
}

// transferAt is the time of one transfer, negative if there is none.
func (o *figures) transferAt(a *analysis, elements int64, v service, l, s int) float64 {
	amount, bits, moves := o.moveAt(a, elements, v, l, s)
	if !moves {
		return -1
	}
	return math.Ceil(float64(amount*bits) / o.e.model.operands[v.operand].levels[v.level].moves[v.direction].max)
}

// fillAt is the time of a transfer before or after the computation, if there is one.
func (o *figures) fillAt(a *analysis, elements int64, v service, l, s int) float64 {
	if !o.e.model.problem.Physical {
		return o.transferAt(a, elements, v, l, s)
	}
	amount, bits, moves := o.moveAt(a, elements, v, l, s)
	if !moves {
		return -1
	}
	return float64(amount*bits) / o.e.model.operands[v.operand].levels[v.level].moves[v.direction].max
}

// averageAt is the bandwidth that a link is counted with while its port lends
// time, at least.
func (o *figures) averageAt(a *analysis, b *boundary, v service, x, l, s int) float64 {
	data := float64(b.timing.least[s])
	if !o.e.model.problem.ElementBandwidth {
		data = o.bitsAt(a, b.timing.least[s], x, l, s)
	}
	data /= float64(o.cycle(x, l, s))
	if v.level == l {
		data *= float64(a.unrolled[x].boost[l])
	}
	if !o.exact || o.e.model.problem.Physical {
		data *= 1 - 1e-12
	}
	if o.e.model.problem.Physical {
		return data
	}
	return math.Floor(data)
}

// loadingAt fills in the time that a link which transfers repeatedly takes
// before or after the computation.
func (o *figures) loadingAt(row []float64, v service, l int, count, real, first float64) {
	if l == 0 || o.returns(v) {
		return
	}
	busy := real*(count-1) + first
	if count > 1 {
		total := o.phase()
		busy = max(busy, total+(real-total/count)*(count-1)+first)
	}
	row[columnBusy] = max(row[columnBusy], busy)
	if count == 1 {
		first = math.Inf(1)
	}
	if v.level == l {
		row[columnHigh] = first
	} else {
		row[columnLow] = first
	}
}

// returns tells whether partial sums come back, which does not count as loading.
func (o *figures) returns(v service) bool {
	return o.e.model.operands[v.operand].output && (v.direction == hardware.ToLow || v.direction == hardware.FromHigh)
}
