package connect

import (
	"iter"
	"slices"

	"streamdse/taskgraph"
)

// atoms tells of which atoms, outermost first, the producer's output dimensions
// and the consumer's index dimensions are made. Dimensions of size 1 have none.
type atoms struct {
	size     []int
	from, to [][]int
}

// atomizer cuts axes into atoms while it follows a tensor.
type atomizer struct {
	size  []int
	first []int // the atoms in the order of the producer's output
	order []int // the atoms in the present order
}

// atomize finds the atoms; ok is false if a reshape cuts across a factor, as
// from 4x6 to 6x4.
func (w *passage) atomize(steps []step) (a *atoms, ok bool) {
	total := volume(steps[0].out)
	z := atomizer{size: []int{total}, first: []int{0}, order: []int{0}}
	from := make([]int, len(w.from))
	for i := range w.from {
		from[i] = w.from[i].size
	}
	to := make([]int, len(w.to))
	for i := range w.to {
		to[i] = w.to[i].size
	}
	if _, ok := z.group(from); !ok {
		return nil, false
	}
	for _, s := range steps[1:] {
		groups, ok := z.group(s.in)
		if !ok {
			return nil, false
		}
		if s.perm != nil {
			var order []int
			for _, axis := range s.perm {
				order = append(order, groups[axis]...)
			}
			z.order = order
		}
	}
	a = &atoms{}
	if a.to, ok = z.group(to); !ok {
		return nil, false
	}
	z.order = z.first
	if a.from, ok = z.group(from); !ok {
		return nil, false
	}
	a.size = z.size
	return a, true
}

// group gathers the atoms, in the present order, into dimensions of the given
// sizes, and cuts atoms that lie in two of them.
func (z *atomizer) group(sizes []int) ([][]int, bool) {
	groups := make([][]int, len(sizes))
	next := 0
	for i, size := range sizes {
		for size > 1 {
			if next == len(z.order) {
				return nil, false
			}
			atom := z.order[next]
			switch n := z.size[atom]; {
			case size%n == 0:
				size /= n
			case n%size == 0:
				z.cut(atom, size)
				size = 1
			default:
				return nil, false
			}
			if z.size[atom] > 1 {
				groups[i] = append(groups[i], atom)
			}
			next++
		}
	}
	return groups, true
}

// cut divides an atom into an outer part of the given size, which keeps its
// number, and the rest, which gets a new one.
func (z *atomizer) cut(atom, outer int) {
	rest := len(z.size)
	z.size = append(z.size, z.size[atom]/outer)
	z.size[atom] = outer
	z.first = slices.Insert(slices.Clone(z.first), slices.Index(z.first, atom)+1, rest)
	z.order = slices.Insert(slices.Clone(z.order), slices.Index(z.order, atom)+1, rest)
}

// component is a set of dimensions connected by common atoms.
type component struct{ from, to []int }

// components partitions the dimensions that have atoms.
func (a *atoms) components(from, to int) []component {
	// Union-find over the producer's dimensions; an atom lies in one of them.
	owner := make([]int, len(a.size))
	root := indices(from)
	find := func(i int) int {
		for root[i] != i {
			i = root[i]
		}
		return i
	}
	for i, list := range a.from {
		for _, atom := range list {
			owner[atom] = i
		}
	}
	for _, list := range a.to {
		for _, atom := range list[min(1, len(list)):] {
			root[find(owner[atom])] = find(owner[list[0]])
		}
	}
	number := make([]int, from)
	var comps []component
	for i, list := range a.from {
		if len(list) == 0 {
			continue
		}
		r := find(i)
		if number[r] == 0 {
			comps = append(comps, component{})
			number[r] = len(comps)
		}
		c := &comps[number[r]-1]
		c.from = append(c.from, i)
	}
	for i, list := range a.to {
		if len(list) == 0 {
			continue
		}
		c := &comps[number[find(owner[list[0]])]-1]
		c.to = append(c.to, i)
	}
	return comps
}

// position is an element of a tensor: where it lies in each of a component's
// dimensions, as the producer and as the consumer see it.
type position struct{ from, to []int }

// elements yields the positions of a component. The value is reused.
func (a *atoms) elements(comp component) iter.Seq[position] {
	type share struct{ size, fromDim, fromStride, toDim, toStride int }
	var list []share
	for i, d := range comp.from {
		stride := 1
		for _, atom := range slices.Backward(a.from[d]) {
			s := share{size: a.size[atom], fromDim: i, fromStride: stride}
			for j, e := range comp.to {
				inner := 1
				for _, other := range slices.Backward(a.to[e]) {
					if other == atom {
						s.toDim, s.toStride = j, inner
					}
					inner *= a.size[other]
				}
			}
			stride *= s.size
			list = append(list, s)
		}
	}
	return func(yield func(position) bool) {
		p := position{make([]int, len(comp.from)), make([]int, len(comp.to))}
		at := make([]int, len(list))
		for {
			if !yield(p) {
				return
			}
			i := 0
			for ; i < len(list); i++ {
				s := &list[i]
				p.from[s.fromDim] += s.fromStride
				p.to[s.toDim] += s.toStride
				if at[i]++; at[i] < s.size {
					break
				}
				at[i] = 0
				p.from[s.fromDim] -= s.size * s.fromStride
				p.to[s.toDim] -= s.size * s.toStride
			}
			if i == len(list) {
				return
			}
		}
	}
}

