package hardware

import (
	"fmt"
	"math/bits"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"streamdse/internal/yamldoc"
	"streamdse/unit"
)

// ParseCore reads the file of a single core; name is used in messages. The error
// is a diag.List.
//
// The keys are those of ZigZag's accelerator files and Stream's core files:
// name, memories (lowest level first), operational_array and dataflows, with the
// memories either as of 2024 (r_bw, w_bw, r_port, w_port, rw_port,
// min_r_granularity, min_w_granularity, and ports with one map per operand) or as
// of 2025 (ports with name, type, bandwidth_min, bandwidth_max, allocation).
// operational_array may be called multipliers, unit_energy multiplier_energy and
// unit_area multiplier_area, as in older files. A core of an AI-engine array has
// a single `memory` (capacity, bandwidth_min, bandwidth_max) instead and no array
// of processing elements.
//
// Read but without effect on any figure: latency, area, mem_type and
// force_double_buffering of a memory, operand_precision, utilization and
// max_object_fifo_depth of a core. The last four leave a warning. Costs must be
// given: auto_cost_extraction is refused.
//
// A key may stand only once, except `ports` of a memory: a block in the notation
// of 2024 that an update of the file left in front of the new one is ignored.
func ParseCore(name string, data []byte) (*Core, error) {
	f, root := yamldoc.Parse(name, data)
	c := readCore(root)
	if err := f.Problems().Err(); err != nil {
		return nil, err
	}
	c.Warnings = f.Warnings()
	return c, nil
}

var (
	coreKeys    = []string{"dataflows", "type", "operator_types", "operand_precision", "utilization", "max_object_fifo_depth"}
	arrayDim    = regexp.MustCompile(`^D[0-9]+$`)
	loopDim     = regexp.MustCompile(`^[A-Z]+[0-9]*$`)
	portName    = regexp.MustCompile(`^(rw?|w)_port_([0-9]+)$`)
	portNames   = "r_port_<n>, w_port_<n>, rw_port_<n>"
	allOperands = []string{"I1", "I2", "O"}
	directions  = []string{"tl", "fl", "th", "fh"}
)

// maxUnits bounds the processing elements of an array, so that no product of
// its sizes overflows.
const maxUnits = 1 << 40

// readCore reads a core; problems are reported to the node's file, and the
// result is then incomplete.
func readCore(n *yamldoc.Node) *Core {
	if n.Has("cores") && !n.Has("memories") {
		n.Problem("this describes an accelerator (it has `cores`), not a single core", "", "give the file of one of its cores")
		return nil
	}
	if n.Has("memory") && !n.Has("memories") {
		return readTile(n)
	}
	arrayKey := "operational_array"
	if n.Has("multipliers") && !n.Has(arrayKey) {
		arrayKey = "multipliers"
	}
	f, ok := n.Fields(yamldoc.Spec{Required: []string{"name", "memories", arrayKey}, Optional: coreKeys})
	if !ok {
		return nil
	}
	before := n.Problems()
	c := &Core{File: n.File(), Line: n.Line}
	c.Name, _ = f.Get("name").Text()
	c.Array = readArray(f.Get(arrayKey))
	for _, e := range f.Get("memories").Entries() {
		if m, ok := readMemory(e, c.Dims); ok {
			c.Memories = append(c.Memories, m)
		}
	}
	if m := f.Get("memories"); m != nil && m.Kind == yamldoc.Map && len(m.Entries()) == 0 {
		m.Problem("a core needs at least one memory", "", "")
	}
	c.Dataflow = readDataflow(f, c.Array)
	readCommon(f, c)
	if n.Problems() == before {
		checkHierarchy(f.Get("memories"), c)
	}
	return c
}

// readCommon reads what cores of all kinds may have.
func readCommon(f yamldoc.Fields, c *Core) {
	if c.Units() == 0 {
		c.Kind = "memory"
	} else {
		c.Kind = "compute"
	}
	if t := f.Get("type"); t != nil {
		var words []string
		for _, kind := range []string{"compute", "memory", "shim", "offchip"} {
			words = append(words, kind, "zigzag."+kind, "aie2."+kind)
		}
		if s, ok := t.OneOf(words...); ok {
			c.Kind = strings.TrimPrefix(s, "zigzag.")
		}
	}
	if t := f.Get("operator_types"); t != nil {
		c.OperatorTypes = []string{}
		for _, n := range t.List() {
			if s, ok := n.Text(); ok {
				c.OperatorTypes = append(c.OperatorTypes, s)
				c.OperatorTypesAt = append(c.OperatorTypesAt, Place{n.File(), n.Line, n.Column})
			}
		}
	}
	for _, x := range [][2]string{
		{"operand_precision", "the workload sets the precision of every operand"},
		{"utilization", "the utilization of the array follows from the mapping of each layer"},
		{"max_object_fifo_depth", "the depth of object FIFOs is not modelled"},
	} {
		if e, has := f.Key(x[0]); has {
			e.Warn(fmt.Sprintf("`%s` has no effect", x[0]), x[1])
		}
	}
}

