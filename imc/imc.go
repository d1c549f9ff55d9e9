// Package imc models arrays that compute in memory: a grid of cells that hold
// weights, activations fed along its word lines, products added up along its bit
// lines. It gives the area, the clock period and the energy of the array; loops
// and memories around it are the business of package loopnest.
//
// The model is the analytical one of P. Houshmand, J. Sun, M. Verhelst:
// Benchmarking and modeling of analog and digital SRAM in-memory computing
// architectures (2023), with its 28 nm figures at 0.9 V: every part is counted in
// gates of a 2-input NAND (nd2), a 2-input XOR (xor2) and a flip-flop (dff).
//
// The first array dimension (by name) is the word-line dimension: its size is the
// number of columns, all of which get the same activations. The second is the
// bit-line dimension: its size is the number of rows that are added up. Further
// dimensions repeat the macro (banks).
//
// An analog array adds in the bit lines and reads the sums with converters; a
// digital one has a tree of adders. Activations are fed some bits at a time, so
// that an operation takes several cycles, and shifted sums are added up in
// accumulators. Weights of several bits take as many columns of cells, whose sums
// an adder tree for place values combines.
package imc

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"

	"streamdse/hardware"
)

// Figures of 28 nm gates: capacitances in pF, areas in mm², delays in ns.
const (
	volt2     = 0.9 * 0.9
	nd2       = 0.7e-3
	line      = 0.35e-3 // of a word or bit line, for each cell
	xor2      = 1.05e-3
	dff       = 2.1e-3
	nd2Area   = 0.614e-6
	xor2Area  = 2.4 * nd2Area
	dffArea   = 6 * nd2Area
	nd2Delay  = 0.0478
	xor2Delay = 2.4 * nd2Delay

	adder      = (3*nd2 + 2*xor2) * volt2 // energy of a full adder, both inputs active
	halfAdder  = 2 * xor2 * volt2         // only one input active
	multiplier = 0.5 * nd2 * volt2        // of one bit
	register   = dff * volt2              // of one bit
	adderArea  = 3*nd2Area + 2*xor2Area

	sumDelay      = 2 * xor2Delay          // of a full adder, to its sum
	carryOutDelay = xor2Delay + 2*nd2Delay // to its carry
	carryDelay    = 2 * nd2Delay           // from carry to carry
)

// Parts is a figure of the array by what causes it.
type Parts struct {
	Cells             float64
	DACs              float64
	ADCs              float64
	Multipliers       float64
	BitlineAddition   float64 // analog: charging the bit lines
	RegularAdders     float64 // digital: adding up the rows
	PlaceValueAdders  float64 // combining the bits of weights or activations
	Accumulators      float64 // adding up activation bits that are fed one after another
	BitlinePrecharges float64 // fetching another weight of the same cell group
}

// Sum is the figure of the whole array.
func (p *Parts) Sum() float64 {
	return p.BitlinePrecharges + p.Cells + p.DACs + p.ADCs + p.Multipliers + p.BitlineAddition + p.RegularAdders + p.PlaceValueAdders + p.Accumulators
}

// Array is an in-memory-computing array.
type Array struct {
	analog        bool
	columns, rows float64
	banks, units  float64
	activation    float64 // bits of an activation
	weight        float64 // bits of a weight
	serial        float64 // bits of an activation that are fed in a cycle
	resolution    float64 // of the converters, bits
	depth         float64 // weights in the cell group of one unit
	cellArea      float64
	memoryArea    float64
	wordLine      int // index of the array dimension
	bitLine       int
}

