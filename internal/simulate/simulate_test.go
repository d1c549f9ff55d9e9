package simulate

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"streamdse/hardware"
	"streamdse/rules"
	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/unit"
)

func TestTwoNodesByHand(t *testing.T) {
	p, alloc := problem(chip{cores: 2, links: []string{"0, 1"}}.build(t), rules.Default(),
		node{core: 0, runtime: 100, out: 50, weight: 80, input: 120},
		node{core: 1, runtime: 30, out: 20, weight: 40, from: []int{0}},
	)
	s := run(t, p, alloc)
	if d := cmp.Diff([]schedule.Task{{Core: 0, Start: 5, End: 105}, {Core: 1, Start: 110, End: 140}}, s.Tasks); d != "" {
		t.Errorf("tasks (-want +got):\n%s", d)
	}
	want := []string{
		"fetch a.W 2->0 0-2", "fetch a.I 2->0 2-5", // smaller first
		"fetch b.W 2->1 5-6", "fetch a.O 0->1 105-110", "writeback b.O 1->2 140-141",
	}
	if d := cmp.Diff(want, describe(p, s)); d != "" {
		t.Errorf("transfers (-want +got):\n%s", d)
	}
	// Off-chip reads 2+3+1 words, on-chip memories write 2+3+1; between the cores 2
	// words are read and 2 written; one word is written back.
	energy := schedule.Energy{
		NodeOnchip: 2, FetchLink: 3, FetchMemory: 6*10 + 6*1.25, CoreLink: 2.5, CoreMemory: 2 + 2*1.25,
		WritebackLink: 0.5, WritebackMemory: 1 + 12.5,
	}
	if s.Latency != 141 || s.Energy != energy {
		t.Errorf("latency %d, energy %+v, want 141, %+v", s.Latency, s.Energy, energy)
	}
	curves := []schedule.Curve{
		{Times: []unit.Cycles{0, 2, 5, 105, 110}, Bits: []unit.Bits{80, 200, 250, 50, 0}},
		{Times: []unit.Cycles{0, 5, 105, 110, 140, 141}, Bits: []unit.Bits{0, 40, 90, 110, 20, 0}},
	}
	if d := cmp.Diff(curves, s.Memories[:2]); d != "" {
		t.Errorf("memories (-want +got):\n%s", d)
	}
}

// TestProducerServesAll has two readers on different cores. The published
// scheduler's first transfer takes the tensor away from its producer.
func TestProducerServesAll(t *testing.T) {
	acc := chip{cores: 3, links: []string{"0, 1", "0, 2", "1, 2"}}.build(t)
	list := []node{
		{core: 0, runtime: 10, out: 40, input: 40},
		{core: 1, runtime: 10, out: 40, from: []int{0}},
		{core: 2, runtime: 10, out: 40, from: []int{0}},
	}
	p, alloc := problem(acc, rules.Default(), list...)
	got := describe(p, run(t, p, alloc))
	want := []string{"fetch a.I 3->0 0-1", "fetch a.O 0->1 11-15", "writeback b.O 1->3 25-26", "fetch a.O 0->2 11-15", "writeback c.O 2->3 26-27"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("default (-want +got):\n%s", d)
	}
	p, alloc = problem(acc, rules.Reference2024(), list...)
	got = describe(p, run(t, p, alloc))
	want[3], want[4] = "fetch a.O 1->2 15-19", "writeback c.O 2->3 29-30"
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("reference (-want +got):\n%s", d)
	}
}

