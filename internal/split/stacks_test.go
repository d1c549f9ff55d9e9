package split

import (
	"fmt"
	"strings"
	"testing"

	"streamdse/hardware"
	"streamdse/internal/golden"
	"streamdse/internal/onnx"
	"streamdse/internal/onnx/onnxtest"
	"streamdse/mapping"
	"streamdse/rules"
	"streamdse/unit"
	"streamdse/workload"
)

// network returns a network of the measured runs.
func network(t *testing.T, name string, o onnx.Options) *workload.Workload {
	t.Helper()
	w, err := onnx.Workload(onnxtest.Model(t, golden.Load(t).Workloads[name]), o)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestGivenStacks(t *testing.T) {
	// Layers 0 conv1, 1 relu1, 2 conv2, 3 add1, 4 gap, 6 fc; 5 is a flattening.
	w := network(t, "resnetish", onnx.Options{})
	for _, test := range []struct {
		ids  [][]int
		want string // layer indices, or the error
	}{
		{nil, "[[0] [1] [2] [3] [4] [5]]"},
		{[][]int{{0, 1, 2}, {3, 4}}, "[[0 1 2] [3 4] [5]]"},
		{[][]int{{5, 6, 4}}, "[[4 5] [0] [1] [2] [3]]"},
		{[][]int{{5}, {99}, {2}}, "[[2] [0] [1] [3] [4] [5]]"},
		{[][]int{{0, 1}, {1, 2}}, "layer 1 (relu1) stands in fusion stacks 0 and 1"},
	} {
		s, err := Given(w, test.ids)
		if got := fmt.Sprint(s); err == nil && got != test.want || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v: %v, %v, want %s", test.ids, got, err, test.want)
		}
	}
}

func TestNamedStacks(t *testing.T) {
	w := network(t, "resnetish", onnx.Options{FoldActivations: true})
	for _, test := range []struct {
		names [][]string
		want  string
	}{
		{[][]string{{"conv1", "conv2"}, {"add1"}}, "[[0 1] [2] [3] [4]]"},
		{[][]string{{"Conv", "Relu"}, {"Conv", "Add"}}, "[[0] [1 2] [3] [4]]"},
		{[][]string{{"Conv", "Add"}, {"Conv"}}, `m.yaml:2: fusion group "1" names "Conv"`}, // both convolutions are in the first
		{[][]string{{"conv1", "Add"}, {"Conv"}}, "[[0 2] [1] [3] [4]]"},                    // a name alone takes no others
		{[][]string{{"Conv", "Gelu"}}, `m.yaml:1: fusion group "0" names "Gelu"`},
		{[][]string{{"Conv", "Conv", "Conv"}}, `m.yaml:1: fusion group "0" names "Conv"`},
	} {
		var groups []mapping.Group
		for i, names := range test.names {
			groups = append(groups, mapping.Group{Name: fmt.Sprint(i), Layers: names, File: "m.yaml", Line: i + 1})
		}
		s, err := Named(w, groups)
		if got := fmt.Sprint(s); err == nil && got != test.want || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v: %v, %v, want %s", test.names, got, err, test.want)
		}
	}
}

