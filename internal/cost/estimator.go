// Package cost fills the table of what every class of computation nodes costs
// on every core. It decides which operands a node must stream from off-chip
// memory because they do not fit the core, and asks an Estimator, usually the
// single-core model, for the rest.
package cost

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"streamdse/hardware"
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
// performance are estimated once, whichever layer they belong to.
type Cached struct {
	estimator Estimator
	mu        sync.Mutex
	known     map[string]*entry
}

type entry struct {
	once     sync.Once
	estimate *Estimate
	err      error
}

// NewCached returns an empty memory in front of an estimator.
func NewCached(e Estimator) *Cached {
	return &Cached{estimator: e, known: map[string]*entry{}}
}

// Estimate returns the remembered estimate, or asks for it. An estimate that the
// context cut short is not remembered.
func (c *Cached) Estimate(ctx context.Context, t Tile) (*Estimate, error) {
	k := Key(t)
	c.mu.Lock()
	e, ok := c.known[k]
	if !ok {
		e = &entry{}
		c.known[k] = e
	}
	c.mu.Unlock()
	e.once.Do(func() { e.estimate, e.err = c.estimator.Estimate(ctx, t) })
	if e.err != nil && ctx.Err() != nil {
		c.mu.Lock()
		delete(c.known, k)
		c.mu.Unlock()
		return nil, ctx.Err()
	}
	return e.estimate, e.err
}

// Key spells out everything that the cost of a tile depends on: tiles with the
// same key cost the same.
func Key(t Tile) string {
	var b strings.Builder
	for _, d := range t.Layer.Dims {
		fmt.Fprintf(&b, "%s%d ", d.Dim, d.Size)
	}
	for _, r := range t.Layer.Relations {
		fmt.Fprintf(&b, "%v", r)
	}
	for i, o := range t.Layer.Operands {
		fmt.Fprintf(&b, "|%s%v %d %d %d %d", o.Name, o.Dims, o.Bits, o.FinalBits, o.Source.Kind, t.Links[i])
	}
	fmt.Fprintf(&b, "|%v %v %v", t.Entry.Spatial, t.Entry.Hint, t.Entry.Temporal)
	c := t.Core
	fmt.Fprintf(&b, "|%v %v %v %v %v", c.Dims, c.Sizes, c.UnitEnergy, c.IMC, c.Dataflow)
	for i := range c.Memories {
		m := &c.Memories[i]
		fmt.Fprintf(&b, "|%d %v %v %v %v %v", m.Size, m.ReadCost, m.WriteCost, m.Operands, m.Served, m.Ports)
	}
	return b.String()
}
