package simulate

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"streamdse/hardware"
	"streamdse/rules"
	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/unit"
	"streamdse/workload"
)

// clone copies a schedule for a test to break.
func clone(s *schedule.Schedule) *schedule.Schedule {
	c := *s
	c.Tasks, c.Order, c.Copies = slices.Clone(s.Tasks), slices.Clone(s.Order), slices.Clone(s.Copies)
	c.Transfers, c.Blocks = slices.Clone(s.Transfers), slices.Clone(s.Blocks)
	for i := range c.Transfers {
		c.Transfers[i].Links = slices.Clone(s.Transfers[i].Links)
	}
	for i := range c.Blocks {
		c.Blocks[i].Links, c.Blocks[i].Bandwidth = slices.Clone(s.Blocks[i].Links), slices.Clone(s.Blocks[i].Bandwidth)
	}
	c.Memories = slices.Clone(s.Memories)
	for i := range c.Memories {
		c.Memories[i].Times, c.Memories[i].Bits = slices.Clone(s.Memories[i].Times), slices.Clone(s.Memories[i].Bits)
	}
	return &c
}

// fill makes the memories' curves what the copies say, so that a test that changes
// a copy breaks another rule than that.
func fill(g *taskgraph.Graph, s *schedule.Schedule) {
	for i := range s.Memories {
		var f steps[unit.Bits]
		f.reset()
		for _, c := range s.Copies {
			if int(c.Store) == i {
				f.add(c.Start, g.Tensors[c.Tensor].Bits)
				if c.End != schedule.Forever {
					f.add(c.End, -g.Tensors[c.Tensor].Bits)
				}
			}
		}
		s.Memories[i] = curve(&f)
	}
}

// mutation breaks one rule of a valid schedule of mutated: what Verify says of it.
type mutation struct {
	name   string
	rule   schedule.Rule
	node   taskgraph.NodeID // -1 for none
	time   unit.Cycles
	detail string
	change func(*mutable)
}

// catches tells what is wrong with a violation that should be that of a mutation.
func (mut *mutation) catches(err error) error {
	var broken *schedule.Violation
	if !errors.As(err, &broken) {
		return fmt.Errorf("Verify returned %v, want rule %q broken", err, mut.rule)
	}
	if broken.Rule != mut.rule || broken.Node != mut.node || broken.Time != mut.time || broken.Detail != mut.detail {
		return fmt.Errorf("rule %q, node %d, cycle %d: %s\nwant rule %q, node %d, cycle %d: %s",
			broken.Rule, broken.Node, broken.Time, broken.Detail, mut.rule, mut.node, mut.time, mut.detail)
	}
	return nil
}

// mutable is what a mutation may change.
type mutable struct {
	*schedule.Schedule
	p     *Problem
	alloc *schedule.Allocation
}

func (m *mutable) transfer(describe string) *schedule.Transfer {
	for i, d := range m.describe() {
		if d == describe {
			return &m.Transfers[i]
		}
	}
	panic("no transfer " + describe)
}

func (m *mutable) describe() []string { return describe(*m.p, m.Schedule) }

// copy returns the first stay of a layer's operand in a memory.
func (m *mutable) copy(layer, operand int, store int32) *schedule.Copy {
	for i := range m.Copies {
		c := &m.Copies[i]
		if t := m.p.Graph.Tensors[c.Tensor]; int(t.Layer) == layer && int(t.Operand) == operand && c.Store == store {
			return c
		}
	}
	panic("no such copy")
}

// mutated is three nodes on two cores: a on core 0 and b on core 1 as in
// TestTwoNodesByHand, and c on core 0, which streams b's output and its own.
//
//	a 5-105 on core 0, b 110-140 on core 1, b's output spilled 140-141, c 141-151
func mutated(t *testing.T) (Problem, *schedule.Allocation) {
	return problem(chip{cores: 2, links: []string{"0, 1"}}.build(t), rules.Default(),
		node{core: 0, runtime: 100, out: 50, weight: 80, input: 120},
		node{core: 1, runtime: 30, out: 20, weight: 40, from: []int{0}},
		node{core: 0, runtime: 10, out: 10, from: []int{1}, streamed: []hardware.MemoryOperand{hardware.O, hardware.I1}, in: 30, to: 20},
	)
}

