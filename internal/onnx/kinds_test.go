package onnx_test

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	stream "streamdse"
	hardwarezoo "streamdse/hardware/zoo"
	"streamdse/internal/connect/connecttest"
	"streamdse/internal/onnx"
	"streamdse/internal/split"
	mappingzoo "streamdse/mapping/zoo"
	"streamdse/rules"
	"streamdse/unit"
	"streamdse/workload"
)

// kindOfModel is a small model with its sums. MACs are those of convolutions and
// matrix products, summed up by hand; weights are elements.
type kindOfModel struct {
	name          string // under which its text is in testdata/kinds.txtar or exports.txtar
	dims          map[string]int64
	precision     onnx.Precision
	macs, weights int64

	text string
}

func (k kindOfModel) parse(t testing.TB) *onnx.Model { return parse(t, k.text) }

// kinds are small models of the kinds that users have, and models as well-known
// exporters write them.
func kinds(t testing.TB) []kindOfModel {
	texts := map[string]string{}
	for _, file := range []string{"kinds", "exports"} {
		a, err := txtar.ParseFile(filepath.Join("testdata", file+".txtar"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range a.Files {
			texts[f.Name] = string(f.Data)
		}
	}
	list := slices.Concat(kindSums(), exportSums())
	for i := range list {
		text, ok := texts[list[i].name]
		if !ok {
			t.Fatalf("there is no model %q", list[i].name)
		}
		list[i].text = text
	}
	if len(list) != len(texts) {
		t.Fatalf("%d models, sums of %d", len(texts), len(list))
	}
	return list
}

// kindSums are the sums of testdata/kinds.txtar.
func kindSums() []kindOfModel {
	return []kindOfModel{
		{name: "opset 9 without shapes or stored weights, channel shuffle", macs: 24*16*16*27 + 24*8*8*6 + 24*8*8*9 + 480, weights: 24*27 + 24*6 + 24*9 + 480},
		{name: "transposes everywhere", macs: 9*8*8*27 + 9*8*8*9 + 40, weights: 8*27 + 8*9 + 40},
		{name: "attention with dynamic batch and sequence, key-value cache", dims: map[string]int64{"batch": 2, "seq": 6, "past": 10}, macs: 2*6*32*96 + 2*2*4*6*16*8, weights: 32*96 + 96 + 1 + 2*32},
		{name: "upsampling, transposed convolution, skip connection", macs: 8*64*36 + 4*4*8*8*4 + 8*8*16*4*16 + 16*16*4*4*9, weights: 8*36 + 8*8*4 + 16*4*16 + 4*4*9},
		{name: "rotation, patches, padding", macs: 16 * 48 * 20, weights: 48 * 20},
		{name: "quantised", precision: onnx.Precision{Partial: 16}, macs: 4*64*27 + 5*64*4 + 35, weights: 4*27 + 5*4/2 + 35},
		{name: "one and three dimensions, five axes, recurrence of sums", macs: 6*10*20 + 4*2*1*4*16, weights: 6*20 + 2*6 + 4*16 + 16},
		{name: "ONNX Runtime's operators", macs: 6*16*48 + 2*2*6*6*8 + 2*6*16*32 + 6*16*8 + 2*4*6*6*4, weights: 16*48 + 2*16 + 2*16*32 + 32 + 16*8}, // g counts once
	}
}

// exportSums are the sums of testdata/exports.txtar.
func exportSums() []kindOfModel {
	return []kindOfModel{
		{name: "ShuffleNet V2 unit: Split, depthwise, Concat, shuffle by computed shapes", macs: 64 * (16 + 36 + 16 + 32), weights: 16 + 36 + 16 + 32},
		{name: "GoogLeNet: initializers among the inputs, LRN, ceil mode, Dropout, opset 7", macs: 225*8*27 + 49*(32+32+6*36+16) + 120, weights: 8*27 + 32 + 32 + 6*36 + 16 + 120},
		{name: "TensorFlow Lite: Transpose around everything, depthwise weights rearranged, relu6 and hard swish by hand, bilinear Resize", macs: 4*4*6*27 + 16*6*9 + 16*30 + 35, weights: 6*27 + 54 + 30 + 35 + 2},
		{name: "BERT: dynamic batch and sequence, tables, mask by Unsqueeze and Sub, LayerNorm and GELU in pieces", dims: map[string]int64{"batch": 2, "sequence": 6}, macs: 2*6*(4*64+2*128) + 2*2*2*6*6*4,
			weights: 2*6*8 + 6*8 + 4*64 + 2*128 + 8 + 8 + 7}, // rows that are looked up, matrices, bias and gamma once, scalars
		{name: "GPT-2: past of length 0, causal mask sliced from a table, Split, Gemm on flattened rows, present", dims: map[string]int64{"batch": 1, "sequence": 5, "past_sequence_length": 0}, macs: 5*8*24 + 2*2*5*5*4,
			weights: 5*8 + 5*8 + 2*8 + 8*24 + 25}, // rows looked up, factors and offsets, the matrix, the mask
		{name: "T5: buckets of relative positions by Range, Less, Log, Min and Where, cut out of the network", dims: map[string]int64{"seq": 6}, macs: 6*64 + 2*36*4, weights: 64 + 72},
		{name: "Swin: padding, roll by Slice and Concat, windows by Reshape and Transpose, mask, roll back", macs: 64*8*24 + 2*4*2*16*16*4, weights: 8*24 + 4*256},
		{name: "YOLO: Resize by computed sizes, SPP, Sigmoid, grid, ScatterND", macs: 64*8*27 + 16*8*72 + 64*18*32, weights: 8*27 + 8*72 + 18*32 + 384 + 6 + 1},
		{name: "torchvision's vision transformer: class token by Expand, packed projection, Gather of the token", macs: 4*8*48 + 5*8*24 + 2*2*25*4 + 5*64 + 80,
			weights: 8*48 + 8 + 40 + 16 + 8*24 + 24 + 64 + 80}, // the token too
		{name: "Llama: rotation of positions, keys repeated by Expand, cache of length 0, mask by Trilu and Range",
			dims: map[string]int64{"batch": 1, "seq": 5, "past": 0}, macs: 5*16*32 + 2*4*25*4, weights: 16*32 + 2*20 + 25},
		{name: "two directions of LSTM, a GRU of both kinds, last states",
			// Inputs of all steps, and states from the second step on, but the RNN's from the first.
			macs:    2*(4*20*6+3*20*5) + 4*12*10 + 3*12*4 + 4*9*4 + 3*9*3 + 4*2*3 + 4*2*2 + 12,
			weights: 2*(120+100) + 120 + 48 + 36 + 27 + 6 + 4 + 2 + 12},
		{name: "detection: RoiAlign, GridSample, deformable convolution, computed limits", macs: 64 * (4*36 + 18*36 + 9*36 + 6*36), weights: 36*(4+18+9+6) + 3*16*2},
		{name: "contractions of three, diagonals, sequences, scatters", macs: 3*4*5 + 3*5*3, weights: 8}, // an index of 64 bits
		{name: "ONNX Runtime: embeddings, packed attention, group norm, channels last", macs: 5*8*24 + 2*2*25*4, weights: 3*40 + 16 + 8*24 + 8 + 4},
		{name: "signals: frames, window, spectrum, bands", macs: 7 * 9 * 4, weights: 9*16*2 + 36 + 4*7*2},
	}
}

// TestKinds reads every model, checks its sums, and runs it in both modes; each
// schedule is verified. Dependencies are found under the published rules too.
func TestKinds(t *testing.T) {
	acc, err := hardwarezoo.Load("tpu_like_quad_core")
	if err != nil {
		t.Fatal(err)
	}
	m, err := mappingzoo.Load("tpu_like_quad_core")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range kinds(t) {
		t.Run(c.name, func(t *testing.T) {
			w, err := onnx.Workload(c.parse(t), onnx.Options{FoldActivations: true, Dims: c.dims, Precision: c.precision})
			if err != nil {
				t.Fatal(err)
			}
			checkSizes(t, w)
			if got := w.Totals(); got.MACs != c.macs || got.Weights != 8*unit.Bits(c.weights) {
				t.Errorf("%d MACs, %d bits of weights, want %d, %d:\n%s", got.MACs, got.Weights, c.macs, 8*c.weights, describe(w))
			}
			if _, _, err := onnx.Infer(c.parse(t)); err != nil && c.dims == nil {
				t.Error(err)
			}
			numbered := map[int]bool{}
			for i := range w.Layers {
				if id := w.Layers[i].ID; numbered[id] || i > 0 && id <= w.Layers[i-1].ID {
					t.Errorf("layer %q has number %d", w.Layers[i].Name, id)
				} else {
					numbered[id] = true
				}
			}
			checkNumbers(t, w)
			connecttest.Graph(t, w, m, split.LayerByLayer(w), rules.Reference2024())
			for _, mode := range []stream.Mode{stream.LayerByLayer, stream.Fused} {
				o := stream.DefaultOptions()
				o.Mode, o.Evaluations, o.Explore = mode, 100, nil
				if _, err := stream.Run(context.Background(), stream.Problem{Workload: w, Hardware: acc, Mapping: m}, o); err != nil {
					t.Errorf("%s: %v", mode, err)
				}
			}
		})
	}
}

// checkNumbers expects that no two nodes of the model share a number.
func checkNumbers(t *testing.T, w *workload.Workload) {
	t.Helper()
	owner := map[int]string{}
	claim := func(id int, name string) {
		if by, taken := owner[id]; taken && by != name {
			t.Errorf("number %d belongs to %q and to %q", id, by, name)
		}
		owner[id] = name
	}
	for i := range w.Layers {
		l := &w.Layers[i]
		name := l.Name
		if l.Part != "" {
			name = strings.TrimSuffix(name, "-"+l.Part+"/")
		}
		claim(l.ID, name)
		for k := range l.Operands {
			for _, s := range l.Operands[k].Source.Origins() {
				for _, m := range s.Via {
					claim(m.ID, m.Name)
				}
			}
		}
	}
}

// TestInlined writes a function and the branch of an If out.
func TestInlined(t *testing.T) {
	m := parse(t, `
		input x 2x4
		yes = Constant() value_int=1
		a: g = local.Gate(x)
		b: y = If(yes)
		output y`)
	branch := func(op string) *onnx.Graph {
		return &onnx.Graph{Name: op, Nodes: []onnx.Node{{OpType: op, Inputs: []string{"g"}, Outputs: []string{"r"}}}, Outputs: []onnx.ValueInfo{{Name: "r"}}}
	}
	m.Graph.Nodes[2].Attributes = []onnx.Attribute{
		{Name: "then_branch", Type: onnx.AttributeGraph, Graph: branch("Relu")},
		{Name: "else_branch", Type: onnx.AttributeGraph, Graph: branch("Tanh")},
	}
	m.Functions = []onnx.Function{{Domain: "local", Name: "Gate", Inputs: []string{"x"}, Outputs: []string{"y"}, Nodes: []onnx.Node{
		{OpType: "Sigmoid", Inputs: []string{"x"}, Outputs: []string{"s"}},
		{OpType: "Mul", Inputs: []string{"x", "s"}, Outputs: []string{"y"}},
	}}}
	w, err := onnx.Workload(m, onnx.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for i := range w.Layers {
		names = append(names, w.Layers[i].Name)
	}
	if want := []string{"a/Sigmoid", "a/Mul", "b/Relu"}; !slices.Equal(names, want) || len(w.Notes) != 1 {
		t.Errorf("layers %q with notes %q, want %q", names, w.Notes, want)
	}
	inferred, _, err := onnx.Infer(m)
	if err != nil {
		t.Fatal(err)
	}
	if got := shapeOf(inferred, "y"); got != "2x4" || len(inferred.Functions) > 0 {
		t.Errorf("y is %s, with %d functions left", got, len(inferred.Functions))
	}
}
