package connect

import (
	"fmt"
	"slices"

	"pgregory.net/rapid"

	"streamdse/internal/split"
	"streamdse/mapping"
	"streamdse/workload"
)

// draft is a random network under construction.
type draft struct {
	*rapid.T
	w       workload.Workload
	tensors []drafted
	id      int
}

// drafted is a tensor that layers can read.
type drafted struct {
	source workload.Source
	shape  []int
}

func (d *draft) number() int {
	d.id++
	return d.id - 1
}

func (d *draft) int(lo, hi int, what string) int { return rapid.IntRange(lo, hi).Draw(d.T, what) }

// add appends a layer and makes its output, seen in the given shape, available.
func (d *draft) add(l workload.Layer, shape []int) {
	l.ID = d.number()
	l.Name = fmt.Sprintf("%s%d", l.Type, l.ID)
	l.OutputShape = shape
	d.w.Layers = append(d.w.Layers, l)
	d.tensors = append(d.tensors, drafted{workload.Source{Kind: workload.FromLayer, Layer: len(d.w.Layers) - 1}, shape})
}

// singly lets every dimension be an axis of its own.
func singly(n int) []int { return span(1, n) }

func output(axes []int, dims ...workload.Dim) workload.Operand {
	return workload.Operand{Name: "O", Dims: dims, Axes: axes, Bits: 16, FinalBits: 8}
}

func input(name string, s workload.Source, axes []int, dims ...workload.Dim) workload.Operand {
	return workload.Operand{Name: name, Dims: dims, Axes: axes, Bits: 8, FinalBits: 8, Source: s}
}

var weights = workload.Source{Kind: workload.FromConstant}

// window draws a relation of a convolution or pooling over an axis; it returns
// the sizes of its loops too.
func (d *draft) window(size int, index, out, kernel workload.Dim) (r workload.Relation, outSize, kernelSize int) {
	for {
		r = workload.Relation{Index: index, A: out, B: kernel,
			CoefA: d.int(1, 2, "stride"), CoefB: d.int(1, 2, "dilation"),
			PadBefore: d.int(0, 2, "pad"), PadAfter: d.int(0, 2, "pad"), Size: size}
		kernelSize = d.int(1, 3, "kernel")
		if d.int(0, 3, "enlarging") == 0 { // the first kernelSize rows of each step on are read
			r.Divisor = d.int(2, 3, "divisor")
			r.CoefA, r.CoefB, r.PadAfter, r.Slack = 1, r.Divisor, 0, d.int(0, 2, "slack")
			return r, d.int(1, 2*size, "rows"), kernelSize
		}
		span := size + r.PadBefore + r.PadAfter - r.CoefB*(kernelSize-1) - 1
		if span < 0 {
			continue
		}
		outSize = span/r.CoefA + 1
		if d.int(0, 3, "derived") == 0 {
			r.Size = 0
			if reach := r.CoefA*(outSize-1) + r.CoefB*(kernelSize-1) + 1 - r.PadBefore - r.PadAfter; reach < 1 {
				r.Size = size
			}
		}
		return r, outSize, kernelSize
	}
}

func (d *draft) conv(t drafted) {
	c := t.shape[1]
	g := 1
	if divisors := divisors(c); d.int(0, 1, "grouped") == 1 {
		g = rapid.SampledFrom(divisors).Draw(d.T, "groups")
	}
	k := d.int(1, 3, "channels")
	ry, oy, fy := d.window(t.shape[2], "IY", "OY", "FY")
	rx, ox, fx := d.window(t.shape[3], "IX", "OX", "FX")
	d.add(workload.Layer{
		Type: "Conv",
		Dims: []workload.LoopDim{{Dim: "B", Size: t.shape[0]}, {Dim: "K", Size: k}, {Dim: "G", Size: g}, {Dim: "OX", Size: ox},
			{Dim: "OY", Size: oy}, {Dim: "C", Size: c / g}, {Dim: "FX", Size: fx}, {Dim: "FY", Size: fy}},
		Relations: []workload.Relation{rx, ry},
		Operands: []workload.Operand{
			output([]int{1, 3, 4, 5}, "B", "G", "K", "OY", "OX"),
			input("W", weights, []int{2, 3, 4, 5}, "G", "K", "C", "FY", "FX"),
			input("I", t.source, []int{1, 3, 4, 5}, "B", "G", "C", "IY", "IX"),
		},
	}, []int{t.shape[0], g * k, oy, ox})
}

