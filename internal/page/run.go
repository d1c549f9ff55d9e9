package page

import (
	"cmp"
	"fmt"
	"image/color"
	"math"
	"slices"

	"streamdse/internal/critical"
	"streamdse/internal/report"
	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/unit"
)

// run is a result as the page knows it, but for what is in columns.
type run struct {
	Mode      string          `json:"mode"`
	Title     string          `json:"title"`
	Latency   unit.Cycles     `json:"latency"`
	Horizon   unit.Cycles     `json:"horizon"`
	Energy    unit.Picojoules `json:"energy"`
	Parts     []float64       `json:"parts"` // of the energy, as header.EnergyParts
	EDP       float64         `json:"edp"`
	Bound     bound           `json:"bound"`
	Objective string          `json:"objective"`
	Rules     string          `json:"rules"`
	Edges     int             `json:"dependencies"`
	Search    search          `json:"search"`
	Cores     []core          `json:"cores"`
	Links     []link          `json:"links"`
	Memories  []memory        `json:"memories"`
	Layers    []layer         `json:"layers"`
	Costs     []cost          `json:"costs"`
	Paths     [][]int32       `json:"paths"` // of links, that transfers and streaming take
	Shares    []share         `json:"shares"`
	Columns   []column        `json:"columns"`
}

type bound struct {
	Latency     unit.Cycles     `json:"latency"` // 0 if none is known
	SetBy       string          `json:"by"`
	Energy      unit.Picojoules `json:"energy"` // 0 if none is known
	EnergySetBy string          `json:"energyBy"`
}

type search struct {
	Evaluations int  `json:"evaluations"`
	Exhaustive  bool `json:"exhaustive"`
	Interrupted bool `json:"interrupted"`
}

type core struct {
	Name    string      `json:"name"`
	Busy    unit.Cycles `json:"busy"`
	Nodes   int         `json:"nodes"`
	Offchip bool        `json:"offchip"`
}

type link struct {
	Name      string      `json:"name"`
	Busy      unit.Cycles `json:"busy"`
	Transfers int         `json:"transfers"`
	Bandwidth float64     `json:"bandwidth"` // bits a cycle, 0 if unlimited
	Offchip   bool        `json:"offchip"`
}

type memory struct {
	Name     string    `json:"name"`
	Capacity unit.Bits `json:"capacity"`
	Peak     unit.Bits `json:"peak"`
	Offchip  bool      `json:"offchip"`
}

type layer struct {
	Name     string    `json:"name"`
	Short    string    `json:"short"`
	Type     string    `json:"type"`
	Colour   string    `json:"colour"`
	First    int       `json:"first"` // its first node; they follow each other
	Nodes    int       `json:"nodes"`
	Stack    int       `json:"stack"`
	Dims     []dim     `json:"dims"`
	Operands []string  `json:"operands"`
	Cores    []int32   `json:"cores"`
	Start    int64     `json:"start"`
	End      int64     `json:"end"`
	Busy     int64     `json:"busy"`
	Time     []float64 `json:"time"`  // as header.TimeParts
	Parts    []float64 `json:"parts"` // of the energy, as header.EnergyParts
	Moved    unit.Bits `json:"moved"`
}

type dim struct {
	Name string `json:"name"`
	Size int    `json:"size"`
	Cut  bool   `json:"cut"` // nodes have a part of it, in columns of their own
}

// cost is what a node of some class takes on some core.
type cost struct {
	Runtime   unit.Cycles     `json:"runtime"`
	Compute   float64         `json:"compute"`
	Stall     float64         `json:"stall"`
	Load      float64         `json:"load"`
	Store     float64         `json:"store"`
	Operation unit.Picojoules `json:"operation"`
	Memory    unit.Picojoules `json:"memory"`
	Offchip   unit.Picojoules `json:"offchip"`
	Streamed  string          `json:"streamed"` // operands
}

// share is the part of the critical path that a core, link or memory takes.
type share struct {
	On     int64       `json:"on"` // see resource
	Cycles unit.Cycles `json:"cycles"`
	Steps  int         `json:"steps"`
}

// resource is a core, link or memory as a number.
func resource(r critical.Resource) int64 { return 4*int64(r.Index) + int64(r.Kind) }

