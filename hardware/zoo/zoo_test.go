package zoo_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"streamdse/hardware"
	"streamdse/hardware/zoo"
	"streamdse/internal/golden"
)

func load(t *testing.T, name string) *hardware.Accelerator {
	t.Helper()
	acc, err := zoo.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	return acc
}

var exported = cmp.AllowUnexported(hardware.Accelerator{})

// ignored is what comparisons with public files leave out: names of cores, where
// they are drawn, and warnings.
var ignored = cmp.Options{
	exported, cmpopts.EquateEmpty(),
	cmpopts.IgnoreFields(hardware.Accelerator{}, "Name", "Warnings"),
	cmpopts.IgnoreFields(hardware.Core{}, "Name", "Position", "File", "Line", "OperatorTypesAt", "Warnings"),
}

// TestPublic compares with the public accelerators of the same chips, number by
// number, but for the differences that are listed. An unrolling that is larger than
// its array dimension counts as what is left of it.
func TestPublic(t *testing.T) {
	for name, c := range map[string]struct {
		file string
		// Fields that differ on purpose, and why.
		except cmp.Option
		why    string
	}{
		"tpu_like_quad_core":       {file: "stream-2024/examples/hardware/tpu_like_quad_core"},
		"eyeriss_like_single_core": {file: "stream-2024/examples/hardware/eyeriss_like_single_core"},
		"eyeriss_like_dual_core":   {file: "stream-2024/examples/hardware/eyeriss_like_dual_core"},
		"eyeriss_like_quad_core": {
			file:   "stream-2024/examples/hardware/eyeriss_like_quad_core",
			except: cmpopts.IgnoreFields(hardware.Accelerator{}, "Links", "paths", "hops"),
			why:    "the ring is closed with the link 3 - 0 instead of 3 - 1",
		},
		"meta_prototype_dual_core": {file: "stream-2024/examples/hardware/meta_prototype_dual_core_simd_offchip"},
		"simba_small":              {file: "stream-2024/examples/hardware/simba_small"},
		"simba":                    {file: "stream-2024/examples/hardware/simba"},
		"fusemax":                  {file: "stream-2024/examples/hardware/fusemax"},
		"tpu_v7": {
			file:   "stream-2026/examples/hardware/tpu_v7_ironwood",
			except: cmpopts.IgnoreFields(hardware.Core{}, "OperatorTypes"),
			why:    "the vector units take pooling and normalisation too, and what these are made of",
		},
	} {
		t.Run(name, func(t *testing.T) {
			want, err := hardware.Load(golden.Shared(t, "data/"+c.file+".yaml"))
			if err != nil {
				t.Fatal(err)
			}
			got := load(t, name)
			options := cmp.Options{ignored}
			if c.except != nil {
				options = append(options, c.except)
				if cmp.Equal(want, got, ignored) {
					t.Errorf("no difference is left, not even that %s", c.why)
				}
			}
			for i := range want.Cores {
				cut(&want.Cores[i])
			}
			if d := cmp.Diff(want, got, options); d != "" {
				t.Errorf("(-public +ours):\n%s", d)
			}
		})
	}
}

// cut caps the unrollings of a core at its array.
func cut(c *hardware.Core) {
	for d, loops := range c.Dataflow {
		for i := range loops {
			loops[i].Factor = min(loops[i].Factor, c.Sizes[d])
		}
	}
}

