package mapping

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"streamdse/hardware"
	"streamdse/internal/diag"
	"streamdse/workload"
)

// Idle lists the entries, by their index, that are for nothing in a network: their
// name is neither "default" nor that of a layer, of its operator type, or of a type
// among others. A mapping that is made for a chip names operator types that one
// network lacks and another has; a name that is no type at all is meant for another
// network, or misspelt. Of a network that could not be read (nil) no name is known.
func (m *Mapping) Idle(w *workload.Workload, others []string) []int {
	var idle []int
	for i := range m.Entries {
		name := m.Entries[i].Name
		if name == "default" || slices.Contains(others, name) || w != nil && slices.ContainsFunc(w.Layers, func(l workload.Layer) bool { return l.Name == name || l.Type == name }) {
			continue
		}
		idle = append(idle, i)
	}
	return idle
}

// Unmatched says of entries that Idle lists that they have no effect: one by one of
// those whose name is near to a layer's or a type's, and of all others together.
func (m *Mapping) Unmatched(w *workload.Workload, others []string) diag.List {
	var problems diag.List
	known := types(w)
	for i := range w.Layers {
		known = append(known, w.Layers[i].Name)
	}
	const named = 3 // of the others
	var rest *diag.Problem
	var names []string
	for _, i := range m.Idle(w, others) {
		e := &m.Entries[i]
		p := diag.Problem{File: e.File, Line: e.nameAt.line, Column: e.nameAt.column}
		if p.Hint = diag.DidYouMean(e.Name, known); p.Hint != "" {
			p.Message = fmt.Sprintf("no layer of the network takes the entry %q, by its name or its type", e.Name)
			problems.Add(p)
			continue
		}
		if names = append(names, fmt.Sprintf("%q", e.Name)); rest == nil {
			rest = &p
		}
	}
	if rest == nil {
		return problems
	}
	what := "the entry "
	if len(names) > 1 {
		what = "the entries "
	}
	more := ""
	if n := len(names) - named; n > 0 {
		names, more = names[:named], fmt.Sprintf(" and %d more", n)
	}
	rest.Message = "no layer of the network takes " + what + strings.Join(names, ", ") + more + ", by its name or its type"
	rest.Hint = "`stream inspect` lists the names and types of the layers"
	problems.Add(*rest)
	return problems
}

// Check reports the entries that the accelerator cannot fulfil: cores that it
// does not have, cores that cannot compute, and unrollings on array dimensions
// that none of an entry's cores has. Entries whose index is in idle may ask for
// what they like.
func (m *Mapping) Check(acc *hardware.Accelerator, idle ...int) diag.List {
	var problems diag.List
	for i := range m.Entries {
		if slices.Contains(idle, i) {
			continue
		}
		e := &m.Entries[i]
		report := func(message, allowed, hint string) {
			p := diag.Problem{File: e.File, Line: e.coresAt.line, Column: e.coresAt.column, Allowed: allowed, Hint: hint}
			if p.Line == 0 {
				p.Line = e.Line
			}
			p.Message = fmt.Sprintf("entry %q: %s", e.Name, message)
			problems.Add(p)
		}
		var dims []string
		known := true
		for _, id := range slices.Compact(slices.Sorted(slices.Values(e.Cores))) {
			if id < 0 || id >= len(acc.Cores) {
				report(fmt.Sprintf("accelerator %q has no core %d", acc.Name, id), computing(acc), "")
				known = false
				continue
			}
			c := &acc.Cores[id]
			dims = append(dims, c.Dims...)
			switch {
			case id == acc.Offchip:
				report(fmt.Sprintf("core %d is the off-chip core, which computes nothing", id), computing(acc), "")
			case c.Units() == 0:
				report(fmt.Sprintf("core %d (%s) has no processing elements", id, c.Name), computing(acc), "")
			}
		}
		for _, d := range slices.Sorted(maps.Keys(e.Spatial)) {
			if known && !slices.Contains(dims, d) {
				report(fmt.Sprintf("`spatial_mapping` unrolls on %s, which none of its cores has", d), strings.Join(slices.Compact(slices.Sorted(slices.Values(dims))), ", "), "")
			}
		}
	}
	return problems
}

// computing lists the cores that a layer can run on.
func computing(acc *hardware.Accelerator) string {
	var ids []string
	for i := range acc.Cores {
		if i != acc.Offchip && acc.Cores[i].Units() > 0 {
			ids = append(ids, fmt.Sprint(i))
		}
	}
	if len(ids) == 0 {
		return "none of the cores can compute"
	}
	return "cores " + strings.Join(ids, ", ")
}
