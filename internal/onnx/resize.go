package onnx

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"streamdse/workload"
)

// resizing says how a tensor is enlarged or reduced.
type resizing struct {
	out  []int64
	mode string // nearest, linear, cubic
	// coordinate is the rule by which positions of the result are looked up.
	coordinate string
	rounding   string // of the nearest position
	antialias  bool
}

// resizing reads an Upsample or Resize of any version.
func (c *call) resizing() (resizing, error) {
	shape := c.in[0].shape
	r := resizing{out: slices.Clone(shape), mode: c.Str("mode", "nearest"), coordinate: "asymmetric", rounding: "floor"}
	if r.mode == "bilinear" || r.mode == "trilinear" {
		r.mode = "linear"
	}
	scaleInput, sizeInput := 1, -1
	if c.OpType == "Resize" && c.opset >= 11 {
		scaleInput, sizeInput = 2, 3
		r.coordinate = c.Str("coordinate_transformation_mode", "half_pixel")
		r.rounding = c.Str("nearest_mode", "round_prefer_floor")
		r.antialias = c.Int("antialias", 0) != 0
	}
	axes, err := c.resizedAxes()
	if err != nil {
		return r, err
	}
	var scales []float64
	switch {
	case c.Attribute("scales") != nil:
		for _, s := range c.Attribute("scales").Floats {
			scales = append(scales, float64(s))
		}
	case c.Attribute("height_scale") != nil && len(shape) == 4:
		scales = []float64{1, 1, c.Float("height_scale", 1), c.Float("width_scale", 1)}
	case sizeInput > 0 && !c.input(sizeInput).absent:
		sizes, ok := c.integers(sizeInput)
		if !ok {
			return r, errNeeds("its sizes are")
		}
		if len(sizes) != len(axes) {
			return r, fmt.Errorf("it has %d sizes for %d dimensions", len(sizes), len(axes))
		}
		for i, a := range axes {
			r.out[a] = sizes[i]
		}
	case !c.input(scaleInput).absent:
		if c.in[scaleInput].value == nil {
			return r, errNeeds("its scales are")
		}
		scales = c.in[scaleInput].value
	default:
		return r, errors.New("it has neither scales nor sizes")
	}
	if scales != nil {
		if err := r.scale(shape, axes, scales); err != nil {
			return r, err
		}
	}
	for i, n := range r.out {
		if n < 1 || n > maxDim {
			return r, fmt.Errorf("dimension %d of its result is %d", i, n)
		}
	}
	return r, nil
}

// resizedAxes are the axes that the attribute names, all without it.
func (c *call) resizedAxes() ([]int, error) {
	rank := len(c.in[0].shape)
	a := c.Attribute("axes")
	if a == nil {
		return counting(0, rank), nil
	}
	var axes []int
	for _, v := range a.Ints {
		i, err := axis(v, rank)
		if err != nil {
			return nil, err
		}
		axes = append(axes, i)
	}
	return axes, nil
}

// scale multiplies axes of a shape.
func (r *resizing) scale(shape []int64, axes []int, scales []float64) error {
	if len(scales) != len(axes) {
		return fmt.Errorf("it has %d scales for %d dimensions", len(scales), len(axes))
	}
	for i, a := range axes {
		n := math.Floor(float64(shape[a]) * scales[i])
		if !(n >= 1 && n <= maxDim) {
			return fmt.Errorf("it scales dimension %d, of %d, by %g", a, shape[a], scales[i])
		}
		r.out[a] = int64(n)
	}
	return nil
}

func inferResize(c *call) ([]tensor, error) {
	r, err := c.resizing()
	if err != nil {
		return nil, err
	}
	return one(r.out...), nil
}

