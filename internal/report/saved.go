package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"streamdse/hardware"
	"streamdse/internal/diag"
	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/unit"
)

const changedHint = "the file was changed after it was saved, or belongs to another version of the program"

// ReadSaved reads the figures of a result folder.
func ReadSaved(dir string) (*Result, error) {
	src, err := readSavedFile(dir, ResultName)
	if err != nil {
		return nil, err
	}
	return ReadResult(filepath.Join(dir, ResultName), src)
}

func readSavedFile(dir, name string) ([]byte, error) {
	file := filepath.Join(dir, name)
	src, err := os.ReadFile(file)
	if err == nil {
		return src, nil
	}
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return nil, diag.List{{File: file, Message: "cannot read: " + err.Error(), Hint: "name a folder that `stream run` wrote"}}
}

// ReadSchedule reads the schedule of a result folder and its allocation. The graph
// and the accelerator must be those that the result was made from. Whether the
// schedule is any good is not known here; but whatever it refers to exists.
func ReadSchedule(dir string, r *Result, g *taskgraph.Graph, a *hardware.Accelerator) (*schedule.Schedule, *schedule.Allocation, error) {
	reader := &scheduleReader{dir: dir, graph: g, accelerator: a, layers: map[string]int32{}, names: layerNames(g.Layers),
		parts: taskgraph.NewParts(nil), schedule: &schedule.Schedule{Latency: r.Latency, Energy: schedule.Energy(r.EnergyCause)}}
	for i, name := range reader.names {
		reader.layers[name] = int32(i)
	}
	var alloc *schedule.Allocation
	for _, part := range []struct {
		name string
		read func(src []byte)
	}{
		{tasksName, reader.tasks},
		{transfersName, reader.transfers},
		{stateName, reader.state},
		{allocationName, func(src []byte) {
			var err error
			alloc, err = ReadAllocation(reader.name(allocationName), src, g, a)
			reader.problems.Note(err)
		}},
	} {
		src, err := readSavedFile(dir, part.name)
		if err != nil {
			reader.problems.Note(err)
			continue
		}
		part.read(src)
	}
	if err := reader.problems.Err(); err != nil {
		return nil, nil, err
	}
	reader.schedule.Parts = reader.parts.List()
	return reader.schedule, alloc, nil
}

type scheduleReader struct {
	dir         string
	graph       *taskgraph.Graph
	accelerator *hardware.Accelerator
	names       []string         // of layers
	layers      map[string]int32 // by name
	schedule    *schedule.Schedule
	parts       *taskgraph.Parts
	problems    diag.List
}

func (r *scheduleReader) name(file string) string { return filepath.Join(r.dir, file) }

// unmarshal decodes JSON; the error is nil or has the place of what is wrong.
func unmarshal(file string, src []byte, v any) diag.List {
	if err := json.Unmarshal(src, v); err != nil {
		return jsonProblem(file, src, err)
	}
	return nil
}

// row reads the fields of a line of a CSV file; the first that is wrong is kept.
type row struct {
	fields []string
	names  []string
	field  int // that is wrong
	wrong  string
}

func (r *row) fail(field int, format string, args ...any) {
	if r.wrong == "" {
		r.field, r.wrong = field, r.names[field]+" "+fmt.Sprintf(format, args...)
	}
}

func (r *row) integer(field int) int64 {
	v, err := strconv.ParseInt(r.fields[field], 10, 64)
	if err != nil {
		r.fail(field, "%q is no whole number", r.fields[field])
	}
	return v
}

// index reads a number from 0 to count-1.
func (r *row) index(field, count int) int32 {
	v := r.integer(field)
	if r.wrong == "" && (v < 0 || v >= int64(count)) {
		r.fail(field, "%d is not one of 0 to %d", v, count-1)
	}
	if r.wrong != "" {
		return 0
	}
	return int32(v)
}

func (r *row) energy(field int) unit.Picojoules {
	v, err := strconv.ParseFloat(r.fields[field], 64)
	if err != nil {
		r.fail(field, "%q is no number", r.fields[field])
	}
	return unit.Picojoules(v)
}

// same makes sure that a field which repeats what the graph says does so.
func (r *row) same(field int, want string) {
	if r.wrong == "" && r.fields[field] != want {
		r.fail(field, "is %q, but by the network it is %q", r.fields[field], want)
	}
}

