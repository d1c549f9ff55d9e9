package report

import (
	"fmt"
	"math/rand/v2"

	"streamdse/hardware"
	"streamdse/internal/bottleneck"
	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/unit"
	"streamdse/workload"
)

// testLayer is a layer that reads I from the given source and, unless it is an
// addition, constant weights W.
func testLayer(id int, name, kind string, groups int, source workload.SourceKind) taskgraph.Layer {
	l := &workload.Layer{ID: id, Name: name, Type: kind, Operands: []workload.Operand{
		{Name: "O"},
		{Name: "I", Source: workload.Source{Kind: source}},
		{Name: "W", Source: workload.Source{Kind: workload.FromConstant}},
	}}
	return taskgraph.Layer{Layer: l, Groups: groups}
}

// testAccelerator has compute cores with a link each way between all of them, and
// an off-chip core behind one shared link, which is the last.
func testAccelerator(cores int) *hardware.Accelerator {
	a := &hardware.Accelerator{Name: "test_chip", Offchip: cores}
	members := []int{}
	for i := range cores + 1 {
		c := hardware.Core{ID: i, Name: "pe_array"}
		c.Sizes = []int{8, 8}
		store := hardware.Store{Name: "sram", Cores: []int{i}, Capacity: 1 << 20}
		if i == cores {
			c.Name, c.Sizes = "offchip", []int{0}
			store.Name, store.Capacity = "dram", 1e10
		}
		a.Cores = append(a.Cores, c)
		a.Stores = append(a.Stores, store)
		members = append(members, i)
	}
	for i := range cores {
		for j := range cores {
			if i != j {
				a.Links = append(a.Links, hardware.Link{From: i, To: j, Bandwidth: 32})
			}
		}
	}
	a.Links = append(a.Links, hardware.Link{From: cores, To: hardware.AnyCore, Bandwidth: 64, Shared: true, Members: members})
	return a
}

