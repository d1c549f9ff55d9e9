package allocate

import (
	"context"
	"errors"
	"slices"
	"sync"

	"streamdse/schedule"
)

// individual is one allocation as an index into each gene's candidates.
type individual struct {
	genes []uint16
	point Point
	// rank and crowding order a population; see rank.
	rank     int
	crowding float64
}

// judge schedules allocations for a strategy: each distinct one once, in
// parallel, with results taken up in the order in which they were asked for. It
// keeps an archive of everything that is not dominated.
type judge struct {
	space    *Space
	budget   int // distinct allocations that may be scheduled; 0 is no limit
	workers  []worker
	known    map[string]Point
	front    []individual
	firstErr error
	// interrupted tells that the context ended, exhausted that the budget is used.
	interrupted, exhausted bool
}

type worker struct {
	evaluate Evaluate
	scratch  *schedule.Allocation
}

func newJudge(space *Space, newEvaluate func() Evaluate, workers, budget int) *judge {
	j := &judge{space: space, budget: budget, known: map[string]Point{}}
	for range max(workers, 1) {
		j.workers = append(j.workers, worker{newEvaluate(), space.Clone()})
	}
	return j
}

// done tells whether nothing more may be scheduled.
func (j *judge) done() bool { return j.interrupted || j.exhausted }

// evaluate fills in the points of a population. Where the context or the budget
// ends before, the rest are infeasible.
func (j *judge) evaluate(ctx context.Context, pop []individual) {
	type job struct {
		genes []uint16
		point Point
		err   error
		done  bool
	}
	var jobs []job
	asked := map[string]bool{}
	for i := range pop {
		k := key(pop[i].genes)
		if _, ok := j.known[k]; ok || asked[k] {
			continue
		}
		if j.budget > 0 && len(j.known)+len(jobs) >= j.budget {
			j.exhausted = true
			break
		}
		asked[k] = true
		jobs = append(jobs, job{genes: pop[i].genes})
	}
	next := make(chan *job)
	var wg sync.WaitGroup
	for _, w := range j.workers {
		wg.Go(func() {
			for x := range next {
				j.space.decode(x.genes, w.scratch)
				x.point, x.err = w.evaluate(w.scratch)
				x.done = true
			}
		})
	}
	for i := range jobs {
		if ctx.Err() != nil {
			j.interrupted = true
			break
		}
		next <- &jobs[i]
	}
	close(next)
	wg.Wait()
	for i := range jobs {
		x := &jobs[i]
		switch {
		case !x.done || errors.Is(x.err, context.Canceled):
			continue
		case x.err != nil:
			if j.firstErr == nil {
				j.firstErr = x.err
			}
			x.point = infeasible()
		}
		j.known[key(x.genes)] = x.point
		j.archive(individual{genes: x.genes, point: x.point})
	}
	for i := range pop {
		p, ok := j.known[key(pop[i].genes)]
		if !ok {
			p = infeasible()
		}
		pop[i].point = p
	}
}

func (j *judge) isKnown(genes []uint16) bool {
	_, ok := j.known[key(genes)]
	return ok
}

// archive adds x to the front of everything evaluated, unless something there
// is as good.
func (j *judge) archive(x individual) {
	if !x.point.Feasible() {
		return
	}
	for _, f := range j.front {
		if f.point.Dominates(x.point) || f.point == x.point {
			return
		}
	}
	j.front = slices.DeleteFunc(j.front, func(f individual) bool { return x.point.Dominates(f.point) })
	j.front = append(j.front, x)
}

// best is the best of everything evaluated; false if nothing is feasible.
func (j *judge) best(g Goal) (individual, bool) {
	if len(j.front) == 0 {
		return individual{}, false
	}
	best := j.front[0]
	for _, f := range j.front[1:] {
		if g.Less(f.point, best.point) {
			best = f
		}
	}
	return best, true
}

// result sums up. The error is the context's, or that of the first allocation, if
// none was found to have a schedule.
func (j *judge) result(ctx context.Context, g Goal) (*Result, error) {
	best, ok := j.best(g)
	switch {
	case ok:
	case j.interrupted:
		return nil, ctx.Err()
	default:
		return nil, j.firstErr
	}
	slices.SortFunc(j.front, func(a, b individual) int {
		if Latency.Less(a.point, b.point) {
			return -1
		}
		return 1
	})
	r := &Result{Evaluations: len(j.known), Interrupted: j.interrupted, BestPoint: best.point}
	for _, f := range j.front {
		r.Front = append(r.Front, Solution{j.allocation(f.genes), f.point})
	}
	r.Best = j.allocation(best.genes)
	return r, nil
}

func (j *judge) allocation(genes []uint16) schedule.Allocation {
	a := j.space.Clone()
	j.space.decode(genes, a)
	return *a
}

// key identifies a choice of candidates in a map.
func key(genes []uint16) string {
	b := make([]byte, 0, 2*len(genes))
	for _, x := range genes {
		b = append(b, byte(x), byte(x>>8))
	}
	return string(b)
}
