package taskgraph

import (
	"cmp"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"streamdse/unit"
)

// TestBuilder compares graphs whose nodes share rows of edges with graphs that have
// each edge by itself.
func TestBuilder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var first []NodeID
		var nodes []Node
		for l := range rapid.IntRange(1, 4).Draw(t, "layers") {
			first = append(first, NodeID(len(nodes)))
			for range rapid.IntRange(1, 8).Draw(t, "nodes") {
				nodes = append(nodes, Node{Layer: int32(l)})
			}
		}
		end := func(l int) NodeID { return append(first, NodeID(len(nodes)))[l+1] }
		b := NewBuilder(nil, nodes, nil)
		var edges []Edge
		for c := range first {
			for p := range c { // edges within a layer are no different
				var rows []RowID
				var of []RowID
				var lists [][]End
				for range rapid.IntRange(0, 4).Draw(t, "rows") {
					var row []End
					for range rapid.IntRange(0, 5).Draw(t, "sources") {
						src := first[p] + NodeID(rapid.IntRange(0, int(end(p)-first[p])-1).Draw(t, "source"))
						load := Payload{1, 0, unit.Bits(rapid.IntRange(1, 2).Draw(t, "bits"))}
						row = append(row, End{src, b.Payload(load)})
					}
					slices.SortStableFunc(row, func(x, y End) int { return cmp.Compare(x.Node, y.Node) })
					rows, lists = append(rows, b.Row(row)), append(lists, row)
				}
				for n := first[c]; n < end(c); n++ {
					k := rapid.IntRange(-1, len(rows)-1).Draw(t, "row")
					if k < 0 {
						of = append(of, NoRow)
						continue
					}
					of = append(of, rows[k])
					for _, e := range lists[k] {
						load := b.known.list[e.Payload]
						edges = append(edges, Edge{e.Node, n, load.Operand, load.Part, load.Bits})
					}
				}
				b.Join(first[p], first[c], of)
			}
		}
		got, want := b.Graph(), New(nil, nodes, nil, slices.Clone(edges))
		if got.EdgeCount() != len(edges) || want.EdgeCount() != len(edges) {
			t.Fatalf("%d and %d edges, want %d", got.EdgeCount(), want.EdgeCount(), len(edges))
		}
		for i := range nodes {
			n := NodeID(i)
			if g, w := slices.Collect(got.In(n)), slices.Collect(want.In(n)); !slices.Equal(g, w) || got.InDegree(n) != len(w) {
				t.Fatalf("into %d: %v, want %v", n, g, w)
			}
			if g, w := slices.Collect(got.Out(n)), slices.Collect(want.Out(n)); !slices.Equal(g, w) || got.OutDegree(n) != len(w) {
				t.Fatalf("out of %d: %v, want %v", n, g, w)
			}
		}
	})
}

// TestRowsAreShared checks that all pairs of two sets of nodes take a row each way.
func TestRowsAreShared(t *testing.T) {
	const n = 100
	b := NewBuilder(nil, make([]Node, 2*n), nil)
	var row []End
	for i := range NodeID(n) {
		row = append(row, End{i, b.Payload(Payload{1, 0, 8})})
	}
	b.Join(0, n, slices.Repeat([]RowID{b.Row(row)}, n))
	g := b.Graph()
	if g.EdgeCount() != n*n || len(g.in.ends) != n || len(g.out.ends) != n {
		t.Errorf("%d edges in rows of %d and %d", g.EdgeCount(), len(g.in.ends), len(g.out.ends))
	}
	if r := g.OutRows(0); !slices.Equal(r, g.OutRows(n-1)) || len(g.Readers(r[0])) != n || g.InDegree(2*n-1) != n {
		t.Errorf("rows %v and %v", r, g.OutRows(n-1))
	}
}
