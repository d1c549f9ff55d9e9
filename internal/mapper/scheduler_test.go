package mapper

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"streamdse/hardware"
	"streamdse/internal/golden"
	"streamdse/loopnest"
	"streamdse/loopnest/nesttest"
	"streamdse/unit"
	"streamdse/workload"
)

// convolution is a 3x3 convolution on an 8x8 image or some rows of it, as a
// computation node of the small multi-core cases.
func convolution(rows, channels, filters int) *workload.Layer {
	rel := func(index, a, b workload.Dim) workload.Relation {
		return workload.Relation{Index: index, A: a, B: b, CoefA: 1, CoefB: 1, PadBefore: 1, PadAfter: 1, Size: 8}
	}
	return &workload.Layer{
		Name:      "conv",
		Dims:      []workload.LoopDim{{Dim: "B", Size: 1}, {Dim: "K", Size: filters}, {Dim: "G", Size: 1}, {Dim: "OX", Size: 8}, {Dim: "OY", Size: rows}, {Dim: "C", Size: channels}, {Dim: "FX", Size: 3}, {Dim: "FY", Size: 3}},
		Relations: []workload.Relation{rel("IX", "OX", "FX"), rel("IY", "OY", "FY")},
		Operands: []workload.Operand{
			{Name: "O", Dims: []workload.Dim{"B", "G", "K", "OY", "OX"}, Bits: 16, FinalBits: 8},
			{Name: "W", Dims: []workload.Dim{"K", "C", "FY", "FX"}, Bits: 8, FinalBits: 8},
			{Name: "I", Dims: []workload.Dim{"B", "G", "C", "IY", "IX"}, Bits: 8, FinalBits: 8},
		},
	}
}

// onCore searches a convolution on a core of an accelerator of the cases, with
// the off-chip memory above for some memory operands.
func onCore(t *testing.T, acc golden.Accelerator, core string, layer *workload.Layer, streamed []string, elements bool) *Result {
	t.Helper()
	parse := func(file string) *hardware.Core {
		c, err := hardware.ParseCore(file, acc.CoreFiles[file])
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	links := nesttest.Links(layer)
	var operands []string
	for i, link := range links {
		if slices.Contains(streamed, link.String()) {
			operands = append(operands, layer.Operands[i].Name)
		}
	}
	c := withOffchip(parse(acc.Cores[core]), parse(acc.OffchipCore).Memories[0], layer, links, operands)
	r, err := Search(context.Background(), Problem{Problem: loopnest.Problem{Layer: layer, Core: c, Links: links, ElementBandwidth: elements}}, DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// streaming is the energy of the highest levels of the operands, and the
// bandwidths that they ask of them.
func streaming(r *Result, operands []string) (energy unit.Picojoules, out, in unit.BitsPerCycle) {
	for i := range r.Operands {
		if slices.Contains(operands, r.Operands[i].Link.String()) {
			top := r.Operands[i].Top()
			energy += top.TotalEnergy
			out += top.Bandwidth[hardware.ToLow]
			in += top.Bandwidth[hardware.FromLow]
		}
	}
	return energy, out, in
}

// TestSchedulerNodes compares run time and energies of convolution nodes of the
// multi-core cases, which were measured with bandwidths in elements, except for
// those marked as made with release 3.7.4.
func TestSchedulerNodes(t *testing.T) {
	file := golden.Load(t)
	seen := map[string]bool{}
	for name, c := range file.Cases {
		elements := !strings.HasSuffix(name, "@374")
		acc := file.Accelerators[c.Inputs.Accelerator]
		for _, n := range c.Nodes {
			d := n.LayerDims
			if n.Type != "conv" || d["FX"] != 3 || d["G"] != 1 || len(n.TooLarge) == 0 {
				continue
			}
			key := fmt.Sprint(c.Inputs.Accelerator, n.Core, d, n.TooLarge, elements)
			if seen[key] {
				continue
			}
			seen[key] = true
			r := onCore(t, acc, fmt.Sprint(n.Core), convolution(d["OY"], d["C"], d["K"]), n.TooLarge, elements)
			offchip, _, _ := streaming(r, n.TooLarge)
			near(t, key+" run time", r.Total(), n.Runtime)
			near(t, key+" off-chip energy", float64(offchip), n.OffchipEnergy)
			near(t, key+" on-chip energy", float64(r.Energy-offchip), n.OnchipEnergy)
		}
	}
	if len(seen) < 8 {
		t.Errorf("only %d distinct nodes compared", len(seen))
	}
}

// TestStreamingBandwidth compares what nodes ask of the off-chip memory while
// they run, with bandwidths in bits.
func TestStreamingBandwidth(t *testing.T) {
	file := golden.Load(t)
	for _, c := range []struct {
		accelerator    string
		rows, channels int
		streamed       []string
		out, in        unit.BitsPerCycle
		runtime        float64
	}{
		{"dual2000", 2, 3, []string{"O"}, 0, 3, 294},
		{"dual2000", 2, 4, []string{"O", "I2"}, 128, 3, 301},
		{"dual2000", 2, 4, []string{"O", "I2", "I1"}, 138, 3, 308},
		{"dual2600", 2, 4, []string{"I2"}, 128, 0, 293},
		{"dual2600", 2, 4, []string{"O", "I2", "I1"}, 135, 3, 310},
		{"dual3300", 2, 4, []string{"O", "I2", "I1"}, 135, 3, 301},
		{"dual2000", 8, 3, []string{"O", "I2", "I1"}, 72, 3, 1179},
		{"dual2000", 8, 4, []string{"O", "I2", "I1"}, 142, 3, 1177},
		{"dual3300", 8, 3, []string{"O"}, 0, 3, 1170},
		{"dual3300", 8, 4, []string{"O"}, 0, 3, 1184},
	} {
		acc, ok := file.Accelerators[c.accelerator]
		if !ok {
			t.Fatalf("no accelerator %s", c.accelerator)
		}
		r := onCore(t, acc, "0", convolution(c.rows, c.channels, 4), c.streamed, false)
		_, out, in := streaming(r, c.streamed)
		if out != c.out || in != c.in || r.Total() != c.runtime {
			t.Errorf("%s, %d rows, %d channels, streaming %v: out %v in %v in %v cycles, want %v, %v in %v",
				c.accelerator, c.rows, c.channels, c.streamed, out, in, r.Total(), c.out, c.in, c.runtime)
		}
	}
}
