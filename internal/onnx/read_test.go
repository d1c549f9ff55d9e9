package onnx_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"
	"pgregory.net/rapid"

	"streamdse/internal/diag"
	"streamdse/internal/golden"
	"streamdse/internal/onnx"
	"streamdse/internal/onnx/onnxtest"
)

// anyModel draws a model that uses every field.
func anyModel(t *rapid.T) *onnx.Model {
	name, given := rapid.StringMatching(`[a-z/.]{0,6}`), rapid.StringMatching(`[a-z/.]{1,6}`)
	tensor := func(t *rapid.T) onnx.Tensor {
		w := onnx.Tensor{Name: given.Draw(t, "tensor"), Type: rapid.SampledFrom([]onnx.DataType{onnx.Float32, onnx.Double, onnx.Int32, onnx.Int64, onnx.Bool}).Draw(t, "type")}
		n := int64(1)
		for range rapid.IntRange(0, 3).Draw(t, "rank") {
			d := rapid.Int64Range(0, 4).Draw(t, "dim")
			w.Dims, n = append(w.Dims, d), n*d
		}
		switch {
		case w.Type == onnx.Int32:
			w.Ints = []int64{}
			for range n {
				w.Ints = append(w.Ints, int64(rapid.Int32().Draw(t, "int")))
			}
		case w.Type == onnx.Int64:
			w.Ints = append([]int64{}, rapid.SliceOfN(rapid.Int64(), int(n), int(n)).Draw(t, "ints")...)
		case w.Type == onnx.Bool:
			w.Ints = []int64{}
			for range n {
				w.Ints = append(w.Ints, int64(rapid.IntRange(0, 1).Draw(t, "bool")))
			}
		case n > 0 && n <= onnx.MaxFloatElements && rapid.Bool().Draw(t, "kept"):
			for range n {
				w.Floats = append(w.Floats, float64(rapid.Float32Range(-9, 9).Draw(t, "float")))
			}
		case n > 0:
			w.External = []onnx.Entry{{Key: "location", Value: name.Draw(t, "file")}, {Key: "offset", Value: "0"}}
		}
		return w
	}
	values := func(t *rapid.T, label string) (vs []onnx.ValueInfo) {
		for range rapid.IntRange(0, 3).Draw(t, label) {
			v := onnx.ValueInfo{Name: given.Draw(t, "value"), Type: onnx.Float32}
			if rapid.Bool().Draw(t, "ranked") {
				v.Shape = []onnx.Dim{}
				for range rapid.IntRange(0, 4).Draw(t, "rank") {
					v.Shape = append(v.Shape, rapid.SampledFrom([]onnx.Dim{
						{}, {Symbol: "batch"}, {Known: true}, {Value: 224, Known: true}, {Value: -1, Known: true},
					}).Draw(t, "dim"))
				}
			}
			vs = append(vs, v)
		}
		return vs
	}
	attribute := func(t *rapid.T) onnx.Attribute {
		a := onnx.Attribute{Name: given.Draw(t, "attribute")}
		switch a.Type = onnx.AttributeType(rapid.SampledFrom([]int{1, 2, 3, 4, 5, 6, 7, 8}).Draw(t, "attribute type")); a.Type {
		case onnx.AttributeFloat:
			a.Float = rapid.Float32().Draw(t, "f")
		case onnx.AttributeInt:
			a.Int = rapid.Int64().Draw(t, "i")
		case onnx.AttributeString:
			a.String = name.Draw(t, "s")
		case onnx.AttributeTensor:
			w := tensor(t)
			a.Tensor = &w
		case onnx.AttributeGraph:
			a.Graph = &onnx.Graph{Name: "body", Initializers: []onnx.Tensor{tensor(t)},
				Nodes: []onnx.Node{{OpType: given.Draw(t, "op"), Outputs: []string{"y"},
					Attributes: []onnx.Attribute{{Name: "axis", Type: onnx.AttributeInt, Reference: "given"}}}}}
		case onnx.AttributeFloats:
			a.Floats = rapid.SliceOfN(rapid.Float32(), 1, 3).Draw(t, "floats")
		case onnx.AttributeInts:
			a.Ints = rapid.SliceOfN(rapid.Int64(), 1, 3).Draw(t, "ints")
		case onnx.AttributeStrings:
			a.Strings = rapid.SliceOfN(name, 1, 3).Draw(t, "strings")
		}
		return a
	}
	m := &onnx.Model{Name: "m", IRVersion: rapid.Int64Range(0, 20).Draw(t, "ir"), Producer: name.Draw(t, "p"), ProducerVersion: name.Draw(t, "v"),
		Opsets: []onnx.Opset{{Version: 13}, {Domain: "com.example", Version: 1}}}
	g := &m.Graph
	g.Name = name.Draw(t, "graph")
	for range rapid.IntRange(0, 4).Draw(t, "nodes") {
		n := onnx.Node{Name: name.Draw(t, "node"), OpType: given.Draw(t, "op"), Domain: name.Draw(t, "domain")}
		for range rapid.IntRange(0, 3).Draw(t, "inputs") {
			n.Inputs = append(n.Inputs, name.Draw(t, "input"))
		}
		for range rapid.IntRange(0, 2).Draw(t, "outputs") {
			n.Outputs = append(n.Outputs, name.Draw(t, "output"))
		}
		for range rapid.IntRange(0, 3).Draw(t, "attributes") {
			n.Attributes = append(n.Attributes, attribute(t))
		}
		g.Nodes = append(g.Nodes, n)
	}
	g.Inputs, g.Outputs, g.Values = values(t, "in"), values(t, "out"), values(t, "between")
	for range rapid.IntRange(0, 3).Draw(t, "initializers") {
		g.Initializers = append(g.Initializers, tensor(t))
	}
	for range rapid.IntRange(0, 1).Draw(t, "functions") {
		m.Functions = append(m.Functions, onnx.Function{
			Domain: "com.example", Name: name.Draw(t, "function"), Inputs: []string{"x"}, Outputs: []string{"y"}, Attributes: []string{"given"},
			Defaults: []onnx.Attribute{attribute(t)}, Nodes: []onnx.Node{{OpType: "Relu", Inputs: []string{"x"}, Outputs: []string{"y"}}},
			Opsets: []onnx.Opset{{Version: 13}},
		})
	}
	return m
}

func TestWriteRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := anyModel(t)
		b := onnx.Write(m)
		got, err := onnx.Read("m", b)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(m, got); diff != "" {
			t.Fatalf("(-written +read):\n%s", diff)
		}
		if diff := cmp.Diff(m, m.Clone()); diff != "" {
			t.Fatalf("(-original +clone):\n%s", diff)
		}
		if !bytes.Equal(b, onnx.Write(got)) {
			t.Fatal("written again, the bytes differ")
		}
	})
}

// field appends a length-delimited field.
func field(b []byte, num protowire.Number, payload []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, num, protowire.BytesType), payload)
}

func number(b []byte, num protowire.Number, v int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, num, protowire.VarintType), uint64(v))
}

// withInitializer is the encoding of a model with one initializer.
func withInitializer(tensor []byte) []byte {
	return field(nil, 7, field(nil, 5, field(tensor, 8, []byte("w"))))
}

// TestTensorEncodings reads the ways in which files store integer tensors.
func TestTensorEncodings(t *testing.T) {
	raw64 := binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, 3), ^uint64(0))
	raw32 := binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, 3), ^uint32(0))
	packed := protowire.AppendVarint(protowire.AppendVarint(nil, 3), ^uint64(0))
	dims := func() []byte { return number(nil, 1, 2) }
	large := number(nil, 1, onnx.MaxIntElements+1)
	for _, c := range []struct {
		name   string
		tensor []byte
		want   []int64
	}{
		{"int64 raw", field(number(dims(), 2, 7), 9, raw64), []int64{3, -1}},
		{"int32 raw", field(number(dims(), 2, 6), 9, raw32), []int64{3, -1}},
		{"int64 packed", field(number(dims(), 2, 7), 7, packed), []int64{3, -1}},
		{"int32 packed", field(number(dims(), 2, 6), 5, packed), []int64{3, -1}},
		{"int64 unpacked", number(number(number(dims(), 2, 7), 7, 3), 7, -1), []int64{3, -1}},
		{"payload before type and shape", number(field(nil, 9, raw64), 2, 7), nil},
		{"payload first", number(number(field(nil, 9, raw64), 2, 7), 1, 2), []int64{3, -1}},
		{"packed dims", field(number(field(nil, 1, []byte{2, 1}), 2, 7), 9, raw64), []int64{3, -1}},
		{"empty", number(number(nil, 1, 0), 2, 7), []int64{}},
		{"wrong length", field(number(dims(), 2, 7), 9, raw64[:9]), nil},
		{"float", field(number(dims(), 2, 1), 9, raw64[:8]), nil},
		{"bool", field(number(dims(), 2, 9), 9, []byte{1, 0}), []int64{1, 0}},
		{"too many", field(number(large, 2, 7), 9, make([]byte, 8*(onnx.MaxIntElements+1))), nil},
	} {
		m, err := onnx.Read(c.name, withInitializer(c.tensor))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, m.Graph.Initializers[0].Ints); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// TestPayloadStays checks that reading copies no weights.
func TestPayloadStays(t *testing.T) {
	const size = 16 << 20
	weights := number(number(nil, 1, size/4), 2, 1)
	data := withInitializer(field(weights, 9, make([]byte, size)))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	m, err := onnx.Read("m", data)
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Fatal(err)
	}
	if got := after.TotalAlloc - before.TotalAlloc; got > 1<<16 {
		t.Errorf("reading %d bytes of weights allocates %d bytes", size, got)
	}
	if got := m.Graph.Initializers[0].Dims; len(got) != 1 || got[0] != size/4 {
		t.Errorf("the weights have shape %v", got)
	}
}

