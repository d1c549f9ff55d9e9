package cli

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	stream "streamdse"
	"streamdse/hardware"
	"streamdse/internal/diag"
	"streamdse/internal/report"
	"streamdse/workload"
)

type coreFlags struct {
	workload, hardware, mapping string
	dims                        []string
	core                        int
	search, objective           string
	allocation, model           string
	effort                      int64
	lpfLimit, unrollings        int
	mixed, locality, even       bool
	workers                     int
	explain, plot               string
	json, quiet                 bool
}

func coreCommand() *cobra.Command {
	f := &coreFlags{}
	c := &cobra.Command{
		Use:   "core",
		Short: "Single-core mapping and cost of every layer, no scheduling",
		Long: `Core finds the best mapping of every layer of a network on one core, each layer on
its own, and says what it costs and why. Of an ONNX model, convolutions and matrix
products are layers; every other operator costs nothing.`,
		Example: `  stream core
  stream core --workload net.onnx --hardware core.yaml --mapping map.yaml --json
  stream core --hardware tpu_like_quad_core --core 1 --objective energy
  stream core --explain /layer1/layer1.0/conv1/Conv
  stream core --plot layers.svg`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c) },
	}
	defaults := stream.DefaultCoreOptions()
	flags := c.Flags()
	flags.StringVar(&f.workload, "workload", defaultWorkload, "network: an ONNX file, or the name of a built-in")
	flags.StringVar(&f.hardware, "hardware", defaultHardware, "YAML file of a core with its memories or of an accelerator, or the name of a built-in")
	flags.StringArrayVar(&f.dims, "dim", nil, "size of a dimension that the model leaves open, as `NAME=N`; may be repeated")
	flags.StringVar(&f.mapping, "mapping", "", "mapping: a YAML file, or the name of a built-in (default: the built-in named like the hardware, else all is open)")
	flags.IntVar(&f.core, "core", 0, "core of an accelerator; the off-chip memory is put on top of its own (default: the first that computes)")
	flags.StringVar(&f.search, "search", string(defaults.Search), "how loop orders are searched: best (proven where possible) or loma, the published search")
	flags.StringVar(&f.allocation, "allocation", "", "how loops are allocated to memories: free (searched) or greedy (filled from the lowest up) (default: free, but greedy with --search loma or --even)")
	flags.StringVar(&f.model, "model", string(defaults.Model), "latency model: published, or physical (never worse with more memory or bandwidth)")
	flags.Int64Var(&f.effort, "effort", defaults.Effort, "parts of loop orders that --search best examines for a layer before it gives up the proof; 0 = no bound")
	flags.StringVar(&f.objective, "objective", string(defaults.Objective), "what to minimise: "+strings.Join(stream.CoreObjectives(), ", "))
	flags.IntVar(&f.lpfLimit, "lpf-limit", defaults.LPFLimit, "loop prime factors that --search loma keeps; 0 = all")
	flags.IntVar(&f.unrollings, "unrollings", defaults.Unrollings, "spatial unrollings that are tried where the mapping leaves them open")
	flags.BoolVar(&f.mixed, "mixed-spatial", false, "let several loops share an array dimension, and exploit locality (default: only for arrays that compute in memory)")
	flags.BoolVar(&f.locality, "exploit-locality", false, "keep data in the core between layers where it fits (default: with --mixed-spatial)")
	flags.BoolVar(&f.even, "even", false, "operands that share a memory have the same loops in it")
	flags.IntVar(&f.workers, "workers", runtime.NumCPU(), "goroutines; never changes a result")
	flags.StringVar(&f.explain, "explain", "", "explain the cost of one `LAYER`, by name or id")
	flags.StringVar(&f.plot, "plot", "", "draw latency and energy of all layers to a .png, .svg or .pdf `FILE`")
	flags.BoolVar(&f.json, "json", false, "print the result as JSON on standard output")
	flags.BoolVar(&f.quiet, "quiet", false, "no progress, no table")
	completeInputs(c)
	complete(c, "search", stream.LoopSearches())
	complete(c, "objective", stream.CoreObjectives())
	complete(c, "allocation", stream.LoopAllocations())
	complete(c, "model", stream.LatencyModels())
	return c
}

