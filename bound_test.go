package stream

import (
	"testing"

	"streamdse/internal/bound"
	"streamdse/mapping"
	"streamdse/rules"
)

// spaceBound bounds all that a problem's mapping may become.
func spaceBound(p Problem, r rules.Rules) bound.Bound {
	return bound.FindInSpace(bound.Space{
		Workload: p.Workload, Accelerator: p.Hardware, Rules: r,
		Entry: p.Mapping.Lookup,
	})
}

// TestSpaceBound: what no graph can beat is not above what no schedule of one graph can,
// however that is cut.
func TestSpaceBound(t *testing.T) {
	for _, c := range []struct{ workload, hardware string }{
		{"resnet18", "tpu_like_quad_core"},
		{"mlperf_tiny_vww", "tpu_like_quad_core"},
		{"fsrcnn:height=60,width=80", "tpu_like_quad_core"},
		{"squeezenet1_1", "eyeriss_like_quad_core"},
		{"mlperf_tiny_kws", "eyeriss_like_quad_core"},
	} {
		t.Run(c.hardware+"/"+c.workload, func(t *testing.T) {
			p, _, err := Load(Inputs{Workload: c.workload, Hardware: c.hardware, FoldActivations: true, Rules: rules.Default()})
			if err != nil {
				t.Fatal(err)
			}
			s := spaceBound(p, rules.Default())
			if none := spaceBound(p, rules.Reference2024()); none.Latency != 0 || none.Energy != 0 {
				t.Errorf("published tilings lose work, and still: %+v", none)
			}
			for _, x := range []struct {
				mode Mode
				cuts []mapping.Cut
			}{
				{mode: LayerByLayer},
				{mode: Fused},
				{LayerByLayer, []mapping.Cut{{Inter: true, Tiling: mapping.Tiling{Dim: "K", Parts: 4}}}},
				{Fused, []mapping.Cut{{Inter: true, Tiling: mapping.Tiling{Dim: "OY", Parts: 3}}}},
			} {
				o := DefaultOptions()
				o.Mode, o.Cuts, o.Allocator, o.Evaluations = x.mode, x.cuts, "greedy", 1
				r, err := Run(t.Context(), p, o)
				if err != nil {
					t.Fatal(err)
				}
				t.Logf("%s %v: %d cycles, graph %d (%s), space %d (%s); %.4g pJ, graph %.4g, space %.4g (%s)", x.mode, x.cuts, r.Schedule.Latency, r.Bound.Latency, r.Bound.SetBy,
					s.Latency, s.LatencySetBy, float64(r.Schedule.Energy.Total()), float64(r.Bound.Energy), float64(s.Energy), s.EnergySetBy)
				if s.Latency > r.Bound.Latency || s.Latency <= 0 {
					t.Errorf("%s %v: no graph takes less than %d cycles, but this one only needs %d", x.mode, x.cuts, s.Latency, r.Bound.Latency)
				}
				if s.Energy > r.Bound.Energy || s.Energy <= 0 {
					t.Errorf("%s %v: no graph takes less than %v pJ, but this one only needs %v", x.mode, x.cuts, s.Energy, r.Bound.Energy)
				}
			}
		})
	}
}
