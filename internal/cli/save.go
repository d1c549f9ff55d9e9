package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	stream "streamdse"
	"streamdse/internal/report"
	"streamdse/mapping"
)

// timing is the content of timing.json: wall-clock seconds, the only figures of
// a result folder that differ from run to run.
type timing struct {
	Load float64 `json:"load_seconds"` // reading the inputs
	Run  float64 `json:"run_seconds"`  // costs, search, schedule and its check
}

// reportData is a result as the report wants it. f is how the workload was read
// and the next node was chosen.
func reportData(c *cobra.Command, p stream.Problem, s stream.Sources, f *runFlags, o stream.Options, r *stream.Result) *report.Data {
	input := func(s stream.Source) report.Input { return report.Input{Name: s.Name, SHA256: s.SHA256, Path: s.Path} }
	allocator := o.Allocator
	if o.Fixed != nil {
		allocator = "fixed"
	}
	order := r.Choice.Order
	switch {
	case o.First != nil && slices.Contains(f.given(c), mapping.Order):
		order = f.order
	case order == string(stream.ByStacks):
		order = ""
	}
	search := report.Search{
		Evaluations: r.Evaluations, Plans: r.Plans, Exhaustive: r.Exhaustive, Proven: r.Proven, AtLeast: r.Least,
		Interrupted: r.Interrupted && !r.TimedOut, TimedOut: r.TimedOut,
	}
	for i, s := range r.Front {
		search.Front = append(search.Front, report.Point{
			Latency: s.Latency, Energy: s.Energy, Memory: s.Memory, Chosen: i == r.Chosen, Mapping: report.FrontMapping(i),
		})
	}
	causes := r.Causes(p)
	return &report.Data{
		Causes: &causes,
		Inputs: report.Inputs{
			Workload: input(s.Workload), Hardware: input(s.Hardware), Mapping: input(s.Mapping),
			Mode: string(r.Mode), Rules: o.Rules.Name, Seed: o.Seed, Objective: string(o.Objective),
			Settings: report.Settings{
				Split: mapping.CutTexts(r.Choice.Cuts, true), Tile: mapping.CutTexts(r.Choice.Cuts, false), SplitWeights: r.Choice.SplitWeights, RecomputeHalo: o.RecomputeHalo,
				Activations: f.activations, Dims: f.dims, Precision: f.precisions, UnknownOp: f.saved(),
				Stacks: r.Choice.Stacks, Search: string(o.Search), LPFLimit: o.LPFLimit,
				Order: order, Prefetch: r.Choice.Prefetch, Transfers: r.Choice.Transfers, FetchOrder: r.Choice.FetchOrder,
				Explore: names(o.Explore), Pick: string(o.Pick), Limit: f.limits, TimeLimit: o.TimeLimit.Seconds(),
				Allocator: allocator, Evaluations: o.Evaluations, Generations: o.Generations, Individuals: o.Individuals,
			},
		},
		Accelerator: p.Hardware,
		Graph:       r.Graph,
		Schedule:    r.Schedule,
		Allocation:  r.Allocation,
		Costs:       r.Costs,
		LowerBound:  lowerBound(r.Bound),
		Search:      search,
	}
}

// lowerBound is a bound as the report wants it.
func lowerBound(b stream.Bound) report.LowerBound {
	return report.LowerBound{Latency: b.Latency, SetBy: b.SetBy, Energy: b.Energy, EnergySetBy: b.EnergySetBy, EDP: b.EDP()}
}

// folder is where a result goes.
func folder(output, workload, hardware, mode string) string {
	return filepath.Join(output, workload+"-"+hardware+"-"+mode)
}

// save writes the folder of a result. It is not cut short by an interrupt: that
// ended the search, and this keeps what it found.
func save(output string, d *report.Data, m *mapping.Mapping, r *stream.Result, as formats, t timing) (report.Saved, error) {
	dir := folder(output, d.Inputs.Workload.Name, d.Inputs.Hardware.Name, d.Inputs.Mode)
	files := append(append(report.Files(d), as.files(d)...), report.File{Name: report.MappingName, Write: chosen(m, r.Choice, d.Title())})
	for i := range r.Front {
		p := &d.Search.Front[i]
		files = append(files, report.File{Name: p.Mapping, Write: chosen(m, r.Front[i].Choice, frontTitle(d, p))})
	}
	files = append(files, report.File{Name: "timing.json", Write: func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(t)
	}})
	saved := report.Saved{Mode: d.Inputs.Mode, Dir: dir}
	for _, f := range files {
		if filepath.Dir(f.Name) == "." { // the folder of the front is listed by its table
			saved.Files = append(saved.Files, f.Name)
		}
	}
	return saved, report.WriteFolder(context.Background(), dir, files)
}

// frontTitle names a solution of the front.
func frontTitle(d *report.Data, p *report.Point) string {
	return fmt.Sprintf("%s, %d cycles, %v pJ, %d bits", d.Title(), p.Latency, p.Energy, p.Memory)
}

func names(list []mapping.Dimension) []string {
	var all []string
	for _, d := range list {
		all = append(all, string(d))
	}
	return all
}
