package loopnest

import "math"

// best has, for each combination of an outlook's factors, the least of the rows of
// costs of a boundary at this and all larger points at which the data fits into the
// memory below, or at all smaller ones if boundaries are chosen from the outside in.
type best []float64

func (b best) row(s, width int) []float64 { return b[s*width : (s+1)*width] }

func (o *Outlook) newBest(x, l int, memory *memory64) best {
	from := &o.bounds[x][l]
	b := best(memory.floats.take(o.combinations.points * from.width))
	for s, at := range o.within {
		copy(b.row(s, from.width), from.cost[int(at)*from.width:])
	}
	if l > 0 {
		o.excludeMisfits(b, from, x, l)
	}
	o.spread(b, from.width)
	return b
}

// spread turns the rows of best from those of each point into the least of those of
// all points beyond, one factor after another.
func (o *Outlook) spread(b best, width int) {
	for f, count := range o.combinations.counts {
		stride := o.combinations.stride[f] * width
		for block := 0; block < len(b); block += stride * (count + 1) {
			for i := range count {
				at, next := block+i*stride, block+(i+1)*stride
				if o.way != inward {
					at = block + (count-1-i)*stride
					next = at + stride
				} else {
					at, next = next, at
				}
				to, from := b[at:at+stride], b[next:next+stride]
				for k, v := range from {
					if v < to[k] {
						to[k] = v
					}
				}
			}
		}
	}
}

// excludeMisfits makes the rows of points infinite at which the boundary cannot
// lie. What is within fits the memory. A memory of one operand also goes on
// taking loops until one is too much or multiplies the data by more than its
// size, so that there has to be such a loop outside.
func (o *Outlook) excludeMisfits(b best, from *boundary, x, l int) {
	m := o.e.model
	op := &m.operands[x]
	level := &op.levels[l-1]
	greedy := from.exact && o.way == filled && !m.problem.Bounded && len(m.memories[level.memory].stored) == 1
	bits := float64(max(op.bits, op.final))
	digits := make([]int, len(o.factors))
	ends := func(s int) bool {
		size := from.room[o.within[s]]
		for f, loop := range o.factors {
			if digits[f] == o.combinations.counts[f] {
				continue
			}
			grown := from.room[o.within[s+o.combinations.stride[f]]]
			full := grown*bits > level.size*(1-1e-9)
			o.e.sizes.see(level.memory, grown*bits, full)
			if full || grown > size*float64(loop.Size) {
				return true
			}
		}
		return s == o.combinations.points-1
	}
	for s, at := range o.within {
		if !o.fits(from, x, l, int(at)) || greedy && !ends(s) {
			row := b.row(s, from.width)
			for i := range row {
				row[i] = math.Inf(1)
			}
		}
		o.combinations.count(digits)
	}
}