var mutations = []mutation{
	{"a layer whose nodes leave some work undone", schedule.RuleWork, -1, 154, "no node of layer b does [1, 2) of K", func(m *mutable) {
		m.p.Graph.Layers[1].Dims, m.p.Graph.Nodes[1].Ranges = []workload.LoopDim{{Dim: "K", Size: 2}}, rows(0, 1)
	}},
	{"a node without its ranges", schedule.RuleWork, 1, 110, "node 0 of layer b: it has ranges of 0 dimensions, the layer has 1", func(m *mutable) { m.p.Graph.Layers[1].Dims = []workload.LoopDim{{Dim: "K", Size: 2}} }},
	{"a layer that lists a node of another one", schedule.RuleWork, -1, 154, "layer b lists node 0, which is none of its nodes", func(m *mutable) { m.p.Graph.Layers[1].Nodes = []taskgraph.NodeID{0} }},
	{"a layer without nodes", schedule.RuleWork, -1, 154, "layer b has no nodes", func(m *mutable) { m.p.Graph.Layers[1].Nodes = nil }},
	{"a core that does not exist", schedule.RuleShape, 1, 110, "node 0 of layer b: runs on core 7 of 3", func(m *mutable) { m.Tasks[1].Core = 7 }},
	{"streaming over a link that does not exist", schedule.RuleShape, 2, 141, "node 0 of layer c: block 0 names an unknown link", func(m *mutable) { m.Blocks[0].Links[0] = 99 }},
	{"a node decided before another that it depends on", schedule.RuleShape, 1, 110, "node 0 of layer b: decided before node 0 of layer a, which it depends on", func(m *mutable) { m.Order[0], m.Order[1] = m.Order[1], m.Order[0] }},
	{"a node decided twice", schedule.RuleShape, 0, 5, "node 0 of layer a: it is decided twice", func(m *mutable) { m.Order[1] = m.Order[0] }},
	{"a curve is missing", schedule.RuleShape, -1, 0, "2 curves for 3 memories", func(m *mutable) { m.Memories = m.Memories[1:] }},
	{"a node on another core", schedule.RuleAllocation, 1, 110, "node 0 of layer b: runs on core 0, allocated to core 1", func(m *mutable) { m.Tasks[1].Core = 0 }},
	{"a core that cannot run its node", schedule.RuleAllocation, 0, 5, "node 0 of layer a: core 0 cannot run it: ", func(m *mutable) { m.p.Costs.At(0, 0).Feasible = false }},
	{"a node cut short", schedule.RuleRuntime, 0, 5, "node 0 of layer a: runs from 5 to 104, for 99 cycles instead of 100", func(m *mutable) { m.Tasks[0].End-- }},
	{"a node slowed down without reason", schedule.RuleRuntime, 2, 141, "node 0 of layer c: runs from 141 to 155, for 14 cycles instead of 13", func(m *mutable) { m.Tasks[2].End++ }},
	{"a node that is not stretched", schedule.RuleRuntime, 2, 141, "node 0 of layer c: runs from 141 to 151, for 10 cycles instead of 13", func(m *mutable) { m.Tasks[2].End = m.Tasks[2].Start + 10 }},
	{"two nodes at a time on a core", schedule.RuleCore, 2, 100, "node 0 of layer c: core 0 still runs node 0 of layer a until 105", func(m *mutable) {
		m.Tasks[2].Start, m.Tasks[2].End = 100, 100+m.Tasks[2].End-m.Tasks[2].Start
	}},
	{"a node before the one it depends on", schedule.RuleDependency, 1, 104, "node 0 of layer b: starts at 104, before node 0 of layer a ends at 105", func(m *mutable) { m.Tasks[1] = schedule.Task{Core: 1, Start: 104, End: 134} }},
	{"a transfer over a link that leads elsewhere", schedule.RulePath, 1, 105, "transfer 3 of tensor O of layer a (first used by node 0) from core 0 to core 1 for node 0 of layer b: the path any<->any, any<->any does not lead there", func(m *mutable) {
		m.transfer("fetch a.O 0->1 105-110").Links[0] = m.transfer("fetch b.W 2->1 5-6").Links[0]
		m.transfer("fetch a.O 0->1 105-110").Links = append(m.transfer("fetch a.O 0->1 105-110").Links, m.transfer("fetch b.W 2->1 5-6").Links[0])
	}},
	{"a transfer without a link", schedule.RulePath, 1, 105, "transfer 3 of tensor O of layer a (first used by node 0) from core 0 to core 1 for node 0 of layer b: a path without links does not lead there", func(m *mutable) { m.transfer("fetch a.O 0->1 105-110").Links = nil }},
	{"a transfer into a memory of another core", schedule.RulePath, 1, 5, "transfer 2 of tensor W of layer b (first used by node 0) from core 2 to core 1 for node 0 of layer b: the cores do not have memories 2 and 0", func(m *mutable) { m.transfer("fetch b.W 2->1 5-6").ToStore = 0 }},
	{"a transfer faster than its link", schedule.RuleDuration, 0, 2, "transfer 1 of tensor I of layer a (first used by node 0) from core 2 to core 0 for node 0 of layer a: moves 120 bits from 2 to 4, instead of 120 bits in 3 cycles", func(m *mutable) { m.transfer("fetch a.I 2->0 2-5").End-- }},
	{"a transfer of half the data", schedule.RuleDuration, 0, 2, "transfer 1 of tensor I of layer a (first used by node 0) from core 2 to core 0 for node 0 of layer a: moves 60 bits from 2 to 5, instead of 120 bits in 3 cycles", func(m *mutable) { m.transfer("fetch a.I 2->0 2-5").Bits /= 2 }},
	{"data that appears by itself", schedule.RuleCopy, -1, 0, "nothing brings tensor W of layer a (first used by node 0) into memory m0 of core 0", func(m *mutable) { m.Transfers = m.Transfers[1:] }},
	{"data that is lost on the way", schedule.RuleCopy, 2, 141, "node 0 of layer c: its output is in no memory of core 0", func(m *mutable) { m.Copies = slices.Delete(m.Copies, len(m.Copies)-1, len(m.Copies)) }},
	{"data available before it arrives", schedule.RuleCopy, 0, 0, "node 0 of layer a: tensor W of layer a (first used by node 0) is called available in memory m0 of core 0 at 1, but arrives at 2", func(m *mutable) { m.copy(0, 2, 0).Available-- }},
	{"space taken too late", schedule.RuleCopy, 0, 2, "transfer 1 of tensor I of layer a (first used by node 0) from core 2 to core 0 for node 0 of layer a: the data does not enter memory m0 of core 0", func(m *mutable) { m.copy(0, 1, 0).Start++ }},
	{"a transfer before the data is there", schedule.RuleSource, 1, 104, "transfer 3 of tensor O of layer a (first used by node 0) from core 0 to core 1 for node 0 of layer b: memory m0 of core 0 does not hold the data from 104 to 109", func(m *mutable) {
		x, c := m.transfer("fetch a.O 0->1 105-110"), m.copy(0, 0, 1)
		x.Start, x.End = 104, 109
		c.Start, c.Available = 104, 109
	}},
	{"a source that is emptied during the transfer", schedule.RuleSource, 1, 105, "transfer 3 of tensor O of layer a (first used by node 0) from core 0 to core 1 for node 0 of layer b: memory m0 of core 0 does not hold the data from 105 to 110", func(m *mutable) { m.copy(0, 0, 0).End = 109 }},
	{"a node whose input leaves while it runs", schedule.RulePresence, 1, 110, "node 0 of layer b: tensor O of layer a (first used by node 0) is not in memory m0 of core 1 from 110 to 140", func(m *mutable) { m.copy(0, 0, 1).End = 139 }},
	{"a node that starts before its data arrives", schedule.RulePresence, 1, 110, "node 0 of layer b: tensor W of layer b (first used by node 0) is not in memory m0 of core 1 from 110 to 140", func(m *mutable) {
		x, c := m.transfer("fetch b.W 2->1 5-6"), m.copy(1, 2, 1)
		x.Start, x.End = 111, 112
		c.Start, c.Available = 111, 112
		m.copy(1, 2, 2).End = 112
	}},
	{"a streamed operand that is gone from off-chip memory", schedule.RuleStreaming, 2, 141, "node 0 of layer c: tensor O of layer b (first used by node 0) is not in memory m0 of core 2 from 141 to 154", func(m *mutable) { m.copy(1, 0, 2).End-- }},
	{"a fetch for a node on another core", schedule.RuleCause, 0, 5, "transfer 2 of tensor W of layer b (first used by node 0) from core 2 to core 1 for node 0 of layer a: the node runs on core 0", func(m *mutable) { m.transfer("fetch b.W 2->1 5-6").For = 0 }},
	{"a fetch for a node that does not read it", schedule.RuleCause, 2, 2, "transfer 1 of tensor I of layer a (first used by node 0) from core 2 to core 0 for node 0 of layer c: the node does not read that from memory m0 of core 0", func(m *mutable) { m.transfer("fetch a.I 2->0 2-5").For = 2 }},
	{"a fetch for no node", schedule.RuleCause, -1, 2, "transfer 1 of tensor I of layer a (first used by node 0) from core 2 to core 0: a fetch is for a node, and it is for none", func(m *mutable) { m.transfer("fetch a.I 2->0 2-5").For = -1 }},
	{"a fetch between cores called a writeback", schedule.RuleCause, 1, 105, "transfer 3 of tensor O of layer a (first used by node 0) from core 0 to core 1 for node 0 of layer b: a writeback goes nowhere but to off-chip memory", func(m *mutable) { m.transfer("fetch a.O 0->1 105-110").Cause = schedule.Writeback }},
	{"a fetch called an eviction", schedule.RuleCause, 1, 5, "transfer 2 of tensor W of layer b (first used by node 0) from core 2 to core 1 for node 0 of layer b: an eviction goes nowhere but to off-chip memory", func(m *mutable) { m.transfer("fetch b.W 2->1 5-6").Cause = schedule.Eviction }},
	{"a fetch called a prefetch, for a node", schedule.RuleCause, 1, 5, "transfer 2 of tensor W of layer b (first used by node 0) from core 2 to core 1 for node 0 of layer b: a prefetch is for no node", func(m *mutable) { m.transfer("fetch b.W 2->1 5-6").Cause = schedule.Prefetch }},
	{"a prefetch of what a node writes", schedule.RuleCause, -1, 105, "transfer 3 of tensor O of layer a (first used by node 0) from core 0 to core 1: only constants are fetched ahead", func(m *mutable) {
		m.transfer("fetch a.O 0->1 105-110").For = -1
		m.transfer("fetch a.O 0->1 105-110").Cause = schedule.Prefetch
	}},
	{"a spill for a node that does not read it", schedule.RuleCause, 1, 140, "transfer 4 of tensor O of layer b (first used by node 0) from core 1 to core 2 for node 0 of layer b: the node does not read that from memory m0 of core 2", func(m *mutable) { m.transfer("spill b.O 1->2 140-141").For = 1 }},
	{"a spill called a fetch", schedule.RuleCause, 2, 140, "transfer 4 of tensor O of layer b (first used by node 0) from core 1 to core 2 for node 0 of layer c: a fetch does not go to off-chip memory", func(m *mutable) { m.transfer("spill b.O 1->2 140-141").Cause = schedule.Fetch }},
	{"a spill called a writeback", schedule.RuleCause, 2, 140, "transfer 4 of tensor O of layer b (first used by node 0) from core 1 to core 2 for node 0 of layer c: it is no network output that the node has written", func(m *mutable) { m.transfer("spill b.O 1->2 140-141").Cause = schedule.Writeback }},
	{"a writeback of what other nodes read", schedule.RuleCause, 1, 140, "transfer 4 of tensor O of layer b (first used by node 0) from core 1 to core 2 for node 0 of layer b: it is no network output that the node has written", func(m *mutable) {
		m.transfer("spill b.O 1->2 140-141").For = 1
		m.transfer("spill b.O 1->2 140-141").Cause = schedule.Writeback
	}},
	{"a spill called an eviction", schedule.RuleCause, 2, 140, "transfer 4 of tensor O of layer b (first used by node 0) from core 1 to core 2 for node 0 of layer c: it makes no room for the node, which runs on core 0", func(m *mutable) { m.transfer("spill b.O 1->2 140-141").Cause = schedule.Eviction }},
	{"a transfer without a cause", schedule.RuleCause, 1, 5, "transfer 2 of tensor W of layer b (first used by node 0) from core 2 to core 1 for node 0 of layer b: it has no cause", func(m *mutable) { m.transfer("fetch b.W 2->1 5-6").Cause = 9 }},
	{"streaming that blocks nothing", schedule.RuleBlock, 2, 141, "node 0 of layer c: streams over 1 links without blocking them", func(m *mutable) { m.Blocks = nil }},
	{"streaming that blocks too little", schedule.RuleBlock, 2, 141, "node 0 of layer c: blocks 33.46153846153846 bits a cycle of link any<->any instead of 38.46153846153847", func(m *mutable) { m.Blocks[0].Bandwidth[0] -= 5 }},
	{"streaming at no cost", schedule.RuleEnergy, 2, 141, "node 0 of layer c: streaming costs 0 pJ on links instead of 6.25", func(m *mutable) {
		m.Energy.FetchLink -= m.Blocks[0].LinkEnergy
		m.Blocks[0].LinkEnergy = 0
	}},
	{"links blocked at another time", schedule.RuleBlock, 2, 140, "node 0 of layer c: links are blocked from 140 to 153, but it runs from 141 to 154", func(m *mutable) { m.Blocks[0].Start--; m.Blocks[0].End-- }},
	{"two transfers at a time on a link", schedule.RuleLink, 1, 4, "node 0 of layer b: with tensor W of layer b (first used by node 0), link any<->any carries 80 bits a cycle, 40 more than it can", func(m *mutable) {
		x, c := m.transfer("fetch b.W 2->1 5-6"), m.copy(1, 2, 1)
		x.Start, x.End = 4, 5
		c.Start, c.Available = 4, 5
	}},
	{"a transfer while a node streams", schedule.RuleLink, 1, 142, "node 0 of layer b: with tensor W of layer b (first used by node 0), link any<->any carries 78.46153846153845 bits a cycle, 38.46153846153845 more than it can", func(m *mutable) {
		// The weights of b come again, for nobody.
		x := *m.transfer("fetch b.W 2->1 5-6")
		x.Start, x.End = m.Tasks[2].Start+1, m.Tasks[2].Start+2
		m.copy(1, 2, 2).End = x.End
		m.Transfers = append(m.Transfers, x)
		m.Copies = append(m.Copies, schedule.Copy{Tensor: x.Tensor, Store: 1, Start: x.Start, Available: x.End, End: x.End})
	}},
	{"a transfer that claims to share a slot", schedule.RuleLink, 1, 5, "transfer 2 of tensor W of layer b (first used by node 0) from core 2 to core 1 for node 0 of layer b: it shares no link with an earlier transfer of the same data", func(m *mutable) { m.transfer("fetch b.W 2->1 5-6").Joined = true }},
	{"streaming through a memory that has no room", schedule.RuleCapacity, -1, 141, "with tensor I of layer c (first used by node 0), memory m0 of core 0 holds 10001 bits, 1 more than its size of 10000", func(m *mutable) {
		size := m.p.Accelerator.Stores[0].Capacity
		m.p.Costs.At(2, 0).Buffers = []unit.Bits{0, size + 1}
		var f steps[unit.Bits]
		f.reset()
		before := unit.Bits(0)
		for i, bits := range m.Memories[0].Bits {
			f.add(m.Memories[0].Times[i], bits-before)
			before = bits
		}
		f.addDuring(m.Tasks[2].Start, m.Tasks[2].End, size+1)
		m.Memories[0] = curve(&f)
	}},
	{"streaming that a curve leaves out", schedule.RuleMemoryCurve, -1, 141, "memory m0 of core 0 is said to hold 0 bits, but holds 1 since the last change, of tensor I of layer c (first used by node 0)", func(m *mutable) { m.p.Costs.At(2, 0).Buffers = []unit.Bits{0, 1} }},
	{"a curve that lacks a copy", schedule.RuleMemoryCurve, -1, 2, "memory m0 of core 0 is said to hold 199 bits, but holds 200 since the last change, of tensor I of layer a (first used by node 0)", func(m *mutable) { m.Memories[0].Bits[1]-- }},
	{"a curve that ends too soon", schedule.RuleMemoryCurve, -1, 5, "memory m0 of core 0 is said to hold 200 bits, but holds 250 since the last change, of tensor O of layer a (first used by node 0)", func(m *mutable) {
		m.Memories[0].Times, m.Memories[0].Bits = m.Memories[0].Times[:2], m.Memories[0].Bits[:2]
	}},
	{"a memory that holds more than its size", schedule.RuleCapacity, -1, 5, "with tensor O of layer a (first used by node 0), memory m0 of core 0 holds 250 bits, 1 more than its size of 249", func(m *mutable) {
		acc := *m.p.Accelerator
		acc.Stores = slices.Clone(acc.Stores)
		acc.Stores[0].Capacity = 249
		m.p.Accelerator = &acc
	}},
	{"data that stays for ever", schedule.RuleLeak, -1, 2, "tensor I of layer a (first used by node 0) never leaves memory m0 of core 0", func(m *mutable) {
		m.copy(0, 1, 0).End = schedule.Forever
		fill(m.p.Graph, m.Schedule)
	}},
	{"a network output that is lost", schedule.RuleNetworkOutput, 2, 154, "node 0 of layer c: its output does not stay in off-chip memory", func(m *mutable) {
		m.copy(2, 0, 2).End = m.Latency
		fill(m.p.Graph, m.Schedule)
	}},
	{"a transfer that costs too little", schedule.RuleEnergy, 1, 5, "transfer 2 of tensor W of layer b (first used by node 0) from core 2 to core 1 for node 0 of layer b: costs 0.5 pJ on links and 10.25 in memories, instead of 0.5 and 11.25", func(m *mutable) { m.transfer("fetch b.W 2->1 5-6").MemoryEnergy-- }},
	{"a part of the energy that is left out", schedule.RuleEnergy, -1, 154, "between cores, links: 0 pJ, but the events make 2.5", func(m *mutable) { m.Energy.CoreLink = 0 }},
	{"a latency that leaves out the end", schedule.RuleLatency, 2, 154, "node 0 of layer c: it or a transfer for it is the last to end, at 154, but the latency is 153", func(m *mutable) { m.Latency-- }},
}

