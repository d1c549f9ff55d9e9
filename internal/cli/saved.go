package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	stream "streamdse"
	"streamdse/internal/diag"
	"streamdse/internal/report"
	"streamdse/mapping"
	"streamdse/rules"
	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/workload/zoo"
)

// savedFlags name result folders and, if they have moved, the inputs that the
// results were made from.
type savedFlags struct {
	workload, hardware, mapping string
	json, quiet                 bool
}

func (f *savedFlags) register(c *cobra.Command) {
	c.Flags().StringVar(&f.workload, "workload", "", "where the network is now (default: where it was)")
	c.Flags().StringVar(&f.hardware, "hardware", "", "where the accelerator is now (default: where it was)")
	c.Flags().StringVar(&f.mapping, "mapping", "", "where the mapping is now (default: where it was)")
	completeInputs(c)
	c.Flags().BoolVar(&f.json, "json", false, "print as JSON on standard output")
	c.Flags().BoolVar(&f.quiet, "quiet", false, "print nothing but problems")
}

// folders requires arguments and replaces each folder that is no result itself by
// the results in it, such as the one that --output named.
func folders(c *cobra.Command, args []string) ([]string, error) {
	if len(args) == 0 {
		return nil, diag.List{{Message: "no result folder is given",
			Hint: fmt.Sprintf("for instance `%s outputs`", c.CommandPath())}}
	}
	var dirs []string
	for _, arg := range args {
		dirs = append(dirs, resultsIn(arg)...)
	}
	return dirs, nil
}

