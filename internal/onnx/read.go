package onnx

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"

	"google.golang.org/protobuf/encoding/protowire"

	"streamdse/internal/diag"
)

// Limits on what a model may declare: far above any real network, low enough
// that a damaged file cannot ask for unbounded memory.
const (
	maxNodes      = 1 << 20
	maxValues     = 1 << 22
	maxAttributes = 1 << 12 // of one node
	maxArguments  = 1 << 14 // inputs or outputs of one node
	maxRank       = 64
	maxDepth      = 16 // of graphs within graphs
)

// ReadFile reads the model of the given path. The file is mapped, not loaded,
// where the system can do that, so that weights stay on the disk.
func ReadFile(path string) (m *Model, err error) {
	err = WithFile(path, func(data []byte) error {
		m, err = Read(path, data)
		return err
	})
	return m, err
}

// WithFile calls use with the content of a file, which is mapped where the system
// can do that. The content must not be used afterwards.
func WithFile(path string, use func(data []byte) error) error {
	data, release, err := mapFile(path)
	if err != nil {
		hint := ""
		if errors.Is(err, os.ErrNotExist) {
			hint = "check the path; a built-in workload is named without a path and extension"
		}
		var pe *os.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		return diag.List{{File: path, Message: "cannot read the ONNX model: " + err.Error(), Hint: hint}}
	}
	defer release()
	return use(data)
}

func readFile(path string) (data []byte, release func(), err error) {
	data, err = os.ReadFile(path)
	return data, func() {}, err
}

// Read decodes a model in one pass over its bytes. Nothing of the result refers
// to data afterwards, and tensor payloads are never copied except small integer
// tensors. The name is used in messages. An error is a diag.List with one problem.
func Read(name string, data []byte) (*Model, error) {
	m := &Model{Name: name}
	if p := decodeModel(m, data); p != nil {
		p.File = name
		return nil, diag.List{*p}
	}
	return m, nil
}

func decodeModel(m *Model, data []byte) *diag.Problem {
	const export = "export the model again, e.g. with torch.onnx.export"
	switch {
	case len(data) == 0:
		return &diag.Problem{Message: "the file is empty, not an ONNX model", Hint: export}
	case bytes.HasPrefix(data, []byte("version https://git-lfs")):
		return &diag.Problem{Message: "the file is a Git LFS pointer, not the ONNX model itself", Hint: "fetch the model with: git lfs pull"}
	}
	seen, graph := false, false // a field of a model; the graph
	err := each(data, 0, func(f field) error {
		if known, ok := modelFields[f.num]; !ok || known != f.typ {
			return fmt.Errorf("field %d at byte %d is none of a model's", f.num, f.at)
		}
		seen = true
		switch f.num {
		case 1:
			m.IRVersion = int64(f.value)
		case 2:
			m.Producer = string(f.bytes)
		case 3:
			m.ProducerVersion = string(f.bytes)
		case 7:
			graph = true
			return decodeGraph(&m.Graph, f, 0)
		case 8:
			o, err := decodeOpset(f)
			if err != nil {
				return err
			}
			if len(m.Opsets) < maxAttributes {
				m.Opsets = append(m.Opsets, o)
			}
		case 25:
			fn, err := decodeFunction(f)
			if err != nil {
				return err
			}
			return add(&m.Functions, fn, maxAttributes, "functions")
		}
		return nil
	})
	var cut *truncated
	switch {
	case errors.As(err, &cut) && seen:
		return &diag.Problem{
			Message: fmt.Sprintf("the ONNX model is cut short: %s at byte %d has %d bytes, only %d are left", cut.what, cut.at, cut.want, cut.have),
			Hint:    "copy or download the file again"}
	case err != nil && graph:
		return &diag.Problem{Message: "the ONNX model is damaged: " + err.Error(), Hint: "copy or download the file again, or " + export}
	case err != nil:
		return &diag.Problem{Message: "this is not an ONNX model: " + err.Error(), Hint: export}
	case !graph:
		return &diag.Problem{Message: "this is not an ONNX model: it has no graph", Hint: export}
	}
	return nil
}

// modelFields are the fields of the encoding's ModelProto with their wire types.
var modelFields = map[protowire.Number]protowire.Type{
	1:  protowire.VarintType, // ir_version
	2:  protowire.BytesType,  // producer_name
	3:  protowire.BytesType,  // producer_version
	4:  protowire.BytesType,  // domain
	5:  protowire.VarintType, // model_version
	6:  protowire.BytesType,  // doc_string
	7:  protowire.BytesType,  // graph
	8:  protowire.BytesType,  // opset_import
	14: protowire.BytesType,  // metadata_props
	20: protowire.BytesType,  // training_info
	25: protowire.BytesType,  // functions
	26: protowire.BytesType,  // configuration
}

// field is one field of a protobuf message.
type field struct {
	num   protowire.Number
	typ   protowire.Type
	value uint64 // of a varint, fixed32 or fixed64
	bytes []byte // of a length-delimited field
	at    int    // offset in the file of bytes, or of the field if it has none
}

