package onnx

import (
	"errors"
	"fmt"
	"slices"

	"streamdse/workload"
)

// heads is an attention whose queries, keys and values have the shape
// [batch][heads][positions][size].
type heads struct {
	query, key, value val
	mask              *val // added to the scores, nil for none
}

// attention makes the scores of all positions, their softmax, and the weighted sum
// of the values. Where several heads of queries share one of keys, these are
// broadcast. The scaling of the scores costs nothing.
//
//	scores: O[b][h][d][k] += I[b][h][d][c] * W[b][h][c][k]
//	context: O[b][h][d][k] += I[b][h][d][c] * W[b][h][c][k]
func (l *lowering) attention(p *part, a heads) (val, error) {
	q, kv := a.query.shape, a.key.shape
	shared := q[1] != kv[1]
	if shared {
		if kv[1] == 0 || q[1]%kv[1] != 0 {
			return val{}, fmt.Errorf("%d heads of queries cannot share %d of keys", q[1], kv[1])
		}
		group := q[1] / kv[1]
		a.query = l.through(p, a.query, reshaped([]int64{q[0], kv[1], group, q[2], q[3]}))
		a.key = l.through(p, a.key, reshaped([]int64{kv[0], kv[1], 1, kv[2], kv[3]}))
		v := a.value.shape
		a.value = l.through(p, a.value, reshaped([]int64{v[0], v[1], 1, v[2], v[3]}))
	}
	scores, err := l.product(p, "scores", a.query, l.swapped(p, a.key), Precision{})
	if err != nil {
		return val{}, err
	}
	if a.mask != nil {
		mask := *a.mask
		if shared && len(mask.shape) == 4 && mask.shape[1] == 1 {
			mask = l.through(p, mask, reshaped([]int64{mask.shape[0], 1, 1, mask.shape[2], mask.shape[3]}))
		} else if shared && len(mask.shape) == 4 {
			mask = l.through(p, mask, reshaped([]int64{mask.shape[0], kv[1], mask.shape[1] / kv[1], mask.shape[2], mask.shape[3]}))
		}
		if scores, err = l.binary(p, "mask", "Add", scores, mask); err != nil {
			return val{}, err
		}
	}
	last := len(scores.shape) - 1
	if scores, err = l.softmaxOf(p, scores, last); err != nil {
		return val{}, err
	}
	context, err := l.product(p, "context", scores, a.value, Precision{})
	if err == nil && shared {
		s := context.shape
		context = l.through(p, context, reshaped([]int64{s[0], s[1] * s[2], s[3], s[4]}))
	}
	return context, err
}

// softmaxOf is a Softmax within another operator.
func (l *lowering) softmaxOf(p *part, x val, axis int) (val, error) {
	begin := len(l.out.Layers)
	v, err := l.softmax(p, "softmax-", x, only(len(x.shape), axis), false)
	for i := begin; i < len(l.out.Layers); i++ {
		l.out.Layers[i].Type = "Softmax"
	}
	return v, err
}

// divided takes the heads of [batch][positions][heads*size] apart.
func (l *lowering) divided(p *part, v val, n int64) (val, error) {
	s := v.shape
	if len(s) == 4 {
		return v, nil
	}
	if len(s) != 3 || n < 1 || s[2]%n != 0 {
		return v, fmt.Errorf("%s does not divide into %d heads", shapeString(s), n)
	}
	apart := []int64{s[0], s[1], n, s[2] / n}
	return l.through(p, v, reshaped(apart), permuted(apart, []int{0, 2, 1, 3})), nil
}

// united is the inverse of divided.
func (l *lowering) united(p *part, v val) val {
	s := v.shape
	m := permuted(s, []int{0, 2, 1, 3})
	return l.through(p, v, m, reshaped([]int64{s[0], s[2], s[1] * s[3]}))
}

// slice takes count positions of an axis.
func (l *lowering) slice(p *part, v val, axis int, from, count int64) val {
	return l.through(p, v, selected(v.shape, axis, run(from, count)))
}

// cached puts a cache in front of the positions that are computed now; present is
// the output that returns both.
func (l *lowering) cached(p *part, v val, past, present int) val {
	if p.has(past) && len(p.in[past].shape) == 4 {
		v = l.concat(p, 2, p.value(past), v)
	}
	l.bind(p, present, v)
	return v
}

