package onnx

import (
	"fmt"
	"math/bits"
	"slices"
	"sort"

	"streamdse/internal/diag"
	"streamdse/rules"
	"streamdse/workload"
)

// Options say how a model becomes a workload.
type Options struct {
	Rules rules.Rules
	// FoldActivations merges an activation function into the layer before it, at
	// no cost, where nothing else reads that layer's result; else activations are
	// layers of their own.
	FoldActivations bool
	// Precision overrides what the model's types say, as far as it is not zero. A
	// model of floating-point numbers has DefaultPrecision. The integer attributes
	// weight_size, act_size and output_size of a matrix product override it for
	// that layer.
	Precision Precision
	// LayerPrecision overrides Precision for layers by their names.
	LayerPrecision map[string]Precision
	// Dims are the sizes of named dimensions that the model leaves open.
	Dims map[string]int64
	// IgnoreUnknown passes data through operators that are not supported, instead
	// of reporting them.
	IgnoreUnknown bool
}

// Workload turns a model into loop-nest layers, with the shapes that Infer finds.
// All problems are returned as one diag.List: contradicting shapes and operators
// that are not known, each naming its node.
//
// Numbers (Layer.ID, Movement.ID) ascend over the nodes in file order, whatever is
// folded; a Constant takes none and an operator that may become several layers as
// many.
func Workload(m *Model, o Options) (*workload.Workload, error) {
	in := newInference(m, o)
	in.skipUnsupported = true
	in.run()
	l := &lowering{inference: in, out: &workload.Workload{Name: m.Graph.Name},
		origins: map[string]origin{}, readers: map[string]int{}, tuned: map[string]bool{}}
	l.run()
	if err := l.problems.Err(); err != nil {
		return nil, err
	}
	if len(l.out.Layers) == 0 {
		return nil, diag.List{{File: m.Name, Message: "the model has no operator that computes", Allowed: supportedList()}}
	}
	l.out.Notes = in.notes
	return l.out, nil
}

// lowering builds the layers of a model node by node.
type lowering struct {
	*inference
	out     *workload.Workload
	origins map[string]origin // where each tensor comes from
	readers map[string]int    // how many node inputs and network outputs read a tensor
	tuned   map[string]bool   // the names of LayerPrecision that were met
}

// origin is where a tensor comes from.
type origin struct {
	workload.Source
	// sole tells that nothing else reads the layer's result or any tensor on the
	// way here, so that what follows may be merged into the layer.
	sole bool
	// linear tells that the layer's result has passed no activation.
	linear bool
	// stored is the type in which the tensor is stored between a QuantizeLinear and
	// a DequantizeLinear, else 0.
	stored DataType
}

// val is a tensor that layers read or write: its origin, type and shape.
type val struct {
	origin
	typ   DataType
	shape []int64
}

// part is a node on its way to become layers or data movements.
type part struct {
	*call
	name   string
	id     int
	used   int     // numbers that its layers and movements have taken
	moves  bool    // it only moves data: all its steps have its one number
	shape  []int64 // of the first output
	typ    DataType
	source []origin
}

// value is input i as layers read it.
func (p *part) value(i int) val { return val{p.source[i], p.in[i].typ, p.in[i].shape} }

// has tells whether input i is there.
func (p *part) has(i int) bool { return !p.input(i).absent }

// constant tells whether input i is stored in the model.
func (p *part) constant(i int) bool { return p.has(i) && p.source[i].Kind == workload.FromConstant }

// constantParameters refuses a node whose inputs but the first are computed.
func (p *part) constantParameters() error {
	for i := 1; i < len(p.in); i++ {
		if p.has(i) && !p.constant(i) {
			return fmt.Errorf("its parameter %q is not a constant", p.Inputs[i])
		}
	}
	return nil
}

