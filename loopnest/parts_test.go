package loopnest

import (
	"encoding/json"
	"os"
	"testing"

	"pgregory.net/rapid"

	"streamdse/loopnest/nesttest"
)

func TestReduceAndUnion(t *testing.T) {
	b, err := os.ReadFile("testdata/micro.json")
	if err != nil {
		t.Fatal(err)
	}
	var table struct {
		Reduce []struct {
			Times      []float64 `json:"times"`
			Least      []float64 `json:"least"`
			Budget     float64   `json:"budget"`
			Out        []float64 `json:"out"`
			Reductions []float64 `json:"reductions"`
		} `json:"reduce"`
		Union []struct {
			Activities [][3]int64 `json:"activities"`
			Union      int64      `json:"union"`
		} `json:"union"`
	}
	if err := json.Unmarshal(b, &table); err != nil {
		t.Fatal(err)
	}
	check := checker{t}
	for _, c := range table.Reduce {
		got := append([]float64(nil), c.Times...)
		reduce(got, c.Least, c.Budget, make([]int, len(got)))
		for i := range got {
			check.near("reduced time", got[i], c.Out[i])
			check.near("reduction", c.Times[i]-got[i], c.Reductions[i])
		}
	}
	for _, c := range table.Union {
		var acts []activity
		for _, a := range c.Activities {
			acts = append(acts, activity{period: a[0], allowed: a[1], count: a[2]})
		}
		if got := union(acts); got != c.Union {
			t.Errorf("union of %v is %d, want %d", c.Activities, got, c.Union)
		}
	}
	if len(table.Reduce) == 0 || len(table.Union) == 0 {
		t.Error("empty table")
	}
}

// TestUnionAgainstTimeline marks the windows cycle by cycle.
func TestUnionAgainstTimeline(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		period := int64(1)
		var acts []activity
		for range rapid.IntRange(1, 5).Draw(t, "activities") {
			period *= rapid.Int64Range(1, 5).Draw(t, "factor")
			acts = append(acts, activity{period: period, allowed: rapid.Int64Range(1, period).Draw(t, "allowed")})
		}
		total := period * rapid.Int64Range(1, 4).Draw(t, "repeats")
		want := int64(0)
		for cycle := range total {
			for _, a := range acts {
				if cycle%a.period < a.allowed {
					want++
					break
				}
			}
		}
		for i := range acts {
			acts[i].count = total / acts[i].period
		}
		acts = rapid.Permutation(acts).Draw(t, "order")
		if got := union(acts); got != want {
			t.Fatalf("union %d, want %d", got, want)
		}
	})
}

