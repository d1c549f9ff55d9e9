package mapper

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"streamdse/hardware"
	"streamdse/loopnest"
	"streamdse/unit"
)

// TestSizes searches a layer on cores that differ in the sizes of memories: where the
// sizes of a search hold, another takes the same steps to the same nest.
func TestSizes(t *testing.T) {
	held := 0
	rapid.Check(t, func(t *rapid.T) {
		p := drawProblem(t, 7)
		opt := DefaultOptions()
		opt.Search = Best
		opt.Allocation = rapid.SampledFrom([]Allocation{Greedy, Free}).Draw(t, "allocation")
		opt.Objective = rapid.SampledFrom([]Objective{Latency, Energy, EDP}).Draw(t, "objective")
		opt.Effort = rapid.SampledFrom([]int64{20, 500, 5000}).Draw(t, "effort")
		if opt.Allocation == Free {
			p.Even = false
		}
		opt.Sizes = loopnest.NewSizes(p.Core)
		one, err := Search(context.Background(), p, opt)
		other := *p.Core
		other.Memories = slices.Clone(other.Memories)
		var sizes []unit.Bits
		changed := false
		for i := range other.Memories {
			m := &other.Memories[i]
			sizes = append(sizes, m.Size)
			if rapid.Bool().Draw(t, "another size") {
				m.Size = max(1, unit.Bits(float64(m.Size)*rapid.SampledFrom([]float64{0.5, 0.75, 0.9, 0.97, 1.03, 1.1, 1.5}).Draw(t, "part")))
				changed = changed || m.Size != sizes[i]
			}
		}
		if !opt.Sizes.Hold(p.Core, sizes) {
			t.Fatal("the sizes of a search do not hold for its own core")
		}
		if !changed || !opt.Sizes.Hold(&other, sizes) {
			return
		}
		if err == nil {
			held++
		}
		p.Core, opt.Sizes = &other, nil
		two, err2 := Search(context.Background(), p, opt)
		// Drawn unrollings may be impossible: then they are whatever the sizes.
		if (err == nil) != (err2 == nil) {
			t.Fatalf("with sizes %v: %v, else %v", memorySizes(&other), err2, err)
		}
		if err == nil && (one.Cost != two.Cost || !slices.Equal(one.Order, two.Order) || one.Proof != two.Proof ||
			one.Evaluated != two.Evaluated || one.Unfit != two.Unfit || one.Index != two.Index) {
			t.Fatalf("with sizes %v: %v, order %v, %+v, %d fit, %d do not;\nelse %v, order %v, %+v, %d fit, %d do not",
				memorySizes(&other), two.Cost, two.Order, two.Proof, two.Evaluated, two.Unfit, one.Cost, one.Order, one.Proof, one.Evaluated, one.Unfit)
		}
	})
	if held == 0 {
		t.Error("no search held for other sizes")
	}
}

func memorySizes(c *hardware.Core) (list []unit.Bits) {
	for i := range c.Memories {
		list = append(list, c.Memories[i].Size)
	}
	return list
}

// TestCommonTables compares outlooks on coarser factors that take their figures from
// those of the prime factors with outlooks that compute them.
func TestCommonTables(t *testing.T) {
	coarser := 0
	rapid.Check(t, func(t *rapid.T) {
		p := drawProblem(t, 8)
		_, e, primes := unrolled(t, &p)
		limit := rapid.IntRange(1, len(primes)).Draw(t, "factors")
		all, whole, err := split(p.Layer, e.TemporalSizes(), limit, nil)
		if err != nil {
			t.Fatal(err)
		}
		if !whole {
			coarser++
		}
		b := newBranching(&search{}, e, 0, all, nil)
		var common loopnest.Tables
		common.For(e, primes)
		if rapid.Bool().Draw(t, "after another") {
			e.NewOutlook(b.factors, slices.Clone(b.left), &common)
		}
		o := e.NewOutlook(b.factors, slices.Clone(b.left), &common)
		_, other, _ := unrolled(t, &p)
		want := other.NewOutlook(b.factors, slices.Clone(b.left), new(loopnest.Tables))
		if o.Figures() != want.Figures() {
			t.Fatalf("%d figures, want %d", o.Figures(), want.Figures())
		}
		order := rapid.Permutation(all).Draw(t, "order")
		var inner []int
		for i := 0; ; i++ {
			can, could := o.Look(inner), want.Look(inner)
			latency, energy := math.Inf(1), math.Inf(1)
			wantLatency, wantEnergy := latency, energy
			var key, wantKey string
			if can && could {
				key, wantKey = string(o.Key()), string(want.Key())
				latency, energy = o.Bound()
				wantLatency, wantEnergy = want.Bound()
			}
			if can != could || key != wantKey || latency != wantLatency || energy != wantEnergy {
				t.Fatalf("after %v: %v %q %v %v, want %v %q %v %v", inner, can, key, latency, energy, could, wantKey, wantLatency, wantEnergy)
			}
			if i == len(order) {
				return
			}
			inner = append(inner, slices.Index(b.factors, order[i]))
		}
	})
	if coarser == 0 {
		t.Error("no factors were multiplied")
	}
}

// TestKeys compares the set with a map.
func TestKeys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var k keys
		for round := range rapid.IntRange(1, 3).Draw(t, "rounds") {
			k.clear()
			known, size := map[string]bool{}, 0
			for i := range rapid.SampledFrom([]int{0, 1, 30, 3000}).Draw(t, "keys") {
				key := fmt.Sprint(round, i*i%1201)
				if i%7 == 3 {
					key = "" // is a key, too
				}
				hash, at, found := k.find([]byte(key))
				if found != known[key] {
					t.Fatalf("%q: found is %v", key, found)
				}
				if !found {
					k.add([]byte(key), hash, at)
					known[key] = true
					size += len(key) + keyOverhead
				}
			}
			if k.size != size {
				t.Fatalf("size %d, want %d", k.size, size)
			}
		}
	})
}
