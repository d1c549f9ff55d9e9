package report

import (
	"encoding/json"
	"io"

	"streamdse/hardware"
	"streamdse/imc"
	"streamdse/loopnest"
	"streamdse/unit"
	"streamdse/workload"
)

// CoreSchema names the layout of a CoreResult.
const CoreSchema = "stream/core/v1"

// CoreInputs are what a single-core result was made from.
type CoreInputs struct {
	Workload Input  `json:"workload"`
	Hardware Input  `json:"hardware"`
	Mapping  Input  `json:"mapping"`
	Core     string `json:"core"`
	Search   string `json:"search"`
	// Allocation is how loops were allocated to memories: "greedy" or "free".
	Allocation string `json:"allocation"`
	// Model is the latency model, "published" or "physical".
	Model     string `json:"model"`
	LPFLimit  int    `json:"lpf_limit"`
	Effort    int64  `json:"effort"`
	Objective string `json:"objective"`
	Mixed     bool   `json:"mixed_spatial"`
	Locality  bool   `json:"exploit_locality"`
	Even      bool   `json:"even"`
}

// CoreData is a single-core result with all that it refers to. Nothing in it is
// changed.
type CoreData struct {
	Inputs CoreInputs
	Layers []MappedLayer
	Array  *imc.Array // nil unless the core computes in memory
	// Interrupted tells that the search was ended early.
	Interrupted bool
}

// MappedLayer is the best mapping of one layer, or the reason why there is none.
type MappedLayer struct {
	Layer *workload.Layer
	Core  *hardware.Core
	*loopnest.Evaluation
	Reason    string           // without an Evaluation
	Misfit    *loopnest.Misfit // the same with numbers, if the layer does not fit the memories
	Unrolling loopnest.Spatial
	Evaluated int64
	Unfit     int64
	Proven    bool
	Gap       float64 // part by which something unseen could at most be better, unless proven
	OpenTie   bool    // something unseen may be as good in the first figure and better in the second
	Pruned    int64
	Local     *Local
}

// Local names the memories that the data of a layer goes up to.
type Local struct {
	Activations string `json:"activations"`
	Weights     string `json:"weights"`
	Output      string `json:"output"`
}

// CoreResult is what `stream core --json` prints. Keys may be added to it, none
// renamed.
type CoreResult struct {
	Schema      string          `json:"schema"`
	Inputs      CoreInputs      `json:"inputs"`
	Energy      unit.Picojoules `json:"energy_pj"`
	Latency     float64         `json:"latency_cycles"`
	EDP         float64         `json:"edp"` // pJ x cycles
	Unmapped    int             `json:"layers_without_mapping"`
	Interrupted bool            `json:"interrupted"`
	InMemory    *InMemoryArray  `json:"in_memory_array,omitempty"`
	Layers      []LayerResult   `json:"layers"`
}

// InMemoryArray is the array of a core that computes in memory.
type InMemoryArray struct {
	CyclesPerOperation float64      `json:"cycles_per_operation"`
	Clock              float64      `json:"clock_period_ns"`
	ClockParts         InMemoryPart `json:"clock_parts_ns"`
	Area               float64      `json:"area_mm2"` // with one instance of every memory
	AreaParts          InMemoryPart `json:"area_parts_mm2"`
	PeakTOPS           float64      `json:"peak_tops"`
	PeakTOPSPerWatt    float64      `json:"peak_tops_per_w"`
	PeakTOPSPerMM2     float64      `json:"peak_tops_per_mm2"`
}

// InMemoryPart is a figure by the parts of an array that computes in memory.
type InMemoryPart struct {
	Cells             float64 `json:"cells"`
	DACs              float64 `json:"dacs"`
	ADCs              float64 `json:"adcs"`
	Multipliers       float64 `json:"multipliers"`
	BitlineAddition   float64 `json:"bitline_addition"`
	RegularAdders     float64 `json:"regular_adders"`
	PlaceValueAdders  float64 `json:"place_value_adders"`
	Accumulators      float64 `json:"accumulators"`
	BitlinePrecharges float64 `json:"bitline_precharges"`
}

// LayerLatency is the run time of a layer by cause.
type LayerLatency struct {
	Compute float64 `json:"compute"`
	Stall   float64 `json:"stall"`
	Onload  float64 `json:"onload"`
	Offload float64 `json:"offload"`
	Total   float64 `json:"total"`
}

