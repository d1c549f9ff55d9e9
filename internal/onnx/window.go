package onnx

import (
	"fmt"
	"slices"

	"streamdse/workload"
)

// window is the sliding window of a convolution or pooling over spatial axes,
// outermost (depth or height) first.
type window struct {
	kernel, stride, dilation []int64
	before, after            []int64 // padding that a window may cover
	out                      []int64 // positions
}

// geometry reads the attributes of a window over the given number of axes. An
// empty kernel means that the attribute kernel_shape must say it.
func (n *Node) geometry(rank int, kernel []int64) (w window, err error) {
	w.kernel = n.Ints("kernel_shape", kernel)
	if kernel != nil && !slices.Equal(w.kernel, kernel) {
		return w, fmt.Errorf("kernel_shape is %s, the weights have %s", shapeString(w.kernel), shapeString(kernel))
	}
	ones, zeros := make([]int64, rank), make([]int64, 2*rank)
	for i := range ones {
		ones[i] = 1
	}
	w.stride, w.dilation = n.Ints("strides", ones), n.Ints("dilations", ones)
	pads := slices.Clone(n.Ints("pads", zeros))
	for _, list := range []struct {
		name   string
		values []int64
		length int
		least  int64
	}{
		{"kernel_shape", w.kernel, rank, 1}, {"strides", w.stride, rank, 1},
		{"dilations", w.dilation, rank, 1}, {"pads", pads, 2 * rank, 0},
	} {
		if len(list.values) != list.length {
			return w, fmt.Errorf("%s has %d values, %d are needed", list.name, len(list.values), list.length)
		}
		for _, v := range list.values {
			if v < list.least || v > maxDim {
				return w, fmt.Errorf("%s is %v; values are at least %d", list.name, list.values, list.least)
			}
		}
	}
	w.before, w.after, w.out = pads[:rank:rank], pads[rank:], make([]int64, rank)
	return w, nil
}

// slide computes the window of a node over the given spatial sizes.
func (n *Node) slide(spatial, kernel []int64) (w window, err error) {
	w, err = n.geometry(len(spatial), kernel)
	if err != nil {
		return w, err
	}
	auto := n.Str("auto_pad", "NOTSET")
	ceil := n.Int("ceil_mode", 0) != 0
	for i, size := range spatial {
		reach := (w.kernel[i]-1)*w.dilation[i] + 1 // extent of one window
		switch auto {
		case "NOTSET", "":
		case "VALID":
			w.before[i], w.after[i] = 0, 0
		case "SAME_UPPER", "SAME_LOWER":
			out := (size + w.stride[i] - 1) / w.stride[i]
			total := max(0, (out-1)*w.stride[i]+reach-size)
			w.before[i], w.after[i] = halves(total, auto)
		default:
			return w, fmt.Errorf("auto_pad %q is unknown", auto)
		}
		room := size + w.before[i] + w.after[i] - reach
		if room < 0 {
			return w, fmt.Errorf("a window of %d (kernel %d, dilation %d) does not fit into %d with padding %d and %d",
				reach, w.kernel[i], w.dilation[i], size, w.before[i], w.after[i])
		}
		w.out[i] = room/w.stride[i] + 1
		if ceil {
			// Round up, but the last window must begin in the tensor or before it.
			w.out[i] = (room+w.stride[i]-1)/w.stride[i] + 1
			if (w.out[i]-1)*w.stride[i] >= size+w.before[i] {
				w.out[i]--
			}
			w.after[i] = max(w.after[i], (w.out[i]-1)*w.stride[i]+reach-size-w.before[i])
		}
	}
	return w, nil
}

// halves divides padding between the two ends.
func halves(total int64, auto string) (before, after int64) {
	if auto == "SAME_LOWER" {
		return total - total/2, total / 2
	}
	return total / 2, total - total/2
}

// spatialNames names the loops of a window over 1 to 3 axes, outermost first: input
// index, output, kernel.
func spatialNames(rank int) (names [][3]workload.Dim, err error) {
	all := [][3]workload.Dim{{"IZ", "OZ", "FZ"}, {"IY", "OY", "FY"}, {"IX", "OX", "FX"}}
	if rank < 1 || rank > len(all) {
		return nil, fmt.Errorf("windows over %d spatial dimensions are not supported, only over 1 to %d", rank, len(all))
	}
	return all[len(all)-rank:], nil
}

// spatialLoops are the loops of a window, innermost axis first: over the output
// and over the kernel.
func (w *window) spatialLoops(names [][3]workload.Dim) (out, kernel []workload.LoopDim) {
	for i := len(names) - 1; i >= 0; i-- {
		out = append(out, loop(names[i][1], w.out[i]))
		kernel = append(kernel, loop(names[i][2], w.kernel[i]))
	}
	return out, kernel
}

// relations ties input positions to those of output and kernel, innermost first.
func (w *window) relations(names [][3]workload.Dim, spatial []int64) []workload.Relation {
	var list []workload.Relation
	for i := len(names) - 1; i >= 0; i-- {
		list = append(list, workload.Relation{Index: names[i][0], A: names[i][1], B: names[i][2], CoefA: int(w.stride[i]), CoefB: int(w.dilation[i]),
			PadBefore: int(w.before[i]), PadAfter: int(w.after[i]), Size: int(spatial[i])})
	}
	return list
}

