package loopnest

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"streamdse/hardware"
	"streamdse/imc"
	"streamdse/unit"
	"streamdse/workload"
)

// maxOperands is the number of operands that a core can hold at the same time:
// one for each memory operand.
const maxOperands = hardware.NumMemoryOperands

// Problem is a layer on a core, without a loop nest yet.
type Problem struct {
	// Layer has the loop sizes of what is computed at a time (a whole layer or a
	// tile of it). Relation.Size is the extent that index dimensions are clipped
	// to; 0 means that it follows from the loops and the padding.
	Layer *workload.Layer
	Core  *hardware.Core
	// Links names the memory operand that holds each operand of the layer, in the
	// order of Layer.Operands. No two may be the same.
	Links []hardware.MemoryOperand
	// Even asks that a loop which one operand of a shared memory has in that
	// memory is not left to a higher memory by another operand of it. The default,
	// uneven allocation, has no such rule.
	Even bool
	// Bounded lets a memory take no more loops of an operand than each memory above
	// it can hold the data of, beside the least that the other operands need there.
	// Without it, lower memories are filled as the
	// published tool fills them, and an order whose data then finds no room above does
	// not fit.
	Bounded bool
	// RefetchStationary makes an input be read from its lowest memory in every
	// cycle, even while the value at the processing element stays the same.
	RefetchStationary bool
	// Physical takes the latency model in which a larger memory or a wider port never
	// makes a nest slower; see the documentation of the package.
	Physical bool
	// ElementBandwidth counts average bandwidths in elements instead of bits per
	// cycle, as the release of the model that the published multi-core scheduler
	// of November 2024 is pinned to (3.7.2). Ports then seem to have more time left
	// to hide first fills in, so Onload and Offload become smaller.
	ElementBandwidth bool
}

// Loop is one temporal loop: Dim is an index into Layer.Dims.
type Loop struct{ Dim, Size int }

// class says how a loop dimension relates to an operand.
type class uint8

const (
	neutral    class = iota // size 1: makes no difference to the operand
	relevant                // indexes the operand
	irrelevant              // does not: iterations reuse the operand
	partial                 // one of the two loops of an index dimension of the operand
)

// relation is an index dimension that combines two loops.
type relation struct {
	a, b         int   // loop dimensions, -1 if the layer has no such loop
	stepA, stepB int64 // their coefficients divided by the greatest common divisor
	limit        int64 // extent in the real tensor
	// divided is the relation if it has a divisor or slack, else nil.
	divided *workload.Relation
}

// span is the number of distinct positions that a steps of the one and b steps
// of the other loop touch: the kernel windows minus their overlap.
func (r *relation) span(a, b int64) int64 {
	return a*b - max(0, b-r.stepA)*(a-r.stepB)
}

// extent is the span clipped to the tensor. Fractional sizes, which come from
// spatial unrollings that do not divide a loop, count in full steps only.
func (r *relation) extent(sizes []float64) float64 {
	a, b := int64(1), int64(1)
	if r.a >= 0 {
		a = int64(sizes[r.a])
	}
	if r.b >= 0 {
		b = int64(sizes[r.b])
	}
	if r.divided != nil {
		return float64(min(r.limit, int64(r.divided.Distinct(int(a), int(b)))))
	}
	return float64(min(r.limit, r.span(a, b)))
}

// direction is how one operand moves through one level in one direction.
type direction struct {
	port      int     // index into Model.ports, -1 if there is none
	min, max  float64 // granularity and bandwidth of the port, bits per cycle
	unitShare float64 // min/max: the part of a full-width access that a granule is
	cost      float64 // energy of a full-width access
}

// level is one memory as seen by one operand.
type level struct {
	memory int // index into Core.Memories
	size   float64
	moves  [hardware.NumDirections]direction
}

// operand is a layer operand with its memories.
type operand struct {
	name   string
	link   hardware.MemoryOperand
	output bool
	bits   int64 // precision; of a partial sum for the output
	final  int64 // precision of a finished output element
	class  []class
	// relevant lists the dimensions whose sizes multiply to the tensor size, in the
	// order of the equation; relations follow them.
	relevant  []int
	relations bool // indexed by partially relevant dimensions: all relations apply
	elements  int64
	levels    []level
}

