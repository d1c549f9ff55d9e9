package mapper

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"streamdse/hardware"
	"streamdse/loopnest"
	"streamdse/loopnest/nesttest"
	"streamdse/mapping"
	"streamdse/workload"
)

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-9*math.Max(math.Abs(got), math.Abs(want)) {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}

// TestSearch compares the chosen order, its cost and its place among the orders.
func TestSearch(t *testing.T) {
	table := readTable(t)
	for _, c := range table.Searches {
		t.Run(c.Name, func(t *testing.T) {
			p := table.problem(t, c.Core, c.Layer, c.Spatial, c.Temporal)
			opt := DefaultOptions()
			opt.FactorLimit, opt.Objective = c.Limit, objective(t, c.Objective)
			r, err := Search(context.Background(), p, opt)
			if err != nil {
				t.Fatal(err)
			}
			near(t, "energy", float64(r.Energy), c.Want.Energy)
			near(t, "compute", r.Compute, c.Want.Latency[0])
			near(t, "stall", r.Stall, c.Want.Latency[1])
			near(t, "onload", r.Onload, c.Want.Latency[2])
			near(t, "offload", r.Offload, c.Want.Latency[3])
			near(t, "latency", r.Total(), c.Want.Latency[4])
			same := len(r.Order) == len(c.Want.Order)
			for i := 0; same && i < len(r.Order); i++ {
				same = r.Order[i] == workload.LoopDim(c.Want.Order[i])
			}
			if !same {
				t.Errorf("order %v, want %v", r.Order, c.Want.Order)
			}
			if c.Index != nil && r.Index != *c.Index {
				t.Errorf("order number %d is best, want %d", r.Index, *c.Index)
			}
			if c.Orders != nil && r.Evaluated+r.Unfit != *c.Orders {
				t.Errorf("%d orders fit, %d do not; want %d in all", r.Evaluated, r.Unfit, *c.Orders)
			}
			if c.Factors != nil {
				compareFactors(t, r.Order, c.Factors)
			}
		})
	}
}

func compareFactors(t *testing.T, order []workload.LoopDim, want []nesttest.Loop) {
	t.Helper()
	sorted := func(n int, at func(int) workload.LoopDim) []workload.LoopDim {
		var s []workload.LoopDim
		for i := range n {
			s = append(s, at(i))
		}
		slices.SortFunc(s, func(a, b workload.LoopDim) int {
			if a.Dim != b.Dim {
				if a.Dim < b.Dim {
					return -1
				}
				return 1
			}
			return a.Size - b.Size
		})
		return s
	}
	g := sorted(len(order), func(i int) workload.LoopDim { return order[i] })
	w := sorted(len(want), func(i int) workload.LoopDim { return workload.LoopDim(want[i]) })
	if !slices.Equal(g, w) {
		t.Errorf("factors %v, want %v", g, w)
	}
}

// TestResNetTotals sums the layers of ResNet-18 on cores of different shapes.
func TestResNetTotals(t *testing.T) {
	table := readTable(t)
	axis := func(array string, dim workload.Dim, n int) nesttest.Axis {
		return nesttest.Axis{Array: array, Loops: []nesttest.Loop{{Dim: dim, Size: n}}}
	}
	for _, c := range []struct {
		core            string
		spatial         []nesttest.Axis
		energy, latency float64
		digits          float64 // relative precision of the figures
	}{
		{"tpu_like", []nesttest.Axis{axis("D1", "K", 32), axis("D2", "C", 32)}, 1871436380.6559997, 3703960.5, 1e-9},
		{"ascend_like", []nesttest.Axis{axis("D1", "K", 16), axis("D2", "C", 16), axis("D3", "OX", 2), axis("D4", "OY", 2)}, 1940385435.76, 3032311.0, 1e-8},
		{"meta_prototype", []nesttest.Axis{axis("D1", "K", 32), axis("D2", "C", 2), axis("D3", "OX", 4), axis("D4", "OY", 4)}, 1863284164.16, 2700449.66, 1e-8},
	} {
		t.Run(c.core, func(t *testing.T) {
			var energy, latency float64
			layers := 0
			for _, s := range table.Searches {
				if s.Name[0] != '/' {
					continue
				}
				layers++
				r, err := Search(context.Background(), table.problem(t, c.core, s.Layer, c.spatial, nil), DefaultOptions())
				if err != nil {
					t.Fatal(err)
				}
				energy += float64(r.Energy)
				latency += r.Total()
			}
			if layers != 21 {
				t.Errorf("%d layers, want 21", layers)
			}
			if math.Abs(energy-c.energy) > c.digits*c.energy || math.Abs(latency-c.latency) > c.digits*c.latency {
				t.Errorf("energy %v and latency %v, want %v and %v", energy, latency, c.energy, c.latency)
			}
		})
	}
}

