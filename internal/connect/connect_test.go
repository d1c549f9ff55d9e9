package connect

import (
	"fmt"
	"strings"
	"testing"

	"streamdse/internal/split"
	"streamdse/mapping"
	"streamdse/rules"
	"streamdse/taskgraph"
	"streamdse/unit"
	"streamdse/workload"
)

// rows is an element-wise layer over a matrix of 4 rows and 2 columns.
func rows(id int, operands ...workload.Operand) workload.Layer {
	out := output(singly(2), "D", "K")
	return workload.Layer{ID: id, Type: "Add", Name: fmt.Sprintf("add%d", id),
		Dims:     []workload.LoopDim{{Dim: "D", Size: 4}, {Dim: "K", Size: 2}},
		Operands: append([]workload.Operand{out}, operands...), OutputShape: []int{4, 2}}
}

func matrix(name string, s workload.Source) workload.Operand {
	return input(name, s, singly(2), "D", "K")
}

func fromLayer(i int, via ...workload.Movement) workload.Source {
	return workload.Source{Kind: workload.FromLayer, Layer: i, Via: via}
}

var external = workload.Source{Kind: workload.FromInput}

func tiles(dim workload.Dim, parts int) *mapping.Mapping {
	return &mapping.Mapping{Entries: []mapping.Entry{{Name: "default", Cores: []int{0, 1}, Intra: []mapping.Tiling{{Dim: dim, Parts: parts}}}}}
}

// edgeList shows edges as source-destination:operand=bits.
func edgeList(g *taskgraph.Graph) string {
	var list []string
	for e := range g.Edges() {
		list = append(list, fmt.Sprintf("%d-%d:%d=%d", e.Src, e.Dst, e.Operand, e.Bits))
	}
	return strings.Join(list, " ")
}

// TestOneProducerTwice adds a tensor to itself: two operands come from one node.
func TestOneProducerTwice(t *testing.T) {
	w := &workload.Workload{Layers: []workload.Layer{
		rows(0, matrix("I", external)),
		rows(1, matrix("I", fromLayer(0)), matrix("W", fromLayer(0))),
	}}
	for _, test := range []struct {
		rules rules.Rules
		want  string
	}{
		{rules.Default(), "0-1:0=0 0-2:1=32 0-2:2=32 1-3:1=32 1-3:2=32 2-3:0=0"},
		{rules.Reference2024(), "0-1:0=0 0-2:1=32 1-3:1=32 2-3:0=0"},
	} {
		g := build(t, w, tiles("D", 2), split.Stacks{{0, 1}}, test.rules)
		if got := edgeList(g); got != test.want {
			t.Errorf("%s: %s, want %s", test.rules.Name, got, test.want)
		}
		for e := range g.In(2) {
			if e.Dst != 2 || e.Src != 0 {
				t.Errorf("edge %v enters node 2", e)
			}
		}
		if n := g.OutDegree(1); n != g.InDegree(3)-1 {
			t.Errorf("%d edges leave node 1", n)
		}
	}
}

// TestLonelyNode checks a node without any dependency.
func TestLonelyNode(t *testing.T) {
	w := &workload.Workload{Layers: []workload.Layer{
		rows(0, matrix("I", external)), rows(1, matrix("I", external)), rows(2, matrix("I", fromLayer(1))),
	}}
	g := build(t, w, tiles("D", 1), split.LayerByLayer(w), rules.Default())
	if len(g.Nodes) != 3 || edgeList(g) != "1-2:1=64" {
		t.Errorf("%d nodes, edges %s", len(g.Nodes), edgeList(g))
	}
	g = build(t, w, tiles("D", 1), split.LayerByLayer(w), rules.Reference2024())
	if len(g.Nodes) != 2 || len(g.Tensors) != 4 || edgeList(g) != "0-1:1=64" || len(g.Layers[0].Nodes) != 0 || g.Nodes[1].Layer != 2 {
		t.Errorf("reference: %d nodes, %d tensors, edges %s", len(g.Nodes), len(g.Tensors), edgeList(g))
	}
	for n := range g.Nodes {
		for _, tensor := range g.Nodes[n].Operands {
			if g.Tensors[tensor].Origin != taskgraph.NodeID(n) {
				t.Errorf("node %d: tensor of node %d", n, g.Tensors[tensor].Origin)
			}
		}
	}
}

