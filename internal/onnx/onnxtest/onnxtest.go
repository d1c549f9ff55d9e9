// Package onnxtest builds ONNX models for tests, and compares their shapes with
// what another implementation of ONNX found. Only tests import it.
package onnxtest

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"streamdse/internal/golden"
	"streamdse/internal/onnx"
)

// Model returns a measured run's network as an ONNX model: nodes in the order
// measured, values by ascending name.
func Model(t testing.TB, net golden.Network) *onnx.Model {
	t.Helper()
	m := &onnx.Model{Name: "network", IRVersion: 8, Opsets: []onnx.Opset{{Version: 13}}}
	g := &m.Graph
	g.Name = "network"
	g.Inputs, g.Outputs, g.Values = infos(net.Inputs), infos(net.Outputs), infos(net.Values)
	for _, v := range infos(net.Initializers) {
		w := onnx.Tensor{Name: v.Name, Type: v.Type, Dims: make([]int64, len(v.Shape))}
		for i, d := range v.Shape {
			w.Dims[i] = d.Value
		}
		g.Initializers = append(g.Initializers, w)
	}
	for _, n := range net.Nodes {
		node := onnx.Node{Name: n.Name, OpType: n.Op, Inputs: n.Inputs, Outputs: n.Outputs}
		for _, name := range slices.Sorted(maps.Keys(n.Attrs)) {
			node.Attributes = append(node.Attributes, attribute(t, name, n.Attrs[name]))
		}
		g.Nodes = append(g.Nodes, node)
	}
	return m
}

func infos(shapes map[string][]int) []onnx.ValueInfo {
	var vs []onnx.ValueInfo
	for _, name := range slices.Sorted(maps.Keys(shapes)) {
		vs = append(vs, onnx.ValueInfo{Name: name, Type: onnx.Float32, Shape: onnx.Static(shapes[name]...)})
	}
	return vs
}

// attribute reads a number, a list of numbers or a string.
func attribute(t testing.TB, name string, raw json.RawMessage) onnx.Attribute {
	t.Helper()
	a := onnx.Attribute{Name: name}
	var err error
	switch raw = bytes.TrimSpace(raw); {
	case len(raw) > 0 && raw[0] == '[':
		a.Type = onnx.AttributeInts
		err = json.Unmarshal(raw, &a.Ints)
	case len(raw) > 0 && raw[0] == '"':
		a.Type = onnx.AttributeString
		err = json.Unmarshal(raw, &a.String)
	case bytes.ContainsAny(raw, ".eE"):
		a.Type = onnx.AttributeFloat
		err = json.Unmarshal(raw, &a.Float)
	default:
		a.Type = onnx.AttributeInt
		err = json.Unmarshal(raw, &a.Int)
	}
	if err != nil {
		t.Fatalf("attribute %s: %v", name, err)
	}
	return a
}

// Table is what another implementation of ONNX says of a model's tensors.
type Table struct {
	Models []string // the files, or the name, of the model
	// Shapes are pairs of a tensor that a node computes and its shape as "1x3x8",
	// "scalar", or "?" if it was not found.
	Shapes [][2]string
}

// Tables reads a file of shapes.
func Tables(t testing.TB, path string) []Table {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var list []Table
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSuffix(line, "\n")
		if models, ok := strings.CutPrefix(line, "# model "); ok {
			list = append(list, Table{Models: strings.Fields(models)})
			continue
		}
		if name, shape, ok := strings.Cut(line, "\t"); ok && len(list) > 0 {
			last := &list[len(list)-1]
			last.Shapes = append(last.Shapes, [2]string{name, shape})
		}
	}
	return list
}

// Compare infers the shapes of a model from those of its inputs and weights alone
// and compares them with the table. It returns how many tensors are the same and
// how many the table does not know.
func (table Table) Compare(t testing.TB, m *onnx.Model) (same, unknown int) {
	t.Helper()
	c := m.Clone()
	c.Graph.Values = nil
	for i := range c.Graph.Outputs {
		c.Graph.Outputs[i].Shape = nil
	}
	c, _, err := onnx.Infer(c)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, list := range [][]onnx.ValueInfo{c.Graph.Values, c.Graph.Outputs} {
		for _, v := range list {
			dims := make([]string, len(v.Shape))
			for i, d := range v.Shape {
				dims[i] = strconv.FormatInt(d.Value, 10)
			}
			found[v.Name] = "scalar"
			if len(dims) > 0 {
				found[v.Name] = strings.Join(dims, "x")
			}
		}
	}
	computed := 0
	for _, n := range c.Graph.Nodes {
		for _, o := range n.Outputs {
			if o != "" {
				computed++
			}
		}
	}
	if computed != len(table.Shapes) {
		t.Errorf("the nodes compute %d tensors, the table has %d", computed, len(table.Shapes))
	}
	for _, pair := range table.Shapes {
		switch got := found[pair[0]]; {
		case got == "":
			t.Errorf("tensor %q has no shape, want %s", pair[0], pair[1])
		case pair[1] == "?":
			unknown++
		case got != pair[1]:
			t.Errorf("tensor %q is %s, want %s", pair[0], got, pair[1])
		default:
			same++
		}
	}
	return same, unknown
}

// BenchmarkLoad reads a model and makes its layers.
func BenchmarkLoad(b *testing.B, file []byte) {
	b.ReportAllocs()
	for b.Loop() {
		m, err := onnx.Read("model", file)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := onnx.Workload(m, onnx.Options{FoldActivations: true}); err != nil {
			b.Fatal(err)
		}
	}
}
