package yamlschema

import "github.com/invopop/jsonschema"

// Accelerator is an accelerator: cores, the off-chip memory and the links between them.
type Accelerator struct {
	// Name of the accelerator.
	Name word `json:"name"`
	// The file of each core, by id from 0, or the core itself.
	Cores map[string]CoreOrFile `json:"cores"`
	// The file of the core in front of the off-chip memory; its id follows the others, and it is connected to all of them.
	OffchipCore *CoreOrFile `json:"offchip_core,omitempty"`
	// The id of the core in front of the off-chip memory, one of those under cores.
	OffchipCoreID *int `json:"offchip_core_id,omitempty" jsonschema:"minimum=0"`
	// Bandwidth of connections that give none, in bits per cycle.
	Bandwidth *float64 `json:"bandwidth,omitempty" jsonschema:"exclusiveMinimum=0"`
	// Energy of a connection that gives none, in pJ per cycle of activity.
	UnitEnergy *float64 `json:"unit_energy_cost,omitempty" jsonschema:"minimum=0"`
	// Likewise, in pJ per bit that it carries, besides.
	BitEnergy *float64 `json:"energy_per_bit,omitempty" jsonschema:"minimum=0"`
	// The links and buses between cores.
	Connectivity []Connection `json:"core_connectivity"`
	// Cores that share their top-level memories.
	Sharing []coreIDs `json:"core_memory_sharing,omitempty"`
	// Where each core is drawn: column and row. No figure depends on it.
	Coordinates map[string][2]int `json:"core_coordinates,omitempty"`
	// The process, e.g. n3. No figure depends on it.
	TechnologyNode word `json:"technology_node,omitempty"`
	// Has no effect.
	MemoryAliases any `json:"memory_aliases,omitempty"`
	// Has no effect.
	FIFODepth any `json:"max_object_fifo_depth,omitempty"`
}

// CoreOrFile is a core in place, or the name of its file.
type CoreOrFile struct{}

// JSONSchema is that of a core or the name of its file.
func (CoreOrFile) JSONSchema() *jsonschema.Schema {
	s := either(Core{}, Tile{})
	s.AnyOf = append([]*jsonschema.Schema{{Type: "string", MinLength: new(uint64(1))}}, s.AnyOf...)
	return s
}

// Connection is a link between two cores, or a bus.
type Connection struct{}

// JSONSchema is that of a connection.
func (Connection) JSONSchema() *jsonschema.Schema {
	s := either(Link{})
	s.AnyOf = append(s.AnyOf, (coreIDs{}).JSONSchema().AnyOf...)
	return s
}

// Link is a connection with figures of its own.
type Link struct {
	// A link joins two cores, a bus several.
	Type string `json:"type,omitempty" jsonschema:"enum=link,enum=bus"`
	// The cores that it joins.
	Cores coreIDs `json:"cores"`
	// In bits per cycle.
	Bandwidth *float64 `json:"bandwidth,omitempty" jsonschema:"exclusiveMinimum=0"`
	// In pJ per cycle of activity.
	UnitEnergy *float64 `json:"unit_energy_cost,omitempty" jsonschema:"minimum=0"`
	// In pJ per bit carried, besides.
	BitEnergy *float64 `json:"energy_per_bit,omitempty" jsonschema:"minimum=0"`
}

// Mesh is an accelerator in the format of July to September 2024: a grid of cores, or
// cores on a bus.
type Mesh struct {
	// Name of the accelerator.
	Name word `json:"name"`
	// The files of the cores, column by column.
	Cores []CoreOrFile `json:"cores"`
	// The grid or the bus.
	Graph Grid `json:"graph"`
}

