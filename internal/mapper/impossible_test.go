package mapper

import (
	"context"
	"strings"
	"testing"

	"streamdse/loopnest"
	"streamdse/loopnest/nesttest"
	"streamdse/mapping"
	"streamdse/workload"
)

// openProduct is a matrix product on the TPU-like core with the unrolling left
// open and the innermost loops given.
func openProduct(given ...workload.Dim) Problem {
	l := &workload.Layer{
		Name: "product", Dims: []workload.LoopDim{{Dim: "C", Size: 32}, {Dim: "D", Size: 4}, {Dim: "K", Size: 32}},
		Operands: []workload.Operand{
			{Name: "O", Dims: []workload.Dim{"D", "K"}, Bits: 16, FinalBits: 8},
			{Name: "I", Dims: []workload.Dim{"D", "C"}, Bits: 8, FinalBits: 8},
			{Name: "W", Dims: []workload.Dim{"C", "K"}, Bits: 8, FinalBits: 8},
		},
	}
	entry := &mapping.Entry{}
	for _, d := range given {
		entry.Temporal = append(entry.Temporal, mapping.TemporalLoop{Dim: d})
	}
	return Problem{Problem: loopnest.Problem{Layer: l, Core: nesttest.TPULike(), Links: nesttest.Links(l)}, Entry: entry}
}

// TestImpossibleUnrolling: the unrolling that ranks first leaves two loop factors,
// fewer than the given order has, and yet the search goes on with the others.
func TestImpossibleUnrolling(t *testing.T) {
	options := DefaultOptions()
	options.MaxSpatial = 30
	r, err := Search(context.Background(), openProduct("D", "D", "C"), options)
	if err != nil {
		t.Fatal(err)
	}
	if r.Rank == 0 || len(r.Order) < 3 || r.Order[2].Dim != "C" {
		t.Errorf("unrolling number %d, order %v", r.Rank, r.Order)
	}
}

// TestNoUnrollingLeft: if none is possible, the error says why the first is not.
func TestNoUnrollingLeft(t *testing.T) {
	options := DefaultOptions()
	options.MaxSpatial = 1
	for _, c := range []struct {
		given []workload.Dim
		want  string
	}{
		{[]workload.Dim{"D", "D", "C"}, "the given loop order has 3 entries, but only 2 loop factors are left to order"},
		{[]workload.Dim{"C", "D"}, "layer product: no order of the loop factors that are left agrees with the given loop order"},
	} {
		if _, err := Search(context.Background(), openProduct(c.given...), options); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("order %v: %v, want %q", c.given, err, c.want)
		}
	}
}
