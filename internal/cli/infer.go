package cli

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	stream "streamdse"
	"streamdse/internal/diag"
)

func inferCommand() *cobra.Command {
	var output string
	var asJSON, quiet bool
	m := &modelFlags{}
	c := &cobra.Command{
		Use:   "infer MODEL",
		Short: "Write a shape-inferred copy of an ONNX model",
		Long: `Infer writes a copy of an ONNX model in which every value has a shape and a type.
All else stays as it is, weights included. Weights in files of their own stay
there: the copy finds them if it lies in the same folder as the model.`,
		Example: `  stream infer net.onnx -o net.shapes.onnx
  stream infer bert.onnx -o bert.shapes.onnx --dim batch=1 --dim sequence=128`,
		Args: func(c *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return diag.List{{Message: "no model is given", Hint: "for instance `stream infer net.onnx -o net.shapes.onnx`"}}
			case output == "":
				return diag.List{{Message: "no file for the result is given", Hint: fmt.Sprintf("for instance `stream infer %s -o shapes.onnx`", args[0])}}
			}
			return noArguments(c, args[1:])
		},
		RunE: func(c *cobra.Command, args []string) error {
			o, err := m.options()
			if err != nil {
				return err
			}
			notes, err := stream.InferShapes(args[0], output, o)
			if err != nil {
				return err
			}
			if !quiet {
				for _, n := range notes {
					fmt.Fprintln(c.ErrOrStderr(), "note: "+n)
				}
			}
			if asJSON {
				return json.NewEncoder(c.OutOrStdout()).Encode(struct {
					Schema string   `json:"schema"`
					File   string   `json:"file"`
					Notes  []string `json:"notes"`
				}{"stream/infer/v1", output, append([]string{}, notes...)})
			}
			return nil
		},
	}
	c.Flags().StringVarP(&output, "output", "o", "", "`FILE` for the result")
	c.Flags().BoolVar(&asJSON, "json", false, "print what was written as JSON")
	c.Flags().BoolVar(&quiet, "quiet", false, "no notes")
	m.registerShapes(c)
	return c
}

// modelFlags say how an ONNX model is read.
type modelFlags struct {
	dims, precisions []string
	unknownOp        string
}

func (f *modelFlags) register(c *cobra.Command) {
	f.registerShapes(c)
	c.Flags().StringArrayVar(&f.precisions, "precision", nil, "`BITS` of tensors, such as activations=8,weights=4,psum=24, or for one layer conv1:weights=4 (default: what the model says; 8, 8 and 16 for floating-point numbers); may be repeated")
}

// registerShapes adds the flags that shapes depend on.
func (f *modelFlags) registerShapes(c *cobra.Command) {
	c.Flags().StringArrayVar(&f.dims, "dim", nil, "size of a dimension that the model leaves open, as `NAME=N`; may be repeated")
	c.Flags().StringVar(&f.unknownOp, "unknown-op", "error", "operators that are not supported: error, or ignore to pass data through them where shapes allow it")
	complete(c, "unknown-op", stream.UnknownOps())
}

// saved is the choice for operators that are not supported as a result keeps it.
func (f *modelFlags) saved() string {
	if f.unknownOp == "error" {
		return ""
	}
	return f.unknownOp
}

func (f *modelFlags) options() (stream.ModelOptions, error) {
	return stream.ParseModelOptions(f.dims, f.precisions, f.unknownOp)
}
