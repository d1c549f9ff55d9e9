package allocate

import (
	"context"
	"math/rand/v2"
	"slices"

	"streamdse/schedule"
)

// Improvement says how Improve searches.
type Improvement struct {
	Goal
	Random *rand.Rand
	// Starts are allocations to begin with, of the shape of the space's base; what they
	// give to groups that have no choice does not count.
	Starts []schedule.Allocation
	// Focus, if not nil, tells which layers have changed and are moved more often.
	Focus func(layer int) bool
	// Budget is the number of distinct allocations that are scheduled at the most.
	Budget int
	// Hopeless, if not nil, tells after the starts, and again after half the budget,
	// that the best so far is not worth going on.
	Hopeless func(best Point, done float64) bool
}

// Improve is a short local search by one goroutine: it schedules the starts and
// follows random moves from the best of them, each as long as it is better: of single
// groups, exchanges of two, and several that follow each other to one core.
func Improve(ctx context.Context, space *Space, evaluate Evaluate, o Improvement) (*Result, error) {
	s := &search{judge: newJudge(space, func() Evaluate { return evaluate }, 1, o.Budget), Options: Options{Goal: o.Goal}, random: o.Random}
	var starts []individual
	for i := range o.Starts {
		starts = append(starts, individual{genes: space.encode(&o.Starts[i])})
	}
	if len(starts) == 0 {
		starts = append(starts, s.base())
	}
	s.evaluate(ctx, starts)
	x := starts[0]
	for _, y := range starts[1:] {
		if s.Less(y.point, x.point) {
			x = y
		}
	}
	s.climb(ctx, x, o)
	return s.result(ctx, o.Goal)
}

// climb follows moves that are better.
func (s *search) climb(ctx context.Context, x individual, o Improvement) {
	if len(s.space.Genes) == 0 {
		return
	}
	var focus []int
	for i, g := range s.space.Genes {
		if o.Focus != nil && o.Focus(g.Layer) {
			focus = append(focus, i)
		}
	}
	hopeless := func(done float64) bool { return o.Hopeless != nil && o.Hopeless(x.point, done) }
	if hopeless(0) {
		return
	}
	halfway := false
	for idle := 0; !s.done() && idle < 50; idle++ {
		if !halfway && 2*len(s.known) >= o.Budget {
			halfway = true
			if hopeless(0.5) {
				return
			}
		}
		y := []individual{{genes: slices.Clone(x.genes)}}
		s.move(y[0].genes, focus)
		if s.isKnown(y[0].genes) {
			continue
		}
		idle = 0
		s.evaluate(ctx, y)
		if s.Less(y[0].point, x.point) {
			x = y[0]
		}
	}
}

// move changes one group's core, exchanges those of two groups, or gathers a few.
func (s *search) move(genes []uint16, focus []int) {
	if s.random.IntN(4) == 0 {
		s.gather(genes)
		return
	}
	i := s.random.IntN(len(genes))
	if len(focus) > 0 && s.random.IntN(2) == 0 {
		i = focus[s.random.IntN(len(focus))]
	}
	if k := s.random.IntN(len(genes)); s.random.IntN(3) == 0 && genes[i] != genes[k] && slices.Equal(s.space.Genes[i].Cores, s.space.Genes[k].Cores) {
		genes[i], genes[k] = genes[k], genes[i]
		return
	}
	s.change(genes, i)
}

// encode finds the candidates that an allocation chooses; where it chooses none of
// them, the first.
func (s *Space) encode(a *schedule.Allocation) []uint16 {
	genes := make([]uint16, len(s.Genes))
	for i, g := range s.Genes {
		if g.Group < len(a.Cores[g.Layer]) {
			genes[i] = uint16(max(0, slices.Index(g.Cores, a.Cores[g.Layer][g.Group])))
		}
	}
	return genes
}
