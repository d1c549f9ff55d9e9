package schedule

import (
	"cmp"
	"iter"
	"slices"
	"sort"

	"streamdse/taskgraph"
	"streamdse/unit"
)

// copies checks that every copy has its makers, and every node and transfer its copy.
func (v *verifier) copies() *Violation {
	s := v.s
	v.at = newCopiesAt(s.Copies, len(v.g.Tensors))

	written := make([]unit.Cycles, len(s.Copies)) // latest end of what writes to a copy
	first := make([]bool, len(s.Copies))          // whether what begins a copy ends when it is called available
	begun := make([]bool, len(s.Copies))
	writer := make([]taskgraph.NodeID, len(s.Copies)) // what wrote last, or for which it was
	for i := range writer {
		writer[i] = -1
	}
	write := func(n taskgraph.NodeID, p place, part taskgraph.PartID, start, end unit.Cycles) bool {
		// A write begins a copy, rather the one that is available when it ends, or else
		// goes into one that is there.
		into, rank := int32(-1), 0
		for _, i := range v.at.of(p) {
			c := &s.Copies[i]
			first[i] = first[i] || c.Start == start && c.Available == end
			fits := 0
			switch {
			case !v.part(c.Part).Covers(v.part(part)):
			case c.Start == start && !begun[i] && c.Available == end && c.Part == part:
				fits = 3
			case c.Start == start && !begun[i] && c.Part == part:
				fits = 2
			case c.Start <= start && (end <= c.End || v.mayBeGone()) || v.r.PartialSumsAreFree:
				fits = 1
			}
			if fits > rank {
				into, rank = i, fits
			}
		}
		if into < 0 {
			return false
		}
		begun[into] = begun[into] || rank >= 2
		if end >= written[into] {
			written[into], writer[into] = end, n
		}
		return true
	}
	order := v.byStart()
	for _, n := range order {
		p := v.written(n)
		if p.store < 0 || !write(n, p, 0, s.Tasks[n].Start, s.Tasks[n].End) {
			return v.broken(RuleCopy, n, s.Tasks[n].Start, "its output is in no memory of core %d", s.Tasks[n].Core)
		}
	}
	for i, x := range s.Transfers {
		if !write(x.For, place{x.ToStore, x.Tensor}, x.Part, x.Start, x.End) {
			return v.brokenTransfer(RuleCopy, i, "the data does not enter %s", StoreName(v.acc, int(x.ToStore)))
		}
	}
	for i, c := range s.Copies {
		offchip := v.top(int32(v.acc.Offchip), v.own(c.Tensor))
		if v.g.Tensors[c.Tensor].Constant && c.Store == offchip && c.Start == 0 && c.Available == 0 && !begun[i] {
			begun[i] = true
		}
		want := written[i]
		if v.r.PartialSumsAreFree && first[i] {
			want = c.Available
		}
		if begun[i] && c.Available == want && (c.End >= c.Available || v.mayBeGone()) {
			continue
		}
		name, store := TensorName(v.g, c.Tensor), StoreName(v.acc, int(c.Store))
		switch {
		case !begun[i]:
			return v.broken(RuleCopy, -1, c.Start, "nothing brings %s into %s", name, store)
		case c.Available != want:
			return v.broken(RuleCopy, writer[i], c.Start, "%s is called available in %s at %d, but arrives at %d", name, store, c.Available, want)
		case c.End < c.Available && !v.mayBeGone():
			return v.broken(RuleCopy, writer[i], c.End, "%s leaves %s before it has arrived at %d", name, store, c.Available)
		}
	}
	return nil
}

// byStart lists the nodes in the order in which they begin.
func (v *verifier) byStart() []taskgraph.NodeID {
	order := slices.Clone(v.s.Order)
	slices.SortStableFunc(order, func(a, b taskgraph.NodeID) int { return cmp.Compare(v.s.Tasks[a].Start, v.s.Tasks[b].Start) })
	return order
}

// mayBeGone tells whether the rules remove data that is still to be read.
func (v *verifier) mayBeGone() bool {
	return v.r.FirstTransferMoves || v.r.SpaceFreedBeforeLeave || v.r.OriginSuccessorsOnly
}

// held tells whether a memory holds a part of a tensor from start to end.
func (v *verifier) held(p place, part taskgraph.Part, start, end unit.Cycles, arrived bool) bool {
	// Where copies come one after another it is the last that began by then.
	list := v.at.of(p)
	if arrived {
		list = list[:sort.Search(len(list), func(i int) bool { return v.s.Copies[list[i]].Start > start })]
	}
	for _, i := range slices.Backward(list) {
		c := &v.s.Copies[i]
		from := c.Available
		if !arrived {
			from = 0
		}
		if v.part(c.Part).Covers(part) && from <= start && (end <= c.End || v.mayBeGone()) {
			return true
		}
	}
	return false
}

