package onnx

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"streamdse/workload"
)

// A movement operator is described once, by the steps that take its first input
// to each of its outputs: shapes, the values of constants and what layers read
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

// reshaped is a change of shape.
func reshaped(shape []int64) workload.Movement {
	return workload.Movement{Kind: workload.Reshape, Shape: ints(shape)}
}

// permuted is a transposition of a tensor.
func permuted(shape []int64, perm []int) workload.Movement {
	out := make([]int, len(perm))
	for i, a := range perm {
		out[i] = int(shape[a])
	}
	return workload.Movement{Kind: workload.Transpose, Perm: perm, Shape: out}
}

// selected takes positions of an axis.
func selected(shape []int64, axis int, runs []workload.Run) workload.Movement {
	m := workload.Movement{Kind: workload.Select, Axis: axis, Runs: runs, Shape: ints(shape)}
	m.Shape[axis] = 0
	for _, r := range runs {
		m.Shape[axis] += r.Count
	}
	return m
}

// run is count positions from the given one on.
func run(from, count int64) []workload.Run {
	if count == 0 {
		return nil
	}
	return []workload.Run{{Count: int(count), From: int(from), Step: 1}}
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

func planFlatten(c *call) ([]workload.Movement, error) {
	shape := c.in[0].shape
	a := c.Int("axis", 1)
	if a < -int64(len(shape)) || a > int64(len(shape)) {
		return nil, fmt.Errorf("axis %d does not exist in a tensor of rank %d", a, len(shape))
	}
	if a < 0 {
		a += int64(len(shape))
	}
	return []workload.Movement{reshaped([]int64{elements(shape[:a]), elements(shape[a:])})}, nil
}

func planReshape(c *call) ([]workload.Movement, error) {
	want := c.Ints("shape", nil) // until version 5
	if len(c.in) > 1 {
		want, _ = c.integers(1)
	}
	total := elements(c.in[0].shape)
	if want == nil {
		if c.declared != nil && elements(c.declared) != total {
			return nil, fmt.Errorf("%d elements cannot take the shape %s", total, shapeString(c.declared))
		}
		return nil, errNeeds("its shape is")
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
	if n != total || slices.ContainsFunc(out, func(d int64) bool { return d > maxDim }) {
		return nil, fmt.Errorf("%s cannot be reshaped to %s", shapeString(c.in[0].shape), shapeString(want))
	}
	return []workload.Movement{reshaped(out)}, nil
}

// axes are the axes that an operator names, in an attribute or, since some
// version, in input i.
func (c *call) axes(i int) (list []int64, given bool, err error) {
	if a := c.Attribute("axes"); a != nil {
		return a.Ints, true, nil
	}
	if t := c.input(i); !t.absent {
		list, ok := c.integers(i)
		if !ok {
			return nil, false, errNeeds("its axes are")
		}
		return list, true, nil
	}
	return nil, false, nil
}

func planSqueeze(c *call) ([]workload.Movement, error) {
	list, given, err := c.axes(1)
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
	return []workload.Movement{reshaped(out)}, nil
}

func planUnsqueeze(c *call) ([]workload.Movement, error) {
	list, given, err := c.axes(1)
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
	added := make([]bool, rank)
	for _, a := range list {
		i, err := axis(a, rank)
		if err != nil {
			return nil, err
		}
		if added[i] {
			return nil, fmt.Errorf("axis %d is named twice", i)
		}
		out[i], added[i] = 1, true
	}
	next := 0
	for i := range out {
		if !added[i] {
			out[i] = shape[next]
			next++
		}
	}
	return []workload.Movement{reshaped(out)}, nil
}

func planTranspose(c *call) ([]workload.Movement, error) {
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
	return []workload.Movement{permuted(c.in[0].shape, perm)}, nil
}

// planSlice takes starts, ends, axes and steps from attributes (until version 10)
// or inputs.
func planSlice(c *call) ([]workload.Movement, error) {
	shape := c.in[0].shape
	arguments := map[string][]int64{}
	for i, name := range []string{"starts", "ends", "axes", "steps"} {
		if a := c.Attribute(name); a != nil {
			arguments[name] = a.Ints
		} else if !c.input(i + 1).absent {
			values, ok := c.integers(i + 1)
			if !ok {
				return nil, errNeeds("its " + name + " are")
			}
			arguments[name] = values
		}
	}
	starts, ends, list, steps := arguments["starts"], arguments["ends"], arguments["axes"], arguments["steps"]
	if list == nil {
		for i := range starts {
			list = append(list, int64(i))
		}
	}
	if len(ends) != len(starts) || len(list) != len(starts) || steps != nil && len(steps) != len(starts) {
		return nil, fmt.Errorf("it has %d starts, %d ends, %d axes", len(starts), len(ends), len(list))
	}
	var via []workload.Movement
	for i := range starts {
		a, err := axis(list[i], len(shape))
		if err != nil {
			return nil, err
		}
		step := int64(1)
		if steps != nil {
			step = steps[i]
		}
		if step == 0 {
			return nil, errors.New("one of its steps is 0")
		}
		n := shape[a]
		bound := func(v, lo, hi int64) int64 {
			if v < 0 {
				v += n
			}
			return min(max(v, lo), hi)
		}
		var from, count int64
		if step > 0 {
			from = bound(starts[i], 0, n)
			if end := bound(ends[i], 0, n); end > from {
				count = (end-from-1)/step + 1
			}
		} else {
			from = bound(starts[i], 0, n-1)
			end := ends[i]
			if end < -n {
				end = -1
			} else {
				end = bound(end, 0, n-1)
			}
			if step == math.MinInt64 {
				step++
			}
			if from > end {
				count = (from-end-1)/-step + 1
			}
		}
		m := selected(shape, a, nil)
		m.Shape[a] = int(count)
		if count > 0 {
			if count == 1 {
				step = 1
			}
			m.Runs = []workload.Run{{Count: int(count), From: int(from), Step: int(step)}}
		}
		via = append(via, m)
		shape = wide(m.Shape)
	}
	if len(via) == 0 {
		return planIdentity(c)
	}
	return via, nil
}

func planSplit(c *call) ([][]workload.Movement, error) {
	shape := c.in[0].shape
	a, err := axis(c.Int("axis", 0), len(shape))
	if err != nil {
		return nil, err
	}
	sizes := c.Ints("split", nil)
	if !c.input(1).absent {
		var ok bool
		if sizes, ok = c.integers(1); !ok {
			return nil, errNeeds("the sizes of its parts are")
		}
	}
	if sizes == nil {
		n := int64(len(c.Outputs))
		if n == 0 {
			return nil, errors.New("it has no outputs")
		}
		each := (shape[a] + n - 1) / n
		for left := shape[a]; n > 0; n-- {
			sizes = append(sizes, min(each, left))
			left -= min(each, left)
		}
	}
	total := int64(0)
	for _, n := range sizes {
		if n < 0 || n > maxDim {
			return nil, fmt.Errorf("its parts are %v", sizes)
		}
		total += n
	}
	if total != shape[a] || len(sizes) < len(c.Outputs) {
		return nil, fmt.Errorf("its parts %v do not make up the %d of dimension %d", sizes, shape[a], a)
	}
	var outputs [][]workload.Movement
	from := int64(0)
	for _, n := range sizes {
		outputs = append(outputs, []workload.Movement{selected(shape, a, run(from, n))})
		from += n
	}
	return outputs, nil
}

func planPad(c *call) ([]workload.Movement, error) {
	shape := c.in[0].shape
	pads := c.Ints("pads", c.Ints("paddings", nil)) // until version 11; version 1
	if !c.input(1).absent {
		var ok bool
		if pads, ok = c.integers(1); !ok {
			return nil, errNeeds("its paddings are")
		}
	}
	var list []int64
	if !c.input(3).absent {
		var ok bool
		if list, ok = c.integers(3); !ok {
			return nil, errNeeds("its axes are")
		}
	} else {
		for i := range shape {
			list = append(list, int64(i))
		}
	}
	if len(pads) != 2*len(list) {
		return nil, fmt.Errorf("it has %d paddings for %d dimensions", len(pads), len(list))
	}
	var via []workload.Movement
	for i, at := range list {
		a, err := axis(at, len(shape))
		if err != nil {
			return nil, err
		}
		before, after, n := pads[i], pads[len(list)+i], shape[a]
		if before == 0 && after == 0 {
			continue
		}
		runs, err := padRuns(c.Str("mode", "constant"), before, after, n)
		if err != nil {
			return nil, err
		}
		via = append(via, selected(shape, a, runs))
		shape = wide(via[len(via)-1].Shape)
	}
	if len(via) == 0 {
		return planIdentity(c)
	}
	return via, nil
}

// padRuns are the positions of an axis of n elements that is padded, or cropped
// where a padding is negative.
func padRuns(mode string, before, after, n int64) ([]workload.Run, error) {
	kept := n + min(before, 0) + min(after, 0)
	if kept < 0 || kept == 0 && mode != "constant" || before > maxDim || after > maxDim {
		return nil, fmt.Errorf("its paddings are %d and %d of a dimension of %d", before, after, n)
	}
	first := max(0, -before)
	last := first + kept - 1
	var runs []workload.Run
	pad := func(count, from, step int64, gap bool) {
		if count > 0 {
			runs = append(runs, workload.Run{Count: int(count), From: int(from), Step: int(step), Gap: gap})
		}
	}
	switch mode {
	case "constant":
		pad(before, 0, 0, true)
		pad(kept, first, 1, false)
		pad(after, 0, 0, true)
	case "edge":
		pad(before, first, 0, false)
		pad(kept, first, 1, false)
		pad(after, last, 0, false)
	case "reflect", "wrap":
		if mode == "reflect" && max(before, after) >= kept || max(before, after) > kept {
			return nil, fmt.Errorf("it pads a dimension of %d by %d and %d from itself", n, before, after)
		}
		if mode == "wrap" {
			pad(before, last-before+1, 1, false)
			pad(kept, first, 1, false)
			pad(after, first, 1, false)
		} else {
			pad(before, first+before, -1, false)
			pad(kept, first, 1, false)
			pad(after, last-1, -1, false)
		}
	default:
		return nil, fmt.Errorf("its mode %q is unknown", mode)
	}
	return runs, nil
}

func planExpand(c *call) ([]workload.Movement, error) {
	want, ok := c.integers(1)
	if !ok {
		return nil, errNeeds("its shape is")
	}
	for i, d := range want {
		if d < 0 || d > maxDim {
			return nil, fmt.Errorf("dimension %d of its shape is %d", i, d)
		}
	}
	out, err := broadcast(c.in[0].shape, want)
	if err != nil {
		return nil, err
	}
	return stretch(c.in[0].shape, out), nil
}

// stretch broadcasts a tensor to a shape.
func stretch(shape, to []int64) []workload.Movement {
	var via []workload.Movement
	if len(shape) < len(to) {
		full := make([]int64, len(to)-len(shape), len(to))
		for i := range full {
			full[i] = 1
		}
		shape = append(full, shape...)
		via = append(via, reshaped(shape))
	}
	for i := range to {
		if shape[i] != to[i] {
			m := selected(shape, i, []workload.Run{{Count: int(to[i])}})
			via = append(via, m)
			shape = wide(m.Shape)
		}
	}
	if len(via) == 0 {
		via = append(via, workload.Movement{Kind: workload.Transparent, Shape: ints(shape)})
	}
	return via
}

// planTile repeats a tensor: along an axis of its own, which is then merged with
// the one that is repeated.
func planTile(c *call) ([]workload.Movement, error) {
	shape := c.in[0].shape
	repeats, ok := c.integers(1)
	if !ok {
		return nil, errNeeds("its repeats are")
	}
	if len(repeats) != len(shape) {
		return nil, fmt.Errorf("it has %d repeats for %d dimensions", len(repeats), len(shape))
	}
	var via []workload.Movement
	for i, n := range repeats {
		if n < 0 || n > maxDim || n > 0 && shape[i] > maxDim/n {
			return nil, fmt.Errorf("it repeats dimension %d, of %d, %d times", i, shape[i], n)
		}
		if n == 1 {
			continue
		}
		split := slices.Insert(slices.Clone(shape), i, 1)
		repeated := selected(split, i, []workload.Run{{Count: int(n)}})
		shape = slices.Clone(shape)
		shape[i] *= n
		via = append(via, reshaped(split), repeated, reshaped(shape))
	}
	if len(via) == 0 {
		return planIdentity(c)
	}
	return via, nil
}

func planDepthToSpace(c *call) ([]workload.Movement, error) {
	x, b := c.in[0].shape, c.Int("blocksize", 0)
	if len(x) != 4 || b < 1 || b > maxDim || x[1]%b != 0 || x[1]/b%b != 0 || x[2] > maxDim/b || x[3] > maxDim/b {
		return nil, fmt.Errorf("its input is %s, its block size %d", shapeString(x), b)
	}
	split, perm := []int64{x[0], b, b, x[1] / b / b, x[2], x[3]}, []int{0, 3, 4, 1, 5, 2}
	if c.Str("mode", "DCR") == "CRD" {
		split, perm = []int64{x[0], x[1] / b / b, b, b, x[2], x[3]}, []int{0, 1, 4, 2, 5, 3}
	}
	return []workload.Movement{reshaped(split), permuted(split, perm), reshaped([]int64{x[0], x[1] / b / b, x[2] * b, x[3] * b})}, nil
}

func planSpaceToDepth(c *call) ([]workload.Movement, error) {
	x, b := c.in[0].shape, c.Int("blocksize", 0)
	if len(x) != 4 || b < 1 || b > maxDim || x[2]%b != 0 || x[3]%b != 0 {
		return nil, fmt.Errorf("its input is %s, its block size %d", shapeString(x), b)
	}
	split := []int64{x[0], x[1], x[2] / b, b, x[3] / b, b}
	return []workload.Movement{reshaped(split), permuted(split, []int{0, 3, 5, 1, 2, 4}), reshaped([]int64{x[0], x[1] * b * b, x[2] / b, x[3] / b})}, nil
}

// planGather takes positions of an axis by constant indices.
func planGather(c *call) ([]workload.Movement, error) {
	shape, index := c.in[0].shape, c.in[1]
	a, err := axis(c.Int("axis", 0), len(shape))
	if err != nil {
		return nil, err
	}
	positions, ok := c.integers(1)
	if !ok {
		return nil, errNeeds("its indices are")
	}
	list := make([]int64, len(positions))
	for i, v := range positions {
		if list[i], err = at(v, shape[a]); err != nil {
			return nil, err
		}
	}
	m := selected(shape, a, runsOf(list))
	out := slices.Concat(shape[:a], index.shape, shape[a+1:])
	return []workload.Movement{m, reshaped(out)}, nil
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
