package mapping_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"streamdse/hardware"
	hardwarezoo "streamdse/hardware/zoo"
	"streamdse/internal/golden"
	"streamdse/mapping"
	"streamdse/workload"
)

const listed = `- name: default
  core_allocation: [0, 1]
  intra_core_tiling:
    - OY, all
    - K, 2
  inter_core_tiling:
    - K, *
    - C, 3
- name: Conv
  core_allocation: [1, 0, 1]
  core_allocation_is_fixed: true
- name: /fc/Gemm
  spatial_mapping:
    D1: ["K, 8", "C, 2"]
    D2: []
  spatial_mapping_hint:
    D2: [C, FX]
  memory_operand_links: {O: O, W: I1, I: I2}
  temporal_ordering:
    - [OX, 112]
    - [K, "*"]
`

const grouped = `layers:
- name: Conv
  core_allocation: [[0, 1, 2, 3]]
  inter_core_tiling: [[{dim: D6, split: 4}]]
- name: Relu
  core_allocation: [[2, 3]]
- name: MaxPool
  core_allocation:
  - [4]
  kernel: {name: pool, kwargs: {}}
fused_groups:
- name: Front
  layers: [Conv, MaxPool]
  intra_core_tiling:
  - {dim: /maxpool/Max.Pool.D2, tile: 1}
- name: Rest
  layers: [Relu]
`

var ignorePlace = cmp.Options{cmpopts.IgnoreUnexported(mapping.Entry{}), cmpopts.IgnoreFields(mapping.Entry{}, "File", "Line"), cmpopts.IgnoreFields(mapping.Group{}, "File", "Line")}

