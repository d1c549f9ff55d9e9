package mapper

import (
	"context"
	"errors"
	"slices"
	"testing"

	"streamdse/hardware"
	"streamdse/loopnest"
	"streamdse/loopnest/nesttest"
	"streamdse/mapping"
	"streamdse/workload"
)

// TestBounded has a matrix product on a core whose registers hold 128 KB of weights,
// all together, below an SRAM of 32 KB. Filling the registers leaves no nest that fits,
// whatever the order; with a quarter of them there is one.
func TestBounded(t *testing.T) {
	core := nesttest.TPULike()
	sram := core.Memories[0]
	sram.Name, sram.Size, sram.Served = "sram_32KB", 32<<13, []int{0, 1}
	sram.Ports = slices.Clone(sram.Ports)
	for i := range sram.Ports {
		sram.Ports[i].Read.Max *= 128
		sram.Ports[i].Write.Max *= 128
	}
	core.Memories = slices.Insert(core.Memories, 2, sram)
	core.Dataflow = hardware.Dataflow{{{Dim: "K", Factor: 32}}, {{Dim: "C", Factor: 32}}}
	p := Problem{Problem: loopnest.Problem{Layer: matrixProduct(4, 1024, 1024), Core: core}, Entry: &mapping.Entry{}}
	opt := DefaultOptions()
	opt.FactorLimit = 0 // factors of 2 fill a register to the last bit

	_, err := Search(context.Background(), p, opt)
	var misfit *loopnest.Misfit
	if !errors.As(err, &misfit) || misfit.Memory != "sram_32KB" {
		t.Fatalf("registers filled: error %v", err)
	}
	p.Bounded = true
	r, err := Search(context.Background(), p, opt)
	if err != nil {
		t.Fatal(err)
	}
	if r.Compute != 4*1024 {
		t.Errorf("%v cycles", r.Compute)
	}

	core.Memories[2].Size = 1024 // one weight for every eighth unit
	if _, err = Search(context.Background(), p, opt); !errors.As(err, &misfit) || misfit.Memory != "sram_32KB" || misfit.Asked <= 1024 || misfit.Capacity != 1024 {
		t.Errorf("an SRAM that is too small for any nest: error %v", err)
	}
}

// TestBoundedTogether has weights that fill an SRAM to the last bit, through which
// inputs and outputs pass too: the registers below could hold them all, but must not.
func TestBoundedTogether(t *testing.T) {
	core := nesttest.TPULike()
	sram := &core.Memories[2]
	sram.Size, sram.Operands = 256*128*8, append(slices.Clone(sram.Operands), hardware.I2)
	sram.Ports = slices.Clone(sram.Ports)
	for i, d := range []hardware.Direction{hardware.ToLow, hardware.FromHigh} {
		sram.Ports[i].Services = append(slices.Clone(sram.Ports[i].Services), hardware.Service{Operand: hardware.I2, Direction: d})
	}
	core.Dataflow = hardware.Dataflow{{{Dim: "K", Factor: 32}}, {{Dim: "C", Factor: 32}}}
	p := Problem{Problem: loopnest.Problem{Layer: matrixProduct(4, 256, 128), Core: core, Bounded: true}, Entry: &mapping.Entry{}}
	for _, method := range []Method{Best, Loma} {
		opt := DefaultOptions()
		opt.Search, opt.FactorLimit = method, 0
		r, err := Search(context.Background(), p, opt)
		if err != nil {
			t.Fatal(method, err)
		}
		if r.Compute != 4*256*128/1024 {
			t.Errorf("%s: %v cycles", method, r.Compute)
		}
	}
}

// matrixProduct is a matrix product of 8-bit numbers.
func matrixProduct(d, k, c int) *workload.Layer {
	operand := func(name string, dims ...workload.Dim) workload.Operand {
		return workload.Operand{Name: name, Dims: dims, Bits: 8, FinalBits: 8, Axes: []int{1, 2}}
	}
	return &workload.Layer{
		Name: "product", Dims: []workload.LoopDim{{Dim: "D", Size: d}, {Dim: "K", Size: k}, {Dim: "C", Size: c}},
		Operands: []workload.Operand{operand("O", "D", "K"), operand("W", "C", "K"), operand("I", "D", "C")},
	}
}