func resultsIn(dir string) []string {
	isResult := func(dir string) bool {
		_, err := os.Stat(filepath.Join(dir, report.ResultName))
		return err == nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil || isResult(dir) {
		return []string{dir}
	}
	var found []string
	for _, e := range entries {
		if sub := filepath.Join(dir, e.Name()); e.Name()[0] != '.' && isResult(sub) {
			found = append(found, sub)
		}
	}
	if len(found) == 0 {
		return []string{dir} // reading it says what is missing
	}
	return found
}

// loaded is a saved result with what it refers to, read and built again.
type loaded struct {
	dir        string
	result     *report.Result
	problem    stream.Problem
	options    stream.Options
	graph      *taskgraph.Graph
	allocation *schedule.Allocation
	schedule   *schedule.Schedule
}

// load reads a result folder and the inputs it was made from.
func (f *savedFlags) load(dir string) (*loaded, error) {
	r, err := report.ReadSaved(dir)
	if err != nil {
		return nil, err
	}
	l := &loaded{dir: dir, result: r}
	file := filepath.Join(dir, report.ResultName)
	inputs, err := f.inputs(file, &r.Inputs)
	if err != nil {
		return nil, err
	}
	var sources stream.Sources
	if l.problem, sources, err = stream.Load(inputs); err != nil {
		return nil, err
	}
	if err := unchanged(file, &r.Inputs, sources); err != nil {
		return nil, err
	}
	l.options = stream.DefaultOptions()
	l.options.Mode, l.options.Rules = stream.Mode(r.Inputs.Mode), inputs.Rules
	set := &r.Inputs.Settings
	l.options.Stacks, l.options.Search, l.options.LPFLimit = set.Stacks, stream.LoopSearch(set.Search), set.LPFLimit
	l.options.SplitWeights, l.options.RecomputeHalo, l.options.Prefetch = set.SplitWeights, set.RecomputeHalo, set.Prefetch
	if set.Transfers != "" {
		l.options.Transfers = stream.Transfers(set.Transfers)
	}
	if set.FetchOrder != "" {
		l.options.FetchOrder = stream.FetchOrder(set.FetchOrder)
	}
	if l.options.Cuts, err = parseTexts(file, *set); err != nil {
		return nil, err
	}
	if l.graph, err = stream.Graph(l.problem, l.options); err != nil {
		return nil, err
	}
	l.schedule, l.allocation, err = report.ReadSchedule(dir, r, l.graph, l.problem.Hardware)
	return l, err
}

// inputs says what to load for a saved result: what the flags name, or what it was
// made from.
func (f *savedFlags) inputs(file string, saved *report.Inputs) (stream.Inputs, error) {
	var problems diag.List
	bad := func(key, value string, allowed []string) {
		problems.Add(diag.Problem{File: file, Message: fmt.Sprintf("inputs: %s is %q", key, value), Allowed: strings.Join(allowed, ", ")})
	}
	r, ok := rules.Named(saved.Rules)
	if !ok {
		bad("rules", saved.Rules, rules.Names())
	}
	if modes := []string{string(stream.LayerByLayer), string(stream.Fused)}; !slices.Contains(modes, saved.Mode) {
		bad("mode", saved.Mode, modes)
	}
	if activations := []string{"fold", "node"}; !slices.Contains(activations, saved.Settings.Activations) {
		bad("settings.activations", saved.Settings.Activations, activations)
	}
	if t := saved.Settings.Transfers; t != "" && !slices.Contains(stream.TransferModes(), t) {
		bad("settings.transfers", t, stream.TransferModes())
	}
	if order := saved.Settings.FetchOrder; order != "" && !slices.Contains(stream.FetchOrders(), order) {
		bad("settings.fetch_order", order, stream.FetchOrders())
	}
	place := func(kind, given string, in report.Input, builtin func(string) bool) string {
		switch {
		case given != "":
			return given
		case in.Path == "" && builtin(in.Name):
			return in.Name
		case in.Path == "":
			problems.Add(diag.Problem{File: file, Message: fmt.Sprintf("inputs: there is no built-in %s %q any more", kind, in.Name),
				Hint: fmt.Sprintf("give a file with --%s", kind)})
		default:
			if _, err := os.Stat(in.Path); errors.Is(err, fs.ErrNotExist) {
				problems.Add(diag.Problem{File: file, Message: fmt.Sprintf("inputs: the %s %s is not there", kind, in.Path),
					Hint: fmt.Sprintf("say where it is now with --%s, or run this where the result was made", kind)})
			}
		}
		return in.Path
	}
	unknownOp := saved.Settings.UnknownOp
	if unknownOp == "" {
		unknownOp = "error"
	}
	model, err := stream.ParseModelOptions(saved.Settings.Dims, saved.Settings.Precision, unknownOp)
	if err := both(problems.Err(), err); err != nil {
		return stream.Inputs{}, err
	}
	among := func(names []string) func(string) bool {
		return func(name string) bool { return slices.Contains(names, name) }
	}
	in := stream.Inputs{
		Model:           model,
		Workload:        place("workload", f.workload, saved.Workload, zoo.Has),
		Hardware:        place("hardware", f.hardware, saved.Hardware, among(stream.HardwareNames())),
		Mapping:         place("mapping", f.mapping, saved.Mapping, among(append(stream.MappingNames(), mapping.Generated))),
		FoldActivations: saved.Settings.Activations == "fold",
		Rules:           r,
	}
	return in, problems.Err()
}

// unchanged makes sure that the inputs are what the result was made from.
func unchanged(file string, saved *report.Inputs, now stream.Sources) error {
	var problems diag.List
	for _, x := range []struct {
		kind  string
		saved report.Input
		now   stream.Source
	}{
		{"workload", saved.Workload, now.Workload},
		{"hardware", saved.Hardware, now.Hardware},
		{"mapping", saved.Mapping, now.Mapping},
	} {
		if x.saved.SHA256 == x.now.SHA256 {
			continue
		}
		name := x.now.Path
		if name == "" {
			name = "built-in " + x.now.Name
		}
		problems.Add(diag.Problem{
			File:    file,
			Message: fmt.Sprintf("inputs: the %s has changed: the result was made from one with SHA-256 %s, %s has %s", x.kind, short(x.saved.SHA256), name, short(x.now.SHA256)),
			Hint:    fmt.Sprintf("name the right one with --%s, or make the result again", x.kind),
		})
	}
	return problems.Err()
}

// short is the beginning of a checksum, enough to tell two apart.
func short(sum string) string { return sum[:min(12, len(sum))] }

// data is the result as the report wants it.
func (l *loaded) data() *report.Data {
	return &report.Data{
		Inputs: l.result.Inputs, Accelerator: l.problem.Hardware, Graph: l.graph, Schedule: l.schedule,
		Allocation: l.allocation, Search: l.result.Search,
		LowerBound: l.result.LowerBound,
	}
}

// mappings are the mapping file of the result and that of the front which gives it
// too, as a run writes them.
func (l *loaded) mappings(d *report.Data) ([]report.File, error) {
	choice, err := l.choice()
	if err != nil {
		return nil, err
	}
	files := []report.File{{Name: report.MappingName, Write: chosen(l.problem.Mapping, choice, d.Title())}}
	for i := range d.Search.Front {
		if p := &d.Search.Front[i]; p.Chosen {
			files = append(files, report.File{Name: report.FrontMapping(i), Write: chosen(l.problem.Mapping, choice, frontTitle(d, p))})
		}
	}
	return files, nil
}

// choice is what was chosen, by what the result says of its settings and by its
// allocation. Nodes that a file put first are in the mapping alone, and taken from it.
func (l *loaded) choice() (mapping.Choice, error) {
	set := &l.result.Inputs.Settings
	c := mapping.Choice{
		Mode: l.result.Inputs.Mode, Stacks: set.Stacks, Cuts: l.options.Cuts, SplitWeights: set.SplitWeights, RecomputeHalo: set.RecomputeHalo,
		Order: set.Order, Prefetch: set.Prefetch, Transfers: set.Transfers, FetchOrder: set.FetchOrder, Given: mapping.Dimensions(),
	}
	if l.options.Mode == stream.LayerByLayer {
		c.Given = slices.DeleteFunc(c.Given, func(d mapping.Dimension) bool { return d == mapping.Stacks })
	}
	if c.Order == "" {
		c.Order = string(stream.ByStacks)
	}
	for i := range l.graph.Layers {
		layer := &l.graph.Layers[i]
		name := layer.Name
		if name == "" {
			name = fmt.Sprintf("%s#%d", layer.Type, layer.ID)
		}
		c.Cores = append(c.Cores, mapping.LayerCores{ID: layer.ID, Layer: name, Cores: l.allocation.Cores[i]})
	}
	listed := l.problem.Mapping.Choice != nil && len(l.problem.Mapping.Choice.First) > 0
	if !listed && slices.Contains(stream.Orders(), c.Order) {
		return c, nil
	}
	file := filepath.Join(l.dir, report.MappingName)
	if !isFile(file) {
		return c, nil // the comparison says that it is missing
	}
	saved, err := mapping.Load(file)
	if err == nil && saved.Choice != nil {
		c.First = saved.Choice.First
	}
	return c, err
}
