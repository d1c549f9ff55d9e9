package loopnest

import (
	"math"
	"testing"

	"streamdse/hardware"
	"streamdse/loopnest/nesttest"
	"streamdse/unit"
	"streamdse/workload"
)

// inMemoryCore is a small core that computes in memory, with several weights in
// the cells of every unit.
func inMemoryCore(depth int64) *hardware.Core {
	c := nesttest.TPULike()
	c.IMC = &hardware.IMC{Analog: true, ADCResolution: 4, BitSerialPrecision: 4, InputPrecision: [2]int{8, 8}}
	c.Memories[0].Name = "cells"
	c.Memories[0].Size = unit.Bits(8 * depth)
	return c
}

// TestPrecharges: fetching another weight of the cells costs energy, and loops
// that keep the weight save it.
func TestPrecharges(t *testing.T) {
	l := &workload.Layer{
		Name: "product", Dims: []workload.LoopDim{{Dim: "D", Size: 6}, {Dim: "K", Size: 64}, {Dim: "C", Size: 128}},
		Operands: []workload.Operand{
			{Name: "O", Dims: []workload.Dim{"D", "K"}, Bits: 16, FinalBits: 8},
			{Name: "I", Dims: []workload.Dim{"D", "C"}, Bits: 8, FinalBits: 8},
			{Name: "W", Dims: []workload.Dim{"C", "K"}, Bits: 8, FinalBits: 8},
		},
	}
	spatial := Spatial{{Array: 0, Loops: []hardware.Unrolling{{Dim: "K", Factor: 32}}}, {Array: 1, Loops: []hardware.Unrolling{{Dim: "C", Factor: 32}}}}
	energy := func(depth int64, order ...Loop) float64 {
		m, err := NewModel(Problem{Layer: l, Core: inMemoryCore(depth), Links: nesttest.Links(l)})
		if err != nil {
			t.Fatal(err)
		}
		e, err := m.NewEvaluator(spatial)
		if err != nil {
			t.Fatal(err)
		}
		ev, err := e.Report(order)
		if err != nil {
			t.Fatal(err)
		}
		if got := ev.InMemory.Sum(); math.Abs(got-float64(ev.OperationEnergy)) > 1e-9*got {
			t.Errorf("parts sum to %v, the operations to %v", got, ev.OperationEnergy)
		}
		return ev.InMemory.BitlinePrecharges
	}
	const d, k, c = 0, 1, 2
	if e := energy(1, Loop{d, 6}, Loop{k, 2}, Loop{c, 4}); e != 0 {
		t.Errorf("a single weight a unit costs %v pJ of precharging", e)
	}
	// A word line and a bit line with the load of 8 cells, 8 bits of a weight.
	each := (0.35e-3 + 0.35e-3*8) * 0.9 * 0.9 * 8
	// The port delivers a weight of 8 bits in a cycle, so a weight that stays is
	// read once: 64*128 weights, each for the 6 iterations of D; the loop D is
	// inside the cells and is taken off twice, as published.
	if got, want := energy(8, Loop{d, 6}, Loop{k, 2}, Loop{c, 4}), each*64*128/6; math.Abs(got-want) > 1e-9*want {
		t.Errorf("weights that stay: %v pJ of precharging, want %v", got, want)
	}
	if got, want := energy(8, Loop{k, 2}, Loop{c, 4}, Loop{d, 6}), each*64*128*6; math.Abs(got-want) > 1e-9*want {
		t.Errorf("weights that change in every cycle: %v pJ of precharging, want %v", got, want)
	}
}

// TestDiagonalRows: kernels that are shifted against each other take the rows of
// the window and of the shifts.
func TestDiagonalRows(t *testing.T) {
	c := nesttest.TPULike()
	c.IMC = &hardware.IMC{Analog: true, ADCResolution: 4, BitSerialPrecision: 8, InputPrecision: [2]int{8, 8}}
	c.Memories[0].Name, c.Memories[0].Size = "cells", 8
	l := readTable(t).Layers["pw1x1"].Layer("conv")
	for i, d := range l.Dims {
		if d.Dim == "FX" {
			l.Dims[i].Size = 3
		}
	}
	l.Relations[0].Size = 16
	m, err := NewModel(Problem{Layer: l, Core: c, Links: nesttest.Links(l)})
	if err != nil {
		t.Fatal(err)
	}
	axis := func(array int, loops ...hardware.Unrolling) Axis { return Axis{Array: array, Loops: loops} }
	for _, x := range []struct {
		name          string
		spatial       Spatial
		columns, rows float64
	}{
		{"plain", Spatial{axis(0, hardware.Unrolling{Dim: "K", Factor: 32}), axis(1, hardware.Unrolling{Dim: "C", Factor: 20})}, 32, 20},
		{"diagonal", Spatial{axis(0, hardware.Unrolling{Dim: "OX", Factor: 7}), axis(1, hardware.Unrolling{Dim: "FX", Factor: 3}, hardware.Unrolling{Dim: "C", Factor: 4})}, 7, 9 * 4},
		{"one row", Spatial{axis(0, hardware.Unrolling{Dim: "OX", Factor: 7})}, 7, 1},
	} {
		e, err := m.NewEvaluator(x.spatial)
		if err != nil {
			t.Fatal(err)
		}
		if u := e.inArray.use; u.Columns != x.columns || u.Rows != x.rows {
			t.Errorf("%s: %v columns and %v rows, want %v and %v", x.name, u.Columns, u.Rows, x.columns, x.rows)
		}
	}
}
