package connect

import (
	"slices"

	"streamdse/rules"
	"streamdse/taskgraph"
	"streamdse/unit"
	"streamdse/workload"
)

// Tiles that read a constant may overlap: rows of the network's input that two tiles
// of a convolution read, or all of it that two layers read. So that a core fetches
// them once, such a constant is cut into pieces that are apart: along each of its
// axes, where what some node reads begins or, unless that is shortly before, ends. A
// node reads pieces whole or by parts; what nobody reads is in no part.

// constant is a tensor that is in off-chip memory before the network starts.
type constant struct {
	name    string
	shape   []int
	bits    unit.Bits // of an element
	readers []*constantReader
	cuts    [][]int32            // by axis: where its pieces begin, and where the last ends
	grid    *taskgraph.Layer     // stands for the pieces
	shared  bool                 // tiles overlap, or there is something that nobody reads
	pieces  []taskgraph.TensorID // by place in the grid, -1 for what nobody has read so far
	ranges  []taskgraph.Range    // room for those of pieces
}

// constantReader is an operand that reads a constant.
type constantReader struct {
	layer, operand int
	via            [][]workload.Movement // one for each part of the operand
	way            link                  // from the pieces, numbered as in the grid
}

// cutConstants cuts the constants whose tiles overlap into pieces, which it appends
// to the tensors. It returns nil if there are none.
func cutConstants(t *taskgraph.Tiled, r rules.Rules, parts *taskgraph.Parts) *taskgraph.Pieces {
	if !r.SharesTiles() {
		return nil
	}
	list := constants(t)
	for i := 0; i < len(list); i++ {
		c := list[i]
		if others := c.cut(t, parts); len(others) > 0 {
			list = append(list, &constant{name: c.name, shape: c.shape, bits: c.bits, readers: others})
		}
	}
	list = spreadSharing(list)
	if len(list) == 0 {
		return nil
	}
	p := &piecer{Tiled: t, parts: parts, byLayer: map[int][]pieceReader{}, pieces: &taskgraph.Pieces{First: taskgraph.TensorID(len(t.Tensors)), Start: []int32{0}}}
	for _, c := range list {
		p.add(c)
	}
	for i := range t.Layers {
		p.layer(i)
	}
	if room := cap(t.Tensors) - len(t.Tensors); room < len(p.tensors) { // exactly as much as needed: there may be millions
		t.Tensors = append(make([]taskgraph.Tensor, 0, len(t.Tensors)+len(p.tensors)), t.Tensors...)
	}
	t.Tensors = append(t.Tensors, p.tensors...)
	if len(p.pieces.Blocks) == 0 {
		return nil // all that is read is padding
	}
	return p.pieces
}

// constants lists the constants whose tiles may overlap, with their readers.
func constants(t *taskgraph.Tiled) []*constant {
	type key struct {
		name           string
		bits           unit.Bits
		layer, operand int // -1 for a network input, which layers share
	}
	known := map[key][]*constant{}
	var list []*constant
	for i := range t.Layers {
		l := &t.Layers[i]
		for k := range l.Operands {
			op := &l.Operands[k]
			if op.FinalBits == 0 || apart(l, op) {
				continue
			}
			for _, o := range op.Source.Origins() {
				if !o.Constant() {
					continue
				}
				id := key{o.Tensor, op.FinalBits, i, k}
				if o.Kind == workload.FromInput {
					id.layer, id.operand = -1, -1
				}
				shape := o.Shape
				if shape == nil && len(o.Via) == 0 {
					shape = axisSizes(axes(l, op), op.Axes)
				}
				if shape == nil || volume(shape) == 0 {
					continue
				}
				at := slices.IndexFunc(known[id], func(c *constant) bool { return slices.Equal(c.shape, shape) })
				if at < 0 {
					at = len(known[id])
					c := &constant{name: o.Tensor, shape: shape, bits: op.FinalBits}
					known[id], list = append(known[id], c), append(list, c)
				}
				known[id][at].read(i, k, o.Via)
			}
		}
	}
	return list
}

