package onnx

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// The functions of this file decode one message of the ONNX IR each; the field
// numbers are those of its public definition (onnx.proto).

func decodeOpset(f field) (o Opset, err error) {
	err = f.message(func(f field) error {
		switch f.num {
		case 1:
			return f.text(&o.Domain)
		case 2:
			return f.integer(&o.Version)
		}
		return nil
	})
	return o, err
}

func decodeGraph(g *Graph, f field) error {
	return f.message(func(f field) error {
		switch f.num {
		case 1:
			n, err := decodeNode(f)
			if err != nil {
				return err
			}
			return add(&g.Nodes, n, maxNodes, "nodes")
		case 2:
			return f.text(&g.Name)
		case 5:
			t, err := decodeTensor(f)
			if err != nil {
				return err
			}
			return add(&g.Initializers, t, maxValues, "initializers")
		case 11:
			return decodeValue(&g.Inputs, f)
		case 12:
			return decodeValue(&g.Outputs, f)
		case 13:
			return decodeValue(&g.Values, f)
		case 15:
			t, err := decodeSparse(f)
			if err != nil {
				return err
			}
			return add(&g.Initializers, t, maxValues, "initializers")
		}
		return nil
	})
}

func decodeNode(f field) (n Node, err error) {
	err = f.message(func(f field) error {
		var s string
		switch f.num {
		case 1:
			if err := f.text(&s); err != nil {
				return err
			}
			return add(&n.Inputs, s, maxValues, "inputs of a node")
		case 2:
			if err := f.text(&s); err != nil {
				return err
			}
			return add(&n.Outputs, s, maxValues, "outputs of a node")
		case 3:
			return f.text(&n.Name)
		case 4:
			return f.text(&n.OpType)
		case 5:
			a, err := decodeAttribute(f)
			if err != nil {
				return err
			}
			return add(&n.Attributes, a, maxAttributes, "attributes of a node")
		case 7:
			return f.text(&n.Domain)
		}
		return nil
	})
	return n, err
}

func decodeAttribute(f field) (a Attribute, err error) {
	found := AttributeType(0) // type of the value met, for files that do not declare it
	other := false
	whole := f.bytes
	err = f.message(func(f field) error {
		switch f.num {
		case 1:
			return f.text(&a.Name)
		case 2:
			found = AttributeFloat
			a.Float = math.Float32frombits(uint32(f.value))
			return f.want(protowire.Fixed32Type)
		case 3:
			found = AttributeInt
			return f.integer(&a.Int)
		case 4:
			found = AttributeString
			return f.text(&a.String)
		case 5:
			found = AttributeTensor
			t, err := decodeTensor(f)
			a.Tensor = &t
			return err
		case 7:
			found = AttributeFloats
			return f.floats(&a.Floats)
		case 8:
			found = AttributeInts
			return f.integers(&a.Ints, maxValues)
		case 9:
			found = AttributeStrings
			var s string
			if err := f.text(&s); err != nil {
				return err
			}
			return add(&a.Strings, s, maxValues, "strings of an attribute")
		case 20:
			var v int64
			err := f.integer(&v)
			a.Type = AttributeType(v)
			return err
		case 6, 10, 11, 14, 15, 21, 22, 23:
			other = true
		}
		return nil
	})
	if a.Type == 0 {
		a.Type = found
	}
	if other {
		a = Attribute{Name: a.Name, Type: a.Type, Other: slices.Clone(whole)}
	}
	return a, err
}

