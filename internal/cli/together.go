package cli

import (
	"io"
	"os"
	"path/filepath"

	stream "streamdse"
	"streamdse/internal/page"
	"streamdse/internal/report"
)

// together writes what shows the results of a run beside each other: the picture that
// compares them, and every page again, now with all of them. It returns the names of
// the pictures.
func (f formats) together(output string, all []*report.Data) (pictures []string, err error) {
	if len(all) < 2 {
		return nil, nil
	}
	for _, format := range f.pictures {
		in := &all[0].Inputs
		name := folder(output, in.Workload.Name, in.Hardware.Name, "compare") + "." + format.Extension()
		write := func(w io.Writer) error { return report.ComparePicture(w, all, report.Options{Format: format}) }
		if err := report.WriteFile(name, write); err != nil {
			return nil, err
		}
		pictures = append(pictures, name)
	}
	if !f.page {
		return pictures, nil
	}
	for i, d := range all {
		in := &d.Inputs
		p := page.File(d, without(all, i)...)
		if err := report.WriteFile(filepath.Join(folder(output, in.Workload.Name, in.Hardware.Name, in.Mode), p.Name), p.Write); err != nil {
			return nil, err
		}
	}
	return pictures, nil
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
