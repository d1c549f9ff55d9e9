package schedule

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"streamdse/hardware"
	"streamdse/taskgraph"
	"streamdse/unit"
)

// paths checks where transfers go and how long they take.
func (v *verifier) paths() *Violation {
	for i := range v.s.Transfers {
		x := &v.s.Transfers[i]
		if !slices.Contains(v.acc.Stores[x.FromStore].Cores, int(x.From)) || !slices.Contains(v.acc.Stores[x.ToStore].Cores, int(x.To)) {
			return v.brokenTransfer(RulePath, i, "the cores do not have memories %d and %d", x.FromStore, x.ToStore)
		}
		if x.FromStore == x.ToStore {
			return v.brokenTransfer(RulePath, i, "it ends where it begins")
		}
		if !v.leads(x.Links, int(x.From), int(x.To)) {
			return v.brokenTransfer(RulePath, i, "%s does not lead there", v.pathName(x.Links))
		}
		bits := v.bits(x.Tensor, x.Part)
		var want unit.Cycles
		if len(x.Links) == 0 { // within a core the memories set the pace
			want = max(accesses(bits, v.acc.Stores[x.FromStore].ReadBandwidth), accesses(bits, v.acc.Stores[x.ToStore].WriteBandwidth))
		}
		for _, l := range x.Links {
			want = max(want, accesses(bits, v.acc.Links[l].Bandwidth))
		}
		if x.Bits != bits || x.Start < 0 || x.End-x.Start != want {
			return v.brokenTransfer(RuleDuration, i, "moves %d bits from %d to %d, instead of %d bits in %d cycles", x.Bits, x.Start, x.End, bits, want)
		}
	}
	return nil
}

// accesses is how often the bandwidth goes into the bits.
func accesses(bits unit.Bits, bandwidth unit.BitsPerCycle) unit.Cycles {
	return unit.Cycles(math.Ceil(float64(bits) / float64(bandwidth)))
}

// linkName names a link as the tables of a result do.
func (v *verifier) linkName(l int32) string {
	if l < 0 || int(l) >= len(v.acc.Links) {
		return fmt.Sprintf("%d (there is none)", l)
	}
	return v.acc.LinkIDs()[l]
}

// pathName names the links of a path.
func (v *verifier) pathName(path []int32) string {
	if len(path) == 0 {
		return "a path without links"
	}
	names := make([]string, len(path))
	for i, l := range path {
		names[i] = v.linkName(l)
	}
	return "the path " + strings.Join(names, ", ")
}

// leads tells whether links, one after another, lead from a core to another.
func (v *verifier) leads(links []int32, from, to int) bool {
	at := []int{from}
	for i, l := range links {
		if l < 0 || int(l) >= len(v.acc.Links) {
			return false
		}
		var next []int
		for _, c := range at {
			next = append(next, ends(&v.acc.Links[l], c)...)
		}
		if i < len(links)-1 && !v.r.ThroughOffchip {
			next = slices.DeleteFunc(next, func(c int) bool { return c == v.acc.Offchip })
		}
		at = next
	}
	return slices.Contains(at, to)
}

// ends lists the cores that a link leads to from a core.
func ends(l *hardware.Link, from int) []int {
	if l.From != hardware.AnyCore && l.From != from {
		return nil
	}
	if l.Shared && !slices.Contains(l.Members, from) {
		return nil
	}
	if l.To != hardware.AnyCore {
		return []int{l.To}
	}
	return slices.DeleteFunc(slices.Clone(l.Members), func(c int) bool { return c == from })
}

// demand is the bandwidth that a node's streaming takes of each link while it
// runs, and for how long it runs.
func (v *verifier) demand(n taskgraph.NodeID) (map[int32]float64, unit.Cycles) {
	cost, node := v.cost(n), &v.g.Nodes[n]
	memory := v.g.Layers[node.Layer].Memory
	if len(cost.Streamed) == 0 {
		return nil, cost.Runtime
	}
	asked := map[int32]float64{}
	if !v.r.BlocksAreFree || v.r.BlocksAlone {
		inputs := memory[:len(node.Operands)]
		if v.r.BlocksAskPeak {
			inputs = inputs[1:] // without what a streamed output reads back
		}
		writes := slices.Contains(cost.Streamed, memory[0])
		reads := slices.ContainsFunc(inputs, func(op hardware.MemoryOperand) bool { return slices.Contains(cost.Streamed, op) })
		out, in := v.lanes(n, writes && (cost.StreamOut > 0 || v.r.BlocksAlone), reads && (cost.StreamIn > 0 || v.r.BlocksAlone))
		for _, l := range out {
			asked[l] += float64(cost.StreamOut)
		}
		for _, l := range in {
			asked[l] += float64(cost.StreamIn)
		}
	}
	runtime := cost.Runtime
	for l, bw := range asked {
		if v.r.BlocksAlone {
			asked[l] = float64(v.acc.Links[l].Bandwidth)
			continue
		}
		if bw == 0 {
			delete(asked, l)
			continue
		}
		if v.r.StretchOff {
			asked[l] = math.Ceil(bw)
			continue
		}
		needed := float64(cost.Runtime) * bw / float64(v.acc.Links[l].Bandwidth)
		runtime = max(runtime, unit.Cycles(math.Ceil(needed*(1-1e-9))))
	}
	if !v.r.StretchOff && runtime > cost.Runtime {
		for l := range asked {
			asked[l] *= float64(cost.Runtime) / float64(runtime)
		}
	}
	return asked, runtime
}

