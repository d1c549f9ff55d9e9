package hardware_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"streamdse/hardware"
)

const core2024 = `name: small
memories:
  rf:
    size: 16
    r_bw: 16
    w_bw: 8
    r_cost: 0.5
    w_cost: 0.25
    area: 0
    r_port: 2
    w_port: 2
    rw_port: 0
    latency: 1
    operands: [O]
    ports:
      - fh: w_port_1
        tl: r_port_1
        fl: w_port_2
        th: r_port_2
    served_dimensions: [D2]
  sram:
    size: 4096
    r_bw: 128
    w_bw: 64
    r_cost: 10
    w_cost: 12
    area: 2
    r_port: 0
    w_port: 0
    rw_port: 1
    latency: 1
    min_r_granularity: 32
    operands: [I1, I2, O]
    ports:
      - {fh: rw_port_1, tl: rw_port_1}
      - {fh: rw_port_1, tl: rw_port_1}
      - {fh: rw_port_1, tl: rw_port_1, fl: rw_port_1, th: rw_port_1}
    served_dimensions: [D1, D2]
operational_array:
  dimensions: [D1, D2]
  sizes: [4, 8]
  multiplier_energy: 0.1
  multiplier_area: 1
dataflows:
  D1: ["K, 4"]
`

const core2025 = `name: small
memories:
  sram:
    size: 4096
    r_cost: 10
    w_cost: 12
    area: 2
    operands: [I1, I2, O]
    ports:
      - name: r_port_1
        type: read
        bandwidth_min: 32
        bandwidth_max: 128
        allocation: ["I1, tl", "I2, tl", "O, tl", "O, th"]
      - name: w_port_1
        type: write
        bandwidth_min: 64
        bandwidth_max: 64
        allocation: ["I1, fh", "I2, fh", "O, fh", "O, fl"]
    served_dimensions: [D1]
operational_array:
  dimensions: [D1]
  sizes: [4]
  unit_energy: 0.1
  unit_area: 1
`

const offchipCore = `name: offchip
memories:
  dram:
    size: 1000000
    r_cost: 100
    w_cost: 100
    area: 0
    operands: [I1, I2, O]
    ports:
      - name: rw_port_1
        type: read_write
        bandwidth_min: 64
        bandwidth_max: 64
        allocation: ["I1, fh", "I1, tl", "I2, fh", "I2, tl", "O, fh", "O, tl", "O, fl", "O, th"]
    served_dimensions: [D1]
operational_array: {dimensions: [D1], sizes: [0], unit_energy: 0}
`

const acc2024 = `name: pair
cores:
  0: small.yaml
  1: small.yaml
offchip_core: offchip.yaml
core_connectivity:
  - 0, 1
bandwidth: 32
`

const acc2025 = `name: pair
cores:
  0: small.yaml
  1: small.yaml
  2: offchip.yaml
offchip_core_id: 2
core_connectivity:
  - {type: link, cores: [0, 1], bandwidth: 32}
  - {type: bus, cores: [0, 1, 2], bandwidth: 64}
`

// resolver supplies core files from memory.
func resolver(files map[string]string) hardware.Resolver {
	return func(file string) (string, []byte, error) {
		text, ok := files[file]
		if !ok {
			return "", nil, fmt.Errorf("there is no core file %q", file)
		}
		return file, []byte(text), nil
	}
}

var pairFiles = map[string]string{"small.yaml": core2024, "offchip.yaml": offchipCore}

// edit is a text with some of its parts replaced; each must occur.
func edit(t *testing.T, text string, pairs ...string) string {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("the text has no %q", pairs[i])
		}
		text = strings.Replace(text, pairs[i], pairs[i+1], 1)
	}
	return text
}

