package stream

import (
	"context"
	"slices"
	"sync"
	"testing"

	"streamdse/unit"
)

// TestZoo runs ResNet-18 on every built-in accelerator under the mapping of its
// name, in both modes; Run verifies each schedule.
func TestZoo(t *testing.T) {
	if !slices.Equal(HardwareNames(), MappingNames()) {
		t.Errorf("accelerators %v, mappings %v", HardwareNames(), MappingNames())
	}
	for _, name := range HardwareNames() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, _, err := Load(Inputs{Workload: "resnet18", Hardware: name, FoldActivations: true})
			if err != nil {
				t.Fatal(err)
			}
			if w := p.Warnings(); len(w) > 0 {
				t.Errorf("warnings %v", w)
			}
			o := DefaultOptions()
			o.Evaluations, o.Costs = 150, sharedCosts()
			for _, o.Mode = range []Mode{LayerByLayer, Fused} {
				r, err := Run(context.Background(), p, o)
				if err != nil {
					t.Fatalf("%s: %v", o.Mode, err)
				}
				checkPlausible(t, p, r)
			}
		})
	}
}

// sharedCosts are for tests of the same networks on the same cores.
var sharedCosts = sync.OnceValue(NewCosts)

// TestZooTransformer runs a decoder block of a language model on the accelerators that
// are made for such, in both modes.
func TestZooTransformer(t *testing.T) {
	for _, name := range []string{"fusemax", "tpu_v7"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, _, err := Load(Inputs{Workload: "llama_block:hidden=64,heads=4,kv_heads=2,ffn=96,seq=8", Hardware: name, FoldActivations: true})
			if err != nil {
				t.Fatal(err)
			}
			if err := both(t, p, NewCosts()); err != nil {
				t.Error(err)
			}
		})
	}
}

// checkPlausible checks what holds of any result: it respects the bound and the
// mapping, the array cannot be busier than always, and energy is spent in every
// core that works.
func checkPlausible(t *testing.T, p Problem, r *Result) {
	t.Helper()
	s := r.Schedule
	if r.Bound.Latency <= 0 || s.Latency < r.Bound.Latency {
		t.Errorf("%s: latency %d, bound %d", r.Mode, s.Latency, r.Bound.Latency)
	}
	var macs, units int64
	for i := range p.Workload.Layers {
		macs += p.Workload.Layers[i].MACs()
	}
	for i := range p.Hardware.Cores {
		units += p.Hardware.Cores[i].Units()
	}
	if least := unit.Cycles(macs / units); s.Latency < least {
		t.Errorf("%s: latency %d for %d operations on %d units", r.Mode, s.Latency, macs, units)
	}
	if s.Energy.NodeOnchip <= 0 || s.Energy.FetchMemory <= 0 { // outputs that stream to memory are not written back
		t.Errorf("%s: energy %+v", r.Mode, s.Energy)
	}
	for n, task := range s.Tasks {
		node := &r.Graph.Nodes[n]
		layer := &r.Graph.Layers[node.Layer]
		allowed := layer.Entry.Candidates(p.Hardware, layer.Layer, int(node.Group))
		if !slices.Contains(allowed, int(task.Core)) {
			t.Errorf("%s: a node of layer %q runs on core %d, allowed are %v", r.Mode, layer.Name, task.Core, allowed)
			return
		}
	}
}
