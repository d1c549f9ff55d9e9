// Package trace writes a schedule as trace.json, in the JSON form of the Trace Event
// Format, which Perfetto (ui.perfetto.dev) and chrome://tracing open. A cycle is
// shown as a microsecond.
//
// Process 1 has a thread for every core with its nodes, process 2 one for every link
// with its transfers and with what nodes stream through it, and process 3 a counter
// for every memory. Where things overlap on a link, which share its bandwidth, it has
// further threads, since the slices of a thread must lie within or behind each other.
// Arrows (flow events) lead from the node that computed data over its transfer to the
// node for which it was moved.
package trace

import (
	"bufio"
	"cmp"
	"io"
	"slices"

	"streamdse/internal/report"
	"streamdse/taskgraph"
	"streamdse/unit"
)

// Name is the name of the trace in a result folder.
const Name = "trace.json"

// The processes of a trace.
const (
	coreProcess = 1 + iota
	linkProcess
	memoryProcess
)

// kind is a kind of event, in the order of those at the same time: a slice comes
// before the arrows that are tied to it.
type kind uint8

const (
	counter   kind = iota // the use of a memory changes
	node                  // a slice on a core
	transfer              // a slice on a link
	streaming             // a slice on a link
	flowStart             // at the end of the node that computed the data, or on the link
	flowStep              // on the link
	flowEnd               // at the node that the data is for, or on the link
)

// event is an event that is still to be written.
type event struct {
	time  unit.Cycles
	index int32 // of the node, transfer, block or step of a curve
	lane  int32 // thread, or memory
	kind  kind
}

// File is the trace as a file of a result folder.
func File(d *report.Data) report.File {
	return report.File{Name: Name, Write: func(w io.Writer) error { return Write(w, d) }}
}

// Write writes the trace of a result. It keeps a few words an event; the text goes
// out as it is made.
func Write(w io.Writer, d *report.Data) error {
	t := &tracer{d: d, out: bufio.NewWriterSize(w, 1<<16)}
	t.writers()
	t.prepare()
	slices.SortFunc(t.events, func(a, b event) int {
		return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(a.kind, b.kind), cmp.Compare(a.index, b.index), cmp.Compare(a.lane, b.lane))
	})
	t.begin()
	for _, e := range t.events {
		t.write(e)
	}
	t.text("\n]}\n")
	if err := t.out.Flush(); err != nil {
		return err
	}
	return t.err
}

// tracer collects events and writes them.
type tracer struct {
	d       *report.Data
	out     *bufio.Writer
	err     error
	events  []event
	lanes   []lane  // of the links
	first   []int32 // of each transfer: its first lane
	writer  []int32 // of each tensor: the last node that writes it, -1 for none
	buffer  []byte
	started bool

	// Texts as in JSON, without quotes.
	names    []string // of layers
	types    []string
	operands [][]string // of layers
	memories []string
}

// lane is a thread for a link.
type lane struct {
	link int
	end  unit.Cycles // of its last slice
}

// writers finds the nodes that write tensors.
func (t *tracer) writers() {
	t.writer = make([]int32, len(t.d.Graph.Tensors))
	for i := range t.writer {
		t.writer[i] = -1
	}
	for n := range t.d.Graph.Nodes {
		x := t.d.Graph.Nodes[n].Operands[0]
		if before := t.writer[x]; before < 0 || t.d.Schedule.Tasks[before].End <= t.d.Schedule.Tasks[n].End {
			t.writer[x] = int32(n)
		}
	}
}

// prepare lists the events.
func (t *tracer) prepare() {
	s := t.d.Schedule
	t.events = make([]event, 0, len(s.Tasks)+5*len(s.Transfers))
	for n, task := range s.Tasks {
		t.add(task.Start, node, n, task.Core)
	}
	t.moves()
	for i := range s.Transfers {
		t.arrow(i)
	}
	for m := range s.Memories {
		for i, at := range s.Memories[m].Times {
			t.add(at, counter, i, int32(m))
		}
	}
}

