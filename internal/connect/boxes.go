package connect

import (
	"slices"

	"streamdse/taskgraph"
	"streamdse/workload"
)

// box is one dimension of an operand's bounding box as the published scheduler
// compares it: closed intervals [lo, hi] by parts of the loops.
type box struct {
	loops    []int
	interval func(parts []int32) (lo, hi int32)
}

// boxFactors relates nodes whose bounding boxes meet, dimension by dimension in
// the order of the equations. It is nil if the two sides differ in dimensions.
func boxFactors(p, c *taskgraph.Layer, operand int) []factor {
	from := boxes(p, &p.Operands[0], "K")
	to := boxes(c, &c.Operands[operand], "C")
	if len(from) != len(to) {
		return nil
	}
	factors := []factor{finalFactor(p)}
	for i := range to {
		f := newFactor(c, to[i].loops)
		producers := newFactor(p, from[i].loops)
		type tile struct{ lo, hi, offset int32 }
		var tiles []tile
		for parts := range combinations(&producers) {
			t := tile{}
			t.lo, t.hi = from[i].interval(parts)
			for j, l := range producers.loops {
				t.offset += p.Cuts[l.dim].Offset[parts[j]]
			}
			tiles = append(tiles, t)
		}
		for parts := range combinations(&f) {
			lo, hi := to[i].interval(parts)
			for _, t := range tiles {
				if t.lo <= hi && lo <= t.hi {
					f.hits = append(f.hits, hit{offset: t.offset, count: 1})
				}
			}
			f.addRow()
		}
		factors = append(factors, f)
	}
	return factors
}

// boxes lists the dimensions of an operand, with the groups G and the channels
// within a group merged into one. The lower bound of the merged interval leaves
// out the number of channels per group, as the published scheduler does.
func boxes(l *taskgraph.Layer, op *workload.Operand, channel workload.Dim) []box {
	list := make([]box, len(op.Dims))
	for i, x := range axes(l, op) {
		list[i] = box{x.loops, func(parts []int32) (int32, int32) {
			r := x.window(parts)
			return r.Lo, r.Hi - 1
		}}
	}
	g, k := slices.Index(op.Dims, "G"), slices.Index(op.Dims, channel)
	if g < 0 || k < 0 {
		return list
	}
	groups, channels, size := list[g], list[k], int32(l.Size(channel))
	at, gone := min(g, k), max(g, k)
	list[at] = box{slices.Concat(groups.loops, channels.loops), func(parts []int32) (int32, int32) {
		n := len(groups.loops)
		gLo, gHi := groups.interval(parts[:n])
		kLo, kHi := channels.interval(parts[n:])
		return gLo + kLo, gHi*size + kHi
	}}
	return slices.Delete(list, gone, gone+1)
}
