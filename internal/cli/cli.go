// Package cli is the command line: flags in, façade called, results written.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

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

// Run runs one command and returns its exit status. The first interrupt ends it
// cleanly, a second one at once.
func Run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
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
		style := styleFor(stderr)
		for _, p := range problems {
			if p.File == "" { // a place comes first, so that editors can jump to it
				p.Message = "stream: " + p.Message
			}
			fmt.Fprintln(stderr, style.problem(p))
		}
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
		fmt.Fprintln(stderr, "stream: "+err.Error())
		return exitNoAnswer
	}
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
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		p := diag.Problem{Message: err.Error(), Hint: fmt.Sprintf("`%s --help` lists the flags", c.CommandPath())}
		if name, unknown := strings.CutPrefix(err.Error(), "unknown flag: --"); unknown {
			var flags []string
			c.Flags().VisitAll(func(f *pflag.Flag) { flags = append(flags, f.Name) })
			if near := diag.Nearest(name, flags); near != "" {
				p.Hint = fmt.Sprintf("did you mean --%s?", near)
			}
		}
		return diag.List{p}
	})
	root.PersistentFlags().Bool("verbose", false, "say on standard error how long each step takes")
	root.AddCommand(runCommand(), coreCommand(), inspectCommand(), inferCommand(), zooCommand(), checkCommand(), reportCommand(), completionCommand(), versionCommand())
	return root
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
