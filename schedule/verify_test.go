package schedule_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"streamdse/hardware"
	hardwarezoo "streamdse/hardware/zoo"
	"streamdse/rules"
	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/unit"
	"streamdse/workload"
)

// byHand is a schedule written without a simulator: a node on core 0 of the
// built-in quad core fetches weights of 6400 bits, runs for 70 cycles and leaves
// 3200 bits, which are stored off-chip.
type byHand struct {
	acc   *hardware.Accelerator
	graph *taskgraph.Graph
	costs *schedule.CostTable
	alloc *schedule.Allocation
	s     *schedule.Schedule
}

func newByHand(t *testing.T) *byHand {
	t.Helper()
	acc, err := hardwarezoo.Load("tpu_like_quad_core")
	if err != nil {
		t.Fatal(err)
	}
	h := &byHand{acc: acc, costs: schedule.NewCostTable(1, len(acc.Cores)), alloc: &schedule.Allocation{Cores: [][]int{{0}}}}
	layer := taskgraph.Layer{
		Layer: &workload.Layer{Name: "conv", Dims: []workload.LoopDim{{Dim: "K", Size: 8}}, Operands: []workload.Operand{
			{Name: "O"}, {Name: "W", Source: workload.Source{Kind: workload.FromConstant}},
		}},
		Memory: []hardware.MemoryOperand{hardware.O, hardware.I2}, Nodes: []taskgraph.NodeID{0}, Groups: 1,
	}
	h.graph = taskgraph.New([]taskgraph.Layer{layer},
		[]taskgraph.Node{{Final: true, Ranges: []taskgraph.Range{{Hi: 8}}, Operands: []taskgraph.TensorID{0, 1}}},
		[]taskgraph.Tensor{{Bits: 3200, Uses: 1}, {Operand: 1, Constant: true, Bits: 6400, Uses: 1}}, nil)
	*h.costs.At(0, 0) = schedule.NodeCost{Feasible: true, Runtime: 70, Onchip: 9}

	off := acc.Offchip
	transfer := func(x taskgraph.TensorID, cause schedule.Cause, from, to int, op hardware.MemoryOperand, start unit.Cycles) schedule.Transfer {
		bits := h.graph.Tensors[x].Bits
		tr := schedule.Transfer{Tensor: x, Cause: cause, From: int32(from), To: int32(to), Start: start, Bits: bits,
			FromStore: int32(acc.Top(from, op)), ToStore: int32(acc.Top(to, op))}
		var energy unit.Picojoules
		for _, l := range acc.Path(from, to) {
			tr.Links = append(tr.Links, int32(l))
			tr.End = max(tr.End, start+unit.TransferCycles(bits, acc.Links[l].Bandwidth))
			energy += acc.Links[l].UnitEnergy
		}
		tr.LinkEnergy = energy * unit.Picojoules(tr.End-start)
		read, write := acc.Stores[tr.FromStore], acc.Stores[tr.ToStore]
		tr.MemoryEnergy = unit.Picojoules(unit.TransferCycles(bits, read.ReadBandwidth))*read.Memory.ReadCost +
			unit.Picojoules(unit.TransferCycles(bits, write.WriteBandwidth))*write.Memory.WriteCost
		return tr
	}
	fetch := transfer(1, schedule.Fetch, off, 0, hardware.I2, 0)
	run := schedule.Task{Core: 0, Start: fetch.End, End: fetch.End + 70}
	store := transfer(0, schedule.Writeback, 0, off, hardware.O, run.End)
	h.s = &schedule.Schedule{
		Latency: store.End, Tasks: []schedule.Task{run}, Order: []taskgraph.NodeID{0}, Transfers: []schedule.Transfer{fetch, store},
		Energy: schedule.Energy{NodeOnchip: 9, FetchLink: fetch.LinkEnergy, FetchMemory: fetch.MemoryEnergy,
			WritebackLink: store.LinkEnergy, WritebackMemory: store.MemoryEnergy},
		Copies: []schedule.Copy{
			{Tensor: 1, Store: fetch.FromStore, End: fetch.End},
			{Tensor: 1, Store: fetch.ToStore, Start: 0, Available: fetch.End, End: run.End},
			{Tensor: 0, Store: store.FromStore, Start: run.Start, Available: run.End, End: store.End},
			{Tensor: 0, Store: store.ToStore, Start: store.Start, Available: store.End, End: schedule.Forever},
		},
	}
	h.curves()
	return h
}

