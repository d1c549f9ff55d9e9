package stream

import (
	"context"
	"fmt"
	"slices"
	"time"

	"streamdse/internal/allocate"
	"streamdse/internal/bound"
	"streamdse/internal/diag"
	"streamdse/internal/explore"
	"streamdse/mapping"
	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/workload"
)

// search explores what the options leave open.
func search(ctx context.Context, p Problem, o Options) (*explore.Result, error) {
	defer o.timed("search")()
	began := time.Now()
	x := &exploration{problem: p, options: o}
	problem, err := x.problemOf()
	if err != nil {
		return nil, err
	}
	options := explore.Options{
		Allocator: o.Allocator,
		Options: allocate.Options{
			Goal: allocate.Goal{Objective: o.Objective, Limits: o.Limits}, Seed: o.Seed, Workers: o.workers(),
			Budget: o.Evaluations, Generations: o.Generations, Individuals: o.Individuals, Crossover: o.Crossover, Mutation: o.Mutation,
		},
	}
	if o.TimeLimit > 0 {
		options.Deadline = began.Add(o.TimeLimit)
	}
	if o.Progress != nil && o.Fixed == nil {
		options.Progress = func(evaluations int, best allocate.Point) {
			o.Progress(Progress{
				Mode: o.Mode, Step: "allocate", Done: evaluations, Total: o.Evaluations, Unit: "allocations",
				Note: fmt.Sprintf("best %d cycles, %.4g pJ", best.Latency, float64(best.Energy)),
			})
		}
	}
	found, err := explore.Search(ctx, problem, options)
	if err != nil {
		return nil, err
	}
	if o.Pick != "" {
		found.Best = found.Pick(allocate.Goal{Objective: o.Pick, Limits: o.Limits})
	}
	return found, nil
}

// frontSize is how many solutions of the front a result has.
const frontSize = 40

// exploration opens the plans of one problem.
type exploration struct {
	problem Problem
	options Options
	started bool // the start has been opened
}

// problemOf is what is explored.
func (x *exploration) problemOf() (explore.Problem, error) {
	p, o := x.problem, x.options
	if err := p.untaken(); err != nil {
		return explore.Problem{}, err
	}
	m, err := withCuts(p, o)
	if err != nil {
		return explore.Problem{}, err
	}
	stacks, err := stacksOf(p, o, m)
	if err != nil {
		return explore.Problem{}, err
	}
	e := explore.Problem{
		Start:      explore.Plan{Cuts: o.Cuts, SplitWeights: o.SplitWeights, Order: string(o.Order), Prefetch: o.Prefetch},
		EqualParts: o.Rules.TilesEnlargeLayer,
		Open:       x.open,
		Tile:       func(plan *explore.Plan) (*taskgraph.Tiled, error) { return tile(p, o.with(plan)) },
		Free:       o.free(),
	}
	if o.Mode != LayerByLayer {
		for _, stack := range stacks {
			var ids []int
			for _, l := range stack {
				ids = append(ids, p.Workload.Layers[l].ID)
			}
			e.Start.Stacks = append(e.Start.Stacks, ids)
		}
	}
	pinned := map[int]bool{}
	for _, c := range o.Cores {
		pinned[c.ID] = !slices.Contains(o.Explore, mapping.Cores)
	}
	for i := range p.Workload.Layers {
		l := &p.Workload.Layers[i]
		x := explore.Layer{ID: l.ID, Dims: l.Dims, Output: l.Operands[0].Dims}
		if entry := p.Mapping.Lookup(l); entry != nil && nameable(p.Workload, l) && !pinned[l.ID] {
			x.Name = l.Name
			x.Width = len(entry.Candidates(p.Hardware, l, 0))
			x.Splits = !slices.Contains(entry.Keep, mapping.Splits) && !(entry.Fixed && len(entry.Cores) > 1)
			x.Tiles = !slices.Contains(entry.Keep, mapping.Tiles)
		}
		e.Layers = append(e.Layers, x)
	}
	return e, nil
}

