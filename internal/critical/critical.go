package critical

import (
	"cmp"
	"slices"

	"streamdse/hardware"
	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/unit"
)

// Cause is what an event waited for.
type Cause uint8

const (
	// Nothing: it began as soon as it could, at time 0, or as far as the schedule
	// tells nothing kept it.
	Nothing    Cause = iota
	CoreBusy         // the core ran another node
	Arrival          // data had to be moved to where it is needed
	LinkBusy         // a link was taken by other data
	MemoryFull       // a memory had no room
	Producer         // data was being computed, or the order of a layer's nodes kept it
)

func (c Cause) String() string {
	return [...]string{"nothing", "core busy", "data moved", "link busy", "memory full", "data computed"}[c]
}

// Event is the run of a node or a transfer; the other one is -1. Neither is no
// event.
type Event struct {
	Node     taskgraph.NodeID
	Transfer int32 // index of Schedule.Transfers
}

// None is no event.
var none = Event{-1, -1}

// Is tells whether there is an event.
func (e Event) Is() bool { return e.Node >= 0 || e.Transfer >= 0 }

// Kind is a kind of resource.
type Kind uint8

const (
	Unknown Kind = iota // nothing that the schedule names
	Core                // computes
	Link                // moves data
	Memory              // has or lacks room
)

func (k Kind) String() string { return [...]string{"unknown", "core", "link", "memory"}[k] }

// Resource is a core, a link or a memory of the accelerator: an index of its Cores,
// Links or Stores.
type Resource struct {
	Kind  Kind
	Index int32
}

// Wait tells why an event did not begin earlier.
type Wait struct {
	Cause Cause
	// On is where it waited: the core that was busy, the link that was taken or over
	// which the data came, the memory that was full or that the data came from.
	On Resource
	// For is what it waited for. It ended at Until, which is when the waiting event
	// began or, if the schedule does not tell all, before.
	For   Event
	Until unit.Cycles
}

// Analysis answers questions about a schedule. It is immutable and safe for several
// goroutines.
type Analysis struct {
	g   *taskgraph.Graph
	acc *hardware.Accelerator
	s   *schedule.Schedule

	onCore  [][]taskgraph.NodeID // of each core: its nodes by time
	arrived index                // of each tensor: its transfers
	written index                // of each tensor: the nodes that write it
	onLink  [][]use              // of each link: what takes it, by end
	left    [][]departure        // of each memory: what leaves it, by time
	block   []int32              // of each node: its block, index+1
}

// use is a time in which a link is taken.
type use struct {
	end   unit.Cycles
	event Event
}

// departure is the end of a stay in a memory.
type departure struct {
	end    unit.Cycles
	tensor taskgraph.TensorID
}

// index lists things by tensor.
type index struct {
	start []int32
	items []int32
}

func (x *index) of(t taskgraph.TensorID) []int32 { return x.items[x.start[t]:x.start[t+1]] }

// newIndex lists the numbers from 0 to count-1 under the tensor of each, in order.
func newIndex(tensors, count int, tensor func(i int) taskgraph.TensorID) index {
	x := index{make([]int32, tensors+1), make([]int32, count)}
	for i := range count {
		x.start[tensor(i)+1]++
	}
	for t := range tensors {
		x.start[t+1] += x.start[t]
	}
	next := slices.Clone(x.start)
	for i := range count {
		t := tensor(i)
		x.items[next[t]] = int32(i)
		next[t]++
	}
	return x
}

// New prepares the analysis of a schedule.
func New(g *taskgraph.Graph, acc *hardware.Accelerator, s *schedule.Schedule) *Analysis {
	a := &Analysis{g: g, acc: acc, s: s,
		onCore: make([][]taskgraph.NodeID, len(acc.Cores)),
		onLink: make([][]use, len(acc.Links)),
		left:   make([][]departure, len(acc.Stores)),
		block:  make([]int32, len(g.Nodes)),
	}
	for n := range s.Tasks {
		c := s.Tasks[n].Core
		a.onCore[c] = append(a.onCore[c], taskgraph.NodeID(n))
	}
	for _, nodes := range a.onCore {
		slices.SortStableFunc(nodes, func(x, y taskgraph.NodeID) int {
			p, q := &s.Tasks[x], &s.Tasks[y]
			return cmp.Or(cmp.Compare(p.Start, q.Start), cmp.Compare(p.End, q.End))
		})
	}
	a.arrived = newIndex(len(g.Tensors), len(s.Transfers), func(i int) taskgraph.TensorID { return s.Transfers[i].Tensor })
	a.written = newIndex(len(g.Tensors), len(g.Nodes), func(i int) taskgraph.TensorID { return g.Nodes[i].Operands[0] })
	for i := range s.Transfers {
		t := &s.Transfers[i]
		for _, l := range t.Links {
			a.onLink[l] = append(a.onLink[l], use{t.End, Event{-1, int32(i)}})
		}
	}
	for i := range s.Blocks {
		b := &s.Blocks[i]
		a.block[b.Node] = int32(i) + 1
		for _, l := range b.Links {
			a.onLink[l] = append(a.onLink[l], use{b.End, Event{b.Node, -1}})
		}
	}
	for _, uses := range a.onLink {
		slices.SortStableFunc(uses, func(x, y use) int { return cmp.Compare(x.end, y.end) })
	}
	for _, c := range s.Copies {
		if c.End != schedule.Forever {
			a.left[c.Store] = append(a.left[c.Store], departure{c.End, c.Tensor})
		}
	}
	for _, list := range a.left {
		slices.SortStableFunc(list, func(x, y departure) int { return cmp.Compare(x.end, y.end) })
	}
	return a
}

