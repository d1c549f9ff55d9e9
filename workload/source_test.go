package workload_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"streamdse/workload"
)

// positions lists what runs take, -1 in gaps.
func positions(runs []workload.Run) []int {
	var list []int
	for _, r := range runs {
		for i := range r.Count {
			list = append(list, r.At(i))
		}
	}
	return list
}

// TestComposed selects from selections position by position.
func TestComposed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(size int) []workload.Run {
			var runs []workload.Run
			for range rapid.IntRange(1, 4).Draw(t, "runs") {
				step := rapid.IntRange(-3, 3).Draw(t, "step")
				r := workload.Run{Count: rapid.IntRange(1, 5).Draw(t, "count"), Step: step, Gap: rapid.IntRange(0, 3).Draw(t, "gap") == 0}
				if lo, hi := max(0, -step*(r.Count-1)), size-1-max(0, step*(r.Count-1)); lo <= hi {
					r.From = rapid.IntRange(lo, hi).Draw(t, "from")
				} else {
					r.Gap = true
				}
				if r.Gap {
					r.From, r.Step = 0, 0
				}
				runs = append(runs, r)
			}
			return runs
		}
		first := draw(9)
		through := positions(first)
		second := draw(len(through))
		var want []int
		for _, i := range positions(second) {
			if i >= 0 {
				i = through[i]
			}
			want = append(want, i)
		}
		if got := positions(workload.Composed(first, second)); !slices.Equal(got, want) {
			t.Errorf("%v of %v takes %v, want %v", second, first, got, want)
		}
	})
}

// TestJoined rotates a tensor, puts parts of different origins together and joins
// constants.
func TestJoined(t *testing.T) {
	layer := workload.Source{Kind: workload.FromLayer, Layer: 3}
	slice := func(id, from, count int) workload.Source {
		return layer.Moved(workload.Movement{Kind: workload.Select, ID: id, Axis: 1, Shape: []int{2, count},
			Runs: []workload.Run{{Count: count, From: from, Step: 1}}})
	}
	concat := workload.Movement{ID: 9, Type: "Concat", Axis: 1, Shape: []int{2, 8}}
	roll := workload.Joined(concat, []workload.Source{slice(1, 3, 5), slice(2, 0, 3)}, []int{5, 3})
	if roll.Kind != workload.FromLayer || len(roll.Via) != 1 || roll.Via[0].ID != 9 ||
		!slices.Equal(positions(roll.Via[0].Runs), []int{3, 4, 5, 6, 7, 0, 1, 2}) {
		t.Errorf("a rotation becomes %+v", roll)
	}
	input := workload.Source{Kind: workload.FromInput, Shape: []int{2, 4}}
	cache := workload.Joined(concat, []workload.Source{input, slice(2, 0, 4)}, []int{4, 4})
	if cache.Kind != workload.FromParts || len(cache.Parts) != 2 || !cache.Stored() || cache.Constant() ||
		!slices.Equal(positions(cache.Parts[1].Via[1].Runs), []int{-1, -1, -1, -1, 0, 1, 2, 3}) {
		t.Errorf("an input and a layer become %+v", cache)
	}
	nested := workload.Joined(workload.Movement{ID: 10, Axis: 0, Shape: []int{4, 8}}, []workload.Source{cache, roll}, []int{2, 2})
	if len(nested.Parts) != 3 || len(nested.Parts[0].Via) != 2 {
		t.Errorf("nested parts become %+v", nested)
	}
	constant := workload.Source{Kind: workload.FromConstant, Shape: []int{2, 4}}
	if s := workload.Joined(concat, []workload.Source{constant, input}, []int{4, 4}); s.Kind != workload.FromInput || !s.Constant() {
		t.Errorf("constants become %+v", s)
	}
}

// TestRelation checks indices with and without a divisor.
func TestRelation(t *testing.T) {
	up := workload.Relation{CoefA: 1, CoefB: 2, PadBefore: 1, Divisor: 2} // two rows read one and its neighbour
	var got []int
	for a := range 4 {
		got = append(got, up.At(a, 0), up.At(a, 1))
	}
	if want := []int{-1, 0, 0, 1, 0, 1, 1, 2}; !slices.Equal(got, want) {
		t.Errorf("indices %v, want %v", got, want)
	}
	for _, c := range []struct {
		r          workload.Relation
		a, b, want int
	}{
		{workload.Relation{CoefA: 1, CoefB: 1}, 4, 3, 6},
		{workload.Relation{CoefA: 2, CoefB: 1}, 4, 1, 4},
		{workload.Relation{CoefA: 1, CoefB: 2, Divisor: 2}, 8, 1, 4},
		{workload.Relation{CoefA: 1, CoefB: 2, Divisor: 2}, 8, 3, 6},
		{workload.Relation{CoefA: 3, CoefB: 1, Divisor: 2}, 5, 1, 5},
	} {
		if got := c.r.Distinct(c.a, c.b); got != c.want {
			t.Errorf("%+v: %d and %d steps reach %d indices, want %d", c.r, c.a, c.b, got, c.want)
		}
	}
}
