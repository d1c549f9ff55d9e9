package split

import (
	"fmt"
	"slices"

	"streamdse/internal/diag"
	"streamdse/mapping"
	"streamdse/rules"
	"streamdse/workload"
)

// iterationSpace lists a layer's loops in the order in which mapping files of
// 2026 number them, D0, D1, ...: the loops that index the axes of input I, the
// outer loop of an index dimension before all kernel loops, and then those that
// only other operands have. For a convolution that is B, C, OY, OX, FY, FX, K; for
// a pooling layer B, K, OY, OX, FY, FX; for a matrix product D, C, K. A group loop
// of size 1 is not counted.
func iterationSpace(l *workload.Layer) []workload.Dim {
	var order []workload.Dim
	add := func(d workload.Dim) {
		if l.HasDim(d) && !slices.Contains(order, d) && (d != "G" || l.Size(d) > 1) {
			order = append(order, d)
		}
	}
	operands := slices.Clone(l.Operands)
	slices.SortStableFunc(operands, func(a, b workload.Operand) int { return inputRank(a.Name) - inputRank(b.Name) })
	for _, op := range operands {
		var kernel []workload.Dim
		for _, d := range op.Dims {
			if r := l.Relation(d); r != nil {
				add(r.A)
				kernel = append(kernel, r.B)
				continue
			}
			add(d)
		}
		for _, d := range kernel {
			add(d)
		}
	}
	return order
}

// inputRank puts input I first and the output last.
func inputRank(operand string) int {
	switch operand {
	case "I":
		return 0
	case "O":
		return 2
	}
	return 1
}

// loopOf is the index of the loop that a tiling names, by its name or else by its
// position in the iteration space.
func loopOf(l *workload.Layer, d workload.Dim) (int, bool) {
	if i, ok := mapping.Position(d); ok && !l.HasDim(d) {
		space := iterationSpace(l)
		if i >= len(space) {
			return 0, false
		}
		d = space[i]
	}
	i := slices.IndexFunc(l.Dims, func(x workload.LoopDim) bool { return x.Dim == d })
	return i, i >= 0
}

// groupTilings returns for each layer the tilings that the fusion groups of a
// mapping file set. A group names one of its layers, or the operator type of the
// first one that no group has named yet, and the size of a tile there. The loop
// stands for an axis of the data that the stack hands on (see fusedAxis): all its
// layers are cut along it into as many tiles. Where the axis is spread over cores, the
// size is that of one core's part of a tile: 16 elements on each of 32 cores are a
// tile of 512. notes tell where that is so.
func groupTilings(w *workload.Workload, m *mapping.Mapping, stacks Stacks, r rules.Rules, problems, notes *diag.List) [][]mapping.Tiling {
	tilings := make([][]mapping.Tiling, len(w.Layers))
	for _, group := range m.Groups {
		for _, tile := range group.Tiles {
			leader := leaderOf(w, tile.Layer, tilings)
			if leader < 0 {
				if !folded(w, tile.Layer) {
					problems.Add(diag.Problem{
						File: group.File, Line: group.Line,
						Message: fmt.Sprintf("fusion group %q sets a tile of %q, which is no layer", group.Name, tile.Layer),
						Hint:    nearLayer(w, tile.Layer),
					})
				}
				continue
			}
			l := &w.Layers[leader]
			loop, ok := loopOf(l, tile.Dim)
			if !ok {
				problems.Add(diag.Problem{
					File: group.File, Line: group.Line,
					Message: fmt.Sprintf("fusion group %q sets a tile of %s, which layer %q does not have", group.Name, tile.Dim, l.Name),
					Allowed: fmt.Sprintf("D0 to D%d, which are %v", len(iterationSpace(l))-1, iterationSpace(l)),
				})
				continue
			}
			axis := fusedAxis(w, stackOf(stacks, leader), axisLoop{leader, loop})
			cores := 1
			for _, x := range axis {
				cores = max(cores, coresAlong(w, m, r, x))
			}
			dim := l.Dims[loop]
			size := min(tile.Parts*cores, dim.Size)
			if cores > 1 && size > tile.Parts {
				notes.Add(diag.Problem{
					File: group.File, Line: group.Line,
					Message: fmt.Sprintf("fusion group %q: the tile of %d along %s.%s is read as that of each of the %d cores that the axis is spread over: %s is cut into tiles of %d",
						group.Name, tile.Parts, l.Name, tile.Dim, cores, dim.Dim, size),
					Hint: "the format does not say it; the comments of the published mappings reckon so",
				})
			}
			tilings[leader] = append(tilings[leader], mapping.Tiling{Dim: dim.Dim, Parts: size, Size: tile.Size})
			for _, x := range axis {
				if x.layer != leader {
					tilings[x.layer] = append(tilings[x.layer], mapping.Tiling{Dim: w.Layers[x.layer].Dims[x.loop].Dim, Parts: (dim.Size + size - 1) / size})
				}
			}
		}
	}
	return tilings
}

// leaderOf finds the layer that a tile of a fusion group is given for, -1 if there is
// none.
func leaderOf(w *workload.Workload, name string, tilings [][]mapping.Tiling) int {
	if i := slices.IndexFunc(w.Layers, func(l workload.Layer) bool { return l.Name == name }); i >= 0 {
		return i
	}
	for i := range w.Layers {
		if w.Layers[i].Type == name && len(tilings[i]) == 0 {
			return i
		}
	}
	return -1
}

