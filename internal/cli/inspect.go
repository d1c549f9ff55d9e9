package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	stream "streamdse"
	"streamdse/hardware"
	"streamdse/mapping"
	"streamdse/workload"
)

func inspectCommand() *cobra.Command {
	f := &inputFlags{}
	var asJSON bool
	c := &cobra.Command{
		Use:   "inspect [MODEL]",
		Short: "Print what was read: a workload, an accelerator, a mapping, as tables",
		Long: `Inspect prints what was understood of the inputs that are given, or of all three
defaults if none is. With --mapping generated it prints the mapping that is generated
for the accelerator, as YAML to be saved and edited, and nothing of the accelerator.`,
		Example: `  stream inspect net.onnx
  stream inspect --hardware tpu_like_quad_core
  stream inspect --hardware chip.yaml --mapping generated > chip.mapping.yaml
  stream inspect --workload resnet18 --activations node --json`,
		Args: func(c *cobra.Command, args []string) error { return noArguments(c, args[min(1, len(args)):]) },
	}
	f.register(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	c.RunE = func(c *cobra.Command, args []string) error {
		given := func(flag string) bool { return c.Flags().Changed(flag) }
		all := len(args) == 0 && !given("workload") && !given("hardware") && !given("mapping")
		if len(args) == 1 {
			f.workload = args[0]
		}
		inputs, _, err := f.inputs()
		if err != nil {
			return err
		}
		if !all {
			if len(args) == 0 && !given("workload") {
				inputs.Workload = ""
			}
			if !given("hardware") && !given("mapping") {
				inputs.Hardware = ""
			}
		}
		problem, _, err := stream.Load(inputs)
		if err != nil {
			return err
		}
		accelerator := problem.Hardware
		if !all && !given("hardware") {
			problem.Hardware = nil
		}
		if !all && !given("mapping") {
			problem.Mapping = nil
		}
		if asJSON {
			return writeJSON(c.OutOrStdout(), inspection(problem))
		}
		if f.mapping == mapping.Generated {
			text, err := mapping.Generate(accelerator)
			if err != nil {
				return err
			}
			problem.Hardware, problem.Mapping = nil, nil
			if err := printInspection(c.OutOrStdout(), problem); err != nil {
				return err
			}
			_, err = c.OutOrStdout().Write(text)
			return err
		}
		return printInspection(c.OutOrStdout(), problem)
	}
	return c
}

// layerRow is a line of the layer table.
type layerRow struct {
	ID             int              `json:"id"`
	Name           string           `json:"name"`
	Type           string           `json:"type"`
	Loops          []loopRow        `json:"loops"`
	MACs           int64            `json:"macs"`
	WeightBits     int64            `json:"weight_bits"`
	ActivationBits int64            `json:"input_bits"`
	OutputBits     int64            `json:"output_bits"`
	Precision      map[string]int64 `json:"precision_bits"`
	Folded         []string         `json:"folded,omitempty"`
}

type loopRow struct {
	Dim  string `json:"dim"`
	Size int    `json:"size"`
}

type inspected struct {
	Workload string                `json:"workload,omitempty"`
	Layers   []layerRow            `json:"layers,omitempty"`
	Hardware *hardware.Accelerator `json:"hardware,omitempty"`
	Mapping  *mapping.Mapping      `json:"mapping,omitempty"`
}

func inspection(p stream.Problem) inspected {
	v := inspected{Hardware: p.Hardware, Mapping: p.Mapping}
	if p.Workload != nil {
		v.Workload = p.Workload.Name
		for i := range p.Workload.Layers {
			v.Layers = append(v.Layers, describeLayer(&p.Workload.Layers[i]))
		}
	}
	return v
}

func describeLayer(l *workload.Layer) layerRow {
	row := layerRow{ID: l.ID, Name: l.Name, Type: l.Type, MACs: l.MACs(), Folded: l.Folded, Precision: map[string]int64{}}
	for _, d := range l.Dims {
		row.Loops = append(row.Loops, loopRow{string(d.Dim), d.Size})
	}
	for i := range l.Operands {
		o := &l.Operands[i]
		row.Precision[o.Name] = int64(o.FinalBits)
		bits := int64(l.Elements(o)) * int64(o.FinalBits)
		switch {
		case i == 0:
			row.OutputBits = bits
		case o.Source.Kind == workload.FromConstant:
			row.WeightBits += bits
		default:
			row.ActivationBits += bits
		}
	}
	return row
}

func printInspection(out io.Writer, p stream.Problem) error {
	w := tableWriter(out)
	if p.Workload != nil {
		fmt.Fprintf(w, "workload %s\n\nid\tname\ttype\tloops\tMACs\tweights\tinputs\toutput\tfolded in\n", p.Workload.Name)
		var macs, weights int64
		for i := range p.Workload.Layers {
			l := describeLayer(&p.Workload.Layers[i])
			var loops []string
			for _, d := range l.Loops {
				if d.Size > 1 {
					loops = append(loops, fmt.Sprintf("%s %d", d.Dim, d.Size))
				}
			}
			fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%d\t%s\t%s\t%s\t%s\n", l.ID, l.Name, l.Type, strings.Join(loops, " "), l.MACs,
				bytes(l.WeightBits), bytes(l.ActivationBits), bytes(l.OutputBits), strings.Join(l.Folded, ", "))
			macs += l.MACs
			weights += l.WeightBits
		}
		fmt.Fprintf(w, "\t%d layers\t\t\t%d\t%s\n\n", len(p.Workload.Layers), macs, bytes(weights))
	}
	if p.Hardware != nil {
		printHardware(w, p.Hardware)
	}
	if p.Mapping != nil {
		printMapping(w, p.Mapping)
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
			memories = append(memories, fmt.Sprintf("%s %s (%s)", memory.Name, bytes(int64(memory.Size)), strings.Join(ops, " ")))
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

// bytes prints a size in bits as bytes with a unit.
func bytes(bits int64) string {
	b := float64(bits) / 8
	for _, unit := range []string{"B", "KB", "MB", "GB"} {
		if b < 1024 || unit == "GB" {
			return fmt.Sprintf("%.4g %s", b, unit)
		}
		b /= 1024
	}
	return ""
}
