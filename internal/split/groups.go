package split

import (
	"slices"

	"streamdse/taskgraph"
)

// grouping numbers the groups of a layer's nodes in order of first appearance.
type grouping struct {
	key   func(parts []int32, ranges []taskgraph.Range) int64 // nil: one group
	known map[int64]int32
}

func (g *grouping) of(parts []int32, ranges []taskgraph.Range) int32 {
	if g.key == nil {
		return 0
	}
	k := g.key(parts, ranges)
	id, ok := g.known[k]
	if !ok {
		id = int32(len(g.known))
		g.known[k] = id
	}
	return id
}

func (g *grouping) count() int {
	if g.key == nil {
		return 1
	}
	return len(g.known)
}

// grouping tells which nodes have to share a core: those that cover the same
// inter-core part of whatever intra-core tile. All nodes do if the allocator
// decides how to spread the layer, or if it has no constant operands and a
// single core to run on.
func (b *builder) grouping() grouping {
	if b.tiling.free {
		return grouping{}
	}
	constant := false
	for i := range b.layer.Operands {
		constant = constant || b.layer.Operands[i].Source.Stored()
	}
	if !constant && len(b.layer.Entry.Cores) == 1 {
		return grouping{}
	}
	// A tile has inter parts side by side, so that the position within the tile
	// tells the part.
	type spread struct {
		dim   int
		inter int32 // parts over cores
		tile  int32 // elements of an intra-core tile
	}
	var dims []spread
	for _, loop := range b.layer.Loops {
		if !loop.Inter {
			continue
		}
		if i := slices.IndexFunc(dims, func(s spread) bool { return s.dim == loop.Dim }); i >= 0 {
			dims[i].inter *= int32(loop.Parts)
			continue
		}
		s := spread{dim: loop.Dim, inter: int32(loop.Parts), tile: int32(b.tiling.sizes[loop.Dim])}
		for _, other := range b.layer.Loops {
			if other.Dim == loop.Dim && !other.Inter {
				s.tile /= int32(other.Parts)
				break
			}
		}
		dims = append(dims, s)
	}
	if len(dims) == 0 {
		return grouping{}
	}
	g := grouping{known: map[int64]int32{}}
	if b.rules.TilesEnlargeLayer {
		g.key = func(_ []int32, ranges []taskgraph.Range) int64 {
			k := int64(0)
			for _, s := range dims {
				k = (k*int64(s.tile)+int64(ranges[s.dim].Lo%s.tile))*int64(s.tile) + int64(ranges[s.dim].Hi%s.tile)
			}
			return k
		}
		return g
	}
	g.key = func(parts []int32, _ []taskgraph.Range) int64 {
		k := int64(0)
		for _, s := range dims {
			k = k*int64(s.inter) + int64(parts[s.dim]%s.inter)
		}
		return k
	}
	return g
}
