package hardware

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"streamdse/internal/diag"
	"streamdse/internal/yamldoc"
	"streamdse/unit"
)

// Resolver supplies the core files that an accelerator file names: the name to
// use in messages, and the content. Its error becomes part of a message.
type Resolver func(file string) (name string, data []byte, err error)

// maxCores bounds an accelerator, for the sake of the table of paths.
const maxCores = 256

// Parse reads an accelerator file; name is used in messages. The error is a
// diag.List with all problems of the file and of its core files.
//
// Three generations of Stream's format are read, of which the last two may be mixed:
//
//   - as of July to September 2024: cores (a list of core files) and a graph of
//     type 2d_mesh with nb_rows, nb_cols, bandwidth, unit_energy_cost,
//     pooling_core_id, simd_core_id and offchip_core_id. The mesh is filled column
//     by column; the pooling and the SIMD core have links to all its cores and to
//     each other, those of the SIMD core with unlimited bandwidth and at no cost.
//   - as of October 2024: cores (id -> core file), offchip_core (a core file; its id
//     follows the others), bandwidth, unit_energy_cost, core_connectivity with
//     entries "i, j", core_memory_sharing. Every core gets a connection to the
//     off-chip core: one shared by all cores and both directions, with the write
//     bandwidth of the off-chip memory, if that memory has one port; else one
//     towards it with its write and one away from it with its read bandwidth.
//   - as of 2025/2026: cores with the off-chip core among them, named by
//     offchip_core_id; core_connectivity with entries {type: link|bus, cores,
//     bandwidth, unit_energy_cost}; core_coordinates. The off-chip core is an
//     ordinary member of links and buses. A link is two directed connections, a
//     bus one medium for all its cores. A core may be written out in place.
//
// Beside unit_energy_cost, which is per cycle of activity, each of them may give
// energy_per_bit; the two add up. Where an entry of core_connectivity gives no
// bandwidth or energy, the accelerator's counts; an energy that is given nowhere is 0. Cores that
// several entries join have parallel links: each can carry something at the same time.
//
// Read but without effect on any figure: core_coordinates, technology_node,
// memory_aliases and max_object_fifo_depth; the last two leave a warning.
func Parse(name string, data []byte, resolve Resolver) (*Accelerator, error) {
	f, root := yamldoc.Parse(name, data)
	r := reader{file: f, resolve: resolve, cores: map[string]*Core{}}
	a := r.accelerator(root)
	if err := append(f.Problems(), r.problems...).Err(); err != nil {
		return nil, err
	}
	a.Warnings = append(f.Warnings(), r.warnings...)
	return a, nil
}

// reader reads one accelerator file and its core files.
type reader struct {
	file     *yamldoc.File
	resolve  Resolver
	cores    map[string]*Core // by the text that names the file; nil if it cannot be read
	nodes    []*yamldoc.Node  // where each core is named
	problems diag.List        // of core files
	warnings diag.List
}

func (r *reader) accelerator(root *yamldoc.Node) *Accelerator {
	switch {
	case root.Has("graph"):
		return r.meshed(root)
	case root.Has("memories") && !root.Has("cores"):
		root.Problem("this describes a single core (it has `memories`), not an accelerator", "", "name it under `cores` of an accelerator file")
		return nil
	}
	f, ok := root.Fields(yamldoc.Spec{
		Required: []string{"name", "cores", "core_connectivity"},
		Optional: []string{"offchip_core", "offchip_core_id", "bandwidth", "unit_energy_cost", "energy_per_bit", "core_memory_sharing",
			"core_coordinates", "technology_node", "memory_aliases", "max_object_fifo_depth"},
	})
	if !ok {
		return nil
	}
	a := new(Accelerator)
	a.Name, _ = f.Get("name").Text()
	a.TechnologyNode, _ = f.Get("technology_node").Text()
	for _, x := range [][2]string{
		{"memory_aliases", "costs are read from the core files"},
		{"max_object_fifo_depth", "the depth of object FIFOs is not modelled"},
	} {
		if e, has := f.Key(x[0]); has {
			e.Warn(fmt.Sprintf("`%s` has no effect", x[0]), x[1])
		}
	}
	known, complete := r.listCores(f, a)
	if !known {
		return nil
	}
	r.coordinates(f.Get("core_coordinates"), a)
	g := graph{acc: a, topology: newTopology(len(a.Cores))}
	g.common.read(f)
	g.read(f)
	leader := r.sharing(f.Get("core_memory_sharing"), a, complete)
	if !complete {
		return a
	}
	if f.Get("offchip_core") != nil {
		var others []int
		for c := range a.Offchip {
			others = append(others, c)
		}
		g.connectOffchip(others)
	}
	g.finish(leader)
	return a
}

