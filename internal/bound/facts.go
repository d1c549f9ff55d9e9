package bound

import (
	"math"
	"slices"

	"streamdse/hardware"
	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/unit"
)

// Writers of a tensor that is no single node's output.
const (
	nobody  = -1
	several = -2 // only under PartialSumsAreFree
)

// facts is what is known of a problem before any allocation.
type facts struct {
	Problem
	order []taskgraph.NodeID // dependencies first

	// A node has an option for each core that its group may run on; those of node n
	// are first[n], ..., first[n+1]-1 in run, head and tail.
	options [][][]int // of layer and group: its cores
	first   []int32
	run     []unit.Cycles
	tails   map[rowKey]unit.Cycles
	head    []unit.Cycles // earliest start
	tail    []unit.Cycles // least time from the end to that of the schedule

	own    []hardware.MemoryOperand // of each tensor: the memory operand of its layer's operand
	writer []taskgraph.NodeID       // of each tensor
	users  [][]user                 // of each constant: the nodes that read it
	result []bool                   // tensors that leave the network
	moved  []bool                   // constants that leave off-chip memory whatever is chosen

	// cycles and energy per bit from one memory to another over the best chain of
	// transfers; infinite if there is none.
	time, joule [][]float64
	leaving     crossing // out of off-chip memory
	// Lanes of each core to and from off-chip memory.
	outward, inward [][][]int

	asked []int // room for the stores of a reader

	grid int // thresholds of head and tail to try, and more of what takes time
}

func newFacts(p Problem) *facts {
	if p.Rules.FirstLinkOnly {
		p.Accelerator = p.Accelerator.FirstLinksOnly()
	}
	g := p.Graph
	a := &facts{
		Problem: p,
		own:     make([]hardware.MemoryOperand, len(g.Tensors)),
		writer:  make([]taskgraph.NodeID, len(g.Tensors)),
		users:   make([][]user, len(g.Tensors)),
		result:  make([]bool, len(g.Tensors)),
		grid:    32,
	}
	for x := range g.Tensors {
		t := &g.Tensors[x]
		a.own[x], a.writer[x] = g.Layers[t.Layer].Memory[t.Operand], nobody
	}
	for n := range g.Nodes {
		id, node := taskgraph.NodeID(n), &g.Nodes[n]
		if x := node.Operands[0]; a.writer[x] == nobody {
			a.writer[x] = id
		} else {
			a.writer[x] = several
		}
		for i := 1; i < len(node.Operands); i++ {
			for r := range g.Constants(id, i) {
				a.users[r.Tensor] = append(a.users[r.Tensor], user{id, g.Layers[node.Layer].Memory[i], a.read(r.Tensor, r.Part)})
			}
		}
	}
	a.listResults()
	a.sort()
	a.measureMoves()
	a.leaving = a.crossing(func(c int) bool { return c == p.Accelerator.Offchip })
	for core := range p.Accelerator.Cores {
		a.outward = append(a.outward, p.Accelerator.Lanes(core, p.Accelerator.Offchip))
		a.inward = append(a.inward, p.Accelerator.Lanes(p.Accelerator.Offchip, core))
	}
	return a
}

// user is a node that reads so much of a constant.
type user struct {
	node taskgraph.NodeID
	op   hardware.MemoryOperand
	bits unit.Bits
}

// choose takes up what the cores of the groups are, and what follows.
func (a *facts) choose() {
	a.listOptions()
	a.moved = make([]bool, len(a.Graph.Tensors))
	for x := range a.moved {
		a.moved[x] = a.mustMove(taskgraph.TensorID(x))
	}
	a.findPaths()
}

