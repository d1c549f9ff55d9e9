package mapper

import (
	"cmp"
	"context"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"streamdse/hardware"
	"streamdse/loopnest"
	"streamdse/loopnest/nesttest"
	"streamdse/mapping"
	"streamdse/unit"
	"streamdse/workload"
)

// TestLargerMemoryMayBeSlower pins the way in which the model's optimum is not
// monotonic: a memory takes all loops that fit, so that a larger one is filled
// with more before the computation can begin.
func TestLargerMemoryMayBeSlower(t *testing.T) {
	// every transfer has a port of its own
	ports := func(width unit.BitsPerCycle, operands ...hardware.MemoryOperand) (p []hardware.Port) {
		b := hardware.Bandwidth{Min: width, Max: width}
		for _, o := range operands {
			for _, d := range []hardware.Direction{hardware.ToLow, hardware.FromLow, hardware.ToHigh, hardware.FromHigh} {
				p = append(p, hardware.Port{Name: "rw", Type: hardware.ReadWritePort, Read: b, Write: b, Services: []hardware.Service{{Operand: o, Direction: d}}})
			}
		}
		return p
	}
	core := &hardware.Core{Name: "small", Array: hardware.Array{Dims: []string{"D1"}, Sizes: []int{1}, UnitEnergy: 1}}
	core.Memories = []hardware.Memory{
		{Name: "inputs", ReadCost: 1, WriteCost: 1, Operands: []hardware.MemoryOperand{hardware.I1}, Served: []int{0}, Ports: ports(8, hardware.I1)},
		{Name: "dram", Size: 1 << 30, ReadCost: 100, WriteCost: 100, Operands: []hardware.MemoryOperand{hardware.I1, hardware.I2, hardware.O}, Served: []int{0},
			Ports: ports(8, hardware.I1, hardware.I2, hardware.O)},
	}
	layer := &workload.Layer{Name: "product", Dims: []workload.LoopDim{{Dim: "C", Size: 64}, {Dim: "K", Size: 4}}, Operands: []workload.Operand{
		{Name: "O", Dims: []workload.Dim{"K"}, Bits: 8, FinalBits: 8},
		{Name: "W", Dims: []workload.Dim{"K", "C"}, Bits: 8, FinalBits: 8},
		{Name: "I", Dims: []workload.Dim{"C"}, Bits: 8, FinalBits: 8},
	}}
	find := func(size unit.Bits) *Result {
		core.Memories[0].Size = size
		opt := DefaultOptions()
		opt.Search = Best
		r, err := Search(context.Background(), Problem{Problem: loopnest.Problem{Layer: layer, Core: core, Links: nesttest.Links(layer)}}, opt)
		if err != nil {
			t.Fatal(err)
		}
		if !r.ProvenOptimal {
			t.Fatal("not proven")
		}
		return r
	}
	little, much := find(8), find(64*8)
	t.Logf("8 bits: %v, 512 bits: %v", little.Cost, much.Cost)
	if much.Total() <= little.Total() || much.Energy > little.Energy {
		t.Errorf("with a memory of 8 bits %v, with 512 bits %v; want more time and no more energy", little.Cost, much.Cost)
	}
}

// grow makes one memory of a core larger, or one port of it wider. Cells of an array
// that computes in memory stay as they are: more of them is another array.
func grow(t *rapid.T, core *hardware.Core) *hardware.Core {
	c := *core
	c.Memories = slices.Clone(core.Memories)
	first := 0
	if core.IMC != nil {
		first = 1
	}
	m := &c.Memories[rapid.IntRange(first, len(c.Memories)-1).Draw(t, "memory")]
	if rapid.Bool().Draw(t, "larger") {
		m.Size = m.Size * unit.Bits(rapid.IntRange(4, 16).Draw(t, "quarters")) / 4
		return &c
	}
	m.Ports = slices.Clone(m.Ports)
	p := &m.Ports[rapid.IntRange(0, len(m.Ports)-1).Draw(t, "port")]
	wider := unit.BitsPerCycle(rapid.IntRange(1, 4).Draw(t, "times"))
	p.Read.Max *= wider
	p.Write.Max *= wider
	if rapid.Bool().Draw(t, "granules, too") {
		p.Read.Min *= wider
		p.Write.Min *= wider
	}
	return &c
}

// TestMonotonic: with chosen boundaries, no larger memory and no wider port makes
// the optimum under an unrolling worse: of energy in both models, of latency and EDP
// in the physical one.
func TestMonotonic(t *testing.T) {
	compared, proven := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		p := drawProblem(t, 6)
		p.Even, p.Bounded = false, false
		opt := Options{Search: Best, Allocation: Free, FactorLimit: 4, MaxSpatial: 1, Effort: 200_000,
			Objective: rapid.SampledFrom([]Objective{Latency, Energy, EDP}).Draw(t, "objective")}
		p.Physical = p.Physical || opt.Objective != Energy
		small, err := Search(context.Background(), p, opt)
		if err != nil {
			t.Skip(err)
		}
		p.Core, p.Entry = grow(t, p.Core), entryOf(p.Core, small.Unrolling)
		large, err := Search(context.Background(), p, opt)
		if err != nil { // what fits the smaller core fits the larger
			t.Fatal(err)
		}
		if !slices.Equal(loopsOf(small.Unrolling), loopsOf(large.Unrolling)) {
			t.Fatalf("unrolled %v on the smaller core, %v on the larger, which was asked for the same", small.Unrolling, large.Unrolling)
		}
		// The optimum of the larger core is no less than its gap allows, and is the result
		// itself where that is proven.
		first := func(r *Result) float64 { return opt.Objective.first(value{r.Total(), float64(r.Energy)}) }
		if first(large)*(1-max(0, large.Gap)) > first(small)*(1+1e-9) {
			t.Fatalf("%s: %v %v on the smaller core, %v %v on the larger", opt.Objective, small.Cost, small.Order, large.Cost, large.Order)
		}
		if large.ProvenOptimal {
			proven++
		}
		compared++
	})
	if compared == 0 || proven < compared*9/10 {
		t.Errorf("of %d optima that were compared %d are proven", compared, proven)
	}
}

// entryOf asks for an unrolling that was found.
func entryOf(core *hardware.Core, s loopnest.Spatial) *mapping.Entry {
	entry := &mapping.Entry{Spatial: map[string][]hardware.Unrolling{}}
	for _, axis := range s {
		entry.Spatial[core.Dims[axis.Array]] = axis.Loops // none leaves nothing open, either
	}
	return entry
}

// axisLoop is a loop that is unrolled on an axis of the array.
type axisLoop struct {
	axis int
	loop hardware.Unrolling
}

// loopsOf are the loops of an unrolling that have an effect, in a fixed order.
func loopsOf(s loopnest.Spatial) []axisLoop {
	var list []axisLoop
	for _, axis := range s {
		for _, u := range axis.Loops {
			if u.Factor != 1 {
				list = append(list, axisLoop{axis.Array, u})
			}
		}
	}
	slices.SortFunc(list, func(a, b axisLoop) int {
		return cmp.Or(cmp.Compare(a.axis, b.axis), cmp.Compare(a.loop.Dim, b.loop.Dim))
	})
	return list
}