// span is when an event happens.
func (a *Analysis) span(e Event) (start, end unit.Cycles) {
	switch {
	case e.Node >= 0:
		t := &a.s.Tasks[e.Node]
		return t.Start, t.End
	case e.Transfer >= 0:
		t := &a.s.Transfers[e.Transfer]
		return t.Start, t.End
	}
	return 0, 0
}

// better keeps the wait that ends later; of those that end at the same time, the
// first.
func better(best *Wait, w Wait) {
	if w.For.Is() && (!best.For.Is() || w.Until > best.Until) {
		*best = w
	}
}

// Node tells what node n waited for last.
func (a *Analysis) Node(n taskgraph.NodeID) Wait {
	task := &a.s.Tasks[n]
	var best Wait
	best.For = none
	better(&best, a.previous(n))
	a.eachNeed(n, func(x taskgraph.TensorID) { better(&best, a.arrival(x, task.Core, task.Start)) })
	if i := a.block[n]; i > 0 {
		better(&best, a.busyLink(a.s.Blocks[i-1].Links, task.Start, Event{n, -1}))
	}
	better(&best, a.noRoom(a.g.Nodes[n].Operands[0], task.Start, Event{n, -1}))
	for e := range a.g.In(n) {
		src := &a.s.Tasks[e.Src]
		if src.End <= task.Start {
			better(&best, Wait{Producer, Resource{Core, src.Core}, Event{e.Src, -1}, src.End})
		}
	}
	return best
}

// Transfer tells what the transfer with the given index waited for last.
func (a *Analysis) Transfer(i int) Wait {
	t := &a.s.Transfers[i]
	self := Event{-1, int32(i)}
	best := Wait{For: none}
	for _, k := range a.arrived.of(t.Tensor) { // brought to where it is read
		if x := &a.s.Transfers[k]; int(k) != i && x.ToStore == t.FromStore && x.End <= t.Start {
			better(&best, Wait{Arrival, a.passes(x), Event{-1, k}, x.End})
		}
	}
	for _, n := range a.written.of(t.Tensor) { // computed there
		if task := &a.s.Tasks[n]; task.End <= t.Start {
			better(&best, Wait{Producer, Resource{Core, task.Core}, Event{taskgraph.NodeID(n), -1}, task.End})
		}
	}
	better(&best, a.busyLink(t.Links, t.Start, self))
	better(&best, a.roomIn(t.ToStore, t.Start, self))
	return best
}

// eachNeed calls f for the tensors that a node reads: constants, and what the nodes
// it depends on have written.
func (a *Analysis) eachNeed(n taskgraph.NodeID, f func(taskgraph.TensorID)) {
	for i := range a.g.Nodes[n].Operands {
		for r := range a.g.Constants(n, i) {
			f(r.Tensor)
		}
	}
	for e := range a.g.In(n) {
		if e.Data() {
			f(a.g.Nodes[e.Src].Operands[0])
		}
	}
}

// previous is the wait for the node that ran before on the same core.
func (a *Analysis) previous(n taskgraph.NodeID) Wait {
	c := a.s.Tasks[n].Core
	nodes := a.onCore[c]
	i, _ := slices.BinarySearchFunc(nodes, a.s.Tasks[n].Start, func(x taskgraph.NodeID, start unit.Cycles) int {
		return cmp.Compare(a.s.Tasks[x].Start, start)
	})
	if i == 0 {
		return Wait{For: none}
	}
	before := nodes[i-1]
	return Wait{CoreBusy, Resource{Core, c}, Event{before, -1}, a.s.Tasks[before].End}
}