// TestAutoStacks fuses ResNet-18 on the quad core. Half of four memories of 2 MB
// holds the weights of conv1 to layer3; the convolutions of layer4 have more than
// 1 MB each and stand alone. The published scheduler counts 8 MB and 256 KB, which
// takes in layer4.0.
func TestAutoStacks(t *testing.T) {
	acc, err := hardware.Load(golden.Shared(t, "data/stream-2024/examples/hardware/tpu_like_quad_core.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := mapping.Load(golden.Shared(t, "data/stream-2024/examples/mapping/tpu_like_quad_core.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	model, err := onnx.ReadFile(golden.Shared(t, "data/stream-2024/examples/workload/resnet18.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		rules rules.Rules
		sizes string // of the stacks
	}{
		{rules.Default(), "[35 1 1 1 3 1 1 1 4]"},
		{rules.Reference2024(), "[41 1 1 1 1 1 1 1]"},
	} {
		w, err := onnx.Workload(model, onnx.Options{Rules: test.rules})
		if err != nil {
			t.Fatal(err)
		}
		var sizes []int
		for _, s := range Auto(w, m, acc, test.rules) {
			sizes = append(sizes, len(s))
		}
		if got := fmt.Sprint(sizes); got != test.sizes {
			t.Errorf("%s: stacks of %s layers, want %s", test.rules.Name, got, test.sizes)
		}
	}
}

func TestPacker(t *testing.T) {
	acc := &hardware.Accelerator{Stores: []hardware.Store{{Capacity: 200}, {Capacity: 100}}}
	for _, test := range []struct {
		items []item
		want  bool
	}{
		{nil, true},
		{[]item{{100, []int{0, 1}}, {50, []int{0, 1}}}, true},
		{[]item{{50, []int{0, 1}}, {100, []int{0, 1}}}, true}, // the largest first
		{[]item{{101, []int{0, 1}}}, false},
		{[]item{{60, []int{1}}}, false},
		{[]item{{60, []int{0}}, {50, []int{0}}}, false},
		{[]item{{60, []int{0}}, {40, []int{0}}, {0, nil}}, true},
		{[]item{{1, nil}}, false}, // no core has a place for weights
	} {
		p := packer{free: make([]unit.Bits, 2)}
		if got := p.fits(acc, test.items); got != test.want {
			t.Errorf("%v: %v, want %v", test.items, got, test.want)
		}
	}
}

// TestAutoSplit: of layers that are spread over cores, each part is placed for
// itself. Half of a core of the quad core is 1 MiB; the convolutions of layer4 have
// 1.125 MiB (the first) and 2.25 MiB of weights, those before it 2.66 MiB together
// and the classifier 0.49 MiB.
func TestAutoSplit(t *testing.T) {
	acc, m, w := quadCore(t)
	fixed := func(cores ...int) *mapping.Mapping {
		f := *m
		f.Entries = append([]mapping.Entry{{Name: "/layer4/layer4.0/conv2/Conv", Cores: cores, Fixed: true, Inter: []mapping.Tiling{by("K", 3)}}}, m.Entries...)
		return &f
	}
	for _, test := range []struct {
		mapping *mapping.Mapping
		weights float64
		split   string
		sizes   string // of the stacks
	}{
		{m, 0, "", "[22 1 1 2 1 1 3]"},
		{m, 0.5, "", "[22 1 3 1 4]"},
		{m, 1, "", "[22 1 1 2 1 1 3]"},     // a part has 1.125 MiB still
		{m, 0, "K=4", "[23 3 1 4]"},        // 0.5625 MiB a part
		{m, 0, "C=4", "[23 3 1 4]"},        // a part of a reduction has a part of the weights too
		{m, 0, "OY=4", "[22 1 1 2 1 1 3]"}, // all parts have the same weights
		{m, 0, "K=all", "[23 3 1 4]"},      // a channel has 4.5 KiB at the most
		{fixed(0, 1, 2), 0, "", "[22 1 3 1 1 3]"},
		{fixed(0, 1, 0), 0, "", "[22 1 1 2 1 1 3]"}, // two parts of 0.75 MiB on one core
	} {
		cut := test.mapping
		if test.split != "" {
			list, err := mapping.ParseCuts(test.split, true)
			if err != nil {
				t.Fatal(err)
			}
			cut = cut.With(list...)
		}
		if test.weights > 0 {
			cut = Weights(w, cut, acc, test.weights, rules.Default())
		}
		var sizes []int
		for _, s := range Auto(w, cut, acc, rules.Default()) {
			sizes = append(sizes, len(s))
		}
		if got := fmt.Sprint(sizes); got != test.sizes {
			t.Errorf("weights split to %v, split %q: stacks of %s layers, want %s", test.weights, test.split, got, test.sizes)
		}
	}
}
