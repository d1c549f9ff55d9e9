package loopnest

import (
	"math"

	"streamdse/hardware"
)

// loadingScratch holds the time that each link still needs before or after the
// computation phase, once part of it has been hidden in that phase.
type loadingScratch struct {
	remaining [maxOperands][][hardware.NumDirections]float64
	inputs    [maxOperands][][hardware.NumDirections]bool // the port serves both inputs
	borrowed  []float64                                   // by port and operand: cycles taken from the computation phase
	bandwidth []float64                                   // the same as bandwidth over the phase, bits per cycle
	links     []service
	times     []float64
	least     []float64
	before    []float64
	rank      []int
}

func newLoadingScratch(m *Model) loadingScratch {
	s := loadingScratch{borrowed: make([]float64, len(m.ports)*maxOperands), bandwidth: make([]float64, len(m.ports)*maxOperands)}
	for x := range m.operands {
		s.remaining[x] = make([][hardware.NumDirections]float64, len(m.operands[x].levels))
		s.inputs[x] = make([][hardware.NumDirections]bool, len(m.operands[x].levels))
	}
	n := 0
	for i := range m.ports {
		n = max(n, len(m.ports[i].services))
	}
	s.links = make([]service, 0, n)
	s.times, s.least, s.before, s.rank = make([]float64, n), make([]float64, n), make([]float64, n), make([]int, n)
	return s
}

// load hides first fills and last write-backs in the computation phase. A link
// that transfers once loads before (or unloads after) the phase; its port may
// borrow what the repeated transfers on it leave free during the phase, down to
// one fill of the lowest memory, without which the computation cannot begin.
func (e *Evaluator) load(a *analysis, phase float64) {
	s := &e.loading
	clear(s.borrowed)
	clear(s.bandwidth)
	for x := range e.model.operands {
		clear(s.remaining[x])
		clear(s.inputs[x])
	}
	for i := range e.model.ports {
		e.loadPort(a, i, phase)
	}
}

func (e *Evaluator) loadPort(a *analysis, i int, phase float64) {
	s, p := &e.loading, &e.model.ports[i]
	required := 0.0
	s.links = s.links[:0]
	for _, l := range p.services {
		if e.model.operands[l.operand].output && (l.direction == hardware.ToLow || l.direction == hardware.FromHigh) {
			continue
		}
		mv := &a.moves[l.operand][l.level][l.direction]
		switch {
		case mv.count == 1:
			s.links = append(s.links, l)
		case mv.count > 1:
			required += e.required(a, l)
			s.remaining[l.operand][l.level][l.direction] = e.fill(a, l)
		default:
			continue
		}
		s.inputs[l.operand][l.level][l.direction] = p.inputs
	}
	n := len(s.links)
	times, least := s.times[:n], s.least[:n]
	for k, l := range s.links {
		times[k] = e.fill(a, l)
		least[k] = float64(a.elements[l.operand][1]*a.bits[l.operand][1]) / p.limit
		if !e.model.problem.Physical {
			least[k] = math.Ceil(least[k])
		}
	}
	before := s.before[:n]
	copy(before, times)
	surplus := max(0, (p.limit-required)/p.limit*phase)
	if e.model.problem.Physical {
		equalise(times, least, surplus)
	} else {
		reduce(times, least, surplus, s.rank[:n])
	}
	for k, l := range s.links {
		s.remaining[l.operand][l.level][l.direction] = times[k]
		s.borrowed[i*maxOperands+l.operand] = before[k] - times[k]
		s.bandwidth[i*maxOperands+l.operand] = math.Ceil((before[k] - times[k]) / phase * p.limit)
	}
}

// perCycle is a bandwidth per iteration as a bandwidth per cycle.
func (m *Model) perCycle(bandwidth int64) int64 {
	if m.perOperation == 1 {
		return bandwidth
	}
	return int64(math.Ceil(float64(bandwidth) / m.perOperation))
}

// reduce spends a budget on the longest times so that they become equal. As
// published, times that have reached their least value go on being reduced
// together with the others and may fall below it, even below 0; the slower
// other end of such a link usually hides that.
func reduce(times, least []float64, budget float64, rank []int) {
	if budget <= 0 || len(times) == 0 {
		return
	}
	for i := range rank {
		rank[i] = i
		for j := i; j > 0 && times[rank[j]] > times[rank[j-1]]; j-- {
			rank[j], rank[j-1] = rank[j-1], rank[j]
		}
	}
	for i, k := range rank {
		step := times[k] - least[k]
		need := step * float64(i+1)
		enough := budget >= need
		if enough {
			budget -= need
		} else {
			step = budget / float64(i+1)
		}
		for _, j := range rank[:i+1] {
			times[j] -= step
		}
		if !enough {
			return
		}
	}
}

// onload is the time of the first fill. A link lasts as long as the slower of
// its ends. Fills of the two inputs follow each other on ports that serve both
// and overlap elsewhere; the fill of the array from the lowest memory is free.
func (e *Evaluator) onload() float64 {
	var shared, mixed, own [maxOperands]float64
	s := &e.loading
	for x := 1; x < len(e.model.operands); x++ {
		for m := 0; m < len(s.remaining[x])-1; m++ {
			t := max(s.remaining[x][m][hardware.FromHigh], s.remaining[x][m+1][hardware.ToLow])
			low, high := s.inputs[x][m][hardware.FromHigh], s.inputs[x][m+1][hardware.ToLow]
			switch {
			case low && high:
				shared[x] += t
			case !low && !high:
				own[x] += t
			default:
				if !e.model.problem.Physical {
					mixed[x] = 0 // as published, the highest such link counts alone
				}
				mixed[x] += t
			}
		}
	}
	if len(e.model.operands) == 2 {
		return own[1]
	}
	first := shared[1] + max(shared[2]+mixed[2]+own[2], mixed[1]+own[1])
	second := shared[2] + max(shared[1]+mixed[1]+own[1], mixed[2]+own[2])
	return min(first, second)
}

// offload is the time of the last write-back, link after link.
func (e *Evaluator) offload() float64 {
	r := e.loading.remaining[0]
	sum := 0.0
	for m := 0; m < len(r)-1; m++ {
		sum += max(r[m][hardware.ToHigh], r[m+1][hardware.FromLow])
	}
	return sum
}
