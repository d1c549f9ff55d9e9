package hardware_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"streamdse/hardware"
	"streamdse/internal/golden"
)

// parseGolden builds an accelerator of the measured cases.
func parseGolden(t testing.TB, g golden.Accelerator) *hardware.Accelerator {
	t.Helper()
	acc, err := hardware.Parse(g.Name, g.Text(t), g.CoreFile)
	if err != nil {
		t.Fatal(err)
	}
	return acc
}

// TestGolden compares paths, links and top-level memories with the measured cases.
func TestGolden(t *testing.T) {
	f := golden.Load(t)
	for _, name := range slices.Sorted(maps.Keys(f.Cases)) {
		c := f.Cases[name]
		t.Run(name, func(t *testing.T) {
			acc := parseGolden(t, f.Accelerators[c.Inputs.Accelerator])
			paths := map[string][]int{}
			for i := range acc.Cores {
				for j := range acc.Cores {
					paths[fmt.Sprintf("%d->%d", i, j)] = acc.Hops(i, j)
				}
			}
			if d := cmp.Diff(c.CorePaths, paths); d != "" {
				t.Errorf("paths (-want +got):\n%s", d)
			}
			got, want := map[string][2]float64{}, map[string][2]float64{}
			for _, l := range c.Links {
				want[l.Name] = [2]float64{l.Bandwidth, l.UnitEnergy}
			}
			for _, l := range acc.Links {
				name := fmt.Sprintf("Core(%d) -> Core(%d)", l.From, l.To)
				switch {
				case l.From == hardware.AnyCore && l.To == hardware.AnyCore:
					name = fmt.Sprintf("Core(%d) <-> Any", acc.Offchip)
				case l.From == hardware.AnyCore:
					name = fmt.Sprintf("Any -> Core(%d)", l.To)
				case l.To == hardware.AnyCore:
					name = fmt.Sprintf("Core(%d) -> Any", l.From)
				}
				got[name] = [2]float64{float64(l.Bandwidth), float64(l.UnitEnergy)}
			}
			for name, figures := range want { // only links that were used have been measured
				if got[name] != figures {
					t.Errorf("link %s: bandwidth and energy %v, want %v", name, got[name], figures)
				}
			}
			var stores []golden.Memory
			for _, s := range acc.Stores {
				m := golden.Memory{
					Name: s.Name, Cores: s.Cores, Capacity: float64(s.Capacity),
					ReadBW: float64(s.ReadBandwidth), WriteBW: float64(s.WriteBandwidth),
					ReadCost: float64(s.Memory.ReadCost), WriteCost: float64(s.Memory.WriteCost),
				}
				for range s.Cores {
					var ops []string
					for _, op := range s.Memory.Operands {
						ops = append(ops, op.String())
					}
					m.Operands = append(m.Operands, ops)
				}
				stores = append(stores, m)
			}
			for i := range c.Memories {
				c.Memories[i].Usage = nil
			}
			if d := cmp.Diff(c.Memories, stores); d != "" {
				t.Errorf("stores (-want +got):\n%s", d)
			}
		})
	}
}
