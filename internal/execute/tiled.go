package execute

import (
	"cmp"
	"fmt"
	"slices"

	"streamdse/hardware"
	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/unit"
	"streamdse/workload"
)

// Tiled computes a network as a schedule says and compares every finished element
// with the given values. The error names the first node or transfer that finds
// something else than it needs: data absent, not there in time or gone too early,
// not finished, or of another value than it should have; or the element of a
// network output that is not in off-chip memory in the end.
func Tiled(w *workload.Workload, g *taskgraph.Graph, acc *hardware.Accelerator, costs *schedule.CostTable, s *schedule.Schedule, want Values) error {
	p, err := compile(w)
	if err != nil {
		return err
	}
	m := &machine{program: p, g: g, acc: acc, costs: costs, s: s, want: want,
		at: map[place][]int{}, contents: make([]content, len(s.Copies)), begun: make([]bool, len(s.Copies))}
	for i, c := range s.Copies {
		m.at[place{c.Store, c.Tensor}] = append(m.at[place{c.Store, c.Tensor}], i)
		t := &g.Tensors[c.Tensor]
		own := g.Layers[t.Layer].Memory[t.Operand]
		if t.Constant && int(c.Store) == acc.Top(acc.Offchip, own) && c.Start == 0 {
			m.contents[i].constant = true
		}
	}
	for _, a := range m.actions() {
		if a.node >= 0 {
			err = m.compute(a.node)
		} else {
			err = m.transfer(a.transfer)
		}
		if err != nil {
			return err
		}
	}
	return m.outputs()
}

// machine is an accelerator while it runs a schedule.
type machine struct {
	*program
	g        *taskgraph.Graph
	acc      *hardware.Accelerator
	costs    *schedule.CostTable
	s        *schedule.Schedule
	want     Values
	at       map[place][]int // indices of Schedule.Copies
	contents []content       // by index of Schedule.Copies
	begun    []bool          // ... whether something has begun it
}

// place is a tensor in a memory.
type place struct {
	store  int32
	tensor taskgraph.TensorID
}

// content is what a memory holds of a tensor.
type content struct {
	constant bool        // all of a constant tensor,
	ready    unit.Cycles // from then on
	cells    map[int]cell
}

// cell is an element of an output.
type cell struct {
	value    float64
	ready    unit.Cycles // when it was written
	finished bool        // not a partial sum, to which more is to be added
}

// action is a node or a transfer.
type action struct {
	start, end unit.Cycles
	node       taskgraph.NodeID // -1 for a transfer
	transfer   int
}

// actions lists nodes and transfers so that what ends before another begins comes
// before it.
func (m *machine) actions() []action {
	var list []action
	for i, x := range m.s.Transfers {
		list = append(list, action{x.Start, x.End, -1, i})
	}
	for _, n := range m.s.Order {
		list = append(list, action{m.s.Tasks[n].Start, m.s.Tasks[n].End, n, -1})
	}
	slices.SortStableFunc(list, func(a, b action) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.end, b.end))
	})
	return list
}

// held lists the copies that a memory holds of a tensor from start to end, those
// that may be read only.
func (m *machine) held(p place, start, end unit.Cycles) []int {
	var list []int
	for _, i := range m.at[p] {
		if c := &m.s.Copies[i]; c.Available <= start && end <= c.End {
			list = append(list, i)
		}
	}
	return list
}

// target is the copy that is written from start to end, -1 if there is none. A
// memory may hold several for a time; rather than one that others begin or add to,
// it is the one that begins and is available with this.
func (m *machine) target(p place, start, end unit.Cycles) int {
	best, rank := -1, 0
	for _, i := range m.at[p] {
		c := &m.s.Copies[i]
		fits := 0
		switch {
		case end > c.Available || end > c.End:
		case c.Start == start && c.Available == end && !m.begun[i]:
			fits = 3
		case c.Start == start && !m.begun[i]:
			fits = 2
		case c.Start <= start:
			fits = 1
		}
		if fits > rank {
			best, rank = i, fits
		}
	}
	if rank > 1 {
		m.begun[best] = true
	}
	return best
}