// TestClassesAcrossLayers checks that equal nodes of different layers share a
// class unless the published rules tell layers apart, and that what a class needs
// counts whole tiles.
func TestClassesAcrossLayers(t *testing.T) {
	w, m := chain(4, 6)
	m.Entries[0].Intra = []mapping.Tiling{{Dim: "OY", Parts: 3}}
	stacks := split.Stacks{indices(4)}
	g := build(t, w, m, stacks, rules.Default())
	var got []string
	for _, c := range g.Classes {
		got = append(got, fmt.Sprintf("%d nodes, I %d of %d", c.Nodes, c.Size[2], c.Need[2]))
	}
	// Two rows, and halos of one row on each side: 4 rows of 8 x 6 bytes. The
	// first layer reads the input; the others two or three tiles of two rows.
	want := "[3 nodes, I 1536 of 1536 6 nodes, I 1536 of 1536 3 nodes, I 1536 of 2304]"
	if fmt.Sprint(got) != want {
		t.Errorf("classes %v, want %s", got, want)
	}
	if g := build(t, w, m, stacks, rules.Reference2024()); len(g.Classes) != 7 {
		t.Errorf("reference: %d classes, want 1 for the first layer and 2 for each other", len(g.Classes))
	}
}

// TestCrossingReshape reshapes 4x6 to 6x4, which no factors explain.
func TestCrossingReshape(t *testing.T) {
	first := rows(0, matrix("I", external))
	first.Dims = []workload.LoopDim{{Dim: "D", Size: 4}, {Dim: "K", Size: 6}}
	second := rows(1, matrix("I", fromLayer(0, workload.Movement{Kind: workload.Reshape, ID: 7, Shape: []int{6, 4}})))
	second.Dims = []workload.LoopDim{{Dim: "D", Size: 6}, {Dim: "K", Size: 4}}
	w := &workload.Workload{Layers: []workload.Layer{first, second}}
	g := build(t, w, tiles("D", 2), split.Stacks{{0, 1}}, rules.Default())
	if got, want := edgeList(g), "0-1:0=0 0-2:1=96 1-3:1=96 2-3:0=0"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	g = build(t, w, tiles("K", 3), split.Stacks{{0, 1}}, rules.Default())
	var bits unit.Bits
	for e := range g.Edges() {
		bits += e.Bits
	}
	if bits != 24*8 {
		t.Errorf("%d bits pass, want %d", bits, 24*8)
	}
}

func TestShapesThatDoNotFit(t *testing.T) {
	for _, test := range []struct {
		via  workload.Movement
		want string
	}{
		{workload.Movement{Kind: workload.Reshape, Type: "Reshape", Name: "r", Shape: []int{3, 3}}, `layer "add1" reads operand I from layer "add0": Reshape "r" turns 8 elements into the shape [3 3]`},
		{workload.Movement{Kind: workload.Transpose, Type: "Transpose", Name: "t", Perm: []int{0, 2, 1}}, `Transpose "t" permutes 3 axes of a tensor of shape [4 2]`},
		{workload.Movement{Kind: workload.Transpose, Type: "Transpose", Name: "t", Perm: []int{0, 2}}, `has axis 2 of a tensor of shape [4 2]`},
	} {
		w := &workload.Workload{Layers: []workload.Layer{rows(0, matrix("I", external)), rows(1, matrix("I", fromLayer(0, test.via)))}}
		for _, r := range []rules.Rules{rules.Default(), rules.Reference2024()} {
			tiled, _, err := split.Nodes(w, tiles("D", 2), split.Stacks{{0, 1}}, r)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Graph(tiled, r); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s: %v, want %s", r.Name, err, test.want)
			}
		}
	}
	wide := rows(1, matrix("I", fromLayer(0)))
	wide.Dims = []workload.LoopDim{{Dim: "D", Size: 4}, {Dim: "K", Size: 3}}
	wide.Operands[1].Axes = []int{2}
	w := &workload.Workload{Layers: []workload.Layer{rows(0, matrix("I", external)), wide}}
	tiled, _, err := split.Nodes(w, tiles("D", 2), split.Stacks{{0, 1}}, rules.Default())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Graph(tiled, rules.Default()); err == nil || !strings.Contains(err.Error(), "a tensor of shape [4 2] arrives\n  allowed: a tensor of shape [12]") {
		t.Errorf("%v", err)
	}
}
