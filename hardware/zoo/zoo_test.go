package zoo_test

import (
	"os"
	"path/filepath"
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

// TestPublic compares with the public accelerators of 2024 of the same name:
// everything but the names of cores and where they are drawn.
func TestPublic(t *testing.T) {
	for _, name := range zoo.Names() {
		t.Run(name, func(t *testing.T) {
			want, err := hardware.Load(golden.Shared(t, "data/stream-2024/examples/hardware/"+name+".yaml"))
			if err != nil {
				t.Fatal(err)
			}
			got := load(t, name)
			if d := cmp.Diff(want, got, exported, cmpopts.EquateEmpty(),
				cmpopts.IgnoreFields(hardware.Accelerator{}, "Name", "Warnings"),
				cmpopts.IgnoreFields(hardware.Core{}, "Name", "Position", "Warnings")); d != "" {
				t.Errorf("(-public +ours):\n%s", d)
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
		if d := cmp.Diff(want, got, exported, cmpopts.IgnoreFields(hardware.Accelerator{}, "Warnings"), cmpopts.IgnoreFields(hardware.Core{}, "Warnings")); d != "" {
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
