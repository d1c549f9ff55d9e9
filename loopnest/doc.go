// Package loopnest is the cost model of one layer on one core: what a given
// loop nest costs in cycles and picojoules, and why.
//
// # Words
//
// A layer is a perfect nest of loops over dimensions (B K C G OY OX FY FX, ...)
// around one multiply-accumulate operation. It has operands: one output and one
// or two inputs. The core holds each operand in a memory operand (I1, I2, O) of
// its own.
//
// A loop dimension is relevant to an operand if it indexes it, and irrelevant if
// it does not: iterations of an irrelevant loop reuse the same data. An index
// dimension such as IX = stride*OX + dilation*FX combines two loops, which are
// partially relevant: moving the window by one touches few new columns. Such a
// loop is split into a relevant factor (new positions) and an irrelevant one
// (positions seen before).
//
// A loop nest consists of spatial loops, which run side by side on the array of
// processing elements, and temporal loops, which run one after another, listed
// from the innermost. A spatial factor that does not divide its loop is shortened
// evenly: 70 channels on 32 rows are three passes of 23.33. Energy and
// utilisation use the fraction, latency uses 23.
//
// A level is a memory of the hierarchy as one operand sees it; level 0 in tables
// of this package is the array itself, and level m+1 is the memory with m
// memories below it. One instance of a memory feeds all processing elements
// along the array dimensions that it serves.
//
// Allocation gives every level a stretch of consecutive temporal loops: what
// these loops touch is what the memory holds. It is uneven: operands that share
// a memory may have different stretches in it. Going up from the lowest memory,
// each takes the stretches that cause the least traffic from above among those
// that fit; with equal traffic it takes more. An output takes the room of
// partial sums as long as something is still to be added.
//
// Data is stationary at a level during irrelevant loops at the inner end of the
// level above, so these are counted to the level below. The period of a level is
// the number of cycles after which its data is replaced: the product of all
// loops up to and including its own. A transfer into a level can run during its
// whole period if the memory is double buffered (a second copy of the live data
// fits); otherwise only in the window at the end of the period in which the old
// data is not needed any more, which is the period divided by the outermost
// irrelevant loops of the level.
//
// A port carries several activities: transfers of given real time, each with an
// allowed time in every one of its periods. The excess of real over allowed time
// summed over periods is a stall, the opposite is slack. Activities on one port
// combine: slack can make up only for time in the union of their windows.
// Different ports work in parallel, so the computation stalls as long as the
// worst port.
//
// Transfers that happen once fill the memories before the computation (onload)
// or empty them after it (offload). A port with time to spare during computation
// borrows it for them, except for the one fill of the lowest memory that the
// computation needs to begin with.
//
// # The physical model
//
// With Problem.Physical, latency differs from the published model in what keeps that
// from being monotonic. For a given order and allocation, then, no larger memory and
// no wider port makes it worse:
//
//   - Second buffers: of all sets of residents whose second copies fit into a memory,
//     the one that leads to the lowest latency. A larger memory has room for the same
//     sets. A second copy lets transfers run at more times, which makes no stall
//     longer: the stall of a port is the larger of the sum of (r-a)(n-1) where it is
//     positive and the sum of r(n-1) less the union of all windows.
//   - Borrowed time: what repeated transfers leave of a port during the iterations,
//     not during stalls, so that a shorter stall leaves the rest as it is.
//   - It is shared out so that the remaining times become equal, but none below one
//     fill of the lowest memory. Times and least times are not rounded to cycles. If a
//     port becomes c times as wide, all of them are divided by c, so that to come down
//     to a given level takes no more time than before, and there is no less of it.
//   - All links count in onloading.
//   - Average bandwidths are not cut to whole bits.
//
// Energy and all else are as published.
//
// # Use
//
// A Problem (layer, core, links) becomes a Model, a Model and a Spatial
// unrolling an Evaluator, and Evaluator.Evaluate gives the Cost of a temporal
// order without allocating memory; Evaluator.EvaluateAllocated that of an order with
// another allocation than the greedy one. Evaluator.Report gives the same cost with
// everything it is made of, as an Evaluation. An order that does not fit is an
// ordinary outcome, described by a Misfit.
//
// # Sources
//
// The loop representation, allocation and energy follow ZigZag (L. Mei, P.
// Houshmand, V. Jain, S. Giraldo, M. Verhelst: ZigZag: Enlarging joint
// architecture-mapping design space exploration for DNN accelerators, IEEE
// Transactions on Computers 70(8), 2021); the latency model follows L. Mei, H.
// Liu, T. Wu, H. E. Sumbul, M. Verhelst, E. Beigne: A uniform latency model for
// DNN accelerators with diverse architectures and dataflows, DATE 2022; its use
// under a multi-core schedule follows Stream (A. Symons, L. Mei, S. Colleman, P.
// Houshmand, S. Karl, M. Verhelst: Stream: Design space exploration of
// layer-fused DNNs on heterogeneous dataflow accelerators, IEEE Transactions on
// Computers, 2024).
//
// # Kept for parity
//
// The figures agree with the published model (release 3.8.5) to the last digits,
// which includes some of its habits:
//
//   - Borrowed time is shared out so that remaining transfer times become equal;
//     times that are already minimal go on shrinking with the others and may
//     become negative (function reduce).
//   - The union of windows counts all periods, the sum of windows all but one.
//   - Of the links between a port that serves both inputs and one that does not,
//     only the highest counts in onloading.
//   - Filling the array from the lowest memory takes no onload time.
//   - Average bandwidths are cut to whole bits per cycle before they are scaled to
//     instantaneous ones; less than one bit per cycle becomes zero.
//   - Sizes of partially relevant loops are cut to whole steps, those of relevant
//     loops are not.
//   - Room for an output is reserved at partial-sum precision even in the memory
//     that completes the sums.
//   - Word accesses are cut to whole full-width accesses for every operand, level
//     and direction, not for every period.
//   - Borrowed bandwidth of a memory that stores outputs is reported as written
//     from above, although the port may read.
//   - Access latencies of memories and forced double buffering have no effect.
package loopnest
