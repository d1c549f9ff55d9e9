package simulate

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"streamdse/hardware"
	"streamdse/rules"
	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/unit"
	"streamdse/workload"
)

type fields = map[string]any

// coreFile is a core whose memories hold the given operands.
func coreFile(name string, ports int, sizes []int, readBandwidth, writeBandwidth int, cost float64, operands ...[]string) fields {
	memories := fields{}
	for i, ops := range operands {
		port := func(read bool) string {
			switch {
			case ports == 1:
				return "rw_port_1"
			case read:
				return "r_port_1"
			}
			return "w_port_1"
		}
		var list []fields
		for _, op := range ops {
			p := fields{"fh": port(false), "tl": port(true)}
			if op == "O" {
				p["fl"], p["th"] = port(false), port(true)
			}
			list = append(list, p)
		}
		single, dual := 0, 1
		if ports == 1 {
			single, dual = 1, 0
		}
		memories[fmt.Sprintf("m%d", i)] = fields{
			"size": sizes[i], "r_bw": readBandwidth, "w_bw": writeBandwidth, "r_cost": cost, "w_cost": cost * 1.25, "area": 0,
			"r_port": dual, "w_port": dual, "rw_port": single, "latency": 1,
			"operands": ops, "ports": list, "served_dimensions": []string{"D1", "D2"},
		}
	}
	return fields{"name": name, "memories": memories, "operational_array": fields{
		"multiplier_energy": 0.1, "multiplier_area": 1, "dimensions": []string{"D1", "D2"}, "sizes": []int{1, 1},
	}}
}

// drawAccelerator makes a small accelerator: one to four cores with tight memories,
// joined in full, in a chain, by a bus or only through off-chip memory, or by links side
// by side.
func drawAccelerator(t *rapid.T) *hardware.Accelerator {
	n := rapid.IntRange(1, 4).Draw(t, "cores")
	files := fields{}
	all := []string{"I1", "I2", "O"}
	offchipPorts := rapid.IntRange(1, 2).Draw(t, "off-chip ports")
	off := coreFile("off", offchipPorts, []int{rapid.SampledFrom([]int{1 << 30, 1 << 30, 1 << 30, 6000}).Draw(t, "off-chip size")},
		rapid.IntRange(16, 64).Draw(t, "off-chip read"), rapid.IntRange(16, 64).Draw(t, "off-chip write"), 10, all)
	off["operational_array"].(fields)["sizes"] = []int{0, 0}
	files["off"] = off
	cores := fields{}
	var sharing []string
	kinds := [][][]string{{all}, {all}, {{"I1", "O"}, {"I2"}}, {{"I1"}, {"I2"}, {"O"}}}
	kind := rapid.SampledFrom(kinds).Draw(t, "memories")
	if n > 1 && rapid.IntRange(0, 4).Draw(t, "share") == 0 {
		sharing = []string{"0, 1"}
	}
	for c := range n {
		var sizes []int
		for range kind {
			sizes = append(sizes, rapid.IntRange(500, 4000).Draw(t, "size"))
		}
		name := fmt.Sprintf("core%d", c)
		if len(sharing) > 0 && c == 1 {
			name = "core0"
		} else {
			files[name] = coreFile(name, 2, sizes, 32, 48, 1, kind...)
		}
		cores[fmt.Sprint(c)] = name
	}
	topology := rapid.SampledFrom([]string{"full", "chain", "none", "bus", "parallel"}).Draw(t, "topology")
	energy := 0.5
	text := fields{"name": "random", "cores": cores, "unit_energy_cost": energy, "energy_per_bit": rapid.SampledFrom([]float64{0, 0.01}).Draw(t, "energy per bit")}
	if len(sharing) > 0 {
		text["core_memory_sharing"] = sharing
	}
	bandwidth := func() int { return rapid.IntRange(8, 40).Draw(t, "bandwidth") }
	if topology == "bus" || topology == "parallel" {
		cores[fmt.Sprint(n)] = "off"
		text["offchip_core_id"] = n
		var ids []int
		for c := range n + 1 {
			ids = append(ids, c)
		}
		connections := []fields{{"type": "bus", "cores": ids, "bandwidth": bandwidth()}}
		if topology == "parallel" {
			connections = drawParallel(t, ids, bandwidth)
		} else if n > 1 && rapid.Bool().Draw(t, "extra link") {
			connections = append(connections, fields{"type": "bus", "cores": ids[:n], "bandwidth": bandwidth(), "unit_energy_cost": 0.25})
		}
		text["core_connectivity"] = connections
		if len(sharing) > 0 {
			text["core_memory_sharing"] = [][]int{{0, 1}}
		}
	} else {
		text["offchip_core"] = "off"
		text["bandwidth"] = bandwidth()
		connections := []string{}
		for i := range n {
			for j := i + 1; j < n; j++ {
				if topology == "full" || topology == "chain" && j == i+1 {
					connections = append(connections, fmt.Sprintf("%d, %d", i, j))
				}
			}
		}
		text["core_connectivity"] = connections
	}
	return parseFields(t, text, files)
}

