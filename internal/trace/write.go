package trace

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"

	"streamdse/internal/report"
	"streamdse/unit"
)

func (t *tracer) text(s string) {
	if _, err := t.out.WriteString(s); err != nil && t.err == nil {
		t.err = err
	}
}

// quoted is a text as JSON, without its quotes.
func (t *tracer) quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		t.err = err
		return ""
	}
	return string(b[1 : len(b)-1])
}

// begin writes what describes the trace: the names of processes and threads.
func (t *tracer) begin() {
	d := t.d
	for _, name := range report.ShortNames(d.Graph.Layers) {
		t.names = append(t.names, t.quoted(name))
	}
	for i := range d.Graph.Layers {
		l := &d.Graph.Layers[i]
		t.types = append(t.types, t.quoted(l.Type))
		var operands []string
		for k := range l.Operands {
			operands = append(operands, t.quoted(l.Operands[k].Name))
		}
		t.operands = append(t.operands, operands)
	}
	for i := range d.Accelerator.Stores {
		t.memories = append(t.memories, t.quoted(report.MemoryName(&d.Accelerator.Stores[i])))
	}
	t.text(`{"displayTimeUnit":"ns","otherData":{"title":"` + t.quoted(d.Title()) + `","time":"1 us is 1 clock cycle","latency_cycles":"` +
		strconv.FormatInt(int64(d.Schedule.Latency), 10) + `"},"traceEvents":[`)
	for i, name := range []string{"cores", "links", "memories"} {
		t.named("process", coreProcess+i, 0, name)
		t.sorted("process", coreProcess+i, 0)
	}
	for i := range d.Accelerator.Cores {
		t.named("thread", coreProcess, i+1, report.CoreName(&d.Accelerator.Cores[i]))
		t.sorted("thread", coreProcess, i+1)
	}
	names := report.LinkNames(d.Accelerator)
	count := make([]int, len(names))
	order := 0
	for l := range names {
		for k := range t.lanes {
			if t.lanes[k].link != l {
				continue
			}
			name := names[l]
			if count[l]++; count[l] > 1 {
				name += " · " + strconv.Itoa(count[l])
			}
			order++
			t.named("thread", linkProcess, k+1, name)
			t.sort("thread", linkProcess, k+1, order)
		}
	}
}

// named writes the name of a process or thread.
func (t *tracer) named(what string, pid, tid int, name string) {
	t.line()
	t.text(`{"ph":"M","pid":` + strconv.Itoa(pid) + `,"tid":` + strconv.Itoa(tid) + `,"name":"` + what + `_name","args":{"name":"` + t.quoted(name) + `"}}`)
}

// sorted writes that a process or thread stands where its number says.
func (t *tracer) sorted(what string, pid, tid int) { t.sort(what, pid, tid, max(tid, pid)) }

func (t *tracer) sort(what string, pid, tid, order int) {
	t.line()
	t.text(`{"ph":"M","pid":` + strconv.Itoa(pid) + `,"tid":` + strconv.Itoa(tid) + `,"name":"` + what + `_sort_index","args":{"sort_index":` + strconv.Itoa(order) + `}}`)
}

// line separates events.
func (t *tracer) line() {
	if t.started {
		t.text(",")
	}
	t.started = true
	t.text("\n")
}

// The parts of an event's text.
func (t *tracer) put(s string)       { t.buffer = append(t.buffer, s...) }
func (t *tracer) number(n int64)     { t.buffer = strconv.AppendInt(t.buffer, n, 10) }
func (t *tracer) energy(e float64)   { t.buffer = strconv.AppendFloat(t.buffer, e, 'g', 7, 64) }
func (t *tracer) time(c unit.Cycles) { t.number(int64(c)) }

// head begins an event.
func (t *tracer) head(phase string, pid int, tid int32, at unit.Cycles) {
	t.put(`{"ph":"`)
	t.put(phase)
	t.put(`","pid":`)
	t.number(int64(pid))
	t.put(`,"tid":`)
	t.number(int64(tid))
	t.put(`,"ts":`)
	t.time(at)
}

