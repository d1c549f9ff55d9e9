package connect

import (
	"fmt"
	"iter"
	"math"
	"slices"
	"sort"

	"streamdse/internal/diag"
	"streamdse/taskgraph"
	"streamdse/workload"
)

// A tensor passes from a producer to a consumer in row-major order, reshaped,
// transposed and selected from on the way. Its axes are cut into atoms: factors of
// axis sizes so fine that every shape on the way, the producer's loops and the
// consumer's indices are each made of whole atoms. Loops and indices that share
// atoms form a component; different components are independent.

// axis is one index dimension of an operand as atoms and parts see it.
type axis struct {
	size  int
	loops []int // the layer's loop dimensions that it depends on
	// window is the range of positions that parts of the loops cover, in the order
	// of loops, before it is clipped to the axis.
	window func(parts []int32) taskgraph.Range
	// reached lists the positions in it that are read, where that may leave gaps.
	reached func(parts []int32) []taskgraph.Range
}

// positions lists the positions of the axis that parts of the loops read, as
// ascending runs within [lo, hi).
func (x *axis) positions(parts []int32, hull bool, lo, hi int32) []taskgraph.Range {
	runs := []taskgraph.Range{{}}
	if x.reached == nil || hull {
		runs[0] = x.window(parts)
	} else {
		runs = x.reached(parts)
	}
	inside := runs[:0]
	for _, r := range runs {
		if r.Lo, r.Hi = max(r.Lo, lo), min(r.Hi, hi, int32(x.size)); r.Lo < r.Hi {
			inside = append(inside, r)
		}
	}
	return inside
}

// axes describes the index dimensions of an operand of a layer.
func axes(l *taskgraph.Layer, op *workload.Operand) []axis {
	find := func(d workload.Dim) int {
		return slices.IndexFunc(l.Dims, func(x workload.LoopDim) bool { return x.Dim == d })
	}
	list := make([]axis, len(op.Dims))
	for i, d := range op.Dims {
		list[i] = axis{size: l.IndexSize(d)}
		x := &list[i]
		r := l.Relation(d)
		if r == nil {
			loop := find(d)
			if loop < 0 {
				x.window = func([]int32) taskgraph.Range { return taskgraph.Range{Lo: 0, Hi: 1} }
				continue
			}
			x.loops = []int{loop}
			x.window = func(parts []int32) taskgraph.Range { return l.Cuts[loop].Range(parts[0]) }
			continue
		}
		a, b := find(r.A), find(r.B)
		for _, loop := range []int{a, b} {
			if loop >= 0 {
				x.loops = append(x.loops, loop)
			}
		}
		ranges := func(parts []int32) (u, v taskgraph.Range) {
			next := func(loop int) taskgraph.Range {
				if loop < 0 {
					return taskgraph.Range{Lo: 0, Hi: 1}
				}
				p := parts[0]
				parts = parts[1:]
				return l.Cuts[loop].Range(p)
			}
			u = next(a)
			return u, next(b)
		}
		x.window = func(parts []int32) taskgraph.Range {
			u, v := ranges(parts)
			return taskgraph.Window(r, u, v)
		}
		x.reached = func(parts []int32) []taskgraph.Range {
			u, v := ranges(parts)
			return taskgraph.Reached(r, u, v)
		}
	}
	return list
}

// passage is the way of a tensor from a producer's output to a consumer's operand.
type passage struct {
	producer, consumer *taskgraph.Layer
	operand            *workload.Operand
	via                []workload.Movement
	from, to           []axis
	reading
}

// reading is how closely is looked at what a node reads.
type reading struct {
	hulls bool             // steps that skip positions read those too
	parts *taskgraph.Parts // where to note which part of an output is read; nil if that does not matter
}

func newPassage(p, c *taskgraph.Layer, operand int, via []workload.Movement, how reading) passage {
	op := &c.Operands[operand]
	return passage{producer: p, consumer: c, operand: op, via: via, from: axes(p, &p.Operands[0]), to: axes(c, op), reading: how}
}

