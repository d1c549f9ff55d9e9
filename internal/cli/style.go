package cli

import (
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"streamdse/internal/diag"
)

// isTerminal tells whether what is written is seen on a terminal.
func isTerminal(out io.Writer) bool {
	f, ok := out.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// style colours messages, or leaves them as they are.
type style struct{ on bool }

// styleFor is the style for what is written to out: coloured on a terminal, unless
// the environment asks for none (https://no-color.org) or the terminal knows none.
func styleFor(out io.Writer) style {
	return style{wantsColour(isTerminal(out), os.Getenv)}
}

func wantsColour(terminal bool, env func(string) string) bool {
	return terminal && env("NO_COLOR") == "" && env("TERM") != "dumb"
}

// Select Graphic Rendition codes of terminals.
const (
	bold   = "1"
	dim    = "2"
	red    = "31"
	yellow = "33"
	cyan   = "36"
)

func (s style) paint(code, text string) string {
	if !s.on || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// problem renders a problem with its place, what is allowed and the hint set off.
func (s style) problem(p diag.Problem) string {
	first, rest, _ := strings.Cut(p.String(), "\n")
	place := strings.TrimSuffix(first, p.Message)
	lines := []string{s.paint(bold, place) + s.paint(red, strings.TrimPrefix(first, place))}
	for line := range strings.SplitSeq(rest, "\n") {
		switch {
		case strings.HasPrefix(line, "  hint:"):
			line = s.paint(cyan, line)
		case strings.HasPrefix(line, "  allowed:"):
			line = s.paint(dim, line)
		}
		lines = append(lines, line)
	}
	return strings.TrimSuffix(strings.Join(lines, "\n"), "\n")
}

// warning renders a warning.
func (s style) warning(text string) string { return s.paint(yellow, "warning: ") + text }

// logger is where the command says how long its steps take: on standard error with
// --verbose, else nowhere.
func logger(c *cobra.Command) *slog.Logger {
	if verbose, _ := c.Flags().GetBool("verbose"); !verbose {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(c.ErrOrStderr(), &slog.HandlerOptions{
		Level: slog.LevelDebug,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			switch {
			case a.Key == slog.TimeKey || a.Key == slog.LevelKey:
				return slog.Attr{}
			case a.Value.Kind() == slog.KindDuration:
				return slog.String(a.Key, a.Value.Duration().Round(10*time.Microsecond).String())
			}
			return a
		},
	}))
}

// timed starts a step; the result ends it and logs how long it took.
func timed(log *slog.Logger, step string) func() {
	began := time.Now()
	return func() { log.Debug(step, "took", time.Since(began)) }
}
