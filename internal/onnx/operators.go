package onnx

import (
	"maps"
	"slices"
	"strings"
)

// operator is all that this package knows of an ONNX operator. A new one is one
// entry in the table of its family.
type operator struct {
	group  string // heading in the documentation
	doc    string // how it is modelled, for the documentation
	inputs int    // number of inputs that must be there
	// ids is how many numbers a node may take (see workload.Layer.ID), 1 if nil.
	ids func(*call) int
	// infer gives the outputs of a node whose inputs are known.
	infer func(*call) ([]tensor, error)
	// fold computes the elements of the outputs, if all inputs' are known; nil if
	// nobody needs them.
	fold func(*call, []tensor)
	// lower adds the layers or the data movement of a node to the workload; nil for
	// operators that make constants.
	lower func(*lowering, *part) error
	// keeps tells that constants that pass stay the tensor that the model stores.
	keeps bool
	// elementwise operators mean the same in every domain.
	elementwise bool
}

// operators is the table; nothing writes to it. Operators of the domain of ONNX
// Runtime have its name in front.
var operators = table()

func table() map[string]operator {
	all := map[string]operator{}
	for _, family := range []map[string]operator{
		windowOperators(), matrixOperators(), attentionOperators(), normalisationOperators(), reductionOperators(),
		elementwiseOperators(), resizeOperators(), quantisedOperators(), movementOperators(), pickingOperators(), samplingOperators(), recurrentOperators(), sequenceOperators(), runtimeOperators(), constantOperators(),
	} {
		maps.Copy(all, family)
	}
	for _, name := range []string{"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Identity", "Cast", "CastLike", "DequantizeLinear"} {
		op := all[name]
		op.keeps = true
		all[name] = op
	}
	return all
}

// lookup finds the operator of a node. Operators of other domains than ONNX's own
// and ONNX Runtime's are known only if they are element-wise: they may lay out
// tensors differently.
func lookup(n *Node) (operator, bool) {
	if n.Domain == "" || n.Domain == "ai.onnx" {
		op, ok := operators[n.OpType]
		return op, ok
	}
	if op, ok := operators[n.Domain+"."+n.OpType]; ok {
		return op, true
	}
	op, ok := operators[n.OpType]
	return op, ok && op.elementwise
}

// refusals says why operators of ONNX's own cannot become layers.
func refusals() map[string]string {
	const text = "text is not computed on an accelerator; cut the model behind it"
	const loop = "how often its body runs is not known before the network does; export the model with the loop unrolled"
	const loss = "a loss is for training; export the model for inference"
	return map[string]string{
		"If":   "its condition is not a constant, so which branch runs is not known before the network does",
		"Loop": loop, "Scan": loop, "SequenceMap": loop,
		"NonMaxSuppression": errDepends.Error(), "Unique": errDepends.Error(),
		"StringNormalizer": text, "StringConcat": text, "StringSplit": text, "RegexFullMatch": text, "TfIdfVectorizer": text,
		"ImageDecoder":              "a compressed image is not decoded on an accelerator; cut the model behind it",
		"NegativeLogLikelihoodLoss": loss, "SoftmaxCrossEntropyLoss": loss,
	}
}

// refused says why an operator cannot become layers, "" if it is just not known.
func refused(n *Node) string {
	if n.Domain != "" && n.Domain != "ai.onnx" {
		return ""
	}
	return refusals()[n.OpType]
}

// idsOf is how many numbers a node takes.
func idsOf(c *call) int {
	if op, ok := lookup(c.Node); ok && op.ids != nil {
		return op.ids(c)
	}
	return 1
}

// Supported lists the operators that can become a workload.
func Supported() []string { return slices.Sorted(maps.Keys(operators)) }

func supportedList() string { return strings.Join(Supported(), ", ") }
