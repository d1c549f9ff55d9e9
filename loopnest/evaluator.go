package loopnest

import (
	"fmt"
	"math"

	"streamdse/unit"
)

// Latency is the run time of a layer on a core in clock cycles, by cause. The
// parts are float64 because borrowed port time is shared out in fractions.
type Latency struct {
	Compute float64 // all temporal iterations, one per cycle
	Stall   float64 // waiting for a memory port during computation
	Onload  float64 // first fill of the memories before computation, as far as it cannot be hidden
	Offload float64 // last outputs on their way to their highest memory
}

// Total is the sum of the parts.
func (l Latency) Total() float64 { return l.Compute + l.Stall + l.Onload + l.Offload }

// Cost is the light result of an evaluation, all that a search compares.
type Cost struct {
	Latency
	Energy unit.Picojoules // operations and memory accesses
}

// Evaluator computes the cost of temporal orders under one spatial unrolling.
// It owns the buffers that an evaluation works in, so that evaluating allocates
// nothing; it must not be used by two goroutines at a time.
type Evaluator struct {
	model   *Model
	spatial Spatial
	energy  analysis // with fractional unrollings: energy, utilisation, double buffering
	timing  analysis // with truncated unrollings: all latencies
	same    bool     // no unrolling is fractional: both are the same
	nests   [maxOperands]nest
	order   []Loop
	cycles  []int64 // cycles[i] is the product of the innermost i loops
	grow    *decoupler
	alloc   allocator
	double  [maxOperands][]bool // by operand and level (0 the array): the level is double buffered
	crowded []float64           // shared effective utilisation by memory
	buffers buffers
	stall   stallScratch
	loading loadingScratch
	misfit  misfit
	words   [maxOperands][]words // accesses by operand and memory level
	macs    float64              // energy of the operations, without precharges
	inArray inMemory
	sizes   *Sizes // that go the same way
}

// nest is how the temporal order is cut into levels for one operand.
type nest struct {
	taken []int // taken[m] loops are allocated to the memories below m
	below []int // the same after stationary loops have moved down
	// still is the product of the innermost loops during which the operand stays
	// the same at the processing elements.
	still int64
	// cycle[l] is the number of cycles that level l holds its data, 0 being the array.
	cycle []int64
	// outerRelevant and outerReuse are products of the outermost consecutive loops
	// of a level that are relevant, or irrelevant.
	outerRelevant, outerReuse []int64
}

// NewEvaluator prepares the evaluation of loop orders under a spatial
// unrolling. It fails if the unrolling does not exist on the array or exceeds a
// loop.
func (m *Model) NewEvaluator(s Spatial) (*Evaluator, error) {
	e := &Evaluator{model: m, spatial: s, grow: newDecoupler(m), sizes: NewSizes(m.problem.Core)}
	exact, err := m.adjust(s, false)
	if err != nil {
		return nil, err
	}
	whole, err := m.adjust(s, true)
	if err != nil {
		return nil, err
	}
	e.same = true
	for i := range exact {
		for j := range exact[i].loops {
			e.same = e.same && exact[i].loops[j] == whole[i].loops[j]
		}
	}
	e.energy = newAnalysis(m, exact)
	e.timing = newAnalysis(m, whole)
	if e.energy.unrolled[0].instance[0] < 1 {
		return nil, fmt.Errorf("core %s: the spatial unrolling uses no processing element", m.problem.Core.Name)
	}
	for x := range m.operands {
		n := len(m.operands[x].levels)
		e.nests[x] = nest{taken: make([]int, n+1), below: make([]int, n+1), cycle: make([]int64, n+1),
			outerRelevant: make([]int64, n+1), outerReuse: make([]int64, n+1)}
		e.double[x] = make([]bool, n+1)
		e.words[x] = make([]words, n)
	}
	e.crowded = make([]float64, len(m.memories))
	e.buffers = newBuffers(m)
	e.alloc = newAllocator(m, &e.energy)
	e.stall = newStallScratch(m)
	e.loading = newLoadingScratch(m)
	e.macs = float64(m.problem.Core.UnitEnergy) * float64(m.macs)
	if m.array != nil {
		e.inArray = e.newInMemory(s)
		e.macs = e.inArray.energy.Sum()
	}
	return e, nil
}

