// Package mapper searches for the best loop nest of one layer on one core: how
// loops are laid on the array (spatial unrolling) and in which order the rest
// runs (temporal order). What a nest costs is the business of package loopnest;
// the search proposes nests and is told how they did.
//
// The space is that of the published tools (LOMA: Symons et al., AICAS 2021;
// ZigZag: Mei et al., IEEE Trans. Computers 2021):
//
//   - Spatial: what the user or the core's dataflow gives is capped to what fits;
//     array dimensions left open get candidates, of which the few with the highest
//     number of busy processing elements are kept.
//   - Temporal: each remaining loop is split into its prime factors. If there are
//     more than a limit, the smallest two of the loop with most are multiplied,
//     again and again. All distinct orders of the factors are evaluated.
//
// Nests are compared in a fixed order and replaced only by strictly better ones,
// so the result is the same on every run; the order of enumeration is the
// published one, because it decides ties.
package mapper
