package netplot

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"streamdse/workload"
)

// TestArrange draws any acyclic graph: rows run down, boxes keep their distance, an
// edge passes every row between its ends.
func TestArrange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 30).Draw(t, "nodes")
		var edges [][2]int
		for to := 1; to < n; to++ {
			for _, from := range rapid.SliceOfNDistinct(rapid.IntRange(0, to-1), 0, min(3, to), func(i int) int { return i }).Draw(t, "inputs") {
				edges = append(edges, [2]int{from, to})
			}
		}
		const width, narrow = 100, 10
		l := arrange(n, edges, width, narrow)
		for i, e := range edges {
			path := l.via[i]
			if path[0] != e[0] || path[len(path)-1] != e[1] {
				t.Fatalf("edge %v passes %v", e, path)
			}
			for k := range path[1:] {
				if l.row[path[k+1]] != l.row[path[k]]+1 {
					t.Fatalf("edge %v jumps from row %d to %d", e, l.row[path[k]], l.row[path[k+1]])
				}
			}
		}
		seen := 0
		for r, row := range l.rows {
			seen += len(row)
			for i, v := range row {
				if l.row[v] != r {
					t.Fatalf("%d stands in row %d and belongs to %d", v, r, l.row[v])
				}
				if i == 0 {
					continue
				}
				need := 0.0
				for _, u := range []int{v, row[i-1]} {
					if u < n {
						need += width / 2
					} else {
						need += narrow / 2
					}
				}
				if got := l.x[v] - l.x[row[i-1]]; got < need-1e-6 {
					t.Fatalf("%d and %d are %g apart, not %g", row[i-1], v, got, need)
				}
			}
		}
		if seen != len(l.row) {
			t.Fatalf("%d of %d nodes stand in rows", seen, len(l.row))
		}
	})
}

// TestCrossings compares with a count of all pairs.
func TestCrossings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.IntRange(1, 8).Draw(t, "upper"), rapid.IntRange(1, 8).Draw(t, "lower")
		l := &layout{rows: [][]int{{}, {}}}
		down, position := make([][]int, a+b), make([]float64, a+b)
		for i := range a {
			l.rows[0], position[i] = append(l.rows[0], i), float64(i)
			down[i] = rapid.SliceOfNDistinct(rapid.IntRange(a, a+b-1), 0, b, func(i int) int { return i }).Draw(t, "ends")
		}
		for i := range b {
			l.rows[1], position[a+i] = append(l.rows[1], a+i), float64(i)
		}
		want := 0
		for i := range a {
			for j := range i {
				for _, u := range down[i] {
					for _, v := range down[j] {
						if v > u {
							want++
						}
					}
				}
			}
		}
		if got := l.crossings(down, position); got != want {
			t.Fatalf("%d crossings, want %d", got, want)
		}
	})
}

// TestOrder untangles two edges that would cross.
func TestOrder(t *testing.T) {
	l := arrange(5, [][2]int{{0, 1}, {0, 2}, {1, 4}, {2, 3}}, 10, 1)
	down := [][]int{{1, 2}, {4}, {3}, nil, nil}
	position := make([]float64, 5)
	for _, row := range l.rows {
		for i, v := range row {
			position[v] = float64(i)
		}
	}
	if n := l.crossings(down, position); n != 0 {
		t.Errorf("%d crossings in %v", n, l.rows)
	}
}

func TestAscending(t *testing.T) {
	got := ascending([]float64{1, 5, 2, 2, 9}, []float64{1, 1, 2, 1, 1})
	if want := []float64{1, 2.75, 2.75, 2.75, 9}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func network() *workload.Workload {
	from := func(layer int, via ...workload.Movement) workload.Source {
		return workload.Source{Kind: workload.FromLayer, Layer: layer, Via: via}
	}
	layer := func(id int, name, typ string, sources ...workload.Source) workload.Layer {
		l := workload.Layer{
			ID: id, Name: name, Type: typ, Dims: []workload.LoopDim{{Dim: "K", Size: 1500}, {Dim: "B", Size: 1}},
			Operands: []workload.Operand{{Name: "O", Dims: []workload.Dim{"K"}, FinalBits: 8}},
		}
		for i, s := range sources {
			l.Operands = append(l.Operands, workload.Operand{Name: []string{"I", "W"}[i], Dims: []workload.Dim{"K"}, FinalBits: 8, Source: s})
		}
		return l
	}
	flatten := workload.Movement{Kind: workload.Reshape, Type: "Flatten"}
	return &workload.Workload{Name: "a & b", Layers: []workload.Layer{
		layer(0, "<first>", "Conv"),
		layer(1, "pool", "MaxPool", from(0)),
		layer(4, "sum", "Add", workload.Source{Kind: workload.FromParts, Parts: []workload.Source{from(0), from(1)}}, from(1, flatten)),
	}}
}

func TestWrite(t *testing.T) {
	var a, b bytes.Buffer
	if err := Write(&a, network()); err != nil {
		t.Fatal(err)
	}
	if err := Write(&b, network()); err != nil || !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Errorf("two pictures differ (%v)", err)
	}
	text := a.String()
	for _, want := range []string{
		">a &amp; b<", "&lt;first&gt;", ">0 Conv · 1.5 k<", ">4 Add · 1.5 k<", ">Flatten<", ">I; W through Flatten<", ">K1500<", "3 layers, 1.5 k MACs",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the picture lacks %q", want)
		}
	}
	if boxes, arrows := strings.Count(text, "<rect x="), strings.Count(text, `marker-end="url(#end)"`); boxes != 3 || arrows != 3 {
		t.Errorf("%d boxes and %d arrows, want 3 and 3", boxes, arrows)
	}
	for d := xml.NewDecoder(&a); ; {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := Write(failing{}, network()); err == nil {
		t.Error("a full disk goes unnoticed")
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("full") }

func TestCount(t *testing.T) {
	for n, want := range map[int64]string{7: "7", 1500: "1.5 k", 1_814_073_344: "1.814 G", math.MaxInt64: "9.223e+06 T"} {
		if got := count(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}
