// Package bottleneck tells what a schedule spends most of its latency and energy on,
// and which changes of the accelerator or of the split may help. It judges by the
// schedule and the costs of its nodes alone; whether a change does help is found out
// by scheduling again.
package bottleneck

import (
	"cmp"
	"slices"

	"streamdse/hardware"
	"streamdse/internal/critical"
	"streamdse/mapping"
	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/unit"
	"streamdse/workload"
)

// Kind is a kind of cause.
type Kind string

// What latency is spent on, along the critical path.
const (
	Computing Kind = "computing"              // operations, none of them waiting
	InCore    Kind = "memories inside cores"  // nodes wait for their core's memories, fill or empty them
	OnLink    Kind = "link"                   // data moves over a link, or a link is too slow for streamed operands
	Room      Kind = "memory room"            // data leaves a memory to make room
	Streamed  Kind = "streamed operands"      // nodes wait for operands that do not fit their core; also their energy
	Unnoticed Kind = "waiting without reason" // the schedule does not tell what for
)

// What energy is spent on, beside InCore and Streamed.
const (
	Operations Kind = "operations" // of the processing elements
	Weights    Kind = "constants from off-chip"
	Activation Kind = "activations from off-chip"
	Evicted    Kind = "evictions"
	Results    Kind = "network outputs"
	CoreToCore Kind = "transfers between cores"
)

// Cause is a share of the latency or of the energy.
type Cause struct {
	Kind  Kind
	Index int // link (OnLink) or top-level memory (Room); else -1
	// Amount is cycles on the critical path, or pJ; Share is the part of the whole.
	Amount, Share float64
	// Layer is the layer with the largest part of it, an index of the graph's Layers,
	// and LayerShare that part of Amount.
	Layer      int
	LayerShare float64
	// Again is, of data from off-chip, the part of the bits that had been fetched
	// before, for a memory that lost them or another one.
	Again float64
	// Remedies are the changes that may make it smaller.
	Remedies []Change
}

// Causes are what a schedule spends most on, the largest share first, three each.
type Causes struct{ Latency, Energy []Cause }

// Of finds the causes.
func Of(g *taskgraph.Graph, acc *hardware.Accelerator, costs *schedule.CostTable, s *schedule.Schedule) Causes {
	f := finder{g: g, acc: acc, costs: costs, s: s, blocks: map[taskgraph.NodeID]int{}}
	for i := range s.Blocks {
		f.blocks[s.Blocks[i].Node] = i
	}
	return Causes{Latency: f.latency(), Energy: f.energy()}
}

// Changes lists the remedies of all causes, each once.
func (c Causes) Changes() []Change {
	var list []Change
	for _, cause := range slices.Concat(c.Latency, c.Energy) {
		for _, r := range cause.Remedies {
			if !slices.ContainsFunc(list, func(x Change) bool { return x.Same(r) }) {
				list = append(list, r)
			}
		}
	}
	return list
}

// Same tells whether two changes are the same.
func (c Change) Same(d Change) bool {
	return c.Kind == d.Kind && c.Index == d.Index && slices.Equal(c.Cores, d.Cores) && c.Cut == d.Cut
}

// finder adds up what a schedule spends.
type finder struct {
	g     *taskgraph.Graph
	acc   *hardware.Accelerator
	costs *schedule.CostTable
	s     *schedule.Schedule

	blocks map[taskgraph.NodeID]int // of the nodes that stream
}

// place is a cause with its resource.
type place struct {
	kind  Kind
	index int
}

// account adds up amounts by cause and layer.
type account struct {
	places []place
	sums   []float64
	layers []map[int32]float64
}

func (a *account) add(p place, layer int32, amount float64) {
	if amount <= 0 {
		return
	}
	i := slices.Index(a.places, p)
	if i < 0 {
		i = len(a.places)
		a.places, a.sums, a.layers = append(a.places, p), append(a.sums, 0), append(a.layers, map[int32]float64{})
	}
	a.sums[i] += amount
	if layer >= 0 {
		a.layers[i][layer] += amount
	}
}

