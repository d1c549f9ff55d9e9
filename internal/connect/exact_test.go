package connect

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"streamdse/rules"
	"streamdse/taskgraph"
	"streamdse/unit"
	"streamdse/workload"
)

// TestExactDependencies compares the graphs of random networks with what follows
// from looking at every single element.
func TestExactDependencies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, m, stacks := randomNetwork(t)
		g := build(t, w, m, stacks, rules.Default())
		for i := range g.Layers {
			checkWork(t, g, i)
		}
		got := map[taskgraph.Edge]int{}
		for e := range g.Edges() {
			if e.Src >= e.Dst {
				t.Fatalf("edge %v runs backwards", e)
			}
			e.Part = 0
			got[e]++
		}
		for e := range chainsOneByOne(g) {
			got[e]--
		}
		for e := range sumsOneByOne(g) {
			got[e]--
		}
		for i := range g.Layers {
			for k := range g.Layers[i].Operands {
				for e := range elementwiseEdges(t, g, i, k) {
					got[e]--
				}
			}
		}
		for e, n := range got {
			if n != 0 {
				t.Errorf("edge %+v (%s to %s) occurs %d times too often", e, layerOf(g, e.Src), layerOf(g, e.Dst), n)
			}
		}
		checkClasses(t, g)
	})
}

func layerOf(g *taskgraph.Graph, n taskgraph.NodeID) string { return g.Layers[g.Nodes[n].Layer].Name }

// checkWork checks that the nodes of a layer do all of its work once, and that
// exactly one of them finishes each element of its output.
func checkWork(t *rapid.T, g *taskgraph.Graph, layer int) {
	l := &g.Layers[layer]
	var work int64
	for _, n := range l.Nodes {
		tile := g.Tile(n)
		work += tile.MACs()
	}
	if work != l.MACs() {
		t.Errorf("layer %s: its nodes do %d of %d operations", l.Name, work, l.MACs())
	}
	for d, cut := range l.Cuts {
		var lengths []int32
		for p := range int32(cut.Parts()) {
			lengths = append(lengths, int32(cut.Range(p).Len()))
		}
		slices.Sort(lengths)
		if n := len(slices.Compact(lengths)); n > 2 || lengths[0] < 1 {
			t.Errorf("layer %s: dimension %d has parts of sizes %v", l.Name, d, lengths)
		}
	}
	for e, finished := range finishers(g, layer) {
		if len(finished) != 1 {
			t.Fatalf("layer %s: element %d of the output is finished by nodes %v", l.Name, e, finished)
		}
	}
}

// each visits every combination of positions in some ranges.
func each(ranges []taskgraph.Range, visit func(at []int)) {
	at := make([]int, len(ranges))
	var loop func(i int)
	loop = func(i int) {
		if i == len(ranges) {
			visit(at)
			return
		}
		for x := ranges[i].Lo; x < ranges[i].Hi; x++ {
			at[i] = int(x)
			loop(i + 1)
		}
	}
	loop(0)
}

// eachRead visits the positions of an operand that a node reads, padding included:
// those of its tensor that some step of its loops reaches.
func eachRead(g *taskgraph.Graph, n taskgraph.NodeID, operand int, visit func(at []int)) {
	node := &g.Nodes[n]
	l := &g.Layers[node.Layer]
	dims := l.Operands[operand].Dims
	reached := make([]map[int]bool, len(dims))
	for i, d := range dims {
		r := l.Relation(d)
		if r == nil {
			continue
		}
		loop := func(d workload.Dim) taskgraph.Range {
			if k := slices.IndexFunc(l.Dims, func(x workload.LoopDim) bool { return x.Dim == d }); k >= 0 {
				return node.Ranges[k]
			}
			return taskgraph.Range{Hi: 1}
		}
		reached[i] = map[int]bool{}
		each([]taskgraph.Range{loop(r.A), loop(r.B)}, func(at []int) {
			for x := r.At(at[0], at[1]); x <= r.Last(at[0], at[1]); x++ {
				reached[i][x] = true
			}
		})
	}
	each(g.Tensors[node.Operands[operand]].Ranges, func(at []int) {
		for i, x := range at {
			if reached[i] != nil && !reached[i][x] {
				return
			}
		}
		visit(at)
	})
}

