// Package cli is the command line: flags in, façade called, results written.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"streamdse/internal/diag"
)

// Exit statuses.
const (
	exitDone        = 0
	exitNoAnswer    = 1 // no feasible answer, or a failure that is not the user's
	exitBadInput    = 2
	exitInterrupted = 130
)

// errInterrupted reports that the user ended a search whose best result so far
// was kept.
var errInterrupted = errors.New("interrupted: the results are the best found until then")

// errBroken reports that a checked result breaks a rule.
var errBroken = errors.New("a result breaks a rule")

// heapFloor is memory that nobody writes to, so that it takes none, but that the
// collector counts as in use: a command that lives in a few megabytes would otherwise
// collect garbage a hundred times a second.
const heapFloor = 8 << 20

// Run runs one command and returns its exit status. The first interrupt ends it
// cleanly, a second one at once.
func Run(args []string, stdout, stderr io.Writer) int {
	ballast := make([]byte, heapFloor)
	defer runtime.KeepAlive(ballast)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	reportFileSize()
	context.AfterFunc(ctx, stop) // give the signal back, so that a second one kills
	return run(ctx, args, stdout, stderr)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := rootCommand()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	var problems diag.List
	switch {
	case errors.As(err, &problems):
		show(stderr, problems)
		return exitBadInput
	case errors.Is(err, errInterrupted), errors.Is(err, context.Canceled):
		if errors.Is(err, context.Canceled) {
			err = errors.New("interrupted before there was a result; nothing was written")
		}
		fmt.Fprintln(stderr, "stream: "+err.Error())
		return exitInterrupted
	case errors.Is(err, errBroken): // said folder by folder
		return exitNoAnswer
	default:
		show(stderr, diag.List{failure(err)})
		return exitNoAnswer
	}
}

// show prints problems. The place comes first, so that editors can jump to it.
func show(w io.Writer, problems diag.List) {
	style := styleFor(w)
	for _, p := range problems {
		if p.File == "" { // a place comes first, so that editors can jump to it
			p.Message = "stream: " + p.Message
		}
		p.File, p.Message, p.Hint = printable(p.File), printable(p.Message), printable(p.Hint)
		p.Allowed = printable(shortened(p.Allowed))
		fmt.Fprintln(w, style.problem(p))
	}
}

// warn prints what is worth knowing, though nothing is wrong.
func warn(w io.Writer, about []string) {
	style := styleFor(w)
	for _, text := range about {
		fmt.Fprintln(w, style.warning(text))
	}
}

// printable writes out what would control a terminal: a message may quote a file
// that is not text.
func printable(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r == '\n' || unicode.IsPrint(r) && r != utf8.RuneError {
			b.WriteRune(r)
		} else {
			q := strconv.QuoteRune(r)
			b.WriteString(q[1 : len(q)-1])
		}
	}
	return b.String()
}

// shortened leaves out the end of a list that is longer than anyone reads.
func shortened(list string) string {
	const most = 600
	if len(list) <= most {
		return list
	}
	end := strings.LastIndex(list[:most], ", ")
	if end < 0 {
		return list
	}
	return fmt.Sprintf("%s and %d more", list[:end], strings.Count(list[end:], ", "))
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "stream",
		Short: "Explore neural networks on multi-core dataflow accelerators",
		Long: `Stream answers how fast, at what energy and with how much memory a neural network
runs on a multi-core dataflow accelerator, layer by layer or layer-fused.`,
		Example: `  stream run                                   ResNet-18 on four TPU-like cores, both modes
  stream run --workload net.onnx --mode fused  your own network
  stream core --explain layer4.1/conv2         one layer on one core, and why it costs what it costs
  stream inspect --workload resnet18           its layers and their ids
  stream check outputs                         its results, verified again
  stream zoo list                              what is built in`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noArguments,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetFlagErrorFunc(flagError)
	root.SetHelpCommand(helpCommand(root))
	root.CompletionOptions.HiddenDefaultCmd = true
	root.PersistentFlags().Bool("verbose", false, "say on standard error how long each step takes")
	root.AddCommand(runCommand(), coreCommand(), inspectCommand(), inferCommand(), zooCommand(), checkCommand(), reportCommand(), schemaCommand(), completionCommand(), versionCommand())
	return root
}

// helpCommand shows the help of a command; unlike cobra's own, it does not take a
// command that does not exist for the whole program.
func helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Help about a command",
		RunE: func(_ *cobra.Command, args []string) error {
			c, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return noArguments(c, append(rest, args...))
			}
			return c.Help()
		},
	}
}

// noArguments rejects arguments with a hint, as bad input.
func noArguments(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	p := diag.Problem{Message: fmt.Sprintf("unexpected argument %q", args[0])}
	var commands []string
	for _, sub := range c.Commands() {
		commands = append(commands, sub.Name())
	}
	if near := diag.Nearest(args[0], commands); near != "" {
		p.Hint = fmt.Sprintf("did you mean `%s %s`?", c.CommandPath(), near)
	} else {
		p.Hint = fmt.Sprintf("`%s --help` shows what it takes", c.CommandPath())
	}
	return diag.List{p}
}
