package mapper

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"streamdse/hardware"
	"streamdse/loopnest"
	"streamdse/mapping"
	"streamdse/workload"
)

// Objective is what the best nest minimises.
type Objective uint8

const (
	Latency Objective = iota // total latency, then energy
	Energy                   // energy, then total latency
	EDP                      // product of both; the first of equals wins
)

// String is the name of the objective on the command line.
func (o Objective) String() string { return [...]string{"latency", "energy", "edp"}[o] }

// better tells whether a is strictly better than b.
func (o Objective) better(a, b loopnest.Cost) bool {
	la, lb := a.Total(), b.Total()
	switch o {
	case Energy:
		return a.Energy < b.Energy || a.Energy == b.Energy && la < lb
	case EDP:
		return la*float64(a.Energy) < lb*float64(b.Energy)
	}
	return la < lb || la == lb && a.Energy < b.Energy
}

// Problem is a layer on a core, with what the user has fixed.
type Problem struct {
	loopnest.Problem
	// Entry holds the user's spatial unrolling, hints and loop order; it may be nil.
	// The core's own dataflow takes precedence over its unrolling. If Links is nil,
	// the entry's links are used.
	Entry *mapping.Entry
}

// Method is how loop orders are searched; empty means Loma.
type Method string

const (
	// Loma evaluates all orders of a limited number of loop factors.
	Loma Method = "loma"
	// Best finds the best order of the prime factors, with the best allocation or, if
	// memories are filled, of every coarser set of factors that Loma has at some
	// limit, too, and proves it. It starts from what Loma finds.
	Best Method = "best"
)

// Methods lists the methods.
func Methods() []string { return []string{string(Best), string(Loma)} }

// Allocation is how the loops of an order are allocated to memories; empty means
// Greedy.
type Allocation string

const (
	// Greedy is the model's own rule: memories are filled from the lowest up.
	Greedy Allocation = "greedy"
	// Free lets Best choose every boundary between the memories of every operand,
	// as long as everything fits.
	Free Allocation = "free"
)

// Allocations lists the rules.
func Allocations() []string { return []string{string(Greedy), string(Free)} }

// Options say how to search.
type Options struct {
	Objective  Objective
	Search     Method
	Allocation Allocation
	// Effort is the number of beginnings of loop orders that Best examines before it
	// gives up the proof; 0 means no bound.
	Effort int64
	// FactorLimit is the number of loop prime factors that are kept, at least one
	// per loop; 0 keeps them all.
	FactorLimit int
	// MaxSpatial is the number of generated spatial unrollings that are tried.
	MaxSpatial int
	// Mixed lets generated unrollings lay several loops on one array dimension.
	Mixed bool
	// Sizes, if not nil, is where the search notes with which sizes of the core's memories
	// it would have gone the same way.
	Sizes *loopnest.Sizes
	// MaxOrders bounds the number of loop orders of one spatial unrolling; a
	// search that would exceed it fails at once. 0 means no bound.
	MaxOrders int64
}

// seedLimit is the number of loop factors of the orders that Best starts from.
const seedLimit = 6

// DefaultOptions are those of the published tools.
func DefaultOptions() Options {
	return Options{Objective: Latency, Effort: 4_000_000, FactorLimit: 6, MaxSpatial: 3, MaxOrders: 20_000_000}
}

// Result is the best nest found.
type Result struct {
	*loopnest.Evaluation
	Unrolling loopnest.Spatial // as requested, before loops are filled evenly
	Rank      int              // of the unrolling among the candidates
	Index     int64            // of the order among those tried with this unrolling
	Evaluated int64            // nests that fit
	Unfit     int64            // nests that did not, or groups of nests that cannot
	// Exhaustive tells that Loma tried all orders of the undivided prime factors for
	// every spatial unrolling, of which none was left out.
	Exhaustive bool
	Proof
}

// Proof is how a search with Best went about the nests that it did not evaluate.
type Proof struct {
	Examined int64 // beginnings of loop orders, innermost loops first, that were looked at
	Pruned   int64 // of these, could not lead to anything better
	Merged   int64 // of these, have the same future as one before
	// ProvenOptimal tells that nothing in the space has a better first figure of the
	// objective. Otherwise the search ended for lack of effort.
	ProvenOptimal bool
	// OpenTie tells that something unseen may have the same first figure and be
	// better in the second.
	OpenTie bool
	// Gap is the part of the objective's first figure (latency, energy, or their
	// product) by which an unseen nest could at most be better; 0 if none can.
	Gap float64
}

// NoFitError says that no nest fits the core's memories. Misfit is the one that
// came closest, with the numbers.
type NoFitError struct {
	Layer, Core string
	Unrollings  int
	Orders      int64
	Misfit      *loopnest.Misfit
}

// Error names the layer, the core and the closest attempt.
func (e *NoFitError) Error() string {
	return fmt.Sprintf("layer %s does not fit core %s (%d spatial unrollings, %d loop orders tried): %v",
		e.Layer, e.Core, e.Unrollings, e.Orders, e.Misfit)
}

