package loopnest

import (
	"cmp"
	"math"
	"slices"

	"streamdse/hardware"
)

// boundary is the upper end of a level of one operand, with what crosses it if
// the loops of a point of the lattice lie within. Level 0 is the array.
type boundary struct {
	energy, timing reading
	// cost has for each point a row of what the traffic over the boundary costs at
	// least, and best the least of the rows of this and all larger points at which
	// the data fits into the memory below.
	width      int
	cost, best []float64
	ports      []int // ports that serve the boundary
	fullFits   bool  // the boundary may enclose all loops
}

// reading is the data of one instance below a boundary in one reading of the
// spatial unrolling: the elements that the evaluation finds, and as few as
// rounding in another order may give.
type reading struct {
	elements []int64
	least    []int64
}

// Columns of a row of costs. After them come groups of four, one for each port.
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
	portColumns
)

// size is the number of elements of an operand below level l at a point of the
// lattice, in the fractional reading.
func (o *Outlook) size(x, l, s int) float64 { return o.sizeIn(&o.e.energy, x, l, s, 1) }

func (o *Outlook) sizeIn(a *analysis, x, l, s int, scale float64) float64 {
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

func (o *Outlook) newReading(a *analysis, x, l int) reading {
	op := &o.e.model.operands[x]
	n := o.lattice.points
	r := reading{elements: make([]int64, n), least: make([]int64, n)}
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
func (o *Outlook) newBoundary(x, l int) boundary {
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
	b.cost = make([]float64, o.lattice.points*b.width)
	b.best = make([]float64, len(b.cost))
	for s := range o.lattice.points {
		row := b.cost[s*b.width : (s+1)*b.width]
		o.fillRow(row, &b, x, l, s)
		least := b.best[s*b.width : (s+1)*b.width]
		copy(least, row)
	}
	if l > 0 {
		o.excludeMisfits(&b, x, l)
	}
	b.fullFits = l == 0 || o.fits(x, l, o.lattice.points-1)
	for s := o.lattice.points - 1; s >= 0; s-- {
		least := b.best[s*b.width : (s+1)*b.width]
		for f, stride := range o.lattice.stride {
			if o.lattice.digit(s, f) == o.lattice.counts[f] {
				continue
			}
			outer := b.best[(s+stride)*b.width : (s+stride+1)*b.width]
			for i := range least {
				least[i] = min(least[i], outer[i])
			}
		}
	}
	return b
}

// excludeMisfits makes the rows of points infinite at which the boundary cannot
// lie. What is within fits the memory. A memory of one operand also takes as
// much as fits if no loop multiplies the data by more than its size, so that
// some loop outside would be too much.
func (o *Outlook) excludeMisfits(b *boundary, x, l int) {
	m := o.e.model
	op := &m.operands[x]
	level := &op.levels[l-1]
	greedy := o.exact && len(m.memories[level.memory].stored) == 1
	size := make([]float64, o.lattice.points)
	for s := range size {
		size[s] = o.size(x, l, s)
	}
	grown := func(s, f int) float64 {
		if o.lattice.digit(s, f) == o.lattice.counts[f] {
			return 0
		}
		return size[s+o.lattice.stride[f]]
	}
	for s := range size {
		for f := range o.factors {
			greedy = greedy && grown(s, f) <= size[s]*float64(o.factors[f].Size)
		}
	}
	for s := range size {
		possible := o.fits(x, l, s)
		if greedy && s < len(size)-1 {
			most := 0.0
			for f := range o.factors {
				most = max(most, grown(s, f))
			}
			possible = possible && most*float64(max(op.bits, op.final)) > level.size*(1-1e-9)
		}
		if !possible {
			row := b.best[s*b.width : (s+1)*b.width]
			for i := range row {
				row[i] = math.Inf(1)
			}
		}
	}
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
func (o *Outlook) fits(x, l, s int) bool {
	op := &o.e.model.operands[x]
	scale := 1.0
	if !o.exact {
		scale = 1 - 1e-9
	}
	return o.sizeIn(&o.e.energy, x, l, s, scale)*float64(min(op.bits, op.final)) <= op.levels[l-1].size*(1+1e-9)
}

// fillRow computes the costs of a point: the traffic as the analysis describes
// it, of the least data that rounding may give.
func (o *Outlook) fillRow(row []float64, b *boundary, x, l, s int) {
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
			for k, p := range b.ports {
				if p == i {
					port := row[columnPorts+portColumns*k:]
					port[columnTime] += real * (count - 1)
					port[columnExcess] += max(0, real-float64(cycle)) * (count - 1)
					if !o.returns(v) {
						share := min(real*(count-1), o.averageAt(timing, b, v, x, l, s)/m.ports[i].limit*float64(o.lattice.total))
						port[columnShare] += share
						port[columnTotal] += share + real
					}
				}
			}
			o.loadingAt(row, v, l, count, real)
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
func (o *Outlook) moveAt(a *analysis, elements int64, v service, l, s int) (amount, bits int64, moves bool) {
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
func (o *Outlook) bitsAt(a *analysis, elements int64, x, l, s int) float64 {
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
func (o *Outlook) transferAt(a *analysis, elements int64, v service, l, s int) float64 {
	amount, bits, moves := o.moveAt(a, elements, v, l, s)
	if !moves {
		return -1
	}
	return math.Ceil(float64(amount*bits) / o.e.model.operands[v.operand].levels[v.level].moves[v.direction].max)
}

// averageAt is the bandwidth that a link is counted with while its port lends
// time, at least.
func (o *Outlook) averageAt(a *analysis, b *boundary, v service, x, l, s int) float64 {
	data := float64(b.timing.least[s])
	if !o.e.model.problem.ElementBandwidth {
		data = o.bitsAt(a, b.timing.least[s], x, l, s)
	}
	data /= float64(o.cycle(x, l, s))
	if v.level == l {
		data *= float64(a.unrolled[x].boost[l])
	}
	return math.Floor(data * (1 - 1e-12))
}

// loadingAt fills in the time that a link which transfers repeatedly takes
// before or after the computation.
func (o *Outlook) loadingAt(row []float64, v service, l int, count, real float64) {
	if l == 0 || o.returns(v) {
		return
	}
	busy := real * count
	if count > 1 {
		total := float64(o.lattice.total)
		busy = max(busy, total+(real-total/count)*(count-1)+real)
	}
	row[columnBusy] = max(row[columnBusy], busy)
	if count == 1 {
		real = math.Inf(1)
	}
	if v.level == l {
		row[columnHigh] = real
	} else {
		row[columnLow] = real
	}
}

// returns tells whether partial sums come back, which does not count as loading.
func (o *Outlook) returns(v service) bool {
	return o.e.model.operands[v.operand].output && (v.direction == hardware.ToLow || v.direction == hardware.FromHigh)
}

// single is a link that transfers all of an operand once if its boundary
// encloses all loops.
type single struct {
	operand, boundary int
	high              bool
	time              float64 // of the transfer
	// often is how long the link takes at least before or after the computation if
	// it transfers more than once, lent if it transfers once and the port lends it
	// as much time as it can use.
	often, lent float64
}

// newSingles lists for every port the links that may transfer once, in the order
// in which they borrow.
func (o *Outlook) newSingles() [][]single {
	m := o.e.model
	timing := o.timing()
	full := o.lattice.points - 1
	out := make([][]single, len(m.ports))
	for i := range m.ports {
		for _, v := range m.ports[i].services {
			s := single{operand: v.operand, boundary: v.level + 1}
			if v.direction == hardware.ToLow || v.direction == hardware.FromLow {
				s.boundary, s.high = v.level, true
			}
			if s.boundary == len(m.operands[v.operand].levels) || o.returns(v) {
				continue
			}
			b := &o.bounds[v.operand][s.boundary]
			s.time = max(0, o.transferAt(timing, b.timing.elements[full], v, s.boundary, full))
			out[i] = append(out[i], s)
		}
		slices.SortStableFunc(out[i], func(a, b single) int { return cmp.Compare(b.time, a.time) })
	}
	return out
}

func (o *Outlook) timing() *analysis {
	if o.e.same {
		return &o.e.energy
	}
	return &o.e.timing
}

// floorScratch holds sums by port.
type floorScratch struct {
	time, excess []float64
	share        []float64
	links        [][]portLink
	low, high    [maxOperands][]float64
	busy         [maxOperands][]float64
	single       [maxOperands][]occurrence // the boundary encloses all loops
	// bits and most are the least and the most data below the lowest boundary.
	bits, most [maxOperands]float64
	row        []float64
}

// portLink is a link of a port with the time of one transfer.
type portLink struct {
	operand, boundary int
	first             float64
}

// occurrence is how sure something is.
type occurrence uint8

const (
	never occurrence = iota
	maybe
	always
)

func newFloorScratch(m *Model) floorScratch {
	n := len(m.ports)
	f := floorScratch{time: make([]float64, n), excess: make([]float64, n), share: make([]float64, n), links: make([][]portLink, n)}
	for x := range m.operands {
		f.low[x] = make([]float64, len(m.operands[x].levels))
		f.high[x] = make([]float64, len(m.operands[x].levels))
		f.busy[x] = make([]float64, len(m.operands[x].levels))
		f.single[x] = make([]occurrence, len(m.operands[x].levels))
	}
	f.row = make([]float64, columnPorts+portColumns*len(m.ports))
	return f
}

// Bound is a latency and an energy that no completion of the inner loops looked
// at last can beat, each for itself. Both are infinite if none fits.
func (o *Outlook) Bound() (latency, energy float64) {
	e, m := o.e, o.e.model
	f := &o.floor
	clear(f.time)
	clear(f.excess)
	clear(f.share)
	for p := range f.links {
		f.links[p] = f.links[p][:0]
	}
	energy = e.macs
	for x := range m.operands {
		for l := range o.bounds[x] {
			b := &o.bounds[x][l]
			row, single, point := o.least(x, l)
			f.single[x][l] = single
			if l == 1 {
				f.bits[x], f.most[x] = row[columnBits], o.mostBits(x, point)
			}
			energy += row[columnEnergy]
			f.busy[x][l] = row[columnBusy]
			f.low[x][l], f.high[x][l] = row[columnLow], row[columnHigh]
			for k, p := range b.ports {
				port := row[columnPorts+portColumns*k:]
				f.time[p] += port[columnTime]
				f.excess[p] += port[columnExcess]
				f.share[p] += port[columnShare]
				if l > 0 {
					f.links[p] = append(f.links[p], portLink{x, l, port[columnTotal] - port[columnShare]})
				}
			}
		}
	}
	if math.IsInf(energy, 1) {
		return energy, energy
	}
	total := float64(o.lattice.total)
	stall := 0.0
	for p := range f.time {
		stall = max(stall, f.excess[p], f.time[p]-total)
	}
	phase := total + stall
	o.loadSingles()
	latency = phase + o.onloadFloor() + o.offloadFloor()
	for x := range m.operands {
		for l := 1; l < len(o.bounds[x]); l++ {
			latency = max(latency, o.withLink(phase, x, l, f.busy[x][l]-phase))
		}
	}
	if o.exact {
		for p := range o.singles {
			latency = max(latency, o.withPort(phase, p))
		}
	}
	for p, links := range f.links {
		for _, a := range links {
			for _, b := range links {
				if a.operand != 0 && b.operand == 0 {
					t := max(f.low[0][b.boundary], f.high[0][b.boundary])
					latency = max(latency, o.withLink(phase, a.operand, a.boundary, f.share[p]+a.first+b.first-t-phase))
				}
			}
		}
	}
	return latency, energy * (1 - 1e-12)
}

// withLink is the latency if a link takes at least a given time before or after
// the computation.
func (o *Outlook) withLink(phase float64, x, l int, time float64) float64 {
	f := &o.floor
	if time <= max(f.low[x][l], f.high[x][l]) {
		return 0
	}
	was := f.high[x][l]
	f.high[x][l] = time
	latency := phase + o.onloadFloor() + o.offloadFloor()
	f.high[x][l] = was
	return latency
}

// loadSingles lowers the times of links that may transfer once to what remains
// of them if their ports borrow as much as they can: one fill of the lowest
// memory, less what the shorter ones of the port were shortened (see reduce).
func (o *Outlook) loadSingles() {
	f := &o.floor
	for i, links := range o.singles {
		limit := o.e.model.ports[i].limit
		for k := range links {
			s := &links[k]
			s.often = *f.at(s)
			if f.single[s.operand][s.boundary] == never {
				continue
			}
			t := min(s.time, math.Ceil(f.bits[s.operand]/limit))
			for j := range links {
				r := &links[j]
				if j != k && r.time <= s.time && f.single[r.operand][r.boundary] != never {
					t -= max(0, r.time-math.Ceil(f.bits[r.operand]/limit))
				}
			}
			*f.at(s) = min(s.often, t)
		}
	}
}

// at is the time of a link.
func (f *floorScratch) at(s *single) *float64 {
	if s.high {
		return &f.high[s.operand][s.boundary]
	}
	return &f.low[s.operand][s.boundary]
}

// withPort is the latency if one port borrows no more than the computation phase
// has, whereas all others borrow at will. A longer phase is no way out: it lets
// the port borrow at most as much more as it is longer.
func (o *Outlook) withPort(phase float64, p int) float64 {
	f, links := &o.floor, o.singles[p]
	limit := o.e.model.ports[p].limit
	budget := max(0, 1-f.share[p]/float64(o.lattice.total)) * phase
	changed := false
	for k := range links {
		s := &links[k]
		s.lent = *f.at(s)
		status := f.single[s.operand][s.boundary]
		if status == never {
			continue
		}
		// Before link k, links that certainly transfer once use the budget up; from
		// it on, each that may do so shortens it.
		left, certain, t := budget, 0.0, s.time
		for i := range links {
			r := &links[i]
			is := f.single[r.operand][r.boundary]
			if is == never || i < k && is != always {
				continue
			}
			shared := certain + 1
			if is == always {
				certain++
			}
			if i >= k {
				if status != always && i > k {
					shared++
				}
				t -= min(max(0, r.time-math.Ceil(f.bits[r.operand]/limit)), max(0, left)/shared)
			}
			if is == always {
				left -= (r.time - math.Ceil(f.most[r.operand]/limit)) * certain
			}
		}
		if t = min(s.often, t); t > s.lent {
			*f.at(s) = t
			changed = true
		}
	}
	latency := 0.0
	if changed {
		latency = (phase + o.onloadFloor() + o.offloadFloor()) * (1 - 1e-14)
	}
	for k := range links {
		*f.at(&links[k]) = links[k].lent
	}
	return latency
}

// least is the row of costs of a boundary where the inner loops decide it, and
// otherwise the least of the rows of all places that it may have.
func (o *Outlook) least(x, l int) (row []float64, single occurrence, point int) {
	b, p, t := &o.bounds[x][l], &o.seen[x], &o.e.nests[x]
	full := o.lattice.points - 1
	at := func(s int) ([]float64, occurrence, int) {
		single := never
		if o.cycle(x, l, s) == o.lattice.total {
			single = always
		}
		return b.cost[s*b.width : (s+1)*b.width], single, s
	}
	beyond := func(s int) ([]float64, occurrence, int) {
		single := never
		if b.fullFits {
			single = maybe
		}
		return b.best[s*b.width : (s+1)*b.width], single, undecided
	}
	if l == 0 {
		if p.closed == o.inner && o.inner < len(o.loops) {
			return beyond(o.at[p.closed]) // all irrelevant loops may follow
		}
		return at(o.at[p.closed])
	}
	if l >= o.whole[x] {
		return at(full)
	}
	if l < p.known || l == p.known && !p.running {
		return at(o.at[t.below[l]])
	}
	here, single, _ := beyond(o.at[o.inner])
	if l == p.known || p.start >= o.inner {
		return here, single, undecided
	}
	out := o.floor.row[:b.width]
	copy(out, here)
	for i := p.start; i < o.inner; i++ {
		r, _, _ := at(o.at[i])
		for k := range out {
			out[k] = min(out[k], r[k])
		}
	}
	return out, single, undecided
}

// undecided stands for the point of a boundary that the inner loops leave open.
const undecided = -1

// mostBits is the most data that an operand may have below its lowest boundary.
func (o *Outlook) mostBits(x, point int) float64 {
	if point != undecided {
		return o.bitsAt(o.timing(), o.bounds[x][1].timing.elements[point], x, 1, point)
	}
	op := &o.e.model.operands[x]
	low, high := float64(min(op.bits, op.final)), float64(max(op.bits, op.final))
	if low == 0 {
		return math.Inf(1)
	}
	return op.levels[0].size*high/low + high
}

// cycle is the period of level l at a point of the lattice.
func (o *Outlook) cycle(x, l, s int) int64 {
	if l > 0 {
		return o.lattice.cycles[s]
	}
	if !o.e.model.operands[x].output && !o.e.model.problem.RefetchStationary {
		return o.lattice.reuse[x][s]
	}
	return 1
}

func (o *Outlook) onloadFloor() float64 {
	var shared, mixed, own [maxOperands]float64
	f, m := &o.floor, o.e.model
	for x := 1; x < len(m.operands); x++ {
		op := &m.operands[x]
		for l := 1; l < len(op.levels); l++ {
			t := max(f.low[x][l], f.high[x][l])
			low, high := o.servesInputs(x, l-1, hardware.FromHigh), o.servesInputs(x, l, hardware.ToLow)
			switch {
			case low && high:
				shared[x] += t
			case !low && !high:
				own[x] += t
			default:
				mixed[x] = t
			}
		}
	}
	if len(m.operands) == 2 {
		return own[1]
	}
	first := shared[1] + max(shared[2]+mixed[2]+own[2], mixed[1]+own[1])
	second := shared[2] + max(shared[1]+mixed[1]+own[1], mixed[2]+own[2])
	return min(first, second)
}

func (o *Outlook) servesInputs(x, level int, d hardware.Direction) bool {
	p := o.e.model.operands[x].levels[level].moves[d].port
	return p >= 0 && o.e.model.ports[p].inputs
}

func (o *Outlook) offloadFloor() float64 {
	sum := 0.0
	for l := 1; l < len(o.floor.low[0]); l++ {
		sum += max(o.floor.low[0][l], o.floor.high[0][l])
	}
	return sum
}
