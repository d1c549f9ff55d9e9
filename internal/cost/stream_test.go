package cost

import (
	"context"
	"slices"
	"testing"

	"streamdse/hardware"
	"streamdse/hardware/zoo"
	"streamdse/internal/mapper"
	"streamdse/rules"
	"streamdse/taskgraph"
	"streamdse/unit"
)

// TestStreamMore gives up the operands of a layer one by one, the largest first.
func TestStreamMore(t *testing.T) {
	layer := &taskgraph.Layer{Memory: []hardware.MemoryOperand{hardware.O, hardware.I1, hardware.I2}}
	class := &taskgraph.Class{Need: []unit.Bits{20, 30, 10}}
	var streamed []hardware.MemoryOperand
	for _, want := range [][]hardware.MemoryOperand{
		{hardware.I1},
		{hardware.O, hardware.I1},
		{hardware.O, hardware.I1, hardware.I2},
	} {
		more, ok := streamMore(streamed, layer, class)
		if !ok || !slices.Equal(more, want) {
			t.Fatalf("after %v: %v, %v; want %v", streamed, more, ok, want)
		}
		streamed = more
	}
	if more, ok := streamMore(streamed, layer, class); ok {
		t.Errorf("after all: %v", more)
	}
}

// TestBuffers: inputs and weights of 2 MB each do not fit beside the output of a core
// with 2 MB. What the nest holds of what is streamed has room beside what is kept, and
// published rules ask for none.
func TestBuffers(t *testing.T) {
	acc, err := zoo.Load("tpu_like_quad_core")
	if err != nil {
		t.Fatal(err)
	}
	g := reduction(t, 1<<15, 1, 0)
	class := &g.Classes[0]
	for _, r := range []rules.Rules{rules.Default(), rules.Reference2024()} {
		table, err := Table(context.Background(), g, acc, SingleCore{Search: mapper.Best}, Options{Workers: 1, Rules: r})
		if err != nil {
			t.Fatal(err)
		}
		c := table.At(0, 0)
		if !c.Feasible || len(c.Streamed) == 0 {
			t.Fatalf("%s: nothing is streamed: %+v", r.Name, c)
		}
		if r.StreamsNeedNoRoom {
			if c.Buffers != nil {
				t.Errorf("%s: buffers %v", r.Name, c.Buffers)
			}
			continue
		}
		use := map[int]unit.Bits{}
		for i, op := range g.Layers[0].Memory {
			if !slices.Contains(c.Streamed, op) {
				use[acc.Top(0, op)] += class.Need[i]
			}
		}
		for i, op := range c.Streamed {
			if c.Buffers[i] <= 0 {
				t.Errorf("%s: %v passes without room", r.Name, op)
			}
			use[acc.Top(0, op)] += c.Buffers[i]
		}
		for store, bits := range use {
			if size := acc.Stores[store].Capacity; bits > size {
				t.Errorf("memory %d of %d bits holds %d", store, size, bits)
			}
		}
	}
}

// TestLeaveRoom: a core's memory is smaller by what a node's blocks hold that the node
// does not read itself, but for what is streamed.
func TestLeaveRoom(t *testing.T) {
	acc, err := zoo.Load("tpu_like_quad_core")
	if err != nil {
		t.Fatal(err)
	}
	g := reduction(t, 64, 1, 0)
	layer, class := &g.Layers[0], g.Classes[0]
	class.Need = slices.Clone(class.Need)
	for i := range class.Need {
		class.Need[i] += 1000
	}
	core := acc.WithOffchip(0, hardware.I1)
	leaveRoom(core, []hardware.MemoryOperand{hardware.I1}, layer, &class)
	before := acc.Cores[0].Memories
	lost := unit.Bits(0)
	for i := range before {
		lost += before[i].Size - core.Memories[i].Size
	}
	if lost != 2000 {
		t.Errorf("%d bits less, want 1000 for each of O and I2", lost)
	}
}
