package report

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"streamdse/hardware"
	"streamdse/internal/bottleneck"
	"streamdse/unit"
)

// Bottlenecks are the three things that cost most latency and most energy.
type Bottlenecks struct {
	Latency []Bottleneck `json:"latency"`
	Energy  []Bottleneck `json:"energy"`
}

// Bottleneck is a share of the latency, measured along the critical path, or of the
// energy.
type Bottleneck struct {
	Kind string `json:"kind"`           // "computing", "link", "memory room", ...
	Link string `json:"link,omitempty"` // its name, as in links
	// Memory counts as in memories.
	Memory *int            `json:"memory,omitempty"`
	Cycles unit.Cycles     `json:"cycles,omitempty"`
	Energy unit.Picojoules `json:"energy_pj,omitempty"`
	Share  float64         `json:"share"` // of the latency, or of the energy
	// Layer is the layer with the largest part of it, LayerShare that part.
	Layer      string  `json:"layer,omitempty"`
	LayerShare float64 `json:"layer_share,omitempty"`
	// Again is, of data from off-chip memory, the part that had been fetched before.
	Again float64 `json:"fetched_again_share,omitempty"`
	Words string  `json:"words"`
	// Remedies are changes that may help; what_if says whether they do.
	Remedies []string `json:"remedies,omitempty"`
}

// Trial is a change that was tried, with what it makes of the result.
type Trial struct {
	Change     bottleneck.Change
	Latency    unit.Cycles
	Energy     unit.Picojoules
	Searched   bool
	Impossible string
}

// WhatIf is what a change would make of the result: the figures of a schedule with it.
type WhatIf struct {
	Kind    string          `json:"kind"` // "link", "off-chip", "memory", "memories", "memory bandwidth", "split"
	Change  string          `json:"change"`
	Latency unit.Cycles     `json:"latency_cycles"`
	Energy  unit.Picojoules `json:"energy_pj"`
	// LatencyChange and EnergyChange are relative: -0.1 is a tenth less.
	LatencyChange float64 `json:"latency_change"`
	EnergyChange  float64 `json:"energy_change"`
	// Searched tells that a short search found the allocation; else it is that of the
	// result.
	Searched   bool   `json:"searched"`
	Impossible string `json:"impossible,omitempty"` // why there is no schedule
}

// explain finds what the result spends most on.
func (r *Result) explain(d *Data) {
	if d.Causes == nil {
		return
	}
	names := newCauseNames(d)
	r.Bottlenecks = &Bottlenecks{Latency: []Bottleneck{}, Energy: []Bottleneck{}}
	for _, c := range d.Causes.Latency {
		b := names.describe(&c)
		b.Cycles = unit.Cycles(math.Round(c.Amount))
		r.Bottlenecks.Latency = append(r.Bottlenecks.Latency, b)
	}
	for _, c := range d.Causes.Energy {
		b := names.describe(&c)
		b.Energy = unit.Picojoules(c.Amount)
		r.Bottlenecks.Energy = append(r.Bottlenecks.Energy, b)
	}
	for _, t := range d.WhatIf {
		w := WhatIf{Kind: string(t.Change.Kind), Change: names.change(t.Change), Latency: t.Latency, Energy: t.Energy, Searched: t.Searched, Impossible: t.Impossible}
		if t.Impossible == "" {
			w.LatencyChange = float64(t.Latency)/float64(max(d.Schedule.Latency, 1)) - 1
			w.EnergyChange = float64(t.Energy)/math.Max(float64(d.Schedule.Energy.Total()), 1e-300) - 1
		}
		r.WhatIf = append(r.WhatIf, w)
	}
}

// causeNames puts causes and changes into words.
type causeNames struct {
	acc    *hardware.Accelerator
	layers []string
	links  []string // for people
	ids    []string // for files
}

func newCauseNames(d *Data) causeNames {
	return causeNames{d.Accelerator, layerNames(d.Graph.Layers), linkNames(d.Accelerator), d.Accelerator.LinkIDs()}
}

func (n *causeNames) store(i int) string {
	s := &n.acc.Stores[i]
	return fmt.Sprintf("%s of %s", s.Name, coreList(s.Cores))
}

