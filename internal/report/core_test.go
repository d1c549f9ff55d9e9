package report

import (
	"bytes"
	"encoding/json"
	"image/png"
	"math"
	"strconv"
	"strings"
	"testing"

	"streamdse/hardware"
	"streamdse/loopnest"
	"streamdse/loopnest/nesttest"
	"streamdse/workload"
)

// mapped is a product of 64 x 64 weights, mapped on the TPU-like core.
func mapped(t testing.TB, name string, d int) MappedLayer {
	t.Helper()
	core := nesttest.TPULike()
	l := &workload.Layer{
		ID: d, Name: name, Type: "Gemm", Dims: []workload.LoopDim{{Dim: "C", Size: 64}, {Dim: "D", Size: d}, {Dim: "K", Size: 64}},
		Operands: []workload.Operand{
			{Name: "O", Dims: []workload.Dim{"D", "K"}, Bits: 16, FinalBits: 8},
			{Name: "I", Dims: []workload.Dim{"D", "C"}, Bits: 8, FinalBits: 8},
			{Name: "W", Dims: []workload.Dim{"C", "K"}, Bits: 8, FinalBits: 8},
		},
	}
	m, err := loopnest.NewModel(loopnest.Problem{Layer: l, Core: core, Links: nesttest.Links(l)})
	if err != nil {
		t.Fatal(err)
	}
	spatial := loopnest.Spatial{{Array: 0, Loops: []hardware.Unrolling{{Dim: "K", Factor: 32}}}, {Array: 1, Loops: []hardware.Unrolling{{Dim: "C", Factor: 30}}}}
	e, err := m.NewEvaluator(spatial)
	if err != nil {
		t.Fatal(err)
	}
	ev, err := e.Report([]loopnest.Loop{{Dim: 1, Size: d}, {Dim: 0, Size: 3}, {Dim: 2, Size: 2}})
	if err != nil {
		t.Fatal(err)
	}
	return MappedLayer{Layer: l, Core: core, Evaluation: ev, Unrolling: spatial, Evaluated: 6, Unfit: 1}
}

// coreData is a network of n layers, the last of which has no mapping.
func coreData(t testing.TB, n int) *CoreData {
	d := &CoreData{Inputs: CoreInputs{Workload: Input{Name: "net"}, Hardware: Input{Name: "tpu"}, Core: "tpu_like", Search: "loma", Objective: "latency"}}
	for i := range n - 1 {
		d.Layers = append(d.Layers, mapped(t, "/layer"+strconv.Itoa(i)+"/Gemm", 2+i%7))
	}
	l := mapped(t, "lost", 5)
	return &CoreData{Inputs: d.Inputs, Layers: append(d.Layers, MappedLayer{Layer: l.Layer, Core: l.Core, Reason: "memory rf_2B has 16 bits, but the smallest slice of operand O takes 17 bits"})}
}

func TestCoreResult(t *testing.T) {
	d := coreData(t, 3)
	var b bytes.Buffer
	if err := WriteCore(&b, NewCoreResult(d)); err != nil {
		t.Fatal(err)
	}
	var r CoreResult
	if err := json.Unmarshal(b.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	if r.Schema != "stream/core/v1" || len(r.Layers) != 3 || r.Unmapped != 1 || !strings.Contains(r.Layers[2].Reason, "17 bits") {
		t.Errorf("result %+v", r)
	}
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-12*math.Abs(want) {
			t.Errorf("%s = %v, want %v", what, got, want)
		}
	}
	near("energy", float64(r.Energy), float64(d.Layers[0].Energy+d.Layers[1].Energy))
	near("latency", r.Latency, d.Layers[0].Total()+d.Layers[1].Total())
	near("EDP", r.EDP, float64(r.Energy)*r.Latency)
	l := &r.Layers[0]
	near("latency by cause", l.Latency.Compute+l.Latency.Stall+l.Latency.Onload+l.Latency.Offload, l.Latency.Total)
	sum := float64(l.OperationEnergy)
	for _, o := range l.Operands {
		levels := 0.0
		for _, u := range o.Levels {
			levels += float64(u.Energy)
			directions := 0.0
			for _, e := range u.ByDirection {
				directions += float64(e)
			}
			near(o.Name+" by direction", directions, float64(u.Energy))
		}
		near(o.Name+" by level", levels, float64(o.Energy))
		sum += levels
	}
	near("energy by operand", sum, float64(l.Energy))
	if u := l.Utilization; !(u.Spatial >= u.WithStalls && u.WithStalls >= u.WithOnload && u.WithOnload >= u.WithLoading && u.WithLoading > 0) {
		t.Errorf("utilizations %+v", u)
	}
	// 64 channels on 30 rows are three passes of 21.33.
	if c := l.Spatial["D2"]; len(c) != 1 || c[0].Dim != "C" || c[0].Factor != 30 || math.Abs(c[0].Used-64.0/3) > 1e-9 {
		t.Errorf("unrolled on D2: %+v", c)
	}
	if got, want := l.Spatial.String(), "K 32 | C 21.3/30"; got != want {
		t.Errorf("unrolling %q, want %q", got, want)
	}
	worst := int64(0)
	for _, p := range l.Ports {
		worst = max(worst, p.Stall)
	}
	if stall := l.Stall; (stall == nil) != (worst == 0) || stall != nil && (stall.Cycles != worst || float64(worst) != l.Latency.Stall) {
		t.Errorf("stall %+v, worst port %d", stall, worst)
	}
}

