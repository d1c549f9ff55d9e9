package connect

import (
	"reflect"
	"slices"
	"testing"

	"streamdse/internal/bound"
	"streamdse/schedule"
	"streamdse/taskgraph"
)

// TestRowsChangeNothing compares schedules and bounds of graphs whose nodes share rows
// of edges with those of the same graphs with a row for each node.
func TestRowsChangeNothing(t *testing.T) {
	for _, shape := range shapes() {
		g := shape.build(t, 10_000)
		flat := taskgraph.New(g.Layers, g.Nodes, g.Tensors, slices.Collect(g.Edges()))
		flat.Parts, flat.Pieces, flat.Classes = g.Parts, g.Pieces, g.Classes
		var schedules []*schedule.Schedule
		var bounds []bound.Bound
		for _, g := range []*taskgraph.Graph{g, flat} {
			p := problem(t, g)
			sim, alloc := scheduler(t, g)
			s, err := sim.Run(alloc)
			if err != nil {
				t.Fatal(err)
			}
			if err := schedule.Verify(g, p.Accelerator, p.Costs, alloc, s, p.Rules); err != nil {
				t.Errorf("%s: %v", shape.name, err)
			}
			schedules = append(schedules, s)
			bounds = append(bounds, bound.Find(bound.Problem{
				Graph: g, Accelerator: p.Accelerator, Costs: p.Costs, Rules: p.Rules,
				Cores: func(layer, group int) []int { return []int{layer % 4, (layer + 1) % 4} },
			}))
		}
		if !reflect.DeepEqual(schedules[0], schedules[1]) {
			t.Errorf("%s: schedules differ, with latencies of %d and %d", shape.name, schedules[0].Latency, schedules[1].Latency)
		}
		if bounds[0] != bounds[1] {
			t.Errorf("%s: bounds differ: %+v and %+v", shape.name, bounds[0], bounds[1])
		}
	}
}
