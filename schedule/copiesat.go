package schedule

import (
	"cmp"
	"slices"
)

// copiesAt finds the copies of a tensor in a memory.
type copiesAt struct {
	copies []Copy
	first  []int32 // of each tensor: its copies are order[first[x]:first[x+1]]
	order  []int32 // indices of copies by tensor, memory and start
}

func newCopiesAt(copies []Copy, tensors int) copiesAt {
	a := copiesAt{copies, make([]int32, tensors+1), make([]int32, len(copies))}
	for i := range copies {
		a.first[copies[i].Tensor+1]++
	}
	for x := range tensors {
		a.first[x+1] += a.first[x]
	}
	next := slices.Clone(a.first)
	for i := range copies {
		x := copies[i].Tensor
		a.order[next[x]] = int32(i)
		next[x]++
	}
	for x := range tensors {
		slices.SortStableFunc(a.order[a.first[x]:a.first[x+1]], func(i, j int32) int {
			c, d := &copies[i], &copies[j]
			return cmp.Or(cmp.Compare(c.Store, d.Store), cmp.Compare(c.Start, d.Start))
		})
	}
	return a
}

// of lists the indices of a tensor's copies in a memory, in order of start.
func (a *copiesAt) of(p place) []int32 {
	list := a.order[a.first[p.tensor]:a.first[p.tensor+1]]
	from := 0
	for from < len(list) && a.copies[list[from]].Store < p.store {
		from++
	}
	to := from
	for to < len(list) && a.copies[list[to]].Store == p.store {
		to++
	}
	return list[from:to]
}
