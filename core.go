package stream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"

	"streamdse/hardware"
	"streamdse/imc"
	"streamdse/internal/cost"
	"streamdse/internal/diag"
	"streamdse/internal/locality"
	"streamdse/internal/mapper"
	"streamdse/loopnest"
	"streamdse/mapping"
	"streamdse/unit"
	"streamdse/workload"
)

// CoreOptions of Core; take DefaultCoreOptions and change what you need.
type CoreOptions struct {
	// Core is the index of the core in Problem.Hardware. If the accelerator has
	// off-chip memory, it is on top of the core's own memories.
	Core   int
	Search LoopSearch
	// Allocation is how Best allocates loops to memories; Loma fills them.
	Allocation LoopAllocation
	Model      LatencyModel
	Objective  Objective
	// LPFLimit is the number of loop prime factors that Loma keeps; 0 keeps all.
	LPFLimit int
	// Effort is the number of parts of loop orders that Best examines for a layer
	// before it gives up the proof; 0 means no bound.
	Effort int64
	// Unrollings is the number of generated spatial unrollings that are tried.
	Unrollings int
	// Mixed lets generated unrollings lay several loops on one array dimension.
	Mixed bool
	// Locality keeps data in the core between layers where it fits.
	Locality bool
	// Even asks that operands that share a memory have the same loops in it. Memories
	// are then filled: it is a part of that rule.
	Even bool
	// Workers is the number of goroutines; it never changes a result.
	Workers int
	// Progress, if not nil, is told how far the search is, from one goroutine at a time.
	Progress func(Progress)
}

// proofEffort lets the proof of most layers finish within seconds.
const proofEffort = 3_000_000

// DefaultCoreOptions look for the best mapping and prove it.
func DefaultCoreOptions() CoreOptions {
	m := mapper.DefaultOptions()
	return CoreOptions{
		Search: Best, Allocation: Free, Model: PublishedModel, Effort: proofEffort, Objective: Latency, LPFLimit: m.FactorLimit, Unrollings: m.MaxSpatial, Workers: runtime.NumCPU(),
	}
}

// CoreResult is the best mapping of every layer on one core.
type CoreResult struct {
	Core *hardware.Core
	// Layers are in the order in which they run.
	Layers []CoreLayer
	// Array describes an array that computes in memory; nil for others.
	Array *imc.Array
	// Interrupted tells that the search was ended early; layers that it had not
	// come to say so.
	Interrupted bool
}

// CoreLayer is the best mapping of one layer.
type CoreLayer struct {
	Layer *workload.Layer
	Core  *hardware.Core // as the layer sees it: with Locality, without the memories that it does not need
	// Evaluation is the cost with everything it is made of; nil if there is no
	// mapping. Then Reason says why.
	*loopnest.Evaluation
	Reason    error
	Unrolling loopnest.Spatial // as chosen, before loops are filled evenly
	Evaluated int64            // loop nests that were evaluated
	Unfit     int64            // of these, those that did not fit the memories
	// Proven tells that nothing in the space of the search has a better first figure
	// of the objective: latency, energy or their product. If Best could not prove it,
	// Gap is the part by which something it did not examine could at most be better.
	// OpenTie tells that something unseen may have the same first figure and a better
	// second one.
	Proven  bool
	Gap     float64
	OpenTie bool
	Pruned  int64 // beginnings of loop orders that Best ruled out with all that follow
	// Local says what Locality decided; nil without it.
	Local *Local
}

// Local names the memories that the data of a layer goes up to.
type Local struct{ Activations, Weights, Output string }

// Totals of a result, over the layers that have a mapping.
type CoreTotals struct {
	loopnest.Latency
	Energy unit.Picojoules
	Failed int // layers without a mapping
}

// Totals adds the layers up, in their order.
func (r *CoreResult) Totals() CoreTotals {
	var t CoreTotals
	for i := range r.Layers {
		l := &r.Layers[i]
		if l.Evaluation == nil {
			t.Failed++
			continue
		}
		t.Energy += l.Energy
		t.Compute += l.Compute
		t.Stall += l.Stall
		t.Onload += l.Onload
		t.Offload += l.Offload
	}
	return t
}

