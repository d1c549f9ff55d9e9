package stream

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// floors is the height of every package of the module. A package imports only
// packages on lower floors; see ARCHITECTURE.md.
var floors = map[string]int{
	"unit":              0,
	"rules":             0,
	"internal/diag":     0,
	"docs/schemas":      0,
	"internal/golden":   0,
	"internal/setorder": 0,
	"internal/milp":     0,

	"internal/yamldoc": 1,

	"workload": 2,
	"hardware": 2,

	"mapping":               3,
	"imc":                   3,
	"internal/onnx":         3,
	"internal/workloadyaml": 3,
	"hardware/zoo":          3,

	"taskgraph":              4,
	"loopnest":               4,
	"workload/zoo":           4,
	"mapping/zoo":            4,
	"internal/onnx/onnxtest": 4,
	"internal/netplot":       4,
	"internal/yamlschema":    5, // only tests import it

	"loopnest/nesttest": 5,

	"schedule": 5,

	"internal/split":    6,
	"internal/locality": 6,
	"internal/connect":  6,
	"internal/mapper":   6,
	"internal/simulate": 6,
	"internal/execute":  6,
	"internal/allocate": 6,
	"internal/critical": 6,

	"internal/connect/connecttest": 7, // only tests import it

	"internal/bottleneck": 7,

	"internal/cost":  7,
	"internal/bound": 7,

	"internal/explore": 7,

	".":               8,
	"internal/report": 8,

	"internal/page":  9,
	"internal/trace": 9,

	"internal/cli": 10,

	"cmd/stream": 11,
}

func TestImportsRunDown(t *testing.T) {
	const module = "streamdse"
	seen := map[string]bool{}
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || d.Name() == "tools" || file != "." && strings.HasPrefix(d.Name(), ".")) {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		dir := path.Dir(filepath.ToSlash(file))
		floor, ok := floors[dir]
		if !ok {
			t.Errorf("package %s has no floor: add it to this test and to ARCHITECTURE.md", dir)
			return nil
		}
		seen[dir] = true
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range f.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value)
			if imported != module && !strings.HasPrefix(imported, module+"/") {
				continue
			}
			to := strings.TrimPrefix(strings.TrimPrefix(imported, module), "/")
			if to == "" {
				to = "."
			}
			if floors[to] >= floor {
				t.Errorf("%s (floor %d) imports %s (floor %d): imports run down only", file, floor, imported, floors[to])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for dir := range floors {
		if !seen[dir] {
			t.Errorf("floor given for %s, which has no source file", dir)
		}
	}
}

// TestArchitectureNamesExist finds every `package.Name` of ARCHITECTURE.md among the
// declarations of that package.
func TestArchitectureNamesExist(t *testing.T) {
	text, err := os.ReadFile("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	folders := map[string]string{}
	for dir := range floors {
		folders[path.Base(dir)] = dir
	}
	folders["stream"] = "." // rather than cmd/stream
	names := 0
	for _, m := range regexp.MustCompile("`([a-z]+)\\.([A-Z]\\w*)(?:\\.(\\w+))?(?:\\([^`]*)?`").FindAllStringSubmatch(string(text), -1) {
		dir, ok := folders[m[1]]
		if !ok {
			continue // of the standard library
		}
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		declared := regexp.MustCompile(`(?m)^(func|type|\t) ?(\([^)]*\) )?` + m[2] + `\b`)
		names++
		if !slices.ContainsFunc(files, func(file string) bool {
			source, err := os.ReadFile(file)
			return err == nil && declared.Match(source)
		}) {
			t.Errorf("%s: package %s declares no %s", m[0], m[1], m[2])
		}
	}
	if names < 10 {
		t.Errorf("only %d names were found", names)
	}
}
