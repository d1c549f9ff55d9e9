package hardware

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"streamdse/internal/yamldoc"
	"streamdse/unit"
)

var (
	memoryKeys    = []string{"size", "r_cost", "w_cost", "area", "operands", "ports", "served_dimensions"}
	oldMemoryKeys = []string{"r_bw", "w_bw", "r_port", "w_port", "rw_port"}
	memoryOptions = []string{"latency", "mem_type", "auto_cost_extraction", "force_double_buffering"}
	oldOptions    = []string{"min_r_granularity", "min_w_granularity"}
)

// namedPorts tells whether a value of `ports` is in the notation of 2025.
func namedPorts(n *yamldoc.Node) bool {
	return n != nil && n.Kind == yamldoc.List && len(n.List()) > 0 && n.List()[0].Has("name")
}

// readMemory reads one memory of a core whose array has the given dimensions.
func readMemory(e yamldoc.Entry, dims []string) (Memory, bool) {
	n := e.Value
	spec, old, auto := memorySpec(n)
	f, ok := n.Fields(spec)
	if !ok {
		return Memory{}, false
	}
	if all := f.All("ports"); len(all) > 1 && (old || slices.ContainsFunc(all[:len(all)-1], namedPorts)) {
		all[len(all)-1].Problem(fmt.Sprintf("`ports` is given twice, first on line %d", all[0].Line), "", "keep one of the two")
	}
	if auto {
		f.Get("auto_cost_extraction").Problem("costs cannot be extracted from a memory model", "false",
			"give r_cost, w_cost (pJ per access) and area, for example as CACTI computes them")
	}
	m := Memory{Name: e.Key}
	size, _ := f.Get("size").Int(1)
	m.Size = unit.Bits(size)
	cost, _ := f.Get("r_cost").Float(0)
	m.ReadCost = unit.Picojoules(cost)
	cost, _ = f.Get("w_cost").Float(0)
	m.WriteCost = unit.Picojoules(cost)
	m.Area, _ = f.Get("area").Float(0)
	f.Get("latency").Int(0)
	f.Get("mem_type").Text()
	if force, _ := f.Get("force_double_buffering").Bool(); force {
		k, _ := f.Key("force_double_buffering")
		k.Warn("`force_double_buffering` has no effect", "a memory double buffers where its loops require it")
	}
	before := n.Problems()
	for _, x := range f.Get("operands").List() {
		op, ok := readOperand(x)
		if ok && m.Stores(op) {
			x.Problem(fmt.Sprintf("operand %s is given twice", op), "", "")
		} else if ok {
			m.Operands = append(m.Operands, op)
		}
	}
	if x := f.Get("operands"); x != nil && x.Kind == yamldoc.List && len(x.List()) == 0 {
		x.Problem("a memory must hold at least one operand", "I1, I2, O", "")
	}
	known := n.Problems() == before && f.Get("operands") != nil
	m.Served = readServed(f.Get("served_dimensions"), dims)
	if old {
		m.Ports = readOldPorts(f, m.Operands, known)
	} else {
		m.Ports = readPorts(f.Get("ports"), m.Operands, known)
	}
	return m, true
}

// memorySpec are the keys of a memory in the notation that it is in: old is that of 2024,
// auto says that costs are to be extracted.
func memorySpec(n *yamldoc.Node) (spec yamldoc.Spec, old, auto bool) {
	// The notation follows from the ports; a memory without any is held to the
	// older one if it has a key of it.
	old = slices.ContainsFunc(oldMemoryKeys, n.Has)
	spec = yamldoc.Spec{Required: memoryKeys, Optional: memoryOptions, Replaceable: []string{"ports"}}
	var last *yamldoc.Node
	for _, x := range n.All("ports") {
		last = x
	}
	if last != nil && last.Kind == yamldoc.List && len(last.List()) > 0 {
		old = !namedPorts(last)
	}
	if old {
		spec.Required = append(slices.Clone(memoryKeys), oldMemoryKeys...)
		spec.Optional = append(slices.Clone(memoryOptions), oldOptions...)
	}
	for _, x := range n.All("auto_cost_extraction") {
		auto, _ = x.Bool()
	}
	if auto {
		spec.Required = slices.DeleteFunc(slices.Clone(spec.Required), func(k string) bool { return k == "r_cost" || k == "w_cost" || k == "area" })
		spec.Optional = append(slices.Clone(spec.Optional), "r_cost", "w_cost", "area")
	}
	return spec, old, auto
}

