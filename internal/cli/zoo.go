package cli

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	stream "streamdse"
	"streamdse/docs/schemas"
	"streamdse/internal/diag"
	"streamdse/internal/report"
	"streamdse/workload/zoo"
)

func zooCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "zoo",
		Short: "List and export the built-in workloads, accelerators and mappings",
		Example: `  stream zoo list
  stream zoo export resnet18 tpu_like_quad_core --output my_designs`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(zooListCommand(), zooExportCommand())
	return c
}

func zooListCommand() *cobra.Command {
	var asJSON, quiet bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List what is built in",
		Long: `List prints the names of what is built in. A workload may be followed by parameters,
shown here with their defaults, after a colon: --workload resnet50:batch=4,height=320`,
		Example: `  stream zoo list
  stream zoo list --json`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			switch {
			case asJSON:
				return writeJSON(c.OutOrStdout(), zooContents())
			case quiet:
				return writeLines(c.OutOrStdout(), builtins())
			}
			w := tableWriter(c.OutOrStdout())
			for _, d := range zooContents().Details {
				fmt.Fprintf(w, "workload\t%s\t%s\t%s\n", d.Name, d.About, settings(d.Parameters))
			}
			for _, name := range stream.HardwareNames() {
				fmt.Fprintf(w, "accelerator\t%s\n", name)
			}
			for _, name := range stream.MappingNames() {
				fmt.Fprintf(w, "mapping\t%s\n", name)
			}
			return w.Flush()
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	c.Flags().BoolVar(&quiet, "quiet", false, "print the names alone")
	return c
}

// exportFlags say where and how built-ins are written.
type exportFlags struct {
	output         string
	force, schemas bool
	json, quiet    bool
}

func zooExportCommand() *cobra.Command {
	f := &exportFlags{}
	c := &cobra.Command{
		Use:   "export NAME...",
		Short: "Write built-ins as files: ONNX models and YAML",
		Long: `Export writes every built-in of the given names: a workload as NAME.onnx (shapes, no
weights), an accelerator as NAME.yaml with its core files in cores/, a mapping as
NAME.mapping.yaml.`,
		Example: `  stream zoo export resnet18
  stream zoo export tpu_like_quad_core --schemas --output my_chip`,
		ValidArgsFunction: func(_ *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
			return beginning(begun, builtins()), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, names []string) error {
			return f.export(c.OutOrStdout(), names)
		},
	}
	c.Flags().StringVar(&f.output, "output", ".", "folder to write to")
	c.Flags().BoolVar(&f.force, "force", false, "overwrite files that exist")
	c.Flags().BoolVar(&f.schemas, "schemas", false, "write JSON Schemas beside the YAML files and name them in their first lines, for editors")
	c.Flags().BoolVar(&f.json, "json", false, "print the names of the files as JSON")
	c.Flags().BoolVar(&f.quiet, "quiet", false, "print nothing but problems")
	return c
}

// zooList is what is built in.
type zooList struct {
	Workloads    []string         `json:"workloads"`
	Accelerators []string         `json:"accelerators"`
	Mappings     []string         `json:"mappings"`
	Details      []workloadDetail `json:"workload_details"`
}

type workloadDetail struct {
	Name       string          `json:"name"`
	About      string          `json:"about"`
	Parameters []zoo.Parameter `json:"parameters,omitempty"`
}

func zooContents() zooList {
	l := zooList{Workloads: stream.WorkloadNames(), Accelerators: stream.HardwareNames(), Mappings: stream.MappingNames()}
	for _, name := range l.Workloads {
		about, parameters := zoo.About(name)
		l.Details = append(l.Details, workloadDetail{name, about, parameters})
	}
	return l
}

// settings shows parameters with their defaults, as they are written after a colon.
func settings(parameters []zoo.Parameter) string {
	var list []string
	for _, p := range parameters {
		text := p.Name + "=" + p.Default
		if len(p.Choices) > 0 {
			text += " (" + strings.Join(p.Choices, "|") + ")"
		}
		list = append(list, text)
	}
	return strings.Join(list, ", ")
}

// builtins lists the names of everything built in.
func builtins() []string {
	names := slices.Concat(stream.WorkloadNames(), stream.HardwareNames(), stream.MappingNames())
	slices.Sort(names)
	return slices.Compact(names)
}

func (f *exportFlags) export(out io.Writer, names []string) error {
	files, problems, err := exported(names)
	if err != nil {
		return err
	}
	if f.schemas {
		nameSchemas(files)
	}
	paths := slices.Sorted(maps.Keys(files))
	place := func(path string) string { return filepath.Join(f.output, filepath.FromSlash(path)) }
	for _, path := range paths {
		if _, err := os.Lstat(place(path)); err == nil && !f.force {
			problems.Add(diag.Problem{File: place(path), Message: "the file exists", Hint: "choose another folder with --output, or overwrite with --force"})
		}
	}
	if err := problems.Err(); err != nil {
		return err
	}
	written := []string{}
	for _, path := range paths {
		full := place(path)
		if err := os.MkdirAll(filepath.Dir(full), 0o777); err != nil {
			return unwritable("output", fmt.Errorf("cannot make folder %s: %s", filepath.Dir(full), reason(err)))
		}
		write := func(w io.Writer) error {
			_, err := w.Write(files[path])
			return err
		}
		if err := report.WriteFile(full, write); err != nil {
			return unwritable("output", err)
		}
		written = append(written, full)
		if !f.json && !f.quiet {
			if _, err := fmt.Fprintln(out, full); err != nil {
				return err
			}
		}
	}
	if f.json {
		return writeJSON(out, written)
	}
	return nil
}

// exported is the content of the files of built-ins, by their slash-separated paths,
// with a problem for every name that is none.
func exported(names []string) (files map[string][]byte, problems diag.List, err error) {
	if len(names) == 0 {
		return nil, nil, diag.List{{Message: "zoo export: no name is given", Hint: "`stream zoo list` lists the names, for instance `stream zoo export resnet18`"}}
	}
	files = map[string][]byte{}
	for _, name := range names {
		of, ok, err := stream.Builtin(name)
		if err != nil {
			return nil, nil, err
		}
		if !ok {
			problems.Add(diag.Problem{
				Message: fmt.Sprintf("zoo export: nothing built in is named %q", name),
				Hint:    cmp.Or(diag.DidYouMean(name, builtins()), "`stream zoo list` lists the names"),
			})
		}
		maps.Copy(files, of)
	}
	return files, problems, nil
}

// nameSchemas puts a line before the YAML files that names their schema, and adds the
// schemas.
func nameSchemas(files map[string][]byte) {
	for path, text := range maps.Clone(files) {
		kind, up := "hardware", ""
		switch {
		case !strings.HasSuffix(path, ".yaml"):
			continue
		case strings.HasPrefix(path, "cores/"):
			kind, up = "core", "../"
		case strings.HasSuffix(path, ".mapping.yaml"):
			kind = "mapping"
		}
		name := "schemas/" + kind + ".schema.json"
		if schema, ok := schemas.Get(kind); ok {
			files[name] = schema
			files[path] = append([]byte("# yaml-language-server: $schema="+up+name+"\n"), text...)
		}
	}
}