// TestVerifyCatches breaks a valid schedule in many ways; each breaks the rule
// that it is meant to break.
func TestVerifyCatches(t *testing.T) {
	rulesSeen := map[schedule.Rule]bool{}
	for _, mut := range mutations {
		t.Run(mut.name, func(t *testing.T) {
			p, alloc := mutated(t)
			m := &mutable{clone(run(t, p, alloc)), &p, alloc}
			mut.change(m)
			if err := mut.catches(verify(*m.p, m.alloc, m.Schedule)); err != nil {
				t.Error(err)
			}
		})
		rulesSeen[mut.rule] = true
	}
	if len(rulesSeen) != 21 {
		t.Errorf("%d rules are tested, want 21: all but that of partial sums", len(rulesSeen))
	}
}

// TestVerifyFillKeepsSchedulesValid makes sure that what the mutations do about
// curves breaks nothing.
func TestVerifyFillKeepsSchedulesValid(t *testing.T) {
	p, alloc := mutated(t)
	s := clone(run(t, p, alloc))
	fill(p.Graph, s)
	if err := verify(p, alloc, s); err != nil {
		t.Error(err)
	}
}

// streamer is a node on a core whose outputs have a memory of their own, which streams what
// another node has left there, and a third one that the memory has room for or not.
func streamer(t *testing.T, size int) (Problem, *schedule.Allocation) {
	return problem(chip{cores: 1, size: size, memories: [][]string{{"I1"}, {"I2"}, {"O"}}}.build(t), rules.Default(),
		node{core: 0, runtime: 10, out: 400, input: 40},
		node{core: 0, runtime: 10, out: 300, input: 40, weight: 40},
		node{core: 0, runtime: 10, out: 40, weight: 40, from: []int{0}, streamed: []hardware.MemoryOperand{hardware.I1}, in: 5},
		node{core: 0, runtime: 10, out: 40, from: []int{1, 2}},
	)
}

