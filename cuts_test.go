package stream

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"streamdse/mapping"
	"streamdse/rules"
	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/workload"
)

// TestAnyCuts cuts ResNet-18 at random, over cores and within, reductions included,
// with weights that fit and halos that are recomputed or not, and allocates it at
// random. Run verifies each schedule, and none beats the bound.
func TestAnyCuts(t *testing.T) {
	costs := NewCosts()
	p := builtin(t, rules.Default())
	feasible := 0
	rapid.Check(t, func(t *rapid.T) {
		o := DefaultOptions()
		o.Costs = costs
		o.Mode = rapid.SampledFrom([]Mode{LayerByLayer, Fused}).Draw(t, "mode")
		o.SplitWeights = rapid.SampledFrom([]float64{0, 0, 0.3, 1}).Draw(t, "weights")
		o.RecomputeHalo = rapid.Bool().Draw(t, "halo")
		if o.Mode == Fused {
			first := rapid.IntRange(0, 30).Draw(t, "first")
			o.Stacks = [][]int{ids(first, first+rapid.IntRange(3, 10).Draw(t, "layers"))}
			rows := rapid.SampledFrom([]int{1, 2, 4, 7}).Draw(t, "rows")
			for _, d := range []workload.Dim{"OY", "D"} {
				o.Cuts = append(o.Cuts, mapping.Cut{Tiling: mapping.Tiling{Dim: d, Parts: rows}})
			}
			if rapid.IntRange(0, 2).Draw(t, "within") == 0 {
				d := rapid.SampledFrom([]workload.Dim{"OX", "C", "K", "FY"}).Draw(t, "dim")
				o.Cuts = append(o.Cuts, mapping.Cut{Tiling: mapping.Tiling{Dim: d, Parts: rapid.IntRange(1, 3).Draw(t, "parts")}})
			}
		}
		for range rapid.IntRange(0, 2).Draw(t, "over cores") {
			d := rapid.SampledFrom([]workload.Dim{"K", "C", "OY", "OX", "FY", "H", "D"}).Draw(t, "dim")
			o.Cuts = append(o.Cuts, mapping.Cut{Inter: true, Tiling: mapping.Tiling{Dim: d, Parts: rapid.IntRange(1, 4).Draw(t, "parts")}})
		}
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "allocation"), 0))
		o.Fixed = func(g *taskgraph.Graph) (*schedule.Allocation, error) { return randomAllocation(p, g, random), nil }
		r, err := Run(context.Background(), p, o)
		var infeasible *schedule.Infeasible
		if errors.As(err, &infeasible) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		feasible++
		if r.Bound.Latency > r.Schedule.Latency {
			t.Errorf("latency %d beats the bound of %d", r.Schedule.Latency, r.Bound.Latency)
		}
		if r.Bound.Energy > r.Schedule.Energy.Total() {
			t.Errorf("energy %v beats the bound of %v", r.Schedule.Energy.Total(), r.Bound.Energy)
		}
	})
	if feasible == 0 {
		t.Error("nothing has a schedule")
	}
}
