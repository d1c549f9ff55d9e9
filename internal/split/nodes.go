package split

import (
	"encoding/binary"
	"slices"

	"streamdse/rules"
	"streamdse/taskgraph"
	"streamdse/unit"
	"streamdse/workload"
)

// builder makes the nodes and tensors of one layer.
type builder struct {
	tiled  *taskgraph.Tiled
	index  int // of the layer
	tiling *tiling
	rules  rules.Rules

	layer     *taskgraph.Layer
	operands  []blocks
	ranges    []taskgraph.Range // room for the ranges of tensors
	reduction []int             // loop dimensions, of size over 1, that the output does not have
}

// blocks finds the tensor of an operand from the parts of the loops that the
// operand depends on.
type blocks struct {
	index   []indexDim
	loops   []int // loop dimensions that it depends on
	count   int   // of its parts that differ in these
	tensors []taskgraph.TensorID
	// byRanges finds equal blocks of different parts: windows of two loops that are
	// both cut may coincide. It is nil where that cannot happen.
	byRanges map[string]taskgraph.TensorID
}

// indexDim is one index dimension of an operand: loop a, or what a relation makes
// of loops a and b.
type indexDim struct {
	a, b     int // loop dimensions; -1 where the layer lacks the loop
	relation *workload.Relation
	size     int32 // extent in the real tensor
}

func newBuilder(tiled *taskgraph.Tiled, index int, tiling *tiling, r rules.Rules) *builder {
	b := &builder{tiled: tiled, index: index, tiling: tiling, rules: r, layer: &tiled.Layers[index]}
	spec := b.layer.Layer
	b.operands = make([]blocks, len(spec.Operands))
	for k := range spec.Operands {
		b.operands[k] = b.blocks(&spec.Operands[k])
	}
	for d := range spec.Dims {
		if spec.Dims[d].Size > 1 && !slices.Contains(spec.Operands[0].Dims, spec.Dims[d].Dim) {
			b.reduction = append(b.reduction, d)
		}
	}
	return b
}

// tensors is how many there are at most.
func (b *builder) tensors() int {
	count := 0
	for k := range b.operands {
		count += b.operands[k].count
	}
	sums := slices.ContainsFunc(b.reduction, func(d int) bool { return b.layer.Cuts[d].Parts() > 1 })
	if sums && !b.rules.PartialSumsAreFree {
		count += b.layer.NodeCount() - b.operands[0].count
	}
	return count
}

func (b *builder) build() {
	spec := b.layer.Layer
	dims, ops := len(spec.Dims), len(spec.Operands)
	count := b.layer.NodeCount()
	first := taskgraph.NodeID(len(b.tiled.Nodes))
	b.tiled.First[b.index] = first
	b.layer.Nodes = make([]taskgraph.NodeID, count)
	groups := b.grouping()

	indices := 0
	for k := range b.operands {
		bl := &b.operands[k]
		bl.tensors = make([]taskgraph.TensorID, bl.count)
		for i := range bl.tensors {
			bl.tensors[i] = -1
		}
		indices += bl.count * len(bl.index)
	}
	b.ranges = make([]taskgraph.Range, indices)
	ranges := make([]taskgraph.Range, count*dims)
	tensors := make([]taskgraph.TensorID, count*ops)
	parts := make([]int32, dims)
	for sub := range count {
		id := first + taskgraph.NodeID(sub)
		b.layer.Nodes[sub] = id
		b.layer.Parts(sub, parts)
		node := taskgraph.Node{
			Layer:    int32(b.index),
			Sub:      int32(sub),
			Ranges:   ranges[sub*dims : (sub+1)*dims : (sub+1)*dims],
			Operands: tensors[sub*ops : (sub+1)*ops : (sub+1)*ops],
			Final:    true,
		}
		for d, p := range parts {
			node.Ranges[d] = b.layer.Cuts[d].Range(p)
		}
		for _, d := range b.reduction {
			node.Final = node.Final && int(node.Ranges[d].Hi) >= spec.Dims[d].Size
		}
		node.Group = groups.of(parts, node.Ranges)
		for k := range node.Operands {
			t := b.tensor(k, &node, id, parts)
			b.tiled.Tensors[t].Uses++
			node.Operands[k] = t
		}
		b.tiled.Nodes = append(b.tiled.Nodes, node)
	}
	b.layer.Groups = groups.count()
}

