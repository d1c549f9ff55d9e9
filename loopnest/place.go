package loopnest

// Allocation says how many of the innermost loops of an order each memory of an
// operand holds, together with the memories below it: Allocation[x][m] for
// operand x, an index into Layer.Operands, and its memory level m. Numbers do not
// fall from one level to the next. The highest memory of an operand holds all
// loops and has no entry.
type Allocation [][]int

// NewAllocation has no loops below the highest memories.
func (m *Model) NewAllocation() Allocation {
	a := make(Allocation, len(m.operands))
	for x := range a {
		a[x] = make([]int, len(m.operands[x].levels)-1)
	}
	return a
}

// Allocated writes the allocation of the last order that was evaluated and fits.
func (e *Evaluator) Allocated(to Allocation) {
	for x := range to {
		copy(to[x], e.nests[x].taken[1:])
	}
}

// EvaluateAllocated returns the cost of an order like Evaluate, with a given
// allocation instead of the model's own rule. An allocation fits if the loops
// that each memory holds of its operands do, an output being reserved at the
// precision of partial sums as in Evaluate.
func (e *Evaluator) EvaluateAllocated(order []Loop, a Allocation) (cost Cost, ok bool) {
	e.start(order)
	if !e.place(a) {
		return Cost{}, false
	}
	return e.finish()
}

// place takes an allocation over if it fits.
func (e *Evaluator) place(given Allocation) bool {
	e.restart()
	for i := range e.model.memories {
		m := &e.model.memories[i]
		used := 0.0
		for _, r := range m.stored {
			o, a := &e.model.operands[r.operand], &e.alloc.operands[r.operand]
			top := r.level == len(o.levels)-1
			to := len(e.order)
			if !top {
				to = given[r.operand][r.level]
			}
			z := e.alloc.trial
			copy(z, a.sizes)
			for _, l := range e.order[a.done:to] {
				z[l.Dim] *= float64(l.Size)
			}
			bits := o.size(z, e.model.relations) * float64(e.allocationBits(o, a, r.operand))
			if e.exceeds(m.index, bits) {
				e.misfit = misfit{kind: TooSmall, at: r, asked: bits}
				if top {
					e.misfit.kind = Overflow
				}
				return false
			}
			used += bits
		}
		if e.exceeds(m.index, used) {
			e.misfit = misfit{kind: Crowded, at: m.stored[0], asked: used}
			return false
		}
		for _, r := range m.stored {
			to := len(e.order)
			if r.level < len(given[r.operand]) {
				to = given[r.operand][r.level]
			}
			e.take(r, to-e.alloc.operands[r.operand].done)
		}
	}
	return true
}

// Settles tells whether a loop does not concern an operand, an index into
// Layer.Operands: right outside a boundary of the operand it counts as inside.
func (e *Evaluator) Settles(operand int, l Loop) bool {
	return e.model.operands[operand].class[l.Dim] == irrelevant
}
