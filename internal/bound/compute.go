package bound

import (
	"slices"

	"streamdse/taskgraph"
	"streamdse/unit"
)

// duty is what a group has to do, on each of its cores.
type duty struct {
	cores []int
	busy  []unit.Cycles
}

// compute is the best bound from what cores have to do between thresholds of head
// and tail.
func (a *facts) compute() Part {
	g := a.Graph
	nodes := make([]taskgraph.NodeID, len(g.Nodes))
	heads, tails := make([]unit.Cycles, len(g.Nodes)), make([]unit.Cycles, len(g.Nodes))
	for i := range nodes {
		nodes[i] = taskgraph.NodeID(i)
		heads[i], tails[i] = a.leastHead(nodes[i]), a.leastTail(nodes[i])
	}
	rs := append([]unit.Cycles{0}, thresholds(heads, a.grid, func(r *unit.Cycles) unit.Cycles { return *r })...)
	qs := append([]unit.Cycles{0}, thresholds(tails, a.grid, func(q *unit.Cycles) unit.Cycles { return *q })...)
	for len(a.run)*len(rs)*len(qs) > 20_000_000 && len(rs)*len(qs) > 1 { // a few tenths of a second
		rs, qs = everyOther(rs), everyOther(qs)
	}
	sets := a.regions()
	best := Part{SetBy: "compute"}
	var duties []duty // those of the best thresholds
	var rest unit.Cycles
	late := nodes
	for _, r := range rs {
		late = slices.DeleteFunc(slices.Clone(late), func(n taskgraph.NodeID) bool { return heads[n] < r })
		between := late
		for _, q := range qs {
			between = slices.DeleteFunc(slices.Clone(between), func(n taskgraph.NodeID) bool { return tails[n] < q })
			if len(between) == 0 {
				break
			}
			if r+q+a.leastWork(between) <= best.Latency {
				continue // even one core for all of it would not do
			}
			list := a.duties(between)
			for _, set := range sets {
				w := make([]float64, len(a.Accelerator.Cores))
				for _, c := range set {
					w[c] = 1 / float64(len(set))
				}
				if latency := r + q + whole(weigh(list, w)); latency > best.Latency {
					best = Part{latency, "compute on " + coresName(set)}
					duties, rest = list, r+q
				}
			}
		}
	}
	if latency := rest + whole(a.improve(duties, 6*a.grid)); latency > best.Latency {
		best = Part{latency, "compute"}
	}
	return best
}

// leastWork is the time that nodes take one after another, each on its fastest core.
func (a *facts) leastWork(nodes []taskgraph.NodeID) unit.Cycles {
	var sum unit.Cycles
	for _, n := range nodes {
		sum += a.least(n, func(at int) unit.Cycles { return a.run[at] })
	}
	return sum
}

// everyOther leaves out every other threshold, but not the first.
func everyOther(list []unit.Cycles) []unit.Cycles {
	var half []unit.Cycles
	for i := 0; i < len(list); i += 2 {
		half = append(half, list[i])
	}
	return half
}

// regions lists the sets of cores that groups are limited to, and all cores together.
func (a *facts) regions() [][]int {
	sets := a.coreSets()
	var all []int
	for _, s := range sets {
		all = append(all, s...)
	}
	slices.Sort(all)
	if all = slices.Compact(all); len(all) > 0 && !slices.ContainsFunc(sets, func(s []int) bool { return slices.Equal(s, all) }) {
		sets = append(sets, all)
	}
	return sets
}

// duties adds up what groups have to do of some nodes, in the order of the graph.
func (a *facts) duties(nodes []taskgraph.NodeID) []duty {
	var list []duty
	for i, n := range nodes {
		if i == 0 || !a.together(nodes[i-1], n) {
			list = append(list, duty{a.cores(n), make([]unit.Cycles, len(a.cores(n)))})
		}
		busy := list[len(list)-1].busy
		for k := range busy {
			busy[k] += a.run[int(a.first[n])+k]
		}
	}
	return list
}

// weigh is the bound that weights of cores give: the sum over groups of what is least
// on any core.
func weigh(duties []duty, w []float64) float64 {
	var sum float64
	for i := range duties {
		sum += duties[i].least(w, nil)
	}
	return sum
}

// least is the least weighted time over the cores; the core is charged with its
// time if load is given.
func (d *duty) least(w []float64, load []float64) float64 {
	best, core := 0.0, -1
	for k, c := range d.cores {
		if v := w[c] * float64(d.busy[k]); core < 0 || v < best {
			best, core = v, k
		}
	}
	if load != nil && core >= 0 {
		load[d.cores[core]] += float64(d.busy[core])
	}
	return best
}

// improve looks for the weights with the best bound by multiplying those of the
// cores that carry more than the others: a subgradient method for the dual of
// spreading groups over cores in fractions.
func (a *facts) improve(duties []duty, steps int) float64 {
	cores := len(a.Accelerator.Cores)
	w, load := make([]float64, cores), make([]float64, cores)
	used := make([]bool, cores)
	n := 0
	for i := range duties {
		for _, c := range duties[i].cores {
			if !used[c] {
				used[c] = true
				n++
			}
		}
	}
	for c := range w {
		if used[c] {
			w[c] = 1 / float64(n)
		}
	}
	best := 0.0
	for step := range steps {
		clear(load)
		value := 0.0
		for i := range duties {
			value += duties[i].least(w, load)
		}
		best = max(best, value)
		highest := slices.Max(load)
		if highest == 0 {
			break
		}
		sum := 0.0
		for c := range w {
			w[c] *= 1 + load[c]/highest/float64(4+step)
			sum += w[c]
		}
		for c := range w {
			w[c] /= sum
		}
	}
	return best
}
