package connect

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"streamdse/hardware"
	hardwarezoo "streamdse/hardware/zoo"
	"streamdse/internal/execute"
	"streamdse/internal/onnx"
	"streamdse/internal/simulate"
	"streamdse/internal/split"
	"streamdse/mapping"
	"streamdse/rules"
	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/unit"
	"streamdse/workload"
)

// These tests prove the graphs by execution: networks are computed on numbers, as
// the schedules of their graphs say, and must come to what they are. See package
// execute.

// resized is an accelerator with on-chip memories of some bits, so that data is
// evicted and comes back, and links of some bits a cycle.
func resized(t interface{ Fatal(...any) }, name string, size int, bandwidth func() int) *hardware.Accelerator {
	acc, err := hardwarezoo.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	acc.Stores, acc.Links = slices.Clone(acc.Stores), slices.Clone(acc.Links)
	for i := range acc.Stores {
		if !slices.Contains(acc.Stores[i].Cores, acc.Offchip) {
			acc.Stores[i].Capacity = unit.Bits(size)
		}
	}
	for i := range acc.Links {
		acc.Links[i].Bandwidth = unit.BitsPerCycle(bandwidth())
	}
	return acc
}

// chips differ in what joins their cores: direct links, a ring with several memories in
// each core, a grid in which paths are long, buses, some of them beside links, a memory that cores share.
var chips = []string{"tpu_like_quad_core", "eyeriss_like_quad_core", "simba", "tpu_v7", "fusemax"}

// allCores lets every core run every node at the cost of its class.
func allCores(g *taskgraph.Graph, acc *hardware.Accelerator, cost func() schedule.NodeCost) *schedule.CostTable {
	costs := schedule.NewCostTable(len(g.Classes), len(acc.Cores))
	for class := range g.Classes {
		c := cost()
		c.Feasible = true
		for core := range acc.Offchip {
			*costs.At(int32(class), core) = c
		}
	}
	return costs
}

// spread gives each group of nodes a core.
func spread(g *taskgraph.Graph, core func() int) *schedule.Allocation {
	alloc := &schedule.Allocation{}
	for _, l := range g.Layers {
		cores := make([]int, l.Groups)
		for i := range cores {
			cores[i] = core()
		}
		alloc.Cores = append(alloc.Cores, cores)
	}
	return alloc
}

// executed schedules a graph, with what the options say of transfers, and computes the
// network as scheduled; want is what it comes to layer by layer. The error is a
// *schedule.Infeasible if there is no schedule.
func executed(w *workload.Workload, g *taskgraph.Graph, acc *hardware.Accelerator, costs *schedule.CostTable, alloc *schedule.Allocation, want execute.Values, p simulate.Problem) (*schedule.Schedule, error) {
	r := rules.Default()
	p.Graph, p.Accelerator, p.Costs, p.Priority, p.Rules = g, acc, costs, simulate.Order(g, nil), r
	sim, err := simulate.New(p)
	if err != nil {
		return nil, err
	}
	s, err := sim.Run(alloc)
	if err != nil {
		return nil, err
	}
	if err := schedule.Verify(g, acc, costs, alloc, s, r); err != nil {
		return nil, err
	}
	return s, execute.Tiled(w, g, acc, costs, s, want)
}

