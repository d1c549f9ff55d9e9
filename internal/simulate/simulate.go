package simulate

import (
	"fmt"

	"streamdse/hardware"
	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/unit"
)

// Simulator schedules allocations of one problem, one after another. It keeps
// its memory from run to run and belongs to one goroutine; see Fork.
type Simulator struct {
	*plan

	// State of a run, by index of the thing it is about.
	core    []int32              // of each node
	cost    []*schedule.NodeCost // of each node on its core
	start   []unit.Cycles        // of each node
	end     []unit.Cycles        // of each node, once decided
	ready   []unit.Cycles        // latest end of each node's decided predecessors
	waiting []int32              // undecided predecessors of each node
	decided []bool
	idle    []unit.Cycles // of each core: end of its last node
	queue   queue

	fill       []steps[unit.Bits] // use of each memory
	residents  []list             // of each memory
	stays      []stay
	gone       []int32 // stays that are over, index+1: their places are taken again
	places     []place // tensor*stores+store
	parts      *taskgraph.Parts
	total      []int32 // of each tensor: uses to come from all memories
	links      []link
	slots      slots
	sent       sent
	reading    []need               // of the node being decided: what is in a core's memory
	streaming  []need               // ... and what is streamed
	kept       []taskgraph.TensorID // what must not leave to make room
	ranking    []ranking            // of each memory, once it was full
	ranked     bool                 // some memory was full
	begun      int32                // stays so far
	victims    []int32
	passed     []rank
	aside      [1]lane // no links: what a node asks for nothing of
	blockLinks []int32
	blockLoad  []float64
	blockAsk   []float64
	blockOf    []taskgraph.TensorID

	now     taskgraph.NodeID // the node being decided, -1 before the first
	latency unit.Cycles
	energy  schedule.Energy
	record  *schedule.Schedule // nil if only the metrics are wanted
}

// Metrics is what a search over allocations wants to know of a schedule.
type Metrics struct {
	Latency unit.Cycles
	Energy  schedule.Energy
	// Peak is the sum of the highest uses of all on-chip memories.
	Peak unit.Bits
}

func newSimulator(p *plan) *Simulator {
	nodes, tensors := len(p.Graph.Nodes), len(p.Graph.Tensors)
	stores, cores, links := len(p.Accelerator.Stores), len(p.Accelerator.Cores), len(p.Accelerator.Links)
	s := &Simulator{
		plan:      p,
		core:      make([]int32, nodes),
		cost:      make([]*schedule.NodeCost, nodes),
		start:     make([]unit.Cycles, nodes),
		end:       make([]unit.Cycles, nodes),
		ready:     make([]unit.Cycles, nodes),
		waiting:   make([]int32, nodes),
		decided:   make([]bool, nodes),
		idle:      make([]unit.Cycles, cores),
		queue:     queue{priority: p.Priority},
		fill:      make([]steps[unit.Bits], stores),
		residents: make([]list, stores),
		ranking:   make([]ranking, stores),
		places:    make([]place, stores*tensors),
		parts:     taskgraph.NewParts(p.Graph.Parts),
		total:     make([]int32, tensors),
		links:     make([]link, links),
	}
	for i := range s.links {
		s.links[i].bandwidth = float64(p.Accelerator.Links[i].Bandwidth)
	}
	if p.EarliestReady {
		s.queue.ready = s.ready
	}
	if p.rules.JoinPastTransfers {
		s.slots = newSlots(links, tensors)
	}
	if p.rules.Broadcasts() {
		s.sent = newSent(tensors)
	}
	return s
}

// Run schedules an allocation. The error is a *schedule.Infeasible if there is no
// schedule.
func (s *Simulator) Run(alloc *schedule.Allocation) (*schedule.Schedule, error) {
	// Most tensors are written or fetched once and stay in two memories.
	tensors := len(s.Graph.Tensors)
	s.record = &schedule.Schedule{
		Order:     make([]taskgraph.NodeID, 0, len(s.Graph.Nodes)),
		Transfers: make([]schedule.Transfer, 0, tensors),
		Copies:    make([]schedule.Copy, 0, 2*tensors),
	}
	defer func() { s.record = nil }()
	if err := s.run(alloc); err != nil {
		return nil, err
	}
	r := s.record
	r.Latency, r.Energy, r.Parts = s.latency, s.energy, s.parts.List()
	r.Tasks = make([]schedule.Task, len(s.core))
	for n := range r.Tasks {
		r.Tasks[n] = schedule.Task{Core: s.core[n], Start: s.start[n], End: s.end[n]}
	}
	r.Memories = make([]schedule.Curve, len(s.fill))
	for i := range s.fill {
		r.Memories[i] = curve(&s.fill[i])
	}
	return r, nil
}

