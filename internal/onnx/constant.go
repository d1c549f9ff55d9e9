package onnx

import (
	"errors"
	"fmt"
	"math"

	"streamdse/workload"
)

// Small constants are evaluated while shapes are inferred: they are what shapes,
// axes and paddings are computed from. A value is a list of float64 in row-major
// order, whatever the type: exact for the integers that shapes are made of.

// integers are the elements of argument i as integers, false if they are unknown.
func (c *call) integers(i int) ([]int64, bool) {
	t := c.input(i)
	if t.absent || t.value == nil {
		return nil, false
	}
	out := make([]int64, len(t.value))
	for j, v := range t.value {
		out[j] = toInt(v)
	}
	return out, true
}

// toInt rounds toward 0 and stops at the ends of int64.
func toInt(v float64) int64 {
	switch {
	case math.IsNaN(v):
		return 0
	case v >= math.MaxInt64:
		return math.MaxInt64
	case v <= math.MinInt64:
		return math.MinInt64
	}
	return int64(v)
}

func isInteger(t DataType) bool {
	switch t {
	case UInt2, Int2, UInt4, Int4, UInt8, Int8, UInt16, Int16, Int32, Int64, UInt32, UInt64, Bool:
		return true
	}
	return false
}

// evaluate computes the elements of a node's outputs if they are few and all
// arguments are known.
func (op operator) evaluate(c *call, outs []tensor) {
	if op.fold == nil {
		return
	}
	for _, t := range c.in {
		if !t.absent && t.value == nil {
			return
		}
	}
	for _, t := range outs {
		if !t.known || elements(t.shape) > MaxIntElements {
			return
		}
	}
	op.fold(c, outs)
}

// pointwise folds an element-wise operator: f gets one element of each argument.
func pointwise(f func(c *call, x []float64) float64) func(*call, []tensor) {
	return func(c *call, outs []tensor) {
		out := &outs[0]
		out.value = make([]float64, elements(out.shape))
		x := make([]float64, len(c.in))
		for i := range out.value {
			for k := range c.in {
				if !c.in[k].absent {
					x[k] = c.in[k].value[broadcastOffset(out.shape, c.in[k].shape, i)]
				}
			}
			out.value[i] = f(c, x)
		}
	}
}

// broadcastOffset is the position in a tensor that is stretched to a shape of the
// shape's element number i.
func broadcastOffset(to, shape []int64, i int) int {
	offset, stride := 0, 1
	for k := len(to) - 1; k >= 0; k-- {
		at := i % int(to[k])
		i /= int(to[k])
		if j := k - len(to) + len(shape); j >= 0 {
			if shape[j] > 1 {
				offset += at * stride
			}
			stride *= int(shape[j])
		}
	}
	return offset
}

// unaryFold and binaryFold are pointwise of plain functions.
func unaryFold(f func(float64) float64) func(*call, []tensor) {
	return pointwise(func(_ *call, x []float64) float64 { return f(x[0]) })
}

func binaryFold(f func(a, b float64) float64) func(*call, []tensor) {
	return pointwise(func(_ *call, x []float64) float64 { return f(x[0], x[1]) })
}

// chainFold combines all arguments one after the other.
func chainFold(f func(a, b float64) float64) func(*call, []tensor) {
	return pointwise(func(_ *call, x []float64) float64 {
		v := x[0]
		for _, y := range x[1:] {
			v = f(v, y)
		}
		return v
	})
}

// foldReduce folds a reduction: f combines the result so far, which begins with
// first, with one element more.
func foldReduce(first float64, f func(acc, x float64) float64) func(*call, []tensor) {
	return func(c *call, outs []tensor) {
		reduced, _, err := c.reducedAxes()
		if err != nil {
			return
		}
		shape := c.in[0].shape
		out := &outs[0]
		out.value = make([]float64, elements(out.shape))
		for i := range out.value {
			out.value[i] = first
		}
		for i, v := range c.in[0].value {
			at, stride, rest := 0, 1, i
			for k := len(shape) - 1; k >= 0; k-- {
				if !reduced[k] {
					at += rest % int(shape[k]) * stride
					stride *= int(shape[k])
				}
				rest /= int(shape[k])
			}
			if at < len(out.value) {
				out.value[at] = f(out.value[at], v)
			}
		}
	}
}

