package allocate

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"streamdse/internal/diag"
	"streamdse/schedule"
)

// Options of a search; take DefaultOptions and change what you need.
type Options struct {
	Goal
	Seed    uint64
	Workers int // goroutines that evaluate; never changes the result
	// Budget is the number of distinct allocations that are scheduled at the most.
	Budget int
	// Generations of the genetic search; 0 means until the budget is used.
	Generations int
	// Individuals is the number of offspring of a generation; half as many survive.
	Individuals int
	// Crossover is the part of the genetic search's offspring that has two parents;
	// Mutation the probability that a mutant's core of a group changes, 0 for one group
	// on the average.
	Crossover, Mutation float64
	// Starts are allocations that greedy, local and auto begin with, beside regular ones.
	Starts []schedule.Allocation
	// Progress, if not nil, is told now and then how much of the budget is used, and
	// the best so far.
	Progress func(evaluations int, best Point)
	// NewBound, if not nil, is called once per worker by allocators that prove
	// something; without it they know no bounds.
	NewBound func() Bounder
	// Steady is what the allocator of that name makes its model from; it fails without.
	Steady *Steady
}

// DefaultOptions suit an evaluation that takes about a millisecond.
func DefaultOptions() Options {
	return Options{Goal: Goal{Objective: EDP}, Workers: 1, Budget: 2000, Individuals: 48, Crossover: 0.3}
}

// search is what all strategies work with.
type search struct {
	*judge
	Options
	random *rand.Rand
	// What has been proven: see Result.
	proven bool
	lower  float64
	// failure is that of a solver.
	failure error
}

// strategy proposes allocations until it is done or the judge is.
type strategy func(ctx context.Context, s *search)

// strategies are the allocators by name, in the order of the help.
func strategies() ([]string, map[string]strategy) {
	return []string{"auto", "genetic", "local", "greedy", "random", "steady", "exact", "exhaustive"}, map[string]strategy{
		"auto":       auto,
		"genetic":    genetic,
		"local":      func(ctx context.Context, s *search) { greedy(ctx, s); local(ctx, s) },
		"greedy":     greedy,
		"random":     random,
		"steady":     func(ctx context.Context, s *search) { s.failure = steady(ctx, s) },
		"exact":      exact,
		"exhaustive": exhaustive,
	}
}

// Names lists the allocators.
func Names() []string {
	names, _ := strategies()
	return names
}

// Search looks for the best allocation in the space with the allocator of the
// given name:
//
//   - auto: greedy, then local and genetic in turns that grow longer; all allocations
//     if they are within the budget.
//   - genetic: NSGA-II for latency and energy; see genetic.
//   - local: greedy, then iterated local search for the objective; see local.
//   - greedy: one layer after another to the core that is best; see greedy.
//   - random: valid allocations, drawn evenly.
//   - steady: mixed-integer programs for the steady state of the stacks, then local;
//     see steady.
//   - exact: branch and bound; the result is proven to be the best, or says how much
//     better another may be; see exact.
//   - exhaustive: every allocation; the result is then proven to be the best.
//
// All random choices are made by the calling goroutine and batches of evaluations
// have fixed sizes, so the result depends on the seed but not on the number of
// workers. newEvaluate is called once per worker. If the context ends, the best
// allocation so far is returned with Interrupted set. The error is that of the
// first allocation if none has a schedule.
func Search(ctx context.Context, allocator string, space *Space, newEvaluate func() Evaluate, o Options) (*Result, error) {
	_, known := strategies()
	run, ok := known[allocator]
	if !ok {
		return nil, fmt.Errorf("no allocator is named %q", allocator)
	}
	if allocator == "exhaustive" && space.Size() > float64(o.Budget) {
		return nil, diag.One(fmt.Sprintf("there are %.4g allocations, which is more than the %d that the effort allows", space.Size(), o.Budget), "",
			"--evaluations allows more; --allocator auto tries them all where that is possible, and searches otherwise")
	}
	o.Individuals = max(o.Individuals, 2)
	s := &search{judge: newJudge(space, newEvaluate, o.Workers, o.Budget), Options: o, random: rand.New(rand.NewPCG(o.Seed, 0x9e3779b97f4a7c15))}
	if len(space.Genes) == 0 {
		s.try(ctx, s.base())
	} else {
		run(ctx, s)
	}
	if s.failure != nil {
		return nil, s.failure
	}
	r, err := s.result(ctx, o.Goal)
	if err == nil {
		r.Exhaustive = float64(r.Evaluations) >= space.Size()
		r.Proven, r.Lower = s.proven || r.Exhaustive, s.lower
		if r.Proven {
			r.Lower = o.Objective.Value(r.BestPoint)
		}
	}
	return r, err
}

