// Package nesttest gives the tests of loop nests cores, layers and the reading
// of tables of figures. Only tests import it.
package nesttest

import (
	"testing"

	"streamdse/hardware"
	"streamdse/internal/golden"
	"streamdse/unit"
)

// TPULike is a 32x32 array with weights next to the processing elements and
// outputs summed along one side.
func TPULike() *hardware.Core {
	bw := func(low, high unit.BitsPerCycle) hardware.Bandwidth { return hardware.Bandwidth{Min: low, Max: high} }
	port := func(name string, t hardware.PortType, b hardware.Bandwidth, s ...hardware.Service) hardware.Port {
		p := hardware.Port{Name: name, Type: t, Services: s}
		if t != hardware.WritePort {
			p.Read = b
		}
		if t != hardware.ReadPort {
			p.Write = b
		}
		return p
	}
	const rd, wr = hardware.ReadPort, hardware.WritePort
	in, w, o := hardware.I1, hardware.I2, hardware.O
	tl, fl, th, fh := hardware.ToLow, hardware.FromLow, hardware.ToHigh, hardware.FromHigh
	return &hardware.Core{
		Name:  "tpu_like",
		Array: hardware.Array{Dims: []string{"D1", "D2"}, Sizes: []int{32, 32}, UnitEnergy: 0.04},
		Memories: []hardware.Memory{
			{Name: "rf_128B", Size: 1024, ReadCost: 0.095, WriteCost: 0.095, Operands: []hardware.MemoryOperand{w}, Ports: []hardware.Port{
				port("r_port_1", rd, bw(8, 8), hardware.Service{Operand: w, Direction: tl}),
				port("w_port_1", wr, bw(8, 8), hardware.Service{Operand: w, Direction: fh}),
			}},
			{Name: "rf_2B", Size: 16, ReadCost: 0.021, WriteCost: 0.021, Operands: []hardware.MemoryOperand{o}, Ports: []hardware.Port{
				port("r_port_1", rd, bw(16, 16), hardware.Service{Operand: o, Direction: tl}),
				port("r_port_2", rd, bw(16, 16), hardware.Service{Operand: o, Direction: th}),
				port("w_port_1", wr, bw(16, 16), hardware.Service{Operand: o, Direction: fh}),
				port("w_port_2", wr, bw(16, 16), hardware.Service{Operand: o, Direction: fl}),
			}},
			{Name: "sram_2MB", Size: 16777216, ReadCost: 416.16, WriteCost: 378.4, Operands: []hardware.MemoryOperand{in, o}, Served: []int{0, 1}, Ports: []hardware.Port{
				port("r_port_1", rd, bw(64, 2048), hardware.Service{Operand: in, Direction: tl}, hardware.Service{Operand: o, Direction: tl}, hardware.Service{Operand: o, Direction: th}),
				port("w_port_1", wr, bw(64, 2048), hardware.Service{Operand: in, Direction: fh}, hardware.Service{Operand: o, Direction: fh}, hardware.Service{Operand: o, Direction: fl}),
			}},
			{Name: "dram", Size: 10000000000, ReadCost: 700, WriteCost: 750, Operands: []hardware.MemoryOperand{in, w, o}, Served: []int{0, 1}, Ports: []hardware.Port{
				port("rw_port_1", hardware.ReadWritePort, bw(64, 64),
					hardware.Service{Operand: in, Direction: fh}, hardware.Service{Operand: in, Direction: tl},
					hardware.Service{Operand: w, Direction: fh}, hardware.Service{Operand: w, Direction: tl},
					hardware.Service{Operand: o, Direction: fh}, hardware.Service{Operand: o, Direction: tl},
					hardware.Service{Operand: o, Direction: fl}, hardware.Service{Operand: o, Direction: th}),
			}},
		},
	}
}

// Core returns a core by name; all but tpu_like are read from the public inputs.
func Core(t testing.TB, name string) *hardware.Core {
	t.Helper()
	if name == "tpu_like" {
		return TPULike()
	}
	c, err := hardware.LoadCore(golden.Shared(t, "data/zigzag/hardware/"+name+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}
