package detectors

import (
	"math"
	"slices"

	"github.com/flatwatt/flatwatt/models"
)

// A mask is a set of hours of the local day over which a floor is taken.
type mask int

const (
	maskAll     mask = iota
	maskNight        // 00–06: the core of every night schedule
	maskDay          // 10–16: the core of solar-paired use
	maskOffPeak      // all but 16–22: peak-avoiding use
	numMasks
)

// maskHours lists the hours of each mask, and maskQuantile the quantile of their
// hourly floors that is the mask's daily floor: low enough to see through use that
// comes and goes, high enough to survive an outage of one hour.
var (
	maskHours = [numMasks][]int{
		{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23},
		{0, 1, 2, 3, 4, 5},
		{10, 11, 12, 13, 14, 15},
		{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 22, 23},
	}
	maskQuantile = [numMasks]float64{0.10, 0.2, 0.2, 0.10}
)

// minValidShare is the share of a mask's hours that must be valid for its floor.
const minValidShare = 0.7

// A day is what is kept of one meter's day once it closes. Powers in kW; NaN where
// unknown.
type day struct {
	z       [models.Hours]float64 // hourly floor
	floor   [numMasks]float64
	mean    float64
	q05     float64
	q50     float64
	q95     float64
	top     float64 // 99 % quantile
	sd      float64
	noise   float64 // typical change between neighbouring intervals in quiet hours
	dips    float64 // short partial dips below the day's own floor, number
	unit    float64 // log Bayes factor that longer dips are whole machines
	night   float64 // mean of 00–05
	noon    float64 // mean of 10–16
	qFloor  float64 // reactive power at the floor, kvar
	pFloor  float64 // active power of the same intervals
	vXX     float64 // Σ (Δ ln V)² over quiet neighbouring intervals
	vXY     float64 // Σ Δ ln V · Δ ln P
	edgeAt  int     // slot after the largest lasting upward step, −1 if none
	edgeKW  float64 // its size
	valid   float64 // valid intervals / expected
	quantum float64 // smallest difference between two of its readings, 0 if all are equal
	stuck   bool    // every reading the same although the meter resolves finer
	tempC   float64
}

// scratch is reused from day to day and meter to meter; it belongs to the Fleet.
type scratch struct {
	kw, kvar, volt []float64 // the day's intervals, NaN where missing; kvar, volt empty if not metered
	hour           []int     // local hour of each interval
	sorted, tmp    []float64
	perHour        int // intervals an hour
}

// reduce computes d from s. Cost: one sort of the day's intervals, about 3 µs at
// 15 minutes.
func (s *scratch) reduce(d *day) {
	*d = day{edgeAt: -1}
	s.sorted = s.sorted[:0]
	for _, v := range s.kw {
		if v == v {
			s.sorted = append(s.sorted, v)
		}
	}
	d.valid = float64(len(s.sorted)) / float64(len(s.kw))
	slices.Sort(s.sorted)
	s.moments(d)
	s.hourlyFloors(d)
	for m := range numMasks {
		d.floor[m] = maskFloor(&d.z, m)
	}
	s.increments(d)
	s.unitDips(d)
	s.electrical(d)
	s.edge(d)
	d.quantum = s.quantum()
	n := len(s.sorted)
	d.stuck = n >= 20 && s.sorted[n/20] == s.sorted[n-1-n/20] && s.sorted[0] != 0 && s.sorted[n/20] != 0
}

func (s *scratch) moments(d *day) {
	d.q05, d.q50 = models.Quantile(s.sorted, 0.05), models.Quantile(s.sorted, 0.5)
	d.q95, d.top = models.Quantile(s.sorted, 0.95), models.Quantile(s.sorted, 0.99)
	var mean, m2 float64
	for i, v := range s.sorted { // Welford
		e := v - mean
		mean += e / float64(i+1)
		m2 += e * (v - mean)
	}
	n := float64(len(s.sorted))
	d.mean, d.sd = mean, math.Sqrt(m2/max(n, 1))
	if n == 0 {
		d.mean, d.sd = math.NaN(), math.NaN()
	}
	var night, noon, nNight, nNoon float64
	for i, v := range s.kw {
		switch h := s.hour[i]; {
		case v != v:
		case h < 5:
			night, nNight = night+v, nNight+1
		case h >= 10 && h < 16:
			noon, nNoon = noon+v, nNoon+1
		}
	}
	d.night, d.noon = night/nNight, noon/nNoon // NaN where there is none
}

// hourlyFloors takes the mean of the lower half of each hour's intervals: what keeps
// running while other use comes and goes.
func (s *scratch) hourlyFloors(d *day) {
	for h := range d.z {
		d.z[h] = math.NaN()
	}
	var buf [16]float64
	for i := 0; i < len(s.kw); {
		h, j := s.hour[i], i
		n := 0
		for ; j < len(s.kw) && s.hour[j] == h; j++ {
			if v := s.kw[j]; v == v && n < len(buf) {
				buf[n] = v
				n++
			}
		}
		if n > 0 && 2*n >= s.perHour {
			insertionSort(buf[:n])
			half := max(1, n/2)
			sum := 0.0
			for _, v := range buf[:half] {
				sum += v
			}
			z := sum / float64(half)
			if !(d.z[h] < z) { // the repeated hour of autumn: the lower one
				d.z[h] = z
			}
		}
		i = j
	}
}

func insertionSort(x []float64) {
	for i := 1; i < len(x); i++ {
		for j := i; j > 0 && x[j] < x[j-1]; j-- {
			x[j], x[j-1] = x[j-1], x[j]
		}
	}
}

