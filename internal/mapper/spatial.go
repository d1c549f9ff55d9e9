package mapper

import (
	"fmt"
	"slices"

	"streamdse/hardware"
	"streamdse/internal/setorder"
	"streamdse/loopnest"
	"streamdse/workload"
)

// unrolling is a candidate with the figure that it is ranked by.
type unrolling struct {
	spatial   loopnest.Spatial
	indicator float64
}

// spatialSpace is what limits the unrollings of a layer on a core.
type spatialSpace struct {
	layer *workload.Layer
	core  *hardware.Core
	inner []innerMemory
	// limit[a][d] is the largest factor of loop d on array dimension a.
	limit [][]int
}

// innerMemory is a memory next to the array, with the operands of the layer
// that it stores.
type innerMemory struct {
	memory   *hardware.Memory
	operands []innerOperand
}

type innerOperand struct {
	operand *workload.Operand
	link    hardware.MemoryOperand
	// indexes[d] is false if loop d repeats the operand's data: all units along it
	// can be fed with the same value.
	indexes []bool
}

// candidates returns the spatial unrollings to try, the most promising first.
func candidates(p *Problem, opt Options) ([]unrolling, error) {
	s := newSpatialSpace(p)
	start, open := s.given(p)
	fail := func(why string) error {
		return fmt.Errorf("layer %s on core %s: %s", p.Layer.Name, p.Core.Name, why)
	}
	if len(open) == 0 {
		s.fit(start)
		if !s.valid(start) {
			return nil, fail("the given spatial unrolling does not fit the array")
		}
		return []unrolling{{start, s.indicator(start)}}, nil
	}
	choices := make([][]loopnest.Axis, len(open))
	for i, a := range open {
		choices[i] = s.choices(a, p, opt.Mixed)
	}
	all := s.rank(start, choices, max(1, opt.MaxSpatial))
	if len(all) == 0 {
		return nil, fail("no spatial unrolling of its loops fits the array; widen the hints of the mapping")
	}
	for i := range all {
		all[i].spatial = clone(all[i].spatial)
		s.fit(all[i].spatial)
	}
	return all, nil
}

func clone(u loopnest.Spatial) loopnest.Spatial {
	u = slices.Clone(u)
	for i := range u {
		u[i].Loops = slices.Clone(u[i].Loops)
	}
	return u
}

func newSpatialSpace(p *Problem) *spatialSpace {
	s := &spatialSpace{layer: p.Layer, core: p.Core}
	for _, i := range innerMemories(p.Core) {
		m := &p.Core.Memories[i]
		in := innerMemory{memory: m}
		for _, link := range m.Operands {
			i := slices.Index(p.Links, link)
			if i < 0 {
				continue
			}
			in.operands = append(in.operands, innerOperand{&p.Layer.Operands[i], link, indexes(p.Layer, i)})
		}
		s.inner = append(s.inner, in)
	}
	s.limit = make([][]int, len(p.Core.Dims))
	for a := range s.limit {
		s.limit[a] = make([]int, len(p.Layer.Dims))
		for d := range s.limit[a] {
			s.limit[a][d] = min(p.Layer.Dims[d].Size, p.Core.Sizes[a])
		}
	}
	for _, in := range s.inner {
		for _, o := range in.operands {
			s.limitByBandwidth(in.memory, &o)
		}
	}
	return s
}

// limitByBandwidth caps the unrolling of loops that need different data at the
// number of elements that one port of the memory delivers in a cycle.
func (s *spatialSpace) limitByBandwidth(m *hardware.Memory, o *innerOperand) {
	direction := hardware.ToLow
	if o.link == hardware.O {
		direction = hardware.FromLow
	}
	port := m.Port(o.link, direction)
	if port == nil || o.operand.Bits == 0 {
		return
	}
	n := int(int64(port.Bandwidth(direction).Max) / int64(o.operand.Bits))
	for _, a := range m.Served {
		for d := range s.layer.Dims {
			if a < len(s.limit) && o.indexes[d] {
				s.limit[a][d] = min(s.limit[a][d], n)
			}
		}
	}
}

// indexes tells for every loop whether it matters to an operand. Loops of size
// 1 count, and so do both loops of an index dimension.
func indexes(l *workload.Layer, operand int) []bool {
	named := map[workload.Dim]bool{}
	related := false
	for _, d := range l.Operands[operand].Dims {
		named[d] = true
		related = related || l.Relation(d) != nil
	}
	if related {
		for _, r := range l.Relations {
			named[r.A], named[r.B] = true, true
		}
	}
	out := make([]bool, len(l.Dims))
	for i, d := range l.Dims {
		out[i] = named[d.Dim] || d.Size == 1
	}
	return out
}

