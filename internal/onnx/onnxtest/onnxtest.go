// Package onnxtest builds ONNX models for tests. Only tests import it.
package onnxtest

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
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
