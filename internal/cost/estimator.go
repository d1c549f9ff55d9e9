// Package cost fills the table of what every class of computation nodes costs
// on every core. It decides which operands a node must stream from off-chip
// memory because they do not fit the core, and asks an Estimator, usually the
// single-core model, for the rest.
package cost

import (
	"context"
	"fmt"
	"strconv"
	"sync"

	"streamdse/hardware"
	"streamdse/loopnest"
	"streamdse/mapping"
	"streamdse/unit"
	"streamdse/workload"
)

// Tile is one computation node's loop nest on one core.
type Tile struct {
	Layer *workload.Layer // loop sizes are those of the tile
	Core  *hardware.Core  // with the off-chip memory on top for the streamed operands
	Links []hardware.MemoryOperand
	Entry *mapping.Entry // spatial unrolling and loop order, where the user fixes them
}

// Estimate is what the tile takes.
type Estimate struct {
	Compute, Stall, Onload, Offload float64 // cycles
	Energy                          unit.Picojoules
	Operation                       unit.Picojoules // the part of it that the processing elements spend
	// Top is, for each operand of the layer, what happens at its highest level.
	Top []TopLevel
	// Sizes are those of the core's memories with which the estimate is the same; nil if
	// there may be no others.
	Sizes *loopnest.Sizes
}

// TopLevel is the use of the highest memory level of an operand.
type TopLevel struct {
	// Below is what the level below holds of the operand, all instances together; 0 if
	// there is none.
	Below   unit.Bits
	Energy  unit.Picojoules
	Read    Traffic // read out to the core
	Written Traffic // written by the core
}

// Traffic is what passes a memory in one direction.
type Traffic struct {
	Bits unit.Bits         // in all, in accesses of full width
	Peak unit.BitsPerCycle // highest bandwidth needed at any time
}

// Estimator costs tiles. It must be safe for several goroutines. An error means
// that the core cannot run the tile, and says why.
type Estimator interface {
	Estimate(ctx context.Context, t Tile) (*Estimate, error)
}

// Cached remembers estimates: tiles of the same shape on cores of the same
// performance are estimated once, whichever layer they belong to, and cores that differ
// only in sizes of memories between which an estimate does not change count as the same.
type Cached struct {
	estimator Estimator
	mu        sync.Mutex
	known     map[string]*shape
}

// shape is what is known of tiles that differ in sizes of memories only.
type shape struct {
	mu        sync.Mutex
	estimates []estimated
}

// estimated is an estimate with the sizes of the memories that it was made for.
type estimated struct {
	sizes    []unit.Bits
	estimate *Estimate
	err      error
}

// NewCached returns an empty memory in front of an estimator.
func NewCached(e Estimator) *Cached {
	return &Cached{estimator: e, known: map[string]*shape{}}
}

// Estimate returns the remembered estimate, or asks for it. An estimate that the
// context cut short is not remembered.
func (c *Cached) Estimate(ctx context.Context, t Tile) (*Estimate, error) {
	k := string(appendShape(nil, t))
	c.mu.Lock()
	s := c.known[k]
	if s == nil {
		s = &shape{}
		c.known[k] = s
	}
	c.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.estimates {
		if x := &s.estimates[i]; x.holds(t.Core) {
			return x.estimate, x.err
		}
	}
	e, err := c.estimator.Estimate(ctx, t)
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	x := estimated{estimate: e, err: err}
	for i := range t.Core.Memories {
		x.sizes = append(x.sizes, t.Core.Memories[i].Size)
	}
	s.estimates = append(s.estimates, x)
	return e, err
}

// holds tells whether the estimate is that for a core, too, which differs from its own
// in sizes of memories at the most.
func (x *estimated) holds(c *hardware.Core) bool {
	same := true
	for i := range c.Memories {
		same = same && c.Memories[i].Size == x.sizes[i]
	}
	return same || x.err == nil && x.estimate.Sizes != nil && x.estimate.Sizes.Hold(c, x.sizes)
}

// Key spells out everything that the cost of a tile depends on: tiles with the
// same key cost the same.
func Key(t Tile) string {
	b := appendShape(nil, t)
	for i := range t.Core.Memories {
		b = strconv.AppendInt(append(b, ' '), int64(t.Core.Memories[i].Size), 10)
	}
	return string(b)
}

// appendShape adds everything but the sizes of memories that the cost of a tile depends
// on.
func appendShape(b []byte, t Tile) []byte {
	number := func(n int64) { b = strconv.AppendInt(append(b, ' '), n, 10) }
	real := func(x float64) { b = strconv.AppendFloat(append(b, ' '), x, 'g', -1, 64) }
	for _, d := range t.Layer.Dims {
		b = append(b, d.Dim...)
		number(int64(d.Size))
	}
	for i := range t.Layer.Relations {
		b = fmt.Appendf(b, "%v", t.Layer.Relations[i])
	}
	for i, o := range t.Layer.Operands {
		b = append(append(b, '|'), o.Name...)
		for _, d := range o.Dims {
			b = append(append(b, ' '), d...)
		}
		number(int64(o.Bits))
		number(int64(o.FinalBits))
		number(int64(o.Source.Kind))
		number(int64(t.Links[i]))
	}
	if e := t.Entry; len(e.Spatial)+len(e.Hint)+len(e.Temporal) > 0 {
		b = fmt.Appendf(b, "|%v %v %v", e.Spatial, e.Hint, e.Temporal)
	}
	c := t.Core
	b = fmt.Appendf(append(b, '|'), "%v %v %v", c.Dims, c.IMC, c.Dataflow)
	for _, n := range c.Sizes {
		number(int64(n))
	}
	real(float64(c.UnitEnergy))
	for i := range c.Memories {
		m := &c.Memories[i]
		b = append(b, '|')
		real(float64(m.ReadCost))
		real(float64(m.WriteCost))
		for _, op := range m.Operands {
			number(int64(op))
		}
		b = append(b, ';')
		for _, d := range m.Served {
			number(int64(d))
		}
		for j := range m.Ports {
			p := &m.Ports[j]
			b = append(append(b, ';'), p.Name...)
			number(int64(p.Type))
			real(float64(p.Read.Min))
			real(float64(p.Read.Max))
			real(float64(p.Write.Min))
			real(float64(p.Write.Max))
			for _, s := range p.Services {
				number(int64(s.Operand))
				number(int64(s.Direction))
			}
		}
	}
	return b
}
