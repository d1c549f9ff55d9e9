package schedule

import (
	"cmp"
	"fmt"
	"slices"

	"streamdse/hardware"
	"streamdse/rules"
	"streamdse/taskgraph"
	"streamdse/unit"
)

// Rule names what a schedule has to obey.
type Rule string

// The rules that Verify checks, in this order.
const (
	RuleShape         Rule = "shape"          // as many tasks and memories as there are; every node decided once, after those it depends on
	RuleWork          Rule = "work"           // the nodes of a layer cover its loop nest, once but for halos that are recomputed
	RuleAllocation    Rule = "allocation"     // every node runs on its allocated core, which can run it
	RuleRuntime       Rule = "runtime"        // a node takes its runtime, stretched if a link cannot keep up with its streaming
	RuleCore          Rule = "core"           // a core runs one node at a time
	RuleDependency    Rule = "dependency"     // a node starts after those it depends on have ended
	RuleSums          Rule = "partial sums"   // what a node leaves to be added to, one other node of its layer adds to, once
	RulePath          Rule = "path"           // a transfer's links lead from its source to its destination
	RuleDuration      Rule = "duration"       // a transfer takes as long as its slowest link needs
	RuleCopy          Rule = "copy"           // data is in a memory because a node or a transfer put it there, and is there when that ends
	RuleExcess        Rule = "excess"         // no more of a tensor moves than what is read of it where it goes
	RuleCause         Rule = "cause"          // a transfer does what its cause says, for the node that it is for
	RuleSource        Rule = "source"         // a transfer reads what is in its source from its start to its end
	RulePresence      Rule = "presence"       // what a node reads is in its core's memory during its run
	RuleStreaming     Rule = "streaming"      // what a node streams is in off-chip memory during its run
	RuleBlock         Rule = "block"          // streaming blocks the bandwidth it asks of the links during the run
	RuleLink          Rule = "link"           // a link never carries more than its bandwidth
	RuleMemoryCurve   Rule = "memory curve"   // the use of a memory is the sum of what is in it
	RuleCapacity      Rule = "capacity"       // a memory never holds more than its size
	RuleLeak          Rule = "leak"           // nothing stays in an on-chip memory for ever
	RuleNetworkOutput Rule = "network output" // every network output ends up in off-chip memory
	RuleEnergy        Rule = "energy"         // every part of the energy is the sum of its events
	RuleLatency       Rule = "latency"        // the latency is the end of the last node or transfer
)

// Violation is a rule that a schedule breaks.
type Violation struct {
	Rule     Rule
	Node     taskgraph.NodeID // -1 if it is about no node; of a transfer, the one that it is for
	Transfer int              // index of Schedule.Transfers, -1 if it is about none
	Time     unit.Cycles
	Detail   string
}

func (v *Violation) Error() string {
	return fmt.Sprintf("rule %q is broken at cycle %d: %s", v.Rule, v.Time, v.Detail)
}