// readServed reads which dimensions of the array a memory serves.
func readServed(n *yamldoc.Node, dims []string) (list []int) {
	for _, x := range n.List() {
		s, ok := x.Text()
		i := slices.Index(dims, s)
		switch {
		case !ok:
		case i < 0 && len(dims) > 0:
			x.Problem(fmt.Sprintf("the array has no dimension %q", s), strings.Join(dims, ", "), "")
		case slices.Contains(list, i):
			x.Problem(fmt.Sprintf("dimension %s is given twice", s), "", "")
		default:
			list = append(list, i)
		}
	}
	return list
}

func readOperand(n *yamldoc.Node) (MemoryOperand, bool) {
	s, ok := n.OneOf(allOperands...)
	return MemoryOperand(slices.Index(allOperands, s)), ok
}

// readBandwidth reads bandwidth_min and bandwidth_max.
func readBandwidth(f yamldoc.Fields) Bandwidth {
	lo, ok := f.Get("bandwidth_min").Positive()
	hi, both := f.Get("bandwidth_max").Positive()
	if ok && both && lo > hi {
		f.Get("bandwidth_min").Problem(fmt.Sprintf("the minimum %v is above the maximum %v", lo, hi), "", "the minimum is the granularity of an access")
	}
	return Bandwidth{unit.BitsPerCycle(lo), unit.BitsPerCycle(hi)}
}

// readPorts reads ports in the notation of 2025. Ports without a duty are dropped.
// Unless the operands are known, the duties are not checked against them.
func readPorts(n *yamldoc.Node, operands []MemoryOperand, known bool) []Port {
	var ports []Port
	names := map[string]int{}
	for _, x := range n.List() {
		f, ok := x.Fields(yamldoc.Spec{Required: []string{"name", "type", "bandwidth_min", "bandwidth_max", "allocation"}})
		if !ok {
			continue
		}
		var p Port
		if p.Name, ok = f.Get("name").Text(); ok {
			if !portName.MatchString(p.Name) {
				f.Get("name").Problem(fmt.Sprintf("unknown port name %q", p.Name), portNames, "")
			} else if line, dup := names[p.Name]; dup {
				f.Get("name").Problem(fmt.Sprintf("port %s is given twice, first on line %d", p.Name, line), "", "")
			}
			names[p.Name] = f.Get("name").Line
		}
		t, typed := f.Get("type").OneOf("read", "write", "read_write")
		p.Type = PortType(max(0, slices.Index([]string{"read", "write", "read_write"}, t)))
		bw := readBandwidth(f)
		if p.Type != WritePort {
			p.Read = bw
		}
		if p.Type != ReadPort {
			p.Write = bw
		}
		for _, a := range f.Get("allocation").List() {
			s, ok := readService(a)
			if !ok {
				continue
			}
			if known && !slices.Contains(operands, s.Operand) {
				a.Problem(fmt.Sprintf("the memory does not hold %s", s.Operand), operandList(operands), "add it to `operands`, or remove it here")
			}
			if slices.Contains(p.Services, s) {
				a.Problem(fmt.Sprintf("%s %s is given twice", s.Operand, s.Direction), "", "")
				continue
			}
			if typed {
				checkDirection(a, p, s)
			}
			p.Services = append(p.Services, s)
		}
		if len(p.Services) > 0 {
			ports = append(ports, p)
		}
	}
	return ports
}

