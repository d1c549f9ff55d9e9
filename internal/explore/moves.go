package explore

import (
	"math/rand/v2"
	"slices"

	"streamdse/mapping"
	"streamdse/workload"
)

// Layer is what the search knows of a layer.
type Layer struct {
	ID   int
	Name string // unique, or empty if cuts cannot name the layer
	// Width is the number of cores that may run it.
	Width int
	// Dims are its loops with their sizes.
	Dims []workload.LoopDim
	// Output are the loops of its result: the others are reductions.
	Output []workload.Dim
	// Splits and Tiles tell which of its tilings may be changed.
	Splits, Tiles bool
}

func (l *Layer) size(d workload.Dim) int {
	for _, x := range l.Dims {
		if x.Dim == d {
			return x.Size
		}
	}
	return 1
}

// row is the loop along which a layer streams through its stack.
func (l *Layer) row() (workload.Dim, bool) {
	for _, d := range []workload.Dim{"OY", "D", "OX", "K"} {
		if l.size(d) > 1 {
			return d, true
		}
	}
	return "", false
}

// move changes a plan. It returns the indices of the layers that it is about, and
// false if there is nothing to change.
type move func(*moves, Plan) (plan Plan, about []int, ok bool)

// moves are the changes that a problem allows.
type moves struct {
	layers []Layer
	free   map[mapping.Dimension]bool
	exact  bool // only cuts into equal parts
	random *rand.Rand
}

// kinds are the random moves by the dimension that they change.
func kinds() []struct {
	dimension mapping.Dimension
	move      move
} {
	return []struct {
		dimension mapping.Dimension
		move      move
	}{
		{mapping.Order, (*moves).order},
		{mapping.Prefetch, (*moves).prefetch},
		{mapping.Splits, (*moves).weights},
		{mapping.Splits, (*moves).splitLayer},
		{mapping.Splits, (*moves).splitSeveral},
		{mapping.Tiles, (*moves).tileLayer},
		{mapping.Tiles, (*moves).tileStack},
		{mapping.Stacks, (*moves).joinStacks},
		{mapping.Stacks, (*moves).partStack},
		{mapping.Stacks, (*moves).shiftStack},
	}
}

// opening are the moves that are tried first, one by one: large ones that often pay.
func opening() []struct {
	dimension mapping.Dimension
	move      move
} {
	type entry = struct {
		dimension mapping.Dimension
		move      move
	}
	to := func(f func(p *Plan)) move {
		return func(_ *moves, p Plan) (Plan, []int, bool) {
			f(&p)
			return p, nil, true
		}
	}
	part := func(w float64) entry {
		return entry{mapping.Splits, to(func(p *Plan) { p.SplitWeights = w })}
	}
	order := func(o string) entry { return entry{mapping.Order, to(func(p *Plan) { p.Order = o })} }
	return []entry{
		order("latency"), part(0.5), part(1), order("memory"), part(0.25),
		{mapping.Prefetch, to(func(p *Plan) { p.Prefetch = []string{"W"} })},
		{mapping.Splits, splitAll("OY", "OX", "D")},
		{mapping.Splits, splitAll("K", "G")},
		{mapping.Splits, both(splitAll("OY", "OX", "D"), tileAll(8))},
		{mapping.Splits, both(splitAll("K", "G"), tileAll(8))},
		{mapping.Tiles, tileAll(4)},
		{mapping.Tiles, tileAll(8)},
		{mapping.Tiles, tileAll(2)},
		{mapping.Stacks, (*moves).oneStack},
		{mapping.Tiles, tileAll(14)},
		{mapping.Order, (*moves).order},
	}
}

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

func (m *moves) order(p Plan) (Plan, []int, bool) {
	orders := slices.DeleteFunc([]string{"stacks", "latency", "memory"}, func(o string) bool { return o == p.Order })
	p.Order = pick(m.random, orders)
	return p, nil, true
}

func (m *moves) prefetch(p Plan) (Plan, []int, bool) {
	p.Prefetch = pick(m.random, [][]string{nil, {"W"}, {"W", "I"}})
	return p, nil, true
}