// mask is an input that is added to the scores, if it is there and can be.
func (p *part) mask(i int) *val {
	if !p.has(i) || len(p.in[i].shape) < 2 || len(p.in[i].shape) > 4 {
		return nil
	}
	m := p.value(i)
	return &m
}

// packed is the attention of BERT in one operator: inputs, weights of queries,
// keys and values, their bias, a mask, a cache.
type packed struct{ heads, hidden, keys, values int64 }

func (c *call) packed() (packed, error) {
	a := packed{heads: c.Int("num_heads", 0)}
	x, w := c.in[0].shape, c.in[1].shape
	if len(x) != 3 || len(w) != 2 || a.heads < 1 {
		return a, fmt.Errorf("its input is %s, its weights %s, its number of heads %d", shapeString(x), shapeString(w), a.heads)
	}
	if x[2] != w[0] {
		return a, fmt.Errorf("the inner sizes %d and %d of %s and %s differ", x[2], w[0], shapeString(x), shapeString(w))
	}
	a.hidden, a.keys, a.values = w[1]/3, w[1]/3, w[1]/3
	if s := c.Ints("qkv_hidden_sizes", nil); len(s) == 3 {
		a.hidden, a.keys, a.values = s[0], s[1], s[2]
	}
	if a.hidden < 1 || a.hidden != a.keys || a.values < 1 || a.hidden > w[1] || a.values > w[1] || a.hidden+a.keys+a.values != w[1] ||
		a.hidden%a.heads != 0 || a.values%a.heads != 0 {
		return a, fmt.Errorf("its weights %s do not divide into %d heads of queries, keys and values", shapeString(w), a.heads)
	}
	return a, nil
}

func inferPackedAttention(c *call) ([]tensor, error) {
	a, err := c.packed()
	if err != nil {
		return nil, err
	}
	x := c.in[0].shape
	total := x[1]
	if past := c.input(4); !past.absent && len(past.shape) == 5 {
		total += past.shape[3]
	}
	out := one(x[0], x[1], a.values)
	return append(out, one(2, x[0], a.heads, total, a.values/a.heads)...), nil
}

func lowerPackedAttention(l *lowering, p *part) error {
	a, err := p.packed()
	if err != nil {
		return err
	}
	all, err := l.product(p, "qkv", p.value(0), p.value(1), Precision{})
	if err == nil && p.has(2) && !p.constant(2) {
		all, err = l.binary(p, "bias", "Add", all, p.value(2))
	}
	if err != nil {
		return err
	}
	var h heads
	if h.query, err = l.divided(p, l.slice(p, all, 2, 0, a.hidden), a.heads); err != nil {
		return err
	}
	if h.key, err = l.divided(p, l.slice(p, all, 2, a.hidden, a.keys), a.heads); err != nil {
		return err
	}
	if h.value, err = l.divided(p, l.slice(p, all, 2, a.hidden+a.keys, a.values), a.heads); err != nil {
		return err
	}
	present := func(v val) val { return l.through(p, v, reshaped(append([]int64{1}, v.shape...))) }
	if p.has(4) && len(p.in[4].shape) == 5 {
		past := p.value(4)
		take := func(i int64) val {
			v := l.slice(p, past, 0, i, 1)
			return l.through(p, v, reshaped(v.shape[1:]))
		}
		h.key, h.value = l.concat(p, 2, take(0), h.key), l.concat(p, 2, take(1), h.value)
	}
	if len(p.Outputs) > 1 {
		l.bind(p, 1, l.concat(p, 0, present(h.key), present(h.value)))
	}
	if m := p.mask(3); m != nil && len(m.shape) > 2 {
		h.mask = m
		if len(m.shape) == 3 {
			v := l.through(p, *m, reshaped([]int64{m.shape[0], 1, m.shape[1], m.shape[2]}))
			h.mask = &v
		}
	}
	context, err := l.attention(p, h)
	if err == nil {
		l.bind(p, 0, l.united(p, context))
	}
	return err
}

// multi describes an attention whose queries, keys and values come apart.
type multi struct {
	mask, pastKey, pastValue int // inputs
	grouped                  bool
}