func must(t testing.TB, text string) *mapping.Mapping {
	t.Helper()
	m, err := mapping.Parse("dir/m.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestList(t *testing.T) {
	got := must(t, listed)
	want := &mapping.Mapping{
		Name: "m",
		Entries: []mapping.Entry{
			{
				Name: "default", Cores: []int{0, 1},
				Intra: []mapping.Tiling{{Dim: "OY", Parts: mapping.All}, {Dim: "K", Parts: 2}},
				Inter: []mapping.Tiling{{Dim: "K", Parts: mapping.Free}, {Dim: "C", Parts: 3}},
			},
			{Name: "Conv", Cores: []int{1, 0, 1}, Fixed: true},
			{
				Name: "/fc/Gemm", Cores: []int{0}, Fixed: true,
				Spatial:  map[string][]hardware.Unrolling{"D1": {{Dim: "K", Factor: 8}, {Dim: "C", Factor: 2}}, "D2": {}},
				Hint:     map[string][]workload.Dim{"D2": {"C", "FX"}},
				Links:    map[string]hardware.MemoryOperand{"O": hardware.O, "W": hardware.I1, "I": hardware.I2},
				Temporal: []mapping.TemporalLoop{{Dim: "OX", Size: 112}, {Dim: "K"}},
			},
		},
	}
	if d := cmp.Diff(want, got, ignorePlace); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if e := got.Entries[2]; e.File != "dir/m.yaml" || e.Line != 12 {
		t.Errorf("third entry at %s:%d", e.File, e.Line)
	}
}

func TestLookup(t *testing.T) {
	m := must(t, listed)
	for _, c := range []struct{ name, typ, want string }{
		{"/fc/Gemm", "Conv", "/fc/Gemm"}, {"conv1", "Conv", "Conv"}, {"add", "Add", "default"},
	} {
		if e := m.Lookup(&workload.Layer{Name: c.name, Type: c.typ}); e == nil || e.Name != c.want {
			t.Errorf("%s of type %s: %v, want %s", c.name, c.typ, e, c.want)
		}
	}
	if e := must(t, grouped).Lookup(&workload.Layer{Name: "add", Type: "Add"}); e != nil {
		t.Errorf("an entry %q for a layer that none names", e.Name)
	}
	e := m.Lookup(&workload.Layer{Name: "/fc/Gemm"})
	if op, ok := e.MemoryOperand("W"); !ok || op != hardware.I1 {
		t.Errorf("W is in %v", op)
	}
	if op, ok := m.Entries[0].MemoryOperand("W"); !ok || op != hardware.I2 {
		t.Errorf("W is in %v", op)
	}
}

func TestGroups(t *testing.T) {
	got := must(t, grouped)
	want := &mapping.Mapping{
		Name: "m",
		Entries: []mapping.Entry{
			{Name: "Conv", Cores: []int{0, 1, 2, 3}, Fixed: true, Inter: []mapping.Tiling{{Dim: "D6", Parts: 4}}},
			{Name: "Relu", Cores: []int{2, 3}},
			{Name: "MaxPool", Cores: []int{4}, Fixed: true},
		},
		Groups: []mapping.Group{
			{Name: "Front", Layers: []string{"Conv", "MaxPool"}, Tiles: []mapping.LayerTiling{
				{Layer: "/maxpool/Max.Pool", Tiling: mapping.Tiling{Dim: "D2", Parts: 1, Size: true}},
			}},
			{Name: "Rest", Layers: []string{"Relu"}},
		},
	}
	if d := cmp.Diff(want, got, ignorePlace, cmpopts.IgnoreFields(mapping.Mapping{}, "Warnings")); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if len(got.Warnings) != 1 || got.Warnings[0].Line != 10 {
		t.Errorf("warnings %v", got.Warnings)
	}
}

func TestPosition(t *testing.T) {
	for d, want := range map[workload.Dim]int{"D0": 0, "D12": 12, "D": -1, "D01": -1, "K": -1, "DX": -1, "D-1": -1} {
		i, ok := mapping.Position(d)
		if ok != (want >= 0) || ok && i != want {
			t.Errorf("%s: %d, %v", d, i, ok)
		}
	}
}

func TestBad(t *testing.T) {
	for _, c := range []struct {
		name, text, want string
	}{
		{"empty", "", "m.yaml:1:1: the file is empty"},
		{"scalar", "Conv", "m.yaml:1:1: a mapping file is a list of entries, or has `entries`, or `layers` and `fused_groups`\n  hint: `stream inspect --hardware FILE --mapping generated` prints one to begin with"},
		{
			"no default", "- name: Conv\n  core_allocation: [0]\n",
			"m.yaml:1:1: there is no entry named `default`\n  hint: add one for the layers that no other entry names",
		},
		{
			"unknown keys", "- name: default\n  core_alocation: [0]\n  intra_core_tilling: []\n",
			"m.yaml:2:3: [0]: unknown key `core_alocation`\n" +
				"  allowed: name, core_allocation, core_allocation_is_fixed, intra_core_tiling, inter_core_tiling, spatial_mapping, spatial_mapping_hint, memory_operand_links, temporal_ordering, kernel, fixed\n" +
				"  hint: did you mean `core_allocation`?\n" +
				"m.yaml:3:3: [0]: unknown key `intra_core_tilling`\n" +
				"  allowed: name, core_allocation, core_allocation_is_fixed, intra_core_tiling, inter_core_tiling, spatial_mapping, spatial_mapping_hint, memory_operand_links, temporal_ordering, kernel, fixed\n" +
				"  hint: did you mean `intra_core_tiling`?",
		},
		{
			"no name", "- core_allocation: [0]\n- name: default\n",
			"m.yaml:1:3: [0]: required key `name` is missing",
		},
		{
			"name given twice", "- name: default\n- name: Conv\n- name: Conv\n",
			"m.yaml:3:9: [2].name: there is an entry for \"Conv\" on line 2 already\n  hint: merge the two: only the first would count",
		},
		{
			"cores", "- name: default\n  core_allocation: [0, -1, x, 0]\n- name: Conv\n  core_allocation: 3\n- name: Add\n  core_allocation: []\n",
			"m.yaml:2:24: [0].core_allocation[1]: must be at least 0, found -1\n" +
				"m.yaml:2:28: [0].core_allocation[2]: must be a whole number, found \"x\"\n" +
				"m.yaml:2:31: [0].core_allocation[3]: core 0 is named twice\n" +
				"  hint: with `core_allocation_is_fixed: true` the list has a core for every group, and may repeat\n" +
				"m.yaml:4:20: [1].core_allocation: must be a list, found 3\n" +
				"m.yaml:6:20: [2].core_allocation: must name at least one core",
		},
		{
			"tilings", "- name: default\n  intra_core_tiling: [\"OY, *\", \"OY 4\", \"oy, 4\", \"OY, 0\"]\n  inter_core_tiling: [\"K, some\", 4]\n",
			"m.yaml:2:23: [0].intra_core_tiling[0]: \"OY, *\" leaves the number of tiles open\n" +
				"  allowed: a loop dimension and a number of parts or all, such as \"OY, 4\"\n" +
				"  hint: only `inter_core_tiling` may leave it to the allocator\n" +
				"m.yaml:2:32: [0].intra_core_tiling[1]: cannot read the tiling \"OY 4\"\n" +
				"  allowed: a loop dimension and a number of parts or all, such as \"OY, 4\"\n" +
				"m.yaml:2:40: [0].intra_core_tiling[2]: cannot read the tiling \"oy, 4\"\n" +
				"  allowed: a loop dimension and a number of parts or all, such as \"OY, 4\"\n" +
				"m.yaml:2:49: [0].intra_core_tiling[3]: cannot read the tiling \"OY, 0\"\n" +
				"  allowed: a loop dimension and a number of parts or all, such as \"OY, 4\"\n" +
				"m.yaml:3:23: [0].inter_core_tiling[0]: cannot read the tiling \"K, some\"\n" +
				"  allowed: a loop dimension and a number of parts, all or *, such as \"K, 4\"\n" +
				"m.yaml:3:34: [0].inter_core_tiling[1]: cannot read the tiling \"4\"\n" +
				"  allowed: a loop dimension and a number of parts, all or *, such as \"K, 4\"",
		},
		{
			"single core", "- name: default\n  spatial_mapping: {D1: [\"K\"], X: [\"K, 2\"]}\n  spatial_mapping_hint: {D1: [k]}\n  memory_operand_links: {O: O, W: I1, I: I1}\n  temporal_ordering: [[K], [OX, 0], [OY, \"*\"]]\n",
			"m.yaml:2:26: [0].spatial_mapping.D1[0]: cannot read the unrolling \"K\"\n" +
				"  allowed: a loop dimension and a factor, such as \"K, 32\"\n" +
				"m.yaml:2:32: [0].spatial_mapping: \"X\" is no array dimension\n" +
				"  allowed: D1, D2, ...\n" +
				"m.yaml:3:31: [0].spatial_mapping_hint.D1[0]: \"k\" is no loop dimension\n" +
				"  allowed: upper-case names such as B, K, C, G, OY, OX, FY, FX\n" +
				"m.yaml:4:42: [0].memory_operand_links.I: I1 holds W already\n" +
				"  allowed: a different memory operand for each of O, W, I\n" +
				"m.yaml:5:23: [0].temporal_ordering[0]: must have two elements, found 1\n" +
				"  allowed: [dimension, size] or [dimension, \"*\"]\n" +
				"m.yaml:5:33: [0].temporal_ordering[1][1]: must be at least 1, found 0",
		},
		{
			"groups", "layers:\n- {name: Conv, core_allocation: [[0], [1]]}\n- {name: Add, core_allocation: [[0, 1]], inter_core_tiling: [[{dim: D1, split: 3}]]}\nfused_groups:\n- {name: A, layers: [], intra_core_tiling: [{dim: D2, tile: 1}]}\n",
			"m.yaml:2:33: layers[0].core_allocation: 2 groups of cores\n" +
				"  allowed: one group, such as [[0, 1, 2, 3]]\n" +
				"  hint: a choice between groups is not made here: keep the group that you want\n" +
				"m.yaml:3:32: layers[1].core_allocation: 3 parts for 2 cores\n" +
				"  allowed: as many parts as cores\n" +
				"  hint: change `inter_core_tiling` or the group\n" +
				"m.yaml:5:21: fused_groups[0].layers: a fusion group needs at least one layer\n" +
				"m.yaml:5:51: fused_groups[0].intra_core_tiling[0].dim: cannot read the dimension \"D2\"\n" +
				"  allowed: a layer and one of its dimensions, such as Conv1.D2",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := mapping.Parse("m.yaml", []byte(c.text))
			if err == nil {
				t.Fatal("no error")
			}
			if got := err.Error(); got != c.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, c.want)
			}
		})
	}
	file := filepath.Join(t.TempDir(), "none.yaml")
	if _, err := mapping.Load(file); err == nil || err.Error() != file+": there is no such mapping file" {
		t.Errorf("error %v", err)
	}
}

