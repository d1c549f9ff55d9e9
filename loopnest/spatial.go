package loopnest

import (
	"fmt"
	"math"
	"strconv"

	"streamdse/hardware"
	"streamdse/internal/setorder"
	"streamdse/workload"
)

// Axis lays loops side by side on one dimension of the array.
type Axis struct {
	Array int                  // index into Core.Array.Dims
	Loops []hardware.Unrolling // their factors multiply to at most the axis' size
}

// Spatial is a spatial unrolling. The order of the axes matters where one loop
// is unrolled on several: the first axis with its largest factor is the one that
// is shortened to fill the loop evenly.
type Spatial []Axis

// factor is an adjusted spatial loop. Its size is fractional where an unrolling
// does not divide the loop: 70 channels on 32 rows run three times on 23.33.
type factor struct {
	dim  int
	size float64
}

// axisFactors are the adjusted loops of one axis.
type axisFactors struct {
	array int
	loops []factor
}

// adjust shortens the unrollings so that every pass of the outer temporal loop
// does equal work. With whole set, each factor is truncated to an integer.
func (m *Model) adjust(s Spatial, whole bool) ([]axisFactors, error) {
	core := m.problem.Core
	var out []axisFactors
	for i, axis := range s {
		if axis.Array < 0 || axis.Array >= len(core.Sizes) {
			return nil, fmt.Errorf("core %s has no array dimension %d", core.Name, axis.Array)
		}
		a := axisFactors{array: axis.Array}
		for _, u := range axis.Loops {
			d := m.dim(workload.Dim(u.Dim))
			if d < 0 {
				continue
			}
			size := m.problem.Layer.Dims[d].Size
			f := min(u.Factor, core.Sizes[axis.Array])
			if f < 1 || f > size {
				return nil, fmt.Errorf("core %s: %s is unrolled by %d on %s, but has size %d", core.Name, u.Dim, f, core.Dims[axis.Array], size)
			}
			adjusted := float64(f)
			if i == s.widest(u.Dim) {
				earlier := 1.0
				for _, b := range out {
					for _, x := range b.loops {
						if x.dim == d {
							earlier *= x.size
						}
					}
				}
				passes := math.Ceil(float64(size) / (float64(f) * earlier))
				adjusted = float64(size) / passes / earlier
			}
			if whole {
				adjusted = math.Trunc(adjusted)
			}
			a.loops = append(a.loops, factor{d, adjusted})
		}
		if len(a.loops) > 0 {
			out = append(out, a)
		}
	}
	return out, nil
}

// widest is the index of the first axis that has the largest factor of the dimension.
func (s Spatial) widest(dim string) int {
	best, at := 0, -1
	for i, axis := range s {
		for _, u := range axis.Loops {
			if u.Dim == dim && u.Factor > best {
				best, at = u.Factor, i
			}
		}
	}
	return at
}

// distribute gives the spatial loops between the levels of operand x: element l
// lies between memory l-1 (the array for l = 0) and memory l. A loop lies below
// the lowest memory that serves its axis, because one instance of it then feeds
// all elements of the axis.
func (m *Model) distribute(axes []axisFactors, x int) [][]factor {
	core := m.problem.Core
	levels := m.operands[x].levels
	out := make([][]factor, len(levels)+1)
	taken := make([]bool, len(axes))
	for l := range levels {
		for _, array := range servedOrder(core, levels[l].memory) {
			for i := range axes {
				if !taken[i] && axes[i].array == array {
					taken[i] = true
					out[l] = merge(out[l], axes[i].loops)
				}
			}
		}
	}
	for i := range axes {
		if !taken[i] {
			out[len(levels)] = merge(out[len(levels)], axes[i].loops)
		}
	}
	return out
}

func servedOrder(core *hardware.Core, mem int) []int {
	var served []int
	for _, s := range core.Memories[mem].Served {
		if s < len(core.Dims) { // a memory borrowed from another core may serve more
			served = append(served, s)
		}
	}
	names := make([]string, len(served))
	for i, s := range served {
		names[i] = core.Dims[s]
	}
	order := make([]int, len(served))
	for i, j := range setorder.ArrayDims(names) {
		order[i] = served[j]
	}
	return order
}

// merge appends loops, multiplying those of a dimension that is there already.
func merge(to, loops []factor) []factor {
next:
	for _, f := range loops {
		for i := range to {
			if to[i].dim == f.dim {
				to[i].size *= f.size
				continue next
			}
		}
		to = append(to, f)
	}
	return to
}

