package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"

	stream "streamdse"
)

// every is how often a plain line tells how far a step is.
const every = 10 * time.Second

// progress shows how far a run is: on a terminal a bar for each step, elsewhere a
// plain line now and then. A line says when a step is done.
type progress struct {
	out      io.Writer
	terminal bool
	quiet    bool

	bar   *progressbar.ProgressBar
	step  string
	last  stream.Progress
	began time.Time
	told  time.Time // when the last plain line was written
	now   func() time.Time
}

func newProgress(out io.Writer, quiet bool) *progress {
	return &progress{out: out, quiet: quiet, terminal: isTerminal(out), now: time.Now}
}

func (p *progress) update(e stream.Progress) {
	if p.quiet {
		return
	}
	if step := string(e.Mode) + e.Step; step != p.step {
		p.finish()
		p.step, p.began = step, p.now()
		p.told = p.began
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
		return
	}
	if now := p.now(); now.Sub(p.told) >= every {
		p.told = now
		fmt.Fprintln(p.out, p.line()+p.ahead(now.Sub(p.began).Seconds()))
	}
}

// line says how far the step is.
func (p *progress) line() string {
	return fmt.Sprintf("%-14s %-8s %d of %d %s", p.last.Mode, p.last.Step, p.last.Done, p.last.Total, p.last.Unit)
}

// ahead says how fast it goes and how long it will take at that rate.
func (p *progress) ahead(seconds float64) string {
	if p.last.Done <= 0 || seconds <= 0 {
		return ""
	}
	rate := float64(p.last.Done) / seconds
	left := time.Duration(float64(p.last.Total-p.last.Done) / rate * float64(time.Second)).Round(time.Second)
	return fmt.Sprintf(", %.3g a second, %s left", rate, max(left, 0))
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
	line := fmt.Sprintf("%s in %.2f s", p.line(), p.now().Sub(p.began).Seconds())
	if p.last.Note != "" {
		line += "; " + p.last.Note
	}
	fmt.Fprintln(p.out, line)
	p.step = ""
}
