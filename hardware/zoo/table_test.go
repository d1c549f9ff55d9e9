package zoo_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"streamdse/hardware"
	"streamdse/hardware/zoo"
	"streamdse/internal/golden"
	"streamdse/unit"
)

var update = flag.Bool("update", false, "rewrite the table of built-in accelerators in docs/hardware.md")

// TestDocumentedTable compares the table in docs/hardware.md with the accelerators.
func TestDocumentedTable(t *testing.T) {
	const begin, end = "<!-- zoo table: go test ./hardware/zoo -update -->\n", "<!-- end of zoo table -->"
	file := filepath.Join(golden.Root(), "docs", "hardware.md")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	table, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("no lines %q and %q in %s", begin, end, file)
	}
	want := "| name | cores | operations a cycle | top-level memory on chip | off-chip, bits a cycle |\n| --- | --- | ---: | ---: | ---: |\n"
	for _, name := range zoo.Names() {
		want += row(load(t, name))
	}
	if *update {
		if err := os.WriteFile(file, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := cmp.Diff(want, table); d != "" {
		t.Errorf("the table is out of date; run go test ./hardware/zoo -update (-accelerators +table):\n%s", d)
	}
}

// row describes an accelerator.
func row(acc *hardware.Accelerator) string {
	var units int64
	var kinds []string
	count := map[string]int{}
	for i := range acc.Cores {
		c := &acc.Cores[i]
		if i == acc.Offchip {
			continue
		}
		units += c.Units()
		kind := c.Name
		if c.Units() > 0 {
			var sizes []string
			for _, s := range c.Sizes {
				sizes = append(sizes, fmt.Sprint(s))
			}
			kind += " (" + strings.Join(sizes, " x ") + ")"
		}
		if count[kind]++; !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
	}
	var onChip unit.Bits
	for i := range acc.Stores {
		if !slices.Contains(acc.Stores[i].Cores, acc.Offchip) {
			onChip += acc.Stores[i].Capacity
		}
	}
	for i, kind := range kinds {
		if count[kind] > 1 {
			kinds[i] = fmt.Sprintf("%d x %s", count[kind], kind)
		}
	}
	// the links into and out of the off-chip core
	var bandwidths []string
	for i := range acc.Links {
		l := &acc.Links[i]
		if l.From == acc.Offchip || l.To == acc.Offchip || slices.Contains(l.Members, acc.Offchip) {
			text := fmt.Sprintf("%g", float64(l.Bandwidth))
			switch {
			case l.From == acc.Offchip:
				text += " in"
			case l.To == acc.Offchip:
				text += " out"
			}
			bandwidths = append(bandwidths, text)
		}
	}
	return fmt.Sprintf("| `%s` | %s | %d | %s | %s |\n", acc.Name, strings.Join(kinds, ", "), units, onChip.Bytes(), strings.Join(bandwidths, ", "))
}
