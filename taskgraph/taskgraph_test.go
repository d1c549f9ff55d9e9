package taskgraph

import (
	"slices"
	"testing"

	"streamdse/unit"
	"streamdse/workload"
)

func TestAdjacency(t *testing.T) {
	// Edges between the same nodes keep the order in which they are given.
	edges := []Edge{{2, 3, 1, 0, 5}, {0, 3, 2, 0, 7}, {0, 3, 1, 0, 9}, {0, 1, 0, 0, 0}, {1, 3, 1, 0, 1}}
	g := New(nil, make([]Node, 4), nil, edges)
	if got, want := slices.Collect(g.In(3)), []Edge{{0, 3, 2, 0, 7}, {0, 3, 1, 0, 9}, {1, 3, 1, 0, 1}, {2, 3, 1, 0, 5}}; !slices.Equal(got, want) {
		t.Errorf("into 3: %v, want %v", got, want)
	}
	if got, want := slices.Collect(g.Out(0)), []Edge{{0, 1, 0, 0, 0}, {0, 3, 2, 0, 7}, {0, 3, 1, 0, 9}}; !slices.Equal(got, want) {
		t.Errorf("out of 0: %v, want %v", got, want)
	}
	if g.OutDegree(3) != 0 || g.EdgeCount() != 5 {
		t.Errorf("out of 3: %v; all: %v", slices.Collect(g.Out(3)), slices.Collect(g.Edges()))
	}
}

// TestOperandBits checks how many elements of an input windows touch.
func TestOperandBits(t *testing.T) {
	for _, test := range []struct {
		stride, dilation, out, kernel, size int
		want                                int
	}{
		{1, 1, 2, 3, 100, 4}, // overlapping windows
		{2, 1, 4, 3, 100, 9},
		{3, 1, 4, 2, 100, 8}, // windows apart
		{2, 2, 4, 3, 100, 6}, // every other element
		{1, 2, 1, 3, 100, 3}, // one dilated window
		{1, 1, 8, 3, 7, 7},   // not more than there are
	} {
		l := &workload.Layer{
			Dims:      []workload.LoopDim{{Dim: "OY", Size: 50}, {Dim: "FY", Size: test.kernel}},
			Relations: []workload.Relation{{Index: "IY", A: "OY", B: "FY", CoefA: test.stride, CoefB: test.dilation, Size: test.size}},
			Operands: []workload.Operand{
				{Name: "O", Dims: []workload.Dim{"OY"}, Bits: 16, FinalBits: 8},
				{Name: "I", Dims: []workload.Dim{"IY"}, Bits: 8, FinalBits: 8},
			},
		}
		node := Node{Ranges: []Range{{10, 10 + int32(test.out)}, {0, int32(test.kernel)}}}
		g := New([]Layer{{Layer: l}}, []Node{node}, nil, nil)
		if got, want := g.OperandBits(0), []unit.Bits{unit.Bits(16 * test.out), unit.Bits(8 * test.want)}; !slices.Equal(got, want) {
			t.Errorf("%+v: %v bits, want %v", test, got, want)
		}
		if tile := g.Tile(0); tile.Size("OY") != test.out || tile.Relations[0].Size != test.size || l.Size("OY") != 50 {
			t.Errorf("%+v: tile %+v", test, tile)
		}
	}
}

// TestParts checks that Sub is the sum of what the parts add.
func TestParts(t *testing.T) {
	// OY is cut by 2 and by 3, K by 2 between them.
	l := Layer{
		Layer: &workload.Layer{Dims: []workload.LoopDim{{Dim: "K", Size: 2}, {Dim: "OY", Size: 6}}},
		Loops: []Loop{{Dim: 1, Parts: 2}, {Dim: 0, Parts: 2}, {Dim: 1, Parts: 3}},
		Cuts: []Cut{
			{Starts: []int32{0, 1, 2}, Offset: []int32{0, 2}},
			{Starts: []int32{0, 1, 2, 3, 4, 5, 6}, Offset: []int32{0, 1, 4, 5, 8, 9}},
		},
	}
	seen := map[[2]int32]bool{}
	for sub := range l.NodeCount() {
		var parts [2]int32
		l.Parts(sub, parts[:])
		if n := l.Cuts[0].Offset[parts[0]] + l.Cuts[1].Offset[parts[1]]; int(n) != sub {
			t.Errorf("node %d has parts %v, which make node %d", sub, parts, n)
		}
		seen[parts] = true
	}
	if len(seen) != 12 {
		t.Errorf("%d combinations, want 12", len(seen))
	}
}