// spatialAxes appends an axis for each spatial one: of the input (0), the output
// (1) or the kernel (2).
func spatialAxes(axes [][]workload.Dim, names [][3]workload.Dim, which int) [][]workload.Dim {
	for _, n := range names {
		axes = append(axes, ax(n[which]))
	}
	return axes
}

// convolution says which inputs of a node are the tensors of a convolution.
type convolution struct{ x, w, bias int }

func (k convolution) window(c *call) (window, error) {
	x, w := c.in[k.x].shape, c.in[k.w].shape
	if len(x) < 3 || len(w) != len(x) {
		return window{}, fmt.Errorf("its input %s and weights %s do not make a convolution", shapeString(x), shapeString(w))
	}
	return c.slide(x[2:], w[2:])
}

func (k convolution) shape(c *call) ([]int64, error) {
	w, err := k.window(c)
	if err != nil {
		return nil, err
	}
	x, f, group := c.in[k.x].shape, c.in[k.w].shape, c.Int("group", 1)
	switch {
	case group < 1 || group > x[1] || x[1] != f[1]*group:
		return nil, fmt.Errorf("its input has %d channels, its weights take %d in each of %d groups", x[1], f[1], group)
	case f[0]%group != 0:
		return nil, fmt.Errorf("its %d output channels do not divide into %d groups", f[0], group)
	}
	if b := c.input(k.bias); k.bias > 0 && !b.absent && !slices.Equal(b.shape, f[:1]) {
		return nil, fmt.Errorf("its bias has shape %s, its output %d channels", shapeString(b.shape), f[0])
	}
	return append([]int64{x[0], f[0]}, w.out...), nil
}

// infer gives the shape, with the type that the function tells.
func (k convolution) infer(typ func(*call) DataType) func(*call) ([]tensor, error) {
	return func(c *call) ([]tensor, error) {
		shape, err := k.shape(c)
		if err != nil {
			return nil, err
		}
		return []tensor{{known: true, typ: typ(c), shape: shape}}, nil
	}
}

// lower: O[b][g k][oy][ox] += W[g k][c][fy][fx] * I[b][g c][iy][ix], where two
// dimensions in one bracket share an axis of the tensor. A bias that is computed is
// added by a layer of its own.
func (k convolution) lower(l *lowering, p *part) error {
	n, err := k.nest(l, p)
	if err != nil {
		return err
	}
	if !k.computedBias(p) {
		return l.result(p, n)
	}
	n.part = "conv"
	v, err := l.layer(p, n)
	if err == nil {
		v, err = l.channelBias(p, v, k.bias)
	}
	if err == nil {
		l.bind(p, 0, v)
	}
	return err
}

// computedBias tells whether there is a bias and the model does not store it.
func (k convolution) computedBias(p *part) bool {
	return k.bias > 0 && p.has(k.bias) && !p.constant(k.bias)
}

// ids leaves a number for the layer that adds a bias.
func (k convolution) ids(c *call) int {
	if k.bias == 0 {
		return 1
	}
	return biased(k.bias)(c)
}

// channelBias adds input i, which has an element for each channel.
func (l *lowering) channelBias(p *part, v val, i int) (val, error) {
	shape := p.in[i].shape
	for range v.shape[2:] {
		shape = append(slices.Clone(shape), 1)
	}
	return l.binary(p, "bias", "Add", v, l.through(p, p.value(i), reshaped(shape)))
}

func (k convolution) nest(l *lowering, p *part) (nest, error) {
	x, f, group := p.in[k.x].shape, p.in[k.w].shape, p.Int("group", 1)
	names, err := spatialNames(len(x) - 2)
	if err != nil {
		return nest{}, err
	}
	w, err := k.window(p.call)
	if err != nil {
		return nest{}, err
	}
	filter := ax("G", "K")
	if l.Rules.GroupedWeightsLackK {
		filter = ax("K")
		if group > 1 {
			filter = ax("G")
		}
	}
	out, kernel := w.spatialLoops(names)
	dims := loops(loop("B", x[0]), loop("K", f[0]/group), loop("G", group))
	dims = append(append(append(dims, out...), loop("C", f[1])), kernel...)
	return nest{
		kind: "Conv", raw: p.OpType == "ConvInteger", dims: dims, relations: w.relations(names, x[2:]), shape: p.shape,
		out: spatialAxes([][]workload.Dim{ax("B"), ax("G", "K")}, names, 1),
		ins: []reading{
			reads("W", p.value(k.w), spatialAxes([][]workload.Dim{filter, ax("C")}, names, 2)...),
			reads("I", p.value(k.x), spatialAxes([][]workload.Dim{ax("B"), ax("G", "C")}, names, 0)...),
		},
	}, nil
}

// firstType is the type of the first input.
func firstType(c *call) DataType { return c.in[0].typ }

