package onnx

import (
	"errors"
	"fmt"
	"slices"

	"streamdse/workload"
)

func inferBatchNorm(c *call) ([]tensor, error) {
	x := c.in[0].shape
	if len(x) < 2 {
		return nil, fmt.Errorf("its input %s has no channels", shapeString(x))
	}
	for i, what := range []string{"scale", "bias", "mean", "variance"} {
		if s := c.in[i+1].shape; len(s) != 1 || s[0] != x[1] {
			return nil, fmt.Errorf("its %s has shape %s, its input %d channels", what, shapeString(s), x[1])
		}
	}
	out := one(x...)
	for range max(0, len(c.Outputs)-1) { // statistics
		out = append(out, one(x[1])...)
	}
	return out, nil
}

// lowerBatchNorm folds a normalisation into the linear layer before it, whose
// weights can absorb it. Otherwise it is O[..] += I[..] * W[channel], where W
// holds a factor and an offset a channel.
func lowerBatchNorm(l *lowering, p *part) error {
	o := p.source[0]
	if l.foldable(p) && o.linear && len(o.Via) == 0 {
		switch l.out.Layers[o.Layer].Type {
		case "Conv", "ConvTranspose", "Gemm", "MatMul":
			l.fold(p, true)
			return nil
		}
	}
	dims, names := elementDims(p.shape)
	axes := stretched(names, p.shape, p.shape)
	return l.result(p, nest{
		dims: dims, out: axes, shape: p.shape,
		ins: []reading{reads("I", p.value(0), axes...), reads("W", p.value(1), axes[1]).times(2)},
	})
}

// normal is a normalisation of rows: by mean and variance, or by the mean of the
// squares alone.
type normal struct {
	prefix   string
	rows     rows
	centered bool
	scale    *val             // factor for each element, nil for none
	offset   bool             // there is an offset beside the factor
	axes     [][]workload.Dim // of the factor
}

// normalise makes a layer of each of: the mean of a row, the difference to it, the
// variance, the quotient, and the product with the factor.
//
//	mean: O[b][k] += I[b][k][c] * W[]      center: O[b][k][c] += I[b][k][c] * W[b][k]
//	var:  O[b][k] += I[b][k][c] * W[]      norm:   O[b][k][c] += I[b][k][c] * W[b][k]
//	scale: O[b][k][c] += I[b][k][c] * W[c]
func (l *lowering) normalise(p *part, x val, n normal) (val, error) {
	r := n.rows
	square := "square"
	if n.centered {
		mean, err := l.step(p, r, n.prefix+"mean", true, x, l.noWeights())
		if err != nil {
			return x, err
		}
		if x, err = l.step(p, r, n.prefix+"center", false, x, r.each(mean)); err != nil {
			return x, err
		}
		square = "var"
	}
	variance, err := l.step(p, r, n.prefix+square, true, x, l.noWeights())
	if err != nil {
		return x, err
	}
	if x, err = l.step(p, r, n.prefix+"norm", false, x, r.each(variance)); err != nil || n.scale == nil {
		return x, err
	}
	w := reads("W", *n.scale, n.axes...)
	if n.offset && n.scale.Kind == workload.FromConstant {
		w = w.times(2)
	}
	return l.step(p, r, n.prefix+"scale", false, x, w)
}

// layerAxes are the axes that a LayerNormalization normalises together.
func (c *call) layerAxes() (int, error) {
	return axis(c.Int("axis", -1), len(c.in[0].shape))
}

func inferLayerNorm(c *call) ([]tensor, error) {
	a, err := c.layerAxes()
	if err != nil {
		return nil, err
	}
	x := c.in[0].shape
	if s := c.input(1); !s.absent {
		if b, err := broadcast(x, s.shape); err != nil || !slices.Equal(b, x) {
			return nil, fmt.Errorf("its scale %s does not fit %s", shapeString(s.shape), shapeString(x))
		}
	}
	out := one(x...)
	statistics := slices.Clone(x)
	for i := a; i < len(x); i++ {
		statistics[i] = 1
	}
	for range max(0, len(c.Outputs)-1) {
		out = append(out, tensor{known: true, typ: Float32, shape: statistics})
	}
	return out, nil
}