// Core finds the best mapping of every layer of a network on one core, each
// layer on its own. Layers of the same shape are solved once. If the context
// ends, the result has the layers that were solved until then, with Interrupted
// set; if there is none, the error is the context's. A layer without a mapping is
// no error: it has the reason in its place.
func Core(ctx context.Context, p Problem, o CoreOptions) (*CoreResult, error) {
	core, err := coreOf(p, o.Core)
	if err != nil {
		return nil, err
	}
	r := &CoreResult{Core: core}
	if r.Array, err = imc.New(core); err != nil {
		return nil, diag.List{{Message: err.Error()}}
	}
	tiles := make([]cost.Tile, 0, len(p.Workload.Layers))
	for i := range p.Workload.Layers {
		t, err := tileOf(&p.Workload.Layers[i], core, p.Mapping)
		if err != nil {
			return nil, diag.List{{Message: err.Error()}}
		}
		tiles = append(tiles, t)
	}
	r.Layers = make([]CoreLayer, len(tiles))
	if o.Locality {
		if err := r.localise(p.Workload, tiles); err != nil {
			return nil, err
		}
	}
	for i, t := range tiles {
		r.Layers[i].Layer, r.Layers[i].Core = t.Layer, t.Core
	}
	if r.Array != nil { // which multiplies weights in its memory, and does nothing else
		side := func(l *workload.Layer) bool { return l.Type == "Pooling" || l.Type == "Add" }
		tiles = slices.DeleteFunc(tiles, func(t cost.Tile) bool { return side(t.Layer) })
		r.Layers = slices.DeleteFunc(r.Layers, func(l CoreLayer) bool { return side(l.Layer) })
	}
	if !r.solve(ctx, tiles, o) {
		return nil, ctx.Err()
	}
	return r, nil
}

// coreOf is the core to evaluate, with the off-chip memory behind it.
func coreOf(p Problem, i int) (*hardware.Core, error) {
	a := p.Hardware
	if i < 0 || i >= len(a.Cores) {
		return nil, diag.List{{Message: fmt.Sprintf("accelerator %q has no core %d", a.Name, i), Allowed: computingCores(a)}}
	}
	core := &a.Cores[i]
	if core.Units() == 0 {
		return nil, diag.List{{Message: fmt.Sprintf("core %d (%s) has no processing elements", i, core.Name), Allowed: computingCores(a)}}
	}
	if a.Offchip < 0 {
		return core, nil
	}
	return a.WithOffchip(i, hardware.I1, hardware.I2, hardware.O), nil
}

// computingCores lists the cores with processing elements, for messages.
func computingCores(a *hardware.Accelerator) string {
	var list []string
	for i := range a.Cores {
		if a.Cores[i].Units() > 0 {
			list = append(list, fmt.Sprintf("%d (%s)", i, a.Cores[i].Name))
		}
	}
	return strings.Join(list, ", ")
}

// FirstComputing is the first core with processing elements, 0 if there is none.
func FirstComputing(a *hardware.Accelerator) int {
	return max(0, slices.IndexFunc(a.Cores, func(c hardware.Core) bool { return c.Units() > 0 }))
}

// tileOf is a whole layer on the core.
func tileOf(l *workload.Layer, core *hardware.Core, m *mapping.Mapping) (cost.Tile, error) {
	t := cost.Tile{Layer: l, Core: core, Entry: &mapping.Entry{}}
	if m != nil {
		if e := m.Lookup(l); e != nil {
			t.Entry = e
		}
	}
	for _, o := range l.Operands {
		link, ok := t.Entry.MemoryOperand(o.Name)
		if !ok {
			return t, fmt.Errorf("layer %s: operand %s is not linked to a memory operand", l.Name, o.Name)
		}
		t.Links = append(t.Links, link)
	}
	return t, nil
}

