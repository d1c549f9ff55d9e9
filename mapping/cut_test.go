package mapping_test

import (
	"fmt"
	"strings"
	"testing"

	"streamdse/mapping"
	"streamdse/workload"
)

func TestParseCuts(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"K=4", "[K=4]"},
		{"conv1:K=2,OY=2", "[conv1:K=2 conv1:OY=2]"},
		{"K=2,/layer1/conv:0:OY=all", "[K=2 /layer1/conv:0:OY=all]"},
		{"OY:size=4", "[OY:size=4]"},
		{"Conv:OY:size=4, K=3", "[Conv:OY:size=4 Conv:K=3]"},
	} {
		cuts, err := mapping.ParseCuts(test.text, true)
		if got := fmt.Sprint(cuts); err != nil || got != test.want {
			t.Errorf("%q: %s, %v, want %s", test.text, got, err, test.want)
		}
		for _, c := range cuts {
			if !c.Inter {
				t.Errorf("%q: %v is not over cores", test.text, c)
			}
		}
	}
	for text, bad := range map[string]string{
		"K": "K", "K=": "K=", "=4": "=4", "K=0": "K=0", "K=-2": "K=-2", "K=4,,": "", "OY:size=all": "OY:size=all", "K=*": "K=*", "": "", "conv1:": "conv1:",
	} {
		_, err := mapping.ParseCuts(text, false)
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q is no tiling", bad)) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestParseCutsWithoutLayer(t *testing.T) {
	for _, text := range []string{":K=2", " :K=2", ":K:size=2", "K=4,:OY=2"} {
		if _, err := mapping.ParseCuts(text, true); err == nil || !strings.Contains(err.Error(), "names no layer before the colon") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func cutNetwork() *workload.Workload {
	return &workload.Workload{Layers: []workload.Layer{
		{Name: "conv1", Type: "Conv", Dims: []workload.LoopDim{{Dim: "K", Size: 8}, {Dim: "OY", Size: 5}}},
		{Name: "conv2", Type: "Conv", Dims: []workload.LoopDim{{Dim: "K", Size: 4}, {Dim: "OY", Size: 7}}},
		{Name: "fc", Type: "Gemm", Dims: []workload.LoopDim{{Dim: "K", Size: 10}, {Dim: "C", Size: 4}}},
	}}
}

func cuts(t *testing.T, m *mapping.Mapping, inter bool, texts ...string) *mapping.Mapping {
	t.Helper()
	for _, text := range texts {
		list, err := mapping.ParseCuts(text, inter)
		if err != nil {
			t.Fatal(err)
		}
		m = m.With(list...)
	}
	return m
}

// TestCutsOf checks that a cut for a layer's name comes before one for its type,
// and that before one for all.
func TestCutsOf(t *testing.T) {
	plain := &mapping.Mapping{}
	m := cuts(t, plain, true, "K=2,OY=3", "Conv:OY=2", "conv2:K=4")
	m = cuts(t, m, false, "C=all")
	w := cutNetwork()
	for i, want := range []string{"[{OY 2 false}] false [] false", "[{K 4 false}] true [] false", "[{K 2 false}] false [{C -1 false}] false"} {
		l := &w.Layers[i]
		if got := cutsOf(m, l); got != want {
			t.Errorf("%s: %s, want %s", l.Name, got, want)
		}
	}
	if len(plain.Cuts) != 0 {
		t.Error("With changes the mapping it starts from")
	}
}

func cutsOf(m *mapping.Mapping, l *workload.Layer) string {
	over, overNamed := m.CutsOf(l, true)
	within, withinNamed := m.CutsOf(l, false)
	return fmt.Sprint(over, overNamed, within, withinNamed)
}

func TestCheckCuts(t *testing.T) {
	w := cutNetwork()
	for _, test := range []struct{ text, want string }{
		{"K=10", ""},
		{"OY=all,C=2", ""},
		{"Conv:K:size=8", ""},
		{"OX=2", "the tiling OX=2 cuts dimension OX, which no layer has\n  allowed: C, K, OY"},
		{"fc:OY=2", "the tiling fc:OY=2 cuts dimension OY, which layer \"fc\" does not have\n  allowed: C, K"},
		{"conv3:K=2", "the tiling conv3:K=2 names layer \"conv3\", which the network does not have\n  allowed: the name of a layer, or an operator type: Conv, Gemm\n  hint: did you mean `Conv`?"},
		{"K=11", "the tiling K=11 asks for 11 parts of K, which has at most 10 elements\n  allowed: 1 to 10"},
		{"conv2:K=5", "the tiling conv2:K=5 asks for 5 parts of K, which has 4 elements in layer \"conv2\"\n  allowed: 1 to 4"},
		{"OY:size=8", "the tiling OY:size=8 asks for 8 elements a part of OY, which has at most 7 elements\n  allowed: 1 to 7"},
		{"Conv:OY=8", "the tiling Conv:OY=8 asks for 8 parts of OY, which has at most 7 elements in layers of type Conv\n  allowed: 1 to 7"},
		{"Gemm:OY=8", "the tiling Gemm:OY=8 cuts dimension OY, which layers of type Gemm do not have\n  allowed: C, K"},
	} {
		err := cuts(t, &mapping.Mapping{}, false, test.text).CheckCuts(w)
		if got := fmt.Sprint(err); err == nil && test.want != "" || err != nil && got != test.want {
			t.Errorf("%s: %v, want %s", test.text, err, test.want)
		}
	}
}

// FuzzParseCuts: what is read is written as something that reads the same.
func FuzzParseCuts(f *testing.F) {
	f.Add("conv1:K=2,OY:size=4")
	f.Add("a:b:K=all,=")
	f.Fuzz(func(t *testing.T, text string) {
		list, err := mapping.ParseCuts(text, false)
		if err != nil {
			return
		}
		for _, c := range list {
			again, err := mapping.ParseCuts(c.String(), false)
			if err != nil || len(again) != 1 || again[0] != c {
				t.Errorf("%q gives %+v, which is written %q and read as %+v, %v", text, c, c, again, err)
			}
		}
	})
}
