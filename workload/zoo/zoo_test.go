package zoo_test

import (
	"bytes"
	"fmt"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"streamdse/internal/golden"
	"streamdse/internal/onnx"
	"streamdse/rules"
	"streamdse/workload"
	"streamdse/workload/zoo"
)

// modes are all ways to make a workload of a model.
func modes() []onnx.Options {
	return []onnx.Options{
		{Rules: rules.Default(), FoldActivations: true},
		{Rules: rules.Default()},
		{Rules: rules.Reference2024(), FoldActivations: true},
		{Rules: rules.Reference2024()},
	}
}

func build(t *testing.T, name string, o onnx.Options) *workload.Workload {
	t.Helper()
	m, err := zoo.Model(name)
	if err != nil {
		t.Fatal(err)
	}
	w, err := onnx.Workload(m, o)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func kind(typ string) string {
	if strings.HasSuffix(typ, "Pool") {
		return "pooling"
	}
	return strings.ToLower(typ)
}

// TestResNet18Measured compares every layer with the measured table; by default a
// pooling does not repeat its channels.
func TestResNet18Measured(t *testing.T) {
	table, err := os.ReadFile("testdata/resnet18.tsv")
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range modes() {
		t.Run(fmt.Sprintf("%s fold=%t", o.Rules.Name, o.FoldActivations), func(t *testing.T) {
			var want, got strings.Builder
			var folded []string
			for line := range strings.Lines(string(table)) {
				f := strings.Split(strings.TrimSpace(line), "\t")
				if strings.HasPrefix(line, "#") || len(f) != 5 {
					continue
				}
				if f[2] == "relu" && o.FoldActivations {
					folded = append(folded, "Relu "+f[1])
					continue
				}
				if f[2] == "pooling" && !o.Rules.PoolingRepeatsChannels {
					n, err := strconv.Atoi(f[4])
					if err != nil {
						t.Fatal(err)
					}
					before, rest, _ := strings.Cut(f[3], " C=")
					channels, after, _ := strings.Cut(rest, " ")
					c, err := strconv.Atoi(channels)
					if err != nil {
						t.Fatal(err)
					}
					f[3], f[4] = before+" "+after, strconv.Itoa(n/c)
				}
				fmt.Fprintln(&want, strings.Join(f, "\t"))
			}
			w := build(t, "resnet18", o)
			var gotFolded []string
			for i := range w.Layers {
				l := &w.Layers[i]
				var loops []string
				for _, d := range l.Dims {
					loops = append(loops, fmt.Sprintf("%s=%d", d.Dim, d.Size))
				}
				fmt.Fprintf(&got, "%d\t%s\t%s\t%s\t%d\n", l.ID, l.Name, kind(l.Type), strings.Join(loops, " "), l.MACs())
				gotFolded = append(gotFolded, l.Folded...)
			}
			if diff := cmp.Diff(want.String(), got.String()); diff != "" {
				t.Errorf("layers (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(folded, gotFolded); diff != "" {
				t.Errorf("folded (-want +got):\n%s", diff)
			}
		})
	}
}

func TestResNet18Totals(t *testing.T) {
	got := build(t, "resnet18", onnx.Options{FoldActivations: true}).Totals()
	// Convolutions: the stem, four stages (each but the first halves the rows and
	// columns and doubles the channels, and has a 1x1 convolution in the shortcut),
	// and the fully connected layer.
	stem := int64(112*112) * 64 * 3 * 7 * 7
	plain := int64(56*56) * 64 * 64 * 3 * 3 // the same in every stage
	shortcut := int64(28*28) * 128 * 64
	macs := stem + 4*plain + 3*(plain/2+3*plain+shortcut) + 512*1000
	weights := int64(64*3*49) + 4*64*64*9 + 512*1000
	for c := int64(128); c <= 512; c *= 2 {
		weights += c*(c/2)*9 + 3*c*c*9 + c*(c/2)
	}
	if macs != 1_814_073_344 {
		t.Fatalf("the sum by hand is %d", macs)
	}
	if got.MACs != macs {
		t.Errorf("%d MACs, want %d", got.MACs, macs)
	}
	if int64(got.Weights) != 8*weights {
		t.Errorf("%d bits of weights, want %d", got.Weights, 8*weights)
	}
	if got.Layers != 31 {
		t.Errorf("%d layers, want 20 convolutions, 8 additions, 2 poolings and 1 matrix product", got.Layers)
	}
}

// TestResNet18Public compares with the public file, in everything but the names of
// inputs and weights.
func TestResNet18Public(t *testing.T) {
	m, err := onnx.ReadFile(golden.Shared(t, "data/stream-2024/examples/workload/resnet18.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	names := cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Tensor" || p.String() == "Name" }, cmp.Ignore())
	for _, o := range modes() {
		want, err := onnx.Workload(m, o)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, build(t, "resnet18", o), names); diff != "" {
			t.Errorf("%s fold=%t (-public +built):\n%s", o.Rules.Name, o.FoldActivations, diff)
		}
	}
	built, err := zoo.Model("resnet18")
	if err != nil {
		t.Fatal(err)
	}
	attributes := func(m *onnx.Model) (all [][]onnx.Attribute) {
		for _, n := range m.Graph.Nodes {
			all = append(all, n.Attributes)
		}
		return all
	}
	sorted := cmp.Transformer("sorted", func(list []onnx.Attribute) map[string]onnx.Attribute {
		byName := map[string]onnx.Attribute{}
		for _, a := range list {
			byName[a.Name] = a
		}
		return byName
	})
	if diff := cmp.Diff(attributes(m), attributes(built), sorted); diff != "" {
		t.Errorf("attributes (-public +built):\n%s", diff)
	}
}

func TestExport(t *testing.T) {
	for _, name := range zoo.Names() {
		b, err := zoo.Export(name)
		if err != nil {
			t.Fatal(err)
		}
		again, err := zoo.Export(name)
		if err != nil || !bytes.Equal(b, again) {
			t.Errorf("%s: exports differ (%v)", name, err)
		}
		m, err := onnx.Read(name+".onnx", b)
		if err != nil {
			t.Fatal(err)
		}
		shapes := map[string]bool{}
		for _, list := range [][]onnx.ValueInfo{m.Graph.Inputs, m.Graph.Values, m.Graph.Outputs} {
			for _, v := range list {
				shapes[v.Name] = v.Shape != nil
			}
		}
		for _, n := range m.Graph.Nodes {
			for _, out := range n.Outputs {
				if !shapes[out] {
					t.Errorf("%s: tensor %q has no shape", name, out)
				}
			}
		}
	}
	if _, err := zoo.Model("resnet19"); err == nil || !strings.Contains(err.Error(), "resnet18") {
		t.Errorf("an unknown name gives %v, want an error that lists the known ones", err)
	}
}

// TestVariants sums up networks with other parameters by hand.
func TestVariants(t *testing.T) {
	const hidden, ffn = 4096, 14336
	llama := int64(2*hidden*hidden + 2*hidden*1024 + 3*hidden*ffn)
	expert := int64(3 * hidden * ffn)
	mamba := int64(3*768*1536 + 4*1536 + 2*48*1536 + 3*16*1536)
	for _, v := range []struct {
		name         string
		macs, params int64 // params -1: as with the defaults
	}{
		{"resnet50:batch=4", 4 * 4_089_184_256, -1},
		{"bert_base:seq=384", 12 * (384*12*768*768 + 2*384*384*768), -1},
		{"bert_base:gelu=operator", 11_173_625_856, -1},
		{"gpt2:seq=1,gelu=operator", 12*(12*768*768+2*768) + 768*50257, -1},
		{"vit_b_16:gelu=operator", 17_563_828_224, -1},
		{"vit_b_16:batch=2", 2 * 17_563_828_224, -1},
		{"llama_block:mode=decode", llama + 2*513*hidden, -1},
		{"llama_block:mode=decode,batch=3,seq=100", 3 * (llama + 2*101*hidden), -1},
		{"llama_block:kv_heads=32,seq=7", 7*(llama+2*hidden*(hidden-1024)) + 2*7*7*hidden, 2*hidden + llama + 2*hidden*(hidden-1024)},
		{"llama_block:hidden=64,heads=8,kv_heads=1,ffn=100,seq=2", 2*(2*64*64+2*64*8+3*64*100) + 2*2*2*64, 2*64 + 2*64*64 + 2*64*8 + 3*64*100},
		{"swiglu_block:seq=3,hidden=8,ffn=5", 3 * 3 * 8 * 5, 3 * 8 * 5},
		{"moe_block:seq=1", hidden*8 + 2*expert, hidden*8 + 2*expert}, // two experts get a token
		{"moe_block:seq=5,top=1,experts=4", hidden*4*5 + 5*expert, hidden*4 + 4*expert},
		{"moe_block:seq=3,top=3,experts=3", hidden*3*3 + 9*expert, hidden*3 + 3*expert},
		{"mamba_block:mode=decode", mamba, -1},
		{"mamba_block:seq=1", mamba, -1},
		{"mamba_block:seq=40", 40 * mamba, -1},
		{"mamba_block:kernel=1,mode=decode", mamba - 3*1536, 3_771_648 - 3*1536},
		{"unet:height=188,width=188", 0, -1},
		{"fsrcnn:height=10,width=20", 10 * 20 * 15992, -1},
	} {
		t.Run(v.name, func(t *testing.T) {
			m, err := zoo.Model(v.name)
			if err != nil {
				t.Fatal(err)
			}
			base, _, _ := strings.Cut(v.name, ":")
			want := v.params
			if want < 0 {
				plain, err := zoo.Model(base)
				if err != nil {
					t.Fatal(err)
				}
				want = parametersOf(plain)
			}
			if got := parametersOf(m); got != want {
				t.Errorf("%d parameters, want %d", got, want)
			}
			for _, o := range modes() {
				if got := build(t, v.name, o).Totals().MACs; v.macs > 0 && got != v.macs {
					t.Errorf("%d MACs, want %d", got, v.macs)
				}
			}
		})
	}
}

// TestExportReadsBack turns exported files into the same layers as the models they were made of.
func TestExportReadsBack(t *testing.T) {
	for _, name := range append(zoo.Names(), "llama_block:mode=decode", "mamba_block:mode=decode", "moe_block:seq=1") {
		data, err := zoo.Export(name)
		if err != nil {
			t.Fatal(err)
		}
		m, err := onnx.Read(name, data)
		if err != nil {
			t.Fatal(err)
		}
		got, err := onnx.Workload(m, onnx.Options{Rules: rules.Default(), FoldActivations: true})
		if err != nil {
			t.Fatal(err)
		}
		want := build(t, name, onnx.Options{Rules: rules.Default(), FoldActivations: true})
		for i := range want.Layers {
			if !reflect.DeepEqual(want.Layers[i], got.Layers[i]) {
				t.Errorf("%s (-built +read):\n%s", name, cmp.Diff(want.Layers[i], got.Layers[i]))
				break
			}
		}
		if len(want.Layers) != len(got.Layers) || !reflect.DeepEqual(want.Outputs, got.Outputs) {
			t.Errorf("%s: %d layers with outputs %v became %d with outputs %v", name, len(want.Layers), want.Outputs, len(got.Layers), got.Outputs)
		}
	}
}
