package onnx

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Sequences of tensors and optional values are no tensors. Where it is known which
// tensors they hold, as it is in an exported network without loops, the operators
// that take them apart are replaced by ones that read the tensors.

// sequence replaces an operator on a sequence; false if it is none, or its sequence
// is not known.
func (in *inference) sequence(n *Node, depth int) bool {
	if n.Domain != "" && n.Domain != "ai.onnx" || len(n.Outputs) == 0 {
		return false
	}
	var first []string
	known := false
	if len(n.Inputs) > 0 {
		first, known = in.sequences[n.Inputs[0]]
	}
	var nodes []Node
	var err error
	switch n.OpType {
	case "SequenceEmpty":
		in.sequences[n.Outputs[0]] = nil
		return true
	case "SequenceConstruct":
		err = in.remember(n.Outputs[0], slices.Clone(n.Inputs))
	case "SplitToSequence":
		nodes, err = in.splitToSequence(n)
	case "Optional", "OptionalGetElement", "Identity", "OptionalHasElement":
		if n.OpType == "OptionalHasElement" && (known || len(n.Inputs) > 0 && in.values[n.Inputs[0]].known) {
			one := &Tensor{Type: Bool, Dims: []int64{}, Ints: []int64{1}}
			nodes = append(nodes, Node{OpType: "Constant", Outputs: n.Outputs[:1], Attributes: []Attribute{{Name: "value", Type: AttributeTensor, Tensor: one}}})
			break
		}
		if known {
			in.sequences[n.Outputs[0]] = first
			return true
		}
		if n.OpType == "Identity" || len(n.Inputs) == 0 || !in.values[n.Inputs[0]].known {
			return false
		}
		nodes = append(nodes, Node{OpType: "Identity", Inputs: n.Inputs[:1], Outputs: n.Outputs[:1]})
	default:
		if !known {
			return false
		}
		nodes, err = in.ofSequence(n, first)
	}
	if err != nil {
		in.problem(fmt.Sprintf("node %q (%s): %v", in.names.name(n, in.next), n.OpType, err), "", "")
		return true
	}
	for i := range nodes {
		nodes[i].Name = n.Name
		if len(nodes) > 1 && n.Name != "" && i < len(nodes)-1 {
			nodes[i].Name = fmt.Sprintf("%s/%d", n.Name, i)
		}
	}
	in.walk(nodes, depth+1)
	return true
}

// maxSequenced is the number of tensors of all sequences together that are kept.
const maxSequenced = 1 << 18

// remember keeps the tensors of a sequence.
func (in *inference) remember(name string, tensors []string) error {
	if err := in.afford(len(tensors)); err != nil {
		return err
	}
	in.sequences[name] = tensors
	return nil
}

// afford counts the tensors of sequences.
func (in *inference) afford(n int) error {
	if in.sequenced += n; in.sequenced > maxSequenced {
		return fmt.Errorf("the sequences of the model hold more than %d tensors", maxSequenced)
	}
	return nil
}