// options checks the flags and turns them into the façade's options.
func (f *coreFlags) options() (stream.CoreOptions, error) {
	var problems diag.List
	o := stream.DefaultCoreOptions()
	o.Search, o.Objective = stream.LoopSearch(f.search), stream.Objective(f.objective)
	if !slices.Contains(stream.LoopSearches(), f.search) {
		problems.Add(badChoice("search", f.search, stream.LoopSearches()))
	}
	if !slices.Contains(stream.CoreObjectives(), f.objective) {
		problems.Add(badChoice("objective", f.objective, stream.CoreObjectives()))
	}
	if !slices.Contains(stream.LatencyModels(), f.model) {
		problems.Add(badChoice("model", f.model, stream.LatencyModels()))
	}
	o.Model, o.Effort = stream.LatencyModel(f.model), f.effort
	if f.effort < 0 {
		problems.Add(diag.Problem{Message: fmt.Sprintf("--effort %d is too small", f.effort), Allowed: "0 or more"})
	}
	problems = append(problems, f.allocate(&o)...)
	for _, x := range []struct {
		flag         string
		value, least int
	}{{"workers", f.workers, 1}, {"lpf-limit", f.lpfLimit, 0}, {"unrollings", f.unrollings, 1}, {"core", f.core, 0}} {
		if x.value < x.least {
			problems.Add(diag.Problem{Message: fmt.Sprintf("--%s %d is too small", x.flag, x.value), Allowed: fmt.Sprintf("%d or more", x.least)})
		}
	}
	if f.plot != "" {
		if _, ok := plotFormat(f.plot); !ok {
			problems.Add(diag.Problem{
				Message: fmt.Sprintf("--plot %s does not say which kind of picture it is", f.plot),
				Allowed: "a file name that ends in ." + strings.Join(report.Formats(), ", ."),
			})
		} else if err := report.CheckFile(f.plot); err != nil {
			var list diag.List
			errors.As(unwritable("plot", err), &list)
			problems = append(problems, list...)
		}
	}
	o.LPFLimit, o.Unrollings, o.Workers, o.Even = f.lpfLimit, f.unrollings, f.workers, f.even
	return o, problems.Err()
}

// allocate sets the allocation that the flags ask for.
func (f *coreFlags) allocate(o *stream.CoreOptions) (problems diag.List) {
	filled := o.Search == stream.Loma || f.even
	switch {
	case f.allocation == "" && filled:
		o.Allocation = stream.Greedy
	case f.allocation == "":
	case !slices.Contains(stream.LoopAllocations(), f.allocation):
		problems.Add(badChoice("allocation", f.allocation, stream.LoopAllocations()))
	case f.allocation == string(stream.Free) && filled:
		problems.Add(diag.Problem{
			Message: "--allocation free does not go with --search loma or --even, which fill memories from the lowest up",
			Allowed: "--allocation greedy, or --search best without --even",
		})
	default:
		o.Allocation = stream.LoopAllocation(f.allocation)
	}
	return problems
}

func plotFormat(file string) (report.Format, bool) {
	return report.FormatNamed(strings.ToLower(strings.TrimPrefix(filepath.Ext(file), ".")))
}

func (f *coreFlags) run(c *cobra.Command) error {
	o, err := f.options()
	model, modelErr := stream.ParseModelOptions(f.dims, nil, "error")
	if err := both(err, modelErr); err != nil {
		return err
	}
	log := logger(c)
	loading := timed(log, "load")
	problem, sources, err := stream.LoadCore(stream.CoreInputs{
		Workload: f.workload, Hardware: f.hardware, Mapping: f.mapping, PublishedKernels: o.Search == stream.Loma, Dims: model.Dims,
	})
	if loading(); err != nil {
		return err
	}
	if f.explain != "" { // before time is spent on a search
		if _, err := layerNamed(layersIn(problem.Workload), f.explain); err != nil {
			return err
		}
	}
	if !f.quiet {
		warn(c.ErrOrStderr(), problem.Warnings())
	}
	if err := f.choose(c, problem.Hardware, &o); err != nil {
		return err
	}
	progress := newProgress(c.ErrOrStderr(), f.quiet)
	o.Progress = progress.update
	searching := timed(log, "search")
	found, err := stream.Core(c.Context(), problem, o)
	progress.finish()
	if searching(); err != nil {
		return err
	}
	data := coreData(sources, o, found)
	result := report.NewCoreResult(data)
	if f.plot != "" {
		if err := f.draw(data); err != nil {
			return err
		}
	}
	if err := f.print(c, result); err != nil {
		return err
	}
	switch {
	case found.Interrupted:
		return errInterrupted
	case result.Unmapped > 0:
		return fmt.Errorf("%d of %d layers have no mapping", result.Unmapped, len(result.Layers))
	}
	return nil
}

