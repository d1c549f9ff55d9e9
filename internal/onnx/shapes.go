package onnx

import (
	"errors"
	"fmt"
	"slices"
)

// The functions of this file compute the output shapes of one operator each, as
// the ONNX operator specification defines them.

// one returns a single output; its element type is filled in by the caller.
func one(shape ...int64) []tensor { return []tensor{{known: true, shape: shape}} }

func sameAsFirst(c *call) ([]tensor, error) { return one(c.in[0].shape...), nil }

func inferIdentity(c *call) ([]tensor, error) {
	return []tensor{c.in[0]}, nil
}

func inferCast(c *call) ([]tensor, error) {
	t := c.in[0]
	t.typ = DataType(c.Int("to", 0))
	return []tensor{t}, nil
}

func inferDropout(c *call) ([]tensor, error) {
	const boolean = 9
	return []tensor{c.in[0], {known: true, typ: boolean, shape: c.in[0].shape}}, nil
}

func inferConstant(c *call) ([]tensor, error) {
	for i := range c.Attributes {
		a := &c.Attributes[i]
		switch a.Name {
		case "value":
			if a.Tensor == nil {
				return nil, errors.New("its value is not a tensor")
			}
			for _, d := range a.Tensor.Dims {
				if d < 0 || d > maxDim {
					return nil, fmt.Errorf("its value has an impossible shape %s", shapeString(a.Tensor.Dims))
				}
			}
			if elements(a.Tensor.Dims) > maxElements {
				return nil, fmt.Errorf("its value is too large: %s", shapeString(a.Tensor.Dims))
			}
			ints := a.Tensor.Ints
			if ints == nil {
				ints = []int64{} // a constant may be empty
				if elements(a.Tensor.Dims) > 0 {
					ints = nil
				}
			}
			return []tensor{{known: true, typ: a.Tensor.Type, shape: a.Tensor.Dims, ints: ints}}, nil
		case "value_int":
			return []tensor{{known: true, typ: Int64, shape: []int64{}, ints: []int64{a.Int}}}, nil
		case "value_ints":
			return []tensor{{known: true, typ: Int64, shape: []int64{int64(len(a.Ints))}, ints: a.Ints}}, nil
		case "value_float":
			return []tensor{{known: true, typ: Float32, shape: []int64{}}}, nil
		case "value_floats":
			return []tensor{{known: true, typ: Float32, shape: []int64{int64(len(a.Floats))}}}, nil
		}
	}
	return nil, errors.New("it has no value that is a tensor or a number")
}

// broadcast combines shapes by the rules of NumPy: aligned at the last dimension,
// 1 stretches to the other.
func broadcast(shapes ...[]int64) ([]int64, error) {
	rank := 0
	for _, s := range shapes {
		rank = max(rank, len(s))
	}
	out := make([]int64, rank)
	for i := range out {
		out[i] = 1
	}
	for _, s := range shapes {
		for i, d := range s {
			o := &out[rank-len(s)+i]
			switch {
			case *o == 1:
				*o = d
			case d != 1 && d != *o:
				return nil, fmt.Errorf("shapes %s and %s do not broadcast", shapeString(shapes[0]), shapeString(s))
			}
		}
	}
	return out, nil
}

func broadcastAll(c *call) ([]tensor, error) {
	shapes := make([][]int64, 0, len(c.in))
	for _, t := range c.in {
		shapes = append(shapes, t.shape)
	}
	out, err := broadcast(shapes...)
	if err != nil {
		return nil, err
	}
	return one(out...), nil
}

// axis resolves an axis of a tensor of the given rank; negative ones count from the end.
func axis(a int64, rank int) (int, error) {
	if a < -int64(rank) || a >= int64(rank) {
		return 0, fmt.Errorf("axis %d does not exist in a tensor of rank %d", a, rank)
	}
	if a < 0 {
		a += int64(rank)
	}
	return int(a), nil
}

