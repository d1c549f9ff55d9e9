package connect

import (
	"slices"

	"streamdse/internal/diag"
	"streamdse/rules"
	"streamdse/taskgraph"
	"streamdse/unit"
	"streamdse/workload"
)

// published connects nodes as the scheduler published in November 2024 does:
// dependencies by overlap of bounding boxes, or, where a reshape or transposition
// lies between two layers, by common elements; each with all that its producer
// makes.
type published struct {
	*taskgraph.Tiled
	rules rules.Rules

	edges []taskgraph.Edge
	// produced is what each node is said to make. Passing a reshape or
	// transposition counts it again (Rules.InflatedBits).
	produced []unit.Bits
	// real counts the dependencies on other layers, before any are merged.
	real []int32
}

func (p *published) graph() (*taskgraph.Graph, error) {
	for i := range p.Layers {
		p.edges = chains(p.Tiled, &p.Layers[i], p.edges)
	}
	p.produced = make([]unit.Bits, len(p.Nodes))
	p.real = make([]int32, len(p.Nodes))
	for n := range p.Nodes {
		p.produced[n] = p.Tensors[p.Nodes[n].Operands[0]].Bits
	}
	for _, pair := range p.pairs() {
		if err := p.connect(pair); err != nil {
			return nil, err
		}
	}
	if p.rules.OneEdgePerPair {
		p.mergeParallel()
	}
	if p.rules.LonelyNodesVanish {
		p.dropLonely()
	}
	g := taskgraph.New(p.Layers, p.Nodes, p.Tensors, p.edges)
	p.classify(g)
	return g, nil
}

// connect adds the edges between two layers. Only operands without movement
// count if there is one; otherwise all do.
func (p *published) connect(pair [2]int) error {
	producer, consumer := pair[0], pair[1]
	uses := p.usesOf(producer, consumer)
	direct := !shortest(uses).moves()
	before := len(p.edges)
	if !direct && p.rules.InflatedBits {
		p.countAgain(producer)
		p.countAgain(consumer)
	}
	for _, u := range uses {
		var factors []factor
		if direct {
			if u.moves() {
				continue
			}
			factors = boxFactors(&p.Layers[producer], &p.Layers[consumer], u.operand)
		}
		if factors == nil {
			var problem *diag.Problem
			if factors, problem = exactFactors(&p.Layers[producer], &p.Layers[consumer], u.operand, u.via, reading{hulls: true}); problem != nil {
				return diag.List{*problem}
			}
		}
		l := newLink(p.Tiled, producer, consumer, u.operand, factors, nil)
		p.edges = l.edges(p.edges, func(src taskgraph.NodeID, _ int64) unit.Bits { return p.produced[src] })
	}
	for _, e := range p.edges[before:] {
		p.real[e.Dst]++
	}
	return nil
}

// use is an operand of a layer that reads the output of another.
type use struct {
	operand int
	via     [][]workload.Movement
}

// usesOf lists what a layer reads from the given one: I before W for layers with
// windows, W before I for others.
func (p *published) usesOf(producer, consumer int) []use {
	l := &p.Layers[consumer]
	var list []use
	for k := range l.Operands {
		for _, w := range ways(&l.Operands[k]) {
			if w.producer == producer {
				list = append(list, use{k, w.via})
			}
		}
	}
	if len(l.Relations) == 0 {
		slices.Reverse(list)
	}
	return list
}

// shortest is the use on the shortest way from layer to layer.
func shortest(uses []use) use {
	return slices.MinFunc(uses, func(a, b use) int { return a.length() - b.length() })
}

func (u use) length() int {
	n := len(u.via[0])
	for _, v := range u.via {
		n = min(n, len(v))
	}
	return n
}

// moves tells whether data moves on the way.
func (u use) moves() bool {
	return slices.ContainsFunc(u.via, func(via []workload.Movement) bool {
		return slices.ContainsFunc(via, func(m workload.Movement) bool { return m.Kind != workload.Transparent })
	})
}

