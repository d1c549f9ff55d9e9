// Package setorder gives the order in which the published single-core mapper
// visits a set of dimensions. It keeps its candidates in hash sets, so ties
// between equally good mappings are decided by hash values; to choose the same
// mapping one has to walk the sets in the same order. The order is that of an
// open-addressing table: the place of a name follows from its hash, the size of
// the table and, where two names collide, from the order of insertion.
//
// Names without a known hash value have no order of their own; a set that
// contains one is visited in the order in which it was given.
package setorder

// LoopDims returns the positions of the given loop dimensions in visiting order.
func LoopDims(names []string) []int { return visit(names, loopHash) }

// ArrayDims returns the positions of the given array dimensions (D1, D2, ...)
// in visiting order.
func ArrayDims(names []string) []int { return visit(names, arrayHash) }

func loopHash(name string) (uint64, bool) {
	switch name {
	case "B":
		return 2274680621932004355, true
	case "K":
		return 808955158820251385, true
	case "G":
		return 1958728070581703856, true
	case "C":
		return 1154411953581605750, true
	case "OX":
		return 1754239838488883382, true
	case "OY":
		return 1775822064850599801, true
	case "FX":
		return 529600628638832194, true
	case "FY":
		return 1607686027741749687, true
	case "D":
		return 636768403010484021, true
	case "H":
		return 388853881137512038, true
	case "D0":
		return 1727055815474479529, true
	case "D1":
		return 952080281078508718, true
	case "D2":
		return 288157581728298642, true
	}
	return 0, false
}

func arrayHash(name string) (uint64, bool) {
	switch name {
	case "D1":
		return 2048910558639910025, true
	case "D2":
		return 386846459442819546, true
	case "D3":
		return 286093410687053097, true
	case "D4":
		return 1190809941726157689, true
	}
	return 0, false
}

// visit places the names in a table and returns their positions slot by slot.
func visit(names []string, hash func(string) (uint64, bool)) []int {
	order := make([]int, len(names))
	hashes := make([]uint64, len(names))
	for i, n := range names {
		order[i] = i
		h, ok := hash(n)
		if !ok {
			for j := range names {
				order[j] = j
			}
			return order
		}
		hashes[i] = h
	}
	t := newTable(8)
	for i := range names {
		t.insert(i, hashes)
		if 5*t.used >= 3*(len(t.slots)-1) {
			t = t.grown(hashes)
		}
	}
	return t.members()
}

const (
	linearProbes = 9 // neighbours tried after a collision, where the table has that many
	perturbShift = 5
)

type table struct {
	slots []int // position of a name, or -1
	used  int
}

func newTable(size int) *table {
	t := &table{slots: make([]int, size)}
	for i := range t.slots {
		t.slots[i] = -1
	}
	return t
}

func (t *table) insert(name int, hashes []uint64) {
	mask := uint64(len(t.slots) - 1)
	perturb := hashes[name]
	home := perturb & mask
	for {
		last := home
		if home+linearProbes <= mask {
			last += linearProbes
		}
		for slot := home; slot <= last; slot++ {
			if t.slots[slot] < 0 {
				t.slots[slot] = name
				t.used++
				return
			}
		}
		perturb >>= perturbShift
		home = (home*5 + 1 + perturb) & mask
	}
}

// grown returns a table of at least four times as many slots as names.
func (t *table) grown(hashes []uint64) *table {
	size := 8
	for size <= 4*t.used {
		size *= 2
	}
	g := newTable(size)
	for _, name := range t.members() {
		g.insert(name, hashes)
	}
	return g
}

func (t *table) members() []int {
	var m []int
	for _, name := range t.slots {
		if name >= 0 {
			m = append(m, name)
		}
	}
	return m
}