// lanes is the links over which a node streams, to and from off-chip memory. Where
// parallel links leave a choice, its block tells: it names those that lead out and then
// those that lead in, each link once. A block that does not is taken for one of the first
// links, so that what is wrong with it is found.
func (v *verifier) lanes(n taskgraph.NodeID, writes, reads bool) (out, in []int32) {
	core := int(v.s.Tasks[n].Core)
	var there, back []int // cores
	if writes {
		there = v.acc.Hops(core, v.acc.Offchip)
	}
	if reads {
		back = v.acc.Hops(v.acc.Offchip, core)
	}
	var links []int32
	if i := v.block[n]; i > 0 {
		b := &v.s.Blocks[i-1]
		for k, l := range b.Links {
			if k < len(b.Bandwidth) && b.Bandwidth[k] > 0 {
				links = append(links, l)
			}
		}
	}
	out, rest, leadsOut := v.follow(there, nil, links)
	in, rest, leadsIn := v.follow(back, out, rest)
	if leadsOut && leadsIn && len(rest) == 0 {
		return out, in
	}
	first := func(cores []int) (lane []int32) {
		for i := 1; i < len(cores); i++ {
			lane = append(lane, int32(v.acc.Between(cores[i-1], cores[i])[0]))
		}
		return lane
	}
	return first(there), first(back)
}

// follow takes from a list the links that lead over some cores, as far as it begins with
// them, and others from those that are named already.
func (v *verifier) follow(cores []int, named, list []int32) (lane, rest []int32, leads bool) {
	for i := 1; i < len(cores); i++ {
		between := v.acc.Between(cores[i-1], cores[i])
		joins := func(l int32) bool { return slices.Contains(between, int(l)) }
		if len(list) > 0 && joins(list[0]) {
			lane, list = append(lane, list[0]), list[1:]
			continue
		}
		k := slices.IndexFunc(named, joins)
		if k < 0 {
			return nil, list, false
		}
		lane = append(lane, named[k])
	}
	return lane, list, true
}

// blocks checks that streaming nodes, and only those, block links.
func (v *verifier) blocks() *Violation {
	byNode := map[taskgraph.NodeID]*Block{}
	for i := range v.s.Blocks {
		b := &v.s.Blocks[i]
		if b.Node < 0 || int(b.Node) >= len(v.g.Nodes) || len(b.Links) != len(b.Bandwidth) {
			return v.broken(RuleBlock, -1, b.Start, "block %d is for no node, or lacks bandwidths", i)
		}
		if byNode[b.Node] != nil {
			return v.broken(RuleBlock, b.Node, b.Start, "block %d is not the only one for it", i)
		}
		byNode[b.Node] = b
	}
	for n := range v.g.Nodes {
		id := taskgraph.NodeID(n)
		task := &v.s.Tasks[n]
		asked, _ := v.demand(id)
		b := byNode[id]
		if b == nil {
			if len(asked) > 0 {
				return v.broken(RuleBlock, id, task.Start, "streams over %d links without blocking them", len(asked))
			}
			continue
		}
		inTime := b.Start == task.Start || v.r.BlockBeforeSpace && b.Start <= task.Start
		if !inTime || b.End-b.Start != task.End-task.Start {
			return v.broken(RuleBlock, id, b.Start, "links are blocked from %d to %d, but it runs from %d to %d", b.Start, b.End, task.Start, task.End)
		}
		for i, l := range b.Links {
			if want := asked[l]; !agree(float64(b.Bandwidth[i]), want) {
				return v.broken(RuleBlock, id, b.Start, "blocks %v bits a cycle of link %s instead of %v", b.Bandwidth[i], v.linkName(l), want)
			}
			delete(asked, l)
		}
		if len(asked) > 0 {
			return v.broken(RuleBlock, id, b.Start, "streams over %d links without blocking them", len(asked))
		}
	}
	return nil
}

