package cost

import (
	"slices"
	"testing"

	"streamdse/hardware"
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