// Unwrap returns the closest misfit.
func (e *NoFitError) Unwrap() error { return e.Misfit }

// TooManyOrdersError says that the search space exceeds Options.MaxOrders.
type TooManyOrdersError struct {
	Layer, Core string
	Factors     int
	Orders      float64
	Limit       int64
}

// Error states the size of the space and what to change.
func (e *TooManyOrdersError) Error() string {
	return fmt.Sprintf("layer %s on core %s: %d loop factors have %.3g orders, more than the bound of %d; set a lower limit on loop prime factors",
		e.Layer, e.Core, e.Factors, e.Orders, e.Limit)
}

// proposer suggests loop orders and hears how they did. The enumeration below
// does not listen; a guided search would.
type proposer interface {
	// next returns an order, or nil at the end. It is valid until the next call.
	next() []loopnest.Loop
	report(cost loopnest.Cost, fits bool)
}

// Search returns the best nest. The error is a *NoFitError, a
// *TooManyOrdersError, ctx.Err(), or says what is wrong with the problem.
func Search(ctx context.Context, p Problem, opt Options) (*Result, error) {
	if p.Links == nil {
		links, err := linksOf(p.Layer, p.Entry)
		if err != nil {
			return nil, err
		}
		p.Links = links
	}
	model, err := loopnest.NewModel(p.Problem)
	if err != nil {
		return nil, err
	}
	if opt.Search == Best && (opt.FactorLimit <= 0 || opt.FactorLimit > seedLimit) {
		opt.FactorLimit = seedLimit
	}
	unrollings, err := candidates(&p, opt)
	if err != nil {
		return nil, err
	}
	sizes := opt.Sizes
	if sizes == nil {
		sizes = loopnest.NewSizes(p.Core)
	}
	for _, i := range innerMemories(p.Core) { // unrollings are cut to fit into them
		sizes.Pin(i)
	}
	s := search{ctx: ctx, objective: opt.Objective, sizes: sizes, result: Result{Exhaustive: len(unrollings) < opt.MaxSpatial}}
	var impossible error // the first; an unrolling that cannot be does not end the search
	for rank, u := range unrollings {
		e, err := s.evaluator(model, u.spatial)
		if err != nil {
			impossible = cmp.Or(impossible, fmt.Errorf("layer %s: %w", p.Layer.Name, err))
			continue
		}
		orders, whole, err := propose(&p, e.TemporalSizes(), opt)
		if tooMany := (*TooManyOrdersError)(nil); errors.As(err, &tooMany) {
			return nil, err
		} else if err != nil {
			impossible = cmp.Or(impossible, err)
			continue
		}
		s.result.Exhaustive = s.result.Exhaustive && whole
		if err := s.run(e, orders, rank); err != nil {
			return nil, err
		}
	}
	if opt.Search == Best {
		if unrollings, err = s.proveBest(&p, model, unrollings, opt); err != nil {
			return nil, err
		}
	}
	if s.best == nil && s.closest == nil {
		return nil, cmp.Or(impossible, fmt.Errorf("layer %s: no order of the loop factors that are left agrees with the given loop order", p.Layer.Name))
	}
	if s.best == nil {
		return nil, &NoFitError{Layer: p.Layer.Name, Core: p.Core.Name, Unrollings: len(unrollings), Orders: s.result.Unfit, Misfit: s.closest}
	}
	if s.allocation == nil {
		s.result.Evaluation, err = s.best.Report(s.order)
	} else {
		s.result.Evaluation, err = s.best.ReportAllocated(s.order, s.allocation)
	}
	if err != nil {
		return nil, err
	}
	s.result.Unrolling = unrollings[s.result.Rank].spatial
	s.result.Exhaustive = s.result.Exhaustive && opt.Search != Best
	return &s.result, nil
}

// linksOf looks the memory operand of every operand up.
func linksOf(l *workload.Layer, e *mapping.Entry) ([]hardware.MemoryOperand, error) {
	links := make([]hardware.MemoryOperand, len(l.Operands))
	for i, o := range l.Operands {
		link, ok := e.MemoryOperand(o.Name)
		if !ok {
			return nil, fmt.Errorf("layer %s: operand %s is not linked to a memory operand", l.Name, o.Name)
		}
		links[i] = link
	}
	return links, nil
}

// search is the state of one search.
type search struct {
	ctx       context.Context
	objective Objective
	best      *loopnest.Evaluator
	cost      loopnest.Cost
	order     []loopnest.Loop
	// allocation is that of the best nest, nil if it is the model's own.
	allocation loopnest.Allocation
	closest    *loopnest.Misfit
	gap        float64
	tables     loopnest.Tables // of the outlooks of Best, one after another
	sizes      *loopnest.Sizes
	seen       keys // beginnings, by what is outside can feel of them
	result     Result
	effort     int64   // beginnings that may still be examined
	seeds      int     // unrollings that Loma tried
	open       []value // bounds of what was not examined for lack of effort
}

