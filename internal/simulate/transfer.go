package simulate

import (
	"streamdse/hardware"
	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/unit"
)

// source is a memory to fetch a tensor from.
type source struct {
	store int32
	route *route
	lane  *lane       // of the route, once it is chosen
	from  unit.Cycles // when the data can be read
}

// fetch brings a part of a tensor into a core's memory unless it is there, and
// returns when it can be read.
func (s *Simulator) fetch(x taskgraph.TensorID, part taskgraph.PartID, core int32, op hardware.MemoryOperand, cause schedule.Cause) (unit.Cycles, error) {
	if store := s.top(core, op); store >= 0 {
		if y := s.holding(x, part, store); y != nil {
			if s.rules.NoWaitIfStored {
				return 0, nil
			}
			return y.available, nil
		}
	}
	if s.rules.LongestHeldSource {
		src, err := s.longestHeld(x, core)
		if err != nil {
			return 0, err
		}
		return s.moveFrom(src, x, part, core, op, cause)
	}
	return s.fetchFirst(x, part, core, op, cause)
}

// fetchFirst fetches a part of a tensor from where it arrives first; from the nearest such
// memory if there are several, over the first such lane.
func (s *Simulator) fetchFirst(x taskgraph.TensorID, part taskgraph.PartID, core int32, op hardware.MemoryOperand, cause schedule.Cause) (unit.Cycles, error) {
	from := schedule.Forever
	var unreachable *stay
	for store := range s.fill {
		y := s.holding(x, part, int32(store))
		if y == nil {
			continue
		}
		if s.routeTo(y.store, core).ok {
			from = min(from, y.available)
		} else {
			unreachable = y
		}
	}
	if from == schedule.Forever {
		if unreachable == nil || core == int32(s.Accelerator.Offchip) || !s.in[core].ok {
			return 0, s.noPath(x, unreachable, core)
		}
		// No links lead here: the way is through off-chip memory.
		if _, err := s.spill(x, part, op); err != nil {
			return 0, err
		}
		return s.fetchFirst(x, part, core, op, cause)
	}
	space, err := s.room(x, part, core, op, from)
	if err != nil {
		return 0, err
	}
	var best source
	first := schedule.Forever
	var start unit.Cycles
	for store := range s.fill {
		y := s.holding(x, part, int32(store))
		if y == nil {
			continue
		}
		r := s.routeTo(y.store, core)
		if !r.ok {
			continue
		}
		lane, at, end := s.soonest(r, x, part, y.store, s.top(core, op), nil, max(space, y.available))
		if end < first || end == first && r.hops < best.route.hops {
			first, best, start = end, source{y.store, r, lane, y.available}, at
		}
	}
	return s.commit(x, part, best, core, op, start, first, cause)
}

// move brings a part of a tensor from one memory into a core's memory.
func (s *Simulator) move(x taskgraph.TensorID, part taskgraph.PartID, store, core int32, op hardware.MemoryOperand, cause schedule.Cause) (unit.Cycles, error) {
	y := s.holding(x, part, store)
	r := s.routeTo(store, core)
	if y == nil || !r.ok {
		return 0, s.noPath(x, y, core)
	}
	return s.moveFrom(source{store, r, nil, y.available}, x, part, core, op, cause)
}

// moveFrom finds room at the destination and then a window on the links.
func (s *Simulator) moveFrom(src source, x taskgraph.TensorID, part taskgraph.PartID, core int32, op hardware.MemoryOperand, cause schedule.Cause) (unit.Cycles, error) {
	t := src.from
	if store := s.top(core, op); store >= 0 && s.rules.SpaceByOwnOperand {
		t, _ = s.fill[store].under(s.Accelerator.Stores[store].Capacity-s.Graph.Tensors[x].Bits, t)
	}
	t, err := s.room(x, part, core, op, t)
	if err != nil {
		return 0, err
	}
	var start, end unit.Cycles
	src.lane, start, end = s.soonest(src.route, x, part, src.store, s.top(core, op), []taskgraph.TensorID{x}, t)
	return s.commit(x, part, src, core, op, start, end, cause)
}

// soonest is the lane of a route on which data that may leave from t on arrives first, of
// equals the one that costs least if nothing is shared, and when it would move. Where the
// memory sends the same to another core anyway, it may come along.
func (s *Simulator) soonest(r *route, x taskgraph.TensorID, part taskgraph.PartID, from, to int32, tensors []taskgraph.TensorID, t unit.Cycles) (best *lane, start, end unit.Cycles) {
	for i := range r.lanes {
		l := &r.lanes[i]
		duration := s.duration(s.bits(x, part), l, from, to)
		if best != nil && t+duration > end {
			continue
		}
		at := s.window(l.links, l.bandwidth, tensors, t, duration)
		if joined, ok := s.along(l, x, part, from, t, duration); ok && joined <= at {
			at = joined
		}
		if best == nil || at+duration < end || at+duration == end && l.cost(duration, s.bits(x, part)) < best.cost(end-start, s.bits(x, part)) {
			best, start, end = l, at, at+duration
		}
	}
	return best, start, end
}

// cost is the energy of the links of a lane for a transfer.
func (l *lane) cost(duration unit.Cycles, bits unit.Bits) unit.Picojoules {
	return unit.Picojoules(duration)*l.energy + unit.Picojoules(bits)*l.bitEnergy
}

