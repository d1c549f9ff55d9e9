package onnx

import (
	"errors"
	"slices"

	"streamdse/workload"
)

// typeOf is the type of input i, or otherwise if it is left out.
func typeOf(i int, otherwise DataType) func(*call) DataType {
	return func(c *call) DataType {
		if t := c.input(i); !t.absent {
			return t.typ
		}
		return otherwise
	}
}

func always(t DataType) func(*call) DataType { return func(*call) DataType { return t } }

func inferQuantize(c *call) ([]tensor, error) {
	typ := typeOf(2, UInt8)(c)
	if c.input(2).absent {
		if t := DataType(c.Int("output_dtype", 0)); t != 0 {
			typ = t
		}
	}
	return []tensor{{known: true, typ: typ, shape: c.in[0].shape}}, nil
}

func inferDequantize(c *call) ([]tensor, error) {
	return []tensor{{known: true, typ: c.in[1].typ, shape: c.in[0].shape}}, nil
}

func inferDynamicQuantize(c *call) ([]tensor, error) {
	return []tensor{{known: true, typ: UInt8, shape: c.in[0].shape}, {known: true, typ: Float32, shape: []int64{}},
		{known: true, typ: UInt8, shape: []int64{}}}, nil
}

// lowerQuantize merges into the layer before it, which then writes the quantised
// type; otherwise data just passes.
func lowerQuantize(l *lowering, p *part) error {
	o := p.source[0]
	fold := o.Kind == workload.FromLayer && o.sole && l.readers[p.Inputs[0]] == 1
	v := l.through(p, p.value(0), workload.Movement{Kind: workload.Transparent, Shape: ints(p.shape)})
	if fold {
		layer := &l.out.Layers[o.Layer]
		layer.Folded = append(layer.Folded, p.OpType+" "+p.name)
		pr := l.precision(Precision{}, layer.Name)
		out := &layer.Operands[0]
		plain := out.Bits == out.FinalBits
		out.FinalBits = pr.of(pr.Activation, p.typ, out.FinalBits)
		if out.Bits = max(out.Bits, out.FinalBits); plain && layer.Relations != nil && layer.Type != "Conv" {
			out.Bits = out.FinalBits
		}
		v.Source = o.Source
		v.Tensor = p.Outputs[0]
	}
	v.typ, v.stored = p.typ, 0
	l.bind(p, 0, v)
	return nil
}

// lowerDequantize lets data pass: what reads the result reads the quantised type.
func lowerDequantize(l *lowering, p *part) error {
	v := p.value(0)
	if v.Kind == workload.FromConstant {
		v.stored = v.typ
		l.bind(p, 0, v)
		return nil
	}
	typ := v.typ
	v = l.through(p, v, workload.Movement{Kind: workload.Transparent, Shape: ints(p.shape)})
	v.stored = typ
	l.bind(p, 0, v)
	return nil
}

// lowerDynamicQuantize: the smallest and the largest element, and the quotient.
//
//	range: O[] += I[..] * W[]      scale: O[..] += I[..] * W[]
func lowerDynamicQuantize(l *lowering, p *part) error {
	x := p.value(0)
	r := rowsOf(x.shape, trailing(len(x.shape), 0))
	limits, err := l.step(p, r, "range", true, x, l.noWeights())
	if err != nil {
		return err
	}
	v, err := l.layer(p, nest{part: "scale", dims: r.dims, out: r.full, shape: x.shape, typ: UInt8,
		ins: []reading{reads("I", x, r.full...), r.each(limits)}})
	if err != nil {
		return err
	}
	l.bind(p, 0, v)
	l.bind(p, 1, limits)
	l.bind(p, 2, limits)
	return nil
}

// quantisedBinary is an addition or multiplication of inputs a and b.
func quantisedBinary(kind string, a, b, zero int) operator {
	return operator{group: "Quantised", inputs: b + 1,
		infer: func(c *call) ([]tensor, error) {
			shape, err := broadcast(c.in[a].shape, c.in[b].shape)
			if err != nil {
				return nil, err
			}
			return []tensor{{known: true, typ: typeOf(zero, c.in[a].typ)(c), shape: shape}}, nil
		},
		lower: func(l *lowering, p *part) error {
			v, err := l.binary(p, "", kind, p.value(a), p.value(b))
			if err == nil {
				l.bind(p, 0, v)
			}
			return err
		},
		doc: kind + " in the precisions of its operands and its result",
	}
}

func inferQLinearConcat(c *call) ([]tensor, error) {
	first := c.in[2].shape
	a, err := axis(c.Int("axis", 1), len(first))
	if err != nil {
		return nil, err
	}
	shape := slices.Clone(first)
	for i := 5; i < len(c.in); i += 3 {
		if len(c.in[i].shape) != len(first) {
			return nil, errors.New("its inputs differ in rank")
		}
		shape[a] += c.in[i].shape[a]
	}
	return []tensor{{known: true, typ: c.in[2].typ, shape: shape}}, nil
}

