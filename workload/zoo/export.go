package zoo

import (
	"slices"

	"streamdse/internal/onnx"
)

// Export is the network of the given name as an ONNX file. In place of stored
// weights it has nodes that generate tensors of zeros, so that a file of some
// kilobytes is complete: any tool can check, load and even run it.
func Export(name string) ([]byte, error) {
	m, err := Model(name)
	if err != nil {
		return nil, err
	}
	return Encode(m), nil
}

// Encode is a model that this package has built as an ONNX file, as Export writes it.
func Encode(m *onnx.Model) []byte {
	c := *m
	g := &c.Graph
	g.Initializers, g.Nodes, g.Values = nil, nil, slices.Clone(m.Graph.Values)
	for _, t := range m.Graph.Initializers {
		if t.Ints != nil { // not a weight
			g.Initializers = append(g.Initializers, t)
			continue
		}
		shape := onnx.Tensor{
			Name: t.Name + ".shape", Type: onnx.Int64, Dims: []int64{int64(len(t.Dims))}, Ints: t.Dims,
		}
		g.Initializers = append(g.Initializers, shape)
		g.Nodes = append(g.Nodes, onnx.Node{
			Name: t.Name, OpType: "ConstantOfShape", Inputs: []string{shape.Name}, Outputs: []string{t.Name},
		})
		v := onnx.ValueInfo{Name: t.Name, Type: t.Type, Shape: make([]onnx.Dim, len(t.Dims))}
		for i, d := range t.Dims {
			v.Shape[i] = onnx.Dim{Value: d, Known: true}
		}
		g.Values = append(g.Values, v)
	}
	g.Nodes = append(g.Nodes, m.Graph.Nodes...)
	return onnx.Write(&c)
}
