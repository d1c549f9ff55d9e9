package bound

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"streamdse/hardware"
	"streamdse/taskgraph"
	"streamdse/unit"
	"streamdse/workload"
)

// crossing is the links that lead out of a set of cores.
type crossing struct {
	links     []int
	bandwidth []unit.BitsPerCycle
}

// crossing finds the links that some path may use to leave a set of cores.
func (a *facts) crossing(inside func(core int) bool) crossing {
	acc := a.Accelerator
	var c crossing
	for from := range acc.Cores {
		for to := range acc.Cores {
			hops := acc.Hops(from, to)
			for i := 1; i < len(hops); i++ {
				if !inside(hops[i-1]) || inside(hops[i]) {
					continue
				}
				for _, l := range acc.Between(hops[i-1], hops[i]) {
					if !slices.Contains(c.links, l) {
						c.links = append(c.links, l)
						c.bandwidth = append(c.bandwidth, acc.Links[l].Bandwidth)
					}
				}
			}
		}
	}
	return c
}

// busy is the share of a transfer in the busy time of the links: whole cycles on
// one link, the fraction of their sum on several.
func (c *crossing) busy(b unit.Bits) float64 {
	if len(c.links) == 1 {
		return float64(unit.TransferCycles(b, c.bandwidth[0]))
	}
	return c.share(b)
}

// share is the time that all links of a crossing together need for some data.
func (c *crossing) share(b unit.Bits) float64 {
	var sum float64
	for _, bw := range c.bandwidth {
		sum += float64(bw)
	}
	if sum == 0 {
		return 0
	}
	return float64(b) / sum
}

// kind says what crosses.
type kind int

const (
	weights kind = iota
	inputsAndOutputs
	intermediate
	streaming
	numKinds = 4
)

func (k kind) String() string {
	return [...]string{"weights", "network input and output", "data between layers", "streaming of what does not fit"}[k]
}

// crosser is a tensor that crosses a cut at least once.
type crosser struct {
	busy float64     // of the links
	r, q unit.Cycles // not before r, and at least q before the end
	kind kind
}

// links is the best bound of any cut: around off-chip memory, and around each set of
// cores to which some group is limited.
func (a *facts) links() Part {
	best := a.offchip()
	for _, set := range a.coreSets() {
		if p := a.cut(func(c int) bool { return slices.Contains(set, c) }, "links of "+coresName(set)+": "); p.Latency > best.Latency {
			best = p
		}
	}
	return best
}

// offchip is the bound of the cut around off-chip memory.
func (a *facts) offchip() Part {
	return a.cut(func(c int) bool { return c == a.Accelerator.Offchip }, "off-chip ")
}

// cut is the bound of the links in and out of a set of cores; where names them.
func (a *facts) cut(inside func(core int) bool, where string) Part {
	outside := func(c int) bool { return !inside(c) }
	out, in := a.crossing(inside), a.crossing(outside)
	leaving, entering := a.crossers(inside, &out), a.crossers(outside, &in)
	if slices.Equal(out.links, in.links) {
		leaving, entering = append(leaving, entering...), nil
	}
	best := Part{SetBy: where + "traffic"}
	for i, list := range [][]crosser{leaving, entering} {
		links := [][]int{out.links, in.links}[i]
		var blocks *blocking
		if len(links) == 1 {
			blocks = a.blocking(links[0])
		}
		if latency, main := busiest(list, blocks, a.grid); latency > best.Latency {
			best = Part{latency, where + main.String()}
		}
	}
	return best
}

// coreSets lists the different sets of cores that groups are limited to.
func (a *facts) coreSets() [][]int {
	var sets [][]int
	for _, layer := range a.options {
		for _, cores := range layer {
			if len(cores) > 0 && !slices.ContainsFunc(sets, func(s []int) bool { return slices.Equal(s, cores) }) {
				sets = append(sets, cores)
			}
		}
	}
	return sets
}

// coresName names a set of cores: "core 5", "cores 0, 1, 2, 3".
func coresName(set []int) string {
	if len(set) == 1 {
		return fmt.Sprintf("core %d", set[0])
	}
	return "cores " + strings.Trim(strings.ReplaceAll(fmt.Sprint(set), " ", ", "), "[]")
}

// stores tells which memories have all of their cores inside a set, and which have
// none of them there.
func (a *facts) stores(inside func(core int) bool) (within, beyond []bool) {
	for s := range a.Accelerator.Stores {
		cores := a.Accelerator.Stores[s].Cores
		within = append(within, !slices.ContainsFunc(cores, func(c int) bool { return !inside(c) }))
		beyond = append(beyond, !slices.ContainsFunc(cores, inside))
	}
	return within, beyond
}

