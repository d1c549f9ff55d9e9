package simulate

import (
	"cmp"
	"encoding/binary"
	"slices"

	"streamdse/hardware"
	"streamdse/taskgraph"
)

// FetchOrder is the order in which what a node needs is fetched.
type FetchOrder uint8

const (
	SmallestFirst FetchOrder = iota
	LargestFirst
	// AsListed has the constants first, in the order of the operands of the layer, and
	// then what other nodes wrote, by producer.
	AsListed
)

// need is a tensor that a node reads.
type need struct {
	tensor taskgraph.TensorID
	op     hardware.MemoryOperand
	data   bool // written by another node, rather than constant
	part   taskgraph.PartID
}

// needs is what all nodes read, in rows that nodes share as they share rows of edges.
// They are in the order of fetching, within a row and from row to row of a node.
type needs struct {
	list  []need
	first []int32 // row r is list[first[r]:first[r+1]]
	rows  []int32
	start []int32 // node n has the rows rows[start[n]:start[n+1]]
}

// of lists the rows of a node.
func (x *needs) of(n taskgraph.NodeID) []int32 { return x.rows[x.start[n]:x.start[n+1]] }

func (x *needs) row(r int32) []need { return x.list[x.first[r]:x.first[r+1]] }

// needLister collects what each node reads: its constants, the last operand first unless
// fetching goes by the list, and then what other nodes wrote, by producer; from this it
// makes the order of fetching.
type needLister struct {
	*plan
	constants []int32 // rows by tensor
	edges     []int32 // rows by row of edges
	merged    map[string]int32
	key       []byte
}

const (
	unknown = -1 - iota // a row that has not been made yet
	empty               // ... that has nothing in it
)

func (p *plan) listNeeds() {
	g := p.Graph
	p.own = make([]hardware.MemoryOperand, len(g.Tensors))
	for i := range g.Tensors {
		x := &g.Tensors[i]
		p.own[i] = g.Layers[x.Layer].Memory[x.Operand]
	}
	l := &needLister{plan: p, constants: make([]int32, len(g.Tensors)), edges: make([]int32, g.InRowCount()), merged: map[string]int32{}}
	for _, rows := range [][]int32{l.constants, l.edges} {
		for i := range rows {
			rows[i] = unknown
		}
	}
	edges := 0
	for r := range g.InRowCount() {
		edges += len(g.Sources(taskgraph.RowID(r)))
	}
	p.needs = needs{list: make([]need, 0, edges), first: []int32{0}, start: make([]int32, len(g.Nodes)+1)}
	var rows []int32
	for n := range g.Nodes {
		rows = rows[:0]
		node := &g.Nodes[n]
		for i := len(node.Operands) - 1; i > 0; i-- {
			if r := l.constant(taskgraph.NodeID(n), i); r != empty {
				rows = append(rows, r)
			}
		}
		if p.FetchOrder == AsListed {
			slices.Reverse(rows)
		}
		for _, e := range g.InRows(taskgraph.NodeID(n)) {
			if r := l.edge(node, e); r != empty {
				rows = append(rows, r)
			}
		}
		p.needs.rows = append(p.needs.rows, l.inOrder(rows)...)
		p.needs.start[n+1] = int32(len(p.needs.rows))
	}
}

// constant is the row of what a node reads of constants for an operand. Who reads the
// same block of it reads the same.
func (l *needLister) constant(n taskgraph.NodeID, operand int) int32 {
	node := &l.Graph.Nodes[n]
	row := &l.constants[node.Operands[operand]]
	if *row == unknown {
		op := l.Graph.Layers[node.Layer].Memory[operand]
		for r := range l.Graph.Constants(n, operand) {
			l.needs.list = append(l.needs.list, l.need(need{tensor: r.Tensor, op: op, part: r.Part}))
		}
		*row = l.end()
	}
	return *row
}

// edge is the row of what a row of edges brings.
func (l *needLister) edge(node *taskgraph.Node, edges taskgraph.RowID) int32 {
	row := &l.edges[edges]
	if *row == unknown {
		memory := l.Graph.Layers[node.Layer].Memory
		for _, e := range l.Graph.Sources(edges) {
			load := l.Graph.Payload(e)
			if !load.Data() {
				continue
			}
			x := need{tensor: l.Graph.Nodes[e.Node].Operands[0], op: memory[load.Operand], data: true, part: load.Part}
			l.needs.list = append(l.needs.list, l.need(x))
		}
		*row = l.end()
	}
	return *row
}

// need is all of a tensor where the rules move no parts.
func (p *plan) need(x need) need {
	if !p.rules.MovesParts() {
		x.part = 0
	}
	return x
}

// end makes a row of what has been listed since the last one.
func (l *needLister) end() int32 {
	begin := l.needs.first[len(l.needs.first)-1]
	fresh := l.needs.list[begin:]
	if len(fresh) == 0 {
		return empty
	}
	if !slices.IsSortedFunc(fresh, l.compare) {
		slices.SortStableFunc(fresh, l.compare)
	}
	l.needs.first = append(l.needs.first, int32(len(l.needs.list)))
	return int32(len(l.needs.first) - 2)
}

// compare tells whether a is fetched before b (below 0), after it, or as they are listed (0).
func (l *needLister) compare(a, b need) int {
	x, y := l.Graph.Tensors[a.tensor].Bits, l.Graph.Tensors[b.tensor].Bits
	switch l.FetchOrder {
	case AsListed:
		return 0
	case LargestFirst:
		return cmp.Compare(y, x)
	}
	return cmp.Compare(x, y)
}

// inOrder sorts the rows of a node by what is in them. Where what is in different rows
// alternates, it puts them together into one.
func (l *needLister) inOrder(rows []int32) []int32 {
	first := func(r int32) need { return l.needs.row(r)[0] }
	last := func(r int32) need { row := l.needs.row(r); return row[len(row)-1] }
	ordered := true
	for i := 1; i < len(rows) && ordered; i++ {
		ordered = l.compare(last(rows[i-1]), first(rows[i])) <= 0
	}
	if ordered {
		return rows
	}
	l.key = l.key[:0]
	for _, r := range rows {
		l.key = binary.LittleEndian.AppendUint32(l.key, uint32(r))
	}
	apart := slices.Clone(rows)
	slices.SortStableFunc(apart, func(a, b int32) int { return l.compare(first(a), first(b)) })
	for i := 1; i < len(apart); i++ {
		a, b := apart[i-1], apart[i]
		// Equals must not change places.
		if c := l.compare(last(a), first(b)); c > 0 || c == 0 && slices.Index(rows, a) > slices.Index(rows, b) {
			return l.merge(rows)
		}
	}
	return apart
}

// merge puts the rows of a node together.
func (l *needLister) merge(rows []int32) []int32 {
	r, ok := l.merged[string(l.key)]
	if !ok {
		for _, row := range rows {
			l.needs.list = append(l.needs.list, l.needs.row(row)...)
		}
		r = l.end()
		l.merged[string(l.key)] = r
	}
	return []int32{r}
}
