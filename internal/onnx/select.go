package onnx

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"streamdse/workload"
)

// This file is about operators that take ranges of positions of axes, once, several
// times or with gaps between them.

// selected takes positions of an axis.
func selected(shape []int64, axis int, runs []workload.Run) workload.Movement {
	m := workload.Movement{Kind: workload.Select, Axis: axis, Runs: runs, Shape: ints(shape)}
	m.Shape[axis] = 0
	for _, r := range runs {
		m.Shape[axis] += r.Count
	}
	return m
}

// run is count positions from the given one on.
func run(from, count int64) []workload.Run {
	if count == 0 {
		return nil
	}
	return []workload.Run{{Count: int(count), From: int(from), Step: 1}}
}

// planSlice takes starts, ends, axes and steps from attributes (until version 10)
// or inputs.
func planSlice(c *call) ([]workload.Movement, error) {
	shape := c.in[0].shape
	arguments := map[string][]int64{}
	for i, name := range []string{"starts", "ends", "axes", "steps"} {
		if a := c.Attribute(name); a != nil {
			arguments[name] = a.Ints
		} else if !c.input(i + 1).absent {
			values, ok := c.integers(i + 1)
			if !ok {
				return nil, errNeeds("its " + name + " are")
			}
			arguments[name] = values
		}
	}
	starts, ends, list, steps := arguments["starts"], arguments["ends"], arguments["axes"], arguments["steps"]
	if list == nil {
		for i := range starts {
			list = append(list, int64(i))
		}
	}
	if len(ends) != len(starts) || len(list) != len(starts) || steps != nil && len(steps) != len(starts) {
		return nil, fmt.Errorf("it has %d starts, %d ends, %d axes", len(starts), len(ends), len(list))
	}
	var via []workload.Movement
	for i := range starts {
		a, err := axis(list[i], len(shape))
		if err != nil {
			return nil, err
		}
		step := int64(1)
		if steps != nil {
			step = steps[i]
		}
		if step == 0 {
			return nil, errors.New("one of its steps is 0")
		}
		m := selected(shape, a, sliceRun(starts[i], ends[i], step, shape[a]))
		via = append(via, m)
		shape = wide(m.Shape)
	}
	if len(via) == 0 {
		return planIdentity(c)
	}
	return via, nil
}

// sliceRun are the positions of an axis of n elements from start to end, which is not
// one of them, in steps. Negative limits count from the end of the axis, and those
// outside of it are moved to its edge.
func sliceRun(start, end, step, n int64) []workload.Run {
	bound := func(v, lo, hi int64) int64 {
		if v < 0 {
			v += n
		}
		return min(max(v, lo), hi)
	}
	var from, count int64
	if step > 0 {
		from = bound(start, 0, n)
		if end = bound(end, 0, n); end > from {
			count = (end-from-1)/step + 1
		}
	} else {
		from = bound(start, 0, n-1)
		if end < -n {
			end = -1
		} else {
			end = bound(end, 0, n-1)
		}
		step = max(step, -math.MaxInt64)
		if from > end {
			count = (from-end-1)/-step + 1
		}
	}
	switch count {
	case 0:
		return nil
	case 1:
		step = 1
	}
	return []workload.Run{{Count: int(count), From: int(from), Step: int(step)}}
}

func planSplit(c *call) ([][]workload.Movement, error) {
	shape := c.in[0].shape
	a, err := axis(c.Int("axis", 0), len(shape))
	if err != nil {
		return nil, err
	}
	sizes := c.Ints("split", nil)
	if !c.input(1).absent {
		var ok bool
		if sizes, ok = c.integers(1); !ok {
			return nil, errNeeds("the sizes of its parts are")
		}
	}
	if sizes == nil {
		n := int64(len(c.Outputs))
		if n == 0 {
			return nil, errors.New("it has no outputs")
		}
		each := (shape[a] + n - 1) / n
		for left := shape[a]; n > 0; n-- {
			sizes = append(sizes, min(each, left))
			left -= min(each, left)
		}
	}
	total := int64(0)
	for _, n := range sizes {
		if n < 0 || n > maxDim {
			return nil, fmt.Errorf("its parts are %v", sizes)
		}
		total += n
	}
	if total != shape[a] || len(sizes) < len(c.Outputs) {
		return nil, fmt.Errorf("its parts %v do not make up the %d of dimension %d", sizes, shape[a], a)
	}
	var outputs [][]workload.Movement
	from := int64(0)
	for _, n := range sizes {
		outputs = append(outputs, []workload.Movement{selected(shape, a, run(from, n))})
		from += n
	}
	return outputs, nil
}

