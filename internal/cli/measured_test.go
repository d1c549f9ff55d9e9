package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"regexp"
	"strings"
	"testing"
)

// A table of the documentation whose figures are measured stands below a line
//
//	<!-- measured: stream run FLAGS -->
//
// Its rows have more flags, in backticks in the first column, and in the others what
// the command says of the result: which figure, the heading tells. The figures of a
// row are those of one run, but those below the headings "layer by layer" and
// "fused" are latencies in that mode.
const measuredMark = "<!-- measured: stream run "

// measure is what a run says, as far as tables show it.
type measure struct {
	Latency int64 `json:"latency_cycles"`
	Energy  struct {
		Total   float64 `json:"total"`
		Offchip float64 `json:"offchip"`
	} `json:"energy_pj"`
	EDP   float64 `json:"edp"`
	Graph struct {
		Nodes      int   `json:"computation_nodes"`
		Data       int   `json:"data_dependencies"`
		Recomputed int64 `json:"recomputed_operations"`
	} `json:"graph"`
}

// figure is what stands below a heading.
func (m *measure) figure(heading string) (string, bool) {
	switch heading {
	case "nodes":
		return grouped(int64(m.Graph.Nodes)), true
	case "dependencies with data":
		return grouped(int64(m.Graph.Data)), true
	case "operations done again":
		return grouped(m.Graph.Recomputed), true
	case "latency, cycles", "layer by layer", "fused":
		return grouped(m.Latency), true
	case "energy, mJ":
		return fmt.Sprintf("%.3f", m.Energy.Total/1e9), true
	case "of it off-chip":
		return fmt.Sprintf("%.3f", m.Energy.Offchip/1e9), true
	case "EDP, pJ x cycles":
		return fmt.Sprintf("%.3fe%d", m.EDP/math.Pow10(int(math.Log10(m.EDP))), int(math.Log10(m.EDP))), true
	}
	return "", false
}

// grouped writes a number with commas between groups of three digits.
func grouped(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

var backticks = regexp.MustCompile("`([^`]*)`")

// TestMeasuredTables measures the tables of the documentation again.
// `go test ./internal/cli -run TestMeasuredTables -args -update` writes what it finds.
func TestMeasuredTables(t *testing.T) {
	rows := 0
	for _, p := range pages(t) {
		for at, line := range p.lines {
			flags, ok := strings.CutPrefix(line, measuredMark)
			if !ok {
				continue
			}
			flags = strings.TrimSuffix(flags, " -->")
			for at++; p.lines[at] == ""; at++ {
			}
			headings := cells(p.lines[at])
			for at += 2; at < len(p.lines) && strings.HasPrefix(p.lines[at], "|"); at++ {
				rows++
				t.Run(fmt.Sprintf("%s/%d", p.name, at+1), func(t *testing.T) {
					row := cells(p.lines[at])
					got := measured(t, flags, headings, row)
					if *update || strings.Join(got, "|") == strings.Join(row, "|") {
						p.lines[at] = "| " + strings.Join(got, " | ") + " |"
						return
					}
					t.Errorf("%s:%d: measured\n%s\nthe page says\n%s", p.name, at+1, strings.Join(got, " | "), strings.Join(row, " | "))
				})
			}
		}
		if *update {
			if err := os.WriteFile(p.name, []byte(strings.Join(p.lines, "\n")), 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	if rows < 20 {
		t.Errorf("%d rows", rows)
	}
}

// cells are the columns of a line of a table.
func cells(line string) []string {
	list := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
	for i := range list {
		list[i] = strings.TrimSpace(list[i])
	}
	return list
}

// measured is a row with its figures measured again.
func measured(t *testing.T, flags string, headings, row []string) []string {
	t.Helper()
	for _, code := range backticks.FindAllStringSubmatch(row[0], -1) {
		flags += " " + code[1]
	}
	var m *measure
	got := []string{row[0]}
	for _, h := range headings[1:] {
		if mode := strings.ReplaceAll(h, " ", "-"); mode == "fused" || mode == "layer-by-layer" {
			m = runMeasured(t, flags+" --mode "+mode)
		} else if m == nil {
			m = runMeasured(t, flags)
		}
		figure, ok := m.figure(h)
		if !ok {
			t.Fatalf("no figure is called %q", h)
		}
		got = append(got, figure)
	}
	return got
}

func runMeasured(t *testing.T, flags string) *measure {
	t.Helper()
	args := append([]string{"run", "--json", "--quiet", "--no-plots", "--output", t.TempDir()}, strings.Fields(flags)...)
	var stdout, stderr strings.Builder
	if status := run(context.Background(), args, &stdout, &stderr); status != 0 {
		t.Fatalf("stream run %s: %s", flags, &stderr)
	}
	var results []measure // one for each mode
	if err := json.Unmarshal([]byte(stdout.String()), &results); err != nil || len(results) != 1 {
		t.Fatalf("stream run %s: %d results, %v", flags, len(results), err)
	}
	return &results[0]
}