// innerMemories are the memories that get no data from a lower memory. The
// lowest memory of one operand is not inner if it also stores another operand
// that has a lower memory.
func innerMemories(c *hardware.Core) []int {
	var inner []int
	for i := range c.Memories {
		m := &c.Memories[i]
		if !slices.ContainsFunc(m.Operands, func(o hardware.MemoryOperand) bool { return c.Levels(o)[0] < i }) {
			inner = append(inner, i)
		}
	}
	return inner
}

func (s *spatialSpace) dim(name string) int {
	return slices.IndexFunc(s.layer.Dims, func(x workload.LoopDim) bool { return string(x.Dim) == name })
}

// given returns what the core or the user fixes, reduced to what fits, and the
// array dimensions that are open. A dimension of which nothing is left stays
// idle; it is not filled otherwise.
func (s *spatialSpace) given(p *Problem) (u loopnest.Spatial, open []int) {
	for a, name := range s.core.Dims {
		var loops []hardware.Unrolling
		fixed := a < len(s.core.Dataflow) && len(s.core.Dataflow[a]) > 0
		if fixed {
			loops = s.core.Dataflow[a]
		} else if len(s.core.Dataflow) == 0 && p.Entry != nil {
			loops, fixed = p.Entry.Spatial[name]
		}
		if !fixed {
			open = append(open, a)
			continue
		}
		u = append(u, s.reduced(a, loops))
	}
	s.share(u)
	return u, open
}

// reduced caps the loops of an axis and drops whole ones while their product
// exceeds it.
func (s *spatialSpace) reduced(a int, loops []hardware.Unrolling) loopnest.Axis {
	axis := loopnest.Axis{Array: a}
	for _, l := range loops {
		d := s.dim(l.Dim)
		if d < 0 {
			continue
		}
		x := hardware.Unrolling{Dim: l.Dim, Factor: min(l.Factor, s.limit[a][d])}
		if i := slices.IndexFunc(axis.Loops, func(y hardware.Unrolling) bool { return y.Dim == l.Dim }); i >= 0 {
			axis.Loops[i] = x // the last word counts
			continue
		}
		axis.Loops = append(axis.Loops, x)
	}
	for product(axis.Loops) > s.core.Sizes[a] {
		names := make([]string, len(axis.Loops))
		for i, l := range axis.Loops {
			names[i] = l.Dim
		}
		first := setorder.LoopDims(names)[0]
		axis.Loops = slices.Delete(axis.Loops, first, first+1)
	}
	return axis
}

// share drops a loop from axes, first axes first, while its factors multiply to
// more than its size.
func (s *spatialSpace) share(u loopnest.Spatial) {
	for d := range s.layer.Dims {
		name := string(s.layer.Dims[d].Dim)
		for i := 0; i < len(u) && s.total(u, name) > s.layer.Dims[d].Size; i++ {
			u[i].Loops = slices.DeleteFunc(u[i].Loops, func(l hardware.Unrolling) bool { return l.Dim == name })
		}
	}
}

func product(loops []hardware.Unrolling) int {
	n := 1
	for _, l := range loops {
		n *= l.Factor
	}
	return n
}

// total is the product of a loop's factors over the axes.
func (s *spatialSpace) total(u loopnest.Spatial, dim string) int {
	n := 1
	for _, a := range u {
		for _, l := range a.Loops {
			if l.Dim == dim {
				n *= l.Factor
			}
		}
	}
	return n
}

// choices lists what may be laid on an open array dimension: each hinted
// loop with each divisor of its largest factor, the largest first; with mixed
// unrollings also combinations of several loops.
func (s *spatialSpace) choices(a int, p *Problem, mixed bool) []loopnest.Axis {
	dims := s.hints(a, p)
	var out []loopnest.Axis
	for _, d := range dims {
		div := divisors(s.limit[a][d])
		for i := len(div) - 1; i >= 0; i-- {
			out = append(out, loopnest.Axis{Array: a, Loops: []hardware.Unrolling{{Dim: string(s.layer.Dims[d].Dim), Factor: div[i]}}})
		}
	}
	if !mixed {
		return out
	}
	for n := 2; n <= len(dims); n++ {
		combinations(len(dims), n, func(pick []int) {
			out = s.mix(out, a, dims, pick, nil)
		})
	}
	return out
}

