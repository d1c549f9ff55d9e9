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

// Transfers says when a transfer may take its links.
type Transfers string

const (
	// Backfill lets a transfer fill a gap that earlier decisions have left.
	Backfill Transfers = "backfill"
	// InOrder lets nothing begin on a link before what was decided for it earlier
	// begins.
	InOrder Transfers = "in-order"
)

// TransferModes lists the names of what Transfers may be, the default first.
func TransferModes() []string { return []string{string(Backfill), string(InOrder)} }

// FetchOrder says in which order the tensors that a node needs are fetched.
type FetchOrder string

const (
	SmallestFirst FetchOrder = "smallest"
	LargestFirst  FetchOrder = "largest"
	// AsListed fetches constants first, in the order of the layer's operands, and then
	// what other nodes have written, by producer.
	AsListed FetchOrder = "listed"
)

// FetchOrders lists the names of the orders of fetching, the default first.
func FetchOrders() []string {
	return []string{string(SmallestFirst), string(LargestFirst), string(AsListed)}
}

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
		return sim, unknown("scheduling order", string(o.Order), Orders())
	}
	switch o.Transfers {
	case Backfill:
	case InOrder:
		sim.InOrder = true
	default:
		return sim, unknown("mode of transfers", string(o.Transfers), TransferModes())
	}
	switch o.FetchOrder {
	case SmallestFirst:
	case LargestFirst:
		sim.FetchOrder = simulate.LargestFirst
	case AsListed:
		sim.FetchOrder = simulate.AsListed
	default:
		return sim, unknown("order of fetching", string(o.FetchOrder), FetchOrders())
	}
	return sim, nil
}

// unknown reports a name that stands for nothing.
func unknown(what, name string, names []string) error {
	return diag.One(fmt.Sprintf("there is no %s %q", what, name), fmt.Sprint(names), diag.DidYouMean(name, names))
}