// layerNorm normalises the axes of x from a on, with factor and offset in inputs
// scale and bias of the node.
func (l *lowering) layerNorm(p *part, x val, a, scale, bias int, centered bool) (val, error) {
	n := normal{rows: rowsOf(x.shape, trailing(len(x.shape), a)), centered: centered}
	if p.has(scale) {
		s := p.value(scale)
		n.scale, n.offset = &s, bias > 0 && p.has(bias)
		skip := len(x.shape) - len(s.shape)
		for i, d := range s.shape {
			axis := n.rows.full[skip+i]
			if d != x.shape[skip+i] {
				axis = nil
			}
			n.axes = append(n.axes, axis)
		}
	}
	return l.normalise(p, x, n)
}

func lowerLayerNorm(centered bool) func(*lowering, *part) error {
	return func(l *lowering, p *part) error {
		a, err := p.layerAxes()
		if err != nil {
			return err
		}
		v, err := l.layerNorm(p, p.value(0), a, 1, 2, centered)
		if err == nil {
			l.bind(p, 0, v)
		}
		return err
	}
}

// inferSkipNorm is for a sum that is normalised; output 3 is the sum.
func inferSkipNorm(c *call) ([]tensor, error) {
	x := c.in[0].shape
	if len(x) == 0 || !slices.Equal(x, c.in[1].shape) {
		if s, err := broadcast(x, c.in[1].shape); err != nil || !slices.Equal(s, x) || len(x) == 0 {
			return nil, fmt.Errorf("its inputs are %s and %s", shapeString(x), shapeString(c.in[1].shape))
		}
	}
	statistics := append(slices.Clone(x[:len(x)-1]), 1)
	out := []tensor{{known: true, typ: c.in[0].typ, shape: x}, {known: true, typ: Float32, shape: statistics},
		{known: true, typ: Float32, shape: statistics}, {known: true, typ: c.in[0].typ, shape: x}}
	return out[:max(1, len(c.Outputs))], nil
}

func lowerSkipNorm(centered bool) func(*lowering, *part) error {
	return func(l *lowering, p *part) error {
		bias := 3
		if centered {
			bias = 4
		}
		if err := p.constantBias(bias); err != nil {
			return err
		}
		sum, err := l.binary(p, "add", "Add", p.value(0), p.value(1))
		if err != nil {
			return err
		}
		offset := 0
		if centered {
			offset = 3
		}
		v, err := l.layerNorm(p, sum, len(sum.shape)-1, 2, offset, centered)
		if err == nil {
			l.bind(p, 0, v)
			l.bind(p, 3, sum)
		}
		return err
	}
}

// inferChannels is for operators that leave shapes as they are and need channels.
func inferChannels(c *call) ([]tensor, error) {
	if len(c.in[0].shape) < 3 && c.OpType != "LRN" || len(c.in[0].shape) < 2 {
		return nil, fmt.Errorf("its input %s has no channels and positions", shapeString(c.in[0].shape))
	}
	if c.OpType == "GroupNormalization" {
		if g := c.Int("num_groups", 0); g < 1 || c.in[0].shape[1]%g != 0 {
			return nil, fmt.Errorf("its %d channels do not divide into %d groups", c.in[0].shape[1], g)
		}
	}
	return sameAsFirst(c)
}

func lowerGroupNorm(l *lowering, p *part) error {
	v, err := l.groupNorm(p, p.value(0), p.value(1), p.Int("num_groups", 1))
	if err == nil {
		l.bind(p, 0, v)
	}
	return err
}

