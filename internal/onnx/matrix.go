package onnx

import (
	"errors"
	"fmt"
	"slices"

	"streamdse/unit"
	"streamdse/workload"
)

func inferGemm(c *call) ([]tensor, error) {
	a, b := c.in[0].shape, c.in[1].shape
	if len(a) != 2 || len(b) != 2 {
		return nil, fmt.Errorf("its operands are %s and %s, not matrices", shapeString(a), shapeString(b))
	}
	m, ka, kb, n := a[0], a[1], b[0], b[1]
	if c.Int("transA", 0) != 0 {
		m, ka = ka, m
	}
	if c.Int("transB", 0) != 0 {
		kb, n = n, kb
	}
	if ka != kb {
		return nil, fmt.Errorf("the inner sizes %d and %d of %s and %s differ", ka, kb, shapeString(a), shapeString(b))
	}
	if bias := c.input(2); !bias.absent {
		if s, err := broadcast([]int64{m, n}, bias.shape); err != nil || !slices.Equal(s, []int64{m, n}) {
			return nil, fmt.Errorf("its bias %s does not broadcast to %dx%d", shapeString(bias.shape), m, n)
		}
	}
	return one(m, n), nil
}

// productShape is the shape of a batched matrix product.
func productShape(a, b []int64) ([]int64, error) {
	if len(a) == 0 || len(b) == 0 {
		return nil, errors.New("one of its operands is a scalar")
	}
	ka, kb := a[len(a)-1], b[max(0, len(b)-2)]
	if ka != kb {
		return nil, fmt.Errorf("the inner sizes %d and %d of %s and %s differ", ka, kb, shapeString(a), shapeString(b))
	}
	out, err := broadcast(a[:max(0, len(a)-2)], b[:max(0, len(b)-2)])
	if err != nil {
		return nil, err
	}
	if len(a) > 1 {
		out = append(out, a[len(a)-2])
	}
	if len(b) > 1 {
		out = append(out, b[len(b)-1])
	}
	return out, nil
}

// inferProduct is for products of inputs a and b with a result of the given type.
func inferProduct(a, b int, typ func(*call) DataType) func(*call) ([]tensor, error) {
	return func(c *call) ([]tensor, error) {
		shape, err := productShape(c.in[a].shape, c.in[b].shape)
		if err != nil {
			return nil, err
		}
		return []tensor{{known: true, typ: typ(c), shape: shape}}, nil
	}
}

// matrices says which inputs of a node are the factors and the bias of a Gemm.
type matrices struct{ a, b, bias int }

// lower: O[d][k] += I[d][c] * W[c][k]. A constant operand is laid out as the
// equation has it, a computed one as its producer wrote it. A bias that is
// computed is added by a layer of its own.
func (m matrices) lower(l *lowering, p *part) error {
	a, b := p.in[m.a].shape, p.in[m.b].shape
	d, c, k := a[0], a[1], b[1]
	in, weights := [][]workload.Dim{ax("D"), ax("C")}, [][]workload.Dim{ax("C"), ax("K")}
	if p.Int("transA", 0) != 0 {
		d, c = c, d
		if !p.constant(m.a) {
			in = [][]workload.Dim{ax("C"), ax("D")}
		}
	}
	if p.Int("transB", 0) != 0 {
		k = b[0]
		if !p.constant(m.b) {
			weights = [][]workload.Dim{ax("K"), ax("C")}
		}
	}
	own, err := p.ownPrecision()
	if err != nil {
		return err
	}
	n := nest{
		kind: "Gemm", dims: loops(loop("C", c), loop("D", d), loop("K", k)), out: [][]workload.Dim{ax("D"), ax("K")}, shape: p.shape, own: own,
		ins: []reading{reads("I", p.value(m.a), in...), reads("W", p.value(m.b), weights...)},
	}
	if p.has(m.bias) && !p.constant(m.bias) {
		n.part = "product"
		v, err := l.layer(p, n)
		if err == nil {
			v, err = l.binary(p, "bias", "Add", v, p.value(m.bias))
		}
		if err == nil {
			l.bind(p, 0, v)
		}
		return err
	}
	return l.result(p, n)
}

