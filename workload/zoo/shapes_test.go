package zoo_test

import (
	"testing"

	"streamdse/internal/onnx"
	"streamdse/internal/onnx/onnxtest"
	"streamdse/workload/zoo"
)

// TestShapesIndependent compares the shape of every tensor of every exported network,
// weights included, with what the reference implementation of ONNX found.
func TestShapesIndependent(t *testing.T) {
	compared := map[string]bool{}
	for _, table := range onnxtest.Tables(t, "testdata/shapes.tsv") {
		name := table.Models[0]
		compared[name] = true
		t.Run(name, func(t *testing.T) {
			file, err := zoo.Export(name)
			if err != nil {
				t.Fatal(err)
			}
			m, err := onnx.Read(name, file)
			if err != nil {
				t.Fatal(err)
			}
			if same, unknown := table.Compare(t, m); same == 0 || unknown != 0 {
				t.Errorf("%d tensors are the same, %d unknown", same, unknown)
			}
		})
	}
	for _, name := range zoo.Names() {
		if !compared[name] {
			t.Errorf("%s has no table", name)
		}
	}
}

// BenchmarkLight loads every exported network below 1 MB, and makes its layers.
func BenchmarkLight(b *testing.B) {
	for _, name := range zoo.Names() {
		file, err := zoo.Export(name)
		if err != nil {
			b.Fatal(err)
		}
		if len(file) < 1<<20 {
			b.Run(name, func(b *testing.B) { onnxtest.BenchmarkLoad(b, file) })
		}
	}
}
