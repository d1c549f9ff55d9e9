package connect

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"streamdse/hardware"
	"streamdse/taskgraph"
	"streamdse/unit"
	"streamdse/workload"
)

// keyer appends to a key what tells the class of a node from others.
type keyer func(key []byte, n taskgraph.NodeID) []byte

// measure tells how many bits an edge brings into its consumer's memory.
type measure func(src taskgraph.NodeID, p taskgraph.Payload) unit.Bits

// arrivals sums what edges bring for each operand of a node.
type arrivals struct {
	g    *taskgraph.Graph
	bits measure
	// What a long row brings is added up once: sums[at[r]-1:], for each operand.
	at   []int32
	sums []unit.Bits
}

// longRow is how many edges make a row that is worth remembering.
const longRow = 16

func newArrivals(g *taskgraph.Graph, bits measure) *arrivals {
	return &arrivals{g: g, bits: bits, at: make([]int32, g.InRowCount())}
}

// classify gives every node its class. The first node of each class in the given
// order stands for it.
func classify(g *taskgraph.Graph, order []taskgraph.NodeID, key keyer, brings *arrivals) {
	known := map[string]int32{}
	var buf []byte
	for _, n := range order {
		buf = key(buf[:0], n)
		class, ok := known[string(buf)]
		if !ok {
			class = int32(len(g.Classes))
			known[string(buf)] = class
			size := g.OperandBits(n)
			need := slices.Clone(size)
			brought := brings.to(n, make([]unit.Bits, len(size)))
			for k, b := range brought {
				need[k] = max(need[k], b)
			}
			need[0] = size[0] + brought[0] // partial sums are added to the output
			g.Classes = append(g.Classes, taskgraph.Class{Node: n, Size: size, Need: need, Sums: brought[0]})
		}
		g.Classes[class].Nodes++
		g.Nodes[n].Class = class
	}
}

// to sums the bits that edges bring for each operand of a node, and for an
// operand of several parts what is fetched of them from off-chip memory.
func (a *arrivals) to(n taskgraph.NodeID, sums []unit.Bits) []unit.Bits {
	clear(sums)
	g := a.g
	node := &g.Nodes[n]
	for k := range sums {
		if x := &g.Tensors[node.Operands[k]]; x.Constant && g.Layers[node.Layer].Operands[k].Source.Kind == workload.FromParts {
			sums[k] = x.Bits
		}
	}
	for _, r := range g.InRows(n) {
		row := g.Sources(r)
		if len(row) < longRow {
			a.add(row, sums)
			continue
		}
		if a.at[r] == 0 {
			a.at[r] = int32(len(a.sums)) + 1
			a.sums = append(a.sums, make([]unit.Bits, len(sums))...)
			a.add(row, a.sums[a.at[r]-1:])
		}
		for k := range sums {
			sums[k] += a.sums[int(a.at[r])-1+k]
		}
	}
	return sums
}

// add adds what a row of edges brings.
func (a *arrivals) add(row []taskgraph.End, sums []unit.Bits) {
	for _, e := range row {
		if p := a.g.Payload(e); p.Data() {
			sums[p.Operand] += a.bits(e.Node, p)
		}
	}
}

// classifyByNeed tells nodes apart by all that the cost of running them depends
// on: the loop nest with its tile sizes, precisions, the memories that hold the
// operands, what the mapping fixes, the room that incoming tiles take, and whether
// it adds to partial sums or leaves some. Equal nodes of different layers share a
// class.
func classifyByNeed(g *taskgraph.Graph) {
	brings := newArrivals(g, func(src taskgraph.NodeID, _ taskgraph.Payload) unit.Bits { return wholeTile(g, src) })
	kinds := map[string]uint64{}
	kind := make([]uint64, len(g.Layers))
	operands := 0
	for i := range g.Layers {
		shape := layerKey(&g.Layers[i])
		id, ok := kinds[shape]
		if !ok {
			id = uint64(len(kinds))
			kinds[shape] = id
		}
		kind[i] = id
		operands = max(operands, len(g.Layers[i].Operands))
	}
	order := make([]taskgraph.NodeID, len(g.Nodes))
	for n := range order {
		order[n] = taskgraph.NodeID(n)
	}
	sums := make([]unit.Bits, operands)
	classify(g, order, func(key []byte, n taskgraph.NodeID) []byte {
		node := &g.Nodes[n]
		key = binary.AppendUvarint(key, kind[node.Layer])
		for _, r := range node.Ranges {
			key = binary.AppendUvarint(key, uint64(r.Len()))
		}
		if node.Final {
			key = append(key, 1)
		} else {
			key = append(key, 0)
		}
		for _, b := range brings.to(n, sums[:len(node.Operands)]) {
			key = binary.AppendUvarint(key, uint64(b))
		}
		return key
	}, brings)
}

// wholeTile is all of what a node has written.
func wholeTile(g *taskgraph.Graph, src taskgraph.NodeID) unit.Bits {
	return g.Tensors[g.Nodes[src].Operands[0]].Bits
}

// layerKey is a text that is equal for layers that differ only in loop sizes,
// names and sources.
func layerKey(l *taskgraph.Layer) string {
	type operand struct {
		Name      string
		Dims      []workload.Dim
		Bits      unit.Bits
		FinalBits unit.Bits
		Memory    hardware.MemoryOperand
	}
	var dims []workload.Dim
	for _, d := range l.Dims {
		dims = append(dims, d.Dim)
	}
	relations := slices.Clone(l.Relations)
	for i := range relations {
		relations[i].Size = l.IndexSize(relations[i].Index)
	}
	var operands []operand
	for i, op := range l.Operands {
		operands = append(operands, operand{op.Name, op.Dims, op.Bits, op.FinalBits, l.Memory[i]})
	}
	key := fmt.Sprintf("%q %v %v %v cores %v order %v", l.Type, dims, relations, operands, l.Entry.Cores, l.Entry.Temporal)
	for _, d := range slices.Sorted(maps.Keys(l.Entry.Spatial)) {
		key += fmt.Sprintf(" spatial %q %v", d, l.Entry.Spatial[d])
	}
	for _, d := range slices.Sorted(maps.Keys(l.Entry.Hint)) {
		key += fmt.Sprintf(" hint %q %v", d, l.Entry.Hint[d])
	}
	return key
}

func appendUvarints(key []byte, values ...int) []byte {
	for _, v := range values {
		key = binary.AppendUvarint(key, uint64(v))
	}
	return key
}