// New describes the array of a core; it is nil if the core does not compute in
// memory.
func New(c *hardware.Core) (*Array, error) {
	if c.IMC == nil {
		return nil, nil
	}
	if len(c.Dims) < 2 {
		return nil, fmt.Errorf("core %s: an in-memory-computing array needs two dimensions, word lines and bit lines; it has %d", c.Name, len(c.Dims))
	}
	order := make([]int, len(c.Dims))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(c.Dims[a], c.Dims[b]) })
	a := &Array{
		analog: c.IMC.Analog, wordLine: order[0], bitLine: order[1],
		columns: float64(c.Sizes[order[0]]), rows: float64(c.Sizes[order[1]]), banks: 1, units: float64(c.Units()),
		activation: float64(c.IMC.InputPrecision[0]), weight: float64(c.IMC.InputPrecision[1]),
		serial: c.IMC.BitSerialPrecision, resolution: c.IMC.ADCResolution, depth: 1,
	}
	for _, d := range order[2:] {
		a.banks *= float64(c.Sizes[d])
	}
	if rows := c.Sizes[order[1]]; !a.analog && bits.OnesCount(uint(rows)) != 1 {
		return nil, fmt.Errorf("core %s: a digital in-memory-computing array adds its rows up in a binary tree, so %s must have a power of two; it has %d",
			c.Name, c.Dims[order[1]], rows)
	}
	for i := range c.Memories {
		m := &c.Memories[i]
		a.memoryArea += m.Area
		if m.Name == "cells" {
			a.cellArea = m.Area
			a.depth = math.Floor(float64(m.Size) / a.weight)
		}
	}
	return a, nil
}

// WordLine and BitLine are the array dimensions along which activations are
// shared and products are added up, as indices into hardware.Array.Dims.
func (a *Array) WordLine() int { return a.wordLine }

// BitLine is the array dimension along which products are added up.
func (a *Array) BitLine() int { return a.bitLine }

// CyclesPerOperation is the number of cycles in which the bits of an activation
// are fed.
func (a *Array) CyclesPerOperation() float64 { return a.activation / a.serial }

// Depth is the number of weights that the cell group of a unit holds.
func (a *Array) Depth() float64 { return a.depth }

// treeAdders is the number of full adders that add up the rows of a column for
// each activation bit fed.
func (a *Array) treeAdders() float64 {
	if a.analog {
		return 0
	}
	return a.rows*(a.weight+1) - (a.weight + math.Log2(a.rows) + 1)
}

// placeValues describes the adder tree that combines place values: how many
// inputs it has, of how many bits.
func (a *Array) placeValues() (inputs, width float64) {
	if a.analog {
		return a.weight, a.resolution
	}
	return a.serial, a.weight + math.Log2(a.rows)
}

func (a *Array) placeValueAdders() float64 {
	n, q := a.placeValues()
	if n == 1 {
		return 0
	}
	return q*(n-1) + n*(math.Log2(n)-0.5)
}

// accumulatorWidth is the number of bits of an accumulator, 0 if all bits of an
// activation are fed at once.
func (a *Array) accumulatorWidth() float64 {
	switch {
	case a.serial == a.activation:
		return 0
	case a.analog:
		return a.activation + a.resolution + a.weight
	}
	return a.activation + math.Log2(a.rows) + a.weight
}

func (a *Array) converterArea() float64 {
	if !a.analog || a.resolution <= 1 {
		return 0
	}
	return math.Pow(10, -0.0369*a.resolution+1.206) * math.Pow(2, a.resolution) * 1e-6
}

// Area of the array in mm².
func (a *Array) Area() Parts {
	p := Parts{
		Cells:            a.cellArea * a.units,
		PlaceValueAdders: adderArea * a.placeValueAdders() * a.columns * a.banks,
		Accumulators:     (adderArea + dffArea) * a.accumulatorWidth() * a.columns * a.banks,
	}
	if a.analog {
		p.ADCs = a.converterArea() * a.weight * a.columns * a.banks
		p.Multipliers = nd2Area * a.weight * a.columns * a.rows * a.banks
		return p
	}
	p.Multipliers = nd2Area * a.serial * a.weight * a.columns * a.rows * a.banks
	p.RegularAdders = adderArea * a.treeAdders() * a.serial * a.columns * a.banks
	return p
}

// TotalArea is the area of the array and of one instance of each memory.
func (a *Array) TotalArea() float64 {
	p := a.Area()
	return p.Sum() + a.memoryArea
}