// TestVerifyTellsSpillsFromEvictions calls what goes off-chip by the other name, or has it
// happen where it need not.
func TestVerifyTellsSpillsFromEvictions(t *testing.T) {
	inOneMemory := func(*testing.T) (Problem, *schedule.Allocation) {
		return problem(chip{cores: 1}.build(t), rules.Default(),
			node{core: 0, runtime: 10, out: 80, input: 40},
			node{core: 0, runtime: 10, out: 40, from: []int{0}, streamed: []hardware.MemoryOperand{hardware.I1}, in: 5},
		)
	}
	sized := func(size int) func(*testing.T) (Problem, *schedule.Allocation) {
		return func(t *testing.T) (Problem, *schedule.Allocation) { return streamer(t, size) }
	}
	rename := func(cause schedule.Cause) func(*mutable, int) {
		return func(m *mutable, i int) { m.Transfers[i].Cause = cause }
	}
	swap := func(step int) func(*mutable, int) {
		return func(m *mutable, i int) {
			m.Transfers[i], m.Transfers[i+step] = m.Transfers[i+step], m.Transfers[i]
		}
	}
	for _, c := range []struct {
		name   string
		build  func(*testing.T) (Problem, *schedule.Allocation)
		of     string // the transfer
		mutate func(*mutable, int)
		detail string
	}{
		{"a spill from a memory that has room, called an eviction", sized(1000), "spill a.O 0->1", rename(schedule.Eviction),
			"transfer 4 of tensor O of layer a (first used by node 0) from core 0 to core 1 for node 0 of layer c: memory m2 of core 0 has room without it: no more than 740 of 1000 bits are to stay there"},
		{"an eviction for the output of a node, called a spill", sized(600), "eviction a.O 0->1", rename(schedule.Spill),
			"transfer 3 of tensor O of layer a (first used by node 0) from core 0 to core 1 for node 0 of layer b: the node does not read that from memory m0 of core 1"},
		{"an eviction from where a node streams, called a spill", inOneMemory, "eviction a.O 0->1", rename(schedule.Spill),
			"transfer 1 of tensor O of layer a (first used by node 0) from core 0 to core 1 for node 0 of layer b: the node streams through memory m0 of core 0 and has emptied it before"},
		{"a spill before a fetch", sized(1000), "spill a.O 0->1", swap(-1),
			"transfer 3 of tensor O of layer a (first used by node 0) from core 0 to core 1 for node 0 of layer c: the node streams it, but still fetches something after that: transfer 4"},
		{"a spill after the fetch that it is for", relayed, "spill a.O 0->2", swap(1),
			"transfer 2 of tensor O of layer a (first used by node 0) from core 0 to core 2 for node 0 of layer b: the node neither streams it nor fetches it from off-chip after that"},
		{"a spill between cores that are joined", relayed, "spill a.O 0->2", func(m *mutable, _ int) {
			m.p.Accelerator = chip{cores: 2, links: []string{"0, 1"}}.build(t)
			renumber := []int32{0, 2, 1} // its memories are in another order
			for i := range m.Transfers {
				x := &m.Transfers[i]
				x.Links[0], x.FromStore, x.ToStore = 2, renumber[x.FromStore], renumber[x.ToStore]
			}
			for i := range m.Copies {
				m.Copies[i].Store = renumber[m.Copies[i].Store]
			}
		}, "transfer 1 of tensor O of layer a (first used by node 0) from core 0 to core 2 for node 0 of layer b: the node does not stream it, and core 0 can send it to core 1"},
		{"an eviction of what the node reads", sized(1000), "writeback d.O 0->1", func(m *mutable, i int) {
			x := m.Transfers[i]
			x.Tensor, x.Cause, x.Bits, x.Start, x.End = m.p.Graph.Nodes[1].Operands[0], schedule.Eviction, 300, 90, 98
			m.Transfers = slices.Insert(m.Transfers, i, x)
			m.Copies = append(m.Copies, schedule.Copy{Tensor: x.Tensor, Store: x.ToStore, Start: 90, Available: 98, End: schedule.Forever})
		}, "transfer 7 of tensor O of layer b (first used by node 0) from core 0 to core 1 for node 0 of layer d: it makes no room for the node, which needs it on core 0"},
	} {
		p, alloc := c.build(t)
		m := &mutable{clone(run(t, p, alloc)), &p, alloc}
		i := slices.IndexFunc(m.describe(), func(d string) bool { return strings.HasPrefix(d, c.of) })
		if i < 0 {
			t.Errorf("%s: no %s in %v", c.name, c.of, m.describe())
			continue
		}
		c.mutate(m, i)
		var broken *schedule.Violation
		if err := verify(p, alloc, m.Schedule); !errors.As(err, &broken) || broken.Rule != schedule.RuleCause || broken.Detail != c.detail {
			t.Errorf("%s: %v\nwant %s", c.name, err, c.detail)
		}
	}
}

