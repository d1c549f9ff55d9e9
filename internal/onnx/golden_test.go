package onnx_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"streamdse/internal/golden"
	"streamdse/internal/onnx"
	"streamdse/internal/onnx/onnxtest"
	"streamdse/rules"
	"streamdse/workload"
)

// TestMeasuredLayers compares the layers of every measured network with the
// computation nodes of its runs, which name their layer's id, type, loops,
// operands, precisions and sources.
func TestMeasuredLayers(t *testing.T) {
	file := golden.Load(t)
	for _, name := range slices.Sorted(maps.Keys(file.Cases)) {
		c := file.Cases[name]
		t.Run(name, func(t *testing.T) {
			w, err := onnx.Workload(onnxtest.Model(t, file.Workloads[c.Inputs.Workload]), onnx.Options{Rules: rules.Reference2024()})
			if err != nil {
				t.Fatal(err)
			}
			compareWithNodes(t, w, c)
		})
	}
}

func compareWithNodes(t *testing.T, w *workload.Workload, c *golden.Case) {
	byID := map[int]*workload.Layer{}
	for i := range w.Layers {
		byID[w.Layers[i].ID] = &w.Layers[i]
	}
	seen := map[int]bool{}
	size := map[string]int{} // extent of a layer's loop over all of its nodes
	for _, n := range c.Nodes {
		for d, r := range n.LoopRanges {
			key := fmt.Sprint(n.Layer, d)
			size[key] = max(size[key], r[1])
		}
	}
	for _, n := range c.Nodes {
		l := byID[n.Layer]
		if l == nil {
			t.Errorf("no layer %d (%s)", n.Layer, n.Name)
			continue
		}
		seen[n.Layer] = true
		if l.Name != n.Name {
			t.Errorf("layer %d is called %q, want %q", n.Layer, l.Name, n.Name)
		}
		if got := kind(l); got != n.Type {
			t.Errorf("layer %d is a %q, want %q", n.Layer, got, n.Type)
		}
		checkOperands(t, w, l, &n)
		if len(l.Dims) != len(n.LayerDims) {
			t.Errorf("layer %d has loops %v, want %v", n.Layer, l.Dims, n.LayerDims)
		}
		for _, d := range l.Dims {
			if _, ok := n.LayerDims[string(d.Dim)]; !ok {
				t.Errorf("layer %d has a loop %s, want only %v", n.Layer, d.Dim, n.LayerDims)
			}
			// A split that leaves a remainder covers less than the loop.
			if got, want := d.Size, size[fmt.Sprint(n.Layer, d.Dim)]; got != want && !remainder(c, want, got) {
				t.Errorf("layer %d: loop %s has size %d, want %d", n.Layer, d.Dim, got, want)
			}
		}
	}
	for id := range byID {
		if !seen[id] {
			t.Errorf("layer %d has no node", id)
		}
	}
}

// remainder tells whether nodes cover only part of a loop of the given size, or,
// enlarged to a multiple of its parts, more: as measured where 3 parts were asked for.
func remainder(c *golden.Case, covered, size int) bool {
	return strings.HasSuffix(c.Inputs.Mapping, "3") && (covered == size-size%3 || covered == size+3-size%3)
}

func kind(l *workload.Layer) string {
	switch {
	case l.Part != "":
		return l.Part
	case strings.HasSuffix(l.Type, "Pool"):
		return "pooling"
	}
	return strings.ToLower(l.Type)
}

func checkOperands(t *testing.T, w *workload.Workload, l *workload.Layer, n *golden.Node) {
	t.Helper()
	if len(l.Operands) != len(n.Tensors) {
		t.Errorf("layer %d has %d operands, want %d", l.ID, len(l.Operands), len(n.Tensors))
	}
	var constant []string
	sources := map[string]int{}
	for i := range l.Operands {
		o := &l.Operands[i]
		// The box of the node's tensor names its dimensions by their ranges.
		ranges, bits := [][2]int{}, int64(o.FinalBits)
		for _, d := range o.Dims {
			r := n.LoopRanges[string(d)]
			ranges = append(ranges, r)
			bits *= int64(r[1] - r[0])
		}
		want := n.Tensors[o.Name]
		if !slices.Equal(ranges, want.Ranges) || bits != want.Bits {
			t.Errorf("layer %d operand %s%v covers %v with %d bits, want %v with %d", l.ID, o.Name, o.Dims, ranges, bits, want.Ranges, want.Bits)
		}
		if got := clippedBits(l, o, n); got != n.OperandSizeBit[o.Name] {
			t.Errorf("layer %d operand %s needs %d bits, want %d", l.ID, o.Name, got, n.OperandSizeBit[o.Name])
		}
		if got, want := o.Axes[max(0, len(o.Axes)-1):], len(o.Dims); want > 0 && !slices.Equal(got, []int{want}) {
			t.Errorf("layer %d operand %s: axes %v do not end at %d", l.ID, o.Name, o.Axes, want)
		}
		switch s := o.Source; {
		case s.Constant():
			constant = append(constant, o.Name)
		case s.Kind == workload.FromLayer && len(s.Via) > 0:
			sources[o.Name] = s.Via[len(s.Via)-1].ID
		case s.Kind == workload.FromLayer:
			sources[o.Name] = w.Layers[s.Layer].ID
		}
	}
	slices.Sort(constant)
	wantConstant := slices.Sorted(slices.Values(n.ConstantOperands))
	if !slices.Equal(constant, wantConstant) {
		t.Errorf("layer %d has constant operands %v, want %v", l.ID, constant, wantConstant)
	}
	if diff := cmp.Diff(n.OperandSource, sources); diff != "" {
		t.Errorf("layer %d: sources (-want +got):\n%s", l.ID, diff)
	}
}

// clippedBits is the size of a node's operand, outputs as partial sums and index
// dimensions by the number of distinct positions within the tensor.
func clippedBits(l *workload.Layer, o *workload.Operand, n *golden.Node) int64 {
	bits := int64(o.Bits)
	for _, d := range o.Dims {
		r := l.Relation(d)
		if r == nil {
			bits *= int64(n.LayerDims[string(d)])
			continue
		}
		a, b := n.LayerDims[string(r.A)], n.LayerDims[string(r.B)]
		g := gcd(r.CoefA, r.CoefB)
		bits *= int64(min(r.Size, a*b-max(0, b-r.CoefA/g)*(a-r.CoefB/g)))
	}
	return bits
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