func (l *lowering) run() {
	g := &l.model.Graph
	for _, v := range g.Inputs {
		l.origins[v.Name] = origin{Source: workload.Source{Kind: workload.FromInput, Tensor: v.Name, Shape: ints(l.values[v.Name].shape)}}
	}
	for _, list := range [][]Tensor{g.Initializers, l.initializers} {
		for i := range list {
			l.constant(list[i].Name)
		}
	}
	for i := range l.nodes {
		for _, name := range l.nodes[i].Inputs {
			l.readers[name]++
		}
	}
	for _, v := range g.Outputs {
		l.readers[v.Name]++
	}
	for i := range l.nodes {
		if i < len(l.labels) {
			l.node(&l.nodes[i], l.labels[i], l.ids[i])
		}
	}
	for _, v := range g.Outputs {
		o := l.origins[v.Name]
		for _, s := range o.Origins() {
			if s.Kind == workload.FromLayer && !slices.Contains(l.out.Outputs, s.Layer) {
				l.out.Outputs = append(l.out.Outputs, s.Layer)
			}
		}
	}
	l.unmet()
}

// unmet reports precisions for layers that there are not.
func (l *lowering) unmet() {
	var names []string
	for name := range l.LayerPrecision {
		if !l.tuned[name] {
			names = append(names, name)
		}
	}
	if len(names) == 0 || len(l.problems) > 0 {
		return
	}
	sort.Strings(names)
	known := make([]string, len(l.out.Layers))
	for i := range known {
		known[i] = l.out.Layers[i].Name
	}
	for _, name := range names {
		l.problem(fmt.Sprintf("a precision is given for layer %q, which the model does not have", name), "", diag.DidYouMean(name, known))
	}
}

func (l *lowering) constant(tensor string) {
	l.origins[tensor] = origin{Source: workload.Source{Kind: workload.FromConstant, Tensor: tensor, Shape: ints(l.values[tensor].shape)}}
}

// node lowers a node unless it or something before it could not be understood, in
// which case the problem has been reported.
func (l *lowering) node(n *Node, name string, id int) {
	op, ok := lookup(n)
	if !ok {
		l.unsupported(n, name, id)
		return
	}
	if len(n.Outputs) == 0 || len(n.Inputs) < op.inputs {
		if len(n.Outputs) == 0 {
			l.problem(fmt.Sprintf("node %d %q (%s) has no output", id, name, n.OpType), "", "")
		}
		return
	}
	first := l.values[n.Outputs[0]]
	p := &part{call: &call{Node: n, opset: l.opset}, name: name, id: id, shape: first.shape, typ: first.typ}
	constant := true
	for _, input := range n.Inputs {
		v, known := l.values[input]
		o, lowered := l.origins[input]
		if input != "" && !(known && v.known && lowered) {
			return
		}
		v.absent = input == ""
		constant = constant && (v.absent || o.Kind == workload.FromConstant)
		p.in, p.source = append(p.in, v), append(p.source, o)
	}
	if n.Outputs[0] != "" && !first.known {
		return
	}
	// What is computed from constants alone, or follows from shapes, is a constant.
	if known := first.value != nil; op.lower == nil || known || constant && !op.keeps {
		for _, output := range n.Outputs {
			if output != "" {
				l.constant(output)
			}
		}
		return
	}
	if err := op.lower(l, p); err != nil {
		l.problem(fmt.Sprintf("node %d %q (%s): %v", id, name, n.OpType, err), "", "")
		return
	}
	for _, output := range n.Outputs {
		if _, made := l.origins[output]; !made && output != "" && l.readers[output] > 0 {
			l.problem(fmt.Sprintf("node %d %q (%s): its output %q is used, which is not supported", id, name, n.OpType, output), "", "")
		}
	}
}

