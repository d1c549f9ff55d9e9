package simulate

import (
	"fmt"
	"slices"
	"testing"

	"streamdse/hardware"
	"streamdse/rules"
	"streamdse/schedule"
	"streamdse/unit"
)

// channels is two cores and an off-chip one, joined by a bus of 40 bits a cycle at
// 0.5 pJ, another of the given bandwidth beside it at 0.75 pJ, and one of 10 bits a cycle
// that joins the two cores only.
func channels(t testing.TB, second int) *hardware.Accelerator {
	t.Helper()
	all := []string{"I1", "I2", "O"}
	off := coreFile("off", 1, []int{1 << 30}, 40, 40, 10, all)
	off["operational_array"].(fields)["sizes"] = []int{0, 0}
	bus := func(bandwidth int, energy float64, cores ...int) fields {
		return fields{"type": "bus", "cores": cores, "bandwidth": bandwidth, "unit_energy_cost": energy}
	}
	return parseFields(t, fields{
		"name": "channels", "cores": fields{"0": "core", "1": "core", "2": "off"}, "offchip_core_id": 2,
		"core_connectivity": []fields{bus(40, 0.5, 0, 1, 2), bus(second, 0.75, 2, 0, 1), bus(10, 0.5, 0, 1)},
	}, fields{"off": off, "core": coreFile("core", 2, []int{10000}, 32, 48, 1, all)})
}

// over describes transfers and blocks with their links.
func over(p Problem, s *schedule.Schedule) []string {
	var out []string
	for i, d := range describe(p, s) {
		out = append(out, fmt.Sprintf("%s %v", d, s.Transfers[i].Links))
	}
	for _, b := range s.Blocks {
		out = append(out, fmt.Sprintf("node %d streams %d-%d %v %v", b.Node, b.Start, b.End, b.Links, b.Bandwidth))
	}
	return out
}

// TestParallelLinks: a transfer, and a node that streams, takes the link on which it ends
// first, the cheaper one if that is the same, or else the first of the file; only the first under FirstLinkOnly.
func TestParallelLinks(t *testing.T) {
	const streamed = hardware.I1
	fetches := []node{{core: 0, runtime: 10, weight: 120, input: 200}}
	// The second node streams while the weights of the first are on the first channel.
	streams := []node{{core: 0, runtime: 10, weight: 4000}, {core: 1, runtime: 10, input: 300, streamed: []hardware.MemoryOperand{streamed}, in: 30}}
	both := []node{{core: 1, runtime: 10, out: 200, input: 300, streamed: []hardware.MemoryOperand{hardware.O, streamed}, in: 30, to: 20}}
	for _, c := range []struct {
		name      string
		second    int
		firstOnly bool
		nodes     []node
		want      []string
	}{
		{"one after the other", 40, true, fetches, []string{"fetch a.W 2->0 0-3 [0]", "fetch a.I 2->0 3-8 [0]", "writeback a.O 0->2 18-18 [0]"}},
		{"side by side", 40, false, fetches, []string{"fetch a.W 2->0 0-3 [0]", "fetch a.I 2->0 0-5 [1]", "writeback a.O 0->2 15-15 [0]"}},
		{"sooner behind another than over a slow one", 22, false, fetches, []string{"fetch a.W 2->0 0-3 [0]", "fetch a.I 2->0 3-8 [0]", "writeback a.O 0->2 18-18 [0]"}},
		{"at the same time as over a slow one", 25, false, fetches, []string{"fetch a.W 2->0 0-3 [0]", "fetch a.I 2->0 3-8 [0]", "writeback a.O 0->2 18-18 [0]"}},
		{"streaming waits", 40, true, streams, []string{"fetch a.W 2->0 0-100 [0]", "writeback a.O 0->2 110-110 [0]", "writeback b.O 1->2 110-110 [0]", "node 1 streams 100-110 [0] [30]"}},
		{"streaming beside", 40, false, streams, []string{"fetch a.W 2->0 0-100 [0]", "writeback a.O 0->2 110-110 [0]", "writeback b.O 1->2 10-10 [0]", "node 1 streams 0-10 [1] [30]"}},
		{"streaming over a slow link", 20, false, streams, []string{"fetch a.W 2->0 0-100 [0]", "writeback a.O 0->2 110-110 [0]", "writeback b.O 1->2 15-15 [0]", "node 1 streams 0-15 [1] [20]"}},
		{"streaming waits rather than over a slower one", 2, false, streams, []string{"fetch a.W 2->0 0-100 [0]", "writeback a.O 0->2 110-110 [0]", "writeback b.O 1->2 110-110 [0]", "node 1 streams 100-110 [0] [30]"}},
		{"out and in over one link", 40, true, both, []string{"node 0 streams 0-13 [0] [38.46153846153846]"}},
		{"out and in over two", 40, false, both, []string{"node 0 streams 0-10 [1 0] [20 30]"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := rules.Default()
			r.FirstLinkOnly = c.firstOnly
			p, alloc := problem(channels(t, c.second), r, c.nodes...)
			if got := over(p, run(t, p, alloc)); !slices.Equal(got, c.want) {
				t.Errorf("got %q\nwant %q", got, c.want)
			}
		})
	}
}

// TestParallelLinkEnergy: a transfer costs what the link takes that carries it.
func TestParallelLinkEnergy(t *testing.T) {
	p, alloc := problem(channels(t, 40), rules.Default(), node{core: 0, runtime: 10, weight: 120, input: 200})
	if s := run(t, p, alloc); s.Transfers[0].LinkEnergy != 3*0.5 || s.Transfers[1].LinkEnergy != 5*0.75 || s.Energy.FetchLink != 3*0.5+5*0.75 {
		t.Errorf("%v and %v pJ, together %v", s.Transfers[0].LinkEnergy, s.Transfers[1].LinkEnergy, s.Energy.FetchLink)
	}
}

