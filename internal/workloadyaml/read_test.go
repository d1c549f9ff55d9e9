package workloadyaml_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"streamdse/internal/golden"
	"streamdse/internal/workloadyaml"
	"streamdse/workload"
)

func dims(names ...workload.Dim) []workload.Dim { return names }

// everything uses every key of the format.
const everything = `
- id: 3
  operator_type: Conv
  equation: O [b][g][k][oy][ox] += W[g][k][c][fy][fx] * I[b][g][c][iy][ix]
  dimension_relations: [ix = 2*ox + 3*fx, iy=oy+fy]
  loop_dims: [B, G, K, C, OY, OX, FY, FX]
  loop_sizes: [1, 4, 2, 3, 5, 6, 3, 2]
  operand_precision: {O: 24, O_final: 6, W: 4, I: 7}
  operand_source: {I: 3, W: 3}
  constant_operands: [W]
  pr_loop_dims: [IY, IX]
  pr_loop_sizes: [7, 12]
  padding: [[0, 0], [1, 2]]
- id: 8
  name: sum
  operator_type: Add
  equation: O[b][k][oy][ox]=W[b][k][oy][ox]+I[b][k][oy][ox]
  loop_dims: [B, K, OY, OX]
  loop_sizes: [1, 8, 5, 6]
  operand_precision: {O: 16, O_final: 8, W: 7, I: 6}
  operand_source: {I: 3, W: 5}
- id: 5 # layers may stand in any order
  operator_type: Gemm
  equation: O[d]+=I[d][c]*W[c]
  loop_dims: [C, D]
  loop_sizes: [5, 240]
  operand_precision: {O: 16, O_final: 7, W: 8, I: 8}
- id: 13
  name: pool
  operator_type: Pooling
  equation: O[b][k][oy][ox]+=W[fx][fy]*I[b][k][iy][ix]
  dimension_relations: [ix=2*ox+1*fx, iy=2*oy+1*fy]
  loop_dims: [B, K, OY, OX, FX, FY]
  loop_sizes: [1, 8, 3, 3, 3, 2]
  operand_precision: {O: 8, O_final: 8, W: 0, I: 8}
  operand_source: {I: 8}
`

