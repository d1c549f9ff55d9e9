package cli

import (
	"context"
	"encoding/json"
	"io"
	"path/filepath"

	stream "streamdse"
	"streamdse/internal/report"
)

// timing is the content of timing.json: wall-clock seconds, the only figures of
// a result folder that differ from run to run.
type timing struct {
	Load float64 `json:"load_seconds"` // reading the inputs
	Run  float64 `json:"run_seconds"`  // costs, search, schedule and its check
}

// reportData is a result as the report wants it. f is how the workload was read
// and the next node was chosen.
func reportData(p stream.Problem, s stream.Sources, f *runFlags, o stream.Options, r *stream.Result) *report.Data {
	input := func(s stream.Source) report.Input { return report.Input{Name: s.Name, SHA256: s.SHA256, Path: s.Path} }
	allocator := o.Allocator
	if o.Fixed != nil {
		allocator = "fixed"
	}
	order := f.order
	if order == string(stream.ByStacks) {
		order = ""
	}
	search := report.Search{Evaluations: r.Evaluations, Exhaustive: r.Exhaustive, Proven: r.Proven, AtLeast: r.Least, Interrupted: r.Interrupted}
	for _, s := range r.Front {
		search.Front = append(search.Front, report.Point{Latency: s.Latency, Energy: s.Energy})
	}
	causes := r.Causes(p)
	return &report.Data{
		Causes: &causes,
		Inputs: report.Inputs{
			Workload: input(s.Workload), Hardware: input(s.Hardware), Mapping: input(s.Mapping),
			Mode: string(r.Mode), Rules: o.Rules.Name, Seed: o.Seed, Objective: string(o.Objective),
			Settings: report.Settings{
				Split: cutTexts(o.Cuts, true), Tile: cutTexts(o.Cuts, false), SplitWeights: o.SplitWeights, RecomputeHalo: o.RecomputeHalo,
				Activations: f.activations, Dims: f.dims, Precision: f.precisions, UnknownOp: f.saved(),
				Stacks: o.Stacks, Search: string(o.Search), LPFLimit: o.LPFLimit,
				Order: order, Prefetch: o.Prefetch,
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
func save(output string, d *report.Data, as formats, t timing) (report.Saved, error) {
	dir := folder(output, d.Inputs.Workload.Name, d.Inputs.Hardware.Name, d.Inputs.Mode)
	files := append(append(report.Files(d), as.files(d)...), report.File{Name: "timing.json", Write: func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(t)
	}})
	saved := report.Saved{Mode: d.Inputs.Mode, Dir: dir}
	for _, f := range files {
		saved.Files = append(saved.Files, f.Name)
	}
	return saved, report.WriteFolder(context.Background(), dir, files)
}
