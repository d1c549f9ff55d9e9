package report

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// File is a file to be written into a result folder.
type File struct {
	Name  string
	Write func(io.Writer) error
}

// ResultName is the file that makes a folder a result folder.
const ResultName = "result.json"

// The files that hold the schedule, each part of it once.
const (
	tasksName      = "schedule.csv"
	transfersName  = "transfers.csv"
	stateName      = "state.json"
	allocationName = "allocation.json"
)

// MappingName is the mapping file that gives the result again.
const MappingName = "mapping.yaml"

// The table of the front, and the folder of the mappings that give its solutions
// again.
const (
	frontName   = "pareto.csv"
	frontFolder = "pareto"
)

// FrontMapping is the name of the mapping of solution i of the front.
func FrontMapping(i int) string { return fmt.Sprintf("%s/%02d-mapping.yaml", frontFolder, i) }

// Tables that follow from the others.
const (
	layersName = "layers.csv"
	memoryName = "memory.csv"
)

// Files lists what a result folder holds of a result in any case: its figures and
// its tables, as CSV.
func Files(d *Data) []File {
	return append([]File{
		{ResultName, func(w io.Writer) error { return WriteResult(w, d) }},
		{stateName, func(w io.Writer) error { return WriteState(w, d) }},
		{allocationName, func(w io.Writer) error { return WriteAllocation(w, d.Graph, d.Allocation) }},
	}, Tables(d, CSV)...)
}

// Pictures lists the pictures of a result.
func Pictures(d *Data, o Options) []File {
	return []File{
		{"schedule." + o.Format.Extension(), func(w io.Writer) error { return SchedulePicture(w, d, o) }},
		{"memory." + o.Format.Extension(), func(w io.Writer) error { return MemoryPicture(w, d, o) }},
		{"pareto." + o.Format.Extension(), func(w io.Writer) error { return FrontPicture(w, d, o) }},
		{"energy." + o.Format.Extension(), func(w io.Writer) error { return EnergyPicture(w, d, o) }},
		{"layers." + o.Format.Extension(), func(w io.Writer) error { return LayersPicture(w, d, o) }},
	}
}

// generated lists every file that a result folder may hold by the project's
// doing; they are replaced together.
func generated() []string {
	names := []string{ResultName, stateName, allocationName, MappingName, frontFolder, "report.html", "trace.json", "timing.json"}
	for _, table := range []string{tasksName, transfersName, layersName, memoryName, frontName} {
		names = append(names, table, stem(table)+"."+string(Parquet))
	}
	for _, extension := range Formats() {
		for _, picture := range []string{"schedule", "memory", "pareto", "energy", "layers"} {
			names = append(names, picture+"."+extension)
		}
	}
	return names
}

// WriteFolder writes a result folder so that it appears complete or not at all:
// the files go into a hidden folder beside it, which then takes its place. The
// files of an older result in the same place disappear with it; anything else
// that was put there moves to the new folder. A folder that holds files but no
// result is not touched, and an error. After an error or once ctx is done,
// everything is as it was before.
func WriteFolder(ctx context.Context, dir string, files []File) (err error) {
	dir, err = replaceable(dir)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s: nothing was written: %w", dir, err)
		}
	}()
	made, err := makeFolders(filepath.Dir(dir))
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			removeEmpty(made)
		}
	}()
	fresh, err := besides(dir, "new", func(name string) error { return os.Mkdir(name, 0o777) })
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(fresh))
		}
	}()
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		name := filepath.Join(fresh, f.Name)
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			return causeOf(err)
		}
		if err := writeFile(name, f.Write); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return replace(dir, fresh, files)
}

// makeFolders makes a folder and those above it, and returns those that were not
// there, the highest first.
func makeFolders(dir string) (made []string, err error) {
	for d := dir; ; d = filepath.Dir(d) {
		if _, err := os.Stat(d); err == nil || filepath.Dir(d) == d {
			break
		}
		made = append([]string{d}, made...)
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		removeEmpty(made)
		return nil, causeOf(err)
	}
	return made, nil
}

// removeEmpty removes the folders that makeFolders made, unless something is in
// them by now.
func removeEmpty(made []string) {
	for _, d := range slices.Backward(made) {
		if os.Remove(d) != nil {
			return
		}
	}
}

// causeOf is the cause of an error, without the operation and the path that failed.
func causeOf(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// replaceable follows a symbolic link and makes sure that what is in the place
// of a result folder may be replaced.
func replaceable(dir string) (string, error) {
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	dir = filepath.Clean(dir)
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return dir, nil
	case err != nil:
		return "", notFolder(dir, err)
	case len(entries) == 0:
		return dir, nil
	}
	if _, err := os.Lstat(filepath.Join(dir, ResultName)); err != nil {
		return "", fmt.Errorf("%s holds files but no %s: it is no result folder and is left alone; choose another place, or empty it", dir, ResultName)
	}
	return dir, nil
}

