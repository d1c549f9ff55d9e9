package report

import (
	"cmp"
	"slices"

	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/unit"
	"streamdse/workload"
)

// kind tells what a box stands for.
type kind uint8

const (
	computing  kind = iota // a computation node on a core
	activation             // an operand that a layer produced
	weights                // a constant of the model
	networkIO              // the network's input or output
	evicted                // data that had to make room
	streaming              // a link reserved for operands that do not fit the core
	numKinds   = int(iota)
)

func (k kind) String() string {
	return [...]string{"computation", "activations", "weights", "network input or output",
		"evicted", "streamed operands"}[k]
}

// kindOf tells what a transfer carries.
func kindOf(g *taskgraph.Graph, t *schedule.Transfer) kind {
	x := &g.Tensors[t.Tensor]
	switch {
	case t.Cause == schedule.Eviction:
		return evicted
	case t.Cause == schedule.Writeback:
		return networkIO
	case !x.Constant:
		return activation
	case g.Layers[x.Layer].Operands[x.Operand].Source.Kind == workload.FromInput:
		return networkIO
	}
	return weights
}

// box is a stretch of time in which a lane is busy with one layer.
type box struct {
	start, end unit.Cycles
	layer      int32
	kind       kind
}

// lane is one row of the picture of a schedule.
type lane struct {
	name  string
	core  bool // of a core rather than a link
	thick bool // deserves a higher row
	boxes []box
	busy  unit.Cycles // time in which at least one box is open
}

// lanes lists the cores that compute, then the used links to off-chip memory,
// then the other used links.
func lanes(d *Data) []lane {
	a, g, s := d.Accelerator, d.Graph, d.Schedule
	cores := make([]lane, len(a.Cores))
	links := make([]lane, len(a.Links))
	for i := range a.Cores {
		cores[i] = lane{name: coreName(&a.Cores[i]), core: true, thick: true}
	}
	names := linkNames(a)
	for i := range a.Links {
		links[i] = lane{name: names[i], thick: offchipLink(a, &a.Links[i])}
	}
	for n, t := range s.Tasks {
		add(&cores[t.Core], box{t.Start, t.End, g.Nodes[n].Layer, computing})
	}
	for i := range s.Transfers {
		t := &s.Transfers[i]
		b := box{t.Start, t.End, g.Tensors[t.Tensor].Layer, kindOf(g, t)}
		for _, l := range t.Links {
			add(&links[l], b)
		}
	}
	for i := range s.Blocks {
		b := &s.Blocks[i]
		for _, l := range b.Links {
			add(&links[l], box{b.Start, b.End, g.Nodes[b.Node].Layer, streaming})
		}
	}

	var all []lane
	for i := range cores {
		if len(cores[i].boxes) > 0 || i != a.Offchip && a.Cores[i].Units() > 0 {
			all = append(all, cores[i])
		}
	}
	for _, offchip := range []bool{true, false} {
		for i := range links {
			if len(links[i].boxes) > 0 && links[i].thick == offchip {
				all = append(all, links[i])
			}
		}
	}
	for i := range all {
		all[i].settle()
	}
	return all
}

func add(l *lane, b box) {
	if b.end > b.start {
		l.boxes = append(l.boxes, b)
	}
}

// settle sorts the boxes by time and measures how long the lane is busy.
func (l *lane) settle() {
	slices.SortStableFunc(l.boxes, func(a, b box) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.end, b.end))
	})
	var until unit.Cycles
	for _, b := range l.boxes {
		if b.end > until {
			l.busy += b.end - max(b.start, until)
			until = b.end
		}
	}
}

// run is a stretch of columns [from, to) in which a lane shows one colour.
type run struct {
	from, to int
	colour   int32 // index of the legend
	kind     kind
}

// column accumulates what happens to a lane within one column of a picture.
type column struct {
	used        bool
	now, best   run // only colour and kind count
	spent, most int64
}

// merge lays the boxes of a lane, sorted by start, into columns of equal
// duration. Each column that a box touches shows what held the lane longest
// without a change in it; a box is never too short to be seen. Cuts are the
// columns at which a wide box follows another of the same colour without a gap.
func merge(boxes []box, colours []int32, horizon unit.Cycles, columns int) (runs []run, cuts []int) {
	const wide = 16 // columns
	cells := make([]column, columns)
	for _, b := range boxes {
		key := run{colour: colours[b.layer], kind: b.kind}
		first, last := touched(b.start, b.end, horizon, columns)
		for c := first; c <= last; c++ {
			x := &cells[c]
			if !x.used || x.now != key {
				x.now, x.spent = key, 0
			}
			// In fractions of a cycle, so that columns may be shorter than one.
			x.spent += min(int64(b.end)*int64(columns), int64(c+1)*int64(horizon)) -
				max(int64(b.start)*int64(columns), int64(c)*int64(horizon))
			if !x.used || x.spent > x.most {
				x.best, x.most = key, x.spent
			}
			x.used = true
		}
		if last-first >= wide && first > 0 && cells[first-1].used && cells[first-1].best == key {
			cuts = append(cuts, first)
		}
	}
	for c := 0; c < columns; {
		if !cells[c].used {
			c++
			continue
		}
		r := cells[c].best
		r.from = c
		for c < columns && cells[c].used && cells[c].best.colour == r.colour && cells[c].best.kind == r.kind {
			c++
		}
		r.to = c
		runs = append(runs, r)
	}
	return runs, cuts
}

// touched is the first and the last of the columns into which a stretch of time
// reaches.
func touched(start, end, horizon unit.Cycles, columns int) (first, last int) {
	n, h := int64(columns), int64(horizon)
	first = int(int64(start) * n / h)
	last = int((int64(end)*n+h-1)/h) - 1
	return min(max(first, 0), columns-1), min(max(last, 0), columns-1)
}
