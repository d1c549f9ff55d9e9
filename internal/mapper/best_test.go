package mapper

import (
	"context"
	"errors"
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

// drawLayer draws a layer with few loop factors: a convolution, possibly
// strided, padded or grouped, or a matrix product.
func drawLayer(t *rapid.T, most int) *workload.Layer {
	left := most // prime factors in all
	size := func(name string, choices ...int) int {
		n := rapid.SampledFrom(choices).Draw(t, name)
		for len(primes(n)) > left {
			n /= primes(n)[0]
		}
		left -= len(primes(n))
		return n
	}
	bits := func(name string) unit.Bits { return unit.Bits(rapid.SampledFrom([]int{4, 8, 16}).Draw(t, name)) }
	l := &workload.Layer{Name: "drawn", Operands: []workload.Operand{
		{Name: "O", Bits: 16, FinalBits: 8},
		{Name: "W", Bits: bits("bits of W")},
		{Name: "I", Bits: bits("bits of I")},
	}}
	for i := 1; i < 3; i++ {
		l.Operands[i].FinalBits = l.Operands[i].Bits
	}
	dim := func(d workload.Dim, n int) { l.Dims = append(l.Dims, workload.LoopDim{Dim: d, Size: n}) }
	if rapid.Bool().Draw(t, "matrix product") {
		dim("C", size("C", 1, 2, 4, 6, 8, 12, 16, 24, 27, 32, 64))
		dim("D", size("D", 1, 2, 3, 4, 6, 8, 10, 16, 32))
		dim("K", size("K", 1, 2, 4, 5, 8, 9, 16, 18, 32, 64))
		l.Operands[0].Dims = []workload.Dim{"D", "K"}
		l.Operands[1].Dims = []workload.Dim{"C", "K"}
		l.Operands[2].Dims = []workload.Dim{"D", "C"}
		return l
	}
	k := size("K", 1, 2, 3, 4, 6, 8, 9, 16, 32, 70)
	c := size("C", 1, 2, 3, 4, 6, 8, 9, 16, 32)
	fx := size("FX", 1, 2, 3, 5)
	fy := size("FY", 1, 1, 3)
	ox := size("OX", 1, 2, 4, 5, 6, 7, 8, 14)
	oy := size("OY", 1, 1, 2, 4, 6, 7, 14)
	g := size("G", 1, 1, 1, 2, 4)
	dim("B", size("B", 1, 1, 1, 2))
	dim("K", k)
	dim("G", g)
	dim("OX", ox)
	dim("OY", oy)
	dim("C", c)
	dim("FX", fx)
	dim("FY", fy)
	stride, dilation := rapid.IntRange(1, 3).Draw(t, "stride"), rapid.SampledFrom([]int{1, 1, 2}).Draw(t, "dilation")
	relation := func(index, a, b workload.Dim, n, m int) workload.Relation {
		r := workload.Relation{Index: index, A: a, B: b, CoefA: stride, CoefB: dilation}
		if rapid.Bool().Draw(t, "clipped") {
			r.Size = max(1, stride*(n-1)+dilation*(m-1)+1-rapid.IntRange(0, 2).Draw(t, "padding"))
		}
		return r
	}
	l.Relations = []workload.Relation{relation("IX", "OX", "FX", ox, fx), relation("IY", "OY", "FY", oy, fy)}
	l.Operands[0].Dims = []workload.Dim{"B", "G", "K", "OY", "OX"}
	l.Operands[1].Dims = []workload.Dim{"G", "K", "C", "FY", "FX"}
	l.Operands[2].Dims = []workload.Dim{"B", "G", "C", "IY", "IX"}
	return l
}

// drawCore draws an array of one to three dimensions with a hierarchy of
// memories, private or shared, below one that holds everything.
func drawCore(t *rapid.T) *hardware.Core {
	c := &hardware.Core{Name: "drawn"}
	c.UnitEnergy = 0.04
	for _, name := range []string{"D1", "D2", "D3"}[:rapid.IntRange(1, 3).Draw(t, "array dimensions")] {
		c.Dims = append(c.Dims, name)
		c.Sizes = append(c.Sizes, rapid.SampledFrom([]int{1, 2, 3, 4, 8}).Draw(t, name))
	}
	served := func(all bool) []int {
		var s []int
		for i := range c.Dims {
			if all || rapid.Bool().Draw(t, "served") {
				s = append(s, i)
			}
		}
		return s
	}
	memory := func(name string, sizes []int, all bool, operands ...hardware.MemoryOperand) {
		m := hardware.Memory{Name: name, Operands: operands, Served: served(all),
			Size:     unit.Bits(rapid.SampledFrom(sizes).Draw(t, name)),
			ReadCost: unit.Picojoules(rapid.SampledFrom([]float64{0.02, 1.5, 20, 416.16}).Draw(t, "read cost"))}
		m.WriteCost = m.ReadCost * 1.25
		width := rapid.SampledFrom([]unit.BitsPerCycle{8, 16, 64, 256}).Draw(t, "width")
		b := hardware.Bandwidth{Min: width, Max: width}
		if rapid.Bool().Draw(t, "granules") {
			b.Min = min(width, 8)
		}
		rd := hardware.Port{Name: "r", Type: hardware.ReadPort, Read: b}
		wr := hardware.Port{Name: "w", Type: hardware.WritePort, Write: b}
		if rapid.Bool().Draw(t, "one port") {
			rd = hardware.Port{Name: "rw", Type: hardware.ReadWritePort, Read: b, Write: b}
		}
		for _, o := range operands {
			read := []hardware.Direction{hardware.ToLow}
			write := []hardware.Direction{hardware.FromHigh}
			if o == hardware.O {
				read = append(read, hardware.ToHigh)
				write = append(write, hardware.FromLow)
			}
			for _, d := range read {
				rd.Services = append(rd.Services, hardware.Service{Operand: o, Direction: d})
			}
			for _, d := range write {
				if rd.Type == hardware.ReadWritePort {
					rd.Services = append(rd.Services, hardware.Service{Operand: o, Direction: d})
				} else {
					wr.Services = append(wr.Services, hardware.Service{Operand: o, Direction: d})
				}
			}
		}
		m.Ports = []hardware.Port{rd}
		if rd.Type != hardware.ReadWritePort {
			m.Ports = append(m.Ports, wr)
		}
		c.Memories = append(c.Memories, m)
	}
	i, w, o := hardware.I1, hardware.I2, hardware.O
	for _, op := range []hardware.MemoryOperand{w, o, i} {
		if rapid.Bool().Draw(t, "private memory") {
			memory("rf", []int{16, 32, 64, 128, 512}, false, op)
		}
		if rapid.IntRange(0, 3).Draw(t, "second private memory") == 0 {
			memory("buffer", []int{128, 512, 2048}, true, op)
		}
	}
	switch rapid.IntRange(0, 3).Draw(t, "shared memory") {
	case 0:
		memory("sram", []int{256, 1024, 4096, 1 << 20}, true, i, o)
	case 1:
		memory("sram", []int{256, 1024, 4096, 1 << 20}, true, i, w, o)
	case 2:
		memory("sram", []int{256, 1024, 4096, 1 << 20}, true, w, i)
	}
	memory("dram", []int{1 << 30}, true, i, w, o)
	return c
}

// computeInMemory sometimes makes the array one that computes in memory, with one or
// several weights in each group of cells.
func computeInMemory(t *rapid.T, c *hardware.Core) {
	if len(c.Dims) < 2 || rapid.IntRange(0, 4).Draw(t, "in memory") > 0 {
		return
	}
	c.IMC = &hardware.IMC{InputPrecision: [2]int{8, 8}, BitSerialPrecision: rapid.SampledFrom([]float64{1, 2, 8}).Draw(t, "serial")}
	if c.Sizes[1] == 3 {
		c.IMC.Analog, c.IMC.ADCResolution = true, 8
	}
	b := hardware.Bandwidth{Min: 8, Max: 8}
	c.Memories = slices.Insert(c.Memories, 0, hardware.Memory{
		Name: "cells", Size: unit.Bits(rapid.SampledFrom([]int{8, 16, 64}).Draw(t, "cells")), Operands: []hardware.MemoryOperand{hardware.I2},
		Ports: []hardware.Port{
			{Name: "r", Type: hardware.ReadPort, Read: b, Services: []hardware.Service{{Operand: hardware.I2, Direction: hardware.ToLow}}},
			{Name: "w", Type: hardware.WritePort, Write: b, Services: []hardware.Service{{Operand: hardware.I2, Direction: hardware.FromHigh}}},
		},
	})
}

// drawProblem draws a layer on a core with a spatial unrolling.
func drawProblem(t *rapid.T, most int) Problem {
	layer, core := drawLayer(t, most), drawCore(t)
	computeInMemory(t, core)
	entry := &mapping.Entry{Spatial: map[string][]hardware.Unrolling{}}
	for a, name := range core.Dims {
		d := rapid.SampledFrom(layer.Dims).Draw(t, "unrolled")
		entry.Spatial[name] = []hardware.Unrolling{{Dim: string(d.Dim), Factor: rapid.IntRange(1, min(core.Sizes[a], d.Size)).Draw(t, "factor")}}
	}
	return Problem{
		Problem: loopnest.Problem{Layer: layer, Core: core, Links: nesttest.Links(layer),
			RefetchStationary: rapid.IntRange(0, 4).Draw(t, "refetch") == 0, Even: rapid.IntRange(0, 4).Draw(t, "even") == 0,
			Physical: rapid.IntRange(0, 2).Draw(t, "physical") == 0, Bounded: rapid.IntRange(0, 4).Draw(t, "bounded") == 0},
		Entry: entry,
	}
}

// TestBestIsBest compares the search with the evaluation of all orders of every
// set of factors that Loma has.
func TestBestIsBest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawProblem(t, 8)
		opt := DefaultOptions()
		opt.Objective = rapid.SampledFrom([]Objective{Latency, Energy, EDP}).Draw(t, "objective")
		var want *Result
		var noFit *NoFitError
		for opt.FactorLimit = 1; opt.FactorLimit <= 12; opt.FactorLimit++ {
			r, err := Search(context.Background(), p, opt)
			if err != nil && !errors.As(err, &noFit) {
				t.Skip(err)
			}
			if err == nil && (want == nil || opt.Objective.better(r.Cost, want.Cost)) {
				want = r
			}
		}
		opt = Options{Objective: opt.Objective, Search: Best, FactorLimit: rapid.IntRange(1, 6).Draw(t, "limit"), MaxSpatial: 1}
		best, err := Search(context.Background(), p, opt)
		switch {
		case want == nil && !errors.As(err, &noFit):
			t.Fatalf("error %v, but no order fits: %v", err, noFit)
		case want == nil:
		case err != nil:
			t.Fatal(err)
		case opt.Objective.better(want.Cost, best.Cost) || opt.Objective.better(best.Cost, want.Cost):
			t.Fatalf("%s: best found %v %v after %d evaluations, all orders %v %v", opt.Objective, best.Cost, best.Order, best.Evaluated, want.Cost, want.Order)
		case !best.ProvenOptimal || best.Gap != 0:
			t.Fatalf("proven %v, gap %v", best.ProvenOptimal, best.Gap)
		}
	})
}

