package bound

import (
	"fmt"
	"testing"

	"streamdse/hardware"
	"streamdse/rules"
	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/unit"
	"streamdse/workload"
)

// chain is a graph of single-node layers, each with a constant operand, one after another.
func chain(weights []unit.Bits, output unit.Bits) *taskgraph.Graph {
	l := &workload.Layer{Operands: []workload.Operand{{Name: "O"}, {Name: "W"}}}
	var layers []taskgraph.Layer
	var nodes []taskgraph.Node
	var tensors []taskgraph.Tensor
	var edges []taskgraph.Edge
	for i, w := range weights {
		id := taskgraph.NodeID(i)
		tensors = append(tensors,
			taskgraph.Tensor{Layer: int32(i), Origin: id, Uses: 1, Bits: output},
			taskgraph.Tensor{Layer: int32(i), Operand: 1, Constant: true, Origin: id, Uses: 1, Bits: w})
		nodes = append(nodes, taskgraph.Node{
			Layer: int32(i), Class: int32(i), Final: true,
			Operands: []taskgraph.TensorID{taskgraph.TensorID(2 * i), taskgraph.TensorID(2*i + 1)},
		})
		layers = append(layers, taskgraph.Layer{
			Layer: l, Memory: []hardware.MemoryOperand{hardware.O, hardware.I2}, Nodes: []taskgraph.NodeID{id}, Groups: 1,
		})
		if i > 0 {
			edges = append(edges, taskgraph.Edge{Src: id - 1, Dst: id, Operand: 1, Bits: output})
		}
	}
	return taskgraph.New(layers, nodes, tensors, edges)
}

// core has one memory for everything; the off-chip one is behind a link of 8 bits per cycle.
const core = `{"name": "core", "memories": {"sram": {"size": 4096, "r_bw": 8, "w_bw": 8, "r_cost": 1, "w_cost": 1, "area": 0,
	"r_port": 0, "w_port": 0, "rw_port": 1, "latency": 1, "operands": ["I1", "I2", "O"],
	"ports": [{"fh": "rw_port_1", "tl": "rw_port_1"}, {"fh": "rw_port_1", "tl": "rw_port_1"}, {"fh": "rw_port_1", "tl": "rw_port_1", "fl": "rw_port_1", "th": "rw_port_1"}],
	"served_dimensions": ["D1"]}}, "operational_array": {"multiplier_energy": 0, "multiplier_area": 0, "dimensions": ["D1"], "sizes": [%d]}}`

func dual(t testing.TB) *hardware.Accelerator {
	t.Helper()
	return parsed(t, `{"name": "dual", "cores": {"0": "core.yaml", "1": "core.yaml"}, "offchip_core": "dram.yaml", "core_connectivity": ["0, 1"], "bandwidth": 8, "unit_energy_cost": 0}`)
}

