package simulate

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"streamdse/hardware"
	"streamdse/internal/golden"
	"streamdse/rules"
	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/unit"
	"streamdse/workload"
)

// goldenAccelerator builds an accelerator of the measured cases.
func goldenAccelerator(t testing.TB, g golden.Accelerator) *hardware.Accelerator {
	t.Helper()
	acc, err := hardware.Parse(g.Name, g.Text(t), g.CoreFile)
	if err != nil {
		t.Fatal(err)
	}
	return acc
}

// goldenCase is a measured case as the simulator's input. Every node is a class
// and a group of its own, so that costs and cores are those measured.
type goldenCase struct {
	problem Problem
	alloc   *schedule.Allocation
	id      []golden.TensorID // of each tensor
}

var memoryOperand = map[string]hardware.MemoryOperand{
	"I": hardware.I1, "W": hardware.I2, "O": hardware.O,
	"I1": hardware.I1, "I2": hardware.I2,
}

func newGoldenCase(t testing.TB, acc *hardware.Accelerator, c *golden.Case, r rules.Rules) *goldenCase {
	t.Helper()
	cns := slices.Clone(c.Nodes)
	slices.SortFunc(cns, func(a, b golden.Node) int {
		if a.Layer != b.Layer {
			return a.Layer - b.Layer
		}
		return a.Sub - b.Sub
	})
	out := &goldenCase{alloc: &schedule.Allocation{}}
	var (
		layers  []taskgraph.Layer
		nodes   []taskgraph.Node
		tensors []taskgraph.Tensor
		edges   []taskgraph.Edge
		layerOf = map[int]int{}
		nodeOf  = map[[2]int]taskgraph.NodeID{}
		seen    = map[golden.TensorID]taskgraph.TensorID{}
		costs   = schedule.NewCostTable(len(cns), len(acc.Cores))
	)
	for i, cn := range cns {
		l, ok := layerOf[cn.Layer]
		if !ok {
			l = len(layers)
			layerOf[cn.Layer] = l
			// Constants are needed in the reverse order of the operands.
			names := slices.Clone(cn.ConstantOperands)
			slices.Reverse(names)
			for _, name := range slices.Sorted(maps.Keys(cn.Tensors)) {
				if name != "O" && !slices.Contains(names, name) {
					names = append(names, name)
				}
			}
			layer := taskgraph.Layer{Layer: &workload.Layer{ID: cn.Layer, Name: cn.Name, Type: cn.Type}}
			for _, name := range append([]string{"O"}, names...) {
				layer.Operands = append(layer.Operands, workload.Operand{Name: name})
				layer.Memory = append(layer.Memory, memoryOperand[name])
			}
			layers = append(layers, layer)
			out.alloc.Cores = append(out.alloc.Cores, nil)
		}
		layer := &layers[l]
		n := taskgraph.Node{Layer: int32(l), Sub: int32(cn.Sub), Group: int32(layer.Groups), Class: int32(i), Final: cn.Final}
		for op, operand := range layer.Operands {
			x := cn.Tensors[operand.Name]
			id, ok := seen[x.ID]
			if !ok {
				id = taskgraph.TensorID(len(tensors))
				seen[x.ID] = id
				uses := int32(0)
				if x.BasePriority != nil {
					uses = int32(*x.BasePriority)
				}
				tensors = append(tensors, taskgraph.Tensor{
					Layer: int32(l), Operand: int8(op), Constant: slices.Contains(cn.ConstantOperands, operand.Name),
					Origin: taskgraph.NodeID(i), Uses: uses, Bits: unit.Bits(x.Bits),
				})
				out.id = append(out.id, x.ID)
			}
			n.Operands = append(n.Operands, id)
		}
		nodes = append(nodes, n)
		layer.Nodes = append(layer.Nodes, taskgraph.NodeID(i))
		layer.Groups++
		out.alloc.Cores[l] = append(out.alloc.Cores[l], cn.Core)
		nodeOf[[2]int{cn.Layer, cn.Sub}] = taskgraph.NodeID(i)
		cost := costs.At(int32(i), cn.Core)
		*cost = schedule.NodeCost{
			Feasible: true, Runtime: unit.Cycles(cn.Runtime),
			Onchip: unit.Picojoules(cn.OnchipEnergy), Offchip: unit.Picojoules(cn.OffchipEnergy),
			StreamIn: unit.BitsPerCycle(cn.OffchipBW.ReadOutToLow), StreamOut: unit.BitsPerCycle(cn.OffchipBW.WriteInByLow),
		}
		for _, op := range cn.TooLarge {
			cost.Streamed = append(cost.Streamed, memoryOperand[op])
		}
	}
	for _, e := range c.Edges {
		dst := nodeOf[e.Dst]
		edge := taskgraph.Edge{Src: nodeOf[e.Src], Dst: dst, Bits: unit.Bits(e.Bits)}
		if e.Operand != "" {
			edge.Operand = int8(slices.IndexFunc(layers[nodes[dst].Layer].Operands, func(o workload.Operand) bool { return o.Name == e.Operand }))
		}
		edges = append(edges, edge)
	}
	p := Problem{
		Graph: taskgraph.New(layers, nodes, tensors, edges), Accelerator: acc, Costs: costs,
		Priority: make([]int32, len(nodes)), Rules: r,
	}
	for i, id := range c.SchedulingOrder {
		if n, ok := nodeOf[id]; ok {
			p.Priority[n] = int32(i)
		}
	}
	p.Prefetch = c.Inputs.Prefetch
	out.problem = p
	return out
}