// TestCheaperLink: of links on which a transfer or a node's streaming ends at the same
// time, the one that costs least carries it.
func TestCheaperLink(t *testing.T) {
	acc := channels(t, 40)
	acc.Links[1].UnitEnergy = 0.25
	for _, n := range []node{
		{core: 0, runtime: 10, input: 200},
		{core: 0, runtime: 10, input: 200, streamed: []hardware.MemoryOperand{hardware.I1}, in: 20},
	} {
		p, alloc := problem(acc, rules.Default(), n)
		if s := run(t, p, alloc); s.Energy.FetchLink != 5*0.25 {
			t.Errorf("%+v: %v pJ on links, want 1.25: %v", n, s.Energy.FetchLink, over(p, s))
		}
	}
}

// TestVerifyParallelLinks breaks valid schedules in which links side by side are used.
func TestVerifyParallelLinks(t *testing.T) {
	in := node{core: 1, runtime: 10, input: 50, streamed: []hardware.MemoryOperand{hardware.I1}, in: 5}
	for _, c := range []struct {
		nodes []node
		valid []string
		mutation
	}{
		{[]node{in}, []string{"writeback a.O 1->2 10-10 [0]", "node 0 streams 0-10 [0] [5]"}, mutation{
			"streaming over a link that does not lead there", schedule.RuleBlock, 0, 0, "node 0 of layer a: blocks 5 bits a cycle of link any<->any#3 instead of 0",
			func(m *mutable) { m.Blocks[0].Links[0] = 2 },
		}},
		{[]node{in}, nil, mutation{
			"streaming over two links at once", schedule.RuleBlock, 0, 0, "node 0 of layer a: blocks 2 bits a cycle of link any<->any instead of 5",
			func(m *mutable) {
				m.Blocks[0].Links, m.Blocks[0].Bandwidth = []int32{0, 1}, []unit.BitsPerCycle{2, 3}
			},
		}},
		{[]node{in}, nil, mutation{
			"streaming over another link at the price of the first", schedule.RuleEnergy, 0, 0, "node 0 of layer a: streaming costs 0.625 pJ on links instead of 0.9375",
			func(m *mutable) { m.Blocks[0].Links[0] = 1 },
		}},
		{[]node{in}, nil, mutation{
			"streaming over a second link where only the first counts", schedule.RuleBlock, 0, 0, "node 0 of layer a: blocks 5 bits a cycle of link any<->any#2 instead of 0",
			func(m *mutable) { m.Blocks[0].Links[0], m.p.Rules.FirstLinkOnly = 1, true },
		}},
		{[]node{{core: 1, runtime: 10, out: 200, input: 300, streamed: []hardware.MemoryOperand{hardware.O, hardware.I1}, in: 30, to: 20}},
			[]string{"node 0 streams 0-10 [1 0] [20 30]"}, mutation{
				"out over what is taken to come in", schedule.RuleBlock, 0, 0, "node 0 of layer a: blocks 30 bits a cycle of link any<->any instead of 20",
				func(m *mutable) {
					slices.Reverse(m.Blocks[0].Links)
					slices.Reverse(m.Blocks[0].Bandwidth)
				},
			}},
		{[]node{{core: 1, runtime: 10, out: 200, input: 300, streamed: []hardware.MemoryOperand{hardware.O, hardware.I1}, in: 30, to: 20}}, nil, mutation{
			"out and in over one link as if over two", schedule.RuleRuntime, 0, 0, "node 0 of layer a: runs from 0 to 10, for 10 cycles instead of 13",
			func(m *mutable) {
				m.Blocks[0].Links, m.Blocks[0].Bandwidth = []int32{0}, []unit.BitsPerCycle{50}
			},
		}},
		{[]node{{core: 0, runtime: 10, weight: 120, input: 40}}, []string{"fetch a.I 2->0 0-1 [0]", "fetch a.W 2->0 0-3 [1]", "writeback a.O 0->2 13-13 [0]"}, mutation{
			"two transfers on a link that has another beside it", schedule.RuleLink, 0, 0, "node 0 of layer a: with tensor W of layer a (first used by node 0), link any<->any carries 80 bits a cycle, 40 more than it can",
			func(m *mutable) { m.transfer("fetch a.W 2->0 0-3").Links[0] = 0 },
		}},
		{[]node{{core: 0, runtime: 10, weight: 120, input: 40}}, nil, mutation{
			"a transfer on a link too slow for it", schedule.RuleDuration, 0, 0, "transfer 1 of tensor W of layer a (first used by node 0) from core 2 to core 0 for node 0 of layer a: moves 120 bits from 0 to 3, instead of 120 bits in 5 cycles",
			func(m *mutable) {
				acc := *m.p.Accelerator
				acc.Links = slices.Clone(acc.Links)
				acc.Links[1].Bandwidth = 25
				m.p.Accelerator = &acc
			},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, alloc := problem(channels(t, 40), rules.Default(), c.nodes...)
			s := run(t, p, alloc)
			if got := over(p, s); c.valid != nil && !slices.Equal(got, c.valid) {
				t.Errorf("got %q, want %q", got, c.valid)
			}
			m := &mutable{clone(s), &p, alloc}
			c.change(m)
			if err := c.catches(verify(*m.p, m.alloc, m.Schedule)); err != nil {
				t.Error(err)
			}
		})
	}
}
