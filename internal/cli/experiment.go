package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	stream "streamdse"
	"streamdse/internal/report"
)

// experiment is a run whose flags and inputs are read and checked, with what has come
// of it.
type experiment struct {
	flags   *runFlags
	command *cobra.Command
	problem stream.Problem
	sources stream.Sources
	modes   []stream.Mode
	options stream.Options
	formats formats
	loading time.Duration // how long it took to read the inputs

	// One a mode that has a result.
	results []*report.Result
	saved   []report.Saved
	shown   []*report.Data
	// ended is why there is no result of a mode, or not the best one.
	ended error
}

// prepare reads what the flags ask for and refuses what cannot be run.
func (f *runFlags) prepare(c *cobra.Command, repeat *repeated) (*experiment, error) {
	began := time.Now()
	if f.allocation != "" && f.mapping == "" {
		f.mapping = besideAllocation(f.allocation)
	}
	e := &experiment{flags: f, command: c}
	inputs, chosen, err := f.inputs()
	var optionsErr, formatErr error
	e.modes, e.options, optionsErr = f.options(c)
	e.formats, formatErr = f.formats(c)
	if err := both(both(err, optionsErr), formatErr); err != nil {
		return nil, err
	}
	e.options.Log = logger(c)
	loading := timed(e.options.Log, "load")
	e.problem, e.sources, err = stream.Load(inputs)
	if loading(); err == nil {
		err = repeat.unchanged(e.sources)
	}
	if err != nil {
		return nil, err
	}
	e.options.Rules = chosen
	if e.problem.Mapping != nil {
		if e.modes, e.options, err = f.adopt(c, e.problem.Mapping, e.modes, e.options); err != nil {
			return nil, err
		}
	}
	if !slices.Contains(e.modes, stream.Fused) {
		if err := f.fusedOnly(c, repeat, e.options.Cuts, e.problem.Workload).Err(); err != nil {
			return nil, err
		}
	}
	if e.options.Fixed, err = f.fixed(e.problem.Hardware); err != nil {
		return nil, err
	}
	e.loading = time.Since(began)
	if !f.quiet {
		warn(c.ErrOrStderr(), e.problem.Warnings())
		warn(c.ErrOrStderr(), e.problem.Unsplit(e.options))
	}
	if err := f.check(e.problem, e.sources, e.modes, e.options); err != nil {
		return nil, err
	}
	e.options.Costs = stream.NewCosts()
	return e, nil
}

// explore finds and saves the result of one mode, and says whether the next mode may
// follow. An error is a failure to save; why there is no result is in e.ended.
func (e *experiment) explore(mode stream.Mode) (goOn bool, err error) {
	ctx := e.command.Context()
	progress := newProgress(e.command.ErrOrStderr(), e.flags.quiet)
	o := e.options
	o.Mode, o.Progress = mode, progress.update
	started := time.Now()
	r, err := stream.Run(ctx, e.problem, o)
	progress.finish()
	var unmet *stream.Unmet
	if errors.As(err, &unmet) { // another mode may keep the limits
		e.ended = errors.Join(e.ended, fmt.Errorf("%s: %w", mode, err))
		return true, nil
	}
	if err != nil {
		e.ended = noAnswer(mode, err)
		if errors.Is(err, context.Canceled) && len(e.saved) > 0 {
			e.ended = fmt.Errorf("%w; %s has none yet", errInterrupted, mode)
		}
		return false, nil
	}
	data := reportData(e.command, e.problem, e.sources, e.flags, o, r)
	data.Inputs.Settings.Flags, data.Inputs.Settings.Files = e.flags.flags, e.flags.files
	if e.flags.whatIf && (!r.Interrupted || r.TimedOut) {
		data.WhatIf, err = trials(ctx, e.problem, o, r)
		if progress.finish(); err != nil && !errors.Is(err, context.Canceled) {
			return false, err
		}
		r.Interrupted = r.Interrupted || err != nil
		r.TimedOut = r.TimedOut && err == nil
	}
	timing := timing{Load: e.loading.Seconds(), Run: time.Since(started).Seconds()}
	saving := timed(o.Log, "save")
	s, err := save(e.flags.output, data, e.problem.Mapping, r, e.formats, timing)
	if saving(); err != nil {
		return false, err
	}
	e.results, e.saved, e.shown = append(e.results, report.NewResult(data)), append(e.saved, s), append(e.shown, data)
	if r.Interrupted && !r.TimedOut {
		e.ended = errInterrupted
		return false, nil
	}
	return true, nil
}

// show draws the results beside each other, and prints them as tables or as JSON.
func (e *experiment) show() error {
	compared, err := e.formats.together(e.flags.output, e.shown)
	if err != nil || len(e.results) == 0 {
		return err
	}
	out := e.command.OutOrStdout()
	switch {
	case e.flags.json:
		return report.WriteResults(out, e.results)
	case e.flags.quiet:
		return nil
	}
	if err := report.Summary(out, e.results, e.saved); err != nil {
		return err
	}
	for _, r := range e.results {
		if err := r.Explain(out); err != nil {
			return err
		}
	}
	if len(compared) > 0 {
		fmt.Fprintln(out, "both: "+strings.Join(compared, "  "))
	}
	return nil
}
