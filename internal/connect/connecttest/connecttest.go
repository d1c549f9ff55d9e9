// Package connecttest makes graphs of computation nodes for the tests of what works on
// them. Only tests import it.
package connecttest

import (
	"streamdse/internal/connect"
	"streamdse/internal/split"
	"streamdse/mapping"
	"streamdse/rules"
	"streamdse/taskgraph"
	"streamdse/workload"
)

// TB is a test, or a property of one.
type TB interface {
	Helper()
	Fatal(args ...any)
}

// Graph cuts a workload as a mapping and stacks say, and connects the nodes.
func Graph(t TB, w *workload.Workload, m *mapping.Mapping, stacks split.Stacks, r rules.Rules) *taskgraph.Graph {
	t.Helper()
	tiled, _, err := split.Nodes(w, m, stacks, r)
	if err != nil {
		t.Fatal(err)
	}
	g, err := connect.Graph(tiled, r)
	if err != nil {
		t.Fatal(err)
	}
	return g
}
