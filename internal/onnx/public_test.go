package onnx_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"streamdse/internal/diag"
	"streamdse/internal/golden"
	"streamdse/internal/onnx"
	"streamdse/workload"
)

// withoutShapes is a copy of a model that knows the shapes of its inputs only.
func withoutShapes(m *onnx.Model) *onnx.Model {
	c := m.Clone()
	c.Graph.Values = nil
	for i := range c.Graph.Outputs {
		c.Graph.Outputs[i].Shape = nil
	}
	return c
}

// TestPublicFiles reads every public model, writes it and reads it again; those
// with supported operators become workloads, with and without stored shapes; the
// others give one problem a node with an unknown operator.
func TestPublicFiles(t *testing.T) {
	root := golden.Shared(t, "data")
	unsupported := map[string]string{ // file name: operators
		"inception_v2.onnx":   "Concat",
		"squeezenet.onnx":     "Concat DequantizeLinear QLinearConv QLinearGlobalAveragePool QuantizeLinear",
		"alexnet.onnx":        "LRN",
		"attention_head.onnx": "LpNormalization", // of 2024; that of 2026 has a Softmax
	}
	models := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".onnx" {
			return err
		}
		models++
		t.Run(path[len(root)+1:], func(t *testing.T) {
			m, err := onnx.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			b := onnx.Write(m)
			again, err := onnx.Read(path, b)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(b, onnx.Write(again)) {
				t.Error("written again, the bytes differ")
			}
			w, err := onnx.Workload(m, onnx.Options{})
			want := strings.Fields(unsupported[filepath.Base(path)])
			if strings.Contains(path, "2026") {
				want = nil
			}
			if len(want) > 0 {
				checkUnsupported(t, m, err, want)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			bare, err := onnx.Workload(withoutShapes(m), onnx.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(w, bare); diff != "" {
				t.Errorf("(-stored shapes +inferred):\n%s", diff)
			}
			checkSizes(t, w)
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if models == 0 {
		t.Error("there are no models")
	}
}

func checkUnsupported(t *testing.T, m *onnx.Model, err error, ops []string) {
	t.Helper()
	var list diag.List
	if !errors.As(err, &list) {
		t.Fatalf("got %v, want a list of operators", err)
	}
	nodes := 0
	for _, n := range m.Graph.Nodes {
		for _, op := range ops {
			if n.OpType == op {
				nodes++
			}
		}
	}
	if len(list) != nodes {
		t.Errorf("%d problems, want one for each of %d nodes:\n%v", len(list), nodes, list)
	}
	for _, p := range list {
		if p.File != m.Name || !strings.HasPrefix(p.Message, "node ") || !strings.HasSuffix(p.Message, " is not supported") ||
			!strings.Contains(p.Allowed, "Conv") {
			t.Errorf("problem %q does not name file, node and the supported operators", p)
		}
	}
}

// checkSizes compares the size of every output with the tensor's shape, and of
// every computed input with what its producer wrote.
func checkSizes(t *testing.T, w *workload.Workload) {
	t.Helper()
	for i := range w.Layers {
		l := &w.Layers[i]
		n := int64(1)
		for _, d := range l.OutputShape {
			n *= int64(d)
		}
		if got := l.Elements(&l.Operands[0]); got != n {
			t.Errorf("layer %d: output of %d elements for shape %v", l.ID, got, l.OutputShape)
		}
		for j := range l.Operands[1:] {
			o := &l.Operands[j+1]
			if o.Source.Kind != workload.FromLayer {
				continue
			}
			from := &w.Layers[o.Source.Layer]
			if got, want := l.Elements(o), from.Elements(&from.Operands[0]); got != want {
				t.Errorf("layer %d: operand %s has %d elements, layer %d wrote %d", l.ID, o.Name, got, from.ID, want)
			}
			if o.Source.Layer >= i {
				t.Errorf("layer %d reads a later layer", l.ID)
			}
		}
	}
}

func BenchmarkReadResNet18(b *testing.B) {
	data, err := os.ReadFile(golden.Shared(b, "data/stream-2024/examples/workload/resnet18.onnx"))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := onnx.Read("resnet18", data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWorkloadResNet18(b *testing.B) {
	m, err := onnx.ReadFile(golden.Shared(b, "data/stream-2024/examples/workload/resnet18.onnx"))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := onnx.Workload(m, onnx.Options{FoldActivations: true}); err != nil {
			b.Fatal(err)
		}
	}
}
