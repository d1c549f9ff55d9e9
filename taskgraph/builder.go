package taskgraph

import (
	"cmp"
	"slices"
)

// NoRow stands for the row of a node without edges.
const NoRow RowID = -1

// Builder builds a graph whose nodes share rows of edges.
type Builder struct {
	layers  []Layer
	nodes   []Node
	tensors []Tensor
	known   payloads
	in, out half
	joined  RowID // rows of edges that enter nodes before it are those of earlier bundles
	edges   int
}

// half is the edges in one direction.
type half struct {
	first   []int32
	ends    []End
	bundles []bundle
}

// bundle is the edges between two layers: near+i has row of[i], of nodes from far on.
type bundle struct {
	near, far NodeID
	of        []RowID
}

// NewBuilder begins a graph without edges.
func NewBuilder(layers []Layer, nodes []Node, tensors []Tensor) *Builder {
	return &Builder{layers: layers, nodes: nodes, tensors: tensors, in: half{first: []int32{0}}, out: half{first: []int32{0}}}
}

// Reserve makes room for about so many rows, and edges in them, in each direction.
func (b *Builder) Reserve(rows, ends int) {
	for _, h := range []*half{&b.in, &b.out} {
		h.first, h.ends = slices.Grow(h.first, rows), slices.Grow(h.ends, ends)
	}
}

// Payload numbers what an edge carries.
func (b *Builder) Payload(p Payload) int32 { return b.known.of(p) }

// Row adds edges that enter all nodes that will have this row: where they come from, by
// ascending id.
func (b *Builder) Row(sources []End) RowID {
	if len(sources) == 0 {
		return NoRow
	}
	return b.in.add(sources...)
}

func (h *half) add(ends ...End) RowID {
	h.ends = append(h.ends, ends...)
	return h.end()
}

// end makes a row of the ends since the last one.
func (h *half) end() RowID {
	h.first = append(h.first, int32(len(h.ends)))
	return RowID(len(h.first) - 2)
}

func (h *half) row(r RowID) []End { return h.ends[h.first[r]:h.first[r+1]] }

// Join adds all edges from the nodes of one layer to those of another, or within one:
// node consumer+i has the edges of row of[i], one of those since the last call, from
// nodes from producer on. It takes of over.
func (b *Builder) Join(producer, consumer NodeID, of []RowID) {
	base, end := b.joined, RowID(len(b.in.first)-1)
	b.joined = end
	if base == end {
		return
	}
	for _, r := range of {
		if r != NoRow {
			b.edges += len(b.in.row(r))
		}
	}
	b.in.bundles = append(b.in.bundles, bundle{consumer, producer, of})
	b.out.bundles = append(b.out.bundles, bundle{producer, consumer, b.invert(producer, consumer, base, of)})
}

// invert finds the rows of edges that leave the producer's nodes from those from base on
// that enter the consumer's.
func (b *Builder) invert(producer, consumer NodeID, base RowID, of []RowID) []RowID {
	readers := newLists(len(of), len(b.in.first)-1-int(base), func(i int) int { return int(max(of[i]-base, -1)) })
	// In which rows each of the producer's nodes is.
	from := b.in.first[base]
	s := sharer{ends: b.in.ends[from:], row: make([]int32, len(b.in.ends)-int(from)), known: map[uint64]int32{}}
	last := producer
	for r := range len(readers.start) - 1 {
		for i, e := range b.in.row(base + RowID(r)) {
			s.row[int(b.in.first[int(base)+r]-from)+i] = int32(r)
			last = max(last, e.Node)
		}
	}
	s.within = newLists(len(s.ends), int(last-producer)+1, func(i int) int { return int(s.ends[i].Node - producer) })
	rows := make([]RowID, int(last-producer)+1)
	for p := range rows {
		rows[p] = NoRow
		list := s.within.of(p)
		if len(list) == 0 {
			continue
		}
		// A node that alone has a row's edges shares its own with no other.
		if !slices.ContainsFunc(list, func(i int32) bool { return len(b.in.row(base+RowID(s.row[i]))) == 1 }) {
			if like := s.like(int32(p)); like >= 0 {
				rows[p] = rows[like]
				continue
			}
		}
		begin := len(b.out.ends)
		for _, i := range list {
			for _, c := range readers.of(int(s.row[i])) {
				b.out.ends = append(b.out.ends, End{consumer + NodeID(c), s.ends[i].Payload})
			}
		}
		if len(b.out.ends) == begin {
			continue
		}
		byNode := func(x, y End) int { return cmp.Compare(x.Node, y.Node) }
		if fresh := b.out.ends[begin:]; len(list) > 1 && !slices.IsSortedFunc(fresh, byNode) {
			slices.SortStableFunc(fresh, byNode)
		}
		rows[p] = b.out.end()
	}
	return rows
}