func TestCoreTables(t *testing.T) {
	r := NewCoreResult(coreData(t, 3))
	var b bytes.Buffer
	if err := CoreSummary(&b, r); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"net on tpu, core tpu_like: search loma", "/layer0/Gemm", "best of 6", "\ntotal", "without a mapping", "lost (Gemm): memory rf_2B has 16 bits"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the summary lacks %q:\n%s", want, &b)
		}
	}
	b.Reset()
	if err := Explain(&b, &r.Layers[0]); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"layer /layer0/Gemm (Gemm): C 64 D 2 K 64", "\ncompute ", "\nstall ", "\nonload ", "\noffload ", "\noperations ", "\nroofline: the array does 1020 MACs", "rw_port_1"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the explanation lacks %q:\n%s", want, &b)
		}
	}
	b.Reset()
	if err := Explain(&b, &r.Layers[2]); err != nil || !strings.Contains(b.String(), "no mapping: memory rf_2B has 16 bits") {
		t.Errorf("%v, %s", err, &b)
	}
}

// TestStallWords: a port that is too busy with all its duties together is told
// from one whose transfer is too slow.
func TestStallWords(t *testing.T) {
	core := nesttest.TPULike()
	e := &loopnest.Evaluation{Ports: []loopnest.PortUse{{Memory: 3, Stall: 20, Activities: []loopnest.Activity{
		{Operand: "I", Direction: hardware.ToLow, Real: 10, Allowed: 10, Period: 10, Count: 100},
		{Operand: "W", Direction: hardware.ToLow, Real: 30, Allowed: 20, Period: 40, Count: 3},
	}}}}
	if got, want := stallResult(e, core).Why, "operand W takes 30 cycles to go down from dram, but may take 20 of every 40"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	e.Ports[0].Activities[1].Real = 20
	if got, want := stallResult(e, core).Why, "I, W operands share port rw_port_1 and need it at the same time; operand I takes 10 cycles to go down from dram, 100 times"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	e.Ports[0].Stall = -3
	if stallResult(e, core) != nil {
		t.Error("a port with slack stalls")
	}
}

// TestCorePicture: rows lie inside their panels, panels beside each other, and
// bars are as long as the figures say.
func TestCorePicture(t *testing.T) {
	face, err := loadTypeface()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{1, 2, 21, 60} {
		d := coreData(t, n)
		c := newBarChart(d, face)
		page := rect{0, 0, pageWidth, c.height}
		if !c.panels[0].within(page) || !c.panels[1].within(page) || c.panels[0].overlaps(c.panels[1]) {
			t.Errorf("%d layers: panels %+v", n, c.panels)
		}
		for i := range c.bars {
			r := c.rowOf(i, c.panels[0])
			if !r.within(c.panels[0]) || i > 0 && r.overlaps(c.rowOf(i-1, c.panels[0])) {
				t.Errorf("%d layers: row %d is %+v", n, i, r)
			}
		}
		for i := range d.Layers[:n-1] {
			if got, want := sumOf(c.bars[i].energy), float64(d.Layers[i].Energy); math.Abs(got-want) > 1e-9*want {
				t.Errorf("energy bar %d sums to %v, want %v", i, got, want)
			}
			if got, want := sumOf(c.bars[i].latency), d.Layers[i].Total(); math.Abs(got-want) > 1e-9*want {
				t.Errorf("latency bar %d sums to %v, want %v", i, got, want)
			}
		}
		for _, f := range []Format{PNG, SVG, PDF} {
			var b, again bytes.Buffer
			if err := CorePicture(&b, d, f); err != nil {
				t.Fatal(err)
			}
			if err := CorePicture(&again, d, f); err != nil || !bytes.Equal(b.Bytes(), again.Bytes()) {
				t.Errorf("%d layers, %s: not the same bytes twice, %v", n, f.Extension(), err)
			}
			if f == PNG {
				img, err := png.Decode(&b)
				if err != nil {
					t.Fatal(err)
				}
				if w := img.Bounds().Dx(); w != pixel(pageWidth) {
					t.Errorf("picture %d dots wide", w)
				}
			}
		}
	}
}

func TestBarAxis(t *testing.T) {
	for _, c := range []struct {
		longest, end, step, scale float64
		prefix                    int
	}{
		{1246967, 1400000, 200000, 1000, 1}, {7, 7, 1, 1, 0}, {0, 1, 1, 1, 0}, {math.Inf(1), 1, 1, 1, 0}, {0.3, 0.3, 0.05, 1, 0}, {2.4e8, 2.5e8, 5e7, 1e6, 2},
	} {
		end, step, scale, prefix := barAxis(c.longest, 7)
		if math.Abs(end-c.end) > 1e-9*c.end || math.Abs(step-c.step) > 1e-9*c.step || scale != c.scale || prefix != c.prefix {
			t.Errorf("axis for %v: to %v in steps of %v, scale %v %d; want %v %v %v %d", c.longest, end, step, scale, prefix, c.end, c.step, c.scale, c.prefix)
		}
	}
}
