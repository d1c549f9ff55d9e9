package simulate

import (
	"cmp"
	"slices"

	"streamdse/taskgraph"
)

// Order is the scheduling order: the stacks one after another, within a stack the
// deepest layer first and the last node of a layer first. It returns the place of
// each node, the priority of Problem. Stacks hold indices of Graph.Layers; without
// any, the stack of each layer is the one that the graph gives.
func Order(g *taskgraph.Graph, stacks [][]int) []int32 {
	stack := make([]int, len(g.Layers))
	for l := range g.Layers {
		stack[l] = g.Layers[l].Stack
		if stacks != nil {
			stack[l] = len(stacks) + l // a layer of no stack comes later, by itself
		}
	}
	for i, s := range stacks {
		for _, l := range s {
			stack[l] = i
		}
	}
	return sorted(g, func(a, b taskgraph.NodeID) int {
		return cmp.Or(stack[g.Nodes[a].Layer]-stack[g.Nodes[b].Layer], int(b-a))
	})
}

// Ascending is the order of the nodes' ids: layer by layer, as far as there is a
// choice. It breaks the ties of Problem.EarliestReady.
func Ascending(g *taskgraph.Graph) []int32 {
	return sorted(g, func(a, b taskgraph.NodeID) int { return int(a - b) })
}

// Deepest has the deepest layer first whatever its stack, then the lowest group,
// then the last node: what frees memory earliest (the "memory" selection of Stream's
// first scheduler, 2023).
func Deepest(g *taskgraph.Graph) []int32 {
	return sorted(g, func(a, b taskgraph.NodeID) int {
		x, y := &g.Nodes[a], &g.Nodes[b]
		return cmp.Or(cmp.Compare(y.Layer, x.Layer), cmp.Compare(x.Group, y.Group), cmp.Compare(y.Sub, x.Sub))
	})
}

// Listed has the given nodes first, in their order, and the others as in Order. A
// node that is listed twice counts where it stands first.
func Listed(g *taskgraph.Graph, first []taskgraph.NodeID) []int32 {
	place := Order(g, nil)
	for i := range place {
		place[i] += int32(len(first))
	}
	for i, n := range slices.Backward(first) {
		place[n] = int32(i)
	}
	return sorted(g, func(a, b taskgraph.NodeID) int { return cmp.Compare(place[a], place[b]) })
}

// sorted returns the place of each node when they are sorted.
func sorted(g *taskgraph.Graph, compare func(a, b taskgraph.NodeID) int) []int32 {
	nodes := make([]taskgraph.NodeID, len(g.Nodes))
	for n := range nodes {
		nodes[n] = taskgraph.NodeID(n)
	}
	slices.SortFunc(nodes, compare)
	order := make([]int32, len(nodes))
	for i, n := range nodes {
		order[n] = int32(i)
	}
	return order
}
