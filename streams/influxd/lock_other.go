//go:build !unix

package influxd

import (
	"io"
	"os"
)

// lockFile keeps the file open, which is as much as this system's standard library
// offers: two processes in one directory are not noticed.
func lockFile(path string) (io.Closer, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
}
