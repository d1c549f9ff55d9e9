package onnx

import (
	"fmt"
	"slices"

	"streamdse/workload"
)

// transposedWindow is the window of a transposed convolution: input position i and
// kernel position f meet at output position stride*i + dilation*f - before.
func (c *call) transposedWindow() (window, error) {
	x, k := c.in[0].shape, c.in[1].shape
	if len(x) < 3 || len(k) != len(x) {
		return window{}, fmt.Errorf("its input %s and weights %s do not make a convolution", shapeString(x), shapeString(k))
	}
	rank := len(x) - 2
	w, err := c.geometry(rank, k[2:])
	if err != nil {
		return w, err
	}
	more, want := c.Ints("output_padding", make([]int64, rank)), c.Ints("output_shape", nil)
	if len(want) == rank+2 {
		want = want[2:]
	}
	if len(more) != rank || want != nil && len(want) != rank {
		return w, fmt.Errorf("output_padding is %v, output_shape %v for %d dimensions", more, want, rank)
	}
	auto := c.Str("auto_pad", "NOTSET")
	for i := range rank {
		full := w.stride[i]*(x[2+i]-1) + more[i] + (w.kernel[i]-1)*w.dilation[i] + 1
		total := w.before[i] + w.after[i]
		switch {
		case more[i] < 0 || more[i] > maxDim:
			return w, fmt.Errorf("output_padding is %v", more)
		case want != nil:
			total = max(0, full-want[i])
			w.before[i], w.after[i] = halves(total, auto)
			if auto == "NOTSET" || auto == "" { // the specification's rounding
				w.before[i], w.after[i] = total-total/2, total/2
			}
			full = want[i] + total
		case auto == "SAME_UPPER" || auto == "SAME_LOWER":
			total = max(0, full-x[2+i]*w.stride[i])
			w.before[i], w.after[i] = halves(total, auto)
			full = x[2+i]*w.stride[i] + total
		case auto == "VALID":
			w.before[i], w.after[i], total = 0, 0, 0
		case auto != "NOTSET" && auto != "":
			return w, fmt.Errorf("auto_pad %q is unknown", auto)
		}
		w.out[i] = full - total
	}
	return w, nil
}

func inferConvTranspose(c *call) ([]tensor, error) {
	w, err := c.transposedWindow()
	if err != nil {
		return nil, err
	}
	x, k, group := c.in[0].shape, c.in[1].shape, c.Int("group", 1)
	if group < 1 || x[1] != k[0] || x[1]%group != 0 {
		return nil, fmt.Errorf("its input has %d channels, its weights %d, in %d groups", x[1], k[0], group)
	}
	if b := c.input(2); !b.absent && !slices.Equal(b.shape, []int64{k[1] * group}) {
		return nil, fmt.Errorf("its bias has shape %s, its output %d channels", shapeString(b.shape), k[1]*group)
	}
	return one(append([]int64{x[0], k[1] * group}, w.out...)...), nil
}

// transposedIDs leaves numbers for the phases that have different numbers of taps,
// and for putting them together.
func transposedIDs(c *call) int {
	if b := c.input(2); !b.absent && !b.constant {
		return 64
	}
	for _, s := range c.Ints("strides", nil) {
		if s > 1 {
			return 64
		}
	}
	return 1
}

// phases are residues of output positions modulo the stride, counted from the
// padded beginning, that see the same number of kernel positions.
type phases struct{ first, count, taps int64 }

// phasesOf divides the phases of an axis. With a dilation, every phase is given
// all kernel positions: those that miss are counted too.
func (w *window) phasesOf(i int) []phases {
	s, k := w.stride[i], w.kernel[i]
	switch {
	case s == 1 || w.dilation[i] > 1:
		return []phases{{0, s, k}}
	case k%s == 0:
		return []phases{{0, s, k / s}}
	}
	return []phases{{0, k % s, k/s + 1}, {k % s, s - k%s, k / s}}
}

// lowerConvTranspose: O[b][g k][oy py][ox px] += W[g c][k][fy py][fx px] * I[b][g c][iy][ix].
//
// Counted from the padded beginning, output position s*q+p sees kernel positions
// s*t+p and, through them, input positions q-t. So each phase p is a convolution
// of stride 1 of its own, whose results are interleaved.
func lowerConvTranspose(l *lowering, p *part) error {
	names, err := spatialNames(len(p.shape) - 2)
	if err != nil {
		return err
	}
	w, err := p.transposedWindow()
	if err != nil {
		return err
	}
	t := transposing{l: l, p: p, w: w, names: names}
	v, err := t.axis(0, make([]phases, len(names)))
	if err != nil {
		return err
	}
	// The result has [b][k], and for each axis its positions and its phases.
	shape := slices.Clone(v.shape[:2])
	for i := range names {
		shape = append(shape, v.shape[2+2*i]*v.shape[3+2*i])
	}
	if t.layers == 1 && !t.gaps {
		v = t.last // whose axes say it
	} else {
		v = l.through(p, v, reshaped(shape))
	}
	for i := range names {
		if v.shape[2+i] != w.out[i] { // the stride does not divide it
			v = l.through(p, v, selected(v.shape, 2+i, run(0, w.out[i])))
		}
	}
	if p.has(2) && !p.constant(2) {
		if v, err = l.channelBias(p, v, 2); err != nil {
			return err
		}
	}
	l.bind(p, 0, v)
	return nil
}