// apart tells at a glance that the tiles of an operand do not overlap: those of
// weights.
func apart(l *taskgraph.Layer, op *workload.Operand) bool {
	return op.Source.Kind == workload.FromConstant &&
		!slices.ContainsFunc(op.Dims, func(d workload.Dim) bool { return l.Relation(d) != nil }) &&
		!slices.ContainsFunc(op.Source.Via, func(m workload.Movement) bool { return m.Kind == workload.Select })
}

func (c *constant) read(layer, operand int, via []workload.Movement) {
	if n := len(c.readers); n > 0 && c.readers[n-1].layer == layer && c.readers[n-1].operand == operand {
		c.readers[n-1].via = append(c.readers[n-1].via, via)
		return
	}
	c.readers = append(c.readers, &constantReader{layer: layer, operand: operand, via: [][]workload.Movement{via}})
}

// cut finds the pieces of a constant, and how its readers read them. It returns those
// that need others.
func (c *constant) cut(t *taskgraph.Tiled, parts *taskgraph.Parts) (others []*constantReader) {
	others, ok := c.chooseCuts(t)
	if !ok {
		return nil
	}
	c.grid = stored(c.shape, c.cuts)
	for _, r := range c.readers {
		l := &t.Layers[r.layer]
		factors, _ := exactFactors(c.grid, l, r.operand, r.via, reading{parts: parts}) // the shape fits: see chooseCuts
		r.way = link{consumer: l, base: hit{count: 1}, factors: factors, known: parts}
	}
	c.shared = len(c.readers) > 1 || !c.readers[0].oneToOne(t, c.bits)
	return others
}

// oneToOne tells whether a reader's tiles are pieces already: each is one piece, all of
// which is read, and which no other tile reads.
func (r *constantReader) oneToOne(t *taskgraph.Tiled, element unit.Bits) bool {
	taken := map[int32]bool{} // pieces
	l := &t.Layers[r.layer]
	parts := make([]int32, len(l.Dims))
	var reads, spare []hit
	for sub, n := range l.Nodes {
		block := t.Nodes[n].Operands[r.operand]
		if t.Tensors[block].Origin != n {
			continue // it has been looked at
		}
		l.Parts(sub, parts)
		reads, spare = r.way.tiles(parts, reads, spare)
		if len(reads) != 1 || reads[0].part != 0 || unit.Bits(reads[0].count)*element != t.Tensors[block].Bits || taken[reads[0].offset] {
			return false
		}
		taken[reads[0].offset] = true
	}
	return true
}

// chooseCuts cuts each axis where what a node reads begins or ends. It returns the
// readers whose tiles are so unlike those of the ones before that together they would
// make many more pieces than there are tiles: they need pieces of their own. It is not
// ok where a reader's shape does not fit.
func (c *constant) chooseCuts(t *taskgraph.Tiled) (others []*constantReader, ok bool) {
	whole := stored(c.shape, nil)
	cuts := make([]axisCuts, len(c.shape))
	tiles := 0
	var kept []*constantReader
	for _, r := range c.readers {
		known := taskgraph.NewParts(nil)
		factors, err := exactFactors(whole, &t.Layers[r.layer], r.operand, r.via, reading{parts: known})
		if err != nil {
			return nil, false
		}
		wider := slices.Clone(cuts)
		blocks, pieces := 1, 1
		for i := range factors {
			blocks *= factors[i].rows()
		}
		for d, n := range c.shape {
			wider[d].add(d, int32(n), factors, known)
			pieces *= len(wider[d].positions()) - 1
		}
		if tiles += blocks; len(kept) > 0 && pieces > 8*tiles {
			tiles -= blocks
			others = append(others, r)
			continue
		}
		kept, cuts = append(kept, r), wider
	}
	c.readers = kept
	for d := range cuts {
		c.cuts = append(c.cuts, cuts[d].positions())
	}
	return others, true
}

// axisCuts are the positions of an axis where what a node reads begins, and where it
// ends.
type axisCuts struct{ starts, ends []int32 }