// small is a result that can be followed by hand: two layers of two nodes each
// and a third without nodes, on two cores. The first layer's weights are fetched
// once and shared, the second layer's are streamed by its last node.
func small() *Data {
	layers := []taskgraph.Layer{
		testLayer(0, "/conv1/Conv", "Conv", 1, workload.FromInput),
		testLayer(2, "/fc, \"last\"/Gemm", "Gemm", 2, workload.FromLayer),
		testLayer(3, "/flatten/Flatten", "Flatten", 1, workload.FromLayer),
	}
	layers[0].Nodes = []taskgraph.NodeID{0, 1}
	layers[1].Nodes = []taskgraph.NodeID{2, 3}
	work := func(n int32) []taskgraph.Range { return []taskgraph.Range{{Lo: 5, Hi: 5 + n}} }
	nodes := []taskgraph.Node{{Layer: 0, Sub: 0, Ranges: work(1600)}, {Layer: 0, Sub: 1, Ranges: work(1600)},
		{Layer: 1, Sub: 0, Group: 0, Class: 1, Ranges: work(960)}, {Layer: 1, Sub: 1, Group: 1, Class: 2, Ranges: work(800)}}
	costs := schedule.NewCostTable(3, 3)
	*costs.At(0, 0) = schedule.NodeCost{Feasible: true, Runtime: 50, Compute: 25, Stall: 20.5, Load: 3, Store: 1, Onchip: 300.25, Operation: 100.25}
	*costs.At(1, 1) = schedule.NodeCost{Feasible: true, Runtime: 30, Compute: 20, Stall: 10, Onchip: 100, Operation: 60}
	*costs.At(2, 1) = schedule.NodeCost{Feasible: true, Runtime: 60, Compute: 50, Load: 10, Onchip: 300, Operation: 200, Streamed: []hardware.MemoryOperand{hardware.I2}, StreamIn: 16}
	tensors := []taskgraph.Tensor{
		{Layer: 0, Operand: 1, Constant: true, Bits: 640},
		{Layer: 0, Operand: 2, Constant: true, Bits: 1280},
		{Layer: 0, Operand: 0, Bits: 320},
		{Layer: 1, Operand: 0, Bits: 64},
	}
	edges := []taskgraph.Edge{{Src: 0, Dst: 1}, {Src: 0, Dst: 2, Operand: 1, Bits: 320}, {Src: 1, Dst: 3, Operand: 1, Bits: 320}}
	a := testAccelerator(2) // links: 0->1, 1->0, off-chip
	s := &schedule.Schedule{
		Latency: 221,
		Energy: schedule.Energy{NodeOnchip: 1000.5, FetchLink: 1.75, FetchMemory: 2000, EvictionLink: 2, EvictionMemory: 300,
			WritebackLink: 3, WritebackMemory: 40.25, CoreLink: 4, CoreMemory: 0.125},
		Tasks: []schedule.Task{{Core: 0, Start: 30, End: 80}, {Core: 0, Start: 80, End: 130}, {Core: 1, Start: 90, End: 120}, {Core: 1, Start: 140, End: 220}},
		Order: []taskgraph.NodeID{0, 1, 2, 3},
		Transfers: []schedule.Transfer{
			{Tensor: 0, Cause: schedule.Fetch, From: 2, To: 0, FromStore: 2, Start: 0, End: 10, Bits: 640, Links: []int32{2}, LinkEnergy: 0.5, MemoryEnergy: 1000},
			{Tensor: 1, Cause: schedule.Prefetch, From: 2, To: 0, FromStore: 2, Start: 10, End: 30, Bits: 1280, Links: []int32{2}, LinkEnergy: 0.5, MemoryEnergy: 900},
			{Tensor: 1, Cause: schedule.Fetch, From: 2, To: 1, FromStore: 2, ToStore: 1, Start: 10, End: 30, Bits: 1280, Links: []int32{2}, Joined: true, MemoryEnergy: 100},
			{Tensor: 2, Cause: schedule.Fetch, From: 0, To: 1, ToStore: 1, For: 2, Start: 80, End: 90, Bits: 320, Links: []int32{0}, LinkEnergy: 4, MemoryEnergy: 0.125},
			{Tensor: 2, Cause: schedule.Eviction, From: 0, To: 2, ToStore: 2, For: 3, Start: 130, End: 135, Bits: 320, Links: []int32{2}, LinkEnergy: 2, MemoryEnergy: 300},
			{Tensor: 3, Cause: schedule.Writeback, From: 1, To: 2, FromStore: 1, ToStore: 2, For: -1, Start: 220, End: 221, Bits: 64, Links: []int32{2}, LinkEnergy: 3, MemoryEnergy: 40.25},
		},
		Blocks: []schedule.Block{{Node: 3, Start: 140, End: 220, Links: []int32{2}, Bandwidth: []unit.BitsPerCycle{16}, LinkEnergy: 0.75}},
		Memories: []schedule.Curve{
			{Times: []unit.Cycles{0, 10, 30, 135}, Bits: []unit.Bits{640, 1920, 2240, 0}},
			{Times: []unit.Cycles{0, 80, 221}, Bits: []unit.Bits{0, 320, 0}},
			{Times: []unit.Cycles{0, 220}, Bits: []unit.Bits{1920, 1984}},
		},
	}
	return &Data{
		Inputs: Inputs{Workload: Input{"tiny", "0a", "nets/tiny.onnx"}, Hardware: Input{Name: "test_chip", SHA256: "0b"}, Mapping: Input{Name: "tiny", SHA256: "0c"},
			Mode: "fused", Rules: "default", Seed: 7, Objective: "edp",
			Settings: Settings{Activations: "fold", Stacks: [][]int{{0, 2}, {3}}, Search: "loma", LPFLimit: 6, Allocator: "genetic", Evaluations: 216, Generations: 8, Individuals: 24}},
		Accelerator: a,
		Graph:       taskgraph.New(layers, nodes, tensors, edges),
		Schedule:    s,
		Allocation:  &schedule.Allocation{Cores: [][]int{{0}, {1, 1}, {0}}},
		Costs:       costs,
		Causes: &bottleneck.Causes{
			Latency: []bottleneck.Cause{
				{Kind: bottleneck.OnLink, Index: 2, Amount: 110.5, Share: 0.5, Layer: 1, LayerShare: 0.75, Remedies: []bottleneck.Change{{Kind: bottleneck.Link, Index: 2}}},
				{Kind: bottleneck.Room, Index: 0, Amount: 22.1, Share: 0.1, Layer: -1, Remedies: []bottleneck.Change{{Kind: bottleneck.Store, Index: 0}, {Kind: bottleneck.Stores}}},
			},
			Energy: []bottleneck.Cause{{Kind: bottleneck.Weights, Amount: 2000, Share: 0.6, LayerShare: 1, Again: 0.25, Remedies: []bottleneck.Change{{Kind: bottleneck.Stores}}}},
		},
		WhatIf: []Trial{
			{Change: bottleneck.Change{Kind: bottleneck.Link, Index: 2}, Latency: 170, Energy: 3350.875},
			{Change: bottleneck.Change{Kind: bottleneck.Stores}, Impossible: "no room"},
		},
		LowerBound: LowerBound{170, "compute", 1200, "cores", 170 * 1200},
		Search:     Search{Evaluations: 200, Front: []Point{{Latency: 200, Energy: 1500, Memory: 64, Chosen: true, Mapping: "pareto/00-mapping.yaml"}, {Latency: 220, Energy: 1400.5, Memory: 48, Mapping: "pareto/01-mapping.yaml"}}},
	}
}

