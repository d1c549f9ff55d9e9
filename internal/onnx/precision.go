package onnx

import (
	"fmt"

	"streamdse/unit"
	"streamdse/workload"
)

// Precision is the number of bits of an element of each kind of tensor. Where it
// overrides others, 0 leaves them as they are.
type Precision struct {
	Weight     unit.Bits // constants
	Activation unit.Bits // inputs and finished outputs of layers
	Partial    unit.Bits // partial sums
}

// DefaultPrecision is that of 8-bit inference: weights and activations of 8 bits,
// accumulated in 16.
func DefaultPrecision() Precision { return Precision{Weight: 8, Activation: 8, Partial: 16} }

// overridden is p with what another one sets.
func (p Precision) overridden(by Precision) Precision {
	if by.Weight != 0 {
		p.Weight = by.Weight
	}
	if by.Activation != 0 {
		p.Activation = by.Activation
	}
	if by.Partial != 0 {
		p.Partial = by.Partial
	}
	return p
}

// precision is what the user, or else the node itself, asks for in a layer of the
// given name, or the names of its operator.
func (l *lowering) precision(own Precision, names ...string) Precision {
	p := l.Precision.overridden(own)
	for i := len(names) - 1; i >= 0; i-- {
		if own, ok := l.LayerPrecision[names[i]]; ok {
			p = p.overridden(own)
			l.tuned[names[i]] = true
		}
	}
	return p
}

// typeBits is the size of an element of an integer type, 0 for others: models of
// floating-point numbers are not taken by their word.
func typeBits(t DataType) unit.Bits {
	if isInteger(t) || t >= 17 && t <= 20 || t == 24 { // floating-point numbers of 8 bits
		return unit.Bits(elementBits(t))
	}
	return 0
}

// of is the precision of a tensor: what the user asks for, or that of its type, or
// else the default.
func (p Precision) of(asked unit.Bits, t DataType, otherwise unit.Bits) unit.Bits {
	if asked != 0 {
		return asked
	}
	if b := typeBits(t); b != 0 {
		return b
	}
	return otherwise
}

// input is the precision of an operand that may be a constant or computed.
func (p Precision) input(v val) unit.Bits {
	t := v.typ
	if v.stored != 0 {
		t = v.stored
	}
	if v.Kind == workload.FromConstant {
		return p.of(p.Weight, t, DefaultPrecision().Weight)
	}
	return p.of(p.Activation, t, DefaultPrecision().Activation)
}

// partial is the precision of a layer's partial sums: at least that of the result.
// A model does not say it where the result is rounded: how wide an accumulator is
// belongs to the machine.
func (p Precision) partial(n nest, final unit.Bits) unit.Bits {
	switch {
	case n.plain, n.raw:
		return final
	case p.Partial != 0:
		return p.Partial
	}
	return max(DefaultPrecision().Partial, final)
}

// scaled is the precision of an operand whose elements stand for several of the
// model's, as factor and offset of a normalisation do, or for none.
func (p Precision) scaled(r reading) unit.Bits {
	return unit.Bits(*r.bits) * p.of(p.Weight, 0, DefaultPrecision().Weight)
}

// times is a reading of a constant with n values for each element.
func (r reading) times(n int64) reading {
	r.bits = &n
	return r
}

// noWeights is the second operand of a layer that has only one: a constant of no
// bits, or, where the published tool reads one, a single constant element.
func (l *lowering) noWeights(axes ...[]workload.Dim) reading {
	r := reads("W", val{origin: origin{Source: workload.Source{Kind: workload.FromConstant}}}, axes...)
	if l.Rules.UnaryReadsWeight && len(axes) == 0 {
		return r.times(1)
	}
	return r.times(0)
}

// ownPrecision reads the attributes with which a matrix product sets precisions.
func (p *part) ownPrecision() (Precision, error) {
	var own Precision
	for _, a := range []struct {
		name string
		bits *unit.Bits
	}{{"weight_size", &own.Weight}, {"act_size", &own.Activation}, {"output_size", &own.Partial}} {
		v := p.Int(a.name, 0)
		if v < 0 || v > 1024 {
			return own, fmt.Errorf("%s is %d bits", a.name, v)
		}
		*a.bits = unit.Bits(v)
	}
	return own, nil
}
