// Package locality decides how far down the memory hierarchy of a core data can
// stay between layers that run one after another. A layer whose input the layer
// before has left in an on-chip memory need not read it from further up, and a
// network whose weights fit a memory loads them once.
//
// The rules are those of the published single-core tool (ZigZag 3.8.5):
//
//   - A result stays in the lowest memory that can hold the layer's input and
//     output (those of the two that it stores) beside, if it stores weights too,
//     the weights of the whole network. That smaller memories below it suffice
//     decides; that memories in between may not is not asked.
//   - A result that several layers read, or that is read together with another
//     one, goes to the highest memory.
//   - Weights stay in the lowest such memory that serves the whole array.
//
// Memories above the ones decided for are then cut off for the operand.
package locality

import (
	"fmt"
	"math"
	"slices"

	"streamdse/hardware"
	"streamdse/loopnest"
	"streamdse/unit"
	"streamdse/workload"
)

// Record says for one layer up to which memory of the core, as an index into
// Core.Memories, its activations and its output go.
type Record struct{ Activations, Output int }

// Plan is what was decided for a network on a core.
type Plan struct {
	Weights    int       // the memory that weights go up to, for all layers
	WeightBits unit.Bits // of the whole network
	Layers     []Record  // by layer
	layers     []layer
	core       *hardware.Core
}

// layer is a layer with the roles of its operands.
type layer struct {
	*workload.Layer
	links      []hardware.MemoryOperand
	activation int // operand index
	weights    int // operand index, -1 if there is only one input
	constant   bool
	in, out    unit.Bits
	before     []int
	after      []int
}

const unset = math.MaxInt

// New plans a network on a core. Links names, by layer, the memory operand of
// each of its operands.
func New(w *workload.Workload, core *hardware.Core, links [][]hardware.MemoryOperand) (*Plan, error) {
	p := &Plan{core: core, Layers: make([]Record, len(w.Layers))}
	for i := range w.Layers {
		l, err := roles(&w.Layers[i], core, links[i])
		if err != nil {
			return nil, err
		}
		p.layers = append(p.layers, l)
		p.Layers[i] = Record{unset, unset}
	}
	for i, before := range predecessors(w) {
		p.layers[i].before = before
		for _, b := range before {
			p.layers[b].after = append(p.layers[b].after, i)
		}
	}
	if len(p.layers) == 0 {
		return p, nil
	}
	if err := p.decide(); err != nil {
		return nil, err
	}
	return p, nil
}

// predecessors lists by layer the layers that it depends on.
func predecessors(w *workload.Workload) [][]int {
	if w.Predecessors != nil {
		return w.Predecessors
	}
	out := make([][]int, len(w.Layers))
	for i := range w.Layers {
		for _, o := range w.Layers[i].Operands[1:] {
			if s := o.Source; s.Kind == workload.FromLayer && !slices.Contains(out[i], s.Layer) {
				out[i] = append(out[i], s.Layer)
			}
		}
	}
	return out
}

// roles tells activations from weights. With one constant operand, it is the
// weights. Without any, the second input is the activations; with two, the one
// that is indexed by a window is.
func roles(l *workload.Layer, core *hardware.Core, links []hardware.MemoryOperand) (layer, error) {
	m, err := loopnest.NewModel(loopnest.Problem{Layer: l, Core: core, Links: links})
	if err != nil {
		return layer{}, err
	}
	x := layer{Layer: l, links: links, activation: 1, weights: -1, out: m.OperandBits(0)}
	if len(l.Operands) > 2 {
		first, second := l.Operands[1].Source.Constant(), l.Operands[2].Source.Constant()
		x.constant = first || second
		switch {
		case first && !second:
			x.activation = 2
		case second && !first:
		case !first:
			x.activation = 2
		default:
			for i, o := range l.Operands[1:] {
				if len(l.Relations) > 0 && slices.Contains(o.Dims, l.Relations[0].Index) {
					x.activation = i + 1
				}
			}
		}
		x.weights = 3 - x.activation
	} else {
		x.constant = l.Operands[1].Source.Constant()
	}
	x.in = m.OperandBits(x.activation)
	if !x.constant && x.weights > 0 {
		x.in += m.OperandBits(x.weights)
	}
	return x, nil
}

