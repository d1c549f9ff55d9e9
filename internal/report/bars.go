package report

import (
	"image/color"
	"io"

	"gonum.org/v1/plot/vg"
)

// stackBar is a horizontal bar that is made of parts.
type stackBar struct {
	label string
	parts []float64
	text  string  // behind it
	mark  float64 // a line across it, none if 0
}

func (b *stackBar) length() float64 {
	sum := 0.0
	for _, p := range b.parts {
		sum += p
	}
	return sum
}

// barGroup is bars on one scale.
type barGroup struct {
	title   string
	bars    []stackBar
	keys    []string // what the parts are; none for bars of one part
	colours []color.RGBA
}

// longest is the end of the scale.
func (g *barGroup) longest() float64 {
	most := 0.0
	for i := range g.bars {
		most = max(most, g.bars[i].length(), g.bars[i].mark)
	}
	return most
}

// barPicture is groups of bars: below each other, or beside each other if they share
// their labels.
type barPicture struct {
	title, figures string
	groups         []barGroup
	beside         bool
}

// Sizes of a picture of bars.
const (
	barHeight = 8 * vg.Length(1)
	barGap    = 12 * vg.Length(1) // between groups
)

// barFrame is the place of a group.
type barFrame struct {
	title     vg.Length // y of its title
	top, left vg.Length // of the first bar
	right     vg.Length // of the longest bar
	keys      []rect
}

// layout places all groups.
func (p *barPicture) layout(t typeface) (frames []barFrame, height vg.Length) {
	var labels, texts []string
	for i := range p.groups {
		for k := range p.groups[i].bars {
			labels, texts = append(labels, p.groups[i].bars[k].label), append(texts, p.groups[i].bars[k].text)
		}
	}
	left := snap(edge + min(widest(t.regular, labels...), labelLimit) + pad)
	behind := widest(t.regular, texts...) + pad
	width := pageWidth - edge - left
	if p.beside {
		width = (width - columnGap*vg.Length(len(p.groups)-1)) / vg.Length(len(p.groups))
	}
	y := snap(titleHeight)
	for i := range p.groups {
		g := &p.groups[i]
		f := barFrame{title: y + textSize, top: y + lineStep + 3, left: left, right: left + width - behind}
		if p.beside {
			f.left += vg.Length(i) * (width + columnGap)
			f.right = f.left + width - behind
		}
		bottom := f.top + vg.Length(len(g.bars))*lineStep + 3
		f.keys, bottom = keysBelow(t, g.keys, f.left, f.left+width, bottom)
		frames = append(frames, f)
		height = max(height, bottom)
		if !p.beside {
			y = snap(bottom + barGap)
		}
	}
	return frames, snap(height + edge)
}

// keysBelow places the explanation of the parts in as many lines as it needs.
func keysBelow(t typeface, keys []string, left, right, top vg.Length) (places []rect, bottom vg.Length) {
	x, y := left, top
	for _, k := range keys {
		w := swatch + 3 + t.regular.Width(k)
		if x > left && x+w > right {
			x, y = left, y+lineStep
		}
		places = append(places, rect{x, y, x + w, y + lineStep})
		x += w + columnGap
	}
	if len(keys) > 0 {
		y += lineStep
	}
	return places, y
}

// write draws the picture.
func (p *barPicture) write(w io.Writer, o Options) error {
	t, err := loadTypeface()
	if err != nil {
		return err
	}
	frames, height := p.layout(t)
	return render(w, o.Format, pageWidth, height, func(v vg.Canvas) {
		s := &sheet{typeface: t, canvas: v, height: height}
		s.heading(p.title, p.figures)
		for i := range p.groups {
			p.groups[i].draw(s, frames[i], !p.beside || i == 0)
		}
	})
}

func (g *barGroup) draw(s *sheet, f barFrame, labels bool) {
	s.text(s.bold, f.left, f.title, atStart, black, g.title)
	most := g.longest()
	x := func(v float64) vg.Length {
		if most == 0 {
			return f.left
		}
		return f.left + (f.right-f.left)*vg.Length(v/most)
	}
	for i := range g.bars {
		b := &g.bars[i]
		row := rect{f.left, f.top + vg.Length(i)*lineStep, f.right, f.top + vg.Length(i+1)*lineStep}
		if labels {
			s.text(s.regular, f.left-pad, row.baseline(), atEnd, black, elide(s.regular, b.label, labelLimit))
		}
		area := rect{f.left, snap(row.top + (lineStep-barHeight)/2), f.right, snap(row.bottom - (lineStep-barHeight)/2)}
		s.fill(area, paper)
		end := 0.0
		for k, part := range b.parts {
			if part <= 0 {
				continue
			}
			// What is there can be seen, however little it is.
			from := snap(x(end))
			s.fill(rect{from, area.top, max(snap(x(end+part)), from+dot), area.bottom}, g.colours[k])
			end += part
		}
		if b.mark > 0 {
			at := snap(x(b.mark))
			s.down(at-4*dot, area.top-1.5, area.bottom+1.5, 8*dot, white)
			s.down(at-2*dot, area.top-1.5, area.bottom+1.5, 4*dot, black)
		}
		s.text(s.regular, f.right+pad, row.baseline(), atStart, black, b.text)
	}
	for i, r := range f.keys {
		area := rect{snap(r.left), snap(r.top + 1.5), snap(r.left + swatch), snap(r.bottom - 1.5)}
		s.fill(area, g.colours[i])
		s.text(s.regular, area.right+3, r.baseline(), atStart, black, g.keys[i])
	}
}
