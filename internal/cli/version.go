package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func versionCommand() *cobra.Command {
	var asJSON, quiet bool
	c := &cobra.Command{
		Use:   "version",
		Short: "Print the version of the program",
		Example: `  stream version
  stream version --json`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			out, v := c.OutOrStdout(), programVersion()
			switch {
			case asJSON:
				return writeJSON(out, v)
			case quiet:
				_, err := fmt.Fprintln(out, v.Version)
				return err
			}
			text := "stream " + v.Version
			if v.Revision != "" {
				text += " " + v.Revision
			}
			_, err := fmt.Fprintln(out, text)
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print as JSON, with the version of Go that built it")
	c.Flags().BoolVar(&quiet, "quiet", false, "print the version alone")
	return c
}

// version is which program this is.
type version struct {
	Schema   string `json:"schema"`
	Version  string `json:"version"`            // of the module, (devel) if it was built from a clone
	Revision string `json:"revision,omitempty"` // of the sources, if they were under version control
	Go       string `json:"go"`                 // the version that built the program
}

// programVersion is what the build has left in the program.
func programVersion() version {
	v := version{Schema: "stream/version/v1", Version: "(devel)", Go: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if info.Main.Version != "" {
		v.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			v.Revision = s.Value
		}
	}
	return v
}
