package simulate

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"streamdse/rules"
	"streamdse/schedule"
	"streamdse/unit"
)

// TestBroadcast sends what core 0 computes to cores 1 and 2, over a chain of links or, where
// there are none, through off-chip memory.
func TestBroadcast(t *testing.T) {
	for _, c := range []struct {
		name         string
		links        []string
		apart        bool
		want         []string // transfers of the result
		link, memory unit.Picojoules
	}{
		// 20 bits over links of 10 a cycle, at 0.5 pJ a cycle; a read costs 1 pJ, a write 1.25.
		{"along a chain", []string{"0, 1", "1, 2"}, false, []string{"fetch a.O 0->1 10-12", "fetch a.O 0->2 10-12 joined"}, 2 * 2 * 0.5, 1 + 2*1.25},
		{"apart", []string{"0, 1", "1, 2"}, true, []string{"fetch a.O 0->1 10-12", "fetch a.O 0->2 12-14"}, 3 * 2 * 0.5, 2 * (1 + 1.25)},
		{"on links of their own", []string{"0, 1", "0, 2"}, false, []string{"fetch a.O 0->1 10-12", "fetch a.O 0->2 10-12"}, 2 * 2 * 0.5, 2 * (1 + 1.25)},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := rules.Default()
			r.NoBroadcast = c.apart
			p, alloc := problem(chip{cores: 3, links: c.links}.build(t), r,
				node{core: 0, runtime: 10, out: 20},
				node{core: 1, runtime: 100, out: 1, from: []int{0}},
				node{core: 2, runtime: 100, out: 1, from: []int{0}},
			)
			s := run(t, p, alloc)
			var got []string
			for i, d := range describe(p, s) {
				if x := &s.Transfers[i]; x.Cause == schedule.Fetch && x.Tensor == p.Graph.Nodes[0].Operands[0] {
					if x.Joined {
						d += " joined"
					}
					got = append(got, d)
				}
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("transfers (-want +got):\n%s", d)
			}
			if s.Energy.CoreLink != c.link || s.Energy.CoreMemory != c.memory {
				t.Errorf("%v pJ on links and %v in memories, want %v and %v", s.Energy.CoreLink, s.Energy.CoreMemory, c.link, c.memory)
			}
		})
	}
}

// TestVerifyBroadcast breaks a schedule in which two cores receive the same at once.
func TestVerifyBroadcast(t *testing.T) {
	p, alloc := problem(chip{cores: 3, links: []string{"0, 1", "1, 2"}}.build(t), rules.Default(),
		node{core: 0, runtime: 10, out: 20},
		node{core: 1, runtime: 100, out: 1, from: []int{0}},
		node{core: 2, runtime: 100, out: 1, from: []int{0}},
	)
	joined := func(s *schedule.Schedule) *schedule.Transfer {
		for i := range s.Transfers {
			if s.Transfers[i].Joined {
				return &s.Transfers[i]
			}
		}
		panic("no broadcast")
	}
	const transfer = "transfer 2 of tensor O of layer a (first used by node 0) from core 0 to core 2 for node 0 of layer c: "
	for _, mut := range []mutation{
		{"that is not said to be one", schedule.RuleLink, 2, 10, transfer + "it shares the path 0->1 with an earlier transfer of the same data", func(m *mutable) { joined(m.Schedule).Joined = false }},
		{"that pays for no links", schedule.RuleEnergy, 2, 10, transfer + "costs 0 pJ on links and 1.25 in memories, instead of 1 and 1.25", func(m *mutable) { joined(m.Schedule).LinkEnergy = 0 }},
		{"that is read again", schedule.RuleEnergy, 2, 10, transfer + "costs 1 pJ on links and 2.25 in memories, instead of 1 and 1.25", func(m *mutable) { joined(m.Schedule).MemoryEnergy = 2.25 }},
	} {
		t.Run(mut.name, func(t *testing.T) {
			m := &mutable{run(t, p, alloc), &p, alloc}
			mut.change(m)
			if err := mut.catches(verify(p, alloc, m.Schedule)); err != nil {
				t.Error(err)
			}
		})
	}
}
