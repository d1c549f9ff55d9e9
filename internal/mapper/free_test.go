package mapper

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"streamdse/loopnest"
)

// chains calls f with every allocation: for each operand all numbers of loops up
// to n that do not fall from level to level.
func chains(a loopnest.Allocation, n int, f func()) {
	var place func(x, m int)
	place = func(x, m int) {
		switch {
		case x == len(a):
			f()
		case m == len(a[x]):
			place(x+1, 0)
		default:
			least := 0
			if m > 0 {
				least = a[x][m-1]
			}
			for a[x][m] = least; a[x][m] <= n; a[x][m]++ {
				place(x, m+1)
			}
		}
	}
	place(0, 0)
}

// countChains is the number of calls of chains.
func countChains(a loopnest.Allocation, n int) float64 {
	count := 1.0
	for _, levels := range a {
		for i := range levels {
			count *= float64(n+i+1) / float64(i+1)
		}
	}
	return count
}

// unrolled is the model of a problem, its evaluator under the first unrolling, and all
// prime factors that are left for loops in time.
func unrolled(t *rapid.T, p *Problem) (*loopnest.Model, *loopnest.Evaluator, []loopnest.Loop) {
	model, err := loopnest.NewModel(p.Problem)
	if err != nil {
		t.Fatal(err)
	}
	unrollings, err := candidates(p, DefaultOptions())
	if err != nil {
		t.Skip(err)
	}
	e, err := model.NewEvaluator(unrollings[0].spatial)
	if err != nil {
		t.Skip(err)
	}
	factors, _, err := split(p.Layer, e.TemporalSizes(), math.MaxInt, nil)
	if err != nil {
		t.Fatal(err)
	}
	return model, e, factors
}

// bestOfAll evaluates every allocation of every order of the prime factors.
func bestOfAll(t *rapid.T, p *Problem, objective Objective, most float64) (cost loopnest.Cost, fits bool) {
	model, e, factors := unrolled(t, p)
	a := model.NewAllocation()
	if countChains(a, len(factors))*countOrders(factors) > most {
		t.Skip("too many nests")
	}
	orders := newPermutations(p.Layer, factors)
	for order := orders.next(); order != nil; order = orders.next() {
		chains(a, len(order), func() {
			c, ok := e.EvaluateAllocated(order, a)
			if ok && (!fits || objective.better(c, cost)) {
				cost, fits = c, true
			}
		})
	}
	return cost, fits
}

// TestFreeIsBest compares the search with the evaluation of all allocations of
// all orders.
func TestFreeIsBest(t *testing.T) {
	compared := 0
	rapid.Check(t, func(t *rapid.T) {
		p := drawProblem(t, 5)
		p.Even = false
		opt := DefaultOptions()
		opt.Objective = rapid.SampledFrom([]Objective{Latency, Energy, EDP}).Draw(t, "objective")
		want, fits := bestOfAll(t, &p, opt.Objective, 30_000)
		opt.Search, opt.Effort = Best, 0
		filled, filledErr := Search(context.Background(), p, opt)
		opt.Allocation = Free
		best, err := Search(context.Background(), p, opt)
		var noFit *NoFitError
		switch {
		case !fits && !errors.As(err, &noFit):
			t.Fatalf("error %v, but nothing fits", err)
		case !fits:
		case err != nil:
			t.Fatal(err)
		case filledErr == nil && opt.Objective.better(filled.Cost, best.Cost):
			t.Fatalf("filled memories cost %v, free allocation %v", filled.Cost, best.Cost)
		case opt.Objective.better(want, best.Cost) || opt.Objective.better(best.Cost, want) && !near9(want, best.Cost):
			t.Fatalf("%s: best found %v %v after %d evaluations, all nests %v", opt.Objective, best.Cost, best.Order, best.Evaluated, want)
		case !best.ProvenOptimal || best.Gap != 0:
			t.Fatalf("proven %v, gap %v", best.ProvenOptimal, best.Gap)
		}
		compared++
	})
	t.Log(compared)
}

// near9 tells whether two costs differ by rounding only.
func near9(a, b loopnest.Cost) bool {
	return math.Abs(a.Total()-b.Total()) <= 1e-9*a.Total() && math.Abs(float64(a.Energy-b.Energy)) <= 1e-9*float64(a.Energy)
}

// TestFreeOutlook compares what is said about outer loops and boundaries with all
// their completions: none costs less than the bound, and equal keys mean equal
// completions.
func TestFreeOutlook(t *testing.T) {
	kept := 0
	rapid.Check(t, func(t *rapid.T) {
		p := drawProblem(t, 4)
		p.Even = false
		model, e, factors := unrolled(t, &p)
		if countChains(model.NewAllocation(), len(factors))*countOrders(factors) > 10_000 {
			t.Skip("too many nests")
		}
		s := &search{}
		b := newPlacing(s, model, e, 0, factors, nil, rapid.Bool().Draw(t, "from outside"))
		b.outlook = e.NewFreeOutlook(b.factors, slices.Clone(b.left), b.fromOutside, new(loopnest.Tables))
		_, other, _ := unrolled(t, &p)
		o := &observedPlacing{placing: b, beginnings: beginnings{t: t, future: map[string]map[string]outcome{}}, evaluator: other}
		o.visit()
		kept += o.merged
	})
	if kept == 0 {
		t.Error("no two beginnings had the same key")
	}
}

type observedPlacing struct {
	*placing
	beginnings
	evaluator *loopnest.Evaluator
}

// visit returns the costs of all completions by what they add.
func (o *observedPlacing) visit() map[string]outcome {
	out := map[string]outcome{}
	if len(o.inner) == len(o.order) {
		if o.complete() {
			cost, fits := o.evaluator.EvaluateAllocated(o.order, o.full)
			out[""] = outcome{cost, fits}
		}
	} else {
		for _, s := range o.steps(nil) {
			last := o.last
			o.take(s)
			for rest, x := range o.visit() {
				out[fmt.Sprint(s.factor, s.operand, " ", rest)] = x
			}
			o.undo(s, last)
		}
	}
	possible := o.outlook.LookAllocated(o.inner, o.cuts)
	o.check([]any{o.inner, o.cuts}, out, o.outlook, possible, func() []byte { return o.outlook.KeyAllocated(o.cuts, o.last) })
	return out
}
