package connect

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"streamdse/internal/golden"
	"streamdse/internal/onnx"
	"streamdse/internal/onnx/onnxtest"
	"streamdse/internal/split"
	"streamdse/mapping"
	"streamdse/rules"
	"streamdse/taskgraph"
	"streamdse/unit"
	"streamdse/workload"
)

// splitCase cuts the network of a measured run.
func splitCase(t testing.TB, f *golden.File, c *golden.Case) *taskgraph.Tiled {
	t.Helper()
	r := rules.Reference2024()
	w, err := onnx.Workload(onnxtest.Model(t, f.Workloads[c.Inputs.Workload]), onnx.Options{Rules: r})
	if err != nil {
		t.Fatal(err)
	}
	m, err := mapping.Parse(c.Inputs.Mapping, f.Mappings[c.Inputs.Mapping])
	if err != nil {
		t.Fatal(err)
	}
	stacks := split.LayerByLayer(w)
	if c.Inputs.Mode == "fused" {
		// Without stacks given, all of these small networks fit on the chip.
		ids := c.Inputs.LayerStacks
		if ids == nil {
			ids = [][]int{{}}
			for i := range w.Layers {
				ids[0] = append(ids[0], w.Layers[i].ID)
			}
		}
		if stacks, err = split.Given(w, ids); err != nil {
			t.Fatal(err)
		}
	}
	tiled, _, err := split.Nodes(w, m, stacks, r)
	if err != nil {
		t.Fatal(err)
	}
	return tiled
}

// TestMeasuredGraphs compares every node, tensor and dependency with the
// measured runs of the published scheduler.
func TestMeasuredGraphs(t *testing.T) {
	f := golden.Load(t)
	for _, name := range slices.Sorted(maps.Keys(f.Cases)) {
		t.Run(name, func(t *testing.T) {
			c := f.Cases[name]
			tiled := splitCase(t, f, c)
			p := published{Tiled: tiled, rules: rules.Reference2024()}
			g, err := p.graph()
			if err != nil {
				t.Fatal(err)
			}
			if len(g.Nodes) != c.NodeCount || g.EdgeCount() != c.EdgeCount {
				t.Fatalf("%d nodes and %d edges, want %d and %d", len(g.Nodes), g.EdgeCount(), c.NodeCount, c.EdgeCount)
			}
			at := map[[2]int]taskgraph.NodeID{}
			for n := range g.Nodes {
				at[nodeName(g, taskgraph.NodeID(n))] = taskgraph.NodeID(n)
			}
			for i := range c.Nodes {
				want := &c.Nodes[i]
				n, ok := at[[2]int{want.Layer, want.Sub}]
				if !ok {
					t.Errorf("node %d.%d is missing", want.Layer, want.Sub)
					continue
				}
				compareNode(t, g, n, want)
				if got := p.produced[n]; got != unit.Bits(want.Produced) {
					t.Errorf("node %d.%d: %d bits produced, want %d", want.Layer, want.Sub, got, want.Produced)
				}
				if got := int(p.real[n]); got != want.RealPredecessors {
					t.Errorf("node %d.%d: %d dependencies on other layers, want %d", want.Layer, want.Sub, got, want.RealPredecessors)
				}
			}
			compareEdges(t, g, c.Edges)
			compareClasses(t, g, at, c.Nodes)
		})
	}
}

// nodeName is a node's layer ID and Sub.
func nodeName(g *taskgraph.Graph, n taskgraph.NodeID) [2]int {
	return [2]int{g.Layers[g.Nodes[n].Layer].ID, int(g.Nodes[n].Sub)}
}

