package taskgraph

import (
	"streamdse/unit"
	"streamdse/workload"
)

// Class is a set of nodes that cost the same on the same core, because a core
// sees no difference between their loop nests and what they ask of its memory.
type Class struct {
	Node  NodeID // its first node, which stands for all
	Nodes int    // how many it has
	// Size is the amount of data that a node touches of each operand, in the order
	// of the layer's Operands: padding apart, and the output at the precision of a
	// partial sum.
	Size []unit.Bits
	// Sums is the amount of partial sums of other nodes that a node adds to.
	Sums unit.Bits
	// Need is the room that each operand takes in a core's memory. It is more than
	// Size where whole tiles of a producer have to be there for a part of them.
	Need []unit.Bits
}

// OperandBits is the amount of data that node n touches of each operand; see
// Class.Size.
func (g *Graph) OperandBits(n NodeID) []unit.Bits {
	node := &g.Nodes[n]
	layer := &g.Layers[node.Layer]
	bits := make([]unit.Bits, len(layer.Operands))
	for i := range layer.Operands {
		bits[i] = operandBits(layer.Layer, node.Ranges, &layer.Operands[i])
	}
	return bits
}

func operandBits(l *workload.Layer, ranges []Range, op *workload.Operand) unit.Bits {
	size := func(d workload.Dim) int {
		for i := range l.Dims {
			if l.Dims[i].Dim == d {
				return ranges[i].Len()
			}
		}
		return 1
	}
	n := op.Bits
	for _, d := range op.Dims {
		if r := l.Relation(d); r != nil {
			n *= unit.Bits(min(r.Distinct(size(r.A), size(r.B)), l.IndexSize(d)))
		} else {
			n *= unit.Bits(size(d))
		}
	}
	return n
}
