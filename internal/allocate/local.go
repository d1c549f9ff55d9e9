package allocate

import (
	"context"
	"slices"
)

// greedy starts from the best regular allocation and moves one group after
// another, in the order of the network, to the core with which the whole schedule
// is best: list scheduling whose look-ahead is the schedule itself.
func greedy(ctx context.Context, s *search) {
	s.try(ctx, s.regular()...)
	x, ok := s.best(s.Goal)
	if !ok {
		x = s.base()
		x.point = infeasible()
	}
	for i, g := range s.space.Genes {
		if s.done() {
			return
		}
		var batch []individual
		for c := range g.Cores {
			y := individual{genes: slices.Clone(x.genes)}
			y.genes[i] = uint16(c)
			batch = append(batch, y)
		}
		for _, y := range s.try(ctx, batch...) {
			if s.Less(y.point, x.point) {
				x = y
			}
		}
	}
}

// local improves the best allocation found so far by iterated local search: single
// groups move to other cores as long as that helps the objective; where it no
// longer does, a few neighbouring groups are moved at random and the descent
// starts again from there. It goes on until the budget is used, or nothing new
// turns up.
func local(ctx context.Context, s *search) {
	best, ok := s.best(s.Goal)
	if !ok {
		best = s.anyone()
		best.point = infeasible()
	}
	const patience = 200 // rounds without an allocation that is new
	x := best
	for idle := 0; !s.done() && idle < patience; idle++ {
		before := len(s.known)
		x = s.descend(ctx, x)
		if s.Less(x.point, best.point) {
			best = x
		}
		x = s.kick(best)
		s.try(ctx, x)
		x.point = s.known[key(x.genes)]
		if len(s.known) > before {
			idle = 0
		}
	}
}

// descend follows single moves, in random order, as long as one is better.
func (s *search) descend(ctx context.Context, x individual) individual {
	type move struct{ gene, candidate int }
	var moves []move
	for i, g := range s.space.Genes {
		for c := range g.Cores {
			moves = append(moves, move{i, c})
		}
	}
	for improved := true; improved; {
		improved = false
		s.random.Shuffle(len(moves), func(i, j int) { moves[i], moves[j] = moves[j], moves[i] })
		for batch := range slices.Chunk(moves, batchSize) {
			if s.done() {
				return x
			}
			var tried []individual
			for _, m := range batch {
				if x.genes[m.gene] == uint16(m.candidate) {
					continue
				}
				y := individual{genes: slices.Clone(x.genes)}
				y.genes[m.gene] = uint16(m.candidate)
				tried = append(tried, y)
			}
			for _, y := range s.try(ctx, tried...) {
				if s.Less(y.point, x.point) {
					x, improved = y, true
				}
			}
		}
	}
	return x
}

// kick moves a few groups that follow each other in the network, each at random or
// all to one core.
func (s *search) kick(x individual) individual {
	y := individual{genes: slices.Clone(x.genes)}
	if s.random.IntN(2) == 0 {
		s.gather(y.genes)
		return y
	}
	n := len(y.genes)
	first, count := s.random.IntN(n), 2+s.random.IntN(3)
	for i := first; i < min(n, first+count); i++ {
		s.change(y.genes, i)
	}
	return y
}

// gather puts groups that follow each other on one core, as far as they may run there.
func (s *search) gather(genes []uint16) {
	n := len(genes)
	first, count := s.random.IntN(n), 2+s.random.IntN(7)
	cores := s.space.Genes[first].Cores
	core := cores[s.random.IntN(len(cores))]
	for i := first; i < min(n, first+count); i++ {
		if c := slices.Index(s.space.Genes[i].Cores, core); c >= 0 {
			genes[i] = uint16(c)
		}
	}
}