// TestEffort: whatever the effort, the result is never worse than Loma's, the
// gap is honest, and more workers or another run change nothing.
func TestEffort(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawProblem(t, 9)
		opt := DefaultOptions()
		opt.Objective = rapid.SampledFrom([]Objective{Latency, Energy, EDP}).Draw(t, "objective")
		opt.FactorLimit = 4
		if !p.Even && !p.Bounded {
			opt.Allocation = rapid.SampledFrom([]Allocation{Greedy, Free}).Draw(t, "allocation")
		}
		loma, err := Search(context.Background(), p, opt)
		if err != nil {
			t.Skip(err)
		}
		opt.Search, opt.Effort = Best, 0
		best, err := Search(context.Background(), p, opt)
		if err != nil {
			t.Fatal(err)
		}
		opt.Effort = int64(rapid.IntRange(1, 200).Draw(t, "effort"))
		hasty, err := Search(context.Background(), p, opt)
		if err != nil {
			t.Fatal(err)
		}
		if opt.Objective.better(loma.Cost, hasty.Cost) || opt.Objective.better(hasty.Cost, best.Cost) {
			t.Fatalf("loma %v, with little effort %v, with all %v", loma.Cost, hasty.Cost, best.Cost)
		}
		first := func(r *Result) float64 { return opt.Objective.first(value{r.Total(), float64(r.Energy)}) }
		if bound := first(hasty) * (1 - hasty.Gap); first(best) < bound*(1-1e-9) {
			t.Fatalf("gap %v of %v allows for %v, but %v is possible", hasty.Gap, first(hasty), bound, first(best))
		}
		if hasty.ProvenOptimal && first(best) < first(hasty) || hasty.ProvenOptimal && !hasty.OpenTie && opt.Objective.better(best.Cost, hasty.Cost) {
			t.Fatalf("%v is called optimal, but %v is possible", hasty.Cost, best.Cost)
		}
		again, err := Search(context.Background(), p, opt)
		if err != nil || again.Cost != hasty.Cost || !slices.Equal(again.Order, hasty.Order) || again.Proof != hasty.Proof {
			t.Fatalf("%v %v %v, again %v %v %v", hasty.Cost, hasty.Order, hasty.Proof, again.Cost, again.Order, again.Proof)
		}
	})
}
