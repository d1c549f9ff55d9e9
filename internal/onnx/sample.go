package onnx

import (
	"errors"
	"fmt"
	"slices"

	"streamdse/workload"
)

// This file is about operators that look up positions of a feature map which only
// the running network knows: a tile of the result may read any of them.

// channelsAnd checks that a tensor has a batch, channels and spatial axes.
func channelsAnd(shape []int64, least, most int) error {
	if n := len(shape) - 2; n < least || n > most {
		return fmt.Errorf("its input %s does not have %d to %d spatial dimensions", shapeString(shape), least, most)
	}
	return nil
}

// inferGridSample: a grid [b][oy][ox][2] of positions.
func inferGridSample(c *call) ([]tensor, error) {
	x, grid := c.in[0].shape, c.in[1].shape
	if err := channelsAnd(x, 1, 3); err != nil {
		return nil, err
	}
	if len(grid) != len(x) || grid[0] != x[0] || grid[len(grid)-1] != int64(len(x)-2) {
		return nil, fmt.Errorf("its grid %s does not fit %s", shapeString(grid), shapeString(x))
	}
	return one(append([]int64{x[0], x[1]}, grid[1:len(grid)-1]...)...), nil
}

// anyPosition adds the axes of a feature map of which any position may be read.
func (n *nest) anyPosition(axes [][]workload.Dim, names [][3]workload.Dim, spatial []int64) [][]workload.Dim {
	for i, name := range names {
		axes = append(axes, n.any(name[0], name[1], name[2], spatial[i]))
	}
	return axes
}

// lowerGridSample: O[b][k][oy][ox] += I[b][k][any][any] * W[b][oy][ox] over the taps
// fy, fx of the interpolation.
func lowerGridSample(l *lowering, p *part) error {
	x := p.in[0].shape
	names, err := spatialNames(len(x) - 2)
	if err != nil {
		return err
	}
	taps := map[string]int64{"nearest": 1, "cubic": 4, "bicubic": 4}[p.Str("mode", "linear")]
	if taps == 0 {
		taps = 2
	}
	w := window{out: p.shape[2:], kernel: make([]int64, len(names))}
	for i := range w.kernel {
		w.kernel[i] = taps
	}
	out, kernel := w.spatialLoops(names)
	n := nest{dims: slices.Concat(loops(loop("B", x[0]), loop("K", x[1])), out, kernel), shape: p.shape,
		out: spatialAxes([][]workload.Dim{ax("B"), ax("K")}, names, 1)}
	in := n.anyPosition([][]workload.Dim{ax("B"), ax("K")}, names, x[2:])
	grid := append(spatialAxes([][]workload.Dim{ax("B")}, names, 1), n.whole("IV", int64(len(names))))
	n.ins = []reading{reads("I", p.value(0), in...), reads("W", p.value(1), grid...)}
	return l.result(p, n)
}

// inferAffineGrid: positions for each element of a result of the given size.
func inferAffineGrid(c *call) ([]tensor, error) {
	size, ok := c.integers(1)
	if !ok {
		return nil, errNeeds("its size is")
	}
	theta := c.in[0].shape
	if len(theta) != 3 || len(size) != int(theta[1])+2 || theta[2] != theta[1]+1 || size[0] != theta[0] {
		return nil, fmt.Errorf("its matrices are %s, its size has %d entries", shapeString(theta), len(size))
	}
	for i, d := range size {
		if d < 1 || d > maxDim {
			return nil, fmt.Errorf("dimension %d of its size is %d", i, d)
		}
	}
	return one(append(append([]int64{size[0]}, size[2:]...), theta[1])...), nil
}

