package onnx_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"streamdse/internal/golden"
	"streamdse/internal/onnx"
	"streamdse/internal/onnx/onnxtest"
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

// TestPublicFiles reads every public model, writes it and reads it again, and makes
// a workload of it, with and without stored shapes.
func TestPublicFiles(t *testing.T) {
	root := golden.Shared(t, "data")
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
			for _, s := range o.Source.Origins() {
				if s.Kind != workload.FromLayer {
					continue
				}
				// What arrives is what the producer wrote, or what the last movement made of it.
				arrives := w.Layers[s.Layer].OutputShape
				if n := len(s.Via); n > 0 {
					arrives = s.Via[n-1].Shape
				}
				want := int64(1)
				for _, d := range arrives {
					want *= int64(d)
				}
				if got := l.Elements(o); got != want {
					t.Errorf("layer %d: operand %s has %d elements, %v arrive from layer %d", l.ID, o.Name, got, arrives, w.Layers[s.Layer].ID)
				}
				if s.Layer >= i {
					t.Errorf("layer %d reads a later layer", l.ID)
				}
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

// BenchmarkLight loads every public model below 1 MB, and makes its layers.
func BenchmarkLight(b *testing.B) {
	root := golden.Shared(b, "data")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".onnx" {
			return err
		}
		data, err := os.ReadFile(path)
		if err == nil && len(data) < 1<<20 {
			b.Run(filepath.ToSlash(path[len(root)+1:]), func(b *testing.B) { onnxtest.BenchmarkLoad(b, data) })
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
}
