package simulate

import (
	"strconv"
	"sync"
	"testing"

	"streamdse/rules"
	"streamdse/schedule"
	"streamdse/unit"
)

// synthetic is a network of the size of fused ResNet-18 on four cores in a ring:
// 13 layers of 86 rows each, where a row reads three rows of the layer before.
func synthetic(t testing.TB, r rules.Rules) (Problem, *schedule.Allocation) {
	const rows, depth = 86, 13
	acc := chip{cores: 4, size: 60000, links: []string{"0, 1", "1, 2", "2, 3", "3, 0"}}.build(t)
	var list []node
	for i := range rows * depth {
		l, row := i/rows, i%rows
		n := node{core: l % 4, runtime: unit.Cycles(300 + 7*(i%5)), out: 800, weight: unit.Bits(400 + 10*l)}
		if l == 0 {
			n.input = 600
		}
		for r := max(0, row-1); l > 0 && r <= min(rows-1, row+1); r++ {
			n.from = append(n.from, i-rows-row+r)
		}
		list = append(list, n)
	}
	p, alloc := problem(acc, r, list...)
	for n := range p.Priority { // one stack
		p.Priority[n] = int32(len(p.Priority) - n)
	}
	return p, alloc
}

// BenchmarkEvaluate is what a search over allocations does again and again: fused
// ResNet-18 on four cores, where its figures are at hand, and a synthetic network of
// the same size.
func BenchmarkEvaluate(b *testing.B) {
	for _, r := range []rules.Rules{rules.Default(), measuredRules()} {
		b.Run("synthetic/"+r.Name, func(b *testing.B) {
			p, alloc := synthetic(b, r)
			sim, err := New(p)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := sim.Evaluate(alloc); err != nil {
					b.Fatal(err)
				}
			}
		})
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

// BenchmarkWorkers evaluates with one simulator per worker on the same problem, as a
// search does. The time is for one evaluation: with as many workers as cores, it is
// that of one divided by their number.
func BenchmarkWorkers(b *testing.B) {
	for _, workers := range []int{1, 2} {
		b.Run(strconv.Itoa(workers), func(b *testing.B) {
			m := loadMeasured(b, "round-robin-fused-latency1", rules.Default())
			first, err := New(m.problem)
			if err != nil {
				b.Fatal(err)
			}
			sims := []*Simulator{first}
			for len(sims) < workers {
				sims = append(sims, first.Fork())
			}
			for _, sim := range sims { // warm
				if _, err := sim.Evaluate(m.alloc); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportAllocs()
			b.ResetTimer()
			var group sync.WaitGroup
			for i, sim := range sims {
				share := (b.N + i) / workers
				group.Go(func() {
					for range share {
						if _, err := sim.Evaluate(m.alloc); err != nil {
							b.Error(err)
						}
					}
				})
			}
			group.Wait()
		})
	}
}
