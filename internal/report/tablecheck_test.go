package report

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFileDifferences(t *testing.T) {
	d := small()
	dir := t.TempDir()
	write := func(name string, content []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	content := map[string][]byte{}
	for _, table := range Tables(d, CSV) {
		var b bytes.Buffer
		if err := table.Write(&b); err != nil {
			t.Fatal(err)
		}
		content[table.Name] = b.Bytes()
		write(table.Name, b.Bytes())
	}
	memory := content[memoryName]
	lines := bytes.SplitAfter(memory, []byte("\n"))
	for _, c := range []struct {
		name    string
		content []byte
		want    []Difference
	}{
		{"as written", memory, nil},
		{"other line ends", bytes.ReplaceAll(memory, []byte("\n"), []byte("\r\n")), nil},
		{"a figure", bytes.Replace(memory, lines[1], []byte("9"+string(lines[1])), 1),
			[]Difference{{"memory.csv:2: " + columnsOf[memoryRow]()[0], "9" + firstField(lines[1]), firstField(lines[1])}}},
		{"a line more", append(bytes.Clone(memory), "more\n"...), []Difference{{"memory.csv:" + strconv.Itoa(len(lines)), "more", "nothing"}}},
		{"only the heading", lines[0], []Difference{{"memory.csv:2", "nothing", short(string(bytes.TrimSpace(lines[1])))}}},
		{"empty", nil, []Difference{{"memory.csv:1", "nothing", short(string(bytes.TrimSpace(lines[0])))}}},
	} {
		write(memoryName, c.content)
		got, err := FileDifferences(dir, d)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
	if err := os.Remove(filepath.Join(dir, memoryName)); err != nil {
		t.Fatal(err)
	}
	got, err := FileDifferences(dir, d, File{"mapping.yaml", func(w io.Writer) error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	want := []Difference{{memoryName, "missing", "written by every run"}, {"mapping.yaml", "missing", "written by every run"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("without two files: %s", diff)
	}
	if text := got[0].String(); text != "memory.csv is missing: a run always writes it" {
		t.Error(text)
	}
}

func firstField(line []byte) string {
	field, _, _ := bytes.Cut(line, []byte(","))
	return string(field)
}
