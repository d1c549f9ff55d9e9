package workloadyaml

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"streamdse/workload"
)

// connect gives every input its source and orders the layers by id.
func (r *reader) connect() {
	read := map[int]bool{}
	// Where something is wrong already, shapes are wrong for that reason.
	sound := !slices.ContainsFunc(r.inputs, func(in input) bool { return in.source.Problems() > 0 })
	var padded []string
	for _, in := range r.inputs {
		l := &r.out.Layers[in.layer]
		o := &l.Operands[in.operand]
		o.Source = workload.Source{Kind: workload.FromConstant, Tensor: l.Name + "." + o.Name}
		o.Source.Shape = shape(l, o)
		if o.Name == "I" {
			o.Source.Kind = workload.FromInput
		}
		if in.source == nil {
			continue
		}
		id, ok := in.source.Int(0)
		if !ok || int(id) == l.ID {
			continue
		}
		from, known := r.index[int(id)]
		switch {
		case !known:
			in.source.Problem(fmt.Sprintf("there is no layer %d", id), "the id of a layer, or the layer's own for a constant", "")
			continue
		case int(id) > l.ID:
			in.source.Problem(fmt.Sprintf("layer %d reads layer %d, which comes after it", l.ID, id), "a smaller id", "number the layers in the order in which they run")
			continue
		}
		producer := &r.out.Layers[from]
		o.Source = workload.Source{Kind: workload.FromLayer, Layer: from, Tensor: producer.Name + ".O"}
		read[from] = true
		if producer.Operands == nil || r.asWritten || !sound {
			continue
		}
		if takePadding(l, o, producer.OutputShape, in.stated) && !slices.Contains(padded, strconv.Itoa(l.ID)) {
			padded = append(padded, strconv.Itoa(l.ID))
		}
		if want := shape(l, o); !fits(l, o, producer.OutputShape) {
			in.source.Problem(fmt.Sprintf("operand %s is read as %s, layer %d computes %s", o.Name, times(want), id, times(producer.OutputShape)), times(producer.OutputShape), "the shape follows from the loop sizes and the relations; `padding` says what lies around the tensor")
		}
	}
	if len(padded) > 0 {
		r.out.Notes = append(r.out.Notes, fmt.Sprintf("no padding is given for layers %s: what their windows read beyond the layer before is taken as padding",
			strings.Join(padded, ", ")))
	}
	for i := range r.out.Layers {
		if !read[i] {
			r.out.Outputs = append(r.out.Outputs, i)
		}
	}
	r.sort()
}

// takePadding gives the operand's partially relevant dimensions the size of the
// tensor that arrives where the file states nothing, and tells whether windows
// reach beyond it.
func takePadding(l *workload.Layer, o *workload.Operand, arrives []int, stated map[workload.Dim]bool) (reached bool) {
	if len(arrives) != len(o.Axes) {
		return false
	}
	for axis, end := range o.Axes {
		rel := l.Relation(o.Dims[end-1])
		if rel == nil || stated[rel.Index] {
			continue
		}
		rel.Size = arrives[axis]
		beyond := max(0, rel.CoefA*(l.Size(rel.A)-1)+rel.CoefB*(l.Size(rel.B)-1)+1-rel.Size)
		rel.PadBefore, rel.PadAfter = (beyond+1)/2, beyond/2
		reached = reached || beyond > 0
	}
	return reached
}

// fits tells whether a tensor of the given shape can be read as the operand: with
// the same elements, or axis by axis with rows or columns that no window reads.
func fits(l *workload.Layer, o *workload.Operand, arrives []int) bool {
	want := shape(l, o)
	if volume(want) == volume(arrives) {
		return true
	}
	if len(want) != len(arrives) {
		return false
	}
	for i, end := range o.Axes {
		partial := l.Relation(o.Dims[end-1]) != nil && want[i] < arrives[i]
		if want[i] != arrives[i] && !partial {
			return false
		}
	}
	return true
}

// shape is the shape of an operand's real tensor.
func shape(l *workload.Layer, o *workload.Operand) []int {
	sizes := make([]int, 0, len(o.Axes))
	begin := 0
	for _, end := range o.Axes {
		n := 1
		for _, d := range o.Dims[begin:end] {
			n *= l.IndexSize(d)
		}
		sizes, begin = append(sizes, n), end
	}
	return sizes
}

func volume(shape []int) float64 {
	n := 1.0 // sizes of a bad file may be beyond any integer
	for _, s := range shape {
		n *= float64(s)
	}
	return n
}

func times(shape []int) string {
	parts := make([]string, len(shape))
	for i, s := range shape {
		parts[i] = strconv.Itoa(s)
	}
	return strings.Join(parts, "x")
}

// sort brings the layers into the order of their ids, in which they run.
func (r *reader) sort() {
	order := make([]int, len(r.out.Layers))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return r.out.Layers[a].ID - r.out.Layers[b].ID })
	position := make([]int, len(order))
	layers := make([]workload.Layer, len(order))
	for to, from := range order {
		position[from], layers[to] = to, r.out.Layers[from]
	}
	for i := range layers {
		for j := range layers[i].Operands {
			if s := &layers[i].Operands[j].Source; s.Kind == workload.FromLayer {
				s.Layer = position[s.Layer]
			}
		}
	}
	for i := range r.out.Outputs {
		r.out.Outputs[i] = position[r.out.Outputs[i]]
	}
	slices.Sort(r.out.Outputs)
	r.out.Layers = layers
}
