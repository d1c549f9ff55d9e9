package report

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"streamdse/unit"
)

// Saved says where the files of a result are.
type Saved struct {
	Mode  string
	Dir   string
	Files []string
}

// Summary writes a table that sets results beside each other, one column each,
// with the ratio of the second to the first if there are two; then where their
// files are.
func Summary(w io.Writer, results []*Result, saved []Saved) error {
	t := newTable(results)
	t.figures("latency", func(r *Result) (float64, string, string) {
		return float64(r.Latency), humanCycles(r.Latency), exact(int64(r.Latency))
	})
	t.energy("energy", func(r *Result) unit.Picojoules { return r.Energy.Total })
	t.energy("  cores", func(r *Result) unit.Picojoules { return r.Energy.Core })
	t.energy("  off-chip", func(r *Result) unit.Picojoules { return r.Energy.Offchip })
	t.energy("  links", func(r *Result) unit.Picojoules { return r.Energy.Links })
	t.energy("  core-to-core memories", func(r *Result) unit.Picojoules { return r.Energy.CoreToCoreMemory })
	t.figures("EDP", func(r *Result) (float64, string, string) {
		return r.EDP, scientific(r.EDP) + " pJ·cycles", ""
	})
	for _, m := range memoryKinds(results) {
		t.figures("peak of "+m.title(), func(r *Result) (float64, string, string) {
			p := m.peak(r)
			share := ""
			if m.capacity > 0 && !m.offchip {
				share = humanPercent(float64(p) / float64(m.capacity))
			}
			return float64(p), humanBytes(p), share
		})
	}
	t.count("computation nodes", func(r *Result) int { return r.Graph.ComputationNodes })
	if slices.ContainsFunc(results, func(r *Result) bool { return r.Graph.Recomputed > 0 }) {
		t.count("  recomputed operations", func(r *Result) int { return int(r.Graph.Recomputed) })
	}
	t.count("dependencies", func(r *Result) int { return r.Graph.Dependencies })
	t.count("  that carry data", func(r *Result) int { return r.Graph.DataDependencies })
	if slices.ContainsFunc(results, func(r *Result) bool { return r.Search.AtLeast > 0 }) {
		t.figures("allocation", func(r *Result) (float64, string, string) { return math.NaN(), optimality(r), "" })
	}
	if slices.ContainsFunc(results, func(r *Result) bool { return r.LowerBound.Latency > 0 }) {
		t.figures("lower bound of latency", func(r *Result) (float64, string, string) {
			return float64(r.LowerBound.Latency), humanCycles(r.LowerBound.Latency), exact(int64(r.LowerBound.Latency))
		})
		t.figures("  set by", func(r *Result) (float64, string, string) { return math.NaN(), r.LowerBound.SetBy, "" })
		t.times("  latency is", func(r *Result) (float64, float64) { return float64(r.Latency), float64(r.LowerBound.Latency) })
		t.energy("lower bound of energy", func(r *Result) unit.Picojoules { return r.LowerBound.Energy })
		t.figures("  set by", func(r *Result) (float64, string, string) { return math.NaN(), r.LowerBound.EnergySetBy, "" })
		t.times("  energy is", func(r *Result) (float64, float64) { return float64(r.Energy.Total), float64(r.LowerBound.Energy) })
	}
	if err := t.write(w); err != nil {
		return err
	}
	if len(results) == 2 {
		if _, err := fmt.Fprintf(w, "\nratio: %s to %s\n", modeName(results[1].Inputs.Mode), modeName(results[0].Inputs.Mode)); err != nil {
			return err
		}
	}
	for i, s := range saved {
		gap := ""
		if i == 0 {
			gap = "\n"
		}
		if _, err := fmt.Fprintf(w, "%s%s: %s\n  %s\n", gap, modeName(s.Mode), s.Dir, strings.Join(s.Files, "  ")); err != nil {
			return err
		}
	}
	return nil
}

// optimality says what the search has shown of its allocation.
func optimality(r *Result) string {
	value := map[string]float64{"latency": float64(r.Latency), "energy": float64(r.Energy.Total), "edp": r.EDP}[r.Inputs.Objective]
	switch {
	case r.Search.Proven:
		return "proven optimal"
	case r.Search.AtLeast <= 0 || value <= 0:
		return "unproven"
	}
	return "at most " + humanPercent(1-r.Search.AtLeast/value) + " off"
}

// memoryKind is all memories of one name and size.
type memoryKind struct {
	name     string
	capacity unit.Bits
	offchip  bool
	count    int
}

func (m *memoryKind) title() string {
	if m.offchip {
		return m.name + " (off-chip)"
	}
	of := humanBytes(m.capacity)
	if m.count > 1 {
		of = strconv.Itoa(m.count) + " of " + of
	}
	return m.name + " (" + of + ")"
}

func (m *memoryKind) has(u *MemoryUse) bool {
	return m.name == u.Name && m.capacity == u.Capacity && m.offchip == u.Offchip
}