// nameable tells whether cuts can name this layer and no other.
func nameable(w *workload.Workload, l *workload.Layer) bool {
	cut := mapping.Cut{Layer: l.Name, Tiling: mapping.Tiling{Dim: "K", Parts: 1}}
	if read, err := mapping.ParseCuts(cut.String(), false); err != nil || len(read) != 1 || read[0] != cut || l.Name == "" {
		return false
	}
	for i := range w.Layers {
		if other := &w.Layers[i]; other != l && (other.Name == l.Name || other.Type == l.Name) {
			return false
		}
	}
	return true
}

// Explores tells whether an allocator explores more than the cores.
func Explores(allocator string) bool { return allocator == "auto" || allocator == "local" }

// free lists the dimensions that are explored beside the cores.
func (o *Options) free() []mapping.Dimension {
	if o.Fixed != nil || !Explores(o.Allocator) {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(o.Explore), func(d mapping.Dimension) bool {
		switch d {
		case mapping.Stacks, mapping.Tiles:
			return o.Mode == LayerByLayer
		case mapping.Order:
			return o.First != nil
		}
		return d == mapping.Cores
	})
}

// with returns the options with what a plan decides.
func (o Options) with(p *explore.Plan) Options {
	o.Stacks, o.Cuts, o.SplitWeights, o.Order, o.Prefetch = p.Stacks, p.Cuts, p.SplitWeights, Order(p.Order), p.Prefetch
	return o
}

// like returns the options with what was chosen for a result, but for the cores, and
// with nothing else left to explore.
func (o Options) like(r *Result) Options {
	o.Mode, o.Explore, o.Cores, o.Limits, o.TimeLimit = r.Mode, nil, nil, Limits{}, 0
	return o.with(&explore.Plan{
		Stacks: r.Choice.Stacks, Cuts: r.Choice.Cuts, SplitWeights: r.Choice.SplitWeights, Order: r.Choice.Order, Prefetch: r.Choice.Prefetch,
	})
}

// open builds what a plan decides.
func (x *exploration) open(ctx context.Context, plan *explore.Plan) (*explore.Opened, error) {
	p, o := x.problem, x.options.with(plan)
	start := !x.started
	if start {
		x.started = true
	} else { // plans are opened side by side
		o.Workers, o.Progress, o.Log = 1, nil, nil
	}
	graph, err := Graph(p, o)
	if err != nil {
		return nil, err
	}
	costs, simulator, err := simulatorOf(ctx, p, o, graph)
	if err != nil {
		return nil, err
	}
	opened := &explore.Opened{Graph: graph, Evaluate: func() allocate.Evaluate {
		s := simulator.Fork()
		return func(a *schedule.Allocation) (allocate.Point, error) {
			m, err := s.Evaluate(a)
			return allocate.Point{Latency: m.Latency, Energy: m.Energy.Total(), Memory: m.Peak}, err
		}
	}}
	estimated := p.Hardware
	if o.Rules.FirstLinkOnly {
		estimated = estimated.FirstLinksOnly()
	}
	opened.Steady = &allocate.Steady{Graph: graph, Accelerator: estimated, Costs: costs}
	opened.NewBound = func() allocate.Bounder {
		b := bound.NewPartial(bound.Problem{Graph: graph, Accelerator: p.Hardware, Costs: costs, Rules: o.Rules, Prefetches: len(o.Prefetch) > 0})
		return func(cores func(layer, group int) []int) allocate.Point {
			latency, energy := b.Find(cores)
			return allocate.Point{Latency: latency, Energy: energy}
		}
	}
	opened.Space, opened.Start, err = o.cores(p, graph, costs)
	if err == nil && start && o.Fixed == nil {
		opened.Space.Estimate(graph, estimated, costs)
	}
	return opened, err
}

