package hardware

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"streamdse/internal/yamldoc"
	"streamdse/unit"
)

// meshed reads an accelerator in the format of July to September 2024, in which
// a grid of cores is described by its size, or cores have one bus.
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
		Optional: []string{"nb_rows", "nb_cols", "unit_energy_cost", "energy_per_bit", "pooling_core_id", "simd_core_id", "offchip_core_id"},
	})
	if !ok {
		return nil
	}
	kind, ok := x.Get("type").OneOf("2d_mesh", "bus")
	if !ok {
		return nil
	}
	special, named := specialCores(x, len(a.Cores))
	complete = named && complete
	a.Offchip = special["offchip_core_id"]
	if a.Offchip < 0 {
		if x.Get("offchip_core_id") == nil {
			f.Get("graph").Problem("the accelerator has no off-chip memory", "", "name its core with `offchip_core_id`")
		}
		return nil
	}
	beside := slices.Collect(maps.Values(special))
	var grid []int
	for id := range a.Cores {
		if !slices.Contains(beside, id) {
			grid = append(grid, id)
		}
	}
	var rows, cols int
	if kind == "2d_mesh" {
		if rows, cols, ok = gridSize(f.Get("graph"), x, len(grid)); !ok {
			return nil
		}
	}
	g := graph{acc: a, topology: newTopology(len(a.Cores))}
	g.common.read(x)
	if !complete || !r.checkOffchip(a) {
		return nil
	}
	if a.Cores[a.Offchip].Kind == "memory" {
		a.Cores[a.Offchip].Kind = "offchip"
	}
	if kind == "2d_mesh" {
		g.mesh(grid, rows, cols)
	} else if len(grid) > 1 {
		g.bus(grid, g.common)
	}
	g.beside(grid, special["pooling_core_id"], special["simd_core_id"])
	leader := make([]int, len(a.Cores))
	for i := range leader {
		leader[i] = i
	}
	g.finish(leader)
	return a
}

// specialCores are the ids of the cores beside the mesh by the keys that name them, -1
// where a key is absent. It is false if there are no such cores, or one of them twice.
func specialCores(x yamldoc.Fields, cores int) (special map[string]int, ok bool) {
	special, ok = map[string]int{}, true
	taken := map[int]string{}
	for _, key := range []string{"pooling_core_id", "simd_core_id", "offchip_core_id"} {
		special[key] = -1
		v := x.Get(key)
		if v == nil {
			continue
		}
		id, isNumber := v.Int(0)
		switch {
		case !isNumber:
			ok = false
		case id >= int64(cores):
			v.Problem(fmt.Sprintf("there is no core %d", id), idRange(cores), "")
			ok = false
		case taken[int(id)] != "":
			v.Problem(fmt.Sprintf("core %d is `%s` already", id, taken[int(id)]), "", "")
			ok = false
		default:
			special[key], taken[int(id)] = int(id), key
		}
	}
	return special, ok
}

// gridSize reads how many rows and columns the mesh of a graph has, which must make up
// a number of cores.
func gridSize(graph *yamldoc.Node, x yamldoc.Fields, cores int) (rows, cols int, ok bool) {
	r, rowsOK := x.Get("nb_rows").Int(1)
	c, colsOK := x.Get("nb_cols").Int(1)
	switch {
	case x.Get("nb_rows") == nil || x.Get("nb_cols") == nil:
		graph.Problem("a mesh needs `nb_rows` and `nb_cols`", "", "")
		return 0, 0, false
	case !rowsOK || !colsOK:
		return 0, 0, false
	case r > maxCores || c > maxCores || r*c != int64(cores):
		graph.Problem(fmt.Sprintf("%d rows and %d columns for %d cores", r, c, cores),
			"as many places as cores besides pooling, SIMD and off-chip", "")
		return 0, 0, false
	}
	return int(r), int(c), true
}

// mesh connects a grid of cores, filled column by column.
func (g *graph) mesh(grid []int, rows, cols int) {
	at := func(row, col int) int { return grid[col*rows+row] }
	line := func(cores []int) {
		for i := 1; i < len(cores); i++ {
			g.link(cores[i-1], cores[i], g.common)
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
	for i, id := range grid {
		g.acc.Cores[id].Position = &Position{Column: i / rows, Row: i % rows}
	}
}

// beside connects the other cores: those for pooling and SIMD, -1 if there is none,
// and the off-chip core.
func (g *graph) beside(grid []int, pooling, simd int) {
	join := func(helper int, cores []int, s speed) {
		for _, c := range cores {
			g.link(c, helper, s)
			g.link(helper, c, s)
		}
	}
	others := slices.Clone(grid)
	if pooling >= 0 {
		join(pooling, others, g.common)
		others = append(others, pooling)
	}
	if simd >= 0 {
		join(simd, others, speed{bandwidth: unit.BitsPerCycle(math.Inf(1))})
		others = append(others, simd)
	}
	g.connectOffchip(others)
}
