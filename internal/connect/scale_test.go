package connect

import (
	"fmt"
	"math"
	"runtime"
	"testing"
	"time"

	hardwarezoo "streamdse/hardware/zoo"
	"streamdse/internal/simulate"
	"streamdse/internal/split"
	"streamdse/rules"
	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/unit"
)

// scaled is the graph of ten convolutions in one stack, cut into tiles of one
// position, with about the given number of nodes.
func scaled(t testing.TB, nodes int) *taskgraph.Graph {
	const layers = 10
	w, m := chain(layers, int(math.Round(math.Sqrt(float64(nodes)/layers))))
	return build(t, w, m, split.Stacks{indices(layers)}, rules.Default())
}

// scheduler is a simulator for the graph on the quad-core accelerator, whose cores
// take the layers in turn.
func scheduler(t testing.TB, g *taskgraph.Graph) (*simulate.Simulator, *schedule.Allocation) {
	acc, err := hardwarezoo.Load("tpu_like_quad_core")
	if err != nil {
		t.Fatal(err)
	}
	costs := allCores(g, acc, func() schedule.NodeCost { return schedule.NodeCost{Runtime: unit.Cycles(20), Onchip: 1} })
	layer := -1
	alloc := spread(g, func() int { layer++; return layer % 4 })
	sim, err := simulate.New(simulate.Problem{Graph: g, Accelerator: acc, Costs: costs, Priority: simulate.Order(g, nil), Rules: rules.Default()})
	if err != nil {
		t.Fatal(err)
	}
	return sim, alloc
}

// BenchmarkScale tells how time and memory grow from ten thousand nodes to a
// million: per node, for the graph and for a schedule that is recorded.
func BenchmarkScale(b *testing.B) {
	for _, nodes := range []int{10_000, 30_000, 100_000, 300_000, 1_000_000} {
		b.Run(fmt.Sprint(nodes), func(b *testing.B) {
			var graph, prepare, run time.Duration
			var bytes, edges float64
			count := 0
			for b.Loop() {
				var before, after runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&before)
				began := time.Now()
				g := scaled(b, nodes)
				graph += time.Since(began)
				runtime.ReadMemStats(&after)
				bytes = float64(after.TotalAlloc-before.TotalAlloc) / float64(len(g.Nodes))
				edges = float64(len(g.Edges()))
				began = time.Now()
				sim, alloc := scheduler(b, g)
				prepare += time.Since(began)
				began = time.Now()
				if _, err := sim.Run(alloc); err != nil {
					b.Fatal(err)
				}
				run += time.Since(began)
				count += len(g.Nodes)
			}
			perNode := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / float64(count) }
			b.ReportMetric(perNode(graph), "graph-ns/node")
			b.ReportMetric(bytes, "graph-B/node")
			b.ReportMetric(perNode(prepare), "prepare-ns/node")
			b.ReportMetric(perNode(run), "schedule-ns/node")
			b.ReportMetric(edges*float64(b.N)/float64(count), "edges/node")
		})
	}
}