// readTile reads a core of an AI-engine array: one memory for all operands,
// which its transfer engines read and write independently of each other, and no
// array that the single-core model could cost.
func readTile(n *yamldoc.Node) *Core {
	f, ok := n.Fields(yamldoc.Spec{Required: []string{"name", "memory"}, Optional: coreKeys[1:]})
	if !ok {
		return nil
	}
	c := &Core{Array: Array{Dims: []string{"D1"}, Sizes: []int{0}}, File: n.File(), Line: n.Line}
	c.Name, _ = f.Get("name").Text()
	if m, ok := f.Get("memory").Fields(yamldoc.Spec{Required: []string{"capacity", "bandwidth_min", "bandwidth_max"}}); ok {
		size, _ := m.Get("capacity").Int(1)
		bw := readBandwidth(m)
		mem := Memory{Name: "memory", Size: unit.Bits(size), Operands: []MemoryOperand{I1, I2, O}, Served: []int{0}}
		read, write := Port{Name: "r_port_1", Type: ReadPort, Read: bw}, Port{Name: "w_port_1", Type: WritePort, Write: bw}
		for _, op := range mem.Operands {
			read.Services = append(read.Services, Service{op, ToLow}, Service{op, ToHigh})
			write.Services = append(write.Services, Service{op, FromHigh}, Service{op, FromLow})
		}
		mem.Ports = []Port{read, write}
		c.Memories = []Memory{mem}
	}
	readCommon(f, c)
	return c
}

func readArray(n *yamldoc.Node) (a Array) {
	f, ok := n.Fields(yamldoc.Spec{
		Required: []string{"dimensions", "sizes"},
		Optional: []string{"unit_energy", "unit_area", "multiplier_energy", "multiplier_area",
			"is_imc", "imc_type", "adc_resolution", "bit_serial_precision", "input_precision"},
	})
	if !ok {
		return a
	}
	dims, sizes := f.Get("dimensions"), f.Get("sizes")
	for _, d := range dims.List() {
		s, ok := d.Text()
		switch {
		case !ok:
		case !arrayDim.MatchString(s):
			d.Problem(fmt.Sprintf("unknown array dimension %q", s), "D1, D2, ...", "")
		case slices.Contains(a.Dims, s):
			d.Problem(fmt.Sprintf("array dimension %s is given twice", s), "", "")
		default:
			a.Dims = append(a.Dims, s)
		}
	}
	units := uint64(1)
	for _, d := range sizes.List() {
		s, ok := d.Int(0)
		if !ok {
			continue
		}
		hi, lo := bits.Mul64(units, uint64(s))
		if hi > 0 || lo > maxUnits {
			d.Problem(fmt.Sprintf("the array has more than %d processing elements", int64(maxUnits)), "", "")
			return a
		}
		units = lo
		a.Sizes = append(a.Sizes, int(s))
	}
	if dims != nil && sizes != nil && len(dims.List()) != len(sizes.List()) {
		sizes.Problem(fmt.Sprintf("%d sizes for %d dimensions", len(sizes.List()), len(dims.List())), "one size per dimension", "")
	}
	if len(a.Dims) != len(a.Sizes) || len(a.Dims) == 0 {
		if dims != nil && len(dims.List()) == 0 {
			dims.Problem("an array needs at least one dimension", "D1, D2, ...", "a core without processing elements has the size 0")
		}
		return a
	}
	imc, _ := f.Get("is_imc").Bool()
	if imc {
		a.IMC = readIMC(f)
	} else {
		for _, key := range []string{"imc_type", "bit_serial_precision", "adc_resolution"} {
			v := f.Get(key)
			if v == nil {
				continue
			}
			if key == "adc_resolution" {
				if x, ok := v.Float(0); !ok || x == 0 {
					continue
				}
			}
			v.Problem("only an in-memory-computing array has this key", "", "add `is_imc: true`, or remove the key")
		}
	}
	energy := either(n, f, "unit_energy", "multiplier_energy", !imc)
	area := either(n, f, "unit_area", "multiplier_area", false)
	e, _ := energy.Float(0)
	a.UnitEnergy = unit.Picojoules(e)
	a.UnitArea, _ = area.Float(0)
	return a
}

