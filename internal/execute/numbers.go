package execute

import (
	"math"
	"slices"

	"streamdse/workload"
)

// kernel is what the loop nest of a layer computes. Every iteration makes a step
// from what has been accumulated and the operands' values, NaN for padding; an
// output that all iterations have contributed to is finished. The numbers are
// whole, or multiples of a power of two, and small enough to be added exactly in
// any order: results are equal or wrong.
//
// For types that are not listed, the operands are multiplied and the products
// added: what matters is that each operand counts.
type kernel struct {
	start  float64
	join   func(a, b float64) float64 // of two partial sums
	step   func(sum float64, in []float64) float64
	finish func(float64) float64
}

func kernelOf(l *workload.Layer) kernel {
	operand := func(name string) int {
		return slices.IndexFunc(l.Operands[1:], func(o workload.Operand) bool { return o.Name == name })
	}
	i, w := operand("I"), operand("W")
	plain := func(v float64) float64 { return v }
	switch {
	case l.Type == "MaxPool" || l.Part == "max":
		return kernel{math.Inf(-1), math.Max, func(sum float64, in []float64) float64 {
			if math.IsNaN(in[i]) {
				return sum
			}
			return max(sum, in[i])
		}, requantised}
	case l.Part == "exp":
		return kernel{0, add, func(_ float64, in []float64) float64 {
			const unit = 1 << 24 // of a fixed-point number, so that sums are exact
			return math.Round(math.Exp((in[i]-in[w])/32)*unit) / unit
		}, plain}
	case l.Part == "sum":
		return kernel{0, add, func(sum float64, in []float64) float64 { return sum + in[i] }, plain}
	case l.Part == "div":
		return kernel{0, add, func(_ float64, in []float64) float64 { return math.Round(127 * in[i] / in[w]) }, requantised}
	case l.Type == "Add" || l.Type == "Sub":
		return kernel{0, add, func(_ float64, in []float64) float64 {
			sum := 0.0
			for _, v := range in {
				if !math.IsNaN(v) {
					sum += v
				}
			}
			return sum
		}, requantised}
	}
	finish := requantised
	if l.Type == "Relu" {
		finish = func(v float64) float64 { return max(0, requantised(v)) }
	}
	return kernel{0, add, func(sum float64, in []float64) float64 {
		product := 1.0
		for _, v := range in {
			product *= v
		}
		if math.IsNaN(product) { // padding
			return sum
		}
		return sum + product
	}, finish}
}

func add(a, b float64) float64 { return a + b }

// requantised wraps a whole number to eight bits, as accelerators store results.
func requantised(v float64) float64 {
	if math.IsInf(v, 0) { // a maximum over nothing but padding
		return 0
	}
	return v - 256*math.Floor((v+128)/256)
}

// value is the value of an element of a constant or network input: a whole
// number from -3 to 3.
func (o *origin) value(element int) float64 {
	return float64(mix(o.key, uint64(element))%7) - 3
}

// mix scatters the bits of two numbers (the finaliser of SplitMix64).
func mix(a, b uint64) uint64 {
	x := a*0x9e3779b97f4a7c15 + b + 1
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func mixText(s string) uint64 {
	h := uint64(len(s))
	for _, c := range []byte(s) {
		h = mix(h, uint64(c))
	}
	return h
}
