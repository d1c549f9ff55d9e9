// Package yamldoc reads YAML (and so JSON) strictly and with positions: every
// value knows its place in the file, every accessor checks the type it is asked
// for, and all problems of a file are collected instead of ending at the first.
//
// A reader describes each mapping of its format with a Spec, walks the tree with
// Fields, Text, Int and so on, reports its own findings through Node.Problem and
// finally asks the File for its problems. An accessor of a nil Node returns the
// zero value and reports nothing: what is missing has been reported once, where
// it was required.
package yamldoc

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"streamdse/internal/diag"
)

// Kind is the type of a value.
type Kind uint8

const (
	Null Kind = iota
	Bool
	Number
	Text
	List
	Map
)

func (k Kind) String() string {
	return [...]string{"nothing", "a truth value", "a number", "text", "a list", "a mapping"}[k]
}

// Node is a value of a document.
type Node struct {
	Kind   Kind
	Line   int // of its first character, from 1
	Column int
	Path   string // e.g. "memories.sram.size" or "core_connectivity[3]"

	file    *File
	scalar  string // as written, without quotes
	quoted  bool
	yes     bool
	broken  bool // reported already: no accessor has anything to add
	items   []*Node
	entries []Entry
}

// File is the name of the file that the value stands in.
func (n *Node) File() string { return n.file.Name }

// Entry is a key of a mapping with its value.
type Entry struct {
	Key    string
	Line   int
	Column int
	Value  *Node
	owner  *Node
}

// File is one file that is read, and what was found wrong with it.
type File struct {
	Name     string
	problems diag.List
	warnings diag.List
	known    map[diag.Problem]bool
}

