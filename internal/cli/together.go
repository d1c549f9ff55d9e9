package cli

import (
	"os"
	"path/filepath"

	stream "streamdse"
	"streamdse/internal/page"
	"streamdse/internal/report"
)

// together writes what shows the results of a run beside each other: every page again,
// now with all of them.
func (f formats) together(output string, all []*report.Data) error {
	if len(all) < 2 || !f.page {
		return nil
	}
	for i, d := range all {
		in := &d.Inputs
		p := page.File(d, without(all, i)...)
		if err := report.WriteFile(filepath.Join(folder(output, in.Workload.Name, in.Hardware.Name, in.Mode), p.Name), p.Write); err != nil {
			return err
		}
	}
	return nil
}

// without is a list without one of its items.
func without(all []*report.Data, i int) []*report.Data {
	return append(append([]*report.Data(nil), all[:i]...), all[i+1:]...)
}

// beside is the result of the same exploration in the other mode, which lies in the
// folder beside that of l. It is nil if there is none, or none that can be read.
func (f *savedFlags) beside(l *loaded) *loaded {
	in := &l.result.Inputs
	for _, mode := range []stream.Mode{stream.LayerByLayer, stream.Fused} {
		dir := folder(filepath.Dir(filepath.Clean(l.dir)), in.Workload.Name, in.Hardware.Name, string(mode))
		if string(mode) == in.Mode {
			continue
		}
		if _, err := os.Stat(filepath.Join(dir, report.ResultName)); err != nil {
			continue
		}
		other, err := f.load(dir)
		if err != nil {
			continue // made from other inputs, or not whole
		}
		if o := &other.result.Inputs; o.Workload == in.Workload && o.Hardware == in.Hardware && o.Mapping == in.Mapping && o.Mode == string(mode) {
			return other
		}
	}
	return nil
}
