package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	stream "streamdse"
	"streamdse/internal/diag"
	"streamdse/internal/report"
	"streamdse/schedule"
	"streamdse/unit"
)

// verdict is what a check found out about a result folder.
type verdict struct {
	Folder           string              `json:"folder"`
	Valid            bool                `json:"valid"`
	ComputationNodes int                 `json:"computation_nodes"`
	Transfers        int                 `json:"transfers"`
	Latency          unit.Cycles         `json:"latency_cycles"`
	Broken           *brokenRule         `json:"broken,omitempty"`
	Differences      []report.Difference `json:"differences,omitempty"`
}

// brokenRule is the first rule that a schedule breaks.
type brokenRule struct {
	Rule    schedule.Rule `json:"rule"`
	Layer   string        `json:"layer,omitempty"` // and node, if it is about one
	Node    *int32        `json:"node,omitempty"`
	Time    unit.Cycles   `json:"time_cycles"`
	Message string        `json:"message"`
}

func checkCommand() *cobra.Command {
	f := &savedFlags{}
	c := &cobra.Command{
		Use:   "check DIR...",
		Short: "Verify saved results again, independently",
		Long: `Check reads result folders and the inputs they were made from, builds the graph of
computation nodes and their costs again, and verifies the saved schedule rule by rule:
data is where it is read, cores, links and memories are never asked for more than there
is, outputs are stored, energies are the sums of their events. No scheduler is involved.
Then it compares the saved figures, tables and mapping with those that follow from the
schedule; all of these files have to be there.

DIR is a result folder, or a folder of result folders. The exit status is 1 if a rule is
broken or a figure is wrong, 2 if a folder or an input cannot be read or has changed.`,
		Example: `  stream check outputs
  stream check outputs/resnet18-tpu_like_quad_core-fused
  stream check results/net-chip-fused --workload moved/net.onnx`,
		RunE: func(c *cobra.Command, args []string) error { return f.check(c, args) },
	}
	f.register(c)
	return c
}

func (f *savedFlags) check(c *cobra.Command, args []string) error {
	dirs, err := folders(c, args)
	if err != nil {
		return err
	}
	var unreadable diag.List
	var verdicts []*verdict
	broken := false
	costs := stream.NewCosts()
	for _, dir := range dirs {
		v, err := f.judge(c, dir, costs)
		var problems diag.List
		switch {
		case errors.As(err, &problems):
			unreadable = append(unreadable, problems...)
			continue
		case err != nil:
			return err
		}
		verdicts = append(verdicts, v)
		broken = broken || !v.Valid
		if !f.json {
			if err := f.show(c, v); err != nil {
				return err
			}
		}
	}
	if f.json {
		if verdicts == nil {
			verdicts = []*verdict{}
		}
		if err := writeJSON(c.OutOrStdout(), verdicts); err != nil {
			return err
		}
	}
	switch {
	case len(unreadable) > 0:
		return unreadable
	case broken:
		return errBroken
	}
	return nil
}

// judge checks one folder.
func (f *savedFlags) judge(c *cobra.Command, dir string, costs *stream.Costs) (*verdict, error) {
	l, err := f.load(dir)
	if err != nil {
		return nil, err
	}
	progress := newProgress(c.ErrOrStderr(), f.quiet)
	l.options.Costs, l.options.Progress, l.options.Log = costs, progress.update, logger(c)
	bound, err := stream.Check(c.Context(), l.problem, l.options, l.graph, l.allocation, l.schedule)
	progress.finish()
	v := &verdict{Folder: dir, ComputationNodes: len(l.graph.Nodes), Transfers: len(l.schedule.Transfers), Latency: l.schedule.Latency}
	var violation *schedule.Violation
	switch {
	case errors.As(err, &violation):
		v.Broken = &brokenRule{Rule: violation.Rule, Time: violation.Time, Message: violation.Error()}
		if n := violation.Node; n >= 0 {
			node := &l.graph.Nodes[n]
			v.Broken.Layer, v.Broken.Node = l.graph.Layers[node.Layer].Name, &node.Sub
		}
		return v, nil
	case err != nil:
		return nil, err
	}
	data := l.data()
	data.LowerBound = lowerBound(bound)
	l.options.Progress = nil
	if data.Costs, err = stream.NodeCosts(c.Context(), l.problem, l.options, l.graph); err != nil { // remembered
		return nil, err
	}
	if l.result.Bottlenecks != nil {
		causes := (&stream.Result{Graph: l.graph, Costs: data.Costs, Schedule: l.schedule}).Causes(l.problem)
		data.Causes = &causes
	}
	derived := report.NewResult(data)
	derived.WhatIf = l.result.WhatIf // of other schedules, which are not saved
	derived.FollowChosen()
	if v.Differences, err = report.Differences(l.result, derived); err != nil {
		return nil, err
	}
	mappingFiles, err := l.mappings(data)
	if err != nil {
		return nil, err
	}
	files, err := report.FileDifferences(dir, data, mappingFiles...)
	if err != nil {
		return nil, err
	}
	v.Differences = append(v.Differences, files...)
	v.Valid = len(v.Differences) == 0
	return v, nil
}

// show prints a verdict: what is wrong on standard error.
func (f *savedFlags) show(c *cobra.Command, v *verdict) error {
	if v.Broken != nil {
		fmt.Fprintf(c.ErrOrStderr(), "%s: %s\n", v.Folder, v.Broken.Message)
	}
	for _, d := range v.Differences {
		fmt.Fprintf(c.ErrOrStderr(), "%s: %s\n", v.Folder, d)
	}
	if !v.Valid || f.quiet {
		return nil
	}
	_, err := fmt.Fprintf(c.OutOrStdout(), "%s: valid: %d computation nodes and %d transfers in %d cycles obey every rule, and all figures follow from them\n",
		v.Folder, v.ComputationNodes, v.Transfers, v.Latency)
	return err
}
