package report

import (
	"image/color"
	"io"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot/vg"

	"streamdse/loopnest"
	"streamdse/taskgraph"
)

// part is a piece of a bar.
type part struct {
	kind  int // index into a key
	value float64
}

// key is what the pieces of bars stand for.
type key struct {
	names   []string
	colours []color.RGBA
}

func (k *key) kind(name string, c func() color.RGBA) int {
	i := slices.Index(k.names, name)
	if i < 0 {
		i = len(k.names)
		k.names, k.colours = append(k.names, name), append(k.colours, c())
	}
	return i
}

// bar is a layer in the picture of a single-core result.
type bar struct {
	name            string
	latency, energy []part
	array           float64 // part of the array in use
	note            string  // instead of bars
}

func sumOf(parts []part) float64 {
	n := 0.0
	for _, p := range parts {
		n += p.value
	}
	return n
}

// Colours of operands; the levels of one get darker with their distance from the
// array. They differ in lightness as well as in hue.
func operandColour(operand, level, levels int) color.RGBA {
	base := [...]color.RGBA{{196, 92, 40, 255}, {38, 92, 158, 255}, {62, 132, 84, 255}}[operand%3]
	if levels == 1 {
		return base
	}
	return tint(base, 0.72*(1-float64(level)/float64(levels-1)))
}

// bars gathers the pieces of all layers with what they stand for.
func bars(d *CoreData) (all []bar, times, energies key) {
	layers := make([]taskgraph.Layer, len(d.Layers))
	for i := range d.Layers {
		layers[i].Layer = d.Layers[i].Layer
	}
	short := shortNames(layers)
	times = key{
		[]string{"compute", "stall", "onload", "offload"},
		[]color.RGBA{{96, 88, 142, 255}, {214, 84, 48, 255}, {240, 190, 90, 255}, {150, 150, 150, 255}},
	}
	energies = key{[]string{"operations"}, []color.RGBA{{90, 90, 90, 255}}}
	for i := range d.Layers {
		l := &d.Layers[i]
		b := bar{name: short[i]}
		if l.Evaluation == nil {
			b.note = "no mapping"
			all = append(all, b)
			continue
		}
		b.latency = []part{{0, l.Compute}, {1, l.Stall}, {2, l.Onload}, {3, l.Offload}}
		b.array = l.BusyFraction()
		b.energy = energyParts(l.Evaluation, func(operand, level int) int {
			u := &l.Operands[operand]
			memory := l.Core.Memories[u.Levels[level].Memory].Name
			return energies.kind(u.Name+" in "+memory, func() color.RGBA { return operandColour(operand, level, len(u.Levels)) })
		})
		all = append(all, b)
	}
	return all, times, energies
}

func energyParts(e *loopnest.Evaluation, kind func(operand, level int) int) []part {
	parts := []part{{0, float64(e.OperationEnergy)}}
	for i := range e.Operands {
		for j := range e.Operands[i].Levels {
			parts = append(parts, part{kind(i, j), float64(e.Operands[i].Levels[j].TotalEnergy)})
		}
	}
	return parts
}

// barChart is the layout of the picture: one row a layer, latency in the middle and
// energy at the right.
type barChart struct {
	typeface
	title, figures  string
	bars            []bar
	times, energies key
	row             vg.Length
	rows            vg.Length // top of the first
	panels          [2]rect
	height          vg.Length
}

// CorePicture draws the latency of every layer by cause and its energy by
// operand and memory, as bars.
func CorePicture(w io.Writer, d *CoreData, f Format) error {
	t, err := loadTypeface()
	if err != nil {
		return err
	}
	c := newBarChart(d, t)
	return render(w, f, pageWidth, c.height, func(v vg.Canvas) {
		c.draw(&sheet{typeface: t, canvas: v, height: c.height})
	})
}

func newBarChart(d *CoreData, t typeface) *barChart {
	r := NewCoreResult(d)
	c := &barChart{typeface: t, title: d.Inputs.Workload.Name + " on " + d.Inputs.Hardware.Name + ", layer after layer on core " + d.Inputs.Core}
	c.figures = exactCycles(r.Latency) + " cycles, " + humanEnergy(r.Energy) + ", mapped for " + d.Inputs.Objective + " by search " + d.Inputs.Search
	c.bars, c.times, c.energies = bars(d)
	labels := vg.Length(0)
	for _, b := range c.bars {
		labels = max(labels, t.regular.Width(b.name))
	}
	left := snap(edge + min(labels, labelLimit) + pad)
	busy := t.regular.Width("100 %") + 2*pad
	right := pageWidth - edge - t.regular.Width("0000")/2
	half := (right - left - busy - columnGap) / 2
	top := titleHeight + 1.5*lineStep
	c.row = 13
	if len(c.bars) > 40 {
		c.row = 10.5
	}
	c.rows = snap(top)
	bottom := snap(top + c.row*vg.Length(len(c.bars)) + 3)
	c.panels[0] = rect{left, c.rows, snap(left + half), bottom}
	c.panels[1] = rect{snap(left + half + busy + columnGap), c.rows, snap(right), bottom}
	lines := max(c.layLegend(&c.times, c.panels[0].left, c.energyLegend(), nil), c.layLegend(&c.energies, c.energyLegend(), right, nil))
	c.height = snap(bottom + axisHeight + pad + vg.Length(lines)*lineStep + edge)
	return c
}

