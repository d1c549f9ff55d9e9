package report

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"iter"
	"reflect"
	"strconv"
	"strings"

	"github.com/parquet-go/parquet-go"
)

// A table of a result is a sequence of rows. A row is a struct whose fields are the
// columns, in order: a field's parquet tag names its column, in CSV files too. A
// pointer that may be nil is a value that may be missing.

// columnsOf lists the names of the columns of a row.
func columnsOf[R any]() []string {
	t := reflect.TypeFor[R]()
	names := make([]string, t.NumField())
	for i := range names {
		names[i], _, _ = strings.Cut(t.Field(i).Tag.Get("parquet"), ",")
	}
	return names
}

// writeCSV writes a heading and a line a row. Fractions have as few digits as
// identify them; what is missing is empty.
func writeCSV[R any](w io.Writer, rows iter.Seq[R]) error {
	c := csv.NewWriter(w)
	line := columnsOf[R]()
	if err := c.Write(line); err != nil {
		return err
	}
	for r := range rows {
		v := reflect.ValueOf(&r).Elem()
		for i := range line {
			line[i] = csvField(v.Field(i))
		}
		if err := c.Write(line); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

func csvField(v reflect.Value) string {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return ""
		}
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.String:
		return v.String()
	case reflect.Bool:
		return strconv.FormatBool(v.Bool())
	case reflect.Float64:
		return strconv.FormatFloat(v.Float(), 'f', -1, 64)
	}
	return strconv.FormatInt(v.Int(), 10)
}

// writeParquet writes the rows as a Parquet file, compressed with Zstandard.
func writeParquet[R any](w io.Writer, rows iter.Seq[R]) error {
	const together = 1024
	out := parquet.NewGenericWriter[R](w, parquet.Compression(&parquet.Zstd), parquet.CreatedBy("stream", "1", ""))
	some := make([]R, 0, together)
	flush := func() error {
		_, err := out.Write(some)
		some = some[:0]
		return err
	}
	for r := range rows {
		if some = append(some, r); len(some) == together {
			if err := flush(); err != nil {
				return fmt.Errorf("encoding: %w", err)
			}
		}
	}
	if err := flush(); err != nil {
		return fmt.Errorf("encoding: %w", err)
	}
	return out.Close()
}

// tableFile is a table in one of the formats.
func tableFile[R any](name string, f TableFormat, rows iter.Seq[R]) File {
	return File{name + "." + string(f), func(w io.Writer) error {
		if f == CSV {
			return writeCSV(w, rows)
		}
		b := bufio.NewWriterSize(w, 1<<16)
		if err := writeParquet(b, rows); err != nil {
			return err
		}
		return b.Flush()
	}}
}

// TableFormat is a file format of tables, named by its file name extension.
type TableFormat string

const (
	CSV     TableFormat = "csv"
	Parquet TableFormat = "parquet"
)

// Tables lists the tables of a result in a format: the computation nodes, the
// transfers, the layers, the use of the memories and the front.
func Tables(d *Data, f TableFormat) []File {
	return []File{
		tableFile(stem(tasksName), f, taskRows(d)),
		tableFile(stem(transfersName), f, transferRows(d)),
		tableFile(stem(layersName), f, layerRows(d)),
		tableFile(stem(memoryName), f, memoryRows(d)),
		tableFile(stem(frontName), f, frontRows(d)),
	}
}

func stem(name string) string { return strings.TrimSuffix(name, "."+string(CSV)) }
