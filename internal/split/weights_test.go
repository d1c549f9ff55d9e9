package split

import (
	"fmt"
	"testing"

	"streamdse/hardware"
	hardwarezoo "streamdse/hardware/zoo"
	"streamdse/internal/onnx"
	"streamdse/mapping"
	mappingzoo "streamdse/mapping/zoo"
	"streamdse/rules"
	"streamdse/unit"
	"streamdse/workload"
	"streamdse/workload/zoo"
)

// TestWeightParts cuts 10 channels with 5 x 8 weights of 8 bits each.
func TestWeightParts(t *testing.T) {
	l := &workload.Layer{
		Dims: []workload.LoopDim{{Dim: "K", Size: 10}, {Dim: "C", Size: 5}, {Dim: "FY", Size: 8}},
		Operands: []workload.Operand{
			{Name: "O", Dims: []workload.Dim{"K"}, Bits: 16, FinalBits: 8},
			{Name: "W", Dims: []workload.Dim{"K", "C", "FY"}, Bits: 8, Source: workload.Source{Kind: workload.FromConstant}},
			{Name: "I", Dims: []workload.Dim{"C", "FY"}, Bits: 8, Source: workload.Source{Kind: workload.FromInput}},
		},
	}
	for _, test := range []struct {
		over []mapping.Tiling
		room int // in channels
		want int
	}{
		{nil, 10, 1},
		{nil, 9, 2},
		{nil, 5, 2},
		{nil, 4, 3}, // 4 4 2: ragged
		{nil, 1, 10},
		{nil, 0, 1}, // not even a channel fits
		{[]mapping.Tiling{by("FY", 4)}, 1, 3},
		{[]mapping.Tiling{by("C", mapping.All)}, 1, 2},
		{[]mapping.Tiling{sized("FY", 4)}, 1, 5},
	} {
		if got := weightParts(l, test.over, 5*8*8*unit.Bits(test.room)); got != test.want {
			t.Errorf("cuts %v, room for %d channels: %d parts, want %d", test.over, test.room, got, test.want)
		}
	}
}

// TestWeights cuts the layers of ResNet-18 whose weights exceed the 2 MiB of a core,
// or half of it: convolutions of layer4 with 512 channels of 4.5 KiB each, or 2.25
// KiB in the first. Cuts that are there stay.
func TestWeights(t *testing.T) {
	acc, m, w := quadCore(t)
	for _, test := range []struct {
		part  float64
		rules rules.Rules
		cuts  []string
		want  string
	}{
		{0.5, rules.Reference2024(), nil, "[/layer4/layer4.0/conv1/Conv:K=2 /layer4/layer4.0/conv2/Conv:K=4 /layer4/layer4.1/conv1/Conv:K=4 /layer4/layer4.1/conv2/Conv:K=4]"},
		{1, rules.Default(), nil, "[/layer4/layer4.0/conv2/Conv:K=2 /layer4/layer4.1/conv1/Conv:K=2 /layer4/layer4.1/conv2/Conv:K=2]"},
		{0.5, rules.Default(), nil, "[/layer4/layer4.0/conv1/Conv:K=2 /layer4/layer4.0/conv2/Conv:K=3 /layer4/layer4.1/conv1/Conv:K=3 /layer4/layer4.1/conv2/Conv:K=3]"},
		{0.5, rules.Default(), []string{"OY=2"}, "[OY=2 /layer4/layer4.0/conv1/Conv:OY=2 /layer4/layer4.0/conv1/Conv:K=2 /layer4/layer4.0/conv2/Conv:OY=2 /layer4/layer4.0/conv2/Conv:K=3 " +
			"/layer4/layer4.1/conv1/Conv:OY=2 /layer4/layer4.1/conv1/Conv:K=3 /layer4/layer4.1/conv2/Conv:OY=2 /layer4/layer4.1/conv2/Conv:K=3]"},
		{0.5, rules.Default(), []string{"K=4"}, "[K=4]"}, // enough
		{1, rules.Default(), []string{"Conv:K=2"}, "[Conv:K=2]"},
	} {
		cut := m
		for _, text := range test.cuts {
			list, err := mapping.ParseCuts(text, true)
			if err != nil {
				t.Fatal(err)
			}
			cut = cut.With(list...)
		}
		cut = Weights(w, cut, acc, test.part, test.rules)
		if got := fmt.Sprint(cut.Cuts); got != test.want {
			t.Errorf("%v of a core, %v: %s, want %s", test.part, test.cuts, got, test.want)
		}
		tiled, _, err := Nodes(w, cut, LayerByLayer(w), test.rules)
		if err != nil {
			t.Fatal(err)
		}
		for i := range tiled.Tensors {
			x := &tiled.Tensors[i]
			l := &tiled.Layers[x.Layer]
			if l.Type == "Conv" && l.Operands[x.Operand].Name == "W" && float64(x.Bits) > test.part*float64(acc.Stores[acc.Top(0, hardware.I2)].Capacity) {
				t.Errorf("%v of a core: layer %s still has %d bits of weights in a node", test.part, l.Name, x.Bits)
			}
		}
	}
}

func quadCore(t *testing.T) (*hardware.Accelerator, *mapping.Mapping, *workload.Workload) {
	t.Helper()
	acc, err := hardwarezoo.Load("tpu_like_quad_core")
	if err != nil {
		t.Fatal(err)
	}
	m, err := mappingzoo.Load("tpu_like_quad_core")
	if err != nil {
		t.Fatal(err)
	}
	model, err := zoo.Model("resnet18")
	if err != nil {
		t.Fatal(err)
	}
	w, err := onnx.Workload(model, onnx.Options{FoldActivations: true})
	if err != nil {
		t.Fatal(err)
	}
	return acc, m, w
}
