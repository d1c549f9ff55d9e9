package connect

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"streamdse/internal/simulate"
	"streamdse/internal/split"
	"streamdse/mapping"
	"streamdse/rules"
	"streamdse/schedule"
	"streamdse/taskgraph"
	"streamdse/unit"
	"streamdse/workload"
)

// rowConv is a convolution of an image of some rows of eight bits, one of them an element.
func rowConv(name string, rows, kernel, stride, pad int) workload.Layer {
	out := (rows+2*pad-kernel)/stride + 1
	return workload.Layer{
		Name: name, Type: "Conv",
		Dims:      []workload.LoopDim{{Dim: "K", Size: 4}, {Dim: "OY", Size: out}, {Dim: "OX", Size: 1}, {Dim: "C", Size: 1}, {Dim: "FY", Size: kernel}, {Dim: "FX", Size: 1}},
		Relations: []workload.Relation{{Index: "IY", A: "OY", B: "FY", CoefA: stride, CoefB: 1, PadBefore: pad, PadAfter: pad, Size: rows}},
		Operands: []workload.Operand{
			output(singly(3), "K", "OY", "OX"),
			input("I", workload.Source{Kind: workload.FromInput, Tensor: "x", Shape: []int{1, rows, 1}}, singly(3), "C", "IY", "OX"),
			input("W", weights, singly(3), "K", "C", "FY"),
		},
		OutputShape: []int{4, out, 1},
	}
}

// along cuts layers over cores; "OY" into all of its rows, "OY=2" in two.
func along(t *testing.T, cuts ...string) *mapping.Mapping {
	m := &mapping.Mapping{}
	for i, cut := range cuts {
		e := mapping.Entry{Name: fmt.Sprint("l", i), Cores: []int{0, 1}}
		for field := range strings.FieldsSeq(cut) {
			tiling := mapping.Tiling{Dim: workload.Dim(field), Parts: mapping.All}
			if d, n, ok := strings.Cut(field, "="); ok {
				tiling.Dim = workload.Dim(d)
				if _, err := fmt.Sscan(n, &tiling.Parts); err != nil {
					t.Fatal(err)
				}
			}
			e.Inter = append(e.Inter, tiling)
		}
		m.Entries = append(m.Entries, e)
	}
	return m
}

// piecesOf writes where the rows of the pieces begin and end, and what each node reads of
// which of them, counted from the first.
func piecesOf(g *taskgraph.Graph) string {
	if g.Pieces == nil {
		return "none"
	}
	var b strings.Builder
	for i := range g.Pieces.Of {
		r := g.Tensors[int(g.Pieces.First)+i].Ranges[1]
		fmt.Fprintf(&b, "%d-%d ", r.Lo, r.Hi)
	}
	for n := range g.Nodes {
		b.WriteString("|")
		for r := range g.Constants(taskgraph.NodeID(n), 1) {
			fmt.Fprintf(&b, " %d", r.Tensor-g.Pieces.First)
			if p := g.Parts.Part(r.Part); p != nil {
				for i, run := range p[1] {
					fmt.Fprintf(&b, "%c%d-%d", ":+"[min(i, 1)], run.Lo, run.Hi)
				}
			}
		}
	}
	return b.String()
}

// TestPieces checks how constants are cut, and what nodes read of them.
func TestPieces(t *testing.T) {
	for _, c := range []struct {
		name   string
		layers []workload.Layer
		cuts   []string
		want   string
	}{
		{"three rows of a window are those of the next", []workload.Layer{rowConv("l0", 12, 5, 2, 2)}, []string{"OY"},
			"0-2 2-3 3-4 4-6 6-8 8-9 9-11 11-12 | 0 1| 0 1 2 3:0-1| 1 2 3 4:0-1| 3 4 5| 4 5 6| 5 6 7"},
		{"tiles of several rows", []workload.Layer{rowConv("l0", 12, 3, 1, 1)}, []string{"OY=2"}, "0-5 5-7 7-12 | 0 1| 1 2"},
		{"rows that a stride skips", []workload.Layer{rowConv("l0", 12, 1, 2, 0)}, []string{"OY=2"}, "0-5 6-11 | 0:0-1+2-3+4-5| 1:0-1+2-3+4-5"},
		{"rows that no window reaches", []workload.Layer{rowConv("l0", 10, 2, 4, 0)}, []string{""}, "0-10 | 0:0-2+4-6+8-10"},
		{"tiles that do not overlap", []workload.Layer{rowConv("l0", 8, 2, 2, 0)}, []string{"OY"}, "none"},
		{"all of it", []workload.Layer{rowConv("l0", 8, 3, 1, 1)}, []string{"K"}, "none"},
		{"two layers", []workload.Layer{rowConv("l0", 8, 1, 1, 0), rowConv("l1", 8, 1, 1, 0)}, []string{"", ""}, "0-8 | 0| 0"},
		{"layers with other tiles", []workload.Layer{rowConv("l0", 12, 1, 1, 0), rowConv("l1", 12, 1, 1, 0)}, []string{"OY=2", "OY=3"},
			"0-4 4-6 6-8 8-12 | 0 1| 2 3| 0| 1 2| 3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := &workload.Workload{Layers: c.layers}
			for i := range w.Layers {
				w.Layers[i].ID = i
			}
			m := along(t, c.cuts...)
			g := build(t, w, m, split.LayerByLayer(w), rules.Default())
			if got := piecesOf(g); got != c.want {
				t.Errorf("pieces %s, want %s", got, c.want)
			}
			for _, r := range []rules.Rules{rules.Reference2024(), rules.Reference2023(), {WholeTilesMove: true}} {
				if g := build(t, w, m, split.LayerByLayer(w), r); g.Pieces != nil {
					t.Errorf("rules %q: %s", r.Name, piecesOf(g))
				}
			}
		})
	}
}

