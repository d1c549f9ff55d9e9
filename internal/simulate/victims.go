package simulate

import (
	"slices"

	"streamdse/taskgraph"
	"streamdse/unit"
)

// ranking is the stays in a memory by what it costs to do without them, as a binary
// heap. It begins when the memory is full for the first time. After that whatever
// changes the rank of a stay adds it once more, and what is out of date is passed over
// when it comes up: a memory with thousands of small tiles evicts one after another, and
// looks at few of them each time.
type ranking struct {
	begun bool
	heap  []rank
	most  int // ranks beyond which those that are out of date are cleared away
}

// rank is a stay with what it was worth.
type rank struct {
	worth, bits unit.Bits
	number      int32 // of the stay, to tell it from later ones in its place
	stay        int32 // index+1 in stays
}

// before tells whether a stay has to go before another one: what is worth less, then
// what is smaller, then what came first.
func (a *rank) before(b *rank) bool {
	if a.worth != b.worth {
		return a.worth < b.worth
	}
	if a.bits != b.bits {
		return a.bits < b.bits
	}
	return a.number < b.number
}

func (r *ranking) reset() { r.begun, r.heap = false, r.heap[:0] }

func (r *ranking) push(x rank) {
	r.heap = append(r.heap, x)
	h, i := r.heap, len(r.heap)-1
	for i > 0 {
		parent := (i - 1) / 2
		if !x.before(&h[parent]) {
			break
		}
		h[i] = h[parent]
		i = parent
	}
	h[i] = x
}

func (r *ranking) pop() rank {
	h := r.heap
	top, last := h[0], len(h)-1
	x := h[last]
	h = h[:last]
	r.heap = h
	i := 0
	for {
		child := 2*i + 1
		if child >= last {
			break
		}
		if child+1 < last && h[child+1].before(&h[child]) {
			child++
		}
		if !h[child].before(&x) {
			break
		}
		h[i] = h[child]
		i = child
	}
	if last > 0 {
		h[i] = x
	}
	return top
}

// rank is what a stay is worth now.
func (s *Simulator) rank(i int32) rank {
	y := &s.stays[i-1]
	return rank{s.worth(y.tensor, y.store), y.bits, y.number, i}
}

// rankAll ranks all stays of a memory afresh.
func (s *Simulator) rankAll(store int32) {
	r := &s.ranking[store]
	r.reset()
	r.begun = true
	for i := s.residents[store].first; i != 0; i = s.stays[i-1].next {
		r.push(s.rank(i))
	}
	r.most = 2*len(r.heap) + 256
	s.ranked = true
}

// rerank takes note of what changes the worth of a tensor: what is to come or what is
// there in one memory.
func (s *Simulator) rerank(x taskgraph.TensorID, changed int32) {
	if !s.ranked {
		return
	}
	for store, p := range s.placesOf(x) {
		r := &s.ranking[store]
		if p.stay == 0 || !r.begun || int32(store) != changed && p.uses > 0 {
			continue
		}
		if len(r.heap) >= r.most {
			s.rankAll(int32(store))
			continue
		}
		r.push(s.rank(p.stay))
	}
}

// chooseVictims lists the stays to evict so that a memory has the missing bits:
// the ones least worth keeping, of those that began by the given time.
func (s *Simulator) chooseVictims(x taskgraph.TensorID, asked unit.Bits, store int32, missing unit.Bits, by unit.Cycles) error {
	s.victims, s.passed = s.victims[:0], s.passed[:0]
	if s.offchip[store] {
		return s.full(x, asked, store, missing)
	}
	r := &s.ranking[store]
	if !r.begun {
		s.rankAll(store)
	}
	last := int32(0) // a stay may come up several times in a row
	for missing > 0 && len(r.heap) > 0 {
		top := r.pop()
		y := &s.stays[top.stay-1]
		if top.stay == last || y.number != top.number || s.worth(y.tensor, store) != top.worth {
			continue
		}
		last = top.stay
		if y.start > by || slices.Contains(s.kept, y.tensor) {
			s.passed = append(s.passed, top)
			continue
		}
		s.victims = append(s.victims, top.stay)
		missing -= y.bits
	}
	for _, p := range s.passed {
		r.push(p)
	}
	if missing > 0 {
		return s.full(x, asked, store, missing)
	}
	return nil
}
