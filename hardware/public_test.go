package hardware_test

import (
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"streamdse/hardware"
	"streamdse/internal/golden"
)

// TestPublicFiles loads every public hardware file.
func TestPublicFiles(t *testing.T) {
	root := golden.Shared(t, "data")
	accelerators, cores := 0, 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		slashed := filepath.ToSlash(path)
		if err != nil || d.IsDir() || filepath.Ext(path) != ".yaml" || !strings.Contains(slashed, "/hardware/") && !strings.Contains(slashed, "core_offchip") {
			return err
		}
		if strings.Contains(slashed, "/cores/") || strings.Contains(slashed, "zigzag/hardware/") {
			cores++
			c, err := hardware.LoadCore(path)
			if err != nil {
				t.Error(err)
			} else if c.Name == "" || len(c.Memories) == 0 {
				t.Errorf("%s: core %+v", path, c)
			}
			return nil
		}
		accelerators++
		acc, err := hardware.Load(path)
		if err != nil {
			t.Error(err)
			return nil
		}
		for i := range acc.Cores {
			if acc.Top(i, hardware.O) < 0 {
				t.Errorf("%s: core %d has no top-level memory for O", path, i)
			}
			// Only the spare interface tiles of the AI-engine arrays have no links.
			if spare := acc.Cores[i].Kind == "aie2.shim" && i != acc.Offchip; acc.Hops(i, acc.Offchip) == nil && !spare {
				t.Errorf("%s: core %d has no path to the off-chip core", path, i)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if accelerators != 32 || cores != 52 {
		t.Errorf("%d accelerators and %d cores, want 32 and 52", accelerators, cores)
	}
}

// TestNotations compares cores that the public inputs have in both notations of ports.
func TestNotations(t *testing.T) {
	root := golden.Shared(t, "data")
	for _, c := range [][2]string{
		{"stream-2024/examples/hardware/cores/tpu_like.yaml", "stream-2026/testing/hardware/cores/tpu_like.yaml"},
		{"stream-2024/examples/hardware/cores/pooling.yaml", "stream-2026/testing/hardware/cores/pooling.yaml"},
		{"stream-2024/examples/hardware/cores/offchip.yaml", "stream-2026/testing/hardware/cores/offchip.yaml"},
		{"stream-2024/testing/hardware/cores/testing_core1.yaml", "stream-2026/testing/hardware/cores/testing_core1.yaml"},
		{"stream-2024/testing/hardware/cores/testing_core2.yaml", "stream-2026/testing/hardware/cores/testing_core2.yaml"},
		{"stream-2024/testing/hardware/cores/shared_testing_core1.yaml", "stream-2026/testing/hardware/cores/shared_testing_core2.yaml"},
	} {
		older, err := hardware.LoadCore(filepath.Join(root, c[0]))
		if err != nil {
			t.Fatal(err)
		}
		newer, err := hardware.LoadCore(filepath.Join(root, c[1]))
		if err != nil {
			t.Fatal(err)
		}
		if !hardware.EqualPerformance(older, newer) {
			t.Errorf("%s and %s differ", c[0], c[1])
		}
	}
}

// TestPublicStructure checks what is particular to a few accelerators.
func TestPublicStructure(t *testing.T) {
	load := func(file string) *hardware.Accelerator {
		acc, err := hardware.Load(golden.Shared(t, "data/"+file))
		if err != nil {
			t.Fatal(err)
		}
		return acc
	}
	hops := func(acc *hardware.Accelerator, from, to int, want ...int) {
		t.Helper()
		got := acc.Hops(from, to)
		if len(got) != len(want) {
			t.Errorf("%s: %d -> %d over %v, want %v", acc.Name, from, to, got, want)
			return
		}
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("%s: %d -> %d over %v, want %v", acc.Name, from, to, got, want)
				return
			}
		}
	}
	// the ring is closed at core 1 instead of core 0
	eyeriss := load("stream-2024/examples/hardware/eyeriss_like_quad_core.yaml")
	hops(eyeriss, 0, 3, 0, 1, 3)

	// two cores share one memory; the off-chip memory has three ports
	fusemax := load("stream-2024/examples/hardware/fusemax.yaml")
	if len(fusemax.Stores) != 2 || fusemax.Top(0, hardware.I1) != fusemax.Top(1, hardware.O) {
		t.Errorf("fusemax: stores %+v", fusemax.Stores)
	}
	to, from := fusemax.Links[fusemax.Path(0, 2)[0]], fusemax.Links[fusemax.Path(2, 1)[0]]
	if to.To != 2 || to.From != hardware.AnyCore || from.From != 2 || from.To != hardware.AnyCore || to.Bandwidth != 3200 || from.UnitEnergy != 512 {
		t.Errorf("fusemax: off-chip links %+v and %+v", to, from)
	}
	hops(fusemax, 0, 1, 0, 2, 1)

	// no detour through the off-chip core across a mesh of 6 x 6
	simba := load("stream-2024/examples/hardware/simba.yaml")
	if h := simba.Hops(0, 35); len(h) != 11 {
		t.Errorf("simba: 0 -> 35 over %v", h)
	}

	// four buses and point-to-point links; compute cores reach memory through their scratchpad
	tpu := load("stream-2026/examples/hardware/tpu_v7_ironwood.yaml")
	hops(tpu, 0, 40, 0, 9, 40)
	hops(tpu, 3, 8, 3, 8)
	if bus := tpu.Links[tpu.Path(3, 8)[0]]; !bus.Shared || len(bus.Members) != 10 || bus.Bandwidth != 416974 {
		t.Errorf("tpu: bus %+v", bus)
	}
	if tpu.TechnologyNode != "n3" || tpu.Cores[9].Kind != "memory" || *tpu.Cores[18].Position != (hardware.Position{Column: 1, Row: 8}) {
		t.Errorf("tpu: node %q, core 9 is %q, core 18 at %v", tpu.TechnologyNode, tpu.Cores[9].Kind, tpu.Cores[18].Position)
	}
	if got := tpu.Cores[0].OperatorTypes; len(got) != 4 || got[0] != "MatMul" {
		t.Errorf("tpu: operator types %v", got)
	}

	// two cores that a link and a bus join: the link comes first in the file
	quad := load("stream-2026/examples/hardware/tpu_like_quad_core.yaml")
	if l := quad.Links[quad.Path(0, 1)[0]]; l.Shared || l.Bandwidth != 32 {
		t.Errorf("quad: 0 -> 1 over %+v", l)
	}
	if lanes := quad.Lanes(0, 1); len(lanes) != 2 || !quad.Links[lanes[1][0]].Shared {
		t.Errorf("quad: 0 -> 1 over one of %v", lanes)
	}
	if l := quad.Links[quad.Path(0, 2)[0]]; !l.Shared || l.Bandwidth != 128 {
		t.Errorf("quad: 0 -> 2 over %+v", l)
	}

	// the format of July 2024: a mesh with helpers
	mesh := load("stream-2024/testing/hardware/simple_example_hw.yaml")
	if l := mesh.Links[mesh.Path(2, 3)[0]]; float64(l.Bandwidth) <= 1e18 || l.UnitEnergy != 0 {
		t.Errorf("mesh: pooling to SIMD over %+v", l)
	}
	if len(mesh.Links) != 2+4+6+1 || *mesh.Cores[1].Position != (hardware.Position{Column: 1}) {
		t.Errorf("mesh: %d links, core 1 at %v", len(mesh.Links), mesh.Cores[1].Position)
	}
	tall := load("stream-2024/testing/hardware/quad_testing_core_offchip.yaml")
	hops(tall, 0, 3, 0, 1, 3)

	// an AI-engine tile only stores
	aie := load("stream-2026/aie/hardware/single_core.yaml")
	if c := aie.Cores[2]; c.Kind != "aie2.compute" || c.Units() != 0 || c.Memories[0].Size != 524288 || c.Memories[0].Ports[0].Read != (hardware.Bandwidth{Min: 512, Max: 512}) {
		t.Errorf("aie: core %+v", c)
	}
}
