//go:build unix

package cli

import (
	"os/signal"
	"syscall"
)

// reportFileSize makes a file that exceeds the limit on its size an error of the
// write, as on a full disk, rather than the end of the program.
func reportFileSize() { signal.Ignore(syscall.SIGXFSZ) }
