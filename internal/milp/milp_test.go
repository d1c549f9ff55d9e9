package milp

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestModuleIsTheRightOne pins the embedded module: the names of its functions are
// those of this build only.
func TestModuleIsTheRightOne(t *testing.T) {
	code, err := module()
	if err != nil {
		t.Fatal(err)
	}
	const want = "528be4365bea1d4188988646b244263f50320df55782e14d6af5bce7cd45c840"
	if got := fmt.Sprintf("%x", sha256.Sum256(code)); got != want {
		t.Errorf("SHA-256 %s, want %s", got, want)
	}
}

// knapsack maximises the value of items of given weights within a capacity.
func knapsack(values, weights []float64, capacity float64) *Model {
	m := &Model{}
	var sum []Term
	for i := range values {
		sum = append(sum, Term{m.Binary(-values[i]), weights[i]})
	}
	m.AtMost(capacity, sum...)
	return m
}

func random(n int, seed uint64) (values, weights []float64) {
	r := rand.New(rand.NewPCG(seed, 1))
	for range n {
		values, weights = append(values, float64(1+r.IntN(60))), append(weights, float64(1+r.IntN(40)))
	}
	return values, weights
}

// best solves a knapsack of whole numbers by dynamic programming.
func best(values, weights []float64, capacity int) float64 {
	table := make([]float64, capacity+1)
	for i := range values {
		for c := capacity; c >= int(weights[i]); c-- {
			table[c] = max(table[c], table[c-int(weights[i])]+values[i])
		}
	}
	return table[capacity]
}

// hard is a program that no few nodes solve: subsets of even numbers that add up to an
// odd one (Jeroslow).
func hard() *Model {
	m := &Model{}
	var sum []Term
	for range 25 {
		sum = append(sum, Term{m.Binary(0), 2})
	}
	sum = append(sum, Term{m.Binary(1), 1})
	// Three markets to share out (Cornuejols and Dawande) on top.
	r := rand.New(rand.NewPCG(5, 5))
	for range 3 {
		var row []Term
		total := 0.0
		for k := range 25 {
			c := float64(r.IntN(100))
			total += c
			row = append(row, Term{Variable(k), c})
		}
		over, under := m.Add(1, 0, math.Inf(1)), m.Add(1, 0, math.Inf(1))
		m.Equal(math.Floor(total/2), append(row, Term{over, -1}, Term{under, 1})...)
	}
	m.Equal(25, sum...)
	return m
}

func TestSolve(t *testing.T) {
	ctx := t.Context()
	s, err := New(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(ctx)
	solve := func(t *testing.T, m *Model, o Options) *Solution {
		t.Helper()
		got, err := s.Solve(ctx, m, o)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	t.Run("linear", func(t *testing.T) {
		// x + 2y >= 4, 3x + y >= 6: the corner is (1.6, 1.2).
		m := &Model{}
		x, y := m.Add(1, 0, math.Inf(1)), m.Add(1, 0, math.Inf(1))
		m.Constrain(4, math.Inf(1), Term{x, 1}, Term{y, 2})
		m.Constrain(6, math.Inf(1), Term{x, 3}, Term{y, 1})
		got := solve(t, m, Options{})
		if got.Status != Optimal || math.Abs(got.Objective-2.8) > 1e-9 || math.Abs(got.Values[x]-1.6) > 1e-9 || math.Abs(got.Values[y]-1.2) > 1e-9 || got.Gap() != 0 {
			t.Errorf("%+v", got)
		}
	})
	t.Run("knapsack", func(t *testing.T) {
		for seed := range uint64(10) {
			values, weights := random(25, seed)
			got := solve(t, knapsack(values, weights, 200), Options{Gap: 1e-9})
			if want := best(values, weights, 200); got.Status != Optimal || math.Abs(got.Objective+want) > 1e-6 || got.Gap() > 1e-6 {
				t.Errorf("seed %d: %v, %v (bound %v), want %v", seed, got.Status, -got.Objective, -got.Bound, want)
			}
		}
	})
	t.Run("assignment", func(t *testing.T) {
		m := &Model{}
		costs := [3][3]float64{{4, 1, 3}, {2, 0, 5}, {3, 2, 2}}
		var x [3][3]Variable
		for i := range 3 {
			for j := range 3 {
				x[i][j] = m.Binary(costs[i][j])
			}
		}
		for i := range 3 {
			m.Equal(1, Term{x[i][0], 1}, Term{x[i][1], 1}, Term{x[i][2], 1})
			m.Equal(1, Term{x[0][i], 1}, Term{x[1][i], 1}, Term{x[2][i], 1})
		}
		got := solve(t, m, Options{})
		if got.Status != Optimal || got.Objective != 5 || got.Values[x[0][1]] != 1 || got.Values[x[1][0]] != 1 || got.Values[x[2][2]] != 1 {
			t.Errorf("%+v, want 1 + 2 + 2", got)
		}
	})
	t.Run("integer", func(t *testing.T) {
		m := &Model{}
		x := m.Integer(-1, -5, 5)
		m.AtMost(7, Term{x, 2})
		if got := solve(t, m, Options{}); got.Status != Optimal || got.Values[x] != 3 {
			t.Errorf("%+v, want 3", got)
		}
	})
	t.Run("infeasible", func(t *testing.T) {
		m := &Model{}
		x, y := m.Binary(1), m.Binary(1)
		m.Equal(3, Term{x, 1}, Term{y, 1})
		if got := solve(t, m, Options{}); got.Status != Infeasible || got.Values != nil {
			t.Errorf("%+v", got)
		}
	})
	t.Run("unbounded", func(t *testing.T) {
		m := &Model{}
		x, y := m.Add(-1, 0, math.Inf(1)), m.Add(0, 0, math.Inf(1))
		m.AtMost(1, Term{x, 1}, Term{y, -1})
		if got := solve(t, m, Options{}); got.Status != Unbounded || got.Values != nil {
			t.Errorf("%+v", got)
		}
	})
	t.Run("limit", func(t *testing.T) {
		got := solve(t, hard(), Options{Nodes: 1})
		if got.Status != Feasible && got.Status != Unknown {
			t.Errorf("%v after %d nodes", got.Status, got.Nodes)
		}
		if got.Status == Feasible && !(got.Bound < got.Objective && got.Gap() > 0) {
			t.Errorf("not proven optimal, but no gap: %+v", got)
		}
		if again := solve(t, hard(), Options{Nodes: 1}); !cmp.Equal(got, again) {
			t.Errorf("the same again: %+v, %+v", got, again)
		}
	})
	t.Run("empty", func(t *testing.T) {
		if _, err := s.Solve(ctx, &Model{}, Options{}); err == nil {
			t.Error("nothing to solve is solved")
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
		defer cancel()
		if got, err := s.Solve(short, hard(), Options{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%+v, %v", got, err)
		}
		values, weights := random(5, 0)
		if got := solve(t, knapsack(values, weights, 50), Options{}); got.Status != Optimal {
			t.Errorf("afterwards: %+v", got)
		}
	})
}

func BenchmarkKnapsack(b *testing.B) {
	ctx := b.Context()
	s, err := New(ctx)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close(ctx)
	values, weights := random(40, 1)
	m := knapsack(values, weights, 300)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Solve(ctx, m, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
