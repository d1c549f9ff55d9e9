package onnx

import (
	"errors"
	"fmt"
	"slices"

	"streamdse/workload"
)

// This file is about operators that take or place elements by lists of positions.
// Where the model stores the positions, the way of every element is known, and
// nothing is computed.

// errDepends is the error of an operator whose result has a shape that only the
// running network knows.
var errDepends = errors.New("the shape of its result depends on values that only the running network knows; cut the model before it")

// runsOf are the runs of a list of positions; -1 stands for a gap.
func runsOf(positions []int64) []workload.Run {
	var runs []workload.Run
	for _, p := range positions {
		if n := len(runs); n > 0 {
			last := &runs[n-1]
			switch {
			case last.Gap && p < 0:
				last.Count++
				continue
			case last.Gap || p < 0:
			case last.Count == 1:
				last.Step = int(p) - last.From
				last.Count = 2
				continue
			case last.At(last.Count) == int(p):
				last.Count++
				continue
			}
		}
		if p < 0 {
			runs = append(runs, workload.Run{Count: 1, Gap: true})
		} else {
			runs = append(runs, workload.Run{Count: 1, From: int(p), Step: 1})
		}
	}
	return runs
}

// strides are the distances of neighbours along each axis, in elements.
func strides(shape []int64) []int64 {
	list := make([]int64, len(shape))
	n := int64(1)
	for i := len(shape) - 1; i >= 0; i-- {
		list[i] = n
		n *= shape[i]
	}
	return list
}

// at resolves an index of a dimension; negative ones count from the end.
func at(index, size int64) (int64, error) {
	if index < -size || index >= size {
		return 0, fmt.Errorf("its index %d does not exist in a dimension of %d", index, size)
	}
	if index < 0 {
		index += size
	}
	return index, nil
}

// along are the positions, in a tensor of the given shape taken as a list, that
// GatherElements and ScatterElements mean: those of the index tensor's elements
// with the index in place of their position on the axis.
func (c *call) along(shape []int64, values []int64, index []int64) ([]int64, error) {
	a, err := axis(c.Int("axis", 0), len(shape))
	if err != nil {
		return nil, err
	}
	outer, inner := strides(index), strides(shape)
	list := make([]int64, len(values))
	for i, v := range values {
		if v, err = at(v, shape[a]); err != nil {
			return nil, err
		}
		rest := int64(i)
		for k := range index {
			step := rest / outer[k]
			rest %= outer[k]
			if k == a {
				step = v
			}
			list[i] += step * inner[k]
		}
	}
	return list, nil
}

// aligned checks the tensor of indices of a GatherElements or ScatterElements.
func (c *call) aligned() error {
	x, index := c.in[0].shape, c.in[1].shape
	a, err := axis(c.Int("axis", 0), len(x))
	if err != nil {
		return err
	}
	if len(index) != len(x) {
		return fmt.Errorf("its indices %s have another rank than %s", shapeString(index), shapeString(x))
	}
	for i, d := range index {
		if i != a && d > x[i] {
			return fmt.Errorf("its indices %s do not fit %s", shapeString(index), shapeString(x))
		}
	}
	return nil
}

// planGatherElements takes single elements.
func planGatherElements(c *call) ([]workload.Movement, error) {
	if err := c.aligned(); err != nil {
		return nil, err
	}
	values, ok := c.integers(1)
	if !ok {
		return nil, errNeeds("its indices are")
	}
	list, err := c.along(c.in[0].shape, values, c.in[1].shape)
	if err != nil {
		return nil, err
	}
	flat := []int64{elements(c.in[0].shape)}
	return []workload.Movement{reshaped(flat), selected(flat, 0, runsOf(list)), reshaped(c.in[1].shape)}, nil
}

// tuples describes indices whose last axis is a position in several dimensions.
type tuples struct {
	batch, size int     // leading axes that both tensors share; dimensions of a position
	outer       []int64 // axes of the indices but the last
}

// tuples checks the indices of a GatherND or ScatterND.
func (c *call) tuples() (tuples, error) {
	x, index := c.in[0].shape, c.in[1].shape
	t := tuples{batch: int(c.Int("batch_dims", 0))}
	if len(index) == 0 || t.batch < 0 || t.batch >= len(index) || t.batch > len(x) || !slices.Equal(x[:t.batch], index[:t.batch]) {
		return t, fmt.Errorf("its indices %s do not fit %s", shapeString(index), shapeString(x))
	}
	last := index[len(index)-1]
	if last < 1 || last > int64(len(x)-t.batch) {
		return t, fmt.Errorf("its indices name %d dimensions of %s", last, shapeString(x))
	}
	t.size, t.outer = int(last), index[:len(index)-1]
	return t, nil
}

