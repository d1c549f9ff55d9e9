package cli

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	stream "streamdse"
	"streamdse/internal/diag"
	"streamdse/rules"
)

// inputFlags name what a command works on.
type inputFlags struct {
	workload, hardware, mapping string
	activations                 string
	rules                       string
	modelFlags
}

const (
	defaultWorkload = "resnet18"
	defaultHardware = "tpu_like_quad_core"
)

func (f *inputFlags) register(c *cobra.Command) {
	c.Flags().StringVar(&f.workload, "workload", defaultWorkload, "network: an ONNX file, a YAML file with loop nests, or the name of a built-in, with parameters as in resnet50:batch=4")
	c.Flags().StringVar(&f.hardware, "hardware", defaultHardware, "accelerator: a YAML file, or the name of a built-in")
	c.Flags().StringVar(&f.mapping, "mapping", "", "mapping: a YAML file, the name of a built-in, or generated (default: the built-in named like the accelerator if it fits, else generated)")
	c.Flags().StringVar(&f.activations, "activations", "fold", "fold: an activation after a layer costs nothing; node: it is a layer of its own")
	c.Flags().StringVar(&f.rules, "rules", rules.Default().Name, "scheduling rules: "+strings.Join(rules.Names(), " or "))
	f.modelFlags.register(c)
	completeInputs(c)
	complete(c, "activations", []string{"fold", "node"})
	complete(c, "rules", rules.Names())
}

// inputs resolves the flags to what the façade loads.
func (f *inputFlags) inputs() (stream.Inputs, rules.Rules, error) {
	var problems diag.List
	r, ok := rules.Named(f.rules)
	if !ok {
		problems.Add(badChoice("rules", f.rules, rules.Names()))
	}
	if choices := []string{"fold", "node"}; !slices.Contains(choices, f.activations) {
		problems.Add(badChoice("activations", f.activations, choices))
	}
	model, err := f.modelFlags.options()
	if err := both(problems.Err(), err); err != nil {
		return stream.Inputs{}, r, err
	}
	return stream.Inputs{
		Workload:        f.workload,
		Hardware:        f.hardware,
		Mapping:         f.mapping,
		FoldActivations: f.activations == "fold",
		Rules:           r,
		Model:           model,
	}, r, nil
}

// badChoice reports a flag value that is not one of a few words.
func badChoice(flag, value string, choices []string) diag.Problem {
	return diag.Problem{
		Message: fmt.Sprintf("--%s %q is not known", flag, value),
		Allowed: strings.Join(choices, ", "),
		Hint:    diag.DidYouMean(value, choices),
	}
}

// parseStacks reads --stacks: "auto" (nil), a list such as "0-10,11-21" with one
// stack an element and "+" to join ranges in one ("0-3+7"), or the path of a file
// with one stack a line.
func parseStacks(value string) ([][]int, error) {
	if value == "auto" {
		return nil, nil
	}
	if stacks, ok := splitStacks(strings.Split(value, ",")); ok {
		return stacks, nil
	}
	text, err := os.ReadFile(value)
	if err != nil {
		return nil, diag.List{{
			Message: fmt.Sprintf("--stacks %q is neither a list of layer ids nor a file that can be read", value),
			Allowed: `"auto", a list such as 0-10,11-21 (one stack an element, + joins ranges), or a file with one stack a line`,
		}}
	}
	var problems diag.List
	var stacks [][]int
	for i, line := range strings.Split(string(text), "\n") {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" \t\r,+", r) })
		if len(fields) == 0 {
			continue
		}
		stack, ok := splitStacks([]string{strings.Join(fields, "+")})
		if !ok {
			problems.Add(diag.Problem{
				File: value, Line: i + 1, Message: fmt.Sprintf("%q is no list of layer ids", strings.TrimSpace(line)),
				Allowed: "ids and ranges such as 3 or 0-10, separated by commas or spaces",
			})
			continue
		}
		stacks = append(stacks, stack...)
	}
	if len(stacks) == 0 && len(problems) == 0 {
		problems.Add(diag.Problem{File: value, Message: "the file names no stack"})
	}
	return stacks, problems.Err()
}

func splitStacks(items []string) (stacks [][]int, ok bool) {
	const most = 1 << 20 // ids; beyond any network
	for _, item := range items {
		var stack []int
		for _, part := range strings.Split(item, "+") {
			lo, hi, isRange := strings.Cut(strings.TrimSpace(part), "-")
			first, err := strconv.Atoi(lo)
			last := first
			if err == nil && isRange {
				last, err = strconv.Atoi(hi)
			}
			if err != nil || first < 0 || last < first || last > most {
				return nil, false
			}
			for id := first; id <= last; id++ {
				stack = append(stack, id)
			}
		}
		stacks = append(stacks, stack)
	}
	return stacks, true
}
