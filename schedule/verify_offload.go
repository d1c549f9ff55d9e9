package schedule

import (
	"slices"

	"streamdse/taskgraph"
	"streamdse/unit"
)

// offloads checks that data which goes off-chip for a node has to. Streaming a tensor and
// making room move it the same way; they differ in what else is known:
//
//   - An eviction takes nothing that its node has to have on its core. It empties a memory
//     through which the node streams, or one that has too little room for all that is to
//     stay when the node has been decided.
//   - A spill is of what its node streams. It comes after all fetches for the node, and from
//     no memory that the node has emptied because it streams through it. Or it is of what
//     the node fetches, but from a core that no links lead from: then the node fetches
//     it from off-chip.
func (v *verifier) offloads() *Violation {
	var tight []int // evictions that need a memory to be full
	for i := 0; i < len(v.s.Transfers); {
		n, first, moves := v.s.Transfers[i].For, i, false
		for ; i < len(v.s.Transfers) && v.s.Transfers[i].For == n; i++ {
			cause := v.s.Transfers[i].Cause
			moves = moves || cause == Eviction || cause == Spill
		}
		if n < 0 || !moves {
			continue
		}
		o := v.offload(n, first, i)
		for k := first; k < i; k++ {
			var broken *Violation
			switch x := &v.s.Transfers[k]; x.Cause {
			case Eviction:
				if broken = o.eviction(k); broken == nil && !o.cleared[x.FromStore] {
					tight = append(tight, k)
				}
			case Spill:
				broken = o.spill(k)
			}
			if broken != nil {
				return broken
			}
		}
	}
	return v.room(tight)
}

// offload is what decides about the data that goes off-chip for a node.
type offload struct {
	*verifier
	node            taskgraph.NodeID
	core            int32
	whole, streamed map[taskgraph.TensorID]bool // what it reads on its core, and from off-chip
	cleared         map[int32]bool              // memories through which it streams
	lastFetch       int
	fetched         map[taskgraph.TensorID]int // last fetch from off-chip of each tensor
}

// offload collects what a node reads and fetches; its transfers are those from first to
// last-1.
func (v *verifier) offload(n taskgraph.NodeID, first, last int) *offload {
	o := &offload{verifier: v, node: n, core: v.s.Tasks[n].Core, lastFetch: -1,
		whole: map[taskgraph.TensorID]bool{}, streamed: map[taskgraph.TensorID]bool{}, cleared: map[int32]bool{}, fetched: map[taskgraph.TensorID]int{}}
	node := &v.g.Nodes[n]
	streamed := v.cost(n).Streamed
	v.eachRead(n, func(x taskgraph.TensorID, operand int) bool {
		if slices.Contains(streamed, v.g.Layers[node.Layer].Memory[operand]) {
			o.streamed[x] = true
		} else {
			o.whole[x] = true
		}
		return true
	})
	for _, op := range streamed {
		o.cleared[v.top(o.core, op)] = true
	}
	for k := first; k < last; k++ {
		if x := &v.s.Transfers[k]; x.Cause == Fetch {
			o.lastFetch = k
			if int(x.From) == v.acc.Offchip {
				o.fetched[x.Tensor] = k
			}
		}
	}
	return o
}

func (o *offload) eviction(k int) *Violation {
	if x := &o.s.Transfers[k]; o.whole[x.Tensor] || o.g.Nodes[o.node].Operands[0] == x.Tensor {
		return o.brokenTransfer(RuleCause, k, "it makes no room for the node, which needs it on core %d", o.core)
	}
	return nil
}

func (o *offload) spill(k int) *Violation {
	x := &o.s.Transfers[k]
	switch {
	case o.streamed[x.Tensor] && o.whole[x.Tensor]:
	case o.streamed[x.Tensor] && k < o.lastFetch:
		return o.brokenTransfer(RuleCause, k, "the node streams it, but still fetches something after that: transfer %d", o.lastFetch)
	case o.streamed[x.Tensor]:
		// The published rules leave there what is yet to come.
		if o.cleared[x.FromStore] && !o.r.SpaceFreedBeforeLeave {
			return o.brokenTransfer(RuleCause, k, "the node streams through %s and has emptied it before", StoreName(o.acc, int(x.FromStore)))
		}
	default:
		if fetched, ok := o.fetched[x.Tensor]; !ok || fetched < k {
			return o.brokenTransfer(RuleCause, k, "the node neither streams it nor fetches it from off-chip after that")
		}
		for _, c := range o.acc.Stores[x.FromStore].Cores {
			if o.direct(c, int(o.core)) {
				return o.brokenTransfer(RuleCause, k, "the node does not stream it, and core %d can send it to core %d", c, o.core)
			}
		}
	}
	return nil
}

