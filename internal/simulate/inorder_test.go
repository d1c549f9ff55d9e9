package simulate

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"streamdse/rules"
	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/unit"
)

// relayed is three nodes on two cores that only off-chip memory joins, so that the one
// link is idle while a runs, and given away for the time after that before c asks for it.
func relayed(t *testing.T) (Problem, *schedule.Allocation) {
	return problem(chip{cores: 2}.build(t), rules.Default(),
		node{core: 0, runtime: 100, out: 80, weight: 80},
		node{core: 1, runtime: 30, out: 40, from: []int{0}},
		node{core: 0, runtime: 10, out: 40, weight: 40, from: []int{1}},
	)
}

func TestInOrder(t *testing.T) {
	p, alloc := relayed(t)
	for _, c := range []struct {
		inOrder bool
		want    []string
		latency unit.Cycles
	}{
		{false, []string{
			"fetch a.W 2->0 0-2", "spill a.O 0->2 102-104", "fetch a.O 2->1 104-106",
			"fetch c.W 2->0 2-3", "spill b.O 1->2 136-137", "fetch b.O 2->0 137-138", "writeback c.O 0->2 148-149",
		}, 149},
		{true, []string{
			"fetch a.W 2->0 0-2", "spill a.O 0->2 102-104", "fetch a.O 2->1 104-106",
			"fetch c.W 2->0 106-107", "spill b.O 1->2 136-137", "fetch b.O 2->0 137-138", "writeback c.O 0->2 148-149",
		}, 149},
	} {
		p.InOrder = c.inOrder
		s := run(t, p, alloc)
		if d := cmp.Diff(c.want, describe(p, s)); d != "" || s.Latency != c.latency {
			t.Errorf("in order %v: latency %d, want %d\n%s", c.inOrder, s.Latency, c.latency, d)
		}
	}
}

