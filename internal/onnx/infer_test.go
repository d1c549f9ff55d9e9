package onnx_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"streamdse/internal/golden"
	"streamdse/internal/onnx"
	"streamdse/internal/onnx/onnxtest"
)

// shapeOf is a value's shape in a model, as "1x4x8x8".
func shapeOf(m *onnx.Model, name string) string {
	for _, list := range [][]onnx.ValueInfo{m.Graph.Inputs, m.Graph.Values, m.Graph.Outputs} {
		for _, v := range list {
			if v.Name == name && v.Shape != nil {
				if len(v.Shape) == 0 {
					return "scalar"
				}
				parts := make([]string, len(v.Shape))
				for i, d := range v.Shape {
					parts[i] = d.String()
				}
				return strings.Join(parts, "x")
			}
		}
	}
	return "unknown"
}

// TestInferOperators computes y from one node at a time.
func TestInferOperators(t *testing.T) {
	const conv = "input x 1x3x10x12\n init w 8x3x3x5\n"
	for _, c := range []struct{ model, want string }{
		// Convolution: floor((size + pads - dilation*(kernel-1) - 1) / stride) + 1.
		{conv + "y = Conv(x, w)", "1x8x8x8"},
		{conv + "y = Conv(x, w) kernel_shape=3,5 pads=1,2,1,2", "1x8x10x12"},
		{conv + "y = Conv(x, w) pads=1,2,0,1 strides=2,3", "1x8x5x4"}, // (10+1-3)/2+1, (12+3-5)/3+1
		{conv + "y = Conv(x, w) dilations=3,2", "1x8x4x4"},            // 10-7+1, 12-9+1
		{conv + "y = Conv(x, w) auto_pad=SAME_UPPER strides=2,2", "1x8x5x6"},
		{conv + "y = Conv(x, w) auto_pad=SAME_LOWER strides=3,5", "1x8x4x3"},
		{conv + "y = Conv(x, w) auto_pad=VALID pads=9,9,9,9", "1x8x8x8"},
		{"input x 2x8x6x6\n init w 16x2x3x3\n init b 16\n y = Conv(x, w, b) group=4", "2x16x4x4"},
		{"input x 1x4x9\n init w 2x4x3\n y = Conv(x, w)", "1x2x7"},
		{"input x 1x4x9x9x9\n init w 2x4x3x3x3\n y = Conv(x, w)", "1x2x7x7x7"},

		{"input x 1x4x7x7\n y = MaxPool(x) kernel_shape=2,2 strides=2,2", "1x4x3x3"},
		{"input x 1x4x7x7\n y = MaxPool(x) kernel_shape=2,2 strides=2,2 ceil_mode=1", "1x4x4x4"},
		// The window after the last would begin in the padding behind the tensor.
		{"input x 1x4x7x7\n y = AveragePool(x) kernel_shape=1,1 strides=4,4 pads=0,0,2,2 ceil_mode=1", "1x4x2x2"},
		{"input x 1x4x7x7\n y, i = MaxPool(x) kernel_shape=3,3 dilations=2,2", "1x4x3x3"},
		{"input x 2x4x7x5\n y = GlobalAveragePool(x)", "2x4x1x1"},
		{"input x 2x4x7x5\n y = GlobalMaxPool(x)", "2x4x1x1"},

		{"input x 2x4x7\n init s 4\n y = BatchNormalization(x, s, s, s, s)", "2x4x7"},
		{"input x 2x4\n y = Relu(x)", "2x4"},
		{"input x scalar\n y = Sigmoid(x)", "scalar"},
		{"input x 2x4\n init l scalar\n y = Clip(x, l, )", "2x4"},
		{"input x 2x4\n y = com.example.Silu(x)", "2x4"},
		{"input x 2x4x5\n input z 4x1\n y = Add(x, z)", "2x4x5"},
		{"input x 5\n input z 2x1x1\n y = Mul(x, z)", "2x1x5"},
		{"input x 2x3\n y = Softmax(x)", "2x3"},

		{"input x 2x3\n init w 3x5\n y = Gemm(x, w)", "2x5"},
		{"input x 3x2\n init w 5x3\n init b 5\n y = Gemm(x, w, b) transA=1 transB=1", "2x5"},
		{"input x 4x3\n input z 3x5\n y = MatMul(x, z)", "4x5"},
		{"input x 7x1x4x3\n input z 6x3x5\n y = MatMul(x, z)", "7x6x4x5"},
		{"input x 3\n input z 6x3x5\n y = MatMul(x, z)", "6x5"},
		{"input x 6x4x3\n input z 3\n y = MatMul(x, z)", "6x4"},
		{"input x 3\n input z 3\n y = MatMul(x, z)", "scalar"},

		{"input x 2x3x4x5\n y = Flatten(x)", "2x60"},
		{"input x 2x3x4x5\n y = Flatten(x) axis=-1", "24x5"},
		{"input x 2x3x4x5\n y = Flatten(x) axis=0", "1x120"},
		{"input x 2x3x4\n init s [0,-1]\n y = Reshape(x, s)", "2x12"},
		{"input x 2x3x4\n init s [4,3,2]\n y = Reshape(x, s)", "4x3x2"},
		{"opset 1\n input x 2x3x4\n y = Reshape(x) shape=6,4", "6x4"},
		{"input x 2x3x4\n s = Constant() value_ints=-1,\n y = Reshape(x, s)", "24"},
		{"input x 2x3x4\n s = Constant() value_ints=8,3\n q = Identity(s)\n y = Reshape(x, q)", "8x3"},
		{"input x 2x3x4\n input s 2\n value y 8x3\n y = Reshape(x, s)", "8x3"},
		{"input x 2x3x4\n y = Transpose(x)", "4x3x2"},
		{"input x 2x3x4\n y = Transpose(x) perm=0,2,1", "2x4x3"},
		{"input x 1x3x1\n y = Squeeze(x)", "3"},
		{"input x 1x3x1\n init a [-1]\n y = Squeeze(x, a)", "1x3"},
		{"opset 11\n input x 1x3x1\n y = Squeeze(x) axes=0,", "3x1"},
		{"input x 3x4\n init a [0,-1]\n y = Unsqueeze(x, a)", "1x3x4x1"},
		{"opset 11\n input x 3x4\n y = Unsqueeze(x) axes=1,2", "3x1x1x4"},
		{"input x 3x4\n y = Identity(x)", "3x4"},
		{"input x 3x4\n y, mask = Dropout(x)", "3x4"},
		{"input x 3x4\n y = Cast(x) to=10", "3x4"},
		{"y = Constant() value_int=3", "scalar"},
		{"y = Constant() value_float=float", "scalar"},
		{"input x 2x2\n value y 5x5\n y = Unheard(x)", "5x5"}, // stored shapes serve for unknown operators

		// Transposed convolution: stride*(size-1) + output_padding + dilation*(kernel-1)+1 - pads.
		{"input x 1x3x10x12\n init w 3x8x3x5\n y = ConvTranspose(x, w)", "1x8x12x16"},
		{"input x 1x3x10x12\n init w 3x8x4x4\n y = ConvTranspose(x, w) strides=2,2 pads=1,1,1,1", "1x8x20x24"},
		{"input x 1x4x10\n init w 4x8x3\n y = ConvTranspose(x, w) strides=2, pads=1,1 output_padding=1, group=2", "1x16x20"},
		{"input x 1x3x10x12\n init w 3x8x3x3\n y = ConvTranspose(x, w) strides=2,3 auto_pad=SAME_UPPER", "1x8x20x36"},
		{"input x 1x3x10x12\n init w 3x8x3x3\n y = ConvTranspose(x, w) strides=2,2 output_shape=20,25", "1x8x20x25"},
		{"input x 1x3x10x12\n init w 3x8x3x3\n y = ConvTranspose(x, w) dilations=2,2", "1x8x14x16"},

		// Constants are followed through whatever computes shapes.
		{`input x 2x3x8x10
			s = Shape(x)
			init i [2,3]
			g = Gather(s, i)
			init two f[2]
			c = Cast(g) to=1
			m = Mul(c, two)
			f = Floor(m)
			k = Cast(f) to=7
			init zero [0]
			init a [0]
			init e [2]
			h = Slice(s, zero, e)
			z = Concat(h, k) axis=0
			y = Resize(x, , , z)`, "2x3x16x20"},
		{"init l:int64 scalar\n init n [7]\n q = Squeeze(n)\n z = Constant() value_int=0\n o = Constant() value_int=2\n y = Range(z, q, o)", "4"},
		{"input x 2x3\n s = Shape(x)\n init z [0]\n p = ReduceProd(s) keepdims=1\n y = Reshape(x, p)", "6"},
		{"input x 2x3\n s = Shape(x)\n init z [9,9]\n init c:bool 2\n e = Equal(s, z)\n w = Where(e, z, s)\n y = Reshape(x, w)", "2x3"},
		{"opset 9\n init s [4,5]\n w = ConstantOfShape(s)\n y = Transpose(w)", "5x4"},

		// Movements.
		{"input x 2x10x4\n init s [1]\n init e [-1]\n init a [1]\n y = Slice(x, s, e, a)", "2x8x4"},
		{"input x 2x10x4\n init s [-1]\n init e [-9223372036854775808]\n init a [1]\n init t [-3]\n y = Slice(x, s, e, a, t)", "2x4x4"},
		{"opset 9\n input x 2x10x4\n y = Slice(x) starts=2,0 ends=9223372036854775807,1 axes=1,2", "2x8x1"},
		{"opset 11\n input x 2x10\n y, z = Split(x) axis=1 split=3,7", "2x3"},
		{"input x 2x10\n z, y = Split(x) axis=-1", "2x5"},
		{"opset 18\n input x 2x11\n z, y = Split(x) axis=1 num_outputs=2", "2x5"},
		{"opset 9\n input x 1x1x4x4\n y = Pad(x) pads=0,0,1,2,0,0,3,0", "1x1x8x6"},
		{"input x 4x4\n init p [0,-1,2,0]\n y = Pad(x, p)", "6x3"},
		{"input x 4x5\n init p [1,1]\n init v scalar\n init a [1]\n y = Pad(x, p, v, a) mode=reflect", "4x7"},
		{"input x 3x1\n init s [2,1,4]\n y = Expand(x, s)", "2x3x4"},
		{"input x 2x3\n init r [2,3]\n y = Tile(x, r)", "4x9"},
		{"input x 1x8x2x3\n y = DepthToSpace(x) blocksize=2", "1x2x4x6"},
		{"input x 1x2x4x6\n y = SpaceToDepth(x) blocksize=2", "1x8x2x3"},
		{"input x 5x6x7\n init i [3,-1,0]\n y = Gather(x, i) axis=1", "5x3x7"},
		{"input x 5x6x7\n i = Constant() value_int=2\n y = Gather(x, i) axis=-1", "5x6"},
		{"init t 100x8\n input i:int64 2x9\n y = Gather(t, i)", "2x9x8"},
		{"input x 2x3x4\n input z 2x5x4\n y = Concat(x, z) axis=1", "2x8x4"},

		// Reductions, normalisation, and others.
		{"opset 11\n input x 2x3x4\n y = ReduceMean(x) axes=1,2 keepdims=0", "2"},
		{"input x 2x3x4\n init a [-1]\n y = ReduceSum(x, a)", "2x3x1"},
		{"input x 2x3x4\n y = ReduceMax(x)", "1x1x1"},
		{"input x 2x3x4\n y = ArgMax(x) axis=1 keepdims=0", "2x4"},
		{"input x 2x9\n init k [4]\n y, i = TopK(x, k)", "2x4"},
		{"input x 2x3x4\n init a scalar\n y = CumSum(x, a)", "2x3x4"},
		{"opset 17\n input x 2x3x4\n init g 4\n y = LayerNormalization(x, g, g)", "2x3x4"},
		{"opset 17\n input x 2x3x4\n init g 4\n z, y, s = LayerNormalization(x, g, g)", "2x3x1"},
		{"opset 7\n input x 1x3x4x6\n y = Upsample(x) scales=1;1;2;1.5", "1x3x8x9"},
		{"opset 9\n input x 1x3x4x6\n init s f[1,1,2,2]\n y = Upsample(x, s)", "1x3x8x12"},
		{"input x 1x3x4x6\n init s f[1,1,0.5,0.5]\n y = Resize(x, , s) mode=linear", "1x3x2x3"},
		{"input x 2x3x4\n input z 2x4x5\n y = Einsum(x, z) equation=bij,bjk->bik", "2x3x5"},
		{"input x 2x3x4\n y = Einsum(x) equation=...ij->...ji", "2x4x3"},
		{"input x 2x3\n input z 3\n y = Einsum(x, z) equation=ij,j", "2"},
		{"input x 2x3\n y = Sum(x, x, x)", "2x3"},
		{"input c:bool 2x1\n input x 1x3\n input z scalar\n y = Where(c, x, z)", "2x3"},
		{"opset 6\n input x 2x3x4\n input z 3\n y = Add(x, z) broadcast=1 axis=1", "2x3x4"},
		{"input x 1x4x9\n y = LpPool(x) kernel_shape=3,", "1x4x7"},
		{"input x 1x4x9x9x9\n y = MaxPool(x) kernel_shape=3,3,3 strides=2,2,2", "1x4x4x4x4"},

		// Quantised.
		{"input x:uint8 1x3x8x8\n init s f[1]\n init z:uint8 scalar\n init w:int8 4x3x3x3\n y = QLinearConv(x, s, z, w, s, z, s, z)", "1x4x6x6"},
		{"input x:uint8 2x3\n init w:int8 3x5\n y = MatMulInteger(x, w)", "2x5"},
		{"input x:uint8 2x3\n init s f[1]\n init z:uint8 scalar\n init w:int8 3x5\n y = com.microsoft.QGemm(x, s, z, w, s, z, , s, z)", "2x5"},

		// Attention.
		{"input x 2x5x8\n init w 8x24\n init b 24\n y = com.microsoft.Attention(x, w, b) num_heads=2", "2x5x8"},
		{"input q 2x5x8\n input k 2x7x8\n y = com.microsoft.MultiHeadAttention(q, k, k) num_heads=2", "2x5x8"},
		{"input q 1x3x8\n input k 1x3x4\n input p 1x2x6x2\n z, y = com.microsoft.GroupQueryAttention(q, k, k, p, p) num_heads=4 kv_num_heads=2", "1x2x9x2"},
		{"input x 2x5x8\n init g 8\n y = com.microsoft.SkipLayerNormalization(x, x, g, g)", "2x5x8"},
	} {
		t.Run(strings.TrimSpace(c.model[strings.LastIndex(c.model, "\n")+1:]), func(t *testing.T) {
			m, notes, err := onnx.Infer(parse(t, c.model))
			if err != nil || len(notes) > 0 {
				t.Fatal(notes, err)
			}
			if got := shapeOf(m, "y"); got != c.want {
				t.Errorf("y is %s, want %s:\n%s", got, c.want, c.model)
			}
		})
	}
}

