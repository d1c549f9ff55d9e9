package loopnest

// MaxCombinations is the number of combinations of loops up to which an Outlook
// is made.
const MaxCombinations = 1 << 15

// lattice is the set of all combinations of loop factors: which of them lie
// within some boundary, in whatever order. A point is a number in mixed radix,
// one digit a factor.
type lattice struct {
	points int // 0: too many
	stride []int
	// counts is the multiplicity of each factor, cycles and reuse the products of a
	// point's loops: of all, and of those irrelevant to an operand.
	counts []int
	cycles []int64
	reuse  [maxOperands][]int64
	sizes  [][]float64 // by loop dimension
	total  int64
}

func newLattice(m *Model, factors []Loop, counts []int) lattice {
	t := lattice{points: 1, stride: make([]int, len(factors)), counts: counts}
	for f, c := range counts {
		t.stride[f] = t.points
		t.points *= c + 1
		if t.points > MaxCombinations {
			return lattice{}
		}
	}
	n := t.points
	t.cycles = make([]int64, n)
	for x := range m.operands {
		t.reuse[x] = make([]int64, n)
	}
	t.sizes = make([][]float64, len(m.problem.Layer.Dims))
	for d := range t.sizes {
		t.sizes[d] = make([]float64, n)
	}
	for s := range n {
		f := 0
		for f < len(factors) && t.digit(s, f) == 0 {
			f++
		}
		if f == len(factors) { // the empty combination
			t.cycles[s] = 1
			for x := range m.operands {
				t.reuse[x][s] = 1
			}
			for d := range t.sizes {
				t.sizes[d][s] = 1
			}
			continue
		}
		inner, loop := s-t.stride[f], factors[f]
		t.cycles[s] = t.cycles[inner] * int64(loop.Size)
		for x := range m.operands {
			t.reuse[x][s] = t.reuse[x][inner]
			if m.operands[x].class[loop.Dim] == irrelevant {
				t.reuse[x][s] *= int64(loop.Size)
			}
		}
		for d := range t.sizes {
			t.sizes[d][s] = t.sizes[d][inner]
		}
		t.sizes[loop.Dim][s] *= float64(loop.Size)
	}
	t.total = t.cycles[n-1]
	return t
}

// digit is how often factor f occurs in point s.
func (t *lattice) digit(s, f int) int { return s / t.stride[f] % (t.counts[f] + 1) }