// positions are those of the tuples in a tensor whose first batch+size axes are one.
func (t tuples) positions(shape, values []int64) ([]int64, error) {
	list := make([]int64, len(values)/t.size)
	whole := elements(shape[t.batch : t.batch+t.size])
	each := int64(len(list)) / max(1, elements(shape[:t.batch]))
	for i := range list {
		for k := range t.size {
			d := shape[t.batch+k]
			v, err := at(values[i*t.size+k], d)
			if err != nil {
				return nil, err
			}
			list[i] = list[i]*d + v
		}
		list[i] += int64(i) / max(1, each) * whole
	}
	return list, nil
}

// planGatherND takes whole slices.
func planGatherND(c *call) ([]workload.Movement, error) {
	t, err := c.tuples()
	if err != nil {
		return nil, err
	}
	values, ok := c.integers(1)
	if !ok {
		return nil, errNeeds("its indices are")
	}
	x := c.in[0].shape
	list, err := t.positions(x, values)
	if err != nil {
		return nil, err
	}
	rest := x[t.batch+t.size:]
	flat := append([]int64{elements(x[:t.batch+t.size])}, rest...)
	return []workload.Movement{reshaped(flat), selected(flat, 0, runsOf(list)), reshaped(slices.Concat(t.outer, rest))}, nil
}

// whole names an axis of which every iteration may read any position.
func (n *nest) whole(name workload.Dim, size int64) []workload.Dim {
	n.relations = append(n.relations, wholeAxis(name, size))
	return ax(name)
}

// any names an axis of which each step of two loops reads one position, whichever.
func (n *nest) any(name, a, b workload.Dim, size int64) []workload.Dim {
	n.relations = append(n.relations, anyOf(name, a, b, size))
	return ax(name)
}

// anyElement names all axes of a tensor of which each step of a layer reads one
// element, the last axes by the last loops of the result.
func (n *nest) anyElement(shape []int64, names []workload.Dim) [][]workload.Dim {
	axes := make([][]workload.Dim, len(shape))
	for i, d := range shape {
		by := workload.NoLoop
		if k := i + len(names) - len(shape); k >= 0 {
			by = names[k]
		}
		axes[i] = n.any(workload.Dim(fmt.Sprintf("IU%d", i)), by, workload.NoLoop, d)
	}
	return axes
}

// picking is an operator that picks elements: exactly, if the indices are known, and
// otherwise by a layer.
func picking(plan plan, shape func(*call) ([]int64, error), layer func(*lowering, *part) error, doc string) operator {
	op := movementOperator(2, plan, doc)
	infer, lower := op.infer, op.lower
	op.infer = func(c *call) ([]tensor, error) {
		if c.in[1].value != nil {
			return infer(c)
		}
		out, err := shape(c)
		if err != nil {
			return nil, err
		}
		return one(out...), nil
	}
	op.lower = func(l *lowering, p *part) error {
		if p.in[1].value != nil {
			return lower(l, p)
		}
		return layer(l, p)
	}
	return op
}

func gatherElementsShape(c *call) ([]int64, error) {
	if err := c.aligned(); err != nil {
		return nil, err
	}
	return c.in[1].shape, nil
}

// lowerGatherElements: O[..] += I[..] * W[..], I the indices, W the tensor, of whose
// axis any position may be read.
func lowerGatherElements(l *lowering, p *part) error {
	a, err := axis(p.Int("axis", 0), len(p.in[0].shape))
	if err != nil {
		return err
	}
	dims, names := elementDims(p.shape)
	n := nest{dims: dims, shape: p.shape, plain: true, out: stretched(names, p.shape, p.shape)}
	read := slices.Clone(n.out)
	for i, d := range p.in[0].shape {
		if i == a || d != p.shape[i] {
			read[i] = n.any("I"+names[i], names[i], workload.NoLoop, d)
		}
	}
	n.ins = []reading{reads("I", p.value(1), n.out...), reads("W", p.value(0), read...)}
	return l.result(p, n)
}

func gatherNDShape(c *call) ([]int64, error) {
	t, err := c.tuples()
	if err != nil {
		return nil, err
	}
	return slices.Concat(t.outer, c.in[0].shape[t.batch+t.size:]), nil
}

