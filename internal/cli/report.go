package cli

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"streamdse/internal/diag"
	"streamdse/internal/report"
)

func reportCommand() *cobra.Command {
	f := &savedFlags{}
	var formats []string
	c := &cobra.Command{
		Use:   "report DIR...",
		Short: "Draw the pictures of saved results again",
		Long: `Report reads result folders and the inputs they were made from and draws the pictures of
the schedule and of the memories into them, without searching or scheduling.

DIR is a result folder, or a folder of result folders.`,
		Example: `  stream report outputs
  stream report outputs/resnet18-tpu_like_quad_core-fused --format svg,pdf`,
		RunE: func(c *cobra.Command, args []string) error { return f.report(c, args, formats) },
	}
	f.register(c)
	c.Flags().StringSliceVar(&formats, "format", []string{report.PNG.Extension()}, "formats of the pictures, separated by commas: png, svg, pdf")
	complete(c, "format", report.Formats())
	return c
}

func (f *savedFlags) report(c *cobra.Command, args, names []string) error {
	var problems diag.List
	var formats []report.Format
	for _, name := range names {
		format, ok := report.FormatNamed(name)
		if !ok {
			problems.Add(badChoice("format", name, report.Formats()))
		}
		formats = append(formats, format)
	}
	dirs, err := folders(c, args)
	if err := both(problems.Err(), err); err != nil {
		return err
	}
	written := []string{}
	for _, dir := range dirs {
		l, err := f.load(dir)
		if err != nil {
			return err
		}
		for _, format := range formats {
			for _, picture := range report.Pictures(l.data(), report.Options{Format: format}) {
				if err := c.Context().Err(); err != nil {
					return err
				}
				name := filepath.Join(dir, picture.Name)
				if err := report.WriteFile(name, picture.Write); err != nil {
					return err
				}
				written = append(written, name)
				if !f.json && !f.quiet {
					fmt.Fprintln(c.OutOrStdout(), name)
				}
			}
		}
	}
	if f.json {
		return writeJSON(c.OutOrStdout(), written)
	}
	return nil
}
