package split

import (
	"fmt"
	"slices"
	"strings"

	"streamdse/hardware"
	"streamdse/internal/diag"
	"streamdse/mapping"
	"streamdse/rules"
	"streamdse/unit"
	"streamdse/workload"
)

// Stacks are the fusion stacks of a network: lists of indices of
// Workload.Layers, ascending. Every layer stands in exactly one stack. The
// layers of a stack run interleaved, tile by tile; a layer alone in its stack
// runs as a whole.
type Stacks [][]int

// LayerByLayer puts every layer into a stack of its own.
func LayerByLayer(w *workload.Workload) Stacks {
	s := make(Stacks, len(w.Layers))
	for i := range w.Layers {
		s[i] = []int{i}
	}
	return s
}

// Given returns the stacks made of the given lists of layer IDs. IDs that no
// layer has, such as those of reshapes, are ignored; layers that no list names
// stand alone. A layer in two lists is an error.
func Given(w *workload.Workload, ids [][]int) (Stacks, error) {
	index := make(map[int]int, len(w.Layers))
	for i := range w.Layers {
		index[w.Layers[i].ID] = i
	}
	lists := make([][]int, len(ids))
	for s, list := range ids {
		for _, id := range list {
			if i, ok := index[id]; ok {
				lists[s] = append(lists[s], i)
			}
		}
	}
	return complete(w, lists)
}

// Named returns the stacks made of the given lists of names, as a mapping file
// may give them. A name is that of a layer, or an operator type: then it means
// the next layer of the type, in the order of the network, that no list has taken
// yet. Operators that were folded into other layers are ignored; layers that no
// list names stand alone.
func Named(w *workload.Workload, names [][]string) (Stacks, error) {
	var problems diag.List
	taken := make([]bool, len(w.Layers))
	take := func(name string) (index int, ok bool) {
		for i := range w.Layers {
			if w.Layers[i].Name == name {
				return i, true
			}
		}
		for i := range w.Layers {
			if w.Layers[i].Type == name && !taken[i] {
				return i, true
			}
		}
		return 0, false
	}
	lists := make([][]int, len(names))
	for s, list := range names {
		for _, name := range list {
			i, ok := take(name)
			switch {
			case ok:
				taken[i] = true
				lists[s] = append(lists[s], i)
			case !folded(w, name):
				problems.Add(diag.Problem{
					Message: fmt.Sprintf("fusion stack %d names %q, which is neither a layer nor the type of a layer that is left", s, name),
					Hint:    "`stream inspect` lists the layers",
				})
			}
		}
	}
	if err := problems.Err(); err != nil {
		return nil, err
	}
	return complete(w, lists)
}

// folded tells whether an operator of the given name or type is part of a layer.
func folded(w *workload.Workload, name string) bool {
	for i := range w.Layers {
		for _, f := range w.Layers[i].Folded {
			if kind, node, _ := strings.Cut(f, " "); kind == name || node == name {
				return true
			}
		}
	}
	return false
}

// complete sorts the lists, drops empty ones and appends the layers that stand
// in none.
func complete(w *workload.Workload, lists [][]int) (Stacks, error) {
	var problems diag.List
	stack := make([]int, len(w.Layers))
	for i := range stack {
		stack[i] = -1
	}
	var stacks Stacks
	for s, list := range lists {
		slices.Sort(list)
		list = slices.Compact(list)
		for _, i := range list {
			if stack[i] >= 0 {
				problems.Add(diag.Problem{
					Message: fmt.Sprintf("layer %d (%s) stands in fusion stacks %d and %d", w.Layers[i].ID, w.Layers[i].Name, stack[i], s),
					Allowed: "every layer in at most one fusion stack",
				})
			}
			stack[i] = s
		}
		if len(list) > 0 {
			stacks = append(stacks, list)
		}
	}
	for i := range w.Layers {
		if stack[i] < 0 {
			stacks = append(stacks, []int{i})
		}
	}
	return stacks, problems.Err()
}

// Auto fuses layers as long as the weights of a stack fit on the chip together,
// following the order of the network.
//
// A stack ends before the layer whose weights would no longer fit beside the
// others'; that layer begins the next stack. The room is that of the memories
// for weights of all cores that may run a layer with weights. Under the rules of
// the published scheduler there is only one stack: all layers after its end
// stand alone, the room is that of all cores, a memory shared by two cores counts
// twice, and what is counted of a layer is the first operand that is not
// computed, which for the first layer is the network's input.
func Auto(w *workload.Workload, m *mapping.Mapping, acc *hardware.Accelerator, r rules.Rules) Stacks {
	room := weightRoom(w, m, acc, r)
	var stacks Stacks
	var used unit.Bits
	full := false
	for i := range w.Layers {
		bits := weightBits(&w.Layers[i], r)
		fits := !full && used+bits <= room
		if fits && len(stacks) > 0 {
			last := len(stacks) - 1
			stacks[last] = append(stacks[last], i)
			used += bits
			continue
		}
		stacks = append(stacks, []int{i})
		used = bits
		full = !fits && r.InputCountsAsWeight
	}
	return stacks
}

// weightBits is the size of a layer's weights, or of what counts as such.
func weightBits(l *workload.Layer, r rules.Rules) unit.Bits {
	if r.InputCountsAsWeight {
		return firstConstantBits(l)
	}
	var bits unit.Bits
	for i := range l.Operands {
		if l.Operands[i].Source.Kind == workload.FromConstant {
			bits += operandBits(l, &l.Operands[i])
		}
	}
	return bits
}

// firstConstantBits is the size of the first operand that is not computed: the
// published scheduler lists I before W for windowed layers, W before I for others.
func firstConstantBits(l *workload.Layer) unit.Bits {
	var bits unit.Bits
	for i := range l.Operands {
		if !l.Operands[i].Source.Constant() {
			continue
		}
		bits = operandBits(l, &l.Operands[i])
		if len(l.Relations) > 0 {
			break
		}
	}
	return bits
}

func operandBits(l *workload.Layer, op *workload.Operand) unit.Bits {
	bits := op.Bits
	for _, d := range op.Dims {
		bits *= unit.Bits(l.IndexSize(d))
	}
	return bits
}

// weightRoom is the size of the memories that hold weights on the chip.
func weightRoom(w *workload.Workload, m *mapping.Mapping, acc *hardware.Accelerator, r rules.Rules) unit.Bits {
	var room unit.Bits
	if r.InputCountsAsWeight {
		for core := range acc.Cores {
			if core == acc.Offchip {
				continue
			}
			if s := acc.Top(core, hardware.I2); s >= 0 {
				room += acc.Stores[s].Capacity
			}
		}
		return room
	}
	counted := make([]bool, len(acc.Stores))
	for i := range w.Layers {
		l := &w.Layers[i]
		entry := m.Lookup(l)
		if entry == nil || weightBits(l, r) == 0 {
			continue
		}
		for _, core := range entry.Cores {
			if core < 0 || core >= len(acc.Cores) || core == acc.Offchip {
				continue
			}
			if s := acc.Top(core, hardware.I2); s >= 0 && !counted[s] {
				counted[s] = true
				room += acc.Stores[s].Capacity
			}
		}
	}
	return room
}
