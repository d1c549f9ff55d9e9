package report

import (
	"strings"

	"streamdse/hardware"
	"streamdse/internal/bottleneck"
	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/unit"
)

// Input names one of the files or built-ins that a result was made from.
type Input struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"` // of its content, in hexadecimal
	// Path is where the file was, as the user named it; empty for a built-in.
	Path string `json:"path,omitempty"`
}

// Settings are the choices beside the inputs that decide what is scheduled: with
// them a saved result can be checked and drawn again.
type Settings struct {
	Activations string `json:"activations"` // "fold", "node"
	// How an ONNX model was read, as the user wrote it: sizes of named dimensions,
	// precisions, and whether operators that are not supported pass data.
	Dims      []string `json:"dims,omitempty"`
	Precision []string `json:"precision,omitempty"`
	UnknownOp string   `json:"unknown_op,omitempty"` // "ignore", or "" for an error
	// Stacks are the layer ids of each fusion stack, in their order; nil layer by layer.
	Stacks [][]int `json:"stacks"`
	// Split and Tile are the tilings over cores and within one that stand in place of
	// the mapping's, as the user writes them.
	Split         []string `json:"split,omitempty"`
	Tile          []string `json:"tile,omitempty"`
	SplitWeights  float64  `json:"split_weights,omitempty"`  // part of a core's memory; 0 if weights are not split
	RecomputeHalo bool     `json:"recompute_halo,omitempty"` // halos are recomputed rather than cached
	// Search is how loop orders were searched: "best", or "loma" with LPFLimit loop
	// prime factors, 0 for all.
	Search   string `json:"search"`
	LPFLimit int    `json:"lpf_limit"`
	// Order is how the next node was chosen, "" by stacks; a path is that of a file
	// that lists nodes. Prefetch are the operands that were fetched ahead.
	Order    string   `json:"order,omitempty"`
	Prefetch []string `json:"prefetch,omitempty"`
	// Transfers is "in-order" if nothing began on a link before what was decided for it
	// earlier, "" if gaps were filled. FetchOrder is the order in which what a node needs
	// was fetched: "largest", "listed", "" for the smallest first.
	Transfers  string `json:"transfers,omitempty" jsonschema:"enum=in-order"`
	FetchOrder string `json:"fetch_order,omitempty" jsonschema:"enum=largest,enum=listed"`
	// How the allocation was found. The number of workers is left out: it changes
	// nothing.
	Allocator   string `json:"allocator"`   // "auto", ..., "fixed"
	Evaluations int    `json:"evaluations"` // allocations that might be scheduled
	Generations int    `json:"generations"` // of the genetic search; 0 for as many as the evaluations allow
	Individuals int    `json:"individuals"`
	// Flags are those of the command line and of its configuration file that are not
	// as by default, but for those that change no figure: `stream run --repeat` gives
	// them again. Files are checksums of the files that they name beside the inputs.
	Flags map[string][]string `json:"flags,omitempty"`
	Files map[string]string   `json:"files,omitempty"`
	// Explore are the dimensions of the space that were searched, beside cores that
	// nothing fixed; Pick and Limit are as the user gave them.
	Explore   []string `json:"explore,omitempty"`
	Pick      string   `json:"pick,omitempty"`
	Limit     []string `json:"limit,omitempty"`
	TimeLimit float64  `json:"time_limit_seconds,omitempty"`
}

// Inputs are what a result was made from.
type Inputs struct {
	Workload  Input  `json:"workload"`
	Hardware  Input  `json:"hardware"`
	Mapping   Input  `json:"mapping"`
	Mode      string `json:"mode"`  // "layer-by-layer", "fused"
	Rules     string `json:"rules"` // "default", "reference-2024"
	Seed      uint64 `json:"seed"`
	Objective string `json:"objective"` // "edp", "latency", "energy"

	Settings Settings `json:"settings"`
}

// Search is what a search over allocations did and found.
type Search struct {
	Evaluations int  `json:"evaluations"`     // distinct allocations scheduled
	Plans       int  `json:"plans,omitempty"` // ways to cut and order the network that were tried
	Exhaustive  bool `json:"exhaustive"`      // that was all there are: none is better
	// Proven tells that no allocation is better for the objective. AtLeast is what its
	// value has been shown to be for every allocation; 0 if nothing has.
	Proven      bool    `json:"proven_optimal"`
	AtLeast     float64 `json:"objective_at_least,omitempty"`
	Interrupted bool    `json:"interrupted"`                 // the user ended it; the result is the best until then
	TimedOut    bool    `json:"timed_out,omitempty"`         // the time limit did
	Front       []Point `json:"front" jsonschema:"nullable"` // what nothing found dominates, by ascending latency
}

// Point is what a solution achieves.
type Point struct {
	Latency unit.Cycles     `json:"latency_cycles"`
	Energy  unit.Picojoules `json:"energy_pj"`
	// Memory is the highest use of each on-chip memory, summed over the memories.
	Memory unit.Bits `json:"memory_bits"`
	// Chosen tells that it became the result.
	Chosen bool `json:"chosen,omitempty"`
	// Mapping is the file in the result folder that gives the solution again.
	Mapping string `json:"mapping,omitempty"`
}

// Data is one result with all that it refers to. Nothing in it is changed.
type Data struct {
	Inputs      Inputs
	Accelerator *hardware.Accelerator
	Graph       *taskgraph.Graph
	Schedule    *schedule.Schedule
	Allocation  *schedule.Allocation
	Costs       *schedule.CostTable // of the graph's nodes on the accelerator's cores
	LowerBound  LowerBound
	Search      Search
	// Causes are what it spends most on; nil if that is not known.
	Causes *bottleneck.Causes
	// WhatIf are changes that were tried, by bottleneck.Change; nil if none was.
	WhatIf []Trial
}

// Title names the result, e.g. "resnet18 on tpu_like_quad_core, layer by layer".
func (d *Data) Title() string {
	return d.Inputs.Workload.Name + " on " + d.Inputs.Hardware.Name + ", " + modeName(d.Inputs.Mode)
}

func modeName(mode string) string { return strings.ReplaceAll(mode, "-", " ") }

// gap is how far the latency lies above its lower bound, as a fraction of the
// bound. It is false if there is no bound.
func (d *Data) gap() (float64, bool) {
	if d.LowerBound.Latency <= 0 {
		return 0, false
	}
	return float64(d.Schedule.Latency-d.LowerBound.Latency) / float64(d.LowerBound.Latency), true
}

// horizon is the end of the time axis: the latency, or the end of whatever
// lasts longer (streaming is not part of the latency), and at least 1.
func (d *Data) horizon() unit.Cycles {
	end := max(d.Schedule.Latency, 1)
	for _, t := range d.Schedule.Tasks {
		end = max(end, t.End)
	}
	for i := range d.Schedule.Transfers {
		end = max(end, d.Schedule.Transfers[i].End)
	}
	for i := range d.Schedule.Blocks {
		end = max(end, d.Schedule.Blocks[i].End)
	}
	return end
}

// offchipStore tells whether a memory lies behind the off-chip core.
func offchipStore(a *hardware.Accelerator, s *hardware.Store) bool {
	return len(s.Cores) == 1 && s.Cores[0] == a.Offchip
}

// dependencies counts the edges of a graph and those among them that carry data.
func dependencies(g *taskgraph.Graph) (all, data int) {
	for e := range g.Edges() {
		if e.Data() {
			data++
		}
	}
	return g.EdgeCount(), data
}
