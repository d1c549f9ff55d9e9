package bound

import (
	"cmp"
	"math"
	"slices"

	"streamdse/hardware"
	"streamdse/taskgraph"
	"streamdse/unit"
)

// energy adds up the least energy of the groups and of what has to be moved.
func (a *facts) energy() (unit.Picojoules, string) {
	core, constants := a.groupEnergy()
	constants += a.sharedConstants()
	between, outputs := a.moves()
	total := core + constants + between + outputs
	setBy, most := "cores", core
	if constants+outputs > most {
		setBy, most = "off-chip weights, inputs and outputs", constants+outputs
	}
	if between > most {
		setBy = "transfers between layers"
	}
	// Sums in another order differ in their last digits.
	return unit.Picojoules(total * (1 - 1e-9)), setBy
}

// groupEnergy is the least energy of every group by itself: its nodes, and the
// constants that it alone reads and never streams.
func (a *facts) groupEnergy() (nodes, constants float64) {
	g := a.Graph
	type sum struct{ run, fetch float64 }
	groups := make([][][]sum, len(g.Layers))
	for l := range g.Layers {
		groups[l] = make([][]sum, len(a.options[l]))
		for group, cores := range a.options[l] {
			groups[l][group] = make([]sum, len(cores))
		}
	}
	for i := range g.Nodes {
		node, n := &g.Nodes[i], taskgraph.NodeID(i)
		for k, core := range a.cores(n) {
			cost := a.cost(n, core)
			groups[node.Layer][node.Group][k].run += float64(cost.Onchip+cost.Offchip) + a.streamEnergy(n, core)
		}
	}
	for i := range g.Tensors {
		x := taskgraph.TensorID(i)
		if !a.alone(x) {
			continue
		}
		first := a.users[x][0].node
		node, op := &g.Nodes[first], a.own[x]
		var bits unit.Bits // that move at least
		for _, u := range a.users[x] {
			bits = max(bits, u.bits)
		}
		for k, core := range a.cores(first) {
			if !a.anyStreams(x, core) {
				groups[node.Layer][node.Group][k].fetch += a.moveEnergy(bits, a.Accelerator.Top(a.Accelerator.Offchip, op), a.Accelerator.Top(core, op))
			}
		}
	}
	for _, layer := range groups {
		for _, cores := range layer {
			if len(cores) == 0 {
				continue
			}
			least := slices.MinFunc(cores, func(x, y sum) int { return cmp.Compare(x.run+x.fetch, y.run+y.fetch) })
			nodes += least.run
			constants += least.fetch
		}
	}
	return nodes, constants
}

// alone tells whether all users of a constant are in one group.
func (a *facts) alone(x taskgraph.TensorID) bool {
	users := a.users[x]
	return a.Graph.Tensors[x].Constant && len(users) > 0 && !slices.ContainsFunc(users, func(u user) bool { return !a.together(users[0].node, u.node) })
}

// anyStreams tells whether a user of a constant streams it on a core that all its
// users are on.
func (a *facts) anyStreams(x taskgraph.TensorID, core int) bool {
	return slices.ContainsFunc(a.users[x], func(u user) bool { return a.streams(u.node, core, u.op) })
}

// moveEnergy is the least energy to bring data from one memory into another.
func (a *facts) moveEnergy(bits unit.Bits, from, to int) float64 {
	if from < 0 || to < 0 || from == to || math.IsInf(a.joule[from][to], 1) {
		return 0
	}
	return float64(bits) * a.joule[from][to]
}

// sharedConstants is the least energy to fetch the constants that several groups read.
func (a *facts) sharedConstants() float64 {
	g := a.Graph
	var sum float64
	for i := range g.Tensors {
		x := taskgraph.TensorID(i)
		if !g.Tensors[x].Constant || a.alone(x) {
			continue
		}
		var needs []destination
		for _, u := range a.users[x] {
			needs = a.addReader(needs, u.node, u.op, u.bits)
		}
		sum += a.deliver(a.Accelerator.Top(a.Accelerator.Offchip, a.own[x]), needs)
	}
	return sum
}

