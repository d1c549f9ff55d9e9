package loopnest

import (
	"slices"

	"streamdse/hardware"
	"streamdse/unit"
)

// Excess is the time by which one duty of a port exceeds what is allowed for it,
// summed over its periods; negative if there is time to spare.
func (a *Activity) Excess() int64 { return (a.Real - a.Allowed) * (a.Count - 1) }

// StallingPort is the port that holds up the computation most, nil if none does.
// All ports work in parallel, so its stall is the stall of the layer.
func (e *Evaluation) StallingPort() *PortUse {
	var worst *PortUse
	for i := range e.Ports {
		if p := &e.Ports[i]; p.Stall > 0 && (worst == nil || p.Stall > worst.Stall) {
			worst = p
		}
	}
	return worst
}

// Culprit is the duty of a port that exceeds its allowed time most. If none does
// on its own, the port is too busy with all of them together; it is then the one
// that takes the port longest.
func (p *PortUse) Culprit() *Activity {
	var worst *Activity
	for i := range p.Activities {
		if a := &p.Activities[i]; worst == nil || a.Excess() > worst.Excess() {
			worst = a
		}
	}
	if worst == nil || worst.Excess() > 0 {
		return worst
	}
	for i := range p.Activities {
		if a := &p.Activities[i]; a.Real*a.Count > worst.Real*worst.Count {
			worst = a
		}
	}
	return worst
}

// Roof is what one port of a memory allows a layer, as in the roofline model (S.
// Williams, A. Waterman, D. Patterson, CACM 2009): the more operations there are
// for each bit that passes the port, the faster its bandwidth lets them be.
type Roof struct {
	Memory, Port int               // indices into Core.Memories and Memory.Ports
	Bits         float64           // that pass the port, in all instances
	Bandwidth    unit.BitsPerCycle // of all instances of the core
	Intensity    float64           // operations per bit
	Limit        float64           // operations per cycle
}

// Cycles is the least time that the port needs for its bits.
func (r *Roof) Cycles() float64 { return r.Bits / float64(r.Bandwidth) }

// Roofline is the position of a layer against all its roofs.
type Roofline struct {
	Peak     float64 // operations per cycle of the whole array
	Unrolled float64 // operations per cycle of the part that the spatial unrolling uses
	Achieved float64 // operations per cycle, over the whole latency
	Roofs    []Roof  // of ports that something passes, lowest memory first
}

// Lowest is the lowest roof below what the unrolling allows, nil if there is none.
func (r *Roofline) Lowest() *Roof {
	var low *Roof
	for i := range r.Roofs {
		if x := &r.Roofs[i]; x.Limit < r.Unrolled && (low == nil || x.Limit < low.Limit) {
			low = x
		}
	}
	return low
}

// Roofline measures the layer against the array and every port of the core.
func (e *Evaluation) Roofline(core *hardware.Core) Roofline {
	r := Roofline{Peak: float64(core.Units()), Unrolled: float64(e.Operations) / e.Compute, Achieved: float64(e.Operations) / e.Total()}
	if core.IMC != nil {
		r.Peak /= float64(core.IMC.InputPrecision[0]) / core.IMC.BitSerialPrecision
	}
	for m := range core.Memories {
		for p := range core.Memories[m].Ports {
			port := &core.Memories[m].Ports[p]
			roof := Roof{Memory: m, Port: p}
			for i := range e.Operands {
				o := &e.Operands[i]
				for l := range o.Levels {
					u := &o.Levels[l]
					if u.Memory != m {
						continue
					}
					for d := range u.Accesses {
						dir := hardware.Direction(d)
						if u.Accesses[d] > 0 && core.Memories[m].Port(o.Link, dir) == port {
							roof.Bits += float64(u.Accesses[d]) * float64(port.Bandwidth(dir).Max)
						}
					}
				}
			}
			if roof.Bits == 0 {
				continue
			}
			roof.Bandwidth = port.Limit()
			for d, size := range core.Sizes {
				if !slices.Contains(core.Memories[m].Served, d) {
					roof.Bandwidth *= unit.BitsPerCycle(size)
				}
			}
			roof.Intensity = float64(e.Operations) / roof.Bits
			roof.Limit = roof.Intensity * float64(roof.Bandwidth)
			r.Roofs = append(r.Roofs, roof)
		}
	}
	return r
}