// decodeTensor leaves the payload where it is, unless it is a small integer tensor's.
func decodeTensor(f field) (t Tensor, err error) {
	var raw []byte
	var values []int64
	external := false
	err = f.message(func(f field) error {
		var v int64
		switch f.num {
		case 1:
			return f.dims(&t.Dims)
		case 2:
			err := f.integer(&v)
			t.Type = DataType(v)
			return err
		case 5, 7: // int32_data, int64_data
			return f.integers(&values, MaxIntElements+1)
		case 8:
			return f.text(&t.Name)
		case 9:
			raw = f.bytes
			return f.want(protowire.BytesType)
		case 13:
			e, err := decodeEntry(f)
			if err != nil {
				return err
			}
			return add(&t.External, e, maxRank, "entries of external data")
		case 14:
			err := f.integer(&v)
			external = v == 1
			return err
		}
		return nil
	})
	if !external {
		t.Ints = smallInts(t, raw, values)
	}
	return t, err
}

// smallInts returns the elements of a small integer tensor, or nil if it is none
// or its payload does not fit its shape.
func smallInts(t Tensor, raw []byte, values []int64) []int64 {
	if t.Type != Int32 && t.Type != Int64 {
		return nil
	}
	n := int64(1)
	for _, d := range t.Dims {
		if d < 0 || d > MaxIntElements {
			return nil
		}
		if n *= d; n > MaxIntElements {
			return nil
		}
	}
	ints := make([]int64, 0, n)
	switch {
	case len(values) == int(n):
		return append(ints, values...)
	case t.Type == Int64 && len(raw) == int(8*n):
		for ; len(raw) > 0; raw = raw[8:] {
			ints = append(ints, int64(binary.LittleEndian.Uint64(raw)))
		}
		return ints
	case t.Type == Int32 && len(raw) == int(4*n):
		for ; len(raw) > 0; raw = raw[4:] {
			ints = append(ints, int64(int32(binary.LittleEndian.Uint32(raw))))
		}
		return ints
	}
	return nil
}

// decodeSparse reads a sparse initializer as a tensor without values.
func decodeSparse(f field) (t Tensor, err error) {
	err = f.message(func(f field) error {
		switch f.num {
		case 1: // values, which carry the name and the type
			v, err := decodeTensor(f)
			t.Name, t.Type = v.Name, v.Type
			return err
		case 3:
			return f.dims(&t.Dims)
		}
		return nil
	})
	return t, err
}

// dims appends the dimensions of a tensor.
func (f field) dims(into *[]int64) error {
	if err := f.integers(into, maxRank+1); err != nil {
		return err
	}
	if len(*into) > maxRank {
		return fmt.Errorf("the tensor at byte %d has more than %d dimensions", f.at, maxRank)
	}
	return nil
}

func decodeEntry(f field) (e Entry, err error) {
	err = f.message(func(f field) error {
		switch f.num {
		case 1:
			return f.text(&e.Key)
		case 2:
			return f.text(&e.Value)
		}
		return nil
	})
	return e, err
}

// decodeValue appends a ValueInfo; of its type only that of a dense tensor is read.
func decodeValue(list *[]ValueInfo, f field) error {
	var v ValueInfo
	err := f.message(func(f field) error {
		switch f.num {
		case 1:
			return f.text(&v.Name)
		case 2:
			return f.message(func(f field) error {
				if f.num == 1 { // tensor_type
					return decodeTensorType(&v, f)
				}
				return nil
			})
		}
		return nil
	})
	if err != nil {
		return err
	}
	return add(list, v, maxValues, "values")
}

func decodeTensorType(v *ValueInfo, f field) error {
	return f.message(func(f field) error {
		switch f.num {
		case 1:
			var t int64
			err := f.integer(&t)
			v.Type = DataType(t)
			return err
		case 2:
			v.Shape = []Dim{}
			return f.message(func(f field) error {
				if f.num != 1 {
					return nil
				}
				d, err := decodeDim(f)
				if err != nil {
					return err
				}
				return add(&v.Shape, d, maxRank, "dimensions of a value")
			})
		}
		return nil
	})
}

func decodeDim(f field) (d Dim, err error) {
	err = f.message(func(f field) error {
		switch f.num {
		case 1:
			d.Known = true
			return f.integer(&d.Value)
		case 2:
			return f.text(&d.Symbol)
		}
		return nil
	})
	return d, err
}