// TestRandomRelabelled: random evictions and spills called by the other name are nearly all
// told apart. A spill from a full memory may as well have been an eviction.
func TestRandomRelabelled(t *testing.T) {
	var alloc *schedule.Allocation
	gen := rapid.Custom(func(t *rapid.T) Problem {
		var p Problem
		p, alloc = drawProblem(t, rules.Default())
		return p
	})
	other := map[schedule.Cause]schedule.Cause{schedule.Eviction: schedule.Spill, schedule.Spill: schedule.Eviction}
	count, missed := map[schedule.Cause]int{}, map[schedule.Cause]int{}
	for seed := range 1500 {
		p := gen.Example(seed)
		sim, err := New(p)
		if err != nil {
			t.Fatal(err)
		}
		s, err := sim.Run(alloc)
		if err != nil {
			continue
		}
		for i := range s.Transfers {
			x := &s.Transfers[i]
			was := x.Cause
			if _, ok := other[was]; !ok {
				continue
			}
			count[was]++
			x.Cause = other[was]
			var broken *schedule.Violation
			switch err := verify(p, alloc, s); {
			case err == nil:
				missed[was]++
			case !errors.As(err, &broken) || broken.Rule != schedule.RuleCause || broken.Transfer != i:
				t.Errorf("%v called %v: %v", was, x.Cause, err)
			}
			x.Cause = was
		}
	}
	t.Logf("%v, of which pass: %v", count, missed)
	if count[schedule.Eviction] < 200 || count[schedule.Spill] < 100 || 100*missed[schedule.Eviction] > count[schedule.Eviction] || 10*missed[schedule.Spill] > count[schedule.Spill] {
		t.Errorf("%v, of which pass: %v", count, missed)
	}
}
