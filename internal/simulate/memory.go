package simulate

import (
	"slices"

	"streamdse/hardware"
	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/unit"
)

// place is what is known of a tensor in a memory.
type place struct {
	stay int32            // index+1 in stays, 0 if it is not there
	uses int32            // uses to come, or none
	part taskgraph.PartID // what the nodes that read it there read of it together
}

// stay is a tensor, or a part of it, in a memory. Off-chip memory may have several
// stays of one tensor, of parts that cores did without; the others have one.
type stay struct {
	tensor     taskgraph.TensorID
	store      int32
	part       taskgraph.PartID
	below      int32 // an older stay of the tensor in its memory, index+1
	prev, next int32 // neighbours in its memory, index+1
	number     int32 // in the order of all stays, as of Schedule.Copies; -1 if it is over
	byNode     bool  // written by a node, rather than a copy of what another memory holds
	bits       unit.Bits
	start      unit.Cycles // from when on its space is taken
	available  unit.Cycles // from when on it can be read
	busy       unit.Cycles // end of all that has been decided to read or write it
}

// list is the tensors in a memory, in the order in which they were stored.
type list struct{ first, last int32 } // index+1 in stays

// stored returns the latest stay of a tensor in a memory, nil if there is none or
// its end has been decided.
func (s *Simulator) stored(x taskgraph.TensorID, store int32) *stay {
	return s.stayAt(s.place(x, store).stay)
}

func (s *Simulator) stayAt(i int32) *stay {
	if i == 0 {
		return nil
	}
	return &s.stays[i-1]
}

// holding returns a stay of a tensor in a memory that has all of a part.
func (s *Simulator) holding(x taskgraph.TensorID, part taskgraph.PartID, store int32) *stay {
	y := s.stored(x, store)
	for y != nil && !s.parts.Covers(y.part, part) {
		y = s.stayAt(y.below)
	}
	return y
}

func (s *Simulator) place(x taskgraph.TensorID, store int32) *place {
	return &s.places[int(x)*len(s.fill)+int(store)]
}

// placesOf is what is known of a tensor in each memory.
func (s *Simulator) placesOf(x taskgraph.TensorID) []place {
	return s.places[int(x)*len(s.fill) : (int(x)+1)*len(s.fill)]
}

// bits is the size of a part of a tensor.
func (s *Simulator) bits(x taskgraph.TensorID, part taskgraph.PartID) unit.Bits {
	return s.parts.Bits(&s.Graph.Tensors[x], part)
}

// store puts a part of a tensor into a memory, unless it is there.
func (s *Simulator) store(x taskgraph.TensorID, part taskgraph.PartID, store int32, start, available unit.Cycles, byNode bool) error {
	if s.holding(x, part, store) != nil {
		return nil
	}
	at := s.place(x, store)
	bits := s.bits(x, part)
	fresh := stay{tensor: x, part: part, bits: bits, below: at.stay, store: store, start: start, available: available, busy: available, byNode: byNode}
	fresh.number = s.begun
	s.begun++
	if s.record != nil {
		s.record.Copies = append(s.record.Copies, schedule.Copy{Tensor: x, Part: part, Store: store, Start: start, Available: available, End: schedule.Forever})
	}
	if len(s.gone) == 0 {
		s.stays = append(s.stays, stay{})
		s.gone = append(s.gone, int32(len(s.stays)))
	}
	index := s.gone[len(s.gone)-1]
	s.gone = s.gone[:len(s.gone)-1]
	l := &s.residents[store]
	fresh.prev = l.last
	if l.last == 0 {
		l.first = index
	} else {
		s.stays[l.last-1].next = index
	}
	l.last = index
	s.stays[index-1] = fresh
	at.stay = index
	s.rerank(x, store)
	s.fill[store].add(start, bits)
	if s.rules.SpaceFreedBeforeLeave || s.rules.SpaceByOwnOperand {
		return s.checkOverflow(x, store, start)
	}
	return nil
}

// remove ends the latest stay of a tensor in a memory, if there is one.
func (s *Simulator) remove(x taskgraph.TensorID, store int32, t unit.Cycles) {
	at := s.place(x, store)
	old := s.stayAt(at.stay)
	if old == nil {
		return
	}
	l := &s.residents[store]
	if old.prev == 0 {
		l.first = old.next
	} else {
		s.stays[old.prev-1].next = old.next
	}
	if old.next == 0 {
		l.last = old.prev
	} else {
		s.stays[old.next-1].prev = old.prev
	}
	s.gone = append(s.gone, at.stay)
	at.stay = old.below
	s.fill[store].add(t, -old.bits)
	if s.record != nil {
		s.record.Copies[old.number].End = t
	}
	old.number = -1
	s.rerank(x, store)
}

// storeConstants fills off-chip memory with all that is there before the network
// starts.
func (s *Simulator) storeConstants() error {
	for _, x := range s.constants {
		if err := s.store(x, 0, s.top(int32(s.Accelerator.Offchip), s.own[x]), 0, 0, false); err != nil {
			return err
		}
	}
	for i := range s.fill {
		if size := s.Accelerator.Stores[i].Capacity; s.fill[i].last() > size {
			return s.infeasible(schedule.Infeasible{Lack: schedule.LackOfMemory, Tensor: -1, Store: i, Asked: s.fill[i].last(), Size: size})
		}
	}
	return nil
}

