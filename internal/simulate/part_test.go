package simulate

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"streamdse/rules"
	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/unit"
)

func rows(bounds ...int32) []taskgraph.Range {
	var list []taskgraph.Range
	for i := 0; i < len(bounds); i += 2 {
		list = append(list, taskgraph.Range{Lo: bounds[i], Hi: bounds[i+1]})
	}
	return list
}

// bitsOf tells how many bits each transfer of an output moves.
func bitsOf(p Problem, s *schedule.Schedule) map[string]unit.Bits {
	bits := map[string]unit.Bits{}
	for i, d := range describe(p, s) {
		if !p.Graph.Tensors[s.Transfers[i].Tensor].Constant {
			bits[d] = s.Transfers[i].Bits
		}
	}
	return bits
}

// parted is a producer of ten rows of 10 bits on core 0, whose first row b and last
// row c, both on core 1, read, and the rows between, but for two, d on core 2.
func parted(t *testing.T, r rules.Rules) (Problem, *schedule.Allocation) {
	acc := chip{cores: 3, links: []string{"0, 1", "0, 2", "1, 2"}}.build(t)
	return problem(acc, r,
		node{core: 0, runtime: 10, out: 100, input: 40},
		node{core: 1, runtime: 10, out: 40, from: []int{0}, rows: rows(0, 1)},
		node{core: 1, runtime: 10, out: 40, from: []int{0}, rows: rows(9, 10)},
		node{core: 2, runtime: 10, out: 40, from: []int{0}, rows: rows(1, 7)},
	)
}

// TestOnlyWhatIsReadMoves: the readers on a core need the union of what each reads,
// once; the published scheduler moves all.
func TestOnlyWhatIsReadMoves(t *testing.T) {
	p, alloc := parted(t, rules.Default())
	want := map[string]unit.Bits{
		"fetch a.O 0->1 11-13": 20, "fetch a.O 0->2 11-17": 60,
		"writeback b.O 1->3 23-24": 40, "writeback c.O 1->3 33-34": 40, "writeback d.O 2->3 27-28": 40,
	}
	s := run(t, p, alloc)
	if d := cmp.Diff(want, bitsOf(p, s)); d != "" {
		t.Errorf("default (-want +got):\n%s", d)
	}
	if peak := s.Memories[p.Accelerator.Top(1, memoryOperand["I"])].Peak(); peak != 20+2*40 {
		t.Errorf("core 1 holds %d bits, want two rows and two outputs", peak)
	}
	whole := rules.Default()
	whole.WholeTilesMove = true
	p, alloc = parted(t, whole)
	for d, bits := range bitsOf(p, run(t, p, alloc)) {
		if bits != 100 && bits != 40 {
			t.Errorf("WholeTilesMove: %s moves %d bits", d, bits)
		}
	}
}

