package mapping_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"streamdse/mapping"
	"streamdse/workload"
)

// TestWriteRoundTrip writes mappings of both published formats and reads them again.
func TestWriteRoundTrip(t *testing.T) {
	for name, text := range map[string]string{"listed": listed, "grouped": grouped} {
		m, err := mapping.Parse("m.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		m.Warnings = nil // about keys that are not written again
		m.Entries[0].Keep = []mapping.Dimension{mapping.Splits, mapping.Cores}
		again := rewritten(t, m)
		if d := cmp.Diff(m, again, ignorePlace); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func rewritten(t interface {
	Helper()
	Fatal(...any)
}, m *mapping.Mapping) *mapping.Mapping {
	t.Helper()
	var b bytes.Buffer
	if err := m.Write(&b, "one\ntwo"); err != nil {
		t.Fatal(err)
	}
	again, err := mapping.Parse("m.yaml", b.Bytes())
	if err != nil {
		t.Fatal(err, b.String())
	}
	return again
}

// TestChoiceRoundTrip does the same with random choices.
func TestChoiceRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[/a-zA-Z][/a-zA-Z0-9_.#"'\\{}\[\]*&%é ]*[a-zA-Z/]`)
		c := &mapping.Choice{
			Mode:     rapid.SampledFrom([]string{"", "fused", "layer-by-layer"}).Draw(t, "mode"),
			Prefetch: rapid.SampledFrom([][]string{nil, {"W"}, {"W", "I"}}).Draw(t, "prefetch"),
			Order:    rapid.SampledFrom([]string{"stacks", "latency", "memory", ""}).Draw(t, "order"),
			Given:    mapping.Dimensions(),

			Transfers:  rapid.SampledFrom([]string{"", "backfill", "in-order"}).Draw(t, "transfers"),
			FetchOrder: rapid.SampledFrom([]string{"", "smallest", "largest", "listed"}).Draw(t, "fetch order"),
		}
		c.Stacks = rapid.SliceOfN(rapid.SliceOfN(rapid.IntRange(0, 99), 1, 4), 1, 4).Draw(t, "stacks")
		if c.Order == "" {
			c.First = []string{"3", "4.0", "4.1"}
		}
		c.SplitWeights = rapid.SampledFrom([]float64{0, 0.5, 1, 1.0 / 3}).Draw(t, "part")
		c.RecomputeHalo = rapid.Bool().Draw(t, "halo")
		for _, inter := range []bool{true, false} { // splits come first
			for range rapid.IntRange(0, 3).Draw(t, "cuts") {
				c.Cuts = append(c.Cuts, mapping.Cut{Layer: name.Draw(t, "layer"), Inter: inter, Tiling: mapping.Tiling{
					Dim: rapid.SampledFrom([]workload.Dim{"K", "OY", "D"}).Draw(t, "dim"), Parts: rapid.IntRange(1, 9).Draw(t, "parts"), Size: rapid.Bool().Draw(t, "size"),
				}})
			}
		}
		for range rapid.IntRange(1, 3).Draw(t, "layers") {
			c.Cores = append(c.Cores, mapping.LayerCores{
				ID: rapid.IntRange(0, 99).Draw(t, "id"), Layer: name.Draw(t, "layer"), Cores: rapid.SliceOfN(rapid.IntRange(0, 9), 1, 4).Draw(t, "cores"),
			})
		}
		again := rewritten(t, &mapping.Mapping{Name: "m", Choice: c, Explore: []mapping.Dimension{}, Entries: []mapping.Entry{{Name: "default", Cores: []int{0}, Fixed: true}}})
		// In the order in which the keys stand in the file.
		c.Given = again.Choice.Given
		if d := cmp.Diff(c, again.Choice); d != "" || len(again.Choice.Given) != 6 || again.Explore == nil {
			t.Fatalf("%s, explore %v", d, again.Explore)
		}
	})
}

// TestBadChoice reports everything that is wrong with a choice.
func TestBadChoice(t *testing.T) {
	_, err := mapping.Parse("m.yaml", []byte(`entries:
- {name: default, core_allocation: [0], fixed: [order]}
choice:
  order: fast
  split: ["K"]
  split_weights: 2
  cores: [{id: 1}]
explore: [core]
`))
	const want = `m.yaml:2:49: entries[0].fixed[0]: unknown value "order"
  allowed: cores, splits, tiles
m.yaml:4:10: choice.order: unknown value "fast"
  allowed: stacks, latency, memory
m.yaml:5:11: choice.split[0]: cannot read the tiling "K"
  allowed: [LAYER:]DIMENSION=PARTS, [LAYER:]DIMENSION=all or [LAYER:]DIMENSION:size=ELEMENTS
m.yaml:6:18: choice.split_weights: 2 is no part of a memory
  allowed: 0 to 1
m.yaml:7:11: choice.cores[0]: required key ` + "`layer`" + ` is missing
m.yaml:7:11: choice.cores[0]: required key ` + "`cores`" + ` is missing
m.yaml:8:11: explore[0]: unknown value "core"
  allowed: cores, splits, tiles, stacks, order, prefetch
  hint: did you mean ` + "`cores`" + `?`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}
