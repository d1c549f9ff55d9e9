package onnx

import (
	"cmp"
	"fmt"
	"slices"

	"streamdse/workload"
)

// The functions of this file turn one operator each into layers or movements. An
// equation in a comment gives the operands in their order.

// lowerConv: O[b][g k][oy][ox] += W[g k][c][fy][fx] * I[b][g c][iy][ix], where two
// dimensions in one bracket share an axis of the tensor.
func lowerConv(l *lowering, p *part) error {
	x, k, group := p.in[0].shape, p.in[1].shape, p.Int("group", 1)
	if len(x) != 4 {
		return fmt.Errorf("convolutions over %d spatial dimensions are not supported, only over 2", len(x)-2)
	}
	if err := constantBias(p, 2); err != nil {
		return err
	}
	w, err := p.convWindow()
	if err != nil {
		return err
	}
	weights := operand("W", ax("G", "K"), ax("C"), ax("FY"), ax("FX"))
	if l.Rules.GroupedWeightsLackK {
		filter := workload.Dim("K")
		if group > 1 {
			filter = "G"
		}
		weights = operand("W", ax(filter), ax("C"), ax("FY"), ax("FX"))
	}
	pr := l.Precision
	return l.layer(workload.Layer{
		ID: p.id, Name: p.name, Type: p.OpType,
		Dims: loops(loop("B", x[0]), loop("K", k[0]/group), loop("G", group), loop("OX", w.out[1]), loop("OY", w.out[0]),
			loop("C", k[1]), loop("FX", w.kernel[1]), loop("FY", w.kernel[0])),
		Relations: w.relations(x[2:]),
		Operands: []workload.Operand{
			pr.output(operand("O", ax("B"), ax("G", "K"), ax("OY"), ax("OX"))),
			pr.input(weights, p.source[1], pr.either(p.source[1])),
			pr.input(operand("I", ax("B"), ax("G", "C"), ax("IY"), ax("IX")), p.source[0], pr.Activation),
		},
	}, p.Outputs[0], p.shape)
}

// relations ties input columns and rows to those of output and kernel.
func (w *window) relations(spatial []int64) []workload.Relation {
	relation := func(index, a, b workload.Dim, i int) workload.Relation {
		return workload.Relation{Index: index, A: a, B: b, CoefA: int(w.stride[i]), CoefB: int(w.dilation[i]),
			PadBefore: int(w.before[i]), PadAfter: int(w.after[i]), Size: int(spatial[i])}
	}
	return []workload.Relation{relation("IX", "OX", "FX", 1), relation("IY", "OY", "FY", 0)}
}

// lowerPool: O[b][k][oy][ox] += W[fy][fx] * I[b][k][iy][ix], where W has no bits.
func lowerPool(l *lowering, p *part) error {
	x := p.in[0].shape
	if len(x) != 4 {
		return fmt.Errorf("pooling over %d spatial dimensions is not supported, only over 2", len(x)-2)
	}
	w, err := p.poolWindow()
	if err != nil {
		return err
	}
	dims := loops(loop("B", x[0]), loop("K", x[1]), loop("OX", w.out[1]), loop("OY", w.out[0]))
	if l.Rules.PoolingRepeatsChannels {
		dims = append(dims, loop("C", x[1]))
	}
	pr := l.Precision
	out := operand("O", ax("B"), ax("K"), ax("OY"), ax("OX"))
	out.Bits, out.FinalBits = pr.Activation, pr.Activation // nothing is accumulated in more bits
	return l.layer(workload.Layer{
		ID: p.id, Name: p.name, Type: p.OpType,
		Dims:      append(dims, loop("FX", w.kernel[1]), loop("FY", w.kernel[0])),
		Relations: w.relations(x[2:]),
		Operands: []workload.Operand{
			out,
			pr.input(operand("W", ax("FY"), ax("FX")), origin{Source: workload.Source{Kind: workload.FromConstant}}, 0),
			pr.input(operand("I", ax("B"), ax("K"), ax("IY"), ax("IX")), p.source[0], pr.Activation),
		},
	}, p.Outputs[0], p.shape)
}

