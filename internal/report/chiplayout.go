package report

import (
	"slices"

	"streamdse/hardware"
)

// spot is a place in the grid of cores.
type spot struct{ column, row int }

// chipLayout places the cores of an accelerator but for the off-chip one.
type chipLayout struct {
	at            []spot // by core id
	columns, rows int
}

// layOutChip places cores where the file says they are. Where it does not, cores that
// are most alike form a grid in which linked cores are near each other, and the others
// stand in a column beside it.
func layOutChip(a *hardware.Accelerator) chipLayout {
	l := chipLayout{at: make([]spot, len(a.Cores))}
	if !l.given(a) {
		l.found(a)
	}
	for id := range a.Cores {
		if id != a.Offchip {
			l.columns, l.rows = max(l.columns, l.at[id].column+1), max(l.rows, l.at[id].row+1)
		}
	}
	return l
}

// given takes the positions of the file, if it has one for every core, and closes up
// columns and rows without any.
func (l *chipLayout) given(a *hardware.Accelerator) bool {
	var columns, rows []int
	for id := range a.Cores {
		p := a.Cores[id].Position
		switch {
		case id == a.Offchip:
			continue
		case p == nil:
			return false
		}
		columns, rows = append(columns, p.Column), append(rows, p.Row)
	}
	for _, list := range []*[]int{&columns, &rows} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	for id := range a.Cores {
		if p := a.Cores[id].Position; id != a.Offchip {
			l.at[id] = spot{slices.Index(columns, p.Column), slices.Index(rows, p.Row)}
		}
	}
	return true
}

func (l *chipLayout) found(a *hardware.Accelerator) {
	var most, others []int // of the most frequent kind of core, and all others
	for id := range a.Cores {
		if id == a.Offchip {
			continue
		}
		var alike []int
		for k := range a.Cores {
			if k != a.Offchip && hardware.EqualPerformance(&a.Cores[id], &a.Cores[k]) {
				alike = append(alike, k)
			}
		}
		if len(alike) > len(most) {
			most = alike
		}
	}
	for id := range a.Cores {
		if id != a.Offchip && !slices.Contains(most, id) {
			others = append(others, id)
		}
	}
	if len(most) == 1 {
		most, others = append(most, others...), nil
		slices.Sort(most)
	}
	columns := l.grid(a, most)
	rows := max(1, (len(most)+columns-1)/columns)
	for i, id := range others {
		l.at[id] = spot{columns + i/rows, i % rows}
	}
}

// grid places cores row by row, column by column or in turns, in as many columns as
// make the links between them shortest, and returns how many those are.
func (l *chipLayout) grid(a *hardware.Accelerator, cores []int) int {
	n := len(cores)
	orders := []func(i, columns int) spot{
		func(i, c int) spot { return spot{i % c, i / c} },
		func(i, c int) spot { r := (n + c - 1) / c; return spot{i / r, i % r} },
		func(i, c int) spot { // to and fro
			if i/c%2 == 1 {
				return spot{c - 1 - i%c, i / c}
			}
			return spot{i % c, i / c}
		},
	}
	const wide = 8 // columns at the most
	best, columns := -1, 1
	var places []spot
	for c := 1; c <= min(n, wide); c++ {
		rows := (n + c - 1) / c
		if rows > 2*wide && c < wide {
			continue
		}
		for _, order := range orders {
			at := map[int]spot{}
			for i, id := range cores {
				at[id] = order(i, c)
			}
			// Among equals, the one that is nearest to a square and rather wide.
			cost := 100*linkLength(a, at) + 2*max(c-rows, rows-c) + max(0, rows-c)
			if best < 0 || cost < best {
				best, columns, places = cost, c, places[:0]
				for _, id := range cores {
					places = append(places, at[id])
				}
			}
		}
	}
	for i, id := range cores {
		l.at[id] = places[i]
	}
	return columns
}

// linkLength is the length of all links between the placed cores.
func linkLength(a *hardware.Accelerator, at map[int]spot) int {
	sum := 0
	for i := range a.Links {
		from, ok := at[a.Links[i].From]
		to, both := at[a.Links[i].To]
		if !ok || !both || a.Links[i].Shared {
			continue
		}
		d := max(from.column-to.column, to.column-from.column) + max(from.row-to.row, to.row-from.row)
		sum += d * d
	}
	return sum
}