// network is a made-up fused run of some size: the nodes of up to four layers
// interleave on six cores, weights arrive early, activations pass between cores
// after every node.
func network(layerCount, nodeCount int) *Data {
	random := rand.New(rand.NewPCG(1, 2))
	const cores = 6
	a := testAccelerator(cores)
	offchip := int32(len(a.Links) - 1)
	s := &schedule.Schedule{Memories: make([]schedule.Curve, len(a.Stores))}
	var layers []taskgraph.Layer
	for i := range layerCount {
		kind, part := "Conv", fmt.Sprintf("conv%d", i%3+1)
		if i%3 == 2 {
			kind, part = "Relu", "relu"
		}
		source := workload.FromLayer
		if i == 0 {
			source = workload.FromInput
		}
		block := fmt.Sprintf("/layer%d/layer%d.%d", i/12+1, i/12+1, i/3%4)
		layers = append(layers, testLayer(i, block+"/"+part+"/"+kind, kind, 1, source))
	}
	var nodes []taskgraph.Node
	var tensors []taskgraph.Tensor
	var free [cores]unit.Cycles
	linkFree := make([]unit.Cycles, len(a.Links))
	move := func(t taskgraph.TensorID, cause schedule.Cause, from, to, link int32, ready, length unit.Cycles) {
		start := max(ready, linkFree[link])
		linkFree[link] = start + length
		s.Transfers = append(s.Transfers, schedule.Transfer{Tensor: t, Cause: cause, From: from, To: to, Links: []int32{link},
			Start: start, End: start + length, Bits: tensors[t].Bits})
	}
	for l := range layerCount {
		tensors = append(tensors, taskgraph.Tensor{Layer: int32(l), Operand: 2, Constant: true, Bits: 64 * 9000})
		move(taskgraph.TensorID(len(tensors)-1), schedule.Fetch, cores, int32(l%cores), offchip, 0, 9000)
	}
	perLayer := nodeCount / layerCount
	for l := range layerCount {
		count := perLayer
		if l == layerCount-1 {
			count = nodeCount - perLayer*(layerCount-1)
		}
		for k := range count {
			core := l % cores
			start := max(free[core], unit.Cycles((l/4*4*perLayer+k*4)*1500))
			end := start + unit.Cycles(2000+random.IntN(4000))
			free[core] = end
			id := taskgraph.NodeID(len(nodes))
			nodes = append(nodes, taskgraph.Node{Layer: int32(l), Sub: int32(k)})
			layers[l].Nodes = append(layers[l].Nodes, id)
			s.Tasks = append(s.Tasks, schedule.Task{Core: int32(core), Start: start, End: end})
			s.Latency = max(s.Latency, end)
			tensors = append(tensors, taskgraph.Tensor{Layer: int32(l), Bits: 28672})
			t := taskgraph.TensorID(len(tensors) - 1)
			to := (core + 1 + k%3) % cores
			link := int32(core*(cores-1) + to)
			if to > core {
				link--
			}
			move(t, schedule.Fetch, int32(core), int32(to), link, end, 896)
			if k%7 == 0 {
				move(t, schedule.Eviction, int32(core), cores, offchip, end, 448)
			}
			if k == 5 && l%5 == 4 {
				s.Blocks = append(s.Blocks, schedule.Block{Node: id, Start: start, End: end, Links: []int32{offchip}, Bandwidth: []unit.BitsPerCycle{8}})
			}
			c := &s.Memories[core]
			c.Times = append(c.Times, start, end)
			use := unit.Bits(min(k, count-k))*20000 + 100000
			c.Bits = append(c.Bits, use+28672, use)
		}
	}
	for i := range s.Memories {
		sortCurve(&s.Memories[i])
	}
	s.Energy = schedule.Energy{NodeOnchip: 713191997.5, FetchMemory: 1635566316.8, CoreMemory: 16625208.6}
	d := &Data{
		Inputs: Inputs{Workload: Input{Name: "made-up"}, Hardware: Input{Name: "test_chip"}, Mapping: Input{Name: "made-up"},
			Mode: "fused", Rules: "default", Objective: "edp"},
		Accelerator: a,
		Graph:       taskgraph.New(layers, nodes, tensors, nil),
		Schedule:    s,
		Allocation:  &schedule.Allocation{},
		Costs:       schedule.NewCostTable(1, cores+1),
		LowerBound:  LowerBound{Latency: s.Latency * 2 / 3},
	}
	for l := range layerCount {
		d.Allocation.Cores = append(d.Allocation.Cores, []int{l % cores})
	}
	return d
}

// sortCurve makes times ascend, the last value of a time counting.
func sortCurve(c *schedule.Curve) {
	var out schedule.Curve
	for i, t := range c.Times {
		if n := len(out.Times); n > 0 && t <= out.Times[n-1] {
			out.Bits[n-1] = c.Bits[i]
			continue
		}
		out.Times = append(out.Times, t)
		out.Bits = append(out.Bits, c.Bits[i])
	}
	*c = out
}
