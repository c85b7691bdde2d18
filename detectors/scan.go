package detectors

import (
	"math"
	"slices"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/models"
)

// A step is the most likely lasting rise within a meter's history, whatever the running
// comparison with the baseline (episode.go) has come to. Powers are kW.
type step struct {
	ok       bool
	start    flatwatt.Day
	record   dayRecord // of its first day …
	eve      dayRecord // … and of the day before; edge 0 where that is unknown
	age      int       // days with readings since
	bands    int       // of its schedule, of numBands
	first    int       // band with which that begins
	block    float64   // median
	sigma    float64   // of the days before, robust
	spread   float64   // of the days since, robust
	gain     float64   // half the squared error that it explains, in variances
	misfit   float64   // rms difference between its bands
	outside  float64   // mean change outside its bands; NaN without any
	jump     float64   // what separates the days since from those before
	rival    float64   // largest clean jump elsewhere in the history
	trend    float64   // change from the first third of the days since to the last
	lead     float64   // change within the days before
	mean     float64   // change of the daily mean …
	usual    float64   // … from this
	noise    float64   // squared noise since, less before
	before   float64   // noise before
	factor   float64   // power factor of what was added; NaN where not metered
	thermal  float64   // kW per °C since, shrunk by its standard error
	missed   float64   // share of days since on which it did not run
	baseline float64   // floor before
}

// bandSets are the schedules that are tried: all day, nights, middays, all but evenings.
var bandSets = [][]int{
	{0, 1, 2, 3, 4, 5, 6, 7}, {0, 1}, {7, 0, 1}, {7, 0, 1, 2}, {3, 4}, {3, 4, 5}, {2, 3, 4, 5}, {0, 1, 2, 3, 4}, {7, 0, 1, 2, 3, 4},
}

const (
	scanBefore   = 21 // days before a step that it is compared with
	scanLeast    = 5  // fewest of them
	scanParallel = 16 // how much bands that differ cost
	scanPart     = 0.8
)

// scanner is the working memory of a scan; it belongs to the Fleet.
type scanner struct {
	n     int
	sets  [][]int // schedules that are tried
	day   [historyDays]flatwatt.Day
	rest  [historyDays]bool // a weekend's day
	rec   [historyDays]*dayRecord
	y     [numBands][historyDays]float64 // floors, less weather and weekends; NaN unknown
	sum   [numBands][historyDays + 1]float64
	count [numBands][historyDays + 1]float64
	vr    [numBands]float64                   // variance from day to day
	low   [len(restSets)][historyDays]float64 // lowest level of the day in the hours of a rest
	fix   [historyDays]float64                // what the weather explains
	level [historyDays]float64
	tempC [historyDays]float64
	buf   [historyDays]float64
}

// scan looks for the step. temps are the region's temperatures by day modulo historyDays,
// cheap the bands of the tariff's cheap hours, tried as one more schedule; none: not known.
//
// Method: for every day k and schedule M the change of each band's mean is weighed by its
// variance from day to day (which a step hardly changes); the step that explains the most
// squared error wins, less where its bands differ: gain·c²/(c² + 16·rms²). What is told
// of it are medians. Null hypothesis: no step, all terms near 0. What it gets wrong:
// steps older than historyDays, and ramps. Cost: about 10 µs.
func (s *scanner) scan(c *customer, temps *[historyDays]float64, cheap []int) (best step, low rest) {
	if !s.load(c, temps) {
		return best, low
	}
	low = s.findRest()
	s.sets = bandSets
	if len(cheap) > 0 {
		s.sets = append(slices.Clip(bandSets), cheap)
	}
	at, set, gain := s.search()
	if set < 0 {
		return best, low
	}
	best.gain = gain
	s.describe(&best, at, s.sets[set])
	return best, low
}

