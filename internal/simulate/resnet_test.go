package simulate

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
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

// measured is a measured run of ResNet-18 as the simulator's input.
type measured struct {
	problem Problem
	alloc   *schedule.Allocation
	tasks   []schedule.Task
	dir     string
	figures struct {
		Mode    string             `json:"mode"`
		Stacks  [][]int            `json:"layer_stacks"`
		Latency float64            `json:"latency"`
		Energy  float64            `json:"energy"`
		Parts   map[string]float64 `json:"energy_breakdown"`
	}
}

// operandsOf lists the operands of a type of layer, with bits per element and loop dimensions.
func operandsOf(op string) []workload.Operand {
	operand := func(name string, bits int, dims string) workload.Operand {
		o := workload.Operand{Name: name, Bits: unit.Bits(bits)}
		for _, d := range strings.Fields(dims) {
			o.Dims = append(o.Dims, workload.Dim(d))
		}
		return o
	}
	switch op {
	case "conv":
		return []workload.Operand{operand("O", 8, "B G K OY OX"), operand("W", 8, "K C FY FX"), operand("I", 8, "B G C IY IX")}
	case "pooling":
		return []workload.Operand{operand("O", 8, "B K OY OX"), operand("W", 0, "FY FX"), operand("I", 8, "B K IY IX")}
	case "relu":
		return []workload.Operand{operand("O", 8, "B H D K"), operand("I", 8, "B H D K"), operand("W", 8, "")}
	case "add":
		return []workload.Operand{operand("O", 8, "B H D K"), operand("I", 8, "B H D K"), operand("W", 8, "B H D K")}
	}
	return []workload.Operand{operand("O", 8, "D K"), operand("I", 8, "D C"), operand("W", 8, "C K")}
}

