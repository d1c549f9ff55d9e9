package explore

import (
	"fmt"
	"slices"
	"strings"

	"streamdse/mapping"
)

// Plan is all that is chosen of a schedule but the cores. It is not changed once
// made.
type Plan struct {
	// Stacks are the layer ids of each fusion stack, all layers included; nil layer by
	// layer.
	Stacks [][]int
	// Cuts are tilings in place of the mapping's.
	Cuts []mapping.Cut
	// SplitWeights is the part of a memory that a layer's weights may take before they
	// are split; 0 splits none.
	SplitWeights float64
	// Order is the name of an order of nodes.
	Order string
	// Prefetch are the operands of layers that are fetched ahead.
	Prefetch []string
}

// key identifies a plan.
func (p *Plan) key() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v|%v|%s|%v|", p.Stacks, p.SplitWeights, p.Order, p.Prefetch)
	for _, c := range p.Cuts {
		fmt.Fprintf(&b, "%v%v,", c.Inter, c)
	}
	return b.String()
}

// cutsOf are the cuts of one kind that a layer has by its name.
func (p *Plan) cutsOf(name string, inter bool) []mapping.Cut {
	var cuts []mapping.Cut
	for _, c := range p.Cuts {
		if c.Layer == name && c.Inter == inter {
			cuts = append(cuts, c)
		}
	}
	return cuts
}

// cut returns the plan with other cuts of one kind for a layer; with none, the
// mapping's hold again.
func (p Plan) cut(name string, inter bool, tilings ...mapping.Tiling) Plan {
	cuts := slices.DeleteFunc(slices.Clone(p.Cuts), func(c mapping.Cut) bool { return c.Layer == name && c.Inter == inter })
	for _, t := range tilings {
		cuts = append(cuts, mapping.Cut{Layer: name, Inter: inter, Tiling: t})
	}
	slices.SortStableFunc(cuts, func(a, b mapping.Cut) int { // the same cuts in the same order, however they came about
		switch {
		case a.Inter != b.Inter && a.Inter:
			return -1
		case a.Inter != b.Inter:
			return 1
		}
		return strings.Compare(a.Layer, b.Layer)
	})
	p.Cuts = cuts
	return p
}