// direct tells whether links lead from a core to another without passing off-chip memory.
func (v *verifier) direct(from, to int) bool {
	if from == to {
		return true
	}
	hops := v.acc.Hops(from, to)
	return len(hops) > 0 && (v.r.ThroughOffchip || !slices.Contains(hops[1:len(hops)-1], v.acc.Offchip))
}

// room checks that memories from which data was evicted were full: that what may have been
// meant to stay there when the node had been decided, with what is evicted, is more than
// they hold. What was decided to be there and is read by that node or one that is decided
// after it may have been meant to stay.
func (v *verifier) room(evictions []int) *Violation {
	if len(evictions) == 0 || v.mayBeGone() || v.r.StreamedUsesLinger || v.r.FullReuseEverywhere || v.r.ConstantsStay || v.r.SpaceByOwnOperand || v.r.RoomAtOnce {
		return nil // what stays is decided otherwise
	}
	turn := v.turns()
	last := v.lastReaders(turn)
	begun := v.begun(turn)
	staying := make([][]unit.Bits, len(v.acc.Stores)) // by turn, first as differences
	for _, k := range evictions {
		if store := v.s.Transfers[k].FromStore; staying[store] == nil {
			staying[store] = make([]unit.Bits, len(v.g.Nodes)+2)
		}
	}
	for _, c := range v.s.Copies {
		if bits := staying[c.Store]; bits != nil {
			from := begun[key{place{c.Store, c.Tensor}, c.Start}]
			bits[from] += v.bits(c.Tensor, c.Part)
			bits[max(from, last[c.Tensor])+1] -= v.bits(c.Tensor, c.Part)
		}
	}
	for _, bits := range staying {
		for i := 1; i < len(bits); i++ {
			bits[i] += bits[i-1]
		}
	}
	for _, k := range evictions {
		x := &v.s.Transfers[k]
		if have, size := staying[x.FromStore][turn[x.For]], v.acc.Stores[x.FromStore].Capacity; have <= size {
			return v.brokenTransfer(RuleCause, k, "%s has room without it: no more than %d of %d bits are to stay there", StoreName(v.acc, int(x.FromStore)), have, size)
		}
	}
	return nil
}

// turns is when each node was decided, from 1 on.
func (v *verifier) turns() []int {
	turn := make([]int, len(v.g.Nodes))
	for i, n := range v.s.Order {
		turn[n] = i + 1
	}
	return turn
}

// lastReaders is the turn of the last node that reads each tensor.
func (v *verifier) lastReaders(turn []int) []int {
	last := make([]int, len(v.g.Tensors))
	for n := range v.g.Nodes {
		v.eachRead(taskgraph.NodeID(n), func(x taskgraph.TensorID, _ int) bool {
			last[x] = max(last[x], turn[n])
			return true
		})
	}
	return last
}

// key is the beginning of a copy.
type key struct {
	place
	start unit.Cycles
}

// begun is the turn in which each copy was decided, 0 for those that were there before.
func (v *verifier) begun(turn []int) map[key]int {
	begun := make(map[key]int, len(v.s.Copies))
	note := func(k key, turn int) {
		if before, ok := begun[k]; !ok || turn < before {
			begun[k] = turn
		}
	}
	for i := range v.s.Transfers {
		x := &v.s.Transfers[i]
		decided := 0
		if x.For >= 0 {
			decided = turn[x.For]
		}
		note(key{place{x.ToStore, x.Tensor}, x.Start}, decided)
	}
	for n := range v.g.Nodes {
		note(key{v.written(taskgraph.NodeID(n)), v.s.Tasks[n].Start}, turn[n])
	}
	return begun
}