// poolWindow is the window of a pooling; a global one covers everything.
func (c *call) poolWindow(global bool) (window, error) {
	x := c.in[0].shape
	if len(x) < 3 {
		return window{}, fmt.Errorf("its input %s has no spatial dimensions", shapeString(x))
	}
	if global {
		return (&Node{}).slide(x[2:], x[2:])
	}
	return c.slide(x[2:], nil)
}

func inferPool(global bool, typ func(*call) DataType) func(*call) ([]tensor, error) {
	return func(c *call) ([]tensor, error) {
		w, err := c.poolWindow(global)
		if err != nil {
			return nil, err
		}
		shape := append(slices.Clone(c.in[0].shape[:2]), w.out...)
		out := []tensor{{known: true, typ: typ(c), shape: shape}}
		if len(c.Outputs) > 1 { // indices of the maxima
			out = append(out, tensor{known: true, typ: Int64, shape: shape})
		}
		return out, nil
	}
}

// lowerPool: O[b][k][oy][ox] += W[fy][fx] * I[b][k][iy][ix], where W has no bits.
func lowerPool(global bool) func(*lowering, *part) error {
	return func(l *lowering, p *part) error {
		x := p.in[0].shape
		names, err := spatialNames(len(x) - 2)
		if err != nil {
			return err
		}
		w, err := p.poolWindow(global)
		if err != nil {
			return err
		}
		out, kernel := w.spatialLoops(names)
		dims := append(loops(loop("B", x[0]), loop("K", x[1])), out...)
		if l.Rules.PoolingRepeatsChannels {
			dims = append(dims, loop("C", x[1]))
		}
		v, err := l.layer(p, nest{
			dims: append(dims, kernel...), relations: w.relations(names, x[2:]), shape: p.shape, plain: true,
			out: spatialAxes([][]workload.Dim{ax("B"), ax("K")}, names, 1),
			ins: []reading{
				reads("W", val{origin: origin{Source: workload.Source{Kind: workload.FromConstant}}}, spatialAxes(nil, names, 2)...).times(0),
				reads("I", p.value(0), spatialAxes([][]workload.Dim{ax("B"), ax("K")}, names, 0)...),
			},
		})
		if err == nil {
			l.bind(p, 0, v)
			l.bind(p, 1, v) // where the largest elements are
		}
		return err
	}
}

// windowOperators slide a window over spatial axes.
func windowOperators() map[string]operator {
	conv := convolution{0, 1, 2}
	pool := func(global bool, doc string) operator {
		return operator{group: "Convolution and pooling", inputs: 1, infer: inferPool(global, firstType), lower: lowerPool(global), doc: doc}
	}
	const pooling = "`O[b][k][oy][ox] += I[b][k][iy][ix]` over the window, 1-D to 3-D; accumulated in the precision of the result"
	const global = "the same with the whole tensor as the window"
	transposed := operator{group: "Convolution and pooling", inputs: 2, infer: inferConvTranspose, lower: lowerConvTranspose, ids: transposedIDs,
		doc: "`O[b][g k][oy py][ox px] += W[g c][k][fy py][fx px] * I[b][g c][iy][ix]`: with a stride s, each of s phases p of the output has its own taps of the kernel, so that no multiplication with an inserted zero is counted; where s does not divide the kernel, phases with more and with fewer taps are layers of their own"}
	return map[string]operator{
		"Conv": {group: "Convolution and pooling", inputs: 2, infer: conv.infer(firstType), lower: conv.lower, ids: conv.ids,
			doc: "`O[b][g k][oy][ox] += W[g k][c][fy][fx] * I[b][g c][iy][ix]` with `iy = stride*oy + dilation*fy - pad`, 1-D (ox), 2-D and 3-D (oz oy ox); a constant bias costs nothing, a computed one is added by a layer"},
		"ConvTranspose":     transposed,
		"MaxPool":           pool(false, pooling),
		"AveragePool":       pool(false, pooling),
		"LpPool":            pool(false, pooling),
		"GlobalAveragePool": pool(true, global),
		"GlobalMaxPool":     pool(true, global),
		"GlobalLpPool":      pool(true, global),
		"com.microsoft.FusedConv": {group: "Convolution and pooling", inputs: 2, infer: conv.infer(firstType), lower: lowerFusedConv, ids: several(4),
			doc: "Conv; its activation costs nothing; a tensor that is added is a layer"},
	}
}

// lowerFusedConv is a convolution with an activation, and a tensor to add before it.
func lowerFusedConv(l *lowering, p *part) error {
	n, err := convolution{0, 1, 2}.nest(l, p)
	if err != nil {
		return err
	}
	k := convolution{0, 1, 2}
	if p.has(3) || k.computedBias(p) {
		n.part = "conv"
	}
	v, err := l.layer(p, n)
	if err == nil && k.computedBias(p) {
		v, err = l.channelBias(p, v, k.bias)
	}
	if err == nil && p.has(3) {
		v, err = l.binary(p, "add", "Add", v, p.value(3))
	}
	if err == nil {
		l.bind(p, 0, v)
	}
	return err
}
