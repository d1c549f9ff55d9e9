package cli

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	stream "streamdse"
	"streamdse/unit"
	"streamdse/workload"
)

// network is what inspect shows of a workload.
type network struct {
	Workload  string        `json:"workload,omitempty"`
	Layers    []layerRow    `json:"layers,omitempty"`
	Totals    *totals       `json:"totals,omitempty"`
	Operators []operatorRow `json:"operators,omitempty"`
	Notes     []string      `json:"notes,omitempty"`
}

// layerRow is a line of the layer table.
type layerRow struct {
	ID             int              `json:"id"`
	Name           string           `json:"name"`
	Type           string           `json:"type"`
	Part           string           `json:"part,omitempty"`
	Loops          []loopRow        `json:"loops"`
	MACs           int64            `json:"macs"`
	WeightBits     int64            `json:"weight_bits"`
	ActivationBits int64            `json:"input_bits"`
	OutputBits     int64            `json:"output_bits"`
	Precision      map[string]int64 `json:"precision_bits"`
	PartialSum     int64            `json:"partial_sum_bits"`
	Reads          []readRow        `json:"reads,omitempty"`
	Folded         []string         `json:"folded,omitempty"`
}

type loopRow struct {
	Dim  string `json:"dim"`
	Size int    `json:"size"`
}

// readRow says where an operand, or a part of it, comes from.
type readRow struct {
	Operand string `json:"operand"`
	// Layer is the id of the producing layer, nil for a network input.
	Layer *int   `json:"layer,omitempty"`
	Input string `json:"input,omitempty"` // its name
	// Moves are the operators that move the data on the way.
	Moves []string `json:"moves,omitempty"`
}

type totals struct {
	Layers         int   `json:"layers"`
	MACs           int64 `json:"macs"`       // of convolutions and matrix products
	Operations     int64 `json:"operations"` // of all loop nests
	WeightBits     int64 `json:"weight_bits"`
	ActivationBits int64 `json:"activation_bits"`
}

// operatorRow counts the nodes of an operator and what they have become.
type operatorRow struct {
	Type   string `json:"type"`
	Nodes  int    `json:"nodes"`
	Layers int    `json:"layers"` // that they have become
	Folded int    `json:"folded"` // merged into a layer
}

func describeNetwork(w *workload.Workload, operators []stream.Operator) network {
	t := w.Totals()
	v := network{
		Workload: w.Name, Notes: w.Notes,
		Totals: &totals{t.Layers, t.MACs, t.Operations, int64(t.Weights), int64(t.Activations)},
	}
	layers, folded := map[string]int{}, map[string]int{}
	for i := range w.Layers {
		l := &w.Layers[i]
		v.Layers = append(v.Layers, describeLayer(w, l))
		layers[l.Type]++
		for _, f := range l.Folded {
			kind, _, _ := strings.Cut(f, " ")
			folded[kind]++
		}
	}
	for _, o := range operators {
		kind := o.Type[strings.LastIndex(o.Type, ".")+1:] // layers do not name the domain
		v.Operators = append(v.Operators, operatorRow{o.Type, o.Nodes, layers[kind], folded[kind]})
	}
	return v
}

func describeLayer(w *workload.Workload, l *workload.Layer) layerRow {
	row := layerRow{ID: l.ID, Name: l.Name, Type: l.Type, Part: l.Part, MACs: l.MACs(), Folded: l.Folded, Precision: map[string]int64{}}
	for _, d := range l.Dims {
		row.Loops = append(row.Loops, loopRow{string(d.Dim), d.Size})
	}
	for i := range l.Operands {
		o := &l.Operands[i]
		row.Precision[o.Name] = int64(o.FinalBits)
		bits := l.Elements(o) * int64(o.FinalBits)
		switch {
		case i == 0:
			row.OutputBits, row.PartialSum = bits, int64(o.Bits)
			continue
		case o.Source.Kind == workload.FromConstant:
			row.WeightBits += bits
			continue
		}
		row.ActivationBits += bits
		for _, s := range o.Source.Origins() {
			r := readRow{Operand: o.Name}
			switch s.Kind {
			case workload.FromLayer:
				r.Layer = &w.Layers[s.Layer].ID
			case workload.FromInput:
				r.Input = s.Tensor
			default:
				continue
			}
			for _, m := range s.Via {
				if m.Kind != workload.Transparent {
					r.Moves = append(r.Moves, m.Type)
				}
			}
			row.Reads = append(row.Reads, r)
		}
	}
	return row
}

