package explore

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"streamdse/internal/allocate"
	"streamdse/mapping"
	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/unit"
	"streamdse/workload"
)

// toy is a network of layers that all cores can run: a layer takes its length
// divided by its groups on each of its cores, stacks cost a cycle each, and the
// order "latency" saves a tenth.
func toy(lengths []int, cores int) Problem {
	p := Problem{Free: mapping.Dimensions()[1:], Start: Plan{Order: "stacks"}}
	for i := range lengths {
		p.Start.Stacks = append(p.Start.Stacks, []int{i})
		p.Layers = append(p.Layers, Layer{
			ID: i, Name: fmt.Sprint("l", i), Width: cores, Splits: true, Tiles: true,
			Dims: []workload.LoopDim{{Dim: "K", Size: 8}, {Dim: "OY", Size: 16}, {Dim: "C", Size: 4}}, Output: []workload.Dim{"K", "OY"},
		})
	}
	p.Open = func(_ context.Context, plan *Plan) (*Opened, error) {
		if plan.SplitWeights == 0.25 {
			return nil, errors.New("not possible")
		}
		g := &taskgraph.Graph{}
		space := &allocate.Space{}
		for i := range lengths {
			groups := 1
			for _, c := range plan.cutsOf(fmt.Sprint("l", i), true) {
				groups *= c.Parts
			}
			g.Layers = append(g.Layers, taskgraph.Layer{Layer: &workload.Layer{ID: i}, Groups: groups})
			space.Base.Cores = append(space.Base.Cores, make([]int, groups))
			for k := range groups {
				gene := allocate.Gene{Layer: i, Group: k}
				for c := range cores {
					gene.Cores = append(gene.Cores, c)
				}
				space.Genes = append(space.Genes, gene)
			}
		}
		return &Opened{Graph: g, Space: space, Evaluate: func() allocate.Evaluate {
			return func(a *schedule.Allocation) (allocate.Point, error) {
				busy := make([]unit.Cycles, cores)
				x := allocate.Point{Energy: 1, Memory: 8}
				for l, groups := range a.Cores {
					for _, c := range groups {
						busy[c] += unit.Cycles(100 * lengths[l] / len(groups))
						x.Energy += unit.Picojoules(lengths[l] * (1 + c))
						x.Memory += unit.Bits(len(plan.cutsOf(fmt.Sprint("l", l), false)))
					}
				}
				x.Latency = slices.Max(busy) + unit.Cycles(len(plan.Stacks))
				if plan.Order == "latency" {
					x.Latency = x.Latency * 9 / 10
				}
				return x, nil
			}
		}}, nil
	}
	return p
}

func defaults(budget, workers int, seed uint64) Options {
	o := Options{Options: allocate.DefaultOptions(), Allocator: "auto"}
	o.Budget, o.Workers, o.Seed = budget, workers, seed
	return o
}

// TestMoreBudgetIsNeverWorse: a larger budget does what a smaller one does first, for
// every objective and under limits.
func TestMoreBudgetIsNeverWorse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := toy(rapid.SliceOfN(rapid.IntRange(1, 50), 1, 8).Draw(t, "lengths"), rapid.IntRange(1, 4).Draw(t, "cores"))
		o := defaults(0, 1, rapid.Uint64().Draw(t, "seed"))
		o.Objective = allocate.Objective(rapid.SampledFrom(allocate.Objectives()).Draw(t, "objective"))
		if rapid.Bool().Draw(t, "limited") {
			o.Limits.Latency = unit.Cycles(rapid.IntRange(1, 5000).Draw(t, "limit"))
		}
		last := allocate.Point{Latency: math.MaxInt64, Energy: unit.Picojoules(math.Inf(1)), Memory: math.MaxInt64}
		budget := 0
		for range 4 {
			budget += rapid.IntRange(1, 150).Draw(t, "more")
			o.Budget = budget
			r, err := Search(context.Background(), p, o)
			if err != nil {
				t.Fatal(err)
			}
			if r.Evaluations > budget {
				t.Fatalf("%d evaluations with a budget of %d", r.Evaluations, budget)
			}
			if o.Less(last, r.Best.Point) {
				t.Fatalf("%+v with %d evaluations is worse than %+v with fewer", r.Best.Point, budget, last)
			}
			last = r.Best.Point
		}
	})
}

