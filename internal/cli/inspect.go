package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	stream "streamdse"
	"streamdse/hardware"
	"streamdse/internal/diag"
	"streamdse/internal/netplot"
	"streamdse/internal/report"
	"streamdse/mapping"
)

type inspectFlags struct {
	inputFlags
	json, csv bool
	plot      string
}

func inspectCommand() *cobra.Command {
	f := &inspectFlags{}
	c := &cobra.Command{
		Use:   "inspect [MODEL]",
		Short: "Print what was read: a workload, an accelerator, a mapping, as tables",
		Long: `Inspect prints what was understood of the inputs that are given, or of all three
defaults if none is. Of a workload it shows what every operator of the file has become: a
layer with its loop sizes, a part of one at no cost, or a movement of data between layers.
With --mapping generated it prints the mapping that is generated for the accelerator, as
YAML to be saved and edited, and nothing of the accelerator.`,
		Example: `  stream inspect net.onnx
  stream inspect net.onnx --plot net.svg
  stream inspect --workload resnet18 --activations node --json
  stream inspect mobilenetv2 --csv > layers.csv
  stream inspect --hardware tpu_like_quad_core
  stream inspect --hardware chip.yaml --mapping generated > chip.mapping.yaml`,
		Args: func(c *cobra.Command, args []string) error { return noArguments(c, args[min(1, len(args)):]) },
		RunE: func(c *cobra.Command, args []string) error { return f.run(c, args) },
	}
	f.register(c)
	c.Flags().BoolVar(&f.json, "json", false, "print as JSON")
	c.Flags().BoolVar(&f.csv, "csv", false, "print the workload's layers as comma-separated values")
	c.Flags().StringVar(&f.plot, "plot", "", "draw the workload's layers to this SVG `file`")
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
	if err := f.check(withWorkload); err != nil {
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
	problem, sources, err := stream.Load(inputs)
	if err != nil {
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
		draw := func(w io.Writer) error { return netplot.Write(w, problem.Workload) }
		if err := report.WriteFile(f.plot, draw); err != nil {
			return unwritable("plot", err)
		}
	}
	v := inspected{Hardware: problem.Hardware, Mapping: problem.Mapping}
	if problem.Workload != nil {
		v.network = describeNetwork(problem.Workload, sources.Workload.Operators)
	}
	switch out := c.OutOrStdout(); {
	case f.json:
		return writeJSON(out, v)
	case f.csv:
		return v.writeCSV(out)
	default:
		if err := v.print(out); err != nil {
			return err
		}
		_, err := out.Write(text)
		return err
	}
}

// check refuses flags that do not go together.
func (f *inspectFlags) check(withWorkload bool) error {
	var problems diag.List
	if f.json && f.csv {
		problems.Add(diag.Problem{Message: "inspect: --json and --csv are two formats", Hint: "leave one of them out"})
	}
	for flag, set := range map[string]bool{"csv": f.csv, "plot": f.plot != ""} {
		if set && !withWorkload {
			problems.Add(diag.Problem{Message: fmt.Sprintf("inspect: --%s shows a workload, and none is given", flag), Hint: "name one: stream inspect net.onnx"})
		}
	}
	slices.SortFunc(problems, func(a, b diag.Problem) int { return strings.Compare(a.Message, b.Message) })
	return problems.Err()
}

// inspected is what inspect shows.
type inspected struct {
	network
	Hardware *hardware.Accelerator `json:"hardware,omitempty"`
	Mapping  *mapping.Mapping      `json:"mapping,omitempty"`
}

func (v *inspected) print(out io.Writer) error {
	w := tableWriter(out)
	if v.Workload != "" {
		v.network.print(w)
	}
	if v.Hardware != nil {
		printHardware(w, v.Hardware)
	}
	if v.Mapping != nil {
		printMapping(w, v.Mapping)
	}
	return w.Flush()
}

func printHardware(w io.Writer, a *hardware.Accelerator) {
	fmt.Fprintf(w, "accelerator %s\n\ncore\tname\tarray\tunrolling\tmemories, lowest first\n", a.Name)
	for i := range a.Cores {
		c := &a.Cores[i]
		var array, unrolling, memories []string
		for d, size := range c.Sizes {
			array = append(array, fmt.Sprint(size))
			if d < len(c.Dataflow) {
				for _, u := range c.Dataflow[d] {
					unrolling = append(unrolling, fmt.Sprintf("%s %d", u.Dim, u.Factor))
				}
			}
		}
		for m := range c.Memories {
			memory := &c.Memories[m]
			var ops []string
			for _, op := range memory.Operands {
				ops = append(ops, op.String())
			}
			memories = append(memories, fmt.Sprintf("%s %s (%s)", memory.Name, memory.Size.Bytes(), strings.Join(ops, " ")))
		}
		name := c.Name
		if i == a.Offchip {
			name += " (off-chip)"
		}
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\n", c.ID, name, strings.Join(array, "x"), strings.Join(unrolling, ", "), strings.Join(memories, ", "))
	}
	fmt.Fprintf(w, "\nlink\tends\tbits/cycle\tpJ/cycle\n")
	for i, l := range a.Links {
		fmt.Fprintf(w, "%d\t%s\t%g\t%g\n", i, linkEnds(l), float64(l.Bandwidth), float64(l.UnitEnergy))
	}
	fmt.Fprintln(w)
}

func linkEnds(l hardware.Link) string {
	if l.Shared {
		return "shared by " + strings.Trim(fmt.Sprint(l.Members), "[]")
	}
	return fmt.Sprintf("%d -> %d", l.From, l.To)
}

func printMapping(w io.Writer, m *mapping.Mapping) {
	fmt.Fprintf(w, "mapping %s\n\nfor\tcores\tfixed\ttiles on a core\tparts over cores\n", m.Name)
	for _, e := range m.Entries {
		fmt.Fprintf(w, "%s\t%s\t%v\t%s\t%s\n", e.Name, strings.Trim(fmt.Sprint(e.Cores), "[]"), e.Fixed, tilings(e.Intra), tilings(e.Inter))
	}
	fmt.Fprintln(w)
}

func tilings(list []mapping.Tiling) string {
	var parts []string
	for _, t := range list {
		n := fmt.Sprint(t.Parts)
		switch {
		case t.Parts == mapping.All:
			n = "all"
		case t.Parts == mapping.Free:
			n = "*"
		case t.Size:
			n = "of size " + n
		}
		parts = append(parts, string(t.Dim)+" "+n)
	}
	return strings.Join(parts, ", ")
}