// TestOrderByOrder compares single orders of one layer, the cost of each.
func TestOrderByOrder(t *testing.T) {
	table := readTable(t)
	p := table.problem(t, "tpu_like", "exA", table.Searches[0].Spatial, nil)
	p.Links, _ = linksOf(p.Layer, p.Entry)
	m, err := loopnest.NewModel(p.Problem)
	if err != nil {
		t.Fatal(err)
	}
	spatial, err := candidates(&p, DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	e, err := m.NewEvaluator(spatial[0].spatial)
	if err != nil {
		t.Fatal(err)
	}
	orders, whole, err := propose(&p, e.TemporalSizes(), DefaultOptions())
	if err != nil || whole { // OX 6 and OY 6 stay whole
		t.Fatal(whole, err)
	}
	rows := map[int64]orderRow{}
	for _, r := range table.Orders {
		rows[r.Index] = r
	}
	n := int64(0)
	for ; ; n++ {
		order := orders.next()
		if order == nil {
			break
		}
		r, ok := rows[n]
		if !ok {
			continue
		}
		if got := named(p.Layer, order); !slices.Equal(got, r.Order) {
			t.Fatalf("order %d is %v, want %v", n, got, r.Order)
		}
		ev, err := e.Report(order)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "energy", float64(ev.Energy), r.Energy)
		near(t, "stall", ev.Stall, r.Stall)
		near(t, "onload", ev.Onload, r.Onload)
		near(t, "offload", ev.Offload, r.Offload)
		near(t, "latency", ev.Total(), r.Total)
		borrowed := 0.0
		for _, port := range ev.Ports {
			sum := 0.0
			for _, b := range port.Borrowed {
				sum += b.Cycles
			}
			borrowed = max(borrowed, sum)
		}
		near(t, "borrowed cycles", borrowed, r.Borrowed)
	}
	if n != 720 {
		t.Errorf("%d orders, want 720", n)
	}
}

func named(l *workload.Layer, order []loopnest.Loop) []nesttest.Loop {
	var out []nesttest.Loop
	for _, x := range order {
		out = append(out, nesttest.Loop{Dim: l.Dims[x.Dim].Dim, Size: x.Size})
	}
	return out
}

// TestNoFit gives a layer weights that are wider than the lowest memory.
func TestNoFit(t *testing.T) {
	table := readTable(t)
	p := table.problem(t, "tpu_like", "exA", table.Searches[0].Spatial, nil)
	p.Layer.Operands[1].Bits = 2048
	p.Entry.Spatial = map[string][]hardware.Unrolling{"D1": {{Dim: "K", Factor: 1}}, "D2": {{Dim: "C", Factor: 1}}}
	_, err := Search(context.Background(), p, DefaultOptions())
	var misfit *loopnest.Misfit
	var noFit *NoFitError
	if !errors.As(err, &noFit) || !errors.As(err, &misfit) {
		t.Fatalf("error %v, want a NoFitError", err)
	}
	if misfit.Operand != "W" || misfit.Memory != "rf_128B" || misfit.Asked != 2048 || misfit.Capacity != 1024 || misfit.Kind != loopnest.TooSmall {
		t.Errorf("misfit %+v", *misfit)
	}
	want := "layer exA does not fit core tpu_like (1 spatial unrollings, 720 loop orders tried): memory rf_128B has 1024 bits, but the smallest slice of operand W takes 2048 bits"
	if err.Error() != want {
		t.Errorf("message %q, want %q", err, want)
	}
}

func TestTooManyOrders(t *testing.T) {
	table := readTable(t)
	p := table.problem(t, "tpu_like", "/layer1/layer1.0/conv1/Conv", table.Searches[0].Spatial, nil)
	opt := DefaultOptions()
	opt.FactorLimit, opt.MaxOrders = 0, 1000
	_, err := Search(context.Background(), p, opt)
	var e *TooManyOrdersError
	if !errors.As(err, &e) {
		t.Fatalf("error %v, want a TooManyOrdersError", err)
	}
	// C2 K2, OX and OY 2 2 2 7, FX3 FY3: 12 factors, 12!/(3! 3!) orders
	if e.Factors != 12 || e.Orders != 13305600 || e.Limit != 1000 {
		t.Errorf("%+v", *e)
	}
}

