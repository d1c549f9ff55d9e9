package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"

	"streamdse/hardware"
	"streamdse/internal/diag"
	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/unit"
)

// ResultSchema names the layout of result.json.
const ResultSchema = "stream/result/v1"

// Result is the content of result.json: the figures of a run. Keys may be added
// to it, none renamed.
type Result struct {
	Schema      string          `json:"schema"`
	Inputs      Inputs          `json:"inputs"`
	Latency     unit.Cycles     `json:"latency_cycles"`
	Energy      EnergyParts     `json:"energy_pj"`
	EDP         float64         `json:"edp"` // pJ x cycles
	LowerBound  LowerBound      `json:"lower_bound"`
	Graph       GraphSize       `json:"graph"`
	Cores       []CoreUse       `json:"cores"`
	Memories    []MemoryUse     `json:"memories"`
	Allocation  []Placement     `json:"allocation"`
	Links       []LinkUse       `json:"links"`
	Transfers   TransferCounts  `json:"transfers"`
	EnergyCause EnergyBreakdown `json:"energy_by_cause_pj"`
	Search      Search          `json:"search"`
	// Bottlenecks are what latency and energy are spent on.
	Bottlenecks *Bottlenecks `json:"bottlenecks,omitempty"`
	// WhatIf is what changes of the accelerator or of the split would make of the
	// result, if it was asked for.
	WhatIf []WhatIf `json:"what_if,omitempty"`
}

// EnergyParts divides the energy by where it is spent; the parts add up to the
// total, but for rounding in the last digit.
type EnergyParts struct {
	Total   unit.Picojoules `json:"total"`
	Core    unit.Picojoules `json:"core"`    // computing, and memories inside the cores
	Offchip unit.Picojoules `json:"offchip"` // memories at both ends of off-chip transfers, and streaming
	Links   unit.Picojoules `json:"links"`
	// CoreToCoreMemory is spent in the memories at both ends of transfers
	// between cores.
	CoreToCoreMemory unit.Picojoules `json:"core_to_core_memory"`
}

// EnergyBreakdown is schedule.Energy, bucket by bucket.
type EnergyBreakdown struct {
	NodeOnchip      unit.Picojoules `json:"node_onchip"`
	FetchLink       unit.Picojoules `json:"fetch_link"`
	FetchMemory     unit.Picojoules `json:"fetch_memory"`
	EvictionLink    unit.Picojoules `json:"eviction_link"`
	EvictionMemory  unit.Picojoules `json:"eviction_memory"`
	WritebackLink   unit.Picojoules `json:"writeback_link"`
	WritebackMemory unit.Picojoules `json:"writeback_memory"`
	CoreLink        unit.Picojoules `json:"core_to_core_link"`
	CoreMemory      unit.Picojoules `json:"core_to_core_memory"`
}

// LowerBound is what no schedule of the graph can beat; 0 if unknown. What sets the
// bounds is said in words.
type LowerBound struct {
	Latency     unit.Cycles     `json:"latency_cycles"`
	SetBy       string          `json:"set_by"` // of the latency
	Energy      unit.Picojoules `json:"energy_pj"`
	EnergySetBy string          `json:"energy_set_by"`
	EDP         float64         `json:"edp"` // the product of both
}

// GraphSize counts nodes and edges. Dependencies include those inside a layer,
// which only order its nodes; DataDependencies are those that carry bits.
type GraphSize struct {
	ComputationNodes int `json:"computation_nodes"`
	Dependencies     int `json:"dependencies"`
	DataDependencies int `json:"data_dependencies"`
	// Recomputed is how many operations nodes do that others do too, to have the
	// halos of windows.
	Recomputed int64 `json:"recomputed_operations,omitempty"`
}

// CoreUse is what a core does during the schedule.
type CoreUse struct {
	ID   int         `json:"id"`
	Name string      `json:"name"`
	Busy unit.Cycles `json:"busy_cycles"`
	// Utilization is Busy as a share of the latency.
	Utilization      float64 `json:"utilization"`
	ComputationNodes int     `json:"computation_nodes"`
}

// MemoryUse is the highest use of a top memory.
type MemoryUse struct {
	Name     string    `json:"name"`
	Cores    []int     `json:"cores"`
	Capacity unit.Bits `json:"capacity_bits"`
	Peak     unit.Bits `json:"peak_bits"`
	Offchip  bool      `json:"offchip"`
}

// LinkUse is what a link does during the schedule. Its cores are -1 for "any".
type LinkUse struct {
	Name string `json:"name"`
	From int    `json:"from"`
	To   int    `json:"to"`
	// Busy is the time in which something moves or the link is reserved.
	Busy      unit.Cycles `json:"busy_cycles"`
	Transfers int         `json:"transfers"`
}