// LayerResult is one layer. Without a mapping, Reason says why, and all figures
// are 0.
type LayerResult struct {
	ID        int             `json:"id"`
	Name      string          `json:"name"`
	Type      string          `json:"type"`
	Energy    unit.Picojoules `json:"energy_pj"`
	Latency   LayerLatency    `json:"latency_cycles"`
	Spatial   SpatialResult   `json:"spatial"`
	Temporal  []LoopResult    `json:"temporal"` // innermost first
	Evaluated int64           `json:"evaluated"`
	Unfit     int64           `json:"unfit"` // of the evaluated nests
	Pruned    int64           `json:"pruned"`
	Proven    bool            `json:"proven_optimal"`
	Gap       float64         `json:"gap"` // part by which something unseen could at most be better
	OpenTie   bool            `json:"open_tie,omitempty"`
	Reason    string          `json:"reason,omitempty"`
	Misfit    *MisfitResult   `json:"misfit,omitempty"`
	Loops     []LoopResult    `json:"loops"` // of the layer
	MACs      int64           `json:"macs"`

	Ideal           int64            `json:"ideal_cycles"`
	Utilization     LayerUtilization `json:"utilization"`
	OperationEnergy unit.Picojoules  `json:"operation_energy_pj"`
	MemoryEnergy    unit.Picojoules  `json:"memory_energy_pj"`
	InMemoryEnergy  *InMemoryPart    `json:"operation_energy_parts_pj,omitempty"`
	Operands        []OperandResult  `json:"operands"`
	Stall           *StallResult     `json:"stall" jsonschema:"nullable"` // null if nothing stalls
	Ports           []PortResult     `json:"ports"`
	Roofline        *RooflineResult  `json:"roofline"`
	Locality        *Local           `json:"locality,omitempty"`
}

// MisfitResult says what the nest that came closest to fitting lacked.
type MisfitResult struct {
	Memory   string    `json:"memory"`
	Operands string    `json:"operands"`
	Level    int       `json:"level"` // of the memory for the first of the operands, 0 the lowest
	Needed   unit.Bits `json:"needed_bits"`
	Capacity unit.Bits `json:"capacity_bits"`
	Excess   unit.Bits `json:"excess_bits"` // 0 if the memory lacks a port
}

// SpatialResult lists what is laid on each array dimension.
type SpatialResult map[string][]UnrollingResult

// UnrollingResult is an unrolled loop: the factor chosen, and the one in use on
// average when the loop is filled evenly.
type UnrollingResult struct {
	Dim    workload.Dim `json:"dim"`
	Factor int          `json:"factor"`
	Used   float64      `json:"used"`
}

// LoopResult is a loop with its number of iterations.
type LoopResult struct {
	Dim  workload.Dim `json:"dim"`
	Size int          `json:"size"`
}

// LayerUtilization is the used part of the array: what the unrolling makes of
// it, and what remains of that with stalls and with loading.
type LayerUtilization struct {
	Spatial     float64 `json:"spatial"`
	WithStalls  float64 `json:"with_stalls"`
	WithOnload  float64 `json:"with_onload"`
	WithLoading float64 `json:"with_loading"` // on- and offloading
}

// OperandResult is an operand with its memories, lowest first.
type OperandResult struct {
	Name   string          `json:"name"`
	Link   string          `json:"memory_operand"`
	Energy unit.Picojoules `json:"energy_pj"`
	Levels []LevelResult   `json:"levels"`
}

// LevelResult is a memory as one operand uses it.
type LevelResult struct {
	Memory         string                     `json:"memory"`
	Loops          []LoopResult               `json:"loops"`
	Energy         unit.Picojoules            `json:"energy_pj"`
	ByDirection    map[string]unit.Picojoules `json:"energy_by_direction_pj"`
	Accesses       map[string]int64           `json:"accesses"` // of the full port width
	Instances      int64                      `json:"instances"`
	Elements       int64                      `json:"elements"` // in one instance
	Bits           unit.Bits                  `json:"bits"`
	Utilization    float64                    `json:"utilization"`        // of the memory, by the operand
	Shared         float64                    `json:"utilization_shared"` // by all operands
	DoubleBuffered bool                       `json:"double_buffered"`
}

