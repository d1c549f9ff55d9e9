package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	stream "streamdse"
	"streamdse/hardware"
	"streamdse/internal/diag"
	"streamdse/internal/report"
	"streamdse/rules"
	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/workload"
)

// efforts are the numbers of allocations that a search schedules, by name.
func efforts() ([]string, map[string]int) {
	return []string{"low", "medium", "high"}, map[string]int{"low": 200, "medium": 3000, "high": 30000}
}

type runFlags struct {
	inputFlags
	tilingFlags
	configFlags
	exploreFlags
	mode, stacks          string
	order, prefetch       string
	transfers, fetchOrder string
	allocator, allocation string
	objective, effort     string
	evaluations           int
	generations           int
	individuals           int
	seed                  uint64
	workers               int
	search                string
	lpfLimit              int
	output                string
	format                []string
	noVerify, noPlots     bool
	whatIf                bool

	// What decides the result, as it is saved: see record.
	flags map[string][]string
	files map[string]string

	json, quiet bool
}

func runCommand() *cobra.Command {
	f := &runFlags{}
	names, _ := efforts()
	c := &cobra.Command{
		Use:   "run",
		Short: "Explore one workload on one accelerator",
		Long: `Run finds an allocation of the network's layers to the accelerator's cores, schedules
it in detail and writes pictures and figures, one folder a mode:
result.json, the tables schedule.csv, transfers.csv, layers.csv, memory.csv and pareto.csv,
the pictures schedule.png, memory.png, energy.png, layers.png and pareto.png, report.html for
a browser, trace.json for Perfetto, and state.json, allocation.json, timing.json, and
mapping.yaml, which with --mapping gives the result again.`,
		Example: `  stream run
  stream run --workload net.onnx --hardware chip.yaml --mapping map.yaml
  stream run --mode fused --stacks 0-10,11-21 --objective latency --effort high
  stream run --mode fused --what-if
  stream run --config experiment.yaml --seed 3
  stream run --repeat outputs/resnet18-tpu_like_quad_core-fused/result.json --output again
  stream run --allocation outputs/resnet18-tpu_like_quad_core-fused/allocation.json --mode fused`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c) },
	}
	f.inputFlags.register(c)
	f.tilingFlags.register(c)
	f.configFlags.register(c)
	f.exploreFlags.register(c)
	flags := c.Flags()
	flags.StringVar(&f.mode, "mode", "both", "layer-by-layer, fused or both")
	flags.StringVar(&f.stacks, "stacks", "auto", "layers fused together: auto (as many as keep their weights on the chip), a list such as 0-10,11-21, or a file with one stack a line")
	flags.StringVar(&f.order, "order", string(stream.ByStacks), "which node that is ready is scheduled first: stacks (one after another, the deepest layer first), latency (whose inputs are computed first), memory (the deepest layer of all), or a `file` with one layer id or layer.node a line")
	flags.StringVar(&f.prefetch, "prefetch", "none", "constants fetched before the network starts, as far as they fit: none, auto (all), or a `list` of operands such as W")
	flags.StringVar(&f.transfers, "transfers", string(stream.Backfill), "when a transfer may take its links: backfill (in any gap that earlier decisions have left) or in-order (nothing begins on a link before what was decided for it earlier begins)")
	flags.StringVar(&f.fetchOrder, "fetch-order", string(stream.SmallestFirst), "which of the tensors that a node needs is fetched first: smallest, largest or listed (constants in the order of the operands, then what other nodes have written)")
	flags.StringVar(&f.allocator, "allocator", "", "how to search: "+strings.Join(allocators(), ", ")+" (default: auto; fixed with --allocation)")
	flags.StringVar(&f.allocation, "allocation", "", "a saved allocation.json to schedule instead of searching")
	flags.StringVar(&f.objective, "objective", string(stream.EDP), "what to minimise: "+strings.Join(stream.Objectives(), ", "))
	flags.StringVar(&f.effort, "effort", "medium", "how long to search: "+strings.Join(names, ", ")+" (200, 3,000 and 30,000 allocations a mode)")
	flags.IntVar(&f.evaluations, "evaluations", 0, "allocations to schedule at the most (default: by --effort)")
	flags.IntVar(&f.generations, "generations", 0, "generations of the genetic search, whatever the effort")
	flags.IntVar(&f.individuals, "individuals", stream.DefaultOptions().Individuals, "individuals a generation of the genetic search")
	flags.Uint64Var(&f.seed, "seed", 0, "seed of the search; the same seed gives the same result")
	flags.IntVar(&f.workers, "workers", runtime.NumCPU(), "goroutines; never changes a result")
	flags.StringVar(&f.search, "search", "", "how loop orders on a core are searched: best (proven where possible) or loma (default: best, but loma with --lpf-limit or published --rules)")
	flags.IntVar(&f.lpfLimit, "lpf-limit", stream.DefaultOptions().LPFLimit, "loop prime factors that --search loma keeps; 0 = all")
	flags.StringVar(&f.output, "output", "outputs", "folder for the results")
	flags.StringSliceVar(&f.format, "format", []string{report.PNG.Extension()}, "formats of the pictures: png, svg, pdf; parquet adds the tables in that format to those in CSV")
	flags.BoolVar(&f.noVerify, "no-verify", false, "leave out the independent check of the schedule")
	flags.BoolVar(&f.noPlots, "no-plots", false, "leave out the pictures and report.html")
	flags.BoolVar(&f.whatIf, "what-if", false, "schedule again with more of what costs most (bandwidth, memory) and with other splits, and say what that changes")
	flags.BoolVar(&f.json, "json", false, "print the results as JSON on standard output, one a mode")
	flags.BoolVar(&f.quiet, "quiet", false, "no progress, no table")
	complete(c, "mode", modeNames())
	complete(c, "stacks", []string{"auto"})
	completeFile(c, "allocation", "json")
	complete(c, "order", stream.Orders())
	complete(c, "prefetch", append([]string{"none", "auto"}, stream.Prefetchable()...))
	complete(c, "transfers", stream.TransferModes())
	complete(c, "fetch-order", stream.FetchOrders())
	complete(c, "objective", stream.Objectives())
	complete(c, "effort", names)
	complete(c, "allocator", allocators())
	complete(c, "search", stream.LoopSearches())
	complete(c, "format", formatNames())
	return c
}

