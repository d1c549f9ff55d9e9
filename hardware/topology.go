package hardware

import "slices"

// hop is an ordered pair of neighbouring cores.
type hop struct{ from, to int }

// topology is the graph of cores while an accelerator is being built.
type topology struct {
	succ, pred [][]int       // neighbours in the order in which the edges were added
	links      map[hop][]int // indices of Links, in the order of the file
	order      []int         // cores in the order of their first mention
	seen       []bool
}

func newTopology(cores int) *topology {
	return &topology{succ: make([][]int, cores), pred: make([][]int, cores), links: map[hop][]int{}, seen: make([]bool, cores)}
}

// connect adds a link to those that lead from one core to another.
func (t *topology) connect(from, to, link int) {
	for _, c := range []int{from, to} {
		if !t.seen[c] {
			t.seen[c] = true
			t.order = append(t.order, c)
		}
	}
	h := hop{from, to}
	if len(t.links[h]) == 0 {
		t.succ[from] = append(t.succ[from], to)
		t.pred[to] = append(t.pred[to], from)
	}
	t.links[h] = append(t.links[h], link)
}

// coreOrder is the order of first mention, followed by the cores that no edge
// mentions.
func (t *topology) coreOrder() []int {
	order := slices.Clone(t.order)
	for c, seen := range t.seen {
		if !seen {
			order = append(order, c)
		}
	}
	return order
}

// first are the first links along a path of cores.
func (t *topology) first(hops []int) []int {
	var l []int
	for i := 1; i < len(hops); i++ {
		l = append(l, t.links[hop{hops[i-1], hops[i]}][0])
	}
	return l
}

// shortest returns the cores on a shortest path, both ends included, nil if
// there is none; avoid is a core that it must not pass, or -1. Among equally
// short paths, the choice follows from a breadth-first search from both ends,
// which extends the smaller fringe (the forward one on a tie) over the
// neighbours in the order of their edges and stops at the first core that both
// ends know.
func (t *topology) shortest(from, to, avoid int) []int {
	if from == to {
		return []int{from}
	}
	const unknown = -2
	n := len(t.succ)
	before, after := make([]int, n), make([]int, n) // neighbour towards from, towards to
	for c := range before {
		before[c], after[c] = unknown, unknown
	}
	before[from], after[to] = -1, -1
	forward, reverse := []int{from}, []int{to}
	for len(forward) > 0 && len(reverse) > 0 {
		var meet int
		if len(forward) <= len(reverse) {
			forward, meet = extend(forward, t.succ, before, after, avoid)
		} else {
			reverse, meet = extend(reverse, t.pred, after, before, avoid)
		}
		if meet < 0 {
			continue
		}
		var hops []int
		for c := meet; c >= 0; c = before[c] {
			hops = append(hops, c)
		}
		slices.Reverse(hops)
		for c := after[meet]; c >= 0; c = after[c] {
			hops = append(hops, c)
		}
		return hops
	}
	return nil
}

// extend replaces a fringe by its unknown neighbours and returns the first
// neighbour that the other search knows, or -1.
func extend(fringe []int, next [][]int, known, other []int, avoid int) ([]int, int) {
	var grown []int
	for _, v := range fringe {
		for _, w := range next[v] {
			if w == avoid {
				continue
			}
			if known[w] == -2 {
				known[w] = v
				grown = append(grown, w)
			}
			if other[w] != -2 {
				return grown, w
			}
		}
	}
	return grown, -1
}

// route fills the accelerator's paths: for each ordered pair of cores a shortest
// path. If it passes the off-chip core on the way, a path that does not is taken
// instead where there is one; a pair that is only connected through the off-chip
// core keeps that path.
func (a *Accelerator) route(t *topology) {
	n := len(a.Cores)
	a.paths, a.hops = make([][][]int, n), make([][][]int, n)
	for from := range n {
		a.paths[from], a.hops[from] = make([][]int, n), make([][]int, n)
		for to := range n {
			hops := t.shortest(from, to, -1)
			if len(hops) > 2 && slices.Contains(hops[1:len(hops)-1], a.Offchip) {
				if around := t.shortest(from, to, a.Offchip); around != nil {
					hops = around
				}
			}
			a.hops[from][to] = hops
			a.paths[from][to] = t.first(hops)
		}
	}
	a.parallel = map[hop][]int{}
	for h, links := range t.links {
		if len(links) > 1 {
			a.parallel[h] = links
		}
	}
}

// SingleCore returns an accelerator that is just one core, whose own memories go
// up to the off-chip memory: it has no links and no off-chip core.
func SingleCore(c Core) *Accelerator {
	return &Accelerator{Name: c.Name, Cores: []Core{c}, Offchip: -1, CoreOrder: []int{0}, Warnings: c.Warnings}
}
