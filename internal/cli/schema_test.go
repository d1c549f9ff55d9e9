package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/invopop/jsonschema"
	validator "github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/spf13/pflag"

	"streamdse/docs/schemas"
	"streamdse/internal/report"
	"streamdse/internal/yamlschema"
)

// outputs are what commands write, by the name of the schema.
func outputs() []struct {
	name, title, schema string
	value               any
} {
	return []struct {
		name, title, schema string
		value               any
	}{
		{"result", "result.json and what stream run --json prints an array of", report.ResultSchema, report.Result{}},
		{"core-result", "What stream core --json prints", report.CoreSchema, report.CoreResult{}},
		{"inspect", "What stream inspect --json prints", inspectSchema, inspected{}},
	}
}

// The published schemas are those of the values that commands write, and of the flags
// that a configuration file may hold.
func TestPublishedSchemas(t *testing.T) {
	t.Chdir(filepath.Join("..", ".."))
	made := map[string][]byte{}
	r, err := yamlschema.Reflector("internal/report", "internal/cli")
	if err != nil {
		t.Fatal(err)
	}
	r.AllowAdditionalProperties = true // keys may be added
	r.Mapper = nullable
	for _, o := range outputs() {
		s := r.Reflect(o.value)
		s.ID, s.Title = yamlschema.ID(o.name, 1), o.title
		s.Definitions[reflect.TypeOf(o.value).Name()].Properties.Set("schema", &jsonschema.Schema{Const: o.schema})
		if made[o.name], err = yamlschema.Encode(s); err != nil {
			t.Fatal(err)
		}
	}
	if made["config"], err = yamlschema.Encode(configSchema()); err != nil {
		t.Fatal(err)
	}
	for name, text := range made {
		file := filepath.Join("docs", "schemas", name+".schema.json")
		if *update {
			if err := os.WriteFile(file, text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if was, err := os.ReadFile(file); err != nil || !bytes.Equal(was, text) {
			t.Errorf("%s is not up to date (%v); `go test ./internal/cli -run Schemas -args -update` rewrites it", file, err)
		}
	}
}

// nullable gives lists that may be nil the type that they have in JSON.
func nullable(t reflect.Type) *jsonschema.Schema {
	if t != reflect.TypeFor[[][]int]() {
		return nil
	}
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "null"},
		{Type: "array", Items: &jsonschema.Schema{Type: "array", Items: &jsonschema.Schema{Type: "integer"}}}}}
}

// configSchema describes stream.yaml by the flags of the command that reads it.
func configSchema() *jsonschema.Schema {
	s := &jsonschema.Schema{Version: jsonschema.Version, ID: yamlschema.ID("config", 1), Title: "Flags of an experiment: stream.yaml",
		Type: "object", Properties: jsonschema.NewProperties(), AdditionalProperties: jsonschema.FalseSchema}
	c := runCommand()
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if configurable(c, f.Name) == nil {
			return
		}
		s.Properties.Set(f.Name, flagSchema(f, func() []any {
			complete, ok := c.GetFlagCompletionFunc(f.Name)
			if !ok {
				return nil
			}
			var words []any
			values, _ := complete(c, nil, "")
			for _, v := range values {
				word, _, _ := strings.Cut(v, "\t")
				words = append(words, word)
			}
			return words
		}()))
	})
	return s
}

func flagSchema(f *pflag.Flag, values []any) *jsonschema.Schema {
	s := &jsonschema.Schema{Description: strings.ReplaceAll(f.Usage, "`", "")}
	text := &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "string"}, {Type: "number"}}}
	switch f.Value.Type() {
	case "bool":
		s.Type = "boolean"
	case "int", "uint64":
		s.Type = "integer"
	case "float64":
		s.Type = "number"
	case "stringArray", "stringSlice":
		s.AnyOf = append(text.AnyOf, &jsonschema.Schema{Type: "array", Items: text})
		s.Examples = values
	default:
		// Others may take files or lists beside the words that are offered for them.
		if slices.Contains([]string{"mode", "objective", "effort", "allocator", "search", "rules", "activations", "unknown-op", "halo", "transfers", "fetch-order"}, f.Name) {
			s.Type, s.Enum = "string", values
			return s
		}
		s.AnyOf, s.Examples = text.AnyOf, values
	}
	return s
}

