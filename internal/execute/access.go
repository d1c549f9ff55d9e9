package execute

import (
	"fmt"
	"slices"

	"streamdse/workload"
)

// access tells which element of which tensor an iteration of a layer's loop nest
// reads as one of its operands, or writes as its output.
type access struct {
	dims    []index
	origins []origin // none for the output
}

// index is one index dimension of an operand.
type index struct {
	a, b     int                // loops; -1 where the layer has none
	relation *workload.Relation // nil for a plain loop
	size     int                // extent in the real tensor
}

// origin is one of the tensors that an operand's elements come from.
type origin struct {
	constant bool
	tensor   string // of a constant, its name
	shape    []int  // ... and its shape, if that is known
	layer    int    // that computes it, unless constant
	moves    []move
	key      uint64 // tells its values from those of other constants
}

// move is a movement with the shape of its argument.
type move struct {
	workload.Movement
	from []int
}

// element is where a value comes from.
type element struct {
	origin  int // index in access.origins, -1 for padding
	element int // of the origin's tensor, in row-major order
}

func newAccess(w *workload.Workload, layer, operand int) (*access, error) {
	l := &w.Layers[layer]
	op := &l.Operands[operand]
	a := &access{}
	loop := func(d workload.Dim) int {
		return slices.IndexFunc(l.Dims, func(x workload.LoopDim) bool { return x.Dim == d })
	}
	for _, d := range op.Dims {
		x := index{a: loop(d), b: -1, relation: l.Relation(d), size: l.IndexSize(d)}
		if x.relation != nil {
			x.a, x.b = loop(x.relation.A), loop(x.relation.B)
		}
		a.dims = append(a.dims, x)
	}
	if operand == 0 {
		return a, nil
	}
	for _, s := range op.Source.Origins() {
		o := origin{constant: s.Constant(), tensor: s.Tensor, shape: s.Shape, layer: s.Layer, key: mix(uint64(layer+1), uint64(operand))}
		shape := s.Shape
		switch s.Kind {
		case workload.FromLayer:
			shape = w.Layers[s.Layer].OutputShape
		case workload.FromInput:
			o.key = mixText(s.Tensor)
		}
		for _, m := range s.Via {
			o.moves = append(o.moves, move{m, shape})
			if m.Kind != workload.Transparent {
				shape = m.Shape
			}
		}
		if len(shape) > 0 {
			if err := a.fit(op, shape); err != nil {
				return nil, fmt.Errorf("layer %s, operand %s: %w", l.Name, op.Name, err)
			}
		}
		a.origins = append(a.origins, o)
	}
	return a, nil
}

// fit gives the dimensions that are an axis of their own the axis' extent: a
// window may reach less far than its tensor.
func (a *access) fit(op *workload.Operand, shape []int) error {
	if len(shape) != len(op.Axes) {
		if elements(shape) != a.size() {
			return fmt.Errorf("a tensor of shape %v has %d axes", shape, len(op.Axes))
		}
		return nil // the same elements in the same order
	}
	begin := 0
	for i, end := range op.Axes {
		if end-begin == 1 {
			a.dims[begin].size = shape[i]
		}
		begin = end
	}
	return nil
}

func (a *access) size() int {
	n := 1
	for _, x := range a.dims {
		n *= x.size
	}
	return n
}

func elements(shape []int) int {
	n := 1
	for _, s := range shape {
		n *= s
	}
	return n
}

// at is the element of the operand in row-major order that an iteration touches,
// -1 for padding. positions, if not nil, receives the index of each dimension.
func (a *access) at(loops []int, positions []int) int {
	position := func(loop int) int {
		if loop < 0 {
			return 0
		}
		return loops[loop]
	}
	flat, inside := 0, true
	for i, x := range a.dims {
		p := position(x.a)
		if x.relation != nil {
			p = x.relation.At(p, position(x.b))
		}
		if positions != nil {
			positions[i] = p
		}
		inside = inside && p >= 0 && p < x.size
		flat = flat*x.size + p
	}
	if !inside {
		return -1
	}
	return flat
}

// from follows an element of the operand back to where it comes from.
func (a *access) from(flat int) element {
	if flat >= 0 {
		for i := range a.origins {
			if e := a.origins[i].back(flat); e >= 0 {
				return element{i, e}
			}
		}
	}
	return element{-1, -1}
}

// back undoes the movements, the last one first; -1 if the element comes from
// elsewhere. A new kind of movement needs a case here.
func (o *origin) back(flat int) int {
	for i := len(o.moves) - 1; i >= 0 && flat >= 0; i-- {
		m := &o.moves[i]
		switch m.Kind {
		case workload.Transpose:
			at := make([]int, len(m.from))
			for k := len(m.Perm) - 1; k >= 0; k-- {
				size := m.from[m.Perm[k]]
				at[m.Perm[k]] = flat % size
				flat /= size
			}
			flat = 0
			for k, size := range m.from {
				flat = flat*size + at[k]
			}
		case workload.Select:
			inner := elements(m.Shape[m.Axis+1:])
			outer, rest := flat/inner/m.Shape[m.Axis], flat%inner
			p := selected(m.Runs, flat/inner%m.Shape[m.Axis])
			if p < 0 {
				return -1
			}
			flat = (outer*m.from[m.Axis]+p)*inner + rest
		case workload.Reshape, workload.Transparent: // the same elements in the same order
		}
	}
	return flat
}

// selected is the position that a selection takes for position i of its result, -1
// for none.
func selected(runs []workload.Run, i int) int {
	for _, r := range runs {
		if i < r.Count {
			return r.At(i)
		}
		i -= r.Count
	}
	return -1
}
