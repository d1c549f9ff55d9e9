package allocate

import (
	"math"

	"streamdse/hardware"
	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/unit"
)

// listing is list scheduling by estimates: the groups of layers, in the order of the
// network, each go to the core on which they would end first, or cost least, by what
// is known of the groups before them. No schedule is made for it, so that it costs
// next to nothing and gives searches something better than chance to start from.
//
// What is estimated of a group on a core is when its inputs have come from the cores
// that computed them, when there is room for its weights and they have come from
// off-chip memory, and when the core has done what it has been given before.
type listing struct {
	graph       *taskgraph.Graph
	accelerator *hardware.Accelerator
	costs       *schedule.CostTable
	space       *Space

	work [][]load // by layer and group
}

// load is what a group asks for.
type load struct {
	classes []int32   // of its nodes
	weights unit.Bits // constants, each once
	from    []source
	nodes   int
}

// source is what a group reads of another.
type source struct {
	layer, group int32
	bits         unit.Bits
}

// state is what is known of the schedule so far.
type state struct {
	idle    []unit.Cycles   // of each core
	end     [][]unit.Cycles // of each group
	core    [][]int
	channel unit.Cycles // when the off-chip connection is free
	held    [][]held    // weights in each core, in the order of their coming
}

type held struct {
	bits  unit.Bits
	until unit.Cycles
}

func newListing(g *taskgraph.Graph, acc *hardware.Accelerator, costs *schedule.CostTable, space *Space) *listing {
	l := &listing{graph: g, accelerator: acc, costs: costs, space: space, work: make([][]load, len(g.Layers))}
	for i := range g.Layers {
		l.work[i] = make([]load, g.Layers[i].Groups)
		seen := map[[2]int32]bool{}
		reads := map[[3]int32]int{}
		for _, n := range g.Layers[i].Nodes {
			node := &g.Nodes[n]
			w := &l.work[i][node.Group]
			w.nodes++
			w.classes = append(w.classes, node.Class)
			for k := range node.Operands {
				for r := range g.Constants(n, k) {
					if key := [2]int32{node.Group, int32(r.Tensor)}; !seen[key] {
						seen[key] = true
						w.weights += g.Tensors[r.Tensor].Bits
					}
				}
			}
			for e := range g.In(n) {
				src := &g.Nodes[e.Src]
				if !e.Data() || src.Layer == node.Layer {
					continue
				}
				key := [3]int32{node.Group, src.Layer, src.Group}
				at, ok := reads[key]
				if !ok {
					at = len(w.from)
					reads[key] = at
					w.from = append(w.from, source{src.Layer, src.Group, 0})
				}
				w.from[at].bits += e.Bits
			}
		}
	}
	return l
}

// allocation schedules by estimates. Energy counts with the given weight beside the
// end of a group, both as parts of what they are on the best core; later layers with
// several nodes stream and overlap with those that they read.
func (l *listing) allocation(energyWeight float64) *schedule.Allocation {
	s := state{idle: make([]unit.Cycles, len(l.accelerator.Cores)), held: make([][]held, len(l.accelerator.Cores))}
	a := l.space.Clone()
	free := map[[2]int][]int{}
	for _, g := range l.space.Genes {
		free[[2]int{g.Layer, g.Group}] = g.Cores
	}
	s.end = make([][]unit.Cycles, len(l.work))
	for i := range l.work {
		s.end[i] = make([]unit.Cycles, len(l.work[i]))
	}
	s.core = a.Cores
	for i := range l.work {
		for k := range l.work[i] {
			cores := free[[2]int{i, k}]
			if cores == nil {
				cores = []int{a.Cores[i][k]}
			}
			l.place(&s, i, k, cores, energyWeight)
		}
	}
	return a
}

// place puts a group on the best of some cores.
func (l *listing) place(s *state, layer, group int, cores []int, energyWeight float64) {
	best, bestValue := cores[0], math.Inf(1)
	for _, c := range cores {
		_, end, energy := l.estimate(s, layer, group, c)
		value := float64(end) * math.Pow(1+float64(energy), energyWeight)
		if value < bestValue {
			best, bestValue = c, value
		}
	}
	fetched, end, _ := l.estimate(s, layer, group, best)
	w := &l.work[layer][group]
	s.core[layer][group], s.end[layer][group], s.idle[best] = best, end, end
	s.channel = max(s.channel, fetched)
	s.held[best] = append(s.held[best], held{w.weights, end})
}

