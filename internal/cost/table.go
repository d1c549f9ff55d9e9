package cost

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"

	"streamdse/hardware"
	"streamdse/loopnest"
	"streamdse/mapping"
	"streamdse/rules"
	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/unit"
)

// Options of Table.
type Options struct {
	Rules   rules.Rules
	Workers int // goroutines; never changes the result
	// Progress, if not nil, is called after each entry, from one goroutine at a time.
	Progress func(done, total int)
}

// Table costs every class of nodes on every core that may run it. An entry that
// cannot be is infeasible, with the reason; the error is that of the context.
func Table(ctx context.Context, g *taskgraph.Graph, acc *hardware.Accelerator, estimator Estimator, o Options) (*schedule.CostTable, error) {
	table := schedule.NewCostTable(len(g.Classes), len(acc.Cores))
	type job struct {
		class int32
		core  int
	}
	var jobs []job
	for class := range g.Classes {
		layer := &g.Layers[g.Nodes[g.Classes[class].Node].Layer]
		for _, core := range anyGroup(acc, layer) {
			jobs = append(jobs, job{int32(class), core})
		}
	}
	next := make(chan job)
	var wg sync.WaitGroup
	var mu sync.Mutex
	done := 0
	for range max(1, o.Workers) {
		wg.Go(func() {
			for j := range next {
				*table.At(j.class, j.core) = nodeCost(ctx, g, acc, estimator, j.class, j.core, o.Rules)
				mu.Lock()
				done++
				if o.Progress != nil {
					o.Progress(done, len(jobs))
				}
				mu.Unlock()
			}
		})
	}
	for _, j := range jobs {
		if ctx.Err() != nil {
			break
		}
		next <- j
	}
	close(next)
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return table, nil
}

// anyGroup lists the cores that may run some group of the layer.
func anyGroup(acc *hardware.Accelerator, layer *taskgraph.Layer) []int {
	var cores []int
	for group := range layer.Groups {
		cores = append(cores, layer.Entry.Candidates(acc, layer.Layer, group)...)
	}
	slices.Sort(cores)
	return slices.Compact(cores)
}

// nodeCost is one entry of the table.
func nodeCost(ctx context.Context, g *taskgraph.Graph, acc *hardware.Accelerator, estimator Estimator, class int32, coreID int, r rules.Rules) schedule.NodeCost {
	c := &g.Classes[class]
	node := &g.Nodes[c.Node]
	layer := &g.Layers[node.Layer]
	core := &acc.Cores[coreID]
	streamed := Streamed(acc, coreID, layer, c, r)
	tile := g.Tile(c.Node)
	if !node.Final && !r.PartialSumsAreFree {
		tile.Operands = slices.Clone(tile.Operands)
		tile.Operands[0].FinalBits = tile.Operands[0].Bits // what leaves the core is partial sums
	}
	var e *Estimate
	for {
		if len(streamed) > 0 {
			core = acc.WithOffchip(coreID, streamed...)
			if r.StreamsTakeRoom() {
				leaveRoom(core, streamed, layer, c)
			}
		}
		var err error
		e, err = estimator.Estimate(ctx, Tile{Layer: &tile, Core: core, Links: layer.Memory, Entry: layer.Entry})
		if err == nil {
			break
		}
		// What lower memories hold of the streamed operands may leave too little room
		// for the others.
		more, ok := streamMore(streamed, layer, c)
		if misfit := new(loopnest.Misfit); !ok || !errors.As(err, &misfit) {
			return schedule.NodeCost{Reason: err.Error()}
		}
		streamed = more
	}
	cost := schedule.NodeCost{
		Feasible: true, Streamed: streamed, Onchip: e.Energy, Operation: e.Operation,
		Compute: e.Compute, Stall: e.Stall, Load: e.Onload,
	}
	if stores(layer.Entry, r) {
		cost.Store = e.Offload
	}
	cost.Runtime = runtime(&cost, r)
	if r.StreamsTakeRoom() {
		cost.Buffers = buffers(acc, coreID, streamed, layer, c, e)
	}
	addSums(&cost, acc, coreID, layer.Memory[0], c.Sums)
	for i, op := range layer.Memory {
		if !slices.Contains(streamed, op) {
			continue
		}
		top := &e.Top[i]
		cost.Onchip -= top.Energy
		cost.Offchip += top.Energy
		switch {
		case r.BlocksAreFree:
		case r.BlocksAskPeak:
			cost.StreamIn += top.Read.Peak
			cost.StreamOut += top.Written.Peak
		default:
			read := top.Read.Bits
			if i == 0 {
				read += c.Sums
			}
			cost.StreamIn += unit.BitsPerCycle(read) / unit.BitsPerCycle(cost.Runtime)
			cost.StreamOut += unit.BitsPerCycle(top.Written.Bits) / unit.BitsPerCycle(cost.Runtime)
		}
	}
	return cost
}

