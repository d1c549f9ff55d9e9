// Package unit names the quantities that the models compute with, so that a
// size can never be passed where a time is meant.
//
// Times are clock cycles, sizes are bits, bandwidths bits per cycle and
// energies picojoules, everywhere in the project.
package unit

import "fmt"

// Cycles is a point in time or a duration of a schedule, in clock cycles.
// Schedules work in whole cycles; the single-core model's own latencies may be
// fractional and are float64 until a schedule takes them up.
type Cycles int64

// Bits is an amount of data or the size of a memory, in bits.
type Bits int64

// Bytes writes the amount as bytes with a binary unit and four digits, "9.188 KB".
func (b Bits) Bytes() string {
	n := float64(b) / 8
	for _, name := range []string{"B", "KB", "MB"} {
		if n < 1024 {
			return fmt.Sprintf("%.4g %s", n, name)
		}
		n /= 1024
	}
	return fmt.Sprintf("%.4g GB", n)
}

// BitsPerCycle is a bandwidth, in bits per clock cycle. It may be +Inf.
type BitsPerCycle float64

// Picojoules is an energy, in pJ.
type Picojoules float64

// TransferCycles is the time a link or port of the given bandwidth needs for
// the given data: the quotient rounded up, 0 for no data.
func TransferCycles(b Bits, bw BitsPerCycle) Cycles {
	if b <= 0 {
		return 0
	}
	q := float64(b) / float64(bw)
	c := Cycles(q)
	if float64(c) < q {
		c++
	}
	return c
}
