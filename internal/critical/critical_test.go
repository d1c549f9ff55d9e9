package critical

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"streamdse/hardware"
	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/unit"
	"streamdse/workload"
)

// chip has two cores with one memory each, a link each way between them, and
// off-chip memory behind one link.
func chip(t testing.TB) *hardware.Accelerator {
	t.Helper()
	core := func(name, memory string, kind string) string {
		return fmt.Sprintf(`{"name": %q, "type": %q, "memories": {%q: {"size": 1000, "r_cost": 1, "w_cost": 1, "area": 0, "latency": 1,
			"operands": ["I1", "I2", "O"],
			"ports": [{"name": "r_port_1", "type": "read", "bandwidth_min": 10, "bandwidth_max": 10, "allocation": ["I1, tl", "I2, tl", "O, tl", "O, th"]},
				{"name": "w_port_1", "type": "write", "bandwidth_min": 10, "bandwidth_max": 10, "allocation": ["I1, fh", "I2, fh", "O, fl", "O, fh"]}],
			"served_dimensions": ["D1", "D2"]}},
			"operational_array": {"unit_energy": 1, "unit_area": 1, "dimensions": ["D1", "D2"], "sizes": [2, 2]}}`, name, kind, memory)
	}
	files := map[string]string{"pe": core("pe", "sram", "compute"), "off": core("off", "dram", "memory")}
	acc, err := hardware.Parse("chip", []byte(`{"name": "chip", "cores": {"0": "pe", "1": "pe"}, "offchip_core": "off",
		"core_connectivity": ["0, 1"], "bandwidth": 10, "unit_energy_cost": 1}`),
		func(file string) (string, []byte, error) { return file, []byte(files[file]), nil })
	if err != nil {
		t.Fatal(err)
	}
	return acc
}

// hand is a schedule to follow by hand. Layers a, b and c have one node each, which
// reads the one before; a has weights too.
//
//	 0- 10  link from off-chip    weights of a, for core 0
//	10- 30  core 0                a
//	30- 50  link 0->1             output of a, for core 1
//	50- 90  core 1                b
//	60- 80  link to off-chip      eviction of a's output, to make room for c
//	80-100  nothing               the schedule does not tell why c waits
//	100-120 core 0                c
func hand(t testing.TB) *Analysis {
	acc := chip(t)
	link := func(from, to int) []int32 {
		var links []int32
		for _, l := range acc.Path(from, to) {
			links = append(links, int32(l))
		}
		if len(links) == 0 {
			t.Fatalf("no link from %d to %d", from, to)
		}
		return links
	}
	memory := []hardware.MemoryOperand{hardware.O, hardware.I1, hardware.I2}
	var layers []taskgraph.Layer
	var nodes []taskgraph.Node
	var tensors []taskgraph.Tensor
	for i, name := range []string{"a", "b", "c"} {
		layers = append(layers, taskgraph.Layer{Layer: &workload.Layer{ID: i, Name: name}, Memory: memory, Nodes: []taskgraph.NodeID{taskgraph.NodeID(i)}, Groups: 1})
		n := taskgraph.Node{Layer: int32(i)}
		for o := range 3 {
			n.Operands = append(n.Operands, taskgraph.TensorID(len(tensors)))
			tensors = append(tensors, taskgraph.Tensor{Layer: int32(i), Operand: int8(o), Constant: i == 0 && o == 2, Bits: 100})
		}
		nodes = append(nodes, n)
	}
	const outA, weightsA, outB = 0, 2, 3
	edges := []taskgraph.Edge{{Src: 0, Dst: 1, Operand: 1, Bits: 100}, {Src: 1, Dst: 2, Operand: 1, Bits: 100}}
	off := int32(acc.Offchip)
	store := func(core int32) int32 { return int32(acc.Top(int(core), hardware.O)) }
	move := func(x taskgraph.TensorID, cause schedule.Cause, from, to int32, start, end unit.Cycles) schedule.Transfer {
		return schedule.Transfer{Tensor: x, Cause: cause, From: from, To: to, FromStore: store(from), ToStore: store(to), Start: start, End: end, Links: link(int(from), int(to))}
	}
	s := &schedule.Schedule{
		Latency: 120,
		Tasks:   []schedule.Task{{Core: 0, Start: 10, End: 30}, {Core: 1, Start: 50, End: 90}, {Core: 0, Start: 100, End: 120}},
		Transfers: []schedule.Transfer{
			move(weightsA, schedule.Fetch, off, 0, 0, 10),
			move(outA, schedule.Fetch, 0, 1, 30, 50),
			move(outA, schedule.Eviction, 0, off, 60, 80),
			move(outB, schedule.Fetch, 1, 0, 80, 90),
		},
		Copies: []schedule.Copy{
			{Tensor: weightsA, Store: store(0), Start: 0, Available: 10, End: 30},
			{Tensor: outA, Store: store(0), Start: 10, Available: 30, End: 80},
			{Tensor: outA, Store: store(1), Start: 30, Available: 50, End: 90},
		},
	}
	return New(taskgraph.New(layers, nodes, tensors, edges), acc, s)
}

