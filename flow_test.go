package stream

import (
	"errors"
	"path/filepath"
	"testing"

	"streamdse/internal/golden"
	"streamdse/rules"
	"streamdse/schedule"
	"streamdse/workload"
)

// flow loads a workload with the built-in quad core, cuts and connects it layer by
// layer, and checks what any graph must satisfy.
func flow(t *testing.T, name string) {
	p, _, err := Load(Inputs{Workload: name, Hardware: "tpu_like_quad_core", FoldActivations: true, Rules: rules.Default()})
	if err != nil {
		t.Error(err)
		return
	}
	o := DefaultOptions()
	o.Mode = LayerByLayer
	g, err := Graph(p, o)
	if err != nil {
		t.Error(err)
		return
	}
	if len(g.Layers) != len(p.Workload.Layers) {
		t.Errorf("%d layers became %d", len(p.Workload.Layers), len(g.Layers))
	}
	var operations int64
	for n := range g.Nodes {
		ops := int64(1)
		for _, r := range g.Nodes[n].Ranges {
			ops *= int64(r.Len())
		}
		operations += ops
	}
	if want := p.Workload.Totals().Operations; operations < want {
		t.Errorf("the nodes have %d operations, the network %d", operations, want)
	}
	// What a layer reads of another one comes to its nodes.
	for i := range g.Layers {
		l := &g.Layers[i]
		for k, op := range l.Operands {
			if op.Source.Kind != workload.FromLayer {
				continue
			}
			var arrives int64
			for _, n := range l.Nodes {
				for e := range g.In(n) {
					if e.Data() && int(e.Operand) == k {
						arrives += int64(e.Bits)
					}
				}
			}
			if arrives == 0 {
				t.Errorf("layer %d %q: nothing arrives for operand %s", l.ID, l.Name, op.Name)
			}
		}
	}
}

// TestZooFlow cuts and connects every network of the zoo.
func TestZooFlow(t *testing.T) {
	for _, name := range WorkloadNames() {
		t.Run(name, func(t *testing.T) { flow(t, name) })
	}
}

// TestYAMLFlow cuts and connects the public networks that are written as loop nests.
func TestYAMLFlow(t *testing.T) {
	for _, file := range []string{
		"zigzag/workload/resnet18.yaml", "zigzag/workload/gemm_layer.yaml", "stream-2024/examples/workload/resnet18.yaml",
		"stream-2024/testing/workload/testing_workload_for_2_cores.yaml", "stream-2024/testing/workload/testing_workload_for_4_cores.yaml",
	} {
		path := golden.Shared(t, filepath.Join("data", file))
		t.Run(file, func(t *testing.T) { flow(t, path) })
	}
}

// TestZooRuns schedules small networks of every family to the end, with the
// independent check of the schedule.
func TestZooRuns(t *testing.T) {
	for _, name := range []string{
		"mlperf_tiny_ic", "mlperf_tiny_vww", "mlperf_tiny_kws", "mlperf_tiny_ad",
		"squeezenet1_1", "unet:height=188,width=188", "fsrcnn:height=18,width=32",
		"llama_block:hidden=64,heads=4,kv_heads=2,ffn=96,seq=8", "llama_block:hidden=64,heads=4,kv_heads=2,ffn=96,seq=8,mode=decode",
		"moe_block:hidden=32,ffn=48,seq=6", "mamba_block:hidden=32,seq=3", "mamba_block:hidden=32,mode=decode",
	} {
		t.Run(name, func(t *testing.T) {
			p, _, err := Load(Inputs{Workload: name, Hardware: "tpu_like_quad_core", FoldActivations: true, Rules: rules.Default()})
			if err != nil {
				t.Fatal(err)
			}
			o := DefaultOptions()
			o.Mode, o.Evaluations, o.Explore = LayerByLayer, 100, nil
			r, err := Run(t.Context(), p, o)
			if err != nil {
				t.Fatal(err)
			}
			if r.Schedule.Latency < r.Bound.Latency || r.Bound.Latency <= 0 {
				t.Errorf("%d cycles, and no schedule is shorter than %d", r.Schedule.Latency, r.Bound.Latency)
			}
		})
	}
}

// TestTooLarge is what docs/zoo.md says of the experts: their weights are more than
// the off-chip memory holds.
func TestTooLarge(t *testing.T) {
	p, _, err := Load(Inputs{Workload: "moe_block", Hardware: "tpu_like_quad_core", FoldActivations: true, Rules: rules.Default()})
	if err != nil {
		t.Fatal(err)
	}
	o := DefaultOptions()
	o.Mode, o.Evaluations, o.Explore = LayerByLayer, 100, nil
	var infeasible *schedule.Infeasible
	if _, err := Run(t.Context(), p, o); !errors.As(err, &infeasible) {
		t.Errorf("%v, want that it does not fit", err)
	}
}