// groupNorm normalises the channels of each of g groups together with all positions.
func (l *lowering) groupNorm(p *part, x, s val, g int64) (val, error) {
	c := x.shape[1] / g
	r := rows{shape: x.shape, left: []int64{x.shape[0], g}, kept: [][]workload.Dim{ax("B"), ax("G")},
		full: [][]workload.Dim{ax("B"), ax("G", "C")}}
	r.dims = loops(loop("B", x.shape[0]), loop("G", g), loop("C", c))
	for i, d := range x.shape[2:] {
		n := workload.Dim(fmt.Sprintf("C%d", i+1))
		r.dims, r.full = append(r.dims, loop(n, d)), append(r.full, ax(n))
	}
	channel := ax("G", "C")
	if s.shape[0] == g && c > 1 {
		channel = ax("G")
	}
	return l.normalise(p, x, normal{rows: r, centered: true, scale: &s, offset: true, axes: [][]workload.Dim{channel}})
}

func lowerInstanceNorm(l *lowering, p *part) error {
	x, s := p.value(0), p.value(1)
	r := rowsOf(x.shape, trailing(len(x.shape), 2))
	v, err := l.normalise(p, x, normal{rows: r, centered: true, scale: &s, offset: true, axes: [][]workload.Dim{r.full[1]}})
	if err == nil {
		l.bind(p, 0, v)
	}
	return err
}

func lowerMeanVariance(l *lowering, p *part) error {
	x := p.value(0)
	reduced := make([]bool, len(x.shape))
	for _, a := range p.Ints("axes", []int64{0, 2, 3}) {
		i, err := axis(a, len(x.shape))
		if err != nil {
			return err
		}
		reduced[i] = true
	}
	v, err := l.normalise(p, x, normal{rows: rowsOf(x.shape, reduced), centered: true})
	if err == nil {
		l.bind(p, 0, v)
	}
	return err
}

func inferLpNorm(c *call) ([]tensor, error) {
	if _, err := axis(c.Int("axis", -1), len(c.in[0].shape)); err != nil {
		return nil, err
	}
	return sameAsFirst(c)
}

// lowerLpNorm: the norm of a row, and the quotient.
func lowerLpNorm(l *lowering, p *part) error {
	x := p.value(0)
	a, err := axis(p.Int("axis", -1), len(x.shape))
	if err != nil {
		return err
	}
	r := rowsOf(x.shape, only(len(x.shape), a))
	norm, err := l.step(p, r, "norm", true, x, l.noWeights())
	if err != nil {
		return err
	}
	v, err := l.step(p, r, "div", false, x, r.each(norm))
	if err == nil {
		l.bind(p, 0, v)
	}
	return err
}

// lowerLRN: the sum of squares over a window of channels, and the quotient.
//
//	sum: O[b][k][oy][ox] += I[b][ik][oy][ox] * W[] with ik = k + fk - before
//	div: O[b][k][oy][ox] += I[b][k][oy][ox] * W[b][k][oy][ox]
func lowerLRN(l *lowering, p *part) error {
	x := p.value(0)
	size := p.Int("size", 0)
	if size < 1 || size > maxDim {
		return errors.New("its size is missing")
	}
	dims := loops(loop("B", x.shape[0]), loop("K", x.shape[1]))
	axes := [][]workload.Dim{ax("B"), ax("K")}
	for i := len(x.shape) - 1; i >= 2; i-- {
		dims = append(dims, loop(positionName(i, len(x.shape)), x.shape[i]))
	}
	for i := range x.shape[2:] {
		axes = append(axes, ax(positionName(i+2, len(x.shape))))
	}
	window := slices.Clone(axes)
	window[1] = ax("IK")
	before := (size - 1) / 2
	sum, err := l.layer(p, nest{
		part: "sum", dims: append(slices.Clone(dims), loop("FK", size)), out: axes, shape: x.shape, typ: x.typ,
		relations: []workload.Relation{{Index: "IK", A: "K", B: "FK", CoefA: 1, CoefB: 1,
			PadBefore: int(before), PadAfter: int(size - 1 - before), Size: int(x.shape[1])}},
		ins: []reading{reads("I", x, window...), l.noWeights()},
	})
	if err != nil {
		return err
	}
	v, err := l.layer(p, nest{part: "div", dims: dims, out: axes, shape: x.shape, typ: x.typ,
		ins: []reading{reads("I", x, axes...), reads("W", sum, axes...)}})
	if err == nil {
		l.bind(p, 0, v)
	}
	return err
}

