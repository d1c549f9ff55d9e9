package loopnest

import (
	"math"

	"streamdse/hardware"
)

// activity is one duty of a port during the computation phase.
type activity struct {
	real    int64 // cycles that one transfer takes
	allowed int64 // cycles of each period in which it may run without holding up the computation
	period  int64
	count   int64
}

type stallScratch struct {
	activities []activity
	combined   []int64 // stall or slack by port
}

func newStallScratch(m *Model) stallScratch {
	n := 0
	for i := range m.ports {
		n = max(n, len(m.ports[i].services))
	}
	return stallScratch{activities: make([]activity, 0, n), combined: make([]int64, len(m.ports))}
}

// transfer is the number of cycles that one transfer takes on its port.
func (e *Evaluator) transfer(a *analysis, s service) int64 {
	port, mv := &e.model.operands[s.operand].levels[s.level].moves[s.direction], &a.moves[s.operand][s.level][s.direction]
	return int64(math.Ceil(float64(mv.amount*mv.bits) / port.max))
}

// act describes a service as an activity; a double-buffered level may be
// written or read at any time of the period, others only within the window.
func (e *Evaluator) act(a *analysis, s service) activity {
	mv := &a.moves[s.operand][s.level][s.direction]
	level := s.level
	if s.direction == hardware.ToHigh || s.direction == hardware.FromHigh {
		level++
	}
	x := activity{real: e.transfer(a, s), allowed: mv.window, period: mv.period, count: mv.count}
	if e.double[s.operand][level] {
		x.allowed = mv.period
	}
	if e.model.perOperation != 1 {
		x.allowed = int64(e.model.stretch(x.allowed))
		x.period = int64(e.model.stretch(x.period))
	}
	return x
}

// stretch is a number of temporal iterations in whole cycles.
func (m *Model) stretch(iterations int64) float64 {
	return math.Ceil(float64(iterations) * m.perOperation)
}

// combinePorts returns the stall of the computation: that of the port that
// stalls it most, as all ports work in parallel.
func (e *Evaluator) combinePorts(a *analysis) int64 {
	stall := int64(0)
	for i := range e.model.ports {
		acts := e.stall.activities[:0]
		for _, s := range e.model.ports[i].services {
			if a.moves[s.operand][s.level][s.direction].count != 0 {
				acts = append(acts, e.act(a, s))
			}
		}
		e.stall.combined[i] = combine(acts)
		stall = max(stall, e.stall.combined[i])
	}
	return stall
}

// combine is the stall (positive) or slack (negative) of a port with several
// activities. Their allowed windows may overlap; what they need together beyond
// the union of the windows is a stall too.
func combine(acts []activity) int64 {
	stall, slack, windows := int64(0), int64(0), int64(0)
	for _, x := range acts {
		ss := (x.real - x.allowed) * (x.count - 1)
		if len(acts) == 1 {
			return ss
		}
		if ss > 0 {
			stall += ss
		} else {
			slack += ss
		}
		windows += x.allowed * (x.count - 1)
	}
	if len(acts) == 0 {
		return 0
	}
	return stall + max(0, slack+windows-union(acts))
}

// union is the number of cycles in which some activity is allowed. Each is
// allowed in the first cycles of its periods, and periods divide each other
// because they are products of the innermost loops of one nest. The slice is
// sorted by it.
func union(acts []activity) int64 {
	for _, x := range acts {
		if x.period == x.allowed {
			return x.period * x.count
		}
	}
	for i := 1; i < len(acts); i++ {
		for j := i; j > 0 && acts[j].period < acts[j-1].period; j-- {
			acts[j], acts[j-1] = acts[j-1], acts[j]
		}
	}
	longest := acts[len(acts)-1]
	return marked(acts, longest.period) * longest.count
}

// marked is the number of allowed cycles among the first n, n being at most the
// last activity's period.
func marked(acts []activity, n int64) int64 {
	if len(acts) == 0 {
		return 0
	}
	last := acts[len(acts)-1]
	if n <= last.allowed {
		return n
	}
	inner := acts[:len(acts)-1]
	return last.allowed + repeated(inner, n) - repeated(inner, last.allowed)
}

// repeated is marked for an n of many periods.
func repeated(acts []activity, n int64) int64 {
	if len(acts) == 0 {
		return 0
	}
	p := acts[len(acts)-1].period
	if n <= p {
		return marked(acts, n)
	}
	return n/p*marked(acts, p) + marked(acts, n%p)
}