func lowerMatMul(l *lowering, p *part) error {
	own, err := p.ownPrecision()
	if err != nil {
		return err
	}
	v, err := l.product(p, "", p.value(0), p.value(1), own)
	if err == nil {
		l.bind(p, 0, v)
	}
	return err
}

// batchNames names batch axes, the outermost first: B, H, and ones with a number
// between them where there are more.
func batchNames(n int) []workload.Dim {
	if n <= 2 {
		return []workload.Dim{"B", "H"}[:n]
	}
	return append(append([]workload.Dim{"B"}, numbered("B", n-2)...), "H")
}

func numbered(name string, n int) []workload.Dim {
	list := make([]workload.Dim, n)
	for i := range list {
		list[i] = workload.Dim(fmt.Sprintf("%s%d", name, i+1))
	}
	return list
}

// product: O[b][h][d][k] += I[b][h][d][c] * W[b][h][c][k], without the batch axes
// that a tensor lacks or whose single element is broadcast.
func (l *lowering) product(p *part, part string, x, y val, own Precision) (val, error) {
	a, b := x.shape, y.shape
	shape, err := productShape(a, b)
	if err != nil {
		return val{}, err
	}
	d, k := int64(1), int64(1)
	var rows, cols [][]workload.Dim // a vector has no axis for them
	if len(a) > 1 {
		d, rows = a[len(a)-2], [][]workload.Dim{ax("D")}
	}
	if len(b) > 1 {
		k, cols = b[len(b)-1], [][]workload.Dim{ax("K")}
	}
	batch := shape[:len(shape)-len(rows)-len(cols)]
	names := batchNames(len(batch))
	dims := loops(loop("C", a[len(a)-1]), loop("D", d), loop("K", k))
	for i, n := range names {
		dims = append(dims, loop(n, batch[i]))
	}
	out := stretched(names, batch, batch)
	in := append(stretched(names, batch, a[:max(0, len(a)-2)]), append(slices.Clone(rows), ax("C"))...)
	weights := append(stretched(names, batch, b[:max(0, len(b)-2)]), append([][]workload.Dim{ax("C")}, cols...)...)
	return l.layer(p, nest{
		part: part, kind: "MatMul", raw: p.OpType == "MatMulInteger", dims: dims, out: append(append(out, rows...), cols...), shape: shape, own: own,
		ins: []reading{reads("I", x, in...), reads("W", y, weights...)},
	})
}

// stretched names the axes of a tensor that is broadcast to the given shape: its
// last axes are the shape's, and one of size 1 that is stretched has no dimension.
func stretched(names []workload.Dim, to, shape []int64) [][]workload.Dim {
	axes := make([][]workload.Dim, len(shape))
	skip := len(to) - len(shape)
	for i, d := range shape {
		if d == to[skip+i] {
			axes[i] = ax(names[skip+i])
		}
	}
	return axes
}

// fusedShapes are the shapes of the variants of a matrix product that transpose the last two axes of
// their operands.
func (c *call) fusedShapes() (a, b []int64, err error) {
	a, b = c.in[0].shape, c.in[1].shape
	for _, x := range []struct {
		name  string
		shape *[]int64
	}{{"transA", &a}, {"transB", &b}} {
		if c.Int(x.name, 0) != 0 {
			if len(*x.shape) < 2 {
				return nil, nil, fmt.Errorf("%s is set for a tensor of shape %s", x.name, shapeString(*x.shape))
			}
			*x.shape = slices.Clone(*x.shape)
			n := len(*x.shape)
			(*x.shape)[n-1], (*x.shape)[n-2] = (*x.shape)[n-2], (*x.shape)[n-1]
		}
	}
	return a, b, nil
}

func inferFusedMatMul(c *call) ([]tensor, error) {
	a, b, err := c.fusedShapes()
	if err != nil {
		return nil, err
	}
	shape, err := productShape(a, b)
	if err != nil {
		return nil, err
	}
	return one(shape...), nil
}

