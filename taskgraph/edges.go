package taskgraph

import (
	"iter"

	"streamdse/unit"
)

// Edge is a dependency. An edge that carries data names the operand of the
// consumer that reads it. On Operand 0, the output, it brings the partial sums
// that the consumer adds to or, without bits, only orders its ends.
type Edge struct {
	Src, Dst NodeID
	Operand  int8
	Part     PartID // of the producer's output that is read, in Graph.Parts
	Bits     unit.Bits
}

// Data tells whether the edge carries data rather than only ordering its ends.
func (e Edge) Data() bool { return e.Payload().Data() }

// PartialSums tells whether the edge carries partial sums from one node of a layer
// to another that adds to them.
func (e Edge) PartialSums() bool { return e.Operand == 0 && e.Bits > 0 }

// Payload is what the edge carries.
func (e Edge) Payload() Payload { return Payload{e.Operand, e.Part, e.Bits} }

// Payload is what an edge carries, as Edge has it.
type Payload struct {
	Operand int8
	Part    PartID
	Bits    unit.Bits
}

// Data is that of Edge.
func (p Payload) Data() bool { return p.Operand != 0 || p.Bits > 0 }

// End is an edge as one of its ends sees it: the node at the other one, and what it
// carries, a number for Graph.Payload.
type End struct {
	Node    NodeID
	Payload int32
}

// RowID numbers the rows of edges that enter nodes or, apart from these, of those that
// leave them.
//
// Where layers read all of each other's channels, many nodes depend on the same nodes
// in the same way. So edges are kept as rows that nodes share: a graph of a million
// nodes with fifty edges each is not larger than one with two.
type RowID int32

// adjacency is the edges of all nodes in one direction.
type adjacency struct {
	start []int32 // the rows of node n are rows[start[n]:start[n+1]], by ascending other ends
	rows  []RowID
	first []int32 // row r is ends[first[r]:first[r+1]]
	ends  []End
}

func (a *adjacency) of(n NodeID) []RowID { return a.rows[a.start[n]:a.start[n+1]] }

func (a *adjacency) row(r RowID) []End { return a.ends[a.first[r]:a.first[r+1]] }

func (a *adjacency) degree(n NodeID) int {
	count := 0
	for _, r := range a.of(n) {
		count += len(a.row(r))
	}
	return count
}

func edge(src, dst NodeID, p *Payload) Edge { return Edge{src, dst, p.Operand, p.Part, p.Bits} }

// In yields the edges that enter n, by ascending source.
func (g *Graph) In(n NodeID) iter.Seq[Edge] {
	return func(yield func(Edge) bool) {
		for _, r := range g.in.of(n) {
			for _, e := range g.in.row(r) {
				if !yield(edge(e.Node, n, &g.payloads[e.Payload])) {
					return
				}
			}
		}
	}
}

// Out yields the edges that leave n, by ascending destination.
func (g *Graph) Out(n NodeID) iter.Seq[Edge] {
	return func(yield func(Edge) bool) {
		for _, r := range g.out.of(n) {
			for _, e := range g.out.row(r) {
				if !yield(edge(n, e.Node, &g.payloads[e.Payload])) {
					return
				}
			}
		}
	}
}

// Edges yields all edges by ascending source.
func (g *Graph) Edges() iter.Seq[Edge] {
	return func(yield func(Edge) bool) {
		for n := range g.Nodes {
			for e := range g.Out(NodeID(n)) {
				if !yield(e) {
					return
				}
			}
		}
	}
}

// EdgeCount is the number of edges.
func (g *Graph) EdgeCount() int { return g.edges }

// InDegree is the number of edges that enter n.
func (g *Graph) InDegree(n NodeID) int { return g.in.degree(n) }

// OutDegree is the number of edges that leave n.
func (g *Graph) OutDegree(n NodeID) int { return g.out.degree(n) }

// InRows lists the rows of edges that enter n, and OutRows those that leave it. Nodes
// that have a row in common have the same edges in it. All nodes of a row of edges that
// enter are of one layer.
func (g *Graph) InRows(n NodeID) []RowID  { return g.in.of(n) }
func (g *Graph) OutRows(n NodeID) []RowID { return g.out.of(n) }

// Sources is a row of InRows, by ascending id, and Readers one of OutRows.
func (g *Graph) Sources(r RowID) []End { return g.in.row(r) }
func (g *Graph) Readers(r RowID) []End { return g.out.row(r) }

// InRowCount is the number of rows of edges that enter nodes.
func (g *Graph) InRowCount() int { return len(g.in.first) - 1 }

// Payload is what the edge with an end carries.
func (g *Graph) Payload(e End) Payload { return g.payloads[e.Payload] }

// payloads numbers what edges carry.
type payloads struct {
	list   []Payload
	number map[Payload]int32
	last   int32 // most come several times in a row
}

func (t *payloads) of(p Payload) int32 {
	if int(t.last) < len(t.list) && t.list[t.last] == p {
		return t.last
	}
	i, ok := t.number[p]
	if !ok {
		if t.number == nil {
			t.number = map[Payload]int32{}
		}
		i = int32(len(t.list))
		t.list = append(t.list, p)
		t.number[p] = i
	}
	t.last = i
	return i
}

// New builds a graph with the given edges, and takes them over. They may come in any
// order; for each node, outgoing edges end up sorted by Dst and incoming ones by Src, edges
// between the same two nodes in the order given. No rows are shared: see Builder.
func New(layers []Layer, nodes []Node, tensors []Tensor, edges []Edge) *Graph {
	// A stable counting sort by Dst of edges sorted by Src leaves each node's
	// incoming edges sorted by Src, and the other way round.
	var known payloads
	src, dst := func(e *Edge) NodeID { return e.Src }, func(e *Edge) NodeID { return e.Dst }
	other := make([]Edge, len(edges))
	bucket(other, edges, len(nodes), src)
	start := bucket(edges, other, len(nodes), dst)
	g := &Graph{Layers: layers, Nodes: nodes, Tensors: tensors, edges: len(edges)}
	g.in = plain(edges, start, &known, src)
	start = bucket(other, edges, len(nodes), src)
	g.out = plain(other, start, &known, dst)
	g.payloads = known.list
	return g
}

// plain makes a row for each node from sorted edges.
func plain(edges []Edge, start []int32, known *payloads, far func(*Edge) NodeID) adjacency {
	a := adjacency{start: make([]int32, len(start)), rows: make([]RowID, len(start)-1), first: start, ends: make([]End, len(edges))}
	for i := range a.rows {
		a.start[i+1], a.rows[i] = int32(i+1), RowID(i)
	}
	for i := range edges {
		a.ends[i] = End{far(&edges[i]), known.of(edges[i].Payload())}
	}
	return a
}

// bucket sorts edges stably by one of their ends into another slice and returns
// where the edges of each node begin.
func bucket(out, edges []Edge, nodes int, end func(*Edge) NodeID) []int32 {
	start := make([]int32, nodes+1)
	for i := range edges {
		start[end(&edges[i])+1]++
	}
	for i := range nodes {
		start[i+1] += start[i]
	}
	next := append([]int32(nil), start...)
	for i := range edges {
		n := end(&edges[i])
		out[next[n]] = edges[i]
		next[n]++
	}
	return start
}
