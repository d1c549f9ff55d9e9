package simulate

import (
	"cmp"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"streamdse/rules"
	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/unit"
)

// TestVictims compares, between the decisions of random schedules with tight memories,
// what a memory would evict with what sorting all that is in it says.
func TestVictims(t *testing.T) {
	compared := 0
	rapid.Check(t, func(t *rapid.T) {
		r := rules.Default()
		if rapid.Bool().Draw(t, "published") {
			r = rules.Reference2024()
		}
		p, alloc := drawProblem(t, r)
		sim, err := New(p)
		if err != nil {
			t.Fatal(err)
		}
		if sim.reset(alloc) != nil {
			return
		}
		sim.countUses()
		if sim.storeConstants() != nil || sim.prefetch() != nil {
			return
		}
		for n, w := range sim.waiting {
			if w == 0 {
				sim.queue.push(taskgraph.NodeID(n))
			}
		}
		for len(sim.queue.nodes) > 0 {
			if sim.decide(sim.queue.pop()) != nil {
				return
			}
			for store := range sim.fill {
				if sim.offchip[store] {
					continue
				}
				want := sortedStays(sim, int32(store))
				var all unit.Bits
				for _, i := range want {
					all += sim.stays[i-1].bits
				}
				missing := unit.Bits(rapid.Int64Range(0, int64(all)).Draw(t, "missing"))
				for i, v := range want {
					if missing <= 0 {
						want = want[:i]
						break
					}
					missing -= sim.stays[v-1].bits
				}
				for _, v := range want {
					missing += sim.stays[v-1].bits
				}
				if err := sim.chooseVictims(0, 1, int32(store), missing, schedule.Forever); err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(sim.victims, want) {
					t.Fatalf("memory %d: evicts %v for %d bits, want %v", store, sim.victims, missing, want)
				}
				for _, v := range sim.victims { // they stay after all
					sim.ranking[store].push(sim.rank(v))
				}
				compared += len(want)
			}
		}
	})
	if compared == 0 {
		t.Error("nothing was evicted")
	}
}

// sortedStays lists what may be evicted from a memory, what has to go first at the front.
func sortedStays(s *Simulator, store int32) []int32 {
	var list []int32
	for i := s.residents[store].first; i != 0; i = s.stays[i-1].next {
		if !slices.Contains(s.kept, s.stays[i-1].tensor) {
			list = append(list, i)
		}
	}
	slices.SortStableFunc(list, func(i, j int32) int {
		a, b := &s.stays[i-1], &s.stays[j-1]
		return cmp.Or(cmp.Compare(s.worth(a.tensor, store), s.worth(b.tensor, store)), cmp.Compare(a.bits, b.bits))
	})
	return list
}