// countAgain adds to each node of a layer the part of its output that no earlier
// node of the layer covers.
func (p *published) countAgain(layer int) {
	covered := map[taskgraph.TensorID]bool{}
	for _, n := range p.Layers[layer].Nodes {
		if t := p.Nodes[n].Operands[0]; !covered[t] {
			covered[t] = true
			p.produced[n] += p.Tensors[t].Bits
		}
	}
}

// mergeParallel keeps only the last of several edges between two nodes.
func (p *published) mergeParallel() {
	slices.SortStableFunc(p.edges, func(a, b taskgraph.Edge) int {
		if a.Dst != b.Dst {
			return int(a.Dst) - int(b.Dst)
		}
		return int(a.Src) - int(b.Src)
	})
	kept := p.edges[:0]
	for i, e := range p.edges {
		if i+1 < len(p.edges) && p.edges[i+1].Src == e.Src && p.edges[i+1].Dst == e.Dst {
			continue
		}
		kept = append(kept, e)
	}
	p.edges = kept
}

// dropLonely removes the nodes that no edge touches, and the tensors that only
// they use.
func (p *published) dropLonely() {
	touched := make([]bool, len(p.Nodes))
	for _, e := range p.edges {
		touched[e.Src], touched[e.Dst] = true, true
	}
	if !slices.Contains(touched, false) {
		return
	}
	node := make([]taskgraph.NodeID, len(p.Nodes))
	tensor := make([]taskgraph.TensorID, len(p.Tensors))
	for i := range tensor {
		tensor[i] = -1
	}
	var nodes []taskgraph.Node
	var tensors []taskgraph.Tensor
	for n := range p.Nodes {
		if !touched[n] {
			continue
		}
		id := taskgraph.NodeID(len(nodes))
		node[n] = id
		p.produced[id], p.real[id] = p.produced[n], p.real[n]
		kept := p.Nodes[n]
		for k, t := range kept.Operands {
			if tensor[t] < 0 {
				tensor[t] = taskgraph.TensorID(len(tensors))
				tensors = append(tensors, p.Tensors[t])
				tensors[tensor[t]].Origin = id
			}
			kept.Operands[k] = tensor[t]
		}
		nodes = append(nodes, kept)
	}
	for i := range p.edges {
		e := &p.edges[i]
		e.Src, e.Dst = node[e.Src], node[e.Dst]
	}
	for i := range p.Layers {
		l := &p.Layers[i]
		var left []taskgraph.NodeID
		for _, n := range l.Nodes {
			if touched[n] {
				left = append(left, node[n])
			}
		}
		l.Nodes = left
	}
	p.Nodes, p.Tensors = nodes, tensors
	p.produced, p.real = p.produced[:len(nodes)], p.real[:len(nodes)]
}

// classify tells nodes apart by layer, tile sizes and number of dependencies on
// other layers. Nodes in groups of several come before lone ones.
func (p *published) classify(g *taskgraph.Graph) {
	var order []taskgraph.NodeID
	for i := range g.Layers {
		l := &g.Layers[i]
		members := make([][]taskgraph.NodeID, l.Groups)
		for _, n := range l.Nodes {
			members[g.Nodes[n].Group] = append(members[g.Nodes[n].Group], n)
		}
		for _, several := range []bool{true, false} {
			for _, group := range members {
				if len(group) > 1 == several {
					order = append(order, group...)
				}
			}
		}
	}
	classify(g, order, func(key []byte, n taskgraph.NodeID) []byte {
		node := &g.Nodes[n]
		key = appendUvarints(key, int(node.Layer), int(p.real[n]))
		for _, r := range node.Ranges {
			key = appendUvarints(key, r.Len())
		}
		return key
	}, newArrivals(g, func(_ taskgraph.NodeID, p taskgraph.Payload) unit.Bits { return p.Bits }))
}
