package simulate

import (
	"streamdse/taskgraph"
	"streamdse/unit"
)

// queue holds the nodes that are ready, as a binary heap by priority and id. With
// ready times, which must not change while a node is in the queue, the earliest
// comes before.
type queue struct {
	ready    []unit.Cycles // nil if they do not count
	priority []int32
	nodes    []taskgraph.NodeID
}

func (q *queue) less(a, b taskgraph.NodeID) bool {
	if q.ready != nil && q.ready[a] != q.ready[b] {
		return q.ready[a] < q.ready[b]
	}
	if q.priority[a] != q.priority[b] {
		return q.priority[a] < q.priority[b]
	}
	return a < b
}

func (q *queue) push(n taskgraph.NodeID) {
	q.nodes = append(q.nodes, n)
	i := len(q.nodes) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if !q.less(n, q.nodes[parent]) {
			break
		}
		q.nodes[i] = q.nodes[parent]
		i = parent
	}
	q.nodes[i] = n
}

func (q *queue) pop() taskgraph.NodeID {
	top := q.nodes[0]
	last := len(q.nodes) - 1
	n := q.nodes[last]
	q.nodes = q.nodes[:last]
	i := 0
	for {
		child := 2*i + 1
		if child >= last {
			break
		}
		if child+1 < last && q.less(q.nodes[child+1], q.nodes[child]) {
			child++
		}
		if !q.less(q.nodes[child], n) {
			break
		}
		q.nodes[i] = q.nodes[child]
		i = child
	}
	if last > 0 {
		q.nodes[i] = n
	}
	return top
}