// drawParallel joins cores, the last of which is the off-chip one, by links and buses,
// most of them beside others.
func drawParallel(t *rapid.T, ids []int, bandwidth func() int) []fields {
	var connections []fields
	add := func(kind string, cores []int) {
		connections = append(connections, fields{"type": kind, "cores": cores, "bandwidth": bandwidth(),
			"unit_energy_cost": rapid.SampledFrom([]float64{0.25, 0.5}).Draw(t, "link energy"), "energy_per_bit": rapid.SampledFrom([]float64{0, 0.02}).Draw(t, "energy per bit")})
	}
	last := len(ids) - 1
	if rapid.Bool().Draw(t, "one bus") {
		add("bus", ids)
	} else {
		for c := range last { // a chain to off-chip memory, or a star around it
			add("link", []int{c, rapid.SampledFrom([]int{c + 1, last}).Draw(t, "next")})
		}
	}
	for range rapid.IntRange(1, 4).Draw(t, "beside") {
		if beside := rapid.IntRange(0, 2*len(connections)).Draw(t, "which"); beside < len(connections) {
			add(connections[beside]["type"].(string), connections[beside]["cores"].([]int))
			continue
		}
		cores := rapid.Permutation(ids).Draw(t, "members")
		add("bus", cores[:rapid.IntRange(2, len(cores)).Draw(t, "size")])
	}
	return connections
}

