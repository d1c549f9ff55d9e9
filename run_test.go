package stream

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"streamdse/internal/diag"
	"streamdse/rules"
	"streamdse/schedule"
	"streamdse/taskgraph"
)

// builtin is the main job's problem.
func builtin(t testing.TB, r rules.Rules) Problem {
	t.Helper()
	p, _, err := Load(Inputs{Workload: "resnet18", Hardware: "tpu_like_quad_core", FoldActivations: true, Rules: r})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestAnyAllocation schedules random allocations, stacks, orders and prefetches of
// ResNet-18 under both sets of rules: Run verifies each schedule, and none beats the bound.
func TestAnyAllocation(t *testing.T) {
	costs := NewCosts()
	problems := map[string]Problem{}
	for _, name := range rules.Names() {
		r, _ := rules.Named(name)
		problems[name] = builtin(t, r)
	}
	rapid.Check(t, func(t *rapid.T) {
		o := DefaultOptions()
		o.Costs = costs
		o.Mode = rapid.SampledFrom([]Mode{LayerByLayer, Fused}).Draw(t, "mode")
		name := rapid.SampledFrom(rules.Names()).Draw(t, "rules")
		o.Rules, _ = rules.Named(name)
		if rapid.Bool().Draw(t, "own stacks") {
			cut := rapid.IntRange(0, 33).Draw(t, "cut")
			o.Stacks = [][]int{ids(0, cut), ids(cut+1, rapid.IntRange(cut+1, 34).Draw(t, "end"))}
		}
		o.Order = rapid.SampledFrom([]Order{ByStacks, ByLatency, ByMemory}).Draw(t, "order")
		if rapid.IntRange(0, 3).Draw(t, "own order") == 0 {
			seed := rapid.Uint64().Draw(t, "order seed")
			o.First = func(g *taskgraph.Graph) ([]taskgraph.NodeID, error) {
				nodes := make([]taskgraph.NodeID, len(g.Nodes))
				for n := range nodes {
					nodes[n] = taskgraph.NodeID(n)
				}
				rand.New(rand.NewPCG(seed, 0)).Shuffle(len(nodes), func(i, j int) { nodes[i], nodes[j] = nodes[j], nodes[i] })
				return nodes, nil
			}
		}
		o.Prefetch = rapid.SampledFrom([][]string{nil, {"W"}, {"W", "I"}}).Draw(t, "prefetch")
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "allocation"), 0))
		p := problems[name]
		o.Fixed = func(g *taskgraph.Graph) (*schedule.Allocation, error) { return randomAllocation(p, g, random), nil }
		r, err := Run(context.Background(), p, o)
		var infeasible *schedule.Infeasible
		if errors.As(err, &infeasible) {
			t.Skip(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		if r.Schedule.Latency < r.Bound.Latency {
			t.Errorf("latency %d beats the bound %d, set by %s", r.Schedule.Latency, r.Bound.Latency, r.Bound.SetBy)
		}
	})
}

func TestWorkersDoNotChangeTheResult(t *testing.T) {
	p := builtin(t, rules.Default())
	var first *Result
	for workers := 1; workers <= 3; workers++ {
		o := DefaultOptions()
		o.Workers, o.Evaluations = workers, 150
		r, err := Run(context.Background(), p, o)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = r
			continue
		}
		if d := cmp.Diff(first.Schedule, r.Schedule); d != "" {
			t.Errorf("%d workers: %s", workers, d)
		}
	}
}

func TestInterrupt(t *testing.T) {
	p := builtin(t, rules.Default())
	ctx, cancel := context.WithCancel(context.Background())
	o := DefaultOptions()
	o.Allocator, o.Evaluations = "random", 1<<40
	o.Progress = func(e Progress) {
		if e.Step == "allocate" && e.Done > 100 {
			cancel()
		}
	}
	r, err := Run(ctx, p, o)
	if err != nil || !r.Interrupted || r.Schedule == nil {
		t.Fatalf("interrupted in the search: %+v, %v", r, err)
	}
	if _, err := Run(ctx, p, o); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted before: %v", err)
	}
}

func TestLoadReportsAllProblems(t *testing.T) {
	_, _, err := Load(Inputs{Workload: "resnet", Hardware: "nowhere/chip.yaml", Mapping: "tpu"})
	var problems diag.List
	if !errors.As(err, &problems) || len(problems) != 3 {
		t.Errorf("error %v, want three problems", err)
	}
}

// TestUnknownOrder: an order is a name that Orders lists.
func TestUnknownOrder(t *testing.T) {
	o := DefaultOptions()
	o.Mode, o.Order = LayerByLayer, "stack"
	_, err := Run(context.Background(), builtin(t, rules.Default()), o)
	var problems diag.List
	if !errors.As(err, &problems) || !strings.Contains(err.Error(), "did you mean `stacks`?") {
		t.Errorf("error %v", err)
	}
}

// BenchmarkMainJob is the default run in both modes, pictures apart.
func BenchmarkMainJob(b *testing.B) {
	p := builtin(b, rules.Default())
	b.ReportAllocs()
	for b.Loop() {
		o := DefaultOptions()
		o.Costs = NewCosts()
		for _, o.Mode = range []Mode{LayerByLayer, Fused} {
			if _, err := Run(context.Background(), p, o); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// randomAllocation puts every group on one of the cores that may run it.
func randomAllocation(p Problem, g *taskgraph.Graph, random *rand.Rand) *schedule.Allocation {
	a := &schedule.Allocation{Cores: make([][]int, len(g.Layers))}
	for l := range g.Layers {
		layer := &g.Layers[l]
		for group := range layer.Groups {
			c := layer.Entry.Candidates(p.Hardware, layer.Layer, group)
			a.Cores[l] = append(a.Cores[l], c[random.IntN(len(c))])
		}
	}
	return a
}