// executedAtRandom tiles a network and runs it on random cores whose nodes take random
// times and now and then stream their operands. The schedule is nil if there is none.
func executedAtRandom(t *rapid.T, w *workload.Workload, m *mapping.Mapping, stacks split.Stacks) (*taskgraph.Graph, *schedule.Schedule) {
	g := build(t, w, m, stacks, rules.Default())
	size := rapid.SampledFrom([]int{1 << 20, 1 << 20, 8000, 4000, 2000}).Draw(t, "memory size")
	acc := resized(t, rapid.SampledFrom(chips).Draw(t, "chip"), size, func() int { return rapid.IntRange(8, 200).Draw(t, "bandwidth") })
	costs := allCores(g, acc, func() schedule.NodeCost {
		cost := schedule.NodeCost{Runtime: unit.Cycles(rapid.IntRange(1, 200).Draw(t, "runtime"))}
		if rapid.IntRange(0, 7).Draw(t, "streams") == 0 {
			for _, op := range []hardware.MemoryOperand{hardware.O, hardware.I2, hardware.I1} {
				if rapid.Bool().Draw(t, op.String()) {
					cost.Streamed = append(cost.Streamed, op)
					cost.Buffers = append(cost.Buffers, unit.Bits(rapid.IntRange(0, 300).Draw(t, "buffer")))
				}
			}
			cost.StreamIn, cost.StreamOut = 5, 3
		}
		return cost
	})
	alloc := spread(g, func() int { return rapid.IntRange(0, acc.Offchip-1).Draw(t, "core") })
	want, err := execute.Untiled(w)
	if err != nil {
		t.Fatal(err)
	}
	s, err := executed(w, g, acc, costs, alloc, want, simulate.Problem{
		InOrder:    rapid.IntRange(0, 3).Draw(t, "in order") == 0,
		FetchOrder: rapid.SampledFrom([]simulate.FetchOrder{simulate.SmallestFirst, simulate.LargestFirst, simulate.AsListed}).Draw(t, "fetch order"),
	})
	if infeasible := new(schedule.Infeasible); errors.As(err, &infeasible) {
		return g, nil
	} else if err != nil {
		t.Fatal(err)
	}
	return g, s
}

// TestExecutionOfRandomNetworks cuts random networks at random, into stacks or not,
// with halos recomputed or not, and executes them.
func TestExecutionOfRandomNetworks(t *testing.T) {
	runs, scheduled := 0, 0
	causes := map[schedule.Cause]int{}
	reductions, parts, far, within := 0, 0, 0, 0
	cuts := map[workload.Dim]int{}
	check := func(t *rapid.T) {
		w, m, stacks := randomNetwork(t)
		m.RecomputeHalo = rapid.Bool().Draw(t, "recompute")
		g, s := executedAtRandom(t, w, m, stacks)
		runs++
		if s == nil {
			return
		}
		scheduled++
		for i := range g.Layers {
			for d, cut := range g.Layers[i].Cuts {
				if cut.Parts() > 1 {
					cuts[g.Layers[i].Dims[d].Dim]++
				}
			}
		}
		for _, x := range s.Transfers {
			causes[x.Cause]++
			if x.Part != 0 {
				parts++
			}
			switch {
			case len(x.Links) > 2:
				far++
			case len(x.Links) == 0:
				within++
			}
			if out := g.Tensors[x.Tensor]; x.Cause == schedule.Fetch && x.For >= 0 && !out.Constant && out.Layer == g.Nodes[x.For].Layer {
				reductions++
			}
		}
	}
	uncut := func() []workload.Dim {
		return slices.DeleteFunc([]workload.Dim{"B", "K", "G", "C", "OY", "OX", "FY", "FX", "H", "D"}, func(d workload.Dim) bool { return cuts[d] > 0 })
	}
	for i := 0; i == 0 || i < 10 && len(uncut()) > 0; i++ { // one in thirty has cuts along G
		rapid.Check(t, check)
	}
	if scheduled < runs/2 || causes[schedule.Eviction] == 0 || causes[schedule.Spill] == 0 || reductions == 0 || parts == 0 || far == 0 || within == 0 {
		t.Errorf("of %d networks %d have a schedule; transfers by cause: %v, of partial sums %d, of parts %d, over more than two links %d, within a core %d", runs, scheduled, causes, reductions, parts, far, within)
	}
	if d := uncut(); len(d) > 0 {
		t.Errorf("in %d networks no layer is cut along %v", runs, d)
	}
}

// net is an ONNX graph in the making.
type net struct{ onnx.Graph }

// op adds an operator with one result, "name", and returns that. Inputs with a shape
// behind their name, "w 8 3 3 3", are weights.
func (n *net) op(opType, name string, attributes []onnx.Attribute, inputs ...string) string {
	node := onnx.Node{Name: name, OpType: opType, Outputs: []string{name}, Attributes: attributes}
	for _, in := range inputs {
		fields := strings.Fields(in)
		node.Inputs = append(node.Inputs, fields[0])
		if len(fields) > 1 {
			w := onnx.Tensor{Name: fields[0], Type: onnx.Float32}
			for _, f := range fields[1:] {
				var d int64
				fmt.Sscan(f, &d)
				w.Dims = append(w.Dims, d)
			}
			n.Initializers = append(n.Initializers, w)
		}
	}
	n.Nodes = append(n.Nodes, node)
	return name
}