// drawProblem makes a layered graph of nodes with random sizes on a random
// accelerator, and an allocation.
func drawProblem(t *rapid.T, r rules.Rules) (Problem, *schedule.Allocation) {
	acc := drawAccelerator(t)
	var (
		layers  []taskgraph.Layer
		nodes   []taskgraph.Node
		tensors []taskgraph.Tensor
		edges   []taskgraph.Edge
		alloc   schedule.Allocation
	)
	addTensor := func(layer, op int, constant bool, origin int, limit int) taskgraph.TensorID {
		tensors = append(tensors, taskgraph.Tensor{
			Layer: int32(layer), Operand: int8(op), Constant: constant, Origin: taskgraph.NodeID(origin),
			Bits: unit.Bits(rapid.IntRange(0, limit).Draw(t, "bits")),
		})
		return taskgraph.TensorID(len(tensors) - 1)
	}
	operands := []string{"O", "W", "I"}
	for l := range rapid.IntRange(1, 6).Draw(t, "layers") {
		layer := taskgraph.Layer{Layer: &workload.Layer{ID: l, Name: fmt.Sprintf("layer%d", l)}, Stack: rapid.IntRange(0, 1).Draw(t, "stack") * l}
		for _, o := range operands {
			layer.Operands = append(layer.Operands, workload.Operand{Name: o})
			layer.Memory = append(layer.Memory, memoryOperand[o])
		}
		layer.Groups = rapid.IntRange(1, 2).Draw(t, "groups")
		layer.Output = rapid.IntRange(0, 5).Draw(t, "output") == 0
		var cores []int
		for range layer.Groups {
			cores = append(cores, rapid.IntRange(0, acc.Offchip-1).Draw(t, "core"))
		}
		alloc.Cores = append(alloc.Cores, cores)
		// An input operand comes from an earlier layer or is constant; the nodes of a
		// layer share a constant or not.
		var from [3]int
		var shared [3]taskgraph.TensorID
		for op := 1; op < 3; op++ {
			from[op] = rapid.IntRange(-1, l-1).Draw(t, "producer")
			shared[op] = -1
		}
		reduces := rapid.IntRange(0, 4).Draw(t, "reduces") == 0
		last := map[int32]int{}
		left := map[int]bool{} // nodes with partial sums that nobody has added to yet
		first := len(nodes)
		count := rapid.IntRange(1, 4).Draw(t, "nodes")
		for sub := range count {
			id := len(nodes)
			n := taskgraph.Node{Layer: int32(l), Sub: int32(sub), Class: int32(id), Final: !reduces || sub == count-1, Group: int32(rapid.IntRange(0, layer.Groups-1).Draw(t, "group"))}
			if reduces && sub > 0 && r.PartialSumsAreFree {
				n.Operands = append(n.Operands, nodes[first].Operands[0])
			} else {
				n.Operands = append(n.Operands, addTensor(l, 0, false, id, 500))
			}
			for op := 1; op < 3; op++ {
				x := shared[op]
				if x < 0 || rapid.Bool().Draw(t, "own") {
					x = addTensor(l, op, from[op] < 0, id, 400)
					shared[op] = x
				}
				tensors[x].Uses++
				n.Operands = append(n.Operands, x)
				if from[op] < 0 {
					continue
				}
				for _, p := range layers[from[op]].Nodes {
					if nodes[p].Final && rapid.IntRange(0, 2).Draw(t, "edge") > 0 {
						edges = append(edges, taskgraph.Edge{Src: p, Dst: taskgraph.NodeID(id), Operand: int8(op), Bits: tensors[nodes[p].Operands[0]].Bits})
					}
				}
			}
			tensors[n.Operands[0]].Uses++
			if reduces && sub > 0 && !r.PartialSumsAreFree {
				// The last node adds to what the others leave, of which some add to others.
				for before := first; before < id; before++ {
					x := &tensors[nodes[before].Operands[0]]
					if !left[before] || !n.Final && rapid.Bool().Draw(t, "adds") {
						continue
					}
					x.Bits = max(1, x.Bits)
					left[before] = false
					edges = append(edges, taskgraph.Edge{Src: taskgraph.NodeID(before), Dst: taskgraph.NodeID(id), Bits: x.Bits})
				}
			}
			left[id] = reduces
			if before, ok := last[n.Group]; ok {
				edges = append(edges, taskgraph.Edge{Src: taskgraph.NodeID(before), Dst: taskgraph.NodeID(id)})
			}
			last[n.Group] = id
			nodes = append(nodes, n)
			layer.Nodes = append(layer.Nodes, taskgraph.NodeID(id))
		}
		layers = append(layers, layer)
	}
	costs := schedule.NewCostTable(len(nodes), len(acc.Cores))
	for n := range nodes {
		for c := range acc.Offchip {
			cost := costs.At(int32(n), c)
			*cost = schedule.NodeCost{
				Feasible: true, Runtime: unit.Cycles(rapid.IntRange(0, 60).Draw(t, "runtime")),
				Onchip: 1.5, Offchip: 0,
			}
			if rapid.IntRange(0, 7).Draw(t, "streams") > 0 {
				continue
			}
			for _, op := range []hardware.MemoryOperand{hardware.O, hardware.I2, hardware.I1} {
				if rapid.Bool().Draw(t, op.String()) {
					cost.Streamed = append(cost.Streamed, op)
					if r.StreamsTakeRoom() {
						cost.Buffers = append(cost.Buffers, unit.Bits(rapid.IntRange(0, 20).Draw(t, "buffer")))
					}
				}
			}
			bandwidth := rapid.SampledFrom([]float64{0, 3, 7.3, 20, 150.7})
			cost.StreamIn, cost.StreamOut = unit.BitsPerCycle(bandwidth.Draw(t, "in")), unit.BitsPerCycle(bandwidth.Draw(t, "out"))
			cost.Offchip = 7
		}
	}
	known := taskgraph.NewParts(nil)
	if r.MovesParts() && !r.SpaceFreedBeforeLeave && rapid.Bool().Draw(t, "parts") { // the published eviction takes whole tensors
		drawParts(t, known, nodes, tensors, edges)
	}
	g := taskgraph.New(layers, nodes, tensors, edges)
	g.Parts = known
	if r.MovesParts() && rapid.Bool().Draw(t, "pieces") {
		drawPieces(t, g)
	}
	p := Problem{Graph: g, Accelerator: acc, Costs: costs, Priority: Order(g, nil), Rules: r}
	if rapid.IntRange(0, 3).Draw(t, "prefetch") == 0 {
		p.Prefetch = []string{"W"}
	}
	p.InOrder = rapid.IntRange(0, 3).Draw(t, "in order") == 0
	p.FetchOrder = rapid.SampledFrom([]FetchOrder{SmallestFirst, SmallestFirst, LargestFirst, AsListed}).Draw(t, "fetch order")
	switch rapid.IntRange(0, 5).Draw(t, "order") {
	case 0:
		p.Priority, p.EarliestReady = Ascending(g), true
	case 1:
		p.Priority = Deepest(g)
	case 2:
		first := make([]taskgraph.NodeID, len(nodes))
		for n := range first {
			first[n] = taskgraph.NodeID(n)
		}
		p.Priority = Listed(g, rapid.Permutation(first).Draw(t, "listed")[:rapid.IntRange(0, len(nodes)).Draw(t, "first")])
	}
	return p, &alloc
}