func TestBadCores(t *testing.T) {
	for _, c := range []struct {
		name string
		text string
		edit []string
		want string
	}{
		{
			"not YAML", core2024, []string{"operands: [O]", "operands: [O"},
			"c.yaml:15:5: not valid YAML: ',' or ']' must be specified",
		},
		{
			"tab", core2024, []string{"    size: 16", "\tsize: 16"},
			"c.yaml:4:1: not valid YAML: found character '\\t' that cannot start any token\n" +
				"  hint: indent with spaces: YAML does not allow tabs",
		},
		{
			"empty", "# nothing\n", nil,
			"c.yaml:1:1: the file is empty",
		},
		{
			"unknown keys", core2024, []string{"r_cost", "read_cost", "    latency: 1", "    latencyy: 1"},
			"c.yaml:4:5: memories.rf: required key `r_cost` is missing\n" +
				"c.yaml:7:5: memories.rf: unknown key `read_cost`\n" +
				"  allowed: size, r_cost, w_cost, area, operands, ports, served_dimensions, r_bw, w_bw, r_port, w_port, rw_port, latency, mem_type, auto_cost_extraction, force_double_buffering, min_r_granularity, min_w_granularity\n" +
				"  hint: did you mean `r_cost`?\n" +
				"c.yaml:13:5: memories.rf: unknown key `latencyy`\n" +
				"  allowed: size, r_cost, w_cost, area, operands, ports, served_dimensions, r_bw, w_bw, r_port, w_port, rw_port, latency, mem_type, auto_cost_extraction, force_double_buffering, min_r_granularity, min_w_granularity\n" +
				"  hint: did you mean `latency`?",
		},
		{
			"no key at all alike", core2025, []string{"    area: 2", "    area: 2\n    colour: red"},
			"c.yaml:8:5: memories.sram: unknown key `colour`\n" +
				"  allowed: size, r_cost, w_cost, area, operands, ports, served_dimensions, latency, mem_type, auto_cost_extraction, force_double_buffering",
		},
		{
			"missing keys", core2025, []string{"    size: 4096\n", "", "  sizes: [4]\n", ""},
			"c.yaml:4:5: memories.sram: required key `size` is missing\n" +
				"c.yaml:21:3: operational_array: required key `sizes` is missing",
		},
		{
			"no value", core2025, []string{"size: 4096", "size:"},
			"c.yaml:4:5: memories.sram: required key `size` has no value",
		},
		{
			"wrong types", core2025, []string{"size: 4096", "size: 4 KB", "r_cost: 10", "r_cost: [10]", "bandwidth_max: 128", "bandwidth_max: \"128\"", "operands: [I1, I2, O]", "operands: I1, I2, O"},
			"c.yaml:4:11: memories.sram.size: must be a whole number, found \"4 KB\"\n" +
				"c.yaml:5:13: memories.sram.r_cost: must be a number, found a list\n" +
				"c.yaml:8:15: memories.sram.operands: must be a list, found \"I1, I2, O\"\n" +
				"c.yaml:13:24: memories.sram.ports[0].bandwidth_max: must be a number, found \"128\"",
		},
		{
			"wrong values", core2024, []string{"size: 16", "size: 0", "r_bw: 16", "r_bw: -16", "r_cost: 0.5", "r_cost: .inf", "size: 4096", "size: 40.5"},
			"c.yaml:4:11: memories.rf.size: must be at least 1, found 0\n" +
				"c.yaml:5:11: memories.rf.r_bw: must be above 0, found -16\n" +
				"c.yaml:7:13: memories.rf.r_cost: must be a finite number, found .inf\n" +
				"c.yaml:22:11: memories.sram.size: must be a whole number, found 40.5",
		},
		{
			"too large", core2024, []string{"size: 4096", "size: 99999999999999999999"},
			"c.yaml:22:11: memories.sram.size: the number 99999999999999999999 is too large\n" +
				"  allowed: up to 9223372036854775807",
		},
		{
			"given twice", core2024, []string{"    size: 16", "    size: 16\n    size: 32"},
			"c.yaml:5:5: memories.rf: key `size` is given twice, first on line 4\n" +
				"  hint: keep one of the two",
		},
		{
			"memory given twice", core2024, []string{"  sram:", "  rf:"},
			"c.yaml:21:3: memories: key `rf` is given twice, first on line 3\n" +
				"  hint: keep one of the two",
		},
		{
			"ports given twice", core2025, []string{"    served_dimensions: [D1]", "    served_dimensions: [D1]\n    ports: [{name: rw_port_1, type: read_write, bandwidth_min: 1, bandwidth_max: 2, allocation: []}]"},
			"c.yaml:21:12: memories.sram.ports: `ports` is given twice, first on line 10\n" +
				"  hint: keep one of the two",
		},
		{
			"operand", core2025, []string{"operands: [I1, I2, O]", "operands: [I1, W, O, O]"},
			"c.yaml:8:20: memories.sram.operands[1]: unknown value \"W\"\n" +
				"  allowed: I1, I2, O\n" +
				"c.yaml:8:26: memories.sram.operands[3]: operand O is given twice",
		},
		{
			"served dimension", core2024, []string{"served_dimensions: [D2]", "served_dimensions: [D3, D2, D2]"},
			"c.yaml:20:25: memories.rf.served_dimensions[0]: the array has no dimension \"D3\"\n" +
				"  allowed: D1, D2\n" +
				"c.yaml:20:33: memories.rf.served_dimensions[2]: dimension D2 is given twice",
		},
		{
			"write on read port", core2024, []string{"fh: w_port_1\n        tl", "fh: r_port_1\n        tl"},
			"c.yaml:16:13: memories.rf.ports[0].fh: O fh writes the memory, but r_port_1 is a read port\n" +
				"  allowed: tl, th\n" +
				"  hint: fh and fl need a write or read_write port",
		},
		{
			"read on write port", core2025, []string{"\"O, fl\"]", "\"O, fl\", \"I1, tl\"]"},
			"c.yaml:19:60: memories.sram.ports[1].allocation[4]: I1 tl reads the memory, but w_port_1 is a write port\n" +
				"  allowed: fh, fl\n" +
				"  hint: tl and th need a read or read_write port",
		},
		{
			"no such port", core2024, []string{"rw_port: 1", "rw_port: 0"},
			"c.yaml:35:14: memories.sram.ports[0].fh: the memory has no port \"rw_port_1\"\n" +
				"  allowed: none: r_port, w_port and rw_port are 0\n" +
				"  hint: raise `rw_port` to 1, or use a port that is there",
		},
		{
			"unused port", core2024, []string{"rw_port: 1", "rw_port: 2"},
			"c.yaml:30:5: memories.sram: port rw_port_2 is declared but no operand uses it\n" +
				"  hint: lower the number of ports",
		},
		{
			"port maps", core2024, []string{"      - {fh: rw_port_1, tl: rw_port_1}\n", ""},
			"c.yaml:35:7: memories.sram.ports: 2 port maps for 3 operands\n" +
				"  allowed: one map per operand, in the order of `operands`",
		},
		{
			"port direction", core2024, []string{"fl: w_port_2", "f: w_port_2"},
			"c.yaml:18:9: memories.rf.ports[0]: unknown key `f`\n" +
				"  allowed: tl, fl, th, fh",
		},
		{
			"allocation", core2025, []string{"\"O, th\"", "\"O th\""},
			"c.yaml:14:51: memories.sram.ports[0].allocation[3]: cannot read the port's duty \"O th\"\n" +
				"  allowed: an operand I1, I2, O and a direction tl, fl, th, fh, such as \"I1, tl\"",
		},
		{
			"operand not held", core2025, []string{"operands: [I1, I2, O]", "operands: [I1, O]"},
			"c.yaml:14:32: memories.sram.ports[0].allocation[1]: the memory does not hold I2\n" +
				"  allowed: I1, O\n" +
				"  hint: add it to `operands`, or remove it here\n" +
				"c.yaml:19:32: memories.sram.ports[1].allocation[1]: the memory does not hold I2\n" +
				"  allowed: I1, O\n" +
				"  hint: add it to `operands`, or remove it here",
		},
		{
			"port name and type", core2025, []string{"name: w_port_1", "name: r_port_1", "type: write", "type: wirte"},
			"c.yaml:15:15: memories.sram.ports[1].name: port r_port_1 is given twice, first on line 10\n" +
				"c.yaml:16:15: memories.sram.ports[1].type: unknown value \"wirte\"\n" +
				"  allowed: read, write, read_write\n" +
				"  hint: did you mean `write`?",
		},
		{
			"bandwidths", core2025, []string{"bandwidth_min: 32", "bandwidth_min: 256"},
			"c.yaml:12:24: memories.sram.ports[0].bandwidth_min: the minimum 256 is above the maximum 128\n" +
				"  hint: the minimum is the granularity of an access",
		},
		{
			"granularity", core2024, []string{"min_r_granularity: 32", "min_r_granularity: 256"},
			"c.yaml:32:24: memories.sram.min_r_granularity: the granularity 256 is above `r_bw` 128",
		},
		{
			"no way up", core2024, []string{"        th: r_port_2\n", "", "r_port: 2", "r_port: 1"},
			"c.yaml:4:5: memories.rf: no port passes results up (O th)\n" +
				"  hint: give the direction th of O to one of its ports",
		},
		{
			"no way in", core2025, []string{"\"I1, tl\", ", ""},
			"c.yaml:4:5: memories.sram: no port passes data down (I1 tl)\n" +
				"  hint: give the direction tl of I1 to one of its ports",
		},
		{
			"array", core2025, []string{"sizes: [4]", "sizes: [4, 4]"},
			"c.yaml:23:10: operational_array.sizes: 2 sizes for 1 dimensions\n" +
				"  allowed: one size per dimension",
		},
		{
			"array dimensions", core2025, []string{"dimensions: [D1]\n  sizes: [4]", "dimensions: [D1, X, D1]\n  sizes: [4, 4, 4]"},
			"c.yaml:22:20: operational_array.dimensions[1]: unknown array dimension \"X\"\n" +
				"  allowed: D1, D2, ...\n" +
				"c.yaml:22:23: operational_array.dimensions[2]: array dimension D1 is given twice",
		},
		{
			"huge array", core2024, []string{"sizes: [4, 8]", "sizes: [2000000, 2000000]"},
			"c.yaml:41:20: operational_array.sizes[1]: the array has more than 1099511627776 processing elements",
		},
		{
			"energy", core2025, []string{"  unit_energy: 0.1\n", ""},
			"c.yaml:22:3: operational_array: required key `unit_energy` is missing\n" +
				"  hint: the energy of one operation, in pJ",
		},
		{
			"two energies", core2025, []string{"  unit_area: 1", "  unit_area: 1\n  multiplier_energy: 0.1"},
			"c.yaml:26:22: operational_array.multiplier_energy: `multiplier_energy` and `unit_energy` mean the same\n" +
				"  hint: keep `unit_energy`",
		},
		{
			"IMC keys without IMC", core2025, []string{"  unit_area: 1", "  unit_area: 1\n  imc_type: analog"},
			"c.yaml:26:13: operational_array.imc_type: only an in-memory-computing array has this key\n" +
				"  hint: add `is_imc: true`, or remove the key",
		},
		{
			"IMC incomplete", core2025, []string{"  unit_area: 1", "  is_imc: true"},
			"c.yaml:25:3: operational_array: an in-memory-computing array needs `imc_type`\n" +
				"c.yaml:25:3: operational_array: an in-memory-computing array needs `input_precision`\n" +
				"c.yaml:25:3: operational_array: an in-memory-computing array needs `bit_serial_precision`",
		},
		{
			"IMC values", core2025, []string{"  unit_area: 1", "  is_imc: yes"},
			"c.yaml:25:11: operational_array.is_imc: must be true or false, found \"yes\"\n" +
				"  allowed: true, false",
		},
		{
			"IMC precisions", core2025, []string{"  unit_area: 1", "  is_imc: true\n  imc_type: digital\n  adc_resolution: 3\n  input_precision: [6, 8, 8]\n  bit_serial_precision: 3"},
			"c.yaml:27:19: operational_array.adc_resolution: a digital array has no converters\n" +
				"  allowed: 0\n" +
				"  hint: remove the key\n" +
				"c.yaml:28:20: operational_array.input_precision: must have two elements, found 3\n" +
				"  allowed: [activation bits, weight bits]\n" +
				"c.yaml:28:21: operational_array.input_precision[0]: must be a power of 2, found 6\n" +
				"c.yaml:29:25: operational_array.bit_serial_precision: must be a power of 2, at most the activation precision, found 3",
		},
		{
			"dataflow", core2024, []string{"D1: [\"K, 4\"]", "D1: [\"K4\", \"C, 0\", \"K, 2\", \"K, 2\"]\n  D4: [\"K, 4\"]"},
			"c.yaml:45:8: dataflows.D1[0]: cannot read the unrolling \"K4\"\n" +
				"  allowed: a loop dimension and a factor, such as \"K, 32\"\n" +
				"c.yaml:45:14: dataflows.D1[1]: cannot read the unrolling \"C, 0\"\n" +
				"  allowed: a loop dimension and a factor, such as \"K, 32\"\n" +
				"c.yaml:45:30: dataflows.D1[3]: K is unrolled twice on D1\n" +
				"  hint: multiply the factors\n" +
				"c.yaml:46:3: dataflows: the array has no dimension \"D4\"\n" +
				"  allowed: D1, D2",
		},
		{
			"type", core2025, []string{"name: small", "name: small\ntype: comptue"},
			"c.yaml:2:7: type: unknown value \"comptue\"\n" +
				"  allowed: compute, zigzag.compute, aie2.compute, memory, zigzag.memory, aie2.memory, shim, zigzag.shim, aie2.shim, offchip, zigzag.offchip, aie2.offchip\n" +
				"  hint: did you mean `compute`?",
		},
		{
			"costs", core2024, []string{"    r_cost: 0.5\n    w_cost: 0.25\n    area: 0\n", "    auto_cost_extraction: true\n"},
			"c.yaml:7:27: memories.rf.auto_cost_extraction: costs cannot be extracted from a memory model\n" +
				"  allowed: false\n" +
				"  hint: give r_cost, w_cost (pJ per access) and area, for example as CACTI computes them",
		},
		{
			"null costs", core2024, []string{"r_cost: 0.5", "r_cost: null"},
			"c.yaml:7:5: memories.rf: required key `r_cost` has no value",
		},
		{
			"an accelerator", acc2024, nil,
			"c.yaml:1:1: this describes an accelerator (it has `cores`), not a single core\n" +
				"  hint: give the file of one of its cores",
		},
		{
			"alias", core2024, []string{"operands: [O]", "operands: *ops"},
			"c.yaml:14:15: alias *ops refers to no earlier anchor &ops",
		},
		{
			"merge key", core2024, []string{"  rf:", "  rf: \n    <<: {a: 1}"},
			"c.yaml:4:5: the merge key << is not supported\n" +
				"  hint: write the merged keys out, or repeat whole values with an alias",
		},
		{
			"two documents", core2024, []string{"dataflows:", "---\ndataflows:"},
			"c.yaml:45:1: a second YAML document starts here\n" +
				"  allowed: one document a file\n" +
				"  hint: remove the line \"---\" or split the file",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := hardware.ParseCore("c.yaml", []byte(edit(t, c.text, c.edit...)))
			compare(t, err, c.want)
		})
	}
}

