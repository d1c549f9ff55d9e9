package onnx

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"streamdse/internal/diag"
)

// Limits on shapes, so that sizes and operation counts stay exact integers.
const (
	maxDim      = 1<<31 - 1
	maxElements = 1 << 48
	maxProblems = 1000 // that are reported
)

// Infer is Options{}.Infer.
func Infer(m *Model) (*Model, []string, error) { return Options{}.Infer(m) }

// Infer returns a copy of the model in which every value that a node computes has
// a shape, and notes on what was assumed. Functions of the model are replaced by
// their nodes, and so is an If whose condition is a constant.
//
// Shapes that the file declares are checked against the operators; a
// contradiction is an error that names node and tensor. Symbols take the sizes
// that o.Dims gives. A batch size that is left open is taken as 1, with a note:
// dimension 0 of a network input that is 0, negative, without a name, or a symbol
// named like one ("N", "batch_size"). Other symbols are errors. All errors are
// returned as one diag.List.
func (o Options) Infer(m *Model) (*Model, []string, error) {
	in := newInference(m, o)
	in.run()
	if err := in.problems.Err(); err != nil {
		return nil, nil, err
	}
	out := m.Clone()
	g := &out.Graph
	out.Functions = nil
	g.Nodes = in.nodes
	g.Initializers = append(g.Initializers, in.initializers...)
	fill := func(v *ValueInfo) {
		if t := in.values[v.Name]; t.known {
			v.Type, v.Shape = t.typ, static(t.shape)
		}
	}
	listed := map[string]bool{}
	for _, list := range [][]ValueInfo{g.Inputs, g.Outputs, g.Values} {
		for i := range list {
			fill(&list[i])
			listed[list[i].Name] = true
		}
	}
	for i := range g.Initializers {
		listed[g.Initializers[i].Name] = true
	}
	for i := range g.Nodes {
		for _, name := range g.Nodes[i].Outputs {
			if name != "" && !listed[name] {
				listed[name] = true
				v := ValueInfo{Name: name}
				fill(&v)
				if v.Shape != nil {
					g.Values = append(g.Values, v)
				}
			}
		}
	}
	return out, in.notes, nil
}

func static(shape []int64) []Dim {
	s := make([]Dim, len(shape))
	for i, d := range shape {
		s[i] = Dim{Value: d, Known: true}
	}
	return s
}

// Shapes tells the shape of values while a graph is built node by node.
type Shapes struct{ in *inference }

// NewShapes returns an empty graph's shapes, for the given version of ONNX's own operators.
func NewShapes(opset int64) *Shapes {
	return &Shapes{newInference(&Model{Opsets: []Opset{{Version: opset}}}, Options{})}
}

// Declare sets the shape of an input or an initializer of floats.
func (s *Shapes) Declare(name string, dims ...int64) {
	s.in.values[name] = tensor{known: true, typ: Float32, shape: dims}
}

// Constant declares an initializer; small integers keep their values, so that what
// is computed from them is known.
func (s *Shapes) Constant(t Tensor) { s.in.initializer(&t) }

// Add infers the shapes of a node's outputs; its inputs must be known.
func (s *Shapes) Add(n *Node) error {
	s.in.problems = nil
	s.in.node(n, n.OpType, 0)
	return s.in.problems.Err()
}

// Of is the shape of a value, nil if unknown.
func (s *Shapes) Of(name string) []int64 { return s.in.values[name].shape }

// tensor is what inference knows of a value.
type tensor struct {
	known  bool // shape and type are known
	absent bool // an optional input that is left out
	// constant tells that the model stores it, or computes it from what it stores.
	constant bool
	typ      DataType
	shape    []int64
	value    []float64 // the elements of a small constant in row-major order, else nil
}

