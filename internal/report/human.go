package report

import (
	"math"
	"strconv"
	"strings"

	"streamdse/unit"
)

// significant renders a number with at most three significant digits and no
// trailing zeros: 6.55, 128, 0.982, 1250.
func significant(x float64) string {
	digits := 2
	if x != 0 {
		// The magnitude after rounding, so that 9.996 becomes 10 and not 10.00.
		e := int(math.Floor(math.Log10(math.Abs(x))))
		if r := math.Pow(10, float64(e-2)); r > 0 {
			x = math.Round(x/r) * r
		}
		e = int(math.Floor(math.Log10(math.Abs(x)) + 1e-9))
		digits = max(0, 2-e)
	}
	s := strconv.FormatFloat(x, 'f', digits, 64)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// scaled picks the largest unit in which the value is at least 1; the units
// ascend by the given step.
func scaled(x, step float64, units ...string) string {
	i := 0
	// A value that would round up to the next unit takes it: 999.9 K is 1 M.
	for i+1 < len(units) && math.Abs(x) >= step*0.9995 {
		x /= step
		i++
	}
	return significant(x) + " " + units[i]
}

// humanCycles renders a time, e.g. "6.55 M cycles".
func humanCycles(c unit.Cycles) string {
	return scaled(float64(c), 1000, "cycles", "k cycles", "M cycles", "G cycles")
}

// humanEnergy renders an energy, e.g. "2.41 mJ".
func humanEnergy(e unit.Picojoules) string {
	return scaled(float64(e), 1000, "pJ", "nJ", "µJ", "mJ", "J")
}

// humanBytes renders an amount of data in bytes, with the binary multiples that
// memory sizes are given in: 16777216 bits are "2 MB".
func humanBytes(b unit.Bits) string {
	return scaled(float64(b)/8, 1024, "B", "KB", "MB", "GB")
}

// humanPercent renders a fraction, e.g. "98.1 %".
func humanPercent(f float64) string { return significant(100*f) + " %" }

// scientific renders a number of any size with three decimals, e.g. "1.580e16".
func scientific(x float64) string {
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(x, 'e', 3, 64), "e")
	n, err := strconv.Atoi(exponent)
	if err != nil { // infinite, or no number
		return mantissa
	}
	return mantissa + "e" + strconv.Itoa(n)
}

// exact renders an integer in full, with its thousands set apart.
func exact(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// exactFloat renders a number with one decimal, its thousands set apart.
func exactFloat(x float64) string {
	s := strconv.FormatFloat(x, 'f', 1, 64)
	whole, fraction, _ := strings.Cut(s, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil { // beyond 64 bits
		return scientific(x)
	}
	if n == 0 {
		return s
	}
	return exact(n) + "." + fraction
}

// axisTicks returns round positions from 0 to the end of a time axis, the text
// of each, and the unit they are in. At most limit ticks are given.
func axisTicks(end unit.Cycles, limit int) (at []unit.Cycles, label []string, axisUnit string) {
	step := tickStep(end, limit)
	scale, axisUnit := unit.Cycles(1), "cycles"
	switch {
	case end >= 2_000_000_000:
		scale, axisUnit = 1_000_000_000, "G cycles"
	case end >= 2_000_000:
		scale, axisUnit = 1_000_000, "M cycles"
	case end >= 2_000:
		scale, axisUnit = 1_000, "k cycles"
	}
	for t := unit.Cycles(0); t <= end; t += step {
		at = append(at, t)
		label = append(label, strconv.FormatFloat(float64(t)/float64(scale), 'f', -1, 64))
	}
	return at, label, axisUnit
}

// tickStep is the smallest of 1, 2, 5, 10, 20, ... that leaves at most limit
// ticks, the one at 0 included.
func tickStep(end unit.Cycles, limit int) unit.Cycles {
	for decade := unit.Cycles(1); ; decade *= 10 {
		for _, m := range []unit.Cycles{1, 2, 5} {
			if step := m * decade; int64(end/step) < int64(limit) || decade > math.MaxInt64/10 {
				return step
			}
		}
	}
}
