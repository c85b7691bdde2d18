//go:build !unix

package main

import (
	"runtime"
	"time"
)

var begun = time.Now()

// cpuTime is the wall's where the system does not tell.
func cpuTime() time.Duration { return time.Since(begun) }

// peakMemory is what the process has from the system now, in bytes.
func peakMemory() float64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.Sys)
}