// lowerAffineGrid: O[b][oy][ox][k] += I[oy][ox][c] * W[b][k][c], I the constant
// positions before.
func lowerAffineGrid(l *lowering, p *part) error {
	names, err := spatialNames(len(p.shape) - 2)
	if err != nil {
		return err
	}
	w := window{out: p.shape[1 : len(p.shape)-1], kernel: make([]int64, len(names))}
	out, _ := w.spatialLoops(names)
	theta := p.in[0].shape
	positions := spatialAxes(nil, names, 1)
	grid := val{origin: origin{Source: workload.Source{Kind: workload.FromConstant, Tensor: p.Outputs[0] + "-positions"}}}
	return l.result(p, nest{kind: "MatMul", shape: p.shape,
		dims: append(append(loops(loop("B", theta[0]), loop("K", theta[1])), out...), loop("C", theta[2])),
		out:  slices.Concat([][]workload.Dim{ax("B")}, positions, [][]workload.Dim{ax("K")}),
		ins: []reading{reads("I", grid, append(slices.Clone(positions), ax("C"))...),
			reads("W", p.value(0), ax("B"), ax("K"), ax("C"))}})
}

// regions is an operator that makes a map of fixed size of each of a list of boxes.
type regions struct {
	boxes int // entries of a box
	// size is that of the result.
	size func(*call) []int64
	// taps is the number of positions, along one of the axes of the feature map, that
	// an element of the result is made of.
	taps func(c *call, from, to int64) int64
}

func (r regions) infer(c *call) ([]tensor, error) {
	x, boxes, size := c.in[0].shape, c.in[1].shape, r.size(c)
	if len(x) != 4 || len(boxes) != 2 || boxes[1] != int64(r.boxes) || len(size) != 2 || slices.Min(size) < 1 || slices.Max(size) > maxDim {
		return nil, fmt.Errorf("its input is %s, its boxes %s, its result %v", shapeString(x), shapeString(boxes), size)
	}
	if index := c.input(2); !index.absent && !slices.Equal(index.shape, boxes[:1]) {
		return nil, fmt.Errorf("it has %d boxes and images %s for them", boxes[0], shapeString(index.shape))
	}
	return one(boxes[0], x[1], size[0], size[1]), nil
}

// lower: O[d][k][oy][ox] += I[any][k][any][any] * W[d][any] over fy, fx.
func (r regions) lower(l *lowering, p *part) error {
	x := p.in[0].shape
	names, err := spatialNames(2)
	if err != nil {
		return err
	}
	w := window{out: p.shape[2:], kernel: []int64{r.taps(p.call, x[2], p.shape[2]), r.taps(p.call, x[3], p.shape[3])}}
	out, kernel := w.spatialLoops(names)
	n := nest{dims: slices.Concat(loops(loop("D", p.shape[0]), loop("K", x[1])), out, kernel), shape: p.shape,
		out: spatialAxes([][]workload.Dim{ax("D"), ax("K")}, names, 1)}
	in := n.anyPosition([][]workload.Dim{n.any("IB", "D", workload.NoLoop, x[0]), ax("K")}, names, x[2:])
	n.ins = []reading{reads("I", p.value(0), in...), reads("W", p.value(1), ax("D"), n.whole("IV", int64(r.boxes)))}
	return l.result(p, n)
}

// roiAlign interpolates between 2x2 elements at sampling_ratio positions an axis; 0
// means as many as the box is larger than the result, which is at most the feature
// map's part of it.
func roiAlign() regions {
	return regions{boxes: 4,
		size: func(c *call) []int64 { return []int64{c.Int("output_height", 1), c.Int("output_width", 1)} },
		taps: func(c *call, from, to int64) int64 {
			ratio := c.Int("sampling_ratio", 0)
			if ratio < 1 {
				ratio = (from + to - 1) / to
			}
			return 2 * ratio
		}}
}

// maxRoiPool takes the largest element; a box is at most the feature map.
func maxRoiPool() regions {
	return regions{boxes: 5,
		size: func(c *call) []int64 { return c.Ints("pooled_shape", nil) },
		taps: func(_ *call, from, to int64) int64 { return (from + to - 1) / to }}
}