func TestStretch(t *testing.T) {
	acc := chip{cores: 1}.build(t)
	for _, c := range []struct {
		in, out unit.BitsPerCycle
		end     unit.Cycles
		load    unit.BitsPerCycle
	}{
		{30, 10, 100, 40}, // just what the link has
		{15, 5, 100, 20},
		{130, 20, 375, 40}, // 150 bits a cycle on a link of 40
	} {
		p, alloc := problem(acc, rules.Default(), node{core: 0, runtime: 100, out: 50, input: 120, in: c.in, to: c.out,
			streamed: []hardware.MemoryOperand{hardware.O, hardware.I1}})
		s := run(t, p, alloc)
		if s.Tasks[0].Start != 0 || s.Tasks[0].End != c.end || len(s.Transfers) != 0 {
			t.Errorf("streaming %v + %v: runs %d-%d with %d transfers, want 0-%d and none", c.in, c.out, s.Tasks[0].Start, s.Tasks[0].End, len(s.Transfers), c.end)
		}
		if len(s.Blocks) != 1 || s.Blocks[0].Bandwidth[0] != c.load {
			t.Errorf("streaming %v + %v: blocks %+v, want %v", c.in, c.out, s.Blocks, c.load)
		}
	}
}

// TestStreamedInput has a reader that streams what another core wrote: it has to
// be off-chip first.
func TestStreamedInput(t *testing.T) {
	p, alloc := problem(chip{cores: 2, links: []string{"0, 1"}}.build(t), rules.Default(),
		node{core: 0, runtime: 10, out: 80, input: 40},
		node{core: 1, runtime: 10, out: 40, from: []int{0}, streamed: []hardware.MemoryOperand{hardware.I1}, in: 20},
	)
	s := run(t, p, alloc)
	want := []string{"fetch a.I 2->0 0-1", "spill a.O 0->2 11-13", "writeback b.O 1->2 23-24"}
	if d := cmp.Diff(want, describe(p, s)); d != "" {
		t.Errorf("transfers (-want +got):\n%s", d)
	}
	if s.Energy.EvictionLink != 1 {
		t.Errorf("link energy of spills %v, want 1", s.Energy.EvictionLink)
	}
	// A cycle of fetching, and ten on half of the link.
	if s.Energy.FetchLink != 0.5+10*0.5*0.5 || s.Blocks[0].LinkEnergy != 2.5 {
		t.Errorf("link energy of fetches %v and of the block %v, want 3 and 2.5", s.Energy.FetchLink, s.Blocks[0].LinkEnergy)
	}
}

// TestStreamingCostsWhatFetchingDoes streams some data and fetches as much, over links
// with an energy of their cycles, of their bits, and of both.
func TestStreamingCostsWhatFetchingDoes(t *testing.T) {
	for _, c := range []struct{ cycle, bit, want unit.Picojoules }{{0.5, 0, 2.5}, {0, 0.25, 50}, {0.5, 0.25, 52.5}} {
		acc := chip{cores: 1}.build(t)
		for i := range acc.Links {
			acc.Links[i].UnitEnergy, acc.Links[i].BitEnergy = c.cycle, c.bit
		}
		for _, n := range []node{
			{core: 0, runtime: 10, out: 1, input: 200},
			{core: 0, runtime: 10, out: 1, input: 200, streamed: []hardware.MemoryOperand{hardware.I1}, in: 20},
			{core: 0, runtime: 2, out: 1, input: 200, streamed: []hardware.MemoryOperand{hardware.I1}, in: 100}, // stretched
		} {
			p, alloc := problem(acc, rules.Default(), n)
			if s := run(t, p, alloc); s.Energy.FetchLink != c.want {
				t.Errorf("%v pJ a cycle, %v a bit: 200 bits for %+v cost %v pJ on links, want %v", c.cycle, c.bit, n, s.Energy.FetchLink, c.want)
			}
			p.Rules.StreamsCostNoLinks = true
			s := run(t, p, alloc)
			if want := c.want * unit.Picojoules(1-len(n.streamed)); s.Energy.FetchLink != want {
				t.Errorf("as published, 200 bits for %+v cost %v pJ on links, want %v", n, s.Energy.FetchLink, want)
			}
		}
	}
}