// unrolled is what follows from the spatial loops of one operand alone. All
// slices are indexed by level, 0 being the array.
type unrolled struct {
	loops    [][]factor
	instance []int64   // instances of the level in use
	unique   []float64 // of these, with different data
	boost    []int64   // how many instances of this level one instance of the next feeds with different data
	reuse    []float64 // output only: product of the irrelevant spatial loops
	reused   []bool    // output only: some irrelevant factor at this level or above exceeds 1
	reduces  []bool    // output only: some loop at this level or above is irrelevant
}

func (m *Model) unroll(x int, loops [][]factor) unrolled {
	o := &m.operands[x]
	n := len(loops)
	u := unrolled{
		loops: loops, instance: make([]int64, n), unique: make([]float64, n), boost: make([]int64, n),
		reuse: make([]float64, n), reused: make([]bool, n+1), reduces: make([]bool, n+1),
	}
	rel, all := make([]float64, n), make([]float64, n)
	d := newDecoupler(m)
	for l := range loops {
		rel[l], all[l], u.reuse[l] = 1, 1, 1
		for _, f := range loops[l] {
			r, _ := d.split(o, f.dim, f.size)
			rel[l] *= r
			all[l] *= f.size
			if o.class[f.dim] == irrelevant {
				u.reuse[l] *= f.size
			}
		}
	}
	for l := range loops {
		units, unique := 1.0, 1.0
		for j := l; j < n; j++ {
			units *= all[j]
			unique *= rel[j]
		}
		u.instance[l] = int64(math.RoundToEven(thousandths(units)))
		u.unique[l] = unique
	}
	for l := n - 1; l >= 0; l-- {
		u.boost[l] = 1
		if l < n-1 {
			u.boost[l] = int64(math.RoundToEven(u.unique[l] / u.unique[l+1]))
		}
		u.reused[l], u.reduces[l] = u.reused[l+1], u.reduces[l+1]
		for _, f := range loops[l] {
			if o.class[f.dim] == irrelevant {
				u.reduces[l] = true
				u.reused[l] = u.reused[l] || f.size > 1
			}
		}
	}
	return u
}

// thousandths rounds to three decimals, so that a count of units that was
// multiplied from fractional factors does not fall to the wrong side of a half.
func thousandths(x float64) float64 {
	y, _ := strconv.ParseFloat(strconv.FormatFloat(x, 'f', 3, 64), 64)
	return y
}

// decoupler splits the loops of index dimensions: of a loop over OX, the part
// that reaches new input columns is relevant, the rest revisits columns.
type decoupler struct {
	relations  []relation
	of         []int     // relation of a loop dimension, -1
	size       []float64 // running product of each loop dimension
	old, reuse []float64 // positions touched and revisits so far, by relation
}

func newDecoupler(m *Model) *decoupler {
	d := &decoupler{relations: m.relations, of: make([]int, len(m.problem.Layer.Dims)), size: make([]float64, len(m.problem.Layer.Dims)),
		old: make([]float64, len(m.relations)), reuse: make([]float64, len(m.relations))}
	for i := range d.of {
		d.of[i] = -1
	}
	for i := range m.relations {
		for _, x := range []int{m.relations[i].a, m.relations[i].b} {
			if x >= 0 {
				d.of[x] = i
			}
		}
	}
	d.reset()
	return d
}

func (d *decoupler) reset() {
	for i := range d.size {
		d.size[i] = 1
	}
	for i := range d.old {
		d.old[i], d.reuse[i] = 1, 1
	}
}

// grow takes a partially relevant loop up and returns its relevant part.
func (d *decoupler) grow(dim int, size float64) float64 {
	d.size[dim] *= size
	k := d.of[dim]
	now := d.relations[k].extent(d.size)
	part := now / d.old[k]
	d.old[k] = now
	return part
}

// split returns the relevant and the irrelevant part of a loop.
func (d *decoupler) split(o *operand, dim int, size float64) (rel, irr float64) {
	switch o.class[dim] {
	case relevant:
		return size, 1
	case partial:
		rel = d.grow(dim, size)
		r := &d.relations[d.of[dim]]
		all := 1.0
		if r.a >= 0 {
			all *= d.size[r.a]
		}
		if r.b >= 0 {
			all *= d.size[r.b]
		}
		k := d.of[dim]
		q := all / d.old[k]
		irr = q / d.reuse[k]
		d.reuse[k] = q
		return rel, irr
	}
	return 1, size
}
