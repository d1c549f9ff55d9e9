package report

import (
	"image/color"
	"io"
	"strconv"

	"streamdse/internal/critical"
	"streamdse/unit"
)

// EnergyPicture draws where the energy goes.
func EnergyPicture(w io.Writer, d *Data, o Options) error {
	parts := d.Energy(d.Breakdowns())
	total := float64(d.Schedule.Energy.Total())
	p := &barPicture{title: "energy of " + d.Title(), figures: headline(d)}
	g := barGroup{title: "energy by part", colours: PartColours()}
	for k, name := range EnergyPartNames() {
		if parts[k] == 0 {
			continue
		}
		b := stackBar{label: name, parts: make([]float64, numEnergyParts), text: humanEnergy(parts[k])}
		b.parts[k] = float64(parts[k])
		if total > 0 {
			b.text += "  " + share(float64(parts[k])/total)
		}
		g.bars = append(g.bars, b)
	}
	p.groups = append(p.groups, g)
	return p.write(w, o)
}

// share renders a fraction as a percentage, to a tenth of a percent.
func share(f float64) string {
	if f > 0 && f < 0.001 {
		return "<0.1 %"
	}
	return strconv.FormatFloat(100*f, 'f', 1, 64) + " %"
}

// LayersPicture draws how long the nodes of every layer take and what energy it
// takes. Where there are many layers, neighbours share a bar as they share a colour in
// the picture of the schedule.
func LayersPicture(w io.Writer, d *Data, o Options) error {
	legend := newLegend(d.Graph.Layers)
	rows := make([]Breakdown, len(legend.names))
	for i, b := range d.Breakdowns() {
		if b.Nodes == 0 {
			continue
		}
		r := &rows[legend.entry[i]]
		r.Busy += b.Busy
		for k := range b.Time {
			r.Time[k] += b.Time[k]
		}
		for k := range b.Energy {
			r.Energy[k] += b.Energy[k]
		}
	}
	timeColours := append(append([]color.RGBA{}, PartColours()[0], PartColours()[2], PartColours()[3], PartColours()[4]), PartColours()[7])
	time := barGroup{title: "cycles of nodes", colours: timeColours}
	energy := barGroup{title: "energy", colours: PartColours()}
	for i := range rows {
		r := &rows[i]
		time.bars = append(time.bars, stackBar{label: legend.names[i], parts: r.Time[:], text: scaled(float64(r.Busy), 1000, "", "k", "M", "G")})
		var parts []float64
		for _, e := range r.Energy {
			parts = append(parts, float64(e))
		}
		energy.bars = append(energy.bars, stackBar{label: legend.names[i], parts: parts, text: humanEnergy(r.Total())})
	}
	time.keys, time.colours = present(time.bars, TimePartNames(), time.colours)
	energy.keys, energy.colours = present(energy.bars, EnergyPartNames(), energy.colours)
	p := &barPicture{title: "layers of " + d.Title(), figures: headline(d), beside: true, groups: []barGroup{time, energy}}
	return p.write(w, o)
}

// present leaves out the parts that no bar has.
func present(bars []stackBar, names []string, colours []color.RGBA) (keys []string, kept []color.RGBA) {
	var list []int
	for k := range names {
		for i := range bars {
			if bars[i].parts[k] > 0 {
				list = append(list, k)
				break
			}
		}
	}
	for i := range bars {
		var parts []float64
		for _, k := range list {
			parts = append(parts, bars[i].parts[k])
		}
		bars[i].parts = parts
	}
	for _, k := range list {
		keys, kept = append(keys, names[k]), append(kept, colours[k])
	}
	return keys, kept
}

// ComparePicture draws the results of one problem in several modes beside each other.
func ComparePicture(w io.Writer, all []*Data, o Options) error {
	latency := barGroup{title: "latency, by what holds it up on the critical path; line: no schedule is faster", colours: resourceColours()}
	energy := barGroup{title: "energy; line: no schedule takes less", colours: PartColours()}
	edp := barGroup{title: "energy-delay product", colours: PartColours()}
	traffic := barGroup{title: "moved from and to off-chip memory", colours: PartColours()}
	for _, d := range all {
		label := modeName(d.Inputs.Mode)
		bound := d.LowerBound
		latency.bars = append(latency.bars, stackBar{label, pathParts(d), humanCycles(d.Schedule.Latency), float64(bound.Latency)})
		var parts []float64
		for _, e := range d.Energy(d.Breakdowns()) {
			parts = append(parts, float64(e))
		}
		energy.bars = append(energy.bars, stackBar{label, parts, humanEnergy(d.Schedule.Energy.Total()), float64(bound.Energy)})
		edp.bars = append(edp.bars, stackBar{label, []float64{d.Schedule.EDP()}, scientific(d.Schedule.EDP()) + " pJ·cycles", 0})
		var bits unit.Bits
		for i := range d.Schedule.Transfers {
			bits += offchipBits(d.Accelerator, &d.Schedule.Transfers[i])
		}
		traffic.bars = append(traffic.bars, stackBar{label, []float64{float64(bits)}, humanBytes(bits), 0})
	}
	latency.keys, latency.colours = present(latency.bars, []string{"not known", "cores compute", "links move data", "memories move data"}, latency.colours)
	energy.keys, energy.colours = present(energy.bars, EnergyPartNames(), energy.colours)
	p := &barPicture{groups: []barGroup{latency, energy, edp, traffic}}
	if len(all) > 0 {
		in := &all[0].Inputs
		p.title = in.Workload.Name + " on " + in.Hardware.Name
		p.figures = "every group of bars has its own scale"
	}
	return p.write(w, o)
}

// pathParts divides the latency by the kind of resource that holds it up.
func pathParts(d *Data) []float64 {
	parts := make([]float64, 4)
	for _, s := range critical.Shares(critical.New(d.Graph, d.Accelerator, d.Schedule).Path()) {
		parts[s.On.Kind] += float64(s.Cycles)
	}
	return parts
}

// resourceColours are the colours of kinds of resources.
func resourceColours() []color.RGBA {
	p := PartColours()
	return []color.RGBA{p[7], p[0], p[2], p[6]}
}
