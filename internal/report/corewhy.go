package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"streamdse/hardware"
	"streamdse/loopnest"
	"streamdse/unit"
)

// stallResult says in words what holds the computation up, nil if nothing does.
func stallResult(e *loopnest.Evaluation, core *hardware.Core) *StallResult {
	p := e.StallingPort()
	if p == nil {
		return nil
	}
	m := &core.Memories[p.Memory]
	a := p.Culprit()
	r := &StallResult{Cycles: p.Stall, Memory: m.Name, Port: m.Ports[p.Port].Name, Operand: a.Operand, Moving: a.Direction.String()}
	what := fmt.Sprintf("operand %s takes %s to go %s %s", a.Operand, inCycles(a.Real), moving(a.Direction), m.Name)
	if a.Excess() > 0 {
		r.Why = fmt.Sprintf("%s, but may take %s of every %s", what, exact(a.Allowed), exact(a.Period))
	} else {
		r.Why = fmt.Sprintf("%s operands share port %s and need it at the same time; %s, %s times", sharers(p), r.Port, what, exact(a.Count))
	}
	return r
}

// sharers lists the operands that a port serves during the computation.
func sharers(p *loopnest.PortUse) string {
	var names []string
	seen := map[string]bool{}
	for _, a := range p.Activities {
		if !seen[a.Operand] {
			seen[a.Operand] = true
			names = append(names, a.Operand)
		}
	}
	if len(names) == 1 {
		return "several transfers of " + names[0] + ","
	}
	return strings.Join(names, ", ")
}

func inCycles(n int64) string {
	if n == 1 {
		return "1 cycle"
	}
	return exact(n) + " cycles"
}

func moving(d hardware.Direction) string {
	return [...]string{"down from", "up into", "up from", "down into"}[d]
}

// rows is a plain table: the first column is aligned left, the others right
// unless their heading begins with "<".
type rows [][]string

