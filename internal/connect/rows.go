package connect

import (
	"cmp"
	"slices"

	"streamdse/taskgraph"
	"streamdse/unit"
)

// joinOwn adds the edges within a layer: the chains of its groups and partial sums.
func joinOwn(b *taskgraph.Builder, t *taskgraph.Tiled, layer int) {
	l := &t.Layers[layer]
	chain, sum := chains(t, l, make([]taskgraph.Edge, 0, len(l.Nodes))), sums(t, l, nil)
	of := make([]taskgraph.RowID, len(l.Nodes))
	var row []taskgraph.End
	for i, n := range l.Nodes {
		row = row[:0]
		for _, edges := range []*[]taskgraph.Edge{&chain, &sum} { // both by ascending destination
			for ; len(*edges) > 0 && (*edges)[0].Dst == n; *edges = (*edges)[1:] {
				row = append(row, taskgraph.End{Node: (*edges)[0].Src, Payload: b.Payload((*edges)[0].Payload())})
			}
		}
		of[i] = b.Row(sorted(row))
	}
	b.Join(t.First[layer], t.First[layer], of)
}

// room tells about how many different rows of edges there are, and edges in them.
func room(t *taskgraph.Tiled, links []*link) (rows, ends int) {
	rows, ends = len(t.Nodes), len(t.Nodes)
	for _, k := range links {
		r, e := 1, 1
		for i := range k.factors { // of different loops
			r *= k.factors[i].rows()
			e *= max(1, len(k.factors[i].hits))
		}
		rows += min(r, k.consumer.NodeCount())
		ends += min(e, mostEnds*k.consumer.NodeCount())
	}
	return rows, ends
}

// mostEnds limits for how many edges a node room is made in advance.
const mostEnds = 32

// joinLinks adds the edges of all links from one layer to another. Nodes whose parts
// agree along all dimensions that choose what they read share a row.
func joinLinks(b *taskgraph.Builder, t *taskgraph.Tiled, links []*link) {
	consumer := links[0].consumer
	element := t.Layers[t.Nodes[links[0].first].Layer].Operands[0].FinalBits
	chosen := make([]bool, len(consumer.Dims))
	for _, k := range links {
		for i := range k.factors {
			for _, l := range k.factors[i].loops {
				chosen[l.dim] = true
			}
		}
	}
	rows := 1
	for d, by := range chosen {
		if by {
			rows *= consumer.Cuts[d].Parts()
		}
	}
	const unknown = taskgraph.NoRow - 1
	known := make([]taskgraph.RowID, rows)
	for i := range known {
		known[i] = unknown
	}
	of := make([]taskgraph.RowID, consumer.NodeCount())
	parts := make([]int32, len(consumer.Dims))
	var tiles, spare []hit
	var row []taskgraph.End
	for sub := range of {
		consumer.Parts(sub, parts)
		at := 0
		for d, by := range chosen {
			if by {
				at = at*consumer.Cuts[d].Parts() + int(parts[d])
			}
		}
		if known[at] == unknown {
			row = row[:0]
			for _, k := range links {
				tiles, spare = k.tiles(parts, tiles, spare)
				for _, h := range tiles {
					row = append(row, taskgraph.End{
						Node:    k.first + taskgraph.NodeID(h.offset),
						Payload: b.Payload(taskgraph.Payload{Operand: k.operand, Part: h.part, Bits: unit.Bits(h.count) * element}),
					})
				}
			}
			known[at] = b.Row(sorted(row))
		}
		of[sub] = known[at]
	}
	b.Join(links[0].first, links[0].own, of)
}

// sorted sorts ends by node; those of one node keep their order.
func sorted(ends []taskgraph.End) []taskgraph.End {
	order := func(x, y taskgraph.End) int { return cmp.Compare(x.Node, y.Node) }
	if !slices.IsSortedFunc(ends, order) {
		slices.SortStableFunc(ends, order)
	}
	return ends
}
