package onnx

import (
	"fmt"
	"math/bits"
	"slices"

	"streamdse/internal/diag"
	"streamdse/rules"
	"streamdse/unit"
	"streamdse/workload"
)

// Precision is the number of bits of an element of each kind of tensor.
type Precision struct {
	Weight     unit.Bits // constants
	Activation unit.Bits // inputs and finished outputs of layers
	Partial    unit.Bits // partial sums
}

// DefaultPrecision is that of 8-bit inference: weights and activations of 8 bits,
// accumulated in 16.
func DefaultPrecision() Precision { return Precision{Weight: 8, Activation: 8, Partial: 16} }

// Options say how a model becomes a workload.
type Options struct {
	Rules rules.Rules
	// FoldActivations merges an activation function into the layer before it, at
	// no cost, where nothing else reads that layer's result; else activations are
	// layers of their own.
	FoldActivations bool
	// Precision is DefaultPrecision if zero. The integer attributes weight_size,
	// act_size and output_size of a matrix product override it for that layer.
	Precision Precision
}

// Workload turns a model into loop-nest layers, with the shapes that Infer finds.
// All problems are returned as one diag.List: contradicting shapes and operators
// that are not known, each naming its node.
//
// Numbers (Layer.ID, Movement.ID) ascend over the nodes in file order, whatever is
// folded; a Constant takes none and a Softmax, which becomes four layers, four.
func Workload(m *Model, o Options) (*workload.Workload, error) {
	if o.Precision == (Precision{}) {
		o.Precision = DefaultPrecision()
	}
	in := newInference(m)
	in.skipUnsupported = true
	in.run()
	l := &lowering{inference: in, Options: o, out: &workload.Workload{Name: m.Graph.Name, Notes: in.notes},
		origins: map[string]origin{}, readers: map[string]int{}}
	l.run()
	if err := l.problems.Err(); err != nil {
		return nil, err
	}
	if len(l.out.Layers) == 0 {
		return nil, diag.List{{File: m.Name, Message: "the model has no operator that computes", Allowed: supportedList()}}
	}
	return l.out, nil
}

// lowering builds the layers of a model node by node.
type lowering struct {
	*inference
	Options
	out     *workload.Workload
	origins map[string]origin // where each tensor comes from
	readers map[string]int    // how many node inputs and network outputs read a tensor
}

// origin is where a tensor comes from.
type origin struct {
	workload.Source
	// sole tells that nothing else reads the layer's result or any tensor on the
	// way here, so that what follows may be merged into the layer.
	sole bool
	// linear tells that the layer's result has passed no activation.
	linear bool
}

// part is a node on its way to become a layer or a data movement.
type part struct {
	*call
	name   string
	id     int
	shape  []int64 // of the first output
	source []origin
}

func (l *lowering) run() {
	g := &l.model.Graph
	for _, v := range g.Inputs {
		l.origins[v.Name] = origin{Source: workload.Source{Kind: workload.FromInput, Tensor: v.Name}}
	}
	for _, t := range g.Initializers {
		l.constant(t.Name)
	}
	for i := range g.Nodes {
		for _, name := range g.Nodes[i].Inputs {
			l.readers[name]++
		}
	}
	for _, v := range g.Outputs {
		l.readers[v.Name]++
	}
	names := nodeNames(g.Nodes)
	id := 0
	for i := range g.Nodes {
		n := &g.Nodes[i]
		l.node(n, names[i], id)
		id += idsOf(n)
	}
	for _, v := range g.Outputs {
		if o := l.origins[v.Name]; o.Kind == workload.FromLayer && !slices.Contains(l.out.Outputs, o.Layer) {
			l.out.Outputs = append(l.out.Outputs, o.Layer)
		}
	}
}

func (l *lowering) constant(tensor string) {
	l.origins[tensor] = origin{Source: workload.Source{Kind: workload.FromConstant, Tensor: tensor}}
}

// node lowers a node unless it or something before it could not be understood, in
// which case the problem has been reported.
func (l *lowering) node(n *Node, name string, id int) {
	op, ok := lookup(n)
	if !ok {
		what := n.OpType
		if n.Domain != "" {
			what = n.Domain + "." + what
		}
		l.problem(fmt.Sprintf("node %d %q: operator %s is not supported", id, name, what), supportedList(), "")
		return
	}
	if op.lower == nil {
		for _, output := range n.Outputs {
			l.constant(output)
		}
		return
	}
	if len(n.Outputs) == 0 || n.Outputs[0] == "" || len(n.Inputs) < op.inputs {
		if len(n.Outputs) == 0 {
			l.problem(fmt.Sprintf("node %d %q (%s) has no output", id, name, n.OpType), "", "")
		}
		return
	}
	p := &part{call: &call{Node: n, opset: l.opset}, name: name, id: id, shape: l.values[n.Outputs[0]].shape}
	for _, input := range n.Inputs {
		v, known := l.values[input]
		o, lowered := l.origins[input]
		if input != "" && !(known && v.known && lowered) {
			return
		}
		v.absent = input == ""
		p.in, p.source = append(p.in, v), append(p.source, o)
	}
	if !l.values[n.Outputs[0]].known {
		return
	}
	for _, output := range n.Outputs[1:] {
		if l.readers[output] > 0 {
			l.problem(fmt.Sprintf("node %d %q (%s): its output %q is used; only the first output is supported", id, name, n.OpType, output), "", "")
		}
	}
	if err := op.lower(l, p); err != nil {
		l.problem(fmt.Sprintf("node %d %q (%s): %v", id, name, n.OpType, err), "", "")
	}
}

