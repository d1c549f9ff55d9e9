// Package allocate chooses a core for every group of computation nodes. An
// allocator proposes allocations and is told their latency and energy; it knows
// nothing of how they come about.
package allocate

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"streamdse/schedule"
	"streamdse/taskgraph"
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
	// Listed are allocations that are likely to be good; see Estimate.
	Listed []schedule.Allocation
}

// NewSpace collects the free choices of a graph: for every group of every layer
// the candidate cores that can run all of its nodes. The error names the first
// group that no candidate can run, with the reasons the cost table gives.
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
			var reasons refusals
			for _, core := range candidates(l, group) {
				ok := true
				for _, class := range classes[group] {
					if c := costs.At(class, core); !c.Feasible {
						ok = false
						reasons.add(core, c.Reason)
						break
					}
				}
				if ok {
					cores = append(cores, core)
				}
			}
			switch len(cores) {
			case 0:
				return nil, fmt.Errorf("layer %d %q cannot run on any of its cores%s", layer.ID, layer.Name, reasons.text())
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

// refusals are the reasons why cores cannot run a node, each with the cores that give it.
type refusals []refusal

type refusal struct {
	reason string
	cores  []int
}

func (r *refusals) add(core int, reason string) {
	i := slices.IndexFunc(*r, func(x refusal) bool { return x.reason == reason })
	if i < 0 {
		i = len(*r)
		*r = append(*r, refusal{reason: reason})
	}
	(*r)[i].cores = append((*r)[i].cores, core)
}

// text is a line for each reason, and what would help.
func (r refusals) text() string {
	if len(r) == 0 {
		return " (no core is allowed)\n  hint: let the mapping allow a core whose operator_types take it"
	}
	var b strings.Builder
	for _, x := range r {
		b.WriteString("\n  core")
		if len(x.cores) > 1 {
			b.WriteByte('s')
		}
		for i, c := range x.cores {
			b.WriteString([]string{" ", ", "}[min(i, 1)] + strconv.Itoa(c))
		}
		b.WriteString(": " + x.reason)
	}
	b.WriteString("\n  hint: larger memories, smaller tiles (--tile) or parts over cores (--split, --split-weights) would help")
	return b.String()
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

// Clone returns a copy of the base to decode into.
func (s *Space) Clone() *schedule.Allocation {
	c := &schedule.Allocation{Cores: make([][]int, len(s.Base.Cores))}
	for i, l := range s.Base.Cores {
		c.Cores[i] = append([]int(nil), l...)
	}
	return c
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