// moved applies movements to the elements of a constant.
func moved(value []float64, shape []int64, via []workload.Movement) []float64 {
	for _, m := range via {
		switch m.Kind {
		case workload.Transpose:
			next := make([]float64, 0, len(value))
			strides := make([]int, len(shape))
			n := 1
			for i := len(shape) - 1; i >= 0; i-- {
				strides[i] = n
				n *= int(shape[i])
			}
			var walk func(axis, at int)
			walk = func(axis, at int) {
				if axis == len(m.Perm) {
					next = append(next, value[at])
					return
				}
				for i := range m.Shape[axis] {
					walk(axis+1, at+i*strides[m.Perm[axis]])
				}
			}
			walk(0, 0)
			value = next
		case workload.Select:
			inner := int(elements(shape[m.Axis+1:]))
			outer := int(elements(shape[:m.Axis]))
			var next []float64
			for o := range outer {
				for _, r := range m.Runs {
					for i := range r.Count {
						for j := range inner {
							v := 0.0
							if at := r.At(i); at >= 0 {
								v = value[(o*int(shape[m.Axis])+at)*inner+j]
							}
							next = append(next, v)
						}
					}
				}
			}
			value = next
		}
		shape = wide(m.Shape)
	}
	if value == nil {
		value = []float64{}
	}
	return value
}

func wide(shape []int) []int64 {
	out := make([]int64, len(shape))
	for i, d := range shape {
		out[i] = int64(d)
	}
	return out
}

func inferConstant(c *call) ([]tensor, error) {
	for i := range c.Attributes {
		a := &c.Attributes[i]
		switch a.Name {
		case "value", "sparse_value":
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
			t := a.Tensor.tensor()
			return []tensor{t}, nil
		case "value_int":
			return []tensor{scalar(Int64, float64(a.Int))}, nil
		case "value_float":
			return []tensor{scalar(Float32, float64(a.Float))}, nil
		case "value_ints":
			t := tensor{known: true, typ: Int64, shape: []int64{int64(len(a.Ints))}}
			if len(a.Ints) <= MaxIntElements {
				t.value = make([]float64, len(a.Ints))
				for i, v := range a.Ints {
					t.value[i] = float64(v)
				}
			}
			return []tensor{t}, nil
		case "value_floats":
			t := tensor{known: true, typ: Float32, shape: []int64{int64(len(a.Floats))}}
			if len(a.Floats) <= MaxIntElements {
				t.value = make([]float64, len(a.Floats))
				for i, v := range a.Floats {
					t.value[i] = float64(v)
				}
			}
			return []tensor{t}, nil
		}
	}
	return nil, errors.New("it has no value that is a tensor or a number")
}

func scalar(typ DataType, v float64) tensor {
	return tensor{known: true, typ: typ, shape: []int64{}, value: []float64{v}}
}

// list is a one-dimensional integer constant.
func list(values []int64) tensor {
	t := tensor{known: true, typ: Int64, shape: []int64{int64(len(values))}, value: make([]float64, len(values))}
	for i, v := range values {
		t.value[i] = float64(v)
	}
	return t
}

func inferShape(c *call) ([]tensor, error) {
	shape := c.in[0].shape
	rank := int64(len(shape))
	bound := func(name string, otherwise int64) int64 {
		v := c.Int(name, otherwise)
		if v < 0 {
			v += rank
		}
		return min(max(v, 0), rank)
	}
	begin, end := bound("start", 0), bound("end", rank)
	return []tensor{list(shape[begin:max(begin, end)])}, nil
}

func inferSize(c *call) ([]tensor, error) {
	return []tensor{scalar(Int64, float64(elements(c.in[0].shape)))}, nil
}

func inferConstantOfShape(c *call) ([]tensor, error) {
	shape, ok := c.integers(0)
	if !ok {
		return nil, errNeeds("its shape is")
	}
	t := tensor{known: true, typ: Float32, shape: shape}
	v := 0.0
	if a := c.Attribute("value"); a != nil && a.Tensor != nil {
		t.typ = a.Tensor.Type
		if x := a.Tensor.tensor(); len(x.value) == 1 {
			v = x.value[0]
		}
	}
	for i, d := range shape {
		if d < 0 || d > maxDim {
			return nil, fmt.Errorf("dimension %d of its shape is %d", i, d)
		}
	}
	if n := elements(shape); n <= MaxIntElements {
		t.value = make([]float64, n)
		for i := range t.value {
			t.value[i] = v
		}
	}
	return []tensor{t}, nil
}

