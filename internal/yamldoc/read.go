package yamldoc

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"streamdse/internal/diag"
)

// Problem reports what is wrong with the value, at its place. The message is
// preceded by the value's path unless it is the root.
func (n *Node) Problem(message, allowed, hint string) {
	if !n.broken {
		n.file.report(n.Line, n.Column, n.at(message), allowed, hint)
	}
}

// Problems is the number of problems found in the node's file so far: where it
// has not grown, what has been read is sound.
func (n *Node) Problems() int {
	if n == nil {
		return 0
	}
	return len(n.file.problems)
}

func (n *Node) at(message string) string {
	if n.Path == "" {
		return message
	}
	return n.Path + ": " + message
}

// Problem reports what is wrong with the key, at its place.
func (e Entry) Problem(message, allowed, hint string) {
	e.owner.file.report(e.Line, e.Column, e.owner.at(message), allowed, hint)
}

// Warn notes something that the author of the file should know about the value, at its
// place, and that makes no figure wrong.
func (n *Node) Warn(message, hint string) {
	if !n.broken {
		n.file.add(&n.file.warnings, diag.Problem{Line: n.Line, Column: n.Column, Message: n.at(message), Hint: hint})
	}
}

// Warn notes something that the author of the file should know about the key
// and that makes no figure wrong, such as a key without effect.
func (e Entry) Warn(message, hint string) {
	f := e.owner.file
	f.add(&f.warnings, diag.Problem{Line: e.Line, Column: e.Column, Message: e.owner.at(message), Hint: hint})
}

// found describes the value as it stands, for messages.
func (n *Node) found() string {
	switch n.Kind {
	case Null:
		return "nothing"
	case List, Map:
		return n.Kind.String()
	case Text:
		if _, _, _, number := n.number(); !number {
			return strconv.Quote(shorten(n.scalar))
		}
	}
	return shorten(n.scalar)
}

func shorten(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:57]) + "..."
	}
	return s
}

func (n *Node) mustBe(what string) {
	n.Problem(fmt.Sprintf("must be %s, found %s", what, n.found()), "", "")
}

// Spec lists the keys of a mapping.
type Spec struct {
	Required []string
	Optional []string
	// Replaceable keys may be repeated; the last one counts.
	Replaceable []string
}

// Fields is a mapping whose keys have been checked against a Spec.
type Fields struct {
	node *Node
	spec Spec
}

// Fields checks that the value is a mapping and has all required and no unknown
// keys, and none with two different values; ok is false if it is no mapping.
func (n *Node) Fields(s Spec) (f Fields, ok bool) {
	if n == nil {
		return Fields{}, false
	}
	if n.Kind != Map {
		n.mustBe("a mapping with the keys " + strings.Join(append(append([]string(nil), s.Required...), s.Optional...), ", "))
		return Fields{}, false
	}
	f = Fields{n, s}
	known := append(append([]string(nil), s.Required...), s.Optional...)
	seen := map[string]Entry{}
	for _, e := range n.entries {
		if !contains(known, e.Key) {
			hint := ""
			if best := diag.Nearest(e.Key, known); best != "" {
				hint = fmt.Sprintf("did you mean `%s`?", best)
			}
			e.Problem(fmt.Sprintf("unknown key `%s`", shorten(e.Key)), strings.Join(known, ", "), hint)
			continue
		}
		if first, dup := seen[e.Key]; dup && !contains(s.Replaceable, e.Key) {
			e.repeats(first)
			continue
		}
		seen[e.Key] = e
	}
	for _, k := range s.Required {
		if e, has := seen[k]; !has {
			n.Problem(fmt.Sprintf("required key `%s` is missing", k), "", "")
		} else if e.Value.Kind == Null && !e.Value.broken {
			e.Problem(fmt.Sprintf("required key `%s` has no value", k), "", "")
		}
	}
	return f, true
}

// repeats reports that a key is given again: a problem if the values differ, a
// warning if they do not.
func (e Entry) repeats(first Entry) {
	message := fmt.Sprintf("key `%s` is given twice, first on line %d", shorten(e.Key), first.Line)
	if budget := 1000; first.Value.equal(e.Value, &budget) {
		e.Warn(message, "the values are equal; remove one of the two")
		return
	}
	e.Problem(message, "", "keep one of the two")
}

// equal tells whether two values are written alike. It gives up, as unequal,
// when the budget is spent: aliases can make a small file stand for a huge value.
func (n *Node) equal(m *Node, budget *int) bool {
	if *budget--; *budget < 0 {
		return false
	}
	if n.Kind != m.Kind || n.scalar != m.scalar || n.quoted != m.quoted || len(n.items) != len(m.items) || len(n.entries) != len(m.entries) {
		return false
	}
	for i := range n.items {
		if !n.items[i].equal(m.items[i], budget) {
			return false
		}
	}
	for i := range n.entries {
		if n.entries[i].Key != m.entries[i].Key || !n.entries[i].Value.equal(m.entries[i].Value, budget) {
			return false
		}
	}
	return true
}

// Get returns the value of a key, nil if it is absent or has no value.
func (f Fields) Get(key string) *Node {
	all := f.All(key)
	if len(all) == 0 {
		return nil
	}
	v := all[0]
	if contains(f.spec.Replaceable, key) {
		v = all[len(all)-1]
	}
	if v.Kind == Null {
		return nil
	}
	return v
}

