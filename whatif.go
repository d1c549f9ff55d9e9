package stream

import (
	"context"
	"errors"

	"streamdse/internal/bottleneck"
	"streamdse/internal/diag"
	"streamdse/mapping"
	"streamdse/schedule"
	"streamdse/unit"
)

// Change is something that could be different about a problem: twice the bandwidth
// of a link, twice the size of a memory, another split.
type Change = bottleneck.Change

// Causes are what a result spends most of its latency and energy on.
type Causes = bottleneck.Causes

// Causes finds what the result spends most on.
func (r *Result) Causes(p Problem) Causes {
	return bottleneck.Of(r.Graph, p.Hardware, r.Costs, r.Schedule)
}

// Effect is what a change makes of a result.
type Effect struct {
	Change  Change
	Latency unit.Cycles
	Energy  unit.Picojoules
	// Searched tells that the allocation was searched anew, because nodes are others;
	// else it is that of the result.
	Searched bool
	// Impossible says why there is no schedule with the change; empty if there is one.
	Impossible string
}

// splitEvaluations is the number of allocations that are tried for another split.
const splitEvaluations = 300

// WhatIf schedules a result again under each of some changes. More of a resource is
// judged with the same nodes in the same allocation; for another split, a short
// search finds an allocation.
func WhatIf(ctx context.Context, p Problem, o Options, r *Result, changes []Change) ([]Effect, error) {
	o = o.like(r)
	report := o.step("what-if", "changes")
	silent := o
	silent.Progress = nil
	effects := make([]Effect, 0, len(changes))
	for i, c := range changes {
		e, err := effect(ctx, p, silent, r, c)
		if err != nil {
			return nil, err
		}
		effects = append(effects, e)
		if report != nil {
			report(i+1, len(changes))
		}
	}
	return effects, nil
}

func effect(ctx context.Context, p Problem, o Options, r *Result, c Change) (Effect, error) {
	e := Effect{Change: c, Searched: c.Kind == bottleneck.Split}
	var s *schedule.Schedule
	var err error
	if e.Searched {
		s, err = splitAnew(ctx, p, o, c.Cut)
	} else {
		p.Hardware = c.Apply(p.Hardware)
		s, err = again(ctx, p, o, r)
	}
	var infeasible *schedule.Infeasible
	var problems diag.List
	switch {
	case errors.As(err, &infeasible), errors.As(err, &problems):
		e.Impossible = err.Error()
	case err != nil:
		return e, err
	default:
		e.Latency, e.Energy = s.Latency, s.Energy.Total()
	}
	return e, nil
}

// again schedules the nodes and the allocation of a result on another accelerator.
func again(ctx context.Context, p Problem, o Options, r *Result) (*schedule.Schedule, error) {
	costs, simulator, err := simulatorOf(ctx, p, o, r.Graph)
	if err != nil {
		return nil, err
	}
	s, err := simulator.Run(r.Allocation)
	if err != nil {
		return nil, err
	}
	return s, o.verify(p, r.Graph, costs, r.Allocation, s)
}

// splitAnew searches an allocation for nodes that are cut in another way.
func splitAnew(ctx context.Context, p Problem, o Options, cut mapping.Cut) (*schedule.Schedule, error) {
	cuts := []mapping.Cut{cut}
	for _, c := range o.Cuts {
		if !c.Inter || cut.Layer != "" && c.Layer != cut.Layer {
			cuts = append(cuts, c)
		}
	}
	o.Cuts, o.Fixed, o.First = cuts, nil, nil
	o.Allocator, o.Generations, o.Evaluations = Allocators()[0], 0, splitEvaluations
	r, err := Run(ctx, p, o)
	if err != nil {
		return nil, err
	}
	if r.Interrupted {
		return nil, context.Cause(ctx)
	}
	return r.Schedule, nil
}
