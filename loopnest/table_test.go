package loopnest

import (
	"encoding/json"
	"os"
	"testing"

	"streamdse/hardware"
	"streamdse/loopnest/nesttest"
	"streamdse/workload"
)

// nestTable is testdata/nests.json: layers, and loop nests of them on cores
// with every figure that the published model gives.
type nestTable struct {
	Layers map[string]nesttest.Layer `json:"layers"`
	Cases  []nestCase                `json:"cases"`
}

type nestCase struct {
	Name    string          `json:"name"`
	Core    string          `json:"core"`
	Layer   string          `json:"layer"`
	Even    bool            `json:"even"`
	Refetch bool            `json:"refetch"`
	Spatial []nesttest.Axis `json:"spatial"`
	Order   []nesttest.Loop `json:"order"`
	Want    want            `json:"want"`
}

type want struct {
	Energy      [3]float64             `json:"energy"`  // total, operations, memories
	Latency     [5]float64             `json:"latency"` // compute, stall, onload, offload, total
	Ideal       int64                  `json:"ideal"`
	Utilization [2]float64             `json:"utilization"`
	Operands    map[string]operandWant `json:"operands"`
	Exact       map[string]dataWant    `json:"exact"`
	Whole       map[string]dataWant    `json:"whole"`
	Ports       []portWant             `json:"ports"`
	Remaining   []remainingRow         `json:"remaining"`
	Bandwidth   []bandwidthRow         `json:"bandwidth"`
	InMemory    map[string]float64     `json:"in_memory"` // energy of the operations by part
}

type operandWant struct {
	Allocated       [][]nesttest.Loop `json:"allocated"`
	Loops           [][]nesttest.Loop `json:"loops"`
	Still           int64             `json:"still"`
	Cycles          []int64           `json:"cycles"`
	OuterRelevant   []int64           `json:"outer_relevant"`
	OuterReuse      []int64           `json:"outer_reuse"`
	Accesses        [][4]float64      `json:"accesses"`
	LevelEnergy     []float64         `json:"level_energy"`
	Energy          [][4]float64      `json:"energy"`
	Spatial         [][]dimFactor     `json:"spatial"`
	SpatialWhole    [][]dimFactor     `json:"spatial_whole"`
	Own             []float64         `json:"own"`
	Shared          []float64         `json:"shared"`
	Effective       []float64         `json:"effective"`
	EffectiveShared []float64         `json:"effective_shared"`
	DoubleBuffered  []bool            `json:"double_buffered"`
}

type dataWant struct {
	Instance   []int64       `json:"instance"`
	Unique     []float64     `json:"unique"`
	Boost      []int64       `json:"boost"`
	Bits       []int64       `json:"bits"`
	Elements   []int64       `json:"elements"`
	Effective  []int64       `json:"effective"`
	Moves      [][7][4]int64 `json:"moves"` // amount, bits, period, count, average, instant, window
	Moved      [][4]int64    `json:"moved"`
	PartialSum []bool        `json:"partial_sum"`
	ReuseAbove []float64     `json:"reuse_above"`
}

type portWant struct {
	Memory            string             `json:"memory"`
	Port              string             `json:"port"`
	Stall             int64              `json:"stall"`
	Activities        []activityRow      `json:"activities"`
	BorrowedCycles    map[string]float64 `json:"borrowed_cycles"`    // by memory operand
	BorrowedBandwidth map[string]float64 `json:"borrowed_bandwidth"` // by memory operand
}

type dimFactor struct {
	Dim  workload.Dim
	Size float64
}

func (d *dimFactor) UnmarshalJSON(b []byte) error { return nesttest.Tuple(b, &d.Dim, &d.Size) }

type activityRow struct {
	Operand                      string
	Level, Direction             int
	Real, Allowed, Period, Count int64
}

func (a *activityRow) UnmarshalJSON(b []byte) error {
	return nesttest.Tuple(b, &a.Operand, &a.Level, &a.Direction, &a.Real, &a.Allowed, &a.Period, &a.Count)
}

type remainingRow struct {
	Operand          string
	Level, Direction int
	Cycles           float64
	Inputs           bool
}

func (r *remainingRow) UnmarshalJSON(b []byte) error {
	return nesttest.Tuple(b, &r.Operand, &r.Level, &r.Direction, &r.Cycles, &r.Inputs)
}

type bandwidthRow struct {
	Memory, Link string
	Bandwidth    [4]float64
}

func (r *bandwidthRow) UnmarshalJSON(b []byte) error {
	return nesttest.Tuple(b, &r.Memory, &r.Link, &r.Bandwidth)
}

func readTable(t testing.TB) *nestTable {
	t.Helper()
	b, err := os.ReadFile("testdata/nests.json")
	if err != nil {
		t.Fatal(err)
	}
	table := new(nestTable)
	if err := json.Unmarshal(b, table); err != nil {
		t.Fatal(err)
	}
	return table
}

// evaluator sets a case up.
func (c *nestCase) evaluator(t testing.TB, table *nestTable) (*Evaluator, []Loop) {
	t.Helper()
	core := nesttest.Core(t, c.Core)
	row, ok := table.Layers[c.Layer]
	if !ok {
		t.Fatalf("no layer %q", c.Layer)
	}
	l := row.Layer(c.Layer)
	m, err := NewModel(Problem{Layer: l, Core: core, Links: nesttest.Links(l), Even: c.Even, RefetchStationary: c.Refetch})
	if err != nil {
		t.Fatal(err)
	}
	e, err := m.NewEvaluator(unrolling(core, c.Spatial))
	if err != nil {
		t.Fatal(err)
	}
	return e, e.indexed(t, c.Order)
}

func (e *Evaluator) indexed(t testing.TB, order []nesttest.Loop) []Loop {
	t.Helper()
	var out []Loop
	for _, l := range order {
		d := e.model.dim(l.Dim)
		if d < 0 {
			t.Fatalf("no loop %s", l.Dim)
		}
		out = append(out, Loop{d, l.Size})
	}
	return out
}

func unrolling(c *hardware.Core, rows []nesttest.Axis) Spatial {
	var s Spatial
	for _, a := range nesttest.Spatial(c, rows) {
		s = append(s, Axis(a))
	}
	return s
}
