package cli

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	stream "streamdse"
	"streamdse/internal/report"
)

func reportCommand() *cobra.Command {
	f := &savedFlags{}
	var formats []string
	c := &cobra.Command{
		Use:   "report DIR...",
		Short: "Draw the pictures of saved results again, or write their tables",
		Long: `Report reads result folders and the inputs they were made from and draws the pictures of
the schedule and of the memories into them, or writes the tables of nodes, transfers, layers
and memories, without searching or scheduling.

DIR is a result folder, or a folder of result folders.`,
		Example: `  stream report outputs
  stream report outputs/resnet18-tpu_like_quad_core-fused --format svg,pdf
  stream report outputs --format parquet`,
		RunE: func(c *cobra.Command, args []string) error { return f.report(c, args, formats) },
	}
	f.register(c)
	c.Flags().StringSliceVar(&formats, "format", []string{report.PNG.Extension()}, "formats, separated by commas: png, svg, pdf for the pictures, csv, parquet for the tables")
	complete(c, "format", append(formatNames(), string(report.CSV)))
	return c
}

func (f *savedFlags) report(c *cobra.Command, args, names []string) error {
	as, formatErr := parseFormats(names, append(formatNames(), string(report.CSV)))
	dirs, err := folders(c, args)
	if err := both(formatErr, err); err != nil {
		return err
	}
	written := []string{}
	for _, dir := range dirs {
		l, err := f.load(dir)
		if err != nil {
			return err
		}
		data := l.data()
		if len(as.tables) > 0 {
			progress := newProgress(c.ErrOrStderr(), f.quiet)
			l.options.Progress = progress.update
			data.Costs, err = stream.NodeCosts(c.Context(), l.problem, l.options, l.graph)
			progress.finish()
			if err != nil {
				return err
			}
		}
		for _, file := range as.files(data) {
			if err := c.Context().Err(); err != nil {
				return err
			}
			name := filepath.Join(dir, file.Name)
			if err := report.WriteFile(name, file.Write); err != nil {
				return err
			}
			written = append(written, name)
			if !f.json && !f.quiet {
				fmt.Fprintln(c.OutOrStdout(), name)
			}
		}
	}
	if f.json {
		return writeJSON(c.OutOrStdout(), written)
	}
	return nil
}