func TestBadAccelerators(t *testing.T) {
	for _, c := range []struct {
		name string
		text string
		edit []string
		want string
	}{
		{
			"unknown key", acc2024, []string{"bandwidth: 32", "bandwith: 32"},
			"a.yaml:7:5: core_connectivity[0]: the connection has no bandwidth\n" +
				"  hint: give the accelerator a `bandwidth` in bits per cycle\n" +
				"a.yaml:8:1: unknown key `bandwith`\n" +
				"  allowed: name, cores, core_connectivity, offchip_core, offchip_core_id, bandwidth, unit_energy_cost, energy_per_bit, core_memory_sharing, core_coordinates, technology_node, memory_aliases, max_object_fifo_depth\n" +
				"  hint: did you mean `bandwidth`?",
		},
		{
			"missing core file", acc2024, []string{"0: small.yaml", "0: smal.yaml"},
			"a.yaml:3:6: cores.0: there is no core file \"smal.yaml\"\n" +
				"  hint: give the path of a core file, seen from this file or from the folder cores/ beside it",
		},
		{
			"gap in ids", acc2024, []string{"1: small.yaml", "2: small.yaml"},
			"a.yaml:4:3: cores: core id 2, but there is no core 1\n" +
				"  allowed: ids from 0 without gaps",
		},
		{
			"bad ids", acc2024, []string{"1: small.yaml", "one: small.yaml"},
			"a.yaml:4:3: cores: \"one\" is no core id\n" +
				"  allowed: 0, 1, 2, ...",
		},
		{
			"no core", acc2024, []string{"- 0, 1", "- 0, 2\n  - 0, 7\n  - 0; 1\n  - 1\n  - 0, 0"},
			"a.yaml:7:5: core_connectivity[0]: core 2 is the off-chip core, which `offchip_core` connects to every core\n" +
				"  hint: to list its connections yourself, put it under `cores` and name it with `offchip_core_id`\n" +
				"a.yaml:8:5: core_connectivity[1]: there is no core 7\n" +
				"  allowed: 0 to 2\n" +
				"a.yaml:9:5: core_connectivity[2]: \"0; 1\" is no core id\n" +
				"  allowed: core ids such as \"0, 1\"\n" +
				"a.yaml:10:5: core_connectivity[3]: must name at least two cores, found 1\n" +
				"a.yaml:11:5: core_connectivity[4]: core 0 is named twice",
		},
		{
			"linked twice", acc2024, []string{"- 0, 1", "- 0, 1\n  - 1, 0"},
			"a.yaml:8:5: core_connectivity[1]: cores 0 and 1 are linked on line 7 already\n" +
				"  hint: an entry links both directions; a second link beside the first is {type: link, cores: [0, 1]}",
		},
		{
			"linked twice the other way round", acc2024, []string{"- 0, 1", "- {type: link, cores: [1, 0]}\n  - {type: link, cores: [1, 0]}\n  - {type: link, cores: [0, 1]}"},
			"a.yaml:9:25: core_connectivity[2].cores: cores 0 and 1 are linked on line 7 already\n" +
				"  hint: an entry links both directions; a second link beside the first is {type: link, cores: [1, 0]}",
		},
		{
			"no off-chip memory", acc2024, []string{"offchip_core: offchip.yaml\n", ""},
			"a.yaml:3:3: cores: the accelerator has no off-chip memory\n" +
				"  hint: name its core file with `offchip_core`, or its id with `offchip_core_id`",
		},
		{
			"two off-chip memories", acc2024, []string{"bandwidth: 32", "bandwidth: 32\noffchip_core_id: 1"},
			"a.yaml:5:1: `offchip_core` and `offchip_core_id` are both given\n" +
				"  hint: keep the one that says where the off-chip memory is",
		},
		{
			"unknown off-chip core", acc2025, []string{"offchip_core_id: 2", "offchip_core_id: 3"},
			"a.yaml:6:18: offchip_core_id: there is no core 3\n" +
				"  allowed: 0 to 2",
		},
		{
			"computing off-chip core", acc2025, []string{"offchip_core_id: 2", "offchip_core_id: 1"},
			"a.yaml:4:6: cores.1: the off-chip core \"small\" has 2 memories\n" +
				"  allowed: exactly one",
		},
		{
			"link of three", acc2025, []string{"type: bus", "type: link"},
			"a.yaml:9:25: core_connectivity[1].cores: a link joins 2 cores, found 3\n" +
				"  hint: `type: bus` joins more than two",
		},
		{
			"no bandwidth", acc2025, []string{", bandwidth: 64", ""},
			"a.yaml:9:5: core_connectivity[1]: the connection has no bandwidth\n" +
				"  hint: give it a `bandwidth` in bits per cycle, or the accelerator one for all",
		},
		{
			"bad bandwidth", acc2025, []string{"bandwidth: 64", "bandwidth: 0"},
			"a.yaml:9:46: core_connectivity[1].bandwidth: must be above 0, found 0",
		},
		{
			"connection type", acc2025, []string{"type: bus", "type: buss"},
			"a.yaml:9:12: core_connectivity[1].type: unknown value \"buss\"\n" +
				"  allowed: link, bus\n" +
				"  hint: did you mean `bus`?",
		},
		{
			"share", acc2024, []string{"bandwidth: 32", "bandwidth: 32\ncore_memory_sharing:\n  - 0, 1\n  - 1, 0"},
			"a.yaml:11:5: core_memory_sharing[1]: core 1 already shares its memories on line 10\n" +
				"  hint: list all cores that share in one entry\n" +
				"a.yaml:11:5: core_memory_sharing[1]: core 0 already shares its memories on line 10\n" +
				"  hint: list all cores that share in one entry",
		},
		{
			"share with off-chip", acc2024, []string{"bandwidth: 32", "bandwidth: 32\ncore_memory_sharing:\n  - 0, 2"},
			"a.yaml:10:5: core_memory_sharing[0]: core 2 is the off-chip core, which shares its memory with nobody\n" +
				"a.yaml:10:5: core_memory_sharing[0]: cores 0 and 2 cannot share: their top-level memories differ in the names sram and dram\n" +
				"  allowed: top-level memories that are alike in everything",
		},
		{
			"coordinates", acc2025, []string{"offchip_core_id: 2", "offchip_core_id: 2\ncore_coordinates: {0: [0, 0], 1: [0, 0], 2: [1], 5: [1, 1]}"},
			"a.yaml:7:34: core_coordinates.1: core 0 is at column 0, row 0 already\n" +
				"a.yaml:7:45: core_coordinates.2: must have two elements, found 1\n" +
				"  allowed: [column, row]\n" +
				"a.yaml:7:50: core_coordinates: there is no core 5\n" +
				"  allowed: 0 to 2",
		},
		{
			"list of cores", acc2025, []string{"  0: small.yaml\n  1: small.yaml\n  2: offchip.yaml", "  - small.yaml"},
			"a.yaml:3:3: cores: must be a mapping from core ids to core files, found a list\n" +
				"  hint: write \"0: first.yaml\", \"1: second.yaml\", ...",
		},
		{
			"a core", core2024, nil,
			"a.yaml:1:1: this describes a single core (it has `memories`), not an accelerator\n" +
				"  hint: name it under `cores` of an accelerator file",
		},
		{
			"inline core", acc2024, []string{"0: small.yaml", "0: {name: x}"},
			"a.yaml:3:6: cores.0: required key `memories` is missing\n" +
				"a.yaml:3:6: cores.0: required key `operational_array` is missing",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := hardware.Parse("a.yaml", []byte(edit(t, c.text, c.edit...)), resolver(pairFiles))
			compare(t, err, c.want)
		})
	}
}

