package onnx

import (
	"io"

	"google.golang.org/protobuf/encoding/protowire"
)

// Annotate writes an encoded model with the shapes of its values: data is the
// model, inferred what Infer made of it. All else is copied as it is, weights and
// functions included.
func Annotate(w io.Writer, data []byte, inferred *Model) error {
	a := annotation{w: w, shapes: map[string]ValueInfo{}}
	g := &inferred.Graph
	for _, list := range [][]ValueInfo{g.Inputs, g.Outputs, g.Values} {
		for _, v := range list {
			if v.Shape != nil {
				a.shapes[v.Name] = v
			}
		}
	}
	return a.each(data, func(f field, raw []byte) error {
		if f.num != 7 {
			return a.write(raw)
		}
		pieces, err := a.graph(f.bytes)
		if err != nil {
			return err
		}
		size := 0
		for _, p := range pieces {
			size += len(p)
		}
		head := protowire.AppendVarint(protowire.AppendTag(nil, 7, protowire.BytesType), uint64(size))
		if err := a.write(head); err != nil {
			return err
		}
		for _, p := range pieces {
			if err := a.write(p); err != nil {
				return err
			}
		}
		return nil
	})
}

type annotation struct {
	w      io.Writer
	shapes map[string]ValueInfo
}

func (a *annotation) write(b []byte) error {
	_, err := a.w.Write(b)
	return err
}

// each visits the fields of a message with their encodings.
func (a *annotation) each(data []byte, visit func(f field, raw []byte) error) error {
	rest := data
	return each(data, 0, func(f field) error {
		_, _, n := protowire.ConsumeField(rest)
		raw := rest[:n]
		rest = rest[len(raw):]
		return visit(f, raw)
	})
}

// graph lists the encoded fields of a graph, with the shapes of its inputs and
// outputs replaced, and those of what its nodes compute at the end. Graphs within
// nodes stay as they are.
func (a *annotation) graph(data []byte) ([][]byte, error) {
	var pieces [][]byte
	var names []string
	listed := map[string]bool{}
	err := a.each(data, func(f field, raw []byte) error {
		switch f.num {
		case 1: // node
			if err := f.message(func(f field) error {
				if f.num == 2 && f.typ == protowire.BytesType {
					names = append(names, string(f.bytes))
				}
				return nil
			}); err != nil {
				return err
			}
		case 11, 12, 13: // input, output, value_info
			var list []ValueInfo
			if err := decodeValue(&list, f); err != nil {
				return err
			}
			v, known := a.shapes[list[0].Name]
			listed[v.Name] = true
			if known {
				raw = message(nil, f.num, encodeValue(&v))
			}
		}
		pieces = append(pieces, raw)
		return nil
	})
	for _, name := range names {
		if v, known := a.shapes[name]; known && !listed[name] {
			listed[name] = true
			pieces = append(pieces, message(nil, 13, encodeValue(&v)))
		}
	}
	return pieces, err
}