func (t *tracer) add(time unit.Cycles, k kind, index int, lane int32) {
	t.events = append(t.events, event{time, int32(index), lane, k})
}

// moves puts transfers and streaming on lanes of their links, by time.
func (t *tracer) moves() {
	s := t.d.Schedule
	t.first = make([]int32, len(s.Transfers))
	type move struct {
		start, end unit.Cycles
		kind       kind
		index      int32
	}
	all := make([]move, 0, len(s.Transfers)+len(s.Blocks))
	for i := range s.Transfers {
		all = append(all, move{s.Transfers[i].Start, s.Transfers[i].End, transfer, int32(i)})
	}
	for i := range s.Blocks {
		all = append(all, move{s.Blocks[i].Start, s.Blocks[i].End, streaming, int32(i)})
	}
	slices.SortFunc(all, func(a, b move) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.kind, b.kind), cmp.Compare(a.index, b.index))
	})
	ofLink := make([][]int32, len(t.d.Accelerator.Links))
	for i := range t.first {
		t.first[i] = -1
	}
	for _, m := range all {
		var links []int32
		if m.kind == transfer {
			links = s.Transfers[m.index].Links
		} else {
			links = s.Blocks[m.index].Links
		}
		for i, l := range links {
			if slices.Contains(links[:i], l) {
				continue // both ways through off-chip memory on its one link
			}
			k := slices.IndexFunc(ofLink[l], func(k int32) bool { return t.lanes[k].end <= m.start })
			if k < 0 {
				k = len(ofLink[l])
				ofLink[l] = append(ofLink[l], int32(len(t.lanes)))
				t.lanes = append(t.lanes, lane{link: int(l)})
			}
			on := ofLink[l][k]
			t.lanes[on].end = m.end
			t.add(m.start, m.kind, int(m.index), on)
			if m.kind == transfer && t.first[m.index] < 0 {
				t.first[m.index] = on
			}
		}
	}
}

// source is the node that computed what a transfer moves, in the memory that it is
// moved from; -1 if there is none.
func (t *tracer) source(i int) taskgraph.NodeID {
	x := &t.d.Schedule.Transfers[i]
	n := t.writer[x.Tensor]
	if n < 0 {
		return -1
	}
	task := &t.d.Schedule.Tasks[n]
	if task.End > x.Start || task.End <= task.Start || !slices.Contains(t.d.Accelerator.Stores[x.FromStore].Cores, int(task.Core)) {
		return -1
	}
	return taskgraph.NodeID(n)
}

// target is the node that a transfer is for, -1 if it is for none, or for one that
// did not wait for it.
func (t *tracer) target(i int) taskgraph.NodeID {
	x := &t.d.Schedule.Transfers[i]
	if x.For < 0 || t.d.Schedule.Tasks[x.For].Start < x.Start {
		return -1
	}
	return x.For
}

// arrow adds the events of the arrow along a transfer that is on a link.
func (t *tracer) arrow(i int) {
	if t.first[i] < 0 {
		return
	}
	s := t.d.Schedule
	from, to := t.source(i), t.target(i)
	at := s.Transfers[i].Start
	switch {
	case from >= 0 && to >= 0:
		t.add(s.Tasks[from].End-1, flowStart, i, s.Tasks[from].Core)
		t.add(at, flowStep, i, -1)
		t.add(s.Tasks[to].Start, flowEnd, i, s.Tasks[to].Core)
	case from >= 0:
		t.add(s.Tasks[from].End-1, flowStart, i, s.Tasks[from].Core)
		t.add(at, flowEnd, i, -1)
	case to >= 0:
		t.add(at, flowStart, i, -1)
		t.add(s.Tasks[to].Start, flowEnd, i, s.Tasks[to].Core)
	}
}
