package explore

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"streamdse/internal/allocate"
	"streamdse/mapping"
	"streamdse/schedule"
	"streamdse/taskgraph"
)

// Problem is what is explored.
type Problem struct {
	Layers []Layer
	// Start is the plan to begin with.
	Start Plan
	// Free are the dimensions that may be changed, beside the cores.
	Free []mapping.Dimension
	// EqualParts restricts cuts to parts of equal size.
	EqualParts bool
	// Tile cuts the layers as a plan says, without connecting them; the layers are
	// those of Layers. If it is nil, the start is taken whatever its size.
	Tile func(*Plan) (*taskgraph.Tiled, error)
	// Open builds what a plan decides. An error means that the plan is not possible,
	// or is that of the context.
	Open func(context.Context, *Plan) (*Opened, error)
}

// Opened is a plan that allocations can be scheduled for.
type Opened struct {
	Graph *taskgraph.Graph
	Space *allocate.Space
	// Evaluate returns a function for the use of one goroutine.
	Evaluate func() allocate.Evaluate
	// Start, if not nil, is an allocation to begin with.
	Start *schedule.Allocation
	// NewBound and Steady are what allocators that prove something, or that solve
	// programs, ask for; see allocate.Options.
	NewBound func() allocate.Bounder
	Steady   *allocate.Steady
}

// Options of a search.
type Options struct {
	allocate.Options
	// Allocator finds the allocation of the start.
	Allocator string
	// Deadline, if not zero, is when the search ends. The start is opened, and an
	// allocation scheduled, whatever it takes.
	Deadline time.Time
}

// Solution is a plan and an allocation with what they achieve.
type Solution struct {
	Plan       *Plan
	Allocation schedule.Allocation
	Point      allocate.Point
}

// Result is what was found.
type Result struct {
	Best        Solution
	Front       []Solution // not dominated by anything evaluated, by ascending latency
	Evaluations int        // allocations scheduled
	Plans       int        // that were opened
	Interrupted bool       // the context or the deadline ended the search
	Exhaustive  bool       // everything there is to choose from was scheduled
	Proven      bool       // nothing there is to choose from is better for the objective
	Lower       float64    // shown to be at most the objective of all there is to choose from; 0 if nothing is
}

// The size of the steps of the search. None depends on the number of workers.
const (
	firstSlice  = 100 // evaluations for the start before any plan is changed
	batchPlans  = 8   // plans that are tried together
	shortest    = 6   // evaluations of a plan in the first batch; two more in each later one
	longest     = 32
	staysFactor = 2 // how much longer the best plan itself is searched in each batch
	tooLarge    = 4 // times as many nodes as the start has are not tried
)

// Search explores from the start. With nothing free but the cores, it is the
// allocator's search. If the context ends, the result is the best until then; the
// error is the context's if there is none, or that of the start if it has no
// schedule.
func Search(ctx context.Context, p Problem, o Options) (*Result, error) {
	start, err := p.coarse(p.Start)
	if err != nil {
		return nil, err
	}
	opened, err := p.Open(ctx, &start)
	if err != nil {
		return nil, err
	}
	s := &search{Problem: p, Options: o, random: rand.New(rand.NewPCG(o.Seed, 0x51ab5)), seen: map[string]bool{start.key(): true}}
	s.result.Plans = 1
	first := o.Options
	first.NewBound, first.Steady = opened.NewBound, opened.Steady
	if opened.Start != nil {
		first.Starts = append(first.Starts, *opened.Start)
	}
	if len(p.Free) > 0 {
		first.Budget = min(first.Budget, firstSlice)
	}
	limited, stop := context.WithCancel(ctx)
	if !o.Deadline.IsZero() {
		limited, stop = context.WithDeadline(ctx, o.Deadline)
	}
	defer stop()
	found, err := allocate.Search(limited, o.Allocator, opened.Space, opened.Evaluate, first)
	if errors.Is(err, context.DeadlineExceeded) { // one allocation there must be
		first.Budget = 1
		found, err = allocate.Search(ctx, "random", opened.Space, opened.Evaluate, first)
	}
	if err != nil {
		return nil, err
	}
	s.take(&start, found)
	if len(p.Free) == 0 {
		s.result.Exhaustive, s.result.Proven, s.result.Lower = found.Exhaustive, found.Proven, found.Lower
	}
	s.current = s.best(o.Goal)
	s.keep(s.current)
	s.opened, s.most = opened, max(tooLarge*len(opened.Graph.Nodes), 2000)
	if len(p.Free) > 0 {
		s.explore(limited)
	}
	return s.finish(), nil
}

type search struct {
	Problem
	Options
	random *rand.Rand
	seen   map[string]bool // keys of plans

	current Solution
	opened  *Opened    // current.Plan
	good    []Solution // the best of a few plans, the best first; current is among them
	most    int        // nodes of a plan that is tried
	front   []Solution
	result  Result
}

