package stream

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"streamdse/internal/diag"
	"streamdse/internal/yamldoc"
)

// What a file describes, for messages.
const (
	anONNXModel   = "an ONNX model"
	aWorkload     = "a workload"
	anAccelerator = "an accelerator"
	aCore         = "a core"
	aMapping      = "a mapping"
	anAllocation  = "a saved allocation"
	aResult       = "a saved result"
)

// mistaken says what is wrong with a file as a whole, where that explains the
// error of reading it better than the error itself: it is not there, it is a
// folder, or it describes something else.
func mistaken(err error, path string, wanted ...string) error {
	if err == nil {
		return nil
	}
	info, statErr := os.Stat(path)
	switch {
	case errors.Is(statErr, fs.ErrNotExist), errors.Is(statErr, syscall.ENOTDIR):
		return diag.List{{File: path, Message: "there is no such file", Hint: insteadOf(path, wanted[0])}}
	case statErr == nil && info.IsDir():
		return diag.List{{File: path, Message: "it is a folder, not " + wanted[0], Hint: "name a file in it"}}
	case statErr != nil:
		return err
	case errors.Is(unreadable(path), fs.ErrPermission):
		return diag.List{{File: path, Message: "cannot read the file: permission denied", Hint: "make it readable, or work on a copy of it"}}
	}
	is := describes(path)
	if is == "" || slices.Contains(wanted, is) {
		return err
	}
	hints := map[string]string{
		anONNXModel: "give it with --workload", aWorkload: "give it with --workload", anAccelerator: "give it with --hardware",
		aCore:        "`stream core --hardware` evaluates a core; an accelerator names its cores' files under `cores`",
		aMapping:     "give it with --mapping",
		anAllocation: "give it with --allocation", aResult: "`stream check` and `stream report` read its folder",
	}
	return diag.List{{File: path, Message: fmt.Sprintf("the file describes %s, not %s", is, wanted[0]), Hint: hints[is]}}
}

// unreadable is why a file cannot be opened, nil if it can.
func unreadable(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return f.Close()
}

// insteadOf guesses what a path that leads nowhere was meant to be.
func insteadOf(path, wanted string) string {
	var near []string
	entries, _ := os.ReadDir(filepath.Dir(path)) // an unreadable folder has nothing to offer
	for _, e := range entries {
		if e.Type().IsRegular() && filepath.Ext(e.Name()) == filepath.Ext(path) {
			near = append(near, e.Name())
		}
	}
	if name := diag.Nearest(filepath.Base(path), near); name != "" {
		return fmt.Sprintf("did you mean `%s`?", filepath.Join(filepath.Dir(path), name))
	}
	builtin := map[string][]string{aWorkload: WorkloadNames(), anAccelerator: HardwareNames(), aMapping: MappingNames()}[wanted]
	if name := diag.Nearest(stem(path), builtin); name != "" {
		return fmt.Sprintf("did you mean the built-in `%s`? It is named without folder and extension", name)
	}
	return "check the path; what is built in is named without folder and extension"
}

// describes tells what is in a file by its first bytes and keys, "" if that is not
// known.
func describes(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	const enough = 1 << 20 // of a model that may be huge, and more than any YAML file has
	data, err := io.ReadAll(io.LimitReader(f, enough))
	if err != nil {
		return ""
	}
	switch {
	case len(data) > 0 && data[0] == 1<<3: // the version, which exporters write first
		return anONNXModel
	case bytes.IndexByte(data, 0) >= 0:
		return ""
	}
	_, root := yamldoc.Parse(path, data)
	if root != nil && root.Kind == yamldoc.List && len(root.List()) > 0 {
		entry := root.List()[0]
		switch {
		case entry.Has("core_allocation"), entry.Has("intra_core_tiling"):
			return aMapping
		case entry.Has("equation"), entry.Has("loop_dims"):
			return aWorkload
		case entry.Has("layer") && entry.Has("core"):
			return anAllocation
		}
		return ""
	}
	switch {
	case root.Has("schema"):
		return aResult
	case root.Has("cores"):
		return anAccelerator
	case root.Has("memories"), root.Has("operational_array"), root.Has("multipliers"):
		return aCore
	case root.Has("entries"), root.Has("layers"), root.Has("fused_groups"):
		return aMapping
	}
	return ""
}

// unknownBuiltin reports a name that is neither built in nor that of a file.
func unknownBuiltin(kind, name string, known []string, extensions ...string) error {
	p := diag.Problem{
		Message: fmt.Sprintf("%s %q is neither built in nor a file", kind, name),
		Allowed: strings.Join(known, ", ") + ", or the path of a file",
		Hint:    diag.DidYouMean(name, known),
	}
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		p.Message = fmt.Sprintf("%s %q is a folder", kind, name)
		p.Allowed, p.Hint = "the name of a built-in, or the path of a file", "name a file in it"
	}
	for _, e := range extensions {
		if _, err := os.Stat(name + e); err == nil {
			p.Hint = fmt.Sprintf("did you mean the file `%s`?", name+e)
		}
	}
	if p.Hint == "" {
		p.Hint = "`stream zoo list` says what each is"
	}
	return diag.List{p}
}
