package onnx

import (
	"encoding/binary"
	"math"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
)

// WeightsLeftOut is the location that Write gives as the place of the elements of
// initializers: they are not part of a Model, and no file of that name is written.
const WeightsLeftOut = "weights-left-out"

// Write encodes the model in the public ONNX format, the same bytes for the same
// model. Initializers whose elements the model does not hold are declared as
// external data, where the file that they were read from said, or else at
// WeightsLeftOut: tools that do not load weights take the file as it is.
func Write(m *Model) []byte {
	w := writer{}
	var b []byte
	b = integer(b, 1, m.IRVersion)
	b = text(b, 2, m.Producer)
	b = text(b, 3, m.ProducerVersion)
	b = message(b, 7, w.graph(&m.Graph))
	for _, o := range m.Opsets {
		b = message(b, 8, opset(o))
	}
	for i := range m.Functions {
		b = message(b, 25, w.function(&m.Functions[i]))
	}
	return b
}

// writer places the elements of tensors that are left out one after the other, as
// a file that held them would.
type writer struct{ offset int64 }

func (w *writer) graph(g *Graph) (b []byte) {
	for i := range g.Nodes {
		b = message(b, 1, w.node(&g.Nodes[i]))
	}
	b = text(b, 2, g.Name)
	for i := range g.Initializers {
		b = message(b, 5, w.tensor(&g.Initializers[i]))
	}
	for num, list := range [][]ValueInfo{g.Inputs, g.Outputs, g.Values} {
		for i := range list {
			b = message(b, protowire.Number(11+num), encodeValue(&list[i]))
		}
	}
	return b
}

func (w *writer) function(f *Function) (b []byte) {
	b = text(b, 1, f.Name)
	for num, list := range [][]string{f.Inputs, f.Outputs, f.Attributes} {
		for _, s := range list {
			b = message(b, protowire.Number(4+num), []byte(s))
		}
	}
	for i := range f.Nodes {
		b = message(b, 7, w.node(&f.Nodes[i]))
	}
	for _, o := range f.Opsets {
		b = message(b, 9, opset(o))
	}
	b = text(b, 10, f.Domain)
	for i := range f.Defaults {
		b = message(b, 11, w.attribute(&f.Defaults[i]))
	}
	return b
}

func opset(o Opset) (b []byte) {
	b = text(b, 1, o.Domain)
	return integer(b, 2, o.Version)
}

func (w *writer) node(n *Node) (b []byte) {
	// An empty input stands for an optional one that is left out: it has its place.
	for _, s := range n.Inputs {
		b = message(b, 1, []byte(s))
	}
	for _, s := range n.Outputs {
		b = message(b, 2, []byte(s))
	}
	b = text(b, 3, n.Name)
	b = text(b, 4, n.OpType)
	for i := range n.Attributes {
		b = message(b, 5, w.attribute(&n.Attributes[i]))
	}
	return text(b, 7, n.Domain)
}

func (w *writer) attribute(a *Attribute) (b []byte) {
	if a.Other != nil {
		return a.Other
	}
	b = text(b, 1, a.Name)
	if a.Reference != "" {
		return integer(text(b, 21, a.Reference), 20, int64(a.Type))
	}
	switch a.Type {
	case AttributeFloat:
		b = protowire.AppendTag(b, 2, protowire.Fixed32Type)
		b = protowire.AppendFixed32(b, math.Float32bits(a.Float))
	case AttributeInt:
		b = protowire.AppendTag(b, 3, protowire.VarintType)
		b = protowire.AppendVarint(b, uint64(a.Int))
	case AttributeString:
		b = message(b, 4, []byte(a.String))
	case AttributeTensor:
		if a.Tensor != nil {
			b = message(b, 5, w.tensor(a.Tensor))
		}
	case AttributeGraph:
		if a.Graph != nil {
			b = message(b, 6, w.graph(a.Graph))
		}
	case AttributeFloats:
		for _, f := range a.Floats {
			b = protowire.AppendTag(b, 7, protowire.Fixed32Type)
			b = protowire.AppendFixed32(b, math.Float32bits(f))
		}
	case AttributeInts:
		for _, v := range a.Ints {
			b = protowire.AppendTag(b, 8, protowire.VarintType)
			b = protowire.AppendVarint(b, uint64(v))
		}
	case AttributeStrings:
		for _, s := range a.Strings {
			b = message(b, 9, []byte(s))
		}
	}
	return integer(b, 20, int64(a.Type))
}

