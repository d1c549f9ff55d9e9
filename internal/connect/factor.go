package connect

import (
	"slices"
	"sort"

	"streamdse/taskgraph"
	"streamdse/unit"
)

// A consumer's operand and a producer's output are both cut into regular grids,
// so the tiles of the producer that a consumer node reads are a product over
// independent groups of dimensions. A factor is one such group.
//
// The parts of the consumer's loops choose a row. A row lists the producer's
// parts that overlap, as what they add to the number of the producer's node,
// each with the number of positions in common.
type factor struct {
	loops []factorLoop
	start []int32 // row r is hits[start[r]:start[r+1]]
	hits  []hit
}

type factorLoop struct {
	dim   int   // loop dimension of the consumer
	parts int32 // how many parts it has
}

type hit struct {
	offset int32
	count  int64
}

// newFactor returns a factor without rows; they have to be added in the order of
// the loops' parts, the last one fastest.
func newFactor(c *taskgraph.Layer, loops []int) factor {
	f := factor{start: []int32{0}}
	for _, d := range loops {
		f.loops = append(f.loops, factorLoop{d, int32(c.Cuts[d].Parts())})
	}
	return f
}

// rows is the number of combinations of parts.
func (f *factor) rows() int {
	n := 1
	for _, l := range f.loops {
		n *= int(l.parts)
	}
	return n
}

// addRow ends the row that the last hits belong to.
func (f *factor) addRow() { f.start = append(f.start, int32(len(f.hits))) }

func (f *factor) row(parts []int32) []hit {
	r := int32(0)
	for _, l := range f.loops {
		r = r*l.parts + parts[l.dim]
	}
	return f.hits[f.start[r]:f.start[r+1]]
}

// addOverlaps appends the parts of a producer's dimension that overlap [lo, hi).
func (f *factor) addOverlaps(cut *taskgraph.Cut, lo, hi int32) {
	if lo >= hi {
		return
	}
	n := cut.Parts()
	for i := sort.Search(n, func(i int) bool { return cut.Starts[i+1] > lo }); i < n && cut.Starts[i] < hi; i++ {
		if common := min(hi, cut.Starts[i+1]) - max(lo, cut.Starts[i]); common > 0 {
			f.hits = append(f.hits, hit{cut.Offset[i], int64(common)})
		}
	}
}

// finalFactor lists the parts of a producer's reduction that complete its output:
// only their nodes hand data on.
func finalFactor(p *taskgraph.Layer) factor {
	f := factor{start: []int32{0}, hits: []hit{{0, 1}}}
	out := p.Operands[0].Dims
	for d, dim := range p.Dims {
		if dim.Size == 1 || slices.Contains(out, dim.Dim) {
			continue
		}
		var next []hit
		cut := &p.Cuts[d]
		for i := range cut.Parts() {
			if int(cut.Starts[i+1]) < dim.Size {
				continue
			}
			for _, h := range f.hits {
				next = append(next, hit{h.offset + cut.Offset[i], 1})
			}
		}
		f.hits = next
	}
	f.addRow()
	return f
}

// link is the dependency of one operand of a layer on another layer.
type link struct {
	consumer *taskgraph.Layer
	first    taskgraph.NodeID // node 0 of the producer
	own      taskgraph.NodeID // node 0 of the consumer
	operand  int8
	base     hit      // what all factors with a single choice come to
	factors  []factor // the others
}

func newLink(t *taskgraph.Tiled, producer, consumer, operand int, factors []factor) *link {
	k := &link{
		consumer: &t.Layers[consumer],
		first:    t.First[producer],
		own:      t.First[consumer],
		operand:  int8(operand),
		base:     hit{0, 1},
	}
	for _, f := range factors {
		if f.rows() == 1 && len(f.hits) == 1 {
			k.base.offset += f.hits[0].offset
			k.base.count *= f.hits[0].count
		} else {
			k.factors = append(k.factors, f)
		}
	}
	return k
}

// count is the number of edges.
func (k *link) count() int {
	parts := make([]int32, len(k.consumer.Dims))
	total := 0
	for sub := range k.consumer.NodeCount() {
		k.consumer.Parts(sub, parts)
		n := 1
		for i := range k.factors {
			n *= len(k.factors[i].row(parts))
		}
		total += n
	}
	return total
}

// edges appends an edge for every pair of nodes that share elements; bits tells
// from the producer's node and the number of elements what the edge carries.
func (k *link) edges(edges []taskgraph.Edge, bits func(src taskgraph.NodeID, elements int64) unit.Bits) []taskgraph.Edge {
	parts := make([]int32, len(k.consumer.Dims))
	var tiles, wider []hit
	for sub := range k.consumer.NodeCount() {
		k.consumer.Parts(sub, parts)
		tiles = append(tiles[:0], k.base)
		for i := range k.factors {
			row := k.factors[i].row(parts)
			wider = wider[:0]
			for _, t := range tiles {
				for _, h := range row {
					wider = append(wider, hit{t.offset + h.offset, t.count * h.count})
				}
			}
			tiles, wider = wider, tiles
		}
		for _, t := range tiles {
			src := k.first + taskgraph.NodeID(t.offset)
			edges = append(edges, taskgraph.Edge{
				Src: src, Dst: k.own + taskgraph.NodeID(sub), Operand: k.operand, Bits: bits(src, t.count),
			})
		}
	}
	return edges
}
