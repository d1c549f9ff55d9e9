package report

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"

	"streamdse/unit"
)

// taskColumns is the first line of schedule.csv.
func taskColumns() []string { return []string{"layer", "node", "core", "start", "end"} }

// WriteScheduleCSV writes when each computation node runs, in cycles:
// layer,node,core,start,end, with node counting within the layer.
func WriteScheduleCSV(w io.Writer, d *Data) error {
	c := csv.NewWriter(w)
	names := layerNames(d.Graph.Layers)
	row := taskColumns()
	if err := c.Write(row); err != nil {
		return err
	}
	for i := range d.Graph.Nodes {
		n, t := &d.Graph.Nodes[i], d.Schedule.Tasks[i]
		row[0] = names[n.Layer]
		row[1] = strconv.Itoa(int(n.Sub))
		row[2] = strconv.Itoa(int(t.Core))
		row[3] = cycles(t.Start)
		row[4] = cycles(t.End)
		if err := c.Write(row); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

// transferColumns is the first line of transfers.csv.
func transferColumns() []string {
	return []string{"tensor", "layer", "operand", "bits", "from", "to", "links", "start", "end",
		"cause", "joined", "link_energy_pj", "memory_energy_pj", "for_layer", "for_node", "from_memory", "to_memory", "part"}
}

// WriteTransfersCSV writes what moved between cores, in the order in which it
// was decided. A tensor is named by its number, its layer and its operand; links
// are the cores at their ends, several separated by semicolons; energies are pJ;
// for_layer and for_node name the node on whose behalf it moved, if there is one;
// memories count as in result.json. part is what moves of the tensor if not all of it,
// as partText has it.
func WriteTransfersCSV(w io.Writer, d *Data) error {
	c := csv.NewWriter(w)
	names, links := layerNames(d.Graph.Layers), linkIDs(d.Accelerator)
	row := transferColumns()
	if err := c.Write(row); err != nil {
		return err
	}
	var path []string
	for i := range d.Schedule.Transfers {
		t := &d.Schedule.Transfers[i]
		x := &d.Graph.Tensors[t.Tensor]
		path = path[:0]
		for _, l := range t.Links {
			path = append(path, links[l])
		}
		row[0] = strconv.Itoa(int(t.Tensor))
		row[1] = names[x.Layer]
		row[2] = d.Graph.Layers[x.Layer].Operands[x.Operand].Name
		row[3] = strconv.FormatInt(int64(t.Bits), 10)
		row[4] = strconv.Itoa(int(t.From))
		row[5] = strconv.Itoa(int(t.To))
		row[6] = strings.Join(path, ";")
		row[7] = cycles(t.Start)
		row[8] = cycles(t.End)
		row[9] = t.Cause.String()
		row[10] = strconv.FormatBool(t.Joined)
		row[11] = picojoules(t.LinkEnergy)
		row[12] = picojoules(t.MemoryEnergy)
		row[13], row[14] = "", ""
		if t.For >= 0 {
			n := &d.Graph.Nodes[t.For]
			row[13], row[14] = names[n.Layer], strconv.Itoa(int(n.Sub))
		}
		row[15] = strconv.Itoa(int(t.FromStore))
		row[16] = strconv.Itoa(int(t.ToStore))
		row[17] = partOf(d, t.Tensor, t.Part)
		if err := c.Write(row); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

func cycles(c unit.Cycles) string { return strconv.FormatInt(int64(c), 10) }

// picojoules renders an energy with as few digits as identify it.
func picojoules(e unit.Picojoules) string { return strconv.FormatFloat(float64(e), 'f', -1, 64) }
