package mapper

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"streamdse/loopnest"
	"streamdse/loopnest/nesttest"
	"streamdse/workload"
)

func layerOf(loops []nesttest.Loop) (*workload.Layer, []loopnest.Loop) {
	l := &workload.Layer{Name: "test"}
	var sizes []loopnest.Loop
	for i, x := range loops {
		l.Dims = append(l.Dims, workload.LoopDim(x))
		sizes = append(sizes, loopnest.Loop{Dim: i, Size: x.Size})
	}
	if len(loops) == 0 {
		l.Dims = []workload.LoopDim{{Dim: "B", Size: 1}}
	}
	return l, sizes
}

func TestSplit(t *testing.T) {
	for _, c := range readTable(t).Factors {
		l, sizes := layerOf(c.Loops)
		factors, _, err := split(l, sizes, c.Limit, nil)
		if err != nil {
			t.Error(err)
			continue
		}
		if got := named(l, factors); !slices.Equal(got, c.Factors) {
			t.Errorf("%v with a limit of %d: %v, want %v", c.Loops, c.Limit, got, c.Factors)
		}
		if n := countOrders(factors); n != c.Orders {
			t.Errorf("%v: %v orders, want %v", c.Factors, n, c.Orders)
		}
	}
}

func TestPermutations(t *testing.T) {
	table := readTable(t)
	for _, c := range table.Permutations {
		l := &workload.Layer{Dims: []workload.LoopDim{{Dim: "X"}}}
		var loops []loopnest.Loop
		for _, n := range c.Multiset {
			loops = append(loops, loopnest.Loop{Dim: 0, Size: n})
		}
		var got [][]int
		p := newPermutations(l, loops)
		for o := p.next(); o != nil; o = p.next() {
			var row []int
			for _, x := range o {
				row = append(row, x.Size)
			}
			got = append(got, row)
		}
		if !slices.EqualFunc(got, c.Out, slices.Equal[[]int]) {
			t.Errorf("%v: %v, want %v", c.Multiset, got, c.Out)
		}
	}
	c := table.LoopPermutations
	l, loops := layerOf(c.Multiset)
	var got [][]nesttest.Loop
	p := newPermutations(l, loops)
	for o := p.next(); o != nil; o = p.next() {
		got = append(got, named(l, o))
	}
	if !slices.EqualFunc(got, c.Out, slices.Equal[[]nesttest.Loop]) {
		t.Errorf("%v: %v, want %v", c.Multiset, got, c.Out)
	}
}

// TestPermutationsAreAll: every distinct order comes exactly once.
func TestPermutationsAreAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SliceOfN(rapid.IntRange(2, 4), 1, 7).Draw(t, "sizes")
		l := &workload.Layer{Dims: []workload.LoopDim{{Dim: "X"}}}
		var loops []loopnest.Loop
		for _, n := range sizes {
			loops = append(loops, loopnest.Loop{Dim: 0, Size: n})
		}
		seen := map[string]bool{}
		p := newPermutations(l, loops)
		for o := p.next(); o != nil; o = p.next() {
			key := fmt.Sprint(o)
			if seen[key] {
				t.Fatalf("%v comes twice", o)
			}
			seen[key] = true
		}
		if want := countOrders(loops); float64(len(seen)) != want {
			t.Fatalf("%d orders of %v, want %v", len(seen), sizes, want)
		}
	})
}

// TestSplitKeepsSizes: the factors of a loop multiply to its size, and there
// are no more than allowed.
func TestSplitKeepsSizes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SliceOfN(rapid.IntRange(2, 400), 1, 5).Draw(t, "sizes")
		limit := rapid.IntRange(1, 12).Draw(t, "limit")
		var rows []nesttest.Loop
		for i, n := range sizes {
			rows = append(rows, nesttest.Loop{Dim: workload.Dim(rune('A' + i)), Size: n})
		}
		l, loops := layerOf(rows)
		factors, whole, err := split(l, loops, limit, nil)
		if err != nil {
			t.Fatal(err)
		}
		product := make([]int, len(sizes))
		for i := range product {
			product[i] = 1
		}
		primesOnly := true
		for _, f := range factors {
			product[f.Dim] *= f.Size
			primesOnly = primesOnly && len(primes(f.Size)) == 1
		}
		if !slices.Equal(product, sizes) {
			t.Fatalf("factors %v do not multiply to %v", factors, sizes)
		}
		if len(factors) > max(limit, len(sizes)) {
			t.Fatalf("%d factors with a limit of %d", len(factors), limit)
		}
		if whole != primesOnly {
			t.Fatalf("whole is %v for %v", whole, factors)
		}
	})
}