func planPad(c *call) ([]workload.Movement, error) {
	shape := c.in[0].shape
	pads := c.Ints("pads", c.Ints("paddings", nil)) // until version 11; version 1
	if !c.input(1).absent {
		var ok bool
		if pads, ok = c.integers(1); !ok {
			return nil, errNeeds("its paddings are")
		}
	}
	var list []int64
	if !c.input(3).absent {
		var ok bool
		if list, ok = c.integers(3); !ok {
			return nil, errNeeds("its axes are")
		}
	} else {
		for i := range shape {
			list = append(list, int64(i))
		}
	}
	if len(pads) != 2*len(list) {
		return nil, fmt.Errorf("it has %d paddings for %d dimensions", len(pads), len(list))
	}
	return c.padded(c.Str("mode", "constant"), list, func(i int, _ int64) (before, after int64, err error) {
		return pads[i], pads[len(list)+i], nil
	})
}

// padded pads axes one after another: by says how much the one at a place of the list,
// which has n elements, gets before and after them.
func (c *call) padded(mode string, list []int64, by func(i int, n int64) (before, after int64, err error)) ([]workload.Movement, error) {
	shape := c.in[0].shape
	var via []workload.Movement
	for i, at := range list {
		a, err := axis(at, len(shape))
		if err != nil {
			return nil, err
		}
		before, after, err := by(i, shape[a])
		if err != nil {
			return nil, err
		}
		if before == 0 && after == 0 {
			continue
		}
		runs, err := padRuns(mode, before, after, shape[a])
		if err != nil {
			return nil, err
		}
		via = append(via, selected(shape, a, runs))
		shape = wide(via[len(via)-1].Shape)
	}
	if len(via) == 0 {
		return planIdentity(c)
	}
	return via, nil
}

// padRuns are the positions of an axis of n elements that is padded, or cropped
// where a padding is negative.
func padRuns(mode string, before, after, n int64) ([]workload.Run, error) {
	kept := n + min(before, 0) + min(after, 0)
	if kept < 0 || kept == 0 && mode != "constant" || before > maxDim || after > maxDim {
		return nil, fmt.Errorf("its paddings are %d and %d of a dimension of %d", before, after, n)
	}
	first := max(0, -before)
	last := first + kept - 1
	var runs []workload.Run
	pad := func(count, from, step int64, gap bool) {
		if count > 0 {
			runs = append(runs, workload.Run{Count: int(count), From: int(from), Step: int(step), Gap: gap})
		}
	}
	switch mode {
	case "constant":
		pad(before, 0, 0, true)
		pad(kept, first, 1, false)
		pad(after, 0, 0, true)
	case "edge":
		pad(before, first, 0, false)
		pad(kept, first, 1, false)
		pad(after, last, 0, false)
	case "reflect", "wrap":
		if mode == "reflect" && max(before, after) >= kept || max(before, after) > kept {
			return nil, fmt.Errorf("it pads a dimension of %d by %d and %d from itself", n, before, after)
		}
		if mode == "wrap" {
			pad(before, last-before+1, 1, false)
			pad(kept, first, 1, false)
			pad(after, first, 1, false)
		} else {
			pad(before, first+before, -1, false)
			pad(kept, first, 1, false)
			pad(after, last-1, -1, false)
		}
	default:
		return nil, fmt.Errorf("its mode %q is unknown", mode)
	}
	return runs, nil
}

