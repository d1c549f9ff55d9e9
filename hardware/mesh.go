package hardware

import (
	"fmt"
	"math"
	"slices"

	"streamdse/internal/yamldoc"
)

// meshed reads an accelerator in the format of July to September 2024, in which
// a grid of cores is described by its size.
func (r *reader) meshed(root *yamldoc.Node) *Accelerator {
	f, ok := root.Fields(yamldoc.Spec{Required: []string{"name", "cores", "graph"}})
	if !ok {
		return nil
	}
	a := &Accelerator{Offchip: -1}
	a.Name, _ = f.Get("name").Text()
	complete := true
	for _, n := range f.Get("cores").List() {
		if len(a.Cores) == maxCores {
			n.Problem(fmt.Sprintf("more than %d cores", maxCores), "", "")
			return nil
		}
		complete = r.addCore(a, n) && complete
	}
	x, ok := f.Get("graph").Fields(yamldoc.Spec{
		Required: []string{"type", "bandwidth"},
		Optional: []string{"nb_rows", "nb_cols", "unit_energy_cost", "pooling_core_id", "simd_core_id", "offchip_core_id"},
	})
	if !ok {
		return nil
	}
	if t := x.Get("type"); t != nil {
		if s, _ := t.OneOf("2d_mesh", "bus"); s == "bus" {
			t.Problem("a graph of type bus is not supported", "2d_mesh", "use `core_connectivity` with an entry {type: bus, cores: [...], bandwidth: ...}")
			return nil
		}
	}
	special := map[string]int{}
	taken := map[int]string{}
	for _, key := range []string{"pooling_core_id", "simd_core_id", "offchip_core_id"} {
		special[key] = -1
		v := x.Get(key)
		if v == nil {
			continue
		}
		id, ok := v.Int(0)
		switch {
		case !ok:
			complete = false
		case id >= int64(len(a.Cores)):
			v.Problem(fmt.Sprintf("there is no core %d", id), idRange(len(a.Cores)), "")
			complete = false
		case taken[int(id)] != "":
			v.Problem(fmt.Sprintf("core %d is `%s` already", id, taken[int(id)]), "", "")
			complete = false
		default:
			special[key], taken[int(id)] = int(id), key
		}
	}
	a.Offchip = special["offchip_core_id"]
	if a.Offchip < 0 {
		if x.Get("offchip_core_id") == nil {
			f.Get("graph").Problem("the accelerator has no off-chip memory", "", "name its core with `offchip_core_id`")
		}
		return nil
	}
	var grid []int
	for id := range a.Cores {
		if taken[id] == "" {
			grid = append(grid, id)
		}
	}
	rows, rowsOK := x.Get("nb_rows").Int(1)
	cols, colsOK := x.Get("nb_cols").Int(1)
	if !rowsOK || !colsOK {
		if x.Get("nb_rows") == nil || x.Get("nb_cols") == nil {
			f.Get("graph").Problem("a mesh needs `nb_rows` and `nb_cols`", "", "")
		}
		return nil
	}
	if rows > maxCores || cols > maxCores || rows*cols != int64(len(grid)) {
		f.Get("graph").Problem(fmt.Sprintf("%d rows and %d columns for %d cores", rows, cols, len(grid)),
			"as many places as cores besides pooling, SIMD and off-chip", "")
		return nil
	}
	g := graph{acc: a, topology: newTopology(len(a.Cores))}
	g.bandwidth, _ = x.Get("bandwidth").Positive()
	g.energy, _ = x.Get("unit_energy_cost").Float(0)
	if !complete || !r.checkOffchip(a) {
		return nil
	}
	if a.Cores[a.Offchip].Kind == "memory" {
		a.Cores[a.Offchip].Kind = "offchip"
	}
	g.mesh(grid, int(rows), int(cols), special["pooling_core_id"], special["simd_core_id"])
	leader := make([]int, len(a.Cores))
	for i := range leader {
		leader[i] = i
	}
	g.finish(leader)
	return a
}

// mesh connects a grid of cores, filled column by column, and the cores beside
// it; pooling and simd are -1 if there is none.
func (g *graph) mesh(grid []int, rows, cols, pooling, simd int) {
	at := func(row, col int) int { return grid[col*rows+row] }
	line := func(cores []int) {
		for i := 1; i < len(cores); i++ {
			g.link(cores[i-1], cores[i], g.bandwidth, g.energy)
		}
	}
	both := func(cores []int) {
		line(cores)
		slices.Reverse(cores)
		line(cores)
	}
	for row := range rows {
		var cores []int
		for col := range cols {
			cores = append(cores, at(row, col))
		}
		both(cores)
	}
	for col := range cols {
		both(slices.Clone(grid[col*rows : (col+1)*rows]))
	}
	beside := func(helper int, cores []int, bandwidth, energy float64) {
		for _, c := range cores {
			g.link(c, helper, bandwidth, energy)
			g.link(helper, c, bandwidth, energy)
		}
	}
	others := slices.Clone(grid)
	if pooling >= 0 {
		beside(pooling, others, g.bandwidth, g.energy)
		others = append(others, pooling)
	}
	if simd >= 0 {
		beside(simd, others, math.Inf(1), 0)
		others = append(others, simd)
	}
	g.connectOffchip(others)
	for i, id := range grid {
		g.acc.Cores[id].Position = &Position{Column: i / rows, Row: i % rows}
	}
}