func lowerQLinearConcat(l *lowering, p *part) error {
	a, err := axis(p.Int("axis", 1), len(p.in[2].shape))
	if err != nil {
		return err
	}
	p.moves = true
	var parts []val
	for i := 2; i < len(p.in); i += 3 {
		parts = append(parts, p.value(i))
	}
	l.bind(p, 0, l.concat(p, a, parts...))
	return nil
}

// quantisedProduct is a matrix product of inputs a and b.
func quantisedProduct(inputs, a, b int, typ func(*call) DataType, doc string) operator {
	return operator{group: "Quantised", inputs: inputs, infer: inferProduct(a, b, typ), doc: doc,
		lower: func(l *lowering, p *part) error {
			v, err := l.product(p, "", p.value(a), p.value(b), Precision{})
			if err == nil {
				l.bind(p, 0, v)
			}
			return err
		}}
}

func quantisedConv(inputs int, k convolution, typ func(*call) DataType, doc string) operator {
	return operator{group: "Quantised", inputs: inputs, infer: k.infer(typ), lower: k.lower, ids: k.ids, doc: doc}
}

func inferQGemm(c *call) ([]tensor, error) {
	inner := &call{Node: c.Node, opset: c.opset, in: []tensor{c.in[0], c.in[3], c.input(6)}}
	outs, err := inferGemm(inner)
	if err == nil {
		outs[0].typ = typeOf(8, Float32)(c)
	}
	return outs, err
}

// quantisedOperators compute with integers of few bits.
func quantisedOperators() map[string]operator {
	const accumulated = "in the precisions that the types of its operands and its result have"
	group := "Quantised"
	quantised := func(infer func(*call) ([]tensor, error), lower func(*lowering, *part) error, doc string) operator {
		return operator{group: group, inputs: 1, infer: infer, lower: lower, doc: doc}
	}
	table := map[string]operator{
		"QuantizeLinear":   quantised(inferQuantize, lowerQuantize, "merged into the layer before it, whose result then has the quantised type; else transparent"),
		"DequantizeLinear": quantised(inferDequantize, lowerDequantize, "transparent: what reads it reads the quantised type"),
		"DynamicQuantizeLinear": {group: group, inputs: 1, infer: inferDynamicQuantize, lower: lowerDynamicQuantize, ids: several(2),
			doc: "two layers: range, over the whole tensor, and scale"},
		"QLinearConv":   quantisedConv(8, convolution{0, 3, 8}, typeOf(7, UInt8), "Conv "+accumulated),
		"ConvInteger":   quantisedConv(2, convolution{0, 1, 0}, always(Int32), "Conv with a result of 32 bits"),
		"QLinearMatMul": quantisedProduct(8, 0, 3, typeOf(7, UInt8), "MatMul "+accumulated),
		"MatMulInteger": quantisedProduct(2, 0, 1, always(Int32), "MatMul with a result of 32 bits"),
	}
	for name, op := range map[string]operator{
		"QLinearConv": channelsLast(table["QLinearConv"], 0, sayChannelsLast),
		"QGemm": {group: group, inputs: 6, infer: inferQGemm, lower: matrices{0, 3, 6}.lower, ids: biased(6),
			doc: "Gemm " + accumulated},
		"QLinearAdd": quantisedBinary("Add", 0, 3, 7),
		"QLinearMul": quantisedBinary("Mul", 0, 3, 7),
		"QLinearGlobalAveragePool": channelsLast(operator{group: group, inputs: 5, infer: inferPool(true, typeOf(4, UInt8)), lower: lowerPool(true),
			doc: "GlobalAveragePool in the precisions of its types"}, 0, sayChannelsLast),
		"QLinearAveragePool": channelsLast(operator{group: group, inputs: 4, infer: inferPool(false, typeOf(4, UInt8)), lower: lowerPool(false),
			doc: "AveragePool in the precisions of its types"}, 0, sayChannelsLast),
		"QLinearSigmoid":   {group: group, inputs: 1, infer: sameAsFirst, lower: lowerActivation, doc: "like an activation"},
		"QLinearLeakyRelu": {group: group, inputs: 1, infer: sameAsFirst, lower: lowerActivation, doc: "like an activation"},
		"QLinearConcat": {group: group, inputs: 3, infer: inferQLinearConcat, lower: lowerQLinearConcat,
			doc: "Concat"},
		"QLinearSoftmax":        {group: group, inputs: 1, infer: sameAsFirst, lower: lowerSoftmax(false), ids: several(4), doc: "like Softmax"},
		"DynamicQuantizeMatMul": quantisedProduct(2, 0, 1, always(Float32), "MatMul; its input is quantised on the fly at no cost"),
		"MatMulIntegerToFloat":  quantisedProduct(4, 0, 1, always(Float32), "MatMul "+accumulated),
		"QuantizeLinear":        table["QuantizeLinear"],
		"DequantizeLinear":      table["DequantizeLinear"],
	} {
		table["com.microsoft."+name] = op
	}
	return table
}
