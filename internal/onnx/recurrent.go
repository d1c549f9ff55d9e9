package onnx

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"streamdse/workload"
)

// maxSteps is the largest number of time steps, in both directions, that a
// recurrence is written out for.
const maxSteps = 1024

// recurrence is a LSTM, GRU or RNN.
type recurrence struct {
	gates int64 // rows of the weights for each element of the state
	cell  bool  // there is a cell state beside the hidden one
	step  func(*recurring, string, val, val, val) (hidden, cell val, err error)
}

// sizes of a recurrence.
type sizes struct {
	steps, batch, input, hidden, directions int64
	batchFirst                              bool
}

func (r recurrence) sizes(c *call) (sizes, error) {
	x, w, rec := c.in[0].shape, c.in[1].shape, c.in[2].shape
	if len(x) != 3 || len(w) != 3 || len(rec) != 3 {
		return sizes{}, fmt.Errorf("its input is %s, its weights %s and %s", shapeString(x), shapeString(w), shapeString(rec))
	}
	s := sizes{steps: x[0], batch: x[1], input: x[2], hidden: rec[2], directions: 1, batchFirst: c.Int("layout", 0) != 0}
	if s.batchFirst {
		s.steps, s.batch = x[1], x[0]
	}
	if c.Str("direction", "forward") == "bidirectional" {
		s.directions = 2
	}
	if !slices.Equal(w, []int64{s.directions, r.gates * s.hidden, s.input}) || !slices.Equal(rec, []int64{s.directions, r.gates * s.hidden, s.hidden}) ||
		c.Int("hidden_size", s.hidden) != s.hidden {
		return s, fmt.Errorf("its weights are %s and %s for %d inputs in %d directions", shapeString(w), shapeString(rec), s.input, s.directions)
	}
	for i, state := range []int{5, 6} {
		if t := c.input(state); !t.absent && (i == 0 || r.cell) && elements(t.shape) != s.directions*s.batch*s.hidden {
			return s, fmt.Errorf("its initial state is %s", shapeString(t.shape))
		}
	}
	return s, nil
}

func (r recurrence) infer(c *call) ([]tensor, error) {
	s, err := r.sizes(c)
	if err != nil {
		return nil, err
	}
	all, last := []int64{s.steps, s.directions, s.batch, s.hidden}, []int64{s.directions, s.batch, s.hidden}
	if s.batchFirst {
		all, last = []int64{s.batch, s.steps, s.directions, s.hidden}, []int64{s.batch, s.directions, s.hidden}
	}
	out := one(all...)
	for range len(c.Outputs) - 1 {
		out = append(out, one(last...)...)
	}
	return out, nil
}

// ids leaves numbers for all steps.
func (r recurrence) ids(c *call) int {
	for _, t := range c.in[:min(3, len(c.in))] {
		if !t.known {
			return 1
		}
	}
	if len(c.in) < 3 {
		return 1
	}
	s, err := r.sizes(c)
	if err != nil || s.steps*s.directions > maxSteps {
		return 1
	}
	return int(s.directions) * (16 + 32*int(s.steps))
}

// recurring writes one direction out.
type recurring struct {
	l        *lowering
	p        *part
	sizes    sizes
	weights  val  // of the state, [hidden][gates*hidden]
	lateGate bool // a GRU multiplies with the reset gate after the product
}

// lower: one matrix product of all inputs with their weights, and for each step one
// of the state with its weights, their sum, and the element-wise layers of the
// gates; activations and biases cost nothing.
func (r recurrence) lower(l *lowering, p *part) error {
	s, err := r.sizes(p.call)
	if err != nil {
		return err
	}
	switch {
	case s.steps*s.directions > maxSteps:
		return fmt.Errorf("it has %d time steps in %d directions; at most %d are written out", s.steps, s.directions, maxSteps)
	case p.has(7) && r.cell:
		return errors.New("peepholes are not supported")
	case !p.constant(1) || !p.constant(2):
		return errors.New("its weights are not constant")
	}
	var all, hidden, cell []val
	for d := range s.directions {
		y, h, c, err := r.direction(l, p, s, d)
		if err != nil {
			return err
		}
		all, hidden, cell = append(all, y), append(hidden, h), append(cell, c)
	}
	l.bind(p, 0, together(l, p, all, 1, s.batchFirst, []int{2, 0, 1, 3}))
	l.bind(p, 1, together(l, p, hidden, 0, s.batchFirst, []int{1, 0, 2}))
	if r.cell {
		l.bind(p, 2, together(l, p, cell, 0, s.batchFirst, []int{1, 0, 2}))
	}
	return nil
}

