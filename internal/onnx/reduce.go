package onnx

import (
	"fmt"
	"math"
	"slices"

	"streamdse/workload"
)

// rows divides the axes of a tensor into those that are kept and those that are
// reduced to one element.
type rows struct {
	dims        []workload.LoopDim // of the kept axes, then of the reduced ones
	full, kept  [][]workload.Dim   // all axes; the kept ones
	shape, left []int64            // of the tensor; of the kept axes
}

// rowsOf names kept axes B, H, ..., K and reduced ones C. Without a kept axis there
// is a single row.
func rowsOf(shape []int64, reduced []bool) rows {
	r := rows{shape: shape}
	kept := 0
	for _, x := range reduced {
		if !x {
			kept++
		}
	}
	var names []workload.Dim
	switch {
	case kept == 2:
		names = []workload.Dim{"B", "K"}
	case kept > 0:
		names = append(batchNames(kept-1), "K")
	}
	var inner []workload.LoopDim
	for i, d := range shape {
		if !reduced[i] {
			n := names[0]
			names = names[1:]
			r.dims = append(r.dims, loop(n, d))
			r.full, r.kept, r.left = append(r.full, ax(n)), append(r.kept, ax(n)), append(r.left, d)
			continue
		}
		n := workload.Dim("C")
		if k := len(inner); k > 0 {
			n = workload.Dim(fmt.Sprintf("C%d", k))
		}
		inner = append(inner, loop(n, d))
		r.full = append(r.full, ax(n))
	}
	if kept == 0 && len(shape) > 0 {
		r.dims = loops(loop("K", 1))
		r.full[0] = append(ax("K"), r.full[0]...)
		r.kept, r.left = [][]workload.Dim{ax("K")}, []int64{1}
	}
	if len(shape) == 0 {
		r.dims, r.left = loops(loop("K", 1)), []int64{}
	}
	r.dims = append(r.dims, inner...)
	return r
}

// trailing tells for each axis whether it is the given one or after it.
func trailing(rank, from int) []bool {
	list := make([]bool, rank)
	for i := from; i < rank; i++ {
		list[i] = true
	}
	return list
}

func only(rank, axis int) []bool {
	list := make([]bool, rank)
	list[axis] = true
	return list
}

// step adds a layer over rows: one that reduces a tensor, O[b][h][k] +=
// I[b][h][k][c] * W[], or one that treats its elements with what a reduction gave,
// O[b][h][k][c] += I[b][h][k][c] * W[b][h][k].
func (l *lowering) step(p *part, r rows, part string, reduce bool, in val, w reading) (val, error) {
	n := nest{part: part, dims: r.dims, out: r.full, shape: r.shape, typ: in.typ, ins: []reading{reads("I", in, r.full...), w}}
	if reduce {
		n.out, n.shape = r.kept, r.left
	}
	return l.layer(p, n)
}

// each reads one element a row.
func (r rows) each(v val) reading { return reads("W", v, r.kept...) }

// softmax makes four layers over rows: the maximum, the exponential of each element
// less the maximum, their sum, and the quotient. A LogSoftmax subtracts first and
// the logarithm of the sum last.
func (l *lowering) softmax(p *part, prefix string, x val, reduced []bool, logarithm bool) (val, error) {
	second, fourth := "exp", "div"
	if logarithm {
		second, fourth = "sub", "log"
	}
	r := rowsOf(x.shape, reduced)
	maximum, err := l.step(p, r, prefix+"max", true, x, l.noWeights())
	if err != nil {
		return val{}, err
	}
	exponential, err := l.step(p, r, prefix+second, false, x, r.each(maximum))
	if err != nil {
		return val{}, err
	}
	sum, err := l.step(p, r, prefix+"sum", true, exponential, l.noWeights())
	if err != nil {
		return val{}, err
	}
	return l.step(p, r, prefix+fourth, false, exponential, r.each(sum))
}

// softmaxAxes are the axes that are normalised together: one since version 13, all
// from the given one on before.
func (c *call) softmaxAxes() ([]bool, error) {
	rank := len(c.in[0].shape)
	if rank == 0 {
		return nil, nil
	}
	if c.opset >= 13 {
		a, err := axis(c.Int("axis", -1), rank)
		if err != nil {
			return nil, err
		}
		return only(rank, a), nil
	}
	a, err := axis(c.Int("axis", 1), rank)
	if rank == 1 && c.Int("axis", 1) == 1 {
		a, err = 0, nil // the default axis of a vector
	}
	if err != nil {
		return nil, err
	}
	reduced := trailing(rank, a)
	for i, d := range c.in[0].shape { // axes of size 1 do not matter, unless all are
		reduced[i] = reduced[i] && d != 1
	}
	if !slices.Contains(reduced, true) {
		reduced[a] = true
	}
	return reduced, nil
}

