package allocate

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"streamdse/schedule"
	"streamdse/unit"
)

// loadsBound bounds the problem of loads: what is fixed to a core is on it, and what is
// not costs what it costs on the best of its cores.
func loadsBound(lengths []int, speed []int) func() Bounder {
	return func() Bounder {
		return func(cores func(layer, group int) []int) Point {
			var p Point
			busy := make([]int, len(speed))
			total, fastest := 0, speed[0]
			for _, s := range speed {
				fastest = min(fastest, s)
			}
			for l, n := range lengths {
				list := cores(l, 0)
				best := len(speed) + 1
				for _, c := range list {
					best = min(best, len(speed)-c)
				}
				p.Energy += unit.Picojoules(n * best)
				total += n * fastest
				if len(list) == 1 {
					busy[list[0]] += n * speed[list[0]]
					p.Latency = max(p.Latency, unit.Cycles(busy[list[0]]))
				}
			}
			p.Latency = max(p.Latency, unit.Cycles((total+len(speed)-1)/len(speed)))
			return p
		}
	}
}

func TestExactIsBruteForce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lengths := rapid.SliceOfN(rapid.IntRange(1, 50), 1, 7).Draw(t, "lengths")
		speed := rapid.SliceOfN(rapid.IntRange(1, 5), 1, 3).Draw(t, "speed")
		o := DefaultOptions()
		o.Objective = rapid.SampledFrom([]Objective{EDP, Latency, Energy}).Draw(t, "objective")
		o.Budget = rapid.SampledFrom([]int{5, 20, 60, 5000}).Draw(t, "budget")
		space, f := loads(lengths, speed)
		if rapid.Bool().Draw(t, "bounds") {
			o.NewBound = loadsBound(lengths, speed)
		}
		r, err := Search(context.Background(), "exact", space, f, o)
		if err != nil {
			t.Fatal(err)
		}
		optimum, found := o.Objective.Value(brute(space, f(), o.Objective)), o.Objective.Value(r.BestPoint)
		if r.Lower > optimum {
			t.Fatalf("no allocation is said to be below %v, but one has %v", r.Lower, optimum)
		}
		if r.Proven != (r.Lower == found) || r.Proven && found != optimum || o.Budget == 5000 && !r.Proven {
			t.Fatalf("%v found, proven %v (nothing below %v); the optimum is %v", found, r.Proven, r.Lower, optimum)
		}
		o.Workers = 3
		again, err := Search(context.Background(), "exact", space, f, o)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(r, again); d != "" {
			t.Fatalf("1 and 3 workers differ:\n%s", d)
		}
	})
}

// With bounds, few of 3^12 allocations have to be scheduled.
func TestExactPrunes(t *testing.T) {
	lengths, speed := []int{31, 7, 5, 40, 4, 3, 2, 9, 8, 26, 14, 11}, []int{1, 2, 3}
	space, f := loads(lengths, speed)
	o := DefaultOptions()
	o.Objective, o.Budget, o.NewBound = Latency, 20_000, loadsBound(lengths, speed)
	r, err := Search(context.Background(), "exact", space, f, o)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Proven || r.Exhaustive || r.Evaluations > 5000 {
		t.Errorf("proven %v, exhaustive %v, after %d evaluations", r.Proven, r.Exhaustive, r.Evaluations)
	}
}

// Interrupted, the best so far is returned with what is known of others.
func TestExactInterrupted(t *testing.T) {
	lengths, speed := []int{31, 7, 5, 40, 4, 3, 2, 9, 8, 26, 14, 11}, []int{1, 2, 3}
	space, f := loads(lengths, speed)
	ctx, cancel := context.WithCancel(context.Background())
	o := DefaultOptions()
	o.Budget, o.NewBound = 1_000_000, loadsBound(lengths, speed)
	o.Progress = func(evaluations int, _ Point) {
		if evaluations > 60 {
			cancel()
		}
	}
	r, err := Search(ctx, "exact", space, f, o)
	if err != nil || !r.Interrupted || r.Proven || r.Lower <= 0 || r.Lower > o.Objective.Value(r.BestPoint) {
		t.Fatalf("%+v, %v", r, err)
	}
	if p, _ := f()(&r.Best); p != r.BestPoint {
		t.Errorf("the best allocation gives %+v, not %+v as reported", p, r.BestPoint)
	}
}

// What has no schedule is not the best.
func TestExactInfeasible(t *testing.T) {
	space, f := loads([]int{3, 4, 5, 6}, []int{1, 1})
	r, err := Search(context.Background(), "exact", space, func() Evaluate {
		g := f()
		return func(a *schedule.Allocation) (Point, error) {
			if a.Cores[0][0] == a.Cores[3][0] {
				return Point{}, context.DeadlineExceeded // any error
			}
			return g(a)
		}
	}, DefaultOptions())
	if err != nil || !r.Proven || r.Best.Cores[0][0] == r.Best.Cores[3][0] {
		t.Errorf("%+v, %v", r, err)
	}
}