func TestCheck(t *testing.T) {
	acc, err := hardwarezoo.Load("tpu_like_quad_core")
	if err != nil {
		t.Fatal(err)
	}
	m := must(t, "- name: default\n  core_allocation: [0, 9]\n- name: Conv\n  core_allocation:\n    - 6\n- name: Add\n  core_allocation: [5, 4]\n  spatial_mapping: {D3: [\"K, 2\"], D4: [\"C, 2\"]}\n")
	want := "dir/m.yaml:2:20: entry \"default\": accelerator \"tpu_like_quad_core\" has no core 9\n" +
		"  allowed: cores 0, 1, 2, 3, 4, 5\n" +
		"dir/m.yaml:5:5: entry \"Conv\": core 6 is the off-chip core, which computes nothing\n" +
		"  allowed: cores 0, 1, 2, 3, 4, 5\n" +
		"dir/m.yaml:7:20: entry \"Add\": `spatial_mapping` unrolls on D4, which none of its cores has\n" +
		"  allowed: D1, D2, D3"
	if got := m.Check(acc).Error(); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	if p := must(t, "- name: default\n  core_allocation: [0, 5]\n").Check(acc); p.Err() != nil {
		t.Errorf("problems %v", p)
	}
}

// TestPublicEntries spot-checks public mapping files in each of the formats.
func TestPublicEntries(t *testing.T) {
	load := func(file string) *mapping.Mapping {
		m, err := mapping.Load(golden.Shared(t, "data/"+file))
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	fixed := load("stream-2024/examples/mapping/tpu_like_quad_core_resnet18_fixed_split.yaml")
	e := fixed.Lookup(&workload.Layer{Name: "/layer4/layer4.1/conv2/Conv", Type: "Conv"})
	if d := cmp.Diff([]int{0, 2, 1, 1, 3, 3, 3, 0}, e.Cores); d != "" || !e.Fixed {
		t.Errorf("cores %v, fixed %v", e.Cores, e.Fixed)
	}
	if len(fixed.Warnings) != 1 || !strings.Contains(fixed.Warnings[0].Message, "given twice") {
		t.Errorf("warnings %v", fixed.Warnings)
	}
	gemm := load("zigzag/mapping/gemm_l1.yaml").Entries[0]
	if d := cmp.Diff([]mapping.TemporalLoop{{Dim: "D1"}, {Dim: "D2"}, {Dim: "D0"}}, gemm.Temporal); d != "" {
		t.Errorf("temporal ordering: %s", d)
	}
	if d := cmp.Diff(map[string][]hardware.Unrolling{"D1": {{Dim: "D0", Factor: 8}}, "D2": {{Dim: "D2", Factor: 8}}, "D3": {{Dim: "D1", Factor: 8}}}, gemm.Spatial); d != "" {
		t.Errorf("spatial mapping: %s", d)
	}
	swiglu := load("stream-2026/examples/mapping/swiglu_tpu_v7_fused.yaml")
	if len(swiglu.Groups) != 1 || len(swiglu.Groups[0].Tiles) != 4 || swiglu.Groups[0].Tiles[3] != (mapping.LayerTiling{Layer: "Gemm_Down", Tiling: mapping.Tiling{Dim: "D1", Parts: 16, Size: true}}) {
		t.Errorf("groups %+v", swiglu.Groups)
	}
	if e := swiglu.Entries[0]; len(e.Cores) != 32 || !e.Fixed || e.Inter[0] != (mapping.Tiling{Dim: "D2", Parts: 32}) {
		t.Errorf("entry %+v", e)
	}
	resnet := load("stream-2026/examples/mapping/resnet18_tpu_quad_core.yaml")
	if len(resnet.Groups) != 11 || len(resnet.Groups[0].Layers) != 3 || resnet.Groups[1].Tiles[0].Layer != "/layer1/layer1.0/conv2/Conv" {
		t.Errorf("groups %+v", resnet.Groups)
	}
	aie := load("stream-2026/aie/mapping/swiglu_128_128_256.yaml")
	if e := aie.Entries[1]; e.Name != "Gemm_Right" || len(e.Intra) != 3 || e.Intra[1] != (mapping.Tiling{Dim: "D", Parts: 128}) {
		t.Errorf("entry %+v", e)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(listed)
	f.Add(grouped)
	f.Add("- {name: default, core_allocation: &c [0], kernel: *c}\n")
	f.Fuzz(func(t *testing.T, text string) {
		m, err := mapping.Parse("m.yaml", []byte(text))
		if (m == nil) == (err == nil) {
			t.Fatalf("mapping %v with error %v", m, err)
		}
	})
}

// TestOutermostMark: the entry that was meant to count from the outermost loop is
// read, and said to have no effect.
func TestOutermostMark(t *testing.T) {
	m, err := mapping.Parse("m.yaml", []byte("- name: default\n  temporal_ordering: [[FX, 3], [\"*\", \"*\"], [K, \"*\"]]\n"))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]mapping.TemporalLoop{{Dim: "FX", Size: 3}, {Dim: "K"}}, m.Entries[0].Temporal); d != "" {
		t.Error(d)
	}
	if len(m.Warnings) != 1 || !strings.Contains(m.Warnings[0].String(), `m.yaml:2:3: [0]: the entry "*" of a loop order has no effect`) {
		t.Errorf("warnings %v", m.Warnings)
	}
	_, err = mapping.Parse("m.yaml", []byte("- name: default\n  temporal_ordering: [[[], 3]]\n"))
	if err == nil || strings.Count(err.Error(), "\n") > 1 {
		t.Errorf("a list for a loop: %v", err)
	}
}