func (d *draft) pool(t drafted) {
	ry, oy, fy := d.window(t.shape[2], "IY", "OY", "FY")
	rx, ox, fx := d.window(t.shape[3], "IX", "OX", "FX")
	d.add(workload.Layer{
		Type: "MaxPool",
		Dims: []workload.LoopDim{{Dim: "B", Size: t.shape[0]}, {Dim: "K", Size: t.shape[1]}, {Dim: "OX", Size: ox},
			{Dim: "OY", Size: oy}, {Dim: "FX", Size: fx}, {Dim: "FY", Size: fy}},
		Relations: []workload.Relation{rx, ry},
		Operands: []workload.Operand{
			output(singly(4), "B", "K", "OY", "OX"),
			input("I", t.source, singly(4), "B", "K", "IY", "IX"),
		},
	}, []int{t.shape[0], t.shape[1], oy, ox})
}

func (d *draft) elementWise(t, u drafted) {
	dims := []workload.Dim{"B", "H", "D", "K"}[4-len(t.shape):]
	l := workload.Layer{Type: "Add"}
	for i, dim := range dims {
		l.Dims = append(l.Dims, workload.LoopDim{Dim: dim, Size: t.shape[i]})
	}
	axes := singly(len(dims))
	l.Operands = []workload.Operand{output(axes, dims...), input("I", t.source, axes, dims...), input("W", u.source, axes, dims...)}
	d.add(l, t.shape)
}

// matrix multiplies a matrix with weights, or with its own transpose.
func (d *draft) matrix(t drafted) {
	k, right := d.int(1, 5, "columns"), weights
	if d.int(0, 1, "square") == 1 {
		k, right = t.shape[0], t.source.Moved(workload.Movement{
			Kind: workload.Transpose, ID: d.number(), Shape: []int{t.shape[1], t.shape[0]}, Perm: []int{1, 0}})
	}
	d.add(workload.Layer{
		Type: "Gemm",
		Dims: []workload.LoopDim{{Dim: "C", Size: t.shape[1]}, {Dim: "D", Size: t.shape[0]}, {Dim: "K", Size: k}},
		Operands: []workload.Operand{
			output(singly(2), "D", "K"),
			input("I", t.source, singly(2), "D", "C"),
			input("W", right, singly(2), "C", "K"),
		},
	}, []int{t.shape[0], k})
}

// heads multiplies several matrices at once, each with its own transpose, as attention
// does with its heads.
func (d *draft) heads(t drafted) {
	n := t.shape[1]
	d.add(workload.Layer{
		Type: "MatMul",
		Dims: []workload.LoopDim{{Dim: "H", Size: t.shape[0]}, {Dim: "C", Size: t.shape[2]}, {Dim: "D", Size: n}, {Dim: "K", Size: n}},
		Operands: []workload.Operand{
			output(singly(3), "H", "D", "K"),
			input("I", t.source, singly(3), "H", "D", "C"),
			input("W", t.source.Moved(workload.Movement{
				Kind: workload.Transpose, ID: d.number(), Shape: []int{t.shape[0], t.shape[2], n}, Perm: []int{0, 2, 1}}), singly(3), "H", "C", "K"),
		},
	}, []int{t.shape[0], n, n})
}

// selection draws what an axis of the given size becomes: a slice, a padding, a
// repetition, arbitrary positions.
func (d *draft) selection(size int) []workload.Run {
	switch d.int(0, 3, "selection") {
	case 0:
		step := rapid.SampledFrom([]int{-2, -1, 1, 2}).Draw(d.T, "step")
		count := d.int(1, (size-1)/max(step, -step)+1, "count")
		reach := (count - 1) * step
		return []workload.Run{{Count: count, From: d.int(max(0, -reach), size-1-max(0, reach), "from"), Step: step}}
	case 1:
		return workload.Placed(d.int(0, 2, "before"), size, size+d.int(2, 4, "longer"))
	case 2:
		return []workload.Run{{Count: d.int(1, 3, "repeat"), From: d.int(0, size-1, "from")}}
	}
	var runs []workload.Run
	for range d.int(1, 3, "runs") {
		if d.int(0, 4, "gap") == 0 {
			runs = append(runs, workload.Run{Count: d.int(1, 2, "gap"), Gap: true})
		} else {
			from := d.int(0, size-1, "from")
			runs = append(runs, workload.Run{Count: d.int(1, size-from, "count"), From: from, Step: 1})
		}
	}
	return runs
}

