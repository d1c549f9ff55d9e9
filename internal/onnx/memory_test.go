package onnx_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"streamdse/internal/onnx"
)

// peak is how far the heap grows while f runs.
func peak(f func()) uint64 {
	defer debug.SetGCPercent(debug.SetGCPercent(20))
	runtime.GC()
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	base, highest := heap(), uint64(0)
	done, stopped := make(chan bool), make(chan bool)
	go func() {
		defer close(stopped)
		for {
			select {
			case <-done:
				return
			case <-time.After(3 * time.Millisecond):
				highest = max(highest, heap())
			}
		}
	}()
	f()
	highest = max(highest, heap())
	close(done)
	<-stopped
	return highest - min(base, highest)
}

// TestMemory reads damaged and hostile models of 1 MB.
func TestMemory(t *testing.T) {
	const size = 1 << 20
	fill := func(piece []byte) []byte { return bytes.Repeat(piece, size/len(piece)) }
	graph := func(fields []byte) []byte { return field(nil, 7, fields) }
	op := field(field(nil, 4, []byte("R")), 2, []byte("y"))
	chain := func(format string) []byte {
		var b []byte
		for i := 0; len(b) < size-100; i++ {
			b = field(b, 1, field(field(field(nil, 4, []byte("Relu")), 1, fmt.Appendf(nil, format, i)), 2, fmt.Appendf(nil, format, i+1)))
		}
		return b
	}
	input := onnx.Write(parse(t, "input 0 1x8\n output 1"))
	models := map[string][]byte{
		"nodes without operator":   graph(fill(field(nil, 1, nil))),
		"nodes":                    graph(fill(field(nil, 1, field(nil, 4, []byte("R"))))),
		"nodes with one output":    graph(fill(field(nil, 1, op))),
		"attributes":               graph(fill(field(nil, 1, field(field(nil, 4, []byte("R")), 5, field(nil, 1, []byte("a")))))),
		"many attributes":          graph(field(nil, 1, append(field(nil, 4, []byte("R")), bytes.Repeat(field(nil, 5, field(nil, 1, []byte("a"))), 4000)...))),
		"empty strings":            graph(field(nil, 1, field(field(nil, 4, []byte("R")), 5, append(field(nil, 1, []byte("a")), fill(field(nil, 9, nil))...)))),
		"numbers":                  graph(field(nil, 1, field(field(nil, 4, []byte("R")), 5, append(field(nil, 1, []byte("a")), field(nil, 8, fill([]byte{1}))...)))),
		"inputs of a node":         graph(field(nil, 1, append(field(nil, 4, []byte("R")), fill(field(nil, 1, nil))...))),
		"initializers":             graph(fill(field(nil, 5, field(nil, 8, []byte("w"))))),
		"dimensions":               graph(fill(field(nil, 5, append(field(nil, 8, []byte("w")), bytes.Repeat([]byte{1 << 3, 1}, 60)...)))),
		"values":                   graph(fill(field(nil, 11, field(nil, 1, []byte("x"))))),
		"dimensions of values":     graph(fill(field(nil, 13, append(field(nil, 1, []byte("x")), field(nil, 2, field(nil, 1, field(nil, 2, bytes.Repeat(field(nil, 1, nil), 60))))...)))),
		"a chain":                  append(graph(chain("%d")), input...),
		"a chain without an input": graph(chain("n%d")),
	}
	var grows, einsum []byte
	tensor := func(b []byte, op string, inputs []string, output string) []byte {
		n := field(field(nil, 4, []byte(op)), 2, []byte(output))
		for _, i := range inputs {
			n = field(n, 1, []byte(i))
		}
		return field(b, 1, n)
	}
	grows = tensor(grows, "SequenceEmpty", nil, "s0")
	for i := 0; len(grows) < size-100; i++ {
		grows = tensor(grows, "SequenceInsert", []string{fmt.Sprintf("s%d", i), "0"}, fmt.Sprintf("s%d", i+1))
		grows = tensor(grows, "ConcatFromSequence", []string{fmt.Sprintf("s%d", i+1)}, fmt.Sprintf("c%d", i))
	}
	models["sequences"] = append(graph(grows), input...)
	equation := field(nil, 1, []byte("equation"))
	equation = field(equation, 4, []byte(strings.Repeat("ab,", 63)+"ab->ab"))
	many := field(field(field(nil, 4, []byte("Einsum")), 2, []byte("y")), 5, equation)
	for range 64 {
		many = field(many, 1, []byte("0"))
	}
	for len(einsum) < size-len(many) {
		einsum = field(einsum, 1, many)
	}
	models["contractions"] = append(graph(einsum), input...)
	nested := op
	for range 100000 {
		nested = field(field(nil, 4, []byte("If")), 5, field(field(nil, 1, []byte("a")), 6, field(nil, 1, nested)))
		if len(nested) > size/100 {
			break
		}
	}
	models["nested graphs"] = graph(field(nil, 1, nested))
	// Functions that call the next one ten times each.
	bomb := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 8)
	for i := range 12 {
		f := field(field(field(nil, 1, fmt.Appendf(nil, "f%d", i)), 4, []byte("x")), 5, []byte("y9"))
		for j := range 10 {
			from := "x"
			if j > 0 {
				from = fmt.Sprintf("y%d", j-1)
			}
			call := "Relu"
			node := field(field(field(nil, 1, []byte(from)), 2, fmt.Appendf(nil, "y%d", j)), 4, []byte(call))
			if i < 11 {
				node = field(field(field(field(nil, 1, []byte(from)), 2, fmt.Appendf(nil, "y%d", j)), 4, fmt.Appendf(nil, "f%d", i+1)), 7, []byte("local"))
			}
			f = field(f, 7, node)
		}
		bomb = field(bomb, 25, field(f, 10, []byte("local")))
	}
	call := field(field(field(field(nil, 1, []byte("0")), 2, []byte("1")), 4, []byte("f0")), 7, []byte("local"))
	models["functions"] = append(append(bomb, input...), graph(field(nil, 1, call))...)
	models["sizes"] = onnx.Write(parse(t, `
		input x 1x1
		init e [65536,2147483647]
		y = Expand(x, e)
		init s [0]
		z = Slice(y, s, e)
		init r [1,1]
		t = Tile(z, r)
		u = Concat(t, t, t, t) axis=0
		v = Relu(u)
		output v`))
	for name, data := range models {
		began := time.Now()
		got := peak(func() {
			m, err := onnx.Read(name, data)
			if err != nil {
				return
			}
			onnx.Infer(m)
			onnx.Workload(m, onnx.Options{FoldActivations: true})
		})
		if testing.Verbose() {
			t.Logf("%s: %d KB, %v", name, got>>10, time.Since(began))
		}
		if got > 64<<20 {
			t.Errorf("%s: %d bytes of input take %d MB", name, len(data), got>>20)
		}
	}
}

