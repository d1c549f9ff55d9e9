package taskgraph

import (
	"iter"
	"sort"

	"streamdse/workload"
)

// Read is what a node reads of a constant.
type Read struct {
	Tensor TensorID
	Part   PartID // in Graph.Parts
}

// Pieces are what constants are cut into whose tiles overlap, such as a network's
// input that convolutions read by rows: pieces are apart, so that a core fetches
// what several of its nodes read once.
//
// The tensor that a node names for such an operand is a block: it is not constant
// itself, but made of pieces, as the block of a computed operand is of what other
// nodes have written.
type Pieces struct {
	Stored []Stored
	First  TensorID // all tensors from here on are pieces
	Of     []int32  // by piece: index in Stored
	Joint  []PartID // by piece: what all nodes read of it together

	// Blocks, ascending, and what each is made of: Reads[Start[i]:Start[i+1]].
	Blocks []TensorID
	Start  []int32
	Reads  []Read
}

// Stored is a constant that is cut into pieces. Their Ranges are along its axes.
type Stored struct {
	Name  string // of the tensor in the model
	Shape []int
	Dims  []workload.Dim // what the axes are called
}

// of lists what a block is made of.
func (p *Pieces) of(block TensorID) []Read {
	if p == nil || block < p.Blocks[0] || block > p.Blocks[len(p.Blocks)-1] {
		return nil
	}
	i := sort.Search(len(p.Blocks), func(i int) bool { return p.Blocks[i] >= block })
	if p.Blocks[i] != block {
		return nil
	}
	return p.Reads[p.Start[i]:p.Start[i+1]]
}

// Constants yields what a node reads of constants for one of its operands: the
// operand's tensor if that is constant, or the pieces that it is made of.
func (g *Graph) Constants(n NodeID, operand int) iter.Seq[Read] {
	return func(yield func(Read) bool) {
		x := g.Nodes[n].Operands[operand]
		if g.Tensors[x].Constant {
			yield(Read{Tensor: x})
			return
		}
		for _, r := range g.Pieces.of(x) {
			if !yield(r) {
				return
			}
		}
	}
}

// Stored is the constant that a tensor is a piece of, nil if it is none.
func (g *Graph) Stored(x TensorID) *Stored {
	if g.Pieces == nil || x < g.Pieces.First {
		return nil
	}
	return &g.Pieces.Stored[g.Pieces.Of[x-g.Pieces.First]]
}

// Dims names the dimensions that a tensor's Ranges are along.
func (g *Graph) Dims(x TensorID) []workload.Dim {
	if s := g.Stored(x); s != nil {
		return s.Dims
	}
	t := &g.Tensors[x]
	return g.Layers[t.Layer].Operands[t.Operand].Dims
}