// finishers lists for each element of a layer's output, in row-major order, the
// nodes that complete it.
func finishers(g *taskgraph.Graph, layer int) [][]taskgraph.NodeID {
	l := &g.Layers[layer]
	out := l.Operands[0]
	elements := 1
	for _, d := range out.Dims {
		elements *= l.Size(d)
	}
	list := make([][]taskgraph.NodeID, elements)
	for _, n := range l.Nodes {
		node := &g.Nodes[n]
		if !node.Final {
			continue
		}
		each(g.Tensors[node.Operands[0]].Ranges, func(at []int) {
			e := 0
			for i, d := range out.Dims {
				e = e*l.Size(d) + at[i]
			}
			list[e] = append(list[e], n)
		})
	}
	return list
}

// chainsOneByOne lists the edges that order groups.
func chainsOneByOne(g *taskgraph.Graph) map[taskgraph.Edge]bool {
	edges := map[taskgraph.Edge]bool{}
	for i := range g.Layers {
		for _, n := range g.Layers[i].Nodes {
			for _, next := range g.Layers[i].Nodes {
				if next > n && g.Nodes[next].Group == g.Nodes[n].Group {
					edges[taskgraph.Edge{Src: n, Dst: next}] = true
					break
				}
			}
		}
	}
	return edges
}

// sumsOneByOne lists the edges that carry partial sums: for every node that
// finishes a block, those of each group that contribute to the block lead from one
// to the next, and the last of each group leads to that node.
func sumsOneByOne(g *taskgraph.Graph) map[taskgraph.Edge]bool {
	edges := map[taskgraph.Edge]bool{}
	block := func(n taskgraph.NodeID) []taskgraph.Range { return g.Tensors[g.Nodes[n].Operands[0]].Ranges }
	for i := range g.Layers {
		l := &g.Layers[i]
		for _, final := range l.Nodes {
			if !g.Nodes[final].Final {
				continue
			}
			elements := 1
			for _, r := range block(final) {
				elements *= r.Len()
			}
			for group := range int32(l.Groups) {
				var chain []taskgraph.NodeID
				for _, n := range l.Nodes {
					if n != final && g.Nodes[n].Group == group && slices.Equal(block(n), block(final)) {
						chain = append(chain, n)
					}
				}
				chain = append(chain, final)
				for j := range len(chain) - 1 {
					edges[taskgraph.Edge{Src: chain[j], Dst: chain[j+1], Bits: 16 * unit.Bits(elements)}] = true
				}
			}
		}
	}
	return edges
}

// piece is where an element of an operand comes from: an element of one of its
// origins, which is computed by a layer or stored (layer -1), or from nowhere (-2).
type piece struct{ layer, element, origin int }

// carried follows every element of an operand's origins through all movements.
func carried(g *taskgraph.Graph, op *workload.Operand) (pieces []piece, shape []int) {
	for k, o := range op.Source.Origins() {
		layer, origin := -1, k
		shape = o.Shape
		switch o.Kind { // several parts may share elements
		case workload.FromLayer:
			layer, origin = o.Layer, 0
			shape = g.Layers[layer].OutputShape
		case workload.FromInput:
			origin = 0 // there is one
		}
		values := make([]piece, volume(shape))
		for i := range values {
			values[i] = piece{layer, i, origin}
		}
		for _, m := range o.Via {
			switch m.Kind {
			case workload.Transpose:
				values = transposed(values, shape, m.Perm)
			case workload.Select:
				values = selected(values, shape, m)
			}
			shape = m.Shape
		}
		if pieces == nil {
			pieces = values
			continue
		}
		for i, v := range values {
			if v.layer != -2 {
				if pieces[i].layer != -2 {
					panic("two parts give one element")
				}
				pieces[i] = v
			}
		}
	}
	return pieces, shape
}

func selected(values []piece, shape []int, m workload.Movement) []piece {
	inner := volume(shape[m.Axis+1:])
	var out []piece
	for outer := range volume(shape[:m.Axis]) {
		for _, r := range m.Runs {
			for i := range r.Count {
				for j := range inner {
					if r.Gap {
						out = append(out, piece{layer: -2})
					} else {
						out = append(out, values[(outer*shape[m.Axis]+r.From+i*r.Step)*inner+j])
					}
				}
			}
		}
	}
	return out
}

