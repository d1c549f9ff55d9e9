package allocate

import (
	"context"
	"errors"
	"math"
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
	a := space.clone()
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

func TestGeneticFindsOptimumOfSmallProblem(t *testing.T) {
	space, f := loads([]int{7, 5, 4, 4, 3, 2}, []int{1, 2, 3})
	for _, objective := range []Objective{EDP, Latency, Energy} {
		o := DefaultGenetic()
		o.Objective, o.Generations = objective, 40
		r, err := Genetic(context.Background(), space, f, o)
		if err != nil {
			t.Fatal(err)
		}
		if want := brute(space, f(), objective); r.BestPoint != want {
			t.Errorf("%s: found %+v, the optimum is %+v", objective, r.BestPoint, want)
		}
		if p, _ := f()(&r.Best); p != r.BestPoint {
			t.Errorf("%s: the best allocation gives %+v, not %+v as reported", objective, p, r.BestPoint)
		}
	}
}

func TestWorkersDoNotChangeTheResult(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lengths := rapid.SliceOfN(rapid.IntRange(1, 50), 1, 12).Draw(t, "lengths")
		speed := rapid.SliceOfN(rapid.IntRange(1, 5), 1, 4).Draw(t, "speed")
		o := DefaultGenetic()
		o.Seed = rapid.Uint64().Draw(t, "seed")
		o.Generations, o.Individuals = 5, 9
		space, f := loads(lengths, speed)
		one, err := Genetic(context.Background(), space, f, o)
		if err != nil {
			t.Fatal(err)
		}
		o.Workers = 3
		three, err := Genetic(context.Background(), space, f, o)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(one, three); d != "" {
			t.Fatalf("1 and 3 workers differ:\n%s", d)
		}
		for i, a := range one.Front {
			for j, b := range one.Front {
				if i != j && (a.Point.dominates(b.Point) || a.Point == b.Point) {
					t.Fatalf("front members %d and %d: %+v and %+v", i, j, a.Point, b.Point)
				}
			}
		}
	})
}

func TestNothingToChoose(t *testing.T) {
	space, f := loads([]int{3, 4}, []int{2})
	space.Genes = nil
	r, err := Genetic(context.Background(), space, f, DefaultGenetic())
	if err != nil || r.Evaluations != 1 || r.BestPoint.Latency != 14 {
		t.Errorf("got %+v, %v; want one evaluation of latency 14", r, err)
	}
}

func TestInfeasible(t *testing.T) {
	space, _ := loads([]int{3, 4}, []int{1, 1})
	full := errors.New("memory of core 1 is too small")
	// Layer 0 does not fit on core 1.
	r, err := Genetic(context.Background(), space, func() Evaluate {
		return func(a *schedule.Allocation) (Point, error) {
			if a.Cores[0][0] == 1 {
				return Point{}, full
			}
			return Point{Latency: 10 + unit.Cycles(a.Cores[1][0]), Energy: 1}, nil
		}
	}, DefaultGenetic())
	if err != nil || r.BestPoint.Latency != 10 || r.Best.Cores[0][0] != 0 {
		t.Errorf("got %+v, %v; want the feasible allocation of latency 10", r, err)
	}
	_, err = Genetic(context.Background(), space, func() Evaluate {
		return func(*schedule.Allocation) (Point, error) { return Point{}, full }
	}, DefaultGenetic())
	if !errors.Is(err, full) {
		t.Errorf("nothing feasible: error %v, want %v", err, full)
	}
}

func TestInterruptKeepsTheBest(t *testing.T) {
	space, f := loads([]int{7, 5, 4, 4, 3, 2, 9, 8}, []int{1, 2, 3})
	ctx, cancel := context.WithCancel(context.Background())
	o := DefaultGenetic()
	o.Generations = math.MaxInt
	o.Progress = func(generation, _ int, _ Point) {
		if generation == 3 {
			cancel()
		}
	}
	r, err := Genetic(ctx, space, f, o)
	if err != nil || !r.Interrupted {
		t.Fatalf("interrupted search: %+v, %v", r, err)
	}
	if p, _ := f()(&r.Best); p != r.BestPoint {
		t.Errorf("the best allocation gives %+v, not %+v as reported", p, r.BestPoint)
	}
	if _, err := Genetic(ctx, space, f, o); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted before the first evaluation: error %v", err)
	}
}

func BenchmarkGenetic(b *testing.B) {
	space, f := loads(make([]int, 30), []int{1, 2, 3, 4})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Genetic(context.Background(), space, f, DefaultGenetic()); err != nil {
			b.Fatal(err)
		}
	}
}
