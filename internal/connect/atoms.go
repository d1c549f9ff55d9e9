package connect

import (
	"iter"
	"math"
	"slices"

	"streamdse/taskgraph"
)

// atoms tells of which atoms, outermost first, the producer's output dimensions
// and the consumer's index dimensions are made. Dimensions of size 1 have none.
//
// A selection makes a new atom out of those of the axis it selects from, so the
// consumer's dimensions may be made of other atoms than the producer's.
type atoms struct {
	size       []int
	from, to   [][]int
	selections []selection // in the order of the movements
}

// selection takes positions of an axis made of the argument's atoms to an axis
// made of the result's.
type selection struct {
	arguments, results []int
	step               *step
}

// atomizer cuts axes into atoms while it follows a tensor.
type atomizer struct {
	size       []int
	first      []int // the atoms in the order of the producer's output
	order      []int // the atoms in the present order
	selections []selection
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
	for i := range steps[1:] {
		s := &steps[1+i]
		groups, ok := z.group(s.in)
		switch {
		case !ok:
			return nil, false
		case s.perm != nil:
			var order []int
			for _, axis := range s.perm {
				order = append(order, groups[axis]...)
			}
			z.order = order
		case s.runs != nil:
			groups[s.axis] = z.selected(s, groups[s.axis])
			z.order = slices.Concat(groups...)
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
	a.size, a.selections = z.size, z.selections
	return a, true
}

// selected notes a selection and returns the atoms of its result: none if a
// single position is left.
func (z *atomizer) selected(s *step, arguments []int) []int {
	var results []int
	if n := s.out[s.axis]; n > 1 {
		results = []int{len(z.size)}
		z.size = append(z.size, n)
	}
	z.selections = append(z.selections, selection{slices.Clone(arguments), results, s})
	return results
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
	follow := func(list []int) []int {
		if i := slices.Index(list, atom); i >= 0 {
			return slices.Insert(slices.Clone(list), i+1, rest)
		}
		return list
	}
	z.first, z.order = follow(z.first), follow(z.order)
	for i := range z.selections {
		s := &z.selections[i]
		s.arguments, s.results = follow(s.arguments), follow(s.results)
	}
}

// component is a set of dimensions connected by common atoms and selections.
type component struct {
	from, to   []int
	atoms      []int // those that the consumer's dimensions are made of
	selections []int // in the order of the movements
}

// components partitions the dimensions that have atoms, and the selections.
func (a *atoms) components() []component {
	// Union-find over the producer's dimensions, the consumer's, the selections and
	// the atoms, numbered in this order.
	to := len(a.from)
	selections := to + len(a.to)
	first := selections + len(a.selections)
	root := indices(first + len(a.size))
	find := func(i int) int {
		for root[i] != i {
			i = root[i]
		}
		return i
	}
	join := func(i int, atoms []int) {
		for _, atom := range atoms {
			root[find(first+atom)] = find(i)
		}
	}
	for i, list := range a.from {
		join(i, list)
	}
	for i, list := range a.to {
		join(to+i, list)
	}
	for i := range a.selections {
		join(selections+i, a.selections[i].arguments)
		join(selections+i, a.selections[i].results)
	}
	number := make([]int, len(root))
	var comps []component
	in := func(i int) *component {
		r := find(i)
		if number[r] == 0 {
			comps = append(comps, component{})
			number[r] = len(comps)
		}
		return &comps[number[r]-1]
	}
	for i, list := range a.from {
		if len(list) > 0 {
			c := in(i)
			c.from = append(c.from, i)
		}
	}
	for i, list := range a.to {
		if len(list) > 0 {
			c := in(to + i)
			c.to = append(c.to, i)
			c.atoms = append(c.atoms, list...)
		}
	}
	for i := range a.selections {
		c := in(selections + i)
		c.selections = append(c.selections, i)
	}
	return comps
}

// repeats tells whether one element of the producer may be read at several
// positions.
func (a *atoms) repeats(comp component) bool {
	return slices.ContainsFunc(comp.selections, func(i int) bool { return a.selections[i].step.repeats() })
}

// position is an element of a tensor: where it lies in each of some dimensions,
// as the producer and as the consumer see it.
type position struct{ from, to []int }

// elements yields the positions of a component that come from the producer. The
// value is reused.
func (a *atoms) elements(comp component) iter.Seq[position] {
	return func(yield func(position) bool) {
		p := position{make([]int, len(comp.from)), make([]int, len(comp.to))}
		at := make([]int, len(a.size)) // the position in each atom
		join := func(atoms []int) int {
			n := 0
			for _, atom := range atoms {
				n = n*a.size[atom] + at[atom]
			}
			return n
		}
		// back follows the selections from the consumer to the producer.
		back := func() bool {
			for i := len(comp.selections) - 1; i >= 0; i-- { // plain loops: this runs for every element
				s := &a.selections[comp.selections[i]]
				x := s.step.argument(join(s.results))
				if x < 0 {
					return false
				}
				for k := len(s.arguments) - 1; k >= 0; k-- {
					atom := s.arguments[k]
					at[atom] = x % a.size[atom]
					x /= a.size[atom]
				}
			}
			return true
		}
		for {
			if back() {
				for i, d := range comp.from {
					p.from[i] = join(a.from[d])
				}
				for i, d := range comp.to {
					p.to[i] = join(a.to[d])
				}
				if !yield(p) {
					return
				}
			}
			i := len(comp.atoms) - 1
			for ; i >= 0; i-- {
				atom := comp.atoms[i]
				if at[atom]++; at[atom] < a.size[atom] {
					break
				}
				at[atom] = 0
			}
			if i < 0 {
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
		for e := range volume(steps[len(steps)-1].out) {
			flat := e
			for i := len(w.to) - 1; i >= 0; i-- {
				p.to[i] = flat % w.to[i].size
				flat /= w.to[i].size
			}
			flat = e
			for i := len(steps) - 1; i > 0 && flat >= 0; i-- {
				flat = steps[i].before(flat)
			}
			if flat < 0 {
				continue
			}
			for i := len(w.from) - 1; i >= 0; i-- {
				p.from[i] = flat % w.from[i].size
				flat /= w.from[i].size
			}
			if !yield(p) {
				return
			}
		}
	}
}

// before is the row-major position in the argument of a position in the result,
// -1 if nothing comes from there.
func (s *step) before(flat int) int {
	if s.perm == nil && s.runs == nil {
		return flat
	}
	at := make([]int, len(s.in))
	for i := len(s.out) - 1; i >= 0; i-- {
		axis := i
		if s.perm != nil {
			axis = s.perm[i]
		}
		at[axis] = flat % s.out[i]
		flat /= s.out[i]
	}
	if s.runs != nil {
		if at[s.axis] = s.argument(at[s.axis]); at[s.axis] < 0 {
			return -1
		}
	}
	flat = 0
	for i, x := range at {
		flat = flat*s.in[i] + x
	}
	return flat
}

// count makes the factor of some dimensions by visiting every element they
// share. An element that is read at several positions counts once if repeats.
func (w *passage) count(from, to []int, elements iter.Seq[position], repeats bool) factor {
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

	found := map[int64]*touch{} // by row * producers + combination of producer's parts
	var last *touch             // and its key: neighbours mostly lie in the same parts
	lastKey := int64(-1)
	seen := map[[2]int64]bool{} // row and element
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
		element := int64(0)
		for i, x := range p.from {
			element = element*int64(w.from[from[i]].size) + int64(x)
		}
		for _, r := range rows {
			if repeats {
				if key := [2]int64{r, element}; seen[key] {
					continue
				} else {
					seen[key] = true
				}
			}
			key := r*int64(producers) + part
			if key != lastKey {
				lastKey, last = key, found[key]
				if last == nil {
					last = w.newTouch(from, part)
					found[key] = last
				}
			}
			last.add(p.from)
		}
	}

	keys := make([]int64, 0, len(found))
	for k := range found {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for r := range f.rows() {
		for len(keys) > 0 && keys[0]/int64(producers) == int64(r) {
			part := keys[0] % int64(producers)
			t := found[keys[0]]
			h := hit{count: t.count}
			if w.parts != nil {
				h.part = w.parts.Number(t.part())
			}
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

// touch counts the elements of a producer's part that are read, and notes their
// positions along each of some dimensions.
type touch struct {
	count int64
	dims  []int
	lo    []int32
	reads [][]bool
}

// newTouch begins with none for a combination of parts of the dimensions.
func (w *passage) newTouch(dims []int, combination int64) *touch {
	t := &touch{dims: dims, lo: make([]int32, len(dims)), reads: make([][]bool, len(dims))}
	for i := len(dims) - 1; i >= 0; i-- {
		cut := w.cut(dims[i])
		r := cut.Range(int32(combination % int64(cut.Parts())))
		combination /= int64(cut.Parts())
		t.lo[i], t.reads[i] = r.Lo, make([]bool, r.Len())
	}
	return t
}

func (t *touch) add(at []int) {
	t.count++
	for i, x := range at {
		t.reads[i][x-int(t.lo[i])] = true
	}
}

// part is the part of the producer's tensor that the positions span.
func (t *touch) part() taskgraph.Part {
	var p taskgraph.Part
	for i, reads := range t.reads {
		var runs []taskgraph.Range
		for x, read := range reads {
			if read {
				runs = append(runs, taskgraph.Range{Lo: int32(x), Hi: int32(x) + 1})
			}
		}
		if runs = taskgraph.Runs(runs); len(runs) > 1 || runs[0].Len() < len(reads) {
			for len(p) <= t.dims[i] {
				p = append(p, nil)
			}
			p[t.dims[i]] = runs
		}
	}
	return p
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
		for _, r := range x.positions(parts, w.hulls, 0, math.MaxInt32) {
			for i := r.Lo; i < r.Hi; i++ {
				rows[i] = append(rows[i], int32(count))
			}
		}
		count++
	}
	return rows, count
}
