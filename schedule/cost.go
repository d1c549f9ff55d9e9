package schedule

import (
	"streamdse/hardware"
	"streamdse/unit"
)

// NodeCost is what it takes to run a computation node on a core once all that
// it does not stream is in the core's top memories.
type NodeCost struct {
	// Feasible is false if the core cannot run the node at all; Reason says why.
	Feasible bool
	Reason   string
	Runtime  unit.Cycles
	Onchip   unit.Picojoules // computing, and memories inside the core
	Offchip  unit.Picojoules // off-chip accesses of streamed operands
	// Streamed are the memory operands that do not fit into the core's top
	// memory and are read from or written to off-chip memory during the run, in
	// the order of the layer's operands.
	Streamed []hardware.MemoryOperand
	// Buffers are the bits of each streamed operand that the core's top memory holds
	// while the node runs; nil if that is not asked for.
	Buffers []unit.Bits
	// StreamIn and StreamOut are the bandwidths that streaming asks of the links
	// from and to off-chip memory.
	StreamIn, StreamOut unit.BitsPerCycle
	// Compute, Stall, Load and Store are what Runtime is made of, in cycles before it
	// is rounded up: operations without waiting, waiting for the core's memories,
	// filling its lower memories before the first operation (and reading the partial
	// sums that are added to), and emptying them after the last.
	Compute, Stall, Load, Store float64
	// Operation is the part of Onchip that the processing elements spend; memories
	// inside the core spend the rest.
	Operation unit.Picojoules
}

// CostTable holds the cost of every class of nodes on every core.
type CostTable struct {
	cores int
	costs []NodeCost
}

// NewCostTable returns a table of infeasible entries.
func NewCostTable(classes, cores int) *CostTable {
	return &CostTable{cores, make([]NodeCost, classes*cores)}
}

// At is the entry for a class of nodes (taskgraph.Node.Class) on a core; it may
// be written while the table is being filled.
func (t *CostTable) At(class int32, core int) *NodeCost {
	return &t.costs[int(class)*t.cores+core]
}
