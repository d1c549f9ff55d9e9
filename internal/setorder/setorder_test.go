package setorder

import (
	"strings"
	"testing"
)

// The orders were read off the published mapper.
func TestVisitingOrder(t *testing.T) {
	for _, c := range []struct{ given, want string }{
		{"C FX FY", "FX C FY"},
		{"OX OY", "OY OX"},
		{"K OX", "K OX"},
		{"B K G OX OY C FX FY", "FY FX B G OX C K OY"},
		{"C D K", "K D C"},
		{"C D K B", "K B D C"},
		{"C D K B H", "B H D C K"},
		{"C X FX", "C X FX"}, // no hash is known for X
	} {
		names := strings.Fields(c.given)
		if got := pick(names, LoopDims(names)); got != c.want {
			t.Errorf("loop dimensions %s: visited as %s, want %s", c.given, got, c.want)
		}
	}
	for _, c := range []struct{ given, want string }{
		{"D1 D2 D3 D4", "D1 D2 D4 D3"},
		{"D1 D2 D3", "D1 D2 D3"},
		{"D3 D4", "D3 D4"},
		{"D2", "D2"},
		{"", ""},
	} {
		names := strings.Fields(c.given)
		if got := pick(names, ArrayDims(names)); got != c.want {
			t.Errorf("array dimensions %s: visited as %s, want %s", c.given, got, c.want)
		}
	}
}

func pick(names []string, order []int) string {
	out := make([]string, len(order))
	for i, j := range order {
		out[i] = names[j]
	}
	return strings.Join(out, " ")
}
