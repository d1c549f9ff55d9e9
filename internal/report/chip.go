package report

import (
	"fmt"
	"image/color"
	"io"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"

	"streamdse/hardware"
	"streamdse/unit"
)

// Sizes of the picture of an accelerator.
const (
	smallText   = 7 * vg.Length(1)
	smallStep   = 8.5 * vg.Length(1)
	chipMargin  = 16 * vg.Length(1) // around the cores, on the die
	laneStep    = 4 * vg.Length(1)  // between lines that run side by side
	coreHeight  = 44 * vg.Length(1)
	widestCore  = 112 * vg.Length(1)
	offchipSize = 30 * vg.Length(1) // height of the off-chip memory
	levelHeight = 25 * vg.Length(1) // of a memory in a hierarchy
	levelGap    = 7 * vg.Length(1)
	panelGap    = 14 * vg.Length(1)
)

// What is drawn in which colour; all differ in lightness too.
var (
	die        = color.RGBA{246, 247, 250, 255}
	corePaper  = color.RGBA{222, 233, 246, 255}
	otherPaper = color.RGBA{233, 240, 226, 255}
	memoryOnly = color.RGBA{243, 232, 214, 255}
	offPaper   = color.RGBA{236, 226, 240, 255}
	operandInk = [...]color.RGBA{{33, 94, 160, 255}, {214, 120, 20, 255}, {30, 120, 84, 255}} // I1, I2, O
	linkInks   = []color.RGBA{{70, 80, 100, 255}, {190, 80, 60, 255}, {50, 130, 150, 255}, {150, 110, 30, 255}, {120, 80, 150, 255}}
)

// AcceleratorPicture draws an accelerator: where its cores are and how they are
// connected, and below the memory hierarchy of every kind of core.
func AcceleratorPicture(w io.Writer, a *hardware.Accelerator, f Format) error {
	face, err := loadTypeface()
	if err != nil {
		return err
	}
	c := newChip(a, face)
	return render(w, f, pageWidth, c.height, func(canvas vg.Canvas) {
		c.sheet = sheet{typeface: face, canvas: canvas, height: c.height}
		c.draw()
	})
}

// chip is the picture of an accelerator.
type chip struct {
	sheet
	acc    *hardware.Accelerator
	layout chipLayout
	small  font.Face
	kinds  []coreKind
	speeds []linkSpeed
	height vg.Length

	core          struct{ width, height vg.Length }
	gap           struct{ across, down vg.Length } // between cores
	left, top     vg.Length                        // of the first core
	diePart       rect
	offchip       rect
	panelsFrom    vg.Length
	panelWidth    vg.Length
	panelsPerRow  int
	lanes, trunks map[int]int // lines so far, by channel
}

// coreKind is cores that are alike.
type coreKind struct {
	cores []int
}

// linkSpeed is links of equal bandwidth and energy.
type linkSpeed struct {
	bandwidth unit.BitsPerCycle
	energy    unit.Picojoules // per cycle
	bitEnergy unit.Picojoules
}

func newChip(a *hardware.Accelerator, face typeface) *chip {
	c := &chip{acc: a, layout: layOutChip(a), small: face.regular, lanes: map[int]int{}, trunks: map[int]int{}}
	c.typeface = face
	c.small.Font.Size = smallText
	for id := range a.Cores {
		if id == a.Offchip {
			continue
		}
		same := func(k coreKind) bool {
			first := &a.Cores[k.cores[0]]
			return first.Name == a.Cores[id].Name && hardware.EqualPerformance(first, &a.Cores[id])
		}
		if i := slices.IndexFunc(c.kinds, same); i >= 0 {
			c.kinds[i].cores = append(c.kinds[i].cores, id)
		} else {
			c.kinds = append(c.kinds, coreKind{[]int{id}})
		}
	}
	for i := range a.Links {
		if s := speedOf(&a.Links[i]); !slices.Contains(c.speeds, s) {
			c.speeds = append(c.speeds, s)
		}
	}
	c.measure()
	return c
}