// top is the highest memory that stores an operand.
func (p *Plan) top(op hardware.MemoryOperand) int {
	levels := p.core.Levels(op)
	return levels[len(levels)-1]
}

func (p *Plan) decide() error {
	for i := range p.layers {
		l := &p.layers[i]
		if l.constant && l.weights > 0 {
			m, err := loopnest.NewModel(loopnest.Problem{Layer: l.Layer, Core: p.core, Links: l.links})
			if err != nil {
				return err
			}
			p.WeightBits += m.OperandBits(l.weights)
		}
	}
	first := &p.layers[0]
	topIn, topOut := p.top(first.links[first.activation]), p.top(first.links[0])
	p.Weights = len(p.core.Memories) - 1
	if first.weights > 0 {
		p.Weights = p.top(first.links[first.weights])
	}
	for i := range p.layers {
		l, r := &p.layers[i], &p.Layers[i]
		if len(l.before) > 0 {
			r.Activations = p.Layers[l.before[0]].Output
		}
		if branches := len(l.after) > 1 || len(l.after) == 1 && len(p.layers[l.after[0]].before) > 1; branches {
			if len(l.before) == 0 {
				r.Activations = min(r.Activations, topIn)
			}
			r.Output = min(r.Output, topOut)
			continue
		}
		for m := len(p.core.Memories) - 1; m >= 0; m-- {
			p.try(l, r, m)
		}
	}
	for i, r := range p.Layers {
		if r.Activations == unset || r.Output == unset {
			return fmt.Errorf("layer %s: no memory of core %s can hold its activations and its output (%d and %d bits) at a time, so they cannot stay there",
				p.layers[i].Name, p.core.Name, p.layers[i].in, p.layers[i].out)
		}
	}
	return nil
}

// try moves the layer's records down to a memory if what it has to hold there
// fits.
func (p *Plan) try(l *layer, r *Record, memory int) {
	m := &p.core.Memories[memory]
	reader := l
	if len(l.after) > 0 {
		reader = &p.layers[l.after[0]]
	}
	activations := m.Stores(l.links[0]) && m.Stores(reader.links[reader.activation])
	weights := l.weights > 0 && m.Stores(l.links[l.weights])
	if !activations && !weights {
		return
	}
	var need unit.Bits
	if activations && !l.constant {
		need = l.in + l.out
	} else {
		if m.Stores(l.links[l.activation]) {
			need += l.in
		}
		if m.Stores(l.links[0]) {
			need += l.out
		}
	}
	if weights {
		need += p.WeightBits
	}
	available, everywhere := m.Size, true
	for d, size := range p.core.Sizes {
		if !slices.Contains(m.Served, d) {
			available *= unit.Bits(size)
			everywhere = false
		}
	}
	if need > available {
		return
	}
	if activations {
		r.Output = min(r.Output, memory)
		if len(l.before) == 0 {
			r.Activations = min(r.Activations, memory)
		}
	}
	if weights && everywhere {
		p.Weights = min(p.Weights, memory)
	}
}

// Core is the core as a layer sees it: memories above the ones decided for no
// longer store the operand, and those without operands are gone.
func (p *Plan) Core(i int) *hardware.Core {
	l, r := &p.layers[i], p.Layers[i]
	type end struct {
		operand hardware.MemoryOperand
		highest int
	}
	ends := []end{{l.links[l.activation], r.Activations}}
	if l.weights > 0 {
		highest := p.Weights
		if !l.constant {
			highest = r.Activations
		}
		ends = append(ends, end{l.links[l.weights], highest})
	}
	ends = append(ends, end{l.links[0], r.Output})
	c := *p.core
	c.Memories = nil
	for j, m := range p.core.Memories {
		var operands []hardware.MemoryOperand
		for _, e := range ends {
			if j <= e.highest && m.Stores(e.operand) {
				operands = append(operands, e.operand)
			}
		}
		if len(operands) == 0 {
			continue
		}
		m.Operands = operands
		var ports []hardware.Port
		for _, port := range m.Ports {
			port.Services = slices.DeleteFunc(slices.Clone(port.Services), func(s hardware.Service) bool { return !slices.Contains(operands, s.Operand) })
			if len(port.Services) > 0 {
				ports = append(ports, port)
			}
		}
		m.Ports = ports
		c.Memories = append(c.Memories, m)
	}
	return &c
}
