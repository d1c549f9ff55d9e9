package allocate

import (
	"math"

	"streamdse/hardware"
)

// way is what goes from one core to another, divided among the links of each hop in
// proportion to their bandwidths: what parallel links come to in the long run.
type way struct {
	portions []portion
	// bits per cycle: of a transfer that takes the fastest link of every hop, and of all
	// links together.
	fastest, together float64
}

// portion is the part of all that a link carries.
type portion struct {
	link int
	part float64
}

func wayBetween(acc *hardware.Accelerator, from, to int) way {
	w := way{fastest: math.Inf(1), together: math.Inf(1)}
	hops := acc.Hops(from, to)
	for i := 1; i < len(hops); i++ {
		links := acc.Between(hops[i-1], hops[i])
		sum, fastest := 0.0, 0.0
		for _, l := range links {
			bandwidth := float64(acc.Links[l].Bandwidth)
			sum, fastest = sum+bandwidth, max(fastest, bandwidth)
		}
		for _, l := range links {
			part := 1 / float64(len(links))
			if len(links) > 1 && !math.IsInf(sum, 1) {
				part = float64(acc.Links[l].Bandwidth) / sum
			}
			w.portions = append(w.portions, portion{l, part})
		}
		w.fastest, w.together = min(w.fastest, fastest), min(w.together, sum)
	}
	return w
}