func speedOf(l *hardware.Link) linkSpeed { return linkSpeed{l.Bandwidth, l.UnitEnergy, l.BitEnergy} }

// measure sets the size of everything.
func (c *chip) measure() {
	columns, rows := vg.Length(c.layout.columns), vg.Length(c.layout.rows)
	// Room for what runs between the rows: links that do not join neighbours, buses.
	crossing := vg.Length(c.crossing())
	c.gap.across, c.gap.down = 16, 16+min(crossing, 10)*laneStep
	c.left = edge + chipMargin + c.busRoom()
	room := pageWidth - c.left - edge - chipMargin - (columns-1)*c.gap.across
	c.core.width, c.core.height = min(widestCore, room/columns), coreHeight
	c.top = titleHeight + smallStep + 5 + chipMargin
	right := c.left + columns*c.core.width + (columns-1)*c.gap.across
	bottom := c.top + rows*c.core.height + (rows-1)*c.gap.down
	c.diePart = rect{edge, c.top - chipMargin, max(right+chipMargin, edge+200), bottom + chipMargin}
	c.offchip = rect{edge, c.diePart.bottom + 22, c.diePart.right, c.diePart.bottom + 22 + offchipSize}
	c.panelsFrom = c.offchip.bottom + panelGap
	c.panelsPerRow = min(2, len(c.kinds))
	c.panelWidth = (pageWidth - 2*edge - panelGap) / 2
	c.height = c.panelsFrom
	for i := 0; i < len(c.kinds); i += c.panelsPerRow {
		tallest := vg.Length(0)
		for k := i; k < min(i+c.panelsPerRow, len(c.kinds)); k++ {
			tallest = max(tallest, c.panelHeight(k))
		}
		c.height += tallest + panelGap
	}
	c.height += edge - panelGap
}

// crossing is the largest number of lines that may run side by side between two rows.
func (c *chip) crossing() int {
	n := 0
	for i := range c.acc.Links {
		l := &c.acc.Links[i]
		switch {
		case c.isBus(l):
			n++
		case !l.Shared && c.drawn(l) && !c.neighbours(l.From, l.To):
			n++
		}
	}
	return n
}

// busRoom is the width at the left in which buses run from row to row.
func (c *chip) busRoom() vg.Length {
	room := vg.Length(0)
	for i := range c.acc.Links {
		if c.isBus(&c.acc.Links[i]) {
			room += laneStep
		}
	}
	return room
}

// drawn tells whether a link is drawn as a line of its own: not those to the off-chip
// memory, and of a pair of links to and fro the first only.
func (c *chip) drawn(l *hardware.Link) bool {
	if l.Shared || offchipLink(c.acc, l) {
		return false
	}
	back := slices.ContainsFunc(c.acc.Links, func(m hardware.Link) bool {
		return !m.Shared && m.From == l.To && m.To == l.From && speedOf(&m) == speedOf(l)
	})
	return !back || l.From < l.To
}

// isBus tells whether a link is a bus that is drawn: not the one that joins every core
// with the off-chip memory.
func (c *chip) isBus(l *hardware.Link) bool {
	return l.Shared && len(l.Members) > 1 && len(l.Members) < len(c.acc.Cores)
}

func (c *chip) neighbours(a, b int) bool {
	p, q := c.layout.at[a], c.layout.at[b]
	dx, dy := p.column-q.column, p.row-q.row
	return dx*dx+dy*dy == 1
}

func (c *chip) box(core int) rect {
	at := c.layout.at[core]
	x := c.left + vg.Length(at.column)*(c.core.width+c.gap.across)
	y := c.top + vg.Length(at.row)*(c.core.height+c.gap.down)
	return rect{x, y, x + c.core.width, y + c.core.height}
}