// event is a node or a transfer as a number, 0 for none.
func event(e critical.Event) int64 {
	switch {
	case e.Node >= 0:
		return int64(e.Node) + 1
	case e.Transfer >= 0:
		return -int64(e.Transfer) - 1
	}
	return 0
}

// builder collects a run.
type builder struct {
	*packer
	d     *report.Data
	run   run
	paths map[string]int64 // number in run.Paths
	why   *critical.Analysis
}

// newRun collects what the page needs of a result.
func newRun(p *packer, d *report.Data) run {
	b := &builder{packer: p, d: d, paths: map[string]int64{}, why: critical.New(d.Graph, d.Accelerator, d.Schedule)}
	first := len(p.columns)
	b.totals()
	b.resources()
	b.layers()
	b.nodes()
	b.transfers()
	b.edges()
	b.curves()
	b.critical()
	b.run.Columns = slices.Clone(p.columns[first:])
	return b.run
}

func (b *builder) totals() {
	d, r := b.d, &b.run
	s := d.Schedule
	r.Mode, r.Title = d.Inputs.Mode, d.Title()
	r.Latency, r.Horizon, r.Energy, r.EDP = s.Latency, d.Horizon(), s.Energy.Total(), s.EDP()
	r.Bound = bound{d.LowerBound.Latency, d.LowerBound.SetBy, d.LowerBound.Energy, d.LowerBound.EnergySetBy}
	r.Objective, r.Rules = d.Inputs.Objective, d.Inputs.Rules
	r.Search = search{d.Search.Evaluations, d.Search.Exhaustive, d.Search.Interrupted}
	r.Edges = d.Graph.EdgeCount()
	r.Costs, r.Paths = []cost{}, [][]int32{}
}

func (b *builder) resources() {
	a, r := b.d.Accelerator, &b.run
	figures := report.NewResult(b.d)
	for i := range a.Cores {
		r.Cores = append(r.Cores, core{report.CoreName(&a.Cores[i]), figures.Cores[i].Busy, figures.Cores[i].ComputationNodes, i == a.Offchip})
	}
	names := report.LinkNames(a)
	for i := range a.Links {
		bandwidth := float64(a.Links[i].Bandwidth)
		if math.IsInf(bandwidth, 1) {
			bandwidth = 0
		}
		r.Links = append(r.Links, link{names[i], figures.Links[i].Busy, figures.Links[i].Transfers, bandwidth, report.OffchipLink(a, &a.Links[i])})
	}
	for i := range a.Stores {
		st := &a.Stores[i]
		r.Memories = append(r.Memories, memory{report.MemoryName(st), st.Capacity, figures.Memories[i].Peak, report.OffchipMemory(a, st)})
	}
}

func (b *builder) layers() {
	g := b.d.Graph
	names, short, colours := report.LayerNames(g.Layers), report.ShortNames(g.Layers), report.LayerColours(g.Layers)
	parts := b.d.Breakdowns()
	total := b.d.Energy(parts)
	b.run.Parts = floats(total[:])
	first := 0
	for i := range g.Layers {
		l, x := &g.Layers[i], &parts[i]
		out := layer{
			Name: names[i], Short: short[i], Type: l.Type, Colour: hex(colours[i]), First: first, Nodes: x.Nodes, Stack: l.Stack,
			Dims: []dim{}, Operands: []string{}, Cores: []int32{},
			Start: int64(x.Start), End: int64(x.End), Busy: int64(x.Busy), Time: x.Time[:], Parts: floats(x.Energy[:]), Moved: x.Moved,
		}
		for _, o := range l.Operands {
			out.Operands = append(out.Operands, o.Name)
		}
		nodes := g.Nodes[first : first+x.Nodes]
		for n := range nodes {
			if c := b.d.Schedule.Tasks[first+n].Core; !slices.Contains(out.Cores, c) {
				out.Cores = append(out.Cores, c)
			}
		}
		slices.Sort(out.Cores)
		for k, size := range l.Dims {
			d := dim{Name: string(size.Dim), Size: size.Size}
			for n := range nodes {
				d.Cut = d.Cut || nodes[n].Ranges[k].Lo != 0 || int(nodes[n].Ranges[k].Hi) != size.Size
			}
			if d.Cut {
				b.add(fmt.Sprintf("lo.%d.%d", i, k), len(nodes), func(n int) int64 { return int64(nodes[n].Ranges[k].Lo) })
				b.add(fmt.Sprintf("hi.%d.%d", i, k), len(nodes), func(n int) int64 { return int64(nodes[n].Ranges[k].Hi) })
			}
			out.Dims = append(out.Dims, d)
		}
		first += x.Nodes
		b.run.Layers = append(b.run.Layers, out)
	}
}

