package onnx

import (
	"errors"
	"fmt"
	"slices"

	"streamdse/workload"
)

// This file is about operators of ONNX Runtime that put several of ONNX's own
// together, or lay tensors out with channels last.

// inferEmbed: token numbers [b][s] look up rows of tables, which are added and
// normalised.
func inferEmbed(c *call) ([]tensor, error) {
	for _, i := range []int{2, 3, 5, 6} {
		if c.input(i).absent {
			return nil, errors.New("a required input is left out")
		}
	}
	ids, table := c.in[0].shape, c.in[2].shape
	if len(ids) != 2 || len(table) != 2 || len(c.in[3].shape) != 2 || c.in[3].shape[1] != table[1] || c.in[3].shape[0] < ids[1] {
		return nil, fmt.Errorf("its tokens are %s, its tables %s and %s", shapeString(ids), shapeString(table), shapeString(c.in[3].shape))
	}
	if s := c.input(4); !s.absent && (len(s.shape) != 2 || s.shape[1] != table[1]) {
		return nil, fmt.Errorf("its table of segments is %s", shapeString(s.shape))
	}
	if i := c.input(8); !i.absent && !slices.Equal(i.shape, ids) || !c.input(1).absent && !slices.Equal(c.in[1].shape, ids) {
		return nil, fmt.Errorf("its tokens are %s, its segments or positions are not", shapeString(ids))
	}
	for _, i := range []int{5, 6} {
		if !slices.Equal(c.in[i].shape, table[1:]) {
			return nil, fmt.Errorf("its factors are %s for rows of %d", shapeString(c.in[i].shape), table[1])
		}
	}
	typ := c.in[2].typ
	out := []int64{ids[0], ids[1], table[1]}
	return []tensor{{known: true, typ: typ, shape: out}, {known: true, typ: Int32, shape: []int64{ids[0]}}, {known: true, typ: typ, shape: out}}, nil
}

// rows looks rows of a constant table up: O[b][d][k] += I[b][d] * W[b][d][k], where W
// are the rows that are read.
func (l *lowering) rows(p *part, part string, index, table val) (val, error) {
	s := []int64{index.shape[0], index.shape[1], table.shape[1]}
	out := [][]workload.Dim{ax("B"), ax("D"), ax("K")}
	return l.layer(p, nest{part: part, kind: "Gather", dims: loops(loop("B", s[0]), loop("D", s[1]), loop("K", s[2])), out: out, shape: s, typ: table.typ,
		plain: true, ins: []reading{reads("I", index, ax("B"), ax("D")), reads("W", table, out...)}})
}

func lowerEmbed(l *lowering, p *part) error {
	for _, i := range []int{2, 3, 4} {
		if p.has(i) && !p.constant(i) {
			return fmt.Errorf("its table %q is not a constant", p.Inputs[i])
		}
	}
	v, err := l.rows(p, "tokens", p.value(0), p.value(2))
	if err != nil {
		return err
	}
	if p.has(1) && p.has(4) {
		segments, err := l.rows(p, "segments", p.value(1), p.value(4))
		if err == nil {
			v, err = l.binary(p, "add-segments", "Add", v, segments)
		}
		if err != nil {
			return err
		}
	}
	positions := l.slice(p, p.value(3), 0, 0, p.in[0].shape[1]) // the first ones
	positions.Tensor = p.Inputs[3]
	if p.has(8) {
		if positions, err = l.rows(p, "positions", p.value(8), p.value(3)); err != nil {
			return err
		}
	}
	if v, err = l.binary(p, "add-positions", "Add", v, positions); err != nil {
		return err
	}
	l.bind(p, 2, v)
	if v, err = l.layerNorm(p, v, 2, 5, 6, true); err == nil {
		l.bind(p, 0, v)
		l.bind(p, 1, val{origin: origin{Source: workload.Source{Kind: workload.FromConstant, Tensor: p.Outputs[0] + "-lengths", Shape: []int{int(p.shape[0])}}},
			shape: p.shape[:1], typ: Int32})
	}
	return err
}

