// Package schemas holds the JSON Schemas of the files that the program reads and
// writes, as they are published.
package schemas

import (
	"embed"
	"strings"
)

//go:embed *.schema.json
var files embed.FS

const extension = ".schema.json"

// Names lists the schemas: "core", "hardware", ...
func Names() []string {
	entries, err := files.ReadDir(".")
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), extension))
	}
	return names
}

// Get returns a schema by name.
func Get(name string) ([]byte, bool) {
	text, err := files.ReadFile(name + extension)
	return text, err == nil
}