// load unpacks the history; false where it is too short.
func (s *scanner) load(c *customer, temps *[historyDays]float64) bool {
	h := &c.hist
	s.n = 0
	for d := h.first; d <= h.last && h.last != 0; d++ {
		r := &h.days[d%historyDays]
		known := 0
		t := temps[d%historyDays]
		fix := c.thermal.Correction(t)
		var y [numBands]float64
		for b, v := range r.floor {
			x := v.Float() - fix
			y[b], s.y[b][s.n] = x, x
			if x == x {
				known++
			}
		}
		if known < numBands-2 {
			continue
		}
		for m, bands := range restSets {
			s.low[m][s.n] = lowOf(&y, bands)
		}
		s.fix[s.n] = fix
		s.day[s.n], s.rest[s.n], s.rec[s.n], s.tempC[s.n] = d, weekend(d) == 1, r, t
		s.n++
	}
	if s.n < scanLeast+1 {
		return false
	}
	for b := range s.y {
		s.levelWeekends(s.y[b][:s.n])
		s.prefix(b)
	}
	return true
}

// levelWeekends takes out the median difference between a weekend's days and the working
// days around it. A step falls into one of them only.
func (s *scanner) levelWeekends(y []float64) {
	n := 0
	for i := range y {
		if !s.rest[i] {
			continue
		}
		before, after := math.NaN(), math.NaN()
		for k := i - 1; k >= max(0, i-2); k-- {
			if !s.rest[k] {
				before = y[k]
				break
			}
		}
		for k := i + 1; k < min(len(y), i+3); k++ {
			if !s.rest[k] {
				after = y[k]
				break
			}
		}
		if e := y[i] - (before+after)/2; e == e {
			s.buf[n] = e
			n++
		}
	}
	if n < 4 {
		return
	}
	insertionSort(s.buf[:n])
	m := models.Quantile(s.buf[:n], 0.5)
	for i := range y {
		if s.rest[i] {
			y[i] -= m
		}
	}
}

// prefix sums band b and finds its variance from day to day: mean absolute difference of
// neighbours, those above three times the mean left out.
func (s *scanner) prefix(b int) {
	y := s.y[b][:s.n]
	var all, n float64
	for i, v := range y {
		s.sum[b][i+1], s.count[b][i+1] = s.sum[b][i], s.count[b][i]
		if v == v {
			s.sum[b][i+1] += v
			s.count[b][i+1]++
		}
		if i > 0 {
			if e := math.Abs(v - y[i-1]); e == e {
				all, n = all+e, n+1
			}
		}
	}
	limit := 3 * all / max(n, 1)
	var sum, m float64
	for i := 1; i < len(y); i++ {
		if e := math.Abs(y[i] - y[i-1]); e <= limit {
			sum, m = sum+e, m+1
		}
	}
	sd := models.MeanAbsToSigma / math.Sqrt2 * sum / max(m, 1)
	s.vr[b] = sd * sd
}

// inverse is 1/n for up to historyDays days.
var inverse = func() (x [historyDays + 1]float64) {
	for n := range x {
		x[n] = 1 / float64(n)
	}
	return x
}()

// search finds the day and schedule whose step explains the most; set −1: none.
func (s *scanner) search() (at, set int, gain float64) {
	set = -1
	best := 0.0
	var weight, first, second [numBands]float64 // of each band's change: its weight, times it, times its square
	for k := scanLeast; k < s.n; k++ {
		from := max(0, k-scanBefore)
		for b := range numBands {
			nb, na := s.count[b][k]-s.count[b][from], s.count[b][s.n]-s.count[b][k]
			if nb < 3 || na < 1 {
				weight[b], first[b], second[b] = 0, 0, 0
				continue
			}
			pre := (s.sum[b][k] - s.sum[b][from]) / nb
			delta := (s.sum[b][s.n]-s.sum[b][k])/na - pre
			least := sigmaMinKW + 0.01*math.Abs(pre)
			weight[b] = 1 / (2*s.vr[b]*(inverse[int(nb)]+inverse[int(na)]) + least*least)
			first[b] = weight[b] * delta
			second[b] = first[b] * delta
		}
		for m, bands := range s.sets {
			var w, wd, wdd float64
			for _, b := range bands {
				w, wd, wdd = w+weight[b], wd+first[b], wdd+second[b]
			}
			if wd <= 0 {
				continue
			}
			c := wd / w
			g := wd * c / 2
			if g < best*(1-1e-9) {
				continue // its score is no more than g
			}
			score := g * c * c / (c*c + scanParallel*max(0, wdd/w-c*c))
			if len(bands) < numBands {
				score *= scanPart
			}
			if score > best {
				best, at, set, gain = score, k, m, g
			}
		}
	}
	return at, set, gain
}
