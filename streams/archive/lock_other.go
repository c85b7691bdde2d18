//go:build !unix

package archive

import "os"

// lockFile does nothing where flock is missing: there the operator must take care.
func lockFile(*os.File) error { return nil }
