package report

import (
	"image/color"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gonum.org/v1/plot/vg"
	"pgregory.net/rapid"

	"streamdse/hardware"
	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/unit"
	"streamdse/workload"
)

func TestHuman(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{humanCycles(0), "0 cycles"},
		{humanCycles(999), "999 cycles"},
		{humanCycles(6554407), "6.55 M cycles"},
		{humanCycles(999_600), "1 M cycles"},
		{humanCycles(999_400), "999 k cycles"},
		{humanCycles(7_000_000_000_000), "7000 G cycles"},
		{humanEnergy(2409985159.07), "2.41 mJ"},
		{humanEnergy(0.0312), "0.0312 pJ"},
		{humanEnergy(713191997.4), "713 µJ"},
		{humanBytes(16777216), "2 MB"},
		{humanBytes(16453664), "1.96 MB"},
		{humanBytes(258048), "31.5 KB"},
		{humanBytes(4), "0.5 B"},
		{humanPercent(0.98071), "98.1 %"},
		{humanPercent(1.5), "150 %"},
		{significant(9.996), "10"},
		{significant(0.09996), "0.1"},
		{significant(1234567), "1230000"},
		{scientific(1.5796e16), "1.580e16"},
		{scientific(0), "0.000e0"},
		{exact(6554407), "6,554,407"},
		{exact(-1000), "-1,000"},
		{exact(999), "999"},
		{exactFloat(2409985159.07), "2,409,985,159.1"},
		{exactFloat(0.04), "0.0"},
		{exactFloat(1e30), "1.000e30"},
		{busyShare(0, 10), "0.0 %"},
		{busyShare(1, 100_000), "<0.1 %"},
		{busyShare(50, 100), "50.0 %"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestAxisTicks(t *testing.T) {
	at, labels, in := axisTicks(6554407, 9)
	if diff := cmp.Diff([]string{"0", "1", "2", "3", "4", "5", "6"}, labels); diff != "" || in != "M cycles" || at[6] != 6_000_000 {
		t.Errorf("got %v %v %s", at, labels, in)
	}
	_, labels, in = axisTicks(2_300_000, 9)
	if diff := cmp.Diff([]string{"0", "0.5", "1", "1.5", "2"}, labels); diff != "" || in != "M cycles" {
		t.Errorf("got %v %s", labels, in)
	}
	_, labels, in = axisTicks(1, 9)
	if diff := cmp.Diff([]string{"0", "1"}, labels); diff != "" || in != "cycles" {
		t.Errorf("got %v %s", labels, in)
	}
	rapid.Check(t, func(t *rapid.T) {
		end := unit.Cycles(rapid.Int64Range(1, math.MaxInt64/8).Draw(t, "end"))
		at, labels, _ := axisTicks(end, 9)
		if len(at) > 9 || len(at) < 2 || at[len(at)-1] > end || len(labels) != len(at) {
			t.Fatalf("ticks %v for %d", at, end)
		}
		for _, l := range labels {
			if len(l) > 7 && end < 1e12 {
				t.Fatalf("label %q for %d", l, end)
			}
		}
	})
}

func TestShortNames(t *testing.T) {
	var layers []taskgraph.Layer
	for i, l := range []struct{ name, kind string }{
		{"/conv1/Conv", "Conv"},
		{"/maxpool/MaxPool", "MaxPool"},
		{"/layer1/layer1.0/conv1/Conv", "Conv"},
		{"/layer1/layer1.0/relu_1/Relu", "Relu"},
		{"/layer1/layer1.0/Add", "Add"},
		{"/layer2/layer2.0/downsample/downsample.0/Conv", "Conv"},
		{"Conv_12", "Conv"},
		{"", "Gemm"},
		{"twin", "Conv"},
		{"twin", "Conv"},
		{"/a/b", "Conv"},
		{"a.b", "Conv"},
	} {
		layers = append(layers, taskgraph.Layer{Layer: &workload.Layer{ID: i, Name: l.name, Type: l.kind}})
	}
	want := []string{"conv1", "maxpool", "layer1.0.conv1", "layer1.0.relu_1", "layer1.0.add", "layer2.0.downsample.0",
		"Conv_12", "Gemm#7", "twin#8", "twin#9", "/a/b", "a.b"}
	if diff := cmp.Diff(want, shortNames(layers)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestLinkNames(t *testing.T) {
	a := &hardware.Accelerator{Offchip: 3, Cores: make([]hardware.Core, 4), Links: []hardware.Link{
		{From: 0, To: 1},
		{From: 0, To: 1},
		{From: 1, To: 2, Shared: true, Members: []int{1, 2}},
		{From: 0, To: 2, Shared: true, Members: []int{0, 1, 2}},
		{From: 3, To: 0},
		{From: 1, To: 3},
		{From: 3, To: hardware.AnyCore},
		{From: 3, To: 2, Shared: true, Members: []int{2, 3}},
	}}
	names := []string{"link 0→1", "link 0→1 (2)", "link 1↔2", "bus 0, 1, 2", "DRAM→0", "1→DRAM", "DRAM", "DRAM↔2"}
	if diff := cmp.Diff(names, linkNames(a)); diff != "" {
		t.Errorf("names (-want +got)\n%s", diff)
	}
	ids := []string{"0->1", "0->1#2", "1<->2", "bus:0+1+2", "3->0", "1->3", "3->any", "3<->2"}
	if diff := cmp.Diff(ids, a.LinkIDs()); diff != "" {
		t.Errorf("ids (-want +got)\n%s", diff)
	}
}

func TestLegendGroups(t *testing.T) {
	for _, n := range []int{1, 2, 48, 49, 100, 300} {
		l := newLegend(network(n, n).Graph.Layers)
		if len(l.names) > legendLimit || len(l.names) != len(l.colours) || len(l.entry) != n {
			t.Errorf("%d layers: %d entries", n, len(l.names))
		}
		if n <= legendLimit && len(l.names) != n {
			t.Errorf("%d layers share %d entries", n, len(l.names))
		}
		if !slices.IsSorted(l.entry) || int(l.entry[n-1]) != len(l.names)-1 {
			t.Errorf("%d layers: entries %v", n, l.entry)
		}
	}
	_, groups := groupEvenly([]string{"a", "b", "c", "d", "e"}, 2)
	if diff := cmp.Diff([]string{"a to c", "d to e"}, groups); diff != "" {
		t.Error(diff)
	}
}

// Neighbouring layers must be told apart whatever the reader's colour vision,
// and in greyscale. The matrices simulate full protanopia, deuteranopia and
// tritanopia (Machado, Oliveira, Fernandes, 2009).
func TestPaletteNeighbours(t *testing.T) {
	visions := map[string][3][3]float64{
		"normal":       {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
		"protanopia":   {{0.152286, 1.052583, -0.204868}, {0.114503, 0.786281, 0.099216}, {-0.003882, -0.048116, 1.051998}},
		"deuteranopia": {{0.367322, 0.860646, -0.227968}, {0.280085, 0.672501, 0.047413}, {-0.011820, 0.042940, 0.968881}},
		"tritanopia":   {{1.255528, -0.076749, -0.178779}, {-0.078411, 0.930809, 0.147602}, {0.004733, 0.691367, 0.303900}},
		"greyscale":    {{0.2126, 0.7152, 0.0722}, {0.2126, 0.7152, 0.0722}, {0.2126, 0.7152, 0.0722}},
	}
	for n := 2; n <= legendLimit; n++ {
		p := palette(n)
		for name, m := range visions {
			for i := 1; i < n; i++ {
				if d := distance(seen(p[i-1], m), seen(p[i], m)); d < 8 {
					t.Errorf("%d layers, %s: %d and %d differ by only %.1f", n, name, i-1, i, d)
				}
			}
		}
	}
	if p := palette(1); len(p) != 1 {
		t.Errorf("one layer has %d colours", len(p))
	}
}

// seen is a colour in CIELAB coordinates after the eye's matrix on linear RGB.
func seen(c color.RGBA, m [3][3]float64) [3]float64 {
	linear := func(v uint8) float64 {
		x := float64(v) / 255
		if x <= 0.04045 {
			return x / 12.92
		}
		return math.Pow((x+0.055)/1.055, 2.4)
	}
	in := [3]float64{linear(c.R), linear(c.G), linear(c.B)}
	var rgb [3]float64
	for i := range rgb {
		for j := range in {
			rgb[i] += m[i][j] * in[j]
		}
		rgb[i] = min(max(rgb[i], 0), 1)
	}
	f := func(x float64) float64 {
		if x > 0.008856 {
			return math.Cbrt(x)
		}
		return 7.787*x + 16.0/116
	}
	x := f((0.4124*rgb[0] + 0.3576*rgb[1] + 0.1805*rgb[2]) / 0.9505)
	y := f(0.2126*rgb[0] + 0.7152*rgb[1] + 0.0722*rgb[2])
	z := f((0.0193*rgb[0] + 0.1192*rgb[1] + 0.9505*rgb[2]) / 1.089)
	return [3]float64{116*y - 16, 500 * (x - y), 200 * (y - z)}
}

func distance(a, b [3]float64) float64 {
	return math.Sqrt((a[0]-b[0])*(a[0]-b[0]) + (a[1]-b[1])*(a[1]-b[1]) + (a[2]-b[2])*(a[2]-b[2]))
}

// Text on a layer's colour has the contrast that accessibility guidelines ask of
// large text, 3 to 1.
func TestTextContrast(t *testing.T) {
	for _, c := range palette(legendLimit) {
		for _, background := range []color.RGBA{c, tint(c, 0.4)} {
			a, b := luminance(background), luminance(onto(background))
			if contrast := (max(a, b) + 0.05) / (min(a, b) + 0.05); contrast < 3 {
				t.Errorf("contrast of text on %v is %.2f", background, contrast)
			}
		}
	}
}

func TestKindOf(t *testing.T) {
	d := small()
	want := []kind{networkIO, weights, weights, activation, evicted, networkIO}
	for i := range d.Schedule.Transfers {
		if got := kindOf(d.Graph, &d.Schedule.Transfers[i]); got != want[i] {
			t.Errorf("transfer %d carries %s, want %s", i, got, want[i])
		}
	}
}

func TestLanes(t *testing.T) {
	all := lanes(small())
	var got []string
	for _, l := range all {
		got = append(got, l.name)
	}
	if diff := cmp.Diff([]string{"core 0 pe_array", "core 1 pe_array", "DRAM", "link 0→1"}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if all[2].busy != 116 || len(all[2].boxes) != 6 {
		t.Errorf("off-chip lane: busy %d in %d boxes", all[2].busy, len(all[2].boxes))
	}
}

// Whatever the boxes, the runs of a lane follow each other without overlapping,
// and a column is used exactly if some box touches it.
func TestMerge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		horizon := unit.Cycles(rapid.Int64Range(1, 5000).Draw(t, "horizon"))
		columns := rapid.IntRange(1, 300).Draw(t, "columns")
		var boxes []box
		for range rapid.IntRange(0, 40).Draw(t, "boxes") {
			start := unit.Cycles(rapid.Int64Range(0, int64(horizon)-1).Draw(t, "start"))
			boxes = append(boxes, box{start: start, end: start + unit.Cycles(rapid.Int64Range(1, int64(horizon-start)).Draw(t, "length")),
				layer: int32(rapid.IntRange(0, 3).Draw(t, "layer")), kind: kind(rapid.IntRange(0, numKinds-1).Draw(t, "kind"))})
		}
		l := lane{boxes: boxes}
		l.settle()
		runs, cuts := merge(l.boxes, []int32{0, 1, 2, 3}, horizon, columns)
		used := make([]bool, columns)
		end := 0
		for _, r := range runs {
			if r.from < end || r.to <= r.from || r.to > columns {
				t.Fatalf("run %+v after column %d", r, end)
			}
			end = r.to
			for c := r.from; c < r.to; c++ {
				used[c] = true
			}
		}
		for c, u := range used {
			touched := slices.ContainsFunc(boxes, func(b box) bool {
				return int64(b.start)*int64(columns) < int64(c+1)*int64(horizon) && int64(b.end)*int64(columns) > int64(c)*int64(horizon)
			})
			if u != touched {
				t.Fatalf("column %d is used: %v, touched: %v", c, u, touched)
			}
		}
		for _, c := range cuts {
			if !used[c] || !used[c-1] {
				t.Fatalf("cut at %d between unused columns", c)
			}
		}
	})
}

// The envelope keeps the extremes of a curve, and covers every value in it.
func TestEnvelope(t *testing.T) {
	c := schedule.Curve{Times: []unit.Cycles{0, 10, 11, 50}, Bits: []unit.Bits{5, 100, 20, 0}}
	got := envelope(c, 100, 4)
	want := []span{{5, 100}, {20, 20}, {0, 0}, {0, 0}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(span{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := envelope(schedule.Curve{}, 100, 2); got[0] != (span{}) || got[1] != (span{}) {
		t.Errorf("an empty curve gave %v", got)
	}
}

func TestElide(t *testing.T) {
	face, err := loadTypeface()
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("encoder.layer.", 20)
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.Float64Range(12, 400).Draw(t, "width")
		text := long[:rapid.IntRange(0, len(long)).Draw(t, "length")]
		got := elide(face.regular, text, vg.Length(width))
		if w := face.regular.Width(got); float64(w) > width {
			t.Fatalf("%q is %v wide, more than %v", got, w, width)
		}
	})
}

// overlaps tells whether two areas have more than a border in common.
func (r rect) overlaps(s rect) bool {
	return r.left < s.right && s.left < r.right && r.top < s.bottom && s.top < r.bottom
}

// within tells whether an area lies inside another.
func (r rect) within(s rect) bool {
	return r.left >= s.left && r.right <= s.right && r.top >= s.top && r.bottom <= s.bottom
}
