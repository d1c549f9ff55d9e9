// Package bound computes a latency that no schedule of a graph of computation
// nodes on an accelerator can beat, so that a schedule can say how good it is.
package bound

import (
	"math"
	"slices"

	"streamdse/hardware"
	"streamdse/rules"
	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/unit"
)

// Problem is what a bound is computed for.
type Problem struct {
	Graph       *taskgraph.Graph
	Accelerator *hardware.Accelerator
	Costs       *schedule.CostTable
	// Cores lists the cores that may run a group of a layer.
	Cores func(layer, group int) []int
	// Rules are those of the schedules to bound; published quirks that let data
	// be used early weaken the bound.
	Rules rules.Rules
}

// Bound is a lower bound on the latency.
type Bound struct {
	Latency unit.Cycles
	SetBy   string // which argument gives it, in words
	// The single arguments; Latency is the largest.
	Compute, Offchip, CriticalPath unit.Cycles
}

// Latency combines three arguments, each of which holds for every allocation
// and every order:
//
//   - Compute: the nodes that only a set S of cores may run need, on their
//     fastest core, at least the sum of their runtimes divided by |S|. S ranges
//     over the candidate sets that occur, and over their union.
//   - Off-chip: every constant that no allowed core streams must cross the links
//     from off-chip memory once, and every network output that is not streamed
//     the links to it once. A link carries one transfer at a time, in whole cycles.
//   - Critical path: a node starts after its predecessors have ended and after its
//     own constants have come from off-chip memory (unless the rules let it start
//     while they are on their way), and takes at least the runtime of its
//     fastest core.
func Latency(p Problem) Bound {
	a := newAnalysis(p)
	b := Bound{Compute: a.compute(), Offchip: a.offchip(), CriticalPath: a.criticalPath()}
	b.Latency, b.SetBy = b.CriticalPath, "critical path"
	if b.Offchip > b.Latency {
		b.Latency, b.SetBy = b.Offchip, "off-chip traffic"
	}
	if b.Compute > b.Latency {
		b.Latency, b.SetBy = b.Compute, "compute"
	}
	return b
}

type analysis struct {
	Problem
	fastest []unit.Cycles // per node, over its allowed cores
	moved   []bool        // per tensor: crosses an off-chip link whatever is chosen
}

func newAnalysis(p Problem) *analysis {
	a := &analysis{
		Problem: p,
		fastest: make([]unit.Cycles, len(p.Graph.Nodes)),
		moved:   make([]bool, len(p.Graph.Tensors)),
	}
	streamed := make([]bool, len(p.Graph.Tensors))
	used := make([]bool, len(p.Graph.Tensors))
	for n := range p.Graph.Nodes {
		node := &p.Graph.Nodes[n]
		layer := &p.Graph.Layers[node.Layer]
		least := unit.Cycles(math.MaxInt64)
		for _, core := range p.Cores(int(node.Layer), int(node.Group)) {
			cost := p.Costs.At(node.Class, core)
			if !cost.Feasible {
				continue
			}
			least = min(least, cost.Runtime)
			for operand, t := range node.Operands {
				used[t] = true
				if slices.Contains(cost.Streamed, layer.Memory[operand]) {
					streamed[t] = true
				}
			}
		}
		if least < math.MaxInt64 {
			a.fastest[n] = least
		}
	}
	for t := range p.Graph.Tensors {
		a.moved[t] = used[t] && !streamed[t] && p.Graph.Tensors[t].Constant
	}
	// A network output is the finished output of a layer that no other layer reads.
	read := make([]bool, len(p.Graph.Layers))
	for _, e := range p.Graph.Edges() {
		if e.Data() && !e.PartialSums() {
			read[p.Graph.Nodes[e.Src].Layer] = true
		}
	}
	for n := range p.Graph.Nodes {
		node := &p.Graph.Nodes[n]
		if t := node.Operands[0]; node.Final && !read[node.Layer] && !streamed[t] {
			a.moved[t] = true
		}
	}
	return a
}

func (a *analysis) compute() unit.Cycles {
	type set struct {
		cores []int
		work  unit.Cycles
	}
	var sets []set
	for n := range a.Graph.Nodes {
		node := &a.Graph.Nodes[n]
		cores := slices.Clone(a.Cores(int(node.Layer), int(node.Group)))
		slices.Sort(cores)
		cores = slices.Compact(cores)
		i := slices.IndexFunc(sets, func(s set) bool { return slices.Equal(s.cores, cores) })
		if i < 0 {
			i = len(sets)
			sets = append(sets, set{cores: cores})
		}
		sets[i].work += a.fastest[n]
	}
	var all []int
	for _, s := range sets {
		all = append(all, s.cores...)
	}
	slices.Sort(all)
	regions := [][]int{slices.Compact(all)}
	for _, s := range sets {
		regions = append(regions, s.cores)
	}
	var best unit.Cycles
	for _, region := range regions {
		if len(region) == 0 {
			continue
		}
		var work unit.Cycles
		for _, s := range sets {
			if subset(s.cores, region) {
				work += s.work
			}
		}
		n := unit.Cycles(len(region))
		best = max(best, (work+n-1)/n)
	}
	return best
}

