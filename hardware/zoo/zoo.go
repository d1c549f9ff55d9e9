// Package zoo holds the accelerators that come with the program.
package zoo

import (
	"embed"
	"fmt"
	"path"
	"strings"

	"streamdse/hardware"
	"streamdse/internal/diag"
)

//go:embed files
var files embed.FS

// Names returns the names of the accelerators, sorted.
func Names() []string {
	entries, _ := files.ReadDir("files")
	var names []string
	for _, e := range entries {
		if !e.IsDir() {
			names = append(names, strings.TrimSuffix(e.Name(), ".yaml"))
		}
	}
	return names
}

// About is the first sentence of an accelerator's file, without its full stop; empty
// if there is none.
func About(name string) string {
	source, err := Source(name)
	if err != nil {
		return ""
	}
	var words []string
	for line := range strings.SplitSeq(source[name+".yaml"], "\n") {
		text, comment := strings.CutPrefix(line, "#")
		if !comment || strings.TrimSpace(text) == "" {
			break
		}
		sentence, _, ended := strings.Cut(text+" ", ". ")
		words = append(words, strings.TrimSpace(sentence))
		if ended {
			break
		}
	}
	return strings.Join(words, " ")
}

// Load returns an accelerator by name. The error is a diag.List.
func Load(name string) (*hardware.Accelerator, error) {
	acc, _, err := load(name)
	return acc, err
}

// Source returns the files that an accelerator is made of, by their slash
// separated path: the accelerator file at the top, the core files below cores/.
// Written to a folder as they are, they can be loaded from there.
func Source(name string) (map[string]string, error) {
	_, source, err := load(name)
	return source, err
}

func load(name string) (*hardware.Accelerator, map[string]string, error) {
	file := name + ".yaml"
	data, err := files.ReadFile(path.Join("files", file))
	if err != nil || path.Base(file) != file {
		return nil, nil, diag.One(fmt.Sprintf("there is no built-in accelerator %q", name), strings.Join(Names(), ", "), diag.DidYouMean(name, Names()))
	}
	source := map[string]string{file: string(data)}
	acc, err := hardware.Parse(file, data, func(core string) (string, []byte, error) {
		p := path.Join("cores", core)
		data, err := files.ReadFile(path.Join("files", p))
		if err != nil {
			return "", nil, fmt.Errorf("there is no built-in core file %q", core)
		}
		source[p] = string(data)
		return p, data, nil
	})
	if err != nil {
		return nil, nil, err
	}
	return acc, source, nil
}