// listCores reads the cores. It tells whether their ids are known, so that what
// refers to them can be checked, and whether all of them and the off-chip core
// are complete.
func (r *reader) listCores(f yamldoc.Fields, a *Accelerator) (known, complete bool) {
	n := f.Get("cores")
	byID := map[int]yamldoc.Entry{}
	known = n != nil
	if n != nil && n.Kind == yamldoc.List {
		n.Problem("must be a mapping from core ids to core files, found a list", "", "write \"0: first.yaml\", \"1: second.yaml\", ...")
		return false, false
	}
	for _, e := range n.Entries() {
		id, err := strconv.Atoi(e.Key)
		if err != nil || id < 0 || strconv.Itoa(id) != e.Key {
			e.Problem(fmt.Sprintf("%q is no core id", e.Key), "0, 1, 2, ...", "")
			known = false
			continue
		}
		byID[id] = e
	}
	if known && len(byID) == 0 {
		n.Problem("an accelerator needs at least one core", "", "")
		return false, false
	}
	if len(byID) > maxCores {
		n.Problem(fmt.Sprintf("%d cores", len(byID)), fmt.Sprintf("up to %d cores", maxCores), "")
		return false, false
	}
	complete = true
	for i, id := range slices.Sorted(maps.Keys(byID)) {
		if id != i {
			byID[id].Problem(fmt.Sprintf("core id %d, but there is no core %d", id, i), "ids from 0 without gaps", "")
			known = false
			break
		}
		complete = r.addCore(a, byID[id].Value) && complete
	}
	if !known {
		return false, false
	}
	own, id := f.Get("offchip_core"), f.Get("offchip_core_id")
	a.Offchip = -1
	switch {
	case own != nil && id != nil:
		e, _ := f.Key("offchip_core")
		e.Problem("`offchip_core` and `offchip_core_id` are both given", "", "keep the one that says where the off-chip memory is")
		return true, false
	case own != nil:
		a.Offchip = len(a.Cores)
		complete = r.addCore(a, own) && complete
	case id != nil:
		v, ok := id.Int(0)
		if ok && v >= int64(len(byID)) {
			id.Problem(fmt.Sprintf("there is no core %d", v), idRange(len(byID)), "")
			ok = false
		}
		if !ok {
			return true, false
		}
		a.Offchip = int(v)
	default:
		n.Problem("the accelerator has no off-chip memory", "", "name its core file with `offchip_core`, or its id with `offchip_core_id`")
		return true, false
	}
	if !complete {
		return true, false
	}
	if a.Cores[a.Offchip].Kind == "memory" {
		a.Cores[a.Offchip].Kind = "offchip"
	}
	return true, r.checkOffchip(a)
}

func idRange(n int) string {
	if n == 1 {
		return "0"
	}
	return fmt.Sprintf("0 to %d", n-1)
}

