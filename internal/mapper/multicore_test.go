package mapper

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"testing"

	"streamdse/hardware"
	"streamdse/internal/golden"
	"streamdse/loopnest"
	"streamdse/loopnest/nesttest"
	"streamdse/workload"
)

// multicoreCase is what the published multi-core scheduler of November 2024
// found for a layer or tile of ResNet-18 on a core of its quad-core example.
type multicoreCase struct {
	Name           string                  `json:"name"`
	Core           string                  `json:"core"`
	Offchip        []string                `json:"offchip"` // operands kept in the off-chip memory
	Layer          nesttest.Layer          `json:"layer"`
	Energy         [3]float64              `json:"energy"`
	Latency        [5]float64              `json:"latency"`
	Order          []nesttest.Loop         `json:"order"`
	Levels         map[string][]float64    `json:"levels"`
	Accesses       map[string][][4]float64 `json:"accesses"`
	DoubleBuffered map[string][]bool       `json:"double_buffered"`
}

// TestMulticoreNodes searches layers and tiles on cores with a dataflow of their
// own, some with the off-chip memory above for operands that do not fit.
func TestMulticoreNodes(t *testing.T) {
	b, err := os.ReadFile("testdata/multicore.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []multicoreCase
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	load := func(name string) *hardware.Core {
		c, err := hardware.LoadCore(golden.Shared(t, "data/stream-2024/examples/hardware/cores/"+name+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	dram := load("offchip").Memories[0]
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			layer := c.Layer.Layer(c.Name)
			links := nesttest.Links(layer)
			core := withOffchip(load(c.Core), dram, layer, links, c.Offchip)
			r, err := Search(context.Background(), Problem{Problem: loopnest.Problem{Layer: layer, Core: core, Links: links}}, DefaultOptions())
			if err != nil {
				t.Fatal(err)
			}
			near(t, "energy", float64(r.Energy), c.Energy[0])
			near(t, "energy of operations", float64(r.OperationEnergy), c.Energy[1])
			near(t, "energy of memories", float64(r.MemoryEnergy), c.Energy[2])
			near(t, "compute", r.Compute, c.Latency[0])
			near(t, "stall", r.Stall, c.Latency[1])
			near(t, "onload", r.Onload, c.Latency[2])
			near(t, "offload", r.Offload, c.Latency[3])
			near(t, "latency", r.Total(), c.Latency[4])
			var order []nesttest.Loop
			for _, l := range r.Order {
				order = append(order, nesttest.Loop(l))
			}
			if !slices.Equal(order, c.Order) {
				t.Errorf("order %v, want %v", order, c.Order)
			}
			for i := range r.Operands {
				o := &r.Operands[i]
				if len(o.Levels) != len(c.Levels[o.Name]) {
					t.Errorf("operand %s has %d levels, want %d", o.Name, len(o.Levels), len(c.Levels[o.Name]))
					continue
				}
				for l := range o.Levels {
					near(t, "energy of a level of "+o.Name, float64(o.Levels[l].TotalEnergy), c.Levels[o.Name][l])
					if o.Levels[l].DoubleBuffered != c.DoubleBuffered[o.Name][l+1] {
						t.Errorf("level %d of %s is double buffered: %v", l, o.Name, o.Levels[l].DoubleBuffered)
					}
					for d := range o.Levels[l].Accesses {
						near(t, "accesses of a level of "+o.Name, float64(o.Levels[l].Accesses[d]), c.Accesses[o.Name][l][d])
					}
				}
			}
		})
	}
}

// withOffchip puts the off-chip memory on top of the core for some operands.
func withOffchip(core *hardware.Core, dram hardware.Memory, layer *workload.Layer, links []hardware.MemoryOperand, operands []string) *hardware.Core {
	if len(operands) == 0 {
		return core
	}
	keep := func(m hardware.MemoryOperand) bool {
		i := slices.Index(links, m)
		return i >= 0 && slices.Contains(operands, layer.Operands[i].Name)
	}
	top := dram
	top.Operands, top.Ports = nil, nil
	for _, m := range dram.Operands {
		if keep(m) {
			top.Operands = append(top.Operands, m)
		}
	}
	for _, p := range dram.Ports {
		p.Services = slices.DeleteFunc(slices.Clone(p.Services), func(s hardware.Service) bool { return !keep(s.Operand) })
		if len(p.Services) > 0 {
			top.Ports = append(top.Ports, p)
		}
	}
	c := *core
	c.Memories = append(slices.Clone(core.Memories), top)
	return &c
}
