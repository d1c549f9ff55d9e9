package report

import (
	"fmt"
	"strings"

	"gonum.org/v1/plot/vg"

	"streamdse/hardware"
	"streamdse/unit"
)

// operandLanes is the width in which a hierarchy shows which operands a memory holds.
const operandLanes = 60 * vg.Length(1)

func (c *chip) panelHeight(kind int) vg.Length {
	levels := len(c.acc.Cores[c.kinds[kind].cores[0]].Memories)
	return lineStep + 4 + vg.Length(levels+1)*(levelHeight+levelGap)
}

// panel draws the memory hierarchy of a kind of core: the highest memory at the top,
// the array at the bottom, and for each operand the levels that it passes.
func (c *chip) panel(kind int, x, y vg.Length) {
	cores := c.kinds[kind].cores
	core := &c.acc.Cores[cores[0]]
	title := coreList(cores)
	if len(cores) > 4 {
		title = fmt.Sprintf("%d cores", len(cores))
	}
	c.text(c.bold, x, y+textSize, atStart, black, elide(c.bold, core.Name+" ("+title+")", c.panelWidth))
	y += lineStep + 4
	row := func(level int) rect { // the highest first, the array at last
		top := y + vg.Length(len(core.Memories)-1-level)*(levelHeight+levelGap)
		return rect{x, top, x + c.panelWidth, top + levelHeight}
	}
	for level := range core.Memories {
		m := &core.Memories[level]
		r := row(level)
		c.frame(r, die, pale)
		name := fmt.Sprintf("%s  %s", m.Name, humanBytes(m.Size))
		if n := core.Instances(m); n > 1 {
			name += fmt.Sprintf("  × %s", exact(n))
		}
		c.text(c.bold, x+operandLanes, r.top+textSize+1, atStart, black, elide(c.bold, name, c.panelWidth-operandLanes-4))
		c.text(c.small, x+operandLanes, r.top+textSize+2+smallStep, atStart, black, elide(c.small, memoryText(m), c.panelWidth-operandLanes-4))
	}
	array := row(-1)
	if core.Units() > 0 {
		c.frame(array, corePaper, grey)
		c.text(c.bold, x+operandLanes, array.top+textSize+1, atStart, black, elide(c.bold, arrayText(core)+" elements", c.panelWidth-operandLanes-4))
		c.text(c.small, x+operandLanes, array.top+textSize+2+smallStep, atStart, black, elide(c.small, arrayDetails(core), c.panelWidth-operandLanes-4))
	}
	for op := range hardware.MemoryOperand(hardware.NumMemoryOperands) {
		levels := core.Levels(op)
		if len(levels) == 0 {
			continue
		}
		at := x + 12 + vg.Length(op)*18
		bottom := row(levels[0]).bottom
		if core.Units() > 0 {
			bottom = array.top
		}
		c.fill(rect{at - 2*dot, row(levels[len(levels)-1]).bottom, at + 2*dot, bottom}, operandInk[op])
		for _, level := range levels {
			r := row(level)
			mark := rect{at - 8, r.top + 6, at + 8, r.bottom - 6}
			c.fill(mark, operandInk[op])
			c.text(c.small, at, mark.bottom-3.2, atMiddle, white, op.String())
		}
	}
}

// memoryText is a memory's bandwidths and costs.
func memoryText(m *hardware.Memory) string {
	var read, write unit.BitsPerCycle
	for i := range m.Ports {
		p := &m.Ports[i]
		if p.Type != hardware.WritePort {
			read += p.Read.Max
		}
		if p.Type != hardware.ReadPort {
			write += p.Write.Max
		}
	}
	ports := "1 port"
	if len(m.Ports) > 1 {
		ports = fmt.Sprintf("%d ports", len(m.Ports))
	}
	return fmt.Sprintf("%s: read %s, write %s bits/cycle; %s, %s pJ", ports, figure(float64(read)), figure(float64(write)),
		significant(float64(m.ReadCost)), significant(float64(m.WriteCost)))
}

// arrayDetails is what an array unrolls and what an operation takes.
func arrayDetails(core *hardware.Core) string {
	var parts []string
	for d, list := range core.Dataflow {
		for _, u := range list {
			parts = append(parts, fmt.Sprintf("%s: %s %d", core.Dims[d], u.Dim, u.Factor))
		}
	}
	if core.IMC != nil {
		kind := "digital"
		if core.IMC.Analog {
			kind = "analog"
		}
		return strings.Join(append(parts, kind+" computing in memory"), ", ")
	}
	return strings.Join(append(parts, significant(float64(core.UnitEnergy))+" pJ an operation"), ", ")
}