func number(t testing.TB, s string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

var bandwidths = regexp.MustCompile(`rd v: ([0-9.]+), wr \^: ([0-9.]+)`)

// loadMeasured reads the figures of a run: its nodes, their costs and cores, and
// its edges. Tensors follow from the loop ranges.
func loadMeasured(t testing.TB, run string, r rules.Rules) *measured {
	t.Helper()
	m := &measured{dir: golden.Shared(t, "golden/stream-2024/"+run), alloc: &schedule.Allocation{}}
	acc, err := hardware.Load(golden.Shared(t, "data/stream-2024/examples/hardware/tpu_like_quad_core.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(m.dir, "figures.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &m.figures); err != nil {
		t.Fatal(err)
	}
	rows := golden.Table(t, filepath.Join(m.dir, "nodes.csv"))
	edgeRows := golden.Table(t, filepath.Join(m.dir, "edges.csv"))
	fed := map[string]bool{} // layer and operand that other layers write
	for _, e := range edgeRows {
		if e["operand"] != "" {
			layer, _, _ := strings.Cut(e["to"], ".")
			fed[layer+e["operand"]] = true
		}
	}
	var (
		layers  []taskgraph.Layer
		nodes   []taskgraph.Node
		tensors []taskgraph.Tensor
		edges   []taskgraph.Edge
		index   = map[string]int{}
		byName  = map[string]taskgraph.NodeID{}
		byBlock = map[string]taskgraph.TensorID{}
		costs   = schedule.NewCostTable(len(rows), len(acc.Cores))
	)
	for i, row := range rows {
		l, ok := index[row["layer_id"]]
		if !ok {
			l = len(layers)
			index[row["layer_id"]] = l
			layer := taskgraph.Layer{Layer: &workload.Layer{ID: int(number(t, row["layer_id"])), Name: row["name"], Type: row["op"], Operands: operandsOf(row["op"])}}
			for _, o := range layer.Operands {
				layer.Memory = append(layer.Memory, memoryOperand[o.Name])
			}
			layers = append(layers, layer)
			m.alloc.Cores = append(m.alloc.Cores, nil)
		}
		layer := &layers[l]
		ranges := map[workload.Dim]taskgraph.Range{}
		for _, f := range strings.Fields(row["loop_ranges"]) {
			dim, bounds, _ := strings.Cut(f, ":")
			cut := strings.LastIndex(bounds, "-")
			lo, hi := bounds[:cut], bounds[cut+1:]
			if strings.HasSuffix(lo, "-") { // a negative upper bound
				lo, hi = lo[:len(lo)-1], "-"+hi
			}
			ranges[workload.Dim(dim)] = taskgraph.Range{Lo: int32(number(t, lo)), Hi: int32(number(t, hi))}
		}
		n := taskgraph.Node{Layer: int32(l), Sub: int32(number(t, row["sub_id"])), Group: int32(layer.Groups), Class: int32(i), Final: row["final_output"] == "True"}
		for op, o := range layer.Operands {
			bits := o.Bits
			key := fmt.Sprint(l, op)
			for _, d := range o.Dims {
				bits *= unit.Bits(ranges[d].Len())
				key += fmt.Sprint(ranges[d])
			}
			id, ok := byBlock[key]
			if !ok {
				id = taskgraph.TensorID(len(tensors))
				byBlock[key] = id
				tensors = append(tensors, taskgraph.Tensor{
					Layer: int32(l), Operand: int8(op), Constant: op > 0 && !fed[row["layer_id"]+o.Name], Origin: taskgraph.NodeID(i), Bits: bits,
				})
			}
			tensors[id].Uses++
			n.Operands = append(n.Operands, id)
		}
		nodes = append(nodes, n)
		layer.Nodes = append(layer.Nodes, taskgraph.NodeID(i))
		layer.Groups++
		core := int(number(t, row["core"]))
		m.alloc.Cores[l] = append(m.alloc.Cores[l], core)
		byName[row["layer_id"]+"."+row["sub_id"]] = taskgraph.NodeID(i)
		cost := costs.At(int32(i), core)
		*cost = schedule.NodeCost{
			Feasible: true, Runtime: unit.Cycles(number(t, row["runtime"])),
			Onchip: unit.Picojoules(number(t, row["onchip_energy"])), Offchip: unit.Picojoules(number(t, row["offchip_energy"])),
		}
		bw := bandwidths.FindStringSubmatch(row["offchip_bw"])
		cost.StreamIn, cost.StreamOut = unit.BitsPerCycle(number(t, bw[1])), unit.BitsPerCycle(number(t, bw[2]))
		for _, op := range strings.Fields(row["too_large_operands"]) {
			cost.Streamed = append(cost.Streamed, memoryOperand[op])
		}
		m.tasks = append(m.tasks, schedule.Task{Core: int32(core), Start: unit.Cycles(number(t, row["start"])), End: unit.Cycles(number(t, row["end"]))})
	}
	for _, e := range edgeRows {
		edge := taskgraph.Edge{Src: byName[e["from"]], Dst: byName[e["to"]], Bits: unit.Bits(number(t, e["bits"]))}
		if e["operand"] != "" {
			edge.Operand = int8(slices.IndexFunc(layers[nodes[edge.Dst].Layer].Operands, func(o workload.Operand) bool { return o.Name == e["operand"] }))
		}
		edges = append(edges, edge)
	}
	var stacks [][]int
	given := map[int]bool{}
	if m.figures.Mode == "fused" {
		for _, s := range m.figures.Stacks {
			var stack []int
			for _, id := range s {
				if l, ok := index[fmt.Sprint(id)]; ok {
					stack = append(stack, l)
					given[l] = true
				}
			}
			stacks = append(stacks, stack)
		}
	}
	for l := range layers {
		if !given[l] {
			stacks = append(stacks, []int{l})
		}
	}
	g := taskgraph.New(layers, nodes, tensors, edges)
	m.problem = Problem{Graph: g, Accelerator: acc, Costs: costs, Priority: Order(g, stacks), Rules: r}
	return m
}

func measuredRules() rules.Rules {
	r := rules.Reference2024()
	r.BlocksAreFree = false
	return r
}

// TestResNet18 reproduces the measured runs of ResNet-18 to the cycle, on every
// link, and in every part of the energy.
func TestResNet18(t *testing.T) {
	for _, name := range []string{
		"round-robin-lbl-latency1", "round-robin-lbl-latency2", "one-core-lbl-latency2", "genetic-lbl",
		"round-robin-fused-latency1", "round-robin-fused-latency2", "genetic-fused",
	} {
		t.Run(name, func(t *testing.T) {
			m := loadMeasured(t, name, measuredRules())
			s := run(t, m.problem, m.alloc)
			if d := cmp.Diff(m.tasks, s.Tasks); d != "" {
				t.Errorf("tasks (-want +got):\n%.3000s", d)
			}
			if d := cmp.Diff(m.linkEvents(t), m.eventsOf(s)); d != "" {
				t.Errorf("links (-want +got):\n%.3000s", d)
			}
			if float64(s.Latency) != m.figures.Latency {
				t.Errorf("latency %d, want %v", s.Latency, m.figures.Latency)
			}
			e := s.Energy
			for name, got := range map[string]unit.Picojoules{
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
				want, ok := m.figures.Parts[name]
				if !ok || math.Abs(float64(got)-want) > 1e-9*math.Max(1, want) {
					t.Errorf("%s: %v, want %v", name, got, want)
				}
			}
			if math.Abs(float64(e.Total())-m.figures.Energy) > 1e-9*m.figures.Energy {
				t.Errorf("energy %v, want %v", e.Total(), m.figures.Energy)
			}
		})
	}
}

// TestResNet18Default runs the same nodes under the physical rules.
func TestResNet18Default(t *testing.T) {
	for _, name := range []string{"round-robin-lbl-latency1", "genetic-lbl", "round-robin-fused-latency1", "genetic-fused"} {
		t.Run(name, func(t *testing.T) {
			m := loadMeasured(t, name, rules.Default())
			s := run(t, m.problem, m.alloc)
			t.Logf("latency %d, published %.0f; energy %.4g, published %.4g", s.Latency, m.figures.Latency, float64(s.Energy.Total()), m.figures.Energy)
		})
	}
}

// linkEvents lists what was measured on the links.
func (m *measured) linkEvents(t *testing.T) []string {
	var out []string
	name := strings.NewReplacer("Core(", "", ")", "", "Any", fmt.Sprint(hardware.AnyCore))
	for _, row := range golden.Table(t, filepath.Join(m.dir, "transfers.csv")) {
		tensors := strings.Fields(row["tensors"])
		slices.Sort(tensors)
		out = append(out, fmt.Sprintf("%s->%s %s %d-%d %v", name.Replace(row["sender"]), name.Replace(row["receiver"]), row["type"],
			int64(number(t, row["start"])), int64(number(t, row["end"])), tensors))
	}
	slices.Sort(out)
	return out
}

// eventsOf lists what a schedule has on the links, transfers that share a slot once.
func (m *measured) eventsOf(s *schedule.Schedule) []string {
	g, acc := m.problem.Graph, m.problem.Accelerator
	label := func(x taskgraph.TensorID) string {
		tensor := &g.Tensors[x]
		layer := &g.Layers[tensor.Layer]
		return fmt.Sprintf("%d.%d:%s:%db", layer.ID, g.Nodes[tensor.Origin].Sub, layer.Operands[tensor.Operand].Name, tensor.Bits)
	}
	var out []string
	add := func(link int32, kind string, start, end unit.Cycles, tensors []string) {
		slices.Sort(tensors)
		from, to := acc.Links[link].From, acc.Links[link].To
		if from == hardware.AnyCore && to == hardware.AnyCore {
			from = acc.Offchip // both directions of one link
		}
		out = append(out, fmt.Sprintf("%d->%d %s %d-%d %v", from, to, kind, start, end, tensors))
	}
	seen := map[string]bool{}
	for _, x := range s.Transfers {
		for _, l := range x.Links {
			key := fmt.Sprint(l, x.Tensor, x.Start)
			if !x.Joined && x.Start < x.End && !seen[key] {
				seen[key] = true
				add(l, "transfer", x.Start, x.End, []string{label(x.Tensor)})
			}
		}
	}
	for _, b := range s.Blocks {
		node := &g.Nodes[b.Node]
		for _, l := range b.Links {
			var tensors []string
			for i, x := range node.Operands {
				if streams(m.problem.Costs.At(node.Class, int(s.Tasks[b.Node].Core)), g.Layers[node.Layer].Memory[i]) {
					tensors = append(tensors, label(x))
				}
			}
			add(l, "block", b.Start, b.End, tensors)
		}
	}
	slices.Sort(out)
	return out
}