// join puts a tensor and others together that differ from it in one axis only.
func (d *draft) join(t drafted) {
	axis := d.int(0, len(t.shape)-1, "axis")
	fits := func(u drafted) bool {
		return len(u.shape) == len(t.shape) && slices.Equal(u.shape[:axis], t.shape[:axis]) && slices.Equal(u.shape[axis+1:], t.shape[axis+1:])
	}
	var others []drafted
	for _, u := range d.tensors {
		if fits(u) {
			others = append(others, u)
		}
	}
	parts, sizes := []workload.Source{t.source}, []int{t.shape[axis]}
	for range d.int(1, 2, "parts") {
		u := rapid.SampledFrom(others).Draw(d.T, "part")
		parts, sizes = append(parts, u.source), append(sizes, u.shape[axis])
	}
	m := workload.Movement{ID: d.number(), Axis: axis, Shape: slices.Clone(t.shape)}
	m.Shape[axis] = 0
	for _, n := range sizes {
		m.Shape[axis] += n
	}
	if volume(m.Shape) <= 2000 {
		d.tensors = append(d.tensors, drafted{workload.Joined(m, parts, sizes), m.Shape})
	}
}

// move reshapes, transposes or selects from a tensor.
func (d *draft) move(t drafted) {
	m := workload.Movement{ID: d.number()}
	switch d.int(0, 2, "movement") {
	case 1:
		m.Kind = workload.Transpose
		m.Perm = rapid.Permutation(indices(len(t.shape))).Draw(d.T, "perm")
		for _, axis := range m.Perm {
			m.Shape = append(m.Shape, t.shape[axis])
		}
	case 2:
		m.Kind = workload.Select
		m.Axis = d.int(0, len(t.shape)-1, "axis")
		m.Runs = d.selection(t.shape[m.Axis])
		m.Shape = slices.Clone(t.shape)
		m.Shape[m.Axis] = 0
		for _, r := range m.Runs {
			m.Shape[m.Axis] += r.Count
		}
		if volume(m.Shape) > 2000 {
			return
		}
	default:
		rest := volume(t.shape)
		for range d.int(1, 3, "rank") {
			n := rapid.SampledFrom(divisors(rest)).Draw(d.T, "size")
			m.Shape = append(m.Shape, n)
			rest /= n
		}
		m.Shape = append(m.Shape, rest)
	}
	d.tensors = append(d.tensors, drafted{t.source.Moved(m), m.Shape})
}

func divisors(n int) []int {
	var list []int
	for i := 1; i <= n; i++ {
		if n%i == 0 {
			list = append(list, i)
		}
	}
	return list
}

// randomNetwork draws a small network and a mapping that cuts it at random.
func randomNetwork(t *rapid.T) (*workload.Workload, *mapping.Mapping, split.Stacks) {
	d := &draft{T: t}
	shape := []int{d.int(1, 2, "B"), d.int(1, 6, "C"), d.int(1, 7, "IY"), d.int(1, 7, "IX")}
	d.tensors = []drafted{{workload.Source{Kind: workload.FromInput, Shape: shape}, shape}}
	for range d.int(1, 9, "steps") {
		x := d.tensors[d.int(max(0, len(d.tensors)-2), len(d.tensors)-1, "tensor")]
		switch kind := d.int(0, 7, "kind"); {
		case kind == 0 || kind == 6:
			d.move(x)
		case kind == 7:
			d.join(x)
		case kind == 1:
			var same []drafted
			for _, u := range d.tensors {
				if slices.Equal(u.shape, x.shape) {
					same = append(same, u)
				}
			}
			d.elementWise(x, rapid.SampledFrom(same).Draw(t, "other"))
		case kind == 2 && len(x.shape) == 4 && x.shape[0] <= 3:
			d.pool(x)
		case len(x.shape) == 3 && volume(x.shape)*x.shape[1] <= 4000:
			d.heads(x)
		case len(x.shape) == 4 && x.shape[0] <= 3:
			d.conv(x)
		case len(x.shape) == 2:
			d.matrix(x)
		default:
			d.elementWise(x, x)
		}
	}
	if len(d.w.Layers) == 0 {
		d.elementWise(d.tensors[0], d.tensors[0])
	}
	m := &mapping.Mapping{}
	for i := range d.w.Layers {
		l := &d.w.Layers[i]
		e := mapping.Entry{Name: l.Name, Cores: []int{0, 1}}
		for range d.int(0, 3, "intra") {
			e.Intra = append(e.Intra, mapping.Tiling{
				Dim:   rapid.SampledFrom(l.Dims).Draw(t, "dim").Dim,
				Parts: d.int(1, 4, "parts"), Size: d.int(0, 3, "by size") == 0})
		}
		for range d.int(0, 2, "inter") {
			e.Inter = append(e.Inter, mapping.Tiling{Dim: rapid.SampledFrom(l.Dims).Draw(t, "dim").Dim, Parts: d.int(1, 3, "parts")})
		}
		m.Entries = append(m.Entries, e)
	}
	stacks := split.Stacks{indices(len(d.w.Layers))}
	if d.int(0, 4, "alone") == 0 {
		stacks = split.LayerByLayer(&d.w)
	}
	return &d.w, m, stacks
}