// either returns the value of a key that has two names.
func either(n *yamldoc.Node, f yamldoc.Fields, name, older string, required bool) *yamldoc.Node {
	v, w := f.Get(name), f.Get(older)
	switch {
	case v != nil && w != nil:
		w.Problem(fmt.Sprintf("`%s` and `%s` mean the same", older, name), "", fmt.Sprintf("keep `%s`", name))
	case v == nil && w != nil:
		return w
	case v == nil && required:
		n.Problem(fmt.Sprintf("required key `%s` is missing", name), "", "the energy of one operation, in pJ")
	}
	return v
}

func readIMC(f yamldoc.Fields) *IMC {
	imc := new(IMC)
	missing := func(key string) {
		e, _ := f.Key("is_imc")
		e.Problem(fmt.Sprintf("an in-memory-computing array needs `%s`", key), "", "")
	}
	kind := ""
	if v := f.Get("imc_type"); v != nil {
		kind, _ = v.OneOf("analog", "digital")
	} else {
		missing("imc_type")
	}
	imc.Analog = kind == "analog"
	if v := f.Get("adc_resolution"); v != nil {
		imc.ADCResolution, _ = v.Float(0)
		if kind == "digital" && imc.ADCResolution != 0 {
			v.Problem("a digital array has no converters", "0", "remove the key")
		}
	}
	if v := f.Get("input_precision"); v != nil {
		l := v.List()
		if v.Kind == yamldoc.List && len(l) != 2 {
			v.Problem(fmt.Sprintf("must have two elements, found %d", len(l)), "[activation bits, weight bits]", "")
		}
		for i, x := range l {
			p, ok := x.Int(1)
			if ok && p&(p-1) != 0 {
				x.Problem(fmt.Sprintf("must be a power of 2, found %d", p), "", "")
			}
			if ok && i < 2 {
				imc.InputPrecision[i] = int(p)
			}
		}
	} else {
		missing("input_precision")
	}
	if v := f.Get("bit_serial_precision"); v != nil {
		p, ok := v.Int(1)
		if ok && (p&(p-1) != 0 || imc.InputPrecision[0] > 0 && p > int64(imc.InputPrecision[0])) {
			v.Problem(fmt.Sprintf("must be a power of 2, at most the activation precision, found %d", p), "", "")
		}
		imc.BitSerialPrecision = float64(p)
	} else {
		missing("bit_serial_precision")
	}
	return imc
}

func readDataflow(f yamldoc.Fields, a Array) Dataflow {
	n := f.Get("dataflows")
	if n == nil {
		return nil
	}
	flow := make(Dataflow, len(a.Dims))
	any := false
	for _, e := range n.Entries() {
		i := slices.Index(a.Dims, e.Key)
		if i < 0 {
			if len(a.Dims) > 0 {
				e.Problem(fmt.Sprintf("the array has no dimension %q", e.Key), strings.Join(a.Dims, ", "), "")
			}
			continue
		}
		product := 1
		for _, v := range e.Value.List() {
			u, ok := readUnrolling(v)
			if !ok {
				continue
			}
			if slices.ContainsFunc(flow[i], func(x Unrolling) bool { return x.Dim == u.Dim }) {
				v.Problem(fmt.Sprintf("%s is unrolled twice on %s", u.Dim, e.Key), "", "multiply the factors")
				continue
			}
			flow[i], any = append(flow[i], u), true
			product *= min(u.Factor, 1<<20)
			product = min(product, 1<<40)
		}
		if i < len(a.Sizes) && product > a.Sizes[i] {
			e.Warn(fmt.Sprintf("unrolls %d on an array dimension of size %d", product, a.Sizes[i]), "the unrolling will be cut to the array")
		}
	}
	if !any {
		return nil
	}
	return flow
}

// readUnrolling reads "K, 32".
func readUnrolling(n *yamldoc.Node) (Unrolling, bool) {
	s, ok := n.Text()
	if !ok {
		return Unrolling{}, false
	}
	dim, factor, found := strings.Cut(s, ",")
	dim = strings.TrimSpace(dim)
	k, err := strconv.Atoi(strings.TrimSpace(factor))
	if !found || !loopDim.MatchString(dim) || err != nil || k < 1 {
		n.Problem(fmt.Sprintf("cannot read the unrolling %q", s), "a loop dimension and a factor, such as \"K, 32\"", "")
		return Unrolling{}, false
	}
	return Unrolling{dim, k}, true
}