// StallResult says what holds the computation up.
type StallResult struct {
	Cycles  int64  `json:"cycles"`
	Memory  string `json:"memory"`
	Port    string `json:"port"`
	Operand string `json:"operand"` // the one to blame most
	Moving  string `json:"direction"`
	Why     string `json:"why"`
}

// PortResult is a port during the computation.
type PortResult struct {
	Memory     string           `json:"memory"`
	Port       string           `json:"port"`
	Stall      int64            `json:"stall_cycles"` // negative: slack
	Activities []ActivityResult `json:"activities"`
	Borrowed   float64          `json:"borrowed_cycles"` // by first fills and last write-backs
}

// ActivityResult is one duty of a port.
type ActivityResult struct {
	Operand   string `json:"operand"`
	Direction string `json:"direction"`
	Real      int64  `json:"real_cycles"`
	Allowed   int64  `json:"allowed_cycles"`
	Period    int64  `json:"period_cycles"`
	Count     int64  `json:"periods"`
}

// RooflineResult is the position of the layer in the roofline model.
type RooflineResult struct {
	Peak     float64      `json:"peak_operations_per_cycle"`
	Unrolled float64      `json:"unrolled_operations_per_cycle"` // of the part of the array in use
	Achieved float64      `json:"achieved_operations_per_cycle"`
	Bound    string       `json:"bound"` // "array", "unrolling" (of less than half of it), or the memory with the lowest roof
	Roofs    []RoofResult `json:"roofs"`
}

// RoofResult is the roof of one port.
type RoofResult struct {
	Memory    string            `json:"memory"`
	Port      string            `json:"port"`
	Bits      float64           `json:"bits"`
	Intensity float64           `json:"operations_per_bit"`
	Bandwidth unit.BitsPerCycle `json:"bandwidth_bits_per_cycle"`
	Limit     float64           `json:"operations_per_cycle"`
	Cycles    float64           `json:"least_cycles"`
}

// NewCoreResult gathers the figures of a single-core result.
func NewCoreResult(d *CoreData) *CoreResult {
	r := &CoreResult{Schema: CoreSchema, Inputs: d.Inputs, Interrupted: d.Interrupted, Layers: make([]LayerResult, 0, len(d.Layers))}
	for i := range d.Layers {
		l := layerResult(&d.Layers[i])
		r.Layers = append(r.Layers, l)
		r.Energy += l.Energy
		r.Latency += l.Latency.Total
		if d.Layers[i].Evaluation == nil {
			r.Unmapped++
		}
	}
	r.EDP = float64(r.Energy) * r.Latency
	if a := d.Array; a != nil {
		clock, area, peak := a.Clock(), a.Area(), a.Peak()
		r.InMemory = &InMemoryArray{
			CyclesPerOperation: a.CyclesPerOperation(),
			Clock:              clock.Sum(), ClockParts: InMemoryPart(clock),
			Area: a.TotalArea(), AreaParts: InMemoryPart(area),
			PeakTOPS: peak.TOPS, PeakTOPSPerWatt: peak.TOPSPerWatt, PeakTOPSPerMM2: peak.TOPSPerMM2,
		}
	}
	return r
}

// WriteCore writes a single-core result as JSON.
func WriteCore(w io.Writer, r *CoreResult) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(r)
}

func loopResults(loops []workload.LoopDim) []LoopResult {
	out := make([]LoopResult, len(loops))
	for i, l := range loops {
		out[i] = LoopResult(l)
	}
	return out
}

