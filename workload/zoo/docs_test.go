package zoo_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"streamdse/internal/onnx"
	"streamdse/rules"
	"streamdse/workload/zoo"
)

var update = flag.Bool("update", false, "rewrite the tables of docs/zoo.md")

// grouped writes a number with commas.
func grouped(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// TestDocument keeps the tables of docs/zoo.md in step with the networks.
func TestDocument(t *testing.T) {
	var networks, differences, parameters strings.Builder
	networks.WriteString("| name | network | MACs | parameters | layers | MACs of the source | parameters of the source | source |\n| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |\n")
	parameters.WriteString("| network | parameter | default | what it is |\n| --- | --- | --- | --- |\n")
	known := map[string]published{}
	for _, p := range table() {
		known[p.name] = p
	}
	for _, name := range zoo.Names() {
		m, err := zoo.Model(name)
		if err != nil {
			t.Fatal(err)
		}
		totals := build(t, name, onnx.Options{Rules: rules.Default(), FoldActivations: true}).Totals()
		about, list := zoo.About(name)
		p := known[name]
		fmt.Fprintf(&networks, "| `%s` | %s | %s | %s | %d | %s | %s | %s |\n", name, about, grouped(totals.MACs), grouped(parametersOf(m)),
			totals.Layers, grouping(p.macs), grouping(p.params), p.source)
		if p.why != "" {
			fmt.Fprintf(&differences, "- `%s`: %s = %s", name, grouping(p.params), grouped(parametersOf(m)))
			for _, d := range []struct {
				sign string
				n    int
			}{{"+", p.more}, {"-", p.less}} {
				if d.n > 0 {
					fmt.Fprintf(&differences, " %s %s", d.sign, grouped(int64(d.n)))
				}
			}
			fmt.Fprintf(&differences, ": %s.\n", p.why)
		}
		for _, l := range list {
			value := l.Default
			if len(l.Choices) > 0 {
				value = strings.Join(l.Choices, " or ")
			}
			fmt.Fprintf(&parameters, "| `%s` | `%s` | %s | %s |\n", name, l.Name, value, l.About)
		}
	}
	const path = "../../docs/zoo.md"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := section(t, string(text), "networks", networks.String()+"\nWhere the counts of parameters differ:\n\n"+differences.String())
	want = section(t, want, "parameters", parameters.String())
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("docs/zoo.md is out of step; run go test ./workload/zoo -run Document -update (-want +got):\n%s", diff)
	}
}

// grouping groups the digits of an exact figure and leaves others as they are.
func grouping(s string) string {
	var n int64
	if _, err := fmt.Sscanf(s, "%d", &n); err == nil && fmt.Sprint(n) == s {
		return grouped(n)
	}
	return s
}

// section replaces what stands between the marks of the given name.
func section(t *testing.T, text, name, content string) string {
	t.Helper()
	begin, end := "<!-- begin "+name+" -->\n", "<!-- end "+name+" -->"
	before, rest, ok := strings.Cut(text, begin)
	_, after, ended := strings.Cut(rest, end)
	if !ok || !ended {
		t.Fatalf("the document has no section %q", name)
	}
	return before + begin + content + end + after
}