func (b *builder) nodes() {
	g, s := b.d.Graph, b.d.Schedule
	count := len(g.Nodes)
	b.add("node.sub", count, func(i int) int64 { return int64(g.Nodes[i].Sub) })
	b.add("node.core", count, func(i int) int64 { return int64(s.Tasks[i].Core) })
	b.add("node.start", count, func(i int) int64 { return int64(s.Tasks[i].Start) })
	b.add("node.length", count, func(i int) int64 { return int64(s.Tasks[i].End - s.Tasks[i].Start) })
	b.order("node", count, func(i int) unit.Cycles { return s.Tasks[i].Start })
	b.wait("node", count, func(i int) critical.Wait { return b.why.Node(nodeID(i)) })
	if b.d.Costs == nil {
		return
	}
	known := map[[2]int32]int64{}
	b.add("node.cost", count, func(i int) int64 {
		key := [2]int32{g.Nodes[i].Class, s.Tasks[i].Core}
		k, ok := known[key]
		if !ok {
			k = int64(len(b.run.Costs))
			known[key] = k
			c := b.d.Costs.At(key[0], int(key[1]))
			out := cost{c.Runtime, c.Compute, c.Stall, c.Load, c.Store, c.Operation, c.Onchip - c.Operation, c.Offchip, ""}
			layer := &g.Layers[g.Nodes[i].Layer]
			for o, op := range layer.Memory {
				if slices.Contains(c.Streamed, op) {
					out.Streamed += " " + layer.Operands[o].Name
				}
			}
			b.run.Costs = append(b.run.Costs, out)
		}
		return k
	})
}

// order appends the numbers from 0 to count-1 by time, so that the page need not sort.
func (b *builder) order(prefix string, count int, start func(int) unit.Cycles) {
	order := make([]int32, count)
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortStableFunc(order, func(x, y int32) int { return cmp.Compare(start(int(x)), start(int(y))) })
	b.add(prefix+".order", count, func(i int) int64 { return int64(order[i]) })
}

// wait appends what nodes or transfers waited for.
func (b *builder) wait(prefix string, count int, of func(int) critical.Wait) {
	waits := make([]critical.Wait, count)
	for i := range waits {
		waits[i] = of(i)
	}
	b.add(prefix+".cause", count, func(i int) int64 { return int64(waits[i].Cause) })
	b.add(prefix+".for", count, func(i int) int64 { return event(waits[i].For) })
	b.add(prefix+".on", count, func(i int) int64 { return resource(waits[i].On) })
}

