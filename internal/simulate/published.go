package simulate

import (
	"streamdse/hardware"
	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/unit"
)

// This file holds what the published scheduler of November 2024 does instead of
// the physical model, where a switch of package rules asks for it.

// longestHeld is the source from which a tensor has been available for longest, of
// equals the first memory (LongestHeldSource).
func (s *Simulator) longestHeld(x taskgraph.TensorID, core int32) (source, error) {
	var best *stay
	for store := range s.fill {
		if y := s.stored(x, int32(store)); y != nil && (best == nil || y.available < best.available) {
			best = y
		}
	}
	if best == nil {
		return source{}, s.noPath(x, nil, core)
	}
	r := s.routeTo(best.store, core)
	if !r.ok {
		return source{}, s.noPath(x, best, core)
	}
	return source{best.store, r, nil, best.available}, nil
}

// publishedRoom looks for room once and evicts if there is none at that time; the
// space of what it evicts is free at once (SpaceFreedBeforeLeave).
func (s *Simulator) publishedRoom(x taskgraph.TensorID, core int32, op hardware.MemoryOperand, t unit.Cycles) (unit.Cycles, error) {
	store := s.top(core, op)
	asked := store
	if own := s.top(core, s.own[x]); own >= 0 && s.rules.SpaceByOwnOperand {
		asked = own
	}
	bits := s.Graph.Tensors[x].Bits
	from := t
	if !s.rules.RoomAtOnce {
		from, _ = s.fill[asked].under(s.Accelerator.Stores[asked].Capacity-bits, t)
	}
	done := max(t, from)
	fill := &s.fill[store]
	size := s.Accelerator.Stores[store].Capacity
	if bits > size {
		return 0, s.full(x, bits, store, bits-size)
	}
	missing := bits - (size - fill.value(fill.at(from)))
	if missing <= 0 {
		return done, nil
	}
	if err := s.chooseVictims(x, bits, store, missing, from); err != nil {
		return 0, err
	}
	// Eviction may come back here for off-chip memory, but that never chooses victims.
	for _, i := range s.victims {
		gone, err := s.evict(s.stays[i-1].tensor, core, op, t)
		if err != nil {
			return 0, err
		}
		done = max(done, gone)
	}
	return done, nil
}

// publishedEvict writes a tensor back as early as possible and removes it at t,
// whether or not it has left by then. It returns when it has (SpaceFreedBeforeLeave).
func (s *Simulator) publishedEvict(x taskgraph.TensorID, core int32, op hardware.MemoryOperand, t unit.Cycles, cause schedule.Cause) (unit.Cycles, error) {
	done := t
	if offchip := int32(s.Accelerator.Offchip); s.stored(x, s.top(offchip, op)) == nil {
		store := s.top(core, s.own[x])
		if store < 0 || s.stored(x, store) == nil {
			store = s.top(core, op)
		}
		end, err := s.move(x, 0, store, offchip, op, cause)
		if err != nil {
			return 0, err
		}
		done = max(done, end)
	}
	s.remove(x, s.top(core, op), t)
	return done, nil
}

// publishedLeave removes a tensor from the memory that has sent it if no node
// reads it there (FirstTransferMoves).
func (s *Simulator) publishedLeave(x taskgraph.TensorID, src source, end unit.Cycles) {
	if src.route.from == int32(s.Accelerator.Offchip) || s.place(x, src.store).uses > 0 {
		return
	}
	if s.rules.RemoveByOwnOperand && s.top(src.route.from, s.own[x]) != src.store {
		return
	}
	s.remove(x, src.store, end)
}

// publishedSettle removes the tensors that the node was the last of all to use,
// and its output if that leaves the network (FirstTransferMoves).
func (s *Simulator) publishedSettle(n taskgraph.NodeID) error {
	for _, y := range s.reading {
		if s.total[y.tensor] != 0 {
			continue
		}
		for store := range s.fill {
			if s.stored(y.tensor, int32(store)) == nil {
				continue
			}
			core := int32(s.Accelerator.Stores[store].Cores[0])
			if s.rules.RemoveByOwnOperand && s.top(core, s.own[y.tensor]) != int32(store) {
				continue
			}
			t := s.end[n]
			if y.data {
				t = s.lastReader(y.tensor, int32(store), t)
			}
			s.remove(y.tensor, int32(store), t)
		}
	}
	if !s.output[n] {
		return nil
	}
	x := s.Graph.Nodes[n].Operands[0]
	_, err := s.publishedEvict(x, s.core[n], s.own[x], s.end[n], schedule.Writeback)
	return err
}

// lastReader is the latest end of the decided readers of an output on the cores of
// a memory, of all readers for off-chip memory; t if there are none.
func (s *Simulator) lastReader(x taskgraph.TensorID, store int32, t unit.Cycles) unit.Cycles {
	found := false
	look := func(writer taskgraph.NodeID) {
		for e := range s.Graph.Out(writer) {
			if !s.decided[e.Dst] || !s.offchip[store] && !s.shares(s.core[e.Dst], store) {
				continue
			}
			if end := s.end[e.Dst]; !found || end > t {
				t, found = end, true
			}
		}
	}
	tensor := &s.Graph.Tensors[x]
	if s.rules.OriginSuccessorsOnly {
		look(tensor.Origin)
		return t
	}
	for _, n := range s.Graph.Layers[tensor.Layer].Nodes {
		if s.Graph.Nodes[n].Operands[0] == x {
			look(n)
		}
	}
	return t
}

func (s *Simulator) shares(core, store int32) bool {
	for _, c := range s.Accelerator.Stores[store].Cores {
		if int32(c) == core {
			return true
		}
	}
	return false
}

// checkOverflow reports a memory that is overfull from some time on: with the
// published rules for space, room is not always what it seems.
func (s *Simulator) checkOverflow(x taskgraph.TensorID, store int32, start unit.Cycles) error {
	fill, size := &s.fill[store], s.Accelerator.Stores[store].Capacity
	for i, more := fill.at(start), true; more; i, more = fill.next(i) {
		if used := fill.value(i); used > size {
			bits := s.Graph.Tensors[x].Bits
			return s.infeasible(schedule.Infeasible{Lack: schedule.LackOfMemory, Tensor: x, Store: int(store), Asked: bits, Pinned: used - bits, Size: size})
		}
	}
	return nil
}