func inferSoftmax(c *call) ([]tensor, error) {
	if _, err := c.softmaxAxes(); err != nil {
		return nil, err
	}
	return sameAsFirst(c)
}

func lowerSoftmax(logarithm bool) func(*lowering, *part) error {
	return func(l *lowering, p *part) error {
		reduced, err := p.softmaxAxes()
		if err != nil {
			return err
		}
		v, err := l.softmax(p, "", p.value(0), reduced, logarithm)
		if err == nil {
			l.bind(p, 0, v)
		}
		return err
	}
}

// reducedAxes are the axes that a reduction takes away, and whether ones of size 1
// stay in their place.
func (c *call) reducedAxes() (reduced []bool, keep bool, err error) {
	rank := len(c.in[0].shape)
	reduced = make([]bool, rank)
	keep = c.Int("keepdims", 1) != 0
	list, given, err := c.axes(1)
	if err != nil {
		return nil, keep, err
	}
	if !given || len(list) == 0 {
		if c.Int("noop_with_empty_axes", 0) == 0 {
			reduced = trailing(rank, 0)
		}
		return reduced, keep, nil
	}
	for _, a := range list {
		i, err := axis(a, rank)
		if err != nil {
			return nil, keep, err
		}
		reduced[i] = true
	}
	return reduced, keep, nil
}

// argAxis is the axis along which an ArgMax looks.
func (c *call) argAxis() (reduced []bool, keep bool, err error) {
	a, err := axis(c.Int("axis", 0), len(c.in[0].shape))
	if err != nil {
		return nil, false, err
	}
	return only(len(c.in[0].shape), a), c.Int("keepdims", 1) != 0, nil
}

type reducer func(*call) (reduced []bool, keep bool, err error)

func inferReduce(axes reducer, typ DataType) func(*call) ([]tensor, error) {
	return func(c *call) ([]tensor, error) {
		reduced, keep, err := axes(c)
		if err != nil {
			return nil, err
		}
		shape := []int64{}
		for i, d := range c.in[0].shape {
			switch {
			case !reduced[i]:
				shape = append(shape, d)
			case keep:
				shape = append(shape, 1)
			}
		}
		return []tensor{{known: true, typ: typ, shape: shape}}, nil
	}
}

// lowerReduce: O[b][h][k] += I[b][h][k][c] * W[].
func lowerReduce(axes reducer) func(*lowering, *part) error {
	return func(l *lowering, p *part) error {
		reduced, keep, err := axes(p.call)
		if err != nil {
			return err
		}
		if p.has(1) && !p.constant(1) {
			return fmt.Errorf("its axes %q are not a constant", p.Inputs[1])
		}
		if !slices.Contains(reduced, true) {
			return lowerUnary(l, p)
		}
		r := rowsOf(p.in[0].shape, reduced)
		out := r.kept
		if keep {
			out = nil
			for i, a := range r.full {
				if reduced[i] {
					a = nil
				}
				out = append(out, a)
			}
			if len(r.left) > 0 && r.dims[0].Size == 1 && len(p.shape) > 0 && !slices.Contains(reduced, false) {
				out[0] = ax("K")
			}
		} else if len(p.shape) == 0 {
			out = nil
		}
		return l.result(p, nest{dims: r.dims, out: out, shape: p.shape,
			ins: []reading{reads("I", p.value(0), r.full...), l.noWeights()}})
	}
}

// wholeAxis is a relation of an index of which every iteration may read all n
// positions.
func wholeAxis(index workload.Dim, n int64) workload.Relation {
	return anyOf(index, workload.NoLoop, workload.NoLoop, n)
}

// anyOf is a relation of an index of which each step of the loops a and b reads one of
// n positions, whichever.
func anyOf(index, a, b workload.Dim, n int64) workload.Relation {
	return workload.Relation{Index: index, A: a, B: b, Slack: int(n - 1), Size: int(n)}
}

