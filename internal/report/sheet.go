package report

import (
	"fmt"
	"image/color"

	"codeberg.org/go-fonts/liberation/liberationsansbold"
	"codeberg.org/go-fonts/liberation/liberationsansregular"
	xfont "golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
)

// Sizes shared by the pictures. The width is that of a figure across both
// columns of a paper, so that text is printed at the size given here.
const (
	pageWidth = 7.16 * vg.Inch
	textSize  = 9 * vg.Length(1)
	lineStep  = 11 * vg.Length(1) // from one line of text to the next
	edge      = 3 * vg.Length(1)  // blank around a picture
	pad       = 5 * vg.Length(1)  // between a label and what it labels
	columnGap = 10 * vg.Length(1) // between entries of a legend
	swatch    = 11 * vg.Length(1) // width of a colour sample
)

// columnWidth is the narrowest stretch of time that a picture shows.
const columnWidth = 2 * dot

// typeface holds the two fonts of all pictures.
type typeface struct{ regular, bold font.Face }

func loadTypeface() (typeface, error) {
	load := func(ttf []byte, weight xfont.Weight) (font.Face, error) {
		f, err := opentype.Parse(ttf)
		if err != nil {
			return font.Face{}, fmt.Errorf("built-in font: %w", err)
		}
		return font.Face{Face: f, Font: font.Font{Typeface: "Liberation", Variant: "Sans", Weight: weight, Size: textSize}}, nil
	}
	regular, err := load(liberationsansregular.TTF, xfont.WeightNormal)
	if err != nil {
		return typeface{}, err
	}
	bold, err := load(liberationsansbold.TTF, xfont.WeightBold)
	return typeface{regular, bold}, err
}

// widest is the width of the widest of the texts.
func widest(f font.Face, texts ...string) vg.Length {
	var w vg.Length
	for _, t := range texts {
		w = max(w, f.Width(t))
	}
	return w
}

// Texts that come from the user's files are cut to these widths.
const (
	labelLimit  = 130 * vg.Length(1) // of a lane
	legendEntry = 170 * vg.Length(1)
)

// elide shortens a text to a width by leaving out its middle.
func elide(f font.Face, text string, width vg.Length) string {
	if f.Width(text) <= width {
		return text
	}
	r := []rune(text)
	for keep := len(r) - 1; keep > 0; keep-- {
		head := (keep + 1) / 2
		short := string(r[:head]) + "…" + string(r[len(r)-(keep-head):])
		if f.Width(short) <= width {
			return short
		}
	}
	return "…"
}

// rect is an area of a sheet. Like all positions on a sheet it is measured in
// points from the top left corner.
type rect struct{ left, top, right, bottom vg.Length }

func (r rect) height() vg.Length { return r.bottom - r.top }

// frame is the part of a page in which time runs from left to right. All
// pictures of a result share it, so that they line up below each other.
type frame struct {
	left    vg.Length
	columns int
}

func (f frame) right() vg.Length { return f.left + vg.Length(f.columns)*columnWidth }

// x is the position of a column's left border.
func (f frame) x(column int) vg.Length { return f.left + vg.Length(column)*columnWidth }

// newFrame leaves room for the labels at both sides.
func newFrame(labels, figures vg.Length) frame {
	left := snap(edge + labels + pad)
	room := pageWidth - edge - figures - pad - left
	return frame{left, max(int(room/columnWidth), 1)}
}

// snap moves a position to the nearest dot.
func snap(l vg.Length) vg.Length { return vg.Length(int(l/dot+0.5)) * dot }

// sheet draws on a canvas with positions measured from the top left corner.
type sheet struct {
	typeface
	canvas vg.Canvas
	height vg.Length
	path   vg.Path // reused
}

func (s *sheet) point(x, y vg.Length) vg.Point { return vg.Point{X: x, Y: s.height - y} }

// fill paints an area.
func (s *sheet) fill(r rect, c color.RGBA) {
	a, b := s.point(r.left, r.top), s.point(r.right, r.bottom)
	s.path = s.path[:0]
	s.path.Move(a)
	s.path.Line(vg.Point{X: b.X, Y: a.Y})
	s.path.Line(b)
	s.path.Line(vg.Point{X: a.X, Y: b.Y})
	s.path.Close()
	s.canvas.SetColor(c)
	s.canvas.Fill(s.path)
}

// across draws a horizontal line, dashed if dash is not 0.
func (s *sheet) across(left, right, y, width, dash vg.Length, c color.RGBA) {
	if dash == 0 {
		dash = right - left
	}
	y = snap(y - width/2)
	for x := left; x < right; x += 2 * dash {
		s.fill(rect{x, y, min(x+dash, right), y + width}, c)
	}
}

// down draws a vertical line.
func (s *sheet) down(x, top, bottom, width vg.Length, c color.RGBA) {
	s.fill(rect{x, top, x + width, bottom}, c)
}