// lowerGatherND: O[b][d][k] += I[b][d][any] * W[b][any][k], I the indices.
func lowerGatherND(l *lowering, p *part) error {
	t, err := p.tuples()
	if err != nil {
		return err
	}
	x := p.in[0].shape
	n := nest{shape: p.shape, plain: true}
	var index, read [][]workload.Dim
	add := func(name string, i int, size int64) []workload.Dim {
		d := workload.Dim(fmt.Sprintf("%s%d", name, i))
		n.dims, n.out = append(n.dims, loop(d, size)), append(n.out, ax(d))
		return ax(d)
	}
	for i, d := range t.outer {
		axis := add("D", i, d)
		index = append(index, axis)
		if i < t.batch {
			read = append(read, axis)
		}
	}
	for i := range t.size {
		by := workload.NoLoop
		if k := len(t.outer) - 1; k >= 0 {
			by = n.dims[k].Dim
		}
		read = append(read, n.any(workload.Dim(fmt.Sprintf("I%d", i)), by, workload.NoLoop, x[t.batch+i]))
	}
	for i, d := range x[t.batch+t.size:] {
		read = append(read, add("K", i, d))
	}
	if len(n.dims) == 0 {
		n.dims = loops(loop("K", 1))
	}
	index = append(index, n.whole("IV", int64(t.size)))
	n.ins = []reading{reads("I", p.value(1), index...), reads("W", p.value(0), read...)}
	return l.result(p, n)
}

// planCompress keeps the positions of an axis, or of all elements, that a constant
// marks.
func planCompress(c *call) ([]workload.Movement, error) {
	shape := c.in[0].shape
	marks := c.in[1].value
	if marks == nil {
		return nil, errDepends
	}
	var via []workload.Movement
	a := 0
	if given := c.Attribute("axis"); given != nil {
		var err error
		if a, err = axis(given.Int, len(shape)); err != nil {
			return nil, err
		}
	} else {
		shape = []int64{elements(shape)}
		via = append(via, reshaped(shape))
	}
	var list []int64
	for i, m := range marks {
		if m != 0 && int64(i) < shape[a] {
			list = append(list, int64(i))
		}
	}
	return append(via, selected(shape, a, runsOf(list))), nil
}

// inferNonZero lists the positions of the elements of a constant that are not 0.
func inferNonZero(c *call) ([]tensor, error) {
	x := c.in[0]
	if x.value == nil {
		return nil, errDepends
	}
	var found []int64
	for i, v := range x.value {
		if v != 0 {
			found = append(found, int64(i))
		}
	}
	rank := int64(max(1, len(x.shape)))
	out := tensor{known: true, typ: Int64, shape: []int64{rank, int64(len(found))}, value: []float64{}}
	for i, s := range append(strides(x.shape), make([]int64, rank-int64(len(x.shape)))...) {
		for _, at := range found {
			v := int64(0)
			if len(x.shape) > 0 {
				v = at / s % x.shape[i]
			}
			out.value = append(out.value, float64(v))
		}
	}
	return []tensor{out}, nil
}

// inferOneHot: a new axis of the given depth.
func inferOneHot(c *call) ([]tensor, error) {
	depth, ok := c.integers(1)
	if !ok || len(depth) != 1 {
		return nil, errNeeds("its depth is")
	}
	shape := c.in[0].shape
	a, err := axis(c.Int("axis", -1), len(shape)+1)
	if err != nil {
		return nil, err
	}
	if depth[0] < 1 || depth[0] > maxDim {
		return nil, fmt.Errorf("its depth is %d", depth[0])
	}
	return []tensor{{known: true, typ: c.in[2].typ, shape: slices.Insert(slices.Clone(shape), a, depth[0])}}, nil
}

func lowerOneHot(l *lowering, p *part) error {
	a, err := axis(p.Int("axis", -1), len(p.shape))
	if err != nil {
		return err
	}
	dims, names := elementDims(p.shape)
	out := stretched(names, p.shape, p.shape)
	return l.result(p, nest{dims: dims, out: out, shape: p.shape, plain: true,
		ins: []reading{reads("I", p.value(0), slices.Delete(slices.Clone(out), a, a+1)...), l.noWeights()}})
}

