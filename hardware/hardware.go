// Package hardware describes multi-core dataflow accelerators: cores with an
// array of processing elements and a memory hierarchy, the links between cores,
// and the off-chip memory behind one of them. An Accelerator is immutable once
// built and safe to share between goroutines.
//
// Load and Parse read accelerator files, LoadCore and ParseCore files of a single
// core; see the doc comments of those functions for the formats.
package hardware

import (
	"fmt"
	"slices"

	"streamdse/internal/diag"
	"streamdse/unit"
)

// MemoryOperand names what a memory can hold, independent of a layer's operand
// names: I1 (usually the activations I), I2 (usually the weights W), O.
type MemoryOperand uint8

const (
	I1                MemoryOperand = iota // the first input
	I2                                     // the second input
	O                                      // the output, partial sums included
	NumMemoryOperands = 3                  // how many there are
)

func (m MemoryOperand) String() string { return [...]string{"I1", "I2", "O"}[m] }

// Direction is a way data moves through a memory, seen from the memory itself.
type Direction uint8

const (
	ToLow         Direction = iota // read out to the lower level ("tl")
	FromLow                        // written in from the lower level ("fl")
	ToHigh                         // read out to the higher level ("th")
	FromHigh                       // written in from the higher level ("fh")
	NumDirections = 4              // how many there are
)

func (d Direction) String() string { return [...]string{"tl", "fl", "th", "fh"}[d] }

// Reads tells whether the direction reads the memory (ToLow, ToHigh).
func (d Direction) Reads() bool { return d == ToLow || d == ToHigh }

// PortType is what a port can do.
type PortType uint8

const (
	ReadPort      PortType = iota // moves data out of the memory
	WritePort                     // moves data into it
	ReadWritePort                 // does one or the other at a time
)

func (t PortType) String() string { return [...]string{"read", "write", "read_write"}[t] }

// Bandwidth of a port: Max limits the speed, Min is the granularity of an
// access (a transfer is rounded up to a multiple of it), both in bits per cycle.
type Bandwidth struct{ Min, Max unit.BitsPerCycle }

// Service is one duty of a port: moving one operand in one direction.
type Service struct {
	Operand   MemoryOperand
	Direction Direction
}

// Port of a memory. Read applies to ToLow and ToHigh, Write to FromLow and
// FromHigh. They differ only on read_write ports of the older file format,
// where the port as a whole is limited by Read.
type Port struct {
	Name     string
	Type     PortType
	Read     Bandwidth
	Write    Bandwidth
	Services []Service // in the order of the file, operand by operand
}

// Bandwidth is the port's bandwidth in the given direction.
func (p *Port) Bandwidth(d Direction) Bandwidth {
	if d.Reads() {
		return p.Read
	}
	return p.Write
}

// Limit is the bandwidth that all services of the port share.
func (p *Port) Limit() unit.BitsPerCycle {
	if p.Type == WritePort {
		return p.Write.Max
	}
	return p.Read.Max
}

// Memory is one level of a core's hierarchy. One instance serves all processing
// elements along the served dimensions; it is repeated along the others.
type Memory struct {
	Name      string
	Size      unit.Bits
	ReadCost  unit.Picojoules // of one access of the full port width
	WriteCost unit.Picojoules
	Area      float64
	Operands  []MemoryOperand // in the order of the file
	Served    []int           // indices into Array.Dims, in the order of the file
	Ports     []Port
}

// Stores tells whether the memory holds the operand.
func (m *Memory) Stores(op MemoryOperand) bool {
	for _, o := range m.Operands {
		if o == op {
			return true
		}
	}
	return false
}

// Port returns the port that serves the operand in the direction, or nil. If a
// file gives the duty to several ports, it is the first of them.
func (m *Memory) Port(op MemoryOperand, d Direction) *Port {
	for i := range m.Ports {
		for _, s := range m.Ports[i].Services {
			if s.Operand == op && s.Direction == d {
				return &m.Ports[i]
			}
		}
	}
	return nil
}

// Array is the operational array of a core. An array whose sizes are 0 has no
// processing elements: the core only stores.
type Array struct {
	Dims       []string        // "D1", "D2", ...
	Sizes      []int           // processing elements along each
	UnitEnergy unit.Picojoules // of one operation
	UnitArea   float64
	IMC        *IMC // nil unless it computes in memory
}

// Units is the number of processing elements.
func (a *Array) Units() int64 {
	n := int64(1)
	for _, s := range a.Sizes {
		n *= int64(s)
	}
	return n
}

// IMC holds what is particular to an in-memory-computing array.
type IMC struct {
	Analog             bool
	ADCResolution      float64 // bits of a conversion
	BitSerialPrecision float64 // bits of an activation that are fed in a cycle
	InputPrecision     [2]int  // bits of an activation, of a weight
}

// Unrolling lays one loop dimension on an array dimension.
type Unrolling struct {
	Dim    string // loop dimension, e.g. "K"
	Factor int    // iterations that run side by side
}

// Dataflow is a fixed spatial unrolling: per array dimension (same index as
// Array.Dims) the loop dimensions laid on it. Empty means that it is left open.
type Dataflow [][]Unrolling