// channelsLast makes an operator of one whose input x and result have their channels
// on the last axis, where the node says so.
func channelsLast(op operator, x int, when func(*Node) bool) operator {
	infer, lower := op.infer, op.lower
	// inside is the call as the operator knows it.
	inside := func(c *call) (*call, []int, error) {
		rank := len(c.in[x].shape)
		if rank < 3 {
			return nil, nil, fmt.Errorf("its input is %s", shapeString(c.in[x].shape))
		}
		perm := []int{0, rank - 1}
		for i := 1; i < rank-1; i++ {
			perm = append(perm, i)
		}
		inner := *c
		inner.in = slices.Clone(c.in)
		inner.in[x].shape = wide(permuted(c.in[x].shape, perm).Shape)
		return &inner, perm, nil
	}
	back := func(rank int) []int {
		perm := []int{0}
		for i := 2; i < rank; i++ {
			perm = append(perm, i)
		}
		return append(perm, 1)
	}
	op.infer = func(c *call) ([]tensor, error) {
		if !when(c.Node) {
			return infer(c)
		}
		inner, _, err := inside(c)
		if err != nil {
			return nil, err
		}
		outs, err := infer(inner)
		for i := range outs {
			outs[i].shape = wide(permuted(outs[i].shape, back(len(outs[i].shape))).Shape)
		}
		return outs, err
	}
	op.lower = func(l *lowering, p *part) error {
		if !when(p.Node) {
			return lower(l, p)
		}
		inner, perm, err := inside(p.call)
		if err != nil {
			return err
		}
		q := *p
		q.call, q.source = inner, slices.Clone(p.source)
		q.source[x] = l.through(&q, p.value(x), permuted(p.in[x].shape, perm)).origin
		outer := l.values[p.Outputs[0]]
		first := outer
		first.shape = wide(permuted(outer.shape, perm).Shape)
		q.shape = first.shape
		l.values[p.Outputs[0]] = first
		err = lower(l, &q)
		l.values[p.Outputs[0]] = outer
		if err != nil {
			return err
		}
		v := l.through(&q, val{origin: l.origins[p.Outputs[0]], typ: p.typ, shape: first.shape}, permuted(first.shape, back(len(first.shape))))
		l.origins[p.Outputs[0]] = v.origin
		p.used = q.used
		return nil
	}
	ids := op.ids
	op.ids = func(c *call) int {
		switch {
		case when(c.Node):
			return 8
		case ids != nil:
			return ids(c)
		}
		return 1
	}
	return op
}

func sayChannelsLast(n *Node) bool { return n.Int("channels_last", 0) != 0 }

// groupNorm is a normalisation of groups of channels, by default the last axis, with
// tensors to add before it.
func groupNorm(skip bool) operator {
	op := operator{group: "Normalisation", inputs: 3, doc: "the layers of GroupNormalization, channels on the last axis unless channels_last is 0"}
	if skip {
		op.inputs, op.doc = 4, "a layer for each tensor that is added, and those of GroupNormalization"
	}
	op.infer = func(c *call) ([]tensor, error) {
		x, g := c.in[0].shape, c.Int("groups", 0)
		if len(x) < 3 || g < 1 || x[1]%g != 0 || len(c.in[1].shape) != 1 || c.in[1].shape[0] != x[1] {
			return nil, fmt.Errorf("its input is %s in %d groups", shapeString(x), g)
		}
		return append(one(x...), one(x...)...), nil
	}
	op.lower = func(l *lowering, p *part) error {
		x := p.value(0)
		if skip {
			add := p.value(3)
			if rank := len(x.shape); len(add.shape) == rank { // laid out like the input
				add = l.through(p, add, permuted(add.shape, append([]int{0, rank - 1}, counting(1, rank-1)...)))
			}
			var err error
			if x, err = l.binary(p, "skip", "Add", x, add); err != nil {
				return err
			}
		}
		v, err := l.groupNorm(p, x, p.value(1), p.Int("groups", 1))
		if err == nil {
			l.bind(p, 0, v)
		}
		return err
	}
	return channelsLast(op, 0, func(n *Node) bool { return n.Int("channels_last", 1) != 0 })
}

func counting(from, to int) []int {
	var list []int
	for i := from; i < to; i++ {
		list = append(list, i)
	}
	return list
}

// inferSplitGelu halves the last axis.
func inferSplitGelu(c *call) ([]tensor, error) {
	x := slices.Clone(c.in[0].shape)
	n := len(x) - 1
	if n < 0 || x[n]%2 != 0 || !slices.Equal(c.in[1].shape, x[n:]) {
		return nil, fmt.Errorf("its input is %s, its bias %s", shapeString(x), shapeString(c.in[1].shape))
	}
	x[n] /= 2
	return one(x...), nil
}