func TestInferElementTypes(t *testing.T) {
	m, _, err := onnx.Infer(parse(t, `
		input x 2x3x4x4
		c = Cast(x) to=10
		p, i = MaxPool(c) kernel_shape=2,2
		r = Relu(p)`))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]onnx.DataType{"c": 10, "p": 10, "i": onnx.Int64, "r": 10}
	for _, v := range m.Graph.Values {
		if v.Type != want[v.Name] {
			t.Errorf("%s has type %d, want %d", v.Name, v.Type, want[v.Name])
		}
	}
	if len(m.Graph.Values) != len(want) {
		t.Errorf("%d values, want %d", len(m.Graph.Values), len(want))
	}
}

// TestInferProblems expects exactly the given messages, each by a part.
func TestInferProblems(t *testing.T) {
	for _, c := range []struct {
		model string
		want  []string
	}{
		{"input x 1x3x8x8\n init w 4x3x3x3\n value y 1x4x8x8\n c: y = Conv(x, w)\n r: z = Relu(y)\n output z 1x4x8x8",
			[]string{`node "c" (Conv) computes tensor "y" as 1x4x6x6, but the file declares it as 1x4x8x8`}},
		{"input x 1xseqx8\n input z 1x8xseq\n input k 1xlenx8\n y = Relu(x)", []string{
			`dimension "len" has no size: dimension 1 of network input "k"`,
			`dimension "seq" has no size: dimension 1 of network input "x", dimension 2 of network input "z"`}},
		{"input x seqx?x8\n y = Relu(x)", []string{`network input "x" has no fixed shape: dimension 1 (?)`, `dimension "seq" has no size: dimension 0 of network input "x"`}},
		{"input x\n y = Relu(x)", []string{`network input "x" has no shape`}},
		{"input x 4294967296x1\n y = Relu(x)", []string{`dimension 0 of network input "x" is 4294967296`}},
		{"input x 2147483647x2147483647x2147483647\n y = Relu(x)", []string{`network input "x" is too large`}},
		{"init w 2147483647x2147483647\n y = Relu(w)", []string{`initializer "w" is too large`, `node "Relu0" (Relu): its result is too large`}},
		{"init w -1x2\n", []string{`initializer "w" has an impossible shape -1x2`}},
		{"input x 2x2\n a: y = Relu(q)", []string{`node "a" (Relu) reads "q", which no earlier node computes`}},
		{"input x 2x2\n b: y = Relu(z)\n a: z = Relu(x)", []string{`node "b" (Relu) reads "z"`}},
		{"input x 2x2\n a: y = Relu(x)\n b: y = Relu(x)", []string{`tensor "y" is computed by node "a" and by node "b"`}},
		{"input x 2x2\n y = Relu(x)\n output z 2x2", []string{`nothing computes the network output "z"`}},
		{"input x 2x2\n a: y = Unheard(x)\n b: z = Relu(y)", []string{`node 0 "a": operator Unheard is not supported; the shapes that it computes are not known`}},
		{"input x 2x2\n y = com.example.Conv(x, x)", []string{`operator com.example.Conv is not supported; the shapes that it computes are not known`}},
		{"input x 1x3x8x8\n y = Conv(x)", []string{"it has 1 inputs and needs 2"}},
		{"input x 1x3x8x8\n y = Conv(, x)", []string{"a required input is left out"}},
		{"input x 1x3x8x8\n init w 4x2x3x3\n y = Conv(x, w)", []string{"its input has 3 channels, its weights take 2 in each of 1 groups"}},
		{"input x 1x4x8x8\n init w 3x2x3x3\n y = Conv(x, w) group=2", []string{"its 3 output channels do not divide into 2 groups"}},
		{"input x 1x3x8x8\n init w 4x3x9x9\n y = Conv(x, w)", []string{"a window of 9 (kernel 9, dilation 1) does not fit into 8 with padding 0 and 0"}},
		{"input x 1x3x8x8\n init w 4x3x3x3\n y = Conv(x, w) kernel_shape=3,5", []string{"kernel_shape is 3x5, the weights have 3x3"}},
		{"input x 1x3x8x8\n init w 4x3x3x3\n y = Conv(x, w) strides=0,1", []string{"strides is [0 1]; values are at least 1"}},
		{"input x 1x3x8x8\n init w 4x3x3x3\n y = Conv(x, w) pads=1,1", []string{"pads has 2 values, 4 are needed"}},
		{"input x 1x3x8x8\n init w 4x3x3x3\n y = Conv(x, w) auto_pad=SAME", []string{`auto_pad "SAME" is unknown`}},
		{"input x 1x3x8x8\n init w 4x3x3x3\n init b 3\n y = Conv(x, w, b)", []string{"its bias has shape 3, its output 4 channels"}},
		{"input x 1x3x8x8\n init w 4x3x3\n y = Conv(x, w)", []string{"do not make a convolution"}},
		{"input x 1x3x8x8\n y = MaxPool(x)", []string{"kernel_shape has 0 values, 2 are needed"}},
		{"input x 1x3\n y = GlobalAveragePool(x)", []string{"has no spatial dimensions"}},
		{"input x 1x3\n init s 4\n y = BatchNormalization(x, s, s, s, s)", []string{"its scale has shape 4, its input 3 channels"}},
		{"input x 2x3\n input z 2x4\n y = Add(x, z)", []string{"shapes 2x3 and 2x4 do not broadcast"}},
		{"input x 2x3\n input z 4x5\n y = Gemm(x, z)", []string{"the inner sizes 3 and 4 of 2x3 and 4x5 differ"}},
		{"input x 2x3x4\n input z 4x5\n y = Gemm(x, z)", []string{"not matrices"}},
		{"input x 2x3\n input z 3x5\n init b 2x5x1\n y = Gemm(x, z, b)", []string{"its bias 2x5x1 does not broadcast to 2x5"}},
		{"input x 2x3\n input z 4x5\n y = MatMul(x, z)", []string{"the inner sizes 3 and 4"}},
		{"input x 2x3\n input z scalar\n y = MatMul(x, z)", []string{"one of its operands is a scalar"}},
		{"input x 2x3\n y = Flatten(x) axis=3", []string{"axis 3 does not exist in a tensor of rank 2"}},
		{"input x 2x3\n init s [4,-1]\n y = Reshape(x, s)", []string{"2x3 cannot be reshaped to 4x-1"}},
		{"input x 2x3\n init s [-1,-1]\n y = Reshape(x, s)", []string{"dimension 1 of its shape is -1"}},
		{"input x 2x3\n init s [6,1,0]\n y = Reshape(x, s)", []string{"its shape copies dimension 2, which 2x3 lacks"}},
		{"input x 2x3\n input s 2\n y = Reshape(x, s)", []string{"its shape is not a constant of the model"}},
		{"input x 2x3\n input s 2\n value y 2x4\n y = Reshape(x, s)", []string{"6 elements cannot take the shape 2x4"}},
		{"input x 2x3\n y = Transpose(x) perm=0,0", []string{"perm [0 0] is not a permutation of 2 axes"}},
		{"input x 2x3\n init a [0]\n y = Squeeze(x, a)", []string{"dimension 0 of 2x3 is not 1"}},
		{"input x 2x3\n init a [1,1]\n y = Unsqueeze(x, a)", []string{"axis 1 is named twice"}},
		{"y = Constant()", []string{"it has no value that is a tensor or a number"}},
		// Two independent mistakes are both reported; what follows is not.
		{"input x 2x3\n input z 4x5\n a: y = Gemm(x, z)\n b: u = Add(x, z)\n c: v = Relu(y)", []string{`"a"`, `"b"`}},
	} {
		_, _, err := onnx.Infer(parse(t, c.model))
		checkProblems(t, c.model, err, c.want)
	}
}

