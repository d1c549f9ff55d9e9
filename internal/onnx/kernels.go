package onnx

import (
	"fmt"
	"slices"

	"streamdse/internal/diag"
	"streamdse/unit"
	"streamdse/workload"
)

// KernelOptions say how Kernels reads a model.
type KernelOptions struct {
	// HeightAsX reads the first entry of kernel_shape, strides and dilations as
	// that of the X axis, as the published single-core tool does, although ONNX
	// lists the height first. It makes a difference to kernels that are not square.
	HeightAsX bool
	// Dims are the sizes of named dimensions that the model leaves open.
	Dims map[string]int64
}

// Kernels turns a model into the layers that a single core is evaluated for:
// convolutions and matrix products, each as a whole. Every other operator costs
// nothing and only passes tensors on; the workload's Predecessors tell which
// layers are connected through them.
//
// A layer's number is the position of its node in the file. The integer
// attributes act_size, weight_size and output_size of a node set its precisions;
// otherwise they are 8 bits, and 16 for partial sums. Shapes are inferred where
// the file does not declare them. The error is a diag.List.
func Kernels(m *Model, o KernelOptions) (*workload.Workload, error) {
	in := newInference(m, Options{Dims: o.Dims})
	in.skipUnsupported = true
	in.run()
	k := &kernels{
		lowering: lowering{inference: in, out: &workload.Workload{Name: m.Graph.Name, Notes: in.notes}, origins: map[string]origin{}, tuned: map[string]bool{}},
		options:  o, node: map[string]int{}, steps: make([]step, len(m.Graph.Nodes)),
	}
	k.run()
	if err := k.problems.Err(); err != nil {
		return nil, err
	}
	if len(k.out.Layers) == 0 {
		return nil, diag.List{{File: m.Name, Message: "the model has no convolution and no matrix product", Allowed: "Conv, QLinearConv, Gemm, MatMul"}}
	}
	k.bridge()
	return k.out, nil
}

// kernels is the state of Kernels.
type kernels struct {
	lowering
	options KernelOptions
	node    map[string]int // the node that computes a tensor
	steps   []step         // by node
}

// step is a node in the graph of nodes.
type step struct {
	layer  int // index of its layer, -1 if it is none
	before []int
	after  []int
}

func (k *kernels) run() {
	g := &k.model.Graph
	for _, t := range g.Initializers {
		k.constant(t.Name)
	}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		k.steps[i].layer = -1
		if k.isConstant(n) {
			for _, output := range n.Outputs {
				k.constant(output)
			}
			continue
		}
		before := k.producers(n)
		kernel := isKernel(n)
		if !kernel {
			before = before[:min(len(before), 2)] // more make no difference to what is local
		}
		for _, p := range before {
			k.steps[i].before = appendNew(k.steps[i].before, p)
			k.steps[p].after = appendNew(k.steps[p].after, i)
		}
		for _, output := range n.Outputs {
			k.node[output] = i
		}
		if !kernel {
			continue
		}
		name := n.Name
		if name == "" {
			name = fmt.Sprintf("Op%d", i)
		}
		if err := k.layerOf(n, i, name, before); err != nil {
			k.problem(fmt.Sprintf("node %d %q (%s): %v", i, name, n.OpType, err), "", "")
		}
	}
}

// isConstant tells whether a node only computes something from constants, such as
// the weights of a model that was written without their values.
func (k *kernels) isConstant(n *Node) bool {
	return n.OpType == "Constant" || len(n.Inputs) > 0 && !isKernel(n) && !slices.ContainsFunc(n.Inputs, func(input string) bool {
		return input != "" && k.origins[input].Kind != workload.FromConstant
	})
}

func isKernel(n *Node) bool {
	return slices.Contains([]string{"Conv", "QLinearConv", "Gemm", "MatMul"}, n.OpType)
}

func appendNew(list []int, x int) []int {
	if slices.Contains(list, x) {
		return list
	}
	return append(list, x)
}

// producers are the nodes that compute the inputs of a node, one for each input
// that is computed.
func (k *kernels) producers(n *Node) []int {
	var before []int
	for _, input := range n.Inputs {
		if p, ok := k.node[input]; ok && input != "" {
			before = append(before, p)
		}
	}
	return before
}