// inferMaxUnpool undoes a MaxPool.
func inferMaxUnpool(c *call) ([]tensor, error) {
	x := c.in[0].shape
	if err := channelsAnd(x, 1, 3); err != nil {
		return nil, err
	}
	if !slices.Equal(x, c.in[1].shape) {
		return nil, fmt.Errorf("its input is %s, its indices %s", shapeString(x), shapeString(c.in[1].shape))
	}
	if !c.input(2).absent {
		want, ok := c.integers(2)
		if !ok {
			return nil, errNeeds("its shape is")
		}
		if len(want) != len(x) || slices.Min(want) < 1 || slices.Max(want) > maxDim {
			return nil, fmt.Errorf("its shape is %v", want)
		}
		return one(want...), nil
	}
	w, err := c.geometry(len(x)-2, nil)
	if err != nil {
		return nil, err
	}
	out := slices.Clone(x[:2])
	for i, n := range x[2:] {
		out = append(out, (n-1)*w.stride[i]-w.before[i]-w.after[i]+w.kernel[i])
	}
	return one(out...), nil
}

// lowerMaxUnpool: O[b][k][oy][ox] += I[b][k][any][any] * W[b][k][any][any], W the indices.
func lowerMaxUnpool(l *lowering, p *part) error {
	x := p.in[0].shape
	names, err := spatialNames(len(x) - 2)
	if err != nil {
		return err
	}
	w := window{out: p.shape[2:], kernel: make([]int64, len(names))}
	out, _ := w.spatialLoops(names)
	n := nest{dims: append(loops(loop("B", p.shape[0]), loop("K", p.shape[1])), out...), shape: p.shape, plain: true,
		out: spatialAxes([][]workload.Dim{ax("B"), ax("K")}, names, 1)}
	in := n.anyPosition([][]workload.Dim{ax("B"), ax("K")}, names, x[2:])
	n.ins = []reading{reads("I", p.value(0), in...), reads("W", p.value(1), in...)}
	return l.result(p, n)
}

// columns describes a Col2Im: overlapping blocks, each a column, that are added up.
type columns struct {
	image, block, taps []int64
	channels           int64
}

func (c *call) columns() (columns, error) {
	var k columns
	var ok [2]bool
	k.image, ok[0] = c.integers(1)
	k.block, ok[1] = c.integers(2)
	if !ok[0] || !ok[1] {
		return k, errNeeds("its sizes are")
	}
	x, rank := c.in[0].shape, len(k.image)
	if len(x) != 3 || rank < 1 || rank > 3 || len(k.block) != rank || slices.Min(k.image) < 1 || slices.Min(k.block) < 1 ||
		slices.Max(k.image) > maxDim || slices.Max(k.block) > maxDim || x[1]%elements(k.block) != 0 {
		return k, fmt.Errorf("its input is %s, its image %v, its block %v", shapeString(x), k.image, k.block)
	}
	w, err := (&Node{Attributes: c.Attributes}).geometry(rank, k.block)
	if err != nil {
		return k, err
	}
	for i := range k.block {
		k.taps = append(k.taps, (k.block[i]+w.stride[i]-1)/w.stride[i])
	}
	k.channels = x[1] / elements(k.block)
	return k, nil
}

func inferCol2Im(c *call) ([]tensor, error) {
	k, err := c.columns()
	if err != nil {
		return nil, err
	}
	return one(append([]int64{c.in[0].shape[0], k.channels}, k.image...)...), nil
}

// lowerCol2Im: O[b][k][oy][ox] += I[b][any][any] over the blocks fy, fx that overlap.
func lowerCol2Im(l *lowering, p *part) error {
	k, err := p.columns()
	if err != nil {
		return err
	}
	names, err := spatialNames(len(k.image))
	if err != nil {
		return err
	}
	w := window{out: k.image, kernel: k.taps}
	out, kernel := w.spatialLoops(names)
	n := nest{dims: slices.Concat(loops(loop("B", p.shape[0]), loop("K", k.channels)), out, kernel), shape: p.shape,
		out: spatialAxes([][]workload.Dim{ax("B"), ax("K")}, names, 1)}
	x := p.in[0].shape
	n.ins = []reading{reads("I", p.value(0), ax("B"), n.any("IK", "K", workload.NoLoop, x[1]), n.any("IL", "OX", "FX", x[2])), l.noWeights()}
	return l.result(p, n)
}

