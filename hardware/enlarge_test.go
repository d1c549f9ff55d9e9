package hardware_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"streamdse/hardware"
)

// A larger accelerator is the one that is read from files with the larger figures,
// and the one that it was made from stays as it is.
func TestEnlarge(t *testing.T) {
	parse := func(acc string, files map[string]string) *hardware.Accelerator {
		t.Helper()
		a, err := hardware.Parse("a.yaml", []byte(acc), resolver(files))
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	shared := acc2024 + "core_memory_sharing:\n  - 0, 1\n"
	wide := edit(t, core2024, "r_bw: 16", "r_bw: 32", "w_bw: 8", "w_bw: 16", "r_cost: 0.5", "r_cost: 1", "w_cost: 0.25", "w_cost: 0.5",
		"r_bw: 128", "r_bw: 256", "w_bw: 64", "w_bw: 128", "r_cost: 10", "r_cost: 20", "w_cost: 12", "w_cost: 24",
		"    min_r_granularity: 32\n", "    min_r_granularity: 32\n    min_w_granularity: 64\n")
	wideOff := edit(t, offchipCore, "bandwidth_max: 64", "bandwidth_max: 128", "r_cost: 100", "r_cost: 200", "w_cost: 100", "w_cost: 200")
	large := edit(t, core2024, "size: 4096", "size: 8192")
	for _, c := range []struct {
		name    string
		acc     string
		change  func(*hardware.Accelerator) *hardware.Accelerator
		want    string
		changed map[string]string
	}{
		{"link", acc2025, func(a *hardware.Accelerator) *hardware.Accelerator { return a.WithLink(2, 2) },
			edit(t, acc2025, "bandwidth: 64", "bandwidth: 128"), pairFiles},
		{"shared memory", shared, func(a *hardware.Accelerator) *hardware.Accelerator { return a.WithStores(2, a.Top(1, hardware.O)) },
			shared, map[string]string{"small.yaml": large, "offchip.yaml": offchipCore}},
		{"off-chip", acc2025, func(a *hardware.Accelerator) *hardware.Accelerator { return a.WithOffchipBandwidth(2) },
			edit(t, acc2025, "bandwidth: 64", "bandwidth: 128"), map[string]string{"small.yaml": core2024, "offchip.yaml": wideOff}},
		{"ports", acc2024, func(a *hardware.Accelerator) *hardware.Accelerator { return a.WithMemoryBandwidth(2, 0, 1) },
			acc2024, map[string]string{"small.yaml": wide, "offchip.yaml": offchipCore}},
	} {
		t.Run(c.name, func(t *testing.T) {
			before, untouched := parse(c.acc, pairFiles), parse(c.acc, pairFiles)
			want, got := parse(c.want, c.changed), c.change(before)
			// The granularity of an access stays what it was.
			options := cmp.Options{cmpopts.IgnoreUnexported(hardware.Accelerator{}), cmpopts.IgnoreFields(hardware.Bandwidth{}, "Min")}
			if d := cmp.Diff(want, got, options); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			if d := cmp.Diff(untouched, before, options); d != "" {
				t.Errorf("the original has changed:\n%s", d)
			}
		})
	}
}