// checkOffchip checks the off-chip core, and that the top-level memories of the
// others have a way to the outside.
func (r *reader) checkOffchip(a *Accelerator) bool {
	ok := true
	off, at := &a.Cores[a.Offchip], r.nodes[a.Offchip]
	if len(off.Memories) != 1 {
		at.Problem(fmt.Sprintf("the off-chip core %q has %d memories", off.Name, len(off.Memories)), "exactly one", "")
		return false
	}
	for op := range MemoryOperand(NumMemoryOperands) {
		if !off.Memories[0].Stores(op) {
			at.Problem(fmt.Sprintf("the off-chip memory %q does not hold operand %s", off.Memories[0].Name, op), "", "")
			ok = false
		}
	}
	for id := range a.Cores {
		if id == a.Offchip {
			continue
		}
		c := &a.Cores[id]
		for op := range MemoryOperand(NumMemoryOperands) {
			l := c.Levels(op)
			if len(l) == 0 {
				continue
			}
			m, d, what := &c.Memories[l[len(l)-1]], FromHigh, "takes in data from other cores"
			if op == O {
				d, what = ToHigh, "passes results to other cores"
			}
			if m.Port(op, d) == nil {
				r.nodes[id].Problem(fmt.Sprintf("core %q: no port of its top-level memory %q %s (%s %s)", c.Name, m.Name, what, op, d),
					"", fmt.Sprintf("give the direction %s of %s to one of its ports", d, op))
				ok = false
			}
		}
	}
	return ok
}

// addCore appends the core that an entry of `cores` names or describes.
func (r *reader) addCore(a *Accelerator, n *yamldoc.Node) bool {
	var c *Core
	if n.Kind == yamldoc.Map {
		before := len(r.file.Problems())
		c = readCore(n)
		if len(r.file.Problems()) > before {
			c = nil
		}
	} else if file, ok := n.Text(); ok {
		c = r.coreFile(n, file)
	}
	r.nodes = append(r.nodes, n)
	id := len(a.Cores)
	if c == nil {
		a.Cores = append(a.Cores, Core{ID: id})
		return false
	}
	core := *c
	core.ID = id
	a.Cores = append(a.Cores, core)
	return true
}

// coreFile reads a core file, once however many cores use it.
func (r *reader) coreFile(n *yamldoc.Node, file string) *Core {
	if c, known := r.cores[file]; known {
		return c
	}
	r.cores[file] = nil
	name, data, err := r.resolve(file)
	if err != nil {
		n.Problem(err.Error(), "", "give the path of a core file, seen from this file or from the folder cores/ beside it")
		return nil
	}
	c, err := ParseCore(name, data)
	if list, bad := err.(diag.List); bad {
		r.problems = append(r.problems, list...)
		return nil
	}
	r.warnings = append(r.warnings, c.Warnings...)
	r.cores[file] = c
	return c
}

func (r *reader) coordinates(n *yamldoc.Node, a *Accelerator) {
	taken := map[Position]int{}
	for _, e := range n.Entries() {
		id, ok := coreID(e.Key, len(a.Cores))
		if !ok {
			e.Problem(fmt.Sprintf("there is no core %s", e.Key), idRange(len(a.Cores)), "")
			continue
		}
		xy := e.Value.List()
		if e.Value.Kind == yamldoc.List && len(xy) != 2 {
			e.Value.Problem(fmt.Sprintf("must have two elements, found %d", len(xy)), "[column, row]", "")
		}
		if len(xy) != 2 {
			continue
		}
		col, colOK := xy[0].Int(0)
		row, rowOK := xy[1].Int(0)
		if !colOK || !rowOK {
			continue
		}
		p := Position{int(col), int(row)}
		if other, is := taken[p]; is {
			e.Value.Problem(fmt.Sprintf("core %d is at column %d, row %d already", other, col, row), "", "")
		}
		taken[p] = id
		a.Cores[id].Position = &p
	}
}

func coreID(s string, cores int) (int, bool) {
	id, err := strconv.Atoi(strings.TrimSpace(s))
	return id, err == nil && id >= 0 && id < cores
}

