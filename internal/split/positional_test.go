package split

import (
	"fmt"
	"strings"
	"testing"

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
	stacks, err := Named(w, m.Stacks)
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
