package hardware

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"streamdse/internal/diag"
)

// Load reads an accelerator file and the core files that it names. The error is
// a diag.List.
//
// A core file that is named by a bare file name is looked for in the folder
// cores/ next to the accelerator file, in the accelerator's folder, and then in
// folders hardware/ that contain the accelerator or are beside the folders above
// it, up to three of them. A path with folders is taken relative to the accelerator file; if
// nothing is there, the path and its tails are tried from each folder above the
// accelerator file, so that paths from the root of another checkout are found.
func Load(path string) (*Accelerator, error) {
	acc, _, err := LoadFiles(path)
	return acc, err
}

// LoadFiles is Load that also returns the text of every file read: the
// accelerator's under path, the core files' under the names that it calls them by.
func LoadFiles(path string) (*Accelerator, map[string]string, error) {
	data, err := readFile(path, "accelerator file")
	if err != nil {
		return nil, nil, err
	}
	files := map[string]string{path: string(data)}
	acc, err := Parse(path, data, func(file string) (string, []byte, error) {
		found, tried := findCore(path, file)
		if found == "" {
			return "", nil, fmt.Errorf("there is no core file %q; looked for %s", file, strings.Join(tried, ", "))
		}
		data, err := os.ReadFile(found)
		if err != nil {
			var p *fs.PathError
			if errors.As(err, &p) {
				err = fmt.Errorf("cannot read the core file %s: %w", found, p.Err)
			}
			return "", nil, err
		}
		files[file] = string(data)
		return found, data, nil
	})
	return acc, files, err
}

// LoadCore reads the file of a single core. The error is a diag.List.
func LoadCore(path string) (*Core, error) {
	data, err := readFile(path, "core file")
	if err != nil {
		return nil, err
	}
	return ParseCore(path, data)
}

func readFile(path, what string) ([]byte, error) {
	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, diag.List{{File: path, Message: fmt.Sprintf("there is no such %s", what)}}
	case err != nil:
		var p *fs.PathError
		if errors.As(err, &p) {
			err = p.Err
		}
		return nil, diag.List{{File: path, Message: fmt.Sprintf("cannot read the %s: %v", what, err)}}
	}
	return data, nil
}

// maxVisited bounds the search for a core file in folders hardware/.
const maxVisited = 10000

// findCore returns the path of a core file, or "" and what was tried. A file is looked
// for
//
//  1. in the folder cores/ beside the accelerator, if it is named without a folder;
//  2. beside the accelerator;
//  3. if it is named with folders, in the folders above the accelerator, with fewer and
//     fewer of its own;
//  4. if it is named without, in and below the folder hardware/ that the accelerator is
//     in or that is beside it, and then in those of the three folders above, where
//     published accelerators have it: in each folder its own hardware/ and then, by
//     name, those of the folders in it.
//
// The first one found counts.
func findCore(accelerator, file string) (found string, tried []string) {
	try := func(p string) bool {
		p = filepath.Clean(p)
		if isRegular(p) {
			found = p
			return true
		}
		tried = append(tried, p)
		return false
	}
	file = filepath.FromSlash(file)
	if filepath.IsAbs(file) {
		try(file)
		return found, tried
	}
	dir := filepath.Dir(accelerator)
	base := filepath.Base(file)
	if base == file && try(filepath.Join(dir, "cores", file)) {
		return found, nil
	}
	if try(filepath.Join(dir, file)) {
		return found, nil
	}
	above := ancestors(dir)
	if base != file {
		places := tails(above, file)
		if i := slices.IndexFunc(places, isRegular); i >= 0 {
			return places[i], nil
		}
		return "", append(tried, fmt.Sprintf("its tails in the folders above %s", dir))
	}
	visited := 0
	within := func(root string) bool {
		_ = filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
			if visited++; visited > maxVisited {
				return fs.SkipAll
			}
			if err == nil && d.Type().IsRegular() && d.Name() == base {
				found = p
				return fs.SkipAll
			}
			return nil
		})
		tried = append(tried, filepath.Join(root, "**", base))
		return found != ""
	}
	var searched []string
	for i, d := range above {
		if i == 4 {
			break
		}
		roots, _ := filepath.Glob(filepath.Join(d, "*", "hardware"))
		roots = append([]string{filepath.Join(d, "hardware")}, roots...)
		if filepath.Base(d) == "hardware" {
			roots = []string{d}
		}
		for _, root := range roots {
			if info, err := os.Stat(root); err != nil || !info.IsDir() || slices.Contains(searched, root) {
				continue
			}
			searched = append(searched, root)
			if within(root) {
				return found, nil
			}
		}
	}
	return "", tried
}

func isRegular(file string) bool {
	info, err := os.Stat(file)
	return err == nil && info.Mode().IsRegular()
}

// tails are the places where a file that is named with folders may be in others, with
// fewer and fewer of its own.
func tails(folders []string, file string) []string {
	var places []string
	parts := strings.Split(filepath.Clean(file), string(filepath.Separator))
	for i := range parts[:len(parts)-1] {
		for _, d := range folders {
			places = append(places, filepath.Join(append([]string{d}, parts[i:]...)...))
		}
	}
	return places
}

// ancestors are the folder and all folders above it, nearest first.
func ancestors(dir string) []string {
	abs, err := filepath.Abs(dir)
	if err != nil {
		abs = dir
	}
	var list []string
	for {
		list = append(list, abs)
		parent := filepath.Dir(abs)
		if parent == abs {
			return list
		}
		abs = parent
	}
}