func lowerFusedMatMul(l *lowering, p *part) error {
	if _, _, err := p.fusedShapes(); err != nil {
		return err
	}
	x, y := p.value(0), p.value(1)
	if p.Int("transA", 0) != 0 {
		x = l.swapped(p, x)
	}
	if p.Int("transB", 0) != 0 {
		y = l.swapped(p, y)
	}
	v, err := l.product(p, "", x, y, Precision{})
	if err == nil {
		l.bind(p, 0, v)
	}
	return err
}

// swapped transposes the last two axes.
func (l *lowering) swapped(p *part, v val) val {
	perm := make([]int, len(v.shape))
	for i := range perm {
		perm[i] = i
	}
	n := len(perm)
	perm[n-1], perm[n-2] = n-2, n-1
	return l.through(p, v, permuted(v.shape, perm))
}

// inferMatMulNBits is for a product with weights of few bits, K of them for each of
// N columns.
func inferMatMulNBits(c *call) ([]tensor, error) {
	a, k, n := c.in[0].shape, c.Int("K", 0), c.Int("N", 0)
	if len(a) == 0 || a[len(a)-1] != k || n < 1 || n > maxDim {
		return nil, fmt.Errorf("its input is %s for K %d and N %d", shapeString(a), k, n)
	}
	return one(append(slices.Clone(a[:len(a)-1]), n)...), nil
}

func lowerMatMulNBits(l *lowering, p *part) error {
	w := p.value(1)
	w.shape = []int64{p.Int("K", 0), p.Int("N", 0)}
	bits := p.Int("bits", 4)
	if bits < 1 || bits > 16 {
		return fmt.Errorf("its weights have %d bits", bits)
	}
	v, err := l.product(p, "", p.value(0), w, Precision{Weight: unit.Bits(bits)})
	if err == nil {
		l.bind(p, 0, v)
	}
	return err
}

// matrixOperators multiply matrices.
func matrixOperators() map[string]operator {
	const group = "Matrix products"
	return map[string]operator{
		"Gemm": {group: group, inputs: 2, infer: inferGemm, lower: matrices{0, 1, 2}.lower, ids: biased(2),
			doc: "`O[d][k] += I[d][c] * W[c][k]`, transA and transB honoured; a constant bias costs nothing, a computed one is added by a layer"},
		"MatMul": {group: group, inputs: 2, infer: inferProduct(0, 1, firstType), lower: lowerMatMul,
			doc: "`O[b][h][d][k] += I[b][h][d][c] * W[b][h][c][k]` with any number of batch dimensions; an operand that is broadcast lacks the dimension"},
		"Einsum": {group: group, inputs: 1, infer: inferEinsum, lower: lowerEinsum, ids: einsumIDs,
			doc: "letters of both operands and of the result become batch loops, letters of both only become C; a letter that only one operand has is summed; a letter twice in one operand takes its diagonal; more than two operands are multiplied from the left to the right, two by two"},
		"com.microsoft.FusedMatMul": {group: group, inputs: 2, infer: inferFusedMatMul, lower: lowerFusedMatMul, ids: several(3),
			doc: "MatMul of operands that may be transposed"},
		"com.microsoft.TransposeMatMul": {group: group, inputs: 2, infer: inferFusedMatMul, lower: lowerFusedMatMul, ids: several(3),
			doc: "MatMul of operands that may be transposed"},
		"com.microsoft.FusedGemm": {group: group, inputs: 2, infer: inferGemm, lower: matrices{0, 1, 2}.lower, ids: biased(2),
			doc: "Gemm; its activation costs nothing"},
		"com.microsoft.MatMulNBits": {group: group, inputs: 2, infer: inferMatMulNBits, lower: lowerMatMulNBits,
			doc: "MatMul with weights of the attribute's bits"},
	}
}

// biased leaves a number for the layer that adds input i, if it is computed.
func biased(i int) func(*call) int {
	return func(c *call) int {
		if b := c.input(i); b.absent || b.constant {
			return 1
		}
		return 2
	}
}