// layerOf adds the layer of a node. Without computed inputs both operands are
// constant; a single one is the activation; of two the second is the weights.
func (k *kernels) layerOf(n *Node, id int, name string, before []int) error {
	if len(before) > 2 {
		return fmt.Errorf("%d of its inputs are computed; a layer has two operands", len(before))
	}
	var source [2]workload.Source
	for i := range source {
		source[i].Kind = workload.FromConstant
		if i < len(before) {
			source[i] = k.nearest(before[i])
		}
	}
	p := Precision{Activation: unit.Bits(n.Int("act_size", 8)), Weight: unit.Bits(n.Int("weight_size", 8))}
	p.Partial = unit.Bits(n.Int("output_size", int64(2*p.Activation)))
	if p.Activation < 0 || p.Weight < 0 || p.Partial < 0 {
		return fmt.Errorf("act_size, weight_size and output_size must not be negative")
	}
	data, weights := 0, 1
	if n.OpType == "QLinearConv" { // inputs x, scale, zero point, w, ...
		weights = 3
	}
	if len(n.Inputs) <= weights || len(n.Outputs) == 0 {
		return fmt.Errorf("it has %d inputs and %d outputs", len(n.Inputs), len(n.Outputs))
	}
	x, out := k.values[n.Inputs[data]], k.values[n.Outputs[0]]
	w := k.values[n.Inputs[weights]]
	for _, t := range []struct {
		name string
		tensor
	}{{n.Inputs[data], x}, {n.Outputs[0], out}} {
		if !t.known {
			return fmt.Errorf("the shape of %q is not known; store it in the file, for example with `stream infer`", t.name)
		}
	}
	var layer workload.Layer
	var err error
	if n.OpType == "Gemm" || n.OpType == "MatMul" {
		layer, err = productKernel(n, x.shape, out.shape, len(before) < 2, p)
	} else {
		layer, err = convKernel(n, x.shape, w, out.shape, p, k.options.HeightAsX)
	}
	if err != nil {
		return err
	}
	for _, d := range layer.Dims {
		if d.Size < 1 {
			return fmt.Errorf("its loop %s has size %d", d.Dim, d.Size)
		}
	}
	for i := range layer.Operands[1:] {
		o := &layer.Operands[i+1]
		if o.Name == "I" {
			o.Source = source[0]
		} else {
			o.Source = source[1]
		}
	}
	layer.ID, layer.Name, layer.Type = id, name, n.OpType
	k.steps[id].layer = len(k.out.Layers)
	if err := countable(layer.Dims); err != nil {
		return err
	}
	layer.OutputShape = ints(out.shape)
	k.out.Layers = append(k.out.Layers, layer)
	return nil
}

// outputOf and inputOf set the precisions of an operand.
func (p Precision) outputOf(axes ...[]workload.Dim) workload.Operand {
	o := operand("O", axes)
	o.Bits, o.FinalBits = p.Partial, p.Activation
	return o
}

func inputOf(name string, bits unit.Bits, axes ...[]workload.Dim) workload.Operand {
	o := operand(name, axes)
	o.Bits, o.FinalBits = bits, bits
	return o
}

// convKernel: O[b][g][k][oy][ox] += W[g][k][c][fy][fx] * I[b][g][c][iy][ix].
func convKernel(n *Node, x []int64, weights tensor, out []int64, p Precision, heightAsX bool) (workload.Layer, error) {
	if len(x) != 4 || len(out) != 4 {
		return workload.Layer{}, fmt.Errorf("convolutions over %d spatial dimensions are not supported, only over 2", len(x)-2)
	}
	var kernel []int64
	if weights.known && len(weights.shape) == 4 {
		kernel = weights.shape[2:]
	}
	group := n.Int("group", 1)
	if group < 1 {
		return workload.Layer{}, fmt.Errorf("group is %d", group)
	}
	w, err := n.slide(x[2:], kernel)
	if err != nil {
		return workload.Layer{}, err
	}
	fy, fx := 0, 1
	if heightAsX {
		fy, fx = 1, 0
	}
	relation := func(index, a, b workload.Dim, axis, spatial int) workload.Relation {
		return workload.Relation{Index: index, A: a, B: b, CoefA: int(w.stride[axis]), CoefB: int(w.dilation[axis]),
			PadBefore: int(w.before[axis]), PadAfter: int(w.after[axis]), Size: int(x[2+spatial])}
	}
	up := func(channels int64) int64 { return (channels + group - 1) / group }
	return workload.Layer{
		Dims: loops(loop("B", max(1, x[0])), loop("K", up(out[1])), loop("G", group), loop("OX", out[3]), loop("OY", out[2]),
			loop("C", up(x[1])), loop("FX", w.kernel[fx]), loop("FY", w.kernel[fy])),
		Relations: []workload.Relation{relation("IX", "OX", "FX", fx, 1), relation("IY", "OY", "FY", fy, 0)},
		Operands: []workload.Operand{
			p.outputOf(ax("B"), ax("G", "K"), ax("OY"), ax("OX")),
			inputOf("W", p.Weight, ax("G", "K"), ax("C"), ax("FY"), ax("FX")),
			inputOf("I", p.Activation, ax("B"), ax("G", "C"), ax("IY"), ax("IX")),
		},
	}, nil
}

