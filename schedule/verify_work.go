package schedule

import (
	"cmp"
	"slices"

	"streamdse/taskgraph"
)

// work checks that the nodes of every layer cover its loop nest: exactly once or,
// where parts of a dimension overlap, as often as its cuts say and so at least once.
//
// The nodes are the cells of a grid. So they cover the nest if the parts of each
// dimension cover it and every combination of parts has its node.
func (v *verifier) work() *Violation {
	if v.r.TilesEnlargeLayer || v.r.LonelyNodesVanish {
		return nil
	}
	listed := 0
	for l := range v.g.Layers {
		if broken := v.covers(int32(l)); broken != nil {
			return broken
		}
		listed += len(v.g.Layers[l].Nodes)
	}
	if listed != len(v.g.Nodes) {
		return v.broken(RuleWork, -1, v.s.Latency, "the layers list %d of %d nodes", listed, len(v.g.Nodes))
	}
	return nil
}

// covers checks one layer.
func (v *verifier) covers(l int32) *Violation {
	layer := &v.g.Layers[l]
	if len(layer.Nodes) == 0 {
		return v.broken(RuleWork, -1, v.s.Latency, "layer %s has no nodes", layerName(v.g, l))
	}
	for _, n := range layer.Nodes {
		if n < 0 || int(n) >= len(v.g.Nodes) || v.g.Nodes[n].Layer != l {
			return v.broken(RuleWork, -1, v.s.Latency, "layer %s lists node %d, which is none of its nodes", layerName(v.g, l), n)
		}
		node := &v.g.Nodes[n]
		if len(node.Ranges) != len(layer.Dims) {
			return v.broken(RuleWork, n, v.s.Tasks[n].Start, "it has ranges of %d dimensions, the layer has %d", len(node.Ranges), len(layer.Dims))
		}
		for d, r := range node.Ranges {
			if dim := layer.Dims[d]; r.Lo < 0 || r.Lo >= r.Hi || int(r.Hi) > dim.Size {
				return v.broken(RuleWork, n, v.s.Tasks[n].Start, "its range [%d, %d) of %s is not within [0, %d)", r.Lo, r.Hi, dim.Dim, dim.Size)
			}
		}
	}
	if len(layer.Dims) == 0 {
		return nil // no loop nest is known
	}
	parts := make([]dimParts, len(layer.Dims))
	for d := range layer.Dims {
		parts[d] = v.partsOf(layer, d)
		if broken := v.partition(l, d, &parts[d]); broken != nil {
			return broken
		}
	}
	return v.grid(l, parts)
}

// dimParts are the different ranges that nodes have of a dimension.
type dimParts struct {
	number map[taskgraph.Range]int
	list   []taskgraph.Range  // by number
	first  []taskgraph.NodeID // by number: a node that has it
	often  []int              // by number: how many parts of the dimension have this range
	last   taskgraph.Range    // looked up
	lastAt int
}

// at is the number of a range. Neighbours often have the same.
func (p *dimParts) at(r taskgraph.Range) int {
	if r != p.last {
		p.last, p.lastAt = r, p.number[r]
	}
	return p.lastAt
}

func (v *verifier) partsOf(layer *taskgraph.Layer, d int) dimParts {
	p := dimParts{number: map[taskgraph.Range]int{}}
	for _, n := range layer.Nodes {
		r := v.g.Nodes[n].Ranges[d]
		if len(p.list) > 0 && r == p.last {
			continue
		}
		p.last = r
		if _, known := p.number[r]; !known {
			p.number[r] = len(p.list)
			p.list, p.first, p.often = append(p.list, r), append(p.first, n), append(p.often, 1)
		}
	}
	p.lastAt = p.number[p.last]
	if overlap(layer, d) { // parts that grow towards their neighbours may become equal
		clear(p.often)
		cut := &layer.Cuts[d]
		for i := range int32(cut.Parts()) {
			if k, ok := p.number[cut.Range(i)]; ok {
				p.often[k]++
			}
		}
	}
	return p
}

// overlap tells whether nodes may recompute what others compute along a dimension.
func overlap(layer *taskgraph.Layer, d int) bool {
	return d < len(layer.Cuts) && layer.Cuts[d].Ends != nil
}

// partition checks that the parts of a dimension cover it without gaps and, unless
// they are meant to, without overlaps.
func (v *verifier) partition(l int32, d int, p *dimParts) *Violation {
	layer := &v.g.Layers[l]
	dim, shared := layer.Dims[d], overlap(layer, d)
	order := make([]int, len(p.list))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(p.list[a].Lo, p.list[b].Lo), cmp.Compare(p.list[a].Hi, p.list[b].Hi))
	})
	end := int32(0)
	for _, k := range order {
		r, n := p.list[k], p.first[k]
		switch {
		case r.Lo > end:
			return v.broken(RuleWork, -1, v.s.Latency, "no node of layer %s does [%d, %d) of %s", layerName(v.g, l), end, r.Lo, dim.Dim)
		case r.Lo < end && !shared:
			return v.broken(RuleWork, n, v.s.Tasks[n].Start, "its range [%d, %d) of %s overlaps that of others, up to %d", r.Lo, r.Hi, dim.Dim, end)
		case p.often[k] == 0:
			return v.broken(RuleWork, n, v.s.Tasks[n].Start, "its range [%d, %d) of %s is no part of that dimension", r.Lo, r.Hi, dim.Dim)
		}
		end = max(end, r.Hi)
	}
	if int(end) < dim.Size {
		return v.broken(RuleWork, -1, v.s.Latency, "no node of layer %s does [%d, %d) of %s", layerName(v.g, l), end, dim.Size, dim.Dim)
	}
	return nil
}

// grid checks that every combination of the parts of the dimensions has as many
// nodes as it should.
func (v *verifier) grid(l int32, parts []dimParts) *Violation {
	layer := &v.g.Layers[l]
	cells, nodes := 1, 1
	for d := range parts {
		all := 0
		for _, often := range parts[d].often {
			all += often
		}
		nodes *= all
		if cells *= len(parts[d].list); cells > len(layer.Nodes) || nodes > len(layer.Nodes) {
			return v.broken(RuleWork, -1, v.s.Latency, "the %d nodes of layer %s are too few for all combinations of their ranges", len(layer.Nodes), layerName(v.g, l))
		}
	}
	done := make([]int32, cells)
	for _, n := range layer.Nodes {
		cell, want := 0, 1
		for d, r := range v.g.Nodes[n].Ranges {
			k := parts[d].at(r)
			cell, want = cell*len(parts[d].list)+k, want*parts[d].often[k]
		}
		if done[cell]++; int(done[cell]) > want {
			return v.broken(RuleWork, n, v.s.Tasks[n].Start, "it does what another node of its layer does")
		}
	}
	return nil
}