// TestUnmatched: entries that nothing in the network takes are told, near names one by
// one and the others together; those named like an operator type are for other networks.
func TestUnmatched(t *testing.T) {
	m := must(t, `
- {name: default}
- {name: Conv}
- {name: fc}
- {name: Softmax}
- {name: conv11}
- {name: Cnov}
- {name: somewhere}
- {name: layer_on_core1, core_allocation: [9]}
- {name: layer_on_core2, core_allocation: [9]}
- {name: layer_on_core3, core_allocation: [9]}
`)
	const want = `m.yaml:6:10: no layer of the network takes the entry "conv11", by its name or its type
  hint: did you mean ` + "`conv1`" + `?
m.yaml:7:10: no layer of the network takes the entry "Cnov", by its name or its type
  hint: did you mean ` + "`Conv`" + `?
m.yaml:8:10: no layer of the network takes the entries "somewhere", "layer_on_core1", "layer_on_core2" and 1 more, by its name or its type
  hint: ` + "`stream inspect` lists the names and types of the layers"
	if got := strings.ReplaceAll(m.Unmatched(cutNetwork(), []string{"Softmax"}).Error(), "dir/", ""); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := m.Idle(cutNetwork(), []string{"Softmax"}); fmt.Sprint(got) != "[4 5 6 7 8 9]" {
		t.Errorf("idle are %v", got)
	}
	acc := &hardware.Accelerator{Name: "one", Cores: make([]hardware.Core, 2), Offchip: 1}
	acc.Cores[0].Sizes = []int{4}
	if p := m.Check(acc); len(p) != 3 {
		t.Errorf("problems %v", p)
	}
	if p := m.Check(acc, m.Idle(cutNetwork(), []string{"Softmax"})...); len(p) != 0 {
		t.Errorf("problems of entries that nothing takes: %v", p)
	}
}
