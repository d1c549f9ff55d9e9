package schedule

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"streamdse/hardware"
	"streamdse/rules"
	"streamdse/taskgraph"
	"streamdse/unit"
)

// RuleOrder is what VerifyInOrder checks: nothing begins on a link before what was
// decided for it earlier begins.
const RuleOrder Rule = "order"

// VerifyInOrder checks that links carry things in the order in which they were decided,
// of a schedule that Verify finds nothing wrong with. What takes no time takes no link, a
// link of infinite bandwidth has no order, and what a broadcast shares was there before.
//
// Under BlockBeforeSpace a node blocks its links before it makes room for its output, and a
// schedule does not tell what it has made room for: blocks are left out then.
func VerifyInOrder(g *taskgraph.Graph, acc *hardware.Accelerator, s *Schedule, r rules.Rules) error {
	v := &verifier{g: g, acc: acc, s: s, r: r}
	shared := v.shared()
	latest := make([]*decision, len(acc.Links)) // of each link: what begins on it last
	list := v.decisions()
	for i := range list {
		d := &list[i]
		if d.start == d.end {
			continue
		}
		for _, l := range d.links {
			if d.transfer >= 0 && slices.Contains(shared[d.transfer], l) {
				continue
			}
			before := latest[l]
			switch {
			case math.IsInf(float64(acc.Links[l].Bandwidth), 1):
			case before == nil || d.start >= before.start:
				latest[l] = d
			case d.transfer >= 0:
				return v.brokenTransfer(RuleOrder, d.transfer, "link %s was given to %s from %d on, before", v.linkName(l), v.decided(before), before.start)
			default:
				return v.broken(RuleOrder, d.node, d.start, "streams over link %s, which was given to %s from %d on, before", v.linkName(l), v.decided(before), before.start)
			}
		}
	}
	return nil
}

// decision is a use of links that was decided at once: a transfer, or the streaming of a
// node.
type decision struct {
	turn       int // of the node for which it was decided; 0 before the first
	phase      int // 0 before the node streams, 1 when it does, 2 after
	transfer   int // index, -1 for streaming
	node       taskgraph.NodeID
	links      []int32
	start, end unit.Cycles
}

// decided names a use of links.
func (v *verifier) decided(d *decision) string {
	if d.transfer < 0 {
		return "what " + NodeName(v.g, d.node) + " streams"
	}
	return fmt.Sprintf("transfer %d of %s", d.transfer, TensorName(v.g, v.s.Transfers[d.transfer].Tensor))
}

// decisions lists the uses of links in the order in which they were decided.
func (v *verifier) decisions() []decision {
	turn := v.turns()
	list := make([]decision, 0, len(v.s.Transfers)+len(v.s.Blocks))
	for i := range v.s.Transfers {
		x := &v.s.Transfers[i]
		d := decision{transfer: i, node: x.For, links: x.Links, start: x.Start, end: x.End}
		if x.For >= 0 {
			d.turn = turn[x.For]
		}
		if x.Cause == Writeback {
			d.phase = 2
		}
		list = append(list, d)
	}
	for i := range v.s.Blocks {
		if b := &v.s.Blocks[i]; !v.r.BlockBeforeSpace {
			list = append(list, decision{turn: turn[b.Node], phase: 1, transfer: -1, node: b.Node, links: b.Links, start: b.Start, end: b.End})
		}
	}
	slices.SortStableFunc(list, func(a, b decision) int {
		return cmp.Or(cmp.Compare(a.turn, b.turn), cmp.Compare(a.phase, b.phase))
	})
	return list
}