// readIDs reads core ids, as a list or as the text "i, j".
func readIDs(n *yamldoc.Node, cores int) (ids []int, ok bool) {
	var words []string
	var at []*yamldoc.Node
	if n.Kind == yamldoc.List {
		for _, x := range n.List() {
			s, ok := x.Text()
			if !ok {
				return nil, false
			}
			words, at = append(words, s), append(at, x)
		}
	} else {
		s, ok := n.Text()
		if !ok {
			return nil, false
		}
		for _, w := range strings.Split(s, ",") {
			words, at = append(words, strings.TrimSpace(w)), append(at, n)
		}
	}
	ok = true
	for i, w := range words {
		id, known := coreID(w, cores)
		switch {
		case !known:
			if _, err := strconv.Atoi(w); err != nil {
				at[i].Problem(fmt.Sprintf("%q is no core id", w), "core ids such as \"0, 1\"", "")
			} else {
				at[i].Problem(fmt.Sprintf("there is no core %s", w), idRange(cores), "")
			}
			ok = false
		case slices.Contains(ids, id):
			at[i].Problem(fmt.Sprintf("core %d is named twice", id), "", "")
			ok = false
		default:
			ids = append(ids, id)
		}
	}
	if ok && len(ids) < 2 {
		n.Problem(fmt.Sprintf("must name at least two cores, found %d", len(ids)), "", "")
		ok = false
	}
	return ids, ok
}

// sharing reads which cores share their top-level memories; the result gives
// for each core the first core of its entry, or itself.
func (r *reader) sharing(n *yamldoc.Node, a *Accelerator, complete bool) []int {
	leader := make([]int, len(a.Cores))
	for i := range leader {
		leader[i] = i
	}
	in := map[int]int{}
	for _, e := range n.List() {
		ids, ok := readIDs(e, len(a.Cores))
		if !ok {
			continue
		}
		for _, id := range ids {
			if line, twice := in[id]; twice {
				e.Problem(fmt.Sprintf("core %d already shares its memories on line %d", id, line), "", "list all cores that share in one entry")
			}
			in[id] = e.Line
			leader[id] = ids[0]
			if id == a.Offchip {
				e.Problem(fmt.Sprintf("core %d is the off-chip core, which shares its memory with nobody", id), "", "")
			}
		}
		if !complete {
			continue
		}
		first := &a.Cores[ids[0]]
		tops := first.topLevels()
		for _, id := range ids[1:] {
			c := &a.Cores[id]
			own := c.topLevels()
			if len(own) != len(tops) {
				e.Problem(fmt.Sprintf("cores %d and %d cannot share: they have %d and %d top-level memories", ids[0], id, len(tops), len(own)), "top-level memories that are alike in everything", "")
				continue
			}
			for i := range tops {
				if d := difference(&first.Memories[tops[i]], &c.Memories[own[i]]); d != "" {
					e.Problem(fmt.Sprintf("cores %d and %d cannot share: their top-level memories differ in the %s", ids[0], id, d), "top-level memories that are alike in everything", "")
				}
			}
		}
	}
	return leader
}

// graph reads the connections between the cores.
type graph struct {
	acc      *Accelerator
	topology *topology
	common   speed // of entries that give none; the bandwidth is 0 if there is none
}

// speed is how fast a connection is and what it costs.
type speed struct {
	bandwidth unit.BitsPerCycle
	energy    unit.Picojoules // per cycle
	bitEnergy unit.Picojoules
}

// read takes over what the keys of a connection, or of all, give.
func (s *speed) read(f yamldoc.Fields) {
	if v := f.Get("bandwidth"); v != nil {
		x, _ := v.Positive()
		s.bandwidth = unit.BitsPerCycle(x)
	}
	if v := f.Get("unit_energy_cost"); v != nil {
		x, _ := v.Float(0)
		s.energy = unit.Picojoules(x)
	}
	if v := f.Get("energy_per_bit"); v != nil {
		x, _ := v.Float(0)
		s.bitEnergy = unit.Picojoules(x)
	}
}

// link is a directed link of that speed.
func (s speed) link(from, to int) Link {
	return Link{From: from, To: to, Bandwidth: s.bandwidth, UnitEnergy: s.energy, BitEnergy: s.bitEnergy}
}

