package connect

import (
	"testing"

	"pgregory.net/rapid"

	"streamdse/internal/split"
	"streamdse/mapping"
	"streamdse/rules"
	"streamdse/taskgraph"
	"streamdse/workload"
)

func build(t rapid.TB, w *workload.Workload, m *mapping.Mapping, stacks split.Stacks, r rules.Rules) *taskgraph.Graph {
	tiled, _, err := split.Nodes(w, m, stacks, r)
	if err != nil {
		t.Fatal(err)
	}
	g, err := Graph(tiled, r)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func BenchmarkResNet18(b *testing.B) {
	for _, r := range []rules.Rules{rules.Default(), rules.Reference2024()} {
		b.Run(r.Name, func(b *testing.B) {
			w, m := resnet(b, r)
			stacks := fused(b, w)
			b.ReportAllocs()
			for b.Loop() {
				build(b, w, m, stacks, r)
			}
		})
	}
}

// chain is a row of equal convolutions over images of size x size, cut into
// tiles of one element along both axes of the image.
func chain(layers, size int) (*workload.Workload, *mapping.Mapping) {
	w := &workload.Workload{}
	window := func(index, out, kernel workload.Dim) workload.Relation {
		return workload.Relation{Index: index, A: out, B: kernel, CoefA: 1, CoefB: 1, PadBefore: 1, PadAfter: 1, Size: size}
	}
	for i := range layers {
		source := workload.Source{Kind: workload.FromInput}
		if i > 0 {
			source = workload.Source{Kind: workload.FromLayer, Layer: i - 1}
		}
		w.Layers = append(w.Layers, workload.Layer{
			ID: i, Type: "Conv",
			Dims: []workload.LoopDim{{Dim: "B", Size: 1}, {Dim: "K", Size: 8}, {Dim: "G", Size: 1}, {Dim: "OX", Size: size},
				{Dim: "OY", Size: size}, {Dim: "C", Size: 8}, {Dim: "FX", Size: 3}, {Dim: "FY", Size: 3}},
			Relations: []workload.Relation{window("IX", "OX", "FX"), window("IY", "OY", "FY")},
			Operands: []workload.Operand{
				output([]int{1, 3, 4, 5}, "B", "G", "K", "OY", "OX"),
				input("W", weights, []int{2, 3, 4, 5}, "G", "K", "C", "FY", "FX"),
				input("I", source, []int{1, 3, 4, 5}, "B", "G", "C", "IY", "IX"),
			},
			OutputShape: []int{1, 8, size, size},
		})
	}
	return w, &mapping.Mapping{Entries: []mapping.Entry{{Name: "default", Cores: []int{0, 1},
		Intra: []mapping.Tiling{{Dim: "OX", Parts: mapping.All}, {Dim: "OY", Parts: mapping.All}}}}}
}

func BenchmarkLargeGraph(b *testing.B) {
	for _, test := range []struct {
		name string
		size int
	}{{"100k nodes", 100}, {"1M nodes", 316}} {
		w, m := chain(10, test.size)
		stacks := split.Stacks{indices(10)}
		b.Run(test.name, func(b *testing.B) {
			b.ReportAllocs()
			var g *taskgraph.Graph
			for b.Loop() {
				g = build(b, w, m, stacks, rules.Default())
			}
			b.ReportMetric(float64(len(g.Nodes)), "nodes")
			b.ReportMetric(float64(g.EdgeCount()), "edges")
		})
	}
}
