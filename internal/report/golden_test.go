package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"streamdse/internal/diag"
)

var update = flag.Bool("update", false, "rewrite the expected files in testdata")

func TestFiles(t *testing.T) {
	d := small()
	other := small()
	other.Inputs.Mode = "layer-by-layer"
	other.Schedule.Latency = 442
	summary := func(w io.Writer) error {
		return Summary(w, []*Result{NewResult(other), NewResult(d)}, []Saved{
			{"layer-by-layer", "outputs/tiny-test_chip-layer-by-layer", []string{"result.json", "schedule.csv"}},
			{"fused", "outputs/tiny-test_chip-fused", []string{"result.json"}},
		})
	}
	single := func(w io.Writer) error { return Summary(w, []*Result{NewResult(d)}, nil) }
	explained := func(w io.Writer) error { return NewResult(d).Explain(w) }
	list := func(w io.Writer) error { return WriteResults(w, []*Result{NewResult(other), NewResult(d)}) }
	files := append(Files(d), File{"summary.txt", summary}, File{"summary-single.txt", single}, File{"bottlenecks.txt", explained}, File{"results.json", list})
	for _, f := range files {
		t.Run(f.Name, func(t *testing.T) {
			var b bytes.Buffer
			if err := f.Write(&b); err != nil {
				t.Fatal(err)
			}
			name := filepath.Join("testdata", f.Name)
			if *update {
				if err := os.WriteFile(name, b.Bytes(), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), b.String()); diff != "" {
				t.Errorf("%s differs (-want +got), -update rewrites it:\n%s", f.Name, diff)
			}
		})
	}
}

func TestResultRoundTrip(t *testing.T) {
	r := NewResult(small())
	var b bytes.Buffer
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	got, err := ReadResult("result.json", b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r, got); diff != "" {
		t.Errorf("read back differently (-written +read):\n%s", diff)
	}
	e := got.Energy
	if sum := e.Core + e.Offchip + e.Links + e.CoreToCoreMemory; math.Abs(float64(sum-e.Total)) > 1e-9*float64(e.Total) {
		t.Errorf("energy parts add up to %v, total is %v", sum, e.Total)
	}
	var keys struct {
		Energy map[string]float64 `json:"energy_pj"`
		Cause  map[string]float64 `json:"energy_by_cause_pj"`
	}
	if err := json.Unmarshal(b.Bytes(), &keys); err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, v := range keys.Cause {
		sum += v
	}
	if len(keys.Cause) != 9 || math.Abs(sum-keys.Energy["total"]) > 1e-9*sum {
		t.Errorf("%d causes add up to %v, total is %v", len(keys.Cause), sum, keys.Energy["total"])
	}
}

// The busy time of a core or link counts no moment twice, however many transfers
// share it.
func TestResultBusy(t *testing.T) {
	r := NewResult(small())
	if got := r.Cores[1].Busy; got != 30+80 {
		t.Errorf("core 1 is busy %d cycles, want 110", got)
	}
	// 0-30 with a joined transfer, 130-135, a reservation 140-220, 220-221.
	if got := r.Links[2].Busy; got != 30+5+80+1 {
		t.Errorf("off-chip link is busy %d cycles, want 116", got)
	}
	if got, want := r.Transfers.OffchipBits, 640+1280+320+64; int(got) != want {
		t.Errorf("off-chip bits are %d, want %d", got, want)
	}
}

func TestReadResultProblems(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{`{"schema": "other"}`, `r.json: schema is "other"`},
		{"{\n  \"schema\" 3}", "r.json:2:12: not JSON"},
		{"{\n\"edp\": \"big\"}", "r.json:2:12: edp is a string"},
		{`{"schema": `, "r.json:1:12: not JSON: the file ends too early"},
		{``, "not JSON"},
	} {
		_, err := ReadResult("r.json", []byte(c.src))
		var list diag.List
		if !errors.As(err, &list) || !strings.HasPrefix(err.Error(), c.want) && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.src, err, c.want)
		}
	}
}

// Breaking JSON into lines changes nothing but white space.
func TestLayOut(t *testing.T) {
	src := `{"a":[{"b":"x,:{}[]\"\\"},{"b":[1,2]}],"c":{},"d":[],"e":{"f":{"g":[1]}}}`
	for depth := range 5 {
		var text, got bytes.Buffer
		out := bufio.NewWriter(&text)
		layOut(out, []byte(src), depth)
		if err := errors.Join(out.Flush(), json.Compact(&got, text.Bytes())); err != nil {
			t.Fatal(err)
		}
		if got.String() != src {
			t.Errorf("depth %d: %s became %s", depth, src, got.String())
		}
	}
}
