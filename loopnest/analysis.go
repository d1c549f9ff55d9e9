package loopnest

import (
	"math"

	"streamdse/hardware"
)

// move is the traffic of one operand through one memory in one direction.
type move struct {
	amount  int64 // elements per period
	bits    int64 // precision of an element
	period  int64 // cycles between two transfers
	count   int64 // number of periods
	average int64 // bandwidth if the transfer takes its whole period, bits per cycle
	instant int64 // bandwidth if it has to fit into the window
	window  int64 // cycles at the end of a period during which old data is not needed any more
}

type moves [hardware.NumDirections]move

// analysis is what a nest means for data: sizes of the levels and movement
// between them. There are two readings of a spatial unrolling that does not
// divide its loop: the fractional one is right on average and serves energy and
// utilisation, the truncated one serves latency.
type analysis struct {
	unrolled [maxOperands]unrolled
	// elements[x][l] is the data of one instance of level l, 0 being the array.
	elements [maxOperands][]int64
	// partialSum[l] tells whether the output moves between level l and the level
	// below as partial sums that come back.
	partialSum []bool
	bits       [maxOperands][]int64 // precision by level
	moves      [maxOperands][]moves // by memory level
	reuseAbove []float64            // output: product of irrelevant loops at level l and above
}

func newAnalysis(m *Model, axes []axisFactors) analysis {
	var a analysis
	for x := range m.operands {
		o := &m.operands[x]
		n := len(o.levels) + 1
		a.unrolled[x] = m.unroll(x, m.distribute(axes, x))
		a.elements[x] = make([]int64, n)
		a.bits[x] = make([]int64, n)
		for l := range a.bits[x] {
			a.bits[x][l] = o.bits
		}
		a.moves[x] = make([]moves, n-1)
		if o.output {
			a.partialSum = make([]bool, n)
			a.reuseAbove = make([]float64, n+2)
		}
	}
	return a
}

// analyse fills the analysis for the nest that has been allocated and settled.
func (e *Evaluator) analyse(a *analysis) {
	for x := range e.model.operands {
		o := &e.model.operands[x]
		e.measure(a, x, o)
		if o.output {
			e.followSums(a, x, o)
			e.moveOutput(a, x, o)
		} else {
			e.moveInput(a, x, o)
		}
	}
}

// measure computes how many elements one instance of each level holds: the
// relevant loops below it, temporal and spatial, from the inside out.
func (e *Evaluator) measure(a *analysis, x int, o *operand) {
	t, u := &e.nests[x], &a.unrolled[x]
	if o.relations {
		e.grow.reset()
	}
	size := 1.0
	a.elements[x][0] = 1
	for l := 1; l < len(t.below); l++ {
		n := 1.0
		for _, loop := range e.order[t.below[l-1]:t.below[l]] {
			switch o.class[loop.Dim] {
			case relevant:
				n *= float64(loop.Size)
			case partial:
				n *= e.grow.grow(loop.Dim, float64(loop.Size))
			}
		}
		for _, f := range u.loops[l-1] {
			switch o.class[f.dim] {
			case relevant:
				n *= f.size
			case partial:
				n *= e.grow.grow(f.dim, f.size)
			}
		}
		size *= n
		a.elements[x][l] = int64(math.RoundToEven(size))
	}
}

// followSums finds where the output still moves as partial sums: below level l
// as long as an irrelevant loop iterates above.
func (e *Evaluator) followSums(a *analysis, x int, o *operand) {
	t, u := &e.nests[x], &a.unrolled[x]
	top := len(t.below) - 1
	lastSum := -1
	for i := len(e.order) - 1; i >= 0; i-- {
		if o.class[e.order[i].Dim] == irrelevant && e.order[i].Size > 1 {
			lastSum = i
			break
		}
	}
	for l := range a.partialSum {
		a.partialSum[l] = lastSum >= t.below[l] || u.reused[l+1]
		a.bits[x][l] = o.final
		if a.partialSum[l] {
			a.bits[x][l] = o.bits
		}
	}
	a.reuseAbove[top+1], a.reuseAbove[top+2] = 1, 1
	for l := top; l >= 0; l-- {
		n := 1.0
		for j := l; j <= top; j++ {
			n *= e.reuse(o, u, t, j)
		}
		a.reuseAbove[l] = n
	}
}