func modeNames() []string {
	return []string{string(stream.LayerByLayer), string(stream.Fused), "both"}
}

func allocators() []string { return append(stream.Allocators(), "fixed") }

// options checks the flags and turns them into the façade's options.
func (f *runFlags) options(c *cobra.Command) (modes []stream.Mode, o stream.Options, err error) {
	var problems diag.List
	o = stream.DefaultOptions()
	switch f.mode {
	case "both":
		modes = []stream.Mode{stream.LayerByLayer, stream.Fused}
	case string(stream.LayerByLayer), string(stream.Fused):
		modes = []stream.Mode{stream.Mode(f.mode)}
	default:
		problems.Add(badChoice("mode", f.mode, modeNames()))
	}
	o.Objective = stream.Objective(f.objective)
	if !slices.Contains(stream.Objectives(), f.objective) {
		problems.Add(badChoice("objective", f.objective, stream.Objectives()))
	}
	names, presets := efforts()
	preset, ok := presets[f.effort]
	if !ok {
		problems.Add(badChoice("effort", f.effort, names))
	}
	o.Evaluations = preset
	between := func(flag string, value, least, most int) {
		if c.Flags().Changed(flag) && (value < least || value > most) {
			problems.Add(diag.Problem{Message: fmt.Sprintf("--%s %d is out of range", flag, value), Allowed: fmt.Sprintf("%d to %d", least, most)})
		}
	}
	const many = 1_000_000_000
	between("evaluations", f.evaluations, 1, many)
	between("generations", f.generations, 1, 1_000_000)
	between("individuals", f.individuals, 2, 100_000)
	between("workers", f.workers, 1, many)
	between("lpf-limit", f.lpfLimit, 0, 64)
	if f.output == "" {
		problems.Add(diag.Problem{Message: "--output is empty", Allowed: "a folder for the results"})
	}
	f.loopSearch(c, &o, &problems)
	f.allocatorSearch(c, &o, &problems)
	o.Stacks, err = parseStacks(f.stacks)
	problems.Note(err)
	o.Prefetch, err = parsePrefetch(f.prefetch)
	problems.Note(err)
	if slices.Contains(stream.Orders(), f.order) {
		o.Order = stream.Order(f.order)
	} else {
		o.First, err = readOrder(f.order)
		problems.Note(err)
	}
	o.Transfers, o.FetchOrder = stream.Transfers(f.transfers), stream.FetchOrder(f.fetchOrder)
	if !slices.Contains(stream.TransferModes(), f.transfers) {
		problems.Add(badChoice("transfers", f.transfers, stream.TransferModes()))
	}
	if !slices.Contains(stream.FetchOrders(), f.fetchOrder) {
		problems.Add(badChoice("fetch-order", f.fetchOrder, stream.FetchOrders()))
	}
	o.Seed, o.Workers, o.LPFLimit, o.SkipVerify = f.seed, f.workers, f.lpfLimit, f.noVerify
	problems = append(problems, f.tilingFlags.options(c, &o)...)
	problems = append(problems, f.exploreFlags.options(&o)...)
	return modes, o, problems.Err()
}

