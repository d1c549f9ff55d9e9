package mapping

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"streamdse/hardware"
	"streamdse/internal/diag"
	"streamdse/internal/yamldoc"
	"streamdse/workload"
)

// Load reads a mapping file. The error is a diag.List.
func Load(path string) (*Mapping, error) {
	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, diag.List{{File: path, Message: "there is no such mapping file"}}
	case err != nil:
		var p *fs.PathError
		if errors.As(err, &p) {
			err = p.Err
		}
		return nil, diag.List{{File: path, Message: fmt.Sprintf("cannot read the mapping file: %v", err)}}
	}
	return Parse(path, data)
}

// Parse reads a mapping file; name is used in messages, and its last element
// without extension names the mapping. The error is a diag.List.
//
// Three formats are read:
//
//   - a list of entries, as ZigZag and Stream of 2024 have it, one named
//     "default": name, core_allocation (candidate cores, default [0]),
//     core_allocation_is_fixed, intra_core_tiling ("OY, 4" or "OY, all": numbers
//     of tiles), inter_core_tiling ("K, 4", "K, all" or "K, *"),
//     spatial_mapping, spatial_mapping_hint, memory_operand_links,
//     temporal_ordering. An entry with one core is fixed whether it says so or not.
//
//   - a mapping with layers and fused_groups, as of 2026: core_allocation has one
//     group of cores, inter_core_tiling one list of {dim, split}; with as many
//     parts as cores, part g is fixed to core g of the group, without parts the
//     cores are candidates. fused_groups become Groups, with
//     intra_core_tiling {dim: Layer.D2, tile: size}. Nothing is a default there.
//
//   - a mapping with entries, as in the first format but without the need for a
//     default, fused_groups as in the second, and choice and explore (see Choice).
//     Write writes it.
//
// The kernel of an entry and runtime_args name code for an AI-engine array; they
// have no effect and leave a warning.
func Parse(name string, data []byte) (*Mapping, error) {
	f, root := yamldoc.Parse(name, data)
	base := filepath.Base(name)
	m := &Mapping{Name: strings.TrimSuffix(base, filepath.Ext(base))}
	r := reader{file: name, names: map[string]int{}}
	switch {
	case root == nil:
	case root.Kind == yamldoc.Map && root.Has("entries"):
		r.entries(root, m)
	case root.Kind == yamldoc.Map:
		r.grouped(root, m)
	case root.Kind == yamldoc.List:
		r.list(root, m)
	default:
		root.Problem("a mapping file is a list of entries, or has `entries`, or `layers` and `fused_groups`", "", "`stream inspect --hardware FILE --mapping generated` prints one to begin with")
	}
	if err := f.Problems().Err(); err != nil {
		return nil, err
	}
	m.Warnings = f.Warnings()
	return m, nil
}

type reader struct {
	file  string
	names map[string]int // of entries, with their lines
}

var (
	dimension = regexp.MustCompile(`^[A-Z]+[0-9]*$`)
	arrayDim  = regexp.MustCompile(`^D[0-9]+$`)
)

// maxParts bounds numbers of tiles and tile sizes, so that no product overflows
// before it has been compared with the size of a dimension.
const maxParts = 1 << 31

func (r *reader) list(root *yamldoc.Node, m *Mapping) {
	r.listed(root, m)
	if _, ok := r.names["default"]; !ok {
		root.Problem("there is no entry named `default`", "", "add one for the layers that no other entry names")
	}
}

// entries reads a list of entries with what is chosen beside it.
func (r *reader) entries(root *yamldoc.Node, m *Mapping) {
	f, ok := root.Fields(yamldoc.Spec{Required: []string{"entries"}, Optional: []string{"fused_groups", "choice", "explore"}})
	if !ok {
		return
	}
	r.listed(f.Get("entries"), m)
	r.groups(f.Get("fused_groups"), m)
	chosen(f, m)
}

// chosen reads what a file decides of what its entries leave open.
func chosen(f yamldoc.Fields, m *Mapping) {
	if v := f.Get("choice"); v != nil {
		m.Choice = choice(v)
	}
	if v := f.Get("explore"); v != nil {
		m.Explore = dimensions(v, Dimensions())
	}
}