// together puts the results of all directions together, batches first where asked for.
func together(l *lowering, p *part, list []val, axis int, batchFirst bool, perm []int) val {
	v := list[0]
	if len(list) > 1 {
		v = l.concat(p, axis, list...)
	}
	if batchFirst {
		v = l.through(p, v, permuted(v.shape, perm))
	}
	return v
}

// state is the initial state i of a direction, [batch][hidden], false if it is zero.
func (p *part) state(l *lowering, i int, s sizes, d int64) (val, bool) {
	if !p.has(i) {
		return val{}, false
	}
	v := p.value(i)
	axis := 0
	if s.batchFirst {
		axis = 1
	}
	if s.directions > 1 {
		v = l.slice(p, v, axis, d, 1)
		if v.Kind == workload.FromConstant {
			v.Tensor = fmt.Sprintf("%s[%d]", p.Inputs[i], d)
		}
	}
	return l.through(p, v, reshaped([]int64{s.batch, s.hidden})), true
}

// direction returns the states of all steps, [steps][1][batch][hidden], and the last
// ones, [1][batch][hidden].
func (r recurrence) direction(l *lowering, p *part, s sizes, d int64) (all, hidden, cell val, err error) {
	name := func(part string) string {
		if s.directions > 1 {
			return fmt.Sprintf("d%d-%s", d, part)
		}
		return part
	}
	matrix := func(i int, rows int64) val {
		v := p.value(i)
		v.Source = workload.Source{Kind: workload.FromConstant, Tensor: fmt.Sprintf("%s[%d]", p.Inputs[i], d), Shape: ints([]int64{rows, r.gates * s.hidden})}
		v.shape = []int64{rows, r.gates * s.hidden}
		return v
	}
	x := p.value(0)
	if s.batchFirst {
		x = l.through(p, x, permuted(x.shape, []int{1, 0, 2}))
	}
	if x, err = l.product(p, name("input"), x, matrix(1, s.input), Precision{}); err != nil {
		return all, hidden, cell, err
	}
	run := &recurring{l: l, p: p, sizes: s, weights: matrix(2, s.hidden), lateGate: p.Int("linear_before_reset", 0) != 0}
	h, started := p.state(l, 5, s, d)
	if r.cell {
		var has bool
		cell, has = p.state(l, 6, s, d)
		if has && !started {
			return all, hidden, cell, errors.New("it has an initial cell state and no hidden one")
		}
	}
	backwards := p.Str("direction", "forward") == "reverse" || d == 1
	list := make([]val, s.steps)
	for k := range s.steps {
		at := k
		if backwards {
			at = s.steps - 1 - k
		}
		in := l.through(p, l.slice(p, x, 0, at, 1), reshaped([]int64{s.batch, r.gates * s.hidden}))
		if h, cell, err = r.step(run, name(strconv.FormatInt(at, 10)), in, h, cell); err != nil {
			return all, hidden, cell, err
		}
		list[at] = l.through(p, h, reshaped([]int64{1, 1, s.batch, s.hidden}))
	}
	all = list[0]
	if len(list) > 1 {
		all = l.concat(p, 0, list...)
	}
	last := func(v val) val { return l.through(p, v, reshaped([]int64{1, s.batch, s.hidden})) }
	if r.cell {
		cell = last(cell)
	}
	return all, last(h), cell, nil
}

// gate is part i of a row of gates.
func (r *recurring) gate(v val, i int64) val {
	return r.l.slice(r.p, v, 1, i*r.sizes.hidden, r.sizes.hidden)
}

// recur adds the product of the state with some of its weights to a part of the
// input's. A state that is zero, before the first step, adds nothing.
func (r *recurring) recur(name string, in, state val, first, gates int64) (val, error) {
	if state.shape == nil {
		return in, nil
	}
	w := r.weights
	if gates*r.sizes.hidden < w.shape[1] {
		w.shape = []int64{w.shape[0], gates * r.sizes.hidden}
		w.Source.Tensor = fmt.Sprintf("%s[%d:%d]", w.Source.Tensor, first, first+gates)
		w.Source.Shape = ints(w.shape)
	}
	v, err := r.l.product(r.p, name+"-state", state, w, Precision{})
	if err != nil {
		return v, err
	}
	return r.l.binary(r.p, name+"-sum", "Add", in, v)
}

