package onnx

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"streamdse/internal/diag"
)

// Limits on shapes, so that sizes and operation counts stay exact integers.
const (
	maxDim      = 1<<31 - 1
	maxElements = 1 << 48
)

// Infer returns a copy of the model in which every value that a node computes has
// a shape, and notes on what was assumed.
//
// Shapes that the file declares are checked against the operators; a
// contradiction is an error that names node and tensor. A batch size that is left
// open is taken as 1, with a note: dimension 0 of a network input that is 0,
// negative, without a name, or a symbol named like one ("N", "batch_size"). Other
// symbols are errors. All errors are returned as one diag.List.
func Infer(m *Model) (*Model, []string, error) {
	in := newInference(m)
	in.run()
	if err := in.problems.Err(); err != nil {
		return nil, nil, err
	}
	out := m.Clone()
	g := &out.Graph
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
				g.Values = append(g.Values, v)
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
	return &Shapes{newInference(&Model{Opsets: []Opset{{Version: opset}}})}
}

// Declare sets the shape of an input or an initializer.
func (s *Shapes) Declare(name string, dims ...int64) {
	s.in.values[name] = tensor{known: true, typ: Float32, shape: dims}
}

// Add infers the shapes of a node's outputs; its inputs must be known.
func (s *Shapes) Add(n *Node) error {
	s.in.problems = nil
	s.in.node(n, n.OpType)
	return s.in.problems.Err()
}

// Of is the shape of a value, nil if unknown.
func (s *Shapes) Of(name string) []int64 { return s.in.values[name].shape }

// tensor is what inference knows of a value.
type tensor struct {
	known  bool // shape and type are known
	absent bool // an optional input that is left out
	typ    DataType
	shape  []int64
	ints   []int64 // the elements of a small integer constant, else nil
}

// inference walks a graph once, in order.
type inference struct {
	model    *Model
	opset    int64
	values   map[string]tensor
	declared map[string]ValueInfo
	symbols  map[string]int64 // symbols that stand for an open batch size
	produced map[string]string
	// skipUnsupported leaves the report of unknown operators to the caller.
	skipUnsupported bool
	problems        diag.List
	notes           []string
}

func newInference(m *Model) *inference {
	in := &inference{model: m, opset: 1, values: map[string]tensor{}, declared: map[string]ValueInfo{},
		symbols: map[string]int64{}, produced: map[string]string{}}
	for _, o := range m.Opsets {
		if o.Domain == "" || o.Domain == "ai.onnx" {
			in.opset = o.Version
		}
	}
	return in
}

func (in *inference) problem(message, allowed, hint string) {
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
	names := nodeNames(g.Nodes)
	for i := range g.Nodes {
		in.node(&g.Nodes[i], names[i])
	}
	for _, o := range g.Outputs {
		if _, ok := in.values[o.Name]; !ok {
			in.problem(fmt.Sprintf("nothing computes the network output %q", o.Name), "", "")
		}
	}
}

func (in *inference) initializer(t *Tensor) {
	for _, d := range t.Dims {
		if d < 0 || d > maxDim {
			in.problem(fmt.Sprintf("initializer %q has an impossible shape %s", t.Name, shapeString(t.Dims)), "", "")
			break
		}
	}
	if elements(t.Dims) > maxElements {
		in.problem(fmt.Sprintf("initializer %q is too large: %s", t.Name, shapeString(t.Dims)), "", "")
	}
	in.values[t.Name] = tensor{known: true, typ: t.Type, shape: t.Dims, ints: t.Ints}
}

