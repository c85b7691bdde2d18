package detectors

import (
	"math"

	"github.com/flatwatt/flatwatt/models"
)

// describe tells what the step at index k on the given bands looks like.
func (s *scanner) describe(st *step, k int, bands []int) {
	from := max(0, k-scanBefore)
	st.start, st.record, st.age = s.day[k], *s.rec[k], s.n-k
	if s.day[k-1] == s.day[k]-1 {
		st.eve = *s.rec[k-1]
	}
	st.bands, st.first = len(bands), bands[0]
	var delta, pre [numBands]float64
	for b := range numBands {
		pre[b] = s.median(s.y[b][from:k])
		delta[b] = s.median(s.y[b][k:s.n]) - pre[b]
	}
	s.levels(pre[:], bands, from)
	s.separate(st, k, from)
	var misfit, base, outside models.Mean
	for b := range numBands {
		if contains(bands, b) {
			misfit.Add((delta[b]-st.block)*(delta[b]-st.block), 1)
			base.Add(pre[b], 1)
		} else {
			outside.Add(delta[b], 1)
		}
	}
	st.misfit, st.baseline, st.outside = math.Sqrt(misfit.Value()), base.Value(), outside.Value()
	st.ok = st.misfit+st.baseline+st.block+st.spread+st.sigma < math.Inf(1) // false for NaN
	s.electric(st, k, from)
	s.warmth(st, k)
}

func contains(x []int, v int) bool {
	for _, e := range x {
		if e == v {
			return true
		}
	}
	return false
}

// levels are the days' mean heights above the bands' medians before.
func (s *scanner) levels(pre []float64, bands []int, from int) {
	for i := from; i < s.n; i++ {
		sum, n := 0.0, 0.0
		for _, b := range bands {
			if e := s.y[b][i] - pre[b]; e == e {
				sum, n = sum+e, n+1
			}
		}
		s.level[i] = sum / n // NaN where nothing is known
	}
}

// separate compares the days before k with those since.
func (s *scanner) separate(st *step, k, from int) {
	before := s.sorted(s.level[from:k])
	st.sigma = max(mad(before), sigmaMinKW)
	high := models.Quantile(before, 0.95)
	since := s.sorted(s.level[k:s.n])
	st.block = models.Quantile(since, 0.5)
	st.spread = mad(since)
	st.jump = models.Quantile(since, 0.1) - high
	missed := 0.0
	for _, v := range since {
		if v < 0.5*st.block {
			missed++
		}
	}
	st.missed = missed / float64(max(1, len(since)))
	st.trend, st.lead = math.NaN(), math.NaN()
	if n := s.n - k; n >= 6 {
		st.trend = s.median(s.level[s.n-n/3:s.n]) - s.median(s.level[k:k+n/3])
	}
	if k-from >= 10 {
		st.lead = s.median(s.level[k-4:k]) - s.median(s.level[from:k-4])
	}
	for i := from + 3; i+3 <= s.n; i++ {
		if i > k-3 && i < k+3 {
			continue
		}
		lo0, hi0 := extent(s.level[i-3 : i])
		lo1, hi1 := extent(s.level[i : i+3])
		st.rival = max(st.rival, lo1-hi0, lo0-hi1)
	}
}

func extent(x []float64) (lo, hi float64) {
	lo, hi = math.Inf(1), math.Inf(-1)
	for _, v := range x {
		if v == v {
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	return lo, hi
}

// known copies the known values of x; valid until the next call.
func (s *scanner) known(x []float64) []float64 {
	n := 0
	for _, v := range x {
		if v == v {
			s.buf[n] = v
			n++
		}
	}
	return s.buf[:n]
}

// sorted are the known values of x in order; valid until the next call.
func (s *scanner) sorted(x []float64) []float64 {
	y := s.known(x)
	insertionSort(y)
	return y
}

func (s *scanner) median(x []float64) float64 { return models.Median(s.known(x)) }

// mad is the scaled median absolute deviation of sorted x, by its quartiles' half distance,
// which is the same for symmetrical distributions.
func mad(sorted []float64) float64 {
	return models.MADToSigma * (models.Quantile(sorted, 0.75) - models.Quantile(sorted, 0.25)) / 2
}

// electric compares mean, noise and power factor before k with those since.
func (s *scanner) electric(st *step, k, from int) {
	change := func(of func(*dayRecord) models.Half) (before, since float64) {
		var x [historyDays]float64
		for i := from; i < s.n; i++ {
			x[i] = of(s.rec[i]).Float()
		}
		return s.median(x[from:k]), s.median(x[k:s.n])
	}
	before, since := change(func(r *dayRecord) models.Half { return r.mean })
	st.mean, st.usual = since-before, before
	before, since = change(func(r *dayRecord) models.Half { return r.noise })
	st.before, st.noise = before, since*since-before*before
	p0, p1 := change(func(r *dayRecord) models.Half { return r.active })
	q0, q1 := change(func(r *dayRecord) models.Half { return r.reactive })
	st.factor = math.NaN()
	if p1-p0 > 0.3*st.block {
		st.factor = (p1 - p0) / math.Hypot(p1-p0, q1-q0)
	}
}

// warmth is the slope on temperature since k, shrunk towards 0 by its standard error
// against a prior of 2 % of the block per °C.
func (s *scanner) warmth(st *step, k int) {
	var l models.Line
	for i := k; i < s.n; i++ {
		l.Add((s.tempC[i]-15)/10, s.level[i])
	}
	st.thermal = math.NaN()
	if slope, se, ok := l.Slope(); ok {
		prior := 0.2 * st.block // per 10 °C
		st.thermal = slope / 10 * prior * prior / (prior*prior + se*se)
	}
}