// maskFloor is the low quantile of the hourly values in mask m; NaN where too few are
// known.
func maskFloor(z *[models.Hours]float64, m mask) float64 {
	var buf [models.Hours]float64
	n := 0
	for _, h := range maskHours[m] {
		if v := z[h]; v == v {
			buf[n] = v
			n++
		}
	}
	if float64(n) < minValidShare*float64(len(maskHours[m])) {
		return math.NaN()
	}
	return lowQuantile(buf[:n], maskQuantile[m])
}

// lowQuantile is the p-quantile of x, of which it sorts as much as that takes.
func lowQuantile(x []float64, p float64) float64 {
	need := min(int(p*float64(len(x)-1))+2, len(x))
	for i := 1; i < len(x); i++ {
		v, j := x[i], min(i, need)
		if j < i && v >= x[j-1] {
			continue
		}
		if j < i {
			x[i] = x[j-1] // the largest of the lowest makes room
			j--
		}
		for ; j > 0 && v < x[j-1]; j-- {
			x[j] = x[j-1]
		}
		x[j] = v
	}
	return models.Quantile(x, p)
}

// increments measures the noise of the quiet part of the day and counts short dips.
func (s *scratch) increments(d *day) {
	s.tmp = s.tmp[:0]
	limit := s.sorted
	quiet := models.Quantile(limit, 0.4)
	for i := 1; i < len(s.kw); i++ {
		a, b := s.kw[i-1], s.kw[i]
		if a <= quiet && b <= quiet { // false for NaN
			s.tmp = append(s.tmp, math.Abs(b-a))
		}
	}
	if len(s.tmp) < 5 {
		d.noise, d.dips = math.NaN(), math.NaN()
		return
	}
	slices.Sort(s.tmp)
	// |x−y| of a normal pair has its 35 % quantile at 0.64 σ: Φ⁻¹(0.675)·√2.
	d.noise = models.Quantile(s.tmp, 0.35) / 0.64
	drop := max(6*d.noise, 0.03*d.q50)
	for i := 1; i+2 < len(s.kw); i++ {
		before, at, next, after := s.kw[i-1], s.kw[i], s.kw[i+1], s.kw[i+2]
		low := min(before, after) - drop
		if at < low && (next >= low || min(at, next) < low) && at > 0 && before < quiet*1.2 {
			d.dips++
		}
	}
}

// electrical measures reactive power at the floor and the response to voltage.
func (s *scratch) electrical(d *day) {
	d.qFloor, d.pFloor = math.NaN(), math.NaN()
	if len(s.kvar) > 0 {
		limit := models.Quantile(s.sorted, 0.25)
		var p, q, n float64
		for i, v := range s.kw {
			if v <= limit && s.kvar[i] == s.kvar[i] {
				p, q, n = p+v, q+s.kvar[i], n+1
			}
		}
		if n >= 4 {
			d.pFloor, d.qFloor = p/n, q/n
		}
	}
	if len(s.volt) == 0 {
		return
	}
	for i := 1; i < len(s.kw); i++ {
		p0, p1, v0, v1 := s.kw[i-1], s.kw[i], s.volt[i-1], s.volt[i]
		if !(p0 > 0 && p1 > 0 && v0 > 0 && v1 > 0) {
			continue
		}
		ratio := p1 / p0
		if ratio < 0.96 || ratio > 1.041 { // e^±0.04 lie between
			continue
		}
		if x, y := math.Log(v1/v0), math.Log(ratio); math.Abs(y) < 0.04 {
			d.vXX += x * x
			d.vXY += x * y
		}
	}
}

// edge finds the largest step after which demand stays up for the rest of the day
// (at least an hour): the lower quantile after against the upper level before.
func (s *scratch) edge(d *day) {
	n := len(s.kw)
	hold := max(1, s.perHour)
	if n < 4*hold {
		return
	}
	// lowest after: the second smallest of the rest of the day, scanned backwards
	s.tmp = s.tmp[:0]
	lo1, lo2 := math.Inf(1), math.Inf(1)
	for i := n - 1; i >= 0; i-- {
		if v := s.kw[i]; v == v {
			if v < lo1 {
				lo1, lo2 = v, lo1
			} else if v < lo2 {
				lo2 = v
			}
		}
		s.tmp = append(s.tmp, lo2)
	}
	for i := hold; i <= n-hold; i++ {
		before, after := math.Inf(1), s.tmp[n-1-i]
		last := s.kw[i-1]
		if after-last <= d.edgeKW { // false for NaN: the step is no larger than that
			continue
		}
		for j := max(0, i-2*hold); j < i; j++ { // quietest of the two hours before
			if v := s.kw[j]; v < before {
				before = v
			}
		}
		if !math.IsInf(before, 1) && last == last {
			before = max(before, math.Min(last, after)) // the step lies at i, not before it
		}
		if step := after - before; !math.IsInf(after, 1) && step > d.edgeKW {
			d.edgeAt, d.edgeKW = i, step
		}
	}
}

// quantum is the smallest difference between two different readings of the day.
func (s *scratch) quantum() float64 {
	q := math.Inf(1)
	for i := 1; i < len(s.sorted); i++ {
		if e := s.sorted[i] - s.sorted[i-1]; e > 1e-5*math.Abs(s.sorted[i]) && e < q {
			q = e
		}
	}
	if math.IsInf(q, 1) {
		return 0
	}
	return q
}
