package flatwatt

import "math"

// quarters are the quarter hours of a day.
const quarters = 96

// A Tariff is a time-of-use table: the price by the quarter hour of the local day, in any
// unit, since only ratios count.
type Tariff [quarters]float32

// Tariffs are tables by name, as meters name them in Meter.Tariff.
type Tariffs map[string]*Tariff

// Relative is the mean price over length hours from the local hour first on, less that of
// the whole day, as a share of the latter: −0.4 is 40 % cheaper. NaN for a free day.
func (t *Tariff) Relative(first, length int) float64 {
	in, all := 0.0, 0.0
	for q, v := range t {
		all += float64(v)
		if (q/4-first+24)%24 < length {
			in += float64(v)
		}
	}
	if all <= 0 || length <= 0 {
		return math.NaN()
	}
	return in/float64(4*length)/(all/quarters) - 1
}

// Boundary is how many hours lie between the local hour at, 0 to 24, and the nearest change
// of price; NaN where the price never changes.
func (t *Tariff) Boundary(at float64) float64 {
	best := math.NaN()
	for q, v := range t {
		if v == t[(q+quarters-1)%quarters] {
			continue
		}
		d := math.Abs(math.Mod(math.Abs(at-float64(q)/4), 24))
		if d = min(d, 24-d); !(d >= best) {
			best = d
		}
	}
	return best
}
