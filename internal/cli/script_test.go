package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"streamdse/internal/onnx"
)

func TestMain(m *testing.M) {
	stream := func() { os.Exit(Run(os.Args[1:], os.Stdout, os.Stderr)) }
	after := func(prepare func() error) func() {
		return func() {
			if err := prepare(); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(99)
			}
			stream()
		}
	}
	testscript.Main(m, map[string]func(){"stream": stream, "stream-nobody": after(asNobody), "stream-full": after(limitFileSize)})
}

// TestScripts runs the command lines under testdata/script. Beside the usual
// commands there are `status N COMMAND...`, which runs a command that must exit
// with status N, `cut FILE`, which halves a file, and `change FILE PATTERN TEXT`,
// which replaces the first match of a regular expression.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			return errors.Join(os.WriteFile(filepath.Join(e.WorkDir, "unknown_operator.onnx"), unknownOperator(), 0o644),
				os.WriteFile(filepath.Join(e.WorkDir, "open.onnx"), openDimensions(), 0o644))
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"status": status,
			"cut":    cut,
			"change": change,
		},
	})
}

func status(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit interface{ ExitCode() int }
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

func cut(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	text, err := os.ReadFile(path)
	ts.Check(err)
	ts.Check(os.WriteFile(path, text[:len(text)/2], 0o644))
}

func change(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	text, err := os.ReadFile(path)
	ts.Check(err)
	pattern := regexp.MustCompile("(?m)" + args[1])
	at := pattern.FindSubmatchIndex(text)
	if at == nil {
		ts.Fatalf("%s does not match %s", args[0], args[1])
	}
	changed := append([]byte(nil), text[:at[0]]...)
	changed = pattern.Expand(changed, []byte(args[2]), text, at)
	ts.Check(os.WriteFile(path, append(changed, text[at[1]:]...), 0o644))
}

// unknownOperator is a model with one node of a type that does not exist.
func unknownOperator() []byte {
	shape := onnx.Static(1, 8)
	return onnx.Write(&onnx.Model{
		IRVersion: 8,
		Opsets:    []onnx.Opset{{Version: 17}},
		Graph: onnx.Graph{
			Name:    "unknown",
			Nodes:   []onnx.Node{{Name: "mystery", OpType: "Frobnicate", Inputs: []string{"x"}, Outputs: []string{"y"}}},
			Inputs:  []onnx.ValueInfo{{Name: "x", Type: onnx.Float32, Shape: shape}},
			Outputs: []onnx.ValueInfo{{Name: "y", Type: onnx.Float32, Shape: shape}},
		},
	})
}

// openDimensions is a model of a matrix product whose rows are left open.
func openDimensions() []byte {
	open := []onnx.Dim{{Symbol: "batch"}, {Symbol: "seq"}, {Value: 8, Known: true}}
	return onnx.Write(&onnx.Model{
		IRVersion: 8,
		Opsets:    []onnx.Opset{{Version: 17}},
		Graph: onnx.Graph{
			Name:         "open",
			Nodes:        []onnx.Node{{Name: "product", OpType: "MatMul", Inputs: []string{"x", "w"}, Outputs: []string{"y"}}},
			Inputs:       []onnx.ValueInfo{{Name: "x", Type: onnx.Float32, Shape: open}},
			Outputs:      []onnx.ValueInfo{{Name: "y", Type: onnx.Float32}},
			Initializers: []onnx.Tensor{{Name: "w", Type: onnx.Float32, Dims: []int64{8, 16}}},
		},
	})
}

func TestParseStacks(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "stacks")
	if err := os.WriteFile(file, []byte("# front\n0-2, 5\n\n7 8\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		in, want string
	}{
		{"auto", "[]"},
		{"0-3,4-5", "[[0 1 2 3] [4 5]]"},
		{"7", "[[7]]"},
		{"0-1+4,9", "[[0 1 4] [9]]"},
		{file, "[[0 1 2 5] [7 8]]"},
	} {
		got, err := parseStacks(c.in)
		if err != nil || fmt.Sprint(got) != c.want {
			t.Errorf("parseStacks(%q) = %v, %v; want %s", c.in, got, err, c.want)
		}
	}
	for _, in := range []string{"", "3-1", "a-b", "-1", "0-99999999", filepath.Join(dir, "absent")} {
		if got, err := parseStacks(in); err == nil {
			t.Errorf("parseStacks(%q) = %v, want an error", in, got)
		}
	}
}

// FuzzParseStacks: any text is either a list of stacks or an error.
func FuzzParseStacks(f *testing.F) {
	f.Add("0-10,11-21")
	f.Add("1+2-3,4")
	f.Fuzz(func(t *testing.T, s string) {
		if stacks, ok := splitStacks([]string{s}); ok {
			for _, id := range stacks[0] {
				if id < 0 {
					t.Errorf("%q gives the negative id %d", s, id)
				}
			}
		}
	})
}
