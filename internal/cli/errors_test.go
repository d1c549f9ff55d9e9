package cli

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/rogpeppe/go-internal/txtar"

	"streamdse/internal/onnx"
)

var update = flag.Bool("update", false, "rewrite docs/schemas and the messages of the error corpus")

const errorScripts = "testdata/errors"

// TestErrors runs the scripts under testdata/errors, each with the small design
// of testdata/design in its folder. Beside the commands of TestScripts there are
//
//	bad STATUS COMMAND...       runs a command that must exit with STATUS, print
//	                            nothing and leave the folder as it was
//	edit FROM TO PATTERN TEXT   copies a file with the first match of a regular
//	                            expression replaced;
//	                            \n in TEXT begins a line
//	model NAME FILE             writes one of the models of this test
//	interrupt TEXT COMMAND...   runs a command, interrupts it once it has written
//	                            TEXT, and expects status 130
//
// and the programs stream-nobody, which has no rights of a superuser, and
// stream-full, to which no file may have more than 512 bytes.
// `go test ./internal/cli -run TestErrors -update` rewrites expected messages.
func TestErrors(t *testing.T) {
	scripts, err := filepath.Abs(errorScripts)
	if err != nil {
		t.Fatal(err)
	}
	design := filepath.Join(filepath.Dir(scripts), "design")
	testscript.Run(t, testscript.Params{
		Dir:                 scripts,
		WorkdirRoot:         secluded(t),
		RequireExplicitExec: true,
		UpdateScripts:       *update,
		Setup:               func(e *testscript.Env) error { return os.CopyFS(e.WorkDir, os.DirFS(design)) },
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"status":    status,
			"cut":       cut,
			"change":    change,
			"bad":       bad,
			"edit":      edit,
			"model":     model,
			"interrupt": interrupt,
		},
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "devfull":
				_, err := os.Stat("/dev/full")
				return err == nil, nil
			case "limited":
				return fileSizeLimited, nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
	})
}

// secluded is a folder for scripts whose next folders above hold nothing else: files that
// an accelerator names are looked for there too. Anyone may enter it.
func secluded(t *testing.T) string {
	top := t.TempDir()
	if err := os.Chmod(filepath.Dir(top), 0o755); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(top, "all", "scripts")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func bad(ts *testscript.TestScript, _ bool, args []string) {
	before := tree(ts)
	if args[1] == "stream" {
		runHere(ts, args[0], args[2:])
	} else {
		status(ts, false, args)
		if out := ts.ReadFile("stdout"); out != "" {
			ts.Fatalf("printed on standard output:\n%s", out)
		}
	}
	after := tree(ts)
	for name, sum := range after {
		if before[name] != sum {
			ts.Fatalf("%s was written or changed", name)
		}
	}
	for name := range before {
		if after[name] == "" {
			ts.Fatalf("%s is gone", name)
		}
	}
}

// workdir guards the working folder, of which there is one for all scripts.
var workdir sync.Mutex

// runHere runs the command without a process of its own, which would take most of
// the time.
func runHere(ts *testscript.TestScript, want string, args []string) {
	var stdout, stderr strings.Builder
	workdir.Lock()
	defer workdir.Unlock()
	home, err := os.Getwd()
	ts.Check(err)
	ts.Check(os.Chdir(ts.MkAbs(".")))
	got := run(context.Background(), args, &stdout, &stderr)
	ts.Check(os.Chdir(home))
	_, err = io.WriteString(ts.Stderr(), stderr.String())
	ts.Check(err)
	if fmt.Sprint(got) != want || stdout.String() != "" {
		ts.Fatalf("exit status %d, want %s; standard output:\n%s", got, want, &stdout)
	}
}

// tree is what is in the script's folder: checksums by name.
func tree(ts *testscript.TestScript) map[string]string {
	files := map[string]string{}
	root := ts.MkAbs(".")
	ts.Check(filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		sum := d.Type().String()
		if d.Type().IsRegular() {
			data, err := os.ReadFile(path)
			if errors.Is(err, fs.ErrPermission) {
				return nil
			}
			if err != nil {
				return err
			}
			sum = fmt.Sprintf("%x", sha256.Sum256(data))
		}
		files[path] = sum
		return nil
	}))
	return files
}

func edit(ts *testscript.TestScript, neg bool, args []string) {
	text, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), text, 0o666))
	args[3] = strings.ReplaceAll(args[3], `\n`, "\n")
	change(ts, neg, args[1:])
}

