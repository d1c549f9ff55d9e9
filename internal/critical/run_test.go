package critical_test

import (
	"context"
	"testing"

	stream "streamdse"
	"streamdse/internal/critical"
	"streamdse/rules"
	"streamdse/taskgraph"
	"streamdse/unit"
)

// resnet schedules ResNet-18 on the quad-core accelerator.
func resnet(t testing.TB, mode stream.Mode, r rules.Rules) (*stream.Result, stream.Problem) {
	t.Helper()
	p, _, err := stream.Load(stream.Inputs{Workload: "resnet18", Hardware: "tpu_like_quad_core", Mapping: "tpu_like_quad_core", FoldActivations: true, Rules: r})
	if err != nil {
		t.Fatal(err)
	}
	o := stream.DefaultOptions()
	o.Mode, o.Rules, o.Evaluations, o.SkipVerify = mode, r, 20, true
	result, err := stream.Run(context.Background(), p, o)
	if err != nil {
		t.Fatal(err)
	}
	return result, p
}

// Under the physical rules every event begins at once when what it waited for has
// ended, so that the schedule explains its whole latency. The published rules let
// data be where it never arrived; there may be gaps then, but the path is whole.
func TestPathOfNetworks(t *testing.T) {
	published, _ := rules.Named("reference-2024")
	for _, r := range []rules.Rules{rules.Default(), published} {
		for _, mode := range []stream.Mode{stream.LayerByLayer, stream.Fused} {
			result, p := resnet(t, mode, r)
			a := critical.New(result.Graph, p.Hardware, result.Schedule)
			path := a.Path()
			var at, sum, unexplained unit.Cycles
			for i, step := range path {
				if step.Start != at || step.End <= step.Start {
					t.Fatalf("%s, %s: step %d is from %d to %d, the one before ends at %d", r.Name, mode, i, step.Start, step.End, at)
				}
				at = step.End
				if !step.Event.Is() {
					unexplained += step.End - step.Start
				}
			}
			if at != result.Schedule.Latency {
				t.Errorf("%s, %s: the path ends at %d, the schedule at %d", r.Name, mode, at, result.Schedule.Latency)
			}
			for _, share := range critical.Shares(path) {
				sum += share.Cycles
			}
			if sum != at {
				t.Errorf("%s, %s: the shares add up to %d of %d", r.Name, mode, sum, at)
			}
			if unexplained > 0 && r.Name == rules.Default().Name {
				t.Errorf("%s: %d of %d cycles are not explained", mode, unexplained, at)
			}
			t.Logf("%s, %s: %d steps, %d of %d cycles unexplained, shares %v", r.Name, mode, len(path), unexplained, at, critical.Shares(path))
			waits(t, a, result)
		}
	}
}

// waits checks that nothing waits for what comes later.
func waits(t *testing.T, a *critical.Analysis, r *stream.Result) {
	t.Helper()
	for n := range r.Schedule.Tasks {
		if w := a.Node(taskgraph.NodeID(n)); w.Until > r.Schedule.Tasks[n].Start {
			t.Errorf("node %d begins at %d and waits until %d", n, r.Schedule.Tasks[n].Start, w.Until)
		}
	}
	for i := range r.Schedule.Transfers {
		if w := a.Transfer(i); w.Until > r.Schedule.Transfers[i].Start {
			t.Errorf("transfer %d begins at %d and waits until %d", i, r.Schedule.Transfers[i].Start, w.Until)
		}
	}
}

func BenchmarkPath(b *testing.B) {
	result, p := resnet(b, stream.Fused, rules.Default())
	b.ReportAllocs()
	for b.Loop() {
		critical.New(result.Graph, p.Hardware, result.Schedule).Path()
	}
}