// curve copies the steps at which the value changes.
func curve(f *steps[unit.Bits]) schedule.Curve {
	count := 0
	for i := range f.chunks {
		count += len(f.chunks[i].times)
	}
	c := schedule.Curve{Times: make([]unit.Cycles, 0, count), Bits: make([]unit.Bits, 0, count)}
	for i, more := (step{}), true; more; i, more = f.next(i) {
		if v, n := f.value(i), len(c.Bits); n == 0 || v != c.Bits[n-1] {
			c.Times = append(c.Times, f.time(i))
			c.Bits = append(c.Bits, v)
		}
	}
	return c
}

// Evaluate schedules an allocation as Run does and returns only its metrics. Once
// warm it allocates next to nothing.
func (s *Simulator) Evaluate(alloc *schedule.Allocation) (Metrics, error) {
	if err := s.run(alloc); err != nil {
		return Metrics{}, err
	}
	m := Metrics{Latency: s.latency, Energy: s.energy}
	for i := range s.fill {
		if !s.offchip[i] {
			m.Peak += s.fill[i].peak()
		}
	}
	return m, nil
}

func (s *Simulator) run(alloc *schedule.Allocation) error {
	if err := s.reset(alloc); err != nil {
		return err
	}
	s.countUses()
	if err := s.storeConstants(); err != nil {
		return err
	}
	if err := s.prefetch(); err != nil {
		return err
	}
	for n, w := range s.waiting {
		if w == 0 {
			s.queue.push(taskgraph.NodeID(n))
		}
	}
	for len(s.queue.nodes) > 0 {
		if err := s.decide(s.queue.pop()); err != nil {
			return err
		}
	}
	return nil
}

// reset clears the state of the last run and looks up the allocation.
func (s *Simulator) reset(alloc *schedule.Allocation) error {
	g := s.Graph
	clear(s.start)
	clear(s.end)
	clear(s.ready)
	clear(s.decided)
	clear(s.idle)
	clear(s.total)
	for i := range s.places {
		s.places[i] = place{uses: none, part: nothing}
	}
	for i := range s.fill {
		s.fill[i].reset()
		s.residents[i] = list{}
		s.ranking[i].reset()
	}
	s.stays, s.gone, s.begun, s.ranked = s.stays[:0], s.gone[:0], 0, false
	for i := range s.links {
		s.links[i].reset()
	}
	s.slots.reset()
	s.sent.reset()
	s.queue.nodes = s.queue.nodes[:0]
	s.kept = s.kept[:0]
	s.now, s.latency, s.energy = -1, 0, schedule.Energy{}

	if len(alloc.Cores) != len(g.Layers) {
		return fmt.Errorf("allocation of %d layers for a graph of %d", len(alloc.Cores), len(g.Layers))
	}
	for n := range g.Nodes {
		node := &g.Nodes[n]
		if groups := len(alloc.Cores[node.Layer]); int(node.Group) >= groups {
			return fmt.Errorf("allocation has %d groups for layer %d, which has more", groups, node.Layer)
		}
		core := alloc.Core(node)
		if core < 0 || core >= len(s.Accelerator.Cores) {
			return fmt.Errorf("allocation puts %s on core %d of %d", schedule.NodeName(g, taskgraph.NodeID(n)), core, len(s.Accelerator.Cores))
		}
		s.core[n] = int32(core)
		s.cost[n] = s.Costs.At(node.Class, core)
		if !s.cost[n].Feasible {
			s.now = taskgraph.NodeID(n)
			return s.infeasible(schedule.Infeasible{Lack: schedule.LackOfCore, Core: core, Reason: s.cost[n].Reason})
		}
	}
	copy(s.waiting, s.waits)
	return nil
}

