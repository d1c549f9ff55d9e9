package onnx

import (
	"fmt"
	"slices"

	"streamdse/workload"
)

// plan gives the steps that take the first input of a movement operator to each of its
// outputs. They describe it once: shapes, the values of constants and what layers read
// follow from them.
type plan func(c *call) ([][]workload.Movement, error)

func movementOperator(inputs int, steps plan, doc string) operator {
	return operator{
		group: "Data movement", inputs: inputs, doc: doc,
		infer: func(c *call) ([]tensor, error) {
			outputs, err := steps(c)
			if err != nil {
				return nil, err
			}
			outs := make([]tensor, len(outputs))
			for i, via := range outputs {
				outs[i] = tensor{known: true, typ: c.in[0].typ, shape: c.in[0].shape}
				if n := len(via); n > 0 {
					outs[i].shape = wide(via[n-1].Shape)
				}
			}
			return outs, nil
		},
		fold: func(c *call, outs []tensor) {
			outputs, err := steps(c)
			if err != nil {
				return
			}
			for i, via := range outputs {
				outs[i].value = moved(c.in[0].value, c.in[0].shape, via)
			}
		},
		lower: func(l *lowering, p *part) error {
			if err := p.constantParameters(); err != nil {
				return err
			}
			outputs, err := steps(p.call)
			if err != nil {
				return err
			}
			p.moves = true
			for i, via := range outputs {
				if i < len(p.Outputs) && p.Outputs[i] != "" {
					l.bind(p, i, l.through(p, p.value(0), via...))
				}
			}
			return nil
		},
	}
}

// single makes a plan of one output out of a list of steps.
func single(f func(c *call) ([]workload.Movement, error)) plan {
	return func(c *call) ([][]workload.Movement, error) {
		via, err := f(c)
		if err != nil {
			return nil, err
		}
		return [][]workload.Movement{via}, nil
	}
}

func planIdentity(c *call) ([]workload.Movement, error) {
	return []workload.Movement{{Kind: workload.Transparent, Shape: ints(c.in[0].shape)}}, nil
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

func inferConcat(c *call) ([]tensor, error) {
	first := c.in[0].shape
	a, err := axis(c.Int("axis", 1), len(first)) // the default is that of version 1
	if err != nil {
		return nil, err
	}
	out := slices.Clone(first)
	out[a] = 0
	for _, t := range c.in {
		if t.absent || len(t.shape) != len(first) {
			return nil, fmt.Errorf("its inputs are %s and %s", shapeString(first), shapeString(t.shape))
		}
		for i, d := range t.shape {
			if i == a {
				out[a] += d
			} else if d != first[i] {
				return nil, fmt.Errorf("its inputs %s and %s differ in dimension %d", shapeString(first), shapeString(t.shape), i)
			}
		}
	}
	return one(out...), nil
}

func foldConcat(c *call, outs []tensor) {
	a, err := axis(c.Int("axis", 1), len(c.in[0].shape))
	if err != nil {
		return
	}
	value := []float64{}
	for o := range elements(c.in[0].shape[:a]) {
		for _, t := range c.in {
			n := elements(t.shape[a:])
			value = append(value, t.value[o*n:(o+1)*n]...)
		}
	}
	outs[0].value = value
}

func lowerConcat(l *lowering, p *part) error {
	a, err := axis(p.Int("axis", 1), len(p.in[0].shape))
	if err != nil {
		return err
	}
	p.moves = true
	parts := make([]val, len(p.in))
	for i := range parts {
		parts[i] = p.value(i)
	}
	l.bind(p, 0, l.concat(p, a, parts...))
	return nil
}

// movementOperators rearrange tensors.
func movementOperators() map[string]operator {
	same := func(doc string) operator { return movementOperator(1, single(planIdentity), doc) }
	dropout := same("transparent in inference")
	dropout.fold = nil
	dropout.infer = func(c *call) ([]tensor, error) {
		mask := Bool
		if c.opset < 10 {
			mask = c.in[0].typ
		}
		return []tensor{c.in[0], {known: true, typ: mask, shape: c.in[0].shape}}, nil
	}
	gather := movementOperator(2, single(planGather), "constant indices: selects positions of an axis. Others: a layer `O[d][k] += I[d] * W[d][k]` that moves the rows it looks up; of a computed table, it waits for all of it")
	gather.infer = gatherOr(gather.infer)
	gather.lower = lowerGather(gather.lower)
	concat := operator{group: "Data movement", inputs: 1, infer: inferConcat, fold: foldConcat, lower: lowerConcat,
		doc: "the operand that reads it is put together from several producers, each with its place"}
	return map[string]operator{
		"Reshape":      movementOperator(1, single(planReshape), "row-major reinterpretation"),
		"Flatten":      movementOperator(1, single(planFlatten), "row-major reinterpretation"),
		"Squeeze":      movementOperator(1, single(planSqueeze), "row-major reinterpretation"),
		"Unsqueeze":    movementOperator(1, single(planUnsqueeze), "row-major reinterpretation"),
		"Transpose":    movementOperator(1, single(planTranspose), "permutes axes"),
		"Slice":        movementOperator(1, single(planSlice), "selects positions of axes, also with steps and backwards"),
		"Split":        movementOperator(1, planSplit, "selects, for each output"),
		"Pad":          movementOperator(1, single(planPad), "constant: gaps, which nobody computes and nothing moves; reflect, edge, wrap: selects positions again; negative: crops"),
		"Expand":       movementOperator(2, single(planExpand), "repeats: every position reads the one element"),
		"Tile":         movementOperator(2, single(planTile), "repeats"),
		"DepthToSpace": movementOperator(1, single(planDepthToSpace), "Reshape, Transpose, Reshape"),
		"SpaceToDepth": movementOperator(1, single(planSpaceToDepth), "Reshape, Transpose, Reshape"),
		"Gather":       gather,
		"Concat":       concat,
		"Identity":     same("transparent"),
		"Dropout":      dropout,
		"Cast":         cast(same("transparent: precisions are those of the layers"), func(c *call) DataType { return DataType(c.Int("to", 0)) }),
		"CastLike":     cast(same("transparent: precisions are those of the layers"), func(c *call) DataType { return c.in[1].typ }),
	}
}

// cast changes the type of what an operator returns.
func cast(op operator, to func(*call) DataType) operator {
	infer := op.infer
	op.infer = func(c *call) ([]tensor, error) {
		outs, err := infer(c)
		if err == nil {
			outs[0].typ = to(c)
		}
		return outs, err
	}
	op.fold = func(c *call, outs []tensor) {
		outs[0].value = slices.Clone(c.in[0].value)
		for i, v := range outs[0].value {
			switch t := to(c); {
			case t == Bool && v != 0:
				outs[0].value[i] = 1
			case isInteger(t):
				outs[0].value[i] = float64(toInt(v))
			}
		}
	}
	return op
}