// All returns the values of a key in the order of the file.
func (f Fields) All(key string) []*Node {
	if f.node == nil {
		return nil
	}
	var all []*Node
	for _, e := range f.node.entries {
		if e.Key == key {
			all = append(all, e.Value)
		}
	}
	return all
}

// Key returns the entry of a key, for messages about it; ok is false if it is absent.
func (f Fields) Key(key string) (e Entry, ok bool) {
	if f.node != nil {
		for _, e := range f.node.entries {
			if e.Key == key {
				return e, true
			}
		}
	}
	return Entry{}, false
}

// Has tells whether the key is present, with or without a value.
func (n *Node) Has(key string) bool {
	if n == nil || n.Kind != Map {
		return false
	}
	for _, e := range n.entries {
		if e.Key == key {
			return true
		}
	}
	return false
}

// All returns the values of a key in the order of the file, before any check.
func (n *Node) All(key string) []*Node {
	if n == nil || n.Kind != Map {
		return nil
	}
	return Fields{node: n}.All(key)
}

// Entries returns the entries of a mapping with free keys, without repetitions,
// which are reported as in Fields.
func (n *Node) Entries() []Entry {
	if n == nil {
		return nil
	}
	if n.Kind != Map {
		n.mustBe("a mapping")
		return nil
	}
	seen := map[string]Entry{}
	var out []Entry
	for _, e := range n.entries {
		if first, dup := seen[e.Key]; dup {
			e.repeats(first)
			continue
		}
		seen[e.Key] = e
		out = append(out, e)
	}
	return out
}

// List returns the elements of a list.
func (n *Node) List() []*Node {
	if n == nil {
		return nil
	}
	if n.Kind != List {
		n.mustBe("a list")
		return nil
	}
	return n.items
}

// Text returns a text, or a number or truth value as it is written.
func (n *Node) Text() (string, bool) {
	if n == nil {
		return "", false
	}
	switch n.Kind {
	case Text, Number, Bool:
		if strings.TrimSpace(n.scalar) == "" {
			n.Problem("must not be empty", "", "")
			return "", false
		}
		return n.scalar, true
	}
	n.mustBe("text")
	return "", false
}

// OneOf returns a text that is one of the given words.
func (n *Node) OneOf(words ...string) (string, bool) {
	s, ok := n.Text()
	if !ok {
		return "", false
	}
	if contains(words, s) {
		return s, true
	}
	hint := ""
	if best := diag.Nearest(s, words); best != "" {
		hint = fmt.Sprintf("did you mean `%s`?", best)
	}
	n.Problem("unknown value "+n.found(), strings.Join(words, ", "), hint)
	return "", false
}

// Bool returns a truth value.
func (n *Node) Bool() (value, ok bool) {
	if n == nil {
		return false, false
	}
	if n.Kind != Bool {
		n.Problem("must be true or false, found "+n.found(), "true, false", "")
		return false, false
	}
	return n.yes, true
}

// number parses what is written as a number; text in quotes is none.
func (n *Node) number() (f float64, i int64, whole, ok bool) {
	if n.Kind != Number && n.Kind != Text || n.quoted {
		return 0, 0, false, false
	}
	s := strings.ReplaceAll(n.scalar, "_", "")
	if i, err := strconv.ParseInt(s, 0, 64); err == nil {
		return float64(i), i, true, true
	}
	switch strings.ToLower(strings.TrimPrefix(s, "+")) {
	case ".inf":
		return math.Inf(1), 0, false, true
	case "-.inf":
		return math.Inf(-1), 0, false, true
	case "inf", "-inf", "infinity", "-infinity", "nan", ".nan":
		return 0, 0, false, false
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0, 0, false, false
	}
	if f == math.Trunc(f) && math.Abs(f) < 1<<53 {
		return f, int64(f), true, true
	}
	return f, 0, false, true
}

// Int returns a whole number of at least min.
func (n *Node) Int(min int64) (int64, bool) {
	if n == nil {
		return 0, false
	}
	f, i, whole, ok := n.number()
	switch {
	case !ok || !whole && math.Abs(f) < 1<<53:
		n.mustBe("a whole number")
	case !whole:
		n.Problem("the number "+n.found()+" is too large", fmt.Sprintf("up to %d", int64(math.MaxInt64)), "")
	case i < min:
		n.Problem(fmt.Sprintf("must be at least %d, found %d", min, i), "", "")
	default:
		return i, true
	}
	return 0, false
}

// Float returns a finite number of at least min.
func (n *Node) Float(min float64) (float64, bool) {
	if n == nil {
		return 0, false
	}
	f, _, _, ok := n.number()
	switch {
	case !ok:
		n.mustBe("a number")
	case math.IsInf(f, 0):
		n.Problem("must be a finite number, found "+n.found(), "", "")
	case f < min:
		n.Problem(fmt.Sprintf("must be at least %v, found %v", min, f), "", "")
	default:
		return f, true
	}
	return 0, false
}

// Positive returns a finite number above zero.
func (n *Node) Positive() (float64, bool) {
	f, ok := n.Float(math.Inf(-1))
	if ok && f <= 0 {
		n.Problem("must be above 0, found "+n.found(), "", "")
		return 0, false
	}
	return f, ok
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