func (t rows) write(w io.Writer) error {
	widths := make([]int, len(t[0]))
	left := make([]bool, len(t[0]))
	for i, h := range t[0] {
		left[i] = i == 0 || strings.HasPrefix(h, "<")
		t[0][i] = strings.TrimPrefix(h, "<")
	}
	for _, row := range t {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for _, row := range t {
		var line strings.Builder
		for i, cell := range row {
			fill := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i > 0 {
				line.WriteString("  ")
			}
			if left[i] {
				line.WriteString(cell + fill)
			} else {
				line.WriteString(fill + cell)
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// CoreSummary writes one line for every layer and the totals.
func CoreSummary(w io.Writer, r *CoreResult) error {
	fmt.Fprintf(w, "%s on %s, core %s: search %s, %s allocation, %s model, objective %s\n\n",
		r.Inputs.Workload.Name, r.Inputs.Hardware.Name, r.Inputs.Core, r.Inputs.Search, r.Inputs.Allocation, r.Inputs.Model, r.Inputs.Objective)
	t := rows{{"layer", "<type", "MACs", "<spatial", "<temporal, innermost first", "energy", "latency", "stall", "on+offload", "array used", "<limited by", "<optimum"}}
	var total LayerLatency
	var macs, ideal int64
	for i := range r.Layers {
		l := &r.Layers[i]
		if l.Reason != "" {
			continue
		}
		t = append(t, []string{
			l.Name, l.Type, exact(l.MACs), l.Spatial.String(), loopText(l.Temporal), humanEnergy(l.Energy), exactCycles(l.Latency.Total),
			exactCycles(l.Latency.Stall), exactCycles(l.Latency.Onload + l.Latency.Offload), humanPercent(l.Utilization.WithLoading),
			l.limit(), l.proof(),
		})
		total.Stall += l.Latency.Stall
		total.Onload += l.Latency.Onload + l.Latency.Offload
		macs += l.MACs
		ideal += l.Ideal
	}
	if len(t) > 1 {
		used := humanPercent(float64(ideal) / r.Latency)
		t = append(t, []string{"total", "", exact(macs), "", "", humanEnergy(r.Energy), exactCycles(r.Latency), exactCycles(total.Stall), exactCycles(total.Onload), used, "", ""})
		if err := t.write(w); err != nil {
			return err
		}
		fmt.Fprintf(w, "\nenergy %s pJ, latency %s cycles, EDP %s pJ·cycles\n", exactFloat(float64(r.Energy)), exactCycles(r.Latency), scientific(r.EDP))
	}
	if a := r.InMemory; a != nil {
		fmt.Fprintf(w, "array that computes in memory: clock period %s ns, area %s mm², %s cycles an operation, peak %s TOP/s and %s TOP/s/W\n",
			significant(a.Clock), significant(a.Area), significant(a.CyclesPerOperation), significant(a.PeakTOPS), significant(a.PeakTOPSPerWatt))
	}
	if r.Unmapped > 0 {
		fmt.Fprintf(w, "\nwithout a mapping, and not in the totals:\n")
		for i := range r.Layers {
			if l := &r.Layers[i]; l.Reason != "" {
				fmt.Fprintf(w, "  %s (%s): %s\n", l.Name, l.Type, l.Reason)
			}
		}
	}
	return nil
}

// limit names what the layer waits for most.
func (l *LayerResult) limit() string {
	if l.Stall != nil && l.Latency.Stall > 0.01*l.Latency.Total {
		return fmt.Sprintf("%s of %s, %s", l.Stall.Port, l.Stall.Memory, l.Stall.Operand)
	}
	return l.Roofline.Bound
}

func (l *LayerResult) proof() string {
	if l.OpenTie {
		return "proven, but for ties"
	}
	if l.Proven {
		return "proven"
	}
	if l.Gap > 0 {
		return "within " + humanPercent(l.Gap)
	}
	return "best of " + exact(l.Evaluated)
}

// String lists an unrolling, e.g. "D1: K 32; D2: C 20/32" for 32 asked, 20 used.
func (s SpatialResult) String() string {
	var axes []string
	for i := 1; len(axes) < len(s) && i < 100; i++ {
		d := "D" + strconv.Itoa(i)
		list, ok := s[d]
		if !ok {
			continue
		}
		var loops []string
		for _, u := range list {
			if u.Factor == 1 {
				continue
			}
			text := string(u.Dim) + " " + significant(u.Used)
			if u.Used != float64(u.Factor) {
				text += "/" + strconv.Itoa(u.Factor)
			}
			loops = append(loops, text)
		}
		if len(loops) == 0 {
			loops = []string{"-"}
		}
		axes = append(axes, strings.Join(loops, " "))
	}
	return strings.Join(axes, " | ")
}

func loopText(loops []LoopResult) string {
	var s []string
	for _, l := range loops {
		s = append(s, fmt.Sprintf("%s %d", l.Dim, l.Size))
	}
	return strings.Join(s, " ")
}

// exactCycles renders a number of cycles, which may have a fraction.
func exactCycles(c float64) string {
	return strings.TrimSuffix(exactFloat(c), ".0")
}

// Explain writes why a layer costs what it costs.
func Explain(w io.Writer, l *LayerResult) error {
	fmt.Fprintf(w, "layer %s (%s): %s\n", l.Name, l.Type, loopText(l.Loops))
	if l.Reason != "" {
		_, err := fmt.Fprintf(w, "no mapping: %s\n", l.Reason)
		return err
	}
	fmt.Fprintf(w, "unrolled over the array: %s\n", l.Spatial)
	if l.Locality != nil {
		fmt.Fprintf(w, "data stays in: activations %s, weights %s, output %s\n", l.Locality.Activations, l.Locality.Weights, l.Locality.Output)
	}
	fmt.Fprintln(w)
	total := l.Latency.Total
	t := rows{{"latency", "cycles", "share", "<why"}}
	share := func(x float64) string { return humanPercent(x / total) }
	stall := "no port is late"
	if l.Stall != nil {
		stall = fmt.Sprintf("%s of %s: %s", l.Stall.Port, l.Stall.Memory, l.Stall.Why)
	}
	t = append(t,
		[]string{"compute", exactCycles(l.Latency.Compute), share(l.Latency.Compute), fmt.Sprintf("%s MACs, %s of the array used by the unrolling", exact(l.MACs), humanPercent(l.Utilization.Spatial))},
		[]string{"stall", exactCycles(l.Latency.Stall), share(l.Latency.Stall), stall},
		[]string{"onload", exactCycles(l.Latency.Onload), share(l.Latency.Onload), "first fill of the memories, as far as it cannot be hidden"},
		[]string{"offload", exactCycles(l.Latency.Offload), share(l.Latency.Offload), "last outputs on their way to the highest memory"},
		[]string{"total", exactCycles(total), share(total), fmt.Sprintf("%s of the array used; with stalls only %s", humanPercent(l.Utilization.WithLoading), humanPercent(l.Utilization.WithStalls))})
	if err := t.write(w); err != nil {
		return err
	}
	if err := l.energyTable().write(line(w)); err != nil {
		return err
	}
	if err := l.memoryTable().write(line(w)); err != nil {
		return err
	}
	fmt.Fprintf(w, "\nroofline: the array does %s MACs a cycle, the part that is unrolled on %s, the layer reaches %s; bound by %s\n",
		significant(l.Roofline.Peak), significant(l.Roofline.Unrolled), significant(l.Roofline.Achieved), bound(l.Roofline.Bound))
	if err := l.roofTable().write(w); err != nil {
		return err
	}
	if t := l.portTable(); len(t) > 1 {
		return t.write(line(w))
	}
	return nil
}

func bound(by string) string {
	switch by {
	case "array", "unrolling":
		return "the " + by
	}
	return by
}

// line starts a new paragraph.
func line(w io.Writer) io.Writer {
	fmt.Fprintln(w)
	return w
}

func (l *LayerResult) energyTable() rows {
	head := []string{"energy"}
	var memories []string
	column := map[string]int{}
	for _, o := range l.Operands {
		for _, u := range o.Levels {
			if _, ok := column[u.Memory]; !ok {
				column[u.Memory] = len(memories)
				memories = append(memories, u.Memory)
			}
		}
	}
	t := rows{append(append(head, memories...), "total", "share")}
	for _, o := range l.Operands {
		row := make([]string, len(memories)+3)
		row[0] = o.Name
		for _, u := range o.Levels {
			row[1+column[u.Memory]] = humanEnergy(u.Energy)
		}
		row[len(row)-2], row[len(row)-1] = humanEnergy(o.Energy), humanPercent(float64(o.Energy/l.Energy))
		t = append(t, row)
	}
	last := func(name string, e unit.Picojoules) []string {
		row := make([]string, len(memories)+3)
		row[0], row[len(row)-2], row[len(row)-1] = name, humanEnergy(e), humanPercent(float64(e/l.Energy))
		return row
	}
	return append(t, last("operations", l.OperationEnergy), last("total", l.Energy))
}

func (l *LayerResult) memoryTable() rows {
	t := rows{{"operand", "<memory", "<loops, innermost first", "holds", "of the memory", "instances", "<double buffered"}}
	for _, o := range l.Operands {
		for _, u := range o.Levels {
			buffered := "no"
			if u.DoubleBuffered {
				buffered = "yes"
			}
			loops := loopText(u.Loops)
			if loops == "" {
				loops = "-"
			}
			t = append(t, []string{o.Name, u.Memory, loops, humanBytes(u.Bits), humanPercent(u.Utilization), exact(u.Instances), buffered})
		}
	}
	return t
}

func (l *LayerResult) roofTable() rows {
	t := rows{{"port", "<memory", "bits moved", "MACs/bit", "bits/cycle", "MACs/cycle", "least cycles"}}
	for _, x := range l.Roofline.Roofs {
		t = append(t, []string{x.Port, x.Memory, exactCycles(x.Bits), significant(x.Intensity), exactCycles(float64(x.Bandwidth)), significant(x.Limit), exactFloat(x.Cycles)})
	}
	return t
}

// portTable lists the duties of every port that has more than one transfer.
func (l *LayerResult) portTable() rows {
	t := rows{{"port", "<memory", "<moves", "takes", "may take", "of every", "times", "stall (slack) of the port"}}
	for _, p := range l.Ports {
		for i, a := range p.Activities {
			name, memory, stall := p.Port, p.Memory, exact(p.Stall)
			if i > 0 {
				name, memory, stall = "", "", ""
			}
			t = append(t, []string{name, memory, a.Operand + " " + movement(a.Direction), exact(a.Real), exact(a.Allowed), exact(a.Period), exact(a.Count), stall})
		}
	}
	return t
}

// movement puts a direction, as files write it, in words.
func movement(direction string) string {
	switch direction {
	case "tl":
		return "out to below"
	case "fl":
		return "in from below"
	case "th":
		return "out to above"
	}
	return "in from above"
}
