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
	Functions       []Function
}

// Function is an operator that the model defines itself by a graph of others.
type Function struct {
	Domain, Name    string
	Inputs, Outputs []string
	// Attributes names the attributes that a call gives; Defaults are those that it
	// may leave out.
	Attributes []string
	Defaults   []Attribute
	Nodes      []Node
	Opsets     []Opset
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

// The types of attributes. Lists of tensors and of graphs, sparse tensors and type
// descriptions are kept as encoded bytes only.
const (
	AttributeFloat   AttributeType = 1
	AttributeInt     AttributeType = 2
	AttributeString  AttributeType = 3
	AttributeTensor  AttributeType = 4
	AttributeGraph   AttributeType = 5
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
	Graph   *Graph
	Floats  []float32
	Ints    []int64
	Strings []string
	// Reference names the attribute of the function's call that this one stands
	// for, inside a Function.
	Reference string
	// Other is the encoded attribute if it is of a type without a field above.
	Other []byte
}

// DataType is the element type of a tensor; the numbers are those of the ONNX IR.
type DataType int32

// Element types that this package writes or interprets.
const (
	Float32  DataType = 1
	UInt8    DataType = 2
	Int8     DataType = 3
	UInt16   DataType = 4
	Int16    DataType = 5
	Int32    DataType = 6
	Int64    DataType = 7
	Bool     DataType = 9
	Float16  DataType = 10
	Double   DataType = 11
	UInt32   DataType = 12
	UInt64   DataType = 13
	BFloat16 DataType = 16
	UInt4    DataType = 21
	Int4     DataType = 22
	Float4   DataType = 23
	UInt2    DataType = 25
	Int2     DataType = 26
)

// Tensor is a value stored in the model. Only small tensors, which hold shapes,
// axes, paddings and scales, have values.
type Tensor struct {
	Name string
	Type DataType
	Dims []int64
	// Ints are the elements of an int32, int64 or bool tensor of at most
	// MaxIntElements elements; nil for others, non-nil and empty for one with no elements.
	Ints []int64
	// Floats are the elements of a float or double tensor of at most
	// MaxFloatElements elements, in the same way.
	Floats []float64
	// External says where the elements are stored if not in the model: the
	// entries of the encoding, "location", "offset" and "length".
	External []Entry
}

// Entry is a key with its value.
type Entry struct{ Key, Value string }

// The largest numbers of elements of an integer and of a floating-point tensor
// whose values are kept.
const (
	MaxIntElements   = 1024
	MaxFloatElements = 16
)

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

// Float is the value of a floating-point attribute, or otherwise if the node lacks it.
func (n *Node) Float(name string, otherwise float64) float64 {
	if a := n.Attribute(name); a != nil && a.Type == AttributeFloat {
		return float64(a.Float)
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
	c.Graph = m.Graph.clone()
	c.Functions = slices.Clone(m.Functions)
	for i := range c.Functions {
		f := &c.Functions[i]
		f.Inputs, f.Outputs = slices.Clone(f.Inputs), slices.Clone(f.Outputs)
		f.Attributes, f.Defaults = slices.Clone(f.Attributes), cloneAttributes(f.Defaults)
		f.Nodes, f.Opsets = cloneNodes(f.Nodes), slices.Clone(f.Opsets)
	}
	return &c
}

func (g *Graph) clone() Graph {
	c := *g
	c.Nodes = cloneNodes(g.Nodes)
	c.Inputs, c.Outputs, c.Values = cloneValues(g.Inputs), cloneValues(g.Outputs), cloneValues(g.Values)
	c.Initializers = slices.Clone(g.Initializers)
	for i := range c.Initializers {
		c.Initializers[i] = c.Initializers[i].clone()
	}
	return c
}

func cloneNodes(nodes []Node) []Node {
	nodes = slices.Clone(nodes)
	for i := range nodes {
		n := &nodes[i]
		n.Inputs, n.Outputs = slices.Clone(n.Inputs), slices.Clone(n.Outputs)
		n.Attributes = cloneAttributes(n.Attributes)
	}
	return nodes
}

func cloneAttributes(list []Attribute) []Attribute {
	list = slices.Clone(list)
	for i := range list {
		a := &list[i]
		a.Floats, a.Ints, a.Strings = slices.Clone(a.Floats), slices.Clone(a.Ints), slices.Clone(a.Strings)
		a.Other = slices.Clone(a.Other)
		if a.Tensor != nil {
			t := a.Tensor.clone()
			a.Tensor = &t
		}
		if a.Graph != nil {
			g := a.Graph.clone()
			a.Graph = &g
		}
	}
	return list
}

func (t Tensor) clone() Tensor {
	t.Dims, t.External = slices.Clone(t.Dims), slices.Clone(t.External)
	t.Ints, t.Floats = slices.Clone(t.Ints), slices.Clone(t.Floats)
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
