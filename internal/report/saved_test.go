package report

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"streamdse/internal/diag"
	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/workload"
)

// saved writes a result folder, with some stays in memories that small lacks and a
// transfer of a part.
func saved(t testing.TB) (string, *Data) {
	d := small()
	d.Schedule.Copies = []schedule.Copy{
		{Tensor: 0, Store: 2, End: 10},
		{Tensor: 1, Store: 0, Start: 10, Available: 30, End: 135},
		{Tensor: 3, Store: 2, Start: 220, Available: 221, End: schedule.Forever},
		{Tensor: 2, Store: 2, Start: 130, Available: 135, End: 150, Part: 1},
	}
	d.Graph.Layers[0].Operands[0].Dims = []workload.Dim{"K", "OY", "OX"}
	d.Graph.Tensors[2].Ranges = []taskgraph.Range{{Hi: 2}, {Lo: 3, Hi: 8}, {Hi: 4}}
	d.Schedule.Parts = []taskgraph.Part{nil, {nil, {{Lo: 0, Hi: 1}, {Lo: 3, Hi: 5}}, {{Lo: 2, Hi: 4}}}}
	d.Schedule.Transfers[4].Part = 1
	dir := filepath.Join(t.TempDir(), "result")
	if err := WriteFolder(context.Background(), dir, Files(d)); err != nil {
		t.Fatal(err)
	}
	return dir, d
}

func readBack(dir string, d *Data) (*schedule.Schedule, *schedule.Allocation, error) {
	r, err := ReadSaved(dir)
	if err != nil {
		return nil, nil, err
	}
	return ReadSchedule(dir, r, d.Graph, d.Accelerator)
}

// A result folder holds the whole schedule.
func TestReadSchedule(t *testing.T) {
	dir, d := saved(t)
	s, a, err := readBack(dir, d)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(d.Schedule, s); diff != "" {
		t.Errorf("schedule (-written +read)\n%s", diff)
	}
	// Layer 2 has no nodes, so that nothing is saved of it.
	want := &schedule.Allocation{Cores: [][]int{{0}, {1, 1}, {0}}}
	if diff := cmp.Diff(want, a); diff != "" {
		t.Errorf("allocation (-written +read)\n%s", diff)
	}
}

// What does not fit the graph is reported with its place.
func TestReadScheduleProblems(t *testing.T) {
	for _, c := range []struct{ file, old, new, want string }{
		{tasksName, "layer,node", "node,layer", "schedule.csv:1:1: the columns are not layer,node,core,start,end"},
		{tasksName, "/conv1/Conv,1,0,80,130", "/conv1/Conv,1,0,80,late", `schedule.csv:3:20: end "late" is no whole number`},
		{tasksName, "/conv1/Conv,1,0", "/conv1/Conv,1,3", "schedule.csv:3:15: core 3 is not one of 0 to 2"},
		{tasksName, "/conv1/Conv,1,0", "/conv2/Conv,1,0", `schedule.csv:3:1: layer is "/conv2/Conv", but by the network it is "/conv1/Conv"`},
		{tasksName, "/conv1/Conv,1,0,80,130\n", "", `schedule.csv:3:1: layer is`},
		{tasksName, "1,1,140,220\n", "1,1,140,220\n/conv1/Conv,2,0,1,2\n", `there are only 4 nodes`},
		{tasksName, `"/fc, ""last""/Gemm",1,1,140,220` + "\n", "", `schedule.csv: 3 nodes are listed, the network has 4`},
		{tasksName, ",0,30,80", "", "schedule.csv:2:1: wrong number of fields"},
		{transfersName, "0,/conv1/Conv,I", "9,/conv1/Conv,I", "transfers.csv:2:1: tensor 9 is not one of 0 to 3"},
		{transfersName, "0,/conv1/Conv,I", "0,/conv1/Conv,W", `transfers.csv:2:15: operand is "W"`},
		{transfersName, "0->1", "0->7", `transfers.csv:5:25: links "0->7" is no link`},
		{transfersName, "eviction", "theft", `cause "theft" is not known`},
		{transfersName, "true", "maybe", `joined "maybe" is neither`},
		{transfersName, "40.25", "much", `memory_energy_pj "much" is no number`},
		{transfersName, "/conv1/Conv,0,2,0,", "/conv1/Conv,2,2,0,", `for_node "2" is no node of layer "/conv1/Conv"`},
		{transfersName, "/conv1/Conv,0,2,0,", "/conv/Conv,0,2,0,", `for_layer "/conv/Conv" is no layer`},
		{transfersName, "OY=0:1", "OY=1:6", `part "OY=1:6+3:5 OX=2:4" is no part of the tensor, which has 5 positions along OY`},
		{transfersName, "OX=2:4", "FX=2:4", `is no part of the tensor, whose dimensions are [K OY OX]`},
		{stateName, `"part": "OY=`, `"part": "OY`, `copies[3]: "OY0:1+3:5 OX=2:4" is no part of the tensor`},
		{stateName, "stream/state/v1", "other", `state.json: schema is "other"`},
		{stateName, "\n    3\n", "\n    4\n", "state.json: order[3] is 4: there are 4 nodes"},
		{stateName, `"links": [2]`, `"links": [9]`, "state.json: streaming[0] names link 9 of 3"},
		{stateName, `"node": 3`, `"node": -1`, "state.json: streaming[0] names no node"},
		{stateName, `"tensor": 3`, `"tensor": 4`, "state.json: copies[2] is of tensor 4 of 4"},
		{stateName, `"bits": [0, 320, 0]`, `"bits": [0]`, "state.json: memories[1] has 3 times and 1 values"},
		{stateName, `"bits": [0, 320, 0]`, `"bits": ["0"]`, "state.json:20:41: memories.bits is a string"},
		{stateName, "{", "[", "state.json:2:11: not JSON"},
		{allocationName, `"core": 0`, `"core": 2`, "there is no core 2 to compute on"},
	} {
		dir, d := saved(t)
		file := filepath.Join(dir, c.file)
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(text, []byte(c.old)) {
			t.Errorf("%s does not contain %q", c.file, c.old)
			continue
		}
		if err := os.WriteFile(file, bytes.Replace(text, []byte(c.old), []byte(c.new), 1), 0o666); err != nil {
			t.Fatal(err)
		}
		_, _, err = readBack(dir, d)
		var list diag.List
		if !errors.As(err, &list) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s, %q for %q: got %v, want %q", c.file, c.new, c.old, err, c.want)
		}
	}
	dir, d := saved(t)
	for _, name := range []string{tasksName, transfersName, stateName, allocationName} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	_, _, err := readBack(dir, d)
	var list diag.List
	if !errors.As(err, &list) || len(list) != 4 {
		t.Errorf("four files are missing: %v", err)
	}
	if _, err := ReadSaved(t.TempDir()); err == nil || !strings.Contains(err.Error(), "result.json: cannot read") {
		t.Errorf("an empty folder: %v", err)
	}
}

