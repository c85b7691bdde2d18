package models

import (
	"runtime"

	"golang.org/x/sync/errgroup"
)

// someSamples are as many as one call of sideways takes at a time.
const someSamples = 1 << 14

// inParts calls do for n samples, a part from one number up to another at a time, parts side by
// side; it returns after the last.
func inParts(n int, do func(part, from, to int)) {
	sideways(partsOf(n), func(part int) { do(part, part*someSamples, min((part+1)*someSamples, n)) })
}

// partsOf is in how many parts n samples are taken.
func partsOf(n int) int { return (n + someSamples - 1) / someSamples }

// sideways calls do for 0 to n−1, some side by side. What one call writes, no other may touch:
// the result does not depend on the number of processors.
func sideways(n int, do func(int)) {
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i := range n {
		g.Go(func() error { do(i); return nil })
	}
	_ = g.Wait() // no call fails
}