// Core is one core of an accelerator.
type Core struct {
	ID   int    // its index in Accelerator.Cores
	Name string // as in the core file
	// Kind is "compute", "memory", "shim" or "offchip"; kinds of another
	// namespace than the single-core model's keep it: "aie2.compute". Files that
	// do not say it give "offchip" for the off-chip core, "memory" for another
	// core without processing elements, else "compute".
	Kind string
	Array
	Memories      []Memory // from the lowest to the highest, for every operand
	Dataflow      Dataflow
	OperatorTypes []string // accepted operator types; nil means all
	// Position is where the core sits on the die, for drawings only; nil if the
	// file does not say it.
	Position *Position
	File     string    // where the core is described, for messages
	Line     int       // in the file
	Warnings diag.List // about the core file: keys without effect
	// OperatorTypesAt is where each of OperatorTypes stands, for messages.
	OperatorTypesAt []Place
}

// Place is a place in a file.
type Place struct {
	File         string
	Line, Column int
}

// UnknownOperators says of the operator types that cores take which are none of the
// known ones: no layer has them.
func (a *Accelerator) UnknownOperators(known []string) diag.List {
	var problems diag.List
	for i := range a.Cores {
		c := &a.Cores[i]
		for k, at := range c.OperatorTypesAt {
			if name := c.OperatorTypes[k]; !slices.Contains(known, name) {
				problems.Add(diag.Problem{
					File: at.File, Line: at.Line, Column: at.Column,
					Message: fmt.Sprintf("core %q takes operator type %s, which is not known: no layer has it", c.Name, name),
					Hint:    diag.DidYouMean(name, known),
				})
			}
		}
	}
	return problems.Unique()
}

// Position is a place in the grid of cores.
type Position struct{ Column, Row int }

// Levels returns the indices into Memories of the levels that store the
// operand, lowest first.
func (c *Core) Levels(op MemoryOperand) []int {
	var l []int
	for i := range c.Memories {
		if c.Memories[i].Stores(op) {
			l = append(l, i)
		}
	}
	return l
}

// AnyCore stands for "whichever core" as an end of a shared link.
const AnyCore = -1

// Link is a connection that one transfer at a time can use in full. A bus or a
// bidirectional off-chip link is one Link that several pairs of cores use; both
// its ends are AnyCore. Of a pair of shared off-chip links, one goes from
// AnyCore to the off-chip core and the other back.
type Link struct {
	From, To   int // core ids, or AnyCore
	Bandwidth  unit.BitsPerCycle
	UnitEnergy unit.Picojoules // per cycle of activity
	BitEnergy  unit.Picojoules // per bit carried, besides
	Shared     bool            // one medium for both directions or for many cores
	Members    []int           // the cores on it, ascending, if Shared
}

// Store is a top-level memory of one core, or of several that share it: what
// the multi-core schedule sees of a hierarchy. Its ends are the memory's
// bandwidths and costs towards the outside.
type Store struct {
	Name           string
	Cores          []int // that use it, ascending
	Memory         *Memory
	Capacity       unit.Bits
	ReadBandwidth  unit.BitsPerCycle
	WriteBandwidth unit.BitsPerCycle
}

// Accelerator is a set of cores with their links. Core ids are indices of Cores.
type Accelerator struct {
	Name    string
	Cores   []Core
	Offchip int // id of the core in front of the off-chip memory
	Links   []Link
	Stores  []Store
	// CoreOrder lists the core ids in the order in which the links of the file
	// first mention them; ties between sources are broken by it.
	CoreOrder []int
	// TechnologyNode is what the file says of the process, e.g. "n3"; "" if
	// nothing. No figure depends on it: costs are read from the files.
	TechnologyNode string
	Warnings       diag.List // about the accelerator file and its core files

	top   [][NumMemoryOperands]int // core, operand -> index of Stores, or -1
	paths [][][]int                // from, to -> link indices
	hops  [][][]int                // from, to -> core ids, both ends included

	parallel  map[hop][]int // the links between neighbours that more than one joins
	firstOnly bool          // see FirstLinksOnly
}

// Top is the index in Stores of the topmost memory of the core that stores the
// operand, -1 if it has none.
func (a *Accelerator) Top(core int, op MemoryOperand) int { return a.top[core][op] }

// Path is the links that a transfer between two cores occupies, nil if they are
// the same core or not connected. It is a shortest path, and avoids the off-chip
// core as an intermediate hop wherever the cores are connected without it. Of parallel
// links it has the first; see Lanes.
func (a *Accelerator) Path(from, to int) []int { return a.paths[from][to] }

// Hops is the cores that a transfer passes, both ends included; nil if the two
// are not connected.
func (a *Accelerator) Hops(from, to int) []int { return a.hops[from][to] }

// Instances is how many of a memory there are, one for each set of processing elements
// that it serves.
func (c *Core) Instances(m *Memory) int64 {
	n := int64(1)
	for d, size := range c.Sizes {
		if !slices.Contains(m.Served, d) {
			n *= int64(max(size, 1))
		}
	}
	return n
}
