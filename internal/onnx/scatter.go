package onnx

import (
	"fmt"
	"slices"
	"strings"

	"streamdse/workload"
)

// scatter places updates, input 2, into a tensor, input 0, at indices, input 1.
type scatter struct {
	check func(*call) error
	// flat are the shapes in which tensor and updates have their places on axis 0, and
	// the places of the updates.
	flat func(c *call, values []int64) (data, updates, places []int64, err error)
	// index names the axes of the indices by those of the updates.
	index func(n *nest, p *part, updates [][]workload.Dim) [][]workload.Dim
}

func (s scatter) infer(c *call) ([]tensor, error) {
	if err := s.check(c); err != nil {
		return nil, err
	}
	return one(c.in[0].shape...), nil
}

// lower: known places make the result of two tensors, each with gaps for the other.
// Otherwise, and where updates are added to what is there, a layer puts every
// update, O[..] += I[..] * W[any], and if the indices are computed too, one before
// it brings them together.
func (s scatter) lower(l *lowering, p *part) error {
	values, known := p.integers(1)
	if known && strings.ToLower(p.Str("reduction", "none")) == "none" {
		return s.place(l, p, values)
	}
	updates := p.value(2)
	if !p.constant(1) {
		dims, names := elementDims(updates.shape)
		n := nest{part: "pair", dims: dims, out: stretched(names, updates.shape, updates.shape), shape: updates.shape, plain: true, typ: updates.typ}
		n.ins = []reading{reads("I", updates, n.out...), {name: "W", from: p.value(1)}}
		n.ins[1].axes = s.index(&n, p, n.out)
		var err error
		if updates, err = l.layer(p, n); err != nil {
			return err
		}
	}
	dims, names := elementDims(p.shape)
	n := nest{part: "put", dims: dims, out: stretched(names, p.shape, p.shape), shape: p.shape, plain: true, typ: p.typ}
	n.ins = []reading{reads("I", p.value(0), n.out...), {name: "W", from: updates}}
	n.ins[1].axes = n.anyElement(updates.shape, names)
	return l.result(p, n)
}

func (s scatter) place(l *lowering, p *part, values []int64) error {
	p.moves = true
	data, updates, places, err := s.flat(p.call, values)
	if err != nil {
		return err
	}
	from := map[int64]int64{} // the update of each place; the last one stays
	for i, place := range places {
		from[place] = int64(i)
	}
	targets := make([]int64, 0, len(from))
	for place := range from {
		targets = append(targets, place)
	}
	slices.Sort(targets)
	var kept, put []workload.Run
	next := int64(0)
	gap := func(runs []workload.Run, count int64) []workload.Run {
		if n := len(runs); n > 0 && runs[n-1].Gap {
			runs[n-1].Count += int(count)
			return runs
		}
		return append(runs, workload.Run{Count: int(count), Gap: true})
	}
	for _, place := range targets {
		if n := place - next; n > 0 {
			kept, put = append(kept, run(next, n)...), gap(put, n)
		}
		kept = gap(kept, 1)
		put = append(put, workload.Run{Count: 1, From: int(from[place]), Step: 1})
		next = place + 1
	}
	if n := data[0] - next; n > 0 {
		kept, put = append(kept, run(next, n)...), gap(put, n)
	}
	var list []workload.Source
	take := func(v val, flat []int64, runs []workload.Run) {
		if slices.ContainsFunc(runs, func(r workload.Run) bool { return !r.Gap }) {
			v = l.through(p, v, reshaped(flat), selected(flat, 0, runs), reshaped(p.shape))
			list = append(list, v.Origins()...)
		}
	}
	take(p.value(0), data, kept)
	take(p.value(2), updates, put)
	v := val{typ: p.typ, shape: p.shape}
	v.Source = workload.Together(list, ints(p.shape))
	if v.Constant() {
		v.Tensor = p.Outputs[0]
	}
	l.bind(p, 0, v)
	return nil
}

func scatterElements() scatter {
	return scatter{
		check: func(c *call) error {
			if err := c.aligned(); err != nil {
				return err
			}
			if !slices.Equal(c.in[1].shape, c.in[2].shape) {
				return fmt.Errorf("its indices are %s, its updates %s", shapeString(c.in[1].shape), shapeString(c.in[2].shape))
			}
			return nil
		},
		flat: func(c *call, values []int64) (data, updates, places []int64, err error) {
			places, err = c.along(c.in[0].shape, values, c.in[1].shape)
			return []int64{elements(c.in[0].shape)}, []int64{elements(c.in[2].shape)}, places, err
		},
		index: func(_ *nest, _ *part, updates [][]workload.Dim) [][]workload.Dim { return updates },
	}
}

func scatterND() scatter {
	return scatter{
		check: func(c *call) error {
			t, err := c.tuples()
			if err != nil {
				return err
			}
			if want := slices.Concat(t.outer, c.in[0].shape[t.size:]); !slices.Equal(c.in[2].shape, want) {
				return fmt.Errorf("its updates are %s, not %s", shapeString(c.in[2].shape), shapeString(want))
			}
			return nil
		},
		flat: func(c *call, values []int64) (data, updates, places []int64, err error) {
			t, err := c.tuples()
			if err != nil {
				return nil, nil, nil, err
			}
			x := c.in[0].shape
			places, err = t.positions(x, values)
			return append([]int64{elements(x[:t.size])}, x[t.size:]...), append([]int64{elements(t.outer)}, x[t.size:]...), places, err
		},
		index: func(n *nest, p *part, updates [][]workload.Dim) [][]workload.Dim {
			index := p.in[1].shape
			return append(slices.Clone(updates[:len(index)-1]), n.whole("IV", index[len(index)-1]))
		},
	}
}
