package split

import (
	"fmt"
	"slices"
	"strings"

	"streamdse/internal/diag"
	"streamdse/mapping"
	"streamdse/rules"
	"streamdse/taskgraph"
	"streamdse/workload"
)

// cutter decides how one layer is cut.
type cutter struct {
	network  *workload.Workload
	layer    *workload.Layer
	entry    *mapping.Entry
	fallback *mapping.Entry   // the default entry, which fills in tilings the entry lacks
	group    []mapping.Tiling // set by the fusion group of a file of 2026
	within   []mapping.Tiling // set from outside in place of all tilings within a core
	named    bool             // for this layer by its name
	over     []mapping.Tiling // ... over cores
	alone    bool             // the layer stands alone in its stack
	rules    rules.Rules

	problems *diag.List
	notes    *diag.List
}

// tiling is a valid list of outer loops with the cuts they make.
type tiling struct {
	loops []taskgraph.Loop
	cuts  []taskgraph.Cut
	// free says that the allocator decides how the layer is spread over cores.
	free bool
	// sizes are the loop sizes, which the published rules may have enlarged.
	sizes []int
}

// tile validates the tilings of the mapping and turns them into outer loops:
// those within a core first, those over cores after.
func (c *cutter) tile() tiling {
	t := tiling{sizes: make([]int, len(c.layer.Dims))}
	for i, d := range c.layer.Dims {
		t.sizes[i] = d.Size
	}
	intra := c.intra(&t)
	inter := c.inter(&t)
	if c.rules.TilesEnlargeLayer {
		t.enlarged(intra, inter)
	} else {
		t.ragged(intra, inter)
	}
	for d := range t.cuts {
		if n := t.cuts[d].Parts(); t.cuts[d].Starts[n] == 0 {
			c.problem(fmt.Sprintf("layer %q: %d parts of %s, which has %d elements", c.layer.Name, n, c.layer.Dims[d].Dim, t.sizes[d]),
				"not more parts than elements, over all tilings of a dimension", "")
		}
	}
	return t
}

// request is a tiling that names a dimension of the layer.
type request struct {
	dim   int
	parts int
	size  int // of a part; 0 if the number of parts is given instead
}

// intra lists the tilings within a core; there are none for a layer that is not
// fused, unless they are set for it by its name.
func (c *cutter) intra(t *tiling) []request {
	given := c.entry.Intra
	if len(given) == 0 {
		given = c.fallback.Intra
	}
	if len(c.group) > 0 {
		given = c.group
	}
	if len(c.within) > 0 {
		given = c.within
	}
	var list []request
	for _, g := range given {
		dim, ok := c.dim(g, "intra-core")
		if !ok || slices.ContainsFunc(list, func(q request) bool { return q.dim == dim && len(c.group) > 0 }) {
			continue
		}
		if g.Parts == mapping.Free {
			c.problem(fmt.Sprintf("layer %q: the intra-core tiling of %s is left open (*)", c.layer.Name, g.Dim),
				"a number of parts, or all", "only inter-core tilings can be left to the allocator")
			continue
		}
		q, ok := c.request(g, dim)
		if !ok {
			continue
		}
		if c.rules.TilesEnlargeLayer {
			// The enlargement stays, even where the tiling is dropped below.
			t.sizes[dim] = (t.sizes[dim] + q.parts - 1) / q.parts * q.parts
		}
		list = append(list, q)
	}
	if c.alone && !c.named {
		return nil
	}
	if len(list) == 0 && !c.alone {
		if dim, ok := c.fusionDim(); ok {
			list = append(list, request{dim: dim, parts: c.layer.Dims[dim].Size})
		}
	}
	return list
}

// inter lists the tilings over cores, and notes in t if one of them is left open.
func (c *cutter) inter(t *tiling) []request {
	given := c.entry.Inter
	if len(given) == 0 {
		given = c.fallback.Inter
	}
	if len(c.over) > 0 {
		given = c.over
	}
	var list []request
	valid := false
	for _, g := range given {
		dim, ok := c.dim(g, "inter-core")
		if !ok {
			continue
		}
		valid = true
		if g.Parts == mapping.Free {
			t.free = true
			continue
		}
		if q, ok := c.request(g, dim); ok {
			list = append(list, q)
		}
	}
	if !valid {
		t.free = true
	}
	if t.free {
		return nil
	}
	return list
}

// dim finds the loop that a tiling names.
func (c *cutter) dim(g mapping.Tiling, kind string) (int, bool) {
	if i, ok := loopOf(c.layer, g.Dim); ok {
		return i, true
	}
	if _, positional := mapping.Position(g.Dim); !positional && !g.Dim.Conventional() && !c.network.HasLoop(g.Dim) {
		c.problem(fmt.Sprintf("entry %q: the %s tiling names %s, which is a loop of no layer", c.entry.Name, kind, g.Dim),
			"loop dimensions such as B, K, C, G, OY, OX, FY, FX, D, H", "`stream inspect` lists the loops of every layer")
		return 0, false
	}
	dims := make([]string, len(c.layer.Dims))
	for i, d := range c.layer.Dims {
		dims[i] = string(d.Dim)
	}
	c.notes.Add(diag.Problem{
		File: c.entry.File, Line: c.entry.Line,
		Message: fmt.Sprintf("the %s tiling of %s does not apply to layer %q, which has no such loop", kind, g.Dim, c.layer.Name),
		Allowed: strings.Join(dims, ", "),
	})
	return 0, false
}

