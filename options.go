package stream

import (
	"log/slog"
	"runtime"
	"time"

	"streamdse/hardware"
	"streamdse/internal/allocate"
	"streamdse/internal/diag"
	"streamdse/internal/mapper"
	"streamdse/mapping"
	"streamdse/rules"
	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/unit"
	"streamdse/workload"
)

// Mode says how far a layer is finished before the next one starts.
type Mode string

const (
	// LayerByLayer runs every layer as a whole.
	LayerByLayer Mode = "layer-by-layer"
	// Fused cuts the layers of a fusion stack into computation nodes that stream
	// through the cores.
	Fused Mode = "fused"
)

// Objective is what the search minimises: "edp", "latency", "energy" or "memory".
type Objective = allocate.Objective

// Limits are what a schedule may have at the most; 0 sets no limit.
type Limits = allocate.Limits

// The objectives.
const (
	EDP     = allocate.EDP
	Latency = allocate.Latency
	Energy  = allocate.Energy
	Memory  = allocate.Memory // peak memory: see Solution
)

// Objectives lists the names of the objectives.
func Objectives() []string { return allocate.Objectives() }

// CoreObjectives lists the objectives that a single core can be mapped for.
func CoreObjectives() []string { return []string{string(EDP), string(Latency), string(Energy)} }

// Allocators lists the names of the allocators, the default first: "auto",
// "genetic", "local", "greedy", "random", "steady", "exact" and "exhaustive".
func Allocators() []string { return allocate.Names() }

// LoopSearch is how the single-core model's loop orders are searched: "best" or
// "loma".
type LoopSearch = mapper.Method

// The loop order searches.
const (
	Best = mapper.Best // the best order, proven where the effort allows
	Loma = mapper.Loma // the published search over a limited number of loop factors
)

// LoopSearches lists the names of the loop order searches.
func LoopSearches() []string { return mapper.Methods() }

// LoopAllocation is how the loops of an order are allocated to memories.
type LoopAllocation = mapper.Allocation

// The allocations.
const (
	Greedy = mapper.Greedy // the published rule: memories are filled from the lowest up
	Free   = mapper.Free   // every boundary between memories is searched, too
)

// LoopAllocations lists the names of the allocations.
func LoopAllocations() []string { return mapper.Allocations() }

// LatencyModel is how the time is computed that a core waits for its memories.
type LatencyModel string

// The latency models.
const (
	// PublishedModel has the published formulas, with all their habits.
	PublishedModel LatencyModel = "published"
	// PhysicalModel differs from it where that is not monotonic: no larger memory and
	// no wider port makes a nest slower.
	PhysicalModel LatencyModel = "physical"
)

// LatencyModels lists the names of the latency models.
func LatencyModels() []string { return []string{string(PublishedModel), string(PhysicalModel)} }

// Problem is what is explored: one network on one accelerator under one mapping.
type Problem struct {
	Workload *workload.Workload
	Hardware *hardware.Accelerator
	Mapping  *mapping.Mapping
}

// complete reports which of the three is missing, as a diag.List.
func (p Problem) complete() error {
	var problems diag.List
	missing := func(what string) {
		problems.Add(diag.Problem{Message: "no " + what + " is given", Allowed: "the name of a built-in, or the path of a file"})
	}
	if p.Workload == nil {
		missing("workload")
	}
	if p.Hardware == nil {
		missing("accelerator")
	}
	if p.Mapping == nil && p.Hardware != nil { // by default it goes with the accelerator
		missing("mapping")
	}
	return problems.Err()
}

