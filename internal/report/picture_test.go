package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"slices"
	"testing"

	"gonum.org/v1/plot/vg"

	"streamdse/schedule"
)

func layout(t testing.TB, d *Data) (*chart, *gauge) {
	t.Helper()
	face, err := loadTypeface()
	if err != nil {
		t.Fatal(err)
	}
	all := lanes(d)
	f := sharedFrame(d, face, all, Options{})
	return newChart(d, face, f, all), newGauge(d, face, f, pools(d, false))
}

// On a page nothing lies on anything else: not lanes on lanes, not the legend on
// the plot, and nothing sticks out.
func TestLayout(t *testing.T) {
	for _, size := range []struct{ layers, nodes int }{{1, 1}, {3, 12}, {21, 500}, {48, 1118}, {60, 600}, {200, 2000}} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			c, g := layout(t, network(size.layers, size.nodes))
			page := rect{0, 0, pageWidth, c.height}
			areas := append([]rect{c.keys}, c.entries...)
			for i, r := range c.rows {
				if !r.within(c.plot) {
					t.Errorf("lane %d lies outside the plot", i)
				}
				for j := range i {
					if r.overlaps(c.rows[j]) {
						t.Errorf("lanes %d and %d overlap", i, j)
					}
				}
			}
			ticks := rect{c.left, c.plot.bottom, c.right(), c.plot.bottom + axisHeight}
			for i, r := range areas {
				if r.overlaps(c.plot) || r.overlaps(ticks) {
					t.Errorf("legend entry %d covers the plot", i)
				}
				if !r.within(page) {
					t.Errorf("legend entry %d sticks out of the page: %+v", i, r)
				}
				for j := range i {
					if r.overlaps(areas[j]) {
						t.Errorf("legend entries %d and %d overlap", i, j)
					}
				}
			}
			for i := range g.rows {
				for j := range i {
					if g.rows[i].overlaps(g.rows[j]) {
						t.Errorf("memories %d and %d overlap", i, j)
					}
				}
				if !g.rows[i].within(rect{0, titleHeight, pageWidth, g.height - axisHeight}) {
					t.Errorf("memory %d lies outside the plot", i)
				}
			}
			if c.frame != g.frame {
				t.Errorf("time axes differ: %v and %v", c.frame, g.frame)
			}
			if c.plot.right > pageWidth || c.columns < 500 {
				t.Errorf("plot of %d columns ends at %v", c.columns, c.plot.right)
			}
		})
	}
}

func drawn(t testing.TB, f File) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestPicturesPNG(t *testing.T) {
	for _, d := range []*Data{small(), network(48, 1118)} {
		c, g := layout(t, d)
		for i, f := range Pictures(d, Options{}) {
			first := drawn(t, f)
			if !bytes.Equal(first, drawn(t, f)) {
				t.Errorf("%s: two runs differ", f.Name)
			}
			img, err := png.Decode(bytes.NewReader(first))
			if err != nil {
				t.Fatal(err)
			}
			want := image.Pt(pixel(pageWidth), img.Bounds().Dy())
			if heights := []vg.Length{c.height, g.height, frontHeight()}; i < len(heights) {
				want.Y = pixel(heights[i])
			}
			if img.Bounds().Size() != want {
				t.Errorf("%s: size %v, want %v", f.Name, img.Bounds().Size(), want)
			}
			if len(first) > 400_000 {
				t.Errorf("%s: %d bytes", f.Name, len(first))
			}
			p, ok := img.(*image.Paletted)
			if !ok {
				t.Fatalf("%s has no palette", f.Name)
			}
			if i == 0 {
				checkBoxes(t, c, p)
			}
		}
	}
}

// checkBoxes compares every run of every lane with the picture: the colour in its
// upper left corner, where neither text nor hatch reaches a plain box, must be
// that of its layer.
func checkBoxes(t *testing.T, c *chart, img *image.Paletted) {
	t.Helper()
	checked := 0
	for i := range c.lanes {
		runs, cuts := merge(c.lanes[i].boxes, c.legend.entry, c.data.horizon(), c.columns)
		cut := map[int]bool{}
		for _, k := range cuts {
			cut[k] = true
		}
		for _, r := range runs {
			if r.kind > activation || cut[r.from] {
				continue
			}
			b := c.box(c.rows[i], r.from, r.to)
			if got, want := img.At(pixel(b.left), pixel(b.top)), c.colour(r); got != want {
				t.Fatalf("lane %s, columns %d to %d: colour %v, want %v", c.lanes[i].name, r.from, r.to, got, want)
			}
			checked++
		}
	}
	if checked == 0 {
		t.Error("nothing to compare")
	}
}

