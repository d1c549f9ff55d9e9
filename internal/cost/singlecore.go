package cost

import (
	"context"
	"errors"

	"streamdse/hardware"
	"streamdse/internal/mapper"
	"streamdse/loopnest"
	"streamdse/unit"
)

// SingleCore estimates a tile by the loop nest with the smallest latency (then
// energy) that the mapper finds for it.
type SingleCore struct {
	// Search is how loop orders are searched.
	Search mapper.Method
	// LPFLimit is the number of loop prime factors that Loma keeps; 0 keeps all.
	LPFLimit int
}

// effort is the number of beginnings of loop orders that are examined for the
// proof that a tile's nest is the best. Where it is too small, the best nest
// found counts, which is never worse than Loma's.
const effort = 20_000

// Estimate searches the loop nests of the tile. Where none fits as long as lower
// memories are filled, those are searched in which they take less
// (loopnest.Problem.Bounded).
func (s SingleCore) Estimate(ctx context.Context, t Tile) (*Estimate, error) {
	options := mapper.DefaultOptions()
	options.Search, options.FactorLimit, options.Effort = s.Search, s.LPFLimit, effort
	options.Sizes = loopnest.NewSizes(t.Core)
	problem := mapper.Problem{
		Problem: loopnest.Problem{Layer: t.Layer, Core: t.Core, Links: t.Links},
		Entry:   t.Entry,
	}
	found, err := mapper.Search(ctx, problem, options)
	if noFit := (*mapper.NoFitError)(nil); errors.As(err, &noFit) {
		problem.Bounded = true
		found, err = mapper.Search(ctx, problem, options)
	}
	if err != nil {
		return nil, err
	}
	e := &Estimate{
		Compute: found.Compute,
		Stall:   found.Stall,
		Onload:  found.Onload,
		Offload: found.Offload,
		Energy:  found.Energy,

		Operation: found.OperationEnergy,
		Top:       make([]TopLevel, len(t.Layer.Operands)),
		Sizes:     options.Sizes,
	}
	for i := range found.Operands {
		top := found.Operands[i].Top()
		var below unit.Bits
		if levels := found.Operands[i].Levels; len(levels) > 1 {
			l := &levels[len(levels)-2]
			below = unit.Bits(l.Elements*l.Instances) * l.Precision
		}
		traffic := func(d hardware.Direction) Traffic {
			x := Traffic{Peak: top.Bandwidth[d]}
			if port := t.Core.Memories[top.Memory].Port(t.Links[i], d); port != nil {
				x.Bits = unit.Bits(float64(top.Accesses[d]) * float64(port.Bandwidth(d).Max))
			}
			return x
		}
		e.Top[i] = TopLevel{Below: below, Energy: top.TotalEnergy, Read: traffic(hardware.ToLow), Written: traffic(hardware.FromLow)}
	}
	return e, nil
}
