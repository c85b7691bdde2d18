package simulate

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/flatwatt/flatwatt"
)

// clean is a fleet of one use without miners, changes, faults or rounding, every
// register metered: what is left is the physics of that use.
func clean(use string, meters, days int) Config {
	c := DefaultConfig()
	c.Meters, c.Days = meters, days
	c.Shares = map[string]float64{use: 1}
	c.Miners.Share, c.Changes.Share, c.Faults, c.PVShare, c.Misregistered = 0, 0, FaultConfig{}, 0, 0
	c.Metering = MeteringConfig{ReactiveShare: 1, VoltageShare: 1, CTFromKW: 1e9}
	c.Grid.Meters = false
	return c
}

func fleet(t testing.TB, c Config) *Generator {
	t.Helper()
	g, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// blank is a canvas with the weather of c's first region and steady voltage.
func blankCanvas(t testing.TB, c Config) (*Generator, *canvas) {
	g := fleet(t, c)
	x := newCanvas(g.cal.n)
	x.reset()
	x.outdoors(g.regions[0], g.cal)
	return g, x
}

func rng(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 42)) }

func mean(x []float64) float64 { return sum(x) / float64(len(x)) }

func sd(x []float64) float64 {
	m, s := mean(x), 0.0
	for _, v := range x {
		s += (v - m) * (v - m)
	}
	return math.Sqrt(s / float64(len(x)))
}

// slope is the least-squares slope of y on x.
func slope(x, y []float64) float64 {
	mx, my, sxy, sxx := mean(x), mean(y), 0.0, 0.0
	for i := range x {
		sxy += (x[i] - mx) * (y[i] - my)
		sxx += (x[i] - mx) * (x[i] - mx)
	}
	return sxy / sxx
}

// daily means of x.
func daily(x []float64, perDay int) (y []float64) {
	for i := 0; i+perDay <= len(x); i += perDay {
		y = append(y, mean(x[i:i+perDay]))
	}
	return y
}

func same(a, b flatwatt.Series) bool {
	return a.Meter == b.Meter && a.Start.Equal(b.Start) && a.Interval == b.Interval && sameColumn(a.Energy, b.Energy) &&
		sameColumn(a.Reactive, b.Reactive) && sameColumn(a.Voltage, b.Voltage) && string(qualities(a)) == string(qualities(b))
}

func qualities(s flatwatt.Series) (b []byte) {
	for _, q := range s.Quality {
		b = append(b, byte(q))
	}
	return b
}

func sameColumn(a, b []float64) bool {
	if len(a) != len(b) || (a == nil) != (b == nil) {
		return false
	}
	for i := range a {
		if math.Float64bits(a[i]) != math.Float64bits(b[i]) && (a[i] == a[i] || b[i] == b[i]) {
			return false
		}
	}
	return true
}
