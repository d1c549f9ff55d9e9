package cli

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sort"
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
	var asJSON bool
	list := &cobra.Command{
		Use:   "list",
		Short: "List what is built in",
		Long: `List prints the names of what is built in. A workload may be followed by parameters,
shown here with their defaults, after a colon: --workload resnet50:batch=4,height=320`,
		Example: "  stream zoo list",
		Args:    noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if asJSON {
				return writeJSON(c.OutOrStdout(), zooContents())
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
	list.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	var output string
	var force, withSchemas bool
	export := &cobra.Command{
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
			return exportBuiltins(c, names, output, force, withSchemas)
		},
	}
	export.Flags().StringVar(&output, "output", ".", "folder to write to")
	export.Flags().BoolVar(&force, "force", false, "overwrite files that exist")
	export.Flags().BoolVar(&withSchemas, "schemas", false, "write JSON Schemas beside the YAML files and name them in their first lines, for editors")
	c.AddCommand(list, export)
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

func exportBuiltins(c *cobra.Command, names []string, output string, force, withSchemas bool) error {
	if len(names) == 0 {
		return diag.List{{Message: "zoo export: no name is given", Hint: "`stream zoo list` lists the names, for instance `stream zoo export resnet18`"}}
	}
	var problems diag.List
	files := map[string][]byte{}
	for _, name := range names {
		exported, ok, err := stream.Builtin(name)
		if err != nil {
			return err
		}
		if !ok {
			problems.Add(diag.Problem{
				Message: fmt.Sprintf("zoo export: nothing built in is named %q", name),
				Hint:    cmp.Or(diag.DidYouMean(name, builtins()), "`stream zoo list` lists the names"),
			})
		}
		for path, content := range exported {
			files[path] = content
		}
	}
	if withSchemas {
		nameSchemas(files)
	}
	paths := make([]string, 0, len(files))
	for path := range files {
		full := filepath.Join(output, filepath.FromSlash(path))
		if _, err := os.Lstat(full); err == nil && !force {
			problems.Add(diag.Problem{File: full, Message: "the file exists", Hint: "choose another folder with --output, or overwrite with --force"})
		}
		paths = append(paths, path)
	}
	if err := problems.Err(); err != nil {
		return err
	}
	sort.Strings(paths)
	for _, path := range paths {
		full := filepath.Join(output, filepath.FromSlash(path))
		write := func(w io.Writer) error {
			_, err := w.Write(files[path])
			return err
		}
		if err := os.MkdirAll(filepath.Dir(full), 0o777); err != nil {
			return unwritable("output", fmt.Errorf("cannot make folder %s: %s", filepath.Dir(full), reason(err)))
		}
		if err := report.WriteFile(full, write); err != nil {
			return unwritable("output", err)
		}
		if _, err := fmt.Fprintln(c.OutOrStdout(), full); err != nil {
			return err
		}
	}
	return nil
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