// counts are the heads of queries and of keys.
func (m multi) counts(c *call) (query, key int64, err error) {
	query, key = c.Int("num_heads", 0), c.Int("kv_num_heads", 0)
	if n := c.Int("q_num_heads", 0); n > 0 {
		query = n
	}
	if len(c.in[0].shape) == 4 {
		query = c.in[0].shape[1]
		if len(c.in) > 1 && len(c.in[1].shape) == 4 {
			key = c.in[1].shape[1]
		}
	}
	if key == 0 {
		key = query
	}
	if query < 1 {
		return 0, 0, errors.New("its number of heads is missing")
	}
	return query, key, nil
}

// shapes are those of queries, keys and values as [batch][heads][positions][size].
func (m multi) shapes(c *call) (q, k, v []int64, err error) {
	nq, nk, err := m.counts(c)
	if err != nil {
		return nil, nil, nil, err
	}
	shape := func(s []int64, n int64) ([]int64, error) {
		switch {
		case len(s) == 4:
			return s, nil
		case len(s) == 3 && s[2]%n == 0:
			return []int64{s[0], n, s[1], s[2] / n}, nil
		}
		return nil, fmt.Errorf("%s does not divide into %d heads", shapeString(s), n)
	}
	x := c.in[0].shape
	if c.input(1).absent { // packed
		switch {
		case len(x) == 3 && x[2]%(nq+2*nk) == 0:
			size := x[2] / (nq + 2*nk)
			return []int64{x[0], nq, x[1], size}, []int64{x[0], nk, x[1], size}, []int64{x[0], nk, x[1], size}, nil
		case len(x) == 5 && x[3] == 3:
			q = []int64{x[0], x[2], x[1], x[4]}
			return q, q, q, nil
		}
		return nil, nil, nil, fmt.Errorf("its packed input is %s", shapeString(x))
	}
	if q, err = shape(x, nq); err != nil {
		return nil, nil, nil, err
	}
	if y := c.in[1].shape; len(y) == 5 { // keys and values packed
		k = []int64{y[0], y[2], y[1], y[4]}
		return q, k, k, nil
	}
	if c.input(2).absent {
		return nil, nil, nil, errors.New("its values are left out")
	}
	if k, err = shape(c.in[1].shape, nk); err != nil {
		return nil, nil, nil, err
	}
	if v, err = shape(c.in[2].shape, nk); err != nil {
		return nil, nil, nil, err
	}
	if q[3] != k[3] || k[2] != v[2] {
		return nil, nil, nil, fmt.Errorf("its queries, keys and values are %s, %s and %s", shapeString(q), shapeString(k), shapeString(v))
	}
	return q, k, v, nil
}

func (m multi) infer(c *call) ([]tensor, error) {
	q, k, v, err := m.shapes(c)
	if err != nil {
		return nil, err
	}
	out := one(q[0], q[2], q[1]*v[3])
	if len(c.in[0].shape) == 4 && c.Domain == "" {
		out = one(q[0], q[1], q[2], v[3])
	}
	total := k[2]
	if past := c.input(m.pastKey); !past.absent && len(past.shape) == 4 {
		total += past.shape[2]
	}
	out = append(out, one(k[0], k[1], total, k[3])...)
	out = append(out, one(v[0], v[1], total, v[3])...)
	out = append(out, one(q[0], q[1], q[2], total)...)
	return out[:min(len(out), max(1, len(c.Outputs)))], nil
}

