// Package mapper searches for the best loop nest of one layer on one core: how
// loops are laid on the array (spatial unrolling) and in which order the rest
// runs (temporal order). What a nest costs is the business of package loopnest;
// the search proposes nests and is told how they did.
//
// # Loma
//
// The space of Loma is that of the published tools (LOMA: Symons et al., AICAS
// 2021; ZigZag: Mei et al., IEEE Trans. Computers 2021):
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
//
// # Best
//
// The space of Best contains that of Loma at every limit, and ends with a proof:
//
//   - Spatial: what is given stays. Array dimensions left open get every
//     combination of loops, one or several, with factors that divide the largest
//     one which the loop, the array and the bandwidth of the inner memories allow,
//     as long as they multiply to no more than the array dimension and the loop,
//     shrunk where the inner memories are too small; and Loma's candidates.
//   - Temporal: all distinct orders of the prime factors of what remains, and of
//     every coarser set of factors that Loma has at some limit. An order that the
//     user gives in part restricts them all.
//   - Allocation: the model's own rule (see loopnest), which gives every order one
//     allocation of loops to memories. Other allocations of the same order are not
//     searched, except that coarser factors lead to some of them.
//
// Best starts from the nests of Loma with at most six factors, so that it is
// never worse than these, whatever the effort. Then it builds orders from the
// innermost loop outwards, depth first, the beginning with the lowest bound
// first. A beginning is left alone if
//
//   - no completion fits a memory,
//   - it has the same future as one that was met before (Outlook.Key), or
//   - no completion can be better than the best nest so far (Outlook.Bound).
//
// The proofs of the last two are in the documentation of loopnest.Outlook. A
// spatial unrolling is left alone if the temporal iterations that it leaves at
// least, with the energy of the operations, are no better than the best nest.
//
// Nothing but a strictly better nest replaces the best so far. Of nests that cost
// the same, Loma's first one is therefore kept if it is among them, and otherwise
// the first in the order of the search: unrollings as Loma ranks them, then by
// iterations and in the order of array dimensions and hints; sets of factors from
// the coarsest to the prime factors; beginnings by bound and then in the order of
// the layer's loops. The search of a layer runs on one goroutine and counts its
// effort in beginnings, never in time, so that its result depends on the problem
// and the options alone.
//
// If the effort ends first, the bounds of the beginnings and unrollings that were
// left say by how much a better nest could at most be better (Proof.Gap).
//
// # Where the optimum is not monotonic
//
// One would expect that a core with a larger memory or a wider port is never
// worse. The optimum of the published model is worse in some cases, for Loma and
// Best alike, because both keep its formulas:
//
//   - A memory takes all loops that fit. A larger one takes more, which saves
//     traffic but makes the first fill, the transfers and the periods longer:
//     latency may rise. Energy may rise too where one operand that takes more in a
//     shared memory leaves less to another.
//   - A memory without a second copy of its live data is not double buffered. What
//     a larger memory takes may fill it so far that double buffering ends.
//   - Borrowed time is shared out so that times which are already minimal go on
//     shrinking (see loopnest). A wider port changes who shrinks, and a link that
//     counts for the onload may be left with more.
//   - Energy counts accesses of full width, and a transfer is rounded up to whole
//     granules: with a wider port of the same cost an access carries more bits, but
//     the rounding changes. A wider port of an inner memory also allows unrollings
//     that were capped before; where the unrolling is given, it is no longer capped
//     even if that costs energy.
//   - Average bandwidths and word accesses are cut to whole numbers.
package mapper
