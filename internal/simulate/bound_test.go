package simulate

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"streamdse/internal/allocate"
	"streamdse/internal/bound"
	"streamdse/rules"
	"streamdse/schedule"
)

// drawCandidates lists for each group some cores that it may run on, those of the
// allocation among them.
func drawCandidates(t *rapid.T, p Problem, alloc *schedule.Allocation) [][][]int {
	candidates := make([][][]int, len(alloc.Cores))
	for l, groups := range alloc.Cores {
		for _, core := range groups {
			cores := []int{core}
			for c := range p.Accelerator.Offchip {
				if c != core && rapid.IntRange(0, 3).Draw(t, "candidate") == 0 {
					cores = append(cores, c)
				}
			}
			candidates[l] = append(candidates[l], cores)
		}
	}
	return candidates
}

// bounded is a random problem with allocations to schedule.
type bounded struct {
	Problem
	candidates [][][]int
	allocs     []schedule.Allocation
}

func drawBounded(r rules.Rules) *rapid.Generator[bounded] {
	return rapid.Custom(func(t *rapid.T) bounded {
		p, alloc := drawProblem(t, r)
		b := bounded{p, drawCandidates(t, p, alloc), []schedule.Allocation{*alloc}}
		for range 5 {
			var a schedule.Allocation
			for _, groups := range b.candidates {
				var cores []int
				for _, list := range groups {
					cores = append(cores, rapid.SampledFrom(list).Draw(t, "core"))
				}
				a.Cores = append(a.Cores, cores)
			}
			b.allocs = append(b.allocs, a)
		}
		return b
	})
}

// gaps is how far schedules lie above their bounds.
type gaps struct {
	schedules, met int // met: the bound of latency is reached
	latency        float64
	energy         float64
}

// checkBound schedules a few allocations of a random problem: none beats a bound.
func checkBound(t rapid.TB, p bounded, seen *gaps) {
	b := bound.Find(bound.Problem{
		Graph: p.Graph, Accelerator: p.Accelerator, Costs: p.Costs, Rules: p.Rules, Prefetches: len(p.Prefetch) > 0,
		Cores: func(layer, group int) []int { return p.candidates[layer][group] },
	})
	partial := bound.NewPartial(bound.Problem{Graph: p.Graph, Accelerator: p.Accelerator, Costs: p.Costs, Rules: p.Rules, Prefetches: len(p.Prefetch) > 0})
	sim, err := New(p.Problem)
	if err != nil {
		t.Fatal(err)
	}
	for i := range p.allocs {
		m, err := sim.Evaluate(&p.allocs[i])
		if err != nil {
			continue
		}
		for _, part := range []bound.Part{b.Path, b.Links, b.Compute, {Latency: b.Latency, SetBy: b.LatencySetBy}} {
			if m.Latency < part.Latency {
				t.Fatalf("%v: %d cycles beat the bound of %d, set by %s (%+v)", p.allocs[i].Cores, m.Latency, part.Latency, part.SetBy, b)
			}
		}
		// A search that has fixed the first few layers as in this allocation.
		for fixed := range len(p.allocs[i].Cores) + 1 {
			latency, energy := partial.Find(func(layer, group int) []int {
				if layer < fixed {
					return p.allocs[i].Cores[layer][group : group+1]
				}
				return p.candidates[layer][group]
			})
			if m.Latency < latency || m.Energy.Total() < energy {
				t.Fatalf("%v: %d cycles, %v pJ beat the bounds of %d and %v with %d layers fixed", p.allocs[i].Cores, m.Latency, m.Energy.Total(), latency, energy, fixed)
			}
		}
		if m.Energy.Total() < b.Energy {
			t.Fatalf("%v: %v pJ beat the bound of %v, set by %s", p.allocs[i].Cores, m.Energy.Total(), b.Energy, b.EnergySetBy)
		}
		seen.schedules++
		if m.Latency == b.Latency {
			seen.met++
		}
		seen.latency += float64(m.Latency) / max(1, float64(b.Latency))
		seen.energy += float64(m.Energy.Total()) / max(1, float64(b.Energy))
	}
}

