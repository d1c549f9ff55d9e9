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
//   - Temporal: all distinct orders of the prime factors of what remains. An order
//     that the user gives in part restricts them, one given as a whole is the only
//     one.
//   - Allocation, Free: for every operand and each of its memories but the highest,
//     any number of the innermost loops, not falling from a memory to the one above,
//     whichever other operands have, as long as what the loops of all operands of a
//     memory touch fits into it. An output takes the room of partial sums if
//     something is to be added up outside the memory below. The highest memory of an
//     operand holds all of it.
//   - Allocation, Greedy: the model's own rule (see loopnest), which gives every
//     order one allocation. Orders of every coarser set of factors that Loma has at
//     some limit belong to the space, too: memories take as much as fits, so that a
//     loop which is not divided can lead to a better nest. With free allocation they
//     add nothing, as a boundary may lie wherever it would lie between them.
//
// Best starts from the nests of Loma with at most six factors, so that it is
// never worse than these, whatever the effort. If a free search does not come to an
// end, the greedy one follows with the same effort, so that it is not worse than that
// either.
//
// # Greedy: from the inside out
//
// The search builds orders from the innermost loop outwards, depth first, the
// beginning with the lowest bound first. A beginning is left alone if
//
//   - no completion fits a memory,
//   - it has the same future as one that was met before (Outlook.Key), or
//   - no completion can be better than the best nest so far (Outlook.Bound).
//
// # Free: from both ends
//
// The search places loops one after another, and boundaries of memories as soon as
// they are reached. A boundary right within a loop that does not concern its operand
// settles outside of it (see loopnest), so that only boundaries whose next loop
// outwards does concern it are placed; of several at the same place, those of earlier
// operands come first. Every nest of the space is then met once, but for copies that
// cost the same and need no less room.
//
// That can be done from the innermost loop outwards or from the outermost inwards.
// The highest boundaries decide the time of layers that wait for the highest memory,
// the lowest that of layers that wait for the array's memories; the search from the
// other end would find out last. So both take turns, with twice the effort every
// second time, until one is through. Its best nest is then the optimum, because
// either goes through the whole space; otherwise the smaller gap of both holds.
// The same three reasons end a branch, with Outlook.KeyAllocated for the second.
//
// # Proof
//
// The proofs of keys and bounds are in the documentation of loopnest.Outlook. A
// spatial unrolling is left alone if the temporal iterations that it leaves at
// least, with the energy of the operations, are no better than the best nest. Where
// several unrollings are searched, none takes more than an eighth of the effort
// before all have been looked at; what is left goes to those that are not finished.
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
// left say by how much a better nest could at most be better (Proof.Gap). If that is
// nothing, the first figure of the objective is proven, though a nest with the same
// figure may be better in the second (Proof.OpenTie).
//
// # Where the optimum is monotonic
//
// One would expect that a core with a larger memory or a wider port is never
// worse. For given unrollings, the optimum of Best is so with free allocation
//
//   - in energy: what fits a memory fits a larger one, and energy does not depend on
//     sizes; a transfer takes no more accesses of a wider port;
//   - in latency and EDP, if the model is the physical one (see loopnest).
//
// Otherwise it may be worse:
//
//   - Greedy, larger memory: a memory takes all loops that fit. A larger one takes
//     more, which saves traffic but makes the first fill, the transfers and the
//     periods longer. Energy may rise, too, where one operand that takes more in a
//     shared memory leaves less to another. What a memory takes may fill it so far
//     that double buffering ends.
//   - Published model, larger memory: second buffers are handed out in the order of
//     the operands; one that fits now may take the room of a more useful one.
//   - Published model, wider port: borrowed time is shared out so that times which
//     are already minimal go on shrinking (see loopnest). A wider port changes which
//     of them do, and a link that counts for the onload may be left with more. Time is
//     borrowed from stalls, too, so that what takes a stall away may make two links
//     longer that follow each other.
//   - Any model, unrollings: a wider port of an inner memory allows factors that were
//     capped before. A given unrolling is then no longer capped, even if that costs
//     energy, and the divisors of a larger factor need not contain those of the
//     smaller.
//   - Cells of an array that computes in memory are part of the array: with more
//     weights in a group, every operation costs more.
package mapper
