package page

import (
	"context"
	"testing"

	stream "streamdse"
	"streamdse/internal/report"
	"streamdse/mapping"
)

// sample runs ResNet-18 on the quad-core accelerator with few allocations tried.
func sample(t testing.TB, mode stream.Mode) *report.Data {
	t.Helper()
	return explore(t, "resnet18", mode, 20)
}

// large is MobileNetV2, cut into 100,000 nodes.
func large(t testing.TB) *report.Data {
	t.Helper()
	return explore(t, "mobilenetv2:height=248,width=256", stream.Fused, 1,
		mapping.Cut{Tiling: mapping.Tiling{Dim: "OX", Parts: mapping.All}}, mapping.Cut{Tiling: mapping.Tiling{Dim: "OY", Parts: mapping.All}})
}

func explore(t testing.TB, workload string, mode stream.Mode, evaluations int, cuts ...mapping.Cut) *report.Data {
	t.Helper()
	p, sources, err := stream.Load(stream.Inputs{Workload: workload, Hardware: "tpu_like_quad_core", Mapping: "tpu_like_quad_core", FoldActivations: true})
	if err != nil {
		t.Fatal(err)
	}
	o := stream.DefaultOptions()
	o.Mode, o.Evaluations, o.SkipVerify, o.Cuts = mode, evaluations, true, cuts
	if len(cuts) > 0 {
		o.Explore = nil // what is given stays, however many nodes that makes
	}
	r, err := stream.Run(context.Background(), p, o)
	if err != nil {
		t.Fatal(err)
	}
	return &report.Data{
		Inputs:      report.Inputs{Workload: report.Input{Name: sources.Workload.Name}, Hardware: report.Input{Name: sources.Hardware.Name}, Mode: string(mode), Rules: "default", Objective: "edp"},
		Accelerator: p.Hardware, Graph: r.Graph, Schedule: r.Schedule, Allocation: r.Allocation, Costs: r.Costs,
		LowerBound: report.LowerBound{Latency: r.Bound.Latency, SetBy: r.Bound.SetBy, Energy: r.Bound.Energy, EnergySetBy: r.Bound.EnergySetBy}, Search: report.Search{Evaluations: r.Evaluations},
	}
}