func (b *builder) blocks(op *workload.Operand) blocks {
	spec := b.layer.Layer
	find := func(d workload.Dim) int {
		for i := range spec.Dims {
			if spec.Dims[i].Dim == d {
				return i
			}
		}
		return -1
	}
	bl := blocks{count: 1}
	depend := func(d int) bool {
		if d < 0 || b.layer.Cuts[d].Parts() == 1 {
			return false
		}
		bl.loops = append(bl.loops, d)
		bl.count *= b.layer.Cuts[d].Parts()
		return true
	}
	for _, d := range op.Dims {
		x := indexDim{a: find(d), b: -1, relation: spec.Relation(d), size: int32(spec.IndexSize(d))}
		if r := x.relation; r != nil {
			x.a, x.b = find(r.A), find(r.B)
		}
		byA, byB := depend(x.a), depend(x.b)
		if byA && byB && !b.rules.SharesTiles() { // else they are made of the same pieces
			bl.byRanges = map[string]taskgraph.TensorID{}
		}
		bl.index = append(bl.index, x)
	}
	return bl
}

// at is the range of the index for a node's loop ranges, padding included.
func (x indexDim) at(ranges []taskgraph.Range) taskgraph.Range {
	loop := func(d int) taskgraph.Range {
		if d < 0 {
			return taskgraph.Range{Lo: 0, Hi: 1}
		}
		return ranges[d]
	}
	a := loop(x.a)
	if x.relation == nil {
		return a
	}
	b := loop(x.b)
	return taskgraph.Window(x.relation, a, b)
}

// tensor finds or makes the block of operand k that a node uses. What a node that
// leaves its reduction open writes, its partial sums, is a tensor of its own.
func (b *builder) tensor(k int, node *taskgraph.Node, id taskgraph.NodeID, parts []int32) taskgraph.TensorID {
	bl := &b.operands[k]
	op := &b.layer.Operands[k]
	t := taskgraph.Tensor{Layer: int32(b.index), Operand: int8(k), Origin: id, Bits: op.FinalBits}
	t.Constant = op.Source.Stored() && (op.FinalBits > 0 || b.rules.UnaryReadsWeight) // pooling has weights of no bits
	if k == 0 && b.leavesSums(node) {
		t.Bits = op.Bits
		b.cover(&t, bl, node.Ranges)
		return b.add(t)
	}
	slot := 0
	for _, d := range bl.loops {
		slot = slot*b.layer.Cuts[d].Parts() + int(parts[d])
	}
	if known := bl.tensors[slot]; known >= 0 {
		return known
	}
	b.cover(&t, bl, node.Ranges)
	if bl.byRanges != nil {
		key := rangesKey(t.Ranges)
		known, ok := bl.byRanges[key]
		if !ok {
			known = b.add(t)
			bl.byRanges[key] = known
		}
		bl.tensors[slot] = known
		return known
	}
	bl.tensors[slot] = b.add(t)
	return bl.tensors[slot]
}

// leavesSums tells whether a node's output is a tensor of partial sums.
func (b *builder) leavesSums(node *taskgraph.Node) bool {
	return !node.Final && !b.rules.PartialSumsAreFree
}

// cover sets the ranges of a tensor and multiplies its bits by their volume.
func (b *builder) cover(t *taskgraph.Tensor, bl *blocks, ranges []taskgraph.Range) {
	if len(b.ranges) < len(bl.index) {
		b.ranges = make([]taskgraph.Range, rangesAtOnce*len(bl.index))
	}
	t.Ranges = b.ranges[:len(bl.index):len(bl.index)]
	b.ranges = b.ranges[len(bl.index):]
	for i, x := range bl.index {
		r := x.at(ranges)
		t.Ranges[i] = r
		if !b.rules.PaddingIsData && x.relation != nil {
			r.Lo, r.Hi = max(r.Lo, 0), min(r.Hi, x.size)
		}
		t.Bits *= unit.Bits(max(r.Len(), 0))
	}
}

// rangesAtOnce is for how many tensors room for ranges is made at a time beyond
// what is certain to be needed.
const rangesAtOnce = 256

func (b *builder) add(t taskgraph.Tensor) taskgraph.TensorID {
	b.tiled.Tensors = append(b.tiled.Tensors, t)
	return taskgraph.TensorID(len(b.tiled.Tensors) - 1)
}

func rangesKey(ranges []taskgraph.Range) string {
	key := make([]byte, 0, 8*len(ranges))
	for _, r := range ranges {
		key = binary.LittleEndian.AppendUint32(key, uint32(r.Lo))
		key = binary.LittleEndian.AppendUint32(key, uint32(r.Hi))
	}
	return string(key)
}