// listed reads entries of the first format.
func (r *reader) listed(list *yamldoc.Node, m *Mapping) {
	for _, n := range list.List() {
		f, ok := n.Fields(yamldoc.Spec{
			Required: []string{"name"},
			Optional: []string{"core_allocation", "core_allocation_is_fixed", "intra_core_tiling", "inter_core_tiling",
				"spatial_mapping", "spatial_mapping_hint", "memory_operand_links", "temporal_ordering", "kernel", "fixed"},
		})
		if !ok {
			continue
		}
		e := r.entry(n, f)
		if v := f.Get("core_allocation"); v != nil {
			e.coresAt = place{v.Line, v.Column}
			e.Fixed, _ = f.Get("core_allocation_is_fixed").Bool()
			e.Cores = cores(v, e.Fixed)
		} else {
			f.Get("core_allocation_is_fixed").Bool()
			e.coresAt = place{n.Line, n.Column}
			e.Cores = []int{0}
		}
		e.Fixed = e.Fixed || len(e.Cores) == 1
		e.Intra = tilings(f.Get("intra_core_tiling"), false)
		e.Inter = tilings(f.Get("inter_core_tiling"), true)
		e.Spatial = spatial(f.Get("spatial_mapping"))
		e.Hint = hint(f.Get("spatial_mapping_hint"))
		e.Links = links(f.Get("memory_operand_links"))
		e.Temporal = temporal(f)
		if v := f.Get("fixed"); v != nil {
			e.Keep = dimensions(v, []Dimension{Cores, Splits, Tiles})
		}
		m.Entries = append(m.Entries, e)
	}
}

// entry starts an entry with what both formats have.
func (r *reader) entry(n *yamldoc.Node, f yamldoc.Fields) Entry {
	e := Entry{File: r.file, Line: n.Line}
	var ok bool
	if e.Name, ok = f.Get("name").Text(); ok {
		e.nameAt = place{f.Get("name").Line, f.Get("name").Column}
		if line, twice := r.names[e.Name]; twice {
			f.Get("name").Problem(fmt.Sprintf("there is an entry for %q on line %d already", e.Name, line), "", "merge the two: only the first would count")
		} else {
			r.names[e.Name] = n.Line
		}
	}
	if k, has := f.Key("kernel"); has {
		k.Warn("`kernel` has no effect", "a layer's latency follows from the core's array and memories")
	}
	return e
}

// cores reads core ids; a fixed allocation may put several groups on one core.
func cores(n *yamldoc.Node, repeat bool) []int {
	var ids []int
	for _, x := range n.List() {
		id, ok := x.Int(0)
		switch {
		case !ok:
		case id >= maxParts:
			x.Problem(fmt.Sprintf("%d is no core id", id), "0, 1, 2, ...", "")
		case !repeat && slices.Contains(ids, int(id)):
			x.Problem(fmt.Sprintf("core %d is named twice", id), "", "with `core_allocation_is_fixed: true` the list has a core for every group, and may repeat")
		default:
			ids = append(ids, int(id))
		}
	}
	if n.Kind == yamldoc.List && len(n.List()) == 0 {
		n.Problem("must name at least one core", "", "")
	}
	return ids
}

// tilings reads a list of "DIM, n", "DIM, all" and, where free, "DIM, *".
func tilings(n *yamldoc.Node, free bool) []Tiling {
	allowed := `a loop dimension and a number of parts or all, such as "OY, 4"`
	if free {
		allowed = `a loop dimension and a number of parts, all or *, such as "K, 4"`
	}
	var ts []Tiling
	for _, x := range n.List() {
		s, ok := x.Text()
		if !ok {
			continue
		}
		dim, parts, found := strings.Cut(s, ",")
		t := Tiling{Dim: workload.Dim(strings.TrimSpace(dim))}
		switch parts = strings.TrimSpace(parts); parts {
		case "all":
			t.Parts = All
		case "*":
			t.Parts = Free
			if !free {
				x.Problem(fmt.Sprintf("%q leaves the number of tiles open", s), allowed, "only `inter_core_tiling` may leave it to the allocator")
				continue
			}
		default:
			k, err := strconv.Atoi(parts)
			if err != nil || k < 1 || k > maxParts {
				found = false
			}
			t.Parts = k
		}
		if !found || !dimension.MatchString(string(t.Dim)) {
			x.Problem(fmt.Sprintf("cannot read the tiling %q", s), allowed, "")
			continue
		}
		ts = append(ts, t)
	}
	return ts
}

// onArray reads the lists of a mapping from array dimensions.
func onArray(n *yamldoc.Node, read func(dim string, list []*yamldoc.Node)) {
	for _, e := range n.Entries() {
		if !arrayDim.MatchString(e.Key) {
			e.Problem(fmt.Sprintf("%q is no array dimension", e.Key), "D1, D2, ...", "")
			continue
		}
		read(e.Key, e.Value.List())
	}
}