// elementwiseEdges finds the edges of an operand by carrying every element of the
// producers' outputs to the consumer and looking who reads it. It checks too how
// much the nodes read from off-chip memory.
func elementwiseEdges(t *rapid.T, g *taskgraph.Graph, layer, operand int) map[taskgraph.Edge]bool {
	l := &g.Layers[layer]
	op := l.Operands[operand]
	if operand == 0 || op.Source.Constant() && op.Source.Shape == nil {
		return nil
	}
	finished := map[int][][]taskgraph.NodeID{}
	for _, o := range op.Source.Origins() {
		if o.Kind == workload.FromLayer && finished[o.Layer] == nil {
			finished[o.Layer] = finishers(g, o.Layer)
		}
	}
	values, dims := follow(g, layer, operand)
	edges := map[taskgraph.Edge]bool{}
	for _, n := range l.Nodes {
		read := map[piece]bool{}
		stored := 0
		readBy(g, n, operand, values, dims, func(v piece) {
			if v.layer == -1 && !read[v] {
				stored++
			}
			read[v] = true
		})
		counts := map[taskgraph.NodeID]int{}
		for v := range read {
			if v.layer >= 0 {
				counts[finished[v.layer][v.element][0]]++
			}
		}
		for src, c := range counts {
			edges[taskgraph.Edge{Src: src, Dst: n, Operand: int8(operand), Bits: 8 * unit.Bits(c)}] = true
		}
		// Parts of pieces are sets of positions along each axis: where data moves on the
		// way, they may have some more.
		var bits unit.Bits
		for r := range g.Constants(n, operand) {
			bits += g.Parts.Bits(&g.Tensors[r.Tensor], r.Part)
		}
		if want := 8 * unit.Bits(stored); bits < want || bits > want && len(op.Source.Via) == 0 && op.Source.Kind != workload.FromParts {
			t.Errorf("%s operand %s: %d bits of constants are read, %d elements are stored", l.Name, op.Name, bits, stored)
		}
	}
	return edges
}

// readBy visits what a node reads of an operand, given where each element of it comes
// from and the extents of its dimensions.
func readBy(g *taskgraph.Graph, n taskgraph.NodeID, operand int, values []piece, dims []int, visit func(piece)) {
	eachRead(g, n, operand, func(at []int) {
		e := 0
		for i, x := range at {
			if x < 0 || x >= dims[i] {
				return
			}
			e = e*dims[i] + x
		}
		if values[e].layer != -2 {
			visit(values[e])
		}
	})
}

// follow finds where each element of an operand comes from, and the extents of its
// dimensions.
func follow(g *taskgraph.Graph, layer, operand int) (values []piece, dims []int) {
	l := &g.Layers[layer]
	op := l.Operands[operand]
	values, shape := carried(g, &op)
	// The indices of a convolution's channels stand in one axis.
	axis := 0
	for i, d := range op.Dims {
		begin := 0
		if axis > 0 {
			begin = op.Axes[axis-1]
		}
		if op.Axes[axis]-begin == 1 {
			dims = append(dims, shape[axis])
		} else {
			dims = append(dims, l.Size(d))
		}
		if i+1 == op.Axes[axis] {
			axis++
		}
	}
	return values, dims
}

func transposed(values []piece, shape, perm []int) []piece {
	strides := make([]int, len(shape))
	n := 1
	for i := len(shape) - 1; i >= 0; i-- {
		strides[i] = n
		n *= shape[i]
	}
	ranges := make([]taskgraph.Range, len(perm))
	for i, axis := range perm {
		ranges[i].Hi = int32(shape[axis])
	}
	var out []piece
	each(ranges, func(at []int) {
		e := 0
		for i, x := range at {
			e += x * strides[perm[i]]
		}
		out = append(out, values[e])
	})
	return out
}

// checkClasses checks that nodes of a class are alike in all that their cost
// depends on.
func checkClasses(t *rapid.T, g *taskgraph.Graph) {
	count := make([]int, len(g.Classes))
	for n := range g.Nodes {
		class := &g.Classes[g.Nodes[n].Class]
		count[g.Nodes[n].Class]++
		tile, first := g.Tile(taskgraph.NodeID(n)), g.Tile(class.Node)
		if !slices.Equal(tile.Dims, first.Dims) || tile.Type != first.Type || !slices.Equal(tile.Relations, first.Relations) {
			t.Errorf("node %d differs from node %d of its class", n, class.Node)
		}
		if !slices.Equal(class.Size, g.OperandBits(taskgraph.NodeID(n))) {
			t.Errorf("node %d touches other amounts of data than its class", n)
		}
	}
	for i, c := range g.Classes {
		if c.Nodes != count[i] {
			t.Errorf("class %d has %d nodes, not %d", i, count[i], c.Nodes)
		}
	}
}
