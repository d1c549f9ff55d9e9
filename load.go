package stream

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"streamdse/hardware"
	hardwarezoo "streamdse/hardware/zoo"
	"streamdse/internal/diag"
	"streamdse/internal/onnx"
	"streamdse/internal/split"
	"streamdse/internal/workloadyaml"
	"streamdse/mapping"
	mappingzoo "streamdse/mapping/zoo"
	"streamdse/rules"
	"streamdse/workload"
	workloadzoo "streamdse/workload/zoo"
)

// Inputs names what to load: each is the path of a file or the name of a built-in.
type Inputs struct {
	Workload string // an ONNX model, or a YAML file with loop nests; empty to load none
	Hardware string // an accelerator YAML file; empty to load none
	// Mapping is a mapping YAML file. "generated" means the one that mapping.Generate
	// makes for the accelerator; empty means the built-in named like the accelerator
	// or, if there is none that fits it, the generated one.
	Mapping string
	// FoldActivations makes an activation after a layer part of the layer, at no cost.
	FoldActivations bool
	// Rules decide how some operators become layers; see rules.Rules.
	Rules rules.Rules
	// Model says how an ONNX model is read.
	Model ModelOptions
}

// Source says what an input was read from.
type Source struct {
	Name   string // the built-in's name, or the file's without folder and extension
	SHA256 string // of the content, in hexadecimal
	Path   string // of the file as it was given; empty for a built-in
	// Operators are those that the nodes of a workload file have, by name.
	Operators []Operator
}

// Operator counts the nodes of one type, "domain.Type" if it is not ONNX's own.
type Operator struct {
	Type  string
	Nodes int
}

// Sources are the sources of the three inputs.
type Sources struct{ Workload, Hardware, Mapping Source }

// WorkloadNames lists the built-in networks.
func WorkloadNames() []string { return workloadzoo.Names() }

// HardwareNames lists the built-in accelerators.
func HardwareNames() []string { return hardwarezoo.Names() }

// MappingNames lists the built-in mappings.
func MappingNames() []string { return mappingzoo.Names() }

// Load reads the three inputs. The error is a diag.List with the problems of all
// of them.
func Load(in Inputs) (Problem, Sources, error) {
	var p Problem
	var s Sources
	var problems diag.List
	var err error
	if in.Workload != "" {
		p.Workload, s.Workload, err = loadWorkload(in)
		problems.Note(err)
	}
	if in.Hardware != "" {
		p.Hardware, s.Hardware, err = loadHardware(in.Hardware)
		problems.Note(err)
	}
	if p.Hardware != nil && in.Workload != "" {
		if none := nothingComputes(p.Hardware, s.Hardware.Path); len(none) > 0 {
			problems = append(problems, none...)
			return p, s, problems // whatever the mapping says
		}
	}
	if p.Hardware != nil || in.Mapping != "" && in.Mapping != mapping.Generated {
		p.Mapping, s.Mapping, err = chooseMapping(in.Mapping, p.Hardware)
		if in.Workload != "" || in.Mapping != "" { // else nothing needs one
			problems.Note(err)
		}
	}
	if p.Mapping != nil && p.Hardware != nil {
		var idle []int
		if in.Workload != "" {
			idle = p.Mapping.Idle(p.Workload, onnx.Supported())
		}
		problems.Note(p.Mapping.Check(p.Hardware, idle...))
	}
	if p.Workload != nil && p.Hardware != nil {
		problems.Note(inFile(s.Hardware.Path, checkDataflows(p.Workload, p.Hardware)))
	}
	return p, s, problems.Err()
}

func loadWorkload(in Inputs) (*workload.Workload, Source, error) {
	if hasExtension(in.Workload, ".yaml", ".yml") {
		if err := in.Model.notForYAML(in.Workload); err != nil {
			return nil, Source{}, err
		}
		w, data, err := workloadyaml.Load(in.Workload)
		source := Source{Name: stem(in.Workload), SHA256: sum(data), Path: in.Workload}
		if err == nil {
			source.Operators = countOperators(len(w.Layers), func(i int) string { return w.Layers[i].Type })
		}
		return w, source, mistaken(err, in.Workload, aWorkload)
	}
	model, source, err := loadModel(in.Workload)
	if err != nil {
		return nil, source, err
	}
	w, err := onnx.Workload(model, onnx.Options{
		Rules: in.Rules, FoldActivations: in.FoldActivations,
		Dims: in.Model.Dims, Precision: in.Model.Precision, LayerPrecision: in.Model.LayerPrecision, IgnoreUnknown: in.Model.IgnoreUnknown,
	})
	if w != nil {
		w.Name = source.Name
	}
	return w, source, err
}

