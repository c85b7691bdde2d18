package formattest

import (
	"fmt"
	"math"
	"strings"
)

// Columns names the columns of a wide row: ",P1,P2 …".
func Columns(prefix string, n int) string {
	var s strings.Builder
	for i := range n {
		fmt.Fprintf(&s, ",%s%d", prefix, i+1)
	}
	return s.String()
}

// Points writes the points of a wide row, each after a comma: value i is f(i), empty
// where it is NaN.
func Points(n int, f func(i int) float64) string {
	var s strings.Builder
	for i := range n {
		if s.WriteByte(','); !math.IsNaN(f(i)) {
			fmt.Fprintf(&s, "%g", f(i))
		}
	}
	return s.String()
}

// Constant is v at every point.
func Constant(v float64) func(int) float64 { return func(int) float64 { return v } }
