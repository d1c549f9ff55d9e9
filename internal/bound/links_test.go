package bound

import (
	"slices"
	"testing"

	"streamdse/unit"
)

// TestPartsCross: what a reader needs crosses before it runs, and of what others need
// only what is beside it crosses later.
func TestPartsCross(t *testing.T) {
	link := crossing{links: []int{0}, bandwidth: []unit.BitsPerCycle{16}}
	for _, c := range []struct {
		name string
		ways []demand
		want []crosser
	}{
		{"nobody needs it", nil, nil},
		{"the earlier needs all", []demand{{10, 2}, {40, 7}}, []crosser{{busy: 3, q: 7}}},
		{"the later needs more", []demand{{40, 2}, {10, 7}, {9, 5}}, []crosser{{busy: 1, q: 7}, {busy: 2, q: 2}}},
		{"at the same time", []demand{{10, 4}, {40, 4}}, []crosser{{busy: 3, q: 4}}},
		{"each needs more than the one before", []demand{{16, 9}, {17, 5}, {64, 1}}, []crosser{{busy: 1, q: 9}, {busy: 1, q: 5}, {busy: 2, q: 1}}},
	} {
		if got := (crosser{}).append(nil, c.ways, &link); !slices.Equal(got, c.want) {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}