// cores is the space of allocations of a graph, and the allocation that its search
// starts from if the options give one.
func (o *Options) cores(p Problem, graph *taskgraph.Graph, costs *schedule.CostTable) (space *allocate.Space, start *schedule.Allocation, err error) {
	allowedCores := candidates(p, graph)
	if o.Fixed != nil {
		a, err := o.Fixed(graph)
		if err != nil {
			return nil, nil, err
		}
		return &allocate.Space{Base: *a}, nil, allowed(graph, allowedCores, a)
	}
	given, err := o.givenCores(graph, allowedCores)
	if err != nil {
		return nil, nil, err
	}
	free := slices.Contains(o.Explore, mapping.Cores)
	space, err = allocate.NewSpace(graph, func(layer, group int) []int {
		if c := given[layer]; c != nil && !free {
			return c[group : group+1]
		}
		return allowedCores(layer, group)
	}, costs)
	if err == nil && free && len(given) > 0 {
		start = space.Clone()
		for l, cores := range given {
			copy(start.Cores[l], cores)
		}
	}
	return space, start, err
}

// givenCores finds the cores that the options give, by layer of a graph.
func (o *Options) givenCores(g *taskgraph.Graph, candidates func(layer, group int) []int) (map[int][]int, error) {
	given := map[int][]int{}
	var problems diag.List
	for _, c := range o.Cores {
		l := slices.IndexFunc(g.Layers, func(l taskgraph.Layer) bool { return l.ID == c.ID })
		problem := func(message, allowed string) {
			problems.Add(diag.Problem{Message: fmt.Sprintf("cores of layer %d %q: %s", c.ID, c.Layer, message), Allowed: allowed,
				Hint: "what is chosen belongs to the workload, the mode and the choice of --activations that it was found with"})
		}
		switch {
		case l < 0:
			problem("there is no such layer", "")
			continue
		case layerName(&g.Layers[l]) != c.Layer:
			problem(fmt.Sprintf("the layer's name is %q", layerName(&g.Layers[l])), "")
			continue
		case slices.Contains(o.Explore, mapping.Cores):
			given[l] = c.Cores[:min(len(c.Cores), g.Layers[l].Groups)]
			continue
		case len(c.Cores) != g.Layers[l].Groups:
			problem(fmt.Sprintf("%d cores for %d groups", len(c.Cores), g.Layers[l].Groups), "one core a group")
			continue
		}
		for group, core := range c.Cores {
			if list := candidates(l, group); !slices.Contains(list, core) {
				problem(fmt.Sprintf("core %d may not run group %d", core, group), fmt.Sprintf("cores %v, by the mapping's entry %q", list, g.Layers[l].Entry.Name))
			}
		}
		given[l] = c.Cores
	}
	return given, problems.Unique().Err()
}

// layerName is the name of a layer, with its id if it has none of its own.
func layerName(l *taskgraph.Layer) string {
	if l.Name == "" {
		return fmt.Sprintf("%s#%d", l.Type, l.ID)
	}
	return l.Name
}

// Adopt returns the options with what a mapping's choice decides, but for the
// dimensions that are given otherwise; a nil choice decides nothing. Lists of first
// nodes are not adopted: who can read them sets Options.First.
func (o Options) Adopt(c *mapping.Choice, otherwise ...mapping.Dimension) Options {
	takes := func(d mapping.Dimension) bool { return c.Decides(d) && !slices.Contains(otherwise, d) }
	if takes(mapping.Stacks) {
		o.Stacks = c.Stacks
	}
	for _, cut := range choiceCuts(c) {
		if cut.Inter && takes(mapping.Splits) || !cut.Inter && takes(mapping.Tiles) {
			o.Cuts = append(slices.Clip(o.Cuts), cut)
		}
	}
	if takes(mapping.Splits) {
		o.SplitWeights = c.SplitWeights
	}
	if takes(mapping.Tiles) {
		o.RecomputeHalo = c.RecomputeHalo
	}
	if takes(mapping.Order) && c.Order != "" {
		o.Order = Order(c.Order)
	}
	if takes(mapping.Prefetch) {
		o.Prefetch = c.Prefetch
	}
	if takes(mapping.Cores) {
		o.Cores = c.Cores
	}
	if c != nil && c.Transfers != "" {
		o.Transfers = Transfers(c.Transfers)
	}
	if c != nil && c.FetchOrder != "" {
		o.FetchOrder = FetchOrder(c.FetchOrder)
	}
	return o
}

