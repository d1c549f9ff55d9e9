package netplot

import (
	"cmp"
	"slices"
)

// layout places the nodes of an acyclic graph in rows, after Sugiyama's method:
// rows by the longest way from a source, an order in every row that avoids
// crossings, and positions that keep edges straight. An edge over several rows
// passes a place of its own in each.
type layout struct {
	row  []int     // of each node, then of each place that an edge passes
	x    []float64 // of the middle of each
	via  [][]int   // for each edge, what it passes: its source, places, its target
	rows [][]int   // nodes and places from left to right
}

// arrange lays out n nodes; edges lead from smaller to larger numbers. width is
// the width of a node with the gap to the next, narrow that of a passing edge.
func arrange(n int, edges [][2]int, width, narrow float64) *layout {
	l := &layout{row: make([]int, n)}
	inputs, outputs := make([][]int, n), make([][]int, n)
	for _, e := range edges {
		inputs[e[1]] = append(inputs[e[1]], e[0])
		outputs[e[0]] = append(outputs[e[0]], e[1])
	}
	for i := range n {
		for _, p := range inputs[i] {
			l.row[i] = max(l.row[i], l.row[p]+1)
		}
	}
	// What reads nothing stands just above its first reader.
	for i := range n {
		if len(inputs[i]) == 0 && len(outputs[i]) > 0 {
			l.row[i] = l.row[slices.MinFunc(outputs[i], func(a, b int) int { return l.row[a] - l.row[b] })] - 1
		}
	}
	for _, e := range edges {
		path := []int{e[0]}
		for r := l.row[e[0]] + 1; r < l.row[e[1]]; r++ {
			path = append(path, len(l.row))
			l.row = append(l.row, r)
		}
		l.via = append(l.via, append(path, e[1]))
	}
	l.rows = make([][]int, slices.Max(l.row)+1)
	for i, r := range l.row {
		l.rows[r] = append(l.rows[r], i)
	}
	up, down := make([][]int, len(l.row)), make([][]int, len(l.row))
	for _, path := range l.via {
		for i := range path[1:] {
			down[path[i]] = append(down[path[i]], path[i+1])
			up[path[i+1]] = append(up[path[i+1]], path[i])
		}
	}
	l.order(up, down)
	l.place(up, down, n, width, narrow)
	return l
}

// sweeps is how often the rows are gone through; more changes little.
const sweeps = 12

// order sorts every row by the mean position of its neighbours in the row before,
// downwards and upwards in turn, and keeps the order with the fewest crossings.
func (l *layout) order(up, down [][]int) {
	position := make([]float64, len(l.row))
	number := func() {
		for _, row := range l.rows {
			for i, v := range row {
				position[v] = float64(i)
			}
		}
	}
	number()
	best, fewest := l.copyRows(), l.crossings(down, position)
	for sweep := 0; sweep < sweeps && fewest > 0; sweep++ {
		for i := range l.rows {
			row, neighbours := l.rows[i], up
			if sweep%2 == 1 {
				row, neighbours = l.rows[len(l.rows)-1-i], down
			}
			wish := make(map[int]float64, len(row))
			for _, v := range row {
				wish[v] = position[v]
				if list := neighbours[v]; len(list) > 0 {
					sum := 0.0
					for _, u := range list {
						sum += position[u]
					}
					wish[v] = sum / float64(len(list))
				}
			}
			slices.SortStableFunc(row, func(a, b int) int { return cmp.Compare(wish[a], wish[b]) })
			for i, v := range row {
				position[v] = float64(i)
			}
		}
		if n := l.crossings(down, position); n < fewest {
			best, fewest = l.copyRows(), n
		}
	}
	l.rows = best
}

func (l *layout) copyRows() [][]int {
	rows := make([][]int, len(l.rows))
	for i := range rows {
		rows[i] = slices.Clone(l.rows[i])
	}
	return rows
}

// crossings counts the pairs of edges between neighbouring rows that cross: the
// inversions of their ends, counted with a binary indexed tree.
func (l *layout) crossings(down [][]int, position []float64) (n int) {
	for i, row := range l.rows[:len(l.rows)-1] {
		tree := make([]int, len(l.rows[i+1])+1)
		seen := 0
		for _, v := range row {
			ends := slices.Clone(down[v])
			slices.SortFunc(ends, func(a, b int) int { return cmp.Compare(position[a], position[b]) })
			for _, u := range ends { // those before that end further right
				n += seen
				for k := int(position[u]) + 1; k > 0; k -= k & -k {
					n -= tree[k]
				}
			}
			for _, u := range ends {
				seen++
				for k := int(position[u]) + 1; k < len(tree); k += k & -k {
					tree[k]++
				}
			}
		}
	}
	return n
}

// place moves every row's nodes, in order and at their distances, as near as they
// can be to the mean of their neighbours.
func (l *layout) place(up, down [][]int, nodes int, width, narrow float64) {
	l.x = make([]float64, len(l.row))
	half := func(v int) float64 {
		if v < nodes {
			return width / 2
		}
		return narrow / 2
	}
	for _, row := range l.rows {
		for i, v := range row {
			if i > 0 {
				l.x[v] = l.x[row[i-1]] + half(row[i-1]) + half(v)
			}
		}
	}
	for sweep := range 2 * sweeps {
		for i := range l.rows {
			row := l.rows[i]
			if sweep%2 == 1 {
				row = l.rows[len(l.rows)-1-i]
			}
			wish, weight, offset := make([]float64, len(row)), make([]float64, len(row)), make([]float64, len(row))
			for k, v := range row {
				if k > 0 {
					offset[k] = offset[k-1] + half(row[k-1]) + half(v)
				}
				sum, count := 0.0, 0.0
				for _, list := range [][]int{up[v], down[v]} {
					for _, u := range list {
						w := 1.0
						if v >= nodes && u >= nodes {
							w = 8 // bends within an edge look worst
						}
						sum, count = sum+w*l.x[u], count+w
					}
				}
				wish[k], weight[k] = l.x[v]-offset[k], 1
				if count > 0 {
					wish[k], weight[k] = sum/count-offset[k], count
				}
			}
			for k, y := range ascending(wish, weight) {
				l.x[row[k]] = y + offset[k]
			}
		}
	}
	left := slices.Min(l.x)
	for i := range l.x {
		l.x[i] -= left
	}
}

// ascending is the sequence without descents that is nearest to the wishes in the
// weighted sum of squares: neighbours that would descend are averaged.
func ascending(wish, weight []float64) []float64 {
	type pool struct {
		mean, weight float64
		count        int
	}
	var pools []pool
	for i := range wish {
		p := pool{wish[i], weight[i], 1}
		for len(pools) > 0 && pools[len(pools)-1].mean > p.mean {
			q := pools[len(pools)-1]
			pools = pools[:len(pools)-1]
			w := p.weight + q.weight
			p = pool{(p.mean*p.weight + q.mean*q.weight) / w, w, p.count + q.count}
		}
		pools = append(pools, p)
	}
	out := make([]float64, 0, len(wish))
	for _, p := range pools {
		for range p.count {
			out = append(out, p.mean)
		}
	}
	return out
}
