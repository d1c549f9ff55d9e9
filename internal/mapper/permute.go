package mapper

import (
	"cmp"
	"slices"

	"streamdse/loopnest"
	"streamdse/workload"
)

// permutations proposes all distinct orders of a multiset of loops, each from
// the one before by moving one element to the front (A. Williams, Loopless
// generation of multiset permutations using a constant number of variables by
// prefix shifts, SODA 2009). The elements are a singly linked list.
type permutations struct {
	loops   []loopnest.Loop // in descending order
	rank    []int           // equal for equal loops, larger for larger ones
	succ    []int           // next element, -1 at the end
	head    int
	i, j    int // the two elements that say what to move
	started bool
	order   []loopnest.Loop
}

// newPermutations orders loops by the name of their dimension, then by size.
func newPermutations(layer *workload.Layer, loops []loopnest.Loop) *permutations {
	p := &permutations{loops: slices.Clone(loops), rank: make([]int, len(loops)), succ: make([]int, len(loops)), order: make([]loopnest.Loop, len(loops))}
	compare := func(a, b loopnest.Loop) int {
		return cmp.Or(cmp.Compare(layer.Dims[b.Dim].Dim, layer.Dims[a.Dim].Dim), cmp.Compare(b.Size, a.Size))
	}
	slices.SortStableFunc(p.loops, compare)
	n := len(loops)
	for k := n - 1; k >= 0; k-- {
		p.succ[k] = k + 1
		if k < n-1 {
			p.rank[k] = p.rank[k+1]
			if compare(p.loops[k], p.loops[k+1]) != 0 {
				p.rank[k]++
			}
		}
	}
	p.succ[n-1] = -1
	p.i, p.j = max(0, n-2), n-1
	return p
}

func (p *permutations) next() []loopnest.Loop {
	if p.started && !p.advance() {
		return nil
	}
	p.started = true
	k := p.head
	for i := range p.order {
		p.order[i] = p.loops[k]
		k = p.succ[k]
	}
	return p.order
}

// advance moves to the next order, false after the last.
func (p *permutations) advance() bool {
	last := p.succ[p.j] < 0
	if last && p.rank[p.j] >= p.rank[p.head] {
		return false
	}
	before := p.i
	if !last && p.rank[p.i] >= p.rank[p.succ[p.j]] {
		before = p.j
	}
	moved := p.succ[before]
	p.succ[before] = p.succ[moved]
	p.succ[moved] = p.head
	if p.rank[moved] < p.rank[p.head] {
		p.i = moved
	}
	p.j = p.succ[p.i]
	p.head = moved
	return true
}

func (p *permutations) report(loopnest.Cost, bool) {}