// take adds what was found for a plan.
func (s *search) take(p *Plan, r *allocate.Result) {
	s.result.Evaluations += r.Evaluations
	s.result.Interrupted = s.result.Interrupted || r.Interrupted
	for _, f := range r.Front {
		s.archive(Solution{p, f.Allocation, f.Point})
	}
}

// archive adds a solution to the front, unless something there is as good.
func (s *search) archive(x Solution) {
	for i := range s.front {
		if s.front[i].Point.Dominates(x.Point) || s.front[i].Point == x.Point {
			return
		}
	}
	s.front = slices.DeleteFunc(s.front, func(f Solution) bool { return x.Point.Dominates(f.Point) })
	s.front = append(s.front, x)
}

func (s *search) best(g allocate.Goal) Solution { return pickBest(s.front, g) }

func pickBest(front []Solution, g allocate.Goal) Solution {
	best := front[0]
	for _, f := range front[1:] {
		if g.Less(f.Point, best.Point) {
			best = f
		}
	}
	return best
}

func (s *search) finish() *Result {
	r := s.result
	r.Best = s.best(s.Goal)
	r.Front = s.front
	slices.SortFunc(r.Front, func(a, b Solution) int {
		return cmp.Or(cmp.Compare(a.Point.Latency, b.Point.Latency), cmp.Compare(a.Point.Energy, b.Point.Energy), cmp.Compare(a.Point.Memory, b.Point.Memory))
	})
	return &r
}

// job is one plan that is tried.
type job struct {
	plan   Plan
	parent schedule.Allocation // of the plan that was changed
	about  []int               // layers that are about to change
	kind   int                 // index of kinds, -1 for none
	seed   uint64
	budget int

	opened *Opened
	found  *allocate.Result // nil if it has no schedule
}

// explore tries batches of plans around the current one until the budget is used, or
// nothing new turns up.
func (s *search) explore(ctx context.Context) {
	m := &moves{layers: s.Layers, exact: s.EqualParts, random: s.random, free: map[mapping.Dimension]bool{}}
	for _, d := range s.Free {
		m.free[d] = true
	}
	c := newChooser(m)
	idle := 0 // batches without progress
	for batch := 0; ctx.Err() == nil && idle < 40; batch++ {
		if idle > 0 && idle%5 == 0 {
			c.opened = 0 // the large changes again, of what has been found since
		}
		jobs := s.propose(c, min(longest, shortest+2*batch), idle)
		whole := s.ration(jobs)
		s.run(ctx, jobs)
		before := s.current.Point
		for i := range jobs {
			s.merge(c, &jobs[i])
		}
		if idle++; s.Less(s.current.Point, before) {
			idle = 0
		}
		if s.Progress != nil {
			s.Progress(s.result.Evaluations, s.current.Point)
		}
		if !whole {
			break
		}
	}
	s.result.Interrupted = s.result.Interrupted || ctx.Err() != nil
}

// propose makes a batch: the current plan again, and changes of it or of another
// good one; the longer nothing has helped, the more changes at once.
func (s *search) propose(c *chooser, budget, idle int) []job {
	jobs := []job{{plan: *s.current.Plan, kind: -1, seed: s.random.Uint64(), budget: staysFactor * budget}}
	for tries := 0; len(jobs) < batchPlans && tries < 20*batchPlans; tries++ {
		parent := &s.current
		if s.random.IntN(3) == 0 {
			parent = &s.good[s.random.IntN(len(s.good))]
		}
		x := job{plan: *parent.Plan, parent: parent.Allocation, budget: budget, seed: s.random.Uint64()}
		var ok bool
		if x.plan, x.about, x.kind, ok = c.next(x.plan); !ok {
			continue
		}
		for s.random.IntN(6+2*idle) > 5 { // a few at once
			if q, more, _, ok := c.any(x.plan); ok {
				x.plan, x.about, x.kind = q, append(x.about, more...), -1
			}
		}
		if key := x.plan.key(); !s.seen[key] {
			s.seen[key] = true
			jobs = append(jobs, x)
		}
	}
	return jobs
}

// ration cuts the budgets of jobs to what is left of the whole. It tells whether
// all jobs got what they asked for: a batch that did not is the last.
func (s *search) ration(jobs []job) bool {
	left := s.Budget - s.result.Evaluations
	whole := true
	for i := range jobs {
		if jobs[i].budget > left {
			jobs[i].budget, whole = max(left, 0), false
		}
		left -= jobs[i].budget
	}
	return whole
}

// run searches the jobs, each by one goroutine.
func (s *search) run(ctx context.Context, jobs []job) {
	next := make(chan *job)
	var wg sync.WaitGroup
	for range max(1, min(s.Workers, len(jobs))) {
		wg.Go(func() {
			for x := range next {
				s.try(ctx, x)
			}
		})
	}
	for i := range jobs {
		next <- &jobs[i]
	}
	close(next)
	wg.Wait()
}

