package cost

import (
	"context"

	"streamdse/hardware"
	"streamdse/internal/mapper"
	"streamdse/loopnest"
	"streamdse/unit"
)

// SingleCore estimates a tile by the loop nest with the smallest latency (then
// energy) that the mapper finds for it.
type SingleCore struct {
	LPFLimit int // loop prime factors that the search over loop orders keeps; 0 keeps all
}

// Estimate searches the loop nests of the tile.
func (s SingleCore) Estimate(ctx context.Context, t Tile) (*Estimate, error) {
	options := mapper.DefaultOptions()
	options.FactorLimit = s.LPFLimit
	found, err := mapper.Search(ctx, mapper.Problem{
		Problem: loopnest.Problem{Layer: t.Layer, Core: t.Core, Links: t.Links},
		Entry:   t.Entry,
	}, options)
	if err != nil {
		return nil, err
	}
	e := &Estimate{
		Compute: found.Compute,
		Stall:   found.Stall,
		Onload:  found.Onload,
		Offload: found.Offload,
		Energy:  found.Energy,
		Top:     make([]TopLevel, len(t.Layer.Operands)),
	}
	for i := range found.Operands {
		top := found.Operands[i].Top()
		traffic := func(d hardware.Direction) Traffic {
			x := Traffic{Peak: top.Bandwidth[d]}
			if port := t.Core.Memories[top.Memory].Port(t.Links[i], d); port != nil {
				x.Bits = unit.Bits(float64(top.Accesses[d]) * float64(port.Bandwidth(d).Max))
			}
			return x
		}
		e.Top[i] = TopLevel{Energy: top.TotalEnergy, Read: traffic(hardware.ToLow), Written: traffic(hardware.FromLow)}
	}
	return e, nil
}