// TestPiecesOfUnlikeTiles has two layers read an image by rows and by columns: rather
// than a piece for every element there are two sets of pieces.
func TestPiecesOfUnlikeTiles(t *testing.T) {
	const size = 40
	w := &workload.Workload{}
	for i := range 2 {
		axes := singly(2)
		s := workload.Source{Kind: workload.FromInput, Tensor: "x", Shape: []int{size, size}}
		w.Layers = append(w.Layers, workload.Layer{ID: i, Name: fmt.Sprint("l", i), Type: "Add",
			Dims: []workload.LoopDim{{Dim: "D", Size: size}, {Dim: "K", Size: size}}, OutputShape: []int{size, size},
			Operands: []workload.Operand{output(axes, "D", "K"), input("I", s, axes, "D", "K"), input("W", s, axes, "D", "K")}})
	}
	g := build(t, w, along(t, "D", "K"), split.LayerByLayer(w), rules.Default())
	if got := len(g.Pieces.Of); got != 2*size {
		t.Errorf("%d pieces, want %d", got, 2*size)
	}
	for n := range g.Nodes {
		for k := 1; k <= 2; k++ {
			for r := range g.Constants(taskgraph.NodeID(n), k) {
				if r.Part != 0 || g.Tensors[r.Tensor].Uses != 2 || g.Tensors[r.Tensor].Bits != 8*size {
					t.Errorf("node %d reads part %d of %+v", n, r.Part, g.Tensors[r.Tensor])
				}
			}
		}
	}
}

// inputNetwork draws some layers that read the network's input, cut along its rows.
func inputNetwork(t *rapid.T) (*workload.Workload, *mapping.Mapping, split.Stacks) {
	d := &draft{T: t}
	shape := []int{d.int(1, 2, "B"), d.int(1, 3, "C"), d.int(1, 12, "IY"), 1}
	x := drafted{workload.Source{Kind: workload.FromInput, Tensor: "x", Shape: shape}, shape}
	d.tensors = []drafted{x}
	m := &mapping.Mapping{}
	for range d.int(1, 3, "layers") {
		switch d.int(0, 2, "kind") {
		case 0:
			d.pool(x)
		case 1:
			d.elementWise(x, x)
		default:
			d.conv(x)
		}
		l := &d.w.Layers[len(d.w.Layers)-1]
		e := mapping.Entry{Name: l.Name, Cores: []int{0, 1}}
		for _, dim := range []workload.Dim{"OY", "D", "FY"} {
			if l.HasDim(dim) && d.int(0, 3, "cut") > 0 {
				e.Intra = append(e.Intra, mapping.Tiling{Dim: dim, Parts: d.int(1, 4, "parts")})
				e.Inter = append(e.Inter, mapping.Tiling{Dim: dim, Parts: d.int(1, 3, "parts")})
			}
		}
		if l.HasDim("K") {
			e.Inter = append(e.Inter, mapping.Tiling{Dim: "K", Parts: d.int(1, 2, "parts")})
		}
		m.Entries = append(m.Entries, e)
	}
	return &d.w, m, split.Stacks{indices(len(d.w.Layers))}
}

