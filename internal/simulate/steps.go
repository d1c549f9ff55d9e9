package simulate

import (
	"slices"

	"streamdse/unit"
)

// steps is a step function of time: values[i] holds from times[i] until
// times[i+1], the last one for ever. Times ascend strictly and begin with 0. All
// of it is planned: a change at a time changes every later value.
type steps[V unit.Bits | float64] struct {
	times  []unit.Cycles
	values []V
	high   V // no value has ever been higher
}

func (f *steps[V]) reset() {
	f.times = append(f.times[:0], 0)
	f.values = append(f.values[:0], 0)
	f.high = 0
}

// at is the index of the step that holds at time t.
func (f *steps[V]) at(t unit.Cycles) int {
	// Most questions are about the latest steps: widen a window from the end.
	lo, hi := len(f.times)-1, len(f.times)
	for width := 1; lo > 0 && f.times[lo] > t; width *= 2 {
		hi = lo
		lo = max(0, lo-width)
	}
	for hi-lo > 1 {
		mid := int(uint(lo+hi) / 2)
		if f.times[mid] <= t {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo
}

// split makes sure that a step begins at t and returns its index.
func (f *steps[V]) split(t unit.Cycles) int {
	i := f.at(t)
	if f.times[i] == t {
		return i
	}
	i++
	f.times = slices.Insert(f.times, i, t)
	f.values = slices.Insert(f.values, i, f.values[i-1])
	return i
}

// add changes the values from time t on.
func (f *steps[V]) add(t unit.Cycles, v V) {
	f.addSteps(f.split(t), len(f.values), v)
}

// addDuring changes the values from start until end.
func (f *steps[V]) addDuring(start, end unit.Cycles, v V) {
	i := f.split(start)
	f.addSteps(i, f.split(end), v)
}

func (f *steps[V]) addSteps(from, to int, v V) {
	for i := from; i < to; i++ {
		f.values[i] += v
		f.high = max(f.high, f.values[i])
	}
}

// last is the value that holds for ever.
func (f *steps[V]) last() V { return f.values[len(f.values)-1] }

// under returns the earliest time from t on after which the value never exceeds
// the limit. If it does so for ever, that is the beginning of the last step, or t
// if that is later, and false.
func (f *steps[V]) under(limit V, t unit.Cycles) (unit.Cycles, bool) {
	if f.high <= limit {
		return t, true
	}
	n := len(f.times)
	if f.values[n-1] > limit {
		return max(t, f.times[n-1]), false
	}
	for i := n - 1; f.times[i] > t; i-- {
		if f.values[i-1] > limit {
			return f.times[i], true
		}
	}
	return t, true
}

// peak is the highest value.
func (f *steps[V]) peak() V { return slices.Max(f.values) }
