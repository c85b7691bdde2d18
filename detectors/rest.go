package detectors

import (
	"math"
	"math/bits"

	"github.com/flatwatt/flatwatt/models"
)

// A rest is the rise of what a place draws when it rests: the lowest of its days, which
// hardly depend on how busy the days were. In a busy building the floor of an hour differs
// by more from day to day than a block is large; its nights and Sundays come back to the
// same few kilowatts, until machines run that never rest. Powers are kW.
type rest struct {
	ok     bool
	age    int     // days since the rise
	bands  int     // of its hours, of numBands
	gain   float64 // how unlikely it is by chance, nats
	rise   float64 // of the rest of its days
	level  float64 // from which it rose
	above  float64 // median of the days before above their rest …
	since  float64 // … and of the days since above theirs
	lead   float64 // change of the rest within the days before; NaN where they are few
	trend  float64 // the same since
	misfit float64 // rms difference between the rises of its bands
	mean   float64 // change of the mean demand on the days that rested
}

// restSets are the hours whose rest is looked at: all, nights, midday, all but evenings.
var restSets = [...][]int{{0, 1, 2, 3, 4, 5, 6, 7}, {0, 1}, {3, 4}, {7, 0, 1, 2, 3, 4}}

const (
	restAll = 0.7 // a rise of all hours wins over clearer ones of some
	// restQuantile of the days is their rest, once the rise has been found; unlike the lowest it
	// hardly depends on how many days there are.
	restQuantile = 0.1
)

// lowOf is the lowest level of a day in the bands of a set: the mean of the two lowest.
func lowOf(y *[numBands]float64, bands []int) float64 {
	a, b := math.Inf(1), math.Inf(1)
	for _, i := range bands {
		switch v := y[i]; {
		case v < a:
			a, b = v, a
		case v < b:
			b = v
		}
	}
	if math.IsInf(b, 1) {
		return math.NaN()
	}
	return (a + b) / 2
}

// findRest looks for the rise in the history that the scanner has loaded.
//
// Method: for every day k the level that the m days since have not fallen below (all but one
// of a week or more), and the share of the scanBefore days before that lay above it. Null
// hypothesis: the days are exchangeable, so the chance of that is about share^m, and the gain
// −m·ln share is of order 1. The k of the largest gain wins. What it gets wrong: blocks that
// pause for two days or more, and places that have rested less since for other reasons. NaN
// days are left out. Cost: some 3 µs.
func (s *scanner) findRest() (best rest) {
	set, at, most := -1, 0, 0.0
	for m := range restSets {
		k, gain := restGain(s.low[m][:s.n])
		if gain > most && (set != 0 || restAll*gain > most) {
			set, at, most = m, k, gain
		}
	}
	if set < 0 {
		return best
	}
	best.gain = most
	s.describeRest(&best, restSets[set], s.low[set][:s.n], at)
	return best
}

// restGain is the largest gain of a rise of the rest of daily lows x, and its first day. The
// days that are known, and those not below the lowest since, are kept as bits: the lowest
// changes only a few times on the way back.
func restGain(x []float64) (at int, gain float64) {
	known := daysFrom(x, math.Inf(-1))
	above, least := known, math.Inf(-1)
	a, b := math.Inf(1), math.Inf(1) // the two lowest since
	for k := len(x) - 1; k >= scanLeast; k-- {
		switch v := x[k]; {
		case v < a:
			a, b = v, a
		case v < b:
			b = v
		}
		m, low := len(x)-k, a
		if m >= 7 {
			low = b
		}
		if low != least {
			least, above = low, daysFrom(x, low)
		}
		window := uint64(1)<<k - uint64(1)<<max(0, k-scanBefore)
		if g := float64(m) * rarity[bits.OnesCount64(known&window)][bits.OnesCount64(above&window)]; g > gain {
			at, gain = k, g
		}
	}
	return at, gain
}

// daysFrom are the days of x, at most 64, on which it is at least least, as bits.
func daysFrom(x []float64, least float64) (days uint64) {
	for i, v := range x {
		var day uint64 // no branch to guess
		if v >= least {
			day = 1
		}
		days |= day << i
	}
	return days
}

// rarity is −ln of the share of a day that is above the lowest, of n known days before of which
// so many are: (above + 1)/(n + 2).
var rarity = func() (r [scanBefore + 1][scanBefore + 1]float64) {
	for n := range r {
		for above := range r[n] {
			r[n][above] = -math.Log(float64(above+1) / float64(n+2))
		}
	}
	return r
}()

// describeRest tells what the rise of the daily lows x at index k on bands looks like.
func (s *scanner) describeRest(r *rest, bands []int, x []float64, k int) {
	from := max(0, k-scanBefore)
	before, since := x[from:k], x[k:]
	r.age, r.bands = len(since), len(bands)
	r.level = s.restQuantile(before)
	top := s.restQuantile(since)
	r.rise = top - r.level
	r.above, r.since = s.median(before)-r.level, s.median(since)-top
	r.lead, r.trend = s.moved(before), s.moved(since)
	var misfit models.Mean
	for _, b := range bands {
		e := s.restOf(b, k, s.n) - s.restOf(b, from, k) - r.rise
		misfit.Add(e*e, 1)
	}
	r.misfit = math.Sqrt(misfit.Value())
	r.mean = s.restMean(x[k:], k, top+0.5*r.rise) - s.restMean(before, from, r.level+0.5*r.rise)
	r.ok = r.rise > 0.05 && r.misfit == r.misfit
}

// restOf is the rest of a band on the days from one index to another.
func (s *scanner) restOf(band, from, to int) float64 {
	n := 0
	for i := from; i < to; i++ {
		if v := s.rec[i].floor[band].Float() - s.fix[i]; v == v {
			s.buf[n] = v
			n++
		}
	}
	return lowQuantile(s.buf[:n], restQuantile)
}

// restQuantile is the rest of daily lows x.
func (s *scanner) restQuantile(x []float64) float64 { return lowQuantile(s.known(x), restQuantile) }

// moved is the change of the rest from the first half of x to the second.
func (s *scanner) moved(x []float64) float64 {
	if len(x) < 8 {
		return math.NaN()
	}
	later := s.restQuantile(x[len(x)/2:])
	return later - s.restQuantile(x[:len(x)/2])
}

// restMean is the mean demand of the days, from index from on, whose low x is below limit.
func (s *scanner) restMean(x []float64, from int, limit float64) float64 {
	var m models.Mean
	for i, v := range x {
		if v < limit {
			m.Add(s.rec[from+i].mean.Float()-s.fix[from+i], 1)
		}
	}
	return m.Value()
}