// ofSequence are the nodes in place of an operator on a known sequence.
func (in *inference) ofSequence(n *Node, tensors []string) ([]Node, error) {
	// place is the position that input i says, or the given one if it is left out.
	place := func(i, otherwise, size int) (int, error) {
		if i >= len(n.Inputs) || n.Inputs[i] == "" {
			return otherwise, nil
		}
		v := in.values[n.Inputs[i]].value
		if len(v) != 1 {
			return 0, errors.New("its position is not a constant of the model")
		}
		p, err := at(toInt(v[0]), int64(size))
		return int(p), err
	}
	switch n.OpType {
	case "SequenceInsert":
		if len(n.Inputs) < 2 {
			return nil, errors.New("its tensor is left out")
		}
		p, err := place(2, len(tensors), len(tensors)+1)
		if err == nil {
			err = in.remember(n.Outputs[0], slices.Insert(slices.Clone(tensors), p, n.Inputs[1]))
		}
		return nil, err
	case "SequenceErase":
		p, err := place(1, len(tensors)-1, len(tensors))
		if err == nil && len(tensors) == 0 {
			err = errors.New("its sequence is empty")
		}
		if err == nil {
			err = in.remember(n.Outputs[0], slices.Delete(slices.Clone(tensors), p, p+1))
		}
		return nil, err
	case "SequenceAt":
		p, err := place(1, 0, len(tensors))
		if err != nil || len(tensors) == 0 {
			return nil, errors.Join(err, errors.New("its sequence has no such position"))
		}
		return []Node{{OpType: "Identity", Inputs: []string{tensors[p]}, Outputs: n.Outputs[:1]}}, nil
	case "SequenceLength":
		length := &Tensor{Type: Int64, Dims: []int64{}, Ints: []int64{int64(len(tensors))}}
		return []Node{{OpType: "Constant", Outputs: n.Outputs[:1], Attributes: []Attribute{{Name: "value", Type: AttributeTensor, Tensor: length}}}}, nil
	case "ConcatFromSequence":
		if len(tensors) == 0 {
			return nil, errors.New("its sequence is empty")
		}
		if err := in.afford(len(tensors)); err != nil {
			return nil, err
		}
		axis := Attribute{Name: "axis", Type: AttributeInt, Int: n.Int("axis", 0)}
		var nodes []Node
		if n.Int("new_axis", 0) != 0 {
			tensors = slices.Clone(tensors)
			for i, t := range tensors {
				tensors[i] = fmt.Sprintf("%s/%d", n.Outputs[0], i)
				nodes = append(nodes, in.reshaping("Unsqueeze", t, tensors[i], axis.Int))
			}
		}
		return append(nodes, Node{OpType: "Concat", Inputs: tensors, Outputs: n.Outputs[:1], Attributes: []Attribute{axis}}), nil
	}
	return nil, errors.New("what it does with a sequence is not supported")
}

// splitToSequence is a Split, each of whose outputs is a tensor of the sequence.
func (in *inference) splitToSequence(n *Node) ([]Node, error) {
	if len(n.Inputs) == 0 || !in.values[n.Inputs[0]].known {
		return nil, errors.New("its input is not known")
	}
	shape := in.values[n.Inputs[0]].shape
	a, err := axis(n.Int("axis", 0), len(shape))
	if err != nil {
		return nil, err
	}
	chunk, single := int64(1), true
	var parts []int64
	if len(n.Inputs) > 1 && n.Inputs[1] != "" {
		t := in.values[n.Inputs[1]]
		if t.value == nil {
			return nil, errors.New("the sizes of its parts are not a constant of the model")
		}
		single = false
		if len(t.shape) == 0 {
			chunk = toInt(t.value[0])
		} else {
			for _, v := range t.value {
				parts = append(parts, toInt(v))
			}
		}
	}
	if parts == nil {
		if chunk < 1 || shape[a]/chunk > MaxIntElements {
			return nil, fmt.Errorf("it divides a dimension of %d into parts of %d", shape[a], chunk)
		}
		for left := shape[a]; left > 0; left -= chunk {
			parts = append(parts, min(chunk, left))
		}
	}
	split := Node{OpType: "Split", Inputs: []string{n.Inputs[0]}, Attributes: []Attribute{{Name: "axis", Type: AttributeInt, Int: int64(a)}}}
	if in.opset < 13 {
		split.Attributes = append(split.Attributes, Attribute{Name: "split", Type: AttributeInts, Ints: parts})
	} else {
		split.Inputs = append(split.Inputs, in.stored(n.Outputs[0]+"/sizes", parts))
	}
	nodes := []Node{split}
	var list []string
	for i := range parts {
		name := fmt.Sprintf("%s/%d", n.Outputs[0], i)
		nodes[0].Outputs = append(nodes[0].Outputs, name)
		if single && n.Int("keepdims", 1) == 0 {
			nodes = append(nodes, in.reshaping("Squeeze", name, name+"/squeezed", int64(a)))
			name += "/squeezed"
		}
		list = append(list, name)
	}
	return nodes, in.remember(n.Outputs[0], list)
}

