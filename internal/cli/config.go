package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"streamdse/internal/diag"
	"streamdse/internal/yamldoc"
)

const (
	configName = "stream.yaml" // is read if it is there
	noConfig   = "none"
)

// configFlags say where flags are read from.
type configFlags struct{ config, repeat string }

func (f *configFlags) register(c *cobra.Command) {
	c.Flags().StringVar(&f.config, "config", "", "YAML `file` with flags of this command, by name; flags that are given override it (default: "+configName+" if there is one; none reads none)")
	c.Flags().StringVar(&f.repeat, "repeat", "", "a saved `result.json`, or its folder: run again what it was made by, with the same inputs, and compare")
	completeFile(c, "config", "yaml", "yml")
	completeFile(c, "repeat", "json")
}

// aboutTheRun tells whether a flag says how a run is done and shown rather than what
// its result is.
func aboutTheRun(flag string) bool {
	return slices.Contains([]string{"config", "repeat", "help", "output", "format", "no-plots", "no-verify", "what-if", "workers", "json", "quiet", "verbose"}, flag)
}

// namesFile tells whether a flag may name a file beside the three inputs.
func namesFile(flag string) bool {
	return slices.Contains([]string{"allocation", "stacks", "order"}, flag)
}

// namesInput tells whether a flag names one of the three inputs.
func namesInput(flag string) bool {
	return slices.Contains([]string{"workload", "hardware", "mapping"}, flag)
}

// read sets the flags that the user has not given from the configuration file, if
// there is one.
func (f *configFlags) read(c *cobra.Command) error {
	file := f.config
	switch file {
	case noConfig:
		return nil
	case "":
		if _, err := os.Stat(configName); err != nil {
			return nil
		}
		file = configName
	}
	text, err := os.ReadFile(file)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return diag.List{{File: file, Message: "there is no such configuration file"}}
		}
		return diag.List{{File: file, Message: "cannot read the configuration file: " + reason(err)}}
	}
	doc, root := yamldoc.Parse(file, text)
	given := map[string]bool{}
	c.Flags().Visit(func(flag *pflag.Flag) { given[flag.Name] = true })
	var set []string
	for _, e := range root.Entries() {
		flag := configurable(c, e.Key)
		if flag == nil {
			known := configKeys(c)
			e.Problem(fmt.Sprintf("unknown key `%s`", e.Key), strings.Join(known, ", "), diag.DidYouMean(e.Key, known))
			continue
		}
		if setFlag(c, flag, e, file, given[flag.Name]) {
			set = append(set, flag.Name)
		}
	}
	if err := doc.Problems().Err(); err != nil {
		return err
	}
	if quiet, _ := c.Flags().GetBool("quiet"); !quiet && len(set) > 0 {
		fmt.Fprintf(c.ErrOrStderr(), "flags of %s: %s\n", file, strings.Join(set, ", "))
	}
	return nil
}

// configurable is the flag of a key, nil if there is none.
func configurable(c *cobra.Command, key string) *pflag.Flag {
	if slices.Contains([]string{"config", "repeat", "help"}, key) {
		return nil
	}
	return c.Flags().Lookup(key)
}

// configKeys lists the keys that a configuration file may have.
func configKeys(c *cobra.Command) []string {
	var keys []string
	c.Flags().VisitAll(func(flag *pflag.Flag) {
		if configurable(c, flag.Name) != nil {
			keys = append(keys, flag.Name)
		}
	})
	return keys
}

// setFlag sets a flag from an entry of a configuration file, unless it is given, and
// tells whether it did. A list may be given for flags that may be repeated.
func setFlag(c *cobra.Command, flag *pflag.Flag, e yamldoc.Entry, file string, given bool) bool {
	values := []*yamldoc.Node{e.Value}
	if e.Value.Kind == yamldoc.List && isList(flag) {
		values = e.Value.List()
	}
	for _, v := range values {
		text, ok := v.Text()
		if !ok || given {
			return false
		}
		if namesInput(flag.Name) || namesFile(flag.Name) {
			text = beside(file, text)
		}
		if err := c.Flags().Set(flag.Name, text); err != nil {
			v.Problem(fmt.Sprintf("%q cannot be its value", text), valueKind(flag), "")
			return false
		}
	}
	return true
}

func isList(flag *pflag.Flag) bool {
	return slices.Contains([]string{"stringArray", "stringSlice"}, flag.Value.Type())
}

// valueKind says what a flag takes.
func valueKind(flag *pflag.Flag) string {
	switch flag.Value.Type() {
	case "bool":
		return "true, false"
	case "int", "uint64":
		return "a whole number"
	case "float64":
		return "a number"
	case "duration":
		return "a duration such as 90s or 5m"
	}
	return "text"
}

// beside is the place of a file that a configuration file names: in the folder of
// that file if it is there, else as it is written.
func beside(config, name string) string {
	dir := filepath.Dir(config)
	if dir == "." || filepath.IsAbs(name) {
		return name
	}
	if near := filepath.Join(dir, name); isFile(near) {
		return near
	}
	return name
}

func isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}