// Verify checks a schedule against the rules of the model, reading it afresh from
// what it was made from. It returns a *Violation for the first rule that is
// broken. Where a switch of r stands for a quirk that breaks a rule on purpose,
// that rule is relaxed:
//
//   - Q3 (FirstTransferMoves), Q4, Q68 (SpaceFreedBeforeLeave) and Q70
//     (OriginSuccessorsOnly): data may be gone from a memory while it is read, or
//     before.
//   - Q6, Q15 (JoinPastTransfers): transfers of a tensor that start together on a
//     link take its bandwidth once.
//   - Q34 (WholeTilesMove) and Q3 (FirstTransferMoves): all of a tensor moves, whatever
//     of it is read.
//   - Q7 (NoWaitIfStored): a node may start before its data has arrived.
//   - Q3, Q9, Q10 (FirstTransferMoves, StreamedUsesLinger, FullReuseEverywhere):
//     data may stay for ever in an on-chip memory, and network outputs that nodes
//     read may leave off-chip memory after them.
//   - Q2 (BlocksAreFree) and Q72 (StretchOff): blocks ask for nothing, or for more
//     than a link has.
//   - Q21 (ThroughOffchip): a path may pass the off-chip core.
//   - FirstLinkOnly: nodes stream over the first of parallel links, and no other.
//   - BlockBeforeSpace: a block may begin before the run that it is for.
//   - Q31, Q32 (TilesEnlargeLayer) and Q37 (LonelyNodesVanish): nodes do work that
//     no layer has, or leave some undone.
//   - PartialSumsAreFree: nodes may write the same output, which is complete after
//     the first.
//   - PartialSumsAreFree, DeadEndsAreOutputs: data may move to
//     where nobody reads it, as constants may under SpaceFreedBeforeLeave.
//   - StreamedFromAnywhere, DeadEndsAreOutputs: as their names say.
//
// VerifyInOrder checks one rule more, which not every schedule has to obey.
func Verify(g *taskgraph.Graph, acc *hardware.Accelerator, costs *CostTable, alloc *Allocation, s *Schedule, r rules.Rules) error {
	v := &verifier{g: g, acc: acc, costs: costs, s: s, r: r, read: make([]bool, len(g.Layers)), block: make([]int32, len(g.Nodes))}
	if r.FirstLinkOnly {
		v.acc = acc.FirstLinksOnly()
	}
	for i, b := range s.Blocks {
		if b.Node >= 0 && int(b.Node) < len(g.Nodes) {
			v.block[b.Node] = int32(i + 1)
		}
	}
	v.together = v.shared()
	for e := range g.Edges() {
		if e.Data() && !e.PartialSums() {
			v.read[g.Nodes[e.Src].Layer] = true
		}
	}
	for _, check := range []func() *Violation{
		v.shape,
		v.work,
		func() *Violation { return v.allocation(alloc) },
		v.runtimes,
		v.cores,
		v.dependencies,
		v.sums,
		v.paths,
		v.copies,
		v.excess,
		v.causes,
		v.sources,
		v.presence,
		v.blocks,
		v.links,
		v.memories,
		v.leaks,
		v.outputs,
		v.energy,
		v.latency,
	} {
		if broken := check(); broken != nil {
			return broken
		}
	}
	return nil
}

// verifier holds what the checks share.
type verifier struct {
	g     *taskgraph.Graph
	acc   *hardware.Accelerator
	costs *CostTable
	s     *Schedule
	r     rules.Rules

	together map[int][]int32 // links of transfers that others pay for; see shared

	block   []int32 // of each node: its block, index+1
	read    []bool  // layers whose result another one reads
	leaving []bool  // layers whose result leaves the network; see outputLayers
	at      copiesAt
}

// place is a tensor in a memory.
type place struct {
	store  int32
	tensor taskgraph.TensorID
}

func (v *verifier) broken(rule Rule, n taskgraph.NodeID, time unit.Cycles, format string, args ...any) *Violation {
	detail := fmt.Sprintf(format, args...)
	if n >= 0 {
		detail = NodeName(v.g, n) + ": " + detail
	}
	return &Violation{rule, n, -1, time, detail}
}

func (v *verifier) brokenTransfer(rule Rule, i int, format string, args ...any) *Violation {
	x := &v.s.Transfers[i]
	about := fmt.Sprintf("transfer %d of %s from core %d to core %d", i, TensorName(v.g, x.Tensor), x.From, x.To)
	if x.For >= 0 {
		about += " for " + NodeName(v.g, x.For)
	}
	return &Violation{rule, x.For, i, x.Start, about + ": " + fmt.Sprintf(format, args...)}
}

func (v *verifier) cost(n taskgraph.NodeID) *NodeCost {
	return v.costs.At(v.g.Nodes[n].Class, int(v.s.Tasks[n].Core))
}

func (v *verifier) top(core int32, op hardware.MemoryOperand) int32 {
	return int32(v.acc.Top(int(core), op))
}

// written is the tensor that a node writes, its memory operand and the memory.
func (v *verifier) written(n taskgraph.NodeID) place {
	node := &v.g.Nodes[n]
	op := v.g.Layers[node.Layer].Memory[0]
	core := v.s.Tasks[n].Core
	if slices.Contains(v.cost(n).Streamed, op) {
		core = int32(v.acc.Offchip)
	}
	return place{v.top(core, op), node.Operands[0]}
}

// own is the memory operand that a tensor's own layer gives it.
func (v *verifier) own(x taskgraph.TensorID) hardware.MemoryOperand {
	t := &v.g.Tensors[x]
	return v.g.Layers[t.Layer].Memory[t.Operand]
}

