package loopnest

import "testing"

// BenchmarkEvaluate measures full evaluations (energy and latency) of loop
// orders of a 3x3 convolution on a 32x32 array with three memory levels.
func BenchmarkEvaluate(b *testing.B) {
	table := readTable(b)
	for _, name := range []string{"/layer2/layer2.0/conv1/Conv", "exB best"} {
		for i := range table.Cases {
			c := &table.Cases[i]
			if c.Name != name {
				continue
			}
			b.Run(c.Layer+" on "+c.Core, func(b *testing.B) {
				e, order := c.evaluator(b, table)
				b.ReportAllocs()
				for b.Loop() {
					if _, ok := e.Evaluate(order); !ok {
						b.Fatal(e.Misfit())
					}
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "evaluations/s")
			})
		}
	}
}

// TestEvaluateAllocatesNothing covers cases with one and with two readings of
// the spatial unrolling, and one in which combinations of slices are compared.
func TestEvaluateAllocatesNothing(t *testing.T) {
	table := readTable(t)
	for i := range table.Cases {
		c := &table.Cases[i]
		switch c.Name {
		case "exA fixed", "exA even", "exB fixed", "/fc/Gemm", "/layer4/layer4.0/conv1/Conv", "gemm_l1_lpf6":
		default:
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			e, order := c.evaluator(t, table)
			e.Evaluate(order) // grows the buffers
			if n := testing.AllocsPerRun(100, func() { e.Evaluate(order) }); n != 0 {
				t.Errorf("%v allocations per evaluation", n)
			}
		})
	}
}
