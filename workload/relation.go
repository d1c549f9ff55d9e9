package workload

// At is the index that positions a and b of the two loops reach; negative in the
// padding before.
func (r *Relation) At(a, b int) int {
	n := r.CoefA*a + r.CoefB*b - r.PadBefore
	if r.Divisor > 1 {
		return floorDiv(n, r.Divisor)
	}
	return n
}

func floorDiv(n, d int) int {
	q := n / d
	if n%d < 0 {
		q--
	}
	return q
}

// Distinct is the number of different indices that a steps of one loop and b of
// the other reach together, where the windows of neighbouring steps overlap. With
// a divisor the steps are taken to begin at a multiple of it.
func (r *Relation) Distinct(a, b int) int {
	stepA, stepB := r.CoefA, r.CoefB
	if r.Divisor > 1 {
		a, stepA = r.whole(a, stepA)
		b, stepB = r.whole(b, stepB)
	}
	g := gcd(stepA, stepB)
	return a*b - max(0, b-stepA/g)*max(0, a-stepB/g)
}

// whole turns steps of a fraction of an index into steps of whole ones.
func (r *Relation) whole(steps, coef int) (int, int) {
	return min(steps, coef*(steps-1)/r.Divisor+1), max(1, coef/r.Divisor)
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return max(a, 1)
}