// choose sets the core of an accelerator, and what follows from its array.
func (f *coreFlags) choose(c *cobra.Command, acc *hardware.Accelerator, o *stream.CoreOptions) error {
	o.Core = stream.FirstComputing(acc)
	if c.Flags().Changed("core") {
		o.Core = f.core
	}
	if o.Core >= len(acc.Cores) {
		return diag.List{{
			Message: fmt.Sprintf("--core %d: there is no such core in %s", o.Core, acc.Name),
			Allowed: fmt.Sprintf("0 to %d", len(acc.Cores)-1), Hint: "`stream inspect --hardware` lists the cores",
		}}
	}
	// As in the published tool, mixed unrollings come with locality, and arrays
	// that compute in memory with both.
	o.Mixed = f.mixed
	if !c.Flags().Changed("mixed-spatial") {
		o.Mixed = acc.Cores[o.Core].IMC != nil
	}
	o.Locality = f.locality
	if !c.Flags().Changed("exploit-locality") {
		o.Locality = o.Mixed
	}
	return nil
}

// coreData is a result as the report wants it.
func coreData(s stream.Sources, o stream.CoreOptions, r *stream.CoreResult) *report.CoreData {
	input := func(s stream.Source) report.Input { return report.Input{Name: s.Name, SHA256: s.SHA256} }
	d := &report.CoreData{
		Inputs: report.CoreInputs{
			Workload: input(s.Workload), Hardware: input(s.Hardware), Mapping: input(s.Mapping),
			Core: r.Core.Name, Search: string(o.Search), Allocation: string(o.Allocation), Model: string(o.Model),
			LPFLimit: o.LPFLimit, Effort: o.Effort, Objective: string(o.Objective),
			Mixed: o.Mixed, Locality: o.Locality, Even: o.Even,
		},
		Array: r.Array, Interrupted: r.Interrupted,
	}
	for i := range r.Layers {
		l := &r.Layers[i]
		m := report.MappedLayer{
			Layer: l.Layer, Core: l.Core, Evaluation: l.Evaluation, Unrolling: l.Unrolling,
			Evaluated: l.Evaluated, Unfit: l.Unfit, Proven: l.Proven, Gap: l.Gap, OpenTie: l.OpenTie, Pruned: l.Pruned,
		}
		if l.Reason != nil {
			m.Reason = l.Reason.Error()
			errors.As(l.Reason, &m.Misfit)
		}
		if l.Local != nil {
			m.Local = (*report.Local)(l.Local)
		}
		d.Layers = append(d.Layers, m)
	}
	return d
}

// draw writes the picture; it appears complete or not at all.
func (f *coreFlags) draw(d *report.CoreData) error {
	format, _ := plotFormat(f.plot)
	err := report.WriteFile(f.plot, func(w io.Writer) error { return report.CorePicture(w, d, format) })
	if err != nil {
		return unwritable("plot", err)
	}
	return nil
}

// print shows the result as JSON or a table, or explains one layer.
func (f *coreFlags) print(c *cobra.Command, r *report.CoreResult) error {
	out := c.OutOrStdout()
	if f.explain != "" {
		i, err := layerNamed(layersOf(r), f.explain)
		if err != nil {
			return err
		}
		l := &r.Layers[i]
		if !f.json {
			return report.Explain(out, l)
		}
		one := *r
		one.Layers = []report.LayerResult{*l}
		return report.WriteCore(out, &one)
	}
	switch {
	case f.json:
		return report.WriteCore(out, r)
	case f.quiet:
		return nil
	}
	return report.CoreSummary(out, r)
}

// layer is how the user may call a layer.
type layer struct {
	id   int
	name string
}

func layersIn(w *workload.Workload) []layer {
	list := make([]layer, len(w.Layers))
	for i := range w.Layers {
		list[i] = layer{w.Layers[i].ID, w.Layers[i].Name}
	}
	return list
}

func layersOf(r *report.CoreResult) []layer {
	list := make([]layer, len(r.Layers))
	for i := range r.Layers {
		list[i] = layer{r.Layers[i].ID, r.Layers[i].Name}
	}
	return list
}

// layerNamed finds a layer by its name, its id, or the only name that contains
// what is given.
func layerNamed(layers []layer, name string) (int, error) {
	var names []string
	var containing []int
	for i, l := range layers {
		if l.name == name || fmt.Sprint(l.id) == name {
			return i, nil
		}
		names = append(names, l.name)
		if strings.Contains(l.name, name) {
			containing = append(containing, i)
		}
	}
	if len(containing) == 1 {
		return containing[0], nil
	}
	message := fmt.Sprintf("--explain %q: no layer has this name or id", name)
	if len(containing) > 1 {
		message = fmt.Sprintf("--explain %q: %d layers have this in their name", name, len(containing))
	}
	return 0, diag.List{{Message: message, Allowed: strings.Join(names, ", "), Hint: diag.DidYouMean(name, names)}}
}
