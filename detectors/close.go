package detectors

import (
	"math"
	"time"

	"github.com/flatwatt/flatwatt"
)

// closeDay judges z's open day for all its meters and opens the next one. First what
// peers have in common is found, then it is taken out and each meter is judged; the order
// of readings within the day can play no part.
//
// Either pass reads each meter's day anew, the first one only what is compared with peers:
// that is little work, and the days of ten million meters would take 6 GB in between.
func (f *Fleet) closeDay(dst []flatwatt.Score, z *zone) []flatwatt.Score {
	if z.filled {
		f.groups.begin(z)
		f.eachMeter(z, comparing, func(i int32, c *customer) {
			f.groups.take(f.register.kindOf[i], c, &f.part)
		})
		f.groups.commonMode(z)
		f.eachMeter(z, judging, func(i int32, c *customer) {
			f.groups.assign(&f.part, f.register.kindOf[i])
			dst = f.judge(dst, c, i, z, &f.day, &f.part)
		})
	}
	f.roll(z)
	return dst
}

// A pass is one of the two over a zone's meters.
type pass uint8

const (
	comparing pass = iota // with peers
	judging
)

// eachMeter calls use with the unpacked memory of every meter of z that has readings on
// the open day; f.day and f.part are that day and its comparison. What use changes is kept
// when judging; when comparing, f.day has no more than its hourly floors.
func (f *Fleet) eachMeter(z *zone, p pass, use func(i int32, c *customer)) {
	for n := range z.packed {
		first := n * chunkMeters
		ids := z.meters[first:min(first+chunkMeters, len(z.meters))]
		list := f.unpacked[:len(ids)]
		z.packed[n].load(list)
		for k, i := range ids {
			if f.reduceMeter(i, z, &f.day, p == judging); f.day.valid > 0 {
				f.shed(&list[k], &f.day, i, z)
				f.part = list[k].deviate(&f.day, z.day)
				use(i, &list[k])
			}
		}
		if p == judging {
			f.packing = z.packed[n].store(list, f.packing)
		}
	}
}

// reduceMeter reduces the open day of meter i: whole, or what deviate needs of it.
func (f *Fleet) reduceMeter(i int32, z *zone, d *day, whole bool) {
	interval := int64(f.register.interval(i) / time.Second)
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
	if whole {
		s.reduce(d)
	} else {
		*d = day{valid: 1}
		s.hourlyFloors(d)
	}
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

// coarsen averages intervals to the step at which they are looked at.
func (s *scratch) coarsen(interval int64) {
	k := int(int64(flatwatt.Step(time.Duration(interval)*time.Second)/time.Second) / interval)
	if k == 1 {
		return
	}
	s.kw = average(s.kw, k)
	s.kvar = average(s.kvar, k)
	s.volt = average(s.volt, k)
	for i := range s.kw {
		s.hour[i] = s.hour[i*k]
	}
	s.hour = s.hour[:len(s.kw)]
	s.perHour /= k
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
	return f.groups.temperatures(f.weather, f.register.kind(i).Region, f.register.kindOf[i], z)[z.day%historyDays]
}

// roll moves z on to the next day, keeping what has already arrived of it. Where the
// next days are empty it jumps to the next midnight only; Score loops.
func (f *Fleet) roll(z *zone) {
	start, end := z.start, z.end
	if z.filled {
		z.filled = false
		for _, i := range z.meters {
			interval := int64(f.register.interval(i) / time.Second)
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
