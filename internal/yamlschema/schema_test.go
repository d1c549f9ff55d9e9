package yamlschema

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"streamdse/docs/schemas"
	"streamdse/hardware"
	hardwarezoo "streamdse/hardware/zoo"
	"streamdse/internal/golden"
	"streamdse/internal/workloadyaml"
	"streamdse/mapping"
	mappingzoo "streamdse/mapping/zoo"
)

var update = flag.Bool("update", false, "rewrite docs/schemas")

// The published schemas are those that the types make.
func TestPublished(t *testing.T) {
	t.Chdir(filepath.Join("..", ".."))
	r, err := Reflector("internal/yamlschema")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range Documents() {
		text, err := d.Schema(r)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Join("docs", "schemas", d.Name+".schema.json")
		if *update {
			if err := os.WriteFile(name, text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if was, err := os.ReadFile(name); err != nil || !bytes.Equal(was, text) {
			t.Errorf("%s is not what the types make (%v); `go test ./internal/yamlschema -args -update` rewrites it", name, err)
		}
	}
}

// published compiles a schema as it is published.
func published(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	text, ok := schemas.Get(name)
	if !ok {
		t.Fatalf("there is no schema %q", name)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(name, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// decode reads YAML as an editor does.
func decode(t *testing.T, text []byte) any {
	t.Helper()
	var v any
	if err := yaml.NewDecoder(bytes.NewReader(text), yaml.AllowDuplicateMapKey()).Decode(&v); err != nil {
		t.Fatal(err)
	}
	return plain(v)
}

// plain is a value as JSON has it: keys are texts.
func plain(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = plain(v[k])
		}
	case map[any]any:
		m := map[string]any{}
		for k := range v {
			m[fmt.Sprint(k)] = plain(v[k])
		}
		return m
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	case uint64:
		return json.Number(fmt.Sprint(v))
	}
	return v
}

func TestBuiltins(t *testing.T) {
	files := map[string]string{} // text by kind and name
	for _, name := range hardwarezoo.Names() {
		source, err := hardwarezoo.Source(name)
		if err != nil {
			t.Fatal(err)
		}
		for path, text := range source {
			kind := "hardware"
			if strings.HasPrefix(path, "cores/") {
				kind = "core"
			}
			files[kind+" "+path] = text
		}
	}
	for _, name := range mappingzoo.Names() {
		source, err := mappingzoo.Source(name)
		if err != nil {
			t.Fatal(err)
		}
		for path, text := range source {
			files["mapping "+path] = text
		}
	}
	compiled := map[string]*jsonschema.Schema{}
	for name, text := range files {
		kind, _, _ := strings.Cut(name, " ")
		if compiled[kind] == nil {
			compiled[kind] = published(t, kind)
		}
		if err := compiled[kind].Validate(decode(t, []byte(text))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(files) < 30 {
		t.Errorf("only %d files", len(files))
	}
}

// TestPublicFiles validates every public file that a reader accepts.
func TestPublicFiles(t *testing.T) {
	root := golden.Shared(t, "data")
	compiled, counts := map[string]*jsonschema.Schema{}, map[string]int{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".yaml" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		kind := kindOf(path, text)
		if kind == "" {
			return nil
		}
		counts[kind]++
		if compiled[kind] == nil {
			compiled[kind] = published(t, kind)
		}
		if err := compiled[kind].Validate(decode(t, text)); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for kind, least := range map[string]int{"hardware": 32, "core": 52, "mapping": 35, "workload": 5} {
		if counts[kind] < least {
			t.Errorf("%d files of kind %s, want at least %d", counts[kind], kind, least)
		}
	}
}

// kindOf is the kind of file whose reader accepts it.
func kindOf(path string, text []byte) string {
	if _, err := hardware.Load(path); err == nil {
		return "hardware"
	}
	if _, err := hardware.ParseCore(path, text); err == nil {
		return "core"
	}
	if _, err := mapping.Parse(path, text); err == nil {
		return "mapping"
	}
	if _, err := workloadyaml.Parse(path, text); err == nil {
		return "workload"
	}
	return ""
}
