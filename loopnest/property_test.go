package loopnest

import (
	"testing"

	"pgregory.net/rapid"

	"streamdse/hardware"
	"streamdse/loopnest/nesttest"
	"streamdse/unit"
	"streamdse/workload"
)

// drawLayer draws a small convolution, possibly strided and padded.
func drawLayer(t *rapid.T) *workload.Layer {
	size := func(name string, most int) int { return rapid.IntRange(1, most).Draw(t, name) }
	k, c, ox, oy, fx, fy := size("K", 70), size("C", 40), size("OX", 14), size("OY", 14), size("FX", 3), size("FY", 3)
	stride, pad := size("stride", 2), rapid.IntRange(0, 1).Draw(t, "padding")
	if stride == 2 || fx < 3 || fy < 3 {
		pad = 0
	}
	rel := func(index, a, b workload.Dim) workload.Relation {
		return workload.Relation{Index: index, A: a, B: b, CoefA: stride, CoefB: 1, PadBefore: pad, PadAfter: pad}
	}
	bits := unit.Bits(rapid.SampledFrom([]int{4, 8}).Draw(t, "bits"))
	return &workload.Layer{
		Name:      "drawn",
		Dims:      []workload.LoopDim{{Dim: "B", Size: 1}, {Dim: "K", Size: k}, {Dim: "OX", Size: ox}, {Dim: "OY", Size: oy}, {Dim: "C", Size: c}, {Dim: "FX", Size: fx}, {Dim: "FY", Size: fy}},
		Relations: []workload.Relation{rel("IX", "OX", "FX"), rel("IY", "OY", "FY")},
		Operands: []workload.Operand{
			{Name: "O", Dims: []workload.Dim{"B", "K", "OY", "OX"}, Bits: 16, FinalBits: 8},
			{Name: "W", Dims: []workload.Dim{"K", "C", "FY", "FX"}, Bits: bits, FinalBits: bits},
			{Name: "I", Dims: []workload.Dim{"B", "C", "IY", "IX"}, Bits: 8, FinalBits: 8},
		},
	}
}

// drawNest draws a layer, an unrolling and an order.
func drawNest(t *rapid.T) (*Evaluator, []Loop) {
	layer := drawLayer(t)
	core := nesttest.TPULike()
	core.Memories[2].Size = unit.Bits(rapid.SampledFrom([]int{512, 4096, 65536, 16777216}).Draw(t, "sram"))
	core.Memories[3].Size = unit.Bits(rapid.SampledFrom([]int{4096, 262144, 1 << 40}).Draw(t, "dram"))
	dims := []string{"K", "C", "OX", "OY", "FX", "FY"}
	var s Spatial
	for a := range core.Dims {
		d := rapid.SampledFrom(dims).Draw(t, "unrolled")
		dims = without(dims, d)
		most := min(core.Sizes[a], layer.Size(workload.Dim(d)))
		s = append(s, Axis{Array: a, Loops: []hardware.Unrolling{{Dim: d, Factor: rapid.IntRange(1, most).Draw(t, "factor")}}})
	}
	p := Problem{Layer: layer, Core: core, Links: nesttest.Links(layer), Even: rapid.Bool().Draw(t, "even"), RefetchStationary: rapid.Bool().Draw(t, "refetch"),
		Bounded: rapid.Bool().Draw(t, "bounded")}
	m, err := NewModel(p)
	if err != nil {
		t.Fatal(err)
	}
	e, err := m.NewEvaluator(s)
	if err != nil {
		t.Fatal(err)
	}
	var factors []Loop
	for _, l := range e.TemporalSizes() {
		n := l.Size
		for f := 2; n > 1; f++ {
			for n%f == 0 {
				factors = append(factors, Loop{l.Dim, f})
				n /= f
			}
		}
	}
	if len(factors) == 0 {
		factors = []Loop{{0, 1}}
	}
	return e, rapid.Permutation(factors).Draw(t, "order")
}

func without(list []string, x string) []string {
	var out []string
	for _, y := range list {
		if y != x {
			out = append(out, y)
		}
	}
	return out
}

// TestNestProperties: whatever the nest, its figures are consistent.
func TestNestProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e, order := drawNest(t)
		light, ok := e.Evaluate(order)
		ev, err := e.Report(order)
		if ok != (err == nil) {
			t.Fatalf("light result fits: %v, full result: %v", ok, err)
		}
		if !ok {
			f := e.Misfit()
			if f.Kind != Unconnected && f.Asked <= f.Capacity {
				t.Fatalf("%v, although %d bits are there", f, f.Capacity)
			}
			return
		}
		if light != ev.Cost {
			t.Fatalf("light result %v, full result %v", light, ev.Cost)
		}
		if again, _ := e.Evaluate(order); again != light {
			t.Fatalf("second evaluation %v, first %v", again, light)
		}
		checkTotals(t, ev)
		for x := range ev.Operands {
			checkOperand(t, e, ev, x)
		}
		checkCapacity(t, e)
	})
}