// everyElement yields the positions of the whole tensor, element by element
// through every movement: exact for whatever reshapes there are.
func (w *passage) everyElement(steps []step) iter.Seq[position] {
	return func(yield func(position) bool) {
		p := position{make([]int, len(w.from)), make([]int, len(w.to))}
		for e := range volume(steps[0].out) {
			flat := e
			for i := len(w.from) - 1; i >= 0; i-- {
				p.from[i] = flat % w.from[i].size
				flat /= w.from[i].size
			}
			flat = e
			for i := range steps {
				if steps[i].perm != nil {
					flat = steps[i].moved(flat)
				}
			}
			for i := len(w.to) - 1; i >= 0; i-- {
				p.to[i] = flat % w.to[i].size
				flat /= w.to[i].size
			}
			if !yield(p) {
				return
			}
		}
	}
}

// moved is the row-major position of an element after a transposition.
func (s *step) moved(flat int) int {
	at := make([]int, len(s.in))
	for i := len(s.in) - 1; i >= 0; i-- {
		at[i] = flat % s.in[i]
		flat /= s.in[i]
	}
	for i, axis := range s.perm {
		flat = flat*s.out[i] + at[axis]
	}
	return flat
}

// count makes the factor of some dimensions by visiting every element they
// share.
func (w *passage) count(from, to []int, elements iter.Seq[position]) factor {
	// Which of the producer's parts, and which rows of each of the consumer's
	// dimensions, a position lies in.
	partOf := make([][]int32, len(from))
	producers := 1
	for i, d := range from {
		partOf[i] = partsByPosition(w.cut(d), w.from[d].size)
		producers *= w.cut(d).Parts()
	}
	var loops []int
	rowsOf := make([][][]int32, len(to))
	rowCount := make([]int, len(to))
	for j, d := range to {
		rowsOf[j], rowCount[j] = w.rowsByPosition(&w.to[d])
		loops = append(loops, w.to[d].loops...)
	}
	f := newFactor(w.consumer, loops)

	counts := map[int64]int64{} // row * producers + combination of producer's parts
	var rows, wider []int64
	for p := range elements {
		part := int64(0)
		for i, x := range p.from {
			k := partOf[i][x]
			if k < 0 {
				part = -1
				break
			}
			part = part*int64(w.cut(from[i]).Parts()) + int64(k)
		}
		if part < 0 {
			continue
		}
		rows = append(rows[:0], 0)
		for j, x := range p.to {
			wider = wider[:0]
			for _, r := range rows {
				for _, s := range rowsOf[j][x] {
					wider = append(wider, r*int64(rowCount[j])+int64(s))
				}
			}
			rows, wider = wider, rows
		}
		for _, r := range rows {
			counts[r*int64(producers)+part]++
		}
	}

	keys := make([]int64, 0, len(counts))
	for k := range counts {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for r := range f.rows() {
		for len(keys) > 0 && keys[0]/int64(producers) == int64(r) {
			part := keys[0] % int64(producers)
			h := hit{count: counts[keys[0]]}
			for i := len(from) - 1; i >= 0; i-- {
				cut := w.cut(from[i])
				h.offset += cut.Offset[part%int64(cut.Parts())]
				part /= int64(cut.Parts())
			}
			f.hits = append(f.hits, h)
			keys = keys[1:]
		}
		f.addRow()
	}
	return f
}

// partsByPosition tells for each position which part it lies in, -1 for none.
func partsByPosition(cut *taskgraph.Cut, size int) []int32 {
	part := make([]int32, size)
	for x := range part {
		part[x] = -1
	}
	for i := range cut.Parts() {
		for x := int(cut.Starts[i]); x < min(int(cut.Starts[i+1]), size); x++ {
			part[x] = int32(i)
		}
	}
	return part
}

// rowsByPosition lists for each position of an axis the combinations of parts of
// its loops that read it.
func (w *passage) rowsByPosition(x *axis) (rows [][]int32, count int) {
	f := newFactor(w.consumer, x.loops)
	rows = make([][]int32, x.size)
	for parts := range combinations(&f) {
		r := x.window(parts)
		for i := max(r.Lo, 0); i < min(r.Hi, int32(x.size)); i++ {
			rows[i] = append(rows[i], int32(count))
		}
		count++
	}
	return rows, count
}
