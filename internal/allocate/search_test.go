package allocate

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"streamdse/schedule"
	"streamdse/unit"
)

// loads is a small separable problem: each layer has a length, a core has a
// speed and a cost per cycle; latency is that of the most loaded core.
func loads(lengths []int, speed []int) (*Space, func() Evaluate) {
	space := &Space{}
	for l := range lengths {
		space.Base.Cores = append(space.Base.Cores, []int{0})
		g := Gene{Layer: l}
		for c := range speed {
			g.Cores = append(g.Cores, c)
		}
		space.Genes = append(space.Genes, g)
	}
	return space, func() Evaluate {
		busy := make([]int, len(speed))
		return func(a *schedule.Allocation) (Point, error) {
			clear(busy)
			var p Point
			for l, n := range lengths {
				c := a.Cores[l][0]
				busy[c] += n * speed[c]
				p.Energy += unit.Picojoules(n * (len(speed) - c))
				p.Latency = max(p.Latency, unit.Cycles(busy[c]))
			}
			return p, nil
		}
	}
}

func brute(space *Space, f Evaluate, o Objective) Point {
	best := infeasible()
	choice := make([]uint16, len(space.Genes))
	a := space.Clone()
	for {
		space.decode(choice, a)
		if p, err := f(a); err == nil && o.Less(p, best) {
			best = p
		}
		i := 0
		for ; i < len(choice); i++ {
			if choice[i]++; int(choice[i]) < len(space.Genes[i].Cores) {
				break
			}
			choice[i] = 0
		}
		if i == len(choice) {
			return best
		}
	}
}

func TestOptimumOfSmallProblem(t *testing.T) {
	space, f := loads([]int{7, 5, 4, 4, 3, 2}, []int{1, 2, 3})
	for _, allocator := range []string{"auto", "genetic", "local", "exhaustive"} {
		for _, objective := range []Objective{EDP, Latency, Energy} {
			o := DefaultOptions()
			o.Objective = objective
			if allocator == "local" {
				o.Budget = 400 // of 729
			}
			r, err := Search(context.Background(), allocator, space, f, o)
			if err != nil {
				t.Fatal(err)
			}
			if want := brute(space, f(), objective); r.BestPoint != want {
				t.Errorf("%s, %s: found %+v, the optimum is %+v", allocator, objective, r.BestPoint, want)
			}
			if p, _ := f()(&r.Best); p != r.BestPoint {
				t.Errorf("%s, %s: the best allocation gives %+v, not %+v as reported", allocator, objective, p, r.BestPoint)
			}
			if all := r.Evaluations == 729; r.Exhaustive != all || (allocator == "exhaustive" || allocator == "auto") && !all {
				t.Errorf("%s, %s: exhaustive %v after %d of 729 allocations", allocator, objective, r.Exhaustive, r.Evaluations)
			}
		}
	}
}

// A larger budget continues the same search: it is never worse.
func TestMoreBudgetIsNeverWorse(t *testing.T) {
	space, f := loads([]int{31, 7, 5, 40, 4, 3, 2, 9, 8, 26, 14, 11}, []int{1, 2, 3, 2})
	for _, allocator := range []string{"auto", "genetic", "local", "greedy", "random"} {
		last := infeasible()
		for _, budget := range []int{1, 20, 100, 500, 2000} {
			o := DefaultOptions()
			o.Budget = budget
			r, err := Search(context.Background(), allocator, space, f, o)
			if err != nil {
				t.Fatal(err)
			}
			if r.Evaluations > budget {
				t.Errorf("%s: %d evaluations with a budget of %d", allocator, r.Evaluations, budget)
			}
			if o.Objective.Less(last, r.BestPoint) {
				t.Errorf("%s: %+v with %d evaluations is worse than %+v with fewer", allocator, r.BestPoint, budget, last)
			}
			last = r.BestPoint
		}
	}
}

