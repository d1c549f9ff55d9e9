package workload_test

import (
	"testing"

	"streamdse/workload"
)

func dims(names ...workload.Dim) []workload.Dim { return names }

// TestTotals sums up a convolution and an addition that reads its result.
func TestTotals(t *testing.T) {
	weights := workload.Source{Kind: workload.FromConstant, Tensor: "w"}
	conv := workload.Layer{
		Type: "Conv",
		Dims: []workload.LoopDim{{Dim: "K", Size: 4}, {Dim: "OX", Size: 5}, {Dim: "C", Size: 3}, {Dim: "FX", Size: 3}},
		Relations: []workload.Relation{
			{Index: "IX", A: "OX", B: "FX", CoefA: 2, CoefB: 1, PadBefore: 1},
		},
		Operands: []workload.Operand{
			{Name: "O", Dims: dims("K", "OX"), Bits: 16, FinalBits: 8},
			{Name: "W", Dims: dims("K", "C", "FX"), Bits: 4, FinalBits: 4, Source: weights},
			{Name: "I", Dims: dims("C", "IX"), Bits: 8, FinalBits: 8, Source: workload.Source{Kind: workload.FromInput, Tensor: "x"}},
		},
	}
	add := workload.Layer{
		Type: "Add",
		Dims: []workload.LoopDim{{Dim: "D", Size: 4}, {Dim: "K", Size: 5}},
		Operands: []workload.Operand{
			{Name: "O", Dims: dims("D", "K"), Bits: 16, FinalBits: 8},
			{Name: "I", Dims: dims("D", "K"), Bits: 8, FinalBits: 8, Source: workload.Source{Kind: workload.FromLayer}},
			{Name: "W", Bits: 8, FinalBits: 8, Source: workload.Source{Kind: workload.FromConstant}},
		},
	}
	again := conv // shares its weights
	w := workload.Workload{Layers: []workload.Layer{conv, add, again}}
	want := workload.Totals{
		Layers:      3,
		MACs:        2 * 4 * 5 * 3 * 3,
		Operations:  2*4*5*3*3 + 4*5,
		Weights:     4*3*3*4 + 8,
		Activations: 3 * 4 * 5 * 8,
	}
	if got := w.Totals(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestElements(t *testing.T) {
	l := workload.Layer{
		Dims:      []workload.LoopDim{{Dim: "OX", Size: 5}, {Dim: "FX", Size: 3}},
		Relations: []workload.Relation{{Index: "IX", A: "OX", B: "FX", CoefA: 2, CoefB: 1, PadBefore: 1}},
	}
	in := workload.Operand{Dims: dims("IX")}
	if got := l.Elements(&in); got != 2*4+1*2+1-1 {
		t.Errorf("an input that follows from its window has %d elements, want 10", got)
	}
	l.Relations[0].Size = 12 // the last columns are not read
	if got := l.Elements(&in); got != 12 {
		t.Errorf("an input of 12 columns has %d elements", got)
	}
	scalar := workload.Operand{}
	if got := l.Elements(&scalar); got != 1 {
		t.Errorf("an operand without dimensions has %d elements, want 1", got)
	}
}