// listOptions lists the cores that can run all nodes of a group, and how long.
func (a *facts) listOptions() {
	g := a.Graph
	a.options = make([][][]int, len(g.Layers))
	for l := range g.Layers {
		layer := &g.Layers[l]
		a.options[l] = make([][]int, layer.Groups)
		for group := range layer.Groups {
			cores := slices.Clone(a.Cores(l, group))
			slices.Sort(cores)
			a.options[l][group] = slices.Compact(cores)
		}
		for _, n := range layer.Nodes {
			node := &g.Nodes[n]
			list := &a.options[l][node.Group]
			*list = slices.DeleteFunc(*list, func(c int) bool { return !a.Costs.At(node.Class, c).Feasible })
		}
	}
	a.first = make([]int32, len(g.Nodes)+1)
	for n := range g.Nodes {
		for _, c := range a.cores(taskgraph.NodeID(n)) {
			a.run = append(a.run, a.runtime(taskgraph.NodeID(n), c))
		}
		a.first[n+1] = int32(len(a.run))
	}
	a.head, a.tail = make([]unit.Cycles, len(a.run)), make([]unit.Cycles, len(a.run))
}

// cores are the options of a node.
func (a *facts) cores(n taskgraph.NodeID) []int {
	node := &a.Graph.Nodes[n]
	return a.options[node.Layer][node.Group]
}

// cost is what a node costs on a core.
func (a *facts) cost(n taskgraph.NodeID, core int) *schedule.NodeCost {
	return a.Costs.At(a.Graph.Nodes[n].Class, core)
}

// streams tells whether a node streams what a memory operand holds on a core.
func (a *facts) streams(n taskgraph.NodeID, core int, op hardware.MemoryOperand) bool {
	return slices.Contains(a.cost(n, core).Streamed, op)
}

// demand is the bandwidth that a node's streaming asks of the links to (out) and
// from (in) off-chip memory.
func (a *facts) demand(n taskgraph.NodeID, core int) (in, out unit.BitsPerCycle) {
	cost := a.cost(n, core)
	if len(cost.Streamed) == 0 || a.Rules.BlocksAreFree {
		return 0, 0
	}
	memory := a.Graph.Layers[a.Graph.Nodes[n].Layer].Memory
	for i := range a.Graph.Nodes[n].Operands {
		if !slices.Contains(cost.Streamed, memory[i]) {
			continue
		}
		if i > 0 || !a.Rules.BlocksAskPeak {
			in = cost.StreamIn
		}
		if i == 0 {
			out = cost.StreamOut
		}
	}
	return in, out
}

// runtime is how long a node runs on a core at the least: longer than it would by itself
// if no lanes can keep up with what it streams.
func (a *facts) runtime(n taskgraph.NodeID, core int) unit.Cycles {
	runtime := a.cost(n, core).Runtime
	if a.Rules.StretchOff || a.Rules.BlocksAlone {
		return runtime
	}
	in, out := a.demand(n, core)
	if in == 0 && out == 0 {
		return runtime
	}
	least := never
	for _, there := range a.outward[core] {
		for _, back := range a.inward[core] {
			stretched := runtime
			for _, l := range slices.Concat(there, back) {
				var load unit.BitsPerCycle
				if slices.Contains(back, l) {
					load += in
				}
				if slices.Contains(there, l) {
					load += out
				}
				stretched = max(stretched, whole(float64(runtime)*float64(load)/float64(a.Accelerator.Links[l].Bandwidth)))
			}
			least = min(least, stretched)
		}
	}
	if least == never { // it cannot stream at all
		return runtime
	}
	return least
}

// streamEnergy is the least that links cost for what a node streams on a core, with the
// rounding of the stretched runtime taken off. Where a link may be given more than it
// has, what is left of it depends on what else the node streams: nothing is counted.
func (a *facts) streamEnergy(n taskgraph.NodeID, core int) float64 {
	if a.Rules.StreamsCostNoLinks || a.Rules.StretchOff || a.Rules.BlocksAlone {
		return 0
	}
	in, out := a.demand(n, core)
	least := func(lanes [][]int, load unit.BitsPerCycle) float64 {
		bits, least := float64(load)*float64(a.cost(n, core).Runtime), math.Inf(1)
		for _, lane := range lanes {
			sum := 0.0
			for _, l := range lane {
				link := &a.Accelerator.Links[l]
				sum += bits*float64(link.BitEnergy) + bits/float64(link.Bandwidth)*float64(link.UnitEnergy)
			}
			least = min(least, sum)
		}
		if len(lanes) == 0 {
			return 0
		}
		return least
	}
	return (least(a.inward[core], in) + least(a.outward[core], out)) * (1 - 1e-8)
}

