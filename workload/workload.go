// Package workload describes a neural network as a list of loop-nest layers:
// what the models and the scheduler know of a network, whatever file it came
// from.
//
// A layer is a perfect loop nest over named loop dimensions. Every operand (one
// output, one or more inputs) is indexed by some of them. Index dimensions that
// combine two loops, such as the input row of a convolution, are described by a
// Relation: IY = stride*OY + dilation*FY.
package workload

import (
	"slices"

	"streamdse/unit"
)

// Dim names a loop dimension (B K C G OY OX FY FX, D and H of matrix products,
// or any upper-case name) or a partially relevant index dimension (IY IX).
type Dim string

// NoLoop is named by a Relation in place of a loop that it lacks.
const NoLoop Dim = "-"

// LoopDim is one loop of a layer with its size.
type LoopDim struct {
	Dim  Dim
	Size int
}

// Relation states Index = CoefA*A + CoefB*B - padding: an index dimension that is
// partially relevant to two loops. For a convolution: A is OY with the stride,
// B is FY with the dilation. Either loop may be missing, which means that its
// position is 0. See Relation.At.
type Relation struct {
	Index        Dim
	A, B         Dim
	CoefA, CoefB int
	PadBefore    int // positions in front of index 0 that a window may cover
	PadAfter     int
	// Divisor, if over 1, divides what comes out, rounding down: a transposed
	// convolution or an enlargement reads one row for several rows that it writes.
	Divisor int
	// Slack is added to the dividend in the furthest case: by a loop that is no part
	// of the relation, or because an iteration may read any of so many positions.
	Slack int
	// Size is the extent of the index in the real tensor, without padding;
	// 0 means that it follows from the relation.
	Size int
}

// Operand is one tensor that a layer reads or writes.
type Operand struct {
	Name string // "O" for the output; "I", "W" for inputs
	// Dims are the index dimensions in the order of the equation, e.g. O: B G K OY OX.
	Dims []Dim
	// Axes groups Dims into the axes of the real tensor, outermost first: axis i
	// is Dims[Axes[i-1]:Axes[i]] in mixed radix (G and K form the channel axis of a
	// convolution's output). Its last element is len(Dims). An axis without a
	// dimension has size 1: its element is broadcast.
	Axes []int
	// Bits is the precision of one element; of one partial sum for the output.
	Bits unit.Bits
	// FinalBits is the precision of a finished output element; for inputs it equals Bits.
	FinalBits unit.Bits
	// Source says where an input comes from; the zero value for the output.
	Source Source
}

// SourceKind tells what an input operand is read from.
type SourceKind uint8

const (
	FromNone     SourceKind = iota // the operand is the output
	FromConstant                   // weights and other values stored in the model
	FromInput                      // a network input
	FromLayer                      // the output of another layer
	FromParts                      // put together from several of these, at least one a layer: Source.Parts
)

// Source is the origin of an input operand.
type Source struct {
	Kind   SourceKind
	Layer  int        // index of the producing layer in Workload.Layers, for FromLayer
	Tensor string     // name of the tensor in the model, for messages
	Via    []Movement // data movement between the producer's output and this operand, producer first
	// Shape is the shape of a constant or network input before any movement.
	Shape []int
	// Parts are the origins of an operand that is put together, as by a Concat.
	// The Via of each ends in the operand's shape and gives only some of its
	// elements: its Select steps have gaps for the others. Elements that no part
	// gives are padding. Parts are not FromParts themselves.
	Parts []Source
}

// Origins lists where the operand's elements come from: its parts, or itself.
func (s *Source) Origins() []Source {
	if s.Kind == FromParts {
		return s.Parts
	}
	return []Source{*s}
}

// Constant tells whether the operand is in off-chip memory before the network
// starts: weights or a network input.
func (s Source) Constant() bool { return s.Kind == FromConstant || s.Kind == FromInput }

// Stored tells whether some of the operand is in off-chip memory before the
// network starts.
func (s Source) Stored() bool { return s.Constant() || slices.ContainsFunc(s.Parts, Source.Constant) }

// MovementKind is a data movement that computes nothing.
type MovementKind uint8

const (
	Reshape     MovementKind = iota // Shape: row-major reinterpretation (Flatten, Squeeze too)
	Transpose                       // Perm
	Transparent                     // same elements, same shape: Identity, Dropout, Cast, a folded activation
	Select                          // Axis, Runs: a slice, a padding, a repetition, a place in a concatenation
)

