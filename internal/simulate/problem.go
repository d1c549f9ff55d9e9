package simulate

import (
	"fmt"
	"math"
	"slices"

	"streamdse/hardware"
	"streamdse/rules"
	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/unit"
)

// Problem is everything about a schedule but the allocation. It is only read, so
// that any number of simulators may share one.
type Problem struct {
	Graph       *taskgraph.Graph
	Accelerator *hardware.Accelerator
	Costs       *schedule.CostTable
	// Priority is the place of each node in the scheduling order: of the nodes that
	// are ready, the one with the smallest is decided first. See Order.
	Priority []int32
	// EarliestReady decides the node first whose predecessors end first; Priority
	// counts only between nodes for which that is at the same time.
	EarliestReady bool
	// Prefetch names the operands of layers, such as W, whose constants are fetched
	// before the first node, as far as there is room.
	Prefetch []string
	// FetchOrder is the order in which what a node needs is fetched.
	FetchOrder FetchOrder
	// InOrder lets nothing begin on a link before what was decided for it earlier
	// begins; else a transfer may fill any gap.
	InOrder bool
	Rules   rules.Rules
}

// route is how a memory's content reaches a core.
type route struct {
	from  int32  // core that sends it
	hops  int    // links that a transfer takes, 0 within a core
	lanes []lane // alternatives over parallel links, in the order of the file
	ok    bool
}

// lane is the links that a transfer occupies.
type lane struct {
	links     []int32 // none within a core
	bandwidth []float64
	slowest   unit.BitsPerCycle
	energy    unit.Picojoules // per cycle, of all links
	bitEnergy unit.Picojoules // per bit
}

// plan is what follows from the problem alone.
type plan struct {
	Problem
	rules     rules.Rules
	waits     []int32 // nodes that each node waits for
	needs     needs
	own       []hardware.MemoryOperand // of each tensor: the memory operand of its layer's operand
	constants []taskgraph.TensorID     // off-chip before the network starts
	output    []bool                   // nodes whose output leaves the network
	result    []bool                   // tensors that leave the network
	offchip   []bool                   // stores that belong to the off-chip core
	routes    []route                  // store*cores+core
	out       []route                  // core -> off-chip
	in        []route                  // off-chip -> core
}

// New checks a problem and prepares a simulator for it.
func New(p Problem) (*Simulator, error) {
	if err := check(&p); err != nil {
		return nil, err
	}
	if p.Rules.FirstLinkOnly {
		p.Accelerator = p.Accelerator.FirstLinksOnly()
	}
	pl := &plan{Problem: p, rules: p.Rules}
	pl.listNeeds()
	pl.listConstants()
	pl.listOutputs()
	if err := pl.checkCycles(); err != nil {
		return nil, err
	}
	pl.findRoutes()
	return newSimulator(pl), nil
}

// Fork returns another simulator for the same problem, to be used by another
// goroutine.
func (s *Simulator) Fork() *Simulator { return newSimulator(s.plan) }

func check(p *Problem) error {
	g, acc := p.Graph, p.Accelerator
	if len(p.Priority) != len(g.Nodes) {
		return fmt.Errorf("scheduling order has %d entries for %d nodes", len(p.Priority), len(g.Nodes))
	}
	if acc.Offchip < 0 || acc.Offchip >= len(acc.Cores) {
		return fmt.Errorf("accelerator %q has no off-chip core", acc.Name)
	}
	for op := range hardware.MemoryOperand(hardware.NumMemoryOperands) {
		if acc.Top(acc.Offchip, op) < 0 {
			return fmt.Errorf("the off-chip core of accelerator %q stores no %v", acc.Name, op)
		}
	}
	return nil
}

// listConstants collects what is in off-chip memory before the network starts.
func (p *plan) listConstants() {
	g := p.Graph
	known := make([]bool, len(g.Tensors))
	for n := range g.Nodes {
		for i := 1; i < len(g.Nodes[n].Operands); i++ {
			for r := range g.Constants(taskgraph.NodeID(n), i) {
				if !known[r.Tensor] {
					known[r.Tensor] = true
					p.constants = append(p.constants, r.Tensor)
				}
			}
		}
	}
}

