// Package split cuts the layers of a network into computation nodes, the grain
// at which a network is scheduled.
//
// A fusion stack is a set of layers that run interleaved. A layer is cut along
// its loop dimensions by outer loops: intra-core tilings, whose tiles run one
// after another, and inter-core tilings, whose parts spread over cores. Each
// iteration of the outer loops is a computation node. Nodes whose inter-core
// parts are the same form a group and run on one core.
//
// The data that a node reads or writes of an operand is a tensor. Nodes of one
// layer that use the same block of an operand share the tensor.
package split

import (
	"fmt"
	"slices"

	"streamdse/hardware"
	"streamdse/internal/diag"
	"streamdse/mapping"
	"streamdse/rules"
	"streamdse/taskgraph"
	"streamdse/workload"
)

// maxNodes bounds the size of a graph, whose ids are 32 bits wide.
const maxNodes = 100_000_000

// Nodes cuts every layer of a network. The error is a diag.List of everything
// that is wrong with the mapping; notes tell of tilings that do not apply to a
// layer.
func Nodes(w *workload.Workload, m *mapping.Mapping, stacks Stacks, r rules.Rules) (tiled *taskgraph.Tiled, notes diag.List, err error) {
	tiled = &taskgraph.Tiled{
		Workload: w,
		Layers:   make([]taskgraph.Layer, len(w.Layers)),
		First:    make([]taskgraph.NodeID, len(w.Layers)),
	}
	var problems diag.List
	withoutEntry(w, m, &problems)
	groups := groupTilings(w, m, stacks, r, &problems, &notes)
	plans := make([]tiling, len(w.Layers))
	for s, stack := range stacks {
		for _, i := range stack {
			plans[i] = planLayer(w, m, i, s, groups[i], len(stack) == 1, r, tiled, &problems, &notes)
		}
	}
	if err := problems.Unique().Err(); err != nil {
		return nil, notes, err
	}
	if m.RecomputeHalo {
		recompute(tiled)
	}
	count := 0
	for i := range w.Layers {
		count += tiled.Layers[i].NodeCount()
	}
	if count > maxNodes {
		return nil, notes, diag.One(fmt.Sprintf("the tilings give %d computation nodes", count),
			fmt.Sprintf("at most %d", maxNodes), "cut the layers into fewer tiles")
	}
	tiled.Nodes = make([]taskgraph.Node, 0, count)
	builders, tensors := make([]*builder, len(w.Layers)), 0
	for i := range w.Layers {
		builders[i] = newBuilder(tiled, i, &plans[i], r)
		tensors += builders[i].tensors()
	}
	tiled.Tensors = make([]taskgraph.Tensor, 0, tensors)
	for i := range w.Layers {
		builders[i].build()
		builders[i] = nil // its table of tensors is large
		l := &tiled.Layers[i]
		if e := l.Entry; e.Fixed && len(e.Cores) > 1 && l.Groups > len(e.Cores) {
			problems.Add(diag.Problem{
				File: e.File, Line: e.Line,
				Message: fmt.Sprintf("layer %q falls into %d groups, but its fixed allocation names %d cores", l.Name, l.Groups, len(e.Cores)),
				Allowed: "one core for every group, or a single core for all",
			})
		}
	}
	return tiled, notes, problems.Err()
}

// withoutEntry reports the layers that the mapping says nothing of, one problem for
// every type.
func withoutEntry(w *workload.Workload, m *mapping.Mapping, problems *diag.List) {
	var types []string
	first, count := map[string]string{}, map[string]int{}
	for i := range w.Layers {
		l := &w.Layers[i]
		if m.Lookup(l) != nil {
			continue
		}
		if count[l.Type]++; count[l.Type] == 1 {
			types = append(types, l.Type)
			first[l.Type] = l.Name
		}
	}
	for _, typ := range types {
		p := diag.Problem{Message: fmt.Sprintf("the mapping has no entry for layer %q", first[typ])}
		if len(m.Entries) > 0 {
			p.File = m.Entries[0].File
		}
		if more := count[typ] - 1; more > 0 {
			p.Message += fmt.Sprintf(", nor for %d more of type %s", more, typ)
		}
		p.Allowed = fmt.Sprintf("an entry named %q, %q or \"default\"", first[typ], typ)
		problems.Add(p)
	}
}

// planLayer fills in what the graph knows of a layer before it is cut.
func planLayer(w *workload.Workload, m *mapping.Mapping, i, stack int, group []mapping.Tiling, alone bool, r rules.Rules,
	tiled *taskgraph.Tiled, problems, notes *diag.List) tiling {
	l := &w.Layers[i]
	entry := m.Lookup(l)
	if entry == nil {
		return tiling{} // reported with others of its type
	}
	c := cutterOf(w, l, m, entry, r)
	c.group, c.alone, c.problems, c.notes = group, alone, problems, notes
	t := c.tile()

	memory := make([]hardware.MemoryOperand, len(l.Operands))
	for k, op := range l.Operands {
		var ok bool
		if memory[k], ok = entry.MemoryOperand(op.Name); !ok {
			c.problem(fmt.Sprintf("layer %q: no memory operand is given for operand %s", l.Name, op.Name),
				"I1, I2 or O for each operand", "memory_operand_links: {O: O, I: I1, W: I2}")
		}
	}
	tiled.Layers[i] = taskgraph.Layer{
		Layer: l, Memory: memory, Stack: stack, Output: slices.Contains(w.Outputs, i), Entry: entry, Loops: t.loops, Cuts: t.cuts,
	}
	return t
}

// cutterOf is the cutter of a layer that has an entry.
func cutterOf(w *workload.Workload, l *workload.Layer, m *mapping.Mapping, entry *mapping.Entry, r rules.Rules) cutter {
	c := cutter{network: w, layer: l, entry: entry, fallback: entry, rules: r}
	if d := m.Lookup(&workload.Layer{Name: "default"}); d != nil {
		c.fallback = d
	}
	c.within, c.named = m.CutsOf(l, false)
	c.over, _ = m.CutsOf(l, true)
	return c
}

// spread lists the cuts of a layer over cores; there are none if the allocator decides.
func spread(w *workload.Workload, l *workload.Layer, m *mapping.Mapping, r rules.Rules) []request {
	c := cutterOf(w, l, m, m.Lookup(l), r)
	c.problems, c.notes = new(diag.List), new(diag.List) // Nodes reports them
	return c.inter(new(tiling))
}
