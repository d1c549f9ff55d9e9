// Package workloadyaml reads networks that are written by hand as loop nests: a
// YAML list of layers, the workload format of ZigZag and Stream.
//
//   - id: 0
//     name: stem                                          # Layer0 if left out
//     operator_type: Conv
//     equation: O[b][k][oy][ox]+=W[k][c][fy][fx]*I[b][c][iy][ix]
//     dimension_relations: [ix=2*ox+1*fx, iy=2*oy+1*fy]
//     loop_dims: [B, K, C, OY, OX, FY, FX]
//     loop_sizes: [1, 64, 3, 112, 112, 7, 7]
//     operand_precision: {O: 16, O_final: 8, W: 8, I: 8}  # bits of an element
//     operand_source: {I: 0, W: 0}                        # a layer, or itself: a constant
//     pr_loop_dims: [IY, IX]                              # partially relevant dimensions,
//     pr_loop_sizes: [224, 224]                           # their sizes in the real tensor
//     padding: [[3, 3], [3, 3]]                           # and what windows cover beside it
package workloadyaml

import (
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"streamdse/internal/diag"
	"streamdse/internal/yamldoc"
	"streamdse/unit"
	"streamdse/workload"
)

// Limits, far above any network, that keep positions within 31 and products within 63 bits.
const (
	maxSize       = 1 << 24
	maxExtent     = 1<<31 - 1
	maxBits       = 1024
	maxOperations = 1 << 53
)

// Load reads a workload file and returns its content too. The error is a diag.List.
func Load(path string) (*workload.Workload, []byte, error) { return load(path, false) }

// LoadAsWritten is Load for the evaluation of each layer on its own: index
// dimensions have the sizes and the padding that the file states, whatever the
// layer before computes. Without any, a window's padding counts as data.
func LoadAsWritten(path string) (*workload.Workload, []byte, error) { return load(path, true) }

func load(path string, asWritten bool) (*workload.Workload, []byte, error) {
	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, diag.List{{File: path, Message: "there is no such workload file"}}
	case err != nil:
		var p *fs.PathError
		if errors.As(err, &p) {
			err = p.Err
		}
		return nil, nil, diag.List{{File: path, Message: fmt.Sprintf("cannot read the workload file: %v", err)}}
	}
	w, err := parse(path, data, asWritten)
	return w, data, err
}

// Parse reads a workload file; name is used in messages, and its last element
// without extension names the workload. The error is a diag.List with all
// problems of the file.
//
// The operands of an equation are O, W and I. An input whose source is another
// layer is that layer's output, of the same shape; one whose source is its own
// layer, or that has none, is a constant (W) or a network input (I). Where the
// file gives neither padding nor size of a partially relevant dimension, and the
// operand is another layer's output, what windows read beyond that output is
// taken as padding, the odd one in front. constant_operands, a list of operands
// that are no layer's output, is checked and says nothing new.
func Parse(name string, data []byte) (*workload.Workload, error) { return parse(name, data, false) }

func parse(name string, data []byte, asWritten bool) (*workload.Workload, error) {
	f, root := yamldoc.Parse(name, data)
	base := filepath.Base(name)
	r := reader{out: &workload.Workload{Name: strings.TrimSuffix(base, filepath.Ext(base))}, index: map[int]int{}, asWritten: asWritten}
	switch {
	case root == nil:
	case root.Kind != yamldoc.List:
		root.Problem("a workload file is a list of layers", "", "begin every layer with \"- id:\"")
	case len(root.List()) == 0:
		root.Problem("the file has no layer", "", "")
	default:
		for _, n := range root.List() {
			r.layer(n)
		}
		r.connect()
	}
	if err := f.Problems().Err(); err != nil {
		return nil, err
	}
	return r.out, nil
}

// reader builds the layers of a file.
type reader struct {
	asWritten bool // see LoadAsWritten
	out       *workload.Workload
	inputs    []input     // of all layers, in the order of the file
	index     map[int]int // position of a layer by id
}

// input is an operand that is read, with its source still a layer id.
type input struct {
	layer, operand int
	source         *yamldoc.Node // nil if none is given
	stated         map[workload.Dim]bool
}

var (
	dimension = regexp.MustCompile(`^[A-Z]+[0-9]*$`)
	operator  = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)
)