// readsBeyond tells whether a node, wherever it runs, reads an operand from one of the
// memories beyond a cut; after is the least time from then to the end.
func (a *facts) readsBeyond(n taskgraph.NodeID, op hardware.MemoryOperand, beyond []bool) (after unit.Cycles, reads bool) {
	cores := a.cores(n)
	for _, core := range cores {
		if s := a.readAt(n, core, op); s < 0 || !beyond[s] {
			return 0, false
		}
	}
	return a.least(n, func(at int) unit.Cycles {
		if a.readFrom(n, cores[at-int(a.first[n])], op) < 0 {
			return 0
		}
		return a.run[at] + a.tail[at]
	}), len(cores) > 0
}

// crossers lists the tensors that have to leave a set of cores.
func (a *facts) crossers(inside func(core int) bool, out *crossing) []crosser {
	g, off := a.Graph, a.Accelerator.Offchip
	within, beyond := a.stores(inside)
	var list []crosser
	var ways []demand
	for i := range g.Tensors {
		x := taskgraph.TensorID(i)
		tensor := &g.Tensors[x]
		c := crosser{kind: intermediate}
		ways = ways[:0]
		// read takes up a reader: what it reads crosses if it can only be read outside.
		read := func(n taskgraph.NodeID, op hardware.MemoryOperand, size unit.Bits) {
			if after, reads := a.readsBeyond(n, op, beyond); reads {
				ways = append(ways, demand{size, after})
			}
		}
		switch n := a.writer[x]; {
		case tensor.Constant:
			if s := a.Accelerator.Top(off, a.own[x]); s < 0 || !within[s] || !a.moved[x] {
				continue
			}
			for _, u := range a.users[x] {
				if !a.mayStream(u) {
					read(u.node, u.op, u.bits)
				}
			}
			if !a.waits() {
				for i := range ways {
					ways[i].q = 0
				}
			}
			if op := &g.Layers[tensor.Layer]; op.Layer != nil && op.Operands[tensor.Operand].Source.Kind == workload.FromInput {
				c.kind = inputsAndOutputs
			} else {
				c.kind = weights
			}
		case n >= 0 && len(a.cores(n)) > 0:
			if slices.ContainsFunc(a.cores(n), func(core int) bool { s := a.written(n, core); return s < 0 || !within[s] }) {
				continue
			}
			c.r = a.least(n, func(at int) unit.Cycles { return a.head[at] + a.run[at] })
			for e := range g.Out(n) {
				if e.Data() {
					read(e.Dst, g.Layers[g.Nodes[e.Dst].Layer].Memory[e.Operand], a.read(x, e.Part))
				}
			}
			if a.result[x] && !inside(off) {
				c.kind, ways = inputsAndOutputs, append(ways, demand{tensor.Bits, 0})
			}
		}
		list = c.append(list, ways, out)
	}
	return list
}

// demand is what has to cross of a tensor at least a time before the end.
type demand struct {
	bits unit.Bits
	q    unit.Cycles
}

// append adds a tensor to a list: what crosses longest before the end and then, where
// others need more of it, the rest.
func (c crosser) append(list []crosser, ways []demand, out *crossing) []crosser {
	slices.SortFunc(ways, func(x, y demand) int { return cmp.Or(cmp.Compare(y.q, x.q), cmp.Compare(y.bits, x.bits)) })
	var before float64
	for i, w := range ways {
		if i > 0 && w.bits <= ways[i-1].bits {
			ways[i].bits = ways[i-1].bits // the most so far
			continue
		}
		all := out.busy(w.bits)
		c.busy, c.q = all-before, w.q
		list, before = append(list, c), all
	}
	return list
}

// readAt is the memory that a node on a core reads an operand from, -1 if it may be
// read from anywhere.
func (a *facts) readAt(n taskgraph.NodeID, core int, op hardware.MemoryOperand) int {
	if a.streams(n, core, op) {
		if a.Rules.StreamedFromAnywhere {
			return -1
		}
		core = a.Accelerator.Offchip
	}
	return a.Accelerator.Top(core, op)
}

// blocking is how long dependent nodes load a link by streaming, so that nothing else
// can be moved over it.
type blocking struct {
	until []blocked // by descending tail: the longest chain of nodes with at least that tail
	from  []blocked // by descending head: ... at least that head
}

// blocked is a time that a link is blocked for.
type blocked struct {
	limit  unit.Cycles
	length unit.Cycles
}