// deformed is the convolution of a DeformConv, whose positions are moved by offsets.
func (c *call) deformed() (window, error) {
	x, f, offset, group := c.in[0].shape, c.in[1].shape, c.in[2].shape, c.Int("group", 1)
	if len(x) != 4 || len(f) != 4 || group < 1 || x[1] != f[1]*group || f[0]%group != 0 {
		return window{}, fmt.Errorf("its input %s and weights %s do not make a convolution of %d groups", shapeString(x), shapeString(f), group)
	}
	w, err := c.slide(x[2:], f[2:])
	if err != nil {
		return w, err
	}
	groups := c.Int("offset_group", 1)
	want := []int64{x[0], groups * f[2] * f[3] * 2, w.out[0], w.out[1]}
	if groups < 1 || x[1]%groups != 0 || !slices.Equal(offset, want) {
		return w, fmt.Errorf("its offsets are %s, not %s", shapeString(offset), shapeString(want))
	}
	want[1] /= 2
	if m := c.input(4); !m.absent && !slices.Equal(m.shape, want) {
		return w, fmt.Errorf("its mask is %s, not %s", shapeString(m.shape), shapeString(want))
	}
	return w, nil
}

func inferDeformConv(c *call) ([]tensor, error) {
	w, err := c.deformed()
	if err != nil {
		return nil, err
	}
	return one(append([]int64{c.in[0].shape[0], c.in[1].shape[0]}, w.out...)...), nil
}

// lowerDeformConv interpolates at every kernel position of every output position,
// multiplies with the mask, and convolves.
//
//	sample: O[b][k][fy][fx][oy][ox] += I[b][k][any][any] * W[b][any][oy][ox] over 2x2 taps
//	conv: O[b][g k][oy][ox] += W[g k][c][fy][fx] * I[b][g c][fy][fx][oy][ox]
func lowerDeformConv(l *lowering, p *part) error {
	w, err := p.deformed()
	if err != nil {
		return err
	}
	x, f, group := p.in[0].shape, p.in[1].shape, p.Int("group", 1)
	n := nest{part: "sample", kind: "GridSample", shape: []int64{x[0], x[1], f[2], f[3], w.out[0], w.out[1]}, typ: p.typ,
		dims: loops(loop("B", x[0]), loop("K", x[1]), loop("FY", f[2]), loop("FX", f[3]), loop("OX", w.out[1]), loop("OY", w.out[0]), loop("TX", 2), loop("TY", 2)),
		out:  [][]workload.Dim{ax("B"), ax("K"), ax("FY"), ax("FX"), ax("OY"), ax("OX")}}
	in := [][]workload.Dim{ax("B"), ax("K"), n.any("IY", "OY", "TY", x[2]), n.any("IX", "OX", "TX", x[3])}
	n.ins = []reading{reads("I", p.value(0), in...), reads("W", p.value(2), ax("B"), n.any("IV", "FY", "FX", p.in[2].shape[1]), ax("OY"), ax("OX"))}
	v, err := l.layer(p, n)
	if err != nil {
		return err
	}
	if p.has(4) {
		groups := p.Int("offset_group", 1)
		tail := v.shape[2:]
		apart := append([]int64{x[0], groups, x[1] / groups}, tail...)
		mask := l.through(p, p.value(4), reshaped(append([]int64{x[0], groups, 1}, tail...)))
		shape := v.shape
		if v, err = l.binary(p, "mask", "Mul", l.through(p, v, reshaped(apart)), mask); err != nil {
			return err
		}
		v = l.through(p, v, reshaped(shape))
	}
	v, err = l.layer(p, nest{part: "conv", kind: "Conv", shape: p.shape,
		dims: loops(loop("B", x[0]), loop("K", f[0]/group), loop("G", group), loop("OX", w.out[1]), loop("OY", w.out[0]), loop("C", f[1]), loop("FX", f[3]), loop("FY", f[2])),
		out:  [][]workload.Dim{ax("B"), ax("G", "K"), ax("OY"), ax("OX")},
		ins: []reading{reads("W", p.value(1), ax("G", "K"), ax("C"), ax("FY"), ax("FX")),
			reads("I", v, ax("B"), ax("G", "C"), ax("FY"), ax("FX"), ax("OY"), ax("OX"))}})
	if err == nil && p.has(3) && !p.constant(3) {
		v, err = l.channelBias(p, v, 3)
	}
	if err == nil {
		l.bind(p, 0, v)
	}
	return err
}

