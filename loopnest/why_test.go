package loopnest

import (
	"math"
	"testing"

	"streamdse/hardware"
	"streamdse/loopnest/nesttest"
)

// whyOf evaluates a nest on the TPU-like core.
func whyOf(t *testing.T, layer string, spatial []nesttest.Axis, order ...nesttest.Loop) (*Evaluation, *hardware.Core) {
	t.Helper()
	core := nesttest.TPULike()
	l := readTable(t).Layers[layer].Layer(layer)
	m, err := NewModel(Problem{Layer: l, Core: core, Links: nesttest.Links(l)})
	if err != nil {
		t.Fatal(err)
	}
	e, err := m.NewEvaluator(unrolling(core, spatial))
	if err != nil {
		t.Fatal(err)
	}
	ev, err := e.Report(e.indexed(t, order))
	if err != nil {
		t.Fatal(err)
	}
	return ev, core
}

var kByC = []nesttest.Axis{{Array: "D1", Loops: []nesttest.Loop{{Dim: "K", Size: 32}}}, {Array: "D2", Loops: []nesttest.Loop{{Dim: "C", Size: 32}}}}

// TestStallingPort: the worked example stalls 430 cycles at the read port of the
// on-chip memory, where inputs take every cycle and partial sums come on top.
func TestStallingPort(t *testing.T) {
	ev, core := whyOf(t, "exA", kByC, nesttest.Loop{Dim: "FX", Size: 3}, nesttest.Loop{Dim: "OX", Size: 6}, nesttest.Loop{Dim: "FY", Size: 3},
		nesttest.Loop{Dim: "OY", Size: 6}, nesttest.Loop{Dim: "K", Size: 2}, nesttest.Loop{Dim: "C", Size: 2})
	p := ev.StallingPort()
	if p == nil || p.Stall != 430 || core.Memories[p.Memory].Name != "sram_2MB" || core.Memories[p.Memory].Ports[p.Port].Name != "r_port_1" {
		t.Fatalf("stalling port %+v", p)
	}
	a := p.Culprit()
	if a.Operand != "I" || a.Direction != hardware.ToLow || a.Excess() != 0 {
		t.Errorf("culprit %+v: nothing exceeds its time alone, and the inputs take the port longest", a)
	}
}

// TestCulprit: a transfer that takes longer than it may is to blame, however
// little of the port's time it takes.
func TestCulprit(t *testing.T) {
	p := PortUse{Activities: []Activity{
		{Operand: "I", Real: 10, Allowed: 10, Period: 10, Count: 100},
		{Operand: "W", Real: 30, Allowed: 20, Period: 40, Count: 3},
	}}
	if a := p.Culprit(); a.Operand != "W" || a.Excess() != 20 {
		t.Errorf("culprit %+v", a)
	}
	if (&PortUse{}).Culprit() != nil {
		t.Error("an idle port has a culprit")
	}
}

// TestRoofline: bits, intensity and limits of the worked example by hand.
func TestRoofline(t *testing.T) {
	ev, core := whyOf(t, "exA", kByC, nesttest.Loop{Dim: "FX", Size: 3}, nesttest.Loop{Dim: "OX", Size: 6}, nesttest.Loop{Dim: "FY", Size: 3},
		nesttest.Loop{Dim: "OY", Size: 6}, nesttest.Loop{Dim: "K", Size: 2}, nesttest.Loop{Dim: "C", Size: 2})
	r := ev.Roofline(core)
	const macs = 622080
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-12*want {
			t.Errorf("%s = %v, want %v", what, got, want)
		}
	}
	near("peak", r.Peak, 1024)
	near("unrolled", r.Unrolled, macs/1296.0)
	near("achieved", r.Achieved, macs/2377.0)
	found := 0
	for _, x := range r.Roofs {
		switch core.Memories[x.Memory].Name {
		case "dram":
			bits := 64.0 * (216 + 2160 + 180)
			near("bits at the off-chip port", x.Bits, bits)
			near("intensity", x.Intensity, macs/bits)
			near("limit", x.Limit, macs/bits*64)
			near("least cycles", x.Cycles(), 216+2160+180)
			found++
		case "rf_128B":
			if core.Memories[x.Memory].Ports[x.Port].Name == "r_port_1" {
				near("bits at the weight registers", x.Bits, 8*macs)
				near("bandwidth of all registers", float64(x.Bandwidth), 8*1024)
				found++
			}
		}
	}
	if found != 2 {
		t.Errorf("%d of 2 ports found among %+v", found, r.Roofs)
	}
	if low := r.Lowest(); low == nil || core.Memories[low.Memory].Name != "dram" {
		t.Errorf("lowest roof %+v, want that of the off-chip memory", low)
	}
}
