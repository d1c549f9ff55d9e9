package allocate

import (
	"context"
	"errors"
	"math"
	"slices"

	"streamdse/hardware"
	"streamdse/internal/milp"
	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/unit"
	"streamdse/workload"
)

// Steady is what the steady-state model is made from.
type Steady struct {
	Graph       *taskgraph.Graph
	Accelerator *hardware.Accelerator
	Costs       *schedule.CostTable
}

// steadyNodes is how many nodes the solver may branch into, and steadyFlows how many
// shares of data between two cores the model may have; beyond that it leaves out
// transfers between cores.
const (
	steadyNodes = 40
	steadyFlows = 12_000
)

// steady solves mixed-integer programs that stand for the steady state of a stack, in
// which all of its layers run at the same time (after Stream's constraint optimisation,
// 2024, and its transfer and tensor allocation, 2026): N iterations with a period T that
// overlap in all but their ends take N x T, and the period is that of the busiest core or
// link. So the program minimises the sum over the stacks of
//
//	N x T = max over cores and links of what the stack keeps them busy for
//
// and the energy, over the cores of the groups, with constants that do not fit a core
// together fetched anew in every iteration. It knows no order, no evictions and no time
// to fill and drain. Its solutions for latency, for energy and for a balance of both are
// scheduled, and local search goes on from the best.
func steady(ctx context.Context, s *search) error {
	if s.Steady == nil {
		return errors.New("allocator steady: Options.Steady, which its model is made from, is nil")
	}
	solver, err := milp.New(ctx)
	if err != nil {
		return s.unlessInterrupted(ctx, err)
	}
	defer solver.Close(context.WithoutCancel(ctx))
	m := newSteadyModel(s.space, s.Steady)
	for _, part := range []float64{0.5, 1, 0} { // of the latency in what is minimised
		solution, err := solver.Solve(ctx, m.program(part), milp.Options{Nodes: steadyNodes, Gap: 0.01})
		if err != nil {
			return s.unlessInterrupted(ctx, err)
		}
		if solution.Values != nil {
			s.try(ctx, individual{genes: m.genes(solution.Values)})
		}
	}
	local(ctx, s)
	return nil
}

// unlessInterrupted notes that the context has ended, which is no failure.
func (s *search) unlessInterrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		s.interrupted = true
		return nil
	}
	return err
}

// stage is a group with what it takes on each of its cores.
type stage struct {
	gene      int // -1 if it has no choice
	stack     int
	nodes     int
	cores     []int
	run       []float64         // cycles
	energy    []float64         // of its nodes and the fetching of its constants
	links     []map[int]float64 // cycles that it keeps links to and from off-chip memory busy
	constants []map[int]float64 // bits that should stay in a memory
	vars      []milp.Variable   // of each core
	layer     *taskgraph.Layer
}

// flow is the data that one stage reads of another.
type flow struct {
	from, to int
	operand  int8 // of the reader
	bits     unit.Bits
}

type steadyModel struct {
	*Steady
	space  *Space
	stages []stage
	flows  []flow
	ways   map[[2]int]way // from a core to another
	// What the latency and the energy are measured in.
	cycles, energy float64
}

// newSteadyModel adds up what the groups do.
func newSteadyModel(space *Space, st *Steady) *steadyModel {
	m := &steadyModel{Steady: st, space: space, ways: map[[2]int]way{}}
	g := st.Graph
	index := make([][]int, len(g.Layers))
	for l := range g.Layers {
		for group := range g.Layers[l].Groups {
			index[l] = append(index[l], len(m.stages))
			x := stage{gene: -1, stack: g.Layers[l].Stack, cores: space.Base.Cores[l][group : group+1], layer: &g.Layers[l]}
			if i := slices.IndexFunc(space.Genes, func(y Gene) bool { return y.Layer == l && y.Group == group }); i >= 0 {
				x.gene, x.cores = i, space.Genes[i].Cores
			}
			x.run, x.energy = make([]float64, len(x.cores)), make([]float64, len(x.cores))
			for range x.cores {
				x.links, x.constants = append(x.links, map[int]float64{}), append(x.constants, map[int]float64{})
			}
			m.stages = append(m.stages, x)
		}
	}
	fetched := map[[2]int]bool{} // stage and tensor
	for n := range g.Nodes {
		node := &g.Nodes[n]
		i := index[node.Layer][node.Group]
		m.addNode(&m.stages[i], taskgraph.NodeID(n), func(x taskgraph.TensorID) bool {
			first := !fetched[[2]int{i, int(x)}]
			fetched[[2]int{i, int(x)}] = true
			return first
		})
	}
	m.addFlows(index)
	for i := range m.stages {
		m.cycles += slices.Min(append(m.stages[i].run, math.Inf(1)))
		m.energy += slices.Min(append(m.stages[i].energy, math.Inf(1)))
	}
	if !(m.cycles > 0 && !math.IsInf(m.cycles, 1)) {
		m.cycles = 1
	}
	if !(m.energy > 0 && !math.IsInf(m.energy, 1)) {
		m.energy = 1
	}
	return m
}

