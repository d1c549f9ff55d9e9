package simulate

import (
	"math"

	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/unit"
)

// block reserves what a node's streaming needs of the links to and from off-chip
// memory: of the lanes out and in on which it ends first, and of those the ones that cost
// least. It returns the earliest start
// from t on and how long the node runs: if a link cannot keep up, longer than its runtime.
func (s *Simulator) block(n taskgraph.NodeID, t unit.Cycles) (start, runtime unit.Cycles, err error) {
	cost := s.cost[n]
	runtime = cost.Runtime
	if len(cost.Streamed) == 0 {
		return t, runtime, nil
	}
	out, in, err := s.demand(n)
	if err != nil {
		return 0, 0, err
	}
	best, ways := 0, len(out)*len(in)
	var least unit.Picojoules
	for k := range ways {
		length := s.ask(cost, &out[k/len(in)], &in[k%len(in)])
		if k > 0 && t+length > start+runtime {
			continue
		}
		at, energy := s.window(s.blockLinks, s.blockAsk, s.blockOf, t, length), s.streamEnergy(length)
		if k == 0 || at+length < start+runtime || at+length == start+runtime && energy < least {
			best, start, runtime, least = k, at, length, energy
		}
	}
	if ways > 1 {
		s.ask(cost, &out[best/len(in)], &in[best%len(in)])
	}
	if len(s.blockLinks) == 0 {
		return start, runtime, nil
	}
	s.occupy(s.blockLinks, s.blockLoad, s.blockOf, start, start+runtime)
	s.energy.FetchLink += least
	if s.record != nil {
		b := schedule.Block{Node: n, Start: start, End: start + runtime, Links: append([]int32(nil), s.blockLinks...), LinkEnergy: least}
		for _, load := range s.blockLoad {
			b.Bandwidth = append(b.Bandwidth, unit.BitsPerCycle(load))
		}
		s.record.Blocks = append(s.record.Blocks, b)
	}
	return start, runtime, nil
}

// streamEnergy is what the links cost on which a node streams for so long: of their
// cycles, the share that it takes.
func (s *Simulator) streamEnergy(runtime unit.Cycles) (sum unit.Picojoules) {
	if s.rules.StreamsCostNoLinks {
		return 0
	}
	for i, l := range s.blockLinks {
		link, bits := &s.Accelerator.Links[l], min(s.blockLoad[i], s.links[l].bandwidth)*float64(runtime)
		sum += unit.Picojoules(bits)*link.BitEnergy + unit.Picojoules(bits/s.links[l].bandwidth)*link.UnitEnergy
	}
	return sum
}

// demand collects the tensors that a node streams and finds the lanes, out and in, of
// which it asks something; a lane without links where it asks for nothing.
func (s *Simulator) demand(n taskgraph.NodeID) (out, in []lane, err error) {
	cost, core := s.cost[n], s.core[n]
	s.blockOf = s.blockOf[:0]
	node := &s.Graph.Nodes[n]
	memory := s.Graph.Layers[node.Layer].Memory
	reads, writes := false, false
	for i, x := range node.Operands {
		if streams(cost, memory[i]) {
			s.blockOf = append(s.blockOf, x)
			// A streamed output comes back in to be added to.
			reads, writes = reads || i > 0 || !s.rules.BlocksAskPeak, writes || i == 0
		}
	}
	if out, err = s.streamed(writes, &s.out[core], cost.StreamOut); err == nil {
		in, err = s.streamed(reads, &s.in[core], cost.StreamIn)
	}
	return out, in, err
}

// streamed is the lanes of a route that a node streams over.
func (s *Simulator) streamed(streams bool, r *route, bandwidth unit.BitsPerCycle) ([]lane, error) {
	if free := bandwidth == 0 && !s.rules.StretchOff && !s.rules.BlocksAlone && !s.rules.BlocksAreFree; !streams || free {
		return s.aside[:], nil
	}
	if !r.ok {
		return nil, s.infeasible(schedule.Infeasible{Lack: schedule.LackOfPath, Core: s.Accelerator.Offchip, From: int(r.from), Tensor: s.Graph.Nodes[s.now].Operands[0]})
	}
	return r.lanes, nil
}

// ask adds up what a node asks of the links of two lanes. It returns for how long the
// node runs.
func (s *Simulator) ask(cost *schedule.NodeCost, out, in *lane) unit.Cycles {
	s.blockLinks, s.blockLoad, s.blockAsk = s.blockLinks[:0], s.blockLoad[:0], s.blockAsk[:0]
	s.askOf(out, cost.StreamOut)
	s.askOf(in, cost.StreamIn)
	if s.rules.StretchOff {
		for i, l := range s.blockLinks {
			s.blockAsk = append(s.blockAsk, min(s.blockLoad[i], s.links[l].bandwidth))
			s.blockLoad[i] = math.Ceil(s.blockLoad[i])
		}
		return cost.Runtime
	}
	runtime := cost.Runtime
	for i, l := range s.blockLinks {
		stretched := float64(cost.Runtime) * s.blockLoad[i] / s.links[l].bandwidth
		runtime = max(runtime, unit.Cycles(math.Ceil(stretched*(1-tolerance))))
	}
	for i, l := range s.blockLinks {
		if runtime > 0 {
			s.blockLoad[i] = min(s.blockLoad[i]*float64(cost.Runtime)/float64(runtime), s.links[l].bandwidth)
		}
		s.blockAsk = append(s.blockAsk, s.blockLoad[i])
	}
	return runtime
}

// askOf adds a bandwidth on the links of a lane.
func (s *Simulator) askOf(x *lane, bandwidth unit.BitsPerCycle) {
	if s.rules.BlocksAreFree {
		bandwidth = 0
	}
links:
	for _, l := range x.links {
		for i, known := range s.blockLinks {
			if known == l {
				s.blockLoad[i] += float64(bandwidth)
				continue links
			}
		}
		s.blockLinks = append(s.blockLinks, l)
		s.blockLoad = append(s.blockLoad, float64(bandwidth))
	}
	if s.rules.BlocksAlone {
		for i, l := range s.blockLinks {
			s.blockLoad[i] = s.links[l].bandwidth
		}
	}
}

// roomToStream returns the earliest time from t on at which the memories of a node's
// core have room for what they hold of streamed operands, and for its output if that
// goes to the same memory.
func (s *Simulator) roomToStream(n taskgraph.NodeID, target int32, t unit.Cycles) (unit.Cycles, error) {
	cost, core, x := s.cost[n], s.core[n], s.Graph.Nodes[n].Operands[0]
	output := int32(-1)
	if target == core {
		output = s.top(core, s.own[x])
	}
	for i, op := range cost.Streamed[:len(cost.Buffers)] {
		store := s.top(core, op)
		var bits unit.Bits
		for k, other := range cost.Streamed {
			if s.top(core, other) != store {
				continue
			}
			if k < i { // looked at before
				bits = 0
				break
			}
			bits += cost.Buffers[k]
		}
		if bits == 0 {
			continue
		}
		if store == output && s.holding(x, 0, store) == nil {
			bits += s.Graph.Tensors[x].Bits
		}
		var err error
		if t, err = s.space(x, bits, core, op, t); err != nil {
			return 0, err
		}
	}
	return t, nil
}

// passThrough notes what the memories of a node's core hold of streamed operands while
// it runs.
func (s *Simulator) passThrough(n taskgraph.NodeID, start, end unit.Cycles) {
	for i, bits := range s.cost[n].Buffers {
		if bits > 0 && start < end {
			s.fill[s.top(s.core[n], s.cost[n].Streamed[i])].addDuring(start, end, bits)
		}
	}
}