// inference walks a graph once, in order.
type inference struct {
	Options
	model    *Model
	opset    int64
	values   map[string]tensor
	declared map[string]ValueInfo
	symbols  map[string]int64 // sizes of symbols
	produced map[string]string
	names    *namer
	// nodes are those of the graph with functions and branches replaced by theirs;
	// labels and ids go with them.
	nodes        []Node
	labels       []string
	ids          []int
	next         int                 // the id of the next node
	initializers []Tensor            // of branches, and of nodes that replace others
	sequences    map[string][]string // the tensors that a sequence holds
	contracted   int                 // operands of Einsum nodes of more than two
	sequenced    int                 // how many those of all sequences are
	open         map[string][]string // symbols without a size: where they stand
	// skipUnsupported leaves the report of unknown operators to the caller.
	skipUnsupported bool
	listed          bool // a message lists the supported operators
	problems        diag.List
	notes           []string
}

func newInference(m *Model, o Options) *inference {
	in := &inference{Options: o, model: m, opset: 1, values: map[string]tensor{}, declared: map[string]ValueInfo{},
		symbols: map[string]int64{}, produced: map[string]string{}, sequences: map[string][]string{}, open: map[string][]string{}, names: newNamer(m.Graph.Nodes)}
	for _, o := range m.Opsets {
		if o.Domain == "" || o.Domain == "ai.onnx" {
			in.opset = o.Version
		}
	}
	return in
}

// exportAgain is the way out where a file breaks the rules of ONNX.
const exportAgain = "the file breaks the rules of ONNX: export the model again"

func (in *inference) problem(message, allowed, hint string) {
	if len(in.problems) > maxProblems {
		return
	}
	if len(in.problems) == maxProblems {
		message, allowed, hint = fmt.Sprintf("there are more than %d problems; the others are left out", maxProblems), "", ""
	}
	in.problems.Add(diag.Problem{File: in.model.Name, Message: message, Allowed: allowed, Hint: hint})
}

func (in *inference) run() {
	g := &in.model.Graph
	for i := range g.Initializers {
		in.initializer(&g.Initializers[i])
	}
	for _, list := range [][]ValueInfo{g.Values, g.Outputs} {
		for _, v := range list {
			in.declared[v.Name] = v
		}
	}
	in.inputs(g.Inputs)
	in.nodes = make([]Node, 0, len(g.Nodes))
	in.labels, in.ids = make([]string, 0, len(g.Nodes)), make([]int, 0, len(g.Nodes))
	in.walk(g.Nodes, 0)
	for _, o := range g.Outputs {
		if _, ok := in.values[o.Name]; !ok {
			in.problem(fmt.Sprintf("nothing computes the network output %q", o.Name), "", exportAgain)
		}
	}
}

// walk infers nodes in order; functions and branches are replaced by their nodes.
func (in *inference) walk(nodes []Node, depth int) {
	for i := range nodes {
		n := &nodes[i]
		if len(in.nodes) >= maxInlined {
			if len(in.nodes) == maxInlined {
				in.problem(fmt.Sprintf("with its functions written out, the model has more than %d nodes", maxInlined), "", "")
				in.nodes = append(in.nodes, Node{})
			}
			return
		}
		if in.inline(n, depth) {
			continue
		}
		name := in.names.name(n, in.next)
		in.nodes, in.labels, in.ids = append(in.nodes, *n), append(in.labels, name), append(in.ids, in.next)
		in.next += idsOf(in.node(n, name, in.next))
	}
}

func (in *inference) initializer(t *Tensor) {
	for _, d := range t.Dims {
		if d < 0 || d > maxDim {
			in.problem(fmt.Sprintf("initializer %q has an impossible shape %s", t.Name, shapeString(t.Dims)), "", exportAgain)
			break
		}
	}
	if elements(t.Dims) > maxElements {
		in.problem(fmt.Sprintf("initializer %q is too large: %s", t.Name, shapeString(t.Dims)), "", "")
	}
	in.values[t.Name] = t.tensor()
}

// tensor is what is known of a stored tensor.
func (t *Tensor) tensor() tensor {
	v := tensor{known: true, constant: true, typ: t.Type, shape: t.Dims, value: t.Floats}
	if t.Ints != nil {
		v.value = make([]float64, len(t.Ints))
		for i, n := range t.Ints {
			v.value[i] = float64(n)
		}
	}
	if v.value == nil && elements(v.shape) == 0 {
		v.value = []float64{}
	}
	return v
}

