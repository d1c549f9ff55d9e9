package simulate

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"streamdse/internal/connect/connecttest"
	"streamdse/internal/split"
	"streamdse/mapping"
	"streamdse/rules"
	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/unit"
	"streamdse/workload"
)

// drawReduction draws a chain of convolutions over the rows of an image, cut at
// random over and within cores, reductions included.
func drawReduction(t *rapid.T, cores []int) *taskgraph.Graph {
	w := &workload.Workload{}
	m := &mapping.Mapping{}
	size := func(what string, most int) int { return rapid.IntRange(1, most).Draw(t, what) }
	channels, rows := size("channels", 6), size("rows", 5)+2
	source := workload.Source{Kind: workload.FromInput}
	for i := range size("layers", 3) {
		k, fy := size("K", 6), size("FY", 2)
		oy := rows - fy + 1
		dims := []workload.LoopDim{{Dim: "K", Size: k}, {Dim: "C", Size: channels}, {Dim: "OY", Size: oy}, {Dim: "FY", Size: fy}}
		w.Layers = append(w.Layers, workload.Layer{
			ID: i, Name: fmt.Sprint("conv", i), Type: "Conv", Dims: dims,
			Relations: []workload.Relation{{Index: "IY", A: "OY", B: "FY", CoefA: 1, CoefB: 1, Size: rows}},
			Operands: []workload.Operand{
				{Name: "O", Dims: []workload.Dim{"K", "OY"}, Axes: []int{1, 2}, Bits: 16, FinalBits: 8},
				{Name: "W", Dims: []workload.Dim{"K", "C", "FY"}, Axes: []int{1, 2, 3}, Bits: 8, FinalBits: 8, Source: workload.Source{Kind: workload.FromConstant}},
				{Name: "I", Dims: []workload.Dim{"C", "IY"}, Axes: []int{1, 2}, Bits: 8, FinalBits: 8, Source: source},
			},
			OutputShape: []int{k, oy},
		})
		e := mapping.Entry{Name: fmt.Sprint("conv", i), Cores: cores}
		for range size("intra", 3) - 1 {
			e.Intra = append(e.Intra, mapping.Tiling{Dim: rapid.SampledFrom(dims).Draw(t, "dim").Dim, Parts: size("parts", 3)})
		}
		for range size("inter", 3) - 1 {
			e.Inter = append(e.Inter, mapping.Tiling{Dim: rapid.SampledFrom(dims).Draw(t, "dim").Dim, Parts: size("parts", 3)})
		}
		m.Entries = append(m.Entries, e)
		source = workload.Source{Kind: workload.FromLayer, Layer: i}
		channels, rows = k, oy
		if rows < 2 {
			break
		}
	}
	var stack []int
	for i := range w.Layers {
		stack = append(stack, i)
	}
	return connecttest.Graph(t, w, m, split.Stacks{stack}, rules.Default())
}

// TestReductionsOverCores cuts reductions over cores at random. The schedules keep
// all rules, and the partial sums that move are those that follow from looking at
// every element: for each, one partial sum from every group that contributes to it
// and runs on another core than the node that finishes it, to that core, and none
// within a core.
func TestReductionsOverCores(t *testing.T) {
	acc := chip{cores: 4, size: 1 << 20, links: []string{"0, 1", "1, 2", "2, 3", "3, 0", "0, 2", "1, 3"}}.build(t)
	moved := 0
	rapid.Check(t, func(t *rapid.T) {
		cores := []int{0, 1, 2, 3}
		g := drawReduction(t, cores)
		costs := schedule.NewCostTable(len(g.Classes), len(acc.Cores))
		for c := range g.Classes {
			for _, core := range cores {
				*costs.At(int32(c), core) = schedule.NodeCost{Feasible: true, Runtime: unit.Cycles(rapid.IntRange(0, 60).Draw(t, "runtime")), Onchip: 1}
			}
		}
		alloc := &schedule.Allocation{}
		for i := range g.Layers {
			var groups []int
			for range g.Layers[i].Groups {
				groups = append(groups, rapid.SampledFrom(cores).Draw(t, "core"))
			}
			alloc.Cores = append(alloc.Cores, groups)
		}
		p := Problem{Graph: g, Accelerator: acc, Costs: costs, Priority: Order(g, nil), Rules: rules.Default()}
		s := checkRandom(t, p, alloc)
		if s == nil {
			t.Fatal("there is no schedule, with room for everything")
		}
		var got unit.Bits
		for _, x := range s.Transfers {
			if tensor := &g.Tensors[x.Tensor]; tensor.Operand == 0 && !g.Nodes[tensor.Origin].Final {
				got += x.Bits
			}
		}
		if want := sumsBetweenCores(g, alloc); got != want {
			t.Fatalf("%d bits of partial sums move, want %d", got, want)
		}
		if got > 0 {
			moved++
		}
	})
	if moved == 0 {
		t.Error("no partial sum has ever moved")
	}
}

// sumsBetweenCores counts the bits of partial sums that have to move, element by
// element.
func sumsBetweenCores(g *taskgraph.Graph, alloc *schedule.Allocation) unit.Bits {
	var bits unit.Bits
	for i := range g.Layers {
		l := &g.Layers[i]
		for k := range int32(l.Size("K")) {
			for oy := range int32(l.Size("OY")) {
				finish := -1
				contributing := map[int32]bool{}
				for _, n := range l.Nodes {
					node := &g.Nodes[n]
					r := node.Ranges // K C OY FY
					if k < r[0].Lo || k >= r[0].Hi || oy < r[2].Lo || oy >= r[2].Hi {
						continue
					}
					contributing[node.Group] = true
					if int(r[1].Hi) == l.Size("C") && int(r[3].Hi) == l.Size("FY") {
						finish = alloc.Core(node)
					}
				}
				for group := range contributing {
					if alloc.Cores[i][group] != finish {
						bits += 16
					}
				}
			}
		}
	}
	return bits
}