// load is what occupies a link for some time.
type load struct {
	start, end unit.Cycles
	bandwidth  float64
	tensors    []taskgraph.TensorID
	joined     bool
	node       taskgraph.NodeID // that streams, or that the transfer is for
}

// links checks that no link carries more than it can.
func (v *verifier) links() *Violation {
	loads := make([][]load, len(v.acc.Links))
	for i, x := range v.s.Transfers {
		shared := v.together[i]
		if !v.r.JoinPastTransfers && x.Joined != (shared != nil) {
			if x.Joined {
				return v.brokenTransfer(RuleLink, i, "it shares no link with an earlier transfer of the same data")
			}
			return v.brokenTransfer(RuleLink, i, "it shares %s with an earlier transfer of the same data", v.pathName(shared))
		}
		for k, l := range x.Links {
			if slices.Contains(x.Links[:k], l) {
				continue // both ways through off-chip memory on its one link
			}
			if slices.Contains(shared, l) {
				continue
			}
			loads[l] = append(loads[l], load{x.Start, x.End, float64(v.acc.Links[l].Bandwidth), []taskgraph.TensorID{x.Tensor}, x.Joined, x.For})
		}
	}
	for i := range v.s.Blocks {
		b := &v.s.Blocks[i]
		for j, l := range b.Links {
			bandwidth := float64(b.Bandwidth[j])
			if v.r.StretchOff {
				bandwidth = min(bandwidth, float64(v.acc.Links[l].Bandwidth))
			}
			loads[l] = append(loads[l], load{b.Start, b.End, bandwidth, v.streamedBy(b.Node), false, b.Node})
		}
	}
	for l, list := range loads {
		limit := float64(v.acc.Links[l].Bandwidth)
		if math.IsInf(limit, 1) {
			continue
		}
		if v.r.JoinPastTransfers {
			var alone *load
			if list, alone = share(list); alone != nil {
				return v.broken(RuleLink, alone.node, alone.start, "a transfer of %s shares a slot of link %s that nothing else has", TensorName(v.g, alone.tensors[0]), v.linkName(int32(l)))
			}
		}
		type change struct {
			time      unit.Cycles
			bandwidth float64
			tensor    taskgraph.TensorID
			node      taskgraph.NodeID
		}
		var changes []change
		for _, x := range list {
			if x.start < x.end {
				tensor := taskgraph.TensorID(-1)
				if len(x.tensors) > 0 {
					tensor = x.tensors[0]
				}
				changes = append(changes, change{x.start, x.bandwidth, tensor, x.node}, change{x.end, -x.bandwidth, tensor, x.node})
			}
		}
		// What ends makes room for what begins at the same time.
		slices.SortFunc(changes, func(a, b change) int {
			return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(a.bandwidth, b.bandwidth))
		})
		used := 0.0
		for _, c := range changes {
			if used += c.bandwidth; used > limit*(1+1e-6) {
				return v.broken(RuleLink, c.node, c.time, "with %s, link %s carries %v bits a cycle, %v more than it can", TensorName(v.g, c.tensor), v.linkName(int32(l)), used, used-limit)
			}
		}
	}
	return nil
}

// streamedBy lists the tensors that a node streams.
func (v *verifier) streamedBy(n taskgraph.NodeID) []taskgraph.TensorID {
	node := &v.g.Nodes[n]
	var out []taskgraph.TensorID
	for i, x := range node.Operands {
		if slices.Contains(v.cost(n).Streamed, v.g.Layers[node.Layer].Memory[i]) {
			out = append(out, x)
		}
	}
	return out
}

// share leaves out the loads that share the slot of another one: they carry the
// same tensor from the same time on. It returns one that claims to and does not,
// if there is any.
func share(list []load) ([]load, *load) {
	type slot struct {
		tensor taskgraph.TensorID
		start  unit.Cycles
	}
	owned := map[slot]bool{}
	var out []load
	for _, x := range list {
		if x.joined || slices.ContainsFunc(x.tensors, func(t taskgraph.TensorID) bool { return owned[slot{t, x.start}] }) {
			continue
		}
		for _, t := range x.tensors {
			owned[slot{t, x.start}] = x.start < x.end
		}
		out = append(out, x)
	}
	for i, x := range list {
		if x.joined && !owned[slot{x.tensors[0], x.start}] {
			return nil, &list[i]
		}
	}
	return out, nil
}