// addNode adds a node to its stage; first tells whether it is the first of the stage to
// use a tensor.
func (m *steadyModel) addNode(x *stage, n taskgraph.NodeID, first func(taskgraph.TensorID) bool) {
	g, acc, node := m.Graph, m.Accelerator, &m.Graph.Nodes[n]
	x.nodes++
	type fetch struct {
		operand int
		bits    unit.Bits
	}
	var fetches []fetch
	for i := range node.Operands {
		for r := range g.Constants(n, i) {
			if first(r.Tensor) {
				fetches = append(fetches, fetch{i, g.Tensors[r.Tensor].Bits})
			}
		}
	}
	for k, core := range x.cores {
		cost := m.Costs.At(node.Class, core)
		x.run[k] += float64(cost.Runtime)
		x.energy[k] += float64(cost.Onchip + cost.Offchip)
		m.stream(x, k, m.way(acc.Offchip, core), float64(cost.StreamIn)*float64(cost.Runtime))
		m.stream(x, k, m.way(core, acc.Offchip), float64(cost.StreamOut)*float64(cost.Runtime))
		for _, f := range fetches {
			op := x.layer.Memory[f.operand]
			store := acc.Top(core, op)
			if slices.Contains(cost.Streamed, op) || store < 0 {
				continue
			}
			if x.layer.Operands[f.operand].Source.Kind != workload.FromInput {
				x.constants[k][store] += float64(f.bits)
			}
			m.move(x.links[k], &x.energy[k], f.bits, acc.Offchip, core, acc.Top(acc.Offchip, op), store)
		}
	}
}

// stream adds the time on links and their energy of bits that a node streams on one of
// its cores.
func (m *steadyModel) stream(x *stage, k int, w way, bits float64) {
	for _, p := range w.portions {
		link := &m.Accelerator.Links[p.link]
		cycles := p.part * bits / float64(link.Bandwidth)
		x.links[k][p.link] += cycles
		x.energy[k] += cycles*float64(link.UnitEnergy) + p.part*bits*float64(link.BitEnergy)
	}
}

// way is the way between two cores, found once.
func (m *steadyModel) way(from, to int) way {
	key := [2]int{from, to}
	w, ok := m.ways[key]
	if !ok {
		w = wayBetween(m.Accelerator, from, to)
		m.ways[key] = w
	}
	return w
}

// move adds the time on links and the energy of a transfer.
func (m *steadyModel) move(links map[int]float64, energy *float64, bits unit.Bits, from, to, fromStore, toStore int) {
	acc := m.Accelerator
	w := m.way(from, to)
	var perCycle, perBit float64
	for _, p := range w.portions {
		link := &acc.Links[p.link]
		links[p.link] += p.part * float64(bits) / min(float64(link.Bandwidth), w.fastest)
		perCycle += p.part * float64(link.UnitEnergy)
		perBit += p.part * float64(link.BitEnergy)
	}
	time := float64(bits) / w.fastest
	if fromStore < 0 || toStore < 0 {
		return
	}
	source, target := &acc.Stores[fromStore], &acc.Stores[toStore]
	*energy += time*perCycle + float64(bits)*(perBit+float64(source.Memory.ReadCost)/float64(source.ReadBandwidth)+float64(target.Memory.WriteCost)/float64(target.WriteBandwidth))
}

// addFlows adds up what groups read of each other, each tensor once a reader.
func (m *steadyModel) addFlows(index [][]int) {
	g := m.Graph
	type pair struct {
		from, to int
		operand  int8
	}
	at := map[pair]int{}
	seen := map[[2]int]bool{} // tensor and reading stage
	for e := range g.Edges() {
		src, dst := &g.Nodes[e.Src], &g.Nodes[e.Dst]
		p := pair{index[src.Layer][src.Group], index[dst.Layer][dst.Group], e.Operand}
		x := src.Operands[0]
		if !e.Data() || p.from == p.to || seen[[2]int{int(x), p.to}] {
			continue
		}
		seen[[2]int{int(x), p.to}] = true
		i, ok := at[p]
		if !ok {
			i = len(m.flows)
			at[p] = i
			m.flows = append(m.flows, flow{p.from, p.to, e.Operand, 0})
		}
		m.flows[i].bits += g.Tensors[x].Bits
	}
}

// resource names what is busy: a core or a link of a stack.
type resource struct {
	stack, core, link int // core or link is -1
}

