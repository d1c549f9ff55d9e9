package split

import (
	"fmt"
	"math"
	"slices"

	"streamdse/hardware"
	"streamdse/mapping"
	"streamdse/rules"
	"streamdse/unit"
	"streamdse/workload"
)

// Weights returns a mapping in which every layer whose weights do not fit into the
// given part of a core's memory is cut along its output channels K over cores, into
// as few parts as make them fit. So no part has to stream its weights: the parts run
// side by side on several cores, or one after another on one.
//
// Half the memory (0.5) leaves room for the weights of what runs next. The memory is
// the smallest that holds weights in one of the layer's cores. Other cuts over cores
// stay. A layer whose cores the mapping fixes group by group is left as it is, as is
// one of which even a single channel does not fit. Under the published rules, which
// lose what does not divide, the number of parts is a divisor of K.
func Weights(w *workload.Workload, m *mapping.Mapping, acc *hardware.Accelerator, part float64, r rules.Rules) *mapping.Mapping {
	for i := range w.Layers {
		l := &w.Layers[i]
		over, ok := cutsOver(l, m)
		if !ok {
			continue
		}
		n := weightParts(l, over, weightRoom(l, m, acc, part))
		for r.TilesEnlargeLayer && l.Size("K")%n != 0 {
			n++
		}
		if n > 1 {
			m = cutInto(m, l, over, n)
		}
	}
	return m
}

// Unsplit says which layers Weights leaves as they are because not even one output
// channel of theirs fits into the part of the memory, and is empty if there is none.
func Unsplit(w *workload.Workload, m *mapping.Mapping, acc *hardware.Accelerator, part float64) string {
	text, more := "", 0
	for i := range w.Layers {
		l := &w.Layers[i]
		over, ok := cutsOver(l, m)
		if entry := m.Lookup(l); !ok || len(weightStores(entry.Cores, acc)) == 0 {
			continue
		}
		channel, fixed := channelWeights(l, over)
		room := weightRoom(l, m, acc, part)
		switch {
		case channel == 0 || fixed+channel <= room:
		case text == "":
			text = fmt.Sprintf("one output channel of layer %q takes %d bits, and the part of the memory is %d bits", l.Name, fixed+channel, room)
		default:
			more++
		}
	}
	switch {
	case more > 0:
		text += fmt.Sprintf(": it and %d more are not cut", more)
	case text != "":
		text += ": it is not cut"
	}
	return text
}

// cutsOver are the cuts of a layer over cores; ok is false if its weights are not cut.
func cutsOver(l *workload.Layer, m *mapping.Mapping) (over []mapping.Tiling, ok bool) {
	entry := m.Lookup(l)
	if entry == nil || entry.Fixed && len(entry.Cores) > 1 {
		return nil, false
	}
	if over, _ = m.CutsOf(l, true); len(over) == 0 {
		over = entry.Inter
	}
	return slices.DeleteFunc(slices.Clone(over), func(t mapping.Tiling) bool { return t.Parts == mapping.Free || !l.HasDim(t.Dim) }), true
}

// weightRoom is what a layer's weights may take of the smallest memory of its
// cores, 0 if none of them holds weights.
func weightRoom(l *workload.Layer, m *mapping.Mapping, acc *hardware.Accelerator, part float64) unit.Bits {
	least := unit.Bits(math.MaxInt64)
	var stores []int
	if entry := m.Lookup(l); entry != nil {
		stores = weightStores(entry.Cores, acc)
	}
	for _, s := range stores {
		least = min(least, acc.Stores[s].Capacity)
	}
	if len(stores) == 0 {
		return 0
	}
	return unit.Bits(part * float64(least))
}

// weightParts is the number of parts that K has to be cut into for the weights of
// each to fit, beside the other cuts; 1 if it need not or cannot be cut.
func weightParts(l *workload.Layer, over []mapping.Tiling, room unit.Bits) int {
	channel, fixed := channelWeights(l, over)
	if channel == 0 || room < fixed+channel {
		return 1
	}
	size := l.Size("K")
	fit := int((room - fixed) / channel)
	return (size + fit - 1) / fit
}

// channelWeights is what the weights of one output channel take beside the other cuts,
// and those that all channels have in common.
func channelWeights(l *workload.Layer, over []mapping.Tiling) (channel, fixed unit.Bits) {
	for k := range l.Operands {
		op := &l.Operands[k]
		if op.Source.Kind != workload.FromConstant {
			continue
		}
		bits := op.Bits
		for _, d := range op.Dims {
			if d != "K" {
				bits *= unit.Bits(largestPart(l, d, over))
			}
		}
		if slices.Contains(op.Dims, "K") {
			channel += bits
		} else {
			fixed += bits
		}
	}
	return channel, fixed
}

// largestPart is the size of the largest part of a dimension under cuts.
func largestPart(l *workload.Layer, d workload.Dim, cuts []mapping.Tiling) int {
	size := l.IndexSize(d)
	for _, c := range cuts {
		switch {
		case c.Dim != d:
		case c.Parts == mapping.All:
			size = 1
		case c.Size:
			size = min(size, c.Parts)
		case c.Parts > 0:
			size = (size + c.Parts - 1) / c.Parts
		}
	}
	return size
}

// cutInto sets the cuts of a layer over cores, with K in at least n parts.
func cutInto(m *mapping.Mapping, l *workload.Layer, over []mapping.Tiling, n int) *mapping.Mapping {
	if (l.Size("K")+n-1)/n >= largestPart(l, "K", over) {
		return m // it has enough parts already
	}
	cuts := slices.DeleteFunc(slices.Clone(m.Cuts), func(c mapping.Cut) bool { return c.Inter && c.Layer == l.Name })
	for _, t := range over {
		if t.Dim != "K" {
			cuts = append(cuts, mapping.Cut{Layer: l.Name, Inter: true, Tiling: t})
		}
	}
	cuts = append(cuts, mapping.Cut{Layer: l.Name, Inter: true, Tiling: mapping.Tiling{Dim: "K", Parts: n}})
	without := *m
	without.Cuts = nil
	return without.With(cuts...)
}