// Graph is the graph with all edges.
func (b *Builder) Graph() *Graph {
	return &Graph{Layers: b.layers, Nodes: b.nodes, Tensors: b.tensors,
		in: b.in.adjacency(len(b.nodes)), out: b.out.adjacency(len(b.nodes)), payloads: b.known.list, edges: b.edges}
}

// adjacency lists the rows of each node.
func (h *half) adjacency(nodes int) adjacency {
	a := adjacency{start: make([]int32, nodes+1), first: slices.Clip(h.first), ends: slices.Clip(h.ends)}
	slices.SortStableFunc(h.bundles, func(x, y bundle) int { return cmp.Compare(x.far, y.far) })
	for _, k := range h.bundles {
		for i, r := range k.of {
			if r != NoRow {
				a.start[int(k.near)+i+1]++
			}
		}
	}
	for n := range nodes {
		a.start[n+1] += a.start[n]
	}
	a.rows = make([]RowID, a.start[nodes])
	next := slices.Clone(a.start)
	for _, k := range h.bundles {
		for i, r := range k.of {
			if n := int(k.near) + i; r != NoRow {
				a.rows[next[n]] = r
				next[n]++
			}
		}
	}
	return a
}

// lists is numbers sorted into lists, ascending in each.
type lists struct{ start, items []int32 }

// newLists sorts the numbers from 0 to count-1 into the lists that list tells; -1 for none.
func newLists(count, number int, list func(i int) int) lists {
	l := lists{start: make([]int32, number+1)}
	at := make([]int32, count)
	for i := range count {
		k := list(i)
		at[i] = int32(k)
		if k >= 0 {
			l.start[k+1]++
		}
	}
	for k := range number {
		l.start[k+1] += l.start[k]
	}
	l.items = make([]int32, l.start[number])
	next := slices.Clone(l.start[:number])
	for i, k := range at {
		if k >= 0 {
			l.items[next[k]] = int32(i)
			next[k]++
		}
	}
	return l
}

func (l *lists) of(k int) []int32 { return l.items[l.start[k]:l.start[k+1]] }

// sharer finds nodes that are in the same rows with the same payloads.
type sharer struct {
	ends   []End
	row    []int32          // of each end
	within lists            // ends of each node
	known  map[uint64]int32 // nodes by what they are in
}

// like is an earlier node that is in the same rows as p, -1 if there is none.
func (s *sharer) like(p int32) int32 {
	list := s.within.of(int(p))
	hash := uint64(len(list))
	for _, i := range list {
		for _, v := range [2]int32{s.row[i], s.ends[i].Payload} {
			hash = (hash ^ uint64(uint32(v))) * 0x9e3779b97f4a7c15
			hash ^= hash >> 29
		}
	}
	for ; ; hash++ {
		like, ok := s.known[hash]
		if !ok {
			s.known[hash] = p
			return -1
		}
		if slices.EqualFunc(s.within.of(int(like)), list, func(i, j int32) bool {
			return s.row[i] == s.row[j] && s.ends[i].Payload == s.ends[j].Payload
		}) {
			return like
		}
	}
}