// loadModel reads an ONNX file or builds a built-in network.
func loadModel(name string) (model *onnx.Model, source Source, err error) {
	source.Name = name
	switch {
	case isFile(name, ".onnx"):
		source.Name, source.Path = stem(name), name
		model, source.SHA256, err = readModel(name)
		err = mistaken(err, name, aWorkload, anONNXModel)
	case !workloadzoo.Has(name):
		err = unknownBuiltin("workload", name, WorkloadNames(), ".onnx", ".yaml")
	default:
		if model, err = workloadzoo.Model(name); err == nil {
			source.Name, source.SHA256 = model.Graph.Name, sum(workloadzoo.Encode(model))
		}
	}
	if err != nil {
		return nil, source, err
	}
	source.Operators = countOperators(len(model.Graph.Nodes), func(i int) string {
		n := &model.Graph.Nodes[i]
		if n.Domain == "" || n.Domain == "ai.onnx" {
			return n.OpType
		}
		return n.Domain + "." + n.OpType
	})
	return model, source, nil
}

// checkDataflows reports unrolled loops that are neither usual nor in the network.
func checkDataflows(w *workload.Workload, acc *hardware.Accelerator) diag.List {
	var problems diag.List
	for i := range acc.Cores {
		for _, axis := range acc.Cores[i].Dataflow {
			for _, u := range axis {
				if d := workload.Dim(u.Dim); !d.Conventional() && !w.HasLoop(d) {
					problems.Add(diag.Problem{
						Message: fmt.Sprintf("the dataflow of core %s unrolls %s, which is a loop of no layer", acc.Cores[i].Name, u.Dim),
						Allowed: "loop dimensions such as B, K, C, G, OY, OX, FY, FX, D, H",
					})
				}
			}
		}
	}
	return problems.Unique()
}

// inFile says of problems without a place in which file they are.
func inFile(file string, problems diag.List) diag.List {
	for i := range problems {
		if problems[i].File == "" {
			problems[i].File = file
		}
	}
	return problems
}

// countOperators counts the types of n nodes.
func countOperators(n int, typeOf func(int) string) []Operator {
	counts := map[string]int{}
	for i := range n {
		counts[typeOf(i)]++
	}
	list := make([]Operator, 0, len(counts))
	for typ, nodes := range counts {
		list = append(list, Operator{typ, nodes})
	}
	slices.SortFunc(list, func(a, b Operator) int { return strings.Compare(a.Type, b.Type) })
	return list
}

// readModel reads an ONNX file and its checksum.
func readModel(path string) (*onnx.Model, string, error) {
	m, err := onnx.ReadFile(path)
	if err != nil {
		return nil, "", err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return nil, "", err
	}
	return m, hex.EncodeToString(h.Sum(nil)), nil
}

func loadHardware(name string) (*hardware.Accelerator, Source, error) {
	if !isFile(name, ".yaml", ".yml") {
		files, err := hardwarezoo.Source(name)
		if err != nil {
			return nil, Source{}, unknownBuiltin("accelerator", name, HardwareNames(), ".yaml")
		}
		acc, err := hardwarezoo.Load(name)
		return acc, Source{Name: name, SHA256: sumFiles(files)}, err
	}
	acc, files, err := hardware.LoadFiles(name)
	return acc, Source{Name: stem(name), SHA256: sumFiles(files), Path: name}, mistaken(err, name, anAccelerator)
}

