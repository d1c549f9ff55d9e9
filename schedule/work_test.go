package schedule_test

import (
	"errors"
	"testing"

	"streamdse/hardware"
	"streamdse/rules"
	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/unit"
	"streamdse/workload"
)

// grid is a layer of 8 channels and 4 rows in 2x2 nodes: K fastest. Their runs begin
// at 10, 20, 30 and 40; nothing but their work is right.
type grid struct {
	layer taskgraph.Layer
	nodes []taskgraph.Node
}

func newGrid() *grid {
	g := &grid{layer: taskgraph.Layer{
		Layer:  &workload.Layer{Name: "conv", Dims: []workload.LoopDim{{Dim: "K", Size: 8}, {Dim: "OY", Size: 4}}, Operands: []workload.Operand{{Name: "O"}}},
		Memory: []hardware.MemoryOperand{hardware.O},
		Cuts: []taskgraph.Cut{
			{Starts: []int32{0, 4, 8}, Offset: []int32{0, 1}},
			{Starts: []int32{0, 2, 4}, Offset: []int32{0, 2}},
		},
	}}
	for _, oy := range []taskgraph.Range{{Hi: 2}, {Lo: 2, Hi: 4}} {
		for _, k := range []taskgraph.Range{{Hi: 4}, {Lo: 4, Hi: 8}} {
			g.add(k, oy)
		}
	}
	return g
}

func (g *grid) add(ranges ...taskgraph.Range) {
	n := taskgraph.NodeID(len(g.nodes))
	g.nodes = append(g.nodes, taskgraph.Node{Sub: int32(n), Final: true, Ranges: ranges, Operands: []taskgraph.TensorID{0}})
	g.layer.Nodes = append(g.layer.Nodes, n)
}

// recomputed has the rows overlap: the second two nodes do three of the four rows.
func (g *grid) recomputed(first, second taskgraph.Range) {
	g.layer.Cuts[1].Starts, g.layer.Cuts[1].Ends = []int32{first.Lo, second.Lo, 4}, []int32{first.Hi, second.Hi}
	for n := range g.nodes {
		g.nodes[n].Ranges[1] = []taskgraph.Range{first, second}[n/2]
	}
}

// verify returns the violation that Verify finds, which is another than that of work
// if the work is right.
func (g *grid) verify(t *testing.T, r rules.Rules) *schedule.Violation {
	t.Helper()
	graph := taskgraph.New([]taskgraph.Layer{g.layer}, g.nodes, []taskgraph.Tensor{{Bits: 1}}, nil)
	acc := newByHand(t).acc
	s := &schedule.Schedule{Latency: 50, Memories: make([]schedule.Curve, len(acc.Stores))}
	for n := range g.nodes {
		s.Tasks = append(s.Tasks, schedule.Task{Start: 10 * unit.Cycles(n+1), End: 10 * unit.Cycles(n+2)})
		s.Order = append(s.Order, taskgraph.NodeID(n))
	}
	elsewhere := &schedule.Allocation{Cores: [][]int{{1}}}
	err := schedule.Verify(graph, acc, schedule.NewCostTable(1, len(acc.Cores)), elsewhere, s, r)
	var broken *schedule.Violation
	if !errors.As(err, &broken) {
		t.Fatalf("Verify returned %v", err)
	}
	return broken
}

