// Package explore searches the whole space that a mapping leaves open: over how many
// cores a layer is spread and along which loops, its tiles within a core, where fusion
// stacks end, which node that is ready comes first, what is fetched ahead, and which
// core runs what.
//
// All of this but the cores is a Plan. A plan decides the graph of computation nodes;
// the cores are chosen for that graph. So the search has two levels: it changes the
// best plan a little, builds the graph, carries the best allocation over to it and
// improves it for a short while, which tells what the change is worth.
//
// The search knows nothing of schedules. It is given a function that opens a plan,
// and what is opened says how good an allocation is.
//
// What it does next depends on the seed and on what has been found, never on how much
// budget is left or on the number of workers: a larger budget does what a smaller one
// does and goes on from there, and so is never worse.
package explore
