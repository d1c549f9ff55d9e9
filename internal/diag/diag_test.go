package diag

import (
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	words := []string{"bandwidth", "cores", "r_cost", "w_cost", "bus"}
	for word, want := range map[string]string{
		"bandwith": "bandwidth", "Bandwidth": "bandwidth", "cored": "cores", "ocres": "cores", "x_cost": "r_cost",
		"buss": "bus", "but": "bus", "colour": "", "": "", "b": "", strings.Repeat("x", 1000): "",
	} {
		if got := Nearest(word, words); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
}

func TestString(t *testing.T) {
	for _, c := range []struct {
		p    Problem
		want string
	}{
		{Problem{Message: "m"}, "m"},
		{Problem{File: "f", Message: "m"}, "f: m"},
		{Problem{File: "f", Line: 2, Message: "m"}, "f:2: m"},
		{Problem{File: "f", Line: 2, Column: 3, Message: "m", Allowed: "a", Hint: "h"}, "f:2:3: m\n  allowed: a\n  hint: h"},
	} {
		if got := c.p.String(); got != c.want {
			t.Errorf("%+v: %q, want %q", c.p, got, c.want)
		}
	}
	var none List
	if none.Err() != nil {
		t.Error("an empty list is an error")
	}
	if got := (List{{Message: "a"}, {Message: "b"}}).Error(); got != "a\nb" {
		t.Errorf("two problems: %q", got)
	}
}
