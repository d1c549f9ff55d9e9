package mapping

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Write writes the mapping as a file that Parse reads as the same, its choice and
// what is left to explore included. The comment, of one or more lines, comes first.
func (m *Mapping) Write(out io.Writer, comment string) error {
	w := writer{}
	for line := range strings.Lines(comment) {
		w.line("# %s", strings.TrimRight(line, "\n"))
	}
	w.line("entries:")
	for i := range m.Entries {
		w.entry(&m.Entries[i])
	}
	if len(m.Groups) > 0 {
		w.line("fused_groups:")
		for _, g := range m.Groups {
			w.line("- name: %s", quote(g.Name))
			w.line("  layers: %s", flow(g.Layers, quote))
			if len(g.Tiles) > 0 {
				w.line("  intra_core_tiling: %s", flow(g.Tiles, func(t LayerTiling) string {
					return fmt.Sprintf("{dim: %s, tile: %d}", quote(t.Layer+"."+string(t.Dim)), t.Parts)
				}))
			}
		}
	}
	if m.Choice != nil {
		w.choice(m.Choice)
	}
	if m.Explore != nil {
		w.line("explore: %s", flow(m.Explore, plain))
	}
	_, err := io.WriteString(out, w.text.String())
	return err
}

type writer struct{ text strings.Builder }

func (w *writer) line(format string, args ...any) {
	fmt.Fprintf(&w.text, format+"\n", args...)
}

// quote writes a text so that any YAML reader takes it as a text.
func quote(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string has an encoding
	return strings.TrimSpace(b.String())
}

func plain[T ~string](s T) string { return string(s) }

func number(n int) string { return fmt.Sprint(n) }

// flow writes a list in one line.
func flow[T any](list []T, element func(T) string) string {
	texts := make([]string, len(list))
	for i, x := range list {
		texts[i] = element(x)
	}
	return "[" + strings.Join(texts, ", ") + "]"
}

func (w *writer) entry(e *Entry) {
	w.line("- name: %s", quote(e.Name))
	w.line("  core_allocation: %s", flow(e.Cores, number))
	if e.Fixed && len(e.Cores) > 1 {
		w.line("  core_allocation_is_fixed: true")
	}
	if len(e.Keep) > 0 {
		w.line("  fixed: %s", flow(e.Keep, plain))
	}
	tiling := func(t Tiling) string {
		switch t.Parts {
		case All:
			return quote(string(t.Dim) + ", all")
		case Free:
			return quote(string(t.Dim) + ", *")
		}
		return quote(fmt.Sprintf("%s, %d", t.Dim, t.Parts))
	}
	if len(e.Intra) > 0 {
		w.line("  intra_core_tiling: %s", flow(e.Intra, tiling))
	}
	if len(e.Inter) > 0 {
		w.line("  inter_core_tiling: %s", flow(e.Inter, tiling))
	}
	if e.Spatial != nil {
		w.line("  spatial_mapping: {%s}", byArray(e.Spatial, func(u []string) string { return flow(u, quote) }, func(i int, d string) string {
			return fmt.Sprintf("%s, %d", e.Spatial[d][i].Dim, e.Spatial[d][i].Factor)
		}))
	}
	if e.Hint != nil {
		w.line("  spatial_mapping_hint: {%s}", byArray(e.Hint, func(u []string) string { return flow(u, plain[string]) }, func(i int, d string) string {
			return string(e.Hint[d][i])
		}))
	}
	if e.Links != nil {
		w.line("  memory_operand_links: {O: %v, W: %v, I: %v}", e.Links["O"], e.Links["W"], e.Links["I"])
	}
	if len(e.Temporal) > 0 {
		w.line("  temporal_ordering: %s", flow(e.Temporal, func(t TemporalLoop) string {
			if t.Size == 0 {
				return fmt.Sprintf(`[%s, "*"]`, t.Dim)
			}
			return fmt.Sprintf("[%s, %d]", t.Dim, t.Size)
		}))
	}
}

// byArray writes the lists of a mapping from array dimensions, in their order.
func byArray[T any](m map[string][]T, list func([]string) string, element func(i int, dim string) string) string {
	var parts []string
	for _, d := range slices.Sorted(maps.Keys(m)) {
		texts := make([]string, len(m[d]))
		for i := range texts {
			texts[i] = element(i, d)
		}
		parts = append(parts, d+": "+list(texts))
	}
	return strings.Join(parts, ", ")
}

func (w *writer) choice(c *Choice) {
	w.line("choice:")
	if c.Mode != "" {
		w.line("  mode: %s", c.Mode)
	}
	if c.Decides(Stacks) {
		w.line("  stacks: %s", flow(c.Stacks, func(ids []int) string { return flow(ids, number) }))
	}
	if c.Decides(Splits) {
		w.line("  split: %s", flow(CutTexts(c.Cuts, true), quote))
		w.line("  split_weights: %v", c.SplitWeights)
	}
	if c.Decides(Tiles) {
		w.line("  tile: %s", flow(CutTexts(c.Cuts, false), quote))
		w.line("  halo: %s", map[bool]string{false: "cache", true: "recompute"}[c.RecomputeHalo])
	}
	if c.Decides(Order) {
		if len(c.First) > 0 {
			w.line("  order: %s", flow(c.First, quote))
		} else {
			w.line("  order: %s", c.Order)
		}
	}
	if c.Decides(Prefetch) {
		w.line("  prefetch: %s", flow(c.Prefetch, plain[string]))
	}
	if c.Transfers != "" {
		w.line("  transfers: %s", c.Transfers)
	}
	if c.FetchOrder != "" {
		w.line("  fetch_order: %s", c.FetchOrder)
	}
	if c.Decides(Cores) {
		w.line("  cores:")
		for _, l := range c.Cores {
			w.line("  - {id: %d, layer: %s, cores: %s}", l.ID, quote(l.Layer), flow(l.Cores, number))
		}
	}
}

// CutTexts writes the cuts of one kind as ParseCuts reads them.
func CutTexts(cuts []Cut, inter bool) []string {
	var texts []string
	for _, c := range cuts {
		if c.Inter == inter {
			texts = append(texts, c.String())
		}
	}
	return texts
}
