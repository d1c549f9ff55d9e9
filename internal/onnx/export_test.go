package onnx

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Documentation is the table of operators in Markdown: one section a group, one
// line for operators that are modelled in the same way.
func Documentation() string {
	groups := map[string]map[string][]string{} // group, how it is modelled, names
	for _, name := range slices.Sorted(maps.Keys(operators)) {
		op := operators[name]
		if groups[op.group] == nil {
			groups[op.group] = map[string][]string{}
		}
		groups[op.group][op.doc] = append(groups[op.group][op.doc], "`"+name+"`")
	}
	var b strings.Builder
	for _, group := range slices.Sorted(maps.Keys(groups)) {
		fmt.Fprintf(&b, "\n### %s\n\n| operators | how they are modelled |\n| --- | --- |\n", group)
		var lines []string
		for doc, names := range groups[group] {
			lines = append(lines, fmt.Sprintf("| %s | %s |\n", strings.Join(names, ", "), doc))
		}
		slices.Sort(lines)
		b.WriteString(strings.Join(lines, ""))
	}
	b.WriteString("\n### Refused\n\n| operators | why |\n| --- | --- |\n")
	why := map[string][]string{}
	refusals := refusals()
	for _, name := range slices.Sorted(maps.Keys(refusals)) {
		why[refusals[name]] = append(why[refusals[name]], "`"+name+"`")
	}
	var lines []string
	for reason, names := range why {
		lines = append(lines, fmt.Sprintf("| %s | %s |\n", strings.Join(names, ", "), reason))
	}
	slices.Sort(lines)
	b.WriteString(strings.Join(lines, ""))
	b.WriteString("\n")
	return b.String()
}

// Treated tells how an operator of ONNX's own is dealt with: "layers" or why it is
// refused; "" if it is not known.
func Treated(name string) string {
	if _, ok := lookup(&Node{OpType: name}); ok {
		return "layers"
	}
	return refused(&Node{OpType: name})
}
