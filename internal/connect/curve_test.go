//go:build unix

package connect

import (
	"bytes"
	"flag"
	"fmt"
	"image/color"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

var curve = flag.Bool("curve", false, "measure how time and memory grow with the number of nodes, and write it to docs/")

const (
	schedulingPage = "../../docs/scheduling.md"
	curvePicture   = "../../docs/images/scale.svg"
	curveBegin     = "<!-- measured: scale -->\n"
	curveEnd       = "<!-- end -->\n"
)

// TestCurve measures what docs/scheduling.md says about large graphs, if asked to, and
// keeps the picture that of the table.
func TestCurve(t *testing.T) {
	text, err := os.ReadFile(schedulingPage)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), curveBegin)
	table, after, ok2 := strings.Cut(rest, curveEnd)
	if !ok || !ok2 {
		t.Fatalf("%s lacks the marks around what is measured", schedulingPage)
	}
	if *curve {
		table = measuredTable(t)
		if err := os.WriteFile(schedulingPage, []byte(before+curveBegin+table+curveEnd+after), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	picture, err := drawCurve(table)
	if err != nil {
		t.Fatal(err)
	}
	if *curve {
		if err := os.WriteFile(curvePicture, picture, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(curvePicture); err != nil || !bytes.Equal(got, picture) {
		t.Errorf("%s is not that of the table (%v): go test ./internal/connect -run Curve -timeout 30m -args -curve", curvePicture, err)
	}
}

// measuredTable measures all networks of all sizes.
func measuredTable(t *testing.T) string {
	var b strings.Builder
	b.WriteString("\n| network | nodes | edges a node | graph, µs a node | schedule, µs a node | graph, KB a node | with the schedule, KB a node |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n")
	for _, shape := range shapes() {
		for _, nodes := range sizes {
			f := fastest(t, shape, nodes)
			n := float64(f.nodes)
			fmt.Fprintf(&b, "| %s | %s | %.1f | %.1f | %.1f | %.2f | %.2f |\n", shape.name, grouped(f.nodes), float64(f.edges)/n,
				f.graph.Seconds()*1e6/n, (f.prepare+f.run).Seconds()*1e6/n, float64(f.allocated)/1000/n, float64(f.live)/1000/n)
			t.Logf("%s: %+v", shape.name, f)
		}
	}
	b.WriteString("\n")
	return b.String()
}

// measuredLine is the seconds that a network takes by its number of nodes: two columns
// of its rows of the table.
func measuredLine(table, network string, column int) (plotter.XYs, error) {
	var points plotter.XYs
	for line := range strings.Lines(table) {
		cells := strings.Split(line, " | ")
		if cells[0] != "| "+network || len(cells) <= column {
			continue
		}
		nodes, err := strconv.ParseFloat(strings.ReplaceAll(cells[1], ",", ""), 64)
		if err != nil {
			return nil, err
		}
		each, err := strconv.ParseFloat(cells[column], 64)
		if err != nil {
			return nil, err
		}
		points = append(points, plotter.XY{X: nodes, Y: nodes * each / 1e6})
	}
	if len(points) != len(sizes) {
		return nil, fmt.Errorf("%d sizes of %s instead of %d", len(points), network, len(sizes))
	}
	return points, nil
}

// fastest measures a few times, less often where it takes long. Times are those of the
// processors, which other programs disturb least.
func fastest(t *testing.T, shape shape, nodes int) figures {
	best := figuresOf(t, shape, nodes, processorTime)
	for range max(1, min(4, 300_000/nodes)) {
		f := figuresOf(t, shape, nodes, processorTime)
		best.graph, best.prepare, best.run = min(best.graph, f.graph), min(best.prepare, f.prepare), min(best.run, f.run)
	}
	return best
}

// processorTime is what the process has taken of all processors.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// grouped writes a number with commas.
func grouped(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// drawCurve draws seconds over nodes, both in powers of ten, in which what grows
// linearly is a line with a slope of one.
func drawCurve(table string) ([]byte, error) {
	plot.DefaultFont = font.Font{Typeface: "Liberation", Variant: "Sans"}
	p := plot.New()
	p.X.Label.Text, p.Y.Label.Text = "computation nodes", "seconds"
	p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
	p.X.Tick.Marker = plot.ConstantTicks{{Value: 1e4, Label: "10,000"}, {Value: 1e5, Label: "100,000"}, {Value: 1e6, Label: "1,000,000"}}
	p.Y.Tick.Marker = plot.ConstantTicks{{Value: 0.01, Label: "0.01"}, {Value: 0.1, Label: "0.1"}, {Value: 1, Label: "1"}, {Value: 10, Label: "10"}}
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 8_000, 1_600_000, 0.008, 20
	p.Legend.Top, p.Legend.Left = true, true // names behind their lines, whatever the width of a viewer's font
	p.Legend.TextStyle.Font.Size = vg.Points(9)
	p.Add(plotter.NewGrid())
	colours := []color.Color{color.RGBA{0, 114, 178, 255}, color.RGBA{213, 94, 0, 255}, color.RGBA{0, 158, 115, 255}}
	for i, shape := range shapes() {
		for k, what := range []string{"graph", "schedule"} {
			points, err := measuredLine(table, shape.name, 3+k)
			if err != nil {
				return nil, err
			}
			line, marks, err := plotter.NewLinePoints(points)
			if err != nil {
				return nil, err
			}
			line.Color, marks.Color, marks.Shape = colours[i], colours[i], draw.CircleGlyph{}
			if line.Width = vg.Points(1.2); k == 0 {
				line.Dashes = []vg.Length{vg.Points(4), vg.Points(3)}
			}
			p.Add(line, marks)
			p.Legend.Add(shape.name+", "+what, line, marks)
		}
	}
	c := vgsvg.New(15*vg.Centimeter, 10*vg.Centimeter)
	p.Draw(draw.New(c))
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return nil, err
	}
	return bytes.ReplaceAll(b.Bytes(), []byte("font-family:Liberation Sans"), []byte("font-family:'Liberation Sans',Arial,Helvetica,sans-serif")), nil
}