func (r *reader) layer(n *yamldoc.Node) {
	f, ok := n.Fields(yamldoc.Spec{
		Required: []string{"id", "operator_type", "equation", "loop_dims", "loop_sizes", "operand_precision"},
		Optional: []string{"name", "dimension_relations", "operand_source", "constant_operands", "pr_loop_dims", "pr_loop_sizes", "padding"},
	})
	if !ok {
		return
	}
	var l workload.Layer
	id, ok := f.Get("id").Int(0)
	if ok && id > maxSize {
		f.Get("id").Problem(fmt.Sprintf("%d is too large", id), fmt.Sprintf("up to %d", maxSize), "")
	}
	l.ID, l.Name = int(id), fmt.Sprintf("Layer%d", id)
	if first, twice := r.index[l.ID]; twice && ok {
		f.Get("id").Problem(fmt.Sprintf("layer %d is given twice, first as %q", l.ID, r.out.Layers[first].Name), "", "")
	}
	if v := f.Get("name"); v != nil {
		l.Name, _ = v.Text()
	}
	if v := f.Get("operator_type"); v != nil {
		if l.Type, ok = v.Text(); ok && !operator.MatchString(l.Type) {
			v.Problem(fmt.Sprintf("%q is no operator type", l.Type), "a word such as Conv, Pooling, Add or Gemm", "")
		}
	}
	l.Dims = loops(f)
	l.Relations = relations(f.Get("dimension_relations"))
	sized(f, &l)
	l.Operands = equation(f.Get("equation"), &l)
	stated := stateIndices(f, &l)
	if l.Operands != nil {
		precisions(f.Get("operand_precision"), &l)
	}
	for i := range l.Operands {
		if o := &l.Operands[i]; volume(shape(&l, o)) > maxOperations {
			f.Get("equation").Problem(fmt.Sprintf("operand %s has more than %d elements", o.Name, int64(maxOperations)), "", "")
		}
	}
	if l.Operands != nil {
		l.OutputShape = shape(&l, &l.Operands[0])
	}
	r.index[l.ID] = len(r.out.Layers)
	sources := r.sources(f, &l)
	for i := 1; i < len(l.Operands); i++ {
		r.inputs = append(r.inputs, input{len(r.out.Layers), i, sources[l.Operands[i].Name], stated})
	}
	r.out.Layers = append(r.out.Layers, l)
}

// dims reads a list of names of dimensions, none twice.
func dims(n *yamldoc.Node) (list []workload.Dim) {
	for _, v := range n.List() {
		text, ok := v.Text()
		d := workload.Dim(strings.ToUpper(text))
		switch {
		case !ok:
			continue
		case !dimension.MatchString(string(d)):
			v.Problem(fmt.Sprintf("%q is no dimension", text), "capital letters with an optional number, such as K, OX or D0", "")
		case slices.Contains(list, d):
			v.Problem(fmt.Sprintf("dimension %s is given twice", d), "", "")
		}
		list = append(list, d)
	}
	return list
}

// loops reads loop_dims and loop_sizes.
func loops(f yamldoc.Fields) (list []workload.LoopDim) {
	names, sizes := dims(f.Get("loop_dims")), f.Get("loop_sizes")
	values := sizes.List()
	if sizes != nil && len(values) != len(names) {
		sizes.Problem(fmt.Sprintf("has %d sizes for %d dimensions of loop_dims", len(values), len(names)), "one size for each dimension", "")
		values = nil
	}
	operations := uint64(1)
	for i, v := range values {
		size, ok := positive(v)
		if !ok {
			continue
		}
		hi, lo := bits.Mul64(operations, uint64(size))
		if hi != 0 || lo > maxOperations {
			sizes.Problem(fmt.Sprintf("the loop nest has more than %d operations", int64(maxOperations)), "", "")
			return list
		}
		operations = lo
		list = append(list, workload.LoopDim{Dim: names[i], Size: size})
	}
	return list
}

// positive reads a size of at least 1.
func positive(n *yamldoc.Node) (int, bool) {
	v, ok := n.Int(1)
	if ok && v > maxSize {
		n.Problem(fmt.Sprintf("%d is too large", v), fmt.Sprintf("up to %d", maxSize), "")
		return 0, false
	}
	return int(v), ok
}

// sized tells for every loop that the layer uses whether it has a size. A loop
// without one would be run once, which nobody means.
func sized(f yamldoc.Fields, l *workload.Layer) {
	for i := range l.Relations {
		rel := &l.Relations[i]
		for _, d := range []workload.Dim{rel.A, rel.B} {
			if !l.HasDim(d) && len(l.Dims) > 0 {
				f.Get("dimension_relations").Problem(fmt.Sprintf("%s depends on %s, which is no loop of the layer", rel.Index, d), list(l.Dims), "")
			}
		}
		if l.HasDim(rel.Index) {
			f.Get("dimension_relations").Problem(fmt.Sprintf("%s is a loop of the layer and so cannot follow from others", rel.Index), "", "")
		}
	}
}