// inputs takes the shapes of the network inputs, open batch sizes as 1.
func (in *inference) inputs(list []ValueInfo) {
	used := map[string]bool{}
	for _, v := range list {
		for _, d := range v.Shape {
			if size, ok := in.Dims[d.Symbol]; ok && !d.Known {
				in.symbols[d.Symbol] = size
				used[d.Symbol] = true
			}
		}
	}
	for _, v := range list {
		if _, ok := in.values[v.Name]; ok {
			continue // old files list the initializers among the inputs
		}
		in.values[v.Name] = in.networkInput(v, used)
	}
	for _, symbol := range slices.Sorted(maps.Keys(in.open)) {
		in.problem(fmt.Sprintf("dimension %q has no size: %s", symbol, strings.Join(in.open[symbol], ", ")),
			"a number for each named dimension; a batch size in dimension 0 may be left open", fmt.Sprintf("give it one with --dim %s=N", symbol))
	}
	for _, symbol := range slices.Sorted(maps.Keys(in.Dims)) {
		if !used[symbol] {
			in.problem(fmt.Sprintf("no dimension of a network input is called %q", symbol), in.symbolNames(list), "")
		}
	}
}

// symbolNames lists the names of dimensions that inputs leave open.
func (in *inference) symbolNames(list []ValueInfo) string {
	names := map[string]bool{}
	for _, v := range list {
		for _, d := range v.Shape {
			if !d.Known && d.Symbol != "" {
				names[d.Symbol] = true
			}
		}
	}
	if len(names) == 0 {
		return "no names: the model leaves no named dimension open"
	}
	return strings.Join(slices.Sorted(maps.Keys(names)), ", ")
}

func (in *inference) networkInput(v ValueInfo, used map[string]bool) tensor {
	t := tensor{known: true, typ: v.Type, shape: make([]int64, len(v.Shape))}
	if v.Shape == nil {
		in.problem(fmt.Sprintf("network input %q has no shape", v.Name), "", "export the model with fixed input shapes")
		t.known = false
	}
	var nameless []string
	for i, d := range v.Shape {
		size, bound := in.size(d.Symbol, used)
		switch {
		case d.Known && d.Value > 0:
			if d.Value > maxDim {
				in.problem(fmt.Sprintf("dimension %d of network input %q is %d", i, v.Name, d.Value), fmt.Sprintf("at most %d", maxDim), "")
				t.known = false
			}
			t.shape[i] = d.Value
		case bound:
			t.shape[i] = size
		case i == 0 && isBatch(d):
			t.shape[i] = 1
			if d.Symbol != "" {
				in.symbols[d.Symbol] = 1
			}
			in.notes = append(in.notes, fmt.Sprintf("the batch size of network input %q (%s) is taken as 1", v.Name, d))
		case d.Symbol != "":
			in.open[d.Symbol] = append(in.open[d.Symbol], fmt.Sprintf("dimension %d of network input %q", i, v.Name))
			t.known = false
		default:
			nameless = append(nameless, fmt.Sprintf("dimension %d (%s)", i, d))
			t.known = false
		}
	}
	if len(nameless) > 0 {
		in.problem(fmt.Sprintf("network input %q has no fixed shape: %s", v.Name, strings.Join(nameless, ", ")),
			"positive numbers; a batch size in dimension 0 may be left open", "fix these sizes when exporting the model")
	}
	if t.known && elements(t.shape) > maxElements {
		in.problem(fmt.Sprintf("network input %q is too large: %s", v.Name, shapeString(t.shape)), "", "")
		t.known = false
	}
	return t.empty()
}

// empty is a tensor of which, if it has no element, all elements are known: a cache
// of no positions, say.
func (t tensor) empty() tensor {
	if t.known && t.value == nil && slices.Contains(t.shape, 0) {
		t.value, t.constant = []float64{}, true
	}
	return t
}

