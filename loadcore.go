package stream

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"streamdse/hardware"
	"streamdse/internal/diag"
	"streamdse/internal/onnx"
	"streamdse/internal/workloadyaml"
	"streamdse/internal/yamldoc"
	"streamdse/mapping"
	"streamdse/workload"
)

// CoreInputs names what to load for Core: each is the path of a file or the name
// of a built-in.
type CoreInputs struct {
	Workload string
	// Hardware is the YAML file of a single core with its memories, or an
	// accelerator.
	Hardware string
	// Mapping is a mapping YAML file; empty means the built-in named like the
	// hardware, if there is one. Without a mapping everything is left to the search.
	Mapping string
	// PublishedKernels reads kernels that are not square as the published tool
	// does, whose X axis is the first that ONNX lists, the height.
	PublishedKernels bool
	// Dims are the sizes of named dimensions that an ONNX model leaves open.
	Dims map[string]int64
}

// LoadCore reads the inputs of Core. A single core becomes an accelerator with
// just that core. Of an ONNX model, only convolutions and matrix products become
// layers. The error is a diag.List with the problems of all inputs.
func LoadCore(in CoreInputs) (Problem, Sources, error) {
	var p Problem
	var s Sources
	var problems diag.List
	var err error
	p.Workload, s.Workload, err = loadKernels(in)
	problems.Note(err)
	single := isSingleCore(in.Hardware)
	if single {
		p.Hardware, s.Hardware, err = loadSingleCore(in.Hardware)
	} else {
		p.Hardware, s.Hardware, err = loadHardware(in.Hardware)
	}
	problems.Note(err)
	name := in.Mapping
	if name == "" && p.Hardware != nil && slices.Contains(MappingNames(), p.Hardware.Name) {
		name = p.Hardware.Name
	}
	if name != "" {
		p.Mapping, s.Mapping, err = loadMapping(name)
		problems.Note(err)
	}
	if single && p.Hardware != nil && p.Mapping != nil {
		problems.Note(checkUnrollings(p.Mapping, &p.Hardware.Cores[0]))
		if in.Mapping != "" {
			p.Hardware.Cores[0].Dataflow = nil // the mapping says what is unrolled
		}
	}
	return p, s, problems.Err()
}

// loadKernels reads a workload with the layers that a single core is evaluated for.
func loadKernels(in CoreInputs) (*workload.Workload, Source, error) {
	if hasExtension(in.Workload, ".yaml", ".yml") {
		if err := (ModelOptions{Dims: in.Dims}).notForYAML(in.Workload); err != nil {
			return nil, Source{}, err
		}
		w, data, err := workloadyaml.LoadAsWritten(in.Workload)
		return w, Source{Name: stem(in.Workload), SHA256: sum(data), Path: in.Workload}, mistaken(err, in.Workload, aWorkload)
	}
	model, source, err := loadModel(in.Workload)
	if err != nil {
		return nil, source, err
	}
	w, err := onnx.Kernels(model, onnx.KernelOptions{HeightAsX: in.PublishedKernels, Dims: in.Dims})
	if w != nil {
		w.Name = source.Name
	}
	return w, source, err
}

// isSingleCore tells whether a file describes a core rather than an accelerator.
func isSingleCore(name string) bool {
	if !isFile(name, ".yaml", ".yml") {
		return false
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return false // reading it as an accelerator tells why
	}
	_, root := yamldoc.Parse(name, data)
	return root != nil && !root.Has("cores")
}

func loadSingleCore(path string) (*hardware.Accelerator, Source, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, Source{}, mistaken(err, path, aCore, anAccelerator)
	}
	core, err := hardware.ParseCore(path, data)
	if err != nil {
		return nil, Source{}, mistaken(err, path, aCore)
	}
	return hardware.SingleCore(*core), Source{Name: stem(path), SHA256: sum(data), Path: path}, nil
}

// checkUnrollings reports unrollings on array dimensions that the core lacks.
func checkUnrollings(m *mapping.Mapping, core *hardware.Core) error {
	var problems diag.List
	for i := range m.Entries {
		e := &m.Entries[i]
		for _, d := range slices.Sorted(maps.Keys(e.Spatial)) {
			if !slices.Contains(core.Dims, d) {
				problems.Add(diag.Problem{
					File: e.File, Line: e.Line,
					Message: fmt.Sprintf("entry %q: `spatial_mapping` unrolls on %s, which core %s does not have", e.Name, d, core.Name),
					Allowed: strings.Join(core.Dims, ", "),
				})
			}
		}
	}
	return problems.Err()
}
