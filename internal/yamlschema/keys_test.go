package yamlschema

import (
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"streamdse/hardware"
	"streamdse/internal/diag"
	"streamdse/internal/workloadyaml"
	"streamdse/mapping"
)

// Every mapping of every file has the keys that its reader knows: asked about a key
// that nobody has, the reader lists those that it would take.
func TestKeys(t *testing.T) {
	accelerator := func(text string) error {
		_, err := hardware.Parse("f", []byte(text), func(string) (string, []byte, error) { return "", nil, errors.New("no file") })
		return err
	}
	core := func(text string) error {
		_, err := hardware.ParseCore("f", []byte(text))
		return err
	}
	entries := func(text string) error {
		_, err := mapping.Parse("f", []byte(text))
		return err
	}
	layers := func(text string) error {
		_, err := workloadyaml.Parse("f", []byte(text))
		return err
	}
	old := "memories: {m: {r_bw: 1, operands: [O], ports: [{zzz: 1}], zzz: 1}}"
	for _, c := range []struct {
		read  func(string) error
		path  string // of the mapping in the text
		texts []string
		as    any
	}{
		{accelerator, "", []string{"cores: {}\nzzz: 1"}, Accelerator{}},
		{accelerator, "core_connectivity[0]", []string{"cores: {0: a, 1: b}\noffchip_core: c\ncore_connectivity: [{zzz: 1}]"}, Link{}},
		{accelerator, "", []string{"graph: {zzz: 1}\nzzz: 1"}, Mesh{}},
		{accelerator, "graph", []string{"name: x\ncores: []\ngraph: {zzz: 1}"}, Grid{}},
		{core, "", []string{"memories: {}\nzzz: 1", "memories: {}\nmultipliers: {}\nzzz: 1"}, Core{}},
		{core, "", []string{"memory: {}\nzzz: 1"}, Tile{}},
		{core, "memory", []string{"memory: {zzz: 1}"}, TileMemory{}},
		{core, "memories.m", []string{"memories: {m: {zzz: 1}}", old}, Memory{}},
		{core, "memories.m.ports[0]", []string{"memories: {m: {ports: [{name: r_port_1, zzz: 1}]}}"}, Port{}},
		{core, "memories.m.ports[0]", []string{old}, PortMap{}},
		{core, "operational_array", []string{"memories: {}\noperational_array: {zzz: 1}"}, Array{}},
		{entries, "[0]", []string{"- zzz: 1"}, Entry{}},
		{entries, "[0].memory_operand_links", []string{"- memory_operand_links: {zzz: 1}"}, MemoryLinks{}},
		{entries, "", []string{"entries: []\nzzz: 1"}, Chosen{}},
		{entries, "choice", []string{"entries: []\nchoice: {zzz: 1}"}, Choice{}},
		{entries, "choice.cores[0]", []string{"entries: []\nchoice: {cores: [{zzz: 1}]}"}, OnCores{}},
		{entries, "", []string{"layers: []\nzzz: 1"}, Grouped{}},
		{entries, "layers[0]", []string{"layers: [{zzz: 1}]"}, GroupedLayer{}},
		{entries, "layers[0].inter_core_tiling[0][0]", []string{"layers: [{core_allocation: [[0]], inter_core_tiling: [[{zzz: 1}]]}]"}, DimSplit{}},
		{entries, "fused_groups[0]", []string{"layers: []\nfused_groups: [{zzz: 1}]"}, FusedGroup{}},
		{entries, "fused_groups[0].intra_core_tiling[0]", []string{"layers: []\nfused_groups: [{intra_core_tiling: [{zzz: 1}]}]"}, LayerTile{}},
		{layers, "[0]", []string{"- zzz: 1"}, Layer{}},
	} {
		want := map[string]bool{}
		for _, text := range c.texts {
			var list diag.List
			errors.As(c.read(text), &list)
			message := "unknown key `zzz`"
			if c.path != "" {
				message = c.path + ": " + message
			}
			i := slices.IndexFunc(list, func(p diag.Problem) bool { return p.Message == message })
			if i < 0 {
				t.Errorf("%T: no problem %q in\n%v", c.as, message, list)
				continue
			}
			for key := range strings.SplitSeq(list[i].Allowed, ", ") {
				want[key] = true
			}
		}
		known, got := slices.Sorted(maps.Keys(want)), keysOf(reflect.TypeOf(c.as))
		slices.Sort(got)
		if !slices.Equal(known, got) {
			t.Errorf("%T has the keys\n%v, its reader knows\n%v", c.as, got, known)
		}
	}
}

// keysOf lists the keys of a type.
func keysOf(t reflect.Type) []string {
	var keys []string
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			keys = append(keys, keysOf(f.Type)...)
			continue
		}
		key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		keys = append(keys, key)
	}
	return keys
}

// A schema notices what is wrong.
func TestBadFiles(t *testing.T) {
	const good = `name: c
memories:
  m: {size: 8, r_cost: 1, w_cost: 1, area: 0, operands: [O], ports: [{name: r_port_1, type: read, bandwidth_min: 1, bandwidth_max: 8, allocation: ["O, tl"]}], served_dimensions: [D1]}
operational_array: {dimensions: [D1], sizes: [4], unit_energy: 1}
`
	for _, c := range []struct{ schema, from, to, text string }{
		{"core", "", "", good},
		{"core", "size: 8", "size: big", good},
		{"core", "size: 8", "size: 0", good},
		{"core", "size: 8", "siez: 8", good},
		{"core", "[O]", "[W]", good},
		{"core", "O, tl", "O tl", good},
		{"core", "operational_array", "operational", good},
		{"core", "type: read,", "type: raed,", good},
		{"mapping", "", "", "- {name: default, core_allocation: [0], intra_core_tiling: [\"OY, all\"]}"},
		{"mapping", "OY, all", "OY all", "- {name: default, intra_core_tiling: [\"OY, all\"]}"},
		{"mapping", "name", "nmae", "- {name: default}"},
		{"hardware", "", "", "{name: a, cores: {0: x.yaml}, core_connectivity: [], offchip_core: y.yaml}"},
		{"hardware", "core_conn", "conn", "{name: a, cores: {0: x.yaml}, core_connectivity: [], offchip_core: y.yaml}"},
		{"hardware", "[0, 1]", "[x]", "{name: a, cores: {0: x.yaml}, core_connectivity: [{cores: [0, 1]}]}"},
		{"workload", "id: 0", "id: -1", "- {id: 0, operator_type: Add, equation: e, loop_dims: [K], loop_sizes: [4], operand_precision: {O: 8}}"},
		{"workload", "[4]", "[x]", "- {id: 0, operator_type: Add, equation: e, loop_dims: [K], loop_sizes: [4], operand_precision: {O: 8}}"},
	} {
		text := strings.Replace(c.text, c.from, c.to, 1)
		if c.from != "" && text == c.text {
			t.Fatalf("%q is not in the text", c.from)
		}
		if err := published(t, c.schema).Validate(decode(t, []byte(text))); (err == nil) != (c.from == "") {
			t.Errorf("%s with %q for %q: %v", c.schema, c.to, c.from, err)
		}
	}
}