// try opens a plan and searches it for a short while. It only reads the search.
func (s *search) try(ctx context.Context, x *job) {
	if x.budget == 0 || ctx.Err() != nil {
		return
	}
	stays := x.kind < 0 && x.about == nil && x.plan.key() == s.current.Plan.key()
	x.opened = s.opened
	if !stays {
		opened, err := s.Open(ctx, &x.plan)
		if err != nil || len(opened.Graph.Nodes) > s.most {
			return
		}
		x.opened = opened
	}
	i := allocate.Improvement{Goal: s.Goal, Random: rand.New(rand.NewPCG(x.seed, 1)), Budget: x.budget}
	if stays {
		i.Starts = []schedule.Allocation{s.current.Allocation}
	} else {
		i.Starts = carry(x.opened, &x.parent)
		i.Focus = func(l int) bool { return slices.Contains(x.about, l) }
		i.Hopeless = s.hopeless
	}
	found, err := allocate.Improve(ctx, x.opened.Space, x.opened.Evaluate(), i)
	if err == nil {
		x.found = found
	}
}

// hopeless tells that a plan is so much worse than the current one that the moves
// of its allocation that are left will not make up for it.
func (s *search) hopeless(p allocate.Point, done float64) bool {
	margin := 1.25
	if done > 0 {
		margin = 1.05
	}
	have, want := s.Limits.Excess(p), s.Limits.Excess(s.current.Point)
	if have != want {
		return have > want*margin+0.1
	}
	return s.Objective.Value(p) > margin*s.Objective.Value(s.current.Point)
}

// merge takes up what a job found.
func (s *search) merge(c *chooser, x *job) {
	if x.opened != nil && x.opened != s.opened {
		s.result.Plans++
	}
	if x.found == nil {
		c.tell(x.kind, false)
		return
	}
	plan := x.plan // apart from the job, which holds a graph
	s.take(&plan, x.found)
	better := s.Less(x.found.BestPoint, s.current.Point)
	c.tell(x.kind, better)
	found := Solution{&plan, x.found.Best, x.found.BestPoint}
	if better {
		s.current, s.opened = found, x.opened
	}
	s.keep(found)
}

// goodPlans is how many plans are changed beside the best.
const goodPlans = 6

// keep takes a solution into the list of the good ones, one a plan.
func (s *search) keep(x Solution) {
	key := x.Plan.key()
	if i := slices.IndexFunc(s.good, func(g Solution) bool { return g.Plan.key() == key }); i >= 0 {
		if !s.Less(x.Point, s.good[i].Point) {
			return
		}
		s.good = slices.Delete(s.good, i, i+1)
	}
	at := slices.IndexFunc(s.good, func(g Solution) bool { return s.Less(x.Point, g.Point) })
	if at < 0 {
		at = len(s.good)
	}
	s.good = slices.Insert(s.good, at, x)
	s.good = s.good[:min(len(s.good), goodPlans)]
}

// carry carries an allocation over to another plan's graph, in which layers may
// have more or fewer groups: as it is where nothing has changed. Groups that are new
// go beside the others to further cores, or all layers that have other groups now put
// their first group on the first of their cores, their second on the second, ..., so
// that the same parts of several layers meet, or new groups join the others.
func carry(to *Opened, a *schedule.Allocation) []schedule.Allocation {
	cores := map[[2]int][]int{}
	for _, g := range to.Space.Genes {
		cores[[2]int{g.Layer, g.Group}] = g.Cores
	}
	apart, aligned, together := to.Space.Clone(), to.Space.Clone(), to.Space.Clone()
	differ := false
	for l := range to.Graph.Layers {
		had, has := a.Cores[l], apart.Cores[l]
		for g := range has {
			if len(had) == 0 {
				continue
			}
			list := cores[[2]int{l, g}]
			if len(list) == 0 {
				continue
			}
			aligned.Cores[l][g] = had[g%len(had)]
			if len(has) != len(had) && len(has) > 1 {
				aligned.Cores[l][g] = list[g%len(list)]
			}
			if g < len(had) {
				apart.Cores[l][g], together.Cores[l][g] = had[g], had[g]
				continue
			}
			together.Cores[l][g] = had[g%len(had)]
			at := max(0, slices.Index(list, had[g%len(had)]))
			apart.Cores[l][g] = list[(at+g)%len(list)]
			differ = differ || apart.Cores[l][g] != together.Cores[l][g]
		}
	}
	starts := []schedule.Allocation{*apart}
	if differ {
		starts = append(starts, *aligned, *together)
	}
	return starts
}

// Pick is the best of the front for another goal.
func (r *Result) Pick(g allocate.Goal) Solution { return pickBest(r.Front, g) }
