package hardware

import (
	"fmt"
	"slices"
	"streamdse/unit"
)

// topLevels returns the indices of the core's top-level memories: the last one
// of each operand, in the order of the levels.
func (c *Core) topLevels() []int {
	var tops []int
	for op := range MemoryOperand(NumMemoryOperands) {
		if l := c.Levels(op); len(l) > 0 && !slices.Contains(tops, l[len(l)-1]) {
			tops = append(tops, l[len(l)-1])
		}
	}
	slices.Sort(tops)
	return tops
}

// store fills Stores and the table behind Top: one store per top-level memory,
// in CoreOrder and then by level. leader gives for each core the core whose
// top-level memories it shares, or itself.
func (a *Accelerator) store(leader []int) {
	a.top = make([][NumMemoryOperands]int, len(a.Cores))
	first := make([][]int, len(a.Cores)) // leader -> its stores, one per top level
	for _, id := range a.CoreOrder {
		core := &a.Cores[id]
		tops := core.topLevels()
		stores := first[leader[id]]
		if stores == nil {
			for _, level := range tops {
				m := &core.Memories[level]
				stores = append(stores, len(a.Stores))
				a.Stores = append(a.Stores, Store{
					Name: m.Name, Memory: m, Capacity: m.Size,
					ReadBandwidth: m.bandwidth(true), WriteBandwidth: m.bandwidth(false),
				})
			}
			first[leader[id]] = stores
		}
		a.top[id] = [NumMemoryOperands]int{-1, -1, -1}
		for i, level := range tops {
			s := &a.Stores[stores[i]]
			s.Cores = append(s.Cores, id)
			slices.Sort(s.Cores)
			for _, op := range core.Memories[level].Operands {
				if l := core.Levels(op); l[len(l)-1] == level {
					a.top[id][op] = stores[i]
				}
			}
		}
	}
}

// bandwidth is the largest bandwidth of the memory's ports that can read, or write.
func (m *Memory) bandwidth(read bool) unit.BitsPerCycle {
	var bw unit.BitsPerCycle
	for _, p := range m.Ports {
		switch {
		case read && p.Type != WritePort:
			bw = max(bw, p.Read.Max)
		case !read && p.Type != ReadPort:
			bw = max(bw, p.Write.Max)
		}
	}
	return bw
}

// difference names the first property in which two memories differ, "" if they
// are alike.
func difference(a, b *Memory) string {
	switch {
	case a.Name != b.Name:
		return fmt.Sprintf("names %s and %s", a.Name, b.Name)
	case a.Size != b.Size:
		return fmt.Sprintf("sizes %d and %d bits", a.Size, b.Size)
	case a.ReadCost != b.ReadCost:
		return fmt.Sprintf("read costs %v and %v pJ", float64(a.ReadCost), float64(b.ReadCost))
	case a.WriteCost != b.WriteCost:
		return fmt.Sprintf("write costs %v and %v pJ", float64(a.WriteCost), float64(b.WriteCost))
	case a.Area != b.Area:
		return fmt.Sprintf("areas %v and %v", a.Area, b.Area)
	case !slices.Equal(a.Operands, b.Operands):
		return fmt.Sprintf("operands %v and %v", a.Operands, b.Operands)
	case !slices.Equal(a.Served, b.Served):
		return "served dimensions"
	case !slices.EqualFunc(a.Ports, b.Ports, equalPorts):
		return "ports"
	}
	return ""
}

func equalPorts(a, b Port) bool {
	return a.Name == b.Name && a.Type == b.Type && a.Read == b.Read && a.Write == b.Write && slices.Equal(a.Services, b.Services)
}

// EqualPerformance tells whether every layer costs the same on the two cores:
// the same array, the same memories and the same dataflow. Names of the cores,
// operator types and sharing do not matter.
func EqualPerformance(a, b *Core) bool {
	if !slices.Equal(a.Dims, b.Dims) || !slices.Equal(a.Sizes, b.Sizes) || a.UnitEnergy != b.UnitEnergy || a.UnitArea != b.UnitArea {
		return false
	}
	if (a.IMC == nil) != (b.IMC == nil) || a.IMC != nil && *a.IMC != *b.IMC {
		return false
	}
	sameMemory := func(x, y Memory) bool { return difference(&x, &y) == "" }
	return slices.EqualFunc(a.Memories, b.Memories, sameMemory) && slices.EqualFunc(a.Dataflow, b.Dataflow, slices.Equal[[]Unrolling])
}

// WithOffchip returns a copy of the core whose hierarchy ends in the off-chip
// memory for exactly the given operands: what a layer sees whose operands do not
// fit the core. The off-chip ports keep their duties for these operands only,
// and one instance of the memory serves the whole array.
func (a *Accelerator) WithOffchip(core int, ops ...MemoryOperand) *Core {
	c := a.Cores[core]
	off := a.Cores[a.Offchip].Memories[0]
	off.Operands = slices.DeleteFunc(slices.Clone(off.Operands), func(op MemoryOperand) bool { return !slices.Contains(ops, op) })
	var ports []Port
	for _, p := range off.Ports {
		p.Services = slices.DeleteFunc(slices.Clone(p.Services), func(s Service) bool { return !slices.Contains(ops, s.Operand) })
		if len(p.Services) > 0 {
			ports = append(ports, p)
		}
	}
	off.Ports = ports
	off.Served = make([]int, len(c.Dims))
	for i := range off.Served {
		off.Served[i] = i
	}
	c.Memories = append(slices.Clone(c.Memories), off)
	return &c
}
