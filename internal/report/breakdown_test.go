package report

import (
	"bytes"
	"context"
	"image/png"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"gonum.org/v1/plot/vg"

	stream "streamdse"
	"streamdse/unit"
)

// What each layer takes, part by part, of the schedule that can be followed by hand.
func TestBreakdowns(t *testing.T) {
	d := small()
	got := d.Breakdowns()
	want := []Breakdown{
		{Nodes: 2, Start: 30, End: 130, Busy: 100, Moved: 640 + 1280 + 320,
			Time:   [numTimeParts]float64{partCompute: 50, partStall: 41, partLoad: 6, partStore: 2},
			Energy: [numEnergyParts]unit.Picojoules{partOperations: 200.5, partMemories: 400, partFetches: 2000, partEvictions: 300, partLinks: 1 + 2}},
		{Nodes: 2, Start: 90, End: 220, Busy: 110, Moved: 320 + 64,
			Time:   [numTimeParts]float64{partCompute: 70, partStall: 10, partLoad: 10, partStretch: 20},
			Energy: [numEnergyParts]unit.Picojoules{partOperations: 260, partMemories: 140, partOutputs: 40.25, partBetween: 0.125, partLinks: 4 + 3 + 0.75}},
		{},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateApprox(0, 1e-9)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	sum := unit.Picojoules(0)
	for i := range got {
		sum += got[i].Total()
	}
	if diff := cmp.Diff(d.Schedule.Energy.Total(), sum, cmpopts.EquateApprox(0, 1e-9)); diff != "" {
		t.Errorf("the layers' energies do not add up (-want +got)\n%s", diff)
	}
	parts := d.Energy(got)
	d.Costs = nil
	without := d.Energy(d.Breakdowns())
	if without[partMemories] != 1000.5 || without[partOperations] != 0 || without[partFetches] != parts[partFetches] || without[partStreaming] != 0 {
		t.Errorf("without costs the parts are %v", without)
	}
}

// In a picture of bars nothing lies on anything else, and nothing sticks out.
func TestBarLayout(t *testing.T) {
	face, err := loadTypeface()
	if err != nil {
		t.Fatal(err)
	}
	bars := []stackBar{{label: "a rather long name of a layer that has to be cut", parts: []float64{1, 2}, text: "1.23 mJ"}, {label: "b", parts: []float64{0, 1}, text: "4 µJ", mark: 5}}
	keys := []string{"the first part of all", "the second part", "and one that needs a line of its own, since it is so long"}
	for _, beside := range []bool{false, true} {
		p := &barPicture{title: "title", beside: beside, groups: []barGroup{{title: "one", bars: bars, keys: keys}, {title: "two", bars: bars, keys: keys[:1]}}}
		frames, height := p.layout(face)
		var areas []rect
		for i, f := range frames {
			areas = append(areas, rect{f.left, f.title - textSize + dot, f.right, f.top + vg.Length(len(p.groups[i].bars))*lineStep})
			areas = append(areas, f.keys...)
			if f.right-f.left < 60 {
				t.Errorf("a bar has a width of %v", f.right-f.left)
			}
		}
		for i, a := range areas {
			if !a.within(rect{0, titleHeight, pageWidth, height}) {
				t.Errorf("beside %v: area %d sticks out: %+v of %v", beside, i, a, height)
			}
			for j := range i {
				if a.overlaps(areas[j]) {
					t.Errorf("beside %v: areas %d and %d overlap", beside, i, j)
				}
			}
		}
	}
	if got := (&barGroup{bars: bars}).longest(); got != 5 {
		t.Errorf("the scale ends at %v", got)
	}
}

func TestComparePicture(t *testing.T) {
	p, _, err := stream.Load(stream.Inputs{Workload: "mlperf_tiny_ic", Hardware: "tpu_like_quad_core", Mapping: "tpu_like_quad_core", FoldActivations: true})
	if err != nil {
		t.Fatal(err)
	}
	var all []*Data
	for _, mode := range []stream.Mode{stream.LayerByLayer, stream.Fused} {
		o := stream.DefaultOptions()
		o.Mode, o.Evaluations = mode, 1
		r, err := stream.Run(context.Background(), p, o)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, &Data{Inputs: Inputs{Mode: string(mode)}, Accelerator: p.Hardware, Graph: r.Graph, Schedule: r.Schedule, Costs: r.Costs})
		var sum float64
		for _, part := range pathParts(all[len(all)-1]) {
			sum += part
		}
		if sum != float64(r.Schedule.Latency) {
			t.Errorf("%s: the parts of the critical path add up to %v of %d cycles", mode, sum, r.Schedule.Latency)
		}
	}
	var first, second bytes.Buffer
	for _, out := range []*bytes.Buffer{&first, &second} {
		if err := ComparePicture(out, all, Options{}); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("two runs differ")
	}
	img, err := png.Decode(&first)
	if err != nil {
		t.Fatal(err)
	}
	if img.Bounds().Dx() != pixel(pageWidth) {
		t.Errorf("%v wide", img.Bounds().Dx())
	}
}
