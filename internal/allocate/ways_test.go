package allocate

import (
	"fmt"
	"math"
	"reflect"
	"testing"

	"streamdse/hardware"
)

// TestWays: parallel links carry parts in proportion to their bandwidths; single ones all.
func TestWays(t *testing.T) {
	const core = `{"name": "core", "memories": {"sram": {"size": 100, "r_bw": 8, "w_bw": 8, "r_cost": 1, "w_cost": 1, "area": 0,
		"r_port": 0, "w_port": 0, "rw_port": 1, "latency": 1, "operands": ["I1", "I2", "O"], "served_dimensions": ["D1"],
		"ports": [{"fh": "rw_port_1", "tl": "rw_port_1"}, {"fh": "rw_port_1", "tl": "rw_port_1"}, {"fh": "rw_port_1", "tl": "rw_port_1", "fl": "rw_port_1", "th": "rw_port_1"}]}},
		"operational_array": {"multiplier_energy": 0, "multiplier_area": 0, "dimensions": ["D1"], "sizes": [%d]}}`
	const chip = `{"name": "chip", "cores": {"0": "core", "1": "core", "2": "off"}, "offchip_core_id": 2, "core_connectivity": [
		{"type": "bus", "cores": [0, 1], "bandwidth": 24}, {"type": "bus", "cores": [1, 2], "bandwidth": 32}, {"type": "link", "cores": [0, 1], "bandwidth": 8}]}`
	acc, err := hardware.Parse("chip.yaml", []byte(chip), func(name string) (string, []byte, error) {
		size := 1
		if name == "off" {
			size = 0
		}
		return name, fmt.Appendf(nil, core, size), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		acc      *hardware.Accelerator
		from, to int
		want     way
	}{
		{acc, 0, 0, way{nil, math.Inf(1), math.Inf(1)}},
		{acc, 2, 1, way{[]portion{{1, 1}}, 32, 32}},
		{acc, 0, 2, way{[]portion{{0, 0.75}, {2, 0.25}, {1, 1}}, 24, 32}},
		{acc, 1, 0, way{[]portion{{0, 0.75}, {3, 0.25}}, 24, 32}},
		{acc.FirstLinksOnly(), 0, 2, way{[]portion{{0, 1}, {1, 1}}, 24, 24}},
	} {
		if got := wayBetween(c.acc, c.from, c.to); !reflect.DeepEqual(got, c.want) {
			t.Errorf("from %d to %d: %+v, want %+v", c.from, c.to, got, c.want)
		}
	}
}