// estimate is when a group's weights would be there and when it would end on a core,
// and the energy it would take.
func (l *listing) estimate(s *state, layer, group, core int) (fetched, end unit.Cycles, energy unit.Picojoules) {
	w := &l.work[layer][group]
	runtime := l.runtime(layer, group, core)
	for _, class := range w.classes {
		c := l.costs.At(class, core)
		energy += c.Onchip + c.Offchip
	}
	fetched = max(s.channel, l.room(s, core, w.weights)) + l.transfer(l.accelerator.Offchip, core, w.weights)
	start, least := max(s.idle[core], fetched), unit.Cycles(0)
	for _, f := range w.from {
		ready := s.end[f.layer][f.group]
		move := unit.Cycles(0)
		if from := s.core[f.layer][f.group]; from != core {
			move = l.transfer(from, core, f.bits)
			energy += unit.Picojoules(f.bits) * transferEnergy
		}
		if w.nodes > 1 { // streams: it ends a node after what it reads
			least = max(least, ready+(move+runtime)/unit.Cycles(w.nodes))
			continue
		}
		start = max(start, ready+move)
	}
	return fetched, max(start+runtime, least), energy
}

// transferEnergy is a small price in pJ for a bit that has to move.
const transferEnergy = 0.1

// room is when a core's memory has room for more weights: what it holds leaves when
// its layer has ended.
func (l *listing) room(s *state, core int, bits unit.Bits) unit.Cycles {
	store := l.accelerator.Top(core, hardware.I2)
	if store < 0 {
		return 0
	}
	free := l.accelerator.Stores[store].Capacity
	var from unit.Cycles
	list := s.held[core]
	for i := len(list) - 1; i >= 0; i-- { // the latest stay
		if free -= list[i].bits; free < bits {
			for ; i >= 0; i-- {
				from = max(from, list[i].until)
			}
		}
	}
	return from
}

// transfer is how long some bits take from one core to another, or over off-chip
// memory if no links lead there.
func (l *listing) transfer(from, to int, bits unit.Bits) unit.Cycles {
	bandwidth := wayBetween(l.accelerator, from, to).together
	if math.IsInf(bandwidth, 1) {
		return 0
	}
	return unit.Cycles(math.Ceil(float64(bits) / bandwidth))
}

// Estimate adds allocations made by estimates, without scheduling anything, to what
// searches of the space begin with.
func (s *Space) Estimate(g *taskgraph.Graph, acc *hardware.Accelerator, costs *schedule.CostTable) {
	l := newListing(g, acc, costs, s)
	s.Listed = []schedule.Allocation{
		*l.fill(0.9, l.weights), *l.fill(0.4, l.weights), *l.fill(0.05, l.weights), *l.fill(0.25, l.effort), *l.allocation(0.5),
	}
}

// weights is the part of a core's memory that the weights of a group take.
func (l *listing) weights(layer, group, core int) float64 {
	store := l.accelerator.Top(core, hardware.I2)
	if store < 0 {
		return 0
	}
	return float64(l.work[layer][group].weights) / float64(l.accelerator.Stores[store].Capacity)
}

// effort is the part of the runtime of its stack that a group takes.
func (l *listing) effort(layer, group, core int) float64 {
	sum := unit.Cycles(0)
	for _, g := range l.space.Genes {
		if l.graph.Layers[g.Layer].Stack == l.graph.Layers[layer].Stack {
			sum += l.runtime(g.Layer, g.Group, g.Cores[0])
		}
	}
	return float64(l.runtime(layer, group, core)) / float64(max(sum, 1))
}

func (l *listing) runtime(layer, group, core int) unit.Cycles {
	sum := unit.Cycles(0)
	for _, class := range l.work[layer][group].classes {
		sum += l.costs.At(class, core).Runtime
	}
	return sum
}

// fill gives groups that follow each other to one core until what they take of it is
// more than a part, and then goes on to the next candidate.
func (l *listing) fill(part float64, takes func(layer, group, core int) float64) *schedule.Allocation {
	a := l.space.Clone()
	turn := 0
	used := 0.0
	for _, g := range l.space.Genes {
		core := g.Cores[turn%len(g.Cores)]
		x := takes(g.Layer, g.Group, core)
		if used > 0 && used+x > part {
			turn++
			core, used = g.Cores[turn%len(g.Cores)], 0
		}
		used += x
		a.Cores[g.Layer][g.Group] = core
	}
	return a
}
