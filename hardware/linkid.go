package hardware

import (
	"slices"
	"strconv"
	"strings"
)

// LinkIDs names every link in plain ASCII by the cores at its ends: "0->1",
// "6<->any", "bus:0+1+2"; a further link between the same cores gets a number,
// "0->1#2".
func (a *Accelerator) LinkIDs() []string {
	end := func(core int) string {
		if core == AnyCore {
			return "any"
		}
		return strconv.Itoa(core)
	}
	ids := make([]string, len(a.Links))
	count := map[string]int{}
	for i := range a.Links {
		l := &a.Links[i]
		offchip := l.From == a.Offchip || l.To == a.Offchip || slices.Contains(l.Members, a.Offchip)
		switch {
		case !l.Shared:
			ids[i] = end(l.From) + "->" + end(l.To)
		case len(l.Members) > 2 && !offchip:
			parts := make([]string, len(l.Members))
			for k, m := range l.Members {
				parts[k] = strconv.Itoa(m)
			}
			ids[i] = "bus:" + strings.Join(parts, "+")
		default:
			ids[i] = end(l.From) + "<->" + end(l.To)
		}
		count[ids[i]]++
		if n := count[ids[i]]; n > 1 {
			ids[i] += "#" + strconv.Itoa(n)
		}
	}
	return ids
}
