package yamlschema

import "github.com/invopop/jsonschema"

// Names of things that several files use.
type (
	loopDim     string // a loop dimension such as B, K, C, G, OY, OX, FY or FX
	arrayDim    string // a dimension of the array of processing elements: D1, D2, ...
	operandName string
	portDuty    string
	unrolling   string
	cut         string
	spread      string
	coreIDs     struct{}
	word        string // text, or a number or truth value that is taken as text
)

func pattern(p, about string) *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: p, Description: about}
}

func oneOf(values ...any) *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Enum: values}
}

// JSONSchema is that of a loop dimension.
func (loopDim) JSONSchema() *jsonschema.Schema {
	return pattern(`^[A-Z]+[0-9]*$`, "A loop dimension such as B, K, C, G, OY, OX, FY or FX")
}

// JSONSchema is that of an array dimension.
func (arrayDim) JSONSchema() *jsonschema.Schema {
	return pattern(`^D[0-9]+$`, "A dimension of the array of processing elements")
}

// JSONSchema is that of a memory operand.
func (operandName) JSONSchema() *jsonschema.Schema { return oneOf("I1", "I2", "O") }

// JSONSchema is that of a duty of a port.
func (portDuty) JSONSchema() *jsonschema.Schema {
	return pattern(`^\s*(I1|I2|O)\s*,\s*(tl|fl|th|fh)\s*$`, "An operand and a direction: to or from the lower level, to or from the higher one (tl, fl, th, fh)")
}

// JSONSchema is that of an unrolled loop.
func (unrolling) JSONSchema() *jsonschema.Schema {
	return pattern(`^\s*[A-Z]+[0-9]*\s*,\s*[1-9][0-9]*\s*$`, `A loop dimension and a factor, such as "K, 32"`)
}

// JSONSchema is that of a tiling within a core.
func (cut) JSONSchema() *jsonschema.Schema {
	return pattern(`^\s*[A-Z]+[0-9]*\s*,\s*([1-9][0-9]*|all)\s*$`, `A loop dimension and a number of tiles, or all: "OY, 4"`)
}

// JSONSchema is that of a tiling over cores.
func (spread) JSONSchema() *jsonschema.Schema {
	return pattern(`^\s*[A-Z]+[0-9]*\s*,\s*([1-9][0-9]*|all|\*)\s*$`, `A loop dimension and a number of parts, all, or * for as many as help: "K, 4"`)
}

// JSONSchema is that of a list of cores.
func (coreIDs) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{
		{Type: "string", Pattern: `^\s*[0-9]+(\s*,\s*[0-9]+)+\s*$`, Description: `Core ids, such as "0, 1"`},
		{Type: "array", Items: &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "integer"}, {Type: "string", Pattern: `^[0-9]+$`}}}},
	}}
}

// JSONSchema is that of a text.
func (word) JSONSchema() *jsonschema.Schema { return text() }

func text() *jsonschema.Schema {
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "string", MinLength: new(uint64(1))}, {Type: "number"}, {Type: "boolean"}}}
}

// either is a value of one of several types.
func either(types ...any) *jsonschema.Schema {
	s := &jsonschema.Schema{}
	for _, t := range types {
		s.AnyOf = append(s.AnyOf, &jsonschema.Schema{Ref: "#/$defs/" + nameOf(t)})
	}
	return s
}