// excess checks that no part of a tensor moves that nobody reads where it goes or,
// if that is off-chip memory, anywhere.
func (v *verifier) excess() *Violation {
	readers := v.readers()
	for i := range v.s.Transfers {
		x := &v.s.Transfers[i]
		t := &v.g.Tensors[x.Tensor]
		if !v.r.MovesParts() || !t.Constant && v.leaves(t) {
			continue
		}
		var read taskgraph.Part
		none, offchip := true, slices.Contains(v.acc.Stores[x.ToStore].Cores, v.acc.Offchip)
		add := func(n taskgraph.NodeID, operand int, part taskgraph.Part) {
			switch {
			case !offchip && v.readsFrom(n, operand) != x.ToStore:
			case none:
				read, none = part, false
			default:
				read = read.Union(part)
			}
		}
		if t.Constant {
			for y := range readers.of(x.Tensor) {
				if add(y.node, y.operand, v.moving(y.part)); !none && read == nil {
					break // all of it
				}
			}
		} else {
			for e := range v.g.Out(t.Origin) {
				if e.Data() {
					add(e.Dst, int(e.Operand), v.moving(e.Part))
				}
			}
		}
		switch {
		case none && !v.r.PartialSumsAreFree && !v.r.DeadEndsAreOutputs && !(t.Constant && v.r.SpaceFreedBeforeLeave):
			return v.brokenTransfer(RuleExcess, i, "moves %d bits, none of which is read there", x.Bits)
		case !none && t.PartBits(read) < t.Bits && !read.Covers(v.part(x.Part)):
			return v.brokenTransfer(RuleExcess, i, "moves %d bits, but no more than %d others are read there", x.Bits, t.PartBits(read))
		}
	}
	return nil
}

// reader is a node that reads a part of a constant.
type reader struct {
	node    taskgraph.NodeID
	operand int
	part    taskgraph.PartID
	next    int32 // of the same constant, index+1
}

// readers lists who reads the constants.
type readers struct {
	last []int32 // by tensor: index+1 in list
	list []reader
}

func (v *verifier) readers() readers {
	r := readers{last: make([]int32, len(v.g.Tensors))}
	for n := range v.g.Nodes {
		for i := range v.g.Nodes[n].Operands {
			for x := range v.g.Constants(taskgraph.NodeID(n), i) {
				r.list = append(r.list, reader{taskgraph.NodeID(n), i, x.Part, r.last[x.Tensor]})
				r.last[x.Tensor] = int32(len(r.list))
			}
		}
	}
	return r
}

func (r *readers) of(x taskgraph.TensorID) iter.Seq[*reader] {
	return func(yield func(*reader) bool) {
		for i := r.last[x]; i != 0 && yield(&r.list[i-1]); i = r.list[i-1].next {
		}
	}
}

// leaves tells whether a tensor is a network output, all of which moves.
func (v *verifier) leaves(t *taskgraph.Tensor) bool {
	return v.g.Nodes[t.Origin].Final && (v.g.Layers[t.Layer].Output || !v.read[t.Layer])
}

// readsFrom is the memory in which a node's reading of an operand counts as a use.
func (v *verifier) readsFrom(n taskgraph.NodeID, operand int) int32 {
	op := v.g.Layers[v.g.Nodes[n].Layer].Memory[operand]
	core := v.s.Tasks[n].Core
	if slices.Contains(v.cost(n).Streamed, op) && !v.r.StreamedUsesLinger {
		core = int32(v.acc.Offchip)
	}
	return v.top(core, op)
}

// sources checks that transfers read what is there.
func (v *verifier) sources() *Violation {
	for i, x := range v.s.Transfers {
		if !v.held(place{x.FromStore, x.Tensor}, v.part(x.Part), x.Start, x.End, true) {
			return v.brokenTransfer(RuleSource, i, "%s does not hold the data from %d to %d", StoreName(v.acc, int(x.FromStore)), x.Start, x.End)
		}
	}
	return nil
}

// presence checks that nodes read what is there.
func (v *verifier) presence() *Violation {
	for n := range v.g.Nodes {
		id := taskgraph.NodeID(n)
		for i := range v.g.Nodes[n].Operands {
			for r := range v.g.Constants(id, i) {
				if broken := v.reads(id, r.Tensor, v.moving(r.Part), i); broken != nil {
					return broken
				}
			}
		}
		for e := range v.g.In(id) {
			if e.Data() {
				if broken := v.reads(id, v.g.Nodes[e.Src].Operands[0], v.moving(e.Part), int(e.Operand)); broken != nil {
					return broken
				}
			}
		}
	}
	return nil
}

func (v *verifier) reads(n taskgraph.NodeID, x taskgraph.TensorID, part taskgraph.Part, operand int) *Violation {
	op := v.g.Layers[v.g.Nodes[n].Layer].Memory[operand]
	task := &v.s.Tasks[n]
	rule, core, arrived := RulePresence, task.Core, !v.r.NoWaitIfStored
	if slices.Contains(v.cost(n).Streamed, op) {
		if v.r.StreamedFromAnywhere {
			return nil
		}
		rule, core, arrived = RuleStreaming, int32(v.acc.Offchip), true
	}
	store := v.top(core, op)
	if store < 0 || !v.held(place{store, x}, part, task.Start, task.End, arrived) {
		return v.broken(rule, n, task.Start, "%s is not in %s from %d to %d", TensorName(v.g, x), StoreName(v.acc, int(store)), task.Start, task.End)
	}
	return nil
}