func TestDifferences(t *testing.T) {
	d := small()
	a, b := NewResult(d), NewResult(d)
	if list, err := Differences(a, b); err != nil || len(list) > 0 {
		t.Errorf("equal results differ: %v, %v", list, err)
	}
	b.Latency++
	b.Cores[1].Busy = 7
	b.Links = b.Links[:1]
	b.Inputs.Settings.Stacks = nil
	list, err := Differences(a, b)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, x := range list {
		got = append(got, x.String())
	}
	want := []string{
		"cores[1].busy_cycles: saved is 110, but the schedule gives 7",
		"inputs.settings.stacks: saved is [[0,2],[3]], but the schedule gives null",
		"latency_cycles: saved is 221, but the schedule gives 222",
		`links: saved is [{"busy_cycles":10,"from":0,"name":"0->1","to":1,"transfers"..., but the schedule gives [{"busy_cycles":10,"from":0,"name":"0->1","to":1,"transfers"...`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// FuzzReadSchedule: whatever the files hold, the problem is said, or they are read
// and what was read is the same when it is written and read once more.
func FuzzReadSchedule(f *testing.F) {
	dir, d := saved(f)
	var texts [3][]byte
	for i, name := range []string{tasksName, transfersName, stateName} {
		var err error
		if texts[i], err = os.ReadFile(filepath.Join(dir, name)); err != nil {
			f.Fatal(err)
		}
	}
	f.Add(texts[0], texts[1], texts[2])
	f.Add([]byte("layer,node,core,start,end\n\"\n"), []byte("a,b\n"), []byte("{}"))
	read := func(texts [3][]byte) (*schedule.Schedule, error) {
		r := &scheduleReader{graph: d.Graph, accelerator: d.Accelerator, names: layerNames(d.Graph.Layers), parts: taskgraph.NewParts(nil), schedule: &schedule.Schedule{}, layers: map[string]int32{}}
		for i, name := range r.names {
			r.layers[name] = int32(i)
		}
		r.tasks(texts[0])
		r.transfers(texts[1])
		r.state(texts[2])
		r.schedule.Parts = r.parts.List()
		return r.schedule, r.problems.Err()
	}
	f.Fuzz(func(t *testing.T, tasks, transfers, stateText []byte) {
		first, err := read([3][]byte{tasks, transfers, stateText})
		if err != nil {
			return
		}
		again := &Data{Graph: d.Graph, Accelerator: d.Accelerator, Schedule: first}
		var out [3]bytes.Buffer
		for _, err := range []error{writeCSV(&out[0], taskRows(again)), writeCSV(&out[1], transferRows(again)), WriteState(&out[2], again)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		second, err := read([3][]byte{out[0].Bytes(), out[1].Bytes(), out[2].Bytes()})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(first, second, cmpopts.EquateEmpty(), cmpopts.EquateNaNs()); diff != "" {
			t.Errorf("read, written and read again (-first +second)\n%s", diff)
		}
	})
}
