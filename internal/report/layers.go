package report

import (
	"iter"
	"slices"
	"strconv"
	"strings"

	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/unit"
)

// layerRow is a line of layers.csv: what a layer took. Of all lines together, the
// energies sum to the energy of the result.
type layerRow struct {
	ID    int32  `parquet:"id"`
	Layer string `parquet:"layer"`
	Type  string `parquet:"type,dict"`
	Stack int32  `parquet:"stack"` // fusion stack
	Nodes int32  `parquet:"nodes"`
	MACs  int64  `parquet:"macs"`  // operations of its nodes, those that several of them do each time
	Cores string `parquet:"cores"` // that run its nodes, separated by semicolons

	Start unit.Cycles `parquet:"start"` // of the first node
	End   unit.Cycles `parquet:"end"`   // of the last
	// Busy is the time of its nodes, summed over cores; the parts sum to it, but for
	// rounding: Compute without waiting, Stall waiting for the core's memories, Load
	// and Store filling and emptying lower memories, Stretch waiting for links that
	// are too slow for streamed operands.
	Busy        unit.Cycles `parquet:"busy_cycles"`
	Compute     float64     `parquet:"compute_cycles"`
	Stall       float64     `parquet:"stall_cycles"`
	Load        float64     `parquet:"load_cycles"`
	Store       float64     `parquet:"store_cycles"`
	Stretch     unit.Cycles `parquet:"stretch_cycles"`
	Utilisation float64     `parquet:"utilisation"` // operations a cycle of Busy, as a share of what the cores can do

	Energy     unit.Picojoules `parquet:"energy_pj"`
	Operations unit.Picojoules `parquet:"operations_energy_pj"` // of the processing elements
	Onchip     unit.Picojoules `parquet:"core_memories_energy_pj"`
	Streaming  unit.Picojoules `parquet:"streaming_energy_pj"` // off-chip accesses of streamed operands
	Links      unit.Picojoules `parquet:"links_energy_pj"`
	Transfers  unit.Picojoules `parquet:"transfers_energy_pj"` // of the memories at both ends

	// What was moved for the layer: its inputs and weights from off-chip memory and
	// from other cores, its outputs to off-chip memory, and what of it had to make room.
	FromOffchip unit.Bits `parquet:"from_offchip_bits"`
	FromCores   unit.Bits `parquet:"from_cores_bits"`
	Written     unit.Bits `parquet:"written_bits"`
	Evicted     unit.Bits `parquet:"evicted_bits"`
}

// layerRows lists the layers that have nodes.
func layerRows(d *Data) iter.Seq[layerRow] {
	return func(yield func(layerRow) bool) {
		rows := make([]layerRow, len(d.Graph.Layers))
		addNodes(d, rows)
		addTransfers(d, rows)
		for i := range rows {
			rows[i].Energy = rows[i].Operations + rows[i].Onchip + rows[i].Streaming + rows[i].Links + rows[i].Transfers
			if rows[i].Nodes > 0 && !yield(rows[i]) {
				return
			}
		}
	}
}

// addNodes adds up what the nodes of each layer take.
func addNodes(d *Data, rows []layerRow) {
	names := layerNames(d.Graph.Layers)
	cores := make([][]int32, len(rows))
	able := make([]float64, len(rows)) // operations that the cores could have done
	for i := range d.Graph.Nodes {
		n, t := &d.Graph.Nodes[i], d.Schedule.Tasks[i]
		l, r := &d.Graph.Layers[n.Layer], &rows[n.Layer]
		if r.Nodes == 0 {
			*r = layerRow{ID: int32(l.ID), Layer: names[n.Layer], Type: l.Type, Stack: int32(l.Stack), Start: t.Start, End: t.End}
		}
		r.Nodes++
		r.MACs += operations(n.Ranges)
		r.Start, r.End = min(r.Start, t.Start), max(r.End, t.End)
		if !slices.Contains(cores[n.Layer], t.Core) {
			cores[n.Layer] = append(cores[n.Layer], t.Core)
		}
		c := d.Costs.At(n.Class, int(t.Core))
		time := t.End - t.Start
		r.Busy += time
		r.Stretch += max(0, time-c.Runtime)
		r.Compute += c.Compute
		r.Stall += c.Stall
		r.Load += c.Load
		r.Store += c.Store
		r.Operations += c.Operation
		r.Onchip += c.Onchip - c.Operation
		r.Streaming += c.Offchip
		able[n.Layer] += float64(time) * float64(d.Accelerator.Cores[t.Core].Units())
	}
	for i := range rows {
		slices.Sort(cores[i])
		var list []string
		for _, c := range cores[i] {
			list = append(list, strconv.Itoa(int(c)))
		}
		rows[i].Cores = strings.Join(list, ";")
		if able[i] > 0 {
			rows[i].Utilisation = float64(rows[i].MACs) / able[i]
		}
	}
}

// operations is the number of iterations of a node's loops.
func operations(ranges []taskgraph.Range) int64 {
	n := int64(1)
	for _, r := range ranges {
		n *= int64(r.Len())
	}
	return n
}

// addTransfers adds up what is moved for each layer: what is fetched or streamed counts
// for the layer that reads it, everything else for the layer that it belongs to.
func addTransfers(d *Data, rows []layerRow) {
	for i := range d.Schedule.Blocks {
		b := &d.Schedule.Blocks[i]
		rows[d.Graph.Nodes[b.Node].Layer].Links += b.LinkEnergy
	}
	for i := range d.Schedule.Transfers {
		t := &d.Schedule.Transfers[i]
		layer := d.Graph.Tensors[t.Tensor].Layer
		fetched := t.Cause == schedule.Fetch || t.Cause == schedule.Prefetch
		if fetched && t.For >= 0 {
			layer = d.Graph.Nodes[t.For].Layer
		}
		r := &rows[layer]
		r.Links += t.LinkEnergy
		r.Transfers += t.MemoryEnergy
		switch {
		case fetched && t.Joined: // a broadcast counts once
		case fetched && int(t.From) == d.Accelerator.Offchip:
			r.FromOffchip += t.Bits
		case fetched:
			r.FromCores += t.Bits
		case t.Cause == schedule.Eviction:
			r.Evicted += t.Bits
		default:
			r.Written += t.Bits
		}
	}
}

// memoryRow is a line of memory.csv: from a time on, a memory holds so much, until
// the memory's next line.
type memoryRow struct {
	Memory int32       `parquet:"memory"` // as in result.json
	Name   string      `parquet:"name,dict"`
	Time   unit.Cycles `parquet:"time"`
	Bits   unit.Bits   `parquet:"bits"`
}

func memoryRows(d *Data) iter.Seq[memoryRow] {
	return func(yield func(memoryRow) bool) {
		for m := range d.Schedule.Memories {
			c := &d.Schedule.Memories[m]
			for i, at := range c.Times {
				if !yield(memoryRow{int32(m), d.Accelerator.Stores[m].Name, at, c.Bits[i]}) {
					return
				}
			}
		}
	}
}
