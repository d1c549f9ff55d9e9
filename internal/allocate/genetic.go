package allocate

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"sync"

	"streamdse/schedule"
)

// GeneticOptions are the parameters of the genetic search; take DefaultGenetic
// and change what you need.
type GeneticOptions struct {
	Generations int
	Individuals int // offspring per generation; half as many survive
	Seed        uint64
	Workers     int // goroutines that evaluate; never changes the result
	Objective   Objective
	Crossover   float64 // share of the offspring that has two parents; the rest are mutants
	// Progress, if not nil, is called after every generation (0 is the initial population).
	Progress func(generation, evaluations int, best Point)
}

// DefaultGenetic returns the published tool's crossover rate with a population
// that suits a fast evaluation.
func DefaultGenetic() GeneticOptions {
	return GeneticOptions{Generations: 40, Individuals: 48, Workers: 1, Objective: EDP, Crossover: 0.3}
}

// individual is one allocation as an index into each gene's candidates.
type individual struct {
	genes    []uint16
	point    Point
	rank     int
	crowding float64
}

// Genetic searches the space with NSGA-II (Deb et al., IEEE Trans. Evol. Comp.
// 2002) for small latency and small energy: (mu + lambda) evolution with
// lambda = Individuals and mu half of it, as in the published scheduler, but
// with operators that suit unordered core ids: uniform crossover, and mutation
// of each gene with probability 1/genes to another of its candidates.
//
// All random choices are made by the calling goroutine, so the result depends
// on the seed but not on the number of workers. newEvaluate is called once per
// worker. If the context ends, the best allocation so far is returned with
// Interrupted set. The error is that of the first allocation if none has a schedule.
func Genetic(ctx context.Context, space *Space, newEvaluate func() Evaluate, o GeneticOptions) (*Result, error) {
	o.Individuals = max(o.Individuals, 2)
	o.Workers = max(o.Workers, 1)
	g := &genetic{
		space:   space,
		options: o,
		random:  rand.New(rand.NewPCG(o.Seed, 0x9e3779b97f4a7c15)),
		known:   map[string]Point{},
	}
	for range o.Workers {
		g.workers = append(g.workers, worker{newEvaluate(), space.clone()})
	}
	return g.run(ctx)
}

// key identifies a choice of candidates in a map.
func key(genes []uint16) string {
	b := make([]byte, 0, 2*len(genes))
	for _, x := range genes {
		b = append(b, byte(x), byte(x>>8))
	}
	return string(b)
}

type worker struct {
	evaluate Evaluate
	scratch  *schedule.Allocation
}

type genetic struct {
	space    *Space
	options  GeneticOptions
	random   *rand.Rand
	workers  []worker
	known    map[string]Point
	front    []individual // archive of everything not dominated
	firstErr error
}

func (g *genetic) run(ctx context.Context) (*Result, error) {
	o := g.options
	if len(g.space.Genes) == 0 {
		o.Generations = 0
	}
	population := g.initial()
	interrupted := g.evaluate(ctx, population)
	g.report(0)
	for gen := 1; gen <= o.Generations && !interrupted; gen++ {
		offspring := g.offspring(population)
		interrupted = g.evaluate(ctx, offspring)
		population = survivors(append(population, offspring...), max(o.Individuals/2, 1))
		g.report(gen)
	}
	if len(g.front) == 0 {
		if interrupted {
			return nil, ctx.Err()
		}
		return nil, g.firstErr
	}
	slices.SortFunc(g.front, func(a, b individual) int {
		if Latency.Less(a.point, b.point) {
			return -1
		}
		return 1
	})
	r := &Result{Evaluations: len(g.known), Interrupted: interrupted}
	for _, f := range g.front {
		a := g.space.clone()
		g.space.decode(f.genes, a)
		r.Front = append(r.Front, Solution{*a, f.point})
	}
	best := r.Front[0]
	for _, s := range r.Front[1:] {
		if o.Objective.Less(s.Point, best.Point) {
			best = s
		}
	}
	r.Best, r.BestPoint = best.Allocation, best.Point
	return r, nil
}