// listResults finds the tensors that leave the network.
func (a *facts) listResults() {
	g := a.Graph
	read, deadEnd := make([]bool, len(g.Layers)), make([]bool, len(g.Layers))
	for n := range g.Nodes {
		layer := g.Nodes[n].Layer
		id := taskgraph.NodeID(n)
		deadEnd[layer] = deadEnd[layer] || g.OutDegree(id) == 0
		if read[layer] {
			continue
		}
		for e := range g.Out(id) {
			read[layer] = read[layer] || e.Data() && !e.PartialSums()
		}
	}
	for n := range g.Nodes {
		node := &g.Nodes[n]
		output := g.Layers[node.Layer].Output || !read[node.Layer]
		if a.Rules.DeadEndsAreOutputs {
			output = deadEnd[node.Layer]
		}
		if node.Final && output {
			a.result[node.Operands[0]] = true
		}
	}
}

// sort lists the nodes so that each comes after those it depends on.
func (a *facts) sort() {
	g := a.Graph
	waiting := make([]int32, len(g.Nodes))
	a.order = make([]taskgraph.NodeID, 0, len(g.Nodes))
	for n := range g.Nodes {
		if waiting[n] = int32(g.InDegree(taskgraph.NodeID(n))); waiting[n] == 0 {
			a.order = append(a.order, taskgraph.NodeID(n))
		}
	}
	for i := 0; i < len(a.order); i++ {
		for e := range g.Out(a.order[i]) {
			if waiting[e.Dst]--; waiting[e.Dst] == 0 {
				a.order = append(a.order, e.Dst)
			}
		}
	}
}

// measureMoves finds the best chains of transfers between memories: their times and
// energies per bit, without the rounding of each to whole cycles and accesses.
func (a *facts) measureMoves() {
	acc := a.Accelerator
	stores := len(acc.Stores)
	a.time, a.joule = make([][]float64, stores), make([][]float64, stores)
	for s := range stores {
		a.time[s], a.joule[s] = make([]float64, stores), make([]float64, stores)
		for d := range stores {
			if s != d {
				a.time[s][d], a.joule[s][d] = a.hop(s, d)
			}
		}
	}
	for _, m := range [][][]float64{a.time, a.joule} {
		for via := range stores {
			for s := range stores {
				for d := range stores {
					m[s][d] = min(m[s][d], m[s][via]+m[via][d])
				}
			}
		}
	}
}

// hop is what a single transfer between two memories takes, per bit.
func (a *facts) hop(s, d int) (time, energy float64) {
	acc := a.Accelerator
	from, to := &acc.Stores[s], &acc.Stores[d]
	time, links := math.Inf(1), math.Inf(1)
	for _, i := range from.Cores {
		for _, j := range to.Cores {
			if i == j {
				time, links = min(time, 1/min(float64(from.ReadBandwidth), float64(to.WriteBandwidth))), 0
			}
			for _, lane := range acc.Lanes(i, j) {
				slowest, perCycle, perBit := math.Inf(1), 0.0, 0.0
				for _, l := range lane {
					slowest = min(slowest, float64(acc.Links[l].Bandwidth))
					perCycle += float64(acc.Links[l].UnitEnergy)
					perBit += float64(acc.Links[l].BitEnergy)
				}
				time, links = min(time, 1/slowest), min(links, perCycle/slowest+perBit)
			}
		}
	}
	read := math.Inf(1)
	for i := range acc.Stores {
		sender := &acc.Stores[i]
		// With RemoveByOwnOperand, another memory of the sending core may set the price.
		if i != s && !(a.Rules.RemoveByOwnOperand && slices.ContainsFunc(sender.Cores, func(c int) bool { return slices.Contains(from.Cores, c) })) {
			continue
		}
		read = min(read, float64(sender.Memory.ReadCost)/float64(sender.ReadBandwidth))
	}
	return time, links + read + a.write(d)
}