// table reads a CSV file line by line, up to the first line that is wrong.
func (r *scheduleReader) table(file string, src []byte, columns []string, read func(*row)) {
	c := csv.NewReader(bytes.NewReader(src))
	c.FieldsPerRecord = len(columns)
	c.ReuseRecord = true
	bad := func(line, column int, message string) {
		r.problems.Add(diag.Problem{File: r.name(file), Line: line, Column: column, Message: message, Hint: changedHint})
	}
	for first := true; ; first = false {
		fields, err := c.Read()
		var syntax *csv.ParseError
		switch {
		case err == io.EOF && !first:
			return
		case err == io.EOF:
			bad(1, 1, "the file is empty")
			return
		case errors.As(err, &syntax):
			bad(syntax.Line, syntax.Column, syntax.Err.Error())
			return
		}
		if first {
			if !slices.Equal(fields, columns) {
				bad(1, 1, "the columns are not "+strings.Join(columns, ","))
				return
			}
			continue
		}
		line := row{fields: fields, names: columns}
		if read(&line); line.wrong != "" {
			at, column := c.FieldPos(line.field)
			bad(at, column, line.wrong)
			return
		}
	}
}

// tasks reads schedule.csv.
func (r *scheduleReader) tasks(src []byte) {
	nodes := r.graph.Nodes
	read := 0
	s := r.schedule
	s.Tasks = make([]schedule.Task, len(nodes))
	r.table(tasksName, src, columnsOf[taskRow](), func(l *row) {
		if read == len(nodes) {
			l.fail(0, "%q: there are only %d nodes", l.fields[0], len(nodes))
			return
		}
		l.same(0, r.names[nodes[read].Layer])
		l.same(1, strconv.Itoa(int(nodes[read].Sub)))
		s.Tasks[read] = schedule.Task{Core: l.index(2, len(r.accelerator.Cores)), Start: unit.Cycles(l.integer(3)), End: unit.Cycles(l.integer(4))}
		read++
	})
	if len(r.problems) == 0 && read < len(nodes) {
		r.problems.Add(diag.Problem{File: r.name(tasksName), Message: fmt.Sprintf("%d nodes are listed, the network has %d", read, len(nodes)), Hint: changedHint})
	}
}

// transfers reads transfers.csv.
func (r *scheduleReader) transfers(src []byte) {
	g, a := r.graph, r.accelerator
	links := map[string]int32{}
	for i, id := range a.LinkIDs() {
		links[id] = int32(i)
	}
	causes := map[string]schedule.Cause{}
	for c := schedule.Fetch; c <= schedule.Spill; c++ {
		causes[c.String()] = c
	}
	r.table(transfersName, src, columnsOf[transferRow](), func(l *row) {
		x := l.index(0, len(g.Tensors))
		if l.wrong != "" {
			return
		}
		tensor := &g.Tensors[x]
		l.same(1, r.names[tensor.Layer])
		l.same(2, g.Layers[tensor.Layer].Operands[tensor.Operand].Name)
		t := schedule.Transfer{
			Tensor: taskgraph.TensorID(x), Bits: unit.Bits(l.integer(3)), From: l.index(4, len(a.Cores)), To: l.index(5, len(a.Cores)),
			Start: unit.Cycles(l.integer(7)), End: unit.Cycles(l.integer(8)), LinkEnergy: l.energy(11), MemoryEnergy: l.energy(12),
			For: r.node(l, 13, 14), FromStore: l.index(15, len(a.Stores)), ToStore: l.index(16, len(a.Stores)),
		}
		for id := range strings.SplitSeq(l.fields[6], ";") {
			link, ok := links[id]
			switch {
			case ok:
				t.Links = append(t.Links, link)
			case l.fields[6] != "":
				l.fail(6, "%q is no link of the accelerator", id)
			}
		}
		var ok bool
		if t.Cause, ok = causes[l.fields[9]]; !ok {
			l.fail(9, "%q is not known", l.fields[9])
		}
		var err error
		if t.Part, err = r.part(t.Tensor, l.fields[17]); err != nil {
			l.fail(17, "%v", err)
		}
		if t.Joined, err = strconv.ParseBool(l.fields[10]); err != nil {
			l.fail(10, "%q is neither true nor false", l.fields[10])
		}
		r.schedule.Transfers = append(r.schedule.Transfers, t)
	})
}

// node reads the layer and number of a node; both may be empty, for none.
func (r *scheduleReader) node(l *row, layer, sub int) taskgraph.NodeID {
	if l.fields[layer] == "" && l.fields[sub] == "" {
		return -1
	}
	i, ok := r.layers[l.fields[layer]]
	if !ok {
		l.fail(layer, "%q is no layer of the network", l.fields[layer])
		return -1
	}
	number := l.integer(sub)
	list := r.graph.Layers[i].Nodes
	k, ok := slices.BinarySearchFunc(list, number, func(n taskgraph.NodeID, want int64) int {
		return int(int64(r.graph.Nodes[n].Sub) - want)
	})
	if !ok {
		l.fail(sub, "%q is no node of layer %q", l.fields[sub], l.fields[layer])
		return -1
	}
	return list[k]
}