// room returns the earliest time from t on at which a memory of the core has room
// for a part of the tensor for ever, and makes it by evicting others if there is no such time.
func (s *Simulator) room(x taskgraph.TensorID, part taskgraph.PartID, core int32, op hardware.MemoryOperand, t unit.Cycles) (unit.Cycles, error) {
	store := s.top(core, op)
	if store < 0 {
		return 0, s.infeasible(schedule.Infeasible{Lack: schedule.LackOfCore, Core: int(core), Tensor: x, Reason: "it has no memory for " + op.String()})
	}
	if s.rules.SpaceFreedBeforeLeave {
		return s.publishedRoom(x, core, op, t)
	}
	if y := s.holding(x, part, store); y != nil {
		return max(t, y.start), nil
	}
	return s.space(x, s.bits(x, part), core, op, t)
}

// space is room for some bits in the memory that holds an operand, on account of a
// tensor.
func (s *Simulator) space(x taskgraph.TensorID, bits unit.Bits, core int32, op hardware.MemoryOperand, t unit.Cycles) (unit.Cycles, error) {
	store := s.top(core, op)
	size := s.Accelerator.Stores[store].Capacity
	fill := &s.fill[store]
	if from, ok := fill.under(size-bits, t); ok {
		return from, nil
	}
	if err := s.chooseVictims(x, bits, store, fill.last()+bits-size, schedule.Forever); err != nil {
		return 0, err
	}
	for _, i := range s.victims {
		if _, err := s.evict(s.stays[i-1].tensor, core, op, t); err != nil {
			return 0, err
		}
	}
	from, ok := fill.under(size-bits, t)
	if !ok {
		return 0, s.full(x, bits, store, fill.last()+bits-size)
	}
	return from, nil
}

// full reports that a tensor finds no room, and how many bits too few there are
// when all has left that can.
func (s *Simulator) full(x taskgraph.TensorID, asked unit.Bits, store int32, gap unit.Bits) error {
	e := schedule.Infeasible{Lack: schedule.LackOfMemory, Tensor: x, Store: int(store), Core: -1,
		Asked: asked, Size: s.Accelerator.Stores[store].Capacity}
	if s.now >= 0 {
		e.Core = int(s.core[s.now])
	}
	e.Pinned = e.Size + gap - e.Asked
	return s.infeasible(e)
}

// evict ends the stay of a tensor in a core's memory, after writing it to off-chip
// memory unless it is there. It returns when that is over, not before t.
func (s *Simulator) evict(x taskgraph.TensorID, core int32, op hardware.MemoryOperand, t unit.Cycles) (unit.Cycles, error) {
	store := s.top(core, op)
	if s.rules.SpaceFreedBeforeLeave {
		return s.publishedEvict(x, core, op, t, schedule.Eviction)
	}
	i := s.place(x, store).stay
	if _, err := s.writeBack(x, store, op, schedule.Eviction); err != nil {
		return 0, err
	}
	t = max(t, s.stays[i-1].busy)
	s.remove(x, store, t) // unless writing it back has served the last use here
	return t, nil
}

// writeBack copies what is needed of a tensor from a memory to off-chip memory
// unless it is there, and returns when it can be read there.
func (s *Simulator) writeBack(x taskgraph.TensorID, store int32, op hardware.MemoryOperand, cause schedule.Cause) (unit.Cycles, error) {
	offchip := int32(s.Accelerator.Offchip)
	part := s.toKeep(x, s.stored(x, store))
	if y := s.holding(x, part, s.top(offchip, op)); y != nil {
		return y.available, nil
	}
	return s.move(x, part, store, offchip, op, cause)
}

// toKeep is what must not be lost with a stay of a tensor: all of a network output,
// else what the nodes that have not run yet read of it.
func (s *Simulator) toKeep(x taskgraph.TensorID, y *stay) taskgraph.PartID {
	if s.result[x] || y.part != 0 {
		return y.part
	}
	part := taskgraph.PartID(nothing)
	for _, p := range s.placesOf(x) {
		if p.uses > 0 {
			part = s.together(x, part, p.part)
		}
	}
	return max(part, 0)
}

// clearFor empties the memories of a node's core, but for what the node reads from
// them, of the operands that the node streams. It returns when that is over.
func (s *Simulator) clearFor(n taskgraph.NodeID, t unit.Cycles) (unit.Cycles, error) {
	core := s.core[n]
	for _, op := range s.cost[n].Streamed {
		store := s.top(core, op)
		if store < 0 {
			continue
		}
		by := t
		for i := s.residents[store].first; i != 0; {
			y := s.stays[i-1]
			i = y.next
			if slices.Contains(s.kept, y.tensor) || s.rules.SpaceFreedBeforeLeave && y.start > by {
				continue
			}
			gone, err := s.evict(y.tensor, core, op, t)
			if err != nil {
				return 0, err
			}
			t = max(t, gone)
		}
	}
	return t, nil
}
