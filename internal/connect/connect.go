// Package connect turns computation nodes into a graph: it finds out which node
// needs whose results, and how many bits of them.
//
// Three kinds of edges make up the graph. Nodes of one layer and group follow each
// other in the order of their numbers. A node follows those nodes of another
// layer whose output it reads: because tilings are regular grids, these are
// found by arithmetic on the loop ranges, dimension by dimension (see factor),
// through any reshapes, transpositions and selections between the layers (see
// passage). And where a reduction is cut, a node follows those to whose partial
// sums it adds (see sums).
package connect

import (
	"fmt"
	"slices"

	"streamdse/internal/diag"
	"streamdse/rules"
	"streamdse/taskgraph"
	"streamdse/unit"
	"streamdse/workload"
)

// Graph connects the nodes of a network. It takes t over: the graph shares its
// slices. The error is a diag.List that names the layers between which data
// cannot pass.
func Graph(t *taskgraph.Tiled, r rules.Rules) (*taskgraph.Graph, error) {
	if err := countStored(t, reading{hulls: r.WholeTileEdges}); err != nil {
		return nil, err
	}
	if r.WholeTileEdges {
		p := published{Tiled: t, rules: r}
		return p.graph()
	}
	parts := taskgraph.NewParts(nil)
	links, err := exactLinks(t, reading{parts: parts})
	if err != nil {
		return nil, err
	}
	pieces := cutConstants(t, r, parts) // adds tensors
	b := taskgraph.NewBuilder(t.Layers, t.Nodes, t.Tensors)
	b.Reserve(room(t, links))
	for c := range t.Layers {
		joinOwn(b, t, c)
		// Links to this layer from the same one are joined together.
		var mine []*link
		for ; len(links) > 0 && links[0].own == t.First[c]; links = links[1:] {
			mine = append(mine, links[0])
		}
		for len(mine) > 0 {
			first := mine[0].first
			joinLinks(b, t, slices.DeleteFunc(slices.Clone(mine), func(k *link) bool { return k.first != first }))
			mine = slices.DeleteFunc(mine, func(k *link) bool { return k.first == first })
		}
	}
	g := b.Graph()
	g.Parts, g.Pieces = parts, pieces
	classifyByNeed(g)
	needPieces(g)
	return g, nil
}

// chains appends the edges that order the nodes of each group of a layer.
func chains(t *taskgraph.Tiled, l *taskgraph.Layer, edges []taskgraph.Edge) []taskgraph.Edge {
	last := make([]taskgraph.NodeID, l.Groups)
	for g := range last {
		last[g] = -1
	}
	for _, n := range l.Nodes {
		g := t.Nodes[n].Group
		if last[g] >= 0 {
			edges = append(edges, taskgraph.Edge{Src: last[g], Dst: n})
		}
		last[g] = n
	}
	return edges
}

// way is how an operand reads the output of a layer: along one or, as several
// parts of the operand, more sequences of movements.
type way struct {
	producer int
	via      [][]workload.Movement
}

// ways lists the layers that an operand reads, in the order of its parts.
func ways(op *workload.Operand) []way {
	var list []way
	for _, o := range op.Source.Origins() {
		if o.Kind != workload.FromLayer {
			continue
		}
		i := slices.IndexFunc(list, func(w way) bool { return w.producer == o.Layer })
		if i < 0 {
			i = len(list)
			list = append(list, way{producer: o.Layer})
		}
		list[i].via = append(list[i].via, o.Via)
	}
	return list
}

// exactLinks relates every computed operand to the layers that compute it.
func exactLinks(t *taskgraph.Tiled, how reading) ([]*link, error) {
	var links []*link
	var problems diag.List
	for c := range t.Layers {
		for k := range t.Layers[c].Operands {
			for _, w := range ways(&t.Layers[c].Operands[k]) {
				factors, err := exactFactors(&t.Layers[w.producer], &t.Layers[c], k, w.via, how)
				if err != nil {
					problems = append(problems, *err)
					continue
				}
				links = append(links, newLink(t, w.producer, c, k, factors, how.parts))
			}
		}
	}
	return links, problems.Err()
}

// countStored corrects the sizes of operands that only partly come from off-chip
// memory: what is constant of their blocks, and to be fetched, are the parts that
// no layer computes.
func countStored(t *taskgraph.Tiled, how reading) error {
	var problems diag.List
	for c := range t.Layers {
		layer := &t.Layers[c]
		for k := range layer.Operands {
			op := &layer.Operands[k]
			if op.Source.Kind != workload.FromParts || !op.Source.Stored() {
				continue
			}
			elements := make([]int64, layer.NodeCount())
			for _, part := range op.Source.Parts {
				if !part.Constant() {
					continue
				}
				factors, err := exactFactors(stored(part.Shape, nil), layer, k, [][]workload.Movement{part.Via}, how)
				if err != nil {
					problems = append(problems, *err)
					continue
				}
				l := link{consumer: layer, base: hit{count: 1}, factors: factors}
				for _, e := range l.edges(nil, func(_ taskgraph.NodeID, n int64) unit.Bits { return unit.Bits(n) }) {
					elements[e.Dst] += int64(e.Bits)
				}
			}
			for _, n := range layer.Nodes {
				node := &t.Nodes[n]
				x := &t.Tensors[node.Operands[k]]
				x.Bits = unit.Bits(elements[node.Sub]) * op.FinalBits
				x.Constant = x.Bits > 0
			}
		}
	}
	return problems.Err()
}

// stored stands for a tensor in off-chip memory: the output of a layer that is cut
// where the positions of each axis begin, or not cut if cuts is nil.
func stored(shape []int, cuts [][]int32) *taskgraph.Layer {
	out := workload.Operand{Name: "O"}
	spec := &workload.Layer{OutputShape: shape}
	l := &taskgraph.Layer{Layer: spec}
	for i, n := range shape {
		d := workload.Dim(fmt.Sprintf("D%d", i))
		spec.Dims = append(spec.Dims, workload.LoopDim{Dim: d, Size: n})
		out.Dims, out.Axes = append(out.Dims, d), append(out.Axes, i+1)
		starts := []int32{0, int32(n)}
		if cuts != nil {
			starts = cuts[i]
		}
		l.Cuts = append(l.Cuts, taskgraph.Cut{Starts: starts, Offset: make([]int32, len(starts)-1)})
	}
	parts := int32(1) // the last axis fastest
	for i := len(shape) - 1; i >= 0; i-- {
		offset := l.Cuts[i].Offset
		for k := range offset {
			offset[k] = int32(k) * parts
		}
		parts *= int32(len(offset))
	}
	spec.Operands = []workload.Operand{out}
	return l
}
