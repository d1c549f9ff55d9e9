package report

import (
	"bufio"
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"slices"

	"git.sr.ht/~sbinet/gg"
	xfont "golang.org/x/image/font"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgpdf"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Format is a file format of pictures. The zero value is PNG.
type Format uint8

const (
	PNG Format = iota // 300 dots per inch
	SVG
	PDF
)

// Extension is the format's file name extension, without the dot.
func (f Format) Extension() string { return [...]string{"png", "svg", "pdf"}[f] }

// Formats lists the file name extensions of the known formats.
func Formats() []string { return []string{"png", "svg", "pdf"} }

// FormatNamed returns the format with the given extension.
func FormatNamed(extension string) (Format, bool) {
	for _, f := range []Format{PNG, SVG, PDF} {
		if f.Extension() == extension {
			return f, true
		}
	}
	return 0, false
}

const (
	dpi = 300
	dot = vg.Inch / dpi // everything drawn is aligned to dots
)

// render draws a picture of the given size and writes it in the format.
func render(w io.Writer, f Format, width, height vg.Length, draw func(vg.Canvas)) error {
	switch f {
	case SVG:
		c := vgsvg.New(width, height)
		m := &measured{Canvas: c}
		page := vg.Rectangle{Max: vg.Point{X: width, Y: height}} // viewers may be dark
		m.SetColor(white)
		m.Fill(page.Path())
		draw(m)
		var b bytes.Buffer
		if _, err := c.WriteTo(&b); err != nil {
			return err
		}
		_, err := w.Write(m.fitted(b.Bytes()))
		return err
	case PDF:
		c := vgpdf.New(width, height)
		draw(outlines{c})
		var b bytes.Buffer
		if _, err := c.WriteTo(&b); err != nil {
			return err
		}
		_, err := w.Write(undated(b.Bytes()))
		return err
	}
	c := newPixels(width, height)
	draw(c)
	return c.encode(w)
}

// pixels is an image canvas that fills rectangles, which is nearly all there is
// in our pictures, and sets text straight into the image, on whole pixels.
type pixels struct {
	*vgimg.Canvas
	img    *image.RGBA
	height vg.Length
	colour color.RGBA
	areas  []color.RGBA // the colours of everything but text, as they come up
	faces  map[font.Font]xfont.Face
}

func newPixels(width, height vg.Length) *pixels {
	img := image.NewRGBA(image.Rect(0, 0, pixel(width), pixel(height)))
	// Left to itself, vgimg copies the image it is given; pictures at print
	// resolution are large enough for that to count.
	ctx := gg.NewContextForRGBA(img)
	ctx.SetLineCapButt()
	ctx.InvertY()
	c := vgimg.NewWith(vgimg.UseImageWithContext(img, ctx), vgimg.UseDPI(dpi))
	return &pixels{Canvas: c, img: img, height: height, colour: black, areas: []color.RGBA{white}, faces: map[font.Font]xfont.Face{}}
}

// SetColor implements vg.Canvas.
func (p *pixels) SetColor(c color.Color) {
	p.colour, _ = color.RGBAModel.Convert(c).(color.RGBA)
	p.Canvas.SetColor(c)
}

// Fill implements vg.Canvas.
func (p *pixels) Fill(path vg.Path) {
	if !slices.Contains(p.areas, p.colour) {
		p.areas = append(p.areas, p.colour)
	}
	r, ok := p.rectangle(path)
	if !ok {
		p.Canvas.Fill(path)
		return
	}
	r = r.Intersect(p.img.Rect)
	if r.Empty() {
		return
	}
	n := 4 * r.Dx()
	first := p.img.Pix[p.img.PixOffset(r.Min.X, r.Min.Y):][:n]
	for i := 0; i < n; i += 4 {
		first[i], first[i+1], first[i+2], first[i+3] = p.colour.R, p.colour.G, p.colour.B, p.colour.A
	}
	for y := r.Min.Y + 1; y < r.Max.Y; y++ {
		copy(p.img.Pix[p.img.PixOffset(r.Min.X, y):][:n], first)
	}
}

// rectangle recognises a path drawn by sheet.rect and gives its pixels.
func (p *pixels) rectangle(path vg.Path) (image.Rectangle, bool) {
	if len(path) != 5 || path[4].Type != vg.CloseComp {
		return image.Rectangle{}, false
	}
	a, b := path[0].Pos, path[2].Pos
	if path[1].Pos != (vg.Point{X: b.X, Y: a.Y}) || path[3].Pos != (vg.Point{X: a.X, Y: b.Y}) {
		return image.Rectangle{}, false
	}
	return image.Rect(pixel(a.X), pixel(p.height-a.Y), pixel(b.X), pixel(p.height-b.Y)), true
}

func pixel(l vg.Length) int { return int(math.Round(float64(l / dot))) }

// FillString implements vg.Canvas.
func (p *pixels) FillString(f font.Face, at vg.Point, s string) {
	face, ok := p.faces[f.Font]
	if !ok {
		face = f.FontFace(dpi)
		p.faces[f.Font] = face
	}
	d := xfont.Drawer{
		Dst: p.img, Src: image.NewUniform(p.colour), Face: face,
		Dot: fixed.P(pixel(at.X), pixel(p.height-at.Y)),
	}
	d.DrawString(s)
}

// encode writes the picture as a PNG file with a palette, which is both smaller
// and several times faster to write than full colour.
func (p *pixels) encode(w io.Writer) error {
	b := bufio.NewWriter(w)
	e := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := e.Encode(b, indexed(p.img, p.areas)); err != nil {
		return err
	}
	return b.Flush()
}

// indexed reduces an image to a palette of 256 colours. The colours of areas are
// kept exactly (as far as there are no more than a palette holds); the shades at
// the edges of text and slanted lines are rounded to 32 levels first and then, if
// the palette is full, to the nearest colour in it.
func indexed(img *image.RGBA, areas []color.RGBA) *image.Paletted {
	out := image.NewPaletted(img.Rect, nil)
	index := make(map[color.RGBA]uint8, 1024)
	enter := func(c color.RGBA) uint8 {
		if k, ok := index[c]; ok {
			return k
		}
		k := uint8(len(out.Palette))
		if len(out.Palette) < 256 {
			out.Palette = append(out.Palette, c)
		} else {
			k = uint8(out.Palette.Index(c))
		}
		index[c] = k
		return k
	}
	for _, c := range areas {
		enter(c)
	}
	round := func(v uint8) uint8 { return v&0xf8 | v>>5 }
	var last color.RGBA
	var lastIndex uint8
	for i := range out.Pix {
		q := img.Pix[4*i : 4*i+4 : 4*i+4]
		if c := (color.RGBA{q[0], q[1], q[2], q[3]}); c != last {
			k, ok := index[c]
			if !ok {
				k = enter(color.RGBA{round(c.R), round(c.G), round(c.B), 255})
				index[c] = k
			}
			last, lastIndex = c, k
		}
		out.Pix[i] = lastIndex
	}
	return out
}

// measured is a canvas that remembers the widths of texts.
type measured struct {
	vg.Canvas
	widths []vg.Length
}

// FillString implements vg.Canvas.
func (m *measured) FillString(f font.Face, at vg.Point, s string) {
	m.widths = append(m.widths, f.Width(s))
	m.Canvas.FillString(f, at, s)
}

// fitted gives every text of an SVG document the width that it was placed with, so
// that it fits whatever font the viewer has.
func (m *measured) fitted(doc []byte) []byte {
	doc = bytes.ReplaceAll(doc, []byte("font-family:Liberation Sans;"), []byte("font-family:'Liberation Sans',Arial,Helvetica,sans-serif;"))
	const text = "<text "
	var out bytes.Buffer
	for i, part := range bytes.Split(doc, []byte(text)) {
		if i > 0 {
			out.WriteString(text)
			if i <= len(m.widths) && m.widths[i-1] > 0 {
				fmt.Fprintf(&out, `textLength="%.2f" lengthAdjust="spacingAndGlyphs" xml:space="preserve" `, float64(m.widths[i-1]))
			}
		}
		out.Write(part)
	}
	return out.Bytes()
}

// outlines is a canvas that draws text as the outlines of its letters: a PDF
// document then needs no fonts and has every character.
type outlines struct{ vg.Canvas }

// FillString implements vg.Canvas.
func (o outlines) FillString(f font.Face, at vg.Point, s string) {
	var buf sfnt.Buffer
	em := fixed.I(int(f.Face.UnitsPerEm()))
	scale := f.Font.Size / vg.Length(em)
	point := func(x vg.Length, p fixed.Point26_6) vg.Point {
		return vg.Point{X: x + vg.Length(p.X)*scale, Y: at.Y - vg.Length(p.Y)*scale}
	}
	x := at.X
	var prev sfnt.GlyphIndex
	for i, r := range s {
		g, err := f.Face.GlyphIndex(&buf, r)
		if err != nil {
			continue
		}
		if i > 0 {
			if k, err := f.Face.Kern(&buf, prev, g, em, xfont.HintingNone); err == nil {
				x += vg.Length(k) * scale
			}
		}
		prev = g
		segments, err := f.Face.LoadGlyph(&buf, g, em, nil)
		if err == nil && len(segments) > 0 {
			var path vg.Path
			for k, seg := range segments {
				switch seg.Op {
				case sfnt.SegmentOpMoveTo:
					if k > 0 {
						path.Close()
					}
					path.Move(point(x, seg.Args[0]))
				case sfnt.SegmentOpLineTo:
					path.Line(point(x, seg.Args[0]))
				case sfnt.SegmentOpQuadTo:
					path.QuadTo(point(x, seg.Args[0]), point(x, seg.Args[1]))
				case sfnt.SegmentOpCubeTo:
					path.CubeTo(point(x, seg.Args[0]), point(x, seg.Args[1]), point(x, seg.Args[2]))
				}
			}
			path.Close()
			o.Fill(path)
		}
		if w, err := f.Face.GlyphAdvance(&buf, g, em, xfont.HintingNone); err == nil {
			x += vg.Length(w) * scale
		}
	}
}

// undated replaces the time of writing in a PDF document, so that the same
// picture is the same bytes.
func undated(doc []byte) []byte {
	for _, key := range []string{"/CreationDate (D:", "/ModDate (D:"} {
		at := 0
		for {
			k := bytes.Index(doc[at:], []byte(key))
			if k < 0 {
				break
			}
			at += k + len(key)
			for i := at; i < len(doc) && doc[i] >= '0' && doc[i] <= '9'; i++ {
				doc[i] = "20000101000000"[min(i-at, 13)]
			}
		}
	}
	return doc
}
