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
the schedule and of the memories and the page for a browser (report.html) into them, or writes
the trace and the tables of nodes, transfers, layers and memories, without searching or scheduling. The page
shows the result in the other mode too, if it lies in the folder beside.

DIR is a result folder, or a folder of result folders.`,
		Example: `  stream report outputs
  stream report outputs/resnet18-tpu_like_quad_core-fused --format svg,pdf
  stream report outputs --format parquet`,
		RunE: func(c *cobra.Command, args []string) error { return f.report(c, args, formats) },
	}
	f.register(c)
	c.Flags().StringSliceVar(&formats, "format", []string{report.PNG.Extension(), pageFormat}, "formats, separated by commas: png, svg, pdf for the pictures, html for the page, trace for Perfetto, csv, parquet for the tables")
	complete(c, "format", savedFormats())
	return c
}

func (f *savedFlags) report(c *cobra.Command, args, names []string) error {
	as, formatErr := parseFormats(names, savedFormats())
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
		data, err := f.costed(c, l)
		if err != nil {
			return err
		}
		var others []*report.Data
		if other := f.beside(l); as.page && other != nil {
			d, err := f.costed(c, other)
			if err != nil {
				return err
			}
			others = append(others, d)
		}
		for _, file := range as.files(data, others...) {
			if err := c.Context().Err(); err != nil {
				return err
			}
			name := filepath.Join(dir, file.Name)
			writing := timed(logger(c), name)
			err := report.WriteFile(name, file.Write)
			if writing(); err != nil {
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

// savedFormats lists what can be written of a saved result.
func savedFormats() []string {
	return append(formatNames(), string(report.CSV), pageFormat, traceFormat)
}

// costed is a saved result with the costs of its nodes, which are estimated again.
func (f *savedFlags) costed(c *cobra.Command, l *loaded) (*report.Data, error) {
	progress := newProgress(c.ErrOrStderr(), f.quiet)
	l.options.Progress, l.options.Log = progress.update, logger(c)
	data := l.data()
	var err error
	data.Costs, err = stream.NodeCosts(c.Context(), l.problem, l.options, l.graph)
	progress.finish()
	return data, err
}