func (v *verifier) shape() *Violation {
	s := v.s
	if len(s.Tasks) != len(v.g.Nodes) || len(s.Order) != len(v.g.Nodes) {
		return v.broken(RuleShape, -1, 0, "%d tasks and %d decisions for %d nodes", len(s.Tasks), len(s.Order), len(v.g.Nodes))
	}
	if len(s.Memories) != len(v.acc.Stores) {
		return v.broken(RuleShape, -1, 0, "%d curves for %d memories", len(s.Memories), len(v.acc.Stores))
	}
	decided := make([]bool, len(v.g.Nodes))
	for _, n := range s.Order {
		if n < 0 || int(n) >= len(decided) {
			return v.broken(RuleShape, -1, 0, "node %d is decided, but there is none", n)
		}
		if decided[n] {
			return v.broken(RuleShape, n, s.Tasks[n].Start, "it is decided twice")
		}
		decided[n] = true
		for e := range v.g.In(n) {
			if !decided[e.Src] {
				return v.broken(RuleShape, n, s.Tasks[n].Start, "decided before %s, which it depends on", NodeName(v.g, e.Src))
			}
		}
	}
	for i := range s.Transfers {
		x := &s.Transfers[i]
		if x.Tensor < 0 || int(x.Tensor) >= len(v.g.Tensors) || !v.hasCore(x.From) || !v.hasCore(x.To) || !v.hasStore(x.FromStore) || !v.hasStore(x.ToStore) || x.For < -1 || int(x.For) >= len(v.g.Nodes) || !v.hasPart(x.Tensor, x.Part) {
			return &Violation{RuleShape, -1, i, x.Start, fmt.Sprintf("transfer %d names an unknown tensor, part, core, memory or node", i)}
		}
	}
	for i := range s.Copies {
		c := &s.Copies[i]
		if c.Tensor < 0 || int(c.Tensor) >= len(v.g.Tensors) || !v.hasStore(c.Store) || !v.hasPart(c.Tensor, c.Part) {
			return &Violation{RuleShape, -1, -1, c.Start, fmt.Sprintf("copy %d names an unknown tensor, part or memory", i)}
		}
	}
	for n, t := range s.Tasks {
		if !v.hasCore(t.Core) {
			return v.broken(RuleShape, taskgraph.NodeID(n), t.Start, "runs on core %d of %d", t.Core, len(v.acc.Cores))
		}
	}
	for i := range s.Blocks {
		b := &s.Blocks[i]
		if slices.ContainsFunc(b.Links, func(l int32) bool { return l < 0 || int(l) >= len(v.acc.Links) }) {
			n := b.Node
			if n < 0 || int(n) >= len(v.g.Nodes) {
				n = -1
			}
			return v.broken(RuleShape, n, b.Start, "block %d names an unknown link", i)
		}
	}
	return nil
}

func (v *verifier) hasCore(c int32) bool  { return c >= 0 && int(c) < len(v.acc.Cores) }
func (v *verifier) hasStore(s int32) bool { return s >= 0 && int(s) < len(v.acc.Stores) }

// hasPart tells whether there is such a part, and within the tensor.
func (v *verifier) hasPart(x taskgraph.TensorID, id taskgraph.PartID) bool {
	if id == 0 {
		return true
	}
	t := &v.g.Tensors[x]
	if id < 0 || int(id) >= len(v.s.Parts) || len(v.s.Parts[id]) > len(t.Ranges) {
		return false
	}
	for d, runs := range v.s.Parts[id] {
		last := int32(-1)
		for _, r := range runs {
			if r.Lo <= last || r.Lo >= r.Hi || int(r.Hi) > t.Ranges[d].Len() {
				return false
			}
			last = r.Hi
		}
	}
	return true
}

// part is what a schedule's number stands for.
func (v *verifier) part(id taskgraph.PartID) taskgraph.Part {
	if id == 0 {
		return nil
	}
	return v.s.Parts[id]
}

// bits is the size of a part of a tensor.
func (v *verifier) bits(x taskgraph.TensorID, id taskgraph.PartID) unit.Bits {
	return v.g.Tensors[x].PartBits(v.part(id))
}

