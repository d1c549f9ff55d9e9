package stream

import (
	"context"
	"encoding/json"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"streamdse/hardware"
	"streamdse/internal/golden"
	"streamdse/internal/onnx"
	"streamdse/internal/onnx/onnxtest"
	"streamdse/internal/report"
	"streamdse/mapping"
	"streamdse/rules"
	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/unit"
)

// measuredProblem is the network, accelerator and mapping of a measured case.
func measuredProblem(t *testing.T, f *golden.File, c *golden.Case, r rules.Rules) Problem {
	t.Helper()
	var p Problem
	var err error
	if p.Workload, err = onnx.Workload(onnxtest.Model(t, f.Workloads[c.Inputs.Workload]), onnx.Options{Rules: r}); err != nil {
		t.Fatal(err)
	}
	if p.Mapping, err = mapping.Parse(c.Inputs.Mapping, f.Mappings[c.Inputs.Mapping]); err != nil {
		t.Fatal(err)
	}
	a := f.Accelerators[c.Inputs.Accelerator]
	p.Hardware, err = hardware.Parse(a.Name+".yaml", a.Text(t), a.CoreFile)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestMeasuredCases runs the whole flow, single-core costs included, on small
// networks and compares latency and every energy bucket. Left out are nodes that
// stream operands under single-core model 3.7.2, which Reference2024 is not.
func TestMeasuredCases(t *testing.T) {
	f := golden.Load(t)
	compared := 0
	for _, name := range slices.Sorted(maps.Keys(f.Cases)) {
		c := f.Cases[name]
		streams := slices.ContainsFunc(c.Nodes, func(n golden.Node) bool { return len(n.TooLarge) > 0 })
		if streams && !strings.HasSuffix(name, "@374") {
			continue
		}
		compared++
		t.Run(name, func(t *testing.T) {
			o := DefaultOptions()
			o.Rules, o.Search, o.Prefetch = rules.Reference2024(), Loma, c.Inputs.Prefetch
			p := measuredProblem(t, f, c, o.Rules)
			o.Mode = LayerByLayer
			if c.Inputs.Mode == "fused" {
				o.Mode, o.Stacks = Fused, c.Inputs.LayerStacks
			}
			o.Fixed = func(g *taskgraph.Graph) (*schedule.Allocation, error) {
				a := &schedule.Allocation{Cores: make([][]int, len(g.Layers))}
				for l := range g.Layers {
					a.Cores[l] = make([]int, g.Layers[l].Groups)
				}
				for _, n := range c.Nodes {
					l := slices.IndexFunc(g.Layers, func(l taskgraph.Layer) bool { return l.ID == n.Layer })
					a.Cores[l][n.Group] = n.Core
				}
				return a, nil
			}
			r, err := Run(context.Background(), p, o)
			if err != nil {
				t.Fatal(err)
			}
			compareTotals(t, r.Schedule, c.Latency, c.Energies)
		})
	}
	if compared != 31 {
		t.Errorf("%d cases compared, want 31", compared)
	}
}

// compareTotals compares latency and energy buckets, which the measured runs name
// in their own way.
func compareTotals(t *testing.T, s *schedule.Schedule, latency float64, energies map[string]float64) {
	t.Helper()
	if float64(s.Latency) != latency {
		t.Errorf("latency %d, want %v", s.Latency, latency)
	}
	for bucket, got := range map[string]unit.Picojoules{
		"total_cn_onchip_energy":                        s.Energy.NodeOnchip,
		"total_cn_offchip_link_energy":                  s.Energy.FetchLink,
		"total_cn_offchip_memory_energy":                s.Energy.FetchMemory,
		"total_eviction_to_offchip_link_energy":         s.Energy.EvictionLink,
		"total_eviction_to_offchip_memory_energy":       s.Energy.EvictionMemory,
		"total_sink_layer_output_offchip_link_energy":   s.Energy.WritebackLink,
		"total_sink_layer_output_offchip_memory_energy": s.Energy.WritebackMemory,
		"total_core_to_core_link_energy":                s.Energy.CoreLink,
		"total_core_to_core_memory_energy":              s.Energy.CoreMemory,
	} {
		want, ok := energies[bucket]
		if !ok {
			t.Errorf("the measured run has no bucket %s", bucket)
		}
		if math.Abs(float64(got)-want) > 1e-9*math.Max(1, math.Abs(want)) {
			t.Errorf("%s %v, want %v", bucket, got, want)
		}
	}
}

// TestMeasuredResNet18 runs the whole flow on ResNet-18 and the public quad core
// with the allocations of seven measured runs.
func TestMeasuredResNet18(t *testing.T) {
	const public = "data/stream-2024/examples/"
	for run, mode := range map[string]Mode{
		"round-robin-lbl-latency1":   LayerByLayer,
		"round-robin-lbl-latency2":   LayerByLayer,
		"one-core-lbl-latency2":      LayerByLayer,
		"genetic-lbl":                LayerByLayer,
		"round-robin-fused-latency1": Fused,
		"round-robin-fused-latency2": Fused,
		"genetic-fused":              Fused,
	} {
		t.Run(run, func(t *testing.T) {
			folder := "golden/stream-2024/" + run + "/"
			in := Inputs{
				Workload: golden.Shared(t, public+"workload/resnet18.onnx"),
				Hardware: golden.Shared(t, public+"hardware/tpu_like_quad_core.yaml"),
				Mapping:  golden.Shared(t, public+"mapping/tpu_like_quad_core.yaml"),
				Rules:    rules.Reference2024(),
			}
			if run == "round-robin-lbl-latency2" || run == "one-core-lbl-latency2" || run == "round-robin-fused-latency2" {
				in.Mapping = golden.Shared(t, folder+"mapping.yaml") // fixes every core
			}
			p, _, err := Load(in)
			if err != nil {
				t.Fatal(err)
			}
			o := DefaultOptions()
			o.Mode, o.Rules, o.Search, o.Stacks = mode, in.Rules, Loma, [][]int{ids(0, 10), ids(11, 21)}
			allocation := golden.Shared(t, folder+"allocation.json")
			o.Fixed = func(g *taskgraph.Graph) (*schedule.Allocation, error) {
				text, err := os.ReadFile(allocation)
				if err != nil {
					return nil, err
				}
				return report.ReadAllocation(allocation, text, g, p.Hardware)
			}
			r, err := Run(context.Background(), p, o)
			if err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(golden.Shared(t, folder+"figures.json"))
			if err != nil {
				t.Fatal(err)
			}
			var want struct {
				Latency  float64            `json:"latency"`
				Energies map[string]float64 `json:"energy_breakdown"`
			}
			if err := json.Unmarshal(text, &want); err != nil {
				t.Fatal(err)
			}
			compareTotals(t, r.Schedule, want.Latency, want.Energies)
		})
	}
}

func ids(first, last int) []int {
	var list []int
	for id := first; id <= last; id++ {
		list = append(list, id)
	}
	return list
}
