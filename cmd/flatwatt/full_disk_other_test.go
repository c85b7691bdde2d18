//go:build !linux

package main

// tinyDisk: see full_disk_test.go, which runs on Linux only.
func tinyDisk() {}
