// Package bound computes latencies and energies that no schedule of a graph of
// computation nodes on an accelerator can beat, so that a schedule can say how
// good it is, and a search when to stop.
//
// # What is taken for granted
//
// The arguments below use only these facts of every schedule, which Verify of
// package schedule checks one by one; n, m are nodes, x is a tensor, c, d are cores.
//
//  1. n runs for run(n, c) cycles on the one core c of its group, without a break:
//     its runtime there, or longer if a link cannot keep up with what it streams, on the
//     best of the links that lead there.
//  2. A core runs one node at a time.
//  3. n starts after the nodes that it depends on have ended.
//  4. n starts after what it reads has arrived in the memory that it reads it from:
//     that of its core or, if it streams the operand, off-chip memory.
//  5. A tensor is in a memory because its writer ran there, because it is constant
//     and the memory is off-chip, or because a transfer ended there that had started
//     in another memory which held it then.
//  6. A transfer of x, or of the part of x that the core reads, takes bits(x) divided by
//     the bandwidth of the slowest link, rounded up, and loads all of its links in full;
//     transfers of the same data that begin together load a link once. What a node
//     streams loads links, too. No link is overloaded.
//  7. A network output ends up in off-chip memory. The latency is the end of the
//     last node or transfer.
//  8. The energy is the sum of what nodes cost on their cores and what transfers cost:
//     of those that load a link together, one pays for it and for the reading, and all
//     for their writing.
//
// The published rules break some of them on purpose; where a switch does, the
// argument is left out (facts.go says which and why).
//
// # Latency
//
// Paths. Let head(n, c) be a time before which n cannot start on core c, and
// tail(n, c) one that the schedule takes at least after n has ended there. By facts
// 3 to 6, if m depends on n, on cores d and c,
//
//	head(m, d) >= min over c of head(n, c) + run(n, c) + move(x, c, d),
//	tail(n, c) >= min over d of move(x, c, d) + run(m, d) + tail(m, d),
//
// where move is 0 if m reads x where n has written it, and else the time that x
// takes over the fastest chain of transfers; nodes of one group are on the same
// core, so that for them c = d. The minimum over c may be taken anew for each pair,
// which only lowers the result. head also covers constants: they must come from
// off-chip memory one after another. tail(n, c) covers the writing of a network
// output. By induction along the graph, and since the latency is the end of all,
//
//	latency >= max over n of min over c of head(n, c) + run(n, c) + tail(n, c).
//
// Links. Cut the cores in two sets. A tensor that is written or stored on one side
// and read on the other, whatever cores are chosen, crosses the cut at least once:
// weights and network inputs leave off-chip memory, network outputs enter it, and
// what layers write that can run only here, for layers that can run only there.
// Let J be a set of tensors that cross in one direction, none of which can begin to
// before time r, and after each of which the schedule takes at least q cycles more.
// The links of the cut, all that lie side by side among them, are busy with J for
// sum(bits) / sum(bandwidth) cycles, on a single link for the sum of whole cycles,
// between r and latency - q. So
//
//	latency >= r + busy(J) + q.
//
// Where readers need different parts of a tensor, what the one with the largest q
// reads crosses q cycles before the end, and what others need beside it later. For the
// transfers with the largest q (or r) this is Jackson's bound for one machine; all
// thresholds of q and of r are tried. A single link that is loaded by
// streaming cannot carry a transfer at the same time (fact 6), and the nodes of one
// chain of dependent nodes stream one after another (facts 1 and 3); so the longest
// chain of nodes that load the link on every core that may run them adds to busy(J),
// as far as they, too, end q cycles before the end and start after r.
//
// Compute. Let J be a set of nodes with min over c of head(n, c) >= r and of
// tail(n, c) >= q, not empty. Between r and latency - q each core c runs its share of
// J (facts 1, 2). For weights w(c) >= 0 with sum 1,
//
//	latency - r - q >= sum over c of w(c) * busy(c) >= sum over groups of min over c of w(c) * run(J of the group, c),
//
// the dual of the linear program that spreads groups over cores in fractions. With
// w = 1/|S| on a set S of cores this says that the work that only S may do takes at
// least its time divided by |S|. All such sets are tried, for a grid of thresholds r
// and q, and the best weights are improved by subgradient steps: each w is a proof.
//
// # Energy
//
// Each group costs at least what its nodes and the constants of its own cost on its
// cheapest core. Constants that several groups read leave off-chip memory once. A
// tensor whose writer and reader cannot be on cores with the same memory is moved, at
// the least energy per bit of any chain of transfers, to the reader for which that is
// most; or it is written for each of its readers that cannot share the copy of another,
// since another may have paid for the way: whichever is more. These are different
// events (fact 8), and each minimum is taken by itself.
//
// The energy-delay product is at least the product of the two bounds.
package bound

import (
	"streamdse/hardware"
	"streamdse/rules"
	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/unit"
)

// Problem is what a bound is computed for.
type Problem struct {
	Graph       *taskgraph.Graph
	Accelerator *hardware.Accelerator
	Costs       *schedule.CostTable
	// Cores lists the cores that may run a group of a layer.
	Cores func(layer, group int) []int
	// Rules are those of the schedules to bound; published quirks that let data
	// be used early weaken the bound.
	Rules rules.Rules
	// Prefetches tells that schedules may fetch constants before the first node asks.
	Prefetches bool
}

// Bound is what no schedule can beat.
type Bound struct {
	Latency      unit.Cycles
	LatencySetBy string // what gives it, in words
	Energy       unit.Picojoules
	EnergySetBy  string // its largest part
	// The single arguments for the latency, which is the largest of them.
	Path, Links, Compute Part
}

// Part is the latency that one argument gives.
type Part struct {
	Latency unit.Cycles
	SetBy   string
}

// Find computes the bounds.
func Find(p Problem) Bound {
	a := newFacts(p)
	a.choose()
	b := Bound{Path: a.path(), Links: a.links(), Compute: a.compute()}
	for _, part := range []Part{b.Path, b.Links, b.Compute} {
		if part.Latency > b.Latency || b.LatencySetBy == "" {
			b.Latency, b.LatencySetBy = part.Latency, part.SetBy
		}
	}
	b.Energy, b.EnergySetBy = a.energy()
	return b
}

// Partial bounds the same problem again and again for fewer and fewer cores, as a
// search does that fixes one choice after another. It belongs to one goroutine.
type Partial struct{ facts *facts }

// NewPartial prepares what does not depend on the cores.
func NewPartial(p Problem) *Partial {
	a := newFacts(p)
	a.grid = 3
	return &Partial{a}
}

// Find bounds the latency and energy of every allocation to some of the cores. It
// tries less than the function of that name, and so is quicker.
func (p *Partial) Find(cores func(layer, group int) []int) (unit.Cycles, unit.Picojoules) {
	a := *p.facts
	a.Cores = cores
	a.run, a.head, a.tail = p.facts.run[:0], nil, nil
	a.choose()
	p.facts.run = a.run
	energy, _ := a.energy()
	return max(a.path().Latency, a.offchip().Latency, a.compute().Latency), energy
}