func (v *network) print(w io.Writer) {
	fmt.Fprintf(w, "workload %s\n\nid\tname\ttype\tloops\tMACs\tweights\tinputs\toutput\tbits\treads\tfolded in\n", v.Workload)
	for i := range v.Layers {
		l := &v.Layers[i]
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\n", l.ID, l.Name, l.kind(), l.loops(2, " "), l.MACs,
			unit.Bits(l.WeightBits).Bytes(), unit.Bits(l.ActivationBits).Bytes(), unit.Bits(l.OutputBits).Bytes(),
			l.precision(), l.reads(", "), strings.Join(l.Folded, ", "))
	}
	t := v.Totals
	fmt.Fprintf(w, "\t%d layers\t\t\t%d\t%s\t\t%s\n\n", t.Layers, t.Operations, unit.Bits(t.WeightBits).Bytes(), unit.Bits(t.ActivationBits).Bytes())
	fmt.Fprintf(w, "%d MACs in convolutions and matrix products\n\n", t.MACs)
	fmt.Fprintf(w, "operator\tnodes\tlayers\tfolded in\n")
	for _, o := range v.Operators {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\n", o.Type, o.Nodes, o.Layers, o.Folded)
	}
	fmt.Fprintln(w)
	for _, n := range v.Notes {
		fmt.Fprintf(w, "note: %s\n", n)
	}
	if len(v.Notes) > 0 {
		fmt.Fprintln(w)
	}
}

func (l *layerRow) kind() string {
	if l.Part == "" {
		return l.Type
	}
	return l.Type + " " + l.Part
}

// loops writes the loops of at least the given size.
func (l *layerRow) loops(least int, between string) string {
	var list []string
	for _, d := range l.Loops {
		if d.Size >= least {
			list = append(list, d.Dim+between+strconv.Itoa(d.Size))
		}
	}
	return strings.Join(list, " ")
}

// precision writes the bits of the inputs, of a partial sum and of an output.
func (l *layerRow) precision() string {
	var list []string
	for name, bits := range l.Precision {
		if name != "O" && bits > 0 {
			list = append(list, fmt.Sprintf("%s %d", name, bits))
		}
	}
	slices.Sort(list)
	out := fmt.Sprintf("O %d", l.Precision["O"])
	if l.PartialSum != l.Precision["O"] {
		out = fmt.Sprintf("O %d/%d", l.PartialSum, l.Precision["O"])
	}
	return strings.Join(append(list, out), " ")
}

// reads writes what the inputs are read from.
func (l *layerRow) reads(between string) string {
	var list []string
	for _, r := range l.Reads {
		from := strconv.Quote(r.Input)
		if r.Layer != nil {
			from = strconv.Itoa(*r.Layer)
		}
		if len(r.Moves) > 0 {
			from += " (" + strings.Join(r.Moves, ", ") + ")"
		}
		list = append(list, r.Operand+": "+from)
	}
	return strings.Join(list, between)
}

// writeCSV writes one line a layer.
func (v *network) writeCSV(out io.Writer) error {
	w := csv.NewWriter(out)
	records := [][]string{{
		"id", "name", "type", "part", "loops", "macs", "weight_bits", "input_bits", "output_bits",
		"bits_i", "bits_w", "bits_o", "bits_partial_sum", "reads", "folded",
	}}
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	for i := range v.Layers {
		l := &v.Layers[i]
		records = append(records, []string{
			strconv.Itoa(l.ID), l.Name, l.Type, l.Part, l.loops(1, "="), number(l.MACs),
			number(l.WeightBits), number(l.ActivationBits), number(l.OutputBits),
			number(l.Precision["I"]), number(l.Precision["W"]), number(l.Precision["O"]), number(l.PartialSum),
			l.reads("; "), strings.Join(l.Folded, "; "),
		})
	}
	if err := w.WriteAll(records); err != nil {
		return err
	}
	return w.Error()
}