func TestPicturesSVG(t *testing.T) {
	d := network(48, 1118)
	d.Search = small().Search
	for c := range d.Accelerator.Cores {
		*d.Costs.At(0, c) = schedule.NodeCost{Runtime: 2000, Compute: 1500, Stall: 300, Load: 150, Store: 50, Onchip: 9, Operation: 4, Offchip: 2}
	}
	for i := range d.Schedule.Transfers {
		d.Schedule.Transfers[i].LinkEnergy, d.Schedule.Transfers[i].MemoryEnergy = 1, 2
	}
	for _, f := range Pictures(d, Options{Format: SVG}) {
		first := drawn(t, f)
		if !bytes.Equal(first, drawn(t, f)) {
			t.Errorf("%s: two runs differ", f.Name)
		}
		d := xml.NewDecoder(bytes.NewReader(first))
		elements := map[string]int{}
		for {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if e, ok := token.(xml.StartElement); ok {
				elements[e.Name.Local]++
				fitted := slices.ContainsFunc(e.Attr, func(a xml.Attr) bool { return a.Name.Local == "textLength" && a.Value != "" })
				if e.Name.Local == "text" && !fitted {
					t.Errorf("%s: a text has no width of its own", f.Name)
				}
			}
		}
		if head, _, _ := bytes.Cut(first, []byte("<text")); !bytes.Contains(head, []byte(`fill:#FFFFFF`)) {
			t.Errorf("%s has no ground of its own, for viewers that are dark", f.Name)
		}
		if elements["svg"] != 1 || elements["text"] < 10 || elements["path"] < 10 {
			t.Errorf("%s: elements %v", f.Name, elements)
		}
	}
}

func TestPicturesPDF(t *testing.T) {
	for _, f := range Pictures(small(), Options{Format: PDF}) {
		doc := drawn(t, f)
		if !bytes.HasPrefix(doc, []byte("%PDF-")) || !bytes.Contains(doc, []byte("%%EOF")) {
			t.Errorf("%s is no PDF document", f.Name)
		}
		if bytes.Contains(doc, []byte("/FontFile")) {
			t.Errorf("%s embeds a font", f.Name)
		}
		if !bytes.Contains(doc, []byte("/CreationDate (D:20000101000000)")) {
			t.Errorf("%s has the time of writing in it", f.Name)
		}
	}
}

func TestFormats(t *testing.T) {
	for _, name := range Formats() {
		if f, ok := FormatNamed(name); !ok || f.Extension() != name {
			t.Errorf("%s names %v", name, f)
		}
	}
	if _, ok := FormatNamed("bmp"); ok {
		t.Error("bmp is known")
	}
}

// A schedule in which nothing happens is drawn, too.
func TestEmptyPictures(t *testing.T) {
	d := small()
	d.Schedule.Latency = 0
	d.Schedule.Tasks = nil
	d.Schedule.Transfers = nil
	d.Schedule.Blocks = nil
	for i := range d.Schedule.Memories {
		d.Schedule.Memories[i].Bits = nil
		d.Schedule.Memories[i].Times = nil
	}
	d.Graph.Layers = nil
	for _, f := range Pictures(d, Options{Offchip: true}) {
		if _, err := png.Decode(bytes.NewReader(drawn(t, f))); err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
}

// The off-chip memory appears when asked for, scaled to its own peak.
func TestOffchipPool(t *testing.T) {
	d := small()
	with, without := pools(d, true), pools(d, false)
	if len(with) != len(without)+1 {
		t.Fatalf("%d and %d memories", len(with), len(without))
	}
	if p := with[len(with)-1]; p.capacity != 0 || p.peak != 1984 {
		t.Errorf("off-chip memory has capacity %d and peak %d", p.capacity, p.peak)
	}
}

// The shades of text give way before the colours of layers do.
func TestIndexedKeepsAreas(t *testing.T) {
	img := image.NewRGBA(image.Rect(0, 0, 64, 64))
	areas := palette(100)
	for i := range img.Pix {
		img.Pix[i] = uint8(i * i >> 3)
	}
	for i, c := range areas {
		img.SetRGBA(i%64, i/64, c)
	}
	out := indexed(img, areas)
	for i, c := range areas {
		if out.At(i%64, i/64) != c {
			t.Fatalf("area colour %v became %v", c, out.At(i%64, i/64))
		}
	}
	if len(out.Palette) > 256 {
		t.Errorf("%d colours", len(out.Palette))
	}
}

func BenchmarkPictures(b *testing.B) {
	d := network(48, 1118)
	for _, f := range Pictures(d, Options{}) {
		b.Run(f.Name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := f.Write(io.Discard); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkFiles(b *testing.B) {
	d := network(48, 1118)
	for _, f := range Files(d) {
		b.Run(f.Name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := f.Write(io.Discard); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
