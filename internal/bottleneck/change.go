package bottleneck

import (
	"streamdse/hardware"
	"streamdse/mapping"
)

// ChangeKind is a kind of change.
type ChangeKind string

const (
	Link            ChangeKind = "link"             // twice the bandwidth of a link
	Offchip         ChangeKind = "off-chip"         // twice the bandwidth of the off-chip memory and its links
	Store           ChangeKind = "memory"           // twice the size of a top-level memory
	Stores          ChangeKind = "memories"         // twice the size of every top-level memory on the chip
	MemoryBandwidth ChangeKind = "memory bandwidth" // twice the port width of the memories of some cores
	Split           ChangeKind = "split"            // layers spread over cores in another way
)

// Change is something that could be different. Resources that grow keep their energy
// per bit, or per access if they only hold more.
type Change struct {
	Kind  ChangeKind
	Index int         // of the link or the top-level memory
	Cores []int       // whose memories get wider
	Cut   mapping.Cut // of a split
}

// Apply returns the changed accelerator; a split changes nothing of it.
func (c Change) Apply(a *hardware.Accelerator) *hardware.Accelerator {
	const twice = 2
	switch c.Kind {
	case Link:
		return a.WithLink(c.Index, twice)
	case Offchip:
		return a.WithOffchipBandwidth(twice)
	case Store:
		return a.WithStores(twice, c.Index)
	case Stores:
		return a.WithStores(twice, onChip(a)...)
	case MemoryBandwidth:
		return a.WithMemoryBandwidth(twice, c.Cores...)
	}
	return a
}

// onChip lists the top-level memories but for the off-chip one.
func onChip(a *hardware.Accelerator) []int {
	var list []int
	for i := range a.Stores {
		if s := &a.Stores[i]; len(s.Cores) != 1 || s.Cores[0] != a.Offchip {
			list = append(list, i)
		}
	}
	return list
}