// energy sums all events up again.
func (v *verifier) energy() *Violation {
	var sum Energy
	for n := range v.g.Nodes {
		c := v.cost(taskgraph.NodeID(n))
		sum.NodeOnchip += c.Onchip
		sum.FetchMemory += c.Offchip
	}
	for i := range v.s.Transfers {
		x := &v.s.Transfers[i]
		var onLinks float64
		shared := v.together[i]
		for _, l := range x.Links {
			if slices.Contains(shared, l) {
				continue
			}
			onLinks += float64(x.End-x.Start)*float64(v.acc.Links[l].UnitEnergy) + float64(x.Bits)*float64(v.acc.Links[l].BitEnergy)
		}
		from, to := &v.acc.Stores[x.FromStore], &v.acc.Stores[x.ToStore]
		if own := v.top(x.From, v.own(x.Tensor)); v.r.RemoveByOwnOperand && own >= 0 {
			from = &v.acc.Stores[own]
		}
		bits := v.bits(x.Tensor, x.Part)
		width := to.WriteBandwidth
		if v.r.WriteAtSenderWidth {
			width = from.WriteBandwidth
		}
		memory := float64(accesses(bits, width)) * float64(to.Memory.WriteCost)
		if shared == nil {
			memory += float64(accesses(bits, from.ReadBandwidth)) * float64(from.Memory.ReadCost)
		}
		if !agree(float64(x.LinkEnergy), onLinks) || !agree(float64(x.MemoryEnergy), memory) {
			return v.brokenTransfer(RuleEnergy, i, "costs %v pJ on links and %v in memories, instead of %v and %v", x.LinkEnergy, x.MemoryEnergy, onLinks, memory)
		}
		link, mem := &sum.CoreLink, &sum.CoreMemory
		switch x.Cause {
		case Eviction, Spill:
			link, mem = &sum.EvictionLink, &sum.EvictionMemory
		case Writeback:
			link, mem = &sum.WritebackLink, &sum.WritebackMemory
		case Prefetch:
			link, mem = &sum.FetchLink, &sum.FetchMemory
		case Fetch:
			if int(x.From) == v.acc.Offchip {
				link, mem = &sum.FetchLink, &sum.FetchMemory
			}
		}
		*link += x.LinkEnergy
		*mem += x.MemoryEnergy
	}
	for i := range v.s.Blocks {
		b := &v.s.Blocks[i]
		if want := v.streamEnergy(b); !agree(float64(b.LinkEnergy), want) {
			return v.broken(RuleEnergy, b.Node, b.Start, "streaming costs %v pJ on links instead of %v", b.LinkEnergy, want)
		}
		sum.FetchLink += b.LinkEnergy
	}
	got := v.s.Energy
	for _, part := range []struct {
		name      string
		got, want unit.Picojoules
	}{
		{"nodes, on-chip", got.NodeOnchip, sum.NodeOnchip},
		{"fetches, links", got.FetchLink, sum.FetchLink},
		{"fetches, memories", got.FetchMemory, sum.FetchMemory},
		{"evictions, links", got.EvictionLink, sum.EvictionLink},
		{"evictions, memories", got.EvictionMemory, sum.EvictionMemory},
		{"network outputs, links", got.WritebackLink, sum.WritebackLink},
		{"network outputs, memories", got.WritebackMemory, sum.WritebackMemory},
		{"between cores, links", got.CoreLink, sum.CoreLink},
		{"between cores, memories", got.CoreMemory, sum.CoreMemory},
	} {
		if !agree(float64(part.got), float64(part.want)) {
			return v.broken(RuleEnergy, -1, v.s.Latency, "%s: %v pJ, but the events make %v", part.name, part.got, part.want)
		}
	}
	return nil
}

// streamEnergy is what the links of a block cost: as much as if what is streamed had
// been moved at a link's full bandwidth.
func (v *verifier) streamEnergy(b *Block) (sum float64) {
	if v.r.StreamsCostNoLinks {
		return 0
	}
	for i, l := range b.Links {
		link := &v.acc.Links[l]
		bits := min(float64(b.Bandwidth[i]), float64(link.Bandwidth)) * float64(b.End-b.Start)
		sum += bits * float64(link.BitEnergy)
		sum += bits / float64(link.Bandwidth) * float64(link.UnitEnergy)
	}
	return sum
}

// agree tells whether two figures agree but for rounding.
func agree(a, b float64) bool {
	return a == b || math.Abs(a-b) <= 1e-9*max(1, math.Abs(a), math.Abs(b))
}