func (b *builder) transfers() {
	g, all := b.d.Graph, b.d.Schedule.Transfers
	column := func(name string, value func(i int) int64) { b.add("transfer."+name, len(all), value) }
	column("layer", func(i int) int64 { return int64(g.Tensors[all[i].Tensor].Layer) })
	column("operand", func(i int) int64 { return int64(g.Tensors[all[i].Tensor].Operand) })
	column("kind", func(i int) int64 { return int64(report.TransferKind(g, &all[i])) })
	column("reason", func(i int) int64 { return int64(all[i].Cause) })
	column("from", func(i int) int64 { return int64(all[i].FromStore) })
	column("to", func(i int) int64 { return int64(all[i].ToStore) })
	column("node", func(i int) int64 { return int64(all[i].For) })
	column("start", func(i int) int64 { return int64(all[i].Start) })
	column("length", func(i int) int64 { return int64(all[i].End - all[i].Start) })
	column("bits", func(i int) int64 { return int64(all[i].Bits) })
	column("path", func(i int) int64 { return b.pathNumber(all[i].Links) })
	column("joined", func(i int) int64 {
		if all[i].Joined {
			return 1
		}
		return 0
	})
	b.addFloats("transfer.linkEnergy", len(all), func(i int) float64 { return float64(all[i].LinkEnergy) })
	b.addFloats("transfer.memoryEnergy", len(all), func(i int) float64 { return float64(all[i].MemoryEnergy) })
	b.order("transfer", len(all), func(i int) unit.Cycles { return all[i].Start })
	b.wait("transfer", len(all), b.why.Transfer)

	blocks := slices.Clone(b.d.Schedule.Blocks)
	slices.SortStableFunc(blocks, func(x, y schedule.Block) int { return cmp.Compare(x.Start, y.Start) })
	b.add("block.node", len(blocks), func(i int) int64 { return int64(blocks[i].Node) })
	b.add("block.start", len(blocks), func(i int) int64 { return int64(blocks[i].Start) })
	b.add("block.length", len(blocks), func(i int) int64 { return int64(blocks[i].End - blocks[i].Start) })
	b.add("block.path", len(blocks), func(i int) int64 { return b.pathNumber(blocks[i].Links) })
	b.addFloats("block.linkEnergy", len(blocks), func(i int) float64 { return float64(blocks[i].LinkEnergy) })
	b.addFloats("block.bandwidth", len(blocks), func(i int) float64 {
		if len(blocks[i].Bandwidth) == 0 {
			return 0
		}
		return float64(slices.Max(blocks[i].Bandwidth))
	})
}

// pathNumber is the number of a list of links in run.Paths, which names each link
// once.
func (b *builder) pathNumber(links []int32) int64 {
	key := fmt.Sprint(links)
	k, ok := b.paths[key]
	if !ok {
		k = int64(len(b.run.Paths))
		b.paths[key] = k
		once := []int32{}
		for _, l := range links {
			if !slices.Contains(once, l) {
				once = append(once, l)
			}
		}
		b.run.Paths = append(b.run.Paths, once)
	}
	return k
}

// edges appends the dependencies, by the node that has them.
func (b *builder) edges() {
	g := b.d.Graph
	b.add("edge.count", len(g.Nodes), func(i int) int64 { return int64(g.InDegree(nodeID(i))) })
	column := func(name string, value func(taskgraph.Edge) int64) {
		b.addAll("edge."+name, func(yield func(int64) bool) {
			for i := range g.Nodes {
				for e := range g.In(nodeID(i)) {
					if !yield(value(e)) {
						return
					}
				}
			}
		})
	}
	column("src", func(e taskgraph.Edge) int64 { return int64(e.Src) })
	column("operand", func(e taskgraph.Edge) int64 { // -1: it only orders its ends
		if !e.Data() {
			return -1
		}
		return int64(e.Operand)
	})
	column("bits", func(e taskgraph.Edge) int64 { return int64(e.Bits) })
}

func (b *builder) curves() {
	for m := range b.d.Schedule.Memories {
		c := &b.d.Schedule.Memories[m]
		b.add(fmt.Sprintf("memory.%d.time", m), len(c.Times), func(i int) int64 { return int64(c.Times[i]) })
		b.add(fmt.Sprintf("memory.%d.bits", m), len(c.Bits), func(i int) int64 { return int64(c.Bits[i]) })
	}
}

// critical appends the steps of the critical path.
func (b *builder) critical() {
	path := b.why.Path()
	b.add("path.start", len(path), func(i int) int64 { return int64(path[i].Start) })
	b.add("path.length", len(path), func(i int) int64 { return int64(path[i].End - path[i].Start) })
	b.add("path.event", len(path), func(i int) int64 { return event(path[i].Event) })
	b.add("path.on", len(path), func(i int) int64 { return resource(path[i].On) })
	b.add("path.then", len(path), func(i int) int64 { return int64(path[i].Then) })
	b.add("path.over", len(path), func(i int) int64 { return resource(path[i].Over) })
	b.run.Shares = []share{}
	for _, x := range critical.Shares(path) {
		b.run.Shares = append(b.run.Shares, share{resource(x.On), x.Cycles, x.Steps})
	}
}

func hex(c color.RGBA) string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }

func floats(parts []unit.Picojoules) []float64 {
	out := make([]float64, len(parts))
	for i, p := range parts {
		out[i] = float64(p)
	}
	return out
}
