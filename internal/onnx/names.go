package onnx

import "strconv"

// namer gives every node a name of its own: the one in the file, with a number
// where it is taken, or the operator type with the node's number.
type namer struct {
	given map[string]bool // names in the file
	seen  map[string]bool
	next  map[string]int // the number to try next for a name that is taken
}

func newNamer(nodes []Node) *namer {
	m := &namer{given: map[string]bool{}, seen: map[string]bool{}, next: map[string]int{}}
	for i := range nodes {
		m.given[nodes[i].Name] = true
	}
	return m
}

func (m *namer) name(n *Node, id int) string {
	name := n.Name
	if name == "" {
		name = n.OpType + strconv.Itoa(id)
	}
	if m.seen[name] || (n.Name == "" && m.given[name]) {
		base := name
		for k := max(m.next[base], 2); m.seen[name] || m.given[name]; k++ {
			name = base + "_" + strconv.Itoa(k)
			m.next[base] = k + 1
		}
	}
	m.seen[name] = true
	return name
}