// size is the size of a symbol, or what it computes from others, such as
// "past_sequence_length + 1".
func (in *inference) size(symbol string, used map[string]bool) (int64, bool) {
	if symbol == "" {
		return 0, false
	}
	if n, ok := in.symbols[symbol]; ok {
		return n, true
	}
	return computed(symbol, func(name string) (int64, bool) {
		if n, ok := in.symbols[name]; ok {
			return n, true
		}
		n, ok := in.Dims[name]
		used[name] = used[name] || ok
		return n, ok
	})
}

// isBatch tells whether an open dimension 0 can be the batch size.
func isBatch(d Dim) bool {
	switch s := strings.ToLower(d.Symbol); {
	case s == "", s == "n", s == "b", s == "bs", strings.HasPrefix(s, "unk__"):
		return true
	default:
		return strings.Contains(s, "batch")
	}
}

// elements is the number of elements of a shape, capped above maxElements.
func elements(shape []int64) int64 {
	n := int64(1)
	for _, d := range shape {
		if d <= 0 {
			return 0
		}
		if n > maxElements/d {
			return maxElements + 1
		}
		n *= d
	}
	return n
}

// call is a node whose output shapes are asked for.
type call struct {
	*Node
	opset int64
	in    []tensor // as many as the node has inputs
	// declared is the shape that the file gives for the first output, nil if it gives none.
	declared []int64
}

// input is argument i, absent if the node has no such input.
func (c *call) input(i int) tensor {
	if i < len(c.in) {
		return c.in[i]
	}
	return tensor{absent: true}
}

// errNeeds is the error of an operator whose result has a shape that depends on
// values that are no constants of the model.
type errNeeds string

func (e errNeeds) Error() string {
	return string(e) + " not a constant of the model, and the file does not store the result's shape"
}

// node infers the outputs of one node and checks them against the declared ones.
func (in *inference) node(n *Node, name string, id int) *call {
	op, supported := lookup(n)
	c := &call{Node: n, opset: in.opset, in: make([]tensor, len(n.Inputs))}
	ready, constant := true, true
	for i, input := range n.Inputs {
		if input == "" {
			c.in[i].absent = true
			continue
		}
		v, ok := in.values[input]
		if !ok {
			in.problem(fmt.Sprintf("node %q (%s) reads %q, which no earlier node computes and the model does not hold", name, n.OpType, input),
				"", "the nodes of an ONNX graph are in topological order")
		}
		c.in[i] = v
		ready = ready && v.known
		constant = constant && v.constant
	}
	if len(n.Outputs) > 0 {
		if v := in.declaredValue(n.Outputs[0]); v.known {
			c.declared = v.shape
		}
	}
	var outs []tensor
	needs := false
	if ready && supported {
		outs, needs = in.infer(op, c, name)
	}
	if ready && !supported {
		outs = in.unknown(c, name, id)
	}
	unknown := 0
	for i, output := range n.Outputs {
		if output == "" {
			continue
		}
		if by, twice := in.produced[output]; twice {
			in.problem(fmt.Sprintf("tensor %q is computed by node %q and by node %q", output, by, name), "", "give every result a name of its own, or export the model again")
		}
		in.produced[output] = name
		declared := in.declaredValue(output)
		var v tensor
		if i < len(outs) {
			v = outs[i]
		}
		switch {
		case v.known && declared.known && !slices.Equal(v.shape, declared.shape):
			in.problem(fmt.Sprintf("node %q (%s) computes tensor %q as %s, but the file declares it as %s",
				name, n.OpType, output, shapeString(v.shape), shapeString(declared.shape)), "", "run shape inference again on a model without stored shapes")
			v = declared // what follows was made for it
		case !v.known && (needs || !(ready && supported)):
			v = declared
		}
		if v.known && v.typ == 0 {
			v.typ = in.elementType(n, output)
		}
		if !v.known {
			unknown++
		}
		v.constant = constant || v.value != nil
		in.values[output] = v
	}
	if unknown > 0 && ready && !supported && !in.skipUnsupported {
		in.problem(unsupported(n, name, id)+"; the shapes that it computes are not known", in.supportedOnce(),
			"store the shapes in the file with another shape inference")
	}
	return c
}