// size is the number of elements of the operand under the given loop sizes.
func (o *operand) size(sizes []float64, relations []relation) float64 {
	n := 1.0
	for _, d := range o.relevant {
		n *= sizes[d]
	}
	if o.relations {
		for i := range relations {
			n *= relations[i].extent(sizes)
		}
	}
	return n
}

// resident is an operand that a memory stores, with the level that the memory
// is for it.
type resident struct{ operand, level int }

// memory is a memory of the core with those of its operands that the layer uses.
type memory struct {
	index  int // in Core.Memories
	size   float64
	stored []resident // in the order of the hardware description
	shared bool       // built for more than one operand
}

// service is a duty of a port that concerns an operand of the layer.
type service struct {
	operand, level int
	direction      hardware.Direction
}

// port of a memory.
type port struct {
	memory   int
	index    int // in Memory.Ports
	limit    float64
	services []service
	inputs   bool // serves both I1 and I2
}

// Model is a Problem prepared for evaluation. It is immutable and may be
// shared; each Evaluator made from it belongs to one goroutine.
type Model struct {
	problem   Problem
	macs      int64
	relations []relation
	operands  []operand // output first, then the inputs in the order of the equation
	memories  []memory  // as Core.Memories
	ports     []port
	array     *imc.Array // nil unless the core computes in memory
	// perOperation is the number of cycles of an operation: above 1 if the bits of
	// an activation are fed one after another.
	perOperation float64
}

// NewModel checks that the layer can be described on the core at all: one
// output and one or two inputs, each linked to a memory operand of its own that
// some memory stores.
func NewModel(p Problem) (*Model, error) {
	if err := check(&p); err != nil {
		return nil, err
	}
	array, err := imc.New(p.Core)
	if err != nil {
		return nil, err
	}
	m := &Model{problem: p, macs: p.Layer.MACs(), array: array, perOperation: 1}
	if array != nil {
		m.perOperation = array.CyclesPerOperation()
	}
	m.relate()
	for i := range p.Layer.Operands {
		m.operands = append(m.operands, m.newOperand(i))
	}
	m.connect()
	return m, nil
}

func check(p *Problem) error {
	l, c := p.Layer, p.Core
	fail := func(format string, args ...any) error {
		return fmt.Errorf("layer %s on core %s: "+format, append([]any{l.Name, c.Name}, args...)...)
	}
	switch {
	case len(l.Dims) == 0:
		return fail("the layer has no loops")
	case len(l.Operands) < 2 || len(l.Operands) > maxOperands:
		return fail("the layer has %d operands; the model knows an output and one or two inputs", len(l.Operands))
	case len(p.Links) != len(l.Operands):
		return fail("%d operands are linked to %d memory operands", len(l.Operands), len(p.Links))
	case c.Units() == 0 || len(c.Sizes) == 0:
		return fail("the core has no processing elements")
	}
	for _, d := range l.Dims {
		if d.Size < 1 {
			return fail("loop %s has size %d", d.Dim, d.Size)
		}
	}
	for i, link := range p.Links {
		o := l.Operands[i]
		for j := range i {
			if p.Links[j] == link {
				return fail("operands %s and %s are both linked to memory operand %s", l.Operands[j].Name, o.Name, link)
			}
		}
		if len(c.Levels(link)) == 0 {
			return fail("no memory stores operand %s (%s)", o.Name, link)
		}
		if o.Bits < 0 || o.FinalBits < 0 {
			return fail("operand %s has a negative precision", o.Name)
		}
	}
	for _, d := range l.Operands[0].Dims {
		if l.Relation(d) != nil {
			return fail("output %s is indexed by %s, which combines two loops", l.Operands[0].Name, d)
		}
	}
	for i := range c.Memories {
		for j := range c.Memories[i].Ports {
			p := &c.Memories[i].Ports[j]
			for _, s := range p.Services {
				bw := p.Bandwidth(s.Direction)
				if !(bw.Min > 0 && bw.Max > 0) || math.IsInf(float64(bw.Min), 0) || math.IsInf(float64(bw.Max), 0) {
					return fail("port %s of memory %s has a bandwidth of %v to %v bits per cycle; positive, finite numbers are needed",
						p.Name, c.Memories[i].Name, bw.Min, bw.Max)
				}
			}
		}
	}
	return nil
}

