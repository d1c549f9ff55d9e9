// Package onnx reads, writes and understands ONNX models as far as a scheduler
// needs them: the graph with its shapes, never the values of the weights.
//
// Read decodes the protobuf encoding of the public ONNX IR in one pass and skips
// tensor payloads, so that a model of hundreds of megabytes costs no more than
// its graph. Infer fills in missing shapes, Workload turns a model into
// loop-nest layers, Write encodes a model without weights.
//
// A word on words: a value is a named tensor that flows between nodes; an
// initializer is a value stored in the model; a shape is a list of dimensions,
// each a number or a symbol such as "batch".
package onnx

import (
	"slices"
	"strconv"
	"strings"
)

// Model is an ONNX model without weights.
type Model struct {
	Name            string // the file, for messages
	IRVersion       int64
	Producer        string
	ProducerVersion string
	Opsets          []Opset
	Graph           Graph
}

// Opset is a set of operators that a model uses; Domain "" is ONNX's own.
type Opset struct {
	Domain  string
	Version int64
}

// Graph is a network: nodes in topological order and the values between them.
type Graph struct {
	Name         string
	Nodes        []Node
	Inputs       []ValueInfo
	Outputs      []ValueInfo
	Values       []ValueInfo // shapes of intermediate values, as far as known
	Initializers []Tensor
}

// Node is one operator of a graph. An empty input name is an optional input that
// is left out.
type Node struct {
	Name       string // may be empty
	OpType     string
	Domain     string // "" for ONNX's own operators
	Inputs     []string
	Outputs    []string
	Attributes []Attribute
}

// AttributeType says which field of an Attribute holds its value; the numbers are
// those of the ONNX IR.
type AttributeType int32

// The types of attributes. Graphs, sparse tensors and type descriptions are
// kept as encoded bytes only.
const (
	AttributeFloat   AttributeType = 1
	AttributeInt     AttributeType = 2
	AttributeString  AttributeType = 3
	AttributeTensor  AttributeType = 4
	AttributeFloats  AttributeType = 6
	AttributeInts    AttributeType = 7
	AttributeStrings AttributeType = 8
)

// Attribute is a named parameter of a node.
type Attribute struct {
	Name    string
	Type    AttributeType
	Float   float32
	Int     int64
	String  string
	Tensor  *Tensor
	Floats  []float32
	Ints    []int64
	Strings []string
	// Other is the encoded attribute if it is of a type without a field above.
	Other []byte
}

// DataType is the element type of a tensor; the numbers are those of the ONNX IR.
type DataType int32

// Element types that this package writes or interprets.
const (
	Float32 DataType = 1
	Int8    DataType = 3
	Int32   DataType = 6
	Int64   DataType = 7
)

// Tensor is a value stored in the model. Only small integer tensors, which hold
// shapes, axes and paddings, have values.
type Tensor struct {
	Name string
	Type DataType
	Dims []int64
	// Ints are the elements of an int32 or int64 tensor of at most
	// MaxIntElements elements; nil for others, non-nil and empty for one with no elements.
	Ints []int64
	// External says where the elements are stored if not in the model: the
	// entries of the encoding, "location", "offset" and "length".
	External []Entry
}

// Entry is a key with its value.
type Entry struct{ Key, Value string }

// MaxIntElements is the largest number of elements of an integer tensor whose
// values are kept.
const MaxIntElements = 1024

// ValueInfo is the type and shape of a value.
type ValueInfo struct {
	Name string
	Type DataType
	// Shape is nil if the rank is unknown; a scalar's shape is empty and not nil.
	Shape []Dim
}

// Dim is one dimension of a shape: a number, a symbol, or unknown (neither).
type Dim struct {
	Value  int64
	Symbol string
	Known  bool // Value is set
}

// Static returns the shape with the given dimensions.
func Static(dims ...int) []Dim {
	s := make([]Dim, len(dims))
	for i, d := range dims {
		s[i] = Dim{Value: int64(d), Known: true}
	}
	return s
}

// String is the number, the symbol, or "?".
func (d Dim) String() string {
	switch {
	case d.Known:
		return strconv.FormatInt(d.Value, 10)
	case d.Symbol != "":
		return d.Symbol
	}
	return "?"
}

// Attribute returns the attribute of the given name, or nil.
func (n *Node) Attribute(name string) *Attribute {
	for i := range n.Attributes {
		if n.Attributes[i].Name == name {
			return &n.Attributes[i]
		}
	}
	return nil
}

// Int is the value of an integer attribute, or otherwise if the node lacks it.
func (n *Node) Int(name string, otherwise int64) int64 {
	if a := n.Attribute(name); a != nil && a.Type == AttributeInt {
		return a.Int
	}
	return otherwise
}

// Ints is the value of an integer list attribute, or otherwise if the node lacks it.
func (n *Node) Ints(name string, otherwise []int64) []int64 {
	if a := n.Attribute(name); a != nil && a.Type == AttributeInts {
		return a.Ints
	}
	return otherwise
}

// Str is the value of a string attribute, or otherwise if the node lacks it.
func (n *Node) Str(name, otherwise string) string {
	if a := n.Attribute(name); a != nil && a.Type == AttributeString {
		return a.String
	}
	return otherwise
}

// Clone returns a deep copy of the model.
func (m *Model) Clone() *Model {
	c := *m
	c.Opsets = slices.Clone(m.Opsets)
	g := &c.Graph
	g.Nodes = slices.Clone(g.Nodes)
	for i := range g.Nodes {
		n := &g.Nodes[i]
		n.Inputs, n.Outputs = slices.Clone(n.Inputs), slices.Clone(n.Outputs)
		n.Attributes = slices.Clone(n.Attributes)
		for j := range n.Attributes {
			a := &n.Attributes[j]
			a.Floats, a.Ints, a.Strings = slices.Clone(a.Floats), slices.Clone(a.Ints), slices.Clone(a.Strings)
			a.Other = slices.Clone(a.Other)
			if a.Tensor != nil {
				t := a.Tensor.clone()
				a.Tensor = &t
			}
		}
	}
	g.Inputs, g.Outputs, g.Values = cloneValues(g.Inputs), cloneValues(g.Outputs), cloneValues(g.Values)
	g.Initializers = slices.Clone(g.Initializers)
	for i := range g.Initializers {
		g.Initializers[i] = g.Initializers[i].clone()
	}
	return &c
}

func (t Tensor) clone() Tensor {
	t.Dims, t.Ints, t.External = slices.Clone(t.Dims), slices.Clone(t.Ints), slices.Clone(t.External)
	return t
}

func cloneValues(vs []ValueInfo) []ValueInfo {
	vs = slices.Clone(vs)
	for i := range vs {
		vs[i].Shape = slices.Clone(vs[i].Shape)
	}
	return vs
}

// shapeString renders a shape as "1x3x224x224", a scalar as "scalar".
func shapeString(dims []int64) string {
	if len(dims) == 0 {
		return "scalar"
	}
	parts := make([]string, len(dims))
	for i, d := range dims {
		parts[i] = strconv.FormatInt(d, 10)
	}
	return strings.Join(parts, "x")
}