// referenceRules are the rules that a case was measured with: those with the
// suffix @374 have real off-chip bandwidths.
func referenceRules(name string) rules.Rules {
	r := rules.Reference2024()
	r.BlocksAreFree = !strings.HasSuffix(name, "@374")
	return r
}

// event is what one link carried.
type event struct {
	Start, End float64
	Activity   float64
	Tensors    string
}

func TestGolden(t *testing.T) {
	f := golden.Load(t)
	for _, name := range slices.Sorted(maps.Keys(f.Cases)) {
		t.Run(name, func(t *testing.T) {
			c := f.Cases[name]
			acc := goldenAccelerator(t, f.Accelerators[c.Inputs.Accelerator])
			g := newGoldenCase(t, acc, c, referenceRules(name))
			g.compare(t, c, run(t, g.problem, g.alloc))
		})
	}
}

// TestGoldenDefault runs the measured cases under the physical rules.
func TestGoldenDefault(t *testing.T) {
	f := golden.Load(t)
	physical := rules.Default()
	physical.PartialSumsAreFree = true // the graphs are the published ones
	for _, name := range slices.Sorted(maps.Keys(f.Cases)) {
		t.Run(name, func(t *testing.T) {
			c := f.Cases[name]
			g := newGoldenCase(t, goldenAccelerator(t, f.Accelerators[c.Inputs.Accelerator]), c, physical)
			run(t, g.problem, g.alloc)
		})
	}
}

