package nesttest

import (
	"encoding/json"
	"slices"

	"streamdse/hardware"
	"streamdse/unit"
	"streamdse/workload"
)

// Layer is a row that describes a layer.
type Layer struct {
	Dims      []Loop     `json:"dims"`
	Relations []Relation `json:"relations"`
	Operands  []Operand  `json:"operands"`
}

// Loop is a loop dimension with a size: ["K", 32].
type Loop struct {
	Dim  workload.Dim
	Size int
}

// UnmarshalJSON reads the array.
func (d *Loop) UnmarshalJSON(b []byte) error { return Tuple(b, &d.Dim, &d.Size) }

// Relation is [index, a, coefficient, b, coefficient, padding before, after, size].
type Relation struct{ workload.Relation }

// UnmarshalJSON reads the array.
func (r *Relation) UnmarshalJSON(b []byte) error {
	return Tuple(b, &r.Index, &r.A, &r.CoefA, &r.B, &r.CoefB, &r.PadBefore, &r.PadAfter, &r.Size)
}

// Operand is [name, dimensions, bits, final bits].
type Operand struct {
	Name        string
	Dims        []workload.Dim
	Bits, Final unit.Bits
}

// UnmarshalJSON reads the array.
func (o *Operand) UnmarshalJSON(b []byte) error {
	return Tuple(b, &o.Name, &o.Dims, &o.Bits, &o.Final)
}

// Axis is [array dimension, [loops]].
type Axis struct {
	Array string
	Loops []Loop
}

// UnmarshalJSON reads the array.
func (a *Axis) UnmarshalJSON(b []byte) error { return Tuple(b, &a.Array, &a.Loops) }

// Tuple decodes a JSON array into places of different types.
func Tuple(b []byte, places ...any) error { return json.Unmarshal(b, &places) }

// Layer returns the row as a layer.
func (r Layer) Layer(name string) *workload.Layer {
	l := &workload.Layer{Name: name}
	for _, d := range r.Dims {
		l.Dims = append(l.Dims, workload.LoopDim(d))
	}
	for _, x := range r.Relations {
		l.Relations = append(l.Relations, x.Relation)
	}
	for _, o := range r.Operands {
		l.Operands = append(l.Operands, workload.Operand{Name: o.Name, Dims: o.Dims, Bits: o.Bits, FinalBits: o.Final})
	}
	return l
}

// Links are the usual ones: I in I1, W in I2, O in O.
func Links(l *workload.Layer) []hardware.MemoryOperand {
	var out []hardware.MemoryOperand
	for _, o := range l.Operands {
		switch o.Name {
		case "I":
			out = append(out, hardware.I1)
		case "W":
			out = append(out, hardware.I2)
		default:
			out = append(out, hardware.O)
		}
	}
	return out
}

// Unrolled is what is laid on one array dimension.
type Unrolled struct {
	Array int
	Loops []hardware.Unrolling
}

// Spatial returns the rows as an unrolling of the core's array.
func Spatial(c *hardware.Core, rows []Axis) []Unrolled {
	var s []Unrolled
	for _, r := range rows {
		a := Unrolled{Array: slices.Index(c.Dims, r.Array)}
		for _, l := range r.Loops {
			a.Loops = append(a.Loops, hardware.Unrolling{Dim: string(l.Dim), Factor: l.Size})
		}
		s = append(s, a)
	}
	return s
}
