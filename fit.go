package stream

import (
	"fmt"
	"slices"
	"strings"

	"streamdse/hardware"
	"streamdse/internal/diag"
	"streamdse/workload"
)

// nothingComputes reports an accelerator without a core to run a layer on, at the
// cores that are there to compute and have nothing to do it with.
func nothingComputes(acc *hardware.Accelerator, file string) diag.List {
	var problems diag.List
	for i := range acc.Cores {
		c := &acc.Cores[i]
		switch {
		case i == acc.Offchip:
		case c.Units() > 0:
			return nil
		case strings.HasSuffix(c.Kind, "compute"):
			problems.Add(diag.Problem{
				File: c.File, Line: c.Line,
				Message: fmt.Sprintf("core %q is of type %s, but has no processing elements, and no other core of accelerator %q has any", c.Name, c.Kind, acc.Name),
				Hint:    "describe its array in `operational_array` and its memories in `memories`: a layer's latency and energy follow from them",
			})
		}
	}
	if len(problems) == 0 {
		problems.Add(diag.Problem{
			File:    file,
			Message: fmt.Sprintf("none of the cores of accelerator %q has processing elements: nothing can run on it", acc.Name),
			Hint:    "a core computes if its `operational_array` has sizes above 0",
		})
	}
	return problems.Unique()
}

// untaken reports the layers whose operator type is taken by no core that the mapping
// allows them, one problem for every entry of the mapping and type.
func (p Problem) untaken() error {
	type key struct{ entry, kind string }
	var order []key
	layers := map[key][]*workload.Layer{}
	for i := range p.Workload.Layers {
		l := &p.Workload.Layers[i]
		entry := p.Mapping.Lookup(l)
		if entry == nil || slices.ContainsFunc(entry.Cores, func(id int) bool { return p.takes(id, l.Type) }) {
			continue // without an entry there is another message
		}
		k := key{entry.Name, l.Type}
		if layers[k] == nil {
			order = append(order, k)
		}
		layers[k] = append(layers[k], l)
	}
	var problems diag.List
	for _, k := range order {
		l := layers[k][0]
		entry := p.Mapping.Lookup(l)
		which := fmt.Sprintf("layer %q", l.Name)
		if n := len(layers[k]) - 1; n > 0 {
			which += fmt.Sprintf(" and %d more", n)
		}
		var others []string
		for id := range p.Hardware.Cores {
			if id != p.Hardware.Offchip && p.takes(id, k.kind) {
				others = append(others, fmt.Sprint(id))
			}
		}
		var d diag.Problem
		if len(others) > 0 {
			d = diag.Problem{
				File: entry.File, Line: entry.Line,
				Message: fmt.Sprintf("entry %q: none of its cores takes operator type %s (%s)", k.entry, k.kind, which),
				Allowed: "cores " + strings.Join(others, ", "),
				Hint:    "allow one of these in `core_allocation`, or add the type to the `operator_types` of another core",
			}
		} else {
			d = diag.Problem{
				Message: fmt.Sprintf("none of the cores of accelerator %q takes operator type %s (%s)", p.Hardware.Name, k.kind, which),
				Allowed: "the `operator_types` of its cores: " + p.operatorTypes(),
				Hint:    fmt.Sprintf("add %s to those of a core that can do it", k.kind),
			}
			if i := slices.IndexFunc(p.Hardware.Cores, func(c hardware.Core) bool { return c.Units() > 0 && c.OperatorTypes != nil }); i >= 0 {
				d.File, d.Line = p.Hardware.Cores[i].File, p.Hardware.Cores[i].Line
			}
		}
		problems.Add(d)
	}
	return problems.Err()
}

// takes tells whether a core runs layers of an operator type.
func (p Problem) takes(id int, kind string) bool {
	if id < 0 || id >= len(p.Hardware.Cores) {
		return false
	}
	c := &p.Hardware.Cores[id]
	return c.Units() > 0 && (c.OperatorTypes == nil || slices.Contains(c.OperatorTypes, kind))
}

// operatorTypes says what the computing cores take.
func (p Problem) operatorTypes() string {
	var list []string
	for i := range p.Hardware.Cores {
		c := &p.Hardware.Cores[i]
		if s := fmt.Sprintf("%s takes %s", c.Name, strings.Join(c.OperatorTypes, " ")); c.Units() > 0 && !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return strings.Join(list, "; ")
}