// lowerGemm: O[d][k] += I[d][c] * W[c][k]. A constant operand is laid out as the
// equation has it, a computed one as its producer wrote it.
func lowerGemm(l *lowering, p *part) error {
	a, b := p.in[0].shape, p.in[1].shape
	if err := constantBias(p, 2); err != nil {
		return err
	}
	d, c, k := a[0], a[1], b[1]
	in, weights := operand("I", ax("D"), ax("C")), operand("W", ax("C"), ax("K"))
	if p.Int("transA", 0) != 0 {
		d, c = c, d
		if p.source[0].Kind != workload.FromConstant {
			in = operand("I", ax("C"), ax("D"))
		}
	}
	if p.Int("transB", 0) != 0 {
		k = b[0]
		if p.source[1].Kind != workload.FromConstant {
			weights = operand("W", ax("K"), ax("C"))
		}
	}
	return l.product(p, loops(loop("C", c), loop("D", d), loop("K", k)), operand("O", ax("D"), ax("K")), in, weights)
}

// lowerMatMul: O[b][h][d][k] += I[b][h][d][c] * W[b][h][c][k], without the batch
// axes that a tensor lacks or whose single element is broadcast.
func lowerMatMul(l *lowering, p *part) error {
	a, b := p.in[0].shape, p.in[1].shape
	d, k := int64(1), int64(1)
	var rows, cols [][]workload.Dim // a vector has no axis for them
	if len(a) > 1 {
		d, rows = a[len(a)-2], [][]workload.Dim{ax("D")}
	}
	if len(b) > 1 {
		k, cols = b[len(b)-1], [][]workload.Dim{ax("K")}
	}
	batch := p.shape[:len(p.shape)-len(rows)-len(cols)]
	if len(batch) > 2 {
		return fmt.Errorf("matrix products with %d batch dimensions are not supported, at most 2 are", len(batch))
	}
	names := []workload.Dim{"B", "H"}[:len(batch)]
	dims := loops(loop("C", a[len(a)-1]), loop("D", d), loop("K", k))
	out := make([][]workload.Dim, len(batch))
	for i, n := range names {
		dims = append(dims, loop(n, batch[i]))
		out[i] = ax(n)
	}
	in := append(stretched(names, batch, a[:max(0, len(a)-2)]), append(rows, ax("C"))...)
	weights := append(stretched(names, batch, b[:max(0, len(b)-2)]), append(cons(ax("C")), cols...)...)
	return l.product(p, dims, operand("O", append(append(out, rows...), cols...)...), operand("I", in...), operand("W", weights...))
}

func cons(axis []workload.Dim) [][]workload.Dim { return [][]workload.Dim{axis} }

// stretched names the axes of a tensor that is broadcast to the given shape: its
// last axes are the shape's, and one of size 1 that is stretched has no dimension.
func stretched(names []workload.Dim, to, shape []int64) [][]workload.Dim {
	axes := make([][]workload.Dim, len(shape))
	skip := len(to) - len(shape)
	for i, d := range shape {
		if d == to[skip+i] {
			axes[i] = ax(names[skip+i])
		}
	}
	return axes
}

// product adds a matrix product; its attributes may set precisions of its own.
func (l *lowering) product(p *part, dims []workload.LoopDim, out, in, weights workload.Operand) error {
	pr := l.Precision
	for _, a := range []struct {
		name string
		bits *int64
	}{{"weight_size", (*int64)(&pr.Weight)}, {"act_size", (*int64)(&pr.Activation)}, {"output_size", (*int64)(&pr.Partial)}} {
		v := p.Int(a.name, *a.bits)
		if v < 0 || v > 1024 {
			return fmt.Errorf("%s is %d bits", a.name, v)
		}
		*a.bits = v
	}
	return l.layer(workload.Layer{
		ID: p.id, Name: p.name, Type: p.OpType, Dims: dims,
		Operands: []workload.Operand{
			pr.output(out),
			pr.input(in, p.source[0], pr.Activation),
			pr.input(weights, p.source[1], pr.either(p.source[1])),
		},
	}, p.Outputs[0], p.shape)
}