// top is the three largest causes of a whole.
func (a *account) top(whole float64) []Cause {
	var list []Cause
	for i, p := range a.places {
		c := Cause{Kind: p.kind, Index: p.index, Amount: a.sums[i], Share: a.sums[i] / max(whole, 1e-300), Layer: -1}
		for layer, amount := range a.layers[i] {
			if share := amount / c.Amount; share > c.LayerShare || share == c.LayerShare && int(layer) < c.Layer {
				c.Layer, c.LayerShare = int(layer), share
			}
		}
		list = append(list, c)
	}
	slices.SortStableFunc(list, func(x, y Cause) int {
		return cmp.Or(cmp.Compare(y.Amount, x.Amount), cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Index, y.Index))
	})
	const most = 3
	return list[:min(len(list), most)]
}

// latency divides the critical path.
func (f *finder) latency() []Cause {
	var a account
	inCore := make([]float64, len(f.acc.Cores))
	for _, step := range critical.New(f.g, f.acc, f.s).Path() {
		length := float64(step.End - step.Start)
		switch {
		case step.Event.Node >= 0 && step.On.Kind == critical.Core:
			f.node(&a, step.Event.Node, length, inCore)
		case step.Event.Node >= 0:
			a.add(place{OnLink, int(step.On.Index)}, f.g.Nodes[step.Event.Node].Layer, length)
		case step.Event.Transfer >= 0:
			t := &f.s.Transfers[step.Event.Transfer]
			layer := f.reader(t)
			switch {
			case t.Cause == schedule.Eviction:
				a.add(place{Room, int(t.FromStore)}, layer, length)
			case step.On.Kind == critical.Link:
				a.add(place{OnLink, int(step.On.Index)}, layer, length)
			default:
				a.add(place{InCore, -1}, layer, length)
			}
		default:
			a.add(place{Unnoticed, -1}, -1, length)
		}
	}
	causes := a.top(float64(f.s.Latency))
	for i := range causes {
		c := &causes[i]
		switch c.Kind {
		case Computing:
			c.Remedies = f.splits()
		case InCore:
			c.Remedies = f.wider(inCore)
		case Streamed:
			c.Remedies = []Change{{Kind: Offchip}, {Kind: Stores}}
		case OnLink:
			c.Remedies = []Change{{Kind: Link, Index: c.Index}}
			if l := &f.acc.Links[c.Index]; l.From == f.acc.Offchip || l.To == f.acc.Offchip || slices.Contains(l.Members, f.acc.Offchip) {
				c.Remedies = append(c.Remedies, Change{Kind: Offchip}, Change{Kind: Stores})
			}
		case Room:
			c.Remedies = []Change{{Kind: Store, Index: c.Index}, {Kind: Stores}}
		}
	}
	return causes
}

// node divides the run of a node.
func (f *finder) node(a *account, n taskgraph.NodeID, length float64, inCore []float64) {
	node, task := &f.g.Nodes[n], f.s.Tasks[n]
	c := f.costs.At(node.Class, int(task.Core))
	part := length / max(float64(task.End-task.Start), 1) // of the node that is on the path
	computing := min(length, part*c.Compute)
	stretch := part * float64(max(0, task.End-task.Start-c.Runtime))
	a.add(place{Computing, -1}, node.Layer, computing)
	if stretch > 0 {
		if link := f.slowest(n); link >= 0 {
			a.add(place{OnLink, link}, node.Layer, stretch)
		} else {
			stretch = 0
		}
	}
	rest := max(0, length-computing-stretch)
	if len(c.Streamed) > 0 {
		a.add(place{Streamed, -1}, node.Layer, rest)
		return
	}
	a.add(place{InCore, -1}, node.Layer, rest)
	inCore[task.Core] += rest
}

// slowest is the link that a node's streaming takes most of, -1 if it takes none.
func (f *finder) slowest(n taskgraph.NodeID) int {
	i, ok := f.blocks[n]
	if !ok {
		return -1
	}
	b := &f.s.Blocks[i]
	link, most := -1, 0.0
	for k, l := range b.Links {
		if part := float64(b.Bandwidth[k] / f.acc.Links[l].Bandwidth); part > most {
			link, most = int(l), part
		}
	}
	return link
}