// leaveRoom makes the memories of a core, which is a copy, smaller by what has to be in
// them of the operands that are not streamed beside the tile itself: all of the blocks
// that it reads a part of.
func leaveRoom(core *hardware.Core, streamed []hardware.MemoryOperand, layer *taskgraph.Layer, c *taskgraph.Class) {
	for i, op := range layer.Memory {
		if slices.Contains(streamed, op) || c.Need[i] <= c.Size[i] {
			continue
		}
		if levels := core.Levels(op); len(levels) > 0 {
			m := &core.Memories[levels[len(levels)-1]]
			m.Size = max(0, m.Size-(c.Need[i]-c.Size[i]))
		}
	}
}

// buffers tells how much of each streamed operand is in the core's top memory while a
// node runs: what its loop nest holds there, as far as there is room.
func buffers(acc *hardware.Accelerator, coreID int, streamed []hardware.MemoryOperand, layer *taskgraph.Layer, c *taskgraph.Class, e *Estimate) []unit.Bits {
	var list []unit.Bits
	taken := make([]unit.Bits, len(acc.Stores))
	for i, op := range layer.Memory {
		if store := acc.Top(coreID, op); store >= 0 && !slices.Contains(streamed, op) {
			taken[store] += c.Need[i]
		}
	}
	for _, op := range streamed { // in the order of the layer's operands
		i, store := slices.Index(layer.Memory, op), acc.Top(coreID, op)
		room := max(0, acc.Stores[store].Capacity-taken[store])
		list = append(list, min(e.Top[i].Below, room))
		taken[store] += list[len(list)-1]
	}
	return list
}

// addSums adds what it takes to add to the partial sums of other nodes: they are
// read once from the memory that holds the output, at its full bandwidth, before
// the node computes. Adding them is what the node does anyway.
func addSums(cost *schedule.NodeCost, acc *hardware.Accelerator, coreID int, op hardware.MemoryOperand, sums unit.Bits) {
	if sums == 0 {
		return
	}
	energy := &cost.Onchip
	if slices.Contains(cost.Streamed, op) {
		coreID, energy = acc.Offchip, &cost.Offchip
	}
	store := &acc.Stores[acc.Top(coreID, op)]
	accesses := unit.TransferCycles(sums, store.ReadBandwidth)
	*energy += unit.Picojoules(accesses) * store.Memory.ReadCost
	cost.Runtime += accesses
	cost.Load += float64(accesses)
}

// runtime is how long a node takes in whole cycles. What it reads is in the core
// when it starts (or streamed, which the single-core model counts), and what it
// wrote is in the core's top memory when it ends.
func runtime(c *schedule.NodeCost, r rules.Rules) unit.Cycles {
	t := c.Compute + c.Stall + c.Load + c.Store
	if r.OffloadOnlyIfFixed {
		return unit.Cycles(t)
	}
	return unit.Cycles(math.Ceil(t))
}

// stores tells whether a node's runtime includes that its results leave the core's
// lower memories.
func stores(entry *mapping.Entry, r rules.Rules) bool {
	fixed := entry.Fixed || len(entry.Cores) == 1
	return (fixed || !r.OffloadOnlyIfFixed) && !r.NeverOffload
}

