package cli

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	stream "streamdse"
)

// progress shows how far a run is: a bar for each step on a terminal, a plain
// line when a step is done elsewhere.
type progress struct {
	out      io.Writer
	terminal bool
	quiet    bool

	bar   *progressbar.ProgressBar
	step  string
	last  stream.Progress
	began time.Time
}

func newProgress(out io.Writer, quiet bool) *progress {
	p := &progress{out: out, quiet: quiet}
	if f, ok := out.(*os.File); ok {
		p.terminal = term.IsTerminal(int(f.Fd()))
	}
	return p
}

func (p *progress) update(e stream.Progress) {
	if p.quiet {
		return
	}
	if step := string(e.Mode) + e.Step; step != p.step {
		p.finish()
		p.step, p.began = step, time.Now()
		if p.terminal {
			p.bar = progressbar.NewOptions(e.Total,
				progressbar.OptionSetWriter(p.out),
				progressbar.OptionSetDescription(fmt.Sprintf("%-14s %-8s", e.Mode, e.Step)),
				progressbar.OptionShowCount(),
				progressbar.OptionShowIts(),
				progressbar.OptionSetItsString(e.Unit),
				progressbar.OptionSetPredictTime(true),
				progressbar.OptionSetWidth(30),
				progressbar.OptionThrottle(50*time.Millisecond),
				progressbar.OptionClearOnFinish(),
			)
		}
	}
	p.last = e
	if p.bar != nil {
		// A failing terminal is no reason to fail the run.
		_ = p.bar.Set(e.Done)
	}
}

// finish ends the current step and leaves one line about it.
func (p *progress) finish() {
	if p.step == "" {
		return
	}
	if p.bar != nil {
		_ = p.bar.Clear()
		p.bar = nil
	}
	line := fmt.Sprintf("%-14s %-8s %d of %d %s in %.2f s", p.last.Mode, p.last.Step, p.last.Done, p.last.Total, p.last.Unit, time.Since(p.began).Seconds())
	if p.last.Note != "" {
		line += "; " + p.last.Note
	}
	fmt.Fprintln(p.out, line)
	p.step = ""
}
