//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package onnx

// mapFile reads a file where it cannot be mapped.
func mapFile(path string) (data []byte, release func(), err error) { return readFile(path) }
