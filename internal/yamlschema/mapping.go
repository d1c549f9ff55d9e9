package yamlschema

import "github.com/invopop/jsonschema"

// Entry says what is allowed for a layer, for an operator type, or by default.
type Entry struct {
	// The name of a layer, an operator type such as Conv, or default.
	Name word `json:"name"`
	// Candidate cores; 0 if there are none.
	Cores []int `json:"core_allocation,omitempty"`
	// Whether part g runs on core g of the list.
	Fixed bool `json:"core_allocation_is_fixed,omitempty"`
	// Tiles within a core, where the layer is fused.
	Intra []cut `json:"intra_core_tiling,omitempty"`
	// Parts over cores.
	Inter []spread `json:"inter_core_tiling,omitempty"`
	// Loops unrolled over the array's dimensions.
	Spatial map[arrayDim][]unrolling `json:"spatial_mapping,omitempty"`
	// Loops to unroll, with factors left to the search.
	Hint map[arrayDim][]loopDim `json:"spatial_mapping_hint,omitempty"`
	// The memory operand that holds each operand.
	Links *MemoryLinks `json:"memory_operand_links,omitempty"`
	// The innermost loops, in order: a dimension and a size, or "*" for what is left.
	Temporal [][2]any `json:"temporal_ordering,omitempty"`
	// Has no effect.
	Kernel any `json:"kernel,omitempty"`
	// What a search with --explore leaves as it is.
	Keep []string `json:"fixed,omitempty" jsonschema:"enum=cores,enum=splits,enum=tiles"`
}

// MemoryLinks gives each operand a memory operand of its own.
type MemoryLinks struct {
	O operandName `json:"O"`
	W operandName `json:"W"`
	I operandName `json:"I"`
}

// Chosen is a mapping with entries and choices beside them, as a run writes it.
type Chosen struct {
	// What is allowed for each layer.
	Entries []Entry `json:"entries"`
	// Layers that are fused.
	Groups []FusedGroup `json:"fused_groups,omitempty"`
	// What is decided of what the entries leave open.
	Choice *Choice `json:"choice,omitempty"`
	// What a run searches.
	Explore []string `json:"explore,omitempty" jsonschema:"enum=cores,enum=splits,enum=tiles,enum=stacks,enum=order,enum=prefetch"`
}

// Grouped is a mapping in the format of 2026.
type Grouped struct {
	// What is allowed for each layer.
	Layers []GroupedLayer `json:"layers"`
	// Layers that are fused.
	Groups []FusedGroup `json:"fused_groups,omitempty"`
	// Has no effect.
	RuntimeArgs any `json:"runtime_args,omitempty"`
	// What is decided of what the layers leave open.
	Choice *Choice `json:"choice,omitempty"`
	// What a run searches.
	Explore []string `json:"explore,omitempty" jsonschema:"enum=cores,enum=splits,enum=tiles,enum=stacks,enum=order,enum=prefetch"`
}

// GroupedLayer is what is allowed for a layer.
type GroupedLayer struct {
	// The layer, or the operator type.
	Name word `json:"name"`
	// One group of cores.
	Cores [][]int `json:"core_allocation"`
	// How the layer is cut over the group: one list.
	Inter [][]DimSplit `json:"inter_core_tiling,omitempty"`
	// Has no effect.
	Kernel any `json:"kernel,omitempty"`
}

// DimSplit cuts a dimension over cores.
type DimSplit struct {
	Dim   loopDim `json:"dim"`
	Split int     `json:"split" jsonschema:"minimum=1"`
}

// FusedGroup is layers that are fused.
type FusedGroup struct {
	// Name of the group.
	Name word `json:"name"`
	// The layers, by name.
	Layers []word `json:"layers" jsonschema:"minItems=1"`
	// Tiles within a core.
	Intra []LayerTile `json:"intra_core_tiling,omitempty"`
}

// LayerTile is the size of a tile of one of the group's layers.
type LayerTile struct {
	// Layer.DIM.
	Dim  string `json:"dim"`
	Tile int    `json:"tile" jsonschema:"minimum=1"`
}

// Choice decides what a mapping leaves open. The keys mean what the flags of stream
// run of the same names do.
type Choice struct {
	Mode         string     `json:"mode,omitempty" jsonschema:"enum=layer-by-layer,enum=fused"`
	Stacks       [][]int    `json:"stacks,omitempty"`
	Split        []string   `json:"split,omitempty"`
	SplitWeights *float64   `json:"split_weights,omitempty" jsonschema:"minimum=0,maximum=1"`
	Tile         []string   `json:"tile,omitempty"`
	Halo         string     `json:"halo,omitempty" jsonschema:"enum=cache,enum=recompute"`
	Order        *WordOrIDs `json:"order,omitempty"`
	Prefetch     []string   `json:"prefetch,omitempty" jsonschema:"enum=W,enum=I"`
	Transfers    string     `json:"transfers,omitempty" jsonschema:"enum=backfill,enum=in-order"`
	FetchOrder   string     `json:"fetch_order,omitempty" jsonschema:"enum=smallest,enum=largest,enum=listed"`
	Cores        []OnCores  `json:"cores,omitempty"`
}

// WordOrIDs is an order by name, or the layers and nodes that come first.
type WordOrIDs struct{}

// JSONSchema is that of an order.
func (WordOrIDs) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{oneOf("stacks", "latency", "memory"), {Type: "array", Items: text()}}}
}

// OnCores is the cores of a layer's groups.
type OnCores struct {
	ID    int   `json:"id"`
	Layer word  `json:"layer"`
	Cores []int `json:"cores" jsonschema:"minItems=1"`
}