// arrival is the wait for the transfer that brought a tensor to a core, or to the
// off-chip memory from which the core streams it, by the given time.
func (a *Analysis) arrival(x taskgraph.TensorID, core int32, by unit.Cycles) Wait {
	best := Wait{For: none}
	for _, i := range a.arrived.of(x) {
		t := &a.s.Transfers[i]
		if t.End <= by && (t.To == core || t.Cause == schedule.Spill) {
			better(&best, Wait{Arrival, a.passes(t), Event{-1, i}, t.End})
		}
	}
	return best
}

// passes is the slowest link of a transfer, or the memory it is read from if it
// stays within a core.
func (a *Analysis) passes(t *schedule.Transfer) Resource {
	slowest := Resource{Memory, t.FromStore}
	for i, l := range t.Links {
		if i == 0 || a.acc.Links[l].Bandwidth < a.acc.Links[slowest.Index].Bandwidth {
			slowest = Resource{Link, l}
		}
	}
	return slowest
}

// busyLink is the wait of an event that begins at t for something else on its links.
func (a *Analysis) busyLink(links []int32, t unit.Cycles, self Event) Wait {
	best := Wait{For: none}
	for _, l := range links {
		uses := a.onLink[l]
		for i := after(uses, t, func(u *use) unit.Cycles { return u.end }) - 1; i >= 0; i-- {
			if u := &uses[i]; u.event != self && !a.later(u.event, t) {
				better(&best, Wait{LinkBusy, Resource{Link, l}, u.event, u.end})
				break
			}
		}
	}
	return best
}

// later tells whether an event begins at t or after.
func (a *Analysis) later(e Event, t unit.Cycles) bool {
	start, _ := a.span(e)
	return start >= t
}

// after is the number of items whose time is not after t; times ascend.
func after[T any](items []T, t unit.Cycles, time func(*T) unit.Cycles) int {
	lo, hi := 0, len(items)
	for lo < hi {
		if mid := (lo + hi) / 2; time(&items[mid]) <= t {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// noRoom is the wait of a node for room for its output.
func (a *Analysis) noRoom(x taskgraph.TensorID, t unit.Cycles, self Event) Wait {
	tensor := &a.g.Tensors[x]
	op := a.g.Layers[tensor.Layer].Memory[tensor.Operand]
	store := a.acc.Top(int(a.s.Tasks[self.Node].Core), op)
	if store < 0 {
		return Wait{For: none}
	}
	return a.roomIn(int32(store), t, self)
}

// roomIn is the wait of an event that begins at t for room in a memory: for what
// made something leave it at that very time. That data left earlier was no reason
// to wait until t.
func (a *Analysis) roomIn(store int32, t unit.Cycles, self Event) Wait {
	list := a.left[store]
	first := after(list, t-1, func(d *departure) unit.Cycles { return d.end })
	last := after(list, t, func(d *departure) unit.Cycles { return d.end })
	for i := last - 1; i >= first; i-- {
		if e := a.freed(store, list[i].tensor, t); e.Is() && e != self {
			return Wait{MemoryFull, Resource{Memory, store}, e, t}
		}
	}
	if first < last { // nothing used it any more, but it was sent away only then
		if e := a.ready(self, t); e.Is() {
			return Wait{MemoryFull, Resource{Memory, store}, e, t}
		}
	}
	return Wait{For: none}
}

// ready is the event whose end at t let a node, or the one for which a transfer is
// made, ask for room: one that it depends on, or the one before it on its core.
func (a *Analysis) ready(self Event, t unit.Cycles) Event {
	n := self.Node
	if self.Transfer >= 0 {
		n = a.s.Transfers[self.Transfer].For
	}
	if n < 0 {
		return none
	}
	for e := range a.g.In(n) {
		if a.s.Tasks[e.Src].End == t {
			return Event{e.Src, -1}
		}
	}
	if w := a.previous(n); w.For.Is() && w.Until == t {
		return w.For
	}
	return none
}

// freed is the event that ended the stay of a tensor in a memory at t: the transfer
// that took it away, or the node that used it last.
func (a *Analysis) freed(store int32, x taskgraph.TensorID, t unit.Cycles) Event {
	for _, i := range a.arrived.of(x) {
		if move := &a.s.Transfers[i]; move.FromStore == store && move.End == t && move.Start < t {
			return Event{-1, i}
		}
	}
	for _, c := range a.acc.Stores[store].Cores {
		nodes := a.onCore[c]
		i, _ := slices.BinarySearchFunc(nodes, t, func(n taskgraph.NodeID, t unit.Cycles) int { return cmp.Compare(a.s.Tasks[n].Start, t) })
		if i == 0 {
			continue
		}
		n := nodes[i-1]
		uses := a.g.Nodes[n].Operands[0] == x
		a.eachNeed(n, func(y taskgraph.TensorID) { uses = uses || x == y })
		if uses && a.s.Tasks[n].End == t {
			return Event{n, -1}
		}
	}
	return none
}
