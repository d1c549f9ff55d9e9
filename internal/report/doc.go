// Package report turns the result of a run into what people and scripts read:
// the pictures of the schedule and of the memories, result.json, the CSV files,
// the saved allocation and the summary on the terminal. It only reads results;
// no step of the exploration imports it.
//
// Words used here:
//
//   - A lane is one row of a picture: a core, a link, or a memory over time.
//   - A box is a stretch of time in which a lane is busy with one layer.
//   - A column is the narrowest stretch of time that a picture shows; boxes that
//     share a column are merged, and the layer that held the lane longest within
//     it gives the colour. Pictures therefore stay as readable and nearly as small
//     with a million boxes as with ten.
//   - A kind tells what a box on a link carries: activations, weights, the
//     network's own input or output, an eviction, or streamed operands.
//
// Everything written is a function of Data alone: same data, same bytes.
package report
