package onnx_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"streamdse/internal/onnx"
)

var update = flag.Bool("update", false, "rewrite the table of operators in docs/workloads.md")

// TestDocumentation keeps the table of operators in step with the code.
func TestDocumentation(t *testing.T) {
	const path, begin, end = "../../docs/workloads.md", "<!-- operators: begin -->\n", "<!-- operators: end -->"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the table", path)
	}
	want := before + begin + onnx.Documentation() + end + after
	if want == string(text) {
		return
	}
	if !*update {
		t.Fatalf("the table in %s is not that of the code; -update rewrites it", path)
	}
	if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}
