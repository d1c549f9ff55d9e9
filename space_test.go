package stream

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"streamdse/mapping"
	"streamdse/rules"
	"streamdse/schedule"
	"streamdse/taskgraph"
)

// reread writes the mapping of a result and reads it again.
func reread(t interface{ Fatal(...any) }, m *mapping.Mapping, c mapping.Choice) *mapping.Mapping {
	with := *m
	with.Choice, with.Explore = &c, []mapping.Dimension{}
	var b bytes.Buffer
	if err := with.Write(&b, "test"); err != nil {
		t.Fatal(err)
	}
	again, err := mapping.Parse("mapping.yaml", b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return again
}

// reproduce runs a problem by nothing but the choice of its mapping.
func reproduce(t interface{ Fatal(...any) }, p Problem, o Options) *Result {
	o.Explore = p.Mapping.Explore
	r, err := Run(context.Background(), p, o.Adopt(p.Mapping.Choice))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestChoiceReproduces schedules random plans of small networks and runs each again by
// the mapping that was written for it: the schedule is the same to the last bit.
func TestChoiceReproduces(t *testing.T) {
	costs := NewCosts()
	problems := map[string]Problem{}
	networks := []string{"mlperf_tiny_ic", "mlperf_tiny_kws", "mlperf_tiny_ad"}
	for _, network := range networks {
		for _, chip := range []string{"tpu_like_quad_core", "eyeriss_like_quad_core"} {
			p, _, err := Load(Inputs{Workload: network, Hardware: chip, FoldActivations: true, Rules: rules.Default()})
			if err != nil {
				t.Fatal(err)
			}
			problems[network+chip] = p
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		p := problems[rapid.SampledFrom(networks).Draw(t, "network")+rapid.SampledFrom([]string{"tpu_like_quad_core", "eyeriss_like_quad_core"}).Draw(t, "chip")]
		o := DefaultOptions()
		o.Costs = costs
		o.Mode = rapid.SampledFrom([]Mode{LayerByLayer, Fused}).Draw(t, "mode")
		o.Rules, _ = rules.Named(rapid.SampledFrom(rules.Names()).Draw(t, "rules"))
		o.Order = rapid.SampledFrom([]Order{ByStacks, ByLatency, ByMemory}).Draw(t, "order")
		o.Prefetch = rapid.SampledFrom([][]string{nil, {"W"}, {"W", "I"}}).Draw(t, "prefetch")
		o.Transfers = rapid.SampledFrom([]Transfers{Backfill, InOrder}).Draw(t, "transfers")
		o.FetchOrder = rapid.SampledFrom([]FetchOrder{SmallestFirst, LargestFirst, AsListed}).Draw(t, "fetch order")
		o.SplitWeights = rapid.SampledFrom([]float64{0, 0, 0.1}).Draw(t, "weights")
		o.RecomputeHalo = !o.Rules.WholeTileEdges && rapid.Bool().Draw(t, "halo")
		if last := p.Workload.Layers[len(p.Workload.Layers)-1].ID; rapid.Bool().Draw(t, "own stacks") {
			cut := rapid.IntRange(0, last-1).Draw(t, "cut")
			o.Stacks = [][]int{ids(cut+1, last), ids(0, cut)}
		}
		for range rapid.IntRange(0, 4).Draw(t, "cuts") {
			l := &p.Workload.Layers[rapid.IntRange(0, len(p.Workload.Layers)-1).Draw(t, "layer")]
			d := l.Dims[rapid.IntRange(0, len(l.Dims)-1).Draw(t, "dim")]
			parts := rapid.IntRange(1, min(4, d.Size)).Draw(t, "parts")
			c := mapping.Cut{Layer: l.Name, Inter: rapid.Bool().Draw(t, "inter"), Tiling: mapping.Tiling{Dim: d.Dim, Parts: parts}}
			if rapid.IntRange(0, 3).Draw(t, "for all") == 0 {
				c.Layer = ""
			}
			o.Cuts = append(o.Cuts, c)
		}
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "allocation"), 0))
		first := o
		first.Fixed = func(g *taskgraph.Graph) (*schedule.Allocation, error) { return randomAllocation(p, g, random), nil }
		r, err := Run(context.Background(), p, first)
		var infeasible *schedule.Infeasible
		if errors.As(err, &infeasible) || err != nil && r == nil {
			t.Skip(err)
		}
		again := p
		again.Mapping = reread(t, p.Mapping, r.Choice)
		fresh := DefaultOptions()
		fresh.Costs, fresh.Mode, fresh.Rules = costs, Mode(again.Mapping.Choice.Mode), o.Rules
		if d := cmp.Diff(r.Schedule, reproduce(t, again, fresh).Schedule); d != "" {
			t.Fatalf("reproduced: %s", d)
		}
	})
}

