package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	stream "streamdse"
	"streamdse/internal/diag"
	"streamdse/mapping"
	"streamdse/workload/zoo"

	hardwarezoo "streamdse/hardware/zoo"
)

func completionCommand() *cobra.Command {
	shells := []string{"bash", "zsh", "fish"}
	return &cobra.Command{
		Use:   "completion bash|zsh|fish",
		Short: "Print a script that makes a shell complete commands, flags and names",
		Long: `Completion prints a script for a shell, with which it completes commands, flags and
their values, among them the names of everything built in.`,
		Example: `  source <(stream completion bash)                                        now
  stream completion bash > ~/.local/share/bash-completion/completions/stream  for good
  stream completion zsh > "${fpath[1]}/_stream"
  stream completion fish > ~/.config/fish/completions/stream.fish`,
		ValidArgs: shells,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return diag.List{{Message: "completion: one shell has to be named", Allowed: strings.Join(shells, ", ")}}
			}
			root, out := c.Root(), c.OutOrStdout()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(out, true)
			case "zsh":
				return root.GenZshCompletion(out)
			case "fish":
				return root.GenFishCompletion(out, true)
			}
			return diag.List{{Message: fmt.Sprintf("completion: there is no script for the shell %q", args[0]),
				Allowed: strings.Join(shells, ", "), Hint: diag.DidYouMean(args[0], shells)}}
		},
	}
}

// complete offers the values of a flag to the shell; beside file names, if it may
// name a file.
func complete(c *cobra.Command, flag string, values []string) {
	completeBy(c, flag, func() []string { return values })
}

func completeBy(c *cobra.Command, flag string, values func() []string) {
	directive := cobra.ShellCompDirectiveNoFileComp
	if namesInput(flag) || namesFile(flag) {
		directive = cobra.ShellCompDirectiveDefault
	}
	err := c.RegisterFlagCompletionFunc(flag, func(_ *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
		return beginning(begun, values()), directive
	})
	if err != nil {
		panic(err) // a flag that this package has just defined
	}
}

// completeInputs offers what is built in for the three inputs.
func completeInputs(c *cobra.Command) {
	completeBy(c, "workload", workloadsWithWords)
	completeBy(c, "hardware", acceleratorsWithWords)
	complete(c, "mapping", append(stream.MappingNames(), mapping.Generated))
}

// beginning keeps the values that begin with what has been typed.
func beginning(begun string, values []string) []string {
	return slices.DeleteFunc(slices.Clone(values), func(v string) bool { return !strings.HasPrefix(v, begun) })
}

// withWords puts after each name, and a tabulator, what it is.
func withWords(names []string, about func(string) string) []string {
	list := slices.Clone(names)
	for i, name := range list {
		list[i] = name + "\t" + about(name)
	}
	return list
}

func workloadsWithWords() []string {
	return withWords(stream.WorkloadNames(), func(name string) string {
		about, _ := zoo.About(name)
		return about
	})
}

func acceleratorsWithWords() []string {
	return withWords(stream.HardwareNames(), hardwarezoo.About)
}

// completeFile offers files with the given extensions for a flag.
func completeFile(c *cobra.Command, flag string, extensions ...string) {
	if err := c.MarkFlagFilename(flag, extensions...); err != nil {
		panic(err) // a flag that this package has just defined
	}
}