// planCenterCropPad cuts or pads axes around their middle.
func planCenterCropPad(c *call) ([]workload.Movement, error) {
	shape := c.in[0].shape
	want, ok := c.integers(1)
	if !ok {
		return nil, errNeeds("its shape is")
	}
	list := c.Ints("axes", nil)
	if list == nil {
		for i := range shape {
			list = append(list, int64(i))
		}
	}
	if len(list) != len(want) {
		return nil, fmt.Errorf("it has %d sizes for %d dimensions", len(want), len(list))
	}
	return c.padded("constant", list, func(i int, n int64) (before, after int64, err error) {
		if want[i] < 1 || want[i] > maxDim {
			return 0, 0, fmt.Errorf("dimension %d of its shape is %d", i, want[i])
		}
		more := want[i] - n
		before = more / 2 // half of what is cut or padded, rounded down
		return before, more - before, nil
	})
}

func planExpand(c *call) ([]workload.Movement, error) {
	want, ok := c.integers(1)
	if !ok {
		return nil, errNeeds("its shape is")
	}
	for i, d := range want {
		if d < 0 || d > maxDim {
			return nil, fmt.Errorf("dimension %d of its shape is %d", i, d)
		}
	}
	out, err := broadcast(c.in[0].shape, want)
	if err != nil {
		return nil, err
	}
	return stretch(c.in[0].shape, out), nil
}

// stretch broadcasts a tensor to a shape.
func stretch(shape, to []int64) []workload.Movement {
	var via []workload.Movement
	if len(shape) < len(to) {
		full := make([]int64, len(to)-len(shape), len(to))
		for i := range full {
			full[i] = 1
		}
		shape = append(full, shape...)
		via = append(via, reshaped(shape))
	}
	for i := range to {
		if shape[i] != to[i] {
			m := selected(shape, i, []workload.Run{{Count: int(to[i])}})
			via = append(via, m)
			shape = wide(m.Shape)
		}
	}
	if len(via) == 0 {
		via = append(via, workload.Movement{Kind: workload.Transparent, Shape: ints(shape)})
	}
	return via
}

// planTile repeats a tensor: along an axis of its own, which is then merged with
// the one that is repeated.
func planTile(c *call) ([]workload.Movement, error) {
	shape := c.in[0].shape
	repeats, ok := c.integers(1)
	if !ok {
		return nil, errNeeds("its repeats are")
	}
	if len(repeats) != len(shape) {
		return nil, fmt.Errorf("it has %d repeats for %d dimensions", len(repeats), len(shape))
	}
	var via []workload.Movement
	for i, n := range repeats {
		if n < 0 || n > maxDim || n > 0 && shape[i] > maxDim/n {
			return nil, fmt.Errorf("it repeats dimension %d, of %d, %d times", i, shape[i], n)
		}
		if n == 1 {
			continue
		}
		split := slices.Insert(slices.Clone(shape), i, 1)
		repeated := selected(split, i, []workload.Run{{Count: int(n)}})
		shape = slices.Clone(shape)
		shape[i] *= n
		via = append(via, reshaped(split), repeated, reshaped(shape))
	}
	if len(via) == 0 {
		return planIdentity(c)
	}
	return via, nil
}

// planGather takes positions of an axis by constant indices.
func planGather(c *call) ([]workload.Movement, error) {
	shape, index := c.in[0].shape, c.in[1]
	a, err := axis(c.Int("axis", 0), len(shape))
	if err != nil {
		return nil, err
	}
	positions, ok := c.integers(1)
	if !ok {
		return nil, errNeeds("its indices are")
	}
	list := make([]int64, len(positions))
	for i, v := range positions {
		if list[i], err = at(v, shape[a]); err != nil {
			return nil, err
		}
	}
	m := selected(shape, a, runsOf(list))
	out := slices.Concat(shape[:a], index.shape, shape[a+1:])
	return []workload.Movement{m, reshaped(out)}, nil
}