// elementDims are the loop dimensions of an element-wise layer: one for each axis,
// B, H, D, K from the innermost; a scalar has one of size 1.
func elementDims(shape []int64) ([]workload.LoopDim, []workload.Dim, error) {
	all := []workload.Dim{"B", "H", "D", "K"}
	var names []workload.Dim
	switch rank := len(shape); rank {
	case 0:
		return loops(loop("K", 1)), nil, nil
	case 1, 2:
		names = all[4-rank:]
	case 3:
		names = []workload.Dim{"B", "D", "K"}
	case 4:
		names = all
	default:
		return nil, nil, fmt.Errorf("tensors of rank %d are not supported here, at most 4 is", rank)
	}
	dims := make([]workload.LoopDim, len(shape))
	for i, n := range names {
		dims[i] = loop(n, shape[i])
	}
	return dims, names, nil
}

// lowerUnary: O[..] += I[..] * W[].
func lowerUnary(l *lowering, p *part) error {
	dims, names, err := elementDims(p.shape)
	if err != nil {
		return err
	}
	axes := stretched(names, p.shape, p.shape)
	return l.layer(workload.Layer{
		ID: p.id, Name: p.name, Type: p.OpType, Dims: dims,
		Operands: []workload.Operand{
			l.Precision.output(operand("O", axes...)),
			l.Precision.input(operand("I", axes...), p.source[0], l.Precision.Activation),
			l.noWeights(),
		},
	}, p.Outputs[0], p.shape)
}

// lowerActivation folds an activation into the layer before it, where asked for
// and possible; it is a layer of its own otherwise.
func lowerActivation(l *lowering, p *part) error {
	for i, o := range p.source[1:] {
		if !p.in[i+1].absent && o.Kind != workload.FromConstant {
			return fmt.Errorf("its parameter %q is not a constant", p.Inputs[i+1])
		}
	}
	if l.FoldActivations && l.foldable(p) {
		l.fold(p, false)
		return nil
	}
	return lowerUnary(l, p)
}

// lowerBinary: O[..] += I[..] * W[..]. The first input is W and the second I,
// unless only the first has the shape of the output or only the second is a constant.
func lowerBinary(l *lowering, p *part) error {
	if len(p.in) != 2 {
		return fmt.Errorf("it has %d inputs, only 2 are supported", len(p.in))
	}
	dims, names, err := elementDims(p.shape)
	if err != nil {
		return err
	}
	w, i := 0, 1
	full := func(k int) bool { return elements(p.in[k].shape) == elements(p.shape) }
	constant := func(k int) bool { return p.source[k].Kind == workload.FromConstant }
	if constant(1) && !constant(0) || constant(0) == constant(1) && full(0) && !full(1) {
		w, i = 1, 0
	}
	pr := l.Precision
	shaped := func(name string, k int) workload.Operand {
		return pr.input(operand(name, stretched(names, p.shape, p.in[k].shape)...), p.source[k], pr.either(p.source[k]))
	}
	return l.layer(workload.Layer{
		ID: p.id, Name: p.name, Type: p.OpType, Dims: dims,
		Operands: []workload.Operand{
			pr.output(operand("O", stretched(names, p.shape, p.shape)...)),
			shaped("I", i),
			shaped("W", w),
		},
	}, p.Outputs[0], p.shape)
}

// lowerBatchNorm folds a normalisation into the linear layer before it, whose
// weights can absorb it. Otherwise it is O[..] += I[..] * W[channel], where W
// holds a factor and an offset a channel.
func lowerBatchNorm(l *lowering, p *part) error {
	o := p.source[0]
	if l.foldable(p) && o.linear && len(o.Via) == 0 {
		switch l.out.Layers[o.Layer].Type {
		case "Conv", "Gemm", "MatMul":
			l.fold(p, true)
			return nil
		}
	}
	dims, names, err := elementDims(p.shape)
	if err != nil {
		return err
	}
	axes := stretched(names, p.shape, p.shape)
	pr := l.Precision
	return l.layer(workload.Layer{
		ID: p.id, Name: p.name, Type: p.OpType, Dims: dims,
		Operands: []workload.Operand{
			pr.output(operand("O", axes...)),
			pr.input(operand("I", axes...), o, pr.Activation),
			pr.input(operand("W", axes[1]), p.source[1], 2*pr.Weight),
		},
	}, p.Outputs[0], p.shape)
}

