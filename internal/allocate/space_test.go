package allocate

import (
	"testing"

	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/workload"
)

// TestNoCore: cores that refuse for one reason stand together.
func TestNoCore(t *testing.T) {
	layers := []taskgraph.Layer{{Layer: &workload.Layer{ID: 3, Name: "conv"}, Groups: 1, Nodes: []taskgraph.NodeID{0}}}
	g := taskgraph.New(layers, []taskgraph.Node{{}}, nil, nil)
	costs := schedule.NewCostTable(1, 4)
	for core, reason := range []string{"memory a is too small", "memory a is too small", "it has no memory for W", "memory a is too small"} {
		costs.At(0, core).Reason = reason
	}
	const want = `layer 3 "conv" cannot run on any of its cores
  cores 0, 1, 3: memory a is too small
  core 2: it has no memory for W
  hint: larger memories, smaller tiles (--tile) or parts over cores (--split, --split-weights) would help`
	if _, err := NewSpace(g, func(_, _ int) []int { return []int{0, 1, 2, 3} }, costs); err == nil || err.Error() != want {
		t.Errorf("got %v, want\n%s", err, want)
	}
	const none = `layer 3 "conv" cannot run on any of its cores (no core is allowed)
  hint: let the mapping allow a core whose operator_types take it`
	if _, err := NewSpace(g, func(_, _ int) []int { return nil }, costs); err == nil || err.Error() != none {
		t.Errorf("got %v, want\n%s", err, none)
	}
}
