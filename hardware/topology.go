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

// maxLanes is up to how many alternatives all combinations of parallel links are listed.
const maxLanes = 16

// Between is the links that lead from a core to a neighbour of it, in the order of the
// file: one of them carries a transfer.
func (a *Accelerator) Between(from, to int) []int {
	links := a.paths[from][to]
	if parallel := a.parallel[hop{from, to}]; parallel != nil && !a.firstOnly {
		links = parallel
	}
	return links
}

// Lanes lists the alternatives for a transfer between two cores: the links of each that
// it would occupy, along the cores of Hops, where parallel links leave a choice. The first
// is Path, and there is none where that is nil.
//
// The order is that of the file, the first hop counting most. Where there are more than
// maxLanes combinations, only those are listed in which every hop takes its first, its
// second, ... link, beginning again where a hop has fewer than another: so every link is
// in one of them.
func (a *Accelerator) Lanes(from, to int) [][]int {
	path := a.Path(from, to)
	if path == nil {
		return nil
	}
	if len(a.parallel) == 0 || a.firstOnly {
		return [][]int{path}
	}
	hops := a.Hops(from, to)
	choices := make([][]int, len(path))
	all, widest := 1, 1
	for i := range choices {
		choices[i] = a.Between(hops[i], hops[i+1])
		all, widest = min(all*len(choices[i]), maxLanes+1), max(widest, len(choices[i]))
	}
	if all > maxLanes {
		lanes := make([][]int, widest)
		for k := range lanes {
			for _, links := range choices {
				lanes[k] = append(lanes[k], links[k%len(links)])
			}
		}
		return lanes
	}
	lanes := [][]int{nil}
	for _, links := range choices {
		var longer [][]int
		for _, lane := range lanes {
			for _, l := range links {
				longer = append(longer, append(slices.Clip(lane), l))
			}
		}
		lanes = longer
	}
	return lanes
}

// FirstLinksOnly is the accelerator in which, of parallel links, only the first carries
// anything.
func (a *Accelerator) FirstLinksOnly() *Accelerator {
	b := *a
	b.firstOnly = true
	return &b
}

// SingleCore returns an accelerator that is just one core, whose own memories go
// up to the off-chip memory: it has no links and no off-chip core.
func SingleCore(c Core) *Accelerator {
	return &Accelerator{Name: c.Name, Cores: []Core{c}, Offchip: -1, CoreOrder: []int{0}, Warnings: c.Warnings}
}
