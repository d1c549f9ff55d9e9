// Package netplot draws a network's layers and what they read from each other as
// an SVG picture.
package netplot

import (
	"bufio"
	"fmt"
	"html"
	"io"
	"strings"

	"streamdse/workload"
)

// Sizes in pixels.
const (
	boxWidth  = 190.0
	boxHeight = 46.0
	rowHeight = 84.0
	gap       = 26.0
	passing   = 20.0 // between edges that pass a row
	margin    = 24.0
	header    = 40.0

	// Characters that fit into a box's three lines, and beside an arrow.
	titleChars = 14
	nameChars  = 31
	loopChars  = 36
	labelChars = 26
)

// Write draws the workload from top to bottom: a box a layer, with its id, name,
// type, loop sizes and operations, and an arrow from every layer to those that
// read it, with the data movement on the way. All details are in the tool tips. The same
// workload gives the same bytes.
func Write(out io.Writer, w *workload.Workload) error {
	b := bufio.NewWriter(out)
	arrows := arrowsOf(w)
	edges := make([][2]int, len(arrows))
	for i := range arrows {
		edges[i] = [2]int{arrows[i].from, arrows[i].to}
	}
	l := arrange(len(w.Layers), edges, boxWidth+gap, passing)
	width, height := 0.0, header+2*margin+float64(len(l.rows)-1)*rowHeight+boxHeight
	for _, x := range l.x {
		width = max(width, x)
	}
	width += boxWidth + 2*margin
	at := func(v int) (x, y float64) {
		return l.x[v] + margin + boxWidth/2, header + margin + float64(l.row[v])*rowHeight
	}

	fmt.Fprintf(b, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" viewBox="0 0 %.0f %.0f" font-family="Helvetica, Arial, sans-serif">`+"\n", width, height, width, height)
	fmt.Fprintln(b, `<defs><marker id="end" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="#667"/></marker></defs>`)
	fmt.Fprintln(b, `<rect width="100%" height="100%" fill="white"/>`)
	t := w.Totals()
	fmt.Fprintf(b, `<text x="%.0f" y="%.0f" font-size="16" font-weight="bold" fill="#223">%s</text>`+"\n", margin, margin+6, html.EscapeString(w.Name))
	fmt.Fprintf(b, `<text x="%.0f" y="%.0f" font-size="11" fill="#556">%d layers, %s MACs, %s of weights</text>`+"\n",
		margin, margin+24, t.Layers, count(t.MACs), t.Weights.Bytes())
	for i, path := range l.via {
		arrow(b, &arrows[i], path, at)
	}
	for i := range w.Layers {
		x, y := at(i)
		box(b, &w.Layers[i], x, y)
	}
	fmt.Fprintln(b, "</svg>")
	return b.Flush()
}

// arrowData is what one layer reads of another.
type arrowData struct {
	from, to int
	operands []string // with the movements on the way
	label    string
}

// arrowsOf lists which layers read which, one arrow a pair.
func arrowsOf(w *workload.Workload) (list []arrowData) {
	for i := range w.Layers {
		known := map[int]int{}
		for k := range w.Layers[i].Operands {
			o := &w.Layers[i].Operands[k]
			for _, s := range o.Source.Origins() {
				if s.Kind != workload.FromLayer {
					continue
				}
				at, ok := known[s.Layer]
				if !ok {
					at = len(list)
					known[s.Layer] = at
					list = append(list, arrowData{from: s.Layer, to: i})
				}
				var moves []string
				for _, m := range s.Via {
					if m.Kind != workload.Transparent {
						moves = append(moves, m.Type)
					}
				}
				text := o.Name
				if len(moves) > 0 {
					list[at].label = strings.Join(moves, ", ")
					text += " through " + list[at].label
				}
				list[at].operands = append(list[at].operands, text)
			}
		}
	}
	return list
}

// arrow draws an edge as smooth pieces from row to row.
func arrow(b io.Writer, a *arrowData, path []int, at func(int) (x, y float64)) {
	x, y := at(path[0])
	y += boxHeight
	d := fmt.Sprintf("M%.1f %.1f", x, y)
	var middle [2]float64 // of the last piece
	for i, v := range path[1:] {
		u, z := at(v)
		bend := (z - y) / 2
		d += fmt.Sprintf("C%.1f %.1f %.1f %.1f %.1f %.1f", x, y+bend, u, z-bend, u, z)
		middle = [2]float64{(x + u) / 2, (y + z) / 2}
		x, y = u, z
		if i < len(path)-2 { // straight past the row
			y += boxHeight
			d += fmt.Sprintf("V%.1f", y)
		}
	}
	fmt.Fprintf(b, `<path d="%s" fill="none" stroke="#667" stroke-width="1.2" marker-end="url(#end)"><title>%s</title></path>`+"\n",
		d, html.EscapeString(strings.Join(a.operands, "; ")))
	if a.label != "" {
		fmt.Fprintf(b, `<text x="%.1f" y="%.1f" font-size="9" fill="#557" text-anchor="middle" stroke="white" stroke-width="3" paint-order="stroke">%s</text>`+"\n",
			middle[0], middle[1]+3, html.EscapeString(shorten(a.label, labelChars)))
	}
}

// box draws a layer; x is its middle, y its top.
func box(b io.Writer, l *workload.Layer, x, y float64) {
	var loops []string
	for _, d := range l.Dims {
		if d.Size > 1 {
			loops = append(loops, fmt.Sprintf("%s%d", d.Dim, d.Size))
		}
	}
	details := fmt.Sprintf("%d %s\n%s, %d operations\n%s", l.ID, l.Name, l.Type, l.MACs(), strings.Join(loops, " "))
	for i := range l.Operands {
		o := &l.Operands[i]
		details += fmt.Sprintf("\n%s: %d elements of %d bits", o.Name, l.Elements(o), o.FinalBits)
	}
	for _, f := range l.Folded {
		details += "\nfolded in: " + f
	}
	fill, stroke := colours(l.Type)
	fmt.Fprintf(b, `<g><title>%s</title><rect x="%.1f" y="%.1f" width="%.0f" height="%.0f" rx="5" fill="%s" stroke="%s"/>`,
		html.EscapeString(details), x-boxWidth/2, y, boxWidth, boxHeight, fill, stroke)
	title := l.Type
	if l.Part != "" {
		title += " " + l.Part
	}
	line := func(n int, size, weight, colour, text string) {
		fmt.Fprintf(b, `<text x="%.1f" y="%.1f" font-size="%s" font-weight="%s" fill="%s" text-anchor="middle">%s</text>`,
			x, y+float64(14*n), size, weight, colour, html.EscapeString(text))
	}
	if r := []rune(title); len(r) > titleChars {
		title = string(r[:titleChars-1]) + "…"
	}
	line(1, "11", "bold", "#223", fmt.Sprintf("%d %s · %s", l.ID, title, count(l.MACs())))
	line(2, "9.5", "normal", "#334", shorten(l.Name, nameChars))
	line(3, "9", "normal", "#556", shorten(strings.Join(loops, " "), loopChars))
	fmt.Fprintln(b, "</g>")
}

// colours tells kinds of layers apart.
func colours(typ string) (fill, stroke string) {
	kind, _, _ := strings.Cut(typ, "_")
	switch {
	case strings.Contains(kind, "Conv"):
		return "#dbe9fb", "#5b86bd"
	case kind == "Gemm" || strings.Contains(kind, "MatMul") || kind == "QGemm" || kind == "Einsum":
		return "#e4defa", "#8268c4"
	case strings.Contains(kind, "Pool"):
		return "#dff3e3", "#5da571"
	case strings.Contains(kind, "Norm") || strings.Contains(kind, "oftmax") || strings.HasPrefix(kind, "Reduce"):
		return "#fbe7d6", "#c98a4e"
	}
	return "#f6f1d5", "#b5a450"
}

// shorten keeps the end of a text, which tells names apart.
func shorten(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return "…" + string(r[len(r)-n+1:])
	}
	return s
}

// count writes a number with a unit.
func count(n int64) string {
	for _, u := range []struct {
		size int64
		name string
	}{{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if n >= u.size {
			return fmt.Sprintf("%.4g %s", float64(n)/float64(u.size), u.name)
		}
	}
	return fmt.Sprint(n)
}
