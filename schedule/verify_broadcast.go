package schedule

import (
	"cmp"
	"slices"
)

// shared finds the links of each transfer that an earlier one of the same data, from the
// same memory at the same time, is on too: they carry it once for all, and the memory is read
// once.
func (v *verifier) shared() map[int][]int32 {
	shared := map[int][]int32{}
	if !v.r.Broadcasts() {
		return shared
	}
	var list []int32
	for i := range v.s.Transfers {
		if x := &v.s.Transfers[i]; len(x.Links) > 0 && x.Start < x.End {
			list = append(list, int32(i))
		}
	}
	sent := func(i, j int32) int {
		x, y := &v.s.Transfers[i], &v.s.Transfers[j]
		return cmp.Or(cmp.Compare(x.Tensor, y.Tensor), cmp.Compare(x.Start, y.Start), cmp.Compare(x.End, y.End), cmp.Compare(x.FromStore, y.FromStore), cmp.Compare(x.Part, y.Part))
	}
	slices.SortStableFunc(list, sent)
	first := 0 // of those that go together
	for k, i := range list {
		if sent(i, list[first]) != 0 {
			first = k
		}
		for _, l := range v.s.Transfers[i].Links {
			if slices.ContainsFunc(list[first:k], func(j int32) bool { return slices.Contains(v.s.Transfers[j].Links, l) }) {
				shared[int(i)] = append(shared[int(i)], l)
			}
		}
	}
	return shared
}