// TestWorkersDoNotChangeTheResult compares everything that is found, and checks that
// the front is one.
func TestWorkersDoNotChangeTheResult(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := toy(rapid.SliceOfN(rapid.IntRange(1, 50), 1, 8).Draw(t, "lengths"), rapid.IntRange(1, 4).Draw(t, "cores"))
		seed, budget := rapid.Uint64().Draw(t, "seed"), rapid.IntRange(1, 400).Draw(t, "budget")
		one, err := Search(context.Background(), p, defaults(budget, 1, seed))
		if err != nil {
			t.Fatal(err)
		}
		three, err := Search(context.Background(), p, defaults(budget, 3, seed))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(one, three); d != "" {
			t.Fatalf("1 and 3 workers differ:\n%s", d)
		}
		for i, a := range one.Front {
			for k, b := range one.Front {
				if i != k && (a.Point.Dominates(b.Point) || a.Point == b.Point) {
					t.Fatalf("front members %d and %d: %+v and %+v", i, k, a.Point, b.Point)
				}
			}
			opened, err := p.Open(context.Background(), a.Plan)
			if err != nil {
				t.Fatal(err)
			}
			if again, _ := opened.Evaluate()(&a.Allocation); again != a.Point {
				t.Fatalf("front member %d: %+v, evaluated again %+v", i, a.Point, again)
			}
		}
	})
}

// TestFindsWhatPays: with enough budget the search spreads the layers and takes the
// order that is better.
func TestFindsWhatPays(t *testing.T) {
	o := defaults(3000, 1, 1)
	o.Objective = allocate.Latency
	r, err := Search(context.Background(), toy([]int{40, 8, 8}, 4), o)
	if err != nil {
		t.Fatal(err)
	}
	// 5600 over 4 cores, and a stack.
	if r.Best.Plan.Order != "latency" || r.Best.Point.Latency > 1300 || len(r.Best.Plan.Stacks) != 1 {
		t.Errorf("found %+v with %+v", r.Best.Point, r.Best.Plan)
	}
}

// TestOnlyWhatIsFree: nothing but the free dimensions is changed.
func TestOnlyWhatIsFree(t *testing.T) {
	for _, d := range mapping.Dimensions()[1:] {
		p := toy([]int{40, 8, 8}, 4)
		p.Free = []mapping.Dimension{d}
		changed := map[mapping.Dimension]bool{}
		open := p.Open
		p.Open = func(ctx context.Context, plan *Plan) (*Opened, error) {
			changed[mapping.Order] = changed[mapping.Order] || plan.Order != "stacks"
			changed[mapping.Prefetch] = changed[mapping.Prefetch] || plan.Prefetch != nil
			changed[mapping.Stacks] = changed[mapping.Stacks] || len(plan.Stacks) != 3
			for _, c := range plan.Cuts {
				changed[map[bool]mapping.Dimension{true: mapping.Splits, false: mapping.Tiles}[c.Inter]] = true
			}
			return open(ctx, plan)
		}
		if _, err := Search(context.Background(), p, defaults(600, 1, 1)); err != nil {
			t.Fatal(err)
		}
		for _, other := range mapping.Dimensions()[1:] {
			if changed[other] != (other == d) {
				t.Errorf("with %s free, %s changed: %v", d, other, changed[other])
			}
		}
	}
}

