package workloadyaml

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"streamdse/internal/yamldoc"
	"streamdse/workload"
)

var (
	equationForm = regexp.MustCompile(`^(\w+)((?:\[\w+\])*)(\+?=)(\w+)((?:\[\w+\])*)[*+](\w+)((?:\[\w+\])*)$`)
	relationForm = regexp.MustCompile(`^(\w+)=(?:(\d+)\*)?([A-Za-z]\w*)\+(?:(\d+)\*)?([A-Za-z]\w*)$`)
)

const (
	equationExample = "O[b][k][oy][ox]+=W[k][c][fy][fx]*I[b][c][iy][ix]"
	relationExample = "ix=2*ox+1*fx"
)

// spaceless is a text without white space.
func spaceless(s string) string { return strings.Join(strings.Fields(s), "") }

// equation reads the operands of a layer: the output first, then the inputs as
// they stand. It is nil if that cannot be done.
func equation(n *yamldoc.Node, l *workload.Layer) []workload.Operand {
	text, ok := n.Text()
	if !ok {
		return nil
	}
	m := equationForm.FindStringSubmatch(spaceless(text))
	if m == nil {
		n.Problem(fmt.Sprintf("%q is no equation of an output and two inputs", text), "the form "+equationExample, "")
		return nil
	}
	var operands []workload.Operand
	for _, part := range [][2]string{{m[1], m[2]}, {m[4], m[5]}, {m[6], m[7]}} {
		operands = append(operands, operand(part[0], part[1]))
	}
	sound := true
	switch in := operands[1].Name + operands[2].Name; {
	case operands[0].Name != "O":
		n.Problem(fmt.Sprintf("the output is called %s", operands[0].Name), "O", "")
		sound = false
	case in != "IW" && in != "WI":
		n.Problem(fmt.Sprintf("the inputs are called %s and %s", operands[1].Name, operands[2].Name), "I and W", "")
		sound = false
	}
	read := map[workload.Dim]bool{}
	for _, o := range operands {
		seen := map[workload.Dim]bool{}
		for _, d := range o.Dims {
			if seen[d] {
				n.Problem(fmt.Sprintf("operand %s has two indices %s", o.Name, strings.ToLower(string(d))), "", "")
				sound = false
			}
			seen[d] = true
			rel := l.Relation(d)
			switch {
			case rel != nil:
				read[rel.A], read[rel.B] = true, true
				if o.Name == "O" {
					n.Problem(fmt.Sprintf("the output has the index %s, which follows from a relation", strings.ToLower(string(d))), "loops of the layer", "")
					sound = false
				}
			case l.HasDim(d):
				read[d] = true
			case len(l.Dims) > 0:
				n.Problem(fmt.Sprintf("index %s of operand %s is neither a loop of the layer nor defined by a relation", strings.ToLower(string(d)), o.Name),
					list(l.Dims), "")
				sound = false
			}
		}
	}
	for _, d := range l.Dims {
		if sound && !read[d.Dim] && d.Size > 1 {
			n.Problem(fmt.Sprintf("no operand depends on loop %s of loop_dims", d.Dim), "", "")
		}
	}
	if !sound {
		return nil
	}
	return operands
}

// operand reads indices such as "[b][g][k]". Groups and the channels of a group
// form one axis of the real tensor.
func operand(name, indices string) workload.Operand {
	o := workload.Operand{Name: name, Dims: []workload.Dim{}, Axes: []int{}}
	for _, index := range strings.FieldsFunc(indices, func(r rune) bool { return r == '[' || r == ']' }) {
		d := workload.Dim(strings.ToUpper(index))
		if n := len(o.Dims); n > 0 && o.Dims[n-1] == "G" && (d == "K" || d == "C") {
			o.Axes = o.Axes[:len(o.Axes)-1]
		}
		o.Dims = append(o.Dims, d)
		o.Axes = append(o.Axes, len(o.Dims))
	}
	return o
}

// relations reads entries such as "ix=2*ox+1*fx"; a factor of 1 may be left out.
func relations(n *yamldoc.Node) (list []workload.Relation) {
	for _, v := range n.List() {
		text, ok := v.Text()
		if !ok {
			continue
		}
		m := relationForm.FindStringSubmatch(spaceless(text))
		if m == nil {
			v.Problem(fmt.Sprintf("%q is no relation", text), "the form "+relationExample, "")
			continue
		}
		up := func(s string) workload.Dim { return workload.Dim(strings.ToUpper(s)) }
		rel := workload.Relation{Index: up(m[1]), A: up(m[3]), B: up(m[5]), CoefA: 1, CoefB: 1}
		for i, to := range map[int]*int{2: &rel.CoefA, 4: &rel.CoefB} {
			if m[i] == "" {
				continue
			}
			c, err := strconv.Atoi(m[i])
			if err != nil || c < 1 || c > maxFactor {
				v.Problem(fmt.Sprintf("the factor %s is not possible", m[i]), fmt.Sprintf("1 to %d", maxFactor), "")
				continue
			}
			*to = c
		}
		for _, other := range list {
			if other.Index == rel.Index {
				v.Problem(fmt.Sprintf("%s is defined twice", rel.Index), "", "")
			}
		}
		if rel.A == rel.B {
			v.Problem(fmt.Sprintf("%s depends twice on %s", rel.Index, rel.A), "two different loops", "")
		}
		list = append(list, rel)
	}
	return list
}

// maxFactor bounds strides and dilations.
const maxFactor = 1 << 20
