package report

import (
	"io"
	"math"
	"slices"

	"gonum.org/v1/plot/vg"

	"streamdse/hardware"
	"streamdse/schedule"
	"streamdse/unit"
)

// pool is one row of the picture of the memories.
type pool struct {
	curve    schedule.Curve
	label    []string // lines at the left
	peak     unit.Bits
	capacity unit.Bits // 0: no capacity line
}

// pools lists the memories that are ever used.
func pools(d *Data, offchip bool) []pool {
	var all []pool
	for i := range d.Accelerator.Stores {
		st := &d.Accelerator.Stores[i]
		p := pool{curve: d.Schedule.Memories[i], peak: d.Schedule.Memories[i].Peak(), capacity: st.Capacity}
		if offchipStore(d.Accelerator, st) {
			if !offchip {
				continue
			}
			p.capacity = 0
		}
		if p.peak <= 0 {
			continue
		}
		p.label = []string{owner(d.Accelerator, st), st.Name}
		all = append(all, p)
	}
	return all
}

// owner names the core, or the cores, that a memory belongs to.
func owner(a *hardware.Accelerator, st *hardware.Store) string {
	if len(st.Cores) == 1 {
		return coreName(&a.Cores[st.Cores[0]])
	}
	return coreList(st.Cores)
}

// limit is the text at the capacity line, highest that at the peak.
func (p *pool) limit() string { return humanBytes(p.capacity) }

func (p *pool) highest() string { return humanBytes(p.peak) }

// sharedFrame leaves room for the labels of both pictures, so that their time
// axes line up.
func sharedFrame(d *Data, t typeface, all []lane, o Options) frame {
	var labels []string
	figures := []string{"100.0 %"}
	for _, l := range all {
		labels = append(labels, l.name)
	}
	for _, p := range pools(d, o.Offchip) {
		labels = append(labels, p.label...)
		figures = append(figures, p.limit(), p.highest())
	}
	return newFrame(min(widest(t.regular, labels...), labelLimit), widest(t.regular, figures...))
}

// gauge is the layout of the picture of the memories.
type gauge struct {
	frame
	typeface
	data   *Data
	pools  []pool
	rows   []rect // by pool, from empty (bottom) to full (top)
	plot   rect
	height vg.Length
}

func newGauge(d *Data, t typeface, f frame, all []pool) *gauge {
	g := &gauge{frame: f, typeface: t, data: d, pools: all}
	row, gap := vg.Length(44), vg.Length(9)
	if len(all) > 12 {
		row, gap = 26, 6
	}
	y := snap(titleHeight + lineStep - 4)
	g.plot = rect{f.left, y, f.right(), y}
	for range all {
		y += gap
		g.rows = append(g.rows, rect{f.left, snap(y), f.right(), snap(y + row)})
		y += row
	}
	g.plot.bottom = snap(y)
	g.height = snap(g.plot.bottom + axisHeight + edge)
	return g
}

// MemoryPicture draws how full every memory is over time. Memories that are
// never used are left out.
func MemoryPicture(w io.Writer, d *Data, o Options) error {
	t, err := loadTypeface()
	if err != nil {
		return err
	}
	g := newGauge(d, t, sharedFrame(d, t, lanes(d), o), pools(d, o.Offchip))
	return render(w, o.Format, pageWidth, g.height, func(v vg.Canvas) {
		g.draw(&sheet{typeface: t, canvas: v, height: g.height})
	})
}

func (g *gauge) draw(s *sheet) {
	s.heading("memory use of "+g.data.Title(), headline(g.data))
	s.text(s.regular, pageWidth-edge, g.plot.top+2, atEnd, curve, "▼ peak")
	s.text(s.regular, pageWidth-edge-s.regular.Width("▼ peak")-pad, g.plot.top+2, atEnd, capacity, "capacity")
	for _, r := range g.rows {
		s.fill(r, paper)
	}
	s.timeAxis(g.frame, g.plot, g.data)
	for i := range g.pools {
		g.drawPool(s, &g.pools[i], g.rows[i])
	}
}

