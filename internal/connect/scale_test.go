package connect

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"sort"
	"testing"
	"time"

	hardwarezoo "streamdse/hardware/zoo"
	"streamdse/internal/onnx"
	"streamdse/internal/simulate"
	"streamdse/internal/split"
	"streamdse/mapping"
	"streamdse/rules"
	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/unit"
	"streamdse/workload"
	"streamdse/workload/zoo"
)

// scaled is the graph of ten convolutions in one stack, cut into tiles of one
// position, with no fewer than the given number of nodes.
func scaled(t testing.TB, nodes int) *taskgraph.Graph {
	const layers = 10
	w, m := chain(layers, int(math.Ceil(math.Sqrt(float64(nodes)/layers))))
	return build(t, w, m, split.Stacks{indices(layers)}, rules.Default())
}

// scheduler is a simulator for the graph on the quad-core accelerator, whose cores
// take the layers in turn.
func scheduler(t testing.TB, g *taskgraph.Graph) (*simulate.Simulator, *schedule.Allocation) {
	sim, err := simulate.New(problem(t, g))
	if err != nil {
		t.Fatal(err)
	}
	layer := -1
	return sim, spread(g, func() int { layer++; return layer % 4 })
}

func problem(t testing.TB, g *taskgraph.Graph) simulate.Problem {
	acc, err := hardwarezoo.Load("tpu_like_quad_core")
	if err != nil {
		t.Fatal(err)
	}
	costs := allCores(g, acc, func() schedule.NodeCost { return schedule.NodeCost{Runtime: unit.Cycles(20), Onchip: 1} })
	return simulate.Problem{Graph: g, Accelerator: acc, Costs: costs, Priority: simulate.Order(g, nil), Rules: rules.Default()}
}

// shape is a network that can be cut into about any number of nodes.
type shape struct {
	name  string
	build func(t testing.TB, nodes int) *taskgraph.Graph
}

func shapes() []shape {
	return []shape{
		{"convolutions", scaled},
		{"resnet50", func(t testing.TB, nodes int) *taskgraph.Graph {
			return cutFinely(t, known(t, "resnet50"), nodes, "OY", "OX", "D", "K", "C")
		}},
		{"decoder", func(t testing.TB, nodes int) *taskgraph.Graph {
			block := known(t, "llama_block:hidden=512,heads=8,kv_heads=2,ffn=1024,seq=128")
			return cutFinely(t, repeated(block, 32), nodes, "D", "K", "C")
		}},
	}
}