func stackOf(stacks Stacks, layer int) []int {
	for _, s := range stacks {
		if slices.Contains(s, layer) {
			return s
		}
	}
	return nil
}

// coresAlong is into how many parts a loop is cut over cores.
func coresAlong(w *workload.Workload, m *mapping.Mapping, r rules.Rules, x axisLoop) int {
	l := &w.Layers[x.layer]
	n := 1
	if m.Lookup(l) != nil {
		for _, q := range spread(w, l, m, r) {
			if q.dim == x.loop {
				n *= q.parts
			}
		}
	}
	return n
}

// axisLoop is a loop of a layer, by their indices.
type axisLoop struct{ layer, loop int }

// fusedAxis lists the loops of a stack's layers that run along the same axis of the
// data that they hand on to each other, the given one first. A loop that the output
// of a layer has runs along an axis of it; a layer that reads the output reads that
// axis by a loop of its own, which may be a reduction: the columns of a matrix product
// are the inner dimension of the next one. A window follows the loop that moves it.
func fusedAxis(w *workload.Workload, stack []int, from axisLoop) []axisLoop {
	found := []axisLoop{from}
	add := func(layer int, op *workload.Operand, axis int) {
		if loop, ok := loopAlong(&w.Layers[layer], op, axis); ok && !slices.ContainsFunc(found, func(x axisLoop) bool { return x.layer == layer }) {
			found = append(found, axisLoop{layer, loop})
		}
	}
	for next := 0; next < len(found); next++ {
		x := found[next]
		l := &w.Layers[x.layer]
		for k := 1; k < len(l.Operands); k++ { // towards what it reads
			op := &l.Operands[k]
			if axis, ok := axisAlong(l, op, x.loop); ok {
				for _, s := range op.Source.Origins() {
					if s.Kind == workload.FromLayer && slices.Contains(stack, s.Layer) && keepsAxis(s.Via, axis) {
						add(s.Layer, &w.Layers[s.Layer].Operands[0], axis)
					}
				}
			}
		}
		axis, ok := axisAlong(l, &l.Operands[0], x.loop)
		for _, reader := range stack { // and towards what reads it
			for k := 1; ok && k < len(w.Layers[reader].Operands); k++ {
				op := &w.Layers[reader].Operands[k]
				for _, s := range op.Source.Origins() {
					if s.Kind == workload.FromLayer && s.Layer == x.layer && keepsAxis(s.Via, axis) {
						add(reader, op, axis)
					}
				}
			}
		}
	}
	return found
}

// keepsAxis tells whether data that is moved has the same elements along an axis.
func keepsAxis(via []workload.Movement, axis int) bool {
	return !slices.ContainsFunc(via, func(m workload.Movement) bool {
		return m.Kind != workload.Transparent && (m.Kind != workload.Select || m.Axis == axis)
	})
}

// axisAlong is the axis of an operand along which a loop runs.
func axisAlong(l *workload.Layer, op *workload.Operand, loop int) (axis int, ok bool) {
	d := l.Dims[loop].Dim
	at := slices.IndexFunc(op.Dims, func(x workload.Dim) bool {
		r := l.Relation(x)
		return x == d || r != nil && r.A == d
	})
	axis = slices.IndexFunc(op.Axes, func(end int) bool { return at < end })
	return axis, at >= 0 && axis >= 0
}

// loopAlong is the innermost loop, of more than one element, that runs along an axis of
// an operand.
func loopAlong(l *workload.Layer, op *workload.Operand, axis int) (loop int, ok bool) {
	if axis >= len(op.Axes) {
		return 0, false
	}
	first := 0
	if axis > 0 {
		first = op.Axes[axis-1]
	}
	for _, d := range slices.Backward(op.Dims[first:op.Axes[axis]]) {
		if r := l.Relation(d); r != nil {
			d = r.A
		}
		if i := slices.IndexFunc(l.Dims, func(x workload.LoopDim) bool { return x.Dim == d }); i >= 0 && l.Dims[i].Size > 1 {
			return i, true
		}
	}
	return 0, false
}

// Readings tells how the fusion groups of a mapping file are read where the format
// leaves it open: which layers a group takes by their type beside those that it names,
// and of which size a tile along an axis is that is spread over cores.
func Readings(w *workload.Workload, m *mapping.Mapping, r rules.Rules) diag.List {
	lists, between, err := named(w, m.Groups)
	if err != nil {
		return nil // who makes the stacks reports it
	}
	stacks, err := complete(w, lists)
	if err != nil {
		return nil
	}
	var problems, notes diag.List
	var more *diag.Problem
	others := 0
	for i, group := range m.Groups {
		switch {
		case between[i] == 0:
		case more != nil:
			others++
		default:
			list := slices.Sorted(slices.Values(lists[i]))
			more = &diag.Problem{
				File: group.File, Line: group.Line,
				Message: fmt.Sprintf("fusion group %q names operator types: it is read as all layers of these types from %q to %q, %d in all",
					group.Name, w.Layers[list[0]].Name, w.Layers[list[len(list)-1]].Name, len(list)),
				Hint: "`choice` in the result's mapping.yaml has the stacks as they are read; name the layers to fuse others",
			}
		}
	}
	if more != nil {
		if others > 0 {
			more.Message += fmt.Sprintf("; and so are %d more groups", others)
		}
		notes.Add(*more)
	}
	groupTilings(w, m, stacks, r, &problems, &notes)
	return notes
}
