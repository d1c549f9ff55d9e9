// Package allocate chooses a core for every group of computation nodes. An
// allocator proposes allocations and is told their latency and energy; it knows
// nothing of how they come about.
package allocate

import (
	"fmt"
	"math"

	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/unit"
)

// Gene is one free choice: the core of a group of a layer.
type Gene struct {
	Layer, Group int
	Cores        []int // candidates, at least one
}

// Space is the set of allocations to choose from.
type Space struct {
	// Base holds the cores that are not free; the entries of genes are overwritten.
	Base  schedule.Allocation
	Genes []Gene
}

// NewSpace collects the free choices of a graph: for every group of every layer
// the candidate cores that can run all of its nodes. The error names the first
// group that no candidate can run, with the reason the cost table gives.
func NewSpace(g *taskgraph.Graph, candidates func(layer, group int) []int, costs *schedule.CostTable) (*Space, error) {
	s := &Space{Base: schedule.Allocation{Cores: make([][]int, len(g.Layers))}}
	for l := range g.Layers {
		layer := &g.Layers[l]
		s.Base.Cores[l] = make([]int, layer.Groups)
		classes := make([][]int32, layer.Groups)
		for _, n := range layer.Nodes {
			node := &g.Nodes[n]
			classes[node.Group] = append(classes[node.Group], node.Class)
		}
		for group := range layer.Groups {
			var cores []int
			reason := "no core is allowed"
			for _, core := range candidates(l, group) {
				ok := true
				for _, class := range classes[group] {
					if c := costs.At(class, core); !c.Feasible {
						ok, reason = false, fmt.Sprintf("core %d: %s", core, c.Reason)
						break
					}
				}
				if ok {
					cores = append(cores, core)
				}
			}
			switch len(cores) {
			case 0:
				return nil, fmt.Errorf("layer %d %q cannot run on any of its cores (%s)", layer.ID, layer.Name, reason)
			case 1:
				s.Base.Cores[l][group] = cores[0]
			default:
				s.Genes = append(s.Genes, Gene{l, group, cores})
				s.Base.Cores[l][group] = cores[0]
			}
		}
	}
	return s, nil
}

// Size is the number of allocations.
func (s *Space) Size() float64 {
	n := 1.0
	for _, g := range s.Genes {
		n *= float64(len(g.Cores))
	}
	return n
}

// decode writes the choice of one candidate per gene into a, which must have
// the shape of Base.
func (s *Space) decode(choice []uint16, a *schedule.Allocation) {
	for i, g := range s.Genes {
		a.Cores[g.Layer][g.Group] = g.Cores[choice[i]]
	}
}

// clone returns a copy of the base to decode into.
func (s *Space) clone() *schedule.Allocation {
	c := &schedule.Allocation{Cores: make([][]int, len(s.Base.Cores))}
	for i, l := range s.Base.Cores {
		c.Cores[i] = append([]int(nil), l...)
	}
	return c
}

// Point is what an allocation achieves. The zero value is not a valid point.
type Point struct {
	Latency unit.Cycles
	Energy  unit.Picojoules
}

// infeasible marks an allocation that has no schedule; it is dominated by all others.
func infeasible() Point {
	return Point{math.MaxInt64, unit.Picojoules(math.Inf(1))}
}

// Feasible tells whether the allocation has a schedule.
func (p Point) Feasible() bool { return p.Latency != math.MaxInt64 }

// dominates tells whether p is at least as good as q in both aims and better in one.
func (p Point) dominates(q Point) bool {
	return p.Latency <= q.Latency && p.Energy <= q.Energy && p != q
}

// Objective ranks points; smaller is better.
type Objective string

// The objectives that a user can name.
const (
	EDP     Objective = "edp"
	Latency Objective = "latency"
	Energy  Objective = "energy"
)

// Objectives lists the known objectives.
func Objectives() []string { return []string{string(EDP), string(Latency), string(Energy)} }

// Less tells whether p is strictly better than q. Equal values are ordered by
// latency and then energy, so that the choice does not depend on the order in
// which points were found.
func (o Objective) Less(p, q Point) bool {
	a, b := o.value(p), o.value(q)
	switch {
	case a != b:
		return a < b
	case p.Latency != q.Latency:
		return p.Latency < q.Latency
	default:
		return p.Energy < q.Energy
	}
}

func (o Objective) value(p Point) float64 {
	switch o {
	case Latency:
		return float64(p.Latency)
	case Energy:
		return float64(p.Energy)
	default:
		return float64(p.Latency) * float64(p.Energy)
	}
}

// Evaluate schedules an allocation. An allocation without a schedule is an
// error. One Evaluate is used by one goroutine at a time.
type Evaluate func(*schedule.Allocation) (Point, error)

// Result is what an allocator found.
type Result struct {
	Best        schedule.Allocation
	BestPoint   Point
	Front       []Solution // not dominated by anything evaluated, by ascending latency
	Evaluations int        // allocations scheduled, repeats not counted
	Interrupted bool       // the context ended the search; Best is the best until then
	Exhaustive  bool       // every allocation was scheduled: none is better
	Proven      bool       // no allocation is better for the objective
	Lower       float64    // no allocation has a smaller value of the objective; 0 if that is not known
}

// Solution is an allocation with what it achieves.
type Solution struct {
	Allocation schedule.Allocation
	Point      Point
}