// reader is the layer that a transfer serves.
func (f *finder) reader(t *schedule.Transfer) int32 {
	if fetched := t.Cause == schedule.Fetch || t.Cause == schedule.Prefetch; fetched && t.For >= 0 {
		return f.g.Nodes[t.For].Layer
	}
	return f.g.Tensors[t.Tensor].Layer
}

// wider is to widen the memories of the cores that waited most, and of those like them.
func (f *finder) wider(waited []float64) []Change {
	worst := 0
	for i := range waited {
		if waited[i] > waited[worst] {
			worst = i
		}
	}
	if waited[worst] == 0 {
		return nil
	}
	c := Change{Kind: MemoryBandwidth}
	for i := range f.acc.Cores {
		if i != f.acc.Offchip && hardware.EqualPerformance(&f.acc.Cores[i], &f.acc.Cores[worst]) {
			c.Cores = append(c.Cores, i)
		}
	}
	return []Change{c}
}

// splits are to spread every layer over all cores that may run it, by output
// channels or by output rows.
func (f *finder) splits() []Change {
	parts := 0
	for i := range f.g.Layers {
		l := &f.g.Layers[i]
		if l.Layer != nil && l.Entry != nil {
			parts = max(parts, len(l.Entry.Candidates(f.acc, l.Layer, 0)))
		}
	}
	if parts < 2 {
		return nil
	}
	var list []Change
	for _, dim := range []workload.Dim{"K", "OY"} {
		list = append(list, Change{Kind: Split, Cut: mapping.Cut{Inter: true, Tiling: mapping.Tiling{Dim: dim, Parts: parts}}})
	}
	return list
}

// energy divides the energy.
func (f *finder) energy() []Cause {
	var a account
	for i := range f.g.Nodes {
		n := &f.g.Nodes[i]
		c := f.costs.At(n.Class, int(f.s.Tasks[i].Core))
		a.add(place{Operations, -1}, n.Layer, float64(c.Operation))
		a.add(place{InCore, -1}, n.Layer, float64(c.Onchip-c.Operation))
		a.add(place{Streamed, -1}, n.Layer, float64(c.Offchip))
	}
	for i := range f.s.Blocks {
		b := &f.s.Blocks[i]
		a.add(place{Streamed, -1}, f.g.Nodes[b.Node].Layer, float64(b.LinkEnergy))
	}
	received := make([]unit.Bits, len(f.acc.Stores))
	fetched, again := map[Kind]unit.Bits{}, map[Kind]unit.Bits{}
	seen := make([]bool, len(f.g.Tensors))
	for i := range f.s.Transfers {
		t := &f.s.Transfers[i]
		kind := f.kind(t)
		a.add(place{kind, -1}, f.reader(t), float64(t.LinkEnergy+t.MemoryEnergy))
		if kind == Weights || kind == Activation {
			received[t.ToStore] += t.Bits
			if t.Joined { // a broadcast is fetched once
				continue
			}
			fetched[kind] += t.Bits
			if seen[t.Tensor] {
				again[kind] += t.Bits
			}
			seen[t.Tensor] = true
		}
	}
	causes := a.top(float64(f.s.Energy.Total()))
	for i := range causes {
		c := &causes[i]
		switch c.Kind {
		case Operations, InCore, CoreToCore:
			c.Remedies = f.splits()
		case Weights, Activation:
			c.Again = float64(again[c.Kind]) / max(1, float64(fetched[c.Kind]))
			c.Remedies = []Change{{Kind: Store, Index: largest(received)}, {Kind: Stores}}
		case Streamed, Evicted:
			c.Remedies = []Change{{Kind: Stores}}
		}
	}
	return causes
}

func largest(list []unit.Bits) int {
	k := 0
	for i := range list {
		if list[i] > list[k] {
			k = i
		}
	}
	return k
}

// kind is what a transfer's energy is spent on.
func (f *finder) kind(t *schedule.Transfer) Kind {
	switch {
	case t.Cause == schedule.Eviction || t.Cause == schedule.Spill:
		return Evicted
	case t.Cause == schedule.Writeback:
		return Results
	case int(t.From) != f.acc.Offchip:
		return CoreToCore
	case f.g.Tensors[t.Tensor].Constant:
		return Weights
	}
	return Activation
}