// TestStreamedRoom has a node through whose memory of 200 bits 150 pass while it runs.
// What the next node reads comes afterwards.
func TestStreamedRoom(t *testing.T) {
	for _, c := range []struct {
		buffer unit.Bits
		fetch  string
		peak   unit.Bits
	}{
		{150, "fetch b.I 1->0 11-13", 190},
		{60, "fetch b.I 1->0 0-2", 180},
	} {
		p, alloc := problem(chip{cores: 1, size: 200}.build(t), rules.Default(),
			node{core: 0, runtime: 10, out: 40, input: 500, streamed: []hardware.MemoryOperand{hardware.I1}, buffers: []unit.Bits{c.buffer}},
			node{core: 0, runtime: 10, out: 40, input: 80},
		)
		s := run(t, p, alloc)
		if got := describe(p, s); !slices.Contains(got, c.fetch) {
			t.Errorf("%d bits: transfers %q, want %q", c.buffer, got, c.fetch)
		}
		if peak := slices.Max(s.Memories[0].Bits); peak != c.peak {
			t.Errorf("%d bits pass, peak of %d, want %d", c.buffer, peak, c.peak)
		}
	}
}

// TestRelay has two cores that only off-chip memory joins.
func TestRelay(t *testing.T) {
	p, alloc := problem(chip{cores: 2}.build(t), rules.Default(),
		node{core: 0, runtime: 10, out: 80, input: 40},
		node{core: 1, runtime: 10, out: 40, from: []int{0}},
	)
	want := []string{"fetch a.I 2->0 0-1", "spill a.O 0->2 11-13", "fetch a.O 2->1 13-15", "writeback b.O 1->2 25-26"}
	if d := cmp.Diff(want, describe(p, run(t, p, alloc))); d != "" {
		t.Errorf("transfers (-want +got):\n%s", d)
	}
}

// TestCopyWithinCore has separate memories for inputs and outputs: no link is
// needed, and the slower of the two sets the pace.
func TestCopyWithinCore(t *testing.T) {
	acc := chip{cores: 1, memories: [][]string{{"I1", "I2"}, {"O"}}}.build(t)
	p, alloc := problem(acc, rules.Default(),
		node{core: 0, runtime: 10, out: 100, input: 40},
		node{core: 0, runtime: 10, out: 40, from: []int{0}},
	)
	s := run(t, p, alloc)
	want := []string{"fetch a.I 1->0 0-1", "fetch a.O 0->0 11-15", "writeback b.O 0->1 25-26"}
	if d := cmp.Diff(want, describe(p, s)); d != "" {
		t.Errorf("transfers (-want +got):\n%s", d)
	}
	if e := s.Energy; e.CoreLink != 0 || e.CoreMemory != 4+3*1.25 {
		t.Errorf("copy costs %v + %v pJ, want 0 + 7.75", e.CoreLink, e.CoreMemory)
	}
}

// TestEviction fills a memory of 200 bits: a's output has to leave for b to run,
// and comes back for c. The space is free when the data has left.
func TestEviction(t *testing.T) {
	p, alloc := problem(chip{cores: 1, size: 200}.build(t), rules.Default(),
		node{core: 0, runtime: 10, out: 80, input: 80},
		node{core: 0, runtime: 10, out: 10, input: 160},
		node{core: 0, runtime: 10, out: 10, from: []int{0, 1}},
	)
	want := []string{
		"fetch a.I 1->0 0-2",
		"eviction a.O 0->1 12-14", "fetch b.I 1->0 14-18", // b runs 18-28
		"fetch a.O 1->0 28-30", "writeback c.O 0->1 40-41", // when b's input is gone
	}
	if d := cmp.Diff(want, describe(p, run(t, p, alloc))); d != "" {
		t.Errorf("transfers (-want +got):\n%s", d)
	}
}

// TestReduction splits a reduction over two cores: the last part waits for the
// partial sums of the first, and its copy is the result.
func TestReduction(t *testing.T) {
	p, alloc := problem(chip{cores: 2, links: []string{"0, 1"}}.build(t), rules.Default(),
		node{core: 0, runtime: 50, out: 40, input: 40},
		node{core: 1, runtime: 10, out: 40, input: 40},
		node{core: 0, runtime: 10, out: 40, from: []int{1}},
	)
	reduce(p, alloc)
	want := []string{
		"fetch a.I 2->0 0-1", // the first part runs 1-51
		"fetch a.I 2->1 1-2",
		"fetch a.O 0->1 51-55", // the last part runs 55-65
		"fetch a.O 1->0 65-69",
		"writeback c.O 0->2 79-80",
	}
	s := run(t, p, alloc)
	if d := cmp.Diff(want, describe(p, s)); d != "" {
		t.Errorf("transfers (-want +got):\n%s", d)
	}
	if sums := s.Energy.CoreMemory; sums != 2*(2*1+1*1.25) {
		t.Errorf("moving partial sums and the result costs %v pJ in the memories", sums)
	}
}