// TestVerifyInOrderCatches: what fills a gap breaks the rule, be it a transfer or
// streaming, before or after either.
func TestVerifyInOrderCatches(t *testing.T) {
	p, alloc := relayed(t)
	backfilled := run(t, p, alloc)
	streaming, streamingAlloc := mutated(t)
	early := clone(run(t, streaming, streamingAlloc))
	early.Blocks[0].Start = 139
	late := clone(run(t, streaming, streamingAlloc))
	late.Order = []taskgraph.NodeID{2, 0, 1}
	for _, c := range []struct {
		name  string
		p     Problem
		s     *schedule.Schedule
		catch mutation
	}{
		{"a transfer before a transfer", p, backfilled, mutation{"", schedule.RuleOrder, 2, 2,
			"transfer 3 of tensor W of layer c (first used by node 0) from core 2 to core 0 for node 0 of layer c: link any<->any was given to transfer 2 of tensor O of layer a (first used by node 0) from 104 on, before", nil}},
		{"streaming before a transfer", streaming, early, mutation{"", schedule.RuleOrder, 2, 139,
			"node 0 of layer c: streams over link any<->any, which was given to transfer 4 of tensor O of layer b (first used by node 0) from 140 on, before", nil}},
		{"a transfer before streaming", streaming, late, mutation{"", schedule.RuleOrder, 0, 0,
			"transfer 0 of tensor W of layer a (first used by node 0) from core 2 to core 0 for node 0 of layer a: link any<->any was given to what node 0 of layer c streams from 141 on, before", nil}},
	} {
		if err := c.catch.catches(schedule.VerifyInOrder(c.p.Graph, c.p.Accelerator, c.s, c.p.Rules)); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestRandomInOrder: whatever the rules, schedules keep the order when they are asked to,
// and many do not otherwise.
func TestRandomInOrder(t *testing.T) {
	for _, r := range []rules.Rules{rules.Default(), rules.Reference2024(), rules.Reference2023()} {
		t.Run(r.Name, func(t *testing.T) {
			var alloc *schedule.Allocation
			gen := rapid.Custom(func(t *rapid.T) Problem {
				var p Problem
				p, alloc = drawProblem(t, r)
				return p
			})
			scheduled, filled := 0, 0
			for seed := range 200 {
				p := gen.Example(seed)
				p.InOrder = true
				if seed%2 > 0 { // a link without a limit has no order
					p.Accelerator.Links[0].Bandwidth = unit.BitsPerCycle(math.Inf(1))
				}
				if checkRandom(t, p, alloc) != nil { // verifies the order
					scheduled++
				}
				p.InOrder = false
				if s := checkRandom(t, p, alloc); s != nil && schedule.VerifyInOrder(p.Graph, p.Accelerator, s, r) != nil {
					filled++
				}
			}
			if scheduled < 70 || filled < 30 {
				t.Errorf("%d in order, %d with gaps filled", scheduled, filled)
			}
		})
	}
}

// TestNoTimeHasNoOrder: what takes no time may happen at any time.
func TestNoTimeHasNoOrder(t *testing.T) {
	p, alloc := relayed(t)
	p.InOrder = true
	p.Graph.Tensors[p.Graph.Nodes[2].Operands[2]].Bits = 0 // c.W
	want := "fetch c.W 2->0 0-0"
	if s := run(t, p, alloc); !slices.Contains(describe(p, s), want) {
		t.Errorf("no %q in %v", want, describe(p, s))
	}
}

// TestFetchOrder compares the order in which each node of random problems fetches with
// its definition.
func TestFetchOrder(t *testing.T) {
	names := []string{"smallest", "largest", "listed"}
	differ := 0
	rapid.Check(t, func(t *rapid.T) {
		p, _ := drawProblem(t, rules.Default())
		var lists []string
		for _, order := range []FetchOrder{SmallestFirst, LargestFirst, AsListed} {
			p.FetchOrder = order
			sim, err := New(p)
			if err != nil {
				t.Fatal(err)
			}
			all := ""
			for n := range p.Graph.Nodes {
				id := taskgraph.NodeID(n)
				want, got := wantedNeeds(p, id), []need(nil)
				for _, r := range sim.needs.of(id) {
					got = append(got, sim.needs.row(r)...)
				}
				if !slices.Equal(want, got) {
					t.Fatalf("%s, node %d:\nwant %v\ngot  %v", names[order], n, want, got)
				}
				all += fmt.Sprint(got)
			}
			lists = append(lists, all)
		}
		if lists[0] != lists[1] && lists[1] != lists[2] && lists[0] != lists[2] {
			differ++
		}
	})
	if differ < 10 {
		t.Errorf("the orders differ for %d problems", differ)
	}
}

// wantedNeeds is what a node needs in the order of fetching, by its definition.
func wantedNeeds(p Problem, n taskgraph.NodeID) []need {
	g, node := p.Graph, &p.Graph.Nodes[n]
	memory := g.Layers[node.Layer].Memory
	var list []need
	for i := 1; i < len(node.Operands); i++ {
		k := i
		if p.FetchOrder != AsListed {
			k = len(node.Operands) - i
		}
		for r := range g.Constants(n, k) {
			list = append(list, need{tensor: r.Tensor, op: memory[k], part: r.Part})
		}
	}
	for e := range g.In(n) {
		if e.Data() {
			list = append(list, need{tensor: g.Nodes[e.Src].Operands[0], op: memory[e.Operand], data: true, part: e.Part})
		}
	}
	slices.SortStableFunc(list, func(a, b need) int {
		difference := int(g.Tensors[a.tensor].Bits - g.Tensors[b.tensor].Bits)
		return []int{difference, -difference, 0}[p.FetchOrder]
	})
	return list
}

// TestLargestFirst is the start of TestTwoNodesByHand the other way round.
func TestLargestFirst(t *testing.T) {
	p, alloc := problem(chip{cores: 1}.build(t), rules.Default(), node{runtime: 100, out: 50, weight: 80, input: 120})
	for order, want := range map[FetchOrder][]string{
		SmallestFirst: {"fetch a.W 1->0 0-2", "fetch a.I 1->0 2-5", "writeback a.O 0->1 105-107"},
		LargestFirst:  {"fetch a.I 1->0 0-3", "fetch a.W 1->0 3-5", "writeback a.O 0->1 105-107"},
		AsListed:      {"fetch a.I 1->0 0-3", "fetch a.W 1->0 3-5", "writeback a.O 0->1 105-107"}, // O, I, W
	} {
		p.FetchOrder = order
		if d := cmp.Diff(want, describe(p, run(t, p, alloc))); d != "" {
			t.Errorf("order %d:\n%s", order, d)
		}
	}
}