// notFolder says why a folder cannot be read: where a file stands in its place, or
// in that of a folder above it, which file that is.
func notFolder(dir string, err error) error {
	for d := dir; ; d = filepath.Dir(d) {
		if info, err := os.Stat(d); err == nil && !info.IsDir() {
			return fmt.Errorf("%s is a file, not a folder", d)
		}
		if filepath.Dir(d) == d {
			return fmt.Errorf("cannot read folder %s: %w", dir, causeOf(err))
		}
	}
}

// CheckFolder tells beforehand whether WriteFolder could write a result folder: it
// may not replace what is no result, and the nearest folder above that exists has
// to take new ones.
func CheckFolder(dir string) error {
	dir, err := replaceable(dir)
	if err != nil {
		return err
	}
	above := filepath.Dir(dir)
	for {
		info, err := os.Stat(above)
		switch {
		case err == nil && !info.IsDir():
			return fmt.Errorf("%s is a file, not a folder", above)
		case err == nil:
			probe, err := os.MkdirTemp(above, ".probe-")
			if err != nil {
				return fmt.Errorf("cannot write to folder %s: %w", above, causeOf(err))
			}
			return os.Remove(probe)
		case filepath.Dir(above) == above:
			return err
		}
		above = filepath.Dir(above)
	}
}

// replace puts a fresh folder into the place of dir. Should the second of the two
// renamings fail, the first is undone.
func replace(dir, fresh string, files []File) error {
	err := os.Rename(fresh, dir)
	if err == nil { // nothing was there, or an empty folder
		return nil
	}
	if _, there := os.Lstat(dir); there != nil {
		return err
	}
	old, err := besides(dir, "old", func(name string) error {
		if _, err := os.Lstat(name); err == nil {
			return fs.ErrExist
		}
		return os.Rename(dir, name)
	})
	if err != nil {
		return err
	}
	if err := os.Rename(fresh, dir); err != nil {
		return errors.Join(err, os.Rename(old, dir))
	}
	return keepForeign(old, dir, files)
}

// keepForeign moves what does not belong to a result from an old folder into the
// new one and removes the rest.
func keepForeign(old, dir string, files []File) error {
	entries, err := os.ReadDir(old)
	if err != nil {
		return err
	}
	ours := generated()
	for _, f := range files {
		ours = append(ours, f.Name)
	}
	for _, e := range entries {
		if slices.Contains(ours, e.Name()) {
			continue
		}
		if err := os.Rename(filepath.Join(old, e.Name()), filepath.Join(dir, e.Name())); err != nil {
			return err // the old folder stays: it holds someone's file
		}
	}
	return os.RemoveAll(old)
}

// CheckFile tells beforehand whether WriteFile could write a file.
func CheckFile(name string) error {
	tmp, err := besides(name, "probe", func(tmp string) error { return os.Mkdir(tmp, 0o777) })
	if err == nil {
		err = errors.Join(notInTheWay(name), os.Remove(tmp))
	}
	return unwritten(name, err)
}

// WriteFile writes a file so that it appears complete or not at all, replacing
// an older one.
func WriteFile(name string, write func(io.Writer) error) error {
	tmp, err := besides(name, "new", func(tmp string) error {
		f, err := os.OpenFile(tmp, os.O_CREATE|os.O_EXCL, 0o666)
		if err != nil {
			return err
		}
		return f.Close()
	})
	if err != nil {
		return unwritten(name, err)
	}
	err = writeFile(tmp, write)
	if err == nil {
		err = notInTheWay(name)
	}
	if err == nil {
		err = os.Rename(tmp, name)
	}
	if err != nil {
		return unwritten(name, errors.Join(err, os.Remove(tmp)))
	}
	return nil
}

// notInTheWay makes sure that a name is not that of a folder.
func notInTheWay(name string) error {
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		return errors.New("it is a folder")
	}
	return nil
}

// unwritten says of which file an error is, if it is one.
func unwritten(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("cannot write %s: %w", name, causeOf(err))
}

func writeFile(name string, write func(io.Writer) error) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o666)
	if err != nil {
		return err
	}
	b := bufio.NewWriterSize(f, 1<<16)
	err = write(b)
	if err == nil {
		err = b.Flush()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return causeOf(err)
	}
	return nil
}

// besides finds a hidden name in the same folder that is not taken yet and makes
// something of that name.
func besides(name, what string, make func(string) error) (string, error) {
	dir, base := filepath.Split(name)
	for i := 0; ; i++ {
		candidate := filepath.Join(dir, fmt.Sprintf(".%s.%s-%d-%d", base, what, os.Getpid(), i))
		err := make(candidate)
		if err == nil {
			return candidate, nil
		}
		if !errors.Is(err, fs.ErrExist) || i > 100 {
			return "", causeOf(err)
		}
	}
}