// peak is the highest use of any of the memories.
func (m *memoryKind) peak(r *Result) unit.Bits {
	var p unit.Bits
	for i := range r.Memories {
		if m.has(&r.Memories[i]) {
			p = max(p, r.Memories[i].Peak)
		}
	}
	return p
}

// memoryKinds lists the kinds of memories of the results, in their order.
func memoryKinds(results []*Result) []memoryKind {
	var kinds []memoryKind
	for _, r := range results {
		counts := make([]int, len(kinds), len(kinds)+len(r.Memories))
		for i := range r.Memories {
			u := &r.Memories[i]
			k := slices.IndexFunc(kinds, func(m memoryKind) bool { return m.has(u) })
			if k < 0 {
				k = len(kinds)
				kinds = append(kinds, memoryKind{u.Name, u.Capacity, u.Offchip, 0})
				counts = append(counts, 0)
			}
			counts[k]++
		}
		for k, n := range counts {
			kinds[k].count = max(kinds[k].count, n)
		}
	}
	return kinds
}

// table is rows of cells. The first column is aligned left, all others right.
type table struct {
	results []*Result
	rows    [][]string
}

func newTable(results []*Result) *table {
	head := []string{""}
	for _, r := range results {
		head = append(head, modeName(r.Inputs.Mode), "")
	}
	if len(results) == 2 {
		head = append(head, "ratio")
	}
	return &table{results, [][]string{head}}
}

// figures adds a row: per result a figure for people and the same in full, and
// the ratio of the values.
func (t *table) figures(label string, figure func(*Result) (value float64, human, full string)) {
	row := []string{label}
	var values []float64
	for _, r := range t.results {
		v, human, full := figure(r)
		values = append(values, v)
		if math.IsNaN(v) && full == "" { // words have both columns
			human, full = "", human
		}
		row = append(row, human, full)
	}
	if len(values) == 2 {
		ratio := ""
		if values[0] != 0 && !math.IsNaN(values[0]+values[1]) {
			ratio = strconv.FormatFloat(values[1]/values[0], 'f', 3, 64)
		}
		row = append(row, ratio)
	}
	t.rows = append(t.rows, row)
}

// energy adds a row, unless it is 0 everywhere.
func (t *table) energy(label string, of func(*Result) unit.Picojoules) {
	if !slices.ContainsFunc(t.results, func(r *Result) bool { return of(r) != 0 }) {
		return
	}
	t.figures(label, func(r *Result) (float64, string, string) {
		e := of(r)
		return float64(e), humanEnergy(e), exactFloat(float64(e)) + " pJ"
	})
}

// times adds a row that says how many times its bound a figure is. A ratio of such
// gaps would say nothing.
func (t *table) times(label string, figure func(*Result) (value, bound float64)) {
	t.figures(label, func(r *Result) (float64, string, string) {
		value, bound := figure(r)
		if bound <= 0 {
			return math.NaN(), "unknown", ""
		}
		return math.NaN(), strconv.FormatFloat(value/bound, 'f', 3, 64) + " x the bound", ""
	})
}

func (t *table) count(label string, of func(*Result) int) {
	t.figures(label, func(r *Result) (float64, string, string) {
		return float64(of(r)), exact(int64(of(r))), ""
	})
}

// spans tells whether the second figure of a result has the place of both.
func spans(row []string, i int) bool {
	return i > 0 && i < len(row) && i%2 == 0 && row[i-1] == "" && row[i] != ""
}

func (t *table) write(w io.Writer) error {
	widths := make([]int, len(t.rows[0]))
	for _, row := range t.rows[1:] {
		for i, cell := range row {
			if !spans(row, i) {
				widths[i] = max(widths[i], utf8.RuneCountInString(cell))
			}
		}
	}
	// Headings and words stand in both columns of their result.
	for n, row := range t.rows {
		for i := 1; i+1 < len(widths); i += 2 {
			text := row[i+1]
			if n == 0 {
				text = row[i]
			} else if row[i] != "" {
				continue
			}
			widths[i+1] = max(widths[i+1], utf8.RuneCountInString(text)-widths[i]-2)
		}
	}
	last := len(widths) - 1
	widths[last] = max(widths[last], utf8.RuneCountInString(t.rows[0][last]))
	var b strings.Builder
	for n, row := range t.rows {
		var line strings.Builder
		for i := 0; i < len(row); i++ {
			cell, width := row[i], widths[i]
			if n == 0 && i > 0 && i+1 < len(row) && i%2 == 1 {
				width += 2 + widths[i+1]
				i++
			}
			if n > 0 && spans(row, i+1) {
				cell, width = row[i+1], width+2+widths[i+1]
				i++
			}
			fill := strings.Repeat(" ", width-utf8.RuneCountInString(cell))
			switch {
			case i == 0:
				line.WriteString(cell + fill)
			default:
				line.WriteString("  " + fill + cell)
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}
