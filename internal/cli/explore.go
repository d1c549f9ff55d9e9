package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	stream "streamdse"
	"streamdse/internal/diag"
	"streamdse/internal/report"
	"streamdse/mapping"
	"streamdse/rules"
	"streamdse/taskgraph"
	"streamdse/unit"
)

// exploreFlags say what is searched, for how long and for what.
type exploreFlags struct {
	explore   string // "" for the default
	pick      string
	limits    []string
	timeLimit time.Duration
	crossover float64
	mutation  float64
}

func (f *exploreFlags) register(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&f.explore, "explore", "", "what is searched: all, none or a `list` of "+dimensionNames()+", from what the mapping and other flags say (default: all that no flag fixes; with published --rules only cores). Cores that nothing fixes are always searched")
	flags.StringVar(&f.pick, "pick", "", "which of the solutions that are not dominated becomes the result: the one with the best "+strings.Join(stream.Objectives(), ", ")+" (default: as --objective)")
	flags.StringArrayVar(&f.limits, "limit", nil, "what the result may have at the most: `AIM=VALUE`, e.g. memory=2MB, latency=3e6 (cycles) or energy=2.5mJ; several joined by commas, or repeated")
	flags.DurationVar(&f.timeLimit, "time-limit", 0, "end the search of a mode after this `time`, e.g. 30s, with the best until then; 0 does not")
	flags.Float64Var(&f.crossover, "crossover", stream.DefaultOptions().Crossover, "part of the genetic search's offspring that has two parents")
	flags.Float64Var(&f.mutation, "mutation", 0, "probability that a group's core changes in a mutant of the genetic search; 0 is one group on the average")
	complete(c, "explore", append([]string{"all", "none"}, strings.Split(dimensionNames(), ", ")...))
	complete(c, "pick", stream.Objectives())
}

func dimensionNames() string {
	var names []string
	for _, d := range mapping.Dimensions() {
		names = append(names, string(d))
	}
	return strings.Join(names, ", ")
}

// options sets what the flags say.
func (f *exploreFlags) options(o *stream.Options) diag.List {
	var problems diag.List
	if f.explore != "" {
		var err error
		if o.Explore, err = mapping.ParseDimensions(f.explore); err != nil {
			problems.Add(diag.Problem{Message: "--explore: " + err.Error(), Allowed: "all, none, or a list of " + dimensionNames()})
		}
	}
	if beside := slices.DeleteFunc(slices.Clone(o.Explore), func(d mapping.Dimension) bool { return d == mapping.Cores }); f.explore != "" && len(beside) > 0 && !stream.Explores(o.Allocator) {
		problems.Add(diag.Problem{Message: fmt.Sprintf("--allocator %s chooses cores, and no %s", o.Allocator, beside[0]), Allowed: "auto or local", Hint: "leave --explore out, or say --explore cores"})
	}
	if f.pick != "" && !slices.Contains(stream.Objectives(), f.pick) {
		problems.Add(badChoice("pick", f.pick, stream.Objectives()))
	}
	o.Pick = stream.Objective(f.pick)
	for _, text := range f.limits {
		for _, item := range strings.Split(text, ",") {
			if err := parseLimit(strings.TrimSpace(item), &o.Limits); err != nil {
				problems.Add(diag.Problem{Message: "--limit: " + err.Error(), Allowed: "memory=2MB (B, KB, MB, GB of 1024), latency=3e6 (cycles), energy=2.5mJ (pJ, nJ, uJ, mJ, J)"})
			}
		}
	}
	if f.timeLimit < 0 {
		problems.Add(diag.Problem{Message: fmt.Sprintf("--time-limit %v is negative", f.timeLimit), Allowed: "a time such as 30s, 5m or 1h"})
	}
	o.TimeLimit = f.timeLimit
	for _, rate := range []struct {
		flag  string
		value float64
	}{{"crossover", f.crossover}, {"mutation", f.mutation}} {
		if !(rate.value >= 0 && rate.value <= 1) {
			problems.Add(diag.Problem{Message: fmt.Sprintf("--%s %v is no probability", rate.flag, rate.value), Allowed: "0 to 1"})
		}
	}
	o.Crossover, o.Mutation = f.crossover, f.mutation
	return problems
}

