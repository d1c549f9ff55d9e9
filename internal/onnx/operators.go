package onnx

import (
	"slices"
	"strings"
)

// operator is all that this package knows of an ONNX operator. A new one is one
// entry in the table below.
type operator struct {
	inputs int // number of inputs that must be there
	// ids is how many numbers a node takes; see workload.Layer.ID.
	ids int
	// infer gives the outputs of a node whose inputs are known.
	infer func(*call) ([]tensor, error)
	// lower adds the layers or the data movement of a node to the workload; nil
	// for a constant.
	lower func(*lowering, *part) error
	// elementwise operators mean the same in every domain.
	elementwise bool
}

// Kinds of operators that many entries of the table share.
func unary() operator      { return operator{1, 1, sameAsFirst, lowerUnary, true} }
func activation() operator { return operator{1, 1, sameAsFirst, lowerActivation, true} }
func twoInputs() operator  { return operator{2, 1, broadcastAll, lowerBinary, true} }

// operators is the table; nothing writes to it.
var operators = map[string]operator{
	"Conv":   {2, 1, inferConv, lowerConv, false},
	"Gemm":   {2, 1, inferGemm, lowerGemm, false},
	"MatMul": {2, 1, inferMatMul, lowerMatMul, false},

	"MaxPool":           {1, 1, inferPool, lowerPool, false},
	"AveragePool":       {1, 1, inferPool, lowerPool, false},
	"GlobalAveragePool": {1, 1, inferPool, lowerPool, false},
	"GlobalMaxPool":     {1, 1, inferPool, lowerPool, false},

	"BatchNormalization": {5, 1, inferBatchNorm, lowerBatchNorm, false},
	"Softmax":            {1, 4, inferSoftmax, lowerSoftmax, false},

	"Add": twoInputs(), "Sub": twoInputs(), "Mul": twoInputs(), "Div": twoInputs(), "Pow": twoInputs(),

	"Relu": activation(), "LeakyRelu": activation(), "PRelu": activation(), "Clip": activation(),
	"Sigmoid": activation(), "HardSigmoid": activation(), "Tanh": activation(),
	"Gelu": activation(), "Silu": activation(), "Swish": activation(), "HardSwish": activation(),
	"Mish": activation(), "Elu": activation(), "Selu": activation(), "Celu": activation(), "Softplus": activation(),

	"Exp": unary(), "Log": unary(), "Sqrt": unary(), "Reciprocal": unary(), "Abs": unary(), "Neg": unary(), "Erf": unary(),

	"Reshape":   {1, 1, inferReshape, lowerReshape, false},
	"Flatten":   {1, 1, inferFlatten, lowerReshape, false},
	"Squeeze":   {1, 1, inferSqueeze, lowerReshape, false},
	"Unsqueeze": {1, 1, inferUnsqueeze, lowerReshape, false},
	"Transpose": {1, 1, inferTranspose, lowerTranspose, false},
	"Identity":  {1, 1, inferIdentity, lowerTransparent, false},
	"Dropout":   {1, 1, inferDropout, lowerTransparent, false},
	"Cast":      {1, 1, inferCast, lowerTransparent, false},

	"Constant": {0, 0, inferConstant, nil, false},
}

// lookup finds the operator of a node. Operators of other domains than ONNX's own
// are known only if they are element-wise: they may lay out tensors differently.
func lookup(n *Node) (operator, bool) {
	op, ok := operators[n.OpType]
	if !ok || (n.Domain != "" && n.Domain != "ai.onnx" && !op.elementwise) {
		return operator{}, false
	}
	return op, true
}

// idsOf is how many numbers a node takes.
func idsOf(n *Node) int {
	if op, ok := lookup(n); ok {
		return op.ids
	}
	return 1
}

// Supported lists the operators that can become a workload.
func Supported() []string {
	names := make([]string, 0, len(operators))
	for name := range operators {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func supportedList() string { return strings.Join(Supported(), ", ") }
