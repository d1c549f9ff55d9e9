package connect

import (
	"slices"

	"streamdse/taskgraph"
)

// sums appends the edges that carry partial sums within a layer. A block of the
// output that several nodes contribute to, each with a part of the reduction, is
// added up in two steps: every group adds up its own nodes' parts one after
// another, and the node that finishes the block, the last of them all, adds what
// the other groups have. So each other group's sum of a block moves once, and the
// groups work side by side until then.
func sums(t *taskgraph.Tiled, l *taskgraph.Layer, edges []taskgraph.Edge) []taskgraph.Edge {
	cut := false
	blocks := 1
	var out []int // dimensions of the output that are cut
	for d := range l.Dims {
		n := l.Cuts[d].Parts()
		switch {
		case n == 1:
		case slices.Contains(l.Operands[0].Dims, l.Dims[d].Dim):
			out = append(out, d)
			blocks *= n
		default:
			cut = true
		}
	}
	if !cut {
		return edges
	}
	last := make([]taskgraph.NodeID, blocks*l.Groups) // that contributed to a block, by group
	for i := range last {
		last[i] = -1
	}
	parts := make([]int32, len(l.Dims))
	for sub, n := range l.Nodes {
		l.Parts(sub, parts)
		block := 0
		for _, d := range out {
			block = block*l.Cuts[d].Parts() + int(parts[d])
		}
		node := &t.Nodes[n]
		groups := last[block*l.Groups : (block+1)*l.Groups]
		for g, before := range groups {
			if before >= 0 && (node.Final || g == int(node.Group)) {
				bits := t.Tensors[t.Nodes[before].Operands[0]].Bits
				edges = append(edges, taskgraph.Edge{Src: before, Dst: n, Bits: bits})
			}
		}
		groups[node.Group] = n
	}
	return edges
}
