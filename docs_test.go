package stream

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"streamdse/internal/onnx"
	"streamdse/internal/report"
	"streamdse/mapping"
	"streamdse/rules"
	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/workload"
)

var update = flag.Bool("update", false, "rewrite what tests generate in docs/")

const schedulingPage = "docs/scheduling.md"

// inTurn gives every group of every layer one of its cores, in turn.
func inTurn(p Problem) func(*taskgraph.Graph) (*schedule.Allocation, error) {
	return func(g *taskgraph.Graph) (*schedule.Allocation, error) {
		a := &schedule.Allocation{Cores: make([][]int, len(g.Layers))}
		for l := range g.Layers {
			layer := &g.Layers[l]
			for group := range layer.Groups {
				cores := layer.Entry.Candidates(p.Hardware, layer.Layer, group)
				a.Cores[l] = append(a.Cores[l], cores[(l+group)%len(cores)])
			}
		}
		return a, nil
	}
}

// scheduledBy is a schedule of fused ResNet-18 on the quad core under some rules.
func scheduledBy(t *testing.T, r rules.Rules, costs *Costs) (*schedule.Schedule, error) {
	t.Helper()
	o := DefaultOptions()
	o.Mode, o.Rules, o.Costs, o.Search = Fused, r, costs, Loma // for both, so that they compare
	p := builtin(t, r)
	o.Fixed = inTurn(p)
	result, err := Run(context.Background(), p, o)
	if err != nil {
		return nil, err
	}
	return result.Schedule, nil
}

// switches lists the switches of the rules with their comments.
func switches(t *testing.T) (names []string, comments map[string]string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join("rules", "rules.go"), nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	comments = map[string]string{}
	ast.Inspect(f, func(n ast.Node) bool {
		s, ok := n.(*ast.StructType)
		if !ok {
			return true
		}
		for _, field := range s.Fields.List {
			if kind, ok := field.Type.(*ast.Ident); ok && kind.Name == "bool" {
				names = append(names, field.Names[0].Name)
				comments[field.Names[0].Name] = strings.TrimSpace(field.Comment.Text())
			}
		}
		return false
	})
	return names, comments
}

var quirk = regexp.MustCompile(`^((?:Q?[0-9.]+(?:, )?)+): (.*)$`)

// switchTable is the table of all switches with what each does to ResNet-18.
func switchTable(t *testing.T) string {
	var b strings.Builder
	costs := NewCosts()
	change := func(base *schedule.Schedule, r rules.Rules) string {
		s, err := scheduledBy(t, r, costs)
		infeasible := new(schedule.Infeasible)
		switch {
		case errors.As(err, &infeasible):
			return "no schedule | "
		case err != nil:
			t.Fatalf("%s: %v", r.Name, err)
		}
		part := func(x, base float64) string {
			if x == base {
				return "="
			}
			return fmt.Sprintf("%+.3f %%", 100*(x/base-1))
		}
		return part(float64(s.Latency), float64(base.Latency)) + " | " + part(float64(s.Energy.Total()), float64(base.Energy.Total()))
	}
	base := map[string]*schedule.Schedule{}
	for _, r := range []rules.Rules{rules.Default(), rules.Reference2024()} {
		s, err := scheduledBy(t, r, costs)
		if err != nil {
			t.Fatal(err)
		}
		base[r.Name] = s
		fmt.Fprintf(&b, "- `%s`: %d cycles, %.6g µJ\n", r.Name, s.Latency, float64(s.Energy.Total())/1e6)
	}
	b.WriteString("\n| switch | quirk | when it is on | latency, on | energy, on | latency, off | energy, off |\n| --- | --- | --- | ---: | ---: | ---: | ---: |\n")
	names, comments := switches(t)
	for _, name := range names {
		number, text := "", comments[name]
		if m := quirk.FindStringSubmatch(text); m != nil {
			number, text = m[1], m[2]
		}
		on, off := rules.Default(), rules.Reference2024()
		reflect.ValueOf(&on).Elem().FieldByName(name).SetBool(true)
		field := reflect.ValueOf(&off).Elem().FieldByName(name)
		field.SetBool(!field.Bool())
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", name, number, text,
			change(base["default"], on), change(base["reference-2024"], off))
	}
	return b.String()
}