func (m *machine) transfer(i int) error {
	x := &m.s.Transfers[i]
	fail := func(what string) error {
		return fmt.Errorf("transfer %d of %s from %s to %s at %d-%d: %s", i, schedule.TensorName(m.g, x.Tensor),
			schedule.StoreName(m.acc, int(x.FromStore)), schedule.StoreName(m.acc, int(x.ToStore)), x.Start, x.End, what)
	}
	from := m.held(place{x.FromStore, x.Tensor}, x.Start, x.End)
	to := m.target(place{x.ToStore, x.Tensor}, x.Start, x.End)
	if len(from) == 0 || to < 0 {
		return fail("there is no copy to read, or none to write")
	}
	dst := &m.contents[to]
	moved, bits := map[int]bool{}, unit.Bits(0)
	for _, f := range from {
		src := &m.contents[f]
		if src.constant && src.ready <= x.Start {
			dst.constant, dst.ready, bits = true, x.End, x.Bits
		}
		for e, c := range src.cells {
			if !m.within(e, x.Tensor, m.s.Parts[x.Part]) {
				continue
			}
			if c.ready > x.Start {
				return fail(fmt.Sprintf("element %d is written at %d only", e, c.ready))
			}
			if out := &m.w.Layers[m.g.Tensors[x.Tensor].Layer].Operands[0]; !moved[e] && c.finished {
				bits += out.FinalBits
			} else if !moved[e] {
				bits += out.Bits
			}
			moved[e] = true
			c.ready = x.End
			dst.set(e, c)
		}
	}
	if bits != x.Bits {
		return fail(fmt.Sprintf("it finds %d of %d bits", bits, x.Bits))
	}
	return nil
}

// within tells whether an element of a layer's output belongs to a part of a tensor.
func (m *machine) within(e int, x taskgraph.TensorID, part taskgraph.Part) bool {
	if len(part) == 0 {
		return true
	}
	t := &m.g.Tensors[x]
	dims := m.access[t.Layer][0].dims
	for i := len(dims) - 1; i >= 0; i-- {
		at := int32(e%dims[i].size) - t.Ranges[i].Lo
		e /= dims[i].size
		if !includes(part, i, at) {
			return false
		}
	}
	return true
}

func (c *content) set(e int, v cell) {
	if c.cells == nil {
		c.cells = map[int]cell{}
	}
	c.cells[e] = v
}

// memory is where a node has an operand.
func (m *machine) memory(n taskgraph.NodeID, operand int) int32 {
	node := &m.g.Nodes[n]
	core := int(m.s.Tasks[n].Core)
	op := m.g.Layers[node.Layer].Memory[operand]
	if slices.Contains(m.costs.At(node.Class, core).Streamed, op) {
		core = m.acc.Offchip
	}
	return int32(m.acc.Top(core, op))
}

// supply is what a node may read as one of its operands.
type supply struct {
	constants []fragment // of constants, that are there
	copies    []source   // of tensors that its dependencies name
	read      map[element]float64
	perCopy   []map[int]bool // which elements of each copy were read
}

// source is a copy that a node reads, and the part of it that a dependency names: where
// tiles overlap, others hold the same elements.
type source struct {
	copy int // index of Schedule.Copies
	part taskgraph.Part
}

// fragment is a part of a constant that a node has.
type fragment struct {
	ranges []taskgraph.Range
	held   taskgraph.Part    // of the ranges
	read   taskgraph.Part    // ... that the node says it reads
	piece  *taskgraph.Stored // the constant, along whose axes the ranges are; nil if they are along the operand's
}

// has tells whether a node may read an element of a constant from a fragment.
func (f *fragment) has(o *origin, element int, positions []int) bool {
	if f.piece != nil {
		if f.piece.Name != o.tensor || o.shape != nil && !slices.Equal(f.piece.Shape, o.shape) {
			return false
		}
		positions = make([]int, len(f.piece.Shape))
		for d := len(positions) - 1; d >= 0; d-- {
			positions[d] = element % f.piece.Shape[d]
			element /= f.piece.Shape[d]
		}
	}
	for d, r := range f.ranges {
		if at := positions[d]; at < int(r.Lo) || at >= int(r.Hi) || !includes(f.held, d, int32(at)-r.Lo) || !includes(f.read, d, int32(at)-r.Lo) {
			return false
		}
	}
	return true
}

