package taskgraph

import (
	"streamdse/workload"
)

// Tiled is a network cut into computation nodes that are not connected yet.
type Tiled struct {
	Workload *workload.Workload
	Layers   []Layer
	First    []NodeID // per layer, its node of Sub 0; its others follow
	Nodes    []Node
	Tensors  []Tensor
}

// Loop is a loop over the nodes of a layer: it steps over parts of one of its
// dimensions.
type Loop struct {
	Dim   int // index in the layer's Dims
	Parts int
	Inter bool // the parts are spread over cores; else they run one after another
}

// Cut divides a loop dimension into consecutive parts: part i is the range
// [Starts[i], Starts[i+1]) or, where parts overlap, [Starts[i], Ends[i]).
//
// Parts overlap where nodes recompute what their neighbours compute too. All that
// read such a layer are cut into as many parts along that dimension, and the node
// of a part reads the node of the same part alone.
//
// Nodes are numbered by the layer's Loops, the fastest first, so that a node's
// Sub is a sum over the dimensions: Offset[i] is what part i adds to it.
type Cut struct {
	Starts []int32
	Ends   []int32 // nil unless parts overlap
	Offset []int32
}

// Parts is the number of parts.
func (c *Cut) Parts() int { return len(c.Offset) }

// Range is the range of part i.
func (c *Cut) Range(i int32) Range {
	if c.Ends != nil {
		return Range{c.Starts[i], c.Ends[i]}
	}
	return Range{c.Starts[i], c.Starts[i+1]}
}

// Recomputed is how many operations the layer's nodes do more than once.
func (l *Layer) Recomputed() int64 {
	overlap := false
	done := int64(1)
	for d := range l.Cuts {
		cut := &l.Cuts[d]
		overlap = overlap || cut.Ends != nil
		var sum int64
		for i := range int32(cut.Parts()) {
			sum += int64(cut.Range(i).Len())
		}
		done *= sum
	}
	if !overlap {
		return 0
	}
	return done - l.MACs()
}

// NodeCount is the number of nodes that the loops step over.
func (l *Layer) NodeCount() int {
	n := 1
	for _, loop := range l.Loops {
		n *= loop.Parts
	}
	return n
}

// Parts finds which part of each dimension node sub of the layer covers. parts
// has the length of the layer's Dims.
//
// Several loops over one dimension count its parts together: the first one
// given varies fastest and so steps over neighbours.
func (l *Layer) Parts(sub int, parts []int32) {
	clear(parts)
	for i, loop := range l.Loops {
		if loop.Parts == 1 {
			continue
		}
		weight := 1
		for _, before := range l.Loops[:i] {
			if before.Dim == loop.Dim {
				weight *= before.Parts
			}
		}
		parts[loop.Dim] += int32(sub % loop.Parts * weight)
		sub /= loop.Parts
	}
}

// Tile is the loop nest of one node: its layer with the node's loop sizes. The
// extents of partially relevant dimensions remain those of the whole tensor.
func (g *Graph) Tile(n NodeID) workload.Layer {
	node := &g.Nodes[n]
	whole := g.Layers[node.Layer].Layer
	tile := *whole
	tile.Dims = make([]workload.LoopDim, len(whole.Dims))
	for i, d := range whole.Dims {
		tile.Dims[i] = workload.LoopDim{Dim: d.Dim, Size: node.Ranges[i].Len()}
	}
	tile.Relations = make([]workload.Relation, len(whole.Relations))
	for i, r := range whole.Relations {
		r.Size = whole.IndexSize(r.Index)
		tile.Relations[i] = r
	}
	return tile
}
