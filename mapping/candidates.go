package mapping

import (
	"slices"

	"streamdse/hardware"
	"streamdse/workload"
)

// Candidates returns the cores that may run the given group of a layer: the core
// the entry fixes, or those of its list that compute and accept the layer's
// operator type. It is empty if there is none.
func (e *Entry) Candidates(acc *hardware.Accelerator, l *workload.Layer, group int) []int {
	cores := e.Cores
	switch {
	case len(cores) == 1:
	case e.Fixed && group < len(cores):
		cores = cores[group : group+1]
	case e.Fixed:
		return nil
	}
	var allowed []int
	for _, id := range cores {
		if id < 0 || id >= len(acc.Cores) {
			continue
		}
		core := &acc.Cores[id]
		if core.Units() > 0 && (core.OperatorTypes == nil || slices.Contains(core.OperatorTypes, l.Type)) {
			allowed = append(allowed, id)
		}
	}
	return allowed
}