// TestDifferences checks what TestPublic leaves out.
func TestDifferences(t *testing.T) {
	ring := load(t, "eyeriss_like_quad_core")
	public, err := hardware.Load(golden.Shared(t, "data/stream-2024/examples/hardware/eyeriss_like_quad_core.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if len(ring.Links) != len(public.Links) {
		t.Fatalf("%d links, the public accelerator has %d", len(ring.Links), len(public.Links))
	}
	for i, l := range public.Links {
		ours := ring.Links[i]
		if i == 6 || i == 7 { // the fourth link, in both directions
			ours.From, ours.To = l.From, l.To
		}
		if d := cmp.Diff(l, ours); d != "" {
			t.Errorf("link %d: %s", i, d)
		}
	}
	if h := ring.Hops(0, 3); len(h) != 2 {
		t.Errorf("ring: 0 -> 3 over %v", h)
	}
	tpu := load(t, "tpu_v7")
	for i := range tpu.Cores {
		types := tpu.Cores[i].OperatorTypes
		switch tpu.Cores[i].Name {
		case "tpu_v7_mxu":
			if !slices.Equal(types, []string{"MatMul", "Gemm", "Conv", "Einsum"}) {
				t.Errorf("core %d takes %v", i, types)
			}
		case "tpu_v7_vpu":
			if len(types) != 24 || !slices.Contains(types, "Softmax") || !slices.Contains(types, "MaxPool") || slices.Contains(types, "Conv") {
				t.Errorf("core %d takes %v", i, types)
			}
		}
	}
}

// TestPublicSingleCores compares with the public single cores: their last memory is
// the off-chip memory here.
func TestPublicSingleCores(t *testing.T) {
	for _, name := range []string{"edge_tpu_like", "ascend_like"} {
		t.Run(name, func(t *testing.T) {
			want, err := hardware.LoadCore(golden.Shared(t, "data/zigzag/hardware/"+name+".yaml"))
			if err != nil {
				t.Fatal(err)
			}
			acc := load(t, name)
			inner := *want
			inner.Memories = want.Memories[:len(want.Memories)-1]
			if d := cmp.Diff(&inner, &acc.Cores[0], ignored); d != "" {
				t.Errorf("(-public +ours):\n%s", d)
			}
			// One instance serves the whole array, whatever its dimensions are called.
			off := cmpopts.IgnoreFields(hardware.Memory{}, "Served")
			if d := cmp.Diff(want.Memories[len(want.Memories)-1], acc.Cores[acc.Offchip].Memories[0], off); d != "" {
				t.Errorf("off-chip memory (-public +ours):\n%s", d)
			}
		})
	}
}

// TestExport writes the sources of every accelerator to a folder and loads them from there.
func TestExport(t *testing.T) {
	for _, name := range zoo.Names() {
		dir := t.TempDir()
		source, err := zoo.Source(name)
		if err != nil {
			t.Fatal(err)
		}
		for file, text := range source {
			p := filepath.Join(dir, filepath.FromSlash(file))
			if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := hardware.Load(filepath.Join(dir, name+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		want := load(t, name)
		if d := cmp.Diff(want, got, exported, cmpopts.IgnoreFields(hardware.Accelerator{}, "Warnings"), cmpopts.IgnoreFields(hardware.Core{}, "File", "Line", "OperatorTypesAt", "Warnings")); d != "" {
			t.Errorf("%s (-built-in +exported):\n%s", name, d)
		}
	}
}

// TestQuadCore spot-checks the figures of tpu_like_quad_core term by term.
func TestQuadCore(t *testing.T) {
	acc := load(t, "tpu_like_quad_core")
	if len(acc.Cores) != 7 || acc.Offchip != 6 || len(acc.Warnings) != 0 {
		t.Fatalf("%d cores, off-chip core %d, warnings %v", len(acc.Cores), acc.Offchip, acc.Warnings)
	}
	for id := range 4 {
		c := &acc.Cores[id]
		if c.Units() != 1024 || c.UnitEnergy != 0.04 || c.Kind != "compute" || !hardware.EqualPerformance(c, &acc.Cores[0]) {
			t.Errorf("core %d: %d units of %v pJ, kind %s", id, c.Units(), c.UnitEnergy, c.Kind)
		}
		if d := cmp.Diff(hardware.Dataflow{{{Dim: "K", Factor: 32}}, {{Dim: "C", Factor: 32}}}, c.Dataflow); d != "" {
			t.Errorf("core %d: dataflow %s", id, d)
		}
		s := acc.Stores[acc.Top(id, hardware.I1)]
		if s.Capacity != 2<<23 || s.ReadBandwidth != 2048 || s.WriteBandwidth != 2048 || s.Memory.ReadCost != 416.16 || s.Memory.WriteCost != 378.4 {
			t.Errorf("core %d: store %+v", id, s)
		}
		for _, op := range []hardware.MemoryOperand{hardware.I2, hardware.O} {
			if acc.Top(id, op) != acc.Top(id, hardware.I1) {
				t.Errorf("core %d: %v has another store than I1", id, op)
			}
		}
	}
	for _, c := range []struct {
		from, to int
		hops     []int
	}{{0, 2, []int{0, 1, 2}}, {1, 3, []int{1, 2, 3}}, {2, 0, []int{2, 1, 0}}, {3, 1, []int{3, 0, 1}}, {4, 5, []int{4, 0, 5}}, {0, 6, []int{0, 6}}} {
		if d := cmp.Diff(c.hops, acc.Hops(c.from, c.to)); d != "" {
			t.Errorf("%d -> %d: %s", c.from, c.to, d)
		}
	}
	off := acc.Links[acc.Path(3, 6)[0]]
	if acc.Path(3, 6)[0] != acc.Path(6, 0)[0] || off.Bandwidth != 64 || !off.Shared || len(off.Members) != 7 {
		t.Errorf("off-chip link %+v", off)
	}
	if l := acc.Links[acc.Path(0, 4)[0]]; l.Bandwidth != 32 || l.From != 0 || l.To != 4 || l.Shared {
		t.Errorf("link %+v", l)
	}
	if d := cmp.Diff([]int{0, 1, 2, 3, 4, 5, 6}, acc.CoreOrder); d != "" {
		t.Errorf("core order: %s", d)
	}
}

func TestUnknown(t *testing.T) {
	_, err := zoo.Load("tpu_like_quad")
	if err == nil || !strings.Contains(err.Error(), "did you mean `tpu_like_quad_core`?") {
		t.Errorf("error %v", err)
	}
	if _, err := zoo.Load("cores/../tpu_like_quad_core"); err == nil {
		t.Error("a path is no name")
	}
}
