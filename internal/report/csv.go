package report

import (
	"iter"
	"strings"

	"streamdse/hardware"
	"streamdse/unit"
)

// taskRow is a line of schedule.csv: when a computation node runs.
type taskRow struct {
	Layer string      `parquet:"layer,dict"`
	Node  int32       `parquet:"node"` // counts within the layer
	Core  int32       `parquet:"core"`
	Start unit.Cycles `parquet:"start"`
	End   unit.Cycles `parquet:"end"`
}

func taskRows(d *Data) iter.Seq[taskRow] {
	return func(yield func(taskRow) bool) {
		names := layerNames(d.Graph.Layers)
		for i := range d.Graph.Nodes {
			n, t := &d.Graph.Nodes[i], d.Schedule.Tasks[i]
			if !yield(taskRow{names[n.Layer], n.Sub, t.Core, t.Start, t.End}) {
				return
			}
		}
	}
}

// transferRow is a line of transfers.csv, which lists what moved in the order in which
// it was decided. A tensor is named by its number, its layer and its operand; links are
// the cores at their ends, several separated by semicolons; for_layer and for_node name
// the node on whose behalf it moved, if there is one; memories count as in result.json.
// part is what moves of the tensor if not all of it, as partText has it.
type transferRow struct {
	Tensor       int32           `parquet:"tensor"`
	Layer        string          `parquet:"layer,dict"`
	Operand      string          `parquet:"operand,dict"`
	Bits         unit.Bits       `parquet:"bits"`
	From         int32           `parquet:"from"`
	To           int32           `parquet:"to"`
	Links        string          `parquet:"links,dict"`
	Start        unit.Cycles     `parquet:"start"`
	End          unit.Cycles     `parquet:"end"`
	Cause        string          `parquet:"cause,dict"`
	Joined       bool            `parquet:"joined"`
	LinkEnergy   unit.Picojoules `parquet:"link_energy_pj"`
	MemoryEnergy unit.Picojoules `parquet:"memory_energy_pj"`
	ForLayer     *string         `parquet:"for_layer,optional,dict"`
	ForNode      *int32          `parquet:"for_node,optional"`
	FromMemory   int32           `parquet:"from_memory"`
	ToMemory     int32           `parquet:"to_memory"`
	Part         string          `parquet:"part,dict"`
}

func transferRows(d *Data) iter.Seq[transferRow] {
	return func(yield func(transferRow) bool) {
		names, paths := layerNames(d.Graph.Layers), newPathNames(d.Accelerator)
		for i := range d.Schedule.Transfers {
			t := &d.Schedule.Transfers[i]
			x := &d.Graph.Tensors[t.Tensor]
			r := transferRow{
				Tensor: int32(t.Tensor), Layer: names[x.Layer], Operand: d.Graph.Layers[x.Layer].Operands[x.Operand].Name,
				Bits: t.Bits, From: t.From, To: t.To, Links: paths.of(t.Links), Start: t.Start, End: t.End,
				Cause: t.Cause.String(), Joined: t.Joined, LinkEnergy: t.LinkEnergy, MemoryEnergy: t.MemoryEnergy,
				FromMemory: t.FromStore, ToMemory: t.ToStore, Part: partOf(d, t.Tensor, t.Part),
			}
			if t.For >= 0 {
				n := &d.Graph.Nodes[t.For]
				r.ForLayer, r.ForNode = &names[n.Layer], &n.Sub
			}
			if !yield(r) {
				return
			}
		}
	}
}

// pathNames names lists of links.
type pathNames struct {
	links []string
	parts []string
}

func newPathNames(a *hardware.Accelerator) *pathNames { return &pathNames{links: a.LinkIDs()} }

func (p *pathNames) of(links []int32) string {
	p.parts = p.parts[:0]
	for _, l := range links {
		p.parts = append(p.parts, p.links[l])
	}
	return strings.Join(p.parts, ";")
}
