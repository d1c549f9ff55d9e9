package stream

import (
	"context"
	"encoding/csv"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"streamdse/internal/golden"
	"streamdse/internal/onnx"
	"streamdse/internal/onnx/onnxtest"
)

// publicInput is a row of testdata/public-inputs.csv: what is run, and how the answer
// begins, file by file, if it is a message. Files are below the folder of the public
// inputs.
type publicInput struct{ hardware, mapping, workload, says string }

// publicInputs reads the table: rows of accelerators alone have no mapping.
func publicInputs(t *testing.T) (accelerators map[string]string, combinations []publicInput) {
	t.Helper()
	f, err := os.Open("testdata/public-inputs.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	accelerators = map[string]string{}
	for _, row := range rows[1:] {
		if in := (publicInput{row[0], row[1], row[2], row[3]}); in.mapping == "" {
			accelerators[in.hardware] = in.says
		} else {
			combinations = append(combinations, in)
		}
	}
	return accelerators, combinations
}

// expect compares an error with what is to be said: the whole text, without the folder
// of the public inputs and with lines joined by " | "; of a longer one the beginning.
func expect(t *testing.T, root string, err error, says string) {
	t.Helper()
	got := ""
	if err != nil {
		got = strings.ReplaceAll(strings.ReplaceAll(filepath.ToSlash(err.Error()), filepath.ToSlash(root)+"/", ""), "\n", " | ")
	}
	if says == "" && err != nil || !strings.HasPrefix(got, says) {
		t.Errorf("it says\n%s\nwant\n%s", got, says)
	}
	for line := range strings.SplitSeq(got, " | ") {
		if err != nil && !strings.HasPrefix(line, "  ") && !strings.Contains(line, ".yaml:") {
			t.Errorf("no file and line are named: %s", line)
		}
	}
}

// both runs a problem in both modes; Run verifies each schedule.
func both(t *testing.T, p Problem, costs *Costs) error {
	t.Helper()
	o := DefaultOptions()
	o.Evaluations, o.Explore, o.Costs = 20, nil, costs
	for _, o.Mode = range []Mode{LayerByLayer, Fused} {
		r, err := Run(context.Background(), p, o)
		if err != nil {
			return err
		}
		checkPlausible(t, p, r)
	}
	return nil
}

// TestPublicAccelerators runs a small residual network on every public accelerator
// under a generated mapping. Those that cannot are in the table, with what they are
// told.
func TestPublicAccelerators(t *testing.T) {
	root := golden.Shared(t, "data")
	refused, _ := publicInputs(t)
	networks, costs := golden.Load(t).Workloads, NewCosts()
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
		return both(t, p, costs)
	}
	var found []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		slashed := filepath.ToSlash(path)
		if err != nil || d.IsDir() || filepath.Ext(path) != ".yaml" || strings.Contains(slashed, "/cores/") || strings.Contains(slashed, "/zigzag/") ||
			!strings.Contains(slashed, "/hardware/") && !strings.Contains(slashed, "core_offchip") {
			return err
		}
		name, err := filepath.Rel(root, path)
		name = filepath.ToSlash(name)
		found = append(found, name)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			expect(t, root, run(t, path, "resnetish"), refused[name])
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 32 {
		t.Errorf("%d accelerators, want 32", len(found))
	}
	for name := range refused {
		if !slices.Contains(found, name) {
			t.Errorf("%s is in the table, but no accelerator", name)
		}
	}
	// What has no core for pooling runs a network without.
	if err := run(t, filepath.Join(root, "stream-2026/examples/hardware/tpu_v7_ironwood.yaml"), "twoconv"); err != nil {
		t.Error(err)
	}
}

// TestPublicMappings runs the public networks on the public accelerators under the
// public mappings that are made for them.
func TestPublicMappings(t *testing.T) {
	root := golden.Shared(t, "data")
	_, combinations := publicInputs(t)
	unused := map[string]bool{}
	for _, year := range []string{"stream-2024", "stream-2026"} {
		files, err := filepath.Glob(filepath.Join(root, year, "*", "mapping", "*.yaml"))
		if err != nil || len(files) == 0 {
			t.Fatal(year, err)
		}
		for _, f := range files {
			unused[f] = true
		}
	}
	costs := sharedCosts()
	for _, in := range combinations {
		at := func(name string) string { return filepath.Join(root, filepath.FromSlash(name)) }
		delete(unused, at(in.mapping))
		t.Run(fmt.Sprintf("%s/%s/%s", in.hardware, filepath.Base(in.mapping), filepath.Base(in.workload)), func(t *testing.T) {
			t.Parallel()
			p, _, err := Load(Inputs{Workload: at(in.workload), Hardware: at(in.hardware), Mapping: at(in.mapping), FoldActivations: true})
			if err == nil {
				err = both(t, p, costs)
			}
			expect(t, root, err, in.says)
		})
	}
	for f := range unused {
		t.Errorf("%s is in no row", f)
	}
}
