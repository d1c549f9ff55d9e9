// Package connect turns computation nodes into a graph: it finds out which node
// needs whose results, and how many bits of them.
//
// Three kinds of edges make up the graph. Nodes of one layer and group follow each
// other in the order of their numbers. A node follows those nodes of another
// layer whose output it reads: because tilings are regular grids, these are
// found by arithmetic on the loop ranges, dimension by dimension (see factor),
// through any reshapes and transpositions between the layers (see passage). And
// where a reduction is cut, a node follows those to whose partial sums it adds
// (see sums).
package connect

import (
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
	if r.WholeTileEdges {
		p := published{Tiled: t, rules: r}
		return p.graph()
	}
	links, err := exactLinks(t)
	if err != nil {
		return nil, err
	}
	count := len(t.Nodes) // at least the edges of the chains
	for _, l := range links {
		count += l.count()
	}
	edges := chains(t, make([]taskgraph.Edge, 0, count))
	for i := range t.Layers {
		edges = sums(t, &t.Layers[i], edges)
	}
	for _, l := range links {
		producer := &t.Layers[t.Nodes[l.first].Layer]
		element := producer.Operands[0].FinalBits
		edges = l.edges(edges, func(_ taskgraph.NodeID, elements int64) unit.Bits {
			return unit.Bits(elements) * element
		})
	}
	g := taskgraph.New(t.Layers, t.Nodes, t.Tensors, edges)
	classifyByNeed(g)
	return g, nil
}

// chains appends the edges that order the nodes of each group.
func chains(t *taskgraph.Tiled, edges []taskgraph.Edge) []taskgraph.Edge {
	for i := range t.Layers {
		l := &t.Layers[i]
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
	}
	return edges
}

// exactLinks relates every computed operand to the layer that computes it.
func exactLinks(t *taskgraph.Tiled) ([]*link, error) {
	var links []*link
	var problems diag.List
	for c := range t.Layers {
		for k := range t.Layers[c].Operands {
			source := t.Layers[c].Operands[k].Source
			if source.Kind != workload.FromLayer {
				continue
			}
			factors, err := exactFactors(&t.Layers[source.Layer], &t.Layers[c], k)
			if err != nil {
				problems = append(problems, *err)
				continue
			}
			links = append(links, newLink(t, source.Layer, c, k, factors))
		}
	}
	return links, problems.Err()
}
