package explore

// chooser picks moves: the opening first, one after another, then at random, the
// kinds that have helped more often.
type chooser struct {
	moves  *moves
	opened int // moves of the opening that were used
	weight []float64
}

func newChooser(m *moves) *chooser {
	c := &chooser{moves: m, weight: make([]float64, len(kinds()))}
	for i, k := range kinds() {
		if m.free[k.dimension] {
			c.weight[i] = 1
		}
	}
	return c
}

// next is the next move of the opening, or a random one.
func (c *chooser) next(p Plan) (Plan, []int, int, bool) {
	list := opening()
	for c.opened < len(list) {
		o := list[c.opened]
		c.opened++
		if c.moves.free[o.dimension] {
			q, about, ok := o.move(c.moves, p)
			return q, about, -1, ok
		}
	}
	return c.any(p)
}

// any is a random move.
func (c *chooser) any(p Plan) (Plan, []int, int, bool) {
	sum := 0.0
	for _, w := range c.weight {
		sum += w
	}
	if sum == 0 {
		return p, nil, -1, false
	}
	x := c.moves.random.Float64() * sum
	for i, k := range kinds() {
		if x -= c.weight[i]; x < 0 {
			q, about, ok := k.move(c.moves, p)
			return q, about, i, ok
		}
	}
	return p, nil, -1, false
}

// tell is told whether a kind of move has helped.
func (c *chooser) tell(kind int, helped bool) {
	switch {
	case kind < 0:
	case helped:
		c.weight[kind] = min(8, 2*c.weight[kind])
	default:
		c.weight[kind] = max(0.25, 0.97*c.weight[kind])
	}
}