func (g *genetic) report(generation int) {
	if g.options.Progress == nil || len(g.front) == 0 {
		return
	}
	best := g.front[0].point
	for _, f := range g.front[1:] {
		if g.options.Objective.Less(f.point, best) {
			best = f.point
		}
	}
	g.options.Progress(generation, len(g.known), best)
}

// initial is a population of simple regular allocations (all on the i-th
// candidate, and round robin) filled up with random ones.
func (g *genetic) initial() []individual {
	if len(g.space.Genes) == 0 {
		return []individual{{genes: []uint16{}}}
	}
	widest := 0
	for _, x := range g.space.Genes {
		widest = max(widest, len(x.Cores))
	}
	var pop []individual
	for k := 0; k < widest && len(pop) < g.options.Individuals/2; k++ {
		same, turn := g.blank(), g.blank()
		for i, x := range g.space.Genes {
			same.genes[i] = uint16(k % len(x.Cores))
			turn.genes[i] = uint16((i + k) % len(x.Cores))
		}
		pop = append(pop, turn, same)
	}
	for len(pop) < g.options.Individuals {
		r := g.blank()
		for i, x := range g.space.Genes {
			r.genes[i] = uint16(g.random.IntN(len(x.Cores)))
		}
		pop = append(pop, r)
	}
	return pop[:g.options.Individuals]
}

func (g *genetic) blank() individual {
	return individual{genes: make([]uint16, len(g.space.Genes))}
}

// offspring makes one generation of children from a population.
func (g *genetic) offspring(parents []individual) []individual {
	children := make([]individual, 0, g.options.Individuals)
	for len(children) < g.options.Individuals {
		child := g.blank()
		a := g.tournament(parents)
		copy(child.genes, a.genes)
		if len(parents) > 1 && g.random.Float64() < g.options.Crossover {
			b := g.tournament(parents)
			for i := range child.genes {
				if g.random.IntN(2) == 1 {
					child.genes[i] = b.genes[i]
				}
			}
		}
		if g.isKnown(child.genes) {
			g.mutate(child.genes)
		}
		children = append(children, child)
	}
	return children
}

func (g *genetic) isKnown(genes []uint16) bool {
	_, ok := g.known[key(genes)]
	return ok
}

// tournament picks the better of two random individuals.
func (g *genetic) tournament(from []individual) *individual {
	a, b := &from[g.random.IntN(len(from))], &from[g.random.IntN(len(from))]
	if b.rank < a.rank || b.rank == a.rank && b.crowding > a.crowding {
		return b
	}
	return a
}

// mutate changes at least one gene that has a choice, trying a few times to
// reach an allocation that was not evaluated before.
func (g *genetic) mutate(genes []uint16) {
	n := len(genes)
	for range 4 {
		for i, x := range g.space.Genes {
			if len(x.Cores) > 1 && g.random.IntN(n) == 0 {
				g.change(genes, i)
			}
		}
		if !g.isKnown(genes) {
			return
		}
		if i := g.random.IntN(n); len(g.space.Genes[i].Cores) > 1 {
			g.change(genes, i)
		}
		if !g.isKnown(genes) {
			return
		}
	}
}

// change moves gene i to another of its candidates.
func (g *genetic) change(genes []uint16, i int) {
	c := uint16(g.random.IntN(len(g.space.Genes[i].Cores) - 1))
	if c >= genes[i] {
		c++
	}
	genes[i] = c
}

