package cli

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	stream "streamdse"
	"streamdse/internal/diag"
	"streamdse/taskgraph"
)

// parsePrefetch reads --prefetch: none, auto (all operands) or a list of operands.
func parsePrefetch(value string) ([]string, error) {
	switch value {
	case "none":
		return nil, nil
	case "auto":
		return stream.Prefetchable(), nil
	}
	operands := strings.Split(value, ",")
	for i, o := range operands {
		operands[i] = strings.TrimSpace(o)
		if operands[i] == "none" || operands[i] == "auto" {
			return nil, diag.List{{
				Message: fmt.Sprintf("--prefetch %q: %s stands alone", value, operands[i]),
				Allowed: "none, auto, or a list of " + strings.Join(stream.Prefetchable(), " and "),
			}}
		}
		if !slices.Contains(stream.Prefetchable(), operands[i]) {
			return nil, diag.List{{
				Message: fmt.Sprintf("--prefetch %q: layers have no constant operand %q", value, operands[i]),
				Allowed: "none, auto, or a list of " + strings.Join(stream.Prefetchable(), " and "),
			}}
		}
	}
	return operands, nil
}

// place is a line of an order file: a layer by its id, or one of its nodes.
type place struct {
	line        int
	text        string
	layer, node int // node -1 means all of the layer
}

// readOrder reads an order file and returns what finds its nodes in a graph.
func readOrder(file string) (func(*taskgraph.Graph) ([]taskgraph.NodeID, error), error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, diag.List{{
			Message: fmt.Sprintf("--order %q is neither an order nor a file that can be read", file),
			Allowed: strings.Join(stream.Orders(), ", ") + ", or a file with one layer id or layer.node a line",
			Hint:    diag.DidYouMean(file, stream.Orders()),
		}}
	}
	places, err := parseOrder(file, string(text))
	if err != nil {
		return nil, err
	}
	return func(g *taskgraph.Graph) ([]taskgraph.NodeID, error) { return resolveOrder(file, places, g) }, nil
}

// parseOrder reads the lines of an order file; # begins a comment.
func parseOrder(file, text string) ([]place, error) {
	var places []place
	var problems diag.List
	for i, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		layer, node, one := strings.Cut(line, ".")
		p := place{line: i + 1, text: line, node: -1}
		var err error
		if p.layer, err = strconv.Atoi(layer); err == nil && one {
			p.node, err = strconv.Atoi(node)
		}
		if err != nil || p.layer < 0 || one && p.node < 0 {
			problems.Add(diag.Problem{File: file, Line: i + 1, Message: fmt.Sprintf("%q names no node", line), Allowed: "a layer id such as 3, or a layer and one of its nodes such as 3.0"})
			continue
		}
		places = append(places, p)
	}
	if len(places) == 0 && len(problems) == 0 {
		problems.Add(diag.Problem{File: file, Message: "the file names no node"})
	}
	return places, problems.Err()
}

// resolveOrder finds the nodes of the places; those of a whole layer in their order.
func resolveOrder(file string, places []place, g *taskgraph.Graph) ([]taskgraph.NodeID, error) {
	var nodes []taskgraph.NodeID
	var problems diag.List
	seen := map[taskgraph.NodeID]int{}
	for _, p := range places {
		problem := func(message, allowed, hint string) {
			problems.Add(diag.Problem{File: file, Line: p.line, Message: message, Allowed: allowed, Hint: hint})
		}
		l := slices.IndexFunc(g.Layers, func(l taskgraph.Layer) bool { return l.ID == p.layer })
		if l < 0 {
			problem(fmt.Sprintf("there is no layer with the id %d", p.layer), "", "`stream inspect` lists the layers")
			continue
		}
		found := false
		for _, n := range g.Layers[l].Nodes {
			if p.node >= 0 && int(g.Nodes[n].Sub) != p.node {
				continue
			}
			found = true
			if line, twice := seen[n]; twice && p.node >= 0 {
				problem(fmt.Sprintf("node %s stands on line %d already", p.text, line), "", "leave one of the two out")
			} else if !twice {
				seen[n] = p.line
				nodes = append(nodes, n)
			}
		}
		if !found {
			problem(fmt.Sprintf("layer %d has no node %d here", p.layer, p.node), fmt.Sprintf("0 to %d", len(g.Layers[l].Nodes)-1), "how many nodes a layer has follows from the mode and the mapping")
		}
	}
	return nodes, problems.Err()
}