// exactFactors relates the nodes of a consumer's operand to the nodes of the
// producer whose elements they read. The producer's output may reach the operand
// in several ways, as different parts of it.
func exactFactors(p, c *taskgraph.Layer, operand int, ways [][]workload.Movement, how reading) ([]factor, *diag.Problem) {
	factors := []factor{finalFactor(p)}
	var every []iter.Seq[position] // of each way, if there are several
	var w passage
	for _, via := range ways {
		w = newPassage(p, c, operand, via, how)
		steps, err := w.steps(axisSizes(w.from, p.Operands[0].Axes))
		if err != nil {
			return nil, err
		}
		if err := w.fit(steps[len(steps)-1]); err != nil {
			return nil, err
		}
		if len(ways) > 1 {
			every = append(every, w.everyElement(steps))
			continue
		}
		atoms, ok := w.atomize(steps)
		if !ok {
			every = append(every, w.everyElement(steps))
			continue
		}
		for _, comp := range atoms.components() {
			factors = append(factors, w.component(atoms, comp))
		}
		for i := range w.to {
			if len(atoms.to[i]) == 0 {
				factors = append(factors, w.single(&w.to[i]))
			}
		}
	}
	if len(every) > 0 {
		elements := func(yield func(position) bool) {
			for _, way := range every {
				for p := range way {
					if !yield(p) {
						return
					}
				}
			}
		}
		repeats := len(ways) > 1 || slices.ContainsFunc(ways[0], func(m workload.Movement) bool { return m.Kind == workload.Select })
		factors = append(factors, w.count(indices(len(w.from)), indices(len(w.to)), elements, repeats))
	}
	return factors, nil
}

// single makes the factor of an axis of size 1, which a window may miss.
func (w *passage) single(x *axis) factor {
	f := newFactor(w.consumer, x.loops)
	for parts := range combinations(&f) {
		if len(x.positions(parts, w.hulls, 0, 1)) > 0 {
			f.hits = append(f.hits, hit{count: 1})
		}
		f.addRow()
	}
	return f
}

func indices(n int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = i
	}
	return s
}

// axisSizes is the shape of a real tensor whose axes are made of the given dimensions.
func axisSizes(dims []axis, ends []int) []int {
	shape := make([]int, 0, len(ends))
	i := 0
	for _, end := range ends {
		n := 1
		for ; i < end; i++ {
			n *= dims[i].size
		}
		shape = append(shape, n)
	}
	return shape
}

func volume(shape []int) int {
	n := 1
	for _, s := range shape {
		n *= s
	}
	return n
}

// step is a movement with the shapes of its argument and its result: a
// transposition, a selection, or a change of shape that moves nothing.
type step struct {
	perm    []int          // of a transposition
	axis    int            // of a selection
	runs    []workload.Run // of a selection
	ends    []int          // of a selection: where each run ends
	in, out []int
}

// argument is the position of the selected axis from which position x of the
// result comes, -1 if none.
func (s *step) argument(x int) int {
	i := sort.SearchInts(s.ends, x+1)
	return s.runs[i].At(x - s.ends[i] + s.runs[i].Count)
}

// repeats tells whether several positions of the result may have one element.
func (s *step) repeats() bool {
	type interval struct{ lo, hi int }
	var taken []interval
	for _, r := range s.runs {
		if r.Gap {
			continue
		}
		if r.Step == 0 && r.Count > 1 {
			return true
		}
		a, b := r.At(0), r.At(r.Count-1)
		taken = append(taken, interval{min(a, b), max(a, b)})
	}
	slices.SortFunc(taken, func(a, b interval) int { return a.lo - b.lo })
	for i := 1; i < len(taken); i++ {
		if taken[i].lo <= taken[i-1].hi {
			return true
		}
	}
	return false
}

// steps returns the shapes on the way: the producer's, then that after each
// movement, as transpositions of a shape, selections from it or changes of it.
func (w *passage) steps(shape []int) ([]step, *diag.Problem) {
	steps := []step{{out: shape}}
	// rank makes the shape the one that the model knows the producer's output by.
	rank := func(n int) bool {
		if real := w.producer.OutputShape; len(shape) != n && len(steps) == 1 && volume(real) == volume(shape) {
			shape = real
		}
		return len(shape) == n
	}
	for _, m := range w.via {
		switch m.Kind {
		case workload.Reshape:
			if total := volume(shape); volume(m.Shape) != total {
				return nil, w.problem(fmt.Sprintf("%s %q turns %d elements into the shape %v", m.Type, m.Name, total, m.Shape))
			}
			steps = append(steps, step{in: m.Shape, out: m.Shape})
			shape = m.Shape
		case workload.Transpose:
			if !rank(len(m.Perm)) {
				return nil, w.problem(fmt.Sprintf("%s %q permutes %d axes of a tensor of shape %v", m.Type, m.Name, len(m.Perm), shape))
			}
			out := make([]int, len(shape))
			for i, a := range m.Perm {
				if a < 0 || a >= len(shape) {
					return nil, w.problem(fmt.Sprintf("%s %q has axis %d of a tensor of shape %v in its permutation", m.Type, m.Name, a, shape))
				}
				out[i] = shape[a]
			}
			steps = append(steps, step{perm: m.Perm, in: shape, out: out})
			shape = out
		case workload.Select:
			if !rank(len(m.Shape)) || m.Axis < 0 || m.Axis >= len(shape) {
				return nil, w.problem(fmt.Sprintf("%s %q selects along axis %d of a tensor of shape %v", m.Type, m.Name, m.Axis, shape))
			}
			s := step{axis: m.Axis, runs: m.Runs, in: shape, out: slices.Clone(shape)}
			end := 0
			for _, r := range m.Runs {
				if a, b := r.At(0), r.At(r.Count-1); r.Count < 1 || !r.Gap && (min(a, b) < 0 || max(a, b) >= shape[m.Axis]) {
					return nil, w.problem(fmt.Sprintf("%s %q takes positions %d to %d of axis %d of a tensor of shape %v", m.Type, m.Name, a, b, m.Axis, shape))
				}
				end += r.Count
				s.ends = append(s.ends, end)
			}
			s.out[m.Axis] = end
			steps = append(steps, s)
			shape = s.out
		}
	}
	return steps, nil
}