func spatial(n *yamldoc.Node) map[string][]hardware.Unrolling {
	if n == nil {
		return nil
	}
	m := map[string][]hardware.Unrolling{}
	onArray(n, func(dim string, list []*yamldoc.Node) {
		m[dim] = []hardware.Unrolling{}
		for _, x := range list {
			s, ok := x.Text()
			if !ok {
				continue
			}
			loop, factor, found := strings.Cut(s, ",")
			loop = strings.TrimSpace(loop)
			k, err := strconv.Atoi(strings.TrimSpace(factor))
			switch {
			case !found || err != nil || k < 1 || k > maxParts || !dimension.MatchString(loop):
				x.Problem(fmt.Sprintf("cannot read the unrolling %q", s), `a loop dimension and a factor, such as "K, 32"`, "")
			case slices.ContainsFunc(m[dim], func(u hardware.Unrolling) bool { return u.Dim == loop }):
				x.Problem(fmt.Sprintf("%s is unrolled twice on %s", loop, dim), "", "multiply the factors")
			default:
				m[dim] = append(m[dim], hardware.Unrolling{Dim: loop, Factor: k})
			}
		}
	})
	return m
}

func hint(n *yamldoc.Node) map[string][]workload.Dim {
	if n == nil {
		return nil
	}
	m := map[string][]workload.Dim{}
	onArray(n, func(dim string, list []*yamldoc.Node) {
		m[dim] = []workload.Dim{}
		for _, x := range list {
			if d, ok := loop(x); ok {
				m[dim] = append(m[dim], d)
			}
		}
	})
	return m
}

// loop reads the name of a loop dimension.
func loop(n *yamldoc.Node) (workload.Dim, bool) {
	s, ok := n.Text()
	if ok && !dimension.MatchString(s) {
		n.Problem(fmt.Sprintf("%q is no loop dimension", s), "upper-case names such as B, K, C, G, OY, OX, FY, FX", "")
		ok = false
	}
	return workload.Dim(s), ok
}

func links(n *yamldoc.Node) map[string]hardware.MemoryOperand {
	if n == nil {
		return nil
	}
	f, ok := n.Fields(yamldoc.Spec{Required: []string{"O", "W", "I"}})
	if !ok {
		return nil
	}
	m := map[string]hardware.MemoryOperand{}
	used := map[hardware.MemoryOperand]string{}
	for _, operand := range []string{"O", "W", "I"} {
		v := f.Get(operand)
		s, ok := v.OneOf("I1", "I2", "O")
		if !ok {
			continue
		}
		op := hardware.MemoryOperand(slices.Index([]string{"I1", "I2", "O"}, s))
		if other, twice := used[op]; twice {
			v.Problem(fmt.Sprintf("%s holds %s already", op, other), "a different memory operand for each of O, W, I", "")
		}
		used[op], m[operand] = operand, op
	}
	return m
}

// temporal reads a loop order. An entry ["*", "*"], meant to go on counting from
// the outermost loop, has no effect, as in the published tool.
func temporal(f yamldoc.Fields) []TemporalLoop {
	var loops []TemporalLoop
	for _, x := range f.Get("temporal_ordering").List() {
		pair := x.List()
		if x.Kind != yamldoc.List {
			continue
		}
		if len(pair) != 2 {
			x.Problem(fmt.Sprintf("must have two elements, found %d", len(pair)), `[dimension, size] or [dimension, "*"]`, "")
			continue
		}
		if s, _ := pair[0].Text(); s == "*" {
			k, _ := f.Key("temporal_ordering")
			k.Warn(`the entry "*" of a loop order has no effect`, "all entries count from the innermost loop")
			continue
		}
		d, ok := loop(pair[0])
		t := TemporalLoop{Dim: d}
		if s, _ := pair[1].Text(); s != "*" {
			k, sized := pair[1].Int(1)
			t.Size, ok = int(min(k, maxParts)), ok && sized
		}
		if ok {
			loops = append(loops, t)
		}
	}
	return loops
}

