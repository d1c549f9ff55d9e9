package report

import (
	"fmt"
	"image/color"
	"io"
	"iter"
	"math"
	"strconv"

	"gonum.org/v1/plot/vg"
)

// frontRow is a line of pareto.csv: a solution that nothing found dominates.
type frontRow struct {
	Latency int64   `parquet:"latency_cycles"`
	Energy  float64 `parquet:"energy_pj"`
	EDP     float64 `parquet:"edp"` // pJ x cycles
	Memory  int64   `parquet:"memory_bits"`
	Chosen  bool    `parquet:"chosen"`  // it is the result
	Mapping string  `parquet:"mapping"` // the file that gives it again
}

// frontRows lists the front by ascending latency.
func frontRows(d *Data) iter.Seq[frontRow] {
	return func(yield func(frontRow) bool) {
		for _, p := range d.Search.Front {
			row := frontRow{int64(p.Latency), float64(p.Energy), float64(p.Latency) * float64(p.Energy), int64(p.Memory), p.Chosen, p.Mapping}
			if !yield(row) {
				return
			}
		}
	}
}

// aim is an axis of the picture of the front.
type aim struct {
	title string
	units [5]string // from the first on, each step times the one before
	step  float64
	of    func(Point) float64
}

func latencyAim() aim {
	return aim{"latency", [5]string{"cycles", "k cycles", "M cycles", "G cycles", "T cycles"}, 1000, func(p Point) float64 { return float64(p.Latency) }}
}

func energyAim() aim {
	return aim{"energy", [5]string{"pJ", "nJ", "µJ", "mJ", "J"}, 1000, func(p Point) float64 { return float64(p.Energy) }}
}

func memoryAim() aim {
	return aim{"peak memory", [5]string{"B", "KB", "MB", "GB", "TB"}, 1024, func(p Point) float64 { return float64(p.Memory) / 8 }}
}

// scatter is an axis with round ticks that holds all points.
type scatter struct {
	aim
	low, high, step, scale float64
	unit                   string
}

func newScatter(a aim, points []Point) scatter {
	s := scatter{aim: a, low: math.Inf(1), high: math.Inf(-1), scale: 1, unit: a.units[0]}
	for _, p := range points {
		s.low, s.high = min(s.low, a.of(p)), max(s.high, a.of(p))
	}
	for i := 1; i < len(a.units) && s.high >= 2*s.scale*a.step; i++ {
		s.scale *= a.step
		s.unit = a.units[i]
	}
	margin := max(0.06*(s.high-s.low), 0.01*s.high, s.scale*1e-3)
	s.low, s.high = max(0, s.low-margin), s.high+margin
	width := (s.high - s.low) / s.scale
	s.step = math.Pow(10, math.Floor(math.Log10(width))-1)
	for _, m := range []float64{1, 2, 5, 10, 20, 50} {
		if width/(m*s.step) <= 6 {
			s.step *= m
			break
		}
	}
	s.step *= s.scale
	return s
}

// ticks are the round values on the axis with their texts.
func (s *scatter) ticks() (at []float64, text []string) {
	for n := math.Ceil(s.low / s.step); n*s.step <= s.high; n++ {
		at = append(at, n*s.step)
		text = append(text, strconv.FormatFloat(math.Round(n*s.step/s.scale*1e6)/1e6, 'f', -1, 64))
	}
	return at, text
}

// along is where a value is between the ends of the axis.
func (s *scatter) along(v float64) vg.Length { return vg.Length((v - s.low) / (s.high - s.low)) }

// frontHeight is the height of the picture of the front.
func frontHeight() vg.Length { return snap(titleHeight + lineStep + 150 + axisHeight + edge) }

// FrontPicture draws the solutions that nothing found dominates: energy and peak
// memory over latency. What is dominated in the two values that a half shows, but
// not in the third, is pale; the result is marked.
func FrontPicture(w io.Writer, d *Data, o Options) error {
	t, err := loadTypeface()
	if err != nil {
		return err
	}
	height := frontHeight()
	front := d.Search.Front
	figures := fmt.Sprintf("%d solutions that none found dominates in latency, energy and peak memory", len(front))
	return render(w, o.Format, pageWidth, height, func(v vg.Canvas) {
		s := &sheet{typeface: t, canvas: v, height: height}
		s.heading(d.Title(), figures)
		if len(front) == 0 {
			return
		}
		half := (pageWidth - 2*edge) / 2
		for i, y := range []aim{energyAim(), memoryAim()} {
			left := edge + vg.Length(i)*half
			r := rect{snap(left + 40), snap(titleHeight + lineStep), snap(left + half - 12), snap(height - axisHeight - edge)}
			s.scatter(r, newScatter(latencyAim(), front), newScatter(y, front), front)
		}
	})
}

// scatter draws one panel of the picture of the front.
func (s *sheet) scatter(r rect, x, y scatter, points []Point) {
	at := func(p Point) (vg.Length, vg.Length) {
		return snap(r.left + (r.right-r.left)*x.along(x.of(p))), snap(r.bottom - (r.bottom-r.top)*y.along(y.of(p)))
	}
	ticks, texts := x.ticks()
	for i, v := range ticks {
		px := snap(r.left + (r.right-r.left)*x.along(v))
		s.down(px, r.top, r.bottom, dot, pale)
		s.down(px, r.bottom, r.bottom+3, 2*dot, black)
		s.text(s.regular, px, r.bottom+3+textSize, atMiddle, black, texts[i])
	}
	ticks, texts = y.ticks()
	for i, v := range ticks {
		py := snap(r.bottom - (r.bottom-r.top)*y.along(v))
		s.across(r.left, r.right, py, dot, 0, pale)
		s.across(r.left-3, r.left, py, 2*dot, 0, black)
		s.text(s.regular, r.left-pad, py+0.34*textSize, atEnd, black, texts[i])
	}
	s.across(r.left, r.right, r.bottom, 2*dot, 0, black)
	s.down(r.left, r.top, r.bottom, 2*dot, black)
	s.text(s.regular, (r.left+r.right)/2, r.bottom+3+textSize+lineStep, atMiddle, black, x.title+" ("+x.unit+")")
	s.text(s.bold, r.left, r.top-pad, atStart, black, y.title+" ("+y.unit+")")
	const size = 3.4 * vg.Length(1)
	for _, behind := range []bool{true, false} {
		for i, p := range points {
			if dominated(points, i, x, y) != behind {
				continue
			}
			colour := color.RGBA{38, 92, 158, 255}
			if behind {
				colour = tint(colour, 0.65)
			}
			px, py := at(p)
			s.fill(rect{px - size/2, py - size/2, px + size/2, py + size/2}, colour)
		}
	}
	for _, p := range points {
		if p.Chosen {
			px, py := at(p)
			s.triangle(px, py-size/2, 7, color.RGBA{196, 60, 30, 255})
			name, side, gap := "result", atStart, 6*vg.Length(1)
			if px > (r.left+r.right)/2 {
				side, gap = atEnd, -gap
			}
			s.text(s.bold, px+gap, py-size-2, side, color.RGBA{196, 60, 30, 255}, name)
		}
	}
}

// dominated tells whether another point is better in both of two aims.
func dominated(points []Point, i int, x, y scatter) bool {
	p := points[i]
	for _, q := range points {
		if x.of(q) <= x.of(p) && y.of(q) <= y.of(p) && (x.of(q) < x.of(p) || y.of(q) < y.of(p)) {
			return true
		}
	}
	return false
}