// curves makes the memories' curves what the copies say.
func (h *byHand) curves() {
	h.s.Memories = make([]schedule.Curve, len(h.acc.Stores))
	for i := range h.s.Memories {
		times := []unit.Cycles{0}
		for _, c := range h.s.Copies {
			times = append(times, c.Start, c.End)
		}
		slices.Sort(times)
		for _, t := range slices.Compact(times) {
			var used unit.Bits
			for _, c := range h.s.Copies {
				if int(c.Store) == i && c.Start <= t && t < c.End {
					used += h.graph.Tensors[c.Tensor].Bits
				}
			}
			if t < schedule.Forever {
				h.s.Memories[i].Times, h.s.Memories[i].Bits = append(h.s.Memories[i].Times, t), append(h.s.Memories[i].Bits, used)
			}
		}
	}
}

func (h *byHand) verify() error {
	return schedule.Verify(h.graph, h.acc, h.costs, h.alloc, h.s, rules.Default())
}

// TestVerifyByHand accepts a schedule that no simulator has made, and names the
// rule, the node and the time of what is wrong with others.
func TestVerifyByHand(t *testing.T) {
	h := newByHand(t)
	if err := h.verify(); err != nil {
		t.Fatal(err)
	}
	if peak := h.s.Memories[h.acc.Top(0, hardware.I2)].Peak(); peak < 6400 {
		t.Errorf("the weights' memory peaks at %d bits", peak)
	}
	if got, want := h.s.EDP(), float64(h.s.Energy.Total())*float64(h.s.Latency); got != want {
		t.Errorf("EDP %v, want %v", got, want)
	}
	for _, c := range []struct {
		name   string
		rule   schedule.Rule
		node   taskgraph.NodeID
		time   unit.Cycles
		detail string
		change func(h *byHand)
	}{
		{"half of the layer", schedule.RuleWork, -1, h.s.Latency, "no node of layer conv does [8, 16) of K", func(h *byHand) {
			h.graph.Layers[0].Dims[0].Size = 16
		}},
		{"a node before its weights", schedule.RulePresence, 0, h.s.Tasks[0].Start - 1, "tensor W of layer conv (first used by node 0) is not in memory", func(h *byHand) {
			h.s.Tasks[0].Start--
			h.s.Tasks[0].End--
			h.s.Copies[2].Start--
			h.s.Copies[2].Available--
			h.curves()
		}},
		{"weights that leave too early", schedule.RulePresence, 0, h.s.Tasks[0].Start, "node 0 of layer conv", func(h *byHand) { h.s.Copies[1].End--; h.curves() }},
		{"a result that is not stored", schedule.RuleNetworkOutput, 0, h.s.Tasks[0].End, "its output does not stay in off-chip memory", func(h *byHand) {
			h.s.Transfers = h.s.Transfers[:1]
			h.s.Copies = h.s.Copies[:3]
			h.s.Latency = h.s.Tasks[0].End
			h.curves()
		}},
		{"a transfer on behalf of nobody known", schedule.RuleShape, -1, 0, "transfer 0 names an unknown tensor, part, core, memory or node", func(h *byHand) { h.s.Transfers[0].For = 7 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newByHand(t)
			c.change(h)
			var broken *schedule.Violation
			if err := h.verify(); !errors.As(err, &broken) || broken.Rule != c.rule || broken.Node != c.node || broken.Time != c.time || !strings.Contains(broken.Detail, c.detail) {
				t.Errorf("got %v, want rule %q of node %d at %d: %s", err, c.rule, c.node, c.time, c.detail)
			}
		})
	}
}