// stored adds a constant list of integers to the model.
func (in *inference) stored(name string, values []int64) string {
	t := Tensor{Name: name, Type: Int64, Dims: []int64{int64(len(values))}, Ints: values}
	in.initializers = append(in.initializers, t)
	in.initializer(&t)
	return name
}

// reshaping is a Squeeze or Unsqueeze of one axis.
func (in *inference) reshaping(op, from, to string, axis int64) Node {
	n := Node{OpType: op, Inputs: []string{from}, Outputs: []string{to}}
	if in.opset < 13 {
		n.Attributes = []Attribute{{Name: "axes", Type: AttributeInts, Ints: []int64{axis}}}
	} else {
		n.Inputs = append(n.Inputs, in.stored(to+"/axes", []int64{axis}))
	}
	return n
}

// The largest number of operands of an Einsum of more than two, and of those of all
// such nodes of a model.
const (
	maxContracted = 64
	maxOperands   = 4096
)

// contraction replaces an Einsum of more than two operands by a chain of ones of
// two, from the left to the right.
func (in *inference) contraction(n *Node, depth int) bool {
	if n.OpType != "Einsum" || n.Domain != "" && n.Domain != "ai.onnx" || len(n.Inputs) < 3 || len(n.Inputs) > maxContracted || len(n.Outputs) == 0 {
		return false
	}
	c := &call{Node: n, opset: in.opset}
	for _, input := range n.Inputs {
		c.in = append(c.in, in.values[input])
		if !in.values[input].known {
			return false
		}
	}
	e, err := c.einsum()
	if err != nil {
		return false // reported where the shape is asked for
	}
	if in.contracted += len(e.operands); in.contracted > maxOperands {
		return false
	}
	text := e.lettered()
	var nodes []Node
	from, letters := n.Inputs[0], text[0]
	last := len(e.operands) - 1
	for i := 1; i <= last; i++ {
		to, result := n.Outputs[0], text[last+1]
		if i < last {
			to, result = fmt.Sprintf("%s/%d", n.Outputs[0], i), ""
			for _, r := range letters + text[i] {
				if !strings.ContainsRune(result, r) && strings.ContainsRune(strings.Join(text[i+1:], ""), r) {
					result += string(r)
				}
			}
		}
		node := Node{Name: n.Name, OpType: "Einsum", Inputs: []string{from, n.Inputs[i]}, Outputs: []string{to},
			Attributes: []Attribute{{Name: "equation", Type: AttributeString, String: letters + "," + text[i] + "->" + result}}}
		if n.Name != "" && i < last {
			node.Name = fmt.Sprintf("%s/%d", n.Name, i)
		}
		nodes = append(nodes, node)
		from, letters = to, result
	}
	in.walk(nodes, depth+1)
	return true
}

// sequenceOperators are replaced before they are asked for anything; a sequence that
// is not known remains.
func sequenceOperators() map[string]operator {
	unknown := func(*call) ([]tensor, error) {
		return nil, errors.New("which tensors its sequence or optional value holds is not known")
	}
	table := map[string]operator{}
	for name, doc := range map[string]string{
		"SequenceEmpty": "a list of tensors", "SequenceConstruct": "a list of tensors", "SequenceInsert": "a list of tensors; the position is a constant",
		"SequenceErase": "a list of tensors; the position is a constant", "SequenceAt": "the tensor at a constant position", "SequenceLength": "a constant",
		"ConcatFromSequence": "Concat of the tensors, after an Unsqueeze of each for a new axis", "SplitToSequence": "Split, and a Squeeze of each part without keepdims",
		"Optional": "transparent", "OptionalGetElement": "transparent", "OptionalHasElement": "a constant: true",
	} {
		table[name] = operator{group: "Sequences", infer: unknown, doc: doc}
	}
	return table
}