// Movement is one step that rearranges a tensor on its way between two layers.
type Movement struct {
	Kind  MovementKind
	Name  string // the node's name in the model
	Type  string // the node's operator type
	ID    int    // the node's number in the model
	Shape []int  // shape after the step
	Perm  []int  // for Transpose: axis i of the result is axis Perm[i] of the argument
	// Axis is where Select takes other positions; Runs say which, in the order of
	// the result. Their counts add up to Shape[Axis].
	Axis int
	Runs []Run
}

// Run is a number of consecutive positions of an axis and where their elements
// come from: positions From, From+Step, From+2*Step... of the argument. Step is 0
// where one position is repeated, negative where the order is reversed.
type Run struct {
	Count, From, Step int
	Gap               bool // from nowhere: padding, or another part's place
}

// At is the argument's position for position i of the run, -1 in a gap.
func (r Run) At(i int) int {
	if r.Gap {
		return -1
	}
	return r.From + i*r.Step
}

// Layer is one computing loop nest.
type Layer struct {
	// ID is the number that users name the layer by (--stacks, inspect): its
	// position among the computing and moving nodes of the model. IDs ascend but
	// may have gaps (folded activations, reshapes).
	ID   int
	Name string
	Type string // ONNX operator type, e.g. "Conv", "MaxPool", "Gemm", "Add"
	// Part tells apart the layers that one operator becomes: a Softmax has "max",
	// "exp", "sum" and "div". It is empty for an operator that is one layer.
	Part string
	// Dims are the loops; the order matters to the loop-order search.
	Dims      []LoopDim
	Relations []Relation
	// Operands has the output first, then the inputs in the order of the equation.
	Operands []Operand
	// OutputShape is the shape of the output tensor as the model has it.
	OutputShape []int
	// Folded names what was merged into the layer at no cost, e.g. "BatchNormalization bn1", "Relu relu".
	Folded []string
}

// Workload is a network: layers in topological order.
type Workload struct {
	Name   string
	Layers []Layer
	// Outputs are indices of the layers whose result is a network output.
	Outputs []int
	// Notes tell what was assumed while the network was read, for the user.
	Notes []string
	// Predecessors lists, by layer, the layers whose results reach it, also through
	// operators that are no layers. Nil means that the operands' sources say it all.
	Predecessors [][]int
}

// Conventional tells whether d is one of the loop dimensions that layers usually
// have, rather than a name of somebody's own.
func (d Dim) Conventional() bool {
	switch d {
	case "B", "K", "C", "G", "OY", "OX", "FY", "FX", "D", "H":
		return true
	}
	return false
}

// HasLoop tells whether some layer has the loop dimension d.
func (w *Workload) HasLoop(d Dim) bool {
	for i := range w.Layers {
		if w.Layers[i].HasDim(d) {
			return true
		}
	}
	return false
}

// Size is the size of loop dimension d, 1 if the layer has no such loop.
func (l *Layer) Size(d Dim) int {
	for _, x := range l.Dims {
		if x.Dim == d {
			return x.Size
		}
	}
	return 1
}

// HasDim tells whether d is a loop of the layer.
func (l *Layer) HasDim(d Dim) bool {
	for _, x := range l.Dims {
		if x.Dim == d {
			return true
		}
	}
	return false
}

// Relation returns the relation that defines index dimension d, or nil.
func (l *Layer) Relation(d Dim) *Relation {
	for i := range l.Relations {
		if l.Relations[i].Index == d {
			return &l.Relations[i]
		}
	}
	return nil
}

// IndexSize is the extent of index dimension d in the real tensor: the size of the
// loop, or of a partially relevant dimension without its padding.
func (l *Layer) IndexSize(d Dim) int {
	r := l.Relation(d)
	switch {
	case r == nil:
		return l.Size(d)
	case r.Size > 0:
		return r.Size
	}
	return r.Last(l.Size(r.A)-1, l.Size(r.B)-1) + 1 - r.PadAfter
}

// MACs is the number of operations of the loop nest: the product of its loop sizes.
func (l *Layer) MACs() int64 {
	n := int64(1)
	for _, d := range l.Dims {
		n *= int64(d.Size)
	}
	return n
}