// listOutputs finds the nodes that write network outputs.
func (p *plan) listOutputs() {
	g := p.Graph
	p.output = make([]bool, len(g.Nodes))
	p.result = make([]bool, len(g.Tensors))
	read := make([]bool, len(g.Layers))
	deadEnd := make([]bool, len(g.Layers))
	for n := range g.Nodes {
		node := &g.Nodes[n]
		id := taskgraph.NodeID(n)
		if g.OutDegree(id) == 0 {
			deadEnd[node.Layer] = true
		}
		if read[node.Layer] {
			continue
		}
		for e := range g.Out(id) {
			read[node.Layer] = read[node.Layer] || e.Data() && !e.PartialSums()
		}
	}
	for n := range g.Nodes {
		node := &g.Nodes[n]
		x := node.Operands[0]
		layer := node.Layer
		p.output[n] = node.Final && (g.Layers[layer].Output || !read[layer])
		if p.rules.DeadEndsAreOutputs {
			p.output[n] = node.Final && deadEnd[layer]
		}
		p.result[x] = p.result[x] || p.output[n]
	}
}

// checkCycles makes sure that every node can be reached in the order of
// dependencies.
func (p *plan) checkCycles() error {
	g := p.Graph
	waiting := make([]int32, len(g.Nodes))
	for n := range g.Nodes {
		waiting[n] += int32(g.InDegree(taskgraph.NodeID(n)))
	}
	p.waits = slices.Clone(waiting)
	var queue []taskgraph.NodeID
	arrive := func(n taskgraph.NodeID) {
		if waiting[n]--; waiting[n] == 0 {
			queue = append(queue, n)
		}
	}
	for n, w := range waiting {
		if w == 0 {
			queue = append(queue, taskgraph.NodeID(n))
		}
	}
	for i := 0; i < len(queue); i++ {
		for e := range g.Out(queue[i]) {
			arrive(e.Dst)
		}
	}
	for n, w := range waiting {
		if w > 0 {
			return fmt.Errorf("dependencies form a cycle that holds back %s", schedule.NodeName(g, taskgraph.NodeID(n)))
		}
	}
	return nil
}

// findRoutes decides for each memory and core which core sends and on what path.
func (p *plan) findRoutes() {
	acc := p.Accelerator
	p.offchip = make([]bool, len(acc.Stores))
	for op := range hardware.MemoryOperand(hardware.NumMemoryOperands) {
		p.offchip[acc.Top(acc.Offchip, op)] = true
	}
	for i := range acc.Stores {
		senders := acc.Stores[i].Cores
		if p.rules.LongestHeldSource {
			senders = senders[:1]
		}
		for to := range acc.Cores {
			var best route
			for _, from := range senders {
				r := p.route(from, to)
				if r.ok && (!best.ok || r.hops < best.hops) {
					best = r
				}
			}
			p.routes = append(p.routes, best)
		}
	}
	for c := range acc.Cores {
		p.out = append(p.out, p.route(c, acc.Offchip))
		p.in = append(p.in, p.route(acc.Offchip, c))
	}
}

func (p *plan) route(from, to int) route {
	acc := p.Accelerator
	r := route{from: int32(from), ok: from == to}
	if from == to {
		r.lanes = []lane{{}}
		return r
	}
	hops := acc.Hops(from, to)
	if len(hops) == 0 {
		return r
	}
	if slices.Contains(hops[1:len(hops)-1], acc.Offchip) && !p.rules.ThroughOffchip {
		return r
	}
	for _, links := range acc.Lanes(from, to) {
		x := lane{slowest: unit.BitsPerCycle(math.Inf(1))}
		for _, l := range links {
			link := &acc.Links[l]
			x.links = append(x.links, int32(l))
			x.bandwidth = append(x.bandwidth, float64(link.Bandwidth))
			x.slowest = min(x.slowest, link.Bandwidth)
			x.energy += link.UnitEnergy
			x.bitEnergy += link.BitEnergy
		}
		r.lanes = append(r.lanes, x)
	}
	r.hops, r.ok = len(hops)-1, true
	return r
}