// Options of a run; take DefaultOptions and change what you need.
type Options struct {
	Mode Mode
	// Stacks lists the layer ids of each fusion stack; layers in none are alone.
	// Nil means that stacks are grown by the weight capacity of the cores. Layer
	// by layer they are not used.
	Stacks [][]int
	// Cuts are tilings that stand in place of the mapping's.
	Cuts []mapping.Cut
	// SplitWeights, if not 0, cuts a layer whose weights do not fit into this part of
	// a core's memory along its output channels into parts that do.
	SplitWeights float64
	// RecomputeHalo makes fused layers compute the halos of their readers' windows
	// anew in every tile, where all are cut alike, instead of having tiles read by
	// several others.
	RecomputeHalo bool
	Rules         rules.Rules
	// Order is ByStacks, ByLatency or ByMemory.
	Order Order
	// First, if not nil, lists nodes to schedule before all others, the first one
	// first, as far as dependencies allow; Order does not count then, and what is not
	// listed follows by stacks.
	First func(*taskgraph.Graph) ([]taskgraph.NodeID, error)
	// Prefetch names the operands of layers (see Prefetchable) whose constants are
	// fetched before the network starts, as far as there is room for them.
	Prefetch []string
	// Transfers is Backfill or InOrder, FetchOrder SmallestFirst, LargestFirst or
	// AsListed. Neither is searched.
	Transfers  Transfers
	FetchOrder FetchOrder
	// Explore lists the dimensions of the space that are searched from what the other
	// options and the mapping say: see mapping.Dimensions. Cores that nothing fixes are
	// searched in any case.
	Explore []mapping.Dimension
	// Cores fixes the cores of layers or, if Explore has the dimension, is where the
	// search begins.
	Cores     []mapping.LayerCores
	Objective Objective
	// Pick is the objective by which the result is chosen among the solutions that are
	// not dominated; empty for Objective.
	Pick Objective
	// Limits that the result has to keep.
	Limits Limits
	// TimeLimit, if not 0, ends the search after this time; the result is the best until
	// then.
	TimeLimit time.Duration
	// Fixed, if not nil, gives the allocation to schedule; nothing is searched then.
	Fixed func(*taskgraph.Graph) (*schedule.Allocation, error)
	// Allocator searches: see Allocators.
	Allocator string
	// Evaluations is the number of allocations that are scheduled at the most.
	Evaluations int
	// Generations and Individuals size the genetic search; no Generations means
	// until the evaluations are used.
	Generations, Individuals int
	// Crossover is the part of the genetic search's offspring that has two parents,
	// Mutation the probability that a mutant's core of a group changes, 0 for one group
	// on the average.
	Crossover, Mutation float64
	Seed                uint64
	// Workers is the number of goroutines; it never changes a result.
	Workers int
	// Search is how loop orders are searched in the single-core model.
	Search LoopSearch
	// LPFLimit is the number of loop prime factors that Loma keeps; 0 keeps all.
	LPFLimit int
	// SkipVerify leaves out the independent check of the schedule.
	SkipVerify bool
	// Progress, if not nil, is told how far each step is. It is called from one
	// goroutine at a time.
	Progress func(Progress)
	// Log, if not nil, is told how long each step took, at slog.LevelDebug.
	Log *slog.Logger
	// Costs, if not nil, remembers single-core costs from run to run.
	Costs *Costs
}

// DefaultOptions is a fused run under the physical rules with medium effort.
func DefaultOptions() Options {
	d := allocate.DefaultOptions()
	return Options{
		Mode:        Fused,
		Rules:       rules.Default(),
		Order:       ByStacks,
		Transfers:   Backfill,
		FetchOrder:  SmallestFirst,
		Objective:   EDP,
		Allocator:   Allocators()[0],
		Evaluations: d.Budget,
		Individuals: d.Individuals,
		Crossover:   d.Crossover,
		Explore:     mapping.Dimensions(),
		Workers:     runtime.NumCPU(),
		Search:      Best,
		LPFLimit:    6,
	}
}

// Progress is how far a step of a run is.
type Progress struct {
	Mode  Mode
	Step  string // "cost", "allocate"
	Done  int    // of Total, in Unit
	Total int    // how much the step is, if it does not end sooner
	Unit  string // what is counted, e.g. "allocations"
	Note  string // for people; may be empty
}

// Result is what a run found.
type Result struct {
	Mode        Mode
	Choice      mapping.Choice // what decides the schedule beside the mapping's entries
	Graph       *taskgraph.Graph
	Costs       *schedule.CostTable
	Allocation  *schedule.Allocation
	Schedule    *schedule.Schedule
	Bound       Bound
	Front       []Solution // what nothing found dominates, thinned out, by ascending latency
	Chosen      int        // the solution of the front that is the result
	Evaluations int        // allocations scheduled
	Plans       int        // ways to cut and order the network that were tried
	Interrupted bool       // the search was ended early; the result is the best until then
	TimedOut    bool       // ... by the time limit
	Exhaustive  bool       // every allocation was scheduled: none is better for the objective
	Proven      bool       // no allocation is better for the objective
	Least       float64    // of the objective, below which the search has shown no allocation to be; 0 if it has not
}

// Bound is what no schedule can beat, whatever the allocation.
type Bound struct {
	Latency     unit.Cycles
	SetBy       string // what no schedule can avoid, in words
	Energy      unit.Picojoules
	EnergySetBy string // its largest part
}

// EDP is the energy-delay product that no schedule can beat, in pJ x cycles.
func (b Bound) EDP() float64 { return float64(b.Latency) * float64(b.Energy) }

// Solution is a choice with what its schedule has.
type Solution struct {
	Choice  mapping.Choice
	Latency unit.Cycles
	Energy  unit.Picojoules
	// Memory is the peak memory: the highest use of each on-chip memory at any time of
	// the schedule, summed over the memories.
	Memory unit.Bits
}

// timed begins a step; the result ends it and logs how long it took.
func (o *Options) timed(step string) func() {
	if o.Log == nil {
		return func() {}
	}
	began := time.Now()
	return func() { o.Log.Debug(step, "mode", string(o.Mode), "took", time.Since(began)) }
}