func TestInferBatch(t *testing.T) {
	for _, open := range []string{"N", "batch_size", "unk__6", "?", "0", "-1"} {
		model := fmt.Sprintf("input x %sx3\n input z %sx3\n value y %sx3\n y = Add(x, z)\n output y", open, open, open)
		m, notes, err := onnx.Infer(parse(t, model))
		if err != nil {
			t.Errorf("%s: %v", open, err)
			continue
		}
		if got := shapeOf(m, "y"); got != "1x3" {
			t.Errorf("%s: y is %s, want 1x3", open, got)
		}
		// A symbol is decided on once.
		want := []string{fmt.Sprintf("the batch size of network input \"x\" (%s) is taken as 1", open)}
		if open == "?" || open == "0" || open == "-1" {
			want = append(want, strings.Replace(want[0], `"x"`, `"z"`, 1))
		}
		if !slices.Equal(notes, want) {
			t.Errorf("%s: notes %q, want %q", open, notes, want)
		}
	}
}

// TestInferCopies checks that the argument stays as it was.
func TestInferCopies(t *testing.T) {
	m := parse(t, "input x Nx3\n y = Relu(x)\n output y")
	before := string(onnx.Write(m))
	if _, _, err := onnx.Infer(m); err != nil {
		t.Fatal(err)
	}
	if string(onnx.Write(m)) != before {
		t.Error("Infer changed its argument")
	}
}

