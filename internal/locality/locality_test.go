package locality_test

import (
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"

	"streamdse/hardware"
	"streamdse/internal/golden"
	"streamdse/internal/locality"
	"streamdse/internal/onnx"
	"streamdse/internal/workloadyaml"
	"streamdse/loopnest/nesttest"
	"streamdse/unit"
	"streamdse/workload"
)

// plan is a row of testdata/resnet18.json: the records of the published tool,
// as indices into the memories of the core.
type plan struct {
	Workload    string            `json:"workload"`
	Core        string            `json:"core"`
	Levels      []string          `json:"levels"`
	WeightLevel int               `json:"weight_level"`
	WeightBits  unit.Bits         `json:"weight_bits"`
	Layers      map[string][2]int `json:"layers"` // activations, output
}

func load(t *testing.T, file string) *workload.Workload {
	t.Helper()
	path := golden.Shared(t, "data/zigzag/workload/"+file)
	if strings.HasSuffix(file, ".yaml") {
		w, _, err := workloadyaml.LoadAsWritten(path)
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	m, err := onnx.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	w, err := onnx.Kernels(m, onnx.KernelOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func links(w *workload.Workload) [][]hardware.MemoryOperand {
	var all [][]hardware.MemoryOperand
	for i := range w.Layers {
		all = append(all, nesttest.Links(&w.Layers[i]))
	}
	return all
}

func TestPublishedRecords(t *testing.T) {
	text, err := os.ReadFile("testdata/resnet18.json")
	if err != nil {
		t.Fatal(err)
	}
	var plans []plan
	if err := json.Unmarshal(text, &plans); err != nil {
		t.Fatal(err)
	}
	for _, want := range plans {
		t.Run(want.Workload+" on "+want.Core, func(t *testing.T) {
			w, core := load(t, want.Workload), nesttest.Core(t, want.Core)
			for i, name := range want.Levels {
				if core.Memories[i].Name != name {
					t.Fatalf("memory %d is %s, want %s", i, core.Memories[i].Name, name)
				}
			}
			got, err := locality.New(w, core, links(w))
			if err != nil {
				t.Fatal(err)
			}
			if got.Weights != want.WeightLevel || got.WeightBits != want.WeightBits {
				t.Errorf("weights: %d bits up to memory %d, want %d and %d", got.WeightBits, got.Weights, want.WeightBits, want.WeightLevel)
			}
			if len(got.Layers) != len(want.Layers) {
				t.Errorf("%d layers, want %d", len(got.Layers), len(want.Layers))
			}
			for i, r := range got.Layers {
				id := strconv.Itoa(w.Layers[i].ID)
				if x, ok := want.Layers[id]; !ok || x != [2]int{r.Activations, r.Output} {
					t.Errorf("layer %s: activations up to memory %d, output to %d; want %v", id, r.Activations, r.Output, x)
				}
			}
		})
	}
}

// chain is a network of matrix products, each of which reads the one before.
func chain(sizes ...int) *workload.Workload {
	w := &workload.Workload{Name: "chain"}
	for i, n := range sizes {
		from := workload.Source{Kind: workload.FromConstant}
		if i > 0 {
			from = workload.Source{Kind: workload.FromLayer, Layer: i - 1}
		}
		w.Layers = append(w.Layers, workload.Layer{
			Name: "layer" + strconv.Itoa(i), Dims: []workload.LoopDim{{Dim: "C", Size: 32}, {Dim: "D", Size: n}, {Dim: "K", Size: 32}},
			Operands: []workload.Operand{
				{Name: "O", Dims: []workload.Dim{"D", "K"}, Bits: 16, FinalBits: 8},
				{Name: "I", Dims: []workload.Dim{"D", "C"}, Bits: 8, FinalBits: 8, Source: from},
				{Name: "W", Dims: []workload.Dim{"C", "K"}, Bits: 8, FinalBits: 8, Source: workload.Source{Kind: workload.FromConstant}},
			},
		})
	}
	return w
}

// TestCut: results that fit the on-chip memory stay there, others go up; the cut
// core has exactly the memories that are left.
func TestCut(t *testing.T) {
	core := nesttest.TPULike() // rf_128B (I2), rf_2B (O), sram_2MB (I1, O), dram
	big := 16777216/(32*24) + 1
	w := chain(100, 100, big, 100)
	p, err := locality.New(w, core, links(w))
	if err != nil {
		t.Fatal(err)
	}
	const sram, dram = 2, 3
	for i, want := range []locality.Record{{sram, sram}, {sram, sram}, {sram, dram}, {dram, sram}} {
		if p.Layers[i] != want {
			t.Errorf("layer %d: %v, want %v", i, p.Layers[i], want)
		}
	}
	names := func(i int) string {
		var s []string
		for _, m := range p.Core(i).Memories {
			n := m.Name
			for _, op := range m.Operands {
				n += " " + op.String()
			}
			s = append(s, n)
		}
		return strings.Join(s, ", ")
	}
	if got, want := names(0), "rf_128B I2, rf_2B O, sram_2MB I1 O, dram I2"; got != want {
		t.Errorf("layer 0 sees %s; want %s", got, want)
	}
	if got, want := names(3), "rf_128B I2, rf_2B O, sram_2MB I1 O, dram I1 I2"; got != want {
		t.Errorf("layer 3 sees %s; want %s", got, want)
	}
	for _, port := range p.Core(0).Memories[3].Ports {
		for _, s := range port.Services {
			if s.Operand != hardware.I2 {
				t.Errorf("the off-chip port still serves %v", s)
			}
		}
	}
	if len(core.Memories[3].Operands) != 3 {
		t.Error("cutting has changed the core itself")
	}
}

// TestBranches: what two layers read goes to the top, and so does what is read
// together with it.
func TestBranches(t *testing.T) {
	w := chain(100, 100, 100)
	w.Predecessors = [][]int{nil, {0}, {0, 1}}
	p, err := locality.New(w, nesttest.TPULike(), links(w))
	if err != nil {
		t.Fatal(err)
	}
	const sram, dram = 2, 3
	for i, want := range []locality.Record{{dram, dram}, {dram, dram}, {dram, sram}} {
		if p.Layers[i] != want {
			t.Errorf("layer %d: %v, want %v", i, p.Layers[i], want)
		}
	}
}

func TestNothingFits(t *testing.T) {
	core := nesttest.TPULike()
	core.Memories[2].Size, core.Memories[3].Size = 64, 64
	w := chain(100)
	if _, err := locality.New(w, core, links(w)); err == nil || !strings.Contains(err.Error(), "layer0: no memory of core tpu_like can hold") {
		t.Errorf("error %v", err)
	}
}