// add notes what the rows of factors read of axis d, which has n positions.
func (a *axisCuts) add(d int, n int32, factors []factor, known *taskgraph.Parts) {
	starts, ends := slices.Clone(a.starts), slices.Clone(a.ends)
	all := true // of the axis is read by each
	for i := range factors {
		of := func(h hit) []taskgraph.Range {
			if p := known.Part(h.part); d < len(p) {
				return p[d]
			}
			return nil
		}
		if !slices.ContainsFunc(factors[i].hits, func(h hit) bool { return of(h) != nil }) {
			continue // it is about other axes, or makes no difference
		}
		all = false
		for _, h := range factors[i].hits {
			runs := of(h)
			if runs == nil {
				runs = []taskgraph.Range{{Lo: 0, Hi: n}}
			}
			starts, ends = append(starts, runs[0].Lo), append(ends, runs[len(runs)-1].Hi)
		}
	}
	if all {
		starts, ends = append(starts, 0), append(ends, n)
	}
	slices.Sort(starts)
	slices.Sort(ends)
	a.starts, a.ends = slices.Compact(starts), slices.Compact(ends)
}

// positions is where the axis is cut, the end last. It is not cut at an end shortly
// before a start, since a position more or less at a time is not worth a piece, but
// for the first end, so that the first tile waits for no more than it needs.
func (a *axisCuts) positions() []int32 {
	cuts := make([]int32, 0, len(a.starts)+len(a.ends))
	next := 0
	for i, end := range a.ends {
		for ; next < len(a.starts) && a.starts[next] <= end; next++ {
			cuts = append(cuts, a.starts[next])
		}
		if i == 0 || next == len(a.starts) || end+1 < a.starts[next] {
			cuts = append(cuts, end)
		}
	}
	return slices.Compact(cuts)
}

// spreadSharing leaves the constants that are shared, and those that an operand has as
// a part beside a shared one: all or none of an operand are pieces.
func spreadSharing(list []*constant) []*constant {
	shared := map[[2]int]bool{} // operands of layers
	for more := true; more; {
		more = false
		for _, c := range list {
			c.shared = c.shared || slices.ContainsFunc(c.readers, func(r *constantReader) bool { return shared[[2]int{r.layer, r.operand}] })
			if !c.shared {
				continue
			}
			for _, r := range c.readers {
				if at := [2]int{r.layer, r.operand}; !shared[at] {
					shared[at], more = true, true
				}
			}
		}
	}
	return slices.DeleteFunc(list, func(c *constant) bool { return !c.shared })
}

// piecer makes the pieces of constants, in the order in which nodes read them.
type piecer struct {
	*taskgraph.Tiled
	parts   *taskgraph.Parts
	pieces  *taskgraph.Pieces
	tensors []taskgraph.Tensor // the pieces
	byLayer map[int][]pieceReader
}

type pieceReader struct {
	*constantReader
	of    *constant
	index int32 // of the constant
}

func (p *piecer) add(c *constant) {
	index := int32(len(p.pieces.Stored))
	p.pieces.Stored = append(p.pieces.Stored, taskgraph.Stored{Name: c.name, Shape: c.shape, Dims: c.dims(p.Tiled)})
	count := 1
	for d := range c.grid.Cuts {
		count *= c.grid.Cuts[d].Parts()
	}
	c.pieces = make([]taskgraph.TensorID, count)
	for i := range c.pieces {
		c.pieces[i] = -1
	}
	for _, r := range c.readers {
		p.byLayer[r.layer] = append(p.byLayer[r.layer], pieceReader{r, c, index})
	}
}

// dims names the axes as the first operand does that reads the constant as it is.
func (c *constant) dims(t *taskgraph.Tiled) []workload.Dim {
	dims := slices.Clone(c.grid.Operands[0].Dims)
	for _, r := range c.readers {
		op := &t.Layers[r.layer].Operands[r.operand]
		if len(op.Axes) != len(dims) || len(r.via) > 1 || slices.ContainsFunc(r.via[0], func(m workload.Movement) bool { return m.Kind != workload.Transparent }) {
			continue
		}
		begin := 0
		for i, end := range op.Axes {
			if end-begin == 1 {
				dims[i] = op.Dims[begin]
			}
			begin = end
		}
		break
	}
	return dims
}

