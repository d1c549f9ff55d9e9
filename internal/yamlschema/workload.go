package yamlschema

// Layer is a layer as a loop nest.
type Layer struct {
	// A number of its own.
	ID int `json:"id" jsonschema:"minimum=0"`
	// Layer0, ... if left out.
	Name word `json:"name,omitempty"`
	// Conv, Gemm, Add, Pooling, ...
	Operator string `json:"operator_type" jsonschema:"pattern=^[A-Za-z][A-Za-z0-9_]*$"`
	// What one iteration does, such as O[b][k]+=W[k][c]*I[b][c].
	Equation word `json:"equation"`
	// Indices that follow from two loops, such as iy=2*oy+1*fy.
	Relations []word `json:"dimension_relations,omitempty"`
	// The loops.
	Dims []word `json:"loop_dims"`
	// Their sizes.
	Sizes []int `json:"loop_sizes"`
	// Bits of an element: O of a partial sum, O_final of an output, and of the inputs that the equation names.
	Precision map[string]int `json:"operand_precision"`
	// The layer whose output an input is; its own for a constant.
	Source map[string]int `json:"operand_source,omitempty"`
	// Operands that are constants.
	Constants []word `json:"constant_operands,omitempty"`
	// Indices that follow from two loops.
	PRDims []word `json:"pr_loop_dims,omitempty"`
	// Their sizes in the real tensor.
	PRSizes []int `json:"pr_loop_sizes,omitempty"`
	// What windows cover beside it, before and after.
	Padding [][]int `json:"padding,omitempty"`
}
