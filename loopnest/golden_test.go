package loopnest

import (
	"fmt"
	"math"
	"reflect"
	"testing"

	"streamdse/hardware"
	"streamdse/imc"
	"streamdse/loopnest/nesttest"
	"streamdse/workload"
)

// checker compares figures within a relative 1e-9.
type checker struct{ *testing.T }

func (c checker) near(what string, got, want float64) {
	c.Helper()
	if math.Abs(got-want) > 1e-9*math.Max(math.Abs(got), math.Abs(want)) {
		c.Errorf("%s = %v, want %v", what, got, want)
	}
}

func (c checker) equal(what string, got, want any) {
	c.Helper()
	if !reflect.DeepEqual(got, want) {
		c.Errorf("%s = %v, want %v", what, got, want)
	}
}

// TestNests evaluates given loop nests and compares every term.
func TestNests(t *testing.T) {
	table := readTable(t)
	for i := range table.Cases {
		c := &table.Cases[i]
		t.Run(c.Name, func(t *testing.T) {
			e, order := c.evaluator(t, table)
			ev, err := e.Report(order)
			if err != nil {
				t.Fatal(err)
			}
			check := checker{t}
			check.totals(ev, &c.Want)
			for x := range e.model.operands {
				name := e.model.operands[x].name
				w, ok := c.Want.Operands[name]
				if !ok {
					t.Fatalf("no figures for operand %s", name)
				}
				check.nest(e, x, &w)
				check.use(&ev.Operands[x], &w)
			}
			if c.Want.Exact != nil {
				check.details(e, ev, &c.Want)
			}
			if c.Want.InMemory != nil {
				for part, energy := range partsOf(ev.InMemory) {
					check.near("energy of "+part, energy, c.Want.InMemory[part])
				}
			}
			if light, ok := e.Evaluate(order); !ok || light != ev.Cost {
				t.Errorf("light result %v %v, full result %v", light, ok, ev.Cost)
			}
		})
	}
}

// partsOf names the parts of an array as the table does.
func partsOf(p *imc.Parts) map[string]float64 {
	return map[string]float64{
		"local_bl_precharging": p.BitlinePrecharges, "dacs": p.DACs, "adcs": p.ADCs, "mults": p.Multipliers,
		"analog_bl_addition": p.BitlineAddition, "adders_regular": p.RegularAdders, "adders_pv": p.PlaceValueAdders, "accumulators": p.Accumulators,
	}
}

func (c checker) totals(ev *Evaluation, w *want) {
	c.near("energy", float64(ev.Energy), w.Energy[0])
	c.near("energy of operations", float64(ev.OperationEnergy), w.Energy[1])
	c.near("energy of memories", float64(ev.MemoryEnergy), w.Energy[2])
	c.near("compute cycles", ev.Compute, w.Latency[0])
	c.near("stall cycles", ev.Stall, w.Latency[1])
	c.near("onload cycles", ev.Onload, w.Latency[2])
	c.near("offload cycles", ev.Offload, w.Latency[3])
	c.near("latency", ev.Total(), w.Latency[4])
	c.equal("ideal cycles", ev.IdealCycles, w.Ideal)
	c.near("spatial utilization", ev.Utilization, w.Utilization[0])
	c.near("busy fraction", ev.BusyFraction(), w.Utilization[1])
}

// nest compares how the loops are cut into levels.
func (c checker) nest(e *Evaluator, x int, w *operandWant) {
	t, name := &e.nests[x], e.model.operands[x].name
	c.equal(name+" stationary cycles", t.still, w.Still)
	c.equal(name+" cycles by level", t.cycle[1:], w.Cycles)
	c.equal(name+" outermost relevant loops", t.outerRelevant, w.OuterRelevant)
	c.equal(name+" outermost irrelevant loops", t.outerReuse, w.OuterReuse)
	for l := range w.Spatial {
		c.factors(fmt.Sprintf("%s spatial loops of level %d", name, l), e, e.energy.unrolled[x].loops[l], w.Spatial[l])
		c.factors(fmt.Sprintf("%s truncated spatial loops of level %d", name, l), e, e.timing.unrolled[x].loops[l], w.SpatialWhole[l])
	}
}

func (c checker) factors(what string, e *Evaluator, got []factor, want []dimFactor) {
	if len(got) != len(want) {
		c.Errorf("%s: %v, want %v", what, got, want)
		return
	}
	for i := range got {
		c.equal(what, e.model.problem.Layer.Dims[got[i].dim].Dim, want[i].Dim)
		c.near(what, got[i].size, want[i].Size)
	}
}

// use compares what is reported of an operand.
func (c checker) use(got *OperandUse, w *operandWant) {
	if len(got.Levels) != len(w.Allocated) {
		c.Errorf("%s has %d levels, want %d", got.Name, len(got.Levels), len(w.Allocated))
		return
	}
	for l := range got.Levels {
		u := &got.Levels[l]
		at := fmt.Sprintf("%s level %d ", got.Name, l)
		c.loops(at+"allocated loops", u.Allocated, w.Allocated[l])
		c.loops(at+"loops", u.Loops, w.Loops[l])
		for d := range u.Accesses {
			c.equal(at+"accesses "+hardware.Direction(d).String(), float64(u.Accesses[d]), w.Accesses[l][d])
			c.near(at+"energy "+hardware.Direction(d).String(), float64(u.Energy[d]), w.Energy[l][d])
		}
		c.near(at+"energy", float64(u.TotalEnergy), w.LevelEnergy[l])
	}
}

