// Package mapping holds what the user allows: the cores that may run a layer,
// how the layer is tiled within and over cores, its spatial unrolling and loop
// order where fixed, and which layers are fused. Load and Parse read mapping files.
package mapping

import (
	"strconv"
	"strings"

	"streamdse/hardware"
	"streamdse/internal/diag"
	"streamdse/workload"
)

// Factor of a tiling that is not a number.
const (
	All  = -1 // as many parts as the dimension has elements
	Free = -2 // "*": the allocator decides
)

// Tiling cuts a loop dimension into parts.
//
// Files of 2026 name dimensions by their position in the layer's iteration
// space, "D0", "D1", ...; Dim keeps that name, and Position reads it. A layer may
// also have a loop that is really called so: who resolves a tiling looks for a
// loop of the name first, and takes it as a position only if there is none.
type Tiling struct {
	Dim   workload.Dim
	Parts int  // number of parts, or All or Free
	Size  bool // Parts is the size of a part instead (format of 2026)
}

// Position is the index that a positional dimension of a file of 2026 stands
// for: 6 for "D6"; ok is false for other names.
func Position(d workload.Dim) (index int, ok bool) {
	digits, found := strings.CutPrefix(string(d), "D")
	i, err := strconv.Atoi(digits)
	return i, found && err == nil && i >= 0 && strconv.Itoa(i) == digits
}

// TemporalLoop is an entry of a user-given loop order, innermost first; Size 0
// means that any size is meant.
type TemporalLoop struct {
	Dim  workload.Dim
	Size int
}

// Entry is what the user allows for the layers it is chosen for.
type Entry struct {
	Name string // layer name, operator type, or "default"
	// Cores are the candidate cores; with Fixed, entry g is the core of group g.
	Cores []int
	Fixed bool
	// Intra tiles are computed one after another on a core; the first varies fastest.
	Intra []Tiling
	// Inter parts are spread over cores.
	Inter []Tiling
	// Spatial is the unrolling per array dimension, keyed like Array.Dims; nil if open.
	Spatial  map[string][]hardware.Unrolling
	Hint     map[string][]workload.Dim
	Links    map[string]hardware.MemoryOperand // operand name -> memory operand
	Temporal []TemporalLoop
	Keep     []Dimension // of Cores, Splits and Tiles: what is not explored
	File     string      // where the entry stands, for messages
	Line     int

	nameAt, coresAt place // where the name and the core allocation stand
}

type place struct{ line, column int }

// Group is a fusion group of a file of 2026.
type Group struct {
	Name   string
	Layers []string // layer names or operator types, in the order of execution
	Tiles  []LayerTiling
	File   string // where the group stands, for messages
	Line   int
}

// LayerTiling is a tile size that a fusion group sets for a dimension of one of
// its layers; what is fused with the layer follows it.
type LayerTiling struct {
	Layer string // layer name or operator type
	Tiling
}

// Mapping is an ordered list of entries. In the formats of 2024 one of them is
// named "default".
type Mapping struct {
	Name    string
	Entries []Entry
	// Groups are the fusion stacks that the file gives; nil if it gives none.
	Groups []Group
	// Choice is what the file decides of what its entries leave open; nil if nothing.
	// It is for who makes a schedule to follow: nothing here does.
	Choice *Choice
	// Explore are the dimensions that may be explored, if the file says so; else nil.
	Explore []Dimension
	// Cuts stand in place of the entries' tilings; no file has them.
	Cuts []Cut
	// RecomputeHalo makes a fused layer's tiles overlap by what the windows of its
	// readers reach beyond their own tile, instead of being read by several; no file
	// says it.
	RecomputeHalo bool
	Warnings      diag.List // keys without effect
}

// Lookup returns the entry for a layer: by its name, else by its operator type,
// else the default; nil if there is none.
func (m *Mapping) Lookup(l *workload.Layer) *Entry {
	for _, key := range []string{l.Name, l.Type, "default"} {
		for i := range m.Entries {
			if m.Entries[i].Name == key {
				return &m.Entries[i]
			}
		}
	}
	return nil
}

// MemoryOperand is the memory operand that holds the layer's operand: the
// entry's link, or I->I1, W->I2, O->O.
func (e *Entry) MemoryOperand(operand string) (hardware.MemoryOperand, bool) {
	if e != nil && e.Links != nil {
		m, ok := e.Links[operand]
		return m, ok
	}
	switch operand {
	case "I":
		return hardware.I1, true
	case "W":
		return hardware.I2, true
	case "O":
		return hardware.O, true
	}
	return 0, false
}
