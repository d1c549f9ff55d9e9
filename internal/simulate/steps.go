package simulate

import (
	"slices"

	"streamdse/unit"
)

// steps is a step function of time: the value of a step holds from its time until
// that of the next one, the last one for ever. Times ascend strictly and begin with
// 0. All of it is planned: a change at a time may change every later value.
//
// The steps lie in chunks, and what changes a whole chunk is noted beside it. So a
// change costs next to nothing however many steps there are, and a question about
// the future skips chunks that are low enough throughout.
type steps[V unit.Bits | float64] struct {
	begins []unit.Cycles // of each chunk
	shifts []V           // what is to be added to each value of a chunk
	highs  []V           // no value of a chunk is higher, without its shift
	chunks []chunk[V]
	spare  []chunk[V]
	size   int // steps that a chunk holds at most
	high   V   // no value has ever been higher
}

type chunk[V unit.Bits | float64] struct {
	times  []unit.Cycles
	values []V
	sunk   bool // values have become less since its high was found
}

// chunkSize balances the work within a chunk with that on all chunks for a million
// steps.
const chunkSize = 512

// step is the place of a step.
type step struct{ chunk, index int }

func (f *steps[V]) reset() {
	if f.size == 0 {
		f.size = chunkSize
	}
	f.spare = append(f.spare, f.chunks...)
	f.begins, f.shifts, f.highs, f.chunks = f.begins[:0], f.shifts[:0], f.highs[:0], f.chunks[:0]
	f.insertChunk(0, 0)
	f.chunks[0].times, f.chunks[0].values = append(f.chunks[0].times, 0), append(f.chunks[0].values, 0)
	f.high = 0
}

// insertChunk adds an empty chunk.
func (f *steps[V]) insertChunk(c int, begin unit.Cycles) {
	var fresh chunk[V]
	if n := len(f.spare); n > 0 {
		fresh, f.spare = f.spare[n-1], f.spare[:n-1]
		fresh.times, fresh.values, fresh.sunk = fresh.times[:0], fresh.values[:0], false
	} else {
		fresh = chunk[V]{times: make([]unit.Cycles, 0, f.size), values: make([]V, 0, f.size)}
		f.spare = slices.Grow(f.spare, len(f.chunks)+1) // where all will go
	}
	f.begins = slices.Insert(f.begins, c, begin)
	f.shifts = slices.Insert(f.shifts, c, 0)
	f.highs = slices.Insert(f.highs, c, 0)
	f.chunks = slices.Insert(f.chunks, c, fresh)
}

func (f *steps[V]) time(s step) unit.Cycles { return f.chunks[s.chunk].times[s.index] }
func (f *steps[V]) value(s step) V          { return f.chunks[s.chunk].values[s.index] + f.shifts[s.chunk] }

// next is the step after s, false if s is the last one.
func (f *steps[V]) next(s step) (step, bool) {
	if s.index+1 < len(f.chunks[s.chunk].times) {
		return step{s.chunk, s.index + 1}, true
	}
	return step{s.chunk + 1, 0}, s.chunk+1 < len(f.chunks)
}