func (m *moves) weights(p Plan) (Plan, []int, bool) {
	p.SplitWeights = pick(m.random, []float64{0, 0.125, 0.25, 1.0 / 3, 0.5, 0.75, 1})
	return p, nil, true
}

// split cuts a layer over n cores along the first of dims that is long enough, or
// leaves it whole for n = 1.
func (m *moves) split(p Plan, i, n int, dims ...workload.Dim) (Plan, bool) {
	l := &m.layers[i]
	if !l.Splits || l.Width < 2 {
		return p, false
	}
	if n == 1 {
		return p.cut(l.Name, true), true
	}
	for _, d := range dims {
		size := l.size(d)
		if size < n || m.exact && size%n != 0 {
			continue
		}
		return p.cut(l.Name, true, mapping.Tiling{Dim: d, Parts: n}), true
	}
	return p, false
}

// splitLayer spreads one layer otherwise.
func (m *moves) splitLayer(p Plan) (Plan, []int, bool) {
	i := m.random.IntN(len(m.layers))
	l := &m.layers[i]
	if !l.Splits || l.Width < 2 {
		return p, nil, false
	}
	n := 1 + m.random.IntN(l.Width)
	if m.random.IntN(8) == 0 {
		n = 2 * l.Width
	}
	dims := slices.Clone(l.Output)
	if m.random.IntN(8) == 0 {
		for _, d := range l.Dims { // reductions too
			dims = append(dims, d.Dim)
		}
	}
	m.random.Shuffle(len(dims), func(a, b int) { dims[a], dims[b] = dims[b], dims[a] })
	q, ok := m.split(p, i, n, dims...)
	if ok && n > 1 && l.Width >= 4 && m.random.IntN(4) == 0 { // two loops, two parts each
		q, ok = m.split(p, i, 2, dims...)
		for _, d := range dims {
			if cuts := q.cutsOf(l.Name, true); ok && len(cuts) == 1 && cuts[0].Dim != d && l.size(d)%2 == 0 {
				q = q.cut(l.Name, true, cuts[0].Tiling, mapping.Tiling{Dim: d, Parts: 2})
			}
		}
	}
	return q, []int{i}, ok
}

// splitSeveral spreads layers that follow each other in the same way.
func (m *moves) splitSeveral(p Plan) (Plan, []int, bool) {
	first, count := m.random.IntN(len(m.layers)), 2+m.random.IntN(6)
	dims := pick(m.random, [][]workload.Dim{{"K", "G"}, {"OY", "OX", "D"}, {"OX", "OY", "D"}, {"K", "OY"}})
	width := 0
	for i := first; i < min(first+count, len(m.layers)); i++ {
		width = max(width, m.layers[i].Width)
	}
	if width < 2 {
		return p, nil, false
	}
	n := 1 + m.random.IntN(width)
	var about []int
	for i := first; i < min(first+count, len(m.layers)); i++ {
		if q, ok := m.split(p, i, n, dims...); ok {
			p, about = q, append(about, i)
		}
	}
	return p, about, len(about) > 0
}

// splitAll spreads every layer over all of its cores.
func splitAll(dims ...workload.Dim) move {
	return func(m *moves, p Plan) (Plan, []int, bool) {
		var about []int
		for i := range m.layers {
			if q, ok := m.split(p, i, m.layers[i].Width, dims...); ok {
				p, about = q, append(about, i)
			}
		}
		return p, about, len(about) > 0
	}
}

// tile cuts a layer within a core into n tiles along its rows, and columns.
func (m *moves) tile(p Plan, i, n, columns int) (Plan, bool) {
	l := &m.layers[i]
	d, ok := l.row()
	if !ok || !l.Tiles {
		return p, false
	}
	size := l.size(d)
	n = min(n, size)
	for m.exact && size%n != 0 {
		n--
	}
	tilings := []mapping.Tiling{{Dim: d, Parts: n}}
	if columns > 1 && d != "OX" && l.size("OX")%columns == 0 {
		tilings = append(tilings, mapping.Tiling{Dim: "OX", Parts: columns})
	}
	return p.cut(l.Name, false, tilings...), true
}

func tileCounts() []int { return []int{1, 2, 3, 4, 7, 8, 14, 16, 28, 56, 112} }