// large is a model of a million weights times the given factor, inline, in a file
// that takes no room on the disk where the system can do that.
func large(t testing.TB, size int64) string {
	path := filepath.Join(t.TempDir(), "large.onnx")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const rows = 1 << 14
	cols := size / 4 / rows
	tensor := number(number(number(field(nil, 8, []byte("w")), 1, rows), 1, cols), 2, 1)
	tensor = protowire.AppendVarint(protowire.AppendTag(tensor, 9, protowire.BytesType), uint64(4*rows*cols))
	rest := onnx.Write(parse(t, fmt.Sprintf("input x 1x%d\n y = MatMul(x, w)\n output y", rows)))
	// The graph of the small model follows the initializer within one graph field.
	graphAt := bytes.IndexByte(rest, 7<<3|2)
	inner, _ := protowire.ConsumeBytes(rest[graphAt+1:])
	payload := 4 * rows * cols
	initializer := int64(len(tensor)) + payload
	head := protowire.AppendVarint(protowire.AppendTag(nil, 5, protowire.BytesType), uint64(initializer))
	whole := protowire.AppendVarint(protowire.AppendTag(nil, 7, protowire.BytesType), uint64(int64(len(head))+initializer+int64(len(inner))))
	begin := append(append(append([]byte{}, rest[:graphAt]...), whole...), append(head, tensor...)...)
	if _, err := f.Write(begin); err != nil {
		t.Fatal(err)
	}
	end := append(append([]byte{}, inner...), rest[graphAt+1+protowire.SizeBytes(len(inner)):]...)
	if _, err := f.WriteAt(end, int64(len(begin))+payload); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestLarge loads a model of 2 GB with inline weights in under a second, with less
// than 150 MB. It asks for STREAM_TEST_LARGE=1, because not every file system
// keeps holes.
func TestLarge(t *testing.T) {
	if os.Getenv("STREAM_TEST_LARGE") == "" {
		t.Skip("set STREAM_TEST_LARGE=1 to read a model of 2 GB")
	}
	path := large(t, 2<<30-1<<20)
	var took time.Duration
	got := peak(func() {
		began := time.Now()
		m, err := onnx.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		w, err := onnx.Workload(m, onnx.Options{})
		if err != nil || len(w.Layers) != 1 {
			t.Fatal(w, err)
		}
		took = time.Since(began)
	})
	t.Logf("%v, %d KB", took, got>>10)
	if took > time.Second || got > 150<<20 {
		t.Errorf("it takes %v and %d MB", took, got>>20)
	}
}

func BenchmarkLarge(b *testing.B) {
	path := large(b, 200<<20)
	b.ReportAllocs()
	for b.Loop() {
		m, err := onnx.ReadFile(path)
		if err != nil || !strings.HasSuffix(m.Name, "large.onnx") {
			b.Fatal(err)
		}
	}
}
