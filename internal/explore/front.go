package explore

import (
	"math"

	"streamdse/internal/allocate"
)

// Thin returns at most n solutions of the front that stand for all, in their order,
// and which of them is the best: that one, the best for each objective, and then
// always the one that is farthest from those taken, on logarithmic scales of latency,
// energy and memory.
func (r *Result) Thin(n int) (front []Solution, best int) {
	taken := make([]bool, len(r.Front))
	far := make([]float64, len(r.Front)) // distance to the nearest that is taken
	for i := range far {
		far[i] = math.Inf(1)
	}
	count := 0
	take := func(i int) {
		if taken[i] {
			return
		}
		taken[i] = true
		count++
		for k := range far {
			far[k] = min(far[k], r.distance(i, k))
		}
	}
	for _, o := range allocate.Objectives() {
		take(r.index(r.Pick(allocate.Goal{Objective: allocate.Objective(o)})))
	}
	take(r.index(r.Best))
	for count < min(n, len(r.Front)) {
		next := -1
		for i := range far {
			if !taken[i] && (next < 0 || far[i] > far[next]) {
				next = i
			}
		}
		take(next)
	}
	for i := range r.Front {
		if !taken[i] {
			continue
		}
		if i == r.index(r.Best) {
			best = len(front)
		}
		front = append(front, r.Front[i])
	}
	return front, best
}

// index finds a solution of the front by its point, which no other has.
func (r *Result) index(s Solution) int {
	for i := range r.Front {
		if r.Front[i].Point == s.Point {
			return i
		}
	}
	return 0
}

func (r *Result) distance(i, k int) float64 {
	a, b := r.Front[i].Point, r.Front[k].Point
	sum := 0.0
	for _, o := range []allocate.Objective{allocate.Latency, allocate.Energy, allocate.Memory} {
		d := math.Log((1 + o.Value(a)) / (1 + o.Value(b)))
		sum += d * d
	}
	return sum
}
