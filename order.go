package stream

import (
	"context"
	"fmt"

	"streamdse/internal/diag"
	"streamdse/internal/simulate"
	"streamdse/schedule"
	"streamdse/taskgraph"
)

// Order says which of the nodes that are ready is scheduled first.
type Order string

const (
	// ByStacks finishes the fusion stacks one after another and prefers the deepest
	// layer of a stack, so that what has been computed is consumed soon.
	ByStacks Order = "stacks"
	// ByLatency prefers the node whose inputs are computed first.
	ByLatency Order = "latency"
	// ByMemory prefers the deepest layer of the whole network.
	ByMemory Order = "memory"
)

// Orders lists the names of the orders.
func Orders() []string { return []string{string(ByStacks), string(ByLatency), string(ByMemory)} }

// Prefetchable lists the operands of layers that may be constant: weights, and
// inputs of the network.
func Prefetchable() []string { return []string{"W", "I"} }

// simulatorOf estimates the nodes of a graph and makes the simulator that schedules them.
func simulatorOf(ctx context.Context, p Problem, o Options, g *taskgraph.Graph) (*schedule.CostTable, *simulate.Simulator, error) {
	costs, err := costTable(ctx, p, o, g)
	if err != nil {
		return nil, nil, err
	}
	sim, err := simulation(p, g, costs, o)
	if err != nil {
		return nil, nil, err
	}
	simulator, err := simulate.New(sim)
	return costs, simulator, err
}

// simulation is what the simulator is asked, but for the allocation.
func simulation(p Problem, g *taskgraph.Graph, costs *schedule.CostTable, o Options) (simulate.Problem, error) {
	sim := simulate.Problem{Graph: g, Accelerator: p.Hardware, Costs: costs, Prefetch: o.Prefetch, Rules: o.Rules}
	switch {
	case o.First != nil:
		first, err := o.First(g)
		if err != nil {
			return sim, err
		}
		sim.Priority = simulate.Listed(g, first)
	case o.Order == ByStacks:
		sim.Priority = simulate.Order(g, nil)
	case o.Order == ByLatency:
		sim.Priority, sim.EarliestReady = simulate.Ascending(g), true
	case o.Order == ByMemory:
		sim.Priority = simulate.Deepest(g)
	default:
		return sim, diag.One(fmt.Sprintf("there is no scheduling order %q", o.Order), fmt.Sprint(Orders()), diag.DidYouMean(string(o.Order), Orders()))
	}
	return sim, nil
}
