package report

import (
	"strconv"
	"strings"

	"streamdse/hardware"
	"streamdse/taskgraph"
)

// layerNames gives every layer the name that files and messages use: its own,
// followed by "#" and its number where it has none or shares it with another.
func layerNames(layers []taskgraph.Layer) []string {
	count := make(map[string]int, len(layers))
	for i := range layers {
		count[layers[i].Name]++
	}
	names := make([]string, len(layers))
	for i := range layers {
		l := &layers[i]
		names[i] = l.Name
		if l.Name == "" || count[l.Name] > 1 {
			base := l.Name
			if base == "" {
				base = l.Type
			}
			names[i] = base + "#" + strconv.Itoa(l.ID)
		}
	}
	return names
}

// shortNames gives every layer a name short enough for a picture. Model
// exporters name a node by its path, in which each part repeats its parent
// ("/layer1/layer1.0/conv1/Conv"): parts that only lead to the next are left
// out, and so is a final operator type that names nothing but what its parent
// does. A name that would become ambiguous stays whole.
func shortNames(layers []taskgraph.Layer) []string {
	names := layerNames(layers)
	paths := make([][]string, len(names))
	parents := map[string]int{} // paths that lead to a node or to further parts
	for i, n := range names {
		paths[i] = strings.FieldsFunc(n, func(r rune) bool { return r == '/' })
		for k := 1; k < len(paths[i]); k++ {
			parents[strings.Join(paths[i][:k], "/")]++
		}
	}
	short := make([]string, len(names))
	count := map[string]int{}
	for i, p := range paths {
		if k := len(p) - 1; k >= 1 && strings.EqualFold(p[k], layers[i].Type) && parents[strings.Join(p[:k], "/")] == 1 {
			p = p[:k]
		}
		var kept []string
		for k, part := range p {
			if k+1 < len(p) && strings.HasPrefix(p[k+1], part+".") {
				continue
			}
			kept = append(kept, part)
		}
		short[i] = strings.Join(kept, ".")
		if k := len(kept) - 1; k >= 1 && strings.EqualFold(kept[k], layers[i].Type) {
			kept[k] = strings.ToLower(kept[k])
			short[i] = strings.Join(kept, ".")
		}
		count[short[i]]++
	}
	for i := range short {
		if short[i] == "" || count[short[i]] > 1 {
			short[i] = names[i]
		}
	}
	return short
}

// coreName is the name of a core in pictures and tables, e.g. "core 0 tpu_like".
func coreName(c *hardware.Core) string {
	return "core " + strconv.Itoa(c.ID) + " " + c.Name
}

// coreList names the cores that share something: "core 3", "cores 0, 1".
func coreList(cores []int) string {
	parts := make([]string, len(cores))
	for i, c := range cores {
		parts[i] = strconv.Itoa(c)
	}
	if len(cores) == 1 {
		return "core " + parts[0]
	}
	return "cores " + strings.Join(parts, ", ")
}

// linkNames gives every link the name that people read, e.g. "link 0→1",
// "DRAM", "bus 0, 1, 2".
func linkNames(a *hardware.Accelerator) []string {
	names := make([]string, len(a.Links))
	count := map[string]int{}
	for i := range a.Links {
		names[i] = linkName(a, &a.Links[i])
		count[names[i]]++
		if n := count[names[i]]; n > 1 {
			names[i] += " (" + strconv.Itoa(n) + ")"
		}
	}
	return names
}

func linkName(a *hardware.Accelerator, l *hardware.Link) string {
	switch {
	case offchipLink(a, l):
		return offchipLinkName(a, l)
	case !l.Shared:
		return "link " + strconv.Itoa(l.From) + "→" + strconv.Itoa(l.To)
	case len(l.Members) == 2:
		return "link " + strconv.Itoa(l.Members[0]) + "↔" + strconv.Itoa(l.Members[1])
	case len(l.Members) == 0:
		return "link " + strconv.Itoa(l.From) + "↔" + strconv.Itoa(l.To)
	}
	return "bus" + strings.TrimPrefix(coreList(l.Members), "cores")
}

func offchipLinkName(a *hardware.Accelerator, l *hardware.Link) string {
	near := l.To // the end that is not the off-chip memory
	if l.From != a.Offchip {
		near = l.From
	}
	if len(l.Members) == 2 {
		near = l.Members[0] + l.Members[1] - a.Offchip
	}
	switch {
	case near == hardware.AnyCore || len(l.Members) > 2:
		return "DRAM"
	case l.Shared:
		return "DRAM↔" + strconv.Itoa(near)
	case l.From == a.Offchip:
		return "DRAM→" + strconv.Itoa(near)
	}
	return strconv.Itoa(near) + "→DRAM"
}

// offchipLink tells whether a link leads to or from the off-chip memory.
func offchipLink(a *hardware.Accelerator, l *hardware.Link) bool {
	if l.From == a.Offchip || l.To == a.Offchip {
		return true
	}
	for _, m := range l.Members {
		if m == a.Offchip {
			return true
		}
	}
	return false
}
