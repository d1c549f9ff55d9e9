package split

import (
	"cmp"
	"fmt"
	"maps"
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
// layer has, such as those of reshapes and folded activations, are ignored; layers that no list names stand alone. A layer in two
// lists is an error.
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

// Named returns the stacks that a mapping file gives as fusion groups. A name is that of a layer, or an operator type: then it means
// the next layer of the type, in the order of the network, that no group has taken
// yet, and the group takes all layers of its types that lie between those that it
// names. So [Conv, Relu, Add] is the next residual block, with all of its
// convolutions. Operators that were folded into other layers are ignored; layers that
// no group names stand alone.
func Named(w *workload.Workload, groups []mapping.Group) (Stacks, error) {
	lists, _, err := named(w, groups)
	if err != nil {
		return nil, err
	}
	return complete(w, lists)
}

// named are the layers of each group, and how many of them lie between those that it
// names.
func named(w *workload.Workload, groups []mapping.Group) (lists [][]int, between []int, err error) {
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
	lists, between = make([][]int, len(groups)), make([]int, len(groups))
	for s, group := range groups {
		var kinds []string
		for _, name := range group.Layers {
			i, ok := take(name)
			switch {
			case ok:
				taken[i] = true
				lists[s] = append(lists[s], i)
				if w.Layers[i].Name != name {
					kinds = append(kinds, name)
				}
			case !folded(w, name):
				problems.Add(diag.Problem{
					File: group.File, Line: group.Line,
					Message: fmt.Sprintf("fusion group %q names %q, which is neither a layer nor the type of a layer that is left", group.Name, name),
					Hint:    nearLayer(w, name),
				})
			}
		}
		if len(kinds) == 0 {
			continue
		}
		for i := slices.Min(lists[s]); i < slices.Max(lists[s]); i++ {
			if !taken[i] && slices.Contains(kinds, w.Layers[i].Type) {
				taken[i] = true
				lists[s] = append(lists[s], i)
				between[s]++
			}
		}
	}
	return lists, between, problems.Err()
}

// nearLayer is a hint for the name of a layer or type that there is not.
func nearLayer(w *workload.Workload, name string) string {
	var known []string
	for i := range w.Layers {
		known = append(known, w.Layers[i].Type, w.Layers[i].Name)
	}
	return cmp.Or(diag.DidYouMean(name, known), "`stream inspect` lists the layers")
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
					Message: fmt.Sprintf("layer %d (%s) stands in fusion stacks %d and %d, counted from 0", w.Layers[i].ID, w.Layers[i].Name, stack[i], s),
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

// weightFill is the part of a core's memory that Auto gives to the weights of a
// stack. The rest is for activations and for the weights of what comes next.
const weightFill = 0.5

// Auto fuses layers as long as the weights of a stack stay on the chip together,
// following the order of the network.
//
// The weights of a stack stay if every layer's can be put into the memory of one
// of its cores such that none is filled by more than half (by first fit, the
// largest first). A stack ends before the layer with which that is no longer so,
// and that layer begins the next one. A layer whose weights do not fit one core
// in this sense stands alone: cut into tiles, it would read them anew for each.
//
// Of a layer that is spread over cores, each part counts for itself: it needs its
// share of the weights on its core, and all parts need theirs while the layer's
// tiles stream past. Parts that use the same weights, such as those of rows, count
// as one.
//
// Under the rules of the published scheduler see publishedAuto.
func Auto(w *workload.Workload, m *mapping.Mapping, acc *hardware.Accelerator, r rules.Rules) Stacks {
	if r.InputCountsAsWeight {
		return publishedAuto(w, acc)
	}
	p := packer{free: make([]unit.Bits, len(acc.Stores))}
	var stacks Stacks
	open := false // the last stack may grow
	for i := range w.Layers {
		next := weightItems(w, &w.Layers[i], m, acc, r)
		switch {
		case open && p.fits(acc, append(p.items, next...)):
			last := len(stacks) - 1
			stacks[last] = append(stacks[last], i)
			p.items = append(p.items, next...)
		default:
			stacks = append(stacks, []int{i})
			p.items = append(p.items[:0], next...)
			open = p.fits(acc, p.items)
		}
	}
	return stacks
}

// maxItems bounds into how many parts the weights of a layer are packed.
const maxItems = 4096

// weightItems lists the weights of a layer, those of each part over cores for itself.
func weightItems(w *workload.Workload, l *workload.Layer, m *mapping.Mapping, acc *hardware.Accelerator, r rules.Rules) []item {
	entry := m.Lookup(l)
	if entry == nil {
		return []item{{bits: weightBits(l)}}
	}
	parts := []map[workload.Dim]int{{}} // sizes of loops, of each part
	all := true                         // parts are groups, in the same order
	for _, q := range spread(w, l, m, r) {
		d := l.Dims[q.dim].Dim
		if !slices.ContainsFunc(l.Operands, func(op workload.Operand) bool {
			return op.Source.Kind == workload.FromConstant && slices.Contains(op.Dims, d)
		}) {
			all = false
			continue
		}
		if len(parts)*q.parts > maxItems {
			return []item{{bits: weightBits(l), stores: weightStores(entry.Cores, acc)}}
		}
		var finer []map[workload.Dim]int
		for i := range q.parts {
			for _, p := range parts {
				size, ok := p[d]
				if !ok {
					size = l.Size(d)
				}
				if p, size = maps.Clone(p), q.sizeOf(i, size); size > 0 {
					p[d] = size
					finer = append(finer, p)
				}
			}
		}
		parts = finer
	}
	items := make([]item, len(parts))
	stores := weightStores(entry.Cores, acc)
	for i, p := range parts {
		items[i] = item{bits: constantBits(l, p), stores: stores}
		if all && entry.Fixed && len(entry.Cores) == len(parts) && len(parts) > 1 {
			items[i].stores = weightStores(entry.Cores[i:i+1], acc)
		}
	}
	return items
}

// item is weights that stay together, with the memories that may hold them.
type item struct {
	bits   unit.Bits
	stores []int // indices of Accelerator.Stores
}

// packer holds the weights of the stack that grows.
type packer struct {
	items []item
	free  []unit.Bits // of each store; scratch
}

// fits tells whether first fit, the largest first, finds a place for all items.
func (p *packer) fits(acc *hardware.Accelerator, items []item) bool {
	for s := range acc.Stores {
		p.free[s] = unit.Bits(weightFill * float64(acc.Stores[s].Capacity))
	}
	order := slices.Clone(items)
	slices.SortStableFunc(order, func(a, b item) int { return cmp.Compare(b.bits, a.bits) })
	for _, x := range order {
		if x.bits == 0 {
			return true // and so are all that follow
		}
		i := slices.IndexFunc(x.stores, func(s int) bool { return p.free[s] >= x.bits })
		if i < 0 {
			return false
		}
		p.free[x.stores[i]] -= x.bits
	}
	return true
}

// weightStores lists the memories that hold weights in any of the given cores.
func weightStores(cores []int, acc *hardware.Accelerator) []int {
	var stores []int
	for _, core := range cores {
		if core < 0 || core >= len(acc.Cores) || core == acc.Offchip {
			continue
		}
		if s := acc.Top(core, hardware.I2); s >= 0 && !slices.Contains(stores, s) {
			stores = append(stores, s)
		}
	}
	return stores
}

// publishedAuto is Auto as the published scheduler has it: one stack grows until
// the weights exceed the memories of all cores, a memory shared by two cores
// counting twice, and all layers after it stand alone. What is counted of a layer
// is the first operand that is not computed, which for the first layer is the
// network's input.
func publishedAuto(w *workload.Workload, acc *hardware.Accelerator) Stacks {
	var room unit.Bits
	for core := range acc.Cores {
		if s := acc.Top(core, hardware.I2); core != acc.Offchip && s >= 0 {
			room += acc.Stores[s].Capacity
		}
	}
	var stacks Stacks
	var used unit.Bits
	full := false
	for i := range w.Layers {
		used += firstConstantBits(&w.Layers[i])
		full = full || used > room
		if full || i == 0 {
			stacks = append(stacks, []int{i})
			continue
		}
		stacks[0] = append(stacks[0], i)
	}
	return stacks
}

// weightBits is the size of a layer's weights.
func weightBits(l *workload.Layer) unit.Bits { return constantBits(l, nil) }

// constantBits is the size of the weights of a part of a layer: of one in which the
// given loops have other sizes.
func constantBits(l *workload.Layer, part map[workload.Dim]int) unit.Bits {
	var bits unit.Bits
	for i := range l.Operands {
		op := &l.Operands[i]
		if op.Source.Kind != workload.FromConstant {
			continue
		}
		b := op.Bits
		for _, d := range op.Dims {
			size, ok := part[d]
			if !ok {
				size = l.IndexSize(d)
			}
			b *= unit.Bits(size)
		}
		bits += b
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