// checkTotals: every operation has its place in the nest, and parts sum up.
func checkTotals(t *rapid.T, ev *Evaluation) {
	if ev.Compute < 1 || ev.Stall < 0 || ev.Onload < 0 || ev.Energy <= 0 {
		t.Fatalf("cost %v", ev.Cost)
	}
	cycles := 1
	for _, l := range ev.Order {
		cycles *= l.Size
	}
	if ev.Compute != float64(cycles) {
		t.Fatalf("%v compute cycles, but the loops iterate %d times", ev.Compute, cycles)
	}
	places := float64(cycles)
	for _, a := range ev.Spatial {
		for _, l := range a.Loops {
			places *= l.Size
		}
	}
	if places < float64(ev.Operations)*(1-1e-9) {
		t.Fatalf("%v iterations for %d operations", places, ev.Operations)
	}
	if ev.Utilization <= 0 || ev.Utilization > 1 {
		t.Fatalf("utilization %v", ev.Utilization)
	}
	var memories unit.Picojoules
	for i := range ev.Operands {
		memories += ev.Operands[i].Energy()
	}
	if d := float64(memories + ev.OperationEnergy - ev.Energy); d > 1e-6*float64(ev.Energy) || d < -1e-6*float64(ev.Energy) {
		t.Fatalf("energy %v, parts %v and %v", ev.Energy, memories, ev.OperationEnergy)
	}
}

// checkOperand: all loops are allocated once, in order; counts are not negative.
func checkOperand(t *rapid.T, e *Evaluator, ev *Evaluation, x int) {
	o := &ev.Operands[x]
	for _, pick := range []func(*LevelUse) []workload.LoopDim{
		func(l *LevelUse) []workload.LoopDim { return l.Allocated },
		func(l *LevelUse) []workload.LoopDim { return l.Loops },
	} {
		var all []workload.LoopDim
		for l := range o.Levels {
			all = append(all, pick(&o.Levels[l])...)
		}
		if len(all) != len(ev.Order) {
			t.Fatalf("operand %s has %d of %d loops", o.Name, len(all), len(ev.Order))
		}
		for i := range all {
			if all[i] != ev.Order[i] {
				t.Fatalf("operand %s runs %v, the order is %v", o.Name, all, ev.Order)
			}
		}
	}
	for l := range o.Levels {
		u := &o.Levels[l]
		for d := range u.Accesses {
			if u.Accesses[d] < 0 || u.Energy[d] < 0 || u.Moved[d] < 0 || u.Bandwidth[d] < 0 {
				t.Fatalf("operand %s level %d %s: %+v", o.Name, l, hardware.Direction(d), *u)
			}
		}
		if u.Elements < 1 || u.Instances < 1 {
			t.Fatalf("operand %s level %d: %+v", o.Name, l, *u)
		}
	}
	if top := o.Top(); top.Accesses[hardware.ToHigh] != 0 || top.Accesses[hardware.FromHigh] != 0 {
		t.Fatalf("operand %s moves above its highest memory", o.Name)
	}
	if n := e.model.operands[x].elements; e.same && o.Top().Elements != n {
		t.Fatalf("operand %s has %d elements, its highest memory holds %d", o.Name, n, o.Top().Elements)
	}
}

// checkCapacity: the loops allocated to each memory fit into it together.
func checkCapacity(t *rapid.T, e *Evaluator) {
	for i := range e.model.memories {
		m := &e.model.memories[i]
		used := 0.0
		for _, r := range m.stored {
			o := &e.model.operands[r.operand]
			z := make([]float64, len(e.model.problem.Layer.Dims))
			for d := range z {
				z[d] = 1
			}
			for l := 0; l <= r.level; l++ {
				for _, f := range e.energy.unrolled[r.operand].loops[l] {
					z[f.dim] *= f.size
				}
			}
			for _, l := range e.order[:e.nests[r.operand].taken[r.level+1]] {
				z[l.Dim] *= float64(l.Size)
			}
			// finished outputs are the smallest that may have been reserved
			bits := o.bits
			if o.output {
				bits = min(o.bits, o.final)
			}
			used += o.size(z, e.model.relations) * float64(bits)
		}
		if used > m.size*(1+1e-9) {
			t.Fatalf("memory %d holds %v of %v bits", i, used, m.size)
		}
	}
}
