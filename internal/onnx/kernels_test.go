package onnx

import (
	"fmt"
	"strings"
	"testing"

	"streamdse/workload"
)

func attrInt(name string, v int64) Attribute {
	return Attribute{Name: name, Type: AttributeInt, Int: v}
}

func attrInts(name string, v ...int64) Attribute {
	return Attribute{Name: name, Type: AttributeInts, Ints: v}
}

func value(name string, dims ...int) ValueInfo {
	return ValueInfo{Name: name, Type: Float32, Shape: Static(dims...)}
}

func kernelModel(g Graph) *Model {
	return &Model{Name: "net.onnx", IRVersion: 8, Opsets: []Opset{{Version: 17}}, Graph: g}
}

// branching is a convolution whose result goes through operators without cost,
// one of an unknown type, to two others and on to a matrix product.
func branching() Graph {
	conv := func(name, in, w, out string, more ...Attribute) Node {
		return Node{Name: name, OpType: "Conv", Inputs: []string{in, w}, Outputs: []string{out}, Attributes: more}
	}
	return Graph{
		Inputs: []ValueInfo{value("x", 1, 4, 8, 10)},
		Initializers: []Tensor{
			{Name: "w1", Type: Float32, Dims: []int64{6, 4, 3, 1}}, {Name: "w2", Type: Float32, Dims: []int64{6, 3, 1, 1}}, {Name: "w3", Type: Float32, Dims: []int64{6, 6, 1, 1}},
			{Name: "w4", Type: Float32, Dims: []int64{480, 5}},
		},
		Nodes: []Node{
			conv("first", "x", "w1", "a", attrInts("kernel_shape", 3, 1), attrInts("strides", 1, 2), attrInts("pads", 1, 0, 1, 0), attrInt("act_size", 4), attrInt("weight_size", 2)),
			{Name: "strange", OpType: "Frobnicate", Inputs: []string{"a"}, Outputs: []string{"b"}},
			conv("", "b", "w2", "c", attrInt("group", 2)),
			conv("right", "b", "w3", "d"),
			{Name: "sum", OpType: "Add", Inputs: []string{"c", "d"}, Outputs: []string{"e"}},
			{Name: "flat", OpType: "Flatten", Inputs: []string{"e"}, Outputs: []string{"f"}},
			{Name: "last", OpType: "MatMul", Inputs: []string{"f", "w4"}, Outputs: []string{"y"}},
		},
		Outputs: []ValueInfo{value("y", 1, 5)},
		Values:  []ValueInfo{value("b", 1, 6, 8, 5)},
	}
}

func dimsOf(l *workload.Layer) string {
	var s []string
	for _, d := range l.Dims {
		s = append(s, fmt.Sprint(d.Dim, d.Size))
	}
	return strings.Join(s, " ")
}

func TestKernels(t *testing.T) {
	g := branching()
	g.Initializers[3].Dims[0] = 240
	w, err := Kernels(kernelModel(g), KernelOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		id           int
		name, dims   string
		predecessors string
		in, weights  workload.SourceKind
	}{
		{0, "first", "B1 K6 G1 OX5 OY8 C4 FX1 FY3", "[]", workload.FromConstant, workload.FromConstant},
		{2, "Op2", "B1 K3 G2 OX5 OY8 C3 FX1 FY1", "[0]", workload.FromLayer, workload.FromConstant},
		{3, "right", "B1 K6 G1 OX5 OY8 C6 FX1 FY1", "[0]", workload.FromLayer, workload.FromConstant},
		{6, "last", "C240 D1 K5", "[1 2]", workload.FromLayer, workload.FromConstant},
	} {
		l := &w.Layers[i]
		if l.ID != want.id || l.Name != want.name || dimsOf(l) != want.dims {
			t.Errorf("layer %d is %d %s %s; want %d %s %s", i, l.ID, l.Name, dimsOf(l), want.id, want.name, want.dims)
		}
		if got := fmt.Sprint(w.Predecessors[i]); got != want.predecessors {
			t.Errorf("layer %s comes after %s, want %s", l.Name, got, want.predecessors)
		}
		for _, o := range l.Operands[1:] {
			kind := want.in
			if o.Name == "W" {
				kind = want.weights
			}
			if o.Source.Kind != kind {
				t.Errorf("layer %s reads %s from kind %d, want %d", l.Name, o.Name, o.Source.Kind, kind)
			}
		}
	}
	first := &w.Layers[0]
	if o := first.Operands; o[0].Bits != 8 || o[0].FinalBits != 4 || o[1].Bits != 2 || o[2].Bits != 4 {
		t.Errorf("precisions of the first layer: O %d, final %d, W %d, I %d", o[0].Bits, o[0].FinalBits, o[1].Bits, o[2].Bits)
	}
	if r := first.Relation("IX"); r.CoefA != 2 || r.CoefB != 1 || r.Size != 10 || r.PadBefore != 0 {
		t.Errorf("IX is %+v", r)
	}
	if r := first.Relation("IY"); r.CoefA != 1 || r.Size != 8 || r.PadBefore != 1 {
		t.Errorf("IY is %+v", r)
	}
}

