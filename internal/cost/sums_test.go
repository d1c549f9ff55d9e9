package cost

import (
	"context"
	"testing"

	"streamdse/hardware"
	"streamdse/hardware/zoo"
	"streamdse/internal/connect/connecttest"
	"streamdse/internal/split"
	"streamdse/mapping"
	"streamdse/rules"
	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/unit"
	"streamdse/workload"
)

// fixed estimates everything the same, and notes the precision of the results.
type fixed struct{ results map[int]unit.Bits } // by C

func (f fixed) Estimate(_ context.Context, t Tile) (*Estimate, error) {
	f.results[t.Layer.Size("C")] = t.Layer.Operands[0].FinalBits
	return &Estimate{Compute: 100, Energy: 1000, Top: make([]TopLevel, len(t.Layer.Operands))}, nil
}

// reduction is a matrix product of 64 x C by C x 64, cut along C.
func reduction(t testing.TB, c, parts int, cores ...int) *taskgraph.Graph {
	t.Helper()
	l := workload.Layer{
		Name: "product", Type: "Gemm",
		Dims: []workload.LoopDim{{Dim: "D", Size: 64}, {Dim: "C", Size: c}, {Dim: "K", Size: 64}},
		Operands: []workload.Operand{
			{Name: "O", Dims: []workload.Dim{"D", "K"}, Axes: []int{1, 2}, Bits: 16, FinalBits: 8},
			{Name: "I", Dims: []workload.Dim{"D", "C"}, Axes: []int{1, 2}, Bits: 8, FinalBits: 8, Source: workload.Source{Kind: workload.FromInput}},
			{Name: "W", Dims: []workload.Dim{"C", "K"}, Axes: []int{1, 2}, Bits: 8, FinalBits: 8, Source: workload.Source{Kind: workload.FromConstant}},
		},
		OutputShape: []int{64, 64},
	}
	m := &mapping.Mapping{Entries: []mapping.Entry{{Name: "default", Cores: cores, Inter: []mapping.Tiling{{Dim: "C", Parts: parts}}}}}
	w := &workload.Workload{Layers: []workload.Layer{l}, Outputs: []int{0}}
	return connecttest.Graph(t, w, m, split.LayerByLayer(w), rules.Default())
}

// TestPartialSums: three parts of a reduction of 10. The node of the last part adds
// to the sums of the two others, 2 x 64 x 64 x 16 bits, which it reads from the 2 MB
// memory of its core. The others leave partial sums, at the precision of those.
func TestPartialSums(t *testing.T) {
	acc, err := zoo.Load("tpu_like_quad_core")
	if err != nil {
		t.Fatal(err)
	}
	g := reduction(t, 10, 3, 0, 1) // 4 3 3
	if len(g.Classes) != 3 {
		t.Fatalf("%d classes of nodes, want 3: the second and the third part differ in what they add to", len(g.Classes))
	}
	f := fixed{map[int]unit.Bits{}}
	table, err := Table(context.Background(), g, acc, f, Options{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	const sums = 2 * 64 * 64 * 16
	store := &acc.Stores[acc.Top(0, hardware.O)]
	accesses := unit.TransferCycles(sums, store.ReadBandwidth)
	if accesses != 64 {
		t.Fatalf("reading %d bits takes %d accesses", sums, accesses)
	}
	for n, want := range []schedule.NodeCost{
		{Feasible: true, Runtime: 100, Onchip: 1000},
		{Feasible: true, Runtime: 100, Onchip: 1000},
		{Feasible: true, Runtime: 100 + accesses, Onchip: 1000 + unit.Picojoules(accesses)*store.Memory.ReadCost},
	} {
		got := table.At(g.Nodes[n].Class, 0)
		if got.Runtime != want.Runtime || got.Onchip != want.Onchip || got.Offchip != 0 {
			t.Errorf("part %d costs %+v, want %+v", n, *got, want)
		}
	}
	if class := g.Classes[g.Nodes[2].Class]; class.Sums != sums || class.Need[0] != 64*64*16+sums {
		t.Errorf("the last part adds to %d bits and needs room for %d", class.Sums, class.Need[0])
	}
	if f.results[4] != 16 {
		t.Errorf("the first part leaves results of %d bits, want 16", f.results[4])
	}
}

// TestStreamedSums: where the output does not stay in the core, the partial sums
// come from off-chip memory.
func TestStreamedSums(t *testing.T) {
	acc, err := zoo.Load("tpu_like_quad_core")
	if err != nil {
		t.Fatal(err)
	}
	cost := schedule.NodeCost{Runtime: 100, Streamed: []hardware.MemoryOperand{hardware.O}}
	addSums(&cost, acc, 0, hardware.O, 6400)
	store := &acc.Stores[acc.Top(acc.Offchip, hardware.O)]
	accesses := unit.TransferCycles(6400, store.ReadBandwidth)
	if cost.Runtime != 100+accesses || cost.Onchip != 0 || cost.Offchip != unit.Picojoules(accesses)*store.Memory.ReadCost {
		t.Errorf("%+v, want %d accesses off-chip", cost, accesses)
	}
}
