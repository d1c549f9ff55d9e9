package simulate

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"streamdse/internal/golden"
	"streamdse/rules"
)

// TestGolden2023 compares with runs of the scheduler of September 2023, whose graphs,
// runtimes and node energies are given: nodes, transfers, links, memory curves, latency
// and energies.
func TestGolden2023(t *testing.T) {
	f := golden.Load2023(t)
	if len(f.Cases) != 7 {
		t.Errorf("%d cases", len(f.Cases))
	}
	for _, name := range slices.Sorted(maps.Keys(f.Cases)) {
		t.Run(name, func(t *testing.T) {
			c := f.Cases[name]
			acc := goldenAccelerator(t, f.Accelerators[c.Inputs.Accelerator])
			for pair, want := range c.CorePaths {
				var from, to int
				if _, err := fmt.Sscanf(pair, "%d->%d", &from, &to); err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(want, acc.Hops(from, to)); d != "" {
					t.Errorf("path %s: %s", pair, d)
				}
			}
			g := newGoldenCase(t, acc, c, rules.Reference2023())
			g.regroup(c)
			switch c.Inputs.Selection {
			case "latency":
				g.problem.Priority, g.problem.EarliestReady = Ascending(g.problem.Graph), true
			case "memory":
				g.problem.Priority = Deepest(g.problem.Graph)
			default:
				t.Fatalf("selection %q", c.Inputs.Selection)
			}
			slices.SortStableFunc(c.Memories, func(a, b golden.Memory) int { // they are listed by core
				return slices.Index(acc.CoreOrder, a.Cores[0]) - slices.Index(acc.CoreOrder, b.Cores[0])
			})
			g.compare(t, c, run(t, g.problem, g.alloc))
		})
	}
}

// regroup gives the nodes the groups of the run, which its order looks at.
func (g *goldenCase) regroup(c *golden.Case) {
	graph := g.problem.Graph
	for l := range graph.Layers {
		graph.Layers[l].Groups = 0
		g.alloc.Cores[l] = nil
	}
	for n := range graph.Nodes {
		node := &graph.Nodes[n]
		layer := &graph.Layers[node.Layer]
		i := slices.IndexFunc(c.Nodes, func(cn golden.Node) bool { return cn.Layer == layer.ID && cn.Sub == int(node.Sub) })
		node.Group = int32(c.Nodes[i].Group)
		for layer.Groups <= c.Nodes[i].Group {
			layer.Groups++
			g.alloc.Cores[node.Layer] = append(g.alloc.Cores[node.Layer], c.Nodes[i].Core)
		}
	}
}
