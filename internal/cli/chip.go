package cli

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"streamdse/hardware"
	"streamdse/unit"
)

// chip is what inspect shows of an accelerator.
type chip struct {
	Name           string     `json:"name"`
	TechnologyNode string     `json:"technology_node,omitempty"`
	Offchip        int        `json:"offchip_core"` // its id
	Cores          []coreRow  `json:"cores"`
	Links          []linkRow  `json:"links"`
	Stores         []storeRow `json:"top_memories"` // as in results, in their order
}

// coreRow is a core.
type coreRow struct {
	ID    int    `json:"id"`
	Name  string `json:"name"`
	Kind  string `json:"kind"` // "compute", "memory", "offchip", ...
	Array []int  `json:"array"`
	// OperationEnergy is that of one operation.
	OperationEnergy float64         `json:"operation_energy_pj"`
	InMemory        string          `json:"computes_in_memory,omitempty"` // "analog" or "digital"
	Unrolling       []unrollingRow  `json:"unrolling,omitempty"`
	OperatorTypes   []string        `json:"operator_types,omitempty"` // that it takes; all without any
	Position        *gridPosition   `json:"position,omitempty"`
	Memories        []memoryLineRow `json:"memories"` // the lowest first
}

type gridPosition struct {
	Column int `json:"column"`
	Row    int `json:"row"`
}

// unrollingRow is a loop that is unrolled over a dimension of the array.
type unrollingRow struct {
	ArrayDim string `json:"array_dim"`
	Dim      string `json:"dim"`
	Factor   int    `json:"factor"`
}

// memoryLineRow is a level of a core's memory hierarchy.
type memoryLineRow struct {
	Name        string    `json:"name"`
	Size        int64     `json:"size_bits"` // of one instance
	Instances   int64     `json:"instances"`
	Operands    []string  `json:"operands"`
	Served      []string  `json:"served_dimensions,omitempty"`
	ReadEnergy  float64   `json:"read_energy_pj"` // of the full width of a port
	WriteEnergy float64   `json:"write_energy_pj"`
	Ports       []portRow `json:"ports"`
}

type portRow struct {
	Name   string   `json:"name"`
	Type   string   `json:"type"`
	Read   float64  `json:"read_bits_per_cycle,omitempty"`
	Write  float64  `json:"write_bits_per_cycle,omitempty"`
	Duties []string `json:"duties"` // operand and direction: "I1 tl"
}

// linkRow is a link. Its cores are -1 for "any".
type linkRow struct {
	From    int   `json:"from"`
	To      int   `json:"to"`
	Members []int `json:"members,omitempty"` // of a link that is shared
	// Bandwidth is in bits per cycle; none if it is unlimited.
	Bandwidth  *float64 `json:"bits_per_cycle,omitempty"`
	UnitEnergy float64  `json:"pj_per_cycle"`
	BitEnergy  float64  `json:"pj_per_bit"`
}

// storeRow is a top-level memory of one or several cores.
type storeRow struct {
	Name     string `json:"name"`
	Cores    []int  `json:"cores"`
	Capacity int64  `json:"capacity_bits"`
}

func describeChip(a *hardware.Accelerator) *chip {
	c := &chip{Name: a.Name, TechnologyNode: a.TechnologyNode, Offchip: a.Offchip, Links: []linkRow{}}
	for i := range a.Cores {
		c.Cores = append(c.Cores, describeCore(&a.Cores[i]))
	}
	for _, l := range a.Links {
		row := linkRow{From: l.From, To: l.To, Members: l.Members, UnitEnergy: float64(l.UnitEnergy), BitEnergy: float64(l.BitEnergy)}
		if b := float64(l.Bandwidth); !unlimited(l.Bandwidth) {
			row.Bandwidth = &b
		}
		c.Links = append(c.Links, row)
	}
	for i := range a.Stores {
		s := &a.Stores[i]
		c.Stores = append(c.Stores, storeRow{s.Name, s.Cores, int64(s.Capacity)})
	}
	return c
}

// unlimited tells whether a link never holds anything up.
func unlimited(b unit.BitsPerCycle) bool { return b > 1e15 }

func describeCore(c *hardware.Core) coreRow {
	row := coreRow{ID: c.ID, Name: c.Name, Kind: c.Kind, Array: c.Sizes, OperationEnergy: float64(c.UnitEnergy), OperatorTypes: c.OperatorTypes}
	if c.IMC != nil {
		row.InMemory = "digital"
		if c.IMC.Analog {
			row.InMemory = "analog"
		}
	}
	if c.Position != nil {
		row.Position = &gridPosition{c.Position.Column, c.Position.Row}
	}
	for d, list := range c.Dataflow {
		for _, u := range list {
			row.Unrolling = append(row.Unrolling, unrollingRow{c.Dims[d], u.Dim, u.Factor})
		}
	}
	for i := range c.Memories {
		m := &c.Memories[i]
		r := memoryLineRow{Name: m.Name, Size: int64(m.Size), Instances: c.Instances(m), ReadEnergy: float64(m.ReadCost), WriteEnergy: float64(m.WriteCost)}
		for _, op := range m.Operands {
			r.Operands = append(r.Operands, op.String())
		}
		for _, d := range m.Served {
			r.Served = append(r.Served, c.Dims[d])
		}
		for k := range m.Ports {
			p := &m.Ports[k]
			port := portRow{Name: p.Name, Type: p.Type.String(), Read: float64(p.Read.Max), Write: float64(p.Write.Max)}
			for _, s := range p.Services {
				port.Duties = append(port.Duties, s.Operand.String()+" "+s.Direction.String())
			}
			r.Ports = append(r.Ports, port)
		}
		row.Memories = append(row.Memories, r)
	}
	return row
}