func (c *chip) draw() {
	c.fill(rect{0, 0, pageWidth, c.height}, white)
	compute, units := 0, int64(0)
	for id := range c.acc.Cores {
		if u := c.acc.Cores[id].Units(); u > 0 {
			compute++
			units += u
		}
	}
	c.heading(c.acc.Name, fmt.Sprintf("%s with %s processing elements", plural(compute, "core"), exact(units)))
	c.speedLegend(titleHeight + smallText)
	c.frame(c.diePart, die, pale)
	for i := range c.acc.Links {
		switch l := &c.acc.Links[i]; {
		case c.isBus(l):
			c.bus(l)
		case c.drawn(l):
			c.link(l)
		}
	}
	for id := range c.acc.Cores {
		if id != c.acc.Offchip {
			c.drawCore(id)
		}
	}
	c.drawOffchip()
	y := c.panelsFrom
	for i := 0; i < len(c.kinds); i += c.panelsPerRow {
		tallest := vg.Length(0)
		for k := i; k < min(i+c.panelsPerRow, len(c.kinds)); k++ {
			c.panel(k, edge+vg.Length(k-i)*(c.panelWidth+panelGap), y)
			tallest = max(tallest, c.panelHeight(k))
		}
		y += tallest + panelGap
	}
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

// frame paints an area with a border.
func (c *chip) frame(r rect, paper, border color.RGBA) {
	c.fill(r, border)
	const width = 2 * dot
	c.fill(rect{r.left + width, r.top + width, r.right - width, r.bottom - width}, paper)
}

func (c *chip) ink(l *hardware.Link) color.RGBA {
	return linkInks[slices.Index(c.speeds, speedOf(l))%len(linkInks)]
}

// width is how thick a link is drawn: faster ones are thicker.
func (c *chip) width(l *hardware.Link) vg.Length {
	rank := 0
	for _, s := range c.speeds {
		if s.bandwidth < l.Bandwidth {
			rank++
		}
	}
	return vg.Length(3+2*min(rank, 3)) * dot
}

// speedLegend says what the lines stand for.
func (c *chip) speedLegend(y vg.Length) {
	x := edge
	for i, s := range c.speeds {
		text := speedText(s)
		if x+swatch+pad+c.small.Width(text) > pageWidth-edge {
			break
		}
		c.across(x, x+swatch, y-0.35*smallText, 5*dot, 0, linkInks[i%len(linkInks)])
		c.text(c.small, x+swatch+3, y, atStart, black, text)
		x += swatch + 3 + c.small.Width(text) + columnGap
	}
}

func speedText(s linkSpeed) string {
	text := bandwidthText(s.bandwidth)
	if s.energy > 0 {
		text += ", " + figure(float64(s.energy)) + " pJ/cycle"
	}
	if s.bitEnergy > 0 {
		text += ", " + figure(float64(s.bitEnergy)) + " pJ/bit"
	}
	return text
}

func bandwidthText(b unit.BitsPerCycle) string {
	if b > 1e15 {
		return "unlimited"
	}
	return figure(float64(b)) + " bits/cycle"
}

// figure writes a number with no more than six digits.
func figure(x float64) string { return strconv.FormatFloat(x, 'g', 6, 64) }

// line draws a path of horizontal and vertical stretches.
func (c *chip) line(width vg.Length, ink color.RGBA, points ...vg.Point) {
	for i := 1; i < len(points); i++ {
		p, q := points[i-1], points[i]
		c.fill(rect{min(p.X, q.X) - width/2, min(p.Y, q.Y) - width/2, max(p.X, q.X) + width/2, max(p.Y, q.Y) + width/2}, ink)
	}
}

// link draws a link: straight between neighbours, else through the space between rows.
func (c *chip) link(l *hardware.Link) {
	from, to := c.box(l.From), c.box(l.To)
	p, q := c.layout.at[l.From], c.layout.at[l.To]
	width, ink := c.width(l), c.ink(l)
	middle := func(r rect) vg.Point { return vg.Point{X: (r.left + r.right) / 2, Y: (r.top + r.bottom) / 2} }
	a, b := middle(from), middle(to)
	if c.neighbours(l.From, l.To) {
		// A further link between the same cores is drawn below or to the right of the first.
		if shift := vg.Length(c.before(l)) * laneStep; p.row == q.row {
			a.Y, b.Y = a.Y+shift, b.Y+shift
		} else {
			a.X, b.X = a.X+shift, b.X+shift
		}
		c.line(width, ink, a, b)
		return
	}
	// The channel above a row has its row's number. Lines leave and enter cores side
	// by side, each in a lane of its own.
	channel := max(p.row, q.row)
	lane := c.lanes[channel]
	c.lanes[channel]++
	y := c.top + vg.Length(channel)*(c.core.height+c.gap.down) - c.gap.down + 6 + vg.Length(lane%10)*laneStep
	if channel == 0 {
		y = c.top - 4 - vg.Length(lane%3)*laneStep
	}
	shift := (vg.Length(lane%8/2) + 1) * (laneStep + 1)
	if lane%2 == 1 {
		shift = -shift
	}
	a.X, b.X = a.X+shift, b.X+shift
	if low, high := min(p.row, q.row), max(p.row, q.row); high-low > 1 {
		// The upper end is further up: pass the rows between in the space beside it.
		upper, lower := &a, &b
		if p.row > q.row {
			upper, lower = &b, &a
		}
		column := c.layout.at[l.From].column
		if p.row > q.row {
			column = c.layout.at[l.To].column
		}
		x := c.left + vg.Length(column)*(c.core.width+c.gap.across) + c.core.width + 3 + vg.Length(lane%3)*laneStep
		c.line(width, ink, *upper, vg.Point{X: x, Y: upper.Y}, vg.Point{X: x, Y: y}, vg.Point{X: lower.X, Y: y}, *lower)
		return
	}
	c.line(width, ink, a, vg.Point{X: a.X, Y: y}, vg.Point{X: b.X, Y: y}, b)
}

// before is how many of the lines between the same cores are drawn before a link.
func (c *chip) before(l *hardware.Link) int {
	n := 0
	for i := range c.acc.Links {
		m := &c.acc.Links[i]
		if m == l {
			break
		}
		if c.drawn(m) && min(m.From, m.To) == min(l.From, l.To) && max(m.From, m.To) == max(l.From, l.To) {
			n++
		}
	}
	return n
}

// bus draws a bus: a line below every row with cores on it, joined at the left.
func (c *chip) bus(l *hardware.Link) {
	width, ink := c.width(l), c.ink(l)
	trunk := c.trunks[0]
	c.trunks[0]++
	x := c.left - 6 - vg.Length(trunk)*laneStep
	first, last := vg.Length(-1), vg.Length(0)
	for row := range c.layout.rows {
		y := c.top + vg.Length(row+1)*c.core.height + vg.Length(row)*c.gap.down + 5 + vg.Length(trunk%3)*laneStep
		far := vg.Length(0)
		for _, id := range l.Members {
			if id == c.acc.Offchip || c.layout.at[id].row != row {
				continue
			}
			box := c.box(id)
			tap := (box.left+box.right)/2 + (vg.Length(trunk%5)-2)*laneStep
			c.line(width, ink, vg.Point{X: tap, Y: box.bottom}, vg.Point{X: tap, Y: y})
			far = max(far, tap)
		}
		if far > 0 {
			c.line(width, ink, vg.Point{X: x, Y: y}, vg.Point{X: far, Y: y})
			if first < 0 {
				first = y
			}
			last = y
		}
	}
	if slices.Contains(l.Members, c.acc.Offchip) {
		last = c.offchip.top
	}
	c.line(width, ink, vg.Point{X: x, Y: first}, vg.Point{X: x, Y: last})
}

// drawCore draws a core: its name, its array and its top-level memories.
func (c *chip) drawCore(id int) {
	core, r := &c.acc.Cores[id], c.box(id)
	paper := otherPaper
	switch {
	case core.Units() == 0:
		paper = memoryOnly
	case slices.Contains(c.kinds[0].cores, id):
		paper = corePaper
	}
	c.frame(r, paper, grey)
	inside := c.core.width - 6
	c.text(c.bold, r.left+3, r.top+textSize+1, atStart, black, fitting(c.bold, inside, fmt.Sprintf("%d %s", id, core.Name), fmt.Sprintf("core %d", id)))
	lines := []string{fitting(c.small, inside, arrayText(core)+" elements", arrayText(core))}
	if core.Units() == 0 {
		lines[0] = "memory only"
	}
	for i := range c.acc.Stores {
		if s := &c.acc.Stores[i]; slices.Contains(s.Cores, id) {
			size := humanBytes(s.Capacity)
			if len(s.Cores) > 1 {
				size += ", shared"
			}
			lines = append(lines, fitting(c.small, inside, s.Name+" "+size, size))
		}
	}
	if len(lines) > 3 {
		lines = append(lines[:2], fmt.Sprintf("and %d more memories", len(lines)-2))
	}
	for i, text := range lines {
		c.text(c.small, r.left+3, r.top+textSize+3+vg.Length(i+1)*smallStep, atStart, black, elide(c.small, text, inside))
	}
	if c.reachesOffchip(id) {
		c.triangle(r.right-6, r.bottom-2, 6, linkInks[0])
	}
}

// reachesOffchip tells whether a core has a link of its own to or from the off-chip
// memory.
func (c *chip) reachesOffchip(id int) bool {
	return slices.ContainsFunc(c.acc.Links, func(l hardware.Link) bool {
		return !l.Shared && (l.From == id && l.To == c.acc.Offchip || l.To == id && l.From == c.acc.Offchip)
	})
}

// fitting is the first of the texts that fits into a width, else the last.
func fitting(f font.Face, width vg.Length, texts ...string) string {
	for _, t := range texts {
		if f.Width(t) <= width {
			return t
		}
	}
	return texts[len(texts)-1]
}

// arrayText is the sizes of a core's array: "32 × 32".
func arrayText(core *hardware.Core) string {
	var sizes []string
	for _, n := range core.Sizes {
		sizes = append(sizes, strconv.Itoa(n))
	}
	return strings.Join(sizes, " × ")
}

// drawOffchip draws the off-chip memory and how it is reached.
func (c *chip) drawOffchip() {
	core := &c.acc.Cores[c.acc.Offchip]
	c.frame(c.offchip, offPaper, grey)
	m := &core.Memories[0]
	x := c.offchip.left + 6
	c.text(c.bold, x, c.offchip.top+textSize+2, atStart, black, fmt.Sprintf("%d %s: %s, %s", core.ID, core.Name, m.Name, humanBytes(m.Size)))
	c.text(c.small, x, c.offchip.top+textSize+4+smallStep, atStart, black, elide(c.small, memoryText(m), c.offchip.right-x-6))
	var words []string
	own := 0
	at := c.offchip.left + 60
	for i := range c.acc.Links {
		l := &c.acc.Links[i]
		switch {
		case !offchipLink(c.acc, l):
		case !l.Shared:
			own++
		case !c.isBus(l):
			c.line(c.width(l)+2*dot, c.ink(l), vg.Point{X: at, Y: c.diePart.bottom}, vg.Point{X: at, Y: c.offchip.top})
			words = append(words, sharedText(c.acc, l))
			at += 3 * laneStep
		}
	}
	if own > 0 {
		words = append(words, "cores with a triangle have links of their own to it")
	}
	c.text(c.small, at+4, (c.diePart.bottom+c.offchip.top)/2+0.35*smallText, atStart, black,
		elide(c.small, strings.Join(words, "; "), pageWidth-edge-at-4))
}

func sharedText(a *hardware.Accelerator, l *hardware.Link) string {
	way := "in both directions"
	switch {
	case l.To == a.Offchip:
		way = "to off-chip memory"
	case l.From == a.Offchip:
		way = "from off-chip memory"
	}
	return "shared by all cores, " + way + ": " + speedText(speedOf(l))
}