// lstmStep: c = f*c + i*g, h = o*tanh(c), the gates in the order i, o, f, g.
func lstmStep(r *recurring, name string, in, hidden, cell val) (val, val, error) {
	gates, err := r.recur(name, in, hidden, 0, 4)
	if err != nil {
		return val{}, val{}, err
	}
	next, err := r.l.binary(r.p, name+"-new", "Mul", r.gate(gates, 0), r.gate(gates, 3))
	if err == nil && cell.shape != nil {
		var kept val
		if kept, err = r.l.binary(r.p, name+"-keep", "Mul", r.gate(gates, 2), cell); err == nil {
			next, err = r.l.binary(r.p, name+"-cell", "Add", kept, next)
		}
	}
	if err != nil {
		return val{}, val{}, err
	}
	hidden, err = r.l.binary(r.p, name+"-hidden", "Mul", r.gate(gates, 1), next)
	return hidden, next, err
}

// gruStep: h = (1-z)*g + z*h, the gates in the order z, r, g; g sees the state times r.
func gruStep(r *recurring, name string, in, hidden, _ val) (val, val, error) {
	n := r.sizes.hidden
	if hidden.shape == nil {
		v, err := r.l.binary(r.p, name+"-new", "Mul", r.gate(in, 0), r.gate(in, 2))
		return v, val{}, err
	}
	first := r.l.slice(r.p, in, 1, 0, 2*n)
	var gates, g val
	var err error
	if r.lateGate {
		state, e := r.l.product(r.p, name+"-state", hidden, r.weights, Precision{})
		if e != nil {
			return val{}, val{}, e
		}
		if gates, err = r.l.binary(r.p, name+"-sum", "Add", first, r.l.slice(r.p, state, 1, 0, 2*n)); err == nil {
			if g, err = r.l.binary(r.p, name+"-reset", "Mul", r.gate(gates, 1), r.gate(state, 2)); err == nil {
				g, err = r.l.binary(r.p, name+"-candidate", "Add", r.gate(in, 2), g)
			}
		}
	} else if gates, err = r.recur(name, first, hidden, 0, 2); err == nil {
		var reset val
		if reset, err = r.l.binary(r.p, name+"-reset", "Mul", r.gate(gates, 1), hidden); err == nil {
			g, err = r.recur(name+"-candidate", r.gate(in, 2), reset, 2, 1)
		}
	}
	if err != nil {
		return val{}, val{}, err
	}
	fresh, err := r.l.binary(r.p, name+"-new", "Mul", r.gate(gates, 0), g)
	if err != nil {
		return val{}, val{}, err
	}
	kept, err := r.l.binary(r.p, name+"-keep", "Mul", r.gate(gates, 0), hidden)
	if err != nil {
		return val{}, val{}, err
	}
	v, err := r.l.binary(r.p, name+"-hidden", "Add", fresh, kept)
	return v, val{}, err
}

// rnnStep: h = f(x*W + h*R).
func rnnStep(r *recurring, name string, in, hidden, _ val) (val, val, error) {
	v, err := r.recur(name, in, hidden, 0, 1)
	return v, val{}, err
}

func recurrentOperators() map[string]operator {
	make := func(r recurrence, doc string) operator {
		return operator{group: "Recurrence", inputs: 3, infer: r.infer, lower: r.lower, ids: r.ids,
			doc: "written out step by step, at most 1024 of them: a MatMul layer of all inputs, and for each step " + doc +
				"; activations and constant biases cost nothing; all sequences are taken as long as the input"}
	}
	return map[string]operator{
		"LSTM": make(recurrence{4, true, lstmStep}, "a MatMul of the state, a sum, and four element-wise layers"),
		"GRU":  make(recurrence{3, false, gruStep}, "the MatMuls of the state, sums, and four element-wise layers"),
		"RNN":  make(recurrence{1, false, rnnStep}, "a MatMul of the state and a sum"),
	}
}