// parseLimit reads a limit such as memory=2MB.
func parseLimit(text string, l *stream.Limits) error {
	aim, value, ok := strings.Cut(text, "=")
	number := strings.TrimRight(value, "abcdfghijklmnopqrstuvwxyzABCDFGHIJKLMNOPQRSTUVWXYZµ ")
	suffix := strings.TrimSpace(value[len(number):])
	x, err := strconv.ParseFloat(number, 64)
	if !ok || err != nil || !(x > 0) || x > 1e30 {
		return fmt.Errorf("%q is no limit", text)
	}
	units := map[string]map[string]float64{
		"memory":  {"B": 8, "KB": 8 << 10, "MB": 8 << 20, "GB": 8 << 30, "KiB": 8 << 10, "MiB": 8 << 20, "GiB": 8 << 30, "bits": 1},
		"latency": {"": 1, "cycles": 1, "k": 1e3, "M": 1e6, "G": 1e9},
		"energy":  {"": 1, "pJ": 1, "nJ": 1e3, "uJ": 1e6, "µJ": 1e6, "mJ": 1e9, "J": 1e12},
	}[aim]
	if units == nil {
		return fmt.Errorf("%q is not memory, latency or energy", aim)
	}
	factor, ok := units[suffix]
	if !ok {
		return fmt.Errorf("%q has the unit %q", text, suffix)
	}
	switch x *= factor; aim {
	case "memory":
		l.Memory = unit.Bits(x)
	case "latency":
		l.Latency = unit.Cycles(x)
	case "energy":
		l.Energy = unit.Picojoules(x)
	}
	return nil
}

// given are the dimensions that flags decide.
func (f *runFlags) given(c *cobra.Command) []mapping.Dimension {
	var given []mapping.Dimension
	if f.allocation != "" {
		given = append(given, mapping.Cores)
	}
	for _, x := range []struct {
		flag      string
		dimension mapping.Dimension
	}{
		{"stacks", mapping.Stacks}, {"split", mapping.Splits}, {"split-weights", mapping.Splits}, {"tile", mapping.Tiles}, {"halo", mapping.Tiles},
		{"order", mapping.Order}, {"prefetch", mapping.Prefetch},
	} {
		if c.Flags().Changed(x.flag) && !slices.Contains(given, x.dimension) {
			given = append(given, x.dimension)
		}
	}
	return given
}

// adopt completes the options by what the mapping chooses, and finds what is left to
// explore.
func (f *runFlags) adopt(c *cobra.Command, m *mapping.Mapping, modes []stream.Mode, o stream.Options) ([]stream.Mode, stream.Options, error) {
	given, flags := f.given(c), o
	o = o.Adopt(m.Choice, given...)
	if c.Flags().Changed("transfers") {
		o.Transfers = flags.Transfers
	}
	if c.Flags().Changed("fetch-order") {
		o.FetchOrder = flags.FetchOrder
	}
	switch {
	case f.explore != "":
	case m.Explore != nil:
		o.Explore = m.Explore
	case o.Rules.Name != rules.Default().Name:
		o.Explore = nil
	}
	if f.explore == "" {
		o.Explore = slices.DeleteFunc(slices.Clone(o.Explore), func(d mapping.Dimension) bool {
			return slices.Contains(given, d) || m.Explore == nil && m.Choice.Decides(d)
		})
	}
	if m.Choice == nil {
		return modes, o, nil
	}
	if len(m.Choice.First) > 0 && !slices.Contains(given, mapping.Order) {
		places, err := parseOrder("the order of the mapping", strings.Join(m.Choice.First, "\n"))
		if err != nil {
			return modes, o, err
		}
		o.First = func(g *taskgraph.Graph) ([]taskgraph.NodeID, error) {
			return resolveOrder("the order of the mapping", places, g)
		}
	}
	if mode := m.Choice.Mode; mode != "" && c.Flags().Changed("mode") && f.mode != mode {
		return modes, o, diag.One(fmt.Sprintf("--mode %s, but the mapping's choice is for mode %s", f.mode, mode), "--mode "+mode, "leave --mode out")
	} else if mode != "" {
		modes = []stream.Mode{stream.Mode(mode)}
	}
	return modes, o, nil
}

// besideAllocation is the mapping that was saved beside an allocation: what is cut
// as it says is what the allocation is for.
func besideAllocation(allocation string) string {
	name := filepath.Join(filepath.Dir(allocation), report.MappingName)
	if _, err := os.Stat(name); errors.Is(err, os.ErrNotExist) {
		return ""
	}
	return name
}

// chosen is the mapping with a choice in it and nothing left to explore.
func chosen(m *mapping.Mapping, choice mapping.Choice, title string) func(io.Writer) error {
	with := *m
	with.Choice, with.Explore = &choice, []mapping.Dimension{}
	return func(w io.Writer) error {
		return with.Write(w, "Reproduces "+title+",\nwith the same workload, accelerator and --rules: stream run --mapping FILE")
	}
}