// destination is the memories of which a reader needs a tensor in one; anywhere if
// it may do with what there is.
type destination struct {
	layer, group int32
	stores       []int
	anywhere     bool
	bits         unit.Bits // that it needs at least
}

// addReader notes that a node reads so much of a tensor, once for each group: what its
// node reads that reads most.
func (a *facts) addReader(list []destination, n taskgraph.NodeID, op hardware.MemoryOperand, bits unit.Bits) []destination {
	node := &a.Graph.Nodes[n]
	d := destination{layer: node.Layer, group: node.Group, bits: bits, stores: a.asked[:0]}
	for _, core := range a.cores(n) {
		s := a.readAt(n, core, op)
		d.anywhere = d.anywhere || s < 0
		if s >= 0 && !slices.Contains(d.stores, s) {
			d.stores = append(d.stores, s)
		}
	}
	a.asked = d.stores
	if d.anywhere || len(d.stores) == 0 {
		return list
	}
	for i := range list {
		if e := &list[i]; e.layer == d.layer && e.group == d.group && slices.Equal(e.stores, d.stores) {
			e.bits = max(e.bits, bits)
			return list
		}
	}
	d.stores = slices.Clone(d.stores)
	return append(list, d)
}

// deliver is the least energy to bring a tensor from a memory to all that need it.
// Only destinations that have no memory in common count, each for itself.
func (a *facts) deliver(from int, needs []destination) float64 {
	slices.SortStableFunc(needs, func(p, q destination) int { return cmp.Compare(len(p.stores), len(q.stores)) })
	var counted []int
	var sum, most float64
	for _, d := range needs {
		least := math.Inf(1)
		for _, s := range d.stores {
			least = min(least, a.moveEnergy(d.bits, from, s))
		}
		// The whole way counts once; after that only the last step into each memory.
		most = max(most, least)
		if slices.ContainsFunc(d.stores, func(s int) bool { return slices.Contains(counted, s) || s == from }) {
			continue
		}
		counted = append(counted, d.stores...)
		arrive := math.Inf(1)
		for _, s := range d.stores {
			arrive = min(arrive, a.arriveEnergy(d.bits, s))
		}
		sum += arrive
	}
	return max(sum, most)
}

// arriveEnergy is the least energy of any transfer that ends in a memory.
func (a *facts) arriveEnergy(bits unit.Bits, to int) float64 {
	if a.Rules.Broadcasts() { // another transfer may pay for the way
		return float64(bits) * a.write(to)
	}
	best := math.Inf(1)
	for s := range a.Accelerator.Stores {
		if s != to {
			best = min(best, a.joule[s][to])
		}
	}
	if math.IsInf(best, 1) {
		return 0
	}
	return float64(bits) * best
}

// moves is the least energy to bring what nodes write to those that read it, and
// network outputs to off-chip memory.
func (a *facts) moves() (between, outputs float64) {
	g := a.Graph
	off := a.Accelerator.Offchip
	for i := range g.Tensors {
		x := taskgraph.TensorID(i)
		n := a.writer[x]
		if n < 0 {
			continue
		}
		var needs []destination
		for e := range g.Out(n) {
			if e.Data() && !a.together(n, e.Dst) {
				needs = a.addReader(needs, e.Dst, g.Layers[g.Nodes[e.Dst].Layer].Memory[e.Operand], a.read(x, e.Part))
			}
		}
		if a.result[x] {
			needs = append(needs, destination{stores: []int{a.Accelerator.Top(off, a.own[x])}, bits: g.Tensors[x].Bits})
		}
		if len(needs) == 0 {
			continue
		}
		least := math.Inf(1)
		for _, core := range a.cores(n) {
			least = min(least, a.deliver(a.written(n, core), needs))
		}
		switch {
		case math.IsInf(least, 1):
		case a.result[x]:
			outputs += least
		default:
			between += least
		}
	}
	return between, outputs
}