// TransferCounts counts the transfers by cause. Joined are those among them that
// share another's slot; OffchipBits all bits from and to off-chip memory, those
// of joined transfers once. Reservations for streamed operands are no transfers.
type TransferCounts struct {
	Total        int       `json:"total"`
	Fetch        int       `json:"fetch"`
	Eviction     int       `json:"eviction"`
	Writeback    int       `json:"writeback"`
	Prefetch     int       `json:"prefetch"`
	Joined       int       `json:"joined"`
	Reservations int       `json:"reservations"`
	Bits         unit.Bits `json:"bits"`
	OffchipBits  unit.Bits `json:"offchip_bits"`
}

// Placement is the core of a group of a layer's nodes.
type Placement struct {
	Layer string `json:"layer"`
	Group int    `json:"group"`
	Core  int    `json:"core"`
}

// NewResult gathers the figures of a run.
func NewResult(d *Data) *Result {
	s := d.Schedule
	e := s.Energy
	r := &Result{
		Schema:  ResultSchema,
		Inputs:  d.Inputs,
		Latency: s.Latency,
		Energy: EnergyParts{
			Total:            e.Total(),
			Core:             e.NodeOnchip,
			Offchip:          e.FetchMemory + e.EvictionMemory + e.WritebackMemory,
			Links:            e.FetchLink + e.EvictionLink + e.WritebackLink + e.CoreLink,
			CoreToCoreMemory: e.CoreMemory,
		},
		EDP:         s.EDP(),
		LowerBound:  d.LowerBound,
		Cores:       []CoreUse{},
		Memories:    []MemoryUse{},
		Links:       []LinkUse{},
		Allocation:  placements(d.Graph, d.Allocation),
		EnergyCause: EnergyBreakdown(e),
		Search:      d.Search,
	}
	r.Graph.ComputationNodes = len(d.Graph.Nodes)
	r.Graph.Dependencies, r.Graph.DataDependencies = dependencies(d.Graph)
	for i := range d.Graph.Layers {
		r.Graph.Recomputed += d.Graph.Layers[i].Recomputed()
	}
	r.countCores(d)
	r.countTransfers(d)
	r.explain(d)
	for i := range d.Accelerator.Stores {
		st := &d.Accelerator.Stores[i]
		r.Memories = append(r.Memories, MemoryUse{st.Name, st.Cores, st.Capacity, s.Memories[i].Peak(), offchipStore(d.Accelerator, st)})
	}
	return r
}

func (r *Result) countCores(d *Data) {
	for i := range d.Accelerator.Cores {
		r.Cores = append(r.Cores, CoreUse{ID: i, Name: d.Accelerator.Cores[i].Name})
	}
	for _, t := range d.Schedule.Tasks {
		c := &r.Cores[t.Core]
		c.Busy += t.End - t.Start
		c.ComputationNodes++
	}
	for i := range r.Cores {
		r.Cores[i].Utilization = float64(r.Cores[i].Busy) / float64(max(d.Schedule.Latency, 1))
	}
}

func (r *Result) countTransfers(d *Data) {
	links := make([]lane, len(d.Accelerator.Links))
	n := &r.Transfers
	counts := make([]int, len(links))
	for i := range d.Schedule.Transfers {
		t := &d.Schedule.Transfers[i]
		n.Total++
		switch t.Cause {
		case schedule.Fetch:
			n.Fetch++
		case schedule.Eviction:
			n.Eviction++
		case schedule.Writeback:
			n.Writeback++
		case schedule.Prefetch:
			n.Prefetch++
		}
		if t.Joined {
			n.Joined++
		} else {
			n.Bits += t.Bits
		}
		n.OffchipBits += offchipBits(d.Accelerator, t)
		for _, l := range t.Links {
			counts[l]++
			add(&links[l], box{start: t.Start, end: t.End})
		}
	}
	n.Reservations = len(d.Schedule.Blocks)
	for i := range d.Schedule.Blocks {
		b := &d.Schedule.Blocks[i]
		for _, l := range b.Links {
			add(&links[l], box{start: b.Start, end: b.End})
		}
	}
	ids := d.Accelerator.LinkIDs()
	for i := range links {
		l := &d.Accelerator.Links[i]
		links[i].settle()
		r.Links = append(r.Links, LinkUse{ids[i], l.From, l.To, links[i].busy, counts[i]})
	}
}

// offchipBits is what a transfer moves out of or into off-chip memory: of a broadcast, what
// is read once counts once.
func offchipBits(a *hardware.Accelerator, t *schedule.Transfer) unit.Bits {
	if int(t.To) == a.Offchip || int(t.From) == a.Offchip && !t.Joined {
		return t.Bits
	}
	return 0
}

