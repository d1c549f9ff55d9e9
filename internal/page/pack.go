package page

import (
	"encoding/binary"
	"iter"
	"math"
)

// column says where a column lies in the block of data.
type column struct {
	Name  string `json:"name"`
	Kind  string `json:"kind"` // "int" fits 32 bits, "wide" does not, "float" is an index of Values
	Count int    `json:"count"`
	At    int    `json:"at"` // in bytes from the end of the header
	// Values are the distinct values of a column of floats.
	Values []float64 `json:"values,omitempty"`
}

// packer collects columns.
type packer struct {
	columns []column
	bytes   []byte
}

// add appends a column of count numbers.
func (p *packer) add(name string, count int, value func(i int) int64) {
	p.addAll(name, func(yield func(int64) bool) {
		for i := range count {
			if !yield(value(i)) {
				return
			}
		}
	})
}

// addAll appends a column of whole numbers that come one after another.
func (p *packer) addAll(name string, values iter.Seq[int64]) {
	kind, at := "int", len(p.bytes)
	var last int64
	count := 0
	for v := range values {
		count++
		if v > math.MaxInt32 || v < math.MinInt32 {
			kind = "wide"
		}
		p.bytes = binary.AppendVarint(p.bytes, v-last)
		last = v
	}
	p.columns = append(p.columns, column{Name: name, Kind: kind, Count: count, At: at})
}

// addFloats appends a column of numbers that may have fractions.
func (p *packer) addFloats(name string, count int, value func(i int) float64) {
	known := map[float64]int64{}
	var values []float64
	p.add(name, count, func(i int) int64 {
		v := value(i)
		k, ok := known[v]
		if !ok {
			k = int64(len(values))
			known[v] = k
			values = append(values, v)
		}
		return k
	})
	c := &p.columns[len(p.columns)-1]
	c.Kind, c.Values = "float", values
}