func (c *barChart) draw(s *sheet) {
	s.heading(c.title, c.figures)
	c.panel(s, 0, "latency", "cycles", func(b *bar) []part { return b.latency }, &c.times)
	c.panel(s, 1, "energy", "pJ", func(b *bar) []part { return b.energy }, &c.energies)
	for i := range c.bars {
		b, r := &c.bars[i], c.rowOf(i, c.panels[0])
		s.text(s.regular, c.panels[0].left-pad, r.baseline(), atEnd, black, elide(s.regular, b.name, labelLimit))
		if b.note != "" {
			s.text(s.regular, c.panels[0].left+pad, r.baseline(), atStart, capacity, b.note)
			continue
		}
		s.text(s.regular, c.panels[1].left-columnGap, r.baseline(), atEnd, grey, busyText(b.array))
	}
	s.text(s.bold, c.panels[1].left-columnGap, c.panels[0].top-pad, atEnd, grey, "array")
	y := c.panels[0].bottom + axisHeight + pad
	place := func(k *key) func(i int, x vg.Length, line int) {
		return func(i int, x vg.Length, line int) {
			top := y + vg.Length(line)*lineStep
			s.fill(rect{x, snap(top + 1), x + swatch, snap(top + lineStep - 2)}, k.colours[i])
			s.text(s.regular, x+swatch+pad/2, top+textSize-1, atStart, black, elide(s.regular, k.names[i], legendEntry))
		}
	}
	c.layLegend(&c.times, c.panels[0].left, c.energyLegend(), place(&c.times))
	c.layLegend(&c.energies, c.energyLegend(), c.panels[1].right, place(&c.energies))
}

// busyText renders the part of the array in use.
func busyText(f float64) string {
	if f < 0.005 {
		return "<1 %"
	}
	return strconv.Itoa(int(math.Round(100*f))) + " %"
}

// entryWidth is what an entry of a legend takes.
func (c *barChart) entryWidth(k *key) vg.Length {
	return swatch + pad/2 + min(widest(c.regular, k.names...), legendEntry) + columnGap
}

// energyLegend is where the legend of the energies begins: right of that of the
// latency, which is one column.
func (c *barChart) energyLegend() vg.Length { return c.panels[0].left + c.entryWidth(&c.times) }

// layLegend places the entries of a key in columns between two borders and
// returns the number of lines.
func (c *barChart) layLegend(k *key, left, right vg.Length, place func(i int, x vg.Length, line int)) int {
	width := c.entryWidth(k)
	columns := max(1, int((right-left+columnGap)/width))
	lines := max((len(k.names)+columns-1)/columns, len(c.times.names))
	for i := range k.names {
		if place != nil {
			place(i, left+vg.Length(i/lines)*width, i%lines)
		}
	}
	return lines
}

func (c *barChart) rowOf(i int, panel rect) rect {
	top := snap(c.rows + 3 + c.row*vg.Length(i))
	return rect{panel.left, top, panel.right, snap(top + c.row - 3)}
}

// panel draws the bars of one figure with its axis.
func (c *barChart) panel(s *sheet, i int, title, unit string, of func(*bar) []part, k *key) {
	p := c.panels[i]
	longest := 0.0
	for j := range c.bars {
		longest = max(longest, sumOf(of(&c.bars[j])))
	}
	end, step, scale, prefix := barAxis(longest, 7)
	x := func(v float64) vg.Length { return snap(p.left + (p.right-p.left)*vg.Length(v/end)) }
	for n := 0; float64(n)*step <= end*1.0001; n++ {
		at := x(float64(n) * step)
		s.down(at, p.top, p.bottom, dot, pale)
		s.down(at, p.bottom, p.bottom+3, 2*dot, black)
		s.text(s.regular, at, p.bottom+3+textSize, atMiddle, black, strconv.FormatFloat(float64(n)*step/scale, 'f', -1, 64))
	}
	s.across(p.left, p.right, p.bottom, 2*dot, 0, black)
	s.text(s.regular, (p.left+p.right)/2, p.bottom+3+textSize+lineStep, atMiddle, black, title+" ("+unitName(prefix, unit)+")")
	s.text(s.bold, p.left, p.top-pad, atStart, black, title)
	for j := range c.bars {
		r := c.rowOf(j, p)
		from := 0.0
		for _, x0 := range of(&c.bars[j]) {
			if x0.value <= 0 {
				continue // offloading may come out below zero, see the model
			}
			left, right := x(from), x(from+x0.value)
			if right > left {
				s.fill(rect{left, r.top, right, r.bottom}, k.colours[x0.kind])
			}
			from += x0.value
		}
	}
	s.down(p.left, p.top, p.bottom, 2*dot, black)
}

// unitName puts a decimal prefix before a unit: "k cycles", "µJ" for 10^6 pJ.
func unitName(prefix int, unit string) string {
	if unit == "pJ" {
		return [...]string{"pJ", "nJ", "µJ", "mJ", "J"}[min(prefix, 4)]
	}
	return [...]string{"", "k ", "M ", "G ", "T "}[min(prefix, 4)] + unit
}

// barAxis returns the end of an axis from 0 that holds the value, the distance of
// its ticks, and the scale of its figures with the number of its prefix.
func barAxis(longest float64, limit int) (end, step, scale float64, prefix int) {
	if !(longest > 0) || math.IsInf(longest, 0) {
		return 1, 1, 1, 0
	}
	step = math.Pow(10, math.Floor(math.Log10(longest))-1)
	for _, m := range []float64{1, 2, 5, 10, 20, 50, 100} {
		if longest/(m*step) <= float64(limit) {
			step *= m
			break
		}
	}
	end = math.Ceil(longest/step-1e-9) * step
	scale = 1
	for end >= 2000*scale && prefix < 4 {
		scale *= 1000
		prefix++
	}
	return end, step, scale, prefix
}
