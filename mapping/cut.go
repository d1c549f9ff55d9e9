package mapping

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"streamdse/internal/diag"
	"streamdse/workload"
)

// Cut is a tiling that is set from outside the mapping file. All cuts of one kind
// for a layer, over cores (Inter) or within one, stand in place of the tilings of
// that kind that the file gives the layer. A layer that is not fused runs as a
// whole within a core, unless a cut has its name.
type Cut struct {
	Layer string // a layer's name or an operator type; empty for every layer that has the dimension
	Inter bool
	Tiling
}

// String writes the cut as ParseCuts reads it.
func (c Cut) String() string {
	s := string(c.Dim)
	if c.Layer != "" {
		s = c.Layer + ":" + s
	}
	if c.Size {
		s += ":size"
	}
	if c.Parts == All {
		return s + "=all"
	}
	return fmt.Sprintf("%s=%d", s, c.Parts)
}

// ParseCuts reads a list such as "K=4", "conv1:K=2,OY=2" or "OY:size=4": an
// optional layer's name or operator type, which holds for what follows it in the
// list too, a dimension, and a number of parts, "all" for parts of one element, or
// the size of a part. The error is a diag.List.
func ParseCuts(text string, inter bool) ([]Cut, error) {
	const allowed = "[LAYER:]DIMENSION=PARTS, [LAYER:]DIMENSION=all or [LAYER:]DIMENSION:size=ELEMENTS, several joined by commas"
	var cuts []Cut
	var problems diag.List
	layer := ""
	for _, item := range strings.Split(text, ",") {
		left, right, ok := strings.Cut(item, "=")
		c := Cut{Inter: inter}
		left, c.Size = strings.CutSuffix(strings.TrimSpace(left), ":size")
		if i := strings.LastIndexByte(left, ':'); i >= 0 {
			if layer, left = left[:i], left[i+1:]; strings.TrimSpace(layer) == "" {
				problems.Add(diag.Problem{
					Message: fmt.Sprintf("%q names no layer before the colon", item), Allowed: allowed,
					Hint: fmt.Sprintf("leave the colon out to cut every layer that has the dimension: %s", strings.TrimLeft(item, " :")),
				})
				continue
			}
		}
		c.Layer, c.Dim = layer, workload.Dim(left)
		n, err := strconv.Atoi(strings.TrimSpace(right))
		if strings.TrimSpace(right) == "all" && !c.Size {
			n, err = All, nil
		} else if n < 1 {
			ok = false
		}
		if !ok || err != nil || left == "" {
			problems.Add(diag.Problem{Message: fmt.Sprintf("%q is no tiling", item), Allowed: allowed})
			continue
		}
		c.Parts = n
		cuts = append(cuts, c)
	}
	return cuts, problems.Err()
}

// With returns the mapping with more cuts.
func (m *Mapping) With(cuts ...Cut) *Mapping {
	more := *m
	more.Cuts = append(slices.Clip(m.Cuts), cuts...)
	return &more
}

// CutsOf returns the cuts of one kind for a layer: those that have its name (then
// named is true), else those that have its operator type, else those for all layers
// whose dimension it has.
func (m *Mapping) CutsOf(l *workload.Layer, inter bool) (list []Tiling, named bool) {
	for _, key := range []string{l.Name, l.Type, ""} {
		for _, c := range m.Cuts {
			if c.Inter == inter && c.Layer == key && (key != "" || l.HasDim(c.Dim)) {
				list = append(list, c.Tiling)
			}
		}
		if len(list) > 0 {
			return list, key == l.Name
		}
	}
	return nil, false
}

// CheckCuts reports the cuts that no layer of a network can follow.
func (m *Mapping) CheckCuts(w *workload.Workload) error {
	var problems diag.List
	for _, c := range m.Cuts {
		var named, having []*workload.Layer
		most, kind := 0, true
		for i := range w.Layers {
			l := &w.Layers[i]
			if c.Layer != "" && c.Layer != l.Name && c.Layer != l.Type {
				continue
			}
			named = append(named, l)
			kind = kind && c.Layer != l.Name
			if l.HasDim(c.Dim) {
				having = append(having, l)
				most = max(most, l.Size(c.Dim))
			}
		}
		subject := "no layer has"
		switch {
		case c.Layer != "" && kind:
			subject = fmt.Sprintf("layers of type %s do not have", c.Layer)
		case c.Layer != "":
			subject = fmt.Sprintf("layer %q does not have", c.Layer)
		}
		switch {
		case len(named) == 0:
			problems.Add(diag.Problem{
				Message: fmt.Sprintf("the tiling %s names layer %q, which the network does not have", c, c.Layer),
				Allowed: "the name of a layer, or an operator type: " + strings.Join(types(w), ", "),
				Hint:    likeLayer(w, c.Layer),
			})
		case len(having) == 0:
			problems.Add(diag.Problem{
				Message: fmt.Sprintf("the tiling %s cuts dimension %s, which %s", c, c.Dim, subject),
				Allowed: strings.Join(dims(named), ", "),
				Hint:    diag.DidYouMean(string(c.Dim), dims(named)),
			})
		case c.Parts > most:
			what := "parts"
			if c.Size {
				what = "elements a part"
			}
			problems.Add(diag.Problem{
				Message: fmt.Sprintf("the tiling %s asks for %d %s of %s, which has %s", c, c.Parts, what, c.Dim, elements(most, c.Layer, kind)),
				Allowed: fmt.Sprintf("1 to %d", most),
			})
		}
	}
	return problems.Err()
}

// elements says how many there are at the most in a layer, in those of a kind, or in all.
func elements(most int, layer string, kind bool) string {
	text := fmt.Sprintf("%d elements", most)
	if most == 1 {
		text = "1 element"
	}
	switch {
	case layer == "":
		return "at most " + text
	case kind:
		return fmt.Sprintf("at most %s in layers of type %s", text, layer)
	}
	return fmt.Sprintf("%s in layer %q", text, layer)
}

func likeLayer(w *workload.Workload, name string) string {
	known := types(w)
	for i := range w.Layers {
		known = append(known, w.Layers[i].Name)
	}
	if s := diag.DidYouMean(name, known); s != "" {
		return s
	}
	return "`stream inspect` lists the layers"
}

// types lists the operator types of a network in alphabetical order.
func types(w *workload.Workload) []string {
	var list []string
	for i := range w.Layers {
		list = append(list, w.Layers[i].Type)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// dims lists the dimensions of layers in alphabetical order.
func dims(layers []*workload.Layer) []string {
	var list []string
	for _, l := range layers {
		for _, d := range l.Dims {
			list = append(list, string(d.Dim))
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}
