package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"streamdse/docs/schemas"
	"streamdse/internal/diag"
	"streamdse/internal/report"
)

func schemaCommand() *cobra.Command {
	var output string
	var asJSON, quiet bool
	c := &cobra.Command{
		Use:   "schema [NAME]",
		Short: "List and print the JSON Schemas of files that are read and written",
		Long: `Schema prints the JSON Schema of a kind of file, or lists the kinds there are. With it, an
editor completes and checks the YAML files: the line

  # yaml-language-server: $schema=hardware.schema.json

at the top of a file names the schema for it.`,
		Example: `  stream schema
  stream schema hardware -o hardware.schema.json
  stream schema result`,
		Args: func(c *cobra.Command, args []string) error { return noArguments(c, args[min(1, len(args)):]) },
		ValidArgsFunction: func(_ *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
			return beginning(begun, schemas.Names()), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return listSchemas(c.OutOrStdout(), asJSON, quiet)
			}
			text, ok := schemas.Get(args[0])
			if !ok {
				return diag.List{{Message: fmt.Sprintf("there is no schema %q", args[0]),
					Allowed: strings.Join(schemas.Names(), ", "), Hint: diag.DidYouMean(args[0], schemas.Names())}}
			}
			write := func(w io.Writer) error {
				_, err := w.Write(text)
				return err
			}
			if output != "" {
				return report.WriteFile(output, write)
			}
			return write(c.OutOrStdout())
		},
	}
	c.Flags().StringVarP(&output, "output", "o", "", "`FILE` for the schema (default: standard output)")
	c.Flags().BoolVar(&asJSON, "json", false, "list as JSON")
	c.Flags().BoolVar(&quiet, "quiet", false, "list the names alone")
	completeFile(c, "output", "json")
	return c
}

// schemaTitle is a schema with what it describes.
type schemaTitle struct {
	Name  string `json:"name"`
	About string `json:"description"`
}

func listSchemas(out io.Writer, asJSON, quiet bool) error {
	list := []schemaTitle{}
	for _, name := range schemas.Names() {
		text, _ := schemas.Get(name)
		var s struct {
			Title string `json:"title"`
		}
		if err := json.Unmarshal(text, &s); err != nil {
			return err
		}
		list = append(list, schemaTitle{name, s.Title})
	}
	if asJSON {
		return writeJSON(out, list)
	}
	if quiet {
		return writeLines(out, schemas.Names())
	}
	w := tableWriter(out)
	for _, s := range list {
		fmt.Fprintf(w, "%s\t%s\n", s.Name, s.About)
	}
	return w.Flush()
}