func (n *causeNames) describe(c *bottleneck.Cause) Bottleneck {
	b := Bottleneck{Kind: string(c.Kind), Share: c.Share, LayerShare: c.LayerShare, Again: c.Again}
	if c.Layer >= 0 {
		b.Layer = n.layers[c.Layer]
	}
	switch c.Kind {
	case bottleneck.OnLink:
		b.Link = n.ids[c.Index]
	case bottleneck.Room:
		b.Memory = &c.Index
	}
	b.Words = n.words(c)
	if b.Layer != "" {
		b.Words += fmt.Sprintf("; most for layer %s (%s of it)", b.Layer, humanPercent(c.LayerShare))
	}
	for _, r := range c.Remedies {
		b.Remedies = append(b.Remedies, n.change(r))
	}
	return b
}

func (n *causeNames) words(c *bottleneck.Cause) string {
	again := ""
	if c.Again > 0 {
		again = fmt.Sprintf(", %s of it not for the first time", humanPercent(c.Again))
	}
	switch c.Kind {
	case bottleneck.Computing:
		return "cores compute"
	case bottleneck.InCore:
		return "memories inside the cores"
	case bottleneck.OnLink:
		return "data moves over " + n.links[c.Index]
	case bottleneck.Room:
		return "data leaves " + n.store(c.Index) + " to make room"
	case bottleneck.Unnoticed:
		return "waiting that the schedule does not explain"
	case bottleneck.Operations:
		return "operations of the processing elements"
	case bottleneck.Weights:
		return "weights and network inputs fetched from off-chip memory" + again
	case bottleneck.Activation:
		return "activations fetched from off-chip memory" + again
	case bottleneck.Streamed:
		return "operands that do not fit their core, streamed from or to off-chip memory"
	case bottleneck.Evicted:
		return "data written to off-chip memory to make room"
	case bottleneck.Results:
		return "network outputs written to off-chip memory"
	case bottleneck.CoreToCore:
		return "transfers between cores"
	}
	return string(c.Kind)
}

func (n *causeNames) change(c bottleneck.Change) string {
	switch c.Kind {
	case bottleneck.Link:
		return "twice the bandwidth of " + n.links[c.Index]
	case bottleneck.Offchip:
		return "twice the off-chip bandwidth"
	case bottleneck.Store:
		return "twice the size of " + n.store(c.Index)
	case bottleneck.Stores:
		return "twice the size of all top memories on the chip"
	case bottleneck.MemoryBandwidth:
		return "twice the bandwidth of the memories inside " + coreList(c.Cores)
	}
	return "every layer spread over cores: --split " + c.Cut.String()
}

// Explain writes in words what results spend most latency and energy on, and what
// changes make of that, if they were tried.
func (r *Result) Explain(w io.Writer) error {
	if r.Bottlenecks == nil {
		return nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s: what costs most latency, along the critical path of %s\n", modeName(r.Inputs.Mode), humanCycles(r.Latency))
	r.list(&b, r.Bottlenecks.Latency, func(x Bottleneck) string { return humanCycles(x.Cycles) })
	fmt.Fprintf(&b, "%s: what costs most energy, of %s\n", modeName(r.Inputs.Mode), humanEnergy(r.Energy.Total))
	r.list(&b, r.Bottlenecks.Energy, func(x Bottleneck) string { return humanEnergy(x.Energy) })
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Result) list(b *strings.Builder, causes []Bottleneck, amount func(Bottleneck) string) {
	for i, x := range causes {
		fmt.Fprintf(b, "  %d. %s (%s)  %s\n", i+1, humanPercent(x.Share), amount(x), x.Words)
		for _, remedy := range x.Remedies {
			k := slices.IndexFunc(r.WhatIf, func(t WhatIf) bool { return t.Change == remedy })
			if k < 0 {
				continue
			}
			t := &r.WhatIf[k]
			if t.Impossible != "" {
				first, _, _ := strings.Cut(t.Impossible, "\n")
				fmt.Fprintf(b, "       %s: not possible: %s\n", remedy, first)
				continue
			}
			fmt.Fprintf(b, "       %s: latency %s, energy %s\n", remedy, signed(t.LatencyChange), signed(t.EnergyChange))
		}
	}
}

// signed is a relative change, in percent.
func signed(change float64) string {
	if math.Abs(change) < 5e-5 {
		return "unchanged"
	}
	return fmt.Sprintf("%+.3g %%", 100*change)
}