// Grid is how the cores are connected.
type Grid struct {
	// A grid has rows and columns, a bus has not.
	Type string `json:"type" jsonschema:"enum=2d_mesh,enum=bus"`
	// Of every link, in bits per cycle.
	Bandwidth float64 `json:"bandwidth" jsonschema:"exclusiveMinimum=0"`
	Rows      *int    `json:"nb_rows,omitempty"`
	Columns   *int    `json:"nb_cols,omitempty"`
	// In pJ per cycle of activity.
	UnitEnergy *float64 `json:"unit_energy_cost,omitempty" jsonschema:"minimum=0"`
	// In pJ per bit carried, besides.
	BitEnergy *float64 `json:"energy_per_bit,omitempty" jsonschema:"minimum=0"`
	Pooling   *int     `json:"pooling_core_id,omitempty"`
	SIMD      *int     `json:"simd_core_id,omitempty"`
	Offchip   *int     `json:"offchip_core_id,omitempty"`
}

// Core is a core: an array of processing elements and its memories.
type Core struct {
	// Name of the core.
	Name word `json:"name"`
	// The memories, the lowest first.
	Memories map[string]Memory `json:"memories"`
	// The array of processing elements; a core that only stores has the size 0.
	Array *Array `json:"operational_array,omitempty"`
	// An older name of operational_array.
	Multipliers *Array `json:"multipliers,omitempty"`
	// Loops that are unrolled over the array's dimensions.
	Dataflows map[arrayDim][]unrolling `json:"dataflows,omitempty"`
	Common
}

// JSONSchemaExtend asks for an array under one of its names.
func (Core) JSONSchemaExtend(s *jsonschema.Schema) {
	s.OneOf = []*jsonschema.Schema{{Required: []string{"operational_array"}}, {Required: []string{"multipliers"}}}
}

// Common is what cores of all kinds may have.
type Common struct {
	// What the core does.
	Type string `json:"type,omitempty" jsonschema:"enum=compute,enum=zigzag.compute,enum=aie2.compute,enum=memory,enum=zigzag.memory,enum=aie2.memory,enum=shim,enum=zigzag.shim,enum=aie2.shim,enum=offchip,enum=zigzag.offchip,enum=aie2.offchip"`
	// Operators that the core takes; all if there is none.
	OperatorTypes []word `json:"operator_types,omitempty"`
	// Has no effect.
	OperandPrecision any `json:"operand_precision,omitempty"`
	// Has no effect.
	Utilization any `json:"utilization,omitempty"`
	// Has no effect.
	FIFODepth any `json:"max_object_fifo_depth,omitempty"`
}

// Tile is a core of an AI-engine array: one memory for all operands, and no array.
type Tile struct {
	// Name of the core.
	Name word `json:"name"`
	// Its memory.
	Memory TileMemory `json:"memory"`
	Common
}

// TileMemory is the memory of a tile.
type TileMemory struct {
	// In bits.
	Capacity int `json:"capacity" jsonschema:"minimum=1"`
	// The granularity of an access, in bits per cycle.
	BandwidthMin float64 `json:"bandwidth_min" jsonschema:"exclusiveMinimum=0"`
	// In bits per cycle.
	BandwidthMax float64 `json:"bandwidth_max" jsonschema:"exclusiveMinimum=0"`
}

