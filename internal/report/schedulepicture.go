package report

import (
	"image/color"
	"io"
	"slices"
	"strconv"

	"gonum.org/v1/plot/vg"

	"streamdse/unit"
)

// Options choose how pictures are made.
type Options struct {
	Format Format
	// Offchip adds the off-chip memory to the picture of the memories.
	Offchip bool
}

// chart is the layout of the picture of a schedule: every position, nothing drawn.
type chart struct {
	frame
	typeface
	data    *Data
	lanes   []lane
	rows    []rect // by lane
	plot    rect   // all rows
	legend  legend
	kinds   []kind // on the links, that need explaining
	keys    rect   // where they are explained
	entries []rect // by legend entry
	labels  rect   // all entries
	height  vg.Length
}

// Heights of rows, and of the gap between cores and links.
const (
	thickRow  = 14.4 * vg.Length(1)
	thinRow   = 12 * vg.Length(1)
	rowMargin = 1.2 * vg.Length(1) // at the top and at the bottom of a row
	rowGroup  = 6 * vg.Length(1)
)

func newChart(d *Data, t typeface, f frame, all []lane) *chart {
	c := &chart{frame: f, typeface: t, data: d, lanes: all, legend: newLegend(d.Graph.Layers)}
	for i, name := range c.legend.names {
		c.legend.names[i] = elide(t.regular, name, legendEntry)
	}
	y := snap(titleHeight + lineStep) // the line above the rows says what the figures at the right are
	c.plot = rect{f.left, y, f.right(), y}
	var present [numKinds]bool
	for i, l := range all {
		if i > 0 && !l.core && all[i-1].core {
			y += rowGroup
		}
		h := thinRow
		if l.thick {
			h = thickRow
		}
		c.rows = append(c.rows, rect{f.left, snap(y), f.right(), snap(y + h)})
		y += h
		for _, b := range l.boxes {
			present[b.kind] = true
		}
	}
	c.plot.bottom = snap(y + 2)
	y = c.plot.bottom + axisHeight

	for k := activation; int(k) < numKinds; k++ {
		if present[k] {
			c.kinds = append(c.kinds, k)
		}
	}
	if len(c.kinds) > 0 {
		y += 5
		c.keys = rect{edge, y, pageWidth - edge, y + lineStep}
		y += lineStep
	}

	// The layers, down the columns.
	y += 5
	var down int
	c.entries, down = c.grid(y)
	c.labels = rect{edge, y, pageWidth - edge, y + vg.Length(down)*lineStep}
	c.height = snap(c.labels.bottom + edge)
	return c
}

// grid places the legend entries down columns, each as wide as it needs to be, in
// as few lines as the width of the page allows.
func (c *chart) grid(top vg.Length) (entries []rect, lines int) {
	n := len(c.legend.names)
	widths := make([]vg.Length, n)
	for i, name := range c.legend.names {
		widths[i] = swatch + 3 + c.regular.Width(name)
	}
	const room = pageWidth - 2*edge
	for lines = 1; lines < n; lines++ {
		used := -columnGap
		for first := 0; first < n; first += lines {
			used += columnGap + slices.Max(widths[first:min(first+lines, n)])
		}
		if used <= room {
			break
		}
	}
	entries = make([]rect, n)
	left := vg.Length(edge)
	for first := 0; first < n; first += lines {
		last := min(first+lines, n)
		width := slices.Max(widths[first:last])
		for i := first; i < last; i++ {
			y := top + vg.Length(i-first)*lineStep
			entries[i] = rect{left, y, left + width, y + lineStep}
		}
		left += width + columnGap
	}
	return entries, lines
}

// box is the part of a row that boxes fill.
func (c *chart) box(row rect, from, to int) rect {
	return rect{c.x(from), snap(row.top + rowMargin), c.x(to), snap(row.bottom - rowMargin)}
}

// SchedulePicture draws what every core and every used link does over time.
func SchedulePicture(w io.Writer, d *Data, o Options) error {
	t, err := loadTypeface()
	if err != nil {
		return err
	}
	all := lanes(d)
	c := newChart(d, t, sharedFrame(d, t, all, o), all)
	return render(w, o.Format, pageWidth, c.height, func(v vg.Canvas) {
		c.draw(&sheet{typeface: t, canvas: v, height: c.height})
	})
}