// placements lists an allocation layer by layer. Layers without nodes have none.
func placements(g *taskgraph.Graph, a *schedule.Allocation) []Placement {
	all := []Placement{}
	names := layerNames(g.Layers)
	for l := range g.Layers {
		if len(g.Layers[l].Nodes) == 0 {
			continue
		}
		for group, core := range a.Cores[l] {
			all = append(all, Placement{names[l], group, core})
		}
	}
	return all
}

// WriteResult writes result.json: a key a line, and an element a line of its
// lists.
func WriteResult(w io.Writer, d *Data) error { return NewResult(d).Write(w) }

// Write writes result.json.
func (r *Result) Write(w io.Writer) error { return writeJSON(w, r, 2) }

// WriteResults writes a list of results, as "run --json" prints it.
func WriteResults(w io.Writer, results []*Result) error { return writeJSON(w, results, 3) }

// writeJSON encodes a value with its structure laid out on lines down to the
// given depth and the rest in one line each.
func writeJSON(w io.Writer, v any, depth int) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("encoding: %w", err)
	}
	out := bufio.NewWriterSize(w, 1<<16)
	layOut(out, bytes.TrimSpace(b.Bytes()), depth)
	return out.Flush()
}

// layOut breaks compact JSON into lines where it is nested less than depth deep,
// except that objects are only opened on the first two levels.
func layOut(out *bufio.Writer, src []byte, depth int) {
	level, quoted := 0, false
	open := make([]bool, 0, 8) // per level: laid out on lines
	line := func() {
		out.WriteByte('\n')
		for range level {
			out.WriteString("  ")
		}
	}
	for i := 0; i < len(src); i++ {
		c := src[i]
		if quoted {
			out.WriteByte(c)
			if c == '\\' {
				i++
				out.WriteByte(src[i])
			}
			quoted = c != '"'
			continue
		}
		switch c {
		case '"':
			quoted = true
			out.WriteByte(c)
		case '{', '[':
			lines := level < depth && (c == '[' || level < depth-1) && src[i+1] != '}' && src[i+1] != ']'
			open = append(open, lines)
			level++
			out.WriteByte(c)
			if lines {
				line()
			}
		case '}', ']':
			level--
			if open[level] {
				line()
			}
			open = open[:level]
			out.WriteByte(c)
		case ',':
			out.WriteByte(c)
			if open[level-1] {
				line()
			} else {
				out.WriteByte(' ')
			}
		case ':':
			out.WriteString(": ")
		default:
			out.WriteByte(c)
		}
	}
	out.WriteByte('\n')
}

// ReadResult reads a result.json; file is its name in messages. Keys that are
// not known are skipped: later versions may add some.
func ReadResult(file string, src []byte) (*Result, error) {
	r := &Result{}
	if err := json.Unmarshal(src, r); err != nil {
		return nil, jsonProblem(file, src, err)
	}
	if r.Schema != ResultSchema {
		return nil, diag.List{{File: file, Message: fmt.Sprintf("schema is %q", r.Schema), Allowed: fmt.Sprintf("%q", ResultSchema),
			Hint: "name a folder that `stream run` wrote"}}
	}
	return r, nil
}

// jsonProblem places an error that json.Unmarshal found in src.
func jsonProblem(file string, src []byte, err error) diag.List {
	p := diag.Problem{File: file, Message: err.Error()}
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	at := len(src)
	switch {
	case errors.As(err, &syntax) && syntax.Error() == "unexpected end of JSON input":
		p.Message = "not JSON: the file ends too early"
	case errors.As(err, &syntax):
		at = int(syntax.Offset) - 1
		p.Message = "not JSON: " + syntax.Error()
	case errors.As(err, &kind):
		at = int(kind.Offset) - 1
		p.Message = fmt.Sprintf("%s is a %s", kind.Field, kind.Value)
		p.Allowed = kindName(kind.Type.Kind())
	}
	p.Line, p.Column = position(src, at)
	return diag.List{p}
}

// kindName names what JSON can be read into a kind of value.
func kindName(k reflect.Kind) string {
	switch {
	case k == reflect.String:
		return "text"
	case k == reflect.Bool:
		return "true, false"
	case k == reflect.Slice, k == reflect.Array:
		return "a list"
	case k == reflect.Struct, k == reflect.Map:
		return "an object"
	case k == reflect.Float32, k == reflect.Float64:
		return "a number"
	}
	return "a whole number"
}

// position is the line and column of an offset, from 1.
func position(src []byte, at int) (line, column int) {
	before := src[:min(max(at, 0), len(src))]
	return 1 + bytes.Count(before, []byte{'\n'}), len(before) - bytes.LastIndexByte(before, '\n')
}