// TestExplore explores the whole space of a small network: the result and every
// solution of the front are reproduced by what is written of them, one and two
// workers give the same, and a larger effort is not worse.
func TestExplore(t *testing.T) {
	p, _, err := Load(Inputs{Workload: "mlperf_tiny_ic", Hardware: "tpu_like_quad_core", FoldActivations: true, Rules: rules.Default()})
	if err != nil {
		t.Fatal(err)
	}
	costs := NewCosts()
	for _, mode := range []Mode{LayerByLayer, Fused} {
		var last *Result
		for _, evaluations := range []int{150, 400} {
			o := DefaultOptions()
			o.Mode, o.Costs, o.Evaluations, o.Workers = mode, costs, evaluations, 2
			r, err := Run(context.Background(), p, o)
			if err != nil {
				t.Fatal(err)
			}
			if r.Plans < 5 || r.Front[r.Chosen].Latency != r.Schedule.Latency {
				t.Errorf("%s: %d plans; chosen %+v of latency %d", mode, r.Plans, r.Front[r.Chosen], r.Schedule.Latency)
			}
			if last != nil && r.Schedule.EDP() > last.Schedule.EDP() {
				t.Errorf("%s: EDP %v after %d evaluations, %v after fewer", mode, r.Schedule.EDP(), evaluations, last.Schedule.EDP())
			}
			last = r
			if evaluations > 150 {
				continue
			}
			o.Workers = 1
			one, err := Run(context.Background(), p, o)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(r.Schedule, one.Schedule); d != "" {
				t.Errorf("%s: one worker and two differ: %s", mode, d)
			}
			if d := cmp.Diff(r.Front, one.Front); d != "" {
				t.Errorf("%s: one worker and two differ: %s", mode, d)
			}
		}
		for i, s := range last.Front {
			again := p
			again.Mapping = reread(t, p.Mapping, s.Choice)
			o := DefaultOptions()
			o.Mode, o.Costs = mode, costs
			r := reproduce(t, again, o)
			if r.Schedule.Latency != s.Latency || r.Schedule.Energy.Total() != s.Energy || r.Front[0].Memory != s.Memory {
				t.Errorf("%s: solution %d gives %d cycles, %v pJ, %d bits; want %+v", mode, i, r.Schedule.Latency, r.Schedule.Energy.Total(), r.Front[0].Memory, s)
			}
		}
	}
}

// TestPickAndLimits: the result is what --pick asks for, limits are kept, and what
// cannot be kept is told with numbers.
func TestPickAndLimits(t *testing.T) {
	p, _, err := Load(Inputs{Workload: "mlperf_tiny_ic", Hardware: "tpu_like_quad_core", FoldActivations: true, Rules: rules.Default()})
	if err != nil {
		t.Fatal(err)
	}
	o := DefaultOptions()
	o.Evaluations, o.Costs = 200, NewCosts()
	results := map[Objective]*Result{}
	for _, name := range Objectives() {
		o.Pick = Objective(name)
		r, err := Run(context.Background(), p, o)
		if err != nil {
			t.Fatal(err)
		}
		results[o.Pick] = r
		for _, s := range r.Front {
			value := map[Objective][2]float64{
				EDP:     {float64(s.Latency) * float64(s.Energy), r.Schedule.EDP()},
				Latency: {float64(s.Latency), float64(r.Schedule.Latency)},
				Energy:  {float64(s.Energy), float64(r.Schedule.Energy.Total())},
				Memory:  {float64(s.Memory), float64(r.Front[r.Chosen].Memory)},
			}[o.Pick]
			if value[0] < value[1] {
				t.Errorf("picked by %s: %v, but the front has %v", o.Pick, value[1], value[0])
			}
		}
	}
	o.Pick = ""
	best, low := results[EDP], results[Memory]
	full, least := best.Front[best.Chosen].Memory, low.Front[low.Chosen].Memory
	if least >= full {
		t.Fatalf("no choice of memory: %d and %d", least, full)
	}
	o.Limits.Memory = (full + least) / 2
	r, err := Run(context.Background(), p, o)
	if err != nil || r.Front[r.Chosen].Memory > o.Limits.Memory {
		t.Errorf("limit %d: %v", o.Limits.Memory, err)
	}
	o.Limits.Latency = 1
	_, err = Run(context.Background(), p, o)
	var unmet *Unmet
	if !errors.As(err, &unmet) || unmet.Best.Latency <= 1 || unmet.Bound.Latency <= 1 {
		t.Errorf("limit of one cycle: %v", err)
	}
}

// TestTimeLimit ends a search that would go on for long.
func TestTimeLimit(t *testing.T) {
	p, _, err := Load(Inputs{Workload: "mlperf_tiny_ic", Hardware: "tpu_like_quad_core", FoldActivations: true, Rules: rules.Default()})
	if err != nil {
		t.Fatal(err)
	}
	o := DefaultOptions()
	o.Evaluations, o.TimeLimit = 1<<40, 500*time.Millisecond
	r, err := Run(context.Background(), p, o)
	if err != nil || !r.TimedOut || r.Evaluations < 1 {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestEntriesFix: an entry may keep its layers' tilings.
func TestEntriesFix(t *testing.T) {
	p, _, err := Load(Inputs{Workload: "mlperf_tiny_ic", Hardware: "tpu_like_quad_core", FoldActivations: true, Rules: rules.Default()})
	if err != nil {
		t.Fatal(err)
	}
	kept := *p.Mapping
	kept.Entries = slices.Clone(kept.Entries)
	for i := range kept.Entries {
		kept.Entries[i].Keep = []mapping.Dimension{mapping.Splits, mapping.Tiles}
	}
	p.Mapping = &kept
	o := DefaultOptions()
	o.Evaluations = 300
	r, err := Run(context.Background(), p, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range r.Front {
		if len(s.Choice.Cuts) > 0 {
			t.Errorf("tilings changed: %v", s.Choice.Cuts)
		}
	}
}
