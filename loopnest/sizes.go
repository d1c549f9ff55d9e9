package loopnest

import (
	"math"

	"streamdse/hardware"
	"streamdse/unit"
)

// Sizes are the sizes of memories with which a search goes the same way to the same
// end: for each memory of a core, those between the most that was found to fit and the
// least that was found not to. All that a search knows of a size is what fits, so that
// one search serves a core and all others that differ from it in such sizes only.
type Sizes struct{ ranges []sizeRange }

// sizeRange is that of one memory, in bits.
type sizeRange struct{ fits, exceeds float64 }

// near is more than the tolerance with which sizes are compared.
const near = 1e-8

// NewSizes are all sizes of the memories of a core.
func NewSizes(c *hardware.Core) *Sizes {
	s := &Sizes{make([]sizeRange, len(c.Memories))}
	for i := range s.ranges {
		s.ranges[i] = sizeRange{math.Inf(-1), math.Inf(1)}
	}
	return s
}

// NoteIn makes the evaluator, and outlooks made with it, note in sizes what they find to
// fit or not.
func (e *Evaluator) NoteIn(sizes *Sizes) { e.sizes = sizes }

// see notes whether some bits are more than a memory has.
func (s *Sizes) see(memory int, bits float64, more bool) { s.ranges[memory].see(bits, more) }

func (r *sizeRange) see(bits float64, more bool) {
	if more {
		r.exceeds = min(r.exceeds, bits)
	} else {
		r.fits = max(r.fits, bits)
	}
}

// Pin notes that the search depends on the very size of a memory.
func (s *Sizes) Pin(memory int) { s.ranges[memory] = sizeRange{math.Inf(1), math.Inf(-1)} }

// Hold tells whether a search on the core goes the same way as that on another, which
// has memories of the given sizes and else is the same.
func (s *Sizes) Hold(c *hardware.Core, same []unit.Bits) bool {
	for i, r := range s.ranges {
		size := c.Memories[i].Size
		if size != same[i] && (float64(size) < r.fits*(1+near) || float64(size) >= r.exceeds*(1-near)) {
			return false
		}
	}
	return true
}
