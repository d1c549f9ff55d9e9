package mapper

import (
	"encoding/json"
	"os"
	"testing"

	"streamdse/hardware"
	"streamdse/loopnest"
	"streamdse/loopnest/nesttest"
	"streamdse/mapping"
	"streamdse/workload"
)

// searchTable is testdata/searches.json: what the published mapper chose.
type searchTable struct {
	Layers       map[string]nesttest.Layer `json:"layers"`
	Searches     []searchCase              `json:"searches"`
	Orders       []orderRow                `json:"orders_of_exA"`
	Spatial      []spatialCase             `json:"spatial"`
	Permutations []struct {
		Multiset []int   `json:"multiset"`
		Out      [][]int `json:"out"`
	} `json:"permutations"`
	LoopPermutations struct {
		Multiset []nesttest.Loop   `json:"multiset"`
		Out      [][]nesttest.Loop `json:"out"`
	} `json:"loop_permutations"`
	Factors []struct {
		Limit   int             `json:"limit"`
		Loops   []nesttest.Loop `json:"loops"`
		Factors []nesttest.Loop `json:"factors"`
		Orders  float64         `json:"orders"`
	} `json:"factors"`
}

type searchCase struct {
	Name      string          `json:"name"`
	Core      string          `json:"core"`
	Layer     string          `json:"layer"`
	Spatial   []nesttest.Axis `json:"spatial"`
	Limit     int             `json:"limit"`
	Objective string          `json:"objective"`
	Orders    *int64          `json:"orders"`
	Index     *int64          `json:"index"`
	Factors   []nesttest.Loop `json:"factors"`
	Temporal  []workload.Dim  `json:"temporal"`
	Want      struct {
		Energy  float64         `json:"energy"`
		Latency [5]float64      `json:"latency"`
		Order   []nesttest.Loop `json:"order"`
	} `json:"want"`
}

type orderRow struct {
	Index                                           int64
	Order                                           []nesttest.Loop
	Energy, Stall, Onload, Offload, Borrowed, Total float64
}

func (r *orderRow) UnmarshalJSON(b []byte) error {
	return nesttest.Tuple(b, &r.Index, &r.Order, &r.Energy, &r.Stall, &r.Onload, &r.Offload, &r.Borrowed, &r.Total)
}

type spatialCase struct {
	Core      string                     `json:"core"`
	Layer     string                     `json:"layer"`
	Mixed     bool                       `json:"mixed"`
	Given     map[string][]nesttest.Loop `json:"given"`
	Hint      map[string][]workload.Dim  `json:"hint"`
	HintOrder map[string][]workload.Dim  `json:"hint_order"`
	Limits    map[string]map[string]int  `json:"limits"`
	Mappings  [][]nesttest.Axis          `json:"mappings"`
	Indicator []float64                  `json:"indicator"`
}

func readTable(t testing.TB) *searchTable {
	t.Helper()
	b, err := os.ReadFile("testdata/searches.json")
	if err != nil {
		t.Fatal(err)
	}
	table := new(searchTable)
	if err := json.Unmarshal(b, table); err != nil {
		t.Fatal(err)
	}
	return table
}

// problem sets a case up: the unrolling is given as a mapping entry would.
func (table *searchTable) problem(t testing.TB, core, layer string, spatial []nesttest.Axis, temporal []workload.Dim) Problem {
	t.Helper()
	row, ok := table.Layers[layer]
	if !ok {
		t.Fatalf("no layer %q", layer)
	}
	entry := &mapping.Entry{Spatial: map[string][]hardware.Unrolling{}}
	for _, a := range spatial {
		loops := []hardware.Unrolling{}
		for _, l := range a.Loops {
			loops = append(loops, hardware.Unrolling{Dim: string(l.Dim), Factor: l.Size})
		}
		entry.Spatial[a.Array] = loops
	}
	for _, d := range temporal {
		entry.Temporal = append(entry.Temporal, mapping.TemporalLoop{Dim: d})
	}
	return Problem{
		Problem: loopnest.Problem{Layer: row.Layer(layer), Core: nesttest.Core(t, core)},
		Entry:   entry,
	}
}

func objective(t testing.TB, name string) Objective {
	for _, o := range []Objective{Latency, Energy, EDP} {
		if o.String() == name {
			return o
		}
	}
	t.Fatalf("no objective %q", name)
	return 0
}
