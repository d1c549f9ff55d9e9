package taskgraph

import (
	"encoding/binary"
	"slices"

	"streamdse/unit"
)

// Part is what is read of a tensor: along each dimension of its operand some
// positions, as ascending runs that do not touch, counted from the tensor's first
// one. It holds the elements that lie in a run of every dimension. Nil stands for
// all positions of a dimension, an empty Part for all of the tensor.
//
// Parts that differ in one dimension only have an exact union; that of others is
// filled up, dimension by dimension, to a Part.
type Part [][]Range

// Elements is how many elements of a tensor with the given ranges the part has.
func (p Part) Elements(ranges []Range) int64 {
	n := int64(1)
	for d, r := range ranges {
		if d >= len(p) || p[d] == nil {
			n *= int64(r.Len())
			continue
		}
		length := 0
		for _, run := range p[d] {
			length += run.Len()
		}
		n *= int64(length)
	}
	return n
}

// Covers tells whether all of another part of the same tensor lies in this one.
func (p Part) Covers(q Part) bool {
	for d := range p {
		if p[d] == nil {
			continue
		}
		if d >= len(q) || q[d] == nil {
			return false
		}
		i := 0
		for _, r := range q[d] {
			for i < len(p[d]) && p[d][i].Hi < r.Hi {
				i++
			}
			if i == len(p[d]) || p[d][i].Lo > r.Lo {
				return false
			}
		}
	}
	return true
}

// Union is the least part that covers both.
func (p Part) Union(q Part) Part {
	union := make(Part, min(len(p), len(q)))
	for d := range union {
		if p[d] != nil && q[d] != nil {
			union[d] = Runs(slices.Concat(p[d], q[d]))
		}
	}
	return union
}

// Both is the part of the elements that lie in two parts which do not limit the
// same dimension.
func (p Part) Both(q Part) Part {
	both := slices.Clone(p)
	for d := range q {
		switch {
		case d >= len(both):
			both = append(both, q[d])
		case both[d] == nil:
			both[d] = q[d]
		}
	}
	return both
}

// Runs sorts runs and joins those that touch or overlap. It reuses the slice.
func Runs(runs []Range) []Range {
	slices.SortFunc(runs, func(a, b Range) int { return int(a.Lo) - int(b.Lo) })
	joined := runs[:0]
	for _, r := range runs {
		if n := len(joined); n > 0 && r.Lo <= joined[n-1].Hi {
			joined[n-1].Hi = max(joined[n-1].Hi, r.Hi)
		} else {
			joined = append(joined, r)
		}
	}
	return joined
}

// PartID numbers the parts of a table; 0 is all of a tensor.
type PartID int32

// Parts is a table of different parts. It grows as parts are combined, so it belongs
// to one goroutine; a Graph's own is complete.
type Parts struct {
	list          []Part // by PartID
	number        map[string]PartID
	unions, joint map[[2]PartID]PartID
}

// NewParts returns a table that continues another one, or an empty one for nil.
func NewParts(from *Parts) *Parts {
	t := &Parts{list: []Part{nil}, number: map[string]PartID{}, unions: map[[2]PartID]PartID{}, joint: map[[2]PartID]PartID{}}
	if from != nil {
		t.list = slices.Clone(from.list)
		for i, p := range t.list[1:] {
			t.number[string(p.key())] = PartID(i + 1)
		}
	}
	return t
}

// Part is the part of a number; it must not be changed.
func (t *Parts) Part(id PartID) Part {
	if id == 0 {
		return nil
	}
	return t.list[id]
}

// List is all parts by their numbers; it must not be changed.
func (t *Parts) List() []Part { return slices.Clip(t.list) }

// Number gives a part its number.
func (t *Parts) Number(p Part) PartID {
	for len(p) > 0 && p[len(p)-1] == nil {
		p = p[:len(p)-1]
	}
	if len(p) == 0 {
		return 0
	}
	key := p.key()
	id, ok := t.number[string(key)]
	if !ok {
		id = PartID(len(t.list))
		t.list = append(t.list, p)
		t.number[string(key)] = id
	}
	return id
}

// Union is Part.Union by numbers.
func (t *Parts) Union(a, b PartID) PartID {
	switch {
	case a == 0 || b == 0:
		return 0
	case a == b:
		return a
	}
	return t.combine(t.unions, a, b, Part.Union)
}

// Both is Part.Both by numbers.
func (t *Parts) Both(a, b PartID) PartID {
	switch {
	case a == 0:
		return b
	case b == 0:
		return a
	}
	return t.combine(t.joint, a, b, Part.Both)
}

func (t *Parts) combine(known map[[2]PartID]PartID, a, b PartID, f func(p, q Part) Part) PartID {
	pair := [2]PartID{min(a, b), max(a, b)}
	id, ok := known[pair]
	if !ok {
		id = t.Number(f(t.list[a], t.list[b]))
		known[pair] = id
	}
	return id
}

// Covers is Part.Covers by numbers.
func (t *Parts) Covers(a, b PartID) bool {
	return a == 0 || a == b || b != 0 && t.list[a].Covers(t.list[b])
}

// Bits is the size of a part of a tensor.
func (t *Parts) Bits(x *Tensor, id PartID) unit.Bits {
	if id == 0 {
		return x.Bits
	}
	return x.PartBits(t.list[id])
}

// PartBits is the size of a part of the tensor.
func (x *Tensor) PartBits(p Part) unit.Bits {
	if len(p) == 0 {
		return x.Bits
	}
	all := Part(nil).Elements(x.Ranges)
	if all == 0 {
		return 0
	}
	return x.Bits / unit.Bits(all) * unit.Bits(p.Elements(x.Ranges))
}

// key tells the part from others.
func (p Part) key() []byte {
	var key []byte
	for _, runs := range p {
		key = binary.AppendUvarint(key, uint64(len(runs)))
		for _, r := range runs {
			key = binary.AppendUvarint(key, uint64(r.Lo))
			key = binary.AppendUvarint(key, uint64(r.Hi))
		}
	}
	return key
}
