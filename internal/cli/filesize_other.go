//go:build !unix

package cli

// reportFileSize does nothing where files have no limit that signals.
func reportFileSize() {}
