package allocate

import (
	"math"

	"streamdse/unit"
)

// Point is what an allocation achieves. The zero value is not a valid point.
type Point struct {
	Latency unit.Cycles
	Energy  unit.Picojoules
	// Memory is the peak memory: the highest use of each on-chip memory at any time
	// of the schedule, summed over the memories. It is what the memories would have
	// to be sized for, each by itself.
	Memory unit.Bits
}

// infeasible marks an allocation that has no schedule; it is dominated by all others.
func infeasible() Point {
	return Point{math.MaxInt64, unit.Picojoules(math.Inf(1)), math.MaxInt64}
}

// Feasible tells whether the allocation has a schedule.
func (p Point) Feasible() bool { return p.Latency != math.MaxInt64 }

// Dominates tells whether p is at least as good as q in all aims and better in one.
func (p Point) Dominates(q Point) bool {
	return p.Latency <= q.Latency && p.Energy <= q.Energy && p.Memory <= q.Memory && p != q
}

// Objective ranks points; smaller is better.
type Objective string

// The objectives that a user can name.
const (
	EDP     Objective = "edp"
	Latency Objective = "latency"
	Energy  Objective = "energy"
	Memory  Objective = "memory" // Point.Memory
)

// Objectives lists the known objectives.
func Objectives() []string {
	return []string{string(EDP), string(Latency), string(Energy), string(Memory)}
}

// Less tells whether p is strictly better than q. Equal values are ordered by
// latency, then energy, then memory, so that the choice does not depend on the order
// in which points were found.
func (o Objective) Less(p, q Point) bool {
	a, b := o.Value(p), o.Value(q)
	switch {
	case a != b:
		return a < b
	case p.Latency != q.Latency:
		return p.Latency < q.Latency
	case p.Energy != q.Energy:
		return p.Energy < q.Energy
	default:
		return p.Memory < q.Memory
	}
}

// Value is what is minimised.
func (o Objective) Value(p Point) float64 {
	switch o {
	case Latency:
		return float64(p.Latency)
	case Energy:
		return float64(p.Energy)
	case Memory:
		return float64(p.Memory)
	default:
		return float64(p.Latency) * float64(p.Energy)
	}
}

// Limits are what a schedule may have at the most; 0 sets no limit.
type Limits Point

// Excess is by how much a point exceeds the limits: the sum of the parts of each
// limit that it is too high by; 0 if it keeps them all.
func (l Limits) Excess(p Point) float64 {
	sum := 0.0
	for _, x := range [...][2]float64{
		{float64(p.Latency), float64(l.Latency)}, {float64(p.Energy), float64(l.Energy)}, {float64(p.Memory), float64(l.Memory)},
	} {
		if value, limit := x[0], x[1]; limit > 0 && value > limit {
			sum += value/limit - 1
		}
	}
	return sum
}

// Goal is an objective under limits.
type Goal struct {
	Objective Objective
	Limits    Limits
}

// Less tells whether p is strictly better than q: what keeps the limits is better
// than what does not, less excess better than more, and else the objective decides.
func (g Goal) Less(p, q Point) bool {
	if a, b := g.Limits.Excess(p), g.Limits.Excess(q); a != b {
		return a < b
	}
	return g.Objective.Less(p, q)
}

// prefers is the order of the genetic search: dominance in latency and energy, as
// published, and in memory if the goal asks for it, among what exceeds the limits
// equally (Deb et al., 2002: constrained dominance).
func (g Goal) prefers(p, q Point) bool {
	if a, b := g.Limits.Excess(p), g.Limits.Excess(q); a != b {
		return a < b
	}
	if g.Objective != Memory && g.Limits.Memory == 0 {
		p.Memory, q.Memory = 0, 0
	}
	return p.Dominates(q)
}

// aims are the values that the genetic search spreads its population over.
func (g Goal) aims() []func(Point) float64 {
	aims := []func(Point) float64{Latency.Value, Energy.Value}
	if g.Objective == Memory || g.Limits.Memory > 0 {
		aims = append(aims, Memory.Value)
	}
	return aims
}
