package cli

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/spf13/cobra"

	stream "streamdse"
	"streamdse/internal/diag"
	"streamdse/internal/report"
	"streamdse/mapping"
	"streamdse/workload"
)

// tilingFlags change how layers are cut.
type tilingFlags struct {
	split, tile  []string
	splitWeights float64
	halo         string
}

func (f *tilingFlags) register(c *cobra.Command) {
	flags := c.Flags()
	flags.StringArrayVar(&f.split, "split", nil, "spread layers over cores: `[LAYER:]DIM=PARTS`, e.g. K=4 or conv1:K=2,OY=2 (in place of the mapping's inter-core tiling)")
	flags.StringArrayVar(&f.tile, "tile", nil, "cut layers within a core: `[LAYER:]DIM=PARTS`, e.g. OY=8, OY=all or conv1:OY:size=4 (in place of the mapping's intra-core tiling; only fused layers, unless LAYER is a name)")
	flags.StringVar(&f.halo, "halo", "cache", "rows that windows of neighbouring tiles share: cache (read from the tiles that computed them) or recompute (where fused layers are cut into equally many tiles)")
	complete(c, "halo", halos())
	flags.Float64Var(&f.splitWeights, "split-weights", 0, "cut layers whose weights exceed this `part` of a core's memory along K into parts that fit: 1 the whole, 0.5 half of it; 0 does not")
}

func halos() []string { return []string{"cache", "recompute"} }

// options sets what the flags say.
func (f *tilingFlags) options(c *cobra.Command, o *stream.Options) diag.List {
	var problems diag.List
	for _, flag := range []struct {
		name  string
		texts []string
	}{{"split", f.split}, {"tile", f.tile}} {
		var all []mapping.Cut
		for _, text := range flag.texts {
			cuts, err := mapping.ParseCuts(text, flag.name == "split")
			var list diag.List
			errors.As(err, &list)
			for _, p := range list {
				p.Message = fmt.Sprintf("--%s: %s", flag.name, p.Message)
				problems.Add(p)
			}
			all = append(all, cuts...)
		}
		problems = append(problems, twice(flag.name, all)...)
		o.Cuts = append(o.Cuts, all...)
	}
	if c.Flags().Changed("split-weights") && !(f.splitWeights >= 0 && f.splitWeights <= 1) {
		problems.Add(diag.Problem{Message: fmt.Sprintf("--split-weights %v is no part of a memory", f.splitWeights), Allowed: "0 to 1"})
	}
	o.SplitWeights = f.splitWeights
	if !slices.Contains(halos(), f.halo) {
		problems.Add(badChoice("halo", f.halo, halos()))
	}
	o.RecomputeHalo = f.halo == "recompute"
	return problems
}

// fusedOnly reports flags that have no effect where no layer is fused. What a saved
// result was made with is no mistake: it may have been one of both modes.
func (f *runFlags) fusedOnly(c *cobra.Command, repeat *repeated, cuts []mapping.Cut, w *workload.Workload) diag.List {
	asked := func(flag string) bool {
		return repeat == nil || slices.Contains(repeat.changed, flag)
	}
	var problems diag.List
	for _, cut := range cuts {
		if asked("tile") && !cut.Inter && !slices.ContainsFunc(w.Layers, func(l workload.Layer) bool { return l.Name == cut.Layer }) {
			problems.Add(diag.Problem{
				Message: fmt.Sprintf("--tile %s cuts fused layers, and none is in mode %s", cut, stream.LayerByLayer),
				Hint:    "give the name of a layer to cut it whether or not it is fused, or use --mode fused",
			})
		}
	}
	for _, flag := range []struct{ name, value, none, does string }{
		{"stacks", f.stacks, "auto", "says which layers are fused"},
		{"halo", f.halo, "cache", "is about fused layers"},
	} {
		if c.Flags().Changed(flag.name) && asked(flag.name) && flag.value != flag.none {
			problems.Add(diag.Problem{
				Message: fmt.Sprintf("--%s %s %s, and none is in mode %s", flag.name, flag.value, flag.does, stream.LayerByLayer),
				Hint:    fmt.Sprintf("use --mode fused, or leave --%s out", flag.name),
			})
		}
	}
	return problems
}

// twice reports a dimension that flags of one kind cut twice for the same layers.
func twice(flag string, cuts []mapping.Cut) diag.List {
	var problems diag.List
	for i, c := range cuts {
		same := func(x mapping.Cut) bool { return x.Layer == c.Layer && x.Dim == c.Dim }
		first := slices.IndexFunc(cuts[:i], same)
		if first < 0 {
			continue
		}
		p := diag.Problem{Message: fmt.Sprintf("--%s: %s and %s cut the same dimension", flag, cuts[first], c), Hint: "keep one of the two"}
		if a := cuts[first]; a.Parts > 0 && c.Parts > 0 && !a.Size && !c.Size && a.Parts <= math.MaxInt32 && c.Parts <= math.MaxInt32 {
			a.Parts *= c.Parts
			p.Hint += fmt.Sprintf(", or say %s to cut the parts again", a)
		}
		problems.Add(p)
	}
	return problems
}

// parseTexts reads the cuts of a saved result.
func parseTexts(file string, s report.Settings) ([]mapping.Cut, error) {
	var cuts []mapping.Cut
	for _, kind := range []struct {
		texts []string
		inter bool
	}{{s.Split, true}, {s.Tile, false}} {
		for _, text := range kind.texts {
			list, err := mapping.ParseCuts(text, kind.inter)
			if err != nil {
				return nil, diag.List{{File: file, Message: "inputs: " + err.Error()}}
			}
			cuts = append(cuts, list...)
		}
	}
	return cuts, nil
}
