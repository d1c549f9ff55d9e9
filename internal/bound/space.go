package bound

import (
	"math"
	"slices"

	"streamdse/hardware"
	"streamdse/mapping"
	"streamdse/rules"
	"streamdse/unit"
	"streamdse/workload"
)

// Space is all that a network can become on an accelerator: its layers may be cut
// into any nodes, in any stacks, on any of their cores.
type Space struct {
	Workload    *workload.Workload
	Accelerator *hardware.Accelerator
	// Entry is what the mapping allows for a layer: its cores, and the spatial
	// unrolling where it fixes that.
	Entry func(*workload.Layer) *mapping.Entry
	Rules rules.Rules
}

// FindInSpace bounds every schedule of every graph that the layers can be cut into:
//
//   - Compute: the nodes of a layer do all its operations (Verify: work), and a core
//     does in a cycle no more of them than its spatial unrolling has units in use: on
//     an axis of the array whose loops are fixed, the product of their factors, each
//     no larger than the layer's loop. The times are weighted as for a graph.
//   - Links: each element of weights and network inputs that the layer reads leaves
//     off-chip memory at least once, by a transfer or streamed, and each of a network
//     output enters it. The links carry no more than their bandwidth.
//   - Energy: of all operations on the cheapest core, and of reading and writing those
//     elements in off-chip memory.
//
// Under published rules by which tilings leave work undone or streaming is not paid,
// nothing is sure and the bounds are 0.
func FindInSpace(s Space) Bound {
	b := Bound{LatencySetBy: "nothing", EnergySetBy: "nothing"}
	if r := &s.Rules; r.TilesEnlargeLayer || r.PartialSumsAreFree || r.StretchOff || r.BlocksAreFree || r.JoinPastTransfers {
		return b
	}
	if s.Rules.FirstLinkOnly {
		s.Accelerator = s.Accelerator.FirstLinksOnly()
	}
	a := facts{Problem: Problem{Accelerator: s.Accelerator}}
	duties, operations := s.duties()
	in, out, kind := s.traffic()
	b.Compute = Part{whole(a.improve(duties, 200)), "compute"}
	b.Links = s.links(in, out, kind)
	for _, part := range []Part{b.Compute, b.Links} {
		if part.Latency > b.Latency {
			b.Latency, b.LatencySetBy = part.Latency, part.SetBy
		}
	}
	read, write := s.prices()
	memory := float64(in)*read + float64(out)*write
	b.Energy, b.EnergySetBy = unit.Picojoules((operations+memory)*(1-1e-9)), "off-chip weights, inputs and outputs"
	if operations > memory {
		b.EnergySetBy = "operations"
	}
	return b
}

// cores are those that may run some part of a layer.
func (s *Space) cores(l *workload.Layer) []int {
	e := s.Entry(l)
	var cores []int
	for group := range max(1, len(e.Cores)) {
		cores = append(cores, e.Candidates(s.Accelerator, l, group)...)
	}
	slices.Sort(cores)
	return slices.Compact(cores)
}

// duties is how long each of a layer's cores would take for all of it, and the least
// energy of the operations.
func (s *Space) duties() (list []duty, operations float64) {
	for i := range s.Workload.Layers {
		l := &s.Workload.Layers[i]
		d := duty{cores: s.cores(l)}
		least := math.Inf(1)
		for _, c := range d.cores {
			core := &s.Accelerator.Cores[c]
			d.busy = append(d.busy, unit.Cycles(float64(l.MACs())/inUse(core, l, s.Entry(l))))
			energy := float64(core.UnitEnergy)
			if core.IMC != nil {
				energy = 0 // depends on how the array is used
			}
			least = min(least, energy)
		}
		if len(d.cores) > 0 {
			list = append(list, d)
			operations += least * float64(l.MACs())
		}
	}
	return list, operations
}

// inUse is the largest number of units of an array that a part of a layer can use.
func inUse(core *hardware.Core, l *workload.Layer, e *mapping.Entry) float64 {
	units := 1.0
	for axis, name := range core.Dims {
		size := core.Sizes[axis]
		loops, fixed := []hardware.Unrolling(nil), false
		if axis < len(core.Dataflow) && len(core.Dataflow[axis]) > 0 {
			loops, fixed = core.Dataflow[axis], true
		} else if len(core.Dataflow) == 0 {
			loops, fixed = e.Spatial[name]
		}
		if fixed {
			most := 1
			for _, u := range loops {
				most *= max(1, min(u.Factor, l.Size(workload.Dim(u.Dim))))
			}
			size = min(size, most)
		}
		units *= float64(size)
	}
	return min(units, float64(l.MACs()))
}

// traffic is what has to leave and to enter off-chip memory, and what most of it is.
func (s *Space) traffic() (in, out unit.Bits, main kind) {
	var parts [numKinds]float64
	inputs := map[string]unit.Bits{} // of the network: what the layer reads that reads most
	for i := range s.Workload.Layers {
		l := &s.Workload.Layers[i]
		for j := range l.Operands {
			o := &l.Operands[j]
			bits := unit.Bits(touched(l, o)) * o.FinalBits
			switch {
			case o.Source.Kind == workload.FromConstant:
				in += bits
				parts[weights] += float64(bits)
			case o.Source.Kind == workload.FromInput:
				// Layers that read the same may share it.
				more := max(0, bits-inputs[o.Source.Tensor])
				inputs[o.Source.Tensor] += more
				in += more
				parts[inputsAndOutputs] += float64(more)
			case j == 0 && slices.Contains(s.Workload.Outputs, i):
				out += bits
				parts[inputsAndOutputs] += float64(bits)
			}
		}
	}
	return in, out, largest(parts[:])
}

// touched is the least number of elements of an operand that a layer reads or writes.
func touched(l *workload.Layer, o *workload.Operand) int64 {
	n := int64(1)
	if slices.ContainsFunc(o.Source.Via, func(m workload.Movement) bool { return m.Kind == workload.Select }) {
		return 0 // some of it may be padding, or the same element at several places
	}
	for _, d := range o.Dims {
		r := l.Relation(d)
		switch {
		case r == nil:
			n *= int64(l.Size(d))
		case r.Divisor > 1 || r.Slack > 0:
			return 0 // only the data tells
		default:
			// Of the positions that windows reach, all but the padding.
			reached := r.Distinct(l.Size(r.A), l.Size(r.B)) - r.PadBefore - r.PadAfter
			n *= int64(max(0, min(reached, l.IndexSize(d))))
		}
	}
	return n
}

// links is the time that the links to and from off-chip memory need at the least.
func (s *Space) links(in, out unit.Bits, main kind) Part {
	a := facts{Problem: Problem{Accelerator: s.Accelerator}}
	off := s.Accelerator.Offchip
	from := a.crossing(func(c int) bool { return c == off })
	to := a.crossing(func(c int) bool { return c != off })
	inTime, outTime := from.share(in), to.share(out)
	latency := max(inTime, outTime)
	if slices.Equal(from.links, to.links) {
		latency = inTime + outTime
	}
	return Part{whole(latency), "off-chip " + main.String()}
}

// prices are the least energies of a bit that is read from and written to off-chip memory.
func (s *Space) prices() (read, write float64) {
	read, write = math.Inf(1), math.Inf(1)
	for i := range s.Accelerator.Stores {
		store := &s.Accelerator.Stores[i]
		if slices.Contains(store.Cores, s.Accelerator.Offchip) {
			read = min(read, float64(store.Memory.ReadCost)/float64(store.ReadBandwidth))
			write = min(write, float64(store.Memory.WriteCost)/float64(store.WriteBandwidth))
		}
	}
	return read, write
}