// TestPartsAreNotLost has core 1 hold the last copy of two rows when it runs out of
// room: they alone are written to off-chip memory, and come back. Core 2 gives up its
// own rows later, which off-chip memory has to hold beside them.
func TestPartsAreNotLost(t *testing.T) {
	acc := chip{cores: 3, size: 230, links: []string{"0, 1", "0, 2"}}.build(t)
	p, alloc := problem(acc, rules.Default(),
		node{core: 0, runtime: 10, out: 100, input: 40},
		node{core: 1, runtime: 10, out: 10, from: []int{0}, rows: rows(0, 1)},
		node{core: 2, runtime: 10, out: 10, from: []int{0}, rows: rows(5, 8)},
		node{core: 1, runtime: 10, out: 100, weight: 120}, // leaves no room for rows
		node{core: 2, runtime: 10, out: 100, weight: 120},
		node{core: 1, runtime: 10, out: 10, from: []int{0}, rows: rows(3, 4)},
		node{core: 2, runtime: 10, out: 10, from: []int{0}, rows: rows(6, 9)},
	)
	// In the order of their numbers.
	for n := range p.Priority {
		p.Priority[n] = int32(n)
	}
	s := run(t, p, alloc)
	var got []string
	for i, d := range describe(p, s) {
		if s.Transfers[i].Tensor == 0 {
			got = append(got, d[:len("eviction a.O 0->1")]+" "+fmt.Sprint(s.Transfers[i].Bits))
		}
	}
	want := []string{"fetch a.O 0->1 11 20", "fetch a.O 0->2 11 40", "eviction a.O 1->3 20", "eviction a.O 2->3 40", "fetch a.O 3->1 39 20", "fetch a.O 3->2 40 40"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

var partMutations = []mutation{
	{"less moves than is read", schedule.RulePresence, 2, 23, "node 0 of layer c: tensor O of layer a (first used by node 0) is not in memory m0 of core 1 from 23 to 33", func(m *mutable) { m.move("fetch a.O 0->1 11-13", rows(0, 1)) }},
	{"other rows move than are read", schedule.RuleExcess, 1, 11, "transfer 1 of tensor O of layer a (first used by node 0) from core 0 to core 1 for node 0 of layer b: moves 20 bits, but no more than 20 others are read there", func(m *mutable) { m.move("fetch a.O 0->1 11-13", rows(0, 1, 8, 9)) }},
	{"all of a tensor moves", schedule.RuleExcess, 3, 11, "transfer 4 of tensor O of layer a (first used by node 0) from core 0 to core 2 for node 0 of layer d: moves 100 bits, but no more than 60 others are read there", func(m *mutable) { m.move("fetch a.O 0->2 11-17", nil) }},
	{"more rows are stored than have moved", schedule.RuleCopy, -1, 11, "nothing brings tensor O of layer a (first used by node 0) into memory m0 of core 1", func(m *mutable) { m.copy(0, 0, 1).Part = 0 }},
	{"fewer rows are stored than have moved", schedule.RuleCopy, 1, 11, "transfer 1 of tensor O of layer a (first used by node 0) from core 0 to core 1 for node 0 of layer b: the data does not enter memory m0 of core 1", func(m *mutable) { m.copy(0, 0, 1).Part = m.part(rows(9, 10)) }},
	{"the bits of all rows for those of some", schedule.RuleDuration, 1, 11, "transfer 1 of tensor O of layer a (first used by node 0) from core 0 to core 1 for node 0 of layer b: moves 100 bits from 11 to 13, instead of 20 bits in 2 cycles", func(m *mutable) { m.transfer("fetch a.O 0->1 11-13").Bits = 100 }},
	{"rows that the tensor does not have", schedule.RuleShape, -1, 11, "transfer 1 names an unknown tensor, part, core, memory or node", func(m *mutable) { m.move("fetch a.O 0->1 11-13", rows(0, 1, 10, 11)) }},
	{"rows out of order", schedule.RuleShape, -1, 11, "transfer 1 names an unknown tensor, part, core, memory or node", func(m *mutable) { m.move("fetch a.O 0->1 11-13", rows(9, 10, 0, 1)) }},
	{"a part that is not known", schedule.RuleShape, -1, 11, "transfer 1 names an unknown tensor, part, core, memory or node", func(m *mutable) { m.transfer("fetch a.O 0->1 11-13").Part = 99 }},
	{"a source that has other rows", schedule.RuleSource, 3, 13, "transfer 4 of tensor O of layer a (first used by node 0) from core 1 to core 2 for node 0 of layer d: memory m0 of core 1 does not hold the data from 13 to 19", func(m *mutable) {
		x := m.transfer("fetch a.O 0->2 11-17")
		relay := m.transfer("fetch a.O 0->1 11-13")
		x.From, x.FromStore, x.Start, x.End = 1, relay.ToStore, x.Start+2, x.End+2
		for i, l := range m.p.Accelerator.Links {
			if l.From == 1 && l.To == 2 {
				x.Links = []int32{int32(i)}
			}
		}
		c := m.copy(0, 0, x.ToStore)
		c.Start, c.Available = x.Start, x.End
	}},
}

// part gives rows of a tensor a number.
func (m *mutable) part(rows []taskgraph.Range) taskgraph.PartID {
	if rows == nil {
		return 0
	}
	m.Parts = append(slices.Clone(m.Parts), taskgraph.Part{rows})
	return taskgraph.PartID(len(m.Parts) - 1)
}

// move changes the rows that a transfer moves, and all that follows for itself.
func (m *mutable) move(describe string, rows []taskgraph.Range) {
	x := m.transfer(describe)
	c := m.copy(0, 0, x.ToStore)
	x.Part = m.part(rows)
	c.Part = x.Part
	x.Bits = m.p.Graph.Tensors[x.Tensor].PartBits(m.Parts[x.Part])
	x.End = x.Start + unit.TransferCycles(x.Bits, 10)
	c.Available = x.End
}

// TestVerifyCatchesParts breaks a schedule in which parts move.
func TestVerifyCatchesParts(t *testing.T) {
	for _, mut := range partMutations {
		t.Run(mut.name, func(t *testing.T) {
			p, alloc := parted(t, rules.Default())
			m := &mutable{clone(run(t, p, alloc)), &p, alloc}
			mut.change(m)
			if err := mut.catches(verify(*m.p, m.alloc, m.Schedule)); err != nil {
				t.Error(err)
			}
		})
	}
}
