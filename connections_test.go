package stream

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"streamdse/hardware"
)

// TestConnections runs two convolutions on the chips that docs/hardware.md shows, each
// on a core of its own, and looks at the ways that the data takes.
func TestConnections(t *testing.T) {
	page, err := os.ReadFile("docs/hardware.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, m := range regexp.MustCompile("(?ms)^```yaml (\\S+)\n(.*?)^```").FindAllStringSubmatch(string(page), -1) {
		write(m[1], m[2])
	}
	// run puts the second convolution on the given core, and returns the hops between
	// the two and the latency.
	run := func(chip, second string) (hops []int, r *Result) {
		m := write("map.yaml", "- {name: default, core_allocation: [0]}\n- {name: second, core_allocation: ["+second+"]}\n")
		p, _, err := Load(Inputs{Workload: "internal/cli/testdata/design/net.yaml", Hardware: filepath.Join(dir, chip+".yaml"), Mapping: m})
		if err != nil {
			t.Fatal(err)
		}
		o := DefaultOptions()
		o.Explore = nil
		if r, err = Run(t.Context(), p, o); err != nil {
			t.Fatal(err)
		}
		for _, x := range r.Schedule.Transfers {
			from, to := int(x.From), int(x.To)
			if from == p.Hardware.Offchip || to == p.Hardware.Offchip {
				continue
			}
			hops = p.Hardware.Hops(from, to)
			var links []int
			for _, l := range x.Links {
				links = append(links, int(l))
			}
			if lanes := p.Hardware.Lanes(from, to); !slices.ContainsFunc(lanes, func(lane []int) bool { return slices.Equal(links, lane) }) {
				t.Errorf("%s: a transfer from %d to %d over links %v, which are none of %v", chip, from, to, links, lanes)
			}
		}
		return hops, r
	}
	for _, c := range []struct {
		chip, second string
		hops         []int // of what the first convolution hands on; nil for no transfer
	}{
		{"ring", "2", []int{0, 1, 2}}, {"ring", "3", []int{0, 3}}, {"ports", "2", []int{0, 1, 2}},
		{"bus", "2", []int{0, 2}}, {"channels", "2", []int{0, 2}},
		{"one", "2", []int{0, 2}}, {"twin", "2", []int{0, 2}},
		{"shared", "1", nil}, {"shared", "2", []int{1, 2}},
		{"mesh", "5", []int{0, 2, 4, 5}}, {"mesh", "1", []int{0, 1}},
	} {
		if hops, _ := run(c.chip, c.second); !slices.Equal(hops, c.hops) {
			t.Errorf("%s, core 0 to %s: over %v, want %v", c.chip, c.second, hops, c.hops)
		}
	}
	latency := func(chip string) int64 {
		_, r := run(chip, "2")
		return int64(r.Schedule.Latency)
	}
	for chip, same := range map[string]bool{"ring": true, "ports": false} {
		acc, err := hardware.Load(filepath.Join(dir, chip+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		if to, from := acc.Path(2, acc.Offchip), acc.Path(acc.Offchip, 2); slices.Equal(to, from) != same {
			t.Errorf("%s: to the off-chip memory over links %v, from it over %v", chip, to, from)
		}
	}
	if bus, channels := latency("bus"), latency("channels"); channels >= bus {
		t.Errorf("%d cycles with two off-chip channels and a bus between the cores, %d with one bus for all", channels, bus)
	}
	one, twin := latency("one"), latency("twin")
	if twin >= one {
		t.Errorf("%d cycles with two off-chip channels to all cores, %d with one", twin, one)
	}
	carried := map[int32]int{}
	_, r := run("twin", "2")
	for _, x := range r.Schedule.Transfers {
		if int(x.From) == 4 || int(x.To) == 4 {
			carried[x.Links[0]]++
		}
	}
	if len(carried) != 2 {
		t.Errorf("of the two channels to all cores, transfers take %v", carried)
	}
	// The adder takes no convolution, which is said where its cores stand.
	p, _, err := Load(Inputs{Workload: "internal/cli/testdata/design/net.yaml", Hardware: filepath.Join(dir, "kinds.yaml"), Mapping: write("map.yaml", "- {name: default, core_allocation: [1]}\n")})
	if err != nil {
		t.Fatal(err)
	}
	_, err = Run(t.Context(), p, DefaultOptions())
	const want = `map.yaml:1: entry "default": none of its cores takes operator type Conv (layer "first" and 1 more)`
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
}