func layerResult(l *MappedLayer) LayerResult {
	r := LayerResult{
		ID: l.Layer.ID, Name: l.Layer.Name, Type: l.Layer.Type, MACs: l.Layer.MACs(), Loops: loopResults(l.Layer.Dims),
		Evaluated: l.Evaluated, Unfit: l.Unfit, Pruned: l.Pruned, Proven: l.Proven, Gap: l.Gap, OpenTie: l.OpenTie, Reason: l.Reason, Locality: l.Local,
		Spatial: SpatialResult{}, Temporal: []LoopResult{}, Operands: []OperandResult{}, Ports: []PortResult{},
	}
	if m := l.Misfit; m != nil {
		r.Misfit = &MisfitResult{m.Memory, m.Operand, m.Level, m.Asked, m.Capacity, max(0, m.Asked-m.Capacity)}
	}
	e := l.Evaluation
	if e == nil {
		return r
	}
	r.Energy, r.OperationEnergy, r.MemoryEnergy = e.Energy, e.OperationEnergy, e.MemoryEnergy
	r.Latency = LayerLatency{e.Compute, e.Stall, e.Onload, e.Offload, e.Total()}
	r.Temporal = loopResults(e.Order)
	r.Ideal = e.IdealCycles
	ideal := float64(e.IdealCycles)
	r.Utilization = LayerUtilization{e.Utilization, ideal / (e.Compute + e.Stall), ideal / (e.Compute + e.Stall + e.Onload), e.BusyFraction()}
	if e.InMemory != nil {
		parts := InMemoryPart(*e.InMemory)
		r.InMemoryEnergy = &parts
	}
	for _, axis := range l.Unrolling {
		r.Spatial[l.Core.Dims[axis.Array]] = unrolled(axis, e)
	}
	for i := range e.Operands {
		r.Operands = append(r.Operands, operandResult(&e.Operands[i], l.Core))
	}
	for i := range e.Ports {
		r.Ports = append(r.Ports, portResult(&e.Ports[i], l.Core))
	}
	r.Stall = stallResult(e, l.Core)
	r.Roofline = rooflineResult(e, l.Core)
	return r
}

// unrolled lists the loops of an axis with the factor asked for and the one used.
func unrolled(axis loopnest.Axis, e *loopnest.Evaluation) []UnrollingResult {
	list := []UnrollingResult{}
	for _, u := range axis.Loops {
		x := UnrollingResult{workload.Dim(u.Dim), u.Factor, float64(u.Factor)}
		for _, use := range e.Spatial {
			for _, s := range use.Loops {
				if use.Array == axis.Array && string(s.Dim) == u.Dim {
					x.Used = s.Size
				}
			}
		}
		list = append(list, x)
	}
	return list
}

func operandResult(o *loopnest.OperandUse, core *hardware.Core) OperandResult {
	r := OperandResult{Name: o.Name, Link: o.Link.String(), Energy: o.Energy()}
	for i := range o.Levels {
		u := &o.Levels[i]
		l := LevelResult{
			Memory: core.Memories[u.Memory].Name, Loops: loopResults(u.Loops), Energy: u.TotalEnergy,
			ByDirection: map[string]unit.Picojoules{}, Accesses: map[string]int64{},
			Instances: u.Instances, Elements: u.Elements, Bits: unit.Bits(u.Elements) * u.Precision,
			Utilization: u.Utilization.Own, Shared: u.Utilization.Shared, DoubleBuffered: u.DoubleBuffered,
		}
		for d := range u.Accesses {
			if u.Accesses[d] != 0 {
				name := hardware.Direction(d).String()
				l.ByDirection[name], l.Accesses[name] = u.Energy[d], u.Accesses[d]
			}
		}
		r.Levels = append(r.Levels, l)
	}
	return r
}

func portResult(p *loopnest.PortUse, core *hardware.Core) PortResult {
	m := &core.Memories[p.Memory]
	r := PortResult{Memory: m.Name, Port: m.Ports[p.Port].Name, Stall: p.Stall, Activities: []ActivityResult{}}
	for _, a := range p.Activities {
		r.Activities = append(r.Activities, ActivityResult{a.Operand, a.Direction.String(), a.Real, a.Allowed, a.Period, a.Count})
	}
	for _, b := range p.Borrowed {
		r.Borrowed += b.Cycles
	}
	return r
}

func rooflineResult(e *loopnest.Evaluation, core *hardware.Core) *RooflineResult {
	line := e.Roofline(core)
	r := &RooflineResult{Peak: line.Peak, Unrolled: line.Unrolled, Achieved: line.Achieved, Bound: "array", Roofs: []RoofResult{}}
	if line.Unrolled < line.Peak/2 {
		r.Bound = "unrolling"
	}
	if low := line.Lowest(); low != nil {
		r.Bound = core.Memories[low.Memory].Name
	}
	for i := range line.Roofs {
		x := &line.Roofs[i]
		m := &core.Memories[x.Memory]
		r.Roofs = append(r.Roofs, RoofResult{m.Name, m.Ports[x.Port].Name, x.Bits, x.Intensity, x.Bandwidth, x.Limit, x.Cycles()})
	}
	return r
}