// moving is the part of a tensor that has to be where a node reads it of which it
// reads the given part.
func (v *verifier) moving(id taskgraph.PartID) taskgraph.Part {
	if id == 0 || !v.r.MovesParts() {
		return nil
	}
	return v.g.Parts.Part(id)
}

func (v *verifier) allocation(alloc *Allocation) *Violation {
	for n := range v.s.Tasks {
		task, id := &v.s.Tasks[n], taskgraph.NodeID(n)
		if want := alloc.Core(&v.g.Nodes[n]); int(task.Core) != want {
			return v.broken(RuleAllocation, id, task.Start, "runs on core %d, allocated to core %d", task.Core, want)
		}
		if c := v.cost(id); !c.Feasible {
			return v.broken(RuleAllocation, id, task.Start, "core %d cannot run it: %s", task.Core, c.Reason)
		}
	}
	return nil
}

func (v *verifier) runtimes() *Violation {
	for n := range v.s.Tasks {
		task, id := &v.s.Tasks[n], taskgraph.NodeID(n)
		_, want := v.demand(id)
		if task.Start < 0 || task.End-task.Start != want {
			return v.broken(RuleRuntime, id, task.Start, "runs from %d to %d, for %d cycles instead of %d", task.Start, task.End, task.End-task.Start, want)
		}
	}
	return nil
}

func (v *verifier) cores() *Violation {
	byCore := make([][]taskgraph.NodeID, len(v.acc.Cores))
	for n := range v.s.Tasks {
		c := v.s.Tasks[n].Core
		byCore[c] = append(byCore[c], taskgraph.NodeID(n))
	}
	for c, nodes := range byCore {
		slices.SortFunc(nodes, func(a, b taskgraph.NodeID) int {
			x, y := v.s.Tasks[a], v.s.Tasks[b]
			return cmp.Or(cmp.Compare(x.Start, y.Start), cmp.Compare(x.End, y.End))
		})
		for i := 1; i < len(nodes); i++ {
			before, after := v.s.Tasks[nodes[i-1]], v.s.Tasks[nodes[i]]
			if after.Start < before.End {
				return v.broken(RuleCore, nodes[i], after.Start, "core %d still runs %s until %d", c, NodeName(v.g, nodes[i-1]), before.End)
			}
		}
	}
	return nil
}

func (v *verifier) dependencies() *Violation {
	for e := range v.g.Edges() {
		if src, dst := v.s.Tasks[e.Src], v.s.Tasks[e.Dst]; dst.Start < src.End {
			return v.broken(RuleDependency, e.Dst, dst.Start, "starts at %d, before %s ends at %d", dst.Start, NodeName(v.g, e.Src), src.End)
		}
	}
	return nil
}

// sums checks that no part of a reduction is lost or counted twice.
func (v *verifier) sums() *Violation {
	if v.r.PartialSumsAreFree {
		return nil
	}
	writer := make([]taskgraph.NodeID, len(v.g.Tensors)) // plus 1; 0 for none
	for n := range v.g.Nodes {
		id, node := taskgraph.NodeID(n), &v.g.Nodes[n]
		start := v.s.Tasks[n].Start
		if other := writer[node.Operands[0]] - 1; other >= 0 {
			return v.broken(RuleSums, id, start, "writes what %s has written", NodeName(v.g, other))
		}
		writer[node.Operands[0]] = id + 1
		added := 0
		for e := range v.g.Out(id) {
			if e.PartialSums() && v.g.Nodes[e.Dst].Layer == node.Layer {
				added++
			}
		}
		switch {
		case node.Final && added > 0:
			return v.broken(RuleSums, id, start, "finishes its output, but %d nodes add to it", added)
		case !node.Final && added != 1:
			return v.broken(RuleSums, id, start, "leaves partial sums to which %d nodes add", added)
		}
	}
	return nil
}

func (v *verifier) latency() *Violation {
	var last unit.Cycles
	final := taskgraph.NodeID(-1)
	for n, t := range v.s.Tasks {
		if t.End > last {
			last, final = t.End, taskgraph.NodeID(n)
		}
	}
	for _, x := range v.s.Transfers {
		if x.End > last {
			last, final = x.End, x.For
		}
	}
	if v.s.Latency != last {
		return v.broken(RuleLatency, final, last, "it or a transfer for it is the last to end, at %d, but the latency is %d", last, v.s.Latency)
	}
	return nil
}
