package simulate

import (
	"errors"
	"slices"
	"testing"

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

// mutation breaks one rule of a valid schedule of mutated.
type mutation struct {
	name   string
	rule   schedule.Rule
	change func(*mutable)
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
	{"a layer whose nodes leave some work undone", schedule.RuleWork, func(m *mutable) { m.p.Graph.Layers[1].Dims = []workload.LoopDim{{Dim: "K", Size: 2}} }},
	{"a layer without nodes", schedule.RuleWork, func(m *mutable) { m.p.Graph.Layers[1].Nodes = nil }},
	{"a core that does not exist", schedule.RuleShape, func(m *mutable) { m.Tasks[1].Core = 7 }},
	{"streaming over a link that does not exist", schedule.RuleShape, func(m *mutable) { m.Blocks[0].Links[0] = 99 }},
	{"a node decided before another that it depends on", schedule.RuleShape, func(m *mutable) { m.Order[0], m.Order[1] = m.Order[1], m.Order[0] }},
	{"a node decided twice", schedule.RuleShape, func(m *mutable) { m.Order[1] = m.Order[0] }},
	{"a curve is missing", schedule.RuleShape, func(m *mutable) { m.Memories = m.Memories[1:] }},
	{"a node on another core", schedule.RuleAllocation, func(m *mutable) { m.Tasks[1].Core = 0 }},
	{"a core that cannot run its node", schedule.RuleAllocation, func(m *mutable) { m.p.Costs.At(0, 0).Feasible = false }},
	{"a node cut short", schedule.RuleRuntime, func(m *mutable) { m.Tasks[0].End-- }},
	{"a node slowed down without reason", schedule.RuleRuntime, func(m *mutable) { m.Tasks[2].End++ }},
	{"a node that is not stretched", schedule.RuleRuntime, func(m *mutable) { m.Tasks[2].End = m.Tasks[2].Start + 10 }},
	{"two nodes at a time on a core", schedule.RuleCore, func(m *mutable) {
		m.Tasks[2].Start, m.Tasks[2].End = 100, 100+m.Tasks[2].End-m.Tasks[2].Start
	}},
	{"a node before the one it depends on", schedule.RuleDependency, func(m *mutable) { m.Tasks[1] = schedule.Task{Core: 1, Start: 104, End: 134} }},
	{"a transfer over a link that leads elsewhere", schedule.RulePath, func(m *mutable) {
		m.transfer("fetch a.O 0->1 105-110").Links[0] = m.transfer("fetch b.W 2->1 5-6").Links[0]
		m.transfer("fetch a.O 0->1 105-110").Links = append(m.transfer("fetch a.O 0->1 105-110").Links, m.transfer("fetch b.W 2->1 5-6").Links[0])
	}},
	{"a transfer without a link", schedule.RulePath, func(m *mutable) { m.transfer("fetch a.O 0->1 105-110").Links = nil }},
	{"a transfer into a memory of another core", schedule.RulePath, func(m *mutable) { m.transfer("fetch b.W 2->1 5-6").ToStore = 0 }},
	{"a transfer faster than its link", schedule.RuleDuration, func(m *mutable) { m.transfer("fetch a.I 2->0 2-5").End-- }},
	{"a transfer of half the data", schedule.RuleDuration, func(m *mutable) { m.transfer("fetch a.I 2->0 2-5").Bits /= 2 }},
	{"data that appears by itself", schedule.RuleCopy, func(m *mutable) { m.Transfers = m.Transfers[1:] }},
	{"data that is lost on the way", schedule.RuleCopy, func(m *mutable) { m.Copies = slices.Delete(m.Copies, len(m.Copies)-1, len(m.Copies)) }},
	{"data available before it arrives", schedule.RuleCopy, func(m *mutable) { m.copy(0, 2, 0).Available-- }},
	{"space taken too late", schedule.RuleCopy, func(m *mutable) { m.copy(0, 1, 0).Start++ }},
	{"a transfer before the data is there", schedule.RuleSource, func(m *mutable) {
		x, c := m.transfer("fetch a.O 0->1 105-110"), m.copy(0, 0, 1)
		x.Start, x.End = 104, 109
		c.Start, c.Available = 104, 109
	}},
	{"a source that is emptied during the transfer", schedule.RuleSource, func(m *mutable) { m.copy(0, 0, 0).End = 109 }},
	{"a node whose input leaves while it runs", schedule.RulePresence, func(m *mutable) { m.copy(0, 0, 1).End = 139 }},
	{"a node that starts before its data arrives", schedule.RulePresence, func(m *mutable) {
		x, c := m.transfer("fetch b.W 2->1 5-6"), m.copy(1, 2, 1)
		x.Start, x.End = 111, 112
		c.Start, c.Available = 111, 112
		m.copy(1, 2, 2).End = 112
	}},
	{"a streamed operand that is gone from off-chip memory", schedule.RuleStreaming, func(m *mutable) { m.copy(1, 0, 2).End-- }},
	{"streaming that blocks nothing", schedule.RuleBlock, func(m *mutable) { m.Blocks = nil }},
	{"streaming that blocks too little", schedule.RuleBlock, func(m *mutable) { m.Blocks[0].Bandwidth[0] -= 5 }},
	{"links blocked at another time", schedule.RuleBlock, func(m *mutable) { m.Blocks[0].Start--; m.Blocks[0].End-- }},
	{"two transfers at a time on a link", schedule.RuleLink, func(m *mutable) {
		x, c := m.transfer("fetch b.W 2->1 5-6"), m.copy(1, 2, 1)
		x.Start, x.End = 4, 5
		c.Start, c.Available = 4, 5
	}},
	{"a transfer while a node streams", schedule.RuleLink, func(m *mutable) {
		// The weights of b come again, for nobody.
		x := *m.transfer("fetch b.W 2->1 5-6")
		x.Start, x.End = m.Tasks[2].Start+1, m.Tasks[2].Start+2
		m.copy(1, 2, 2).End = x.End
		m.Transfers = append(m.Transfers, x)
		m.Copies = append(m.Copies, schedule.Copy{Tensor: x.Tensor, Store: 1, Start: x.Start, Available: x.End, End: x.End})
	}},
	{"a transfer that claims to share a slot", schedule.RuleLink, func(m *mutable) { m.transfer("fetch b.W 2->1 5-6").Joined = true }},
	{"streaming through a memory that has no room", schedule.RuleCapacity, func(m *mutable) {
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
	{"streaming that a curve leaves out", schedule.RuleMemoryCurve, func(m *mutable) { m.p.Costs.At(2, 0).Buffers = []unit.Bits{0, 1} }},
	{"a curve that lacks a copy", schedule.RuleMemoryCurve, func(m *mutable) { m.Memories[0].Bits[1]-- }},
	{"a curve that ends too soon", schedule.RuleMemoryCurve, func(m *mutable) {
		m.Memories[0].Times, m.Memories[0].Bits = m.Memories[0].Times[:2], m.Memories[0].Bits[:2]
	}},
	{"a memory that holds more than its size", schedule.RuleCapacity, func(m *mutable) {
		acc := *m.p.Accelerator
		acc.Stores = slices.Clone(acc.Stores)
		acc.Stores[0].Capacity = 249
		m.p.Accelerator = &acc
	}},
	{"data that stays for ever", schedule.RuleLeak, func(m *mutable) {
		m.copy(0, 1, 0).End = schedule.Forever
		fill(m.p.Graph, m.Schedule)
	}},
	{"a network output that is lost", schedule.RuleNetworkOutput, func(m *mutable) {
		m.copy(2, 0, 2).End = m.Latency
		fill(m.p.Graph, m.Schedule)
	}},
	{"a transfer that costs too little", schedule.RuleEnergy, func(m *mutable) { m.transfer("fetch b.W 2->1 5-6").MemoryEnergy-- }},
	{"a part of the energy that is left out", schedule.RuleEnergy, func(m *mutable) { m.Energy.CoreLink = 0 }},
	{"energy counted under another cause", schedule.RuleEnergy, func(m *mutable) { m.transfer("fetch b.W 2->1 5-6").Cause = schedule.Eviction }},
	{"a latency that leaves out the end", schedule.RuleLatency, func(m *mutable) { m.Latency-- }},
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
			err := verify(*m.p, m.alloc, m.Schedule)
			var broken *schedule.Violation
			if !errors.As(err, &broken) {
				t.Fatalf("Verify returned %v, want rule %q broken", err, mut.rule)
			}
			if broken.Rule != mut.rule {
				t.Errorf("Verify returned %v, want rule %q", err, mut.rule)
			}
		})
		rulesSeen[mut.rule] = true
	}
	if len(rulesSeen) != 20 {
		t.Errorf("%d rules are tested, want 20: all but that of partial sums", len(rulesSeen))
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
