package report

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
)

// A Parquet file holds what the CSV file of the same table does: it is read back
// without knowledge of its rows, by its own columns.
func TestParquet(t *testing.T) {
	for _, d := range []*Data{small(), network(7, 5000)} {
		texts, binaries := Tables(d, CSV), Tables(d, Parquet)
		for i := range texts {
			var text, binary, again bytes.Buffer
			for _, write := range []error{texts[i].Write(&text), binaries[i].Write(&binary), binaries[i].Write(&again)} {
				if write != nil {
					t.Fatal(write)
				}
			}
			if !bytes.Equal(binary.Bytes(), again.Bytes()) {
				t.Errorf("%s differs from one writing to the next", binaries[i].Name)
			}
			want, err := csv.NewReader(&text).ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, readParquet(t, binary.Bytes())); diff != "" {
				t.Errorf("%s is not %s (-csv +parquet):\n%s", binaries[i].Name, texts[i].Name, diff)
			}
		}
	}
}

// readParquet renders a Parquet file as the lines of a CSV file.
func readParquet(t *testing.T, file []byte) [][]string {
	t.Helper()
	f, err := parquet.OpenFile(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	var head []string
	for _, field := range f.Schema().Fields() {
		head = append(head, field.Name())
	}
	lines := [][]string{head}
	for _, group := range f.RowGroups() {
		rows := group.Rows()
		for buf := make([]parquet.Row, 100); ; {
			n, err := rows.ReadRows(buf)
			for _, row := range buf[:n] {
				line := make([]string, len(row))
				for _, v := range row {
					line[v.Column()] = parquetCell(v)
				}
				lines = append(lines, line)
			}
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return lines
}

func parquetCell(v parquet.Value) string {
	switch v.Kind() {
	case parquet.Double:
		return exactDigits(v.Double())
	case parquet.Boolean:
		return fmt.Sprint(v.Boolean())
	case parquet.Int32, parquet.Int64:
		return fmt.Sprint(v.Int64())
	}
	if v.IsNull() {
		return ""
	}
	return string(v.ByteArray())
}

// exactDigits writes a number with as few digits as identify it.
func exactDigits(x float64) string {
	for digits := 0; ; digits++ {
		s := fmt.Sprintf("%.*f", digits, x)
		var back float64
		if _, err := fmt.Sscan(s, &back); err == nil && back == x {
			return s
		}
	}
}

// The energies of all layers together are the energy of the result, and the parts of
// a layer's time are its time.
func TestLayers(t *testing.T) {
	d := small()
	var total float64
	for r := range layerRows(d) {
		total += float64(r.Energy)
		if parts := r.Compute + r.Stall + r.Load + r.Store + float64(r.Stretch); math.Abs(parts-float64(r.Busy)) > 1 {
			t.Errorf("%s: the parts of %d cycles add up to %v", r.Layer, r.Busy, parts)
		}
	}
	if want := float64(d.Schedule.Energy.Total()); math.Abs(total-want) > 1e-9*want {
		t.Errorf("the layers take %v pJ, the result %v", total, want)
	}
}