func TestExhaustiveRefusesALargeSpace(t *testing.T) {
	space, f := loads(make([]int, 40), []int{1, 2, 3})
	if _, err := Search(context.Background(), "exhaustive", space, f, DefaultOptions()); err == nil {
		t.Error("3^40 allocations are within a budget of 2000")
	}
	if _, err := Search(context.Background(), "magic", space, f, DefaultOptions()); err == nil {
		t.Error("an unknown allocator is accepted")
	}
	if r, err := Search(context.Background(), "steady", space, f, DefaultOptions()); err == nil || !strings.Contains(err.Error(), "Options.Steady") {
		t.Errorf("steady without what its model is made from: %v, %v", r, err)
	}
}

func TestWorkersDoNotChangeTheResult(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lengths := rapid.SliceOfN(rapid.IntRange(1, 50), 1, 12).Draw(t, "lengths")
		speed := rapid.SliceOfN(rapid.IntRange(1, 5), 1, 4).Draw(t, "speed")
		o := DefaultOptions()
		o.Seed = rapid.Uint64().Draw(t, "seed")
		o.Budget, o.Individuals = rapid.IntRange(1, 150).Draw(t, "budget"), 9
		allocator := rapid.SampledFrom([]string{"auto", "genetic", "local", "greedy", "random"}).Draw(t, "allocator")
		space, f := loads(lengths, speed)
		one, err := Search(context.Background(), allocator, space, f, o)
		if err != nil {
			t.Fatal(err)
		}
		o.Workers = 3
		three, err := Search(context.Background(), allocator, space, f, o)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(one, three); d != "" {
			t.Fatalf("1 and 3 workers differ:\n%s", d)
		}
		for i, a := range one.Front {
			for j, b := range one.Front {
				if i != j && (a.Point.Dominates(b.Point) || a.Point == b.Point) {
					t.Fatalf("front members %d and %d: %+v and %+v", i, j, a.Point, b.Point)
				}
			}
		}
	})
}

func TestNothingToChoose(t *testing.T) {
	space, f := loads([]int{3, 4}, []int{2})
	space.Genes = nil
	r, err := Search(context.Background(), "auto", space, f, DefaultOptions())
	if err != nil || r.Evaluations != 1 || r.BestPoint.Latency != 14 {
		t.Errorf("got %+v, %v; want one evaluation of latency 14", r, err)
	}
}

func TestInfeasible(t *testing.T) {
	space, _ := loads([]int{3, 4}, []int{1, 1})
	full := errors.New("memory of core 1 is too small")
	// Layer 0 does not fit on core 1.
	r, err := Search(context.Background(), "local", space, func() Evaluate {
		return func(a *schedule.Allocation) (Point, error) {
			if a.Cores[0][0] == 1 {
				return Point{}, full
			}
			return Point{Latency: 10 + unit.Cycles(a.Cores[1][0]), Energy: 1}, nil
		}
	}, DefaultOptions())
	if err != nil || r.BestPoint.Latency != 10 || r.Best.Cores[0][0] != 0 {
		t.Errorf("got %+v, %v; want the feasible allocation of latency 10", r, err)
	}
	_, err = Search(context.Background(), "local", space, func() Evaluate {
		return func(*schedule.Allocation) (Point, error) { return Point{}, full }
	}, DefaultOptions())
	if !errors.Is(err, full) {
		t.Errorf("nothing feasible: error %v, want %v", err, full)
	}
}

func TestInterruptKeepsTheBest(t *testing.T) {
	space, f := loads([]int{7, 5, 4, 4, 3, 2, 9, 8}, []int{1, 2, 3})
	ctx, cancel := context.WithCancel(context.Background())
	o := DefaultOptions()
	o.Budget = math.MaxInt
	o.Progress = func(evaluations int, _ Point) {
		if evaluations > 200 {
			cancel()
		}
	}
	r, err := Search(ctx, "random", space, f, o)
	if err != nil || !r.Interrupted {
		t.Fatalf("interrupted search: %+v, %v", r, err)
	}
	if p, _ := f()(&r.Best); p != r.BestPoint {
		t.Errorf("the best allocation gives %+v, not %+v as reported", p, r.BestPoint)
	}
	if _, err := Search(ctx, "random", space, f, o); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted before the first evaluation: error %v", err)
	}
}

func BenchmarkAuto(b *testing.B) {
	space, f := loads(make([]int, 30), []int{1, 2, 3, 4})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Search(context.Background(), "auto", space, f, DefaultOptions()); err != nil {
			b.Fatal(err)
		}
	}
}
