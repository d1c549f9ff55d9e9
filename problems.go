package stream

import "streamdse/internal/diag"

// Problems is the error of bad input: everything that is wrong with it, in the order
// of the files. Use errors.As to get at it.
type Problems = diag.List

// InputProblem is one of Problems: the place (file, line and column, as far as it has
// one), what is wrong, what is allowed, and a hint.
type InputProblem = diag.Problem
