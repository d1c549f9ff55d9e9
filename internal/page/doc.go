// Package page writes report.html: one file that shows results in any browser,
// without a server and without a network.
//
// The file is assets/page.html with everything else put into it: the style, the
// scripts (plain JavaScript, in the order of scripts, without a build step) and the
// data. The data is one block of bytes, compressed and in base64, so that no name
// from a user's file can be taken for a part of the page:
//
//	4 bytes   length of the header, little-endian
//	header    JSON: names, totals and, for every column, where it lies
//	columns   one after another
//
// Whatever there is once per node, transfer, dependency or step of a memory's
// curve is a column of numbers: the difference of each to the one before, as a
// zigzag varint. That is small, quick to read and compresses well. Energies, which
// repeat, are numbers of entries of a list in the header. A column is read when the
// page first asks for it.
package page