func list(name string, values ...int64) onnx.Attribute {
	return onnx.Attribute{Name: name, Type: onnx.AttributeInts, Ints: values}
}

func number(name string, v int64) onnx.Attribute {
	return onnx.Attribute{Name: name, Type: onnx.AttributeInt, Int: v}
}

func attributes(a ...onnx.Attribute) []onnx.Attribute { return a }

// workload closes the graph: x is its input, out its result.
func (n *net) workload(t *testing.T, shape []int, out string) *workload.Workload {
	t.Helper()
	n.Inputs = []onnx.ValueInfo{{Name: "x", Type: onnx.Float32, Shape: onnx.Static(shape...)}}
	n.Outputs = []onnx.ValueInfo{{Name: out, Type: onnx.Float32}}
	w, err := onnx.Workload(&onnx.Model{IRVersion: 8, Opsets: []onnx.Opset{{Version: 13}}, Graph: n.Graph}, onnx.Options{Rules: rules.Default()})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// TestExecutionByOperator computes small networks, one for each thing that makes
// dependencies interesting, layer by layer and fused, with much and little memory,
// on one core and on many.
func TestExecutionByOperator(t *testing.T) {
	image, matrix := []int{1, 4, 9, 7}, []int{6, 8}
	pad := list("pads", 1, 1, 1, 1)
	for _, c := range []struct {
		name  string
		shape []int
		build func(n *net) string
	}{
		{"halo and padding", image, func(n *net) string {
			n.op("Conv", "a", attributes(pad), "x", "w1 6 4 3 3")
			n.op("Conv", "b", attributes(pad), "a", "w2 4 6 3 3")
			return n.op("Conv", "c", attributes(list("pads", 2, 0, 1, 3)), "b", "w3 5 4 5 2")
		}},
		{"stride", image, func(n *net) string {
			n.op("Conv", "a", attributes(pad, list("strides", 2, 2)), "x", "w1 6 4 3 3")
			return n.op("Conv", "b", attributes(list("strides", 2, 1)), "a", "w2 4 6 1 1")
		}},
		{"dilation", image, func(n *net) string {
			n.op("Conv", "a", attributes(list("dilations", 2, 3), list("pads", 2, 3, 2, 3)), "x", "w1 4 4 3 3")
			return n.op("Conv", "b", attributes(list("dilations", 3, 1), list("strides", 1, 2)), "a", "w2 4 4 2 3")
		}},
		{"groups", image, func(n *net) string {
			n.op("Conv", "a", attributes(pad, number("group", 4)), "x", "w1 8 1 3 3")
			n.op("Conv", "b", attributes(number("group", 2)), "a", "w2 6 4 1 1")
			return n.op("Conv", "c", attributes(number("group", 6)), "b", "w3 6 1 3 3")
		}},
		{"pooling", image, func(n *net) string {
			n.op("MaxPool", "a", attributes(list("kernel_shape", 3, 3), list("strides", 2, 2), pad), "x")
			n.op("Conv", "b", nil, "a", "w1 6 4 1 1")
			n.op("AveragePool", "c", attributes(list("kernel_shape", 2, 2)), "b")
			return n.op("GlobalAveragePool", "d", nil, "c")
		}},
		{"residual", image, func(n *net) string {
			n.op("Conv", "a", attributes(pad), "x", "w1 4 4 3 3")
			n.op("Relu", "b", nil, "a")
			n.op("Conv", "c", attributes(pad), "b", "w2 4 4 3 3")
			n.op("Conv", "skip", nil, "x", "w3 4 4 1 1")
			n.op("Add", "d", nil, "c", "skip")
			return n.op("Add", "e", nil, "d", "b")
		}},
		{"flatten and product", image, func(n *net) string {
			n.op("Conv", "a", nil, "x", "w1 3 4 3 3")
			n.op("Flatten", "f", nil, "a")
			n.op("Gemm", "b", nil, "f", "w2 105 7")
			return n.op("Gemm", "c", nil, "b", "w3 7 5")
		}},
		{"transpose", matrix, func(n *net) string {
			n.op("Gemm", "a", nil, "x", "w1 8 10")
			n.op("Transpose", "t", attributes(list("perm", 1, 0)), "a")
			n.op("Gemm", "b", nil, "t", "w2 6 9")
			return n.op("Relu", "r", nil, "b")
		}},
		{"attention", matrix, func(n *net) string {
			n.op("Gemm", "q", nil, "x", "wq 8 8")
			n.op("Gemm", "k", nil, "x", "wk 8 8")
			n.op("Gemm", "v", nil, "x", "wv 8 8")
			n.op("Transpose", "kt", attributes(list("perm", 1, 0)), "k")
			n.op("MatMul", "scores", nil, "q", "kt")
			n.op("Softmax", "p", attributes(number("axis", 1)), "scores")
			n.op("MatMul", "o", nil, "p", "v")
			return n.op("Gemm", "out", nil, "o", "wo 8 4")
		}},
		{"layer whose output is read and leaves", image, func(n *net) string {
			n.op("Conv", "a", attributes(pad), "x", "w1 4 4 3 3")
			n.Outputs = append(n.Outputs, onnx.ValueInfo{Name: "a", Type: onnx.Float32})
			return n.op("Conv", "b", nil, "a", "w2 4 4 1 1")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := &net{}
			w := n.workload(t, c.shape, c.build(n))
			testExecution(t, w)
		})
	}
}

// TestExecutionOfConcat puts two results together along their channels.
func TestExecutionOfConcat(t *testing.T) {
	n := &net{}
	n.op("Conv", "a", attributes(list("pads", 1, 1, 1, 1)), "x", "w1 4 4 3 3")
	n.op("Conv", "b", nil, "a", "w2 2 4 1 1")
	w := n.workload(t, []int{1, 4, 6, 5}, n.op("Conv", "c", nil, "b", "w3 3 2 1 1"))
	// The last layer reads the first two instead, one after the other.
	shape := []int{1, 6, 6, 5}
	last := &w.Layers[2]
	last.Dims = slices.Clone(last.Dims)
	for i := range last.Dims {
		if last.Dims[i].Dim == "C" {
			last.Dims[i].Size = 6
		}
	}
	from := func(layer int) workload.Source { return workload.Source{Kind: workload.FromLayer, Layer: layer} }
	for i := range last.Operands {
		if last.Operands[i].Name == "I" {
			last.Operands[i].Source = workload.Joined(workload.Movement{Type: "Concat", ID: 9, Axis: 1, Shape: shape}, []workload.Source{from(0), from(1)}, []int{4, 2})
		}
	}
	testExecution(t, w)
}

// testExecution computes a network under several tilings, stacks, memories and
// allocations.
func testExecution(t *testing.T, w *workload.Workload) {
	t.Helper()
	want, err := execute.Untiled(w)
	if err != nil {
		t.Fatal(err)
	}
	evictions := 0
	for _, tilings := range []struct{ intra, inter []mapping.Tiling }{
		{},
		{intra: []mapping.Tiling{{Dim: "OY", Parts: mapping.All}, {Dim: "D", Parts: mapping.All}}},
		{intra: []mapping.Tiling{{Dim: "OX", Parts: 2}, {Dim: "OY", Parts: 3}, {Dim: "D", Parts: 2}, {Dim: "C", Parts: 2}}, inter: []mapping.Tiling{{Dim: "K", Parts: 2}}},
		{intra: []mapping.Tiling{{Dim: "K", Parts: 3}}, inter: []mapping.Tiling{{Dim: "C", Parts: 3}, {Dim: "OY", Parts: 2}}},
	} {
		m := &mapping.Mapping{}
		for i := range w.Layers {
			l := &w.Layers[i]
			has := func(list []mapping.Tiling) []mapping.Tiling {
				return slices.DeleteFunc(slices.Clone(list), func(x mapping.Tiling) bool { return !l.HasDim(x.Dim) })
			}
			m.Entries = append(m.Entries, mapping.Entry{Name: l.Name, Cores: []int{0, 1, 2, 3}, Intra: has(tilings.intra), Inter: has(tilings.inter)})
		}
		for _, stacks := range []split.Stacks{split.LayerByLayer(w), {indices(len(w.Layers))}} {
			g := build(t, w, m, stacks, rules.Default())
			for _, cores := range []int{1, 4} {
				for _, size := range []int{1 << 24, 5000, 2500, 1200, 700} {
					acc := resized(t, "tpu_like_quad_core", size, func() int { return 24 })
					next := 0
					alloc := spread(g, func() int { next++; return next % cores })
					runtime := unit.Cycles(0)
					costs := allCores(g, acc, func() schedule.NodeCost {
						runtime = (runtime+7)%20 + 1
						return schedule.NodeCost{Runtime: runtime}
					})
					s, err := executed(w, g, acc, costs, alloc, want, simulate.Problem{})
					infeasible := new(schedule.Infeasible)
					switch {
					case errors.As(err, &infeasible) && size < 1<<24:
						continue
					case err != nil:
						t.Fatalf("tilings %v, %d stacks, %d cores, memories of %d bits: %v", tilings, len(stacks), cores, size, err)
					}
					for _, x := range s.Transfers {
						if x.Cause == schedule.Eviction {
							evictions++
						}
					}
				}
			}
		}
	}
	if evictions == 0 {
		t.Error("nothing was ever evicted: the memories are too large for the test to show much")
	}
}

// TestExecutionCatches makes sure that the execution finds what is wrong: with
// dependencies, with their bits, and with when data is where.
func TestExecutionCatches(t *testing.T) {
	n := &net{}
	n.op("Conv", "a", attributes(list("pads", 1, 1, 1, 1)), "x", "w1 4 4 3 3")
	n.op("Conv", "b", attributes(list("pads", 1, 1, 1, 1)), "a", "w2 4 4 3 3")
	w := n.workload(t, []int{1, 4, 6, 5}, "b")
	m := &mapping.Mapping{Entries: []mapping.Entry{{Name: "default", Cores: []int{0, 1}, Intra: []mapping.Tiling{{Dim: "OY", Parts: 3}}}}}
	want, err := execute.Untiled(w)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, want string
		graph      func(edges []taskgraph.Edge) []taskgraph.Edge
		schedule   func(s *schedule.Schedule)
	}{
		{name: "nothing"},
		{name: "a dependency is missing", want: "node 0 of layer b on core 1 at", graph: func(e []taskgraph.Edge) []taskgraph.Edge {
			return slices.DeleteFunc(e, func(e taskgraph.Edge) bool { return e.Data() && e.Src == 1 && e.Dst == 3 })
		}},
		{name: "a dependency with too few bits", want: "reads 160 bits of tensor O of layer a (first used by node 1) over dependencies of 159", graph: func(e []taskgraph.Edge) []taskgraph.Edge {
			for i := range e {
				if e[i].Data() && e[i].Src == 1 && e[i].Dst == 3 {
					e[i].Bits--
				}
			}
			return e
		}},
		{name: "data gone before its reader ends", want: "element 0 of layer a is absent", schedule: func(s *schedule.Schedule) {
			for i := range s.Copies {
				if c := &s.Copies[i]; c.Tensor == 0 && c.Store == 1 {
					c.End = s.Tasks[3].End - 1
				}
			}
		}},
		{name: "a reader that starts too early", want: "is absent", schedule: func(s *schedule.Schedule) {
			for i := range s.Copies {
				if c := &s.Copies[i]; c.Start == s.Tasks[3].Start {
					c.Start--
				}
			}
			s.Tasks[3].Start--
		}},
		{name: "a transfer before the data is there", want: "there is no copy to read", schedule: func(s *schedule.Schedule) {
			for i := range s.Transfers {
				if x := &s.Transfers[i]; x.Tensor == 0 {
					x.Start--
				}
			}
		}},
		{name: "weights that never come", want: "operand W: the constant is absent", schedule: func(s *schedule.Schedule) {
			s.Transfers = slices.DeleteFunc(s.Transfers, func(x schedule.Transfer) bool { return x.For == 3 && x.From == 6 })
		}},
		{name: "an output that is not stored", want: "of layer b, a network output, is not in off-chip memory in the end", schedule: func(s *schedule.Schedule) {
			s.Transfers = slices.DeleteFunc(s.Transfers, func(x schedule.Transfer) bool { return x.Cause == schedule.Writeback })
		}},
		{name: "an output without room", want: "there is no room for the output", schedule: func(s *schedule.Schedule) {
			s.Copies = slices.DeleteFunc(s.Copies, func(c schedule.Copy) bool { return c.Available == s.Tasks[0].End })
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := build(t, w, m, split.Stacks{{0, 1}}, rules.Default())
			if c.graph != nil {
				parts, pieces := g.Parts, g.Pieces
				g = taskgraph.New(g.Layers, g.Nodes, g.Tensors, c.graph(slices.Collect(g.Edges())))
				g.Parts, g.Pieces = parts, pieces
				classifyByNeed(g)
			}
			acc := resized(t, "tpu_like_quad_core", 1<<24, func() int { return 24 })
			costs := allCores(g, acc, func() schedule.NodeCost { return schedule.NodeCost{Runtime: 10} })
			next := -1
			alloc := spread(g, func() int { next++; return next })
			sim, err := simulate.New(simulate.Problem{Graph: g, Accelerator: acc, Costs: costs, Priority: simulate.Order(g, nil), Rules: rules.Default()})
			if err != nil {
				t.Fatal(err)
			}
			s, err := sim.Run(alloc)
			if err != nil {
				t.Fatal(err)
			}
			if c.schedule != nil {
				c.schedule(s)
			}
			got := "<nil>"
			if err := execute.Tiled(w, g, acc, costs, s, want); err != nil {
				got = err.Error()
			}
			if c.want == "" && got != "<nil>" || !strings.Contains(got, c.want) {
				t.Errorf("got %s, want %q", got, c.want)
			}
		})
	}
}