func (m multi) lower(l *lowering, p *part) error {
	q, k, v, err := m.shapes(p.call)
	if err != nil {
		return err
	}
	if !m.grouped && p.Domain != "" {
		if err := p.constantBias(3); err != nil {
			return err
		}
	}
	// at takes some heads of a packed tensor.
	at := func(x val, from int64, s []int64) (val, error) {
		if len(x.shape) == 5 {
			y := l.slice(p, x, 3, from, 1)
			y = l.through(p, y, reshaped([]int64{s[0], s[2], s[1], s[3]}))
			return l.through(p, y, permuted(y.shape, []int{0, 2, 1, 3})), nil
		}
		return l.divided(p, l.slice(p, x, 2, from*s[3], s[1]*s[3]), s[1])
	}
	var h heads
	var errs [3]error
	x := p.value(0)
	switch {
	case !p.has(1) && len(x.shape) == 5:
		h.query, errs[0] = at(x, 0, q)
		h.key, errs[1] = at(x, 1, k)
		h.value, errs[2] = at(x, 2, v)
	case !p.has(1):
		h.query, errs[0] = at(x, 0, q)
		h.key, errs[1] = at(x, q[1], k)
		h.value, errs[2] = at(x, q[1]+k[1], v)
	case len(p.in[1].shape) == 5:
		h.query, errs[0] = l.divided(p, x, q[1])
		h.key, errs[1] = at(p.value(1), 0, k)
		h.value, errs[2] = at(p.value(1), 1, v)
	default:
		h.query, errs[0] = l.divided(p, x, q[1])
		h.key, errs[1] = l.divided(p, p.value(1), k[1])
		h.value, errs[2] = l.divided(p, p.value(2), v[1])
	}
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	if m.grouped && p.Int("do_rotary", 0) != 0 {
		if h.query, err = l.rotated(p, "rotary-q", h.query); err != nil {
			return err
		}
		if h.key, err = l.rotated(p, "rotary-k", h.key); err != nil {
			return err
		}
	}
	h.key = l.cached(p, h.key, m.pastKey, 1)
	h.value = l.cached(p, h.value, m.pastValue, 2)
	if mask := p.mask(m.mask); mask != nil {
		if s, err := broadcast([]int64{q[0], q[1], q[2], h.key.shape[2]}, mask.shape); err == nil && slices.Equal(s, []int64{q[0], q[1], q[2], h.key.shape[2]}) {
			h.mask = mask
		}
	}
	context, err := l.attention(p, h)
	if err != nil {
		return err
	}
	if len(p.shape) == 3 {
		context = l.united(p, context)
	}
	l.bind(p, 0, context)
	return nil
}

// rotated turns pairs of elements by angles of a table, which depend on positions:
// O[b][h][d][k] += I[b][h][d][k] * W[d][k], where W holds a sine and a cosine for
// each pair.
func (l *lowering) rotated(p *part, part string, x val) (val, error) {
	dims, names := elementDims(x.shape)
	axes := stretched(names, x.shape, x.shape)
	table := val{origin: origin{Source: workload.Source{Kind: workload.FromConstant, Tensor: p.Outputs[0] + "-angles"}}}
	return l.layer(p, nest{part: part, kind: "RotaryEmbedding", dims: dims, out: axes, shape: x.shape, typ: x.typ,
		ins: []reading{reads("I", x, axes...), reads("W", table, axes[len(axes)-2:]...)}})
}

func lowerRotary(l *lowering, p *part) error {
	x := p.value(0)
	if len(x.shape) < 2 {
		return fmt.Errorf("its input is %s", shapeString(x.shape))
	}
	v, err := l.rotated(p, "", x)
	if err == nil {
		l.bind(p, 0, v)
	}
	return err
}

// attentionOperators are decomposed into matrix products and softmaxes.
func attentionOperators() map[string]operator {
	const group = "Attention"
	const doc = "MatMul layers scores and context with the four layers of a Softmax between them; a mask that is added is a layer; caches are put in front of keys and values; scaling costs nothing"
	make := func(m multi, doc string) operator {
		return operator{group: group, inputs: 1, infer: m.infer, lower: m.lower, ids: several(32), doc: doc}
	}
	rotary := operator{group: group, inputs: 1, infer: sameAsFirst, lower: lowerRotary, doc: "`O[b][h][d][k] += I[b][h][d][k] * W[d][k]` with the angles of each position"}
	return map[string]operator{
		"com.microsoft.Attention": {group: group, inputs: 2, infer: inferPackedAttention, lower: lowerPackedAttention, ids: several(32),
			doc: "a MatMul layer qkv; then " + doc},
		"Attention":                         make(multi{mask: 3, pastKey: 4, pastValue: 5}, doc),
		"com.microsoft.MultiHeadAttention":  make(multi{mask: 5, pastKey: 6, pastValue: 7}, doc),
		"com.microsoft.GroupQueryAttention": make(multi{mask: 99, pastKey: 3, pastValue: 4, grouped: true}, doc+"; heads of queries that share keys are a batch loop that the keys lack; with do_rotary, layers that rotate queries and keys"),
		"RotaryEmbedding":                   rotary,
		"com.microsoft.RotaryEmbedding":     rotary,
	}
}