// TestKernelAxes: the published tool takes the first axis of a kernel as X.
func TestKernelAxes(t *testing.T) {
	g := branching()
	g.Initializers[3].Dims[0] = 240
	w, err := Kernels(kernelModel(g), KernelOptions{HeightAsX: true})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := dimsOf(&w.Layers[0]), "B1 K6 G1 OX5 OY8 C4 FX3 FY1"; got != want {
		t.Errorf("loops %s, want %s", got, want)
	}
	if x, y := w.Layers[0].Relation("IX"), w.Layers[0].Relation("IY"); x.CoefA != 1 || x.Size != 10 || y.CoefA != 2 || y.Size != 8 {
		t.Errorf("IX %+v, IY %+v", x, y)
	}
}

func TestProducts(t *testing.T) {
	for _, c := range []struct {
		name     string
		op       string
		a, b, y  []int
		computed bool // the second argument
		attrs    []Attribute
		dims     string
		weights  string
		bits     int
	}{
		{"rank 2", "Gemm", []int{7, 3}, []int{3, 5}, []int{7, 5}, false, nil, "C3 D7 K5", "[C K]", 4},
		{"transposed", "Gemm", []int{3, 7}, []int{3, 5}, []int{7, 5}, false, []Attribute{attrInt("transA", 1)}, "C3 D7 K5", "[C K]", 4},
		{"batch", "MatMul", []int{2, 7, 3}, []int{3, 5}, []int{2, 7, 5}, false, nil, "C3 D7 K5 B2", "[C K]", 4},
		{"attention", "MatMul", []int{2, 4, 7, 3}, []int{2, 4, 3, 5}, []int{2, 4, 7, 5}, true, nil, "C3 D7 K5 B2 H4", "[B H C K]", 8},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := Graph{
				Inputs: []ValueInfo{value("p", c.a...), value("q", c.b...)},
				Nodes: []Node{
					{Name: "r1", OpType: "Relu", Inputs: []string{"p"}, Outputs: []string{"a"}},
					{Name: "r2", OpType: "Relu", Inputs: []string{"q"}, Outputs: []string{"b"}},
				},
				Outputs: []ValueInfo{value("y", c.y...)},
			}
			second := "q"
			if c.computed {
				second = "b"
			}
			g.Nodes = append(g.Nodes, Node{Name: "m", OpType: c.op, Inputs: []string{"a", second}, Outputs: []string{"y"}, Attributes: append(c.attrs, attrInt("weight_size", 4))})
			w, err := Kernels(kernelModel(g), KernelOptions{})
			if err != nil {
				t.Fatal(err)
			}
			l := &w.Layers[0]
			if got := dimsOf(l); got != c.dims {
				t.Errorf("loops %s, want %s", got, c.dims)
			}
			o := l.Operands[2]
			if got := fmt.Sprint(o.Dims); o.Name != "W" || got != c.weights || int(o.Bits) != c.bits {
				t.Errorf("%s %s of %d bits, want W %s of %d", o.Name, got, o.Bits, c.weights, c.bits)
			}
		})
	}
}

func TestBadKernels(t *testing.T) {
	relu := Graph{
		Inputs: []ValueInfo{value("x", 1, 4)}, Outputs: []ValueInfo{value("y", 1, 4)},
		Nodes: []Node{{Name: "r", OpType: "Relu", Inputs: []string{"x"}, Outputs: []string{"y"}}},
	}
	unknown := branching()
	unknown.Values = nil
	three := Graph{
		Inputs: []ValueInfo{value("x", 2, 2)}, Outputs: []ValueInfo{value("y", 2, 2)},
		Nodes: []Node{
			{Name: "r1", OpType: "Relu", Inputs: []string{"x"}, Outputs: []string{"a"}},
			{Name: "r2", OpType: "Relu", Inputs: []string{"a"}, Outputs: []string{"b"}},
			{Name: "r3", OpType: "Relu", Inputs: []string{"b"}, Outputs: []string{"c"}},
			{Name: "m", OpType: "Gemm", Inputs: []string{"a", "b", "c"}, Outputs: []string{"y"}},
		},
	}
	for _, c := range []struct {
		name  string
		graph Graph
		want  string
	}{
		{"no kernel", relu, "net.onnx: the model has no convolution and no matrix product"},
		{"no shape", unknown, `node 2 "Op2" (Conv): the shape of "b" is not known; store it in the file`},
		{"three operands", three, `node 3 "m" (Gemm): 3 of its inputs are computed; a layer has two operands`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Kernels(kernelModel(c.graph), KernelOptions{})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

// FuzzKernels: any file either becomes layers with loops, or is refused.
func FuzzKernels(f *testing.F) {
	g := branching()
	g.Initializers[3].Dims[0] = 240
	f.Add(Write(kernelModel(g)), true)
	f.Add(Write(kernelModel(branching())), false)
	f.Fuzz(func(t *testing.T, data []byte, heightAsX bool) {
		m, err := Read("fuzz.onnx", data)
		if err != nil {
			return
		}
		w, err := Kernels(m, KernelOptions{HeightAsX: heightAsX})
		if err != nil {
			return
		}
		if len(w.Predecessors) != len(w.Layers) {
			t.Fatalf("%d lists of predecessors for %d layers", len(w.Predecessors), len(w.Layers))
		}
		for i := range w.Layers {
			for _, d := range w.Layers[i].Dims {
				if d.Size < 1 {
					t.Errorf("loop %s has size %d", d.Dim, d.Size)
				}
			}
			for _, b := range w.Predecessors[i] {
				if b >= i {
					t.Errorf("layer %d comes after layer %d", i, b)
				}
			}
		}
	})
}
