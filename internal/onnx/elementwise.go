package onnx

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"streamdse/workload"
)

// one returns a single output; its element type is filled in by the caller.
func one(shape ...int64) []tensor {
	if shape == nil {
		shape = []int64{}
	}
	return []tensor{{known: true, shape: shape}}
}

func sameAsFirst(c *call) ([]tensor, error) { return one(c.in[0].shape...), nil }

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

// broadcastTo gives all inputs' common shape in the given type, 0 for that of the
// first input.
func broadcastTo(typ DataType) func(*call) ([]tensor, error) {
	return func(c *call) ([]tensor, error) {
		var shapes [][]int64
		for i, t := range c.in {
			shape := t.shape
			// Until version 7 the second tensor's axes could begin at any axis.
			if a := c.Attribute("axis"); a != nil && i > 0 && c.opset < 7 && c.Int("broadcast", 0) != 0 {
				if at := int(a.Int); at >= 0 && at+len(shape) <= len(c.in[0].shape) {
					shape = slices.Clone(shape)
					for at+len(shape) < len(c.in[0].shape) {
						shape = append(shape, 1)
					}
				}
			}
			shapes = append(shapes, shape)
		}
		out, err := broadcast(shapes...)
		if err != nil {
			return nil, err
		}
		return []tensor{{known: true, typ: typ, shape: out}}, nil
	}
}

// elementDims are the loop dimensions of an element-wise layer: one for each axis,
// B, H, D, K to the innermost, with numbered ones after B for more than four axes;
// a scalar has one of size 1.
func elementDims(shape []int64) ([]workload.LoopDim, []workload.Dim) {
	all := []workload.Dim{"B", "H", "D", "K"}
	var names []workload.Dim
	switch rank := len(shape); {
	case rank == 0:
		return loops(loop("K", 1)), nil
	case rank <= 2:
		names = all[4-rank:]
	case rank == 3:
		names = []workload.Dim{"B", "D", "K"}
	default:
		names = append(batchNames(rank-2), "D", "K")
	}
	dims := make([]workload.LoopDim, len(shape))
	for i, n := range names {
		dims[i] = loop(n, shape[i])
	}
	return dims, names
}

// unary: O[..] += I[..] * W[].
func (l *lowering) unary(p *part, part, kind string, x val) (val, error) {
	dims, names := elementDims(x.shape)
	axes := stretched(names, x.shape, x.shape)
	n := nest{part: part, kind: kind, dims: dims, out: axes, shape: x.shape, ins: []reading{reads("I", x, axes...), l.noWeights()}}
	if part != "" {
		n.typ = x.typ
	}
	return l.layer(p, n)
}

// binary: O[..] += I[..] * W[..]. The first argument is W and the second I, unless
// only the first has the shape of the result or only the second is a constant.
func (l *lowering) binary(p *part, part, kind string, x, y val) (val, error) {
	shape, err := broadcast(x.shape, y.shape)
	if err != nil {
		return val{}, err
	}
	dims, names := elementDims(shape)
	full := func(v val) bool { return elements(v.shape) == elements(shape) }
	constant := func(v val) bool { return v.Kind == workload.FromConstant }
	w, i := x, y
	if constant(y) && !constant(x) || constant(x) == constant(y) && full(x) && !full(y) {
		w, i = y, x
	}
	n := nest{
		part: part, kind: kind, dims: dims, out: stretched(names, shape, shape), shape: shape,
		ins: []reading{
			reads("I", i, stretched(names, shape, i.shape)...),
			reads("W", w, stretched(names, shape, w.shape)...),
		},
	}
	if part != "" {
		n.typ = i.typ
	}
	return l.layer(p, n)
}

func lowerUnary(l *lowering, p *part) error {
	v, err := l.unary(p, "", "", p.value(0))
	if err == nil {
		l.bind(p, 0, v)
	}
	return err
}

