package onnx_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"streamdse/internal/onnx"
	"streamdse/rules"
	"streamdse/workload"
)

// describe prints everything that a workload says of a network, a layer as
//
//	0 conv Conv B=1 K=4 -> [1 4 8 8]
//	  IX = 2*OX + 1*FX, padded 1 and 0, of 8
//	  O[B][G K][OY][OX] 16/8 bits
//	  I[B][G C][IY][IX] 8 bits from input x
//	  + Relu r
func describe(w *workload.Workload) string {
	var b strings.Builder
	for i := range w.Layers {
		l := &w.Layers[i]
		fmt.Fprintf(&b, "%d %s %s", l.ID, l.Name, l.Type)
		if l.Part != "" {
			fmt.Fprintf(&b, ".%s", l.Part)
		}
		for _, d := range l.Dims {
			fmt.Fprintf(&b, " %s=%d", d.Dim, d.Size)
		}
		fmt.Fprintf(&b, " -> %v\n", l.OutputShape)
		for _, r := range l.Relations {
			fmt.Fprintf(&b, "  %s = %d*%s + %d*%s, padded %d and %d, of %d\n", r.Index, r.CoefA, r.A, r.CoefB, r.B, r.PadBefore, r.PadAfter, r.Size)
		}
		for j := range l.Operands {
			describeOperand(&b, w, &l.Operands[j])
		}
		for _, f := range l.Folded {
			fmt.Fprintf(&b, "  + %s\n", f)
		}
	}
	fmt.Fprintf(&b, "outputs %v\n", w.Outputs) // positions, not numbers
	return b.String()
}

func describeOperand(b *strings.Builder, w *workload.Workload, o *workload.Operand) {
	b.WriteString("  " + o.Name)
	start := 0
	for _, end := range o.Axes {
		fmt.Fprintf(b, "%v", o.Dims[start:end])
		start = end
	}
	fmt.Fprintf(b, " %d", o.Bits)
	if o.FinalBits != o.Bits {
		fmt.Fprintf(b, "/%d", o.FinalBits)
	}
	b.WriteString(" bits")
	for i, s := range o.Source.Origins() {
		if i > 0 {
			b.WriteString(" and")
		}
		describeSource(b, w, &s)
	}
	b.WriteString("\n")
}

func describeSource(b *strings.Builder, w *workload.Workload, s *workload.Source) {
	switch s.Kind {
	case workload.FromConstant:
		b.WriteString(strings.TrimRight(" constant "+s.Tensor, " "))
	case workload.FromInput:
		b.WriteString(" from input " + s.Tensor)
	case workload.FromLayer:
		fmt.Fprintf(b, " from %d %s", w.Layers[s.Layer].ID, s.Tensor)
	}
	for _, m := range s.Via {
		fmt.Fprintf(b, " via %d %s %s%v", m.ID, m.Name, []string{"reshape", "transpose", "same", "select"}[m.Kind], m.Shape)
		if m.Perm != nil {
			fmt.Fprintf(b, " perm %v", m.Perm)
		}
		for _, r := range m.Runs {
			if r.Gap {
				fmt.Fprintf(b, " %d:gap", r.Count)
			} else {
				fmt.Fprintf(b, " %d:%d%+d", r.Count, r.From, r.Step)
			}
		}
	}
}

// outdent removes the tabs that indent a test's text.
func outdent(s string) string {
	return strings.TrimLeft(strings.ReplaceAll(strings.TrimRight(s, "\t\n")+"\n", "\n\t\t\t", "\n"), "\n")
}

