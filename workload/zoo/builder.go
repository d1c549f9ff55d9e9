package zoo

import (
	"errors"
	"fmt"
	"strings"

	"streamdse/internal/onnx"
)

// opset is the version of ONNX's operators that the networks are written in.
const opset = 14

// value is a tensor of the network that is being built.
type value string

// builder appends nodes to a graph. Each method adds one operator, called name as
// in PyTorch's exports ("/layer1/conv1/Conv"), and returns its result. Shapes are
// inferred as the graph grows; the first error is kept and ends the building.
type builder struct {
	graph  onnx.Graph
	shapes *onnx.Shapes
	err    error
}

func newBuilder(name string) *builder {
	return &builder{graph: onnx.Graph{Name: name}, shapes: onnx.NewShapes(opset)}
}

// model closes the graph.
func (b *builder) model() (*onnx.Model, error) {
	if b.err != nil {
		return nil, b.err
	}
	m := &onnx.Model{
		Name: b.graph.Name, IRVersion: 8, Producer: "stream",
		Opsets: []onnx.Opset{{Version: opset}}, Graph: b.graph,
	}
	m, notes, err := onnx.Infer(m)
	if err == nil && len(notes) > 0 {
		err = errors.New(strings.Join(notes, "; "))
	}
	return m, err
}

// input declares a network input.
func (b *builder) input(name string, dims ...int) value {
	b.graph.Inputs = append(b.graph.Inputs, info(name, dims))
	b.shapes.Declare(name, wide(dims)...)
	return value(name)
}

// output declares the result of the last node that made v as a network output of
// the given name.
func (b *builder) output(v value, name string) {
	if b.err != nil {
		return
	}
	dims := narrow(b.shapes.Of(string(v)))
	for i := range b.graph.Nodes {
		for _, list := range [][]string{b.graph.Nodes[i].Inputs, b.graph.Nodes[i].Outputs} {
			for j := range list {
				if list[j] == string(v) {
					list[j] = name
				}
			}
		}
	}
	b.graph.Outputs = append(b.graph.Outputs, info(name, dims))
}

// parameter declares a weight tensor.
func (b *builder) parameter(name string, dims ...int) string {
	b.graph.Initializers = append(b.graph.Initializers, onnx.Tensor{Name: name, Type: onnx.Float32, Dims: wide(dims)})
	b.shapes.Declare(name, wide(dims)...)
	return name
}

// node appends an operator with one result.
func (b *builder) node(opType, name string, attributes []onnx.Attribute, inputs ...string) value {
	out := name + "_output_0"
	if b.err != nil {
		return value(out)
	}
	n := onnx.Node{Name: name, OpType: opType, Inputs: inputs, Outputs: []string{out}, Attributes: attributes}
	if err := b.shapes.Add(&n); err != nil {
		b.err = fmt.Errorf("%s: %w", b.graph.Name, err)
	}
	b.graph.Nodes = append(b.graph.Nodes, n)
	return value(out)
}

// size is the extent of a dimension of a value, 0 after an error.
func (b *builder) size(v value, dim int) int {
	shape := b.shapes.Of(string(v))
	if dim >= len(shape) {
		return 0
	}
	return int(shape[dim])
}

// window is a square sliding window.
type window struct{ kernel, stride, pad int }

func (w window) attributes() []onnx.Attribute {
	k, s, p := int64(w.kernel), int64(w.stride), int64(w.pad)
	return []onnx.Attribute{ints("kernel_shape", k, k), ints("pads", p, p, p, p), ints("strides", s, s)}
}

// conv is a convolution with bias, in groups if group is not 1.
func (b *builder) conv(x value, name string, channels int, w window, group int) value {
	params := parameters(name)
	weight := b.parameter(params+".weight", channels, b.size(x, 1)/group, w.kernel, w.kernel)
	bias := b.parameter(params+".bias", channels)
	attributes := append([]onnx.Attribute{ints("dilations", 1, 1), integer("group", int64(group))}, w.attributes()...)
	return b.node("Conv", name, attributes, string(x), weight, bias)
}

func (b *builder) maxPool(x value, name string, w window) value {
	return b.node("MaxPool", name, append([]onnx.Attribute{integer("ceil_mode", 0)}, w.attributes()...), string(x))
}

func (b *builder) relu(x value, name string) value { return b.node("Relu", name, nil, string(x)) }

func (b *builder) add(x, y value, name string) value {
	return b.node("Add", name, nil, string(x), string(y))
}

func (b *builder) globalAveragePool(x value, name string) value {
	return b.node("GlobalAveragePool", name, nil, string(x))
}

func (b *builder) flatten(x value, name string) value {
	return b.node("Flatten", name, []onnx.Attribute{integer("axis", 1)}, string(x))
}

// linear is a fully connected layer with bias.
func (b *builder) linear(x value, name string, features int) value {
	params := parameters(name)
	weight := b.parameter(params+".weight", features, b.size(x, 1))
	bias := b.parameter(params+".bias", features)
	return b.node("Gemm", name, []onnx.Attribute{
		{Name: "alpha", Type: onnx.AttributeFloat, Float: 1},
		{Name: "beta", Type: onnx.AttributeFloat, Float: 1},
		integer("transB", 1),
	}, string(x), weight, bias)
}

// parameters names the module that owns a node's weights: its last-but-one part,
// "layer1.0.conv1" for "/layer1/layer1.0/conv1/Conv".
func parameters(node string) string {
	parts := strings.Split(strings.Trim(node, "/"), "/")
	parts = parts[:max(1, len(parts)-1)]
	name := ""
	for _, p := range parts {
		if strings.HasPrefix(p, name+".") || name == "" {
			name = p
			continue
		}
		name += "." + p
	}
	return name
}

func integer(name string, v int64) onnx.Attribute {
	return onnx.Attribute{Name: name, Type: onnx.AttributeInt, Int: v}
}

func ints(name string, v ...int64) onnx.Attribute {
	return onnx.Attribute{Name: name, Type: onnx.AttributeInts, Ints: v}
}

func info(name string, dims []int) onnx.ValueInfo {
	return onnx.ValueInfo{Name: name, Type: onnx.Float32, Shape: onnx.Static(dims...)}
}

func wide(dims []int) []int64 {
	out := make([]int64, len(dims))
	for i, d := range dims {
		out[i] = int64(d)
	}
	return out
}

func narrow(dims []int64) []int {
	out := make([]int, len(dims))
	for i, d := range dims {
		out[i] = int(d)
	}
	return out
}