// loopSearch sets how the loop orders of a node on a core are searched.
func (f *runFlags) loopSearch(c *cobra.Command, o *stream.Options, problems *diag.List) {
	limited := c.Flags().Changed("lpf-limit")
	switch stream.LoopSearch(f.search) {
	case "":
		if f.rules != rules.Default().Name || limited { // the published tool's figures come from its search
			o.Search = stream.Loma
		}
	case stream.Best:
		if limited {
			problems.Add(diag.Problem{Message: "--search best takes all loop prime factors, --lpf-limit a part of them", Hint: "leave one of them out"})
		}
	case stream.Loma:
		o.Search = stream.Loma
	default:
		problems.Add(badChoice("search", f.search, stream.LoopSearches()))
	}
}

// allocatorSearch sets how allocations are searched.
func (f *runFlags) allocatorSearch(c *cobra.Command, o *stream.Options, problems *diag.List) {
	if c.Flags().Changed("evaluations") {
		o.Evaluations = f.evaluations
	}
	o.Individuals = f.individuals
	if c.Flags().Changed("generations") {
		o.Generations = f.generations
		if f.allocator == "" && f.allocation == "" {
			f.allocator = "genetic"
		}
		if !c.Flags().Changed("evaluations") {
			o.Evaluations = (f.generations + 1) * f.individuals
		}
	}
	switch {
	case f.allocator == "":
	case !slices.Contains(allocators(), f.allocator):
		problems.Add(badChoice("allocator", f.allocator, allocators()))
	case f.allocator == "fixed" && f.allocation == "":
		problems.Add(diag.Problem{Message: "--allocator fixed has nothing to schedule", Hint: "give a saved allocation with --allocation FILE"})
	case f.allocator != "fixed" && f.allocation != "":
		problems.Add(diag.Problem{
			Message: fmt.Sprintf("--allocator %s searches, --allocation FILE fixes the answer", f.allocator),
			Hint:    "leave one of them out",
		})
	case f.allocator != "fixed":
		o.Allocator = f.allocator
	}
	if f.allocation != "" {
		for _, flag := range []string{"effort", "evaluations", "generations", "individuals", "seed", "objective", "explore", "pick", "time-limit", "crossover", "mutation"} {
			if c.Flags().Changed(flag) {
				problems.Add(diag.Problem{Message: fmt.Sprintf("--%s has no effect: --allocation FILE leaves nothing to search", flag), Hint: "leave one of them out"})
			}
		}
	} else if f.generations > 0 && o.Allocator != "genetic" {
		problems.Add(diag.Problem{Message: fmt.Sprintf("--generations sizes the genetic search, not --allocator %s", o.Allocator), Hint: "use --evaluations"})
	}
}

