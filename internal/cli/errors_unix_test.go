//go:build unix

package cli

import (
	"os"
	"syscall"
)

const fileSizeLimited = true

// asNobody gives up the rights of a superuser, whom no permission binds.
func asNobody() error {
	if os.Getuid() != 0 {
		return nil
	}
	const nobody = 65534
	if err := syscall.Setgroups(nil); err != nil {
		return err
	}
	if err := syscall.Setgid(nobody); err != nil {
		return err
	}
	return syscall.Setuid(nobody)
}

// limitFileSize stands for a full disk: no file may grow beyond some bytes.
func limitFileSize() error {
	return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 512, Max: 512})
}