// TestExecutionCatchesSums makes sure that the execution finds partial sums that
// are lost, are more than their edge says, or are not there when they are added to.
func TestExecutionCatchesSums(t *testing.T) {
	n := &net{}
	w := n.workload(t, []int{1, 4, 6, 5}, n.op("Conv", "a", nil, "x", "w1 4 4 3 3"))
	m := &mapping.Mapping{Entries: []mapping.Entry{{Name: "default", Cores: []int{0, 1}, Inter: []mapping.Tiling{{Dim: "C", Parts: 2}}}}}
	want, err := execute.Untiled(w)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, want string
		change     func(e *taskgraph.Edge)
		schedule   func(s *schedule.Schedule)
	}{
		{name: "nothing"},
		{name: "lost", want: "of the output is", change: func(e *taskgraph.Edge) { e.Bits = 0 }},
		{name: "more than the edge says", want: "reads 768 bits of tensor O of layer a (first used by node 0) over dependencies of 767", change: func(e *taskgraph.Edge) { e.Bits-- }},
		{name: "gone", want: "the partial sum of element", schedule: func(s *schedule.Schedule) {
			for i := range s.Copies {
				if c := &s.Copies[i]; c.Tensor == 0 && c.Store != s.Copies[0].Store {
					c.End = min(c.End, s.Tasks[1].End-1)
				}
			}
		}},
	} {
		g := build(t, w, m, split.LayerByLayer(w), rules.Default())
		edges := slices.Collect(g.Edges())
		for i := range edges {
			if edges[i].PartialSums() && c.change != nil {
				c.change(&edges[i])
			}
		}
		acc := resized(t, "tpu_like_quad_core", 1<<24, func() int { return 24 })
		costs := allCores(g, acc, func() schedule.NodeCost { return schedule.NodeCost{Runtime: 10} })
		core := -1
		alloc := spread(g, func() int { core++; return core })
		sim, err := simulate.New(simulate.Problem{Graph: g, Accelerator: acc, Costs: costs, Priority: simulate.Order(g, nil), Rules: rules.Default()})
		if err != nil {
			t.Fatal(err)
		}
		s, err := sim.Run(alloc)
		if err != nil {
			t.Fatal(err)
		}
		if c.schedule != nil {
			c.schedule(s)
		}
		got := "<nil>"
		changed := taskgraph.New(g.Layers, g.Nodes, g.Tensors, edges)
		changed.Parts, changed.Pieces = g.Parts, g.Pieces
		if err := execute.Tiled(w, changed, acc, costs, s, want); err != nil {
			got = err.Error()
		}
		if c.want == "" && got != "<nil>" || !strings.Contains(got, c.want) {
			t.Errorf("%s: got %s, want %q", c.name, got, c.want)
		}
	}
}