func TestLayers(t *testing.T) {
	reference := onnx.Options{Rules: rules.Reference2024()}
	fold := onnx.Options{FoldActivations: true}
	for _, c := range []struct {
		name, model string
		options     onnx.Options
		want        string
	}{
		{"convolution, height and width apart", `
			input x 2x3x10x12
			init w 8x3x3x5
			init b 8
			c: y = Conv(x, w, b) pads=1,2,0,1 strides=2,3 dilations=1,2
			output y`, onnx.Options{}, `
			0 c Conv B=2 K=8 G=1 OX=3 OY=5 C=3 FX=5 FY=3 -> [2 8 5 3]
			  IX = 3*OX + 2*FX, padded 2 and 1, of 12
			  IY = 2*OY + 1*FY, padded 1 and 0, of 10
			  O[B][G K][OY][OX] 16/8 bits
			  W[G K][C][FY][FX] 8 bits constant w
			  I[B][G C][IY][IX] 8 bits from input x
			outputs [0]
			`},
		{"convolution, as published", `
			input x 1x3x8x8
			init w 8x3x3x3
			c: y = Conv(x, w)
			output y`, reference, `
			0 c Conv B=1 K=8 G=1 OX=6 OY=6 C=3 FX=3 FY=3 -> [1 8 6 6]
			  IX = 1*OX + 1*FX, padded 0 and 0, of 8
			  IY = 1*OY + 1*FY, padded 0 and 0, of 8
			  O[B][G K][OY][OX] 16/8 bits
			  W[K][C][FY][FX] 8 bits constant w
			  I[B][G C][IY][IX] 8 bits from input x
			outputs [0]
			`},
		{"grouped convolution", `
			input x 1x6x8x8
			init w 12x2x3x3
			c: y = Conv(x, w) group=3 auto_pad=SAME_UPPER strides=2,2
			output y`, onnx.Options{}, `
			0 c Conv B=1 K=4 G=3 OX=4 OY=4 C=2 FX=3 FY=3 -> [1 12 4 4]
			  IX = 2*OX + 1*FX, padded 0 and 1, of 8
			  IY = 2*OY + 1*FY, padded 0 and 1, of 8
			  O[B][G K][OY][OX] 16/8 bits
			  W[G K][C][FY][FX] 8 bits constant w
			  I[B][G C][IY][IX] 8 bits from input x
			outputs [0]
			`},
		{"grouped convolution, as published", `
			input x 1x6x8x8
			init w 12x2x3x3
			c: y = Conv(x, w) group=3
			output y`, reference, `
			0 c Conv B=1 K=4 G=3 OX=6 OY=6 C=2 FX=3 FY=3 -> [1 12 6 6]
			  IX = 1*OX + 1*FX, padded 0 and 0, of 8
			  IY = 1*OY + 1*FY, padded 0 and 0, of 8
			  O[B][G K][OY][OX] 16/8 bits
			  W[G][C][FY][FX] 8 bits constant w
			  I[B][G C][IY][IX] 8 bits from input x
			outputs [0]
			`},
		{"pooling, the last window beyond the edge", `
			input x 1x4x8x7
			p: y = MaxPool(x) kernel_shape=3,2 strides=2,2 ceil_mode=1
			output y`, onnx.Options{}, `
			0 p MaxPool B=1 K=4 OX=4 OY=4 FX=2 FY=3 -> [1 4 4 4]
			  IX = 2*OX + 1*FX, padded 0 and 1, of 7
			  IY = 2*OY + 1*FY, padded 0 and 1, of 8
			  O[B][K][OY][OX] 8 bits
			  W[FY][FX] 0 bits constant
			  I[B][K][IY][IX] 8 bits from input x
			outputs [0]
			`},
		{"global pooling, as published", `
			input x 1x4x8x7
			p: y = GlobalAveragePool(x)
			output y`, reference, `
			0 p GlobalAveragePool B=1 K=4 OX=1 OY=1 C=4 FX=7 FY=8 -> [1 4 1 1]
			  IX = 1*OX + 1*FX, padded 0 and 0, of 7
			  IY = 1*OY + 1*FY, padded 0 and 0, of 8
			  O[B][K][OY][OX] 8 bits
			  W[FY][FX] 0 bits constant
			  I[B][K][IY][IX] 8 bits from input x
			outputs [0]
			`},
		{"matrix products of constants and computed ones, transposed", `
			input x 3x2
			init w 5x3
			init b 5
			g: y = Gemm(x, w, b) transA=1 transB=1
			h: z = Gemm(y, y) transA=1
			i: u = Gemm(y, y) transB=1
			output z
			output u`, onnx.Options{}, `
			0 g Gemm C=3 D=2 K=5 -> [2 5]
			  O[D][K] 16/8 bits
			  I[C][D] 8 bits from input x
			  W[C][K] 8 bits constant w
			1 h Gemm C=2 D=5 K=5 -> [5 5]
			  O[D][K] 16/8 bits
			  I[C][D] 8 bits from 0 y
			  W[C][K] 8 bits from 0 y
			2 i Gemm C=5 D=2 K=2 -> [2 2]
			  O[D][K] 16/8 bits
			  I[D][C] 8 bits from 0 y
			  W[K][C] 8 bits from 0 y
			outputs [1 2]
			`},
		{"precisions of a matrix product's own", `
			input x 2x3
			init w 3x5
			g: y = Gemm(x, w) weight_size=4 act_size=16 output_size=32
			output y`, onnx.Options{}, `
			0 g Gemm C=3 D=2 K=5 -> [2 5]
			  O[D][K] 32/16 bits
			  I[D][C] 16 bits from input x
			  W[C][K] 4 bits constant w
			outputs [0]
			`},
		{"other default precisions", `
			input x 2x3
			init w 3x5
			g: y = MatMul(x, w)
			output y`, onnx.Options{Precision: onnx.Precision{Weight: 2, Activation: 4, Partial: 32}}, `
			0 g MatMul C=3 D=2 K=5 -> [2 5]
			  O[D][K] 32/4 bits
			  I[D][C] 4 bits from input x
			  W[C][K] 2 bits constant w
			outputs [0]
			`},
		{"batched matrix products, broadcast", `
			input x 7x1x4x3
			init w 3x5
			init v 6x3x5
			input s 3
			a: y = MatMul(x, w)
			b: z = MatMul(x, v)
			c: u = MatMul(x, s)
			d: r = MatMul(s, w)`, onnx.Options{}, `
			0 a MatMul C=3 D=4 K=5 B=7 H=1 -> [7 1 4 5]
			  O[B][H][D][K] 16/8 bits
			  I[B][H][D][C] 8 bits from input x
			  W[C][K] 8 bits constant w
			1 b MatMul C=3 D=4 K=5 B=7 H=6 -> [7 6 4 5]
			  O[B][H][D][K] 16/8 bits
			  I[B][][D][C] 8 bits from input x
			  W[H][C][K] 8 bits constant v
			2 c MatMul C=3 D=4 K=1 B=7 H=1 -> [7 1 4]
			  O[B][H][D] 16/8 bits
			  I[B][H][D][C] 8 bits from input x
			  W[C] 8 bits from input s
			3 d MatMul C=3 D=1 K=5 -> [5]
			  O[K] 16/8 bits
			  I[C] 8 bits from input s
			  W[C][K] 8 bits constant w
			outputs []
			`},
		{"element-wise, two inputs", `
			input x 1x4x8x8
			init s 1x4x1x1
			init k scalar
			a: y = Relu(x)
			b: z = Add(x, y)
			c: u = Mul(s, z)
			d: v = Mul(u, k)
			e: g = GlobalAveragePool(v)
			f: r = Mul(g, v)
			output r`, onnx.Options{}, `
			0 a Relu B=1 H=4 D=8 K=8 -> [1 4 8 8]
			  O[B][H][D][K] 16/8 bits
			  I[B][H][D][K] 8 bits from input x
			  W 0 bits constant
			1 b Add B=1 H=4 D=8 K=8 -> [1 4 8 8]
			  O[B][H][D][K] 16/8 bits
			  I[B][H][D][K] 8 bits from 0 y
			  W[B][H][D][K] 8 bits from input x
			2 c Mul B=1 H=4 D=8 K=8 -> [1 4 8 8]
			  O[B][H][D][K] 16/8 bits
			  I[B][H][D][K] 8 bits from 1 z
			  W[B][H][][] 8 bits constant s
			3 d Mul B=1 H=4 D=8 K=8 -> [1 4 8 8]
			  O[B][H][D][K] 16/8 bits
			  I[B][H][D][K] 8 bits from 2 u
			  W 8 bits constant k
			4 e GlobalAveragePool B=1 K=4 OX=1 OY=1 FX=8 FY=8 -> [1 4 1 1]
			  IX = 1*OX + 1*FX, padded 0 and 0, of 8
			  IY = 1*OY + 1*FY, padded 0 and 0, of 8
			  O[B][K][OY][OX] 8 bits
			  W[FY][FX] 0 bits constant
			  I[B][K][IY][IX] 8 bits from 3 v
			5 f Mul B=1 H=4 D=8 K=8 -> [1 4 8 8]
			  O[B][H][D][K] 16/8 bits
			  I[B][H][D][K] 8 bits from 3 v
			  W[B][H][][] 8 bits from 4 g
			outputs [5]
			`},
		{"element-wise of every rank, as published", `
			input a 6
			input b 5x6
			input c 4x5x6
			u: w = Gelu(a)
			v: x = Exp(b)
			s: y = com.example.Silu(c)`, reference, `
			0 u Gelu K=6 -> [6]
			  O[K] 16/8 bits
			  I[K] 8 bits from input a
			  W 8 bits constant
			1 v Exp D=5 K=6 -> [5 6]
			  O[D][K] 16/8 bits
			  I[D][K] 8 bits from input b
			  W 8 bits constant
			2 s Silu B=4 D=5 K=6 -> [4 5 6]
			  O[B][D][K] 16/8 bits
			  I[B][D][K] 8 bits from input c
			  W 8 bits constant
			outputs []
			`},
		{"softmax over the middle axis", `
			input x 2x3x4
			s: y = Softmax(x) axis=1
			r: z = Relu(y)
			output z`, onnx.Options{}, `
			0 s-max/ Softmax.max B=2 K=4 C=3 -> [2 4]
			  O[B][K] 16/8 bits
			  I[B][C][K] 8 bits from input x
			  W 0 bits constant
			1 s-exp/ Softmax.exp B=2 K=4 C=3 -> [2 3 4]
			  O[B][C][K] 16/8 bits
			  I[B][C][K] 8 bits from input x
			  W[B][K] 8 bits from 0 y-max
			2 s-sum/ Softmax.sum B=2 K=4 C=3 -> [2 4]
			  O[B][K] 16/8 bits
			  I[B][C][K] 8 bits from 1 y-exp
			  W 0 bits constant
			3 s-div/ Softmax.div B=2 K=4 C=3 -> [2 3 4]
			  O[B][C][K] 16/8 bits
			  I[B][C][K] 8 bits from 1 y-exp
			  W[B][K] 8 bits from 2 y-sum
			4 r Relu B=2 D=3 K=4 -> [2 3 4]
			  O[B][D][K] 16/8 bits
			  I[B][D][K] 8 bits from 3 y
			  W 0 bits constant
			outputs [4]
			`},
		{"what is folded, and what is not", `
			input x 1x3x4x4
			init w 3x3x1x1
			init s 3
			init l scalar
			a: c = Conv(x, w)
			b: n = BatchNormalization(c, s, s, s, s)
			c: r = Clip(n, l, )
			d: m = BatchNormalization(r, s, s, s, s)
			e: t = Relu(m)
			f: u = Sigmoid(t)
			g: v = Mul(t, u)
			h: f = Flatten(v)
			i: q = Relu(f)
			output q`, fold, `
			0 a Conv B=1 K=3 G=1 OX=4 OY=4 C=3 FX=1 FY=1 -> [1 3 4 4]
			  IX = 1*OX + 1*FX, padded 0 and 0, of 4
			  IY = 1*OY + 1*FY, padded 0 and 0, of 4
			  O[B][G K][OY][OX] 16/8 bits
			  W[G K][C][FY][FX] 8 bits constant w
			  I[B][G C][IY][IX] 8 bits from input x
			  + BatchNormalization b
			  + Clip c
			3 d BatchNormalization B=1 H=3 D=4 K=4 -> [1 3 4 4]
			  O[B][H][D][K] 16/8 bits
			  I[B][H][D][K] 8 bits from 0 r
			  W[H] 16 bits constant s
			  + Relu e
			5 f Sigmoid B=1 H=3 D=4 K=4 -> [1 3 4 4]
			  O[B][H][D][K] 16/8 bits
			  I[B][H][D][K] 8 bits from 3 t
			  W 0 bits constant
			6 g Mul B=1 H=3 D=4 K=4 -> [1 3 4 4]
			  O[B][H][D][K] 16/8 bits
			  I[B][H][D][K] 8 bits from 5 u
			  W[B][H][D][K] 8 bits from 3 t
			  + Relu i
			outputs [3]
			`},
		{"nothing is folded into a result that is used elsewhere", `
			input x 1x3
			init w 3x3
			init s 3
			a: c = Gemm(x, w)
			b: n = BatchNormalization(c, s, s, s, s)
			d: r = Relu(n)
			output c
			output n
			output r`, fold, `
			0 a Gemm C=3 D=1 K=3 -> [1 3]
			  O[D][K] 16/8 bits
			  I[D][C] 8 bits from input x
			  W[C][K] 8 bits constant w
			1 b BatchNormalization D=1 K=3 -> [1 3]
			  O[D][K] 16/8 bits
			  I[D][K] 8 bits from 0 c
			  W[K] 16 bits constant s
			2 d Relu D=1 K=3 -> [1 3]
			  O[D][K] 16/8 bits
			  I[D][K] 8 bits from 1 n
			  W 0 bits constant
			outputs [0 1 2]
			`},
		{"movements, numbers and names", `
			input x 2x3x4
			init w 12x5
			k = Constant() value_ints=2,12
			r = Relu(x)
			a: y = Transpose(r) perm=0,2,1
			a: z = Reshape(y, k)
			i = Identity(z)
			a: d, mask = Dropout(i)
			Relu0: u = MatMul(d, w)
			q = Unsqueeze(u) axes=0,
			output q`, onnx.Options{}, `
			0 Relu0_2 Relu B=2 D=3 K=4 -> [2 3 4]
			  O[B][D][K] 16/8 bits
			  I[B][D][K] 8 bits from input x
			  W 0 bits constant
			5 Relu0 MatMul C=12 D=2 K=5 -> [2 5]
			  O[D][K] 16/8 bits
			  I[D][C] 8 bits from 0 d via 1 a transpose[2 4 3] perm [0 2 1] via 2 a_2 reshape[2 12] via 3 Identity3 same[2 12] via 4 a_3 same[2 12]
			  W[C][K] 8 bits constant w
			outputs [1]
			`},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, err := onnx.Workload(parse(t, c.model), c.options)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(outdent(c.want), describe(w)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if w.Name != "test" {
				t.Errorf("the workload is called %q", w.Name)
			}
		})
	}
}