func lowerSplitGelu(l *lowering, p *part) error {
	v, err := l.binary(p, "bias", "Add", p.value(0), p.value(1))
	if err != nil {
		return err
	}
	last := len(v.shape) - 1
	half := v.shape[last] / 2
	gate, err := l.unary(p, "gelu", "Gelu", l.slice(p, v, last, half, half))
	if err == nil {
		v, err = l.binary(p, "gate", "Mul", l.slice(p, v, last, 0, half), gate)
	}
	if err == nil {
		l.bind(p, 0, v)
	}
	return err
}

// lowerBiasSoftmax adds a tensor and normalises the axes from one on.
func lowerBiasSoftmax(l *lowering, p *part) error {
	v, err := l.binary(p, "bias", "Add", p.value(0), p.value(1))
	if err != nil {
		return err
	}
	a, err := axis(p.Int("axis", 1), len(p.shape))
	if err != nil {
		return err
	}
	if v, err = l.softmax(p, "softmax-", v, trailing(len(p.shape), a), false); err == nil {
		l.bind(p, 0, v)
	}
	return err
}

// quantisedMean is a mean in the precision of its types; its axes are an attribute.
func quantisedMean() operator {
	reduce := inferReduce((*call).namedAxes, 0)
	return operator{group: "Quantised", inputs: 3, doc: "ReduceMean in the precisions of its types",
		infer: func(c *call) ([]tensor, error) {
			outs, err := reduce(c)
			if err == nil {
				outs[0].typ = typeOf(4, c.in[0].typ)(c)
			}
			return outs, err
		},
		lower: func(l *lowering, p *part) error {
			inner := *p.call
			inner.in = p.in[:1]
			q := *p
			q.call = &inner
			err := lowerReduce((*call).namedAxes)(l, &q)
			p.used = q.used
			return err
		}}
}

// namedAxes are the axes that the attribute names, all without it.
func (c *call) namedAxes() (reduced []bool, keep bool, err error) {
	inner := *c
	inner.in = c.in[:1]
	return inner.reducedAxes()
}

// runtimeOperators are known to ONNX Runtime only.
func runtimeOperators() map[string]operator {
	pick := func(inputs int, infer func(*call) ([]tensor, error), lower func(*lowering, *part) error, group string, ids int, doc string) operator {
		return operator{group: group, inputs: inputs, infer: infer, lower: lower, ids: several(ids), doc: doc}
	}
	pool := windowOperators()["MaxPool"]
	nhwc := channelsLast(pool, 0, func(*Node) bool { return true })
	nhwc.doc = "MaxPool, channels on the last axis"
	// where is a Where of inputs 0, 1 and 4.
	where := pick(5, nil, nil, "Quantised", 2, "Where in the precisions of its operands and its result")
	three := func(c *call) *call {
		inner := *c
		inner.in = []tensor{c.in[0], c.in[1], c.in[4]}
		return &inner
	}
	where.infer = func(c *call) ([]tensor, error) { return inferWhere(three(c)) }
	where.lower = func(l *lowering, p *part) error {
		q := *p
		q.call, q.source = three(p.call), []origin{p.source[0], p.source[1], p.source[4]}
		err := lowerWhere(l, &q)
		p.used = q.used
		return err
	}
	added := operator{group: "Element-wise", inputs: 2, infer: broadcastTo(0), lower: lowerChain, ids: oneLess, doc: "a chain of layers that add"}
	return map[string]operator{
		"com.microsoft.EmbedLayerNormalization": pick(1, inferEmbed, lowerEmbed, "Normalisation", 12,
			"Gather layers of tokens and segments, layers that add them and the positions, and those of LayerNormalization"),
		"com.microsoft.NhwcMaxPool":       nhwc,
		"com.microsoft.GroupNorm":         groupNorm(false),
		"com.microsoft.SkipGroupNorm":     groupNorm(true),
		"com.microsoft.BiasSplitGelu":     pick(2, inferSplitGelu, lowerSplitGelu, "Activations", 8, "a layer that adds the bias, a Gelu of one half, and a product with the other"),
		"com.microsoft.BiasSoftmax":       pick(2, sameAsFirst, lowerBiasSoftmax, "Normalisation", 5, "a layer that adds, and those of Softmax"),
		"com.microsoft.BiasAdd":           added,
		"com.microsoft.QLinearWhere":      where,
		"com.microsoft.QLinearReduceMean": quantisedMean(),
	}
}
