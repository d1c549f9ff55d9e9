// Package execute computes networks on numbers, once layer by layer and once as a
// schedule says, node by node, with nothing but the data that the schedule has
// brought to where the node runs. That both come to the same proves that the graph
// of computation nodes has all dependencies and that the schedule moves, keeps and
// removes data as it must. Only tests use it.
//
// It reads the loop nests, the operands' sources and the saved form of the schedule,
// and shares no code with what builds the graph, the simulator or Verify.
package execute

import (
	"math"

	"streamdse/taskgraph"
	"streamdse/workload"
)

// Values are the results of all layers: of each, its elements in row-major order of
// its output's dimensions.
type Values [][]float64

// program is a network, ready to be computed.
type program struct {
	w       *workload.Workload
	kernels []kernel
	access  [][]*access // by layer and operand; nil for an operand that counts for nothing
}

func compile(w *workload.Workload) (*program, error) {
	p := &program{w: w}
	for i := range w.Layers {
		l := &w.Layers[i]
		p.kernels = append(p.kernels, kernelOf(l))
		list := make([]*access, len(l.Operands))
		for k := range l.Operands {
			if k > 0 && l.Operands[k].Bits == 0 { // weights of a layer that has none
				continue
			}
			var err error
			if list[k], err = newAccess(w, i, k); err != nil {
				return nil, err
			}
		}
		p.access = append(p.access, list)
	}
	return p, nil
}

// Untiled computes a network layer by layer.
func Untiled(w *workload.Workload) (Values, error) {
	p, err := compile(w)
	if err != nil {
		return nil, err
	}
	values := make(Values, len(w.Layers))
	for i := range w.Layers {
		l := &w.Layers[i]
		whole := make([]taskgraph.Range, len(l.Dims))
		for d := range whole {
			whole[d].Hi = int32(l.Dims[d].Size)
		}
		out := make([]float64, p.access[i][0].size())
		for e := range out {
			out[e] = p.kernels[i].start
		}
		read := func(operand int, from element, _ []int) (float64, error) {
			o := &p.access[i][operand].origins[from.origin]
			if o.constant {
				return o.value(from.element), nil
			}
			return values[o.layer][from.element], nil
		}
		sum := func(e int) *float64 { return &out[e] }
		if err := p.run(i, whole, read, sum); err != nil {
			return nil, err
		}
		for e := range out {
			out[e] = p.kernels[i].finish(out[e])
		}
		values[i] = out
	}
	return values, nil
}

// run makes the iterations of a layer in some ranges of its loops. read gives the
// value of an operand, given its origin and its positions along the operand's
// dimensions; sum is where an output is accumulated.
func (p *program) run(layer int, ranges []taskgraph.Range, read func(operand int, from element, positions []int) (float64, error), sum func(element int) *float64) error {
	access := p.access[layer]
	in := make([]float64, 0, len(access))
	positions := make([]int, 8)
	loops := make([]int, len(ranges))
	for d, r := range ranges {
		if r.Len() <= 0 {
			return nil
		}
		loops[d] = int(r.Lo)
	}
	for {
		in = in[:0]
		for k := 1; k < len(access); k++ {
			a := access[k]
			if a == nil {
				in = append(in, 1)
				continue
			}
			for len(positions) < len(a.dims) {
				positions = append(positions, 0)
			}
			from := a.from(a.at(loops, positions))
			if from.origin < 0 {
				in = append(in, math.NaN())
				continue
			}
			v, err := read(k, from, positions[:len(a.dims)])
			if err != nil {
				return err
			}
			in = append(in, v)
		}
		s := sum(access[0].at(loops, nil))
		*s = p.kernels[layer].step(*s, in)
		d := 0
		for ; d < len(loops); d++ {
			if loops[d]++; loops[d] < int(ranges[d].Hi) {
				break
			}
			loops[d] = int(ranges[d].Lo)
		}
		if d == len(loops) {
			return nil
		}
	}
}
