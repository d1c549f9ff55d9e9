package report

import (
	"image/color"

	"streamdse/hardware"
	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/unit"
)

// What the pictures share with other ways to show a result: packages page and
// trace name and colour things as the pictures do.

// LayerNames are the names of layers in files and messages, ShortNames those in
// pictures.
func LayerNames(layers []taskgraph.Layer) []string { return layerNames(layers) }

// ShortNames are the names of layers in pictures.
func ShortNames(layers []taskgraph.Layer) []string { return shortNames(layers) }

// LayerColours are the colours of layers in pictures.
func LayerColours(layers []taskgraph.Layer) []color.RGBA {
	l := newLegend(layers)
	out := make([]color.RGBA, len(layers))
	for i := range out {
		if len(layers[i].Nodes) > 0 {
			out[i] = l.colours[l.entry[i]]
		}
	}
	return out
}

// CoreName is the name of a core in pictures.
func CoreName(c *hardware.Core) string { return coreName(c) }

// LinkNames are the names of all links in pictures.
func LinkNames(a *hardware.Accelerator) []string { return linkNames(a) }

// MemoryName is the name of a memory with the cores that it belongs to.
func MemoryName(s *hardware.Store) string {
	return coreList(s.Cores) + " " + s.Name
}

// OffchipMemory tells whether a memory lies behind the off-chip core.
func OffchipMemory(a *hardware.Accelerator, s *hardware.Store) bool { return offchipStore(a, s) }

// OffchipLink tells whether a link leads to or from off-chip memory.
func OffchipLink(a *hardware.Accelerator, l *hardware.Link) bool { return offchipLink(a, l) }

// Kinds are the kinds of things that links carry, in words; TransferKind is an index
// of them.
func Kinds() []string {
	var names []string
	for k := activation; int(k) < numKinds; k++ {
		names = append(names, k.String())
	}
	return names
}

// TransferKind tells what a transfer carries: an index of Kinds.
func TransferKind(g *taskgraph.Graph, t *schedule.Transfer) int {
	return int(kindOf(g, t) - activation)
}

// Horizon is the end of the time axis of a result.
func (d *Data) Horizon() unit.Cycles { return d.horizon() }
