package explore

import (
	"slices"

	"streamdse/mapping"
	"streamdse/taskgraph"
)

// largeStart is the number of nodes up to which a plan is begun with as it is. One
// schedule of so many takes some ten milliseconds, so that a search can try hundreds.
const largeStart = 8192

// coarse is the plan with fewer tiles within cores, if it has too many nodes to begin
// with: those of every layer are made fewer by the same power of two, so that
// neighbours still stream tile by tile. The search may cut them finer again.
func (p *Problem) coarse(plan Plan) (Plan, error) {
	if p.Tile == nil || !slices.Contains(p.Free, mapping.Tiles) {
		return plan, nil
	}
	tiled, err := p.Tile(&plan)
	if err != nil || len(tiled.Nodes) <= largeStart {
		return plan, err
	}
	for by := 2; ; by *= 2 {
		coarser, most := plan, 1
		for i := range tiled.Layers {
			l := &p.Layers[i]
			parts := within(&tiled.Layers[i])
			if len(parts) == 0 || !l.Tiles {
				continue
			}
			longest := 0
			for k := range parts {
				if parts[k].Parts > parts[longest].Parts {
					longest = k
				}
			}
			most = max(most, parts[longest].Parts)
			parts[longest].Parts = p.fewer(l, parts[longest], by)
			coarser = coarser.cut(l.Name, false, parts...)
		}
		if by >= 2*most { // nothing gets any fewer
			return coarser, nil
		}
		if next, err := p.Tile(&coarser); err != nil || len(next.Nodes) <= largeStart {
			return coarser, err
		}
	}
}

// within lists the loops of a layer's nodes within a core.
func within(l *taskgraph.Layer) []mapping.Tiling {
	var list []mapping.Tiling
	for _, loop := range l.Loops {
		if !loop.Inter && loop.Parts > 1 {
			list = append(list, mapping.Tiling{Dim: l.Dims[loop.Dim].Dim, Parts: loop.Parts})
		}
	}
	return list
}

// fewer divides the parts of a tiling.
func (p *Problem) fewer(l *Layer, t mapping.Tiling, by int) int {
	n := max(1, (t.Parts+by-1)/by)
	for p.EqualParts && l.size(t.Dim)%n != 0 {
		n--
	}
	return n
}
