package workload

// At is the index that positions a and b of the two loops reach, without slack;
// negative in the padding before.
func (r *Relation) At(a, b int) int { return r.divided(r.CoefA*a + r.CoefB*b - r.PadBefore) }

// Lookup tells whether every step of the two loops reads one position of the index,
// which may be any: it depends on all of them, and needs room for one.
func (r *Relation) Lookup() bool {
	return r.CoefA == 0 && r.CoefB == 0 && r.Slack > 0 && (r.A != NoLoop || r.B != NoLoop)
}

// Last is the furthest index that positions a and b of the two loops reach.
func (r *Relation) Last(a, b int) int {
	return r.divided(r.CoefA*a + r.CoefB*b - r.PadBefore + r.Slack)
}

// divided rounds down.
func (r *Relation) divided(n int) int {
	if r.Divisor <= 1 {
		return n
	}
	q := n / r.Divisor
	if n%r.Divisor < 0 {
		q--
	}
	return q
}

// Distinct is the number of different indices that a steps of one loop and b of
// the other reach together, where the windows of neighbouring steps overlap. With
// a divisor or slack it counts from the first positions of the loops on.
func (r *Relation) Distinct(a, b int) int {
	if r.Divisor <= 1 && r.Slack == 0 {
		return union(a, b, r.CoefA, r.CoefB)
	}
	more := r.Last(0, 0) - r.At(0, 0)
	a, stepA := r.whole(a, r.CoefA)
	b, stepB := r.whole(b, r.CoefB)
	return min(union(a, b, stepA, stepB)*(1+more), stepA*(a-1)+stepB*(b-1)+1+more)
}

// union is the number of different values of stepA*x + stepB*y.
func union(a, b, stepA, stepB int) int {
	g := gcd(stepA, stepB)
	return a*b - max(0, b-stepA/g)*max(0, a-stepB/g)
}

// whole turns steps of a fraction of an index into steps of whole ones.
func (r *Relation) whole(steps, coef int) (int, int) {
	d := max(1, r.Divisor)
	return min(steps, coef*(steps-1)/d+1), max(1, coef/d)
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return max(a, 1)
}
