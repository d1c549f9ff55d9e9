package hardware_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"streamdse/hardware"
	"streamdse/internal/golden"
	"streamdse/unit"
)

func mustCore(t testing.TB, text string) *hardware.Core {
	t.Helper()
	c, err := hardware.ParseCore("c.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func mustAccelerator(t testing.TB, text string, files map[string]string) *hardware.Accelerator {
	t.Helper()
	acc, err := hardware.Parse("a.yaml", []byte(text), resolver(files))
	if err != nil {
		t.Fatal(err)
	}
	return acc
}

// TestCore2024 checks every term of a core in the older notation.
func TestCore2024(t *testing.T) {
	const i1, i2, o = hardware.I1, hardware.I2, hardware.O
	read, write := hardware.Bandwidth{Min: 16, Max: 16}, hardware.Bandwidth{Min: 8, Max: 8}
	port := func(name string, typ hardware.PortType, r, w hardware.Bandwidth, s ...hardware.Service) hardware.Port {
		return hardware.Port{Name: name, Type: typ, Read: r, Write: w, Services: s}
	}
	var none hardware.Bandwidth
	want := &hardware.Core{
		Name: "small", Kind: "compute", File: "c.yaml", Line: 1,
		Array:    hardware.Array{Dims: []string{"D1", "D2"}, Sizes: []int{4, 8}, UnitEnergy: 0.1, UnitArea: 1},
		Dataflow: hardware.Dataflow{{{Dim: "K", Factor: 4}}, nil},
		Memories: []hardware.Memory{
			{
				Name: "rf", Size: 16, ReadCost: 0.5, WriteCost: 0.25, Operands: []hardware.MemoryOperand{o}, Served: []int{1},
				Ports: []hardware.Port{
					port("r_port_1", hardware.ReadPort, read, none, hardware.Service{Operand: o, Direction: hardware.ToLow}),
					port("r_port_2", hardware.ReadPort, read, none, hardware.Service{Operand: o, Direction: hardware.ToHigh}),
					port("w_port_1", hardware.WritePort, none, write, hardware.Service{Operand: o, Direction: hardware.FromHigh}),
					port("w_port_2", hardware.WritePort, none, write, hardware.Service{Operand: o, Direction: hardware.FromLow}),
				},
			},
			{
				Name: "sram", Size: 4096, ReadCost: 10, WriteCost: 12, Area: 2, Operands: []hardware.MemoryOperand{i1, i2, o}, Served: []int{0, 1},
				Ports: []hardware.Port{
					port("rw_port_1", hardware.ReadWritePort, hardware.Bandwidth{Min: 32, Max: 128}, hardware.Bandwidth{Min: 64, Max: 64},
						hardware.Service{Operand: i1, Direction: hardware.FromHigh}, hardware.Service{Operand: i1, Direction: hardware.ToLow},
						hardware.Service{Operand: i2, Direction: hardware.FromHigh}, hardware.Service{Operand: i2, Direction: hardware.ToLow},
						hardware.Service{Operand: o, Direction: hardware.FromHigh}, hardware.Service{Operand: o, Direction: hardware.ToLow},
						hardware.Service{Operand: o, Direction: hardware.FromLow}, hardware.Service{Operand: o, Direction: hardware.ToHigh}),
				},
			},
		},
	}
	got := mustCore(t, core2024)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if l := got.Levels(o); !slices.Equal(l, []int{0, 1}) {
		t.Errorf("levels of O: %v", l)
	}
	rw := got.Memories[1].Port(i1, hardware.ToLow)
	if rw.Limit() != 128 || rw.Bandwidth(hardware.FromHigh).Max != 64 {
		t.Errorf("port %+v", rw)
	}
}

func TestInMemoryCompute(t *testing.T) {
	for file, want := range map[string]hardware.IMC{
		"aimc": {Analog: true, ADCResolution: 8, BitSerialPrecision: 2, InputPrecision: [2]int{8, 8}},
		"dimc": {BitSerialPrecision: 1, InputPrecision: [2]int{8, 8}},
	} {
		c, err := hardware.LoadCore(golden.Shared(t, "data/zigzag/hardware/"+file+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		if c.IMC == nil || *c.IMC != want {
			t.Errorf("%s: %+v, want %+v", file, c.IMC, want)
		}
	}
}

// TestRepeatedPorts reads a memory that an update of its file left with two
// blocks of ports: the second one counts.
func TestRepeatedPorts(t *testing.T) {
	c := mustCore(t, edit(t, core2025, "    ports:", "    ports:\n      - {fh: w_port_1, tl: r_port_1}\n    ports:"))
	if d := cmp.Diff(mustCore(t, core2025), c); d != "" {
		t.Errorf("(-without +with leftover):\n%s", d)
	}
	tpu, err := hardware.LoadCore(golden.Shared(t, "data/zigzag/hardware/tpu_like.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if p := tpu.Memories[2].Ports; len(p) != 2 || p[0].Read != (hardware.Bandwidth{Min: 64, Max: 2048}) {
		t.Errorf("ports %+v", p)
	}
}

func TestWarnings(t *testing.T) {
	c := mustCore(t, edit(t, core2025, "name: small", "name: small\noperand_precision: {input: bf16}\nutilization: 50",
		"    size: 4096", "    size: 4096\n    force_double_buffering: true\n    area: 2"))
	var lines []string
	for _, w := range c.Warnings {
		lines = append(lines, fmt.Sprintf("%d: %s", w.Line, w.Message))
	}
	want := []string{
		"7: memories.sram: `force_double_buffering` has no effect",
		"11: memories.sram: key `area` is given twice, first on line 8",
		"2: `operand_precision` has no effect",
		"3: `utilization` has no effect",
	}
	slices.Sort(lines)
	slices.Sort(want)
	if d := cmp.Diff(want, lines); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	acc := mustAccelerator(t, acc2025+"memory_aliases: {sram: SRAM}\n", pairFiles)
	if len(acc.Warnings) != 1 || acc.Warnings[0].Message != "`memory_aliases` has no effect" {
		t.Errorf("warnings %v", acc.Warnings)
	}
}

// TestParallelLinks: cores that several entries join have all of their links, in the
// order of the file, and each of them is on an alternative of a transfer.
func TestParallelLinks(t *testing.T) {
	const cores = "name: chip\ncores: {0: small.yaml, 1: small.yaml, 2: dram.yaml}\noffchip_core_id: 2\nbandwidth: 8\ncore_connectivity:\n"
	files := map[string]string{"small.yaml": core2025, "dram.yaml": offchipCore}
	for _, c := range []struct {
		name, entries string
		from, to      int
		want          [][]int
		ids           string
	}{
		{"one link", `["0, 1", "1, 2"]`, 0, 2, [][]int{{0, 2}}, "0->1 1->0 1->2 2->1"},
		{"two off-chip channels to the same cores", `[{type: bus, cores: [0, 1, 2]}, {type: bus, cores: [0, 1, 2]}]`, 0, 2, [][]int{{0}, {1}}, "any<->any any<->any#2"},
		{"a link twice", `[{type: link, cores: [0, 1]}, "1, 2", {type: link, cores: [0, 1]}]`, 1, 0, [][]int{{1}, {5}}, "0->1 1->0 1->2 2->1 0->1#2 1->0#2"},
		{"a channel and a bus", `["1, 2", {type: bus, cores: [0, 1, 2]}]`, 2, 1, [][]int{{1}, {2}}, "1->2 2->1 any<->any"},
		{"on both hops", `[{type: link, cores: [0, 1]}, {type: link, cores: [0, 1]}, {type: bus, cores: [1, 2]}, {type: link, cores: [1, 2]}]`, 0, 2,
			[][]int{{0, 4}, {0, 5}, {2, 4}, {2, 5}}, "0->1 1->0 0->1#2 1->0#2 any<->any 1->2 2->1"},
		{"more than are combined", "[" + strings.Repeat("{type: bus, cores: [0, 1]}, ", 6) + strings.Repeat("{type: bus, cores: [1, 2]}, ", 4) + "]", 0, 2,
			[][]int{{0, 6}, {1, 7}, {2, 8}, {3, 9}, {4, 6}, {5, 7}}, ""},
	} {
		acc := mustAccelerator(t, cores+"  "+c.entries, files)
		if got := acc.Lanes(c.from, c.to); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: from %d to %d %v, want %v", c.name, c.from, c.to, got, c.want)
		}
		if path := acc.Path(c.from, c.to); !slices.Equal(path, c.want[0]) {
			t.Errorf("%s: the path is %v, want %v", c.name, path, c.want[0])
		}
		if got := acc.FirstLinksOnly().Lanes(c.from, c.to); !reflect.DeepEqual(got, c.want[:1]) {
			t.Errorf("%s: over first links only %v, want %v", c.name, got, c.want[:1])
		}
		if ids := strings.Join(acc.LinkIDs(), " "); c.ids != "" && ids != c.ids {
			t.Errorf("%s: links %s, want %s", c.name, ids, c.ids)
		}
		if len(acc.Warnings) > 0 {
			t.Errorf("%s: %v", c.name, acc.Warnings)
		}
		if acc.Lanes(1, 1) != nil {
			t.Errorf("%s: %v within a core", c.name, acc.Lanes(1, 1))
		}
	}
}

func TestEqualPerformance(t *testing.T) {
	base := mustCore(t, core2024)
	for _, c := range []struct {
		edit  []string
		equal bool
	}{
		{nil, true},
		{[]string{"name: small", "name: other\ntype: compute\noperator_types: [Conv]"}, true},
		{[]string{"sizes: [4, 8]", "sizes: [4, 4]"}, false},
		{[]string{"multiplier_energy: 0.1", "multiplier_energy: 0.2"}, false},
		{[]string{"size: 4096", "size: 4097"}, false},
		{[]string{"w_cost: 12", "w_cost: 13"}, false},
		{[]string{"min_r_granularity: 32", "min_r_granularity: 16"}, false},
		{[]string{"served_dimensions: [D2]", "served_dimensions: [D1]"}, false},
		{[]string{"K, 4", "K, 2"}, false},
	} {
		if got := hardware.EqualPerformance(base, mustCore(t, edit(t, core2024, c.edit...))); got != c.equal {
			t.Errorf("%v: equal %v, want %v", c.edit, got, c.equal)
		}
	}
}

func TestWithOffchip(t *testing.T) {
	acc := mustAccelerator(t, acc2024, pairFiles)
	before := len(acc.Cores[0].Memories)
	c := acc.WithOffchip(0, hardware.O, hardware.I2)
	if len(acc.Cores[0].Memories) != before || len(c.Memories) != before+1 {
		t.Fatalf("%d and %d memories", len(acc.Cores[0].Memories), len(c.Memories))
	}
	dram := c.Memories[before]
	want := hardware.Memory{
		Name: "dram", Size: 1000000, ReadCost: 100, WriteCost: 100,
		Operands: []hardware.MemoryOperand{hardware.I2, hardware.O}, Served: []int{0, 1},
		Ports: []hardware.Port{{
			Name: "rw_port_1", Type: hardware.ReadWritePort,
			Read: hardware.Bandwidth{Min: 64, Max: 64}, Write: hardware.Bandwidth{Min: 64, Max: 64},
			Services: []hardware.Service{
				{Operand: hardware.I2, Direction: hardware.FromHigh}, {Operand: hardware.I2, Direction: hardware.ToLow},
				{Operand: hardware.O, Direction: hardware.FromHigh}, {Operand: hardware.O, Direction: hardware.ToLow},
				{Operand: hardware.O, Direction: hardware.FromLow}, {Operand: hardware.O, Direction: hardware.ToHigh},
			},
		}},
	}
	if d := cmp.Diff(want, dram); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if l := c.Levels(hardware.I1); len(l) != 1 {
		t.Errorf("I1 has the levels %v", l)
	}
	if n := len(acc.Cores[acc.Offchip].Memories[0].Ports[0].Services); n != 8 {
		t.Errorf("the off-chip memory was left with %d duties", n)
	}
}

// TestGenerations describes the same two cores in both formats of accelerators.
func TestGenerations(t *testing.T) {
	older := mustAccelerator(t, acc2024, pairFiles)
	if older.Offchip != 2 || older.Cores[2].Kind != "offchip" || len(older.Links) != 3 {
		t.Errorf("off-chip core %d of kind %s, %d links", older.Offchip, older.Cores[2].Kind, len(older.Links))
	}
	newer := mustAccelerator(t, acc2025, pairFiles)
	wantLinks := []hardware.Link{
		{From: 0, To: 1, Bandwidth: 32},
		{From: 1, To: 0, Bandwidth: 32},
		{From: hardware.AnyCore, To: hardware.AnyCore, Bandwidth: 64, Shared: true, Members: []int{0, 1, 2}},
	}
	if d := cmp.Diff(wantLinks, newer.Links); d != "" {
		t.Errorf("links (-want +got):\n%s", d)
	}
	if d := cmp.Diff(wantLinks, older.Links); d != "" {
		t.Errorf("links of the older format (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]int{2}, newer.Path(0, 2)); d != "" {
		t.Errorf("path 0 -> 2: %s", d)
	}
	if newer.Path(1, 1) != nil || !slices.Equal(newer.Hops(1, 1), []int{1}) {
		t.Errorf("path to itself: %v over %v", newer.Path(1, 1), newer.Hops(1, 1))
	}
}

// TestInlinedCore writes a core out in the accelerator file.
func TestInlinedCore(t *testing.T) {
	inlined := "1:\n    " + strings.ReplaceAll(strings.TrimSpace(core2024), "\n", "\n    ")
	acc := mustAccelerator(t, edit(t, acc2024, "1: small.yaml", inlined), pairFiles)
	if !hardware.EqualPerformance(&acc.Cores[0], &acc.Cores[1]) || acc.Cores[1].ID != 1 {
		t.Errorf("cores %+v and %+v", acc.Cores[0], acc.Cores[1])
	}
	_, err := hardware.Parse("a.yaml", []byte(edit(t, acc2024, "1: small.yaml", strings.Replace(inlined, "size: 4096", "size: x", 1))), resolver(pairFiles))
	compare(t, err, `a.yaml:26:15: cores.1.memories.sram.size: must be a whole number, found "x"`)
}

func TestSharing(t *testing.T) {
	acc := mustAccelerator(t, acc2024+"core_memory_sharing: [[0, 1]]\n", pairFiles)
	if len(acc.Stores) != 2 || !slices.Equal(acc.Stores[0].Cores, []int{0, 1}) || acc.Top(0, hardware.O) != acc.Top(1, hardware.I1) {
		t.Errorf("stores %+v", acc.Stores)
	}
	if s := acc.Stores[0]; s.ReadBandwidth != 128 || s.WriteBandwidth != 64 || s.Capacity != 4096 {
		t.Errorf("store %+v", s)
	}
	files := map[string]string{"small.yaml": core2024, "offchip.yaml": offchipCore, "large.yaml": edit(t, core2024, "size: 4096", "size: 8192")}
	_, err := hardware.Parse("a.yaml", []byte(edit(t, acc2024, "1: small.yaml", "1: large.yaml")+"core_memory_sharing: [\"0, 1\"]\n"), resolver(files))
	compare(t, err, "a.yaml:9:23: core_memory_sharing[0]: cores 0 and 1 cannot share: their top-level memories differ in the sizes 4096 and 8192 bits\n"+
		"  allowed: top-level memories that are alike in everything")
}

// randomAccelerator draws cores, links and buses, with an off-chip core that is
// a member of some of them.
func randomAccelerator(rt *rapid.T) (text string, adjacent [][]bool, offchip int) {
	n := rapid.IntRange(1, 9).Draw(rt, "cores") + 1
	offchip = rapid.IntRange(0, n-1).Draw(rt, "off-chip core")
	adjacent = make([][]bool, n)
	var b strings.Builder
	b.WriteString("name: random\nbandwidth: 8\ncores:\n")
	for i := range n {
		adjacent[i] = make([]bool, n)
		file := "small.yaml"
		if i == offchip {
			file = "offchip.yaml"
		}
		fmt.Fprintf(&b, "  %d: %s\n", i, file)
	}
	fmt.Fprintf(&b, "offchip_core_id: %d\ncore_connectivity:\n", offchip)
	ids := make([]int, n)
	for i := range ids {
		ids[i] = i
	}
	for range rapid.IntRange(1, 3*n).Draw(rt, "connections") {
		members := rapid.Permutation(ids).Draw(rt, "members")
		size := 2
		if rapid.IntRange(0, 3).Draw(rt, "bus") == 0 {
			size = rapid.IntRange(2, n).Draw(rt, "bus size")
		}
		members = members[:size]
		kind := "bus"
		if size == 2 {
			kind = "link"
			slices.Sort(members) // a second link is written like the first
		}
		for _, i := range members {
			for _, j := range members {
				adjacent[i][j] = true
			}
		}
		fmt.Fprintf(&b, "  - {type: %s, cores: [%s]}\n", kind, strings.Trim(strings.ReplaceAll(fmt.Sprint(members), " ", ", "), "[]"))
	}
	return b.String(), adjacent, offchip
}

// distances are the numbers of hops from a core, -1 if out of reach, by plain
// breadth-first search that does not pass the core avoid.
func distances(adjacent [][]bool, from, avoid int) []int {
	d := make([]int, len(adjacent))
	for i := range d {
		d[i] = -1
	}
	d[from] = 0
	for queue := []int{from}; len(queue) > 0; queue = queue[1:] {
		v := queue[0]
		if v == avoid && v != from {
			continue
		}
		for w, yes := range adjacent[v] {
			if yes && d[w] < 0 {
				d[w] = d[v] + 1
				queue = append(queue, w)
			}
		}
	}
	return d
}

// TestPaths checks on random accelerators that every path runs along links that
// join its hops, is as short as possible, and avoids the off-chip core if it can.
func TestPaths(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		text, adjacent, offchip := randomAccelerator(rt)
		acc, err := hardware.Parse("a.yaml", []byte(text), resolver(pairFiles))
		if err != nil {
			rt.Fatalf("%s\n%v", text, err)
		}
		for from := range adjacent {
			shortest, around := distances(adjacent, from, -1), distances(adjacent, from, offchip)
			for to := range adjacent {
				hops, path := acc.Hops(from, to), acc.Path(from, to)
				if (hops == nil) != (shortest[to] < 0) {
					rt.Fatalf("%d -> %d: hops %v, distance %d", from, to, hops, shortest[to])
				}
				if hops == nil {
					continue
				}
				want := shortest[to]
				if slices.Contains(hops[1:max(1, len(hops)-1)], offchip) {
					if around[to] >= 0 {
						rt.Fatalf("%d -> %d passes the off-chip core: %v", from, to, hops)
					}
				} else if around[to] >= 0 {
					want = around[to]
				}
				if len(path) != want || len(hops) != want+1 || hops[0] != from || hops[want] != to {
					rt.Fatalf("%d -> %d: hops %v, links %v, want %d links", from, to, hops, path, want)
				}
				if message := checkLanes(acc, from, to); message != "" {
					rt.Fatalf("%s\n%d -> %d: %s", text, from, to, message)
				}
			}
		}
	})
}

// checkLanes checks that the alternatives between two cores are different, run along the
// hops, have every link that joins two of them, and begin with the path.
func checkLanes(acc *hardware.Accelerator, from, to int) string {
	hops, lanes := acc.Hops(from, to), acc.Lanes(from, to)
	if len(hops) < 2 {
		if lanes != nil {
			return fmt.Sprint("lanes ", lanes)
		}
		return ""
	}
	all := 1
	for i := 1; i < len(hops); i++ {
		var joining []int
		for l := range acc.Links {
			if link := &acc.Links[l]; link.From == hops[i-1] && link.To == hops[i] ||
				link.Shared && slices.Contains(link.Members, hops[i-1]) && slices.Contains(link.Members, hops[i]) {
				joining = append(joining, l)
			}
		}
		if between := acc.Between(hops[i-1], hops[i]); !slices.Equal(between, joining) {
			return fmt.Sprintf("links %v between %d and %d, want %v", between, hops[i-1], hops[i], joining)
		}
		for _, l := range joining {
			if !slices.ContainsFunc(lanes, func(lane []int) bool { return lane[i-1] == l }) {
				return fmt.Sprintf("no lane of %v takes link %d on hop %d", lanes, l, i)
			}
		}
		all *= len(joining)
	}
	for k, lane := range lanes {
		if len(lane) != len(hops)-1 {
			return fmt.Sprintf("lane %v over %v", lane, hops)
		}
		for i, l := range lane {
			if !slices.Contains(acc.Between(hops[i], hops[i+1]), l) {
				return fmt.Sprintf("lane %v: link %d does not join %d and %d", lane, l, hops[i], hops[i+1])
			}
		}
		if slices.ContainsFunc(lanes[:k], func(other []int) bool { return slices.Equal(lane, other) }) {
			return fmt.Sprintf("lane %v twice", lane)
		}
	}
	if all <= 16 && len(lanes) != all || !slices.Equal(lanes[0], acc.Path(from, to)) {
		return fmt.Sprintf("%d lanes of %d: %v, the path is %v", len(lanes), all, lanes, acc.Path(from, to))
	}
	return ""
}

// TestLanesOfLongPaths: where there are too many combinations, the fastest links of all
// steps make a lane, whatever their order in the file.
func TestLanesOfLongPaths(t *testing.T) {
	text := "name: chain\noffchip_core_id: 6\ncores: {0: small.yaml, 1: small.yaml, 2: small.yaml, 3: small.yaml, 4: small.yaml, 5: small.yaml, 6: offchip.yaml}\ncore_connectivity:\n"
	for i := range 6 {
		for _, bandwidth := range [][]int{{1, 64}, {64, 1}}[i%2] {
			text += fmt.Sprintf("  - {type: link, cores: [%d, %d], bandwidth: %d}\n", i, i+1, bandwidth)
		}
	}
	acc, err := hardware.Parse("a.yaml", []byte(text), resolver(pairFiles))
	if err != nil {
		t.Fatal(err)
	}
	var got [][]float64
	for _, lane := range acc.Lanes(0, 6) {
		var widths []float64
		for _, l := range lane {
			widths = append(widths, float64(acc.Links[l].Bandwidth))
		}
		got = append(got, widths)
	}
	want := [][]float64{{1, 64, 1, 64, 1, 64}, {64, 64, 64, 64, 64, 64}, {1, 1, 1, 1, 1, 1}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestLinkEnergies reads energies per cycle and per bit: of all connections, of one, and
// of those to off-chip memory, in each format.
func TestLinkEnergies(t *testing.T) {
	const common = "bandwidth: 8\nunit_energy_cost: 0.5\nenergy_per_bit: 0.25\n"
	type energies struct{ cycle, bit unit.Picojoules }
	for _, c := range []struct {
		text string
		want []energies
	}{
		{"name: b\ncores: {0: small.yaml, 1: small.yaml, 2: offchip.yaml}\noffchip_core_id: 2\n" + common +
			"core_connectivity: [{type: link, cores: [0, 1], energy_per_bit: 2}, {type: bus, cores: [0, 1, 2], unit_energy_cost: 0}]\n",
			[]energies{{0.5, 2}, {0.5, 2}, {0, 0.25}}},
		{"name: b\ncores: {0: small.yaml, 1: small.yaml}\noffchip_core: offchip.yaml\n" + common + "core_connectivity: [\"0, 1\"]\n",
			[]energies{{0.5, 0.25}, {0.5, 0.25}, {0.5, 0.25}}},
		{"name: b\ncores: [small.yaml, small.yaml, offchip.yaml]\ngraph: {type: bus, bandwidth: 8, unit_energy_cost: 0.5, energy_per_bit: 0.25, offchip_core_id: 2}\n",
			[]energies{{0.5, 0.25}, {0.5, 0.25}}},
	} {
		acc, err := hardware.Parse("a.yaml", []byte(c.text), resolver(pairFiles))
		if err != nil {
			t.Fatal(err)
		}
		var got []energies
		for _, l := range acc.Links {
			got = append(got, energies{l.UnitEnergy, l.BitEnergy})
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: energies %v, want %v", c.text, got, c.want)
		}
	}
}

// TestGraphOfOneBus reads a graph of type bus: its cores share one link, and off-chip
// memory is joined as in a mesh.
func TestGraphOfOneBus(t *testing.T) {
	text := "name: b\ncores: [small.yaml, small.yaml, small.yaml, offchip.yaml]\ngraph: {type: bus, bandwidth: 8, unit_energy_cost: 0.5, offchip_core_id: 3}\n"
	acc, err := hardware.Parse("a.yaml", []byte(text), resolver(pairFiles))
	if err != nil {
		t.Fatal(err)
	}
	l := &acc.Links[0]
	if !l.Shared || !slices.Equal(l.Members, []int{0, 1, 2}) || l.Bandwidth != 8 || l.UnitEnergy != 0.5 {
		t.Errorf("the first link is %+v", l)
	}
	for from := range 3 {
		for to := range 3 {
			if path := acc.Path(from, to); from != to && !slices.Equal(path, []int{0}) {
				t.Errorf("%d -> %d: links %v, want the bus", from, to, path)
			}
		}
		if path := acc.Path(3, from); len(path) != 1 || path[0] == 0 {
			t.Errorf("off-chip -> %d: links %v, want one of its own", from, path)
		}
	}
}

func FuzzParse(f *testing.F) {
	mesh := "name: m\ncores: [small.yaml, small.yaml, offchip.yaml]\ngraph: {type: 2d_mesh, nb_rows: 1, nb_cols: 2, bandwidth: 8, offchip_core_id: 2}\n"
	for _, s := range []string{acc2024, acc2025, mesh, strings.Replace(mesh, "2d_mesh, nb_rows: 1, nb_cols: 2", "bus", 1), acc2024 + "core_memory_sharing: [[0, 1]]\n", "a: &a [*a]\n", "cores: {0: {memory: {}}}\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		acc, err := hardware.Parse("a.yaml", []byte(text), resolver(pairFiles))
		if (acc == nil) == (err == nil) {
			t.Fatalf("accelerator %v with error %v", acc, err)
		}
	})
}

func FuzzParseCore(f *testing.F) {
	for _, s := range []string{core2024, core2025, offchipCore, "name: x\ntype: aie2.compute\nmemory: {capacity: 1, bandwidth_min: 1, bandwidth_max: 2}\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := hardware.ParseCore("c.yaml", []byte(text))
		if (c == nil) == (err == nil) {
			t.Fatalf("core %v with error %v", c, err)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := hardware.Parse("a.yaml", []byte(acc2024), resolver(pairFiles)); err != nil {
			b.Fatal(err)
		}
	}
}
