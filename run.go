// Package stream explores neural networks on multi-core dataflow accelerators:
// it finds an allocation of a network's layers to cores, schedules it in detail,
// checks the schedule and bounds how much better any other could be.
//
// Load reads a problem, Run answers it:
//
//	problem, _, err := stream.Load(stream.Inputs{Workload: "resnet18", Hardware: "tpu_like_quad_core", FoldActivations: true})
//	...
//	result, err := stream.Run(ctx, problem, stream.DefaultOptions())
package stream

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"sync"

	"streamdse/internal/bound"
	"streamdse/internal/connect"
	"streamdse/internal/cost"
	"streamdse/internal/diag"
	"streamdse/internal/split"
	"streamdse/mapping"
	"streamdse/schedule"
	"streamdse/taskgraph"
)

// Costs remembers single-core costs, so that several runs estimate a layer or
// tile of the same shape once. It is safe for several goroutines.
type Costs struct {
	mu     sync.Mutex
	cached map[cost.SingleCore]*cost.Cached // by the estimator's settings
}

// NewCosts returns an empty memory of costs.
func NewCosts() *Costs { return &Costs{cached: map[cost.SingleCore]*cost.Cached{}} }

// estimator is the remembered estimator for the options.
func (c *Costs) estimator(o Options) cost.Estimator {
	if c == nil {
		c = NewCosts()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	settings := cost.SingleCore{Search: o.Search, LPFLimit: o.LPFLimit}
	if c.cached[settings] == nil {
		c.cached[settings] = cost.NewCached(settings)
	}
	return c.cached[settings]
}

// Run explores one problem. If the context ends during the search, the result is
// the best found until then, with Interrupted set; before there is one, the
// error is the context's. A diag.List as the error means that the inputs do not
// fit together, a *schedule.Infeasible that no allocation has a schedule.
func Run(ctx context.Context, p Problem, o Options) (*Result, error) {
	if err := p.complete(); err != nil {
		return nil, err
	}
	if o.Costs == nil {
		o.Costs = NewCosts()
	}
	found, err := search(ctx, p, o)
	if err != nil {
		return nil, err
	}
	o = o.with(found.Best.Plan)
	o.Progress = nil // all costs are known
	graph, err := Graph(p, o)
	if err != nil {
		return nil, err
	}
	costs, simulator, err := simulatorOf(context.WithoutCancel(ctx), p, o, graph)
	if err != nil {
		return nil, err
	}
	s, err := simulator.Run(&found.Best.Allocation)
	if err != nil {
		return nil, err
	}
	if err := o.verify(p, graph, costs, &found.Best.Allocation, s); err != nil {
		return nil, err
	}
	r := &Result{
		Mode: o.Mode, Graph: graph, Costs: costs, Allocation: &found.Best.Allocation, Schedule: s,
		Bound: lowerBound(p, o, graph, costs), Evaluations: found.Evaluations, Plans: found.Plans, Exhaustive: found.Exhaustive,
		Interrupted: found.Interrupted, TimedOut: found.Interrupted && ctx.Err() == nil,
	}
	if o.Fixed == nil {
		r.Proven, r.Least = found.Proven, found.Lower
	}
	if r.Choice, err = o.choice(graph, found.Best); err != nil {
		return nil, err
	}
	if err := o.unmet(found.Best.Point, r.Bound); err != nil {
		return nil, err
	}
	front, chosen := found.Thin(frontSize)
	r.Chosen = chosen
	r.Front, err = o.solutions(graph, front)
	return r, err
}

// verify checks a schedule that was made just now, unless that is left out.
func (o *Options) verify(p Problem, g *taskgraph.Graph, costs *schedule.CostTable, a *schedule.Allocation, s *schedule.Schedule) error {
	if o.SkipVerify {
		return nil
	}
	defer o.timed("verify")()
	if err := o.violation(p, g, costs, a, s); err != nil {
		return fmt.Errorf("the schedule breaks a rule, which is a bug: %w", err)
	}
	return nil
}

// violation is the first rule that a schedule breaks.
func (o *Options) violation(p Problem, g *taskgraph.Graph, costs *schedule.CostTable, a *schedule.Allocation, s *schedule.Schedule) error {
	if err := schedule.Verify(g, p.Hardware, costs, a, s, o.Rules); err != nil || o.Transfers != InOrder {
		return err
	}
	return schedule.VerifyInOrder(g, p.Hardware, s, o.Rules)
}

// Check verifies a schedule that was not made just now, for instance one read from
// a file: costs are estimated again, and nothing of it is taken on trust. The graph
// must be that of Graph. It returns what bounds any schedule; the
// error is a *schedule.Violation if a rule is broken.
func Check(ctx context.Context, p Problem, o Options, g *taskgraph.Graph, a *schedule.Allocation, s *schedule.Schedule) (Bound, error) {
	costs, err := costTable(ctx, p, o, g)
	if err != nil {
		return Bound{}, err
	}
	if err := o.violation(p, g, costs, a, s); err != nil {
		return Bound{}, err
	}
	return lowerBound(p, o, g, costs), nil
}

// NodeCosts estimates the nodes of a graph, which must be that of Graph, on every
// core that may run them.
func NodeCosts(ctx context.Context, p Problem, o Options, g *taskgraph.Graph) (*schedule.CostTable, error) {
	return costTable(ctx, p, o, g)
}

// costTable estimates every class of nodes on every core that may run it.
func costTable(ctx context.Context, p Problem, o Options, g *taskgraph.Graph) (*schedule.CostTable, error) {
	defer o.timed("node costs")()
	return cost.Table(ctx, g, p.Hardware, o.Costs.estimator(o), cost.Options{
		Rules: o.Rules, Workers: o.workers(), Progress: o.step("cost", "node classes on cores"),
	})
}

// candidates tells which cores may run a group of a layer.
func candidates(p Problem, g *taskgraph.Graph) func(layer, group int) []int {
	return func(layer, group int) []int {
		l := &g.Layers[layer]
		return l.Entry.Candidates(p.Hardware, l.Layer, group)
	}
}

// lowerBound is what no schedule of the graph can beat.
func lowerBound(p Problem, o Options, g *taskgraph.Graph, costs *schedule.CostTable) Bound {
	defer o.timed("bound")()
	b := bound.Find(bound.Problem{
		Graph: g, Accelerator: p.Hardware, Costs: costs, Cores: candidates(p, g), Rules: o.Rules, Prefetches: len(o.Prefetch) > 0,
	})
	return Bound{Latency: b.Latency, SetBy: b.LatencySetBy, Energy: b.Energy, EnergySetBy: b.EnergySetBy}
}

// Graph cuts the layers into computation nodes, as the mode and the stacks say, and
// connects them. It is the graph that Run schedules.
func Graph(p Problem, o Options) (*taskgraph.Graph, error) {
	defer o.timed("graph")()
	tiled, err := tile(p, o)
	if err != nil {
		return nil, err
	}
	return connect.Graph(tiled, o.Rules)
}

// tile cuts the layers into computation nodes.
func tile(p Problem, o Options) (*taskgraph.Tiled, error) {
	if err := p.complete(); err != nil {
		return nil, err
	}
	m, err := withCuts(p, o)
	if err != nil {
		return nil, err
	}
	stacks, err := stacksOf(p, o, m)
	if err != nil {
		return nil, err
	}
	if o.RecomputeHalo && o.Rules.WholeTileEdges {
		return nil, diag.One(fmt.Sprintf("the rules %q do not recompute halos", o.Rules.Name), "", "use the default rules, or halos that are cached")
	}
	m.RecomputeHalo = o.RecomputeHalo
	tiled, _, err := split.Nodes(p.Workload, m, stacks, o.Rules)
	return tiled, err
}

// withCuts is the mapping with the tilings that the options give in place of its own.
func withCuts(p Problem, o Options) (*mapping.Mapping, error) {
	m := p.Mapping.With(o.Cuts...)
	if err := m.CheckCuts(p.Workload); err != nil {
		return nil, err
	}
	if o.SplitWeights > 0 {
		m = split.Weights(p.Workload, m, p.Hardware, o.SplitWeights, o.Rules)
	}
	return m, nil
}

// Unsplit says of which layers SplitWeights cuts none, since even one output channel is
// too large.
func (p Problem) Unsplit(o Options) []string {
	if o.SplitWeights <= 0 || p.complete() != nil {
		return nil
	}
	text := split.Unsplit(p.Workload, p.Mapping.With(o.Cuts...), p.Hardware, o.SplitWeights)
	if text == "" {
		return nil
	}
	return []string{fmt.Sprintf("weights cut into parts of %s of a core's memory: %s", strconv.FormatFloat(o.SplitWeights, 'f', -1, 64), text)}
}

// stacksOf are the fusion stacks; m is the mapping with all cuts, which decide what
// of a layer's weights one core holds.
func stacksOf(p Problem, o Options, m *mapping.Mapping) (split.Stacks, error) {
	switch {
	case o.Mode == LayerByLayer:
		return split.LayerByLayer(p.Workload), nil
	case o.Stacks != nil:
		return split.Given(p.Workload, o.Stacks)
	case p.Mapping.Groups != nil:
		return split.Named(p.Workload, p.Mapping.Groups)
	default:
		return split.Auto(p.Workload, m, p.Hardware, o.Rules), nil
	}
}

// allowed reports every core of an allocation that may not run its group.
func allowed(g *taskgraph.Graph, candidates func(layer, group int) []int, a *schedule.Allocation) error {
	var problems diag.List
	for l := range g.Layers {
		for group, core := range a.Cores[l] {
			if list := candidates(l, group); !slices.Contains(list, core) {
				problems.Add(diag.Problem{
					Message: fmt.Sprintf("allocation: core %d may not run group %d of layer %q", core, group, g.Layers[l].Name),
					Allowed: fmt.Sprintf("cores %v, by the mapping's entry %q", list, g.Layers[l].Entry.Name),
				})
			}
		}
	}
	return problems.Err()
}

// workers is the number of goroutines to use: more than a few for each processor
// would only cost memory.
func (o *Options) workers() int { return max(1, min(o.Workers, 4*runtime.NumCPU())) }

// step returns a callback that reports a step's progress, nil if nobody asks.
func (o *Options) step(name, unit string) func(done, total int) {
	if o.Progress == nil {
		return nil
	}
	return func(done, total int) {
		o.Progress(Progress{Mode: o.Mode, Step: name, Done: done, Total: total, Unit: unit})
	}
}
