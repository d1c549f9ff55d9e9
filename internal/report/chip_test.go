package report

import (
	"bytes"
	"fmt"
	"image/png"
	"slices"
	"strings"
	"testing"

	"streamdse/hardware"
	"streamdse/hardware/zoo"
)

// Every accelerator that is built in can be drawn; all of its cores and memories are
// in the picture, no core lies on another, and the same accelerator is the same bytes.
func TestAcceleratorPicture(t *testing.T) {
	face, err := loadTypeface()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range zoo.Names() {
		a, err := zoo.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		var svg, again bytes.Buffer
		for _, b := range []*bytes.Buffer{&svg, &again} {
			if err := AcceleratorPicture(b, a, SVG); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(svg.Bytes(), again.Bytes()) {
			t.Errorf("%s: the picture differs from one time to the next", name)
		}
		c := newChip(a, face)
		for id := range a.Cores {
			core := &a.Cores[id]
			if id == a.Offchip {
				continue
			}
			if short, long := fmt.Sprintf(">core %d<", id), fmt.Sprintf(">%d %s<", id, core.Name); !strings.Contains(svg.String(), short) && !strings.Contains(svg.String(), long) {
				t.Errorf("%s: core %d is not in the picture", name, id)
			}
			for _, m := range core.Memories {
				if !strings.Contains(svg.String(), m.Name) {
					t.Errorf("%s: memory %s is not in the picture", name, m.Name)
				}
			}
			if !c.box(id).within(c.diePart) {
				t.Errorf("%s: core %d lies beside the die", name, id)
			}
			for other := range id {
				if other != a.Offchip && c.box(id).overlaps(c.box(other)) {
					t.Errorf("%s: cores %d and %d overlap", name, other, id)
				}
			}
		}
	}
	a, err := zoo.Load("tpu_like_quad_core")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := AcceleratorPicture(&b, a, PNG); err != nil {
		t.Fatal(err)
	}
	if b.Len() > 200_000 {
		t.Errorf("the picture has %d bytes", b.Len())
	}
	if _, err := png.Decode(&b); err != nil {
		t.Error(err)
	}
}

// Links side by side are drawn side by side, and each has a name of its own.
func TestParallelLinksPicture(t *testing.T) {
	face, err := loadTypeface()
	if err != nil {
		t.Fatal(err)
	}
	a, err := zoo.Load("simba_small")
	if err != nil {
		t.Fatal(err)
	}
	picture := func(a *hardware.Accelerator) (shift []int, rectangles int) {
		c := newChip(a, face)
		for i := range a.Links {
			if l := &a.Links[i]; c.drawn(l) && c.neighbours(l.From, l.To) {
				shift = append(shift, c.before(l))
			}
		}
		var svg bytes.Buffer
		if err := AcceleratorPicture(&svg, a, SVG); err != nil {
			t.Fatal(err)
		}
		return shift, strings.Count(svg.String(), "<path")
	}
	single, before := picture(a)
	twice := *a
	twice.Links = append(slices.Clone(a.Links), a.Links[0], a.Links[1]) // cores 0 and 1, both ways
	double, after := picture(&twice)
	if want := append(slices.Clone(single), 1); !slices.Equal(double, want) || slices.Max(single) != 0 || after != before+1 {
		t.Errorf("lines are moved by %v instead of %v; %d shapes instead of %d", double, want, after, before+1)
	}
	if names := linkNames(&twice); names[len(names)-2] != "link 0→1 (2)" {
		t.Errorf("the second link is %q", names[len(names)-2])
	}
}

// Where a file does not say where its cores are, linked cores are near each other.
func TestChipLayout(t *testing.T) {
	for _, c := range []struct {
		chip          string
		columns, rows int
		length        int // of all links, of 1 each if they join neighbours
	}{
		{"simba", 6, 6, 120},
		{"simba_small", 2, 2, 8},
	} {
		a, err := zoo.Load(c.chip)
		if err != nil {
			t.Fatal(err)
		}
		unplaced := *a
		unplaced.Cores = append([]hardware.Core(nil), a.Cores...)
		for i := range unplaced.Cores {
			unplaced.Cores[i].Position = nil
		}
		l := layOutChip(&unplaced)
		at := map[int]spot{}
		for id := range a.Cores {
			if id != a.Offchip {
				at[id] = l.at[id]
			}
		}
		if got := linkLength(a, at); l.columns != c.columns || l.rows != c.rows || got != c.length {
			t.Errorf("%s: %d columns, %d rows, links of length %d; want %+v", c.chip, l.columns, l.rows, got, c)
		}
		if want := layOutChip(a); want.columns != c.columns || want.rows != c.rows {
			t.Errorf("%s as its file says: %d columns, %d rows", c.chip, want.columns, want.rows)
		}
	}
}
