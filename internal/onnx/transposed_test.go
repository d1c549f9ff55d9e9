package onnx_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"streamdse/internal/onnx"
	"streamdse/workload"
)

// TestTransposedPositions compares the layers of a transposed convolution over one
// axis with its definition: output o sees kernel position f if the stride divides
// o+before-f, and then input (o+before-f)/stride.
func TestTransposedPositions(t *testing.T) {
	outer := t
	rapid.Check(t, func(t *rapid.T) {
		n, k := rapid.IntRange(1, 6).Draw(t, "size"), rapid.IntRange(1, 7).Draw(t, "kernel")
		s := rapid.IntRange(1, 4).Draw(t, "stride")
		before, after := rapid.IntRange(0, k-1).Draw(t, "before"), rapid.IntRange(0, k-1).Draw(t, "after")
		more := rapid.IntRange(0, s-1).Draw(t, "more")
		out := s*(n-1) + more + k - before - after
		if out < 1 {
			t.Skip("empty")
		}
		w, err := onnx.Workload(parse(outer, fmt.Sprintf(`
			input x 1x2x%d
			init w 2x3x%d
			c: y = ConvTranspose(x, w) strides=%d, pads=%d,%d output_padding=%d,
			r: z = Relu(y)
			output z`, n, k, s, before, after, more)), onnx.Options{})
		if err != nil {
			t.Fatal(err)
		}
		pairs := 0
		for o := range (out + s - 1) / s * s { // whole steps are computed
			for f := range k {
				if (o+before-f)%s == 0 {
					pairs++
				}
			}
		}
		var macs, weights int64
		for i := range w.Layers[:len(w.Layers)-1] {
			l := &w.Layers[i]
			macs += l.MACs()
			weights += l.Elements(&l.Operands[1])
			checkPositions(t, l, s, k, before)
		}
		if macs != int64(6*pairs) || weights != int64(6*k) {
			t.Errorf("%d multiplications, %d weights, want %d, %d\n%s", macs, weights, 6*pairs, 6*k, describe(w))
		}
	})
}

// checkPositions checks that the relation of a layer covers, for every step of the
// output, just the input positions that its phases see.
func checkPositions(t *rapid.T, l *workload.Layer, s, k, before int) {
	r := l.Relation("IX")
	first := 0
	if l.Part != "" {
		fmt.Sscanf(l.Part, "PX%d", &first)
	}
	for q := range l.Size("OX") {
		lo, hi := 1<<30, -1<<30
		for o := s * q; o < s*q+s; o++ {
			phase := (o + before) % s
			if l.Part != "" && (phase < first || phase >= first+l.Size("PX")) {
				continue
			}
			for f := range k {
				if d := o + before - f; d%s == 0 {
					lo, hi = min(lo, d/s), max(hi, d/s)
				}
			}
		}
		if lo > hi {
			continue // only phases without a kernel position
		}
		if got := [2]int{r.At(q, 0), r.Last(q, l.Size("FX")-1)}; got != [2]int{lo, hi} {
			t.Errorf("stride %d kernel %d before %d, step %d of %s reads %v, want [%d %d]", s, k, before, q, l.Name, got, lo, hi)
		}
	}
}