func (g *gauge) drawPool(s *sheet, p *pool, row rect) {
	full := max(p.capacity, p.peak)
	y := func(b unit.Bits) vg.Length {
		return row.bottom - row.height()*vg.Length(float64(b)/float64(full))
	}
	envelopes := envelope(p.curve, g.data.horizon(), 2*g.columns)
	s.steps(g.left, row.bottom, envelopes, y)
	s.across(g.left, g.right(), row.bottom, dot, 0, grey)

	for i, label := range p.label {
		s.text(s.regular, g.left-pad, row.top+(row.height()-lineStep*vg.Length(len(p.label)))/2+lineStep*vg.Length(i)+textSize,
			atEnd, black, elide(s.regular, label, labelLimit))
	}
	// The figures at the right stand at the heights they name, or as near as the
	// text allows.
	limit := row.top + 0.34*textSize
	if p.capacity > 0 {
		s.across(g.left, g.right(), row.top, 2*dot, 4, capacity)
		s.text(s.regular, g.right()+pad, limit, atStart, capacity, p.limit())
	} else {
		limit -= lineStep
	}
	peak := min(max(y(p.peak)+0.34*textSize, limit+lineStep), row.bottom)
	s.text(s.regular, g.right()+pad, peak, atStart, curve, p.highest())
	x := g.left
	for c, e := range envelopes {
		if e.highest == p.peak {
			x = g.left + vg.Length(c)*dot + dot/2
			break
		}
	}
	s.across(x, g.right(), y(p.peak), dot, 2, curve)
	s.triangle(x, y(p.peak), 5, curve)
}

// steps draws a curve as a filled area with a line on top of it, one dot a value.
func (s *sheet) steps(left, bottom vg.Length, values []span, y func(unit.Bits) vg.Length) {
	const line = 3 * dot
	top := func(e span) vg.Length { return snap(y(e.highest)) }
	under := func(e span) vg.Length { return min(max(snap(y(e.lowest)), top(e)+line), bottom) }
	end := left + vg.Length(len(values))*dot

	s.path = s.path[:0]
	s.path.Move(s.point(left, bottom))
	s.stairs(left, dot, values, under)
	s.path.Line(s.point(end, bottom))
	s.path.Close()
	s.canvas.SetColor(area)
	s.canvas.Fill(s.path)

	s.path = s.path[:0]
	s.path.Move(s.point(left, top(values[0])))
	s.stairs(left, dot, values, top)
	back := slices.Clone(values)
	slices.Reverse(back)
	s.stairs(end, -dot, back, under)
	s.path.Close()
	s.canvas.SetColor(curve)
	s.canvas.Fill(s.path)
}

// stairs extends the path along the heights of values that are a step apart.
func (s *sheet) stairs(x, step vg.Length, values []span, height func(span) vg.Length) {
	for i := 0; i < len(values); {
		first, h := i, height(values[i])
		for i < len(values) && height(values[i]) == h {
			i++
		}
		s.path.Line(s.point(x+vg.Length(first)*step, h))
		s.path.Line(s.point(x+vg.Length(i)*step, h))
	}
}

// span is the range of values that a curve takes within a column.
type span struct{ lowest, highest unit.Bits }

// envelope reduces a step curve to columns of equal duration, keeping the
// extremes of each.
func envelope(c schedule.Curve, horizon unit.Cycles, columns int) []span {
	out := make([]span, columns)
	for i := range out {
		out[i] = span{math.MaxInt64, -1}
	}
	take := func(i int, b unit.Bits) {
		out[i].lowest, out[i].highest = min(out[i].lowest, b), max(out[i].highest, b)
	}
	for i, t := range c.Times {
		until := horizon
		if i+1 < len(c.Times) {
			until = c.Times[i+1]
		}
		if t >= until || t >= horizon {
			continue
		}
		first, last := touched(t, min(until, horizon), horizon, columns)
		for k := first; k <= last; k++ {
			take(k, c.Bits[i])
		}
	}
	for i := range out {
		if out[i].highest < 0 {
			out[i] = span{}
		}
	}
	return out
}
