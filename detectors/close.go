package detectors

import (
	"math"
	"time"

	"github.com/flatwatt/flatwatt"
)

// closeDay judges z's open day for all its meters and opens the next one. First each
// meter's day is reduced, then what peers have in common is taken out, then each
// meter is judged; the order of readings within the day can play no part.
func (f *Fleet) closeDay(dst []flatwatt.Score, z *zone) []flatwatt.Score {
	if z.filled {
		if cap(f.days) < len(z.meters) {
			f.days = make([]day, len(z.meters))
			f.parts = make([]part, len(z.meters))
		}
		days, parts := f.days[:len(z.meters)], f.parts[:len(z.meters)]
		for k, i := range z.meters {
			f.reduceMeter(i, z, &days[k])
			if days[k].valid > 0 {
				parts[k] = f.state[i].deviate(&days[k], z.day)
			}
		}
		f.groups.commonMode(f, z, days, parts)
		for k, i := range z.meters {
			if days[k].valid > 0 {
				dst = f.judge(dst, i, z, &days[k], &parts[k])
			}
		}
	}
	f.roll(z)
	return dst
}

// reduceMeter reduces the open day of meter i.
func (f *Fleet) reduceMeter(i int32, z *zone, d *day) {
	interval := int64(f.meters[i].Interval / time.Second)
	n := int((z.end - z.start) / interval)
	lo := int(f.offset[i])
	s := &f.scratch
	s.kw = s.kw[:0]
	any := false
	for _, sl := range f.slots[lo : lo+n] {
		v := math.NaN()
		// Estimated readings say what someone believed, not what was measured: they
		// must not make or break a floor.
		if !sl.missing() && sl.quality() != flatwatt.Estimated {
			v, any = sl.kw(), true
		}
		s.kw = append(s.kw, v)
	}
	if !any {
		*d = day{}
		return
	}
	s.kvar = column(s.kvar, f.reactive, lo, n)
	s.volt = column(s.volt, f.voltage, lo, n)
	s.hour = z.hours(s.hour, n, interval)
	s.perHour = int(3600 / interval)
	s.coarsen(interval)
	s.reduce(d)
	d.tempC = f.dailyTemperature(i, z)
}

// column copies n values of a column, or none where it is not metered.
func column(dst []float64, src []float32, at, n int) []float64 {
	dst = dst[:0]
	if src == nil {
		return dst
	}
	any := false
	for _, v := range src[at : at+n] {
		any = any || v == v
		dst = append(dst, float64(v))
	}
	if !any {
		return dst[:0]
	}
	return dst
}

// coarsen averages intervals shorter than 15 minutes to 15 minutes, so that noise and
// floors mean the same for every meter.
func (s *scratch) coarsen(interval int64) {
	const quarter = 15 * 60
	if interval >= quarter || quarter%interval != 0 {
		return
	}
	k := int(quarter / interval)
	s.kw = average(s.kw, k)
	s.kvar = average(s.kvar, k)
	s.volt = average(s.volt, k)
	for i := range s.kw {
		s.hour[i] = s.hour[i*k]
	}
	s.hour = s.hour[:len(s.kw)]
	s.perHour = 4
}

// average replaces x by the means of its runs of k; a run with a missing value is missing.
func average(x []float64, k int) []float64 {
	n := len(x) / k
	for i := range n {
		sum := 0.0
		for _, v := range x[i*k : i*k+k] {
			sum += v
		}
		x[i] = sum / float64(k)
	}
	return x[:n]
}

// dailyTemperature is the mean of the day's temperatures at 3-hour steps, NaN if fewer
// than half are known. It is the same for all meters of a region: cached by the groups.
func (f *Fleet) dailyTemperature(i int32, z *zone) float64 {
	if f.weather == nil {
		return math.NaN()
	}
	return f.groups.temperatures(f.weather, f.meters[i].Region, i, z)[z.day%historyDays]
}

// roll moves z on to the next day, keeping what has already arrived of it. Where the
// next days are empty it jumps to the next midnight only; Score loops.
func (f *Fleet) roll(z *zone) {
	start, end := z.start, z.end
	if z.filled {
		z.filled = false
		for _, i := range z.meters {
			interval := int64(f.meters[i].Interval / time.Second)
			lo, hi := int(f.offset[i]), int(f.offset[i+1])
			by := int((end - start) / interval)
			w := f.slots[lo:hi]
			n := copy(w, w[by:])
			clear(w[n:])
			for _, s := range w[:n] {
				z.filled = z.filled || !s.missing()
			}
			rollColumn(f.reactive, lo, hi, by)
			rollColumn(f.voltage, lo, hi, by)
		}
	}
	z.open(z.day+1, f.grace)
}

func rollColumn(column []float32, lo, hi, by int) {
	if column == nil {
		return
	}
	w := column[lo:hi]
	n := copy(w, w[by:])
	fillNaN(w[n:])
}
