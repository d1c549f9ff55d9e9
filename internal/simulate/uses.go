package simulate

import (
	"streamdse/hardware"
	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/unit"
)

// none marks that no node reads a tensor from a memory, and nothing is what such
// nodes read of it.
const none, nothing = -1, -1

// countUses counts for each tensor the nodes that will read it from each memory.
// What a node streams it reads from off-chip memory.
func (s *Simulator) countUses() {
	for n := range s.core {
		id := taskgraph.NodeID(n)
		for _, r := range s.needs.of(id) {
			for _, x := range s.needs.row(r) {
				s.countUse(id, x)
			}
		}
	}
}

func (s *Simulator) countUse(n taskgraph.NodeID, x need) {
	store := s.readFrom(n, x.op)
	if store < 0 {
		return // fetching it will fail
	}
	at := s.place(x.tensor, store)
	at.part = s.together(x.tensor, at.part, x.part)
	uses := max(at.uses, 0)
	if s.rules.FullReuseEverywhere && !x.data {
		s.total[x.tensor] -= uses
		at.uses = s.Graph.Tensors[x.tensor].Uses
		s.total[x.tensor] += at.uses
		return
	}
	at.uses = uses + 1
	s.total[x.tensor]++
}

// together is the part of a tensor that covers two others, of which the first may be
// nothing.
func (s *Simulator) together(x taskgraph.TensorID, a, b taskgraph.PartID) taskgraph.PartID {
	if a == nothing || a == b {
		return b
	}
	part := s.parts.Union(a, b)
	if part != 0 && s.bits(x, part) == s.Graph.Tensors[x].Bits {
		return 0
	}
	return part
}

// wanted is what all nodes that read a tensor from a core's memory read of it.
func (s *Simulator) wanted(x need, core int32) taskgraph.PartID {
	if store := s.top(core, x.op); store >= 0 {
		if at := s.place(x.tensor, store); at.part != nothing {
			return at.part
		}
	}
	return x.part // there is no memory for it, or its uses are counted elsewhere
}

// readFrom is the memory from which a node reads an operand.
func (s *Simulator) readFrom(n taskgraph.NodeID, op hardware.MemoryOperand) int32 {
	if streams(s.cost[n], op) && !s.rules.StreamedUsesLinger {
		return s.top(int32(s.Accelerator.Offchip), op)
	}
	return s.top(s.core[n], op)
}

// used counts one use as over at the end of the node that made it.
func (s *Simulator) used(n taskgraph.NodeID, x need) {
	store := s.readFrom(n, x.op)
	at := s.place(x.tensor, store)
	if !s.rules.ConstantsStay || x.data || s.Graph.Tensors[x.tensor].Uses == 1 {
		at.uses--
		s.total[x.tensor]--
		s.rerank(x.tensor, store)
	}
	if y := s.holding(x.tensor, at.part, store); y != nil {
		y.busy = max(y.busy, s.end[n])
	}
}

// settle does what follows from the end of a node: it counts its uses as over,
// brings network outputs to off-chip memory and ends the stays that nobody needs
// any more.
func (s *Simulator) settle(n taskgraph.NodeID) error {
	x := s.Graph.Nodes[n].Operands[0]
	for _, y := range s.reading {
		s.used(n, y)
	}
	if !s.rules.StreamedUsesLinger {
		for _, y := range s.streaming {
			s.used(n, y)
		}
	}
	if s.rules.FirstTransferMoves {
		return s.publishedSettle(n)
	}
	if s.output[n] && !streams(s.cost[n], s.own[x]) {
		if _, err := s.writeBack(x, s.top(s.core[n], s.own[x]), s.own[x], schedule.Writeback); err != nil {
			return err
		}
	}
	for _, y := range s.reading {
		s.release(y.tensor)
	}
	for _, y := range s.streaming {
		s.release(y.tensor)
	}
	s.release(x)
	return nil
}

// release ends the stays of a tensor that nobody needs any more, each as soon as
// all that has been decided to read it is over.
func (s *Simulator) release(x taskgraph.TensorID) {
	// A core without the tensor that has uses to come will fetch it from where it
	// was written.
	wanted := false
	for store, p := range s.placesOf(x) {
		wanted = wanted || p.uses > 0 && s.holding(x, p.part, int32(store)) == nil
	}
	for store := range s.fill {
		for y := s.stored(x, int32(store)); y != nil && !s.needed(y, wanted); y = s.stored(x, int32(store)) {
			s.remove(x, int32(store), y.busy)
		}
	}
}

func (s *Simulator) needed(y *stay, wanted bool) bool {
	switch {
	case s.place(y.tensor, y.store).uses > 0:
		return true
	case s.offchip[y.store]: // the place to come back to for what is evicted
		return s.total[y.tensor] > 0 || s.result[y.tensor]
	}
	return y.byNode && wanted
}

// worth ranks tensors by what it costs to do without them in a memory: their bits
// times the uses to come from it or, if there are none, from memories that have to
// be served from it.
func (s *Simulator) worth(x taskgraph.TensorID, store int32) unit.Bits {
	here := s.place(x, store)
	if here.uses > 0 || here.uses == 0 && s.rules.FirstTransferMoves {
		return unit.Bits(here.uses) * s.bits(x, here.part)
	}
	var bits unit.Bits
	for other, p := range s.placesOf(x) {
		if p.uses > 0 && s.holding(x, p.part, int32(other)) == nil {
			bits += unit.Bits(p.uses) * s.bits(x, p.part)
		}
	}
	return bits
}
