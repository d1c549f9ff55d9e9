package schedule

import (
	"fmt"

	"streamdse/hardware"
	"streamdse/taskgraph"
	"streamdse/unit"
)

// Lack is what a schedule fails for.
type Lack uint8

const (
	LackOfMemory Lack = iota // a memory cannot hold what has to be in it at once
	LackOfPath               // no links lead from where the data is to where it is needed
	LackOfCore               // the core cannot run the node
)

func (l Lack) String() string { return [...]string{"memory", "path", "core"}[l] }

// Infeasible tells that an allocation has no schedule, and why, with numbers. It
// is an ordinary outcome of a search over allocations.
type Infeasible struct {
	Lack   Lack
	Node   taskgraph.NodeID   // on whose behalf, -1 before the first node
	Core   int                // that runs the node, or that a path should lead to
	From   int                // core that the path starts at
	Tensor taskgraph.TensorID // that has no room or no path; -1 for the initial data
	Store  int                // memory that is too small, index of Accelerator.Stores
	Asked  unit.Bits          // for the tensor
	Pinned unit.Bits          // that cannot leave the memory before
	Size   unit.Bits          // of the memory
	Reason string             // why the core cannot run the node

	graph *taskgraph.Graph
	acc   *hardware.Accelerator
}

// In names nodes and memories in the message by what g and acc know of them.
func (e Infeasible) In(g *taskgraph.Graph, acc *hardware.Accelerator) *Infeasible {
	e.graph, e.acc = g, acc
	return &e
}

// Gap is how many bits the memory is too small by.
func (e *Infeasible) Gap() unit.Bits { return e.Asked + e.Pinned - e.Size }

func (e *Infeasible) Error() string {
	switch e.Lack {
	case LackOfPath:
		return fmt.Sprintf("%s: no links lead from core %d to core %d for %s", NodeName(e.graph, e.Node), e.From, e.Core, TensorName(e.graph, e.Tensor))
	case LackOfCore:
		return fmt.Sprintf("%s: core %d cannot run it: %s", NodeName(e.graph, e.Node), e.Core, e.Reason)
	}
	return fmt.Sprintf("%s: %s needs %d bits of %s (%d bits), where %d bits have to stay: %d bits too few",
		NodeName(e.graph, e.Node), TensorName(e.graph, e.Tensor), e.Asked, StoreName(e.acc, e.Store), e.Size, e.Pinned, e.Gap())
}

// NodeName names a node for messages: "node 3 of layer conv1".
func NodeName(g *taskgraph.Graph, n taskgraph.NodeID) string {
	if g == nil || n < 0 || int(n) >= len(g.Nodes) {
		return "before the first node"
	}
	return fmt.Sprintf("node %d of layer %s", g.Nodes[n].Sub, layerName(g, g.Nodes[n].Layer))
}

// TensorName names a tensor for messages: "tensor W of layer conv1 (first used by node 0)".
func TensorName(g *taskgraph.Graph, t taskgraph.TensorID) string {
	if g == nil || t < 0 || int(t) >= len(g.Tensors) {
		return "the initial data"
	}
	x := &g.Tensors[t]
	operand := fmt.Sprintf("operand %d", x.Operand)
	if l := g.Layers[x.Layer].Layer; l != nil && int(x.Operand) < len(l.Operands) {
		operand = l.Operands[x.Operand].Name
	}
	return fmt.Sprintf("tensor %s of layer %s (first used by node %d)", operand, layerName(g, x.Layer), g.Nodes[x.Origin].Sub)
}

func layerName(g *taskgraph.Graph, l int32) string {
	if g.Layers[l].Layer == nil || g.Layers[l].Name == "" {
		return fmt.Sprint(l)
	}
	return g.Layers[l].Name
}

// StoreName names a memory for messages: "memory sram of core 0".
func StoreName(acc *hardware.Accelerator, s int) string {
	if acc == nil || s < 0 || s >= len(acc.Stores) {
		return fmt.Sprintf("memory %d", s)
	}
	st := &acc.Stores[s]
	if len(st.Cores) == 1 {
		return fmt.Sprintf("memory %s of core %d", st.Name, st.Cores[0])
	}
	return fmt.Sprintf("memory %s of cores %v", st.Name, st.Cores)
}