func list(dims []workload.LoopDim) string {
	var names []string
	for _, d := range dims {
		names = append(names, string(d.Dim))
	}
	return strings.Join(names, ", ")
}

// stateIndices reads sizes and padding of partially relevant dimensions into the
// layer's relations and tells which of them the file states.
func stateIndices(f yamldoc.Fields, l *workload.Layer) map[workload.Dim]bool {
	stated := map[workload.Dim]bool{}
	names := f.Get("pr_loop_dims")
	var relations []*workload.Relation
	for i, d := range dims(names) {
		rel := l.Relation(d)
		if rel == nil {
			names.List()[i].Problem(fmt.Sprintf("no relation of the layer defines %s", d), "", "give one in dimension_relations")
		}
		relations = append(relations, rel)
		stated[d] = true
	}
	for _, key := range []string{"pr_loop_sizes", "padding"} {
		v := f.Get(key)
		if v == nil {
			continue
		}
		items := v.List()
		if len(items) != len(relations) {
			v.Problem(fmt.Sprintf("has %d entries for %d dimensions of pr_loop_dims", len(items), len(relations)), "one entry for each dimension", "")
			continue
		}
		for i, item := range items {
			if key == "pr_loop_sizes" {
				size, ok := positive(item)
				if ok && relations[i] != nil {
					relations[i].Size = size
				}
				continue
			}
			sides := item.List()
			if item.Kind == yamldoc.List && len(sides) != 2 {
				item.Problem(fmt.Sprintf("has %d numbers", len(sides)), "two: before and after", "")
			}
			if len(sides) != 2 || relations[i] == nil {
				continue
			}
			for k, to := range []*int{&relations[i].PadBefore, &relations[i].PadAfter} {
				n, ok := sides[k].Int(0)
				if ok && n > maxSize {
					sides[k].Problem(fmt.Sprintf("%d is too large", n), fmt.Sprintf("up to %d", maxSize), "")
				}
				*to = int(n)
			}
		}
	}
	for i := range l.Relations {
		rel := &l.Relations[i]
		if l.IndexSize(rel.Index) > maxExtent || rel.PadBefore+rel.PadAfter > maxSize {
			f.Get("dimension_relations").Problem(fmt.Sprintf("%s reaches further than %d", rel.Index, maxExtent), "", "")
		}
	}
	for i, rel := range relations {
		if rel != nil && l.HasDim(rel.A) && l.HasDim(rel.B) && l.IndexSize(rel.Index) < 1 {
			names.List()[i].Problem(fmt.Sprintf("%s has %d positions, of which the padding takes %d and %d", rel.Index,
				l.IndexSize(rel.Index)+rel.PadBefore+rel.PadAfter, rel.PadBefore, rel.PadAfter), "", "")
		}
	}
	return stated
}

// precisions reads the bits of the operands that the equation names.
func precisions(n *yamldoc.Node, l *workload.Layer) {
	required := []string{"O", "O_final"}
	for _, o := range l.Operands[1:] {
		required = append(required, o.Name)
	}
	f, ok := n.Fields(yamldoc.Spec{Required: required})
	if !ok {
		return
	}
	read := func(key string) unit.Bits {
		v, ok := f.Get(key).Int(0)
		if ok && v > maxBits {
			f.Get(key).Problem(strconv.FormatInt(v, 10)+" bits", fmt.Sprintf("up to %d", maxBits), "")
		}
		return unit.Bits(v)
	}
	for i := range l.Operands {
		o := &l.Operands[i]
		o.Bits = read(o.Name)
		o.FinalBits = o.Bits
		if i == 0 {
			o.FinalBits = read("O_final")
		}
	}
}

// sources reads where the inputs come from, by operand.
func (r *reader) sources(f yamldoc.Fields, l *workload.Layer) map[string]*yamldoc.Node {
	given := map[string]*yamldoc.Node{}
	known := func(name string) bool {
		return l.Operands == nil || slices.ContainsFunc(l.Operands[1:], func(o workload.Operand) bool { return o.Name == name })
	}
	for _, e := range f.Get("operand_source").Entries() {
		if !known(e.Key) {
			e.Problem(fmt.Sprintf("the equation reads no operand %q", e.Key), "", "")
			continue
		}
		given[e.Key] = e.Value
	}
	for _, v := range f.Get("constant_operands").List() {
		name, ok := v.Text()
		switch {
		case !ok:
		case !known(name):
			v.Problem(fmt.Sprintf("the equation reads no operand %q", name), "", "")
		case given[name] != nil:
			if id, ok := given[name].Int(0); ok && int(id) != l.ID {
				v.Problem(fmt.Sprintf("operand %s is called a constant here and the output of layer %d in operand_source", name, id), "", "keep one of the two")
			}
		}
	}
	return given
}