// TemporalSizes returns the loops that remain after the spatial unrolling, in
// the order of the layer's loops: what a temporal order has to cover, each
// possibly split into several loops. Loops of one iteration are left out.
func (e *Evaluator) TemporalSizes() []Loop {
	left := e.model.fullSizes()
	for _, level := range e.energy.unrolled[1].loops { // the first input decides
		for _, f := range level {
			if left[f.dim] > 0 {
				left[f.dim] = math.Ceil(left[f.dim] / f.size)
				if left[f.dim] == 1 {
					left[f.dim] = 0 // done, even if unrolled once more
				}
			}
		}
	}
	var loops []Loop
	for d, n := range left {
		if n > 1 {
			loops = append(loops, Loop{d, int(n)})
		}
	}
	return loops
}

// Evaluate returns the cost of a temporal order, innermost loop first. The
// order must cover TemporalSizes; it may not be empty, but a loop of size 1 is
// allowed. If the order does not fit the memories, ok is false and Misfit tells
// why.
func (e *Evaluator) Evaluate(order []Loop) (cost Cost, ok bool) {
	e.start(order)
	if !e.allocate() {
		return Cost{}, false
	}
	return e.finish()
}

// finish computes the cost of the order that has been allocated.
func (e *Evaluator) finish() (cost Cost, ok bool) {
	e.settle()
	e.analyse(&e.energy)
	timing := &e.energy
	if !e.same {
		timing = &e.timing
		e.analyse(timing)
	}
	memory, ok := e.count()
	if !ok {
		return Cost{}, false
	}
	cost.Energy = unit.Picojoules(memory + e.operations())
	total := e.cycles[len(e.order)]
	cost.Compute = float64(total) * e.model.perOperation
	if e.model.problem.Physical {
		e.buffer(timing, &cost.Latency)
	} else {
		e.doubleBuffer()
		e.wait(timing, &cost.Latency)
	}
	return cost, true
}

// wait computes the times in which the array waits for memories, given which levels
// are double buffered.
func (e *Evaluator) wait(timing *analysis, l *Latency) {
	phase := e.model.stretch(e.cycles[len(e.order)])
	l.Stall = float64(e.combinePorts(timing))
	if !e.model.problem.Physical {
		phase += l.Stall
	}
	e.load(timing, phase)
	l.Onload = e.onload()
	l.Offload = e.offload()
}

// start takes the order up.
func (e *Evaluator) start(order []Loop) {
	e.order = order
	if cap(e.cycles) < len(order)+1 {
		e.cycles = make([]int64, len(order)+1)
	}
	e.cycles = e.cycles[:len(order)+1]
	n := int64(1)
	e.cycles[0] = 1
	for i := range order {
		n *= int64(order[i].Size)
		e.cycles[i+1] = n
	}
}

// settle moves loops that do not concern an operand from the inner side of a
// level down to the level below, as long as there are any: the data of the lower
// level stays valid during them. Then it measures the levels.
func (e *Evaluator) settle() {
	n := len(e.order)
	for x := range e.model.operands {
		o, t := &e.model.operands[x], &e.nests[x]
		last := len(t.below) - 1
		t.below[0], t.below[last] = 0, n
		for m := 1; m < last; m++ {
			p := max(t.taken[m], t.below[m-1])
			for p < n && o.class[e.order[p].Dim] == irrelevant {
				p++
			}
			t.below[m] = p
		}
		still := 0
		for still < t.below[1] && o.class[e.order[still].Dim] == irrelevant {
			still++
		}
		t.still = e.cycles[still]
		t.outerRelevant[0], t.outerReuse[0] = 1, 1
		for m := 1; m <= last; m++ {
			t.cycle[m] = e.cycles[t.below[m]]
			t.outerRelevant[m] = e.outer(o, relevant, t.below[m-1], t.below[m])
			t.outerReuse[m] = e.outer(o, irrelevant, t.below[m-1], t.below[m])
		}
		t.cycle[0] = 1
		if !o.output && !e.model.problem.RefetchStationary {
			t.cycle[0] = t.still
		}
	}
}

// outer is the product of the outermost consecutive loops of a class among the
// loops from, from+1, ... to-1.
func (e *Evaluator) outer(o *operand, c class, from, to int) int64 {
	p := to
	for p > from && o.class[e.order[p-1].Dim] == c {
		p--
	}
	if p == to {
		return 1
	}
	return e.cycles[to] / e.cycles[p]
}