// mix appends the combinations of non-trivial factors of the picked loops, the
// last loop varying fastest.
func (s *spatialSpace) mix(out []loopnest.Axis, a int, dims, pick []int, loops []hardware.Unrolling) []loopnest.Axis {
	if len(loops) == len(pick) {
		return append(out, loopnest.Axis{Array: a, Loops: slices.Clone(loops)})
	}
	d := dims[pick[len(loops)]]
	for _, f := range divisors(s.limit[a][d]) {
		next := append(loops[:len(loops):len(loops)], hardware.Unrolling{Dim: string(s.layer.Dims[d].Dim), Factor: f})
		if f > 1 && product(next) <= s.core.Sizes[a] {
			out = s.mix(out, a, dims, pick, next)
		}
	}
	return out
}

// hints are the loops that may be laid on an array dimension, in the order in
// which the published tool visits them. A user's hint counts only if the layer
// has one of its loops.
func (s *spatialSpace) hints(a int, p *Problem) []int {
	var names []string
	if p.Entry != nil {
		for _, d := range p.Entry.Hint[s.core.Dims[a]] {
			names = append(names, string(d))
		}
	}
	if !slices.ContainsFunc(names, func(n string) bool { return s.dim(n) >= 0 }) {
		names = names[:0]
		for _, d := range s.layer.Dims {
			names = append(names, string(d.Dim))
		}
	}
	var out []int
	for _, i := range setorder.LoopDims(names) {
		if d := s.dim(names[i]); d >= 0 && !slices.Contains(out, d) {
			out = append(out, d)
		}
	}
	return out
}

// divisors of n, ascending.
func divisors(n int) []int {
	var d []int
	for i := 1; i <= n; i++ {
		if n%i == 0 {
			d = append(d, i)
		}
	}
	return d
}

// combinations calls f with all ascending choices of k of n indices.
func combinations(n, k int, f func([]int)) {
	pick := make([]int, 0, k)
	var choose func(from int)
	choose = func(from int) {
		if len(pick) == k {
			f(pick)
			return
		}
		for i := from; i < n; i++ {
			pick = append(pick, i)
			choose(i + 1)
			pick = pick[:len(pick)-1]
		}
	}
	choose(0)
}

// valid tells whether an unrolling respects the array, the loops and the limits.
func (s *spatialSpace) valid(u loopnest.Spatial) bool {
	for _, a := range u {
		for _, l := range a.Loops {
			if d := s.dim(l.Dim); d < 0 || l.Factor < 1 || l.Factor > s.limit[a.Array][d] {
				return false
			}
		}
		if product(a.Loops) > s.core.Sizes[a.Array] {
			return false
		}
	}
	for _, d := range s.layer.Dims {
		if s.total(u, string(d.Dim)) > d.Size {
			return false
		}
	}
	return true
}

// indicator ranks an unrolling by the number of busy processing elements and,
// far behind, by how well it is spread over loops.
func (s *spatialSpace) indicator(u loopnest.Spatial) float64 {
	busy, most := 1, 1
	for _, a := range u {
		busy *= product(a.Loops)
	}
	for _, d := range s.layer.Dims {
		most = max(most, s.total(u, string(d.Dim)))
	}
	return score(busy, most)
}

// fit shrinks an unrolling until what one instance of each inner memory feeds
// with different data also fits into it.
func (s *spatialSpace) fit(u loopnest.Spatial) {
	for _, in := range s.inner {
		for _, o := range in.operands {
			if o.operand.Bits > 0 {
				s.fitOperand(u, in.memory, &o)
			}
		}
	}
}

func (s *spatialSpace) fitOperand(u loopnest.Spatial, m *hardware.Memory, o *innerOperand) {
	room := int(m.Size / o.operand.Bits)
	for {
		n := 1
		var largest *int
		for i := range u {
			if !slices.Contains(m.Served, u[i].Array) {
				continue
			}
			for j := range u[i].Loops {
				if d := s.dim(u[i].Loops[j].Dim); d < 0 || !o.indexes[d] {
					continue
				}
				f := &u[i].Loops[j].Factor
				n *= *f
				if largest == nil || *f > *largest {
					largest = f
				}
			}
		}
		if n <= room || largest == nil || *largest <= 1 {
			return
		}
		*largest--
	}
}
