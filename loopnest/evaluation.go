package loopnest

import (
	"math"

	"streamdse/hardware"
	"streamdse/imc"
	"streamdse/unit"
	"streamdse/workload"
)

// Evaluation is the full result for one loop nest: the cost and everything it
// is made of.
type Evaluation struct {
	Cost
	OperationEnergy unit.Picojoules // of the processing elements, for the true number of operations
	MemoryEnergy    unit.Picojoules
	Order           []workload.LoopDim // temporal loops, innermost first
	Spatial         []AxisUse
	Operands        []OperandUse // in the order of the layer: output first
	Ports           []PortUse
	InMemory        *imc.Parts // OperationEnergy by part of an array that computes in memory, nil for others
	Operations      int64      // true number of operations
	IdealCycles     int64      // if every processing element were busy in every cycle
	Utilization     float64    // IdealCycles / Compute: what the spatial unrolling makes of the array
}

// BusyFraction is the part of the total latency that an ideal array would need.
func (e *Evaluation) BusyFraction() float64 { return float64(e.IdealCycles) / e.Total() }

// Operand returns the figures of the layer operand with the given name, or nil.
func (e *Evaluation) Operand(name string) *OperandUse {
	for i := range e.Operands {
		if e.Operands[i].Name == name {
			return &e.Operands[i]
		}
	}
	return nil
}

// SpatialLoop is an unrolled loop with the factor that is used on average.
type SpatialLoop struct {
	Dim  workload.Dim
	Size float64
}

// AxisUse is what runs side by side on one array dimension.
type AxisUse struct {
	Array int // index into Core.Array.Dims
	Loops []SpatialLoop
}

// OperandUse is one operand with its memory levels, the lowest first.
type OperandUse struct {
	Name   string
	Link   hardware.MemoryOperand
	Levels []LevelUse
}

// Top is the highest level of the operand.
func (o *OperandUse) Top() *LevelUse { return &o.Levels[len(o.Levels)-1] }

// Energy is the energy of all accesses of the operand.
func (o *OperandUse) Energy() unit.Picojoules {
	var sum unit.Picojoules
	for i := range o.Levels {
		sum += o.Levels[i].TotalEnergy
	}
	return sum
}

// LevelUse is one memory level of one operand.
type LevelUse struct {
	Memory      int                           // index into Core.Memories
	Allocated   []workload.LoopDim            // loops given to the level, innermost first
	Loops       []workload.LoopDim            // loops run at the level: stationary ones have moved to the level below
	Instances   int64                         // of the memory that are in use
	Elements    int64                         // held by one instance
	Precision   unit.Bits                     // of an element
	Accesses    [hardware.NumDirections]int64 // full-width accesses of all instances
	Energy      [hardware.NumDirections]unit.Picojoules
	TotalEnergy unit.Picojoules
	Moved       [hardware.NumDirections]int64 // elements that pass, of all instances
	// Bandwidth is what the level needs at the instant it needs most, in bits per
	// cycle. The time that first fills borrow from the computation phase is
	// included: under FromHigh if the memory stores the output too, else under ToLow.
	Bandwidth   [hardware.NumDirections]unit.BitsPerCycle
	Utilization Utilization
	// DoubleBuffered tells that new data can come in while the old is in use.
	DoubleBuffered bool
}

// Utilization is the used part of a memory instance.
type Utilization struct {
	Own             float64 // by the operand
	Shared          float64 // by all operands of the memory
	Effective       float64 // by the operand, counting live data only
	EffectiveShared float64 // by live data of all operands and their second buffers
}

// PortUse is one port of a memory during the computation phase.
type PortUse struct {
	Memory, Port int // indices into Core.Memories and Memory.Ports
	// Stall is the time by which the port holds up the computation; negative: slack.
	Stall      int64
	Activities []Activity
	Borrowed   []Borrowed
}

// Activity is one duty of a port: a transfer of Real cycles for which Allowed
// cycles of every period of Period cycles are free, Count times.
type Activity struct {
	Operand                      string
	Level                        int // of the operand's memories, from 0, the lowest
	Direction                    hardware.Direction
	Real, Allowed, Period, Count int64
}

// Borrowed is the time of a port that an operand's first fill or last write-back
// takes from the computation phase.
type Borrowed struct {
	Operand   string
	Cycles    float64
	Bandwidth unit.BitsPerCycle // rounded up, if spread over the phase
}

