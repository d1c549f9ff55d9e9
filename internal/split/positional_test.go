package split

import (
	"fmt"
	"strings"
	"testing"

	"streamdse/internal/diag"
	"streamdse/internal/onnx"
	"streamdse/mapping"
	"streamdse/rules"
	"streamdse/workload"
	"streamdse/workload/zoo"
)

func resNet18(t *testing.T) *workload.Workload {
	t.Helper()
	model, err := zoo.Model("resnet18")
	if err != nil {
		t.Fatal(err)
	}
	w, err := onnx.Workload(model, onnx.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestIterationSpace(t *testing.T) {
	w := resNet18(t)
	want := map[string]string{
		"Conv":              "[B C OY OX FY FX K]",
		"MaxPool":           "[B K OY OX FY FX]",
		"Relu":              "[B H D K]",
		"Add":               "[B H D K]",
		"GlobalAveragePool": "[B K OY OX FY FX]",
		"Gemm":              "[D C K]",
	}
	for i := range w.Layers {
		l := &w.Layers[i]
		if got := fmt.Sprint(iterationSpace(l)); got != want[l.Type] {
			t.Errorf("%s: %s, want %s", l.Name, got, want[l.Type])
		}
	}
}

// A fusion group sets one row of the pooling layer as a tile: the convolution
// before it, with twice the rows, has tiles of two.
func TestGroupTilings(t *testing.T) {
	w := resNet18(t)
	m, err := mapping.Parse("groups.yaml", []byte(`
layers:
- {name: Conv, core_allocation: [[0, 1, 2, 3]], inter_core_tiling: [[{dim: D6, split: 4}]]}
- {name: Relu, core_allocation: [[0, 1]]}
- {name: MaxPool, core_allocation: [[4]]}
- {name: Add, core_allocation: [[5]]}
- {name: GlobalAveragePool, core_allocation: [[4]]}
- {name: Gemm, core_allocation: [[0]]}
fused_groups:
- name: front
  layers: [Conv, Relu, MaxPool]
  intra_core_tiling: [{dim: /maxpool/MaxPool.D2, tile: 1}]
- name: channels
  layers: [/layer1/layer1.0/conv1/Conv, /layer1/layer1.0/relu/Relu]
  intra_core_tiling: [{dim: Conv.D1, tile: 16}]
`))
	if err != nil {
		t.Fatal(err)
	}
	stacks, err := Named(w, m.Groups)
	if err != nil {
		t.Fatal(err)
	}
	tiled, _, err := Nodes(w, m, stacks, rules.Default())
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{
		"OY 56, K 4 over cores",
		"D 56",
		"OY 56",
		"C 4, K 4 over cores", // a reduction: nobody follows
		"D 56",                // streams along its rows for want of a tiling
		"K 4 over cores",      // alone
	} {
		l := &tiled.Layers[i]
		var got []string
		for _, loop := range l.Loops {
			s := fmt.Sprintf("%s %d", l.Dims[loop.Dim].Dim, loop.Parts)
			if loop.Inter {
				s += " over cores"
			}
			got = append(got, s)
		}
		if s := strings.Join(got, ", "); s != want {
			t.Errorf("%s is cut by %q, want %q", l.Name, s, want)
		}
	}
	if starts := tiled.Layers[0].Cuts[4].Starts; len(starts) != 57 || starts[1] != 2 {
		t.Errorf("rows of conv1 are cut at %v, want every second", starts)
	}

	for _, tile := range []mapping.LayerTiling{
		{Layer: "nobody", Tiling: mapping.Tiling{Dim: "D0", Parts: 1, Size: true}},
		{Layer: "/fc/Gemm", Tiling: mapping.Tiling{Dim: "D7", Parts: 1, Size: true}},
	} {
		m.Groups = []mapping.Group{{Name: "g", Tiles: []mapping.LayerTiling{tile}}}
		if _, _, err := Nodes(w, m, stacks, rules.Default()); err == nil {
			t.Errorf("a tile of %s of %s is accepted", tile.Dim, tile.Layer)
		}
	}
}

// TestGroupBlocks: a group that names operator types has all layers of these types up
// to the last one that it names, and a note says so.
func TestGroupBlocks(t *testing.T) {
	w := resNet18(t)
	groups := []mapping.Group{
		{Name: "front", Layers: []string{"Conv", "Relu", "MaxPool"}},
		{Name: "plain", Layers: []string{"Conv", "Relu", "Add"}},
		{Name: "next", Layers: []string{"Conv", "Relu", "Add"}},
		{Name: "down", Layers: []string{"Conv", "Relu", "Add"}, File: "m.yaml", Line: 9},
		{Name: "one", Layers: []string{"Conv"}},
	}
	stacks, err := Named(w, groups)
	if err != nil {
		t.Fatal(err)
	}
	for s, want := range []string{
		"/conv1/Conv /relu/Relu /maxpool/MaxPool",
		"/layer1/layer1.0/conv1/Conv /layer1/layer1.0/relu/Relu /layer1/layer1.0/conv2/Conv /layer1/layer1.0/Add",
		"/layer1/layer1.0/relu_1/Relu /layer1/layer1.1/conv1/Conv /layer1/layer1.1/relu/Relu /layer1/layer1.1/conv2/Conv /layer1/layer1.1/Add",
		"/layer1/layer1.1/relu_1/Relu /layer2/layer2.0/conv1/Conv /layer2/layer2.0/relu/Relu /layer2/layer2.0/conv2/Conv /layer2/layer2.0/downsample/downsample.0/Conv /layer2/layer2.0/Add",
		"/layer2/layer2.1/conv1/Conv",
	} {
		var names []string
		for _, i := range stacks[s] {
			names = append(names, w.Layers[i].Name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("group %d: %s, want %s", s, got, want)
		}
	}
	const want = `fusion group "plain" names operator types: it is read as all layers of these types from "/layer1/layer1.0/conv1/Conv" to "/layer1/layer1.0/Add", 4 in all; and so are 2 more groups`
	if notes := Readings(w, &mapping.Mapping{Groups: groups}, rules.Default()); len(notes) != 1 || notes[0].Message != want {
		t.Errorf("notes %v, want %s", notes, want)
	}
}

// TestFusedAxis cuts a SwiGLU along the loops of its products. Rows go through the
// whole stack. The columns of the first products are the inner dimension of the last
// one, whose own columns are another axis; over 4 cores, a tile of 6 is 24 wide.
func TestFusedAxis(t *testing.T) {
	model, err := zoo.Model("swiglu_block:hidden=64,ffn=96,seq=8")
	if err != nil {
		t.Fatal(err)
	}
	w, err := onnx.Workload(model, onnx.Options{})
	if err != nil {
		t.Fatal(err)
	}
	const layers = `
layers:
- {name: MatMul, core_allocation: [[0, 1, 2, 3]], inter_core_tiling: [[{dim: D2, split: 4}]]}
- {name: Sigmoid, core_allocation: [[0, 1]]}
- {name: Mul, core_allocation: [[0, 1]], inter_core_tiling: [[{dim: D1, split: 2}]]}
fused_groups:
- name: all
  layers: [MatMul, Sigmoid, Mul, MatMul, Mul, MatMul]
  intra_core_tiling: [`
	for _, test := range []struct{ tiles, want, note string }{
		{"{dim: /mlp/up/MatMul.D0, tile: 2}", "gate/MatMul D/4 gate/Sigmoid D/4 gate/Mul D/4 up/MatMul D:2 Mul D/4 down/MatMul D/4", ""},
		{"{dim: /mlp/gate/MatMul.D1, tile: 16}", "gate/MatMul C:16", ""},
		{"{dim: /mlp/down/MatMul.D1, tile: 6}", "gate/MatMul K/4 gate/Sigmoid K/4 gate/Mul K/4 up/MatMul K/4 Mul K/4 down/MatMul C:24",
			"the tile of 6 along /mlp/down/MatMul.D1 is read as that of each of the 4 cores that the axis is spread over: C is cut into tiles of 24"},
		{"{dim: /mlp/Mul.D1, tile: 12}", "gate/MatMul K/2 gate/Sigmoid K/2 gate/Mul K/2 up/MatMul K/2 Mul K:48 down/MatMul C/2",
			"the tile of 12 along /mlp/Mul.D1 is read as that of each of the 4 cores that the axis is spread over: K is cut into tiles of 48"},
		{"{dim: /mlp/down/MatMul.D2, tile: 8}", "down/MatMul K:32",
			"the tile of 8 along /mlp/down/MatMul.D2 is read as that of each of the 4 cores that the axis is spread over: K is cut into tiles of 32"},
	} {
		m, err := mapping.Parse("groups.yaml", []byte(layers+test.tiles+"]\n"))
		if err != nil {
			t.Fatal(err)
		}
		stacks, err := Named(w, m.Groups)
		if err != nil {
			t.Fatal(err)
		}
		var problems, notes diag.List
		var got []string
		for i, list := range groupTilings(w, m, stacks, rules.Default(), &problems, &notes) {
			for _, x := range list {
				by := "/"
				if x.Size {
					by = ":"
				}
				got = append(got, fmt.Sprintf("%s %s%s%d", strings.TrimPrefix(w.Layers[i].Name, "/mlp/"), x.Dim, by, x.Parts))
			}
		}
		if s := strings.Join(got, " "); s != test.want || len(problems) > 0 {
			t.Errorf("%s: %s, want %s; problems %v", test.tiles, s, test.want, problems)
		}
		if text := notes.Error(); test.note == "" && text != "" || !strings.Contains(text, test.note) {
			t.Errorf("%s: notes %s, want %s", test.tiles, text, test.note)
		}
		if _, _, err := Nodes(w, m, stacks, rules.Default()); err != nil {
			t.Error(err)
		}
	}
}
