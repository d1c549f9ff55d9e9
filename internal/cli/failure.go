package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	stream "streamdse"
	"streamdse/internal/diag"
	"streamdse/schedule"
)

// unanswered says why a mode has no result.
type unanswered struct {
	mode   stream.Mode
	reason error
}

func (e *unanswered) Error() string { return fmt.Sprintf("%s: %v", e.mode, e.reason) }
func (e *unanswered) Unwrap() error { return e.reason }

// noAnswer is the error of a mode that has no result.
func noAnswer(mode stream.Mode, err error) error { return &unanswered{mode, err} }

// failure is an error that no input is to blame for, with what can be done about it.
func failure(err error) diag.Problem {
	p := diag.Problem{Message: err.Error()}
	var path *fs.PathError
	var none *unanswered
	var violation *schedule.Violation // a defect of the program
	var infeasible *schedule.Infeasible
	switch {
	case errors.As(err, &path) && path.Path == os.Stdout.Name():
		p.Message = "cannot write to standard output: " + path.Err.Error()
		p.Hint = "what was printed is not complete"
	case errors.As(err, &none) && errors.As(err, &infeasible) && infeasible.Lack == schedule.LackOfPath:
		p.Hint = "join the two cores, or others on the way, in the accelerator's `core_connectivity`, or let the mapping allow other cores"
	case errors.As(err, &none) && !errors.As(err, &violation):
		p.Hint = "allow other cores in the mapping, cut layers smaller with --split or --tile, or give the memory more room"
	}
	if errors.Is(err, fs.ErrPermission) {
		p.Hint = "make the folder writable, or work on a copy of it"
	}
	if full(err) {
		p.Hint = "make room there, or choose another place"
	}
	return p
}

// full tells whether an error means that a disk, or what the user may have of it, is full.
func full(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG)
}

// unwritable is the error of writing to a place that a flag names. A full disk is a
// failure; that nothing can be written to the place at all is bad input.
func unwritable(flag string, err error) error {
	if full(err) {
		return err
	}
	return diag.List{{Message: fmt.Sprintf("--%s: %v", flag, err), Hint: "choose another place with --" + flag}}
}
