package cli

import (
	"slices"

	"github.com/spf13/cobra"

	"streamdse/internal/diag"
	"streamdse/internal/page"
	"streamdse/internal/report"
	"streamdse/internal/trace"
)

// formats are the file formats of pictures and tables that a user asks for.
type formats struct {
	pictures []report.Format
	tables   []report.TableFormat
	page     bool // report.html
	trace    bool // trace.json
}

// The names of the page and of the trace among the formats.
const (
	pageFormat  = "html"
	traceFormat = "trace"
)

// formatNames lists what --format takes. Tables are always there as CSV.
func formatNames() []string { return append(report.Formats(), string(report.Parquet)) }

// parseFormats reads --format, whose values must be among those allowed.
func parseFormats(names, allowed []string) (formats, error) {
	var f formats
	var problems diag.List
	for _, name := range names {
		picture, ok := report.FormatNamed(name)
		switch {
		case !slices.Contains(allowed, name):
			problems.Add(badChoice("format", name, allowed))
		case name == pageFormat:
			f.page = true
		case name == traceFormat:
			f.trace = true
		case ok && !slices.Contains(f.pictures, picture):
			f.pictures = append(f.pictures, picture)
		case !ok && !slices.Contains(f.tables, report.TableFormat(name)):
			f.tables = append(f.tables, report.TableFormat(name))
		}
	}
	return f, problems.Err()
}

// formats are those of a run: --no-plots leaves the pictures and the page out, and
// where only tables are asked for, pictures keep their usual format. The trace is
// always there.
func (f *runFlags) formats(c *cobra.Command) (formats, error) {
	as, err := parseFormats(f.format, formatNames())
	as.trace = true
	switch {
	case f.noPlots && len(as.pictures) > 0 && c.Flags().Changed("format"):
		return as, both(err, diag.List{{Message: "--no-plots leaves the pictures out, --format names one for them", Hint: "leave one of them out"}})
	case f.noPlots:
		as.pictures = nil
		return as, err
	case len(as.pictures) == 0:
		as.pictures = []report.Format{report.PNG}
	}
	as.page = true
	return as, err
}

// files are the files of a result in these formats. The page shows others beside it.
func (f formats) files(d *report.Data, others ...*report.Data) []report.File {
	var files []report.File
	if f.page {
		files = append(files, page.File(d, others...))
	}
	if f.trace {
		files = append(files, trace.File(d))
	}
	for _, format := range f.pictures {
		files = append(files, report.Pictures(d, report.Options{Format: format})...)
	}
	for _, format := range f.tables {
		files = append(files, report.Tables(d, format)...)
	}
	return files
}
