package zoo

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"streamdse/internal/diag"
)

// Parameter is a size or choice of a network that its name may set, as in
// "llama_block:seq=512,mode=decode".
type Parameter struct {
	Name    string   `json:"name"`
	Default string   `json:"default"`
	Choices []string `json:"choices,omitempty"` // empty for a number
	Least   int      `json:"least,omitempty"`   // of a number
	About   string   `json:"about"`
}

// largest is the largest value of a parameter.
const largest = 1 << 20

// parameterSet collects the parameters of a network while it declares them, as
// package flag does, and then sets them.
type parameterSet struct {
	declared []Parameter
	set      []func(string) (canonical string, ok bool)
	given    []string // the settings that differ from the defaults, as "name=value"
}

// number declares a whole number of at least the given value.
func (p *parameterSet) number(name string, otherwise, least int, about string) *int {
	v := &otherwise
	p.declared = append(p.declared, Parameter{Name: name, Default: strconv.Itoa(*v), Least: least, About: about})
	p.set = append(p.set, func(s string) (string, bool) {
		n, err := strconv.Atoi(s)
		if err != nil || n < least || n > largest {
			return "", false
		}
		*v = n
		return strconv.Itoa(n), true
	})
	return v
}

// choice declares one of a few words, the first unless set.
func (p *parameterSet) choice(name, about string, words ...string) *string {
	v := new(string)
	*v = words[0]
	p.declared = append(p.declared, Parameter{Name: name, Default: *v, Choices: words, About: about})
	p.set = append(p.set, func(s string) (string, bool) {
		if !slices.Contains(words, s) {
			return "", false
		}
		*v = s
		return s, true
	})
	return v
}

// parse sets parameters from "name=value,name=value", everything that is wrong
// with it at once.
func (p *parameterSet) parse(network, text string) error {
	var problems diag.List
	names := make([]string, len(p.declared))
	for i := range p.declared {
		names[i] = p.declared[i].Name
	}
	allowed := strings.Join(names, ", ")
	given := map[string]string{}
	for setting := range strings.SplitSeq(text, ",") {
		name, v, ok := strings.Cut(setting, "=")
		name, v = strings.TrimSpace(name), strings.TrimSpace(v)
		i := slices.Index(names, name)
		switch _, twice := given[name]; {
		case !ok:
			problems.Add(diag.Problem{
				Message: fmt.Sprintf("workload %s: %q is no setting", network, setting),
				Allowed: "name=value, separated by commas", Hint: "parameters: " + allowed,
			})
		case i < 0 && len(names) == 0:
			problems.Add(diag.Problem{Message: fmt.Sprintf("workload %s has no parameters, and so no %q", network, name)})
		case i < 0:
			problems.Add(diag.Problem{
				Message: fmt.Sprintf("workload %s has no parameter %q", network, name),
				Allowed: allowed, Hint: diag.DidYouMean(name, names),
			})
		case twice:
			problems.Add(diag.Problem{Message: fmt.Sprintf("workload %s: parameter %s is given twice", network, name)})
		default:
			canonical, ok := p.set[i](v)
			if !ok {
				problems.Add(diag.Problem{
					Message: fmt.Sprintf("workload %s: parameter %s cannot be %q", network, name, v),
					Allowed: p.declared[i].allowed(),
				})
			}
			v = canonical
		}
		given[name] = v
	}
	for _, d := range p.declared {
		if v, ok := given[d.Name]; ok && v != d.Default {
			p.given = append(p.given, d.Name+"="+v)
		}
	}
	return problems.Err()
}

func (p Parameter) allowed() string {
	if p.Choices != nil {
		return strings.Join(p.Choices, ", ")
	}
	return fmt.Sprintf("a whole number from %d to %d", p.Least, largest)
}

// image is the input of a network for images.
type image struct{ batch, height, width *int }

// image declares batch size, height and width of a square input image.
func (p *parameterSet) image(size int) image { return p.imageOf(size, size) }

func (p *parameterSet) imageOf(height, width int) image {
	return image{
		batch:  p.number("batch", 1, 1, "images at a time"),
		height: p.number("height", height, 1, "rows of the input image"),
		width:  p.number("width", width, 1, "columns of the input image"),
	}
}

// input adds the network input with the given number of channels.
func (i image) input(b *builder, channels int) value {
	return b.input("input", *i.batch, channels, *i.height, *i.width)
}