// reduce makes the first two nodes parts of one layer, whose reduction they cut.
func reduce(p Problem, alloc *schedule.Allocation) {
	g := p.Graph
	g.Nodes[0].Final = false
	g.Nodes[1].Group = 1
	for n := range g.Nodes {
		g.Nodes[n].Layer = max(0, g.Nodes[n].Layer-1)
	}
	for x := range g.Tensors {
		g.Tensors[x].Layer = max(0, g.Tensors[x].Layer-1)
	}
	g.Layers = slices.Delete(g.Layers, 1, 2)
	g.Layers[0].Groups, g.Layers[0].Nodes = 2, []taskgraph.NodeID{0, 1}
	alloc.Cores[0] = append(alloc.Cores[0], alloc.Cores[1][0])
	alloc.Cores = slices.Delete(alloc.Cores, 1, 2)
	edges := append(slices.Collect(g.Edges()), taskgraph.Edge{Src: 0, Dst: 1, Bits: g.Tensors[g.Nodes[0].Operands[0]].Bits})
	*g = *taskgraph.New(g.Layers, g.Nodes, g.Tensors, edges)
}

// A node that adds to partial sums which have not arrived is noticed.
func TestVerifyPresenceOfSums(t *testing.T) {
	p, alloc := problem(chip{cores: 2, links: []string{"0, 1"}}.build(t), rules.Default(),
		node{core: 0, runtime: 50, out: 40, input: 40},
		node{core: 1, runtime: 10, out: 40, input: 40},
		node{core: 0, runtime: 10, out: 40, from: []int{1}},
	)
	reduce(p, alloc)
	s := clone(run(t, p, alloc))
	sums := p.Graph.Nodes[0].Operands[0]
	s.Transfers = slices.DeleteFunc(s.Transfers, func(x schedule.Transfer) bool { return x.Tensor == sums })
	s.Copies = slices.DeleteFunc(s.Copies, func(c schedule.Copy) bool { return c.Tensor == sums && c.Store == 1 })
	fill(p.Graph, s)
	err := verify(p, alloc, s)
	if broken, ok := errors.AsType[*schedule.Violation](err); !ok || broken.Rule != schedule.RulePresence || broken.Node != 1 || broken.Time != 55 {
		t.Errorf("%v", err)
	}
}

