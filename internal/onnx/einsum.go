package onnx

import (
	"fmt"
	"slices"
	"strings"

	"streamdse/workload"
)

// equation is an Einsum's: a letter for each axis of every operand and the result.
type equation struct {
	operands []string
	result   string
	size     map[rune]int64
}

// einsum reads the equation of a node; an ellipsis becomes letters of its own.
func (c *call) einsum() (equation, error) {
	if len(c.in) > maxContracted {
		return equation{}, fmt.Errorf("it has %d operands; at most %d are supported", len(c.in), maxContracted)
	}
	text := strings.ReplaceAll(c.Str("equation", ""), " ", "")
	left, right, explicit := strings.Cut(text, "->")
	e := equation{operands: strings.Split(left, ","), size: map[rune]int64{}}
	if len(e.operands) != len(c.in) {
		return e, fmt.Errorf("its equation %q has %d operands, the node %d", text, len(e.operands), len(c.in))
	}
	// The axes of the longest ellipsis are called 0, 1, ...; shorter ones lack the first.
	dots := 0
	for i, o := range e.operands {
		if strings.Contains(o, "...") {
			dots = max(dots, len(c.in[i].shape)-(len(o)-3))
		}
	}
	if dots < 0 || dots > 10 {
		return e, fmt.Errorf("its equation %q does not fit its operands", text)
	}
	const digits = "0123456789"
	for i, o := range e.operands {
		if strings.Contains(o, "...") {
			n := len(c.in[i].shape) - (len(o) - 3)
			if n < 0 {
				return e, fmt.Errorf("its equation %q does not fit operand %d of shape %s", text, i, shapeString(c.in[i].shape))
			}
			o = strings.Replace(o, "...", digits[dots-n:dots], 1)
			e.operands[i] = o
		}
		if len(o) != len(c.in[i].shape) || strings.ContainsFunc(o, func(r rune) bool { return !strings.ContainsRune(digits, r) && (r|0x20 < 'a' || r|0x20 > 'z') }) {
			return e, fmt.Errorf("its equation %q does not fit operand %d of shape %s", text, i, shapeString(c.in[i].shape))
		}
		for k, r := range o {
			d := c.in[i].shape[k]
			if first := strings.IndexRune(o, r); c.in[i].shape[first] != d {
				return e, fmt.Errorf("its equation %q takes the diagonal of %s", text, shapeString(c.in[i].shape))
			}
			if known := e.size[r]; known > 1 && d > 1 && known != d {
				return e, fmt.Errorf("its equation %q gives %c the sizes %d and %d", text, r, known, d)
			}
			e.size[r] = max(e.size[r], d)
		}
	}
	e.result = strings.Replace(right, "...", digits[:dots], 1)
	if !explicit { // letters that occur once, in alphabetical order
		e.result = digits[:dots]
		var letters []rune
		for r := range e.size {
			if !strings.ContainsRune(digits, r) && strings.Count(left, string(r)) == 1 {
				letters = append(letters, r)
			}
		}
		slices.Sort(letters)
		e.result += string(letters)
	}
	for _, r := range e.result {
		if e.size[r] == 0 || strings.Count(e.result, string(r)) > 1 {
			return e, fmt.Errorf("the result of its equation %q has the axis %c", text, r)
		}
	}
	return e, nil
}

func inferEinsum(c *call) ([]tensor, error) {
	e, err := c.einsum()
	if err != nil {
		return nil, err
	}
	out := []int64{}
	for _, r := range e.result {
		out = append(out, e.size[r])
	}
	return one(out...), nil
}

// lettered are the operands and the result in letters alone: the axes of an ellipsis
// take ones that the equation does not use.
func (e *equation) lettered() []string {
	list := append(slices.Clone(e.operands), e.result)
	free := 'a'
	for digit := '0'; digit <= '9'; digit++ {
		if e.size[digit] == 0 {
			continue
		}
		for free <= 'z' && e.size[free] != 0 {
			free++
		}
		if free > 'z' {
			break // digits are letters like any other, but only here
		}
		for i := range list {
			list[i] = strings.ReplaceAll(list[i], string(digit), string(free))
		}
		free++
	}
	return list
}

