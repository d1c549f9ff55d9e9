package loopnest

import (
	"math"

	"streamdse/hardware"
)

// words counts accesses of one memory level by direction, in units of the full
// width of the port.
type words [hardware.NumDirections]float64

// count counts the memory accesses and returns their energy. A transfer is
// rounded up to whole granules in every period and instance; the total is then
// expressed in full-width accesses.
func (e *Evaluator) count() (energy float64, ok bool) {
	a := &e.energy
	for x := range e.model.operands {
		o := &e.model.operands[x]
		for mem := range o.levels {
			l := &o.levels[mem]
			w := &e.words[x][mem]
			instances := float64(a.unrolled[x].instance[mem+1])
			for d := range l.moves {
				mv, port := &a.moves[x][mem][d], &l.moves[d]
				w[d] = 0
				if mv.amount == 0 || mv.bits == 0 {
					continue
				}
				if port.port < 0 {
					e.misfit = misfit{kind: Unconnected, at: resident{x, mem}, direction: hardware.Direction(d)}
					return 0, false
				}
				w[d] = math.Trunc(math.Ceil(float64(mv.amount*mv.bits)/port.min) * port.unitShare * float64(mv.count) * instances)
			}
			energy += levelEnergy(l, w)
		}
	}
	return energy, true
}

func levelEnergy(l *level, w *words) float64 {
	e := func(d hardware.Direction) float64 { return w[d] * l.moves[d].cost }
	return (e(hardware.ToHigh) + e(hardware.ToLow)) + (e(hardware.FromHigh) + e(hardware.FromLow))
}

// effectiveBits is the data of one instance of a level that is alive at a time:
// the outermost relevant loops only replace it.
func (e *Evaluator) effectiveBits(x, l int) int64 {
	a := &e.energy
	return a.elements[x][l] * a.bits[x][l] / e.nests[x].outerRelevant[l]
}

// doubleBuffer decides which levels can receive new data while the old is in
// use: those where a second copy of the live data fits beside everything else.
// A copy that fits takes its room from the ones that are tested later.
func (e *Evaluator) doubleBuffer() {
	for i := range e.model.memories {
		m := &e.model.memories[i]
		used := 0.0
		for _, r := range m.stored {
			used += float64(e.effectiveBits(r.operand, r.level+1)) / m.size
		}
		e.crowded[i] = used
	}
	for x := range e.model.operands {
		o := &e.model.operands[x]
		for mem := range o.levels {
			i := o.levels[mem].memory
			m := &e.model.memories[i]
			own := float64(e.effectiveBits(x, mem+1)) / m.size
			used := &e.crowded[i]
			half, both := *used <= 0.5, own <= 1-*used
			e.sizes.see(i, 2**used*m.size, !half)
			e.double[x][mem+1] = half || both
			if half {
				continue
			}
			e.sizes.see(i, (*used+own)*m.size, !both)
			if both && m.shared {
				*used += own
			}
		}
	}
}