// productKernel: O[b][h][d][k] += I[b][h][d][c] * W[b][h][c][k] with the batch
// dimensions that the operands have; constant weights have none.
func productKernel(n *Node, in, out []int64, constant bool, p Precision) (workload.Layer, error) {
	rank := len(in)
	if rank != len(out) {
		return workload.Layer{}, fmt.Errorf("its input %s and output %s have different ranks", shapeString(in), shapeString(out))
	}
	if rank < 2 || rank > 4 {
		return workload.Layer{}, fmt.Errorf("matrix products of rank %d are not supported, only 2 to 4", rank)
	}
	in = slices.Clone(in)
	if rank == 2 && n.Int("transA", 0) == 1 {
		in[0], in[1] = in[1], in[0]
	}
	if in[rank-2] != out[rank-2] {
		return workload.Layer{}, fmt.Errorf("its input has %d rows, its output %d", in[rank-2], out[rank-2])
	}
	dims := loops(loop("C", in[rank-1]), loop("D", in[rank-2]), loop("K", out[rank-1]))
	var batch [][]workload.Dim
	if rank > 2 {
		dims = append(dims, loop("B", max(1, in[0])))
		batch = append(batch, ax("B"))
	}
	if rank > 3 && in[1] > 0 {
		dims = append(dims, loop("H", in[1]))
		batch = append(batch, ax("H"))
	}
	axes := func(last ...[]workload.Dim) [][]workload.Dim { return append(slices.Clone(batch), last...) }
	weights := inputOf("W", p.Activation, axes(ax("C"), ax("K"))...)
	if constant {
		weights = inputOf("W", p.Weight, ax("C"), ax("K"))
	}
	return workload.Layer{
		Dims: dims,
		Operands: []workload.Operand{
			p.outputOf(axes(ax("D"), ax("K"))...),
			inputOf("I", p.Activation, axes(ax("D"), ax("C"))...),
			weights,
		},
	}, nil
}

// bridge connects layers that only nodes without cost lie between, and orders
// the layers by their depth in the graph of all nodes.
func (k *kernels) bridge() {
	order := k.generations()
	for i := range k.steps {
		if k.steps[i].layer >= 0 {
			continue
		}
		for _, p := range k.steps[i].before {
			for _, s := range k.steps[i].after {
				k.steps[p].after = appendNew(k.steps[p].after, s)
				k.steps[s].before = appendNew(k.steps[s].before, p)
			}
		}
		for _, p := range k.steps[i].before {
			k.steps[p].after = without(k.steps[p].after, i)
		}
		for _, s := range k.steps[i].after {
			k.steps[s].before = without(k.steps[s].before, i)
		}
	}
	layers := k.out.Layers
	place := make([]int, len(layers))
	k.out.Layers = nil
	for _, i := range order {
		if l := k.steps[i].layer; l >= 0 {
			place[l] = len(k.out.Layers)
			k.out.Layers = append(k.out.Layers, layers[l])
		}
	}
	k.out.Predecessors = make([][]int, len(layers))
	for i := range k.steps {
		s := &k.steps[i]
		if s.layer < 0 {
			continue
		}
		for _, p := range s.before {
			at := place[s.layer]
			k.out.Predecessors[at] = append(k.out.Predecessors[at], place[k.steps[p].layer])
		}
	}
	for i := range k.out.Layers {
		for j := range k.out.Layers[i].Operands {
			if s := &k.out.Layers[i].Operands[j].Source; s.Kind == workload.FromLayer {
				s.Layer = place[s.Layer]
			}
		}
	}
}

func without(list []int, x int) []int {
	return slices.DeleteFunc(list, func(y int) bool { return y == x })
}

// generations lists the nodes in topological order: those without inputs from
// other nodes, then those that only need these, and so on.
func (k *kernels) generations() []int {
	waits := make([]int, len(k.steps))
	var now, order []int
	for i := range k.steps {
		if waits[i] = len(k.steps[i].before); waits[i] == 0 {
			now = append(now, i)
		}
	}
	for len(now) > 0 {
		var next []int
		order = append(order, now...)
		for _, i := range now {
			for _, s := range k.steps[i].after {
				if waits[s]--; waits[s] == 0 {
					next = append(next, s)
				}
			}
		}
		now = next
	}
	return order
}

// nearest is the layer that a computed input comes from through operators
// without cost, or the network's input if there is none on the way.
func (k *kernels) nearest(node int) workload.Source {
	for k.steps[node].layer < 0 {
		if len(k.steps[node].before) == 0 {
			return workload.Source{Kind: workload.FromInput}
		}
		node = k.steps[node].before[0]
	}
	return workload.Source{Kind: workload.FromLayer, Layer: k.steps[node].layer}
}
