// Package zoo holds the mappings that come with the program. A mapping has the
// name of the built-in accelerator that it is for.
package zoo

import (
	"embed"
	"fmt"
	"path"
	"strings"

	"streamdse/internal/diag"
	"streamdse/mapping"
)

//go:embed files
var files embed.FS

// Names returns the names of the mappings, sorted.
func Names() []string {
	entries, _ := files.ReadDir("files")
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".yaml"))
	}
	return names
}

// Load returns a mapping by name. The error is a diag.List.
func Load(name string) (*mapping.Mapping, error) {
	source, err := Source(name)
	if err != nil {
		return nil, err
	}
	return mapping.Parse(name+".yaml", []byte(source[name+".yaml"]))
}

// Source returns the file of a mapping, by its name.
func Source(name string) (map[string]string, error) {
	file := name + ".yaml"
	data, err := files.ReadFile(path.Join("files", file))
	if err != nil || path.Base(file) != file {
		return nil, diag.One(fmt.Sprintf("there is no built-in mapping %q", name), strings.Join(Names(), ", "), diag.DidYouMean(name, Names()))
	}
	return map[string]string{file: string(data)}, nil
}