func operandList(operands []MemoryOperand) string {
	var s []string
	for _, op := range operands {
		s = append(s, op.String())
	}
	return strings.Join(s, ", ")
}

// checkDirection reports a duty that a port of its type cannot have.
func checkDirection(n *yamldoc.Node, p Port, s Service) {
	switch {
	case p.Type == ReadPort && !s.Direction.Reads():
		n.Problem(fmt.Sprintf("%s %s writes the memory, but %s is a read port", s.Operand, s.Direction, p.Name), "tl, th", "fh and fl need a write or read_write port")
	case p.Type == WritePort && s.Direction.Reads():
		n.Problem(fmt.Sprintf("%s %s reads the memory, but %s is a write port", s.Operand, s.Direction, p.Name), "fh, fl", "tl and th need a read or read_write port")
	}
}

// readService reads "I1, tl".
func readService(n *yamldoc.Node) (Service, bool) {
	s, ok := n.Text()
	if !ok {
		return Service{}, false
	}
	op, dir, _ := strings.Cut(s, ",")
	o, d := slices.Index(allOperands, strings.TrimSpace(op)), slices.Index(directions, strings.TrimSpace(dir))
	if o < 0 || d < 0 {
		n.Problem(fmt.Sprintf("cannot read the port's duty %q", s), "an operand I1, I2, O and a direction tl, fl, th, fh, such as \"I1, tl\"", "")
		return Service{}, false
	}
	return Service{MemoryOperand(o), Direction(d)}, true
}

// readOldPorts reads the ports of a memory in the notation of 2024: numbers of
// ports of each kind, one bandwidth for all that read and one for all that
// write, and for each operand a map from directions to port names. Unless the
// operands are known, the maps are not checked.
func readOldPorts(f yamldoc.Fields, operands []MemoryOperand, known bool) []Port {
	ports, index := declaredPorts(f)
	n := f.Get("ports")
	maps := n.List()
	if !known {
		return ports
	}
	before := n.Problems()
	absent := map[string]bool{}
	if n != nil && n.Kind == yamldoc.List && len(maps) != len(operands) {
		n.Problem(fmt.Sprintf("%d port maps for %d operands", len(maps), len(operands)), "one map per operand, in the order of `operands`", "")
	}
	for i, x := range maps {
		if _, ok := x.Fields(yamldoc.Spec{Optional: directions}); !ok || i >= len(operands) {
			continue
		}
		for _, e := range x.Entries() {
			d := slices.Index(directions, e.Key)
			name, ok := e.Value.Text()
			if d < 0 || !ok {
				continue
			}
			k, declared := index[name]
			if !declared && absent[name] {
				continue
			}
			if !declared {
				absent[name] = true
				hint := ""
				if m := portName.FindStringSubmatch(name); m != nil {
					hint = fmt.Sprintf("raise `%s_port` to %s, or use a port that is there", m[1], strings.TrimLeft(m[2], "0"))
				}
				e.Value.Problem(fmt.Sprintf("the memory has no port %q", name), portList(ports), hint)
				continue
			}
			s := Service{operands[i], Direction(d)}
			checkDirection(e.Value, ports[k], s)
			ports[k].Services = append(ports[k].Services, s)
		}
	}
	for _, p := range ports {
		if len(p.Services) == 0 && n != nil && n.Problems() == before {
			count, _ := f.Key(strings.TrimSuffix(p.Name, p.Name[strings.LastIndex(p.Name, "_"):]))
			count.Problem(fmt.Sprintf("port %s is declared but no operand uses it", p.Name), "", "lower the number of ports")
		}
	}
	return slices.DeleteFunc(ports, func(p Port) bool { return len(p.Services) == 0 })
}