// OperandBits is the size of the whole tensor of an operand, by its index in
// Layer.Operands; an output counts at the precision of its partial sums.
func (m *Model) OperandBits(operand int) unit.Bits {
	o := &m.operands[operand]
	return unit.Bits(o.elements * o.bits)
}

// dim is the index of a loop dimension, -1 if the layer has no such loop.
func (m *Model) dim(d workload.Dim) int {
	for i := range m.problem.Layer.Dims {
		if m.problem.Layer.Dims[i].Dim == d {
			return i
		}
	}
	return -1
}

// fullSizes are the loop sizes of the layer.
func (m *Model) fullSizes() []float64 {
	z := make([]float64, len(m.problem.Layer.Dims))
	for i, d := range m.problem.Layer.Dims {
		z[i] = float64(d.Size)
	}
	return z
}

func (m *Model) relate() {
	for i := range m.problem.Layer.Relations {
		r := &m.problem.Layer.Relations[i]
		g := max(1, gcd(int64(r.CoefA), int64(r.CoefB)))
		x := relation{a: m.dim(r.A), b: m.dim(r.B), stepA: int64(r.CoefA) / g, stepB: int64(r.CoefB) / g, limit: math.MaxInt64}
		switch {
		case r.Lookup(): // the positions that iterations pick are taken to lie side by side
			x.stepA, x.stepB = 1, 1
		case r.Divisor > 1 || r.Slack > 0:
			x.divided = r
		}
		if r.Size > 0 {
			x.limit = int64(r.Size)
		} else {
			x.limit = int64(x.extent(m.fullSizes())) - int64(r.PadBefore) - int64(r.PadAfter)
		}
		m.relations = append(m.relations, x)
	}
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

func (m *Model) newOperand(index int) operand {
	layer := m.problem.Layer
	from := &layer.Operands[index]
	o := operand{
		name:   from.Name,
		link:   m.problem.Links[index],
		output: index == 0,
		bits:   int64(from.Bits),
		final:  int64(from.FinalBits),
		class:  make([]class, len(layer.Dims)),
	}
	if !o.output {
		o.final = o.bits
	}
	combined := map[workload.Dim]bool{} // named in some relation of the operand
	for _, r := range layer.Relations {
		if !slices.Contains(from.Dims, r.Index) {
			continue
		}
		combined[r.Index], combined[r.A], combined[r.B] = true, true, true
	}
	indexes := map[workload.Dim]bool{}
	for _, d := range from.Dims {
		indexes[d] = true
		o.relations = o.relations || layer.Relation(d) != nil
	}
	for _, d := range from.Dims {
		if i := m.dim(d); i >= 0 && !(o.relations && combined[d]) && (o.relations || layer.Dims[i].Size != 1) {
			o.relevant = append(o.relevant, i)
			o.class[i] = relevant
		}
	}
	for i, d := range layer.Dims {
		switch {
		case o.relations && combined[d.Dim]:
			o.class[i] = partial
		case !indexes[d.Dim] && d.Size != 1:
			o.class[i] = irrelevant
		}
	}
	o.elements = int64(o.size(m.fullSizes(), m.relations))
	return o
}

// connect lays the operands into the memories of the core and finds the ports.
func (m *Model) connect() {
	core := m.problem.Core
	holder := map[hardware.MemoryOperand]int{}
	for i := range m.operands {
		holder[m.operands[i].link] = i
	}
	m.memories = make([]memory, len(core.Memories))
	for i := range core.Memories {
		mem := &core.Memories[i]
		m.memories[i] = memory{index: i, size: float64(mem.Size), shared: len(mem.Operands) > 1}
		level0 := map[int]int{}
		for _, link := range mem.Operands {
			x, ok := holder[link]
			if !ok {
				continue
			}
			o := &m.operands[x]
			level0[x] = len(o.levels)
			m.memories[i].stored = append(m.memories[i].stored, resident{x, len(o.levels)})
			o.levels = append(o.levels, newLevel(mem, i))
		}
		for j := range mem.Ports {
			m.addPort(i, j, level0, holder)
		}
	}
}

func newLevel(mem *hardware.Memory, index int) level {
	l := level{memory: index, size: float64(mem.Size)}
	for d := range l.moves {
		l.moves[d].port = -1
		l.moves[d].cost = float64(mem.WriteCost)
		if hardware.Direction(d).Reads() {
			l.moves[d].cost = float64(mem.ReadCost)
		}
	}
	return l
}

func (m *Model) addPort(memIndex, portIndex int, level0 map[int]int, holder map[hardware.MemoryOperand]int) {
	mem := &m.problem.Core.Memories[memIndex]
	from := &mem.Ports[portIndex]
	p := port{memory: memIndex, index: portIndex, limit: float64(from.Limit())}
	var first, second bool
	for _, link := range mem.Operands {
		for _, s := range from.Services {
			if s.Operand != link {
				continue
			}
			first = first || link == hardware.I1
			second = second || link == hardware.I2
			x, ok := holder[link]
			if !ok {
				continue
			}
			p.services = append(p.services, service{x, level0[x], s.Direction})
			bw := from.Bandwidth(s.Direction)
			d := &m.operands[x].levels[level0[x]].moves[s.Direction]
			if d.port >= 0 {
				continue // the first port that serves the direction counts
			}
			d.port, d.min, d.max = len(m.ports), float64(bw.Min), float64(bw.Max)
			d.unitShare = d.min / d.max
		}
	}
	p.inputs = first && second
	m.ports = append(m.ports, p)
}

// MisfitKind says what a mapping lacks.
type MisfitKind uint8

const (
	// TooSmall: a memory cannot hold even the smallest slice of one operand.
	TooSmall MisfitKind = iota
	// Crowded: a memory cannot hold the smallest slices of all its operands together.
	Crowded
	// Overflow: the highest memory of an operand cannot hold all of it.
	Overflow
	// Unconnected: data has to move in a direction for which the memory has no port.
	Unconnected
)

// Misfit tells why a mapping cannot be carried out. It is an ordinary result of
// a search over loop orders, with the numbers that a message needs.
type Misfit struct {
	Kind      MisfitKind
	Operand   string // layer operand; for Crowded, all operands of the memory
	Memory    string
	Level     int                // memory level of the operand, 0 the lowest
	Direction hardware.Direction // for Unconnected
	Asked     unit.Bits          // what would have to fit
	Capacity  unit.Bits
}

// Error describes the misfit in one line.
func (f *Misfit) Error() string {
	switch f.Kind {
	case Crowded:
		return fmt.Sprintf("memory %s has %d bits, but operands %s need %d bits together", f.Memory, f.Capacity, f.Operand, f.Asked)
	case Overflow:
		return fmt.Sprintf("memory %s is the highest of operand %s and has %d bits, but all of the operand takes %d bits", f.Memory, f.Operand, f.Capacity, f.Asked)
	case Unconnected:
		return fmt.Sprintf("operand %s has to move %s memory %s, which has no port for it", f.Operand, moving(f.Direction), f.Memory)
	}
	return fmt.Sprintf("memory %s has %d bits, but the smallest slice of operand %s takes %d bits", f.Memory, f.Capacity, f.Operand, f.Asked)
}

func moving(d hardware.Direction) string {
	return [...]string{"down from", "up into", "up from", "down into"}[d]
}

// names lists the operands of a memory for messages.
func (m *Model) names(stored []resident) string {
	s := make([]string, len(stored))
	for i, r := range stored {
		s[i] = m.operands[r.operand].name
	}
	return strings.Join(s, ", ")
}
