package stream

import (
	"context"
	"math"
	"testing"

	"streamdse/internal/bottleneck"
	"streamdse/rules"
	"streamdse/schedule"
	"streamdse/taskgraph"
)

// What a change makes of a result is what a run on the changed accelerator makes of
// the same allocation; and shares of the latency and of the energy are shares.
func TestWhatIf(t *testing.T) {
	p := builtin(t, rules.Default())
	o := DefaultOptions()
	o.Mode, o.Evaluations, o.Search, o.Costs = LayerByLayer, 20, Loma, NewCosts()
	r, err := Run(context.Background(), p, o)
	if err != nil {
		t.Fatal(err)
	}
	causes := r.Causes(p)
	for name, list := range map[string][]bottleneck.Cause{"latency": causes.Latency, "energy": causes.Energy} {
		sum := 0.0
		for i, c := range list {
			sum += c.Share
			if c.Amount <= 0 || i > 0 && c.Share > list[i-1].Share || c.LayerShare > 1 {
				t.Errorf("%s: cause %d is %+v", name, i, c)
			}
		}
		if len(list) != 3 || sum < 0.5 || sum > 1+1e-9 {
			t.Errorf("%s: %d causes have a share of %v", name, len(list), sum)
		}
	}
	changes := append(causes.Changes(), Change{Kind: bottleneck.Link, Index: 0}, Change{Kind: bottleneck.Stores})
	effects, err := WhatIf(context.Background(), p, o, r, changes)
	if err != nil {
		t.Fatal(err)
	}
	better := false
	for _, e := range effects {
		better = better || e.Impossible == "" && e.Latency < r.Schedule.Latency
		if e.Searched || e.Impossible != "" {
			continue
		}
		changed, fixed := p, o
		changed.Hardware = e.Change.Apply(p.Hardware)
		fixed.Fixed = func(*taskgraph.Graph) (*schedule.Allocation, error) { return r.Allocation, nil }
		again, err := Run(context.Background(), changed, fixed)
		if err != nil {
			t.Fatal(err)
		}
		if again.Schedule.Latency != e.Latency || math.Abs(float64(again.Schedule.Energy.Total()-e.Energy)) > 1e-9*float64(e.Energy) {
			t.Errorf("%+v: %d cycles and %v pJ, a run has %d and %v", e.Change, e.Latency, e.Energy, again.Schedule.Latency, again.Schedule.Energy.Total())
		}
	}
	if !better {
		t.Errorf("no change of %d makes it faster", len(effects))
	}
}