func compareNode(t *testing.T, g *taskgraph.Graph, n taskgraph.NodeID, want *golden.Node) {
	t.Helper()
	node := &g.Nodes[n]
	layer := &g.Layers[node.Layer]
	name := fmt.Sprintf("node %d.%d", want.Layer, want.Sub)
	if int(node.Group) != want.Group || node.Final != want.Final {
		t.Errorf("%s: group %d, final %v, want %d, %v", name, node.Group, node.Final, want.Group, want.Final)
	}
	tile := g.Tile(n)
	ranges := map[workload.Dim]taskgraph.Range{}
	for i, d := range layer.Dims {
		ranges[d.Dim] = node.Ranges[i]
		if tile.Dims[i].Size != want.LayerDims[string(d.Dim)] {
			t.Errorf("%s: %s has size %d, want %d", name, d.Dim, tile.Dims[i].Size, want.LayerDims[string(d.Dim)])
		}
	}
	for i, op := range layer.Operands {
		for j, d := range op.Dims {
			ranges[d] = g.Tensors[node.Operands[i]].Ranges[j]
		}
	}
	for d, r := range ranges {
		if w := want.LoopRanges[string(d)]; w != [2]int{int(r.Lo), int(r.Hi)} {
			t.Errorf("%s: %s is %v, want %v", name, d, r, w)
		}
	}
	if len(ranges) != len(want.LoopRanges) {
		t.Errorf("%s: ranges of %d dimensions, want %d", name, len(ranges), len(want.LoopRanges))
	}
	if len(node.Operands) != len(want.Tensors) {
		t.Errorf("%s: %d operands, want %d", name, len(node.Operands), len(want.Tensors))
	}
	sizes := g.OperandBits(n)
	for i, op := range layer.Operands {
		w := want.Tensors[op.Name]
		tensor := &g.Tensors[node.Operands[i]]
		origin := nodeName(g, tensor.Origin)
		if (golden.TensorID{Layer: origin[0], Sub: origin[1], Operand: op.Name}) != w.ID || tensor.Bits != unit.Bits(w.Bits) {
			t.Errorf("%s: %s is that of %v with %d bits, want %v with %d bits", name, op.Name, origin, tensor.Bits, w.ID, w.Bits)
		}
		if tensor.Constant != slices.Contains(want.ConstantOperands, op.Name) && i > 0 {
			t.Errorf("%s: %s constant: %v", name, op.Name, tensor.Constant)
		}
		if i > 0 && w.BasePriority != nil && int(tensor.Uses) != *w.BasePriority {
			t.Errorf("%s: %s has %d uses, want %d", name, op.Name, tensor.Uses, *w.BasePriority)
		}
		if sizes[i] != unit.Bits(want.OperandSizeBit[op.Name]) {
			t.Errorf("%s: %d bits of %s are used, want %d", name, sizes[i], op.Name, want.OperandSizeBit[op.Name])
		}
	}
}

func compareEdges(t *testing.T, g *taskgraph.Graph, want []golden.Edge) {
	t.Helper()
	left := map[golden.Edge]bool{}
	for _, e := range want {
		left[e] = true
	}
	for e := range g.Edges() {
		got := golden.Edge{Src: nodeName(g, e.Src), Dst: nodeName(g, e.Dst), Bits: int64(e.Bits)}
		if e.Data() {
			got.Operand = g.Layers[g.Nodes[e.Dst].Layer].Operands[e.Operand].Name
		}
		if !left[got] {
			t.Errorf("edge %+v is not in the measured graph", got)
		}
		delete(left, got)
	}
	for e := range left {
		t.Errorf("edge %+v is missing", e)
	}
}

// compareClasses checks that nodes of one class on one core had the same cost.
func compareClasses(t *testing.T, g *taskgraph.Graph, at map[[2]int]taskgraph.NodeID, nodes []golden.Node) {
	t.Helper()
	type place struct {
		class int32
		core  int
	}
	first := map[place]*golden.Node{}
	for i := range nodes {
		n := &nodes[i]
		k := place{g.Nodes[at[[2]int{n.Layer, n.Sub}]].Class, n.Core}
		if first[k] == nil {
			first[k] = n
			continue
		}
		f := first[k]
		if n.Runtime != f.Runtime || n.OnchipEnergy != f.OnchipEnergy || n.OffchipEnergy != f.OffchipEnergy || !slices.Equal(n.TooLarge, f.TooLarge) {
			t.Errorf("nodes %d.%d and %d.%d of class %d differ in cost", f.Layer, f.Sub, n.Layer, n.Sub, k.class)
		}
	}
}