func TestCancel(t *testing.T) {
	table := readTable(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := Search(ctx, table.problem(t, "tpu_like", "exA", table.Searches[0].Spatial, nil), DefaultOptions())
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}

// TestGivenOrder: a complete order is evaluated alone, a partial one restricts
// the enumeration, loops that the layer lacks are left out.
func TestGivenOrder(t *testing.T) {
	table := readTable(t)
	p := table.problem(t, "tpu_like", "exA", table.Searches[0].Spatial, nil)
	loops := func(s ...mapping.TemporalLoop) []mapping.TemporalLoop { return s }
	type loop = mapping.TemporalLoop
	for _, c := range []struct {
		name   string
		given  []mapping.TemporalLoop
		orders int64
		first  workload.LoopDim
		err    bool
	}{
		{name: "none", orders: 720, first: workload.LoopDim{Dim: "C", Size: 2}},
		{"complete", loops(loop{Dim: "FX", Size: 3}, loop{Dim: "OX", Size: 6}, loop{Dim: "FY", Size: 3}, loop{Dim: "OY", Size: 6}, loop{Dim: "K", Size: 2}, loop{Dim: "C", Size: 2}), 1, workload.LoopDim{Dim: "FX", Size: 3}, false},
		{"complete with a foreign loop and one of size 1", loops(loop{Dim: "G", Size: 4}, loop{Dim: "B", Size: 1}, loop{Dim: "FX", Size: 3}, loop{Dim: "OX", Size: 6}, loop{Dim: "FY", Size: 3}, loop{Dim: "OY", Size: 6}, loop{Dim: "K", Size: 2}, loop{Dim: "C", Size: 2}), 1, workload.LoopDim{Dim: "FX", Size: 3}, false},
		{"innermost", loops(loop{Dim: "OX"}), 120, workload.LoopDim{Dim: "OX", Size: 6}, false},
		{"two with a size", loops(loop{Dim: "OX", Size: 3}, loop{Dim: "K", Size: 2}), 120, workload.LoopDim{Dim: "OX", Size: 3}, false},
		{"impossible size", loops(loop{Dim: "OX", Size: 4}), 0, workload.LoopDim{}, true},
		{"too many", loops(loop{Dim: "OX"}, loop{Dim: "OX"}, loop{Dim: "OX"}, loop{Dim: "OX"}, loop{Dim: "OX"}, loop{Dim: "OX"}, loop{Dim: "OX"}), 0, workload.LoopDim{}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := p
			p.Entry = &mapping.Entry{Spatial: p.Entry.Spatial, Temporal: c.given}
			opt := DefaultOptions()
			if c.name == "two with a size" {
				opt.FactorLimit = 7 // OX 6 is then 3 and 2
			}
			r, err := Search(context.Background(), p, opt)
			if c.err {
				if err == nil {
					t.Fatal("no error")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if r.Evaluated+r.Unfit != c.orders {
				t.Errorf("%d orders tried, want %d", r.Evaluated+r.Unfit, c.orders)
			}
			if r.Order[0] != c.first {
				t.Errorf("innermost loop %v, want %v", r.Order[0], c.first)
			}
		})
	}
}

// TestObjectives: each objective finds a nest that no other beats at it.
func TestObjectives(t *testing.T) {
	table := readTable(t)
	var found []*Result
	for _, o := range []Objective{Latency, Energy, EDP} {
		opt := DefaultOptions()
		opt.Objective = o
		r, err := Search(context.Background(), table.problem(t, "tpu_like", "/layer4/layer4.0/conv1/Conv", table.Searches[0].Spatial, nil), opt)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, r)
	}
	for o, r := range found {
		for _, other := range found {
			if Objective(o).better(other.Cost, r.Cost) {
				t.Errorf("the best nest for %s costs %v, another %v", Objective(o), r.Cost, other.Cost)
			}
		}
	}
}

// BenchmarkSearchResNetLayer searches the 720 orders of a 3x3 convolution.
func BenchmarkSearchResNetLayer(b *testing.B) {
	table := readTable(b)
	p := table.problem(b, "tpu_like", "/layer2/layer2.0/conv1/Conv", table.Searches[0].Spatial, nil)
	b.ReportAllocs()
	n := int64(0)
	for b.Loop() {
		r, err := Search(context.Background(), p, DefaultOptions())
		if err != nil {
			b.Fatal(err)
		}
		n += r.Evaluated + r.Unfit
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "evaluations/s")
}