func (c *cutter) request(g mapping.Tiling, dim int) (request, bool) {
	size := c.layer.Dims[dim].Size
	switch {
	case g.Parts == mapping.All:
		return request{dim: dim, parts: size}, true
	case g.Parts < 1:
		c.problem(fmt.Sprintf("layer %q: tiling %s into %d parts", c.layer.Name, g.Dim, g.Parts), "a positive number, or all", "")
		return request{}, false
	case g.Size:
		part := min(g.Parts, size)
		return request{dim: dim, parts: (size + part - 1) / part, size: part}, true
	}
	return request{dim: dim, parts: min(g.Parts, size)}, true
}

// sizeOf is the size of part i of as many elements.
func (q request) sizeOf(i, elements int) int {
	if q.size > 0 {
		return max(0, min(q.size, elements-i*q.size))
	}
	size := elements / q.parts
	if i < elements%q.parts {
		size++
	}
	return size
}

func (c *cutter) problem(message, allowed, hint string) {
	c.problems.Add(diag.Problem{File: c.entry.File, Line: c.entry.Line, Message: message, Allowed: allowed, Hint: hint})
}

// fusionDim is the dimension along which a layer streams through its stack if
// the mapping does not say: the rows of an image, else the rows of a matrix, else
// the positions of a sequence. Unary element-wise layers of the published scheduler go by columns instead.
func (c *cutter) fusionDim() (int, bool) {
	order := []workload.Dim{"OY", "D", "OX", "K"}
	if c.rules.UnaryStreamsColumns {
		switch c.layer.Type {
		case "Relu", "Gelu", "Silu":
			order = []workload.Dim{"K"}
		}
	}
	for _, want := range order {
		for i, d := range c.layer.Dims {
			if d.Dim == want {
				return i, true
			}
		}
	}
	return 0, false
}

// ragged cuts every dimension into parts that differ by at most one, the larger
// ones first, so that all work is done and there are at most two sizes. Where a
// size of parts is asked for, all parts have it but the last.
//
// A dimension that is cut within and over cores has the parts of a tile lie side
// by side. If it has too few elements for both, the cores come first.
func (t *tiling) ragged(intra, inter []request) {
	left := append([]int(nil), t.sizes...) // elements per part
	asked := make([]int, len(t.sizes))     // size of parts asked for
	clampTo := func(list []request) {
		for i := range list {
			q := &list[i]
			q.parts = min(q.parts, left[q.dim])
			left[q.dim] /= q.parts
		}
	}
	cuts := make([]int, len(t.sizes)) // requests per dimension
	for _, list := range [][]request{intra, inter} {
		for _, q := range list {
			asked[q.dim] = q.size
			cuts[q.dim]++
		}
	}
	clampTo(inter)
	clampTo(intra)
	t.setLoops(intra, inter)
	for d, n := range t.partCounts() {
		size := t.sizes[d]
		starts := make([]int32, n+1)
		for i := range starts {
			if cuts[d] == 1 && asked[d] > 0 {
				starts[i] = int32(min(i*asked[d], size))
			} else {
				starts[i] = int32(i*(size/n) + min(i, size%n))
			}
		}
		t.cuts[d].Starts = starts
	}
}

// enlarged cuts every dimension into equal parts as the published scheduler does:
// tilings within a core have enlarged it to a multiple before, and what tilings
// over cores leave over is lost.
func (t *tiling) enlarged(intra, inter []request) {
	t.setLoops(intra, inter)
	span := append([]int(nil), t.sizes...)
	for _, loop := range t.loops {
		span[loop.Dim] /= loop.Parts
	}
	for d, n := range t.partCounts() {
		starts := make([]int32, n+1)
		for i := range starts {
			starts[i] = int32(i * span[d])
		}
		t.cuts[d].Starts = starts
	}
}

// setLoops lists the loops and derives what each part adds to a node's number.
func (t *tiling) setLoops(intra, inter []request) {
	for _, q := range intra {
		t.loops = append(t.loops, taskgraph.Loop{Dim: q.dim, Parts: q.parts})
	}
	for _, q := range inter {
		t.loops = append(t.loops, taskgraph.Loop{Dim: q.dim, Parts: q.parts, Inter: true})
	}
	t.cuts = make([]taskgraph.Cut, len(t.sizes))
	for d := range t.cuts {
		t.cuts[d].Offset = []int32{0}
	}
	stride := int32(1)
	for _, loop := range t.loops {
		cut := &t.cuts[loop.Dim]
		below := cut.Offset
		cut.Offset = make([]int32, 0, len(below)*loop.Parts)
		for v := range loop.Parts {
			for _, o := range below {
				cut.Offset = append(cut.Offset, o+int32(v)*stride)
			}
		}
		stride *= int32(loop.Parts)
	}
}

func (t *tiling) partCounts() []int {
	n := make([]int, len(t.cuts))
	for d := range t.cuts {
		n[d] = t.cuts[d].Parts()
	}
	return n
}