func (g *goldenCase) compare(t *testing.T, c *golden.Case, s *schedule.Schedule) {
	graph := g.problem.Graph
	for _, cn := range c.Nodes {
		for n := range graph.Nodes {
			node := &graph.Nodes[n]
			if graph.Layers[node.Layer].ID != cn.Layer || int(node.Sub) != cn.Sub {
				continue
			}
			if got := s.Tasks[n]; got.Start != unit.Cycles(cn.Start) || got.End != unit.Cycles(cn.End) {
				t.Errorf("node %d.%d runs %d-%d, want %v-%v", cn.Layer, cn.Sub, got.Start, got.End, cn.Start, cn.End)
			}
		}
	}

	type transfer struct {
		Tensor     golden.TensorID
		Start, End float64
		Bits       int64
		Energy     float64
		Links      int
	}
	var got, want []transfer
	for _, x := range s.Transfers {
		got = append(got, transfer{g.id[x.Tensor], float64(x.Start), float64(x.End), int64(x.Bits), float64(x.LinkEnergy), len(x.Links)})
	}
	for _, e := range c.Events {
		if e.Type == "transfer" {
			want = append(want, transfer{e.Tensor, e.Start, e.End, e.Bits, e.Energy, e.LinkCount})
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("transfers (-want +got):\n%s", d)
	}

	g.compareLinks(t, c, s)

	if len(s.Memories) != len(c.Memories) {
		t.Fatalf("%d memories, want %d", len(s.Memories), len(c.Memories))
	}
	for i, m := range c.Memories {
		var want [][2]float64
		for j, step := range m.Usage {
			if j == 0 || step[1] != m.Usage[j-1][1] {
				want = append(want, step)
			}
		}
		var got [][2]float64
		for j, time := range s.Memories[i].Times {
			got = append(got, [2]float64{float64(time), float64(s.Memories[i].Bits[j])})
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("memory %s of cores %v (-want +got):\n%s", m.Name, m.Cores, d)
		}
	}

	if float64(s.Latency) != c.Latency {
		t.Errorf("latency %d, want %v", s.Latency, c.Latency)
	}
	e := s.Energy
	for name, got := range map[string]unit.Picojoules{
		"energy":                                        e.Total(),
		"total_cn_onchip_energy":                        e.NodeOnchip,
		"total_cn_offchip_link_energy":                  e.FetchLink,
		"total_cn_offchip_memory_energy":                e.FetchMemory,
		"total_eviction_to_offchip_link_energy":         e.EvictionLink,
		"total_eviction_to_offchip_memory_energy":       e.EvictionMemory,
		"total_sink_layer_output_offchip_link_energy":   e.WritebackLink,
		"total_sink_layer_output_offchip_memory_energy": e.WritebackMemory,
		"total_core_to_core_link_energy":                e.CoreLink,
		"total_core_to_core_memory_energy":              e.CoreMemory,
	} {
		want, ok := c.Energies[name]
		if !ok || math.Abs(float64(got)-want) > 1e-9*math.Max(1, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

// compareLinks compares what each link carried. An event that shares the slot of
// an earlier one of the same tensor does not count.
func (g *goldenCase) compareLinks(t *testing.T, c *golden.Case, s *schedule.Schedule) {
	acc := g.problem.Accelerator
	got := map[string][]event{}
	type slot struct {
		link   int32
		tensor taskgraph.TensorID
		start  unit.Cycles
	}
	used := map[slot]bool{}
	add := func(link int32, start, end unit.Cycles, activity float64, tensors ...taskgraph.TensorID) {
		if start == end {
			return
		}
		for _, x := range tensors {
			if used[slot{link, x, start}] {
				return
			}
		}
		var names []string
		for _, x := range tensors {
			used[slot{link, x, start}] = true
			names = append(names, fmt.Sprint(g.id[x]))
		}
		slices.Sort(names)
		name := fmt.Sprintf("%v->%v", acc.Links[link].From, acc.Links[link].To)
		if acc.Links[link].From == hardware.AnyCore && acc.Links[link].To == hardware.AnyCore {
			name = "shared"
		}
		got[name] = append(got[name], event{float64(start), float64(end), activity, strings.Join(names, " ")})
	}
	for _, x := range s.Transfers {
		if x.Joined {
			continue
		}
		for _, l := range x.Links {
			add(l, x.Start, x.End, float64(acc.Links[l].Bandwidth), x.Tensor)
		}
	}
	for _, b := range s.Blocks {
		node := &g.problem.Graph.Nodes[b.Node]
		var tensors []taskgraph.TensorID
		for i, x := range node.Operands {
			if streams(g.problem.Costs.At(node.Class, int(s.Tasks[b.Node].Core)), g.problem.Graph.Layers[node.Layer].Memory[i]) {
				tensors = append(tensors, x)
			}
		}
		for i, l := range b.Links {
			add(l, b.Start, b.End, float64(b.Bandwidth[i]), tensors...)
		}
	}
	want := map[string][]event{}
	for _, l := range c.Links {
		name := strings.NewReplacer("Core(", "", ")", "", " ", "", "Any", fmt.Sprint(hardware.AnyCore)).Replace(l.Name)
		if strings.Contains(name, "<->") {
			name = "shared"
		}
		for _, e := range l.Events {
			var names []string
			for _, x := range e.Tensors {
				names = append(names, fmt.Sprint(x))
			}
			slices.Sort(names)
			want[name] = append(want[name], event{e.Start, e.End, e.Activity, strings.Join(names, " ")})
		}
	}
	order := func(a, b event) int {
		if a.Start != b.Start {
			return int(a.Start - b.Start)
		}
		return strings.Compare(a.Tensors, b.Tensors)
	}
	for _, m := range []map[string][]event{got, want} {
		for _, events := range m {
			slices.SortFunc(events, order)
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("links (-want +got):\n%s", d)
	}
}