// base is the allocation with the first candidate everywhere.
func (s *search) base() individual { return individual{genes: make([]uint16, len(s.space.Genes))} }

// try evaluates one batch and reports progress.
func (s *search) try(ctx context.Context, batch ...individual) []individual {
	s.evaluate(ctx, batch)
	if s.Progress != nil {
		if best, ok := s.best(s.Goal); ok {
			s.Progress(len(s.known), best.point)
		}
	}
	return batch
}

// regular are simple allocations: those that were given, those made by estimates,
// round robin over the candidates, and all layers on their i-th candidate.
func (s *search) regular() []individual {
	widest := 0
	for _, x := range s.space.Genes {
		widest = max(widest, len(x.Cores))
	}
	var list []individual
	for i := range s.Starts {
		list = append(list, individual{genes: s.space.encode(&s.Starts[i])})
	}
	for i := range s.space.Listed {
		list = append(list, individual{genes: s.space.encode(&s.space.Listed[i])})
	}
	for k := range widest {
		same, turn := s.base(), s.base()
		for i, x := range s.space.Genes {
			same.genes[i] = uint16(k % len(x.Cores))
			turn.genes[i] = uint16((i + k) % len(x.Cores))
		}
		list = append(list, turn, same)
	}
	return list
}

// anyone is a random allocation.
func (s *search) anyone() individual {
	x := s.base()
	for i, g := range s.space.Genes {
		x.genes[i] = uint16(s.random.IntN(len(g.Cores)))
	}
	return x
}

// change moves gene i to another of its candidates, if it has any.
func (s *search) change(genes []uint16, i int) {
	if len(s.space.Genes[i].Cores) < 2 {
		return
	}
	c := uint16(s.random.IntN(len(s.space.Genes[i].Cores) - 1))
	if c >= genes[i] {
		c++
	}
	genes[i] = c
}

// batchSize is how many proposals are evaluated together where a strategy could
// also go one by one; it must not depend on the number of workers.
const batchSize = 16

// auto descends from the greedy allocation and widens the front with the genetic
// search, in turns that grow longer, until the budget is used or neither finds
// anything new. What it does does not depend on the budget, which only ends it: more
// of it goes on from where less has ended.
func auto(ctx context.Context, s *search) {
	if s.space.Size() <= float64(s.Budget) {
		exhaustive(ctx, s)
		return
	}
	greedy(ctx, s)
	for turn := firstTurn; !s.done(); turn *= 2 {
		before := len(s.known)
		s.turn(turn, func() { local(ctx, s) })
		s.turn(turn, func() { genetic(ctx, s) })
		if len(s.known) == before {
			return
		}
	}
}

// firstTurn is how many allocations the first turn of each strategy schedules.
const firstTurn = 256

// turn runs a strategy for a number of evaluations.
func (s *search) turn(evaluations int, run func()) {
	whole := s.judge.budget
	if now := len(s.known) + evaluations; whole == 0 || now < whole {
		s.judge.budget = now
	}
	run()
	s.exhausted = s.exhausted && s.judge.budget == whole
	s.judge.budget = whole
}

// random draws allocations until the budget is used.
func random(ctx context.Context, s *search) {
	for idle := 0; !s.done() && idle < 100; idle++ {
		before := len(s.known)
		batch := make([]individual, batchSize)
		for i := range batch {
			batch[i] = s.anyone()
		}
		s.try(ctx, batch...)
		if len(s.known) > before {
			idle = 0
		}
	}
}

// exhaustive tries every allocation.
func exhaustive(ctx context.Context, s *search) {
	x := s.base().genes
	var batch []individual
	for more := true; more && !s.done(); {
		batch = append(batch, individual{genes: slices.Clone(x)})
		more = false
		for i := range x {
			if x[i]++; int(x[i]) < len(s.space.Genes[i].Cores) {
				more = true
				break
			}
			x[i] = 0
		}
		if len(batch) == batchSize || !more {
			s.try(ctx, batch...)
			batch = nil
		}
	}
}