func known(t testing.TB, name string) *workload.Workload {
	m, err := zoo.Model(name)
	if err != nil {
		t.Fatal(err)
	}
	w, err := onnx.Workload(m, onnx.Options{Rules: rules.Default()})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// repeated puts blocks one after another: the first input of each is the last result
// of the one before.
func repeated(block *workload.Workload, times int) *workload.Workload {
	input := block.Layers[0].Operands[1].Source.Tensor
	n := len(block.Layers)
	w := &workload.Workload{}
	for b := range times {
		var moved func(s workload.Source) workload.Source
		moved = func(s workload.Source) workload.Source {
			switch {
			case s.Kind == workload.FromLayer:
				s.Layer += b * n
			case s.Kind == workload.FromInput && s.Tensor == input && b > 0:
				s.Kind, s.Layer = workload.FromLayer, b*n-1
			}
			s.Parts = slices.Clone(s.Parts)
			for i := range s.Parts {
				s.Parts[i] = moved(s.Parts[i])
			}
			return s
		}
		for _, l := range block.Layers {
			l.ID += b * n
			l.Operands = slices.Clone(l.Operands)
			for k := range l.Operands {
				l.Operands[k].Source = moved(l.Operands[k].Source)
			}
			w.Layers = append(w.Layers, l)
		}
	}
	return w
}

// cutFinely fuses a network and cuts all its layers alike, along the first of the
// given dimensions as far as that goes, then along the next, into no fewer than the
// given number of nodes.
func cutFinely(t testing.TB, w *workload.Workload, nodes int, dims ...workload.Dim) *taskgraph.Graph {
	cut := func(most int) (*mapping.Mapping, int) {
		m, total := &mapping.Mapping{}, 0
		for i := range w.Layers {
			l := &w.Layers[i]
			e := mapping.Entry{Name: l.Name, Cores: []int{0, 1, 2, 3}}
			count := 1
			for _, d := range dims {
				if l.HasDim(d) && slices.Contains(l.Operands[0].Dims, d) {
					parts := min(l.Size(d), most/count)
					if parts > 1 {
						count *= parts
						e.Intra = append(e.Intra, mapping.Tiling{Dim: d, Parts: parts})
					}
				}
			}
			if len(e.Intra) == 0 {
				e.Intra = []mapping.Tiling{{Dim: l.Dims[0].Dim, Parts: 1}}
			}
			total += count
			m.Entries = append(m.Entries, e)
		}
		return m, total
	}
	m, _ := cut(sort.Search(nodes, func(most int) bool { _, total := cut(most); return total >= nodes }))
	return build(t, w, m, split.Stacks{indices(len(w.Layers))}, rules.Default())
}

// sizes are the numbers of nodes that the networks are cut into.
var sizes = []int{10_000, 30_000, 100_000, 300_000, 1_000_000}

// figures are what a graph of many nodes and a schedule of it take.
type figures struct {
	nodes, edges int
	graph        time.Duration
	prepare, run time.Duration // the simulator, and a schedule that is recorded
	allocated    uint64        // bytes for the graph, those that are freed again included
	live         uint64        // bytes of graph, simulator and schedule together
}

func figuresOf(t testing.TB, shape shape, nodes int, now func() time.Duration) figures {
	var f figures
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	began := now()
	g := shape.build(t, nodes)
	f.graph = now() - began
	runtime.ReadMemStats(&after)
	f.nodes, f.edges, f.allocated = len(g.Nodes), g.EdgeCount(), after.TotalAlloc-before.TotalAlloc
	began = now()
	sim, alloc := scheduler(t, g)
	f.prepare = now() - began
	began = now()
	s, err := sim.Run(alloc)
	if err != nil {
		t.Fatal(err)
	}
	f.run = now() - began
	runtime.GC()
	runtime.ReadMemStats(&after)
	f.live = after.HeapAlloc - before.HeapAlloc
	runtime.KeepAlive(s)
	runtime.KeepAlive(sim)
	return f
}

// BenchmarkScale tells how time and memory grow from ten thousand nodes to a
// million: per node, for the graph and for a schedule that is recorded, and the heap
// that both take together.
func BenchmarkScale(b *testing.B) {
	for _, shape := range shapes() {
		for _, nodes := range sizes {
			b.Run(fmt.Sprintf("%s/%d", shape.name, nodes), func(b *testing.B) { scale(b, shape, nodes) })
		}
	}
}

func scale(b *testing.B, shape shape, nodes int) {
	began := time.Now()
	var sum figures
	for b.Loop() {
		f := figuresOf(b, shape, nodes, func() time.Duration { return time.Since(began) })
		sum.nodes += f.nodes
		sum.edges += f.edges
		sum.graph += f.graph
		sum.prepare += f.prepare
		sum.run += f.run
		sum.allocated += f.allocated
		sum.live += f.live
	}
	perNode := func(x float64, unit string) { b.ReportMetric(x/float64(sum.nodes), unit+"/node") }
	perNode(float64(sum.graph), "graph-ns")
	perNode(float64(sum.allocated), "graph-B")
	perNode(float64(sum.live), "live-B")
	perNode(float64(sum.prepare), "prepare-ns")
	perNode(float64(sum.run), "schedule-ns")
	perNode(float64(sum.edges), "edges")
}