// transposing builds the layers of a transposed convolution.
type transposing struct {
	l      *lowering
	p      *part
	w      window
	names  [][3]workload.Dim
	layers int
	last   val  // the result of the last layer
	gaps   bool // some phases see no kernel position
}

// positions is the number of output positions of each phase of an axis.
func (t *transposing) positions(i int) int64 {
	return (t.w.out[i] + t.w.stride[i] - 1) / t.w.stride[i]
}

// axis divides an axis by the taps of its phases, and the next ones after it.
func (t *transposing) axis(i int, chosen []phases) (val, error) {
	if i == len(t.names) {
		return t.layer(chosen)
	}
	var parts []val
	for _, ph := range t.w.phasesOf(i) {
		if ph.taps == 0 {
			continue
		}
		chosen = slices.Clone(chosen)
		chosen[i] = ph
		v, err := t.axis(i+1, chosen)
		if err != nil {
			return val{}, err
		}
		parts = append(parts, v)
	}
	a := 3 + 2*i
	v := parts[0]
	if len(parts) > 1 {
		v = t.l.concat(t.p, a, parts...)
	}
	s := t.w.stride[i]
	if v.shape[a] < s {
		t.gaps = true
		v = t.l.through(t.p, v, selected(v.shape, a, workload.Placed(0, int(v.shape[a]), int(s))))
	}
	if turn := t.w.before[i] % s; turn != 0 && len(t.w.phasesOf(i)) > 1 {
		// The first output position has phase turn.
		v = t.l.through(t.p, v, selected(v.shape, a, append(run(turn, s-turn), run(0, turn)...)))
	}
	return v, nil
}

// relation ties input positions to output positions of some phases and to their
// kernel positions, which count backwards.
func (t *transposing) relation(i int, ph phases) workload.Relation {
	w, names := &t.w, t.names[i]
	s, before := w.stride[i], w.before[i]
	r := workload.Relation{Index: names[0], A: names[1], B: names[2], Size: int(t.p.in[0].shape[2+i])}
	if w.dilation[i] > 1 {
		r.CoefA, r.CoefB, r.Divisor = int(s), int(w.dilation[i]), int(s)
		r.PadBefore, r.Slack = int((ph.taps-1)*w.dilation[i]-before), int(s-1)
	} else {
		// Output positions s*q+o, o counted from the cut beginning, have q shifted by 1
		// from the first o on whose phase is past the stride.
		least, most := int64(1<<62), int64(0)
		for p := ph.first; p < ph.first+ph.count; p++ {
			o := ((p-before)%s + s) % s
			least, most = min(least, (o+before)/s), max(most, (o+before)/s)
		}
		r.CoefA, r.CoefB = 1, 1
		r.PadBefore, r.Slack = int(ph.taps-1-least), int(most-least)
	}
	r.PadAfter = max(0, r.Last(int(t.positions(i)-1), int(ph.taps-1))+1-r.Size)
	return r
}

// layer is the convolution of some phases of every axis.
func (t *transposing) layer(chosen []phases) (val, error) {
	p, w := t.p, &t.w
	x, k, group := p.in[0].shape, p.in[1].shape, p.Int("group", 1)
	n := nest{shape: []int64{x[0], k[1] * group}}
	n.out = [][]workload.Dim{ax("B"), ax("G", "K")}
	weights := [][]workload.Dim{ax("G", "C"), ax("K")}
	in := [][]workload.Dim{ax("B"), ax("G", "C")}
	apart := slices.Clone(n.shape) // positions and phases as axes of their own
	var outer, inner []workload.LoopDim
	parts := false
	for i, names := range t.names {
		ph, s, count := chosen[i], w.stride[i], t.positions(i)
		phase := "P" + names[1][1:]
		n.relations = append([]workload.Relation{t.relation(i, ph)}, n.relations...)
		outer = append(loops(loop(names[1], count)), outer...)
		inner = append(loops(loop(names[2], ph.taps)), inner...)
		axis, tap := ax(names[1]), ax(names[2])
		if s > 1 {
			outer = append(loops(loop(phase, ph.count)), outer...)
			axis = ax(names[1], phase)
			if w.dilation[i] == 1 {
				tap = ax(names[2], phase)
			}
		}
		n.out, weights, in = append(n.out, axis), append(weights, tap), append(in, ax(names[0]))
		n.shape, apart = append(n.shape, count*ph.count), append(apart, count, ph.count)
		if len(w.phasesOf(i)) > 1 {
			parts = true
			n.part += fmt.Sprintf("%s%d", phase, ph.first)
		}
	}
	n.dims = append(loops(loop("B", x[0]), loop("K", k[1]), loop("G", group)), outer...)
	n.dims = append(append(n.dims, loop("C", k[0]/group)), inner...)
	filter := p.value(1)
	if parts && filter.Tensor != "" {
		filter.Tensor += "-" + n.part // each has other taps
	}
	n.ins = []reading{reads("W", filter, weights...), reads("I", p.value(0), in...)}
	v, err := t.l.layer(p, n)
	if err != nil {
		return v, err
	}
	t.layers++
	t.last = v
	return t.l.through(p, v, reshaped(apart)), nil
}