func (c *chart) draw(s *sheet) {
	s.heading(c.data.Title(), headline(c.data))
	s.text(s.regular, pageWidth-edge, c.plot.top-2, atEnd, grey, "busy")
	for i := range c.rows {
		s.fill(c.box(c.rows[i], 0, c.columns), paper)
	}
	s.timeAxis(c.frame, c.plot, c.data)
	horizon := c.data.horizon()
	var lines hatching
	var notes []note
	for i := range c.lanes {
		l, row := &c.lanes[i], c.rows[i]
		s.text(s.regular, c.left-pad, row.baseline(), atEnd, black, elide(s.regular, l.name, labelLimit))
		s.text(s.regular, pageWidth-edge, row.baseline(), atEnd, grey, busyShare(l.busy, horizon))
		runs, cuts := merge(l.boxes, c.legend.entry, horizon, c.columns)
		for _, r := range runs {
			area, colour := c.box(row, r.from, r.to), c.colour(r)
			s.fill(area, colour)
			s.hatch(&lines, area, r.kind, colour)
			name := c.legend.names[r.colour]
			if width := s.regular.Width(name); width+4 <= area.right-area.left {
				notes = append(notes, note{area, width, colour, name})
			}
		}
		for _, k := range cuts {
			b := c.box(row, k, k)
			s.down(b.left, b.top, b.bottom, dot, white)
		}
	}
	s.stroke(&lines)
	for _, n := range notes {
		n.draw(s)
	}
	c.drawLegend(s)
}

// busyShare renders how much of the time a lane is busy, to a tenth of a percent.
func busyShare(busy, horizon unit.Cycles) string {
	percent := 100 * float64(busy) / float64(horizon)
	if busy > 0 && percent < 0.1 {
		return "<0.1 %"
	}
	return strconv.FormatFloat(percent, 'f', 1, 64) + " %"
}

// colour is the colour of a run; a reserved link is lighter than one that moves data.
func (c *chart) colour(r run) color.RGBA {
	if r.kind == streaming {
		return tint(c.legend.colours[r.colour], 0.4)
	}
	return c.legend.colours[r.colour]
}

// note is the name of a layer written into a box that has room for it.
type note struct {
	area   rect
	width  vg.Length
	colour color.RGBA
	name   string
}

func (n *note) draw(s *sheet) {
	x := (n.area.left + n.area.right) / 2
	half := n.width/2 + 1.5 // keep the hatch and cuts from crossing the text
	s.fill(rect{snap(x - half), n.area.top, snap(x + half), n.area.bottom}, n.colour)
	s.text(s.regular, x, n.area.baseline(), atMiddle, onto(n.colour), n.name)
}

func (c *chart) drawLegend(s *sheet) {
	var lines hatching
	sample := func(r rect, colour color.RGBA, k kind, name string) {
		area := rect{snap(r.left), snap(r.top + 1.5), snap(r.left + swatch), snap(r.bottom - 1.5)}
		s.fill(area, colour)
		s.hatch(&lines, area, k, colour)
		s.text(s.regular, area.right+3, r.baseline(), atStart, black, name)
	}
	x := c.keys.left
	if len(c.kinds) > 0 {
		s.text(s.regular, x, c.keys.baseline(), atStart, black, "on links:")
		x += s.regular.Width("on links:") + columnGap
	}
	for _, k := range c.kinds {
		colour := color.RGBA{96, 125, 139, 255}
		if k == streaming {
			colour = tint(colour, 0.4)
		}
		sample(rect{x, c.keys.top, x, c.keys.bottom}, colour, k, k.String())
		x += swatch + 3 + s.regular.Width(k.String()) + columnGap
	}
	for i, r := range c.entries {
		sample(r, c.legend.colours[i], computing, c.legend.names[i])
	}
	s.stroke(&lines)
}

// headline gives the figures of a result in a line.
func headline(d *Data) string {
	h := "latency " + humanCycles(d.Schedule.Latency) +
		"  ·  energy " + humanEnergy(d.Schedule.Energy.Total()) +
		"  ·  EDP " + scientific(d.Schedule.EDP()) + " pJ·cycles"
	if gap, ok := d.gap(); ok {
		h += "  ·  lower bound " + humanCycles(d.LowerBound.Latency) + " (gap " + humanPercent(gap) + ")"
	}
	return h
}