// declaredPorts are the ports that the numbers of a memory in the notation of 2024
// declare, and their places in the list by name.
func declaredPorts(f yamldoc.Fields) (ports []Port, index map[string]int) {
	bandwidth := func(key, granularity string) Bandwidth {
		hi, ok := f.Get(key).Positive()
		lo := hi
		if g := f.Get(granularity); g != nil {
			var given bool
			if lo, given = g.Positive(); given && ok && lo > hi {
				g.Problem(fmt.Sprintf("the granularity %v is above `%s` %v", lo, key, hi), "", "")
			}
		}
		return Bandwidth{unit.BitsPerCycle(lo), unit.BitsPerCycle(hi)}
	}
	read, write := bandwidth("r_bw", "min_r_granularity"), bandwidth("w_bw", "min_w_granularity")

	index = map[string]int{}
	for _, kind := range []struct {
		prefix string
		typ    PortType
	}{{"r", ReadPort}, {"w", WritePort}, {"rw", ReadWritePort}} {
		v := f.Get(kind.prefix + "_port")
		count, ok := v.Int(0)
		if ok && count > 64 {
			v.Problem(fmt.Sprintf("%d ports are more than a memory can have", count), "0 to 64", "")
			count = 0
		}
		for i := range count {
			p := Port{Name: fmt.Sprintf("%s_port_%d", kind.prefix, i+1), Type: kind.typ}
			if kind.typ != WritePort {
				p.Read = read
			}
			if kind.typ != ReadPort {
				p.Write = write
			}
			index[p.Name] = len(ports)
			ports = append(ports, p)
		}
	}
	return ports, index
}

func portList(ports []Port) string {
	var s []string
	for _, p := range ports {
		s = append(s, strconv.Quote(p.Name))
	}
	if len(s) == 0 {
		return "none: r_port, w_port and rw_port are 0"
	}
	return strings.Join(s, ", ")
}

// checkHierarchy reports what the memories of a core lack as a whole.
func checkHierarchy(n *yamldoc.Node, c *Core) {
	if n == nil || n.Kind != yamldoc.Map {
		return
	}
	entry := map[string]yamldoc.Entry{}
	for _, e := range n.Entries() {
		entry[e.Key] = e
	}
	lacks := func(m *Memory, op MemoryOperand, d Direction, what string) {
		if m.Port(op, d) == nil && len(m.Ports) > 0 {
			entry[m.Name].Value.Problem(fmt.Sprintf("no port %s (%s %s)", what, op, d), "", fmt.Sprintf("give the direction %s of %s to one of its ports", d, op))
		}
	}
	for op := range MemoryOperand(NumMemoryOperands) {
		levels := c.Levels(op)
		if len(levels) == 0 && c.Units() > 0 {
			n.Problem(fmt.Sprintf("no memory holds operand %s", op), "", "add it to the `operands` of at least one memory")
		}
		for i, l := range levels {
			m, top := &c.Memories[l], i == len(levels)-1
			if op == O {
				lacks(m, op, FromLow, "takes in results from below")
				if !top {
					lacks(m, op, ToHigh, "passes results up")
				}
			} else {
				lacks(m, op, ToLow, "passes data down")
				if !top {
					lacks(m, op, FromHigh, "takes in data from above")
				}
			}
		}
	}
	if c.IMC == nil {
		return
	}
	cells := slices.IndexFunc(c.Memories, func(m Memory) bool { return m.Name == "cells" })
	if cells < 0 {
		n.Problem("an in-memory-computing core needs a memory named `cells` that holds I2", "", "")
		return
	}
	m, e := &c.Memories[cells], entry["cells"].Value
	if len(m.Operands) != 1 || m.Operands[0] != I2 {
		e.Problem("the cells must hold exactly I2", "operands: [I2]", "")
	}
	if len(m.Served) != 0 {
		e.Problem("every unit of an in-memory-computing array has its own cells", "served_dimensions: []", "")
	}
	if w := int64(c.IMC.InputPrecision[1]); w > 0 && int64(m.Size)%w != 0 {
		e.Problem(fmt.Sprintf("the size %d is not a multiple of the weight precision %d", m.Size, w), "", "")
	}
}