// signalLength checks the input of a DFT or STFT: real or complex numbers.
func signalLength(shape []int64, least int) error {
	if len(shape) < least || shape[len(shape)-1] != 1 && shape[len(shape)-1] != 2 {
		return fmt.Errorf("its input %s does not hold real or complex numbers on its last axis", shapeString(shape))
	}
	return nil
}

// transformed is the axis of a DFT, how many of its positions are read, and how many written.
func (c *call) transformed() (a int, read, written int64, err error) {
	x := c.in[0].shape
	if err := signalLength(x, 2); err != nil {
		return 0, 0, 0, err
	}
	at := c.Int("axis", 1)
	if c.opset >= 20 {
		at = -2
		if list, ok := c.integers(2); ok && len(list) == 1 {
			at = list[0]
		} else if !c.input(2).absent {
			return 0, 0, 0, errNeeds("its axis is")
		}
	}
	if a, err = axis(at, len(x)); err != nil {
		return 0, 0, 0, err
	}
	if a == len(x)-1 {
		return 0, 0, 0, errors.New("its axis is that of the parts of a complex number")
	}
	n := x[a]
	if !c.input(1).absent {
		list, ok := c.integers(1)
		if !ok || len(list) != 1 {
			return 0, 0, 0, errNeeds("its length is")
		}
		if n = list[0]; n < 1 || n > maxDim {
			return 0, 0, 0, fmt.Errorf("its length is %d", n)
		}
	}
	read, written = min(n, x[a]), n
	if c.Int("onesided", 0) != 0 {
		written = n/2 + 1
	}
	return a, read, written, nil
}

func inferDFT(c *call) ([]tensor, error) {
	a, _, written, err := c.transformed()
	if err != nil {
		return nil, err
	}
	out := slices.Clone(c.in[0].shape)
	out[a], out[len(out)-1] = written, 2
	return one(out...), nil
}

// lowerDFT: O[b][k][q] += I[b][c][r] * W[k][c], q and r the parts of a complex number.
func lowerDFT(l *lowering, p *part) error {
	a, read, written, err := p.transformed()
	if err != nil {
		return err
	}
	x := p.value(0)
	if read < x.shape[a] {
		x = l.slice(p, x, a, 0, read)
	}
	last := len(x.shape) - 1
	var dims []workload.LoopDim
	var out, in [][]workload.Dim
	for i, d := range x.shape {
		switch i {
		case a:
			dims = append(dims, loop("K", written), loop("C", read))
			out, in = append(out, ax("K")), append(in, ax("C"))
		case last:
			dims = append(dims, loop("Q", 2), loop("R", d))
			out, in = append(out, ax("Q")), append(in, ax("R"))
		default:
			name := workload.Dim(fmt.Sprintf("B%d", i))
			dims = append(dims, loop(name, d))
			out, in = append(out, ax(name)), append(in, ax(name))
		}
	}
	return l.result(p, nest{dims: dims, out: out, shape: p.shape,
		ins: []reading{reads("I", x, in...), reads("W", l.roots(p), ax("K"), ax("C"), ax("Q"))}})
}

// roots are the constant factors of a Fourier transform.
func (l *lowering) roots(p *part) val {
	return val{origin: origin{Source: workload.Source{Kind: workload.FromConstant, Tensor: p.Outputs[0] + "-roots"}}}
}

// frames are the step, length and number of the pieces of a STFT.
func (c *call) frames() (step, length, count int64, err error) {
	x := c.in[0].shape
	if len(x) == 2 {
		x = append(slices.Clone(x), 1)
	}
	if err := signalLength(x, 3); err != nil || len(x) != 3 {
		return 0, 0, 0, errors.Join(err, fmt.Errorf("its signal is %s", shapeString(x)))
	}
	steps, ok := c.integers(1)
	if !ok || len(steps) != 1 {
		return 0, 0, 0, errNeeds("its step is")
	}
	step = steps[0]
	switch {
	case !c.input(3).absent:
		list, ok := c.integers(3)
		if !ok || len(list) != 1 {
			return 0, 0, 0, errNeeds("its length is")
		}
		length = list[0]
	case !c.input(2).absent && len(c.in[2].shape) == 1:
		length = c.in[2].shape[0]
	}
	if step < 1 || step > maxDim || length < 1 || length > x[1] {
		return 0, 0, 0, fmt.Errorf("its frames of %d with a step of %d do not fit a signal of %d", length, step, x[1])
	}
	return step, length, (x[1]-length)/step + 1, nil
}

