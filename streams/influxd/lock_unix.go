//go:build unix

package influxd

import (
	"fmt"
	"io"
	"os"
	"syscall"
)

// lockFile takes path for this process until it is closed or the process dies. The
// core itself does not notice a second process and both would spoil the files.
func lockFile(path string) (io.Closer, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("another process uses it (%w): stop that one, or choose another directory", err)
	}
	return f, nil
}
