package simulate

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"streamdse/unit"
)

func TestSteps(t *testing.T) {
	var f steps[unit.Bits]
	f.reset()
	f.add(10, 5)
	f.add(20, 3)
	f.add(15, -2)
	f.add(20, 1)
	// 0:0 10:5 15:3 20:7
	for _, c := range []struct {
		t    unit.Cycles
		want unit.Bits
	}{{0, 0}, {9, 0}, {10, 5}, {14, 5}, {15, 3}, {19, 3}, {20, 7}, {1000, 7}} {
		if got := f.value(f.at(c.t)); got != c.want {
			t.Errorf("value at %d: %d, want %d", c.t, got, c.want)
		}
	}
	f.add(30, -6) // 30:1
	for _, c := range []struct {
		limit unit.Bits
		t     unit.Cycles
		want  unit.Cycles
		ok    bool
	}{
		{7, 0, 0, true},   // never more than 7
		{6, 0, 30, true},  // 7 until 30
		{6, 12, 30, true}, // the same from the middle
		{6, 30, 30, true},
		{6, 35, 35, true},
		{4, 16, 30, true},
		{0, 0, 30, false}, // 1 for ever
		{0, 99, 99, false},
	} {
		if got, ok := f.under(c.limit, c.t); got != c.want || ok != c.ok {
			t.Errorf("under(%d, %d) = %d, %t, want %d, %t", c.limit, c.t, got, ok, c.want, c.ok)
		}
	}
	if f.peak() != 7 || f.last() != 1 {
		t.Errorf("peak %d, last %d, want 7, 1", f.peak(), f.last())
	}
}

// TestStepsAgainstArray compares with a plain array of values by time.
func TestStepsAgainstArray(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const horizon = 40
		f := steps[unit.Bits]{size: rapid.IntRange(2, 9).Draw(t, "chunk")}
		f.reset()
		if rapid.Bool().Draw(t, "used before") {
			for i := range unit.Cycles(30) {
				f.add(i, 3)
			}
			f.reset()
		}
		var plain [horizon]unit.Bits
		for range rapid.IntRange(0, 40).Draw(t, "changes") {
			start := rapid.IntRange(0, horizon-1).Draw(t, "start")
			v := rapid.IntRange(-5, 9).Draw(t, "v")
			end := horizon
			if rapid.Bool().Draw(t, "bounded") {
				end = rapid.IntRange(start, horizon-1).Draw(t, "end")
				f.addDuring(unit.Cycles(start), unit.Cycles(end), unit.Bits(v))
			} else {
				f.add(unit.Cycles(start), unit.Bits(v))
			}
			for i := start; i < end; i++ {
				plain[i] += unit.Bits(v)
			}
		}
		for i, want := range plain {
			if got := f.value(f.at(unit.Cycles(i))); got != want {
				t.Fatalf("value at %d: %d, want %d", i, got, want)
			}
		}
		if want := slices.Max(plain[:]); f.peak() != want {
			t.Fatalf("peak %d, want %d", f.peak(), want)
		}
		from := rapid.IntRange(0, horizon-1).Draw(t, "from")
		limit := unit.Bits(rapid.IntRange(-5, 20).Draw(t, "limit"))
		got, ok := f.under(limit, unit.Cycles(from))
		want := from
		for i := from; i < horizon; i++ {
			if plain[i] > limit {
				want = i + 1
			}
		}
		if ok != (plain[horizon-1] <= limit) {
			t.Fatalf("under(%d, %d) = %d, %t", limit, from, got, ok)
		}
		if ok && got != unit.Cycles(want) {
			t.Fatalf("under(%d, %d) = %d, want %d", limit, from, got, want)
		}
	})
}