// spill stores a part of a tensor off-chip, unless it is there, for a node that reads it
// from there. It returns when it can be read.
func (s *Simulator) spill(x taskgraph.TensorID, part taskgraph.PartID, op hardware.MemoryOperand) (unit.Cycles, error) {
	return s.fetch(x, part, int32(s.Accelerator.Offchip), op, schedule.Spill)
}

func (s *Simulator) routeTo(store, core int32) *route {
	return &s.routes[int(store)*len(s.idle)+int(core)]
}

// duration is the time of a transfer: that of the slowest link or, within a core,
// of the slower memory.
func (s *Simulator) duration(bits unit.Bits, l *lane, from, to int32) unit.Cycles {
	if len(l.links) > 0 {
		return unit.TransferCycles(bits, l.slowest)
	}
	return max(unit.TransferCycles(bits, s.Accelerator.Stores[from].ReadBandwidth), unit.TransferCycles(bits, s.Accelerator.Stores[to].WriteBandwidth))
}

// commit makes a transfer happen and returns its end.
func (s *Simulator) commit(x taskgraph.TensorID, part taskgraph.PartID, src source, core int32, op hardware.MemoryOperand, start, end unit.Cycles, cause schedule.Cause) (unit.Cycles, error) {
	to := s.top(core, op)
	if err := s.store(x, part, to, start, end, false); err != nil {
		return 0, err
	}
	tensor := [1]taskgraph.TensorID{x}
	paid := src.lane
	shared := s.send(src.lane, x, part, src.store, start, end)
	if shared {
		paid = &s.sent.own
	}
	joined := s.occupy(paid.links, paid.bandwidth, tensor[:], start, end) || shared
	s.latency = max(s.latency, end)

	read := src.store
	if s.rules.RemoveByOwnOperand {
		if own := s.top(src.route.from, s.own[x]); own >= 0 {
			read = own
		}
	}
	bits := s.bits(x, part)
	sender, receiver := &s.Accelerator.Stores[read], &s.Accelerator.Stores[to]
	width := receiver.WriteBandwidth
	if s.rules.WriteAtSenderWidth {
		width = sender.WriteBandwidth
	}
	memory := unit.Picojoules(unit.TransferCycles(bits, width)) * receiver.Memory.WriteCost
	if !shared {
		memory += unit.Picojoules(unit.TransferCycles(bits, sender.ReadBandwidth)) * sender.Memory.ReadCost
	}
	onLinks := paid.cost(end-start, bits)
	s.charge(cause, s.offchip[src.store], onLinks, memory)
	if s.record != nil {
		s.record.Transfers = append(s.record.Transfers, schedule.Transfer{
			Tensor: x, Part: part, Cause: cause, From: src.route.from, To: core, FromStore: src.store, ToStore: to, For: s.now,
			Start: start, End: end, Bits: bits, Links: src.lane.links, Joined: joined,
			LinkEnergy: onLinks, MemoryEnergy: memory,
		})
	}
	if s.rules.FirstTransferMoves {
		s.publishedLeave(x, src, end)
		return end, nil
	}
	if y := s.holding(x, part, src.store); y != nil {
		y.busy = max(y.busy, end)
	}
	s.release(x)
	return end, nil
}

// charge adds the energy of a transfer to the bucket of its cause.
func (s *Simulator) charge(cause schedule.Cause, fromOffchip bool, onLinks, memory unit.Picojoules) {
	e := &s.energy
	switch {
	case cause == schedule.Eviction || cause == schedule.Spill:
		e.EvictionLink += onLinks
		e.EvictionMemory += memory
	case cause == schedule.Writeback:
		e.WritebackLink += onLinks
		e.WritebackMemory += memory
	case cause == schedule.Prefetch || fromOffchip:
		e.FetchLink += onLinks
		e.FetchMemory += memory
	default:
		e.CoreLink += onLinks
		e.CoreMemory += memory
	}
}

// noPath reports that a tensor cannot reach a core.
func (s *Simulator) noPath(x taskgraph.TensorID, y *stay, core int32) error {
	from := -1
	if y != nil {
		from = s.Accelerator.Stores[y.store].Cores[0]
	}
	return s.infeasible(schedule.Infeasible{Lack: schedule.LackOfPath, Core: int(core), From: from, Tensor: x})
}

// prefetch fetches the constants of the chosen operands before the first node.
func (s *Simulator) prefetch() error {
	if len(s.Prefetch) == 0 {
		return nil
	}
	for n := range s.core {
		for _, operand := range s.Prefetch {
			for _, r := range s.needs.of(taskgraph.NodeID(n)) {
				if err := s.prefetchRow(taskgraph.NodeID(n), operand, s.needs.row(r)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (s *Simulator) prefetchRow(n taskgraph.NodeID, operand string, row []need) error {
	for _, x := range row {
		tensor := &s.Graph.Tensors[x.tensor]
		if x.data || s.Graph.Layers[tensor.Layer].Operands[tensor.Operand].Name != operand {
			continue
		}
		if !s.rules.SpaceFreedBeforeLeave && (streams(s.cost[n], x.op) || !s.fitsNow(x, s.core[n])) {
			continue
		}
		if _, err := s.fetch(x.tensor, s.wanted(x, s.core[n]), s.core[n], x.op, schedule.Prefetch); err != nil {
			return err
		}
	}
	return nil
}

// fitsNow tells whether a core has room for what it reads of a tensor without evicting another.
func (s *Simulator) fitsNow(x need, core int32) bool {
	store := s.top(core, x.op)
	return store >= 0 && s.fill[store].last()+s.bits(x.tensor, s.wanted(x, core)) <= s.Accelerator.Stores[store].Capacity
}
