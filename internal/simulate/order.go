package simulate

import (
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
	nodes := make([]taskgraph.NodeID, len(g.Nodes))
	for n := range nodes {
		nodes[n] = taskgraph.NodeID(n)
	}
	slices.SortFunc(nodes, func(a, b taskgraph.NodeID) int {
		if sa, sb := stack[g.Nodes[a].Layer], stack[g.Nodes[b].Layer]; sa != sb {
			return sa - sb
		}
		return int(b - a)
	})
	order := make([]int32, len(nodes))
	for i, n := range nodes {
		order[n] = int32(i)
	}
	return order
}
