package mapping

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"streamdse/hardware"
	"streamdse/internal/diag"
)

// Check reports the entries that the accelerator cannot fulfil: cores that it
// does not have, cores that cannot compute, and unrollings on array dimensions
// that none of an entry's cores has.
func (m *Mapping) Check(acc *hardware.Accelerator) diag.List {
	var problems diag.List
	for i := range m.Entries {
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
