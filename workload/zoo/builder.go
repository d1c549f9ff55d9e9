package zoo

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"streamdse/internal/diag"
	"streamdse/internal/onnx"
)

// Versions of ONNX's operators that networks are written in: the first is enough
// for convolutional networks, the second has the layer normalisation of
// transformers, the third the Gelu.
const (
	convOpset        = 14
	transformerOpset = 17
	geluOpset        = 20
)

// value is a tensor of the network that is being built.
type value string

// builder appends nodes to a graph. Each method adds one operator, called name as
// in PyTorch's exports ("/layer1/conv1/Conv"), and returns its result. Shapes are
// inferred as the graph grows; the first error is kept and ends the building.
type builder struct {
	opset  int64
	graph  onnx.Graph
	shapes *onnx.Shapes
	err    error
}

func newBuilder(name string, opset int64) *builder {
	return &builder{opset: opset, graph: onnx.Graph{Name: name}, shapes: onnx.NewShapes(opset)}
}

// raise takes a later version of the operators, before the first node.
func (b *builder) raise(opset int64) {
	b.opset, b.shapes = opset, onnx.NewShapes(opset)
}

// model closes the graph.
func (b *builder) model() (*onnx.Model, error) {
	if b.err != nil {
		return nil, b.err
	}
	m := &onnx.Model{
		Name: b.graph.Name, IRVersion: 8, Producer: "stream",
		Opsets: []onnx.Opset{{Version: b.opset}}, Graph: b.graph,
	}
	m, notes, err := onnx.Infer(m)
	if err == nil && len(notes) > 0 {
		err = errors.New(strings.Join(notes, "; "))
	}
	return m, err
}

// named says where in the network an error arose, which parameters may have caused.
func (b *builder) named(node string, err error) error {
	where := fmt.Sprintf("workload %s, %s", b.graph.Name, node)
	var problems diag.List
	if !errors.As(err, &problems) {
		return fmt.Errorf("%s: %w", where, err)
	}
	problems = slices.Clone(problems)
	for i := range problems {
		problems[i].Message = where + ": " + problems[i].Message
	}
	return problems
}

// input declares a network input.
func (b *builder) input(name string, dims ...int) value {
	b.graph.Inputs = append(b.graph.Inputs, info(name, dims))
	b.shapes.Declare(name, wide(dims)...)
	return value(name)
}