// includes tells whether a part has a position along a dimension.
func includes(p taskgraph.Part, d int, at int32) bool {
	return d >= len(p) || p[d] == nil || slices.ContainsFunc(p[d], func(r taskgraph.Range) bool { return r.Lo <= at && at < r.Hi })
}

func (m *machine) supply(n taskgraph.NodeID, operand int) supply {
	task := &m.s.Tasks[n]
	s := supply{read: map[element]float64{}}
	store := m.memory(n, operand)
	for r := range m.g.Constants(n, operand) {
		for _, i := range m.held(place{store, r.Tensor}, task.Start, task.End) {
			if m.contents[i].constant && m.contents[i].ready <= task.Start {
				s.constants = append(s.constants, fragment{m.g.Tensors[r.Tensor].Ranges, m.s.Parts[m.s.Copies[i].Part], m.g.Parts.Part(r.Part), m.g.Stored(r.Tensor)})
			}
		}
	}
	for e := range m.g.In(n) {
		if int(e.Operand) == operand && e.Data() {
			for _, i := range m.held(place{store, m.g.Nodes[e.Src].Operands[0]}, task.Start, task.End) {
				s.copies = append(s.copies, source{i, m.g.Parts.Part(e.Part)})
			}
		}
	}
	s.perCopy = make([]map[int]bool, len(s.copies))
	for i := range s.perCopy {
		s.perCopy[i] = map[int]bool{}
	}
	return s
}

func (m *machine) compute(n taskgraph.NodeID) error {
	node, task := &m.g.Nodes[n], &m.s.Tasks[n]
	layer := int(node.Layer)
	fail := func(format string, args ...any) error {
		return fmt.Errorf("%s on core %d at %d-%d: %s", schedule.NodeName(m.g, n), task.Core, task.Start, task.End, fmt.Sprintf(format, args...))
	}
	supplies := make([]supply, len(node.Operands))
	for k := 1; k < len(node.Operands); k++ {
		supplies[k] = m.supply(n, k)
	}
	read := func(operand int, from element, positions []int) (float64, error) {
		s := &supplies[operand]
		if v, ok := s.read[from]; ok {
			return v, nil
		}
		v, err := m.read(layer, operand, s, from, positions, task.Start)
		if err != nil {
			return 0, fail("operand %s: %v", m.w.Layers[layer].Operands[operand].Name, err)
		}
		s.read[from] = v
		return v, nil
	}
	to := m.target(place{m.memory(n, 0), node.Operands[0]}, task.Start, task.End)
	if to < 0 {
		return fail("there is no room for the output")
	}
	out := &m.contents[to]
	sums := map[int]*float64{}
	sum := func(e int) *float64 {
		if sums[e] == nil {
			v := m.kernels[layer].start
			sums[e] = &v
		}
		return sums[e]
	}
	if err := m.run(layer, node.Ranges, read, sum); err != nil {
		return err
	}
	supplies[0] = m.supply(n, 0)
	for e, v := range sums {
		if err := m.addSums(n, &supplies[0], e, v); err != nil {
			return fail("%v", err)
		}
		c := cell{value: *v, ready: task.End, finished: node.Final}
		if old, ok := out.cells[e]; ok {
			return fail("element %d is written by another node, until %d", e, old.ready)
		}
		if node.Final {
			c.value = m.kernels[layer].finish(c.value)
			if want := m.want[layer][e]; c.value != want {
				return fail("element %d of the output is %v instead of %v", e, c.value, want)
			}
		}
		out.set(e, c)
	}
	return m.amounts(n, supplies, fail)
}