// grouped reads the format of 2026.
func (r *reader) grouped(root *yamldoc.Node, m *Mapping) {
	f, ok := root.Fields(yamldoc.Spec{Required: []string{"layers"}, Optional: []string{"fused_groups", "runtime_args", "choice", "explore"}})
	if !ok {
		return
	}
	if k, has := f.Key("runtime_args"); has {
		k.Warn("`runtime_args` has no effect", "a mapping is evaluated here, not compiled")
	}
	for _, n := range f.Get("layers").List() {
		f, ok := n.Fields(yamldoc.Spec{Required: []string{"name", "core_allocation"}, Optional: []string{"inter_core_tiling", "kernel"}})
		if !ok {
			continue
		}
		e := r.entry(n, f)
		r.allocate(f, &e)
		m.Entries = append(m.Entries, e)
	}
	r.groups(f.Get("fused_groups"), m)
	chosen(f, m)
}

// groups reads fusion groups.
func (r *reader) groups(list *yamldoc.Node, m *Mapping) {
	for _, n := range list.List() {
		f, ok := n.Fields(yamldoc.Spec{Required: []string{"name", "layers"}, Optional: []string{"intra_core_tiling"}})
		if !ok {
			continue
		}
		g := Group{File: r.file, Line: n.Line}
		g.Name, _ = f.Get("name").Text()
		for _, x := range f.Get("layers").List() {
			if s, ok := x.Text(); ok {
				g.Layers = append(g.Layers, s)
			}
		}
		if v := f.Get("layers"); v != nil && v.Kind == yamldoc.List && len(v.List()) == 0 {
			v.Problem("a fusion group needs at least one layer", "", "")
		}
		for _, x := range f.Get("intra_core_tiling").List() {
			if t, ok := layerTiling(x); ok {
				g.Tiles = append(g.Tiles, t)
			}
		}
		m.Groups = append(m.Groups, g)
	}
}

// allocate reads the groups of cores of an entry and how the layer is cut over them.
func (r *reader) allocate(f yamldoc.Fields, e *Entry) {
	v := f.Get("core_allocation")
	if v == nil {
		return
	}
	e.coresAt = place{v.Line, v.Column}
	groups := v.List()
	if v.Kind == yamldoc.List && len(groups) != 1 {
		v.Problem(fmt.Sprintf("%d groups of cores", len(groups)), "one group, such as [[0, 1, 2, 3]]", "a choice between groups is not made here: keep the group that you want")
		return
	}
	if len(groups) == 0 {
		return
	}
	e.Cores = cores(groups[0], false)
	parts, known := 1, true
	if t := f.Get("inter_core_tiling"); t != nil {
		lists := t.List()
		if t.Kind == yamldoc.List && len(lists) != len(groups) {
			t.Problem(fmt.Sprintf("%d tilings for %d groups of cores", len(lists), len(groups)), "one list of {dim, split} for each group", "")
			return
		}
		if len(lists) == 0 {
			return
		}
		for _, x := range lists[0].List() {
			f, ok := x.Fields(yamldoc.Spec{Required: []string{"dim", "split"}})
			if !ok {
				known = false
				continue
			}
			d, named := loop2026(f.Get("dim"))
			k, counted := f.Get("split").Int(1)
			if !named || !counted {
				known = false
				continue
			}
			k = min(k, maxParts)
			e.Inter = append(e.Inter, Tiling{Dim: d, Parts: int(k)})
			parts = min(parts*int(k), maxParts)
		}
	}
	e.Fixed = len(e.Cores) == 1 || parts > 1
	if known && parts > 1 && parts != len(e.Cores) {
		v.Problem(fmt.Sprintf("%d parts for %d cores", parts, len(e.Cores)), "as many parts as cores", "change `inter_core_tiling` or the group")
	}
}

func loop2026(n *yamldoc.Node) (workload.Dim, bool) {
	if n == nil {
		return "", false
	}
	return loop(n)
}

// layerTiling reads {dim: Layer.D2, tile: 1}.
func layerTiling(n *yamldoc.Node) (LayerTiling, bool) {
	f, ok := n.Fields(yamldoc.Spec{Required: []string{"dim", "tile"}})
	if !ok {
		return LayerTiling{}, false
	}
	s, ok := f.Get("dim").Text()
	size, sized := f.Get("tile").Int(1)
	if !ok || !sized {
		return LayerTiling{}, false
	}
	i := strings.LastIndexByte(s, '.')
	if i <= 0 || !dimension.MatchString(s[i+1:]) {
		f.Get("dim").Problem(fmt.Sprintf("cannot read the dimension %q", s), "a layer and one of its dimensions, such as Conv1.D2", "")
		return LayerTiling{}, false
	}
	return LayerTiling{s[:i], Tiling{Dim: workload.Dim(s[i+1:]), Parts: int(min(size, maxParts)), Size: true}}, true
}