// TestInferMeasured drops the shapes of every measured network and infers them again.
func TestInferMeasured(t *testing.T) {
	for name, net := range golden.Load(t).Workloads {
		m, _, err := onnx.Infer(withoutShapes(onnxtest.Model(t, net)))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, list := range []map[string][]int{net.Values, net.Outputs} {
			for value, shape := range list {
				if got, want := shapeOf(m, value), strings.ReplaceAll(strings.Trim(fmt.Sprint(shape), "[]"), " ", "x"); got != want {
					t.Errorf("%s: %s is %s, want %s", name, value, got, want)
				}
			}
		}
	}
}

func FuzzInfer(f *testing.F) {
	for _, net := range golden.Load(f).Workloads {
		f.Add(onnx.Write(onnxtest.Model(f, net)))
		f.Add(onnx.Write(withoutShapes(onnxtest.Model(f, net))))
	}
	for _, text := range []string{
		"opset 11\n input x 1x3x8x8\n y = Unsqueeze(x) axes=1,2\n z = Squeeze(y)\n u = Softmax(z)",
		"input x 2x3x4\n s = Constant() value_ints=8,3\n q = Identity(s)\n y = Reshape(x, q)\n t = Transpose(y)\n z = MatMul(y, t)",
		"input x 1x4x7x7\n init s 4\n b = BatchNormalization(x, s, s, s, s)\n y = MaxPool(b) kernel_shape=2,2 strides=2,2 ceil_mode=1",
	} {
		f.Add(onnx.Write(parse(f, text)))
	}
	for _, k := range kinds(f) {
		m := k.parse(f)
		for i := range m.Graph.Inputs { // sizes are not given here
			for j, d := range m.Graph.Inputs[i].Shape {
				if size, ok := k.dims[d.Symbol]; ok {
					m.Graph.Inputs[i].Shape[j] = onnx.Dim{Value: max(1, size), Known: true}
				}
			}
		}
		f.Add(onnx.Write(m))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := onnx.Read("fuzz", data)
		if err != nil {
			return
		}
		inferred, _, err := onnx.Infer(m)
		if err == nil {
			if _, _, err := onnx.Infer(inferred); err != nil {
				t.Fatalf("inferred shapes contradict themselves: %v", err)
			}
		}
		w, err := onnx.Workload(m, onnx.Options{FoldActivations: true})
		if err != nil {
			return
		}
		for i := range w.Layers {
			if n := w.Layers[i].MACs(); n < 1 || n > 1<<53 {
				t.Fatalf("layer %d has %d operations", i, n)
			}
		}
	})
}