// drawRows is the number of some rows of as many.
func drawRows(t *rapid.T, known *taskgraph.Parts, rows int32) taskgraph.PartID {
	lo := rapid.Int32Range(0, rows-1).Draw(t, "from")
	hi := rapid.Int32Range(lo+1, rows).Draw(t, "to")
	if hi-lo == rows {
		return 0
	}
	return known.Number(taskgraph.Part{{{Lo: lo, Hi: hi}}})
}

// drawParts gives outputs rows, of which edges carry some.
func drawParts(t *rapid.T, known *taskgraph.Parts, nodes []taskgraph.Node, tensors []taskgraph.Tensor, edges []taskgraph.Edge) {
	for i := range edges {
		e := &edges[i]
		if e.Operand == 0 {
			continue
		}
		x := &tensors[nodes[e.Src].Operands[0]]
		if x.Ranges == nil {
			rows := rapid.Int32Range(1, 5).Draw(t, "rows")
			x.Ranges = []taskgraph.Range{{Lo: 0, Hi: rows}}
			x.Bits -= x.Bits % unit.Bits(rows)
		}
		e.Part = drawRows(t, known, x.Ranges[0].Hi)
		e.Bits = known.Bits(x, e.Part)
	}
}

// drawPieces makes some of the constants blocks of pieces that they share, each of some
// rows of which nodes read a part.
func drawPieces(t *rapid.T, g *taskgraph.Graph) {
	p := &taskgraph.Pieces{Stored: []taskgraph.Stored{{Dims: []workload.Dim{"IY"}}}, First: taskgraph.TensorID(len(g.Tensors)), Start: []int32{0}}
	var ids [4]taskgraph.TensorID // of the pieces; 0 before the first node that reads it
	for x := range int(p.First) {
		block := &g.Tensors[x]
		if !block.Constant || rapid.Bool().Draw(t, "alone") {
			continue
		}
		for i := range ids {
			if rapid.Bool().Draw(t, "read") {
				continue
			}
			if ids[i] == 0 {
				ids[i] = taskgraph.TensorID(len(g.Tensors))
				rows := rapid.IntRange(1, 5).Draw(t, "rows")
				g.Tensors = append(g.Tensors, taskgraph.Tensor{Layer: block.Layer, Operand: block.Operand, Constant: true, Origin: block.Origin,
					Bits: unit.Bits(rows * rapid.IntRange(0, 80).Draw(t, "bits")), Ranges: []taskgraph.Range{{Lo: 0, Hi: int32(rows)}}})
				p.Of, p.Joint = append(p.Of, 0), append(p.Joint, 0)
				block = &g.Tensors[x]
			}
			piece := &g.Tensors[ids[i]]
			piece.Uses += block.Uses
			p.Reads = append(p.Reads, taskgraph.Read{Tensor: ids[i], Part: drawRows(t, g.Parts, piece.Ranges[0].Hi)})
		}
		block.Constant = false
		if end := int32(len(p.Reads)); end > p.Start[len(p.Start)-1] {
			p.Blocks, p.Start = append(p.Blocks, taskgraph.TensorID(x)), append(p.Start, end)
		}
	}
	if len(p.Blocks) > 0 {
		g.Pieces = p
	}
}

// checkRandom schedules a random problem: it has a schedule that keeps the rules,
// the same every time, or a reason why there is none (and nil is returned).
func checkRandom(t rapid.TB, p Problem, alloc *schedule.Allocation) *schedule.Schedule {
	sim, err := New(p)
	if err != nil {
		t.Fatal(err)
	}
	s, err := sim.Run(alloc)
	metrics, again := sim.Evaluate(alloc)
	if err != nil {
		var infeasible *schedule.Infeasible
		if !errors.As(err, &infeasible) {
			t.Fatalf("%v is not a reason", err)
		}
		if infeasible.Lack == schedule.LackOfMemory && infeasible.Gap() <= 0 {
			t.Fatalf("%v: nothing is lacking", err)
		}
		if again == nil || again.Error() != err.Error() {
			t.Fatalf("Run: %v, Evaluate: %v", err, again)
		}
		return nil
	}
	if err := verify(p, alloc, s); err != nil {
		t.Fatal(err)
	}
	if again != nil || metrics.Latency != s.Latency || metrics.Energy != s.Energy {
		t.Fatalf("Run: latency %d and %v, Evaluate: %d and %v (%v)", s.Latency, s.Energy, metrics.Latency, metrics.Energy, again)
	}
	s2, err := sim.Fork().Run(alloc)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(s, s2); d != "" {
		t.Fatalf("two runs differ:\n%s", d)
	}
	return s
}

