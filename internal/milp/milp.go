// Package milp solves mixed-integer linear programs with HiGHS (Huangfu and Hall,
// Math. Prog. Comp. 2018; MIT licence, see LICENSE.highs), without cgo: it embeds
// HiGHS as the WebAssembly module of the npm package highs 1.15.3 and runs it with
// wazero.
//
// A solution depends on the model and the options alone. HiGHS runs in one thread
// with a fixed seed, is limited by nodes rather than time, and the module sees no
// clock: what it reads as the time is a counter.
//
// Compiling the module takes some seconds. The result is kept in the user's cache
// directory if there is one that can be written to, so that only the first run on a
// machine waits for it.
package milp

import "math"

// Variable is the index of a variable in Solution.Values.
type Variable int

// Term is a coefficient times a variable.
type Term struct {
	Variable    Variable
	Coefficient float64
}

// Model is a program: minimise the cost of the variables within their bounds and the
// constraints. The zero value is an empty one.
type Model struct {
	cost, lower, upper []float64
	integer            []bool
	rowLower, rowUpper []float64
	rowStart           []int // in terms
	terms              []Term
}

// Add adds a variable with its cost and bounds, which may be infinite.
func (m *Model) Add(cost, lower, upper float64) Variable {
	m.cost, m.lower, m.upper = append(m.cost, cost), append(m.lower, lower), append(m.upper, upper)
	m.integer = append(m.integer, false)
	return Variable(len(m.cost) - 1)
}

// Binary adds a variable that is 0 or 1.
func (m *Model) Binary(cost float64) Variable {
	v := m.Add(cost, 0, 1)
	m.integer[v] = true
	return v
}

// Integer adds a variable that is a whole number.
func (m *Model) Integer(cost, lower, upper float64) Variable {
	v := m.Add(cost, lower, upper)
	m.integer[v] = true
	return v
}

// Constrain keeps a sum between bounds, which may be infinite. Each variable may stand
// in it once.
func (m *Model) Constrain(lower, upper float64, sum ...Term) {
	m.rowStart = append(m.rowStart, len(m.terms))
	m.rowLower, m.rowUpper = append(m.rowLower, lower), append(m.rowUpper, upper)
	m.terms = append(m.terms, sum...)
}

// AtMost keeps a sum from exceeding a limit.
func (m *Model) AtMost(limit float64, sum ...Term) { m.Constrain(math.Inf(-1), limit, sum...) }

// Equal fixes a sum.
func (m *Model) Equal(value float64, sum ...Term) { m.Constrain(value, value, sum...) }

// Options limit a search.
type Options struct {
	Nodes int     // of the branch-and-bound tree at the most; 0 is no limit
	Gap   float64 // relative gap that counts as optimal; 0 is HiGHS's own, 1e-4
}

// Status is how a search ended.
type Status int

// The ways a search can end.
const (
	Optimal    Status = iota // within the gap
	Feasible                 // the limit was reached; there may be something better
	Infeasible               // there is no solution
	Unbounded                // the cost can be as small as you like
	Unknown                  // the limit was reached before anything was known
)

func (s Status) String() string {
	return [...]string{"optimal", "feasible", "infeasible", "unbounded", "unknown"}[s]
}

// Solution is the outcome of a search.
type Solution struct {
	Status    Status
	Objective float64   // the cost of Values
	Bound     float64   // no solution costs less
	Values    []float64 // nil unless the status is Optimal or Feasible
	Nodes     int       // of the branch-and-bound tree
}

// Gap is how far the objective is above the bound, as a part of it.
func (s *Solution) Gap() float64 {
	if s.Objective == s.Bound {
		return 0
	}
	return (s.Objective - s.Bound) / math.Abs(s.Objective)
}
