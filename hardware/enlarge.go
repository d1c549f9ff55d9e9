package hardware

import (
	"slices"

	"streamdse/unit"
)

// clone is a copy whose cores, links and top-level memories can be changed. Paths
// stay as they are: they do not depend on sizes or bandwidths.
func (a *Accelerator) clone() *Accelerator {
	b := *a
	b.Cores, b.Links, b.Stores = slices.Clone(a.Cores), slices.Clone(a.Links), slices.Clone(a.Stores)
	for i := range b.Cores {
		c := &b.Cores[i]
		c.Memories = slices.Clone(c.Memories)
	}
	for i := range b.Stores {
		s := &b.Stores[i]
		s.Memory = b.level(s, s.Cores[0])
	}
	return &b
}

// level is the memory of a core that is the store.
func (a *Accelerator) level(s *Store, core int) *Memory {
	for l := range a.Cores[core].Memories {
		if m := &a.Cores[core].Memories[l]; m.Name == s.Name {
			return m
		}
	}
	return s.Memory
}

// WithLink returns a copy in which a link has more bandwidth by a factor, at the
// same energy per bit.
func (a *Accelerator) WithLink(link int, factor float64) *Accelerator {
	b := a.clone()
	b.Links[link].widen(factor)
	return b
}

func (l *Link) widen(factor float64) {
	l.Bandwidth *= unit.BitsPerCycle(factor)
	l.UnitEnergy *= unit.Picojoules(factor) // is per cycle
}

// WithStores returns a copy in which top-level memories are larger by a factor, at
// the same energy per access.
func (a *Accelerator) WithStores(factor int, stores ...int) *Accelerator {
	b := a.clone()
	for _, i := range stores {
		s := &b.Stores[i]
		s.Capacity *= unit.Bits(factor)
		for _, core := range s.Cores {
			b.level(s, core).Size = s.Capacity
		}
	}
	return b
}

// WithOffchipBandwidth returns a copy in which the off-chip memory and all links to
// and from it are faster by a factor, at the same energy per bit.
func (a *Accelerator) WithOffchipBandwidth(factor float64) *Accelerator {
	b := a.clone()
	b.widenMemories(b.Offchip, factor)
	for i := range b.Links {
		l := &b.Links[i]
		if l.From == b.Offchip || l.To == b.Offchip || slices.Contains(l.Members, b.Offchip) {
			l.widen(factor)
		}
	}
	return b
}

// WithMemoryBandwidth returns a copy in which all ports of all memories of some
// cores are wider by a factor, at the same energy per bit.
func (a *Accelerator) WithMemoryBandwidth(factor float64, cores ...int) *Accelerator {
	b := a.clone()
	for _, core := range cores {
		b.widenMemories(core, factor)
	}
	return b
}

// widenMemories widens the ports of a core's memories. A cost is that of an access
// of the full width.
func (a *Accelerator) widenMemories(core int, factor float64) {
	f := unit.BitsPerCycle(factor)
	for i := range a.Cores[core].Memories {
		m := &a.Cores[core].Memories[i]
		m.ReadCost *= unit.Picojoules(factor)
		m.WriteCost *= unit.Picojoules(factor)
		m.Ports = slices.Clone(m.Ports)
		for k := range m.Ports {
			p := &m.Ports[k]
			p.Read.Max *= f
			p.Write.Max *= f
		}
	}
	for i := range a.Stores {
		s := &a.Stores[i]
		if slices.Contains(s.Cores, core) {
			s.Memory = a.level(s, core)
			s.ReadBandwidth, s.WriteBandwidth = s.Memory.bandwidth(true), s.Memory.bandwidth(false)
		}
	}
}