// output declares a value as a network output and gives it the name.
func (b *builder) output(v value, name string) value {
	if b.err != nil {
		return v
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
	b.shapes.Declare(name, wide(dims)...)
	return value(name)
}

// require ends the building with a problem of the parameters unless ok.
func (b *builder) require(ok bool, format string, values ...any) {
	if b.err == nil && !ok {
		b.err = diag.One(fmt.Sprintf("workload %s: %s", b.graph.Name, fmt.Sprintf(format, values...)), "", "")
	}
}

// divides requires that one parameter divides another.
func (b *builder) divides(name string, n int, of string, m int) {
	b.require(m%n == 0, "parameter %s (%d) does not divide %s (%d)", name, n, of, m)
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
		b.err = b.named(name, err)
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

// window is a sliding window, height first; pads are those at the top, left,
// bottom and right.
type window struct {
	kernel, stride [2]int
	pads           [4]int
}

// square is a window of the same size, stride and padding in all directions.
func square(kernel, stride, pad int) window {
	return window{[2]int{kernel, kernel}, [2]int{stride, stride}, [4]int{pad, pad, pad, pad}}
}

// centred is a window of odd size and stride 1 whose result is as large as its input.
func centred(height, width int) window {
	y, x := (height-1)/2, (width-1)/2
	return window{[2]int{height, width}, [2]int{1, 1}, [4]int{y, x, y, x}}
}

// same is a window over x whose result has ceil(size/stride) positions, padded as
// TensorFlow does: an odd row or column goes to the bottom or the right.
func (b *builder) same(x value, height, width, stride int) window {
	w := window{kernel: [2]int{height, width}, stride: [2]int{stride, stride}}
	for i := range 2 {
		size := b.size(x, 2+i)
		out := (size + stride - 1) / stride
		total := max(0, (out-1)*stride+w.kernel[i]-size)
		w.pads[i], w.pads[2+i] = total/2, total-total/2
	}
	return w
}

func (w window) attributes() []onnx.Attribute {
	return []onnx.Attribute{
		ints("kernel_shape", wide(w.kernel[:])...),
		ints("pads", wide(w.pads[:])...),
		ints("strides", wide(w.stride[:])...),
	}
}

// conv is a convolution with bias, in groups if group is not 1.
func (b *builder) conv(x value, name string, channels int, w window, group int) value {
	weight := b.filter(x, name, channels, w, group)
	return b.node("Conv", name, w.convAttributes(group), string(x), weight, b.parameter(parameters(name)+".bias", channels))
}

// unbiased is a convolution without bias.
func (b *builder) unbiased(x value, name string, channels int, w window) value {
	return b.node("Conv", name, w.convAttributes(1), string(x), b.filter(x, name, channels, w, 1))
}

// filter declares the weights of a convolution over x.
func (b *builder) filter(x value, name string, channels int, w window, group int) string {
	return b.parameter(parameters(name)+".weight", channels, b.size(x, 1)/max(1, group), w.kernel[0], w.kernel[1])
}

func (w window) convAttributes(group int) []onnx.Attribute {
	return append([]onnx.Attribute{ints("dilations", 1, 1), integer("group", int64(group))}, w.attributes()...)
}

// depthwise is a convolution of every channel by itself.
func (b *builder) depthwise(x value, name string, w window) value {
	return b.conv(x, name, b.size(x, 1), w, b.size(x, 1))
}

func (b *builder) maxPool(x value, name string, w window) value {
	return b.node("MaxPool", name, append([]onnx.Attribute{integer("ceil_mode", 0)}, w.attributes()...), string(x))
}

func (b *builder) averagePool(x value, name string, w window) value {
	return b.node("AveragePool", name, append([]onnx.Attribute{integer("count_include_pad", 1)}, w.attributes()...), string(x))
}

func (b *builder) relu(x value, name string) value { return b.node("Relu", name, nil, string(x)) }

func (b *builder) sigmoid(x value, name string) value { return b.node("Sigmoid", name, nil, string(x)) }

// relu6 is min(max(x, 0), 6).
func (b *builder) relu6(x value, name string) value {
	return b.node("Clip", name, nil, string(x), b.scalar(name+"/min", 0), b.scalar(name+"/max", 6))
}

func (b *builder) leakyRelu(x value, name string) value {
	return b.node("LeakyRelu", name, []onnx.Attribute{{Name: "alpha", Type: onnx.AttributeFloat, Float: 0.1}}, string(x))
}

// prelu is a leaky rectifier with a slope of its own for every channel.
func (b *builder) prelu(x value, name string) value {
	slope := b.parameter(parameters(name)+".slope", b.size(x, 1), 1, 1)
	return b.node("PRelu", name, nil, string(x), slope)
}

func (b *builder) hardSwish(x value, name string) value {
	return b.node("HardSwish", name, nil, string(x))
}

// hardSigmoid is min(max(x/6 + 1/2, 0), 1).
func (b *builder) hardSigmoid(x value, name string) value {
	return b.node("HardSigmoid", name, []onnx.Attribute{{Name: "alpha", Type: onnx.AttributeFloat, Float: 1. / 6}}, string(x))
}

// silu is x*sigmoid(x), in two nodes below name.
func (b *builder) silu(x value, name string) value {
	return b.mul(x, b.sigmoid(x, name+"/Sigmoid"), name+"/Mul")
}

// scalar is a constant of one number.
func (b *builder) scalar(name string, v float32) string {
	return string(b.node("Constant", name, []onnx.Attribute{{Name: "value_float", Type: onnx.AttributeFloat, Float: v}}))
}

func (b *builder) add(x, y value, name string) value {
	return b.node("Add", name, nil, string(x), string(y))
}

func (b *builder) mul(x, y value, name string) value {
	return b.node("Mul", name, nil, string(x), string(y))
}

func (b *builder) concat(name string, axis int, parts ...value) value {
	inputs := make([]string, len(parts))
	for i, p := range parts {
		inputs[i] = string(p)
	}
	return b.node("Concat", name, []onnx.Attribute{integer("axis", int64(axis))}, inputs...)
}

func (b *builder) globalAveragePool(x value, name string) value {
	return b.node("GlobalAveragePool", name, nil, string(x))
}

func (b *builder) flatten(x value, name string) value {
	return b.node("Flatten", name, []onnx.Attribute{integer("axis", 1)}, string(x))
}

// classify pools each channel to one number and ends the network with a fully
// connected layer.
func (b *builder) classify(x value, classes int) {
	x = b.globalAveragePool(x, "/avgpool/GlobalAveragePool")
	x = b.flatten(x, "/Flatten")
	b.output(b.linear(x, "/fc/Gemm", classes), "output")
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
