// Command stream explores neural networks on multi-core dataflow accelerators.
package main

import (
	"os"

	"streamdse/internal/cli"
)

func main() { os.Exit(cli.Run(os.Args[1:], os.Stdout, os.Stderr)) }