// evaluate fills in the points of a population, each distinct allocation once,
// and updates the archive in population order. It returns true if the context
// ended before all were evaluated; the rest are then infeasible.
func (g *genetic) evaluate(ctx context.Context, pop []individual) (interrupted bool) {
	type job struct {
		genes []uint16
		point Point
		err   error
		done  bool
	}
	var jobs []job
	index := map[string]int{}
	for i := range pop {
		k := key(pop[i].genes)
		if _, ok := g.known[k]; ok {
			continue
		}
		if _, ok := index[k]; !ok {
			index[k] = len(jobs)
			jobs = append(jobs, job{genes: pop[i].genes})
		}
	}
	next := make(chan int)
	var wg sync.WaitGroup
	for _, w := range g.workers {
		wg.Go(func() {
			for i := range next {
				j := &jobs[i]
				g.space.decode(j.genes, w.scratch)
				j.point, j.err = w.evaluate(w.scratch)
				j.done = true
			}
		})
	}
	for i := range jobs {
		if ctx.Err() != nil {
			interrupted = true
			break
		}
		next <- i
	}
	close(next)
	wg.Wait()
	for _, j := range jobs {
		switch {
		case !j.done:
			continue
		case j.err != nil:
			if errors.Is(j.err, context.Canceled) {
				interrupted = true
				continue
			}
			if g.firstErr == nil {
				g.firstErr = j.err
			}
			j.point = infeasible()
		}
		g.known[key(j.genes)] = j.point
		g.archive(individual{genes: j.genes, point: j.point})
	}
	for i := range pop {
		if p, ok := g.known[key(pop[i].genes)]; ok {
			pop[i].point = p
		} else {
			pop[i].point = infeasible()
		}
	}
	return interrupted
}

// archive adds x to the front of everything evaluated, unless something there
// is as good.
func (g *genetic) archive(x individual) {
	if !x.point.Feasible() {
		return
	}
	for _, f := range g.front {
		if f.point.dominates(x.point) || f.point == x.point {
			return
		}
	}
	g.front = slices.DeleteFunc(g.front, func(f individual) bool { return x.point.dominates(f.point) })
	g.front = append(g.front, x)
}

// survivors keeps the best n of a population: by non-dominated rank, then by
// crowding distance.
func survivors(pop []individual, n int) []individual {
	rank(pop)
	sort.SliceStable(pop, func(i, j int) bool {
		if pop[i].rank != pop[j].rank {
			return pop[i].rank < pop[j].rank
		}
		return pop[i].crowding > pop[j].crowding
	})
	return slices.Clone(pop[:min(n, len(pop))])
}

// rank sorts a population into fronts and computes the crowding distances.
func rank(pop []individual) {
	left := make([]int, len(pop))
	for i := range left {
		left[i] = i
	}
	for r := 0; len(left) > 0; r++ {
		var front, rest []int
		for _, i := range left {
			if slices.ContainsFunc(left, func(j int) bool { return pop[j].point.dominates(pop[i].point) }) {
				rest = append(rest, i)
			} else {
				front = append(front, i)
				pop[i].rank = r
			}
		}
		crowd(pop, front)
		left = rest
	}
}

// crowd sets the crowding distance of the members of one front: the size of the
// gap they fill along each aim, infinite at the ends.
func crowd(pop []individual, front []int) {
	for _, i := range front {
		pop[i].crowding = 0
	}
	for _, aim := range []func(Point) float64{
		func(p Point) float64 { return float64(p.Latency) },
		func(p Point) float64 { return float64(p.Energy) },
	} {
		sort.SliceStable(front, func(a, b int) bool { return aim(pop[front[a]].point) < aim(pop[front[b]].point) })
		lo, hi := aim(pop[front[0]].point), aim(pop[front[len(front)-1]].point)
		pop[front[0]].crowding, pop[front[len(front)-1]].crowding = math.Inf(1), math.Inf(1)
		if !(hi > lo) || math.IsInf(hi, 1) {
			continue
		}
		for k := 1; k < len(front)-1; k++ {
			pop[front[k]].crowding += (aim(pop[front[k+1]].point) - aim(pop[front[k-1]].point)) / (hi - lo)
		}
	}
}