// addSums adds to an element of a node's output what other nodes have summed up.
func (m *machine) addSums(n taskgraph.NodeID, s *supply, e int, v *float64) error {
	layer, start := m.g.Nodes[n].Layer, m.s.Tasks[n].Start
	for edge := range m.g.In(n) {
		if !edge.PartialSums() {
			continue
		}
		x := m.g.Nodes[edge.Src].Operands[0]
		found := false
		for k, from := range s.copies {
			c, ok := m.contents[from.copy].cells[e]
			if !ok || m.s.Copies[from.copy].Tensor != x {
				continue
			}
			if c.finished || c.ready > start {
				return fmt.Errorf("element %d of %s is no partial sum, or written at %d only", e, schedule.TensorName(m.g, x), c.ready)
			}
			s.perCopy[k][e] = true
			*v = m.kernels[layer].join(*v, c.value)
			found = true
			break
		}
		if !found {
			return fmt.Errorf("the partial sum of element %d in %s is absent", e, schedule.TensorName(m.g, x))
		}
	}
	return nil
}

// read fetches a value from what a node has.
func (m *machine) read(layer, operand int, s *supply, from element, positions []int, start unit.Cycles) (float64, error) {
	o := &m.access[layer][operand].origins[from.origin]
	if o.constant {
		for i := range s.constants {
			if s.constants[i].has(o, from.element, positions) {
				return o.value(from.element), nil
			}
		}
		if len(s.constants) == 0 {
			return 0, fmt.Errorf("the constant is absent")
		}
		return 0, fmt.Errorf("position %v, element %d of the constant, is not in what the node has of it", positions, from.element)
	}
	for k, src := range s.copies {
		x := m.s.Copies[src.copy].Tensor
		if m.g.Tensors[x].Layer != int32(o.layer) {
			continue
		}
		if c, ok := m.contents[src.copy].cells[from.element]; ok && m.within(from.element, x, src.part) {
			if !c.finished || c.ready > start {
				return 0, fmt.Errorf("element %d of layer %s is not finished, or written at %d only", from.element, m.w.Layers[o.layer].Name, c.ready)
			}
			s.perCopy[k][from.element] = true
			return c.value, nil
		}
	}
	return 0, fmt.Errorf("element %d of layer %s is absent", from.element, m.w.Layers[o.layer].Name)
}

// amounts makes sure that a node reads no more over its dependencies than they say.
func (m *machine) amounts(n taskgraph.NodeID, supplies []supply, fail func(string, ...any) error) error {
	for k := range supplies {
		s := &supplies[k]
		for c, from := range s.copies {
			id := m.s.Copies[from.copy].Tensor
			x := &m.g.Tensors[id]
			var said unit.Bits
			for e := range m.g.In(n) {
				if e.Data() && int(e.Operand) == k && m.g.Nodes[e.Src].Operands[0] == id {
					said += e.Bits
				}
			}
			element := m.w.Layers[x.Layer].Operands[0].FinalBits
			if k == 0 { // partial sums
				element = m.w.Layers[x.Layer].Operands[0].Bits
			}
			if got := unit.Bits(len(s.perCopy[c])) * element; got > said {
				return fail("reads %d bits of %s over dependencies of %d", got, schedule.TensorName(m.g, id), said)
			}
		}
	}
	return nil
}

// outputs makes sure that all network outputs are in off-chip memory in the end.
func (m *machine) outputs() error {
	read := make([]bool, len(m.w.Layers))
	for i := range m.w.Layers {
		for k := range m.w.Layers[i].Operands {
			for _, s := range m.w.Layers[i].Operands[k].Source.Origins() {
				if s.Kind == workload.FromLayer {
					read[s.Layer] = true
				}
			}
		}
	}
	for l := range m.w.Layers {
		if read[l] && !m.g.Layers[l].Output {
			continue
		}
		stored := make([]bool, len(m.want[l]))
		store := int32(m.acc.Top(m.acc.Offchip, m.g.Layers[l].Memory[0]))
		for i, c := range m.s.Copies {
			t := &m.g.Tensors[c.Tensor]
			if int(t.Layer) != l || t.Operand != 0 || c.Store != store || c.End != schedule.Forever {
				continue
			}
			for e, v := range m.contents[i].cells {
				stored[e] = stored[e] || v.finished
			}
		}
		if e := slices.Index(stored, false); e >= 0 {
			return fmt.Errorf("element %d of layer %s, a network output, is not in off-chip memory in the end", e, m.w.Layers[l].Name)
		}
	}
	return nil
}