func interrupt(ts *testscript.TestScript, _ bool, args []string) {
	c := exec.Command(args[1], args[2:]...)
	c.Dir = ts.MkAbs(".")
	c.Env = append(os.Environ(), "PATH="+ts.Getenv("PATH"))
	if path, err := lookIn(ts.Getenv("PATH"), args[1]); err == nil {
		c.Path, c.Err = path, nil
	}
	output, err := c.StderrPipe()
	ts.Check(err)
	ts.Check(c.Start())
	var text strings.Builder
	sent := false
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if text.WriteString(lines.Text() + "\n"); !sent && strings.Contains(lines.Text(), args[0]) {
			ts.Check(c.Process.Signal(os.Interrupt))
			sent = true
		}
	}
	err = c.Wait()
	_, copyErr := io.WriteString(ts.Stderr(), text.String())
	ts.Check(copyErr)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitInterrupted {
		ts.Fatalf("%v, want exit status %d:\n%s", err, exitInterrupted, &text)
	}
}

func lookIn(path, name string) (string, error) {
	for _, dir := range filepath.SplitList(path) {
		file := filepath.Join(dir, name)
		if _, err := os.Stat(file); err == nil {
			return file, nil
		}
	}
	return "", fs.ErrNotExist
}

// goish are words that no user should read.
var goish = regexp.MustCompile(`strconv|unmarshal|(?:^|\s)(?:json|yaml): |invalid syntax|goroutine \d|panic|runtime error|nil pointer|%!|<nil>|\bint64\b|\bfloat64\b|(?:^|: )(?:open|mkdir|rename|stat|lstat|write|read) [^ ]+: `)

// saysItAll are messages in which what is allowed stands already.
var saysItAll = regexp.MustCompile(`must be |refers to no earlier anchor||must name |must have |needs at least |required key |no value|the file is empty|not JSON|not valid YAML|has \d+ (?:elements|sizes)|is given twice|export the model|interrupted|standard output`)

var placed = regexp.MustCompile(`^(?:stream|[^ :]+(?::\d+(?::\d+)?)?): `)