// TestNothingBeatsTheBound looks for a schedule below its bounds.
func TestNothingBeatsTheBound(t *testing.T) {
	for _, r := range []rules.Rules{rules.Default(), rules.Reference2024(), rules.Reference2023()} {
		t.Run(r.Name, func(t *testing.T) {
			var seen gaps
			problems := drawBounded(r)
			rapid.Check(t, func(t *rapid.T) { checkBound(t, problems.Draw(t, "problem"), &seen) })
			n := float64(seen.schedules)
			t.Logf("%d schedules: %.2f x the bound of latency (%d reach it), %.2f x that of energy", seen.schedules, seen.latency/n, seen.met, seen.energy/n)
			if seen.met == 0 {
				t.Error("no schedule reaches its bound: it says little")
			}
		})
	}
}

// TestNothingBeatsTheBoundUnderAnySwitch turns every switch of the rules over by itself.
func TestNothingBeatsTheBoundUnderAnySwitch(t *testing.T) {
	eachSwitch(t, func(t *testing.T, r rules.Rules) {
		var seen gaps
		problems := drawBounded(r)
		for seed := range 10 {
			checkBound(t, problems.Example(seed), &seen)
		}
	})
}

// TestExactIsExhaustive: branch and bound with the bounds of partial allocations finds
// what trying all allocations finds.
func TestExactIsExhaustive(t *testing.T) {
	for _, r := range []rules.Rules{rules.Default(), rules.Reference2024()} {
		t.Run(r.Name, func(t *testing.T) {
			all, scheduled := 0, 0
			problems := drawBounded(r)
			rapid.Check(t, func(t *rapid.T) {
				p := problems.Draw(t, "problem")
				o := allocate.DefaultOptions()
				o.Objective = rapid.SampledFrom([]allocate.Objective{allocate.EDP, allocate.Latency, allocate.Energy}).Draw(t, "objective")
				space, err := allocate.NewSpace(p.Graph, func(layer, group int) []int { return p.candidates[layer][group] }, p.Costs)
				if err != nil || space.Size() > float64(o.Budget) {
					return
				}
				sim, err := New(p.Problem)
				if err != nil {
					t.Fatal(err)
				}
				evaluate := func() allocate.Evaluate {
					s := sim.Fork()
					return func(a *schedule.Allocation) (allocate.Point, error) {
						m, err := s.Evaluate(a)
						return allocate.Point{Latency: m.Latency, Energy: m.Energy.Total()}, err
					}
				}
				o.NewBound = func() allocate.Bounder {
					b := bound.NewPartial(bound.Problem{Graph: p.Graph, Accelerator: p.Accelerator, Costs: p.Costs, Rules: p.Rules, Prefetches: len(p.Prefetch) > 0})
					return func(cores func(layer, group int) []int) allocate.Point {
						latency, energy := b.Find(cores)
						return allocate.Point{Latency: latency, Energy: energy}
					}
				}
				want, err := allocate.Search(t.Context(), "exhaustive", space, evaluate, o)
				if err != nil {
					return // no allocation has a schedule
				}
				got, err := allocate.Search(t.Context(), "exact", space, evaluate, o)
				if err != nil {
					t.Fatal(err)
				}
				if !got.Proven || math.Abs(got.Lower-want.Lower) > 1e-8*want.Lower {
					t.Fatalf("%s: exact finds %+v (proven %v), exhaustive %+v", o.Objective, got.BestPoint, got.Proven, want.BestPoint)
				}
				all, scheduled = all+want.Evaluations, scheduled+got.Evaluations
			})
			t.Logf("exact schedules %d of %d allocations", scheduled, all)
		})
	}
}