// blocking finds the longest chains of nodes that load a link on each of their cores.
func (a *facts) blocking(link int) *blocking {
	g := a.Graph
	until, from := make([]unit.Cycles, len(g.Nodes)), make([]unit.Cycles, len(g.Nodes))
	for _, n := range a.order {
		until[n] += a.blocks(n, link)
		for e := range g.Out(n) {
			until[e.Dst] = max(until[e.Dst], until[n])
		}
	}
	for i := len(a.order) - 1; i >= 0; i-- {
		n := a.order[i]
		for e := range g.Out(n) {
			from[n] = max(from[n], from[e.Dst])
		}
		from[n] += a.blocks(n, link)
	}
	c := &blocking{}
	for n := range g.Nodes {
		c.until = append(c.until, blocked{a.leastTail(taskgraph.NodeID(n)), until[n]})
		c.from = append(c.from, blocked{a.leastHead(taskgraph.NodeID(n)), from[n]})
	}
	for _, list := range [][]blocked{c.until, c.from} {
		slices.SortFunc(list, func(x, y blocked) int { return cmp.Compare(y.limit, x.limit) })
		for i := 1; i < len(list); i++ {
			list[i].length = max(list[i].length, list[i-1].length)
		}
	}
	return c
}

// within is the longest chain whose limit is at least the given one.
func within(list []blocked, limit unit.Cycles) unit.Cycles {
	i, _ := slices.BinarySearchFunc(list, limit, func(b blocked, limit unit.Cycles) int {
		if b.limit >= limit {
			return -1
		}
		return 1
	})
	if i == 0 {
		return 0
	}
	return list[i-1].length
}

// blocks is how long a node's streaming keeps transfers off a link, on whichever
// core it runs. A load of next to nothing does not.
//
// Under JoinPastTransfers a node may share a slot of a link with another one that
// streamed the same tensor.
func (a *facts) blocks(n taskgraph.NodeID, link int) unit.Cycles {
	if a.Rules.JoinPastTransfers {
		for _, x := range a.Graph.Nodes[n].Operands {
			if a.Graph.Tensors[x].Uses > 1 || a.writer[x] == several {
				return 0
			}
		}
	}
	bandwidth := float64(a.Accelerator.Links[link].Bandwidth)
	// There may be others beside it to stream over.
	only := func(lanes [][]int) bool {
		return len(lanes) > 0 && !slices.ContainsFunc(lanes, func(lane []int) bool { return !slices.Contains(lane, link) })
	}
	return a.least(n, func(at int) unit.Cycles {
		core := a.cores(n)[at-int(a.first[n])]
		in, out := a.demand(n, core)
		var load float64
		if only(a.inward[core]) {
			load += float64(in)
		}
		if only(a.outward[core]) {
			load += float64(out)
		}
		if load > bandwidth*1e-6 {
			return a.run[at]
		}
		return 0
	})
}

// busiest is the best bound of a list of crossing tensors, over thresholds for when
// they can begin to cross and what follows, and what most of its time goes into.
func busiest(list []crosser, blocks *blocking, grid int) (best unit.Cycles, main kind) {
	// try takes the jobs by descending threshold, those that begin to cross by rest apart.
	try := func(jobs []crosser, threshold func(*crosser) unit.Cycles, chains []blocked, rest unit.Cycles) {
		var parts [numKinds]float64
		sum := 0.0
		next := func(i int) int {
			for i++; i < len(jobs) && jobs[i].r < rest; i++ {
			}
			return i
		}
		for i := next(-1); i < len(jobs); {
			sum += jobs[i].busy
			parts[jobs[i].kind] += jobs[i].busy
			limit := threshold(&jobs[i])
			if i = next(i); i < len(jobs) && threshold(&jobs[i]) == limit {
				continue
			}
			chained := within(chains, limit)
			if latency := rest + whole(sum) + chained + limit; latency > best {
				parts[streaming] = float64(chained)
				best, main = latency, largest(parts[:])
			}
		}
	}
	sorted := func(threshold func(*crosser) unit.Cycles) []crosser {
		jobs := append(slices.Clip(list), crosser{}) // the last one so that chains count even without any
		slices.SortStableFunc(jobs, func(x, y crosser) int { return cmp.Compare(threshold(&y), threshold(&x)) })
		return jobs
	}
	var until, from []blocked
	if blocks != nil {
		until, from = blocks.until, blocks.from
	}
	r, q := func(c *crosser) unit.Cycles { return c.r }, func(c *crosser) unit.Cycles { return c.q }
	byTail := sorted(q)
	try(byTail, q, until, 0)
	try(sorted(r), r, from, 0)
	for _, r := range thresholds(list, grid, r) {
		try(byTail, q, nil, r)
	}
	return best, main
}

func largest(parts []float64) kind {
	best := kind(0)
	for k := range parts {
		if parts[k] > parts[best] {
			best = kind(k)
		}
	}
	return best
}

// thresholds picks a number of different values above 0 of a list, ascending.
func thresholds[T any](list []T, most int, value func(*T) unit.Cycles) []unit.Cycles {
	var all []unit.Cycles
	for i := range list {
		if v := value(&list[i]); v > 0 {
			all = append(all, v)
		}
	}
	slices.Sort(all)
	all = slices.Compact(all)
	if len(all) <= most {
		return all
	}
	picked := make([]unit.Cycles, most)
	for i := range picked {
		picked[i] = all[i*len(all)/most]
	}
	return picked
}
