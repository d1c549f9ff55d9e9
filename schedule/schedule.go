// Package schedule holds the result of running a graph of computation nodes on
// an accelerator, as values: who ran what and when, what moved, how full the
// memories were and what it cost. A Schedule can check itself: Verify.
package schedule

import (
	"math"

	"streamdse/taskgraph"
	"streamdse/unit"
)

// Allocation chooses a core for every group of every layer: Cores[layer][group],
// with layers indexed as in Graph.Layers.
type Allocation struct{ Cores [][]int }

// Core is the core of a node.
func (a *Allocation) Core(n *taskgraph.Node) int { return a.Cores[n.Layer][n.Group] }

// Task is the run of a computation node.
type Task struct {
	Core       int32 // index of Accelerator.Cores
	Start, End unit.Cycles
}

// Cause tells why a transfer happened.
type Cause uint8

const (
	Fetch     Cause = iota // an operand of a node, from off-chip or another core
	Eviction               // written back to make room
	Writeback              // a network output
	Prefetch               // a constant fetched before it was asked for
	Spill                  // stored off-chip because its reader reads it from there
)

func (c Cause) String() string {
	return [...]string{"fetch", "eviction", "writeback", "prefetch", "spill"}[c]
}

// Transfer is the movement of a tensor, or a part of it, from one memory to another. All links of
// its path are busy from Start to End; between two memories of one core there is
// no link.
type Transfer struct {
	Tensor     taskgraph.TensorID
	Part       taskgraph.PartID // that moves, in Schedule.Parts
	Cause      Cause
	From, To   int32 // cores
	FromStore  int32 // memories, indices of Accelerator.Stores
	ToStore    int32
	For        taskgraph.NodeID // the node on whose behalf it happened, -1 for none
	Start, End unit.Cycles
	Bits       unit.Bits // that move
	Links      []int32   // indices of Accelerator.Links
	Joined     bool      // shares links with an earlier transfer of the same data from the same memory (broadcast)

	LinkEnergy, MemoryEnergy unit.Picojoules
}

// Block reserves a part of the off-chip links while a node streams operands
// that do not fit into its core.
type Block struct {
	Node       taskgraph.NodeID
	Start, End unit.Cycles
	Links      []int32             // those that lead out, then those in that are not among them
	Bandwidth  []unit.BitsPerCycle // per link
	LinkEnergy unit.Picojoules     // of all links, for the share of their cycles that it takes
}

// Forever is the end of a stay that does not end.
const Forever unit.Cycles = math.MaxInt64

// Copy is the stay of a tensor, or a part of it, in a memory. Its space is taken from Start, when
// the transfer or the node that brings it begins, until End; what it holds can be
// read from Available on.
type Copy struct {
	Tensor                taskgraph.TensorID
	Store                 int32 // index of Accelerator.Stores
	Part                  taskgraph.PartID
	Start, Available, End unit.Cycles
}

// Curve is the use of a memory over time: Bits[i] from Times[i] until Times[i+1].
type Curve struct {
	Times []unit.Cycles
	Bits  []unit.Bits
}

// Peak is the highest use.
func (c Curve) Peak() unit.Bits {
	var p unit.Bits
	for _, b := range c.Bits {
		p = max(p, b)
	}
	return p
}

// Energy is the energy of a schedule by cause, in the buckets of the published
// scheduler.
type Energy struct {
	NodeOnchip      unit.Picojoules // computing, and memories inside the cores
	FetchLink       unit.Picojoules // operands fetched or streamed from off-chip: links
	FetchMemory     unit.Picojoules // ... memories at both ends, and operands streamed from off-chip
	EvictionLink    unit.Picojoules // evictions and spills
	EvictionMemory  unit.Picojoules
	WritebackLink   unit.Picojoules // network outputs
	WritebackMemory unit.Picojoules
	CoreLink        unit.Picojoules // transfers between cores
	CoreMemory      unit.Picojoules
}

// Total is the sum of all buckets.
func (e Energy) Total() unit.Picojoules {
	return e.NodeOnchip + e.FetchLink + e.FetchMemory + e.EvictionLink + e.EvictionMemory +
		e.WritebackLink + e.WritebackMemory + e.CoreLink + e.CoreMemory
}

// Schedule is a complete run. Nothing in it refers to the simulator that made it.
type Schedule struct {
	Latency   unit.Cycles
	Energy    Energy
	Tasks     []Task             // by NodeID
	Order     []taskgraph.NodeID // in which the nodes were decided
	Transfers []Transfer         // in which they were decided
	Blocks    []Block
	Copies    []Copy           // in which they were made
	Parts     []taskgraph.Part // by PartID
	Memories  []Curve          // by index of Accelerator.Stores
}

// EDP is the energy-delay product in pJ x cycles.
func (s *Schedule) EDP() float64 { return float64(s.Energy.Total()) * float64(s.Latency) }