// Clock is the shortest clock period in ns, by the parts of the longest path.
func (a *Array) Clock() Parts {
	p := Parts{Multipliers: nd2Delay}
	if a.analog {
		p.ADCs = a.resolution * (0.00653*a.rows + 0.640)
	} else {
		levels := math.Log2(a.rows)
		p.RegularAdders = (levels-1)*sumDelay + carryOutDelay + (a.weight+levels-2)*carryDelay
	}
	n, q := a.placeValues()
	out := q
	if n > 1 {
		p.PlaceValueAdders = (math.Log2(n)-1)*sumDelay + carryOutDelay + (n-1)*carryDelay
		out = n + q
	}
	if z := a.accumulatorWidth(); z > 0 {
		p.Accumulators = carryOutDelay + (z-out-1)*carryDelay
	}
	return p
}

// Use is how a layer uses the array.
type Use struct {
	Columns     float64 // in use
	Rows        float64 // in use, counting each that gets an activation
	Activations float64 // times that the rows get activations
	Precharges  float64 // times that another weight of a cell group is fetched, over all units
}

// Energy of the array in pJ.
func (a *Array) Energy(u Use) Parts {
	times := a.CyclesPerOperation() * u.Activations
	p := Parts{
		PlaceValueAdders: adder * a.placeValueAdders() * u.Columns * times,
		Accumulators:     (adder + register) * a.accumulatorWidth() * u.Columns * times,
	}
	if a.depth > 1 {
		p.BitlinePrecharges = (line*volt2 + line*volt2*a.depth) * a.weight * u.Precharges
	}
	if a.analog {
		if a.serial != 1 {
			p.DACs = 0.05 * a.serial * volt2 * u.Rows * times
		}
		if a.resolution > 0 {
			p.ADCs = (100*a.resolution + 0.001*math.Pow(4, a.resolution)) * volt2 / 1000 * a.weight * u.Columns * times
		}
		p.Multipliers = multiplier * a.weight * a.columns * u.Rows * times
		p.BitlineAddition = line * volt2 * a.weight * u.Columns * a.rows * times
		return p
	}
	p.Multipliers = multiplier * a.serial * a.weight * a.columns * a.rows * times
	p.RegularAdders = a.treeEnergy(u.Rows) * a.serial * u.Columns * times
	return p
}

// treeEnergy is the energy of a column's adder tree when only the first rows have
// values: adders with both inputs active cost more than those with one.
func (a *Array) treeEnergy(rows float64) float64 {
	switch {
	case rows < 1:
		return 0
	case rows >= a.rows:
		return a.treeAdders() * adder
	}
	full, half, w := 0.0, 0.0, a.weight
	base := a.rows
	for left := rows; left > 0; {
		base = math.Floor(base / 2)
		g := math.Trunc(math.Log2(max(1, base)))
		switch {
		case left <= 1 && base <= 1:
			half += w
			left = 0
		case left > base:
			full += base*(w+1) - (w + g + 1) + (w + g)
			left -= base
		case left < base:
			half += w + g
		default:
			full += base*(w+1) - (w + g + 1)
			half += w + g
			left = 0
		}
	}
	return full*adder + half*halfAdder
}

// Peak is what the array reaches when all of it works all the time.
type Peak struct {
	TOPS        float64 // 10^12 operations a second, multiplications and additions counted apart
	TOPSPerWatt float64 // by the energy of the array
	TOPSPerMM2  float64 // by the area of the array
}

// Peak returns the peak figures.
func (a *Array) Peak() Peak {
	operations := 2 * a.rows * a.columns * a.banks / a.CyclesPerOperation() // a cycle
	clock, energy := a.Clock(), a.Energy(Use{Columns: a.columns, Rows: a.rows, Activations: a.banks / a.CyclesPerOperation()})
	p := Peak{TOPS: operations / clock.Sum() / 1000, TOPSPerWatt: operations / energy.Sum()}
	if area := a.TotalArea(); area > 0 {
		p.TOPSPerMM2 = p.TOPS / area
	}
	return p
}