// loops names loop dimensions with their sizes.
func loops(pairs ...workload.LoopDim) []workload.LoopDim { return pairs }

func loop(d workload.Dim, size int64) workload.LoopDim {
	return workload.LoopDim{Dim: d, Size: int(size)}
}

// operand describes an operand by the index dimensions of each axis of its
// tensor, outermost axis first; an axis of size 1 may have none.
func operand(name string, axes ...[]workload.Dim) workload.Operand {
	o := workload.Operand{Name: name, Dims: []workload.Dim{}, Axes: []int{}}
	for _, a := range axes {
		o.Dims = append(o.Dims, a...)
		o.Axes = append(o.Axes, len(o.Dims))
	}
	return o
}

// ax is one axis of an operand.
func ax(dims ...workload.Dim) []workload.Dim { return dims }

// output sets the precisions of an output of a layer that accumulates.
func (p Precision) output(o workload.Operand) workload.Operand {
	o.Bits, o.FinalBits = p.Partial, p.Activation
	return o
}

// input sets precision and source of an input.
func (p Precision) input(o workload.Operand, from origin, bits unit.Bits) workload.Operand {
	o.Bits, o.FinalBits, o.Source = bits, bits, from.Source
	return o
}

// either is the precision of an operand that may be a constant or computed.
func (p Precision) either(from origin) unit.Bits {
	if from.Kind == workload.FromConstant {
		return p.Weight
	}
	return p.Activation
}

// noWeights is the second operand of a layer that has only one: a constant of no
// bits, or, where the published tool reads one, a single constant element.
func (l *lowering) noWeights() workload.Operand {
	bits := unit.Bits(0)
	if l.Rules.UnaryReadsWeight {
		bits = l.Precision.Weight
	}
	return l.Precision.input(operand("W"), origin{Source: workload.Source{Kind: workload.FromConstant}}, bits)
}

// layer adds a layer that computes the given tensor.
func (l *lowering) layer(layer workload.Layer, tensor string, shape []int64) error {
	n := uint64(1)
	for _, d := range layer.Dims {
		hi, lo := bits.Mul64(n, uint64(d.Size))
		if hi != 0 || lo > 1<<53 {
			return fmt.Errorf("its loop nest has more than %d operations", int64(1)<<53)
		}
		n = lo
	}
	layer.OutputShape = ints(shape)
	l.origins[tensor] = origin{
		Source: workload.Source{Kind: workload.FromLayer, Layer: len(l.out.Layers), Tensor: tensor},
		sole:   true, linear: true,
	}
	l.out.Layers = append(l.out.Layers, layer)
	return nil
}

// fold merges a node into the layer that computes its input.
func (l *lowering) fold(p *part, linear bool) {
	o := p.source[0]
	layer := &l.out.Layers[o.Layer]
	layer.Folded = append(layer.Folded, p.OpType+" "+p.name)
	o.Tensor, o.linear = p.Outputs[0], o.linear && linear
	l.origins[p.Outputs[0]] = o
}

// foldable tells whether the layer before the node may take it over: it is the
// only reader, and whatever else it reads is constant.
func (l *lowering) foldable(p *part) bool {
	for i, o := range p.source[1:] {
		if !p.in[i+1].absent && o.Kind != workload.FromConstant {
			return false
		}
	}
	o := p.source[0]
	return o.Kind == workload.FromLayer && o.sole && l.readers[p.Inputs[0]] == 1
}

// move records that a node rearranges its first input.
func (l *lowering) move(p *part, m workload.Movement) {
	m.Name, m.Type, m.ID, m.Shape = p.name, p.OpType, p.id, ints(p.shape)
	o := p.source[0]
	o.Via = append(slices.Clone(o.Via), m)
	o.Tensor = p.Outputs[0]
	o.sole = o.sole && l.readers[p.Inputs[0]] == 1
	l.origins[p.Outputs[0]] = o
}

// constantBias refuses a bias that is computed: layers have no operand for it.
// Constant ones cost nothing.
func constantBias(p *part, input int) error {
	if input < len(p.in) && !p.in[input].absent && p.source[input].Kind != workload.FromConstant {
		return fmt.Errorf("its bias %q is not a constant", p.Inputs[input])
	}
	return nil
}

func ints(shape []int64) []int {
	out := make([]int, len(shape))
	for i, d := range shape {
		out[i] = int(d)
	}
	return out
}
