package stream

import (
	"context"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"streamdse/internal/golden"
	"streamdse/internal/onnx"
	"streamdse/internal/onnx/onnxtest"
)

// TestPublicAccelerators runs a small network on every public accelerator under a
// generated mapping, in both modes. The files that cannot are listed with what they
// are told.
func TestPublicAccelerators(t *testing.T) {
	refused := map[string]string{
		"stream-2026/aie/hardware/single_col.yaml":        "none of its cores has processing elements",
		"stream-2026/aie/hardware/single_core.yaml":       "none of its cores has processing elements",
		"stream-2026/aie/hardware/whole_array.yaml":       "none of its cores has processing elements",
		"stream-2026/aie/hardware/whole_array_strix.yaml": "none of its cores has processing elements",
		// Its vector units take no pooling: a network without does, see below.
		"stream-2026/examples/hardware/tpu_v7_ironwood.yaml": `"gap" cannot run on any of its cores (no core is allowed)`,
	}
	networks := golden.Load(t).Workloads
	root := golden.Shared(t, "data")
	run := func(t *testing.T, path, network string) error {
		p, sources, err := Load(Inputs{Workload: "resnet18", Hardware: path, Mapping: "generated"})
		if err != nil {
			return err
		}
		if sources.Mapping.Name != "generated" || len(sources.Mapping.SHA256) != 64 {
			t.Errorf("mapping from %+v", sources.Mapping)
		}
		if p.Workload, err = onnx.Workload(onnxtest.Model(t, networks[network]), onnx.Options{}); err != nil {
			t.Fatal(err)
		}
		o := DefaultOptions()
		o.Evaluations = 40
		for _, o.Mode = range []Mode{LayerByLayer, Fused} {
			r, err := Run(context.Background(), p, o)
			if err != nil {
				return err
			}
			checkPlausible(t, p, r)
		}
		return nil
	}
	ran := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		slashed := filepath.ToSlash(path)
		if err != nil || d.IsDir() || filepath.Ext(path) != ".yaml" || strings.Contains(slashed, "/cores/") || strings.Contains(slashed, "/zigzag/") ||
			!strings.Contains(slashed, "/hardware/") && !strings.Contains(slashed, "core_offchip") {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		ran++
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := run(t, path, "resnetish")
			want, refuses := refused[name]
			switch {
			case refuses && (err == nil || !strings.Contains(err.Error(), want)):
				t.Errorf("error %v, want %q", err, want)
			case !refuses && err != nil:
				t.Error(err)
			}
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if ran != 32 {
		t.Errorf("%d accelerators, want 32", ran)
	}
	if err := run(t, filepath.Join(root, "stream-2026/examples/hardware/tpu_v7_ironwood.yaml"), "twoconv"); err != nil {
		t.Error(err)
	}
}