// Streamed tells which memory operands of a class of nodes do not fit into the
// core and are read from or written to off-chip memory while the node runs, in
// the order of the layer's operands.
//
// For each top memory of the core, the operands that need least stay as long as
// they fit together, in the memory's order if they need the same; what is left is
// streamed. Streaming needs room too: under
// the published rules one element-block of every lowest memory instance (Q69),
// otherwise two accesses of the memory's widest port. Kept operands, the largest
// first, give way until there is that room.
func Streamed(acc *hardware.Accelerator, coreID int, layer *taskgraph.Layer, c *taskgraph.Class, r rules.Rules) []hardware.MemoryOperand {
	out := make([]bool, len(layer.Operands))
	var done []int
	for _, op := range layer.Memory {
		store := acc.Top(coreID, op)
		if store < 0 || slices.Contains(done, store) {
			continue
		}
		done = append(done, store)
		var members []int
		for _, stored := range acc.Stores[store].Memory.Operands {
			if i := slices.Index(layer.Memory, stored); i >= 0 && acc.Top(coreID, stored) == store {
				members = append(members, i)
			}
		}
		streamFrom(&acc.Cores[coreID], &acc.Stores[store], members, layer, c, r, out)
	}
	var streamed []hardware.MemoryOperand
	for i, s := range out {
		if s {
			streamed = append(streamed, layer.Memory[i])
		}
	}
	return streamed
}

// streamFrom decides for the operands of one top memory.
func streamFrom(core *hardware.Core, store *hardware.Store, members []int, layer *taskgraph.Layer, c *taskgraph.Class, r rules.Rules, out []bool) {
	slices.SortStableFunc(members, func(a, b int) int { return int(min(1, max(-1, c.Need[a]-c.Need[b]))) })
	var kept unit.Bits
	n := 0
	for n < len(members) && kept+c.Need[members[n]] <= store.Capacity {
		kept += c.Need[members[n]]
		n++
	}
	if n == len(members) {
		return
	}
	reserve := func(from int) (room unit.Bits) {
		for _, i := range members[from:] {
			if r.SharedReserveAll {
				room += lowestTotal(core, layer.Memory[i])
			} else {
				room += 2 * unit.Bits(widestPort(store.Memory))
			}
		}
		return room
	}
	for n > 0 && store.Capacity-kept < reserve(n) {
		n--
		kept -= c.Need[members[n]]
	}
	for _, i := range members[n:] {
		out[i] = true
	}
}

// streamMore adds the largest operand that the core keeps to those that are
// streamed. It returns false if there is none.
func streamMore(streamed []hardware.MemoryOperand, layer *taskgraph.Layer, c *taskgraph.Class) ([]hardware.MemoryOperand, bool) {
	largest := -1
	for i, op := range layer.Memory {
		if !slices.Contains(streamed, op) && (largest < 0 || c.Need[i] > c.Need[largest]) {
			largest = i
		}
	}
	if largest < 0 {
		return nil, false
	}
	var more []hardware.MemoryOperand
	for i, op := range layer.Memory {
		if i == largest || slices.Contains(streamed, op) {
			more = append(more, op)
		}
	}
	return more, true
}

// lowestTotal is the size of the operand's lowest memory, all instances together.
func lowestTotal(core *hardware.Core, op hardware.MemoryOperand) unit.Bits {
	levels := core.Levels(op)
	if len(levels) == 0 {
		return 0
	}
	m := &core.Memories[levels[0]]
	total := m.Size
	for d, size := range core.Sizes {
		if !slices.Contains(m.Served, d) {
			total *= unit.Bits(size)
		}
	}
	return total
}

func widestPort(m *hardware.Memory) unit.BitsPerCycle {
	var w unit.BitsPerCycle
	for i := range m.Ports {
		w = max(w, m.Ports[i].Limit())
	}
	return w
}
