package report

import (
	"fmt"
	"io"

	"streamdse/internal/diag"
	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/unit"
)

// stateSchema names the layout of state.json.
const stateSchema = "stream/state/v1"

// state is the content of state.json: what the two CSV files leave out of a
// schedule. Nodes and tensors count as in the graph, layer by layer; links and
// memories as in result.json.
type state struct {
	Schema    string        `json:"schema"`
	Order     []int32       `json:"order"` // nodes, in which they were decided
	Streaming []reservation `json:"streaming"`
	Copies    []stay        `json:"copies"`
	Memories  []use         `json:"memories"`
}

// reservation is the part of links that a node's streaming takes.
type reservation struct {
	Node      int32               `json:"node"`
	Start     unit.Cycles         `json:"start"`
	End       unit.Cycles         `json:"end"`
	Links     []int32             `json:"links"`
	Bandwidth []unit.BitsPerCycle `json:"bits_per_cycle"` // of each link
	Energy    unit.Picojoules     `json:"link_energy_pj"`
}

// stay is the time that a tensor spends in a memory.
type stay struct {
	Tensor    int32       `json:"tensor"`
	Memory    int32       `json:"memory"`
	Start     unit.Cycles `json:"start"`          // its space is taken
	Available unit.Cycles `json:"available"`      // it can be read
	End       unit.Cycles `json:"end"`            // its space is free, never if -1
	Part      string      `json:"part,omitempty"` // of the tensor; all of it if empty
}

// forever is how a stay without an end is written.
const forever = -1

// use is how full a memory is: bits[i] from cycles[i] on.
type use struct {
	Cycles []unit.Cycles `json:"cycles"`
	Bits   []unit.Bits   `json:"bits"`
}

// WriteState writes state.json.
func WriteState(w io.Writer, d *Data) error {
	s := d.Schedule
	out := state{Schema: stateSchema, Order: make([]int32, len(s.Order)), Streaming: []reservation{}, Copies: make([]stay, len(s.Copies))}
	for i, n := range s.Order {
		out.Order[i] = int32(n)
	}
	for i := range s.Blocks {
		b := &s.Blocks[i]
		out.Streaming = append(out.Streaming, reservation{int32(b.Node), b.Start, b.End, b.Links, b.Bandwidth, b.LinkEnergy})
	}
	for i, c := range s.Copies {
		end := c.End
		if end == schedule.Forever {
			end = forever
		}
		out.Copies[i] = stay{int32(c.Tensor), c.Store, c.Start, c.Available, end, partOf(d, c.Tensor, c.Part)}
	}
	for _, c := range s.Memories {
		out.Memories = append(out.Memories, use{c.Times, c.Bits})
	}
	return writeJSON(w, out, 2)
}

// state reads state.json into the schedule.
func (r *scheduleReader) state(src []byte) {
	var in state
	if err := unmarshal(r.name(stateName), src, &in); err != nil {
		r.problems = append(r.problems, err...)
		return
	}
	bad := func(format string, args ...any) {
		r.problems.Add(diag.Problem{File: r.name(stateName), Message: fmt.Sprintf(format, args...), Hint: changedHint})
	}
	if in.Schema != stateSchema {
		bad("schema is %q, not %q", in.Schema, stateSchema)
		return
	}
	s := r.schedule
	nodes, tensors := int32(len(r.graph.Nodes)), int32(len(r.graph.Tensors))
	links, stores := int32(len(r.accelerator.Links)), int32(len(r.accelerator.Stores))
	for i, n := range in.Order {
		if n < 0 || n >= nodes {
			bad("order[%d] is %d: there are %d nodes", i, n, nodes)
			return
		}
		s.Order = append(s.Order, taskgraph.NodeID(n))
	}
	for i, b := range in.Streaming {
		if b.Node < 0 || b.Node >= nodes || len(b.Links) != len(b.Bandwidth) {
			bad("streaming[%d] names no node, or not a bandwidth for each link", i)
			return
		}
		for _, l := range b.Links {
			if l < 0 || l >= links {
				bad("streaming[%d] names link %d of %d", i, l, links)
				return
			}
		}
		s.Blocks = append(s.Blocks, schedule.Block{Node: taskgraph.NodeID(b.Node), Start: b.Start, End: b.End, Links: b.Links, Bandwidth: b.Bandwidth, LinkEnergy: b.Energy})
	}
	for i, c := range in.Copies {
		if c.Tensor < 0 || c.Tensor >= tensors || c.Memory < 0 || c.Memory >= stores {
			bad("copies[%d] is of tensor %d of %d in memory %d of %d", i, c.Tensor, tensors, c.Memory, stores)
			return
		}
		if c.End == forever {
			c.End = schedule.Forever
		}
		part, err := r.part(taskgraph.TensorID(c.Tensor), c.Part)
		if err != nil {
			bad("copies[%d]: %v", i, err)
			return
		}
		s.Copies = append(s.Copies, schedule.Copy{Tensor: taskgraph.TensorID(c.Tensor), Part: part, Store: c.Memory, Start: c.Start, Available: c.Available, End: c.End})
	}
	for i, u := range in.Memories {
		if len(u.Cycles) != len(u.Bits) {
			bad("memories[%d] has %d times and %d values", i, len(u.Cycles), len(u.Bits))
			return
		}
		s.Memories = append(s.Memories, schedule.Curve{Times: u.Cycles, Bits: u.Bits})
	}
	if len(s.Memories) != int(stores) {
		bad("%d memories are described, the accelerator has %d", len(s.Memories), stores)
	}
}
