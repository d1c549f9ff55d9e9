package report

import (
	"image/color"

	"streamdse/schedule"
	"streamdse/unit"
)

// The parts of the energy, in the order in which they are shown.
const (
	partOperations = iota // of the processing elements
	partMemories          // inside the cores
	partStreaming         // off-chip accesses of operands that do not fit the core
	partFetches           // from off-chip: memories at both ends
	partEvictions
	partOutputs
	partBetween // cores: memories at both ends
	partLinks
	numEnergyParts
)

// EnergyPartNames names the parts of the energy of a Breakdown.
func EnergyPartNames() []string {
	return []string{"operations", "core memories", "streamed off-chip", "fetched off-chip", "evicted", "network outputs", "between cores", "links"}
}

// The parts of the time of nodes, in the order in which they are shown.
const (
	partCompute = iota // without waiting
	partStall          // waiting for the core's memories
	partLoad           // filling lower memories before the first operation
	partStore          // emptying them after the last
	partStretch        // waiting for links that are too slow for what is streamed
	numTimeParts
)

// TimePartNames names the parts of the time of a Breakdown.
func TimePartNames() []string {
	return []string{"computing", "stalled", "loading", "storing", "slowed by links"}
}

// Breakdown is what a layer takes, by part. The energies of all layers sum to that
// of the result.
type Breakdown struct {
	Nodes      int
	Start, End unit.Cycles // of the first and of the last node
	Busy       unit.Cycles // of its nodes, summed over cores
	// Time divides Busy, but for rounding; all of it counts as computing where the
	// costs of nodes are not known.
	Time   [numTimeParts]float64
	Energy [numEnergyParts]unit.Picojoules
	Moved  unit.Bits // by transfers
}

// Total is the energy of all parts.
func (b *Breakdown) Total() unit.Picojoules {
	var sum unit.Picojoules
	for _, e := range b.Energy {
		sum += e
	}
	return sum
}

// Breakdowns divides time and energy by layer. What is fetched counts for the layer
// that reads it, what else is moved for the layer that it belongs to.
func (d *Data) Breakdowns() []Breakdown {
	g, s := d.Graph, d.Schedule
	all := make([]Breakdown, len(g.Layers))
	for i, t := range s.Tasks {
		n := &g.Nodes[i]
		b := &all[n.Layer]
		if b.Nodes == 0 {
			b.Start = t.Start
		}
		b.Nodes++
		b.Start, b.End = min(b.Start, t.Start), max(b.End, t.End)
		b.Busy += t.End - t.Start
		if d.Costs == nil {
			b.Time[partCompute] += float64(t.End - t.Start)
			continue
		}
		c := d.Costs.At(n.Class, int(t.Core))
		b.Time[partCompute] += c.Compute
		b.Time[partStall] += c.Stall
		b.Time[partLoad] += c.Load
		b.Time[partStore] += c.Store
		b.Time[partStretch] += float64(max(0, t.End-t.Start-c.Runtime))
		b.Energy[partOperations] += c.Operation
		b.Energy[partMemories] += c.Onchip - c.Operation
		b.Energy[partStreaming] += c.Offchip
	}
	for i := range s.Blocks {
		all[g.Nodes[s.Blocks[i].Node].Layer].Energy[partLinks] += s.Blocks[i].LinkEnergy
	}
	for i := range s.Transfers {
		t := &s.Transfers[i]
		layer := g.Tensors[t.Tensor].Layer
		fetched := t.Cause == schedule.Fetch || t.Cause == schedule.Prefetch
		if fetched && t.For >= 0 {
			layer = g.Nodes[t.For].Layer
		}
		b := &all[layer]
		if !t.Joined { // a broadcast counts once
			b.Moved += t.Bits
		}
		b.Energy[partLinks] += t.LinkEnergy
		switch {
		case t.Cause == schedule.Writeback:
			b.Energy[partOutputs] += t.MemoryEnergy
		case !fetched:
			b.Energy[partEvictions] += t.MemoryEnergy
		case int(t.From) == d.Accelerator.Offchip || t.Cause == schedule.Prefetch:
			b.Energy[partFetches] += t.MemoryEnergy
		default:
			b.Energy[partBetween] += t.MemoryEnergy
		}
	}
	return all
}

// Energy is the energy of the result by part.
func (d *Data) Energy(layers []Breakdown) (parts [numEnergyParts]unit.Picojoules) {
	for i := range layers {
		for k, e := range layers[i].Energy {
			parts[k] += e
		}
	}
	if d.Costs == nil { // not known apart
		e := d.Schedule.Energy
		parts[partMemories] = e.NodeOnchip
		parts[partStreaming] = e.FetchMemory - parts[partFetches]
	}
	return parts
}

// PartColours are eight colours that stay apart for every kind of colour vision
// (Okabe and Ito, Color Universal Design, 2008), grey in place of black.
func PartColours() []color.RGBA {
	return []color.RGBA{
		{0, 114, 178, 255}, {86, 180, 233, 255}, {213, 94, 0, 255}, {230, 159, 0, 255},
		{204, 121, 167, 255}, {240, 228, 66, 255}, {0, 158, 115, 255}, {136, 136, 136, 255},
	}
}
