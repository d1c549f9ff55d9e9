package onnx_test

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"streamdse/internal/diag"
	"streamdse/internal/onnx"
)

// nodeLine is "name: y, z = Conv(x, w) stride=2,2 auto_pad=VALID"; the name may be left out.
var nodeLine = regexp.MustCompile(`^(?:(\S+):\s+)?(\S.*?)\s*=\s*([\w.]+)\(([^)]*)\)\s*(.*)$`)

// parse builds a model from lines:
//
//	opset 11
//	input x 1x3x8x8      a network input; dimensions are numbers or symbols
//	init w 4x3x3x3       an initializer, "init s [1,-1]" and "init s f[1,0.5]" ones with values
//	input x:uint8 1x3    a type other than float
//	value y 1x4x8x8      a stored shape
//	y = Conv(x, w) ...   a node
//	output y             a network output, with a shape or without
func parse(t testing.TB, text string) *onnx.Model {
	t.Helper()
	m := &onnx.Model{Name: "test.onnx", IRVersion: 8, Opsets: []onnx.Opset{{Version: 13}}}
	g := &m.Graph
	g.Name = "test"
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		switch f[0] {
		case "opset":
			m.Opsets[0].Version = number64(t, f[1])
		case "input":
			g.Inputs = append(g.Inputs, info(t, f[1:]))
		case "value":
			g.Values = append(g.Values, info(t, f[1:]))
		case "output":
			g.Outputs = append(g.Outputs, info(t, f[1:]))
		case "init":
			w := onnx.Tensor{}
			w.Name, w.Type = typed(t, f[1])
			if values, ok := strings.CutPrefix(f[2], "f["); ok {
				w.Floats = floats(t, strings.Split(strings.TrimSuffix(values, "]"), ","))
				w.Dims = []int64{int64(len(w.Floats))}
			} else if list, ok := strings.CutPrefix(f[2], "["); ok {
				w.Type, w.Ints = onnx.Int64, numbers(t, strings.TrimSuffix(list, "]"))
				w.Dims = []int64{int64(len(w.Ints))}
			} else if f[2] != "scalar" {
				w.Dims = numbers(t, strings.ReplaceAll(f[2], "x", ","))
			}
			g.Initializers = append(g.Initializers, w)
		default:
			p := nodeLine.FindStringSubmatch(line)
			if p == nil {
				t.Fatalf("not a line of a model: %q", line)
			}
			n := onnx.Node{Name: p[1], OpType: p[3], Outputs: list(p[2]), Inputs: list(p[4])}
			if i := strings.LastIndex(n.OpType, "."); i >= 0 {
				n.Domain, n.OpType = n.OpType[:i], n.OpType[i+1:]
			}
			for _, a := range strings.Fields(p[5]) {
				n.Attributes = append(n.Attributes, attribute(t, a))
			}
			g.Nodes = append(g.Nodes, n)
		}
	}
	return m
}

// typed takes "x:uint8" apart.
func typed(t testing.TB, s string) (string, onnx.DataType) {
	name, typ, ok := strings.Cut(s, ":")
	if !ok {
		return name, onnx.Float32
	}
	types := map[string]onnx.DataType{"uint8": onnx.UInt8, "int8": onnx.Int8, "int32": onnx.Int32, "int64": onnx.Int64, "bool": onnx.Bool,
		"int4": onnx.Int4, "uint4": onnx.UInt4, "float16": onnx.Float16}
	if types[typ] == 0 {
		t.Fatalf("no type: %q", s)
	}
	return name, types[typ]
}

func floats(t testing.TB, parts []string) []float64 {
	var out []float64
	for _, p := range parts {
		v, err := strconv.ParseFloat(p, 64)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	return out
}

func list(s string) []string {
	if s == "" {
		return nil
	}
	parts := strings.Split(s, ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}

func info(t testing.TB, f []string) onnx.ValueInfo {
	v := onnx.ValueInfo{}
	v.Name, v.Type = typed(t, f[0])
	if len(f) == 1 {
		return v
	}
	v.Shape = []onnx.Dim{}
	if f[1] == "scalar" {
		return v
	}
	for _, d := range strings.Split(f[1], "x") {
		switch n, err := strconv.ParseInt(d, 10, 64); {
		case err == nil:
			v.Shape = append(v.Shape, onnx.Dim{Value: n, Known: true})
		case d == "?":
			v.Shape = append(v.Shape, onnx.Dim{})
		default:
			v.Shape = append(v.Shape, onnx.Dim{Symbol: d})
		}
	}
	return v
}

// attribute reads "axis=1", "perm=0,2,1", "one=1," (a list of one), "scales=1;1.5" (a
// list of floats) or "auto_pad=VALID".
func attribute(t testing.TB, s string) onnx.Attribute {
	name, v, _ := strings.Cut(s, "=")
	switch n, err := strconv.ParseInt(v, 10, 64); {
	case err == nil:
		return onnx.Attribute{Name: name, Type: onnx.AttributeInt, Int: n}
	case strings.Contains(v, ";"):
		a := onnx.Attribute{Name: name, Type: onnx.AttributeFloats}
		for _, f := range floats(t, strings.Split(v, ";")) {
			a.Floats = append(a.Floats, float32(f))
		}
		return a
	case strings.Contains(v, ",") && name != "equation":
		return onnx.Attribute{Name: name, Type: onnx.AttributeInts, Ints: numbers(t, strings.TrimSuffix(v, ","))}
	case v == "float":
		return onnx.Attribute{Name: name, Type: onnx.AttributeFloat, Float: 0.5}
	}
	if f, err := strconv.ParseFloat(v, 32); err == nil {
		return onnx.Attribute{Name: name, Type: onnx.AttributeFloat, Float: float32(f)}
	}
	return onnx.Attribute{Name: name, Type: onnx.AttributeString, String: v}
}

func numbers(t testing.TB, s string) []int64 {
	out := []int64{}
	for _, p := range list(s) {
		out = append(out, number64(t, p))
	}
	return out
}

func number64(t testing.TB, s string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// checkProblems expects an error with problems of the model that parse reads, whose
// messages contain the given texts, in order. It returns them if there are as many.
func checkProblems(t *testing.T, model string, err error, want []string) diag.List {
	t.Helper()
	var list diag.List
	if !errors.As(err, &list) || len(list) != len(want) {
		t.Errorf("%s\ngives %v, want %d problems", model, err, len(want))
		return nil
	}
	for i, p := range list {
		if p.File != "test.onnx" || !strings.Contains(p.Message, want[i]) {
			t.Errorf("%s\ngives %q, want %q", model, p.Message, want[i])
		}
	}
	return list
}