// holding is the last of some ascending times that is not after t.
func holding(times []unit.Cycles, t unit.Cycles) int {
	// Most questions are about the latest: widen a window from the end.
	lo, hi := len(times)-1, len(times)
	for width := 1; lo > 0 && times[lo] > t; width *= 2 {
		hi = lo
		lo = max(0, lo-width)
	}
	for hi-lo > 1 {
		mid := int(uint(lo+hi) / 2)
		if times[mid] <= t {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo
}

// at is the step that holds at time t.
func (f *steps[V]) at(t unit.Cycles) step {
	c := holding(f.begins, t)
	return step{c, holding(f.chunks[c].times, t)}
}

// split makes sure that a step begins at t.
func (f *steps[V]) split(t unit.Cycles) {
	s := f.at(t)
	c := &f.chunks[s.chunk]
	if c.times[s.index] == t {
		return
	}
	if n := len(c.times); n >= f.size {
		// What comes behind the last step gets a chunk of its own: most do.
		half := n
		if s.chunk < len(f.chunks)-1 || s.index < n-1 {
			half = n / 2
		}
		f.cut(s.chunk, half, t)
		if s.index >= half || half == n {
			s = step{s.chunk + 1, s.index - half}
		}
		if half == n { // the fresh chunk is empty
			before := f.chunks[s.chunk-1].values[n-1] + f.shifts[s.chunk-1]
			c := &f.chunks[s.chunk]
			c.times, c.values = append(c.times, t), append(c.values, before)
			f.highs[s.chunk] = before
			return
		}
		c = &f.chunks[s.chunk]
	}
	c.times = slices.Insert(c.times, s.index+1, t)
	c.values = slices.Insert(c.values, s.index+1, c.values[s.index])
}

// cut moves the steps of a chunk from an index on to a new one, which begins at t if
// there are none.
func (f *steps[V]) cut(c, index int, t unit.Cycles) {
	if index < len(f.chunks[c].times) {
		t = f.chunks[c].times[index]
	}
	f.insertChunk(c+1, t)
	from, to := &f.chunks[c], &f.chunks[c+1]
	to.times, to.values = append(to.times, from.times[index:]...), append(to.values, from.values[index:]...)
	from.times, from.values = from.times[:index], from.values[:index]
	f.shifts[c+1] = f.shifts[c]
	if len(to.values) == 0 {
		f.shifts[c+1] = 0
		return
	}
	f.highs[c], f.highs[c+1] = slices.Max(from.values), slices.Max(to.values)
	from.sunk = false
}

// add changes the values from time t on.
func (f *steps[V]) add(t unit.Cycles, v V) {
	f.split(t)
	s := f.at(t)
	f.change(s.chunk, s.index, len(f.chunks[s.chunk].values), v)
	for c := s.chunk + 1; c < len(f.shifts); c++ {
		f.shifts[c] += v
		f.high = max(f.high, f.highs[c]+f.shifts[c])
	}
}

// addDuring changes the values from start until end.
func (f *steps[V]) addDuring(start, end unit.Cycles, v V) {
	f.split(start)
	f.split(end)
	from, to := f.at(start), f.at(end)
	for c := from.chunk; c <= to.chunk; c++ {
		first, last := 0, len(f.chunks[c].values)
		if c == from.chunk {
			first = from.index
		}
		if c == to.chunk {
			last = to.index
		}
		f.change(c, first, last, v)
	}
}

// change changes some values of a chunk.
func (f *steps[V]) change(c, first, last int, v V) {
	values := f.chunks[c].values
	for i := first; i < last; i++ {
		values[i] += v
	}
	switch {
	case first == last:
	case v < 0:
		f.chunks[c].sunk = true
	default:
		high := slices.Max(values[first:last])
		f.highs[c] = max(f.highs[c], high)
		f.high = max(f.high, high+f.shifts[c])
	}
}

// highest is the highest value of a chunk.
func (f *steps[V]) highest(c int) V {
	if x := &f.chunks[c]; x.sunk {
		f.highs[c], x.sunk = slices.Max(x.values), false
	}
	return f.highs[c] + f.shifts[c]
}

// lastStep is the one that holds for ever.
func (f *steps[V]) lastStep() step {
	c := len(f.chunks) - 1
	return step{c, len(f.chunks[c].times) - 1}
}

// last is the value that holds for ever.
func (f *steps[V]) last() V { return f.value(f.lastStep()) }

// under returns the earliest time from t on after which the value never exceeds
// the limit. If it does so for ever, that is the beginning of the last step, or t
// if that is later, and false.
func (f *steps[V]) under(limit V, t unit.Cycles) (unit.Cycles, bool) {
	if f.high <= limit {
		return t, true
	}
	end := f.time(f.lastStep())
	if f.last() > limit {
		return max(t, end), false
	}
	after := end // the time of the step after the one that is looked at
	for c := len(f.chunks) - 1; c >= 0 && after > t; c-- {
		x := &f.chunks[c]
		if shift := f.shifts[c]; f.highs[c]+shift > limit && f.highest(c) > limit {
			for i := len(x.times) - 1; i >= 0 && after > t; i-- {
				if x.values[i]+shift > limit {
					return after, true
				}
				after = x.times[i]
			}
		}
		after = min(after, x.times[0])
	}
	return t, true
}

// peak is the highest value.
func (f *steps[V]) peak() V {
	p := f.highest(0)
	for c := range f.chunks {
		p = max(p, f.highest(c))
	}
	return p
}
