package cli

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"streamdse/mapping"
)

// allowed is what inspect shows of a mapping.
type allowed struct {
	Name    string       `json:"name"`
	Entries []allowedRow `json:"entries"`
	Groups  []groupedRow `json:"fused_groups,omitempty"`
	Explore []string     `json:"explore,omitempty"` // what a run searches
}

// allowedRow is what a mapping allows for a layer, an operator type or by default.
type allowedRow struct {
	For       string         `json:"for"`
	Cores     []int          `json:"cores"`
	Fixed     bool           `json:"fixed"`           // part g runs on core g of the list
	Tiles     []string       `json:"tiles,omitempty"` // within a core, where it is fused
	Parts     []string       `json:"parts,omitempty"` // over cores
	Unrolling []unrollingRow `json:"unrolling,omitempty"`
	Unroll    []string       `json:"unrolling_hint,omitempty"` // loops to unroll: "D1 K"
	Order     []string       `json:"loop_order,omitempty"`     // the innermost first
	// Links gives the memory operand that holds each operand, if it is not I1 for I, I2
	// for W and O for O.
	Links map[string]string `json:"memory_operand_links,omitempty"`
}

// groupedRow is layers that a mapping fuses.
type groupedRow struct {
	Name   string   `json:"name"`
	Layers []string `json:"layers"`
	Tiles  []string `json:"tiles,omitempty"`
}

func describeMapping(m *mapping.Mapping) *allowed {
	a := &allowed{Name: m.Name, Entries: []allowedRow{}}
	for i := range m.Entries {
		e := &m.Entries[i]
		row := allowedRow{For: e.Name, Cores: e.Cores, Fixed: e.Fixed, Tiles: tilings(e.Intra), Parts: tilings(e.Inter)}
		for _, d := range slices.Sorted(maps.Keys(e.Spatial)) {
			for _, u := range e.Spatial[d] {
				row.Unrolling = append(row.Unrolling, unrollingRow{d, u.Dim, u.Factor})
			}
		}
		for _, d := range slices.Sorted(maps.Keys(e.Hint)) {
			for _, loop := range e.Hint[d] {
				row.Unroll = append(row.Unroll, d+" "+string(loop))
			}
		}
		for operand, memory := range e.Links {
			if row.Links == nil {
				row.Links = map[string]string{}
			}
			row.Links[operand] = memory.String()
		}
		for _, t := range e.Temporal {
			size := "any"
			if t.Size > 0 {
				size = fmt.Sprint(t.Size)
			}
			row.Order = append(row.Order, string(t.Dim)+" "+size)
		}
		a.Entries = append(a.Entries, row)
	}
	for _, g := range m.Groups {
		row := groupedRow{Name: g.Name, Layers: g.Layers}
		for _, t := range g.Tiles {
			row.Tiles = append(row.Tiles, t.Layer+" "+tilings([]mapping.Tiling{t.Tiling})[0])
		}
		a.Groups = append(a.Groups, row)
	}
	for _, d := range m.Explore {
		a.Explore = append(a.Explore, string(d))
	}
	return a
}

func (a *allowed) print(w io.Writer) {
	fmt.Fprintf(w, "mapping %s\n\nfor\tcores\tfixed\ttiles on a core\tparts over cores\tunrolled\tloop order\n", a.Name)
	for i := range a.Entries {
		e := &a.Entries[i]
		unrolled := slices.Clone(e.Unroll)
		for _, u := range e.Unrolling {
			unrolled = append(unrolled, fmt.Sprintf("%s %s %d", u.ArrayDim, u.Dim, u.Factor))
		}
		fmt.Fprintf(w, "%s\t%s\t%v\t%s\t%s\t%s\t%s\n", e.For, strings.Trim(fmt.Sprint(e.Cores), "[]"), e.Fixed,
			strings.Join(e.Tiles, ", "), strings.Join(e.Parts, ", "), strings.Join(unrolled, ", "), strings.Join(e.Order, ", "))
	}
	if len(a.Groups) > 0 {
		fmt.Fprintf(w, "\nfused\tlayers\ttiles on a core\n")
		for _, g := range a.Groups {
			fmt.Fprintf(w, "%s\t%s\t%s\n", g.Name, strings.Join(g.Layers, ", "), strings.Join(g.Tiles, ", "))
		}
	}
	fmt.Fprintln(w)
}

// tilings writes tilings for people: "OY 4", "OY all", "K *", "OY of size 2".
func tilings(list []mapping.Tiling) []string {
	var parts []string
	for _, t := range list {
		n := fmt.Sprint(t.Parts)
		switch {
		case t.Parts == mapping.All:
			n = "all"
		case t.Parts == mapping.Free:
			n = "*"
		case t.Size:
			n = "of size " + n
		}
		parts = append(parts, string(t.Dim)+" "+n)
	}
	return parts
}
