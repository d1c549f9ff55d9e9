package onnx_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	stream "streamdse"
	hardwarezoo "streamdse/hardware/zoo"
	"streamdse/internal/connect"
	"streamdse/internal/onnx"
	"streamdse/internal/split"
	"streamdse/mapping"
	mappingzoo "streamdse/mapping/zoo"
	"streamdse/rules"
	"streamdse/unit"
	"streamdse/workload"
)

// kindOfModel is a small model with its sums.
type kindOfModel struct {
	name, model   string
	dims          map[string]int64
	precision     onnx.Precision
	macs, weights int64
	opset         int    // 13 if 0
	prelude       string // lines that come first
}

func (k kindOfModel) parse(t testing.TB) *onnx.Model {
	text := k.prelude + "\n" + k.model
	if k.opset > 0 {
		text = fmt.Sprintf("opset %d\n%s", k.opset, text)
	}
	return parse(t, text)
}

// kinds are small models of the kinds that users have. MACs are those of
// convolutions and matrix products, summed up by hand; weights are elements.
var kinds = []kindOfModel{
	{name: "opset 9 without shapes or stored weights, channel shuffle", model: `
		opset 9
		input x 1x3x32x32
		init sw [24,3,3,3]
		w = ConstantOfShape(sw)
		c = Conv(x, w) pads=1,1,1,1 strides=2,2
		p = MaxPool(c) kernel_shape=3,3 pads=1,1,1,1 strides=2,2
		l = LRN(p) size=5
		init sv [24,6,1,1]
		v = ConstantOfShape(sv)
		g = Conv(l, v) group=4
		init a [1,4,6,8,8]
		r = Reshape(g, a)
		t = Transpose(r) perm=0,2,1,3,4
		init b [1,24,8,8]
		s = Reshape(t, b)
		init su [24,1,3,3]
		u = ConstantOfShape(su)
		d = Conv(s, u) group=24 pads=1,1,1,1
		cc = Concat(d, l) axis=1
		sm = Sum(cc, cc, cc)
		re = Relu(sm)
		dr, mask = Dropout(re)
		gp = GlobalAveragePool(dr)
		fl = Flatten(gp)
		init fw 10x48
		init fb 10
		q = Gemm(fl, fw, fb) transB=1
		y = Softmax(q)
		output y`, macs: 24*16*16*27 + 24*8*8*6 + 24*8*8*9 + 480, weights: 24*27 + 24*6 + 24*9 + 480},
	{name: "transposes everywhere", model: `
		input x unk__1x17x15x3
		t0 = Transpose(x) perm=0,3,1,2
		init w 8x3x3x3
		c = Conv(t0, w) auto_pad=SAME_UPPER strides=2,2
		init lo scalar
		r = Clip(c, lo, lo)
		t1 = Transpose(r) perm=0,2,3,1
		t2 = Transpose(t1) perm=0,3,1,2
		init v 8x1x3x3
		d = Conv(t2, v) group=8 auto_pad=SAME_UPPER
		t3 = Transpose(d) perm=0,2,3,1
		a = Add(t3, t1)
		m = ReduceMean(a) axes=1,2 keepdims=0
		init f 8x5
		y = MatMul(m, f)
		output y`, macs: 9*8*8*27 + 9*8*8*9 + 40, weights: 8*27 + 8*9 + 40},
	{name: "attention with dynamic batch and sequence, key-value cache", model: `
		input x batchxseqx32
		input pk batchx4xpastx8
		input pv batchx4xpastx8
		sh = Shape(x)
		init i0 [0]
		init i1 [1]
		init four [4]
		init eight [8]
		init wide [32]
		b = Gather(sh, i0)
		s = Gather(sh, i1)
		to4 = Concat(b, s, four, eight) axis=0
		to3 = Concat(b, s, wide) axis=0
		init wq 32x96
		init bq 96
		qkv = MatMul(x, wq)
		qb = Add(qkv, bq)
		q, k, v = Split(qb) axis=-1
		q4 = Reshape(q, to4)
		k4 = Reshape(k, to4)
		v4 = Reshape(v, to4)
		qt = Transpose(q4) perm=0,2,1,3
		kt = Transpose(k4) perm=0,2,1,3
		vt = Transpose(v4) perm=0,2,1,3
		kc = Concat(pk, kt) axis=2
		vc = Concat(pv, vt) axis=2
		kk = Transpose(kc) perm=0,1,3,2
		sc = MatMul(qt, kk)
		init root scalar
		sd = Div(sc, root)
		pr = Softmax(sd) axis=-1
		ct = MatMul(pr, vc)
		c2 = Transpose(ct) perm=0,2,1,3
		c3 = Reshape(c2, to3)
		init g 32
		y = LayerNormalization(c3, g, g)
		output y
		output kc`, dims: map[string]int64{"batch": 2, "seq": 6, "past": 10}, macs: 2*6*32*96 + 2*2*4*6*16*8, weights: 32*96 + 96 + 1 + 2*32},
	{name: "upsampling, transposed convolution, skip connection", model: `
		input x 1x4x8x8
		init w 8x4x3x3
		a = Conv(x, w) pads=1,1,1,1
		p = MaxPool(a) kernel_shape=2,2 strides=2,2
		init v 8x8x2x2
		t = ConvTranspose(p, v) strides=2,2
		c = Concat(a, t) axis=1
		init u 16x4x4x4
		d = ConvTranspose(c, u) strides=2,2 pads=1,1,1,1
		init k 4x4x3x3
		e = ConvTranspose(d, k) strides=2,2 pads=1,1,1,1 output_padding=1,1
		init s f[1,1,0.5,0.5]
		z = Resize(e, , s) mode=linear
		y = Resize(z, , s) mode=nearest
		output y`, macs: 8*64*36 + 4*4*8*8*4 + 8*8*16*4*16 + 16*16*4*4*9, weights: 8*36 + 8*8*4 + 16*4*16 + 4*4*9},
	{name: "rotation, patches, padding", model: `
		input x 1x8x8x12
		r0 = Relu(x)
		init s3 [3]
		init s0 [0]
		init big [9223372036854775807]
		init ax [1]
		h = Slice(r0, s3, big, ax)
		l = Slice(r0, s0, s3, ax)
		r = Concat(h, l) axis=1
		init to [1,4,2,4,2,12]
		q = Reshape(r, to)
		t = Transpose(q) perm=0,1,3,2,4,5
		init rows [16,48]
		m = Reshape(t, rows)
		init w 48x20
		z = MatMul(m, w)
		init pads [0,1,0,2]
		pz = Pad(z, pads)
		init rep [1,2]
		tl = Tile(pz, rep)
		y = Exp(tl)
		output y`, macs: 16 * 48 * 20, weights: 48 * 20},
	{name: "quantised", model: `
		input x 1x3x8x8
		init s f[0.5]
		init z:uint8 scalar
		init w:int8 4x3x3x3
		init b:int32 4
		q = QuantizeLinear(x, s, z)
		c = QLinearConv(q, s, z, w, s, z, s, z, b) pads=1,1,1,1
		a = com.microsoft.QLinearAdd(c, s, z, c, s, z, s, z)
		d = DequantizeLinear(a, s, z)
		init v:int4 5x4x1x1
		vd = DequantizeLinear(v, s)
		e = Conv(d, vd)
		f = Relu(e)
		g = QuantizeLinear(f, s, z)
		h = com.microsoft.QLinearGlobalAveragePool(g, s, z, s, z)
		i = Flatten(h)
		init m:int8 5x7
		y = MatMulInteger(i, m)
		output y`, precision: onnx.Precision{Partial: 16}, macs: 4*64*27 + 5*64*4 + 35, weights: 4*27 + 5*4/2 + 35},
	{name: "one and three dimensions, five axes, recurrence of sums", model: `
		input x 1x4x20
		init w 6x4x5
		c = Conv(x, w) strides=2, pads=2,2
		init a scalar
		init one [1]
		init e 6
		s = CumSum(c, one)
		n = InstanceNormalization(s, e, e)
		init to [1,2,3,2,5]
		r = Reshape(n, to)
		init k 4x2x2x2x2
		d = Conv(r, k)
		v = Softmax(d) axis=1
		init big 1x4x1x1x4
		y = Mul(v, big)
		output y`, macs: 6*10*20 + 4*2*1*4*16, weights: 6*20 + 2*6 + 4*16 + 16},
	{name: "ONNX Runtime's operators", model: `
		opset 17
		input x 1x6x16
		init w 16x48
		init b 48
		a = com.microsoft.Attention(x, w, b) num_heads=2
		init g 16
		l, m, v, sum = com.microsoft.SkipLayerNormalization(a, x, g, g)
		init u 16x32
		h = MatMul(l, u)
		init c 32
		f = com.microsoft.BiasGelu(h, c)
		init d 32x16
		e = com.microsoft.FusedMatMul(f, d)
		r = SimplifiedLayerNormalization(e, g)
		init kw 16x8
		k = MatMul(r, kw)
		o = com.microsoft.GroupQueryAttention(r, k, k, , ) num_heads=4 kv_num_heads=2
		y = Add(o, sum)
		output y`, macs: 6*16*48 + 2*2*6*6*8 + 2*6*16*32 + 6*16*8 + 2*4*6*6*4, weights: 16*48 + 2*16 + 2*16*32 + 32 + 16*8}, // g counts once,
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
	for _, c := range slices.Concat(kinds, exports) {
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
			if err := connected(w, m); err != nil {
				t.Error(err)
			}
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

func connected(w *workload.Workload, m *mapping.Mapping) error {
	tiled, _, err := split.Nodes(w, m, split.LayerByLayer(w), rules.Reference2024())
	if err != nil {
		return err
	}
	_, err = connect.Graph(tiled, rules.Reference2024())
	return err
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