// TestErrorMessages: every message of the scripts has a place, a cause and a way
// out, in words that do not come from the language that this is written in.
func TestErrorMessages(t *testing.T) {
	scripts, err := filepath.Glob(filepath.Join(errorScripts, "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	inputs, messages := 0, 0
	for _, script := range scripts {
		archive, err := txtar.ParseFile(script)
		if err != nil {
			t.Fatal(err)
		}
		inputs += len(regexp.MustCompile(`(?m)^(?:\[\w+\] )?(?:bad|interrupt) `).FindAll(archive.Comment, -1))
		for _, f := range archive.Files {
			if filepath.Ext(f.Name) != ".err" {
				continue
			}
			for _, m := range splitMessages(string(f.Data)) {
				messages++
				where := fmt.Sprintf("%s, %s: ", filepath.Base(script), f.Name)
				first, rest, _ := strings.Cut(m, "\n")
				if !placed.MatchString(first) {
					t.Errorf("%sno place: %s", where, first)
				}
				if rest == "" && !saysItAll.MatchString(first) {
					t.Errorf("%sno way out: %s", where, first)
				}
				if word := goish.FindString(m); word != "" {
					t.Errorf("%s%q is no word for users: %s", where, word, m)
				}
				if len(first) > 400 {
					t.Errorf("%s%d characters: %s", where, len(first), first)
				}
			}
		}
	}
	t.Logf("%d bad inputs, %d messages", inputs, messages)
	if inputs < 60 || messages < inputs {
		t.Errorf("%d bad inputs with %d messages, want 60 or more", inputs, messages)
	}
}

// splitMessages cuts what a command printed into messages with their indented lines.
// Lines of progress are left out.
func splitMessages(text string) []string {
	var messages []string
	progress := regexp.MustCompile(`^(?:\S+)? +(?:cost|allocate|map) |^warning: `)
	for line := range strings.Lines(text) {
		switch {
		case strings.HasPrefix(line, "  ") && len(messages) > 0:
			messages[len(messages)-1] += "\n" + strings.TrimSuffix(line, "\n")
		case !progress.MatchString(line):
			messages = append(messages, strings.TrimSuffix(line, "\n"))
		}
	}
	return messages
}

// model writes a model with one defect.
func model(ts *testscript.TestScript, _ bool, args []string) {
	m, ok := models()[args[0]]
	if !ok {
		ts.Fatalf("no model is called %q", args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), m, 0o666))
}

// models are networks of one or a few operators, by what is wrong with them.
func models() map[string][]byte {
	value := func(name string, shape []onnx.Dim) onnx.ValueInfo {
		return onnx.ValueInfo{Name: name, Type: onnx.Float32, Shape: shape}
	}
	weights := func(name string, dims ...int64) onnx.Tensor {
		return onnx.Tensor{Name: name, Type: onnx.Float32, Dims: dims}
	}
	node := func(name, op string, inputs, outputs string) onnx.Node {
		return onnx.Node{Name: name, OpType: op, Inputs: strings.Fields(inputs), Outputs: strings.Fields(outputs)}
	}
	write := func(g onnx.Graph) []byte {
		g.Name = "net"
		return onnx.Write(&onnx.Model{IRVersion: 8, Opsets: []onnx.Opset{{Version: 17}}, Graph: g})
	}
	image, w := value("x", onnx.Static(1, 3, 8, 8)), weights("w", 4, 3, 3, 3)
	conv := node("conv", "Conv", "x w", "y")
	y := value("y", nil)
	whole := write(onnx.Graph{Nodes: []onnx.Node{conv}, Inputs: []onnx.ValueInfo{image}, Outputs: []onnx.ValueInfo{y}, Initializers: []onnx.Tensor{w}})
	open := []onnx.Dim{{Value: 1, Known: true}, {Symbol: "frames"}, {Symbol: "bands"}}
	stored := value("y", onnx.Static(1, 4, 8, 8))
	return map[string][]byte{
		"whole":  whole,
		"cut":    whole[:len(whole)/2],
		"empty":  nil,
		"zeros":  make([]byte, 64),
		"text":   []byte("this is no model\n"),
		"lfs":    []byte("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 100\n"),
		"damage": bytes.ReplaceAll(whole, []byte("Conv"), []byte("Con\xff")),
		"unknown operators": write(onnx.Graph{
			Nodes:  []onnx.Node{node("odd", "Frobnicate", "x", "a"), node("r", "Relu", "a", "b"), node("even", "Defrobnicate", "b", "y")},
			Inputs: []onnx.ValueInfo{image}, Outputs: []onnx.ValueInfo{y},
		}),
		"recurrent": write(onnx.Graph{
			Nodes:  []onnx.Node{node("rnn", "LSTM", "x w w", "y")},
			Inputs: []onnx.ValueInfo{value("x", onnx.Static(1, 1, 8))}, Outputs: []onnx.ValueInfo{y}, Initializers: []onnx.Tensor{weights("w", 1, 8, 8)},
		}),
		"open dimensions": write(onnx.Graph{Nodes: []onnx.Node{node("r", "Relu", "x", "y")}, Inputs: []onnx.ValueInfo{value("x", open)}, Outputs: []onnx.ValueInfo{y}}),
		"no shape":        write(onnx.Graph{Nodes: []onnx.Node{conv}, Inputs: []onnx.ValueInfo{value("x", nil)}, Outputs: []onnx.ValueInfo{y}, Initializers: []onnx.Tensor{w}}),
		"channels": write(onnx.Graph{
			Nodes: []onnx.Node{conv}, Inputs: []onnx.ValueInfo{value("x", onnx.Static(1, 5, 8, 8))}, Outputs: []onnx.ValueInfo{y}, Initializers: []onnx.Tensor{w},
		}),
		"contradiction": write(onnx.Graph{
			Nodes: []onnx.Node{conv}, Inputs: []onnx.ValueInfo{image}, Outputs: []onnx.ValueInfo{stored}, Initializers: []onnx.Tensor{w},
		}),
		"order": write(onnx.Graph{
			Nodes: []onnx.Node{node("r", "Relu", "y", "z"), conv}, Inputs: []onnx.ValueInfo{image}, Outputs: []onnx.ValueInfo{value("z", nil)}, Initializers: []onnx.Tensor{w},
		}),
		"twice": write(onnx.Graph{
			Nodes:  []onnx.Node{conv, node("again", "Conv", "x w", "y")},
			Inputs: []onnx.ValueInfo{image}, Outputs: []onnx.ValueInfo{y}, Initializers: []onnx.Tensor{w},
		}),
		"nothing to compute": write(onnx.Graph{
			Nodes: []onnx.Node{node("i", "Identity", "x", "y")}, Inputs: []onnx.ValueInfo{image}, Outputs: []onnx.ValueInfo{y},
		}),
		"computed shape": write(onnx.Graph{
			Nodes:  []onnx.Node{node("r", "Reshape", "x s", "y")},
			Inputs: []onnx.ValueInfo{image, {Name: "s", Type: onnx.Int64, Shape: onnx.Static(2)}}, Outputs: []onnx.ValueInfo{y},
		}),
	}
}

// TestModels: every model of the scripts is used by one.
func TestModels(t *testing.T) {
	scripts, err := filepath.Glob(filepath.Join(errorScripts, "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	var all []byte
	for _, script := range scripts {
		text, err := os.ReadFile(script)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, text...)
	}
	for name := range models() {
		if !bytes.Contains(all, []byte("model "+name+" ")) && !bytes.Contains(all, []byte("model "+strconv.Quote(name))) && !bytes.Contains(all, []byte("model '"+name+"' ")) {
			t.Errorf("no script uses the model %q", name)
		}
	}
}