// Parts of a reduction that are lost, or that two nodes add to, are noticed.
func TestVerifySums(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(g *taskgraph.Graph)
		want   string
	}{
		{"lost", func(g *taskgraph.Graph) {
			*g = *taskgraph.New(g.Layers, g.Nodes, g.Tensors, slices.DeleteFunc(slices.Collect(g.Edges()), taskgraph.Edge.PartialSums))
		}, "node 0 of layer a: leaves partial sums to which 0 nodes add"},
		{"counted twice", func(g *taskgraph.Graph) {
			*g = *taskgraph.New(g.Layers, g.Nodes, g.Tensors, append(slices.Collect(g.Edges()), slices.Collect(g.Out(0))[0]))
		}, "node 0 of layer a: leaves partial sums to which 2 nodes add"},
		{"all finish", func(g *taskgraph.Graph) { g.Nodes[0].Final = true },
			"node 0 of layer a: finishes its output, but 1 nodes add to it"},
		{"overwritten", func(g *taskgraph.Graph) { g.Nodes[1].Operands[0] = g.Nodes[0].Operands[0] },
			"node 0 of layer a: writes what node 0 of layer a has written"},
	} {
		p, alloc := problem(chip{cores: 2, links: []string{"0, 1"}}.build(t), rules.Default(),
			node{core: 0, runtime: 50, out: 40, input: 40},
			node{core: 1, runtime: 10, out: 40, input: 40},
			node{core: 0, runtime: 10, out: 40, from: []int{1}},
		)
		reduce(p, alloc)
		s := run(t, p, alloc)
		test.change(p.Graph)
		err := verify(p, alloc, s)
		if broken, ok := errors.AsType[*schedule.Violation](err); !ok || broken.Rule != schedule.RuleSums || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

func TestPrefetch(t *testing.T) {
	p, alloc := problem(chip{cores: 1, size: 300}.build(t), rules.Default(),
		node{core: 0, runtime: 10, out: 40, input: 40, weight: 40},
		node{core: 0, runtime: 10, out: 40, from: []int{0}, weight: 80},
		node{core: 0, runtime: 10, out: 40, from: []int{1}, weight: 200}, // does not fit at first
	)
	p.Prefetch = []string{"W"}
	got := describe(p, run(t, p, alloc))
	if want := []string{"prefetch a.W 1->0 0-1", "prefetch b.W 1->0 1-3", "fetch a.I 1->0 3-4"}; !slices.Equal(got[:3], want) {
		t.Errorf("transfers %q, want %q first", got, want)
	}
}

func TestInfeasible(t *testing.T) {
	dual := chip{cores: 2, size: 200, links: []string{"0, 1"}}.build(t)
	for _, c := range []struct {
		name string
		list []node
		want schedule.Infeasible
		text string
	}{
		{"a tensor larger than its memory", []node{{core: 0, out: 10, input: 250}},
			schedule.Infeasible{Lack: schedule.LackOfMemory, Tensor: 1, Asked: 250, Size: 200},
			"node 0 of layer a: tensor I of layer a (first used by node 0) needs 250 bits of memory m0 of core 0 (200 bits), where 0 bits have to stay: 50 bits too few"},
		{"inputs and output together", []node{{core: 1, out: 90, input: 80, weight: 60}},
			schedule.Infeasible{Lack: schedule.LackOfMemory, Core: 1, Store: 1, Asked: 90, Pinned: 140, Size: 200},
			"needs 90 bits of memory m0 of core 1 (200 bits), where 140 bits have to stay: 30 bits too few"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, alloc := problem(dual, rules.Default(), c.list...)
			checkInfeasible(t, p, alloc, c.want, c.text)
		})
	}
	t.Run("a core that cannot run a node", func(t *testing.T) {
		p, alloc := problem(dual, rules.Default(), node{core: 1, out: 10, input: 10})
		*p.Costs.At(0, 1) = schedule.NodeCost{Reason: "no pooling units"}
		checkInfeasible(t, p, alloc, schedule.Infeasible{Lack: schedule.LackOfCore, Core: 1, Reason: "no pooling units"},
			"node 0 of layer a: core 1 cannot run it: no pooling units")
	})
}

func checkInfeasible(t *testing.T, p Problem, alloc *schedule.Allocation, want schedule.Infeasible, text string) {
	t.Helper()
	sim, err := New(p)
	if err != nil {
		t.Fatal(err)
	}
	_, err = sim.Run(alloc)
	var got *schedule.Infeasible
	if !errors.As(err, &got) {
		t.Fatalf("error %v, want *schedule.Infeasible", err)
	}
	if d := cmp.Diff(*want.In(p.Graph, p.Accelerator), *got, cmp.AllowUnexported(schedule.Infeasible{}), cmp.Comparer(func(a, b *taskgraph.Graph) bool { return a == b }), cmp.Comparer(func(a, b *hardware.Accelerator) bool { return a == b })); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if !strings.Contains(err.Error(), text) {
		t.Errorf("message %q, want %q", err, text)
	}
}

