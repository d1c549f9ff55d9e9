package cli

import (
	"slices"

	"github.com/spf13/cobra"

	"streamdse/internal/diag"
	"streamdse/internal/report"
)

// formats are the file formats of pictures and tables that a user asks for.
type formats struct {
	pictures []report.Format
	tables   []report.TableFormat
}

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
		case ok && !slices.Contains(f.pictures, picture):
			f.pictures = append(f.pictures, picture)
		case !ok && !slices.Contains(f.tables, report.TableFormat(name)):
			f.tables = append(f.tables, report.TableFormat(name))
		}
	}
	return f, problems.Err()
}

// formats are those of a run: --no-plots leaves the pictures out, and where only
// tables are asked for, pictures keep their usual format.
func (f *runFlags) formats(c *cobra.Command) (formats, error) {
	as, err := parseFormats(f.format, formatNames())
	switch {
	case f.noPlots && len(as.pictures) > 0 && c.Flags().Changed("format"):
		return as, both(err, diag.List{{Message: "--no-plots leaves the pictures out, --format names one for them", Hint: "leave one of them out"}})
	case f.noPlots:
		as.pictures = nil
	case len(as.pictures) == 0:
		as.pictures = []report.Format{report.PNG}
	}
	return as, err
}

// files are the files in these formats.
func (f formats) files(d *report.Data) []report.File {
	var files []report.File
	for _, format := range f.pictures {
		files = append(files, report.Pictures(d, report.Options{Format: format})...)
	}
	for _, format := range f.tables {
		files = append(files, report.Tables(d, format)...)
	}
	return files
}
