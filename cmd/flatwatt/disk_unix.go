//go:build unix

package main

import "syscall"

// freeBytes is what this user may still write in dir.
func freeBytes(dir string) (n int64, ok bool) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, false
	}
	return int64(s.Bavail) * int64(s.Bsize), true //nolint:unconvert // types differ by system
}
