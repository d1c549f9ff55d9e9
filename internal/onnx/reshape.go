package onnx

import (
	"errors"
	"fmt"
	"slices"

	"streamdse/workload"
)

// This file is about operators that only reinterpret or permute a tensor.

// reshaped is a change of shape.
func reshaped(shape []int64) workload.Movement {
	return workload.Movement{Kind: workload.Reshape, Shape: ints(shape)}
}

func planFlatten(c *call) ([]workload.Movement, error) {
	shape := c.in[0].shape
	a := c.Int("axis", 1)
	if a < -int64(len(shape)) || a > int64(len(shape)) {
		return nil, fmt.Errorf("axis %d does not exist in a tensor of rank %d", a, len(shape))
	}
	if a < 0 {
		a += int64(len(shape))
	}
	return []workload.Movement{reshaped([]int64{elements(shape[:a]), elements(shape[a:])})}, nil
}

func planReshape(c *call) ([]workload.Movement, error) {
	want := c.Ints("shape", nil) // until version 5
	if len(c.in) > 1 {
		want, _ = c.integers(1)
	}
	total := elements(c.in[0].shape)
	if want == nil {
		if c.declared != nil && elements(c.declared) != total {
			return nil, fmt.Errorf("%d elements cannot take the shape %s", total, shapeString(c.declared))
		}
		return nil, errNeeds("its shape is")
	}
	out := slices.Clone(want)
	rest := -1
	for i, d := range want {
		switch {
		case d == 0 && c.Int("allowzero", 0) == 0:
			if i >= len(c.in[0].shape) {
				return nil, fmt.Errorf("its shape copies dimension %d, which %s lacks", i, shapeString(c.in[0].shape))
			}
			out[i] = c.in[0].shape[i]
		case d == -1 && rest < 0:
			rest, out[i] = i, 1
		case d <= 0 || d > maxDim:
			return nil, fmt.Errorf("dimension %d of its shape is %d", i, d)
		}
	}
	n := elements(out)
	if rest >= 0 && n > 0 && total%n == 0 {
		out[rest], n = total/n, total
	}
	if n != total || slices.ContainsFunc(out, func(d int64) bool { return d > maxDim }) {
		return nil, fmt.Errorf("%s cannot be reshaped to %s", shapeString(c.in[0].shape), shapeString(want))
	}
	return []workload.Movement{reshaped(out)}, nil
}

// axes are the axes that an operator names, in an attribute or, since some
// version, in input i.
func (c *call) axes(i int) (list []int64, given bool, err error) {
	if a := c.Attribute("axes"); a != nil {
		return a.Ints, true, nil
	}
	if t := c.input(i); !t.absent {
		list, ok := c.integers(i)
		if !ok {
			return nil, false, errNeeds("its axes are")
		}
		return list, true, nil
	}
	return nil, false, nil
}

func planSqueeze(c *call) ([]workload.Movement, error) {
	list, given, err := c.axes(1)
	if err != nil {
		return nil, err
	}
	shape := c.in[0].shape
	drop := make([]bool, len(shape))
	for i, d := range shape {
		drop[i] = !given && d == 1
	}
	for _, a := range list {
		i, err := axis(a, len(shape))
		if err != nil {
			return nil, err
		}
		if shape[i] != 1 {
			return nil, fmt.Errorf("dimension %d of %s is not 1", i, shapeString(shape))
		}
		drop[i] = true
	}
	out := []int64{}
	for i, d := range shape {
		if !drop[i] {
			out = append(out, d)
		}
	}
	return []workload.Movement{reshaped(out)}, nil
}

func planUnsqueeze(c *call) ([]workload.Movement, error) {
	list, given, err := c.axes(1)
	if err != nil {
		return nil, err
	}
	if !given {
		return nil, errors.New("it names no axes")
	}
	shape := c.in[0].shape
	rank := len(shape) + len(list)
	if rank > maxRank {
		return nil, fmt.Errorf("its result has %d dimensions", rank)
	}
	out := make([]int64, rank)
	added := make([]bool, rank)
	for _, a := range list {
		i, err := axis(a, rank)
		if err != nil {
			return nil, err
		}
		if added[i] {
			return nil, fmt.Errorf("axis %d is named twice", i)
		}
		out[i], added[i] = 1, true
	}
	next := 0
	for i := range out {
		if !added[i] {
			out[i] = shape[next]
			next++
		}
	}
	return []workload.Movement{reshaped(out)}, nil
}

// permuted is a transposition of a tensor.
func permuted(shape []int64, perm []int) workload.Movement {
	out := make([]int, len(perm))
	for i, a := range perm {
		out[i] = int(shape[a])
	}
	return workload.Movement{Kind: workload.Transpose, Perm: perm, Shape: out}
}

func planTranspose(c *call) ([]workload.Movement, error) {
	rank := len(c.in[0].shape)
	perm := make([]int, rank)
	given := c.Attribute("perm")
	if given != nil && len(given.Ints) != rank {
		return nil, fmt.Errorf("perm has %d entries for a tensor of rank %d", len(given.Ints), rank)
	}
	used := make([]bool, rank)
	for i := range perm {
		p := int64(rank - 1 - i)
		if given != nil {
			p = given.Ints[i]
		}
		if p < 0 || p >= int64(rank) || used[p] {
			return nil, fmt.Errorf("perm %v is not a permutation of %d axes", given.Ints, rank)
		}
		used[p] = true
		perm[i] = int(p)
	}
	return []workload.Movement{permuted(c.in[0].shape, perm)}, nil
}

func planDepthToSpace(c *call) ([]workload.Movement, error) {
	x, b := c.in[0].shape, c.Int("blocksize", 0)
	if len(x) != 4 || b < 1 || b > maxDim || x[1]%b != 0 || x[1]/b%b != 0 || x[2] > maxDim/b || x[3] > maxDim/b {
		return nil, fmt.Errorf("its input is %s, its block size %d", shapeString(x), b)
	}
	split, perm := []int64{x[0], b, b, x[1] / b / b, x[2], x[3]}, []int{0, 3, 4, 1, 5, 2}
	if c.Str("mode", "DCR") == "CRD" {
		split, perm = []int64{x[0], x[1] / b / b, b, b, x[2], x[3]}, []int{0, 1, 4, 2, 5, 3}
	}
	return []workload.Movement{reshaped(split), permuted(split, perm), reshaped([]int64{x[0], x[1] / b / b, x[2] * b, x[3] * b})}, nil
}

func planSpaceToDepth(c *call) ([]workload.Movement, error) {
	x, b := c.in[0].shape, c.Int("blocksize", 0)
	if len(x) != 4 || b < 1 || b > maxDim || x[2]%b != 0 || x[3]%b != 0 {
		return nil, fmt.Errorf("its input is %s, its block size %d", shapeString(x), b)
	}
	split := []int64{x[0], x[1], x[2] / b, b, x[3] / b, b}
	return []workload.Movement{reshaped(split), permuted(split, []int{0, 3, 5, 1, 2, 4}), reshaped([]int64{x[0], x[1] * b * b, x[2] / b, x[3] / b})}, nil
}
