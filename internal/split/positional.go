package split

import (
	"fmt"
	"slices"

	"streamdse/internal/diag"
	"streamdse/mapping"
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
// first one that no group has named yet, and the size of a tile there; the other layers of the stack follow it: along the same axis of their outputs
// they are cut into as many tiles. A tiling of a reduction has no such axis and
// stays with its layer.
func groupTilings(w *workload.Workload, m *mapping.Mapping, stacks Stacks, problems *diag.List) [][]mapping.Tiling {
	tilings := make([][]mapping.Tiling, len(w.Layers))
	for _, group := range m.Groups {
		for _, tile := range group.Tiles {
			leader := slices.IndexFunc(w.Layers, func(l workload.Layer) bool { return l.Name == tile.Layer })
			for i := 0; leader < 0 && i < len(w.Layers); i++ {
				if w.Layers[i].Type == tile.Layer && len(tilings[i]) == 0 {
					leader = i
				}
			}
			if leader < 0 {
				if !folded(w, tile.Layer) {
					problems.Add(diag.Problem{
						Message: fmt.Sprintf("fusion group %q sets a tile of %q, which is no layer", group.Name, tile.Layer),
						Hint:    "`stream inspect` lists the layers",
					})
				}
				continue
			}
			l := &w.Layers[leader]
			loop, ok := loopOf(l, tile.Dim)
			if !ok {
				problems.Add(diag.Problem{
					Message: fmt.Sprintf("fusion group %q sets a tile of %s, which layer %q does not have", group.Name, tile.Dim, l.Name),
					Allowed: fmt.Sprintf("D0 to D%d, which are %v", len(iterationSpace(l))-1, iterationSpace(l)),
				})
				continue
			}
			dim := l.Dims[loop]
			tilings[leader] = append(tilings[leader], mapping.Tiling{Dim: dim.Dim, Parts: tile.Parts, Size: tile.Size})
			parts := (dim.Size + tile.Parts - 1) / tile.Parts
			for _, i := range stackOf(stacks, leader) {
				if follower, ok := sameAxis(l, dim.Dim, &w.Layers[i]); ok && i != leader {
					tilings[i] = append(tilings[i], mapping.Tiling{Dim: follower, Parts: parts})
				}
			}
		}
	}
	return tilings
}

func stackOf(stacks Stacks, layer int) []int {
	for _, s := range stacks {
		if slices.Contains(s, layer) {
			return s
		}
	}
	return nil
}

// sameAxis is the loop of layer to that runs along the axis of its output along
// which loop d of layer from runs in its output.
func sameAxis(from *workload.Layer, d workload.Dim, to *workload.Layer) (workload.Dim, bool) {
	a, b := &from.Operands[0], &to.Operands[0]
	at := slices.Index(a.Dims, d)
	if at < 0 || len(a.Axes) != len(b.Axes) {
		return "", false
	}
	axis := slices.IndexFunc(a.Axes, func(end int) bool { return at < end })
	first := 0
	if axis > 0 {
		first = b.Axes[axis-1]
	}
	dims := b.Dims[first:b.Axes[axis]]
	for i := len(dims) - 1; i >= 0; i-- {
		if to.Size(dims[i]) > 1 {
			return dims[i], true
		}
	}
	return "", false
}
