package simulate

import (
	"encoding/json"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"streamdse/hardware"
	"streamdse/rules"
	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/unit"
	"streamdse/workload"
)

// chip is a small accelerator to check by hand: off-chip memory behind one link of
// 40 bits a cycle (10 pJ a read, 12.5 a write), on-chip memories that are read with
// 32 and written with 48 bits a cycle (1 and 1.25 pJ), links between cores of 10
// bits a cycle; all links take 0.5 pJ a cycle.
type chip struct {
	cores    int
	size     int        // of each on-chip memory; 0 means 10000 bits
	memories [][]string // operands of each memory of a core; nil means one for all
	links    []string
	sharing  []string
}

func (c chip) build(t testing.TB) *hardware.Accelerator {
	t.Helper()
	if c.size == 0 {
		c.size = 10000
	}
	if c.memories == nil {
		c.memories = [][]string{{"I1", "I2", "O"}}
	}
	off := coreFile("off", 1, []int{1 << 30}, 40, 40, 10, []string{"I1", "I2", "O"})
	off["operational_array"].(fields)["sizes"] = []int{0, 0}
	var sizes []int
	for range c.memories {
		sizes = append(sizes, c.size)
	}
	files := fields{"off": off, "core": coreFile("core", 2, sizes, 32, 48, 1, c.memories...)}
	cores := fields{}
	for i := range c.cores {
		cores[fmt.Sprint(i)] = "core"
	}
	if c.links == nil {
		c.links = []string{}
	}
	text := fields{"name": "chip", "cores": cores, "offchip_core": "off", "bandwidth": 10, "unit_energy_cost": 0.5, "core_connectivity": c.links}
	if c.sharing != nil {
		text["core_memory_sharing"] = c.sharing
	}
	return parseFields(t, text, files)
}

// parseFields reads an accelerator from the keys of its file and of its core files.
func parseFields(t rapid.TB, text, files fields) *hardware.Accelerator {
	t.Helper()
	data, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	acc, err := hardware.Parse("chip", data, func(file string) (string, []byte, error) {
		data, err := json.Marshal(files[file])
		return file, data, err
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, data)
	}
	return acc
}

// node is a layer of one node.
type node struct {
	core     int
	runtime  unit.Cycles
	out      unit.Bits
	weight   unit.Bits         // of its constant operand W; none if 0
	input    unit.Bits         // of its constant operand I, if it reads no other node
	from     []int             // nodes whose output it reads as I
	rows     []taskgraph.Range // which tenths of it; all if nil
	streamed []hardware.MemoryOperand
	buffers  []unit.Bits       // of streamed
	in, to   unit.BitsPerCycle // bandwidths of streaming
}

// problem makes a graph of the nodes, in stacks of one layer each.
func problem(acc *hardware.Accelerator, r rules.Rules, list ...node) (Problem, *schedule.Allocation) {
	var (
		layers  []taskgraph.Layer
		nodes   []taskgraph.Node
		tensors []taskgraph.Tensor
		edges   []taskgraph.Edge
	)
	parts := taskgraph.NewParts(nil)
	alloc := new(schedule.Allocation)
	costs := schedule.NewCostTable(len(list), len(acc.Cores))
	for i, spec := range list {
		layer := taskgraph.Layer{Layer: &workload.Layer{ID: i, Name: string(rune('a' + i%26))}, Nodes: []taskgraph.NodeID{taskgraph.NodeID(i)}, Groups: 1, Stack: i}
		n := taskgraph.Node{Layer: int32(i), Class: int32(i), Final: true}
		operand := func(name string, bits unit.Bits, constant bool) {
			n.Operands = append(n.Operands, taskgraph.TensorID(len(tensors)))
			tensors = append(tensors, taskgraph.Tensor{Layer: int32(i), Operand: int8(len(layer.Operands)), Constant: constant, Origin: taskgraph.NodeID(i), Uses: 1, Bits: bits, Ranges: []taskgraph.Range{{Hi: 10}}})
			layer.Operands = append(layer.Operands, workload.Operand{Name: name, Dims: []workload.Dim{"OY"}})
			layer.Memory = append(layer.Memory, memoryOperand[name])
		}
		operand("O", spec.out, false)
		operand("I", spec.input, len(spec.from) == 0 && spec.input > 0)
		if spec.weight > 0 {
			operand("W", spec.weight, true)
		}
		for _, p := range spec.from {
			edges = append(edges, taskgraph.Edge{Src: taskgraph.NodeID(p), Dst: taskgraph.NodeID(i), Operand: 1, Bits: list[p].out, Part: parts.Number(taskgraph.Part{spec.rows})})
		}
		layers, nodes = append(layers, layer), append(nodes, n)
		alloc.Cores = append(alloc.Cores, []int{spec.core})
		for c := range acc.Offchip {
			*costs.At(int32(i), c) = schedule.NodeCost{Feasible: true, Runtime: spec.runtime, Onchip: 1, Streamed: spec.streamed, Buffers: spec.buffers, StreamIn: spec.in, StreamOut: spec.to}
		}
	}
	g := taskgraph.New(layers, nodes, tensors, edges)
	g.Parts = parts
	return Problem{Graph: g, Accelerator: acc, Costs: costs, Priority: Order(g, nil), Rules: r}, alloc
}

// run schedules and verifies.
func run(t testing.TB, p Problem, alloc *schedule.Allocation) *schedule.Schedule {
	t.Helper()
	sim, err := New(p)
	if err != nil {
		t.Fatal(err)
	}
	s, err := sim.Run(alloc)
	if err != nil {
		t.Fatal(err)
	}
	if err := verify(p, alloc, s); err != nil {
		t.Fatal(err)
	}
	return s
}

func verify(p Problem, alloc *schedule.Allocation, s *schedule.Schedule) error {
	if err := schedule.Verify(p.Graph, p.Accelerator, p.Costs, alloc, s, p.Rules); err != nil || !p.InOrder {
		return err
	}
	return schedule.VerifyInOrder(p.Graph, p.Accelerator, s, p.Rules)
}

// describe writes transfers as "fetch a.W 6->0 0-2".
func describe(p Problem, s *schedule.Schedule) []string {
	var out []string
	for _, x := range s.Transfers {
		tensor := &p.Graph.Tensors[x.Tensor]
		layer := &p.Graph.Layers[tensor.Layer]
		out = append(out, fmt.Sprintf("%v %s.%s %d->%d %d-%d", x.Cause, layer.Name, layer.Operands[tensor.Operand].Name, x.From, x.To, x.Start, x.End))
	}
	return out
}
