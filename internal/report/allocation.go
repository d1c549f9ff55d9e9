package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"streamdse/hardware"
	"streamdse/internal/diag"
	"streamdse/schedule"
	"streamdse/taskgraph"
)

// WriteAllocation writes allocation.json: a list with the core of every group of
// every layer, which ReadAllocation reads.
func WriteAllocation(w io.Writer, g *taskgraph.Graph, a *schedule.Allocation) error {
	return writeJSON(w, placements(g, a), 1)
}

// entry is one element of a saved allocation as it stands in the file. Layer,
// group and core must be there; id, the layer's number, is checked if it is.
type entry struct {
	Layer *string `json:"layer"`
	Group *int    `json:"group"`
	Core  *int    `json:"core"`
	ID    *int    `json:"id"`
}

// ReadAllocation reads a saved allocation for a graph on an accelerator; file is
// its name in messages. Every group of every layer of the graph needs exactly one
// entry with the id of a core other than the off-chip one; whether that core can
// run the layer is not known here. On bad input the error is a diag.List with all
// problems.
func ReadAllocation(file string, src []byte, g *taskgraph.Graph, a *hardware.Accelerator) (*schedule.Allocation, error) {
	r := allocationReader{file: file, src: src, graph: g, accelerator: a, layers: map[string]int{}}
	for i, n := range layerNames(g.Layers) {
		r.layers[n] = i
	}
	r.cores = make([][]int, len(g.Layers))
	r.lines = make([][]int, len(g.Layers))
	for i := range r.cores {
		r.cores[i] = make([]int, g.Layers[i].Groups)
		r.lines[i] = make([]int, g.Layers[i].Groups)
	}
	r.read()
	if r.complete {
		r.missing()
	}
	if err := r.problems.Err(); err != nil {
		return nil, err
	}
	return &schedule.Allocation{Cores: r.cores}, nil
}

type allocationReader struct {
	file        string
	src         []byte
	graph       *taskgraph.Graph
	accelerator *hardware.Accelerator
	layers      map[string]int // by name
	cores       [][]int
	lines       [][]int // of the entry that set the core; 0 if none did
	problems    diag.List
	complete    bool // the list was read to its end
}

func (r *allocationReader) problem(at int, allowed, hint, message string, args ...any) {
	line, column := position(r.src, at)
	r.problems.Add(diag.Problem{File: r.file, Line: line, Column: column,
		Message: fmt.Sprintf(message, args...), Allowed: allowed, Hint: hint})
}

const entryForm = `{"layer": "name", "group": 0, "core": 0}`

func (r *allocationReader) read() {
	// The decoder that reads entry by entry does not know where in the file it
	// fails, so the syntax is checked first.
	if err := json.Unmarshal(r.src, new(json.RawMessage)); err != nil {
		r.problems = append(r.problems, jsonProblem(r.file, r.src, err)...)
		return
	}
	dec := json.NewDecoder(bytes.NewReader(r.src))
	if open, err := dec.Token(); err != nil || open != json.Delim('[') {
		r.problem(0, "a list of entries "+entryForm, "", "not a saved allocation")
		return
	}
	for dec.More() {
		at := int(dec.InputOffset())
		at += len(r.src[at:]) - len(bytes.TrimLeft(r.src[at:], " \t\r\n,"))
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			r.problem(at, entryForm, "", "bad entry: %s", err)
			return
		}
		r.entry(at, raw)
	}
	r.complete = true
}

func (r *allocationReader) entry(at int, raw json.RawMessage) {
	var e entry
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&e); err != nil {
		r.problem(at, entryForm, "", "%s", badEntry(err))
		return
	}
	switch {
	case e.Layer == nil:
		r.problem(at, entryForm, "", "the entry lacks its layer")
		return
	case e.Group == nil:
		r.problem(at, entryForm, "", "the entry for layer %q lacks its group", *e.Layer)
		return
	case e.Core == nil:
		r.problem(at, entryForm, "", "the entry for layer %q lacks its core", *e.Layer)
		return
	}
	l, ok := r.layers[*e.Layer]
	if !ok {
		r.problem(at, "the layers that `stream inspect` lists", "an allocation belongs to the workload, and to the choice of --activations, that it was saved with",
			"unknown layer %q", *e.Layer)
		return
	}
	layer := &r.graph.Layers[l]
	if e.ID != nil && *e.ID != layer.ID {
		r.problem(at, strconv.Itoa(layer.ID), "", "layer %q does not have id %d", *e.Layer, *e.ID)
	}
	core := *e.Core
	if core < 0 || core >= len(r.accelerator.Cores) || core == r.accelerator.Offchip {
		r.problem(at, "one of "+r.allowedCores(), "", "layer %q, group %d: there is no core %d to compute on", *e.Layer, *e.Group, core)
	}
	if *e.Group < 0 || *e.Group >= layer.Groups {
		r.problem(at, fmt.Sprintf("0 to %d", layer.Groups-1), "the number of groups follows from how the mapping splits a layer over cores",
			"layer %q has no group %d", *e.Layer, *e.Group)
		return
	}
	line, _ := position(r.src, at)
	if first := r.lines[l][*e.Group]; first != 0 {
		r.problem(at, "one entry a group", "", "layer %q, group %d has a core already, in line %d", *e.Layer, *e.Group, first)
		return
	}
	r.cores[l][*e.Group], r.lines[l][*e.Group] = core, line
}

func (r *allocationReader) allowedCores() string {
	var cores []int
	for i := range r.accelerator.Cores {
		if i != r.accelerator.Offchip {
			cores = append(cores, i)
		}
	}
	return coreList(cores)
}

// badEntry says what is wrong with an entry that is JSON.
func badEntry(err error) string {
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) && kind.Field != "" {
		return fmt.Sprintf("the entry's %s is of the wrong kind: %s", kind.Field, kind.Value)
	}
	if field, unknown := strings.CutPrefix(err.Error(), "json: unknown field "); unknown {
		return fmt.Sprintf("the entry has a key %s that means nothing", field)
	}
	return "the entry is not of the right form"
}

// missing reports the groups that no entry names, in one problem.
func (r *allocationReader) missing() {
	const most = 5
	names := layerNames(r.graph.Layers)
	var without []string
	groups := 0
	for l := range r.graph.Layers {
		if len(r.graph.Layers[l].Nodes) == 0 {
			continue
		}
		count := 0
		for _, line := range r.lines[l] {
			if line == 0 {
				count++
			}
		}
		groups += count
		switch {
		case count == 0:
		case len(r.lines[l]) == 1:
			without = append(without, names[l])
		default:
			without = append(without, fmt.Sprintf("%s (%d of %d groups)", names[l], count, len(r.lines[l])))
		}
	}
	if groups == 0 {
		return
	}
	list := strings.Join(without[:min(most, len(without))], ", ")
	if more := len(without) - most; more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	r.problems.Add(diag.Problem{
		File: r.file, Line: 1, Column: 1, Message: "layers without a core: " + list,
		Allowed: "one entry " + entryForm + " for every group of every layer",
		Hint:    "an allocation belongs to the workload, the mapping and the flags that it was saved with",
	})
}