func (t *tracer) write(e event) {
	t.line()
	t.buffer = t.buffer[:0]
	switch e.kind {
	case counter:
		t.counter(e)
	case node:
		t.node(e)
	case transfer:
		t.transfer(e)
	case streaming:
		b := &t.d.Schedule.Blocks[e.index]
		t.slice(linkProcess, e.lane+1, b.Start, b.End-b.Start, "streamed")
		t.put(`,"name":"`)
		t.nodeName(int32(b.Node))
		t.put(`"}`)
	default:
		t.flow(e)
	}
	if _, err := t.out.Write(t.buffer); err != nil && t.err == nil {
		t.err = err
	}
}

func (t *tracer) counter(e event) {
	t.put(`{"ph":"C","pid":`)
	t.number(memoryProcess)
	t.put(`,"ts":`)
	t.time(e.time)
	t.put(`,"name":"`)
	t.put(t.memories[e.lane])
	t.put(`","args":{"KB":`)
	kb := float64(t.d.Schedule.Memories[e.lane].Bits[e.index]) / 8192
	t.buffer = strconv.AppendFloat(t.buffer, math.Round(kb*1000)/1000, 'f', -1, 64)
	t.put("}}")
}

// slice begins a slice.
func (t *tracer) slice(pid int, tid int32, at, duration unit.Cycles, category string) {
	t.head("X", pid, tid, at)
	t.put(`,"dur":`)
	t.time(duration)
	t.put(`,"cat":"`)
	t.put(category)
	t.put(`"`)
}

func (t *tracer) nodeName(n int32) {
	x := &t.d.Graph.Nodes[n]
	t.put(t.names[x.Layer])
	t.put(" ")
	t.number(int64(x.Sub))
}

// node writes the slice of a node: the parts of loops that it runs, its cycles and its
// energy.
func (t *tracer) node(e event) {
	x, task := &t.d.Graph.Nodes[e.index], t.d.Schedule.Tasks[e.index]
	layer := &t.d.Graph.Layers[x.Layer]
	t.slice(coreProcess, task.Core+1, task.Start, task.End-task.Start, t.types[x.Layer])
	t.put(`,"name":"`)
	t.nodeName(e.index)
	t.put(`","args":{`)
	for i, r := range x.Ranges {
		if i >= len(layer.Dims) || r.Len() == layer.Dims[i].Size {
			continue
		}
		t.put(`"`)
		t.put(string(layer.Dims[i].Dim))
		t.put(`":"`)
		t.number(int64(r.Lo))
		if r.Len() > 1 {
			t.put("-")
			t.number(int64(r.Hi - 1))
		}
		t.put(`",`)
	}
	if t.d.Costs != nil {
		c := t.d.Costs.At(x.Class, int(task.Core))
		t.part("compute", c.Compute)
		t.part("stall", c.Stall)
		t.part("load", c.Load+c.Store)
		t.part("pj", float64(c.Onchip+c.Offchip))
	}
	t.buffer = bytes.TrimSuffix(t.buffer, []byte(","))
	t.put("}}")
}

// part writes a figure of a node that is not 0.
func (t *tracer) part(name string, value float64) {
	if value == 0 {
		return
	}
	t.put(`"`)
	t.put(name)
	t.put(`":`)
	t.energy(value)
	t.put(",")
}

// transfer writes the slice of a transfer on a link.
func (t *tracer) transfer(e event) {
	x := &t.d.Schedule.Transfers[e.index]
	tensor := &t.d.Graph.Tensors[x.Tensor]
	t.slice(linkProcess, e.lane+1, x.Start, x.End-x.Start, x.Cause.String())
	t.put(`,"name":"`)
	t.put(t.operands[tensor.Layer][tensor.Operand])
	t.put(" of ")
	t.put(t.names[tensor.Layer])
	t.put(`","args":{"bits":`)
	t.number(int64(x.Bits))
	t.put(`,"pj":`)
	t.energy(float64(x.LinkEnergy + x.MemoryEnergy))
	t.put("}}")
}

// flow writes a part of an arrow. Its lane is a core, or -1 for the first link.
func (t *tracer) flow(e event) {
	phase := [...]string{flowStart: "s", flowStep: "t", flowEnd: "f"}[e.kind]
	pid, tid := coreProcess, e.lane+1
	if e.lane < 0 {
		pid, tid = linkProcess, t.first[e.index]+1
	}
	t.head(phase, pid, tid, e.time)
	t.put(`,"id":`)
	t.number(int64(e.index))
	t.put(`,"name":"data","cat":"data"`)
	if e.kind == flowEnd {
		t.put(`,"bp":"e"`)
	}
	t.put("}")
}
