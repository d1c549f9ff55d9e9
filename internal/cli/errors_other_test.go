//go:build !unix

package cli

import "errors"

const fileSizeLimited = false

func asNobody() error { return errors.New("not here") }

func limitFileSize() error { return errors.New("not here") }