func node(n int) Event     { return Event{taskgraph.NodeID(n), -1} }
func transfer(i int) Event { return Event{-1, int32(i)} }

func TestWaits(t *testing.T) {
	a := hand(t)
	link := func(from, to int) Resource { return Resource{Link, int32(a.acc.Path(from, to)[0])} }
	memory := func(core int) Resource { return Resource{Memory, int32(a.acc.Top(core, hardware.O))} }
	off := a.acc.Offchip
	for _, c := range []struct {
		what      string
		got, want Wait
	}{
		{"a waits for its weights", a.Node(0), Wait{Arrival, link(off, 0), transfer(0), 10}},
		{"b waits for the output of a", a.Node(1), Wait{Arrival, link(0, 1), transfer(1), 50}},
		{"c has its data ten cycles before it starts", a.Node(2), Wait{Arrival, link(1, 0), transfer(3), 90}},
		{"weights wait for nothing", a.Transfer(0), Wait{For: none}},
		{"the output of a is moved once it is computed", a.Transfer(1), Wait{Producer, Resource{Core, 0}, node(0), 30}},
		{"an eviction waits no longer than for what it moves", a.Transfer(2), Wait{Producer, Resource{Core, 0}, node(0), 30}},
		{"a transfer waits for room", a.Transfer(3), Wait{MemoryFull, memory(0), transfer(2), 80}},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", c.what, diff)
		}
	}
}

func TestPath(t *testing.T) {
	a := hand(t)
	link := func(from, to int) Resource { return Resource{Link, int32(a.acc.Path(from, to)[0])} }
	memory := Resource{Memory, int32(a.acc.Top(0, hardware.O))}
	off := a.acc.Offchip
	want := []Step{
		{0, 10, transfer(0), link(off, 0), Arrival, link(off, 0)},
		{10, 30, node(0), Resource{Core, 0}, Nothing, Resource{}},
		{30, 60, none, Resource{}, Producer, Resource{Core, 0}},
		{60, 80, transfer(2), link(0, off), MemoryFull, memory},
		{80, 90, transfer(3), link(1, 0), Nothing, Resource{}},
		{90, 100, none, Resource{}, Arrival, link(1, 0)},
		{100, 120, node(2), Resource{Core, 0}, Nothing, Resource{}},
	}
	path := a.Path()
	if diff := cmp.Diff(want, path); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	shares := []Share{{Resource{}, 40, 2}, {Resource{Core, 0}, 40, 2}, {link(0, off), 20, 1}, {link(off, 0), 10, 1}, {link(1, 0), 10, 1}}
	got := Shares(path)
	var sum unit.Cycles
	for _, x := range got {
		sum += x.Cycles
	}
	if sum != a.s.Latency {
		t.Errorf("the shares add up to %d, not the latency %d", sum, a.s.Latency)
	}
	if len(got) != len(shares) || got[0] != shares[0] || got[1] != shares[1] || got[2] != shares[2] {
		t.Errorf("shares %v", got)
	}
}

// A node that streams holds a link: others wait for the link, not for its core.
func TestStreamingHoldsLink(t *testing.T) {
	a := hand(t)
	s := *a.s
	l := s.Transfers[1].Links[0]
	s.Tasks = []schedule.Task{{Core: 0, Start: 0, End: 20}, {Core: 1, Start: 50, End: 90}, {Core: 0, Start: 20, End: 40}}
	s.Transfers = []schedule.Transfer{s.Transfers[1]}
	s.Transfers[0].Start, s.Transfers[0].End = 40, 50
	s.Blocks = []schedule.Block{{Node: 2, Start: 20, End: 40, Links: []int32{l}, Bandwidth: []unit.BitsPerCycle{10}}}
	s.Copies, s.Latency = nil, 90
	b := New(taskgraph.New(a.g.Layers, a.g.Nodes, a.g.Tensors, []taskgraph.Edge{{Src: 0, Dst: 1, Operand: 1, Bits: 100}}), a.acc, &s)
	want := Wait{LinkBusy, Resource{Link, l}, node(2), 40}
	if got := b.Transfer(0); got != want {
		t.Errorf("the transfer waits for %+v, want %+v", got, want)
	}
	path := b.Path()
	if got := path[1]; got.On != (Resource{Link, l}) || got.Event != node(2) || got.Start != 20 || got.End != 40 {
		t.Errorf("second step %+v", got)
	}
	if path[0].On != (Resource{Core, 0}) || path[0].Then != CoreBusy {
		t.Errorf("first step %+v", path[0])
	}
}

func TestEmpty(t *testing.T) {
	a := New(taskgraph.New(nil, nil, nil, nil), chip(t), &schedule.Schedule{})
	if p := a.Path(); p != nil {
		t.Errorf("a schedule of nothing has the path %v", p)
	}
}