func (m *moves) tileLayer(p Plan) (Plan, []int, bool) {
	i := m.random.IntN(len(m.layers))
	p, ok := m.tile(p, i, pick(m.random, tileCounts()), 1+m.random.IntN(8)/7)
	return p, []int{i}, ok
}

// tileStack cuts all layers of a stack into as many tiles.
func (m *moves) tileStack(p Plan) (Plan, []int, bool) {
	if len(p.Stacks) == 0 {
		return p, nil, false
	}
	stack := pick(m.random, p.Stacks)
	return m.tiled(p, stack, pick(m.random, tileCounts()), 1+m.random.IntN(6)/5)
}

func (m *moves) tiled(p Plan, stack []int, n, columns int) (Plan, []int, bool) {
	var about []int
	for i := range m.layers {
		if !slices.Contains(stack, m.layers[i].ID) {
			continue
		}
		if q, ok := m.tile(p, i, n, columns); ok {
			p, about = q, append(about, i)
		}
	}
	return p, about, len(about) > 0
}

// tileAll cuts the layers of all stacks of more than one layer.
func tileAll(n int) move {
	return func(m *moves, p Plan) (Plan, []int, bool) {
		var about []int
		for _, stack := range p.Stacks {
			if len(stack) > 1 {
				q, list, _ := m.tiled(p, stack, n, 1)
				p, about = q, append(about, list...)
			}
		}
		return p, about, len(about) > 0
	}
}

// both makes two changes at once, the second only if tiles may change.
func both(first, tiles move) move {
	return func(m *moves, p Plan) (Plan, []int, bool) {
		q, about, ok := first(m, p)
		if ok && m.free[mapping.Tiles] {
			var more []int
			q, more, _ = tiles(m, q)
			about = append(about, more...)
		}
		return q, about, ok
	}
}

// oneStack fuses everything.
func (m *moves) oneStack(p Plan) (Plan, []int, bool) {
	if len(p.Stacks) < 2 {
		return p, nil, false
	}
	p.Stacks = [][]int{slices.Sorted(slices.Values(slices.Concat(p.Stacks...)))}
	return p, nil, true
}

// joinStacks fuses two stacks that follow each other.
func (m *moves) joinStacks(p Plan) (Plan, []int, bool) {
	if len(p.Stacks) < 2 {
		return p, nil, false
	}
	s := m.random.IntN(len(p.Stacks) - 1)
	joined := slices.Sorted(slices.Values(slices.Concat(p.Stacks[s], p.Stacks[s+1])))
	p.Stacks = slices.Concat(p.Stacks[:s], [][]int{joined}, p.Stacks[s+2:])
	return p, m.indices(joined), true
}

// partStack ends a stack earlier and begins another after it.
func (m *moves) partStack(p Plan) (Plan, []int, bool) {
	if len(p.Stacks) == 0 {
		return p, nil, false
	}
	s := m.random.IntN(len(p.Stacks))
	stack := p.Stacks[s]
	if len(stack) < 2 {
		return p, nil, false
	}
	at := 1 + m.random.IntN(len(stack)-1)
	p.Stacks = slices.Concat(p.Stacks[:s], [][]int{stack[:at], stack[at:]}, p.Stacks[s+1:])
	return p, m.indices(stack), true
}

// shiftStack moves the border between two stacks by a few layers.
func (m *moves) shiftStack(p Plan) (Plan, []int, bool) {
	if len(p.Stacks) < 2 {
		return p, nil, false
	}
	s := m.random.IntN(len(p.Stacks) - 1)
	both := slices.Concat(p.Stacks[s], p.Stacks[s+1])
	if !slices.IsSorted(both) {
		return p, nil, false
	}
	at := len(p.Stacks[s]) + pick(m.random, []int{-3, -2, -1, 1, 2, 3})
	if at < 1 || at >= len(both) {
		return p, nil, false
	}
	p.Stacks = slices.Concat(p.Stacks[:s], [][]int{both[:at], both[at:]}, p.Stacks[s+2:])
	return p, m.indices(both), true
}

func (m *moves) indices(ids []int) []int {
	var list []int
	for i := range m.layers {
		if slices.Contains(ids, m.layers[i].ID) {
			list = append(list, i)
		}
	}
	return list
}
