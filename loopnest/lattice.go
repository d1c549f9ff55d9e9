package loopnest

// MaxCombinations is the number of combinations of loops up to which an Outlook
// is made.
const MaxCombinations = 1 << 15

// combinations numbers all combinations of loop factors: which of them lie within
// some boundary, in whatever order. A point is a number in mixed radix, one digit a
// factor.
type combinations struct {
	points int // 0: too many
	stride []int
	counts []int // multiplicity of each factor
}

func newCombinations(counts []int) combinations {
	c := combinations{points: 1, stride: make([]int, len(counts)), counts: counts}
	for f, n := range counts {
		c.stride[f] = c.points
		c.points *= n + 1
		if c.points > MaxCombinations {
			return combinations{}
		}
	}
	return c
}

// count moves digits, those of a point, on to the next point, and returns the lowest
// digit that is not 0 then, or their number after the last point.
func (c *combinations) count(digits []int) int {
	for f := range digits {
		if digits[f]++; digits[f] <= c.counts[f] {
			return f
		}
		digits[f] = 0
	}
	return len(digits)
}

// lattice is what the loops of every combination multiply to.
type lattice struct {
	combinations
	// cycles and reuse are the products of a point's loops: of all, and of those
	// irrelevant to an operand.
	cycles []int64
	reuse  [maxOperands][]int64
	sizes  [][]float64 // by loop dimension
	total  int64
}

func newLattice(m *Model, factors []Loop, c combinations, memory *memory64) lattice {
	n := c.points
	l := lattice{combinations: c, cycles: memory.integers.take(n), sizes: make([][]float64, len(m.problem.Layer.Dims))}
	for x := range m.operands {
		l.reuse[x] = memory.integers.take(n)
		l.reuse[x][0] = 1
	}
	for d := range l.sizes {
		l.sizes[d] = memory.floats.take(n)
		l.sizes[d][0] = 1
	}
	l.cycles[0] = 1 // the empty combination
	digits := make([]int, len(factors))
	for s := 1; s < n; s++ {
		f := c.count(digits)
		inner, loop := s-c.stride[f], factors[f]
		l.cycles[s] = l.cycles[inner] * int64(loop.Size)
		for x := range m.operands {
			l.reuse[x][s] = l.reuse[x][inner]
			if m.operands[x].class[loop.Dim] == irrelevant {
				l.reuse[x][s] *= int64(loop.Size)
			}
		}
		for d := range l.sizes {
			l.sizes[d][s] = l.sizes[d][inner]
		}
		l.sizes[loop.Dim][s] *= float64(loop.Size)
	}
	l.total = l.cycles[n-1]
	return l
}

// within gives for every combination of factors the point of the lattice at which
// the same loops lie within, if they are divided into the factors of the lattice.
func (l *lattice) within(c combinations, factors, of []Loop) []int32 {
	step := make([]int, len(factors))
	for i, f := range factors {
		rest := f.Size
		for j, p := range of {
			for p.Dim == f.Dim && p.Size > 1 && rest%p.Size == 0 {
				rest /= p.Size
				step[i] += l.stride[j]
			}
		}
	}
	at := make([]int32, c.points)
	digits := make([]int, len(factors))
	for s := 1; s < c.points; s++ {
		f := c.count(digits)
		at[s] = at[s-c.stride[f]] + int32(step[f])
	}
	return at
}
