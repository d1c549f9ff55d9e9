// Package taskgraph holds the graph of computation nodes that is scheduled: flat
// slices with integer ids, immutable once built and shared read-only.
package taskgraph

import (
	"streamdse/hardware"
	"streamdse/mapping"
	"streamdse/unit"
	"streamdse/workload"
)

// NodeID indexes Graph.Nodes.
type NodeID int32

// TensorID indexes Graph.Tensors.
type TensorID int32

// Range is a half-open interval [Lo, Hi) of a loop or index dimension.
type Range struct{ Lo, Hi int32 }

// Len is the number of positions in the range.
func (r Range) Len() int { return int(r.Hi - r.Lo) }

// Window is the range of an index that ranges of its two loops reach, padding
// included.
func Window(r *workload.Relation, a, b Range) Range {
	return Range{
		Lo: int32(r.At(int(a.Lo), int(b.Lo))),
		Hi: int32(r.Last(int(a.Hi-1), int(b.Hi-1))) + 1,
	}
}

// Reached lists the positions of an index that ranges of its two loops reach,
// padding included, as ascending runs: more than one where steps leave gaps.
func Reached(r *workload.Relation, a, b Range) []Range {
	window := Window(r, a, b)
	if a.Len() <= 0 || b.Len() <= 0 || r.Distinct(a.Len(), b.Len()) >= window.Len() {
		return []Range{window}
	}
	var runs []Range
	for y := b.Lo; y < b.Hi; y++ {
		for x := a.Lo; x < a.Hi; x++ {
			runs = append(runs, Range{int32(r.At(int(x), int(y))), int32(r.Last(int(x), int(y))) + 1})
		}
	}
	return Runs(runs)
}

// Node is a computation node: one block of one layer's loop nest.
type Node struct {
	Layer int32 // index in Graph.Layers
	Sub   int32 // position among the layer's nodes
	Group int32 // nodes of one group must run on one core
	Class int32 // nodes of equal class cost the same on the same core
	// Final tells that the node completes its output (no reduction is left open).
	// The output of other nodes is partial sums.
	Final bool
	// Ranges are the loop ranges in the order of the layer's Dims.
	Ranges []Range
	// Operands are the tensors it writes (index 0) and reads, in the order of the layer's Operands.
	Operands []TensorID
}

// Tensor is a block of an operand that moves and is stored as a whole. Nodes
// that use the same block of the same layer's operand share it. What a node names
// for an operand that is neither constant nor its output is a block that is made of
// others: outputs that edges name, or pieces of a constant.
type Tensor struct {
	Layer    int32 // index in Graph.Layers
	Operand  int8  // index in the layer's Operands; 0 is the output
	Constant bool  // off-chip before the network starts: weights, network input
	Origin   NodeID
	Uses     int32 // number of nodes of its own layer that refer to it; of a piece, of all nodes that read it
	Bits     unit.Bits
	Ranges   []Range // per Operand.Dims, not clipped: may cover padding; of a piece, per axis of Graph.Stored
}

// Layer is what the graph knows of a layer as it was split.
type Layer struct {
	*workload.Layer
	// Memory gives for each operand the memory operand that holds it in a core.
	Memory []hardware.MemoryOperand
	Nodes  []NodeID // ascending Sub; a node left out of the graph is absent
	Groups int      // number of groups
	Stack  int      // index of the fusion stack it belongs to
	// Output tells that the layer's result leaves the network. A layer that nobody
	// reads is an output without it.
	Output bool
	// Entry is what the mapping allows for the layer.
	Entry *mapping.Entry
	// Loops are the loops over the layer's nodes, the fastest first: see Parts.
	Loops []Loop
	// Cuts says for each of the layer's Dims where the loops cut it.
	Cuts []Cut
}

// Graph is immutable once built by New or a Builder.
type Graph struct {
	Layers  []Layer
	Nodes   []Node // ordered by layer, then Sub
	Tensors []Tensor
	// Classes are indexed by Node.Class; nil until the graph has been classified.
	Classes []Class
	// Parts are the parts of tensors that edges name; nil if all name whole tensors.
	Parts *Parts
	// Pieces are the constants that overlapping tiles share; nil if there are none.
	Pieces *Pieces

	in, out  adjacency
	payloads []Payload
	edges    int
}
