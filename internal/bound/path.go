package bound

import (
	"math"
	"slices"

	"streamdse/taskgraph"
	"streamdse/unit"
)

const never unit.Cycles = math.MaxInt64

// findPaths computes heads and tails along all paths.
func (a *facts) findPaths() {
	arrival := make([]unit.Cycles, len(a.Accelerator.Stores))
	for _, n := range a.order {
		a.fetchConstants(n)
		a.passOn(n, arrival)
	}
	a.tails = map[rowKey]unit.Cycles{}
	for i := len(a.order) - 1; i >= 0; i-- {
		a.findTail(a.order[i])
	}
	a.tails = nil
}

// fetchConstants lets a node wait for its constants, which come one after another
// over the links that leave off-chip memory.
func (a *facts) fetchConstants(n taskgraph.NodeID) {
	if !a.waits() {
		return
	}
	node := &a.Graph.Nodes[n]
	memory := a.Graph.Layers[node.Layer].Memory
	var counted []taskgraph.TensorID
	for k, core := range a.cores(n) {
		var longest unit.Cycles
		var fraction float64
		counted = counted[:0]
		for i := 1; i < len(node.Operands); i++ {
			if a.streams(n, core, memory[i]) {
				continue
			}
			for r := range a.Graph.Constants(n, i) {
				x, bits := r.Tensor, a.read(r.Tensor, r.Part)
				from, to := a.Accelerator.Top(a.Accelerator.Offchip, a.own[x]), a.readFrom(n, core, memory[i])
				longest = max(longest, a.move(x, bits, from, to))
				// Two operands may read the same: then it leaves off-chip memory once.
				if (!a.Rules.JoinPastTransfers || a.moved[x]) && !slices.Contains(counted, x) {
					counted = append(counted, x)
					fraction += a.leaving.busy(bits)
				}
			}
		}
		at := int(a.first[n]) + k
		a.head[at] = max(a.head[at], longest, whole(fraction))
	}
}

// passOn tells the nodes that depend on n when they can start at the earliest.
func (a *facts) passOn(n taskgraph.NodeID, arrival []unit.Cycles) {
	g := a.Graph
	cores, first := a.cores(n), int(a.first[n])
	if g.OutDegree(n) == 0 || len(cores) == 0 {
		return
	}
	x := g.Nodes[n].Operands[0]
	earliest := a.least(n, func(at int) unit.Cycles { return a.head[at] + a.run[at] })
	known := unit.Bits(-1) // how much arrival is for
	for e := range g.Out(n) {
		bits := a.read(x, e.Part)
		if e.Data() && !a.together(n, e.Dst) && bits != known {
			a.arrive(n, bits, arrival)
			known = bits
		}
		for k, core := range a.cores(e.Dst) {
			at := earliest
			to := -1
			if e.Data() {
				to = a.readFrom(e.Dst, core, g.Layers[g.Nodes[e.Dst].Layer].Memory[e.Operand])
			}
			switch {
			case a.together(n, e.Dst):
				at = a.head[first+k] + a.run[first+k] + a.move(x, bits, a.written(n, core), to)
			case to >= 0:
				at = arrival[to]
			}
			h := &a.head[int(a.first[e.Dst])+k]
			*h = max(*h, at)
		}
	}
}

// arrive finds when some of a node's output can be in each memory at the earliest.
func (a *facts) arrive(n taskgraph.NodeID, bits unit.Bits, arrival []unit.Cycles) {
	x := a.Graph.Nodes[n].Operands[0]
	for s := range arrival {
		arrival[s] = never
	}
	for k, core := range a.cores(n) {
		at := int(a.first[n]) + k
		from := a.written(n, core)
		for s := range arrival {
			arrival[s] = min(arrival[s], a.head[at]+a.run[at]+a.move(x, bits, from, s))
		}
	}
}

// together tells whether two nodes are of one group, so that they are on one core.
func (a *facts) together(n, m taskgraph.NodeID) bool {
	x, y := &a.Graph.Nodes[n], &a.Graph.Nodes[m]
	return x.Layer == y.Layer && x.Group == y.Group
}

// findTail computes what has to happen after a node.
func (a *facts) findTail(n taskgraph.NodeID) {
	g := a.Graph
	x := g.Nodes[n].Operands[0]
	for k, core := range a.cores(n) {
		from := a.written(n, core)
		var tail unit.Cycles
		if a.result[x] && !a.streams(n, core, a.own[x]) {
			tail = a.move(x, g.Tensors[x].Bits, from, a.Accelerator.Top(a.Accelerator.Offchip, a.own[x]))
		}
		for _, r := range g.OutRows(n) {
			tail = max(tail, a.rowTail(n, k, r, from))
		}
		a.tail[int(a.first[n])+k] = tail
	}
}

// longRow is how many edges make a row worth to remember what follows it.
const longRow = 16

// rowKey is all that what follows a node through a row of edges depends on, where whole
// tensors are read by nodes of other layers.
type rowKey struct {
	row  taskgraph.RowID
	from int
	bits unit.Bits
}

// rowTail is what has to happen after a node on core option k in all that depend on
// it by a row of edges.
func (a *facts) rowTail(n taskgraph.NodeID, k int, r taskgraph.RowID, from int) unit.Cycles {
	g := a.Graph
	row := g.Readers(r)
	x := g.Nodes[n].Operands[0]
	key := rowKey{r, from, g.Tensors[x].Bits}
	shared := len(row) >= longRow && a.writer[x] != several && g.Nodes[row[0].Node].Layer != g.Nodes[n].Layer
	if shared {
		if tail, ok := a.tails[key]; ok {
			return tail
		}
	}
	var tail unit.Cycles
	for _, end := range row {
		e := g.Payload(end)
		dst, bits := &g.Nodes[end.Node], a.read(x, e.Part)
		together := a.together(n, end.Node)
		shared = shared && bits == key.bits && !together
		least := never
		for j, other := range a.cores(end.Node) {
			if together && j != k {
				continue
			}
			at := int(a.first[end.Node]) + j
			after := a.run[at] + a.tail[at]
			if e.Data() {
				after += a.move(x, bits, from, a.readFrom(end.Node, other, g.Layers[dst.Layer].Memory[e.Operand]))
			}
			least = min(least, after)
		}
		if least != never {
			tail = max(tail, least)
		}
	}
	if shared {
		a.tails[key] = tail
	}
	return tail
}

// least is the least value of a node over its cores, 0 if there are none.
func (a *facts) least(n taskgraph.NodeID, value func(at int) unit.Cycles) unit.Cycles {
	least := never
	for at := int(a.first[n]); at < int(a.first[n+1]); at++ {
		least = min(least, value(at))
	}
	if least == never {
		return 0
	}
	return least
}

func (a *facts) leastHead(n taskgraph.NodeID) unit.Cycles {
	return a.least(n, func(at int) unit.Cycles { return a.head[at] })
}

func (a *facts) leastTail(n taskgraph.NodeID) unit.Cycles {
	return a.least(n, func(at int) unit.Cycles { return a.tail[at] })
}

// path is the longest path through any node.
func (a *facts) path() Part {
	p := Part{SetBy: "critical path"}
	for n := range a.Graph.Nodes {
		p.Latency = max(p.Latency, a.least(taskgraph.NodeID(n), func(at int) unit.Cycles { return a.head[at] + a.run[at] + a.tail[at] }))
	}
	return p
}
