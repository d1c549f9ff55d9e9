package report

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// FileDifferences compares files in a result folder with what follows from the
// result: its tables and the others that are given. It returns the first line in
// which each differs. Every run writes them: one that is missing differs too.
func FileDifferences(dir string, d *Data, others ...File) ([]Difference, error) {
	var list []Difference
	for _, file := range append(Tables(d, CSV), others...) {
		f, err := os.Open(filepath.Join(dir, file.Name))
		if errors.Is(err, fs.ErrNotExist) {
			list = append(list, Difference{file.Name, missing, "written by every run"})
			continue
		}
		if err != nil {
			return nil, err
		}
		saved := &savedLines{in: bufio.NewReader(f), table: filepath.Ext(file.Name) == "."+string(CSV)}
		err = file.Write(saved)
		if err == nil {
			err = saved.end()
		}
		f.Close()
		var other *otherLine
		switch {
		case errors.As(err, &other):
			list = append(list, other.difference(file.Name))
		case err != nil:
			return nil, err
		}
	}
	return list, nil
}

// savedLines is a writer that compares what it is given with a file, line by line,
// so that neither has to be in memory as a whole.
type savedLines struct {
	in      *bufio.Reader
	table   bool // its first line names its columns
	number  int
	heading string
	derived []byte // a line that is not complete yet
}

// otherLine is the first line of a file that is not as it should be.
type otherLine struct {
	number                  int
	heading, saved, derived string
}

// difference names the column in which the lines differ, if they have as many.
func (e *otherLine) difference(table string) Difference {
	place := fmt.Sprintf("%s:%d", table, e.number)
	var fields [3][]string
	for i, line := range []string{e.heading, e.saved, e.derived} {
		fields[i], _ = csv.NewReader(strings.NewReader(line)).Read() // what is not CSV is shown as it is
	}
	if columns := len(fields[0]); len(fields[1]) == columns && len(fields[2]) == columns {
		for i, name := range fields[0] {
			if fields[1][i] != fields[2][i] {
				return Difference{place + ": " + name, fields[1][i], fields[2][i]}
			}
		}
	}
	return Difference{place, short(e.saved), short(e.derived)}
}

func (e *otherLine) Error() string { return fmt.Sprintf("line %d differs", e.number) }

func (s *savedLines) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		line, after, whole := bytes.Cut(rest, []byte("\n"))
		s.derived, rest = append(s.derived, line...), after
		if !whole {
			break
		}
		if err := s.compare(); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

func (s *savedLines) compare() error {
	s.number++
	saved, err := s.in.ReadBytes('\n')
	if err != nil && err != io.EOF {
		return err
	}
	text := bytes.TrimRight(saved, "\r\n")
	if err == io.EOF && len(text) == 0 {
		return &otherLine{s.number, s.heading, "nothing", string(s.derived)}
	}
	if !bytes.Equal(text, s.derived) {
		return &otherLine{s.number, s.heading, string(text), string(s.derived)}
	}
	if s.number == 1 && s.table {
		s.heading = string(s.derived)
	}
	s.derived = s.derived[:0]
	return nil
}

// end compares what is left of the file: nothing should be.
func (s *savedLines) end() error {
	saved, err := s.in.ReadBytes('\n')
	if err != nil && err != io.EOF {
		return err
	}
	if text := bytes.TrimRight(saved, "\r\n"); len(text) > 0 {
		return &otherLine{s.number + 1, s.heading, string(text), "nothing"}
	}
	return nil
}