// layer finds out which pieces the nodes of a layer read.
func (p *piecer) layer(index int) {
	readers := p.byLayer[index]
	slices.SortStableFunc(readers, func(a, b pieceReader) int { return a.operand - b.operand })
	if len(readers) == 0 {
		return
	}
	l := &p.Layers[index]
	parts := make([]int32, len(l.Dims))
	var reads, spare []hit
	for sub, n := range l.Nodes {
		l.Parts(sub, parts)
		for i := range readers {
			r := &readers[i]
			block := p.Nodes[n].Operands[r.operand]
			if p.Tensors[block].Origin != n {
				continue // it is another node's, too, that came before
			}
			reads, spare = r.way.tiles(parts, reads, spare)
			for _, h := range reads {
				p.read(r, n, block, h)
			}
			if i+1 == len(readers) || readers[i+1].operand != r.operand {
				p.endBlock(block)
			}
		}
	}
}

// read notes that a block has a part of a piece.
func (p *piecer) read(r *pieceReader, n taskgraph.NodeID, block taskgraph.TensorID, h hit) {
	x := &r.of.pieces[h.offset]
	known := *x >= 0
	if !known {
		*x = p.pieces.First + taskgraph.TensorID(len(p.tensors))
		p.tensors = append(p.tensors, r.of.piece(h.offset, p.Nodes[n].Layer, int8(r.operand), n))
		p.pieces.Of = append(p.pieces.Of, r.index)
		p.pieces.Joint = append(p.pieces.Joint, h.part)
	}
	i := *x - p.pieces.First
	p.tensors[i].Uses += p.Tensors[block].Uses
	if known {
		p.pieces.Joint[i] = p.parts.Union(p.pieces.Joint[i], h.part)
	}
	p.pieces.Reads = append(p.pieces.Reads, taskgraph.Read{Tensor: *x, Part: h.part})
}

// piece is the piece at a place in the grid, which a node is the first to read.
func (c *constant) piece(place int32, layer int32, operand int8, n taskgraph.NodeID) taskgraph.Tensor {
	axes := len(c.shape)
	if len(c.ranges) < axes {
		c.ranges = make([]taskgraph.Range, axes*min(len(c.pieces), piecesAtOnce))
	}
	x := taskgraph.Tensor{Layer: layer, Operand: operand, Constant: true, Origin: n, Bits: c.bits, Ranges: c.ranges[:axes:axes]}
	c.ranges = c.ranges[axes:]
	for d := axes - 1; d >= 0; d-- {
		cut := &c.grid.Cuts[d]
		x.Ranges[d] = cut.Range(place % int32(cut.Parts()))
		x.Bits *= unit.Bits(x.Ranges[d].Len())
		place /= int32(cut.Parts())
	}
	return x
}

// piecesAtOnce is for how many pieces room for ranges is made at a time.
const piecesAtOnce = 256

// endBlock ends the list of what a block is made of.
func (p *piecer) endBlock(block taskgraph.TensorID) {
	p.Tensors[block].Constant = false
	end := int32(len(p.pieces.Reads))
	if end > p.pieces.Start[len(p.pieces.Start)-1] {
		p.pieces.Blocks = append(p.pieces.Blocks, block)
		p.pieces.Start = append(p.pieces.Start, end)
	}
}

// needPieces makes the room that classes of nodes need that of the pieces that they
// read, as far as a core may have to hold them: what any node reads of each.
func needPieces(g *taskgraph.Graph) {
	if g.Pieces == nil {
		return
	}
	bits := make([]unit.Bits, len(g.Pieces.Joint))
	for i, part := range g.Pieces.Joint {
		bits[i] = g.Parts.Bits(&g.Tensors[int(g.Pieces.First)+i], part)
	}
	for n := range g.Nodes {
		id, node := taskgraph.NodeID(n), &g.Nodes[n]
		class := &g.Classes[node.Class]
		for k := 1; k < len(node.Operands); k++ {
			var need unit.Bits
			for r := range g.Constants(id, k) {
				if g.Pieces.First <= r.Tensor {
					need += bits[r.Tensor-g.Pieces.First]
				}
			}
			if need == 0 {
				continue
			}
			for e := range g.In(id) {
				if int(e.Operand) == k {
					need += wholeTile(g, e.Src)
				}
			}
			class.Need[k] = max(class.Need[k], need)
		}
	}
}