func (c checker) loops(what string, got []workload.LoopDim, want []nesttest.Loop) {
	same := len(got) == len(want)
	for i := 0; same && i < len(got); i++ {
		same = got[i] == workload.LoopDim(want[i])
	}
	if !same {
		c.Errorf("%s = %v, want %v", what, got, want)
	}
}

// details compares sizes, movement, ports and bandwidths.
func (c checker) details(e *Evaluator, ev *Evaluation, w *want) {
	timing := &e.timing
	if e.same {
		timing = &e.energy
	}
	for x := range e.model.operands {
		name := e.model.operands[x].name
		exact, whole := w.Exact[name], w.Whole[name]
		c.data(name+" (fractional)", &e.energy, x, &exact)
		c.data(name+" (truncated)", timing, x, &whole)
		ow := w.Operands[name]
		c.equal(name+" double buffering", e.double[x], ow.DoubleBuffered)
		for l := range ev.Operands[x].Levels {
			u, at := &ev.Operands[x].Levels[l], fmt.Sprintf("%s level %d ", name, l)
			c.near(at+"utilization", u.Utilization.Own, ow.Own[l])
			c.near(at+"shared utilization", u.Utilization.Shared, ow.Shared[l])
			c.near(at+"effective utilization", u.Utilization.Effective, ow.Effective[l])
			c.near(at+"effective shared utilization", u.Utilization.EffectiveShared, ow.EffectiveShared[l])
			c.equal(at+"effective bits", e.effectiveBits(x, l+1), exact.Effective[l+1])
			c.equal(at+"elements moved", u.Moved, exact.Moved[l])
			c.equal(at+"double buffered", u.DoubleBuffered, ow.DoubleBuffered[l+1])
		}
	}
	c.ports(e, ev, w)
	for _, r := range w.Remaining {
		x := e.operandNamed(c.T, r.Operand)
		at := fmt.Sprintf("%s level %d %s", r.Operand, r.Level, hardware.Direction(r.Direction))
		c.near(at+" remaining cycles", e.loading.remaining[x][r.Level][r.Direction], r.Cycles)
		c.equal(at+" on a port of both inputs", e.loading.inputs[x][r.Level][r.Direction], r.Inputs)
	}
	for _, r := range w.Bandwidth {
		for x := range ev.Operands {
			for l := range ev.Operands[x].Levels {
				u := &ev.Operands[x].Levels[l]
				if ev.Operands[x].Link.String() != r.Link || e.model.problem.Core.Memories[u.Memory].Name != r.Memory {
					continue
				}
				for d := range u.Bandwidth {
					c.near(fmt.Sprintf("bandwidth of %s at %s, %s", r.Link, r.Memory, hardware.Direction(d)), float64(u.Bandwidth[d]), r.Bandwidth[d])
				}
			}
		}
	}
}

func (e *Evaluator) operandNamed(t *testing.T, name string) int {
	for x := range e.model.operands {
		if e.model.operands[x].name == name {
			return x
		}
	}
	t.Fatalf("no operand %s", name)
	return 0
}

func (c checker) data(name string, a *analysis, x int, w *dataWant) {
	u := &a.unrolled[x]
	c.equal(name+" instances", u.instance, w.Instance)
	for l := range w.Unique {
		c.near(name+" unique instances", u.unique[l], w.Unique[l])
	}
	c.equal(name+" boost", u.boost[:len(w.Boost)], w.Boost)
	c.equal(name+" precision", a.bits[x], w.Bits)
	c.equal(name+" elements", a.elements[x], w.Elements)
	if w.PartialSum != nil {
		c.equal(name+" partial sums", a.partialSum, w.PartialSum)
		for l := range w.ReuseAbove {
			c.near(name+" reuse above", a.reuseAbove[l], w.ReuseAbove[l])
		}
	}
	for l := range w.Moves {
		for d := range hardware.NumDirections {
			mv := a.moves[x][l][d]
			got := [7]int64{mv.amount, mv.bits, mv.period, mv.count, mv.average, mv.instant, mv.window}
			var want [7]int64
			for i := range want {
				want[i] = w.Moves[l][i][d]
			}
			c.equal(fmt.Sprintf("%s level %d %s: amount, bits, period, count, average, instant, window", name, l, hardware.Direction(d)), got, want)
		}
	}
}

func (c checker) ports(e *Evaluator, ev *Evaluation, w *want) {
	core := e.model.problem.Core
	for _, pw := range w.Ports {
		var p *PortUse
		for i := range ev.Ports {
			u := &ev.Ports[i]
			if core.Memories[u.Memory].Name == pw.Memory && core.Memories[u.Memory].Ports[u.Port].Name == pw.Port {
				p = u
			}
		}
		at := pw.Memory + " " + pw.Port
		if p == nil {
			c.Errorf("port %s is missing", at)
			continue
		}
		c.equal(at+" stall", p.Stall, pw.Stall)
		got := []activityRow{}
		for _, a := range p.Activities {
			got = append(got, activityRow{a.Operand, a.Level, int(a.Direction), a.Real, a.Allowed, a.Period, a.Count})
		}
		c.equal(at+" activities", got, pw.Activities)
		for _, b := range p.Borrowed {
			link := ev.Operand(b.Operand).Link.String()
			if _, ok := pw.BorrowedCycles[link]; !ok {
				c.Errorf("%s borrows for %s, unexpectedly", at, link)
			}
			c.near(at+" borrowed cycles for "+link, b.Cycles, pw.BorrowedCycles[link])
			c.near(at+" borrowed bandwidth for "+link, float64(b.Bandwidth), pw.BorrowedBandwidth[link])
		}
		c.equal(at+" operands that borrow", len(p.Borrowed), len(pw.BorrowedCycles))
	}
}