func TestRandomDefault(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, alloc := drawProblem(t, rules.Default())
		checkRandom(t, p, alloc)
	})
}

func TestRandomReference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, alloc := drawProblem(t, measuredRules())
		checkRandom(t, p, alloc)
	})
}

func TestRandom2023(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, alloc := drawProblem(t, rules.Reference2023())
		checkRandom(t, p, alloc)
	})
}

// TestRandomSwitches turns every switch of the rules over by itself.
func TestRandomSwitches(t *testing.T) {
	eachSwitch(t, func(t *testing.T, r rules.Rules) {
		var alloc *schedule.Allocation
		gen := rapid.Custom(func(t *rapid.T) Problem {
			var p Problem
			p, alloc = drawProblem(t, r)
			return p
		})
		for seed := range 40 {
			p := gen.Example(seed)
			checkRandom(t, p, alloc)
		}
	})
}

// eachSwitch runs a test under all rules with one of their switches turned over.
func eachSwitch(t *testing.T, test func(*testing.T, rules.Rules)) {
	for _, base := range []rules.Rules{rules.Default(), rules.Reference2024(), rules.Reference2023()} {
		for i := range reflect.TypeFor[rules.Rules]().NumField() {
			r := base
			field := reflect.ValueOf(&r).Elem().Field(i)
			if field.Kind() != reflect.Bool {
				continue
			}
			field.SetBool(!field.Bool())
			t.Run(base.Name+"/"+reflect.TypeFor[rules.Rules]().Field(i).Name, func(t *testing.T) { test(t, r) })
		}
	}
}

// TestRandomCoverage makes sure that the random problems reach what they are meant
// to, with fixed seeds.
func TestRandomCoverage(t *testing.T) {
	for _, c := range []struct {
		rules rules.Rules
		want  []string
	}{
		{rules.Default(), []string{"fetch", "eviction", "writeback", "prefetch", "spill", "join", "copy within a core", "path of several links", "block", "stretch", "second link", "stream over a second link"}},
		{measuredRules(), []string{"fetch", "eviction", "writeback", "prefetch", "join", "path of several links", "block"}},
	} {
		t.Run(c.rules.Name, func(t *testing.T) {
			const runs = 500
			var alloc *schedule.Allocation
			gen := rapid.Custom(func(t *rapid.T) Problem {
				var p Problem
				p, alloc = drawProblem(t, c.rules)
				return p
			})
			feasible, seen := 0, map[string]int{}
			for seed := range runs {
				p := gen.Example(seed)
				if s := checkRandom(t, p, alloc); s != nil {
					feasible++
					count(s, p, alloc, seen)
				}
			}
			if feasible < runs/2 || feasible == runs {
				t.Errorf("%d of %d problems have a schedule", feasible, runs)
			}
			for _, what := range c.want {
				if seen[what] < 5 {
					t.Errorf("%d problems have a schedule with %s", seen[what], what)
				}
			}
		})
	}
}

// count notes which of the less common things a schedule holds.
func count(s *schedule.Schedule, p Problem, alloc *schedule.Allocation, seen map[string]int) {
	for _, x := range s.Transfers {
		seen[x.Cause.String()]++
		switch {
		case x.Joined:
			seen["join"]++
		case len(x.Links) == 0:
			seen["copy within a core"]++
		case len(x.Links) > 1:
			seen["path of several links"]++
		}
		if path := p.Accelerator.Path(int(x.From), int(x.To)); len(x.Links) > 0 && !same(x.Links, path) {
			seen["second link"]++
		}
	}
	for _, b := range s.Blocks {
		seen["block"]++
		node := &p.Graph.Nodes[b.Node]
		if b.End-b.Start > p.Costs.At(node.Class, alloc.Core(node)).Runtime {
			seen["stretch"]++
		}
		core := alloc.Core(node)
		if paths := append(slices.Clone(p.Accelerator.Path(core, p.Accelerator.Offchip)), p.Accelerator.Path(p.Accelerator.Offchip, core)...); slices.ContainsFunc(b.Links, func(l int32) bool { return !slices.Contains(paths, int(l)) }) {
			seen["stream over a second link"]++
		}
	}
}

// same tells whether links are those of a path.
func same(links []int32, path []int) bool {
	return slices.EqualFunc(links, path, func(l int32, p int) bool { return int(l) == p })
}