func choiceCuts(c *mapping.Choice) []mapping.Cut {
	if c == nil {
		return nil
	}
	return c.Cuts
}

// choice is a solution as a mapping file says it. g is any graph of the problem.
func (o *Options) choice(g *taskgraph.Graph, s explore.Solution) (mapping.Choice, error) {
	c := mapping.Choice{
		Mode: string(o.Mode), Cuts: s.Plan.Cuts, SplitWeights: s.Plan.SplitWeights, RecomputeHalo: o.RecomputeHalo,
		Order: s.Plan.Order, Prefetch: s.Plan.Prefetch, Stacks: s.Plan.Stacks, Given: mapping.Dimensions(),
	}
	if o.Transfers != Backfill {
		c.Transfers = string(o.Transfers)
	}
	if o.FetchOrder != SmallestFirst {
		c.FetchOrder = string(o.FetchOrder)
	}
	if o.Mode == LayerByLayer {
		c.Given = slices.DeleteFunc(c.Given, func(d mapping.Dimension) bool { return d == mapping.Stacks })
	}
	if o.First != nil {
		nodes, err := o.First(g)
		if err != nil {
			return c, err
		}
		for _, n := range nodes {
			c.First = append(c.First, fmt.Sprintf("%d.%d", g.Layers[g.Nodes[n].Layer].ID, g.Nodes[n].Sub))
		}
	}
	for l := range g.Layers {
		c.Cores = append(c.Cores, mapping.LayerCores{ID: g.Layers[l].ID, Layer: layerName(&g.Layers[l]), Cores: s.Allocation.Cores[l]})
	}
	return c, nil
}

// solutions lists the front.
func (o *Options) solutions(g *taskgraph.Graph, front []explore.Solution) ([]Solution, error) {
	var list []Solution
	for _, f := range front {
		c, err := o.choice(g, f)
		if err != nil {
			return nil, err
		}
		list = append(list, Solution{c, f.Point.Latency, f.Point.Energy, f.Point.Memory})
	}
	return list, nil
}

// Unmet tells that no schedule was found that keeps the limits.
type Unmet struct {
	Limits Limits
	Best   allocate.Point // the schedule that exceeds them the least
	// Bound is what no schedule of its graph can beat; Proven tells that there is no
	// other graph, so that a limit below the bound can never be kept.
	Bound  Bound
	Proven bool
}

func (u *Unmet) Error() string {
	text := "no schedule was found within the limits; the one that exceeds them the least:"
	say := func(name, unit string, have, limit float64) {
		switch {
		case limit == 0:
		case have > limit:
			text += fmt.Sprintf("\n  %s %.6g %s, limit %.6g: %.4g too much (%.1f %%)", name, have, unit, limit, have-limit, 100*(have/limit-1))
		default:
			text += fmt.Sprintf("\n  %s %.6g %s, limit %.6g: kept", name, have, unit, limit)
		}
	}
	prove := func(bound, limit float64, unit, by string) {
		if u.Proven && limit > 0 && bound > limit {
			text += fmt.Sprintf("\n    no allocation can keep it: none has less than %.6g %s, for %s", bound, unit, by)
		}
	}
	say("latency", "cycles", float64(u.Best.Latency), float64(u.Limits.Latency))
	prove(float64(u.Bound.Latency), float64(u.Limits.Latency), "cycles", u.Bound.SetBy)
	say("energy", "pJ", float64(u.Best.Energy), float64(u.Limits.Energy))
	prove(float64(u.Bound.Energy), float64(u.Limits.Energy), "pJ", u.Bound.EnergySetBy)
	const kilobyte = 8 * 1024
	say("memory", "KB", float64(u.Best.Memory)/kilobyte, float64(u.Limits.Memory)/kilobyte)
	return text
}

// unmet is nil if a point keeps the limits.
func (o *Options) unmet(p allocate.Point, b Bound) error {
	if o.Limits.Excess(p) == 0 {
		return nil
	}
	return &Unmet{o.Limits, p, b, len(o.free()) == 0}
}
