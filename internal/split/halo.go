package split

import (
	"slices"

	"streamdse/taskgraph"
	"streamdse/workload"
)

// Where windows overlap, a tile of a layer reads rows of several tiles of the layer
// before it. These halos are read from all of them, or recomputed: then each tile of
// the layer before computes all that the tile after it needs, so that a tile depends
// on one tile alone and nothing is kept for a neighbour.

// recompute makes the tiles of fused layers overlap by the halos of their readers,
// from the last layer back, since more rows of a layer need more of the layer before.
//
// A layer takes part along an axis if all its readers are fused with it, are cut
// into as many parts along that axis within a core, and read it without movement.
func recompute(t *taskgraph.Tiled) {
	type reader struct {
		layer   *taskgraph.Layer
		operand *workload.Operand
		via     []workload.Movement
	}
	readers := make([][]reader, len(t.Layers))
	for i := range t.Layers {
		l := &t.Layers[i]
		for k := range l.Operands {
			op := &l.Operands[k]
			for _, o := range op.Source.Origins() {
				if o.Kind == workload.FromLayer {
					readers[o.Layer] = append(readers[o.Layer], reader{l, op, o.Via})
				}
			}
		}
	}
	for i := len(t.Layers) - 1; i >= 0; i-- {
		l := &t.Layers[i]
		if l.Output || len(readers[i]) == 0 {
			continue
		}
		out := &l.Operands[0]
		for axis := range out.Axes {
			own, ok := soleDim(out, axis)
			if !ok {
				continue
			}
			dim, ok := tiled(l, own)
			if !ok {
				continue
			}
			cut := &l.Cuts[dim]
			starts, ends := slices.Clone(cut.Starts), slices.Clone(cut.Starts[1:])
			for _, r := range readers[i] {
				ok = ok && r.layer.Stack == l.Stack && len(r.operand.Axes) == len(out.Axes) && whole(r.operand, r.via) && grow(starts, ends, r.layer, r.operand, axis)
			}
			if ok && !slices.Equal(ends, cut.Starts[1:]) || ok && !slices.Equal(starts, cut.Starts) {
				cut.Starts, cut.Ends = starts, ends
			}
		}
	}
}

// soleDim is the dimension that alone makes up an axis of an operand.
func soleDim(op *workload.Operand, axis int) (workload.Dim, bool) {
	first := 0
	if axis > 0 {
		first = op.Axes[axis-1]
	}
	if op.Axes[axis]-first != 1 {
		return "", false
	}
	return op.Dims[first], true
}

// tiled finds a loop of a layer that a single tiling within a core cuts.
func tiled(l *taskgraph.Layer, d workload.Dim) (int, bool) {
	dim := slices.IndexFunc(l.Dims, func(x workload.LoopDim) bool { return x.Dim == d })
	loops := 0
	for _, loop := range l.Loops {
		if loop.Dim == dim && loop.Parts > 1 {
			if loop.Inter {
				return dim, false
			}
			loops++
		}
	}
	return dim, loops == 1
}

// whole tells whether an operand is one tensor of another layer, as it is.
func whole(op *workload.Operand, via []workload.Movement) bool {
	return op.Source.Kind == workload.FromLayer && !slices.ContainsFunc(via, func(m workload.Movement) bool { return m.Kind != workload.Transparent })
}

// grow widens the parts [starts[i], ends[i]) of an axis to what the parts of a reader
// need of it. It returns false if the reader's parts do not correspond to them.
func grow(starts, ends []int32, l *taskgraph.Layer, op *workload.Operand, axis int) bool {
	d, ok := soleDim(op, axis)
	if !ok {
		return false
	}
	x := indexDim{a: -1, b: -1, relation: l.Relation(d)}
	outer := d
	if r := x.relation; r != nil {
		outer = r.A
		if b := slices.IndexFunc(l.Dims, func(x workload.LoopDim) bool { return x.Dim == r.B }); b >= 0 {
			if l.Cuts[b].Parts() > 1 {
				return false
			}
			x.b = b
		}
	}
	if x.a, ok = tiled(l, outer); !ok || l.Cuts[x.a].Parts() != len(ends) {
		return false
	}
	ranges := make([]taskgraph.Range, len(l.Dims))
	if x.b >= 0 {
		ranges[x.b] = l.Cuts[x.b].Range(0)
	}
	size := starts[len(ends)]
	for i := range ends {
		ranges[x.a] = l.Cuts[x.a].Range(int32(i))
		need := x.at(ranges)
		starts[i] = min(starts[i], max(need.Lo, 0))
		ends[i] = max(ends[i], min(need.Hi, size))
	}
	return true
}
