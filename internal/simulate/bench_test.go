package simulate

import (
	"testing"

	"streamdse/rules"
)

// BenchmarkEvaluate is what a search over allocations does again and again: fused
// ResNet-18 on four cores, where its figures are at hand, and a synthetic network of
// the same size.
func BenchmarkEvaluate(b *testing.B) {
	for _, r := range []rules.Rules{rules.Default(), measuredRules()} {
		b.Run("resnet18/"+r.Name, func(b *testing.B) {
			m := loadMeasured(b, "round-robin-fused-latency1", r)
			sim, err := New(m.problem)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := sim.Evaluate(m.alloc); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkRun(b *testing.B) {
	m := loadMeasured(b, "round-robin-fused-latency1", rules.Default())
	sim, err := New(m.problem)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := sim.Run(m.alloc); err != nil {
			b.Fatal(err)
		}
	}
}