// lowerReverseSequence: lengths that are the same constant reverse an axis; of
// others, every position may come from any.
func lowerReverseSequence(l *lowering, p *part) error {
	time, err := axis(p.Int("time_axis", 0), len(p.shape))
	if err != nil {
		return err
	}
	lengths, ok := p.integers(1)
	if ok && len(lengths) > 0 && slices.Min(lengths) == slices.Max(lengths) && lengths[0] >= 1 && lengths[0] <= p.shape[time] {
		n := lengths[0]
		runs := append([]workload.Run{{Count: int(n), From: int(n - 1), Step: -1}}, run(n, p.shape[time]-n)...)
		p.moves = true
		l.bind(p, 0, l.through(p, p.value(0), selected(p.shape, time, runs)))
		return nil
	}
	dims, names := elementDims(p.shape)
	n := nest{dims: dims, out: stretched(names, p.shape, p.shape), shape: p.shape, plain: true}
	read := slices.Clone(n.out)
	read[time] = n.any("I"+names[time], names[time], workload.NoLoop, p.shape[time])
	n.ins = []reading{reads("I", p.value(0), read...), l.noWeights()}
	if !p.constant(1) {
		batch, err := axis(p.Int("batch_axis", 1), len(p.shape))
		if err != nil {
			return err
		}
		n.ins[1] = reads("W", p.value(1), n.out[batch])
	}
	return l.result(p, n)
}

// foldTrilu keeps the elements on one side of a diagonal.
func foldTrilu(c *call, outs []tensor) {
	shape := c.in[0].shape
	rows, cols := shape[len(shape)-2], shape[len(shape)-1]
	k := int64(0)
	if list, ok := c.integers(1); ok && len(list) == 1 {
		k = list[0]
	}
	upper := c.Int("upper", 1) != 0
	outs[0].value = slices.Clone(c.in[0].value)
	for i := range outs[0].value {
		r, col := int64(i)/cols%rows, int64(i)%cols
		if keep := col-r >= k && upper || col-r <= k && !upper; !keep {
			outs[0].value[i] = 0
		}
	}
}

func inferTrilu(c *call) ([]tensor, error) {
	if len(c.in[0].shape) < 2 {
		return nil, fmt.Errorf("its input %s is no matrix", shapeString(c.in[0].shape))
	}
	return sameAsFirst(c)
}

// pickingOperators take and place elements by lists of positions.
func pickingOperators() map[string]operator {
	const group = "Data movement"
	scattering := func(s scatter, what string) operator {
		return operator{group: group, inputs: 3, infer: s.infer, lower: s.lower, ids: several(8),
			doc: "constant indices, no reduction: the result is put together from tensor and updates, " + what + ". Others: a layer put `O[..] += I[..] * W[any]` over all of the result, and one before it that brings updates and computed indices together"}
	}
	elementwise := scattering(scatterElements(), "element by element")
	nonzero := operator{group: "Constants", inputs: 1, infer: inferNonZero, lower: func(*lowering, *part) error { return errDepends },
		doc: "of a constant: a constant"}
	oneHot := operator{group: group, inputs: 3, infer: inferOneHot, lower: lowerOneHot, doc: "a layer `O[..][k] += I[..]`; the depth is a constant"}
	reverse := operator{group: group, inputs: 2, infer: sameAsFirst, lower: lowerReverseSequence,
		doc: "constant lengths that are all the same: selects positions backwards. Others: a layer `O[..] += I[any]` whose every step may read any of the time axis"}
	trilu := operator{group: "Element-wise", inputs: 1, infer: inferTrilu, fold: foldTrilu, lower: lowerUnary, doc: "`O[..] += I[..]`; of a constant: a constant"}
	gatherND := picking(single(planGatherND), gatherNDShape, lowerGatherND,
		"constant indices: selects slices. Others: a layer `O[d][k] += I[d][any] * W[any][k]` that waits for all of the tensor")
	return map[string]operator{
		"GatherElements": picking(single(planGatherElements), gatherElementsShape, lowerGatherElements,
			"constant indices: selects elements. Others: a layer `O[..] += I[..] * W[..]` whose every step may read any of the axis"),
		"GatherND":               gatherND,
		"com.microsoft.GatherND": gatherND,
		"Scatter":                elementwise,
		"ScatterElements":        elementwise,
		"ScatterND":              scattering(scatterND(), "slice by slice"),
		"Compress":               movementOperator(2, single(planCompress), "constant condition: selects the positions that it marks"),
		"NonZero":                nonzero,
		"OneHot":                 oneHot,
		"ReverseSequence":        reverse,
		"Trilu":                  trilu,
		"com.microsoft.Trilu":    trilu,
		"CenterCropPad":          movementOperator(2, single(planCenterCropPad), "cuts and pads around the middle"),
	}
}