// anchor says which point of a text is placed.
type anchor float64

const (
	atStart  anchor = 0
	atMiddle anchor = 0.5
	atEnd    anchor = 1
)

// text writes a line; y is its baseline.
func (s *sheet) text(f font.Face, x, y vg.Length, a anchor, c color.RGBA, text string) {
	if a != atStart {
		x -= f.Width(text) * vg.Length(a)
	}
	s.canvas.SetColor(c)
	s.canvas.FillString(f, s.point(snap(x), snap(y)), text)
}

// baseline is where to write a line of text to have it in the middle of an area.
func (r rect) baseline() vg.Length { return (r.top+r.bottom)/2 + 0.34*textSize }

// triangle marks a point from above.
func (s *sheet) triangle(x, y, size vg.Length, c color.RGBA) {
	s.path = s.path[:0]
	s.path.Move(s.point(x, y))
	s.path.Line(s.point(x-size/2, y-size))
	s.path.Line(s.point(x+size/2, y-size))
	s.path.Close()
	s.canvas.SetColor(c)
	s.canvas.Fill(s.path)
}

// timeAxis draws the ticks, their figures and the axis title below a plot and
// faint lines through it. It is drawn before what the plot shows.
func (s *sheet) timeAxis(f frame, plot rect, d *Data) {
	end := d.horizon()
	at, labels, axisUnit := axisTicks(end, 9)
	for i, t := range at {
		x := snap(f.left + (f.right()-f.left)*vg.Length(t)/vg.Length(end))
		s.down(x, plot.top, plot.bottom, dot, pale)
		s.down(x, plot.bottom, plot.bottom+3, 2*dot, black)
		s.text(s.regular, x, plot.bottom+3+textSize, atMiddle, black, labels[i])
	}
	s.across(f.left, f.right(), plot.bottom, 2*dot, 0, black)
	s.text(s.regular, (f.left+f.right())/2, plot.bottom+3+textSize+lineStep, atMiddle, black, "time ("+axisUnit+")")
}

// axisHeight is what timeAxis takes below the plot.
const axisHeight = 3 + textSize + lineStep + 4

// titleHeight is what heading takes at the top.
const titleHeight = edge + 2*lineStep + 6

// heading writes the title of a picture in bold, and a line of figures.
func (s *sheet) heading(title, figures string) {
	const room = pageWidth - 2*edge
	s.text(s.bold, edge, edge+textSize, atStart, black, elide(s.bold, title, room))
	s.text(s.regular, edge, edge+textSize+lineStep, atStart, black, elide(s.regular, figures, room))
}

// hatching collects the lines that tell kinds of boxes apart. The lines run
// through the whole page, boxes only open a window onto them: boxes side by side
// show one pattern, and a box of a few dots still shows its part of it.
type hatching struct{ light, dark vg.Path }

// hatchStep is the distance between the lines of a hatch.
const hatchStep = 3.6 * vg.Length(1)

// hatch adds the lines for a box of the given kind and colour.
func (s *sheet) hatch(h *hatching, r rect, k kind, background color.RGBA) {
	path := &h.light
	if onto(background) == black {
		path = &h.dark
	}
	switch k {
	case weights:
		s.diagonals(path, r, 1)
	case networkIO:
		s.diagonals(path, r, -1)
	case evicted:
		s.diagonals(path, r, 1)
		s.diagonals(path, r, -1)
	case streaming:
		for i := vg.Length(1); i <= 3; i++ {
			y := r.top + r.height()*i/4
			path.Move(s.point(r.left, y))
			path.Line(s.point(r.right, y))
		}
	}
}

// diagonals adds the lines x + slope*y = n*hatchStep inside an area.
func (s *sheet) diagonals(path *vg.Path, r rect, slope vg.Length) {
	lowest := r.left + min(slope*r.top, slope*r.bottom)
	highest := r.right + max(slope*r.top, slope*r.bottom)
	for n := int(lowest/hatchStep) - 1; vg.Length(n)*hatchStep < highest; n++ {
		// Along the line, x falls (or rises) as y grows; clip it to the area.
		sum := vg.Length(n) * hatchStep
		a, b := sum-slope*r.top, sum-slope*r.bottom // x at the top and at the bottom
		from, to := max(r.left, min(a, b)), min(r.right, max(a, b))
		if from >= to {
			continue
		}
		path.Move(s.point(from, (sum-from)*slope))
		path.Line(s.point(to, (sum-to)*slope))
	}
}

// stroke draws the collected lines.
func (s *sheet) stroke(h *hatching) {
	s.canvas.SetLineWidth(3 * dot)
	for _, p := range []struct {
		path vg.Path
		c    color.RGBA
	}{{h.light, white}, {h.dark, black}} {
		if len(p.path) > 0 {
			s.canvas.SetColor(p.c)
			s.canvas.Stroke(p.path)
		}
	}
}