func TestBadProblems(t *testing.T) {
	acc := chip{cores: 1}.build(t)
	p, alloc := problem(acc, rules.Default(), node{out: 8, input: 8}, node{out: 8, from: []int{0}})
	short := p
	short.Priority = p.Priority[:1]
	if _, err := New(short); err == nil {
		t.Error("a scheduling order of one entry for two nodes is accepted")
	}
	cyclic, _ := problem(acc, rules.Default(), node{out: 8, from: []int{1}}, node{out: 8, from: []int{0}})
	if _, err := New(cyclic); err == nil || !strings.Contains(err.Error(), "cycle") {
		t.Errorf("cycle: %v", err)
	}
	sim, err := New(p)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []schedule.Allocation{{}, {Cores: [][]int{{0}, {}}}, {Cores: [][]int{{0}, {7}}}} {
		if _, err := sim.Run(&bad); err == nil {
			t.Errorf("allocation %v is accepted", bad)
		}
	}
	if _, err := sim.Run(alloc); err != nil {
		t.Errorf("after bad allocations: %v", err)
	}
}

func TestOrder(t *testing.T) {
	g := taskgraph.New(
		[]taskgraph.Layer{{Stack: 0}, {Stack: 1}, {Stack: 0}},
		[]taskgraph.Node{{Layer: 0}, {Layer: 0, Sub: 1}, {Layer: 1}, {Layer: 2}, {Layer: 2, Sub: 1}}, nil, nil)
	for _, c := range []struct {
		stacks [][]int
		want   []int32
	}{
		{nil, []int32{3, 2, 4, 1, 0}},                    // 2.1 2.0 0.1 0.0, 1.0
		{[][]int{{0}, {1, 2}}, []int32{1, 0, 4, 3, 2}},   // 0.1 0.0, 2.1 2.0 1.0
		{[][]int{{2}}, []int32{3, 2, 4, 1, 0}},           // 2.1 2.0, 0.1 0.0, 1.0
		{[][]int{{0, 1, 2}, {}}, []int32{4, 3, 2, 1, 0}}, // all descending
		{[][]int{{1}, {2}, {0}}, []int32{4, 3, 0, 2, 1}}, // the stacks' own order
	} {
		if got := Order(g, c.stacks); !slices.Equal(got, c.want) {
			t.Errorf("Order(%v) = %v, want %v", c.stacks, got, c.want)
		}
	}
}

func TestOtherOrders(t *testing.T) {
	g := taskgraph.New(
		[]taskgraph.Layer{{Stack: 0}, {Stack: 1, Groups: 2}, {Stack: 0}},
		[]taskgraph.Node{{Layer: 0}, {Layer: 1}, {Layer: 1, Sub: 1, Group: 1}, {Layer: 1, Sub: 2}, {Layer: 2}}, nil, nil)
	for _, c := range []struct {
		name      string
		got, want []int32
	}{
		{"ascending", Ascending(g), []int32{0, 1, 2, 3, 4}},
		{"deepest", Deepest(g), []int32{4, 2, 3, 1, 0}},                             // 2.0, 1.2 1.0 of group 0, 1.1 of group 1, 0.0
		{"none listed", Listed(g, nil), Order(g, nil)},                              // 2.0 0.0 1.2 1.1 1.0
		{"two listed", Listed(g, []taskgraph.NodeID{1, 0}), []int32{1, 0, 4, 3, 2}}, // 1.0 0.0, then 2.0 1.2 1.1
		{"twice", Listed(g, []taskgraph.NodeID{3, 3, 2, 3}), []int32{3, 4, 1, 0, 2}},
	} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, c.got, c.want)
		}
	}
}

