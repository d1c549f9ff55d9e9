// Package simulate schedules a graph of computation nodes on a multi-core
// accelerator for a given allocation, event by event: when each node runs, what
// moves between the memories, how full they are and what it all costs (Stream,
// Symons et al., 2023/2024).
//
// # Words
//
// A node needs tensors: its constant operands and the outputs of the nodes it
// depends on, or parts of those. A core gets the part that all its nodes together
// need, at once. A memory is a top-level memory of a core (hardware.Store). A stay is
// a tensor in a memory: its space is taken from the start of the transfer or of
// the node that brings it, and it can be read from its availability on. A use is
// one node reading a tensor from one memory. An operand that does not fit the core
// is streamed: the node reads or writes it in off-chip memory while it runs, and
// blocks a part of the links on the way.
//
// # Algorithm
//
// Nodes are decided one by one: of those whose predecessors are decided, the one
// that comes first in the scheduling order. Deciding a node fetches what it
// needs, finds room for its output and fixes its start; see Simulator.decide.
// Decisions are final, but they are not made in the order of time: a transfer is
// placed in the earliest gap that source, links and destination leave, which may
// lie before what has been decided already (unless Problem.InOrder forbids it). Two
// things keep this consistent. Room in a memory is granted only if it lasts from
// then on for ever, so that no later decision can take it away. And a stay ends no
// earlier than all that has been decided to read it.
//
// The switches of package rules replace parts of this by what the published
// scheduler does. Where the two differ by more than a condition, the published
// variant stands in published.go.
package simulate
