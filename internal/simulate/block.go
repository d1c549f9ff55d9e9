package simulate

import (
	"math"

	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/unit"
)

// block reserves what a node's streaming needs of the links to and from off-chip
// memory. It returns the earliest start from t on and how long the node runs: if a
// link cannot keep up, longer than its runtime.
func (s *Simulator) block(n taskgraph.NodeID, t unit.Cycles) (start, runtime unit.Cycles, err error) {
	cost := s.cost[n]
	runtime = cost.Runtime
	if len(cost.Streamed) == 0 {
		return t, runtime, nil
	}
	if err := s.demand(n); err != nil {
		return 0, 0, err
	}
	if len(s.blockLinks) == 0 {
		return t, runtime, nil
	}
	if s.rules.StretchOff {
		for i, l := range s.blockLinks {
			s.blockAsk = append(s.blockAsk, min(s.blockLoad[i], s.links[l].bandwidth))
			s.blockLoad[i] = math.Ceil(s.blockLoad[i])
		}
	} else {
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
	}
	start = s.window(s.blockLinks, s.blockAsk, s.blockOf, t, runtime)
	s.occupy(s.blockLinks, s.blockLoad, s.blockOf, start, start+runtime)
	energy := s.streamEnergy(runtime)
	s.energy.FetchLink += energy
	if s.record != nil {
		b := schedule.Block{Node: n, Start: start, End: start + runtime, Links: append([]int32(nil), s.blockLinks...), LinkEnergy: energy}
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

// demand collects the links that a node streams over, the bandwidth it asks of
// each, and the tensors that it streams.
func (s *Simulator) demand(n taskgraph.NodeID) error {
	cost, core := s.cost[n], s.core[n]
	s.blockLinks, s.blockLoad, s.blockAsk, s.blockOf = s.blockLinks[:0], s.blockLoad[:0], s.blockAsk[:0], s.blockOf[:0]
	node := &s.Graph.Nodes[n]
	memory := s.Graph.Layers[node.Layer].Memory
	in, out := false, false
	for i, x := range node.Operands {
		if streams(cost, memory[i]) {
			s.blockOf = append(s.blockOf, x)
			// A streamed output comes back in to be added to.
			in, out = in || i > 0 || !s.rules.BlocksAskPeak, out || i == 0
		}
	}
	if out {
		if err := s.ask(&s.out[core], cost.StreamOut); err != nil {
			return err
		}
	}
	if in {
		return s.ask(&s.in[core], cost.StreamIn)
	}
	return nil
}

func (s *Simulator) ask(r *route, bandwidth unit.BitsPerCycle) error {
	if s.rules.BlocksAreFree {
		bandwidth = 0
	} else if bandwidth == 0 && !s.rules.StretchOff && !s.rules.BlocksAlone {
		return nil
	}
	if !r.ok {
		return s.infeasible(schedule.Infeasible{Lack: schedule.LackOfPath, Core: s.Accelerator.Offchip, From: int(r.from), Tensor: s.Graph.Nodes[s.now].Operands[0]})
	}
links:
	for _, l := range r.links {
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
	return nil
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