// TestEarliestReady has two chains on two cores, a slow one and a quick one: the
// order decides which of them gets the shared core first.
func TestEarliestReady(t *testing.T) {
	acc := chip{cores: 3, links: []string{"0, 1", "0, 2", "1, 2"}}.build(t)
	p, alloc := problem(acc, rules.Default(),
		node{core: 0, runtime: 500, out: 10, input: 10},
		node{core: 1, runtime: 20, out: 10, input: 10},
		node{core: 2, runtime: 100, out: 10, from: []int{1}},
		node{core: 2, runtime: 100, out: 10, from: []int{0}},
	)
	order := func() []taskgraph.NodeID { return run(t, p, alloc).Order }
	p.Priority = Deepest(p.Graph)
	if got := order(); !slices.Equal(got, []taskgraph.NodeID{1, 2, 0, 3}) {
		t.Errorf("deepest first: %v", got)
	}
	p.Priority, p.EarliestReady = []int32{0, 1, 3, 2}, true
	if got := order(); !slices.Equal(got, []taskgraph.NodeID{0, 1, 2, 3}) {
		t.Errorf("earliest ready first: %v", got)
	}
	p.EarliestReady = false
	if got := order(); !slices.Equal(got, []taskgraph.NodeID{0, 1, 3, 2}) {
		t.Errorf("by priority alone: %v", got)
	}
}

func TestLinkIdle(t *testing.T) {
	l := link{bandwidth: 10}
	l.reset()
	l.occupy(0, 5, 10)
	l.occupy(8, 12, 4)
	l.occupy(12, 20, 10)
	for _, c := range []struct {
		t, duration unit.Cycles
		bandwidth   float64
		want        unit.Cycles
	}{
		{0, 3, 10, 5},  // 5-8 is free
		{0, 4, 10, 20}, // too short
		{0, 4, 6, 5},   // 6 are left until 12
		{0, 7, 6, 5},
		{0, 8, 6, 20},
		{6, 2, 10, 6},
		{6, 3, 10, 20},
		{25, 100, 10, 25},
	} {
		if got := l.idle(c.t, c.duration, c.bandwidth); got != c.want {
			t.Errorf("idle(%d, %d, %v) = %d, want %d", c.t, c.duration, c.bandwidth, got, c.want)
		}
	}
}

func TestIntersect(t *testing.T) {
	a := []span{{0, 5}, {8, 20}}
	b := []span{{3, 10}, {12, 30}}
	if got, want := intersect(a, b, 2), []span{{3, 5}, {8, 10}, {12, 20}}; !slices.Equal(got, want) {
		t.Errorf("intersect = %v, want %v", got, want)
	}
	if got, want := intersect(a, b, 3), []span{{12, 20}}; !slices.Equal(got, want) {
		t.Errorf("intersect = %v, want %v", got, want)
	}
	// Windows that touch are one.
	if got, want := intersect([]span{{0, 4}, {4, 9}}, []span{{0, 9}}, 6), []span{{0, 9}}; !slices.Equal(got, want) {
		t.Errorf("intersect = %v, want %v", got, want)
	}
}

// TestForks has several goroutines evaluate different allocations of one problem.
func TestForks(t *testing.T) {
	p, base := synthetic(t, rules.Default())
	sim, err := New(p)
	if err != nil {
		t.Fatal(err)
	}
	rotated := func(by int) *schedule.Allocation {
		a := new(schedule.Allocation)
		for _, cores := range base.Cores {
			a.Cores = append(a.Cores, []int{(cores[0] + by) % 4})
		}
		return a
	}
	var want, got [4]Metrics
	for i := range want {
		if want[i], err = sim.Evaluate(rotated(i)); err != nil {
			t.Fatal(err)
		}
	}
	var wait sync.WaitGroup
	for i := range got {
		fork := sim.Fork()
		wait.Go(func() {
			for range 3 {
				got[i], _ = fork.Evaluate(rotated(i))
			}
		})
	}
	wait.Wait()
	if got != want {
		t.Errorf("forks: %v, one simulator: %v", got, want)
	}
}

// TestEvaluateAllocatesNothing once it is warm.
func TestEvaluateAllocatesNothing(t *testing.T) {
	for _, r := range []rules.Rules{rules.Default(), rules.Reference2024()} {
		p, alloc := synthetic(t, r)
		sim, err := New(p)
		if err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(5, func() {
			if _, err := sim.Evaluate(alloc); err != nil {
				t.Fatal(err)
			}
		}); n > 0 {
			t.Errorf("%s: %v allocations", r.Name, n)
		}
	}
}