// memories checks that the curves are the sums of the copies, and of what is streamed
// through a memory, and within capacity.
func (v *verifier) memories() *Violation {
	type change struct {
		time   unit.Cycles
		bits   unit.Bits
		tensor taskgraph.TensorID
	}
	changes := make([][]change, len(v.acc.Stores))
	for _, c := range v.s.Copies {
		bits := v.bits(c.Tensor, c.Part)
		changes[c.Store] = append(changes[c.Store], change{c.Start, bits, c.Tensor})
		if c.End != Forever {
			changes[c.Store] = append(changes[c.Store], change{c.End, -bits, c.Tensor})
		}
	}
	for n := range v.g.Nodes {
		id, node, task := taskgraph.NodeID(n), &v.g.Nodes[n], v.s.Tasks[n]
		for i, bits := range v.cost(id).Buffers {
			op := v.cost(id).Streamed[i]
			store, x := v.top(task.Core, op), node.Operands[0]
			if k := slices.Index(v.g.Layers[node.Layer].Memory, op); k >= 0 {
				x = node.Operands[k]
			}
			changes[store] = append(changes[store], change{task.Start, bits, x}, change{task.End, -bits, x})
		}
	}
	for i, list := range changes {
		slices.SortFunc(list, func(a, b change) int { return cmp.Compare(a.time, b.time) })
		curve := v.s.Memories[i]
		name, size := StoreName(v.acc, i), v.acc.Stores[i].Capacity
		if len(curve.Times) != len(curve.Bits) || len(curve.Times) == 0 || curve.Times[0] != 0 {
			return v.broken(RuleMemoryCurve, -1, 0, "the curve of %s does not begin at 0", name)
		}
		var used unit.Bits
		last := taskgraph.TensorID(-1) // that entered or left
		step := 0
		for j, t := 0, unit.Cycles(0); ; {
			for ; j < len(list) && list[j].time <= t; j++ {
				used += list[j].bits
				last = list[j].tensor
			}
			for step+1 < len(curve.Times) && curve.Times[step+1] <= t {
				step++
			}
			if curve.Bits[step] != used {
				return v.broken(RuleMemoryCurve, -1, t, "%s is said to hold %d bits, but holds %d since the last change, of %s", name, curve.Bits[step], used, TensorName(v.g, last))
			}
			if used > size {
				return v.broken(RuleCapacity, -1, t, "with %s, %s holds %d bits, %d more than its size of %d", TensorName(v.g, last), name, used, used-size, size)
			}
			// On to the next time at which either changes.
			next := Forever
			if j < len(list) {
				next = list[j].time
			}
			if step+1 < len(curve.Times) {
				next = min(next, curve.Times[step+1])
			}
			if next == Forever {
				break
			}
			t = next
		}
	}
	return nil
}

// leaks checks that on-chip memories are empty in the end.
func (v *verifier) leaks() *Violation {
	if v.r.FirstTransferMoves || v.r.StreamedUsesLinger || v.r.FullReuseEverywhere || v.r.ConstantsStay {
		return nil
	}
	for _, c := range v.s.Copies {
		if c.End == Forever && !slices.Contains(v.acc.Stores[c.Store].Cores, v.acc.Offchip) {
			return v.broken(RuleLeak, -1, c.Start, "%s never leaves %s", TensorName(v.g, c.Tensor), StoreName(v.acc, int(c.Store)))
		}
	}
	return nil
}

// outputs checks that network outputs are off-chip in the end.
func (v *verifier) outputs() *Violation {
	leaving := v.outputLayers()
	for n := range v.g.Nodes {
		node := &v.g.Nodes[n]
		if !leaving[node.Layer] || !node.Final {
			continue
		}
		x := node.Operands[0]
		store := v.top(int32(v.acc.Offchip), v.g.Layers[node.Layer].Memory[0])
		if !slices.ContainsFunc(v.at.of(place{store, x}), func(i int32) bool {
			return v.s.Copies[i].Part == 0 && v.s.Copies[i].End == Forever || v.r.FirstTransferMoves
		}) {
			return v.broken(RuleNetworkOutput, taskgraph.NodeID(n), v.s.Tasks[n].End, "its output does not stay in off-chip memory")
		}
	}
	return nil
}

// outputLayers tells which layers' results leave the network.
func (v *verifier) outputLayers() []bool {
	if v.leaving != nil {
		return v.leaving
	}
	v.leaving = make([]bool, len(v.g.Layers))
	for l := range v.leaving {
		v.leaving[l] = !v.r.DeadEndsAreOutputs && (!v.read[l] || v.g.Layers[l].Output)
	}
	for n := range v.g.Nodes {
		if v.r.DeadEndsAreOutputs && v.g.OutDegree(taskgraph.NodeID(n)) == 0 {
			v.leaving[v.g.Nodes[n].Layer] = true
		}
	}
	return v.leaving
}