// subset tells whether every element of a is in b; both ascend.
func subset(a, b []int) bool {
	for _, x := range a {
		if _, ok := slices.BinarySearch(b, x); !ok {
			return false
		}
	}
	return true
}

// offchip adds up the time that the off-chip links are busy at the least.
func (a *analysis) offchip() unit.Cycles {
	in, out, shared := a.offchipLinks()
	var inCycles, outCycles float64
	for t := range a.Graph.Tensors {
		if !a.moved[t] {
			continue
		}
		if tensor := &a.Graph.Tensors[t]; tensor.Constant {
			inCycles += cycles(tensor.Bits, in)
		} else {
			outCycles += cycles(tensor.Bits, out)
		}
	}
	if shared {
		return unit.Cycles(math.Floor(inCycles + outCycles))
	}
	return unit.Cycles(math.Floor(max(inCycles, outCycles)))
}

// cycles is the share of a transfer in the busy time of a set of parallel links:
// whole cycles on one link, the fraction of their sum on several.
func cycles(b unit.Bits, links []unit.BitsPerCycle) float64 {
	switch len(links) {
	case 0:
		return 0
	case 1:
		return float64(unit.TransferCycles(b, links[0]))
	}
	var sum float64
	for _, l := range links {
		sum += float64(l)
	}
	return float64(b) / sum
}

// offchipLinks returns the bandwidths of the links that touch off-chip memory,
// from it and to it, and whether both directions are the same single link.
func (a *analysis) offchipLinks() (in, out []unit.BitsPerCycle, shared bool) {
	off := a.Accelerator.Offchip
	var inLinks, outLinks []int
	for core := range a.Accelerator.Cores {
		if core == off {
			continue
		}
		if p := a.Accelerator.Path(off, core); len(p) > 0 && !slices.Contains(inLinks, p[0]) {
			inLinks = append(inLinks, p[0])
		}
		if p := a.Accelerator.Path(core, off); len(p) > 0 && !slices.Contains(outLinks, p[len(p)-1]) {
			outLinks = append(outLinks, p[len(p)-1])
		}
	}
	for _, l := range inLinks {
		in = append(in, a.Accelerator.Links[l].Bandwidth)
	}
	for _, l := range outLinks {
		out = append(out, a.Accelerator.Links[l].Bandwidth)
	}
	return in, out, len(inLinks) == 1 && len(outLinks) == 1 && inLinks[0] == outLinks[0]
}

// criticalPath is the longest chain of dependent nodes, each on its fastest core.
func (a *analysis) criticalPath() unit.Cycles {
	in, out, _ := a.offchipLinks()
	n := len(a.Graph.Nodes)
	waiting := make([]int32, n)
	start := make([]unit.Cycles, n)
	var ready []taskgraph.NodeID
	for i := range n {
		id := taskgraph.NodeID(i)
		waiting[i] = int32(len(a.Graph.In(id)))
		var fetch float64
		for _, t := range a.Graph.Nodes[i].Operands {
			if !a.Rules.NoWaitIfStored && a.moved[t] && a.Graph.Tensors[t].Constant {
				fetch += cycles(a.Graph.Tensors[t].Bits, in)
			}
		}
		start[i] = unit.Cycles(math.Floor(fetch))
		if waiting[i] == 0 {
			ready = append(ready, id)
		}
	}
	var longest unit.Cycles
	for len(ready) > 0 {
		id := ready[len(ready)-1]
		ready = ready[:len(ready)-1]
		end := start[id] + a.fastest[id]
		done := end
		if t := a.Graph.Nodes[id].Operands[0]; a.moved[t] {
			done += unit.Cycles(math.Floor(cycles(a.Graph.Tensors[t].Bits, out)))
		}
		longest = max(longest, done)
		for _, e := range a.Graph.Out(id) {
			start[e.Dst] = max(start[e.Dst], end)
			if waiting[e.Dst]--; waiting[e.Dst] == 0 {
				ready = append(ready, e.Dst)
			}
		}
	}
	return longest
}