// lowerCumSum: O[b][h][k][c] += I[b][h][k][ic], where every c may read all of ic:
// the sums so far.
func lowerCumSum(l *lowering, p *part) error {
	at, ok := p.integers(1)
	if !ok || len(at) != 1 {
		return fmt.Errorf("its axis is not a constant")
	}
	a, err := axis(at[0], len(p.shape))
	if err != nil {
		return err
	}
	dims, names := elementDims(p.shape)
	out := stretched(names, p.shape, p.shape)
	in := slices.Clone(out)
	in[a] = ax("I" + names[a])
	return l.result(p, nest{dims: dims, out: out, shape: p.shape, relations: []workload.Relation{anyOf("I"+names[a], names[a], workload.NoLoop, p.shape[a])},
		ins: []reading{reads("I", p.value(0), in...), l.noWeights()}})
}

func inferTopK(c *call) ([]tensor, error) {
	shape := slices.Clone(c.in[0].shape)
	k := c.Int("k", 0) // until version 10
	if !c.input(1).absent {
		list, ok := c.integers(1)
		if !ok || len(list) != 1 {
			return nil, errNeeds("its number of elements is")
		}
		k = list[0]
	}
	a, err := axis(c.Int("axis", -1), len(shape))
	if err != nil {
		return nil, err
	}
	if k < 1 || k > shape[a] {
		return nil, fmt.Errorf("it takes %d of %d elements", k, shape[a])
	}
	shape[a] = k
	return []tensor{{known: true, typ: c.in[0].typ, shape: shape}, {known: true, typ: Int64, shape: shape}}, nil
}

// lowerTopK: O[b][h][d][k] += I[b][h][d][c]: each of the k results looks at all of a row.
func lowerTopK(l *lowering, p *part) error {
	x := p.in[0].shape
	a, err := axis(p.Int("axis", -1), len(x))
	if err != nil {
		return err
	}
	r := rowsOf(x, only(len(x), a))
	out := slices.Clone(r.full)
	out[a] = ax("N")
	v, err := l.layer(p, nest{dims: append(r.dims, loop("N", p.shape[a])), out: out, shape: p.shape,
		ins: []reading{reads("I", p.value(0), r.full...), l.noWeights()}})
	if err == nil {
		l.bind(p, 0, v)
		l.bind(p, 1, v)
	}
	return err
}

// lowerHardmax: the largest element of each row, and for each element whether it is that.
func lowerHardmax(l *lowering, p *part) error {
	reduced, err := p.softmaxAxes()
	if err != nil {
		return err
	}
	r := rowsOf(p.shape, reduced)
	maximum, err := l.step(p, r, "max", true, p.value(0), l.noWeights())
	if err != nil {
		return err
	}
	v, err := l.step(p, r, "select", false, p.value(0), r.each(maximum))
	if err == nil {
		l.bind(p, 0, v)
	}
	return err
}

func inferMultinomial(c *call) ([]tensor, error) {
	x, n := c.in[0].shape, c.Int("sample_size", 1)
	if len(x) != 2 || n < 1 || n > maxDim {
		return nil, fmt.Errorf("its input is %s for %d samples", shapeString(x), n)
	}
	return []tensor{{known: true, typ: DataType(c.Int("dtype", int64(Int32))), shape: []int64{x[0], n}}}, nil
}

func lowerMultinomial(l *lowering, p *part) error {
	x := p.in[0].shape
	return l.result(p, nest{dims: loops(loop("B", x[0]), loop("N", p.shape[1]), loop("C", x[1])), out: [][]workload.Dim{ax("B"), ax("N")}, shape: p.shape,
		ins: []reading{reads("I", p.value(0), ax("B"), ax("C")), l.noWeights()}})
}

func inferDet(c *call) ([]tensor, error) {
	x := c.in[0].shape
	if n := len(x); n < 2 || x[n-1] != x[n-2] {
		return nil, fmt.Errorf("its input %s is no square matrix", shapeString(x))
	}
	return one(slices.Clone(x[:len(x)-2])...), nil
}

func lowerDet(l *lowering, p *part) error {
	x := p.in[0].shape
	r := rowsOf(x, trailing(len(x), len(x)-2))
	out := r.kept
	if len(p.shape) == 0 {
		out = nil
	}
	return l.result(p, nest{dims: append(r.dims, loop("N", x[len(x)-1])), out: out, shape: p.shape,
		ins: []reading{reads("I", p.value(0), r.full...), l.noWeights()}})
}

// gatherOr infers a Gather whose indices are not known.
func gatherOr(known func(*call) ([]tensor, error)) func(*call) ([]tensor, error) {
	return func(c *call) ([]tensor, error) {
		if c.in[1].value != nil {
			return known(c)
		}
		a, err := axis(c.Int("axis", 0), len(c.in[0].shape))
		if err != nil {
			return nil, err
		}
		return one(slices.Concat(c.in[0].shape[:a], c.in[1].shape, c.in[0].shape[a+1:])...), nil
	}
}