// TestQuirksAreHeld finds the functions and tests that the page of the scheduler names
// for the published quirks that have no switch.
func TestQuirksAreHeld(t *testing.T) {
	page, err := os.ReadFile(schedulingPage)
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(page), "<!-- names -->")
	list, _, _ = strings.Cut(list, "<!-- end -->")
	declared := map[string]bool{} // "package.Name", and "TestName" of any package
	names := regexp.MustCompile(`(?m)^(?:func|type) (?:\([^)]*\) )?(\w+)`)
	err = filepath.WalkDir(".", func(file string, _ os.DirEntry, err error) error {
		if err != nil || filepath.Ext(file) != ".go" {
			return err
		}
		source, err := os.ReadFile(file)
		for _, m := range names.FindAllStringSubmatch(string(source), -1) {
			declared[filepath.Base(filepath.Dir(file))+"."+m[1]] = true
			if strings.HasSuffix(file, "_test.go") {
				declared[m[1]] = true
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, m := range regexp.MustCompile("`((?:[a-z]+\\.)\\w+|Test\\w+)`").FindAllStringSubmatch(list, -1) {
		if m[1] == "allocation.json" {
			continue
		}
		if found++; !declared[m[1]] {
			t.Errorf("%s is named but not declared", m[1])
		}
	}
	if found < 60 {
		t.Errorf("%d names", found)
	}
}

// tilingTable is what a switch of the rules, turned off, saves for several tilings of
// ResNet-18 on the quad core; on and off name the two in the head.
func tilingTable(t *testing.T, on, off string, turn func(*rules.Rules)) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| mode and tiling | bits moved, %[1]s | %[2]s | latency, %[1]s | %[2]s | energy, %[1]s, µJ | %[2]s |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n", on, off)
	costs := NewCosts()
	over := func(d workload.Dim, parts int) mapping.Cut {
		return mapping.Cut{Inter: true, Tiling: mapping.Tiling{Dim: d, Parts: parts}}
	}
	within := func(d workload.Dim, parts int) mapping.Cut {
		return mapping.Cut{Tiling: mapping.Tiling{Dim: d, Parts: parts}}
	}
	for _, x := range []struct {
		flags string
		mode  Mode
		cuts  []mapping.Cut
	}{
		{"--mode fused", Fused, nil},
		{"--mode fused --tile OY=4,D=4", Fused, []mapping.Cut{within("OY", 4), within("D", 4)}},
		{"--mode fused --split OY=4 --split D=4", Fused, []mapping.Cut{over("OY", 4), over("D", 4)}},
		{"--mode layer-by-layer --split OY=4 --split D=4", LayerByLayer, []mapping.Cut{over("OY", 4), over("D", 4)}},
		{"--mode layer-by-layer --split OY=2,OX=2", LayerByLayer, []mapping.Cut{over("OY", 2), over("OX", 2)}},
	} {
		var bits, latency, energy [2]float64
		for i := range 2 {
			o := DefaultOptions()
			o.Mode, o.Costs, o.Search, o.Cuts = x.mode, costs, Loma, x.cuts
			if i == 0 {
				turn(&o.Rules)
			}
			p := builtin(t, o.Rules)
			o.Fixed = inTurn(p)
			r, err := Run(context.Background(), p, o)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range r.Schedule.Transfers {
				if !m.Joined {
					bits[i] += float64(m.Bits)
				}
			}
			latency[i], energy[i] = float64(r.Schedule.Latency), float64(r.Schedule.Energy.Total())/1e6
		}
		change := func(v [2]float64) string { return fmt.Sprintf("%.0f | %+.2f %%", v[0], 100*(v[1]/v[0]-1)) }
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", x.flags, change(bits), change(latency), change(energy))
	}
	return b.String()
}

// transferTable is the latency with gaps filled or not, and with other orders of fetching.
// It changes the energy by next to nothing: what goes along with what.
func transferTable(t *testing.T) string {
	cases := []struct {
		network, chip string
		mode          Mode
	}{
		{"resnet18", "tpu_like_quad_core", Fused},
		{"resnet18", "simba_small", Fused},
		{"fsrcnn", "tpu_like_quad_core", Fused},
		{"bert_base", "tpu_like_quad_core", LayerByLayer},
	}
	head, line := "| flags |", "| --- |"
	var rows []string
	for _, transfers := range TransferModes() {
		for _, order := range FetchOrders() {
			rows = append(rows, fmt.Sprintf("| `--transfers %s --fetch-order %s` |", transfers, order))
		}
	}
	for _, c := range cases {
		head += fmt.Sprintf(" `%s` on `%s`, %s |", c.network, c.chip, strings.ReplaceAll(string(c.mode), "-", " "))
		line += " ---: |"
		p, _, err := Load(Inputs{Workload: c.network, Hardware: c.chip, FoldActivations: true, Rules: rules.Default()})
		if err != nil {
			t.Fatal(err)
		}
		o := DefaultOptions()
		o.Mode, o.Costs, o.Search, o.Fixed = c.mode, NewCosts(), Loma, inTurn(p)
		var base *schedule.Schedule
		for i := range rows {
			orders := FetchOrders()
			o.Transfers, o.FetchOrder = Transfers(TransferModes()[i/len(orders)]), FetchOrder(orders[i%len(orders)])
			r, err := Run(context.Background(), p, o)
			if err != nil {
				t.Fatal(err)
			}
			s := r.Schedule
			if base == nil {
				base = s
				rows[i] += fmt.Sprintf(" %d |", s.Latency)
				continue
			}
			if math.Abs(float64(s.Energy.Total()/base.Energy.Total())-1) > 1e-3 {
				t.Errorf("%s on %s: energy %v, %v", c.network, c.chip, s.Energy.Total(), base.Energy.Total())
			}
			change := "="
			if s.Latency != base.Latency {
				change = fmt.Sprintf("%+.3f %%", 100*(float64(s.Latency)/float64(base.Latency)-1))
			}
			rows[i] += " " + change + " |"
		}
	}
	return head + "\n" + line + "\n" + strings.Join(rows, "\n") + "\n"
}

// residual is a small network: two convolutions and an addition around them.
func residual(t *testing.T, r rules.Rules) Problem {
	t.Helper()
	weights := func(name string, dims ...int64) onnx.Tensor {
		return onnx.Tensor{Name: name, Type: onnx.Float32, Dims: dims}
	}
	pads := []onnx.Attribute{{Name: "pads", Type: onnx.AttributeInts, Ints: []int64{1, 1, 1, 1}}}
	w, err := onnx.Workload(&onnx.Model{IRVersion: 8, Opsets: []onnx.Opset{{Version: 13}}, Graph: onnx.Graph{
		Name:         "residual",
		Inputs:       []onnx.ValueInfo{{Name: "x", Type: onnx.Float32, Shape: onnx.Static(1, 64, 8, 16)}},
		Outputs:      []onnx.ValueInfo{{Name: "sum", Type: onnx.Float32}},
		Initializers: []onnx.Tensor{weights("w1", 64, 64, 3, 3), weights("w2", 64, 64, 3, 3)},
		Nodes: []onnx.Node{
			{Name: "conv1", OpType: "Conv", Inputs: []string{"x", "w1"}, Outputs: []string{"a"}, Attributes: pads},
			{Name: "conv2", OpType: "Conv", Inputs: []string{"a", "w2"}, Outputs: []string{"b"}, Attributes: pads},
			{Name: "add", OpType: "Add", Inputs: []string{"a", "b"}, Outputs: []string{"sum"}},
		},
	}}, onnx.Options{Rules: r})
	if err != nil {
		t.Fatal(err)
	}
	w.Name = "residual"
	p := builtin(t, r)
	p.Workload = w
	return p
}

// schedulingFiles are the generated pictures, and the page with its table.
func schedulingFiles(t *testing.T) map[string][]byte {
	files := map[string][]byte{}
	for _, x := range []struct {
		name  string
		mode  Mode
		rules rules.Rules
	}{
		{"layer-by-layer", LayerByLayer, rules.Default()},
		{"fused", Fused, rules.Default()},
		{"reference", Fused, rules.Reference2024()},
	} {
		o := DefaultOptions()
		o.Mode, o.Rules, o.Search = x.mode, x.rules, Loma
		if x.mode == Fused {
			o.Stacks = [][]int{{0, 1, 2}}
		}
		p := residual(t, x.rules)
		o.Fixed = inTurn(p)
		r, err := Run(context.Background(), p, o)
		if err != nil {
			t.Fatal(err)
		}
		d := &report.Data{
			Inputs: report.Inputs{Workload: report.Input{Name: "residual"}, Hardware: report.Input{Name: "tpu_like_quad_core"},
				Mode: string(x.mode), Rules: x.rules.Name},
			Accelerator: p.Hardware, Graph: r.Graph, Schedule: r.Schedule, Allocation: r.Allocation, LowerBound: report.LowerBound{Latency: r.Bound.Latency},
		}
		var b bytes.Buffer
		if err := report.SchedulePicture(&b, d, report.Options{Format: report.SVG}); err != nil {
			t.Fatal(err)
		}
		files["docs/images/scheduling-"+x.name+".svg"] = b.Bytes()
	}
	page, err := os.ReadFile(schedulingPage)
	if err != nil {
		t.Fatal(err)
	}
	text := string(page)
	for name, table := range map[string]string{"switches": switchTable(t),
		"parts":      tilingTable(t, "whole tiles", "parts", func(r *rules.Rules) { r.WholeTilesMove = true }),
		"broadcasts": tilingTable(t, "apart", "broadcast", func(r *rules.Rules) { r.NoBroadcast = true }),
		"transfers":  transferTable(t)} {
		begin, end := "<!-- generated: "+name+" -->\n", "<!-- end -->\n"
		before, rest, ok := strings.Cut(text, begin)
		_, after, ok2 := strings.Cut(rest, end)
		if !ok || !ok2 {
			t.Fatalf("%s lacks the marks around its table of %s", schedulingPage, name)
		}
		text = before + begin + "\n" + table + "\n" + end + after
	}
	files[schedulingPage] = []byte(text)
	return files
}

// TestSchedulingPage keeps the table and the pictures of docs/scheduling.md true.
func TestSchedulingPage(t *testing.T) {
	for name, want := range schedulingFiles(t) {
		if *update {
			if err := os.WriteFile(name, want, 0o666); err != nil {
				t.Fatal(err)
			}
			continue
		}
		got, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is out of date: go test . -run SchedulingPage -update", name)
		}
	}
}
