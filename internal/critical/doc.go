// Package critical tells why a schedule takes as long as it does. It reads the
// schedule alone, without the simulator that made it.
//
// Words used here:
//
//   - An event is the run of a node, or a transfer.
//   - The cause of an event is what kept it from beginning earlier: another event
//     that ended when it began, and the core, the link or the memory over which the
//     one had to wait for the other.
//   - The critical path leads from the event that ends last back to time 0, from
//     each event to its cause. Its steps follow each other without a gap, so that
//     their lengths are shares of the latency: each is a stretch of time in which
//     one core or link held up everything that came later on the path.
//
// Where several events end at the very time at which another begins, shortening one
// of them alone would not help. The first of these counts: the core's previous
// node, data that arrives, a link that becomes free, room in a memory, data that
// was computed where it is needed.
package critical