// infeasible completes the report on why there is no schedule.
func (s *Simulator) infeasible(e schedule.Infeasible) error {
	e.Node = s.now
	return e.In(s.Graph, s.Accelerator)
}

// top is the memory of a core that holds a memory operand, -1 if it has none.
func (s *Simulator) top(core int32, op hardware.MemoryOperand) int32 {
	return int32(s.Accelerator.Top(int(core), op))
}

// decide fixes when a node runs and all that has to happen for it.
func (s *Simulator) decide(n taskgraph.NodeID) error {
	core, cost := s.core[n], s.cost[n]
	s.now = n
	s.sortNeeds(n)
	t := max(s.idle[core], s.ready[n])

	t, err := s.clearFor(n, t)
	if err != nil {
		return err
	}
	for _, x := range s.reading {
		arrival, err := s.fetch(x.tensor, s.wanted(x, core), core, x.op, schedule.Fetch)
		if err != nil {
			return err
		}
		t = max(t, arrival)
	}
	if !s.rules.StreamedFromAnywhere {
		for _, x := range s.streaming {
			stored, err := s.spill(x.tensor, s.wanted(x, int32(s.Accelerator.Offchip)), x.op)
			if err != nil {
				return err
			}
			t = max(t, stored)
		}
	}
	start, end, err := s.begin(n, t)
	if err != nil {
		return err
	}

	s.start[n], s.end[n], s.decided[n] = start, end, true
	s.idle[core] = end
	s.latency = max(s.latency, end)
	s.energy.NodeOnchip += cost.Onchip
	s.energy.FetchMemory += cost.Offchip
	if s.record != nil {
		s.record.Order = append(s.record.Order, n)
	}
	if err := s.settle(n); err != nil {
		return err
	}
	for _, r := range s.Graph.OutRows(n) {
		for _, e := range s.Graph.Readers(r) {
			s.advance(e.Node, end)
		}
	}
	return nil
}

// advance tells a node that one of those it waits for ends at t.
func (s *Simulator) advance(n taskgraph.NodeID, t unit.Cycles) {
	s.ready[n] = max(s.ready[n], t)
	if s.waiting[n]--; s.waiting[n] == 0 {
		s.queue.push(n)
	}
}

// sortNeeds splits what the node needs into what its core has to hold and what it
// streams.
func (s *Simulator) sortNeeds(n taskgraph.NodeID) {
	s.reading, s.streaming, s.kept = s.reading[:0], s.streaming[:0], s.kept[:0]
	for _, r := range s.needs.of(n) {
		for _, x := range s.needs.row(r) {
			if streams(s.cost[n], x.op) {
				s.streaming = append(s.streaming, x)
				continue
			}
			s.reading = append(s.reading, x)
			s.kept = append(s.kept, x.tensor)
		}
	}
	s.kept = append(s.kept, s.Graph.Nodes[n].Operands[0])
}

func streams(c *schedule.NodeCost, op hardware.MemoryOperand) bool {
	for _, o := range c.Streamed {
		if o == op {
			return true
		}
	}
	return false
}

// begin finds the earliest start from t on with room for the output and, if
// operands are streamed, room on the links to off-chip memory.
func (s *Simulator) begin(n taskgraph.NodeID, t unit.Cycles) (start, end unit.Cycles, err error) {
	x := s.Graph.Nodes[n].Operands[0]
	op := s.own[x]
	target := s.core[n]
	if streams(s.cost[n], op) {
		target = int32(s.Accelerator.Offchip)
	}
	if s.rules.BlockBeforeSpace {
		var runtime unit.Cycles
		if t, runtime, err = s.block(n, t); err == nil {
			start, err = s.room(x, 0, target, op, t)
		}
		end = start + runtime
	} else {
		if t, err = s.room(x, 0, target, op, t); err == nil {
			t, err = s.roomToStream(n, target, t)
		}
		if err == nil {
			var runtime unit.Cycles
			start, runtime, err = s.block(n, t)
			end = start + runtime
		}
	}
	if err != nil {
		return 0, 0, err
	}
	err = s.store(x, 0, s.top(target, op), start, end, true)
	s.passThrough(n, start, end)
	return start, end, err
}
