package cost

import (
	"maps"
	"slices"
	"testing"

	"streamdse/hardware"
	"streamdse/internal/connect/connecttest"
	"streamdse/internal/golden"
	"streamdse/internal/onnx"
	"streamdse/internal/onnx/onnxtest"
	"streamdse/internal/split"
	"streamdse/mapping"
	"streamdse/rules"
	"streamdse/taskgraph"
)

// measured is a measured case as this project reads it.
type measured struct {
	graph       *taskgraph.Graph
	accelerator *hardware.Accelerator
}

func measuredCase(t *testing.T, f *golden.File, c *golden.Case, r rules.Rules) measured {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	w, err := onnx.Workload(onnxtest.Model(t, f.Workloads[c.Inputs.Workload]), onnx.Options{Rules: r})
	check(err)
	m, err := mapping.Parse(c.Inputs.Mapping, f.Mappings[c.Inputs.Mapping])
	check(err)
	acc := f.Accelerators[c.Inputs.Accelerator]
	a, err := hardware.Parse(acc.Name+".yaml", acc.Text(t), acc.CoreFile)
	check(err)
	stacks := split.LayerByLayer(w)
	if c.Inputs.Mode == "fused" {
		ids := c.Inputs.LayerStacks
		if ids == nil {
			stacks = split.Auto(w, m, a, r)
		} else {
			stacks, err = split.Given(w, ids)
			check(err)
		}
	}
	return measured{connecttest.Graph(t, w, m, stacks, r), a}
}

// TestStreamedOperands compares, for every node of the measured cases, which
// operands do not fit its core.
func TestStreamedOperands(t *testing.T) {
	f := golden.Load(t)
	r := rules.Reference2024()
	nodes := 0
	for _, name := range slices.Sorted(maps.Keys(f.Cases)) {
		c := f.Cases[name]
		m := measuredCase(t, f, c, r)
		for _, want := range c.Nodes {
			l := slices.IndexFunc(m.graph.Layers, func(l taskgraph.Layer) bool { return l.ID == want.Layer })
			layer := &m.graph.Layers[l]
			i := slices.IndexFunc(layer.Nodes, func(n taskgraph.NodeID) bool { return int(m.graph.Nodes[n].Sub) == want.Sub })
			class := &m.graph.Classes[m.graph.Nodes[layer.Nodes[i]].Class]
			got := []string{}
			for _, op := range Streamed(m.accelerator, want.Core, layer, class, r) {
				got = append(got, op.String())
			}
			if !slices.Equal(got, want.TooLarge) {
				t.Errorf("%s: node %d.%d (needs %v) streams %v, want %v", name, want.Layer, want.Sub, class.Need, got, want.TooLarge)
			}
			nodes++
		}
	}
	if nodes != 398 {
		t.Errorf("%d nodes compared, want 398", nodes)
	}
}