// lowerResize: O[b][k][oy][ox] += I[b][k][iy][ix] over the taps fy, fx, where iy =
// floor(scale*oy + fy - offset): 1 tap for the nearest position, 2 for linear
// interpolation, 4 for cubic, and as many times more as a reduction averages.
func lowerResize(l *lowering, p *part) error {
	for i := 1; i < len(p.in); i++ {
		if p.has(i) && !p.constant(i) && p.in[i].value == nil && p.declared == nil && len(p.in[i].shape) > 0 && p.in[i].shape[0] > 0 {
			return fmt.Errorf("its parameter %q is not a constant", p.Inputs[i])
		}
	}
	r, err := p.resizing()
	if err != nil {
		return err
	}
	x := p.value(0)
	rank := len(x.shape)
	n := nest{shape: p.shape, plain: true}
	var in [][]workload.Dim
	var outer, inner []workload.LoopDim
	for i := range x.shape {
		name := workload.Dim("B")
		switch {
		case i == 1:
			name = "K"
		case i >= 2:
			name = positionName(i, rank)
		}
		n.out = append(n.out, ax(name))
		axis := ax(name)
		outer = append(outer, loop(name, r.out[i]))
		if r.out[i] != x.shape[i] {
			index, tap := "I"+name, "F"+name
			if i >= 2 {
				index, tap = "I"+name[1:], "F"+name[1:]
			}
			relation, taps := r.relation(x.shape[i], r.out[i])
			relation.Index, relation.A, relation.B = index, name, tap
			relation.PadAfter = max(0, relation.Last(int(r.out[i]-1), int(taps-1))+1-int(x.shape[i]))
			n.relations = append(n.relations, relation)
			inner = append(inner, loop(tap, taps))
			axis = ax(index)
		}
		in = append(in, axis)
	}
	if len(n.relations) == 0 {
		l.bind(p, 0, l.through(p, x, workload.Movement{Kind: workload.Transparent, Shape: ints(x.shape)}))
		return nil
	}
	n.dims = append(outer, inner...)
	if rank == 0 {
		n.dims = loops(loop("K", 1))
	}
	n.ins = []reading{reads("I", x, in...), l.noWeights()}
	return l.result(p, n)
}

// relation ties the positions of an axis of n elements to those of the result of m.
func (r resizing) relation(n, m int64) (workload.Relation, int64) {
	taps := map[string]int64{"linear": 2, "cubic": 4}[r.mode]
	if taps == 0 {
		taps = 1
	}
	if r.antialias && m < n && taps > 1 {
		taps = (taps*n + m - 1) / m
	}
	// num/den positions of the argument for one of the result, and where the first
	// lies, in units of 1/(2 den).
	num, den, shift := n, m, int64(0)
	switch r.coordinate {
	case "align_corners":
		num, den = n-1, m-1
		if m == 1 {
			num, den = 0, 1
		}
	case "asymmetric", "tf_crop_and_resize":
	default: // half_pixel and its kin: (x + 1/2) * num/den - 1/2
		shift = num - den
	}
	if taps == 1 {
		switch r.rounding {
		case "ceil":
			shift += 2*den - 1
		case "round_prefer_ceil":
			shift += den
		case "round_prefer_floor":
			shift += den - 1
		}
	} else {
		shift -= 2 * den * (taps/2 - 1) // taps lie around the position
	}
	a, b, d, pad := 2*num, 2*den, 2*den, -shift
	if g := gcd(gcd(a, b), gcd(d, pad)); g > 1 {
		a, b, d, pad = a/g, b/g, d/g, pad/g
	}
	return workload.Relation{CoefA: int(a), CoefB: int(b), Divisor: int(d), PadBefore: int(pad), Size: int(n)}, taps
}

func gcd(a, b int64) int64 {
	if a < 0 {
		a = -a
	}
	if b < 0 {
		b = -b
	}
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

func resizeOperators() map[string]operator {
	op := operator{group: "Resizing", inputs: 1, infer: inferResize, lower: lowerResize,
		doc: "`O[b][k][oy][ox] += I[b][k][iy][ix]` with `iy = floor(scale*oy + fy - offset)`: 1 tap fy for nearest, 2 for linear, 4 for cubic"}
	return map[string]operator{"Resize": op, "Upsample": op}
}