// TestFoldingKeepsNumbers checks that a layer has the same number with and without folding.
func TestFoldingKeepsNumbers(t *testing.T) {
	m := parse(t, `
		input x 1x3x8x8
		init w 3x3x1x1
		init s 3
		a: y1 = Conv(x, w)
		b: y2 = BatchNormalization(y1, s, s, s, s)
		c: y3 = Relu(y2)
		d: y4 = Softmax(y3)
		e: y5 = Conv(y4, w)
		f: y6 = HardSwish(y5)
		g: y7 = Add(y6, x)`)
	want := map[string]int{"a": 0, "c": 2, "d-max/": 3, "d-exp/": 4, "d-sum/": 5, "d-div/": 6, "e": 7, "f": 8, "g": 9}
	for _, fold := range []bool{false, true} {
		w, err := onnx.Workload(m, onnx.Options{FoldActivations: fold})
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]int{}
		for _, l := range w.Layers {
			got[l.Name] = l.ID
			for _, f := range l.Folded {
				if _, name, _ := strings.Cut(f, " "); name == "c" || name == "f" {
					got[name] = want[name] // it has no layer of its own
				}
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("fold=%t (-want +got):\n%s", fold, diff)
		}
	}
}

func TestWorkloadNotes(t *testing.T) {
	w, err := onnx.Workload(parse(t, "input x Nx3\n y = Relu(x)"), onnx.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(w.Notes) != 1 || !strings.Contains(w.Notes[0], "is taken as 1") {
		t.Errorf("notes %q, want one on the batch size", w.Notes)
	}
}

func TestWorkloadProblems(t *testing.T) {
	for _, c := range []struct {
		model string
		want  []string
	}{
		{"input x 1x3\n a: y = Unheard(x)\n b: z = Relu(y)\n c: u = com.example.Conv(z, x)\n d: v = Unsung(u)", []string{
			`node 0 "a": operator Unheard is not supported`, `node 2 "c": operator com.example.Conv is not supported`, `node 3 "d": operator Unsung is not supported`}},
		{"input x 2x3\n a: y = Gemm(x, x)\n b: z = Unheard(x)", []string{
			`node "a" (Gemm): the inner sizes 3 and 2`, `node 1 "b": operator Unheard is not supported`}},
		{"input x 1x1x1x2x3x3\n init w 2x1x1x1x1x1\n a: y = Conv(x, w)", []string{`node 0 "a" (Conv): windows over 4 spatial dimensions are not supported`}},
		{"input x 2x3\n input l scalar\n a: y = Shrink(x, l)", []string{`its parameter "l" is not a constant`}},
		{"input x 1x8\n input r 1x8\n a: y, h = LSTM(x, r, r)", []string{`node "a" (LSTM): its input is 1x8, its weights 1x8 and 1x8`}},
		{"input x 1x8\n input c scalar\n a: y = If(c)", []string{`operator If is not supported: its condition is not a constant`}},
		{"input x 1x8\n a: y = NonZero(x)", []string{`node "a" (NonZero): the shape of its result depends on values that only the running network knows`}},
		{"input x 2x3\n input s 2\n value y 3x2\n a: y = Reshape(x, s)\n b: z = Relu(y)", []string{`its parameter "s" is not a constant`}},
		{"input x 1x4x4\n init s 4\n a: y, m, v = LayerNormalization(x, s, s)\n b: z = Relu(v)", []string{`its output "v" is used, which is not supported`}},
		{"input x 2x3\n init w 3x4\n a: y = Gemm(x, w) act_size=-8", []string{`act_size is -8 bits`}},
		{"input x 1048576x1048576\n a: y = MatMul(x, x)", []string{`its loop nest has more than 9007199254740992 operations`}},
		{"input x 2x3\n y = Identity(x)\n output y", []string{"the model has no operator that computes"}},
		{"", []string{"the model has no operator that computes"}},
	} {
		_, err := onnx.Workload(parse(t, c.model), onnx.Options{FoldActivations: true})
		for i, p := range checkProblems(t, c.model, err, c.want) {
			if strings.Contains(p.Message, "operator ") && strings.HasSuffix(p.Message, "is not supported") && i == 0 && !strings.Contains(p.Allowed, "Conv, ConvInteger") {
				t.Errorf("%s\nallows %q, want the supported operators", c.model, p.Allowed)
			}
		}
	}
}
