package mapper

import (
	"context"
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"

	"streamdse/loopnest"
	"streamdse/loopnest/nesttest"
)

// TestBestUnrolling compares the search over spatial unrollings with the
// evaluation of all orders under every one of them.
func TestBestUnrolling(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		layer, core := drawLayer(t, 6), drawCore(t)
		p := Problem{Problem: loopnest.Problem{Layer: layer, Core: core, Links: nesttest.Links(layer)}}
		opt := DefaultOptions()
		opt.Objective = rapid.SampledFrom([]Objective{Latency, Energy, EDP}).Draw(t, "objective")
		ranked, err := candidates(&p, opt)
		if err != nil {
			t.Skip(err)
		}
		more, complete := otherUnrollings(&p, ranked, math.Inf(1))
		if !complete {
			t.Fatal("too many unrollings for a test")
		}
		for _, u := range more {
			ranked = append(ranked, unrolling{spatial: u.spatial})
		}
		if len(ranked) > 40 {
			t.Skip("this would take long")
		}
		model, err := loopnest.NewModel(p.Problem)
		if err != nil {
			t.Fatal(err)
		}
		all := search{ctx: context.Background(), objective: opt.Objective}
		for rank, u := range ranked {
			e, err := model.NewEvaluator(u.spatial)
			if err != nil {
				continue
			}
			for opt.FactorLimit = 1; opt.FactorLimit <= 12; opt.FactorLimit++ {
				orders, _, err := propose(&p, e.TemporalSizes(), opt)
				if err != nil {
					t.Fatal(err)
				}
				if err := all.run(e, orders, rank); err != nil {
					t.Fatal(err)
				}
			}
		}
		opt.FactorLimit, opt.Search = 6, Best
		best, err := Search(context.Background(), p, opt)
		var noFit *NoFitError
		switch {
		case all.best == nil && !errors.As(err, &noFit):
			t.Fatalf("error %v, but no order fits", err)
		case all.best == nil:
		case err != nil:
			t.Fatal(err)
		case opt.Objective.better(all.cost, best.Cost) || opt.Objective.better(best.Cost, all.cost):
			t.Fatalf("%s: best found %v with %v, all unrollings %v with %v", opt.Objective, best.Cost, best.Unrolling, all.cost, ranked[all.result.Rank].spatial)
		case !best.ProvenOptimal:
			t.Fatalf("not proven, gap %v", best.Gap)
		}
	})
}

// TestOthersAreLegal: unrollings are distinct and within the array, the loops
// and the limits.
func TestOthersAreLegal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		layer, core := drawLayer(t, 12), drawCore(t)
		p := Problem{Problem: loopnest.Problem{Layer: layer, Core: core, Links: nesttest.Links(layer)}}
		list, _ := otherUnrollings(&p, nil, math.Inf(1))
		s := newSpatialSpace(&p)
		seen := map[string]bool{}
		for i, u := range list {
			if !s.valid(u.spatial) {
				t.Fatalf("%v is not legal", u.spatial)
			}
			if seen[busyLoops(u.spatial)] {
				t.Fatalf("%v comes twice", u.spatial)
			}
			seen[busyLoops(u.spatial)] = true
			if i > 0 && list[i-1].cycles > u.cycles {
				t.Fatalf("%v cycles before %v", list[i-1].cycles, u.cycles)
			}
			if mixed := len(u.spatial) > 0 && product(u.spatial[0].Loops) > core.Sizes[0]; mixed {
				t.Fatalf("%v exceeds the array", u.spatial)
			}
		}
	})
}

// TestMixedUnrolling: a layer whose loops are all small fills the array with two
// loops on one dimension.
func TestMixedUnrolling(t *testing.T) {
	core := nesttest.TPULike()
	layer := readTable(t).Layers["exA"].Layer("small")
	for i := range layer.Dims {
		switch layer.Dims[i].Dim {
		case "K", "C":
			layer.Dims[i].Size = 8
		case "OX", "OY":
			layer.Dims[i].Size = 4
		}
	}
	opt := DefaultOptions()
	p := Problem{Problem: loopnest.Problem{Layer: layer, Core: core, Links: nesttest.Links(layer)}}
	loma, err := Search(context.Background(), p, opt)
	if err != nil {
		t.Fatal(err)
	}
	opt.Search = Best
	best, err := Search(context.Background(), p, opt)
	if err != nil {
		t.Fatal(err)
	}
	mixed := false
	for _, a := range best.Unrolling {
		mixed = mixed || len(a.Loops) > 1
	}
	if !mixed || best.Compute >= loma.Compute || !best.ProvenOptimal {
		t.Errorf("best takes %v cycles with %v (proven: %v), loma %v with %v", best.Compute, best.Unrolling, best.ProvenOptimal, loma.Compute, loma.Unrolling)
	}
}
