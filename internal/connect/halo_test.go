package connect

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"streamdse/internal/split"
	"streamdse/mapping"
	"streamdse/rules"
	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/workload"
)

// drawStack draws a residual chain of convolutions, all cut into the same number of
// tiles along the rows if that is possible.
func drawStack(t *rapid.T) (*workload.Workload, *mapping.Mapping, split.Stacks) {
	d := &draft{T: t}
	shape := []int{1, d.int(1, 2, "C"), d.int(4, 12, "IY"), d.int(2, 4, "IX")}
	d.tensors = []drafted{{workload.Source{Kind: workload.FromInput, Shape: shape}, shape}}
	for range d.int(2, 5, "layers") {
		x := d.tensors[len(d.tensors)-1]
		if x.shape[2] < 4 {
			break
		}
		if d.int(0, 3, "residual") == 0 {
			for _, u := range d.tensors[:len(d.tensors)-1] {
				if fmt.Sprint(u.shape) == fmt.Sprint(x.shape) {
					d.elementWise(x, u)
					break
				}
			}
			continue
		}
		d.conv(x)
	}
	if len(d.w.Layers) == 0 {
		d.conv(d.tensors[0])
	}
	rows := []workload.Dim{"OY", "D"}
	parts := d.int(2, 3, "tiles")
	m := &mapping.Mapping{RecomputeHalo: true, Entries: []mapping.Entry{{Name: "default", Cores: []int{0, 1}}}}
	for i := range d.w.Layers {
		l := &d.w.Layers[i]
		for _, dim := range rows {
			if l.HasDim(dim) {
				m.Cuts = append(m.Cuts, mapping.Cut{Layer: l.Name, Tiling: mapping.Tiling{Dim: dim, Parts: parts}})
			}
		}
		switch d.int(0, 3, "over cores") {
		case 0:
			m.Cuts = append(m.Cuts, mapping.Cut{Layer: l.Name, Inter: true, Tiling: mapping.Tiling{Dim: "K", Parts: 2}})
		case 1:
			if l.HasDim("C") {
				m.Cuts = append(m.Cuts, mapping.Cut{Layer: l.Name, Inter: true, Tiling: mapping.Tiling{Dim: "C", Parts: 2}})
			}
		}
	}
	return &d.w, m, split.Stacks{indices(len(d.w.Layers))}
}

// TestRecomputedHalos: whatever a node reads of another layer, it reads once, from
// nodes that compute it; and where tiles overlap, from the nodes of one tile.
func TestRecomputedHalos(t *testing.T) {
	overlaps := 0
	rapid.Check(t, func(t *rapid.T) {
		w, m, stacks := drawStack(t)
		g := build(t, w, m, stacks, rules.Default())
		for i := range g.Layers {
			l := &g.Layers[i]
			var work int64
			for _, n := range l.Nodes {
				tile := g.Tile(n)
				work += tile.MACs()
			}
			if extra := l.Recomputed(); extra < 0 || work != l.MACs()+extra {
				t.Fatalf("layer %s: its nodes do %d operations, of %d and %d anew", l.Name, work, l.MACs(), extra)
			}
			for k := range l.Operands {
				if source := l.Operands[k].Source; source.Kind == workload.FromLayer {
					if g.Layers[source.Layer].Recomputed() > 0 {
						overlaps++
					}
					checkReads(t, g, i, k)
				}
			}
		}
	})
	if overlaps < 20 {
		t.Errorf("only %d operands read tiles that overlap", overlaps)
	}
}

// TestExecutionOfRecomputedHalos executes fused layers whose tiles overlap: each comes
// to what its untiled layer does, wherever tiles hold the same elements.
func TestExecutionOfRecomputedHalos(t *testing.T) {
	overlaps, evictions, reductions := 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		w, m, stacks := drawStack(t)
		g, s := executedAtRandom(t, w, m, stacks)
		if s == nil {
			return
		}
		for i := range g.Layers {
			if g.Layers[i].Recomputed() == 0 {
				continue
			}
			overlaps++
			if slices.ContainsFunc(g.Layers[i].Nodes, func(n taskgraph.NodeID) bool { return !g.Nodes[n].Final }) {
				reductions++
			}
		}
		for _, x := range s.Transfers {
			if out := g.Tensors[x.Tensor]; x.Cause == schedule.Eviction && !out.Constant && g.Layers[out.Layer].Recomputed() > 0 {
				evictions++
			}
		}
	})
	if overlaps < 20 || evictions == 0 || reductions == 0 {
		t.Errorf("%d layers were executed whose tiles overlap, %d with reductions that are cut; %d of their results were evicted", overlaps, reductions, evictions)
	}
}

// checkReads looks at every element that the nodes of a layer read of an operand.
func checkReads(t *rapid.T, g *taskgraph.Graph, layer, operand int) {
	l := &g.Layers[layer]
	op := &l.Operands[operand]
	p := &g.Layers[op.Source.Layer]
	out := &p.Operands[0]
	// Both tensors have the same axes; channels of several dimensions are joined.
	flat := func(l *taskgraph.Layer, op *workload.Operand, at []int) (pos [4]int, inside bool) {
		first := 0
		for axis, end := range op.Axes {
			for i := first; i < end; i++ {
				size := l.IndexSize(op.Dims[i])
				if end-first == 1 {
					size = p.OutputShape[axis]
				}
				if at[i] < 0 || at[i] >= size {
					return pos, false
				}
				pos[axis] = pos[axis]*size + at[i]
			}
			first = end
		}
		return pos, true
	}
	computes := map[taskgraph.NodeID]map[[4]int]bool{}
	for _, n := range p.Nodes {
		set := map[[4]int]bool{}
		each(g.Tensors[g.Nodes[n].Operands[0]].Ranges, func(at []int) {
			pos, _ := flat(p, out, at)
			set[pos] = true
		})
		computes[n] = set
	}
	for _, n := range l.Nodes {
		read := map[[4]int]int{}
		eachRead(g, n, operand, func(at []int) {
			if pos, inside := flat(l, op, at); inside {
				read[pos] = 0
			}
		})
		bits := 0
		for e := range g.In(n) {
			if int(e.Operand) != operand {
				continue
			}
			bits += int(e.Bits)
			for pos := range computes[e.Src] {
				if _, ok := read[pos]; ok {
					read[pos]++
				}
			}
		}
		for pos, times := range read {
			if times == 0 {
				t.Fatalf("node %d of %s reads %v of %s, which no node that it depends on computes", g.Nodes[n].Sub, l.Name, pos, p.Name)
			}
		}
		if want := len(read) * 8; bits != want {
			t.Fatalf("node %d of %s reads %d bits of %s, want %d", g.Nodes[n].Sub, l.Name, bits, p.Name, want)
		}
	}
}
