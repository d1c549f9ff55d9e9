package stream

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"streamdse/hardware"
	"streamdse/internal/diag"
	"streamdse/internal/golden"
	"streamdse/internal/mapper"
	"streamdse/loopnest"
	"streamdse/mapping"
	"streamdse/workload"
)

// measured reads a table of figures of the published single-core tool.
func measured(t *testing.T, file string) []map[string]string {
	t.Helper()
	return golden.Table(t, filepath.Join("testdata", file))
}

func number(t *testing.T, s string) float64 {
	t.Helper()
	x, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// publishedOptions are those of the published tool.
func publishedOptions() CoreOptions {
	o := DefaultCoreOptions()
	o.Search = Loma
	return o
}

// publicCore loads public inputs of the single-core tool.
func publicCore(t testing.TB, workloadFile, core, mappingFile string) Problem {
	t.Helper()
	p, _, err := LoadCore(CoreInputs{
		Workload:         golden.Shared(t, "data/zigzag/workload/"+workloadFile),
		Hardware:         golden.Shared(t, "data/zigzag/hardware/"+core+".yaml"),
		Mapping:          golden.Shared(t, "data/zigzag/mapping/"+mappingFile+".yaml"),
		PublishedKernels: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestPublishedTotals compares whole networks with the published search: energy
// and latency as far as the published figures go.
func TestPublishedTotals(t *testing.T) {
	for _, row := range measured(t, "single-core-totals.csv") {
		name := fmt.Sprintf("%s on %s, %s", row["workload"], row["core"], row["variant"])
		t.Run(name, func(t *testing.T) {
			p := publicCore(t, row["workload"], row["core"], row["mapping"])
			o := publishedOptions()
			o.LPFLimit = 6
			switch row["variant"] {
			case "locality":
				o.Locality = true
			case "mixed":
				o.Mixed, o.Locality = true, true
			case "plain3":
				o.LPFLimit = 3
			}
			r, err := Core(context.Background(), p, o)
			if err != nil {
				t.Fatal(err)
			}
			for i := range r.Layers {
				if err := r.Layers[i].Reason; err != nil {
					t.Errorf("layer %s: %v", r.Layers[i].Layer.Name, err)
				}
			}
			got := r.Totals()
			// The table has two decimals, and 9 or more significant digits.
			if want := number(t, row["energy_pj"]); math.Abs(float64(got.Energy)-want) > 0.01+1e-9*want {
				t.Errorf("energy %.6f, want %.6f", float64(got.Energy), want)
			}
			if want := number(t, row["latency_cycles"]); math.Abs(got.Total()-want) > 0.01 {
				t.Errorf("latency %.6f, want %.6f", got.Total(), want)
			}
		})
	}
}

// TestPublishedLayers compares every layer of ResNet-18.
func TestPublishedLayers(t *testing.T) {
	p := publicCore(t, "resnet18.onnx", "tpu_like", "tpu_like")
	r, err := Core(context.Background(), p, publishedOptions())
	if err != nil {
		t.Fatal(err)
	}
	rows := measured(t, "single-core-layers.csv")
	if len(rows) != len(r.Layers) {
		t.Fatalf("%d layers, want %d", len(r.Layers), len(rows))
	}
	for i, row := range rows {
		l := &r.Layers[i]
		if l.Layer.Name != row["layer"] {
			t.Errorf("layer %d is %s, want %s", i, l.Layer.Name, row["layer"])
			continue
		}
		for key, got := range map[string]float64{
			"energy_pj": float64(l.Energy), "operations_pj": float64(l.OperationEnergy), "compute": l.Compute,
			"stall": l.Stall, "onload": l.Onload, "offload": l.Offload, "latency_cycles": l.Total(),
		} {
			if want := number(t, row[key]); math.Abs(got-want) > 1e-12*math.Abs(want) {
				t.Errorf("%s: %s = %v, want %v", row["layer"], key, got, want)
			}
		}
	}
}

// TestEveryPublicCore: every public core maps every public ONNX network, or says
// for the layers that it cannot why.
func TestEveryPublicCore(t *testing.T) {
	for core, mappings := range map[string][]string{
		"tpu_like": {"tpu_like", "tpu_like_mixed", "default"}, "ascend_like": {"ascend_like", "ascend_like_mixed"},
		"edge_tpu_like": {"edge_tpu_like", "edge_tpu_like_mixed"}, "meta_prototype": {"meta_prototype_like", "meta_prototype_like_mixed"},
		"tesla_npu_like": {"tesla_npu_like", "tesla_npu_like_mixed"}, "eyeriss_like": {"default"}, "generic_array_cacti": {"default"},
		"aimc": {"default_imc"}, "dimc": {"default_imc"},
	} {
		for _, m := range mappings {
			for _, network := range []string{"resnet18.onnx", "resnet18.yaml", "mobilenetv2.onnx", "alexnet.onnx"} {
				t.Run(core+" "+m+" "+network, func(t *testing.T) {
					t.Parallel()
					p := publicCore(t, network, core, m)
					o := publishedOptions()
					o.LPFLimit = 4
					o.Mixed = strings.HasSuffix(m, "_mixed") || strings.HasSuffix(m, "_imc")
					o.Locality = o.Mixed
					r, err := Core(context.Background(), p, o)
					if err != nil {
						t.Fatal(err)
					}
					for i := range r.Layers {
						if l := &r.Layers[i]; l.Reason != nil {
							t.Errorf("layer %s: %v", l.Layer.Name, l.Reason)
						} else if l.Total() <= 0 || l.Energy <= 0 {
							t.Errorf("layer %s takes %v cycles and %v pJ", l.Layer.Name, l.Total(), l.Energy)
						}
					}
				})
			}
		}
	}
}

// product is a matrix product of C x K weights.
func product(name string, d, k, c int) workload.Layer {
	return workload.Layer{
		Name: name, Type: "Gemm", Dims: []workload.LoopDim{{Dim: "C", Size: c}, {Dim: "D", Size: d}, {Dim: "K", Size: k}},
		Operands: []workload.Operand{
			{Name: "O", Dims: []workload.Dim{"D", "K"}, Bits: 16, FinalBits: 8},
			{Name: "I", Dims: []workload.Dim{"D", "C"}, Bits: 8, FinalBits: 8, Source: workload.Source{Kind: workload.FromInput}},
			{Name: "W", Dims: []workload.Dim{"C", "K"}, Bits: 8, FinalBits: 8, Source: workload.Source{Kind: workload.FromConstant}},
		},
	}
}

// onChip is the accelerator of one small core without off-chip memory.
func onChip(t *testing.T) *hardware.Accelerator {
	t.Helper()
	c, err := hardware.ParseCore("small.yaml", []byte(`name: small
memories:
  sram:
    size: 4096
    r_cost: 10
    w_cost: 12
    area: 2
    latency: 1
    operands: [I1, I2, O]
    ports:
      - {name: rw_port_1, type: read_write, bandwidth_min: 32, bandwidth_max: 128,
         allocation: ["I1, tl", "I2, tl", "O, tl", "O, fl"]}
    served_dimensions: [D1]
operational_array: {dimensions: [D1], sizes: [4], unit_energy: 0.1, unit_area: 1}
`))
	if err != nil {
		t.Fatal(err)
	}
	return hardware.SingleCore(*c)
}

// TestUnfitLayer: a layer that does not fit has a reason with numbers, and the
// others are mapped.
func TestUnfitLayer(t *testing.T) {
	w := &workload.Workload{Name: "net", Layers: []workload.Layer{product("small", 4, 8, 8), product("huge", 64, 64, 64), product("huge too", 64, 64, 64)}}
	r, err := Core(context.Background(), Problem{Workload: w, Hardware: onChip(t)}, publishedOptions())
	if err != nil {
		t.Fatal(err)
	}
	if r.Layers[0].Reason != nil || r.Layers[0].Evaluation == nil {
		t.Errorf("the small layer: %v", r.Layers[0].Reason)
	}
	for _, l := range r.Layers[1:] {
		var none *mapper.NoFitError
		var misfit *loopnest.Misfit
		if !errors.As(l.Reason, &none) || none.Layer != l.Layer.Name || !errors.As(l.Reason, &misfit) {
			t.Fatalf("%s: %v", l.Layer.Name, l.Reason)
		}
		if misfit.Memory != "sram" || misfit.Capacity != 4096 || misfit.Asked <= 4096 || l.Evaluated == 0 || l.Unfit != l.Evaluated {
			t.Errorf("%s: %+v, %d evaluated, %d unfit", l.Layer.Name, misfit, l.Evaluated, l.Unfit)
		}
	}
	if n := r.Totals().Failed; n != 2 {
		t.Errorf("%d layers failed, want 2", n)
	}
}

// TestWorkersDoNotMatter: the same bytes of figures with one worker and with many.
func TestWorkersDoNotMatter(t *testing.T) {
	w := &workload.Workload{Name: "net"}
	for i := range 12 {
		w.Layers = append(w.Layers, product("layer"+strconv.Itoa(i), 4+i%3, 8, 8))
	}
	p := Problem{Workload: w, Hardware: onChip(t)}
	o := publishedOptions()
	o.Workers = 1
	one, err := Core(context.Background(), p, o)
	if err != nil {
		t.Fatal(err)
	}
	o.Workers = 8
	done := 0
	o.Progress = func(e Progress) { done = e.Total }
	many, err := Core(context.Background(), p, o)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(one, many) {
		t.Error("the result depends on the number of workers")
	}
	if done != 3 {
		t.Errorf("%d searches for 3 distinct layers", done)
	}
	for i := range many.Layers {
		if got := many.Layers[i].Layer.Name; got != "layer"+strconv.Itoa(i) {
			t.Errorf("layer %d is %s", i, got)
		}
	}
}

// TestCoreInterrupt: what was solved is kept.
func TestCoreInterrupt(t *testing.T) {
	w := &workload.Workload{Name: "net", Layers: []workload.Layer{product("a", 4, 8, 8), product("b", 5, 8, 8), product("c", 6, 8, 8)}}
	ctx, cancel := context.WithCancel(context.Background())
	o := publishedOptions()
	o.Workers = 1
	o.Progress = func(Progress) { cancel() }
	p := Problem{Workload: w, Hardware: onChip(t)}
	r, err := Core(ctx, p, o)
	if err != nil || !r.Interrupted {
		t.Fatalf("%v, %v", r, err)
	}
	if r.Layers[0].Evaluation == nil || r.Layers[1].Reason == nil || r.Layers[2].Reason == nil {
		t.Errorf("layers: %v, %v, %v", r.Layers[0].Reason, r.Layers[1].Reason, r.Layers[2].Reason)
	}
	if _, err := Core(ctx, p, o); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: %v", err)
	}
}

func TestBadCore(t *testing.T) {
	w := &workload.Workload{Name: "net", Layers: []workload.Layer{product("a", 4, 8, 8)}}
	links := &mapping.Mapping{Entries: []mapping.Entry{{Name: "default", Links: map[string]hardware.MemoryOperand{"O": hardware.O, "W": hardware.I2, "X": hardware.I1}}}}
	for _, c := range []struct {
		name string
		core int
		m    *mapping.Mapping
		want string
	}{
		{"no such core", 3, nil, `accelerator "small" has no core 3`},
		{"no link", 0, links, "layer a: operand I is not linked to a memory operand"},
	} {
		o := publishedOptions()
		o.Core = c.core
		_, err := Core(context.Background(), Problem{Workload: w, Hardware: onChip(t), Mapping: c.m}, o)
		var list diag.List
		if !errors.As(err, &list) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func BenchmarkCoreResNet18(b *testing.B) {
	p := publicCore(b, "resnet18.onnx", "tpu_like", "tpu_like")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Core(context.Background(), p, publishedOptions()); err != nil {
			b.Fatal(err)
		}
	}
}