// reuse is the product of the irrelevant loops between level l and the one
// below: temporal loops of the memory, then spatial loops above it.
func (e *Evaluator) reuse(o *operand, u *unrolled, t *nest, l int) float64 {
	n := 1.0
	if l > 0 {
		for _, loop := range e.order[t.below[l-1]:t.below[l]] {
			if o.class[loop.Dim] == irrelevant {
				n *= float64(loop.Size)
			}
		}
	}
	for _, f := range u.loops[l] {
		if o.class[f.dim] == irrelevant {
			n *= f.size
		}
	}
	return n
}

// toLow describes the traffic between a memory and the level below it: all of
// the lower level's data, for the instances that one instance of the memory
// feeds, every time the lower level is replaced.
func (e *Evaluator) toLow(a *analysis, x, mem int) move {
	t := &e.nests[x]
	boost := a.unrolled[x].boost[mem]
	mv := move{
		amount: a.elements[x][mem] * boost,
		bits:   a.bits[x][mem],
		period: t.cycle[mem],
		count:  e.cycles[len(e.order)] / t.cycle[mem],
	}
	mv.average = int64(e.lowest(a, x, mem) * float64(boost))
	mv.instant = mv.average * t.outerReuse[mem]
	mv.window = mv.period / t.outerReuse[mem]
	return mv
}

// toHigh describes the traffic between a memory and the level above it: the
// memory's own data every time it is replaced.
func (e *Evaluator) toHigh(a *analysis, x, mem int) move {
	t := &e.nests[x]
	mv := move{
		amount: a.elements[x][mem+1],
		bits:   a.bits[x][mem+1],
		period: t.cycle[mem+1],
		count:  e.cycles[len(e.order)] / t.cycle[mem+1],
	}
	mv.average = int64(e.lowest(a, x, mem+1))
	mv.instant = mv.average * t.outerReuse[mem+1]
	mv.window = mv.period / t.outerReuse[mem+1]
	return mv
}

// lowest is the bandwidth at which one instance of a level is just refilled in
// time.
func (e *Evaluator) lowest(a *analysis, x, level int) float64 {
	data := a.elements[x][level]
	if !e.model.problem.ElementBandwidth {
		data *= a.bits[x][level]
	}
	return float64(data) / float64(e.nests[x].cycle[level])
}

func (e *Evaluator) moveInput(a *analysis, x int, o *operand) {
	for mem := range o.levels {
		mv := &a.moves[x][mem]
		mv[hardware.ToLow] = e.toLow(a, x, mem)
		if mem < len(o.levels)-1 {
			mv[hardware.FromHigh] = e.toHigh(a, x, mem)
		}
	}
}

// moveOutput: results rise; partial sums come back down to be added to. At the
// precision of the traffic, a sum that comes back fewer than once in total is
// taken as finished.
func (e *Evaluator) moveOutput(a *analysis, x int, o *operand) {
	elements := float64(o.elements)
	for mem := range o.levels {
		mv := &a.moves[x][mem]
		var down, back move
		up := e.toLow(a, x, mem)
		up.bits = o.final
		if a.partialSum[mem] {
			down = up
			down.bits = 0
		}
		if elements*(a.reuseAbove[mem+1]-1) >= 1 {
			up.bits, down.bits = o.bits, o.bits
		}
		mv[hardware.FromLow], mv[hardware.ToLow] = up, down
		if mem == len(o.levels)-1 {
			continue
		}
		high := e.toHigh(a, x, mem)
		high.bits = o.final
		if a.partialSum[mem+1] {
			back = high
			back.bits = 0
		}
		if elements*(a.reuseAbove[mem+2]-1) >= 1 {
			high.bits, back.bits = o.bits, o.bits
		}
		mv[hardware.ToHigh], mv[hardware.FromHigh] = high, back
	}
}