func inferRange(c *call) ([]tensor, error) {
	var x [3]float64
	for i, t := range c.in[:3] {
		if len(t.value) != 1 {
			return nil, errNeeds("its bounds are")
		}
		x[i] = t.value[0]
	}
	if x[2] == 0 {
		return nil, errors.New("its step is 0")
	}
	n := max(0, math.Ceil((x[1]-x[0])/x[2]))
	if !(n <= maxDim) {
		return nil, fmt.Errorf("it has %g elements", n)
	}
	t := tensor{known: true, typ: c.in[0].typ, shape: []int64{int64(n)}}
	if n <= MaxIntElements {
		t.value = make([]float64, int(n))
		for i := range t.value {
			t.value[i] = x[0] + float64(i)*x[2]
		}
	}
	return []tensor{t}, nil
}

// inferRandom is for operators that make a tensor of a given shape out of nothing.
func inferRandom(c *call) ([]tensor, error) {
	shape := c.Ints("shape", nil)
	if shape == nil && len(c.in) > 0 && !c.in[0].absent {
		shape = c.in[0].shape
	}
	for _, d := range shape {
		if d < 1 || d > maxDim {
			return nil, fmt.Errorf("its shape is %s", shapeString(shape))
		}
	}
	typ := DataType(c.Int("dtype", int64(Float32)))
	return []tensor{{known: true, typ: typ, shape: append([]int64{}, shape...)}}, nil
}

// inferWindow is for the window functions of signals: a list of as many factors as
// the input says.
func inferWindow(c *call) ([]tensor, error) {
	size, ok := c.integers(0)
	if !ok || len(size) != 1 {
		return nil, errNeeds("its size is")
	}
	if size[0] < 1 || size[0] > maxDim {
		return nil, fmt.Errorf("its size is %d", size[0])
	}
	return []tensor{{known: true, typ: DataType(c.Int("output_datatype", int64(Float32))), shape: size}}, nil
}

// inferMelWeights is for the matrix between a spectrum and the bands of hearing.
func inferMelWeights(c *call) ([]tensor, error) {
	bins, ok := c.integers(0)
	length, known := c.integers(1)
	if !ok || !known || len(bins) != 1 || len(length) != 1 {
		return nil, errNeeds("its sizes are")
	}
	if bins[0] < 1 || bins[0] > maxDim || length[0] < 1 || length[0] > maxDim {
		return nil, fmt.Errorf("it has %d bands for a length of %d", bins[0], length[0])
	}
	return []tensor{{known: true, typ: DataType(c.Int("output_datatype", int64(Float32))), shape: []int64{length[0]/2 + 1, bins[0]}}}, nil
}

// constantOperators make values out of nothing, or out of shapes.
func constantOperators() map[string]operator {
	const group = "Constants"
	constant := func(inputs int, infer func(*call) ([]tensor, error), doc string) operator {
		return operator{group: group, inputs: inputs, infer: infer, doc: doc}
	}
	c := constant(0, inferConstant, "takes no number; small values are used to infer shapes")
	c.ids = func(*call) int { return 0 }
	filled := constant(1, inferConstantOfShape, "a constant, so also weights that are generated rather than stored; takes no number")
	filled.ids = c.ids // layers keep their numbers when weights are generated
	return map[string]operator{
		"Constant":          c,
		"Shape":             constant(1, inferShape, "known as soon as shapes are; nothing runs"),
		"Size":              constant(1, inferSize, "known as soon as shapes are; nothing runs"),
		"ConstantOfShape":   filled,
		"Range":             constant(3, inferRange, "a constant"),
		"RandomNormal":      constant(0, inferRandom, "a constant"),
		"RandomUniform":     constant(0, inferRandom, "a constant"),
		"RandomNormalLike":  constant(1, inferRandom, "a constant"),
		"RandomUniformLike": constant(1, inferRandom, "a constant"),
		"EyeLike":           constant(1, inferRandom, "a constant"),
		"HannWindow":        constant(1, inferWindow, "a constant"),
		"HammingWindow":     constant(1, inferWindow, "a constant"),
		"BlackmanWindow":    constant(1, inferWindow, "a constant"),
		"MelWeightMatrix":   constant(5, inferMelWeights, "a constant"),
	}
}