// lowerGather looks rows up by indices that are computed or given to the network:
// O[b][d][k] += I[d] * W[b][d][k], where W are the rows that are read. If the
// table is computed, any row may be read: W[b][all][k].
func lowerGather(move func(*lowering, *part) error) func(*lowering, *part) error {
	return func(l *lowering, p *part) error {
		if p.in[1].value != nil {
			return move(l, p)
		}
		table, index := p.value(0), p.value(1)
		a, err := axis(p.Int("axis", 0), len(table.shape))
		if err != nil {
			return err
		}
		var dims []workload.LoopDim
		var before, at, after [][]workload.Dim
		add := func(list *[][]workload.Dim, name workload.Dim, size int64) {
			dims = append(dims, loop(name, size))
			*list = append(*list, ax(name))
		}
		for i, d := range table.shape[:a] {
			add(&before, workload.Dim(fmt.Sprintf("B%d", i)), d)
		}
		for i, d := range index.shape {
			name := workload.Dim("D")
			if i < len(index.shape)-1 {
				name = workload.Dim(fmt.Sprintf("D%d", i))
			}
			add(&at, name, d)
		}
		for i, d := range table.shape[a+1:] {
			name := workload.Dim("K")
			if i < len(table.shape)-a-2 {
				name = workload.Dim(fmt.Sprintf("K%d", i))
			}
			add(&after, name, d)
		}
		if len(dims) == 0 {
			dims = loops(loop("K", 1))
		}
		n := nest{dims: dims, out: slices.Concat(before, at, after), shape: p.shape, plain: true}
		read := slices.Concat(before, at, after)
		if !table.Constant() {
			by := workload.NoLoop
			if len(at) > 0 {
				by = "D"
			}
			n.relations = []workload.Relation{anyOf("IV", by, workload.NoLoop, table.shape[a])}
			read = slices.Concat(before, [][]workload.Dim{ax("IV")}, after)
		}
		n.ins = []reading{reads("I", index, at...), reads("W", table, read...)}
		return l.result(p, n)
	}
}

// reductionOperators make one element of many.
func reductionOperators() map[string]operator {
	table := map[string]operator{}
	for name, fold := range map[string]func(*call, []tensor){
		"ReduceSum":  foldReduce(0, func(acc, x float64) float64 { return acc + x }),
		"ReduceProd": foldReduce(1, func(acc, x float64) float64 { return acc * x }),
		"ReduceMax":  foldReduce(math.Inf(-1), math.Max), "ReduceMin": foldReduce(math.Inf(1), math.Min),
		"ReduceMean": nil, "ReduceL1": nil, "ReduceL2": nil, "ReduceSumSquare": nil, "ReduceLogSum": nil, "ReduceLogSumExp": nil,
	} {
		table[name] = operator{group: "Reductions", inputs: 1, infer: inferReduce((*call).reducedAxes, 0), lower: lowerReduce((*call).reducedAxes),
			fold: fold, doc: "`O[b][h][k] += I[b][h][k][c]`"}
	}
	for _, name := range []string{"ArgMax", "ArgMin"} {
		table[name] = operator{group: "Reductions", inputs: 1, infer: inferReduce((*call).argAxis, Int64), lower: lowerReduce((*call).argAxis),
			doc: "`O[b][h][k] += I[b][h][k][c]`"}
	}
	table["CumSum"] = operator{group: "Reductions", inputs: 2, infer: sameAsFirst, lower: lowerCumSum,
		doc: "one operation for each element; whatever part of the axis is computed waits for all of its input: a part of the sum does not stream"}
	table["Hardmax"] = operator{group: "Reductions", inputs: 1, infer: inferSoftmax, lower: lowerHardmax, ids: several(2),
		doc: "two layers over rows: max and select"}
	table["Multinomial"] = operator{group: "Reductions", inputs: 1, infer: inferMultinomial, lower: lowerMultinomial,
		doc: "`O[b][n] += I[b][c]`: each sample looks at the whole row"}
	table["Det"] = operator{group: "Reductions", inputs: 1, infer: inferDet, lower: lowerDet,
		doc: "`O[b] += I[b][c][c1]` over n: the n^3 operations of an elimination, at most"}
	table["TopK"] = operator{group: "Reductions", inputs: 1, infer: inferTopK, lower: lowerTopK,
		doc: "`O[b][h][k][n] += I[b][h][k][c]`: each of the n results looks at the whole row; values and indices are one result"}
	return table
}
