package schedule

import (
	"slices"

	"streamdse/taskgraph"
)

// causes checks that transfers do what their causes say for the nodes that they are
// said to be for:
//
//   - a fetch brings what its node reads to the memory it reads it from;
//   - a spill brings to off-chip memory what its node reads from there; see offloads;
//   - a prefetch is for no node, and brings a constant to where some node reads it;
//   - a writeback brings the network output that its node has written to off-chip
//     memory;
//   - an eviction makes room in a memory of its node's core by moving into off-chip memory
//     what is there; see offloads.
func (v *verifier) causes() *Violation {
	for i := range v.s.Transfers {
		x := &v.s.Transfers[i]
		offchip := int(x.To) == v.acc.Offchip
		switch x.Cause {
		case Fetch, Prefetch:
			if offchip {
				return v.brokenTransfer(RuleCause, i, "a %v does not go to off-chip memory", x.Cause)
			}
		case Eviction, Writeback, Spill:
			if !offchip {
				return v.brokenTransfer(RuleCause, i, "%s goes nowhere but to off-chip memory", withArticle(x.Cause))
			}
		default:
			return v.brokenTransfer(RuleCause, i, "it has no cause")
		}
		if broken := v.servesNode(i); broken != nil {
			return broken
		}
	}
	if broken := v.reading(); broken != nil {
		return broken
	}
	if broken := v.offloads(); broken != nil {
		return broken
	}
	return v.prefetches()
}

func withArticle(c Cause) string {
	if c == Eviction {
		return "an " + c.String()
	}
	return "a " + c.String()
}

// servesNode checks what a transfer's cause says of its node, but for what that reads.
func (v *verifier) servesNode(i int) *Violation {
	x := &v.s.Transfers[i]
	if x.For < 0 {
		if x.Cause != Prefetch && x.Cause != Eviction { // of what makes room for a constant
			return v.brokenTransfer(RuleCause, i, "a %v is for a node, and it is for none", x.Cause)
		}
		return nil
	}
	core := v.s.Tasks[x.For].Core
	switch x.Cause {
	case Prefetch:
		return v.brokenTransfer(RuleCause, i, "a prefetch is for no node")
	case Fetch:
		if x.To != core {
			return v.brokenTransfer(RuleCause, i, "the node runs on core %d", core)
		}
	case Eviction:
		if !slices.Contains(v.acc.Stores[x.FromStore].Cores, int(core)) {
			return v.brokenTransfer(RuleCause, i, "it makes no room for the node, which runs on core %d", core)
		}
	case Writeback:
		node := &v.g.Nodes[x.For]
		if node.Operands[0] != x.Tensor || !node.Final || !v.outputLayers()[node.Layer] {
			return v.brokenTransfer(RuleCause, i, "it is no network output that the node has written")
		}
	}
	return nil
}

// reading checks that nodes read what is fetched or spilled for them. Transfers for
// a node come one after another, so its reads are looked through once for all.
func (v *verifier) reading() *Violation {
	type wanted struct {
		place
		offchip bool
	}
	pending := map[wanted]int{}
	for i := 0; i < len(v.s.Transfers); {
		n := v.s.Transfers[i].For
		for ; i < len(v.s.Transfers) && v.s.Transfers[i].For == n; i++ {
			x := &v.s.Transfers[i]
			if x.Cause == Fetch || x.Cause == Spill {
				key := wanted{place{x.ToStore, x.Tensor}, x.Cause == Spill}
				if _, twice := pending[key]; !twice {
					pending[key] = i
				}
			}
		}
		if len(pending) == 0 {
			continue
		}
		core := v.s.Tasks[n].Core
		read := func(x taskgraph.TensorID, operand int) bool {
			op := v.g.Layers[v.g.Nodes[n].Layer].Memory[operand]
			if !slices.Contains(v.cost(n).Streamed, op) {
				delete(pending, wanted{place{v.top(core, op), x}, false})
			}
			delete(pending, wanted{place{v.top(int32(v.acc.Offchip), op), x}, true})
			return len(pending) > 0
		}
		if v.eachRead(n, read) {
			first := len(v.s.Transfers)
			for _, at := range pending {
				first = min(first, at)
			}
			return v.brokenTransfer(RuleCause, first, "the node does not read that from %s", StoreName(v.acc, int(v.s.Transfers[first].ToStore)))
		}
	}
	return nil
}

// eachRead passes what a node reads to a function, with the operand, for as long as
// that returns true; it returns whether all was passed.
func (v *verifier) eachRead(n taskgraph.NodeID, read func(x taskgraph.TensorID, operand int) bool) bool {
	for i := range v.g.Nodes[n].Operands {
		for r := range v.g.Constants(n, i) {
			if !read(r.Tensor, i) {
				return false
			}
		}
	}
	for e := range v.g.In(n) {
		if e.Data() && !read(v.g.Nodes[e.Src].Operands[0], int(e.Operand)) {
			return false
		}
	}
	return true
}

// prefetches checks that constants are fetched ahead to where they are read.
func (v *verifier) prefetches() *Violation {
	ahead := func(x Transfer) bool { return x.Cause == Prefetch }
	if !slices.ContainsFunc(v.s.Transfers, ahead) {
		return nil
	}
	readers := v.readers()
	for i := range v.s.Transfers {
		x := &v.s.Transfers[i]
		if !ahead(*x) {
			continue
		}
		if !v.g.Tensors[x.Tensor].Constant {
			return v.brokenTransfer(RuleCause, i, "only constants are fetched ahead")
		}
		read := false
		for y := range readers.of(x.Tensor) {
			op := v.g.Layers[v.g.Nodes[y.node].Layer].Memory[y.operand]
			streamed := slices.Contains(v.cost(y.node).Streamed, op) && !v.r.SpaceFreedBeforeLeave
			if read = !streamed && v.top(v.s.Tasks[y.node].Core, op) == x.ToStore; read {
				break
			}
		}
		if !read {
			return v.brokenTransfer(RuleCause, i, "no node reads it from %s", StoreName(v.acc, int(x.ToStore)))
		}
	}
	return nil
}
