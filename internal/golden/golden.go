// Package golden reads the measured multi-core runs that tests compare with:
// computation nodes, dependencies, transfers, memory curves and energies of
// small networks on small accelerators, as figures; and other tables of figures. Only
// tests import it.
package golden

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// File is the content of testdata/multi-core-cases.json.
type File struct {
	Accelerators map[string]Accelerator     `json:"accelerators"`
	Mappings     map[string]json.RawMessage `json:"mappings"` // lists of mapping entries, in the format of 2024
	Workloads    map[string]Network         `json:"workloads"`
	Cases        map[string]*Case           `json:"cases"`
}

// Accelerator is an accelerator file of 2024 with its core files.
type Accelerator struct {
	Name         string                     `json:"name"`
	Cores        map[string]string          `json:"cores"`
	OffchipCore  string                     `json:"offchip_core"`
	Connectivity []string                   `json:"core_connectivity"`
	Sharing      []string                   `json:"core_memory_sharing,omitempty"`
	Bandwidth    float64                    `json:"bandwidth"`
	UnitEnergy   float64                    `json:"unit_energy_cost"`
	CoreFiles    map[string]json.RawMessage `json:"core_files,omitempty"`
}

// Text is the accelerator file alone, in JSON, which is YAML too.
func (a Accelerator) Text(t testing.TB) []byte {
	t.Helper()
	a.CoreFiles = nil
	text, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// CoreFile reads one of the core files that Text names.
func (a Accelerator) CoreFile(name string) (file string, content []byte, err error) {
	content, ok := a.CoreFiles[name]
	if !ok {
		return "", nil, fmt.Errorf("no core file %q", name)
	}
	return name, content, nil
}

// Network is an ONNX graph as plain data: shapes by tensor name, and nodes.
type Network struct {
	Inputs       map[string][]int `json:"inputs"`
	Outputs      map[string][]int `json:"outputs"`
	Values       map[string][]int `json:"values"`
	Initializers map[string][]int `json:"initializers"`
	Nodes        []struct {
		Op      string                     `json:"op"`
		Name    string                     `json:"name"`
		Inputs  []string                   `json:"inputs"`
		Outputs []string                   `json:"outputs"`
		Attrs   map[string]json.RawMessage `json:"attrs"`
	} `json:"nodes"`
}

// TensorID is [layer id, sub id of the first node that uses it, operand].
type TensorID struct {
	Layer, Sub int
	Operand    string
}

// UnmarshalJSON reads [layer, sub, "operand"].
func (t *TensorID) UnmarshalJSON(b []byte) error {
	return json.Unmarshal(b, &[]any{&t.Layer, &t.Sub, &t.Operand})
}

// Tensor is an operand of a node.
type Tensor struct {
	ID           TensorID `json:"id"`
	Bits         int64    `json:"bits"`
	BasePriority *int     `json:"base_priority"`
	Ranges       [][2]int `json:"ranges"`
}

// Node is a computation node with its cost and its place in the schedule.
type Node struct {
	Layer            int               `json:"layer"`
	Sub              int               `json:"sub"`
	Name             string            `json:"name"`
	Type             string            `json:"type"`
	Group            int               `json:"group"`
	Core             int               `json:"core"`
	LoopRanges       map[string][2]int `json:"loop_ranges"`
	LayerDims        map[string]int    `json:"layer_dims"`
	Final            bool              `json:"produces_final_output"`
	ConstantOperands []string          `json:"constant_operands"`
	OperandSource    map[string]int    `json:"input_operand_source"`
	Tensors          map[string]Tensor `json:"tensors"`
	OperandSizeBit   map[string]int64  `json:"operand_size_bit"`
	Produced         int64             `json:"data_produced_unique"`
	RealPredecessors int               `json:"nb_real_predecessors"`
	TooLarge         []string          `json:"too_large_operands"`
	OffchipBW        OffchipBW         `json:"offchip_bw"`
	OnchipEnergy     float64           `json:"onchip_energy"`
	OffchipEnergy    float64           `json:"offchip_energy"`
	Runtime          float64           `json:"runtime"`
	Start            float64           `json:"start"`
	End              float64           `json:"end"`
}

// OffchipBW is what a node asks of the off-chip links while it runs.
type OffchipBW struct {
	ReadOutToLow float64 `json:"rd_out_to_low"`
	WriteInByLow float64 `json:"wr_in_by_low"`
}

// Edge is a dependency between two nodes [layer id, sub id].
type Edge struct {
	Src     [2]int `json:"src"`
	Dst     [2]int `json:"dst"`
	Operand string `json:"operand"`
	Bits    int64  `json:"bits"`
}

// Event is a transfer, in the order of decision.
type Event struct {
	ID           int       `json:"id"`
	Type         string    `json:"type"`
	Start        float64   `json:"start"`
	End          float64   `json:"end"`
	Energy       float64   `json:"energy"`
	Tensor       TensorID  `json:"tensor"`
	Bits         int64     `json:"bits"`
	LinkCount    int       `json:"nb_links"`
	OperandLinks []float64 `json:"operand_links"`
}

// Link is a link with the events that occupied it.
type Link struct {
	Name       string  `json:"name"`
	Bandwidth  float64 `json:"bw"`
	UnitEnergy float64 `json:"unit_energy"`
	Events     []struct {
		Type     string     `json:"type"`
		Start    float64    `json:"start"`
		End      float64    `json:"end"`
		Activity float64    `json:"activity"`
		Tensors  []TensorID `json:"tensors"`
	} `json:"events"`
}

// Memory is a top-level memory with its use over time, as (time, bits) steps.
type Memory struct {
	Name      string       `json:"memory"`
	Cores     []int        `json:"cores"`
	Operands  [][]string   `json:"operands"`
	Capacity  float64      `json:"capacity"`
	ReadBW    float64      `json:"r_bw"`
	WriteBW   float64      `json:"w_bw"`
	ReadCost  float64      `json:"r_cost"`
	WriteCost float64      `json:"w_cost"`
	Usage     [][2]float64 `json:"usage"`
}

// Case is one run.
type Case struct {
	Latency         float64            `json:"latency"`
	Energies        map[string]float64 `json:"energies"`
	SchedulingOrder [][2]int           `json:"scheduling_order"`
	NodeCount       int                `json:"nb_cns"`
	EdgeCount       int                `json:"nb_edges"`
	Nodes           []Node             `json:"cns"`
	Edges           []Edge             `json:"edges"`
	Events          []Event            `json:"comm_events"`
	Links           []Link             `json:"links"`
	Memories        []Memory           `json:"memories"`
	CorePaths       map[string][]int   `json:"core_paths"` // "0->1": cores passed
	Inputs          struct {
		Accelerator string   `json:"accelerator"`
		Mapping     string   `json:"mapping"`
		Workload    string   `json:"workload"`
		Mode        string   `json:"mode"` // "lbl" or "fused"
		LayerStacks [][]int  `json:"layer_stacks"`
		Prefetch    []string `json:"operands_to_prefetch"`
		LPFLimit    int      `json:"loma_lpf_limit"`
		Selection   string   `json:"scheduler_candidate_selection"` // of 2023: "latency" or "memory"
	} `json:"inputs"`
}

// Root is the directory of the module.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}

// Shared returns the path of a file of the public inputs that lie beside the
// checkout, e.g. "data/zigzag/hardware/tpu_like.yaml"; the test is skipped where they are absent.
func Shared(t testing.TB, path string) string {
	t.Helper()
	p := filepath.Join(Root(), "..", "shared", filepath.FromSlash(path))
	if _, err := os.Stat(p); err != nil {
		t.Skipf("the public inputs are not beside the checkout: %v", err)
	}
	return p
}

// Table reads a CSV file: its rows, each by the names of the columns.
func Table(t testing.TB, path string) []map[string]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var list []map[string]string
	for _, row := range rows[1:] {
		named := map[string]string{}
		for i, column := range rows[0] {
			named[column] = row[i]
		}
		list = append(list, named)
	}
	return list
}

// Load reads the cases of November 2024.
func Load(t testing.TB) *File {
	t.Helper()
	return read(t, "multi-core-cases.json")
}

// Load2023 reads the cases of September 2023, which have neither workloads nor
// mappings: their graphs are given.
func Load2023(t testing.TB) *File {
	t.Helper()
	return read(t, "multi-core-cases-2023.json")
}

func read(t testing.TB, name string) *File {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(Root(), "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	f := new(File)
	if err := json.Unmarshal(b, f); err != nil {
		t.Fatal(err)
	}
	return f
}