// lowerActivation folds an activation into the layer before it, where asked for
// and possible; it is a layer of its own otherwise.
func lowerActivation(l *lowering, p *part) error {
	if err := p.constantParameters(); err != nil {
		return err
	}
	if l.FoldActivations && l.foldable(p) {
		l.fold(p, false)
		return nil
	}
	return lowerUnary(l, p)
}

// lowerClip is an activation whose limits may be computed.
func lowerClip(l *lowering, p *part) error {
	v := p.value(0)
	limited := false
	for i, kind := range []string{1: "Max", 2: "Min"} {
		if i == 0 || !p.has(i) || p.constant(i) {
			continue
		}
		var err error
		if v, err = l.binary(p, strings.ToLower(kind), kind, v, p.value(i)); err != nil {
			return err
		}
		limited = true
	}
	if !limited {
		return lowerActivation(l, p)
	}
	l.bind(p, 0, v)
	return nil
}

// clipIDs leaves a number for each limit that is computed.
func clipIDs(c *call) int {
	n := 0
	for _, i := range []int{1, 2} {
		if t := c.input(i); !t.absent && !t.constant {
			n++
		}
	}
	return max(1, n)
}

// lowerPRelu is an activation with a slope for each channel.
func lowerPRelu(l *lowering, p *part) error {
	if l.FoldActivations && l.foldable(p) {
		l.fold(p, false)
		return nil
	}
	return lowerBinary(l, p)
}

func lowerBinary(l *lowering, p *part) error {
	x, y := p.value(0), p.value(1)
	if len(y.shape) < len(x.shape) && p.opset < 7 && p.Int("broadcast", 0) != 0 {
		shape := slices.Clone(y.shape)
		for at := int(p.Int("axis", int64(len(x.shape)-len(y.shape)))); at+len(shape) < len(x.shape); {
			shape = append(shape, 1)
		}
		y = l.through(p, y, reshaped(shape))
	}
	v, err := l.binary(p, "", "", x, y)
	if err == nil {
		l.bind(p, 0, v)
	}
	return err
}

