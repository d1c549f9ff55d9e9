package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"streamdse/taskgraph"
	"streamdse/workload"
)

func TestParsePrefetch(t *testing.T) {
	for in, want := range map[string]string{"none": "[]", "auto": "[W I]", "W": "[W]", "I, W": "[I W]"} {
		if got, err := parsePrefetch(in); err != nil || fmt.Sprint(got) != want {
			t.Errorf("parsePrefetch(%q) = %v, %v; want %s", in, got, err, want)
		}
	}
	for _, in := range []string{"", "O", "W,", "w"} {
		if got, err := parsePrefetch(in); err == nil || !strings.Contains(err.Error(), "allowed: none, auto, or a list of W and I") {
			t.Errorf("parsePrefetch(%q) = %v, %v", in, got, err)
		}
	}
}

// threeLayers is a graph of the layers 0, 2 and 5 with 1, 3 and 2 nodes.
func threeLayers() *taskgraph.Graph {
	var layers []taskgraph.Layer
	var nodes []taskgraph.Node
	for i, id := range []int{0, 2, 5} {
		layer := taskgraph.Layer{Layer: &workload.Layer{ID: id}}
		for sub := range []int{1, 3, 2}[i] {
			layer.Nodes = append(layer.Nodes, taskgraph.NodeID(len(nodes)))
			nodes = append(nodes, taskgraph.Node{Layer: int32(i), Sub: int32(sub)})
		}
		layers = append(layers, layer)
	}
	return taskgraph.New(layers, nodes, nil, nil)
}

func TestOrderFile(t *testing.T) {
	g := threeLayers()
	file := filepath.Join(t.TempDir(), "order")
	for _, c := range []struct{ text, want string }{
		{"5\n0\n", "[4 5 0]"},
		{"2.1 # in the middle\n\n2\n5.1", "[2 1 3 5]"},
	} {
		if err := os.WriteFile(file, []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		find, err := readOrder(file)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := find(g); err != nil || fmt.Sprint(got) != c.want {
			t.Errorf("%q: %v, %v; want %s", c.text, got, err, c.want)
		}
	}
	for _, c := range []struct{ text, want string }{
		{"", "the file names no node"},
		{"0\nfirst\n-1\n2.\n2.x", `order:2: "first" names no node`},
		{"1\n5.2\n2\n2.0", "order:1: there is no layer with the id 1"},
		{"1\n5.2\n2\n2.0", "order:2: layer 5 has no node 2 here\n  allowed: 0 to 1"},
		{"1\n5.2\n2\n2.0", "order:4: node 2.0 stands on line 3 already"},
	} {
		places, err := parseOrder("order", c.text)
		if err == nil {
			_, err = resolveOrder("order", places, g)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error %v, want %q", c.text, err, c.want)
		}
	}
	if _, err := readOrder("stack"); err == nil || !strings.Contains(err.Error(), "did you mean `stacks`?") {
		t.Errorf("error %v", err)
	}
}

// FuzzParseOrder: any text is either a list of places or an error with lines.
func FuzzParseOrder(f *testing.F) {
	f.Add("0\n3.1 # comment\n")
	f.Add("a.b\n-1")
	g := threeLayers()
	f.Fuzz(func(t *testing.T, text string) {
		places, err := parseOrder("order", text)
		if (err == nil) != (len(places) > 0) && err == nil {
			t.Errorf("%q: neither places nor an error", text)
		}
		if nodes, err := resolveOrder("order", places, g); err == nil {
			seen := map[taskgraph.NodeID]bool{}
			for _, n := range nodes {
				if seen[n] || int(n) >= len(g.Nodes) {
					t.Errorf("%q: nodes %v", text, nodes)
				}
				seen[n] = true
			}
		}
	})
}
