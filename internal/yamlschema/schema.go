// Package yamlschema describes the YAML files that the program reads as JSON Schemas,
// with which editors complete and check them. The readers know more: what a schema
// accepts may still be refused, with a better message.
//
// A file is described by Go types: their fields are its keys, their comments what an
// editor shows. Tests hold the types to the readers.
package yamlschema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/invopop/jsonschema"
)

// Document is a kind of file with its schema.
type Document struct {
	Name  string // of the schema
	Title string
	Types []any // of which the content is one
	// Listed is how many of Types, from the first, are elements of a list.
	Listed int
}

// Documents lists the kinds of YAML files.
func Documents() []Document {
	return []Document{
		{Name: "hardware", Title: "Accelerator", Types: []any{Accelerator{}, Mesh{}}},
		{Name: "core", Title: "Core", Types: []any{Core{}, Tile{}}},
		{Name: "mapping", Title: "Mapping", Types: []any{Entry{}, Chosen{}, Grouped{}}, Listed: 1},
		{Name: "workload", Title: "Workload", Types: []any{Layer{}}, Listed: 1},
	}
}

// Reflector makes schemas; it reads comments of the packages that are named by their
// folders below the module's root, which has to be the current folder.
func Reflector(packages ...string) (*jsonschema.Reflector, error) {
	r := &jsonschema.Reflector{}
	for _, p := range packages {
		if err := r.AddGoComments("streamdse", p, jsonschema.WithFullComment()); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// ID is the name of a schema for the world.
func ID(name string, version int) jsonschema.ID {
	return jsonschema.ID(fmt.Sprintf("urn:stream:%s:v%d", name, version))
}

// Schema makes the schema of a document.
func (d Document) Schema(r *jsonschema.Reflector) ([]byte, error) {
	root := &jsonschema.Schema{Version: jsonschema.Version, ID: ID(d.Name, 1), Title: d.Title, Definitions: jsonschema.Definitions{}}
	define := func(t any) {
		for name, s := range r.Reflect(t).Definitions {
			root.Definitions[name] = s
		}
	}
	for i, t := range d.Types {
		define(t)
		ref := &jsonschema.Schema{Ref: "#/$defs/" + nameOf(t)}
		if i < d.Listed {
			ref = &jsonschema.Schema{Type: "array", MinItems: new(uint64(1)), Items: ref}
		}
		root.AnyOf = append(root.AnyOf, ref)
	}
	for _, t := range alternatives() {
		define(t)
	}
	return encodeUsed(root)
}

// alternatives are the types that schemas of their own refer to by name.
func alternatives() []any { return []any{Core{}, Tile{}, Link{}, Port{}, PortMap{}} }

// encodeUsed leaves out definitions that nothing refers to.
func encodeUsed(root *jsonschema.Schema) ([]byte, error) {
	for {
		text, err := Encode(root)
		if err != nil {
			return nil, err
		}
		before := len(root.Definitions)
		for name := range root.Definitions {
			if !bytes.Contains(text, []byte(`"#/$defs/`+name+`"`)) {
				delete(root.Definitions, name)
			}
		}
		if len(root.Definitions) == before {
			return text, nil
		}
	}
}

func nameOf(t any) string { return reflect.TypeOf(t).Name() }

// Encode writes a schema as it is published.
func Encode(s *jsonschema.Schema) ([]byte, error) {
	text, err := json.MarshalIndent(s, "", "  ")
	return append(text, '\n'), err
}
