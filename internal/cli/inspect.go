package cli

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	stream "streamdse"
	"streamdse/internal/diag"
	"streamdse/internal/netplot"
	"streamdse/internal/report"
	"streamdse/mapping"
)

type inspectFlags struct {
	inputFlags
	json, csv, quiet bool
	plot             string
}

func inspectCommand() *cobra.Command {
	f := &inspectFlags{}
	c := &cobra.Command{
		Use:   "inspect [MODEL]",
		Short: "Print what was read: a workload, an accelerator, a mapping, as tables",
		Long: `Inspect prints what was understood of the inputs that are given, or of all three
defaults if none is. Of a workload it shows what every operator of the file has become: a
layer with its loop sizes, a part of one at no cost, or a movement of data between layers.
With --plot it draws the network or, without one, the accelerator: where its cores are, how
they are linked, and the memories inside them.
With --mapping generated it prints the mapping that is generated for the accelerator, as
YAML to be saved and edited, and nothing of the accelerator.`,
		Example: `  stream inspect net.onnx
  stream inspect net.onnx --plot net.svg
  stream inspect --workload resnet18 --activations node --json
  stream inspect mobilenetv2 --csv > layers.csv
  stream inspect --hardware tpu_like_quad_core
  stream inspect --hardware chip.yaml --plot chip.png
  stream inspect --hardware chip.yaml --mapping generated > chip.mapping.yaml`,
		Args: func(c *cobra.Command, args []string) error { return noArguments(c, args[min(1, len(args)):]) },
		RunE: func(c *cobra.Command, args []string) error { return f.run(c, args) },
	}
	c.ValidArgsFunction = func(_ *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return beginning(begun, workloadsWithWords()), cobra.ShellCompDirectiveDefault
	}
	f.register(c)
	c.Flags().BoolVar(&f.json, "json", false, "print as JSON")
	c.Flags().BoolVar(&f.csv, "csv", false, "print the workload's layers as comma-separated values")
	c.Flags().BoolVar(&f.quiet, "quiet", false, "no tables: print nothing but problems, or what --json and --csv ask for")
	c.Flags().StringVar(&f.plot, "plot", "", "draw the workload's layers to this SVG `file` or, if none is given, the accelerator: .png, .svg or .pdf")
	return c
}

func (f *inspectFlags) run(c *cobra.Command, args []string) error {
	given := func(flag string) bool { return c.Flags().Changed(flag) }
	if len(args) == 1 && given("workload") {
		return diag.List{{Message: fmt.Sprintf("inspect: %q and --workload %q both name a workload", args[0], f.workload), Hint: "leave one of them out"}}
	}
	withWorkload := len(args) == 1 || given("workload")
	if len(args) == 1 {
		f.workload = args[0]
	}
	all := !withWorkload && !given("hardware") && !given("mapping")
	withWorkload = withWorkload || all
	if err := f.check(withWorkload, given("hardware")); err != nil {
		return err
	}
	inputs, _, err := f.inputs()
	if err != nil {
		return err
	}
	if !withWorkload {
		inputs.Workload = ""
	}
	if !all && !given("hardware") && !given("mapping") {
		inputs.Hardware = ""
	}
	loading := timed(logger(c), "load")
	problem, sources, err := stream.Load(inputs)
	if loading(); err != nil {
		return err
	}
	var text []byte
	if f.mapping == mapping.Generated && !f.json && !f.csv {
		if text, err = mapping.Generate(problem.Hardware); err != nil {
			return err
		}
		problem.Hardware, problem.Mapping = nil, nil
	}
	if !all && !given("hardware") {
		problem.Hardware = nil
	}
	if !all && !given("mapping") {
		problem.Mapping = nil
	}
	if f.plot != "" {
		if err := f.draw(problem); err != nil {
			return unwritable("plot", err)
		}
	}
	v := inspected{Schema: inspectSchema}
	if problem.Hardware != nil {
		v.Hardware = describeChip(problem.Hardware)
	}
	if problem.Mapping != nil {
		v.Mapping = describeMapping(problem.Mapping)
	}
	if problem.Workload != nil {
		v.network = describeNetwork(problem.Workload, sources.Workload.Operators)
	}
	return f.write(c.OutOrStdout(), &v, text)
}

// write prints what was read in the format that the flags ask for. text is the mapping
// that was generated, if that was asked for.
func (f *inspectFlags) write(out io.Writer, v *inspected, text []byte) error {
	switch {
	case f.json:
		return writeJSON(out, v)
	case f.csv:
		return v.writeCSV(out)
	case f.quiet:
		_, err := out.Write(text)
		return err
	default:
		if err := v.print(out); err != nil {
			return err
		}
		_, err := out.Write(text)
		return err
	}
}

// draw draws the workload or, without one, the accelerator.
func (f *inspectFlags) draw(p stream.Problem) error {
	if p.Workload != nil {
		return report.WriteFile(f.plot, func(w io.Writer) error { return netplot.Write(w, p.Workload) })
	}
	format, _ := plotFormat(f.plot)
	return report.WriteFile(f.plot, func(w io.Writer) error { return report.AcceleratorPicture(w, p.Hardware, format) })
}

// checkPlot refuses a picture of nothing, or in a format that there is not.
func (f *inspectFlags) checkPlot(withWorkload, withHardware bool) diag.List {
	var problems diag.List
	_, known := plotFormat(f.plot)
	switch {
	case f.plot == "":
	case !withWorkload && !withHardware:
		problems.Add(diag.Problem{Message: "inspect: --plot draws a workload or an accelerator, and none is given", Hint: "name one: stream inspect net.onnx --plot net.svg"})
	case withWorkload && !strings.EqualFold(filepath.Ext(f.plot), ".svg"):
		problems.Add(diag.Problem{Message: fmt.Sprintf("--plot %s: a workload is drawn as SVG", f.plot), Allowed: "a file name that ends in .svg",
			Hint: "an accelerator alone is drawn in other formats too: stream inspect --hardware chip.yaml --plot chip.png"})
	case !withWorkload && !known:
		problems.Add(diag.Problem{Message: fmt.Sprintf("--plot %s does not say which kind of picture it is", f.plot), Allowed: "a file name that ends in ." + strings.Join(report.Formats(), ", .")})
	}
	return problems
}

// check refuses flags that do not go together.
func (f *inspectFlags) check(withWorkload, withHardware bool) error {
	problems := f.checkPlot(withWorkload, withHardware)
	if f.json && f.csv {
		problems.Add(diag.Problem{Message: "inspect: --json and --csv are two formats", Hint: "leave one of them out"})
	}
	if f.csv && !withWorkload {
		problems.Add(diag.Problem{Message: "inspect: --csv shows a workload, and none is given", Hint: "name one: stream inspect net.onnx"})
	}
	slices.SortFunc(problems, func(a, b diag.Problem) int { return strings.Compare(a.Message, b.Message) })
	return problems.Err()
}

// inspected is what inspect shows.
type inspected struct {
	Schema string `json:"schema"`
	network
	Hardware *chip    `json:"hardware,omitempty"`
	Mapping  *allowed `json:"mapping,omitempty"`
}

// inspectSchema names the layout of what inspect prints as JSON.
const inspectSchema = "stream/inspect/v1"

func (v *inspected) print(out io.Writer) error {
	w := tableWriter(out)
	if v.Workload != "" {
		v.network.print(w)
	}
	if v.Hardware != nil {
		v.Hardware.print(w)
	}
	if v.Mapping != nil {
		v.Mapping.print(w)
	}
	return w.Flush()
}
