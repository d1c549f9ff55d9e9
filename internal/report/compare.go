package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// Difference is a figure of a saved result that is not what the schedule gives, or a
// file that is missing.
type Difference struct {
	Figure  string `json:"figure"` // e.g. "cores[2].busy_cycles"
	Saved   string `json:"saved"`
	Derived string `json:"derived"`
}

// missing is what is saved of a file that is not there.
const missing = "missing"

func (d Difference) String() string {
	if d.Saved == missing {
		return d.Figure + " is missing: a run always writes it"
	}
	return fmt.Sprintf("%s: saved is %s, but the schedule gives %s", d.Figure, d.Saved, d.Derived)
}

// FollowChosen sets what the front says of the chosen solution, which is the only one
// whose schedule there is, to what the schedule gives.
func (r *Result) FollowChosen() {
	r.Search.Front = slices.Clone(r.Search.Front)
	for i := range r.Search.Front {
		p := &r.Search.Front[i]
		if !p.Chosen {
			continue
		}
		p.Latency, p.Energy, p.Memory = r.Latency, r.Energy.Total, 0
		for _, m := range r.Memories {
			if !m.Offchip {
				p.Memory += m.Peak
			}
		}
	}
}

// Differences compares the figures of two results, key by key of result.json.
func Differences(saved, derived *Result) ([]Difference, error) {
	a, err := plain(saved)
	if err != nil {
		return nil, err
	}
	b, err := plain(derived)
	if err != nil {
		return nil, err
	}
	var list []Difference
	compare("", a, b, &list)
	return list, nil
}

// plain is a result as maps and lists; numbers keep all their digits.
func plain(r *Result) (any, error) {
	var b bytes.Buffer
	if err := r.Write(&b); err != nil {
		return nil, err
	}
	d := json.NewDecoder(&b)
	d.UseNumber()
	var v any
	err := d.Decode(&v)
	return v, err
}

func compare(path string, a, b any, list *[]Difference) {
	switch x := a.(type) {
	case map[string]any:
		y, _ := b.(map[string]any)
		keys := make([]string, 0, len(x))
		for k := range x {
			keys = append(keys, k)
		}
		for k := range y {
			if _, ok := x[k]; !ok {
				keys = append(keys, k)
			}
		}
		sort.Strings(keys)
		for _, k := range keys {
			name := k
			if path != "" {
				name = path + "." + k
			}
			compare(name, x[k], y[k], list)
		}
		return
	case []any:
		y, ok := b.([]any)
		if ok && len(x) == len(y) {
			for i := range x {
				compare(path+"["+strconv.Itoa(i)+"]", x[i], y[i], list)
			}
			return
		}
	}
	if s, t := compact(a), compact(b); s != t {
		*list = append(*list, Difference{path, short(s), short(t)})
	}
}

// compact is a value in one line of JSON.
func compact(v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err.Error()
	}
	return strings.TrimSpace(b.String())
}

// short cuts a text where it gets long.
func short(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}
