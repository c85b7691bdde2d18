package simulate

import (
	"math"

	"github.com/flatwatt/flatwatt"
)

// Scaled is a copy of s and its meter with every energy times factor, counted in the
// resolution that s shows: the same place, larger or smaller. Voltage and quality are
// shared with s. factor is positive.
func Scaled(s flatwatt.Series, m flatwatt.Meter, factor float64) (flatwatt.Series, flatwatt.Meter) {
	s.Energy, s.Reactive = scaledRegister(s.Energy, factor), scaledRegister(s.Reactive, factor)
	m.Contracted *= flatwatt.KW(factor)
	return s, m
}

func scaledRegister(x []float64, factor float64) []float64 {
	if x == nil {
		return nil
	}
	y, shown := make([]float64, len(x)), newCounter(x)
	for i, v := range x {
		y[i] = shown.count(v * factor)
	}
	return y
}

// A counter shows energy in the resolution of a register, and carries what is below it on
// to the next interval, as a register does.
type counter struct{ resolution, decimals, rest float64 }

// newCounter is the counter of the register that x was read from.
func newCounter(x []float64) counter {
	r := resolutionOf(x)
	return counter{resolution: r, decimals: decimalsOf(r)}
}

// count is what the register shows of v; NaN stays.
func (c *counter) count(v float64) float64 {
	if c.resolution <= 0 || v != v {
		return v
	}
	want := v + c.rest
	v = math.Round(math.Round(want/c.resolution)*c.resolution*c.decimals) / c.decimals
	c.rest = want - v
	return v
}
