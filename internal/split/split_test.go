package split

import (
	"fmt"
	"strings"
	"testing"

	"streamdse/internal/onnx"
	"streamdse/mapping"
	"streamdse/rules"
	"streamdse/taskgraph"
	"streamdse/unit"
	"streamdse/workload"
)

// tilings maps both convolutions of a network of 8 rows and 4 channels.
func tilings(intra, inter []mapping.Tiling, cores ...int) *mapping.Mapping {
	return &mapping.Mapping{Entries: []mapping.Entry{{Name: "default", Cores: cores, Intra: intra, Inter: inter}}}
}

func by(dim workload.Dim, parts int) mapping.Tiling { return mapping.Tiling{Dim: dim, Parts: parts} }

func sized(dim workload.Dim, size int) mapping.Tiling {
	return mapping.Tiling{Dim: dim, Parts: size, Size: true}
}

// describe shows a layer's nodes as group:OY range/K range.
func describe(t *taskgraph.Tiled, layer int) string {
	l := &t.Layers[layer]
	var parts []string
	for _, n := range l.Nodes {
		node := &t.Nodes[n]
		text := fmt.Sprintf("%d:", node.Group)
		for i, d := range l.Dims {
			if d.Dim == "OY" || d.Dim == "K" && l.Cuts[i].Parts() > 1 {
				text += fmt.Sprintf("%s%d-%d", d.Dim[len(d.Dim)-1:], node.Ranges[i].Lo, node.Ranges[i].Hi)
			}
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, " ")
}

func TestTilings(t *testing.T) {
	w := network(t, "twoconv", onnx.Options{})
	for _, test := range []struct {
		name         string
		intra, inter []mapping.Tiling
		want         string
		reference    string
	}{
		{
			name:  "even",
			intra: []mapping.Tiling{by("OY", 4)}, inter: []mapping.Tiling{by("K", mapping.Free)},
			want:      "0:Y0-2 0:Y2-4 0:Y4-6 0:Y6-8",
			reference: "0:Y0-2 0:Y2-4 0:Y4-6 0:Y6-8",
		},
		{
			name:      "ragged", // the published scheduler computes a ninth row
			intra:     []mapping.Tiling{by("OY", 3)},
			want:      "0:Y0-3 0:Y3-6 0:Y6-8",
			reference: "0:Y0-3 0:Y3-6 0:Y6-9",
		},
		{
			name:      "more tiles than rows",
			intra:     []mapping.Tiling{by("OY", 100)},
			want:      "0:Y0-1 0:Y1-2 0:Y2-3 0:Y3-4 0:Y4-5 0:Y5-6 0:Y6-7 0:Y7-8",
			reference: "0:Y0-1 0:Y1-2 0:Y2-3 0:Y3-4 0:Y4-5 0:Y5-6 0:Y6-7 0:Y7-8",
		},
		{
			name:      "by size",
			intra:     []mapping.Tiling{sized("OY", 3)},
			want:      "0:Y0-3 0:Y3-6 0:Y6-8",
			reference: "0:Y0-3 0:Y3-6 0:Y6-9",
		},
		{
			name:      "by a size that leaves little over",
			intra:     []mapping.Tiling{sized("OY", 7)},
			want:      "0:Y0-7 0:Y7-8",
			reference: "0:Y0-4 0:Y4-8",
		},
		{
			name:      "nothing given: rows",
			want:      "0:Y0-1 0:Y1-2 0:Y2-3 0:Y3-4 0:Y4-5 0:Y5-6 0:Y6-7 0:Y7-8",
			reference: "0:Y0-1 0:Y1-2 0:Y2-3 0:Y3-4 0:Y4-5 0:Y5-6 0:Y6-7 0:Y7-8",
		},
		{
			name:  "channels over cores", // the published scheduler loses the fourth
			intra: []mapping.Tiling{by("OY", 2)}, inter: []mapping.Tiling{by("K", 3)},
			want:      "0:K0-2Y0-4 0:K0-2Y4-8 1:K2-3Y0-4 1:K2-3Y4-8 2:K3-4Y0-4 2:K3-4Y4-8",
			reference: "0:K0-1Y0-4 0:K0-1Y4-8 1:K1-2Y0-4 1:K1-2Y4-8 2:K2-3Y0-4 2:K2-3Y4-8",
		},
		{
			name:  "rows of a tile side by side over cores",
			intra: []mapping.Tiling{by("OY", 4)}, inter: []mapping.Tiling{by("OY", 2)},
			want:      "0:Y0-1 1:Y1-2 0:Y2-3 1:Y3-4 0:Y4-5 1:Y5-6 0:Y6-7 1:Y7-8",
			reference: "0:Y0-1 1:Y1-2 0:Y2-3 1:Y3-4 0:Y4-5 1:Y5-6 0:Y6-7 1:Y7-8",
		},
		{
			name:  "too few rows for both: cores first",
			intra: []mapping.Tiling{by("OY", mapping.All)}, inter: []mapping.Tiling{by("OY", 3)},
			want: "0:Y0-2 1:Y2-4 2:Y4-5 0:Y5-6 1:Y6-7 2:Y7-8",
		},
	} {
		for _, r := range []rules.Rules{rules.Default(), rules.Reference2024()} {
			want := test.want
			if r.TilesEnlargeLayer {
				want = test.reference
			}
			tiled, _, err := Nodes(w, tilings(test.intra, test.inter, 0, 1, 2), Stacks{{0, 1}}, r)
			if want == "" {
				if err == nil {
					t.Errorf("%s, %s: no error", test.name, r.Name)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := describe(tiled, 1); got != want {
				t.Errorf("%s, %s:\n got %s\nwant %s", test.name, r.Name, got, want)
			}
		}
	}
}

// TestSpreadTwice spreads one dimension over cores by two tilings.
func TestSpreadTwice(t *testing.T) {
	w := network(t, "twoconv", onnx.Options{})
	tiled, _, err := Nodes(w, tilings([]mapping.Tiling{by("OY", 2)}, []mapping.Tiling{by("OY", 2), by("OY", 2)}, 0, 1, 2, 3), Stacks{{0, 1}}, rules.Default())
	if err != nil {
		t.Fatal(err)
	}
	want := "0:Y0-1 1:Y1-2 2:Y2-3 3:Y3-4 0:Y4-5 1:Y5-6 2:Y6-7 3:Y7-8"
	if got := describe(tiled, 0); got != want {
		t.Errorf(" got %s\nwant %s", got, want)
	}
}

// TestAlone checks that a layer alone in its stack is not tiled within a core.
func TestAlone(t *testing.T) {
	w := network(t, "twoconv", onnx.Options{})
	for _, test := range []struct {
		rules rules.Rules
		want  string
	}{
		{rules.Default(), "0:K0-2Y0-8 1:K2-4Y0-8"},
		{rules.Reference2024(), "0:K0-2Y0-9 1:K2-4Y0-9"}, // enlarged all the same
	} {
		m := tilings([]mapping.Tiling{by("OY", 3)}, []mapping.Tiling{by("K", 2)}, 0, 1)
		tiled, _, err := Nodes(w, m, LayerByLayer(w), test.rules)
		if err != nil {
			t.Fatal(err)
		}
		if got := describe(tiled, 0); got != test.want {
			t.Errorf("%s: %s, want %s", test.rules.Name, got, test.want)
		}
	}
}

// TestTensors checks what nodes share, and that padding has no bits.
func TestTensors(t *testing.T) {
	w := network(t, "twoconv", onnx.Options{})
	tiled, _, err := Nodes(w, tilings([]mapping.Tiling{by("OY", 4)}, nil, 0), Stacks{{0, 1}}, rules.Default())
	if err != nil {
		t.Fatal(err)
	}
	var input []unit.Bits
	for _, n := range tiled.Layers[0].Nodes {
		for k, op := range tiled.Layers[0].Operands {
			tensor := &tiled.Tensors[tiled.Nodes[n].Operands[k]]
			switch op.Name {
			case "I": // 3 channels, 8 columns, 8 bits; 3 or 4 rows without padding
				input = append(input, tensor.Bits/(3*8*8))
			case "W":
				if tensor.Origin != 0 || tensor.Uses != 4 || tensor.Bits != 4*3*9*8 {
					t.Errorf("node %d: weights %+v", n, tensor)
				}
			}
		}
	}
	if got := fmt.Sprint(input); got != "[3 4 4 3]" {
		t.Errorf("tiles of the input have %s rows, want [3 4 4 3]", got)
	}
}

// TestCoincidingWindows checks that blocks that several parts of two loops
// have in common are one tensor where tensors move as a whole.
func TestCoincidingWindows(t *testing.T) {
	w := network(t, "twoconv", onnx.Options{})
	tiled, _, err := Nodes(w, tilings([]mapping.Tiling{by("OY", mapping.All), by("FY", mapping.All)}, nil, 0), Stacks{{0, 1}}, rules.Rules{WholeTilesMove: true})
	if err != nil {
		t.Fatal(err)
	}
	rows := map[taskgraph.TensorID]bool{}
	for _, n := range tiled.Layers[0].Nodes {
		for k, op := range tiled.Layers[0].Operands {
			if op.Name == "I" {
				rows[tiled.Nodes[n].Operands[k]] = true
			}
		}
	}
	if len(tiled.Layers[0].Nodes) != 24 || len(rows) != 10 { // rows -1 to 8
		t.Errorf("%d nodes read %d different rows, want 24 and 10", len(tiled.Layers[0].Nodes), len(rows))
	}
}

func TestProblems(t *testing.T) {
	w := network(t, "twoconv", onnx.Options{})
	for _, test := range []struct {
		name string
		m    *mapping.Mapping
		want string
	}{
		{"open within a core", tilings([]mapping.Tiling{by("OY", mapping.Free)}, nil, 0), `layer "conv2": the intra-core tiling of OY is left open (*)`},
		{"no parts", tilings([]mapping.Tiling{by("OY", 0)}, nil, 0), "tiling OY into 0 parts"},
		{"no entry", &mapping.Mapping{}, `the mapping has no entry for layer "conv1"`},
		{"no cores for groups", &mapping.Mapping{Entries: []mapping.Entry{{Name: "default", Fixed: true, Cores: []int{0, 1},
			Inter: []mapping.Tiling{by("K", 4)}}}}, `layer "conv1" falls into 4 groups, but its fixed allocation names 2 cores`},
	} {
		if _, _, err := Nodes(w, test.m, Stacks{{0, 1}}, rules.Default()); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", test.name, err, test.want)
		}
	}
	_, notes, err := Nodes(w, tilings([]mapping.Tiling{by("D", 2), by("OY", 2)}, nil, 0), Stacks{{0, 1}}, rules.Default())
	if err != nil || len(notes) != 2 || !strings.Contains(notes[0].Message, `the intra-core tiling of D does not apply to layer "conv1"`) {
		t.Errorf("notes %v, error %v", notes, err)
	}
}

// TestPartialSums cuts a reduction of three channels in two over cores: every node
// has an output of its own, and that of the first part is partial sums of 16 bits
// each. Published, the two share the output.
func TestPartialSums(t *testing.T) {
	w := network(t, "twoconv", onnx.Options{})
	for _, test := range []struct {
		rules rules.Rules
		want  string
	}{
		{rules.Default(), "0:4096 3:2048"},
		{rules.Reference2024(), "0:2048 0:2048"},
	} {
		tiled, _, err := Nodes(w, tilings(nil, []mapping.Tiling{by("C", 2)}, 0, 1), LayerByLayer(w), test.rules)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, n := range tiled.Layers[0].Nodes {
			x := tiled.Nodes[n].Operands[0]
			got = append(got, fmt.Sprintf("%d:%d", x, tiled.Tensors[x].Bits))
		}
		if s := strings.Join(got, " "); s != test.want {
			t.Errorf("%s: outputs %s, want %s", test.rules.Name, s, test.want)
		}
	}
}
