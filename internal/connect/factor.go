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
	part   taskgraph.PartID // of the producer's output: which positions these are
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

// addOverlaps appends the parts of dimension d of a producer's output that overlap
// ascending runs of its positions.
func (f *factor) addOverlaps(cut *taskgraph.Cut, runs []taskgraph.Range, known *taskgraph.Parts, d int) {
	if len(runs) == 0 {
		return
	}
	n, end := cut.Parts(), runs[len(runs)-1].Hi
	for i := sort.Search(n, func(i int) bool { return cut.Starts[i+1] > runs[0].Lo }); i < n && cut.Starts[i] < end; i++ {
		for len(runs) > 0 && runs[0].Hi <= cut.Starts[i] {
			runs = runs[1:]
		}
		f.addPart(cut, int32(i), cut.Starts[i+1], runs, known, d)
	}
}

// addPart appends what ascending runs of positions have in common with a part of
// dimension d of a producer's output, up to a position.
func (f *factor) addPart(cut *taskgraph.Cut, part, end int32, runs []taskgraph.Range, known *taskgraph.Parts, d int) {
	tile := cut.Range(part)
	h := hit{offset: cut.Offset[part]}
	var common []taskgraph.Range
	for _, r := range runs {
		if r.Lo >= end {
			break
		}
		if r = (taskgraph.Range{Lo: max(r.Lo, tile.Lo), Hi: min(r.Hi, end)}); r.Lo < r.Hi {
			h.count += int64(r.Len())
			common = append(common, taskgraph.Range{Lo: r.Lo - tile.Lo, Hi: r.Hi - tile.Lo})
		}
	}
	if h.count == 0 {
		return
	}
	if known != nil && h.count < int64(tile.Len()) {
		p := make(taskgraph.Part, d+1)
		p[d] = common
		h.part = known.Number(p)
	}
	f.hits = append(f.hits, h)
}

// finalFactor lists the parts of a producer's reduction that complete its output:
// only their nodes hand data on.
func finalFactor(p *taskgraph.Layer) factor {
	f := factor{start: []int32{0}, hits: []hit{{count: 1}}}
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
				next = append(next, hit{offset: h.offset + cut.Offset[i], count: 1})
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
	known    *taskgraph.Parts
}

func newLink(t *taskgraph.Tiled, producer, consumer, operand int, factors []factor, known *taskgraph.Parts) *link {
	k := &link{
		consumer: &t.Layers[consumer],
		first:    t.First[producer],
		own:      t.First[consumer],
		operand:  int8(operand),
		base:     hit{count: 1},
		known:    known,
	}
	for _, f := range factors {
		if f.rows() == 1 && len(f.hits) == 1 {
			k.base.offset += f.hits[0].offset
			k.base.count *= f.hits[0].count
			k.base.part = k.both(k.base.part, f.hits[0].part)
		} else {
			k.factors = append(k.factors, f)
		}
	}
	return k
}

// both is the part that two factors leave of a tensor.
func (k *link) both(a, b taskgraph.PartID) taskgraph.PartID {
	if a == 0 || b == 0 {
		return a + b
	}
	return k.known.Both(a, b)
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

// tiles lists what the consumer's node of some parts reads, as what is to be added to
// the number of the producer's node 0. It appends to the first list, and uses the other.
func (k *link) tiles(parts []int32, tiles, wider []hit) (list, spare []hit) {
	tiles = append(tiles[:0], k.base)
	for i := range k.factors {
		row := k.factors[i].row(parts)
		wider = wider[:0]
		for _, t := range tiles {
			for _, h := range row {
				wider = append(wider, hit{t.offset + h.offset, k.both(t.part, h.part), t.count * h.count})
			}
		}
		tiles, wider = wider, tiles
	}
	return tiles, wider
}

// edges appends an edge for every pair of nodes that share elements; bits tells
// from the producer's node and the number of elements what the edge carries.
func (k *link) edges(edges []taskgraph.Edge, bits func(src taskgraph.NodeID, elements int64) unit.Bits) []taskgraph.Edge {
	parts := make([]int32, len(k.consumer.Dims))
	var tiles, spare []hit
	for sub := range k.consumer.NodeCount() {
		k.consumer.Parts(sub, parts)
		tiles, spare = k.tiles(parts, tiles, spare)
		for _, t := range tiles {
			src := k.first + taskgraph.NodeID(t.offset)
			edges = append(edges, taskgraph.Edge{
				Src: src, Dst: k.own + taskgraph.NodeID(sub), Operand: k.operand, Part: t.part, Bits: bits(src, t.count),
			})
		}
	}
	return edges
}
