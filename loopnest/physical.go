package loopnest

import "streamdse/hardware"

// buffers are the second buffers that each memory may have in the physical model.
type buffers struct {
	sets [][]uint8 // by memory: the largest sets of its residents with second copies, one bit each
	pick []int     // by memory
	best []int
}

func newBuffers(m *Model) buffers {
	b := buffers{sets: make([][]uint8, len(m.memories)), pick: make([]int, len(m.memories)), best: make([]int, len(m.memories))}
	for i := range b.sets {
		b.sets[i] = make([]uint8, 0, 1<<len(m.memories[i].stored))
	}
	return b
}

// buffer decides which levels are double buffered in the physical model: in each
// memory as many as have room for a second copy of their live data, and of several
// choices the ones with the lowest latency. What fits into a memory also fits into
// a larger one, so that its latency cannot be higher.
func (e *Evaluator) buffer(timing *analysis, l *Latency) {
	b := &e.buffers
	for i := range e.model.memories {
		e.listBuffers(i)
		b.pick[i] = 0
	}
	found, total := false, 0.0
	for {
		e.setBuffers(b.pick)
		e.wait(timing, l)
		if t := l.Stall + l.Onload + l.Offload; !found || t < total {
			found, total = true, t
			copy(b.best, b.pick)
		}
		if !b.advance() {
			break
		}
	}
	e.setBuffers(b.best)
	e.wait(timing, l)
}

// advance goes on to the next choice of sets.
func (b *buffers) advance() bool {
	for i := range b.pick {
		if b.pick[i]++; b.pick[i] < len(b.sets[i]) {
			return true
		}
		b.pick[i] = 0
	}
	return false
}

// listBuffers finds the sets of residents of a memory whose second copies fit, but
// for those that are part of a larger one.
func (e *Evaluator) listBuffers(i int) {
	m := &e.model.memories[i]
	live := func(k int) float64 { return float64(e.effectiveBits(m.stored[k].operand, m.stored[k].level+1)) }
	used := 0.0
	for k := range m.stored {
		used += live(k)
	}
	e.crowded[i] = used / m.size
	sets := e.buffers.sets[i][:0]
	for set := 1<<len(m.stored) - 1; set >= 0; set-- {
		bits := used
		for k := range m.stored {
			if set>>k&1 == 1 {
				bits += live(k)
			}
		}
		part := false
		for _, larger := range sets {
			part = part || set&^int(larger) == 0
		}
		if !part && (set == 0 || !e.exceeds(i, bits)) {
			sets = append(sets, uint8(set))
		}
	}
	e.buffers.sets[i] = sets
}

func (e *Evaluator) setBuffers(pick []int) {
	for i := range e.model.memories {
		for k, r := range e.model.memories[i].stored {
			e.double[r.operand][r.level+1] = e.buffers.sets[i][pick[i]]>>k&1 == 1
		}
	}
}

// fill is the time of a transfer before or after the computation. In the physical
// model it is not rounded to whole cycles, so that it shrinks in proportion as a
// port gets wider.
func (e *Evaluator) fill(a *analysis, s service) float64 {
	if !e.model.problem.Physical {
		return float64(e.transfer(a, s))
	}
	mv := &a.moves[s.operand][s.level][s.direction]
	return float64(mv.amount*mv.bits) / e.model.operands[s.operand].levels[s.level].moves[s.direction].max
}

// required is the bandwidth that a link needs to be just in time, averaged over the
// computation, in bits per cycle.
func (e *Evaluator) required(a *analysis, s service) float64 {
	if !e.model.problem.Physical {
		return float64(e.model.perCycle(a.moves[s.operand][s.level][s.direction].average))
	}
	level, share := s.level, 1.0
	if s.direction == hardware.ToHigh || s.direction == hardware.FromHigh {
		level++
	} else {
		share = float64(a.unrolled[s.operand].boost[level])
	}
	return e.lowest(a, s.operand, level) * share / e.model.perOperation
}

// equalise spends a budget on the longest times so that they become equal, but makes
// none shorter than its least value.
func equalise(times, least []float64, budget float64) {
	if budget <= 0 || len(times) == 0 {
		return
	}
	// Between two of the values that times and their least values take, the number of
	// times above the level is the same.
	high := 0.0
	for _, t := range times {
		high = max(high, t)
	}
	for {
		low, n := 0.0, 0
		for k, t := range times {
			if t >= high && least[k] < high {
				n++
				low = max(low, least[k])
			} else if t < high {
				low = max(low, t)
			}
		}
		if n > 0 {
			if need := (high - low) * float64(n); need >= budget {
				low, budget = high-budget/float64(n), 0
			} else {
				budget -= need
			}
			for k, t := range times {
				if t >= high && least[k] < high {
					times[k] = max(low, least[k])
				}
			}
		}
		if budget <= 0 || low <= 0 {
			return
		}
		high = low
	}
}
