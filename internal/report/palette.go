package report

import (
	"image/color"
	"math"
	"slices"
	"strings"

	"streamdse/taskgraph"
)

// legendLimit is the number of legend entries up to which every layer gets a
// colour of its own.
const legendLimit = 48

// legend says which colour each layer has and what the colours stand for.
type legend struct {
	entry   []int32 // by layer: index of names and colours
	names   []string
	colours []color.RGBA
}

// newLegend gives every layer that has nodes a colour, in the order of the
// network. Where there are too many, neighbours whose names start alike share
// one; where the names do not help, so do equally many neighbours each.
func newLegend(layers []taskgraph.Layer) legend {
	all := shortNames(layers)
	var short []string // of the layers that have nodes
	place := make([]int32, len(layers))
	for i := range layers {
		place[i] = int32(len(short))
		if len(layers[i].Nodes) > 0 {
			short = append(short, all[i])
		}
	}
	names := slices.Clone(short)
	group := make([]int32, len(short))
	for i := range group {
		group[i] = int32(i)
	}
	for depth := 3; len(names) > legendLimit && depth >= 1; depth-- {
		group, names = groupByPrefix(short, depth)
	}
	if len(names) > legendLimit {
		group, names = groupEvenly(short, legendLimit)
	}
	entry := make([]int32, len(layers))
	for i := range layers {
		if len(layers[i].Nodes) > 0 {
			entry[i] = group[place[i]]
		}
	}
	return legend{entry, names, palette(len(names))}
}

// groupByPrefix joins neighbours that agree in the first parts of their names.
func groupByPrefix(names []string, depth int) (entry []int32, groups []string) {
	entry = make([]int32, len(names))
	for i, n := range names {
		parts := strings.Split(n, ".")
		prefix := strings.Join(parts[:min(depth, len(parts))], ".")
		if len(groups) == 0 || groups[len(groups)-1] != prefix {
			groups = append(groups, prefix)
		}
		entry[i] = int32(len(groups) - 1)
	}
	return entry, groups
}

// groupEvenly joins equally many neighbours into each of at most limit groups.
func groupEvenly(names []string, limit int) (entry []int32, groups []string) {
	entry = make([]int32, len(names))
	size := (len(names) + limit - 1) / limit
	for first := 0; first < len(names); first += size {
		last := min(first+size, len(names)) - 1
		for i := first; i <= last; i++ {
			entry[i] = int32(len(groups))
		}
		name := names[first]
		if last > first {
			name += " to " + names[last]
		}
		groups = append(groups, name)
	}
	return entry, groups
}

// palette returns n colours along a ramp from blue to red that does not rely on
// telling red from green: depth in the network is hue. Neighbours take turns in
// lightness, so that they differ in greyscale and for every kind of colour
// vision.
func palette(n int) []color.RGBA {
	ramp := [...][3]float64{
		{70, 66, 160}, {50, 110, 186}, {44, 150, 180}, {70, 172, 130},
		{150, 186, 70}, {220, 186, 60}, {236, 150, 60}, {222, 104, 76}, {190, 76, 120},
	}
	tones := [...]float64{-0.35, 0.45, -0.1, 0.55} // towards white, or black if negative
	out := make([]color.RGBA, n)
	for i := range out {
		x := 0.0
		if n > 1 {
			x = float64(i) / float64(n-1) * float64(len(ramp)-1)
		}
		k := min(int(x), len(ramp)-2)
		f := x - float64(k)
		tone := tones[i%len(tones)]
		var c [3]uint8
		for j := range c {
			v := ramp[k][j]*(1-f) + ramp[k+1][j]*f
			if tone > 0 {
				v += (255 - v) * tone
			} else {
				v += v * tone
			}
			c[j] = uint8(math.Round(v))
		}
		out[i] = color.RGBA{c[0], c[1], c[2], 255}
	}
	return out
}

// tint mixes a colour with white: 0 leaves it, 1 gives white.
func tint(c color.RGBA, f float64) color.RGBA {
	mix := func(v uint8) uint8 { return uint8(math.Round(float64(v) + (255-float64(v))*f)) }
	return color.RGBA{mix(c.R), mix(c.G), mix(c.B), 255}
}

// luminance is how light a colour looks, from 0 to 1.
func luminance(c color.RGBA) float64 {
	linear := func(v uint8) float64 { return math.Pow(float64(v)/255, 2.2) }
	return 0.2126*linear(c.R) + 0.7152*linear(c.G) + 0.0722*linear(c.B)
}

// onto is the colour of text that is readable on a background: black or white.
func onto(background color.RGBA) color.RGBA {
	if luminance(background) > 0.22 {
		return black
	}
	return white
}

// The few colours of everything that is not a layer.
var (
	white    = color.RGBA{255, 255, 255, 255}
	black    = color.RGBA{20, 20, 20, 255}
	grey     = color.RGBA{110, 110, 110, 255}
	pale     = color.RGBA{214, 214, 214, 255}
	paper    = color.RGBA{244, 244, 244, 255} // an idle lane
	curve    = color.RGBA{33, 94, 160, 255}   // the use of a memory
	area     = color.RGBA{176, 206, 234, 255} // below it
	capacity = color.RGBA{196, 60, 30, 255}
)
