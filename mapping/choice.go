package mapping

import (
	"fmt"
	"slices"
	"strings"

	"streamdse/internal/yamldoc"
)

// Dimension is a dimension of the space of what a mapping leaves open.
type Dimension string

// The dimensions.
const (
	Cores    Dimension = "cores"    // the core of each group of a layer
	Splits   Dimension = "splits"   // over how many cores a layer is spread, and along which loops
	Tiles    Dimension = "tiles"    // the tiles of a layer within a core
	Stacks   Dimension = "stacks"   // which layers are fused
	Order    Dimension = "order"    // which node that is ready comes first
	Prefetch Dimension = "prefetch" // which constants are fetched ahead
)

// Dimensions lists all dimensions.
func Dimensions() []Dimension { return []Dimension{Cores, Splits, Tiles, Stacks, Order, Prefetch} }

// LayerCores are the cores of a layer: Cores[g] runs group g.
type LayerCores struct {
	ID    int    // of the layer
	Layer string // its name
	Cores []int
}

// Choice is one point of the space that a mapping leaves open: with the mapping's
// entries it decides everything about a schedule. Its fields mean what the flags of
// `stream run` of the same names do.
type Choice struct {
	Mode          string  // "layer-by-layer" or "fused"; empty if it does not say
	Stacks        [][]int // layer ids of each fusion stack
	Cuts          []Cut   // tilings in place of the entries'
	SplitWeights  float64 // part of a memory that a layer's weights may take; 0 for no matter how much
	RecomputeHalo bool
	Order         string   // the name of an order, or empty if First lists nodes
	First         []string // layer ids, or layer.node, that come first
	Prefetch      []string // operands of layers
	Transfers     string   // "backfill" or "in-order"; empty if it does not say
	FetchOrder    string   // "smallest", "largest" or "listed"; empty if it does not say
	Cores         []LayerCores
	// Given are the dimensions that the choice decides; for the others its fields are
	// not set.
	Given []Dimension
}

// Decides tells whether the choice decides a dimension; a nil choice decides none.
func (c *Choice) Decides(d Dimension) bool { return c != nil && slices.Contains(c.Given, d) }

// CoresOf returns the cores chosen for a layer by its id, nil for none.
func (c *Choice) CoresOf(id int) []int {
	for i := range c.Cores {
		if c.Cores[i].ID == id {
			return c.Cores[i].Cores
		}
	}
	return nil
}

// choice reads the section `choice` of a mapping file.
func choice(n *yamldoc.Node) *Choice {
	f, ok := n.Fields(yamldoc.Spec{Optional: []string{"mode", "stacks", "split", "split_weights", "tile", "halo", "order", "prefetch", "transfers", "fetch_order", "cores"}})
	if !ok {
		return nil
	}
	c := &Choice{}
	given := func(key string, d Dimension) *yamldoc.Node {
		v := f.Get(key)
		if v != nil && !slices.Contains(c.Given, d) {
			c.Given = append(c.Given, d)
		}
		return v
	}
	if v := f.Get("mode"); v != nil {
		c.Mode, _ = v.OneOf("layer-by-layer", "fused")
	}
	for _, stack := range given("stacks", Stacks).List() {
		var ids []int
		for _, x := range stack.List() {
			if id, ok := x.Int(0); ok {
				ids = append(ids, int(min(id, maxParts)))
			}
		}
		c.Stacks = append(c.Stacks, ids)
	}
	if c.Decides(Stacks) && c.Stacks == nil {
		c.Stacks = [][]int{}
	}
	c.Cuts = append(choiceCuts(given("split", Splits), true), choiceCuts(given("tile", Tiles), false)...)
	if v := given("split_weights", Splits); v != nil {
		if part, ok := v.Float(0); ok && part > 1 {
			v.Problem(fmt.Sprintf("%v is no part of a memory", part), "0 to 1", "")
		} else {
			c.SplitWeights = part
		}
	}
	if v := given("halo", Tiles); v != nil {
		word, _ := v.OneOf("cache", "recompute")
		c.RecomputeHalo = word == "recompute"
	}
	switch v := given("order", Order); {
	case v == nil:
	case v.Kind == yamldoc.List:
		c.First = texts(v)
	default:
		c.Order, _ = v.OneOf("stacks", "latency", "memory")
	}
	for _, x := range given("prefetch", Prefetch).List() {
		if operand, ok := x.OneOf("W", "I"); ok {
			c.Prefetch = append(c.Prefetch, operand)
		}
	}
	if v := f.Get("transfers"); v != nil {
		c.Transfers, _ = v.OneOf("backfill", "in-order")
	}
	if v := f.Get("fetch_order"); v != nil {
		c.FetchOrder, _ = v.OneOf("smallest", "largest", "listed")
	}
	for _, x := range given("cores", Cores).List() {
		f, ok := x.Fields(yamldoc.Spec{Required: []string{"id", "layer", "cores"}})
		if !ok {
			continue
		}
		id, known := f.Get("id").Int(0)
		name, named := f.Get("layer").Text()
		if known && named {
			c.Cores = append(c.Cores, LayerCores{int(min(id, maxParts)), name, cores(f.Get("cores"), true)})
		}
	}
	return c
}

func choiceCuts(n *yamldoc.Node, inter bool) []Cut {
	var cuts []Cut
	for _, x := range n.List() {
		s, ok := x.Text()
		if !ok {
			continue
		}
		list, err := ParseCuts(s, inter)
		if err != nil {
			x.Problem(fmt.Sprintf("cannot read the tiling %q", s), "[LAYER:]DIMENSION=PARTS, [LAYER:]DIMENSION=all or [LAYER:]DIMENSION:size=ELEMENTS", "")
		}
		cuts = append(cuts, list...)
	}
	return cuts
}

func texts(n *yamldoc.Node) []string {
	list := []string{}
	for _, x := range n.List() {
		if s, ok := x.Text(); ok {
			list = append(list, s)
		}
	}
	return list
}

// dimensions reads the names of dimensions; all is the list of those allowed.
func dimensions(n *yamldoc.Node, all []Dimension) []Dimension {
	var words []string
	for _, d := range all {
		words = append(words, string(d))
	}
	list := []Dimension{}
	for _, x := range n.List() {
		if s, ok := x.OneOf(words...); ok {
			list = append(list, Dimension(s))
		}
	}
	return list
}

// ParseDimensions reads a list such as "cores,order", "all" or "none".
func ParseDimensions(text string) ([]Dimension, error) {
	switch text {
	case "all":
		return Dimensions(), nil
	case "none":
		return []Dimension{}, nil
	}
	var list []Dimension
	for _, s := range strings.Split(text, ",") {
		d := Dimension(strings.TrimSpace(s))
		if !slices.Contains(Dimensions(), d) {
			return nil, fmt.Errorf("%q is no dimension of the space", s)
		}
		list = append(list, d)
	}
	return list, nil
}
