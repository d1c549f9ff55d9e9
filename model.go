package stream

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"streamdse/internal/diag"
	"streamdse/internal/onnx"
	"streamdse/unit"
	workloadzoo "streamdse/workload/zoo"
)

// Precision is the number of bits of an element of each kind of tensor; 0 leaves
// what the model says.
type Precision = onnx.Precision

// ModelOptions say how an ONNX model is read.
type ModelOptions struct {
	// Dims are the sizes of named dimensions that the model leaves open.
	Dims map[string]int64
	// Precision overrides that of the model, LayerPrecision that of layers by name.
	Precision      Precision
	LayerPrecision map[string]Precision
	// IgnoreUnknown passes data through operators that are not supported.
	IgnoreUnknown bool
}

// UnknownOps are the choices of what to do with operators that are not supported.
func UnknownOps() []string { return []string{"error", "ignore"} }

// ParseModelOptions reads options in the form in which users write them: dims such
// as "batch=1", precisions such as "activations=8,weights=4,psum=24" or, for one
// layer, "conv1:weights=4", and one of UnknownOps. The error is a diag.List.
func ParseModelOptions(dims, precisions []string, unknownOp string) (ModelOptions, error) {
	o := ModelOptions{IgnoreUnknown: unknownOp == "ignore"}
	var problems diag.List
	for _, text := range dims {
		i := strings.LastIndex(text, "=")
		size, err := strconv.ParseInt(text[i+1:], 10, 32)
		if i < 1 || err != nil || size < 0 {
			problems.Add(diag.Problem{Message: fmt.Sprintf("--dim %q is not the size of a dimension", text), Allowed: "a name and a number, such as batch=1; 0 for a cache without positions"})
			continue
		}
		if o.Dims == nil {
			o.Dims = map[string]int64{}
		}
		o.Dims[text[:i]] = size
	}
	for _, text := range precisions {
		layer, list := "", text
		if i := strings.LastIndex(text, ":"); i >= 0 {
			layer, list = text[:i], text[i+1:]
		}
		p := &o.Precision
		var own Precision
		if layer != "" {
			own = o.LayerPrecision[layer]
			p = &own
		}
		if err := parsePrecision(list, p); err != nil {
			problems.Add(diag.Problem{Message: fmt.Sprintf("--precision %q: %v", text, err),
				Allowed: "bits of activations, weights and psum, such as activations=8,weights=4,psum=24, or conv1:weights=4 for one layer"})
		}
		if layer != "" {
			if o.LayerPrecision == nil {
				o.LayerPrecision = map[string]Precision{}
			}
			o.LayerPrecision[layer] = own
		}
	}
	if unknownOp != "error" && unknownOp != "ignore" {
		problems.Add(diag.Problem{Message: fmt.Sprintf("--unknown-op %q is not known", unknownOp), Allowed: strings.Join(UnknownOps(), ", "),
			Hint: diag.DidYouMean(unknownOp, UnknownOps())})
	}
	return o, problems.Err()
}

func parsePrecision(list string, p *Precision) error {
	for _, item := range strings.Split(list, ",") {
		key, value, ok := strings.Cut(item, "=")
		bits, err := strconv.Atoi(value)
		if !ok || err != nil || bits < 1 || bits > 1024 {
			return fmt.Errorf("%q is no kind of tensor with its bits, 1 to 1024", item)
		}
		switch key {
		case "activations":
			p.Activation = unit.Bits(bits)
		case "weights":
			p.Weight = unit.Bits(bits)
		case "psum":
			p.Partial = unit.Bits(bits)
		default:
			return fmt.Errorf("%q is not a kind of tensor", key)
		}
	}
	return nil
}

// given tells whether any option is not the default.
func (o ModelOptions) given() bool {
	return len(o.Dims) > 0 || o.Precision != Precision{} || len(o.LayerPrecision) > 0 || o.IgnoreUnknown
}

// notForYAML refuses options of ONNX models for a workload that says all itself.
func (o ModelOptions) notForYAML(file string) error {
	if !o.given() {
		return nil
	}
	return diag.List{{File: file, Message: "named dimensions, precisions and operators that are not known belong to ONNX models: a YAML workload says its own",
		Hint: "leave out --dim, --precision and --unknown-op"}}
}

// InferShapes writes a copy of an ONNX model, a file or a built-in, with the shapes
// of all its values. The copy appears as a whole or not at all. It returns notes on
// what was assumed.
func InferShapes(model, to string, o ModelOptions) (notes []string, err error) {
	infer := func(data []byte) error {
		m, err := onnx.Read(model, data)
		if err != nil {
			return err
		}
		var inferred *onnx.Model
		if inferred, notes, err = (onnx.Options{Dims: o.Dims, IgnoreUnknown: o.IgnoreUnknown}).Infer(m); err != nil {
			return err
		}
		return writeWhole(to, func(w io.Writer) error { return onnx.Annotate(w, data, inferred) })
	}
	switch {
	case isFile(model, ".onnx"):
		err = mistaken(onnx.WithFile(model, infer), model, aWorkload, anONNXModel)
	case !workloadzoo.Has(model):
		err = unknownBuiltin("workload", model, WorkloadNames(), ".onnx")
	default:
		var data []byte
		if data, err = workloadzoo.Export(model); err == nil {
			err = infer(data)
		}
	}
	return notes, err
}

// writeWhole writes a file under another name first.
func writeWhole(path string, write func(io.Writer) error) error {
	fail := func(err error) error {
		var pe *os.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG) {
			return fmt.Errorf("%s: nothing was written: %w", path, err) // no fault of the input
		}
		return diag.List{{File: path, Message: "the result cannot be written: " + err.Error(), Hint: "name another file"}}
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return fail(errors.New("it is a folder"))
	} else if err == nil && !info.Mode().IsRegular() {
		return fail(errors.New("it is no ordinary file"))
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".stream-*")
	if err != nil {
		return fail(err)
	}
	defer os.Remove(f.Name())
	w := bufio.NewWriterSize(f, 1<<16)
	err = write(w)
	if err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = f.Chmod(0o644)
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fail(err)
	}
	return nil
}