// fixed returns what reads the saved allocation for a graph, nil without one.
func (f *runFlags) fixed(acc *hardware.Accelerator) (func(*taskgraph.Graph) (*schedule.Allocation, error), error) {
	if f.allocation == "" {
		return nil, nil
	}
	text, err := os.ReadFile(f.allocation)
	if err != nil {
		return nil, diag.List{{File: f.allocation, Message: "cannot read the saved allocation: " + reason(err),
			Hint: "name the allocation.json of a result folder"}}
	}
	return func(g *taskgraph.Graph) (*schedule.Allocation, error) {
		return report.ReadAllocation(f.allocation, text, g, acc)
	}, nil
}

// reason is what went wrong with a file, without its name.
func reason(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return err.Error()
}

func (f *runFlags) run(c *cobra.Command) error {
	repeat, err := f.settle(c)
	if err != nil {
		return err
	}
	e, err := f.prepare(c, repeat)
	if err != nil {
		return err
	}
	for _, mode := range e.modes {
		if goOn, err := e.explore(mode); err != nil {
			return err
		} else if !goOn {
			break
		}
	}
	if err := e.show(); err != nil {
		return err
	}
	if e.ended == nil {
		return repeat.compare(c, e.results)
	}
	return e.ended
}

// lastID is the highest id of a layer, or -1 without a workload.
func lastID(w *workload.Workload) int {
	last := -1
	if w != nil {
		for i := range w.Layers {
			last = max(last, w.Layers[i].ID)
		}
	}
	return last
}

// check finds what is wrong before time is spent on a search: stacks, tilings and
// a saved allocation that do not fit the network, and places that results cannot
// be written to.
func (f *runFlags) check(p stream.Problem, s stream.Sources, modes []stream.Mode, o stream.Options) error {
	var problems diag.List
	note := func(err error) error {
		var list diag.List
		if errors.As(err, &list) {
			problems = append(problems, list...)
			return nil
		}
		return err
	}
	last := lastID(p.Workload)
	for _, stack := range o.Stacks {
		if id := slices.Max(stack); id > last {
			problems.Add(diag.Problem{Message: fmt.Sprintf("--stacks names layer %d", id), Allowed: fmt.Sprintf("ids up to %d", last), Hint: "`stream inspect` lists the layers"})
		} else if p.Workload != nil && !slices.ContainsFunc(p.Workload.Layers, func(l workload.Layer) bool { return slices.Contains(stack, l.ID) }) {
			problems.Add(diag.Problem{
				Message: fmt.Sprintf("--stacks: no layer has an id in %s", strings.Join(strings.Fields(strings.Trim(fmt.Sprint(stack), "[]")), ", ")),
				Hint:    "`stream inspect` lists the layers; an activation that is folded into a layer is none",
			})
		}
	}
	for _, o.Mode = range modes {
		g, err := stream.Graph(p, o)
		if err == nil && o.Fixed != nil {
			_, err = o.Fixed(g)
		}
		if err == nil && o.First != nil {
			_, err = o.First(g)
		}
		if err := note(err); err != nil {
			return err
		}
		if err := report.CheckFolder(folder(f.output, s.Workload.Name, s.Hardware.Name, string(o.Mode))); err != nil {
			problems.Add(diag.Problem{Message: "--output: " + err.Error(), Hint: "choose another folder with --output"})
		}
	}
	return problems.Unique().Err()
}

// both joins two errors that may be lists of problems into one.
func both(a, b error) error {
	var la, lb diag.List
	if errors.As(a, &la) && errors.As(b, &lb) {
		return append(slices.Clip(la), lb...)
	}
	if a != nil {
		return a
	}
	return b
}