// TestCombineByHand: two transfers on one port, one of which is too long.
func TestCombineByHand(t *testing.T) {
	for _, c := range []struct {
		name string
		acts []activity
		want int64
	}{
		{"none", nil, 0},
		{"one with slack", []activity{{real: 1, allowed: 4, period: 4, count: 10}}, -27},
		{"one that stalls", []activity{{real: 6, allowed: 4, period: 4, count: 10}}, 18},
		// windows fill everything: 2*9 + 4*9 of 40 cycles; slack (1-2)*9 and 0
		{"two that share", []activity{{real: 1, allowed: 2, period: 4, count: 10}, {real: 4, allowed: 4, period: 4, count: 10}}, 5},
		// stall 9, slack -9 + windows 1*9 + 4*9 - union 40 < 0
		{"a stall is not made up for by another's slack", []activity{{real: 2, allowed: 1, period: 4, count: 10}, {real: 3, allowed: 4, period: 4, count: 10}}, 9},
	} {
		if got := combine(c.acts); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func TestExtent(t *testing.T) {
	for _, c := range []struct {
		stride, dilation, outputs, kernel, want int64
	}{
		{1, 1, 6, 3, 8},
		{2, 1, 6, 3, 13},
		{2, 1, 6, 1, 6}, // gaps between windows are not touched
		{1, 2, 4, 3, 8},
		{2, 2, 5, 3, 7}, // touches every second position
		{4, 2, 5, 2, 10},
	} {
		g := gcd(c.stride, c.dilation)
		r := relation{stepA: c.stride / g, stepB: c.dilation / g}
		if got := r.span(c.outputs, c.kernel); got != c.want {
			t.Errorf("stride %d, dilation %d, %d outputs, kernel %d: %d positions, want %d", c.stride, c.dilation, c.outputs, c.kernel, got, c.want)
		}
	}
}

func TestMisfits(t *testing.T) {
	table := readTable(t)
	setup := func(change func(p *Problem)) (*Evaluator, []Loop) {
		l := table.Layers["exA"].Layer("exA")
		p := Problem{Layer: l, Core: nesttest.TPULike(), Links: nesttest.Links(l)}
		change(&p)
		m, err := NewModel(p)
		if err != nil {
			t.Fatal(err)
		}
		e, err := m.NewEvaluator(unrolling(p.Core, table.Cases[0].Spatial))
		if err != nil {
			t.Fatal(err)
		}
		return e, e.indexed(t, table.Cases[0].Order)
	}
	for _, c := range []struct {
		name   string
		change func(p *Problem)
		want   Misfit
		text   string
	}{
		{"wide weights", func(p *Problem) { p.Layer.Operands[1].Bits = 2048 },
			Misfit{Kind: TooSmall, Operand: "W", Memory: "rf_128B", Asked: 2048, Capacity: 1024},
			"memory rf_128B has 1024 bits, but the smallest slice of operand W takes 2048 bits"},
		{"shared memory", func(p *Problem) { p.Core.Memories[2].Size = 384 }, // 160 bits of I, 384 of O
			Misfit{Kind: Crowded, Operand: "I, O", Memory: "sram_2MB", Asked: 544, Capacity: 384},
			"memory sram_2MB has 384 bits, but operands I, O need 544 bits together"},
		{"off-chip memory", func(p *Problem) { p.Core.Memories[3].Size = 130000 },
			Misfit{Kind: Overflow, Operand: "W", Level: 1, Memory: "dram", Asked: 138240, Capacity: 130000},
			"memory dram is the highest of operand W and has 130000 bits, but all of the operand takes 138240 bits"},
		{"memory above", func(p *Problem) { p.Core.Memories[2].Size, p.Bounded = 300, true },
			Misfit{Kind: TooSmall, Operand: "O", Level: 1, Memory: "sram_2MB", Asked: 384, Capacity: 300},
			"memory sram_2MB has 300 bits, but the smallest slice of operand O takes 384 bits"},
		{"memory above of several operands", func(p *Problem) { p.Core.Memories[3].Size, p.Bounded = 11000, true },
			Misfit{Kind: Crowded, Operand: "I, W, O", Level: 1, Memory: "dram", Asked: 11904, Capacity: 11000},
			"memory dram has 11000 bits, but operands I, W, O need 11904 bits together"},
		{"no way down", func(p *Problem) { p.Core.Memories[1].Ports = p.Core.Memories[1].Ports[:1] },
			Misfit{Kind: Unconnected, Operand: "O", Memory: "rf_2B", Direction: 1, Capacity: 16},
			"operand O has to move up into memory rf_2B, which has no port for it"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, order := setup(c.change)
			_, ok := e.Evaluate(order)
			if ok {
				t.Fatal("fits")
			}
			got := e.Misfit()
			if *got != c.want {
				t.Errorf("%+v, want %+v", *got, c.want)
			}
			if got.Error() != c.text {
				t.Errorf("message %q, want %q", got, c.text)
			}
			if _, err := e.Report(order); err == nil {
				t.Error("the report has no error")
			}
		})
	}
}

func TestBadProblems(t *testing.T) {
	table := readTable(t)
	for name, change := range map[string]func(p *Problem){
		"two operands in one memory operand": func(p *Problem) { p.Links[1] = p.Links[2] },
		"a link is missing":                  func(p *Problem) { p.Links = p.Links[:2] },
		"no processing elements":             func(p *Problem) { p.Core.Sizes = []int{0, 0} },
		"an operand without a memory":        func(p *Problem) { p.Core.Memories = p.Core.Memories[:1] },
		"a port without bandwidth":           func(p *Problem) { p.Core.Memories[0].Ports[0].Read.Max = 0 },
		"a loop without iterations":          func(p *Problem) { p.Layer.Dims[0].Size = 0 },
		"no loops":                           func(p *Problem) { p.Layer.Dims = nil },
		"an output over windows":             func(p *Problem) { p.Layer.Operands[0].Dims[3] = "IX" },
		"one operand":                        func(p *Problem) { p.Layer.Operands, p.Links = p.Layer.Operands[:1], p.Links[:1] },
	} {
		l := table.Layers["exA"].Layer("exA")
		p := Problem{Layer: l, Core: nesttest.TPULike(), Links: nesttest.Links(l)}
		change(&p)
		if _, err := NewModel(p); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
