package allocate

import (
	"context"
	"math"
	"slices"
	"sort"
)

// genetic searches with NSGA-II (Deb et al., IEEE Trans. Evol. Comp. 2002) for
// small latency and small energy: (mu + lambda) evolution with lambda =
// Individuals and mu half of it, as in the published scheduler, but with operators
// that suit unordered core ids: uniform crossover, for the part Crossover of the
// offspring, and mutation of each gene with probability Mutation (1/genes if that is
// 0) to another of its candidates. What was found before it
// started takes part in the first population.
func genetic(ctx context.Context, s *search) {
	population := s.initial()
	s.try(ctx, population...)
	stale := 0
	for gen := 1; !s.done() && (s.Generations == 0 || gen <= s.Generations) && stale < 50; gen++ {
		before := len(s.known)
		offspring := s.offspring(population)
		s.try(ctx, offspring...)
		population = s.survivors(append(population, offspring...), max(s.Individuals/2, 1))
		if stale++; len(s.known) > before {
			stale = 0
		}
	}
}

// initial is the front so far, regular allocations, and random ones.
func (s *search) initial() []individual {
	var pop []individual
	for _, f := range s.front {
		pop = append(pop, individual{genes: slices.Clone(f.genes)})
	}
	pop = append(pop, s.regular()...)
	pop = pop[:min(len(pop), s.Individuals/2)]
	for len(pop) < s.Individuals {
		pop = append(pop, s.anyone())
	}
	return pop
}

// offspring makes one generation of children from a population.
func (s *search) offspring(parents []individual) []individual {
	children := make([]individual, 0, s.Individuals)
	for len(children) < s.Individuals {
		child := individual{genes: slices.Clone(s.tournament(parents).genes)}
		if len(parents) > 1 && s.random.Float64() < s.Crossover {
			other := s.tournament(parents)
			for i := range child.genes {
				if s.random.IntN(2) == 1 {
					child.genes[i] = other.genes[i]
				}
			}
		}
		if s.isKnown(child.genes) {
			s.mutate(child.genes)
		}
		children = append(children, child)
	}
	return children
}

// tournament picks the better of two random individuals.
func (s *search) tournament(from []individual) *individual {
	a, b := &from[s.random.IntN(len(from))], &from[s.random.IntN(len(from))]
	if b.rank < a.rank || b.rank == a.rank && b.crowding > a.crowding {
		return b
	}
	return a
}

// mutate changes at least one gene that has a choice, trying a few times to
// reach an allocation that was not evaluated before.
func (s *search) mutate(genes []uint16) {
	n := len(genes)
	rate := s.Mutation
	if rate == 0 {
		rate = 1 / float64(n)
	}
	for range 4 {
		for i, x := range s.space.Genes {
			if len(x.Cores) > 1 && s.random.Float64() < rate {
				s.change(genes, i)
			}
		}
		if !s.isKnown(genes) {
			return
		}
		if i := s.random.IntN(n); len(s.space.Genes[i].Cores) > 1 {
			s.change(genes, i)
		}
		if !s.isKnown(genes) {
			return
		}
	}
}

// survivors keeps the best n of a population: by non-dominated rank, then by
// crowding distance.
func (s *search) survivors(pop []individual, n int) []individual {
	s.rank(pop)
	sort.SliceStable(pop, func(i, j int) bool {
		if pop[i].rank != pop[j].rank {
			return pop[i].rank < pop[j].rank
		}
		return pop[i].crowding > pop[j].crowding
	})
	return slices.Clone(pop[:min(n, len(pop))])
}

// rank sorts a population into fronts and computes the crowding distances.
func (s *search) rank(pop []individual) {
	left := make([]int, len(pop))
	for i := range left {
		left[i] = i
	}
	for r := 0; len(left) > 0; r++ {
		var front, rest []int
		for _, i := range left {
			if slices.ContainsFunc(left, func(j int) bool { return s.prefers(pop[j].point, pop[i].point) }) {
				rest = append(rest, i)
			} else {
				front = append(front, i)
				pop[i].rank = r
			}
		}
		s.crowd(pop, front)
		left = rest
	}
}

// crowd sets the crowding distance of the members of one front: the size of the
// gap they fill along each aim, infinite at the ends.
func (s *search) crowd(pop []individual, front []int) {
	for _, i := range front {
		pop[i].crowding = 0
	}
	for _, aim := range s.aims() {
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