// cancelEvery is the number of evaluations between two looks at the context.
const cancelEvery = 1 << 10

// run evaluates the proposed orders under one spatial unrolling.
func (s *search) run(e *loopnest.Evaluator, orders proposer, rank int) error {
	for i := int64(0); ; i++ {
		if i%cancelEvery == 0 {
			if err := s.ctx.Err(); err != nil {
				return err
			}
		}
		order := orders.next()
		if order == nil {
			return nil
		}
		cost, fits := s.try(e, order, rank, i)
		orders.report(cost, fits)
	}
}

// evaluator prepares the evaluation of orders under an unrolling.
func (s *search) evaluator(m *loopnest.Model, u loopnest.Spatial) (*loopnest.Evaluator, error) {
	e, err := m.NewEvaluator(u)
	if err == nil {
		e.NoteIn(s.sizes)
	}
	return e, err
}

// try evaluates an order and keeps it if it is better than the best so far.
func (s *search) try(e *loopnest.Evaluator, order []loopnest.Loop, rank int, index int64) (cost loopnest.Cost, fits bool) {
	cost, fits = e.Evaluate(order)
	if !fits {
		s.result.Unfit++
		if s.best == nil {
			s.note(e)
		}
		return cost, false
	}
	s.result.Evaluated++
	if s.best == nil || s.objective.better(cost, s.cost) {
		s.keep(e, cost, order, nil)
		s.result.Rank, s.result.Index = rank, index
	}
	return cost, true
}

func (s *search) keep(e *loopnest.Evaluator, cost loopnest.Cost, order []loopnest.Loop, a loopnest.Allocation) {
	s.best, s.cost = e, cost
	s.order = append(s.order[:0], order...)
	s.allocation = nil
	for _, levels := range a {
		s.allocation = append(s.allocation, slices.Clone(levels))
	}
}

// tryAllocated is try with a given allocation.
func (s *search) tryAllocated(e *loopnest.Evaluator, order []loopnest.Loop, a loopnest.Allocation, rank int) {
	cost, fits := e.EvaluateAllocated(order, a)
	if !fits {
		s.result.Unfit++
		if s.best == nil {
			s.note(e)
		}
		return
	}
	s.result.Evaluated++
	if s.best == nil || s.objective.better(cost, s.cost) {
		s.keep(e, cost, order, a)
		s.result.Rank, s.result.Index = rank, s.result.Evaluated
	}
}

// note keeps the misfit that lacks least.
func (s *search) note(e *loopnest.Evaluator) {
	if gap := e.Gap(); s.closest == nil || gap < s.gap {
		s.closest, s.gap = e.Misfit(), gap
	}
}

// propose prepares the orders to try; whole tells that no prime factors were
// multiplied and no order was given.
func propose(p *Problem, sizes []loopnest.Loop, opt Options) (orders proposer, whole bool, err error) {
	given, err := givenOrder(p, sizes)
	if err != nil {
		return nil, false, err
	}
	if given.complete != nil {
		return &single{order: given.complete}, false, nil
	}
	limit := opt.FactorLimit
	if limit <= 0 {
		limit = math.MaxInt
	}
	factors, whole, err := split(p.Layer, sizes, limit, given.positions)
	if err != nil {
		return nil, false, err
	}
	if n := countOrders(factors); opt.MaxOrders > 0 && n > float64(opt.MaxOrders) {
		return nil, false, &TooManyOrdersError{Layer: p.Layer.Name, Core: p.Core.Name, Factors: len(factors), Orders: n, Limit: opt.MaxOrders}
	}
	all := newPermutations(p.Layer, factors)
	if len(given.positions) == 0 {
		return all, whole, nil
	}
	if len(given.positions) > len(factors) {
		return nil, false, fmt.Errorf("layer %s: the given loop order has %d entries, but only %d loop factors are left to order; remove entries or raise the limit on loop prime factors",
			p.Layer.Name, len(given.positions), len(factors))
	}
	return &constrained{all, given.positions}, false, nil
}

// single proposes one order.
type single struct{ order []loopnest.Loop }

func (s *single) next() []loopnest.Loop {
	o := s.order
	s.order = nil
	return o
}

func (s *single) report(loopnest.Cost, bool) {}

// constrained leaves out the orders that differ from the user's.
type constrained struct {
	all       *permutations
	positions []loopnest.Loop
}

func (c *constrained) next() []loopnest.Loop {
next:
	for {
		order := c.all.next()
		if order == nil {
			return nil
		}
		for i, want := range c.positions {
			if order[i].Dim != want.Dim || want.Size > 0 && order[i].Size != want.Size {
				continue next
			}
		}
		return order
	}
}

func (c *constrained) report(loopnest.Cost, bool) {}