// parsed is an accelerator of such cores.
func parsed(t testing.TB, file string) *hardware.Accelerator {
	t.Helper()
	acc, err := hardware.Parse("dual.yaml", []byte(file), func(name string) (string, []byte, error) {
		size := 1
		if name == "dram.yaml" {
			size = 0
		}
		return name, fmt.Appendf(nil, core, size), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return acc
}

// prices fills a cost table: the runtimes of classes on core 0, a cycle more on core 1;
// 3 pJ on core 0, 5 on core 1.
func prices(acc *hardware.Accelerator, runtimes ...unit.Cycles) *schedule.CostTable {
	c := schedule.NewCostTable(len(runtimes), len(acc.Cores))
	for class, r := range runtimes {
		for core := range 2 {
			*c.At(int32(class), core) = schedule.NodeCost{Feasible: true, Runtime: r + unit.Cycles(core), Onchip: 3 + 2*unit.Picojoules(core)}
		}
	}
	return c
}

func cores(list ...int) func(int, int) []int {
	return func(int, int) []int { return list }
}

// A chain of three layers with weights of 80, 800 and 80 bits (10, 100 and 10
// cycles on the link), outputs of 16 bits (2 cycles), on two cores.
func TestChain(t *testing.T) {
	acc := dual(t)
	g := chain([]unit.Bits{80, 800, 80}, 16)
	for _, c := range []struct {
		runtime              unit.Cycles
		path, links, compute unit.Cycles
		setBy                string
	}{
		// The second node waits for its weights: 100 + 20 + 20 + 2. It has to wait for the
		// first ones, too, on the link: 10 + 100 + 20 + 20 + 2. Two cores would need 10
		// cycles and a fraction for it (one takes 21), after the 100 and before 22.
		{20, 142, 152, 133, "off-chip weights"},
		// 100 + 60 + 60 + 2; 10 + 100 + 60 + 60 + 2; 100 + 31 + 62.
		{60, 222, 232, 193, "off-chip weights"},
		// 10 + 150 + 150 + 150 + 2, for the path and for the first weights; 160 + 76 + 152.
		{150, 462, 462, 388, "critical path"},
		// 100 + 1 + 1 + 2; 10 + 100 + 10 and the last node and its output.
		{1, 104, 123, 104, "off-chip weights"},
	} {
		got := Find(Problem{Graph: g, Accelerator: acc, Costs: prices(acc, c.runtime, c.runtime, c.runtime), Cores: cores(0, 1)})
		if got.Path.Latency != c.path || got.Links.Latency != c.links || got.Compute.Latency != c.compute || got.LatencySetBy != c.setBy {
			t.Errorf("nodes of %d cycles: %+v, want %+v", c.runtime, got, c)
		}
		if got.Latency != max(c.path, c.links, c.compute) {
			t.Errorf("nodes of %d cycles: bound %d", c.runtime, got.Latency)
		}
	}
}

// With only core 1 for every layer, its slower runtimes count and nothing overlaps.
func TestOneCore(t *testing.T) {
	acc := dual(t)
	got := Find(Problem{Graph: chain([]unit.Bits{80, 800, 80}, 16), Accelerator: acc, Costs: prices(acc, 60, 60, 60), Cores: cores(1)})
	if want := unit.Cycles(100 + 61 + 61 + 2); got.Compute.Latency != want || got.Path.Latency != want || got.Compute.SetBy != "compute on core 1" {
		t.Errorf("%+v, want %d cycles for the path and on core 1", got, want)
	}
	// 3 nodes of 5 pJ; weights and output are read and written in words of 8 bits at 1 pJ.
	if want := unit.Picojoules(3*5 + 2*(10+100+10+2)); !near(got.Energy, want) || got.EnergySetBy != "off-chip weights, inputs and outputs" {
		t.Errorf("%v pJ by %s, want %v", got.Energy, got.EnergySetBy, want)
	}
}

func near(a, b unit.Picojoules) bool { return a <= b && a > b-1e-6 }

// The second layer runs on another core than its neighbours: its input and its output
// are moved in 2 cycles each, for 4 pJ.
func TestMoves(t *testing.T) {
	acc := dual(t)
	got := Find(Problem{Graph: chain([]unit.Bits{0, 0, 0}, 16), Accelerator: acc, Costs: prices(acc, 60, 60, 60),
		Cores: func(layer, _ int) []int { return []int{layer % 2} }})
	if want := unit.Cycles(60 + 2 + 61 + 2 + 60 + 2); got.Path.Latency != want {
		t.Errorf("path of %d, want %d", got.Path.Latency, want)
	}
	if want := unit.Picojoules(3 + 4 + 5 + 4 + 3 + 4); !near(got.Energy, want) || got.EnergySetBy != "cores" {
		t.Errorf("%v pJ by %s, want %v", got.Energy, got.EnergySetBy, want)
	}
}

// The second layer streams its weights and its input, which has to be stored off-chip
// for it. What is streamed crosses no link as a transfer, but loads it; nothing else can
// be moved meanwhile.
func TestStreaming(t *testing.T) {
	acc := dual(t)
	c := prices(acc, 60, 60, 60)
	for core := range 2 {
		c.At(1, core).Streamed = []hardware.MemoryOperand{hardware.I2}
	}
	p := Problem{Graph: chain([]unit.Bits{80, 800, 80}, 16), Accelerator: acc, Costs: c, Cores: cores(0, 1)}
	if got := Find(p); got.Path.Latency != 10+60+2+60+60+2 || got.Links.Latency != 10+(60+2+60+60+2) {
		t.Errorf("streaming without a load: %+v, want 194 cycles", got)
	}
	// 120 cycles of streaming over a link of half the bandwidth, 10 and 10 cycles for the
	// other weights and 2 for the input, before the last node and its output.
	for core := range 2 {
		c.At(1, core).StreamIn = 16
		c.At(0, core).Runtime = 1
	}
	if got := Find(p); got.Links.Latency != 10+10+2+120+60+2 || got.Path.Latency != 10+1+2+120+60+2 || got.Links.SetBy != "off-chip streaming of what does not fit" {
		t.Errorf("streamed weights: %+v, want 204 cycles on the links, a path of 195", got)
	}
}

// TestLinksSideBySide: data crosses two channels at the sum of their bandwidths, a single
// transfer at that of the faster one; who streams may take the faster one for each way.
func TestLinksSideBySide(t *testing.T) {
	acc := parsed(t, `{"name": "twin", "cores": {"0": "core.yaml", "1": "core.yaml", "2": "dram.yaml"}, "offchip_core_id": 2, "core_connectivity": [
		{"type": "bus", "cores": [0, 1, 2], "bandwidth": 8, "unit_energy_cost": 2}, {"type": "bus", "cores": [0, 1, 2], "bandwidth": 16, "unit_energy_cost": 1}]}`)
	p := Problem{Graph: chain([]unit.Bits{480, 480}, 16), Accelerator: acc, Costs: prices(acc, 1, 1), Cores: cores(0)}
	// 480 bits take 30 cycles on the faster channel, 960 take 40 on both, and the output one.
	if got := Find(p); got.Path.Latency != 30+1+1+1 || got.Links.Latency != 40+1+1 {
		t.Errorf("%+v, want a path of 33 and 42 cycles on the links", got)
	}
	// 2 nodes of 3 pJ; 976 bits in words of 8 at both ends, on the cheaper channel of 16.
	if got := Find(p); !near(got.Energy, 2*3+2*976/8+976/16) {
		t.Errorf("%v pJ, want %v", got.Energy, 2*3+2*976/8+976/16)
	}
	p.Rules.FirstLinkOnly = true
	if got := Find(p); got.Path.Latency != 60+1+1+2 || got.Links.Latency != 120+1+2 || !near(got.Energy, 2*3+2*976/8+2*976/8) {
		t.Errorf("over the first channel: %+v, want a path of 64, 123 cycles on the links and 494 pJ", got)
	}
	// 20 bits a cycle in and 10 out: 60 cycles become 75 on both channels, 112.5 on the faster
	// one alone, and 225 on the first.
	*p.Costs.At(1, 0) = schedule.NodeCost{Feasible: true, Runtime: 60, Streamed: []hardware.MemoryOperand{hardware.I2, hardware.O}, StreamIn: 20, StreamOut: 10}
	for firstOnly, want := range map[bool]unit.Cycles{false: 75, true: 225} {
		p.Rules.FirstLinkOnly = firstOnly
		a := newFacts(p)
		if got := a.runtime(1, 0); got != want {
			t.Errorf("first link only %v: the node runs for %d cycles, want %d", firstOnly, got, want)
		}
	}
}

// Under the published rules a node does not wait for what was fetched ahead of it.
func TestPrefetch(t *testing.T) {
	acc := dual(t)
	p := Problem{Graph: chain([]unit.Bits{80, 800, 80}, 16), Accelerator: acc, Costs: prices(acc, 20, 20, 20), Cores: cores(0, 1), Rules: rules.Reference2024()}
	if got := Find(p); got.Path.Latency != 142 {
		t.Errorf("published rules: path of %d, want 142", got.Path.Latency)
	}
	p.Prefetches = true
	if got := Find(p); got.Path.Latency != 62 || got.Links.Latency != 122 {
		t.Errorf("published rules, prefetching: %+v, want a path of 62 and 122 on the links", got)
	}
}

// Four independent nodes on two cores that take 10 and 11 cycles need 20; the best
// weights know that core 1 is slower.
func TestComputeIsShared(t *testing.T) {
	acc := dual(t)
	g := chain([]unit.Bits{0, 0, 0, 0}, 0)
	g = taskgraph.New(g.Layers, g.Nodes, g.Tensors, nil)
	got := Find(Problem{Graph: g, Accelerator: acc, Costs: prices(acc, 10, 10, 10, 10), Cores: cores(1, 0)})
	if got.Compute.Latency != 21 {
		t.Errorf("%+v, want 21 cycles: 40 pieces of 1/10 and 1/11 of one", got)
	}
	got = Find(Problem{Graph: g, Accelerator: acc, Costs: prices(acc, 10, 10, 10, 10), Cores: func(layer, _ int) []int {
		if layer > 0 {
			return []int{1}
		}
		return []int{1, 0}
	}})
	if got.Compute.Latency != 33 || got.Compute.SetBy != "compute on core 1" {
		t.Errorf("%+v, want 33 cycles on core 1", got)
	}
}

func BenchmarkFind(b *testing.B) {
	acc := dual(b)
	weights := make([]unit.Bits, 300)
	runtimes := make([]unit.Cycles, 300)
	for i := range weights {
		weights[i], runtimes[i] = unit.Bits(8*i), unit.Cycles(10*(i%7))
	}
	p := Problem{Graph: chain(weights, 16), Accelerator: acc, Costs: prices(acc, runtimes...), Cores: cores(0, 1)}
	b.ReportAllocs()
	for b.Loop() {
		Find(p)
	}
}