func inferSoftmax(c *call) ([]tensor, error) {
	if _, err := softmaxAxis(c); err != nil {
		return nil, err
	}
	return sameAsFirst(c)
}

// softmaxAxis is the axis that is normalised. Before version 13 all axes from the
// given one on were, which is the same if the others have size 1.
func softmaxAxis(c *call) (int, error) {
	shape := c.in[0].shape
	if c.opset >= 13 {
		return axis(c.Int("axis", -1), len(shape))
	}
	first, err := axis(c.Int("axis", 1), len(shape))
	if err != nil {
		return 0, err
	}
	longest := first
	for i := first; i < len(shape); i++ {
		if shape[i] != 1 {
			if shape[longest] != 1 && i != longest {
				return 0, fmt.Errorf("it normalises several dimensions of %s at once; only one is supported", shapeString(shape))
			}
			longest = i
		}
	}
	return longest, nil
}

func inferFlatten(c *call) ([]tensor, error) {
	shape := c.in[0].shape
	a := c.Int("axis", 1)
	if a < -int64(len(shape)) || a > int64(len(shape)) {
		return nil, fmt.Errorf("axis %d does not exist in a tensor of rank %d", a, len(shape))
	}
	if a < 0 {
		a += int64(len(shape))
	}
	return one(elements(shape[:a]), elements(shape[a:])), nil
}

func inferReshape(c *call) ([]tensor, error) {
	want := c.Ints("shape", nil) // until version 5
	if len(c.in) > 1 {
		want = c.in[1].ints
	}
	total := elements(c.in[0].shape)
	if want == nil {
		if c.declared == nil {
			return nil, errors.New("its shape is not a constant of the model, and the file does not store the result's")
		}
		if elements(c.declared) != total {
			return nil, fmt.Errorf("%d elements cannot take the shape %s", total, shapeString(c.declared))
		}
		return one(c.declared...), nil
	}
	out := slices.Clone(want)
	rest := -1
	for i, d := range want {
		switch {
		case d == 0 && c.Int("allowzero", 0) == 0:
			if i >= len(c.in[0].shape) {
				return nil, fmt.Errorf("its shape copies dimension %d, which %s lacks", i, shapeString(c.in[0].shape))
			}
			out[i] = c.in[0].shape[i]
		case d == -1 && rest < 0:
			rest, out[i] = i, 1
		case d <= 0 || d > maxDim:
			return nil, fmt.Errorf("dimension %d of its shape is %d", i, d)
		}
	}
	n := elements(out)
	if rest >= 0 && n > 0 && total%n == 0 {
		out[rest], n = total/n, total
	}
	if n != total {
		return nil, fmt.Errorf("%s cannot be reshaped to %s", shapeString(c.in[0].shape), shapeString(want))
	}
	return []tensor{{known: true, shape: out, ints: c.in[0].ints}}, nil
}

// axes are the axes that Squeeze and Unsqueeze name, in an attribute until version 13.
func axes(c *call) ([]int64, bool, error) {
	if a := c.Attribute("axes"); a != nil {
		return a.Ints, true, nil
	}
	if t := c.input(1); !t.absent {
		if t.ints == nil {
			return nil, false, errors.New("its axes are not a constant of the model")
		}
		return t.ints, true, nil
	}
	return nil, false, nil
}

func inferSqueeze(c *call) ([]tensor, error) {
	list, given, err := axes(c)
	if err != nil {
		return nil, err
	}
	shape := c.in[0].shape
	drop := make([]bool, len(shape))
	for i, d := range shape {
		drop[i] = !given && d == 1
	}
	for _, a := range list {
		i, err := axis(a, len(shape))
		if err != nil {
			return nil, err
		}
		if shape[i] != 1 {
			return nil, fmt.Errorf("dimension %d of %s is not 1", i, shapeString(shape))
		}
		drop[i] = true
	}
	out := []int64{}
	for i, d := range shape {
		if !drop[i] {
			out = append(out, d)
		}
	}
	return []tensor{{known: true, shape: out, ints: c.in[0].ints}}, nil
}