// program is the model that minimises a part of latency and the rest of energy.
func (m *steadyModel) program(part float64) *milp.Model {
	p := &milp.Model{}
	loads := map[resource][]milp.Term{}
	var order []resource
	busy := func(l resource, v milp.Variable, cycles float64) {
		if cycles == 0 {
			return
		}
		if loads[l] == nil {
			order = append(order, l)
		}
		terms := loads[l]
		if i := slices.IndexFunc(terms, func(t milp.Term) bool { return t.Variable == v }); i >= 0 {
			terms[i].Coefficient += cycles / m.cycles
			return
		}
		loads[l] = append(terms, milp.Term{Variable: v, Coefficient: cycles / m.cycles})
	}
	for i := range m.stages {
		x := &m.stages[i]
		x.vars = x.vars[:0]
		var one []milp.Term
		for k := range x.cores {
			v := p.Binary((1 - part + 1e-6) * x.energy[k] / m.energy)
			x.vars, one = append(x.vars, v), append(one, milp.Term{Variable: v, Coefficient: 1})
			busy(resource{x.stack, x.cores[k], -1}, v, x.run[k])
			for link := range m.Accelerator.Links {
				busy(resource{x.stack, -1, link}, v, x.links[k][link])
			}
		}
		p.Equal(1, one...)
	}
	m.addTransfers(p, part, busy)
	m.addRoom(p, busy)
	periods := map[int]milp.Variable{}
	for _, l := range order {
		t, ok := periods[l.stack]
		if !ok {
			t = p.Add(part+1e-6, 0, math.Inf(1))
			periods[l.stack] = t
		}
		p.AtMost(0, append(loads[l], milp.Term{Variable: t, Coefficient: -1})...)
	}
	return p
}

// addTransfers adds what moves between stages on different cores: the share of each
// pair of cores in a flow, which adds up to their choices.
func (m *steadyModel) addTransfers(p *milp.Model, part float64, busy func(resource, milp.Variable, float64)) {
	shares := 0
	for _, f := range m.flows {
		shares += len(m.stages[f.from].cores) * len(m.stages[f.to].cores)
	}
	if shares > steadyFlows {
		return
	}
	acc := m.Accelerator
	for _, f := range m.flows {
		a, b := &m.stages[f.from], &m.stages[f.to]
		rows := make([][]milp.Term, len(a.cores))
		columns := make([][]milp.Term, len(b.cores))
		for i, c := range a.cores {
			for j, d := range b.cores {
				links, energy := map[int]float64{}, 0.0
				from, to := acc.Top(c, a.layer.Memory[0]), acc.Top(d, b.layer.Memory[f.operand])
				if from != to {
					m.move(links, &energy, f.bits, c, d, from, to)
				}
				v := p.Add((1-part+1e-6)*energy/m.energy, 0, 1)
				rows[i] = append(rows[i], milp.Term{Variable: v, Coefficient: 1})
				columns[j] = append(columns[j], milp.Term{Variable: v, Coefficient: 1})
				for link := range acc.Links {
					busy(resource{b.stack, -1, link}, v, links[link])
				}
			}
		}
		for i, row := range rows {
			p.Equal(0, append(row, milp.Term{Variable: a.vars[i], Coefficient: -1})...)
		}
		for j, column := range columns {
			p.Equal(0, append(column, milp.Term{Variable: b.vars[j], Coefficient: -1})...)
		}
	}
}

// addRoom makes constants of a stack that do not fit a memory together be fetched in
// every iteration: as often as its stages have nodes, less one for the first time.
func (m *steadyModel) addRoom(p *milp.Model, busy func(resource, milp.Variable, float64)) {
	acc := m.Accelerator
	stacks, iterations := []int{}, map[int]int{}
	for i := range m.stages {
		s := m.stages[i].stack
		if _, ok := iterations[s]; !ok {
			stacks = append(stacks, s)
		}
		iterations[s] = max(iterations[s], m.stages[i].nodes)
	}
	for _, stack := range stacks {
		for store := range acc.Stores {
			capacity := float64(acc.Stores[store].Capacity)
			var sum []milp.Term
			total := 0.0
			for i := range m.stages {
				x := &m.stages[i]
				for k := range x.cores {
					if bits := x.constants[k][store]; x.stack == stack && bits > 0 {
						sum = append(sum, milp.Term{Variable: x.vars[k], Coefficient: bits / capacity})
						total += bits / capacity
					}
				}
			}
			if total <= 1 {
				continue
			}
			excess := p.Add(0, 0, total)
			p.AtMost(1, append(sum, milp.Term{Variable: excess, Coefficient: -1})...)
			for _, p := range m.way(acc.Offchip, acc.Stores[store].Cores[0]).portions {
				busy(resource{stack, -1, p.link}, excess, p.part*capacity*float64(iterations[stack]-1)/float64(acc.Links[p.link].Bandwidth))
			}
		}
	}
}

// genes reads the choices from a solution.
func (m *steadyModel) genes(values []float64) []uint16 {
	genes := make([]uint16, len(m.space.Genes))
	for i := range m.stages {
		x := &m.stages[i]
		for k, v := range x.vars {
			if x.gene >= 0 && values[v] > 0.5 {
				genes[x.gene] = uint16(k)
			}
		}
	}
	return genes
}