// TestInputsArriveOnce: with room for all, what arrives in a core's memory of the
// network's input is what the nodes there read of it, each element once. Through
// movements and along several axes, where parts are joined axis by axis, it is no less.
func TestInputsArriveOnce(t *testing.T) {
	shared := 0
	rapid.Check(t, func(t *rapid.T) {
		exact := rapid.Bool().Draw(t, "rows only")
		draw := randomNetwork
		if exact {
			draw = inputNetwork
		}
		w, m, stacks := draw(t)
		g := build(t, w, m, stacks, rules.Default())
		acc := resized(t, "tpu_like_quad_core", 1<<24, func() int { return 64 })
		costs := allCores(g, acc, func() schedule.NodeCost { return schedule.NodeCost{Runtime: 10} })
		alloc := spread(g, func() int { return rapid.IntRange(0, acc.Offchip-1).Draw(t, "core") })
		sim, err := simulate.New(simulate.Problem{Graph: g, Accelerator: acc, Costs: costs, Priority: simulate.Order(g, nil), Rules: rules.Default()})
		if err != nil {
			t.Fatal(err)
		}
		s, err := sim.Run(alloc)
		if err != nil {
			t.Fatal(err)
		}
		arrived := make([]unit.Bits, len(acc.Stores))
		for _, x := range s.Transfers {
			tensor := &g.Tensors[x.Tensor]
			if tensor.Constant && reads(&g.Layers[tensor.Layer].Operands[tensor.Operand].Source, workload.FromInput) {
				arrived[x.ToStore] += x.Bits
			}
		}
		read := make([]map[piece]bool, len(acc.Stores))
		for i := range g.Layers {
			l := &g.Layers[i]
			for k := 1; k < len(l.Operands); k++ {
				if !reads(&l.Operands[k].Source, workload.FromInput) {
					continue
				}
				values, dims := follow(g, i, k)
				for _, n := range l.Nodes {
					store := acc.Top(alloc.Core(&g.Nodes[n]), l.Memory[k])
					if read[store] == nil {
						read[store] = map[piece]bool{}
					}
					readBy(g, n, k, values, dims, func(v piece) {
						if v.layer == -1 && read[store][v] {
							shared++
						} else if v.layer == -1 {
							read[store][v] = true
						}
					})
				}
			}
		}
		for store := range acc.Stores {
			want := 8 * unit.Bits(len(read[store]))
			if arrived[store] < want || arrived[store] > want && exact {
				t.Errorf("%s: %d bits of the input arrive, %d are read", schedule.StoreName(acc, store), arrived[store], want)
			}
		}
	})
	if shared == 0 {
		t.Error("no element is read more than once")
	}
}

// reads tells whether some of an operand is of a kind.
func reads(s *workload.Source, kind workload.SourceKind) bool {
	return slices.ContainsFunc(s.Origins(), func(o workload.Source) bool { return o.Kind == kind })
}

// TestVerifyCatchesInputs: rows of the network's input that do not come, or come without
// being read, are noticed.
func TestVerifyCatchesInputs(t *testing.T) {
	w := &workload.Workload{Layers: []workload.Layer{rowConv("l0", 12, 1, 2, 0)}}
	g := build(t, w, along(t, "OY=2"), split.LayerByLayer(w), rules.Default())
	acc := resized(t, "tpu_like_quad_core", 1<<24, func() int { return 8 })
	costs := allCores(g, acc, func() schedule.NodeCost { return schedule.NodeCost{Runtime: 10} })
	alloc := spread(g, func() int { return 0 })
	sim, err := simulate.New(simulate.Problem{Graph: g, Accelerator: acc, Costs: costs, Priority: simulate.Order(g, nil), Rules: rules.Default()})
	if err != nil {
		t.Fatal(err)
	}
	part := func(s *schedule.Schedule, rows ...taskgraph.Range) {
		s.Parts = append(slices.Clone(s.Parts), taskgraph.Part{nil, rows})
		id := taskgraph.PartID(len(s.Parts) - 1)
		for i := range s.Transfers {
			x := &s.Transfers[i]
			if x.Tensor != g.Pieces.First+1 {
				continue
			}
			x.Part, x.Bits = id, g.Tensors[x.Tensor].PartBits(s.Parts[id])
			x.End = x.Start + unit.TransferCycles(x.Bits, 8)
			for j := range s.Copies {
				if c := &s.Copies[j]; c.Tensor == x.Tensor && c.Store == x.ToStore {
					c.Part, c.Available = id, x.End
				}
			}
		}
	}
	second := func(x taskgraph.TensorID) bool { return x == g.Pieces.First+1 }
	for _, c := range []struct {
		name   string
		rule   schedule.Rule
		change func(s *schedule.Schedule)
	}{
		{"nothing", "", func(*schedule.Schedule) {}},
		{"a piece that does not come", schedule.RulePresence, func(s *schedule.Schedule) {
			s.Transfers = slices.DeleteFunc(s.Transfers, func(x schedule.Transfer) bool { return second(x.Tensor) })
			s.Copies = slices.DeleteFunc(s.Copies, func(c schedule.Copy) bool { return second(c.Tensor) && c.Start > 0 })
		}},
		{"a row that does not come", schedule.RulePresence, func(s *schedule.Schedule) {
			part(s, taskgraph.Range{Lo: 0, Hi: 1}, taskgraph.Range{Lo: 2, Hi: 3})
		}},
		{"a row that nobody reads", schedule.RuleExcess, func(s *schedule.Schedule) {
			part(s, taskgraph.Range{Lo: 0, Hi: 3}, taskgraph.Range{Lo: 4, Hi: 5})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := sim.Run(alloc)
			if err != nil {
				t.Fatal(err)
			}
			c.change(s)
			var broken *schedule.Violation
			err = schedule.Verify(g, acc, costs, alloc, s, rules.Default())
			if errors.As(err, &broken) && broken.Rule != c.rule || broken == nil && (err != nil || c.rule != "") {
				t.Errorf("got %v, want rule %q broken", err, c.rule)
			}
			if broken != nil && !strings.Contains(broken.Detail, "tensor I of layer l0 (first used by node 1)") {
				t.Errorf("the message does not tell what: %v", broken)
			}
		})
	}
}