// inputs takes the shapes of the network inputs, open batch sizes as 1.
func (in *inference) inputs(list []ValueInfo) {
	for _, v := range list {
		if _, ok := in.values[v.Name]; ok {
			continue // old files list the initializers among the inputs
		}
		t := tensor{known: true, typ: v.Type, shape: make([]int64, len(v.Shape))}
		if v.Shape == nil {
			in.problem(fmt.Sprintf("network input %q has no shape", v.Name), "", "export the model with fixed input shapes")
			t.known = false
		}
		var open []string
		for i, d := range v.Shape {
			size, bound := in.symbols[d.Symbol]
			switch {
			case d.Known && d.Value > 0:
				if d.Value > maxDim {
					in.problem(fmt.Sprintf("dimension %d of network input %q is %d", i, v.Name, d.Value), fmt.Sprintf("at most %d", maxDim), "")
					t.known = false
				}
				t.shape[i] = d.Value
			case bound && d.Symbol != "":
				t.shape[i] = size
			case i == 0 && isBatch(d):
				t.shape[i] = 1
				if d.Symbol != "" {
					in.symbols[d.Symbol] = 1
				}
				in.notes = append(in.notes, fmt.Sprintf("the batch size of network input %q (%s) is taken as 1", v.Name, d))
			default:
				open = append(open, fmt.Sprintf("dimension %d (%s)", i, d))
				t.known = false
			}
		}
		if len(open) > 0 {
			in.problem(fmt.Sprintf("network input %q has no fixed shape: %s", v.Name, strings.Join(open, ", ")),
				"positive numbers; a batch size in dimension 0 may be left open", "fix these sizes when exporting the model")
		}
		if t.known && elements(t.shape) > maxElements {
			in.problem(fmt.Sprintf("network input %q is too large: %s", v.Name, shapeString(t.shape)), "", "")
			t.known = false
		}
		in.values[v.Name] = t
	}
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

// node infers the outputs of one node and checks them against the declared ones.
func (in *inference) node(n *Node, name string) {
	op, supported := lookup(n)
	c := &call{Node: n, opset: in.opset, in: make([]tensor, len(n.Inputs))}
	ready := true
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
	}
	if len(n.Outputs) > 0 {
		if v := in.declaredValue(n.Outputs[0]); v.known {
			c.declared = v.shape
		}
	}
	var outs []tensor
	if ready && supported {
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
			err = checkShapes(outs)
		}
		if err != nil {
			in.problem(fmt.Sprintf("node %q (%s): %v", name, n.OpType, err), "", "")
			outs = nil
		}
	}
	unknown := 0
	for i, output := range n.Outputs {
		if output == "" {
			continue
		}
		if by, twice := in.produced[output]; twice {
			in.problem(fmt.Sprintf("tensor %q is computed by node %q and by node %q", output, by, name), "", "")
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
		case !v.known && !(ready && supported):
			v = declared
		}
		if v.known && v.typ == 0 {
			v.typ = in.elementType(n, output)
		}
		if !v.known {
			unknown++
		}
		in.values[output] = v
	}
	if unknown > 0 && ready && !supported && !in.skipUnsupported {
		in.problem(fmt.Sprintf("node %q: the shapes that operator %s computes are not known", name, n.OpType), supportedList(),
			"store the shapes in the file with another shape inference")
	}
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
			if d < 0 || d > maxDim || (d == 0 && t.ints == nil) {
				return fmt.Errorf("dimension %d of its result would be %d", i, d)
			}
		}
		if elements(t.shape) > maxElements {
			return fmt.Errorf("its result is too large: %s", shapeString(t.shape))
		}
	}
	return nil
}

// nodeNames gives every node a name of its own: the one in the file, with a
// number where it is taken, or the operator type with the node's position.
func nodeNames(nodes []Node) []string {
	names := make([]string, len(nodes))
	taken := map[string]bool{}
	for i := range nodes {
		taken[nodes[i].Name] = true
	}
	seen := map[string]bool{}
	next := map[string]int{} // the number to try next for a name that is taken
	id := 0
	for i := range nodes {
		n := &nodes[i]
		name := n.Name
		if name == "" {
			name = n.OpType + strconv.Itoa(id)
		}
		if seen[name] || (n.Name == "" && taken[name]) {
			base := name
			for k := max(next[base], 2); seen[name] || taken[name]; k++ {
				name = base + "_" + strconv.Itoa(k)
				next[base] = k + 1
			}
		}
		seen[name] = true
		names[i] = name
		id += idsOf(n)
	}
	return names
}