// positionName names a spatial axis of a tensor of the given rank, whose first two
// are batch and channels.
func positionName(axis, rank int) workload.Dim {
	names := []workload.Dim{"OX", "OY", "OZ"}
	if i := rank - 1 - axis; i < len(names) {
		return names[i]
	}
	return workload.Dim(fmt.Sprintf("O%d", rank-1-axis))
}

// normalisationOperators scale tensors by statistics of their own.
func normalisationOperators() map[string]operator {
	const group = "Normalisation"
	layer := operator{group: group, inputs: 2, infer: inferLayerNorm, lower: lowerLayerNorm(true), ids: several(5),
		doc: "five layers over rows: mean, center, var, norm, scale"}
	rms := operator{group: group, inputs: 2, infer: inferLayerNorm, lower: lowerLayerNorm(false), ids: several(3),
		doc: "three layers over rows: square, norm, scale"}
	skip := operator{group: group, inputs: 3, infer: inferSkipNorm, lower: lowerSkipNorm(true), ids: several(6),
		doc: "a layer that adds, and those of LayerNormalization"}
	skipRMS := operator{group: group, inputs: 3, infer: inferSkipNorm, lower: lowerSkipNorm(false), ids: several(4),
		doc: "a layer that adds, and those of RMSNormalization"}
	channels := func(inputs int, lower func(*lowering, *part) error, ids int, doc string) operator {
		return operator{group: group, inputs: inputs, infer: inferChannels, lower: lower, ids: several(ids), doc: doc}
	}
	return map[string]operator{
		"BatchNormalization": {group: group, inputs: 5, infer: inferBatchNorm, lower: lowerBatchNorm,
			doc: "merged into the convolution or matrix product before it; else `O[..] += I[..] * W[channel]` with a factor and an offset for each channel"},
		"Softmax": {group: group, inputs: 1, infer: inferSoftmax, lower: lowerSoftmax(false), ids: several(4),
			doc: "four layers over rows: max, exp, sum, div"},
		"LogSoftmax": {group: group, inputs: 1, infer: inferSoftmax, lower: lowerSoftmax(true), ids: several(4),
			doc: "four layers over rows: max, sub, sum, log"},
		"LayerNormalization":                             layer,
		"RMSNormalization":                               rms,
		"SimplifiedLayerNormalization":                   rms,
		"com.microsoft.SimplifiedLayerNormalization":     rms,
		"com.microsoft.SkipLayerNormalization":           skip,
		"SkipLayerNormalization":                         skip,
		"com.microsoft.SkipSimplifiedLayerNormalization": skipRMS,
		"SkipSimplifiedLayerNormalization":               skipRMS,
		"GroupNormalization":                             channels(3, lowerGroupNorm, 5, "the layers of LayerNormalization; a row is a group of channels with all positions"),
		"InstanceNormalization":                          channels(3, lowerInstanceNorm, 5, "the layers of LayerNormalization; a row is a channel with all positions"),
		"MeanVarianceNormalization": {group: group, inputs: 1, infer: sameAsFirst, lower: lowerMeanVariance, ids: several(4),
			doc: "the layers of LayerNormalization without scale"},
		"LpNormalization": {group: group, inputs: 1, infer: inferLpNorm, lower: lowerLpNorm, ids: several(2),
			doc: "two layers over rows: norm, div"},
		"LRN": channels(1, lowerLRN, 2, "two layers: sum, over a window of channels, and div"),
	}
}