// TestOutputsAreValid validates what commands write.
func TestOutputsAreValid(t *testing.T) {
	dir := t.TempDir()
	stdout := func(args ...string) []byte {
		t.Helper()
		var out, messages bytes.Buffer
		if status := run(context.Background(), args, &out, &messages); status != exitDone {
			t.Fatalf("stream %s: status %d: %s", strings.Join(args, " "), status, &messages)
		}
		return out.Bytes()
	}
	elements := func(text []byte) [][]byte {
		var list []json.RawMessage
		if err := json.Unmarshal(text, &list); err != nil {
			t.Fatal(err)
		}
		var out [][]byte
		for _, x := range list {
			out = append(out, x)
		}
		return out
	}
	tiny := []string{"--workload", "mlperf_tiny_ad"}
	results := elements(stdout(append([]string{"run", "--effort", "low", "--output", dir, "--no-plots", "--what-if", "--json"}, tiny...)...))
	results = append(results, elements(stdout(append([]string{"run", "--effort", "low", "--output", dir, "--no-plots", "--mode", "fused", "--stacks", "0-2,3-4",
		"--split", "K=2", "--rules", "reference-2024", "--json"}, tiny...)...))...)
	allocation := filepath.Join(dir, "mlperf_tiny_ad-tpu_like_quad_core-layer-by-layer", "allocation.json")
	results = append(results, elements(stdout(append([]string{"run", "--mode", "layer-by-layer", "--allocation", allocation, "--output", dir + "/again", "--no-plots", "--json"}, tiny...)...))...)
	saved, err := os.ReadFile(filepath.Join("..", "report", "testdata", "result.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range append(results, saved) {
		valid(t, "result", text, true)
	}
	valid(t, "result", []byte(strings.Replace(string(saved), `"latency_cycles": 221`, `"latency_cycles": "long"`, 1)), false)
	valid(t, "result", []byte(strings.Replace(string(saved), "stream/result/v1", "stream/result/v9", 1)), false)
	valid(t, "core-result", stdout(append([]string{"core", "--json"}, tiny...)...), true)
	valid(t, "core-result", []byte(`{"schema": "stream/core/v1"}`), false)
	for _, args := range [][]string{{"resnet18"}, {"--hardware", "simba"}, {"--hardware", "tpu_like_quad_core", "--mapping", "tpu_like_quad_core"}, nil} {
		valid(t, "inspect", stdout(append([]string{"inspect", "--json"}, args...)...), true)
	}
	valid(t, "inspect", []byte(`{"schema": "stream/inspect/v1", "hardware": {}}`), false)
	valid(t, "config", []byte(`{"workload": "net.onnx", "mode": "fused", "seed": 7, "split": ["K=4"], "split-weights": 0.5, "no-plots": true, "stacks": "0-10"}`), true)
	for _, bad := range []string{`{"modes": "fused"}`, `{"mode": "fusd"}`, `{"seed": "x"}`, `{"no-plots": "yes"}`} {
		valid(t, "config", []byte(bad), false)
	}
}

func valid(t *testing.T, schema string, text []byte, want bool) {
	t.Helper()
	published, ok := schemas.Get(schema)
	if !ok {
		t.Fatalf("there is no schema %q", schema)
	}
	doc, err := validator.UnmarshalJSON(bytes.NewReader(published))
	if err != nil {
		t.Fatal(err)
	}
	c := validator.NewCompiler()
	if err := c.AddResource(schema, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(schema)
	if err != nil {
		t.Fatal(err)
	}
	v, err := validator.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(v); (err == nil) != want {
		t.Errorf("%s: %v", schema, err)
	}
}