func (g *graph) read(f yamldoc.Fields) {
	connected := f.Get("offchip_core") != nil // the off-chip core, to all
	linked := map[hop]int{}                   // by the cores in the order of the entry: its line
	var bare []*yamldoc.Node                  // connections without a bandwidth
	for _, e := range f.Get("core_connectivity").List() {
		kind, own, members := "link", g.common, e
		if e.Kind == yamldoc.Map {
			x, _ := e.Fields(yamldoc.Spec{Required: []string{"cores"}, Optional: []string{"type", "bandwidth", "unit_energy_cost", "energy_per_bit"}})
			if t := x.Get("type"); t != nil {
				var ok bool
				if kind, ok = t.OneOf("link", "bus"); !ok {
					continue
				}
			}
			own.read(x)
			if x.Get("bandwidth") == nil && f.Get("bandwidth") == nil {
				bare = append(bare, e)
			}
			members = x.Get("cores")
		} else if f.Get("bandwidth") == nil {
			bare = append(bare, e)
		}
		if members == nil {
			continue
		}
		ids, ok := readIDs(members, len(g.acc.Cores))
		if !ok {
			continue
		}
		if connected && slices.Contains(ids, g.acc.Offchip) {
			members.Problem(fmt.Sprintf("core %d is the off-chip core, which `offchip_core` connects to every core", g.acc.Offchip), "",
				"to list its connections yourself, put it under `cores` and name it with `offchip_core_id`")
			continue
		}
		if kind == "bus" {
			g.bus(ids, own)
			continue
		}
		if len(ids) != 2 {
			members.Problem(fmt.Sprintf("a link joins 2 cores, found %d", len(ids)), "", "`type: bus` joins more than two")
			continue
		}
		ends := hop{ids[0], ids[1]}
		first := hop{ids[1], ids[0]}
		if linked[first] == 0 && e.Kind != yamldoc.Map {
			first = ends
		}
		if line := linked[first]; line > 0 { // rather a mistake than a second link
			members.Problem(fmt.Sprintf("cores %d and %d are linked on line %d already", min(ids[0], ids[1]), max(ids[0], ids[1]), line), "",
				fmt.Sprintf("an entry links both directions; a second link beside the first is {type: link, cores: [%d, %d]}", first.from, first.to))
			continue
		}
		if linked[ends] == 0 {
			linked[ends] = e.Line
		}
		g.link(ids[0], ids[1], own)
		g.link(ids[1], ids[0], own)
	}
	if len(bare) > 0 {
		message, hint := "the connection has no bandwidth", "give the accelerator a `bandwidth` in bits per cycle"
		if more := len(bare) - 1; more > 0 {
			message += fmt.Sprintf(", nor have %d more", more)
		}
		if bare[0].Kind == yamldoc.Map {
			hint = "give it a `bandwidth` in bits per cycle, or the accelerator one for all"
		}
		bare[0].Problem(message, "", hint)
	}
}

func (g *graph) add(l Link) int {
	g.acc.Links = append(g.acc.Links, l)
	return len(g.acc.Links) - 1
}

// link adds a directed connection.
func (g *graph) link(from, to int, s speed) {
	g.topology.connect(from, to, g.add(s.link(from, to)))
}

// bus adds a shared connection.
func (g *graph) bus(ids []int, s speed) {
	medium := s.link(AnyCore, AnyCore)
	medium.Shared, medium.Members = true, slices.Sorted(slices.Values(ids))
	l := g.add(medium)
	for i, from := range ids {
		for _, to := range ids[i+1:] {
			g.topology.connect(from, to, l)
			g.topology.connect(to, from, l)
		}
	}
}

// connectOffchip joins the given cores with an off-chip core that the file gives
// no connections to.
func (g *graph) connectOffchip(others []int) {
	off := g.acc.Offchip
	m := &g.acc.Cores[off].Memories[0]
	members := make([]int, len(g.acc.Cores))
	for i := range members {
		members[i] = i
	}
	shared := g.common.link(AnyCore, AnyCore)
	shared.Bandwidth, shared.Shared, shared.Members = m.bandwidth(false), true, members
	to := g.add(shared)
	from := to
	if len(m.Ports) > 1 {
		g.acc.Links[to].To = off
		shared.From, shared.Bandwidth = off, m.bandwidth(true)
		from = g.add(shared)
	}
	for _, c := range others {
		g.topology.connect(c, off, to)
		g.topology.connect(off, c, from)
	}
}

// finish derives everything else from the cores and the connections.
func (g *graph) finish(leader []int) {
	g.acc.CoreOrder = g.topology.coreOrder()
	g.acc.route(g.topology)
	g.acc.store(leader)
}
