package cli

import (
	"errors"
	"fmt"
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
		for _, text := range flag.texts {
			cuts, err := mapping.ParseCuts(text, flag.name == "split")
			var list diag.List
			errors.As(err, &list)
			for _, p := range list {
				p.Message = fmt.Sprintf("--%s: %s", flag.name, p.Message)
				problems.Add(p)
			}
			o.Cuts = append(o.Cuts, cuts...)
		}
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

// fusedOnly reports tilings that have no effect where no layer is fused.
func fusedOnly(cuts []mapping.Cut, w *workload.Workload) diag.List {
	var problems diag.List
	for _, c := range cuts {
		if !c.Inter && !slices.ContainsFunc(w.Layers, func(l workload.Layer) bool { return l.Name == c.Layer }) {
			problems.Add(diag.Problem{
				Message: fmt.Sprintf("--tile %s cuts fused layers, and none is in mode %s", c, stream.LayerByLayer),
				Hint:    "give the name of a layer to cut it whether or not it is fused, or use --mode fused",
			})
		}
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
