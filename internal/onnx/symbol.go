package onnx

import (
	"strconv"
	"strings"
)

// arithmetic reads a symbol that is computed from others, such as "past + 1" or
// "2*(height//4)": sums, differences, products and quotients rounded down, of
// numbers and names.
type arithmetic struct {
	rest string
	size func(name string) (int64, bool)
}

// computed is what such a symbol stands for, false if it is no such thing, a name has
// no size or the result is no size.
func computed(symbol string, size func(name string) (int64, bool)) (int64, bool) {
	if !strings.ContainsAny(symbol, "+-*/") || len(symbol) > 1000 {
		return 0, false
	}
	a := arithmetic{strings.ReplaceAll(symbol, " ", ""), size}
	n, ok := a.sum(0)
	return n, ok && a.rest == "" && n >= 0 && n <= maxDim
}

// take cuts an operator off, if it comes next.
func (a *arithmetic) take(op string) bool {
	var ok bool
	a.rest, ok = strings.CutPrefix(a.rest, op)
	return ok
}

func (a *arithmetic) sum(depth int) (int64, bool) {
	n, ok := a.product(depth)
	for ok {
		sign := int64(1)
		if a.take("-") {
			sign = -1
		} else if !a.take("+") {
			return n, true
		}
		var m int64
		if m, ok = a.product(depth); ok {
			n += sign * m
		}
		ok = ok && n <= maxElements && n >= -maxElements
	}
	return 0, false
}

func (a *arithmetic) product(depth int) (int64, bool) {
	n, ok := a.factor(depth)
	for ok {
		divides := a.take("//") || a.take("/")
		if !divides && !a.take("*") {
			return n, true
		}
		var m int64
		if m, ok = a.factor(depth); !ok {
			break
		}
		if divides {
			if ok = m > 0 && n >= 0; ok {
				n /= m
			}
			continue
		}
		if ok = m <= maxDim && m >= -maxDim && n <= maxDim && n >= -maxDim; ok {
			n *= m
		}
	}
	return 0, false
}

func (a *arithmetic) factor(depth int) (int64, bool) {
	if depth > 10 {
		return 0, false
	}
	if a.take("(") {
		n, ok := a.sum(depth + 1)
		return n, ok && a.take(")")
	}
	end := strings.IndexAny(a.rest, "+-*/()")
	if end < 0 {
		end = len(a.rest)
	}
	name := a.rest[:end]
	a.rest = a.rest[end:]
	if n, err := strconv.ParseInt(name, 10, 64); err == nil {
		return n, n <= maxDim
	}
	return a.size(name)
}
