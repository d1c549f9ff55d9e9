package loopnest

import (
	"math"

	"streamdse/hardware"
	"streamdse/imc"
)

// inMemory is what an array that computes in memory spends on the operations of
// a layer under one spatial unrolling.
type inMemory struct {
	use     imc.Use
	energy  imc.Parts // without precharges, which depend on the loop order
	weights int       // operand in the cells, -1 if the layer has none
	fetched int64     // times that weights go from the cells to the units, all units together
	wide    bool      // a weight that stays the same is fetched once
}

// newInMemory finds how the unrolling, as it was asked for, uses the array.
func (e *Evaluator) newInMemory(s Spatial) inMemory {
	m := e.model
	in := inMemory{weights: -1}
	for x := range m.operands {
		if m.operands[x].link == hardware.I2 {
			in.weights = x
		}
	}
	word, bit := s.axis(m.array.WordLine()), s.axis(m.array.BitLine())
	columns, rows := word.product(), bit.product()
	in.use = imc.Use{Columns: columns, Rows: rows, Activations: float64(m.macs) / (columns * rows)}
	if rows > 1 && in.weights >= 0 && m.diagonal(word, in.weights) {
		in.use.Rows = m.diagonalRows(word, bit)
	}
	if in.weights >= 0 && m.array.Depth() > 1 {
		u := &e.energy.unrolled[in.weights]
		in.fetched = e.passes(in.weights, func(l int) []factor { return u.loops[l] })[0]
		width := math.RoundToEven(u.unique[0]) * float64(m.operands[in.weights].bits)
		in.wide = !m.problem.RefetchStationary && m.operands[in.weights].levels[0].moves[hardware.ToLow].max >= math.Floor(width/u.unique[1])
	}
	in.energy = m.array.Energy(in.use)
	return in
}

// axis returns what is laid on an array dimension.
func (s Spatial) axis(array int) Axis {
	for _, a := range s {
		if a.Array == array {
			return a
		}
	}
	return Axis{Array: array}
}

func (a Axis) product() float64 {
	n := 1.0
	for _, u := range a.Loops {
		n *= float64(u.Factor)
	}
	return n
}

// diagonal tells whether a loop that repeats the weights is laid on the word
// lines: the same kernel then stands in several columns, shifted by a row each.
func (m *Model) diagonal(word Axis, weights int) bool {
	for _, u := range word.Loops {
		for d, l := range m.problem.Layer.Dims {
			if string(l.Dim) == u.Dim && m.operands[weights].class[d] == irrelevant {
				return true
			}
		}
	}
	return false
}

// diagonalRows is the number of rows that shifted kernels take: of a window of FX
// columns and its shifts along OX, FX + OX - 1.
func (m *Model) diagonalRows(word, bit Axis) float64 {
	rows := 1.0
	for _, u := range bit.Loops {
		shifts := 1
		for _, r := range m.problem.Layer.Relations {
			if string(r.B) != u.Dim {
				continue
			}
			for _, v := range word.Loops {
				if v.Dim == string(r.A) {
					shifts = v.Factor
				}
			}
		}
		rows *= float64(u.Factor + shifts - 1)
	}
	return math.Ceil(rows)
}

// operations is the energy of the operations under the last order.
func (e *Evaluator) operations() float64 {
	if e.model.array == nil || e.model.array.Depth() <= 1 {
		return e.macs
	}
	p := e.inArray.parts(e.model.array, e.precharges())
	return p.Sum()
}

func (in *inMemory) parts(a *imc.Array, precharges float64) imc.Parts {
	if a.Depth() <= 1 {
		return in.energy
	}
	use := in.use
	use.Precharges = precharges
	return a.Energy(use)
}

// precharges is the number of times that another weight of a cell group is
// fetched: every fetch of a weight but those of the innermost loops that leave
// the weight the same.
func (e *Evaluator) precharges() float64 {
	in := &e.inArray
	if e.model.array.Depth() <= 1 || in.weights < 0 {
		return 0
	}
	o, t := &e.model.operands[in.weights], &e.nests[in.weights]
	fetched := float64(in.fetched)
	if in.wide {
		fetched = math.Trunc(fetched / float64(t.still))
	}
	same := 0
	for same < t.taken[1] && o.class[e.order[same].Dim] == irrelevant {
		same++
	}
	return fetched / float64(e.cycles[same])
}
