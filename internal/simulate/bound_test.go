package simulate

import (
	"reflect"
	"testing"

	"pgregory.net/rapid"

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
	for _, base := range []rules.Rules{rules.Default(), rules.Reference2024(), rules.Reference2023()} {
		for i := range reflect.TypeFor[rules.Rules]().NumField() {
			r := base
			field := reflect.ValueOf(&r).Elem().Field(i)
			if field.Kind() != reflect.Bool {
				continue
			}
			field.SetBool(!field.Bool())
			t.Run(base.Name+"/"+reflect.TypeFor[rules.Rules]().Field(i).Name, func(t *testing.T) {
				var seen gaps
				problems := drawBounded(r)
				for seed := range 20 {
					checkBound(t, problems.Example(seed), &seen)
				}
			})
		}
	}
}
