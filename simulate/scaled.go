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

// scaledRegister carries what is below the resolution on to the next interval, as a
// register does.
func scaledRegister(x []float64, factor float64) []float64 {
	if x == nil {
		return nil
	}
	y, resolution := make([]float64, len(x)), resolutionOf(x)
	decimals, rest := decimalsOf(resolution), 0.0
	for i, v := range x {
		y[i] = v * factor
		if resolution > 0 && v == v {
			want := y[i] + rest
			y[i] = math.Round(math.Round(want/resolution)*resolution*decimals) / decimals
			rest = want - y[i]
		}
	}
	return y
}
