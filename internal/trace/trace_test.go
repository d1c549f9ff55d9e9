package trace

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"testing"

	stream "streamdse"
	"streamdse/internal/report"
	"streamdse/mapping"
	"streamdse/schedule"
)

func explore(t testing.TB, workload string, mode stream.Mode, cuts ...mapping.Cut) *report.Data {
	t.Helper()
	p, sources, err := stream.Load(stream.Inputs{Workload: workload, Hardware: "tpu_like_quad_core", Mapping: "tpu_like_quad_core", FoldActivations: true})
	if err != nil {
		t.Fatal(err)
	}
	o := stream.DefaultOptions()
	o.Mode, o.Evaluations, o.SkipVerify, o.Cuts = mode, 1, true, cuts
	r, err := stream.Run(context.Background(), p, o)
	if err != nil {
		t.Fatal(err)
	}
	return &report.Data{
		Inputs:      report.Inputs{Workload: report.Input{Name: sources.Workload.Name}, Hardware: report.Input{Name: sources.Hardware.Name}, Mode: string(mode)},
		Accelerator: p.Hardware, Graph: r.Graph, Schedule: r.Schedule, Allocation: r.Allocation, Costs: r.Costs,
	}
}

// item is an event as it is read back.
type item struct {
	Phase    string          `json:"ph"`
	Process  *int            `json:"pid"`
	Thread   *int            `json:"tid"`
	Time     *int64          `json:"ts"`
	Duration *int64          `json:"dur"`
	Name     string          `json:"name"`
	Category string          `json:"cat"`
	ID       *int            `json:"id"`
	Bind     string          `json:"bp"`
	Args     json.RawMessage `json:"args"`
}

type thread struct{ process, thread int }

// checker holds what has been seen of a trace.
type checker struct {
	*testing.T
	last     int64
	named    map[thread]bool
	open     map[thread][]int64 // ends of the slices that are open
	flows    map[int]string     // phases of each arrow so far
	counters map[string]int64   // latest time
	slices   map[int]int        // by process
}

// check reads a trace as the Trace Event Format describes it.
func check(t *testing.T, d *report.Data, text []byte) {
	t.Helper()
	var file struct {
		Unit   string            `json:"displayTimeUnit"`
		Other  map[string]string `json:"otherData"`
		Events []item            `json:"traceEvents"`
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&file); err != nil {
		t.Fatal(err)
	}
	if file.Unit != "ns" && file.Unit != "ms" {
		t.Errorf("displayTimeUnit is %q", file.Unit)
	}
	c := &checker{T: t, named: map[thread]bool{}, open: map[thread][]int64{}, flows: map[int]string{}, counters: map[string]int64{}, slices: map[int]int{}}
	for i := range file.Events {
		if problem := c.event(&file.Events[i]); problem != "" {
			t.Fatalf("event %d, %+v: %s", i, file.Events[i], problem)
		}
	}
	for id, phases := range c.flows {
		if phases != "sf" && phases != "stf" {
			t.Errorf("the arrow %d has the phases %q", id, phases)
		}
	}
	moves := len(d.Schedule.Blocks)
	for i := range d.Schedule.Transfers {
		moves += len(d.Schedule.Transfers[i].Links)
	}
	if c.slices[coreProcess] != len(d.Graph.Nodes) || c.slices[linkProcess] < moves-len(d.Schedule.Blocks) {
		t.Errorf("%d slices on cores for %d nodes, %d on links for %d moves", c.slices[coreProcess], len(d.Graph.Nodes), c.slices[linkProcess], moves)
	}
	if len(c.counters) == 0 || len(c.flows) == 0 {
		t.Errorf("%d counters, %d arrows", len(c.counters), len(c.flows))
	}
}