func TestReadProblems(t *testing.T) {
	whole := onnx.Write(onnxtest.Model(t, golden.Load(t).Workloads["resnetish"]))
	deep := withInitializer(bytes.Repeat([]byte{1 << 3, 1}, 100))
	for _, c := range []struct {
		name, want string
		data       []byte
	}{
		{"empty", "the file is empty", nil},
		{"half", "the ONNX model is cut short", whole[:len(whole)/2]},
		{"all but the last byte", "the ONNX model is", whole[:len(whole)-1]},
		{"text", "this is not an ONNX model", []byte("- name: default\n  core_allocation: [0]\n")},
		{"JSON", "this is not an ONNX model", []byte(`{"a": 1}`)},
		{"picture", "this is not an ONNX model", []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR")},
		{"zeros", "this is not an ONNX model", make([]byte, 100)},
		{"Git LFS", "Git LFS pointer", []byte("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")},
		{"no graph", "it has no graph", number(nil, 1, 8)},
		{"broken graph", "the ONNX model is damaged", field(nil, 7, []byte{0xff, 0xff, 0xff})},
		{"node beyond the graph", "the ONNX model is cut short", field(nil, 7, []byte{1<<3 | 2, 100, 1})},
		{"wire type", "has the wrong wire type", field(nil, 7, number(nil, 1, 5))},
		{"rank", "more than 64 dimensions", deep},
	} {
		_, err := onnx.Read("net.onnx", c.data)
		var list diag.List
		if !errors.As(err, &list) || len(list) != 1 {
			t.Errorf("%s: got %v, want one problem", c.name, err)
			continue
		}
		if p := list[0]; p.File != "net.onnx" || !strings.Contains(p.Message, c.want) {
			t.Errorf("%s: got %q, want %q", c.name, p, c.want)
		}
	}
}

func TestReadFile(t *testing.T) {
	want := onnxtest.Model(t, golden.Load(t).Workloads["attn"])
	path := filepath.Join(t.TempDir(), "attn.onnx")
	if err := os.WriteFile(path, onnx.Write(want), 0o666); err != nil {
		t.Fatal(err)
	}
	got, err := onnx.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.Graph.Nodes, got.Graph.Nodes); diff != "" || got.Name != path {
		t.Errorf("%s (-written +read):\n%s", got.Name, diff)
	}
	empty := filepath.Join(t.TempDir(), "empty.onnx")
	if err := os.WriteFile(empty, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ path, want string }{
		{empty, "the file is empty"},
		{filepath.Join(t.TempDir(), "missing.onnx"), "cannot read the ONNX model"},
		{t.TempDir(), "cannot read the ONNX model"},
	} {
		_, err := onnx.ReadFile(c.path)
		var list diag.List
		if !errors.As(err, &list) || len(list) != 1 || list[0].File != c.path || !strings.Contains(list[0].Message, c.want) {
			t.Errorf("%s: got %v, want one problem that says %q", c.path, err, c.want)
		}
	}
}

// TestWriteWeightsLeftOut looks at what stands for weights that are not there.
func TestWriteWeightsLeftOut(t *testing.T) {
	m := &onnx.Model{Graph: onnx.Graph{Initializers: []onnx.Tensor{
		{Name: "a", Type: onnx.Float32, Dims: []int64{2, 3}},
		{Name: "b", Type: onnx.Int8, Dims: []int64{5}},
		{Name: "c", Type: onnx.Float32, Dims: []int64{0}},
	}}}
	got, err := onnx.Read("m", onnx.Write(m))
	if err != nil {
		t.Fatal(err)
	}
	entry := func(offset, length string) []onnx.Entry {
		return []onnx.Entry{{Key: "location", Value: onnx.WeightsLeftOut}, {Key: "offset", Value: offset}, {Key: "length", Value: length}}
	}
	for i, want := range [][]onnx.Entry{entry("0", "24"), entry("24", "5"), nil} {
		if diff := cmp.Diff(want, got.Graph.Initializers[i].External); diff != "" {
			t.Errorf("initializer %d (-want +got):\n%s", i, diff)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, net := range golden.Load(f).Workloads {
		f.Add(onnx.Write(onnxtest.Model(f, net)))
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := onnx.Read("fuzz", data)
		if err != nil {
			var list diag.List
			if !errors.As(err, &list) || len(list) != 1 {
				t.Fatalf("got %v, want one problem", err)
			}
			return
		}
		b := onnx.Write(m)
		again, err := onnx.Read("fuzz", b)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if !bytes.Equal(b, onnx.Write(again)) {
			t.Fatal("written again, the bytes differ")
		}
	})
}