// diagonal takes the elements of an operand whose axes of the same letter have the
// same position.
func (l *lowering) diagonal(p *part, v val, letters string) (val, string) {
	for i := 0; i < len(letters); i++ {
		j := strings.LastIndexByte(letters, letters[i])
		if j == i {
			continue
		}
		perm := []int{}
		for k := range letters {
			if k != j {
				perm = append(perm, k)
			}
			if k == i {
				perm = append(perm, j)
			}
		}
		n := v.shape[i]
		v = l.through(p, v, permuted(v.shape, perm))
		flat := slices.Concat(v.shape[:i], []int64{n * n}, v.shape[i+2:])
		v = l.through(p, v, reshaped(flat), selected(flat, i, []workload.Run{{Count: int(n), Step: int(n + 1)}}))
		letters = letters[:j] + letters[j+1:]
		i--
	}
	return v, letters
}

// einsumIDs leaves numbers for the movements that take diagonals.
func einsumIDs(c *call) int {
	operands, _, _ := strings.Cut(c.Str("equation", ""), "->")
	for _, o := range strings.Split(operands, ",") {
		for i, r := range o {
			if r != '.' && r != ' ' && strings.ContainsRune(o[i+1:], r) {
				return 64
			}
		}
	}
	return 2
}

// loops names a loop for every letter of one or two operands (second may be empty), in
// the order in which they come: C for what is summed up, B and H for what both operands
// have, K for what only the second has or, without one, for the last axis, D for others.
func (e *equation) loops(first, second string) (names map[rune]workload.Dim, dims []workload.LoopDim) {
	names = map[rune]workload.Dim{}
	count := map[string]int{}
	kind := func(r rune) string {
		inFirst, inSecond := strings.ContainsRune(first, r), strings.ContainsRune(second, r)
		switch {
		case !strings.ContainsRune(e.result, r):
			return "C"
		case inFirst && inSecond && count["B"] == 0:
			return "B"
		case inFirst && inSecond:
			return "H"
		case inSecond || second == "" && strings.HasSuffix(e.result, string(r)):
			return "K"
		}
		return "D"
	}
	for _, r := range first + second {
		if _, done := names[r]; done {
			continue
		}
		k := kind(r)
		names[r] = workload.Dim(k)
		if n := count[k]; n > 0 {
			names[r] = workload.Dim(fmt.Sprintf("%s%d", k, n))
		}
		count[k]++
		dims = append(dims, loop(names[r], e.size[r]))
	}
	return names, dims
}

// lowerEinsum makes a batched matrix product of two operands. One operand is
// transposed, or reduced.
func lowerEinsum(l *lowering, p *part) error {
	e, err := p.einsum()
	if err != nil {
		return err
	}
	if len(e.operands) > 2 {
		return fmt.Errorf("the equations of more than two operands of the model have more than %d of them", maxOperands)
	}
	operands := make([]val, len(e.operands))
	for i := range operands {
		operands[i], e.operands[i] = l.diagonal(p, p.value(i), e.operands[i])
	}
	second := ""
	if len(e.operands) == 2 {
		second = e.operands[1]
	}
	names, dims := e.loops(e.operands[0], second)
	axesOf := func(letters string, shape []int64) [][]workload.Dim {
		axes := [][]workload.Dim{}
		for i, r := range letters {
			if shape != nil && shape[i] != e.size[r] {
				axes = append(axes, nil) // broadcast
				continue
			}
			axes = append(axes, ax(names[r]))
		}
		return axes
	}
	if second == "" {
		if len(e.result) == len(dims) { // nothing is computed
			perm := make([]int, 0, len(e.result))
			for _, r := range e.result {
				perm = append(perm, strings.IndexRune(e.operands[0], r))
			}
			l.bind(p, 0, l.through(p, operands[0], permuted(operands[0].shape, perm)))
			return nil
		}
		return l.result(p, nest{dims: dims, out: axesOf(e.result, nil), shape: p.shape,
			ins: []reading{reads("I", operands[0], axesOf(e.operands[0], operands[0].shape)...), l.noWeights()}})
	}
	return l.result(p, nest{
		kind: "MatMul", dims: dims, out: axesOf(e.result, nil), shape: p.shape,
		ins: []reading{
			reads("I", operands[0], axesOf(e.operands[0], operands[0].shape)...),
			reads("W", operands[1], axesOf(second, operands[1].shape)...),
		},
	})
}