// Memory is a level of a core's memory hierarchy. In the older notation, ports are
// counted (r_port, w_port, rw_port) and have one bandwidth each (r_bw, w_bw).
type Memory struct {
	// Of one instance, in bits.
	Size int `json:"size" jsonschema:"minimum=1"`
	// Energy of a read of the full width of a port, in pJ.
	ReadCost float64 `json:"r_cost" jsonschema:"minimum=0"`
	// Energy of a write of the full width of a port, in pJ.
	WriteCost float64 `json:"w_cost" jsonschema:"minimum=0"`
	// No figure depends on it.
	Area float64 `json:"area" jsonschema:"minimum=0"`
	// What the memory can hold: I1 (usually activations), I2 (usually weights), O.
	Operands []operandName `json:"operands" jsonschema:"minItems=1"`
	// The ports; in the older notation one map per operand, from directions to ports.
	Ports []PortOrMap `json:"ports"`
	// The array dimensions along which one instance serves all processing elements.
	Served []arrayDim `json:"served_dimensions"`
	// In bits per cycle.
	ReadBandwidth *float64 `json:"r_bw,omitempty" jsonschema:"exclusiveMinimum=0"`
	// In bits per cycle.
	WriteBandwidth *float64 `json:"w_bw,omitempty" jsonschema:"exclusiveMinimum=0"`
	// Number of ports that read.
	ReadPorts *int `json:"r_port,omitempty" jsonschema:"minimum=0"`
	// Number of ports that write.
	WritePorts *int `json:"w_port,omitempty" jsonschema:"minimum=0"`
	// Number of ports that read and write.
	ReadWritePorts *int `json:"rw_port,omitempty" jsonschema:"minimum=0"`
	// Granularity of a read, in bits.
	MinRead *float64 `json:"min_r_granularity,omitempty"`
	// Granularity of a write, in bits.
	MinWrite *float64 `json:"min_w_granularity,omitempty"`
	// Has no effect.
	Latency *int `json:"latency,omitempty" jsonschema:"minimum=0"`
	// Has no effect.
	MemoryType word `json:"mem_type,omitempty"`
	// Costs have to be given.
	AutoCost bool `json:"auto_cost_extraction,omitempty" jsonschema:"enum=false"`
	// Has no effect.
	ForceDoubleBuffering bool `json:"force_double_buffering,omitempty"`
}

// PortOrMap is a port, or in the older notation the ports of one operand.
type PortOrMap struct{}

// JSONSchema is that of a port in either notation.
func (PortOrMap) JSONSchema() *jsonschema.Schema { return either(Port{}, PortMap{}) }

// Port is a port of a memory.
type Port struct {
	// Name of the port: r_port_1, w_port_1, rw_port_1, ...
	Name string `json:"name" jsonschema:"pattern=^(rw?|w)_port_[0-9]+$"`
	// What it can do.
	Type string `json:"type" jsonschema:"enum=read,enum=write,enum=read_write"`
	// The granularity of an access, in bits per cycle.
	BandwidthMin float64 `json:"bandwidth_min" jsonschema:"exclusiveMinimum=0"`
	// In bits per cycle.
	BandwidthMax float64 `json:"bandwidth_max" jsonschema:"exclusiveMinimum=0"`
	// What it moves.
	Allocation []portDuty `json:"allocation"`
}

// PortMap names the port for each direction of an operand.
type PortMap struct {
	// To the lower level.
	ToLow string `json:"tl,omitempty"`
	// From the lower level.
	FromLow string `json:"fl,omitempty"`
	// To the higher level.
	ToHigh string `json:"th,omitempty"`
	// From the higher level.
	FromHigh string `json:"fh,omitempty"`
}

// Array is an array of processing elements.
type Array struct {
	// D1, D2, ...
	Dimensions []arrayDim `json:"dimensions" jsonschema:"minItems=1"`
	// Processing elements along each dimension.
	Sizes []int `json:"sizes" jsonschema:"minItems=1"`
	// Energy of one operation, in pJ.
	UnitEnergy *float64 `json:"unit_energy,omitempty" jsonschema:"minimum=0"`
	// No figure depends on it.
	UnitArea *float64 `json:"unit_area,omitempty" jsonschema:"minimum=0"`
	// An older name of unit_energy.
	MultiplierEnergy *float64 `json:"multiplier_energy,omitempty" jsonschema:"minimum=0"`
	// An older name of unit_area.
	MultiplierArea *float64 `json:"multiplier_area,omitempty" jsonschema:"minimum=0"`
	// Whether the array computes in memory.
	InMemory bool `json:"is_imc,omitempty"`
	// How it computes in memory.
	InMemoryType string `json:"imc_type,omitempty" jsonschema:"enum=analog,enum=digital"`
	// Bits of the converters of an analog array.
	ADC *float64 `json:"adc_resolution,omitempty" jsonschema:"minimum=0"`
	// Bits of an activation that go in at a time.
	BitSerial *int `json:"bit_serial_precision,omitempty" jsonschema:"minimum=1"`
	// Bits of an activation and of a weight.
	InputPrecision []int `json:"input_precision,omitempty" jsonschema:"minItems=2,maxItems=2"`
}