func inferUnsqueeze(c *call) ([]tensor, error) {
	list, given, err := axes(c)
	if err != nil {
		return nil, err
	}
	if !given {
		return nil, errors.New("it names no axes")
	}
	shape := c.in[0].shape
	rank := len(shape) + len(list)
	if rank > maxRank {
		return nil, fmt.Errorf("its result has %d dimensions", rank)
	}
	out := make([]int64, rank)
	for _, a := range list {
		i, err := axis(a, rank)
		if err != nil {
			return nil, err
		}
		if out[i] != 0 {
			return nil, fmt.Errorf("axis %d is named twice", i)
		}
		out[i] = 1
	}
	next := 0
	for i := range out {
		if out[i] == 0 {
			out[i] = shape[next]
			next++
		}
	}
	return []tensor{{known: true, shape: out, ints: c.in[0].ints}}, nil
}

func inferTranspose(c *call) ([]tensor, error) {
	perm, err := permutation(c)
	if err != nil {
		return nil, err
	}
	out := make([]int64, len(perm))
	for i, p := range perm {
		out[i] = c.in[0].shape[p]
	}
	return one(out...), nil
}

// permutation is the order of axes of a Transpose, by default reversed.
func permutation(c *call) ([]int, error) {
	rank := len(c.in[0].shape)
	perm := make([]int, rank)
	given := c.Attribute("perm")
	if given != nil && len(given.Ints) != rank {
		return nil, fmt.Errorf("perm has %d entries for a tensor of rank %d", len(given.Ints), rank)
	}
	used := make([]bool, rank)
	for i := range perm {
		p := int64(rank - 1 - i)
		if given != nil {
			p = given.Ints[i]
		}
		if p < 0 || p >= int64(rank) || used[p] {
			return nil, fmt.Errorf("perm %v is not a permutation of %d axes", given.Ints, rank)
		}
		used[p] = true
		perm[i] = int(p)
	}
	return perm, nil
}

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

func inferGemm(c *call) ([]tensor, error) {
	a, b := c.in[0].shape, c.in[1].shape
	if len(a) != 2 || len(b) != 2 {
		return nil, fmt.Errorf("its operands are %s and %s, not matrices", shapeString(a), shapeString(b))
	}
	m, ka, kb, n := a[0], a[1], b[0], b[1]
	if c.Int("transA", 0) != 0 {
		m, ka = ka, m
	}
	if c.Int("transB", 0) != 0 {
		kb, n = n, kb
	}
	if ka != kb {
		return nil, fmt.Errorf("the inner sizes %d and %d of %s and %s differ", ka, kb, shapeString(a), shapeString(b))
	}
	if bias := c.input(2); !bias.absent {
		if s, err := broadcast([]int64{m, n}, bias.shape); err != nil || !slices.Equal(s, []int64{m, n}) {
			return nil, fmt.Errorf("its bias %s does not broadcast to %dx%d", shapeString(bias.shape), m, n)
		}
	}
	return one(m, n), nil
}

func inferMatMul(c *call) ([]tensor, error) {
	a, b := c.in[0].shape, c.in[1].shape
	if len(a) == 0 || len(b) == 0 {
		return nil, errors.New("one of its operands is a scalar")
	}
	ka, kb := a[len(a)-1], b[max(0, len(b)-2)]
	if ka != kb {
		return nil, fmt.Errorf("the inner sizes %d and %d of %s and %s differ", ka, kb, shapeString(a), shapeString(b))
	}
	out, err := broadcast(a[:max(0, len(a)-2)], b[:max(0, len(b)-2)])
	if err != nil {
		return nil, err
	}
	if len(a) > 1 {
		out = append(out, a[len(a)-2])
	}
	if len(b) > 1 {
		out = append(out, b[len(b)-1])
	}
	return one(out...), nil
}