// infer asks an operator for its outputs. needs tells that they depend on values
// that only the running network knows.
func (in *inference) infer(op operator, c *call, name string) (outs []tensor, needs bool) {
	var err error
	switch want := op.inputs; {
	case len(c.in) < want:
		err = fmt.Errorf("it has %d inputs and needs %d", len(c.in), want)
	case slices.ContainsFunc(c.in[:want], func(t tensor) bool { return t.absent }):
		err = errors.New("a required input is left out")
	default:
		outs, err = op.infer(c)
	}
	if err == nil {
		op.evaluate(c, outs)
		for i := range outs {
			outs[i] = outs[i].empty()
		}
		err = checkShapes(outs)
	}
	if err == nil {
		return outs, false
	}
	var e errNeeds
	if errors.As(err, &e) && c.declared != nil {
		return nil, true
	}
	in.problem(fmt.Sprintf("node %q (%s): %v", name, c.OpType, err), "", "look at the node in the program that wrote the model; a shape that the file stores is taken where none can be computed")
	return nil, false
}

// unknown is what is known of the outputs of an operator that is not supported: a
// single output is like the first input, where that is asked for.
func (in *inference) unknown(c *call, name string, id int) []tensor {
	if !in.IgnoreUnknown || len(c.in) == 0 || c.in[0].absent || c.declared != nil || refused(c.Node) != "" {
		return nil
	}
	for _, t := range c.in[1:] {
		if !t.absent && elements(t.shape) > elements(c.in[0].shape) {
			return nil
		}
	}
	in.notes = append(in.notes, unsupported(c.Node, name, id)+"; its result is taken to have the shape of its input")
	return []tensor{{known: true, typ: c.in[0].typ, shape: c.in[0].shape}}
}

// supportedOnce is the list of supported operators for the first message that needs it.
func (in *inference) supportedOnce() string {
	if in.listed {
		return ""
	}
	in.listed = true
	return supportedList()
}

// unsupported names a node that this package does not know what to do with.
func unsupported(n *Node, name string, id int) string {
	what := n.OpType
	if n.Domain != "" {
		what = n.Domain + "." + what
	}
	return fmt.Sprintf("node %d %q: operator %s is not supported", id, name, what)
}

// declaredValue is what the file says of a value, with open batch sizes filled in.
func (in *inference) declaredValue(name string) tensor {
	v, ok := in.declared[name]
	if !ok || v.Shape == nil {
		return tensor{}
	}
	t := tensor{known: true, typ: v.Type, shape: make([]int64, len(v.Shape))}
	for i, d := range v.Shape {
		size, bound := in.symbols[d.Symbol]
		switch {
		case d.Known && d.Value > 0 && d.Value <= maxDim:
			t.shape[i] = d.Value
		case bound && d.Symbol != "":
			t.shape[i] = size
		default:
			return tensor{}
		}
	}
	if elements(t.shape) > maxElements {
		return tensor{}
	}
	return t
}

// elementType is the declared type of an output, or that of the node's first input.
func (in *inference) elementType(n *Node, output string) DataType {
	if v, ok := in.declared[output]; ok && v.Type != 0 {
		return v.Type
	}
	for _, name := range n.Inputs {
		if t := in.values[name].typ; t != 0 {
			return t
		}
	}
	return Float32
}

// checkShapes refuses shapes that no tensor of a network can have.
func checkShapes(outs []tensor) error {
	for _, t := range outs {
		if !t.known {
			continue
		}
		if len(t.shape) > maxRank {
			return fmt.Errorf("its result has %d dimensions", len(t.shape))
		}
		for i, d := range t.shape {
			if d < 0 || d > maxDim {
				return fmt.Errorf("dimension %d of its result would be %d", i, d)
			}
		}
		if elements(t.shape) > maxElements {
			return fmt.Errorf("its result is too large: %s", shapeString(t.shape))
		}
	}
	return nil
}