// lowerChain combines inputs two by two. Constants come last.
func lowerChain(l *lowering, p *part) error {
	var list []val
	for i := range p.in {
		list = append(list, p.value(i))
	}
	if len(list) > 2 { // the order of two decides which one is I
		slices.SortStableFunc(list, func(a, b val) int {
			return boolInt(a.Kind == workload.FromConstant) - boolInt(b.Kind == workload.FromConstant)
		})
	}
	if len(list) == 1 {
		l.bind(p, 0, l.through(p, list[0], workload.Movement{Kind: workload.Transparent, Shape: ints(list[0].shape)}))
		return nil
	}
	v := list[0]
	for i, next := range list[1:] {
		part := ""
		if len(list) > 2 {
			part = strconv.Itoa(i + 1)
		}
		var err error
		if v, err = l.binary(p, part, "", v, next); err != nil {
			return err
		}
	}
	l.bind(p, 0, v)
	return nil
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// lowerWhere picks elements of two tensors: a layer for two of condition and
// tensors that are computed, another for a third.
func lowerWhere(l *lowering, p *part) error {
	var computed, constant []val
	for i := range 3 {
		if v := p.value(i); v.Kind == workload.FromConstant {
			constant = append(constant, v)
		} else {
			computed = append(computed, v)
		}
	}
	slices.SortStableFunc(constant, func(a, b val) int { return int(elements(b.shape) - elements(a.shape)) })
	list := append(computed, constant...)
	if len(computed) < 2 {
		computed = list[:2]
	}
	v := computed[0]
	for i, next := range computed[1:] {
		part := ""
		if len(computed) > 2 {
			part = strconv.Itoa(i + 1)
		}
		var err error
		if v, err = l.binary(p, part, "", v, next); err != nil {
			return err
		}
	}
	if !slices.Equal(v.shape, p.shape) { // the third, constant tensor is larger
		for _, x := range list[len(computed):] {
			var err error
			if v, err = l.binary(p, "full", "", v, x); err != nil {
				return err
			}
		}
	}
	l.bind(p, 0, v)
	return nil
}

func inferWhere(c *call) ([]tensor, error) {
	outs, err := broadcastTo(0)(c)
	if err == nil {
		outs[0].typ = c.in[1].typ
	}
	return outs, err
}

// several is the number of layers that some operators become.
func several(n int) func(*call) int { return func(*call) int { return n } }

func oneLess(c *call) int { return max(1, len(c.in)-1) }

// lowerBiased adds a bias, if there is one, and applies an activation.
func lowerBiased(l *lowering, p *part) error {
	v := p.value(0)
	var err error
	if p.has(1) {
		if v, err = l.binary(p, "bias", "Add", v, p.value(1)); err != nil {
			return err
		}
	}
	if v, err = l.unary(p, "gelu", "Gelu", v); err != nil {
		return err
	}
	l.bind(p, 0, v)
	return nil
}

// elementwiseOperators treat every element by itself.
func elementwiseOperators() map[string]operator {
	const unaryDoc, binaryDoc = "`O[..] += I[..]`", "`O[..] += I[..] * W[..]`, broadcast by missing dimensions"
	table := map[string]operator{}
	unary := func(names []string, fold func(float64) float64) {
		op := operator{group: "Element-wise", inputs: 1, infer: sameAsFirst, lower: lowerUnary, elementwise: true, doc: unaryDoc}
		if fold != nil {
			op.fold = unaryFold(fold)
		}
		for _, n := range names {
			table[n] = op
		}
	}
	unary([]string{"Exp"}, math.Exp)
	unary([]string{"Log"}, math.Log)
	unary([]string{"Sqrt"}, math.Sqrt)
	unary([]string{"Abs"}, math.Abs)
	unary([]string{"Neg"}, func(x float64) float64 { return -x })
	unary([]string{"Floor"}, math.Floor)
	unary([]string{"Ceil"}, math.Ceil)
	unary([]string{"Round"}, math.RoundToEven)
	unary([]string{"Reciprocal"}, func(x float64) float64 { return 1 / x })
	unary([]string{"Sign"}, func(x float64) float64 { return float64(boolInt(x > 0) - boolInt(x < 0)) })
	unary([]string{"Erf", "Sin", "Cos", "Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh", "Asinh", "Acosh", "Atanh", "BitwiseNot", "BitShift"}, nil)

	comparison := func(names []string) {
		for _, n := range names {
			op := table[n]
			op.infer = func(c *call) ([]tensor, error) {
				return []tensor{{known: true, typ: Bool, shape: c.in[0].shape}}, nil
			}
			table[n] = op
		}
	}
	unary([]string{"Not"}, func(x float64) float64 { return float64(boolInt(x == 0)) })
	unary([]string{"IsNaN", "IsInf"}, nil)
	comparison([]string{"Not", "IsNaN", "IsInf"})

	for _, n := range []string{"Relu", "LeakyRelu", "Clip", "Sigmoid", "HardSigmoid", "Tanh", "Gelu", "Silu", "Swish", "HardSwish", "Mish",
		"Elu", "Selu", "Celu", "Softplus", "Softsign", "ThresholdedRelu", "Shrink", "QuickGelu", "Relu6"} {
		table[n] = operator{group: "Activations", inputs: 1, infer: sameAsFirst, lower: lowerActivation, elementwise: true,
			doc: "merged into the layer before it at no cost (`--activations fold`), or `O[..] += I[..]`"}
	}
	clip := table["Clip"]
	clip.lower, clip.ids = lowerClip, clipIDs
	clip.doc = "like the other activations; each limit that is computed is a layer, a Max or Min"
	table["Clip"] = clip
	table["Bernoulli"] = operator{group: "Element-wise", inputs: 1, lower: lowerUnary, doc: unaryDoc,
		infer: func(c *call) ([]tensor, error) {
			return []tensor{{known: true, typ: DataType(c.Int("dtype", int64(c.in[0].typ))), shape: c.in[0].shape}}, nil
		}}
	table["PRelu"] = operator{group: "Activations", inputs: 2, infer: sameAsFirst, lower: lowerPRelu, elementwise: true,
		doc: "merged like the others, or `O[..] += I[..] * W[..]` with its slopes"}

	binary := func(name string, typ DataType, fold func(a, b float64) float64) {
		op := operator{group: "Element-wise", inputs: 2, infer: broadcastTo(typ), lower: lowerBinary, elementwise: true, doc: binaryDoc}
		if fold != nil {
			op.fold = binaryFold(fold)
		}
		table[name] = op
	}
	truth := func(f func(a, b float64) bool) func(a, b float64) float64 {
		return func(a, b float64) float64 { return float64(boolInt(f(a, b))) }
	}
	binary("Add", 0, func(a, b float64) float64 { return a + b })
	binary("Sub", 0, func(a, b float64) float64 { return a - b })
	binary("Mul", 0, func(a, b float64) float64 { return a * b })
	binary("Pow", 0, math.Pow)
	binary("Div", 0, nil)
	binary("Mod", 0, nil)
	for name, f := range map[string]func(integer bool, a, b float64) float64{
		"Div": func(integer bool, a, b float64) float64 {
			if integer {
				return math.Trunc(a / b)
			}
			return a / b
		},
		"Mod": func(_ bool, a, b float64) float64 { return a - b*math.Floor(a/b) },
	} {
		op := table[name]
		op.fold = pointwise(func(c *call, x []float64) float64 {
			v := f(isInteger(c.in[0].typ), x[0], x[1])
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return 0 // division by zero, which a network that runs does not have
			}
			return v
		})
		table[name] = op
	}
	binary("Equal", Bool, truth(func(a, b float64) bool { return a == b }))
	binary("Less", Bool, truth(func(a, b float64) bool { return a < b }))
	binary("LessOrEqual", Bool, truth(func(a, b float64) bool { return a <= b }))
	binary("Greater", Bool, truth(func(a, b float64) bool { return a > b }))
	binary("GreaterOrEqual", Bool, truth(func(a, b float64) bool { return a >= b }))
	binary("And", Bool, truth(func(a, b float64) bool { return a != 0 && b != 0 }))
	binary("Or", Bool, truth(func(a, b float64) bool { return a != 0 || b != 0 }))
	binary("Xor", Bool, truth(func(a, b float64) bool { return (a != 0) != (b != 0) }))
	for _, n := range []string{"BitwiseAnd", "BitwiseOr", "BitwiseXor"} {
		binary(n, 0, nil)
	}

	for name, f := range map[string]func(a, b float64) float64{
		"Sum": func(a, b float64) float64 { return a + b }, "Max": math.Max, "Min": math.Min, "Mean": nil,
	} {
		op := operator{group: "Element-wise", inputs: 1, infer: broadcastTo(0), lower: lowerChain, ids: oneLess, elementwise: true,
			doc: "of two inputs like Add; of more, a chain of layers, two by two"}
		if f != nil {
			op.fold = chainFold(f)
		}
		table[name] = op
	}
	table["Where"] = operator{group: "Element-wise", inputs: 3, infer: inferWhere, lower: lowerWhere, ids: several(2),
		fold: pointwise(func(_ *call, x []float64) float64 {
			if x[0] != 0 {
				return x[1]
			}
			return x[2]
		}), doc: "a layer that reads two of condition and tensors; a second one if all three are computed"}
	gelu := operator{group: "Activations", inputs: 1, infer: sameAsFirst, lower: lowerBiased, ids: several(2),
		doc: "a layer that adds the bias, if there is one, and a Gelu"}
	table["com.microsoft.BiasGelu"], table["com.microsoft.FastGelu"] = gelu, gelu
	return table
}
