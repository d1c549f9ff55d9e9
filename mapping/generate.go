package mapping

import (
	"fmt"
	"slices"
	"strings"

	"streamdse/hardware"
	"streamdse/internal/diag"
)

// Generated is the name of a mapping that Generate makes.
const Generated = "generated"

// Generate writes a mapping file for an accelerator that comes without one, in the
// list format that Parse reads, to be saved and edited. The error is a diag.List;
// there is only one: that no core computes.
//
// Convolutions and matrix products may run on every core with an array for them,
// pooling on the pooling cores, all else on the vector cores. Where there are no
// such cores, the next best take the layers: vector cores pool, and arrays do
// everything. What a core is follows from its operator_types or, if it has none,
// from its name (pool; simd, vec, vpu, elementwise) or, as the last resort, from its
// array: a single row of units beside two-dimensional arrays is a vector core.
//
// Layers that are fused are cut into single rows, and the allocator decides how a
// layer is spread over cores.
func Generate(acc *hardware.Accelerator) ([]byte, error) {
	g := generator{acc: acc, roles: make([]role, len(acc.Cores))}
	two := slices.ContainsFunc(acc.Cores, func(c hardware.Core) bool { return rank(&c) > 1 })
	for i := range acc.Cores {
		g.roles[i] = roleOf(&acc.Cores[i], two)
		if i == acc.Offchip {
			g.roles[i] = storing
		}
	}
	all := g.with(matrix, pooling, vector)
	if len(all) == 0 {
		return nil, diag.List{{
			Message: fmt.Sprintf("no mapping can be generated for accelerator %q: none of its cores has processing elements", acc.Name),
			Hint:    "a core computes if its `operational_array` has sizes above 0",
		}}
	}
	g.comments()
	g.others(g.first(all, vector), all)
	for _, name := range matrixOperators() {
		dim := "D"
		if name == "Conv" {
			dim = "OY"
		}
		g.operator(name, dim, g.first(all, matrix), all)
	}
	for _, name := range poolingOperators() {
		g.operator(name, "OY", g.first(all, pooling, vector), all)
	}
	return []byte(g.out.String()), nil
}

// role is what a core is there for.
type role uint8

const (
	storing role = iota
	matrix
	pooling
	vector
)

func (r role) String() string {
	return [...]string{"only stores", "convolutions and matrix products", "pooling", "element-wise work"}[r]
}

func matrixOperators() []string { return []string{"Conv", "Gemm", "MatMul"} }

func poolingOperators() []string {
	return []string{"MaxPool", "AveragePool", "GlobalMaxPool", "GlobalAveragePool"}
}

// roleOf decides what a core is there for; two tells that there are
// two-dimensional arrays.
func roleOf(c *hardware.Core, two bool) role {
	takes := func(operators []string) bool {
		return slices.ContainsFunc(c.OperatorTypes, func(t string) bool { return slices.Contains(operators, t) })
	}
	named := func(parts ...string) bool {
		name := strings.ToLower(c.Name)
		return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(name, p) })
	}
	switch {
	case c.Units() == 0:
		return storing
	case c.OperatorTypes != nil && takes(matrixOperators()):
		return matrix
	case c.OperatorTypes != nil && takes(poolingOperators()) && !takes([]string{"Add", "Mul"}):
		return pooling
	case c.OperatorTypes != nil:
		return vector
	case named("pool"):
		return pooling
	case named("simd", "vec", "vpu", "elementwise"):
		return vector
	case two && rank(c) <= 1:
		return vector
	}
	return matrix
}

// rank is the number of dimensions in which an array has more than one unit.
func rank(c *hardware.Core) int {
	n := 0
	for _, size := range c.Sizes {
		if size > 1 {
			n++
		}
	}
	return n
}

// generator writes one mapping file.
type generator struct {
	acc   *hardware.Accelerator
	roles []role
	out   strings.Builder
}

// with lists the cores of the given roles.
func (g *generator) with(roles ...role) []int {
	var cores []int
	for i, r := range g.roles {
		if slices.Contains(roles, r) {
			cores = append(cores, i)
		}
	}
	return cores
}

// first lists the cores of the first role that any has, or all cores.
func (g *generator) first(all []int, roles ...role) []int {
	for _, r := range roles {
		if cores := g.with(r); len(cores) > 0 {
			return cores
		}
	}
	return all
}

// comments tells what was taken for what.
func (g *generator) comments() {
	fmt.Fprintf(&g.out, "# Where layers may run on %s, by operator type, as generated from its cores:\n", strings.Join(strings.Fields(g.acc.Name), " "))
	for _, r := range []role{matrix, pooling, vector} {
		cores := g.with(r)
		if len(cores) == 0 {
			continue
		}
		var names []string
		for _, c := range cores {
			if name := strings.Join(strings.Fields(g.acc.Cores[c].Name), " "); !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
		fmt.Fprintf(&g.out, "#   %s: %s (%s)\n", r, list(cores), strings.Join(names, ", "))
	}
	g.out.WriteString(`#
# Layers that are fused are cut into lines: one row of outputs (OY) or one row of a
# matrix (D) a tile. How a layer is split over cores is left to the allocator (*).
`)
}

// operator writes the entry of an operator: the cores of best that take it, else
// all that do. An operator that no core takes gets no entry.
func (g *generator) operator(name, dim string, best, all []int) {
	for _, candidates := range [][]int{best, all} {
		var cores []int
		for _, id := range candidates {
			if types := g.acc.Cores[id].OperatorTypes; types == nil || slices.Contains(types, name) {
				cores = append(cores, id)
			}
		}
		if len(cores) > 0 {
			g.entry(name, dim, cores)
			return
		}
	}
}

// others writes the default entry: the cores best, and those that say themselves
// which operators they take. If all of best say so, they may not take everything,
// and the cores that say nothing are added too.
func (g *generator) others(best, all []int) {
	choosy := func(id int) bool { return g.acc.Cores[id].OperatorTypes != nil }
	open := slices.ContainsFunc(best, func(id int) bool { return !choosy(id) })
	var cores []int
	for _, id := range all {
		if choosy(id) || !open || slices.Contains(best, id) {
			cores = append(cores, id)
		}
	}
	g.entry("default", "D", cores)
}

func (g *generator) entry(name, dim string, cores []int) {
	fmt.Fprintf(&g.out, "\n- name: %s\n  core_allocation: [%s]\n  intra_core_tiling: [\"%s, all\"]\n  inter_core_tiling: [\"K, *\"]\n", name, list(cores), dim)
}

// list writes core ids.
func list(cores []int) string {
	ids := make([]string, len(cores))
	for i, c := range cores {
		ids[i] = fmt.Sprint(c)
	}
	return strings.Join(ids, ", ")
}