func TestEveryTerm(t *testing.T) {
	got, err := workloadyaml.Parse("some/net.yaml", []byte(everything))
	if err != nil {
		t.Fatal(err)
	}
	constant := func(name string, shape ...int) workload.Source {
		return workload.Source{Kind: workload.FromConstant, Tensor: name, Shape: shape}
	}
	input := func(name string, shape ...int) workload.Source {
		return workload.Source{Kind: workload.FromInput, Tensor: name, Shape: shape}
	}
	layer := func(i int, name string) workload.Source {
		return workload.Source{Kind: workload.FromLayer, Layer: i, Tensor: name}
	}
	want := &workload.Workload{Name: "net", Outputs: []int{3}, Layers: []workload.Layer{
		{
			ID: 3, Name: "Layer3", Type: "Conv", OutputShape: []int{1, 8, 5, 6},
			Dims: []workload.LoopDim{{Dim: "B", Size: 1}, {Dim: "G", Size: 4}, {Dim: "K", Size: 2}, {Dim: "C", Size: 3},
				{Dim: "OY", Size: 5}, {Dim: "OX", Size: 6}, {Dim: "FY", Size: 3}, {Dim: "FX", Size: 2}},
			Relations: []workload.Relation{
				{Index: "IX", A: "OX", B: "FX", CoefA: 2, CoefB: 3, PadBefore: 1, PadAfter: 2, Size: 12},
				{Index: "IY", A: "OY", B: "FY", CoefA: 1, CoefB: 1, Size: 7},
			},
			Operands: []workload.Operand{
				{Name: "O", Dims: dims("B", "G", "K", "OY", "OX"), Axes: []int{1, 3, 4, 5}, Bits: 24, FinalBits: 6},
				{Name: "W", Dims: dims("G", "K", "C", "FY", "FX"), Axes: []int{2, 3, 4, 5}, Bits: 4, FinalBits: 4, Source: constant("Layer3.W", 8, 3, 3, 2)},
				{Name: "I", Dims: dims("B", "G", "C", "IY", "IX"), Axes: []int{1, 3, 4, 5}, Bits: 7, FinalBits: 7, Source: input("Layer3.I", 1, 12, 7, 12)},
			},
		},
		{
			ID: 5, Name: "Layer5", Type: "Gemm", OutputShape: []int{240},
			Dims: []workload.LoopDim{{Dim: "C", Size: 5}, {Dim: "D", Size: 240}},
			Operands: []workload.Operand{
				{Name: "O", Dims: dims("D"), Axes: []int{1}, Bits: 16, FinalBits: 7},
				{Name: "I", Dims: dims("D", "C"), Axes: []int{1, 2}, Bits: 8, FinalBits: 8, Source: input("Layer5.I", 240, 5)},
				{Name: "W", Dims: dims("C"), Axes: []int{1}, Bits: 8, FinalBits: 8, Source: constant("Layer5.W", 5)},
			},
		},
		{
			ID: 8, Name: "sum", Type: "Add", OutputShape: []int{1, 8, 5, 6},
			Dims: []workload.LoopDim{{Dim: "B", Size: 1}, {Dim: "K", Size: 8}, {Dim: "OY", Size: 5}, {Dim: "OX", Size: 6}},
			Operands: []workload.Operand{
				{Name: "O", Dims: dims("B", "K", "OY", "OX"), Axes: []int{1, 2, 3, 4}, Bits: 16, FinalBits: 8},
				{Name: "W", Dims: dims("B", "K", "OY", "OX"), Axes: []int{1, 2, 3, 4}, Bits: 7, FinalBits: 7, Source: layer(1, "Layer5.O")},
				{Name: "I", Dims: dims("B", "K", "OY", "OX"), Axes: []int{1, 2, 3, 4}, Bits: 6, FinalBits: 6, Source: layer(0, "Layer3.O")},
			},
		},
		{
			ID: 13, Name: "pool", Type: "Pooling", OutputShape: []int{1, 8, 3, 3},
			Dims: []workload.LoopDim{{Dim: "B", Size: 1}, {Dim: "K", Size: 8}, {Dim: "OY", Size: 3}, {Dim: "OX", Size: 3},
				{Dim: "FX", Size: 3}, {Dim: "FY", Size: 2}},
			// Windows reach over 2*2+2+1 = 7 columns of 6 and 2*2+1+1 = 6 rows of 5.
			Relations: []workload.Relation{
				{Index: "IX", A: "OX", B: "FX", CoefA: 2, CoefB: 1, PadBefore: 1, Size: 6},
				{Index: "IY", A: "OY", B: "FY", CoefA: 2, CoefB: 1, PadBefore: 1, Size: 5},
			},
			Operands: []workload.Operand{
				{Name: "O", Dims: dims("B", "K", "OY", "OX"), Axes: []int{1, 2, 3, 4}, Bits: 8, FinalBits: 8},
				{Name: "W", Dims: dims("FX", "FY"), Axes: []int{1, 2}, Source: constant("pool.W", 3, 2)},
				{Name: "I", Dims: dims("B", "K", "IY", "IX"), Axes: []int{1, 2, 3, 4}, Bits: 8, FinalBits: 8, Source: layer(2, "sum.O")},
			},
		},
	}, Notes: []string{"no padding is given for layers 13: what their windows read beyond the layer before is taken as padding"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestProblems changes one line of a sound file each.
func TestProblems(t *testing.T) {
	sound := `- id: 0
  operator_type: Conv
  equation: O[b][k][ox]+=W[k][c][fx]*I[b][c][ix]
  dimension_relations: [ix=2*ox+1*fx]
  loop_dims: [B, K, C, OX, FX]
  loop_sizes: [1, 4, 3, 5, 3]
  operand_precision: {O: 16, O_final: 8, W: 8, I: 8}
  operand_source: {I: 0, W: 0}
  pr_loop_dims: [IX]
  padding: [[1, 0]]
- id: 1
  operator_type: Conv
  equation: O[b][k][ox]+=W[k][c]*I[b][c][ox]
  loop_dims: [B, K, C, OX]
  loop_sizes: [1, 2, 4, 5]
  operand_precision: {O: 16, O_final: 8, W: 8, I: 8}
  operand_source: {I: 0, W: 1}
`
	if _, err := workloadyaml.Parse("w.yaml", []byte(sound)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, new, want string }{
		{"- id: 1", "- id: 0", "w.yaml:11:7: [1].id: layer 0 is given twice, first as \"Layer0\""},
		{"- id: 1", "- name: x", "w.yaml:11:3: [1]: required key `id` is missing"},
		{"operator_type: Conv", "operator_type: 2D", "w.yaml:2:18: [0].operator_type: \"2D\" is no operator type"},
		{"operator_type: Conv", "operator: Conv", "unknown key `operator`"},
		{"O[b][k][ox]+=W[k][c][fx]*I[b][c][ix]", "O[b][k][ox]+=W[k][c][fx]", "w.yaml:3:13: [0].equation: \"O[b][k][ox]+=W[k][c][fx]\" is no equation of an output and two inputs"},
		{"O[b][k][ox]+=W", "Y[b][k][ox]+=W", "the output is called Y"},
		{"*I[b][c][ix]", "*X[b][c][ix]", "the inputs are called W and X\n  allowed: I and W"},
		{"O[b][k][ox]+=W", "O[b][k][ix]+=W", "the output has the index ix, which follows from a relation"},
		{"W[k][c][fx]", "W[k][k][fx]", "operand W has two indices k"},
		{"W[k][c][fx]", "W[k][c][fz]", "index fz of operand W is neither a loop of the layer nor defined by a relation\n  allowed: B, K, C, OX, FX"},
		{"loop_dims: [B, K, C, OX, FX]", "loop_dims: [B, K, C, OX, FX, FY]", "w.yaml:6:15: [0].loop_sizes: has 5 sizes for 6 dimensions of loop_dims"},
		{"[B, K, C, OX, FX]\n  loop_sizes: [1, 4, 3, 5, 3]", "[B, K, C, OX, FX, FY]\n  loop_sizes: [1, 4, 3, 5, 3, 3]", "no operand depends on loop FY"},
		{"[B, K, C, OX, FX]", "[B, K, C, OX, OX]", "dimension OX is given twice"},
		{"[B, K, C, OX, FX]", "[B, K, C, OX, F-X]", "\"F-X\" is no dimension"},
		{"[1, 4, 3, 5, 3]", "[1, 4, 3, 0, 3]", "w.yaml:6:25: [0].loop_sizes[3]: must be at least 1, found 0"},
		{"[1, 4, 3, 5, 3]", "[16777216, 16777216, 16777216, 5, 3]", "the loop nest has more than 9007199254740992 operations"},
		{"[1, 4, 3, 5, 3]", "[1, 99999999, 3, 5, 3]", "99999999 is too large"},
		{"ix=2*ox+1*fx", "ix=2*ox", "w.yaml:4:25: [0].dimension_relations[0]: \"ix=2*ox\" is no relation"},
		{"ix=2*ox+1*fx", "ix=2*oy+1*fx", "IX depends on OY, which is no loop of the layer"},
		{"ix=2*ox+1*fx", "ix=0*ox+1*fx", "the factor 0 is not possible"},
		{"ix=2*ox+1*fx", "ix=2*ox+1*ox", "IX depends twice on OX"},
		{"[ix=2*ox+1*fx]", "[ix=2*ox+1*fx, ix=ox+fx]", "IX is defined twice"},
		{"[ix=2*ox+1*fx]", "[ix=2*ox+1*fx, c=ox+fx]", "C is a loop of the layer and so cannot follow from others"},
		{"ix=2*ox+1*fx", "ix=1048576*ox+1048576*fx", ""},
		{"O_final: 8, W: 8, I: 8}", "O_final: 8, W: 8, Y: 8}", "required key `I` is missing\nw.yaml:7:48: [0].operand_precision: unknown key `Y`"},
		{"O_final: 8", "O_final: 4096", "4096 bits"},
		{"{I: 0, W: 0}", "{I: 0, W: 0, Y: 0}", "the equation reads no operand \"Y\""},
		{"{I: 0, W: 0}", "{I: 1, W: 0}", "w.yaml:8:23: [0].operand_source.I: layer 0 reads layer 1, which comes after it"},
		{"{I: 0, W: 1}", "{I: 7, W: 1}", "w.yaml:17:23: [1].operand_source.I: there is no layer 7"},
		{"{I: 0, W: 1}", "{I: 0, W: 1}\n  constant_operands: [I]", "operand I is called a constant here and the output of layer 0 in operand_source"},
		{"{I: 0, W: 1}", "{I: 0, W: 1}\n  constant_operands: [Z]", "the equation reads no operand \"Z\""},
		{"[1, 2, 4, 5]", "[1, 2, 3, 5]", "w.yaml:17:23: [1].operand_source.I: operand I is read as 1x3x5, layer 0 computes 1x4x5"},
		{"pr_loop_dims: [IX]", "pr_loop_dims: [IY]", "no relation of the layer defines IY"},
		{"[[1, 0]]", "[[1, 0], [0, 0]]", "w.yaml:10:12: [0].padding: has 2 entries for 1 dimensions of pr_loop_dims"},
		{"[[1, 0]]", "[[1]]", "w.yaml:10:13: [0].padding[0]: has 1 numbers"},
		{"[[1, 0]]", "[[6, 5]]", "IX has 11 positions, of which the padding takes 6 and 5"},
		{sound, "[]", "the file has no layer"},
		{sound, "layers: 1", "a workload file is a list of layers"},
		{sound, "", "the file is empty"},
	} {
		text := strings.Replace(sound, c.old, c.new, 1)
		if text == sound {
			t.Fatalf("%q is not in the sound file", c.old)
		}
		_, err := workloadyaml.Parse("w.yaml", []byte(text))
		if c.want == "" {
			if err != nil {
				t.Errorf("%s -> %s: %v", c.old, c.new, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s -> %s:\n%v\nwant\n%s", c.old, c.new, err, c.want)
		}
	}
}

// TestResNet18Public compares every layer of the public description of ResNet-18
// with one written down from the paper.
func TestResNet18Public(t *testing.T) {
	for _, folder := range []string{"zigzag/workload", "stream-2024/examples/workload", "stream-2026/examples/workload"} {
		w, _, err := workloadyaml.Load(golden.Shared(t, "data/"+folder+"/resnet18.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		row := func(typ string, k, c, size, kernel, stride, pad, from int) {
			loops := fmt.Sprintf("K=%d C=%d", k, c)
			if c == 0 {
				loops = fmt.Sprintf("G=%d", k)
			}
			window := ""
			if kernel > 0 {
				window = fmt.Sprintf(" F=%d stride %d pad %d", kernel, stride, pad)
			}
			want = append(want, fmt.Sprintf("%d %s %s O=%d%s from %d", len(want), typ, loops, size, window, from))
		}
		row("Conv", 64, 3, 112, 7, 2, 0, -1) // no padding stands in the file
		row("Pooling", 64, 0, 56, 3, 2, 1, 0)
		last := 1
		for stage := range 4 {
			k, size := 64<<stage, 56>>stage
			for block := range 2 {
				in, c, stride, pad := last, k, 1, 2
				if stage > 0 && block == 0 {
					c, stride, pad = k/2, 2, 1
				}
				row("Conv", k, c, size, 3, stride, pad, in)
				row("Conv", k, k, size, 3, 1, 2, len(want)-1)
				if stride == 2 { // of 3x3 in this file
					row("Conv_downsample", k, c, size, 3, 2, 1, in)
					row("Add", k, 0, size, 0, 0, 0, len(want)-2)
				} else {
					row("Add", k, 0, size, 0, 0, 0, len(want)-1)
				}
				last = len(want) - 1
			}
		}
		row("Pooling", 512, 0, 1, 7, 1, 0, last)
		row("Conv", 1000, 512, 1, 1, 1, 0, last+1)

		var got []string
		for i := range w.Layers {
			l := &w.Layers[i]
			s := fmt.Sprintf("%d %s", l.ID, l.Type)
			for _, d := range []workload.Dim{"K", "C", "G"} {
				if l.HasDim(d) {
					s += fmt.Sprintf(" %s=%d", d, l.Size(d))
				}
			}
			s += fmt.Sprintf(" O=%d", l.Size("OX"))
			if l.Size("OX") != l.Size("OY") || l.Size("B") != 1 || l.Size("FX") != l.Size("FY") {
				t.Errorf("layer %d is not square: %v", l.ID, l.Dims)
			}
			if r := l.Relation("IX"); r != nil {
				y := l.Relation("IY")
				if r.CoefA != y.CoefA || r.PadBefore != y.PadBefore || r.PadAfter != y.PadAfter || r.Size != y.Size || r.CoefB != 1 || y.CoefB != 1 {
					t.Errorf("layer %d has different rows and columns: %+v %+v", l.ID, r, y)
				}
				s += fmt.Sprintf(" F=%d stride %d pad %d", l.Size("FX"), r.CoefA, r.PadBefore+r.PadAfter)
			}
			from := -1
			for _, o := range l.Operands[1:] {
				if o.Name == "I" && o.Source.Kind == workload.FromLayer {
					from = o.Source.Layer
				}
				if weights := o.Name == "W" && l.Type != "Add"; weights != (o.Source.Kind == workload.FromConstant) {
					t.Errorf("layer %d: operand %s comes from %+v", l.ID, o.Name, o.Source)
				}
			}
			got = append(got, s+fmt.Sprintf(" from %d", from))
			out := l.Operands[0]
			if out.Bits != 16 || out.FinalBits != 8 {
				t.Errorf("layer %d accumulates in %d bits and keeps %d", l.ID, out.Bits, out.FinalBits)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", folder, diff)
		}
		if diff := cmp.Diff([]int{30}, w.Outputs); diff != "" {
			t.Errorf("outputs: %s", diff)
		}
		if wants := "zigzag"; strings.HasPrefix(folder, wants) && w.Layers[0].Name != "example_name_of_layer0" {
			t.Errorf("layer 0 is called %q", w.Layers[0].Name)
		}
	}
}

// TestPublic reads every public workload file: it loads, or the message says what is
// wrong with it.
func TestPublic(t *testing.T) {
	root := golden.Shared(t, "data")
	mistakes := map[string][]string{
		// Its last layer calls an operand Y.
		"simple_example_workload.yaml": {
			"51:5: [3].operand_precision: required key `I` is missing",
			"54:5: [3].operand_precision: unknown key `Y`\n  allowed: O, O_final, W, I",
		},
		// Its third layer reads half of the channels of the second.
		"testing_workload_for_1_core.yaml": {
			"55:8: [2].operand_source.I: operand I is read as 1x8x5x3758, layer 1 computes 1x16x5x3760\n  allowed: 1x16x5x3760\n" +
				"  hint: the shape follows from the loop sizes and the relations; `padding` says what lies around the tensor",
		},
	}
	seen := 0
	for _, pattern := range []string{"*/workload/*.yaml", "*/*/workload/*.yaml", "*/*/shared/*workload*.yaml"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			seen++
			w, _, err := workloadyaml.Load(file)
			if want := mistakes[filepath.Base(file)]; want != nil {
				text := file + ":" + strings.Join(want, "\n"+file+":")
				if err == nil || err.Error() != text {
					t.Errorf("%v\nwant\n%s", err, text)
				}
				continue
			}
			if err != nil {
				t.Errorf("%v", err)
				continue
			}
			if len(w.Layers) == 0 || w.Totals().MACs == 0 {
				t.Errorf("%s: %d layers with %d MACs", file, len(w.Layers), w.Totals().MACs)
			}
		}
	}
	if seen < 16 {
		t.Errorf("%d public workload files were found", seen)
	}
}

// TestPublicPadding reads what a file says of padding.
func TestPublicPadding(t *testing.T) {
	w, _, err := workloadyaml.Load(golden.Shared(t, "data/stream-2024/testing/workload/testing_workload_for_4_cores.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	want := []workload.Relation{
		{Index: "IX", A: "OX", B: "FX", CoefA: 1, CoefB: 1, PadBefore: 1, PadAfter: 1},
		{Index: "IY", A: "OY", B: "FY", CoefA: 1, CoefB: 1},
	}
	for _, i := range []int{0, 1} {
		if diff := cmp.Diff(want, w.Layers[i].Relations); diff != "" {
			t.Errorf("layer %d (-want +got):\n%s", i, diff)
		}
	}
	if len(w.Notes) != 0 || w.Layers[3].Name != "layer_on_core3" {
		t.Errorf("%v %v", w.Notes, w.Layers[3].Name)
	}
}

func TestLoad(t *testing.T) {
	if _, _, err := workloadyaml.Load(filepath.Join(t.TempDir(), "none.yaml")); err == nil || !strings.Contains(err.Error(), "there is no such workload file") {
		t.Errorf("a missing file gives %v", err)
	}
	if _, _, err := workloadyaml.Load(t.TempDir()); err == nil || !strings.Contains(err.Error(), "cannot read the workload file") {
		t.Errorf("a folder gives %v", err)
	}
	path := filepath.Join(t.TempDir(), "net.yaml")
	if err := os.WriteFile(path, []byte(everything), 0o666); err != nil {
		t.Fatal(err)
	}
	if w, data, err := workloadyaml.Load(path); err != nil || w.Name != "net" || string(data) != everything {
		t.Errorf("read as %v, %d bytes (%v)", w, len(data), err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(everything))
	f.Add([]byte("- {id: 0, operator_type: Gemm, equation: 'O[d0][d1]+=I[d0][d2]*W[d2][d1]', loop_dims: [D0, D1, D2], loop_sizes: [2, 3, 4], operand_precision: {O: 1, O_final: 1, W: 1, I: 1}}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		w, err := workloadyaml.Parse("f.yaml", data)
		if err != nil {
			if err.Error() == "" {
				t.Fatal("an error without words")
			}
			return
		}
		for i := range w.Layers {
			l := &w.Layers[i]
			for j := range l.Operands {
				if l.Elements(&l.Operands[j]) < 1 {
					t.Fatalf("operand %s of layer %d has no elements", l.Operands[j].Name, l.ID)
				}
				if s := l.Operands[j].Source; s.Kind == workload.FromLayer && s.Layer >= i {
					t.Fatalf("layer %d reads a later one", l.ID)
				}
			}
		}
		if w.Totals().Operations < 1 || len(w.Outputs) == 0 {
			t.Fatalf("%+v", w.Totals())
		}
	})
}

// TestDocument reads the example of docs/loop-nests.md.
func TestDocument(t *testing.T) {
	text, err := os.ReadFile("../../docs/loop-nests.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "```yaml net.yaml\n")
	example, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("the document has no example")
	}
	w, err := workloadyaml.Parse("net.yaml", []byte(example))
	if err != nil {
		t.Fatal(err)
	}
	pool := w.Layers[1].Relations[0]
	if w.Layers[0].Name != "stem" || pool.Size != 112 || pool.PadBefore != 1 || pool.PadAfter != 0 || len(w.Notes) != 1 {
		t.Errorf("%+v %v", pool, w.Notes)
	}
}