// fit makes the consumer's indices agree with the shape that arrives: a window
// may reach less far than its axis.
func (w *passage) fit(last step) *diag.Problem {
	want := axisSizes(w.to, w.operand.Axes)
	if volume(want) == volume(last.out) {
		return nil
	}
	if len(want) != len(last.out) {
		return w.problem(fmt.Sprintf("a tensor of shape %v arrives", last.out))
	}
	begin := 0
	for i, end := range w.operand.Axes {
		if want[i] != last.out[i] {
			if end-begin != 1 {
				return w.problem(fmt.Sprintf("a tensor of shape %v arrives", last.out))
			}
			w.to[begin].size = last.out[i]
		}
		begin = end
	}
	return nil
}

func (w *passage) problem(what string) *diag.Problem {
	return &diag.Problem{
		Message: fmt.Sprintf("layer %q reads operand %s from layer %q: %s", w.consumer.Name, w.operand.Name, w.producer.Name, what),
		Allowed: fmt.Sprintf("a tensor of shape %v", axisSizes(w.to, w.operand.Axes)),
	}
}

// component makes the factor of the consumer's dimensions and the producer's
// that share atoms.
func (w *passage) component(a *atoms, comp component) factor {
	if lo, hi, shift, ok := a.interval(comp); ok {
		// The same positions in the same order: intervals against intervals.
		x := &w.to[comp.to[0]]
		cut := w.cut(comp.from[0])
		f := newFactor(w.consumer, x.loops)
		for parts := range combinations(&f) {
			runs := x.positions(parts, w.hulls, lo, hi)
			for i := range runs {
				runs[i].Lo, runs[i].Hi = runs[i].Lo+shift, runs[i].Hi+shift
			}
			if cut.Ends == nil || shift != 0 {
				f.addOverlaps(cut, runs, w.parts, comp.from[0])
			} else { // the producer's node of the same part has all that is read
				f.addPart(cut, parts[0], cut.Ends[parts[0]], runs, w.parts, comp.from[0])
			}
			f.addRow()
		}
		return f
	}
	return w.count(comp.from, comp.to, a.elements(comp), a.repeats(comp))
}

// interval tells whether a component takes positions [lo, hi) of one dimension of
// the consumer from one dimension of the producer, each position plus shift.
func (a *atoms) interval(comp component) (lo, hi, shift int32, ok bool) {
	if len(comp.from) != 1 || len(comp.to) != 1 || len(comp.selections) > 1 {
		return 0, 0, 0, false
	}
	from, to := a.from[comp.from[0]], a.to[comp.to[0]]
	if len(comp.selections) == 0 {
		return 0, math.MaxInt32, 0, slices.Equal(from, to)
	}
	s := &a.selections[comp.selections[0]]
	if !slices.Equal(from, s.arguments) || !slices.Equal(to, s.results) {
		return 0, 0, 0, false
	}
	found := false
	for i, r := range s.step.runs {
		if r.Gap {
			continue
		}
		if found || r.Step != 1 {
			return 0, 0, 0, false
		}
		found = true
		end := s.step.ends[i]
		lo, hi = int32(end-r.Count), int32(end)
		shift = int32(r.From) - lo
	}
	return lo, hi, shift, true
}

// noCut is the cut of an index that no loop of the layer runs over.
var noCut = taskgraph.Cut{Starts: []int32{0, 1}, Offset: []int32{0}}

// cut is how the producer cuts its output's dimension i.
func (w *passage) cut(i int) *taskgraph.Cut {
	if len(w.from[i].loops) == 0 {
		return &noCut
	}
	return &w.producer.Cuts[w.from[i].loops[0]]
}

// combinations yields every combination of parts of a factor's loops, the last
// loop fastest.
func combinations(f *factor) iter.Seq[[]int32] {
	return func(yield func([]int32) bool) {
		parts := make([]int32, len(f.loops))
		for {
			if !yield(parts) {
				return
			}
			i := len(parts) - 1
			for ; i >= 0; i-- {
				if parts[i]++; parts[i] < f.loops[i].parts {
					break
				}
				parts[i] = 0
			}
			if i < 0 {
				return
			}
		}
	}
}