// unsupported reports an operator that is not known, or passes data through it.
func (l *lowering) unsupported(n *Node, name string, id int) {
	why := refused(n)
	pass := l.IgnoreUnknown && len(n.Outputs) > 0 && len(n.Inputs) > 0 && n.Inputs[0] != "" && why == ""
	if pass {
		out, in := l.values[n.Outputs[0]], l.values[n.Inputs[0]]
		o, lowered := l.origins[n.Inputs[0]]
		if in.known && !lowered {
			return // reported before
		}
		if out.known && in.known {
			p := &part{call: &call{Node: n, opset: l.opset, in: []tensor{in}}, name: name, id: id, shape: out.shape, typ: out.typ, source: []origin{o}}
			switch {
			case o.Kind == workload.FromConstant:
				l.constant(n.Outputs[0])
				return
			case slices.Equal(out.shape, in.shape):
				l.bind(p, 0, l.through(p, p.value(0), workload.Movement{Kind: workload.Transparent, Shape: ints(out.shape)}))
				return
			case elements(out.shape) == elements(in.shape):
				l.bind(p, 0, l.through(p, p.value(0), reshaped(out.shape)))
				return
			}
		}
	}
	message := unsupported(n, name, id)
	switch {
	case why != "":
		l.problem(message+": "+why, "", "")
	case l.IgnoreUnknown:
		l.problem(message+", and data cannot pass through it: its input and output differ in size or are not known", l.supportedOnce(), "")
	default:
		l.problem(message, l.supportedOnce(), "--unknown-op ignore passes data through operators that keep its shape")
	}
}

// nest describes a layer of a node.
type nest struct {
	part      string // Layer.Part; "" for an operator that is one layer
	kind      string // Layer.Type, by default the node's operator
	dims      []workload.LoopDim
	relations []workload.Relation
	out       [][]workload.Dim // the axes of the output
	ins       []reading
	shape     []int64   // of the output
	typ       DataType  // of the output, by default that of the node's
	plain     bool      // nothing is accumulated in more bits than the result has
	raw       bool      // the result is the partial sum itself
	own       Precision // that the node itself sets
}

// reading is an operand that a layer reads.
type reading struct {
	name string
	from val
	axes [][]workload.Dim
	bits *int64 // the precision, if it is not that of the tensor
}

func reads(name string, from val, axes ...[]workload.Dim) reading {
	return reading{name: name, from: from, axes: axes}
}

// ax is one axis of an operand.
func ax(dims ...workload.Dim) []workload.Dim { return dims }

// loops names loop dimensions with their sizes.
func loops(pairs ...workload.LoopDim) []workload.LoopDim { return pairs }

func loop(d workload.Dim, size int64) workload.LoopDim {
	return workload.LoopDim{Dim: d, Size: int(size)}
}

// operand describes an operand by the index dimensions of each axis of its
// tensor, outermost axis first; an axis of size 1 may have none.
func operand(name string, axes [][]workload.Dim) workload.Operand {
	o := workload.Operand{Name: name, Dims: []workload.Dim{}, Axes: []int{}}
	for _, a := range axes {
		o.Dims = append(o.Dims, a...)
		o.Axes = append(o.Axes, len(o.Dims))
	}
	return o
}

// layer adds a layer of the node and returns its result.
func (l *lowering) layer(p *part, n nest) (val, error) {
	if err := countable(n.dims); err != nil {
		return val{}, err
	}
	layer := workload.Layer{
		ID: p.number(), Name: p.name, Type: p.OpType, Part: n.part,
		Dims: slices.Clone(n.dims), Relations: n.relations, OutputShape: ints(n.shape),
	}
	tensor := p.Outputs[0]
	if n.kind != "" {
		layer.Type = n.kind
	}
	if n.part != "" {
		layer.Name += "-" + n.part + "/"
		tensor += "-" + n.part
	}
	if n.typ == 0 {
		n.typ = p.typ
	}
	pr := l.precision(n.own, layer.Name, p.name)
	out := operand("O", n.out)
	out.FinalBits = pr.of(pr.Activation, n.typ, DefaultPrecision().Activation)
	if n.raw {
		out.FinalBits = pr.of(pr.Partial, n.typ, out.FinalBits)
	}
	out.Bits = pr.partial(n, out.FinalBits)
	layer.Operands = append(layer.Operands, out)
	for _, r := range n.ins {
		o := operand(r.name, r.axes)
		o.Source = r.from.Source
		if o.Source.Kind == workload.FromParts {
			o.Source.Tensor = r.from.Tensor
		}
		o.Bits = pr.input(r.from)
		if r.bits != nil {
			o.Bits = pr.scaled(r)
		}
		o.FinalBits = o.Bits
		layer.Operands = append(layer.Operands, o)
	}
	l.out.Layers = append(l.out.Layers, layer)
	return val{
		origin: origin{
			Source: workload.Source{Kind: workload.FromLayer, Layer: len(l.out.Layers) - 1, Tensor: tensor},
			sole:   true, linear: true,
		},
		typ: n.typ, shape: n.shape,
	}, nil
}