func inferSTFT(c *call) ([]tensor, error) {
	_, length, count, err := c.frames()
	if err != nil {
		return nil, err
	}
	if c.Int("onesided", 1) != 0 {
		length = length/2 + 1
	}
	return one(c.in[0].shape[0], count, length, 2), nil
}

// lowerSTFT: O[b][d][k][q] += I[b][step*d + c][r] * W[k][c].
func lowerSTFT(l *lowering, p *part) error {
	step, length, count, err := p.frames()
	if err != nil {
		return err
	}
	x := p.in[0].shape
	n := nest{shape: p.shape, out: [][]workload.Dim{ax("B"), ax("D"), ax("K"), ax("Q")},
		dims:      loops(loop("B", x[0]), loop("D", count), loop("K", p.shape[2]), loop("C", length), loop("Q", 2)),
		relations: []workload.Relation{{Index: "IX", A: "D", B: "C", CoefA: int(step), CoefB: 1, Size: int(x[1])}}}
	in := [][]workload.Dim{ax("B"), ax("IX")}
	if len(x) == 3 {
		n.dims = append(n.dims, loop("R", x[2]))
		in = append(in, ax("R"))
	}
	n.ins = []reading{reads("I", p.value(0), in...), reads("W", l.roots(p), ax("K"), ax("C"), ax("Q"))}
	return l.result(p, n)
}

// samplingOperators look up positions that are computed, or transform signals.
func samplingOperators() map[string]operator {
	sampling := func(inputs, ids int, infer func(*call) ([]tensor, error), lower func(*lowering, *part) error, doc string) operator {
		return operator{group: "Sampling and signals", inputs: inputs, infer: infer, lower: lower, ids: several(ids), doc: doc}
	}
	align, pool := roiAlign(), maxRoiPool()
	return map[string]operator{
		"GridSample": sampling(2, 1, inferGridSample, lowerGridSample,
			"`O[b][k][oy][ox] += I[b][k][any][any] * W[b][oy][ox]`, W the grid, over 2 taps an axis for linear interpolation, 4 for cubic; every step may read any position"),
		"AffineGrid": sampling(2, 1, inferAffineGrid, lowerAffineGrid, "MatMul of constant positions with the matrices"),
		"RoiAlign": sampling(3, 1, align.infer, align.lower,
			"`O[d][k][oy][ox] += I[any][k][any][any] * W[d]`, W the boxes, over 2 taps an axis for each of sampling_ratio positions; with a ratio of 0, boxes are taken as large as the input"),
		"MaxRoiPool": sampling(2, 1, pool.infer, pool.lower, "like RoiAlign over windows of boxes as large as the input"),
		"MaxUnpool":  sampling(2, 1, inferMaxUnpool, lowerMaxUnpool, "`O[b][k][oy][ox] += I[b][k][any][any] * W[b][k][any][any]`, W the indices"),
		"Col2Im":     sampling(3, 1, inferCol2Im, lowerCol2Im, "`O[b][k][oy][ox] += I[b][any][any]` over the blocks that overlap"),
		"DeformConv": sampling(3, 8, inferDeformConv, lowerDeformConv, "a layer that samples at every kernel position, one that multiplies with the mask, and a Conv of what was sampled"),
		"DFT":        sampling(1, 3, inferDFT, lowerDFT, "the sum in its definition, `O[b][k][q] += I[b][c][r] * W[k][c][q]`, not a fast transform; q and r are parts of complex numbers"),
		"STFT":       sampling(2, 1, inferSTFT, lowerSTFT, "`O[b][d][k][q] += I[b][step*d+c][r] * W[k][c][q]` with its window in W"),
	}
}
