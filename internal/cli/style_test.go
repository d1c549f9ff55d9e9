package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	stream "streamdse"
	"streamdse/internal/diag"
)

func TestColour(t *testing.T) {
	for _, c := range []struct {
		terminal bool
		env      map[string]string
		want     bool
	}{
		{true, map[string]string{"TERM": "xterm"}, true},
		{false, map[string]string{"TERM": "xterm"}, false},
		{true, map[string]string{"TERM": "xterm", "NO_COLOR": "1"}, false},
		{true, map[string]string{"TERM": "dumb"}, false},
	} {
		if got := wantsColour(c.terminal, func(name string) string { return c.env[name] }); got != c.want {
			t.Errorf("%+v: colours: %v", c, got)
		}
	}
	p := diag.Problem{File: "a.yaml", Line: 3, Column: 4, Message: "unknown key", Allowed: "x, y", Hint: "did you mean `x`?"}
	if got := (style{}).problem(p); got != p.String() {
		t.Errorf("without colours: %q", got)
	}
	want := "\x1b[1ma.yaml:3:4: \x1b[0m\x1b[31munknown key\x1b[0m\n\x1b[2m  allowed: x, y\x1b[0m\n\x1b[36m  hint: did you mean `x`?\x1b[0m"
	if got := (style{on: true}).problem(p); got != want {
		t.Errorf("with colours: %q, want %q", got, want)
	}
}

// Where there is no terminal, a long step tells now and then how far it is.
func TestPlainProgress(t *testing.T) {
	var out strings.Builder
	p := newProgress(&out, false)
	now := time.Unix(0, 0)
	p.now = func() time.Time { return now }
	for i := range 5 {
		p.update(stream.Progress{Mode: stream.Fused, Step: "allocate", Done: 100 * i, Total: 400, Unit: "allocations"})
		now = now.Add(6 * time.Second)
	}
	p.finish()
	want := `fused          allocate 200 of 400 allocations, 16.7 a second, 12s left
fused          allocate 400 of 400 allocations, 16.7 a second, 0s left
fused          allocate 400 of 400 allocations in 30.00 s
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

// Every command says what it is for, and shows how it is used.
func TestHelp(t *testing.T) {
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		if c.Short == "" || c.Example == "" {
			t.Errorf("%q: no words or no example", c.CommandPath())
		}
		for _, line := range strings.Split(c.Example, "\n") {
			if !strings.Contains(line, "stream") {
				t.Errorf("%q: the example %q does not call it", c.CommandPath(), line)
			}
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(rootCommand())
}
