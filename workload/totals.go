package workload

import (
	"strings"

	"streamdse/unit"
)

// Elements is the number of elements of operand o's whole tensor; of an index
// dimension, the positions that lie in the real tensor count.
func (l *Layer) Elements(o *Operand) int64 {
	n := int64(1)
	for _, d := range o.Dims {
		n *= int64(l.IndexSize(d))
	}
	return n
}

// Totals sums up a network.
type Totals struct {
	Layers      int
	MACs        int64     // multiplications of convolutions and matrix products
	Operations  int64     // of all loop nests
	Weights     unit.Bits // constants, each tensor once
	Activations unit.Bits // finished outputs of all layers
}

// Totals sums up the layers.
func (w *Workload) Totals() Totals {
	t := Totals{Layers: len(w.Layers)}
	counted := map[string]bool{} // constants may be shared by layers
	for i := range w.Layers {
		l := &w.Layers[i]
		t.Operations += l.MACs()
		if l.multiplies() {
			t.MACs += l.MACs()
		}
		for j := range l.Operands {
			o := &l.Operands[j]
			size := unit.Bits(l.Elements(o)) * o.FinalBits
			switch {
			case o.Source.Kind == FromNone:
				t.Activations += size
			case o.Source.Kind == FromConstant && !counted[o.Source.Tensor]:
				counted[o.Source.Tensor] = o.Source.Tensor != ""
				t.Weights += size
			}
			for _, part := range o.Source.Parts {
				if part.Kind != FromConstant || counted[part.Tensor] {
					continue
				}
				counted[part.Tensor] = part.Tensor != ""
				size := o.FinalBits
				for _, d := range part.Shape {
					size *= unit.Bits(d)
				}
				t.Weights += size
			}
		}
	}
	return t
}

// multiplies tells whether the layer is a convolution or a matrix product of any
// kind: QLinearConv, ConvTranspose, QGemm, Conv_downsample of a YAML file.
func (l *Layer) multiplies() bool {
	for _, kind := range []string{"Conv", "Gemm", "MatMul", "Einsum"} {
		if strings.Contains(l.Type, kind) {
			return true
		}
	}
	return false
}
