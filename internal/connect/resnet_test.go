package connect

import (
	"encoding/csv"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"streamdse/internal/golden"
	"streamdse/internal/onnx"
	"streamdse/internal/split"
	"streamdse/mapping"
	"streamdse/rules"
	"streamdse/taskgraph"
	"streamdse/unit"
	"streamdse/workload"
)

// resnet reads ResNet-18 with activations as layers, and its public mapping.
func resnet(t testing.TB, r rules.Rules) (*workload.Workload, *mapping.Mapping) {
	t.Helper()
	model, err := onnx.ReadFile(golden.Shared(t, "data/stream-2024/examples/workload/resnet18.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	w, err := onnx.Workload(model, onnx.Options{Rules: r})
	if err != nil {
		t.Fatal(err)
	}
	m, err := mapping.Load(golden.Shared(t, "data/stream-2024/examples/mapping/tpu_like_quad_core.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return w, m
}

// span lists the numbers from lo to hi.
func span(lo, hi int) []int {
	var s []int
	for i := lo; i <= hi; i++ {
		s = append(s, i)
	}
	return s
}

func fused(t testing.TB, w *workload.Workload) split.Stacks {
	t.Helper()
	s, err := split.Given(w, [][]int{span(0, 10), span(11, 21)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func table(t *testing.T, name string) []map[string]string {
	t.Helper()
	f, err := os.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	records, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var rows []map[string]string
	for _, rec := range records[1:] {
		row := map[string]string{}
		for i, key := range records[0] {
			row[key] = rec[i]
		}
		rows = append(rows, row)
	}
	return rows
}

// TestResNet18 compares the graphs of ResNet-18 with those of the published
// scheduler.
func TestResNet18(t *testing.T) {
	r := rules.Reference2024()
	w, m := resnet(t, r)
	for _, test := range []struct {
		name         string
		stacks       split.Stacks
		nodes, edges int
		data         int
		bits         unit.Bits
	}{
		{"lbl", split.LayerByLayer(w), 48, 55, 55, 53_395_456},
		{"fused", fused(t, w), 1118, 3043, 1973, 73_781_248},
	} {
		t.Run(test.name, func(t *testing.T) {
			tiled, _, err := split.Nodes(w, m, test.stacks, r)
			if err != nil {
				t.Fatal(err)
			}
			p := published{Tiled: tiled, rules: r}
			g, err := p.graph()
			if err != nil {
				t.Fatal(err)
			}
			data := 0
			var bits unit.Bits
			for e := range g.Edges() {
				if e.Data() {
					data++
				}
				bits += e.Bits
			}
			if len(g.Nodes) != test.nodes || g.EdgeCount() != test.edges || data != test.data || bits != test.bits {
				t.Errorf("%d nodes, %d edges, %d with data, %d bits, want %d, %d, %d, %d",
					len(g.Nodes), g.EdgeCount(), data, bits, test.nodes, test.edges, test.data, test.bits)
			}
			t.Logf("%d classes", len(g.Classes))
			compareTables(t, g, &p, test.name)
		})
	}
}

func compareTables(t *testing.T, g *taskgraph.Graph, p *published, name string) {
	label := func(n taskgraph.NodeID) string {
		id := nodeName(g, n)
		return fmt.Sprintf("%d.%d", id[0], id[1])
	}
	nodes := map[string]taskgraph.NodeID{}
	for n := range g.Nodes {
		nodes[label(taskgraph.NodeID(n))] = taskgraph.NodeID(n)
	}
	runtimes := map[string]string{} // class and core -> runtime
	for _, want := range table(t, "resnet18-"+name+"-nodes.csv") {
		n, ok := nodes[want["node"]]
		if !ok {
			t.Errorf("node %s is missing", want["node"])
			continue
		}
		node := &g.Nodes[n]
		var ranges []string
		layer := &g.Layers[node.Layer]
		for i, d := range layer.Dims {
			ranges = append(ranges, fmt.Sprintf("%s:%d-%d", d.Dim, node.Ranges[i].Lo, node.Ranges[i].Hi))
		}
		for i, op := range layer.Operands {
			for j, d := range op.Dims {
				if layer.Relation(d) != nil {
					x := g.Tensors[node.Operands[i]].Ranges[j]
					ranges = append(ranges, fmt.Sprintf("%s:%d-%d", d, x.Lo, x.Hi))
				}
			}
		}
		for _, x := range ranges {
			if !strings.Contains(" "+want["ranges"]+" ", " "+x+" ") {
				t.Errorf("node %s: range %s, want one of %s", want["node"], x, want["ranges"])
			}
		}
		if k := len(strings.Fields(want["ranges"])); k != len(ranges) {
			t.Errorf("node %s: %d ranges, want %d", want["node"], len(ranges), k)
		}
		got := fmt.Sprint(node.Group, node.Final, p.real[n])
		if w := fmt.Sprint(want["group"], " ", want["final"], " ", want["predecessors"]); got != w {
			t.Errorf("node %s: group, final, predecessors %s, want %s", want["node"], got, w)
		}
		runtime, core, _ := strings.Cut(want["runtime_on_core"], "@")
		key := fmt.Sprint(node.Class, " on ", core)
		if before, ok := runtimes[key]; ok && before != runtime {
			t.Errorf("node %s: class %s has runtimes %s and %s", want["node"], key, before, runtime)
		}
		runtimes[key] = runtime
	}
	left := map[string]bool{}
	for e := range g.Edges() {
		operand := ""
		if e.Data() {
			operand = g.Layers[g.Nodes[e.Dst].Layer].Operands[e.Operand].Name
		}
		left[strings.Join([]string{label(e.Src), label(e.Dst), operand, strconv.FormatInt(int64(e.Bits), 10)}, ",")] = true
	}
	for _, want := range table(t, "resnet18-"+name+"-edges.csv") {
		key := strings.Join([]string{want["from"], want["to"], want["operand"], want["bits"]}, ",")
		if !left[key] {
			t.Errorf("edge %s is missing", key)
		}
		delete(left, key)
	}
	for key := range left {
		t.Errorf("edge %s is not in the measured graph", key)
	}
}