// Report evaluates an order like Evaluate and returns all figures. The error is
// a *Misfit if the order does not fit.
func (e *Evaluator) Report(order []Loop) (*Evaluation, error) {
	cost, ok := e.Evaluate(order)
	if !ok {
		return nil, e.Misfit()
	}
	return e.report(cost)
}

// ReportAllocated evaluates an order like EvaluateAllocated and returns all
// figures. The error is a *Misfit if the allocation does not fit.
func (e *Evaluator) ReportAllocated(order []Loop, a Allocation) (*Evaluation, error) {
	cost, ok := e.EvaluateAllocated(order, a)
	if !ok {
		return nil, e.Misfit()
	}
	return e.report(cost)
}

func (e *Evaluator) report(cost Cost) (*Evaluation, error) {
	m := e.model
	units := m.problem.Core.Units()
	ev := &Evaluation{
		Cost:            cost,
		OperationEnergy: unit.Picojoules(e.operations()),
		Order:           e.loops(0, len(e.order)),
		Operations:      m.macs,
		IdealCycles:     int64(m.stretch((m.macs + units - 1) / units)),
	}
	if m.array != nil {
		parts := e.inArray.parts(m.array, e.precharges())
		ev.InMemory = &parts
	}
	ev.Utilization = float64(ev.IdealCycles) / cost.Compute
	axes, err := m.adjust(e.spatial, false)
	if err != nil {
		return nil, err
	}
	for _, a := range axes {
		use := AxisUse{Array: a.array}
		for _, f := range a.loops {
			use.Loops = append(use.Loops, SpatialLoop{m.problem.Layer.Dims[f.dim].Dim, f.size})
		}
		ev.Spatial = append(ev.Spatial, use)
	}
	timing := &e.timing
	if e.same {
		timing = &e.energy
	}
	for x := range m.operands {
		ev.Operands = append(ev.Operands, e.reportOperand(x, timing))
		for _, l := range ev.Operands[x].Levels {
			ev.MemoryEnergy += l.TotalEnergy
		}
	}
	for i := range m.ports {
		ev.Ports = append(ev.Ports, e.reportPort(i, timing))
	}
	return ev, nil
}

// loops names a range of the order.
func (e *Evaluator) loops(from, to int) []workload.LoopDim {
	out := make([]workload.LoopDim, 0, to-from)
	for _, l := range e.order[from:to] {
		out = append(out, workload.LoopDim{Dim: e.model.problem.Layer.Dims[l.Dim].Dim, Size: l.Size})
	}
	return out
}

func (e *Evaluator) reportOperand(x int, timing *analysis) OperandUse {
	o, t, a := &e.model.operands[x], &e.nests[x], &e.energy
	use := OperandUse{Name: o.name, Link: o.link}
	moved := e.moved(x)
	for mem := range o.levels {
		l := &o.levels[mem]
		w := &e.words[x][mem]
		u := LevelUse{
			Memory:         l.memory,
			Allocated:      e.loops(t.taken[mem], t.taken[mem+1]),
			Loops:          e.loops(t.below[mem], t.below[mem+1]),
			Instances:      a.unrolled[x].instance[mem+1],
			Elements:       a.elements[x][mem+1],
			Precision:      unit.Bits(a.bits[x][mem+1]),
			TotalEnergy:    unit.Picojoules(levelEnergy(l, w)),
			Moved:          moved[mem],
			Bandwidth:      e.bandwidth(x, mem, timing),
			DoubleBuffered: e.double[x][mem+1],
		}
		for d := range w {
			u.Accesses[d] = int64(w[d])
			u.Energy[d] = unit.Picojoules(w[d] * l.moves[d].cost)
		}
		u.Utilization = Utilization{
			Own:             float64(a.elements[x][mem+1]*a.bits[x][mem+1]) / l.size,
			Effective:       float64(e.effectiveBits(x, mem+1)) / l.size,
			EffectiveShared: e.crowded[l.memory],
		}
		for _, r := range e.model.memories[l.memory].stored {
			u.Utilization.Shared += float64(a.elements[r.operand][r.level+1]*a.bits[r.operand][r.level+1]) / l.size
		}
		use.Levels = append(use.Levels, u)
	}
	return use
}

