package mapper

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"streamdse/loopnest"
)

// TestOutlook compares what is said about beginnings of orders with all their
// completions: none costs less than the bound, and beginnings with equal keys
// cost the same under every completion.
func TestOutlook(t *testing.T) {
	kept := 0
	rapid.Check(t, func(t *rapid.T) {
		p := drawProblem(t, 7)
		_, e, all := unrolled(t, &p)
		var factors []loopnest.Loop
		var counts []int
		for _, f := range all {
			if i := slices.Index(factors, f); i >= 0 {
				counts[i]++
			} else {
				factors, counts = append(factors, f), append(counts, 1)
			}
		}
		_, other, _ := unrolled(t, &p)
		o := &observed{beginnings: beginnings{t: t, future: map[string]map[string]outcome{}},
			outlook: e.NewOutlook(factors, slices.Clone(counts), new(loopnest.Tables)), evaluator: other, factors: factors, left: counts}
		o.visit()
		kept += o.merged
	})
	if kept == 0 {
		t.Error("no two beginnings had the same key")
	}
}

// outcome is the cost of an order, if it fits.
type outcome struct {
	cost loopnest.Cost
	fits bool
}

type observed struct {
	beginnings
	outlook   *loopnest.Outlook
	evaluator *loopnest.Evaluator
	factors   []loopnest.Loop
	left      []int
	inner     []int
}

// visit returns the outcomes of all completions of inner.
func (o *observed) visit() map[string]outcome {
	out := map[string]outcome{}
	depth := len(o.inner)
	open := false
	for f := range o.factors {
		if o.left[f] == 0 {
			continue
		}
		open = true
		o.left[f]--
		o.inner = append(o.inner, f)
		for rest, x := range o.visit() {
			out[fmt.Sprint(f, " ", rest)] = x
		}
		o.inner = o.inner[:depth]
		o.left[f]++
	}
	if !open {
		var order []loopnest.Loop
		for _, f := range o.inner {
			order = append(order, o.factors[f])
		}
		cost, fits := o.evaluator.Evaluate(order)
		out[""] = outcome{cost, fits}
	}
	o.check([]any{o.inner}, out, o.outlook, o.outlook.Look(o.inner), o.outlook.Key)
	return out
}

// beginnings are beginnings of orders that have been compared with all their
// completions.
type beginnings struct {
	t      *rapid.T
	future map[string]map[string]outcome // by key, then by what is added
	merged int                           // that had the key of an earlier one
}

// check compares what an outlook says of a beginning with its completions: possible is
// whether any may fit, key tells beginnings with the same completions from others.
func (b *beginnings) check(beginning []any, completions map[string]outcome, outlook *loopnest.Outlook, possible bool, key func() []byte) {
	var latency, energy float64
	if possible {
		latency, energy = outlook.Bound()
	}
	for rest, x := range completions {
		switch {
		case !x.fits:
		case !possible:
			b.t.Fatalf("nothing that begins with %v should fit, but %v does: %v", beginning, rest, x.cost)
		case x.cost.Total() < latency || float64(x.cost.Energy) < energy:
			b.t.Fatalf("after %v: %v costs %v cycles and %v pJ, less than %v or %v", beginning, rest, x.cost.Total(), x.cost.Energy, latency, energy)
		}
	}
	if !possible {
		return
	}
	k := string(key())
	if k == "" {
		return
	}
	before, ok := b.future[k]
	if !ok {
		b.future[k] = completions
		return
	}
	b.merged++
	for rest, x := range completions {
		if before[rest] != x {
			b.t.Fatalf("after %v: %v is %v, but %v after another beginning with the same key", beginning, rest, x, before[rest])
		}
	}
}
