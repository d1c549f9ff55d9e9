package report

import (
	"fmt"
	"strconv"
	"strings"

	"streamdse/taskgraph"
	"streamdse/workload"
)

// partText writes which part of a tensor moves or is stored, by the dimensions that
// it has (see taskgraph.Graph.Dims): "OY=0:1+3:5 OX=2:4" is the elements in row 0, 3 or 4 and column 2 or 3 of
// it, counted from its first. All of a tensor is nothing.
func partText(dims []workload.Dim, p taskgraph.Part) string {
	var b strings.Builder
	for d, runs := range p {
		if runs == nil {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(string(dims[d]))
		for i, r := range runs {
			b.WriteByte("=+"[min(i, 1)])
			b.WriteString(strconv.Itoa(int(r.Lo)))
			b.WriteByte(':')
			b.WriteString(strconv.Itoa(int(r.Hi)))
		}
	}
	return b.String()
}

// partOf is the text for a part of a tensor.
func partOf(d *Data, x taskgraph.TensorID, id taskgraph.PartID) string {
	if id == 0 {
		return ""
	}
	return partText(d.Graph.Dims(x), d.Schedule.Parts[id])
}

// part reads what partText writes.
func (r *scheduleReader) part(x taskgraph.TensorID, text string) (taskgraph.PartID, error) {
	if text == "" {
		return 0, nil
	}
	t := &r.graph.Tensors[x]
	dims := r.graph.Dims(x)
	p := make(taskgraph.Part, len(dims))
	for field := range strings.FieldsSeq(text) {
		name, list, _ := strings.Cut(field, "=")
		d := -1
		for i := range dims {
			if string(dims[i]) == name && p[i] == nil {
				d = i
			}
		}
		if d < 0 {
			return 0, fmt.Errorf("%q is no part of the tensor, whose dimensions are %v", text, dims)
		}
		for run := range strings.SplitSeq(list, "+") {
			lo, hi, _ := strings.Cut(run, ":")
			a, err := strconv.ParseInt(lo, 10, 32)
			b, err2 := strconv.ParseInt(hi, 10, 32)
			if err != nil || err2 != nil || a < 0 || a >= b || int(b) > t.Ranges[d].Len() {
				return 0, fmt.Errorf("%q is no part of the tensor, which has %d positions along %s", text, t.Ranges[d].Len(), name)
			}
			p[d] = append(p[d], taskgraph.Range{Lo: int32(a), Hi: int32(b)})
		}
		p[d] = taskgraph.Runs(p[d])
	}
	return r.parts.Number(p), nil
}
