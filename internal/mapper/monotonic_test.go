package mapper

import (
	"context"
	"testing"

	"streamdse/hardware"
	"streamdse/loopnest"
	"streamdse/loopnest/nesttest"
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
