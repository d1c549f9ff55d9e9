package page

import (
	"bytes"
	"compress/flate"
	"embed"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"strings"

	"streamdse/internal/report"
	"streamdse/taskgraph"
)

// Name is the name of the page in a result folder.
const Name = "report.html"

//go:embed assets
var assets embed.FS

// scripts are the parts of the script, in the order in which they are put together.
func scripts() []string {
	return []string{"data", "format", "lanes", "draw", "view", "details", "panel", "table", "search", "main"}
}

// header is the beginning of the block of data.
type header struct {
	EnergyParts []name `json:"energyParts"`
	TimeParts   []name `json:"timeParts"`
	Kinds       []name `json:"kinds"` // of what links carry
	Runs        []run  `json:"runs"`
}

// name is a name with the colour that stands for it.
type name struct {
	Name   string `json:"name"`
	Colour string `json:"colour"`
}

// File is the page as a file of a result folder: d, and beside it other results
// that it can be compared with.
func File(d *report.Data, others ...*report.Data) report.File {
	return report.File{Name: Name, Write: func(w io.Writer) error { return Write(w, append([]*report.Data{d}, others...)) }}
}

// Write writes the page for one or more results; the first is shown first.
func Write(w io.Writer, results []*report.Data) error {
	data, err := pack(results)
	if err != nil {
		return err
	}
	read := func(file string) string {
		b, e := assets.ReadFile("assets/" + file)
		if e != nil && err == nil {
			err = e
		}
		return string(b)
	}
	var script strings.Builder
	for _, s := range scripts() {
		script.WriteString(read("js/" + s + ".js"))
	}
	title := ""
	if len(results) > 0 {
		title = results[0].Inputs.Workload.Name + " on " + results[0].Inputs.Hardware.Name
	}
	frame := strings.NewReplacer(
		"{{title}}", html.EscapeString(title),
		"{{style}}", read("style.css"),
		"{{script}}", script.String(),
		"{{data}}", data,
	)
	if err != nil {
		return err
	}
	_, err = frame.WriteString(w, read("page.html"))
	return err
}

// pack makes the block of data of doc.go.
func pack(results []*report.Data) (string, error) {
	h := header{EnergyParts: named(report.EnergyPartNames(), 0), TimeParts: named(report.TimePartNames(), 0), Kinds: named(report.Kinds(), 0)}
	p := &packer{}
	for _, d := range results {
		h.Runs = append(h.Runs, newRun(p, d))
	}
	text, err := json.Marshal(&h)
	if err != nil {
		return "", fmt.Errorf("encoding the page's data: %w", err)
	}
	var b bytes.Buffer
	encoder := base64.NewEncoder(base64.StdEncoding, &b)
	deflate, err := flate.NewWriter(encoder, flate.DefaultCompression)
	if err != nil {
		return "", err
	}
	for _, part := range [][]byte{binary.LittleEndian.AppendUint32(nil, uint32(len(text))), text, p.bytes} {
		if _, err := deflate.Write(part); err != nil {
			return "", err
		}
	}
	if err := deflate.Close(); err != nil {
		return "", err
	}
	if err := encoder.Close(); err != nil {
		return "", err
	}
	return b.String(), nil
}

// named gives names the colours of report.PartColours from the given one on.
func named(names []string, from int) []name {
	colours := report.PartColours()
	var out []name
	for i, n := range names {
		out = append(out, name{n, hex(colours[(from+i)%len(colours)])})
	}
	return out
}

func nodeID(i int) taskgraph.NodeID { return taskgraph.NodeID(i) }
