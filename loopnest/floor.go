package loopnest

import (
	"cmp"
	"math"
	"slices"

	"streamdse/hardware"
)

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
			s.time = max(0, o.fillAt(timing, b.timing.elements[full], v, s.boundary, full))
			out[i] = append(out[i], s)
		}
		slices.SortStableFunc(out[i], func(a, b single) int { return cmp.Compare(b.time, a.time) })
	}
	return out
}

// fillTime is the time in which a port carries some bits before or after the
// computation.
func (o *Outlook) fillTime(bits, limit float64) float64 {
	if o.e.model.problem.Physical {
		return bits / limit
	}
	return math.Ceil(bits / limit)
}

// phase is the number of cycles of the computation without stalls.
func (o *figures) phase() float64 { return o.e.model.stretch(o.lattice.total) }

func (o *figures) timing() *analysis {
	if o.e.same {
		return &o.e.energy
	}
	return &o.e.timing
}

// floorScratch holds sums by port.
type floorScratch struct {
	time, excess []float64
	share, need  []float64
	links        [][]portLink
	low, high    [maxOperands][]float64
	busy         [maxOperands][]float64
	single       [maxOperands][]occurrence // the boundary encloses all loops
	// bits and most are the least and the most data below the lowest boundary.
	bits, most [maxOperands]float64
	row        []float64
	// times and least are those of links that share what a port lends.
	times, least []float64
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
	f := floorScratch{time: make([]float64, n), excess: make([]float64, n), share: make([]float64, n), need: make([]float64, n), links: make([][]portLink, n)}
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
	clear(f.need)
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
				f.need[p] += port[columnNeed]
				if l > 0 {
					f.links[p] = append(f.links[p], portLink{x, l, port[columnTotal] - port[columnShare]})
				}
			}
		}
	}
	if math.IsInf(energy, 1) {
		return energy, energy
	}
	total := o.phase()
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
			t := min(s.time, o.fillTime(f.bits[s.operand], limit))
			for j := range links {
				if o.e.model.problem.Physical {
					break // none falls below its least value
				}
				r := &links[j]
				if j != k && r.time <= s.time && f.single[r.operand][r.boundary] != never {
					t -= max(0, r.time-o.fillTime(f.bits[r.operand], limit))
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
	budget := max(0, 1-f.need[p]/o.phase()) * phase
	changed := false
	for k := range links {
		s := &links[k]
		s.lent = *f.at(s)
		status := f.single[s.operand][s.boundary]
		if status == never {
			continue
		}
		t := o.lend(links, k, budget, limit)
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

// lend is the least time that link k of a port has left after the port has lent a
// budget.
func (o *Outlook) lend(links []single, k int, budget, limit float64) float64 {
	if o.e.model.problem.Physical {
		return o.lendEqually(links, k, budget, limit)
	}
	f, s := &o.floor, &links[k]
	status := f.single[s.operand][s.boundary]
	// Before link k, links that certainly transfer once use the budget up; from it
	// on, each that may do so shortens it.
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
			t -= min(max(0, r.time-o.fillTime(f.bits[r.operand], limit)), max(0, left)/shared)
		}
		if is == always {
			left -= (r.time - o.fillTime(f.most[r.operand], limit)) * certain
		}
	}
	return t
}

// lendEqually is lend in the physical model: only links that certainly transfer
// once share the budget with link k, each as little as it may.
func (o *Outlook) lendEqually(links []single, k int, budget, limit float64) float64 {
	f, s := &o.floor, &links[k]
	f.times = append(f.times[:0], s.time)
	f.least = append(f.least[:0], o.fillTime(f.bits[s.operand], limit))
	for i := range links {
		if r := &links[i]; i != k && f.single[r.operand][r.boundary] == always {
			f.times = append(f.times, r.time)
			f.least = append(f.least, o.fillTime(f.most[r.operand], limit))
		}
	}
	equalise(f.times, f.least, budget)
	return f.times[0]
}

// least is the row of costs of a boundary where the inner loops decide it, and
// otherwise the least of the rows of all places that it may have.
func (o *Outlook) least(x, l int) (row []float64, single occurrence, point int) {
	if o.way != filled {
		return o.leastFree(x, l)
	}
	b, p, t := &o.bounds[x][l], &o.seen[x], &o.e.nests[x]
	full := o.lattice.points - 1
	at := func(s int) ([]float64, occurrence, int) {
		single := never
		if o.cycle(x, l, s) == o.lattice.total {
			single = always
		}
		return b.cost[s*b.width : (s+1)*b.width], single, s
	}
	beyond := func(inner int) ([]float64, occurrence, int) {
		single := never
		if b.fullFits {
			single = maybe
		}
		return o.best[x][l].row(o.own[inner], b.width), single, undecided
	}
	if l == 0 {
		if p.closed == o.inner && o.inner < len(o.loops) {
			return beyond(p.closed) // all irrelevant loops may follow
		}
		return at(o.at[p.closed])
	}
	if l >= o.whole[x] {
		return at(full)
	}
	if l < p.known || l == p.known && !p.running {
		return at(o.at[t.below[l]])
	}
	here, single, _ := beyond(o.inner)
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
	o.e.sizes.Pin(op.levels[0].memory)
	return op.levels[0].size*high/low + high
}

// cycle is the period of level l at a point of the lattice.
func (o *figures) cycle(x, l, s int) int64 {
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
			case m.problem.Physical:
				mixed[x] += t
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
