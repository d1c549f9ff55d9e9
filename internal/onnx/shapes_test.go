package onnx_test

import (
	"io/fs"
	"path/filepath"
	"testing"

	"streamdse/internal/golden"
	"streamdse/internal/onnx"
	"streamdse/internal/onnx/onnxtest"
)

// TestShapesIndependent compares the shape of every tensor of every public model
// with what the reference implementation of ONNX found, without any stored shape.
// It knows no operator of ONNX Runtime, so that the three tensors behind one have
// no figure.
func TestShapesIndependent(t *testing.T) {
	root := golden.Shared(t, "data")
	compared, unknown := map[string]bool{}, 0
	for _, table := range onnxtest.Tables(t, "testdata/shapes.tsv") {
		for i, name := range table.Models {
			m, err := onnx.ReadFile(filepath.Join(root, name))
			if err != nil {
				t.Fatal(err)
			}
			t.Run(name, func(t *testing.T) {
				same, not := table.Compare(t, m)
				if same == 0 {
					t.Error("nothing was compared")
				}
				if i == 0 {
					unknown += not
				}
			})
			compared[name] = true
		}
	}
	if unknown != 3 {
		t.Errorf("%d tensors have no figure, want 3", unknown)
	}
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".onnx" && !compared[filepath.ToSlash(path[len(root)+1:])] {
			t.Errorf("%s has no table", path[len(root)+1:])
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
