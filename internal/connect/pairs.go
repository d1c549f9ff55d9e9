package connect

import "streamdse/workload"

// vertex is a computing layer or a data movement in the graph of a network.
type vertex struct {
	layer    int // index of the layer, -1 for a movement
	next     []int
	incoming int
}

// network is the graph of layers and movements, in the order of their numbers.
type network []vertex

// pairs lists the pairs of dependent layers in the order in which the published
// scheduler visits them, which decides what Rules.InflatedBits adds to which
// edge: producers in topological order by generations; for each, its successors,
// where a movement is replaced by its own successors at the end of the list.
func (p *published) pairs() [][2]int {
	net := newNetwork(p.Workload)
	var pairs [][2]int
	for _, v := range net.generations() {
		if net[v].layer < 0 {
			continue
		}
		queue := append([]int(nil), net[v].next...)
		var layers []int
		for len(queue) > 0 {
			u := queue[0]
			queue = queue[1:]
			if net[u].layer < 0 {
				queue = append(queue, net[u].next...)
			} else {
				layers = append(layers, net[u].layer)
			}
		}
		for _, c := range layers {
			pairs = append(pairs, [2]int{net[v].layer, c})
		}
	}
	return pairs
}

// newNetwork builds the graph. Movements that several layers share are one
// vertex: they are told apart by their number in the model.
func newNetwork(w *workload.Workload) network {
	var net network
	movement := map[int]int{}
	at := make([]int, len(w.Layers))
	link := func(from, to int) {
		for _, u := range net[from].next {
			if u == to {
				return
			}
		}
		net[from].next = append(net[from].next, to)
		net[to].incoming++
	}
	for i := range w.Layers {
		l := &w.Layers[i]
		var ends []int
		for k := range l.Operands {
			op := &l.Operands[k]
			for _, o := range op.Source.Origins() {
				if o.Kind != workload.FromLayer {
					continue
				}
				v := at[o.Layer]
				for _, m := range o.Via {
					u, ok := movement[m.ID]
					if !ok {
						u = len(net)
						movement[m.ID] = u
						net = append(net, vertex{layer: -1})
					}
					if u == v {
						continue // one operator that moves in several steps
					}
					link(v, u)
					v = u
				}
				ends = append(ends, v)
			}
		}
		at[i] = len(net)
		net = append(net, vertex{layer: i})
		for _, v := range ends {
			link(v, at[i])
		}
	}
	return net
}

// generations is the topological order in which a vertex comes as soon as all it
// depends on came in earlier generations, those of one generation in the order
// in which they became free.
func (net network) generations() []int {
	waiting := make([]int, len(net))
	var order []int
	for v := range net {
		waiting[v] = net[v].incoming
		if waiting[v] == 0 {
			order = append(order, v)
		}
	}
	for i := 0; i < len(order); i++ {
		for _, u := range net[order[i]].next {
			if waiting[u]--; waiting[u] == 0 {
				order = append(order, u)
			}
		}
	}
	return order
}