// write is the energy of writing into a memory, per bit.
func (a *facts) write(store int) float64 {
	to := &a.Accelerator.Stores[store]
	width := float64(to.WriteBandwidth)
	if a.Rules.WriteAtSenderWidth {
		for i := range a.Accelerator.Stores {
			width = max(width, float64(a.Accelerator.Stores[i].WriteBandwidth))
		}
	}
	return float64(to.Memory.WriteCost) / width
}

// whole is a number of cycles rounded up, but for what rounding errors add.
func whole(cycles float64) unit.Cycles {
	if math.IsInf(cycles, 0) || math.IsNaN(cycles) {
		return 0 // what cannot move is in no schedule
	}
	return unit.Cycles(math.Ceil(cycles*(1-1e-9) - 1e-9))
}

// read is how much of a tensor has to move for a node that reads a part: that part, or
// all of it.
func (a *facts) read(x taskgraph.TensorID, part taskgraph.PartID) unit.Bits {
	tensor := &a.Graph.Tensors[x]
	if a.Graph.Parts == nil || !a.Rules.MovesParts() {
		return tensor.Bits
	}
	return a.Graph.Parts.Bits(tensor, part)
}

// move is the least time from the end of a tensor's writer in one memory until some of
// the tensor is in another.
//
// A tensor that several nodes write (PartialSumsAreFree) may move after the first.
func (a *facts) move(x taskgraph.TensorID, bits unit.Bits, from, to int) unit.Cycles {
	if from == to || from < 0 || to < 0 || a.writer[x] == several {
		return 0
	}
	return whole(float64(bits) * a.time[from][to])
}

// written is the memory that a node writes its output to on a core.
func (a *facts) written(n taskgraph.NodeID, core int) int {
	op := a.own[a.Graph.Nodes[n].Operands[0]]
	if a.streams(n, core, op) {
		core = a.Accelerator.Offchip
	}
	return a.Accelerator.Top(core, op)
}

// readFrom is the memory from which a node on a core reads an operand, if it has to
// wait for it there, else -1.
//
// Under StreamedFromAnywhere a node does not wait for what it streams. Under
// NoWaitIfStored it does not wait for what another node has fetched to the same
// memory, which happens where cores share one; nodes of the same core come after
// that other node anyway.
func (a *facts) readFrom(n taskgraph.NodeID, core int, op hardware.MemoryOperand) int {
	if a.streams(n, core, op) {
		if a.Rules.StreamedFromAnywhere || a.Rules.NoWaitIfStored {
			return -1
		}
		return a.Accelerator.Top(a.Accelerator.Offchip, op)
	}
	store := a.Accelerator.Top(core, op)
	if store >= 0 && a.Rules.NoWaitIfStored && len(a.Accelerator.Stores[store].Cores) > 1 {
		return -1
	}
	return store
}

// waits tells whether nodes wait for their constants: not under NoWaitIfStored if
// somebody else may have asked for them.
func (a *facts) waits() bool {
	return !a.Rules.NoWaitIfStored || !a.Prefetches && !slices.ContainsFunc(a.Accelerator.Stores, func(s hardware.Store) bool { return len(s.Cores) > 1 })
}

// mustMove tells whether a constant leaves off-chip memory by a transfer whatever
// cores are chosen: some node streams it on none of its cores.
//
// Under JoinPastTransfers, streaming and transfers of a tensor may share a slot of
// a link; then no node may stream it.
func (a *facts) mustMove(x taskgraph.TensorID) bool {
	needed := false
	for _, u := range a.users[x] {
		streamed := a.mayStream(u)
		if streamed && a.Rules.JoinPastTransfers {
			return false
		}
		needed = needed || !streamed && len(a.cores(u.node)) > 0
	}
	return needed
}

// mayStream tells whether a node streams a constant on one of its cores.
func (a *facts) mayStream(u user) bool {
	return slices.ContainsFunc(a.cores(u.node), func(c int) bool { return a.streams(u.node, c, u.op) })
}
