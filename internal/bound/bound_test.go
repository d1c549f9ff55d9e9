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

func TestSubset(t *testing.T) {
	for _, c := range []struct {
		a, b []int
		want bool
	}{
		{nil, nil, true},
		{[]int{1}, []int{0, 1, 2}, true},
		{[]int{0, 2}, []int{0, 1, 2}, true},
		{[]int{0, 3}, []int{0, 1, 2}, false},
		{[]int{0}, nil, false},
	} {
		if got := subset(c.a, c.b); got != c.want {
			t.Errorf("subset(%v, %v) = %v", c.a, c.b, got)
		}
	}
}

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

func dual(t *testing.T) *hardware.Accelerator {
	t.Helper()
	const file = `{"name": "dual", "cores": {"0": "core.yaml", "1": "core.yaml"}, "offchip_core": "dram.yaml", "core_connectivity": ["0, 1"], "bandwidth": 8, "unit_energy_cost": 0}`
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

// A chain of three layers with weights of 80, 800 and 80 bits (10, 100 and 10
// cycles on the link), outputs of 16 bits (2 cycles), on two equal cores.
func TestChain(t *testing.T) {
	acc := dual(t)
	g := chain([]unit.Bits{80, 800, 80}, 16)
	both := func(int, int) []int { return []int{0, 1} }
	table := func(runtimes ...unit.Cycles) *schedule.CostTable {
		c := schedule.NewCostTable(len(runtimes), len(acc.Cores))
		for class, r := range runtimes {
			for core := range 2 {
				*c.At(int32(class), core) = schedule.NodeCost{Feasible: true, Runtime: r + unit.Cycles(core)}
			}
		}
		return c
	}
	for _, c := range []struct {
		name     string
		runtimes []unit.Cycles
		want     Bound
	}{
		// 10 + 100 + 10 to fetch and 2 to store; the path waits for the second weights: 100 + 20 + 20 + 2.
		{"short nodes", []unit.Cycles{20, 20, 20}, Bound{Latency: 142, SetBy: "critical path", Compute: 30, Offchip: 122, CriticalPath: 142}},
		// 100 for the second weights, then 60 + 60 and 2 to store.
		{"long nodes", []unit.Cycles{60, 60, 60}, Bound{Latency: 222, SetBy: "critical path", Compute: 90, Offchip: 122, CriticalPath: 222}},
		// 10 + 150 + 150 + 150 + 2.
		{"longer nodes", []unit.Cycles{150, 150, 150}, Bound{Latency: 462, SetBy: "critical path", Compute: 225, Offchip: 122, CriticalPath: 462}},
		{"traffic", []unit.Cycles{1, 1, 1}, Bound{Latency: 122, SetBy: "off-chip traffic", Compute: 2, Offchip: 122, CriticalPath: 104}},
	} {
		got := Latency(Problem{Graph: g, Accelerator: acc, Costs: table(c.runtimes...), Cores: both})
		if got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}

	// With only core 1 for every layer, its slower runtimes count and nothing overlaps.
	one := func(int, int) []int { return []int{1} }
	got := Latency(Problem{Graph: g, Accelerator: acc, Costs: table(60, 60, 60), Cores: one})
	if got.Compute != 183 || got.CriticalPath != 100+61+61+2 {
		t.Errorf("one core: %+v, want 183 to compute and 224 on the critical path", got)
	}

	// Streamed weights cross no link as a transfer of their own.
	c := table(60, 60, 60)
	for core := range 2 {
		c.At(1, core).Streamed = []hardware.MemoryOperand{hardware.I2}
	}
	if got := Latency(Problem{Graph: g, Accelerator: acc, Costs: c, Cores: both}); got.Offchip != 22 {
		t.Errorf("streamed weights: off-chip %d, want 22", got.Offchip)
	}

	// The published rules let a node start while its weights are on their way.
	early := Problem{Graph: g, Accelerator: acc, Costs: table(20, 20, 20), Cores: both, Rules: rules.Reference2024()}
	if got := Latency(early); got.CriticalPath != 62 {
		t.Errorf("published rules: critical path %d, want 62", got.CriticalPath)
	}
}

// Four independent nodes of 10 cycles on two cores need 20.
func TestComputeIsShared(t *testing.T) {
	acc := dual(t)
	g := chain([]unit.Bits{8, 8, 8, 8}, 8)
	g = taskgraph.New(g.Layers, g.Nodes, g.Tensors, nil)
	c := schedule.NewCostTable(4, len(acc.Cores))
	for class := range int32(4) {
		for core := range 2 {
			*c.At(class, core) = schedule.NodeCost{Feasible: true, Runtime: 10}
		}
	}
	got := Latency(Problem{Graph: g, Accelerator: acc, Costs: c, Cores: func(layer, _ int) []int {
		if layer == 3 {
			return []int{1}
		}
		return []int{1, 0}
	}})
	if got.Compute != 20 || got.SetBy != "compute" {
		t.Errorf("%+v, want 20 cycles, set by compute", got)
	}
}