// localise cuts the core for every layer.
func (r *CoreResult) localise(w *workload.Workload, tiles []cost.Tile) error {
	links := make([][]hardware.MemoryOperand, len(tiles))
	for i := range tiles {
		links[i] = tiles[i].Links
	}
	plan, err := locality.New(w, r.Core, links)
	if err != nil {
		return err
	}
	for i := range tiles {
		tiles[i].Core = plan.Core(i)
		name := func(memory int) string { return r.Core.Memories[memory].Name }
		r.Layers[i].Local = &Local{
			Activations: name(plan.Layers[i].Activations), Weights: name(plan.Weights), Output: name(plan.Layers[i].Output),
		}
	}
	return nil
}

// errNotReached is the reason of a layer that an interrupted search did not come to.
var errNotReached = errors.New("the search was interrupted before this layer")

// solve searches every distinct layer, several at a time. It returns false if
// the context ended before any was solved.
func (r *CoreResult) solve(ctx context.Context, tiles []cost.Tile, o CoreOptions) bool {
	groups := map[string]int{}
	var distinct [][]int // layers with the same answer
	for i, t := range tiles {
		k := tileKey(t)
		g, ok := groups[k]
		if !ok {
			g = len(distinct)
			groups[k] = g
			distinct = append(distinct, nil)
		}
		distinct[g] = append(distinct[g], i)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	done := 0
	next := make(chan []int)
	for range max(1, min(o.Workers, len(distinct))) {
		wg.Go(func() {
			for same := range next {
				if ctx.Err() != nil {
					continue
				}
				found, err := mapper.Search(ctx, mapper.Problem{
					Problem: loopnest.Problem{Layer: tiles[same[0]].Layer, Core: tiles[same[0]].Core, Links: tiles[same[0]].Links, Even: o.Even, Physical: o.Model == PhysicalModel},
					Entry:   tiles[same[0]].Entry,
				}, o.search())
				if ctx.Err() != nil {
					continue
				}
				for _, i := range same {
					r.Layers[i].take(found, err)
				}
				mu.Lock()
				done++
				if o.Progress != nil {
					o.Progress(Progress{Step: "map", Done: done, Total: len(distinct), Unit: "distinct layers"})
				}
				mu.Unlock()
			}
		})
	}
	for _, same := range distinct {
		next <- same
	}
	close(next)
	wg.Wait()
	for i := range r.Layers {
		if l := &r.Layers[i]; l.Evaluation == nil && l.Reason == nil {
			r.Interrupted = true
			l.Reason = errNotReached
		}
	}
	return !r.Interrupted || done > 0
}

// tileKey is the same for layers with the same mapping and the same cost.
func tileKey(t cost.Tile) string {
	k := cost.Key(t)
	for i := range t.Core.Memories { // reports name them
		k += "|" + t.Core.Memories[i].Name
	}
	return k
}

// take enters what was found for a layer.
func (l *CoreLayer) take(found *mapper.Result, err error) {
	if err != nil {
		l.Reason = err
		var none *mapper.NoFitError
		if errors.As(err, &none) {
			// Layers of the same shape share the answer; each has its own name.
			own := *none
			own.Layer = l.Layer.Name
			l.Reason, l.Unfit, l.Evaluated = &own, none.Orders, none.Orders
		}
		return
	}
	l.Evaluation = found.Evaluation
	l.Unrolling = found.Unrolling
	l.Evaluated, l.Unfit = found.Evaluated+found.Unfit, found.Unfit
	l.Proven, l.OpenTie = found.Exhaustive || found.ProvenOptimal, found.OpenTie
	l.Gap, l.Pruned = found.Gap, found.Pruned
}

// search is the mapper's options.
func (o CoreOptions) search() mapper.Options {
	m := mapper.DefaultOptions()
	m.Search, m.Effort = o.Search, o.Effort
	if !o.Even && o.Search != Loma {
		m.Allocation = o.Allocation
	}
	m.FactorLimit, m.MaxSpatial, m.Mixed = o.LPFLimit, cmp.Or(o.Unrollings, m.MaxSpatial), o.Mixed
	switch o.Objective {
	case Energy:
		m.Objective = mapper.Energy
	case EDP:
		m.Objective = mapper.EDP
	default:
		m.Objective = mapper.Latency
	}
	return m
}