// TestEnds: a context or a deadline ends the search with the best until then.
func TestEnds(t *testing.T) {
	p := toy([]int{40, 8, 8, 3, 9, 10}, 4)
	o := defaults(1<<40, 1, 1)
	o.Deadline = time.Now()
	r, err := Search(context.Background(), p, o)
	if err != nil || !r.Interrupted || r.Evaluations != 1 {
		t.Errorf("no time: %+v, %v", r, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	o.Deadline = time.Time{}
	o.Progress = func(evaluations int, _ allocate.Point) {
		if evaluations > 500 {
			cancel()
		}
	}
	r, err = Search(ctx, p, o)
	if err != nil || !r.Interrupted || r.Evaluations < 500 {
		t.Errorf("interrupted: %+v, %v", r, err)
	}
	if _, err := Search(ctx, p, o); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted before: %v", err)
	}
}

// TestThin keeps the best for each objective.
func TestThin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := &Result{}
		for i := range rapid.IntRange(1, 60).Draw(t, "solutions") {
			r.Front = append(r.Front, Solution{Point: allocate.Point{
				Latency: unit.Cycles(100 + i), Energy: unit.Picojoules(1000 - 10*i), Memory: unit.Bits(rapid.IntRange(1, 1000).Draw(t, "bits")),
			}})
		}
		r.Best = r.Front[rapid.IntRange(0, len(r.Front)-1).Draw(t, "best")]
		front, best := r.Thin(10)
		if len(front) != min(10, len(r.Front)) || front[best].Point != r.Best.Point {
			t.Fatalf("%d of %d solutions, the best is %+v, not %+v", len(front), len(r.Front), front[best].Point, r.Best.Point)
		}
		for _, o := range allocate.Objectives() {
			g := allocate.Goal{Objective: allocate.Objective(o)}
			if pickBest(front, g).Point != r.Pick(g).Point {
				t.Fatalf("the best for %s is lost", o)
			}
		}
	})
}

// tiles lets a toy problem cut its layers within a core along OY, into rows unless a
// plan says otherwise, and over two cores along K.
func tiles(p *Problem, rows []int) {
	for i := range p.Layers {
		p.Layers[i].Dims[1].Size = rows[i]
	}
	p.Tile = func(plan *Plan) (*taskgraph.Tiled, error) {
		t := &taskgraph.Tiled{}
		for i := range p.Layers {
			l := &p.Layers[i]
			loops := []taskgraph.Loop{{Dim: 1, Parts: rows[i]}, {Dim: 0, Parts: 2, Inter: true}}
			for _, c := range plan.cutsOf(l.Name, false) {
				loops[0].Parts = c.Parts
			}
			layer := taskgraph.Layer{Layer: &workload.Layer{ID: i, Dims: l.Dims}, Loops: loops}
			t.Layers = append(t.Layers, layer)
			t.Nodes = append(t.Nodes, make([]taskgraph.Node, layer.NodeCount())...)
		}
		return t, nil
	}
}

func TestLargeStartsAreCoarser(t *testing.T) {
	rows := []int{4000, 2000, 1, 6}
	p := toy([]int{1, 1, 1, 1}, 2)
	tiles(&p, rows)
	parts := func(plan Plan) (list []int) {
		tiled, err := p.Tile(&plan)
		if err != nil {
			t.Fatal(err)
		}
		for i := range tiled.Layers {
			list = append(list, tiled.Layers[i].Loops[0].Parts)
		}
		return list
	}
	check := func(what string, want []int) {
		t.Helper()
		plan, err := p.coarse(p.Start)
		if err != nil {
			t.Fatal(err)
		}
		if got := parts(plan); !slices.Equal(got, want) {
			t.Errorf("%s: %v tiles, want %v", what, got, want)
		}
	}
	check("12014 nodes", []int{2000, 1000, 1, 3})
	p.Layers[0].Tiles = false
	check("the mapping keeps the first", []int{4000, 63, 1, 1}) // 2*(4000+63+1+1) = 8130
	p.Layers[0].Tiles = true
	p.Free = []mapping.Dimension{mapping.Splits}
	check("tiles are not free", rows)
	p.Free = mapping.Dimensions()
	p.EqualParts = true
	rows[0], rows[3] = 5000, 7
	p.Layers[0].Dims[1].Size, p.Layers[3].Dims[1].Size = 5000, 7
	check("equal parts", []int{2500, 1000, 1, 1})
	rows[0] = 20
	check("small enough", rows)
}