func (w *writer) tensor(t *Tensor) (b []byte) {
	elements := int64(1)
	for _, d := range t.Dims {
		b = protowire.AppendTag(b, 1, protowire.VarintType)
		b = protowire.AppendVarint(b, uint64(d))
		elements *= d
	}
	b = integer(b, 2, int64(t.Type))
	b = text(b, 8, t.Name)
	external := t.External
	switch {
	case t.Floats != nil && t.Type == Double:
		raw := make([]byte, 0, 8*len(t.Floats))
		for _, v := range t.Floats {
			raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(v))
		}
		return message(b, 9, raw)
	case t.Floats != nil:
		raw := make([]byte, 0, 4*len(t.Floats))
		for _, v := range t.Floats {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(float32(v)))
		}
		return message(b, 9, raw)
	case t.Ints != nil && t.Type == Bool:
		raw := make([]byte, 0, len(t.Ints))
		for _, v := range t.Ints {
			raw = append(raw, byte(v))
		}
		return message(b, 9, raw)
	case t.Ints != nil && t.Type == Int32:
		raw := make([]byte, 0, 4*len(t.Ints))
		for _, v := range t.Ints {
			raw = binary.LittleEndian.AppendUint32(raw, uint32(v))
		}
		return message(b, 9, raw)
	case t.Ints != nil:
		raw := make([]byte, 0, 8*len(t.Ints))
		for _, v := range t.Ints {
			raw = binary.LittleEndian.AppendUint64(raw, uint64(v))
		}
		return message(b, 9, raw)
	case elements == 0: // nothing to store
		return b
	case external == nil:
		length := (elements*elementBits(t.Type) + 7) / 8
		external = []Entry{
			{"location", WeightsLeftOut},
			{"offset", strconv.FormatInt(w.offset, 10)},
			{"length", strconv.FormatInt(length, 10)},
		}
		w.offset += length
	}
	for _, e := range external {
		var p []byte
		p = text(p, 1, e.Key)
		p = text(p, 2, e.Value)
		b = message(b, 13, p)
	}
	return integer(b, 14, 1)
}

// elementBits is the size of an element in a file.
func elementBits(t DataType) int64 {
	switch t {
	case UInt2, Int2:
		return 2
	case UInt4, Int4, Float4:
		return 4
	case UInt8, Int8, Bool, 17, 18, 19, 20, 24: // and those of 8 bits with a fraction
		return 8
	case UInt16, Int16, Float16, BFloat16:
		return 16
	case Int64, Double, UInt64, 14: // complex64
		return 64
	case 15: // complex128
		return 128
	}
	return 32
}

func encodeValue(v *ValueInfo) (b []byte) {
	b = text(b, 1, v.Name)
	tensor := integer(nil, 1, int64(v.Type))
	if v.Shape != nil {
		var shape []byte
		for _, d := range v.Shape {
			var e []byte
			switch {
			case d.Known:
				e = protowire.AppendTag(e, 1, protowire.VarintType)
				e = protowire.AppendVarint(e, uint64(d.Value))
			default:
				e = text(e, 2, d.Symbol)
			}
			shape = message(shape, 1, e)
		}
		tensor = message(tensor, 2, shape)
	}
	return message(b, 2, message(nil, 1, tensor))
}

// text appends a string field, left out if empty.
func text(b []byte, num protowire.Number, s string) []byte {
	if s == "" {
		return b
	}
	b = protowire.AppendTag(b, num, protowire.BytesType)
	return protowire.AppendString(b, s)
}

// integer appends an integer field, left out if 0.
func integer(b []byte, num protowire.Number, v int64) []byte {
	if v == 0 {
		return b
	}
	b = protowire.AppendTag(b, num, protowire.VarintType)
	return protowire.AppendVarint(b, uint64(v))
}

// message appends a length-delimited field, also if empty.
func message(b []byte, num protowire.Number, payload []byte) []byte {
	b = protowire.AppendTag(b, num, protowire.BytesType)
	return protowire.AppendBytes(b, payload)
}
