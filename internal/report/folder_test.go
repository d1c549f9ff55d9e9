package report

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func text(name, content string) File {
	return File{name, func(w io.Writer) error { _, err := io.WriteString(w, content); return err }}
}

// tree lists every file below a folder with its content, hidden ones included.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	got := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if e.IsDir() {
			if strings.HasPrefix(e.Name(), ".") && path != dir {
				got[name] = "folder left behind"
			}
			return nil
		}
		b, err := os.ReadFile(path)
		got[name] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func wantTree(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	if diff := cmp.Diff(want, tree(t, dir)); diff != "" {
		t.Errorf("files (-want +got)\n%s", diff)
	}
}

func TestWriteFolder(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "outputs", "run")
	ctx := context.Background()
	if err := WriteFolder(ctx, dir, []File{text(ResultName, "1"), text("schedule.png", "p"), text("extra.txt", "x")}); err != nil {
		t.Fatal(err)
	}
	wantTree(t, root, map[string]string{"outputs/run/result.json": "1", "outputs/run/schedule.png": "p", "outputs/run/extra.txt": "x"})

	// A second result replaces the first, pictures included; a note of the user's stays.
	if err := os.WriteFile(filepath.Join(dir, "note.txt"), []byte("mine"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := WriteFolder(ctx, dir, []File{text(ResultName, "2"), text("extra.txt", "y")}); err != nil {
		t.Fatal(err)
	}
	second := map[string]string{"outputs/run/result.json": "2", "outputs/run/extra.txt": "y", "outputs/run/note.txt": "mine"}
	wantTree(t, root, second)

	// An error in the middle leaves everything as it was.
	broken := errors.New("broken")
	bad := File{"schedule.csv", func(w io.Writer) error {
		if _, err := io.WriteString(w, "half"); err != nil {
			return err
		}
		return broken
	}}
	if err := WriteFolder(ctx, dir, []File{text(ResultName, "3"), bad}); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	wantTree(t, root, second)
	if err := WriteFolder(ctx, filepath.Join(root, "outputs", "other"), []File{text(ResultName, "3"), bad}); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	wantTree(t, root, second)

	// So does being interrupted.
	cancelled, cancel := context.WithCancel(ctx)
	last := File{"schedule.csv", func(io.Writer) error { cancel(); return nil }}
	if err := WriteFolder(cancelled, dir, []File{text(ResultName, "4"), last}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	wantTree(t, root, second)
}

// A folder that is not a result is not replaced.
func TestWriteFolderRefuses(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "thesis.tex"), []byte("years of work"), 0o666); err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	for _, dir := range []string{root, filepath.Join(root, "thesis.tex")} {
		if err := WriteFolder(ctx, dir, []File{text(ResultName, "1")}); err == nil {
			t.Errorf("%s was replaced", dir)
		}
	}
	wantTree(t, root, map[string]string{"thesis.tex": "years of work"})
}

func TestWriteFolderThroughLink(t *testing.T) {
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "disk"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("disk", filepath.Join(root, "link")); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	for _, content := range []string{"1", "2"} {
		if err := WriteFolder(context.Background(), filepath.Join(root, "link"), []File{text(ResultName, content)}); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(root, "disk", ResultName)); err != nil || string(got) != content {
			t.Errorf("got %q, %v", got, err)
		}
	}
}

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "model.onnx")
	for _, content := range []string{"1", "22"} {
		if err := WriteFile(name, text("", content).Write); err != nil {
			t.Fatal(err)
		}
		wantTree(t, dir, map[string]string{"model.onnx": content})
	}
	broken := errors.New("broken")
	if err := WriteFile(name, func(io.Writer) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	wantTree(t, dir, map[string]string{"model.onnx": "22"})
}
