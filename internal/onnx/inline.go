package onnx

import (
	"fmt"
	"slices"
)

// maxInlined is the largest number of nodes of a graph with its functions written
// out: they may call each other many times over.
const maxInlined = 1 << 15

// inline replaces a node by those of the function it calls, or of the branch that
// an If takes, or by ones that read the tensors of a sequence; it returns false for
// any other node.
func (in *inference) inline(n *Node, depth int) bool {
	if depth >= maxDepth {
		return false
	}
	if in.sequence(n, depth) || in.contraction(n, depth) {
		return true
	}
	if n.OpType == "If" && (n.Domain == "" || n.Domain == "ai.onnx") {
		return in.branch(n, depth)
	}
	if _, known := lookup(n); known {
		return false
	}
	i := slices.IndexFunc(in.model.Functions, func(f Function) bool { return f.Name == n.OpType && f.Domain == n.Domain })
	if i < 0 {
		return false
	}
	f := &in.model.Functions[i]
	name := in.names.name(n, in.next)
	r := renaming{prefix: name + "/", to: map[string]string{}, call: n, function: f}
	for i, input := range f.Inputs {
		r.to[input] = ""
		if i < len(n.Inputs) {
			r.to[input] = n.Inputs[i]
		}
	}
	results := r.results(f.Outputs, n.Outputs, f.Nodes)
	in.walk(append(r.nodes(f.Nodes, true), results...), depth+1)
	return true
}

// branch replaces an If whose condition is known.
func (in *inference) branch(n *Node, depth int) bool {
	if len(n.Inputs) != 1 {
		return false
	}
	condition := in.values[n.Inputs[0]].value
	if len(condition) != 1 {
		return false
	}
	which := "else_branch"
	if condition[0] != 0 {
		which = "then_branch"
	}
	a := n.Attribute(which)
	if a == nil || a.Graph == nil {
		return false
	}
	name := in.names.name(n, in.next)
	in.notes = append(in.notes, fmt.Sprintf("node %q (If): its condition is constant, the other branch than %s is left out", name, which))
	g := a.Graph
	r := renaming{prefix: name + "/", to: map[string]string{}}
	for i := range g.Initializers {
		t := g.Initializers[i].clone()
		t.Name = r.prefix + t.Name
		r.to[g.Initializers[i].Name] = t.Name
		in.initializers = append(in.initializers, t)
		in.initializer(&t)
	}
	outputs := make([]string, len(g.Outputs))
	for i, o := range g.Outputs {
		outputs[i] = o.Name
	}
	results := r.results(outputs, n.Outputs, g.Nodes)
	in.walk(append(r.nodes(g.Nodes, true), results...), depth+1)
	return true
}

// renaming takes the nodes of a body into the graph around it: values that the
// body computes get names of their own, those that it is given the outer names.
type renaming struct {
	prefix   string
	to       map[string]string
	call     *Node     // of a function
	function *Function // nil for a branch
}

// results names the body's outputs as the caller knows them. Outputs that no node
// of the body computes are passed on by an Identity.
func (r *renaming) results(inner, outer []string, nodes []Node) []Node {
	computed := map[string]bool{}
	for i := range nodes {
		for _, o := range nodes[i].Outputs {
			computed[o] = true
		}
	}
	var pass []Node
	for i, name := range inner {
		if i >= len(outer) || outer[i] == "" {
			continue
		}
		if computed[name] {
			computed[name] = false
			r.to[name] = outer[i]
			continue
		}
		from, renamed := r.to[name]
		if !renamed {
			from = name
		}
		pass = append(pass, Node{OpType: "Identity", Name: r.prefix + "result", Inputs: []string{from}, Outputs: []string{outer[i]}})
	}
	return pass
}

// nodes returns the body's nodes under their new names. The values that graphs
// within them compute keep theirs.
func (r *renaming) nodes(body []Node, named bool) []Node {
	body = cloneNodes(body)
	for i := range body {
		n := &body[i]
		for _, o := range n.Outputs {
			if _, known := r.to[o]; !known && o != "" && named {
				r.to[o] = r.prefix + o
			}
		}
		for _, list := range [][]string{n.Inputs, n.Outputs} {
			for j, name := range list {
				if to, ok := r.to[name]; ok {
					list[j] = to
				}
			}
		}
		if named {
			if n.Name == "" {
				n.Name = n.OpType
			}
			n.Name = r.prefix + n.Name
		}
		n.Attributes = r.attributes(n.Attributes)
	}
	return body
}

// attributes fills in those that stand for an attribute of the call.
func (r *renaming) attributes(list []Attribute) []Attribute {
	var out []Attribute
	for _, a := range list {
		if a.Reference != "" && r.function != nil {
			given := r.call.Attribute(a.Reference)
			if given == nil {
				i := slices.IndexFunc(r.function.Defaults, func(d Attribute) bool { return d.Name == a.Reference })
				if i < 0 {
					continue
				}
				given = &r.function.Defaults[i]
			}
			name := a.Name
			a = *given
			a.Name = name
		}
		if a.Graph != nil {
			g := *a.Graph
			g.Nodes = r.nodes(g.Nodes, false)
			a.Graph = &g
			for i := range g.Outputs {
				if to, ok := r.to[g.Outputs[i].Name]; ok {
					g.Outputs[i].Name = to
				}
			}
		}
		out = append(out, a)
	}
	return out
}