// bandwidth is the instantaneous bandwidth of an operand at a memory.
func (e *Evaluator) bandwidth(x, mem int, timing *analysis) (bw [hardware.NumDirections]unit.BitsPerCycle) {
	for d := range bw {
		bw[d] = unit.BitsPerCycle(e.model.perCycle(timing.moves[x][mem][d].instant))
	}
	memory := e.model.operands[x].levels[mem].memory
	under := hardware.ToLow
	if e.model.problem.Core.Memories[memory].Stores(e.model.operands[0].link) {
		under = hardware.FromHigh
	}
	for i := range e.model.ports {
		if e.model.ports[i].memory == memory {
			bw[under] += unit.BitsPerCycle(e.loading.bandwidth[i*maxOperands+x])
		}
	}
	return bw
}

func (e *Evaluator) reportPort(i int, timing *analysis) PortUse {
	p := &e.model.ports[i]
	use := PortUse{Memory: p.memory, Port: p.index, Stall: e.stall.combined[i]}
	var seen [maxOperands]bool
	for _, s := range p.services {
		mv := &timing.moves[s.operand][s.level][s.direction]
		if mv.count == 0 {
			continue
		}
		act := e.act(timing, s)
		use.Activities = append(use.Activities, Activity{
			Operand: e.model.operands[s.operand].name, Level: s.level, Direction: s.direction,
			Real: act.real, Allowed: act.allowed, Period: act.period, Count: act.count,
		})
		back := e.model.operands[s.operand].output && (s.direction == hardware.ToLow || s.direction == hardware.FromHigh)
		if mv.count == 1 && !back && !seen[s.operand] {
			seen[s.operand] = true
			k := i*maxOperands + s.operand
			use.Borrowed = append(use.Borrowed, Borrowed{e.model.operands[s.operand].name, e.loading.borrowed[k], unit.BitsPerCycle(e.loading.bandwidth[k])})
		}
	}
	return use
}

// moved counts the elements that pass each memory of an operand, with the
// fractional reading of the spatial unrolling. It is for reports only: energy
// counts accesses of whole granules.
func (e *Evaluator) moved(x int) [][hardware.NumDirections]int64 {
	o, t, a := &e.model.operands[x], &e.nests[x], &e.energy
	u := &a.unrolled[x]
	total := e.passes(x, func(l int) []factor { return u.loops[l] })
	instance := e.passes(x, func(l int) []factor {
		if l == 0 {
			return nil
		}
		return u.loops[l-1]
	})
	out := make([][hardware.NumDirections]int64, len(o.levels))
	for mem := range o.levels {
		v := &out[mem]
		top := mem == len(o.levels)-1
		if o.output {
			v[hardware.FromLow] = total[mem]
			v[hardware.ToLow] = int64(float64(o.elements) * (a.reuseAbove[mem+1] - 1))
			if !top {
				v[hardware.ToHigh] = instance[mem+1]
				v[hardware.FromHigh] = int64(float64(o.elements) * (a.reuseAbove[mem+2] - 1))
			}
			continue
		}
		v[hardware.ToLow] = total[mem]
		if mem == 0 && !e.model.problem.RefetchStationary {
			width := math.RoundToEven(float64(a.elements[x][0])*u.unique[0]) * float64(a.bits[x][0])
			if o.levels[0].moves[hardware.ToLow].max >= math.Floor(width/u.unique[1]) {
				v[hardware.ToLow] = int64(float64(total[0]) / float64(t.still))
			}
		}
		if !top {
			v[hardware.FromHigh] = instance[mem+1]
		}
	}
	return out
}

// passes divides the operations by the reuse up to each level, which gives how
// often data passes it; spatial returns the spatial loops counted with a level.
func (e *Evaluator) passes(x int, spatial func(level int) []factor) []int64 {
	o, t := &e.model.operands[x], &e.nests[x]
	d := newDecoupler(e.model)
	out := make([]int64, len(t.below))
	reuse := 1.0
	for l := range out {
		n := 1.0
		if l > 0 {
			for _, loop := range e.order[t.below[l-1]:t.below[l]] {
				_, r := d.split(o, loop.Dim, float64(loop.Size))
				n *= r
			}
		}
		for _, f := range spatial(l) {
			_, r := d.split(o, f.dim, f.size)
			n *= r
		}
		reuse *= n
		out[l] = int64(math.RoundToEven(float64(e.model.macs) / reuse))
	}
	return out
}
