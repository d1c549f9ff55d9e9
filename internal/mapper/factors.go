package mapper

import (
	"fmt"
	"slices"

	"streamdse/loopnest"
	"streamdse/workload"
)

// split breaks the loops into prime factors, in the order of the layer's loops
// and ascending within a loop, and multiplies small ones until at most limit are
// left; every loop keeps one. Factors that the user has given a place and a size
// stay whole. With nothing to order, one loop of size 1 stands in.
func split(layer *workload.Layer, sizes []loopnest.Loop, limit int, fixed []loopnest.Loop) (factors []loopnest.Loop, whole bool, err error) {
	if len(sizes) == 0 {
		return []loopnest.Loop{{Dim: 0, Size: 1}}, true, nil
	}
	kept := make([][]int, len(sizes)) // given factors, by loop
	free := make([][]int, len(sizes)) // the others, ascending
	count := 0
	for i, s := range sizes {
		rest := s.Size
		for _, f := range fixed {
			if f.Dim != s.Dim || f.Size <= 1 {
				continue
			}
			if rest%f.Size != 0 {
				return nil, false, fmt.Errorf("layer %s: the given loop order asks for %s of size %d, but %d iterations are left to split (of %d)",
					layer.Name, layer.Dims[s.Dim].Dim, f.Size, rest, s.Size)
			}
			rest /= f.Size
			kept[i] = append(kept[i], f.Size)
		}
		free[i] = primes(rest)
		count += len(kept[i]) + len(free[i])
	}
	whole = true
	for limit = max(limit, len(sizes)); count > limit; count-- {
		most := -1
		for i := range free {
			if len(free[i]) > 1 && (most < 0 || len(free[i])+len(kept[i]) > len(free[most])+len(kept[most])) {
				most = i
			}
		}
		if most < 0 {
			break // only given factors are left
		}
		f := free[most]
		product := f[0] * f[1]
		f = f[2:]
		at, _ := slices.BinarySearch(f, product)
		free[most] = slices.Insert(slices.Clone(f), at, product)
		whole = false
	}
	for i, s := range sizes {
		all := slices.Concat(kept[i], free[i])
		slices.Sort(all)
		for _, f := range all {
			factors = append(factors, loopnest.Loop{Dim: s.Dim, Size: f})
		}
	}
	return factors, whole && len(fixed) == 0, nil
}

// primes returns the prime factors of n, ascending.
func primes(n int) []int {
	var p []int
	for f := 2; f*f <= n; f++ {
		for n%f == 0 {
			p = append(p, f)
			n /= f
		}
	}
	if n > 1 {
		p = append(p, n)
	}
	return p
}

// countOrders is the number of distinct orders of the factors.
func countOrders(factors []loopnest.Loop) float64 {
	n, seen := 1.0, map[loopnest.Loop]float64{}
	for i, f := range factors {
		seen[f]++
		n = n * float64(i+1) / seen[f]
	}
	return n
}