// lowerSoftmax makes four layers over rows of length C: the maximum of a row, the
// exponential of each element less the maximum, their sum, and the quotient.
//
//	max: O[b][h][k] += I[b][h][k][c] * W[]         exp: O[b][h][k][c] += I[b][h][k][c] * W[b][h][k]
//	sum: O[b][h][k] += I[b][h][k][c] * W[]         div: O[b][h][k][c] += I[b][h][k][c] * W[b][h][k]
func lowerSoftmax(l *lowering, p *part) error {
	row, err := softmaxAxis(p.call)
	if err != nil {
		return err
	}
	shape := p.shape
	if len(shape) > 4 {
		return fmt.Errorf("tensors of rank %d are not supported here, at most 4 is", len(shape))
	}
	names := []workload.Dim{"B", "H", "K"}
	switch len(shape) {
	case 3:
		names = []workload.Dim{"B", "K"}
	case 1, 2:
		names = []workload.Dim{"K"}
	}
	var dims []workload.LoopDim
	var full, reduced [][]workload.Dim
	var reducedShape []int64
	for i, d := range shape {
		if i == row {
			full = append(full, ax("C"))
			continue
		}
		n := names[len(dims)]
		dims = append(dims, loop(n, d))
		full, reduced, reducedShape = append(full, ax(n)), append(reduced, ax(n)), append(reducedShape, d)
	}
	if len(shape) == 1 { // a single row
		dims, full, reduced, reducedShape = loops(loop("K", 1)), cons(ax("K", "C")), cons(ax("K")), []int64{1}
	}
	dims = append(dims, loop("C", shape[row]))
	pr, tensor := l.Precision, p.Outputs[0]
	step := func(id int, kind string, rows bool, in origin, w workload.Operand) (origin, error) {
		axes, size, name := reduced, reducedShape, tensor+"-"+kind
		if rows {
			axes, size = full, shape
		}
		if kind == "div" {
			name = tensor
		}
		err := l.layer(workload.Layer{
			ID: p.id + id, Name: p.name + "-" + kind + "/", Type: p.OpType, Part: kind, Dims: slices.Clone(dims),
			Operands: []workload.Operand{
				pr.output(operand("O", axes...)),
				pr.input(operand("I", full...), in, pr.Activation),
				w,
			},
		}, name, size)
		return l.origins[name], err
	}
	perRow := func(from origin) workload.Operand {
		return pr.input(operand("W", reduced...), from, pr.Activation)
	}
	maximum, err1 := step(0, "max", false, p.source[0], l.noWeights())
	exponential, err2 := step(1, "exp", true, p.source[0], perRow(maximum))
	sum, err3 := step(2, "sum", false, exponential, l.noWeights())
	_, err4 := step(3, "div", true, exponential, perRow(sum))
	return cmp.Or(err1, err2, err3, err4)
}

func lowerReshape(l *lowering, p *part) error {
	for i, o := range p.source[1:] {
		if !p.in[i+1].absent && o.Kind != workload.FromConstant {
			return fmt.Errorf("its parameter %q is not a constant", p.Inputs[i+1])
		}
	}
	l.move(p, workload.Movement{Kind: workload.Reshape})
	return nil
}

func lowerTranspose(l *lowering, p *part) error {
	perm, err := permutation(p.call)
	if err != nil {
		return err
	}
	l.move(p, workload.Movement{Kind: workload.Transpose, Perm: perm})
	return nil
}

func lowerTransparent(l *lowering, p *part) error {
	l.move(p, workload.Movement{Kind: workload.Transparent})
	return nil
}