func compare(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	if got := err.Error(); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestMissingFiles(t *testing.T) {
	dir := t.TempDir()
	_, err := hardware.Load(filepath.Join(dir, "none.yaml"))
	compare(t, err, filepath.Join(dir, "none.yaml")+": there is no such accelerator file")
	_, err = hardware.LoadCore(filepath.Join(dir, "none.yaml"))
	compare(t, err, filepath.Join(dir, "none.yaml")+": there is no such core file")
	_, err = hardware.Load(dir)
	compare(t, err, dir+": cannot read the accelerator file: is a directory")

	acc := filepath.Join(dir, "pair.yaml")
	if err := os.WriteFile(acc, []byte(acc2024), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = hardware.Load(acc)
	if err == nil || strings.Count(err.Error(), "there is no core file") != 2 || !strings.Contains(err.Error(), filepath.Join(dir, "cores", "small.yaml")) {
		t.Errorf("error %v", err)
	}
}

// TestLookUp finds core files in each of the places in which they may be.
func TestLookUp(t *testing.T) {
	for _, c := range []struct{ name, named, at string }{
		{"next to the accelerator", "small.yaml", "in/examples/hardware/small.yaml"},
		{"folder cores", "small.yaml", "in/examples/hardware/cores/small.yaml"},
		{"elsewhere under hardware", "small.yaml", "in/examples/hardware/more/deep/small.yaml"},
		{"another folder hardware", "small.yaml", "in/testing/hardware/cores/small.yaml"},
		{"relative", "./parts/small.yaml", "in/examples/hardware/parts/small.yaml"},
		{"relative upwards", "../small.yaml", "in/examples/small.yaml"},
		{"from another root", "stream/inputs/examples/hardware/cores/small.yaml", "in/examples/hardware/cores/small.yaml"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range map[string]string{
				"in/examples/hardware/pair.yaml":          edit(t, acc2024, "0: small.yaml", "0: "+c.named, "1: small.yaml", "1: "+c.named),
				"in/examples/hardware/cores/offchip.yaml": offchipCore,
				c.at: core2024,
			} {
				p := filepath.Join(dir, filepath.FromSlash(name))
				if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := hardware.Load(filepath.Join(dir, "in/examples/hardware/pair.yaml")); err != nil {
				t.Error(err)
			}
		})
	}
}
