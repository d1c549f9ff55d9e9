// Package diag collects problems found in the user's inputs, each with its
// place, its cause and a way out, so that all of them can be shown at once.
package diag

import (
	"errors"
	"fmt"
	"strings"
)

// Problem is one thing that is wrong with an input.
type Problem struct {
	File    string // path or built-in name; empty if the problem is in no file
	Line    int    // from 1; 0 if unknown
	Column  int    // from 1; 0 if unknown
	Message string // what is wrong, naming the offending value
	Allowed string // what would be allowed; may be empty
	Hint    string // what to do about it; may be empty
}

// String renders the problem as "file:line:col: message", followed by indented
// lines for what is allowed and for the hint.
func (p Problem) String() string {
	var b strings.Builder
	if p.File != "" {
		b.WriteString(p.File)
		if p.Line > 0 {
			fmt.Fprintf(&b, ":%d", p.Line)
			if p.Column > 0 {
				fmt.Fprintf(&b, ":%d", p.Column)
			}
		}
		b.WriteString(": ")
	}
	b.WriteString(p.Message)
	if p.Allowed != "" {
		b.WriteString("\n  allowed: " + p.Allowed)
	}
	if p.Hint != "" {
		b.WriteString("\n  hint: " + p.Hint)
	}
	return b.String()
}

// List is a set of problems, in the order found. A non-empty List is an error
// that means "bad input".
type List []Problem

// Error renders every problem on lines of its own.
func (l List) Error() string {
	parts := make([]string, len(l))
	for i, p := range l {
		parts[i] = p.String()
	}
	return strings.Join(parts, "\n")
}

// Add appends a problem.
func (l *List) Add(p Problem) { *l = append(*l, p) }

// Note appends the problems of an error: all of a List, else one that says what the
// error does. It appends nothing for nil.
func (l *List) Note(err error) {
	var list List
	if errors.As(err, &list) {
		*l = append(*l, list...)
	} else if err != nil {
		l.Add(Problem{Message: err.Error()})
	}
}

// Unique returns the list without repetitions.
func (l List) Unique() List {
	seen := make(map[Problem]bool, len(l))
	var u List
	for _, p := range l {
		if !seen[p] {
			seen[p] = true
			u = append(u, p)
		}
	}
	return u
}

// Err returns the list as an error, or nil if it is empty.
func (l List) Err() error {
	if len(l) == 0 {
		return nil
	}
	return l
}

// One returns a list with a single problem that lies in no particular place.
func One(message, allowed, hint string) List {
	return List{{Message: message, Allowed: allowed, Hint: hint}}
}