func (c *chip) print(w io.Writer) {
	fmt.Fprintf(w, "accelerator %s\n\ncore\tname\tarray\tunrolling\tpJ/operation\toperators\tmemories, lowest first\n", c.Name)
	for i := range c.Cores {
		row := &c.Cores[i]
		var array, unrolling, memories []string
		for _, size := range row.Array {
			array = append(array, strconv.Itoa(size))
		}
		for _, u := range row.Unrolling {
			unrolling = append(unrolling, fmt.Sprintf("%s %d", u.Dim, u.Factor))
		}
		for k := range row.Memories {
			memories = append(memories, row.Memories[k].Name)
		}
		name := row.Name
		if row.ID == c.Offchip {
			name += " (off-chip)"
		}
		operators := "all"
		if row.OperatorTypes != nil {
			operators = strings.Join(row.OperatorTypes, " ")
		}
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%g\t%s\t%s\n", row.ID, name, strings.Join(array, "x"), strings.Join(unrolling, ", "),
			row.OperationEnergy, operators, strings.Join(memories, ", "))
	}
	c.printMemories(w)
	c.printShared(w)
	fmt.Fprintf(w, "\nlink\tends\tbits/cycle\tpJ/cycle\tpJ/bit\n")
	for i := range c.Links {
		l := &c.Links[i]
		bandwidth := "unlimited"
		if l.Bandwidth != nil {
			bandwidth = fmt.Sprintf("%g", *l.Bandwidth)
		}
		fmt.Fprintf(w, "%d\t%s\t%s\t%g\t%g\n", i, l.ends(), bandwidth, l.UnitEnergy, l.BitEnergy)
	}
	fmt.Fprintln(w)
}

// printMemories lists the memories of cores, those of cores that are alike once.
func (c *chip) printMemories(w io.Writer) {
	fmt.Fprintf(w, "\ncores\tmemory\tsize\tinstances\tholds\tread bits/cycle\twrite bits/cycle\tread pJ\twrite pJ\tports\n")
	shown := map[string]bool{}
	for i := range c.Cores {
		row := &c.Cores[i]
		text := fmt.Sprint(row.Name, row.Memories)
		if shown[text] {
			continue
		}
		shown[text] = true
		var ids []string
		for k := range c.Cores {
			if fmt.Sprint(c.Cores[k].Name, c.Cores[k].Memories) == text {
				ids = append(ids, strconv.Itoa(c.Cores[k].ID))
			}
		}
		for k := range row.Memories {
			m := &row.Memories[k]
			var read, write float64
			var ports []string
			for _, p := range m.Ports {
				read, write = read+p.Read, write+p.Write
				ports = append(ports, p.Name)
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%g\t%g\t%g\t%g\t%s\n", strings.Join(ids, " "), m.Name, unit.Bits(m.Size).Bytes(), m.Instances,
				strings.Join(m.Operands, " "), read, write, m.ReadEnergy, m.WriteEnergy, strings.Join(ports, " "))
		}
	}
}

// printShared lists the memories that several cores have in common, if there are any.
func (c *chip) printShared(w io.Writer) {
	heading := "\nshared\tcores\tsize\n"
	for _, s := range c.Stores {
		if len(s.Cores) > 1 {
			fmt.Fprintf(w, "%s%s\t%s\t%s\n", heading, s.Name, strings.Trim(fmt.Sprint(s.Cores), "[]"), unit.Bits(s.Capacity).Bytes())
			heading = ""
		}
	}
}

// ends are the cores that a link joins; one that is shared may go one way only.
func (l *linkRow) ends() string {
	without := func(core int) string {
		others := slices.DeleteFunc(slices.Clone(l.Members), func(m int) bool { return m == core })
		return strings.Trim(fmt.Sprint(others), "[]")
	}
	switch {
	case l.Members == nil:
		return fmt.Sprintf("%d -> %d", l.From, l.To)
	case l.From != hardware.AnyCore:
		return fmt.Sprintf("%d -> any of %s", l.From, without(l.From))
	case l.To != hardware.AnyCore:
		return fmt.Sprintf("any of %s -> %d", without(l.To), l.To)
	}
	return "shared by " + without(hardware.AnyCore)
}