// event checks one event and returns what is wrong with it.
func (c *checker) event(e *item) string {
	if e.Process == nil || e.Name == "" {
		return "no pid or name"
	}
	on := thread{process: *e.Process}
	switch {
	case e.Thread != nil:
		on.thread = *e.Thread
	case e.Phase != "C": // counters belong to a process
		return "no tid"
	}
	if e.Phase == "M" {
		var args struct {
			Name *string `json:"name"`
			Sort *int    `json:"sort_index"`
		}
		if err := json.Unmarshal(e.Args, &args); err != nil {
			return err.Error()
		}
		switch e.Name {
		case "process_name", "thread_name":
			c.named[on] = true
			if args.Name == nil {
				return "no name"
			}
		case "process_sort_index", "thread_sort_index":
			if args.Sort == nil {
				return "no sort_index"
			}
		default:
			return "no such metadata"
		}
		return ""
	}
	if e.Time == nil {
		return "no ts"
	}
	if *e.Time < c.last {
		return fmt.Sprintf("time goes back from %d", c.last)
	}
	c.last = *e.Time
	if !c.named[on] {
		return "the thread has no name"
	}
	ends := c.open[on]
	for len(ends) > 0 && ends[len(ends)-1] < *e.Time {
		ends = ends[:len(ends)-1]
	}
	c.open[on] = ends
	switch e.Phase {
	case "X":
		if e.Duration == nil || *e.Duration < 0 || e.Category == "" {
			return "no dur or cat"
		}
		end := *e.Time + *e.Duration
		for _, open := range ends {
			if open > *e.Time && end > open {
				return fmt.Sprintf("it reaches beyond the slice that ends at %d", open)
			}
		}
		c.open[on] = append(ends, end)
		c.slices[on.process]++
	case "C":
		var args map[string]float64
		if err := json.Unmarshal(e.Args, &args); err != nil || len(args) != 1 {
			return "no value"
		}
		if last, ok := c.counters[e.Name]; ok && last >= *e.Time {
			return "two values at a time"
		}
		c.counters[e.Name] = *e.Time
	case "s", "t", "f":
		if e.ID == nil || e.Category == "" {
			return "no id or cat"
		}
		if e.Phase == "f" && e.Bind != "e" {
			return "it is not bound to the slice around it"
		}
		if len(ends) == 0 {
			return "no slice is open where the arrow is tied"
		}
		c.flows[*e.ID] += e.Phase
	default:
		return "no such phase"
	}
	return ""
}

func TestFormat(t *testing.T) {
	for _, mode := range []stream.Mode{stream.LayerByLayer, stream.Fused} {
		d := explore(t, "resnet18", mode)
		var a, b bytes.Buffer
		if err := Write(&a, d); err != nil {
			t.Fatal(err)
		}
		if err := Write(&b, d); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a.Bytes(), b.Bytes()) {
			t.Error("the same result gives different bytes")
		}
		check(t, d, a.Bytes())
		t.Logf("%s: %d KB", mode, a.Len()/1024)
	}
}

// Transfers that share a link are on threads of their own.
func TestSharedLink(t *testing.T) {
	d := explore(t, "resnet18", stream.Fused)
	s := *d.Schedule
	s.Transfers = append([]schedule.Transfer(nil), s.Transfers...)
	for i := range s.Transfers {
		if len(s.Transfers[i].Links) > 0 { // as if all of it took twice as long
			s.Transfers[i].End += s.Transfers[i].End - s.Transfers[i].Start
		}
	}
	d.Schedule = &s
	var b bytes.Buffer
	if err := Write(&b, d); err != nil {
		t.Fatal(err)
	}
	check(t, d, b.Bytes())
	if !bytes.Contains(b.Bytes(), []byte("DRAM · 2")) {
		t.Error("the off-chip link has one thread")
	}
}

func TestFullDisk(t *testing.T) {
	if err := Write(full{}, explore(t, "resnet18", stream.LayerByLayer)); err == nil {
		t.Error("no error")
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, fmt.Errorf("no space left") }

// large is MobileNetV2, cut into 100,000 nodes.
func large(t testing.TB) *report.Data {
	all := func(dim string) mapping.Cut {
		cuts, err := mapping.ParseCuts(dim+"=all", false)
		if err != nil {
			t.Fatal(err)
		}
		return cuts[0]
	}
	return explore(t, "mobilenetv2:height=248,width=256", stream.Fused, all("OX"), all("OY"))
}

// The trace of 100,000 nodes stays below 100 MB.
func TestLargeTrace(t *testing.T) {
	if testing.Short() {
		t.Skip("schedules 100,000 nodes")
	}
	d := large(t)
	var size counting
	if err := Write(&size, d); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d nodes, %d transfers: %.1f MB", len(d.Graph.Nodes), len(d.Schedule.Transfers), float64(size)/1e6)
	if size > 100e6 {
		t.Errorf("%d bytes for %d nodes", size, len(d.Graph.Nodes))
	}
}

type counting int64

func (c *counting) Write(p []byte) (int, error) {
	*c += counting(len(p))
	return len(p), nil
}

func BenchmarkWrite(b *testing.B) {
	d := explore(b, "resnet18", stream.Fused)
	b.ReportAllocs()
	for b.Loop() {
		var size counting
		if err := Write(&size, d); err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(size))
	}
}
