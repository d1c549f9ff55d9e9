package stream

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"streamdse/rules"
)

// TestSteady: what the steady-state programs find is scheduled, the same for any number
// of workers; three of their solutions are better than three random allocations.
func TestSteady(t *testing.T) {
	p, _, err := Load(Inputs{Workload: "mlperf_tiny_ic", Hardware: "tpu_like_quad_core", FoldActivations: true, Rules: rules.Default()})
	if err != nil {
		t.Fatal(err)
	}
	run := func(allocator string, workers int) *Result {
		o := DefaultOptions()
		o.Allocator, o.Evaluations, o.Workers, o.Objective = allocator, 3, workers, Latency
		r, err := Run(t.Context(), p, o)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	steady, again, random := run("steady", 1), run("steady", 3), run("random", 1)
	if d := cmp.Diff(steady.Allocation, again.Allocation); d != "" || steady.Schedule.Latency != again.Schedule.Latency {
		t.Errorf("1 and 3 workers differ:\n%s", d)
	}
	t.Logf("steady %d, random %d, bound %d", steady.Schedule.Latency, random.Schedule.Latency, steady.Bound.Latency)
	if steady.Schedule.Latency >= random.Schedule.Latency || steady.Schedule.Latency > 2*steady.Bound.Latency {
		t.Errorf("3 steady states take %d cycles at the best, 3 random allocations %d, any at least %d", steady.Schedule.Latency, random.Schedule.Latency, steady.Bound.Latency)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	o := DefaultOptions()
	o.Allocator = "steady"
	if _, err := Run(ended, p, o); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted at once: %v", err)
	}
}