// chooseMapping loads the mapping of the given name. Without one, it takes the
// built-in that is named like the accelerator if it fits, else it generates one.
func chooseMapping(name string, acc *hardware.Accelerator) (*mapping.Mapping, Source, error) {
	if name == "" && slices.Contains(MappingNames(), acc.Name) {
		if m, source, err := loadMapping(acc.Name); err != nil || len(m.Check(acc)) == 0 {
			return m, source, err
		}
	}
	if name != "" && name != mapping.Generated {
		return loadMapping(name)
	}
	text, err := mapping.Generate(acc)
	if err != nil {
		return nil, Source{}, err
	}
	m, err := mapping.Parse(mapping.Generated, text)
	if err != nil {
		return nil, Source{}, err
	}
	if name == "" {
		m.Warnings.Add(diag.Problem{
			Message: fmt.Sprintf("mapping generated: none is given, and none that fits is built in for accelerator %q", acc.Name),
			Hint:    "`stream inspect --hardware FILE --mapping generated` prints it, to be saved and edited",
		})
	}
	return m, Source{Name: mapping.Generated, SHA256: sum(text)}, nil
}

func loadMapping(name string) (*mapping.Mapping, Source, error) {
	if !isFile(name, ".yaml", ".yml") {
		files, err := mappingzoo.Source(name)
		if err != nil {
			return nil, Source{}, unknownBuiltin("mapping", name, MappingNames(), ".yaml", ".mapping.yaml")
		}
		m, err := mappingzoo.Load(name)
		return m, Source{Name: name, SHA256: sumFiles(files)}, err
	}
	m, err := mapping.Load(name)
	if err != nil {
		return nil, Source{}, mistaken(err, name, aMapping)
	}
	data, err := os.ReadFile(name)
	return m, Source{Name: stem(name), SHA256: sum(data), Path: name}, err
}

// isFile tells whether a name means a file rather than a built-in: it has a
// folder or one of the extensions, or a file is there.
func isFile(name string, extensions ...string) bool {
	if strings.ContainsAny(name, `/\`) || hasExtension(name, extensions...) {
		return true
	}
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

func hasExtension(name string, extensions ...string) bool {
	return slices.Contains(extensions, strings.ToLower(filepath.Ext(name)))
}

// stem is the name of a file without folder and extension.
func stem(path string) string {
	base := filepath.Base(path)
	return strings.TrimSuffix(base, filepath.Ext(base))
}

func sum(data []byte) string {
	h := sha256.Sum256(data)
	return hex.EncodeToString(h[:])
}

// sumFiles is the checksum of the contents of files in the order of their names.
func sumFiles(files map[string]string) string {
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	sort.Strings(names)
	h := sha256.New()
	for _, name := range names {
		io.WriteString(h, files[name])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Builtin returns the files of everything built in under a name, by their path:
// a workload as NAME.onnx, an accelerator as NAME.yaml with its core files below
// cores/, a mapping as NAME.mapping.yaml. ok is false if there is nothing.
func Builtin(name string) (files map[string][]byte, ok bool, err error) {
	files = map[string][]byte{}
	if workloadzoo.Has(name) {
		model, err := workloadzoo.Model(name)
		if err != nil {
			return nil, true, err
		}
		files[model.Graph.Name+".onnx"] = workloadzoo.Encode(model)
	}
	if slices.Contains(HardwareNames(), name) {
		source, err := hardwarezoo.Source(name)
		if err != nil {
			return nil, true, err
		}
		for path, text := range source {
			files[path] = []byte(text)
		}
	}
	if slices.Contains(MappingNames(), name) {
		source, err := mappingzoo.Source(name)
		if err != nil {
			return nil, true, err
		}
		for _, text := range source {
			files[name+".mapping.yaml"] = []byte(text)
		}
	}
	return files, len(files) > 0, nil
}

// Warnings says what was assumed while the inputs were read, and which of their
// keys and entries have no effect.
func (p Problem) Warnings() []string {
	var list []string
	if p.Workload != nil {
		list = append(list, p.Workload.Notes...)
	}
	if p.Hardware != nil {
		for _, w := range p.Hardware.Warnings {
			list = append(list, w.String())
		}
		known := onnx.Supported()
		if p.Workload != nil {
			for i := range p.Workload.Layers {
				known = append(known, p.Workload.Layers[i].Type)
			}
		}
		for _, w := range p.Hardware.UnknownOperators(known) {
			list = append(list, w.String())
		}
	}
	if p.Mapping != nil {
		for _, w := range p.Mapping.Warnings {
			list = append(list, w.String())
		}
		if p.Workload != nil {
			for _, w := range append(p.Mapping.Unmatched(p.Workload, onnx.Supported()), split.Readings(p.Workload, p.Mapping, rules.Default())...) {
				list = append(list, w.String())
			}
		}
	}
	return list
}