// Problems returns what has been reported so far, by place in the file.
func (f *File) Problems() diag.List {
	slices.SortStableFunc(f.problems, func(a, b diag.Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return f.problems
}

// Warnings returns what Warn has noted.
func (f *File) Warnings() diag.List { return f.warnings }

func (f *File) report(line, column int, message, allowed, hint string) {
	f.add(&f.problems, diag.Problem{Line: line, Column: column, Message: message, Allowed: allowed, Hint: hint})
}

// add appends to a list once: content that several aliases repeat is read
// several times, but is wrong only once.
func (f *File) add(list *diag.List, p diag.Problem) {
	p.File = f.Name
	if f.known[p] {
		return
	}
	if f.known == nil {
		f.known = map[diag.Problem]bool{}
	}
	f.known[p] = true
	list.Add(p)
}

// Limits of what is read. They are far above any description of hardware or a
// mapping and keep a hostile file from exhausting the parser's stack or time.
const (
	maxBytes = 1 << 20
	maxDepth = 64
)

// Parse reads the single document of a file. The root is nil if the text is not
// valid YAML or empty; the file then has the problem.
func Parse(name string, data []byte) (f *File, root *Node) {
	f = &File{Name: name}
	if len(data) > maxBytes {
		f.report(0, 0, fmt.Sprintf("the file has %d bytes", len(data)), fmt.Sprintf("up to %d bytes", maxBytes), "is this really the YAML file you meant?")
		return f, nil
	}
	if i := bytes.IndexByte(data, 0); i >= 0 {
		f.report(1+bytes.Count(data[:i], []byte("\n")), 0, "the file is not text: it contains a zero byte", "", "is this really the YAML file you meant?")
		return f, nil
	}
	// A defect of the parser must not take the program down with it.
	defer func() {
		if r := recover(); r != nil {
			f.report(0, 0, fmt.Sprintf("the YAML parser gave up: %v", r), "", "simplify the notation of the file")
			root = nil
		}
	}()
	tokens := lexer.Tokenize(string(data))
	if line := tooDeep(tokens); line > 0 {
		f.report(line, 0, fmt.Sprintf("values are nested more than %d deep", maxDepth), "", "")
		return f, nil
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		line, column, message := 0, 0, err.Error()
		var e interface {
			GetToken() *token.Token
			GetMessage() string
		}
		if errors.As(err, &e) {
			message = e.GetMessage()
			if t := e.GetToken(); t != nil && t.Position != nil {
				line, column = t.Position.Line, t.Position.Column
			}
		}
		f.report(line, column, "not valid YAML: "+strings.ReplaceAll(message, "\t", `\t`), "", syntaxHint(data, line))
		return f, nil
	}
	var bodies []ast.Node
	for _, d := range file.Docs {
		if d.Body != nil {
			bodies = append(bodies, d.Body)
		}
	}
	switch len(bodies) {
	case 0:
		f.report(1, 1, "the file is empty", "", "")
		return f, nil
	case 1:
	default:
		line, column := position(bodies[1])
		f.report(line, column, "a second YAML document starts here", "one document a file", "remove the line \"---\" or split the file")
		return f, nil
	}
	b := builder{file: f, anchors: map[string]*Node{}}
	return f, b.node(bodies[0], "", 0)
}

// syntaxHint recognises the slip that is hardest to see.
func syntaxHint(data []byte, line int) string {
	lines := bytes.Split(data, []byte("\n"))
	if line < 1 || line > len(lines) {
		return ""
	}
	indent := lines[line-1][:len(lines[line-1])-len(bytes.TrimLeft(lines[line-1], " \t"))]
	if bytes.ContainsRune(indent, '\t') {
		return "indent with spaces: YAML does not allow tabs"
	}
	return ""
}

// tooDeep returns the line at which the text nests deeper than maxDepth, or 0.
// Flow collections nest by brackets; on one line, entries, keys, tags and
// anchors nest too; across lines, block collections nest by indentation.
func tooDeep(tokens token.Tokens) int {
	flow, inline, line := 0, 0, 0
	var indents []int
	for _, t := range tokens {
		first := t.Position.Line != line
		if first {
			line, inline = t.Position.Line, 0
		}
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow--
		case token.SequenceEntryType, token.MappingKeyType, token.TagType, token.AnchorType:
			inline++
		}
		if first && flow == 0 {
			for len(indents) > 0 && indents[len(indents)-1] >= t.Position.Column {
				indents = indents[:len(indents)-1]
			}
			indents = append(indents, t.Position.Column)
		}
		if flow > maxDepth || inline > maxDepth && flow == 0 || inline > 64*maxDepth || len(indents) > maxDepth {
			return line
		}
	}
	return 0
}

type builder struct {
	file    *File
	anchors map[string]*Node // nil while the anchored value is being built
}

func position(n ast.Node) (line, column int) {
	switch n := n.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return position(n.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return position(n.Key)
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		return t.Position.Line, t.Position.Column
	}
	return 0, 0
}

func (b *builder) node(n ast.Node, path string, depth int) *Node {
	out := &Node{Path: path, file: b.file}
	if n == nil {
		return out
	}
	out.Line, out.Column = position(n)
	if depth > maxDepth {
		b.file.report(out.Line, out.Column, fmt.Sprintf("values are nested more than %d deep", maxDepth), "", "")
		return out
	}
	switch n := n.(type) {
	case *ast.NullNode:
	case *ast.BoolNode:
		out.Kind, out.yes, out.scalar = Bool, n.Value, n.Token.Value
	case *ast.IntegerNode:
		out.Kind, out.scalar = Number, n.Token.Value
	case *ast.FloatNode:
		out.Kind, out.scalar = Number, n.Token.Value
	case *ast.InfinityNode:
		out.Kind, out.scalar = Number, n.Token.Value
	case *ast.NanNode:
		out.Kind, out.scalar = Number, n.Token.Value
	case *ast.StringNode:
		out.Kind, out.scalar = Text, n.Value
		out.quoted = n.Token.Type == token.DoubleQuoteType || n.Token.Type == token.SingleQuoteType
	case *ast.LiteralNode:
		out.Kind, out.scalar, out.quoted = Text, n.Value.Value, true
	case *ast.SequenceNode:
		out.Kind = List
		for i, v := range n.Values {
			out.items = append(out.items, b.node(v, fmt.Sprintf("%s[%d]", path, i), depth+1))
		}
	case *ast.MappingNode:
		out.Kind = Map
		for _, v := range n.Values {
			b.entry(out, v, depth)
		}
	case *ast.MappingValueNode:
		out.Kind = Map
		b.entry(out, n, depth)
	case *ast.AnchorNode:
		name := n.Name.GetToken().Value
		b.anchors[name] = nil
		v := b.node(n.Value, path, depth+1)
		b.anchors[name] = v
		return v
	case *ast.AliasNode:
		name := n.Value.GetToken().Value
		if v := b.anchors[name]; v != nil {
			return v
		}
		hint := ""
		if _, open := b.anchors[name]; open {
			hint = "the alias stands inside the value that it names"
		}
		b.file.report(out.Line, out.Column, fmt.Sprintf("alias *%s refers to no earlier anchor &%s", name, name), "", hint)
		out.broken = true
	case *ast.TagNode:
		b.file.report(out.Line, out.Column, fmt.Sprintf("the tag %s is not supported", n.Start.Value), "plain values", "remove the tag")
		out.broken = true
	default:
		b.file.report(out.Line, out.Column, "this YAML notation is not supported", "mappings, lists and plain values", "")
		out.broken = true
	}
	return out
}

func (b *builder) entry(m *Node, v *ast.MappingValueNode, depth int) {
	e := Entry{owner: m}
	e.Line, e.Column = position(v.Key)
	key := ast.Node(v.Key)
	if k, ok := key.(*ast.MappingKeyNode); ok && k.Value != nil {
		key = k.Value
	}
	switch k := key.(type) {
	case *ast.StringNode:
		e.Key = k.Value
	case *ast.IntegerNode, *ast.BoolNode, *ast.FloatNode:
		e.Key = k.GetToken().Value
	case *ast.MergeKeyNode:
		b.file.report(e.Line, e.Column, "the merge key << is not supported", "", "write the merged keys out, or repeat whole values with an alias")
		return
	default:
		b.file.report(e.Line, e.Column, "a key must be a plain word or number", "", "")
		return
	}
	path := e.Key
	if m.Path != "" {
		path = m.Path + "." + e.Key
	}
	e.Value = b.node(v.Value, path, depth+1)
	m.entries = append(m.entries, e)
}