// TestVerifyWork: nodes do all of their layer, each part of it once.
func TestVerifyWork(t *testing.T) {
	const right = "node 0 of layer conv: runs on core 0, allocated to core 1" // what is wrong beside the work
	for _, c := range []struct {
		name   string
		node   taskgraph.NodeID
		time   unit.Cycles
		detail string
		change func(g *grid)
	}{
		{"right", 0, 10, right, func(g *grid) {}},
		{"nodes in another order", 0, 10, right, func(g *grid) {
			g.nodes[0].Ranges, g.nodes[3].Ranges = g.nodes[3].Ranges, g.nodes[0].Ranges
		}},
		{"outside", 3, 40, "node 3 of layer conv: its range [6, 10) of K is not within [0, 8)", func(g *grid) {
			g.nodes[3].Ranges[0] = taskgraph.Range{Lo: 6, Hi: 10}
		}},
		{"before the beginning", 0, 10, "node 0 of layer conv: its range [-4, 0) of K is not within [0, 8)", func(g *grid) {
			g.nodes[0].Ranges[0] = taskgraph.Range{Lo: -4, Hi: 0}
		}},
		{"nothing", 2, 30, "node 2 of layer conv: its range [2, 2) of OY is not within [0, 4)", func(g *grid) {
			g.nodes[2].Ranges[1] = taskgraph.Range{Lo: 2, Hi: 2}
		}},
		{"a double and a hole of one size", 3, 40, "node 3 of layer conv: it does what another node of its layer does", func(g *grid) {
			g.nodes[3].Ranges = g.nodes[2].Ranges
		}},
		{"a node more", 4, 50, "node 4 of layer conv: it does what another node of its layer does", func(g *grid) {
			g.add(g.nodes[1].Ranges...)
		}},
		{"a node less", -1, 50, "the 3 nodes of layer conv are too few for all combinations of their ranges", func(g *grid) {
			g.layer.Nodes, g.nodes = g.layer.Nodes[:3], g.nodes[:3]
		}},
		{"a node listed twice, another not", 2, 30, "node 2 of layer conv: it does what another node of its layer does", func(g *grid) {
			g.layer.Nodes = []taskgraph.NodeID{0, 1, 2, 2}
		}},
		{"a node that no layer lists", -1, 50, "the layers list 4 of 5 nodes", func(g *grid) {
			g.add(g.nodes[1].Ranges...)
			g.layer.Nodes = g.layer.Nodes[:4]
		}},
		{"a gap", -1, 50, "no node of layer conv does [3, 4) of K", func(g *grid) {
			g.nodes[0].Ranges[0].Hi, g.nodes[2].Ranges[0].Hi = 3, 3
		}},
		{"a gap at the end", -1, 50, "no node of layer conv does [7, 8) of K", func(g *grid) {
			g.nodes[1].Ranges[0].Hi, g.nodes[3].Ranges[0].Hi = 7, 7
		}},
		{"an overlap that no cut has", 2, 30, "node 2 of layer conv: its range [1, 4) of OY overlaps that of others, up to 2", func(g *grid) {
			g.nodes[2].Ranges[1].Lo, g.nodes[3].Ranges[1].Lo = 1, 1
		}},
		{"a halo that is recomputed", 0, 10, right, func(g *grid) {
			g.recomputed(taskgraph.Range{Hi: 2}, taskgraph.Range{Lo: 1, Hi: 4})
		}},
		{"halos that make parts equal", 0, 10, right, func(g *grid) {
			g.recomputed(taskgraph.Range{Hi: 4}, taskgraph.Range{Hi: 4})
		}},
		{"a halo too much", 3, 40, "node 3 of layer conv: its range [0, 4) of OY is no part of that dimension", func(g *grid) {
			g.recomputed(taskgraph.Range{Hi: 2}, taskgraph.Range{Lo: 1, Hi: 4})
			g.nodes[3].Ranges[1].Lo = 0
		}},
		{"recomputed twice instead of another", 3, 40, "node 3 of layer conv: it does what another node of its layer does", func(g *grid) {
			g.recomputed(taskgraph.Range{Hi: 4}, taskgraph.Range{Hi: 4})
			g.nodes[3].Ranges = g.nodes[2].Ranges
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newGrid()
			c.change(g)
			rule := schedule.RuleWork
			if c.detail == right {
				rule = schedule.RuleAllocation
			}
			got := g.verify(t, rules.Default())
			if got.Rule != rule || got.Node != c.node || got.Time != c.time || got.Detail != c.detail {
				t.Errorf("rule %q, node %d, cycle %d: %s\nwant rule %q, node %d, cycle %d: %s", got.Rule, got.Node, got.Time, got.Detail, rule, c.node, c.time, c.detail)
			}
			published := rules.Default()
			published.TilesEnlargeLayer = true
			if got := g.verify(t, published); got.Rule == schedule.RuleWork {
				t.Errorf("rules that enlarge layers: %v", got)
			}
		})
	}
}
