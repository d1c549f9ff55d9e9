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

func decodeGraph(g *Graph, f field, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("graphs are nested more than %d deep at byte %d", maxDepth, f.at)
	}
	// Nodes and initializers that mean something take at least 11 bytes. Counted first,
	// the lists take no more memory than they need.
	most := min(len(f.bytes)/11+1, maxNodes)
	var count [16]int
	if err := f.message(func(f field) error {
		if int(f.num) < len(count) {
			count[f.num]++
		}
		return nil
	}); err != nil {
		return err
	}
	room(&g.Nodes, count[1], len(f.bytes))
	room(&g.Initializers, count[5]+count[15], len(f.bytes))
	room(&g.Inputs, count[11], len(f.bytes))
	room(&g.Outputs, count[12], len(f.bytes))
	room(&g.Values, count[13], len(f.bytes))
	return f.message(func(f field) error {
		switch f.num {
		case 1:
			n, err := decodeNode(f, depth)
			if err != nil {
				return err
			}
			return add(&g.Nodes, n, most, "nodes, which its size has no room for")
		case 2:
			return f.text(&g.Name)
		case 5:
			t, err := decodeTensor(f)
			if err == nil && t.Name == "" {
				err = fmt.Errorf("the initializer at byte %d has no name", f.at)
			}
			if err != nil {
				return err
			}
			return add(&g.Initializers, t, most, "initializers, which its size has no room for")
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
			return add(&g.Initializers, t, most, "initializers, which its size has no room for")
		}
		return nil
	})
}

// room makes place for n elements more in a list that stands in the given number
// of bytes: whatever has a name takes a few.
func room[T any](list *[]T, n, bytes int) {
	if n = min(n, bytes/11+1); n > 0 {
		*list = slices.Grow(*list, n)
	}
}

func decodeFunction(f field) (fn Function, err error) {
	name := func(list *[]string, f field) error {
		var s string
		if err := f.text(&s); err != nil {
			return err
		}
		return add(list, s, maxValues, "names of a function")
	}
	err = f.message(func(f field) error {
		switch f.num {
		case 1:
			return f.text(&fn.Name)
		case 4:
			return name(&fn.Inputs, f)
		case 5:
			return name(&fn.Outputs, f)
		case 6:
			return name(&fn.Attributes, f)
		case 7:
			n, err := decodeNode(f, 1)
			if err != nil {
				return err
			}
			return add(&fn.Nodes, n, maxNodes, "nodes")
		case 9:
			o, err := decodeOpset(f)
			if err != nil {
				return err
			}
			return add(&fn.Opsets, o, maxAttributes, "operator sets of a function")
		case 10:
			return f.text(&fn.Domain)
		case 11:
			a, err := decodeAttribute(f, 1)
			if err != nil {
				return err
			}
			return add(&fn.Defaults, a, maxAttributes, "attributes of a function")
		}
		return nil
	})
	return fn, err
}

func decodeNode(f field, depth int) (n Node, err error) {
	at := f.at
	err = f.message(func(f field) error {
		var s string
		switch f.num {
		case 1:
			if err := f.text(&s); err != nil {
				return err
			}
			return add(&n.Inputs, s, maxArguments, "inputs of a node")
		case 2:
			if err := f.text(&s); err != nil {
				return err
			}
			return add(&n.Outputs, s, maxArguments, "outputs of a node")
		case 3:
			return f.text(&n.Name)
		case 4:
			return f.text(&n.OpType)
		case 5:
			a, err := decodeAttribute(f, depth)
			if err != nil {
				return err
			}
			return add(&n.Attributes, a, maxAttributes, "attributes of a node")
		case 7:
			return f.text(&n.Domain)
		}
		return nil
	})
	if err == nil && n.OpType == "" {
		err = fmt.Errorf("the node at byte %d names no operator", at)
	}
	return n, err
}

func decodeAttribute(f field, depth int) (a Attribute, err error) {
	found := AttributeType(0) // type of the value met, for files that do not declare it
	other := false
	whole := f
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
		case 6:
			found = AttributeGraph
			a.Graph = &Graph{}
			return decodeGraph(a.Graph, f, depth+1)
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
		case 21:
			return f.text(&a.Reference)
		case 10, 11, 14, 15, 22, 23:
			other = true
		}
		return nil
	})
	if err == nil && a.Name == "" {
		err = fmt.Errorf("the attribute at byte %d has no name", whole.at)
	}
	if a.Type == 0 {
		a.Type = found
	}
	if other {
		a = Attribute{Name: a.Name, Type: a.Type, Other: slices.Clone(whole.bytes)}
	}
	return a, err
}

// decodeTensor leaves the payload where it is, unless it is a small tensor's.
func decodeTensor(f field) (t Tensor, err error) {
	var raw []byte
	var ints []int64
	var floats []float64
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
		case 4: // float_data
			return f.fixed(&floats, 4)
		case 5, 7: // int32_data, int64_data
			return f.integers(&ints, MaxIntElements+1)
		case 8:
			return f.text(&t.Name)
		case 9:
			raw = f.bytes
			return f.want(protowire.BytesType)
		case 10: // double_data
			return f.fixed(&floats, 8)
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
		t.keep(raw, ints, floats)
	}
	return t, err
}

// keep takes over the elements of a small tensor, unless the payload does not fit
// the shape.
func (t *Tensor) keep(raw []byte, ints []int64, floats []float64) {
	width := 0
	limit := int64(MaxIntElements)
	switch t.Type {
	case Bool:
		width = 1
	case Int32:
		width = 4
	case Int64:
		width = 8
	case Float32:
		width, limit = 4, MaxFloatElements
	case Double:
		width, limit = 8, MaxFloatElements
	default:
		return
	}
	n := int64(1)
	for _, d := range t.Dims {
		if d < 0 || d > limit {
			return
		}
		if n *= d; n > limit {
			return
		}
	}
	element := func(i int) uint64 {
		switch b := raw[i*width:]; width {
		case 1:
			return uint64(b[0])
		case 4:
			return uint64(binary.LittleEndian.Uint32(b))
		default:
			return binary.LittleEndian.Uint64(b)
		}
	}
	inRaw := len(raw) == int(n)*width && (n > 0 || len(ints)+len(floats) == 0)
	if t.Type == Float32 || t.Type == Double {
		switch {
		case n == 0:
		case inRaw:
			t.Floats = make([]float64, n)
			for i := range t.Floats {
				if t.Type == Double {
					t.Floats[i] = math.Float64frombits(element(i))
				} else {
					t.Floats[i] = float64(math.Float32frombits(uint32(element(i))))
				}
			}
		case len(floats) == int(n):
			t.Floats = floats
		}
		return
	}
	switch {
	case inRaw:
		t.Ints = make([]int64, n)
		for i := range t.Ints {
			t.Ints[i] = int64(element(i))
			if t.Type == Int32 {
				t.Ints[i] = int64(int32(t.Ints[i]))
			}
		}
	case len(ints) == int(n):
		t.Ints = append(make([]int64, 0, n), ints...)
	}
}

// decodeSparse reads a sparse initializer as a tensor without values.
func decodeSparse(f field) (t Tensor, err error) {
	err = f.message(func(f field) error {
		switch f.num {
		case 1: // values, which carry the name and the type
			v, err := decodeTensor(f)
			t.Name, t.Type = v.Name, v.Type
			if err == nil && t.Name == "" {
				err = fmt.Errorf("the sparse initializer at byte %d has no name", f.at)
			}
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
	if v.Name == "" {
		return fmt.Errorf("the value at byte %d has no name", f.at)
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