// truncated is the error of a field that reaches beyond the end of what it lies in.
type truncated struct {
	what           string
	at, want, have int
}

func (t *truncated) Error() string {
	return fmt.Sprintf("%s at byte %d needs %d bytes, only %d are left", t.what, t.at, t.want, t.have)
}

// each calls visit for every field of a message that begins at offset at of the file.
func each(b []byte, at int, visit func(field) error) error {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return fmt.Errorf("byte %d begins no field", at)
		}
		f := field{num: num, typ: typ, at: at}
		rest := b[n:]
		var m int
		switch typ {
		case protowire.VarintType:
			f.value, m = protowire.ConsumeVarint(rest)
		case protowire.Fixed32Type:
			var v uint32
			v, m = protowire.ConsumeFixed32(rest)
			f.value = uint64(v)
		case protowire.Fixed64Type:
			f.value, m = protowire.ConsumeFixed64(rest)
		case protowire.BytesType:
			size, k := protowire.ConsumeVarint(rest)
			if k >= 0 && size > uint64(len(rest)-k) {
				return &truncated{fmt.Sprintf("field %d", num), at, int(min(size, math.MaxInt64)), len(rest) - k}
			}
			f.bytes, m = protowire.ConsumeBytes(rest)
			f.at = at + n + k
		default:
			return fmt.Errorf("field %d at byte %d has an encoding that ONNX does not use", num, at)
		}
		if m < 0 {
			if len(rest) < 10 {
				return &truncated{fmt.Sprintf("field %d", num), at, len(rest) + 1, len(rest)}
			}
			return fmt.Errorf("field %d at byte %d is malformed", num, at)
		}
		if err := visit(f); err != nil {
			return err
		}
		b, at = rest[m:], at+n+m
	}
	return nil
}

// message visits the fields of an embedded message.
func (f field) message(visit func(field) error) error {
	if err := f.want(protowire.BytesType); err != nil {
		return err
	}
	return each(f.bytes, f.at, visit)
}

func (f field) want(t protowire.Type) error {
	if f.typ != t {
		return fmt.Errorf("field %d at byte %d has the wrong wire type", f.num, f.at)
	}
	return nil
}

// text reads a string.
func (f field) text(into *string) error {
	if err := f.want(protowire.BytesType); err != nil {
		return err
	}
	*into = string(f.bytes)
	return nil
}

// integer reads an integer.
func (f field) integer(into *int64) error {
	if err := f.want(protowire.VarintType); err != nil {
		return err
	}
	*into = int64(f.value)
	return nil
}

// integers appends the elements of a repeated integer, packed or not, as far as
// there are no more than limit of them; the count goes on.
func (f field) integers(into *[]int64, limit int) error {
	if f.typ != protowire.BytesType {
		var v int64
		if err := f.integer(&v); err != nil {
			return err
		}
		if len(*into) < limit {
			*into = append(*into, v)
		}
		return nil
	}
	for b := f.bytes; len(b) > 0 && len(*into) < limit; {
		v, n := protowire.ConsumeVarint(b)
		if n < 0 {
			return fmt.Errorf("the list of numbers at byte %d is malformed", f.at)
		}
		*into = append(*into, int64(v))
		b = b[n:]
	}
	return nil
}

// fixed appends the elements of a repeated float or double, of 4 or 8 bytes, as
// far as there are few enough to be kept.
func (f field) fixed(into *[]float64, width int) error {
	b := f.bytes
	switch {
	case f.typ == protowire.Fixed32Type && width == 4:
		b = binary.LittleEndian.AppendUint32(nil, uint32(f.value))
	case f.typ == protowire.Fixed64Type && width == 8:
		b = binary.LittleEndian.AppendUint64(nil, f.value)
	default:
		if err := f.want(protowire.BytesType); err != nil {
			return err
		}
	}
	for ; len(b) >= width && len(*into) <= MaxFloatElements; b = b[width:] {
		if width == 4 {
			*into = append(*into, float64(math.Float32frombits(binary.LittleEndian.Uint32(b))))
		} else {
			*into = append(*into, math.Float64frombits(binary.LittleEndian.Uint64(b)))
		}
	}
	return nil
}

// floats appends the elements of a repeated float, packed or not.
func (f field) floats(into *[]float32) error {
	if f.typ != protowire.BytesType {
		if err := f.want(protowire.Fixed32Type); err != nil {
			return err
		}
		*into = append(*into, math.Float32frombits(uint32(f.value)))
		return nil
	}
	if len(f.bytes)%4 != 0 {
		return fmt.Errorf("the list of numbers at byte %d is malformed", f.at)
	}
	for b := f.bytes; len(b) > 0; b = b[4:] {
		*into = append(*into, math.Float32frombits(binary.LittleEndian.Uint32(b)))
	}
	return nil
}

// add appends v to a list that may not grow beyond limit.
func add[T any](list *[]T, v T, limit int, what string) error {
	if len(*list) >= limit {
		return fmt.Errorf("there are more than %d %s", limit, what)
	}
	*list = append(*list, v)
	return nil
}