// countable refuses loop nests whose operations floating-point numbers cannot count.
func countable(dims []workload.LoopDim) error {
	count := uint64(1)
	for _, d := range dims {
		if d.Size < 1 {
			return fmt.Errorf("its loop %s has %d iterations", d.Dim, d.Size)
		}
		hi, lo := bits.Mul64(count, uint64(d.Size))
		if hi != 0 || lo > 1<<53 {
			return fmt.Errorf("its loop nest has more than %d operations", int64(1)<<53)
		}
		count = lo
	}
	return nil
}

// number is the next number of the node's own.
func (p *part) number() int {
	if p.moves {
		return p.id
	}
	p.used++
	return p.id + p.used - 1
}

// bind makes a value the node's output i.
func (l *lowering) bind(p *part, i int, v val) {
	if i >= len(p.Outputs) || p.Outputs[i] == "" {
		return
	}
	name := p.Outputs[i]
	o := v.origin
	if o.Kind == workload.FromLayer || o.Kind == workload.FromParts {
		o.Tensor = name
	}
	if !slices.Equal(v.shape, l.values[name].shape) && elements(v.shape) == elements(l.values[name].shape) {
		o.Source = o.Source.Moved(l.described(p, reshaped(l.values[name].shape)))
	}
	l.origins[name] = o
}

// result adds the only or last layer of a node, whose result is the node's.
func (l *lowering) result(p *part, n nest) error {
	v, err := l.layer(p, n)
	if err == nil {
		l.bind(p, 0, v)
	}
	return err
}

// described names the node that a movement stands for.
func (l *lowering) described(p *part, m workload.Movement) workload.Movement {
	m.Name, m.Type, m.ID = p.name, p.OpType, p.number()
	return m
}

// through moves a value.
func (l *lowering) through(p *part, v val, via ...workload.Movement) val {
	if len(via) == 0 {
		return v
	}
	for _, m := range via {
		if v.Kind == workload.FromConstant && m.Kind == workload.Select {
			v.Tensor = p.Outputs[0] // another tensor than the whole
		}
		v.Source = v.Source.Moved(l.described(p, m))
		v.shape = wide(m.Shape)
	}
	if len(p.Inputs) > 0 {
		v.sole = v.sole && l.readers[p.Inputs[0]] == 1 && len(p.Outputs) == 1
	}
	return v
}

// concat puts values together along an axis.
func (l *lowering) concat(p *part, a int, parts ...val) val {
	if full := slices.DeleteFunc(slices.Clone(parts), func(v val) bool { return v.shape[a] == 0 }); len(full) > 0 {
		parts = full
	}
	out := val{typ: parts[0].typ, shape: slices.Clone(parts[0].shape)}
	out.shape[a] = 0
	var sources []workload.Source
	var sizes []int
	stored := parts[0].stored
	for _, v := range parts {
		sources, sizes = append(sources, v.Source), append(sizes, int(v.shape[a]))
		out.shape[a] += v.shape[a]
		if v.stored != stored {
			stored = 0
		}
	}
	m := l.described(p, workload.Movement{Axis: a, Shape: ints(out.shape)})
	out.Source = workload.Joined(m, sources, sizes)
	out.stored = stored
	if out.Constant() {
		out.Tensor = p.Outputs[0]
	}
	return out
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
	if p.constantParameters() != nil {
		return false
	}
	o := p.source[0]
	return o.Kind == workload.FromLayer && o.sole && l.readers[p.Inputs[0]] == 1
}

// constantBias refuses a bias that is computed: layers have no operand for it.
// Constant ones cost nothing.
func (p *part) constantBias(input int) error {
	if p.has(input) && !p.constant(input) {
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
