// Package zoo builds known networks as ONNX models with shapes and without
// weights, so that a run needs no file.
package zoo

import (
	"slices"
	"strings"

	"streamdse/internal/diag"
	"streamdse/internal/onnx"
)

// networks lists the networks by name; nothing writes to it.
var networks = map[string]func(*builder){
	"resnet18": resNet18,
}

// Names lists the built-in networks.
func Names() []string {
	names := make([]string, 0, len(networks))
	for name := range networks {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Model builds the network of the given name: batch size 1, the input size that
// it was published with, a shape for every tensor.
func Model(name string) (*onnx.Model, error) {
	build, ok := networks[name]
	if !ok {
		return nil, diag.One("there is no built-in workload "+name, strings.Join(Names(), ", "), "")
	}
	b := newBuilder(name)
	build(b)
	return b.model()
}

// Export is the network of the given name as an ONNX file.
func Export(name string) ([]byte, error) {
	m, err := Model(name)
	if err != nil {
		return nil, err
	}
	return onnx.Write(m), nil
}
