package hardware

import (
	"cmp"
	"slices"
)

// maxLanes is up to how many alternatives all combinations of parallel links are listed.
const maxLanes = 16

// Between is the links that lead from a core to a neighbour of it, in the order of the
// file: one of them carries a transfer.
func (a *Accelerator) Between(from, to int) []int {
	links := a.paths[from][to]
	if parallel := a.parallel[hop{from, to}]; parallel != nil && !a.firstOnly {
		links = parallel
	}
	return links
}

// Lanes lists the alternatives for a transfer between two cores: the links of each that
// it would occupy, along the cores of Hops, where parallel links leave a choice. The first
// is Path, and there is none where that is nil.
//
// The order is that of the file, the first hop counting most. Where there are more than
// maxLanes combinations, only those are listed, beside Path, in which every hop takes its
// fastest link, its second, ..., beginning again where a hop has fewer than another: so
// every link is in one of them.
func (a *Accelerator) Lanes(from, to int) [][]int {
	path := a.Path(from, to)
	if path == nil {
		return nil
	}
	if len(a.parallel) == 0 || a.firstOnly {
		return [][]int{path}
	}
	hops := a.Hops(from, to)
	choices := make([][]int, len(path))
	all, widest := 1, 1
	for i := range choices {
		choices[i] = a.Between(hops[i], hops[i+1])
		all, widest = min(all*len(choices[i]), maxLanes+1), max(widest, len(choices[i]))
	}
	if all > maxLanes {
		return a.pairedLanes(path, choices, widest)
	}
	lanes := [][]int{nil}
	for _, links := range choices {
		var longer [][]int
		for _, lane := range lanes {
			for _, l := range links {
				longer = append(longer, append(slices.Clip(lane), l))
			}
		}
		lanes = longer
	}
	return lanes
}

// pairedLanes lists a path and, for k below widest, the lane of the k-th fastest links of
// all hops.
func (a *Accelerator) pairedLanes(path []int, choices [][]int, widest int) [][]int {
	lanes := [][]int{path}
	for i, links := range choices {
		choices[i] = slices.Clone(links)
		slices.SortStableFunc(choices[i], func(x, y int) int { return cmp.Compare(a.Links[y].Bandwidth, a.Links[x].Bandwidth) })
	}
	for k := range widest {
		var lane []int
		for _, links := range choices {
			lane = append(lane, links[k%len(links)])
		}
		if !slices.Equal(lane, path) {
			lanes = append(lanes, lane)
		}
	}
	return lanes
}

// FirstLinksOnly is the accelerator in which, of parallel links, only the first carries
// anything.
func (a *Accelerator) FirstLinksOnly() *Accelerator {
	b := *a
	b.firstOnly = true
	return &b
}
